"""Reading order: columns, rows and paragraphs of a page's lines, from their boxes alone.

A recursive XY-cut (Nagy and Seth 1984) in two moves: bands of lines that share a gutter are columns and are
read one after the other; everything else is read row by row. A gutter only counts between blocks of running
text, so that the cells of a table are read along its rows. All distances are relative to line heights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ocrpipe.geometry import enclosing_quad, rotate_points
from ocrpipe.page import Line, Paragraph

_GUTTER = 0.8  # least width of the space between columns, in line heights
_COLUMN_LINES = 3  # least lines of a column
_COLUMN_WIDTH = 7.0  # least median width of a column's lines, in line heights
_FILLED = 0.6  # least median share of the column's width that its lines fill
_SHRINK = 0.2  # of a line's height that neighbours may overlap


@dataclass(frozen=True, slots=True)
class _Box:
    """A line's bounding box on the page turned so that its text runs level."""

    line: Line
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


_Row = list[_Box]


def arrange(lines: Sequence[Line], *, angle: float = 0.0) -> tuple[Paragraph, ...]:
    """Put lines into reading order and group them into paragraphs.

    Args:
        lines: In any order; the result does not depend on it.
        angle: Direction of the text on the caller's image, in degrees.

    Returns:
        Paragraphs in reading order; empty for no lines.
    """
    boxes = []
    for line in lines:
        corners = rotate_points(line.quad, -angle)
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        boxes.append(_Box(line, min(xs), min(ys), max(xs), max(ys)))
    boxes.sort(key=lambda box: (box.top, box.left, box.right, box.bottom, box.line.text, box.line.score))
    blocks = _blocks(boxes)
    return tuple(
        Paragraph(found, enclosing_quad([line.quad for line in found], angle))
        for block in blocks
        for found in _paragraphs(_rows(block))
    )


def _blocks(boxes: list[_Box]) -> list[list[_Box]]:
    """Blocks in reading order, each to be read row by row."""
    if not boxes:
        return []
    halves = _split_columns(boxes)
    if halves:
        return [block for half in halves for block in _blocks(half)]
    groups = _groups(_bands(boxes))
    if len(groups) == 1:
        return [boxes]
    blocks: list[list[_Box]] = []
    plain: list[_Box] = []
    for group in groups:
        halves = _split_columns(group)
        if not halves:  # neighbours without columns stay one block, so that paragraphs see their context
            plain += group
            continue
        blocks += [plain] if plain else []
        blocks += [block for half in halves for block in _blocks(half)]
        plain = []
    return [*blocks, plain] if plain else blocks


def _bands(boxes: list[_Box]) -> list[list[_Box]]:
    """Split where a horizontal line crosses no box, from top to bottom."""
    bands: list[list[_Box]] = []
    reach = float("-inf")
    for box in sorted(boxes, key=lambda box: (box.top + _SHRINK * box.height, box.left)):
        if box.top + _SHRINK * box.height >= reach:
            bands.append([])
        bands[-1].append(box)
        reach = max(reach, box.bottom - _SHRINK * box.height)
    return bands


def _groups(bands: list[list[_Box]]) -> list[list[_Box]]:
    """Join neighbouring bands as long as one gutter runs through all of them."""
    groups: list[list[_Box]] = []
    gaps: list[tuple[float, float]] = []
    for band in bands:
        shared = _meet(gaps, _gaps(band)) if gaps else []
        if groups and shared:
            groups[-1] = groups[-1] + band
            gaps = shared
        else:
            groups.append(list(band))
            gaps = _gaps(band)
    return groups


def _gaps(boxes: list[_Box]) -> list[tuple[float, float]]:
    """Vertical strips, wide enough for a gutter, that no box touches; the outside counts as well."""
    least = _GUTTER * median(box.height for box in boxes)
    gaps, reach = [], float("-inf")
    for box in sorted(boxes, key=lambda box: box.left):
        if box.left - reach >= least:
            gaps.append((reach, box.left))
        reach = max(reach, box.right)
    return [*gaps, (reach, float("inf"))]


def _meet(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What gaps of two bands share, if some of it lies inside: a common outside is no gutter."""
    shared = [(max(a, c), min(b, d)) for a, b in first for c, d in second if min(b, d) - max(a, c) > 1]
    inner = [gap for gap in shared if gap[0] > float("-inf") and gap[1] < float("inf")]
    return shared if inner else []


def _split_columns(boxes: list[_Box]) -> list[list[_Box]] | None:
    """Two halves at the best gutter between blocks of running text, left one first."""
    best: tuple[float, list[list[_Box]]] | None = None
    for left, right in _gaps(boxes):
        if left == float("-inf") or right == float("inf"):
            continue
        middle = (left + right) / 2
        halves = [[b for b in boxes if b.right < middle], [b for b in boxes if b.left > middle]]
        if all(map(_is_column, halves)) and (best is None or right - left > best[0]):
            best = right - left, halves
    return best[1] if best else None


def _is_column(boxes: list[_Box]) -> bool:
    """Whether a block looks like running text, or like several columns of it, rather than a table's cells."""
    rows = _rows(boxes)
    if len(rows) < _COLUMN_LINES:
        return False
    height = median(box.height for box in boxes)
    widths = [row[-1].right - row[0].left for row in rows]
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    long = median(box.right - box.left for box in boxes) >= _COLUMN_WIDTH * height
    return long and median(widths) >= _FILLED * width


def _rows(boxes: Iterable[_Box]) -> list[_Row]:
    """Rows from top to bottom, each from left to right; a box joins the row whose first it is level with."""
    rows: list[_Row] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        for row in reversed(rows[-4:]):
            apart = [other for other in row if min(other.right, box.right) > max(other.left, box.left)]
            if abs(row[0].middle - box.middle) < 0.5 * min(row[0].height, box.height) and not apart:
                row.append(box)
                break
        else:
            rows.append([box])
    for row in rows:
        row.sort(key=lambda box: box.left)
    return sorted(rows, key=lambda row: min(box.middle for box in row))


def _paragraphs(rows: list[_Row]) -> list[tuple[Line, ...]]:
    """Split a block's rows at wide gaps, changes of size, indents and after short lines."""
    if not rows:
        return []
    left = min(row[0].left for row in rows)
    right = max(row[-1].right for row in rows)
    gaps = [_gap(above, below) for above, below in zip(rows, rows[1:], strict=False)]
    usual = median(gaps) if gaps else 0.0
    paragraphs = [list(rows[0])]
    for above, below, gap in zip(rows, rows[1:], gaps, strict=False):
        if _breaks(above, below, gap, usual, left, right):
            paragraphs.append([])
        paragraphs[-1] += below
    return [tuple(box.line for box in boxes) for boxes in paragraphs]


def _breaks(above: _Row, below: _Row, gap: float, usual: float, left: float, right: float) -> bool:
    heights = [median(box.height for box in row) for row in (above, below)]
    height = max(heights)
    if gap > max(usual, 0.0) + 0.5 * height or min(heights) < 0.7 * height:
        return True
    if len(above) > 1 or len(below) > 1:  # a table's rows stay together
        return False
    indented = below[0].left - left > 0.9 * height
    flush = above[0].left - left < 0.5 * height
    ends_early = right - above[0].right > 0.2 * (right - left)
    return (indented and flush) or (ends_early and right - left > 12 * height)


def _gap(above: _Row, below: _Row) -> float:
    return min(box.top for box in below) - max(box.bottom for box in above)
