"""Text rotated by 90° along a page: numbers on its margin, stamps of archives, labels of axes.

Detectors of horizontal lines miss it or return fragments. Columns of glyphs outside all detected lines are
turned by 90° and detected again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.geometry import (
    Image,
    Matrix,
    apply,
    clip_quad,
    quad_angle,
    quad_size,
    to_quad,
    turn,
    turn_matrix,
)
from ocrpipe.page import Quad
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.orientation import upside_down
from ocrpipe.stages.reading import Reading

Detect = Callable[[Image], Sequence[TextLine]]
"""Finds the lines of an image, H×W×3 RGB, uint8."""
ReadLines = Callable[[Sequence[TextLine]], Sequence[Reading]]
"""Reads lines of the level view."""


@dataclass(frozen=True, slots=True)
class RotatedOptions:
    """How rotated text is detected. Lengths without a unit are in heights of the page's typical line.

    Attributes:
        enabled: Detect rotated lines. They come last, each as a paragraph of its own.
        line_height: Pixels to which the page's typical line is scaled before columns are searched for.
        min_glyph: Minimum width and height of a glyph.
        max_glyph: Maximum width of a glyph.
        min_column: Minimum width of a column of glyphs; narrower ones are mostly credits of photographers
            and printers.
        max_column: Maximum width of a column.
        min_fill: Minimum fraction of ink in a glyph's box; rules have less.
        max_fill: Maximum fraction; blots have more.
        min_aspect: Minimum ratio of a column's height to its width.
        min_length: Minimum height of a column.
        margin: Margin around a column on its left and right; twice as much above and below.
        min_confidence: Minimum confidence of a line.
        min_letters: Minimum number of letters and digits of a line.
        contrast: Minimum grey levels by which ink is darker than its surroundings.
        window: Width of those surroundings in pixels at that scale; odd.
    """

    enabled: bool = True
    line_height: float = 16.0
    min_glyph: float = 0.2
    max_glyph: float = 2.0
    min_column: float = 0.5
    max_column: float = 2.0
    min_fill: float = 0.12
    max_fill: float = 0.9
    min_aspect: float = 3.0
    min_length: float = 2.0
    margin: float = 0.5
    min_confidence: float = 0.8
    min_letters: int = 3
    contrast: int = 20
    window: int = 31

    def __post_init__(self) -> None:
        if self.line_height <= 0 or self.window < 3 or self.window % 2 == 0 or self.margin < 0:
            raise ConfigError(f"options out of range: {self}")


_DEFAULT = RotatedOptions()


def find_rotated(
    frame: PageFrame,
    readings: Sequence[Reading],
    detect: Detect,
    read: ReadLines,
    options: RotatedOptions = _DEFAULT,
    read_columns: ReadLines | None = None,
) -> list[Reading]:
    """Rotated lines outside the given ones, each in the direction that reads with higher confidence.

    What reads badly both ways, and well as a column of upright characters, is vertical text.

    Args:
        frame: The page.
        readings: The lines that are kept.
        detect: Detects lines on a part of the view that was turned by 90°.
        read: Reads lines.
        read_columns: Reads lines of upright characters that run down; None takes none for such.
        options: Sizes and thresholds.
    """
    if not options.enabled or not readings:
        return []
    lines: list[TextLine] = []
    for strip in rotated_strips(frame.grey, [reading.quad for reading in readings], options):
        part, to_view = turned_strip(frame.level, strip)
        mapped = (_mapped(line, to_view, frame) for line in detect(part))
        lines += [line for line in mapped if quad_size(line.quad)[0] > 2 * quad_size(line.quad)[1]]
    if not lines:
        return []
    both = read([*lines, *map(upside_down, lines)])
    better = [
        max(pair, key=lambda reading: reading.confidence)
        for pair in zip(both[: len(lines)], both[len(lines) :], strict=True)
    ]
    if read_columns:
        doubtful = [i for i, reading in enumerate(better) if reading.confidence < options.min_confidence]
        down = [line if quad_angle(line.quad) > 0 else upside_down(line) for line in lines]
        for i, reading in zip(doubtful, read_columns([down[i] for i in doubtful]), strict=True):
            better[i] = max(better[i], reading, key=lambda one: one.confidence)
    return [
        reading
        for reading in better
        if reading.confidence >= options.min_confidence
        and sum(map(str.isalnum, reading.text)) >= options.min_letters
    ]


def rotated_strips(grey: Image, lines: Sequence[Quad], options: RotatedOptions = _DEFAULT) -> list[Quad]:
    """Columns of glyphs, which may be rotated text.

    Args:
        grey: H×W, uint8, the text running from left to right.
        lines: Detected lines of that text, in pixels; their median height sets the size of glyphs, so there
            are no columns on a page without lines.
        options: Sizes and thresholds.

    Returns:
        Axis-aligned rectangles with a margin around the glyphs, clockwise from their top left.
    """
    if not lines:
        return []
    height, width = grey.shape
    typical = float(np.median([quad_size(quad)[1] for quad in lines]))
    scale = min(1.0, options.line_height / typical)
    size = typical * scale
    ink = _ink(grey, scale, options)
    cv2.fillPoly(ink, [np.round(np.asarray(quad) * scale).astype(np.int32) for quad in lines], 0)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    w, h, area = stats[:, 2:].T
    # Blurred or bold glyphs of a column touch, so a component's height is not limited.
    smallest = options.min_glyph * size
    glyph = (w >= smallest) & (w <= options.max_glyph * size) & (h >= smallest)
    glyph &= (area >= options.min_fill * w * h) & (area <= options.max_fill * w * h)
    glyph[0] = False
    kernel = np.ones((2 * round(0.5 * size) + 1, 2 * round(0.1 * size) + 1), np.uint8)
    columns = cv2.morphologyEx(glyph[labels].astype(np.uint8), cv2.MORPH_CLOSE, kernel)

    strips = []
    for left, top, w, h, _ in cv2.connectedComponentsWithStats(columns, connectivity=8)[2][1:]:
        wide_enough = options.min_column * size <= w <= options.max_column * size
        if wide_enough and h >= max(options.min_aspect * w, options.min_length * size):
            margin = options.margin * size
            x0, x1 = left - margin, left + w + margin
            y0, y1 = top - 2 * margin, top + h + 2 * margin
            corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) / scale
            strips.append(clip_quad(to_quad(corners), width, height))
    return strips


def turned_strip(image: Image, strip: Quad) -> tuple[Image, Matrix]:
    """A strip of an image turned clockwise by 90°, and the matrix from its pixels to the image's."""
    (left, top), _, (right, bottom), _ = ((round(x), round(y)) for x, y in strip)
    part = image[top:bottom, left:right]
    turned_back = np.linalg.inv(turn_matrix(part.shape[1], part.shape[0], 90))
    return turn(part, 90), np.array([[1.0, 0, left], [0, 1, top], [0, 0, 1]]) @ turned_back


def _mapped(line: TextLine, matrix: Matrix, frame: PageFrame) -> TextLine:
    quad, crop = (part and frame.clip(apply(matrix, part)) for part in (line.quad, line.crop))
    assert quad is not None
    return TextLine(quad, line.score, crop)


def _ink(grey: Image, scale: float, options: RotatedOptions) -> NDArray[np.uint8]:
    """Ink, dark on light or light on dark, as 1; the background as 0."""
    size = max(1, math.ceil(grey.shape[1] * scale)), max(1, math.ceil(grey.shape[0] * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    if np.median(small) < 128:
        small = 255 - small
    how, kind = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    return np.asarray(cv2.adaptiveThreshold(small, 1, how, kind, options.window, options.contrast), np.uint8)
