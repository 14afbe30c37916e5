"""Detection in overlapping tiles for tall images, such as screenshots of whole conversations.

A detector scales an image down to its maximum size; text of an image many times as high as wide would become
too small. Tiles limit that, and the memory that a call needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ocrpipe.detectors.base import TextLine
from ocrpipe.geometry import Image
from ocrpipe.page import Quad

_MIN_HEIGHT = 6000  # pixels from which an image is divided
_MIN_ASPECT = 3.0  # height over width from which it is
_TILE_HEIGHT = 2000  # least height of a tile, in pixels
_TILE_ASPECT = 2.0  # height of a tile over its width
_OVERLAP = 0.2  # of a tile's height; a taller line may be cut
_SAME = 0.5  # of the smaller of two boxes from which both are the same line

Detect = Callable[[Image], Sequence[TextLine]]
"""Finds the lines of an image, H×W×3 RGB, uint8."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def detect_in_tiles(image: Image, detect: Detect) -> tuple[TextLine, ...]:
    """Lines of an image, each once; one call of ``detect`` for each tile.

    Args:
        image: H×W×3 RGB, uint8, its text running from left to right.
        detect: Called with the image itself if it is not tall.

    Returns:
        Lines in pixels of ``image``.
    """
    rows = tiles(image.shape[0], image.shape[1])
    found: list[TextLine] = []
    for i, (top, bottom) in enumerate(rows):
        lines = [_moved(line, top) for line in detect(image[top:bottom])]
        found = merged(found, lines, top, rows[i - 1][1]) if i else lines
    return tuple(found)


def tiles(height: int, width: int) -> list[tuple[int, int]]:
    """First row and end of each tile; a single tile if the image is not tall."""
    if height < _MIN_HEIGHT or height < _MIN_ASPECT * width:
        return [(0, height)]
    size = max(_TILE_HEIGHT, round(_TILE_ASPECT * width))
    overlap = round(_OVERLAP * size)
    count = math.ceil((height - overlap) / (size - overlap))
    starts = np.linspace(0, height - size, count).round().astype(int).tolist()
    return [(start, start + size) for start in starts]


def merged(upper: Sequence[TextLine], lower: Sequence[TextLine], top: int, bottom: int) -> list[TextLine]:
    """Lines of two tiles that overlap between the rows ``top`` and ``bottom``.

    The seam is the row that crosses the fewest lines; of a line that it crosses, the larger box is kept.
    """
    boxes = [_box(line.quad) for line in (*upper, *lower)]
    seam = _seam([(y0, y1) for _, y0, _, y1 in boxes if y1 > top and y0 < bottom], top, bottom)
    kept = [line for line in upper if _centre(line) < seam]
    for line in (line for line in lower if _centre(line) >= seam):
        same = [
            i
            for i, other in enumerate(kept)
            if _box(other.quad)[3] > top and _shared(_box(line.quad), _box(other.quad)) > _SAME
        ]
        if not same:
            kept.append(line)
        elif _area(_box(line.quad)) > sum(_area(_box(kept[i].quad)) for i in same):
            kept = [other for i, other in enumerate(kept) if i not in same] + [line]
    return kept


def _seam(spans: Sequence[tuple[float, float]], top: int, bottom: int) -> float:
    """The row between two others that crosses the fewest spans; of several, the one nearest the middle."""
    middle = (top + bottom) / 2
    rows = np.arange(top, bottom + 1)
    met = np.zeros(len(rows), int)
    for start, end in spans:
        met += (rows > start) & (rows < end)
    best = rows[met == met.min()]
    return float(best[np.abs(best - middle).argmin()])


def _moved(line: TextLine, down: float) -> TextLine:
    def moved(quad: Quad) -> Quad:
        a, b, c, d = ((x, y + down) for x, y in quad)
        return a, b, c, d

    return TextLine(moved(line.quad), line.score, line.crop and moved(line.crop))


def _box(quad: Quad) -> Box:
    xs, ys = zip(*quad, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _centre(line: TextLine) -> float:
    return sum(y for _, y in line.quad) / 4


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(a: Box, b: Box) -> float:
    """Common area over the smaller one."""
    common = _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    return common / max(min(_area(a), _area(b)), 1e-9)
