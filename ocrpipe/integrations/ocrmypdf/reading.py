"""What the engine does with a page's image.

Models are loaded with the first page, once in a process, however many threads ask for them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from ocrpipe.io import images
from ocrpipe.io.documents import POINTS_PER_INCH
from ocrpipe.options import LoadOptions, Options
from ocrpipe.pipeline import Pipeline
from ocrpipe.result import Page
from ocrpipe.stages.orientation import page_skew

_ANY_SIZE = 2**40  # pixels; OCRmyPDF has a limit of its own and made the image itself
_DPI = 72.0  # of an image without a resolution, as OCRmyPDF assumes


@dataclass(frozen=True, slots=True)
class Models:
    """Which models read, and the processor threads that each page may use."""

    detector: str
    recognizer: str
    threads: int


_loaded: dict[Models, Pipeline] = {}
_loading = threading.Lock()


def read(path: Path, models: Models, number: int = 0) -> Page:
    """Read a page; a turned or skewed one is read as well, and keeps its place on the image.

    Args:
        path: The page's image.
        models: What to read it with.
        number: 0-based number of the page.

    Raises:
        OcrError: As ``Pipeline.read``.
    """
    page = _pipeline(models).read(path)
    with Image.open(path) as image:
        dpi = float(image.info.get("dpi", (_DPI, _DPI))[0])
    return replace(page, source=None, number=number + 1, dpi=dpi)


def orientation(path: Path, models: Models) -> tuple[int, float]:
    """The clockwise quarter turn that makes a page upright, and the certainty, 0.0 to 1.0.

    Raises:
        OcrError: As ``Pipeline.orientation``.
    """
    return _pipeline(models).orientation(path)


def skew(path: Path) -> float:
    """Direction of the page's text in degrees within ±15, clockwise positive, at any quarter turn.

    Raises:
        OcrError: The image can't be read.
    """
    return page_skew(images.load(path, max_pixels=_ANY_SIZE))


def text_pdf(page: Page) -> bytes:
    """A PDF of one page that shows nothing and holds the page's text, each word over its quad.

    OCRmyPDF takes over the content and one font, and of fonts only one called ``F1``.

    Raises:
        MissingExtraError: The extra ``ocrpipe[pdf]`` is not installed.
    """
    import pikepdf

    from ocrpipe.export.blank_font import BlankFont
    from ocrpipe.export.parts import words
    from ocrpipe.export.pdf_text import FONT, text_layer

    scale = POINTS_PER_INCH / (page.dpi or _DPI)
    width, height = page.width * scale, page.height * scale
    font = BlankFont(word.text for line in page.lines for word in words(line))
    content = text_layer(page, font, lambda at: (at[0] * scale, height - at[1] * scale))
    with pikepdf.new() as pdf:
        leaf = pikepdf.Dictionary(
            Type=pikepdf.Name.Page,
            MediaBox=[0, 0, round(width, 4), round(height, 4)],
            Resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font.embed(pdf))),
            Contents=pdf.make_stream(content.replace(f"/{FONT} ".encode(), b"/F1 ")),
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
        stream = BytesIO()
        pdf.save(stream, deterministic_id=True)
    return stream.getvalue()


def _pipeline(models: Models) -> Pipeline:
    with _loading:
        if models not in _loaded:
            options = Options(load=LoadOptions(max_pixels=_ANY_SIZE))
            _loaded[models] = Pipeline(
                models.detector, models.recognizer, threads=models.threads, options=options
            )
    return _loaded[models]
