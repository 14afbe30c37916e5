"""The bounded queue: which documents may come in, which page is read next, what is kept."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ocrpipe.serve.jobs import Job, Reader
from ocrpipe.serve.metrics import Metrics
from ocrpipe.serve.problems import Problem
from ocrpipe.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

_MAX_RETRY = 120  # seconds that a client is told to wait


class Queue:
    """Reads documents with a fixed number of threads, in turns, a page at a time.

    Args:
        reader: Shared by all threads.
        settings: How many threads, and the limits.
        metrics: Where pages and their times are counted.
    """

    def __init__(self, reader: Reader, settings: ServeSettings, metrics: Metrics) -> None:
        self._reader, self._settings, self._metrics = reader, settings, metrics
        self._condition = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}
        self._receiving, self._closing = 0, False
        self._threads = [
            threading.Thread(target=self._work, name=f"reader-{index}", daemon=True)
            for index in range(settings.workers)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, to be held until a job was added.

        Raises:
            Problem: 429 if the queue is full, 503 if the server is being stopped.
        """
        self.expire()
        with self._condition:
            if self._closing:
                raise Problem(503, "the server is being stopped")
            if self._receiving + self.unfinished >= self._settings.queue:
                self._metrics.count("ocrpipe_rejected_total")
                headers = {"Retry-After": str(self._retry_after())}
                raise Problem(429, "the queue is full; try again later", headers=headers)
            self._receiving += 1
        try:
            yield
        finally:
            with self._condition:
                self._receiving -= 1

    def add(self, job: Job) -> None:
        """Read a document; within ``place``."""
        with self._condition:
            self._jobs[job.id] = job
            if self._closing:
                job.close()
            self._waiting.append(job)
            self._condition.notify()

    def get(self, id: str) -> Job:
        """The job of that id.

        Raises:
            Problem: 404 if there is none.
        """
        self.expire()
        with self._condition:
            job = self._jobs.get(id)
        if job is None:
            raise Problem(404, "there is no such job, or it is not kept any more")
        job.used = time.monotonic()
        return job

    def remove(self, id: str) -> None:
        """Cancel a job and forget it."""
        with self._condition:
            job = self._jobs.pop(id, None)
        if job:
            job.close()

    def expire(self) -> None:
        """Forget finished jobs that nobody used for long, or that are too many."""
        now = time.monotonic()
        with self._condition:
            finished = sorted((job for job in self._jobs.values() if job.finished), key=lambda job: job.used)
            surplus = len(finished) - self._settings.max_jobs
            expired = [
                job
                for index, job in enumerate(finished)
                if index < surplus or now - job.used > self._settings.keep
            ]
            for job in expired:
                del self._jobs[job.id]
        for job in expired:
            job.close()

    @property
    def unfinished(self) -> int:
        """Documents that are waiting or being read."""
        with self._condition:
            return sum(not job.finished for job in self._jobs.values())

    @property
    def kept(self) -> int:
        """All documents, finished ones included."""
        return len(self._jobs)

    def close(self) -> None:
        """Cancel all jobs, remove their files, and end the threads after the stage they are in."""
        with self._condition:
            self._closing = True
            jobs = list(self._jobs.values())
            self._jobs.clear()
            self._condition.notify_all()
        for job in jobs:
            job.close()
        for thread in self._threads:
            thread.join(self._settings.grace)

    def _retry_after(self) -> int:
        pages = sum(job.left for job in self._jobs.values())
        seconds = self._metrics.page_seconds * pages / self._settings.workers / max(1, self.unfinished)
        return min(max(1, round(seconds)), _MAX_RETRY)

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._closing:
                    self._condition.wait()
                if self._closing:
                    return
                job = self._waiting.popleft()
            try:
                self._advance(job)
            except Exception:  # the thread must go on
                _log.exception("job %s failed", job.id)
                job.cancel()

    def _advance(self, job: Job) -> None:
        """Count the pages of a job, or read its next one; others that wait come first after that."""
        if job.total is None:
            job.prepare()
        number = job.take()
        with self._condition:
            if job.has_more:
                self._waiting.append(job)
                self._condition.notify()
        if number is None:
            return
        start = time.monotonic()
        job.read_page(self._reader, number)
        self._metrics.page(time.monotonic() - start)
