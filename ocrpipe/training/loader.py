"""A data loader: background processes render examples into a shuffle buffer, from which batches are drawn.

Rendering a line costs more than a training step can wait for, so examples are drawn several times before
newer ones replace them. The processes keep a lead on what training has used; rendering more would only slow
it down. They are forked from a server process where the system can: this process has threads (OpenCV's,
torch's), and its forks might hang.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from types import TracebackType
from typing import Generic, TypeVar

import cv2
import numpy as np
import torch

from ocrpipe.errors import OcrError

Example = TypeVar("Example")
Rng = np.random.Generator


class DataLoader(Generic[Example]):
    """Random batches of rendered examples; as a context manager, it ends its processes on leaving.

    Each process renders a stream of its own, which its number and the seed determine. Which of the rendered
    examples a batch gets also depends on how fast they come, but with ``workers=0``.

    Args:
        make_examples: Called once in each process with its generator; gives endless examples. It is pickled.
        bucket_of: The bucket of an example, for instance its width; a batch's examples are of one bucket.
        batch_size: Examples of a batch, by bucket.
        workers: Background processes; 0 renders in this one when a batch is drawn.
        capacity: Examples kept; beyond it, new ones replace random ones of their bucket.
        ahead: Examples rendered ahead of those used, at most the capacity; without processes as many as were
            waited for.
        reuse: Times an example is to be used on average; rendering pauses where it is ahead of that.
        once: Draw each example once and wait for new ones, instead of drawing with replacement and without
            waiting; ``reuse`` is 1 then.
        chunk: Examples that a process sends at a time.
        seed: Of what is rendered.

    Attributes:
        rendered: Examples rendered so far.
        used: Examples in the batches so far.
    """

    def __init__(
        self,
        make_examples: Callable[[Rng], Iterator[Example]],
        *,
        bucket_of: Callable[[Example], int],
        batch_size: Callable[[int], int],
        workers: int = 1,
        capacity: int = 250_000,
        ahead: int = 20_000,
        reuse: float = 2.0,
        once: bool = False,
        chunk: int = 64,
        seed: Sequence[int] = (0,),
    ) -> None:
        self._bucket_of, self._batch_size = bucket_of, batch_size
        self._capacity, self._ahead = capacity, min(ahead, capacity)
        self._reuse, self._once, self._chunk = 1.0 if once else reuse, once, chunk
        self._buckets: dict[int, list[Example]] = {}
        self._lock = threading.Condition()
        self._failure: Exception | None = None
        self._closed = False
        self._size = self.rendered = self.used = 0
        self._processes: list[mp.process.BaseProcess] = []
        self._evict = np.random.default_rng([*seed, workers])
        self._local = None if workers else make_examples(np.random.default_rng([*seed, 0]))
        self._lead = self._ahead if workers else 0
        context = _context()
        for worker in range(workers):
            ours, theirs = context.Pipe()
            arguments = (theirs, make_examples, [*seed, worker], chunk)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            self._processes.append(process)
            theirs.close()
            threading.Thread(target=self._receive, args=(ours,), daemon=True).start()

    def __enter__(self) -> DataLoader[Example]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._size

    def close(self) -> None:
        """End the processes; what they have rendered stays."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        for process in self._processes:
            process.terminate()
            process.join()

    def wait(self, examples: int) -> None:
        """Return when at least so many examples are in the buffer, or all that are rendered ahead.

        Raises:
            ocrpipe.errors.OcrError: What a process raised.
            RuntimeError: A process failed or was killed; the message holds its traceback.
        """
        examples = min(examples, self._ahead)
        self._lead = max(self._lead, examples)
        self._wait(lambda: self._size >= examples)

    def batch(self, rng: Rng) -> list[Example]:
        """Random examples of one random bucket; all examples are equally likely.

        Raises:
            ocrpipe.errors.OcrError: What a process raised.
            RuntimeError: A process failed or was killed; the message holds its traceback.
        """
        self._wait(lambda: bool(self._ready()))
        with self._lock:
            ready = self._ready()
            sizes = [self._batch_size(key) for key in ready]
            weights = np.array([len(self._buckets[key]) for key in ready], float) / sizes
            chosen = int(rng.choice(len(ready), p=weights / weights.sum()))
            bucket, count = self._buckets[ready[chosen]], sizes[chosen]
            if self._once:
                batch = [_pop(bucket, int(rng.integers(len(bucket)))) for _ in range(count)]
                self._size -= count
            else:
                batch = [bucket[i] for i in rng.integers(len(bucket), size=count)]
            self.used += count
            self._lock.notify_all()
        return batch

    def _ready(self) -> list[int]:
        """Buckets that a batch can be drawn from."""
        return [k for k, bucket in self._buckets.items() if len(bucket) >= self._needed(k)]

    def _needed(self, key: int) -> int:
        return self._batch_size(key) if self._once else 1

    def _wait(self, done: Callable[[], bool]) -> None:
        if self._local is not None:
            while self._is_behind() or not done():
                self._add(list(islice(self._local, 1)))
        with self._lock:
            self._lock.wait_for(lambda: done() or self._failure)
            if self._failure:
                raise self._failure

    def _is_behind(self) -> bool:
        """Whether more is to be rendered."""
        return self.rendered < self._lead + self.used / self._reuse

    def _receive(self, connection: Connection) -> None:
        try:
            while True:
                rendered: list[Example] | Exception = connection.recv()
                if isinstance(rendered, Exception):
                    return self._fail(rendered)
                with self._lock:
                    self._add(rendered)
                    self._lock.notify_all()
                    self._lock.wait_for(lambda: self._is_behind() or self._closed)
                connection.send(None)
        except (EOFError, OSError):
            self._fail(RuntimeError("a data loader process was killed"))
        finally:
            connection.close()

    def _fail(self, error: Exception) -> None:
        with self._lock:
            if not self._closed:
                self._failure = error
            self._lock.notify_all()

    def _add(self, examples: Sequence[Example]) -> None:
        for example in examples:
            bucket = self._buckets.setdefault(self._bucket_of(example), [])
            if self._size >= self._capacity and bucket:
                bucket[int(self._evict.integers(len(bucket)))] = example
            else:
                bucket.append(example)
                self._size += 1
        self.rendered += len(examples)


def _context() -> ForkServerContext | SpawnContext:
    if "forkserver" not in mp.get_all_start_methods():
        return mp.get_context("spawn")
    context = mp.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _pop(bucket: list[Example], index: int) -> Example:
    """Remove one; the last takes its place, as order means nothing."""
    bucket[index], bucket[-1] = bucket[-1], bucket[index]
    return bucket.pop()


def _work(
    connection: Connection,
    make_examples: Callable[[Rng], Iterator[Example]],
    seed: Sequence[int],
    chunk: int,
) -> None:
    """Render until the loader hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training's to handle
    if hasattr(os, "nice"):
        os.nice(10)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    for message in _chunks(make_examples, seed, chunk):
        try:
            connection.send(message)
            connection.recv()
        except (EOFError, OSError):
            return


def _chunks(
    make_examples: Callable[[Rng], Iterator[Example]], seed: Sequence[int], chunk: int
) -> Iterator[list[Example] | Exception]:
    """Rendered examples; an error comes last: ocrpipe's own as it is, any other with its traceback."""
    try:
        examples = make_examples(np.random.default_rng(seed))
        while True:
            yield list(islice(examples, chunk))
    except OcrError as error:
        yield error
    except Exception:
        yield RuntimeError(f"a data loader process failed\n{traceback.format_exc()}")
