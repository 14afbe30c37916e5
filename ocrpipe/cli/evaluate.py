"""``ocrpipe evaluate``: accuracy on sets with ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrpipe.cli.options import Detector, Device, Recognizer, Settings, Threads

if TYPE_CHECKING:
    from ocrpipe.evaluation.run import Progress


def evaluate(
    sets: Annotated[list[Path], typer.Argument(metavar="SET", help="Folders of images with their gt.jsonl.")],
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N pages of each set.")
    ] = None,
    worst: Annotated[
        int, typer.Option(min=0, metavar="N", help="List the N worst pages of each set with their CER.")
    ] = 0,
    html: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write a report with the errors on the worst pages."),
    ] = None,
    casefold: Annotated[bool, typer.Option("--casefold", help="Ignore case.")] = False,
    save_predictions: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the predictions to DIR/<set>.jsonl.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Score these predictions, a file or a folder of <set>.jsonl, instead of reading the pages.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON, unrounded.")] = False,
    detector: Detector = "ctpn",
    recognizer: Recognizer = "crnn",
    threads: Threads = None,
    device: Device = "cpu",
    settings: Settings = None,
) -> None:
    """Read sets of pages with ground truth and print the error rates.

    CER without spaces and with spaces (CERsp), WER, CER of the page's text in reading order (CERorder) and
    F1 of the spaces of Latin text (Fsp), DetEval's P, R and F of the boxes and F50 at an IoU of .5, word
    accuracy, expected calibration error (ECE), and seconds per page.
    """
    from ocrpipe.evaluation.report import print_results, to_json
    from ocrpipe.evaluation.run import evaluate_sets, score_sets
    from ocrpipe.options import Options
    from ocrpipe.pipeline import Pipeline

    if predictions is not None:
        results = score_sets(sets, predictions, limit=limit, casefold=casefold, html=html)
    else:
        options = Options().with_settings(settings or ())
        pipeline = Pipeline(detector, recognizer, threads=threads, device=device, options=options)
        with _progress() as progress:
            results = evaluate_sets(
                sets,
                pipeline,
                limit=limit,
                casefold=casefold,
                save_predictions=save_predictions,
                html=html,
                progress=progress,
            )
    if json:
        typer.echo(to_json(results))
    else:
        print_results(results, worst=worst)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar for each set on the terminal; None where there is no terminal."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    tasks = {}
    if not console.is_terminal:  # before 14.3, Rich ends even a disabled bar with an empty line
        yield None
        return
    with Progress(*columns, console=console) as bars:

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield report
