"""Seconds of whole OCRmyPDF runs with ocrpipe's engine and with Tesseract's, on the same document.

    python benchmarks/ocrmypdf_speed.py [IMAGE...] [--pages 4] [--jobs 2] [--runs 3]

The engines take turns, one run at a time, a different one first in each round. With ``none`` OCRmyPDF does
all but read; what that takes is in the other two as well. Starting counts, and so does loading models.

It is not called ``ocrmypdf.py``, for that is what scripts of this folder would then import by that name.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

import pypdfium2
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

ENGINES = ("ocrpipe", "tesseract", "none")
SAMPLE = Path(__file__).parents[1] / "docs" / "sample.png"
OCRMYPDF = Path(sys.executable).with_name("ocrmypdf")


@dataclass(frozen=True)
class Run:
    """What one run took, in seconds, and how many characters can be got out of its PDF, spaces left out."""

    wall: float
    cpu: float
    chars: int


def document(images: list[Path], pages: int, dpi: int, path: Path) -> None:
    """Write a PDF of so many pages, the images over and over."""
    opened = [Image.open(image).convert("L") for image in islice(cycle(images), pages)]
    opened[0].save(path, resolution=dpi, save_all=True, append_images=opened[1:])


def run(engine: str, scan: Path, out: Path, options: list[str]) -> Run:
    """Run OCRmyPDF once, in a process of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    command = [str(OCRMYPDF), "--ocr-engine", engine, "--output-type", "pdf", "--optimize", "0", *options]
    done = subprocess.run([*command, str(scan), str(out)], capture_output=True, text=True)
    wall, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{engine}: {done.stderr.strip()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    with pypdfium2.PdfDocument(out) as pdf:
        text = "".join(page.get_textpage().get_text_range() for page in pdf)
    return Run(wall, cpu, sum(not letter.isspace() for letter in text))


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the engines of OCRmyPDF, whole runs, interleaved.")
    parser.add_argument("images", nargs="*", type=Path, default=[SAMPLE], help="default: docs/sample.png")
    parser.add_argument("--pages", type=int, default=4, help="of the document")
    parser.add_argument("--dpi", type=int, default=150, help="of the images")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lang", default="eng+chi_sim")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()

    engines = given.engines.split(",")
    if unknown := [name for name in engines if name not in ENGINES]:
        parser.error(f"unknown engine {', '.join(unknown)}; known are {', '.join(ENGINES)}")
    # Tesseract gives pages up after three minutes, which a busy machine may take.
    options = ["--jobs", str(given.jobs), "-l", given.lang, "--tesseract-timeout", "3600"]
    found: dict[str, list[Run]] = {name: [] for name in engines}
    with tempfile.TemporaryDirectory() as folder:
        scan, out = Path(folder, "scan.pdf"), Path(folder, "out.pdf")
        document(given.images, given.pages, given.dpi, scan)
        for number in range(given.runs):
            shift = number % len(engines)
            for name in (*engines[shift:], *engines[:shift]):
                found[name].append(run(name, scan, out, options))
                print(f"{name}: {found[name][-1]}", file=sys.stderr)

    figures = {
        name: {
            "wall": statistics.median(one.wall for one in runs),
            "cpu": statistics.median(one.cpu for one in runs),
            "chars": runs[-1].chars,
        }
        for name, runs in found.items()
    }
    if given.json:
        print(json.dumps({"pages": given.pages, "jobs": given.jobs, "engines": figures}, indent=2))
        return
    table = Table(box=SIMPLE_HEAD, title=f"OCRmyPDF {version('ocrmypdf')}, {given.pages} pages")
    for title in ("engine", "wall s", "processor s", "chars"):
        table.add_column(title, justify="left" if title == "engine" else "right")
    for name, row in figures.items():
        table.add_row(name, f"{row['wall']:.1f}", f"{row['cpu']:.1f}", f"{row['chars']:.0f}")
    Console(width=None if sys.stdout.isatty() else 10_000).print(table)


if __name__ == "__main__":
    main()
