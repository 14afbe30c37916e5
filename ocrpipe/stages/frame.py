"""The page's pixels, its level view, and the mapping between the two, shared by all stages.

The level view is the page after its quarter turn and deskewing, its text running from left to right. Lines
are detected, read and ordered in the view's coordinates; crops are cut from the caller's own pixels, and
results are mapped to those once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ocrpipe.geometry import (
    Image,
    Matrix,
    apply,
    clip_quad,
    rectify,
    rotate,
    rotation_matrix,
    turn,
    turn_matrix,
)
from ocrpipe.page import Quad


@dataclass(frozen=True)
class PageFrame:
    """A page and its level view; derived images and matrices are computed once, on first use.

    Attributes:
        image: The caller's page, H×W×3 RGB, uint8; never written to.
        turned: Clockwise quarter turn, in degrees, from the page to the view.
        skew: Direction of the text after that turn, in degrees, clockwise positive; the view undoes it.
    """

    image: Image
    turned: int = 0
    skew: float = 0.0

    @property
    def width(self) -> int:
        """Width of the caller's page in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height of the caller's page in pixels."""
        return int(self.image.shape[0])

    @property
    def is_level(self) -> bool:
        """Whether there is neither turn nor skew, so that the view is the page itself."""
        return not self.turned and not self.skew

    @cached_property
    def turned_image(self) -> Image:
        """The page after the quarter turn alone; the caller's own array where there is none."""
        return turn(self.image, self.turned) if self.turned else self.image

    @cached_property
    def level(self) -> Image:
        """The level view, H×W×3 RGB, uint8."""
        return self._levelled[0]

    @cached_property
    def grey(self) -> Image:
        """The level view, H×W, uint8."""
        return np.asarray(cv2.cvtColor(self.level, cv2.COLOR_RGB2GRAY), np.uint8)

    @cached_property
    def to_level(self) -> Matrix:
        """From the caller's pixels to the view's."""
        return self._levelled[1] @ turn_matrix(self.width, self.height, self.turned)

    @cached_property
    def to_page(self) -> Matrix:
        """From the view's pixels to the caller's."""
        return np.asarray(np.linalg.inv(self.to_level), np.float64)

    def page_quad(self, quad: Quad) -> Quad:
        """A quad of the view in the caller's pixels, clipped to the page."""
        return clip_quad(quad if self.is_level else apply(self.to_page, quad), self.width, self.height)

    def clip(self, quad: Quad) -> Quad:
        """A quad of the view clipped to the page."""
        inside = self.page_quad(quad)
        return inside if self.is_level else apply(self.to_level, inside)

    def crop(self, quad: Quad, pad: float = 0.0) -> Image:
        """The text in a quad of the view, cut out of the caller's own pixels; see ``geometry.rectify``."""
        return rectify(self.image, self.page_quad(quad), pad=pad)

    @cached_property
    def _levelled(self) -> tuple[Image, Matrix]:
        """The view, and the matrix from the turned page to it."""
        if not self.skew:
            return self.turned_image, rotation_matrix(0.0)
        return rotate(self.turned_image, -self.skew)
