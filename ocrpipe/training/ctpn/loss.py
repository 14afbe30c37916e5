"""The multi-task loss of the CTPN: cross-entropy of scores, smooth L1 of vertical coordinates and sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from ocrpipe.detectors.ctpn.model import Prediction
from ocrpipe.training.ctpn.targets import Targets

NEGATIVES = 3
"""Negatives sampled for each positive."""
VERTICAL_WEIGHT = 1.0
SIDE_WEIGHT = 2.0
_MIN_NEGATIVES = 256
"""Sampled from a batch with little or no text."""
_FAR_WEIGHT = 0.1
"""Weight of an end out of reach beside one within; there are about ten times as many."""
_SMOOTH = 1 / 9
"""Where smooth L1 turns from squared to linear; vertical coordinates are mostly below a tenth."""


class Batch(NamedTuple):
    """Targets of B images as tensors.

    Attributes:
        labels: int8, B×rows×columns×k, see ``Targets``.
        positives: int64, P indices into the flattened ``labels``.
        negatives: int64, N indices into the flattened ``labels``.
        vertical: float32, P×2.
        side: float32, P×2.
        near: bool, P×2.
    """

    labels: Tensor
    positives: Tensor
    negatives: Tensor
    vertical: Tensor
    side: Tensor
    near: Tensor

    @classmethod
    def of(cls, targets: Sequence[Targets]) -> Batch:
        """Join the targets of several images of one size, on the CPU."""
        labels = np.stack([t.labels for t in targets])
        size = targets[0].labels.size
        return cls(
            torch.from_numpy(labels),
            torch.from_numpy(np.concatenate([t.index + i * size for i, t in enumerate(targets)])),
            torch.from_numpy(np.flatnonzero(labels == 0)),
            torch.from_numpy(np.concatenate([t.vertical for t in targets])),
            torch.from_numpy(np.concatenate([t.side for t in targets])),
            torch.from_numpy(np.concatenate([t.near for t in targets])),
        )

    def map(self, move: Callable[[Tensor], Tensor]) -> Batch:
        """With each tensor moved, for instance to a device."""
        return Batch(*map(move, self))


class Loss(NamedTuple):
    """The parts of the loss, unweighted, and their weighted sum."""

    total: Tensor
    score: Tensor
    vertical: Tensor
    side: Tensor


def ctpn_loss(prediction: Prediction, batch: Batch, generator: torch.Generator | None = None) -> Loss:
    """Loss of a batch.

    All positives count, with three negatives each: half of them the hardest (online hard example mining),
    half drawn at random from the background. Coordinates and sides are averaged over the positives, so that a
    batch without text costs only its negatives.

    Args:
        prediction: Of the network.
        batch: Targets, on the same device.
        generator: Draws the random negatives; of that device.
    """
    logits = prediction.score.flatten()
    positive = logits[batch.positives]
    sampled = _sample(logits.detach(), batch.negatives, len(batch.positives), generator)
    chosen = torch.cat([positive, logits[sampled]])
    target = torch.cat([torch.ones_like(positive), torch.zeros_like(logits[sampled])])
    score = binary_cross_entropy_with_logits(chosen, target)

    coordinates = prediction.vertical.view(-1, 2)[batch.positives]
    vertical = smooth_l1_loss(coordinates, batch.vertical, reduction="sum", beta=_SMOOTH)
    vertical = vertical / max(1, len(batch.positives))
    ends = prediction.side.view(-1, 2)[batch.positives]
    weight = torch.where(batch.near, 1.0, _FAR_WEIGHT)
    side = weight * smooth_l1_loss(ends, batch.side, reduction="none", beta=_SMOOTH)
    side = side.sum() / weight.sum().clamp(min=1)
    return Loss(score + VERTICAL_WEIGHT * vertical + SIDE_WEIGHT * side, score, vertical, side)


def _sample(logits: Tensor, negatives: Tensor, positives: int, generator: torch.Generator | None) -> Tensor:
    """Indices of the negatives that count."""
    count = min(len(negatives), max(NEGATIVES * positives, _MIN_NEGATIVES))
    if not count:
        return negatives
    hard = negatives[logits[negatives].topk(count // 2).indices]
    size = (count - count // 2,)
    drawn = torch.randint(len(negatives), size, generator=generator, device=negatives.device)
    return torch.cat([hard, negatives[drawn]])
