"""A whole document as one file.

A format is an entry of ``DOCUMENT_WRITERS``: a function from the pages, and where their images are, to bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ocrpipe.export.alto import document_to_alto
from ocrpipe.export.hocr import document_to_hocr
from ocrpipe.export.html import document_to_html
from ocrpipe.export.json import document_to_json
from ocrpipe.export.labelstudio import document_to_labelstudio
from ocrpipe.export.naming import check_format, format_of
from ocrpipe.export.pagexml import document_to_pagexml
from ocrpipe.export.pdf import document_to_pdf
from ocrpipe.export.scans import Scans
from ocrpipe.export.tables import document_to_csv, document_to_parquet
from ocrpipe.export.text import document_to_text
from ocrpipe.io.files import write_whole
from ocrpipe.page import PageContent

DocumentWriter = Callable[[Sequence[PageContent], Scans], bytes]

DOCUMENT_WRITERS: dict[str, DocumentWriter] = {
    "txt": lambda pages, scans: document_to_text(pages).encode(),
    "json": lambda pages, scans: document_to_json(pages).encode(),
    "hocr": lambda pages, scans: document_to_hocr(pages).encode(),
    "alto": lambda pages, scans: document_to_alto(pages).encode(),
    "pagexml": lambda pages, scans: document_to_pagexml(pages).encode(),
    "html": lambda pages, scans: document_to_html(pages, scans if scans.source else None).encode(),
    "pdf": document_to_pdf,
    "csv": lambda pages, scans: document_to_csv(pages).encode(),
    "parquet": lambda pages, scans: document_to_parquet(pages),
    "labelstudio": lambda pages, scans: document_to_labelstudio(pages).encode(),
}


def document_bytes(
    pages: Sequence[PageContent], format: str, *, source: Path | None = None, password: str | None = None
) -> bytes:
    """All pages of a document as one file's content; equal pages and sources give equal bytes.

    Args:
        pages: What was read, in order; a document without pages is a file without pages.
        format: A key of ``DOCUMENT_WRITERS``.
        source: The file the pages were read from, for html, which shows no images without, and pdf, which
            opens each page's own ``source`` by default.
        password: Of a locked PDF.

    Raises:
        ConfigError: The format is unknown, or an image does not fit its page.
        MissingExtraError: The format needs an extra that is not installed.
        OcrError: The source can't be read.
    """
    check_format(format, DOCUMENT_WRITERS)
    return DOCUMENT_WRITERS[format](pages, Scans(source, password))


def save_document(
    pages: Sequence[PageContent],
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    source: Path | None = None,
    password: str | None = None,
) -> None:
    """Write all pages of a document to one file, whole or not at all.

    Args:
        pages: What was read, in order.
        path: Where to; an earlier file of that name is replaced.
        format: A key of ``DOCUMENT_WRITERS``; by default the path's suffix says it.
        source: As for ``document_bytes``.
        password: Of a locked PDF.

    Raises:
        OcrError: As ``document_bytes``, or the file can't be written.
    """
    name = format_of(path, format, DOCUMENT_WRITERS)
    write_whole(path, document_bytes(pages, name, source=source, password=password))
