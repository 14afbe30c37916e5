"""The examples of docs/plugins.md: run as they stand, and installed the way the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocrpipe import plugins

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "plugins.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page's Python blocks define, run one after the other."""
    names: dict[str, Any] = {"__name__": "my_package"}
    for block in blocks("python"):
        exec(compile(block, "docs/plugins.md", "exec", dont_inherit=True), names)
    return names


def test_every_kind_of_example_is_there() -> None:
    assert len(blocks("python")) == 3
    assert len(blocks("toml")) == len(blocks("sh")) == 1


def test_the_detector_finds_lines(names: dict[str, Any]) -> None:
    page = np.full((60, 100, 3), 255, dtype=np.uint8)
    page[10:20, 5:90] = page[35:50, 30:40] = 0
    lines = plugins.detect(names["RowBands"](), page, "rows")
    assert [(line.quad[0], line.quad[2]) for line in lines] == [((5, 10), (90, 20)), ((30, 35), (40, 50))]


def test_the_recognizer_reads(names: dict[str, Any]) -> None:
    crop = np.full((20, 60), 255, dtype=np.uint8)
    crop[2:18, [5, 6, 20, 21, 40, 41]] = 0
    (read,) = plugins.recognize(names["TallyMarks"](), [crop], "tally")
    assert read.text == "|||"
    assert [(char.start, char.end) for char in read.chars] == [(5, 7), (20, 22), (40, 42)]


def test_the_entry_points_give_them_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    groups = re.findall(r'^\[project\.entry-points\."(.*)"\]\n(\w.*\n)', blocks("toml")[0], re.MULTILINE)
    entry_points = "".join(f"[{group}]\n{offers}" for group, offers in groups).replace('"', "")
    (info / "entry_points.txt").write_text(entry_points)
    (tmp_path / "my_package.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_package", raising=False)

    assert "rows" in plugins.names("detectors")
    assert "tally" in plugins.names("recognizers")
    assert type(plugins.load_detector("rows")).__name__ == "RowBands"
    assert type(plugins.load_recognizer("tally")).__name__ == "TallyMarks"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Folder of the programs of a new environment that also has all that this one has, ocrpipe included."""
    builder = venv.EnvBuilder(with_pip=True)
    builder.create(tmp_path / "env")
    programs = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([programs / "python", "-c", ask], capture_output=True, text=True, check=True)
    ours = sysconfig.get_path("purelib")
    Path(site.stdout.strip(), "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    script = programs / "ocrpipe"
    script.write_text(f"#!{programs / 'python'}\nfrom ocrpipe.cli import main\nmain()\n")
    script.chmod(0o755)
    return programs


@pytest.mark.slow
@pytest.mark.needs_program("sh")
def test_the_package_is_built_installed_checked_and_used(tmp_path: Path, environment: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    detector, recognizer, checks = blocks("python")
    (project / "my_package.py").write_text(f"{detector}\n{recognizer}", encoding="utf-8")
    (project / "pyproject.toml").write_text(blocks("toml")[0], encoding="utf-8")
    shutil.copy(DOCS / "sample.png", project / "page.png")

    def run(*command: str) -> str:
        path = f"{environment}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=project, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    wheel, install, detectors, detect, read = blocks("sh")[0].splitlines()
    run("sh", "-c", wheel)
    run("sh", "-c", install)
    shutil.rmtree(project / "build", ignore_errors=True)
    (project / "my_package.py").unlink()  # from here on, it is the wheel's
    assert re.search(
        r"^ rows +my-package +1\.0 +my_package:RowBands *$", run("sh", "-c", detectors), re.MULTILINE
    )
    run("python", "-c", f"from my_package import RowBands, TallyMarks\n{checks}")
    assert len(json.loads(run("sh", "-c", detect))["lines"]) > 15
    text = run("sh", "-c", read)
    assert "Every spring the clerk walks down to the river" in text
    assert "这条大江从西方的高山流来，经过三个县，到东门外去。" in text
