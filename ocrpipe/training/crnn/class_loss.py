"""The class layer and CTC in one, for a CPU: logits stay in the cache, only frames with a gradient go back.

The logits of 10,000 classes and 4,000 frames are 90 MB in bfloat16, and to write and read them several times
takes longer than the products. Here each block of frames is scored, reduced to the probabilities of the
columns in use, and dropped. Going back, blocks are scored anew, but only of frames whose gradient is not
negligible: in a trained network most frames are blanks beyond doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ocrpipe.training.crnn.loss import narrow_columns, narrow_posterior

_FORWARD_FRAMES = 256
"""Frames scored at a time: 5 MB of logits."""
_BACKWARD_FRAMES = 1024
"""Frames of one product with the gradient."""
_NEGLIGIBLE = 5e-4
"""A frame whose blank's probability and posterior both differ from 1 by less has no gradient."""


def class_ctc(
    features: Tensor, layer: nn.Linear, labels: Sequence[Sequence[int]], *, negligible: float = _NEGLIGIBLE
) -> Tensor:
    """``loss.narrow_ctc`` of a class layer's logits, without keeping these.

    Args:
        features: (N, T, D), the layer's input; the products are computed in its type.
        layer: From D features to the classes; the blank is class 0.
        labels: N non-empty sequences of class indices.
        negligible: Frames whose blank's probability and posterior both are above 1 minus this are left out of
            the gradient; with 0 it is exact.
    """
    columns, used, targets, lengths = narrow_columns(labels)
    loss: Tensor = _ClassCTC.apply(  # type: ignore[no-untyped-call]
        features, layer.weight, layer.bias, columns, used, targets, lengths, negligible
    )
    return loss


class _ClassCTC(torch.autograd.Function):
    """See ``class_ctc``."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        columns: Tensor,
        used: Tensor,
        targets: Tensor,
        lengths: Tensor,
        negligible: float,
    ) -> Tensor:
        n, t, _ = features.shape
        frames = features.flatten(0, 1)
        transposed, offset = weight.to(frames.dtype).t(), bias.to(frames.dtype)
        index = columns.repeat_interleave(t, 0)
        probability = torch.empty(index.shape)
        # Buffers of one size: blocks of many sizes would fragment the heap, which never shrinks in training.
        logits = torch.empty((_FORWARD_FRAMES, len(weight)), dtype=frames.dtype)
        scores = torch.empty((_FORWARD_FRAMES, len(weight)))
        for part in _blocks(len(frames), _FORWARD_FRAMES):
            size = part.stop - part.start
            block = scores[:size].copy_(torch.addmm(offset, frames[part], transposed, out=logits[:size]))
            torch.gather(torch.softmax(block, 1, out=block), 1, index[part], out=probability[part])
        probability = probability.view(n, t, -1)
        log_probs = probability.clamp_min(torch.finfo(torch.float32).tiny).log()
        total, posterior, factor = narrow_posterior(log_probs, used, targets, lengths)
        certain = (probability[:, :, 0] > 1 - negligible) & (posterior[:, :, 0] > 1 - negligible)
        rows = (~certain & (factor > 0)[:, None]).flatten().nonzero()[:, 0]
        # A sample's unused columns are the blank's again: the same value goes there twice.
        gradient = torch.where(used[:, None], probability - posterior, (probability - posterior)[:, :, :1])
        count = len(rows)
        rows = F.pad(rows, (0, -count % _FORWARD_FRAMES))  # whole blocks, with frames that count nothing
        gradient, factors = gradient.flatten(0, 1)[rows], factor.repeat_interleave(t)[rows]
        factors[count:] = 0
        ctx.save_for_backward(features, weight, bias, rows, index[rows], gradient, factors)
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias, rows, index, gradient, factors = ctx.saved_tensors
        frames = features.flatten(0, 1)
        by_class, offset = weight.to(frames.dtype), bias.to(frames.dtype)
        factors = (factors * upstream[0]).to(frames.dtype)[:, None]
        to_features, to_weight = torch.zeros_like(frames), torch.zeros_like(weight)
        to_bias = torch.zeros_like(bias)
        logits = torch.empty((_FORWARD_FRAMES, len(weight)), dtype=frames.dtype)
        scores = torch.empty((_BACKWARD_FRAMES, len(weight)), dtype=frames.dtype)
        for block in _blocks(len(rows), _BACKWARD_FRAMES):
            chosen = frames[rows[block]]
            for part in _blocks(len(chosen), _FORWARD_FRAMES):
                torch.addmm(offset, chosen[part], by_class.t(), out=logits)
                torch.softmax(logits, 1, out=scores[part])
            change = scores[: len(chosen)]  # softmax minus posterior
            change.scatter_(1, index[block], gradient[block].to(change.dtype))
            scaled = factors[block]
            to_features.index_add_(0, rows[block], (change @ by_class) * scaled)
            to_weight += change.t() @ (chosen * scaled)
            to_bias += (scaled.t() @ change)[0]
        return to_features.view_as(features), to_weight, to_bias, None, None, None, None, None


def _blocks(count: int, size: int) -> list[slice]:
    return [slice(start, min(count, start + size)) for start in range(0, count, size)]
