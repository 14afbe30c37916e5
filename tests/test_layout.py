from __future__ import annotations

import random

from ocrpipe.layout import arrange
from ocrpipe.page import Line


def line(text: str, x: float, y: float, width: float, height: float = 20) -> Line:
    return Line(text, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)), 1.0, ())


def order(lines: list[Line]) -> list[str]:
    return [one.text for paragraph in arrange(lines) for one in paragraph.lines]


def test_no_lines_give_no_paragraphs() -> None:
    assert arrange([]) == ()


def test_columns_are_read_one_after_the_other_below_their_heading() -> None:
    heading = line("heading", 100, 10, 900, 40)
    left = [line(f"left{i}", 100, 100 + 30 * i, 400) for i in range(6)]
    right = [line(f"right{i}", 600, 105 + 30 * i, 400) for i in range(6)]
    lines = [heading, *left, *right]
    wanted = [one.text for one in lines]
    random.Random(0).shuffle(lines)
    assert order(lines) == wanted


def test_cells_of_a_table_are_read_along_its_rows() -> None:
    rows = [[line(f"{r}{c}", 100 + 250 * c, 100 + 30 * r, 60) for c in range(4)] for r in range(5)]
    lines = [cell for row in rows for cell in row]
    wanted = [one.text for one in lines]
    random.Random(1).shuffle(lines)
    assert order(lines) == wanted


def test_a_wide_gap_or_an_indent_starts_a_paragraph() -> None:
    first = [line(f"a{i}", 100, 30 * i, 800) for i in range(3)]
    second = [line("b0", 140, 90, 760), line("b1", 100, 120, 800)]
    third = [line("c0", 100, 220, 800), line("c1", 100, 250, 800)]
    found = arrange(first + second + third)
    assert [len(paragraph.lines) for paragraph in found] == [3, 2, 2]
    assert found[0].quad == ((100, 0), (900, 0), (900, 80), (100, 80))
