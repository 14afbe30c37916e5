"""What networks run on: OpenVINO on a CPU, torch on other devices and as the reference."""

from __future__ import annotations

import ctypes
import hashlib
import os
import queue
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast

from ocrpipe.environment import bf16_flags, isa_limit
from ocrpipe.errors import ConfigError, MissingExtraError, PluginError
from ocrpipe.io.cache import load_blob, save_blob

if TYPE_CHECKING:
    import numpy as np
    import openvino
    from numpy.typing import NDArray

Runtime = Literal["openvino", "torch"]

RUNTIMES = ("auto", "openvino", "torch")

_EXTRAS = {
    "openvino": "pip install openvino",
    "torch": "pip install 'ocrpipe[torch]'",
}


def choose_runtime(runtime: str, device: str) -> Runtime:
    """The runtime for a device.

    Args:
        runtime: "openvino", "torch", or "auto": OpenVINO for "cpu" where it is installed, otherwise torch.
        device: "cpu", "cuda" or "mps".

    Raises:
        ocrpipe.errors.ConfigError: There is no such runtime, or it does not run on the device.
        ocrpipe.errors.MissingExtraError: It is not installed.
    """
    if runtime not in RUNTIMES:
        raise ConfigError(f"runtime must be one of {', '.join(RUNTIMES)}, not {runtime!r}")
    if runtime == "openvino" and device != "cpu":
        raise ConfigError(f"OpenVINO runs on device 'cpu' here, not {device!r}: use runtime 'torch'")
    chosen = runtime
    if runtime == "auto":
        chosen = "openvino" if device == "cpu" and _is_installed("openvino") else "torch"
    if not _is_installed(chosen):
        what = f"device {device!r}" if chosen == "torch" and device != "cpu" else "this"
        raise MissingExtraError(f"{what} needs {chosen}: {_EXTRAS[chosen]}")
    return cast(Runtime, chosen)


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # a module that someone has put into sys.modules by hand
        return True


_Copy = tuple[Any, Any]
"""A compiled network, which lives as long as it may be needed, and its request."""


class CompiledNetwork:
    """A network compiled by OpenVINO for this machine's CPU. Several threads may call it at once.

    Compiled networks are kept in the user's cache folder, where later processes find them. OpenVINO's
    settings are of this network alone, threads are not pinned to cores, and each copy runs in the thread that
    calls it, so that a child of a fork can go on with what its parent has compiled.

    Args:
        make: Makes the network; can be pickled where this is to be.
        key: Identifies what ``make`` makes; without one, nothing is read from the cache folder or kept there.
        copies: Calls that run at once, each with a copy of the network, made when it is first needed.
        threads: Processor threads of a call.
        bf16: Compute in bfloat16.
        kernels: Kernels kept of those that are compiled for the shapes of inputs, a few for each layer and
            shape. OpenVINO keeps 5,000 by default, with which a process grows by 7 MB for each size of page.
    """

    def __init__(
        self,
        make: Callable[[], openvino.Model],
        key: str,
        *,
        copies: int = 1,
        threads: int = 1,
        bf16: bool,
        kernels: int = 256,
    ) -> None:
        self._make, self._key = make, key
        self._copies, self._threads, self._bf16, self._kernels = copies, threads, bf16, kernels
        self._start()

    def __call__(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The network's outputs, in order; arrays of their own.

        Raises:
            ocrpipe.errors.PluginError: As ``prepare``.
        """
        copy = self._acquired()
        compiled, request = copy
        try:
            request.infer(dict(enumerate(inputs)), share_inputs=True)
            return [request.get_output_tensor(i).data.copy() for i in range(len(compiled.outputs))]
        finally:
            self._idle.put(copy)

    def prepare(self) -> None:
        """Compile the first copy, unless that has been done.

        Raises:
            ocrpipe.errors.PluginError: This is a child of a fork in which OpenVINO can compile nothing.
        """
        self._idle.put(self._acquired())

    def __getstate__(self) -> tuple[Any, ...]:
        return self._make, self._key, self._copies, self._threads, self._bf16, self._kernels

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._make, self._key, self._copies, self._threads, self._bf16, self._kernels = state
        self._start()

    def _start(self) -> None:
        self._idle: queue.SimpleQueue[_Copy] = queue.SimpleQueue()
        self._made, self._process = 0, os.getpid()
        self._lock = threading.Lock()

    def _acquired(self) -> _Copy:
        """An idle copy, or a new one."""
        if self._process != os.getpid():
            with _after_fork:  # what was in use in the parent stays there
                if self._process != os.getpid():
                    self._made, self._lock, self._process = self._idle.qsize(), threading.Lock(), os.getpid()
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        with self._lock:
            new = self._made < self._copies
            self._made += new
        if not new:
            return self._idle.get()
        try:
            compiled = _compiled(self._make, self._key, self._threads, self._bf16, self._kernels)
        except BaseException:
            with self._lock:
                self._made -= 1
            raise
        copy = compiled, compiled.create_infer_request()
        weakref.finalize(compiled, _count_dropped)
        _living.update(copy)
        return copy


def _compiled(
    make: Callable[[], openvino.Model], key: str, threads: int, bf16: bool, kernels: int
) -> openvino.CompiledModel:
    if _lost_threads:
        raise PluginError(
            "OpenVINO cannot compile a network in this child of a fork, since its parent has discarded one: "
            "make the pipeline before the fork, or start processes with 'spawn'"
        )
    core = _core()
    _living.add(core)
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": kernels,
    }
    if not key:
        return core.compile_model(make(), "CPU", settings)
    name = f"{_name(core, key, settings)}.blob"
    if blob := load_blob(name):
        with suppress(RuntimeError):  # it may be of another build of OpenVINO
            return core.import_model(blob, "CPU", settings)
    compiled = core.compile_model(make(), "CPU", settings)
    with suppress(RuntimeError):
        exported: Any = compiled.export_model()  # bytes before OpenVINO 2025.1, a stream since
        save_blob(name, exported if isinstance(exported, bytes) else exported.getvalue())
    return compiled


def _name(core: openvino.Core, key: str, settings: dict[str, Any]) -> str:
    described = (
        key,
        load_openvino().get_version(),
        core.get_property("CPU", "FULL_DEVICE_NAME"),
        core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        isa_limit(),
        bf16_flags(),
        settings,
    )
    return "network-" + hashlib.sha256(repr(described).encode()).hexdigest()[:32]


def _core() -> openvino.Core:
    module = load_openvino()
    with _importing:  # two threads at once make one
        return _made_core(module)


@cache
def _made_core(module: ModuleType) -> openvino.Core:
    return module.Core()


def load_openvino() -> ModuleType:
    """The module ``openvino``, without its converters of other formats unless someone has imported it before.

    Importing those takes longer than all the rest, and reports the import to OpenVINO's makers where their
    telemetry is installed.
    """
    converters = "openvino.tools.ovc"
    with _importing:
        blocked = "openvino" not in sys.modules and converters not in sys.modules
        if blocked:
            sys.modules[converters] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            if blocked:
                del sys.modules[converters]
    module: ModuleType = openvino
    return module


# OpenVINO gives the threads of a discarded network to the next one and waits for them; where it discards one,
# it waits for that one's own. A child of a fork has none of them: what it has inherited must live on.
_living: weakref.WeakSet[Any] = weakref.WeakSet()
_dropped = 0
_lost_threads = False
_after_fork = threading.Lock()
_importing = threading.Lock()


def _count_dropped() -> None:
    global _dropped
    _dropped += 1


def _in_child() -> None:
    """After a fork; locks may have been inherited while another thread held them."""
    for inherited in list(_living):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))
    global _lost_threads, _after_fork, _importing
    _lost_threads = _lost_threads or _dropped > 0
    _after_fork = threading.Lock()
    _importing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
