"""TEDS, cell F1 and paragraph F1: by hand, against a plain recursion, and where they are 0 and 1."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import (
    PredictedLine,
    Prediction,
    load_dataset,
    read_predictions,
    write_predictions,
)
from ocrpipe.evaluation.paragraph_metrics import count_paragraphs
from ocrpipe.evaluation.report import rows as report_rows
from ocrpipe.evaluation.results import score
from ocrpipe.evaluation.table_metrics import (
    PlacedTable,
    Rows,
    TableCell,
    count_tables,
    from_html,
    relations,
    rows_of,
    teds,
    to_html,
)
from ocrpipe.page import Cell, Line, Quad, Table

CELLS = st.builds(TableCell, st.text("ab1", max_size=3), st.integers(1, 2), st.integers(1, 2))
TABLES = st.lists(st.lists(CELLS, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)
HTML = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"


def square(x: float, y: float = 0.0, size: float = 100.0) -> Quad:
    return (x, y), (x + size, y), (x + size, y + size), (x, y + size)


Tree = tuple[tuple[str, int, int, str], tuple["Tree", ...]]


def tree(rows: Rows) -> Tree:
    return ("table", 1, 1, ""), tuple(
        (
            ("tr", 1, 1, ""),
            tuple((("td", cell.row_span, cell.column_span, cell.text), ()) for cell in row),
        )
        for row in rows
    )


@cache
def forest_distance(one: tuple[Tree, ...], other: tuple[Tree, ...]) -> float:
    """The definition: take away the last root of either, or match the two."""
    if not one or not other:
        return float(sum(map(size, one + other)))
    (label, children), (mate, others) = one[-1], other[-1]
    change = 1.0 if label[:3] != mate[:3] else Levenshtein.normalized_distance(label[3], mate[3])
    return min(
        forest_distance(one[:-1] + children, other) + 1,
        forest_distance(one, other[:-1] + others) + 1,
        forest_distance(children, others) + forest_distance(one[:-1], other[:-1]) + change,
    )


def size(node: Tree) -> int:
    return 1 + sum(map(size, node[1]))


@given(TABLES, TABLES)
@settings(max_examples=60, deadline=None)
def test_teds_is_the_tree_edit_distance(one: Rows, other: Rows) -> None:
    trees = tree(one), tree(other)
    expected = 1 - forest_distance((trees[0],), (trees[1],)) / max(map(size, trees))
    assert teds(one, other) == pytest.approx(expected)
    assert teds(one, other) == pytest.approx(teds(other, one))
    assert teds(one, one) == 1.0


@given(TABLES)
def test_html_round_trip(rows: Rows) -> None:
    assert from_html(to_html(rows)) == rows


def test_what_teds_counts() -> None:
    rows = from_html(HTML)
    assert teds(rows, from_html(HTML.replace("th>", "td>").replace("1", " 1<br>"))) == 1.0
    assert teds(rows, from_html(HTML.replace("<td>2</td>", "<td>3</td>"))) == pytest.approx(1 - 1 / 7)
    assert teds(rows, from_html(HTML.replace("<td>2</td>", '<td colspan="2">2</td>'))) == pytest.approx(
        1 - 1 / 7
    )
    assert teds(rows, from_html(HTML.replace("<td>1</td><td>2</td>", ""))) == pytest.approx(1 - 2 / 7)
    with pytest.raises(ValueError, match="no table"):
        from_html("<p>none</p>")


def test_relations_pass_over_empty_cells_and_spans() -> None:
    rows = from_html(
        '<table><tr><td rowspan="2">a</td><td>b</td><td></td><td>c</td></tr>'
        '<tr><td colspan="3">d</td></tr></table>'
    )
    assert set(relations(rows)) == {
        ("a", "b", "right"), ("b", "c", "right"), ("a", "d", "right"), ("b", "d", "down"), ("c", "d", "down"),
    }  # fmt: skip


def test_tables_are_compared_where_they_lie() -> None:
    rows = from_html(HTML)
    right, elsewhere = PlacedTable(square(5), rows), PlacedTable(square(500), rows)
    found = count_tables([PlacedTable(square(0), rows)], [elsewhere, right])
    assert (found.tables, found.found, found.mean_teds, found.cell_f) == (1, 1, 1.0, 1.0)
    missed = count_tables([PlacedTable(square(0), rows)], [elsewhere])
    assert (missed.found, missed.mean_teds, missed.cell_f) == (0, 0.0, 0.0)
    assert (found + missed).mean_teds == 0.5 and (found + missed).cell_f == pytest.approx(2 / 3)


def test_rows_of_a_page_s_table() -> None:
    lines = tuple(Line(text, square(0), 1.0, ()) for text in ("x", "y"))
    cells = (Cell(0, 0, square(0), lines, column_span=2), Cell(1, 0, square(0)), Cell(1, 1, square(0)))
    assert rows_of(Table(2, 2, cells, square(0))) == (
        (TableCell("x y", 1, 2),), (TableCell(""), TableCell("")),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pairs", "precision", "recall"),
    [
        ([("a", 0), ("a", 0), ("b", 1)], 1.0, 1.0),
        ([("a", 0), ("a", 0), ("b", 0), ("b", 0)], 0.5, 1.0),
        ([("a", 0), ("a", 1), ("a", 2), ("a", 3)], 1.0, 0.25),
        ([("a", 0), ("a", 0), ("a", 1)], 1.0, 5 / 9),
    ],
)
def test_paragraphs(pairs: list[tuple[str, int]], precision: float, recall: float) -> None:
    counts = count_paragraphs(pairs)
    assert counts.precision == pytest.approx(precision) and counts.recall == pytest.approx(recall)
    assert counts.f == pytest.approx(2 * precision * recall / (precision + recall))


def test_a_set_with_tables_and_paragraphs(tmp_path: Path) -> None:
    """From the ground truth's file to the figures, and predictions through a file of their own."""
    texts = {"one": 0, "two": 0, "three": 1, "cell": 2}
    quads = {text: square(0, 200.0 * i, 90) for i, text in enumerate(texts)}
    row = {
        "image": "images/a.png",
        "lines": [{"text": text, "quad": quads[text], "block": block} for text, block in texts.items()],
        "tables": [{"quad": square(0, 590, 120), "html": HTML}],
        "no_line_gt_regions": [],
    }
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "gt.jsonl").write_text(json.dumps(row), "utf-8")
    found = PlacedTable(square(0, 590, 120), from_html(HTML))
    lines = tuple(PredictedLine(text, quad, (), 0) for text, quad in quads.items())
    write_predictions(tmp_path / "p.jsonl", [Prediction("a.png", lines, tables=(found,))])
    result = score(load_dataset(tmp_path / "set"), read_predictions(tmp_path / "p.jsonl"))
    figures = result.figures()
    assert figures["TEDS"] == figures["Fcell"] == 1.0
    assert result.paragraphs.lines == 3  # that in the table does not count
    assert figures["Fpar"] == pytest.approx(2 * (5 / 9) / (5 / 9 + 1))
    assert {"Fpar", "TEDS", "Fcell"} <= set(report_rows([result])[0])

    row["tables"] = []
    row["no_line_gt_regions"] = [{"quad": square(0, 590, 120), "kind": "table", "text": HTML}]
    row["lines"] = [{key: line[key] for key in ("text", "quad")} for line in row["lines"]]  # type: ignore[index]
    (tmp_path / "set" / "gt.jsonl").write_text(json.dumps(row), "utf-8")
    figures = score(load_dataset(tmp_path / "set"), read_predictions(tmp_path / "p.jsonl")).figures()
    assert (figures["TEDS"], figures["Fpar"]) == (1.0, None)
    row["tables"] = [{"quad": square(0), "html": "none"}]
    (tmp_path / "set" / "gt.jsonl").write_text(json.dumps(row), "utf-8")
    with pytest.raises(ConfigError, match="no table in 'none'"):
        load_dataset(tmp_path / "set")
