"""Searchable PDF: each page's image, and over it invisible text that can be selected and copied.

The pages of a document that is a PDF itself are kept, and only the text is added.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.errors import MissingExtraError
from ocrpipe.export.parts import MAX_JPEG_SIDE, pixels, words
from ocrpipe.export.pdf_text import FONT, Placing, text_layer
from ocrpipe.export.scans import Scans
from ocrpipe.io.documents import DPI, POINTS_PER_INCH
from ocrpipe.io.images import Source
from ocrpipe.page import PageContent

if TYPE_CHECKING:
    import pikepdf

_MAX_PAGE_SIDE = 14_400  # points; PDF 1.7, annex C


def page_to_pdf(page: PageContent, image: Source | None = None) -> bytes:
    """The page as a PDF of one page, rotated to its orientation, sized by its dpi (200 if unknown).

    Args:
        page: What was read.
        image: The page's image; by default ``page.source`` is opened again.

    Raises:
        MissingExtraError: The extra ``ocrpipe[pdf]`` is not installed.
        ConfigError: There is no image, or it is of another size than the page.
    """
    return _from_images((page,), lambda page: pixels(page, image))


def document_to_pdf(pages: Sequence[PageContent], scans: Scans) -> bytes:
    """All pages as one PDF; for pages of a PDF, that PDF with the text added and all its pages kept.

    Raises:
        MissingExtraError: The extra ``ocrpipe[pdf]`` is not installed.
        ConfigError: A page has no source, or its shape is not that of the source's page or image.
        OcrError: A source can't be read.
    """
    original = scans.pdf(pages)
    if original is None:
        return _from_images(pages, scans.of)
    _check_extra()
    from ocrpipe.export.pdf_layer import add_text

    return add_text(original, pages, scans.password)


def _from_images(pages: Sequence[PageContent], image_of: Callable[[PageContent], NDArray[np.uint8]]) -> bytes:
    _check_extra()
    import pikepdf

    from ocrpipe.export.blank_font import BlankFont

    font = BlankFont(word.text for page in pages for line in page.lines for word in words(line))
    with pikepdf.new() as pdf:
        embedded = font.embed(pdf)
        for page in pages:
            scale = POINTS_PER_INCH / (page.dpi or DPI)
            scale = min(scale, _MAX_PAGE_SIDE / max(page.width, page.height))
            width, height = page.width * scale, page.height * scale
            text = text_layer(page, font, _placing(scale, height))
            content = f"q {width:.4f} 0 0 {height:.4f} 0 0 cm /Image Do Q\n".encode() + text
            leaf = pikepdf.Dictionary(
                Type=pikepdf.Name.Page,
                MediaBox=[0, 0, round(width, 4), round(height, 4)],
                Rotate=page.orientation,
                Resources=pikepdf.Dictionary(
                    Font=pikepdf.Dictionary({f"/{FONT}": embedded}),
                    XObject=pikepdf.Dictionary(Image=_image(pdf, image_of(page))),
                ),
                Contents=pdf.make_stream(content),
            )
            pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
        stream = BytesIO()
        pdf.save(stream, deterministic_id=True)
    return stream.getvalue()


def _placing(scale: float, height: float) -> Placing:
    return lambda point: (point[0] * scale, height - point[1] * scale)


def _check_extra() -> None:
    try:
        import pikepdf  # noqa: F401

        import ocrpipe.export.blank_font  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"writing PDF needs {error.name}: pip install 'ocrpipe[pdf]'") from error


def _image(pdf: pikepdf.Pdf, image: NDArray[np.uint8]) -> pikepdf.Object:
    """An image object: black and white lossless, grey and colour as JPEG."""
    from pikepdf import Dictionary, Name

    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    is_grey = bool((image == image[..., :1]).all())
    if is_grey:
        picture = picture.convert("L")
    attributes = Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceGray if is_grey else Name.DeviceRGB,
        BitsPerComponent=8,
    )
    if is_grey and bool(np.isin(image[..., 0], (0, 255)).all()):
        attributes.BitsPerComponent = 1
        data = picture.convert("1", dither=Image.Dither.NONE).tobytes()
    elif max(width, height) > MAX_JPEG_SIDE:
        data = picture.tobytes()
    else:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=85)
        data = stream.getvalue()
        attributes.Filter = Name.DCTDecode
    return pdf.make_stream(data, attributes)
