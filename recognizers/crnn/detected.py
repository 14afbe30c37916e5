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
from ocrpipe.synthesis.lines import LineSample
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
_NO_CENTERS = np.empty(0, np.float32)


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
        length, height = _shares(lines, quad)
        same = height > _NEXT_ROW
        held = same & (length > _NONE)
        spoilt = (held & ((length < _WHOLE) | (height < _SAME_ROW))).any()
        if spoilt or not held.any() or (np.minimum(*_shares(ignored, quad)) > _NONE).any():
            continue
        text = _joined([page.texts[i] for i in _in_order(lines, np.flatnonzero(held), quad)])
        if text:
            samples.append(LineSample(rectify(grey, quad), text, _NO_CENTERS))
    return samples


def _shares(lines: Points, quad: Quad) -> tuple[Points, Points]:
    """How much of each line's length and height lies in a quad, along the quad's own sides."""
    corners = np.asarray(quad, float)
    length, height = quad_size(quad)
    along, down = _axes(corners)
    shares = []
    for axis, extent in ((along, length), (down, height)):
        start = float(corners[0] @ axis)
        places = lines @ axis
        # Mean sides: of a line that is turned against the quad, the corners would tell too much.
        sides = (places[:, [0, 3]], places[:, [1, 2]]) if axis is along else (places[:, :2], places[:, 2:])
        low, high = (side.mean(axis=1) for side in sides)
        inside = np.minimum(high, start + extent) - np.maximum(low, start)
        shares.append(np.clip(inside / np.maximum(high - low, 1e-6), 0, 1))
    return shares[0], shares[1]


def _in_order(lines: Points, which: NDArray[np.intp], quad: Quad) -> list[int]:
    """Along the quad."""
    along, _ = _axes(np.asarray(quad, float))
    places = lines[which].mean(axis=1) @ along
    return [int(which[i]) for i in np.argsort(places)]


def _axes(corners: Points) -> tuple[Points, Points]:
    side = corners[1] - corners[0]
    along = side / max(float(np.hypot(*side)), 1e-9)
    return along, np.array([-along[1], along[0]])


def _joined(texts: Sequence[str]) -> str:
    """With spaces; nothing where that would put one between Han characters."""
    for before, after in zip(texts, texts[1:], strict=False):
        if before and after and is_han(before[-1]) and is_han(after[0]):
            return ""
    return " ".join(texts)
