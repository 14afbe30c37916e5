"""CRNN shapes side by side: trained from scratch for equal minutes, then error rates on real lines and speed.

    python benchmarks/crnn_shapes.py texts/ --minutes 10 --validate sets/funsd --validate sets/zh_pdf_scan

All shapes of one height train on the same rendered lines. A shape whose run has ended is not trained again:
the comparison may be interrupted. Milliseconds are of one line of 768 px at batch 8, single precision,
``--threads`` threads, the shapes taking turns. Minutes of training are the processor's, so that other work
does not enter the comparison.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from pages import markdown, seconds_in_turns

from ocrpipe.environment import restart_for_training
from ocrpipe.io.files import write_whole
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.lines import TrainingLine, line_loader
from ocrpipe.training.crnn.objective import crnn_task, new_network
from ocrpipe.training.crnn.session import renderer
from ocrpipe.training.crnn.validation import line_errors
from ocrpipe.training.loader import DataLoader
from ocrpipe.training.loop import Trainer

_BATCH_PIXELS = 8_192
_SHORT: dict[str, Any] = {"threads": 1, "batch_pixels": _BATCH_PIXELS, "warmup_steps": 150}
"""A short run gets further with many small steps."""
_LINES, _WIDTH, _ROUNDS = 8, 768, 10


def shapes(classes: int) -> dict[str, tuple[CRNNConfig, dict[str, Any]]]:
    """The default and shapes that differ from it in one respect each: (network, settings of its training)."""
    default = CRNNConfig(classes)
    return {
        "default": (default, {}),
        "height 40": (replace(default, height=40), {}),
        "wide": (replace(default, channels=(40, 80, 160, 256), hidden=256), {}),
        "narrow": (replace(default, channels=(24, 48, 96, 160), hidden=128), {}),
        "no bottleneck": (replace(default, bottleneck=0), {}),
        "no frame-wise warm-up": (default, {"frames_only": 0.0, "frames_fade": 0.0}),
    }


def main(
    corpora: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Text to render.")],
    validate: Annotated[list[Path], typer.Option(exists=True, file_okay=False, help="Real pages.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Training of each shape.")] = 10.0,
    lines: Annotated[int, typer.Option(min=64, help="Rendered for each height.")] = 30_000,
    runs: Annotated[Path, typer.Option(help="Where checkpoints and figures go.")] = Path("runs/shapes"),
    threads: Annotated[int, typer.Option(min=1, help="Of the timing; training takes one.")] = 2,
    only: Annotated[list[str] | None, typer.Option(help="Of these shapes. Repeatable.")] = None,
    time_only: Annotated[bool, typer.Option(help="Don't train, time what there is.")] = False,
) -> None:
    """Print a table in Markdown: parameters, lines seen, milliseconds a line, error rate of each set."""
    if not time_only:
        restart_for_training()
    chosen = {n: s for n, s in shapes(len(default_charset())).items() if not only or n in only}
    waiting = {n: s for n, s in chosen.items() if not _figures(runs, n).exists()}
    if waiting and not time_only:
        train(waiting, corpora, validate, runs, minutes, lines)
    typer.echo(table({name: model for name, (model, _) in chosen.items()}, runs, validate, threads))


def train(
    chosen: dict[str, tuple[CRNNConfig, dict[str, Any]]],
    corpora: Path,
    sets: list[Path],
    runs: Path,
    minutes: float,
    lines: int,
) -> None:
    """Train each shape from scratch and leave its figures in its folder."""
    charset = default_charset()
    make, errors = partial(renderer, corpora, charset), line_errors(sets, charset)
    with ExitStack() as stack:
        loaders: dict[int, DataLoader[TrainingLine]] = {}
        for name, (model, settings) in chosen.items():
            if model.height not in loaders:  # all is rendered before the first step, and nothing later
                loader = line_loader(
                    make, charset, _BATCH_PIXELS, height=model.height, ahead=lines, reuse=math.inf
                )
                loaders[model.height] = stack.enter_context(loader)
            path, log = _figures(runs, name), list[dict[str, Any]]()
            config = CRNNTrainConfig(
                run=path.parent,
                minutes=minutes,
                validate_minutes=math.inf,
                prefetch=lines,
                **_SHORT,
                **settings,
            )
            task = crnn_task(new_network(charset, model, config.seed), charset, config)
            trainer = Trainer(task, config, validate=errors, log=log.append, clock=time.thread_time)
            trainer.resume()
            trainer.fit(loaders[model.height])
            write_whole(path, json.dumps({**log[-1], "lines": trainer.progress.examples}).encode())


def _figures(runs: Path, name: str) -> Path:
    return runs / name.replace(" ", "-") / "figures.json"


def table(models: dict[str, CRNNConfig], runs: Path, sets: list[Path], threads: int) -> str:
    """Rows of the shapes whose training has ended."""
    charset = default_charset()
    networks = {name: new_network(charset, model).eval() for name, model in models.items()}
    times = milliseconds(networks, threads)
    names = [folder.name for folder in sets]
    rows = [["shape", "parameters", "ms a line", "lines", *names]]
    for name, network in networks.items():
        path = _figures(runs, name)
        if not path.exists():
            continue
        figures = json.loads(path.read_text(encoding="utf-8"))
        size = sum(p.numel() for p in network.parameters()) / 1e6
        errors = [f"{figures[dataset]:.3f}" for dataset in names]
        rows.append([name, f"{size:.1f} M", f"{times[name]:.1f}", f"{figures['lines']:,}", *errors])
    return markdown(rows)


def milliseconds(networks: dict[str, CRNN], threads: int) -> dict[str, float]:
    """Median time of each network for one line of 768 px, the networks taking turns."""
    torch.set_num_threads(threads)
    calls = {
        name: partial(network, torch.rand(_LINES, 1, network.config.height, _WIDTH))
        for name, network in networks.items()
    }
    with torch.inference_mode():
        times = seconds_in_turns(calls, _ROUNDS)
    return {name: seconds / _LINES * 1000 for name, seconds in times.items()}


if __name__ == "__main__":
    typer.run(main)
