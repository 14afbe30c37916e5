"""The figures as a table for the terminal, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ocrpipe.evaluation.classes import ClassResult
from ocrpipe.evaluation.lines import LineSetResult
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
    "Fpar": "Fpar",
    "TEDS": "TEDS",
    "Fcell": "Fcell",
    "word_accuracy": "words",
    "ECE": "ECE",
    "sec_per_page": "s/page",
}
_ROUTING_TITLES = {"threshold": "99 % from", "routed": "of lines"}
_LINE_TITLES = {
    "set": "set",
    "lines": "lines",
    "CER": "CER",
    "CERsp": "CERsp",
    "correct": "correct",
    "ms_per_line": "ms/line",
}
_CLASS_TITLES = {"face": "face", "size": "px", "level": "level", "hanzi": "hanzi", "read": "read"}
_PIPED_WIDTH = 10_000  # columns, so that nothing is truncated or wrapped


class Result(Protocol):
    """What has figures: a set of pages or lines, or the hanzi of a level."""

    def figures(self) -> Mapping[str, str | float | None]:
        """All figures, by name."""
        ...


def rows(results: Sequence[SetResult], *, routing: bool = False) -> list[list[str]]:
    """The figures as text, a row per set below a row of titles.

    With ``routing`` they include from which confidence on 99 % of the lines are free of error, and how many
    of the lines have at least that.

    Rates have three decimals; a figure that does not apply is a dash, and a column of dashes is left out.
    """
    return _rows(results, _TITLES | (_ROUTING_TITLES if routing else {}))


def _rows(results: Sequence[Result], names: Mapping[str, str]) -> list[list[str]]:
    figures = [result.figures() for result in results]
    keys = [key for key in names if key in _ROUTING_TITLES or any(row[key] is not None for row in figures)]
    return [[names[key] for key in keys], *([_cell(row[key]) for key in keys] for row in figures)]


def to_json(results: Sequence[Result]) -> str:
    """All figures, unrounded, as a JSON list with one object per set, or per face, size and level."""
    return json.dumps([result.figures() for result in results], indent=2, ensure_ascii=False)


def print_results(
    results: Sequence[SetResult],
    *,
    worst: int = 0,
    routing: bool = False,
    console: Console | None = None,
) -> None:
    """Print a table with a row per set, then the failed pages, then the worst.

    Args:
        results: What to print.
        worst: How many of each set's worst pages to list, with their CER.
        routing: Whether to include the figures of routing, see ``rows``.
        console: Where to print; standard output by default.
    """
    console = console or _console()
    _print_table(console, *rows(results, routing=routing))
    for result in results:
        for page in result.failed:
            console.print(Text(f"{result.name}: {page.reference.name} not read: {page.prediction.error}"))
    for result in results:
        for page in result.worst(worst):
            console.print(Text(f"{page.cer:.3f}  {result.name}/{page.reference.name}"))


def print_lines(
    results: Sequence[LineSetResult],
    *,
    worst: int = 0,
    routing: bool = False,
    console: Console | None = None,
) -> None:
    """Print a table with a row per set of lines, then the worst lines, reference over hypothesis."""
    console = console or _console()
    _print_table(console, *_rows(results, _LINE_TITLES | (_ROUTING_TITLES if routing else {})))
    for result in results:
        for line in result.worst(worst):
            console.print(Text(f"{line.counts.cer:.3f}  {result.name}/{line.page}"))
            console.print(Text(f"       {line.reference}\n       {line.hypothesis}"))


def print_classes(results: Sequence[ClassResult], *, worst: int = 0, console: Console | None = None) -> None:
    """Print a table with a row per face, size and level, then up to ``worst`` misread hanzi of each."""
    console = console or _console()
    _print_table(console, *_rows(results, _CLASS_TITLES))
    for result in results if worst else ():
        if result.misread:
            where = f"{result.face}, {result.size} px, {result.level}"
            console.print(Text(f"{where}: {''.join(result.misread[:worst])}"))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)


def _print_table(console: Console, titles: Sequence[str], *body: Sequence[str]) -> None:
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


def _cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
