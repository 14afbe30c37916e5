"""Commands of ``ocrpipe train`` for a machine with a GPU that is there for some minutes."""

from __future__ import annotations

import json
import os
import tempfile
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ocrpipe.cli.console import log_printer
from ocrpipe.cli.options import Corpora
from ocrpipe.environment import restart_for_training
from ocrpipe.errors import ConfigError


class LeaseModel(str, Enum):
    """What a lease trains."""

    crnn = "crnn"
    ctpn = "ctpn"
    both = "both"


def pack(
    corpora: Corpora,
    out: Annotated[Path, typer.Option(metavar="PATH", help="The tar file to write.")],
    limit_mb: Annotated[float, typer.Option(min=0.1, metavar="MB", help="Its largest size.")] = 30.0,
    fonts: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, file_okay=False, metavar="DIR", help="Folder of fonts; by default the system's."
        ),
    ] = None,
) -> None:
    """Pack fonts and texts into a bundle, to train on a machine that has neither.

    Fonts are reduced to the characters of the default charset, texts to a sample. Several minutes.
    """
    from ocrpipe.synthesis.fonts import FONT_FOLDERS
    from ocrpipe.training.pack import pack as write_bundle

    manifest = write_bundle(corpora, out, limit=int(limit_mb * 1e6), folders=fonts or FONT_FOLDERS)
    chinese = sum(bool({"han", "hant"} & set(font["face"][1])) for font in manifest["fonts"])
    typer.echo(
        f"{len(manifest['fonts'])} faces, {chinese} of them with hanzi, and {len(manifest['texts'])} texts"
        f" in {out.stat().st_size / 1e6:.1f} MB",
        err=True,
    )
    typer.echo(out)


def lease(
    bundle: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, metavar="PATH", help="What `train pack` wrote.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for weights, log and summary.")],
    minutes: Annotated[float, typer.Option(min=0.2, help="Length of the whole lease, start included.")] = 8.5,
    model: Annotated[LeaseModel, typer.Option(help="What to train; both: one after the other.")] = (
        LeaseModel.crnn
    ),
    start: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Weights to start from, of crnn or of ctpn. Repeatable; else from scratch.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="cuda, cuda:N or cpu.")] = "cuda",
    workers: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Processes that render; by default one a core.")
    ] = None,
    detected: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="FRACTION", help="Lines that the package's detector crops."),
    ] = 0.0,
    degradation: Annotated[
        float, typer.Option(min=0, metavar="STRENGTH", help="Mean strength of the scan effects.")
    ] = 0.6,
    class_weights: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, metavar="PATH", help="class_weights.json of a run."),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for fonts, texts and checkpoints; by default a temporary one."
        ),
    ] = None,
    crnn_settings: Annotated[
        list[str] | None,
        typer.Option("--crnn", metavar="NAME=VALUE", help="Setting of the recogniser's training."),
    ] = None,
    ctpn_settings: Annotated[
        list[str] | None,
        typer.Option("--ctpn", metavar="NAME=VALUE", help="Setting of the detector's training."),
    ] = None,
) -> None:
    """Train for one lease of a machine with a GPU: unpack a bundle, render on all cores, leave weights.

    Averaged weights, live weights and the log are in --out and renewed every two minutes.
    """
    restart_for_training()

    from ocrpipe.cli.settings import changed
    from ocrpipe.pretrained.loader import FOLDER, read_card
    from ocrpipe.synthesis.lines import LineStyle
    from ocrpipe.training.lease import MODELS, Lease, default_configs, run_lease

    starts: dict[str, str] = {}
    for name in start or ():
        path = FOLDER / f"{name}.json" if Path(name).suffix == "" else Path(name).with_suffix(".json")
        kind = read_card(path).name
        if kind not in MODELS:
            raise ConfigError(f"{name} holds weights of {kind}, not of crnn or ctpn")
        starts[kind] = name
    configs = default_configs(device)
    configs["crnn"] = changed(configs["crnn"], crnn_settings or ())
    configs["ctpn"] = changed(configs["ctpn"], ctpn_settings or ())
    models = MODELS if model is LeaseModel.both else (model.value,)
    with tempfile.TemporaryDirectory(prefix="lease-") as temporary:
        summary = run_lease(
            Lease(
                bundle,
                out,
                work or Path(temporary),
                minutes,
                models,
                starts,
                device,
                (os.cpu_count() or 1) if workers is None else workers,
                detected,
                LineStyle(degradation=degradation),
                class_weights,
            ),
            configs,
            log=log_printer(minutes),
        )
    typer.echo(json.dumps(summary, indent=1))
