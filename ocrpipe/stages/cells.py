"""Cells of a column: lines of which several belong together where a cell's text was broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import Generic

from ocrpipe.stages.boxes import Box, LayoutOptions, T
from ocrpipe.stages.paragraphs import Row


@dataclass(frozen=True, slots=True)
class Cell(Generic[T]):
    """Lines below each other that belong together: one, or several where the text of a cell was broken."""

    boxes: tuple[Box[T], ...]

    @property
    def middle(self) -> float:
        """Height on the page of the cell's middle."""
        return (self.boxes[0].top + self.boxes[-1].bottom) / 2


def cells(boxes: Sequence[Box[T]], options: LayoutOptions) -> list[Cell[T]]:
    """Boxes of a column from top to bottom as cells, several lines to a cell where their distances say so.

    Distances within cells have to be clearly smaller than those between cells, of which there are several;
    where they are not, every line is a cell.
    """
    limit = _cell_step(boxes, options)
    found: list[list[Box[T]]] = []
    for box in boxes:
        if found and box.middle - found[-1][-1].middle < limit:
            found[-1].append(box)
        else:
            found.append([box])
    if max(map(len, found), default=0) > options.max_cell_lines:
        return [Cell((box,)) for box in boxes]
    return [Cell(tuple(cell)) for cell in found]


def _cell_step(boxes: Sequence[Box[T]], options: LayoutOptions) -> float:
    """Pixels below which two lines of a column are of one cell; 0 where all distances are alike."""
    steps = sorted(below.middle - above.middle for above, below in pairwise(boxes))
    height = max(median(box.height for box in boxes), 1.0) if boxes else 1.0
    best, limit = options.min_cell_ratio, 0.0
    for i, (low, high) in enumerate(pairwise(steps), 1):
        ratio = high / max(low, 1.0)
        if ratio > best and len(steps) - i >= 2 and low <= options.max_cell_step * height:
            best, limit = ratio, min((low + high) / 2, options.min_cell_ratio * low)
    return limit


def step(above: Box[T], below: Box[T]) -> float:
    """Distance of two lines' middles in line heights."""
    return (below.middle - above.middle) / max(min(above.height, below.height), 1.0)


def with_whole_cells(rows: Sequence[Row[T]], options: LayoutOptions) -> list[Row[T]]:
    """Rows of a table in which the lines of a broken cell stand together, at the place of their column.

    Rows are joined along a cell of several lines, all but the last of them full, where the cells beside it
    are level with each other, and there is at least one.

    Args:
        rows: From top to bottom.
        options: What makes a cell.
    """
    columns = _columns([box for row in rows for box in row.boxes])
    row_of = {id(box): i for i, row in enumerate(rows) for box in row.boxes}
    found = [cells(column, options) for column in columns]
    joined = list(range(len(rows)))  # the first row of those that each is joined with
    for own in found:
        for cell in own:
            first, last = (row_of[id(cell.boxes[end])] for end in (0, -1))
            beside = [
                box for row in rows[first : last + 1] for box in row.boxes if not _is_among(box, cell.boxes)
            ]
            if last > first and beside and _is_broken(cell, own, options) and _are_level(beside):
                joined[first : last + 1] = [joined[first]] * (last + 1 - first)
    place = {id(box): column[0].left for column in columns for box in column}
    result = []
    for _, group in groupby(range(len(rows)), lambda i: joined[i]):
        members = [rows[i] for i in group]
        if len(members) == 1:
            result.append(members[0])
            continue
        boxes = sorted(
            (box for row in members for box in row.boxes), key=lambda box: (place[id(box)], box.middle)
        )
        result.append(Row(boxes, max(boxes, key=lambda box: box.width)))
    return result


def _is_broken(cell: Cell[T], column: Sequence[Cell[T]], options: LayoutOptions) -> bool:
    """Whether a cell looks like one text that was broken into lines of one size at the column's width."""
    width = max(box.width for other in column for box in other.boxes)
    heights = [box.height for box in cell.boxes]
    full = all(box.width >= options.min_wrapped_width * width for box in cell.boxes[:-1])
    return full and min(heights) >= options.min_size_ratio * max(heights)


def _are_level(boxes: Sequence[Box[T]]) -> bool:
    """Whether all boxes are of one row."""
    middles = [box.middle for box in boxes]
    return max(middles) - min(middles) < 0.5 * min(box.height for box in boxes)


def _is_among(box: Box[T], boxes: Sequence[Box[T]]) -> bool:
    return any(box is other for other in boxes)


def _columns(boxes: Sequence[Box[T]]) -> list[list[Box[T]]]:
    """Boxes below each other, from top to bottom, in columns from left to right.

    A box that lies over several columns, such as a heading, is a column of its own.
    """
    columns: list[list[Box[T]]] = []
    for box in sorted(boxes, key=lambda box: (box.width, box.left, box.middle)):
        near = [column for column in columns if any(_overlap(box, other) for other in column)]
        if len(near) == 1:
            near[0].append(box)
        else:
            columns.append([box])
    for column in columns:
        column.sort(key=lambda box: box.middle)
    return sorted(columns, key=lambda column: min(box.left for box in column))


def _overlap(one: Box[T], other: Box[T]) -> bool:
    return min(one.right, other.right) - max(one.left, other.left) > 0.3 * min(one.width, other.width)
