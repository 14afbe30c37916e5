"""Where a sign's surface appears in a photograph: an arched baseline, then a rotation and perspective.

Coordinates are pixels, x to the right and y downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """Maps points of the surface to points of the photograph and back.

    Attributes:
        middle: x and y of the point of the surface that the projection is about.
        radius: Radius of the circle that the baseline is bent to: positive for an arch, negative for a bowl,
            infinite for a straight one.
        matrix: 3×3 homography that follows the bend, from coordinates about ``middle``.
    """

    middle: tuple[float, float]
    radius: float
    matrix: NDArray[np.float64]

    def forward(self, points: Points) -> Points:
        """(N, 2) points of the surface in the photograph."""
        x, y = points[:, 0] - self.middle[0], points[:, 1] - self.middle[1]
        if math.isfinite(self.radius):
            angle, distance = x / self.radius, self.radius - y
            x, y = distance * np.sin(angle), self.radius - distance * np.cos(angle)
        u, v, w = self.matrix @ np.stack([x, y, np.ones_like(x)])
        return np.stack([u / w, v / w], 1).astype(np.float32)

    def backward(self, left: float, top: float, width: int, height: int) -> tuple[Points, Points]:
        """The x and y on the surface of each pixel of a width×height crop at ``left``, ``top``; each H×W."""
        inverse = np.linalg.inv(self.matrix).astype(np.float32)
        u = np.float32(left) + np.arange(width, dtype=np.float32)[None]
        v = np.float32(top) + np.arange(height, dtype=np.float32)[:, None]
        w = inverse[2, 0] * u + inverse[2, 1] * v + inverse[2, 2]
        x = (inverse[0, 0] * u + inverse[0, 1] * v + inverse[0, 2]) / w
        y = (inverse[1, 0] * u + inverse[1, 1] * v + inverse[1, 2]) / w
        if math.isfinite(self.radius):
            sign = math.copysign(1.0, self.radius)
            down = np.float32(self.radius) - y
            x, y = (
                np.float32(self.radius) * np.arctan2(sign * x, sign * down),
                np.float32(self.radius) - np.float32(sign) * np.hypot(x, down),
            )
        return (x + np.float32(self.middle[0])).astype(np.float32), (y + np.float32(self.middle[1])).astype(
            np.float32
        )


def random_projection(rng: Rng, box: tuple[float, float, float, float], characters: int) -> Projection:
    """A projection for text in ``box``: most upright and straight, some arched, tilted or seen from the side.

    Args:
        rng: Source of all random choices.
        box: Left, top, right and bottom of the text.
        characters: Its length; words of fewer than four are not bent.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    radius = math.inf
    if characters >= 4 and rng.random() < 0.22:
        span = float(rng.uniform(0.25, 1.7))  # radians
        radius = max(width / span, 1.6 * height) * (1 if rng.random() < 0.7 else -1)
    stretch = float(np.exp(rng.normal(0, 0.12) if rng.random() < 0.75 else rng.uniform(-0.45, 0.35)))
    angle = rng.normal(0, math.radians(9 if rng.random() < 0.2 else 2.5))
    shear = float(rng.uniform(-0.3, 0.35)) if rng.random() < 0.15 else 0.0
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ np.array(
        [[stretch, -shear, 0], [0, 1, 0], [0, 0, 1]]
    )
    if rng.random() < 0.4:  # one end farther away than the other, and a horizon that is not level
        ratio = float(rng.uniform(-0.3, 0.3))
        matrix = np.array(
            [[1, 0, 0], [ratio * float(rng.uniform(-0.15, 0.15)), 1, 0], [ratio / max(width, height), 0, 1]]
        ) @ matrix  # fmt: skip
        if rng.random() < 0.3:
            matrix[2, 1] += float(rng.uniform(-0.12, 0.12)) / height
    return Projection(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), radius, matrix)
