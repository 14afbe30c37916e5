"""Lines that stand upright along a page: numbers on its margin, stamps of archives, labels of axes.

They run across the direction of the page's text, where a detector of lines sees nothing or bits of nothing.
What no line accounts for, and looks like a column of glyphs, is worth a second look from the side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.geometry import Image, Matrix, clip_quad, quad_size, to_quad, turn, turn_matrix
from ocrpipe.page import Quad

_LINE = 16.0
"""Pixels to which the lines' height is scaled for the search."""
_GLYPHS = (0.2, 2.0)
"""Width of glyphs, in line heights."""
_COLUMNS = (0.5, 2.0)
"""Width of columns of glyphs, likewise. Smaller ones name photographers and printers."""
_FILLED = (0.12, 0.9)
"""Share of ink in a glyph's box, which rules and blots have more or less of."""
_SLENDER = 3.0
"""Least height of a column over its width."""
_SHORTEST = 2.0
"""Least height of a column, in line heights."""
_ROOM = 0.5
"""Room around a column, in line heights."""


def sideways_strips(image: Image, lines: Sequence[Quad]) -> list[Quad]:
    """Where a line of text may stand upright.

    Args:
        image: H×W×3 RGB, uint8, its text running from left to right.
        lines: What was found of that text, in pixels; its typical height tells the size of glyphs, so that
            nothing is looked for on a page without any.

    Returns:
        Rectangles along the image's sides, with some room around the glyphs, clockwise from their top left.
    """
    if not lines:
        return []
    height, width = image.shape[:2]
    typical = float(np.median([quad_size(quad)[1] for quad in lines]))
    scale = min(1.0, _LINE / typical)
    size = typical * scale
    ink = _ink(image, scale)
    cv2.fillPoly(ink, [np.round(np.asarray(quad) * scale).astype(np.int32) for quad in lines], 0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    w, h, area = stats[:, 2:].T
    # Blurred or boldly printed, the glyphs of a column hang together, so that one may be of any height.
    glyph = (w >= _GLYPHS[0] * size) & (w <= _GLYPHS[1] * size) & (h >= _GLYPHS[0] * size)
    glyph &= (area >= _FILLED[0] * w * h) & (area <= _FILLED[1] * w * h)
    glyph[0] = False
    kernel = np.ones((2 * round(0.5 * size) + 1, 2 * round(0.1 * size) + 1), np.uint8)
    columns = cv2.morphologyEx(glyph[labels].astype(np.uint8), cv2.MORPH_CLOSE, kernel)

    strips = []
    for left, top, w, h, _ in cv2.connectedComponentsWithStats(columns, connectivity=8)[2][1:]:
        if _COLUMNS[0] * size <= w <= _COLUMNS[1] * size and h >= max(_SLENDER * w, _SHORTEST * size):
            room = _ROOM * size
            x0, x1 = left - room, left + w + room
            y0, y1 = top - 2 * room, top + h + 2 * room
            corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) / scale
            strips.append(clip_quad(to_quad(corners), width, height))
    return strips


def lay_down(image: Image, strip: Quad) -> tuple[Image, Matrix]:
    """A strip of an image turned clockwise by a quarter, and the matrix that leads from it back."""
    (left, top), _, (right, bottom), _ = ((round(x), round(y)) for x, y in strip)
    part = image[top:bottom, left:right]
    back = np.linalg.inv(turn_matrix(part.shape[1], part.shape[0], 90))
    return turn(part, 90), np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]]) @ back


def _ink(image: Image, scale: float) -> NDArray[np.uint8]:
    """Dark on light or light on dark, whichever is the rarer, as 0 and 1."""
    size = max(1, math.ceil(image.shape[1] * scale)), max(1, math.ceil(image.shape[0] * scale))
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    if np.median(grey) < 128:
        grey = 255 - grey
    ink = cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 20)
    return np.asarray(ink, np.uint8)
