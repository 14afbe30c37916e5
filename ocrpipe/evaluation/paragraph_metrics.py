"""How lines are grouped into paragraphs: B-cubed precision and recall of lines.

Of each line, precision is the part of its paragraph's lines that belong to its paragraph in the ground truth,
recall the part of those that are in its paragraph (Bagga and Baldwin, "Entity-based cross-document
coreferencing using the vector space model", 1998). Lines count that are one line on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParagraphCounts:
    """Sums over lines; those of several pages add up."""

    precision_sum: float = 0.0
    recall_sum: float = 0.0
    lines: int = 0

    def __add__(self, other: ParagraphCounts) -> ParagraphCounts:
        return ParagraphCounts(
            self.precision_sum + other.precision_sum,
            self.recall_sum + other.recall_sum,
            self.lines + other.lines,
        )

    @property
    def precision(self) -> float:
        """1.0 where no paragraph holds lines of two."""
        return self.precision_sum / max(1, self.lines)

    @property
    def recall(self) -> float:
        """1.0 where no paragraph is divided."""
        return self.recall_sum / max(1, self.lines)

    @property
    def f(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.precision * self.recall / max(1e-9, self.precision + self.recall)


def count_paragraphs(pairs: Iterable[tuple[Hashable, Hashable]]) -> ParagraphCounts:
    """Score one page.

    Args:
        pairs: Of each line, its paragraph in the ground truth and in the prediction.
    """
    both = Counter(pairs)
    reference: Counter[Hashable] = Counter()
    hypothesis: Counter[Hashable] = Counter()
    for (own, other), count in both.items():
        reference[own] += count
        hypothesis[other] += count
    return ParagraphCounts(
        sum(count * count / hypothesis[other] for (_, other), count in both.items()),
        sum(count * count / reference[own] for (own, _), count in both.items()),
        both.total(),
    )
