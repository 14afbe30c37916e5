"""Quads, the matrices that move them, and the crops cut along them.

Coordinates are edges, not pixel centres: pixel ``i`` covers ``[i, i + 1)``, so an image spans ``0..width``.
OpenCV counts from pixel centres; the half pixel between the two is added here and nowhere else. Angles are
degrees, clockwise on the screen positive. Images are H×W×C or H×W, uint8.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.page import Quad

if TYPE_CHECKING:
    from shapely import Polygon

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]
"""3×3, maps column vectors ``(x, y, 1)``; ``second @ first`` does ``first``, then ``second``."""

Vector = NDArray[np.float64]

_TURNS = {0: None, 90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_GRID = 1e-6  # pixels to which corners are rounded where areas are compared
_KERNEL = 3  # pixels beyond a crop that bicubic sampling may look at


def to_quad(points: ArrayLike) -> Quad:
    """Four points, in the order given, as plain floats."""
    a, b, c, d = np.asarray(points, dtype=np.float64).reshape(4, 2).tolist()
    return (a[0], a[1]), (b[0], b[1]), (c[0], c[1]), (d[0], d[1])


def order_quad(points: ArrayLike) -> Quad:
    """Order four corners clockwise from the top-left of text that runs rightwards, within ±45°.

    The result does not depend on the order the corners come in. For text at steeper angles the order has to
    come from whoever knows its reading direction.
    """
    corners = np.asarray(points, dtype=np.float64).reshape(4, 2)
    x, y = (corners - corners.mean(axis=0)).T
    ring = corners[np.lexsort((y, x, np.arctan2(y, x)))]
    along = np.roll(ring, -1, axis=0) - ring + np.roll(ring, -2, axis=0) - np.roll(ring, -3, axis=0)
    rightwards = along[:, 0] / np.maximum(np.hypot(*along.T), 1e-9)
    return to_quad(np.roll(ring, -int(rightwards.argmax()), axis=0))


def clip_quad(quad: Quad, width: float, height: float) -> Quad:
    """Move each corner to the nearest point of a ``width`` × ``height`` image."""
    return to_quad(np.clip(quad, 0.0, (width, height)))


def quad_size(quad: Quad) -> tuple[float, float]:
    """Width along the reading direction and height across it, each the mean of two opposite sides."""
    a, b, c, d = quad
    return (math.dist(a, b) + math.dist(d, c)) / 2, (math.dist(a, d) + math.dist(b, c)) / 2


def quad_angle(quad: Quad) -> float:
    """Reading direction in degrees, -180..180; 0.0 for a quad without extent along it."""
    a, b, c, d = quad
    return math.degrees(math.atan2(b[1] - a[1] + c[1] - d[1], b[0] - a[0] + c[0] - d[0]))


def min_area_quad(points: ArrayLike) -> Quad:
    """Smallest rectangle, at any angle, around one or more points; ordered as ``order_quad`` does."""
    cloud = np.asarray(points, dtype=np.float32).reshape(-1, 2)
    return order_quad(cv2.boxPoints(cv2.minAreaRect(cloud)))


def enclosing_quad(quads: Iterable[Quad], angle: float) -> Quad:
    """Smallest rectangle whose top side runs at ``angle`` degrees around one or more quads."""
    turned = np.concatenate([np.asarray(quad) for quad in quads]) @ rotation_matrix(-angle)[:2, :2].T
    (left, top), (right, bottom) = turned.min(axis=0), turned.max(axis=0)
    return apply(rotation_matrix(angle), ((left, top), (right, top), (right, bottom), (left, bottom)))


def span_quad(quad: Quad, start: float, end: float) -> Quad:
    """The part of a quad between two fractions, 0..1, of its length along the reading direction."""
    a, b, c, d = np.asarray(quad, dtype=np.float64)
    return to_quad([a + (b - a) * start, a + (b - a) * end, d + (c - d) * end, d + (c - d) * start])


def apply(matrix: Matrix, quad: Quad) -> Quad:
    """Map a quad's corners, perspective included."""
    mapped = np.column_stack([np.asarray(quad, dtype=np.float64), np.ones(4)]) @ matrix.T
    return to_quad(mapped[:, :2] / mapped[:, 2:])


def rotate_points(points: Iterable[tuple[float, float]], angle: float) -> list[tuple[float, float]]:
    """Points turned clockwise about the origin; plain floats, faster than arrays for a handful."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return [(x * cos - y * sin, x * sin + y * cos) for x, y in points]


def polygon(quad: Quad) -> Polygon:
    """The quad as a shapely polygon."""
    from shapely import Polygon

    return Polygon(quad)


def overlap(a: Quad, b: Quad) -> float:
    """Intersection over union of two quads' convex hulls; 0.0 where neither has an area."""
    import shapely

    first, second = polygon(a).convex_hull, polygon(b).convex_hull
    # Without a grid, GEOS 3.14 may take quads that only share an edge for one and the same.
    common = shapely.intersection(first, second, grid_size=_GRID).area
    union = first.area + second.area - common
    return float(common / union) if union > 0 else 0.0


def rectify(image: Image, quad: Quad, *, pad: float = 0.0) -> Image:
    """Cut a rotated quad out of an image as an upright crop, at the image's own resolution.

    The crop is as wide and high as the quad's mean sides, so nothing is scaled and a quad that is taller than
    long stays so; what lies outside the image repeats its border.

    Args:
        image: H×W×C or H×W, never empty.
        quad: Corners, clockwise from the text's top-left.
        pad: Margin added on all four sides, as a fraction of the quad's height; a negative one takes at most
            four tenths of the shorter side away at each.

    Returns:
        A new contiguous array of at least 1×1 pixels.
    """
    length, height = quad_size(quad)
    margin = max(pad * height, -0.4 * min(length, height))  # something is left of a quad that is tall or thin
    width_px, height_px = (max(1, round(side + 2 * margin)) for side in (length, height))
    corners = np.asarray(quad, dtype=np.float64)
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + margin

    quarter = round(quad_angle(quad) / 90) * 90
    upright = apply(turn_matrix(0, 0, -quarter), quad)
    if np.abs(np.subtract(upright, enclosing_quad([upright], 0.0))).max() <= 0.5:
        size = (width_px, height_px) if quarter % 180 == 0 else (height_px, width_px)
        start = np.round((low + high - size) / 2)
        return turn(_window(image, start, start + size), -quarter)

    size_px = np.array(image.shape[1::-1])
    left, top = np.clip(np.floor(low) - _KERNEL, 0, size_px - 1).astype(int)
    right, bottom = np.clip(np.ceil(high) + _KERNEL, 1, size_px).astype(int)
    target = np.array([[0, 0], [length, 0], [length, height], [0, height]]) + margin
    to_window = cv2.getPerspectiveTransform(
        target.astype(np.float32), (corners - (left, top)).astype(np.float32)
    )
    crop = cv2.warpPerspective(
        image[top:bottom, left:right],
        _centred(to_window.astype(np.float64)),
        (width_px, height_px),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, dtype=np.uint8)


def turn(image: Image, degrees: int) -> Image:
    """Turn an image clockwise by a multiple of 90 degrees, without loss; always a new contiguous array.

    Raises:
        ConfigError: ``degrees`` is no multiple of 90.
    """
    code = _TURNS[_quarter(degrees)]
    return image.copy() if code is None else np.asarray(cv2.rotate(image, code), dtype=np.uint8)


def turn_matrix(width: float, height: float, degrees: int) -> Matrix:
    """What ``turn`` does to the coordinates of a ``width`` × ``height`` image.

    Raises:
        ConfigError: ``degrees`` is no multiple of 90.
    """
    shift = {0: (0.0, 0.0), 90: (height, 0.0), 180: (width, height), 270: (0.0, width)}[_quarter(degrees)]
    matrix: Matrix = rotation_matrix(degrees).round()
    matrix[:2, 2] = shift
    return matrix


def rotate(image: Image, angle: float) -> tuple[Image, Matrix]:
    """Turn an image clockwise by any angle on a canvas expanded to hold all of it.

    New corners get the median colour of the image's border, like the paper.

    Returns:
        The turned image and the matrix that maps the given image's coordinates to it.
    """
    height, width = image.shape[:2]
    around = np.asarray(apply(rotation_matrix(angle), ((0, 0), (width, 0), (width, height), (0, height))))
    matrix = rotation_matrix(angle)
    matrix[:2, 2] = -around.min(axis=0)
    size = np.ceil(np.ptp(around, axis=0) - 1e-6).astype(int).tolist()
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    paper = np.atleast_1d(np.median(border, axis=0)).tolist()
    turned = cv2.warpAffine(
        image,
        _centred(matrix)[:2],
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=paper,
    )
    return np.asarray(turned, dtype=np.uint8), matrix


def rotation_matrix(angle: float) -> Matrix:
    """Turns points clockwise about the origin by ``angle`` degrees."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _centred(matrix: Matrix) -> Matrix:
    """The same map for OpenCV, whose coordinates count from pixel centres."""
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    return np.asarray(np.linalg.inv(half) @ matrix @ half, dtype=np.float64)


def _quarter(degrees: int) -> int:
    if degrees % 90:
        raise ConfigError(f"a quarter turn is a multiple of 90 degrees, not {degrees}")
    return degrees % 360


def _window(image: Image, low: Vector, high: Vector) -> Image:
    """The pixels between two corners (x, y), the border repeated where the window reaches over it."""
    height, width = image.shape[:2]
    left, top, right, bottom = np.concatenate([low, high]).astype(int).tolist()
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return image[top:bottom, left:right]
    rows = np.arange(top, bottom).clip(0, height - 1)
    columns = np.arange(left, right).clip(0, width - 1)
    bordered: Image = image[rows[:, None], columns]
    return bordered
