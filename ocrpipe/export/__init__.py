"""Write pages in the formats other tools read; each is an entry of ``FORMATS``, in ``export.formats``."""

from __future__ import annotations

from ocrpipe.export.formats import FORMATS, Format, suffix_of
from ocrpipe.export.labelstudio import from_labelstudio
from ocrpipe.export.saving import document_bytes, save, save_document

__all__ = [
    "FORMATS",
    "Format",
    "document_bytes",
    "from_labelstudio",
    "save",
    "save_document",
    "suffix_of",
]
