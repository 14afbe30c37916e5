"""The commands of docs/ocrmypdf.md, run as they stand, with nothing else on the path."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pypdfium2
import pytest

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", (DOCS / "ocrmypdf.md").read_text("utf-8"), re.M | re.S)


def plain_lines(path: Path) -> set[str]:
    """A text's lines without spaces and full-width forms, which are the recogniser's to get right."""
    lines = path.read_text("utf-8").splitlines()
    return {unicodedata.normalize("NFKC", line).replace(" ", "") for line in lines}


@pytest.mark.slow
def test_commands_run_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(DOCS)
    environment = {**os.environ, "PATH": str(Path(sys.executable).parent)}
    for language, block in BLOCKS:
        commands = [[sys.executable, "-c", block]]
        if language == "sh":
            lines = map(shlex.split, block.splitlines())
            commands = [[str(Path(sys.executable).with_name(name)), *rest] for name, *rest in lines]
        for command in commands:
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr

    expected, text = (plain_lines(path) for path in (DOCS / "sample.txt", tmp_path / "text.txt"))
    assert len(expected & text) > 0.9 * len(expected)
    for name in ("searchable.pdf", "straight.pdf", "again.pdf", "classical.pdf"):
        with pypdfium2.PdfDocument(tmp_path / name) as pdf:
            text = pdf[0].get_textpage().get_text_range()
        assert "Every spring the clerk walks down to the river" in text
        assert "这条大江从西方的高山流来，经过三个县，到东门外去。" in text


def test_both_ways_of_use_are_shown() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "sh", "python", "sh"]
