"""Tables: ruled, half-ruled and open, of numbers and of words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ocrpipe.synthesis import decorations
from ocrpipe.synthesis.canvas import Align, Piece, Style
from ocrpipe.synthesis.typesetting import Area, Typesetter

_ASCENT = 0.72
"""Distance from the top of a row to its baseline, as a fraction of the pitch."""

_SINGLE_CHARACTERS = ("123456789", "ABCDE", "YN", "-", "x-", "+-", "0123456789", "—", "IV")
"""Characters of a column whose cells have one each."""


@dataclass
class _Column:
    """A table column; widths are pixels.

    Attributes:
        cells: The lines of each cell, the header first.
        align: Alignment of the cells.
        width: Width of the column.
        text_width: Width of the widest line below the header.
    """

    cells: list[list[str]]
    align: Align
    width: float = 0.0
    text_width: float = 0.0


@dataclass(frozen=True)
class _TableStyle:
    """The appearance of a table.

    Attributes:
        cell: Style of the cells.
        header: Style of the header row.
        ruling: "full" or "columns" (with vertical rules), "rows", "three" (top, header, bottom) or "open".
        pitch: Pixels from line to line.
        shading: "", "fill" (header and every other row) or "screen" (the same, with a dot screen).
        sums: Whether some rows have rules above and below their numbers.
        underline: Distance in ems from the baseline down to a rule below each cell, as on forms; 0: no rules.
    """

    cell: Style
    header: Style
    ruling: str
    pitch: float
    shading: str
    sums: bool
    underline: float

    @property
    def has_column_rules(self) -> bool:
        """Whether vertical rules separate the columns."""
        return self.ruling in {"full", "columns"}


def table(page: Typesetter, area: Area, baseline: float) -> float:
    """Set a table with the baseline of its first row near ``baseline``; returns the next baseline."""
    design = _table_style(page)
    rows = min(int(page.rng.integers(2, 28)), int((area.bottom - baseline) / design.pitch) - 1)
    if rows < 2:
        return baseline
    columns = _fit_columns(page, _columns(page, design, rows), area.width, design)
    if not columns:
        return baseline
    left, right = area.left, area.left + sum(column.width for column in columns)
    top = bottom = baseline - design.pitch * _ASCENT
    for row in range(rows + 1):
        height = design.pitch * max(len(column.cells[row]) for column in columns)
        if bottom + height > area.bottom:
            break
        row_area = Area(left, bottom, right, bottom + height)
        inverted = _background(page, row, row_area, design.shading)
        style = design.cell if row else design.header
        _row(
            page,
            columns,
            row,
            row_area,
            design,
            replace(style, colour=(255, 255, 255)) if inverted else style,
        )
        bottom += height
        if design.ruling in {"full", "rows"} or (design.ruling == "three" and row == 0):
            page.rule(left, right, bottom)
    if design.ruling != "open":
        page.rule(left, right, top, page.choice((1, 2)))
        page.rule(left, right, bottom, page.choice((1, 2)))
    if design.has_column_rules:
        x = left
        for width in (0.0, *(column.width for column in columns)):
            x += width
            page.canvas.draw.line((x, top, x, bottom), fill=page.ink)
    return bottom + page.pitch * page.between(1.0, 1.6)


def _table_style(page: Typesetter) -> _TableStyle:
    size = max(8, round(page.em * page.between(0.72, 1.0)))
    style = page.style(size) if page.chance(0.4) else replace(page.body, size=size)
    ruling = page.choice(("full", "full", "rows", "three", "open", "open", "columns"))
    return _TableStyle(
        cell=style,
        header=page.style(size) if page.chance(0.5) else style,
        ruling=ruling,
        pitch=size * page.between(1.2, 2.2 if ruling in {"full", "rows"} else 1.7),
        shading=page.choice(("", "", "", "fill", "", "fill", "screen")),
        sums=ruling == "open" and page.chance(0.4),
        underline=page.between(0.02, 0.2) if ruling == "open" and page.chance(0.35) else 0.0,
    )


def _columns(page: Typesetter, design: _TableStyle, rows: int) -> list[_Column]:
    """A column of labels, then columns of numbers or words, each with a header."""
    columns = []
    words = page.chance(0.25)
    for index in range(int(page.rng.integers(2, 9))):
        first = index == 0
        align: Align = "left" if first or words else page.choice(("right", "right", "centre", "left"))
        decimals = int(page.rng.integers(0, 4))
        max_length = int(page.rng.integers(8, 40)) if first else int(page.rng.integers(6, 22))
        in_brackets = page.chance(0.12)
        empty_fraction = 0.0 if first else page.choice((0.0, 0.0, 0.1, 0.4))
        single = page.choice(_SINGLE_CHARACTERS) if not first and page.chance(0.1) else ""
        cells = [
            [design.header.clean(page.phrase(6 if single else 16)) if page.chance(0.7) else str(2000 + index)]
        ]
        for _ in range(rows):
            if page.chance(empty_fraction):
                text = ""
            elif single:
                text = page.choice(single)
            elif first or words:
                text = page.phrase(max_length) if page.chance(0.8) else page.value()[:max_length]
            else:
                text = page.number(decimals) if page.chance(0.85) else page.value()[:14]
                text = f"({page.choice(('', '', ' '))}{text})" if in_brackets else text
            cells.append([design.cell.clean(text)])
        columns.append(_Column(cells, align))
    return columns


def _fit_columns(page: Typesetter, columns: list[_Column], room: float, design: _TableStyle) -> list[_Column]:
    """The first columns that fit, with their widths; often widened to fill the room."""
    style = design.cell
    min_gap = page.canvas.line_gap  # else columns would merge to one line
    low, high = (0.6, 1.6) if design.has_column_rules else (1.3 * min_gap, 3.5 * min_gap)
    gap = style.size * page.between(low, high)
    kept: list[_Column] = []
    for column in columns:
        limit = room * 0.45
        if design.has_column_rules and page.chance(0.4):
            limit = max(style.size * 5, room * page.between(0.12, 0.3))
        column.cells = [_wrap_cell(page, lines[0], style, limit) for lines in column.cells]
        header, *rest = (max(map(style.width, lines)) for lines in column.cells)
        column.text_width = max(rest)
        width = max(header, column.text_width) * 1.08 + gap
        if width > room:
            break
        column.width = width
        room -= width
        kept.append(column)
    if len(kept) < 2:
        return []
    if page.chance(0.75):
        for column in kept:
            column.width += room / len(kept)
    return kept


def _wrap_cell(page: Typesetter, text: str, style: Style, width: float) -> list[str]:
    lines = page.wrap(text, style, width)[:3]
    return [line for line in lines if style.width(line) <= width * 1.05] or [""]


def _row(
    page: Typesetter, columns: list[_Column], row: int, area: Area, design: _TableStyle, style: Style
) -> None:
    """Set one row; columns without rules between them may merge to one line."""
    margin, pieces, left = 0.35 * style.size, [], area.left
    is_sum = design.sums and row > 0 and page.chance(0.15)
    underlined = design.underline > 0 and row > 0
    for column in columns:
        right = left + column.width
        x = {"left": left + margin, "right": right - margin, "centre": (left + right) / 2}[column.align]
        lines = column.cells[row]
        shift = (area.height - design.pitch * len(lines)) / 2 if design.has_column_rules else 0.0
        for i, line in enumerate(lines):
            piece, baseline = (
                Piece(line, style, x, column.align),
                area.top + shift + design.pitch * (i + _ASCENT),
            )
            if design.has_column_rules or i:
                page.canvas.row([piece], baseline)
            else:
                pieces.append(piece)
        if is_sum and column.align == "right":
            start = max(left + margin, x - 5 * style.size)
            page.rule(start, x, area.top)
            page.rule(start, x, area.top + design.pitch * 0.97)
        if underlined and column is not columns[0]:
            overhang = 0.5 * style.size * page.between(0.4, 1.6)  # of the rule, beyond the widest cell
            start = {"left": x, "right": x - column.text_width, "centre": x - column.text_width / 2}[
                column.align
            ]
            y = area.top + design.pitch * _ASCENT + style.size * design.underline
            page.rule(max(left, start - overhang), min(right, start + column.text_width + overhang), y)
        left = right
    if pieces:
        page.canvas.row(pieces, area.top + design.pitch * _ASCENT)


def _background(page: Typesetter, row: int, area: Area, shading: str) -> bool:
    """Shade a row; returns whether the shading is dark."""
    if not shading or (row and row % 2):
        return False
    if shading == "screen":
        decorations.dot_screen(page, area, page.ink)
        return False
    coloured = row == 0 and page.accent != page.ink
    grey = (236, 236, 236) if row else (215, 215, 215)
    fill = page.accent if coloured else grey
    page.canvas.draw.rectangle((area.left, area.top, area.right, area.bottom), fill=fill)
    return coloured
