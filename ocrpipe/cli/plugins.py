"""``ocrpipe detectors`` and ``ocrpipe recognizers``: the installed plug-ins."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ocrpipe.cli.console import PIPED_WIDTH

if TYPE_CHECKING:
    from ocrpipe.plugins import Kind


def detectors() -> None:
    """List the installed detectors."""
    _print_table("detectors")


def recognizers() -> None:
    """List the installed recognisers."""
    _print_table("recognizers")


def _print_table(kind: Kind) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ocrpipe.plugins import describe

    table = Table("name", "from", "version", "made by", box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for plugin in describe(kind):
        cells = (plugin.name, plugin.distribution, plugin.version, plugin.target)
        table.add_row(*map(Text, cells))  # brackets are not markup
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)
