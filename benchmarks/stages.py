"""Where a page's time goes: seconds of each stage of the default pipeline, the best of a few readings.

    python benchmarks/stages.py PAGE... [--threads 2] [--rounds 5]

The first reading, which compiles kernels, is not counted.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from time import perf_counter

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ocrpipe import Pipeline
from ocrpipe.pipeline import Stage

STAGES = (
    "load",
    "orientation",
    "detect",
    "crop and recognize",
    "filter",
    "rotated text",
    "layout",
    "assembly",
)


def main() -> None:
    """Print a table, a row a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="+", metavar="PAGE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    table = Table("page", "lines", "characters", *STAGES, "all", box=SIMPLE_HEAD)
    pipe = Pipeline(threads=options.threads)
    for page in options.pages:
        read = pipe.read(page)
        best = min((timed(pipe, page) for _ in range(options.rounds)), key=lambda times: times["all"])
        seconds = (f"{best[stage]:.3f}" for stage in (*STAGES, "all"))
        characters = sum(len(line.text.replace(" ", "")) for line in read.lines)
        table.add_row(str(page), str(len(read.lines)), str(characters), *seconds)
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


def timed(pipe: Pipeline, page: str) -> Counter[str]:
    """Seconds of each stage of a page, and of all together."""
    seconds: Counter[str] = Counter()

    def add(stage: Stage) -> None:
        seconds[stage.name] += stage.seconds  # type: ignore[assignment]

    start = perf_counter()
    pipe.read(page, on_stage=add)
    seconds["all"] = perf_counter() - start  # type: ignore[assignment]
    return seconds


if __name__ == "__main__":
    main()
