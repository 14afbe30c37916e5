"""What the recogniser learns from a batch of lines.

At first only frame-wise cross-entropy on the characters' known places, since CTC alone predicts nothing but
blanks for long; then CTC (Graves et al., ICML 2006), with that supervision faded out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.preprocess import to_input
from ocrpipe.training.crnn.batches import LineBatch, render_inputs
from ocrpipe.training.crnn.class_loss import class_ctc
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.lines import TrainingLine
from ocrpipe.training.crnn.loss import (
    frame_loss,
    frame_targets,
    narrow_ctc,
    padded_ctc,
    padded_frame_targets,
)
from ocrpipe.training.task import Context, Task

_NOISE = 0.08
"""Largest standard deviation of the noise added to the input, whose range is -1..1."""


def crnn_task(network: CRNN, charset: Charset, config: CRNNTrainConfig) -> Task[CRNN, Any]:
    """Training of a network on lines, or with ``device_effects`` on batches of clean lines.

    Raises:
        ocrpipe.errors.ConfigError: The charset has not as many classes as the network.
    """
    if network.config.classes != len(charset):
        raise ConfigError(f"the model has {network.config.classes} classes, the charset {len(charset)}")
    losses: Any = CleanLineLosses(config) if config.device_effects else LineLosses(config)
    return Task("crnn", network, network.config.to_dict(), losses, charset.characters)


class LineLosses:
    """Losses of a batch of lines of one width: "loss", and its parts "ctc" and "frames" where they count.

    Args:
        config: Tells when each part counts.
    """

    def __init__(self, config: CRNNTrainConfig) -> None:
        self._config = config

    def __call__(self, network: CRNN, batch: Sequence[TrainingLine], context: Context) -> dict[str, Tensor]:
        """The losses, scalar tensors on the network's device."""
        labels = [line.label.tolist() for line in batch]
        ctc_weight, frame_weight = loss_weights(self._config, context.fraction)
        images = self._noisy(batch, context)
        with context.autocast():
            features = network.features(images)  # (N, T, D)
            if not frame_weight and context.device.type == "cpu":
                return with_total({"ctc": class_ctc(features, network.classify, labels)}, ctc_weight, 0)
            logits = network.classify(features) if ctc_weight else None
        losses = {}
        if frame_weight:
            centers = [torch.from_numpy(line.centers) for line in batch]
            target, weight = frame_targets(labels, centers, features.shape[1], context.random.cpu)
            index = weight.flatten().nonzero()[:, 0]
            chosen = context.tensor(index)
            if logits is not None:
                framed = logits.flatten(0, 1).index_select(0, chosen)
            else:  # the large layer only where a frame is supervised
                with context.autocast():
                    framed = network.classify(features.flatten(0, 1).index_select(0, chosen))
            targets, weights = (context.tensor(values.flatten()[index]) for values in (target, weight))
            losses["frames"] = frame_loss(framed, targets, weights)
        if logits is not None:
            losses["ctc"] = narrow_ctc(logits, labels)
        return with_total(losses, ctc_weight, frame_weight)

    def _noisy(self, batch: Sequence[TrainingLine], context: Context) -> Tensor:
        """(N, 1, height, W) input with Gaussian noise of a random strength."""
        images = context.tensor(to_input(np.stack([line.image for line in batch])))
        strength = float(context.random.numpy.uniform(0, _NOISE))
        noise = torch.randn(images.shape, generator=context.random.device, device=images.device)
        return (images + strength * noise)[:, None].to(memory_format=torch.channels_last)


class CleanLineLosses:
    """``LineLosses`` of a batch of clean lines, with everything but the choice of effects on the device.

    Args:
        config: Tells when each part counts.
    """

    def __init__(self, config: CRNNTrainConfig) -> None:
        self._config = config

    def __call__(self, network: CRNN, batch: LineBatch, context: Context) -> dict[str, Tensor]:
        """The losses, scalar tensors on the network's device."""
        ctc_weight, frame_weight = loss_weights(self._config, context.fraction)
        images, centers = render_inputs(batch, network.config.height, context)
        labels = context.tensor(batch.labels)
        context.mark("effects")
        with context.autocast():
            features = network.features(images.to(memory_format=torch.channels_last))  # (N, T, D)
            logits = network.classify(features) if ctc_weight else None
        context.mark("network")
        losses = {}
        if frame_weight:
            index, target, weight = padded_frame_targets(
                labels, centers, features.shape[1], context.random.device
            )
            if logits is not None:
                framed = logits.flatten(0, 1).index_select(0, index)
            else:
                with context.autocast():
                    framed = network.classify(features.flatten(0, 1).index_select(0, index))
            losses["frames"] = frame_loss(framed, target, weight)
        if logits is not None:
            losses["ctc"] = padded_ctc(logits, labels, batch.lengths)
        context.mark("loss")
        return with_total(losses, ctc_weight, frame_weight)


def loss_weights(config: CRNNTrainConfig, fraction: float) -> tuple[float, float]:
    """Weights of CTC and of the frame-wise loss at a fraction of the run."""
    if fraction < config.frames_only:
        return 0.0, 1.0
    span = max(1e-9, config.frames_fade - config.frames_only)
    fade = max(0.0, (config.frames_fade - fraction) / span)
    return 1.0 - 0.7 * fade, 2 * fade


def with_total(losses: dict[str, Tensor], ctc_weight: float, frame_weight: float) -> dict[str, Tensor]:
    """The losses "ctc" and "frames" that count, and their weighted sum as "loss"."""
    parts = {"ctc": ctc_weight, "frames": frame_weight}
    total = torch.stack([parts[name] * loss for name, loss in losses.items()]).sum()
    return {"loss": total, **losses}


def new_network(charset: Charset, config: CRNNConfig | None = None, seed: int = 0) -> CRNN:
    """A freshly initialised network for a charset; the blank starts likely, as it is in most frames."""
    torch.manual_seed(seed)
    network = CRNN(config or CRNNConfig(len(charset)))
    with torch.no_grad():
        network.classify.bias.zero_()
        network.classify.bias[0] = 2.0
    return network
