"""Crop a drawn line as a detector would, and give it colours."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.synthesis.line_drawing import DrawnLine, Mask

Rng = np.random.Generator


def crop_line(rng: Rng, line: DrawnLine, max_aspect: float) -> tuple[Mask, NDArray[np.float32]]:
    """Crop the line with the small errors of a detector, slightly rotated, sheared and stretched.

    Args:
        rng: Source of all random choices.
        line: The line on its canvas.
        max_aspect: Maximum width of the crop over its height.

    Returns:
        The crop, H×W uint8, 255 where there is ink, and the centre x of each character in it, in pixels.
    """
    height = line.bottom - line.top
    loose = rng.random() < 0.5
    up, down = rng.uniform(-0.05, 0.28 if loose else 0.1, 2) * height
    before, after = rng.uniform(-0.02, 0.7 if loose else 0.25, 2) * height
    x0, x1 = line.left - before, line.right + after
    y0, y1 = line.top - up, line.bottom + down
    stretch = float(np.exp(rng.normal(0, 0.09) if rng.random() < 0.8 else rng.uniform(-0.5, 0.3)))
    stretch = min(stretch, max_aspect * (y1 - y0) / (x1 - x0))
    shear = float(rng.uniform(-0.08, 0.25)) if rng.random() < 0.15 else 0.0
    limit = min(0.03, 0.25 * height / (x1 - x0))
    tilt = float(rng.uniform(-1, 1)) * limit if rng.random() < 0.4 else 0.0
    width, rows = max(4, round((x1 - x0) * stretch)), max(6, round(y1 - y0))
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    forward = np.array(
        [
            [stretch, -shear, width / 2 - stretch * middle_x + shear * middle_y],
            [tilt, 1.0, rows / 2 - tilt * middle_x - middle_y],
        ],
        np.float32,
    )
    mask = np.asarray(cv2.warpAffine(line.mask, forward, (width, rows), flags=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < 0.06:
        mask = _wave(rng, mask)
    line_y = (line.top + line.bottom) / 2
    centers = stretch * line.centers - shear * line_y + forward[0, 2]
    return mask, np.clip(centers, 0, width - 1).astype(np.float32)


def colour(rng: Rng, mask: Mask) -> NDArray[np.uint8]:
    """Dark ink on a light background, sometimes of low contrast or on a shaded or dotted one.

    Args:
        rng: Source of all random choices.
        mask: H×W uint8, 255 where there is ink.

    Returns:
        H×W uint8, grey.
    """
    height, width = mask.shape
    ink, background = float(rng.uniform(0, 90)), float(rng.uniform(190, 256))
    kind = rng.random()
    if kind < 0.15:
        ink = float(rng.uniform(0, 150))
        background = min(255.0, ink + float(rng.uniform(50, 180)))
    base: float | NDArray[np.float32] = background
    if 0.15 < kind < 0.25:
        shades = rng.uniform(max(ink + 40, background - 90), background, (2, int(rng.integers(2, 9))))
        coarse = shades.astype(np.float32)
        base = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    elif 0.25 < kind < 0.27 and height >= 20:
        base = _dot_screen(rng, mask.shape, ink, background)
    alpha = mask.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(np.clip(base + (ink - base) * alpha, 0, 255), np.uint8)


def _dot_screen(rng: Rng, shape: tuple[int, ...], ink: float, background: float) -> NDArray[np.float32]:
    """A background of dots (a dot screen), as shaded fields are printed or binarised."""
    height, width = shape
    pitch = max(2.0, height * float(rng.uniform(0.06, 0.16)))
    angle = math.radians(float(rng.choice([0, 45, 30])))
    y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(2 * np.pi / pitch)
    u, v = x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)
    dots = np.cos(u) + np.cos(v) > float(rng.uniform(0.6, 1.7))
    shade = ink + (background - ink) * float(rng.uniform(0.2, 0.8))
    return np.where(dots, shade, background).astype(np.float32)


def _wave(rng: Rng, mask: Mask) -> Mask:
    """Bend the line vertically along a sine wave, as on a crumpled or bound page."""
    height, width = mask.shape
    xs = np.arange(width, dtype=np.float32)
    period = float(rng.uniform(0.6, 3)) * width
    dy = float(rng.uniform(0.02, 0.09)) * height * np.sin(2 * np.pi * (xs / period + rng.random()))
    map_x = np.broadcast_to(xs, (height, width)).astype(np.float32)
    map_y = (np.arange(height, dtype=np.float32)[:, None] + dy[None, :]).astype(np.float32)
    return np.asarray(cv2.remap(mask, map_x, map_y, cv2.INTER_LINEAR), np.uint8)
