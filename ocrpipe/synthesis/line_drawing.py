"""Draw a text line as an ink mask, with the position of each character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ocrpipe.synthesis.fonts import Font
from ocrpipe.synthesis.text import is_han

Rng = np.random.Generator
Mask = NDArray[np.uint8]

LIGATURES = {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
"""Ligature characters and the letters they stand for."""

_MIN_INK = 100
"""Mask values up to this are anti-aliasing around a stroke."""


@dataclass(frozen=True)
class Run:
    """Consecutive characters of a line in one font and style.

    Attributes:
        drawn: The characters drawn; ``font`` covers them.
        label: Their ground truth, one character for each of ``drawn``: half-width forms for full-width ones;
            the letters for ligatures.
        font: The font.
        scale: Font size over that of the line: below 1 for subscripts, superscripts and small capitals.
        rise: Shift of the baseline upwards, in ems of the line.
        bold: Extra stroke width of synthetic bold, in ems of the line.
    """

    drawn: str
    label: str
    font: Font
    scale: float = 1.0
    rise: float = 0.0
    bold: float = 0.0

    def size(self, line_size: int) -> int:
        """Font size in pixels, in a line of ``line_size`` pixels."""
        return max(4, round(self.scale * line_size))


@dataclass(frozen=True)
class Neighbour:
    """A line above or below, parts of which lie in the crop.

    Attributes:
        text: Its text.
        font: Its font, which covers the text.
        dx: Pixels from the start of the line to that of this one.
        dy: Pixels from the baseline of the line down to that of this one.
    """

    text: str
    font: Font
    dx: float
    dy: float


@dataclass(frozen=True)
class DrawnLine:
    """A text line drawn on a canvas of its own; coordinates are pixels of ``mask``.

    Attributes:
        mask: H×W uint8, 255 where there is ink.
        text: The text.
        centers: Centre x of each character of ``text``.
        left: Left end of the ink.
        right: Right end of the ink.
        top: Upper edge of the box that a detector would return.
        bottom: Lower edge of that box.
    """

    mask: Mask
    text: str
    centers: NDArray[np.float32]
    left: float
    right: float
    top: float
    bottom: float


def draw_line(
    rng: Rng, runs: Sequence[Run], size: int, neighbours: Sequence[Neighbour] = (), *, printed: bool = True
) -> DrawnLine:
    """Draw a line, with random letter and word spacing, boldness, rules and dot-matrix rendering.

    Args:
        rng: Source of all random choices.
        runs: The characters of the line.
        size: Font size in pixels.
        neighbours: Lines above and below.
        printed: Whether there may be rules, pen strokes and dot-matrix rendering.
    """
    spacing = float(rng.uniform(-0.03, 0.12) if rng.random() < 0.8 else rng.uniform(0.1, 0.6)) * size
    spacing = spacing if rng.random() < 0.3 else 0.0
    space_scale = float(rng.uniform(0.75, 2.2)) if rng.random() < 0.4 else 1.0
    widths = [
        advance(run.font, run.size(size), c) * (space_scale if c == " " else 1)
        for run in runs
        for c in run.drawn
    ]
    margin, baseline = size * 1.5, round(size * 2.2)
    length = sum(width + spacing for width in widths)
    canvas = Image.new("L", (int(length + 2 * margin) + 2, round(size * 3.6)))
    bold = int(size > 20 and rng.random() < 0.06)

    lefts = [margin]
    for width in widths:
        lefts.append(lefts[-1] + width + spacing)
    drawn = [c for run in runs for c in run.drawn]
    centers = [
        left + width * (i + 0.5) / len(letters)
        for left, width, letters in zip(lefts, widths, (LIGATURES.get(c, c) for c in drawn), strict=False)
        for i in range(len(letters))
    ]
    draw_runs(canvas, runs, size, lefts, baseline, spaced=spacing != 0, bold=bold)
    mask = np.array(canvas)
    left, right = _ink_limits(mask.max(0)) or (margin, lefts[-1])
    top, bottom = _vertical_limits(rng, mask, runs, size, baseline)
    if printed and rng.random() < 0.12:
        mask = _dot_matrix(rng, mask)
    for neighbour in neighbours:
        layer = Image.fromarray(mask)
        start = margin + neighbour.dx, baseline + neighbour.dy
        ImageDraw.Draw(layer).text(start, neighbour.text, fill=255, font=neighbour.font.at(size), anchor="ls")
        mask = np.array(layer)
    if printed:
        _rules(rng, mask, size, baseline, bottom, left, right)
    label = "".join(run.label for run in runs)
    return DrawnLine(mask, label, np.asarray(centers, np.float32), left, right, top, bottom)


@lru_cache(maxsize=200_000)
def advance(font: Font, size: int, character: str) -> float:
    """Width of a character at a font size, in pixels."""
    return float(font.at(size).getlength(character))


@lru_cache(maxsize=4096)
def _font_extent(font: Font, size: int, han: bool) -> tuple[float, float]:
    """Height of ordinary characters above and below the baseline, in pixels."""
    box = font.at(size).getbbox("国" if han else "Hdlgp", anchor="ls")
    return -float(box[1]), float(box[3])


def draw_runs(
    canvas: Image.Image,
    runs: Sequence[Run],
    size: int,
    lefts: Sequence[float],
    baseline: int,
    *,
    spaced: bool,
    bold: int,
) -> None:
    """Draw the runs word by word, with kerning, or character by character where ``spaced``."""
    draw, offset = ImageDraw.Draw(canvas), 0
    for run in runs:
        for word in re.finditer("[^ ]" if spaced else "[^ ]+", run.drawn):
            x, y = lefts[offset + word.start()], baseline - run.rise * size
            face = run.font.at(run.size(size))
            draw.text((x, y), word.group(), fill=255, font=face, anchor="ls", stroke_width=bold)
            if run.bold:
                draw.text((x + run.bold * size, y), word.group(), fill=255, font=face, anchor="ls")
        offset += len(run.drawn)


def _ink_limits(profile: Mask) -> tuple[float, float] | None:
    """First and last position with ink along a profile; None without ink."""
    inked = np.flatnonzero(profile > _MIN_INK)
    return (float(inked[0]), float(inked[-1] + 1)) if inked.size else None


def _vertical_limits(
    rng: Rng, mask: Mask, runs: Sequence[Run], size: int, baseline: int
) -> tuple[float, float]:
    """Top and bottom as detectors give them: mostly ascender to descender, sometimes the ink alone."""
    full = [run for run in runs if run.scale == 1] or runs
    extents = [_font_extent(run.font, size, any(map(is_han, run.drawn))) for run in full]
    top, bottom = baseline - max(up for up, _ in extents), baseline + max(down for _, down in extents)
    inked = _ink_limits(mask.max(1))
    if inked and rng.random() < 0.35:
        top, bottom = inked
    missing = 0.35 * size - (bottom - top)  # of a line of dashes or dots, or a font without its own height
    if missing > 0:
        top, bottom = top - missing / 2, bottom + missing / 2
    return top, bottom


def _dot_matrix(rng: Rng, mask: Mask) -> Mask:
    """The mask as a dot-matrix or a low-resolution thermal printer renders it."""
    height, width = mask.shape
    cell = int(rng.integers(2, 4))
    if height < 60:
        return mask
    coarse = cv2.resize(mask, (width // cell, height // cell), interpolation=cv2.INTER_AREA)
    coarse = ((coarse > 90) * 255).astype(np.uint8)
    dots = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(dots, (0, 0), 0.35 * cell), np.uint8)


def _pen_stroke(rng: Rng, mask: Mask, size: int, baseline: float, x: float) -> None:
    """Draw a tick or another pen stroke beside the text; it has no label."""
    steps = np.cumsum(rng.normal(0, 0.35 * size, (int(rng.integers(2, 5)), 2)), axis=0)
    points = (steps + (x + 0.4 * size, baseline - 0.4 * size)).astype(np.int32)
    thickness = max(1, round(size * float(rng.uniform(0.03, 0.1))))
    cv2.polylines(mask, [points], False, 255, thickness, cv2.LINE_AA)


def _rules(
    rng: Rng, mask: Mask, size: int, baseline: float, bottom: float, left: float, right: float
) -> None:
    """Draw underlines, table rules and form boxes that touch the text into ``mask``."""
    width = mask.shape[1]
    thickness = max(1, round(size * float(rng.uniform(0.03, 0.09))))
    if rng.random() < 0.14:
        touching = baseline + size * float(rng.uniform(-0.15, 0.12))  # the bottom of the letters
        levels = [baseline + thickness, touching, bottom, bottom + size * rng.uniform(0, 0.3)]
        y = round(float(rng.choice(levels)))
        mask[y : y + thickness] = 255
    if rng.random() < 0.04:  # strikethrough, of all or a part
        y = round(baseline - size * float(rng.uniform(0.25, 0.45)))
        first, last = sorted(rng.uniform(left, right, 2)) if rng.random() < 0.4 else (left, right)
        mask[y : y + thickness, round(first) : round(last)] = 255
    if rng.random() < 0.06:  # the blank of a form, after its label
        y = round(baseline + size * float(rng.uniform(-0.02, 0.15)))
        mask[y : y + thickness, round(right + size * float(rng.uniform(-0.1, 0.3))) :] = 255
    if rng.random() < 0.03:
        _pen_stroke(rng, mask, size, baseline, right if rng.random() < 0.7 else left - size)
    if rng.random() < 0.07:
        y = round(baseline - size * float(rng.uniform(0.9, 1.3)))
        mask[max(0, y) : max(0, y) + thickness] = 255
    for end, direction in ((left, -1), (right, 1)):
        if rng.random() < 0.05:
            x = round(end + direction * size * float(rng.uniform(0.12, 0.6)))
            mask[:, max(0, x) : min(width, x + thickness)] = 255
