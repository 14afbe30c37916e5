"""The CRNN recogniser: model, decoding. ``CRNN`` itself needs torch, which is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ocrpipe.kernels  # noqa: F401, before torch
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.config import CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer, Decoding

if TYPE_CHECKING:
    from ocrpipe.recognizers.crnn.model import CRNN

__all__ = ["CRNN", "CRNNConfig", "CRNNRecognizer", "Charset", "Decoding", "default_charset"]


def __getattr__(name: str) -> Any:
    if name == "CRNN":
        from ocrpipe.recognizers.crnn.model import CRNN

        return CRNN
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
