"""PP-OCR's detector, run by the ``rapidocr`` package: differentiable binarization (arXiv 1911.08947).

Pages are scaled as in RapidOCR. Differences: low and narrow images are padded with their own background
colour instead of black, and no crops are cut.
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

_MULTIPLE = 32  # of the network's input sides
_MAX_ASPECT_RATIO = 4.0  # of images; longer ones are padded
_UNLIMITED = 1_000_000
_MIN_COLUMN_RATIO = 2.5  # height over width of a box that is a column rather than a character


@dataclass(frozen=True, slots=True)
class DBOptions:
    """Scaling and thresholds; the defaults are RapidOCR's.

    Attributes:
        max_side: Pixels to which the longer side is reduced.
        min_side: Pixels to which the shorter side is enlarged.
        threshold: Minimum probability of a text pixel.
        box_threshold: Minimum mean probability of a region that is a line.
        unclip: Expansion ratio of a region, which is the shrunk core of a line.
    """

    max_side: int = 2000
    min_side: int = 736
    threshold: float = 0.3
    box_threshold: float = 0.5
    unclip: float = 1.6

    def __post_init__(self) -> None:
        probabilities = 0 < self.threshold < 1 and 0 <= self.box_threshold <= 1
        if not probabilities or not _MULTIPLE <= self.min_side <= self.max_side or self.unclip <= 0:
            raise ConfigError(f"invalid detector options: {self}")


class RapidOCRDetector:
    """Finds lines with PP-OCR's detector; an instance may be used by several threads.

    A line's score is the mean probability of text within it. Boxes much higher than wide are assumed to be
    lines that run downwards, so that their crops have the orientation PP-OCR's recogniser expects of columns.

    Args:
        threads: Threads of ONNX Runtime; by default as many as there are cores.
        options: Scaling and thresholds.

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
        padded, left, top = _padded(image)
        scaled = _scaled(padded, self.options)
        # Step by step: a call of the stage would sort the boxes but not their scores.
        prepared = self._stage.get_preprocess()(cv2.cvtColor(scaled, cv2.COLOR_RGB2BGR))
        boxes, scores = self._stage.postprocess_op(self._stage.session(prepared), scaled.shape[:2])
        scale = (padded.shape[1] / scaled.shape[1], padded.shape[0] / scaled.shape[0])
        quads = np.asarray(boxes, np.float64).reshape(-1, 4, 2) * scale - (left, top)
        lines = []
        for corners, score in zip(quads, scores, strict=True):
            quad = clip_quad(to_quad(corners), width, height)
            length, thickness = quad_size(quad)
            if min(length, thickness) < 1:
                continue
            if thickness > _MIN_COLUMN_RATIO * length:
                quad = (*quad[1:], quad[0])
            lines.append(TextLine(quad, min(float(score), 1.0)))
        return tuple(lines)


def _padded(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
    """A long image padded with its median colour, and the padding on the left and at the top."""
    height, width = image.shape[:2]
    left = max(0, round((height / _MAX_ASPECT_RATIO - width) / 2))
    top = max(0, round((width / _MAX_ASPECT_RATIO - height) / 2))
    if not left and not top:
        return image, 0, 0
    colour = [float(np.median(channel)) for channel in cv2.split(image)]
    padded = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_CONSTANT, value=colour)
    return np.asarray(padded, np.uint8), left, top


def _scaled(image: NDArray[np.uint8], options: DBOptions) -> NDArray[np.uint8]:
    sides = np.array(image.shape[1::-1], float)
    sides *= min(1.0, options.max_side / sides.max())
    sides *= max(1.0, options.min_side / sides.min())
    width, height = (max(1, round(side / _MULTIPLE)) * _MULTIPLE for side in sides)
    return np.asarray(cv2.resize(image, (width, height)), np.uint8)
