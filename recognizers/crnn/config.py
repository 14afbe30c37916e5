"""The shape of a CRNN; what a weights card holds of it. Imports no runtime."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ocrpipe.errors import ConfigError

_MAX_SIZE = 100_000  # of any layer; there are about as many hanzi
_MAX_BLOCKS = 100

STRIDE = 4
"""Pixels of input width a frame stands for, in every configuration."""

VGG_LAYERS: tuple[tuple[int, bool, tuple[int, int] | None], ...] = (
    (64, False, (2, 2)),
    (128, False, (2, 2)),
    (256, False, None),
    (256, False, (2, 1)),
    (512, True, None),
    (512, True, (2, 1)),
)
"""The paper's 3×3 convolutions: channels, batch normalisation, pooling (down, across)."""


@dataclass(frozen=True)
class CRNNConfig:
    """Shape of a CRNN.

    Attributes:
        classes: Number of classes, the CTC blank (0) included.
        backbone: "slim", or "vgg" for the paper's.
        channels: Channels of the slim backbone's four stages, of heights 16, 8, 4 and 2.
        blocks: Residual blocks of each stage.
        hidden: Units of each LSTM direction; there are two bidirectional layers.
        join: Width of the linear layer between the two, 0 for none. The paper's text has none, but its 8.3 M
            parameters and its authors' code have one of 256.
        bottleneck: Width of the linear layer before the classes; 0 for none.
        height: Height of the input in pixels, a multiple of 8.
    """

    classes: int
    backbone: str = "slim"
    channels: tuple[int, int, int, int] = (32, 64, 128, 192)
    blocks: tuple[int, int, int, int] = (0, 1, 1, 1)
    hidden: int = 192
    bottleneck: int = 160
    height: int = 32
    join: int = 0

    def __post_init__(self) -> None:
        if self.backbone not in ("slim", "vgg"):
            raise ConfigError(f"unknown CRNN backbone {self.backbone!r}, known are: slim, vgg")
        counts = (
            self.classes,
            self.hidden,
            self.bottleneck,
            self.height,
            self.join,
            *self.channels,
            *self.blocks,
        )
        if not all(type(count) is int and 0 <= count <= _MAX_SIZE for count in counts):
            raise ConfigError(f"sizes of a CRNN are whole numbers up to {_MAX_SIZE}, not {counts}"[:200])
        if min(self.channels, default=0) < 1 or max(self.blocks, default=0) > _MAX_BLOCKS:
            raise ConfigError(f"a CRNN cannot have {self.channels} channels and {self.blocks} blocks"[:200])
        if self.classes < 2 or self.hidden < 1 or self.bottleneck < 0 or self.join < 0:
            raise ConfigError(f"a CRNN cannot have the sizes of {self}")
        if len(self.channels) != 4 or len(self.blocks) != 4:
            raise ConfigError(f"a CRNN has four stages, got {self.channels} channels, {self.blocks} blocks")
        if self.height < 16 or self.height % 8 or (self.backbone == "vgg" and self.height != 32):
            raise ConfigError(f"{self.height} px is no input height of the {self.backbone} backbone")

    @classmethod
    def paper(cls, classes: int) -> CRNNConfig:
        """The network of the paper's table 1: 8.3 M parameters for 37 classes."""
        return cls(classes, backbone="vgg", hidden=256, bottleneck=0, join=256)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a weights card holds them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CRNNConfig:
        """The configuration that ``to_dict`` described.

        Raises:
            ocrpipe.errors.ConfigError: A key is unknown or missing, or a value makes no sense.
        """
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"not a CRNN configuration: {error}") from error
