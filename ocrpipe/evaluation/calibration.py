"""Calibration: whether nine in ten characters of confidence 0.9 are correct.

Reliability diagram and expected calibration error as in Guo et al., "On Calibration of Modern Neural
Networks" (arXiv 1706.04599): outcomes are binned by confidence; the error is the mean distance between a
bin's confidence and its accuracy, weighted by the bin's size. An outcome is one recognised character, spaces
excluded; it is correct where the alignment behind the CER matches it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from ocrpipe.evaluation.metrics import Cluster
from ocrpipe.evaluation.text_metrics import normalize

BINS = 15
_SIDE = 220
_MARGIN = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recognised character: its confidence, 0..1, and whether it is correct."""

    confidence: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """The outcomes whose confidence lies in ``[low, high)``; the last bin holds 1.0 too."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability diagram; bins without outcomes are left out."""

    bins: tuple[Bin, ...]

    @property
    def count(self) -> int:
        """Number of outcomes."""
        return sum(bin.count for bin in self.bins)

    @property
    def ece(self) -> float:
        """Expected calibration error, 0..1; 0.0 without outcomes."""
        gaps = sum(bin.count * abs(bin.accuracy - bin.confidence) for bin in self.bins)
        return gaps / max(1, self.count)


def outcomes(cluster: Cluster, *, casefold: bool = False) -> list[Outcome]:
    """The characters of a cluster's hypothesis, aligned with its reference.

    A line without one confidence for each character takes part in the alignment only.
    """
    chars: list[str] = []
    confidences: list[float | None] = []
    for line in cluster.hypothesis_lines:
        letters = [letter for letter in line.text if not letter.isspace()]
        complete = len(line.confidences) == len(letters)
        known = line.confidences if complete else (None,) * len(letters)
        for letter, confidence in zip(letters, known, strict=True):
            # One character can become several, an ellipsis three full stops; each keeps its confidence.
            normal = normalize(letter, casefold=casefold).replace(" ", "")
            chars += normal
            confidences += [confidence] * len(normal)
    correct = [False] * len(chars)
    for block in Levenshtein.opcodes(list(cluster.reference.replace(" ", "")), chars).as_matching_blocks():
        correct[block.b : block.b + block.size] = [True] * block.size
    return [Outcome(c, ok) for c, ok in zip(confidences, correct, strict=True) if c is not None]


def reliability(outcomes: Iterable[Outcome], *, bins: int = BINS) -> Reliability:
    """Bin outcomes by confidence into ``bins`` bins of equal width."""
    table = np.array([(outcome.confidence, outcome.correct) for outcome in outcomes], dtype=np.float64)
    confidence, correct = table.reshape(-1, 2).T
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    filled = []
    for k in np.unique(index).tolist():
        inside = index == k
        mean, accuracy = float(confidence[inside].mean()), float(correct[inside].mean())
        filled.append(Bin(k / bins, (k + 1) / bins, int(inside.sum()), mean, accuracy))
    return Reliability(tuple(filled))


def reliability_svg(diagram: Reliability) -> str:
    """Accuracy over confidence as an inline SVG; a bin with more outcomes has a darker bar."""
    size = _SIDE + 2 * _MARGIN
    max_count = max((bin.count for bin in diagram.bins), default=1)

    def x(value: float) -> str:
        return f"{_MARGIN + value * _SIDE:.1f}"

    def y(value: float) -> str:
        return f"{_MARGIN + (1 - value) * _SIDE:.1f}"

    parts = [
        f'<svg class="reliability" width="{size}" height="{size}" viewBox="0 0 {size} {size}">',
        f'<rect class="frame" x="{x(0)}" y="{y(1)}" width="{_SIDE}" height="{_SIDE}"/>',
    ]
    for bin in diagram.bins:
        shade = 0.25 + 0.75 * bin.count / max_count
        width, height = (bin.high - bin.low) * _SIDE, bin.accuracy * _SIDE
        parts.append(
            f'<rect class="bar" x="{x(bin.low)}" y="{y(bin.accuracy)}" width="{width:.1f}"'
            f' height="{height:.1f}" opacity="{shade:.2f}"><title>confidence {bin.confidence:.3f},'
            f" accuracy {bin.accuracy:.3f}, {bin.count} characters</title></rect>"
        )
    parts += [
        f'<line class="ideal" x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}"/>',
        f'<text x="{x(0.5)}" y="{size - 8}" text-anchor="middle">confidence</text>',
        f'<text x="14" y="{y(0.5)}" text-anchor="middle" transform="rotate(-90 14 {y(0.5)})">accuracy</text>',
        f'<text x="{x(0.04)}" y="{y(0.92)}">ECE {diagram.ece:.3f}</text>',
        f'<text x="{x(0.04)}" y="{y(0.84)}">{diagram.count:,} characters</text>',
        "</svg>",
    ]
    return "".join(parts)
