"""Character and word error rates.

CER: edit distance over the number of ground-truth characters, spaces removed on both sides.
CER with spaces: the same with single spaces kept, so a missing or an extra space is an error.
Space F1: precision and recall of the spaces between two characters neither of which is CJK.
WER: edit distance over whitespace-separated tokens (meaningless for Chinese).

Rates are ratios of sums, not means over lines or pages; extra text is an insertion, missed text a deletion,
so a rate can exceed 1.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from ocrpipe.characters import is_cjk

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
    """Edits and the lengths of the reference; counts of several texts add up."""

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


@dataclass(frozen=True, slots=True)
class SpaceCounts:
    """Spaces between two characters neither of which is CJK; counts of several texts add up.

    Attributes:
        common: Spaces of the reference that the hypothesis has in the same place.
        reference: Spaces of the reference.
        hypothesis: Spaces of the hypothesis.
    """

    common: int = 0
    reference: int = 0
    hypothesis: int = 0

    @property
    def f(self) -> float | None:
        """Harmonic mean of precision and recall, None where neither text has a space."""
        total = self.reference + self.hypothesis
        return 2 * self.common / total if total else None

    def __add__(self, other: SpaceCounts) -> SpaceCounts:
        return SpaceCounts(
            self.common + other.common,
            self.reference + other.reference,
            self.hypothesis + other.hypothesis,
        )


def normalize(text: str, *, casefold: bool = False) -> str:
    """Map variants of the same text, as different ground truths write it, to one form.

    NFKC (full-width forms, ligatures, ellipses), one form each of quotes, dashes and centred dots, and single
    spaces.
    """
    text = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)
    text = " ".join(text.split())
    return text.casefold() if casefold else text


def count_errors(reference: str, hypothesis: str) -> TextCounts:
    """Compare two normalised texts."""
    solid_reference, solid_hypothesis = reference.replace(" ", ""), hypothesis.replace(" ", "")
    words = reference.split()
    return TextCounts(
        edits=Levenshtein.distance(solid_reference, solid_hypothesis),
        chars=len(solid_reference),
        spaced_edits=Levenshtein.distance(reference, hypothesis),
        spaced_chars=len(reference),
        word_edits=Levenshtein.distance(words, hypothesis.split()),
        words=len(words),
    )


def count_spaces(reference: str, hypothesis: str) -> SpaceCounts:
    """Compare the spaces of two normalised texts, of which the other characters are aligned first.

    A place between two characters is the same in both texts where the characters at both its sides are
    aligned and equal; spaces beside a wrong character count as missed and as extra.
    """
    wanted, found = _spaces(reference), _spaces(hypothesis)
    if not wanted or not found:
        return SpaceCounts(0, len(wanted), len(found))
    blocks = Levenshtein.opcodes(reference.replace(" ", ""), hypothesis.replace(" ", ""))
    common = sum(
        place + block.dest_start - block.src_start in found
        for block in blocks
        if block.tag == "equal"
        for place in range(block.src_start + 1, block.src_end)
        if place in wanted
    )
    return SpaceCounts(common, len(wanted), len(found))


def _spaces(text: str) -> set[int]:
    """Places of spaces between characters that are not CJK: how many characters come before."""
    words = text.split()
    places, count = set(), 0
    for word, after in pairwise(words):
        count += len(word)
        if not is_cjk(word[-1]) and not is_cjk(after[0]):
            places.add(count)
    return places


def same_word(reference: str, hypothesis: str) -> bool:
    """Whether two words are equal by the rule for scene text: letters and digits only, ignoring case."""
    return _alphanumerics(reference) == _alphanumerics(hypothesis)


def _alphanumerics(text: str) -> str:
    return "".join(filter(str.isalnum, normalize(text, casefold=True)))
