"""A detector and a recogniser that see black bars as lines of text, offered to ocrpipe by the tests.

A bar's width says which text it stands for, and a white notch is at its lower right when it is upright.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import OcrError
from ocrpipe.recognizers.base import CharSpan, Recognition

TEXTS = (
    "水面的高度",
    "Every spring the clerk walks",
    "这条大江，从西方高山流来2024年",
    "东门外 石头",
    "of the school (No. 12)",
)
HEIGHT = 40

THREADS: set[tuple[str, int | None]] = set()
"""Where pages were read: the thread's name, and the threads that the detector was given."""


def width(index: int) -> int:
    return 250 + 130 * index


class Bars:
    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        THREADS.add((threading.current_thread().name, self._threads))
        ink = (image[..., 0] < 100).astype(np.uint8)
        lines = []
        for x, y, w, h, _ in cv2.connectedComponentsWithStats(ink)[2][1:].tolist():
            if w > 2 * h and h > 10:
                lines.append(TextLine(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), 0.9))
        return lines


class Notches:
    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        return [self._read(crop) for crop in crops]

    def _read(self, crop: NDArray[np.uint8]) -> Recognition:
        height, length = crop.shape[:2]
        index = round((length * HEIGHT / height - width(0)) / 130)
        text = TEXTS[min(max(index, 0), len(TEXTS) - 1)]
        corner = (slice(height // 2, None), slice(-height, None))
        upright = crop[corner].mean() > crop[::-1, ::-1][corner].mean()
        whole = -0.5 < (length * HEIGHT / height - width(0)) / 130 < len(TEXTS)  # not a piece of a bar
        sure = (0.95 if upright else 0.5) if whole else 0.2
        ends = np.linspace(0, length, len(text) + 1).tolist()
        chars = [CharSpan(char, sure, *span) for char, span in zip(text, pairwise(ends), strict=True)]
        return Recognition(text, tuple(chars))


class Broken:
    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        raise OcrError("the detector is out of paper")
