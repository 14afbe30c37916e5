"""Set running text: a page's fonts and language, paragraphs, headings and lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.canvas import Align, Canvas, Colour, Piece, Style
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.line_breaking import justification, wrap
from ocrpipe.synthesis.text import TextSource

T = TypeVar("T")

_HIGHLIGHTS = ((255, 250, 120), (190, 255, 170), (255, 200, 225))
_NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True)
class Area:
    """An axis-aligned rectangle of the page, in pixels from its top left."""

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

    def inset(self, by: float) -> Area:
        """The area reduced by ``by`` pixels on every side."""
        return Area(self.left + by, self.top + by, self.right - by, self.bottom - by)


class Typesetter:
    """Sets text of one language in a consistent style on one canvas.

    Args:
        canvas: The page.
        rng: Source of all random choices.
        fonts: Fonts to choose from.
        texts: Source of the text.
        language: "en" or "zh".
        size: Font size of the running text, in pixels.

    Attributes:
        em: Font size of the running text, in pixels.
        ink: Colour of text and rules, RGB.
        accent: Colour of headings, RGB.
        body: Style of the running text.
        bold: Second style, for emphasis.
        pitch: Pixels from baseline to baseline.
        justified: Whether paragraphs are justified.
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
        """One of the items, all equally likely."""
        return items[int(self.rng.integers(len(items)))]

    def between(self, low: float, high: float) -> float:
        """A number drawn uniformly."""
        return float(self.rng.uniform(low, high))

    def colour(self, low: int, high: int) -> Colour:
        """An RGB colour with channels in ``low`` … ``high`` - 1."""
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
        """A style in a random font.

        Args:
            size: Font size in pixels; at least 7.
            kind: Kind of Latin font (see ``fonts.Font``), by default "latin"; Chinese text ignores it.
            colour: RGB, by default ``ink``.
            language: By default the page's.
        """
        language = language or self.language
        latin: Font | None = None
        if language == "zh":
            font = self.fonts.pick(self.rng, "han")
            latin = self._latin("latin") if self.chance(0.4) else None
        else:
            font = self._latin(kind or "latin")
        return Style(font, max(7, round(size)), self.ink if colour is None else colour, latin)

    def _latin(self, kind: str) -> Font:
        """A font of the kind, else one of another kind that has Latin letters."""
        for name in (kind, "latin", "display", "han"):
            if name in self.fonts.kinds:
                return self.fonts.pick(self.rng, name)
        raise ConfigError("the font library has no font for Latin text")

    def prose(self, length: int, language: str | None = None) -> str:
        """Running text of ``length`` to twice as many characters: mostly whole sentences."""
        language = language or self.language
        text = ""
        while len(text) < length:
            text += ("" if language == "zh" or not text else " ") + self.texts.paragraph(self.rng, language)
        return text[: length * 2]

    def phrase(self, max_length: int = 24) -> str:
        """A few words, as in a heading, a label or a cell."""
        length = int(self.rng.integers(3, max(4, max_length // (2 if self.language == "zh" else 1))))
        if self.chance(0.25):
            return self.texts.entry(self.rng, self.language)[:max_length]
        text = self.texts.running(self.rng, self.language, length)
        if self.language == "en":
            text = self.choice((text, text, text.title(), text.upper(), text.capitalize()))
        return text.strip(" ,;，；。、.")[:max_length] or "1"

    def value(self) -> str:
        """A value as filled into a form: a date, a code, a price."""
        text = self.texts.pattern(self.rng, self.language)[:40].strip("_ .-=*·…")
        return text if any(c.isalnum() for c in text) else "1"

    def number(self, decimals: int | None = None) -> str:
        """A number as in a table cell, or what stands for none."""
        if self.chance(0.06):
            return self.choice(("-", "—", "n/a", "0", "*", "N/A"))
        places = int(self.rng.integers(0, 4)) if decimals is None else decimals
        text = f"{float(self.rng.lognormal(4, 3)) % 1e8:,.{places}f}"
        return self.choice((text, text, text, f"({text})", f"-{text}", f"{text}%"))

    def wrap(self, text: str, style: Style, width: float, first_indent: float = 0.0) -> list[str]:
        """``text``, without what the style can't draw, in lines (see ``line_breaking.wrap``)."""
        return wrap(style.clean(text), style, width, first_indent)

    def paragraph(
        self,
        text: str,
        area: Area,
        baseline: float,
        *,
        style: Style | None = None,
        pitch: float | None = None,
        indent: float = 0.0,
        align: Align = "left",
        justified: bool | None = None,
        lead: tuple[str, Style] | None = None,
    ) -> float:
        """Set a paragraph, cut off at the bottom of the area.

        Args:
            text: The text.
            area: Gives the left and right edge, and the bottom.
            baseline: Baseline of the first line.
            style: By default ``body``.
            pitch: Pixels from baseline to baseline, by default the page's.
            indent: Indent of the first line, in pixels.
            align: Alignment of lines shorter than the area.
            justified: Whether lines are stretched to the area's width, by default as on the rest of the page.
            lead: Run-in heading: text and its style.

        Returns:
            The baseline after the last line.
        """
        style, pitch = style or self.body, pitch or self.pitch
        justified = self.justified if justified is None else justified
        opening: list[Piece] = []
        if lead:
            opening = [Piece(lead[1].clean(lead[0]), lead[1], area.left + indent)]
            indent += lead[1].width(opening[0].text) + 0.5 * style.size
        lines = self.wrap(text, style, max(area.width, 2 * indent), indent)
        marking = self.choice(("underline", "highlight", "strike", "ruled")) if self.chance(0.04) else ""
        for i, line in enumerate(lines):
            if baseline > area.bottom:
                break
            left = area.left + (indent if i == 0 else 0.0)
            stretch = 0.0
            if justified and align == "left" and i < len(lines) - 1:
                stretch = justification(line, style, area.right - left)
            x = {"left": left, "right": area.right, "centre": (area.left + area.right) / 2}[align]
            if marking and align == "left":
                right = area.right if marking == "ruled" else left + style.width(line)
                self._mark_line(left, right, baseline, style.size, marking)
            self.canvas.row([*opening, Piece(line, style, x, align, stretch)], baseline)
            opening = []
            baseline += pitch
        return baseline

    def heading(self, text: str, area: Area, baseline: float, *, size: float, align: Align = "left") -> float:
        """Set a heading of ``size`` pixels with space around it; returns the next baseline."""
        style = self.style(size, "display" if self.chance(0.15) else None, self.accent)
        if self.chance(0.1):
            style = replace(style, tracking=self.between(0.05, 0.4))
        baseline += size * self.between(0.2, 0.9)
        baseline = self.paragraph(
            text, area, baseline, style=style, pitch=size * 1.25, align=align, justified=False
        )
        return baseline - size * 1.25 + self.pitch * self.between(1.2, 2.0)

    def list_items(self, area: Area, baseline: float) -> float:
        """Set a list with bullets or numbers; returns the next baseline."""
        hanging_indent = self.em * self.between(1.2, 3.5)
        marker_style = self.choice(("•", "1.", "(1)", "a)", "■", "–", "①", "一"))
        for i in range(int(self.rng.integers(2, 7))):
            if baseline > area.bottom:
                break
            marker = _item_marker(marker_style, i)
            inner = Area(area.left + hanging_indent, area.top, area.right, area.bottom)
            lines = self.wrap(self.prose(int(self.rng.integers(8, 120))), self.body, inner.width)
            for row, line in enumerate(lines[:4]):
                if baseline > area.bottom:
                    break
                pieces = [Piece(line, self.body, inner.left)]
                if row == 0:
                    pieces.insert(0, Piece(marker, self.body, area.left))
                self.canvas.row(pieces, baseline)
                baseline += self.pitch
            baseline += self.pitch * self.choice((0.0, 0.0, 0.4))
        return baseline

    def _mark_line(self, left: float, right: float, baseline: float, size: float, kind: str) -> None:
        """Underline, highlight or strike through a line, before its text is drawn."""
        draw = self.canvas.draw
        if kind == "highlight":
            draw.rectangle(
                (left, baseline - size * 0.85, right, baseline + size * 0.2), fill=self.choice(_HIGHLIGHTS)
            )
        else:
            y = baseline + size * (-0.3 if kind == "strike" else 0.12)
            self.rule(left, right, y, max(1, size / 20))

    def rule(self, left: float, right: float, y: float, thickness: float = 1.0, dashed: bool = False) -> None:
        """Draw a horizontal rule."""
        thickness, y = max(1, round(thickness)), round(y)
        if right <= left:
            return
        if not dashed:
            self.canvas.draw.rectangle((left, y, right, y + thickness - 1), fill=self.ink)
            return
        step = max(3, round(self.em * 0.5))
        for x in range(round(left), round(right), step):
            self.canvas.draw.rectangle((x, y, x + step // 2, y + thickness - 1), fill=self.ink)


def _item_marker(style: str, index: int) -> str:
    """The marker of the item at ``index``, where ``style`` is that of the first item."""
    if style == "①":
        return "①②③④⑤⑥⑦⑧⑨⑩"[index]
    if style == "一":
        return f"{_NUMERALS[index]}、"
    return style.replace("1", str(index + 1)).replace("a", "abcdefghij"[index])
