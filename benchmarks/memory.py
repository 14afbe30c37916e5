"""Does memory stay flat over many pages?

    python benchmarks/memory.py [FOLDER...] [--pages 500] [--threads 2]

Reads pages over and over with one pipeline, keeps nothing of them, and prints the peak and how much the
resident memory grew after the first 50 pages, by when buffers have seen most page sizes. Needs Linux's /proc.
"""

from __future__ import annotations

import argparse
import resource
import sys
from itertools import cycle, islice
from pathlib import Path

from pages import find_pages

import ocrpipe

SETTLED = 50
MEGABYTE = 1e6


def resident() -> float:
    """Resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description="Read many pages and watch the memory.")
    parser.add_argument("folders", nargs="*", type=Path, help="default: the page sets of $OCRPIPE_BENCH/dev")
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--threads", type=int, help="default: the library's own choice")
    options = parser.parse_args()
    if options.pages <= SETTLED:
        parser.error(f"--pages must be more than the first {SETTLED}, which are not counted")

    pages = find_pages(options.folders)
    pipeline = ocrpipe.Pipeline(threads=options.threads)
    settled = 0.0
    for number, page in enumerate(islice(cycle(pages), options.pages), 1):
        pipeline.read(page)
        if number == SETTLED:
            settled = resident()
        if number % SETTLED == 0:
            print(f"{number:5d} pages  {resident() / MEGABYTE:7.0f} MB", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    growth = resident() - settled
    print(f"{options.pages} reads of {len(pages)} pages: peak {peak / MEGABYTE:.0f} MB,", end=" ")
    print(f"grown by {growth / MEGABYTE:+.0f} MB after the first {SETTLED}")


if __name__ == "__main__":
    main()
