"""PP-OCR's recogniser, by the ``rapidocr`` package.

Crops go through RapidOCR's own model, but are batched and decoded here. RapidOCR pads a batch to its widest
crop, and what it reads then depends on the company; and it gives no place to spaces.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.engines.rapidocr.runtime import load_stage
from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.recognizers.ctc import collapse
from ocrpipe.recognizers.spans import spans_around

_HEIGHT = 48  # pixels of a crop as the network takes it
_NARROWEST = 320  # RapidOCR's own least width
_WIDEST = 8192  # bounds time and memory; longer than 170 times its height no line is
_STEP = 64  # widths are padded to a multiple of this, so that some crops share a batch
_BATCH_PIXELS = 6 * 640  # summed widths of a batch; the network gains nothing from larger ones

Crop = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A crop as the network takes it: H×W×3 BGR, and how many of its pixels are one of the crop's."""

    pixels: NDArray[np.uint8]
    scale: float

    @property
    def padded_width(self) -> int:
        width: int = self.pixels.shape[1]
        return max(_NARROWEST, width + -width % _STEP)


class RapidOCRRecognizer:
    """Reads crops with PP-OCR's recogniser; one instance may serve several threads.

    A character's confidence is its class's probability at the frame that is surest of it, and it reaches
    halfway to its neighbours.

    Args:
        threads: Of ONNX Runtime; by default as many as there are cores.

    Raises:
        MissingExtraError: The extra ``rapidocr`` is not installed.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        stage = load_stage("rec", threads, {})
        self._run = stage.session
        self._classes: list[str] = stage.postprocess_op.character  # the blank first

    def recognize(self, crops: Sequence[Crop]) -> Sequence[Recognition]:
        """Read upright single-line crops; see ``ocrpipe.recognizers.base.Recognizer``.

        Raises:
            ConfigError: A crop has no pixels.
        """
        found = [Recognition("", ())] * len(crops)
        for width, batch in _batches(crops):
            inputs = np.zeros((len(batch), 3, _HEIGHT, width), np.float32)
            for row, (_, one) in zip(inputs, batch, strict=True):
                row[..., : one.pixels.shape[1]] = one.pixels.transpose(2, 0, 1) / np.float32(127.5) - 1
            probabilities = self._run(inputs)
            for (i, one), frames in zip(batch, probabilities, strict=True):
                found[i] = self._decode(frames, width / len(frames) / one.scale, crops[i])
        return tuple(found)

    def _decode(self, frames: NDArray[np.float32], step: float, crop: Crop) -> Recognition:
        """The best path through T×C probabilities whose frames lie ``step`` pixels of the crop apart."""
        read = collapse(frames.argmax(axis=1), frames.max(axis=1))
        height, width = crop.shape[:2]
        spans = spans_around([(one.frame + 0.5) * step for one in read], height / 2, width)
        chars = tuple(
            CharSpan(self._classes[one.label], one.confidence, start, end)
            for one, (start, end) in zip(read, spans, strict=True)
        )
        return Recognition("".join(char.text for char in chars), chars)


def _prepared(crop: Crop, index: int) -> _Prepared:
    if not crop.size:
        raise ConfigError(f"crop {index} has no pixels")
    height, width = crop.shape[:2]
    scaled_width = min(max(1, math.ceil(width * _HEIGHT / height)), _WIDEST)
    colours = cv2.COLOR_GRAY2BGR if crop.ndim == 2 else cv2.COLOR_RGB2BGR
    scaled = cv2.resize(cv2.cvtColor(crop, colours), (scaled_width, _HEIGHT))
    return _Prepared(np.asarray(scaled, np.uint8), scaled_width / width)


def _batches(crops: Sequence[Crop]) -> Iterator[tuple[int, list[tuple[int, _Prepared]]]]:
    """Crops of the same padded width together, with that width and their places in the call."""
    by_width: dict[int, list[tuple[int, _Prepared]]] = defaultdict(list)
    for i, crop in enumerate(crops):
        one = _prepared(crop, i)
        by_width[one.padded_width].append((i, one))
    for width, members in sorted(by_width.items()):
        size = max(1, _BATCH_PIXELS // width)
        for start in range(0, len(members), size):
            yield width, members[start : start + size]
