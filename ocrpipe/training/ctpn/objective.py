"""What the detector learns from a batch of crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ocrpipe.detectors.ctpn.model import CTPN, CTPNConfig
from ocrpipe.errors import WeightsError
from ocrpipe.pretrained.loader import load
from ocrpipe.training.ctpn.crops import TrainingCrop
from ocrpipe.training.ctpn.loss import Batch, ctpn_loss
from ocrpipe.training.task import Context, Task


def ctpn_task(network: CTPN) -> Task[CTPN, TrainingCrop]:
    """Training of a network on crops of pages."""
    return Task("ctpn", network, network.config.to_dict(), crop_losses)


def crop_losses(network: CTPN, batch: Sequence[TrainingCrop], context: Context) -> dict[str, Tensor]:
    """Losses of a batch of crops of one size, scalar tensors on the network's device.

    "loss" is the weighted sum of its parts "score", "vertical" and "side".
    """
    images = context.tensor(np.stack([crop.image for crop in batch]))
    targets = Batch.of([crop.targets for crop in batch]).map(context.tensor)
    with context.autocast():
        prediction = network(images)
    loss = ctpn_loss(prediction, targets, context.random.device)
    return {"loss": loss.total, "score": loss.score, "vertical": loss.vertical, "side": loss.side}


def new_network(config: CTPNConfig | None = None, seed: int = 0) -> CTPN:
    """A freshly initialised network."""
    torch.manual_seed(seed)
    return CTPN(config)


def starting_network(start: str, config: CTPNConfig | None = None) -> CTPN:
    """The network of weights to start from.

    Args:
        start: Name of the package's own weights, or a path.
        config: The shape that they must have; by default any.

    Raises:
        ocrpipe.errors.WeightsError: They are missing, damaged or of another shape.
    """
    tensors, card = load(start)
    network = CTPN(CTPNConfig.from_dict(card.config))
    if config is not None and network.config != config:
        raise WeightsError(f"{start} holds a network of another shape: {card.config}")
    network.load_state_dict(tensors)
    return network
