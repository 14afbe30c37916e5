"""Invisible text for PDF pages: each word in a font without visible glyphs, stretched to its quad.

Spaces are written between words only, so that none appears between hanzi. The approach is Tesseract's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ocrpipe.export.parts import words
from ocrpipe.page import Line, PageContent, Point, Quad, Word

if TYPE_CHECKING:
    from ocrpipe.export.blank_font import BlankFont

FONT = "OcrpipeText"
"""Name of the font in a page's resources."""

_HEIGHT_FRACTION = 0.9  # of a quad, for its text; lines that touch are extracted as one
_MAX_RISE = 0.75  # of its height, by which a levelled line may rise or fall along its length

Placing = Callable[[Point], Point]
"""From pixels of the page's image, y down, to units of the PDF page, y up."""


def text_layer(
    page: PageContent, font: BlankFont, place: Placing, keep: Callable[[Word], bool] = lambda word: True
) -> bytes:
    """A content stream that sets the page's text and restores the graphics state.

    Args:
        page: What was read.
        font: A font with all its characters, in the page's resources as ``FONT``.
        place: Maps a point of the image to the PDF page.
        keep: Tests which words to set.
    """
    operators = "\n".join(_text(page, font, place, keep))
    return f"q\nBT 3 Tr\n{operators}\nET\nQ\n".encode()


def _text(page: PageContent, font: BlankFont, place: Placing, keep: Callable[[Word], bool]) -> Iterator[str]:
    """Text operators, word by word; a space follows each word but the last of a line.

    Columns of vertical text run down the page, as text turned by 90° does: so their order from right to left
    is that of lines, to which programs that extract text keep.
    """
    for line in page.lines:
        kept = [word for word in words(line) if word.text and keep(word)]
        baseline = _Baseline.of([place(corner) for corner in line.quad])
        for index, word in enumerate(kept, 1):
            for text, quad in _objects(line, word):
                corners = [place(corner) for corner in quad]
                yield _placement(text, font, baseline.box(corners) if baseline else _Box.of(corners))
                last = text is word.text or quad is word.chars[-1].quad
                yield f"<{font.encode(text + ' ' * (last and index < len(kept)))}> Tj"


def _objects(line: Line, word: Word) -> Sequence[tuple[str, Quad]]:
    """What is set in one operator: a word, or each character of a column of vertical text.

    PDFium sorts text that begins at one height from left to right, as whole columns would.
    """
    if line.direction == "vertical" and "".join(char.text for char in word.chars) == word.text:
        return [(char.text, char.quad) for char in word.chars]
    return [(word.text, word.quad)]


class _Box(NamedTuple):
    """A word's place: its lower left corner, its angle in radians, counter-clockwise, and its size."""

    x: float
    y: float
    angle: float
    width: float
    height: float

    @classmethod
    def of(cls, corners: Sequence[Point]) -> _Box:
        left_top, right_top, _, left_bottom = corners
        angle = math.atan2(right_top[1] - left_top[1], right_top[0] - left_top[0])
        return cls(*left_bottom, angle, math.dist(left_top, right_top), math.dist(left_top, left_bottom))


class _Baseline(NamedTuple):
    """A common baseline along an axis of the page, for the words of a line that is almost parallel to it.

    Programs that extract text assign words to lines by their height on the page: where each word is a little
    lower than the one before, they merge lines or break them.
    """

    angle: float
    position: float
    height: float

    @classmethod
    def of(cls, corners: Sequence[Point]) -> _Baseline | None:
        """The baseline of a line; ``None`` for one that is too slanted for its length."""
        box = _Box.of(corners)
        angle = round(box.angle / (math.pi / 2)) * math.pi / 2
        if abs(math.sin(box.angle - angle)) * box.width > _MAX_RISE * box.height:
            return None
        _, _, right, left = (_rotated(corner, -angle) for corner in corners)
        return cls(angle, (left[1] + right[1]) / 2, box.height)

    def box(self, corners: Sequence[Point]) -> _Box:
        """A word's place on the baseline."""
        (a, _), (b, _), (c, _), (d, _) = (_rotated(corner, -self.angle) for corner in corners)
        left, right = (a + d) / 2, (b + c) / 2
        x, y = _rotated((left, self.position), self.angle)
        return _Box(x, y, self.angle, right - left, self.height)


def _rotated(point: Point, angle: float) -> Point:
    cos, sin = math.cos(angle), math.sin(angle)
    return point[0] * cos - point[1] * sin, point[0] * sin + point[1] * cos


def _placement(text: str, font: BlankFont, box: _Box) -> str:
    """Operators for the font size, horizontal scaling and text matrix that fit a text to a box."""
    width, size = max(box.width, 0.1), max(box.height * _HEIGHT_FRACTION, 0.1)
    cos, sin = math.cos(box.angle), math.sin(box.angle)
    base = size * font.descent + box.height * (1 - _HEIGHT_FRACTION) / 2
    x, y = box.x - sin * base, box.y + cos * base
    return (
        f"/{FONT} {size:.3f} Tf {100 * width / (size * font.ems(text)):.3f} Tz "
        f"{cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {y:.3f} Tm"
    )
