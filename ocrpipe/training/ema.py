"""Exponential moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class EMA:
    """The average of a model's state over the steps of a training.

    Args:
        model: Its present state is what the average begins with.
        decay: Weight of the earlier average in a step, below 1.

    Attributes:
        tensors: The average, in the layout of ``model.state_dict()`` and on the model's device.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.tensors = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow the model after a step, counted from 0.

        The decay grows with the steps, so that the average forgets the starting weights soon.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        averages, values = [], []
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                averages.append(self.tensors[name])
                values.append(tensor)
            else:
                self.tensors[name].copy_(tensor)
        torch._foreach_lerp_(averages, values, 1 - decay)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from an average that was saved, wherever its tensors are."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])
