"""The CRNN on OpenVINO: how a CPU reads. Torch is not imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ocrpipe.environment import computes_bf16
from ocrpipe.errors import PluginError
from ocrpipe.graphs import code_of
from ocrpipe.recognizers.crnn import graph
from ocrpipe.recognizers.crnn.config import STRIDE, CRNNConfig
from ocrpipe.recognizers.crnn.graph import (
    Convolutions,
    Scores,
    Sequences,
    Winners,
    features_of,
)
from ocrpipe.recognizers.crnn.network import Floats, Labels, Pixels
from ocrpipe.recognizers.crnn.packing import GAP, bucket, pack, shared_out
from ocrpipe.recognizers.crnn.preprocess import to_input
from ocrpipe.recognizers.ctc import BLANK
from ocrpipe.runtime import CompiledNetwork
from ocrpipe.threads import Workers

T = TypeVar("T")

_STRIPS = (128, 256, 512, 1024)
"""Frames of a row of lines that goes through the convolutions, whose kernels are compiled for each width."""

_ROWS = 16
"""Sequences that the LSTMs take at once if there is enough text: a step of fewer costs as much."""

_STEPS = 16
"""Steps of the LSTMs are multiples of this."""

_KERNELS, _SEQUENCE_KERNELS = 256, 16
"""Kernels kept: of all widths of strips; and of a few of the many shapes that rows of sequences have."""

_LEAST_FRAMES, _MOST_FRAMES = 256, 8192
"""Frames of a batch; fewer are not worth a thread of their own."""

_MOST_COPIES = 8
"""Batches at once, each of which takes a copy of the network."""

_CHUNK = 256
"""Frames whose class scores are computed at once, some 10 MB."""


class OpenVINONetwork:
    """See ``Network``.

    Args:
        config: Shape of the network.
        arrays: Its weights, by the names of ``ocrpipe.recognizers.crnn.model.CRNN``.
        key: Identifies the weights; without one, the compiled network is not kept in the cache folder.
        threads: Batches that are computed at once, with a processor thread each.
        temperature: What class scores are divided by.
        bf16: Compute in bfloat16; by default where the processor has instructions for it.

    Raises:
        ocrpipe.errors.WeightsError: The arrays do not fit the configuration.
    """

    def __init__(
        self,
        config: CRNNConfig,
        arrays: dict[str, NDArray[Any]],
        key: str,
        threads: int,
        temperature: float,
        bf16: bool | None,
    ) -> None:
        self._config = config
        threads = min(threads, _MOST_COPIES)
        self._workers = Workers(threads)
        self._threads = threads
        makers = (
            Convolutions(config, arrays),
            Sequences(config, arrays),
            Winners(config, arrays, temperature),
            Scores(config, arrays, temperature),
        )
        networks = [
            CompiledNetwork(
                make,
                key and f"{type(make).__name__} {config} {temperature} {key} {code_of(graph)}",
                copies=threads,
                bf16=computes_bf16() if bf16 is None else bf16,
                kernels=_SEQUENCE_KERNELS if isinstance(make, Sequences) else _KERNELS,
            )
            for make in makers
        ]
        for network in networks:
            network.prepare()
        self._convolutions, self._sequences, self._winners, self._scores = networks

    def batches(self, widths: Sequence[int], batch_pixels: int, max_padding: float) -> list[list[int]]:
        """A batch for each thread; its lines stand in rows, so that it needs no bounds."""
        lengths = [width // STRIDE for width in widths]
        parts = max(1, min(self._threads, sum(lengths) // _LEAST_FRAMES))
        return shared_out(lengths, parts, _MOST_FRAMES)

    def map(self, function: Callable[[list[Pixels]], T], batches: list[list[Pixels]]) -> list[T]:
        """See ``Network``."""
        return self._workers.map(function, batches)

    def features(self, images: list[Pixels]) -> list[Floats]:
        """See ``Network``."""
        lengths = [image.shape[1] // STRIDE for image in images]
        lines = self._in_sequence(self._convolved(images, lengths), lengths)
        if not all(np.isfinite(line.sum()) for line in lines):
            raise PluginError("recognizer 'crnn' computed numbers that are not finite")
        return lines

    def winners(self, lines: list[Floats]) -> list[tuple[Labels, Floats]]:
        """See ``Network``."""
        every = np.concatenate(lines)
        labels = np.full(len(every), BLANK)
        values = np.ones(len(every), np.float32)
        blank, highest = self._chunked(self._winners, every, 2).T
        inked = np.flatnonzero(blank < highest)
        for start in range(0, len(inked), _CHUNK):
            some = inked[start : start + _CHUNK]
            (scores,) = self._scores(_padded(every[some]))
            best, sums = _best(scores[: len(some)])
            labels[some] = best
            # A blank after all, by the last digits: then, too, its probability does not count.
            values[some] = np.where(best == BLANK, 1, 1 / sums)
        ends = np.cumsum([len(line) for line in lines])[:-1]
        return list(zip(np.split(labels, ends), np.split(values, ends), strict=True))

    def likeliest(
        self, lines: list[Floats], frames: list[list[int]], count: int
    ) -> list[tuple[list[list[int]], list[list[float]]]]:
        """See ``Network``."""
        log_probs = self.log_probs(
            np.concatenate([line[some] for line, some in zip(lines, frames, strict=True)])
        )
        top = np.argpartition(-log_probs, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(log_probs, top, 1), axis=1, kind="stable")
        labels = np.take_along_axis(top, order, 1)
        values = np.take_along_axis(log_probs, labels, 1)
        ends = np.cumsum([len(some) for some in frames])[:-1]
        return [
            (one.tolist(), other.tolist())
            for one, other in zip(np.split(labels, ends), np.split(values, ends), strict=True)
        ]

    def log_probs(self, line: Floats) -> Floats:
        """See ``Network``."""
        scores = self._chunked(self._scores, line, self._config.classes)
        highest = scores.max(1, keepdims=True)
        _, sums = _best(scores.copy())
        return np.asarray(scores - highest - np.log(sums)[:, None], np.float32)

    def _convolved(self, images: list[Pixels], lengths: list[int]) -> list[Floats]:
        """What the convolutions make of each line: F×features."""
        height = self._config.height
        width = bucket(max(lengths) + GAP, _STRIPS[-1:])
        places, rows = pack(lengths, width)
        found: list[Floats] = [np.empty(0, np.float32)] * len(images)
        for row in range(rows):
            here = [i for i, place in enumerate(places) if place.row == row]
            used = max(places[i].start + lengths[i] for i in here) + GAP
            strip = bucket(used, _STRIPS)
            pixels = np.zeros((1, 1, height, strip * STRIDE), np.float32)
            mask = np.zeros((1, 1, 1, strip), np.float32)
            for i in here:
                start, end = places[i].start, places[i].start + lengths[i]
                pixels[0, 0, :, start * STRIDE : end * STRIDE] = to_input(images[i])
                mask[..., start:end] = 1
            (features,) = self._convolutions(pixels, np.repeat(mask, 2, -1), mask)
            for i in here:
                found[i] = features[0, places[i].start : places[i].start + lengths[i]]
        return found

    def _in_sequence(self, lines: list[Floats], lengths: list[int]) -> list[Floats]:
        """What the LSTMs make of each line: F×``classes_input``."""
        least = max(lengths) + GAP
        steps = -(-max(least, sum(lengths) // _ROWS) // _STEPS) * _STEPS
        places, rows = pack(lengths, steps)
        inputs = np.zeros((rows, steps, features_of(self._config)), np.float32)
        gaps = np.ones((rows, steps, 1), np.float32)
        for line, place in zip(lines, places, strict=True):
            inputs[place.row, place.start : place.start + len(line)] = line
            gaps[place.row, place.start : place.start + len(line)] = 0
        (outputs,) = self._sequences(inputs, gaps)
        return [
            outputs[place.row, place.start : place.start + length]
            for place, length in zip(places, lengths, strict=True)
        ]

    def _chunked(self, network: CompiledNetwork, features: Floats, columns: int) -> Floats:
        """A network's output for features of any number of frames."""
        output = np.empty((len(features), columns), np.float32)
        for start in range(0, len(features), _CHUNK):
            some = features[start : start + _CHUNK]
            (part,) = network(_padded(some))
            output[start : start + _CHUNK] = part[: len(some)]
        return output


def _padded(features: Floats) -> Floats:
    """Features with more frames of zeros, so that few shapes occur."""
    count = bucket(len(features), (16, 64, _CHUNK))
    if count == len(features):
        return features
    return np.concatenate([features, np.zeros((count - len(features), features.shape[1]), np.float32)])


def _best(scores: Floats) -> tuple[Labels, Floats]:
    """Each row's highest class, and the sum of all probabilities over that class's; overwrites scores."""
    best = scores.argmax(1)
    scores -= np.take_along_axis(scores, best[:, None], 1)
    np.exp(scores, out=scores)
    return best, scores.sum(1)
