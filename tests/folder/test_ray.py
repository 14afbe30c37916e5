"""The engine ray, on a Ray of this machine's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrpipe.errors import MissingExtraError
from ocrpipe.folder import FolderRun, stored_results
from ocrpipe.folder.tasks import Task

Start = Callable[..., FolderRun]
Contents = Callable[[Path], dict[str, bytes]]
Save = Callable[..., Path]


@pytest.mark.slow
def test_ray_gives_the_same_bytes_and_failures(
    start: Start,
    inline: list[Task],
    tree: Path,
    tmp_path: Path,
    site: Path,
    contents: Contents,
    save_page: Save,
) -> None:
    pytest.importorskip("ray")
    save_page(tree / "raises.png", 93)
    (tree / "bad.png").write_text("no image")
    (tree / "notes.doc").write_text("nothing")
    list(start(tree, tmp_path / "inline", formats=("txt", "json")))
    kinds = [str(type(result)) for result in stored_results(tmp_path / "inline")]

    out = tmp_path / "ray"
    engines = ["--detector", "bars", "--recognizer", "lengths", "--engine", "ray", "--workers", "1"]
    arguments = ["folder", str(tree), "--out", str(out), "--format", "txt,json", *engines]
    settings = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "ocrpipe", *arguments]
    done = subprocess.run(command, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "2 failed, 1 not read" in done.stderr.splitlines()[-1]
    assert contents(out) == contents(tmp_path / "inline")
    assert [str(type(result)) for result in stored_results(out)] == kinds
    again = start(tree, out, formats=("txt", "json"))  # the manifest is any engine's
    assert len(list(again)) == 1  # the file that can't be opened
    assert (again.summary.kept, again.summary.written) == (8, 0)


def test_without_ray(start: Start, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[ray\]'"):
        list(start(tree, tmp_path / "out", engine="ray"))
