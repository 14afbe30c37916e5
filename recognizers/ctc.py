"""The best path of CTC outputs, whatever network they come from.

CTC: Graves et al., "Connectionist Temporal Classification", ICML 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLANK = 0
"""Class index of the CTC blank; characters follow from 1."""


@dataclass(frozen=True, slots=True)
class Emission:
    """One emitted label and the frames that emit it.

    Attributes:
        label: Class index, never the blank.
        frame: The frame in ``first..last`` where the label is most probable.
        first: First frame of the label.
        last: Last frame of the label, inclusive.
        confidence: Probability of the label at ``frame``.
    """

    label: int
    frame: int
    first: int
    last: int
    confidence: float


def collapse(best: NDArray[np.integer], probability: NDArray[np.floating]) -> list[Emission]:
    """The best path (greedy decoding) from each frame's most probable class.

    Args:
        best: (T,) most probable class of each frame.
        probability: (T,) its probability.
    """
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = np.append(starts[1:], len(best))
    emissions = []
    for first, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if best[first] != BLANK:
            frame = first + int(probability[first:end].argmax())
            confidence = min(1.0, float(probability[frame]))
            emissions.append(Emission(int(best[first]), frame, first, end - 1, confidence))
    return emissions
