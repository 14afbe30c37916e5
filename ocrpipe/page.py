"""The plain values of a result: ``PageContent > Paragraph > Line > Word > Char``, tables, and warnings.

Frozen, slotted dataclasses that hold text, geometry and confidence, and no pixels, so that the results of a
whole folder need little memory. All coordinates are absolute pixels of the image the caller gave (after EXIF
orientation), x to the right, y down, independent of internal rotation and scaling.

This module imports nothing of ocrpipe. ``ocrpipe.result.Page`` is a ``PageContent`` that can also be saved,
drawn and converted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shapely import Polygon

Direction = Literal["horizontal", "vertical"]
"""How the characters of a line follow each other: across the page, or down a column."""
Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Four corners, clockwise on the screen from the top left of the *text*: they give its orientation, too."""


class _HasQuad:
    """Mix-in of everything that has a quad."""

    __slots__ = ()
    quad: Quad

    @property
    def polygon(self) -> Polygon:
        """The quad as a shapely polygon, in pixels."""
        from shapely import Polygon

        return Polygon(self.quad)


@dataclass(frozen=True, slots=True)
class Char(_HasQuad):
    """One character; ``confidence`` is the probability of the emitted class at its frame."""

    text: str
    quad: Quad
    confidence: float


@dataclass(frozen=True, slots=True)
class Word(_HasQuad):
    """Characters between two spaces; a run of hanzi, which are written without spaces, is one word."""

    text: str
    quad: Quad
    confidence: float
    chars: tuple[Char, ...]


@dataclass(frozen=True, slots=True)
class Line(_HasQuad):
    """One line of text.

    ``confidence`` is the mean of its characters' confidences, 0.0 for empty text; ``score`` is the
    detector's confidence that there is a line. ``direction`` is "horizontal", or "vertical" for a column of
    upright characters, read from top to bottom: its quad, and those of its words and characters, begin at the
    top right and run down the column.
    """

    text: str
    quad: Quad
    confidence: float
    words: tuple[Word, ...]
    score: float = 1.0
    direction: Direction = "horizontal"

    @property
    def chars(self) -> tuple[Char, ...]:
        """All characters of the line, spaces excluded."""
        return tuple(char for word in self.words for char in word.chars)

    @property
    def min_confidence(self) -> float:
        """Lowest confidence of a character, 0.0 for empty text."""
        return min((char.confidence for char in self.chars), default=0.0)


@dataclass(frozen=True, slots=True)
class Paragraph(_HasQuad):
    """Lines of one paragraph, in reading order."""

    lines: tuple[Line, ...]
    quad: Quad

    @property
    def text(self) -> str:
        """The lines' text, one line each; lines beside each other, as in a table's row, share one."""
        texts = [line.text for line in self.lines[:1]]
        for before, line in pairwise(self.lines):
            texts += [" " if _is_beside(before.quad, line.quad) else "\n", line.text]
        return "".join(texts)

    @property
    def confidence(self) -> float:
        """Mean of the characters' confidences, 0.0 without characters."""
        return _mean(char.confidence for line in self.lines for char in line.chars)


@dataclass(frozen=True, slots=True)
class Cell(_HasQuad):
    """A cell of a table; one that spans several rows or columns is at the first of them.

    Attributes:
        row: Row in which it begins, from 0.
        column: Column in which it begins, from 0.
        quad: Its edges, or where a table without ruled lines would have them.
        lines: Lines of the page in it, in reading order; empty for an empty cell.
        row_span: Number of rows that it covers.
        column_span: Number of columns that it covers.
        is_header: Whether it is the heading of columns.
    """

    row: int
    column: int
    quad: Quad
    lines: tuple[Line, ...] = ()
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False

    @property
    def text(self) -> str:
        """The lines' text, one line each."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Table(_HasQuad):
    """A table; its lines are also those of the page's paragraphs.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        cells: By row, then by column; they cover every place of the grid exactly once.
        quad: Around all cells.
    """

    rows: int
    columns: int
    cells: tuple[Cell, ...]
    quad: Quad

    @property
    def grid(self) -> tuple[tuple[Cell | None, ...], ...]:
        """The cell at each place, row by row; None where none is, in a table made by hand."""
        places: list[list[Cell | None]] = [[None] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            for row in places[cell.row : cell.row + cell.row_span]:
                end = min(cell.column + cell.column_span, self.columns)
                row[cell.column : end] = [cell] * (end - cell.column)
        return tuple(tuple(row) for row in places)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all cells, cell by cell."""
        return tuple(line for cell in self.cells for line in cell.lines)


@dataclass(frozen=True, slots=True)
class PageWarning:
    """A reason to doubt what was read from a page.

    Attributes:
        code: ``"ink-no-text"``, ``"low-confidence"``, ``"small-text"`` or ``"lines-left-out"``.
        message: The same for people, in a line.
        count: How many lines it concerns, where it concerns lines.
    """

    code: str
    message: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class PageContent:
    """What was read from one page; ``ocrpipe.Page`` adds the methods that save, draw and convert it.

    Attributes:
        width: Width of the caller's image in pixels.
        height: Height of the caller's image in pixels.
        paragraphs: The text in reading order; empty for an empty page.
        orientation: Clockwise rotation in degrees (0, 90, 180, 270) that makes the text run left to right.
        skew: Rotation that deskews the page after ``orientation``, in degrees, clockwise positive, within
            ±15.
        source: Name of the source, if it has one.
        number: 1-based page number within the source.
        dpi: Resolution the page was rendered at, or that its file states, if known.
        warnings: Reasons to doubt what was read; empty where there are none.
        rejected: Lines that were read with too little confidence to be kept, from top to bottom.
        tables: Tables, in the order of their first lines.
    """

    width: int
    height: int
    paragraphs: tuple[Paragraph, ...] = ()
    orientation: int = 0
    skew: float = 0.0
    source: str | None = None
    number: int = 1
    dpi: float | None = None
    warnings: tuple[PageWarning, ...] = ()
    rejected: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()

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
        """The page's text: a line or row each, paragraphs separated by a blank line."""
        return "\n\n".join(paragraph.text for paragraph in self.paragraphs)

    @property
    def confidence(self) -> float:
        """Mean of the characters' confidences, 0.0 for an empty page."""
        return _mean(char.confidence for line in self.lines for char in line.chars)


def _is_beside(before: Quad, after: Quad) -> bool:
    """Whether a line begins behind the end of another one, in its direction and at its height."""
    start, end = _middle(before[0], before[3]), _middle(before[1], before[2])
    length = math.dist(start, end)
    if not length:
        return False
    along, across = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    first = _middle(after[0], after[3])
    x, y = first[0] - end[0], first[1] - end[1]
    height = min(math.dist(before[0], before[3]), math.dist(after[0], after[3]))
    return x * along + y * across > -height / 2 and abs(y * along - x * across) < height / 2


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _mean(values: Iterable[float]) -> float:
    collected = list(values)
    return sum(collected) / len(collected) if collected else 0.0
