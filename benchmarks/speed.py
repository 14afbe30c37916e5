"""Seconds a page of several engines, on the same pages, with the same threads, in the same minutes.

    python benchmarks/speed.py [FOLDER...] [--engines ocrpipe,rapidocr,tesseract] [--threads 2] [--limit N]

Every engine lives in a process of its own and they take turns page by page, so that a busy moment of the
machine hits all of them, and each one's peak memory is its own. Only one works at a time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

from engines import ENGINES
from pages import find_pages
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

MEGABYTE = 1e6


@dataclass
class Worker:
    """An engine in its own process."""

    name: str
    version: str
    pipe: Connection
    process: multiprocessing.process.BaseProcess

    def read(self, page: Path) -> tuple[float, int]:
        """Seconds spent on a page and characters read."""
        self.pipe.send(page)
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise SystemExit(f"{self.name}'s process died on {page}") from None
        if isinstance(answer, str):
            raise RuntimeError(f"{self.name} on {page.name}: {answer}")
        seconds, chars = answer
        return seconds, chars

    def stop(self) -> float:
        """End the process; its peak memory in bytes."""
        self.pipe.send(None)
        peak = float(self.pipe.recv())
        self.process.join()
        return peak


def serve(pipe: Connection, name: str, threads: int, lang: str) -> None:
    """Run one engine: send its version, or why it cannot start; then seconds and characters of each page."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        version, read = ENGINES[name](threads, lang)
    except Exception as error:  # whatever an engine that is missing raises
        pipe.send((None, f"{type(error).__name__}: {error}"))
        return
    pipe.send((version, ""))
    while (page := pipe.recv()) is not None:
        start = perf_counter()
        try:
            text = read(page)
        except Exception as error:  # this page is left out, the others go on
            pipe.send(f"{type(error).__name__}: {error}")
        else:
            pipe.send((perf_counter() - start, sum(not letter.isspace() for letter in text)))
    who = resource.RUSAGE_CHILDREN if name == "tesseract" else resource.RUSAGE_SELF
    unit = 1 if sys.platform == "darwin" else 1024
    pipe.send(resource.getrusage(who).ru_maxrss * unit)


def start(name: str, threads: int, lang: str) -> Worker | str:
    """An engine ready to read, or why there is none."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, name, threads, lang), daemon=True)
    process.start()
    theirs.close()
    try:
        version, reason = ours.recv()
    except EOFError:
        return "its process died"
    return Worker(name, version, ours, process) if version is not None else str(reason)


def measure(workers: Sequence[Worker], pages: Sequence[Path]) -> list[dict[str, tuple[float, int]]]:
    """Read the pages in turn, another engine first on each; pages that any engine fails on are left out."""
    for worker in workers:
        worker.read(pages[0])  # warm up: lazily loaded models, page cache
    rows = []
    for number, page in enumerate(pages):
        shift = number % len(workers)
        try:
            rows.append({worker.name: worker.read(page) for worker in (*workers[shift:], *workers[:shift])})
        except RuntimeError as error:
            print(f"left out: {error}", file=sys.stderr)
        print(f"\r{number + 1}/{len(pages)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return rows


def summarize(rows: Sequence[dict[str, tuple[float, int]]], first: str) -> dict[str, dict[str, float]]:
    """Figures of each engine; the ratios say how many times as long as ``first`` it took."""
    seconds = {name: [row[name][0] for row in rows] for name in rows[0]}
    median, total = statistics.median(seconds[first]), sum(seconds[first])
    return {
        name: {
            "pages": len(values),
            "median": statistics.median(values),
            "total": sum(values),
            "ratio_of_medians": statistics.median(values) / median,
            "ratio_of_totals": sum(values) / total,
            "chars": sum(row[name][1] for row in rows),
        }
        for name, values in seconds.items()
    }


def show(figures: dict[str, dict[str, float]], workers: Sequence[Worker]) -> None:
    """Print the table."""
    table = Table(box=SIMPLE_HEAD)
    for title in ("engine", "pages", "median s", "total s", "× median", "× total", "chars", "peak MB"):
        table.add_column(title, justify="left" if title == "engine" else "right")
    for worker in workers:
        row = figures[worker.name]
        table.add_row(
            f"{worker.name} {worker.version}",
            f"{row['pages']:.0f}",
            f"{row['median']:.3f}",
            f"{row['total']:.1f}",
            f"{row['ratio_of_medians']:.2f}",
            f"{row['ratio_of_totals']:.2f}",
            f"{row['chars']:.0f}",
            f"{row['peak'] / MEGABYTE:.0f}",
        )
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare engines' speed on the same pages, interleaved.")
    parser.add_argument("folders", nargs="*", type=Path, help="default: the page sets of $OCRPIPE_BENCH/dev")
    parser.add_argument(
        "--engines", default=",".join(ENGINES), help="the first one found is the measure of the rest"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=int, help="pages of each folder")
    parser.add_argument("--lang", default="chi_sim+eng", help="Tesseract's languages")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()

    names = options.engines.split(",")
    if unknown := [name for name in names if name not in ENGINES]:
        parser.error(f"unknown engine {', '.join(unknown)}; known are {', '.join(ENGINES)}")
    pages = find_pages(options.folders, options.limit)
    workers = []
    for name in names:
        worker = start(name, options.threads, options.lang)
        if isinstance(worker, Worker):
            workers.append(worker)
        else:
            print(f"{name} skipped: {worker}", file=sys.stderr)
    if not workers:
        raise SystemExit("no engine to measure")
    rows = measure(workers, pages)
    if not rows:
        raise SystemExit("no page that all engines could read")
    figures = summarize(rows, workers[0].name)
    for worker in workers:
        figures[worker.name]["peak"] = worker.stop()
    if options.json:
        print(json.dumps({"threads": options.threads, "engines": figures}, indent=2))
    else:
        show(figures, workers)


if __name__ == "__main__":
    main()
