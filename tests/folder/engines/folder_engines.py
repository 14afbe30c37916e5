"""Fake engines for worker processes: a bar of n × 10 pixels is read as "page n", or does harm."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.recognizers.base import CharSpan, Recognition

UNIT = 10
KILLS, KILLS_ONCE, HANGS, RAISES = 90, 91, 92, 93


class Bars:
    """Takes all that is dark for one line."""

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        ys, xs = np.nonzero(image[:, :, 0] < 128)
        if not xs.size:
            return ()
        x0, y0, x1, y1 = float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1)
        return (TextLine(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), 0.75),)


class Lengths:
    """Reads the bar's length; FOLDER_TEST names a folder to leave traces in, FOLDER_SECONDS a pause."""

    def __init__(self) -> None:
        if "FOLDER_TEST" in os.environ:
            (Path(os.environ["FOLDER_TEST"]) / f"loaded-{os.getpid()}").touch()

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        time.sleep(float(os.environ.get("FOLDER_SECONDS", "0")))
        return [self._read(crop.shape[1], round(crop.shape[1] / UNIT)) for crop in crops]

    def _read(self, width: int, number: int) -> Recognition:
        self._harm(number)
        text = f"page {number}"
        step = width / len(text)
        spans = (CharSpan(c, 0.9, i * step, (i + 1) * step) for i, c in enumerate(text))
        return Recognition(text, tuple(spans))

    def _harm(self, number: int) -> None:
        if number == KILLS:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == KILLS_ONCE:
            flag = Path(os.environ["FOLDER_TEST"]) / "killed"
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if number == HANGS:
            time.sleep(3600)
        if number == RAISES:
            raise RuntimeError("an engine's own fault")


class Unmakable:
    """Dies while it is loaded."""

    def __init__(self) -> None:
        os._exit(7)

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        return []
