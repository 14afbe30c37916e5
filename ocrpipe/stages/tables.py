"""Lines in the cells of ruled tables, put in order cell by cell, and the tables as grids."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from ocrpipe.geometry import Image, enclosing_quad, quad_size
from ocrpipe.stages.boxes import Block, LayoutOptions, Region, T
from ocrpipe.stages.evidence import Continuation
from ocrpipe.stages.grid import Grid, grid_of
from ocrpipe.stages.layout import arrange
from ocrpipe.stages.ruling import RulingOptions, ruled_tables


def table_regions(
    image: Image,
    lines: Sequence[T],
    *,
    angle: float = 0.0,
    continuation: Continuation | None = None,
    layout: LayoutOptions,
    ruling: RulingOptions,
) -> tuple[list[Region[T]], list[T], list[Grid[T]]]:
    """Find ruled tables and read them cell by cell.

    Args:
        image: The level view, H×W×3 RGB, uint8.
        lines: Of the page, in pixels of the view.
        angle: Direction of the text in the lines' coordinates, in degrees, clockwise positive.
        continuation: As for ``arrange``.
        layout: Options for the lines within a cell.
        ruling: Options for finding tables.

    Returns:
        A region for each table, of one paragraph unless a cell holds as much text as a page's block,  the
        lines outside all tables, and the tables as grids.
    """
    if len(lines) < ruling.min_cells:
        return [], list(lines), []
    height = max(median(quad_size(line.quad)[1] for line in lines), 1.0)
    regions: list[Region[T]] = []
    grids: list[Grid[T]] = []
    inside: set[int] = set()
    for table in ruled_tables(image, [line.quad for line in lines], height, ruling):
        inside.update(i for cell in table.reading for i in cell)
        groups: list[list[T]] = [[]]
        ordered: dict[int, tuple[T, ...]] = {}  # by the cell's first line
        for cell in table.reading:
            found = arrange([lines[i] for i in cell], angle=angle, continuation=continuation, options=layout)
            ordered[cell[0]] = tuple(line for block in found for line in block.lines)
            if len(cell) > layout.max_cell_lines:
                groups += [*(list(block.lines) for block in found), []]
            else:
                groups[-1] += ordered[cell[0]]
        blocks = [
            Block(tuple(group), enclosing_quad([line.quad for line in group], angle))
            for group in groups
            if group
        ]
        cells = [(quad, ordered.get(cell[0], ()) if cell else ()) for quad, cell in table.cells]
        grids.append(grid_of(cells, ruling.max_edge * height))
        regions.append(Region(tuple(blocks), enclosing_quad([block.quad for block in blocks], angle)))
    return regions, [line for i, line in enumerate(lines) if i not in inside], grids
