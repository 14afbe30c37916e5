from __future__ import annotations

import pytest

from ocrpipe.page import Line
from ocrpipe.stages.boxes import Box, LayoutOptions
from ocrpipe.stages.paragraphs import paragraphs, rows

OPTIONS = LayoutOptions()


def box(text: str, left: float, top: float, width: float, height: float = 20) -> Box[Line]:
    right, bottom = left + width, top + height
    quad = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Box(Line(text, quad, 1.0, ()), left, top, right, bottom)


def rows_of(*boxes: Box[Line]) -> list[list[str]]:
    return [[one.line.text for one in row.boxes] for row in rows(boxes, OPTIONS)]


def paragraphs_of(*boxes: Box[Line]) -> list[list[str]]:
    return [[one.line.text for one in found] for found in paragraphs(rows(boxes, OPTIONS), OPTIONS)]


def test_pieces_of_a_row_run_from_left_to_right() -> None:
    assert rows_of(box("b", 300, 102, 80), box("a", 100, 100, 90), box("c", 100, 130, 200)) == [
        ["a", "b"],
        ["c"],
    ]


def test_a_small_raised_piece_belongs_to_its_row() -> None:
    assert rows_of(box("x", 100, 100, 200, 24), box("2", 301, 96, 8, 12), box("y", 100, 130, 200, 24)) == [
        ["x", "2"],
        ["y"],
    ]


def test_rows_of_a_skewed_page_do_not_chain() -> None:
    steps = [box(str(i), 100.0 * i, 100 + 8.0 * i, 90) for i in range(8)]
    assert all(len(row) <= 2 for row in rows_of(*steps))


def test_boxes_on_each_other_are_rows_of_their_own() -> None:
    assert rows_of(box("a", 100, 100, 200), box("b", 110, 104, 200)) == [["a"], ["b"]]


def test_a_drop_capital_stands_in_the_first_of_its_rows() -> None:
    text = [box(f"t{i}", 160, 100 + 26 * i, 500) for i in range(4)]
    assert rows_of(box("W", 100, 100, 50, 72), *text)[0] == ["W", "t0"]


def full(text: str, i: int, left: float = 100, right: float = 900, pitch: float = 28) -> Box[Line]:
    return box(text, left, 100 + pitch * i, right - left)


@pytest.mark.parametrize("pitch", [24, 28, 48])
def test_an_even_block_is_one_paragraph(pitch: float) -> None:
    lines = [full(str(i), i, pitch=pitch) for i in range(6)]
    assert paragraphs_of(*lines) == [["0", "1", "2", "3", "4", "5"]]


def test_an_indent_starts_a_paragraph() -> None:
    lines = [full("a", 0, 140), full("b", 1), full("c", 2), full("d", 3, 140), full("e", 4)]
    assert paragraphs_of(*lines) == [["a", "b", "c"], ["d", "e"]]


def test_a_short_line_ends_a_paragraph() -> None:
    lines = [full("a", 0), full("b", 1, right=500), full("c", 2), full("d", 3), full("e", 4, right=400)]
    assert paragraphs_of(*lines) == [["a", "b"], ["c", "d", "e"]]


def test_items_set_with_a_hanging_indent_stay_whole() -> None:
    lines = [full("1", 0), full("1b", 1, 140, 500), full("2", 2), full("2b", 3, 140, 400), full("3", 4)]
    assert paragraphs_of(*lines) == [["1", "1b"], ["2", "2b"], ["3"]]


def test_a_wide_gap_or_another_size_starts_a_paragraph() -> None:
    heading = box("h", 100, 50, 300, 34)
    lines = [full("a", 0), full("b", 1), full("c", 2), full("d", 4), full("e", 5)]
    assert paragraphs_of(heading, *lines) == [["h"], ["a", "b", "c"], ["d", "e"]]


def test_centred_lines_belong_together() -> None:
    lines = [
        box(str(i), 500 - width / 2, 100 + 28 * i, width) for i, width in enumerate((800, 420, 600, 360))
    ]
    assert paragraphs_of(*lines) == [["0", "1", "2", "3"]]


def test_rows_of_a_table_stay_together() -> None:
    cells = [
        box(f"{row}{column}", 100 + 200 * column, 100 + 30 * row, 60)
        for row in range(4)
        for column in range(3)
    ]
    assert len(paragraphs_of(*cells)) == 1


def test_a_line_of_latin_text_after_a_chinese_sentence_starts_a_paragraph() -> None:
    lines = [full("水到了城门，没有一个人死。", 0), full("Since then the stone has been kept clean.", 1)]
    assert len(paragraphs_of(*lines)) == 2
    within = [full("水到了城门，没有一个人死。", 0), full("其后 East Gate 的石头还在那里没有人动。", 1)]
    assert len(paragraphs_of(*within)) == 1
