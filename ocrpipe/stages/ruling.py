"""Ruled tables: the cells that lines drawn on the page enclose, in the order they are read.

Long straight strokes are what is left of the page's edges by a morphological opening along each axis; a
cell is a region that they enclose. Cells that touch make a table. All lengths are relative to the text's
height, coordinates are pixels of the level view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.geometry import Image, quad_size
from ocrpipe.page import Quad


@dataclass(frozen=True, slots=True)
class RulingOptions:
    """How ruled tables are found. Lengths are in line heights.

    Attributes:
        height: Height of the text in pixels that pages with larger text are scaled down to.
        contrast: Least difference of a stroke to its surroundings, in grey levels.
        min_rule: Least length of a horizontal line; letters that touch give shorter ones.
        min_upright: Least length of a vertical line; longer than any stroke of a glyph.
        max_open: Most height of a cell without a line at its side.
        max_thickness: Most thickness of a ruled line.
        min_fill: Least part of a cell's bounding box that the cell fills.
        max_space: Most space between cells that touch.
        max_edge: Largest distance of edges of cells that are one line of the table.
        min_cells: Least number of a table's cells that hold text.
    """

    height: float = 20.0
    contrast: float = 8.0
    min_rule: float = 4.0
    min_upright: float = 2.0
    max_open: float = 8.0
    max_thickness: float = 0.35
    min_fill: float = 0.75
    max_space: float = 0.5
    max_edge: float = 0.45
    min_cells: int = 4

    def __post_init__(self) -> None:
        if (
            self.height < 4
            or min(self.min_rule, self.min_upright) <= 0
            or not 0 < self.min_fill <= 1
            or self.min_cells < 1
        ):
            raise ConfigError(f"options out of range: {self}")


@dataclass(frozen=True, slots=True)
class RuledCell:
    """A region enclosed by ruled lines: its edges at its middle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class RuledTable:
    """A table's cells, by the indices of the lines in them.

    Attributes:
        reading: Those with text in reading order: by rows, a cell over several rows with the first of them.
        cells: All cells with their corners, clockwise from the top left, in pixels of the level view.
    """

    reading: list[list[int]]
    cells: list[tuple[Quad, list[int]]]


def ruled_tables(
    image: Image,
    quads: Sequence[Quad],
    height: float,
    options: RulingOptions,
) -> list[RuledTable]:
    """Find the ruled tables of a page and what stands in their cells.

    Args:
        image: The level view, H×W×3 RGB, uint8.
        quads: Of the lines of text, in the view's pixels. A line is in the cell in which it begins.
        height: Of the text.
        options: Thresholds.

    Returns:
        The tables with at least ``options.min_cells`` cells that hold text, from top to bottom.
    """
    if not quads:
        return []
    scale = min(options.height / height, 1.0)
    unit = height * scale
    labels, stats = _regions(image, quads, scale, unit, options)
    within: dict[int, list[int]] = {}
    for i, points in enumerate(map(_points, quads)):
        around = (_label(labels, x * scale, y * scale) for x, y in points)
        if label := next(filter(None, around), 0):
            within.setdefault(label, []).append(i)
    cells = _cells(labels, stats, unit, options)
    tables = []
    for group in _touching(cells, options.max_space * unit):
        ordered = [label for label in _reading_order({k: cells[k] for k in group}, unit) if label in within]
        if len(ordered) >= options.min_cells:
            corners = [
                (_corners(labels, stats[label], label, scale), within.get(label, [])) for label in group
            ]
            tables.append(RuledTable([within[label] for label in ordered], corners))
    return tables


def _corners(labels: NDArray[np.int32], box: NDArray[np.int32], label: int, scale: float) -> Quad:
    """The outermost points of a region along the diagonals, in pixels of the level view."""
    left, top, width, height = (int(value) for value in box[:4])
    left, top = left - 1, top - 1  # of the border
    ys, xs = np.nonzero(labels[top : top + height, left : left + width] == label)
    total, difference = xs + ys, xs - ys
    ends = total.argmin(), difference.argmax(), total.argmax(), difference.argmin()
    first, second, third, fourth = (
        (float(left + xs[end] + right) / scale, float(top + ys[end] + low) / scale)
        for end, (right, low) in zip(ends, ((0, 0), (1, 0), (1, 1), (0, 1)), strict=True)
    )
    return first, second, third, fourth


def _points(quad: Quad) -> list[tuple[float, float]]:
    """Points on a line's axis: half a line height from its start, or its middle if it is shorter, and on."""
    width, height = quad_size(quad)
    first = min(height / max(width, 1.0), 1.0) / 2
    (left, top), (right, upper), (end, lower), (start, bottom) = quad
    x, y = (left + start) / 2, (top + bottom) / 2
    along, down = (right + end) / 2 - x, (upper + lower) / 2 - y
    return [(x + part * along, y + part * down) for part in (first, (1 + 2 * first) / 4, 0.5)]


def _inner(quad: Quad) -> NDArray[np.float64]:
    """The middle of a line's height, without its edges, which may touch a ruled line."""
    corners = np.array(quad, np.float64)
    corners += 0.2 * (corners[::-1] - corners)
    return corners


def _label(labels: NDArray[np.int32], x: float, y: float) -> int:
    row = min(max(round(y), 0), labels.shape[0] - 1)
    return int(labels[row, min(max(round(x), 0), labels.shape[1] - 1)])


def _regions(
    image: Image, quads: Sequence[Quad], scale: float, unit: float, options: RulingOptions
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Regions between ruled lines by number, and OpenCV's statistics of each; 0 are the lines themselves."""
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    thickness = np.ones((max(round(options.max_thickness * unit), 5),) * 2, np.uint8)
    is_dark = np.median(grey) < 128
    strokes = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT if is_dark else cv2.MORPH_BLACKHAT, thickness)
    ink = (strokes > options.contrast).astype(np.uint8)
    rule, upright = (max(round(part * unit), 8) for part in (options.min_rule, options.min_upright))
    for quad in quads:  # glyphs that touch would pass for lines
        cv2.fillConvexPoly(ink, np.rint(_inner(quad) * scale).astype(np.int32), 0)
    # A stroke may be a little off its axis, so it is made thicker first.
    level = cv2.morphologyEx(cv2.dilate(ink, np.ones((3, 1))), cv2.MORPH_OPEN, np.ones((1, rule)))
    ruled = cv2.morphologyEx(cv2.dilate(ink, np.ones((1, 3))), cv2.MORPH_OPEN, np.ones((upright, 1)))
    ruled = cv2.bitwise_or(ruled, level)
    for first, second in _open_sides(level, unit, options):
        cv2.line(ruled, first, second, 1)
    free = 1 - cv2.dilate(ruled, np.ones((3, 3), np.uint8))
    free = cv2.copyMakeBorder(free, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
    stats[labels[0, 0]] = 0  # what reaches the border
    return np.asarray(labels[1:-1, 1:-1], np.int32), np.asarray(stats, np.int32)


def _open_sides(
    level: NDArray[Any], unit: float, options: RulingOptions
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Lines along the sides of tables that have none: from end to end of level lines of one length."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(level, connectivity=8)
    ends = []
    for label in range(1, count):
        left, top, width, height, _ = stats[label].tolist()
        part = labels[top : top + height, left : left + width] == label
        first, last = (top + int(np.flatnonzero(part[:, column]).mean()) for column in (0, width - 1))
        ends.append((first, left, last, left + width - 1))
    sides = []
    above: list[tuple[int, int, int, int]] = []
    for below in sorted(ends):
        for one in [one for one in above if max(abs(one[1] - below[1]), abs(one[3] - below[3])) < 0.7 * unit]:
            above.remove(one)
            if below[0] - one[0] < options.max_open * unit:
                sides += [((one[1], one[0]), (below[1], below[0])), ((one[3], one[2]), (below[3], below[2]))]
        above.append(below)
    return sides


def _cells(
    labels: NDArray[np.int32], stats: NDArray[np.int32], unit: float, options: RulingOptions
) -> dict[int, RuledCell]:
    """Regions about as large as a line of text or larger that fill their bounding boxes."""
    cells = {}
    for label, (left, top, width, height, area) in enumerate(stats.tolist()):
        if not label or min(height, width) < 0.7 * unit or area < options.min_fill * height * width:
            continue
        left, top = left - 1, top - 1  # of the border
        column = labels[top : top + height, left + width // 2] == label
        if column.any():
            ends = np.flatnonzero(column)
            cells[label] = RuledCell(left, top + int(ends[0]), left + width, top + int(ends[-1]) + 1)
    return cells


def _touching(cells: dict[int, RuledCell], space: float) -> list[list[int]]:
    """Groups of cells that lie side by side or on top of each other, directly or by way of others."""
    left = sorted(cells, key=lambda label: (cells[label].top, cells[label].left, label))
    groups = []
    while left:
        group = [left.pop(0)]
        for label in group:
            near = [other for other in left if _touch(cells[label], cells[other], space)]
            group += near
            left = [other for other in left if other not in near]
        groups.append(group)
    return groups


def _touch(one: RuledCell, other: RuledCell, space: float) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    along = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(across, along) > space and min(across, along) > -space


def _reading_order(cells: dict[int, RuledCell], unit: float) -> list[int]:
    """Cells by the height on the page of their upper edges, then from left to right.

    Rows may rise or fall along the page, as in photographs: by as much as from a cell to the next on average.
    """
    slopes = [
        (other.top - one.top) / (_middle(other) - _middle(one))
        for one in cells.values()
        for other in cells.values()
        if 0 <= other.left - one.right < unit and abs(other.top - one.top) < 0.4 * unit
    ]
    slope = median(slopes) if slopes else 0.0
    tops = {label: cell.top - slope * _middle(cell) for label, cell in cells.items()}
    ordered: list[int] = []
    row: list[int] = []
    for label in sorted(cells, key=lambda label: tops[label]):
        if row and tops[label] - tops[row[-1]] > 0.4 * unit:
            ordered += sorted(row, key=lambda label: cells[label].left)
            row = []
        row.append(label)
    return ordered + sorted(row, key=lambda label: cells[label].left)


def _middle(cell: RuledCell) -> float:
    return (cell.left + cell.right) / 2
