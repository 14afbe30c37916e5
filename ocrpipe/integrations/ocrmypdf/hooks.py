"""The hooks that register the engine and its options with OCRmyPDF.

The engine is used if it is chosen by name, never for ``--ocr-engine auto``: ocrpipe as a dependency of some
package must not change the results of OCRmyPDF.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable

import pluggy
from ocrmypdf import BadArgsError, OcrEngine, OcrOptions, hookimpl
from ocrmypdf.pdfinfo import PdfInfo
from pydantic import BaseModel

from ocrpipe.integrations.ocrmypdf.engine import OcrpipeEngine
from ocrpipe.integrations.ocrmypdf.options import NAME, OcrpipeOptions, add_arguments, threads_per_page

_TESSERACT = "ocrmypdf.builtin_plugins.tesseract_ocr"

Check = Callable[[OcrOptions], object]


@hookimpl
def initialize(plugin_manager: pluggy.PluginManager) -> None:
    """Skip OCRmyPDF's check for Tesseract, which it makes for every engine, if ocrpipe is chosen."""
    for check in plugin_manager.hook.check_options.get_hookimpls():
        if check.plugin_name == _TESSERACT and not isinstance(check.function, _SkippedForOcrpipe):
            check.function = _SkippedForOcrpipe(check.function)  # type: ignore[misc]


@hookimpl
def add_options(parser: ArgumentParser) -> None:
    """Add the plug-in's options to the command line."""
    add_arguments(parser)


@hookimpl
def register_options() -> dict[str, type[BaseModel]]:
    """The model of the options, which is sent to the workers."""
    return {NAME: OcrpipeOptions}


@hookimpl
def check_options(options: OcrOptions) -> None:
    """Reject detectors and recognisers that are not installed before any work is done."""
    if not _is_chosen(options):
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
    """Divide the cores among the pages that will be read concurrently."""
    if _is_chosen(options) and options.ocrpipe.threads is None:
        threads = threads_per_page(options, len(pdfinfo))
        options.ocrpipe.threads = threads
        options.extra_attrs[f"{NAME}_threads"] = threads  # sent to worker processes


@hookimpl(tryfirst=True)
def get_ocr_engine(options: OcrOptions | None) -> OcrEngine | None:
    """The engine, if it was chosen by name."""
    return OcrpipeEngine() if options is not None and _is_chosen(options) else None


class _SkippedForOcrpipe:
    """Another plug-in's check, skipped if ocrpipe is chosen."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def __call__(self, options: OcrOptions) -> None:
        if not _is_chosen(options):
            self._check(options)


def _is_chosen(options: OcrOptions) -> bool:
    return bool(options.ocr_engine == NAME)
