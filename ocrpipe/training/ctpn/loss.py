"""The multi-task loss of the CTPN: cross-entropy of scores, smooth L1 of vertical coordinates and sides."""

from __future__ import annotations

from collections.abc import Sequence
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
_FAR = 0.1
"""Weight of an end out of reach beside one within; there are about ten times as many."""
_SMOOTH = 1 / 9
"""Where smooth L1 turns from squared to linear; vertical coordinates are mostly below a tenth."""


class Batch(NamedTuple):
    """Targets of B images as tensors; ``positives`` point into the batch's flattened ``labels``."""

    labels: Tensor
    positives: Tensor
    vertical: Tensor
    side: Tensor
    near: Tensor

    @classmethod
    def of(cls, targets: Sequence[Targets]) -> Batch:
        """Join the targets of several images of one size."""
        shift = targets[0].labels.size
        return cls(
            torch.from_numpy(np.stack([t.labels for t in targets])),
            torch.from_numpy(np.concatenate([t.index + i * shift for i, t in enumerate(targets)])),
            torch.from_numpy(np.concatenate([t.vertical for t in targets])),
            torch.from_numpy(np.concatenate([t.side for t in targets])),
            torch.from_numpy(np.concatenate([t.near for t in targets])),
        )


class Loss(NamedTuple):
    """The parts of the loss, unweighted, and their weighted sum."""

    total: Tensor
    score: Tensor
    vertical: Tensor
    side: Tensor


def ctpn_loss(prediction: Prediction, batch: Batch) -> Loss:
    """Loss of a batch.

    All positives count, with three negatives each: half of them the hardest, half drawn at random, so that
    the score learns where it errs and still sees the plain background. Coordinates and sides are averaged
    over the positives, so that a batch without text costs only its negatives.
    """
    logits = prediction.score.flatten()
    positive = logits[batch.positives]
    negative = logits[_sample(logits.detach(), batch.labels.flatten(), len(batch.positives))]
    chosen = torch.cat([positive, negative])
    wanted = torch.cat([torch.ones_like(positive), torch.zeros_like(negative)])
    score = binary_cross_entropy_with_logits(chosen, wanted)

    found = prediction.vertical.view(-1, 2)[batch.positives]
    vertical = smooth_l1_loss(found, batch.vertical, reduction="sum", beta=_SMOOTH) / max(
        1, len(batch.positives)
    )
    ends = prediction.side.view(-1, 2)[batch.positives]
    weight = torch.where(batch.near, 1.0, _FAR)
    side = weight * smooth_l1_loss(ends, batch.side, reduction="none", beta=_SMOOTH)
    side = side.sum() / weight.sum().clamp(min=1)
    return Loss(score + VERTICAL_WEIGHT * vertical + SIDE_WEIGHT * side, score, vertical, side)


def _sample(logits: Tensor, labels: Tensor, positives: int) -> Tensor:
    """Indices of the negatives to learn from."""
    negatives = torch.nonzero(labels == 0).squeeze(1)
    count = min(len(negatives), max(NEGATIVES * positives, 256))
    hard = negatives[logits[negatives].topk(count // 2).indices]
    plain = negatives[torch.randint(len(negatives), (count - count // 2,))] if count else negatives
    return torch.cat([hard, plain])
