"""The hooks by which OCRmyPDF gets to know the engine and its options.

The engine reads when it is asked for by name, never under ``--ocr-engine auto``: that some package brought
ocrpipe along must not change what comes out of anybody's scans.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable

import pluggy
from ocrmypdf import BadArgsError, OcrEngine, OcrOptions, hookimpl
from ocrmypdf.pdfinfo import PdfInfo
from pydantic import BaseModel

from ocrpipe.integrations.ocrmypdf.engine import OcrpipeEngine
from ocrpipe.integrations.ocrmypdf.options import NAME, OcrpipeOptions, add_arguments, share_of_cores

_TESSERACT = "ocrmypdf.builtin_plugins.tesseract_ocr"

Check = Callable[[OcrOptions], object]


@hookimpl
def initialize(plugin_manager: pluggy.PluginManager) -> None:
    """Let Tesseract be missing where ocrpipe reads; OCRmyPDF looks for it whichever engine is chosen."""
    for check in plugin_manager.hook.check_options.get_hookimpls():
        if check.plugin_name == _TESSERACT and not isinstance(check.function, _UnlessOurs):
            check.function = _UnlessOurs(check.function)  # type: ignore[misc]


@hookimpl
def add_options(parser: ArgumentParser) -> None:
    """Add what the plug-in offers on the command line."""
    add_arguments(parser)


@hookimpl
def register_options() -> dict[str, type[BaseModel]]:
    """The model of the options, by which they reach the workers."""
    return {NAME: OcrpipeOptions}


@hookimpl
def check_options(options: OcrOptions) -> None:
    """Refuse detectors and recognisers that are not installed before any work is done."""
    if not _chosen(options):
        return
    from ocrpipe import plugins

    chosen = {"detectors": options.ocrpipe.detector, "recognizers": options.ocrpipe.recognizer}
    for kind, known in (
        ("detectors", plugins.names("detectors")),
        ("recognizers", plugins.names("recognizers")),
    ):
        if chosen[kind] not in known:
            raise BadArgsError(
                f"--ocrpipe-{kind.removesuffix('s')} {chosen[kind]}: known are {', '.join(known)}"
            )


@hookimpl
def validate(pdfinfo: PdfInfo, options: OcrOptions) -> None:
    """Share the cores out among the pages that will be read at a time."""
    if _chosen(options) and options.ocrpipe.threads is None:
        threads = share_of_cores(options, len(pdfinfo))
        options.ocrpipe.threads = threads
        options.extra_attrs[f"{NAME}_threads"] = threads  # this is what worker processes are sent


@hookimpl(tryfirst=True)
def get_ocr_engine(options: OcrOptions | None) -> OcrEngine | None:
    """The engine, if it was asked for by name."""
    return OcrpipeEngine() if options is not None and _chosen(options) else None


class _UnlessOurs:
    """Another plug-in's check, left out where ocrpipe reads."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __call__(self, options: OcrOptions) -> None:
        if not _chosen(options):
            self._check(options)


def _chosen(options: OcrOptions) -> bool:
    return bool(options.ocr_engine == NAME)
