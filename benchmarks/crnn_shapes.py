"""CRNN shapes side by side: trained from scratch for equal minutes, then error rates on real lines and speed.

    python benchmarks/crnn_shapes.py texts/ --minutes 10 --validate sets/funsd --validate sets/zh_pdf_scan

A shape whose run has ended is not trained again, so an interrupted comparison goes on where it stopped.
Milliseconds are of one line of 768 px at batch 8, single precision, ``--threads`` threads, the shapes taking
turns. Minutes are the trainer's own: on a busy machine compare the lines seen.
"""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ocrpipe.environment import restart_for_training
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.session import train
from ocrpipe.recognizers.crnn.training import TrainConfig, build

_DONE = "figures.json"
_LINES, _WIDTH, _ROUNDS = 8, 768, 10


def shapes(classes: int) -> dict[str, tuple[CRNNConfig, dict[str, Any]]]:
    """The default and what differs from it in one respect each: (network, settings of its training)."""
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
    runs: Annotated[Path, typer.Option(help="Where checkpoints and figures go.")] = Path("runs/shapes"),
    threads: Annotated[int, typer.Option(min=1, help="Of the timing; training takes one.")] = 2,
    only: Annotated[list[str] | None, typer.Option(help="Of these shapes. Repeatable.")] = None,
    time_only: Annotated[bool, typer.Option(help="Don't train, time what there is.")] = False,
) -> None:
    """Print a table in Markdown: parameters, lines seen, milliseconds a line, error rate of each set."""
    if not time_only:
        restart_for_training()
    chosen = {n: s for n, s in shapes(len(default_charset())).items() if not only or n in only}
    for name, (model, settings) in chosen.items():
        folder = runs / name.replace(" ", "-")
        if time_only or (folder / _DONE).exists():
            continue
        config = TrainConfig(folder, minutes, threads=1, validate_minutes=minutes * 2, **settings)
        log: list[dict[str, Any]] = []
        train(corpora, config, model=model, validation=validate, log=log.append)
        (folder / _DONE).write_text(json.dumps(log[-1]), encoding="utf-8")
    typer.echo(table({name: model for name, (model, _) in chosen.items()}, runs, validate, threads))


def table(models: dict[str, CRNNConfig], runs: Path, sets: list[Path], threads: int) -> str:
    """Rows of the shapes whose training has ended."""
    charset = default_charset()
    networks = {name: build(charset, model).eval() for name, model in models.items()}
    times = milliseconds(networks, threads)
    names = [folder.name for folder in sets]
    rows = [["shape", "parameters", "ms a line", "lines", *names], ["---"] * (4 + len(names))]
    for name, network in networks.items():
        path = runs / name.replace(" ", "-") / _DONE
        if not path.exists():
            continue
        figures = json.loads(path.read_text(encoding="utf-8"))
        size = sum(p.numel() for p in network.parameters()) / 1e6
        errors = [f"{figures[one]:.3f}" for one in names]
        rows.append([name, f"{size:.1f} M", f"{times[name]:.1f}", f"{figures['lines']:,}", *errors])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def milliseconds(networks: dict[str, CRNN], threads: int) -> dict[str, float]:
    """Median time of each network for one line of 768 px, the networks taking turns."""
    torch.set_num_threads(threads)
    times: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode():
        for turn in range(_ROUNDS + 1):
            for name, network in networks.items():
                lines = torch.rand(_LINES, 1, network.config.height, _WIDTH)
                began = time.perf_counter()
                network(lines)
                if turn:  # the first compiles kernels
                    times[name].append((time.perf_counter() - began) / _LINES * 1000)
    return {name: statistics.median(some) for name, some in times.items()}


if __name__ == "__main__":
    typer.run(main)
