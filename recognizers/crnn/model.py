"""The CRNN: convolutional layers, map-to-sequence, bidirectional LSTMs, and per-frame class scores for CTC.

Shi, Bai and Yao, "An End-to-End Trainable Neural Network for Image-based Sequence Recognition and Its
Application to Scene Text Recognition", arXiv 1507.05717. ``CRNNConfig.paper`` is the paper's network; the
default has the same shape with a slim residual backbone and a bottleneck before the 7,000-class layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ocrpipe.recognizers.crnn.config import STRIDE as STRIDE
from ocrpipe.recognizers.crnn.config import VGG_LAYERS
from ocrpipe.recognizers.crnn.config import CRNNConfig as CRNNConfig

Mask = Callable[[Tensor], Tensor]


class CRNN(nn.Module):
    """Reads a batch of line crops into per-frame class scores."""

    def __init__(self, config: CRNNConfig) -> None:
        super().__init__()
        self.config = config
        self.stages, features = _slim(config) if config.backbone == "slim" else _vgg()
        both = 2 * config.hidden
        between, width = config.join or both, config.bottleneck or both
        self.rnn = nn.ModuleList(
            [MaskedBiLSTM(features, config.hidden), MaskedBiLSTM(between, config.hidden)]
        )
        self.join = nn.Linear(both, between) if config.join else nn.Identity()
        self.neck = nn.Linear(both, width) if config.bottleneck else nn.Identity()
        self.classify = nn.Linear(width, config.classes)

    def forward(self, images: Tensor, frames: Tensor | None = None) -> Tensor:
        """Class scores of every frame.

        Args:
            images: (N, 1, height, W) normalised grey crops, W a multiple of ``STRIDE``.
            frames: (N,) number of valid frames of each, where they differ; what lies beyond them has no
                influence on the valid ones.

        Returns:
            (N, W // STRIDE, classes) logits.
        """
        scores: Tensor = self.classify(self.features(images, frames))
        return scores

    def features(self, images: Tensor, frames: Tensor | None = None) -> Tensor:
        """What ``classify`` turns into scores: (N, T, bottleneck)."""
        mask = _mask(frames, images.shape[3] // STRIDE)
        x = images
        for stage in self.stages:
            x = stage(x, mask)
        x = mask(x).flatten(1, 2).transpose(1, 2)  # N C H T -> N T C·H
        first, second = self.rnn
        features: Tensor = self.neck(second(self.join(first(x, frames)), frames))
        return features


class MaskedBiLSTM(nn.Module):
    """A bidirectional LSTM whose backward direction starts at each sequence's own last frame."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.forth = nn.LSTM(inputs, hidden, batch_first=True)
        self.back = nn.LSTM(inputs, hidden, batch_first=True)

    def forward(self, x: Tensor, frames: Tensor | None = None) -> Tensor:
        """(N, T, inputs) to (N, T, 2 * hidden)."""
        if frames is None:
            return torch.cat([self.forth(x)[0], self.back(x.flip(1))[0].flip(1)], 2)
        steps = torch.arange(x.shape[1], device=x.device)
        mirror = (frames[:, None] - 1 - steps) % x.shape[1]  # an involution on each sequence's valid frames
        mirrored = torch.take_along_dim(x, mirror[..., None], 1)
        back = torch.take_along_dim(self.back(mirrored)[0], mirror[..., None], 1)
        return torch.cat([self.forth(x)[0], back], 2)


class Stage(nn.ModuleList):
    """Layers in a row; what enters a convolution is masked first."""

    def forward(self, x: Tensor, mask: Mask) -> Tensor:
        """(N, C, H, W) in and out, at the stage's own C, H and W."""
        for layer in self:
            x = layer(mask(x)) if isinstance(layer, nn.Conv2d) else layer(x)
        return x


class Residual(nn.Module):
    """Two 3×3 convolutions around a shortcut (He et al., arXiv 1512.03385)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = Stage([*_conv(channels, channels), nn.ReLU(inplace=True), *_conv(channels, channels)])

    def forward(self, x: Tensor, mask: Mask) -> Tensor:
        """(N, C, H, W) in and out."""
        return torch.relu_(self.body(x, mask) + x)


def _conv(inputs: int, outputs: int, stride: tuple[int, int] = (1, 1)) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)]


def _slim(config: CRNNConfig) -> tuple[nn.ModuleList, int]:
    """Stages of falling height, 32 → 16 → 8 → 4 → 2, rounded up; the first two halve the width too."""
    stages = nn.ModuleList()
    inputs = 1
    for outputs, blocks, stride in zip(
        config.channels, config.blocks, ((2, 2), (2, 2), (2, 1), (2, 1)), strict=True
    ):
        stages.append(Stage([*_conv(inputs, outputs, stride), nn.ReLU(inplace=True)]))
        stages.extend(Residual(outputs) for _ in range(blocks))
        inputs = outputs
    return stages, inputs * math.ceil(config.height / 16)


def _vgg() -> tuple[nn.ModuleList, int]:
    """The paper's table 1: batch normalisation after the fifth and sixth convolution, two 2×1 poolings.

    The last, 2×2 convolution takes a column of zeros on the right, so that frames stand at multiples of 4 px.
    """
    stages = nn.ModuleList()
    inputs = 1
    for outputs, norm, pool in VGG_LAYERS:
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not norm)]
        layers += [nn.BatchNorm2d(outputs)] if norm else []
        layers.append(nn.ReLU(inplace=True))
        layers += [nn.MaxPool2d(pool)] if pool else []
        stages.append(Stage(layers))
        inputs = outputs
    stages.append(Stage([nn.ZeroPad2d((0, 1, 0, 0)), nn.Conv2d(512, 512, 2), nn.ReLU(inplace=True)]))
    return stages, 512


def _mask(frames: Tensor | None, steps: int) -> Mask:
    """Sets what lies beyond each sequence's valid frames to zero: what a convolution pads its input with."""
    if frames is None:
        return lambda x: x

    def mask(x: Tensor) -> Tensor:
        columns = torch.arange(x.shape[3], device=x.device)
        return x * (columns < frames[:, None] * max(1, x.shape[3] // steps))[:, None, None, :]

    return mask
