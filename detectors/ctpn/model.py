"""The network of the CTPN: convolutions, a BiLSTM along each row, three heads.

Two backbones share everything behind them. ``slim`` is a residual net sized for CPUs, by default with a grid
of 16 px across and 8 px down, fine enough that tightly set lines of body text never share a cell. ``vgg16``
is the paper's (Tian et al. 2016, arXiv 1609.03605).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ocrpipe.detectors.ctpn.config import SLIM_HEIGHTS as SLIM_HEIGHTS
from ocrpipe.detectors.ctpn.config import SLIM_STRIDE as SLIM_STRIDE
from ocrpipe.detectors.ctpn.config import VGG_HEIGHTS as VGG_HEIGHTS
from ocrpipe.detectors.ctpn.config import VGG_STRIDE as VGG_STRIDE
from ocrpipe.detectors.ctpn.config import CTPNConfig as CTPNConfig


class Prediction(NamedTuple):
    """What the heads say about B images on a grid of H rows, W columns and k anchors a cell.

    Attributes:
        score: B×H×W×k logits that the anchor is text. One logit stands for the paper's two-class softmax.
        vertical: B×H×W×k×2, ``v_c = (c_y − c_y^a) / h^a`` and ``v_h = log(h / h^a)``.
        side: B×H×W×k×2, offsets of the line's left and right end from the anchor's centre over its width, at
            most 32 px for ends further away. The paper has one value for the nearer end, and none where no
            end is near; two let a line of one proposal have both ends, and separate columns.
    """

    score: Tensor
    vertical: Tensor
    side: Tensor


class CTPN(nn.Module):
    """Connectionist text proposal network.

    Args:
        config: Its shape; the slim grey one by default.
    """

    def __init__(self, config: CTPNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CTPNConfig()
        self.backbone: nn.Module
        if config.backbone == "slim":
            self.backbone = SlimBackbone(config.channels, config.widths, config.stride)
            width = config.widths[3]
        else:
            self.backbone = vgg16(config.channels)
            width = 512
        anchors = len(config.heights)
        self.window = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True))
        self.lstm = nn.LSTM(width, config.hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Sequential(nn.Linear(2 * config.hidden, config.features), nn.ReLU(inplace=True))
        self.score = nn.Linear(config.features, anchors)
        self.vertical = nn.Linear(config.features, 2 * anchors)
        self.side = nn.Linear(config.features, 2 * anchors)
        for head in (self.score, self.vertical, self.side):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
        # Text is rare among anchors; starting from that keeps the first steps from undoing it.
        nn.init.constant_(self.score.bias, -2.0)

    def forward(self, images: Tensor) -> Prediction:
        """Predict for B×C×h×w images of values 0…255, grey or RGB, whose sides are multiples of 32."""
        x = (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        x = self.window(self.backbone(x))  # B×C×H×W
        batch, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(batch * height, width, channels)
        rows = self.fc(self.lstm(rows)[0])  # BH×W×features
        grid = (batch, height, width, len(self.config.heights))
        return Prediction(
            self.score(rows).float().view(grid),
            self.vertical(rows).float().view(*grid, 2),
            self.side(rows).float().view(*grid, 2),
        )


class SlimBackbone(nn.Module):
    """Residual 3×3 convolutions down to the grid, with context of a coarser grid added from above.

    The coarse branch widens the receptive field to headings many times a cell's size at low cost.
    """

    def __init__(
        self, channels: int, widths: tuple[int, int, int, int, int], stride: tuple[int, int] = SLIM_STRIDE
    ) -> None:
        super().__init__()
        w2, w4, w8, w16, w32 = widths
        self.fine = nn.Sequential(
            _conv(channels, w2, 5, stride=2),  # h/2 × w/2
            _conv(w2, w4, stride=2),  # h/4 × w/4
            Residual(w4),
            _conv(w4, w8, stride=2),  # h/8 × w/8
            Residual(w8),
            Residual(w8),
            _conv(w8, w16, stride=(stride[0] // 8, stride[1] // 8)),  # the grid, h/8 × w/16 by default
            Residual(w16),
        )
        self.coarse = nn.Sequential(
            _conv(w16, w32, stride=2),
            Residual(w32, dilation=2),
            Residual(w32, dilation=2),
            nn.Conv2d(w32, w16, 1),
        )
        self.merge = Residual(w16)

    def forward(self, x: Tensor) -> Tensor:
        """B×C×h×w to B×widths[3]×H×W of the grid."""
        fine = self.fine(x)
        context = nn.functional.interpolate(self.coarse(fine), size=fine.shape[-2:], mode="nearest")
        merged: Tensor = self.merge(fine + context)
        return merged


class Residual(nn.Module):
    """Two 3×3 convolutions around a shortcut (He et al. 2015, arXiv 1512.03385)."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _conv(width, width, dilation=dilation)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape in and out."""
        return nn.functional.relu(x + self.second(self.first(x)))


def _conv(
    inputs: int, outputs: int, kernel: int = 3, *, stride: int | tuple[int, int] = 1, dilation: int = 1
) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def vgg16(channels: int) -> nn.Sequential:
    """VGG16 to conv5_3 (Simonyan and Zisserman 2014, arXiv 1409.1556): B×C×h×w to B×512×h/16×w/16."""
    layers: list[nn.Module] = []
    for depth, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        if layers:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers)
