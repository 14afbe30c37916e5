"""A page being drawn, with the ground truth of every text line on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.characters import is_hanzi
from ocrpipe.page import Quad
from ocrpipe.synthesis.fonts import Font

Colour = tuple[int, int, int]
Align = Literal["left", "right", "centre"]

_GRID = 4
"""Side in pixels of the cells in which occupied areas are recorded."""

LINE_GAP = 1.0
"""Default gap, in line heights, beyond which two pieces of a row are separate lines."""

FONT_CHANGE_GAP = 0.3
"""The same gap where font or size differ, as between a label and the value filled in beside it."""


@dataclass(frozen=True)
class Style:
    """Font, size and colour of a piece of text.

    Attributes:
        font: Draws every character that ``latin`` does not.
        size: Font size in pixels.
        colour: RGB.
        latin: Second font, for ASCII characters in Chinese text.
        tracking: Extra space after each character, in ems.
    """

    font: Font
    size: int
    colour: Colour = (0, 0, 0)
    latin: Font | None = None
    tracking: float = 0.0

    def clean(self, text: str) -> str:
        """``text`` without characters that the fonts lack, in capitals where the font is unicase."""
        text = text.upper() if self.font.unicase else text
        return "".join(character for character in text if self._font_of(character).covers(character))

    def runs(self, text: str) -> list[tuple[str, ImageFont.FreeTypeFont]]:
        """``text`` in parts of one font each; single characters where there is tracking."""
        if self.tracking:
            return [(character, self._font_of(character).at(self.size)) for character in text]
        if self.latin is None:
            return [(text, self.font.at(self.size))]
        return [("".join(part), font.at(self.size)) for font, part in groupby(text, self._font_of)]

    def width(self, text: str) -> float:
        """Advance width in pixels."""
        return sum(face.getlength(part) + self.tracking * self.size for part, face in self.runs(text))

    def truncated(self, text: str, width: float) -> str:
        """The longest prefix of the cleaned ``text`` that is at most ``width`` pixels wide."""
        text = self.clean(text)
        while text and self.width(text) > width:
            text = text[:-1].rstrip()
        return text

    def extent(self, text: str) -> tuple[float, float]:
        """Height of the line's box above and below the baseline, in pixels.

        It depends on the classes of characters, not on single letters, so that lines set alike get boxes
        of equal height: with small letters the descender is included, with hanzi their em box.
        """
        up = down = 0.0
        for part, face in self.runs(text):
            _, top, _, bottom = face.getbbox(part, anchor="ls")
            up, down = max(up, -top), max(down, bottom)
        font = (self.latin or self.font).at(self.size)
        cap, lower_case, hanzi = _sample_extent(font, "H")[0], _sample_extent(font, "dp"), (0.0, 0.0)
        if any(c.islower() for c in text):
            up, down = max(up, lower_case[0]), max(down, lower_case[1])
        if any(map(is_hanzi, text)):
            hanzi = _sample_extent(self.font.at(self.size), "国")
        pad = 0.04 * self.size
        return max(up, cap, hanzi[0]) + pad, max(down, hanzi[1]) + pad

    def _font_of(self, character: str) -> Font:
        if self.latin and character.isascii() and self.latin.covers(character):
            return self.latin
        return self.font


@lru_cache(maxsize=4096)
def _sample_extent(face: ImageFont.FreeTypeFont, sample: str) -> tuple[float, float]:
    _, top, _, bottom = face.getbbox(sample, anchor="ls")
    return -top, bottom


@dataclass(frozen=True)
class Piece:
    """Text to set in a row.

    Attributes:
        text: The text.
        style: Its style.
        x: Left edge, right edge or centre, depending on ``align``, in pixels.
        align: What ``x`` refers to.
        stretch: Extra pixels at each break: after spaces in Latin text, after every character in Chinese.
    """

    text: str
    style: Style
    x: float
    align: Align = "left"
    stretch: float = 0.0


@dataclass
class Box:
    """An axis-aligned box around a text line, in pixels."""

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
    """An RGB page and the ground truth of the text drawn on it.

    Coordinates are pixels from the top left.

    Attributes:
        image: The page.
        draw: Drawing context of ``image``.
        boxes: The text lines.
        ignored: "Don't care" regions: text that is neither a line to detect nor background.
        line_gap: The page's value for ``LINE_GAP``.
    """

    def __init__(
        self, width: int, height: int, paper: Colour = (255, 255, 255), line_gap: float = LINE_GAP
    ) -> None:
        self.line_gap = line_gap
        self.image = Image.new("RGB", (width, height), paper)
        self.draw = ImageDraw.Draw(self.image)
        self.boxes: list[Box] = []
        self.ignored: list[Box] = []
        self._occupied = np.zeros((height // _GRID + 1, width // _GRID + 1), np.bool_)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.image.height

    def row(self, pieces: Sequence[Piece], baseline: float) -> None:
        """Draw pieces on one baseline; adjacent ones with small gaps become one line of the ground truth."""
        drawn = [(box, piece.style) for piece in pieces if (box := self._draw_piece(piece, baseline))]
        merged: list[Box] = []
        previous: Style | None = None
        for box, style in sorted(drawn, key=lambda item: item[0].left):
            last = merged[-1] if merged else box
            height = max(last.bottom - last.top, box.bottom - box.top)
            same_font = previous is not None and (previous.font, previous.size) == (style.font, style.size)
            max_gap = (self.line_gap if same_font else FONT_CHANGE_GAP) * height
            if last is not box and box.left - last.right < max_gap:
                last.text += " " * (box.left - last.right > 0.15 * height) + box.text
                last.right = max(last.right, box.right)
                last.top, last.bottom = min(last.top, box.top), max(last.bottom, box.bottom)
            else:
                merged.append(box)
            previous = style
        self.boxes += merged

    def text(self, x: float, baseline: float, text: str, style: Style, align: Align = "left") -> float:
        """Draw a text line; returns the x of its right end."""
        box = self._draw_piece(Piece(text, style, x, align), baseline)
        if box is None:
            return x
        self.boxes.append(box)
        return box.right

    def decorate(self, x: float, baseline: float, text: str, style: Style, align: Align = "left") -> None:
        """Draw characters that are no text line, such as a row of dashes."""
        self._draw_piece(Piece(text, style, x, align), baseline)

    def ignore(self, left: float, top: float, right: float, bottom: float) -> None:
        """Add a "don't care" region; no text is drawn over it later."""
        self.occupy(left, top, right, bottom)
        self.ignored.append(Box(left, top, right, bottom, ""))

    def occupy(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Reserve an area against later text; returns whether it was free."""
        rows = slice(max(0, round(top / _GRID)), max(0, round(bottom / _GRID)) + 1)
        cells = self._occupied[rows, max(0, round(left / _GRID)) : max(0, round(right / _GRID)) + 1]
        free = not cells.any()
        cells[...] = True
        return free

    def is_free(self, left: float, top: float, right: float, bottom: float) -> bool:
        """Whether no text line and no "don't care" region overlaps the area."""
        return not any(
            box.left < right and left < box.right and box.top < bottom and top < box.bottom
            for box in (*self.boxes, *self.ignored)
        )

    def paste(self, picture: NDArray[np.uint8], x: int, y: int) -> None:
        """Draw an H×W or H×W×3 RGB uint8 picture with its top left corner at (x, y)."""
        self.occupy(x, y, x + picture.shape[1], y + picture.shape[0])
        self.image.paste(Image.fromarray(picture).convert("RGB"), (x, y))

    def _draw_piece(self, piece: Piece, baseline: float) -> Box | None:
        """Draw the piece and return its box; None if it has no ink, leaves the page or hits something."""
        style, text = piece.style, piece.style.clean(piece.text).strip()
        if not text:
            return None
        runs = _stretched_runs(style, text, piece.stretch)
        lengths = [face.getlength(part) for part, face, _ in runs]
        width = sum(lengths) + sum(gap for _, _, gap in runs[:-1])
        x = piece.x - {"left": 0.0, "right": width, "centre": width / 2}[piece.align]
        up, down = style.extent(text)
        if x < 1 or x + width > self.width - 1 or baseline - up < 1 or baseline + down > self.height - 1:
            return None
        # Only the middle of the line: closely set lines may touch.
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


def _stretched_runs(
    style: Style, text: str, stretch: float
) -> list[tuple[str, ImageFont.FreeTypeFont, float]]:
    """The runs of a text, cut where ``stretch`` is added, each with the space after it in pixels."""
    tracking = style.tracking * style.size
    runs = style.runs(text)
    if not stretch:
        return [(part, face, tracking) for part, face in runs]
    if any(map(is_hanzi, text)):
        return [
            (piece, face, tracking + stretch)
            for part, face in runs
            for piece in (part if not part.isascii() else [part])
        ]
    stretched = []
    for part, face in runs:
        words = part.split(" ")
        for i, word in enumerate(words):
            last = i == len(words) - 1
            stretched.append((word if last else word + " ", face, tracking + (0.0 if last else stretch)))
    return stretched
