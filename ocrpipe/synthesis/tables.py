"""Tables: ruled, half-ruled and open, of numbers and of words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ocrpipe.synthesis import furniture
from ocrpipe.synthesis.canvas import Align, Piece, Style
from ocrpipe.synthesis.typesetting import Frame, Typesetter

_ASCENT = 0.72
"""Where the baseline lies in a row, as a share of the pitch."""

_LONE = ("123456789", "ABCDE", "YN", "-", "x-", "+-", "0123456789", "—", "IV")
"""What the cells of a column of single characters hold."""


@dataclass
class _Column:
    cells: list[list[str]]
    """The rows' cells, a list of lines each; the first is the head."""
    align: Align
    width: float = 0.0
    widest: float = 0.0
    """Width of the widest line below the head."""


@dataclass(frozen=True)
class _Look:
    """How a table is set.

    Attributes:
        style: Of the cells.
        head: Of the first row.
        ruling: "full" or "columns" (with vertical rules), "rows", "three" (top, head, bottom) or "open".
        pitch: Pixels from line to line.
        shading: "", "fill" (head and every other row) or "screen" (the same, of printed dots).
        sums: Whether some rows have rules above and below their figures.
        blanks: How far below its baseline, in ems, every figure has a rule to stand on, as on forms; 0 for
            no rules.
    """

    style: Style
    head: Style
    ruling: str
    pitch: float
    shading: str
    sums: bool
    blanks: float

    @property
    def closed(self) -> bool:
        """Whether vertical rules part the columns."""
        return self.ruling in {"full", "columns"}


def table(page: Typesetter, frame: Frame, baseline: float) -> float:
    """Set a table whose first row has its baseline near ``baseline``; returns the next baseline below it."""
    look = _look(page)
    rows = min(int(page.rng.integers(2, 28)), int((frame.bottom - baseline) / look.pitch) - 1)
    if rows < 2:
        return baseline
    columns = _fitting(page, _columns(page, look, rows), frame.width, look)
    if not columns:
        return baseline
    left, right = frame.left, frame.left + sum(column.width for column in columns)
    top = bottom = baseline - look.pitch * _ASCENT
    for row in range(rows + 1):
        height = look.pitch * max(len(column.cells[row]) for column in columns)
        if bottom + height > frame.bottom:
            break
        area = Frame(left, bottom, right, bottom + height)
        inverted = _background(page, row, area, look.shading)
        style = look.style if row else look.head
        _row(page, columns, row, area, look, replace(style, colour=(255, 255, 255)) if inverted else style)
        bottom += height
        if look.ruling in {"full", "rows"} or (look.ruling == "three" and row == 0):
            page.rule(left, right, bottom)
    if look.ruling != "open":
        page.rule(left, right, top, page.choice((1, 2)))
        page.rule(left, right, bottom, page.choice((1, 2)))
    if look.closed:
        x = left
        for width in (0.0, *(column.width for column in columns)):
            x += width
            page.canvas.draw.line((x, top, x, bottom), fill=page.ink)
    return bottom + page.pitch * page.between(1.0, 1.6)


def _look(page: Typesetter) -> _Look:
    size = max(8, round(page.em * page.between(0.72, 1.0)))
    style = page.style(size) if page.chance(0.4) else replace(page.body, size=size)
    ruling = page.choice(("full", "full", "rows", "three", "open", "open", "columns"))
    return _Look(
        style=style,
        head=page.style(size) if page.chance(0.5) else style,
        ruling=ruling,
        pitch=size * page.between(1.2, 2.2 if ruling in {"full", "rows"} else 1.7),
        shading=page.choice(("", "", "", "fill", "", "fill", "screen")),
        sums=ruling == "open" and page.chance(0.4),
        blanks=page.between(0.02, 0.2) if ruling == "open" and page.chance(0.35) else 0.0,
    )


def _columns(page: Typesetter, look: _Look, rows: int) -> list[_Column]:
    """A column of labels, then columns of figures or words, each with a head."""
    columns = []
    words = page.chance(0.25)
    for index in range(int(page.rng.integers(2, 9))):
        first = index == 0
        align: Align = "left" if first or words else page.choice(("right", "right", "centre", "left"))
        decimals = int(page.rng.integers(0, 4))
        longest = int(page.rng.integers(8, 40)) if first else int(page.rng.integers(6, 22))
        bracketed = page.chance(0.12)
        empty = 0.0 if first else page.choice((0.0, 0.0, 0.1, 0.4))
        lone = page.choice(_LONE) if not first and page.chance(0.1) else ""
        cells = [[look.head.clean(page.phrase(6 if lone else 16)) if page.chance(0.7) else str(2000 + index)]]
        for _ in range(rows):
            if page.chance(empty):
                text = ""
            elif lone:
                text = page.choice(lone)
            elif first or words:
                text = page.phrase(longest) if page.chance(0.8) else page.value()[:longest]
            else:
                text = page.figure(decimals) if page.chance(0.85) else page.value()[:14]
                text = f"({page.choice(('', '', ' '))}{text})" if bracketed else text
            cells.append([look.style.clean(text)])
        columns.append(_Column(cells, align))
    return columns


def _fitting(page: Typesetter, columns: list[_Column], room: float, look: _Look) -> list[_Column]:
    """As many columns as fit, widened to fill the room or not."""
    style = look.style
    least = page.canvas.line_gap
    low, high = (0.6, 1.6) if look.closed else (1.3 * least, 3.5 * least)
    gap = style.size * page.between(low, high)
    kept: list[_Column] = []
    for column in columns:
        limit = room * 0.45
        if look.closed and page.chance(0.4):
            limit = max(style.size * 5, room * page.between(0.12, 0.3))
        column.cells = [_wrapped(page, lines[0], style, limit) for lines in column.cells]
        head, *rest = (max(map(style.width, lines)) for lines in column.cells)
        column.widest = max(rest)
        width = max(head, column.widest) * 1.08 + gap
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


def _wrapped(page: Typesetter, text: str, style: Style, width: float) -> list[str]:
    lines = page.broken(text, style, width)[:3]
    return [line for line in lines if style.width(line) <= width * 1.05] or [""]


def _row(page: Typesetter, columns: list[_Column], row: int, area: Frame, look: _Look, style: Style) -> None:
    margin, pieces, left = 0.35 * style.size, [], area.left
    summed = look.sums and row > 0 and page.chance(0.15)
    blank = look.blanks > 0 and row > 0
    for column in columns:
        right = left + column.width
        x = {"left": left + margin, "right": right - margin, "centre": (left + right) / 2}[column.align]
        lines = column.cells[row]
        shift = (area.height - look.pitch * len(lines)) / 2 if look.closed else 0.0
        for i, line in enumerate(lines):
            piece, baseline = (
                Piece(line, style, x, column.align),
                area.top + shift + look.pitch * (i + _ASCENT),
            )
            if look.closed or i:
                page.canvas.row([piece], baseline)
            else:
                pieces.append(piece)
        if summed and column.align == "right":
            start = max(left + margin, x - 5 * style.size)
            page.rule(start, x, area.top)
            page.rule(start, x, area.top + look.pitch * 0.97)
        if blank and column is not columns[0]:
            reach = 0.5 * style.size * page.between(0.4, 1.6)  # of the rule, beyond the column's widest cell
            start = {"left": x, "right": x - column.widest, "centre": x - column.widest / 2}[column.align]
            level = area.top + look.pitch * _ASCENT + style.size * look.blanks
            page.rule(max(left, start - reach), min(right, start + column.widest + reach), level)
        left = right
    if pieces:
        page.canvas.row(pieces, area.top + look.pitch * _ASCENT)


def _background(page: Typesetter, row: int, area: Frame, shading: str) -> bool:
    """Shade a row; says whether it has become dark."""
    if not shading or (row and row % 2):
        return False
    if shading == "screen":
        furniture.screen(page, area, page.ink)
        return False
    coloured = row == 0 and page.accent != page.ink
    grey = (236, 236, 236) if row else (215, 215, 215)
    fill = page.accent if coloured else grey
    page.canvas.draw.rectangle((area.left, area.top, area.right, area.bottom), fill=fill)
    return coloured
