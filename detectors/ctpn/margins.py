"""Margins around the ink of lines; two lines that are close divide the space between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.anchors import Floats


def expand(quads: Floats, margin: tuple[float, float]) -> Floats:
    """Rectangles with a margin.

    Args:
        quads: N×4×2, clockwise from the text's top-left.
        margin: At the ends, and above and below, as fractions of their heights.

    Returns:
        N×4×2.
    """
    height = _heights(quads)
    return _with_margins(quads, margin[0] * height, margin[1] * height, margin[1] * height)


def expand_apart(quads: Floats, margin: tuple[float, float], min_margin: float) -> Floats:
    """As ``expand``, but above and below no further than halfway to the next line, where one is near.

    Boxes that overlap cannot be distinguished by their geometry alone. A line higher than long, a single
    digit say, would be a small part of its own box with a margin of its height, and gets one of its length.

    Args:
        quads: N×4×2, clockwise from the text's top-left, of about one direction.
        margin: At the ends, and above and below, as fractions of their heights.
        min_margin: Above and below, however close the next line is, likewise.
    """
    if not len(quads):
        return quads
    height = _heights(quads)
    size = np.minimum(height, np.hypot(*(quads[:, 1] - quads[:, 0]).T))
    above, below = margin[1] * size, margin[1] * size
    left, top, right, bottom = _sides(quads)
    first, second = _touching(left, top - above, right, bottom + below)
    beneath = (np.minimum(right[first], right[second]) > np.maximum(left[first], left[second])) & (
        # Half a line of overlap or more is not one line under another.
        top[second] - bottom[first] > -0.5 * np.minimum(height[first], height[second])
    )
    beneath &= top[first] + bottom[first] < top[second] + bottom[second]
    first, second = first[beneath], second[beneath]
    half = np.maximum(top[second] - bottom[first], 0) / 2
    np.minimum.at(below, first, half)
    np.minimum.at(above, second, half)
    return _with_margins(
        quads, margin[0] * size, np.maximum(above, min_margin * size), np.maximum(below, min_margin * size)
    )


def _touching(
    left: Floats, top: Floats, right: Floats, bottom: Floats
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of all ordered pairs of boxes that have a point in common; in about N·√N steps on a page."""
    order = np.argsort(top, kind="stable")
    last = np.searchsorted(top[order], bottom[order], "right")  # those from there on begin further down
    firsts, seconds = [], []
    for at, (box, end) in enumerate(zip(order, last, strict=True)):
        others = order[at + 1 : end]
        others = others[(left[others] <= right[box]) & (right[others] >= left[box])]
        firsts.append(np.full(len(others), box))
        seconds.append(others)
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return np.concatenate([first, second]), np.concatenate([second, first])


def _heights(quads: Floats) -> Floats:
    return np.asarray(np.hypot(*(quads[:, 3] - quads[:, 0]).T), float)


def _sides(quads: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Left, top, right and bottom sides in axes turned along the lines' median direction."""
    along = np.median(quads[:, 1] - quads[:, 0], axis=0)
    along /= max(float(np.hypot(*along)), 1e-9)
    x, y = quads @ along, quads @ np.array([-along[1], along[0]])
    return x.min(1), y[:, :2].mean(1), x.max(1), y[:, 2:].mean(1)


def _with_margins(quads: Floats, ends: Floats, above: Floats, below: Floats) -> Floats:
    """Rectangles with margins at the ends, above and below, in pixels."""
    unit = (quads[:, 3] - quads[:, 0]) / np.maximum(_heights(quads), 1e-9)[:, None]
    along = ends[:, None] * np.stack([unit[:, 1], -unit[:, 0]], axis=1)
    up, deep = above[:, None] * unit, below[:, None] * unit
    corners = (-along - up, along - up, along + deep, -along + deep)
    return quads + np.stack(corners, axis=1)
