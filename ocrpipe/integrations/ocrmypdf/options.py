"""The plug-in's options, and the number of threads for a page."""

from __future__ import annotations

import os
from argparse import ArgumentParser

from ocrmypdf import OcrOptions
from ocrmypdf.cli import numeric
from ocrmypdf.helpers import available_cpu_count
from pydantic import BaseModel, Field

NAME = "ocrpipe"
"""The engine's name for ``--ocr-engine``, and the prefix of its options."""


class OcrpipeOptions(BaseModel):
    """``--ocrpipe-…`` on the command line, ``ocrpipe_…`` as keywords of ``ocrmypdf.ocr``.

    Attributes:
        detector: Name of an installed detector.
        recognizer: Name of an installed recogniser.
        threads: Processor threads for each page; by default the cores are divided among concurrent pages.
    """

    detector: str = "ctpn"
    recognizer: str = "crnn"
    threads: int | None = Field(default=None, ge=1)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the engine's name to the fixed choices of ``--ocr-engine``, and its own options."""
    for action in parser._actions:
        if action.dest == "ocr_engine" and action.choices is not None and NAME not in action.choices:
            action.choices = [*action.choices, NAME]
            action.help = f"{action.help} '{NAME}' uses ocrpipe without Tesseract."
    group = parser.add_argument_group("ocrpipe", "Control of --ocr-engine ocrpipe")
    group.add_argument(
        "--ocrpipe-detector", metavar="NAME", help="A detector that `ocrpipe detectors` lists."
    )
    group.add_argument(
        "--ocrpipe-recognizer", metavar="NAME", help="A recogniser that `ocrpipe recognizers` lists."
    )
    group.add_argument(
        "--ocrpipe-threads",
        metavar="N",
        type=numeric(int, 1),
        help="Processor threads for each page; by default the cores are divided among concurrent pages.",
    )


def threads_per_page(options: OcrOptions, pages: int | None = None) -> int:
    """Threads for a page, so that all concurrent pages together use the cores.

    Args:
        options: OCRmyPDF's options, of which ``jobs`` is used.
        pages: Number of pages of the document, if known.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else available_cpu_count()
    jobs = options.jobs or available_cpu_count()
    return max(1, cores // max(1, min(jobs, pages or jobs)))
