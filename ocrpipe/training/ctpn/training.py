"""Training of the CTPN on rendered pages, sized for two CPU cores.

Start the process with ``ocrpipe.environment.TRAINING`` in its environment; without that, page faults of
freshly mapped tensors cost several times the arithmetic on virtual machines.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ocrpipe.detectors.ctpn.model import CTPN, CTPNConfig
from ocrpipe.environment import has_bf16, on_terminate
from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.training.ctpn.loss import Batch, Loss, ctpn_loss
from ocrpipe.training.ctpn.samples import CropConfig, Feeder, PageSource

Evaluate = Callable[[CTPN], Mapping[str, float]]


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        minutes: Length of the whole training, over all resumptions; the learning rate falls along it.
        max_steps: End after so many steps even if there is time left; the learning rate falls along it too.
        batch: Crops a step.
        crop: Side of the crops in pixels, a multiple of 32.
        learning_rate: Peak, reached after ``warmup`` steps, from where it falls as a cosine.
        warmup: Steps over which the learning rate rises.
        weight_decay: Of AdamW.
        clip: Largest norm of the gradient.
        average: Decay of the moving average of the weights, which is what gets shipped.
        bf16: Compute in bfloat16 where it is safe; by default where the processor has it, which about
            halves the time.
        workers: Processes that make examples; 0 makes them in this one.
        threads: Threads of torch. Leave a core to whatever else runs: threads that wait for each other stall.
        pages: Pages each worker keeps in memory.
        crops_per_page: Crops made for each new page that is rendered.
        checkpoint_minutes: Between checkpoints.
        log_steps: Between entries of the log.
        folder: Where checkpoint and log go.
        start: Weights to begin with where there is no checkpoint: a path or a name in ``pretrained``; None
            begins from scratch.
        seed: Of all randomness.
        model: Shape of the network.
    """

    minutes: float = 240.0
    max_steps: int | None = None
    batch: int = 8
    crop: int = 640
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 1e-2
    clip: float = 5.0
    average: float = 0.998
    bf16: bool = field(default_factory=has_bf16)
    workers: int = 1
    threads: int = 1
    pages: int = 48
    crops_per_page: int = 24
    checkpoint_minutes: float = 5.0
    log_steps: int = 25
    folder: Path = Path("runs/ctpn")
    start: str | None = None
    seed: int = 0
    model: CTPNConfig = field(default_factory=CTPNConfig)

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.batch < 1 or self.learning_rate <= 0:
            raise ConfigError("minutes, batch and learning_rate must be positive")
        if self.crop < 32 or self.crop % 32:
            raise ConfigError(f"crop must be a multiple of 32, not {self.crop}")


class Trainer:
    """The state of a training: weights, their average, optimiser, step and time spent."""

    def __init__(self, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.model = CTPN(config.model)
        if config.start:
            self.model.load_state_dict(_pretrained(config.start, config.model))
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(_groups(self.model, config.weight_decay), lr=config.learning_rate)
        self.step = 0
        self.seconds = 0.0
        self.stopping = False

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.config.folder / "checkpoint.pt"

    @property
    def progress(self) -> float:
        """How much of the training is done, 0…1."""
        done = self.seconds / 60 / self.config.minutes
        return min(1.0, max(done, self.step / self.config.max_steps if self.config.max_steps else 0.0))

    @property
    def learning_rate(self) -> float:
        """A linear rise, then a cosine to a hundredth."""
        rise = min(1.0, (self.step + 1) / self.config.warmup)
        return self.config.learning_rate * rise * (0.505 + 0.495 * math.cos(math.pi * self.progress))

    def stop(self) -> None:
        """Let ``train`` end after the current step, with a checkpoint; signal handlers may call this."""
        self.stopping = True

    def update(self, images: Tensor, batch: Batch) -> Loss:
        """One step of the optimiser."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16):
            prediction = self.model(images)
        loss = ctpn_loss(prediction, batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.step += 1
        self._update_average()
        return loss

    def save(self) -> None:
        """Write the checkpoint; a training that is killed meanwhile leaves the old one."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "random": torch.get_rng_state(),
            "config": self.config.model.to_dict(),
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one.

        Raises:
            WeightsError: The checkpoint is of a network of another shape.
        """
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, weights_only=True)
        if CTPNConfig.from_dict(state["config"]) != self.config.model:
            raise WeightsError(f"{self.checkpoint} holds a network of another shape: {state['config']}")
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        torch.set_rng_state(state["random"])
        return True

    @torch.no_grad()
    def _update_average(self) -> None:
        # A short memory at first, so that the average does not drag the random start along.
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        for mean, value in zip(
            self.average.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def train(
    config: TrainConfig,
    make_source: Callable[[], PageSource],
    *,
    evaluate: Evaluate | None = None,
    report: Callable[[str], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> CTPN:
    """Train, or go on training, until the time is up.

    Every ``checkpoint_minutes`` the state is saved in ``config.folder``, and on any end of the training but a
    kill; ``log.jsonl`` beside it grows by one object every ``log_steps`` steps.

    Args:
        config: How.
        make_source: Called once in each worker, which must be able to unpickle it; gives what makes a page,
            for instance ``functools.partial(synthetic_pages, corpora)``.
        evaluate: Measures the averaged weights at each checkpoint, for the log; for instance on real pages.
        report: Takes each entry of the log as a line of text; by default it goes to stderr.
        clock: What measures the training's seconds; ``time.thread_time``, of the processor, makes runs
            comparable on a machine that has other work.

    Returns:
        The network with the averaged weights.
    """
    torch.set_num_threads(config.threads)
    config.folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config)
    log = _Log(config.folder / "log.jsonl", report or (lambda text: print(text, file=sys.stderr, flush=True)))
    resumed = trainer.resume()
    log.write({"event": "resume" if resumed else "start", "step": trainer.step, **_plain(config)})

    crops = CropConfig(
        config.crop,
        config.model.channels,
        config.model.stride,
        config.model.heights,
        config.pages,
        config.crops_per_page,
    )
    feeder = Feeder(make_source, crops, workers=config.workers, seed=config.seed + trainer.step)
    with feeder as stream, on_terminate(trainer.stop):
        try:
            _loop(trainer, stream, log, evaluate, clock)
        finally:
            trainer.save()
    return trainer.average


def _loop(
    trainer: Trainer,
    stream: Iterator[tuple[Any, Any]],
    log: _Log,
    evaluate: Evaluate | None,
    clock: Callable[[], float],
) -> None:
    config = trainer.config
    losses: list[list[float]] = []
    # Workers take a while to come up; the clock starts with their first example.
    stream = itertools.chain([next(stream)], stream)
    waited, since, saved = 0.0, time.monotonic(), time.monotonic()
    start, before = clock(), trainer.seconds
    while trainer.progress < 1 and not trainer.stopping:
        asked = time.monotonic()
        images, targets = zip(*itertools.islice(stream, config.batch), strict=True)
        waited += time.monotonic() - asked
        loss = trainer.update(torch.from_numpy(np.stack(images)), Batch.of(targets))
        losses.append([part.item() for part in loss])
        now = time.monotonic()
        trainer.seconds = before + clock() - start
        if trainer.step % config.log_steps == 0 or trainer.progress >= 1:
            means = np.mean(losses, axis=0)
            log.write(
                {
                    "step": trainer.step,
                    "minutes": round(trainer.seconds / 60, 2),
                    **{name: round(float(mean), 4) for name, mean in zip(Loss._fields, means, strict=True)},
                    "learning_rate": round(trainer.learning_rate, 6),
                    "crops_per_second": round(len(losses) * config.batch / (now - since), 1),
                    "waiting": round(waited / (now - since), 2),
                }
            )
            losses, waited, since = [], 0.0, now
        if now - saved > 60 * config.checkpoint_minutes or trainer.progress >= 1:
            trainer.save()
            if evaluate:
                log.write({"event": "evaluation", "step": trainer.step, **evaluate(trainer.average)})
            saved = time.monotonic()


class _Log:
    """Entries as JSON lines in a file, and as text for whoever watches."""

    def __init__(self, path: Path, report: Callable[[str], object]) -> None:
        self._path, self._report = path, report

    def write(self, entry: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self._report("  ".join(f"{key} {value}" for key, value in entry.items()))


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices only; scales and biases go without."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _plain(config: TrainConfig) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(config).items()}


def _pretrained(name: str, config: CTPNConfig) -> dict[str, Tensor]:
    from ocrpipe.pretrained.loader import load

    weights, card = load(name)
    if CTPNConfig.from_dict(card.config) != config:
        raise WeightsError(f"{name} holds a network of another shape: {card.config}")
    return weights
