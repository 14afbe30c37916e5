"""A model and batches that train in milliseconds, for the tests of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ocrpipe.training.config import TrainConfig
from ocrpipe.training.loop import Trainer
from ocrpipe.training.task import Context, Task

Example = TypeVar("Example")
Image = NDArray[np.float32]

IMAGES: list[Image] = list(np.random.default_rng(0).random((8, 1, 4, 4), np.float32))


class Still(Generic[Example]):
    """The same batch again and again."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples, self.rendered = list(examples), len(examples)

    def wait(self, examples: int) -> None:
        pass

    def batch(self, rng: np.random.Generator) -> Sequence[Example]:
        return self.examples


def mean_losses(model: nn.Module, batch: Sequence[Image], context: Context) -> dict[str, Tensor]:
    """The model is to predict the mean of each image, under noise."""
    images = context.tensor(np.stack(batch))
    noise = torch.randn(images.shape, generator=context.random.device, device=images.device)
    with context.autocast():
        predicted = model(images + 0.01 * noise)[:, 0].float()
    squared = (predicted - images.mean((1, 2, 3))).square().mean()
    losses = {"loss": squared, "squared": squared}
    return {**losses, "late": squared} if context.fraction >= 0.5 else losses


def task_of(seed: int = 0, width: int = 4) -> Task[nn.Module, Image]:
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(4 * width, 1)
    return Task("crnn", nn.Sequential(*layers), {"width": width}, mean_losses)


def config_of(run: Path, **changes: Any) -> TrainConfig:
    config = TrainConfig(run=run, minutes=10.0, threads=1, bf16=False, learning_rate=1e-2, warmup_steps=1)
    return replace(config, **changes)


def trainer_of(run: Path, **changes: Any) -> Trainer[nn.Module, Image]:
    return Trainer(task_of(), config_of(run, **changes))


def advance(trainer: Trainer[Any, Any], batch: Sequence[Any], steps: int = 1) -> list[dict[str, float]]:
    """Steps outside of ``fit``, at the run's present fraction."""
    losses = []
    for _ in range(steps):
        losses.append({name: float(loss) for name, loss in trainer.step(batch).items()})
        trainer.progress.steps += 1
        trainer.progress.examples += len(batch)
    return losses
