"""Settings of the training loop that both models share."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ocrpipe.errors import ConfigError
from ocrpipe.training.schedule import SHAPES, Schedule


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the models' own configurations extend it and set their defaults.

    Attributes:
        run: Folder of the checkpoint and the log.
        minutes: Length of the run, all of its sessions together. The schedule follows the time spent, so that
            the run ends on time however busy the machine is.
        max_steps: End after so many steps even if there is time left; the schedule follows these too.
        learning_rate: Peak, held from the end of the warm-up to the beginning of the decay.
        warmup_steps: Steps of the linear warm-up.
        decay: Fraction of the run, its last, over which the learning rate falls to a hundredth.
        decay_shape: How it falls: "linear" or "cosine".
        beta2: Decay of AdamW's second moment; that of the first is 0.9.
        weight_decay: AdamW's, of matrices and kernels; biases and norms have none.
        grad_clip: Largest norm of the gradient.
        ema_decay: Decay a step of the exponential moving average of the weights, which is what is validated
            and exported; 0 for no average.
        l2_sp: L2-SP strength: pull towards the starting weights, times the learning rate, a step (Li et al.,
            arXiv 1802.01483).
        freeze_batch_norm: Whether batch normalisation keeps its running statistics instead of taking each
            batch's.
        prefetch: Examples rendered before the first step.
        log_minutes: Time between log records.
        checkpoint_minutes: Time between checkpoints.
        validate_minutes: Time between validations.
        device: "cpu", "cuda" or "cuda:N".
        bf16: Whether to compute in bfloat16 where autocast allows; by default where the device has
            instructions for it.
        threads: Torch threads.
        seed: Of initial weights, of what is rendered and of what is drawn.
    """

    run: Path = Path("runs/model")
    minutes: float = 60.0
    max_steps: int | None = None
    learning_rate: float = 2e-3
    warmup_steps: int = 500
    decay: float = 0.3
    decay_shape: str = "linear"
    beta2: float = 0.98
    weight_decay: float = 0.02
    grad_clip: float = 5.0
    ema_decay: float = 0.9995
    l2_sp: float = 0.0
    freeze_batch_norm: bool = False
    prefetch: int = 1_000
    log_minutes: float = 0.5
    checkpoint_minutes: float = 4.0
    validate_minutes: float = 10.0
    device: str = "cpu"
    bf16: bool | None = None
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.minutes <= 0 or self.learning_rate <= 0 or self.threads < 1:
            raise ConfigError("minutes, learning_rate and threads must be above 0")
        if self.warmup_steps < 1 or (self.max_steps is not None and self.max_steps < 1):
            raise ConfigError("warmup_steps and max_steps must be at least 1")
        if self.decay_shape not in SHAPES:
            raise ConfigError(f"decay_shape must be one of {', '.join(SHAPES)}, not {self.decay_shape!r}")
        if not (0 <= self.decay <= 1 and 0 <= self.ema_decay < 1 and 0 <= self.beta2 < 1):
            raise ConfigError("decay must lie in 0..1, ema_decay and beta2 in 0..1 without 1")
        if self.grad_clip <= 0 or self.weight_decay < 0 or self.l2_sp < 0:
            raise ConfigError("grad_clip must be above 0, weight_decay and l2_sp not below 0")

    @property
    def schedule(self) -> Schedule:
        """The learning rate over the run."""
        return Schedule(self.learning_rate, self.warmup_steps, self.decay, self.decay_shape)
