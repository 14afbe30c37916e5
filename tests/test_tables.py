"""Tables as grids: ruled ones drawn here, straight and photographed, and rows that stand in columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ocrpipe.page import Line, Quad
from ocrpipe.stages.boxes import LayoutOptions
from ocrpipe.stages.grid import Grid, GridCell, grid_of, with_header
from ocrpipe.stages.layout import arrange, arrange_page
from ocrpipe.stages.ruling import RulingOptions
from ocrpipe.stages.tables import table_regions

HEIGHT = 20.0  # pixels of a line
Spans = list[tuple[int, int, int, int]]  # row, column, rows, columns


def line(text: str, x: float, y: float) -> Line:
    width = sum(0.5 if char.isascii() else 1.0 for char in text) * HEIGHT * 0.85
    return Line(text, ((x, y), (x + width, y), (x + width, y + HEIGHT), (x, y + HEIGHT)), 1.0, ())


@st.composite
def grids(draw: st.DrawFn) -> tuple[list[int], list[int], Spans]:
    """Row and column edges in pixels, and cells that cover every place once, some over several places."""
    rows, columns = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    taken: set[tuple[int, int]] = set()
    cells: Spans = []
    for row in range(rows):
        for column in range(columns):
            if (row, column) in taken:
                continue
            height, width = (
                draw(st.integers(1, min(2, rows - row))),
                draw(st.integers(1, min(2, columns - column))),
            )
            places = {(row + i, column + j) for i in range(height) for j in range(width)}
            if places & taken:
                height, width, places = 1, 1, {(row, column)}
            taken |= places
            cells.append((row, column, height, width))
    steps = st.integers(50, 120)
    ys, xs = (
        [40 + sum(sizes[:i]) for i in range(len(sizes) + 1)]
        for sizes in ([draw(steps) for _ in range(rows)], [2 * draw(steps) for _ in range(columns)])
    )
    return ys, xs, cells


def starts_in_each(cells: Spans, rows: int, columns: int) -> bool:
    """Whether no row and no column is only passed over, so that it can be told that it is there."""
    return {cell[0] for cell in cells} == set(range(rows)) and {cell[1] for cell in cells} == set(
        range(columns)
    )


def shape(grid: Grid[Line]) -> Spans:
    return [(cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells]


def place(ys: Sequence[int], xs: Sequence[int], cell: tuple[int, int, int, int]) -> Quad:
    row, column, height, width = cell
    left, right, top, bottom = xs[column], xs[column + width], ys[row], ys[row + height]
    return (left, top), (right, top), (right, bottom), (left, bottom)


@given(grids(), st.floats(-0.05, 0.05), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_spans_are_found_from_corners(
    drawn: tuple[list[int], list[int], Spans], slope: float, inset: int
) -> None:
    """Cells a little smaller than their places, of a page that is not quite level."""
    ys, xs, cells = drawn
    if not starts_in_each(cells, len(ys) - 1, len(xs) - 1):
        return
    tilt = np.array([[1, -slope], [slope, 1]])
    corners: list[tuple[Quad, tuple[Line, ...]]] = []
    for cell in cells:
        quad = np.array(place(ys, xs, cell), float) + np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * inset
        a, b, c, d = ((float(x), float(y)) for x, y in quad @ tilt.T)
        corners.append(((a, b, c, d), (line(str(cell), a[0], a[1]),)))
    grid = grid_of(corners, 0.45 * HEIGHT)
    assert (grid.rows, grid.columns) == (len(ys) - 1, len(xs) - 1)
    assert sorted(shape(grid)) == sorted(cells)
    assert all(
        cell.text == str((cell.row, cell.column, cell.row_span, cell.column_span)) for cell in grid.cells
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 4), st.integers(1, 4)), min_size=1
    )
)
@settings(max_examples=60, deadline=None)
def test_every_place_is_covered_once_whatever_the_cells(cells: Spans) -> None:
    corners: list[tuple[Quad, tuple[Line, ...]]] = [
        (place(range(0, 900, 60), range(0, 900, 60), cell), (line(str(i), 0, i),))
        for i, cell in enumerate(cells)
    ]
    grid = grid_of(corners, 9.0)
    places = [
        (row, column)
        for cell in grid.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    ]
    assert sorted(places) == [(row, column) for row in range(grid.rows) for column in range(grid.columns)]
    assert sorted(one.text for cell in grid.cells for one in cell.lines) == sorted(
        map(str, range(len(cells)))
    )


def ruled(ys: Sequence[int], xs: Sequence[int], cells: Spans) -> tuple[NDArray[np.uint8], list[Line]]:
    image = np.full((ys[-1] + 60, xs[-1] + 60, 3), 255, np.uint8)
    lines = []
    for cell in cells:
        (left, top), _, (right, bottom), _ = place(ys, xs, cell)
        cv2.rectangle(image, (int(left), int(top)), (int(right), int(bottom)), (0, 0, 0), 2)
        lines.append(line(f"r{cell[0]}c{cell[1]}", left + 12, top + 14))
    return image, lines


CELLS = [
    (0, 0, 2, 1),
    (0, 1, 1, 2),
    (1, 1, 1, 1),
    (1, 2, 1, 1),
    (2, 0, 1, 1),
    (2, 1, 1, 1),
    (2, 2, 1, 1),
    (3, 0, 1, 3),
]
YS, XS = [40, 90, 150, 200, 260], [40, 180, 330, 500]


def find(image: NDArray[np.uint8], lines: Sequence[Line]) -> list[Grid[Line]]:
    return table_regions(image, lines, layout=LayoutOptions(), ruling=RulingOptions())[2]


def test_a_ruled_table() -> None:
    image, lines = ruled(YS, XS, CELLS)
    (grid,) = find(image, lines)
    assert shape(grid) == CELLS and [cell.text for cell in grid.cells] == [one.text for one in lines]
    for cell, drawn in zip(grid.cells, CELLS, strict=True):
        assert np.abs(np.array(cell.quad) - place(YS, XS, drawn)).max() < 6


def test_an_empty_cell_is_a_cell() -> None:
    image, lines = ruled(YS, XS, CELLS)
    (grid,) = find(image, [one for one in lines if one.text != "r1c2"])
    assert shape(grid) == CELLS and [cell.text for cell in grid.cells].count("") == 1


def test_a_photographed_table() -> None:
    image, lines = ruled(YS, XS, CELLS)
    height, width = image.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    target = np.array([(20, 5), (width - 8, 26), (width - 30, height - 20), (4, height - 4)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    image = cv2.warpPerspective(image, matrix, (width, height), borderValue=(255, 255, 255)).astype(np.uint8)
    moved = []
    for one in lines:
        points = cv2.perspectiveTransform(np.array([one.quad], np.float64), matrix)[0].tolist()
        a, b, c, d = ((float(x), float(y)) for x, y in points)
        moved.append(Line(one.text, (a, b, c, d), 1.0, ()))
    (grid,) = find(image, moved)
    assert shape(grid) == CELLS and [cell.text for cell in grid.cells] == [one.text for one in lines]


ROWS = [
    ("Name", "Year", "Price"),
    ("pencil", "2019", "1.50"),
    ("rubber", "2020", "0.80"),
    ("paper, 500 sheets", "2021", "4.25"),
    ("ink", "", "9.00"),
]


def aligned(
    rows: Sequence[Sequence[str]], xs: Sequence[float] = (50, 300, 420), step: float = 32
) -> list[Line]:
    return [
        line(text, x, 100 + step * row)
        for row, texts in enumerate(rows)
        for x, text in zip(xs, texts, strict=True)
        if text
    ]


def texts_of(grid: Grid[Line]) -> list[list[str]]:
    return [[cell.text for cell in grid.cells if cell.row == row] for row in range(grid.rows)]


def test_an_aligned_table() -> None:
    lines = aligned(ROWS)
    blocks, (grid,) = arrange_page(lines)
    assert texts_of(grid) == [list(row) for row in ROWS]
    assert [cell.is_header for cell in grid.cells] == [True] * 3 + [False] * 12
    assert blocks == arrange(lines)
    for cell in grid.cells:
        (left, top), _, (right, bottom), _ = cell.quad
        for one in cell.lines:
            assert left <= one.quad[0][0] and right >= one.quad[2][0]
            assert top <= one.quad[0][1] and bottom >= one.quad[2][1]
    for before, after in pairwise(grid.cells[:3]):
        assert before.quad[1] == after.quad[0]


def test_a_heading_over_two_columns_spans_them() -> None:
    rows = [("Name", "", ""), ("", "first", "second"), *ROWS[1:4]]
    lines = [*aligned(rows, xs=(50, 300, 460)), line("Recovery", 355, 100)]
    _, (grid,) = arrange_page(lines)
    assert shape(grid)[:4] == [(0, 0, 2, 1), (0, 1, 1, 2), (1, 1, 1, 1), (1, 2, 1, 1)]
    assert [cell.text for cell in grid.cells if cell.is_header] == ["Name", "Recovery", "first", "second"]


def test_text_around_a_table_is_not_in_it() -> None:
    above = [line("Prices were asked for in the shops of the town every spring.", 50, y) for y in (20, 46)]
    below = [line("All of them are without tax, and none of them is certain.", 50, y) for y in (320, 346)]
    _, (grid,) = arrange_page([*above, *aligned(ROWS), *below])
    assert texts_of(grid) == [list(row) for row in ROWS]


@pytest.mark.parametrize(
    "rows",
    [
        [("1.", "Take the lid off."), ("2.", "Fill the pot."), ("3.", "Boil the water."), ("4.", "Wait.")],
        [("G541", "gate two"), ("south station", "east station"), ("no seat", "coach five")],
        [("one", "2"), ("three", "4")],
    ],
    ids=["a list", "a ticket", "two rows"],
)
def test_what_is_no_table(rows: list[tuple[str, str]]) -> None:
    assert arrange_page(aligned(rows, xs=(50, 300)))[1] == []


def cells_of(*rows: Sequence[str]) -> Grid[Line]:
    quad = ((0.0, 0.0),) * 4
    cells = tuple(
        GridCell(i, j, quad, (line(text, 0, 0),) if text else ())
        for i, row in enumerate(rows)
        for j, text in enumerate(row)
    )
    return Grid(len(rows), len(rows[0]), cells, quad)


@pytest.mark.parametrize(
    ("rows", "is_header"),
    [
        ((("姓名", "年份"), ("王一", "1999"), ("李二", "2001")), True),
        ((("Kind", "Count"), ("ink", "7"), ("pen", "12")), True),
        ((("王一", "1999"), ("李二", "2001"), ("张三", "2003")), False),
        ((("地址：江边路", "电话：130"), ("a", "b"), ("c", "d")), False),
        ((("Kind", "Count"),), False),
    ],
)
def test_a_header_is_of_labels(rows: Sequence[Sequence[str]], is_header: bool) -> None:
    grid = with_header(cells_of(*rows))
    assert {cell.row for cell in grid.cells if cell.is_header} == ({0} if is_header else set())
