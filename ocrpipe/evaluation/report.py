"""The figures as a table for the terminal, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ocrpipe.evaluation.results import SetResult

_TITLES = {
    "set": "set",
    "pages": "pages",
    "CER": "CER",
    "CERsp": "CERsp",
    "WER": "WER",
    "CERorder": "order",
    "Fsp": "Fsp",
    "P": "P",
    "R": "R",
    "F": "F",
    "F50": "F50",
    "word_accuracy": "words",
    "ECE": "ECE",
    "sec_per_page": "s/page",
}
_PIPED_WIDTH = 10_000  # columns, so that nothing is truncated or wrapped


def rows(results: Sequence[SetResult]) -> list[list[str]]:
    """The figures as text, a row per set below a row of titles.

    Rates have three decimals; a figure that does not apply is a dash, and a column of dashes is left out.
    """
    figures = [result.figures() for result in results]
    keys = [key for key in _TITLES if any(row[key] is not None for row in figures)]
    return [[_TITLES[key] for key in keys], *([_cell(row[key]) for key in keys] for row in figures)]


def to_json(results: Sequence[SetResult]) -> str:
    """All figures of all sets, unrounded, as a JSON list with one object per set."""
    return json.dumps([result.figures() for result in results], indent=2)


def print_results(results: Sequence[SetResult], *, worst: int = 0, console: Console | None = None) -> None:
    """Print a table with a row per set, then the failed pages, then the worst.

    Args:
        results: What to print.
        worst: How many of each set's worst pages to list, with their CER.
        console: Where to print; standard output by default.
    """
    console = console or Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
    titles, *body = rows(results)
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for row in body:
        table.add_row(*row)
    widest = console.measure(table, options=console.options.update(width=_PIPED_WIDTH)).maximum
    width = console.width
    console.width = max(width, widest)  # a terminal breaks a row that is too long; figures are never cut
    console.print(table)
    console.width = width
    for result in results:
        for page in result.failed:
            console.print(Text(f"{result.name}: {page.reference.name} not read: {page.prediction.error}"))
    for result in results:
        for page in result.worst(worst):
            console.print(Text(f"{page.cer:.3f}  {result.name}/{page.reference.name}"))


def _cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
