"""Geometry of a scan: skew, perspective and curl, applied to a page and its ground truth alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.page import Point, Quad

Rng = np.random.Generator
Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]


def warp(
    image: Pixels, rng: Rng, quads: Sequence[Quad], *, curled: bool = False
) -> tuple[Pixels, list[Quad]]:
    """Turn the page a little, sometimes in perspective, and where ``curled`` bend it sometimes.

    Args:
        image: H×W×3 uint8.
        rng: Makes every choice.
        quads: Lines in the image's pixels.
        curled: Whether the page is one that gets photographed or does not lie flat.

    Returns:
        The image, of the same size, and the quads in it, which may reach beyond its edges.
    """
    height, width = image.shape[:2]
    matrix = _view(rng, width, height, perspective=0.015 if rng.random() < (0.4 if curled else 0.08) else 0.0)
    bend = _bend(rng, width) if rng.random() < (0.4 if curled else 0.06) else None
    if bend is None and np.allclose(matrix, np.eye(3)):
        return image, list(quads)
    border = _border(image, rng)
    flags = cv2.INTER_LINEAR
    if bend is not None:
        xs = np.arange(width, dtype=np.float32)
        shift = bend(xs.astype(np.float64)).astype(np.float32)
        map_x = np.broadcast_to(xs, (height, width))
        map_y = np.arange(height, dtype=np.float32)[:, None] - shift
        image = np.asarray(
            cv2.remap(
                image,
                np.ascontiguousarray(map_x),
                map_y,
                flags,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=border,
            ),
            np.uint8,
        )
    image = np.asarray(
        cv2.warpPerspective(
            image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
        ),
        np.uint8,
    )
    return image, [_moved(quad, matrix, bend) for quad in quads]


class _Bend:
    """Displaces each column of the page vertically by a slow wave."""

    def __init__(self, amplitude: float, wavelength: float, phase: float) -> None:
        self.amplitude, self.wavelength, self.phase = amplitude, wavelength, phase

    def __call__(self, xs: Points) -> Points:
        return np.asarray(self.amplitude * np.sin(2 * np.pi * xs / self.wavelength + self.phase), np.float64)


def _bend(rng: Rng, width: int) -> _Bend:
    return _Bend(
        width * float(rng.uniform(0.001, 0.006)),
        width * float(rng.uniform(1.2, 3)),
        float(rng.uniform(0, 6.3)),
    )


def _view(rng: Rng, width: int, height: int, perspective: float) -> NDArray[np.float64]:
    """The 3×3 matrix of a small turn about the centre, and of moving the corners by a share of the page."""
    dice = rng.random()
    angle = (
        0.0 if dice < 0.25 else float(rng.uniform(-2.2, 2.2)) if dice < 0.93 else float(rng.uniform(-5, 5))
    )
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
    if not perspective:
        return turn
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners + rng.uniform(-perspective, perspective, (4, 2)) * (width, height)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)) @ turn, np.float64)


def _border(image: Pixels, rng: Rng) -> tuple[float, float, float]:
    """What lies beside the page: more paper, or a dark or a light lid."""
    if rng.random() < 0.8:
        red, green, blue = (
            float(v) for v in np.median(image[:: max(1, image.shape[0] // 64), :2].reshape(-1, 3), axis=0)
        )
        return red, green, blue
    shade = float(rng.integers(0, 256))
    return shade, shade, shade


def _moved(quad: Quad, matrix: NDArray[np.float64], bend: _Bend | None) -> Quad:
    top, bottom = _edge(quad[0], quad[1]), _edge(quad[3], quad[2])
    edges = []
    for points in (top, bottom):
        if bend is not None:
            points = points + np.stack((np.zeros(len(points)), bend(points[:, 0])), axis=1)
        points = cv2.perspectiveTransform(points[None], matrix)[0]
        edges.append(_straight(points))
    (a, b), (d, c) = edges
    return _point(a), _point(b), _point(c), _point(d)


def _point(xy: Points) -> Point:
    return float(xy[0]), float(xy[1])


def _edge(start: tuple[float, float], end: tuple[float, float]) -> Points:
    return np.linspace(start, end, 9)


def _straight(points: Points) -> Points:
    """The ends of the straight line that fits a slightly bent edge best."""
    xs, ys = points[:, 0], points[:, 1]
    centred = xs - xs.mean()
    spread = float((centred**2).sum())
    slope = float((centred * ys).sum()) / spread if spread > 1e-9 else 0.0
    fit = ys.mean() + slope * centred
    return np.array([(xs[0], fit[0]), (xs[-1], fit[-1])])
