"""Character and word error rates.

CER: edit distance over the number of ground-truth characters, spaces removed on both sides.
CER with spaces: the same with single spaces kept, so a missing or an extra space is an error.
WER: edit distance over whitespace-separated tokens (says nothing about Chinese).
Rates are taken over sums, not averaged over lines or pages; text found nowhere is an insertion, text missed a
deletion, and so a rate can exceed 1.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("“”„″", '"'),
        **dict.fromkeys("‘’′", "'"),
        **dict.fromkeys("—–―−", "-"),
        **dict.fromkeys("•∙", "·"),
    }
)


@dataclass(frozen=True, slots=True)
class TextCounts:
    """Edits and what they are measured against; counts of several texts add up."""

    edits: int = 0
    chars: int = 0
    spaced_edits: int = 0
    spaced_chars: int = 0
    word_edits: int = 0
    words: int = 0

    @property
    def cer(self) -> float:
        """Character error rate without spaces."""
        return self.edits / max(1, self.chars)

    @property
    def cer_spaced(self) -> float:
        """Character error rate with spaces."""
        return self.spaced_edits / max(1, self.spaced_chars)

    @property
    def wer(self) -> float:
        """Word error rate."""
        return self.word_edits / max(1, self.words)

    def __add__(self, other: TextCounts) -> TextCounts:
        return TextCounts(
            self.edits + other.edits,
            self.chars + other.chars,
            self.spaced_edits + other.spaced_edits,
            self.spaced_chars + other.spaced_chars,
            self.word_edits + other.word_edits,
            self.words + other.words,
        )


def normalize(text: str, *, casefold: bool = False) -> str:
    """Make alike what ground truths write differently.

    NFKC (full-width forms, ligatures, ellipses), one shape each of quotes, dashes and centred dots, and
    single spaces.
    """
    text = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)
    text = " ".join(text.split())
    return text.casefold() if casefold else text


def count_errors(truth: str, read: str) -> TextCounts:
    """Compare two texts that ``normalize`` has seen."""
    solid_truth, solid_read = truth.replace(" ", ""), read.replace(" ", "")
    words = truth.split()
    return TextCounts(
        edits=Levenshtein.distance(solid_truth, solid_read),
        chars=len(solid_truth),
        spaced_edits=Levenshtein.distance(truth, read),
        spaced_chars=len(truth),
        word_edits=Levenshtein.distance(words, read.split()),
        words=len(words),
    )


def same_word(truth: str, read: str) -> bool:
    """Whether a word was read right as scene text is judged: letters and digits only, whatever their case."""
    return _alphanumerics(truth) == _alphanumerics(read)


def _alphanumerics(text: str) -> str:
    return "".join(filter(str.isalnum, normalize(text, casefold=True)))
