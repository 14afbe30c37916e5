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
class Block(Generic[T]):
    """A paragraph: its lines in reading order, and the smallest rectangle of their direction around them."""

    lines: tuple[T, ...]
    quad: Quad


@dataclass(frozen=True, slots=True)
class Region(Generic[T]):
    """Paragraphs that stay together in a known order, such as those of a table or of a vertical text.

    Attributes:
        blocks: The paragraphs.
        quad: Around all of them, level with the text around the region.
    """

    blocks: tuple[Block[T], ...]
    quad: Quad

    @property
    def lines(self) -> tuple[T, ...]:
        """All lines, in order."""
        return tuple(line for block in self.blocks for line in block.lines)

    @property
    def text(self) -> str:
        """The lines' texts, each in a line."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float:
        """That of the line with the lowest."""
        return min(line.confidence for line in self.lines)

    @property
    def score(self) -> float:
        """That of the line with the lowest."""
        return min(line.score for line in self.lines)


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """How columns, rows and paragraphs are found. Lengths are in line heights, unless said otherwise.

    Attributes:
        slices: Slices of the page's height to one line height, in which lines are looked for side by side.
        min_clear: Least space left of a column.
        min_facing: Least height along which columns stand side by side: two lines.
        min_gutter_area: Product of a gutter's height and width from which it says nothing against columns.
        min_space_area: Least product of the height and width of what may be a gutter.
        max_gap: Space over both columns that ends them.
        max_header_space: Widest space at a gutter in a row of a header or menu, in its usual spaces.
        min_header_gap: Least distance of such a row from the next one, in the usual distances of rows.
        row_prior: Log-odds for rows where nothing else tells; this and what follows add up.
        list_weight: Log-odds for columns of a numbered list at the right.
        figure_weight: Log-odds for rows where all lines of a side are figures, and they are level.
        label_weight: Log-odds for rows where all lines are labels, or labels with values, and level.
        head_weight: Log-odds for columns of one label over each side.
        region_weight: Log-odds for columns of a table or other region beside lines.
        gutter_weight: Log-odds for rows of a gutter without width.
        prose_weight: Log-odds for columns of what looks like running text on both sides.
        continuation_weight: Log-odds for columns of each unit by which a line's continuation below it exceeds
            the usual one.
        across_weight: Log-odds for rows of each unit by which its continuation at the right does.
        continuation: Usual continuation of unrelated lines and of related ones, in the middle between both:
            difference of natural logarithms of probabilities.
        latin_continuation: The same for Latin text, whose lines begin and end with words.
        max_continuation: Most that a pair of lines counts.
        max_language: Most that language says for columns.
        max_list_sign: Most that it says for rows: lists do not continue either.
        max_prose_step: Largest distance of lines that may continue each other.
        level_spread: Standard deviation of the heights on the page of the cells of a row.
        level_columns: Fraction of columns whose lines are level with each other.
        max_offset: Most that lines that are not level say for columns.
        max_cell_step: Largest distance of a cell's lines.
        min_cell_ratio: Least ratio of the distances between cells to those within them.
        max_cell_lines: Most lines of a cell.
        min_wrapped_width: Least width of a line that goes on below in its cell, as a part of the column's.
        max_cell_width: Width of lines up to which nothing is running text.
        min_prose_width: Width of lines from which on anything may be; between both, by degrees.
        min_list_items: Items below each other, numbered one after the other, that make a list.
        min_row_overlap: Fraction of the lower line's height that lines of a row overlap at least.
        max_line_gap: Space between lines of a paragraph beyond the usual one.
        max_any_gap: Space between lines of a paragraph, whatever the usual one.
        min_size_ratio: Least ratio of the heights of a paragraph's neighbouring lines.
        max_ragged: Space at the right of a full line, as a fraction of the column's width.
        min_indent: Least indent of a paragraph's first line.
        min_table_rows: Least number of a table's rows with several cells, where it has no ruled lines.
        min_table_fill: Least part of such a table's places that hold text.
        min_column_fill: Least number of a column's cells, in those that its columns hold on average.
        max_table_gap: Most space between two of its rows.
        max_single_rows: Most rows below each other with one cell only.
    """

    slices: int = 4
    min_clear: float = 0.3
    min_facing: float = 3.0
    min_gutter_area: float = 7.0
    min_space_area: float = 1.2
    max_gap: float = 1.8
    max_header_space: float = 1.6
    min_header_gap: float = 1.3
    row_prior: float = 1.0
    list_weight: float = 8.0
    figure_weight: float = 5.0
    label_weight: float = 5.0
    head_weight: float = 4.0
    region_weight: float = 4.0
    gutter_weight: float = 3.0
    prose_weight: float = 6.0
    continuation_weight: float = 0.45
    across_weight: float = 0.3
    continuation: float = -1.2
    latin_continuation: float = 2.2
    max_continuation: float = 6.0
    max_language: float = 6.0
    max_list_sign: float = 1.5
    max_prose_step: float = 2.0
    level_spread: float = 0.13
    level_columns: float = 0.4
    max_offset: float = 9.0
    max_cell_step: float = 2.0
    min_cell_ratio: float = 1.3
    max_cell_lines: int = 4
    min_wrapped_width: float = 0.6
    max_cell_width: float = 4.0
    min_prose_width: float = 10.0
    min_list_items: int = 3
    min_row_overlap: float = 0.5
    max_line_gap: float = 0.5
    max_any_gap: float = 2.5
    min_size_ratio: float = 0.7
    max_ragged: float = 0.2
    min_indent: float = 0.8
    min_table_rows: int = 3
    min_table_fill: float = 0.6
    min_column_fill: float = 0.3
    max_table_gap: float = 2.5
    max_single_rows: int = 1

    def __post_init__(self) -> None:
        sizes = self.min_facing, self.min_gutter_area, self.max_cell_width, self.level_spread
        widths = self.max_cell_width < self.min_prose_width
        if not widths or self.slices < 1 or min(sizes) <= 0 or not 0 < self.level_columns < 1:
            raise ConfigError(f"options out of range: {self}")


@dataclass(frozen=True, slots=True)
class Box(Generic[T]):
    """The axis-aligned box of a line, or of a region, in the level view.

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
    def is_region(self) -> bool:
        """Whether it holds several lines."""
        return isinstance(self.line, Region)

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
