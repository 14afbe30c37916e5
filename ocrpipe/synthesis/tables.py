"""Tables: ruled, half-ruled and open, of numbers and of words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ocrpipe.synthesis.canvas import LINE_GAP, Align, Piece, Style
from ocrpipe.synthesis.typesetting import Frame, Typesetter


@dataclass
class _Column:
    cells: list[list[str]]
    """The rows' cells, a list of lines each."""
    align: Align
    width: float = 0.0


def table(page: Typesetter, frame: Frame, baseline: float) -> float:
    """Set a table whose first row has its baseline near ``baseline``; returns the next baseline below it."""
    style = replace(page.body, size=max(8, round(page.em * page.between(0.72, 1.0))))
    if page.chance(0.4):
        style = page.style(style.size)
    head = page.style(style.size) if page.chance(0.5) else style
    ruling = page.choice(("full", "full", "rows", "three", "open", "open", "columns"))
    pitch = style.size * page.between(1.2, 2.2 if ruling in {"full", "rows"} else 1.7)
    rows = min(int(page.rng.integers(2, 28)), int((frame.bottom - baseline) / pitch) - 1)
    if rows < 2:
        return baseline
    columns = _fitting(page, _columns(page, style, head, rows), frame.width, style, ruling)
    if not columns:
        return baseline
    left, right = frame.left, frame.left + sum(column.width for column in columns)
    heights = [pitch * max(len(column.cells[row]) for column in columns) for row in range(rows + 1)]
    top = baseline - pitch * 0.72
    bottom = top
    shaded = page.chance(0.25)
    for row, height in enumerate(heights):
        if bottom + height > frame.bottom:
            break
        _background(page, row, Frame(left, bottom, right, bottom + height), shaded)
        inverted = row == 0 and shaded and page.accent != page.ink
        _row(
            page,
            columns,
            row,
            left,
            bottom,
            pitch,
            height,
            _coloured(head if row == 0 else style, inverted),
            ruling,
        )
        bottom += height
        if ruling in {"full", "rows"} or (ruling == "three" and row == 0):
            page.rule(left, right, bottom)
    if ruling in {"full", "rows", "three", "columns"}:
        page.rule(left, right, top, page.choice((1, 2)))
        page.rule(left, right, bottom, page.choice((1, 2)))
    if ruling in {"full", "columns"}:
        x = left
        for width in (0.0, *(column.width for column in columns)):
            x += width
            page.canvas.draw.line((x, top, x, bottom), fill=page.ink)
    return bottom + page.pitch * page.between(1.0, 1.6)


def _columns(page: Typesetter, style: Style, head: Style, rows: int) -> list[_Column]:
    """A column of labels, then columns of figures or words, each with a head."""
    columns = []
    words = page.chance(0.25)
    for index in range(int(page.rng.integers(2, 9))):
        first = index == 0
        align: Align = "left" if first or words else page.choice(("right", "right", "centre", "left"))
        decimals = int(page.rng.integers(0, 4))
        longest = int(page.rng.integers(8, 40)) if first else int(page.rng.integers(6, 22))
        empty = 0.0 if first else page.choice((0.0, 0.0, 0.1, 0.4))
        cells = [[head.clean(page.phrase(16)) if page.chance(0.7) else str(2000 + index)]]
        for _ in range(rows):
            if page.chance(empty):
                cells.append([""])
            elif first or words:
                cells.append(
                    [style.clean(page.phrase(longest) if page.chance(0.8) else page.value()[:longest])]
                )
            else:
                cells.append([style.clean(page.figure(decimals) if page.chance(0.85) else page.value()[:14])])
        columns.append(_Column(cells, align))
    return columns


def _fitting(
    page: Typesetter, columns: list[_Column], room: float, style: Style, ruling: str
) -> list[_Column]:
    """As many columns as fit, widened to fill the room or not."""
    closed = ruling in {"full", "columns"}
    gap = style.size * (page.between(0.6, 1.6) if closed else page.between(LINE_GAP * 1.3, LINE_GAP * 2.5))
    kept: list[_Column] = []
    for column in columns:
        limit = room * 0.45
        if closed and page.chance(0.4):
            limit = max(style.size * 5, room * page.between(0.12, 0.3))
        column.cells = [_wrapped(page, lines[0], style, limit) for lines in column.cells]
        width = max(style.width(line) for lines in column.cells for line in lines) * 1.08 + gap
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
    lines = page.broken(text, style, width) or [""]
    return [line for line in lines[:3] if style.width(line) <= width * 1.05] or [""]


def _row(
    page: Typesetter,
    columns: list[_Column],
    row: int,
    left: float,
    top: float,
    pitch: float,
    height: float,
    style: Style,
    ruling: str,
) -> None:
    closed, pieces = ruling in {"full", "columns"}, []
    margin = style.size * 0.35
    for column in columns:
        anchor = {
            "left": left + margin,
            "right": left + column.width - margin,
            "centre": left + column.width / 2,
        }
        lines = column.cells[row]
        shift = (height - pitch * len(lines)) / 2 if closed else 0.0
        for i, line in enumerate(lines):
            piece, baseline = (
                Piece(line, style, anchor[column.align], column.align),
                top + shift + pitch * (i + 0.72),
            )
            if closed or i:
                page.canvas.row([piece], baseline)
            else:
                pieces.append(piece)
        left += column.width
    if pieces:
        page.canvas.row(pieces, top + pitch * 0.72)


def _background(page: Typesetter, row: int, area: Frame, shaded: bool) -> None:
    if not shaded:
        return
    if row == 0:
        fill = page.accent if page.accent != page.ink else (215, 215, 215)
    elif row % 2 == 0:
        fill = (236, 236, 236)
    else:
        return
    page.canvas.draw.rectangle((area.left, area.top, area.right, area.bottom), fill=fill)


def _coloured(style: Style, inverted: bool) -> Style:
    return replace(style, colour=(255, 255, 255)) if inverted else style
