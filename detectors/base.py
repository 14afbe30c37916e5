"""What every detector is: an object with ``detect``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ocrpipe.page import Quad


@dataclass(frozen=True, slots=True)
class TextLine:
    """A detected line.

    Attributes:
        quad: Corners in pixels of the image given to ``detect``, clockwise from the text's top-left.
        score: Confidence in 0..1 that this is a line of text.
        crop: Corners of the crop for the recogniser, where it differs from ``quad``, for instance a tight one
            around the ink.
    """

    quad: Quad
    score: float
    crop: Quad | None = None


@runtime_checkable
class Detector(Protocol):
    """Finds text lines. Any object with this method can be given to ``Pipeline``; no base class is needed.

    ``detect`` must be safe to call from several threads and keep nothing of an image between calls.

    A detector whose scores can be taken for probabilities may say so by a true attribute ``calibrated``, and
    a recogniser likewise of its confidences. Where both do, lines are kept by confidence × score, so that
    lines of low score are kept if they read well. Where only the detector does, its scores have a minimum.
    """

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        """Find the lines of one page.

        Args:
            image: H×W×3, RGB, uint8; never empty. It must not be written to.

        Returns:
            The lines, in any order; empty where there is no text. Quads lie inside the image.
        """
        ...
