"""CTC over a large alphabet at the cost of a small one, and frame-wise supervision to start it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.recognizers.crnn.charset import BLANK


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
        # Sample by sample: float32 copies of one sample fit into the cache, those of a batch don't.
        normaliser = torch.stack([sample.float().logsumexp(-1, keepdim=True) for sample in logits])
        own = [sorted(set(label)) for label in labels]
        width = 1 + max(map(len, own))
        columns = torch.full((n, width), BLANK)
        narrow: list[int] = []
        for i, (label, classes) in enumerate(zip(labels, own, strict=True)):
            columns[i, 1 : 1 + len(classes)] = torch.tensor(classes)
            place = {c: j for j, c in enumerate(classes, start=1)}
            narrow += [place[c] for c in label]
        index = columns[:, None].expand(n, t, -1)
        log_probs = (logits.gather(2, index).float() - normaliser).requires_grad_()
        lengths = torch.tensor([len(label) for label in labels])
        frames = torch.full((n,), t)
        with torch.enable_grad():
            losses = F.ctc_loss(
                log_probs.transpose(0, 1),
                torch.tensor(narrow),
                frames,
                lengths,
                reduction="none",
                zero_infinity=True,
            )
            total = (losses / lengths).mean()
            (grad,) = torch.autograd.grad(total, log_probs)
        # Where no alignment fits, the loss is zeroed and nothing is to be learnt.
        weight = ((losses > 0) / (lengths * n)).view(n, 1, 1)
        used = torch.ones(n, 1, width)
        used[:, :, 1:] = (columns[:, None, 1:] != BLANK).float()
        posterior = (weight * log_probs.detach().exp() - grad) * used * (weight > 0)
        ctx.save_for_backward(logits, normaliser, index, posterior, weight)
        return total.detach()

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        logits, normaliser, index, posterior, weight = ctx.saved_tensors
        grads = torch.empty_like(logits)
        weight, posterior = weight * upstream[0], posterior * upstream[0]
        for i, grad in enumerate(grads):
            sample = (logits[i].float() - normaliser[i]).exp_().mul_(weight[i])
            grad.copy_(sample.scatter_add_(1, index[i], -posterior[i]))
        return grads, None


def narrow_ctc(logits: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """CTC loss per label character, meaned over the batch, equal to ``F.ctc_loss`` of a full log-softmax.

    Args:
        logits: (N, T, classes); the blank is class 0 and every frame counts.
        labels: N non-empty sequences of class indices.
    """
    loss: Tensor = _NarrowCTC.apply(logits, labels)  # type: ignore[no-untyped-call]
    return loss


def frame_targets(
    labels: Sequence[Sequence[int]], centers: Sequence[Tensor], frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Frame-wise targets from known character positions.

    The frame nearest a character's centre carries its class; the frames beside it nothing; of the others a
    third carry the blank, at a quarter of the weight.

    Args:
        labels: Class indices of each sample.
        centers: Positions of the same characters, in frames; empty where they are unknown, and nothing of the
            sample is supervised.
        frames: Frames of the batch.
        generator: Chooses the blanks.

    Returns:
        (N, frames) class indices and (N, frames) weights, 0 where a frame is not supervised.
    """
    n = len(labels)
    target = torch.full((n, frames), BLANK)
    weight = (torch.rand(n, frames, generator=generator) < 1 / 3).float() * 0.25
    for i, (label, center) in enumerate(zip(labels, centers, strict=True)):
        if not len(center):
            weight[i] = 0
            continue
        at = center.long().clamp(0, frames - 1)
        for beside in (at - 1, at + 1):
            weight[i, beside.clamp(0, frames - 1)] = 0
        weight[i, at] = 1
        target[i, at] = torch.as_tensor(label)
    return target, weight
