"""The network of the CTPN: convolutions, a BiLSTM along each row, three heads.

Two backbones share everything behind them. ``slim`` is a residual net sized for CPUs, by default with a grid
of 16 px across and 8 px down, fine enough that tightly set lines of body text never share a cell. ``vgg16``
is the paper's (Tian et al. 2016, arXiv 1609.03605).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ocrpipe.errors import ConfigError

_MAX_SIZE = 10_000  # channels, units or pixels
_MAX_ANCHORS = 100  # a cell

SLIM_HEIGHTS = (6.0, 8.4, 11.8, 16.5, 23.0, 32.3, 45.2, 63.2, 88.5, 123.9)
SLIM_STRIDE, VGG_STRIDE = (8, 16), (16, 16)
VGG_HEIGHTS = (11.0, 16.0, 23.0, 33.0, 48.0, 68.0, 97.0, 139.0, 198.0, 273.0)


@dataclass(frozen=True)
class CTPNConfig:
    """Shape of a CTPN.

    Attributes:
        backbone: ``"slim"`` or ``"vgg16"``.
        channels: Input channels, 1 for grey or 3 for RGB.
        heights: Anchor heights in pixels, ascending.
        widths: Channels of the slim backbone at strides 2, 4, 8, on the grid, and at twice its stride.
        hidden: Units of the LSTM in each direction.
        features: Channels of the fully connected layer before the heads.
        stride: Pixels between grid cells, (down, across): 8 or 16 each, and 16×16 for VGG16. Cards
            without it are of the backbone's default, (8, 16) or (16, 16).
    """

    backbone: str = "slim"
    channels: int = 1
    heights: tuple[float, ...] = SLIM_HEIGHTS
    widths: tuple[int, int, int, int, int] = (16, 24, 48, 80, 128)
    hidden: int = 64
    features: int = 128
    stride: tuple[int, int] = SLIM_STRIDE

    def __post_init__(self) -> None:
        if self.backbone not in ("slim", "vgg16"):
            raise ConfigError(f"backbone must be 'slim' or 'vgg16', not {self.backbone!r}")
        sizes = (self.hidden, self.features, *self.widths)
        if len(self.widths) != 5 or not all(type(size) is int and 1 <= size <= _MAX_SIZE for size in sizes):
            raise ConfigError(f"sizes of a CTPN are whole numbers from 1 to {_MAX_SIZE}, not {sizes}"[:200])
        numbers = all(isinstance(height, (int, float)) and height <= _MAX_SIZE for height in self.heights)
        if not numbers or len(self.heights) > _MAX_ANCHORS:
            raise ConfigError(f"these cannot be anchor heights: {self.heights}"[:200])
        if self.channels not in (1, 3):
            raise ConfigError(f"channels must be 1 (grey) or 3 (RGB), not {self.channels}")
        if not set(self.stride) <= {8, 16} or len(self.stride) != 2:
            raise ConfigError(f"stride must be 8 or 16 px down and across, not {self.stride}")
        if self.backbone == "vgg16" and self.stride != VGG_STRIDE:
            raise ConfigError(f"VGG16's stride is {VGG_STRIDE}, not {self.stride}")
        if not self.heights or list(self.heights) != sorted(set(self.heights)) or self.heights[0] <= 0:
            raise ConfigError(f"anchor heights must be positive and ascending, not {self.heights}")

    @classmethod
    def paper(cls) -> CTPNConfig:
        """The paper's: VGG16, a grid of 16×16 px, anchors of 11…273 px, BiLSTM 2×128, 512 features."""
        return cls("vgg16", channels=3, heights=VGG_HEIGHTS, hidden=128, features=512, stride=VGG_STRIDE)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CTPNConfig:
        """The configuration that ``to_dict`` described; lists may stand for tuples.

        Raises:
            ConfigError: ``data`` has unknown keys or values that make no sense.
        """
        known = {field.name for field in fields(cls)}
        if unknown := set(data) - known:
            raise ConfigError(f"unknown CTPN settings: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        if values.get("backbone") == "vgg16":
            values.setdefault("stride", VGG_STRIDE)
        return cls(**values)


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
