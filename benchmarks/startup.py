"""From the start of a process to a page's text: ocrpipe, RapidOCR and Tesseract, as a command each.

    python benchmarks/startup.py form.png [--engines ocrpipe,rapidocr,tesseract] [--threads 2] [--rounds 9]

The engines take turns, so that a busy moment of the machine hits all of them. A first turn, in which files
get into the page cache and compiled networks into the user's cache folder, does not count.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pages import markdown

RAPIDOCR = """
import logging, sys
import cv2
from rapidocr import RapidOCR
logging.disable(logging.INFO)
threads = int(sys.argv[2])
cv2.setNumThreads(threads)
names = ("intra_op_num_threads", threads), ("inter_op_num_threads", 1)
engine = RapidOCR(params={f"EngineConfig.onnxruntime.{name}": value for name, value in names})
print("\\n".join(engine(sys.argv[1]).txts or ()))
"""
ENGINES = ("ocrpipe", "rapidocr", "tesseract")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Run:
    """One process: wall-clock and processor seconds, peak resident bytes, characters of text."""

    wall: float
    processor: float
    peak: float
    chars: int


def command_of(engine: str, page: Path, threads: int, lang: str) -> list[str]:
    """The command that prints the text of a page."""
    if engine == "ocrpipe":
        return [sys.executable, "-m", "ocrpipe", "read", str(page), "--threads", str(threads)]
    if engine == "rapidocr":
        return [sys.executable, "-c", RAPIDOCR, str(page), str(threads)]
    return ["tesseract", str(page), "-", "-l", lang]


def run(command: Sequence[str], threads: int) -> Run:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed, or there is no such program.
    """
    environment = os.environ | {"OMP_THREAD_LIMIT": str(threads), "OMP_NUM_THREADS": str(threads)}
    began = time.perf_counter()
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:
        raise RuntimeError(f"{command[0]}: {error.strerror}") from error
    assert process.stdout
    text = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"it ended with exit code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    chars = len("".join(text.decode("utf-8", "replace").split()))
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit, chars)


def table(runs: Mapping[str, Sequence[Run]]) -> str:
    """Medians of each engine, and its wall-clock time as a multiple of the first one's."""
    first = statistics.median(one.wall for one in next(iter(runs.values())))
    rows = [("engine", "wall s", "processor s", "x wall", "peak MB", "chars")]
    for engine, some in runs.items():
        wall = statistics.median(one.wall for one in some)
        processor = statistics.median(one.processor for one in some)
        peak = max(one.peak for one in some) / MEGABYTE
        figures = f"{wall:.2f}", f"{processor:.2f}", f"{wall / first:.2f}", f"{peak:.0f}", str(some[0].chars)
        rows.append((engine, *figures))
    return markdown(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time processes that read one page.")
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE")
    parser.add_argument("--engines", default=",".join(ENGINES), help="those that are missing are skipped")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lang", default="eng", help="Tesseract's languages")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    if not hasattr(os, "wait4"):
        parser.error("this needs os.wait4, which Windows lacks")

    for page in options.pages:
        commands = {}
        for engine in options.engines.split(","):
            command = command_of(engine, page, options.threads, options.lang)
            try:
                run(command, options.threads)
            except RuntimeError as error:
                print(f"skipped {engine}: {error}", file=sys.stderr)
            else:
                commands[engine] = command
        if not commands:
            raise SystemExit("no engine is left")
        runs: dict[str, list[Run]] = {engine: [] for engine in commands}
        for _ in range(options.rounds):
            for engine, command in commands.items():
                runs[engine].append(run(command, options.threads))
        print(f"{page.name}\n\n{table(runs)}\n", flush=True)


if __name__ == "__main__":
    main()
