from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.geometry import enclosing_quad, quad_angle, rotate_points, to_quad
from ocrpipe.page import Line
from ocrpipe.stages.layout import arrange
from ocrpipe.stages.orientation import residual_tilt


def line(text: str, x: float, y: float, width: float, height: float = 20) -> Line:
    return Line(text, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)), 1.0, ())


def turned(lines: list[Line], angle: float) -> list[Line]:
    return [Line(one.text, to_quad(rotate_points(one.quad, angle)), 1.0, ()) for one in lines]


def column(name: str, x: float, y: float, count: int, width: float = 400, pitch: float = 30) -> list[Line]:
    """Running text: full lines, the last one short."""
    return [line(f"{name}{i}", x, y + pitch * i, width * (1 if i + 1 < count else 0.4)) for i in range(count)]


def order(lines: list[Line], angle: float = 0.0) -> list[str]:
    """Texts as arranged from a shuffled page."""
    shuffled = lines[:]
    random.Random(0).shuffle(shuffled)
    return [one.text for paragraph in arrange(shuffled, angle=angle) for one in paragraph.lines]


def texts(lines: list[Line]) -> list[str]:
    return [one.text for one in lines]


def two_columns() -> list[Line]:
    return [
        line("heading", 100, 10, 900, 40),
        *column("left", 100, 100, 12),
        *column("right", 600, 108, 14),
    ]


def table() -> list[Line]:
    widths = (180, 60, 75, 50)
    return [
        line(f"r{r}c{c}", 100 + 250 * c + (r * 13 % 40 if c else 0), 100 + 32 * r, widths[c] - r * 7 % 30)
        for r in range(9)
        for c in range(4)
    ]


def test_no_lines_give_no_paragraphs() -> None:
    assert arrange([]) == ()


@pytest.mark.parametrize("angle", [0.0, 3.0, -8.0, 90.0, 183.0, -92.0])
@pytest.mark.parametrize("page", [two_columns(), table()], ids=["columns", "table"])
def test_a_turned_page_is_read_like_an_upright_one(page: list[Line], angle: float) -> None:
    assert order(turned(page, angle), angle) == texts(page)


def test_the_lines_themselves_tell_the_tilt_that_is_left() -> None:
    page = turned(two_columns() + table(), 4.0)
    tilt = residual_tilt(line.quad for line in page)
    assert tilt == pytest.approx(4.0)
    assert order(page, tilt) == order(page, 4.0)
    (only,) = arrange(turned(column("a", 100, 100, 3), 4.0), angle=tilt)
    assert quad_angle(only.quad) == pytest.approx(4.0)
    assert residual_tilt([]) == 0.0


def test_a_heading_divides_the_columns_above_from_those_below() -> None:
    page = [
        *column("a", 100, 100, 6),
        *column("b", 600, 100, 6),
        line("heading", 100, 300, 900, 30),
        *column("c", 100, 350, 6),
        *column("d", 600, 350, 6),
    ]
    assert order(page) == texts(page)


def test_three_columns_beside_a_heading_over_two() -> None:
    page = [
        *column("a", 50, 100, 14, width=280),
        line("heading", 380, 100, 600, 36),
        *column("b", 380, 160, 12, width=280),
        *column("c", 710, 160, 12, width=280),
    ]
    assert order(page) == texts(page)


def test_headers_and_footers_are_no_part_of_the_columns() -> None:
    page = [
        line("12", 100, 20, 30),
        line("Journal of Lines", 760, 20, 240),
        *column("a", 100, 100, 10),
        *column("b", 600, 100, 10),
        line("note", 100, 460, 200),
        line("p. 12", 900, 460, 80),
    ]
    assert order(page) == texts(page)


def test_columns_level_with_each_other_stay_columns() -> None:
    page = [*column("a", 100, 100, 12), *column("b", 540, 100, 12)]
    assert order(page) == texts(page)


def test_a_narrow_gutter_counts_where_it_is_long() -> None:
    page = [*column("a", 100, 100, 20, width=300), *column("b", 414, 108, 20, width=300)]
    assert order(page) == texts(page)


def test_spaces_that_happen_to_lie_below_each_other_are_no_gutter() -> None:
    page = [
        line(f"{row}{part}", 100 + 460 * part, 100 + 28 * row, 448) for row in range(3) for part in range(2)
    ]
    assert order(page) == texts(page)


def test_a_cell_in_the_middle_of_two_rows_keeps_the_table_together() -> None:
    page = table()[:24]
    page.insert(8, line("between", 1120, 148, 90))
    assert order(page)[:9] == ["r0c0", "r0c1", "r0c2", "r0c3", "r1c0", "r1c1", "r1c2", "r1c3", "between"]


def test_contents_are_read_along_their_rows() -> None:
    page = []
    for i in range(8):
        page += [
            line(f"chapter{i}", 100, 100 + 34 * i, 300 + 37 * i % 200),
            line(str(i), 900, 100 + 34 * i, 20),
        ]
    assert order(page) == texts(page)


def test_markers_are_read_with_the_items_they_stand_beside() -> None:
    page = []
    for i in range(4):
        page += [
            line(f"({i})", 100, 100 + 100 * i, 30),
            *column(f"item{i}.", 160, 100 + 100 * i, 3, width=700),
        ]
    assert order(page) == texts(page)


def test_a_caption_beside_running_text_is_read_in_one_go() -> None:
    text = column("text", 500, 100, 12, width=500)
    caption = [line(f"caption{i}", 100 + 20 * i, 310 + 30 * i, 300 - 40 * i) for i in range(3)]
    found = order([*caption, *text])
    start = found.index("caption0")
    assert found[start : start + 3] == texts(caption)


def test_a_table_in_a_column_is_read_along_its_rows() -> None:
    cells = [line(f"r{r}c{c}", 600 + 160 * c, 300 + 30 * r, 70) for r in range(6) for c in range(3)]
    page = [*column("a", 100, 100, 16), *column("b", 600, 100, 6), *cells, *column("c", 600, 520, 4)]
    assert order(page) == texts(page)


def test_text_written_up_the_margin_disturbs_no_row() -> None:
    page = column("a", 100, 100, 12, width=800)
    stamp = Line("stamp", ((1020, 400), (1020, 200), (1040, 200), (1040, 400)), 1.0, ())
    assert [text for text in order([*page, stamp]) if text != "stamp"] == texts(page)


def test_boxes_without_extent_are_kept() -> None:
    nothing = line("", 50, 50, 0, 0)
    assert sorted(order([nothing, *column("a", 100, 100, 3), nothing])) == ["", "", "a0", "a1", "a2"]


boxes = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 25), st.sampled_from([14, 20, 36])),
    max_size=40,
)


@given(boxes, st.randoms(use_true_random=False), st.sampled_from([0.0, 2.5, 90.0]))
@settings(max_examples=80, deadline=None)
def test_the_result_does_not_depend_on_the_order_given(
    found: list[tuple[int, int, int, int]], shuffler: random.Random, angle: float
) -> None:
    lines = [
        line(str(i % 7), 25.0 * x, 20.0 * y, 25.0 * width, height)
        for i, (x, y, width, height) in enumerate(found)
    ]
    arranged = arrange(turned(lines, angle), angle=angle)
    shuffler.shuffle(lines)
    assert arrange(turned(lines, angle), angle=angle) == arranged
    assert sum(len(paragraph.lines) for paragraph in arranged) == len(lines)


def test_a_paragraphs_quad_encloses_its_lines() -> None:
    for paragraph in arrange(turned(two_columns(), 5.0), angle=5.0):
        expected = enclosing_quad([one.quad for one in paragraph.lines], 5.0)
        np.testing.assert_allclose(paragraph.quad, expected)


@pytest.mark.slow
@pytest.mark.needs_bench
@pytest.mark.parametrize(("image", "least"), [("p02", 0.95), ("p15", 0.95), ("p06", 0.9), ("p05", 0.85)])
def test_blocks_of_real_pages_stay_together(image: str, least: float, bench: Path) -> None:
    folder = bench / "dev" / "omnidocbench_demo"
    rows = [json.loads(row) for row in (folder / "gt.jsonl").read_text(encoding="utf8").splitlines()]
    (page,) = (row for row in rows if f"/{image}_" in row["image"])
    blocks: dict[Line, int] = {
        Line(one["text"], to_quad(one["quad"]), 1.0, ()): one["block"] for one in page["lines"]
    }
    given = list(blocks)
    together = {(a, b) for a, b in zip(given, given[1:], strict=False) if blocks[a] == blocks[b]}
    random.Random(0).shuffle(given)
    found = [one for paragraph in arrange(given) for one in paragraph.lines]
    kept = together & set(zip(found, found[1:], strict=False))
    assert len(kept) >= least * len(together)


def test_a_numbered_list_beside_short_lines_is_a_block() -> None:
    labels = [
        line(text, 100, 100 + 32 * i, 120) for i, text in enumerate(["Levels", "Jan: 1", "Apr: 2", "Jul: 5"])
    ]
    items = ["What to bring", "1. A pencil", "2. Boots", "3.Bread"]
    listed = [line(text, 500, 100 + 32 * i, 180) for i, text in enumerate(items)]
    assert order(labels + listed) == texts(labels + listed)


def test_numbered_rows_of_a_table_are_rows() -> None:
    numbered = [line(f"{i + 1}. Name", 100, 100 + 32 * i, 120) for i in range(5)]
    values = [line(f"value {i}", 500, 100 + 32 * i, 80 + 10 * i) for i in range(5)]
    assert order(numbered + values) == [
        text for pair in zip(numbered, values, strict=True) for text in texts([*pair])
    ]


def test_figures_are_no_list() -> None:
    names = [line(f"name {i}", 100, 100 + 32 * i, 90 + 7 * i) for i in range(5)]
    figures = [line(f"{i}.25", 500, 100 + 32 * i, 60) for i in range(5)]
    assert order(names + figures) == [
        text for pair in zip(names, figures, strict=True) for text in texts([*pair])
    ]
