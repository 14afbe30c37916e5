"""What scene text stands on: plain, shaded and textured surfaces, all generated.

Every function returns H×W float32, grey levels 0 … 255.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Plane = NDArray[np.float32]


def background(rng: Rng, height: int, width: int, shade: float, contrast: float) -> Plane:
    """A surface of about the grey level ``shade``, with a texture fainter than ``contrast`` grey levels."""
    kind, plane = rng.random(), np.full((height, width), shade, np.float32)
    if kind < 0.42:
        return plane
    amount = contrast * float(rng.uniform(0.05, 0.3))
    if kind < 0.60:
        corners = rng.uniform(-amount, amount, (2, 2 + int(rng.integers(2))))
        plane += _scaled(corners.astype(np.float32), height, width)
    elif kind < 0.78:
        plane += amount * fractal(rng, height, width)
    elif kind < 0.88:
        plane += amount * _stripes(rng, height, width)
    else:
        for _ in range(int(rng.integers(1, 6))):
            _blob(rng, plane, float(np.clip(shade + rng.uniform(-2, 2) * amount, 0, 255)))
        if rng.random() < 0.5:
            plane = np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.04 * height + 0.5), np.float32)
    return plane


def fractal(rng: Rng, height: int, width: int) -> Plane:
    """Noise at several scales, about -1 … 1: stone, rust, foliage, a blurred street."""
    total = np.zeros((height, width), np.float32)
    cell, roughness = float(rng.uniform(0.3, 1.2)) * height, float(rng.uniform(0.4, 0.9))
    amplitude = 1.0
    while cell >= 1:
        rows, columns = max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)
        octave = rng.random((rows, columns), np.float32) * 2 - 1
        total += amplitude * _scaled(octave, height, width)
        amplitude, cell = amplitude * roughness, cell / 2.5
    return total


def lighting(rng: Rng, height: int, width: int) -> Plane:
    """A factor of about 0.3 … 1.3: uneven light, in some a shadow's edge or a reflection."""
    light = _scaled(rng.uniform(0.65, 1.1, (2, 3)).astype(np.float32), height, width)
    kind = rng.random()
    if kind < 0.2:
        light = light * np.where(_half(rng, height, width), np.float32(rng.uniform(0.4, 0.8)), np.float32(1))
    elif kind < 0.32:
        spot = np.zeros((height, width), np.float32)
        _blob(rng, spot, float(rng.uniform(0.2, 0.7)))
        light = light + np.asarray(cv2.GaussianBlur(spot, (0, 0), 0.15 * height + 0.5), np.float32)
    return np.asarray(light, np.float32)


def _half(rng: Rng, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels are on one side of a random line through the plane."""
    angle = float(rng.uniform(0, 2 * np.pi))
    ys = np.arange(height, dtype=np.float32)[:, None] - height * float(rng.uniform(0.2, 0.8))
    xs = np.arange(width, dtype=np.float32)[None] - width * float(rng.uniform(0.1, 0.9))
    return np.asarray(xs * np.cos(angle) + ys * np.sin(angle) > 0)


def _stripes(rng: Rng, height: int, width: int) -> Plane:
    """Planks, bricks, louvres or corrugated iron, -1 … 1."""
    pitch = float(rng.uniform(0.08, 0.8)) * height + 1
    angle = float(rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)]))
    ys, xs = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    phase = (xs * np.sin(angle) + ys * np.cos(angle)) / pitch + rng.random()
    if rng.random() < 0.4:
        return np.asarray(np.sin(2 * np.pi * phase), np.float32)
    plane = np.where(phase % 1 < rng.uniform(0.04, 0.2), np.float32(-1), np.float32(0.3))
    if rng.random() < 0.5:  # joints across, moved by half a brick from row to row
        across = (xs * np.cos(angle) - ys * np.sin(angle)) / (pitch * float(rng.uniform(1.5, 3)))
        plane = np.where((across + 0.5 * (np.floor(phase) % 2)) % 1 < 0.05, np.float32(-1), plane)
    return np.asarray(plane, np.float32)


def _blob(rng: Rng, plane: Plane, shade: float) -> None:
    """Draw an ellipse, a polygon or a bar of a shade into the plane."""
    height, width = plane.shape
    kind = rng.random()
    if kind < 0.4:
        centre = int(rng.integers(width)), int(rng.integers(height))
        axes = int(rng.integers(2, 3 + width // 2)), int(rng.integers(2, 3 + height // 2))
        cv2.ellipse(plane, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade, -1, cv2.LINE_AA)
    elif kind < 0.75:
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * (width, height)
        cv2.fillPoly(plane, [points.astype(np.int32)], shade, cv2.LINE_AA)
    else:
        ends = (rng.uniform(-0.3, 1.3, (2, 2)) * (width, height)).astype(int)
        thickness = max(1, round(height * float(rng.uniform(0.03, 0.3))))
        cv2.line(plane, ends[0].tolist(), ends[1].tolist(), shade, thickness, cv2.LINE_AA)


def _scaled(coarse: Plane, height: int, width: int) -> Plane:
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
