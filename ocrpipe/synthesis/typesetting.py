"""Setting running text: a page's fonts and language, line breaking, paragraphs, headings and lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.canvas import Align, Canvas, Colour, Piece, Style
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.text import TextSource

T = TypeVar("T")

_NOT_FIRST = frozenset("，。；：？！）》”’、】」』%）,.;:?!)]}…·")
_MARKERS = ((255, 250, 120), (190, 255, 170), (255, 200, 225))
_NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True)
class Frame:
    """An upright area of the page in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    def inset(self, by: float) -> Frame:
        """The frame without a border of ``by`` pixels."""
        return Frame(self.left + by, self.top + by, self.right - by, self.bottom - by)


class Typesetter:
    """Writes text of one language in one set of fonts on one canvas.

    Args:
        canvas: The page.
        rng: Makes every choice.
        fonts: Fonts to choose from.
        texts: Where the text comes from.
        language: "en" or "zh".
        size: Size of the running text in pixels an em.
    """

    def __init__(
        self,
        canvas: Canvas,
        rng: np.random.Generator,
        fonts: FontLibrary,
        texts: TextSource,
        language: str,
        size: float,
    ) -> None:
        self.canvas, self.rng, self.fonts, self.texts, self.language = canvas, rng, fonts, texts, language
        self.em = max(8, round(size))
        dark = int(rng.integers(0, 70)) if self.chance(0.5) else 0
        self.ink: Colour = (dark, dark, dark)
        self.accent: Colour = self.ink if self.chance(0.6) else self.colour(20, 140)
        self.body = self.style(self.em)
        self.bold = self.style(self.em)
        self.pitch = self.em * float(rng.uniform(1.12, 1.8) if self.chance(0.85) else rng.uniform(1.8, 2.4))
        if language == "zh":
            self.pitch = max(self.pitch, 1.15 * self.em)
        self.justified = self.chance(0.65)

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.rng.integers(len(items)))]

    def between(self, low: float, high: float) -> float:
        """A uniform number."""
        return float(self.rng.uniform(low, high))

    def colour(self, low: int, high: int) -> Colour:
        """A colour whose channels lie between the two values."""
        red, green, blue = (int(v) for v in self.rng.integers(low, high, 3))
        return red, green, blue

    def style(
        self,
        size: float,
        kind: str | None = None,
        colour: Colour | None = None,
        *,
        language: str | None = None,
    ) -> Style:
        """A style in a random font of a kind, by default one for the page's language."""
        language = language or self.language
        latin: Font | None = None
        if language == "zh":
            font = self.fonts.pick(self.rng, "han")
            latin = self._latin("latin") if self.chance(0.4) else None
        else:
            font = self._latin(kind or "latin")
        return Style(font, max(7, round(size)), self.ink if colour is None else colour, latin)

    def _latin(self, kind: str) -> Font:
        """A font of the kind, or whatever Latin or Chinese font there is."""
        for name in (kind, "latin", "display", "han"):
            if name in self.fonts.kinds:
                return self.fonts.pick(self.rng, name)
        raise ConfigError("the font library has no font for Latin text")

    def prose(self, length: int, language: str | None = None) -> str:
        """Running text of at least ``length`` characters, whole sentences mostly."""
        language = language or self.language
        text = ""
        while len(text) < length:
            text += ("" if language == "zh" or not text else " ") + self.texts.paragraph(self.rng, language)
        return text[: length * 2]

    def phrase(self, longest: int = 24) -> str:
        """A few words, as in a heading, a label or a cell."""
        length = int(self.rng.integers(3, max(4, longest // (2 if self.language == "zh" else 1))))
        if self.chance(0.25):
            return self.texts.entry(self.rng, self.language)[:longest]
        text = self.texts.running(self.rng, self.language, length)
        if self.language == "en":
            text = self.choice((text, text, text.title(), text.upper(), text.capitalize()))
        return text.strip(" ,;，；。、.")[:longest] or "1"

    def value(self) -> str:
        """A date, a code, a price: what is filled into a form."""
        text = self.texts.pattern(self.rng, self.language)[:40].strip("_ .-=*·…")
        return text if any(c.isalnum() for c in text) else "1"

    def figure(self, decimals: int | None = None) -> str:
        """A number as in a table's cell."""
        if self.chance(0.06):
            return self.choice(("-", "—", "n/a", "0", "*", "N/A"))
        places = int(self.rng.integers(0, 4)) if decimals is None else decimals
        text = f"{float(self.rng.lognormal(4, 3)) % 1e8:,.{places}f}"
        return self.choice((text, text, text, f"({text})", f"-{text}", f"{text}%"))

    def broken(self, text: str, style: Style, width: float, first: float = 0.0) -> list[str]:
        """``text`` broken into lines of ``width`` pixels; the first is shorter by ``first``."""
        text = style.clean(text)
        return (_broken_han if _is_chinese(text) else _broken_words)(text, style, width, first)

    def paragraph(
        self,
        text: str,
        frame: Frame,
        baseline: float,
        *,
        style: Style | None = None,
        pitch: float | None = None,
        indent: float = 0.0,
        align: Align = "left",
        justified: bool | None = None,
        lead: tuple[str, Style] | None = None,
    ) -> float:
        """Set a paragraph from ``baseline`` down to the frame's bottom at most.

        Args:
            text: What it says.
            frame: Its sides and the page's end.
            baseline: Of the first line.
            style: By default the running text's.
            pitch: Pixels from baseline to baseline, by default the running text's.
            indent: Pixels before the first line.
            align: Of lines shorter than the frame.
            justified: Whether lines are stretched to fill the frame, by default as elsewhere on the page.
            lead: Words in another style that open the paragraph.

        Returns:
            The baseline of the line after it.
        """
        style, pitch = style or self.body, pitch or self.pitch
        justified = self.justified if justified is None else justified
        opening: list[Piece] = []
        if lead:
            opening = [Piece(lead[1].clean(lead[0]), lead[1], frame.left + indent)]
            indent += lead[1].width(opening[0].text) + 0.5 * style.size
        lines = self.broken(text, style, max(frame.width, 2 * indent), indent)
        marked = self.choice(("underline", "highlight", "strike", "ruled")) if self.chance(0.04) else ""
        for i, line in enumerate(lines):
            if baseline > frame.bottom:
                break
            left = frame.left + (indent if i == 0 else 0.0)
            stretch = 0.0
            if justified and align == "left" and i < len(lines) - 1:
                stretch = _stretch(line, style, frame.right - left)
            x = {"left": left, "right": frame.right, "centre": (frame.left + frame.right) / 2}[align]
            if marked and align == "left":
                right = frame.right if marked == "ruled" else left + style.width(line)
                self._mark(left, right, baseline, style.size, marked)
            self.canvas.row([*opening, Piece(line, style, x, align, stretch)], baseline)
            opening = []
            baseline += pitch
        return baseline

    def heading(
        self, text: str, frame: Frame, baseline: float, *, size: float, align: Align = "left"
    ) -> float:
        """Set a heading of ``size`` pixels an em, with space around it; returns the next baseline."""
        style = self.style(size, "display" if self.chance(0.15) else None, self.accent)
        if self.chance(0.1):
            style = replace(style, tracking=self.between(0.05, 0.4))
        baseline += size * self.between(0.2, 0.9)
        baseline = self.paragraph(
            text, frame, baseline, style=style, pitch=size * 1.25, align=align, justified=False
        )
        return baseline - size * 1.25 + self.pitch * self.between(1.2, 2.0)

    def items(self, frame: Frame, baseline: float) -> float:
        """Set a list whose items begin with a bullet or a number; returns the next baseline."""
        hang = self.em * self.between(1.2, 3.5)
        marks = self.choice(("•", "1.", "(1)", "a)", "■", "–", "①", "一"))
        for i in range(int(self.rng.integers(2, 7))):
            if baseline > frame.bottom:
                break
            mark = _numbered(marks, i)
            inner = Frame(frame.left + hang, frame.top, frame.right, frame.bottom)
            lines = self.broken(self.prose(int(self.rng.integers(8, 120))), self.body, inner.width)
            for row, line in enumerate(lines[:4]):
                if baseline > frame.bottom:
                    break
                pieces = [Piece(line, self.body, inner.left)]
                if row == 0:
                    pieces.insert(0, Piece(mark, self.body, frame.left))
                self.canvas.row(pieces, baseline)
                baseline += self.pitch
            baseline += self.pitch * self.choice((0.0, 0.0, 0.4))
        return baseline

    def _mark(self, left: float, right: float, baseline: float, size: float, kind: str) -> None:
        """Underline, highlight or strike out a line of text that is yet to be written."""
        draw = self.canvas.draw
        if kind == "highlight":
            draw.rectangle(
                (left, baseline - size * 0.85, right, baseline + size * 0.2), fill=self.choice(_MARKERS)
            )
        else:
            y = baseline + size * (-0.3 if kind == "strike" else 0.12)
            self.rule(left, right, y, max(1, size / 20))

    def rule(self, left: float, right: float, y: float, thickness: float = 1.0, dashed: bool = False) -> None:
        """A horizontal rule."""
        thickness, y = max(1, round(thickness)), round(y)
        if right <= left:
            return
        if not dashed:
            self.canvas.draw.rectangle((left, y, right, y + thickness - 1), fill=self.ink)
            return
        step = max(3, round(self.em * 0.5))
        for x in range(round(left), round(right), step):
            self.canvas.draw.rectangle((x, y, x + step // 2, y + thickness - 1), fill=self.ink)


def _is_chinese(text: str) -> bool:
    return sum("\u3400" <= c <= "\u9fff" for c in text[:40]) > 4 or (
        len(text) <= 8 and any("\u3400" <= c <= "\u9fff" for c in text)
    )


def _broken_words(text: str, style: Style, width: float, first: float) -> list[str]:
    space, lines, line, room = style.width(" "), [], "", width - first
    for word in text.split():
        length = style.width(word)
        if line and length + space > room:
            lines.append(line)
            line, room = "", width
        line, room = (f"{line} {word}", room - space - length) if line else (word, room - length)
    return [*lines, line] if line else lines


def _broken_han(text: str, style: Style, width: float, first: float) -> list[str]:
    lines, line, room = [], "", width - first
    widths = {character: style.width(character) for character in set(text)}
    for character in text:
        if widths[character] > room and line:
            keep = len(line)
            if character in _NOT_FIRST and keep > 1:
                keep -= 1
            lines.append(line[:keep])
            line = line[keep:]
            room = width - sum(widths[c] for c in line)
        line += character
        room -= widths[character]
    return [*lines, line] if line else lines


def _stretch(line: str, style: Style, width: float) -> float:
    """Pixels to add at each break so that the line fills the width; 0 where it would be torn apart.

    A space so wide as to part the pieces of a row would teach that some gaps of its size do not.
    """
    missing = width - style.width(line)
    breaks = sum(not c.isascii() for c in line) if _is_chinese(line) else line.count(" ")
    return missing / breaks if breaks and 0 < missing / breaks < 0.5 * style.size else 0.0


def _numbered(mark: str, index: int) -> str:
    if mark == "①":
        return "①②③④⑤⑥⑦⑧⑨⑩"[index]
    if mark == "一":
        return f"{_NUMERALS[index]}、"
    return mark.replace("1", str(index + 1)).replace("a", "abcdefghij"[index])
