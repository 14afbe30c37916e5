"""Text lines without a network: contrast to the background, components, run-length smoothing.

For clean scans and renderings, as a first alternative to ``ctpn`` and as a stand-in in tests. The smoothing
is that of Wong, Casey & Wahl, "Document Analysis System", IBM J. Res. Dev. 26(6), 1982, except that a run is
extended in proportion to the character's height instead of by one constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.geometry import apply, clip_quad, rotate
from ocrpipe.page import Quad
from ocrpipe.statistics import weighted_median

Grey = NDArray[np.uint8]
Boxes = NDArray[np.float64]
"""(N, 4): left, top, right, bottom in pixels."""
Groups = NDArray[np.intp]
"""(N,): number of the group each box belongs to."""

_OVERVIEW = 1600  # pixels of the longer side in which character heights are estimated
_ENLARGE = 2.0  # at most, for low resolutions


@dataclass(frozen=True, slots=True)
class ClassicalConfig:
    """What counts as text. Lengths are in typical character heights of the page where no unit is named.

    Attributes:
        character_height: Pixels that a page's typical character is scaled to.
        contrast: Minimum difference of ink from its background in grey levels, lighter or darker.
        relative_contrast: Likewise, as a fraction of the strongest difference nearby.
        rule: Straight strokes longer than this are rules or frames.
        picture: Components taller than this are pictures.
        dot: Components smaller than this are punctuation or dirt and start no line.
        reach: By how much a character's box is extended on either side to touch the next one, in its own
            heights.
        gap: Maximum gap within a line, in heights of the line.
        speck: Lines of a smaller height are dirt.
        margin: Margin around a line's ink, in heights of the line.
        level: Minimum angle of the text, in degrees, that is corrected.
    """

    character_height: int = 16
    contrast: int = 24
    relative_contrast: float = 0.4
    rule: float = 6.0
    picture: float = 6.0
    dot: float = 0.35
    reach: float = 0.5
    gap: float = 1.3
    speck: float = 0.5
    margin: float = 0.25
    level: float = 0.3


class ClassicalDetector:
    """Finds lines of print, dark on light or light on dark, that run within about ±10° of the horizontal."""

    def __init__(self, config: ClassicalConfig | None = None) -> None:
        self.config = config or ClassicalConfig()

    def detect(self, image: NDArray[np.uint8]) -> Sequence[TextLine]:
        """Find the lines of an H×W×3 RGB uint8 page; scores rise with the number of characters."""
        config = self.config
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        height, width = grey.shape
        found = _character_height(grey, config)
        if found is None:
            return []
        scale = min(config.character_height / found, _ENLARGE)
        page, size = _scaled(grey, scale), found * scale
        back = np.diag([width / page.shape[1], height / page.shape[0], 1.0])

        characters = _characters(page, size, config)
        angle = _text_angle(characters, size, config)
        if abs(angle) > config.level:
            page, turned = rotate(page, -angle)
            back = back @ np.linalg.inv(turned)
            characters = _characters(page, size, config)
        return [
            TextLine(clip_quad(apply(back, quad), width, height), score)
            for quad, score in _lines(characters, size, config)
        ]


def _scaled(grey: Grey, scale: float) -> Grey:
    size = tuple(max(1, round(side * scale)) for side in grey.shape[::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=how), dtype=np.uint8)


def _ink(grey: Grey, size: float, config: ClassicalConfig) -> Grey:
    """1 where a pixel stands out from its background: the median around it, taken coarsely."""
    coarse = np.ascontiguousarray(grey[::4, ::4])
    window = min(255, int(7 * size / 4) | 1)
    background = cv2.resize(cv2.medianBlur(coarse, window), grey.shape[::-1])
    difference = cv2.absdiff(grey, background)
    reach = int(1.5 * size)
    strongest = _morphed(np.asarray(difference, dtype=np.uint8), cv2.MORPH_DILATE, reach, reach)
    threshold = cv2.convertScaleAbs(strongest, alpha=config.relative_contrast).clip(min=config.contrast)
    return np.asarray(difference > threshold, dtype=np.uint8)


def _components(ink: Grey) -> tuple[Boxes, NDArray[np.float64]]:
    """Boxes and areas of the connected components."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    left, top, width, height, area = stats[1:].astype(np.float64).T
    return np.column_stack([left, top, left + width, top + height]), area


def _character_height(grey: Grey, config: ClassicalConfig) -> float | None:
    """Typical height of the characters in pixels; None on a page without any."""
    scale = min(1.0, _OVERVIEW / max(grey.shape))
    boxes, _ = _components(_ink(_scaled(grey, scale), config.character_height, config))
    width, height = _size(boxes)
    likely = height[(height >= 4) & (width < 8 * height) & (height < 8 * width)]
    # weighted by height, or a page's specks outvote its print
    return weighted_median(likely, likely) / scale if len(likely) else None


def _characters(page: Grey, size: float, config: ClassicalConfig) -> Boxes:
    """Components that may be characters or parts of them: neither rules, frames, pictures nor specks."""
    ink = _without_rules(_ink(page, size, config), size, config)
    boxes, area = _components(ink)
    width, height = _size(boxes)
    dash = (width > 3 * size) & (height < 0.3 * size)
    keep = (height < config.picture * size) & (area >= max(3.0, 0.02 * size**2)) & ~dash

    x, y = _centres(boxes[keep & (height > 0.4 * size)])
    middles = np.zeros(page.shape, dtype=np.uint8)
    middles[y, x] = 1
    total = cv2.integral(middles)
    left, top, right, bottom = boxes.astype(int).T
    inside = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    frame = (height > 1.8 * size) & (inside >= 4)
    kept: Boxes = boxes[keep & ~frame]
    return kept


def _without_rules(ink: Grey, size: float, config: ClassicalConfig) -> Grey:
    """Take out long straight strokes, and mend the characters they ran through."""
    length = int(config.rule * size)
    across = _morphed(ink, cv2.MORPH_OPEN, length, 1)
    down = _morphed(ink, cv2.MORPH_OPEN, 1, length)
    rules = _morphed(across | down, cv2.MORPH_DILATE, 3, 3)
    rest = ink & ~rules
    return rest | (_morphed(rest, cv2.MORPH_CLOSE, 1, max(5, int(0.4 * size))) & rules)


def _morphed(image: Grey, operation: int, width: int, height: int) -> Grey:
    return np.asarray(cv2.morphologyEx(image, operation, np.ones((height, width), np.uint8)), dtype=np.uint8)


def _chained(boxes: Boxes, reach: NDArray[np.float64]) -> Groups:
    """Group boxes whose middles, prolonged by ``reach`` on both sides, touch."""
    height = boxes[:, 3] - boxes[:, 1]
    strips = boxes + np.column_stack([-reach, 0.25 * height, reach, -0.25 * height])
    strips = (strips - strips.min(axis=0)[[0, 1, 0, 1]]).astype(int)
    canvas = np.zeros(strips.max(axis=0)[[3, 2]] + 1, dtype=np.uint8)
    for left, top, right, bottom in strips.tolist():
        canvas[top : bottom + 1, left : right + 1] = 1
    _, labels = cv2.connectedComponents(canvas)
    return np.unique(labels[strips[:, 1], strips[:, 0]], return_inverse=True)[1]


def _text_angle(characters: Boxes, size: float, config: ClassicalConfig) -> float:
    """Direction of the text in degrees: the median of the longer chains' regression lines."""
    characters = characters[_size(characters)[1] > 0.5 * size]
    if not len(characters):
        return 0.0
    group = _chained(characters, _reach(characters, size, config))
    x, y = (characters[:, :2] + characters[:, 2:]).T / 2
    count = np.bincount(group)
    x, y = (v - (np.bincount(group, v) / count)[group] for v in (x, y))
    spread = np.asarray(np.bincount(group, x * x), dtype=np.float64)
    long = (count >= 8) & (spread > count * (3 * size) ** 2)
    if not long.any():
        return 0.0
    slopes = np.bincount(group, x * y)[long] / spread[long]
    return math.degrees(math.atan(weighted_median(slopes, spread[long])))


def _lines(characters: Boxes, size: float, config: ClassicalConfig) -> list[tuple[Quad, float]]:
    """Lines and their scores."""
    small = np.max(_size(characters), axis=0) < config.dot * size
    letters, dots = characters[~small], characters[small]
    if not len(letters):
        return []
    group = _chained(letters, _reach(letters, size, config))
    pieces = _unions(letters, group)
    # punctuation and the dots of letters extend their part of a line towards the next part
    owner = _owners(dots, _expanded(pieces, 0.4, 0.25))
    owned = owner >= 0
    pieces = _unions(np.concatenate([pieces, dots[owned]]), np.append(np.arange(len(pieces)), owner[owned]))

    chain = _chained(pieces, config.gap / 2 * np.minimum(_size(pieces)[1], 3 * size))
    boxes, count = _unions(pieces, chain), np.bincount(chain[group])
    height = _size(boxes)[1]
    good = (height >= config.speck * size) & ((count > 1) | (height < 3 * size))
    boxes = _expanded(boxes[good], config.margin, config.margin)
    return [(_corners(box), 1 - 0.5**n) for box, n in zip(boxes.tolist(), count[good].tolist(), strict=True)]


def _reach(boxes: Boxes, size: float, config: ClassicalConfig) -> NDArray[np.float64]:
    width, height = _size(boxes)
    return config.reach * np.minimum(np.maximum(height, np.minimum(width, size)), 3 * size)


def _owners(dots: Boxes, boxes: Boxes) -> Groups:
    """For each dot a box that holds its middle, -1 for none."""
    both = np.concatenate([dots, boxes])
    both = (both - both.min(axis=0)[[0, 1, 0, 1]]).astype(int)
    canvas = np.full(both.max(axis=0)[[3, 2]] + 1, -1, dtype=np.int32)
    for i, (left, top, right, bottom) in enumerate(both[len(dots) :].tolist()):
        canvas[top : bottom + 1, left : right + 1] = i
    x, y = _centres(both[: len(dots)])
    return canvas[y, x].astype(np.intp)


def _unions(boxes: Boxes, group: Groups) -> Boxes:
    """Bounding box of each group."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    low = np.minimum.reduceat(boxes[order, :2], starts)
    return np.column_stack([low, np.maximum.reduceat(boxes[order, 2:], starts)])


def _size(boxes: Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]


def _centres(boxes: Boxes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(np.intp).T
    return x, y


def _expanded(boxes: Boxes, across: float, down: float) -> Boxes:
    """Boxes with a margin, in their own heights."""
    return boxes + _size(boxes)[1][:, None] * (-across, -down, across, down)


def _corners(box: Sequence[float]) -> Quad:
    left, top, right, bottom = box
    return (left, top), (right, top), (right, bottom), (left, bottom)
