"""Settings of the detector's training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ocrpipe.errors import ConfigError
from ocrpipe.training.config import TrainConfig


@dataclass(frozen=True)
class CTPNTrainConfig(TrainConfig):
    """How to train a CTPN: by default the learning rate falls as a cosine over the whole run.

    Attributes:
        batch_size: Crops of a batch.
        crop_size: Side of the crops in pixels, a multiple of 32.
        pages: Pages that each process keeps in memory.
        crops_per_page: Crops made for each new page that is rendered.
    """

    run: Path = Path("runs/ctpn")
    minutes: float = 240.0
    warmup_steps: int = 200
    decay: float = 1.0
    decay_shape: str = "cosine"
    beta2: float = 0.999
    weight_decay: float = 1e-2
    ema_decay: float = 0.998
    prefetch: int = 64
    checkpoint_minutes: float = 5.0
    validate_minutes: float = 5.0
    threads: int = 1  # threads that wait for a core that renders stall the others
    batch_size: int = 8
    crop_size: int = 640
    pages: int = 48
    crops_per_page: int = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size < 1 or self.pages < 1 or self.crops_per_page < 1:
            raise ConfigError("batch_size, pages and crops_per_page must be at least 1")
        if self.crop_size < 32 or self.crop_size % 32:
            raise ConfigError(f"crop_size must be a multiple of 32, not {self.crop_size}")
