"""Room around the ink of lines: as much as is usual, but what lies between two lines is shared by them."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import STRtree

from ocrpipe.detectors.ctpn.anchors import Floats


def grown(quads: Floats, margin: tuple[float, float]) -> Floats:
    """Rectangles with room around them.

    Args:
        quads: N×4×2, clockwise from the text's top-left.
        margin: At the ends, and above and below, in shares of their heights.

    Returns:
        N×4×2.
    """
    height = _heights(quads)
    return _with_room(quads, margin[0] * height, margin[1] * height, margin[1] * height)


def grown_apart(quads: Floats, margin: tuple[float, float], least: float) -> Floats:
    """As ``grown``, but above and below no further than halfway to the next line, where one is near.

    Boxes that reach into each other can't be told apart by those who look at boxes only. A line higher than
    long, a single figure say, would be lost in the room of its height and gets that of its length.

    Args:
        quads: N×4×2, clockwise from the text's top-left, of about one direction.
        margin: At the ends, and above and below, in shares of their heights.
        least: What lines get above and below however close the next one is, likewise.
    """
    if not len(quads):
        return quads
    height = _heights(quads)
    size = np.minimum(height, np.hypot(*(quads[:, 1] - quads[:, 0]).T))
    above, below = margin[1] * size, margin[1] * size
    left, top, right, bottom = _upright(quads)
    tree = STRtree(shapely.box(left, top - above, right, bottom + below))
    first, second = tree.query(tree.geometries, predicate="intersects")
    beneath = (np.minimum(right[first], right[second]) > np.maximum(left[first], left[second])) & (
        # Half a line of overlap or more is not one line under another but a matter of its own.
        top[second] - bottom[first] > -0.5 * np.minimum(height[first], height[second])
    )
    beneath &= top[first] + bottom[first] < top[second] + bottom[second]
    first, second = first[beneath], second[beneath]
    half = np.maximum(top[second] - bottom[first], 0) / 2
    np.minimum.at(below, first, half)
    np.minimum.at(above, second, half)
    return _with_room(
        quads, margin[0] * size, np.maximum(above, least * size), np.maximum(below, least * size)
    )


def _heights(quads: Floats) -> Floats:
    return np.asarray(np.hypot(*(quads[:, 3] - quads[:, 0]).T), float)


def _upright(quads: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Left, top, right and bottom sides in axes turned along the lines' median direction."""
    along = np.median(quads[:, 1] - quads[:, 0], axis=0)
    along /= max(float(np.hypot(*along)), 1e-9)
    x, y = quads @ along, quads @ np.array([-along[1], along[0]])
    return x.min(1), y[:, :2].mean(1), x.max(1), y[:, 2:].mean(1)


def _with_room(quads: Floats, ends: Floats, above: Floats, below: Floats) -> Floats:
    """Room at the ends, above and below, in pixels."""
    unit = (quads[:, 3] - quads[:, 0]) / np.maximum(_heights(quads), 1e-9)[:, None]
    along = ends[:, None] * np.stack([unit[:, 1], -unit[:, 0]], axis=1)
    up, deep = above[:, None] * unit, below[:, None] * unit
    corners = (-along - up, along - up, along + deep, -along + deep)
    return quads + np.stack(corners, axis=1)
