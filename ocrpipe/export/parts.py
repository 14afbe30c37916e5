"""What several formats need of a page: boxes in whole pixels, directions, words, clean text, the image."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ocrpipe.characters import has_hanzi
from ocrpipe.errors import ConfigError
from ocrpipe.io import documents, images
from ocrpipe.io.images import Source
from ocrpipe.page import Line, PageContent, Quad, Word

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COMMON = 0.2  # of the larger of two boxes; what hocr-check of hocr-tools allows


MAX_JPEG_SIDE = 65_500
"""Pixels."""


class Box(NamedTuple):
    """An upright box in whole pixels; ``right`` and ``bottom`` lie one past the last pixel."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels across, at least one."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels down, at least one."""
        return self.bottom - self.top


def box(quad: Quad, page: PageContent) -> Box:
    """The smallest box around a quad, inside the page."""
    left, right = _span([x for x, _ in quad], page.width)
    top, bottom = _span([y for _, y in quad], page.height)
    return Box(left, top, right, bottom)


def apart(boxes: Sequence[Box]) -> list[Box]:
    """The boxes, of which no two have more than a fifth of the larger one's area in common.

    Where two do, the sides that face each other are moved, by as little as does.
    """
    order = sorted(range(len(boxes)), key=lambda index: boxes[index].top)
    close: list[tuple[int, int]] = []
    for place, a in enumerate(order):
        for b in order[place + 1 :]:
            if boxes[b].top >= boxes[a].bottom:
                break
            close.append((a, b))
    found, before = list(boxes), None
    while found != before:  # a box that has become smaller has more in common with the next
        before = list(found)
        for a, b in close:
            found[a], found[b] = _apart(found[a], found[b])
    return found


def _apart(a: Box, b: Box) -> tuple[Box, Box]:
    across = min(a.right, b.right) - max(a.left, b.left)
    down = min(a.bottom, b.bottom) - max(a.top, b.top)
    if across < down:
        one, other = _apart(_flipped(a), _flipped(b))
        return _flipped(one), _flipped(other)
    if a.top + a.bottom > b.top + b.bottom:
        other, one = _apart(b, a)
        return one, other
    while down > 0 and min(a.height, b.height) > 1:
        if across * down <= _COMMON * max(a.width * a.height, b.width * b.height):
            break
        a, b = a._replace(bottom=a.bottom - 1), b._replace(top=b.top + 1)
        down = min(a.bottom, b.bottom) - max(a.top, b.top)
    return a, b


def _flipped(at: Box) -> Box:
    """With x and y changed about."""
    return Box(at.top, at.left, at.bottom, at.right)


def words(line: Line) -> tuple[Word, ...]:
    """A line's words; a line that has text but no words, as made by hand, is one word."""
    if line.words or not line.text:
        return line.words
    return (Word(line.text, line.quad, line.confidence, ()),)


def language(text: str) -> str:
    """``"zh"`` for text with hanzi in it, else ``"en"``."""
    return "zh" if has_hanzi(text) else "en"


def clean(text: str) -> str:
    """The text without the control characters that XML and HTML can't hold."""
    return _NOT_XML.sub("", text)


def common_source(pages: Sequence[PageContent]) -> str | None:
    """What the pages were read from, where that is one and the same."""
    sources = {page.source for page in pages}
    return sources.pop() if len(sources) == 1 else None


def pixels(page: PageContent, image: Source | None) -> NDArray[np.uint8]:
    """The page's image: the one given, else ``page.source`` opened again, since a result holds no pixels.

    Returns:
        H×W×3, RGB, uint8, of the page's size.

    Raises:
        ConfigError: There is no image to be had, or it is of another size than the page.
        OcrError: The image can't be read.
    """
    if image is not None:
        found = images.load(image)
    elif page.source is not None:
        found = documents.reopen(page.source, page.number, page.dpi)
    else:
        raise ConfigError("the page has no source to open again; give its image")
    return fitting(found, page)


def fitting(image: NDArray[np.uint8], page: PageContent) -> NDArray[np.uint8]:
    """The image, of shape H×W×3, if it is of the page's size.

    Raises:
        ConfigError: It is not.
    """
    height, width = image.shape[:2]
    if (width, height) != (page.width, page.height):
        raise ConfigError(f"the image is {width}×{height} pixels, the page {page.width}×{page.height}")
    return image


def _span(values: list[float], size: int) -> tuple[int, int]:
    low = min(max(math.floor(min(values)), 0), max(size - 1, 0))
    return low, max(min(math.ceil(max(values)), size), low + 1)
