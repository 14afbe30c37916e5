"""Averages of two sets of weights that come from the same training.

Such averages are often better than either: Wortsman et al., "Model soups", arXiv 2203.05482; of the weights
before and after fine-tuning: "Robust fine-tuning of zero-shot models" (WiSE-FT), arXiv 2109.01903.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.pretrained.loader import load


def interpolate(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], fraction: float
) -> dict[str, Tensor]:
    """Weights at ``fraction`` of the way from the first to the second, in float32, on the first's device.

    Integers, such as counts of batches, are the first's.
    """
    return {
        name: tensor.float().lerp(second[name].to(tensor.device, torch.float32), fraction)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in first.items()
    }


def average_with(
    tensors: Mapping[str, Tensor], config: dict[str, Any], other: str | Path, fraction: float
) -> dict[str, Tensor]:
    """The weighted mean of a model's weights and of others from the same training.

    Args:
        tensors: The model's state.
        config: Its configuration.
        other: Name or path of the other weights.
        fraction: Weight of the other ones, above 0 and below 1.

    Raises:
        ocrpipe.errors.WeightsError: They are missing, damaged or of another shape.
        ocrpipe.errors.ConfigError: The fraction is out of range.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"the fraction of other weights must be above 0 and below 1, not {fraction}")
    others, card = load(other)
    shapes = {name: tensor.shape for name, tensor in others.items()}
    if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
        raise WeightsError(f"the weights {other} are of another shape: {card.config}, not {config}")
    return interpolate(tensors, others, fraction)
