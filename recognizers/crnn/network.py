"""What the recogniser needs of a network, on whatever runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

Pixels = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]
Features = Any
"""Of one line, F×D, in the runtime's own type of array; can be indexed by a list of frames."""


class Network(Protocol):
    """Turns prepared lines into features, and features into classes. Lines don't influence each other."""

    def batches(self, widths: Sequence[int], batch_pixels: int, max_padding: float) -> list[list[int]]:
        """Indices of the lines of each call, from their widths in pixels; see ``Decoding``."""
        ...

    def map(self, function: Callable[[list[Pixels]], T], batches: list[list[Pixels]]) -> list[T]:
        """``function`` of each batch, several at once, in the order given."""
        ...

    def features(self, images: list[Pixels]) -> list[Features]:
        """Features of each prepared line, height×W pixels with W a multiple of 32, of W // STRIDE frames.

        Raises:
            ocrpipe.errors.PluginError: They are not finite.
        """
        ...

    def winners(self, lines: list[Features]) -> list[tuple[Labels, Floats]]:
        """Of each line, each frame's most probable class and its probability, which is 1 for blanks."""
        ...

    def likeliest(
        self, lines: list[Features], frames: list[list[int]], count: int
    ) -> list[tuple[list[list[int]], list[list[float]]]]:
        """Of each line, for some of its frames, the most probable classes and their log-probabilities."""
        ...

    def log_probs(self, line: Features) -> Floats:
        """F×C log-probabilities of a line."""
        ...
