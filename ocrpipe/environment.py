"""What surrounds a process: the processor, what has to be set before torch is imported, being told to end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TRAINING = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "500000000",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "10000",
}
"""What a training process should be started with: page faults of freshly mapped tensors cost ten times the
arithmetic on virtual machines, and each new tensor shape recompiles its kernels."""


def restart_for_training() -> None:
    """Start this process over with ``TRAINING`` in its environment, where something of it is missing.

    What is set already, to whatever value, stays. Only on Linux, whose C library reads these settings; the
    process keeps its id, arguments and open files.
    """
    missing = {name: value for name, value in TRAINING.items() if name not in os.environ}
    if missing and sys.platform == "linux":
        arguments = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, **missing})


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 numbers itself; elsewhere they are several times slower."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in all versions of torch
    return bool(supported and supported())


@contextmanager
def on_terminate(stop: Callable[[], object]) -> Iterator[None]:
    """Call ``stop`` when the process is told to terminate within the block, instead of ending at once.

    Signals go to the main thread only; in any other one the block runs as without this.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
