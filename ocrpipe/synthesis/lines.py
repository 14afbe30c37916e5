"""Render single text lines as a detector would crop them from a scanned page.

The position of each character is known, so training can supervise the network's frames directly (see
``ocrpipe.training.crnn``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis import effects
from ocrpipe.synthesis.cropping import colour, crop_line
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.handwriting import can_write, draw_handwriting
from ocrpipe.synthesis.line_drawing import DrawnLine, Neighbour, Run, draw_line
from ocrpipe.synthesis.line_setting import LineSetter
from ocrpipe.synthesis.overlays import with_pen_line, with_seal
from ocrpipe.synthesis.pen_strokes import PenStrokes
from ocrpipe.synthesis.scene import render_scene
from ocrpipe.synthesis.scene_text import chinese_scene_text, scene_text
from ocrpipe.synthesis.screen import SUBPIXELS, crop_screen, shown, smoothed
from ocrpipe.synthesis.text import TextSource

Rng = np.random.Generator

NO_CENTERS = np.empty(0, np.float32)
"""``LineSample.centers`` where the positions are unknown."""
_MAX_ATTEMPTS = 100
"""Texts in a row without a drawable character before rendering is given up."""
_MAX_WRITTEN = 60
"""Characters in a handwritten line at most."""
_SCENE_FONT_KINDS = {
    "latin": 0.50,
    "display": 0.33,
    "handwriting": 0.07,
    "novelty": 0.05,
    "mono": 0.03,
    "typewriter": 0.02,
}
"""Probability of each kind of font for words in photographs."""


@dataclass(frozen=True)
class LineSample:
    """A line image with its ground truth.

    Attributes:
        image: H×W uint8, grey, at the resolution of the simulated scan.
        text: The text.
        centers: Centre x of each character of ``text`` in pixels of ``image``; ``NO_CENTERS`` where unknown.
        finished: Whether it has its colours and effects even in ``LineStyle.clean``, as scene words have.
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
        handwriting: Fraction of the remaining lines that are written with a pen (see ``handwriting``), where
            there are pen strokes for Chinese or script faces for English.
        screen: Fraction of the remaining lines that are small text of a screen (see ``screen``).
        overlays: Frequency of seals and pen strokes over printed lines; 1 is about one in twenty.
        max_aspect: Maximum width of a crop over its height.
        degradation: Mean strength of the scan effects (see ``effects.degrade``).
        clean: Whether crops stay black on white, without colours and scan effects; not scene words.
    """

    chinese: float = 0.55
    every_class: float = 0.5
    traditional: float = 0.3
    symbols: float = 0.05
    contexts: float = 0.14
    scene: float = 0.125
    handwriting: float = 0.07
    screen: float = 0.06
    overlays: float = 1.0
    max_aspect: float = 34.0
    degradation: float = 0.6
    clean: bool = False


class LineRenderer:
    """Renders random lines; all randomness comes from the generator passed to ``render``.

    Args:
        fonts: Fonts to choose from.
        texts: Source of the text.
        style: What is rendered.
        strokes: Of hanzi, for handwriting; without them only Latin letters are handwritten.
    """

    def __init__(
        self,
        fonts: FontLibrary,
        texts: TextSource,
        style: LineStyle | None = None,
        strokes: PenStrokes | None = None,
    ) -> None:
        self._fonts, self._setter = fonts, LineSetter(fonts)
        self._texts, self._strokes = texts, strokes
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
            handwritten = self._style.handwriting and rng.random() < self._style.handwriting
            if handwritten and (line := self._handwritten(rng, text, chinese=chinese)):
                return self._scan(rng, line)
            runs = self._setter.runs(rng, text, kind)
            if not any(run.drawn.strip() for run in runs):
                continue
            if self._style.screen and rng.random() < self._style.screen:
                return self._screen(rng, runs)
            size = round(math.exp(rng.uniform(math.log(9), math.log(44))))
            line = draw_line(rng, runs, size, self._neighbours(rng, size, runs[0].font))
            return self._scan(rng, self._with_overlays(rng, line, runs[0].font))
        raise ConfigError(f"the {len(self._fonts)} fonts given can draw none of the texts")

    def _scene(self, rng: Rng) -> LineSample | None:
        """A word from a photograph; None if no font draws it."""
        style, texts = self._style, self._texts
        if chinese := rng.random() < style.chinese / 4:
            text, font = chinese_scene_text(rng, texts), self._fonts.pick(rng, "han")
        else:
            text, font = scene_text(rng, texts), self._setter.font_of_kinds(rng, _SCENE_FONT_KINDS)
        runs = self._setter.runs(rng, text, main=font, indices=False)
        if not any(run.drawn.strip() for run in runs):
            return None
        neighbour = texts.running(rng, "zh" if chinese else "en", 12)
        strength = style.degradation / LineStyle.degradation
        image, centers = render_scene(rng, runs, neighbour, style.max_aspect, strength)
        return LineSample(image, "".join(run.label for run in runs), centers, finished=True)

    def _handwritten(self, rng: Rng, text: str, *, chinese: bool) -> DrawnLine | None:
        """The text written with a pen; None if there is nothing to write it with."""
        strokes, script = self._strokes, "handwriting" in self._fonts.kinds
        if (chinese and not strokes) or not (chinese or script):
            return None
        font = self._fonts.pick(rng, "handwriting" if script else "han")
        if font.unicase:
            text = text.upper()
        text = can_write(text[:_MAX_WRITTEN], strokes, font).strip()
        size = round(math.exp(rng.uniform(math.log(18), math.log(52))))
        return draw_handwriting(rng, text, strokes, font, size) if text else None

    def _screen(self, rng: Rng, runs: Sequence[Run]) -> LineSample:
        """The runs as a screen shows them."""
        style, subpixels = self._style, rng.random() < 0.55
        size = int(rng.integers(9, 21)) * (SUBPIXELS if subpixels else 1)
        neighbours = self._neighbours(rng, size, runs[0].font)
        line = draw_line(rng, runs, size, neighbours, printed=rng.random() < 0.1)
        if subpixels:
            line = smoothed(line, blue_first=rng.random() < 0.15)
        mask, centers = crop_screen(rng, line, style.max_aspect)
        strength = style.degradation / LineStyle.degradation
        image = 255 - mask if style.clean else shown(rng, mask, strength)
        return LineSample(image, line.text, centers)

    def _with_overlays(self, rng: Rng, line: DrawnLine, font: Font) -> DrawnLine:
        """In some lines, a seal or a pen's stroke over the text."""
        chance, han = rng.random(), "han" in font.kinds
        if chance < 0.03 * self._style.overlays * (1.6 if han else 0.4):
            return with_seal(rng, line, self._texts.entry(rng, "zh" if han else "en"), font)
        return with_pen_line(rng, line) if chance > 1 - 0.015 * self._style.overlays else line

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
