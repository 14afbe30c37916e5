"""The functions of the package for single calls, on one ``Pipeline`` with default settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from ocrpipe.io.documents import DPI

if TYPE_CHECKING:
    from ocrpipe.io.images import Source
    from ocrpipe.io.names import Passwords
    from ocrpipe.pipeline import Pipeline
    from ocrpipe.result import Page

_loading = Lock()


def read(source: Source) -> Page:
    """Read one page with the default detector, recogniser and options; see ``Pipeline.read``.

    >>> import ocrpipe
    >>> print(ocrpipe.read("scan.png").text)  # doctest: +SKIP
    """
    return _default().read(source)


def read_document(
    source: Source,
    *,
    dpi: float = DPI,
    password: Passwords = None,
    pages: Sequence[int] | str | None = None,
) -> Iterator[Page]:
    """Read a PDF or multi-page TIFF, one page at a time; see ``Pipeline.read_document``."""
    return _default().read_document(source, dpi=dpi, password=password, pages=pages)


def _default() -> Pipeline:
    with _loading:  # two concurrent first calls load the models once
        return _load()


@cache
def _load() -> Pipeline:
    from ocrpipe.pipeline import Pipeline

    return Pipeline()
