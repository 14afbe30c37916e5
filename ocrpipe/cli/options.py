"""Options of several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ocrpipe.errors import ConfigError

Detector = Annotated[str, typer.Option(metavar="NAME", help="A detector that `ocrpipe detectors` lists.")]
Recognizer = Annotated[
    str, typer.Option(metavar="NAME", help="A recogniser that `ocrpipe recognizers` lists.")
]
Threads = Annotated[int | None, typer.Option(min=1, metavar="N", help="Processor threads; all by default.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda or mps.")]
Runtime = Annotated[
    str, typer.Option(metavar="NAME", help="openvino or torch; auto is OpenVINO on the CPU, torch elsewhere.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="STAGE.NAME=VALUE",
        help="Option of a stage, such as orientation.deskew=false; docs/options.md lists them. Repeatable.",
    ),
]
SkipText = Annotated[
    bool,
    typer.Option(
        "--skip-text", help="Take the text of PDF pages where it is what they show; read the others."
    ),
]
RedoOcr = Annotated[
    bool,
    typer.Option("--redo-ocr", help="Read all pages and replace hidden and wrong text in PDFs: the default."),
]
ForceOcr = Annotated[bool, typer.Option("--force-ocr", help="Read all pages and replace all text in PDFs.")]
RotatePages = Annotated[
    bool, typer.Option("--rotate-pages", help="Show pages upright in PDFs made from PDFs.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Report each stage's time on stderr.")]
Corpora = Annotated[
    Path,
    typer.Option(
        exists=True, file_okay=False, metavar="DIR", help="Text to render: UTF-8 files zh*.txt and en*.txt."
    ),
]


def pdf_settings(*, skip_text: bool, redo_ocr: bool, force_ocr: bool, rotate_pages: bool) -> tuple[str, ...]:
    """The settings that these options stand for.

    Raises:
        ConfigError: Several of the first three are given.
    """
    given = {"skip": skip_text, "redo": redo_ocr, "force": force_ocr}
    modes = [mode for mode, is_given in given.items() if is_given]
    if len(modes) > 1:
        raise ConfigError("--skip-text, --redo-ocr and --force-ocr contradict each other")
    settings = [f"pdf.text={mode}" for mode in modes]
    return (*settings, "pdf.rotate_pages=true") if rotate_pages else tuple(settings)
