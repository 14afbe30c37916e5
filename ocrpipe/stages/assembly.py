"""Recognised crops to lines whose words and characters have quads on the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from ocrpipe.geometry import apply, quad_size, span_quad
from ocrpipe.page import Cell, Char, Direction, Line, Paragraph, Quad, Table, Word
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.stages.frame import PageFrame
from ocrpipe.stages.grid import Grid, GridCell
from ocrpipe.stages.reading import Reading

# Hanzi, kana, bopomofo, CJK and full-width punctuation; not Hangul, which is written with spaces.
_CJK = re.compile(
    "[\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\uffe0-\uffee\U00020000-\U0003ffff]"
)
# Punctuation that Chinese and Latin text share; beside a CJK character it is Chinese.
_SHARED = re.compile("[“”‘’—…·]")


def assemble(frame: PageFrame, reading: Reading) -> Line:
    """A line of the page, in the caller's pixels, from what was read in the level view."""
    line = reading.line
    cut = frame.page_quad(line.crop or line.quad)
    return build_line(
        reading.recognition,
        frame.page_quad(line.quad),
        reading.crop_width,
        line.score,
        cut=cut,
        margin=reading.pad * quad_size(cut)[1],
        direction="vertical" if reading.vertical else "horizontal",
    )


def assemble_paragraph(frame: PageFrame, readings: Sequence[Reading], quad: Quad) -> Paragraph:
    """A paragraph of the page, in the caller's pixels; its quad may reach over the page's border."""
    placed = quad if frame.is_level else apply(frame.to_page, quad)
    return Paragraph(tuple(assemble(frame, reading) for reading in readings), placed)


def assemble_tables(
    frame: PageFrame, grids: Sequence[Grid[Reading]], lines: Mapping[int, tuple[int, Line]]
) -> tuple[Table, ...]:
    """Tables of the page, in the caller's pixels, in the order of their first lines.

    Args:
        frame: Where the level view lies.
        grids: In the level view.
        lines: By the ``id`` of each reading, its line's number on the page and the line.
    """

    def place(quad: Quad) -> Quad:
        return quad if frame.is_level else apply(frame.to_page, quad)

    def cell_of(cell: GridCell[Reading]) -> Cell:
        content = tuple(lines[id(reading)][1] for reading in cell.lines)
        spans = cell.row_span, cell.column_span
        return Cell(cell.row, cell.column, place(cell.quad), content, *spans, cell.is_header)

    def first(grid: Grid[Reading]) -> int:
        return min(lines[id(reading)][0] for cell in grid.cells for reading in cell.lines)

    return tuple(
        Table(grid.rows, grid.columns, tuple(map(cell_of, grid.cells)), place(grid.quad))
        for grid in sorted(grids, key=first)
    )


def build_line(
    recognition: Recognition,
    quad: Quad,
    crop_width: float,
    score: float,
    *,
    cut: Quad | None = None,
    margin: float = 0.0,
    direction: Direction = "horizontal",
) -> Line:
    """Split a reading into words and place every character on the page.

    Words end at spaces. Leading, trailing and repeated spaces are dropped, and so is a space between two CJK
    characters, where none is ever written; characters are kept as they were read.

    Args:
        recognition: Characters with spans in pixels of the crop.
        quad: The line on the page.
        crop_width: Width in pixels of the crop that was read.
        score: The detector's confidence that there is a line.
        cut: Where the crop was cut from the page, if not along ``quad``; words are placed within it.
        margin: Pixels at both ends of the crop that lie outside ``cut``.
        direction: Of the line; the quads of a vertical one run down it.

    Returns:
        The line; with no word in it, empty text and confidence 0.0 where nothing was read.
    """
    length = max(crop_width - 2 * margin, 1e-6)

    def place(start: float, end: float) -> Quad:
        first, last = (min(max((x - margin) / length, 0.0), 1.0) for x in (start, end))
        return span_quad(cut or quad, first, last)

    words = tuple(_word(spans, place) for spans in _split(recognition.chars))
    text = " ".join(word.text for word in words)
    return Line(text, quad, recognition.confidence, words, score, direction)


def _split(spans: Sequence[CharSpan]) -> Iterator[list[CharSpan]]:
    """Runs of characters without a space that counts between them."""
    word: list[CharSpan] = []
    spaced = False
    for span in spans:
        if not span.text.strip():
            spaced |= bool(span.text)
            continue
        if word and spaced and not _unspaced(word[-1].text[-1], span.text[0]):
            yield word
            word = []
        word.append(span)
        spaced = False
    if word:
        yield word


def _unspaced(left: str, right: str) -> bool:
    """Whether no space is ever written between two characters."""
    cjk = [bool(_CJK.match(char)) for char in (left, right)]
    return any(cjk) and all(
        is_cjk or _SHARED.match(char) for is_cjk, char in zip(cjk, (left, right), strict=True)
    )


def _word(spans: Sequence[CharSpan], place: Callable[[float, float], Quad]) -> Word:
    chars = tuple(Char(span.text, place(span.start, span.end), span.confidence) for span in spans)
    quad = place(min(span.start for span in spans), max(span.end for span in spans))
    confidence = sum(char.confidence for char in chars) / len(chars)
    return Word("".join(char.text for char in chars), quad, confidence, chars)
