"""Reading order: columns, rows and paragraphs of a page's lines, from their boxes alone.

The page is cut at the gutter along which most lines face each other. Lines that cross it, a heading over two
columns say, stay where they are and divide the rest into stretches; of each stretch the left side is read
before the right one, and every part is cut again: a recursive XY-cut whose cuts may be crossed (after Nagy
and Seth, "Hierarchical representation of optically scanned documents", ICPR 1984). The spaces between the
cells of a table are no gutters: what they part is level row by row and no running text, and is read along the
rows. All distances are relative to line heights.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from statistics import median
from typing import Generic

from ocrpipe.geometry import enclosing_quad, quad_angle, quad_size, rotate_points
from ocrpipe.page import Quad
from ocrpipe.stages.boxes import Box, LayoutOptions, T
from ocrpipe.stages.paragraphs import paragraphs, rows

_DEFAULT = LayoutOptions()
_ITEM = re.compile(r"\s*[(（]?(\d{1,2})\s*[.．)）、]\s*[^\W\d]")  # a list's number, then a letter or hanzi


@dataclass(frozen=True, slots=True)
class Block(Generic[T]):
    """A paragraph: its lines in reading order, and the smallest rectangle of their direction around them."""

    lines: tuple[T, ...]
    quad: Quad


def arrange(
    lines: Sequence[T], *, angle: float = 0.0, options: LayoutOptions = _DEFAULT
) -> tuple[Block[T], ...]:
    """Put lines into reading order and group them into paragraphs.

    Args:
        lines: In any order; the result does not depend on it.
        angle: Direction of the text in the lines' coordinates, in degrees, clockwise positive.
        options: Thresholds.

    Returns:
        Paragraphs in reading order; empty for no lines.
    """
    if not lines:
        return ()
    return tuple(
        Block(tuple(box.line for box in boxes), enclosing_quad([box.line.quad for box in boxes], angle))
        for block in _Columns(options).blocks(_boxes(lines, angle, options))
        for boxes in paragraphs(rows(block, options), options)
    )


def _boxes(lines: Sequence[T], angle: float, options: LayoutOptions) -> list[Box[T]]:
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
    height = max(median(bottom - top for _, top, _, bottom in spans), 1.0)
    boxes = []
    for line, (left, top, right, bottom) in zip(lines, spans, strict=True):
        inset = 0.15 * (bottom - top)  # lines set solid may touch
        first, last = (round((y - start) * options.slices / height) for y in (top + inset, bottom - inset))
        extent = (1 << max(last, first + 1)) - (1 << first)
        boxes.append(Box(line, left, top, right, bottom, extent))
    return sorted(boxes, key=_place)


def _place(box: Box[T]) -> tuple[object, ...]:
    """A key that leaves no two different boxes in the order they came in."""
    line = box.line
    return box.middle, box.left, box.right, box.top, line.quad, line.text, line.confidence, line.score


def _turn(angle: float) -> float:
    """The same angle within -180..180."""
    return (angle + 180) % 360 - 180


class _Columns:
    """Recursive cutting of a page at its gutters."""

    def __init__(self, options: LayoutOptions) -> None:
        self._options = options

    def blocks(self, boxes: list[Box[T]]) -> list[list[Box[T]]]:
        """Blocks in reading order, each to be read row by row."""
        for gutter in self._gutters(boxes):
            parts = self._cut(boxes, gutter)
            if len(parts) > 1:
                return [block for part in parts for block in self.blocks(part)]
        return [boxes]

    def _gutters(self, boxes: list[Box[T]]) -> list[float]:
        """Left edges where columns may begin, most lines side by side first, none near a better one."""
        height = _height(boxes)
        starts: dict[int, float] = {}
        for box in boxes:
            place = int(2 * box.left // height)
            starts[place] = min(box.left, starts.get(place, box.left))
        facing = {start: self._facing(*self._sides(boxes, start, height)) for start in starts.values()}
        gutters: list[float] = []
        for start in sorted(facing, key=lambda start: (-facing[start], start)):
            if facing[start] >= self._options.min_facing and all(
                abs(start - other) > 1.5 * height for other in gutters
            ):
                gutters.append(start)
        return gutters

    def _sides(
        self, boxes: list[Box[T]], start: float, height: float
    ) -> tuple[list[Box[T]], list[Box[T]], list[Box[T]]]:
        """Boxes left of a column's start, right of it, and across."""
        left = [box for box in boxes if box.right <= start - self._options.min_clear * height]
        right = [box for box in boxes if box.left >= start - 0.1 * height]
        across = [
            box
            for box in boxes
            if box.right > start - self._options.min_clear * height and box.left < start - 0.1 * height
        ]
        return left, right, across

    def _facing(self, left: list[Box[T]], right: list[Box[T]], across: list[Box[T]]) -> float:
        """Height, in line heights, along which boxes stand on both sides of a gutter and none across it."""
        sides = _closed(_extent(left)) & _closed(_extent(right))
        return (sides & ~_extent(across)).bit_count() / self._options.slices

    def _cut(self, boxes: list[Box[T]], start: float) -> list[list[Box[T]]]:
        """Parts in reading order: columns left and right of where one starts, and what lies between them."""
        height = _height(boxes)
        _, _, across = self._sides(boxes, start, height)
        wall = _extent(across)
        stretches: list[tuple[bool, list[Box[T]]]] = []
        reach = float("-inf")
        for box in boxes:
            free = 2 * (box.extent & wall).bit_count() < box.extent.bit_count()
            if (
                not stretches
                or free != stretches[-1][0]
                or (free and box.top - reach > self._options.max_gap * height)
            ):
                stretches.append((free, []))
            stretches[-1][1].append(box)
            reach = max(reach, box.bottom)

        parts: list[list[Box[T]]] = []
        plain: list[Box[T]] = []
        for free, stretch in stretches:
            left, right, _ = self._sides(stretch, start, height)
            if (
                free
                and left
                and right
                and self._parted(left, right, height)
                and not self._tabular(left, right)
            ):
                parts += [plain, left, right]
                plain = []
            else:
                plain += stretch
        return [part for part in [*parts, plain] if part]

    def _parted(self, left: list[Box[T]], right: list[Box[T]], height: float) -> bool:
        """Whether the space between two sides is a gutter: the shorter, the wider it has to be."""
        facing = self._facing(left, right, [])
        space = min(box.left for box in right) - max(box.right for box in left)
        return facing >= self._options.min_facing and facing * space >= self._options.min_gutter_area * height

    def _tabular(self, left: list[Box[T]], right: list[Box[T]]) -> bool:
        """Whether two sides of a gutter are cells of common rows: mostly level, not both running text.

        A numbered list at the right is a block of its own; numbers at the left count the rows of a table.
        """
        sides = _nearest(left, lambda box: box.right), _nearest(right, lambda box: -box.left)
        if _longest_count(sides[1]) >= self._options.min_list_items:
            return False
        few, many = sorted(sides, key=len)
        running = self._running(few), self._running(many)
        if all(running) or (
            running[1]
            and 2 * len(few) < len(many)
            and _width(few) > self._options.max_label_width * _height(few)
        ):
            return False  # columns, or a caption beside running text
        middles = [box.middle for box in many]
        level = 0
        for box in few:
            place = bisect(middles, box.middle)
            near = many[max(place - 1, 0) : place + 1]
            level += any(
                abs(one.middle - box.middle) < self._options.max_level_offset * min(one.height, box.height)
                for one in near
            )
        return level >= (0.75 if any(running) else 0.5) * len(few)

    def _running(self, boxes: list[Box[T]]) -> bool:
        """Whether lines below each other are long, and most nearly as long as the two above and below."""
        widths = [box.width for box in boxes]
        full = sum(width >= 0.8 * max(widths[max(i - 2, 0) : i + 3]) for i, width in enumerate(widths))
        return (
            len(boxes) > 2
            and _width(boxes) >= self._options.min_prose_width * _height(boxes)
            and full >= 0.6 * len(boxes)
        )


def _closed(extent: int) -> int:
    """The slices covered or next to covered ones, so that the space between lines counts as well."""
    return extent | extent << 1 | extent << 2 | extent << 3 | extent >> 1 | extent >> 2 | extent >> 3


def _longest_count(boxes: list[Box[T]]) -> int:
    """The most boxes below each other that are numbered one after the other, with text after the number."""
    numbers = [_ITEM.match(box.line.text) for box in boxes]
    longest = count = 0
    before = -1
    for match in numbers:
        number = int(match[1]) if match else -1
        count = count + 1 if match and number == before + 1 else int(bool(match))
        before = number
        longest = max(longest, count)
    return longest


def _nearest(boxes: list[Box[T]], reach: Callable[[Box[T]], float]) -> list[Box[T]]:
    """Of each row the box that reaches farthest towards the gutter, from top to bottom."""
    nearest: list[Box[T]] = []
    for box in boxes:
        if nearest and box.middle - nearest[-1].middle < 0.5 * min(box.height, nearest[-1].height):
            nearest[-1] = max(nearest[-1], box, key=reach)
        else:
            nearest.append(box)
    return nearest


def _width(boxes: list[Box[T]]) -> float:
    return median(box.width for box in boxes)


def _height(boxes: list[Box[T]]) -> float:
    return max(median(box.height for box in boxes), 1.0)


def _extent(boxes: list[Box[T]]) -> int:
    return reduce(or_, (box.extent for box in boxes), 0)
