"""Pictures without text, as negatives for the detector: photographs, textures, engravings, line art.

Every function returns uint8, height×width (grey) or height×width×3 (RGB).
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

Rng = np.random.Generator
Pixels = NDArray[np.uint8]

_SAMPLES = (
    "astronaut brick camera cell chelsea coffee coins grass gravel horse hubble_deep_field moon retina rocket"
).split()


def random_picture(rng: Rng, width: int, height: int) -> Pixels:
    """A picture of a random kind."""
    kinds = (photograph, photograph, photograph, clouds, halftone, line_art, hatching, lattice, strokes)
    return kinds[int(rng.integers(len(kinds)))](rng, width, height)


def photograph(rng: Rng, width: int, height: int) -> Pixels:
    """A crop of one of scikit-image's sample photographs, with random tones."""
    photo = _sample(_SAMPLES[int(rng.integers(len(_SAMPLES)))])
    photo_height, photo_width = photo.shape[:2]
    scale = min(photo_width / width, photo_height / height) * float(rng.uniform(0.4, 1.0))
    w, h = max(8, int(width * scale)), max(8, int(height * scale))
    x, y = int(rng.integers(photo_width - w + 1)), int(rng.integers(photo_height - h + 1))
    piece = photo[y : y + h, x : x + w, rng.permutation(3)]
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    tones = np.linspace(0, 1, 256) ** float(rng.uniform(0.5, 1.8)) * float(rng.uniform(150, 255))
    toned = cv2.LUT(np.ascontiguousarray(piece), tones.astype(np.uint8))
    return np.asarray(cv2.resize(toned, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


@lru_cache(maxsize=len(_SAMPLES))
def _sample(name: str) -> Pixels:
    image = np.asarray(getattr(data, name)())
    if image.dtype == np.bool_:
        image = image * np.uint8(255)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    return np.asarray(image[..., :3], np.uint8)


def clouds(rng: Rng, width: int, height: int) -> Pixels:
    """Noise at several scales, in colour or grey, like a photograph out of focus."""
    if width * height > 400_000:
        small = clouds(rng, width // 2, height // 2)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (3, 9, 30, 90):
        coarse = rng.random((cells, cells, 3), np.float32)
        if rng.random() < 0.5:
            coarse[...] = coarse[..., :1]
        scaled = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        total += np.asarray(scaled, np.float32) / float(cells**0.5)
    low, high = float(total.min()), float(total.max())
    image = ((total - low) * (255 / (high - low))).astype(np.uint8)
    for _ in range(int(rng.integers(0, 12))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(2, 2 + width // 4)), int(rng.integers(2, 2 + height // 4)))
        shade = [int(v) for v in rng.integers(0, 256, 3)]
        cv2.ellipse(
            image, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade, int(rng.choice([-1, 2, 5]))
        )
    return image


def line_art(rng: Rng, width: int, height: int) -> Pixels:
    """Line art: polygons, circles and strokes."""
    image = np.full((height, width, 3), 255, np.uint8)
    for _ in range(int(rng.integers(4, 40))):
        points = np.stack((rng.integers(0, width, 4), rng.integers(0, height, 4)), axis=1).astype(np.int32)
        shade = [int(v) for v in rng.integers(0, 160, 3)]
        if rng.random() < 0.5:
            cv2.polylines(image, [points], bool(rng.random() < 0.5), shade, int(rng.integers(1, 4)))
        else:
            cv2.circle(
                image,
                (int(points[0, 0]), int(points[0, 1])),
                int(rng.integers(2, 60)),
                shade,
                int(rng.integers(1, 3)),
            )
    return image


def halftone(rng: Rng, width: int, height: int) -> Pixels:
    """A halftone: printed dots on a rotated grid."""
    grey = cv2.cvtColor(clouds(rng, width, height), cv2.COLOR_RGB2GRAY)
    period = float(rng.uniform(3, 9))
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) * (2 * math.pi / period)
    angle = math.radians(float(rng.choice([0, 30, 45])))
    u = xs * math.cos(angle) + ys * math.sin(angle)
    v = ys * math.cos(angle) - xs * math.sin(angle)
    threshold = (np.sin(u) + np.sin(v)) * 60 + 128
    return np.where(grey > threshold, 255, 20).astype(np.uint8)


def hatching(rng: Rng, width: int, height: int) -> Pixels:
    """An engraving: parallel strokes at several angles and densities."""
    image = np.full((height, width), 255, np.uint8)
    for _ in range(int(rng.integers(3, 9))):
        angle, step = float(rng.uniform(0, math.pi)), float(rng.uniform(4, 14))
        cx, cy, reach = (
            rng.uniform(0, width),
            rng.uniform(0, height),
            float(rng.uniform(0.1, 0.4)) * max(width, height),
        )
        for offset in np.arange(-reach, reach, step):
            x, y = cx + offset * math.cos(angle), cy + offset * math.sin(angle)
            dx, dy = -math.sin(angle) * reach, math.cos(angle) * reach
            cv2.line(image, (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy)), 30, 1)
    return image


def lattice(rng: Rng, width: int, height: int) -> Pixels:
    """Bricks, windows, squared paper: patterns that repeat like lines of text."""
    image = np.full((height, width, 3), rng.integers(120, 256, 3), np.uint8)
    shade = [int(v) for v in rng.integers(0, 140, 3)]
    step_x, step_y = (float(v) for v in rng.uniform(8, 60, 2))
    gap, thickness = float(rng.uniform(0.1, 0.6)), int(rng.choice([-1, 1, 2]))
    stagger = step_x / 2 if rng.random() < 0.5 else 0.0
    for row in range(int(height / step_y) + 1):
        for column in range(int(width / step_x) + 1):
            x, y = column * step_x + stagger * (row % 2), row * step_y
            corner = (int(x + step_x * (1 - gap)), int(y + step_y * (1 - gap)))
            cv2.rectangle(image, (int(x), int(y)), corner, shade, thickness)
    return image


def strokes(rng: Rng, width: int, height: int) -> Pixels:
    """Short strokes of similar or random directions: grass, hair, gravel."""
    image = np.full((height, width, 3), rng.integers(150, 256, 3), np.uint8)
    count = min(4000, width * height // 150)
    starts = np.stack((rng.integers(0, width, count), rng.integers(0, height, count)), axis=1)
    angles = rng.uniform(0, math.pi) + rng.normal(0, float(rng.uniform(0.05, 2)), count)
    lengths = rng.uniform(3, float(rng.uniform(6, 40)), count)
    ends = starts + np.stack((np.cos(angles), np.sin(angles)), axis=1) * lengths[:, None]
    segments = np.stack((starts, ends), axis=1).round().astype(np.int32)
    for group in np.array_split(segments, 4):
        cv2.polylines(image, list(group), False, [int(v) for v in rng.integers(0, 150, 3)], 1)
    return image
