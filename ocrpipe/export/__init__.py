"""Write pages in the formats other tools read; each is an entry of ``FORMATS``, in ``export.formats``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocrpipe.export.formats import FORMATS, Format, suffix_of
from ocrpipe.export.saving import document_bytes, save, save_document

if TYPE_CHECKING:
    from ocrpipe.export.labelstudio import from_labelstudio

__all__ = [
    "FORMATS",
    "Format",
    "document_bytes",
    "from_labelstudio",
    "save",
    "save_document",
    "suffix_of",
]


def __getattr__(name: str) -> Any:
    """``from_labelstudio``, which few need, on first use."""
    if name != "from_labelstudio":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ocrpipe.export.labelstudio import from_labelstudio

    return from_labelstudio
