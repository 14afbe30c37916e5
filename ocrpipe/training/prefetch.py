"""Batches made ready in a thread, so that training never waits for their assembly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Full, Queue
from types import TracebackType
from typing import Any, Generic, TypeVar

import numpy as np

from ocrpipe.training.loader import DataLoader

Example = TypeVar("Example")


class Prefetcher(Generic[Example]):
    """Draws batches from a data loader and assembles them a few steps ahead; on leaving it closes the loader.

    Args:
        loader: Where the examples come from.
        assemble: Makes a batch of examples, with a generator for what it draws.
        depth: Batches made ahead.
        seed: Of the choice of examples and of what ``assemble`` draws.
    """

    def __init__(
        self,
        loader: DataLoader[Example],
        assemble: Callable[[list[Example], np.random.Generator], Any],
        *,
        depth: int = 3,
        seed: tuple[int, ...] = (0,),
    ) -> None:
        self._loader, self._assemble = loader, assemble
        self._rng = np.random.default_rng([*seed, 1])
        self._ready: Queue[Any] = Queue(depth)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Prefetcher[Example]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._loader.close()
        if self._thread:
            self._thread.join(timeout=2)

    @property
    def rendered(self) -> int:
        """Examples rendered so far."""
        return self._loader.rendered

    def wait(self, examples: int) -> None:
        """Return when at least so many examples are in the loader's buffer.

        Raises:
            ocrpipe.errors.OcrError: What a process raised.
            RuntimeError: A process failed or was killed.
        """
        self._loader.wait(examples)

    def batch(self, rng: np.random.Generator) -> Any:
        """The next batch; ``rng`` has no part in it.

        Raises:
            ocrpipe.errors.OcrError: What a process raised.
            RuntimeError: A process failed or was killed.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        batch = self._ready.get()
        if isinstance(batch, Exception):
            raise batch
        return batch

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                batch = self._assemble(self._loader.batch(self._rng), self._rng)
            except Exception as error:
                batch = error
            while not self._closing.is_set():
                try:
                    self._ready.put(batch, timeout=0.2)
                    break
                except Full:
                    continue
            if isinstance(batch, Exception):
                return
