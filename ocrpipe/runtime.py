"""What networks run on: OpenVINO on a CPU, torch on other devices and as the reference."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from ocrpipe.environment import bf16_flags, isa_limit
from ocrpipe.errors import ConfigError, MissingExtraError
from ocrpipe.io.cache import load_blob, save_blob

if TYPE_CHECKING:
    import openvino

Runtime = Literal["openvino", "torch"]

RUNTIMES = ("auto", "openvino", "torch")

_EXTRAS = {
    "openvino": "pip install openvino",
    "torch": "pip install 'ocrpipe[torch]'",
}
_compiling = threading.Lock()


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
        raise MissingExtraError(f"device {device!r} needs {chosen}: {_EXTRAS[chosen]}")
    return cast(Runtime, chosen)


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # a module that someone has put into sys.modules by hand
        return True


class CompiledNetwork:
    """A network compiled by OpenVINO for this machine's CPU. Several threads may call it at once.

    It is compiled with the first call, or read from the user's cache folder where an earlier process has
    compiled the same; again in a child of a fork, since threads of OpenVINO do not survive that, and where
    it was unpickled. OpenVINO's settings are of this network alone; threads are not pinned to cores.

    Args:
        make: Makes the network; can be pickled where this is to be.
        key: Identifies what ``make`` makes.
        streams: Calls that run at once.
        threads: Processor threads of each call.
        bf16: Compute in bfloat16.
    """

    def __init__(
        self, make: Callable[[], openvino.Model], key: str, *, streams: int, threads: int, bf16: bool
    ) -> None:
        self._make, self._key = make, key
        self._streams, self._threads, self._bf16 = streams, threads, bf16
        self._compiled: Any = None
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._process = 0

    def __call__(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The network's outputs, in order; arrays of their own."""
        self.prepare()
        idle = self._idle
        try:
            request = idle.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        try:
            request.infer(dict(enumerate(inputs)), share_inputs=True)
            outputs = range(len(self._compiled.outputs))
            return [np.array(request.get_output_tensor(i).data) for i in outputs]
        finally:
            idle.put(request)

    def prepare(self) -> None:
        """Compile the network, unless this process has."""
        if self._compiled is None or self._process != os.getpid():
            with _compiling:
                if self._compiled is None or self._process != os.getpid():
                    self._idle = queue.SimpleQueue()
                    self._compiled = self._compile()
                    self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_compiled": None, "_idle": None}

    def _compile(self) -> openvino.CompiledModel:
        core = _core()
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if self._bf16 else "f32",
            "INFERENCE_NUM_THREADS": self._streams * self._threads,
            "NUM_STREAMS": self._streams,
            "ENABLE_CPU_PINNING": False,
        }
        name = f"{self._name(core, settings)}.blob"
        if blob := load_blob(name):
            with suppress(RuntimeError):  # it may be of another build of OpenVINO
                return core.import_model(blob, "CPU", settings)
        compiled = core.compile_model(self._make(), "CPU", settings)
        with suppress(RuntimeError):
            save_blob(name, compiled.export_model().getvalue())
        return compiled

    def _name(self, core: openvino.Core, settings: dict[str, Any]) -> str:
        import openvino

        described = (
            self._key,
            openvino.get_version(),
            core.get_property("CPU", "FULL_DEVICE_NAME"),
            core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
            isa_limit(),
            bf16_flags(),
            settings,
        )
        return "network-" + hashlib.sha256(repr(described).encode()).hexdigest()[:32]


_cores: dict[int, Any] = {}


def _core() -> openvino.Core:
    """This process's OpenVINO; one of its own in a child of a fork."""
    process = os.getpid()
    if process not in _cores:
        import openvino

        _inherited.extend(_cores.values())  # never destroyed: that would wait for threads that are gone
        _cores.clear()
        _cores[process] = openvino.Core()
    return _cores[process]


_inherited: list[Any] = []


def _forget_lock() -> None:
    """A child of a fork may have inherited the lock while another thread held it."""
    global _compiling
    _compiling = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def rows_of(arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Arrays of as many columns below each other; one alone is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
