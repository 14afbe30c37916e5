"""The visible text of PDF pages, which must not be covered by recognised text."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pypdfium2 import raw

from ocrpipe.errors import UnreadableImageError
from ocrpipe.io.documents import open_pdf, pdfium_lock  # PDFium is not thread-safe
from ocrpipe.io.names import Passwords

_INVISIBLE_MODES = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)


@dataclass(frozen=True, slots=True)
class VisibleText:
    """The characters of a page's visible text, in the order of its content.

    Attributes:
        boxes: N×4, left, bottom, right, top in the page's units.
        text: Unicode text of each.
    """

    boxes: NDArray[np.float64]
    text: tuple[str, ...]


def visible_characters(
    stream: BinaryIO, name: str, numbers: Sequence[int], password: Passwords = None
) -> dict[int, VisibleText]:
    """The characters that pages show as text, not as parts of an image.

    Text that is drawn invisibly is excluded; other hidden text is to be removed before, see ``pdf_hidden``.

    Args:
        stream: A PDF.
        name: Its name in messages.
        numbers: Which pages, 1-based; numbers that the PDF does not have are ignored.
        password: Of a locked PDF, or several to try.

    Returns:
        By page number.

    Raises:
        UnreadableImageError: The PDF is damaged or locked.
    """
    try:
        with pdfium_lock, closing(open_pdf(stream, name, password)) as document:
            return {n: _of_page(document, n) for n in numbers if 1 <= n <= len(document)}
    except pdfium.PdfiumError as error:
        raise UnreadableImageError(f"{name} is damaged: {error}") from error


def _of_page(document: Any, number: int) -> VisibleText:
    if not hasattr(raw, "FPDFText_GetTextObject"):  # PDFium of before 2024
        return VisibleText(np.empty((0, 4)), ())
    with closing(document[number - 1]) as page, closing(page.get_textpage()) as text:
        shown = {
            _address(item.raw)
            for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT])
            if raw.FPDFTextObj_GetTextRenderMode(item) not in _INVISIBLE_MODES
        }
        characters = [
            (text.get_charbox(index, loose=True), char)
            for index in range(text.count_chars() if shown else 0)
            if _address(raw.FPDFText_GetTextObject(text, index)) in shown
            and not (char := _char(raw.FPDFText_GetUnicode(text, index))).isspace()
        ]
    boxes = np.array([box for box, _ in characters], dtype=np.float64).reshape(-1, 4)
    return VisibleText(boxes, tuple(char for _, char in characters))


def _char(code: int) -> str:
    return chr(code) if 0 <= code <= 0x10FFFF else "\ufffd"


def _address(pointer: Any) -> int | None:
    return ctypes.cast(pointer, ctypes.c_void_p).value
