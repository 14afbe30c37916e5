"""What docs/folders.md promises is there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ocrpipe
from ocrpipe.cli import app
from ocrpipe.folder import FolderRun
from ocrpipe.folder.tasks import Task

TEXT = (Path(__file__).parents[2] / "docs" / "folders.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_its_options_are_those_of_the_command() -> None:
    documented = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) - {"--soak", "--shares"}
    known = set(re.findall(r"--[a-z-]+", CliRunner().invoke(app, ["folder", "--help"]).stdout))
    assert documented <= known
    assert len(documented) > 10


def test_its_queries_and_its_program_run(
    start: Callable[..., FolderRun],
    inline: list[Task],
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tree / "bad.png").write_text("no image")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ocrpipe, "read_folder", lambda source, out, formats: start(tree, Path(out)))
    (program,) = blocks("python")
    exec(compile(program, "docs/folders.md", "exec", dont_inherit=True), {})
    output = capsys.readouterr().out
    assert f"{tree / 'one.png'} 1 1\n" in output
    assert f"failed: {tree / 'bad.png'} None " in output
    queries = re.findall(r'sqlite3 text/manifest.sqlite "(.*)"', TEXT)
    db = sqlite3.connect(tmp_path / "text" / "manifest.sqlite")
    rows = [len(db.execute(query).fetchall()) for query in queries]
    db.close()
    assert rows == [1, 9]
