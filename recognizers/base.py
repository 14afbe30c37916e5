"""What every recogniser is: an object with ``recognize``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CharSpan:
    """One recognised character and where it lies along the crop.

    Attributes:
        text: The character; a space has a span too.
        confidence: Probability of the emitted class, 0..1.
        start: Left end in pixels of the crop given to ``recognize``.
        end: Right end in pixels of that crop, ``start <= end``.
    """

    text: str
    confidence: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was read from one crop; ``chars`` joined give ``text``."""

    text: str
    chars: tuple[CharSpan, ...]

    @property
    def confidence(self) -> float:
        """Mean of the characters' confidences, spaces excluded; 0.0 for empty text, never NaN."""
        values = [char.confidence for char in self.chars if not char.text.isspace()]
        return sum(values) / len(values) if values else 0.0


@runtime_checkable
class Recognizer(Protocol):
    """Reads line crops. Any object with this method can be given to ``Pipeline``; no base class is needed.

    ``recognize`` must be safe to call from several threads, and what it reads from a crop must not depend
    on the other crops of the call. It may have an attribute ``calibrated``, see
    ``ocrpipe.detectors.base.Detector``, and an attribute ``continuation``, a function of two texts that gives
    how much likelier the second is after the first than by itself, the difference of natural logarithms of
    probabilities: by it, the reading order tells columns of text from rows of a table.
    """

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Recognition]:
        """Read upright single-line crops.

        Args:
            crops: Each H×W×3 (RGB) or H×W (grey), uint8, of any size, text running left to right.

        Returns:
            One recognition per crop, in the order given.
        """
        ...
