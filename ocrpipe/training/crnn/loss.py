"""CTC over a large alphabet at the cost of a small one, and frame-wise supervision to start with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.recognizers.crnn.charset import BLANK

_GPU_ELEMENTS = 2**29
"""Logits that are converted to float32 at a time on a GPU."""


class _NarrowCTC(torch.autograd.Function):
    """See ``narrow_ctc``.

    With logits z and L = logsumexp(z), the log-probabilities of the columns in use are z[columns] - L, and
    the gradient with respect to all logits is w·softmax(z) with w·posterior subtracted in the columns in use:
    exact.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, columns: Tensor, used: Tensor, targets: Tensor, lengths: Tensor
    ) -> Tensor:
        n, t, _ = logits.shape
        step = _samples_at_once(logits)
        normaliser = torch.cat(
            [part.float().logsumexp(-1, keepdim=True) for part in torch.split(logits, step)]
        )
        index = columns[:, None].expand(n, t, -1)
        log_probs = logits.gather(2, index).float() - normaliser
        total, posterior, factor = narrow_posterior(log_probs, used, targets, lengths)
        weight = factor.view(n, 1, 1)
        ctx.save_for_backward(logits, normaliser, index, posterior * weight, weight)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None, None, None]:
        logits, normaliser, index, posterior, weight = ctx.saved_tensors
        weight, posterior = weight * upstream[0], posterior * upstream[0]
        grads = torch.empty_like(logits)
        tensors = (grads, logits, normaliser, weight, index, posterior)
        parts = (torch.split(tensor, _samples_at_once(logits)) for tensor in tensors)
        for grad, sample, level, factor, columns, learnt in zip(*parts, strict=True):
            probability = (sample.float() - level).exp_().mul_(factor)
            grad.copy_(probability.scatter_add_(2, columns, -learnt))
        return grads, None, None, None, None


def _samples_at_once(logits: Tensor) -> int:
    """Single samples on a CPU, whose cache holds a float32 copy of one; as many as fit on a GPU."""
    if logits.device.type == "cpu":
        return 1
    return max(1, _GPU_ELEMENTS // (logits.shape[1] * logits.shape[2]))


def narrow_posterior(
    log_probs: Tensor, used: Tensor, targets: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """CTC over the columns of each sample's own characters.

    PyTorch's ctc_loss returns, for log-probabilities lp, the gradient exp(lp) - posterior, since it expects a
    log_softmax to follow.

    Args:
        log_probs: (N, T, K), of the blank and the columns in use.
        used: (N, K), whether a column is.
        targets: Labels as columns, one after another or (N, L).
        lengths: (N,) characters of each label, on the CPU.

    Returns:
        The mean loss per character; (N, T, K) posterior probability of each column, 0 of unused ones; (N,)
        weight w of each sample in the mean, 0 where no alignment fits and nothing is to be learnt.
    """
    n, t, _ = log_probs.shape
    counts = lengths.to(log_probs.device, non_blocking=True)
    log_probs = log_probs.detach().requires_grad_()
    with torch.enable_grad():
        losses = F.ctc_loss(
            log_probs.transpose(0, 1),
            targets,
            torch.full((n,), t),  # lengths stay on the CPU, where ctc_loss wants them
            lengths,
            reduction="none",
            zero_infinity=True,
        )
        (grad,) = torch.autograd.grad(losses.sum(), log_probs)
    possible = losses > 0
    posterior = (log_probs.detach().exp() - grad) * (used & possible[:, None])[:, None]
    return (losses.detach() / counts).mean(), posterior, possible / (counts * n)


def narrow_columns(labels: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Columns of the logits that each sample's label needs.

    Returns:
        (N, K) class indices of each sample's characters, the blank first and as padding; (N, K) whether a
        column is used; all labels as columns, one after another; (N,) their lengths.
    """
    classes = [sorted(set(label)) for label in labels]
    columns = torch.full((len(labels), 1 + max(map(len, classes))), BLANK)
    narrow: list[int] = []
    for i, (label, own) in enumerate(zip(labels, classes, strict=True)):
        columns[i, 1 : 1 + len(own)] = torch.tensor(own)
        place = {c: j for j, c in enumerate(own, start=1)}
        narrow += [place[c] for c in label]
    used = columns != BLANK
    used[:, 0] = True
    return columns, used, torch.tensor(narrow), torch.tensor([len(label) for label in labels])


def narrow_ctc(logits: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """CTC loss per label character, averaged over the batch; equals ``F.ctc_loss`` of a full log-softmax.

    Args:
        logits: (N, T, classes); the blank is class 0 and every frame counts.
        labels: N non-empty sequences of class indices.
    """
    *tensors, lengths = narrow_columns(labels)
    columns, used, targets = (tensor.to(logits.device, non_blocking=True) for tensor in tensors)
    loss: Tensor = _NarrowCTC.apply(logits, columns, used, targets, lengths)  # type: ignore[no-untyped-call]
    return loss


def padded_ctc(logits: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    """``narrow_ctc`` of labels in one tensor; nothing is computed by sample, and nothing waits for a GPU.

    Args:
        logits: (N, T, classes).
        labels: (N, L) class indices on the device of ``logits``, padded with the blank.
        lengths: (N,) on the CPU, at least 1.
    """
    places = torch.arange(labels.shape[1], device=labels.device)
    same = labels[:, :, None] == labels[:, None, :]
    first = torch.where(same, places, labels.shape[1]).amin(2)  # place of a character's first occurrence
    columns = F.pad(labels, (1, 0), value=BLANK)
    used = F.pad((first == places) & (labels != BLANK), (1, 0), value=True)
    loss: Tensor = _NarrowCTC.apply(logits, columns, used, 1 + first, lengths)  # type: ignore[no-untyped-call]
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


def padded_frame_targets(
    labels: Tensor, centers: Tensor, frames: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Frame-wise targets as those of ``frame_targets``, on the device and of a size known beforehand.

    Blanks are drawn from one frame of each three.

    Args:
        labels: (N, L) class indices.
        centers: (N, L) positions in frames, negative where there is none.
        frames: Frames of the batch.
        generator: Of the device.

    Returns:
        (F,) indices of supervised frames among all N × frames, their classes and weights; 0 where a frame
        does not count.
    """
    n, device = len(labels), labels.device
    known = centers >= 0
    at = centers.long().clamp(0, frames - 1)
    near = torch.zeros((n, frames + 1), dtype=torch.bool, device=device)
    for beside in (at - 1, at, at + 1):
        near.scatter_(1, torch.where(known, beside.clamp(0, frames - 1), frames), True)
    groups = torch.arange(0, frames, 3, device=device)
    drawn = torch.randint(3, (n, len(groups)), generator=generator, device=device)
    blanks = (groups + drawn).clamp(max=frames - 1)
    free = ~near.gather(1, blanks) & known.any(1, keepdim=True)
    rows = torch.arange(n, device=device)[:, None] * frames
    index = torch.cat([rows + at, rows + blanks], 1).flatten()
    target = torch.cat([labels, torch.full_like(blanks, BLANK)], 1).flatten()
    weight = torch.cat([known.float(), 0.25 * free.float()], 1).flatten()
    return index, target, weight
