"""Text that is stored with a page, taken instead of reading it where it is what the page shows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

from ocrpipe.characters import folded, is_plausible
from ocrpipe.detectors.base import TextLine
from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.stages.reading import Reading

if TYPE_CHECKING:
    from ocrpipe.io.pdf_text import StoredLine, StoredText

_log = logging.getLogger(__name__)

_MODES = ("redo", "skip", "force")


@dataclass(frozen=True, slots=True)
class PdfOptions:
    """What becomes of the text that the pages of a PDF have, and of pages that are not upright.

    Attributes:
        text: "redo": all pages are read, and searchable PDFs keep visible text that is right. "skip": pages
            whose text is what they show are not read, their text is taken as it is. "force": all pages are
            read, and searchable PDFs keep none of the pages' own text.
        min_similarity: Of a sample of the stored lines to what is read there, below which a page is read.
        sample: Lines read for that.
        min_covered: Fraction of the lines that the detector finds that must lie under stored text.
        max_implausible: Fraction of control characters, private ones and the like, above which a page is
            read; likewise of characters that do not run from left to right.
        rotate_pages: Whether searchable PDFs made from PDFs show pages upright that were not.
    """

    text: str = "redo"
    min_similarity: float = 0.6
    sample: int = 8
    min_covered: float = 0.9
    max_implausible: float = 0.02
    rotate_pages: bool = False

    def __post_init__(self) -> None:
        if self.text not in _MODES:
            raise ConfigError(f"pdf.text must be one of {', '.join(_MODES)}, not {self.text!r}")
        fractions = (self.min_similarity, self.min_covered, self.max_implausible)
        if not all(0 <= fraction <= 1 for fraction in fractions) or self.sample < 1:
            raise ConfigError(f"options out of range: {self}")


def take_stored(
    stored: StoredText,
    detect: Callable[[], Sequence[TextLine]],
    read: Callable[[Sequence[TextLine]], Sequence[Reading]],
    options: PdfOptions,
) -> list[Reading] | None:
    """The stored lines as if they had been read, with confidence 1.0; ``None`` where the page is to be read.

    Args:
        stored: The page's text, in its pixels.
        detect: Finds the lines of the page.
        read: Reads lines of the page.
        options: When stored text counts as right.
    """
    lines = [line for line in stored.lines if line.text.strip()]
    count = sum(len(line.text) for line in lines)
    wrong = sum(not is_plausible(char) for line in lines for char in line.text) + stored.others
    if not count or wrong > options.max_implausible * count:
        return None
    readings = [_as_read(line) for line in lines]
    sample = _sample(readings, options.sample)
    if (
        similarity := _similarity(sample, read([reading.line for reading in sample]))
    ) < options.min_similarity:
        _log.info("stored text differs from what is read: similarity %.2f", similarity)
        return None
    if (covered := _covered(detect(), lines)) < options.min_covered:
        _log.info("stored text covers %.2f of the lines found", covered)
        return None
    return readings


def _as_read(line: StoredLine) -> Reading:
    left, top = map(float, line.boxes[:, :2].min(0))
    right, bottom = map(float, line.boxes[:, 2:].max(0))
    quad = ((left, top), (right, top), (right, bottom), (left, bottom))
    chars = []
    for char, box in zip(line.text, line.boxes, strict=True):
        start = max(0.0, float(box[0]) - left)
        chars.append(CharSpan(char, 1.0, start, max(start, float(box[2]) - left)))
    width = max(1, round(right - left))
    return Reading(TextLine(quad, 1.0), Recognition(line.text, tuple(chars)), width, 0.0)


def _sample(readings: Sequence[Reading], count: int) -> list[Reading]:
    """Lines from all over the page, long ones if there are enough of these."""
    long = [reading for reading in readings if len(reading.text) >= 6] or list(readings)
    chosen = np.unique(np.linspace(0, len(long) - 1, count).round().astype(int))
    return [long[index] for index in chosen]


def _similarity(stored: Sequence[Reading], read: Sequence[Reading]) -> float:
    """Of both texts, 0..1, the mean over the characters."""
    pairs = [(folded(a.text), folded(b.text)) for a, b in zip(stored, read, strict=True)]
    total = sum(max(len(a), len(b)) for a, b in pairs)
    same = sum(
        max(len(a), len(b)) * SequenceMatcher(None, a, b, autojunk=False).ratio() for a, b in pairs if a or b
    )
    return same / total if total else 0.0


def _covered(found: Sequence[TextLine], lines: Sequence[StoredLine]) -> float:
    """Fraction of the lines found, by length, whose middle lies within stored characters."""
    boxes = np.concatenate([line.boxes for line in lines])
    total = covered = 0.0
    for line in found:
        (left, top), (right, bottom) = np.min(line.quad, 0), np.max(line.quad, 0)
        middle = (top + bottom) / 2
        level = boxes[(boxes[:, 1] <= middle) & (middle <= boxes[:, 3])]
        overlap = np.minimum(right, level[:, 2]) - np.maximum(left, level[:, 0])
        total += right - left
        covered += min(float(right - left), float(overlap[overlap > 0].sum()))
    return covered / total if total else 1.0
