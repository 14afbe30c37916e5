"""Rows of a block of text, and the paragraphs they form; the block has no columns of its own.

All distances are relative to the height of the lines at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ocrpipe.page import Line


@dataclass(frozen=True, slots=True)
class Box:
    """A line's upright box on the page turned so that its text runs level.

    ``extent`` has a bit set for each slice of the page's height that the box covers, which makes it cheap to
    see what lies side by side.
    """

    line: Line
    left: float
    top: float
    right: float
    bottom: float
    extent: int = 0

    @property
    def width(self) -> float:
        """Pixels along the text."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels across the text."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Height on the page of the line's middle."""
        return (self.top + self.bottom) / 2


@dataclass(slots=True)
class Row:
    """Boxes level with each other; the widest of them speaks for the row's place and height."""

    boxes: list[Box]
    widest: Box

    @property
    def left(self) -> float:
        """Where the first box starts."""
        return self.boxes[0].left

    @property
    def right(self) -> float:
        """Where the last box ends."""
        return self.boxes[-1].right


def rows(boxes: Iterable[Box]) -> list[Row]:
    """Rows from top to bottom, their boxes from left to right.

    A box joins the row whose widest box shares more than half of the lower height with it and whose boxes lie
    beside it; never by way of a third one, so that rows of a skewed page cannot grow into each other.
    """
    found: list[Row] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        shares = [_shared(row, box) for row in found[-5:]]
        share = max(shares, default=0.0)
        if share <= 0.5:
            found.append(Row([box], box))
            continue
        # A tall box, a drop capital say, is level with several rows and belongs to the first.
        row = found[len(found) - len(shares) + next(i for i, one in enumerate(shares) if one >= 0.9 * share)]
        row.boxes.append(box)
        if box.width > row.widest.width:
            row.widest = box
    for row in found:
        row.boxes.sort(key=lambda box: box.left)
    return sorted(found, key=lambda row: row.widest.middle)


def paragraphs(found: Sequence[Row]) -> Iterator[list[Box]]:
    """Split rows at wide gaps and changes of size, and running text at its indents and short last lines."""
    for stretch in _stretches(found):
        left, right = min(row.left for row in stretch), max(row.right for row in stretch)
        paragraph = list(stretch[0].boxes)
        for i, (above, below) in enumerate(pairwise(stretch), start=1):
            after = stretch[i + 1] if i + 1 < len(stretch) else None
            if _starts(above, below, after, left, right):
                yield paragraph
                paragraph = []
            paragraph += below.boxes
        yield paragraph


def _shared(row: Row, box: Box) -> float:
    """Share of the lower height on which box and row are level; 0.0 where boxes would lie on each other."""
    other = row.widest
    lower = min(box.height, other.height)
    if any(min(box.right, one.right) - max(box.left, one.left) > lower / 2 for one in row.boxes):
        return 0.0
    return (min(box.bottom, other.bottom) - max(box.top, other.top)) / max(lower, 1e-9)


def _stretches(found: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of about one size at about one distance."""
    gaps = [below.widest.top - above.widest.bottom for above, below in pairwise(found)]
    usual = median(gaps) if gaps else 0.0
    stretch = [found[0]]
    for (above, below), gap in zip(pairwise(found), gaps, strict=True):
        low, high = sorted((above.widest.height, below.widest.height))
        if gap > min(max(usual, 0.0) + 0.5 * low, 2.5 * high) or low < 0.7 * high:
            yield stretch
            stretch = []
        stretch.append(below)
    yield stretch


def _starts(above: Row, below: Row, after: Row | None, left: float, right: float) -> bool:
    """Whether a row of running text starts a paragraph."""
    height, width = below.widest.height, right - left
    if len(above.boxes) > 1 or len(below.boxes) > 1 or width < 10 * height:
        return False
    off_centre = abs(above.left + above.right - below.left - below.right) / 2
    if off_centre < 0.5 * height and below.left - left > height:
        return False
    full, ends = (right - row.right <= 0.2 * width for row in (above, below))
    indented = below.left - max(above.left, after.left if after else left) > 0.8 * height
    if indented:
        return ends or not full  # else the short rest of a list's item, set below its first word
    return not full and right - above.right > below.left - left
