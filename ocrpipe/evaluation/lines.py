"""The recogniser alone: lines cut out along the ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import Dataset, ReferenceLine, ReferencePage
from ocrpipe.evaluation.routing import ReadLine, Routing, routing
from ocrpipe.evaluation.text_metrics import TextCounts, count_errors, normalize
from ocrpipe.geometry import rectify
from ocrpipe.io import images
from ocrpipe.recognizers.base import Recognition

_BATCH = 256  # crops recognised at a time


class LineReader(Protocol):
    """What is evaluated; a recogniser is one, and ``Pipeline``."""

    def recognize(self, crops: Sequence[NDArray[np.uint8]], /) -> Sequence[Recognition]:
        """Read crops of single lines."""
        ...


@dataclass(frozen=True, slots=True)
class LineResult:
    """One line: reference and hypothesis, normalised, and the hypothesis' mean confidence."""

    page: str
    reference: str
    hypothesis: str
    confidence: float

    @property
    def counts(self) -> TextCounts:
        """Its errors."""
        return count_errors(self.reference, self.hypothesis)

    @property
    def correct(self) -> bool:
        """Whether it is free of error, spaces aside."""
        return self.reference.replace(" ", "") == self.hypothesis.replace(" ", "")


@dataclass(frozen=True)
class LineSetResult:
    """The lines of a set, scored.

    Attributes:
        name: The set's name.
        lines: In the set's order.
        seconds: Time of the recogniser for all of them, crops not included.
    """

    name: str
    lines: tuple[LineResult, ...]
    seconds: float

    @cached_property
    def text(self) -> TextCounts:
        """Errors of all lines."""
        return sum((line.counts for line in self.lines), TextCounts())

    @cached_property
    def routing(self) -> Routing:
        """From which confidence on lines are free of error."""
        return routing(ReadLine(line.confidence, line.correct) for line in self.lines)

    def worst(self, count: int) -> list[LineResult]:
        """The lines with the most errors for their length, those without left out."""
        wrong = [line for line in self.lines if line.counts.edits]
        return sorted(wrong, key=lambda line: line.counts.cer, reverse=True)[:count]

    def figures(self) -> dict[str, str | float | None]:
        """All figures, by name."""
        return {
            "set": self.name,
            "lines": len(self.lines),
            "chars": self.text.chars,
            "CER": self.text.cer,
            "CERsp": self.text.cer_spaced,
            "correct": sum(line.correct for line in self.lines) / max(1, len(self.lines)),
            "threshold": self.routing.threshold,
            "routed": self.routing.fraction,
            "ms_per_line": 1000 * self.seconds / max(1, len(self.lines)),
        }


def evaluate_lines(
    dataset: Dataset, reader: LineReader, *, limit: int | None = None, casefold: bool = False
) -> LineSetResult:
    """Read the lines of a set, cut out along their quads; lines that are not scored are left out.

    Args:
        dataset: A set whose lines have quads.
        reader: Reads crops.
        limit: Number of lines, spread evenly over the set; all by default.
        casefold: Whether case is ignored.

    Raises:
        ConfigError: The set has no such lines.
        OcrError: An image can't be read.
    """
    chosen = _chosen(dataset, limit)
    lines: list[LineResult] = []
    seconds = 0.0
    for start in range(0, len(chosen), _BATCH):
        part = chosen[start : start + _BATCH]
        crops = _crops(part)
        began = perf_counter()
        read = reader.recognize(crops)
        seconds += perf_counter() - began
        lines += [
            LineResult(
                page.name,
                normalize(line.text, casefold=casefold),
                normalize(recognition.text, casefold=casefold),
                recognition.confidence,
            )
            for (page, line), recognition in zip(part, read, strict=True)
        ]
    return LineSetResult(dataset.name, tuple(lines), seconds)


def _chosen(dataset: Dataset, limit: int | None) -> list[tuple[ReferencePage, ReferenceLine]]:
    wanted = [
        (page, line)
        for page in dataset.pages
        if page.level != "page"
        for line in page.lines
        if line.counts and line.text.strip()
    ]
    if not wanted:
        raise ConfigError(f"{dataset.name} has no lines with quads to read")
    if limit is None or limit >= len(wanted):
        return wanted
    return [wanted[index] for index in np.linspace(0, len(wanted) - 1, limit).astype(int)]


def _crops(lines: Sequence[tuple[ReferencePage, ReferenceLine]]) -> list[NDArray[np.uint8]]:
    """H×W×3 RGB crops; each page is loaded once."""
    crops, path, image = [], Path(), np.empty((0, 0, 3), np.uint8)
    for page, line in lines:
        if page.image != path:
            path, image = page.image, images.load(page.image)
        crops.append(rectify(image, line.quad))
    return crops
