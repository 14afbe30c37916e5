"""Which of the lines read are text: not smudges, pictures, rules or lone dots."""

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
        min_confidence: Lines read with a lower confidence are left out: mostly smudges and pictures. The
            confidence is multiplied by the detector's score where both are probabilities (see
            ``ocrpipe.detectors.base.Detector``).
        min_score: Least score of a line where the detector's scores are probabilities and the recogniser's
            confidences are not.
        rules: Keep lines of dashes, asterisks and the like that only divide the page, blanks and lone dots.
        min_rule_length: Characters from which marks such as dashes make a rule; three may say something.
        min_repeated_length: Characters from which one repeated character makes a rule, whatever it is.
        rule_purity: Fraction of a rule's characters that must be such; at such lengths some are misread.
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
    """Whether a line that is not kept has text, which was read with too little confidence."""
    text = reading.text.strip()
    return bool(text) and (options.rules or not is_rule(text, options))


def is_rule(text: str, options: FilterOptions = _DEFAULT) -> bool:
    """Whether the text only divides the page: a rule of characters, a blank to fill in, a lone dot."""
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
