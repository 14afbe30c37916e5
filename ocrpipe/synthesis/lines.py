"""Render single text lines as a detector would cut them from a scanned page.

The renderer knows where each character lies, which lets training supervise frames directly (see
``recognizers/crnn/training.py``). Its variety is what the recogniser's accuracy on real pages hangs on.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis import effects
from ocrpipe.synthesis.cropping import colour, crop_line
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.inking import LIGATURES, Ink, Neighbour, Run, draw_line
from ocrpipe.synthesis.text import TextSource, is_han

Rng = np.random.Generator

NO_CENTERS = np.empty(0, np.float32)
"""Of a line whose characters' places are unknown."""
_FULL_WIDTH = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
_GLYPHS = {letters: glyph for glyph, letters in LIGATURES.items()}
_ATTEMPTS = 100  # texts in a row that no font may be able to draw
_SCRIPTS = tuple("i j k n t max min th st nd TM * [1] [2] [12] -1 2 1 0".split())
_RAISED = dict(zip("0123456789-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", strict=True))
_LOWERED = dict(zip("0123456789", "₀₁₂₃₄₅₆₇₈₉", strict=True))
"""How indices and exponents are read: as the characters of their own that Unicode has for some."""
_KINDS = {
    "latin": 0.60,
    "mono": 0.09,
    "typewriter": 0.12,
    "display": 0.06,
    "handwriting": 0.04,
    "novelty": 0.02,
    "han": 0.05,
    "pixel": 0.02,
}
"""Shares of the kinds of font that Latin text is set in."""


@dataclass(frozen=True)
class LineSample:
    """One rendered crop.

    Attributes:
        image: H×W uint8, grey, at the resolution of the imagined scan.
        text: What it says.
        centers: For each character of ``text``, x of its centre in pixels of ``image``; ``NO_CENTERS``
            where unknown.
    """

    image: NDArray[np.uint8]
    text: str
    centers: NDArray[np.float32]


@dataclass(frozen=True)
class LineStyle:
    """Shares of what is rendered; the defaults aim at scanned documents with some scene words.

    Attributes:
        chinese: Share of lines set in Chinese.
        every_class: Share of the Chinese lines made of hanzi drawn alike instead of text, a third of them
            within text.
        traditional: Share of the other Chinese lines in traditional characters, where there is such text.
        symbols: Share of the English lines, and half that of the Chinese, that hold symbols drawn alike.
        longest: Longest crop, as a multiple of its height.
        degradation: Mean strength of scan effects (see ``effects.degrade``).
    """

    chinese: float = 0.5
    every_class: float = 0.4
    traditional: float = 0.2
    symbols: float = 0.05
    longest: float = 34.0
    degradation: float = 0.6


class LineRenderer:
    """Renders random lines; all randomness comes from the generator given to each call."""

    def __init__(self, fonts: FontLibrary, texts: TextSource, style: LineStyle | None = None) -> None:
        self._fonts = fonts
        self._texts = texts
        self._style = style or LineStyle()

    def render(self, rng: Rng) -> LineSample:
        """A random line.

        Raises:
            ocrpipe.errors.ConfigError: The fonts lack a kind that is needed, or can't draw any of the texts.
        """
        for _ in range(_ATTEMPTS):
            chinese = rng.random() < self._style.chinese
            text, kind = self._chinese(rng) if chinese else (self._english(rng), "han")
            size = round(math.exp(rng.uniform(math.log(10 if chinese else 9), math.log(44))))
            runs = self._typeset(rng, text, kind)
            if any(run.drawn.strip() for run in runs):
                return self._scan(rng, draw_line(rng, runs, size, self._neighbours(rng, size, runs[0].font)))
        raise ConfigError(f"the {len(self._fonts)} fonts given can draw none of the texts")

    def _chinese(self, rng: Rng) -> tuple[str, str]:
        """Text, and the kind of font that it is set in."""
        texts, style = self._texts, self._style
        lengths = [rng.integers(1, 9), rng.integers(8, 24), rng.integers(20, 42)]
        length = int(rng.choice(lengths, p=[0.25, 0.4, 0.35]))
        if rng.random() < style.every_class:
            hanzi = texts.hanzi(rng, max(1, min(length, 24) // 2) if rng.random() < 0.33 else min(length, 24))
            if rng.random() < 0.33:
                language = "zht" if texts.traditional and rng.random() < 0.3 else "zh"
                text = texts.running(rng, language, max(length, 2 * len(hanzi)))
                hanzi = texts.interspersed(rng, text, hanzi)
            return hanzi, "hant" if "hant" in self._fonts.kinds and rng.random() < 0.2 else "han"
        if texts.traditional and rng.random() < style.traditional:
            kind = "hant" if "hant" in self._fonts.kinds and rng.random() < 0.6 else "han"
            text = texts.entry(rng, "zht") if rng.random() < 0.25 else texts.running(rng, "zht", length)
            return text, kind
        if rng.random() < style.symbols / 2:
            return texts.marked(rng, "zh", length), "han"
        return self._simplified(rng, length), "han"

    def _simplified(self, rng: Rng, length: int) -> str:
        texts, draw = self._texts, rng.random()
        if draw < 0.40:
            return texts.running(rng, "zh", length)
        if draw < 0.63:
            return texts.words(rng, length)
        if draw < 0.72:
            return texts.entry(rng, "zh")
        if draw < 0.87:
            inset = texts.pattern(rng, "zh") if rng.random() < 0.6 else texts.running(rng, "en", 18)
            gap = " " if rng.random() < 0.3 else ""
            half = texts.running(rng, "zh", max(1, length // 2))
            return f"{half}{gap}{inset}{gap}{texts.running(rng, 'zh', max(1, length // 3))}"
        return texts.pattern(rng, "zh")

    def _english(self, rng: Rng) -> str:
        texts, draw = self._texts, rng.random()
        lengths = [rng.integers(3, 14), rng.integers(12, 45), rng.integers(40, 95)]
        length = int(rng.choice(lengths, p=[0.3, 0.4, 0.3]))
        if rng.random() < self._style.symbols:
            if rng.random() < 0.5:
                return texts.symbols(rng, int(rng.integers(1, 8)))
            return texts.marked(rng, "en", length)
        if draw < 0.45:
            text = texts.running(rng, "en", length)
        elif draw < 0.58:
            text = texts.entry(rng, "en")
        elif draw < 0.95:
            text = texts.pattern(rng, "en")
        else:
            return " ".join(texts.pattern(rng, "en") for _ in range(int(rng.integers(2, 4))))[:70].strip()
        case = rng.random()
        return text.upper() if case < 0.16 else text.title() if case < 0.22 else text

    def _typeset(self, rng: Rng, text: str, kind: str = "han") -> list[Run]:
        """The text as runs that one font each can draw whole; what no font can draw is left out.

        Chinese text is set with its Latin letters in the same face, in a Latin one, or full-width.
        """
        main = self._main_font(rng, kind if any(map(is_han, text)) else "")
        if main.unicase:
            text = text.upper()
        other = self._fonts.pick(rng, "latin")
        mixed = bool({"han", "hant"} & main.kinds) and rng.random() < 0.5
        wide = mixed and rng.random() < 0.12
        letters = []
        stressed, heavy = self._stressed(rng, main, len(text)), _emboldened(rng, main, len(text))
        small = float(rng.uniform(0.72, 0.88)) if _may_be_small_capitals(rng, text) else 0.0
        for place, label in enumerate(_with_ligatures(rng, text, main)):
            face = stressed.get(place, main)
            drawn = _GLYPHS.get(label) or (_FULL_WIDTH.get(label, label) if wide else label)
            scale = small if small and label.islower() else 1.0
            if scale < 1:
                drawn = label = label.upper()
            font: Font | None = other if mixed and not wide and label.isascii() else face
            if font is not None and not font.covers(drawn):
                drawn, font = label, self._able(rng, label, (face, other))
            if font is not None:
                letters.append(Run(drawn, label, font, scale, bold=heavy.get(place, 0.0)))
        letters = self._with_scripts(rng, letters)
        runs = groupby(letters, key=_looks)
        return [_joined(list(run)) for _, run in runs]

    def _with_scripts(self, rng: Rng, letters: list[Run]) -> list[Run]:
        """Now and then an index or exponent after a letter: of a variable, a formula, a note."""
        letters, after = list(letters), [*(letter.label for letter in letters[1:]), ""]
        places = [
            i
            for i, (letter, other) in enumerate(zip(letters, after, strict=False), start=1)
            if letter.label.isalnum() and (is_han(letter.label) or not other.isalnum() or is_han(other))
        ]
        if not places or rng.random() > 0.05:
            return letters
        scale = float(rng.uniform(0.5, 0.7))
        for place in sorted(
            rng.choice(places, min(len(places), int(rng.integers(1, 4))), False), reverse=True
        ):
            font = letters[place - 1].font
            text = str(rng.choice(_SCRIPTS)) if rng.random() < 0.6 else str(rng.integers(0, 100))
            text = text.upper() if font.unicase else text
            rise = float(rng.uniform(0.3, 0.45)) if rng.random() < 0.6 else float(rng.uniform(-0.2, -0.05))
            if font.covers(text):
                marks = _RAISED if rise > 0 else _LOWERED
                letters[place:place] = [Run(c, marks.get(c, c), font, scale, rise) for c in text]
        return letters

    def _stressed(self, rng: Rng, main: Font, length: int) -> dict[int, Font]:
        """Places of a part of a Chinese line that is set in another face, as emphasis is."""
        if "han" not in main.kinds & self._fonts.kinds or rng.random() > 0.15:
            return {}
        start, end = sorted(rng.integers(0, length + 1, 2).tolist())
        return dict.fromkeys(range(start, end), self._fonts.pick(rng, "han"))

    def _main_font(self, rng: Rng, han: str) -> Font:
        """A font for Chinese of the kind ``han``, or for Latin text where that is empty."""
        if han:
            return self._fonts.pick(rng, han)
        kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
        return self._fonts.pick(rng, kind if kind in self._fonts.kinds else "latin")

    def _able(self, rng: Rng, character: str, preferred: Sequence[Font]) -> Font | None:
        """A font that can draw the character, if there is one."""
        for font in preferred:
            if font.covers(character):
                return font
        for kind in ("han", "hant", "latin"):
            with contextlib.suppress(ConfigError):
                return self._fonts.pick(rng, kind, character)
        return None

    def _neighbours(self, rng: Rng, size: int, font: Font) -> list[Neighbour]:
        """Lines above and below, whose descenders and ascenders a loose crop catches."""
        if rng.random() > 0.35:
            return []
        pitch = size * float(rng.uniform(1.05, 1.6))
        found = []
        for direction in (-1, 1):
            text = self._texts.running(rng, "zh" if "han" in font.kinds else "en", 60)
            if font.covers(text):
                dx = float(rng.uniform(-2, 2)) * size
                found.append(Neighbour(text, font, dx, direction * pitch))
        return found

    def _scan(self, rng: Rng, ink: Ink) -> LineSample:
        """Ink on paper, cut out and degraded."""
        mask, centers = crop_line(rng, ink, self._style.longest)
        strength = self._style.degradation * float(rng.uniform(0, 2.0)) * effects.bearable(mask.shape[0])
        image = effects.degrade(colour(rng, mask), rng, strength)
        if rng.random() < 0.1:
            image = 255 - image
        return LineSample(image, ink.text, centers)


def _looks(run: Run) -> tuple[int, float, float, float]:
    return id(run.font), run.scale, run.rise, run.bold


def _emboldened(rng: Rng, main: Font, length: int) -> dict[int, float]:
    """Places set bolder than the face is, all or a part, as faces without a bold of their own are."""
    if rng.random() > (0.16 if "han" in main.kinds else 0.04):
        return {}
    start, end = sorted(rng.integers(0, length + 1, 2).tolist()) if rng.random() < 0.5 else (0, length)
    return dict.fromkeys(range(start, end), float(rng.uniform(0.025, 0.07)))


def _may_be_small_capitals(rng: Rng, text: str) -> bool:
    """Now and then, where capitals stand before small letters: small capitals, which read as capitals."""
    return rng.random() < 0.03 and not text.islower() and not text.isupper() and not any(map(is_han, text))


def _with_ligatures(rng: Rng, text: str, main: Font) -> list[str]:
    """The text's characters, now and then with letters that the font joins to one glyph taken together."""
    joined = [letters for letters in _GLYPHS if main.covers(_GLYPHS[letters])]
    if not joined or rng.random() > 0.35:
        return list(text)
    return re.findall("|".join([*sorted(joined, key=len, reverse=True), "."]), text)


def _joined(runs: Sequence[Run]) -> Run:
    drawn, label = "".join(run.drawn for run in runs), "".join(run.label for run in runs)
    return replace(runs[0], drawn=drawn, label=label)
