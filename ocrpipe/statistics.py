"""Statistics that several parts need; this module imports nothing of ocrpipe."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def weighted_median(values: ArrayLike, weights: ArrayLike) -> float:
    """The smallest value at which the weights of it and of all smaller values make up half of their sum.

    Args:
        values: (N,), at least one.
        weights: (N,), not negative.
    """
    values, weights = np.asarray(values, np.float64), np.asarray(weights, np.float64)
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])
