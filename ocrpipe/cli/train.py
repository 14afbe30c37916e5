"""``ocrpipe train``: the built-in models from rendered pages and lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocrpipe.cli.options import Corpora
from ocrpipe.cli.settings import configured
from ocrpipe.environment import restart_for_training
from ocrpipe.errors import ConfigError

if TYPE_CHECKING:
    from ocrpipe.training.crnn.finetune import Figure

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train the built-in models.")

Run = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where checkpoint and log go, and are gone on from; runs/<model> by default."
    ),
]
Minutes = Annotated[
    float | None, typer.Option(min=0, help="Length of the training, all of its sessions together.")
]
Threads = Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads of torch.")]
Workers = Annotated[int, typer.Option(min=1, metavar="N", help="Processes that render.")]
Start = Annotated[
    str | None,
    typer.Option(metavar="NAME|PATH", help="Weights to begin with; by default none, from scratch."),
]
Validate = Annotated[
    list[Path] | None,
    typer.Option(metavar="SET", help="Real pages with gt.jsonl to measure on; never trained on. Repeatable."),
]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="DIR",
        help="Fine-tune on these corrected lines: pages with gt.jsonl, or line images with NAME.gt.txt. "
        "Repeatable.",
    ),
]
HoldOut = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, metavar="SHARE", help="With --data: measured on, not trained on; .1 by default."
    ),
]
Mix = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, metavar="SHARE", help="With --data: rendered lines in the mixture; .5 by default."
    ),
]
Detected = Annotated[
    float,
    typer.Option(
        min=0, max=1, metavar="SHARE", help="Lines that the shipped detector cuts from rendered pages."
    ),
]
TextOrNone = Annotated[
    Path | None,
    typer.Option(
        "--corpora",
        exists=True,
        file_okay=False,
        metavar="DIR",
        help="Text to render: UTF-8 files zh*.txt and en*.txt. With --data it may be left out.",
    ),
]
Paper = Annotated[bool, typer.Option("--paper", help="The paper's network, not the slim one.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other plain setting of the model's TrainConfig. Repeatable."
    ),
]


class Model(str, Enum):
    """The models that are trained here."""

    crnn = "crnn"
    ctpn = "ctpn"


@app.command()
def crnn(
    corpora: TextOrNone = None,
    data: Data = None,
    hold_out: HoldOut = None,
    mix: Mix = None,
    run: Run = None,
    minutes: Minutes = None,
    threads: Threads = None,
    workers: Workers = 1,
    start: Start = None,
    validate: Validate = None,
    detected: Detected = 0.25,
    paper: Paper = False,
    settings: Settings = None,
) -> None:
    """Train the recogniser on rendered lines; goes on from the run's checkpoint if there is one.

    With --data it is fine-tuned on corrected lines: from the shipped weights or those of --start, in five
    minutes unless --minutes says otherwise, in runs/finetune. Error rates before and after are printed.
    """
    if data:
        if paper:
            raise ConfigError("--paper makes a new network, --data tunes one that has learnt to read")
        plain = {"run": run, "minutes": minutes, "threads": threads, "hold_out": hold_out, "mix": mix}
        return _finetune(data, corpora, start, validate or (), workers, settings or (), plain)
    if corpora is None:
        raise ConfigError("training needs --corpora, fine-tuning --data")
    if hold_out is not None or mix is not None:
        raise ConfigError("--hold-out and --mix go with --data")
    restart_for_training()

    from ocrpipe.recognizers.crnn import CRNNConfig, default_charset
    from ocrpipe.training.crnn.session import train
    from ocrpipe.training.crnn.training import TrainConfig

    config = configured(TrainConfig, settings or (), run=run, minutes=minutes, threads=threads)
    train(
        corpora,
        config,
        model=CRNNConfig.paper(len(default_charset())) if paper else None,
        start=start,
        validation=validate or (),
        detected=detected,
        workers=workers,
        log=_reporter(config.minutes),
    )


@app.command()
def ctpn(
    corpora: Corpora,
    run: Run = None,
    minutes: Minutes = None,
    threads: Threads = None,
    workers: Workers = 1,
    start: Start = None,
    validate: Validate = None,
    paper: Paper = False,
    settings: Settings = None,
) -> None:
    """Train the detector on rendered pages; goes on from the run's checkpoint if there is one."""
    restart_for_training()

    from ocrpipe.detectors.ctpn import CTPNConfig
    from ocrpipe.training.ctpn.samples import synthetic_pages
    from ocrpipe.training.ctpn.session import real_page_figures
    from ocrpipe.training.ctpn.training import TrainConfig, train

    config = configured(
        TrainConfig,
        settings or (),
        folder=run,
        minutes=minutes,
        threads=threads,
        workers=workers,
        start=start,
        model=CTPNConfig.paper() if paper else None,
    )
    evaluate = partial(real_page_figures, folders=validate) if validate else None
    train(config, partial(synthetic_pages, corpora), evaluate=evaluate, report=_say())


@app.command()
def language(
    corpora: Corpora,
    recipe: Annotated[str, typer.Option(metavar="TEXT", help="What the texts are, for the card.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write to; the package's own by default.")
    ] = None,
) -> None:
    """Count the language model that helps the recogniser where it is unsure; takes a minute."""
    from ocrpipe.pretrained.loader import FOLDER
    from ocrpipe.training.crnn.session import ship_language

    typer.echo(ship_language(corpora, recipe=recipe, folder=out or FOLDER))


@app.command()
def grow(
    start: Annotated[str, typer.Argument(metavar="NAME|PATH", help="Weights of a recogniser, such as crnn.")],
    blocks: Annotated[
        str, typer.Option(metavar="N,N,N,N", help="Residual blocks of each stage, nowhere fewer than it has.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
) -> None:
    """Make a recogniser deeper without changing what it reads, to `train crnn --start` from."""
    try:
        counts = [int(count) for count in blocks.split(",")]
    except ValueError as error:
        raise ConfigError(f"--blocks takes numbers with commas, not {blocks!r}") from error
    from ocrpipe.training.crnn.growth import grow_weights

    typer.echo(grow_weights(start, counts, out))


@app.command()
def calibrate(
    corpora: Corpora,
    run: Annotated[
        Path, typer.Option(exists=True, file_okay=False, metavar="DIR", help="A recogniser's run folder.")
    ],
    lines: Annotated[int, typer.Option(min=1, metavar="N", help="Rendered lines to fit it on.")] = 1000,
) -> None:
    """Print the temperature for `export --calibration` that makes confidences mean what they say."""
    from ocrpipe.recognizers.crnn import default_charset
    from ocrpipe.training.crnn.calibrate import temperature_of
    from ocrpipe.training.crnn.session import renderer

    charset = default_charset()
    typer.echo(temperature_of(run / "checkpoint.pt", charset, renderer(corpora, charset), lines))


@app.command()
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
            help="Such figures of another engine: the card tells how far these are from them. Repeatable.",
        ),
    ] = None,
    blend: Annotated[
        str | None,
        typer.Option(metavar="WEIGHTS=SHARE", help="Mix in a share of other weights of the same training."),
    ] = None,
    calibration: Annotated[
        float, typer.Option(min=0.01, help="Temperature the recogniser's logits are divided by.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write to; the package's own by default.")
    ] = None,
) -> None:
    """Write a run's weights, in half precision and with their card, as those that ship."""
    checkpoint = run / "checkpoint.pt"
    if not checkpoint.is_file():
        raise ConfigError(f"{run} holds no checkpoint.pt")
    accuracy = _accuracy(figures) if figures else {}
    for one in against or ():
        name, equals, path = one.partition("=")
        if not (name and equals and Path(path).is_file()):
            raise ConfigError(f"--against takes NAME=PATH of a file with figures, not {one!r}")
        _compare(accuracy, name, _accuracy(Path(path)))
    mixed = _blend(blend) if blend else None

    from ocrpipe.pretrained.loader import FOLDER

    if model is Model.crnn:
        from ocrpipe.training.crnn.session import ship

        written = ship(
            checkpoint,
            recipe=recipe,
            accuracy=accuracy,
            calibration=calibration,
            blend=mixed,
            folder=out or FOLDER,
        )
    else:
        from ocrpipe.training.ctpn.session import ship as ship_ctpn

        written = ship_ctpn(checkpoint, recipe=recipe, accuracy=accuracy, blend=mixed, folder=out or FOLDER)
    typer.echo(written)


def _finetune(
    data: Sequence[Path],
    corpora: Path | None,
    start: str | None,
    validation: Sequence[Path],
    workers: int,
    settings: Sequence[str],
    plain: dict[str, Any],
) -> None:
    restart_for_training()

    from ocrpipe.training.crnn.finetune import FinetuneConfig, finetune

    config = configured(FinetuneConfig, settings, **plain)
    figures = finetune(
        data,
        config,
        corpora=corpora,
        start=start or "crnn",
        validation=validation,
        workers=workers,
        log=_reporter(config.minutes),
        say=_say(),
    )
    _print_figures(figures)


def _print_figures(figures: Sequence[Figure]) -> None:
    """A table of error rates on stdout."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("character error rate", box=SIMPLE_HEAD)
    for heading in ("lines", "before", "after"):
        table.add_column(heading, justify="right")
    for one in figures:
        after = "stopped" if one.after is None else f"{one.after:.3f}"
        table.add_row(Text(one.name), str(one.lines), f"{one.before:.3f}", after)
    Console().print(table)


def _accuracy(figures: Path) -> dict[str, Any]:
    """Set by set, what ``evaluate --json`` printed."""
    try:
        rows = json.loads(figures.read_text("utf-8"))
        return {row.pop("set"): {k: v for k, v in row.items() if v is not None} for row in rows}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ConfigError(f"{figures} is not what `ocrpipe evaluate --json` prints: {error}") from error


def _blend(text: str) -> tuple[str, float]:
    weights, _, share = text.rpartition("=")
    try:
        return weights, float(share)
    except ValueError:
        raise ConfigError(f"--blend takes WEIGHTS=SHARE, not {text!r}") from None


def _compare(accuracy: dict[str, Any], name: str, other: dict[str, Any]) -> None:
    """To each set's figures, by how much they exceed another engine's."""
    for dataset, figures in accuracy.items():
        both = [key for key in figures if key in other.get(dataset, {})]
        if both:
            over = figures.setdefault("over", {})
            over[name] = {key: round(figures[key] - other[dataset][key], 4) for key in both}


def _say() -> Callable[[str], None]:
    from rich.console import Console

    console = Console(stderr=True)
    return partial(console.print, markup=False, soft_wrap=True)


def _reporter(total: float) -> Callable[[dict[str, Any]], None]:
    """Prints records of the CRNN's log: how far it is, then losses and speed, or real lines' error rates."""
    say = _say()

    def report(record: dict[str, Any]) -> None:
        figures = dict(record)
        minutes, step = figures.pop("minutes"), figures.pop("step")
        words = (f"{name.replace('_per_second', '/s')} {value:g}" for name, value in figures.items())
        say(f"{minutes:.1f} of {total:g} min  step {step}  {'  '.join(words)}")

    return report
