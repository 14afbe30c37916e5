"""Rows of a block of text, and the paragraphs they form; the block has no columns of its own.

All distances are relative to the height of the lines at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Generic

from ocrpipe.characters import is_cjk
from ocrpipe.stages.boxes import Box, LayoutOptions, T

_SENTENCE_ENDS = ("。", "！", "？", "”", "」")
_MIN_LATIN = 16  # letters of a line of Latin text that is not a name within a Chinese one


@dataclass(slots=True)
class Row(Generic[T]):
    """Boxes level with each other; the widest of them stands for the row's place and height."""

    boxes: list[Box[T]]
    widest: Box[T]

    @property
    def left(self) -> float:
        """Where the first box starts."""
        return self.boxes[0].left

    @property
    def right(self) -> float:
        """Where the last box ends."""
        return self.boxes[-1].right


def rows(boxes: Iterable[Box[T]], options: LayoutOptions) -> list[Row[T]]:
    """Rows from top to bottom, their boxes from left to right.

    A box joins the row whose widest box shares more than half of the lower height with it and whose boxes lie
    beside it; never by way of a third one, so that rows of a skewed page do not run into each other.
    """
    result: list[Row[T]] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        overlaps = [_overlap(row, box) for row in result[-5:]]
        largest = max(overlaps, default=0.0)
        if largest <= options.min_row_overlap:
            result.append(Row([box], box))
            continue
        # A tall box, a drop capital say, is level with several rows and belongs to the first.
        first = next(i for i, overlap in enumerate(overlaps) if overlap >= 0.9 * largest)
        row = result[len(result) - len(overlaps) + first]
        row.boxes.append(box)
        if box.width > row.widest.width:
            row.widest = box
    for row in result:
        row.boxes.sort(key=lambda box: box.left)
    return sorted(result, key=lambda row: row.widest.middle)


def paragraphs(rows: Sequence[Row[T]], options: LayoutOptions) -> Iterator[list[Box[T]]]:
    """Split rows at wide gaps and changes of size, and running text at its indents and short last lines."""
    for stretch in _stretches(rows, options):
        left, right = min(row.left for row in stretch), max(row.right for row in stretch)
        paragraph = list(stretch[0].boxes)
        for i, (above, below) in enumerate(pairwise(stretch), start=1):
            after = stretch[i + 1] if i + 1 < len(stretch) else None
            if _starts(above, below, after, (left, right), options):
                yield paragraph
                paragraph = []
            paragraph += below.boxes
        yield paragraph


def _overlap(row: Row[T], box: Box[T]) -> float:
    """Fraction of the lower height on which box and row are level; 0.0 where boxes would overlap."""
    other = row.widest
    lower = min(box.height, other.height)
    if any(min(box.right, one.right) - max(box.left, one.left) > lower / 2 for one in row.boxes):
        return 0.0
    return (min(box.bottom, other.bottom) - max(box.top, other.top)) / max(lower, 1e-9)


def _stretches(rows: Sequence[Row[T]], options: LayoutOptions) -> Iterator[list[Row[T]]]:
    """Rows of about one size at about one distance."""
    gaps = [below.widest.top - above.widest.bottom for above, below in pairwise(rows)]
    usual = median(gaps) if gaps else 0.0
    stretch = [rows[0]]
    for (above, below), gap in zip(pairwise(rows), gaps, strict=True):
        low, high = sorted((above.widest.height, below.widest.height))
        limit = min(max(usual, 0.0) + options.max_line_gap * low, options.max_any_gap * high)
        if gap > limit or low < options.min_size_ratio * high:
            yield stretch
            stretch = []
        stretch.append(below)
    yield stretch


def _starts(
    above: Row[T], below: Row[T], after: Row[T] | None, sides: tuple[float, float], options: LayoutOptions
) -> bool:
    """Whether a row of running text starts a paragraph."""
    left, right = sides
    height, width = below.widest.height, right - left
    if len(above.boxes) > 1 or len(below.boxes) > 1 or width < options.min_prose_width * height:
        return False
    if _changes_script(above.widest.line.text, below.widest.line.text):
        return True
    off_centre = abs(above.left + above.right - below.left - below.right) / 2
    if off_centre < 0.5 * height and below.left - left > height:
        return False
    full, ends = (right - row.right <= options.max_ragged * width for row in (above, below))
    indented = below.left - max(above.left, after.left if after else left) > options.min_indent * height
    if indented:
        return ends or not full  # else the short rest of a list's item, set below its first word
    return not full and right - above.right > below.left - left


def _changes_script(above: str, below: str) -> bool:
    """Whether a Chinese sentence ends and a line of Latin text begins, as in bilingual documents."""
    latin = sum(char.isascii() and char.isalpha() for char in below)
    return above.endswith(_SENTENCE_ENDS) and latin >= _MIN_LATIN and not any(map(is_cjk, below))
