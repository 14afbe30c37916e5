"""A pool of rendered lines in memory, kept fresh by background processes.

Rendering costs more than a training step can wait for, so each line serves a few times before newer ones
replace it. Renderers keep a lead on what training has used; rendering more would only take its time.
They are forked from a server process: this one has threads (OpenCV's, torch's), whose forks may hang.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ocrpipe.errors import OcrError
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


class LinePool:
    """Rendered lines by input width; as a context manager, it ends its renderers on leaving.

    Args:
        make_render: Called once in each background process; returns what renders a line. It is pickled.
        charset: Turns text into class indices.
        capacity: Lines kept.
        workers: Background processes.
        reuse: How often a line is used on average.
        lead: Lines rendered before any is used, at most the capacity.
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
        lead: int = 20_000,
        height: int = 32,
        seed: int = 0,
    ) -> None:
        self._capacity, self._reuse, self._lead = capacity, reuse, min(lead, capacity)
        self._buckets: dict[int, list[TrainingLine]] = {}
        self._lock = threading.Condition()
        self._failure: Exception | None = None
        self._closed = False
        self._size = self.rendered = self.used = 0
        self._processes: list[mp.process.BaseProcess] = []
        context = mp.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        for worker in range(workers):
            ours, theirs = context.Pipe()
            arguments = (theirs, make_render, charset, height, [seed, worker])
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            self._processes.append(process)
            theirs.close()
            threading.Thread(target=self._receive, args=(ours,), daemon=True).start()

    def __enter__(self) -> LinePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the renderers; what they have rendered stays."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        for process in self._processes:
            process.terminate()
            process.join()

    def __len__(self) -> int:
        return self._size

    def wait(self, lines: int) -> None:
        """Return when the pool holds at least ``lines``, or all that are rendered ahead.

        Raises:
            ocrpipe.errors.OcrError: What a renderer raised.
            RuntimeError: A renderer failed or was killed; the message holds its traceback.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._size >= min(lines, self._lead) or self._failure)
            if self._failure:
                raise self._failure

    def batch(self, rng: np.random.Generator, pixels: int) -> list[TrainingLine]:
        """Lines of one width, about ``pixels`` of total width, at least 8 and at most 128.

        Raises:
            ocrpipe.errors.OcrError: What a renderer raised.
            RuntimeError: A renderer failed or was killed; the message holds its traceback.
        """
        self.wait(1)
        with self._lock:
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
        try:
            while True:
                rendered: list[TrainingLine] | Exception = connection.recv()
                if isinstance(rendered, Exception):
                    return self._fail(rendered)
                with self._lock:
                    for line in rendered:
                        self._add(line, rng)
                    self.rendered += len(rendered)
                    self._lock.notify_all()
                    self._lock.wait_for(self._hungry)
                connection.send(None)
        except (EOFError, OSError):
            self._fail(RuntimeError("a renderer was killed"))
        finally:
            connection.close()

    def _fail(self, error: Exception) -> None:
        with self._lock:
            if not self._closed:
                self._failure = error
            self._lock.notify_all()

    def _hungry(self) -> bool:
        return self.rendered < self._lead + self.used / self._reuse or self._closed

    def _add(self, line: TrainingLine, rng: np.random.Generator) -> None:
        bucket = self._buckets.setdefault(line.image.shape[1], [])
        if self._size >= self._capacity and bucket:
            bucket[int(rng.integers(len(bucket)))] = line
        else:
            bucket.append(line)
            self._size += 1


def _work(
    connection: Connection,
    make_render: Callable[[], Render],
    charset: Charset,
    height: int,
    seed: Sequence[int],
) -> None:
    """Render until the pool hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training's to handle
    os.nice(10)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    for chunk in _chunks(make_render, charset, height, seed):
        try:
            connection.send(chunk)
            connection.recv()
        except (EOFError, OSError):
            return


def _chunks(
    make_render: Callable[[], Render], charset: Charset, height: int, seed: Sequence[int]
) -> Iterator[list[TrainingLine] | Exception]:
    """Rendered lines; an error comes last: ocrpipe's own as it is, any other with its traceback."""
    try:
        render, rng = make_render(), np.random.default_rng(seed)
        while True:
            drawn = (to_training(render(rng), charset, height) for _ in range(_CHUNK))
            yield [line for line in drawn if line]
    except OcrError as error:
        yield error
    except Exception:
        yield RuntimeError(f"a renderer failed\n{traceback.format_exc()}")
