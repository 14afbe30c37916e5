"""How high the text on a page is, cheaply: the heights of its connected components."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_ANALYSIS_SIDE = 2000
_LINE_OVER_GLYPH = 1.3
"""Height of a line, ascenders and descenders included, over that of its taller glyphs."""
_FEW = 4


def estimate_text_height(grey: NDArray[np.uint8]) -> float | None:
    """Typical height of the lines of text.

    Letters dominate a page's components at any resolution, so the heights of those of plausible shape tell
    their size, whatever the skew; to some ten percent on clean pages, to a factor of two on bad ones.

    Args:
        grey: H×W, dark text on light or the reverse.

    Returns:
        Pixels of ``grey``, or None where there are too few components to tell.
    """
    shrink: float = min(1.0, _ANALYSIS_SIDE / max(grey.shape))
    small = grey
    if shrink < 1:
        size = (max(1, round(grey.shape[1] * shrink)), max(1, round(grey.shape[0] * shrink)))
        small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    if np.median(small) < 128:
        small = 255 - small
    ink = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 51, 20)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    width, height, area = stats[1:, 2:].T.astype(float)
    glyphs = (height >= 4) & (height < max(small.shape) / 5) & (width < 6 * height) & (height < 8 * width)
    glyphs &= (area > 0.1 * width * height) & (area >= 8)
    height = np.asarray(height[glyphs])
    if len(height) < _FEW:
        return None
    # Dots, accents and specks out of the way, the taller letters mark the size.
    typical = _weighted_quantile(height, height, 0.5)
    height = height[(height > 0.5 * typical) & (height < 3 * typical)]
    tall = float(np.quantile(height, 0.7))
    return tall * _LINE_OVER_GLYPH / shrink


def _weighted_quantile(values: NDArray[np.float64], weight: NDArray[np.float64], quantile: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order[np.searchsorted(total, quantile * total[-1])]])
