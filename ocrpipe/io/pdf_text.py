"""The text that is stored in a PDF page: a born-digital page's own, or an earlier OCR layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pypdfium2 as pdfium

_SUBPIXEL = 64  # PDFium maps points to whole device units
_SPAN = 1000  # units between the points that the map is taken from
_MAX_GAP = 1.5  # of a line's height, between characters of one line
_MAX_STEP = 0.5  # of a line's height, up or down between characters of one line
_HYPHENS = (0x02, 0xFFFE)  # PDFium's codes for a hyphen at a line's end


@dataclass(frozen=True, slots=True, eq=False)
class StoredLine:
    """A line of stored text, from left to right.

    Attributes:
        text: Its characters, spaces among them.
        boxes: N×4 float64, left, top, right, bottom of each in pixels of the rendered page; those of spaces
            fill the gap.
    """

    text: str
    boxes: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredText:
    """The text of a page.

    Attributes:
        lines: Lines that run from left to right on the rendered page, in the order in which they are stored.
        others: Number of characters that run in another direction.
    """

    lines: tuple[StoredLine, ...] = ()
    others: int = 0


def stored_text(page: pdfium.PdfPage, width: int, height: int) -> StoredText:
    """The text of a page that is rendered at a size in pixels; hold ``documents.pdfium_lock`` meanwhile."""
    with closing(page.get_textpage()) as text:
        matrix = _to_pixels(page, width, height)
        lines: list[StoredLine] = []
        others = 0
        for characters in _runs(text, matrix):
            upright = [character for character in characters if character.upright]
            others += len(characters) - len(upright)
            lines += _lines(upright)
    return StoredText(tuple(lines), others)


@dataclass(frozen=True, slots=True)
class _Character:
    text: str
    box: tuple[float, float, float, float]
    upright: bool


def _to_pixels(page: pdfium.PdfPage, width: int, height: int) -> NDArray[np.float64]:
    """2×3 matrix from the page's units to pixels, rotation and crop box included."""
    from pypdfium2 import raw

    x, y = raw.c_int(), raw.c_int()

    def place(u: float, v: float) -> tuple[float, float]:
        raw.FPDF_PageToDevice(page, 0, 0, width * _SUBPIXEL, height * _SUBPIXEL, 0, u, v, x, y)
        return x.value / _SUBPIXEL, y.value / _SUBPIXEL

    origin, right, up = np.array([place(0, 0), place(_SPAN, 0), place(0, _SPAN)])
    return np.column_stack([(right - origin) / _SPAN, (up - origin) / _SPAN, origin])


def _runs(text: pdfium.PdfTextPage, matrix: NDArray[np.float64]) -> Iterator[list[_Character]]:
    """The characters between the line breaks that PDFium finds; without spaces at the ends."""
    from pypdfium2 import raw

    run: list[_Character] = []
    for index in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, index)
        char = "-" if code in _HYPHENS else chr(code) if 0 <= code <= 0x10FFFF else "\ufffd"
        if char in "\r\n":
            yield run
            run = []
            continue
        angle = raw.FPDFText_GetCharAngle(text, index)
        along = matrix[:, :2] @ (math.cos(angle), -math.sin(angle))  # PDFium's angles are clockwise
        upright = bool(along[0] > 0 and abs(along[1]) < 0.1 * along[0])
        run.append(_Character(char, _pixels(text.get_charbox(index, loose=True), matrix), upright))
    yield run


def _pixels(box: Any, matrix: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, bottom, right, top = box
    corners = matrix @ np.array([[left, right], [bottom, top], [1.0, 1.0]])
    (x0, y0), (x1, y1) = corners.min(1), corners.max(1)
    return float(x0), float(y0), float(x1), float(y1)


def _lines(characters: Sequence[_Character]) -> Iterator[StoredLine]:
    """Lines of a run, which ends where there is a wide gap or a step."""
    line: list[_Character] = []
    for character in characters:
        if character.text.isspace():
            if line and not line[-1].text.isspace():
                line.append(character)
            continue
        printed = [other for other in line if not other.text.isspace()]
        if printed:
            (left, top, _, bottom), last = character.box, printed[-1].box
            height = max(1.0, bottom - top, last[3] - last[1])
            gap, step = left - last[2], abs(top + bottom - last[1] - last[3]) / 2
            if not -height < gap < _MAX_GAP * height or step > _MAX_STEP * height:
                yield from _line(line)
                line = []
        line.append(character)
    yield from _line(line)


def _line(characters: Sequence[_Character]) -> Iterator[StoredLine]:
    text = "".join(" " if character.text.isspace() else character.text for character in characters)
    kept = characters[: len(text.rstrip())]
    if not text.strip():
        return
    boxes = np.array([character.box for character in kept])
    for index, character in enumerate(kept[:-1]):
        if character.text.isspace():  # spaces that PDFium adds have no place
            boxes[index] = boxes[index - 1]
            boxes[index, [0, 2]] = boxes[index - 1, 2], max(boxes[index - 1, 2], boxes[index + 1, 0])
    yield StoredLine(text.rstrip(), boxes)
