"""Training lines as a detector crops them from rendered pages: its margins, its errors, what is near.

The line renderer imitates a detector's crops; here the detector crops them that the network reads with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import Detector, TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import quad_size, rectify
from ocrpipe.page import Quad
from ocrpipe.synthesis.lines import NO_CENTERS, LineSample
from ocrpipe.synthesis.pages import SynthPage
from ocrpipe.synthesis.text import is_han

Rng = np.random.Generator
Points = NDArray[np.float64]

_BUFFER = 400
"""Lines kept to choose from: those of several pages, so that a batch does not hold one page."""
_MAX_EMPTY_PAGES = 50
"""Pages in a row that may give no line."""
_MIN_INSIDE, _MAX_OUTSIDE = 0.97, 0.03
"""Fractions of a line's length from which it is in a crop, and up to which it is not."""
_MIN_SAME_ROW, _MAX_NEXT_ROW = 0.6, 0.4
"""Fractions of a line's height from which it is in a crop's row, and up to which it is another row's."""


class DetectedLines:
    """Lines that a detector finds on rendered pages, in random order.

    Args:
        render: Renders a page.
        detector: Finds its lines.
    """

    def __init__(self, render: Callable[[Rng], SynthPage], detector: Detector) -> None:
        self._render, self._detector = render, detector
        self._lines: list[LineSample] = []

    def render(self, rng: Rng) -> LineSample:
        """A random line; the places of its characters are unknown.

        Raises:
            ocrpipe.errors.ConfigError: The detector finds no line on many pages in a row.
        """
        empty = 0
        while len(self._lines) < _BUFFER:
            page = self._render(rng)
            lines = crop_lines(page, self._detector.detect(page.image))
            empty = 0 if lines else empty + 1
            if empty == _MAX_EMPTY_PAGES:
                raise ConfigError("the detector finds no lines on rendered pages: train it first")
            self._lines += lines
        return self._lines.pop(int(rng.integers(len(self._lines))))


def crop_lines(page: SynthPage, detected: Sequence[TextLine]) -> list[LineSample]:
    """Crops of the detected lines whose text is certain, H×W grey.

    A detected line may span several lines of a row, whose texts are then joined by spaces. It is left out
    where it holds a part of a line only, none, or an area to ignore.
    """
    grey = np.asarray(cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY), np.uint8)
    lines = np.asarray(page.quads, float).reshape(-1, 4, 2)
    ignored = np.asarray(page.ignored, float).reshape(-1, 4, 2)
    samples = []
    for line in detected:
        quad = line.crop or line.quad
        corners = _in_axes_of(quad, lines)
        length, height = _fractions_inside(corners, quad)
        inside = (height > _MAX_NEXT_ROW) & (length > _MAX_OUTSIDE)
        cut_off = (inside & ((length < _MIN_INSIDE) | (height < _MIN_SAME_ROW))).any()
        to_ignore = np.minimum(*_fractions_inside(_in_axes_of(quad, ignored), quad)) > _MAX_OUTSIDE
        if cut_off or not inside.any() or to_ignore.any():
            continue
        order = np.argsort(corners[:, :, 0].mean(axis=1))
        text = _joined([page.texts[i] for i in order if inside[i]])
        if text:
            samples.append(LineSample(rectify(grey, quad), text, NO_CENTERS))
    return samples


def _in_axes_of(quad: Quad, lines: Points) -> Points:
    """N×4×2 corners of lines in a quad's own axes: from its first corner along its first side, and down."""
    corners = np.asarray(quad, float)
    side = corners[1] - corners[0]
    x, y = side / max(float(np.hypot(*side)), 1e-9)
    moved: Points = (lines - corners[0]) @ np.array([[x, -y], [y, x]])
    return moved


def _fractions_inside(corners: Points, quad: Quad) -> tuple[Points, Points]:
    """Fractions of each line's length and height that lie in the quad in whose axes the corners are."""
    # Means of two corners: of a line that is turned against the quad, the outermost would exaggerate.
    left, right = corners[:, [0, 3], 0].mean(axis=1), corners[:, [1, 2], 0].mean(axis=1)
    top, bottom = corners[:, :2, 1].mean(axis=1), corners[:, 2:, 1].mean(axis=1)
    length, height = quad_size(quad)
    return _fraction_inside(left, right, length), _fraction_inside(top, bottom, height)


def _fraction_inside(low: Points, high: Points, extent: float) -> Points:
    overlap = np.minimum(high, extent) - np.maximum(low, 0)
    return np.clip(overlap / np.maximum(high - low, 1e-6), 0, 1)


def _joined(texts: Sequence[str]) -> str:
    """Joined by spaces; empty where one would come between hanzi."""
    for before, after in zip(texts, texts[1:], strict=False):
        if before and after and is_han(before[-1]) and is_han(after[0]):
            return ""
    return " ".join(texts)
