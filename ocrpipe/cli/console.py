"""Output to stderr: errors, and progress on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from ocrpipe.io.names import printable

PIPED_WIDTH = 10_000
"""Columns of a table that is not printed to a terminal, so that nothing is truncated or wrapped."""

if TYPE_CHECKING:
    from ocrpipe.page import PageWarning
    from ocrpipe.pipeline import Stage


def print_error(error: Exception) -> None:
    """Print an error as one line on stderr."""
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        message = str(error)
    typer.echo(f"ocrpipe: {printable(' '.join(message.split())) or type(error).__name__}", err=True)


def warn(where: str, warnings: Iterable[PageWarning]) -> None:
    """Print each of a page's warnings as a line on stderr."""
    for warning in warnings:
        typer.echo(f"ocrpipe: {' '.join(f'{where}: {warning.message}'.split())}", err=True)


@contextmanager
def working(message: str) -> Iterator[None]:
    """Show a message on the terminal during the block; nothing without a terminal.

    What engines print meanwhile goes to stderr: stdout is for results.
    """
    status: AbstractContextManager[object] = nullcontext()
    if sys.stderr.isatty():
        from rich.console import Console

        status = Console(stderr=True).status(message)
    with redirect_stdout(sys.stderr), status:
        yield


def report_stage(stage: Stage) -> None:
    """One line on stderr: what a stage of the pipeline did and how long it took."""
    counts = ", ".join(f"{name} {value:g}" for name, value in stage.counts.items())
    typer.echo(f"{stage.name:<18} {1000 * stage.seconds:8.1f} ms  {counts}".rstrip(), err=True)


def reporter() -> Callable[[str], None]:
    """Prints lines of text on stderr."""
    from rich.console import Console

    console = Console(stderr=True)
    return partial(console.print, markup=False, soft_wrap=True)


def log_printer(total: float) -> Callable[[dict[str, Any]], None]:
    """Prints log records: progress, then losses and speed, or validation figures."""
    report = reporter()

    def show(record: dict[str, Any]) -> None:
        figures = dict(record)
        minutes, step = figures.pop("minutes"), figures.pop("step")
        words = (f"{name.replace('_per_second', '/s')} {value:g}" for name, value in figures.items())
        report(f"{minutes:.1f} of {total:g} min  step {step}  {'  '.join(words)}")

    return show
