"""A small pool of worker processes that can be lost one by one.

A worker has one task at a time, so that it is known which task a dead or overdue one had. The standard
library's executors break as a whole when a process is killed.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO, cast

from ocrpipe.errors import OcrError
from ocrpipe.folder.settings import ReadSettings
from ocrpipe.folder.tasks import Failed, Outcome, Read, Task, Write
from ocrpipe.folder.worker import Alive, Broken, Message, receive, send

_log = logging.getLogger(__name__)

_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from ocrpipe.folder.worker import main; main()"
)
_LOST_AT_START = 3  # workers in a row, before the fault is taken for the machine's
_STARTING = 600.0  # seconds for loading the models
_KEPT = 4096  # bytes of what a dead worker had printed
_NOISE = 1 << 20  # bytes of it before they are thrown away

# Freed memory is kept for the next page, since page faults cost time, but the largest tensors have mappings
# of their own, or the heap would grow around them; huge pages make those cheap. For glibc; others don't look.
_ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


class Pool:
    """Worker processes; as a context manager, it ends them on leaving.

    Processes are started when there is something to do for them, and replaced when lost.

    Args:
        settings: How pages are read.
        workers: Most processes at a time.
        page_timeout: Seconds for a page, or for inspecting a file once it has been read through; writing a
            document may take as many for each of its pages.
    """

    def __init__(self, settings: ReadSettings, workers: int, page_timeout: float) -> None:
        self._settings, self._size, self._timeout = settings, workers, page_timeout
        self._events: queue.SimpleQueue[tuple[_Worker, Message | None]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._retries: list[tuple[Task, int]] = []
        self._lost_at_start = 0
        self.lost = 0
        """Workers that died or were ended because they were overdue."""

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def has_room(self) -> bool:
        """Whether a task handed in now is begun at once."""
        return self._working + len(self._retries) < self._size

    @property
    def busy(self) -> bool:
        """Whether outcomes are to be waited for."""
        return self._working + len(self._retries) > 0

    def submit(self, task: Task, attempt: int = 1) -> None:
        """Begin a task; there must be room.

        Raises:
            OcrError: A process is needed for it and can't be started.
        """
        worker = next((one for one in self._workers if one.task is None), None)
        if worker is None:
            worker = _Worker(self._settings, self._events)
            self._workers.append(worker)
            _log.info("worker %d started", worker.process.pid)
        _log.debug("worker %d: %s, attempt %d", worker.process.pid, task, attempt)
        # A new worker loads its models first and says when it has.
        worker.begin(task, attempt, self._limit(task) if worker.loaded else max(_STARTING, self._timeout))

    def wait(self, timeout: float = 60.0) -> list[tuple[Task, Outcome]]:
        """Outcomes that are there, or the first to come within ``timeout`` seconds; perhaps none.

        Raises:
            OcrError: The pipeline can't be made, or workers die before they have begun.
        """
        while self._retries and self._working < self._size:
            self.submit(*self._retries.pop())
        soonest = min((worker.deadline for worker in self._workers if worker.task), default=monotonic())
        found: list[tuple[Task, Outcome]] = []
        with suppress(queue.Empty):
            pause = max(0.0, min(timeout, soonest - monotonic()))
            while True:  # all there is: whoever called may have been away for longer than a page's time
                worker, message = self._events.get(timeout=pause)
                pause = 0.0
                if worker in self._workers:  # else it was ended, and this is its last word
                    found += self._heard(worker, message)
        late = [worker for worker in self._workers if worker.task and worker.deadline < monotonic()]
        return found + [self._overdue(worker) for worker in late]

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    @property
    def _working(self) -> int:
        return sum(worker.task is not None for worker in self._workers)

    def _limit(self, task: Task) -> float:
        return self._timeout * (max(1, len(task.numbers)) if isinstance(task, Write) else 1)

    def _heard(self, worker: _Worker, message: Message | None) -> list[tuple[Task, Outcome]]:
        task = worker.task
        if isinstance(message, Broken):
            error = message.error
            if isinstance(error, OcrError):
                raise error
            raise OcrError(f"workers cannot read: {type(error).__name__}: {error}") from error
        if message is None:
            return self._lost(worker)
        if isinstance(message, Alive):
            if isinstance(task, Read):
                worker.loaded, self._lost_at_start = True, 0
            if task:
                worker.deadline = monotonic() + self._limit(task)
        elif task:
            worker.finish()
            return [(task, message)]
        return []

    def _overdue(self, worker: _Worker) -> tuple[Task, Outcome]:
        task = cast(Task, worker.task)
        limit = self._limit(task) if worker.loaded or not isinstance(task, Read) else _STARTING
        _log.info("worker %d ended: it took more than %g seconds to %s", worker.process.pid, limit, task)
        noise = self._remove(worker)
        return task, Failed("TimeoutError", f"took more than {limit:g} seconds", noise, seconds=limit)

    def _lost(self, worker: _Worker) -> list[tuple[Task, Outcome]]:
        task, noise = worker.task, self._remove(worker)
        how = _how(worker.process.returncode)
        _log.info("worker %d %s; its task: %s, attempt %d", worker.process.pid, how, task, worker.attempt)
        if task is None:
            return []
        if isinstance(task, Read) and not worker.loaded:
            self._lost_at_start += 1
            if self._lost_at_start >= _LOST_AT_START:
                raise OcrError(f"workers die while they load the models: {how}. {noise[-500:]}".strip())
            self._retries.append((task, worker.attempt))
        elif worker.attempt == 1:
            self._retries.append((task, 2))
        else:
            return [(task, Failed("ChildProcessError", f"its worker process {how}, twice", noise))]
        return []

    def _remove(self, worker: _Worker) -> str:
        self._workers.remove(worker)
        self.lost += 1
        return worker.end()


class _Worker:
    """One process and what it is doing."""

    def __init__(
        self, settings: ReadSettings, events: queue.SimpleQueue[tuple[_Worker, Message | None]]
    ) -> None:
        path = [str(Path(entry or ".").absolute()) for entry in sys.path]
        threads = str(settings.threads)
        environment = {**_ALLOCATOR, **os.environ, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", _START, json.dumps(path)]
        pipe = subprocess.PIPE
        with ExitStack() as stack:
            try:
                self._noise: IO[bytes] = stack.enter_context(tempfile.TemporaryFile("a+b"))
                self.process = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=self._noise, env=environment
                )
            except OSError as error:
                raise OcrError(f"no worker process can be started: {error.strerror}") from error
            stack.pop_all()  # end() closes it
        self.task: Task | None = None
        self.attempt = 1
        self.deadline = 0.0
        self.loaded = False
        self._listener = threading.Thread(target=self._listen, args=(events,), daemon=True)
        self._listener.start()
        self._send(settings)

    def begin(self, task: Task, attempt: int, limit: float) -> None:
        self.task, self.attempt, self.deadline = task, attempt, monotonic() + limit
        self._send(task)

    def finish(self) -> None:
        self.task = None
        with suppress(OSError):
            if os.fstat(self._noise.fileno()).st_size > _NOISE:
                self._noise.truncate(0)

    def end(self) -> str:
        """Kill it, if it still is, and wait for it; the end of what it had printed."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        with suppress(OSError):  # a task that it did not take any more
            cast("IO[bytes]", self.process.stdin).close()
        with self._noise as noise:
            size = noise.seek(0, os.SEEK_END)
            noise.seek(max(0, size - _KEPT))
            return noise.read().decode("utf-8", "replace").strip()

    def _send(self, message: object) -> None:
        with suppress(OSError):  # dead; the listener says so
            send(cast("IO[bytes]", self.process.stdin), message)

    def _listen(self, events: queue.SimpleQueue[tuple[_Worker, Message | None]]) -> None:
        with cast("IO[bytes]", self.process.stdout) as stream:
            try:
                while True:
                    events.put((self, cast(Message, receive(stream))))
            except Exception:  # the end, or half a pickle
                events.put((self, None))


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        reason = ", perhaps for want of memory" if code == -9 else ""
        return f"was ended by signal {-code}{reason}"
    return f"ended with code {code}"
