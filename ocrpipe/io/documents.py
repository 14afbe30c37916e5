"""Documents page by page: PDF, multi-page TIFF, and any other image as a document of one page."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from ocrpipe.errors import ConfigError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.io import images, tiff
from ocrpipe.io.decoding import reason
from ocrpipe.io.images import MAX_PIXELS, MAX_SIDE, Source
from ocrpipe.io.names import Passwords, candidates
from ocrpipe.io.offset import StartingAt
from ocrpipe.io.pdf_text import StoredText, stored_text
from ocrpipe.io.selection import PageSelection
from ocrpipe.io.userunit import user_units

if TYPE_CHECKING:
    import pypdfium2 as pdfium

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
        dpi: Resolution a PDF page was rendered at, or the one that an image file states, if it is plausible.
        stored: The text of a PDF page, if it was asked for.
    """

    image: NDArray[np.uint8]
    number: int
    dpi: float | None
    stored: StoredText = StoredText()


def pages(
    source: Source,
    *,
    dpi: float = DPI,
    password: Passwords = None,
    max_pixels: int = MAX_PIXELS,
    numbers: Sequence[int] | str | None = None,
    with_text: bool = False,
) -> Iterator[PageImage]:
    """Yield a document's pages, each rendered or decoded on demand.

    The type is detected from the content, not from the name. A Pillow image or an array is one page.

    Args:
        source: As for ``images.load``, and PDF.
        dpi: Resolution for PDF pages; other images are not resampled.
        password: For an encrypted PDF, or several to try; the empty one is tried too.
        max_pixels: Maximum of width × height. A PDF page that would exceed it is rendered at a lower
            resolution, which is its ``dpi``; an image that exceeds it is an error.
        numbers: Which pages, 1-based, in that order, or a selection such as ``"1-3,7-"``; all by default.
        with_text: Whether to extract the text of PDF pages too.

    Raises:
        UnsupportedSourceError: The type of the source is not supported.
        UnreadableImageError: The document is missing, empty, damaged or locked, or has no such page. Pages
            before a damaged one are yielded first.
        ConfigError: ``dpi`` or a page number is not positive.
    """
    if not (dpi > 0 and math.isfinite(dpi)):
        raise ConfigError(f"dpi must be positive, not {dpi}")
    if isinstance(numbers, str):
        selection = PageSelection.parse(numbers)
        total = count_pages(source, password=password)
        if beyond := selection.beyond(total):
            _check_number(beyond, total, images.label(source))
        numbers = selection.numbers(total)
    if numbers is not None and min(numbers, default=1) < 1:
        raise ConfigError(f"page numbers start at 1, not at {min(numbers)}")
    name = images.label(source)
    if isinstance(source, (Image.Image, np.ndarray)):
        stated = images.resolution(source, max_pixels) if isinstance(source, Image.Image) else None
        for number in numbers or (1,):
            _check_number(number, 1, name)
            yield PageImage(images.load(source, max_pixels=max_pixels), number, stated)
        return
    with images.open_stream(source) as stream:
        if images.is_pdf(stream):
            yield from _pdf_pages(stream, name, dpi, password, max_pixels, numbers, with_text=with_text)
        else:
            yield from _frames(stream, name, max_pixels, numbers)


def count_pages(source: Source, *, password: Passwords = None) -> int:
    """Number of pages of a document; all that follows a damaged frame of a TIFF counts as one page.

    Raises:
        UnsupportedSourceError: The type of the source is not supported.
        UnreadableImageError: The document is missing, empty, damaged or locked.
    """
    if isinstance(source, (Image.Image, np.ndarray)):
        return 1
    name = images.label(source)
    with images.open_stream(source) as stream:
        if images.is_pdf(stream):
            with pdfium_lock, closing(open_pdf(stream, name, password)) as document:
                if not len(document):
                    raise UnreadableImageError(f"{name} has no pages")
                return len(document)
        if images.identify(stream, name).format != "TIFF":
            return 1
        return len(tiff.directories(stream).pages)


def holds_pages(source: str | os.PathLike[str]) -> bool:
    """Whether a file is a PDF or TIFF, which may hold several pages.

    Raises:
        UnreadableImageError: It can't be opened.
    """
    with images.open_stream(source) as stream:
        if images.is_pdf(stream):
            return True
        head = stream.read(4)
        return head in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


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


@contextmanager
def stored_image(source: Source, number: int) -> Iterator[tuple[ImageFile, Callable[[], bytes]]]:
    """A page of an image file, not decoded, and a function that returns the bytes of the file.

    Args:
        source: A path, a file's bytes or a binary file object; not a PDF.
        number: 1-based number of the page.

    Raises:
        OcrError: It can't be opened as an image, or has no such page.
    """
    if isinstance(source, (Image.Image, np.ndarray)):
        raise UnsupportedSourceError("pixels are not stored in a file")
    name = images.label(source)
    with images.open_stream(source) as stream:
        image = images.identify(stream, name)
        if image.format == "TIFF":
            frames = tiff.directories(stream)
            _check_number(number, len(frames.pages), name)
            if frames.pages[number - 1] >= len(frames.offsets):
                raise UnreadableImageError(
                    f"frame {number} of {name} is damaged: its directory can't be read"
                )
            offset = frames.offsets[frames.pages[number - 1]]
            image = images.identify(cast(BinaryIO, StartingAt(stream, offset)), name)
        else:
            _check_number(number, 1, name)

        def data() -> bytes:
            stream.seek(0)
            return stream.read()

        yield image, data


def _pdf_pages(
    stream: BinaryIO,
    name: str,
    dpi: float,
    password: Passwords,
    max_pixels: int,
    numbers: Sequence[int] | None,
    *,
    with_text: bool,
) -> Iterator[PageImage]:
    document = open_pdf(stream, name, password)
    try:
        with pdfium_lock:
            total = len(document)
        if not total:
            raise UnreadableImageError(f"{name} has no pages")
        wanted = numbers or range(1, total + 1)
        units = user_units(stream, wanted, password)
        for index, number in enumerate(wanted, 1):
            _check_number(number, total, name)
            unit = units.get(number, 1.0)
            yield _render(document, number, name, dpi, max_pixels, unit, with_text=with_text)
            if index % _REOPEN_AFTER == 0:
                with pdfium_lock:
                    document.close()
                document = open_pdf(stream, name, password)
    finally:
        with pdfium_lock:
            document.close()


def open_pdf(stream: BinaryIO, name: str, password: Passwords) -> pdfium.PdfDocument:
    """Open a PDF with the first password that fits.

    Raises:
        UnreadableImageError: It is damaged or locked.
    """
    import pypdfium2 as pdfium

    for candidate in candidates(password):
        try:
            with pdfium_lock:
                stream.seek(0)
                document = pdfium.PdfDocument(stream, password=candidate or None)
                document.init_forms()  # so that the contents of form fields are rendered
                return document
        except Exception as error:
            _forget_last_error()
            failed = error
            if "password" not in str(error):
                break
    problem = f"is damaged: {reason(failed)}"
    if "password" in str(failed):
        problem = (
            "is locked, by another password" if any(candidates(password)) else "is locked; give its password"
        )
    raise UnreadableImageError(f"{name} {problem}") from failed


def _forget_last_error() -> None:
    """Reset PDFium's last error, which pypdfium2 reports for the next file if PDFium sets none."""
    import pypdfium2 as pdfium

    with suppress(pdfium.PdfiumError), pdfium_lock:
        pdfium.PdfDocument(b"no PDF")


def _render(
    document: pdfium.PdfDocument,
    number: int,
    name: str,
    dpi: float,
    max_pixels: int,
    unit: float,
    *,
    with_text: bool,
) -> PageImage:
    """Render a page whose user space unit is ``unit`` points, which PDFium ignores."""
    try:
        with pdfium_lock, closing(document[number - 1]) as page:
            width, height = page.get_size()
            scale = _max_scale(width, height, max_pixels)
            wanted, dpi = dpi, min(dpi, POINTS_PER_INCH * scale / unit)
            if dpi < wanted:
                _log.info("page %d of %r: %.1f dpi instead of %g, for max_pixels", number, name, dpi, wanted)
            scale = dpi / POINTS_PER_INCH * unit
            with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
                image = np.array(bitmap.to_numpy())
            stored = stored_text(page, *image.shape[1::-1]) if with_text else StoredText()
            _log.debug("rendered page %d of %r: %d×%d at %.1f dpi", number, name, *image.shape[1::-1], dpi)
            return PageImage(image, number, dpi, stored)
    except Exception as error:
        raise UnreadableImageError(f"page {number} of {name} cannot be rendered: {reason(error)}") from error


def _max_scale(width: float, height: float, max_pixels: int) -> float:
    """The maximum pixels per point at which a page has at most ``max_pixels``, its sides rounded up.

    No side gets longer than ``MAX_SIDE`` pixels.
    """
    # (width · s + 1) · (height · s + 1) = max_pixels, solved for s
    area, edge = width * height, width + height
    scale = (math.sqrt(edge * edge + 4 * area * (max_pixels - 1)) - edge) / (2 * area)
    return min(scale, (MAX_SIDE - 1) / max(width, height))


def _frames(
    stream: BinaryIO, name: str, max_pixels: int, numbers: Sequence[int] | None
) -> Iterator[PageImage]:
    image = images.identify(stream, name)
    if image.format != "TIFF":
        # Only frames of TIFF are pages; those of other files are animations, previews, depth maps.
        for number in numbers or (1,):
            _check_number(number, 1, name)
            yield PageImage(
                images.to_rgb(image, name, max_pixels), number, images.resolution(image, max_pixels)
            )
        return
    frames = tiff.directories(stream)
    for number in numbers or range(1, len(frames.pages) + 1):
        _check_number(number, len(frames.pages), name)
        index = frames.pages[number - 1]
        frame = f"frame {number} of {name}"
        if index >= len(frames.offsets):
            raise UnreadableImageError(f"{frame} is damaged: its directory can't be read")
        stream.seek(0)
        image = images.identify(cast(BinaryIO, StartingAt(stream, frames.offsets[index])), frame)
        yield PageImage(images.to_rgb(image, frame, max_pixels), number, images.resolution(image, max_pixels))


def _check_number(number: int, total: int, name: str) -> None:
    if number > total:
        raise UnreadableImageError(f"{name} has {total} page{'s' * (total > 1)}, no page {number}")
