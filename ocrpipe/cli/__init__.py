"""The command line: thin over the library, results on stdout, everything else on stderr.

A command's module imports what is slow (torch, OpenCV) only when the command runs, so that ``--help`` and
``--version`` come at once.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from ocrpipe._version import __version__
from ocrpipe.cli.group import ErrorGroup

_COMMANDS = {
    "read": "read",
    "folder": "folder",
    "serve": "serve",
    "review": "serve",
    "detect": "stages",
    "recognize": "stages",
    "evaluate": "evaluate",
    "train": "train",
    "synth": "synth",
    "detectors": "plugins",
    "recognizers": "plugins",
}
"""Each command's module in this package: an attribute of its name, or ``app`` with commands of its own."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ocrpipe {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Scanned pages, Chinese and English, to page-level text, on a CPU and offline."""


def command_line(*names: str) -> typer.Typer:
    """The command line with some of its commands, by default all; modules of others are not imported."""
    app = typer.Typer(
        name="ocrpipe",
        cls=ErrorGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for name in names or _COMMANDS:
        module = import_module(f"{__name__}.{_COMMANDS[name]}")
        if hasattr(module, name):
            app.command(name)(getattr(module, name))
        else:
            app.add_typer(module.app, name=name)
    return app


def __getattr__(name: str) -> Any:
    """``app``, the whole command line, made when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = command_line()
    return globals()["app"]


def main() -> None:
    """Run the command line of this process; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # whatever the locale, Chinese must come out; names of files may be no UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    _route_messages()
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    # Making a command takes longer than running some: the others are made where help or a hint lists them.
    command_line(*((asked,) if asked in _COMMANDS else ()))()


def _route_messages() -> None:
    """Print our warnings on stderr, a line each, and none of Python's and Pillow's."""
    logging.captureWarnings(True)
    for name in ("py.warnings", "PIL"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("ocrpipe: %(message)s"))
    logging.getLogger("ocrpipe").addHandler(handler)
