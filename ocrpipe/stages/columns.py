"""The blocks of a page in reading order: columns, and what lies above, between and below them.

The page is cut at the gutter along which most lines face each other. Lines that cross it, a heading over two
columns say, stay where they are and divide the rest into stretches; of each stretch the left side is read
before the right one, and every part is cut again: a recursive XY-cut whose cuts may be crossed (after Nagy
and Seth, "Hierarchical representation of optically scanned documents", ICPR 1984). The spaces between the
cells of a table are no gutters; ``evidence`` tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise, takewhile
from operator import or_
from statistics import median

from ocrpipe.stages.boxes import Box, LayoutOptions, T
from ocrpipe.stages.evidence import Continuation, column_evidence
from ocrpipe.stages.paragraphs import Row, rows


class Columns:
    """Recursive cutting of a page at its gutters."""

    def __init__(self, options: LayoutOptions, continuation: Continuation | None) -> None:
        self._options = options
        self._continuation = continuation

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
        fringe = self._fringe(boxes, start)
        stretches: list[tuple[bool, list[Box[T]]]] = []
        reach = float("-inf")
        for box in boxes:
            free = 2 * (box.extent & wall).bit_count() < box.extent.bit_count() and box not in fringe
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

    def _fringe(self, boxes: list[Box[T]], start: float) -> list[Box[T]]:
        """Boxes of the first and the last rows that have cells at even distances on both sides of a gutter.

        Such rows, a page's header or a menu say, are part of neither column where they stand apart.
        """
        lines = rows(boxes, self._options)
        steps = [abs(below.widest.middle - above.widest.middle) for above, below in pairwise(lines)]
        usual = median(steps) if steps else 0.0
        fringe: list[Box[T]] = []
        for ordered in (lines, lines[::-1]):
            even = list(takewhile(lambda row: self._is_even(row, start), ordered))
            rest = ordered[len(even) :]
            if not even or not rest:
                continue
            gap = abs(rest[0].widest.middle - even[-1].widest.middle)
            if gap > self._options.min_header_gap * usual:
                fringe += [box for row in even for box in row.boxes]
        return fringe

    def _is_even(self, row: Row[T], start: float) -> bool:
        """Whether a row has several short boxes, and the space at a gutter is like those elsewhere."""
        spaces = sorted(after.left - before.right for before, after in pairwise(row.boxes))
        at_gutter = [
            after.left - before.right
            for before, after in pairwise(row.boxes)
            if before.right <= start <= after.left + 0.1 * after.height
        ]
        if len(spaces) < 2 or not at_gutter:
            return False
        usual = median(spaces)
        is_usual = at_gutter[0] <= self._options.max_header_space * usual
        return is_usual and median(box.width for box in row.boxes) <= 4 * usual

    def _parted(self, left: list[Box[T]], right: list[Box[T]], height: float) -> bool:
        """Whether the space between two sides is a gutter: the shorter, the wider it has to be."""
        facing = self._facing(left, right, [])
        space = min(box.left for box in right) - max(box.right for box in left)
        return facing >= self._options.min_facing and facing * space >= self._options.min_space_area * height

    def _tabular(self, left: list[Box[T]], right: list[Box[T]]) -> bool:
        """Whether two sides of a gutter are cells of common rows."""
        sides = _nearest(left, lambda box: box.right), _nearest(right, lambda box: -box.left)
        signs = column_evidence(*sides, self._continuation, self._options)
        return sum(signs.values()) <= 0


def _closed(extent: int) -> int:
    """The slices covered or next to covered ones, so that the space between lines counts as well."""
    return extent | extent << 1 | extent << 2 | extent << 3 | extent >> 1 | extent >> 2 | extent >> 3


def _nearest(boxes: list[Box[T]], reach: Callable[[Box[T]], float]) -> list[Box[T]]:
    """Of each row the box that reaches farthest towards the gutter, from top to bottom."""
    nearest: list[Box[T]] = []
    for box in boxes:
        if nearest and box.middle - nearest[-1].middle < 0.5 * min(box.height, nearest[-1].height):
            nearest[-1] = max(nearest[-1], box, key=reach)
        else:
            nearest.append(box)
    return nearest


def _height(boxes: list[Box[T]]) -> float:
    """Of lines; that of regions tells nothing."""
    return max(
        median([box.height for box in boxes if not box.is_region] or [box.height for box in boxes]), 1.0
    )


def _extent(boxes: list[Box[T]]) -> int:
    return reduce(or_, (box.extent for box in boxes), 0)
