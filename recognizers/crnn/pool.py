"""A pool of rendered lines in memory, kept fresh by background processes.

Rendering costs more than a training step can wait for, so each line serves a few times before newer ones
replace it; renderers are paced by how much training has used.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import STRIDE
from ocrpipe.recognizers.crnn.preprocess import prepare, scale_of
from ocrpipe.synthesis.lines import LineSample

_CHUNK = 64

Render = Callable[[np.random.Generator], LineSample]


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """A line ready for training: the prepared input, its class indices, its characters' places in frames."""

    image: NDArray[np.uint8]
    label: NDArray[np.int16]
    centers: NDArray[np.float32]


def to_training(sample: LineSample, charset: Charset, height: int = 32) -> TrainingLine | None:
    """The sample as training takes it; ``None`` where CTC cannot align it or a class is missing."""
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


class LinePool:
    """Rendered lines by input width.

    Args:
        make_render: Called once in each background process; returns what renders a line.
        charset: Turns text into class indices.
        capacity: Lines kept.
        workers: Background processes.
        reuse: How often a line is used on average before the renderers may go on.
        height: Input height.
        seed: Of the renderers.
    """

    def __init__(
        self,
        make_render: Callable[[], Render],
        charset: Charset,
        *,
        capacity: int = 250_000,
        workers: int = 1,
        reuse: float = 2.0,
        height: int = 32,
        seed: int = 0,
    ) -> None:
        self._capacity, self._reuse = capacity, reuse
        self._buckets: dict[int, list[TrainingLine]] = {}
        self._lock = threading.Condition()
        self._failed = False
        self._size = self.rendered = self.used = 0
        context = mp.get_context("fork")
        for worker in range(workers):
            ours, theirs = context.Pipe()
            arguments = (theirs, make_render, charset, height, seed * 1000 + worker)
            context.Process(target=_work, args=arguments, daemon=True).start()
            theirs.close()
            threading.Thread(target=self._receive, args=(ours,), daemon=True).start()

    def __len__(self) -> int:
        return self._size

    def wait(self, lines: int) -> None:
        """Return when the pool holds at least ``lines``.

        Raises:
            RuntimeError: A renderer died.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._size >= lines or self._failed)
            if self._failed:
                raise RuntimeError("a renderer stopped; its error is above")

    def batch(self, rng: np.random.Generator, pixels: int) -> list[TrainingLine]:
        """Lines of one width, about ``pixels`` of total width, at least 8 and at most 128."""
        with self._lock:
            if self._failed:
                raise RuntimeError("a renderer stopped; its error is above")
            widths = list(self._buckets)
            weights = np.array([len(self._buckets[w]) * w for w in widths], float)
            width = int(rng.choice(widths, p=weights / weights.sum()))
            bucket = self._buckets[width]
            count = int(np.clip(pixels // width, 8, 128))
            chosen = [bucket[i] for i in rng.integers(len(bucket), size=count)]
            self.used += count
            self._lock.notify_all()
        return chosen

    def _receive(self, connection: Connection) -> None:
        rng = np.random.default_rng()
        while True:
            try:
                lines: list[TrainingLine] = connection.recv()
            except (EOFError, OSError):
                with self._lock:
                    self._failed = True
                    self._lock.notify_all()
                return
            with self._lock:
                for line in lines:
                    self._add(line, rng)
                self.rendered += len(lines)
                self._lock.notify_all()
                self._lock.wait_for(self._hungry)
            connection.send(None)

    def _hungry(self) -> bool:
        return self._size < self._capacity or self.used > self.rendered * self._reuse

    def _add(self, line: TrainingLine, rng: np.random.Generator) -> None:
        bucket = self._buckets.setdefault(line.image.shape[1], [])
        if self._size >= self._capacity and bucket:
            bucket[int(rng.integers(len(bucket)))] = line
        else:
            bucket.append(line)
            self._size += 1


def _work(
    connection: Connection, make_render: Callable[[], Render], charset: Charset, height: int, seed: int
) -> None:
    os.nice(10)
    cv2.setNumThreads(1)
    render, rng = make_render(), np.random.default_rng([seed, os.getpid()])
    try:
        while True:
            drawn = (to_training(render(rng), charset, height) for _ in range(_CHUNK))
            connection.send([line for line in drawn if line])
            connection.recv()
    except (EOFError, OSError, KeyboardInterrupt):
        return
