"""Pages to files: one page, or all pages of a document."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ocrpipe.errors import ConfigError, MissingExtraError, OcrError
from ocrpipe.export.formats import FORMATS, check_format, format_of
from ocrpipe.export.scans import Scans
from ocrpipe.io.files import write_whole
from ocrpipe.io.images import Source
from ocrpipe.io.names import Passwords
from ocrpipe.page import PageContent


def save(
    page: PageContent,
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    image: Source | None = None,
) -> None:
    """Write a page to ``path``, atomically.

    Args:
        page: What was read.
        path: Where to; an earlier file of that name is replaced.
        format: A key of ``FORMATS``; by default the path's suffix decides (``.xml`` is ALTO).
        image: The page's image; html shows no image without it, pdf opens ``page.source`` again.

    Raises:
        ConfigError: The format is unknown, or the image does not fit the page.
        MissingExtraError: The format needs an extra that is not installed.
        OcrError: The file can't be written.
    """
    write_whole(path, FORMATS[format_of(path, format)].page(page, image))


def document_bytes(
    pages: Sequence[PageContent],
    format: str,
    *,
    source: Path | None = None,
    password: Passwords = None,
    replace_text: bool = False,
    rotate_pages: bool = False,
) -> bytes:
    """All pages of a document as one file's content; equal pages and sources give equal bytes.

    Args:
        pages: What was read, in order; a document without pages is a file without pages.
        format: A key of ``FORMATS``.
        source: The file the pages were read from. Without it html shows no images, and pdf opens each page's
            own ``source``.
        password: Of a locked PDF, or several to try.
        replace_text: For a pdf from a PDF: whether all text that its pages have is hidden from text
            extraction, and not only what is wrong or hidden.
        rotate_pages: For a pdf from a PDF: whether pages are shown upright that were not.

    Raises:
        ConfigError: The format is unknown, an image does not fit its page, or ``pages`` is not a sequence.
        MissingExtraError: The format needs an extra that is not installed.
        OcrError: The source can't be read.
    """
    check_format(format)
    if isinstance(pages, PageContent):
        raise ConfigError("pages must be a sequence of pages, such as [page], not a page")
    pages = list(pages)
    return FORMATS[format].document(pages, Scans(source, password, replace_text, rotate_pages))


def check_extras(format: str) -> None:
    """Do nothing for a known format whose packages are installed.

    Raises:
        ConfigError: The format is unknown.
        MissingExtraError: The format needs an extra that is not installed.
    """
    check_format(format)
    try:
        document_bytes((), format)
    except MissingExtraError:
        raise
    except OcrError:
        pass  # a document without pages may be too little for it


def save_document(
    pages: Sequence[PageContent],
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    source: Path | None = None,
    password: Passwords = None,
    replace_text: bool = False,
    rotate_pages: bool = False,
) -> None:
    """Write all pages of a document to one file, atomically.

    Args:
        pages: What was read, in order.
        path: Where to; an earlier file of that name is replaced.
        format: A key of ``FORMATS``; by default the path's suffix decides.
        source: As for ``document_bytes``.
        password: Of a locked PDF, or several to try.
        replace_text: As for ``document_bytes``, as ``rotate_pages``.
        rotate_pages: See there.

    Raises:
        OcrError: As ``document_bytes``, or the file can't be written.
    """
    name = format_of(path, format)
    content = document_bytes(
        pages,
        name,
        source=source,
        password=password,
        replace_text=replace_text,
        rotate_pages=rotate_pages,
    )
    write_whole(path, content)
