"""CTC over a large alphabet at the cost of a small one, and frame-wise supervision to start with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.recognizers.crnn.charset import BLANK

_GPU_SAMPLES = 16
"""Samples that are converted to float32 at a time on a GPU."""


class _NarrowCTC(torch.autograd.Function):
    """See ``narrow_ctc``.

    With logits z and L = logsumexp(z), the log-probabilities of the columns in use are z[columns] - L.
    PyTorch's ctc_loss returns, for log-probabilities lp, the gradient w·(exp(lp) - posterior), since it
    expects a log_softmax to follow. So posterior·w = w·exp(lp) - that gradient, and the gradient with respect
    to all logits is w·softmax(z) with posterior·w subtracted in the columns in use: exact.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
        n, t, _ = logits.shape
        device = logits.device
        normaliser = torch.cat([part.float().logsumexp(-1, keepdim=True) for part in _parts(logits)])
        classes = [sorted(set(label)) for label in labels]
        width = 1 + max(map(len, classes))
        columns = torch.full((n, width), BLANK)
        narrow: list[int] = []
        for i, (label, own) in enumerate(zip(labels, classes, strict=True)):
            columns[i, 1 : 1 + len(own)] = torch.tensor(own)
            place = {c: j for j, c in enumerate(own, start=1)}
            narrow += [place[c] for c in label]
        lengths = torch.tensor([len(label) for label in labels])
        used = columns != BLANK
        used[:, 0] = True
        columns, used, targets, counts = (
            tensor.to(device, non_blocking=True) for tensor in (columns, used, torch.tensor(narrow), lengths)
        )
        index = columns[:, None].expand(n, t, -1)
        log_probs = (logits.gather(2, index).float() - normaliser).requires_grad_()
        with torch.enable_grad():
            losses = F.ctc_loss(
                log_probs.transpose(0, 1),
                targets,
                torch.full((n,), t),  # lengths stay on the CPU, where ctc_loss wants them
                lengths,
                reduction="none",
                zero_infinity=True,
            )
            total = (losses / counts).mean()
            (grad,) = torch.autograd.grad(total, log_probs)
        # Where no alignment fits, the loss is zeroed and nothing is to be learnt.
        weight = ((losses > 0) / (counts * n)).view(n, 1, 1)
        posterior = (weight * log_probs.detach().exp() - grad) * used[:, None] * (weight > 0)
        ctx.save_for_backward(logits, normaliser, index, posterior, weight)
        return total.detach()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        logits, normaliser, index, posterior, weight = ctx.saved_tensors
        weight, posterior = weight * upstream[0], posterior * upstream[0]
        grads = torch.empty_like(logits)
        tensors = (grads, logits, normaliser, weight, index, posterior)
        for grad, sample, level, factor, columns, learnt in zip(*map(_parts, tensors), strict=True):
            probability = (sample.float() - level).exp_().mul_(factor)
            grad.copy_(probability.scatter_add_(2, columns, -learnt))
        return grads, None


def _parts(tensor: Tensor) -> tuple[Tensor, ...]:
    """Single samples on a CPU, whose cache holds a float32 copy of one; larger parts of a batch on a GPU."""
    return torch.split(tensor, 1 if tensor.device.type == "cpu" else _GPU_SAMPLES)


def narrow_ctc(logits: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """CTC loss per label character, averaged over the batch; equals ``F.ctc_loss`` of a full log-softmax.

    Args:
        logits: (N, T, classes); the blank is class 0 and every frame counts.
        labels: N non-empty sequences of class indices.
    """
    loss: Tensor = _NarrowCTC.apply(logits, labels)  # type: ignore[no-untyped-call]
    return loss


def frame_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean cross-entropy of F frames: logits (F, classes), class indices (F,), weights (F,)."""
    losses = F.cross_entropy(logits.float(), target, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp_min(1.0)


def frame_targets(
    labels: Sequence[Sequence[int]], centers: Sequence[Tensor], frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Frame-wise targets from known character positions, on the CPU.

    The frame nearest a character's centre carries its class; the frames beside it nothing; of the others a
    third carry the blank, at a quarter of the weight.

    Args:
        labels: Class indices of each sample.
        centers: Positions of the same characters, in frames; empty where they are unknown, and nothing of the
            sample is supervised.
        frames: Frames of the batch.
        generator: Chooses the blanks; of the CPU.

    Returns:
        (N, frames) class indices and (N, frames) weights, 0 where a frame is not supervised.
    """
    n = len(labels)
    target = torch.full((n, frames), BLANK)
    weight = (torch.rand(n, frames, generator=generator) < 1 / 3).float() * 0.25
    counts = torch.tensor([len(center) for center in centers])
    weight[counts == 0] = 0
    row = torch.arange(n).repeat_interleave(counts)
    at = torch.cat(list(centers)).long().clamp(0, frames - 1)
    for beside in (at - 1, at + 1):
        weight[row, beside.clamp(0, frames - 1)] = 0
    weight[row, at] = 1
    known = (label for label, center in zip(labels, centers, strict=True) if len(center))
    target[row, at] = torch.tensor(list(chain.from_iterable(known)), dtype=torch.long)
    return target, weight
