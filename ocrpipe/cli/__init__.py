"""The command line: thin over the library, results on stdout, everything else on stderr.

A command's module imports what is slow (torch, OpenCV) only when the command runs, so that ``--help`` and
``--version`` come at once.
"""

from __future__ import annotations

import logging
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from ocrpipe._version import __version__
from ocrpipe.cli import evaluate, folder, plugins, read, serve, stages, synth, train
from ocrpipe.cli.group import ErrorGroup

app = typer.Typer(
    name="ocrpipe",
    cls=ErrorGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ocrpipe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Scanned pages, Chinese and English, to page-level text, on a CPU and offline."""


app.command()(read.read)
app.command()(folder.folder)
app.command()(serve.serve)
app.command()(serve.review)
app.command()(stages.detect)
app.command()(stages.recognize)
app.command()(evaluate.evaluate)
app.add_typer(train.app, name="train")
app.add_typer(synth.app, name="synth")
app.command()(plugins.detectors)
app.command()(plugins.recognizers)


def main() -> None:
    """Run the command line of this process; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # whatever the locale, Chinese must come out; names of files may be no UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    _route_messages()
    app()


def _route_messages() -> None:
    """Print our warnings on stderr, a line each, and none of Python's and Pillow's."""
    logging.captureWarnings(True)
    for name in ("py.warnings", "PIL"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("ocrpipe: %(message)s"))
    logging.getLogger("ocrpipe").addHandler(handler)
