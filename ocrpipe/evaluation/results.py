"""What came of a set: its pages scored, their sums, and the worst of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ocrpipe.evaluation.box_metrics import BoxCounts
from ocrpipe.evaluation.calibration import Outcome, Reliability, outcomes, reliability
from ocrpipe.evaluation.dataset import Dataset, Level, Prediction, TruthPage
from ocrpipe.evaluation.metrics import Comparison, compare
from ocrpipe.evaluation.text_metrics import TextCounts, same_word


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page: what it says, what was read, and how they compare."""

    truth: TruthPage
    prediction: Prediction
    comparison: Comparison

    @property
    def cer(self) -> float:
        """Character error rate of this page, without spaces."""
        return self.comparison.text.cer


@dataclass(frozen=True)
class SetResult:
    """One set of pages, scored.

    Attributes:
        name: The set's name.
        level: What its ground truth knows.
        pages: One result per page of the set, in its order.
        casefold: Whether case was ignored.
    """

    name: str
    level: Level
    pages: tuple[PageResult, ...]
    casefold: bool = False

    @cached_property
    def text(self) -> TextCounts:
        """Text errors of all pages."""
        return sum((page.comparison.text for page in self.pages), TextCounts())

    @cached_property
    def boxes(self) -> BoxCounts:
        """Box counts of all pages."""
        return sum((page.comparison.boxes for page in self.pages), BoxCounts())

    @cached_property
    def reliability(self) -> Reliability:
        """How the characters' confidences relate to their correctness."""
        return reliability(self._outcomes())

    @property
    def word_accuracy(self) -> float | None:
        """Share of words whose letters and digits were read, whatever their case; only for level ``word``."""
        if self.level != "word":
            return None
        right = [
            same_word(page.truth.lines[0].text, "".join(line.text for line in page.prediction.lines))
            for page in self.pages
        ]
        return sum(right) / max(1, len(right))

    @property
    def seconds_per_page(self) -> float:
        """Mean seconds spent on a page."""
        return sum(page.prediction.seconds for page in self.pages) / max(1, len(self.pages))

    @property
    def failed(self) -> tuple[PageResult, ...]:
        """Pages that could not be read; they count as read empty."""
        return tuple(page for page in self.pages if page.prediction.error is not None)

    def worst(self, count: int) -> tuple[PageResult, ...]:
        """The pages with the highest CER, the worst first; perfect ones are left out."""
        ranked = sorted(self.pages, key=lambda page: page.cer, reverse=True)
        return tuple(page for page in ranked[:count] if page.comparison.text.edits)

    def figures(self) -> dict[str, str | float | None]:
        """All figures under the names of the bench's ``score.py``; ``None`` where one does not apply."""
        boxed = self.level == "line"
        return {
            "set": self.name,
            "pages": len(self.pages),
            "failed": len(self.failed),
            "chars": self.text.chars,
            "CER": self.text.cer,
            "CERsp": self.text.cer_spaced,
            "WER": self.text.wer,
            "R": self.boxes.recall if boxed else None,
            "P": self.boxes.precision if boxed else None,
            "F": self.boxes.f if boxed else None,
            "F50": self.boxes.f50 if boxed else None,
            "word_accuracy": self.word_accuracy,
            "ECE": self.reliability.ece if self.reliability.count else None,
            "sec_per_page": self.seconds_per_page,
        }

    def _outcomes(self) -> Iterable[Outcome]:
        for page in self.pages:
            for cluster in page.comparison.clusters:
                yield from outcomes(cluster, casefold=self.casefold)


def score(dataset: Dataset, predictions: Iterable[Prediction], *, casefold: bool = False) -> SetResult:
    """Score predictions, found by image name, against a set; a page without one counts as read empty."""
    found = {prediction.image: prediction for prediction in predictions}
    pages = []
    for truth in dataset.pages:
        prediction = found.get(truth.name, Prediction(truth.name, error="no prediction"))
        pages.append(PageResult(truth, prediction, compare(truth, prediction, casefold=casefold)))
    return SetResult(dataset.name, dataset.level, tuple(pages), casefold)
