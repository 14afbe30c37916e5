"""Helpers of several formats: boxes in whole pixels, words, clean text, the page's image."""

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
from ocrpipe.io.names import printable
from ocrpipe.page import Line, PageContent, Quad, Word

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_OVERLAP = 0.2  # of the larger of two boxes; the limit of hocr-check of hocr-tools


MAX_JPEG_SIDE = 65_500
"""Largest width or height of a JPEG that all decoders accept, in pixels."""


class Box(NamedTuple):
    """An axis-aligned box in whole pixels; ``right`` and ``bottom`` are one past the last pixel."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width in pixels, at least one."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height in pixels, at least one."""
        return self.bottom - self.top


def box(quad: Quad, page: PageContent) -> Box:
    """The smallest box around a quad, clipped to the page."""
    left, right = _span([x for x, _ in quad], page.width)
    top, bottom = _span([y for _, y in quad], page.height)
    return Box(left, top, right, bottom)


def separated(boxes: Sequence[Box]) -> list[Box]:
    """Boxes trimmed so that no two overlap by more than a fifth of the larger one's area.

    Of two that do, the sides that face each other are moved, as little as possible.
    """
    order = sorted(range(len(boxes)), key=lambda index: boxes[index].top)
    pairs: list[tuple[int, int]] = []
    for position, a in enumerate(order):
        for b in order[position + 1 :]:
            if boxes[b].top >= boxes[a].bottom:
                break
            pairs.append((a, b))
    trimmed, before = list(boxes), None
    while trimmed != before:  # a smaller box overlaps its next neighbour by a larger fraction
        before = list(trimmed)
        for a, b in pairs:
            trimmed[a], trimmed[b] = _separated(trimmed[a], trimmed[b])
    return trimmed


def _separated(a: Box, b: Box) -> tuple[Box, Box]:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width < height:
        a, b = _separated(_transposed(a), _transposed(b))
        return _transposed(a), _transposed(b)
    if a.top + a.bottom > b.top + b.bottom:
        b, a = _separated(b, a)
        return a, b
    while height > 0 and min(a.height, b.height) > 1:
        if width * height <= _MAX_OVERLAP * max(a.width * a.height, b.width * b.height):
            break
        a, b = a._replace(bottom=a.bottom - 1), b._replace(top=b.top + 1)
        height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return a, b


def _transposed(box: Box) -> Box:
    """The box with x and y exchanged."""
    return Box(box.top, box.left, box.bottom, box.right)


def words(line: Line) -> tuple[Word, ...]:
    """A line's words; a line with text but without words, made by hand, counts as one word."""
    if line.words or not line.text:
        return line.words
    return (Word(line.text, line.quad, line.confidence, ()),)


def language(text: str) -> str:
    """``"zh"`` for text with hanzi in it, else ``"en"``."""
    return "zh" if has_hanzi(text) else "en"


def clean(text: str) -> str:
    """The text without control characters that are invalid in XML and HTML."""
    return _NOT_XML.sub("", printable(text))


def common_source(pages: Sequence[PageContent]) -> str | None:
    """The source that all pages have in common, ``None`` if they differ."""
    sources = {page.source for page in pages}
    return sources.pop() if len(sources) == 1 else None


def pixels(page: PageContent, image: Source | None) -> NDArray[np.uint8]:
    """The page's image: the one given, or else ``page.source`` opened again, since a result has no pixels.

    Returns:
        H×W×3, RGB, uint8, of the page's size.

    Raises:
        ConfigError: There is no image, or it is of another size than the page.
        OcrError: The image can't be read.
    """
    if image is not None:
        loaded = images.load(image)
    elif page.source is not None:
        loaded = documents.reopen(page.source, page.number, page.dpi)
    else:
        raise ConfigError("the page has no source to open again; give its image")
    return checked_image(loaded, page)


def checked_image(image: NDArray[np.uint8], page: PageContent) -> NDArray[np.uint8]:
    """The image given, H×W×3, which must be of the page's size.

    Raises:
        ConfigError: It is of another size.
    """
    height, width = image.shape[:2]
    if (width, height) != (page.width, page.height):
        raise ConfigError(f"the image is {width}×{height} pixels, the page {page.width}×{page.height}")
    return image


def _span(values: list[float], size: int) -> tuple[int, int]:
    low = min(max(math.floor(min(values)), 0), max(size - 1, 0))
    return low, max(min(math.ceil(max(values)), size), low + 1)
