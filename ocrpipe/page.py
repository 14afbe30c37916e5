"""The result model: ``Page > Paragraph > Line > Word > Char``.

Frozen, slotted dataclasses that hold text, geometry and confidence, and no pixels, so that keeping the
results of a whole folder costs little. All coordinates are absolute pixels of the image the caller gave
(after EXIF orientation), x to the right, y down, whatever rotation or scaling happened inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
    from PIL import Image
    from shapely import Polygon

    from ocrpipe.io.images import Source

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Four corners, clockwise on the screen from the *text's* own top-left: a quad also says which way is up."""


class _Placed:
    """What has a quad."""

    __slots__ = ()
    quad: Quad

    @property
    def polygon(self) -> Polygon:
        """The quad as a shapely polygon, in pixels."""
        from shapely import Polygon

        return Polygon(self.quad)


@dataclass(frozen=True, slots=True)
class Char(_Placed):
    """One character; ``confidence`` is the probability of the emitted class at its frame."""

    text: str
    quad: Quad
    confidence: float


@dataclass(frozen=True, slots=True)
class Word(_Placed):
    """Characters between two spaces; a run of Han characters, written without any, is one word."""

    text: str
    quad: Quad
    confidence: float
    chars: tuple[Char, ...]


@dataclass(frozen=True, slots=True)
class Line(_Placed):
    """One line of text.

    ``confidence`` is the mean of its characters' confidences, 0.0 for empty text; ``score`` is the
    detector's confidence that there is a line at all.
    """

    text: str
    quad: Quad
    confidence: float
    words: tuple[Word, ...]
    score: float = 1.0

    @property
    def chars(self) -> tuple[Char, ...]:
        """All characters of the line, spaces excluded."""
        return tuple(char for word in self.words for char in word.chars)

    @property
    def min_confidence(self) -> float:
        """Confidence of the least certain character, 0.0 for empty text."""
        return min((char.confidence for char in self.chars), default=0.0)


@dataclass(frozen=True, slots=True)
class Paragraph(_Placed):
    """Lines that belong together, in reading order."""

    lines: tuple[Line, ...]
    quad: Quad

    @property
    def text(self) -> str:
        """The lines' text, one line each."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """Mean of the characters' confidences, 0.0 where there are none."""
        return _mean(char.confidence for line in self.lines for char in line.chars)


@dataclass(frozen=True, slots=True)
class Page:
    """What was read from one page.

    Attributes:
        width: Width of the caller's image in pixels.
        height: Height of the caller's image in pixels.
        paragraphs: The text in reading order; empty for an empty page.
        orientation: Clockwise quarter turn in degrees (0, 90, 180, 270) that makes the page upright.
        skew: What is left to turn after ``orientation``, in degrees, clockwise positive, within ±15.
        source: Name of what was read, where it has one.
        number: 1-based page number within the source.
        dpi: Resolution the page was rendered at or claims, where known.
    """

    width: int
    height: int
    paragraphs: tuple[Paragraph, ...] = ()
    orientation: int = 0
    skew: float = 0.0
    source: str | None = None
    number: int = 1
    dpi: float | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in reading order."""
        return tuple(line for paragraph in self.paragraphs for line in paragraph.lines)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in reading order."""
        return tuple(word for line in self.lines for word in line.words)

    @property
    def text(self) -> str:
        """The page's text: a line each, paragraphs separated by a blank line."""
        return "\n\n".join(paragraph.text for paragraph in self.paragraphs)

    @property
    def confidence(self) -> float:
        """Mean of the characters' confidences, 0.0 for an empty page."""
        return _mean(char.confidence for line in self.lines for char in line.chars)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings, fit for JSON; ``from_dict`` gives back an equal page."""
        from ocrpipe.export.json import page_to_dict

        return page_to_dict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Page:
        """The page that ``to_dict`` described.

        Raises:
            ocrpipe.errors.UnsupportedSourceError: ``data`` is not such a description.
        """
        from ocrpipe.export.json import page_from_dict

        return page_from_dict(data)

    def to_dataframe(self) -> pandas.DataFrame:
        """The lines as a table of pandas, a row a line; columns as told in ``ocrpipe.export.tables``.

        Raises:
            ocrpipe.errors.MissingExtraError: The extra ``ocrpipe[tables]`` is not installed.
        """
        from ocrpipe.export.tables import document_to_dataframe

        return document_to_dataframe((self,))

    def save(self, path: str | Path, format: str | None = None, *, image: Source | None = None) -> None:
        """Write the page to ``path``; the format goes by the suffix unless given.

        The file appears whole or not at all: it is written under a temporary name and renamed.

        Args:
            path: Where to write.
            format: ``txt``, ``json``, ``hocr``, ``alto``, ``pagexml``, ``html``, ``pdf``, ``csv``,
                ``parquet`` or ``labelstudio``.
            image: The page's image, for html, which has none without, and pdf, which opens ``source`` again.

        Raises:
            ocrpipe.errors.OcrError: The format is unknown, or the file can't be made or written.
        """
        from ocrpipe.export import save

        save(self, path, format, image=image)

    def draw(
        self, path: str | Path | None = None, image: Source | None = None, *, text: bool = False
    ) -> Image.Image:
        """Overlay boxes and reading order on the page's image.

        Args:
            path: Where to write the picture, if anywhere.
            image: The page's image; by default ``source`` is opened again, since a result holds no pixels.
            text: Whether to add the recognised text, on a sheet to the right of the image.

        Returns:
            An RGB picture of the page's size, twice as wide with ``text``.
        """
        from ocrpipe.export.overlay import draw

        return draw(self, path, image, text=text)


def _mean(values: Iterator[float]) -> float:
    collected = list(values)
    return sum(collected) / len(collected) if collected else 0.0
