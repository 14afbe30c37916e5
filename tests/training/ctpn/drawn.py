"""Pages for the tests of the detector's training: words in OpenCV's plain font."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.page import Quad
from ocrpipe.training.ctpn.crops import PageSource


@dataclass
class Page:
    image: NDArray[np.uint8]
    quads: list[Quad]
    ignored: list[Quad] = field(default_factory=list)


def page(rng: np.random.Generator) -> Page:
    """Lines of words in a plain font on plain paper."""
    image = np.full((rng.integers(400, 700), rng.integers(400, 700), 3), rng.integers(200, 256), np.uint8)
    quads: list[Quad] = []
    y = 20
    while True:
        scale = rng.uniform(0.4, 0.9)
        text = " ".join("".join(rng.choice(list("abdefghkpqy25"), 5)) for _ in range(rng.integers(1, 6)))
        (width, up), down = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        x, bottom = int(rng.integers(5, 60)), y + up + down
        if bottom > image.shape[0] - 5:
            return Page(image, quads)
        if x + width < image.shape[1] - 5:
            cv2.putText(
                image, text, (x, y + up), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 1, cv2.LINE_AA
            )
            quads.append(((x, y), (x + width, y), (x + width, bottom), (x, bottom)))
            y += round((up + down) * rng.uniform(1.2, 2))


def make_pages() -> PageSource:
    return page
