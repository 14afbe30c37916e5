"""``ocrpipe train``: train the built-in models on rendered pages and lines, and export their weights."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocrpipe.cli import lease, weights
from ocrpipe.cli.console import PIPED_WIDTH, log_printer, reporter
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
        metavar="DIR", help="Folder of checkpoint and log, to resume from; runs/<model> by default."
    ),
]
Minutes = Annotated[
    float | None, typer.Option(min=0, help="Length of the training, all of its sessions together.")
]
Threads = Annotated[int | None, typer.Option(min=1, metavar="N", help="Threads of torch.")]
Workers = Annotated[
    int, typer.Option(min=0, metavar="N", help="Processes that render; 0 renders in the training's own.")
]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="cpu, cuda or cuda:N; cpu by default.")]
Start = Annotated[
    str | None,
    typer.Option(metavar="NAME|PATH", help="Weights to start from, by default none: from scratch."),
]
Fonts = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="DIR",
        envvar="OCRPIPE_FONTS",
        help="Folder of fonts to render with, instead of the system's. Repeatable.",
    ),
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
        min=0,
        max=1,
        metavar="FRACTION",
        help="With --data: fraction that is measured on, not trained on; .1 by default.",
    ),
]
Mix = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="FRACTION",
        help="With --data: fraction of rendered lines in the mixture; .5 by default.",
    ),
]
Detected = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        metavar="FRACTION",
        help="Fraction of the lines that the package's detector crops from rendered pages.",
    ),
]
TextOrNone = Annotated[
    Path | None,
    typer.Option(
        "--corpora",
        exists=True,
        file_okay=False,
        metavar="DIR",
        help="Text to render: UTF-8 files zh*.txt and en*.txt. Optional with --data.",
    ),
]
Paper = Annotated[bool, typer.Option("--paper", help="The paper's network instead of the slim one.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other setting of the model's configuration. Repeatable."
    ),
]


@app.command()
def crnn(
    corpora: TextOrNone = None,
    data: Data = None,
    hold_out: HoldOut = None,
    mix: Mix = None,
    run: Run = None,
    minutes: Minutes = None,
    threads: Threads = None,
    device: Device = None,
    workers: Workers = 1,
    start: Start = None,
    validate: Validate = None,
    detected: Detected = 0.25,
    fonts: Fonts = None,
    paper: Paper = False,
    settings: Settings = None,
) -> None:
    """Train the recogniser on rendered lines; resumes from the run's checkpoint if there is one.

    With --data it is fine-tuned on corrected lines: from the package's weights or those of --start, for five
    minutes or --minutes, in runs/finetune. Error rates before and after are printed.
    """
    common = {"run": run, "minutes": minutes, "threads": threads, "device": device}
    if data:
        if paper:
            raise ConfigError("--paper makes a new network, --data fine-tunes a trained one")
        values = {**common, "hold_out": hold_out, "mix": mix}
        return _finetune(data, corpora, start, validate or (), workers, settings or (), values)
    if corpora is None:
        raise ConfigError("training needs --corpora, fine-tuning --data")
    if hold_out is not None or mix is not None:
        raise ConfigError("--hold-out and --mix go with --data")
    restart_for_training()

    from ocrpipe.recognizers.crnn import CRNNConfig, default_charset
    from ocrpipe.synthesis.fonts import FONT_FOLDERS
    from ocrpipe.training.crnn.config import CRNNTrainConfig
    from ocrpipe.training.crnn.session import train

    config = configured(CRNNTrainConfig, settings or (), **common)
    train(
        corpora,
        config,
        model=CRNNConfig.paper(len(default_charset())) if paper else None,
        start=start,
        validation=validate or (),
        detected=detected,
        workers=workers,
        fonts=fonts or FONT_FOLDERS,
        log=log_printer(config.minutes),
    )


@app.command()
def ctpn(
    corpora: Corpora,
    run: Run = None,
    minutes: Minutes = None,
    threads: Threads = None,
    device: Device = None,
    workers: Workers = 1,
    start: Start = None,
    validate: Validate = None,
    fonts: Fonts = None,
    paper: Paper = False,
    settings: Settings = None,
) -> None:
    """Train the detector on rendered pages; resumes from the run's checkpoint if there is one."""
    restart_for_training()

    from ocrpipe.detectors.ctpn import CTPNConfig
    from ocrpipe.recognizers.crnn import default_charset
    from ocrpipe.training.ctpn.config import CTPNTrainConfig
    from ocrpipe.training.ctpn.crops import synthetic_pages
    from ocrpipe.training.ctpn.session import train

    config = configured(
        CTPNTrainConfig, settings or (), run=run, minutes=minutes, threads=threads, device=device
    )
    train(
        partial(synthetic_pages, corpora, default_charset().characters, fonts or ()),
        config,
        model=CTPNConfig.paper() if paper else None,
        start=start,
        validation=validate or (),
        workers=workers,
        log=log_printer(config.minutes),
    )


for command in (
    lease.pack,
    lease.lease,
    weights.language,
    weights.deepen,
    weights.extend,
    weights.calibrate,
    weights.export,
):
    app.command()(command)


def _finetune(
    data: Sequence[Path],
    corpora: Path | None,
    start: str | None,
    validation: Sequence[Path],
    workers: int,
    settings: Sequence[str],
    values: dict[str, Any],
) -> None:
    restart_for_training()

    from ocrpipe.training.crnn.config import FinetuneConfig
    from ocrpipe.training.crnn.finetune import finetune

    config = configured(FinetuneConfig, settings, **values)
    figures = finetune(
        data,
        config,
        corpora=corpora,
        start=start or "crnn",
        validation=validation,
        workers=workers,
        log=log_printer(config.minutes),
        report=reporter(),
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
    for figure in figures:
        after = "stopped" if figure.after is None else f"{figure.after:.3f}"
        table.add_row(Text(figure.name), str(figure.lines), f"{figure.before:.3f}", after)
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
