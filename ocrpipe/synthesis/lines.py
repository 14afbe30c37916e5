"""Render single text lines as a detector would cut them from a scanned page.

The renderer knows where each character lies, which lets training supervise frames directly (see
``recognizers/crnn/training.py``). Its variety is what the recogniser's accuracy on real pages hangs on.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis import effects
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.text import Rng, TextSource, is_han

_FULL_WIDTH = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}


@dataclass(frozen=True)
class LineSample:
    """One rendered crop.

    Attributes:
        image: H×W uint8, grey, at the resolution of the imagined scan.
        text: What it says.
        centers: For each character of ``text``, x of its centre in pixels of ``image``.
    """

    image: NDArray[np.uint8]
    text: str
    centers: NDArray[np.float32]


@dataclass(frozen=True)
class LineStyle:
    """Shares of what is rendered; the defaults aim at scanned documents with some scene words.

    Attributes:
        chinese: Share of lines set in Chinese.
        longest: Longest crop, as a multiple of its height.
        degradation: Mean strength of scan effects (see ``effects.degrade``).
    """

    chinese: float = 0.42
    longest: float = 34.0
    degradation: float = 0.6


class LineRenderer:
    """Renders random lines; all randomness comes from the generator given to each call."""

    def __init__(self, fonts: FontLibrary, texts: TextSource, style: LineStyle | None = None) -> None:
        self._fonts = fonts
        self._texts = texts
        self._style = style or LineStyle()

    def render(self, rng: Rng) -> LineSample:
        """A random line."""
        language = "zh" if rng.random() < self._style.chinese else "en"
        text = self._text(rng, language)
        smallest = 9 if language == "en" else 12
        size = round(math.exp(rng.uniform(math.log(smallest), math.log(44))))
        pieces = self._typeset(rng, text, size)
        if not any(drawn.strip() for drawn, _, _ in pieces):
            return self.render(rng)
        return self._scan(rng, _draw(rng, pieces, size, self._neighbours(rng, language, size, pieces)))

    def _text(self, rng: Rng, language: str) -> str:
        texts, draw = self._texts, rng.random()
        if language == "zh":
            length = int(
                rng.choice(
                    [rng.integers(1, 9), rng.integers(8, 24), rng.integers(20, 42)], p=[0.25, 0.4, 0.35]
                )
            )
            if draw < 0.55:
                return texts.running(rng, "zh", length)
            if draw < 0.66:
                return texts.rare_hanzi(rng, min(length, 24))
            if draw < 0.74:
                return texts.entry(rng, "zh")
            if draw < 0.88:
                inset = texts.pattern(rng, "zh") if rng.random() < 0.6 else texts.running(rng, "en", 18)
                gap = " " if rng.random() < 0.3 else ""
                half = texts.running(rng, "zh", max(1, length // 2))
                return f"{half}{gap}{inset}{gap}{texts.running(rng, 'zh', max(1, length // 3))}"
            return texts.pattern(rng, "zh")
        length = int(
            rng.choice([rng.integers(3, 14), rng.integers(12, 45), rng.integers(40, 95)], p=[0.3, 0.4, 0.3])
        )
        if draw < 0.45:
            text = texts.running(rng, "en", length)
        elif draw < 0.58:
            text = texts.entry(rng, "en")
        elif draw < 0.95:
            text = texts.pattern(rng, "en")
        elif draw < 0.985:
            return " ".join(texts.pattern(rng, "en") for _ in range(int(rng.integers(2, 4))))[:70].strip()
        else:
            return texts.symbols(rng, int(rng.integers(1, 8)))
        case = rng.random()
        return text.upper() if case < 0.16 else text.title() if case < 0.22 else text

    def _typeset(self, rng: Rng, text: str, size: int) -> list[tuple[str, str, Font]]:
        """Split text into (drawn, label, font) pieces, each one font can draw whole."""
        main = self._main_font(rng, any(map(is_han, text)))
        if main.unicase:
            text = text.upper()
        other = self._fonts.pick(rng, "latin")
        mixed = "han" in main.kinds and rng.random() < 0.5
        wide = mixed and rng.random() < 0.12
        pieces: list[tuple[str, str, Font]] = []
        for character in text:
            font = other if mixed and character.isascii() and not wide else main
            drawn = _FULL_WIDTH.get(character, character) if wide and character.isascii() else character
            if not font.covers(drawn):
                drawn = character
                able = self._able(rng, character, (main, other))
                if able is None:
                    continue
                font = able
            if pieces and pieces[-1][2] is font:
                before = pieces[-1]
                pieces[-1] = (before[0] + drawn, before[1] + character, font)
            else:
                pieces.append((drawn, character, font))
        return pieces

    def _main_font(self, rng: Rng, han: bool) -> Font:
        if han:
            return self._fonts.pick(rng, "han")
        kind = rng.choice(
            ["latin", "mono", "typewriter", "display", "handwriting", "novelty", "han", "pixel"],
            p=[0.60, 0.09, 0.12, 0.06, 0.04, 0.02, 0.05, 0.02],
        )
        return self._fonts.pick(rng, str(kind) if kind in self._fonts.kinds else "latin")

    def _able(self, rng: Rng, character: str, preferred: tuple[Font, ...]) -> Font | None:
        """A font that can draw the character, if there is one."""
        for font in preferred:
            if font.covers(character):
                return font
        for kind in ("han", "latin"):
            with contextlib.suppress(ConfigError):
                return self._fonts.pick(rng, kind, character)
        return None

    def _neighbours(
        self, rng: Rng, language: str, size: int, pieces: list[tuple[str, str, Font]]
    ) -> list[_Neighbour]:
        """Lines above and below, whose descenders and ascenders a loose crop catches."""
        if rng.random() > 0.35:
            return []
        pitch = size * float(rng.uniform(1.05, 1.6))
        font, kind = pieces[0][2], "zh" if "han" in pieces[0][2].kinds else "en"
        found = []
        for direction in (-1, 1):
            text = self._texts.running(rng, kind, 60)
            if font.covers(text):
                found.append(_Neighbour(text, font, direction * pitch, float(rng.uniform(-2, 2)) * size))
        return found

    def _scan(self, rng: Rng, drawn: _Drawn) -> LineSample:
        """Ink on paper, cut out and degraded."""
        mask, centers = _cut(rng, drawn, self._style.longest)
        legible = min(1.0, max(0.15, (mask.shape[0] - 8) / 18))  # small print stands less
        strength = self._style.degradation * float(rng.uniform(0, 2.0)) * legible
        image = effects.degrade(_colour(rng, mask), rng, strength)
        if rng.random() < 0.1:
            image = (255 - image).astype(np.uint8)
        return LineSample(image, drawn.text, centers)


@dataclass(frozen=True)
class _Neighbour:
    text: str
    font: Font
    dy: float
    dx: float


@dataclass(frozen=True)
class _Drawn:
    """A line on its canvas: the ink, where its characters and its vertical limits are."""

    mask: NDArray[np.uint8]
    text: str
    centers: NDArray[np.float32]
    left: float
    right: float
    top: float
    bottom: float
    baseline: float


@lru_cache(maxsize=200_000)
def _advance(font: Font, size: int, character: str) -> float:
    return float(font.at(size).getlength(character))


@lru_cache(maxsize=4096)
def _reach(font: Font, size: int, han: bool) -> tuple[float, float]:
    """How far ordinary characters reach above and below the baseline."""
    box = font.at(size).getbbox("国" if han else "Hdlgp", anchor="ls")
    return -float(box[1]), float(box[3])


def _draw(rng: Rng, pieces: list[tuple[str, str, Font]], size: int, neighbours: list[_Neighbour]) -> _Drawn:
    spacing = float(rng.uniform(-0.03, 0.12) if rng.random() < 0.8 else rng.uniform(0.1, 0.6)) * size
    spacing = spacing if rng.random() < 0.3 else 0.0
    space = float(rng.uniform(0.75, 2.2)) if rng.random() < 0.4 else 1.0
    margin, baseline = size * 1.5, round(size * 2.2)
    labels = "".join(label for _, label, _ in pieces)
    total = sum(_advance(f, size, c) * (space if c == " " else 1) + spacing for t, _, f in pieces for c in t)
    canvas = Image.new("L", (int(total + 2 * margin) + 2, round(size * 3.6)))
    draw = ImageDraw.Draw(canvas)
    bold = int(size > 20 and rng.random() < 0.06)
    x, centers = margin, []
    for drawn, _, font in pieces:
        face, at, run = font.at(size), x, ""
        for character in drawn + "\0":
            if character in " \0" or (spacing and run):
                draw.text((at, baseline), run, fill=255, font=face, anchor="ls", stroke_width=bold)
                run = ""
            if character == "\0":
                break
            at = at if run else x
            wide = _advance(font, size, character) * (space if character == " " else 1)
            centers.append(x + wide / 2)
            x += wide + spacing
            run = "" if character == " " else run + character
            at = x if character == " " else at
    mask = np.array(canvas)
    reaches = [_reach(font, size, any(map(is_han, drawn))) for drawn, _, font in pieces]
    top, bottom = baseline - max(r[0] for r in reaches), baseline + max(r[1] for r in reaches)
    columns = np.flatnonzero(mask.max(0) > 100)
    left, right = (float(columns[0]), float(columns[-1] + 1)) if columns.size else (margin, x)
    if columns.size and rng.random() < 0.35:
        rows = np.flatnonzero(mask.max(1) > 100)
        top, bottom = float(rows[0]), float(rows[-1] + 1)
        short = 0.35 * size - (bottom - top)
        if short > 0:
            top, bottom = top - short / 2, bottom + short / 2
    if rng.random() < 0.12:
        mask = _dots(rng, mask)
    for near in neighbours:
        layer = Image.fromarray(mask)
        ImageDraw.Draw(layer).text(
            (margin + near.dx, baseline + near.dy), near.text, fill=255, font=near.font.at(size), anchor="ls"
        )
        mask = np.array(layer)
    _rules(rng, mask, size, baseline, bottom, left, right)
    return _Drawn(mask, labels, np.asarray(centers, np.float32), left, right, top, bottom, baseline)


def _dots(rng: Rng, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The ink as a needle printer or a coarse thermal head sets it."""
    height, width = mask.shape
    cell = int(rng.integers(2, 4))
    if height < 60:
        return mask
    coarse = cv2.resize(mask, (width // cell, height // cell), interpolation=cv2.INTER_AREA)
    coarse = ((coarse > 90) * 255).astype(np.uint8)
    dots = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(dots, (0, 0), 0.35 * cell), np.uint8)


def _rules(
    rng: Rng, mask: NDArray[np.uint8], size: int, baseline: float, bottom: float, left: float, right: float
) -> None:
    """Underlines, table rules and form boxes that touch the text; drawn into ``mask``."""
    height, width = mask.shape
    thick = max(1, round(size * float(rng.uniform(0.03, 0.09))))
    if rng.random() < 0.14:
        y = round(float(rng.choice([baseline + thick, bottom, bottom + size * rng.uniform(0, 0.3)])))
        mask[y : y + thick] = 255
    if rng.random() < 0.02:  # struck through
        y = round(baseline - size * float(rng.uniform(0.25, 0.45)))
        mask[y : y + thick, round(left) : round(right)] = 255
    if rng.random() < 0.07:
        y = round(baseline - size * float(rng.uniform(0.9, 1.3)))
        mask[max(0, y) : max(0, y) + thick] = 255
    for x, outward in ((left, -1), (right, 1)):
        if rng.random() < 0.05:
            x = round(x + outward * size * float(rng.uniform(0.12, 0.6)))
            mask[:, max(0, x) : min(width, x + thick)] = 255


def _cut(rng: Rng, drawn: _Drawn, longest: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut the line out with a detector's small errors, a little turned, slanted and stretched."""
    height = drawn.bottom - drawn.top
    loose = rng.random() < 0.5
    up, down = rng.uniform(-0.05, 0.28 if loose else 0.1, 2) * height
    before, after = rng.uniform(-0.02, 0.7 if loose else 0.25, 2) * height
    x0, x1 = drawn.left - before, drawn.right + after
    y0, y1 = drawn.top - up, drawn.bottom + down
    stretch = float(np.exp(rng.normal(0, 0.09) if rng.random() < 0.8 else rng.uniform(-0.5, 0.3)))
    stretch = min(stretch, longest * (y1 - y0) / (x1 - x0))
    shear = float(rng.uniform(-0.08, 0.25)) if rng.random() < 0.15 else 0.0
    limit = min(0.03, 0.25 * height / (x1 - x0))
    tilt = float(rng.uniform(-1, 1)) * limit if rng.random() < 0.4 else 0.0
    width, rows = max(4, round((x1 - x0) * stretch)), max(6, round(y1 - y0))
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    forward = np.array(
        [
            [stretch, -shear, width / 2 - stretch * middle_x + shear * middle_y],
            [tilt, 1.0, rows / 2 - tilt * middle_x - middle_y],
        ],
        np.float32,
    )
    image = cv2.warpAffine(drawn.mask, forward, (width, rows), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.06:
        image = _wave(rng, np.asarray(image, np.uint8))
    line_y = (drawn.top + drawn.bottom) / 2
    centers = stretch * drawn.centers - shear * line_y + forward[0, 2]
    return np.asarray(image, np.uint8), np.clip(centers, 0, width - 1).astype(np.float32)


def _wave(rng: Rng, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The slight curl of a crumpled or bound page."""
    height, width = image.shape
    xs = np.arange(width, dtype=np.float32)
    period = float(rng.uniform(0.6, 3)) * width
    dy = float(rng.uniform(0.02, 0.09)) * height * np.sin(2 * np.pi * (xs / period + rng.random()))
    map_x = np.broadcast_to(xs, (height, width)).astype(np.float32)
    map_y = (np.arange(height, dtype=np.float32)[:, None] + dy[None, :]).astype(np.float32)
    return np.asarray(cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR), np.uint8)


def _colour(rng: Rng, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dark ink on a light ground, now and then on a shaded or busy one."""
    height, width = mask.shape
    ink, ground = float(rng.uniform(0, 90)), float(rng.uniform(190, 256))
    kind = rng.random()
    if kind < 0.15:
        ink = float(rng.uniform(0, 150))
        ground = min(255.0, ink + float(rng.uniform(50, 180)))
    base: float | NDArray[np.float32] = ground
    if 0.15 < kind < 0.25:
        coarse = rng.uniform(max(ink + 40, ground - 90), ground, (2, int(rng.integers(2, 9)))).astype(
            np.float32
        )
        base = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    alpha = mask.astype(np.float32) * np.float32(1 / 255)
    return np.clip(base + (ink - base) * alpha, 0, 255).astype(np.uint8)
