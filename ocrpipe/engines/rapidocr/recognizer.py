"""PP-OCR's recogniser, run by the ``rapidocr`` package.

The model is RapidOCR's, but crops are batched and decoded here: RapidOCR pads a batch to its widest crop, so
that results depend on the other crops, and it gives no positions of spaces.
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

_HEIGHT = 48  # pixels of the network's input
_MIN_WIDTH = 320  # pixels; as in RapidOCR
_MAX_WIDTH = 8192  # pixels; limits time and memory, at 170 times the height
_WIDTH_MULTIPLE = 64  # pixels; widths are padded to a multiple, so that several crops fit a batch
_BATCH_PIXELS = 6 * 640  # summed widths of a batch; larger ones are not faster

Crop = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A crop as input of the network: H×W×3 BGR, and its scale, pixels per pixel of the crop."""

    pixels: NDArray[np.uint8]
    scale: float

    @property
    def padded_width(self) -> int:
        width: int = self.pixels.shape[1]
        return max(_MIN_WIDTH, width + -width % _WIDTH_MULTIPLE)


class RapidOCRRecognizer:
    """Reads crops with PP-OCR's recogniser; an instance may be used by several threads.

    A character's confidence is the maximum probability of its class over its frames; its span extends halfway
    to its neighbours.

    Args:
        threads: Threads of ONNX Runtime; by default as many as there are cores.

    Raises:
        MissingExtraError: The extra ``rapidocr`` is not installed.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        stage = load_stage("rec", threads, {})
        self._run = stage.session
        self._classes: list[str] = stage.postprocess_op.character  # the blank first

    def recognize(self, crops: Sequence[Crop]) -> Sequence[Recognition]:
        """Read crops of single lines; see ``ocrpipe.recognizers.base.Recognizer``.

        Raises:
            ConfigError: A crop has no pixels.
        """
        results = [Recognition("", ())] * len(crops)
        for width, batch in _batches(crops):
            inputs = np.zeros((len(batch), 3, _HEIGHT, width), np.float32)
            for row, (_, crop) in zip(inputs, batch, strict=True):
                row[..., : crop.pixels.shape[1]] = crop.pixels.transpose(2, 0, 1) / np.float32(127.5) - 1
            probabilities = self._run(inputs)
            for (i, crop), frames in zip(batch, probabilities, strict=True):
                results[i] = self._decode(frames, width / len(frames) / crop.scale, crops[i])
        return tuple(results)

    def _decode(self, frames: NDArray[np.float32], step: float, crop: Crop) -> Recognition:
        """The best path through T×C probabilities, of frames ``step`` pixels of the crop apart."""
        emissions = collapse(frames.argmax(axis=1), frames.max(axis=1))
        height, width = crop.shape[:2]
        spans = spans_around([(emission.frame + 0.5) * step for emission in emissions], height / 2, width)
        chars = tuple(
            CharSpan(self._classes[emission.label], emission.confidence, start, end)
            for emission, (start, end) in zip(emissions, spans, strict=True)
        )
        return Recognition("".join(char.text for char in chars), chars)


def _prepared(crop: Crop, index: int) -> _Prepared:
    if not crop.size:
        raise ConfigError(f"crop {index} has no pixels")
    height, width = crop.shape[:2]
    scaled_width = min(max(1, math.ceil(width * _HEIGHT / height)), _MAX_WIDTH)
    colours = cv2.COLOR_GRAY2BGR if crop.ndim == 2 else cv2.COLOR_RGB2BGR
    scaled = cv2.resize(cv2.cvtColor(crop, colours), (scaled_width, _HEIGHT))
    return _Prepared(np.asarray(scaled, np.uint8), scaled_width / width)


def _batches(crops: Sequence[Crop]) -> Iterator[tuple[int, list[tuple[int, _Prepared]]]]:
    """Batches of crops of the same padded width: that width, and the crops with their indices."""
    by_width: dict[int, list[tuple[int, _Prepared]]] = defaultdict(list)
    for i, crop in enumerate(crops):
        prepared = _prepared(crop, i)
        by_width[prepared.padded_width].append((i, prepared))
    for width, members in sorted(by_width.items()):
        size = max(1, _BATCH_PIXELS // width)
        for start in range(0, len(members), size):
            yield width, members[start : start + size]
