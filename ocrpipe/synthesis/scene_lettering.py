"""Paint letters as signs have them: outlines, shadows, relief, glow, shading, on a panel.

Masks are H×W uint8, 255 where there is a letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Mask = NDArray[np.uint8]
Plane = NDArray[np.float32]
Scalar = TypeVar("Scalar", np.uint8, np.float32)

_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Paint:
    """A painted sign before it is photographed; planes are H×W.

    Attributes:
        alpha: How much of the surface is covered by letters, 0 … 1.
        shade: Grey level of the letters.
        panel: What is added to the grey level of the surface: the edges of a panel, bars and borders.
        surface: Grey level of the surface.
        contrast: Its difference from that of the letters.
    """

    alpha: Plane
    shade: Plane
    panel: Plane
    surface: float
    contrast: float


def paint_letters(rng: Rng, letters: Mask, others: Mask, size: int) -> Paint:
    """Paint letters, and in a shade of their own those of other words.

    Args:
        rng: Source of all random choices.
        letters: The text.
        others: Other words.
        size: Font size in pixels.
    """
    ink, surface = _shades(rng)
    far = surface + (ink - surface) * float(rng.uniform(0.6, 1.2)) if rng.random() < 0.5 else ink
    alpha, shade = np.zeros(letters.shape, np.float32), np.full(letters.shape, ink, np.float32)
    if others.any():
        _over(alpha, shade, others, float(np.clip(far, 0, 255)))
    weight = rng.random()
    if weight < 0.35:
        letters = _grown(letters, max(1, round(size * float(rng.uniform(0.02, 0.07)))))
    kind = rng.random()
    if kind < 0.50:
        _over(alpha, shade, letters, _filling(rng, letters.shape, ink))
    elif kind < 0.62:
        _cast_shadow(rng, alpha, shade, letters, size, surface, ink)
        _over(alpha, shade, letters, _filling(rng, letters.shape, ink))
    elif kind < 0.78:
        outline = _contrasting(rng, ink)
        width = max(1, round(size * float(rng.uniform(0.03, 0.11))))
        if rng.random() < 0.4:
            _cast_shadow(rng, alpha, shade, _grown(letters, width), size, surface, outline)
        _over(alpha, shade, _grown(letters, width), outline)
        _over(alpha, shade, letters, _filling(rng, letters.shape, ink))
    elif kind < 0.84:  # hollow
        inner = _grown(letters, -max(1, round(size * float(rng.uniform(0.02, 0.04)))))
        ring = letters if not inner.any() else cv2.subtract(_grown(letters, 1), inner)
        _over(alpha, shade, np.asarray(ring, np.uint8), ink)
        if rng.random() < 0.4:
            _over(alpha, shade, inner, surface + 0.35 * (ink - surface))
    elif kind < 0.91:
        _relief(rng, alpha, shade, letters, size, surface, ink)
    elif kind < 0.96:  # neon and lit letters
        glow = cv2.GaussianBlur(letters, (0, 0), size * float(rng.uniform(0.06, 0.2)))
        _over(
            alpha, shade, _u8(np.minimum(glow.astype(np.float32) * 1.4, 200)), surface + 0.6 * (ink - surface)
        )
        _over(alpha, shade, letters, ink)
    else:  # lamps and dots
        _over(alpha, shade, _dotted(rng, letters, size), ink)
    panel = _panel(rng, letters, size, surface, ink)
    return Paint(alpha, shade, panel, surface, abs(ink - surface))


def _shades(rng: Rng) -> tuple[float, float]:
    """Grey levels of the letters and of the surface, from random colours; at least 22 apart."""
    least = float(rng.uniform(25, 55)) if rng.random() < 0.12 else float(rng.uniform(55, 120))
    while True:
        colours = rng.beta(0.6, 0.6, (2, 3)) * 255
        if rng.random() < 0.4:
            colours[int(rng.integers(2))] = 255 * float(rng.beta(0.5, 0.5))  # grey, black or white
        ink, surface = (colours @ _LUMA).tolist()
        if abs(ink - surface) >= least:
            return ink, surface


def _contrasting(rng: Rng, shade: float) -> float:
    """A shade at least 60 away."""
    reach = float(rng.uniform(60, 200))
    return shade + reach if shade < 128 else shade - reach


def _filling(rng: Rng, shape: tuple[int, ...], ink: float) -> float | Plane:
    """The ink, in some with a gradient down or across the letters."""
    if rng.random() < 0.8:
        return ink
    change = float(rng.uniform(-45, 45))
    length = shape[0] if rng.random() < 0.75 else shape[1]
    ramp = np.linspace(-change, change, length, dtype=np.float32)
    column = ramp[:, None] if length == shape[0] else ramp[None]
    return np.broadcast_to(ink + column, shape).astype(np.float32)


def _cast_shadow(
    rng: Rng, alpha: Plane, shade: Plane, letters: Mask, size: int, surface: float, ink: float
) -> None:
    """A shadow, hard, soft or as the sides of solid letters."""
    dx, dy = (float(v) for v in rng.uniform(-0.13, 0.13, 2) * size)
    tone = float(rng.uniform(0, 60)) if rng.random() < 0.7 else _contrasting(rng, ink)
    if abs(tone - ink) < 40:
        tone = surface + 0.3 * (ink - surface)
    kind = rng.random()
    if kind < 0.4:
        steps = max(1, round(max(abs(dx), abs(dy))))
        side = letters
        for step in range(1, steps + 1):
            side = np.maximum(side, _shifted(letters, dx * step / steps, dy * step / steps))
        _over(alpha, shade, side, tone)
        return
    shadow = _shifted(letters, dx, dy)
    if kind < 0.8:
        shadow = _u8(cv2.GaussianBlur(shadow, (0, 0), size * float(rng.uniform(0.02, 0.08)) + 0.3))
    _over(alpha, shade, _u8(shadow * float(rng.uniform(0.4, 1.0))), tone)


def _relief(
    rng: Rng, alpha: Plane, shade: Plane, letters: Mask, size: int, surface: float, ink: float
) -> None:
    """Raised or engraved letters: light on one side of each stroke and dark on the other."""
    soft = cv2.GaussianBlur(letters, (0, 0), size * float(rng.uniform(0.02, 0.05)))
    heights = np.asarray(soft, np.float32)
    angle, reach = float(rng.uniform(0, 2 * np.pi)), max(1.0, 0.05 * size)
    dx, dy = reach * np.cos(angle), reach * np.sin(angle)
    slope = (_shifted(heights, dx, dy) - _shifted(heights, -dx, -dy)) / 255
    own = float(rng.uniform(0, 0.7))  # of a colour of their own
    _over(alpha, shade, _grown(letters, 1), surface + own * (ink - surface))
    shade += slope * float(rng.uniform(50, 130))
    np.maximum(alpha, np.abs(slope), out=alpha)


def _dotted(rng: Rng, letters: Mask, size: int) -> Mask:
    """The letters as a lattice of dots, as of lamps or a matrix display."""
    height, width = letters.shape
    pitch = max(2.6, size * float(rng.uniform(0.07, 0.12)))
    ys, xs = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    lattice = np.cos(2 * np.pi * xs / pitch) + np.cos(2 * np.pi * ys / pitch)
    dots = np.clip((lattice - float(rng.uniform(-0.9, 0.1))) * 1.5, 0, 1)
    return _u8(letters * dots)


def _panel(rng: Rng, letters: Mask, size: int, surface: float, ink: float) -> Plane:
    """Edges, borders and bars above, below and beside the letters."""
    panel = np.zeros(letters.shape, np.float32)
    if rng.random() < 0.68:
        return panel
    rows, columns = np.flatnonzero(letters.max(1) > 100), np.flatnonzero(letters.max(0) > 100)
    if not len(rows):
        return panel
    gaps = rng.uniform(0.02, 0.35, 4) * size
    top, bottom = round(rows[0] - gaps[0]), round(rows[-1] + gaps[1])
    left, right = round(columns[0] - gaps[2]), round(columns[-1] + gaps[3])
    change = float(np.clip(rng.uniform(0, 255) if rng.random() < 0.6 else ink, 0, 255)) - surface
    kind = rng.random()
    if kind < 0.4:  # what is beyond the panel
        for part in (panel[: max(0, top)], panel[bottom:], panel[:, : max(0, left)], panel[:, right:]):
            if rng.random() < 0.6:
                part[...] = change
    else:
        thickness = max(1, round(size * float(rng.uniform(0.03, 0.16))))
        if kind < 0.6:
            cv2.rectangle(panel, (left, top), (right, bottom), change, thickness)
        elif kind < 0.85:
            y = bottom if rng.random() < 0.7 else top
            panel[max(0, y) : max(0, y) + thickness] = change
        else:
            x = left if rng.random() < 0.5 else right
            panel[:, max(0, x - thickness) : max(0, x)] = change
    return panel


def _over(alpha: Plane, shade: Plane, mask: Mask, tone: float | Plane) -> None:
    """Paint ``mask`` in ``tone`` over what is there already."""
    cover = mask.astype(np.float32) * np.float32(1 / 255)
    total = cover + alpha * (1 - cover)
    np.divide(cover, total, out=cover, where=total > 1e-4)
    covered = total > 1e-4
    shade[...] = np.where(covered, shade + (tone - shade) * cover, tone)
    alpha[...] = total


def _grown(mask: Mask, pixels: int) -> Mask:
    """The mask with strokes ``pixels`` wider on each side, or thinner where that is negative."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(pixels) + 1,) * 2)
    return _u8(cv2.dilate(mask, kernel) if pixels > 0 else cv2.erode(mask, kernel))


def _shifted(plane: NDArray[Scalar], dx: float, dy: float) -> NDArray[Scalar]:
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    shifted = cv2.warpAffine(np.asarray(plane), matrix, (plane.shape[1], plane.shape[0]))
    return np.asarray(shifted, plane.dtype)


def _u8(array: object) -> Mask:
    return np.asarray(array, np.uint8)
