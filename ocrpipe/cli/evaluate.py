"""``ocrpipe evaluate``: accuracy on sets with ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrpipe.cli.options import Detector, Device, Recognizer, Runtime, Settings, Threads
from ocrpipe.errors import ConfigError

if TYPE_CHECKING:
    from ocrpipe.evaluation.classes import ClassResult
    from ocrpipe.evaluation.lines import LineSetResult
    from ocrpipe.evaluation.run import Progress
    from ocrpipe.pipeline import Pipeline


def evaluate(
    sets: Annotated[
        list[Path] | None, typer.Argument(metavar="SET", help="Folders of images with their gt.jsonl.")
    ] = None,
    lines: Annotated[
        bool,
        typer.Option("--lines", help="The recogniser alone, on lines cut out along the ground truth."),
    ] = False,
    classes: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FONT",
            exists=True,
            help="Which hanzi of the recogniser's charset it reads, each in a sentence set in FONT. "
            "Repeatable; takes no SET.",
        ),
    ] = None,
    routing: Annotated[
        bool,
        typer.Option(
            "--routing",
            help="Print from which confidence on 99 % of the lines are free of error, and how many lines "
            "have it.",
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Only the first N pages of each set; with --lines or --classes, N lines or hanzi spread "
            "evenly over each.",
        ),
    ] = None,
    worst: Annotated[
        int, typer.Option(min=0, metavar="N", help="List the N worst pages, lines or hanzi of each.")
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
    runtime: Runtime = "auto",
    settings: Settings = None,
) -> None:
    """Read sets of pages with ground truth and print the error rates.

    CER without spaces and with spaces (CERsp), WER, CER of the page's text in reading order (CERorder) and
    F1 of the spaces of Latin text (Fsp), DetEval's P, R and F of the boxes and F50 at an IoU of .5, F1 of
    paragraphs (Fpar), of tables TEDS and F1 of neighbouring cells (Fcell), word accuracy, expected
    calibration error (ECE), and seconds per page.
    """
    from ocrpipe.evaluation import report
    from ocrpipe.evaluation.run import evaluate_sets, score_sets
    from ocrpipe.options import Options
    from ocrpipe.pipeline import Pipeline

    _check_modes(sets, lines=lines, classes=classes, predictions=predictions)
    if predictions is not None:
        results = score_sets(sets or (), predictions, limit=limit, casefold=casefold, html=html)
    else:
        options = Options().with_settings(settings or ())
        pipeline = Pipeline(
            detector, recognizer, threads=threads, device=device, runtime=runtime, options=options
        )
        if classes:
            figures = _classes(pipeline, classes, recognizer, limit)
            typer.echo(report.to_json(figures)) if json else report.print_classes(figures, worst=worst)
            return
        if lines:
            scored = _lines(pipeline, sets or (), limit, casefold=casefold)
            if json:
                typer.echo(report.to_json(scored))
            else:
                report.print_lines(scored, worst=worst, routing=routing)
            return
        with _progress() as progress:
            results = evaluate_sets(
                sets or (),
                pipeline,
                limit=limit,
                casefold=casefold,
                save_predictions=save_predictions,
                html=html,
                progress=progress,
            )
    if json:
        typer.echo(report.to_json(results))
    else:
        report.print_results(results, worst=worst, routing=routing)


def _check_modes(
    sets: list[Path] | None, *, lines: bool, classes: list[Path] | None, predictions: Path | None
) -> None:
    """Raise ``ConfigError`` for options that do not go together."""
    if sum((lines, bool(classes), predictions is not None)) > 1:
        raise ConfigError("--lines, --classes and --predictions contradict each other")
    if bool(sets) == bool(classes):
        raise ConfigError("--classes takes no SET" if sets else "no SET to evaluate")


def _lines(
    pipeline: Pipeline, sets: Sequence[Path], limit: int | None, *, casefold: bool
) -> list[LineSetResult]:
    from ocrpipe.evaluation.dataset import load_dataset
    from ocrpipe.evaluation.lines import evaluate_lines

    datasets = [load_dataset(folder) for folder in sets]
    return [evaluate_lines(dataset, pipeline, limit=limit, casefold=casefold) for dataset in datasets]


def _classes(
    pipeline: Pipeline, fonts: Sequence[Path], recognizer: str, limit: int | None
) -> tuple[ClassResult, ...]:
    from ocrpipe.evaluation.classes import evaluate_classes
    from ocrpipe.pretrained.loader import load
    from ocrpipe.recognizers.crnn.charset import default_charset
    from ocrpipe.synthesis.fonts import FontLibrary

    if recognizer == "crnn":
        _, card = load("crnn")
        characters = card.charset
    else:
        characters = default_charset().characters
    library = FontLibrary.from_files(fonts)
    faces = {font.path: font for font in reversed(library.fonts)}  # the first face of each file
    if missing := [font for font in fonts if font not in faces]:
        raise ConfigError(f"{missing[0]} is no font that hanzi can be drawn with")
    return evaluate_classes(pipeline, [faces[font] for font in fonts], characters, limit=limit)


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
