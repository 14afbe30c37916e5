"""Invisible text for PDF pages: each word in a font that paints nothing, stretched to its quad.

Spaces are written between words only, so that none appears between Han characters. The approach is
Tesseract's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ocrpipe.export.parts import words
from ocrpipe.page import PageContent, Point, Word

if TYPE_CHECKING:
    from ocrpipe.export.blank_font import BlankFont

FONT = "OcrpipeText"
"""What a page's resources call the font."""

_TIGHT = 0.9  # share of a quad's height that its text takes, since lines that touch are extracted as one
_LEVEL = 0.75  # share of its height by which a line may rise or fall along its length

Placing = Callable[[Point], Point]
"""From pixels of the page's image, y down, to units of the PDF page, y up."""


def text_layer(
    page: PageContent, font: BlankFont, place: Placing, keep: Callable[[Word], bool] = lambda word: True
) -> bytes:
    """Content that sets the page's text: a block of its own that leaves the graphics state as it was.

    Args:
        page: What was read.
        font: A font that has all its characters, in the page's resources as ``FONT``.
        place: Where on the PDF page a point of the image lies.
        keep: Which words to set.
    """
    operators = "\n".join(_text(page, font, place, keep))
    return f"q\nBT 3 Tr\n{operators}\nET\nQ\n".encode()


def _text(page: PageContent, font: BlankFont, place: Placing, keep: Callable[[Word], bool]) -> Iterator[str]:
    """Text operators word by word; a space follows each word but a line's last."""
    for line in page.lines:
        pieces = [word for word in words(line) if word.text and keep(word)]
        level = _Level.of([place(corner) for corner in line.quad])
        for index, word in enumerate(pieces, 1):
            corners = [place(corner) for corner in word.quad]
            yield _placement(word.text, font, level.put(corners) if level else _Box.of(corners))
            yield f"<{font.encode(word.text + ' ' * (index < len(pieces)))}> Tj"


class _Box(NamedTuple):
    """Where a word goes: its lower left corner, the angle it runs at in radians, and its size."""

    x: float
    y: float
    turn: float
    width: float
    height: float

    @classmethod
    def of(cls, corners: Sequence[Point]) -> _Box:
        left_top, right_top, _, left_bottom = corners
        turn = math.atan2(right_top[1] - left_top[1], right_top[0] - left_top[0])
        return cls(*left_bottom, turn, math.dist(left_top, right_top), math.dist(left_top, left_bottom))


class _Level(NamedTuple):
    """A line that runs so nearly along the page that its words are set on one level.

    Programs that extract text tell lines apart by the heights of words: where each word stands a little lower
    than the one before, they run lines together or break them.
    """

    turn: float
    base: float
    height: float

    @classmethod
    def of(cls, corners: Sequence[Point]) -> _Level | None:
        """The level of a line, ``None`` for one that is too slanted for its length."""
        box = _Box.of(corners)
        turn = round(box.turn / (math.pi / 2)) * math.pi / 2
        if abs(math.sin(box.turn - turn)) * box.width > _LEVEL * box.height:
            return None
        _, _, right, left = (_turned(corner, -turn) for corner in corners)
        return cls(turn, (left[1] + right[1]) / 2, box.height)

    def put(self, corners: Sequence[Point]) -> _Box:
        """A word's place along the line, on the line's level."""
        (a, _), (b, _), (c, _), (d, _) = (_turned(corner, -self.turn) for corner in corners)
        left, right = (a + d) / 2, (b + c) / 2
        x, y = _turned((left, self.base), self.turn)
        return _Box(x, y, self.turn, right - left, self.height)


def _turned(at: Point, angle: float) -> Point:
    cos, sin = math.cos(angle), math.sin(angle)
    return at[0] * cos - at[1] * sin, at[0] * sin + at[1] * cos


def _placement(text: str, font: BlankFont, box: _Box) -> str:
    """Font size, horizontal stretch and text matrix that fill a box with a text."""
    width, size = max(box.width, 0.1), max(box.height * _TIGHT, 0.1)
    cos, sin = math.cos(box.turn), math.sin(box.turn)
    base = size * font.descent + box.height * (1 - _TIGHT) / 2
    x, y = box.x - sin * base, box.y + cos * base
    return (
        f"/{FONT} {size:.3f} Tf {100 * width / (size * font.ems(text)):.3f} Tz "
        f"{cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {y:.3f} Tm"
    )
