"""PP-OCR's detector, by the ``rapidocr`` package: differentiable binarization (arXiv 1911.08947).

Pages are scaled as RapidOCR does. What differs: low and narrow images are set on paper of their own colour
instead of black, and no line is cut out along the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.engines.rapidocr.runtime import load_stage
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import clip_quad, quad_size, to_quad

_MULTIPLE = 32  # sides that the network takes
_SLIMMEST = 4.0  # images longer than this many times their width get paper beside them
_UNLIMITED = 1_000_000
_UPRIGHT = 2.5  # higher than this many times its width, a box holds a column and not a character


@dataclass(frozen=True, slots=True)
class DBOptions:
    """How a page is looked at; the defaults are RapidOCR's.

    Attributes:
        max_side: Pixels that the longer side is shrunk to.
        min_side: Pixels that the shorter side is enlarged to.
        threshold: Probability from which a pixel belongs to text.
        box_threshold: Mean probability from which a region is a line.
        unclip: How much a region, which is a line's core, is grown.
    """

    max_side: int = 2000
    min_side: int = 736
    threshold: float = 0.3
    box_threshold: float = 0.5
    unclip: float = 1.6

    def __post_init__(self) -> None:
        shares = 0 < self.threshold < 1 and 0 <= self.box_threshold <= 1
        if not shares or not _MULTIPLE <= self.min_side <= self.max_side or self.unclip <= 0:
            raise ConfigError(f"detector options make no sense: {self}")


class RapidOCRDetector:
    """Finds lines with PP-OCR's detector; one instance may serve several threads.

    A line's score is the mean probability of text within it. Boxes much higher than wide are taken for lines
    that run downward, so that their crops lie as PP-OCR's recogniser expects columns.

    Args:
        threads: Of ONNX Runtime; by default as many as there are cores.
        options: How a page is looked at.

    Raises:
        MissingExtraError: The extra ``rapidocr`` is not installed.
    """

    def __init__(self, *, threads: int | None = None, options: DBOptions | None = None) -> None:
        self.options = options or DBOptions()
        settings = {
            "Det.limit_type": "max",  # pages are scaled here
            "Det.limit_side_len": _UNLIMITED,
            "Det.thresh": self.options.threshold,
            "Det.box_thresh": self.options.box_threshold,
            "Det.unclip_ratio": self.options.unclip,
        }
        self._stage = load_stage("det", threads, settings)

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        """Find the lines of an H×W×3 RGB uint8 page; none on a page of one colour."""
        if np.ptp(image) == 0:
            return ()
        height, width = image.shape[:2]
        padded, left, top = _on_paper(image)
        scaled = _scaled(padded, self.options)
        # Step by step: called as a whole, the stage sorts the boxes and leaves their scores as they were.
        prepared = self._stage.get_preprocess()(cv2.cvtColor(scaled, cv2.COLOR_RGB2BGR))
        boxes, scores = self._stage.postprocess_op(self._stage.session(prepared), scaled.shape[:2])
        scale = (padded.shape[1] / scaled.shape[1], padded.shape[0] / scaled.shape[0])
        quads = np.asarray(boxes, np.float64).reshape(-1, 4, 2) * scale - (left, top)
        lines = []
        for corners, score in zip(quads, scores, strict=True):
            quad = clip_quad(to_quad(corners), width, height)
            across, down = quad_size(quad)
            if min(across, down) < 1:
                continue
            if down > _UPRIGHT * across:
                quad = (*quad[1:], quad[0])
            lines.append(TextLine(quad, min(float(score), 1.0)))
        return tuple(lines)


def _on_paper(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
    """A long and slim image with paper along it, and how much is on its left and on its top."""
    height, width = image.shape[:2]
    beside = max(0, round((height / _SLIMMEST - width) / 2))
    above = max(0, round((width / _SLIMMEST - height) / 2))
    if not beside and not above:
        return image, 0, 0
    paper = [float(np.median(channel)) for channel in cv2.split(image)]
    padded = cv2.copyMakeBorder(image, above, above, beside, beside, cv2.BORDER_CONSTANT, value=paper)
    return np.asarray(padded, np.uint8), beside, above


def _scaled(image: NDArray[np.uint8], options: DBOptions) -> NDArray[np.uint8]:
    sides = np.array(image.shape[1::-1], float)
    sides *= min(1.0, options.max_side / sides.max())
    sides *= max(1.0, options.min_side / sides.min())
    width, height = (max(1, round(side / _MULTIPLE)) * _MULTIPLE for side in sides)
    return np.asarray(cv2.resize(image, (width, height)), np.uint8)
