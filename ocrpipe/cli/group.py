"""Errors as one line on stderr and an exit code, for every command."""

from __future__ import annotations

import errno
from typing import Any

import typer
from typer.core import TyperGroup

from ocrpipe.cli.console import print_error
from ocrpipe.errors import OcrError

_INTERRUPTED = 130


class ErrorGroup(TyperGroup):
    """Exits with the error's ``exit_code``, with 130 on Ctrl-C; with ``--debug`` errors are raised."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except (OcrError, OSError) as error:
            broken_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE
            if broken_pipe or ctx.params["debug"]:
                raise
            print_error(error)
            raise typer.Exit(error.exit_code if isinstance(error, OcrError) else 1) from None
