"""Tesseract's page layout analysis as a detector.

The program cannot output the layout alone, so the page is recognised as well; only the confidences are used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.engines.tesseract.program import Tesseract, TesseractLine
from ocrpipe.geometry import clip_quad, quad_size, to_quad
from ocrpipe.page import Quad


class TesseractDetector:
    """Finds lines with the system's Tesseract, a process a page; an instance may be used by several threads.

    A line's score is the mean confidence of its words.

    Args:
        languages: Such as "chi_sim+eng", the default as far as installed.

    Raises:
        MissingExtraError: The program or the data of a language is missing.
    """

    def __init__(self, languages: str | None = None) -> None:
        self._tesseract = Tesseract(languages, threads=1)

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        """Find the lines of an H×W×3 RGB uint8 page; none on a page of one colour."""
        if np.ptp(image) == 0:
            return ()
        height, width = image.shape[:2]
        (page_lines,) = self._tesseract.read([image])
        lines = []
        for line in page_lines:
            quad = clip_quad(_quad(line), width, height)
            if min(quad_size(quad)) >= 1:
                words = [sum(glyph.confidence for glyph in word) / len(word) for word in line.words]
                lines.append(TextLine(quad, sum(words) / len(words)))
        return tuple(lines)


def _quad(line: TesseractLine) -> Quad:
    """The line's parallelogram within its box, by its slope, from the text's top left."""
    left, top, right, bottom = line.box
    if line.angle in (90, 270):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    else:
        rise = max(-1.0, min(1.0, line.slope)) * (right - left)
        rise = max(top - bottom + 1, min(bottom - top - 1, rise))
        down, up = max(rise, 0.0), max(-rise, 0.0)
        corners = [(left, top + up), (right, top + down), (right, bottom - up), (left, bottom - down)]
    first = {90: 3, 180: 2, 270: 1}.get(line.angle, 0)
    return to_quad(corners[first:] + corners[:first])
