"""What the page and the API work on: pages that were read, their images, and corrections of them."""

from __future__ import annotations

import io
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.corrections import corrected_page
from ocrpipe.export import FORMATS, document_bytes
from ocrpipe.export.scans import Scans
from ocrpipe.geometry import rectify
from ocrpipe.serve.problems import Problem

if TYPE_CHECKING:
    from ocrpipe.io.names import Passwords
    from ocrpipe.result import Page

MAX_TEXT = 10_000
"""Maximum characters of a corrected line."""

_MAX_SIDE = 2400  # pixels of a page's picture
_MAX_CROP = 2000
_CROP_PAD = 0.15  # of the line's height
_CACHED = 2  # pages, decoded
_CACHED_PIXELS = 50_000_000  # of one page


class Document(ABC):
    """A document whose pages were read, or are being read.

    Attributes:
        id: What the API calls it.
        name: Its file's name, or its path below the folder that was read.
        password: Of a locked PDF.
        replace_text: For a pdf of a PDF, see ``ocrpipe.export.document_bytes``; as ``rotate_pages``.
        rotate_pages: See there.
    """

    id: str
    name: str
    password: Passwords = None
    replace_text: bool = False
    rotate_pages: bool = False

    @abstractmethod
    def numbers(self) -> Sequence[int]:
        """The pages that were read, in order."""

    @abstractmethod
    def read(self, number: int) -> Page:
        """A page as it was read; raises ``Problem`` 404 if it was not."""

    @abstractmethod
    def corrections(self, number: int) -> dict[int, str]:
        """The right text by index in the lines of the page as it was read."""

    @abstractmethod
    def put_correction(self, number: int, index: int, text: str | None) -> None:
        """Store the right text of a line, or with ``None`` what was read."""

    @abstractmethod
    def source(self) -> AbstractContextManager[Path]:
        """The document's file; raises ``OSError`` if it is gone."""

    def corrected(self, number: int) -> Page:
        """A page with its corrections."""
        return corrected_page(self.read(number), self.corrections(number))

    def correct(self, number: int, index: int, text: str | None, was: str | None) -> dict[str, object]:
        """Store the right text of a line, or with ``None`` what was read.

        Args:
            number: The page.
            index: The line in the page as it was read.
            text: The right text; ``None`` for what was read.
            was: The text that the client last saw, if it told.

        Raises:
            Problem: 404 for a line that is not there, 409 if it has another text than the client saw.
        """
        lines = self.read(number).lines
        if not 0 <= index < len(lines):
            raise Problem(404, f"page {number} has {len(lines)} lines, no line {index}")
        current = self.corrections(number).get(index, lines[index].text)
        if was is not None and was != current:
            raise Problem(
                409, "the line was corrected elsewhere meanwhile", more={"line": index, "text": current}
            )
        text = text if text is None else " ".join(text.split())
        self.put_correction(number, index, text)
        return {"line": index, "text": lines[index].text if text is None else text}

    def result(self, format: str, numbers: Sequence[int] | None = None) -> bytes:
        """The pages with their corrections as one file of a format; raises ``OcrError`` as exports do."""
        pages = [self.corrected(number) for number in numbers or self.numbers()]
        if not FORMATS[format].has_images:
            return document_bytes(pages, format)
        with self.source() as path:
            return document_bytes(
                pages,
                format,
                source=path,
                password=self.password,
                replace_text=self.replace_text,
                rotate_pages=self.rotate_pages,
            )

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """The image of a page that was read: H×W×3, RGB, uint8."""
        with self.source() as path:
            return Scans(path, self.password).of(self.read(number))


class Pictures:
    """Pictures of pages and lines for the web page; the last pages stay decoded."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[str, int], NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, document: Document, number: int, max_side: int | None = None) -> bytes:
        """A page as JPEG, scaled down where it is larger than ``max_side``."""
        return _encoded(
            _scaled(self._pixels(document, number), min(max_side or _MAX_SIDE, _MAX_SIDE)), "JPEG"
        )

    def line(self, document: Document, number: int, index: int) -> bytes:
        """A line as PNG, upright.

        Raises:
            Problem: 404 if there is no such line.
        """
        lines = document.read(number).lines
        if not 0 <= index < len(lines):
            raise Problem(404, f"page {number} has {len(lines)} lines, no line {index}")
        crop = rectify(self._pixels(document, number), lines[index].quad, pad=_CROP_PAD)
        return _encoded(_scaled(crop, _MAX_CROP), "PNG")

    def _pixels(self, document: Document, number: int) -> NDArray[np.uint8]:
        key = document.id, number
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        image = document.pixels(number)
        if image.shape[0] * image.shape[1] <= _CACHED_PIXELS:
            with self._lock:
                self._cache[key] = image
                while len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
        return image


def _scaled(image: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    scale = max_side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _encoded(image: NDArray[np.uint8], format: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format, quality=85)
    return stream.getvalue()
