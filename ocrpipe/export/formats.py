"""The export formats, and which file name means which.

A new format is an entry of ``FORMATS``; ``Page.save``, ``save_document``, the command line and folder runs
all look there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ocrpipe.errors import ConfigError
from ocrpipe.export.alto import document_to_alto
from ocrpipe.export.grids import document_to_xlsx
from ocrpipe.export.hocr import document_to_hocr
from ocrpipe.export.html import document_to_html, page_to_html
from ocrpipe.export.json import document_to_json, page_to_json
from ocrpipe.export.labelstudio import document_to_labelstudio
from ocrpipe.export.markdown import document_to_markdown, page_to_markdown
from ocrpipe.export.pagexml import document_to_pagexml
from ocrpipe.export.pdf import document_to_pdf, page_to_pdf
from ocrpipe.export.scans import Scans
from ocrpipe.export.tables import document_to_csv, document_to_parquet
from ocrpipe.export.text import document_to_text, page_to_text
from ocrpipe.io.images import Source
from ocrpipe.page import PageContent

PageWriter = Callable[[PageContent, Source | None], bytes]
DocumentWriter = Callable[[Sequence[PageContent], Scans], bytes]

_OTHER_SUFFIXES = {"htm": "html", "text": "txt", "markdown": "md"}


@dataclass(frozen=True, slots=True)
class Format:
    """How pages are written in one format.

    Attributes:
        document: From the pages of a document, and where their images are, to a file's content.
        page: From one page, and its image where the caller gives one, to a file's content.
        suffix: What the names of its files end in, without the dot, such as ``page.xml``.
        has_images: Whether its files contain the pages' images, so that writing one opens the source again.
        one_page: Whether a file of it holds one page only.
    """

    document: DocumentWriter
    page: PageWriter
    suffix: str
    has_images: bool = False
    one_page: bool = False


def _without_images(
    suffix: str,
    document: Callable[[Sequence[PageContent]], str | bytes],
    page: Callable[[PageContent], str] | None = None,
    *,
    one_page: bool = False,
) -> Format:
    """A format made of the pages alone; by default a single page is a document of one page."""

    def encoded(content: str | bytes) -> bytes:
        return content.encode() if isinstance(content, str) else content

    return Format(
        lambda pages, scans: encoded(document(pages)),
        lambda content, image: encoded(page(content) if page else document((content,))),
        suffix,
        one_page=one_page,
    )


FORMATS: dict[str, Format] = {
    "txt": _without_images("txt", document_to_text, page_to_text),
    "md": _without_images("md", document_to_markdown, page_to_markdown),
    "json": _without_images("json", document_to_json, page_to_json),
    "hocr": _without_images("hocr", document_to_hocr),
    "alto": _without_images("xml", document_to_alto),
    "pagexml": _without_images("page.xml", document_to_pagexml, one_page=True),
    "html": Format(
        lambda pages, scans: document_to_html(pages, scans if scans.source else None).encode(),
        lambda page, image: page_to_html(page, image).encode(),
        "html",
        has_images=True,
    ),
    "pdf": Format(document_to_pdf, page_to_pdf, "pdf", has_images=True),
    "csv": _without_images("csv", document_to_csv),
    "parquet": _without_images("parquet", document_to_parquet),
    "xlsx": _without_images("xlsx", document_to_xlsx),
    "labelstudio": _without_images("labelstudio.json", document_to_labelstudio),
}


def suffix_of(format: str) -> str:
    """What the names of a format's files end in, without the dot; an unknown format's own name."""
    return FORMATS[format].suffix if format in FORMATS else format


def check_format(format: str) -> None:
    """Do nothing for a known format.

    Raises:
        ConfigError: The format is unknown; the message lists the known ones.
    """
    if format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}; there are {', '.join(FORMATS)}")


def format_of(path: str | os.PathLike[str], format: str | None) -> str:
    """The format given, else the one that the path's suffix means; ``.xml`` is ALTO.

    Raises:
        ConfigError: It is unknown; the message lists the known ones.
    """
    if format is not None:
        check_format(format)
        return format
    file_name = Path(path).name.lower()
    suffixes = {known.suffix: name for name, known in FORMATS.items()} | {name: name for name in FORMATS}
    suffixes |= _OTHER_SUFFIXES
    for suffix in sorted(suffixes, key=len, reverse=True):
        if file_name.endswith(f".{suffix}"):
            return suffixes[suffix]
    raise ConfigError(f"no format by the suffix of {str(path)!r}; there are {', '.join(FORMATS)}")
