"""``ocrpipe folder``: a tree of scans to a tree of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from ocrpipe.cli.options import (
    Detector,
    Device,
    ForceOcr,
    Recognizer,
    RedoOcr,
    RotatePages,
    Runtime,
    Settings,
    SkipText,
    pdf_settings,
)
from ocrpipe.errors import ConfigError


def folder(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Tree of images, PDFs and multi-page TIFFs, or one such file."),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder for the results and their manifest; created if missing."),
    ],
    format: Annotated[
        str, typer.Option(metavar="LIST", help="Formats to write, such as txt,json,hocr,alto,pdf.")
    ] = "txt",
    include: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Read only such files; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Exclude such files and folders; may be repeated."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of processes; by default they fill the cores."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads of each process; 1 by default.")
    ] = None,
    page_timeout: Annotated[
        float, typer.Option(min=0.001, metavar="SECONDS", help="A page that takes longer has failed.")
    ] = 300.0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Read pages again that failed in an earlier run.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Read everything again.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 1 if anything failed.")] = False,
    dpi: Annotated[
        float, typer.Option(min=1, metavar="N", help="Resolution PDF pages are rendered at.")
    ] = 200.0,
    password: Annotated[
        list[str] | None, typer.Option(help="Password of locked PDFs; may be repeated.")
    ] = None,
    skip_text: SkipText = False,
    redo_ocr: RedoOcr = False,
    force_ocr: ForceOcr = False,
    rotate_pages: RotatePages = False,
    detector: Detector = "ctpn",
    recognizer: Recognizer = "crnn",
    device: Device = "cpu",
    runtime: Runtime = "auto",
    settings: Settings = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="processes, on this machine, or ray (ocrpipe[ray]).")
    ] = "processes",
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Address of a Ray cluster that has the tree under the same path."
        ),
    ] = None,
    memory_limit: Annotated[
        int,
        typer.Option(min=0, metavar="MB", help="Memory of each process, on Linux; 0 is no limit."),
    ] = 4096,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only report failures.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Report as lines of JSON.")] = False,
) -> None:
    """Read a whole tree; another run does only what is new, changed or unfinished.

    A document a/b.pdf becomes a/b.txt, and so on, in the output folder, beside manifest.sqlite, which has a
    row for every page. Failures are reported, like progress, on stderr, and do not end the run.
    """
    from ocrpipe.folder import read_folder
    from ocrpipe.folder.report import reporting
    from ocrpipe.folder.settings import Engine

    if quiet and log_json:
        raise ConfigError("--quiet and --log-json contradict each other")
    options = None
    how = pdf_settings(skip_text=skip_text, redo_ocr=redo_ocr, force_ocr=force_ocr, rotate_pages=rotate_pages)
    if settings or how:
        from ocrpipe.options import Options

        options = Options().with_settings([*(settings or ()), *how])
    run = read_folder(
        source,
        out,
        formats=tuple(name.strip() for name in format.split(",")),
        include=include or (),
        exclude=exclude or (),
        detector=detector,
        recognizer=recognizer,
        device=device,
        runtime=runtime,
        options=options,
        dpi=dpi,
        password=password,
        workers=workers,
        threads=threads,
        page_timeout=page_timeout,
        retry_failed=retry_failed,
        force=force,
        engine=cast(Engine, engine),
        ray_address=ray_address,
        memory_limit=memory_limit << 20 or None,
    )
    with run, reporting(run, quiet=quiet, log_json=log_json) as reporter:
        for result in run:
            reporter.report(result, run.summary)
        reporter.end(run)
    if strict and run.summary.failed + run.summary.kept_failed:
        raise typer.Exit(1)
