"""Where a page's time goes: seconds of each stage of the default pipeline, the best of a few readings.

    python benchmarks/stages.py PAGE... [--threads 2] [--rounds 5]

The first reading, which compiles kernels, is not counted.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ocrpipe import Pipeline, pipeline, plugins
from ocrpipe.io import images

STAGES = {
    "load": [(images, "load")],
    "orientation": [(pipeline, name) for name in ("quarter_turns", "estimate_skew", "turn", "rotate")],
    "detect": [(plugins, "detect")],
    "crop": [(pipeline, "rectify")],
    "recognise": [(plugins, "recognize")],
    "sideways": [(pipeline, "sideways_strips")],
    "assemble": [(pipeline, "build_line"), (pipeline, "arrange")],
}


def main() -> None:
    """Print a table, a row a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="+", metavar="PAGE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    spent: dict[str, float] = defaultdict(float)
    for stage, functions in STAGES.items():
        for module, name in functions:
            setattr(module, name, timed(getattr(module, name), stage, spent))
    table = Table("page", "lines", "characters", *STAGES, "all", box=SIMPLE_HEAD)
    pipe = Pipeline(threads=options.threads)
    for page in options.pages:
        read = pipe.read(page)
        best: dict[str, float] = {}
        for _ in range(options.rounds):
            spent.clear()
            start = perf_counter()
            pipe.read(page)
            spent["all"] = perf_counter() - start
            best = min(best or spent, spent, key=lambda one: one["all"]).copy()
        seconds = (f"{best[stage]:.3f}" for stage in (*STAGES, "all"))
        characters = sum(len(line.text.replace(" ", "")) for line in read.lines)
        table.add_row(str(page), str(len(read.lines)), str(characters), *seconds)
    Console().print(table)


def timed(function: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    """The function, adding the time it takes to its stage's."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        start = perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[stage] += perf_counter() - start

    return call


if __name__ == "__main__":
    main()
