from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import load_dataset
from ocrpipe.export import document_bytes, from_labelstudio
from ocrpipe.export.labelstudio import LABEL_CONFIG, document_to_labelstudio
from ocrpipe.result import Page


def tasks_of(*pages: Page) -> list[Any]:
    tasks: list[Any] = json.loads(document_bytes(pages, "labelstudio"))
    return tasks


def submitted(tasks: list[Any]) -> list[Any]:
    """As Label Studio exports tasks whose predictions were accepted unchanged."""
    return [
        {
            "id": 1,
            "data": task["data"],
            "annotations": [{"id": 7, "result": task["predictions"][0]["result"]}],
        }
        for task in tasks
    ]


def assert_rows(rows: list[Any], *pages: Page) -> None:
    for row, page in zip(rows, pages, strict=True):
        assert [line["text"] for line in row["lines"]] == [line.text for line in page.lines]
        for found, line in zip(row["lines"], page.lines, strict=True):
            np.testing.assert_allclose(found["quad"], line.quad, atol=0.01)
            assert "ignore" not in found


def test_there_and_back(turned: tuple[Page, Any], skewed: Page) -> None:
    pages = (turned[0], replace(skewed, source="scans/a b.png"))
    rows = from_labelstudio(submitted(tasks_of(*pages)))
    assert_rows(rows, *pages)
    assert rows[1]["image"] == "a b.png"


def test_the_rows_are_a_set_to_evaluate_on(page: Page, tmp_path: Path) -> None:
    exported = json.dumps(submitted(tasks_of(replace(page, source="scans/a.png"))))
    rows = from_labelstudio(exported)
    (tmp_path / "gt.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (reference,) = load_dataset(tmp_path).pages
    assert reference.name == "a.png"
    assert [line.text for line in reference.lines] == [line.text for line in page.lines]
    assert from_labelstudio(exported.encode()) == rows


def test_regions_are_percentages_and_of_the_interface(page: Page, skewed: Page) -> None:
    (level, slanted) = (task["predictions"][0]["result"] for task in tasks_of(page, skewed))
    first, text = level[:2]
    assert (first["type"], text["type"], first["id"]) == ("rectanglelabels", "textarea", text["id"])
    expected = {"x": 10, "y": 100 / 7.5, "width": 50, "height": 100 / 15, "rotation": 0}
    assert {name: first["value"][name] for name in expected} == pytest.approx(expected)
    assert text["value"]["text"] == [page.lines[0].text] and len(level) == 8
    assert {entry["type"] for entry in slanted} == {"polygonlabels", "textarea"}
    controls = {element.get("name"): element for element in ET.fromstring(LABEL_CONFIG)}
    for entry in level + slanted:
        control = controls[entry["from_name"]]
        assert control.tag.lower() == entry["type"] and control.get("toName") == entry["to_name"] == "image"


def test_where_the_image_is_served_from(page: Page) -> None:
    names = [
        "/data/local-files/?d=scans/p%C3%A9.png",
        "/data/upload/3/0a1b2c3d-pé.png",
        "https://host/x/p%C3%A9.png?v=1",
    ]
    for name in names:
        tasks = json.loads(document_to_labelstudio([page], {page: name}.__getitem__))
        assert tasks[0]["data"] == {"image": name, "page": 3}
        assert from_labelstudio(submitted(tasks))[0]["image"] == "pé.png"


@pytest.mark.parametrize("name", ["a#1?b%20;.png", "C:\\scans\\a.png", "/data/a.png"])
def test_paths_are_no_addresses(page: Page, name: str) -> None:
    (row,) = from_labelstudio(submitted(tasks_of(replace(page, source=name))))
    assert row["image"] == name.replace("\\", "/").split("/")[-1]


def test_what_a_hand_changes(page: Page) -> None:
    (task,) = submitted(tasks_of(page))
    result = task["annotations"][0]["result"]
    result[0]["value"] |= {"x": 50, "y": 50, "width": 25, "height": 10, "rotation": 90}
    result[1]["value"]["text"] = "corrected"  # a single entry may come bare
    result[2]["value"]["rectanglelabels"] = ["Ignore"]
    del result[5]  # the third line's text
    five = [[30, 46], [50, 46], [70, 46], [70, 54], [30, 54]]
    anticlockwise = [[10, 10], [10, 20], [60, 20], [60, 10]]
    for id, points in (("more", five), ("turned", anticlockwise)):
        common = {"id": id, "original_width": 400, "original_height": 300, "to_name": "image"}
        result.append({**common, "type": "polygon", "value": {"points": points}})
        result.append({**common, "type": "textarea", "value": {"text": ["two", "entries"]}})
    result.append({"id": "x", "type": "choices", "value": {"choices": ["good"]}})
    (row,) = from_labelstudio([task])
    lines = row["lines"]
    assert [line["text"] for line in lines] == [
        "corrected", page.lines[1].text, "", page.lines[3].text, "two entries", "two entries",
    ]  # fmt: skip
    assert [line.get("ignore", False) for line in lines] == [False, True, True, False, False, False]
    assert lines[0]["quad"] == [[200, 150], [200, 250], [170, 250], [170, 150]]
    np.testing.assert_allclose(lines[4]["quad"], [(120, 138), (280, 138), (280, 162), (120, 162)], atol=0.1)
    assert lines[5]["quad"] == [[40, 30], [240, 30], [240, 60], [40, 60]]


def test_the_last_annotation_that_counts(page: Page) -> None:
    (task,) = submitted(tasks_of(page))
    good = task["annotations"][0]
    earlier: dict[str, Any] = {"result": []}
    cancelled: dict[str, Any] = {"result": [], "was_cancelled": True}
    assert_rows(from_labelstudio([task | {"annotations": [earlier, good, cancelled]}]), page)
    assert from_labelstudio([task | {"annotations": [cancelled]}, tasks_of(page)[0]]) == []


@pytest.mark.parametrize("junk", ["{", b"3", {}, "[3]", '[{"annotations": [{}], "data": {"image": "a"}}]'])
def test_what_is_no_export(junk: Any) -> None:
    with pytest.raises(ConfigError, match="export"):
        from_labelstudio(junk)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"image_rotation": 90}, "turned by 90"),
        ({"type": "polygonlabels", "value": {"points": [[1, 2], [3, 4]]}}, "2 points"),
        ({"value": {"x": 1}}, "'y' is missing"),
        ({"original_width": "wide"}, "task 1"),
    ],
)
def test_regions_that_make_no_sense(page: Page, change: dict[str, Any], problem: str) -> None:
    (task,) = submitted(tasks_of(page))
    task["annotations"][0]["result"][0] |= change
    with pytest.raises(ConfigError, match=problem):
        from_labelstudio([task])
