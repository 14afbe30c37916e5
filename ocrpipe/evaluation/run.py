"""Read the pages of a set and score the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.evaluation.dataset import (
    Dataset,
    PredictedLine,
    Prediction,
    ReferencePage,
    load_dataset,
    read_predictions,
    write_predictions,
)
from ocrpipe.evaluation.html import write_html
from ocrpipe.evaluation.results import SetResult, score
from ocrpipe.evaluation.table_metrics import PlacedTable, rows_of
from ocrpipe.io.images import load
from ocrpipe.page import Char, PageContent
from ocrpipe.recognizers.base import CharSpan, Recognition

Progress = Callable[[str, int, int], None]
"""Called after every page with the set's name, the number of pages done and their total."""


class Reader(Protocol):
    """What is evaluated; ``Pipeline`` is one."""

    def read(self, source: Path, /) -> PageContent:
        """Read one page."""
        ...

    def recognize(self, crops: Sequence[NDArray[np.uint8]], /) -> Sequence[Recognition]:
        """Read crops of single lines."""
        ...


def evaluate(
    dataset: Dataset,
    pipeline: Reader,
    *,
    limit: int | None = None,
    casefold: bool = False,
    progress: Progress | None = None,
) -> SetResult:
    """Read a set and score it.

    Pages are read with ``pipeline.read``, the crops of a set of level ``word`` with ``pipeline.recognize``.
    Seconds include loading the image. A page that raises an ``OcrError`` counts as empty and is listed in the
    result's ``failed``.

    Args:
        dataset: The set.
        pipeline: What is evaluated.
        limit: Read, and score, only this many of the set's first pages.
        casefold: Whether case is ignored in the text's figures.
        progress: Called after every page.

    Raises:
        ConfigError: ``limit`` is less than 1.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, at least one page must be read")
    dataset = replace(dataset, pages=dataset.pages[:limit])
    predictions = []
    for done, reference in enumerate(dataset.pages, 1):
        predictions.append(_predict(reference, pipeline))
        if progress is not None:
            progress(dataset.name, done, len(dataset.pages))
    return score(dataset, predictions, casefold=casefold)


def evaluate_sets(
    folders: Sequence[str | Path],
    pipeline: Reader,
    *,
    limit: int | None = None,
    casefold: bool = False,
    save_predictions: str | Path | None = None,
    html: str | Path | None = None,
    html_pages: int = 10,
    progress: Progress | None = None,
) -> tuple[SetResult, ...]:
    """Evaluate several set folders one after the other.

    Args:
        folders: Folders with a ``gt.jsonl``; all are checked before the first page is read.
        pipeline: What is evaluated.
        limit: Pages of each set, the first ones; all by default.
        casefold: Whether case is ignored in the text's figures, in all of the sets.
        save_predictions: Folder for ``<set>.jsonl`` with the predictions, written as soon as the set is done.
        html: File for a self-contained report.
        html_pages: How many of a set's worst pages the report shows.
        progress: Called after every page.

    Raises:
        ConfigError: No folder is given, two share a name, one is not a set, or ``limit`` is less than 1.
    """
    results = []
    for dataset in _datasets(folders):
        results.append(evaluate(dataset, pipeline, limit=limit, casefold=casefold, progress=progress))
        if save_predictions is not None:
            predictions = (page.prediction for page in results[-1].pages)
            write_predictions(Path(save_predictions) / f"{dataset.name}.jsonl", predictions)
    if html is not None:
        write_html(html, results, pages=html_pages)
    return tuple(results)


def score_sets(
    folders: Sequence[str | Path],
    predictions: str | Path,
    *,
    limit: int | None = None,
    casefold: bool = False,
    html: str | Path | None = None,
    html_pages: int = 10,
) -> tuple[SetResult, ...]:
    """Score what an engine, this one or another, has read; no page is opened unless for the report.

    Args:
        folders: Folders with a ``gt.jsonl``.
        predictions: Rows of predictions, as ``evaluate_sets`` saves them, or a folder of ``<set>.jsonl``.
        limit: Pages of each set, the first ones; all by default.
        casefold: Whether case is ignored in the text's figures, in all of the sets.
        html: File for a self-contained report.
        html_pages: How many of a set's worst pages the report shows.

    Raises:
        ConfigError: As ``evaluate_sets``; or predictions are missing or invalid, or a single file stands for
            several sets.
    """
    predictions = Path(predictions)
    datasets = [replace(dataset, pages=dataset.pages[:limit]) for dataset in _datasets(folders)]
    if len(datasets) > 1 and not predictions.is_dir():
        raise ConfigError(f"{predictions}: predictions of several sets are a folder of <set>.jsonl")
    results = []
    for dataset in datasets:
        path = predictions / f"{dataset.name}.jsonl" if predictions.is_dir() else predictions
        results.append(score(dataset, read_predictions(path), casefold=casefold))
    if html is not None:
        write_html(html, results, pages=html_pages)
    return tuple(results)


def _datasets(folders: Sequence[str | Path]) -> list[Dataset]:
    datasets = [load_dataset(folder) for folder in folders]
    names = [dataset.name for dataset in datasets]
    if not names:
        raise ConfigError("no set to evaluate")
    if len(set(names)) < len(names):
        raise ConfigError(f"two sets share a name: {', '.join(sorted(names))}")
    return datasets


def _predict(reference: ReferencePage, pipeline: Reader) -> Prediction:
    read = _read_word if reference.level == "word" else _read_page
    start = perf_counter()
    try:
        lines, tables = read(reference, pipeline)
    except OcrError as error:
        return Prediction(reference.name, (), perf_counter() - start, str(error))
    return Prediction(reference.name, lines, perf_counter() - start, tables=tables)


_Read = tuple[tuple[PredictedLine, ...], tuple[PlacedTable, ...]]


def _read_page(reference: ReferencePage, pipeline: Reader) -> _Read:
    page = pipeline.read(reference.image)
    lines = tuple(
        PredictedLine(line.text, line.quad, _confidences(line.chars), number)
        for number, paragraph in enumerate(page.paragraphs)
        for line in paragraph.lines
    )
    return lines, tuple(PlacedTable(table.quad, rows_of(table)) for table in page.tables)


def _read_word(reference: ReferencePage, pipeline: Reader) -> _Read:
    (recognition,) = pipeline.recognize([load(reference.image)])
    line = PredictedLine(recognition.text, reference.lines[0].quad, _confidences(recognition.chars))
    return (line,), ()


def _confidences(chars: Iterable[Char | CharSpan]) -> tuple[float, ...]:
    return tuple(char.confidence for char in chars for letter in char.text if not letter.isspace())
