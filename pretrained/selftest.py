"""A test of each network when it is loaded: a known image in, and what must come out by the weights' card.

A checksum tells that a file is whole. It does not tell that the processor, the runtime or the instructions
chosen for them compute with it what was trained; text that is read with wrong numbers looks like text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import WeightsError

_PROJECTIONS = 16
_TOLERANCE = 0.2
"""Of the norm of the projections. Bfloat16 makes a difference of 0.01 on OpenVINO and of up to 0.07 in torch;
a layer's weights in another order make one of 0.15 to 4. A false alarm keeps a sound machine from reading."""


def pattern(height: int, width: int) -> NDArray[np.uint8]:
    """The image: dark bars and blocks on white, of about the width of strokes, H×W uint8."""
    y, x = np.mgrid[:height, :width]
    dark = ((x // 3 * 5 + y // 4 * 3 + x // 11 * (y // 7)) % 7 < 2) & (y > height // 8)
    return np.where(dark, 20, 250).astype(np.uint8)


def projections(outputs: Sequence[NDArray[Any]]) -> list[list[float]]:
    """A few numbers of each output whose distances are about those of all of its numbers.

    They are a count sketch (Charikar et al., 2002): sums of every 16th number, with pseudo-random signs.
    """
    found = []
    for output in outputs:
        values = np.asarray(output, np.float64).ravel()
        signs = 1 - 2 * ((np.arange(len(values)) * 40503 >> 7) & 1)
        padding = np.zeros(-len(values) % _PROJECTIONS)
        found.append(np.concatenate([values * signs, padding]).reshape(-1, _PROJECTIONS).sum(0).tolist())
    return found


def compare(outputs: Sequence[NDArray[Any]], wanted: Sequence[Sequence[float]], who: str) -> None:
    """Do nothing where outputs are those that the card tells of, or it tells of none.

    Args:
        outputs: What the network computed for ``pattern``.
        wanted: The ``selftest`` of its card.
        who: Engine, runtime and weights, for the message.

    Raises:
        ocrpipe.errors.WeightsError: They differ by more than precision explains.
    """
    if not wanted:
        return
    found = projections(outputs)
    fits = [len(some) for some in found] == [len(some) for some in wanted]
    for some, others in zip(found, wanted, strict=False):
        difference = math.dist(some, others) if fits else math.inf
        if not difference <= _TOLERANCE * math.hypot(*others):
            raise WeightsError(
                f"{who} fails its self-test: its network does not compute what the weights' card tells. "
                "The weights file, the runtime or the processor is at fault"
            )
    if not fits:
        raise WeightsError(f"{who} fails its self-test: its card tells of other outputs")
