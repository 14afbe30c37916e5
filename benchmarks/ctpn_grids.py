"""CTPN grids side by side, trained from scratch for equal minutes, and scale rules on the package's weights.

    python benchmarks/ctpn_grids.py texts/ --minutes 10 --validate sets/funsd --validate sets/zh_pdf_pages

A grid whose run has ended is not trained again: the comparison may be interrupted. Figures are DetEval's F on
whole sets, by the detector alone. Seconds are of the network on 1600 × 1136 px, an A4 page at its working
scale, in single precision, ``--threads`` threads, the networks taking turns. Minutes of training are the
processor's, so that other work does not enter the comparison.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from pages import markdown, seconds_in_turns

from ocrpipe.detectors.ctpn.detector import CTPNDetector, DetectorOptions
from ocrpipe.detectors.ctpn.model import CTPN, CTPNConfig
from ocrpipe.detectors.ctpn.torch_network import fuse
from ocrpipe.environment import restart_for_training
from ocrpipe.io.files import write_whole
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.training.checkpoint import CHECKPOINT, load_checkpoint
from ocrpipe.training.ctpn.config import CTPNTrainConfig
from ocrpipe.training.ctpn.crops import synthetic_pages
from ocrpipe.training.ctpn.session import detector_figures, train

GRIDS = ((8, 16), (16, 16), (16, 8), (8, 8))
"""Pixels down and across; the default first."""
_HEIGHT, _WIDTH, _ROUNDS = 1600, 1136, 5

Scale = Callable[[NDArray[np.uint8]], float]


def main(
    corpora: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Text to render.")],
    validate: Annotated[list[Path], typer.Option(exists=True, file_okay=False, help="Real pages.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Training of each grid.")] = 10.0,
    runs: Annotated[Path, typer.Option(help="Where checkpoints and figures go.")] = Path("runs/grids"),
    threads: Annotated[int, typer.Option(min=1, help="Of the timing; training takes one.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="Pages of each set.")] = None,
) -> None:
    """Print two tables in Markdown, of the grids and of the scale rules."""
    restart_for_training()
    results = {grid: trained(grid, corpora, validate, runs, minutes, limit) for grid in GRIDS}
    times = seconds({grid: CTPN(CTPNConfig(stride=grid)) for grid in GRIDS}, threads)
    names = [folder.name for folder in validate]
    rows = [["grid (across × down)", "seconds", "crops", *names]]
    for grid in GRIDS:
        f = [f"{results[grid][name]:.3f}" for name in names]
        rows.append([f"{grid[1]} × {grid[0]}", f"{times[grid]:.3f}", f"{results[grid]['crops']:,}", *f])
    typer.echo(markdown(rows) + "\n")
    rows = [["scale", *names]]
    for rule, detector in scale_rules().items():
        figures = detector_figures(detector, validate, limit)
        rows.append([rule, *(f"{value:.3f}" for value in figures.values())])
    typer.echo(markdown(rows))


def trained(
    grid: tuple[int, int], corpora: Path, sets: list[Path], runs: Path, minutes: float, limit: int | None
) -> dict[str, Any]:
    """F of each set, by name, and the crops seen, of a network trained from scratch."""
    path = runs / f"{grid[1]}x{grid[0]}" / "figures.json"
    if not path.exists():
        config = CTPNTrainConfig(run=path.parent, minutes=minutes, checkpoint_minutes=minutes)
        make_pages = partial(synthetic_pages, corpora, default_charset().characters)
        network = train(make_pages, config, model=CTPNConfig(stride=grid), clock=time.thread_time)
        crops = load_checkpoint(path.with_name(CHECKPOINT), "ctpn").progress.examples
        figures = detector_figures(CTPNDetector.from_model(network), sets, limit)
        write_whole(path, json.dumps({"crops": crops, **figures}).encode())
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def scale_rules() -> dict[str, CTPNDetector]:
    """The package's detector with other rules for a page's working scale, the default first."""
    rules = {
        f"lines of {height} px": CTPNDetector(options=DetectorOptions(height)) for height in (20, 16, 24, 28)
    }
    fixed: dict[str, Scale] = {
        "short side 600 px (the paper's)": lambda grey: 600 / min(grey.shape),
        "short side 960 px": lambda grey: 960 / min(grey.shape),
        "as it is": lambda grey: 1.0,
    }
    for rule, scale in fixed.items():
        rules[rule] = CTPNDetector()

        def scales(grey: NDArray[np.uint8], scale: Scale = scale) -> tuple[float, float]:
            return scale(grey), 0.0

        rules[rule].working_scales = scales  # type: ignore[method-assign]
    return rules


def seconds(networks: dict[tuple[int, int], CTPN], threads: int) -> dict[tuple[int, int], float]:
    """Median time of each network for a page, the networks taking turns."""
    torch.set_num_threads(threads)
    page = torch.randint(256, (1, 1, _HEIGHT, _WIDTH), dtype=torch.uint8)
    for network in networks.values():
        fuse(network.eval())
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        return seconds_in_turns({grid: partial(network, page) for grid, network in networks.items()}, _ROUNDS)


if __name__ == "__main__":
    typer.run(main)
