"""The plug-in's options, and how many threads a page gets."""

from __future__ import annotations

import os
from argparse import ArgumentParser

from ocrmypdf import OcrOptions
from ocrmypdf.cli import numeric
from ocrmypdf.helpers import available_cpu_count
from pydantic import BaseModel, Field

NAME = "ocrpipe"
"""What ``--ocr-engine`` calls the engine, and what its options begin with."""


class OcrpipeOptions(BaseModel):
    """``--ocrpipe-…`` on the command line, ``ocrpipe_…`` as keywords of ``ocrmypdf.ocr``.

    Attributes:
        detector: Name of an installed detector.
        recognizer: Name of an installed recogniser.
        threads: Processor threads for each page that is read at a time; by default the cores shared out.
    """

    detector: str = "ctpn"
    recognizer: str = "crnn"
    threads: int | None = Field(default=None, ge=1)


def add_arguments(parser: ArgumentParser) -> None:
    """Offer the engine's name with ``--ocr-engine``, whose choices are fixed, and options of its own."""
    for action in parser._actions:
        if action.dest == "ocr_engine" and action.choices is not None and NAME not in action.choices:
            action.choices = [*action.choices, NAME]
            action.help = f"{action.help} '{NAME}' uses ocrpipe, and no Tesseract."
    group = parser.add_argument_group("ocrpipe", "Control of --ocr-engine ocrpipe")
    group.add_argument("--ocrpipe-detector", metavar="NAME", help="One that `ocrpipe detectors` lists.")
    group.add_argument("--ocrpipe-recognizer", metavar="NAME", help="One that `ocrpipe recognizers` lists.")
    group.add_argument(
        "--ocrpipe-threads",
        metavar="N",
        type=numeric(int, 1),
        help="Processor threads for each page that is read at a time; by default the cores are shared out.",
    )


def share_of_cores(options: OcrOptions, pages: int | None = None) -> int:
    """Threads for a page, so that as many as are read at a time keep within the cores.

    Args:
        options: OCRmyPDF's options, of which ``jobs`` counts.
        pages: How many the document has, where that is known.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else available_cpu_count()
    jobs = options.jobs or available_cpu_count()
    return max(1, cores // max(1, min(jobs, pages or jobs)))
