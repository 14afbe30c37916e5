"""Which recognised lines are kept as text; smudges, pictures, rules and single dots are not."""

from __future__ import annotations

from dataclasses import dataclass

from ocrpipe.errors import ConfigError
from ocrpipe.stages.reading import Reading

_RULE_MARKS = frozenset("-=_*~.·—–―#+")
_SPECKS = frozenset(".·,'`")


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which lines are kept.

    Attributes:
        min_confidence: Minimum confidence of a line; those below are mostly smudges and pictures. The
            confidence is multiplied by the detector's score where both are probabilities (see
            ``ocrpipe.detectors.base.Detector``).
        min_score: Minimum score of a line where the detector's scores are probabilities and the recogniser's
            confidences are not.
        rules: Keep rules (lines of dashes, asterisks and the like), blanks to fill in and single dots.
        min_rule_length: Minimum number of marks such as dashes in a rule; three may be part of the text.
        min_repeated_length: Minimum length of a rule of any one repeated character.
        rule_purity: Minimum fraction of a rule's characters that are its marks; some are misread.
    """

    min_confidence: float = 0.45
    min_score: float = 0.7
    rules: bool = False
    min_rule_length: int = 6
    min_repeated_length: int = 10
    rule_purity: float = 0.9

    def __post_init__(self) -> None:
        fractions = (self.min_confidence, self.min_score, self.rule_purity)
        if not all(0 <= fraction <= 1 for fraction in fractions) or self.min_rule_length < 1:
            raise ConfigError(f"options out of range: {self}")


_DEFAULT = FilterOptions()


def is_text(reading: Reading, calibrated: tuple[bool, bool], options: FilterOptions = _DEFAULT) -> bool:
    """Whether a line is kept.

    Args:
        reading: What was read.
        calibrated: Whether the detector's scores and the recogniser's confidences are probabilities.
        options: Thresholds.
    """
    scores, confidences = calibrated
    weight = reading.score if scores and confidences else 1.0
    faint = scores and not confidences and reading.score < options.min_score
    text = reading.text.strip()
    if not text or faint or reading.confidence * weight < options.min_confidence:
        return False
    return options.rules or not is_rule(text, options)


def is_rejected(reading: Reading, options: FilterOptions = _DEFAULT) -> bool:
    """Whether a line that is not kept has text, which was read with low confidence."""
    text = reading.text.strip()
    return bool(text) and (options.rules or not is_rule(text, options))


def is_rule(text: str, options: FilterOptions = _DEFAULT) -> bool:
    """Whether the text is a rule made of characters, a blank to fill in or a single dot."""
    marks = text.replace(" ", "").replace("…", "...")
    if not marks.strip("_"):
        return bool(marks)
    if len(marks) == 1:
        return marks in _SPECKS
    most = max(map(marks.count, marks))
    enough = options.rule_purity * len(marks)
    if len(marks) >= options.min_repeated_length and most >= enough and not any(map(str.isdigit, marks)):
        return True
    return len(marks) >= options.min_rule_length and sum(mark in _RULE_MARKS for mark in marks) >= enough
