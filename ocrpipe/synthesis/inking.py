"""Draw a line of text as ink on a canvas of its own, and know where each of its characters lies."""

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
"""Glyphs of joined letters, and the letters."""

_VISIBLE = 100  # ink fainter than this is the blur around a stroke


@dataclass(frozen=True)
class Run:
    """Neighbouring characters of a line that one font draws.

    Attributes:
        drawn: What is drawn; ``font`` covers all of it.
        label: What it reads as, a character for each of ``drawn``: the half-width form of a full-width one;
            for joined letters the letters.
        font: The face.
        scale: Size over that of the line: below 1 for indices and exponents.
        rise: How far above the baseline it stands, in the line's ems.
        bold: How much heavier than the face its strokes are, in the line's ems, as word processors embolden.
    """

    drawn: str
    label: str
    font: Font
    scale: float = 1.0
    rise: float = 0.0
    bold: float = 0.0

    def size(self, line: int) -> int:
        """Pixels an em in a line of ``line`` pixels an em."""
        return max(4, round(self.scale * line))


@dataclass(frozen=True)
class Neighbour:
    """A line above or below, part of which gets into the crop.

    Attributes:
        text: What it says.
        font: The face; it covers the text.
        dx: Pixels from the line's start to this one's.
        dy: Pixels from the line's baseline to this one's.
    """

    text: str
    font: Font
    dx: float
    dy: float


@dataclass(frozen=True)
class Ink:
    """A line on its canvas.

    Attributes:
        mask: H×W uint8, 255 where there is ink.
        text: What it says.
        centers: x of the centre of each character of ``text``.
        left: Where the line begins.
        right: Where it ends.
        top: How far up a detector would find it to reach.
        bottom: How far down.
    """

    mask: Mask
    text: str
    centers: NDArray[np.float32]
    left: float
    right: float
    top: float
    bottom: float


def draw_line(rng: Rng, runs: Sequence[Run], size: int, neighbours: Sequence[Neighbour] = ()) -> Ink:
    """Set a line of ``size`` pixels an em, with whatever is near it on the page.

    Args:
        rng: Chooses letter and word spacing, boldness, rules, dots.
        runs: The line's characters.
        size: Pixels an em.
        neighbours: What else is written near it.
    """
    spacing = float(rng.uniform(-0.03, 0.12) if rng.random() < 0.8 else rng.uniform(0.1, 0.6)) * size
    spacing = spacing if rng.random() < 0.3 else 0.0
    space = float(rng.uniform(0.75, 2.2)) if rng.random() < 0.4 else 1.0
    widths = [
        _advance(run.font, run.size(size), c) * (space if c == " " else 1) for run in runs for c in run.drawn
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
    _write(canvas, runs, size, lefts, baseline, apart=spacing != 0, bold=bold)
    mask = np.array(canvas)
    left, right = _ends(mask.max(0)) or (margin, lefts[-1])
    top, bottom = _vertical_limits(rng, mask, runs, size, baseline)
    if rng.random() < 0.12:
        mask = _dots(rng, mask)
    for near in neighbours:
        layer = Image.fromarray(mask)
        place = margin + near.dx, baseline + near.dy
        ImageDraw.Draw(layer).text(place, near.text, fill=255, font=near.font.at(size), anchor="ls")
        mask = np.array(layer)
    _rules(rng, mask, size, baseline, bottom, left, right)
    label = "".join(run.label for run in runs)
    return Ink(mask, label, np.asarray(centers, np.float32), left, right, top, bottom)


@lru_cache(maxsize=200_000)
def _advance(font: Font, size: int, character: str) -> float:
    return float(font.at(size).getlength(character))


@lru_cache(maxsize=4096)
def _reach(font: Font, size: int, han: bool) -> tuple[float, float]:
    """How far ordinary characters reach above and below the baseline."""
    box = font.at(size).getbbox("国" if han else "Hdlgp", anchor="ls")
    return -float(box[1]), float(box[3])


def _write(
    canvas: Image.Image,
    runs: Sequence[Run],
    size: int,
    lefts: Sequence[float],
    baseline: int,
    *,
    apart: bool,
    bold: int,
) -> None:
    """Draw the runs word by word, which kerns within words, or ``apart``: character by character."""
    draw, before = ImageDraw.Draw(canvas), 0
    for run in runs:
        for word in re.finditer("[^ ]" if apart else "[^ ]+", run.drawn):
            place = lefts[before + word.start()], baseline - run.rise * size
            face = run.font.at(run.size(size))
            draw.text(place, word.group(), fill=255, font=face, anchor="ls", stroke_width=bold)
            if run.bold:
                beside = place[0] + run.bold * size, place[1]
                draw.text(beside, word.group(), fill=255, font=face, anchor="ls")
        before += len(run.drawn)


def _ends(profile: Mask) -> tuple[float, float] | None:
    """First and last end of the ink along a profile, if there is any."""
    inked = np.flatnonzero(profile > _VISIBLE)
    return (float(inked[0]), float(inked[-1] + 1)) if inked.size else None


def _vertical_limits(
    rng: Rng, mask: Mask, runs: Sequence[Run], size: int, baseline: int
) -> tuple[float, float]:
    """Ascender to descender as a rule, sometimes the ink alone: detectors do both."""
    reaches = [_reach(run.font, size, any(map(is_han, run.drawn))) for run in runs if run.scale == 1]
    top, bottom = baseline - max(up for up, _ in reaches), baseline + max(down for _, down in reaches)
    inked = _ends(mask.max(1))
    if inked and rng.random() < 0.35:
        top, bottom = inked
        short = 0.35 * size - (bottom - top)
        if short > 0:
            top, bottom = top - short / 2, bottom + short / 2
    return top, bottom


def _dots(rng: Rng, mask: Mask) -> Mask:
    """The ink as a needle printer or a coarse thermal head sets it."""
    height, width = mask.shape
    cell = int(rng.integers(2, 4))
    if height < 60:
        return mask
    coarse = cv2.resize(mask, (width // cell, height // cell), interpolation=cv2.INTER_AREA)
    coarse = ((coarse > 90) * 255).astype(np.uint8)
    dots = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(dots, (0, 0), 0.35 * cell), np.uint8)


def _stroke(rng: Rng, mask: Mask, size: int, baseline: float, x: float) -> None:
    """A tick or another stroke of a pen beside the text, which says nothing."""
    steps = np.cumsum(rng.normal(0, 0.35 * size, (int(rng.integers(2, 5)), 2)), axis=0)
    points = (steps + (x + 0.4 * size, baseline - 0.4 * size)).astype(np.int32)
    thick = max(1, round(size * float(rng.uniform(0.03, 0.1))))
    cv2.polylines(mask, [points], False, 255, thick, cv2.LINE_AA)


def _rules(
    rng: Rng, mask: Mask, size: int, baseline: float, bottom: float, left: float, right: float
) -> None:
    """Underlines, table rules and form boxes that touch the text; drawn into ``mask``."""
    width = mask.shape[1]
    thick = max(1, round(size * float(rng.uniform(0.03, 0.09))))
    if rng.random() < 0.14:
        near = baseline + size * float(rng.uniform(-0.15, 0.12))  # through the letters' feet, or just below
        y = round(float(rng.choice([baseline + thick, near, bottom, bottom + size * rng.uniform(0, 0.3)])))
        mask[y : y + thick] = 255
    if rng.random() < 0.04:  # struck through, whole or in part
        y = round(baseline - size * float(rng.uniform(0.25, 0.45)))
        first, last = sorted(rng.uniform(left, right, 2)) if rng.random() < 0.4 else (left, right)
        mask[y : y + thick, round(first) : round(last)] = 255
    if rng.random() < 0.06:  # the blank of a form, to be filled in after its label
        y = round(baseline + size * float(rng.uniform(-0.02, 0.15)))
        mask[y : y + thick, round(right + size * float(rng.uniform(-0.1, 0.3))) :] = 255
    if rng.random() < 0.03:
        _stroke(rng, mask, size, baseline, right if rng.random() < 0.7 else left - size)
    if rng.random() < 0.07:
        y = round(baseline - size * float(rng.uniform(0.9, 1.3)))
        mask[max(0, y) : max(0, y) + thick] = 255
    for end, outward in ((left, -1), (right, 1)):
        if rng.random() < 0.05:
            x = round(end + outward * size * float(rng.uniform(0.12, 0.6)))
            mask[:, max(0, x) : min(width, x + thick)] = 255
