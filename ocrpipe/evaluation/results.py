"""The scores of a set: of its pages, their sums, and the worst pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ocrpipe.evaluation.box_metrics import BoxCounts
from ocrpipe.evaluation.calibration import Outcome, Reliability, outcomes, reliability
from ocrpipe.evaluation.dataset import Dataset, Level, Prediction, ReferencePage
from ocrpipe.evaluation.metrics import Comparison, compare
from ocrpipe.evaluation.paragraph_metrics import ParagraphCounts
from ocrpipe.evaluation.routing import Routing, read_lines, routing
from ocrpipe.evaluation.table_metrics import TableCounts
from ocrpipe.evaluation.text_metrics import SpaceCounts, TextCounts, same_word


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page: ground truth, prediction, and how they compare."""

    reference: ReferencePage
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
        level: What its ground truth holds.
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
    def page_text(self) -> TextCounts | None:
        """Errors of the pages' texts in reading order, None where no page's is known."""
        counts = [page.comparison.page for page in self.pages if page.comparison.page is not None]
        return sum(counts, TextCounts()) if counts else None

    @cached_property
    def spaces(self) -> SpaceCounts:
        """Spaces of the Latin text of all pages."""
        return sum((page.comparison.spaces for page in self.pages), SpaceCounts())

    @cached_property
    def boxes(self) -> BoxCounts:
        """Box counts of all pages."""
        return sum((page.comparison.boxes for page in self.pages), BoxCounts())

    @cached_property
    def tables(self) -> TableCounts:
        """Scores of the tables of all pages."""
        return sum((page.comparison.tables for page in self.pages), TableCounts())

    @cached_property
    def paragraphs(self) -> ParagraphCounts:
        """Scores of the paragraphs of all pages."""
        return sum((page.comparison.paragraphs for page in self.pages), ParagraphCounts())

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence of the recognised characters against their accuracy."""
        return reliability(self._outcomes())

    @cached_property
    def routing(self) -> Routing:
        """From which confidence on the recognised lines are free of error."""
        return routing(
            line
            for page in self.pages
            for cluster in page.comparison.clusters
            for line in read_lines(cluster, casefold=self.casefold)
        )

    @property
    def word_accuracy(self) -> float | None:
        """Fraction of words with correct letters and digits, ignoring case; only for level ``word``."""
        if self.level != "word":
            return None
        correct = [
            same_word(page.reference.lines[0].text, "".join(line.text for line in page.prediction.lines))
            for page in self.pages
        ]
        return sum(correct) / max(1, len(correct))

    @property
    def seconds_per_page(self) -> float:
        """Mean seconds for a page."""
        return sum(page.prediction.seconds for page in self.pages) / max(1, len(self.pages))

    @property
    def failed(self) -> tuple[PageResult, ...]:
        """Pages that could not be read; they count as empty predictions."""
        return tuple(page for page in self.pages if page.prediction.error is not None)

    def worst(self, count: int) -> tuple[PageResult, ...]:
        """The pages with the highest CER, in descending order; those without errors are left out."""
        ranked = sorted(self.pages, key=lambda page: page.cer, reverse=True)
        return tuple(page for page in ranked[:count] if page.comparison.text.edits)

    def figures(self) -> dict[str, str | float | None]:
        """All figures under the names of the bench's ``score.py``; ``None`` where one does not apply."""
        has_boxes = self.level == "line"
        return {
            "set": self.name,
            "pages": len(self.pages),
            "failed": len(self.failed),
            "chars": self.text.chars,
            "CER": self.text.cer,
            "CERsp": self.text.cer_spaced,
            "WER": self.text.wer,
            "CERorder": self.page_text.cer if self.page_text else None,
            "Fsp": self.spaces.f,
            "R": self.boxes.recall if has_boxes else None,
            "P": self.boxes.precision if has_boxes else None,
            "F": self.boxes.f if has_boxes else None,
            "F50": self.boxes.f50 if has_boxes else None,
            "Fpar": self.paragraphs.f if self.paragraphs.lines else None,
            "TEDS": self.tables.mean_teds if self.tables.tables else None,
            "Fcell": self.tables.cell_f if self.tables.tables else None,
            "word_accuracy": self.word_accuracy,
            "ECE": self.reliability.ece if self.reliability.count else None,
            "threshold": self.routing.threshold,
            "routed": self.routing.fraction if self.routing.lines else None,
            "sec_per_page": self.seconds_per_page,
        }

    def _outcomes(self) -> Iterable[Outcome]:
        for page in self.pages:
            for cluster in page.comparison.clusters:
                yield from outcomes(cluster, casefold=self.casefold)


def score(dataset: Dataset, predictions: Iterable[Prediction], *, casefold: bool = False) -> SetResult:
    """Score predictions, matched by image name, against a set; a missing one counts as empty."""
    by_image = {prediction.image: prediction for prediction in predictions}
    pages = []
    for reference in dataset.pages:
        prediction = by_image.get(reference.name, Prediction(reference.name, error="no prediction"))
        pages.append(PageResult(reference, prediction, compare(reference, prediction, casefold=casefold)))
    return SetResult(dataset.name, dataset.level, tuple(pages), casefold)
