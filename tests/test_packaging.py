"""What an installed ocrpipe is: light to import, whole, and without a trace of where it was made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

import ocrpipe

ROOT = Path(__file__).parents[1]
MAPPED = ("detectors", "recognizers", "pretrained")
MACHINE_PATHS = tuple(f"/{folder}/" for folder in ("work", "root", "home", "Users"))


def python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)


def tracked_files() -> list[Path]:
    """What git knows; symlinks, which say nothing of their own, left out."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a git checkout and the program git: apt-get install git")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = (ROOT / name for name in listed.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_import_loads_little(imported: Callable[[str], set[str]]) -> None:
    """The package itself and some of the standard library: its names are loaded at their first use."""
    loaded = imported("import ocrpipe") - imported("")
    assert loaded >= {"ocrpipe"} and len(loaded) < 40
    assert {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names} == {
        "ocrpipe",
        "ocrpipe._version",
    }


@pytest.mark.parametrize("name", MAPPED)
def test_root_folders_have_one_name_only(name: str) -> None:
    done = python(f"import {name}", ROOT)
    assert f"ImportError: import it as ocrpipe.{name}" in done.stderr


def test_versions_agree() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert re.findall(r'^version = "(.+)"$', project, re.MULTILINE) == [ocrpipe.__version__]
    assert metadata.version("ocrpipe") == ocrpipe.__version__
    assert f"## [{ocrpipe.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_package_is_listed() -> None:
    """A package that pyproject.toml forgets works in a checkout and is missing from the wheel."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^packages = \[(.*?)\]", project, re.MULTILINE | re.DOTALL)
    assert listed
    folders = {path.parent for path in tracked_files() if path.name == "__init__.py"}
    names = {folder.relative_to(ROOT).parts for folder in folders}
    own = {".".join(name) for name in names if name[:1] == ("ocrpipe",)}
    mapped = {".".join(("ocrpipe", *name)) for name in names if name[:1] and name[0] in MAPPED}
    assert mapped >= {f"ocrpipe.{name}" for name in MAPPED}
    assert set(re.findall(r'"(.+?)"', listed[1])) == own | mapped


def test_no_file_names_a_machine() -> None:
    for path in tracked_files():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        text = data.decode("utf-8")
        found = [place for place in MACHINE_PATHS if place in text]
        assert not found, f"{path.relative_to(ROOT)} names {found[0]}"


@pytest.mark.slow
def test_wheel_holds_the_tree(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a clean copy: a stale build/ would get into the wheel
    expected = set()
    for path in tracked_files():
        name = path.relative_to(ROOT)
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, source / name)
        if name.parts[0] in ("ocrpipe", *MAPPED) and name.suffix != ".md":
            expected.add(name.as_posix() if name.parts[0] == "ocrpipe" else f"ocrpipe/{name.as_posix()}")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info" not in PurePosixPath(name).parts[0]}
    assert held == expected
