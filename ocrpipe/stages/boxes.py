"""What layout works on: lines as axis-aligned boxes of the level view, and the thresholds for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ocrpipe.errors import ConfigError
from ocrpipe.page import Quad

T = TypeVar("T", bound="Placed")


class Placed(Protocol):
    """What is put in order: anything with a place; the rest only decides between things in one place."""

    @property
    def quad(self) -> Quad:
        """Corners, clockwise from the text's top left."""

    @property
    def text(self) -> str:
        """What it says."""

    @property
    def confidence(self) -> float:
        """How certain that is."""

    @property
    def score(self) -> float:
        """How certain it is that there is something."""


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """How columns, rows and paragraphs are found. Lengths are in line heights, unless said otherwise.

    Attributes:
        slices: Slices of the page's height to one line height, in which lines are looked for side by side.
        min_clear: Least space left of a column.
        min_facing: Least height along which columns stand side by side: two lines.
        min_gutter_area: Least product of a gutter's height and width, so that short ones have to be wide.
        max_gap: Space over both columns that ends them.
        max_level_offset: Most that the cells of a table's row may differ in height on the page, as a fraction
            of the lower one.
        max_label_width: Width of what may stand beside running text and be read along its rows, such as the
            markers of a list.
        min_prose_width: Least width of running text.
        min_list_items: Items below each other, numbered one after the other, that make a list.
        min_row_overlap: Fraction of the lower line's height that lines of a row overlap at least.
        max_line_gap: Space between lines of a paragraph beyond the usual one.
        max_any_gap: Space between lines of a paragraph, whatever the usual one.
        min_size_ratio: Least ratio of the heights of a paragraph's neighbouring lines.
        max_ragged: Space at the right of a full line, as a fraction of the column's width.
        min_indent: Least indent of a paragraph's first line.
    """

    slices: int = 4
    min_clear: float = 0.3
    min_facing: float = 3.0
    min_gutter_area: float = 7.0
    max_gap: float = 1.8
    max_level_offset: float = 0.25
    max_label_width: float = 6.0
    min_prose_width: float = 10.0
    min_list_items: int = 3
    min_row_overlap: float = 0.5
    max_line_gap: float = 0.5
    max_any_gap: float = 2.5
    min_size_ratio: float = 0.7
    max_ragged: float = 0.2
    min_indent: float = 0.8

    def __post_init__(self) -> None:
        if self.slices < 1 or self.min_facing <= 0:
            raise ConfigError(f"options out of range: {self}")


@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    """A line's axis-aligned box in the level view.

    ``extent`` has a bit set for each slice of the page's height that the box covers, which makes it cheap to
    see what lies side by side.
    """

    line: T
    left: float
    top: float
    right: float
    bottom: float
    extent: int = 0

    @property
    def width(self) -> float:
        """Pixels along the text."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels across the text."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Height on the page of the line's middle."""
        return (self.top + self.bottom) / 2
