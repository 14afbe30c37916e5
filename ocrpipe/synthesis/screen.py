"""Lines as screens show them: small, on the pixel grid, with subpixel smoothing, of any contrast."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.synthesis import effects
from ocrpipe.synthesis.line_drawing import DrawnLine, Mask

Rng = np.random.Generator

SUBPIXELS = 3
"""Red, green and blue beside each other make a pixel."""
_LUMA = (0.299, 0.587, 0.114)
_FIR = np.array([[1, 2, 3, 2, 1]], np.float32) / 9
"""FreeType's default filter against coloured edges is close to this one, of subpixels."""


def smoothed(line: DrawnLine, *, blue_first: bool = False) -> DrawnLine:
    """A line drawn ``SUBPIXELS`` times as large, at its size with subpixel smoothing, as grey levels of ink.

    Args:
        line: The line.
        blue_first: Whether the subpixels of a pixel are blue, green, red from left to right.
    """
    height, width = (size // SUBPIXELS for size in line.mask.shape)
    mask = line.mask[: height * SUBPIXELS, : width * SUBPIXELS].astype(np.float32)
    rows = mask.reshape(height, SUBPIXELS, -1).mean(1)
    subpixels = cv2.filter2D(rows, -1, _FIR).reshape(height, width, SUBPIXELS)
    grey = subpixels @ np.array(_LUMA[::-1] if blue_first else _LUMA, np.float32)
    return DrawnLine(
        np.asarray(np.round(grey), np.uint8),
        line.text,
        (line.centers / SUBPIXELS).astype(np.float32),
        *(edge / SUBPIXELS for edge in (line.left, line.right, line.top, line.bottom)),
    )


def crop_screen(rng: Rng, line: DrawnLine, max_aspect: float) -> tuple[Mask, NDArray[np.float32]]:
    """Crop a line along whole pixels, with the margins that detectors leave.

    Args:
        rng: Source of all random choices.
        line: The line on its canvas.
        max_aspect: Maximum width of the crop over its height; a longer line is squeezed.

    Returns:
        The crop, H×W uint8, 255 where there is ink, and the centre x of each character in it, in pixels.
    """
    height = line.bottom - line.top
    loose = 0.3 if rng.random() < 0.4 else 0.12
    left, top = (int(np.floor(v - rng.uniform(-0.03, loose) * height)) for v in (line.left, line.top))
    right, bottom = (int(np.ceil(v + rng.uniform(-0.03, loose) * height)) for v in (line.right, line.bottom))
    left, top = max(0, left), max(0, top)
    right = min(line.mask.shape[1], max(right, left + 4))
    bottom = min(line.mask.shape[0], max(bottom, top + 6))
    mask, centers = line.mask[top:bottom, left:right], line.centers - np.float32(left)
    limit = max(4, int(max_aspect * mask.shape[0]))
    if mask.shape[1] > limit:
        centers = centers * np.float32(limit / mask.shape[1])
        mask = np.asarray(cv2.resize(mask, (limit, mask.shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
    return mask, np.clip(centers, 0, mask.shape[1] - 1).astype(np.float32)


def shown(rng: Rng, mask: Mask, strength: float) -> NDArray[np.uint8]:
    """The mask in a screen's colours: light on dark or dark on light; some scaled or compressed.

    Args:
        rng: Source of all random choices.
        mask: H×W uint8, 255 where there is ink.
        strength: Scales the probability of scaling and compression.
    """
    ink, ground = float(rng.uniform(0, 120)), float(rng.uniform(200, 256))
    kind = rng.random()
    if kind < 0.35:
        ink, ground = float(rng.uniform(150, 256)), float(rng.uniform(0, 70))
    elif kind < 0.5:  # disabled entries, buttons, links
        ground = float(rng.uniform(0, 256))
        ink = (ground + float(rng.uniform(60, 200))) if ground < 128 else ground - float(rng.uniform(60, 200))
    image = _u8(np.clip(ground + (ink - ground) * (mask.astype(np.float32) / 255), 0, 255))
    if rng.random() < 0.15 * strength:
        image = effects.resample(image, rng, 0.75)
    if rng.random() < 0.3 * strength:
        image = effects.jpeg(image, rng, 45)
    return image


def _u8(array: object) -> NDArray[np.uint8]:
    return np.asarray(array, np.uint8)
