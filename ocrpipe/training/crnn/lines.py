"""Lines as the recogniser is trained on them, and the data loader that renders them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import STRIDE
from ocrpipe.recognizers.crnn.preprocess import prepare, scale_of
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training.loader import DataLoader

_MIN_LINES, _MAX_LINES = 8, 128
"""Of a batch; the second grows with the batches' pixels."""

Render = Callable[[np.random.Generator], LineSample]


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A line ready for training.

    Attributes:
        image: height×W uint8, the prepared input.
        label: Class indices, int16.
        centers: Centres of the characters along the line, in frames; empty where they are unknown.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.int16]
    centers: NDArray[np.float32]


def to_training(sample: LineSample, charset: Charset, height: int = 32) -> TrainingLine | None:
    """The sample as training takes it; ``None`` where CTC can't align it or the charset lacks a character."""
    if not sample.text or any(c not in charset for c in sample.text):
        return None
    image = prepare(sample.image, height)
    label = charset.encode(sample.text)
    repeats = sum(a == b for a, b in zip(label, label[1:], strict=False))
    ink_frames = sample.image.shape[1] * scale_of(sample.image, height) / STRIDE
    if len(label) + repeats > ink_frames:
        return None
    centers = sample.centers * scale_of(sample.image, height) / STRIDE
    return TrainingLine(image, np.asarray(label, np.int16), np.asarray(centers, np.float32))


def training_lines(
    make_render: Callable[[], Render], charset: Charset, height: int, rng: np.random.Generator
) -> Iterator[TrainingLine]:
    """Endless rendered lines; those that cannot be trained on are left out."""
    render = make_render()
    while True:
        if line := to_training(render(rng), charset, height):
            yield line


def line_loader(
    make_render: Callable[[], Render],
    charset: Charset,
    batch_pixels: int,
    *,
    height: int = 32,
    workers: int = 1,
    capacity: int = 250_000,
    ahead: int = 20_000,
    reuse: float = 2.0,
    seed: Sequence[int] = (0,),
) -> DataLoader[TrainingLine]:
    """Batches of rendered lines of one width.

    Args:
        make_render: Called once in each process; returns what renders a line. It is pickled.
        charset: Turns text into class indices.
        batch_pixels: Sum of a batch's input widths, but for very long and very short lines.
        height: Input height.
        workers: See ``DataLoader``, as ``capacity``, ``ahead``, ``reuse`` and ``seed``.
        capacity: Lines kept.
        ahead: Lines rendered ahead.
        reuse: How often a line is used on average.
        seed: Of what is rendered.
    """
    return DataLoader(
        partial(training_lines, make_render, charset, height),
        bucket_of=_width,
        batch_size=partial(lines_of_batch, batch_pixels),
        workers=workers,
        capacity=capacity,
        ahead=ahead,
        reuse=reuse,
        seed=seed,
    )


def _width(line: TrainingLine) -> int:
    return int(line.image.shape[1])


def lines_of_batch(pixels: int, width: int) -> int:
    """Lines of one width in a batch with so many pixels of width in all."""
    return max(_MIN_LINES, min(pixels // width, max(_MAX_LINES, pixels // 128)))
