"""Options of several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Detector = Annotated[str, typer.Option(metavar="NAME", help="A detector that `ocrpipe detectors` lists.")]
Recognizer = Annotated[
    str, typer.Option(metavar="NAME", help="A recogniser that `ocrpipe recognizers` lists.")
]
Threads = Annotated[int | None, typer.Option(min=1, metavar="N", help="Processor threads; all by default.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda or mps.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.NAME=VALUE",
        help="Option of a stage, such as orientation.deskew=false; docs/options.md lists them. Repeatable.",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Report each stage's time on stderr.")]
Corpora = Annotated[
    Path,
    typer.Option(
        exists=True, file_okay=False, metavar="DIR", help="Text to render: UTF-8 files zh*.txt and en*.txt."
    ),
]
