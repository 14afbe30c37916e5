"""Which hanzi a recogniser reads: each by itself in a neutral sentence, in clean print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ocrpipe.characters import is_hanzi
from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.lines import LineReader
from ocrpipe.synthesis.fonts import Font

SIZES = (28, 18)
"""Sizes of print that are measured, pixels per em."""
LEVELS = ("GB2312 level 1", "GB2312 level 2", "other")
"""Groups of hanzi: the 3,755 most frequent simplified ones, the next 3,008, all others."""
_SENTENCE = ("这里写着", "这个字")
"""What comes before and after a character that is measured."""
_FIRST_OF_LEVEL_2 = 0xD8  # first byte in GB2312


@dataclass(frozen=True, slots=True)
class ClassResult:
    """The hanzi of a level in one face and size.

    Attributes:
        face: Name of the font's file.
        size: Pixels per em.
        level: One of ``LEVELS``.
        total: Hanzi measured.
        misread: Those that were not read.
    """

    face: str
    size: int
    level: str
    total: int
    misread: tuple[str, ...]

    @property
    def fraction(self) -> float:
        """Fraction that was read."""
        return 1 - len(self.misread) / max(1, self.total)

    def figures(self) -> dict[str, str | float | int]:
        """All figures, by name."""
        return {
            "face": self.face,
            "size": self.size,
            "level": self.level,
            "hanzi": self.total,
            "read": self.fraction,
            "misread": "".join(self.misread),
        }


def level_of(hanzi: str) -> str:
    """The group of a hanzi, one of ``LEVELS``."""
    try:
        first, _ = hanzi.encode("gb2312")
    except (UnicodeEncodeError, ValueError):
        return LEVELS[2]
    return LEVELS[0] if first < _FIRST_OF_LEVEL_2 else LEVELS[1]


def evaluate_classes(
    reader: LineReader, fonts: Iterable[Font], characters: str, *, limit: int | None = None
) -> tuple[ClassResult, ...]:
    """Measure the hanzi of a charset in several faces, at the sizes of ``SIZES``.

    Args:
        reader: Reads crops.
        fonts: Faces; hanzi that one lacks are not measured in it.
        characters: The charset; what is no hanzi is passed over.
        limit: Hanzi of each level, spread evenly over it; all by default.

    Raises:
        ocrpipe.errors.ConfigError: A face lacks the sentence around the hanzi.
    """
    groups: dict[str, list[str]] = {level: [] for level in LEVELS}
    for character in dict.fromkeys(characters):
        if is_hanzi(character):
            groups[level_of(character)].append(character)
    results = []
    for font in fonts:
        for size in SIZES:
            for level, hanzi in groups.items():
                covered = [character for character in hanzi if font.covers(character)]
                if limit is not None and limit < len(covered):
                    places = np.linspace(0, len(covered) - 1, limit).astype(int)
                    covered = [covered[place] for place in places]
                wrong = misread(reader, font, size, covered)
                kept = tuple(character for character in covered if character in wrong)
                results.append(ClassResult(font.path.name, size, level, len(covered), kept))
    return tuple(results)


def character_crops(font: Font, size: int, characters: Sequence[str]) -> list[NDArray[np.uint8]]:
    """Each character in a neutral Chinese sentence, black on white, clean: H×W uint8.

    Raises:
        ocrpipe.errors.ConfigError: The font lacks a character or the sentence.
    """
    face, crops = font.at(4 * size), []
    before, after = _SENTENCE
    for character in characters:
        text = f"{before}{character}{after}"
        if not font.covers(text):
            raise ConfigError(f"{font.path.name} cannot draw {text!r}")
        canvas = Image.new("L", (int(face.getlength(text)) + 2 * size, 6 * size), 255)
        ImageDraw.Draw(canvas).text((size, size), text, font=face, fill=0)
        small = cv2.resize(np.asarray(canvas), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        crops.append(np.asarray(small, np.uint8))
    return crops


def misread(reader: LineReader, font: Font, size: int, characters: Sequence[str]) -> set[str]:
    """Those of the characters that are not read, each in a neutral sentence (see ``character_crops``).

    Characters that the font lacks are not measured.
    """
    wrong = set()
    covered = [c for c in characters if font.covers(c)]
    for start in range(0, len(covered), 512):
        chunk = covered[start : start + 512]
        lines = reader.recognize(character_crops(font, size, chunk))
        wrong |= {c for c, line in zip(chunk, lines, strict=True) if c not in line.text}
    return wrong
