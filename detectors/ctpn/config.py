"""The shape of a CTPN; what a weights card holds of it. Imports no runtime."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

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
        stride: Pixels between grid cells, (down, across): 8 or 16 each, and 16×16 for VGG16. Cards that don't
            tell are of the backbone's first choice, (8, 16) or (16, 16).
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
