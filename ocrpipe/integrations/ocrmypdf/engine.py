"""The OCR engine that OCRmyPDF calls for each page, in threads or processes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ocrmypdf import (
    BadArgsError,
    ExitCodeException,
    InputFileError,
    MissingDependencyError,
    OcrElement,
    OcrEngine,
    OcrOptions,
    OrientationConfidence,
)

from ocrpipe import _version
from ocrpipe.errors import ConfigError, MissingExtraError, OcrError, UnreadableImageError
from ocrpipe.integrations.ocrmypdf.options import threads_per_page

if TYPE_CHECKING:
    from ocrpipe.integrations.ocrmypdf.reading import Models
    from ocrpipe.result import Page

LANGUAGES = frozenset({"eng", "chi_sim"})
"""Languages of the built-in recogniser, which reads all of them on every page."""

_MAX_ORIENTATION_CONFIDENCE = 20.0  # on OCRmyPDF's scale, whose default threshold is 14
_MIN_SKEW = 0.05  # degrees; a smaller rotation would only blur the page


class OcrpipeEngine(OcrEngine):
    """Reads page images with ocrpipe; stateless, so it can be pickled and used by several threads."""

    def __str__(self) -> str:
        return f"ocrpipe {_version.__version__}"

    @staticmethod
    def version() -> str:
        """Version of ocrpipe."""
        return _version.__version__

    @staticmethod
    def creator_tag(options: OcrOptions) -> str:
        """The creator of the text in the PDF's metadata."""
        return f"ocrpipe {_version.__version__}"

    @staticmethod
    def languages(options: OcrOptions) -> set[str]:
        """The built-in recogniser's languages; empty for others, whose languages are unknown."""
        return set(LANGUAGES) if options.ocrpipe.recognizer == "crnn" else set()

    @staticmethod
    def get_orientation(input_file: Path, options: OcrOptions) -> OrientationConfidence:
        """The clockwise rotation of a page, to be undone, in degrees, and its confidence, 0 to 20."""
        with _ocrmypdf_errors():
            from ocrpipe.integrations.ocrmypdf import reading

            turned, confidence = reading.orientation(input_file, _models(options))
        return OrientationConfidence(-turned % 360, _MAX_ORIENTATION_CONFIDENCE * confidence)

    @staticmethod
    def get_deskew(input_file: Path, options: OcrOptions) -> float:
        """The angle that deskews a page, in degrees within ±15, counter-clockwise positive."""
        with _ocrmypdf_errors():
            from ocrpipe.integrations.ocrmypdf import reading

            skew = reading.skew(input_file)
        return skew if abs(skew) >= _MIN_SKEW else 0.0

    @staticmethod
    def supports_generate_ocr() -> bool:
        """Yes: the tree keeps full-width characters, which OCRmyPDF's hOCR parser normalises."""
        return True

    @staticmethod
    def generate_ocr(input_file: Path, options: OcrOptions, page_number: int = 0) -> tuple[OcrElement, str]:
        """Read a page.

        Args:
            input_file: The page's image.
            options: OCRmyPDF's options.
            page_number: 0-based.

        Returns:
            The page's elements, and its text: lines, with a blank line between paragraphs.
        """
        page = _read(input_file, options, page_number)
        from ocrpipe.export.text import page_to_text
        from ocrpipe.integrations.ocrmypdf.tree import page_to_tree

        return page_to_tree(page, page_number), page_to_text(page)

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: OcrOptions) -> None:
        """Read a page and write it as hOCR, and its text."""
        page = _read(input_file, options)
        from ocrpipe.export.hocr import page_to_hocr

        output_hocr.write_text(page_to_hocr(page), encoding="utf-8")
        _write_text(page, output_text)

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: OcrOptions) -> None:
        """Read a page and write its text as an invisible PDF layer, for ``--pdf-renderer sandwich``."""
        page = _read(input_file, options)
        with _ocrmypdf_errors():
            from ocrpipe.integrations.ocrmypdf import reading

            output_pdf.write_bytes(reading.text_pdf(page))
        _write_text(page, output_text)


def _read(path: Path, options: OcrOptions, number: int = 0) -> Page:
    with _ocrmypdf_errors():
        from ocrpipe.integrations.ocrmypdf import reading

        return reading.read(path, _models(options), number)


def _write_text(page: Page, path: Path) -> None:
    from ocrpipe.export.text import page_to_text

    path.write_text(page_to_text(page), encoding="utf-8")


def _models(options: OcrOptions) -> Models:
    from ocrpipe.integrations.ocrmypdf.reading import Models

    chosen = options.ocrpipe
    return Models(chosen.detector, chosen.recognizer, chosen.threads or threads_per_page(options))


@contextmanager
def _ocrmypdf_errors() -> Iterator[None]:
    """Convert our errors to OCRmyPDF's, which it reports with its exit codes."""
    try:
        yield
    except UnreadableImageError as error:
        raise InputFileError(str(error)) from error
    except MissingExtraError as error:
        raise MissingDependencyError(str(error)) from error
    except ConfigError as error:
        raise BadArgsError(str(error)) from error
    except OcrError as error:
        raise ExitCodeException(str(error)) from error
