"""Lines as supervision's Detections, and docs/interop.md, whose examples run as they stand."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocrpipe.errors import MissingExtraError
from ocrpipe.integrations.supervision import page_to_detections
from ocrpipe.page import Line, Paragraph
from ocrpipe.result import Page

DOCS = Path(__file__).parents[2] / "docs"
QUADS = (
    ((10.0, 20.0), (110.0, 25.0), (109.0, 45.0), (9.0, 40.0)),
    ((10.0, 60.0), (90.0, 60.0), (90.0, 80.0), (10.0, 80.0)),
)
LINES = (Line("东门外", QUADS[0], 0.75, ()), Line("stone", QUADS[1], 0.5, (), 0.9))


@pytest.mark.slow  # supervision takes its time to import
def test_boxes_quads_texts_and_confidences() -> None:
    pytest.importorskip("supervision", reason="needs the extra ocrpipe[supervision]")
    found: Any = page_to_detections(Page(200, 100, (Paragraph(LINES, QUADS[0]),)))
    assert found.xyxy.tolist() == [[9, 20, 110, 45], [10, 60, 90, 80]]
    assert found.data["xyxyxyxy"].tolist() == [[list(corner) for corner in quad] for quad in QUADS]
    assert found.data["class_name"].tolist() == ["东门外", "stone"]
    assert found.confidence.tolist() == [0.75, 0.5]
    assert found.class_id.tolist() == [0, 0]
    assert found[found.confidence > 0.6].data["class_name"].tolist() == ["东门外"]
    assert len(page_to_detections(Page(200, 100))) == 0


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r"supervision.*pip install 'ocrpipe\[supervision\]'"):
        page_to_detections(Page(10, 10))


@pytest.mark.slow
def test_the_page_on_other_tools_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("supervision", reason="needs the extra ocrpipe[supervision]")
    pytest.importorskip("pandas", reason="needs the extra ocrpipe[tables]")
    (tmp_path / "docs").symlink_to(DOCS)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", (DOCS / "interop.md").read_text("utf-8"), re.M | re.S):
        exec(compile(block, "docs/interop.md", "exec", dont_inherit=True), names)

    page: Page = names["page"]
    assert "The Stone at the East Gate" in names["upper_half"] and "- 12 -" not in names["upper_half"]
    assert names["slope"].area == pytest.approx(page.lines[0].polygon.area, rel=0.02)
    assert len(names["frame"]) == len(page.lines)
    assert names["frame"]["text"].tolist() == [line.text for line in page.lines]
    assert np.array_equal(names["boxes"], names["detections"].xyxy)
    assert 0 < len(names["confident"]) <= len(page.lines)
    untouched = names["images"].load("docs/sample.png")[:, :, ::-1]
    assert names["scene"].shape == untouched.shape and (names["scene"] != untouched).any()
    (task,) = json.loads(Path("tasks.json").read_text("utf-8"))
    texts = [
        entry["value"]["text"] for entry in task["predictions"][0]["result"] if entry["type"] == "textarea"
    ]
    assert [text for one in texts for text in one] == [line.text for line in page.lines]
    assert Path("interface.xml").read_text("utf-8").startswith("<View>")
