"""Commands of ``ocrpipe train`` that make weights from others or from a run."""

from __future__ import annotations

import json
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ocrpipe.cli.options import Corpora
from ocrpipe.errors import ConfigError


class Model(str, Enum):
    """The models that are trained here."""

    crnn = "crnn"
    ctpn = "ctpn"


def language(
    corpora: Corpora,
    recipe: Annotated[str, typer.Option(metavar="TEXT", help="What the texts are, for the card.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write to; the package's own by default.")
    ] = None,
) -> None:
    """Count the language model that rescores characters read with low confidence; takes a minute."""
    from ocrpipe.pretrained.loader import FOLDER
    from ocrpipe.training.crnn.language import export_language

    typer.echo(export_language(corpora, recipe=recipe, folder=out or FOLDER))


def deepen(
    start: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Weights of a recogniser, such as crnn.")],
    blocks: Annotated[
        str, typer.Option(metavar="N,N,N,N", help="Residual blocks of each stage, nowhere fewer than it has.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
) -> None:
    """Make a recogniser deeper without changing what it reads (Net2Net), to `train crnn --start` from."""
    try:
        counts = [int(count) for count in blocks.split(",")]
    except ValueError as error:
        raise ConfigError(f"--blocks takes numbers with commas, not {blocks!r}") from error
    from ocrpipe.training.crnn.deepen import deepen_weights

    typer.echo(deepen_weights(start, counts, out))


def extend(
    start: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Weights of a recogniser, such as crnn.")],
    corpora: Corpora,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
    lines: Annotated[int, typer.Option(min=1, metavar="N", help="Rendered lines to imprint from.")] = 6000,
) -> None:
    """Extend a recogniser to the default charset, to `train crnn --start` from.

    New characters begin with rows of the class layer that are imprinted from rendered lines of them.
    """
    from ocrpipe.recognizers.crnn import default_charset
    from ocrpipe.synthesis.lines import LineStyle
    from ocrpipe.training.crnn.classes import extend_weights
    from ocrpipe.training.crnn.session import renderer

    charset = default_charset()
    style = LineStyle(chinese=1.0, every_class=1.0, scene=0.0, handwriting=0.0, degradation=0.3)
    path, imprinted = extend_weights(start, charset, renderer(corpora, charset, style), lines, out)
    typer.echo(f"{imprinted} of {len(charset) - 1} characters imprinted", err=True)
    typer.echo(path)


def calibrate(
    corpora: Corpora,
    run: Annotated[
        Path, typer.Option(exists=True, file_okay=False, metavar="DIR", help="A recogniser's run folder.")
    ],
    lines: Annotated[int, typer.Option(min=1, metavar="N", help="Rendered lines to fit it on.")] = 1000,
) -> None:
    """Print the temperature for `export --calibration` that makes confidences probabilities."""
    from ocrpipe.training.checkpoint import CHECKPOINT
    from ocrpipe.training.crnn.calibrate import temperature_of
    from ocrpipe.training.crnn.session import renderer

    typer.echo(temperature_of(run / CHECKPOINT, partial(renderer, corpora), lines))


def export(
    model: Annotated[Model, typer.Argument(help="What was trained.")],
    run: Annotated[Path, typer.Option(exists=True, file_okay=False, metavar="DIR", help="Its run folder.")],
    recipe: Annotated[str, typer.Option(metavar="TEXT", help="How it was trained, for the card.")],
    figures: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="PATH",
            help="Figures for the card, from `evaluate --json`.",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATH",
            help="Such figures of another engine: the card has the differences. Repeatable.",
        ),
    ] = None,
    average: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS=FRACTION",
            help="Average with other weights of the same training, which have this fraction.",
        ),
    ] = None,
    calibration: Annotated[
        float, typer.Option(min=0.01, help="Temperature the recogniser's logits are divided by.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write to; the package's own by default.")
    ] = None,
) -> None:
    """Write a run's averaged weights, in half precision, with their card."""
    from ocrpipe.pretrained.loader import FOLDER
    from ocrpipe.training.checkpoint import CHECKPOINT
    from ocrpipe.training.export import export_weights

    checkpoint = run / CHECKPOINT
    if not checkpoint.is_file():
        raise ConfigError(f"{run} holds no {CHECKPOINT}")
    accuracy = _accuracy(figures) if figures else {}
    for engine in against or ():
        name, equals, path = engine.partition("=")
        if not (name and equals and Path(path).is_file()):
            raise ConfigError(f"--against takes NAME=PATH of a file with figures, not {engine!r}")
        _add_differences(accuracy, name, _accuracy(Path(path)))
    written = export_weights(
        checkpoint,
        model.value,
        recipe=recipe,
        accuracy=accuracy,
        calibration=calibration,
        average=_average(average) if average else None,
        folder=out or FOLDER,
    )
    typer.echo(written)


def _accuracy(figures: Path) -> dict[str, Any]:
    """What ``evaluate --json`` printed, by set."""
    try:
        rows = json.loads(figures.read_text("utf-8"))
        return {row.pop("set"): {k: v for k, v in row.items() if v is not None} for row in rows}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigError(f"{figures} is not what `ocrpipe evaluate --json` prints: {error}") from error


def _average(text: str) -> tuple[str, float]:
    weights, _, fraction = text.rpartition("=")
    try:
        return weights, float(fraction)
    except ValueError:
        raise ConfigError(f"--average takes WEIGHTS=FRACTION, not {text!r}") from None


def _add_differences(accuracy: dict[str, Any], name: str, other: dict[str, Any]) -> None:
    """Add to each set's figures by how much they exceed another engine's."""
    for dataset, figures in accuracy.items():
        both = [key for key in figures if key in other.get(dataset, {})]
        if both:
            over = figures.setdefault("over", {})
            over[name] = {key: round(figures[key] - other[dataset][key], 4) for key in both}
