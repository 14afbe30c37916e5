"""The examples of docs/plugins.md: run as they stand, and installed the way the page says."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocrpipe import plugins

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text("utf-8")


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
    assert len(blocks("toml")) == 1


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
    entry_points = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", blocks("toml")[0]).replace('"', "")
    (info / "entry_points.txt").write_text(entry_points)
    (tmp_path / "my_package.py").write_text("\n".join(blocks("python")), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_package", raising=False)

    assert "rows" in plugins.names("detectors")
    assert "tally" in plugins.names("recognizers")
    assert type(plugins.load_detector("rows")).__name__ == "RowBands"
    assert type(plugins.load_recognizer("tally")).__name__ == "TallyMarks"
