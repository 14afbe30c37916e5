"""Render single text lines as a detector would crop them from a scanned page.

The position of each character is known, so training can supervise the network's frames directly (see
``ocrpipe.training.crnn``).
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
from ocrpipe.synthesis.line_drawing import LIGATURES, DrawnLine, Neighbour, Run, draw_line
from ocrpipe.synthesis.scene import render_scene
from ocrpipe.synthesis.scene_text import chinese_scene_text, scene_text
from ocrpipe.synthesis.text import TextSource, is_han

Rng = np.random.Generator

NO_CENTERS = np.empty(0, np.float32)
"""``LineSample.centers`` where the positions are unknown."""
_FULL_WIDTH = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
_LIGATURES = {letters: glyph for glyph, letters in LIGATURES.items()}
_MAX_ATTEMPTS = 100
"""Texts in a row without a drawable character before rendering is given up."""
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
_SCENE_FONT_KINDS = {
    "latin": 0.50,
    "display": 0.33,
    "handwriting": 0.07,
    "novelty": 0.05,
    "mono": 0.03,
    "typewriter": 0.02,
}
"""Likewise for words in photographs."""


@dataclass(frozen=True)
class LineSample:
    """A line image with its ground truth.

    Attributes:
        image: H×W uint8, grey, at the resolution of the simulated scan.
        text: The text.
        centers: Centre x of each character of ``text`` in pixels of ``image``; ``NO_CENTERS`` where unknown.
        finished: Whether it has its colours and effects even where ``LineStyle.clean`` is set, as scene words.
    """

    image: NDArray[np.uint8]
    text: str
    centers: NDArray[np.float32]
    finished: bool = False


@dataclass(frozen=True)
class LineStyle:
    """What is rendered; the defaults suit scanned documents with some scene text.

    Attributes:
        chinese: Fraction of Chinese lines.
        every_class: Fraction of the Chinese lines with random hanzi (see ``TextSource.hanzi``) instead of
            text; in a third of these they replace characters of running text.
        traditional: Fraction of the remaining Chinese lines in traditional characters, if there is such text.
        symbols: Fraction of the English lines with random symbols; half of it applies to Chinese lines.
        contexts: Fraction of the remaining lines with rare symbols, look-alike letters and numbers where they
            occur (see ``symbol_patterns``).
        scene: Fraction of lines that are words from photographs (see ``scene``), with their own effects; of
            them a quarter of ``chinese`` is Chinese.
        max_aspect: Maximum width of a crop over its height.
        degradation: Mean strength of the scan effects (see ``effects.degrade``).
        clean: Whether crops stay black on white, without colours and scan effects; not scene words.
    """

    chinese: float = 0.5
    every_class: float = 0.4
    traditional: float = 0.2
    symbols: float = 0.05
    contexts: float = 0.14
    scene: float = 0.125
    max_aspect: float = 34.0
    degradation: float = 0.6
    clean: bool = False


class LineRenderer:
    """Renders random lines; all randomness comes from the generator passed to ``render``.

    Args:
        fonts: Fonts to choose from.
        texts: Source of the text.
        style: What is rendered.
    """

    def __init__(self, fonts: FontLibrary, texts: TextSource, style: LineStyle | None = None) -> None:
        self._fonts = fonts
        self._texts = texts
        self._style = style or LineStyle()

    def render(self, rng: Rng) -> LineSample:
        """Render a random line.

        Raises:
            ocrpipe.errors.ConfigError: No font is of a kind that is needed, or none can draw the texts.
        """
        for _ in range(_MAX_ATTEMPTS):
            if self._style.scene and rng.random() < self._style.scene:
                if sample := self._scene(rng):
                    return sample
                continue
            chinese = rng.random() < self._style.chinese
            text, kind = self._chinese(rng) if chinese else (self._english(rng), "han")
            size = round(math.exp(rng.uniform(math.log(10 if chinese else 9), math.log(44))))
            runs = self._typeset(rng, text, kind)
            if any(run.drawn.strip() for run in runs):
                return self._scan(rng, draw_line(rng, runs, size, self._neighbours(rng, size, runs[0].font)))
        raise ConfigError(f"the {len(self._fonts)} fonts given can draw none of the texts")

    def _scene(self, rng: Rng) -> LineSample | None:
        """A word from a photograph; None if no font draws it."""
        style, texts = self._style, self._texts
        if chinese := rng.random() < style.chinese / 4:
            text, font = chinese_scene_text(rng, texts), self._fonts.pick(rng, "han")
        else:
            text, font = scene_text(rng, texts), self._font_of_kinds(rng, _SCENE_FONT_KINDS)
        runs = self._typeset(rng, text, main=font, indices=False)
        if not any(run.drawn.strip() for run in runs):
            return None
        neighbour = texts.running(rng, "zh" if chinese else "en", 12)
        strength = style.degradation / LineStyle.degradation
        image, centers = render_scene(rng, runs, neighbour, style.max_aspect, strength)
        return LineSample(image, "".join(run.label for run in runs), centers, finished=True)

    def _chinese(self, rng: Rng) -> tuple[str, str]:
        """A Chinese text and the kind of font to set it in."""
        texts, style = self._texts, self._style
        lengths = [rng.integers(1, 9), rng.integers(8, 24), rng.integers(20, 42)]
        length = int(rng.choice(lengths, p=[0.25, 0.4, 0.35]))
        if rng.random() < style.every_class:
            hanzi = texts.hanzi(rng, max(1, min(length, 24) // 2) if rng.random() < 0.33 else min(length, 24))
            if rng.random() < 0.33:
                language = "zht" if texts.traditional and rng.random() < 0.3 else "zh"
                text = texts.running(rng, language, max(length, 2 * len(hanzi)))
                hanzi = texts.with_replacements(rng, text, hanzi)
            return hanzi, "hant" if "hant" in self._fonts.kinds and rng.random() < 0.2 else "han"
        if texts.traditional and rng.random() < style.traditional:
            kind = "hant" if "hant" in self._fonts.kinds and rng.random() < 0.6 else "han"
            text = texts.entry(rng, "zht") if rng.random() < 0.25 else texts.running(rng, "zht", length)
            return text, kind
        if rng.random() < style.symbols / 2:
            return texts.with_symbols(rng, "zh", length), "han"
        if style.contexts and rng.random() < style.contexts:
            return texts.symbols_in_context(rng, "zh"), "han"
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
            insertion = texts.pattern(rng, "zh") if rng.random() < 0.6 else texts.running(rng, "en", 18)
            gap = " " if rng.random() < 0.3 else ""
            half = texts.running(rng, "zh", max(1, length // 2))
            return f"{half}{gap}{insertion}{gap}{texts.running(rng, 'zh', max(1, length // 3))}"
        return texts.pattern(rng, "zh")

    def _english(self, rng: Rng) -> str:
        texts, draw = self._texts, rng.random()
        lengths = [rng.integers(3, 14), rng.integers(12, 45), rng.integers(40, 95)]
        length = int(rng.choice(lengths, p=[0.3, 0.4, 0.3]))
        if rng.random() < self._style.symbols:
            if rng.random() < 0.5:
                return texts.symbols(rng, int(rng.integers(1, 8)))
            return texts.with_symbols(rng, "en", length)
        if self._style.contexts and rng.random() < self._style.contexts:
            return texts.symbols_in_context(rng, "en")
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

    def _typeset(
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
        for position, label in enumerate(_with_ligatures(rng, text, main)):
            base = emphasis.get(position, main)
            drawn = _LIGATURES.get(label) or (_FULL_WIDTH.get(label, label) if full_width else label)
            scale = small_capitals if small_capitals and label.islower() else 1.0
            if scale < 1:
                drawn = label = label.upper()
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
        return self._font_of_kinds(rng, _LATIN_FONT_KINDS)

    def _font_of_kinds(self, rng: Rng, probabilities: dict[str, float]) -> Font:
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

    def _neighbours(self, rng: Rng, size: int, font: Font) -> list[Neighbour]:
        """In some crops, lines above and below, whose descenders and ascenders a loose crop includes."""
        if rng.random() > 0.35:
            return []
        pitch = size * float(rng.uniform(1.05, 1.6))
        neighbours = []
        for direction in (-1, 1):
            text = self._texts.running(rng, "zh" if "han" in font.kinds else "en", 60)
            if font.covers(text):
                dx = float(rng.uniform(-2, 2)) * size
                neighbours.append(Neighbour(text, font, dx, direction * pitch))
        return neighbours

    def _scan(self, rng: Rng, line: DrawnLine) -> LineSample:
        """Crop the drawn line, give it colours and apply scan effects."""
        mask, centers = crop_line(rng, line, self._style.max_aspect)
        if self._style.clean:
            return LineSample(255 - mask, line.text, centers)
        strength = (
            self._style.degradation * float(rng.uniform(0, 2.0)) * effects.strength_for_height(mask.shape[0])
        )
        image = effects.degrade(colour(rng, mask), rng, strength)
        if rng.random() < 0.1:
            image = 255 - image
        return LineSample(image, line.text, centers)


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
