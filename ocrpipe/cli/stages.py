"""``ocrpipe detect`` and ``ocrpipe recognize``: one stage by itself."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ocrpipe.cli.console import working
from ocrpipe.cli.options import Detector, Device, Recognizer, Runtime, Settings, Threads
from ocrpipe.io.names import printable
from ocrpipe.page import Line, Paragraph
from ocrpipe.result import Page


def detect(
    file: Annotated[Path, typer.Argument(help="Image of a page.")],
    draw: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Picture of the page with its lines outlined.")
    ] = None,
    detector: Detector = "ctpn",
    threads: Threads = None,
    device: Device = "cpu",
    runtime: Runtime = "auto",
    settings: Settings = None,
) -> None:
    """Find a page's lines and print them as JSON.

    A line has a score and a quad: four [x, y] corners in pixels, clockwise from the text's own top left.
    """
    from ocrpipe.io import images
    from ocrpipe.options import Options
    from ocrpipe.pipeline import Pipeline

    options = Options().with_settings(settings or ())
    image = images.load(file)
    with working(f"detecting lines in {file}"):
        pipeline = Pipeline(detector, threads=threads, device=device, runtime=runtime, options=options)
        detected = pipeline.detect(image)
    typer.echo(jsonlib.dumps({"image": printable(str(file)), "lines": [asdict(line) for line in detected]}))
    if draw:
        lines = (Line("", line.quad, 0.0, (), line.score) for line in detected)
        paragraphs = tuple(Paragraph((line,), line.quad) for line in lines)
        Page(image.shape[1], image.shape[0], paragraphs).draw(draw, image)


def recognize(
    crops: Annotated[
        list[Path],
        typer.Argument(metavar="CROP", help="Images of one line each, left to right."),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print confidences and positions too, a line of JSON a CROP.")
    ] = False,
    recognizer: Recognizer = "crnn",
    threads: Threads = None,
    device: Device = "cpu",
    runtime: Runtime = "auto",
) -> None:
    """Read crops that hold one line each and print what they say, a line a CROP."""
    from ocrpipe.io import images
    from ocrpipe.pipeline import Pipeline

    loaded = [images.load(crop) for crop in crops]
    with working("reading"):
        pipeline = Pipeline(recognizer=recognizer, threads=threads, device=device, runtime=runtime)
        recognitions = pipeline.recognize(loaded)
    for crop, one in zip(crops, recognitions, strict=True):
        row = {"image": printable(str(crop)), **asdict(one), "confidence": one.confidence}
        typer.echo(jsonlib.dumps(row, ensure_ascii=False) if json else one.text)
