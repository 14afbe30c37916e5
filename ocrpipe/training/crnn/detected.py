"""Training lines as a detector cuts them from rendered pages, with its margins, its errors, and what is near.

The line renderer imitates a detector's crops; here the detector that reads with the network cuts them.
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

_KEPT = 400
"""Lines kept to choose from: those of several pages, so that a batch does not hold one page."""
_BARREN = 50
"""Pages in a row that may give no line."""
_WHOLE, _NONE = 0.97, 0.03
"""Shares of a line's length from which it is in a crop, and up to which it is not."""
_SAME_ROW, _NEXT_ROW = 0.6, 0.4
"""Shares of a line's height from which it is in a crop's row, and up to which it is another row's."""


class DetectedLines:
    """Renders pages and gives the lines that a detector finds on them, in random order.

    Args:
        render: Makes a page.
        detector: Finds its lines.
    """

    def __init__(self, render: Callable[[Rng], SynthPage], detector: Detector) -> None:
        self._render, self._detector = render, detector
        self._lines: list[LineSample] = []

    def render(self, rng: Rng) -> LineSample:
        """A random line, without places of its characters.

        Raises:
            ocrpipe.errors.ConfigError: The detector finds no line on many pages in a row.
        """
        barren = 0
        while len(self._lines) < _KEPT:
            page = self._render(rng)
            lines = cut_lines(page, self._detector.detect(page.image))
            barren = 0 if lines else barren + 1
            if barren == _BARREN:
                raise ConfigError("the detector finds no lines on rendered pages: train it first")
            self._lines += lines
        return self._lines.pop(int(rng.integers(len(self._lines))))


def cut_lines(page: SynthPage, found: Sequence[TextLine]) -> list[LineSample]:
    """Crops of the lines found whose text is certain.

    What was found may hold several lines of a row, whose texts are then joined by spaces. It is left out
    where it holds a part of a line only, nothing, or something that is not to be read.
    """
    grey = np.asarray(cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY), np.uint8)
    lines = np.asarray(page.quads, float).reshape(-1, 4, 2)
    ignored = np.asarray(page.ignored, float).reshape(-1, 4, 2)
    samples = []
    for one in found:
        quad = one.crop or one.quad
        places = _within(lines, quad)
        length, height = _shares(places, quad)
        held = (height > _NEXT_ROW) & (length > _NONE)
        spoilt = (held & ((length < _WHOLE) | (height < _SAME_ROW))).any()
        if spoilt or not held.any() or (np.minimum(*_shares(_within(ignored, quad), quad)) > _NONE).any():
            continue
        order = np.argsort(places[:, :, 0].mean(axis=1))
        text = _joined([page.texts[i] for i in order if held[i]])
        if text:
            samples.append(LineSample(rectify(grey, quad), text, NO_CENTERS))
    return samples


def _within(lines: Points, quad: Quad) -> Points:
    """Lines in a quad's own axes: from its first corner along its first side, and down."""
    corners = np.asarray(quad, float)
    side = corners[1] - corners[0]
    x, y = side / max(float(np.hypot(*side)), 1e-9)
    moved: Points = (lines - corners[0]) @ np.array([[x, -y], [y, x]])
    return moved


def _shares(places: Points, quad: Quad) -> tuple[Points, Points]:
    """How much of each line's length and height lies in a quad in whose axes they are."""
    # Mean sides: of a line that is turned against the quad, the corners would tell too much.
    left, right = places[:, [0, 3], 0].mean(axis=1), places[:, [1, 2], 0].mean(axis=1)
    top, bottom = places[:, :2, 1].mean(axis=1), places[:, 2:, 1].mean(axis=1)
    length, height = quad_size(quad)
    return _inside(left, right, length), _inside(top, bottom, height)


def _inside(low: Points, high: Points, extent: float) -> Points:
    shared = np.minimum(high, extent) - np.maximum(low, 0)
    return np.clip(shared / np.maximum(high - low, 1e-6), 0, 1)


def _joined(texts: Sequence[str]) -> str:
    """With spaces; nothing where that would put one between Han characters."""
    for before, after in zip(texts, texts[1:], strict=False):
        if before and after and is_han(before[-1]) and is_han(after[0]):
            return ""
    return " ".join(texts)
