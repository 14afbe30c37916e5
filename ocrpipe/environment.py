"""The process and its machine: bfloat16, the allocator settings of training, termination signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

TRAINING = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "500000000",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "10000",
}
"""Environment of a training process, read before torch is imported: page faults of freshly mapped tensors
cost ten times the arithmetic on virtual machines, and each new tensor shape recompiles its kernels."""


def restart_for_training() -> None:
    """Start this process again with ``TRAINING`` in its environment, unless all of it is set already.

    Variables that are set, to whatever value, stay. Only on Linux, whose C library reads these settings; the
    process keeps its id, arguments and open files.
    """
    missing = {name: value for name, value in TRAINING.items() if name not in os.environ}
    if missing and sys.platform == "linux":
        arguments = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, **missing})


def has_bf16(device: str = "cpu") -> bool:
    """Whether a device type, "cpu" or "cuda", has bfloat16 instructions; without, they are emulated."""
    import torch

    if device == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not in all versions of torch
    return bool(supported and supported())


def computes_bf16() -> bool:
    """Whether this CPU computes in bfloat16 (AVX512-BF16 or AMX); torch is not imported.

    As Linux tells; elsewhere the answer is no. A limit of oneDNN's instruction set in the environment counts.
    """
    return bool(bf16_flags()) and isa_limit() in ("", "ALL", "DEFAULT", *_ISA_WITH_BF16)


def isa_limit() -> str:
    """The instruction set that the environment limits oneDNN to, which torch and OpenVINO compute with."""
    names = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
    return next((os.environ[name].upper() for name in names if os.environ.get(name)), "")


_ISA_WITH_BF16 = (
    "AVX512_CORE_BF16",
    "AVX512_CORE_FP16",
    "AVX512_CORE_AMX",
    "AVX512_CORE_AMX_FP16",
    "AVX10_1_512",
    "AVX10_1_512_AMX",
    "AVX10_1_512_AMX_FP16",
)


@cache
def bf16_flags() -> tuple[str, ...]:
    """The bfloat16 instructions of the CPU, by the names that Linux gives them."""
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "").split()
    except OSError:
        return ()
    return tuple(flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags)


@contextmanager
def on_terminate(stop: Callable[[], object]) -> Iterator[None]:
    """Within the block, SIGTERM calls ``stop`` instead of ending the process.

    Only the main thread receives signals; in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
