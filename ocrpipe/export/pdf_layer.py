"""Text added to the pages of an existing PDF; needs the extra ``ocrpipe[pdf]``.

The text goes before a page's content, where the graphics state is still the initial one. No text should be
found twice by a search: hidden text, an earlier OCR layer, is removed from pages that were read, and words
over visible text of the page are left out. If the visible text is not what the page shows, such as with
fonts without a Unicode map, it is hidden from text extraction, and all words are added.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Pdf

from ocrpipe.characters import is_plausible
from ocrpipe.errors import ConfigError, OcrError, UnreadableImageError
from ocrpipe.export.blank_font import BlankFont
from ocrpipe.export.parts import words
from ocrpipe.export.pdf_hidden import with_forms_marked, without_hidden_text
from ocrpipe.export.pdf_text import FONT, Placing, text_layer
from ocrpipe.export.pdf_visible import VisibleText, visible_characters
from ocrpipe.export.pdf_wrong import is_wrong
from ocrpipe.io.names import Passwords, candidates
from ocrpipe.page import PageContent, Point, Word

_log = logging.getLogger(__name__)

_HIDE = b"/Span <</ActualText ( )>> BDC\n"  # text extraction gives a space for what follows
_SHOW = b"\nEMC\n"
_LETTER = (0.0, 0.0, 612.0, 792.0)  # PDFium's default for a page without a box
_MAX_SIZE_RATIO = 2.0  # of a visible character to the height of the word it belongs to
_SIDE_TOLERANCE = 2.0  # pixels, for the rounding of rendered sides


def add_text(
    source: Path,
    pages: Sequence[PageContent],
    password: Passwords = None,
    *,
    replace_text: bool = False,
    rotate_pages: bool = False,
) -> bytes:
    """The PDF with the text of the pages added, by their numbers; the result is not encrypted.

    Args:
        source: A PDF.
        pages: What was read from its pages as rendered by PDFium, at any resolution.
        password: Of a locked PDF, or several to try.
        replace_text: Whether all text of these pages is hidden from text extraction, and all words are added.
        rotate_pages: Whether pages that were read at another orientation are shown upright.

    Raises:
        ConfigError: The PDF has no page of that number or shape, or a page comes twice.
        UnreadableImageError: The PDF is damaged, or locked by another password.
    """
    font = BlankFont(word.text for page in pages for line in page.lines for word in words(line))
    numbers = [page.number for page in pages]
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"a page of {source} comes twice: {numbers}")
    try:
        # opened here, since pikepdf takes no file name that is not UTF-8
        with source.open("rb") as file, _open(file, password) as pdf:
            embedded = font.embed(pdf)
            total = len(pdf.pages)
            if beyond := [number for number in numbers if not 1 <= number <= total]:
                raise ConfigError(f"{source} has no page {beyond[0]}")
            read = {page.number: page for page in pages if page.lines}
            for number in read:
                _prepare(pdf, pdf.pages[number - 1], embedded)
            visible = {} if replace_text else _visible(pdf, str(source), tuple(read))
            for number, page in read.items():
                leaf = pdf.pages[number - 1]
                place = _placing(leaf, page)
                keep: Callable[[Word], bool] = _every
                layer = visible.get(number)
                if layer is None or is_wrong(page, layer, place):
                    if layer is not None:
                        _log.info("page %d of %r: its text is not what it shows", number, str(source))
                    _hide_text(pdf, leaf)
                else:
                    keep = _outside(layer.boxes[[is_plausible(char) for char in layer.text]], place)
                leaf.contents_add(text_layer(page, font, place, keep), prepend=True)
                if rotate_pages and page.orientation:
                    leaf.obj["/Rotate"] = (90 * _quarter_turns(leaf) + page.orientation) % 360
            stream = BytesIO()
            pdf.save(stream, deterministic_id=True, encryption=False)
    except OcrError:
        raise
    except pikepdf.PasswordError as error:
        raise UnreadableImageError(f"{source} is locked, by another password") from error
    except Exception as error:  # damaged objects raise errors of many kinds
        raise UnreadableImageError(f"no text can be added to {source}: {error}") from error
    return stream.getvalue()


def _visible(pdf: Pdf, name: str, numbers: Sequence[int]) -> dict[int, VisibleText]:
    """The visible text of pages whose hidden text has been removed."""
    with TemporaryFile(prefix="ocrpipe-") as copied:
        pdf.save(copied, encryption=False)
        return visible_characters(copied, name, numbers)


def _open(file: BinaryIO, password: Passwords) -> Pdf:
    """Open the PDF with the first password that fits."""
    *others, last = candidates(password)
    for candidate in others:
        with suppress(pikepdf.PasswordError):
            return pikepdf.open(file, password=candidate)
        file.seek(0)
    return pikepdf.open(file, password=last)


def _prepare(pdf: Pdf, leaf: pikepdf.Page, font: pikepdf.Object) -> None:
    """Remove a page's hidden text and add the font to its resources."""
    resources = _inherited(leaf, "/Resources") or Dictionary()
    if stripped := without_hidden_text(pdf, leaf, resources, _visible_box(leaf)):
        leaf.Contents = pdf.make_stream(stripped[0])
        resources = stripped[1]
    resources = copy(resources)  # they may be shared with other pages
    fonts = copy(resources.get("/Font", Dictionary()))
    fonts[f"/{FONT}"] = font
    resources["/Font"] = fonts
    leaf.obj["/Resources"] = resources


def _hide_text(pdf: Pdf, leaf: pikepdf.Page) -> None:
    """Hide all text of a page from text extraction."""
    leaf.contents_add(_HIDE, prepend=True)
    leaf.contents_add(_SHOW)
    leaf.obj["/Resources"] = with_forms_marked(pdf, _inherited(leaf, "/Resources"), _HIDE, _SHOW)


def _every(word: Word) -> bool:
    return True


def _outside(visible: NDArray[np.float64], place: Placing) -> Callable[[Word], bool]:
    """Tests whether a word contains no centre of a visible character of similar size."""
    x, y = (visible[:, 0] + visible[:, 2]) / 2, (visible[:, 1] + visible[:, 3]) / 2
    sizes = np.minimum(visible[:, 2] - visible[:, 0], visible[:, 3] - visible[:, 1])

    def keep(word: Word) -> bool:
        corners = np.array([place(corner) for corner in word.quad])
        (left, bottom), (right, top) = corners.min(axis=0), corners.max(axis=0)
        size = math.dist(corners[0], corners[3])
        inside = (left <= x) & (x <= right) & (bottom <= y) & (y <= top)
        return not bool((inside & (sizes <= _MAX_SIZE_RATIO * size)).any())  # larger: a stamp or a watermark

    return keep


def _placing(leaf: pikepdf.Page, page: PageContent) -> Placing:
    """The map from the page's image to the page: PDFium renders the visible box."""
    left, bottom, right, top = _visible_box(leaf)
    if left >= right or bottom >= top:
        raise ConfigError(f"page {page.number} is empty in the PDF: its boxes do not intersect")
    width, height = right - left, top - bottom
    quarter_turns = _quarter_turns(leaf)
    shown_width, shown_height = (height, width) if quarter_turns % 2 else (width, height)
    ratio = shown_width / shown_height
    if min(abs(page.width - page.height * ratio), abs(page.height - page.width / ratio)) > _SIDE_TOLERANCE:
        raise ConfigError(
            f"page {page.number} is {page.width}×{page.height} pixels, "
            f"in the PDF {shown_width:g}×{shown_height:g} points"
        )

    def place(point: Point) -> Point:
        u, v = point[0] / page.width, point[1] / page.height
        return (
            (left + u * width, top - v * height),
            (left + v * width, bottom + u * height),
            (right - u * width, bottom + v * height),
            (right - v * width, top - u * height),
        )[quarter_turns]

    return place


def _quarter_turns(leaf: pikepdf.Page) -> int:
    """By how many quarter turns, clockwise, the page is shown rotated."""
    rotate = _inherited(leaf, "/Rotate")
    return round(float(rotate) / 90) % 4 if rotate is not None else 0


def _visible_box(leaf: pikepdf.Page) -> tuple[float, float, float, float]:
    """The visible part of the page: left, bottom, right, top in the page's units."""
    media = _box(_inherited(leaf, "/MediaBox")) or _LETTER
    crop = _box(_inherited(leaf, "/CropBox")) or media
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    return left, bottom, min(media[2], crop[2]), min(media[3], crop[3])


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, Array) or len(value) != 4:
        return None
    x0, y0, x1, y1 = (float(side) for side in value.as_list())
    box = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
    return box if box[0] < box[2] and box[1] < box[3] else None


def _inherited(leaf: pikepdf.Page, key: str) -> Any:
    """An attribute of the page, or of the nearest node above it that has one (PDF 1.7, 7.7.3.4)."""
    node: Any = leaf.obj
    for _ in range(100):  # a damaged tree may have a cycle
        if not isinstance(node, Dictionary):
            return None
        if key in node:
            return node[key]
        node = node.get("/Parent")
    return None
