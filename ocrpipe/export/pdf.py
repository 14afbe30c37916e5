"""Searchable PDF: each page's image, and over it invisible text that can be selected and copied.

The pages of a document that is a PDF itself are kept, and only the text is added.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import MissingExtraError
from ocrpipe.export.parts import pixels, words
from ocrpipe.export.pdf_text import FONT, Placing, text_layer
from ocrpipe.export.scans import Scans
from ocrpipe.io import images
from ocrpipe.io.documents import DPI, POINTS_PER_INCH
from ocrpipe.io.images import Source
from ocrpipe.page import PageContent

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
    file = image if isinstance(image, (str, os.PathLike, bytes)) and page.number == 1 else None
    return _from_images((page,), file, lambda page: pixels(page, image), has_pixels=image is not None)


def document_to_pdf(pages: Sequence[PageContent], scans: Scans) -> bytes:
    """All pages as one PDF; for pages of a PDF, that PDF with the text added and all its pages kept.

    Raises:
        MissingExtraError: The extra ``ocrpipe[pdf]`` is not installed.
        ConfigError: A page has no source, or its shape is not that of the source's page or image.
        OcrError: A source can't be read.
    """
    original = scans.pdf(pages)
    if original is None:
        return _from_images(pages, scans.source, scans.of)
    _check_extra()
    from ocrpipe.export.pdf_layer import add_text

    return add_text(
        original,
        pages,
        scans.password,
        replace_text=scans.replace_text,
        rotate_pages=scans.rotate_pages,
    )


def _from_images(
    pages: Sequence[PageContent],
    file: str | os.PathLike[str] | bytes | None,
    image_of: Callable[[PageContent], NDArray[np.uint8]],
    *,
    has_pixels: bool = False,
) -> bytes:
    """Pages with their images, with the data of the image files unchanged where that is possible.

    Args:
        pages: What was read.
        file: The file of the pages, by default each page's ``source``.
        image_of: Decodes a page's image.
        has_pixels: Whether ``image_of`` has the pixels, so that the pages' own sources are not opened.
    """
    _check_extra()
    import pikepdf

    from ocrpipe.export import pdf_images
    from ocrpipe.export.blank_font import BlankFont

    def placed_image(pdf: pikepdf.Pdf, page: PageContent) -> pdf_images.Placed:
        source = file if has_pixels else file or page.source
        if source is not None and not _is_pdf(source):
            return pdf_images.from_file(pdf, page, source, lambda: image_of(page))
        return pdf_images.from_array(pdf, image_of(page))

    font = BlankFont(word.text for page in pages for line in page.lines for word in words(line))
    with pikepdf.new() as pdf:
        embedded = font.embed(pdf)
        for page in pages:
            scale = POINTS_PER_INCH / (page.dpi or DPI)
            scale = min(scale, _MAX_PAGE_SIDE / max(page.width, page.height))
            width, height = page.width * scale, page.height * scale
            text = text_layer(page, font, _placing(scale, height))
            placed = placed_image(pdf, page)
            matrix = " ".join(
                f"{value:.4f}" if value else "0"
                for value in pdf_images.placement(placed.orientation, width, height)
            )
            content = f"q {matrix} cm /Image Do Q\n".encode() + text
            leaf = pikepdf.Dictionary(
                Type=pikepdf.Name.Page,
                MediaBox=[0, 0, round(width, 4), round(height, 4)],
                Rotate=page.orientation,
                Resources=pikepdf.Dictionary(
                    Font=pikepdf.Dictionary({f"/{FONT}": embedded}),
                    XObject=pikepdf.Dictionary(Image=placed.stream),
                ),
                Contents=pdf.make_stream(content),
            )
            pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
        stream = BytesIO()
        pdf.save(stream, deterministic_id=True)
    return stream.getvalue()


def _placing(scale: float, height: float) -> Placing:
    return lambda point: (point[0] * scale, height - point[1] * scale)


def _is_pdf(source: str | os.PathLike[str] | bytes) -> bool:
    with images.open_stream(source) as stream:
        return images.is_pdf(stream)


def _check_extra() -> None:
    try:
        import pikepdf  # noqa: F401

        import ocrpipe.export.blank_font  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"writing PDF needs {error.name}: pip install 'ocrpipe[pdf]'") from error
