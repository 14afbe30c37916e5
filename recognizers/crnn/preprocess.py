"""From a line crop of any size to the recogniser's input; the same code serves training and reading."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

BUCKET = 32
"""Input widths are multiples of this, so that few kernel shapes occur (oneDNN compiles one per shape)."""

MAX_WIDTH = 16_384
"""Longer inputs are squeezed: 500 times as long as high is no line of text."""

_MARGIN = 4  # background after the last character, so that no crop ends in the middle of a frame


def prepare(crop: NDArray[np.uint8], height: int = 32) -> NDArray[np.uint8]:
    """Scale a crop to ``height``, make it dark on light with full contrast, and pad it to a bucket's width.

    Args:
        crop: H×W×3 (RGB) or H×W (grey), uint8.
        height: Height of the network's input.

    Returns:
        height×W uint8, W a multiple of ``BUCKET``.
    """
    grey = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    width = _scaled_width(grey.shape[0], grey.shape[1], height)
    shrinks = grey.shape[0] > height
    scaled = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    even = _even_contrast(np.asarray(scaled, np.uint8))
    padded = np.full((height, -(-(width + _MARGIN) // BUCKET) * BUCKET), int(np.median(even)), np.uint8)
    padded[:, :width] = even
    return padded


def scale_of(crop: NDArray[np.uint8], height: int = 32) -> float:
    """Pixels of the prepared input a pixel of the crop's width became."""
    own_height, own_width = map(int, crop.shape[:2])
    return _scaled_width(own_height, own_width, height) / own_width


def to_input(prepared: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Prepared crops, any shape, as the network's numbers: paper white near 1, ink near -1."""
    return np.asarray(prepared.astype(np.float32) * np.float32(1 / 127.5) - np.float32(1), np.float32)


def _scaled_width(own_height: int, own_width: int, height: int) -> int:
    return min(MAX_WIDTH - _MARGIN, max(4, round(own_width * height / own_height)))


def _even_contrast(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch the 1st to 99th percentile to the full range; light text on dark is turned over."""
    low, middle, high = (float(v) for v in np.percentile(grey, (1, 50, 99)))
    if high - low < 8:  # nothing but noise: don't blow it up
        low, high = middle - 64, middle + 64
    curve = (np.arange(256, dtype=np.float32) - low) * (255 / (high - low))
    if middle - low < high - middle:
        curve = 255 - curve
    return np.asarray(cv2.LUT(grey, np.clip(curve, 0, 255).astype(np.uint8)), np.uint8)
