"""Reading order: columns, rows and paragraphs of a page's lines, from their boxes alone.

The page is cut at the gutter along which most lines face each other. Lines that cross it, a heading over two
columns say, stay where they are and divide the rest into stretches; of each stretch the left side is read
before the right one, and every part is cut again: a recursive XY-cut whose cuts may be crossed (after Nagy
and Seth, "Hierarchical representation of optically scanned documents", ICPR 1984). The spaces between the
cells of a table are no gutters: what they part is level row by row and no running text, and is read along the
rows. All distances are relative to line heights.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from statistics import median

from ocrpipe.geometry import enclosing_quad, quad_angle, quad_size, rotate_points
from ocrpipe.page import Line, Paragraph
from ocrpipe.stages.paragraphs import Box, paragraphs, rows

# In line heights, unless said otherwise.
_SLICES = 4  # of the page's height to one line height
_CLEAR = 0.3  # least space left of a column
_FACING = 3.0  # least height along which columns stand side by side: two lines
_GUTTER = 7.0  # least product of a gutter's height and width, so that short ones have to be wide
_APART = 1.8  # space over both columns that ends them
_LEVEL = 0.25  # by how much the cells of a table's row may differ
_LABEL = 6.0  # width of what may stand beside running text and be read along its rows, a list's markers say
_PROSE = 10.0  # least width of running text


def arrange(lines: Sequence[Line], *, angle: float = 0.0) -> tuple[Paragraph, ...]:
    """Put lines into reading order and group them into paragraphs.

    Args:
        lines: In any order; the result does not depend on it.
        angle: Direction of the text on the caller's image in degrees; the lines' own quads refine it.

    Returns:
        Paragraphs in reading order; empty for no lines.
    """
    if not lines:
        return ()
    angle += _tilt(lines, angle)
    return tuple(
        Paragraph(tuple(box.line for box in boxes), enclosing_quad([box.line.quad for box in boxes], angle))
        for block in _blocks(_level(lines, angle))
        for boxes in paragraphs(rows(block))
    )


def _level(lines: Sequence[Line], angle: float) -> list[Box]:
    """Boxes on the page turned level, from top to bottom."""
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
        first, last = (round((y - start) * _SLICES / height) for y in (top + inset, bottom - inset))
        extent = (1 << max(last, first + 1)) - (1 << first)
        boxes.append(Box(line, left, top, right, bottom, extent))
    return sorted(boxes, key=_place)


def _place(box: Box) -> tuple[object, ...]:
    """A key that leaves no two different boxes in the order they came in."""
    line = box.line
    return box.middle, box.left, box.right, box.top, line.quad, line.text, line.confidence, line.score


def _tilt(lines: Sequence[Line], angle: float) -> float:
    """Median difference between the direction of the lines and the one expected, weighted by length."""
    tilts = sorted((_turn(quad_angle(line.quad) - angle), quad_size(line.quad)[0]) for line in lines)
    tilts = [(tilt, length) for tilt, length in tilts if abs(tilt) < 15]
    rest = sum(length for _, length in tilts) / 2
    for tilt, length in tilts:
        rest -= length
        if rest <= 0:
            return tilt
    return 0.0


def _turn(angle: float) -> float:
    """The same angle within -180..180."""
    return (angle + 180) % 360 - 180


def _blocks(boxes: list[Box]) -> list[list[Box]]:
    """Blocks in reading order, each to be read row by row."""
    for gutter in _gutters(boxes):
        parts = _cut(boxes, gutter)
        if len(parts) > 1:
            return [block for part in parts for block in _blocks(part)]
    return [boxes]


def _gutters(boxes: list[Box]) -> list[float]:
    """Left edges where columns may begin, most lines side by side first, none near a better one."""
    height = _height(boxes)
    starts: dict[int, float] = {}
    for box in boxes:
        place = int(2 * box.left // height)
        starts[place] = min(box.left, starts.get(place, box.left))
    facing = {start: _facing(*_sides(boxes, start, height)) for start in starts.values()}
    gutters: list[float] = []
    for start in sorted(facing, key=lambda start: (-facing[start], start)):
        if facing[start] >= _FACING and all(abs(start - other) > 1.5 * height for other in gutters):
            gutters.append(start)
    return gutters


def _sides(boxes: list[Box], start: float, height: float) -> tuple[list[Box], list[Box], list[Box]]:
    """Boxes left of a column's start, right of it, and across."""
    left = [box for box in boxes if box.right <= start - _CLEAR * height]
    right = [box for box in boxes if box.left >= start - 0.1 * height]
    across = [box for box in boxes if box.right > start - _CLEAR * height and box.left < start - 0.1 * height]
    return left, right, across


def _facing(left: list[Box], right: list[Box], across: list[Box]) -> float:
    """Height, in line heights, along which boxes stand on both sides of a gutter and none across it."""
    sides = _closed(_extent(left)) & _closed(_extent(right))
    return (sides & ~_extent(across)).bit_count() / _SLICES


def _closed(extent: int) -> int:
    """The slices covered or next to covered ones, so that the space between lines counts as well."""
    return extent | extent << 1 | extent << 2 | extent << 3 | extent >> 1 | extent >> 2 | extent >> 3


def _cut(boxes: list[Box], start: float) -> list[list[Box]]:
    """Parts in reading order: columns left and right of where one starts, and what lies between them."""
    height = _height(boxes)
    _, _, across = _sides(boxes, start, height)
    wall = _extent(across)
    stretches: list[tuple[bool, list[Box]]] = []
    reach = float("-inf")
    for box in boxes:
        free = 2 * (box.extent & wall).bit_count() < box.extent.bit_count()
        if not stretches or free != stretches[-1][0] or (free and box.top - reach > _APART * height):
            stretches.append((free, []))
        stretches[-1][1].append(box)
        reach = max(reach, box.bottom)

    parts: list[list[Box]] = []
    plain: list[Box] = []
    for free, stretch in stretches:
        left, right, _ = _sides(stretch, start, height)
        if free and left and right and _parted(left, right, height) and not _tabular(left, right):
            parts += [plain, left, right]
            plain = []
        else:
            plain += stretch
    return [part for part in [*parts, plain] if part]


def _parted(left: list[Box], right: list[Box], height: float) -> bool:
    """Whether the space between two sides is a gutter: the shorter, the wider it has to be."""
    facing = _facing(left, right, [])
    space = min(box.left for box in right) - max(box.right for box in left)
    return facing >= _FACING and facing * space >= _GUTTER * height


def _tabular(left: list[Box], right: list[Box]) -> bool:
    """Whether two sides of a gutter are cells of common rows: mostly level, not both running text."""
    sides = _nearest(left, lambda box: box.right), _nearest(right, lambda box: -box.left)
    few, many = sorted(sides, key=len)
    running = _running(few), _running(many)
    if all(running) or (running[1] and 2 * len(few) < len(many) and _width(few) > _LABEL * _height(few)):
        return False  # columns, or a caption beside running text
    middles = [box.middle for box in many]
    level = 0
    for box in few:
        place = bisect(middles, box.middle)
        near = many[max(place - 1, 0) : place + 1]
        level += any(abs(one.middle - box.middle) < _LEVEL * min(one.height, box.height) for one in near)
    return level >= (0.75 if any(running) else 0.5) * len(few)


def _nearest(boxes: list[Box], reach: Callable[[Box], float]) -> list[Box]:
    """Of each row the box that reaches farthest towards the gutter, from top to bottom."""
    nearest: list[Box] = []
    for box in boxes:
        if nearest and box.middle - nearest[-1].middle < 0.5 * min(box.height, nearest[-1].height):
            nearest[-1] = max(nearest[-1], box, key=reach)
        else:
            nearest.append(box)
    return nearest


def _running(boxes: list[Box]) -> bool:
    """Whether lines below each other are long, and most nearly as long as the two above and below."""
    widths = [box.width for box in boxes]
    full = sum(width >= 0.8 * max(widths[max(i - 2, 0) : i + 3]) for i, width in enumerate(widths))
    return len(boxes) > 2 and _width(boxes) >= _PROSE * _height(boxes) and full >= 0.6 * len(boxes)


def _width(boxes: list[Box]) -> float:
    return median(box.width for box in boxes)


def _height(boxes: list[Box]) -> float:
    return max(median(box.height for box in boxes), 1.0)


def _extent(boxes: list[Box]) -> int:
    return reduce(or_, (box.extent for box in boxes), 0)
