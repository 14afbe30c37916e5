"""OCRmyPDF plug-in: ``ocrmypdf --ocr-engine ocrpipe scan.pdf searchable.pdf``, OCRmyPDF 17.13 or later.

Every run of OCRmyPDF imports this package, with any engine, so torch and the models are loaded with the first
page only. Under an older OCRmyPDF it registers no hooks: unknown hooks would end each of its runs.
"""

from __future__ import annotations

from ocrpipe.errors import MissingExtraError

try:
    import ocrmypdf  # the installed package, not this one
except ImportError as error:
    raise MissingExtraError(f"the plug-in needs {error.name}: pip install 'ocrpipe[ocrmypdf]'") from error

# Earlier ones know other options, or draw rotated lines of text beside their places.
if tuple(map(int, ocrmypdf.__version__.split(".")[:2])) >= (17, 13):
    from ocrpipe.integrations.ocrmypdf.hooks import (
        add_options,
        check_options,
        get_ocr_engine,
        initialize,
        register_options,
        validate,
    )

    __all__ = [
        "add_options",
        "check_options",
        "get_ocr_engine",
        "initialize",
        "register_options",
        "validate",
    ]
