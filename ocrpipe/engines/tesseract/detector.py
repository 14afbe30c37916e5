"""Tesseract's page layout analysis as a detector.

The program cannot be asked for the layout alone, so this costs a full reading; what it read is dropped,
except for how sure it was.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.engines.tesseract.program import FoundLine, Tesseract
from ocrpipe.geometry import clip_quad, quad_size, to_quad
from ocrpipe.page import Quad


class TesseractDetector:
    """Finds lines with the system's Tesseract, a process a page; one instance may serve several threads.

    A line's score is the mean confidence of the words that Tesseract read in it.

    Args:
        languages: Such as "chi_sim+eng", which is the default as far as the data is installed.

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
        (found,) = self._tesseract.read([image])
        lines = []
        for line in found:
            quad = clip_quad(_quad(line), width, height)
            if min(quad_size(quad)) >= 1:
                words = [sum(glyph.confidence for glyph in word) / len(word) for word in line.words]
                lines.append(TextLine(quad, sum(words) / len(words)))
        return tuple(lines)


def _quad(line: FoundLine) -> Quad:
    """The box, without the corners that a slope leaves empty, from the text's own top left."""
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
