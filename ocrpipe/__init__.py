"""Scanned pages, Chinese and English, to page-level text, on a CPU and offline.

>>> import ocrpipe
>>> page = ocrpipe.read("scan.png")  # doctest: +SKIP
>>> print(page.text)  # doctest: +SKIP

Importing this package loads neither torch nor OpenCV; they come with the first page. What happens inside is
logged under the logger ``ocrpipe``, silently unless the program configures logging.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ocrpipe._version import __version__

if TYPE_CHECKING:
    from ocrpipe.api import read, read_document
    from ocrpipe.errors import (
        ConfigError,
        MissingExtraError,
        OcrError,
        PluginError,
        UnreadableImageError,
        UnsupportedSourceError,
        WeightsError,
    )
    from ocrpipe.folder import Failure, PageResult, read_folder
    from ocrpipe.page import Char, Line, PageWarning, Paragraph, Word
    from ocrpipe.pipeline import Options, Pipeline
    from ocrpipe.result import Page

logging.getLogger(__name__).addHandler(logging.NullHandler())

_MODULES = {
    "api": ("read", "read_document"),
    "errors": (
        "ConfigError",
        "MissingExtraError",
        "OcrError",
        "PluginError",
        "UnreadableImageError",
        "UnsupportedSourceError",
        "WeightsError",
    ),
    "folder": ("Failure", "PageResult", "read_folder"),
    "page": ("Char", "Line", "PageWarning", "Paragraph", "Word"),
    "pipeline": ("Options", "Pipeline"),
    "result": ("Page",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Char",
    "ConfigError",
    "Failure",
    "Line",
    "MissingExtraError",
    "OcrError",
    "Options",
    "Page",
    "PageResult",
    "PageWarning",
    "Paragraph",
    "Pipeline",
    "PluginError",
    "UnreadableImageError",
    "UnsupportedSourceError",
    "WeightsError",
    "Word",
    "__version__",
    "read",
    "read_document",
    "read_folder",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562), so that ``import ocrpipe`` stays fast."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
