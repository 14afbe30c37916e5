"""Write a page in the formats other tools read.

A format is an entry of ``WRITERS``: a function from a page, and its image where it is shown, to bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from ocrpipe.export.alto import page_to_alto
from ocrpipe.export.document import DOCUMENT_WRITERS, document_bytes, save_document
from ocrpipe.export.hocr import page_to_hocr
from ocrpipe.export.html import page_to_html
from ocrpipe.export.json import page_to_json
from ocrpipe.export.labelstudio import document_to_labelstudio, from_labelstudio
from ocrpipe.export.naming import format_of, suffix_of
from ocrpipe.export.pagexml import page_to_pagexml
from ocrpipe.export.pdf import page_to_pdf
from ocrpipe.export.tables import document_to_csv, document_to_parquet
from ocrpipe.export.text import page_to_text
from ocrpipe.io.files import write_whole
from ocrpipe.io.images import Source
from ocrpipe.page import PageContent

__all__ = [
    "DOCUMENT_WRITERS",
    "WRITERS",
    "Writer",
    "document_bytes",
    "from_labelstudio",
    "save",
    "save_document",
    "suffix_of",
]

Writer = Callable[[PageContent, Source | None], bytes]

WRITERS: dict[str, Writer] = {
    "txt": lambda page, image: page_to_text(page).encode(),
    "json": lambda page, image: page_to_json(page).encode(),
    "hocr": lambda page, image: page_to_hocr(page).encode(),
    "alto": lambda page, image: page_to_alto(page).encode(),
    "pagexml": lambda page, image: page_to_pagexml(page).encode(),
    "html": lambda page, image: page_to_html(page, image).encode(),
    "pdf": page_to_pdf,
    "csv": lambda page, image: document_to_csv((page,)).encode(),
    "parquet": lambda page, image: document_to_parquet((page,)),
    "labelstudio": lambda page, image: document_to_labelstudio((page,)).encode(),
}


def save(
    page: PageContent, path: str | os.PathLike[str], format: str | None = None, *, image: Source | None = None
) -> None:
    """Write a page to ``path``, whole or not at all.

    Args:
        page: What was read.
        path: Where to; an earlier file of that name is replaced.
        format: A key of ``WRITERS``; by default the path's suffix says it (``.xml`` is ALTO).
        image: The page's image, for html, which has none without, and pdf, which opens ``page.source`` again.

    Raises:
        ConfigError: The format is unknown, or the image does not fit the page.
        MissingExtraError: The format needs an extra that is not installed.
        OcrError: The file can't be written.
    """
    write_whole(path, WRITERS[format_of(path, format, WRITERS)](page, image))
