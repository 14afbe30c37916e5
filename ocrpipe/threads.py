"""Processor threads: how many a process may use, and workers in which networks run.

torch keeps its number of threads partly for the calling thread, partly for the process. Engines run it in
workers of their own instead of changing the caller's settings, so that several pipelines with different
numbers of threads can be used at once, and a process that forks after use can go on in its child: OpenMP's
threads do not survive a fork, new workers start new ones.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_CGROUP = Path("/sys/fs/cgroup")
_starting = threading.Lock()


def available_threads() -> int:
    """Threads that this process can run at once, by its CPU affinity and its control group's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cores, math.ceil(quota)) if quota else cores)


def openmp_threads(wanted: int) -> int:
    """Threads that OpenMP is sure to start where ``wanted`` are asked for.

    oneDNN divides a product among as many threads as were asked for. Where OMP_THREAD_LIMIT or OMP_DYNAMIC
    let OpenMP start fewer, the parts of those missing are never computed, without an error.
    """
    if os.environ.get("OMP_DYNAMIC", "").strip().lower() in ("true", "1", "yes"):
        return 1
    limit = os.environ.get("OMP_THREAD_LIMIT", "").strip()
    return max(1, min(wanted, int(limit)) if limit.isdecimal() else wanted)


class Workers:
    """Threads of one's own, started with the first call and anew after a fork.

    Args:
        workers: Calls that run at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def run(self, function: Callable[[T], R], value: T) -> R:
        """``function(value)``, in a worker."""
        return self._started().submit(function, value).result()

    def map(self, function: Callable[[T], R], values: Iterable[T]) -> list[R]:
        """``function`` of each value, in the order given."""
        return list(self._started().map(function, values))

    def __getstate__(self) -> tuple[int, ...]:
        return (self._workers,)

    def __setstate__(self, state: tuple[int, ...]) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def _started(self) -> ThreadPoolExecutor:
        if self._pool is None or self._process != os.getpid():
            with _starting:
                if self._pool is None or self._process != os.getpid():
                    self._pool, self._process = self._start(), os.getpid()
        return self._pool

    def _start(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._workers, "ocrpipe")


class TorchWorkers(Workers):
    """Workers that run torch.

    Args:
        workers: Calls that run at once.
        threads: Threads that each of them may use within torch.
    """

    def __init__(self, workers: int, threads: int) -> None:
        super().__init__(workers)
        self._threads = openmp_threads(threads)

    def __getstate__(self) -> tuple[int, ...]:
        return self._workers, self._threads

    def _start(self) -> ThreadPoolExecutor:
        """All workers at once; the number that threads new to torch begin with stays what it was."""
        import torch

        before = torch.get_num_threads()
        all_there = threading.Barrier(self._workers)
        pool = ThreadPoolExecutor(
            self._workers, "ocrpipe", initializer=_fix_threads, initargs=(self._threads,)
        )
        for future in [pool.submit(all_there.wait) for _ in range(self._workers)]:
            future.result()
        torch.set_num_threads(before)
        return pool


def _fix_threads(threads: int) -> None:
    """Fix the calling thread's number: until asked for it once, torch takes the process's."""
    import torch

    torch.set_num_threads(threads)
    torch.get_num_threads()


def _forget_lock() -> None:
    """A child of a fork may have inherited the lock while another thread held it."""
    global _starting
    _starting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def _cgroup_quota() -> float | None:
    """CPUs' worth of time that the control group grants (cgroup v2's cpu.max, v1's cfs quota)."""
    try:
        entries = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        return None
    quotas = []
    for _, controllers, path in (entry for entry in entries if len(entry) == 3):
        if not controllers:
            groups = [_CGROUP / path.lstrip("/"), _CGROUP]
            quotas += [_parsed(_text(group / "cpu.max")) for group in groups]
        elif "cpu" in controllers.split(","):
            for group in (_CGROUP / controllers / path.lstrip("/"), _CGROUP / "cpu"):
                parts = (_text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
                quotas.append(_parsed(" ".join(parts)))
    return min((quota for quota in quotas if quota), default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _parsed(limit: str) -> float | None:
    """Quota over period, ``None`` where there is none."""
    parts = limit.split()
    if len(parts) != 2 or not all(part.isdecimal() for part in parts) or int(parts[1]) == 0:
        return None
    return int(parts[0]) / int(parts[1]) or None
