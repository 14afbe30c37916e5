"""Settings of the recogniser's training and fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocrpipe.errors import ConfigError
from ocrpipe.training.config import TrainConfig


@dataclass(frozen=True)
class CRNNTrainConfig(TrainConfig):
    """How to train a CRNN.

    Attributes:
        batch_pixels: Sum of the input widths of a batch (64 lines of 256 px by default).
        frames_only: Fraction of the run, its first, with frame-wise supervision alone.
        frames_fade: Fraction of the run at which frame-wise supervision has faded out.
        device_effects: Whether lines are rendered clean and get their scan effects on the device, others
            each time they are used (see ``batches``).
        views: With ``device_effects``: times that a rendered line is to be used on average.
    """

    run: Path = Path("runs/crnn")
    prefetch: int = 6_000
    batch_pixels: int = 16_384
    frames_only: float = 0.1
    frames_fade: float = 0.4
    device_effects: bool = False
    views: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.frames_only <= self.frames_fade <= 1:
            raise ConfigError(
                f"not 0 <= frames_only {self.frames_only} <= frames_fade {self.frames_fade} <= 1"
            )
        if self.views < 1:
            raise ConfigError(f"views must be at least 1, not {self.views}")


@dataclass(frozen=True)
class FinetuneConfig(CRNNTrainConfig):
    """How to fine-tune a CRNN: a short run from trained weights, with CTC alone.

    Attributes:
        hold_out: Fraction of the lines that is measured on, not trained on.
        mix: Fraction of rendered lines among those trained on.
        interpolation: Position of the final weights on the way from the starting to the fine-tuned ones,
            above 0, at most 1. Short of 1 most of what was learnt is kept and little is forgotten (WiSE-FT,
            arXiv 2109.01903).
    """

    run: Path = Path("runs/finetune")
    minutes: float = 5.0
    batch_pixels: int = 6_144
    learning_rate: float = 6e-4
    decay: float = 0.7
    ema_decay: float = 0.0
    frames_only: float = 0.0
    frames_fade: float = 0.0
    weight_decay: float = 0.0
    warmup_steps: int = 30
    freeze_batch_norm: bool = True
    checkpoint_minutes: float = 1.0
    validate_minutes: float = 2.0
    prefetch: int = 1_000
    hold_out: float = 0.1
    mix: float = 0.5
    interpolation: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames_fade > 0:
            raise ConfigError("frames_fade must be 0: the characters' places in corrected lines are unknown")
        if not (0 <= self.hold_out < 1 and 0 <= self.mix < 1):
            raise ConfigError(f"hold_out {self.hold_out} and mix {self.mix} must be in 0..1, without 1")
        if not 0 < self.interpolation <= 1:
            raise ConfigError(f"interpolation {self.interpolation} must be above 0 and at most 1")
        if self.ema_decay and self.interpolation < 1:
            raise ConfigError("with an ema_decay above 0, interpolation must be 1")
