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
        crop: Corners of what the recogniser should see, where that is not ``quad``: a detector may know the
            ink more closely than the usual, larger box of a line shows.
    """

    quad: Quad
    score: float
    crop: Quad | None = None


@runtime_checkable
class Detector(Protocol):
    """Finds text lines. Any object with this method can be given to ``Pipeline``; no base class is needed.

    ``detect`` must be safe to call from several threads and keep nothing of an image between calls.

    A detector whose scores can be taken for probabilities may say so by a true attribute ``calibrated``, and
    a recogniser likewise of its confidences. Where both do, the pipeline weighs what is read by the scores:
    faint lines can be reported, and count where they read well. Where the detector alone does, they do not.
    """

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        """Find the lines of one page.

        Args:
            image: H×W×3, RGB, uint8; never empty. It must not be written to.

        Returns:
            The lines, in any order; empty where there is no text. Quads lie inside the image.
        """
        ...
