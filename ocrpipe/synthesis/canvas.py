"""A page being drawn: text, rules and pictures, and the ground truth of every line of text on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.page import Quad
from ocrpipe.synthesis.fonts import Font

Colour = tuple[int, int, int]
Align = Literal["left", "right", "centre"]

_GRID = 4

LINE_GAP = 1.0
"""Pieces of a row with a gap wider than this many line heights are separate lines, as a rule."""

FACE_GAP = 0.3
"""Likewise where the face or its size changes: a label and what was filled in beside it."""


@dataclass(frozen=True)
class Style:
    """How a piece of text looks.

    Attributes:
        font: The face; it draws everything ``latin`` does not.
        size: Pixels an em.
        colour: RGB.
        latin: A second face for Latin letters and digits in Chinese text.
        tracking: Extra space after each character, in ems.
    """

    font: Font
    size: int
    colour: Colour = (0, 0, 0)
    latin: Font | None = None
    tracking: float = 0.0

    def clean(self, text: str) -> str:
        """``text`` without what the fonts have no glyph for."""
        text = text.upper() if self.font.unicase else text
        return "".join(character for character in text if self._font_of(character).covers(character))

    def runs(self, text: str) -> list[tuple[str, ImageFont.FreeTypeFont]]:
        """``text`` cut where the face changes, or after each character where it is tracked."""
        if self.tracking:
            return [(character, self._font_of(character).at(self.size)) for character in text]
        if self.latin is None:
            return [(text, self.font.at(self.size))]
        return [("".join(part), font.at(self.size)) for font, part in groupby(text, self._font_of)]

    def width(self, text: str) -> float:
        """Advance width in pixels."""
        return sum(face.getlength(part) + self.tracking * self.size for part, face in self.runs(text))

    def fitted(self, text: str, width: float) -> str:
        """As much of ``text``, cleaned, as is no wider than so many pixels."""
        text = self.clean(text)
        while text and self.width(text) > width:
            text = text[:-1].rstrip()
        return text

    def extent(self, text: str) -> tuple[float, float]:
        """How far the line's box reaches above and below the baseline, in pixels.

        By kind of text rather than by each letter, so that equal lines get equal boxes: capitals and
        digits stand on the baseline, any small letter brings the descender, any Han character its em box.
        """
        up = down = 0.0
        for part, face in self.runs(text):
            _, top, _, bottom = face.getbbox(part, anchor="ls")
            up, down = max(up, -top), max(down, bottom)
        font = (self.latin or self.font).at(self.size)
        cap, descender, han = _reach(font, "H")[0], _reach(font, "dp"), (0.0, 0.0)
        if any(c.islower() for c in text):
            up, down = max(up, descender[0]), max(down, descender[1])
        if any("\u3400" <= c <= "\u9fff" for c in text):
            han = _reach(self.font.at(self.size), "国")
        pad = 0.04 * self.size
        return max(up, cap, han[0]) + pad, max(down, han[1]) + pad

    def _font_of(self, character: str) -> Font:
        if self.latin and character.isascii() and self.latin.covers(character):
            return self.latin
        return self.font


@lru_cache(maxsize=4096)
def _reach(face: ImageFont.FreeTypeFont, sample: str) -> tuple[float, float]:
    _, top, _, bottom = face.getbbox(sample, anchor="ls")
    return -top, bottom


@dataclass(frozen=True)
class Piece:
    """Text to stand in a row: ``x`` is its left edge, right edge or centre, by ``align``."""

    text: str
    style: Style
    x: float
    align: Align = "left"
    stretch: float = 0.0
    """Extra pixels at each break: the spaces of Latin text, every character of Chinese."""


@dataclass
class Box:
    """An upright box of text in pixels."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def quad(self) -> Quad:
        """The corners, clockwise from the top left."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        )


class Canvas:
    """An RGB page with the ground truth of what has been written on it.

    Attributes:
        image: The picture.
        draw: Draws on the picture.
        boxes: The lines of text.
        ignored: Areas with writing that is neither a line to find nor background.
        line_gap: What ``LINE_GAP`` is on this page.
    """

    def __init__(
        self, width: int, height: int, paper: Colour = (255, 255, 255), line_gap: float = LINE_GAP
    ) -> None:
        self.line_gap = line_gap
        self.image = Image.new("RGB", (width, height), paper)
        self.draw = ImageDraw.Draw(self.image)
        self.boxes: list[Box] = []
        self.ignored: list[Box] = []
        self._taken = np.zeros((height // _GRID + 1, width // _GRID + 1), np.bool_)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.image.height

    def row(self, pieces: Sequence[Piece], baseline: float) -> None:
        """Write pieces on one baseline; those close to each other become one line of the ground truth."""
        written = [(box, piece.style) for piece in pieces if (box := self._write(piece, baseline))]
        merged: list[Box] = []
        before: Style | None = None
        for box, style in sorted(written, key=lambda one: one[0].left):
            last = merged[-1] if merged else box
            height = max(last.bottom - last.top, box.bottom - box.top)
            alike = before is not None and (before.font, before.size) == (style.font, style.size)
            if last is not box and box.left - last.right < (self.line_gap if alike else FACE_GAP) * height:
                last.text += " " * (box.left - last.right > 0.15 * height) + box.text
                last.right = max(last.right, box.right)
                last.top, last.bottom = min(last.top, box.top), max(last.bottom, box.bottom)
            else:
                merged.append(box)
            before = style
        self.boxes += merged

    def text(self, x: float, baseline: float, text: str, style: Style, align: Align = "left") -> float:
        """Write a line of its own; returns the x where it ends."""
        box = self._write(Piece(text, style, x, align), baseline)
        if box is None:
            return x
        self.boxes.append(box)
        return box.right

    def decorate(self, x: float, baseline: float, text: str, style: Style, align: Align = "left") -> None:
        """Write what is no line of text, such as a row of dashes or a check mark."""
        self._write(Piece(text, style, x, align), baseline)

    def ignore(self, left: float, top: float, right: float, bottom: float) -> None:
        """Mark an area as don't-care, and keep text off it."""
        self.occupy(left, top, right, bottom)
        self.ignored.append(Box(left, top, right, bottom, ""))

    def occupy(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Claim an area; text that would run into one is not written. Says whether it was free."""
        rows = slice(max(0, round(top / _GRID)), max(0, round(bottom / _GRID)) + 1)
        area = self._taken[rows, max(0, round(left / _GRID)) : max(0, round(right / _GRID)) + 1]
        free = not area.any()
        area[...] = True
        return free

    def clear(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether no line of text, nor writing that is don't-care, reaches into an area."""
        return not any(
            box.left < right and left < box.right and box.top < bottom and top < box.bottom
            for box in (*self.boxes, *self.ignored)
        )

    def paste(self, picture: NDArray[np.uint8], x: int, y: int) -> None:
        """Lay an H×W or H×W×3 uint8 picture over the page with its top left corner at (x, y)."""
        self.occupy(x, y, x + picture.shape[1], y + picture.shape[0])
        self.image.paste(Image.fromarray(picture).convert("RGB"), (x, y))

    def _write(self, piece: Piece, baseline: float) -> Box | None:
        """Draw the piece; its box, or None where it has no ink, leaves the page or hits something."""
        style, text = piece.style, piece.style.clean(piece.text).strip()
        if not text:
            return None
        runs = _broken(style, text, piece.stretch)
        lengths = [face.getlength(part) for part, face, _ in runs]
        width = sum(lengths) + sum(gap for _, _, gap in runs[:-1])
        x = piece.x - {"left": 0.0, "right": width, "centre": width / 2}[piece.align]
        up, down = style.extent(text)
        if x < 1 or x + width > self.width - 1 or baseline - up < 1 or baseline + down > self.height - 1:
            return None
        # The core of the line only: tightly set lines may touch, and letters overhang.
        if not self.occupy(x, baseline - 0.5 * style.size, x + width, baseline - 0.1 * style.size):
            return None
        left, right = float(self.width), 0.0
        for (part, face, gap), length in zip(runs, lengths, strict=True):
            if part.strip():
                self.draw.text((x, baseline), part, fill=style.colour, font=face, anchor="ls")
                ink_left, _, ink_right, _ = face.getbbox(part, anchor="ls")
                left, right = min(left, x + ink_left), max(right, x + ink_right)
            x += length + gap
        return Box(left, baseline - up, right, baseline + down, text) if right > left else None


def _broken(style: Style, text: str, stretch: float) -> list[tuple[str, ImageFont.FreeTypeFont, float]]:
    """The runs of a text, cut where ``stretch`` comes in, each with the space after it."""
    tracking = style.tracking * style.size
    runs = style.runs(text)
    if not stretch:
        return [(part, face, tracking) for part, face in runs]
    if any("\u3400" <= c <= "\u9fff" for c in text):
        return [
            (piece, face, tracking + stretch)
            for part, face in runs
            for piece in (part if not part.isascii() else [part])
        ]
    broken = []
    for part, face in runs:
        words = part.split(" ")
        for i, word in enumerate(words):
            last = i == len(words) - 1
            broken.append((word if last else word + " ", face, tracking + (0.0 if last else stretch)))
    return broken
