"""The export formats, and which file name means which.

A new format is an entry of ``FORMATS``; ``Page.save``, ``save_document``, the command line and folder runs
all look there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocrpipe.errors import ConfigError

if TYPE_CHECKING:
    from ocrpipe.export.scans import Scans
    from ocrpipe.io.images import Source
    from ocrpipe.page import PageContent

PageWriter = Callable[["PageContent", "Source | None"], bytes]
DocumentWriter = Callable[[Sequence["PageContent"], "Scans"], bytes]

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


def _writer(module: str, function: str) -> Callable[..., Any]:
    """A function of a module of ``ocrpipe.export``, which is imported when it is first called."""

    def write(*arguments: Any) -> Any:
        return getattr(import_module(f"ocrpipe.export.{module}"), function)(*arguments)

    return write


_html, _page_html = _writer("html", "document_to_html"), _writer("html", "page_to_html")

FORMATS: dict[str, Format] = {
    "txt": _without_images("txt", _writer("text", "document_to_text"), _writer("text", "page_to_text")),
    "md": _without_images(
        "md", _writer("markdown", "document_to_markdown"), _writer("markdown", "page_to_markdown")
    ),
    "json": _without_images("json", _writer("json", "document_to_json"), _writer("json", "page_to_json")),
    "hocr": _without_images("hocr", _writer("hocr", "document_to_hocr")),
    "alto": _without_images("xml", _writer("alto", "document_to_alto")),
    "pagexml": _without_images("page.xml", _writer("pagexml", "document_to_pagexml"), one_page=True),
    "html": Format(
        lambda pages, scans: _html(pages, scans if scans.source else None).encode(),
        lambda page, image: _page_html(page, image).encode(),
        "html",
        has_images=True,
    ),
    "pdf": Format(_writer("pdf", "document_to_pdf"), _writer("pdf", "page_to_pdf"), "pdf", has_images=True),
    "csv": _without_images("csv", _writer("tables", "document_to_csv")),
    "parquet": _without_images("parquet", _writer("tables", "document_to_parquet")),
    "xlsx": _without_images("xlsx", _writer("grids", "document_to_xlsx")),
    "labelstudio": _without_images("labelstudio.json", _writer("labelstudio", "document_to_labelstudio")),
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
