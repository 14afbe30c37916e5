"""Train the CRNN on rendered lines, on a CPU, in sessions that may end at any moment.

The recipe: AdamW with a warm-up, a constant rate and a linear decay at the end (Hägele et al., "Scaling Laws
and Compute-Optimal Training Beyond Fixed Training Durations", arXiv 2405.18392), and an exponential moving
average of the weights, which is what is measured and exported; at first only frame-wise cross-entropy on the
characters' known positions (CTC alone sits on all-blank for long), then CTC with that supervision faded out.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ocrpipe.environment import has_bf16
from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.preprocess import to_input
from ocrpipe.training.crnn.loss import frame_targets, narrow_ctc
from ocrpipe.training.crnn.pool import LinePool, TrainingLine


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        run: Folder of the checkpoint and the log; git-ignored.
        minutes: Length of the run; the learning rate follows the time spent, so that it ends on time
            however busy the machine is.
        batch_pixels: Sum of the input widths of a batch (64 lines of 256 px by default).
        learning_rate: From the warm-up to the decay.
        decay: Share of the run, its last, over which the learning rate falls to a hundredth.
        ema_decay: Of the moving average of the weights, a step; 0 does without.
        frames_only: Share of the cycle with frame-wise supervision alone.
        frames_fade: Share of the cycle at which frame-wise supervision has faded out.
        weight_decay: AdamW's.
        anchor: Pull of the weights towards those that training began with, times the learning rate; for
            fine-tuning.
        warm_steps: Steps over which the learning rate rises.
        freeze_norms: Whether batch normalisation keeps its statistics instead of taking each batch's.
        clip: Largest gradient norm.
        checkpoint_minutes: Time between checkpoints.
        validate_minutes: Time between validations.
        warm_lines: Lines rendered before the first step.
        threads: Torch threads.
        bf16: Whether to compute in bfloat16 where autocast allows; by default where the processor has it.
        seed: Of initialisation and sampling.
    """

    run: Path = Path("runs/crnn")
    minutes: float = 60.0
    batch_pixels: int = 16_384
    learning_rate: float = 2e-3
    decay: float = 0.3
    ema_decay: float = 0.9995
    frames_only: float = 0.1
    frames_fade: float = 0.4
    weight_decay: float = 0.02
    anchor: float = 0.0
    warm_steps: int = 500
    freeze_norms: bool = False
    clip: float = 5.0
    checkpoint_minutes: float = 4.0
    validate_minutes: float = 10.0
    warm_lines: int = 6_000
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    bf16: bool = field(default_factory=has_bf16)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.learning_rate <= 0 or self.threads < 1:
            raise ConfigError("minutes, learning_rate and threads of a training must be above 0")
        if not 0 <= self.frames_only <= self.frames_fade <= 1:
            raise ConfigError(
                f"not 0 <= frames_only {self.frames_only} <= frames_fade {self.frames_fade} <= 1"
            )


@dataclass
class Progress:
    """What a resumed run goes on from, beside weights and optimiser."""

    seconds: float = 0.0
    steps: int = 0
    lines: int = 0


CHECKPOINT = "checkpoint.pt"
"""Name of the checkpoint in a run's folder."""

_LOG_MINUTES = 0.5

Log = Callable[[dict[str, Any]], None]
Validate = Callable[[CRNN], dict[str, float]]


class Trainer:
    """One run: a model, its optimiser, and how far it has come.

    Args:
        model: Trained in place.
        charset: Of the pool's labels; used for nothing but checks.
        config: How to train.
        validate: Measures the model on real crops; its figures go into the log.
        log: Called with each log record, after it is written to ``run/log.jsonl``.
        finish: Called with the model when the cycle is over, before it is saved and measured.
        clock: What measures the seconds of the cycle, by default the wall's; ``time.thread_time``, the
            processor's, makes runs comparable on a machine that has other work.

    Raises:
        ocrpipe.errors.ConfigError: The charset has not as many classes as the model.
    """

    def __init__(
        self,
        model: CRNN,
        charset: Charset,
        config: TrainConfig,
        *,
        validate: Validate | None = None,
        log: Log | None = None,
        finish: Callable[[CRNN], None] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if model.config.classes != len(charset):
            raise ConfigError(f"the model has {model.config.classes} classes, the charset {len(charset)}")
        self.model = model
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config = config
        self.progress = Progress()
        decayed = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.ema = _copied(model.state_dict()) if config.ema_decay else {}
        self._start = [p.detach().clone() for p in model.parameters()] if config.anchor else []
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=True)
        self._validate, self._log, self._finish = validate, log, finish
        self._clock = clock or time.monotonic
        self._rng = np.random.default_rng(config.seed)
        self._generator = torch.Generator().manual_seed(config.seed)
        self._stopping = False
        self._done: dict[str, float] = {}
        config.run.mkdir(parents=True, exist_ok=True)

    @property
    def share(self) -> float:
        """How much of the cycle is over, 0..1."""
        return min(1.0, self.progress.seconds / (60 * self.config.minutes))

    def stop(self) -> None:
        """Let ``fit`` end after the current step, with a checkpoint; may be called from a signal handler."""
        self._stopping = True

    def fit(self, pool: LinePool) -> None:
        """Train until the cycle is over, with checkpoints and a log; resumes from the run's checkpoint.

        Raises:
            RuntimeError: A renderer of the pool died.
            ocrpipe.errors.WeightsError: The checkpoint is damaged or another model's.
        """
        config = self.config
        torch.set_num_threads(config.threads)
        self.resume()
        pool.wait(config.warm_lines)
        self._train_mode()
        self._done = dict.fromkeys(("log", "checkpoint", "validation"), time.monotonic())
        losses: list[tuple[float, float]] = []
        lines_before = self.progress.lines
        while self.share < 1 and not self._stopping:
            began = self._clock()
            batch = pool.batch(self._rng, config.batch_pixels)
            losses.append(self.step(batch))
            self.progress.seconds += self._clock() - began
            self.progress.steps += 1
            self.progress.lines += len(batch)
            if passed := self._due("log", _LOG_MINUTES):
                rate = (self.progress.lines - lines_before) / passed
                ctc, frames = (_mean(column) for column in zip(*losses, strict=True))
                self._write(ctc=ctc, frames=frames, lines_per_second=round(rate, 1), rendered=pool.rendered)
                losses, lines_before = [], self.progress.lines
            if self._due("checkpoint", config.checkpoint_minutes):
                self.save()
            if self._due("validation", config.validate_minutes):
                self.validate()
        if self._finish and not self._stopping:
            self._finish(self.model)
        self.save()
        if not self._stopping:
            self.validate()

    def step(self, batch: list[TrainingLine]) -> tuple[float, float]:
        """One optimiser step; returns the CTC loss (NaN while it is off) and the frame-wise loss."""
        images = to_input(np.stack([line.image for line in batch]))
        images += self._rng.normal(0, self._rng.uniform(0, 0.08), images.shape).astype(np.float32)
        inputs = torch.from_numpy(images)[:, None].to(memory_format=torch.channels_last)
        labels = [line.label.tolist() for line in batch]
        centers = [torch.from_numpy(line.centers) for line in batch]
        ctc_share, frame_share = self._schedule()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16):
            features = self.model.features(inputs)
            if frame_share:
                target, weight = frame_targets(labels, centers, features.shape[1], self._generator)
                chosen = weight > 0
            if ctc_share:
                logits = self.model.classify(features)
                framed = logits[chosen] if frame_share else None
            else:  # the large layer only where something is supervised
                framed = self.model.classify(features[chosen])
        if framed is not None:
            frame_loss = _frame_loss(framed, target[chosen], weight[chosen])
        else:
            frame_loss = torch.zeros(())
        ctc_loss = narrow_ctc(logits, labels) if ctc_share else torch.full((), math.nan)
        loss = frame_share * frame_loss + (ctc_share * ctc_loss if ctc_share else 0)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        self.optimizer.step()
        if self._start:
            pull = self.learning_rate() * self.config.anchor
            torch._foreach_lerp_([p.detach() for p in self.model.parameters()], self._start, pull)
        self._follow()
        return float(ctc_loss.detach()), float(frame_loss.detach())

    def learning_rate(self) -> float:
        """Warm-up over the first steps, then constant, then linear decay to a hundredth."""
        warm = min(1.0, (self.progress.steps + 1) / self.config.warm_steps)
        left = min(1.0, (1 - self.share) / max(1e-9, self.config.decay))
        return self.config.learning_rate * warm * max(0.01, left)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average of the weights towards the live ones; faster in the beginning."""
        if not self.ema:
            return
        towards = 1 - min(self.config.ema_decay, (1 + self.progress.steps) / (10 + self.progress.steps))
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point():
                self.ema[name].lerp_(tensor, towards)
            else:
                self.ema[name].copy_(tensor)

    def averaged(self) -> CRNN:
        """A copy of the model with the averaged weights, or with the live ones where there is no average."""
        model = CRNN(self.model.config)
        model.load_state_dict(self.ema or self.model.state_dict())
        return model.eval()

    def _schedule(self) -> tuple[float, float]:
        """Weights of CTC and of the frame-wise loss."""
        config, share = self.config, self.share
        if share < config.frames_only:
            return 0.0, 1.0
        fade = max(0.0, (config.frames_fade - share) / max(1e-9, config.frames_fade - config.frames_only))
        return 1.0 - 0.7 * fade, 2 * fade

    def validate(self) -> None:
        """Measure on real crops and log the figures."""
        if self._validate:
            with torch.inference_mode():
                self._write(**self._validate(self.averaged()))

    def _train_mode(self) -> None:
        self.model.train()
        if self.config.freeze_norms:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename."""
        path = self.config.run / CHECKPOINT
        state = {
            "model": self.model.state_dict(),
            "ema": self.ema,
            "model_config": self.model.config.to_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
            "random": (self._rng.bit_generator.state, self._generator.get_state(), random.getstate()),
        }
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def resume(self) -> bool:
        """Go on from the run's checkpoint; returns whether there was one.

        Raises:
            ocrpipe.errors.WeightsError: It is damaged or another model's.
        """
        path = self.config.run / CHECKPOINT
        if not path.exists():
            return False
        state = load_checkpoint(path)
        if CRNNConfig.from_dict(state["model_config"]) != self.model.config:
            raise WeightsError(f"{path} is of another model: {state['model_config']}")
        self.model.load_state_dict(state["model"])
        if self.ema:
            self.ema = _copied(state.get("ema") or state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        numpy_state, torch_state, python_state = state["random"]
        self._rng.bit_generator.state = numpy_state
        self._generator.set_state(torch_state)
        random.setstate(python_state)
        return True

    def _due(self, what: str, minutes: float) -> float:
        """Seconds since it was last done if they are that many minutes, else 0; it counts as done then."""
        now = time.monotonic()
        passed = now - self._done[what]
        if passed < 60 * minutes:
            return 0.0
        self._done[what] = now
        return passed

    def _write(self, **figures: float) -> None:
        record = {
            "minutes": round(self.progress.seconds / 60, 2),
            "step": self.progress.steps,
            "lines": self.progress.lines,
            "learning_rate": round(self.learning_rate(), 6),
            **{key: round(value, 4) for key, value in figures.items() if not math.isnan(value)},
        }
        with (self.config.run / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self._log:
            self._log(record)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """What ``Trainer.save`` wrote.

    Raises:
        ocrpipe.errors.WeightsError: It is damaged, or something else.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        _ = state["model"], state["model_config"]
    except Exception as error:  # torch.load raises anything from OSError to UnpicklingError
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{path} is no checkpoint of a CRNN: {reason}") from error
    return state


def averaged_weights(state: dict[str, Any]) -> dict[str, Tensor]:
    """The averaged weights of a checkpoint, or the live ones where the run kept no average."""
    weights: dict[str, Tensor] = state.get("ema") or state["model"]
    return weights


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def build(charset: Charset, config: CRNNConfig | None = None, seed: int = 0) -> CRNN:
    """A freshly initialised model for a charset; the blank starts likely, as it is in most frames."""
    torch.manual_seed(seed)
    model = CRNN(config or CRNNConfig(len(charset)))
    with torch.no_grad():
        model.classify.bias.zero_()
        model.classify.bias[0] = 2.0
    return model


def _frame_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    losses = F.cross_entropy(logits.float(), target, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp_min(1.0)


def _mean(losses: Sequence[float]) -> float:
    """Mean of those that are numbers, NaN where none is."""
    numbers = [loss for loss in losses if not math.isnan(loss)]
    return sum(numbers) / len(numbers) if numbers else math.nan
