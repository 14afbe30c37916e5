"""Reading order: blocks and paragraphs of a page's lines, from their boxes and texts.

``columns`` cuts the page into blocks, ``paragraphs`` each block into rows and paragraphs. All distances are
relative to line heights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from statistics import median
from typing import Any, cast

from ocrpipe.geometry import enclosing_quad, quad_angle, quad_size, rotate_points
from ocrpipe.stages.aligned import aligned_tables
from ocrpipe.stages.boxes import Block, Box, LayoutOptions, Placed, Region, T
from ocrpipe.stages.cells import with_whole_cells
from ocrpipe.stages.columns import Columns
from ocrpipe.stages.evidence import Continuation
from ocrpipe.stages.grid import Grid
from ocrpipe.stages.paragraphs import paragraphs, rows

_DEFAULT = LayoutOptions()


def arrange(
    lines: Sequence[T],
    *,
    regions: Sequence[Region[T]] = (),
    angle: float = 0.0,
    continuation: Continuation | None = None,
    options: LayoutOptions = _DEFAULT,
) -> tuple[Block[T], ...]:
    """Put lines into reading order and group them into paragraphs.

    Args and result as of ``arrange_page``, without the tables.
    """
    return arrange_page(lines, regions=regions, angle=angle, continuation=continuation, options=options)[0]


def arrange_page(
    lines: Sequence[T],
    *,
    regions: Sequence[Region[T]] = (),
    angle: float = 0.0,
    continuation: Continuation | None = None,
    options: LayoutOptions = _DEFAULT,
) -> tuple[tuple[Block[T], ...], list[Grid[T]]]:
    """Put lines into reading order, group them into paragraphs, and find tables without ruled lines.

    Args:
        lines: In any order; the result does not depend on it.
        regions: Lines in an order of their own, which are placed as a whole.
        angle: Direction of the text in the lines' coordinates, in degrees, clockwise positive.
        continuation: How well a text goes on in another; without it, the boxes and texts alone decide.
        options: Thresholds.

    Returns:
        Paragraphs in reading order, and the tables; empty for no lines and regions.
    """
    items: list[Placed] = [*lines, *regions]
    if not items:
        return (), []
    remembered = continuation and lru_cache(None)(continuation)
    found: list[Block[T]] = []
    tables: list[Grid[Any]] = []
    for block in Columns(options, remembered).blocks(_boxes(items, angle, options)):
        read = with_whole_cells(rows(block, options), options)
        tables += aligned_tables(read, angle, options)
        for boxes in paragraphs(read, options):
            found += _expanded([box.line for box in boxes], angle)
    return tuple(found), tables


def _expanded(items: Sequence[Placed], angle: float) -> Iterator[Block[Any]]:
    """A paragraph, ended by each region within it, whose own paragraphs follow."""
    for is_region, group in groupby(items, lambda item: isinstance(item, Region)):
        if is_region:
            for region in group:
                yield from cast("Region[Any]", region).blocks
        else:
            lines = tuple(group)
            yield Block(lines, enclosing_quad([line.quad for line in lines], angle))


def _boxes(lines: Sequence[Placed], angle: float, options: LayoutOptions) -> list[Box[Placed]]:
    """Axis-aligned boxes after turning the lines level, from top to bottom."""
    spans = []
    for line in lines:
        corners = rotate_points(line.quad, -angle)
        xs, ys = sorted(x for x, _ in corners), sorted(y for _, y in corners)
        if abs(_turn(quad_angle(line.quad) - angle)) < 45:  # tight where a line is not quite level
            half = quad_size(line.quad)[1] / 2
            spans.append(((xs[0] + xs[1]) / 2, sum(ys) / 4 - half, (xs[2] + xs[3]) / 2, sum(ys) / 4 + half))
        else:
            spans.append((xs[0], ys[0], xs[3], ys[3]))
    start = min(top for _, top, _, _ in spans)
    single = [span for line, span in zip(lines, spans, strict=True) if not isinstance(line, Region)] or spans
    height = max(median(bottom - top for _, top, _, bottom in single), 1.0)
    boxes = []
    for line, (left, top, right, bottom) in zip(lines, spans, strict=True):
        inset = 0.15 * (bottom - top)  # lines set solid may touch
        first, last = (round((y - start) * options.slices / height) for y in (top + inset, bottom - inset))
        extent = (1 << max(last, first + 1)) - (1 << first)
        boxes.append(Box(line, left, top, right, bottom, extent))
    return sorted(boxes, key=_place)


def _place(box: Box[Placed]) -> tuple[object, ...]:
    """A key that leaves no two different boxes in the order they came in."""
    line = box.line
    return box.middle, box.left, box.right, box.top, line.quad, line.text, line.confidence, line.score


def _turn(angle: float) -> float:
    """The same angle within -180..180."""
    return (angle + 180) % 360 - 180
