from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import (
    PredictedLine,
    Prediction,
    load_dataset,
    read_predictions,
    write_predictions,
)

CORNERS = [[0, 0], [10, 0], [10, 5], [0, 5]]
QUAD = ((0.0, 0.0), (10.0, 0.0), (10.0, 5.0), (0.0, 5.0))


def make_set(folder: Path, *rows: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "gt.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return folder


def test_lines_regions_and_marks_are_read(tmp_path: Path) -> None:
    lines = [
        {"text": "中文", "quad": CORNERS, "words": []},
        {"text": "$x$", "quad": CORNERS, "has_math": True},
        {"text": "?", "quad": CORNERS, "ignore": True},
    ]
    regions = [{"quad": CORNERS, "kind": "table"}, CORNERS]
    row = {"image": "images/a.png", "lines": lines, "no_line_gt_regions": regions}
    dataset = load_dataset(make_set(tmp_path / "mine", row))
    (page,) = dataset.pages
    assert (dataset.name, dataset.level) == ("mine", "line")
    assert (page.name, page.image) == ("a.png", tmp_path / "mine" / "images" / "a.png")
    assert [line.counts for line in page.lines] == [True, False, False]
    assert page.lines[0].text == "中文"
    assert page.lines[0].quad == QUAD
    assert page.dont_care == (QUAD, QUAD)


def test_page_level_keeps_text_only(tmp_path: Path) -> None:
    row = {"image": "a.png", "level": "page", "text": "one\n\ntwo", "lines": []}
    (page,) = load_dataset(make_set(tmp_path, row)).pages
    assert (page.text, page.lines) == ("one\n\ntwo", ())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": "a.png"}, "row 1: 'lines' is missing"),
        ([1], "row 1: not a JSON object"),
        ({"image": "a.png", "level": "block", "lines": []}, "row 1: level is 'block'"),
        ({"image": "a.png", "level": "word", "lines": []}, "has one line, this one 0"),
        ({"image": "a.png", "lines": [{"text": "a", "quad": CORNERS[:3]}]}, "4 corners, this one 3"),
        ({"image": "a.png", "lines": [{"text": None, "quad": CORNERS}]}, "text is None, not a string"),
        ({"image": "a.png", "lines": [{"text": "a", "quad": [1, 2, 3, 4]}]}, "row 1: "),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(make_set(tmp_path, row))


def test_bad_sets_are_refused(tmp_path: Path) -> None:
    line = {"image": "images/a.png", "lines": []}
    page = {"image": "b.png", "level": "page", "text": ""}
    with pytest.raises(ConfigError, match="holds no gt.jsonl"):
        load_dataset(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="holds no page"):
        load_dataset(make_set(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="mixes line and page"):
        load_dataset(make_set(tmp_path / "mixed", line, page))
    with pytest.raises(ConfigError, match="two pages are called a.png"):
        load_dataset(make_set(tmp_path / "twice", line, {**line, "image": "other/a.png"}))
    (tmp_path / "gt.jsonl").write_bytes(b'{"image": "\xff"}')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_dataset(tmp_path)
    (tmp_path / "gt.jsonl").write_text('{"image":', "utf-8")
    with pytest.raises(ConfigError, match="row 1: not JSON"):
        load_dataset(tmp_path)


def test_predictions_survive_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new" / "set.jsonl"
    predictions = (
        Prediction(
            "a.png", (PredictedLine("é 中\u2028x", QUAD, (0.5, 0.25, 1.0)), PredictedLine("", QUAD)), 1.5
        ),
        Prediction("b.png", (), 0.0, "damaged"),
    )
    write_predictions(path, predictions)
    assert read_predictions(path) == predictions


def test_predictions_of_other_engines_are_read(tmp_path: Path) -> None:
    row = {"image": "images/a.png", "lines": [{"text": "x", "quad": CORNERS}], "sec": None}
    (tmp_path / "p.jsonl").write_text(json.dumps(row), "utf-8")
    assert read_predictions(tmp_path / "p.jsonl") == (Prediction("a.png", (PredictedLine("x", QUAD),)),)
    with pytest.raises(ConfigError, match="no such file"):
        read_predictions(tmp_path / "q.jsonl")


def test_lines_without_quads_are_a_pages_text(tmp_path: Path) -> None:
    row = {"image": "a.png", "lines": [{"text": "first"}, {"text": "second"}]}
    (tmp_path / "gt.jsonl").write_text(json.dumps(row), "utf-8")
    (page,) = load_dataset(tmp_path).pages
    assert (page.level, page.text, page.lines) == ("page", "first\nsecond", ())
