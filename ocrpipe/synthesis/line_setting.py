"""Set the text of a line in fonts: runs with emphasis, ligatures, small capitals, indices, bold."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.line_drawing import LIGATURES, Run
from ocrpipe.synthesis.text import is_han

Rng = np.random.Generator

_FULL_WIDTH = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
_LIGATURES = {letters: glyph for glyph, letters in LIGATURES.items()}
_INDICES = tuple("i j k n t max min th st nd TM * [1] [2] [12] -1 2 1 0".split())
_SUPERSCRIPTS = dict(zip("0123456789-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", strict=True))
_SUBSCRIPTS = dict(zip("0123456789", "₀₁₂₃₄₅₆₇₈₉", strict=True))
"""Labels of raised and lowered characters, where Unicode has superscript and subscript ones."""
_LATIN_FONT_KINDS = {
    "latin": 0.60,
    "mono": 0.09,
    "typewriter": 0.12,
    "display": 0.06,
    "handwriting": 0.04,
    "novelty": 0.02,
    "han": 0.05,
    "pixel": 0.02,
}
"""Probability of each kind of font for English text."""


class LineSetter:
    """Sets texts in the fonts of a library.

    Args:
        fonts: Fonts to choose from.
    """

    def __init__(self, fonts: FontLibrary) -> None:
        self._fonts = fonts

    def runs(
        self, rng: Rng, text: str, kind: str = "han", main: Font | None = None, *, indices: bool = True
    ) -> list[Run]:
        """The text as runs of one font each; characters that no font covers are left out.

        Latin letters in Chinese text are set in the same font, in a Latin one, or full-width.
        """
        main = main or self._main_font(rng, kind if any(map(is_han, text)) else "")
        if main.unicase:
            text = text.upper()
        other = self._fonts.pick(rng, "latin")
        mixed_fonts = bool({"han", "hant"} & main.kinds) and rng.random() < 0.5
        full_width = mixed_fonts and rng.random() < 0.12
        letters = []
        emphasis, bold = self._emphasis(rng, main, len(text)), _synthetic_bold(rng, main, len(text))
        small_capitals = float(rng.uniform(0.72, 0.88)) if _set_in_small_capitals(rng, text) else 0.0
        small_points = float(rng.uniform(0.5, 0.85)) if rng.random() < 0.08 else 0.0
        for position, label in enumerate(_with_ligatures(rng, text, main)):
            base = emphasis.get(position, main)
            drawn = _LIGATURES.get(label) or (_FULL_WIDTH.get(label, label) if full_width else label)
            scale = small_capitals if small_capitals and label.islower() else 1.0
            if scale < 1:
                drawn = label = label.upper()
            elif small_points and label in ".,":
                scale = small_points
            font: Font | None = other if mixed_fonts and not full_width and label.isascii() else base
            if font is not None and not font.covers(drawn):
                drawn, font = label, self._covering_font(rng, label, (base, other))
            if font is not None:
                letters.append(Run(drawn, label, font, scale, bold=bold.get(position, 0.0)))
        if indices:
            letters = self._with_indices(rng, letters)
        runs = groupby(letters, key=_appearance)
        return [_joined(list(run)) for _, run in runs]

    def _with_indices(self, rng: Rng, letters: list[Run]) -> list[Run]:
        """In some lines, subscripts or superscripts after a letter: indices, exponents, footnote marks."""
        letters, following = list(letters), [*(letter.label for letter in letters[1:]), ""]
        positions = [
            i
            for i, (letter, after) in enumerate(zip(letters, following, strict=False), start=1)
            if letter.label.isalnum() and (is_han(letter.label) or not after.isalnum() or is_han(after))
        ]
        if not positions or rng.random() > 0.05:
            return letters
        scale = float(rng.uniform(0.5, 0.7))
        count = min(len(positions), int(rng.integers(1, 4)))
        for position in sorted(rng.choice(positions, count, False), reverse=True):
            font = letters[position - 1].font
            text = str(rng.choice(_INDICES)) if rng.random() < 0.6 else str(rng.integers(0, 100))
            text = text.upper() if font.unicase else text
            rise = float(rng.uniform(0.3, 0.45)) if rng.random() < 0.6 else float(rng.uniform(-0.2, -0.05))
            if font.covers(text):
                labels = _SUPERSCRIPTS if rise > 0 else _SUBSCRIPTS
                letters[position:position] = [Run(c, labels.get(c, c), font, scale, rise) for c in text]
        return letters

    def _emphasis(self, rng: Rng, main: Font, length: int) -> dict[int, Font]:
        """Positions in a Chinese line that are set in another font, as emphasis is, with that font."""
        if "han" not in main.kinds & self._fonts.kinds or rng.random() > 0.15:
            return {}
        start, end = sorted(rng.integers(0, length + 1, 2).tolist())
        return dict.fromkeys(range(start, end), self._fonts.pick(rng, "han"))

    def _main_font(self, rng: Rng, han: str) -> Font:
        """A font of the kind ``han`` for Chinese text, or for Latin text where that is empty."""
        if han:
            return self._fonts.pick(rng, han)
        return self.font_of_kinds(rng, _LATIN_FONT_KINDS)

    def font_of_kinds(self, rng: Rng, probabilities: Mapping[str, float]) -> Font:
        """A font of a random kind; a Latin one where there is none of that kind."""
        kind = str(rng.choice(list(probabilities), p=list(probabilities.values())))
        return self._fonts.pick(rng, kind if kind in self._fonts.kinds else "latin")

    def _covering_font(self, rng: Rng, character: str, preferred: Sequence[Font]) -> Font | None:
        """A font that covers the character, preferred ones first; None if there is none."""
        for font in preferred:
            if font.covers(character):
                return font
        for kind in ("han", "hant", "latin"):
            with contextlib.suppress(ConfigError):
                return self._fonts.pick(rng, kind, character)
        return None


def _appearance(run: Run) -> tuple[int, float, float, float]:
    return id(run.font), run.scale, run.rise, run.bold


def _synthetic_bold(rng: Rng, main: Font, length: int) -> dict[int, float]:
    """Positions set in synthetic bold, all or a part, and by how much (see ``Run.bold``)."""
    if rng.random() > (0.16 if "han" in main.kinds else 0.04):
        return {}
    start, end = sorted(rng.integers(0, length + 1, 2).tolist()) if rng.random() < 0.5 else (0, length)
    return dict.fromkeys(range(start, end), float(rng.uniform(0.025, 0.07)))


def _set_in_small_capitals(rng: Rng, text: str) -> bool:
    """Whether to set a text of mixed case in small capitals, which are labelled as capitals."""
    return rng.random() < 0.03 and not text.islower() and not text.isupper() and not any(map(is_han, text))


def _with_ligatures(rng: Rng, text: str, main: Font) -> list[str]:
    """The characters of the text; in some lines the letters of the font's ligatures are kept together."""
    ligatures = [letters for letters, glyph in _LIGATURES.items() if main.covers(glyph)]
    if not ligatures or rng.random() > 0.35:
        return list(text)
    return re.findall("|".join([*sorted(ligatures, key=len, reverse=True), "."]), text)


def _joined(runs: Sequence[Run]) -> Run:
    drawn, label = "".join(run.drawn for run in runs), "".join(run.label for run in runs)
    return replace(runs[0], drawn=drawn, label=label)
