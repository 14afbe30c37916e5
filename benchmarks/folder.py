"""Is a folder run faster than a loop of single reads, and does its memory stay flat?

    python benchmarks/folder.py [FOLDER...] [--limit 12] [--rounds 3] [--shares 2x1,1x2]
    python benchmarks/folder.py [FOLDER...] [--limit 12] --soak 1000

The first compares pages a second of ``Pipeline().read`` in a loop, with the library's own number of threads,
with runs of ``read_folder`` on the same pages, for each share of workers × threads. They take turns, a round
each, in changing order; loading the models and the first pages of each are not counted.

The second reads the pages over and over, N of them in one run, and fails if the memory of the run's own
process or of its workers has grown by more than 5 % since the hundredth page. It needs Linux's /proc.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from pages import find_pages
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import ocrpipe
from ocrpipe.folder.settings import share_cores

MEGABYTE = 1e6
SETTLED = 100
GROWTH = 0.05


def loop_speed(pages: Sequence[Path], skip: int) -> float:
    """Pages a second of single reads."""
    pipeline = ocrpipe.Pipeline()
    start = 0.0
    for number, page in enumerate(pages):
        if number == skip:
            start = perf_counter()
        pipeline.read(page)
    return (len(pages) - skip) / (perf_counter() - start)


def folder_speed(tree: Path, workers: int, threads: int, skip: int) -> float:
    """Pages a second of a folder run."""
    times = []
    with tempfile.TemporaryDirectory() as out:
        for result in ocrpipe.read_folder(tree, out, workers=workers, threads=threads):
            if isinstance(result, ocrpipe.Failure):
                raise SystemExit(str(result))
            times.append(perf_counter())
    return (len(times) - skip) / (times[-1] - times[skip - 1])


def link_pages(pages: Sequence[Path], tree: Path, count: int) -> None:
    """A folder of ``count`` names for the pages."""
    tree.mkdir()
    for number in range(count):
        page = pages[number % len(pages)]
        (tree / f"{number:05d}{page.suffix}").symlink_to(page.resolve())


def compare(pages: Sequence[Path], rounds: int, shares: Sequence[tuple[int, int]]) -> None:
    """Print pages a second of each way, and how they compare with the loop."""
    skip = 2 * max(workers for workers, _ in shares)
    names = ["loop", *(f"{workers} × {threads}" for workers, threads in shares)]
    speeds: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        link_pages(pages, tree, len(pages) + skip)
        sequence = sorted(tree.iterdir())
        for number in range(rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                if name == "loop":
                    speed = loop_speed(sequence, skip)
                else:
                    speed = folder_speed(tree, *shares[names.index(name) - 1], skip)
                speeds[name].append(speed)
                print(f"round {number + 1}: {name:8s} {speed:.3f} pages/s", file=sys.stderr)
    table = Table("workers × threads", "pages/s", "× the loop", box=SIMPLE_HEAD, show_edge=False)
    for name in names:
        ratios = [one / base for one, base in zip(speeds[name], speeds["loop"], strict=True)]
        table.add_row(name, f"{statistics.median(speeds[name]):.3f}", f"{statistics.median(ratios):.2f}")
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)
    print(f"{len(pages)} pages, {rounds} rounds, {os.cpu_count()} cores; medians, ratios within a round")


def soak(pages: Sequence[Path], count: int) -> None:
    """Read ``count`` pages in one run and watch the memory of all its processes."""
    if count <= SETTLED:
        raise SystemExit(f"--soak must be more than the first {SETTLED}, which are not counted")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        link_pages(pages, tree, count)
        settled: dict[str, float] = {}
        run = ocrpipe.read_folder(tree, Path(folder) / "out", formats=("txt", "json"))
        for number, result in enumerate(run, 1):
            if isinstance(result, ocrpipe.Failure):
                raise SystemExit(str(result))
            if number % SETTLED and number != count:
                continue
            now = resident()
            settled = settled or now
            shown = "  ".join(f"{who} {size / MEGABYTE:6.0f} MB" for who, size in now.items())
            print(f"{number:6d} pages in {run.summary.seconds:5.0f} s  {shown}", file=sys.stderr)
    growth = {who: size / settled[who] - 1 for who, size in now.items()}
    sizes = ", ".join(f"{who} {size / MEGABYTE:.0f} MB, {growth[who]:+.1%}" for who, size in now.items())
    print(f"{count} reads of {len(pages)} pages, growth since the first {SETTLED}: {sizes}")
    if max(growth.values()) > GROWTH:
        raise SystemExit(f"more than {GROWTH:.0%}")


def resident() -> dict[str, float]:
    """Resident memory in bytes of this process and of its children together."""
    found = {"run": 0.0, "workers": 0.0}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        pid = int(entry.parent.name)
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            size = int((entry.parent / "statm").read_text().split()[1]) * resource.getpagesize()
        except OSError:  # gone
            continue
        if os.getpid() in (pid, parent):
            found["run" if pid == os.getpid() else "workers"] += size
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure folder runs.")
    parser.add_argument("folders", nargs="*", type=Path, help="default: the page sets of $OCRPIPE_BENCH/dev")
    parser.add_argument("--limit", type=int, default=12, help="pages of each folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--shares", help="workers x threads to compare, such as 2x1,1x2; default: the run's own"
    )
    parser.add_argument("--soak", type=int, metavar="N", help="watch the memory over N pages instead")
    options = parser.parse_args()
    pages = find_pages(options.folders, options.limit)
    if options.soak:
        soak(pages, options.soak)
        return
    if options.shares:
        pairs = (share.split("x") for share in options.shares.split(","))
        shares = [(int(workers), int(threads)) for workers, threads in pairs]
    else:
        shares = [share_cores(None, None)]
    compare(pages, options.rounds, shares)


if __name__ == "__main__":
    main()
