"""A column of vertical text laid out as a horizontal strip, which a recogniser of lines can read.

The column's cells stand side by side in the strip, as in a horizontal line. Marks that vertical text sets in
the upper right of a cell (commas, stops) move to the lower left, where a horizontal line has them; runs that
are set sideways (Latin words, brackets, dashes) are turned back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.geometry import Image, turn
from ocrpipe.stages.glyph_cells import CellOptions, Mask, Profile, column_ink

_EM = 1.08  # height of a character's em square over the extent of the ink across a column
_LEAST = 0.7  # least height of it, in widths of the crop
_RULED = 0.85  # fraction of a row that is ink where it is a rule across the column
_LINE_HEIGHT = 1.14  # height of a strip over that of its characters, as detectors cut lines out
_ADVANCE = 1.02  # width of a cell in the strip over the same
_FULL = 0.65  # least extent of the ink of a character that fills its cell, in heights of a character
_MARK = 0.5  # largest extent of a comma's or a stop's
_NARROW = 0.35  # largest width of a colon's or an exclamation mark's
_OFF_CENTRE = 0.1  # how far to the right of the column's axis the middle of such marks lies


@dataclass(frozen=True)
class Column:
    """A column's upright picture and the measures of its characters, in pixels of the picture.

    Attributes:
        picture: H×W×3 RGB, uint8, without rules, with some paper before the first character and after the
            last.
        ink: Where its glyphs are, H×W, 0 and 1.
        paper: The paper's colour.
        start: Rows before the column's own first one.
        length: Rows of the column's own.
        size: Height and width of a character (one em).
        axis: x of the middle of the characters.
    """

    picture: Image
    ink: Mask
    paper: NDArray[np.uint8]
    start: int
    length: int
    size: float
    axis: float

    @property
    def profile(self) -> Profile:
        """Fraction of the characters' width that is inked, at each row."""
        return np.asarray(self.ink.sum(axis=1) / self.size, np.float64)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a column in the strip: ``start`` to ``end`` along the column, ``left`` to ``right`` in it."""

    start: float
    end: float
    left: float
    right: float
    sideways: bool


def column_of(crop: Image, before: int, length: int, options: CellOptions) -> Column | None:
    """The column in a crop whose text runs from left to right and whose characters lie on their left side.

    Args:
        crop: H×W×3 RGB, uint8, cut along a quad that runs down the column.
        before: Pixels of the crop before the column's first one.
        length: Pixels of the column along the crop. Glyphs that reach beyond it belong to it; others, frames
            and what stands above or below, do not.
        options: How rules are told from glyphs.

    Returns:
        None where there is no ink.
    """
    upright = turn(crop, 90)
    ink, rules = column_ink(np.asarray(cv2.cvtColor(upright, cv2.COLOR_RGB2GRAY), np.uint8), options)
    bare = upright[(ink == 0) & (rules == 0)]
    paper = np.median(bare if len(bare) else upright.reshape(-1, 3), axis=0).astype(np.uint8)
    first, last = _reach(ink, before, before + length)
    ink, upright, rules = ink[first:last], upright[first:last], rules[first:last]
    counts = ink.sum(axis=0, dtype=np.float64)
    if not counts.any():
        return None
    upright[cv2.dilate(rules, np.ones((3, 3), np.uint8)) > 0] = paper
    width = upright.shape[1]
    edges = np.searchsorted(np.cumsum(counts) / counts.sum(), (0.005, 0.995))
    size = float(np.clip(_EM * (edges[1] - edges[0] + 1), _LEAST * width, width))
    margin = round(size / 2)
    picture = np.empty((upright.shape[0] + 2 * margin, width, 3), np.uint8)
    picture[:] = paper
    picture[margin : margin + len(upright)] = upright
    axis = (edges[0] + edges[1] + 1) / 2
    padded = np.pad(ink, ((margin, margin), (0, 0)))
    return Column(picture, padded, paper, margin + before - first, length, size, float(axis))


def _reach(ink: Mask, first: int, last: int) -> tuple[int, int]:
    """The rows of a column, with those of glyphs that reach over its ends up to the next blank row."""
    rows = ink.mean(axis=1)
    low, high = first, last
    while low > 0 and 0 < rows[low] < _RULED:
        low -= 1
    while high < len(rows) and 0 < rows[high - 1] < _RULED:
        high += 1
    if low == 0 or rows[low] >= _RULED:  # something that goes on
        low = first
    if high == len(rows) or rows[high - 1] >= _RULED:
        high = last
    return low, high


def lay_out(
    column: Column, cells: Sequence[tuple[int, int]], sideways: Sequence[bool], pitch: float
) -> tuple[Image, list[Piece]]:
    """The strip, and which part of the column each part of it is.

    Args:
        column: The column.
        cells: Start and end along its picture of each part, in order.
        sideways: Whether each is turned back, not set upright.
        pitch: Usual distance from character to character.
    """
    height = max(8, round(_LINE_HEIGHT * column.size))
    middles = _middles(column, cells, sideways, pitch)
    images: list[Image] = []
    pieces: list[Piece] = []
    left = 0
    for (start, end), turned, middle in zip(cells, sideways, middles, strict=True):
        if turned:
            part = turn(column.picture[start:end], 270)
            image = _canvas(height, end - start, column.paper)
            _paste(image, part, height / 2 - (part.shape[0] - column.axis), 0)
        else:
            image = _canvas(height, max(4, round(_ADVANCE * column.size)), column.paper)
            _set_upright(image, column, start, end, middle)
        images.append(image)
        pieces.append(Piece(start, end, left, left + image.shape[1], turned))
        left += image.shape[1]
    return np.hstack(images), pieces


def _middles(
    column: Column, cells: Sequence[tuple[int, int]], sideways: Sequence[bool], pitch: float
) -> list[float]:
    """Where along the column the middle of each character's em square is.

    A glyph that fills its square shows it; that of a comma or a stroke follows from the characters beside it.
    """
    known: list[float | None] = []
    for (start, end), turned in zip(cells, sideways, strict=True):
        top, bottom, _, _ = _bounds(column.ink[start:end])
        full = not turned and bottom - top >= _FULL * column.size
        known.append(start + (top + bottom) / 2 if full else None)
    middles: list[float] = []
    for i, (start, end) in enumerate(cells):
        own, middle = known[i], (start + end) / 2
        before, after = (known[j] if 0 <= j < len(known) else None for j in (i - 1, i + 1))
        guesses = [before + pitch] if before is not None else []
        guesses += [after - pitch] if after is not None else []
        if own is not None:
            middle = own
        elif guesses:
            guess = sum(guesses) / len(guesses)
            if abs(guess - middle) < 0.5 * pitch:
                middle = guess
        middles.append(middle)
    return middles


def _set_upright(image: Image, column: Column, start: int, end: int, middle: float) -> None:
    """Put a cell into its place in the strip, marks where horizontal text has them."""
    size = column.size
    x, y = image.shape[1] / 2, image.shape[0] / 2
    part = column.picture[start:end]
    top, bottom, left, right = _bounds(column.ink[start:end])
    height, width = bottom - top, right - left
    aside = (left + right) / 2 - column.axis > _OFF_CENTRE * size
    if aside and max(height, width) < _MARK * size and start + (top + bottom) / 2 - middle < 0.15 * size:
        _paste(image, part[top:bottom, left:right], y + 0.44 * size - height, x - 0.4 * size)
    elif aside and width < _NARROW * size:
        _paste(image, part[:, left:right], y - (middle - start), x - 0.38 * size)
    else:
        _paste(image, part, y - (middle - start), x - column.axis)


def _bounds(ink: Mask) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of the ink; all of it where there is none."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return 0, ink.shape[0], 0, ink.shape[1]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _canvas(height: int, width: int, paper: NDArray[np.uint8]) -> Image:
    return np.full((height, width, 3), paper, np.uint8)


def _paste(image: Image, part: Image, top: float, left: float) -> None:
    """Copy what of ``part`` lies within the image; what lies beyond its border is left out."""
    y, x = round(top), round(left)
    height, width = part.shape[:2]
    y0, y1 = max(y, 0), min(y + height, image.shape[0])
    x0, x1 = max(x, 0), min(x + width, image.shape[1])
    if y0 < y1 and x0 < x1:
        image[y0:y1, x0:x1] = part[y0 - y : y1 - y, x0 - x : x1 - x]
