"""Tables as grids: cells at rows and columns, with spans, every place covered once.

From cells between ruled lines the rows and columns are found by their edges, after the table was straightened
by a homography (photographs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean
from typing import Generic

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.geometry import apply, order_quad
from ocrpipe.page import Quad
from ocrpipe.stages.boxes import T

_FIGURE = re.compile(r"^[^\w]*[\d¥$€£][\d.,:/%\s()+*±年月日元–-]*$")  # a number, a sum, a date
_SENTENCE = re.compile(r"[。；]|[^\W\d_]{2}[.;](?:\s|$)")
_MAX_HEADER = 3  # rows
_LABELLED = re.compile(r"[:：]\s*\S")


@dataclass(frozen=True, slots=True)
class GridCell(Generic[T]):
    """As ``ocrpipe.page.Cell``, in the level view."""

    row: int
    column: int
    quad: Quad
    lines: tuple[T, ...] = ()
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False

    @property
    def text(self) -> str:
        """The lines' texts."""
        return " ".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Grid(Generic[T]):
    """As ``ocrpipe.page.Table``, in the level view."""

    rows: int
    columns: int
    cells: tuple[GridCell[T], ...]
    quad: Quad


def grid_of(cells: Sequence[tuple[Quad, tuple[T, ...]]], tolerance: float) -> Grid[T]:
    """Put cells into rows and columns.

    Args:
        cells: Corners of each, clockwise from the top left, and what is in it; at least one.
        tolerance: Largest distance in pixels of edges that are one ruled line.

    Returns:
        The grid, its places without a cell covered by empty ones. A cell that would lie over another is cut
        short; where it begins in another's place, its lines are added to that one.
    """
    corners = np.array([quad for quad, _ in cells], np.float64)
    outline = _outline(corners)
    straight = _straightened(corners, outline)
    lefts, rights = (straight[:, side, 0].mean(axis=1) for side in ([0, 3], [1, 2]))
    tops, bottoms = (straight[:, side, 1].mean(axis=1) for side in ([0, 1], [2, 3]))
    columns, rows = _lines(lefts, rights, tolerance), _lines(tops, bottoms, tolerance)
    taken: dict[tuple[int, int], int] = {}
    placed: list[GridCell[T]] = []
    for i in np.lexsort((lefts, tops)).tolist():
        quad, content = cells[i]
        row, column = _nearest(rows[:-1], tops[i]), _nearest(columns[:-1], lefts[i])
        if (other := taken.get((row, column))) is not None:
            placed[other] = replace(placed[other], lines=placed[other].lines + content)
            continue
        row_span = max(_nearest(rows, bottoms[i]) - row, 1)
        column_span = max(_nearest(columns, rights[i]) - column, 1)
        while any((row, column + k) in taken for k in range(column_span)):
            column_span -= 1
        while any((row + k, column + j) in taken for k in range(row_span) for j in range(column_span)):
            row_span -= 1
        placed.append(GridCell(row, column, quad, content, row_span, column_span))
        taken |= dict.fromkeys(_places(placed[-1]), len(placed) - 1)
    kept_rows = sorted({cell.row for cell in placed})
    kept_columns = sorted({cell.column for cell in placed})
    placed = [_moved(cell, kept_rows, kept_columns) for cell in placed]
    rows = [*(rows[i] for i in kept_rows), rows[-1]]
    columns = [*(columns[i] for i in kept_columns), columns[-1]]
    if _is_text_above(placed, len(columns) - 1):
        below = [pair for pair in cells if pair[0] != placed[0].quad]
        return grid_of(below, tolerance)
    placed += _holes(placed, rows, columns, outline)
    placed.sort(key=lambda cell: (cell.row, cell.column))
    return with_header(Grid(len(rows) - 1, len(columns) - 1, tuple(placed), outline))


def _is_text_above(cells: Sequence[GridCell[T]], columns: int) -> bool:
    """Whether the first row is running text between the table and a line that heads the page."""
    first = [cell for cell in cells if cell.row == 0]
    is_whole = len(first) == 1 and first[0].column_span == columns > 2
    return is_whole and len(first[0].lines) > 1 and _SENTENCE.search(first[0].text) is not None


def with_header(grid: Grid[T]) -> Grid[T]:
    """Mark the rows that head the columns: labels at the top, over rows that are divided in the same way.

    A title over the whole width belongs to the header that follows it. Where cells of the first row span
    columns, the rows beside those that span rows belong to it, too.
    """
    by_row = [[cell for cell in grid.cells if cell.row == row] for row in range(grid.rows)]
    first = 1 if len(by_row[0]) == 1 and grid.columns > 1 else 0
    last = first + 1
    if grid.rows <= last:
        return grid
    if any(cell.column_span > 1 for cell in by_row[first]):
        last = max(last, *(cell.row + min(cell.row_span, _MAX_HEADER) for cell in by_row[first]))
    top = [cell for row in by_row[first:last] for cell in row]
    body = by_row[last:]
    bottom = [cell.column_span for cell in top if cell.row + cell.row_span >= last]
    if not body or 2 * sum(sorted(c.column_span for c in row) == sorted(bottom) for row in body) < len(body):
        return grid
    if not _is_header(top, [cell for row in body for cell in row]):
        return grid
    return replace(grid, cells=tuple(replace(cell, is_header=cell.row < last) for cell in grid.cells))


def _is_header(top: Sequence[GridCell[T]], body: Sequence[GridCell[T]]) -> bool:
    """Whether all cells of the first rows are labels: few are empty, and none holds a figure or a value."""
    texts = [cell.text for cell in top if cell.lines]
    empty = len(top) - len(texts)
    if len(texts) < 2 or empty > 1 or any(is_figure(text) or _LABELLED.search(text) for text in texts):
        return False
    return not empty or any(is_figure(cell.text) for cell in body)


def is_figure(text: str) -> bool:
    """Whether a cell holds a number, a sum or a date and nothing else."""
    return bool(_FIGURE.match(text))


def _outline(corners: NDArray[np.float64]) -> Quad:
    """The outermost corners of all cells."""
    points = corners.reshape(-1, 2)
    total, difference = points.sum(axis=1), points[:, 0] - points[:, 1]
    ends = total.argmin(), difference.argmax(), total.argmax(), difference.argmin()
    return order_quad(points[list(ends)])


def _size(outline: Quad) -> tuple[float, float]:
    (left, top), (right, upper), (end, lower), (start, bottom) = outline
    width = (np.hypot(right - left, upper - top) + np.hypot(end - start, lower - bottom)) / 2
    height = (np.hypot(start - left, bottom - top) + np.hypot(end - right, lower - upper)) / 2
    return max(float(width), 1.0), max(float(height), 1.0)


def _straightened(corners: NDArray[np.float64], outline: Quad) -> NDArray[np.float64]:
    """The cells' corners, K×4×2, where the table's outline is a rectangle of about its size at (0, 0)."""
    width, height = _size(outline)
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(outline, np.float32), target)
    return np.asarray(cv2.perspectiveTransform(corners.reshape(-1, 1, 2), matrix), np.float64).reshape(
        -1, 4, 2
    )


def _lines(starts: NDArray[np.float64], ends: NDArray[np.float64], tolerance: float) -> list[float]:
    """Places of the ruled lines at which cells start or end, ascending; at least two."""
    edges = sorted([*starts.tolist(), *ends.tolist()])
    groups = [[edges[0]]]
    for before, edge in pairwise(edges):
        if edge - before > tolerance:
            groups.append([])
        groups[-1].append(edge)
    places = [fmean(group) for group in groups]
    return places if len(places) > 1 else [edges[0], edges[-1] + 1.0]


def _nearest(places: Sequence[float], place: float) -> int:
    return min(range(len(places)), key=lambda i: abs(places[i] - place))


def _holes(
    cells: Sequence[GridCell[T]], rows: Sequence[float], columns: Sequence[float], outline: Quad
) -> list[GridCell[T]]:
    """Empty cells for the places that no cell covers."""
    width, height = _size(outline)
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(outline, np.float32)).astype(np.float64)
    taken = {place for cell in cells for place in _places(cell)}
    holes: list[GridCell[T]] = []
    for row, (top, bottom) in enumerate(pairwise(rows)):
        for column, (left, right) in enumerate(pairwise(columns)):
            if (row, column) not in taken:
                place = (left, top), (right, top), (right, bottom), (left, bottom)
                holes.append(GridCell(row, column, apply(matrix, place)))
    return holes


def _places(cell: GridCell[T]) -> Iterator[tuple[int, int]]:
    for row in range(cell.row, cell.row + cell.row_span):
        for column in range(cell.column, cell.column + cell.column_span):
            yield row, column


def _moved(cell: GridCell[T], rows: Sequence[int], columns: Sequence[int]) -> GridCell[T]:
    """The cell, where only some rows and columns are left, among them its first ones."""
    return replace(
        cell,
        row=rows.index(cell.row),
        column=columns.index(cell.column),
        row_span=sum(cell.row <= row < cell.row + cell.row_span for row in rows),
        column_span=sum(cell.column <= column < cell.column + cell.column_span for column in columns),
    )
