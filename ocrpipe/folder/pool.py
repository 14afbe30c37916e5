"""A pool of worker processes that survives the loss of any of them.

A worker has one task at a time, so that the task of a dead or overdue worker is known. The standard library's
executors fail as a whole when a process is killed.
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
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from ocrpipe.folder.worker import main; main(int(sys.argv[2]))"
)
_MAX_LOST_AT_START = 3  # consecutive workers; then the run ends
_START_TIMEOUT = 600.0  # seconds for loading the models
_STDERR_TAIL = 4096  # bytes of a dead worker's stderr in its failure
_MAX_STDERR = 1 << 20  # bytes of a worker's stderr before they are discarded

# For glibc: freed memory is kept for the next page, since page faults take time, but the largest tensors are
# mapped separately, or the heap would become fragmented; huge pages make these mappings cheap.
_ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


class Pool:
    """Worker processes; a context manager that ends them.

    Processes are started when there is a task for them, and replaced when lost.

    Args:
        settings: How pages are read.
        workers: Maximum number of processes.
        page_timeout: Maximum seconds for a page, or for inspecting a file once it has been hashed; writing a
            document may take as many for each of its pages.
        memory_limit: Maximum bytes of data of a process; ``None`` is no limit.
    """

    def __init__(
        self,
        settings: ReadSettings,
        workers: int,
        page_timeout: float,
        *,
        memory_limit: int | None = None,
    ) -> None:
        self._memory_limit = memory_limit
        self._settings, self._size, self._timeout = settings, workers, page_timeout
        self._events: queue.SimpleQueue[tuple[_Worker, Message | None]] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._retries: list[tuple[Task, int]] = []
        self._lost_at_start = 0
        self.lost = 0
        """Number of workers that died or were ended because they were overdue."""

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def has_room(self) -> bool:
        """Whether a task submitted now is started at once."""
        return self._working + len(self._retries) < self._size

    @property
    def busy(self) -> bool:
        """Whether there are outcomes to wait for."""
        return self._working + len(self._retries) > 0

    def submit(self, task: Task, attempt: int = 1) -> None:
        """Start a task; there must be room.

        Raises:
            OcrError: No process can be started for it.
        """
        worker = next((idle for idle in self._workers if idle.task is None), None)
        if worker is None:
            worker = _Worker(self._settings, self._events, self._memory_limit)
            self._workers.append(worker)
            _log.info("worker %d started", worker.process.pid)
        _log.debug("worker %d: %s, attempt %d", worker.process.pid, task, attempt)
        # A new worker loads its models first and sends Alive afterwards.
        worker.begin(
            task, attempt, self._limit(task) if worker.loaded else max(_START_TIMEOUT, self._timeout)
        )

    def wait(self, timeout: float = 60.0) -> list[tuple[Task, Outcome]]:
        """Available outcomes, or the first within ``timeout`` seconds; may be empty.

        Raises:
            OcrError: The pipeline can't be created, or workers die while they load the models.
        """
        while self._retries and self._working < self._size:
            self.submit(*self._retries.pop())
        next_deadline = min((worker.deadline for worker in self._workers if worker.task), default=monotonic())
        outcomes: list[tuple[Task, Outcome]] = []
        with suppress(queue.Empty):
            pause = max(0.0, min(timeout, next_deadline - monotonic()))
            while True:  # all messages: the caller may have been busy for longer than a page's timeout
                worker, message = self._events.get(timeout=pause)
                pause = 0.0
                if worker in self._workers:  # else it was ended
                    outcomes += self._received(worker, message)
        overdue = [worker for worker in self._workers if worker.task and worker.deadline < monotonic()]
        return outcomes + [self._overdue(worker) for worker in overdue]

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    @property
    def _working(self) -> int:
        return sum(worker.task is not None for worker in self._workers)

    def _limit(self, task: Task) -> float:
        return self._timeout * (max(1, len(task.numbers)) if isinstance(task, Write) else 1)

    def _received(self, worker: _Worker, message: Message | None) -> list[tuple[Task, Outcome]]:
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
        limit = self._limit(task) if worker.loaded or not isinstance(task, Read) else _START_TIMEOUT
        _log.info("worker %d ended: it took more than %g seconds to %s", worker.process.pid, limit, task)
        output = self._remove(worker)
        return task, Failed("TimeoutError", f"took more than {limit:g} seconds", output, seconds=limit)

    def _lost(self, worker: _Worker) -> list[tuple[Task, Outcome]]:
        task, output = worker.task, self._remove(worker)
        how = _how(worker.process.returncode)
        _log.info("worker %d %s; its task: %s, attempt %d", worker.process.pid, how, task, worker.attempt)
        if task is None:
            return []
        if isinstance(task, Read) and not worker.loaded:
            self._lost_at_start += 1
            if self._lost_at_start >= _MAX_LOST_AT_START:
                raise OcrError(f"workers die while they load the models: {how}. {output[-500:]}".strip())
            self._retries.append((task, worker.attempt))
        elif worker.attempt == 1:
            self._retries.append((task, 2))
        else:
            return [(task, Failed("ChildProcessError", f"its worker process {how}, twice", output))]
        return []

    def _remove(self, worker: _Worker) -> str:
        self._workers.remove(worker)
        self.lost += 1
        return worker.end()


class _Worker:
    """One process and its task."""

    def __init__(
        self,
        settings: ReadSettings,
        events: queue.SimpleQueue[tuple[_Worker, Message | None]],
        memory_limit: int | None,
    ) -> None:
        path = [str(Path(entry or ".").absolute()) for entry in sys.path]
        threads = str(settings.threads)
        environment = {**_ALLOCATOR, **os.environ, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", _START, json.dumps(path), str(memory_limit or 0)]
        pipe = subprocess.PIPE
        with ExitStack() as stack:
            try:
                self._stderr: IO[bytes] = stack.enter_context(tempfile.TemporaryFile("a+b"))
                self.process = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=self._stderr, env=environment
                )
            except OSError as error:
                raise OcrError(f"no worker process can be started: {error.strerror}") from error
            stack.pop_all()  # end() closes the file
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
            if os.fstat(self._stderr.fileno()).st_size > _MAX_STDERR:
                self._stderr.truncate(0)

    def end(self) -> str:
        """Kill the process if it is running and wait for it; returns the end of its stderr."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        with suppress(OSError):  # unsent data of a task
            cast("IO[bytes]", self.process.stdin).close()
        with self._stderr as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _STDERR_TAIL))
            return stream.read().decode("utf-8", "replace").strip()

    def _send(self, message: object) -> None:
        with suppress(OSError):  # dead; the listener reports it
            send(cast("IO[bytes]", self.process.stdin), message)

    def _listen(self, events: queue.SimpleQueue[tuple[_Worker, Message | None]]) -> None:
        with cast("IO[bytes]", self.process.stdout) as stream:
            try:
                while True:
                    events.put((self, cast(Message, receive(stream))))
            except Exception:  # the end of the stream, or an incomplete pickle
                events.put((self, None))


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        reason = ", perhaps out of memory" if code == -9 else ""
        return f"was ended by signal {-code}{reason}"
    return f"ended with code {code}"
