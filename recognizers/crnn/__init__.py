"""The CRNN recogniser: model, decoding, training."""

from __future__ import annotations

import ocrpipe.kernels  # noqa: F401, before torch
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer, Decoding

__all__ = ["CRNN", "CRNNConfig", "CRNNRecognizer", "Charset", "Decoding", "default_charset"]
