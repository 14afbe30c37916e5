"""docs/engines.md: its examples run one after the other, as they stand."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocrpipe import plugins

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "engines.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_engine_stands_in_the_table() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    builtin = {
        plugin.name
        for kind in ("detectors", "recognizers")
        for plugin in plugins.describe(kind)
        if plugin.builtin
    }
    assert listed == builtin


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rapidocr", reason="needs the extra ocrpipe[rapidocr]")
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    names: dict[str, Any] = {}
    for language, block in BLOCKS:
        if language == "python":
            exec(compile(block, "docs/engines.md", "exec", dont_inherit=True), names)
            continue
        for name, *arguments in map(shlex.split, block.splitlines()):
            assert name == "ocrpipe"
            command = [sys.executable, "-m", "ocrpipe", *arguments]
            done = subprocess.run(command, capture_output=True, encoding="utf-8")
            assert done.returncode == 0, done.stderr
            printed.append(done.stdout)

    read, detected, recognized, as_json = printed
    assert "东门外的石头" in read
    found = json.loads(detected)
    assert found["image"] == "docs/sample.png"
    assert len(found["lines"]) == len(names["crops"]) > 20
    assert all(len(line["quad"]) == 4 and 0 < line["score"] <= 1 for line in found["lines"])
    with Image.open("lines.png") as picture, Image.open(DOCS / "sample.png") as sample:
        assert picture.size == sample.size
    assert recognized.splitlines()[0] == "东门外的石头"
    rows = [json.loads(line) for line in as_json.splitlines()]
    assert [row["text"] for row in rows] == recognized.splitlines()
    assert {"image", "text", "chars", "confidence"} == set(rows[0])
    assert set(rows[0]["chars"][0]) == {"text", "confidence", "start", "end"}
