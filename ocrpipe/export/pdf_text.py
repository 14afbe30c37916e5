"""Invisible text for PDF pages: each word in a font that paints nothing, stretched to its quad.

Spaces are written between words only, so that none appears between Han characters. The approach is
Tesseract's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ocrpipe.export.parts import words
from ocrpipe.page import Page, Point, Word

if TYPE_CHECKING:
    from ocrpipe.export.blank_font import BlankFont

FONT = "OcrpipeText"
"""What a page's resources call the font."""

Placing = Callable[[Point], Point]
"""From pixels of the page's image, y down, to units of the PDF page, y up."""


def text_layer(
    page: Page, font: BlankFont, place: Placing, keep: Callable[[Word], bool] = lambda word: True
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


def _text(page: Page, font: BlankFont, place: Placing, keep: Callable[[Word], bool]) -> Iterator[str]:
    """Text operators word by word; a space follows each word but a line's last."""
    for line in page.lines:
        pieces = [word for word in words(line) if word.text and keep(word)]
        for index, word in enumerate(pieces, 1):
            yield _placement(word, font, place)
            yield f"<{font.encode(word.text + ' ' * (index < len(pieces)))}> Tj"


def _placement(word: Word, font: BlankFont, place: Placing) -> str:
    """Font size, horizontal stretch and text matrix that lay a word over its quad."""
    left_top, right_top, _, left_bottom = map(place, word.quad)
    width = max(math.dist(left_top, right_top), 0.1)
    size = max(math.dist(left_top, left_bottom), 0.1)
    turn = math.atan2(right_top[1] - left_top[1], right_top[0] - left_top[0])
    cos, sin = math.cos(turn), math.sin(turn)
    x = left_bottom[0] - sin * size * font.descent
    y = left_bottom[1] + cos * size * font.descent
    return (
        f"/{FONT} {size:.3f} Tf {100 * width / (size * font.ems(word.text)):.3f} Tz "
        f"{cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {y:.3f} Tm"
    )
