"""What benchmarks share: which pages they read, timing in turns, tables for the documentation."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ocrpipe.evaluation.dataset import load_dataset

Key = TypeVar("Key")

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


def find_pages(folders: Sequence[Path], limit: int | None = None) -> list[Path]:
    """Images below the folders, the first ``limit`` of each; by default the bench's sets of pages."""
    pages: list[Path] = []
    for folder in folders or bench_sets():
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        pages += found[:limit]
    if not pages:
        raise SystemExit(f"no images below {', '.join(map(str, folders)) or '$OCRPIPE_BENCH/dev'}")
    return pages


def bench_sets() -> list[Path]:
    """The sets of whole pages in ``$OCRPIPE_BENCH/dev``."""
    bench = os.environ.get("OCRPIPE_BENCH")
    if not bench:
        raise SystemExit("name a folder of pages, or set OCRPIPE_BENCH to the folder that holds dev/")
    folders = sorted(path.parent for path in Path(bench, "dev").glob("*/gt.jsonl"))
    return [folder for folder in folders if load_dataset(folder).level != "word"]


def seconds_in_turns(calls: Mapping[Key, Callable[[], object]], rounds: int) -> dict[Key, float]:
    """Median time of each call, all taking turns; a first turn, which compiles kernels, does not count."""
    times: dict[Key, list[float]] = {key: [] for key in calls}
    for turn in range(rounds + 1):
        for key, call in calls.items():
            began = time.perf_counter()
            call()
            if turn:
                times[key].append(time.perf_counter() - began)
    return {key: statistics.median(some) for key, some in times.items()}


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first row is its head, all columns but the first are flush right."""
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] + ["--:"] * (len(head) - 1), *body))
