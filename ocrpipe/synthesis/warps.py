"""Geometric distortion: skew, perspective and page curl, applied to an image and its quads."""

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
    image: Pixels, rng: Rng, quads: Sequence[Quad], *, likely_curled: bool = False
) -> tuple[Pixels, list[Quad]]:
    """Rotate the page slightly, sometimes with perspective or curl.

    Args:
        image: H×W×3 uint8.
        rng: Source of all random choices.
        quads: Lines in pixels of ``image``.
        likely_curled: Raises the probability of perspective and curl, for paper that is photographed or does
            not lie flat.

    Returns:
        The image, of the same size, and the quads in it, which may reach beyond its edges.
    """
    height, width = image.shape[:2]
    perspective = 0.015 if rng.random() < (0.4 if likely_curled else 0.08) else 0.0
    matrix = _camera_matrix(rng, width, height, perspective)
    curl = _random_curl(rng, width) if rng.random() < (0.4 if likely_curled else 0.06) else None
    if curl is None and np.allclose(matrix, np.eye(3)):
        return image, list(quads)
    border = _border(image, rng)
    flags = cv2.INTER_LINEAR
    if curl is not None:
        xs = np.arange(width, dtype=np.float32)
        shift = curl(xs.astype(np.float64)).astype(np.float32)
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
    return image, [_warped(quad, matrix, curl) for quad in quads]


class _Curl:
    """Vertical displacement of each column of the page, a sine wave in pixels."""

    def __init__(self, amplitude: float, wavelength: float, phase: float) -> None:
        self.amplitude, self.wavelength, self.phase = amplitude, wavelength, phase

    def __call__(self, xs: Points) -> Points:
        return np.asarray(self.amplitude * np.sin(2 * np.pi * xs / self.wavelength + self.phase), np.float64)


def _random_curl(rng: Rng, width: int) -> _Curl:
    return _Curl(
        width * float(rng.uniform(0.001, 0.006)),
        width * float(rng.uniform(1.2, 3)),
        float(rng.uniform(0, 6.3)),
    )


def _camera_matrix(rng: Rng, width: int, height: int, perspective: float) -> NDArray[np.float64]:
    """The 3×3 matrix of a small rotation about the centre, then of a perspective.

    ``perspective`` is the maximum shift of each corner as a fraction of the page's width and height.
    """
    dice = rng.random()
    angle = (
        0.0 if dice < 0.25 else float(rng.uniform(-2.2, 2.2)) if dice < 0.93 else float(rng.uniform(-5, 5))
    )
    rotation = np.eye(3)
    rotation[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
    if not perspective:
        return rotation
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners + rng.uniform(-perspective, perspective, (4, 2)) * (width, height)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)) @ rotation, np.float64)


def _border(image: Pixels, rng: Rng) -> tuple[float, float, float]:
    """Colour beside the page, RGB: that of the paper, or grey for the scanner's lid."""
    if rng.random() < 0.8:
        red, green, blue = (
            float(v) for v in np.median(image[:: max(1, image.shape[0] // 64), :2].reshape(-1, 3), axis=0)
        )
        return red, green, blue
    shade = float(rng.integers(0, 256))
    return shade, shade, shade


def _warped(quad: Quad, matrix: NDArray[np.float64], curl: _Curl | None) -> Quad:
    top, bottom = _edge(quad[0], quad[1]), _edge(quad[3], quad[2])
    edges = []
    for points in (top, bottom):
        if curl is not None:
            points = points + np.stack((np.zeros(len(points)), curl(points[:, 0])), axis=1)
        points = cv2.perspectiveTransform(points[None], matrix)[0]
        edges.append(_fitted_line(points))
    (a, b), (d, c) = edges
    return _point(a), _point(b), _point(c), _point(d)


def _point(xy: Points) -> Point:
    return float(xy[0]), float(xy[1])


def _edge(start: Point, end: Point) -> Points:
    """Nine points along an edge, N×2."""
    return np.linspace(start, end, 9)


def _fitted_line(points: Points) -> Points:
    """The ends of the least-squares line through a slightly curved edge."""
    xs, ys = points[:, 0], points[:, 1]
    centred = xs - xs.mean()
    spread = float((centred**2).sum())
    slope = float((centred * ys).sum()) / spread if spread > 1e-9 else 0.0
    fit = ys.mean() + slope * centred
    return np.array([(xs[0], fit[0]), (xs[-1], fit[-1])])
