"""Cells of a column: lines of which several belong together where a cell's text was broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Generic

from ocrpipe.stages.boxes import Box, LayoutOptions, T


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
            best, limit = ratio, (low + high) / 2
    return limit


def step(above: Box[T], below: Box[T]) -> float:
    """Distance of two lines' middles in line heights."""
    return (below.middle - above.middle) / max(min(above.height, below.height), 1.0)
