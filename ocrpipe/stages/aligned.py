"""Tables without ruled lines: rows of a block whose boxes stand in common columns.

Only blocks that the reading order reads by rows come here, so that what is left to find are the columns, and
where a table begins and ends. Coordinates are those of ``Box``, level; quads are turned back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ocrpipe.geometry import order_quad, rotate_points
from ocrpipe.page import Quad
from ocrpipe.stages.boxes import Box, LayoutOptions, T
from ocrpipe.stages.grid import Grid, GridCell, is_figure, with_header
from ocrpipe.stages.paragraphs import Row

_MARKER = re.compile(r"\W{0,2}(?:\d{1,2}|[A-Za-z]|[ivx]+|[一二三四五六七八九十]+)?\W{0,2}")


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the boxes of a column lie."""

    left: float
    right: float


def aligned_tables(rows: Sequence[Row[T]], angle: float, options: LayoutOptions) -> list[Grid[T]]:
    """The tables among the rows of a block.

    Args:
        rows: From top to bottom.
        angle: Direction of the text, in degrees, clockwise positive; the boxes are level, quads are not.
        options: What makes a table: ``min_table_rows``, ``min_table_fill`` and the widths of gaps.
    """
    return [grid for run in _runs(rows, options) if (grid := _grid(run, angle, options)) is not None]


def _runs(rows: Sequence[Row[T]], options: LayoutOptions) -> Iterator[list[Row[T]]]:
    """Stretches of rows that begin and end with several boxes, with few single ones between them."""
    run: list[Row[T]] = []
    pending: list[Row[T]] = []
    for row in rows:
        before = pending[-1] if pending else run[-1] if run else None
        is_far = before is not None and _gap(before, row) > options.max_table_gap * row.widest.height
        has_region = any(box.is_region for box in row.boxes)
        if run and (is_far or has_region or len(pending) > options.max_single_rows):
            yield run
            run, pending = [], []
        if has_region:
            continue
        if len(row.boxes) > 1:
            run += [*pending, row]
            pending = []
        elif run:
            pending.append(row)
    if run:
        yield run


def _gap(above: Row[T], below: Row[T]) -> float:
    return min(box.top for box in below.boxes) - max(box.bottom for box in above.boxes)


def _grid(rows: Sequence[Row[T]], angle: float, options: LayoutOptions) -> Grid[T] | None:
    """The rows as a table, None where they are none."""
    full = [row for row in rows if len(row.boxes) > 1]
    if len(full) < options.min_table_rows:
        return None
    columns = _columns([box for row in full for box in row.boxes], options)
    if len(columns) < 2:
        return None
    members = [[(_covered(box, columns), box) for box in row.boxes] for row in rows]
    alone = [
        {cover[0] for cover, _ in row if len(cover) == 1}
        for row, source in zip(members, rows, strict=True)
        if len(source.boxes) > 1
    ]
    filled = [sum(i in row for row in alone) for i in range(len(columns))]
    if sum(filled) < options.min_table_fill * len(columns) * len(alone):
        return None
    if len(columns) == 2 and not _are_paired(members):
        return None
    joined = _joined(rows, members)
    edges = _between([(min(box.top for _, box in row), max(box.bottom for _, box in row)) for row in joined])
    sides = _between([(column.left, column.right) for column in columns])
    joined[0] = _spread(joined[0], joined[1], columns)
    cells: list[GridCell[T]] = []
    for number, row in enumerate(joined):
        cells += _row_cells(number, row, edges, sides, angle)
    cells = _deepened(cells)
    outline = _quad((sides[0], edges[0], sides[-1], edges[-1]), angle)
    return with_header(Grid(len(joined), len(columns), tuple(cells), outline))


def _columns(boxes: Sequence[Box[T]], options: LayoutOptions) -> list[_Column]:
    """Columns from left to right; boxes that lie over several of them make none.

    The narrowest boxes come first: a wide one, a heading over several columns say, can't hide those.
    """
    found: list[list[Box[T]]] = []
    for box in sorted(boxes, key=lambda box: (box.width, box.left, box.middle)):
        near = [column for column in found if _shares(box, column)]
        if not near:
            found.append([box])
        elif len(near) == 1:
            near[0].append(box)
    least = max(2.0, options.min_column_fill * len(boxes) / max(len(found), 1))
    columns = [
        _Column(min(box.left for box in column), max(box.right for box in column))
        for column in found
        if len(column) >= least
    ]
    columns.sort(key=lambda column: column.left)
    merged: list[_Column] = []
    for column in columns:
        if merged and merged[-1].right > column.left:
            last = merged.pop()
            if last.right - column.left > 0.5 * min(last.right - last.left, column.right - column.left):
                column = _Column(last.left, max(last.right, column.right))
            else:  # they overlap a little, since some texts are long
                middle = (last.right + column.left) / 2
                merged.append(_Column(last.left, middle))
                column = _Column(middle, column.right)
        merged.append(column)
    return merged


def _shares(box: Box[T], column: Sequence[Box[T]]) -> bool:
    return any(
        min(box.right, other.right) - max(box.left, other.left) > 0.3 * min(box.width, other.width)
        for other in column
    )


def _covered(box: Box[T], columns: Sequence[_Column]) -> tuple[int, ...]:
    """The columns that a box lies over: a third of the smaller of both, or else the nearest one."""
    over = [
        i
        for i, column in enumerate(columns)
        if min(box.right, column.right) - max(box.left, column.left)
        > 0.34 * min(box.width, column.right - column.left)
    ]
    if over:
        return tuple(range(over[0], over[-1] + 1))
    middle = (box.left + box.right) / 2
    return (min(range(len(columns)), key=lambda i: abs(columns[i].left + columns[i].right - 2 * middle)),)


_Members = Sequence[tuple[tuple[int, ...], Box[T]]]


def _are_paired(members: Sequence[_Members[T]]) -> bool:
    """Whether two columns are those of a table: figures or labels in one of them, no marks of a list."""
    sides = [
        [box.line.text.strip() for row in members for cover, box in row if cover == (i,)] for i in (0, 1)
    ]
    if not all(sides) or all(_MARKER.fullmatch(text) for text in sides[0]):
        return False
    figures = max(sum(map(is_figure, side)) / len(side) for side in sides)
    labels = sum(text.endswith((":", "：")) for text in sides[0]) / len(sides[0])
    return max(figures, labels) >= 0.5


def _joined(
    rows: Sequence[Row[T]], members: Sequence[_Members[T]]
) -> list[list[tuple[tuple[int, ...], Box[T]]]]:
    """Rows, where a single line close below a row goes on in a cell of it."""
    gaps = [
        _gap(above, below) for above, below in pairwise(rows) if min(map(len, (above.boxes, below.boxes))) > 1
    ]
    usual = median(gaps) if gaps else 0.0
    joined: list[list[tuple[tuple[int, ...], Box[T]]]] = []
    for i, row in enumerate(members):
        own = list(row)
        if joined and len(own) == 1 and len(own[0][0]) == 1 and own[0][0] != (0,):
            is_close = _gap(rows[i - 1], rows[i]) < 0.6 * usual
            if is_close and any(cover == own[0][0] for cover, _ in joined[-1]):
                joined[-1] += own
                continue
        joined.append(own)
    return joined


def _spread(
    first: _Members[T], second: _Members[T], columns: Sequence[_Column]
) -> list[tuple[tuple[int, ...], Box[T]]]:
    """A first row over a second one of labels: its cells span what is empty beside them and not below.

    A cell stands over the middle or the start of what it spans.
    """
    taken = {i for cover, _ in first for i in cover}
    labels = {i for cover, box in second for i in cover if not is_figure(box.line.text)}
    free = labels - taken if len(labels) == sum(len(cover) for cover, _ in second) else set()
    spread = []
    for cover, box in first:
        start, end = cover[0], cover[-1]
        while end + 1 in free:
            end += 1
        while start - 1 in free:
            start -= 1
        centre = (columns[start].left + columns[end].right) / 2
        if abs(centre - (box.left + box.right) / 2) > box.height:
            start = cover[0]
            if abs(columns[start].left - box.left) > box.height:
                end = cover[-1]
        free -= set(range(start, end + 1))
        spread.append((tuple(range(start, end + 1)), box))
    return spread


def _deepened(cells: Sequence[GridCell[T]]) -> list[GridCell[T]]:
    """Cells of a first row with spans go down where the second one is empty below them."""
    top = [cell for cell in cells if cell.row == 0]
    if all(cell.column_span == 1 for cell in top):
        return list(cells)
    below = {cell.column: cell for cell in cells if cell.row == 1 and not cell.lines}
    deep = {cell.column for cell in top if cell.column_span == 1 and cell.lines and cell.column in below}
    result = []
    for cell in cells:
        if cell.row == 0 and cell.column in deep:
            (left, right, _, _), (_, _, end, start) = cell.quad, below[cell.column].quad
            result.append(replace(cell, row_span=2, quad=(left, right, end, start)))
        elif cell.row != 1 or cell.column not in deep:
            result.append(cell)
    return result


def _between(spans: Sequence[tuple[float, float]]) -> list[float]:
    """The outer ends, and the middles of the spaces between."""
    middles = [(before[1] + after[0]) / 2 for before, after in pairwise(spans)]
    return [spans[0][0], *middles, spans[-1][1]]


def _row_cells(
    number: int, row: _Members[T], edges: Sequence[float], sides: Sequence[float], angle: float
) -> Iterator[GridCell[T]]:
    """One row's cells, from left to right; places that no box covers are empty ones."""
    held: dict[tuple[int, int], list[Box[T]]] = {}
    for cover, box in sorted(row, key=lambda item: (item[0][0], -len(item[0]), item[1].middle)):
        first, last = cover[0], cover[-1]
        before = next((span for span in held if span[0] <= first <= span[1]), None)
        if before is None:
            held[first, last] = [box]
        else:
            held[before].append(box)
    spans: list[tuple[int, int]] = []
    for first, last in sorted(held):
        spans += [(i, i) for i in range(spans[-1][1] + 1 if spans else 0, first)]
        spans.append((first, last))
    spans += [(i, i) for i in range(spans[-1][1] + 1, len(sides) - 1)]
    for first, last in spans:
        boxes = sorted(held.get((first, last), ()), key=lambda box: (box.middle, box.left))
        place = sides[first], edges[number], sides[last + 1], edges[number + 1]
        lines = tuple(box.line for box in boxes)
        yield GridCell(number, first, _quad(place, angle), lines, 1, last - first + 1)


def _quad(place: tuple[float, float, float, float], angle: float) -> Quad:
    left, top, right, bottom = place
    return order_quad(rotate_points(((left, top), (right, top), (right, bottom), (left, bottom)), angle))
