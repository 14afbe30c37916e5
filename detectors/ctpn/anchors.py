"""The grid of anchors: fixed width, k heights at the centre of every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class AnchorGrid:
    """Anchors of an image whose sides are multiples of the stride.

    Attributes:
        rows: Cells down.
        columns: Cells across.
        stride: Pixels between cells, (down, across); an anchor is as wide as its cell.
        heights: Anchor heights in pixels, ascending.
    """

    rows: int
    columns: int
    stride: tuple[int, int]
    heights: tuple[float, ...]

    @classmethod
    def of(cls, size: tuple[int, int], stride: tuple[int, int], heights: tuple[float, ...]) -> AnchorGrid:
        """The grid of an image of ``size`` (height, width) pixels."""
        return cls(size[0] // stride[0], size[1] // stride[1], stride, heights)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(rows, columns, anchors a cell), the order of the network's outputs."""
        return self.rows, self.columns, len(self.heights)

    def center_y(self, row: NDArray[np.integer]) -> Floats:
        """Vertical centre in pixels of the anchors in ``row``."""
        return (row + 0.5) * self.stride[0]

    def center_x(self, column: NDArray[np.integer]) -> Floats:
        """Horizontal centre in pixels of the anchors in ``column``."""
        return (column + 0.5) * self.stride[1]


def vertical_iou(center_a: Floats, height_a: Floats, center_b: Floats, height_b: Floats) -> Floats:
    """Intersection over union of vertical intervals, 0 where they are apart; the arguments broadcast."""
    top = np.maximum(center_a - height_a / 2, center_b - height_b / 2)
    bottom = np.minimum(center_a + height_a / 2, center_b + height_b / 2)
    shared = np.maximum(bottom - top, 0.0)
    iou: Floats = shared / (height_a + height_b - shared)
    return iou
