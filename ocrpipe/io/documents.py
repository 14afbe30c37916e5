"""Documents page by page: PDF, multi-page TIFF, and any other image as a document of one page."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import BinaryIO

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from ocrpipe.errors import ConfigError, UnreadableImageError
from ocrpipe.io import images
from ocrpipe.io.images import MAX_PIXELS, Source

DPI = 200.0
"""Default resolution for PDF pages."""

POINTS_PER_INCH = 72

_log = logging.getLogger(__name__)

_REOPEN_AFTER = 10  # pages; PDFium caches all that it has read of an open document

# PDFium has process-wide state and is not thread-safe. The lock is re-entrant, since an abandoned generator
# may be garbage-collected, and thereby closed, during a step of another one.
pdfium_lock = threading.RLock()


@dataclass(frozen=True, slots=True, eq=False)
class PageImage:
    """One page's pixels.

    Attributes:
        image: H×W×3, RGB, uint8.
        number: 1-based number of the page, or frame, in its document.
        dpi: Resolution a PDF page was rendered at, or the horizontal one that an image file states, if any.
    """

    image: NDArray[np.uint8]
    number: int
    dpi: float | None


def pages(
    source: Source,
    *,
    dpi: float = DPI,
    password: str | None = None,
    max_pixels: int = MAX_PIXELS,
    numbers: Sequence[int] | None = None,
) -> Iterator[PageImage]:
    """Yield a document's pages, each rendered or decoded on demand.

    The type is detected from the content, not from the name. A Pillow image or an array is one page.

    Args:
        source: As for ``images.load``, and PDF.
        dpi: Resolution for PDF pages; other images are not resampled.
        password: For an encrypted PDF.
        max_pixels: Maximum of width × height. A PDF page that would exceed it is rendered at a lower
            resolution, which is its ``dpi``; an image that exceeds it is an error.
        numbers: Which pages, 1-based, in that order; all of them by default.

    Raises:
        UnsupportedSourceError: The type of the source is not supported.
        UnreadableImageError: The document is missing, empty, damaged or locked, or has no such page. Pages
            before a damaged one are yielded first.
        ConfigError: ``dpi`` or a page number is not positive.
    """
    if not (dpi > 0 and math.isfinite(dpi)):
        raise ConfigError(f"dpi must be positive, not {dpi}")
    if numbers is not None and min(numbers, default=1) < 1:
        raise ConfigError(f"page numbers start at 1, not at {min(numbers)}")
    name = images.label(source)
    if isinstance(source, (Image.Image, np.ndarray)):
        stated = _stated_dpi(source) if isinstance(source, Image.Image) else None
        for number in numbers or (1,):
            _check_number(number, 1, name)
            yield PageImage(images.load(source, max_pixels=max_pixels), number, stated)
        return
    with images.open_stream(source) as stream:
        if images.is_pdf(stream):
            yield from _pdf_pages(stream, name, dpi, password, max_pixels, numbers)
        else:
            yield from _frames(images.identify(stream, name), name, max_pixels, numbers)


def reopen(source: str | os.PathLike[str], number: int, dpi: float | None) -> NDArray[np.uint8]:
    """Load a page again, with the same pixels as before.

    Args:
        source: ``Page.source``.
        number: ``Page.number``.
        dpi: ``Page.dpi``, which a PDF page is rendered at.

    Returns:
        H×W×3, RGB, uint8.
    """
    (page,) = pages(source, dpi=dpi or DPI, numbers=(number,))
    return page.image


def _pdf_pages(
    stream: BinaryIO,
    name: str,
    dpi: float,
    password: str | None,
    max_pixels: int,
    numbers: Sequence[int] | None,
) -> Iterator[PageImage]:
    document = _open_pdf(stream, name, password)
    try:
        with pdfium_lock:
            total = len(document)
        if not total:
            raise UnreadableImageError(f"{name} has no pages")
        for index, number in enumerate(numbers or range(1, total + 1), 1):
            _check_number(number, total, name)
            yield _render(document, number, name, dpi, max_pixels)
            if index % _REOPEN_AFTER == 0:
                with pdfium_lock:
                    document.close()
                document = _open_pdf(stream, name, password)
    finally:
        with pdfium_lock:
            document.close()


def _open_pdf(stream: BinaryIO, name: str, password: str | None) -> pdfium.PdfDocument:
    try:
        with pdfium_lock:
            document = pdfium.PdfDocument(stream, password=password)
            document.init_forms()  # so that the contents of form fields are rendered
            return document
    except Exception as error:
        if "password" in str(error):
            problem = "is locked; give its password" if password is None else "is locked, by another password"
        else:
            problem = f"is damaged: {error}"
        raise UnreadableImageError(f"{name} {problem}") from error


def _render(document: pdfium.PdfDocument, number: int, name: str, dpi: float, max_pixels: int) -> PageImage:
    try:
        with pdfium_lock, closing(document[number - 1]) as page:
            width, height = page.get_size()
            wanted, dpi = dpi, min(dpi, POINTS_PER_INCH * _max_scale(width, height, max_pixels))
            if dpi < wanted:
                _log.info("page %d of %r: %.1f dpi instead of %g, for max_pixels", number, name, dpi, wanted)
            with closing(page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True)) as bitmap:
                image = np.array(bitmap.to_numpy())
            _log.debug("rendered page %d of %r: %d×%d at %.1f dpi", number, name, *image.shape[1::-1], dpi)
            return PageImage(image, number, dpi)
    except Exception as error:
        raise UnreadableImageError(f"page {number} of {name} cannot be rendered: {error}") from error


def _max_scale(width: float, height: float, max_pixels: int) -> float:
    """The maximum pixels per point at which a page has at most ``max_pixels``, its sides rounded up."""
    # (width · s + 1) · (height · s + 1) = max_pixels, solved for s
    area, edge = width * height, width + height
    return (math.sqrt(edge * edge + 4 * area * (max_pixels - 1)) - edge) / (2 * area)


def _frames(
    image: ImageFile, name: str, max_pixels: int, numbers: Sequence[int] | None
) -> Iterator[PageImage]:
    # Only frames of TIFF are pages; those of GIF, WebP and phone photos are animations, previews, depth maps.
    has_pages = image.format == "TIFF"
    for number in numbers or (count(1) if has_pages else (1,)):
        if not has_pages:
            _check_number(number, 1, name)
        frame = f"frame {number} of {name}" if has_pages else name
        try:
            image.seek(number - 1)
        except EOFError:
            if numbers is None:
                return
            raise UnreadableImageError(f"{name} has no page {number}") from None
        except Exception as error:
            raise UnreadableImageError(f"{frame} is damaged: {error}") from error
        pixels = images.to_rgb(image, frame, max_pixels)
        yield PageImage(pixels, number, _stated_dpi(image))


def _check_number(number: int, total: int, name: str) -> None:
    if number > total:
        raise UnreadableImageError(f"{name} has {total} page{'s' * (total > 1)}, no page {number}")


def _stated_dpi(image: Image.Image) -> float | None:
    try:
        dpi = float(image.info["dpi"][0])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
        return None
    return round(dpi, 1) if math.isfinite(dpi) and dpi > 0 else None
