"""One lease of a machine with a GPU: unpack a bundle, train for some minutes, leave weights and a log.

The weights are written every two minutes, so that no more is lost with the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ocrpipe.errors import ConfigError
from ocrpipe.io.files import write_whole
from ocrpipe.pretrained.loader import Card, save
from ocrpipe.synthesis.lines import LineStyle
from ocrpipe.training.checkpoint import Checkpoint
from ocrpipe.training.config import TrainConfig
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.ctpn.config import CTPNTrainConfig
from ocrpipe.training.loop import LOG, Log
from ocrpipe.training.pack import unpack

MODELS = ("crnn", "ctpn")
MAX_FILE = 16 * 2**20
"""Bytes of a file that is certain to come back; larger ones are reported."""
_CLOSING = 0.25
"""Minutes left for the last checkpoint and the summary."""
_CRNN_SHARE = 0.7
"""Of the time, where both models are trained."""


@dataclass(frozen=True)
class Lease:
    """What a lease is to do.

    Attributes:
        bundle: Fonts and texts, see ``pack``.
        out: Folder for weights, log and summary.
        work: Folder for everything else: the unpacked bundle, checkpoints.
        minutes: All of the lease, unpacking included.
        models: Of ``MODELS``, trained one after the other.
        start: Weights to start from by model; models without are trained from scratch.
        device: See ``TrainConfig``.
        workers: Processes that render.
        detected: Fraction of the lines that the package's detector crops from rendered pages.
        style: What is rendered.
        class_weights: File of how often characters are drawn, of an earlier run.
    """

    bundle: Path
    out: Path
    work: Path
    minutes: float
    models: Sequence[str] = ("crnn",)
    start: dict[str, str] = field(default_factory=dict)
    device: str = "cuda"
    workers: int = 16
    detected: float = 0.0
    style: LineStyle = field(default_factory=LineStyle)
    class_weights: Path | None = None


def default_configs(device: str) -> dict[str, TrainConfig]:
    """The configuration of each model on a device, for batches that fill a GPU.

    They are for going on from trained weights: a short warm-up, CTC nearly at once.
    """
    shared: dict[str, Any] = {
        "device": device,
        "threads": 2,
        "decay": 0.35,
        "decay_shape": "linear",
        "ema_decay": 0.998,
        "log_minutes": 0.25,
        "checkpoint_minutes": 2.0,
        "warmup_steps": 300,
    }
    crnn = CRNNTrainConfig(
        **shared,
        learning_rate=1e-3,
        batch_pixels=512 * 256,
        prefetch=4_000,
        device_effects=True,
        views=1.0,  # rendering never pauses; a line is used as often as the GPU is faster
        frames_only=0.0,
        frames_fade=0.15,
    )
    ctpn = CTPNTrainConfig(**shared, learning_rate=1.5e-3, batch_size=32, prefetch=128)
    return {"crnn": crnn, "ctpn": ctpn}


def run_lease(
    lease: Lease, configs: dict[str, TrainConfig] | None = None, *, log: Log | None = None
) -> dict[str, Any]:
    """Do all of a lease; returns its summary, which is in ``summary.json`` as well.

    In ``out`` are then, in half precision and with their cards, ``<model>.safetensors``, the averaged
    weights, and ``live/crnn.safetensors``, the recogniser's of the last step, to go on from; ``log.jsonl`` of
    both models; ``summary.json``: eight files at most.

    Args:
        lease: What to do.
        configs: By model, instead of ``default_configs``; ``run`` and ``minutes`` are set here.
        log: Called with each log record.

    Raises:
        ocrpipe.errors.ConfigError: A model is unknown, or the device is not there.
        ocrpipe.errors.OcrError: The bundle cannot be unpacked.
        ocrpipe.errors.WeightsError: Weights to start from are missing or damaged.
    """
    began = time.monotonic()
    if not lease.models or any(model not in MODELS for model in lease.models):
        raise ConfigError(f"models are {' and '.join(MODELS)}, not {', '.join(lease.models) or 'none'}")
    configs = configs or default_configs(lease.device)
    os.environ["XDG_CACHE_HOME"] = str((lease.work / "cache").resolve())
    lease.out.mkdir(parents=True, exist_ok=True)
    fonts, corpora = unpack(lease.bundle, lease.work / "bundle")
    summary: dict[str, Any] = {"device": _name(lease.device), "cores": os.cpu_count(), "models": {}}
    summary["unpacked_seconds"] = round(time.monotonic() - began, 1)
    if lease.device != "cpu":
        torch.backends.cudnn.benchmark = False  # widths vary: trying algorithms for each costs more
        torch.set_float32_matmul_precision("high")
    for number, model in enumerate(lease.models):
        left = lease.minutes - (time.monotonic() - began) / 60 - _CLOSING
        last = number == len(lease.models) - 1
        minutes = max(0.05, left if last else _CRNN_SHARE * left)
        run = lease.work / "runs" / model
        config = replace(configs[model], run=run, minutes=minutes, device=lease.device)
        started = time.monotonic()
        report = _Reporter(lease, model, log)
        if isinstance(config, CTPNTrainConfig):
            _train_ctpn(lease, config, corpora, fonts, report, started + 60 * minutes)
        elif isinstance(config, CRNNTrainConfig):
            _train_crnn(lease, config, corpora, fonts, report, started + 60 * minutes)
        summary["models"][model] = _figures(report.records, time.monotonic() - started)
        write_whole(lease.out / "summary.json", json.dumps(summary, indent=1).encode())
    summary["minutes"] = round((time.monotonic() - began) / 60, 2)
    summary["too_large"] = [p.name for p in lease.out.rglob("*.*") if p.stat().st_size > MAX_FILE]
    write_whole(lease.out / "summary.json", json.dumps(summary, indent=1).encode())
    return summary


def _train_crnn(
    lease: Lease,
    config: CRNNTrainConfig,
    corpora: Path,
    fonts: Path,
    report: _Reporter,
    deadline: float,
) -> None:
    from ocrpipe.training.crnn.session import CLASS_WEIGHTS, train

    if lease.class_weights:
        config.run.mkdir(parents=True, exist_ok=True)
        shutil.copy(lease.class_weights, config.run / CLASS_WEIGHTS)
    train(
        corpora,
        config,
        start=lease.start.get("crnn"),
        style=lease.style,
        detected=lease.detected,
        workers=lease.workers,
        fonts=[fonts],
        log=report,
        on_save=report.save,
        deadline=deadline,
    )


def _train_ctpn(
    lease: Lease,
    config: CTPNTrainConfig,
    corpora: Path,
    fonts: Path,
    report: _Reporter,
    deadline: float,
) -> None:
    from ocrpipe.recognizers.crnn.charset import default_charset
    from ocrpipe.training.ctpn.crops import synthetic_pages
    from ocrpipe.training.ctpn.session import train

    train(
        partial(synthetic_pages, corpora, default_charset().characters, (fonts,)),
        config,
        start=lease.start.get("ctpn"),
        workers=lease.workers,
        log=report,
        on_save=report.save,
        deadline=deadline,
    )


class _Reporter:
    """Keeps log records, passes them on, and writes them and the weights to the lease's folder."""

    def __init__(self, lease: Lease, model: str, log: Log | None) -> None:
        self._lease, self._model, self._log = lease, model, log
        self.records: list[dict[str, Any]] = []

    def __call__(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        with (self._lease.out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"model": self._model, **record}) + "\n")
        if self._log:
            self._log(record)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the averaged weights in half precision, the recogniser's live ones too."""
        progress = checkpoint.progress
        card = Card(
            self._model,
            sha256="",
            config=checkpoint.model_config,
            charset=checkpoint.charset,
            recipe=f"a lease: {progress.examples} examples in {progress.seconds / 60:.1f} min",
        )
        save(checkpoint.weights, card, self._lease.out)
        if self._model == "crnn":
            save(checkpoint.model, card, self._lease.out / "live")


def _figures(records: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Examples a second and where the time went, over a model's log."""
    steps = [record for record in records if "examples_per_second" in record]
    if not steps:
        return {"seconds": round(seconds, 1)}
    last = steps[-1]
    phases = sorted({name for record in steps for name in record if name.startswith("ms_")})
    means = {name: [record[name] for record in steps if name in record] for name in phases}
    return {
        "seconds": round(seconds, 1),
        "before_the_first_step": round(seconds - 60 * last["minutes"], 1),
        "steps": last["step"],
        "examples": last["examples"],
        "rendered": last["rendered"],
        "examples_per_second": round(last["examples"] / max(1e-9, 60 * last["minutes"]), 1),
        "waiting": round(sum(record["waiting"] for record in steps) / len(steps), 3),
        **{name: round(sum(values) / len(values), 2) for name, values in means.items()},
    }


def _name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
