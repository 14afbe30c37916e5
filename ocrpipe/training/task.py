"""What the training loop is given: a model with its loss, and batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ocrpipe.training.randomness import Randomness

Model = TypeVar("Model", bound=nn.Module)
Example = TypeVar("Example")
Example_co = TypeVar("Example_co", covariant=True)


class Batches(Protocol[Example_co]):
    """Where batches come from, for instance an ``ocrpipe.training.loader.DataLoader``."""

    @property
    def rendered(self) -> int:
        """Examples rendered so far."""

    def wait(self, examples: int) -> None:
        """Return when so many examples are ready, or as many as are rendered ahead."""

    def batch(self, rng: np.random.Generator) -> Sequence[Example_co]:
        """The examples of the next step."""


def _not_timed(phase: str) -> None:
    pass


@dataclass(frozen=True)
class Context:
    """What a loss may use beside model and batch.

    Attributes:
        device: Where the model is.
        bf16: Whether to compute in bfloat16.
        fraction: Of the run that is over, 0..1.
        random: Generators.
        mark: Called with the name of a phase of the step when it has ended, to time it.
    """

    device: torch.device
    bf16: bool
    fraction: float
    random: Randomness
    mark: Callable[[str], None] = field(default=_not_timed)

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision for the model's forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def tensor(self, data: NDArray[Any] | Tensor) -> Tensor:
        """The data on the device, copied in the background where that is a GPU."""
        tensor = data if isinstance(data, Tensor) else torch.from_numpy(data)
        if self.device.type == "cpu":
            return tensor
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        return pinned.to(self.device, non_blocking=True)


@dataclass(frozen=True)
class Task(Generic[Model, Example]):
    """A model and what it learns.

    Attributes:
        kind: Of the model, "crnn" or "ctpn".
        model: Trained in place.
        model_config: Its configuration, for the checkpoint.
        losses: Gives a batch's losses by name, scalar tensors on the device: "loss" is minimised, the others
            are logged.
        charset: Characters of classes 1, 2, …; empty for a detector.
    """

    kind: str
    model: Model
    model_config: dict[str, Any]
    losses: Callable[[Model, Sequence[Example], Context], dict[str, Tensor]]
    charset: str = ""
