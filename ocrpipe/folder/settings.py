"""Settings of a folder run: those sent to the workers, and a fingerprint of all that affects results."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from ocrpipe import _version
from ocrpipe.errors import ConfigError, MissingExtraError, PluginError
from ocrpipe.folder.code import code_digest
from ocrpipe.io.names import Passwords

if TYPE_CHECKING:
    from ocrpipe.detectors.base import Detector
    from ocrpipe.pipeline import Options, Pipeline
    from ocrpipe.plugins import Kind
    from ocrpipe.recognizers.base import Recognizer
    from ocrpipe.stages.stored import PdfOptions

DPI = 200.0
"""Same as documents.DPI, whose import would load NumPy and PDFium."""

MEMORY_LIMIT = 4 << 30
"""Default maximum bytes of data of a worker; models and a page of maximum size take less than 3 GB."""

MIN_MEMORY = 1 << 29
"""Minimum of the limit, in bytes; loading the models takes as much."""

Engine = Literal["processes", "ray"]


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How pages are read.

    Attributes:
        detector: Name of an installed detector, or an object with ``detect`` that can be pickled. Whether it
            is the one of an earlier run, its attribute ``fingerprint`` says, a string, or else its pickle.
        recognizer: Likewise, with ``recognize``.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        options: How pages are read.
        dpi: Resolution PDF pages are rendered at.
        password: Of locked PDFs; several to try may be given.
        threads: Processor threads a worker may use.
        runtime: ``"auto"``, ``"openvino"`` or ``"torch"``.

    Raises:
        ConfigError: A value is invalid, or an engine can't be pickled.
    """

    detector: str | Detector = "ctpn"
    recognizer: str | Recognizer = "crnn"
    device: str = "cpu"
    options: Options | None = None
    dpi: float = DPI
    password: Passwords = None
    threads: int = 1
    runtime: str = "auto"

    def __post_init__(self) -> None:
        if not 0 < self.dpi < float("inf"):
            raise ConfigError(f"dpi must be positive, not {self.dpi}")
        for engine in (self.detector, self.recognizer):
            _pickled(engine)

    @property
    def pdf(self) -> PdfOptions:
        """What becomes of PDFs."""
        from ocrpipe.options import Options

        return (self.options or Options()).pdf

    def pipeline(self) -> Pipeline:
        """The pipeline that these settings describe."""
        from ocrpipe.pipeline import Pipeline

        return Pipeline(
            self.detector,
            self.recognizer,
            threads=self.threads,
            device=self.device,
            options=self.options,
            runtime=self.runtime,
        )

    def fingerprint(self) -> str:
        """The sha256 of all that results depend on: version, code, engines, weights, options, resolution.

        Raises:
            PluginError: An engine's name is unknown.
            ocrpipe.errors.WeightsError: The card of weights in the package is damaged.
        """
        parts = {
            "version": _version.__version__,
            "code": code_digest(),
            "detector": _describe("detectors", self.detector),
            "recognizer": _describe("recognizers", self.recognizer),
            "device": self.device,
            "runtime": self._chosen_runtime(),
            "options": _changed(self.options),
            "dpi": float(self.dpi),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _chosen_runtime(self) -> str:
        """What the built-in networks run on; their last digits differ, and so may a doubtful character."""
        from ocrpipe.runtime import choose_runtime

        with suppress(MissingExtraError):  # not needed by all engines
            return choose_runtime(self.runtime, self.device)
        return self.runtime


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How the work is done; none of this changes a result.

    Attributes:
        formats: Names of the formats to write.
        include: Patterns of files to read; all by default.
        exclude: Patterns of files and folders to leave out.
        workers: Processes that read.
        page_timeout: Seconds that a page may take.
        retry_failed: Whether pages that failed in an earlier run are tried again.
        force: Whether everything is read again.
        engine: ``"processes"`` on this machine, or ``"ray"``.
        ray_address: Of a Ray cluster; by default a Ray of this machine's own.
        memory_limit: Maximum bytes of data of a worker process, on Linux; ``None`` is no limit.

    Raises:
        ConfigError: A value is invalid.
    """

    formats: tuple[str, ...] = ("txt",)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    workers: int = 1
    page_timeout: float = 300.0
    retry_failed: bool = False
    force: bool = False
    engine: Engine = "processes"
    ray_address: str | None = None
    memory_limit: int | None = None

    def __post_init__(self) -> None:
        if self.memory_limit is not None and self.memory_limit < MIN_MEMORY:
            raise ConfigError(f"a worker needs at least {MIN_MEMORY >> 20} MB, not {self.memory_limit >> 20}")
        if self.workers < 1:
            raise ConfigError(f"workers must be at least 1, not {self.workers}")
        if not self.page_timeout > 0:
            raise ConfigError(f"a page's time must be positive, not {self.page_timeout}")
        if self.engine not in ("processes", "ray"):
            raise ConfigError(f"unknown engine {self.engine!r}; there are processes and ray")
        if self.ray_address is not None and self.engine != "ray":
            raise ConfigError("a Ray address needs the engine ray")
        if not self.formats:
            raise ConfigError("no format to write")


def share_cores(workers: int | None, threads: int | None) -> tuple[int, int]:
    """Workers and threads of each, where either is left open: one thread a worker, as many as fill the cores.

    Raises:
        ConfigError: One of them is less than 1.
    """
    if any(count is not None and count < 1 for count in (workers, threads)):
        raise ConfigError("workers and threads must be at least 1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers is None:
        workers = max(1, cores // (threads or 1))
    return workers, threads or max(1, cores // workers)


def _describe(kind: Kind, engine: object) -> list[str]:
    from ocrpipe import plugins
    from ocrpipe.pretrained import loader

    if not isinstance(engine, str):
        name = f"{type(engine).__module__}:{type(engine).__qualname__}"
        fingerprint = getattr(engine, "fingerprint", None)
        return [name, fingerprint if isinstance(fingerprint, str) else _digest(engine)]
    matches = [plugin for plugin in plugins.describe(kind) if plugin.name == engine]
    if not matches:
        known = ", ".join(plugins.names(kind))
        raise PluginError(f"unknown {kind.removesuffix('s')} {engine!r}, known are: {known}")
    plugin = matches[0]
    described = [engine, plugin.target, plugin.distribution, plugin.version]
    return described + (loader.checksums(engine) if plugin.builtin else [])


class _Hashing(pickle.Pickler):
    """Pickles tensors by their contents; their own pickles have addresses, which differ between processes."""

    def reducer_override(self, obj: Any) -> Any:
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(obj, torch.Tensor):
            return NotImplemented
        data = obj.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()
        return str, (f"{obj.dtype} {tuple(obj.shape)} {hashlib.sha256(data).hexdigest()}",)


def _digest(engine: object) -> str:
    stream = BytesIO()
    _Hashing(stream, protocol=5).dump(engine)
    return hashlib.sha256(stream.getvalue()).hexdigest()


def _changed(options: Options | None) -> dict[str, object]:
    """All options by stage and name, nothing where they are the defaults, which the code digest covers."""
    return {} if options is None or options == type(options)() else asdict(options)


def _pickled(engine: object) -> bytes:
    if type(engine).__module__ == "__main__":
        raise ConfigError(
            f"{type(engine).__name__} is defined in the program itself, where workers can't find it; "
            "define it in a module"
        )
    try:
        return pickle.dumps(engine, protocol=5)
    except Exception as error:  # errors of an object's own pickling
        raise ConfigError(f"{type(engine).__name__} can't be sent to worker processes: {error}") from error
