"""Blocks of a page: paragraphs, figures, boxes, columns, running heads, page numbers."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import charts, decorations
from ocrpipe.synthesis.canvas import Align, Piece
from ocrpipe.synthesis.tables import table
from ocrpipe.synthesis.typesetting import Area, Typesetter


def flow(
    page: Typesetter,
    area: Area,
    baseline: float,
    *,
    headings: float = 0.1,
    lists: float = 0.05,
    tables: float = 0.05,
    pictures: float = 0.05,
    chart_pairs: float = 0.005,
) -> None:
    """Fill the area from ``baseline`` down with paragraphs and, by the given probabilities, other blocks."""
    indent = page.em * page.choice((0.0, 1.0, 2.0, 2.0)) if page.language == "en" else 2.0 * page.em
    space = page.pitch * page.choice((0.0, 0.0, 0.5, 1.0))
    while baseline < area.bottom:
        dice = page.rng.random()
        if (dice := dice - headings) < 0:
            align: Align = page.choice(("left", "left", "centre"))
            size = page.em * page.between(0.95, 1.9)
            baseline = page.heading(page.phrase(36), area, baseline + size * 0.4, size=size, align=align)
        elif (dice := dice - lists) < 0:
            baseline = page.list_items(area, baseline)
        elif (dice := dice - tables) < 0:
            baseline = _captioned_table(page, area, baseline)
        elif (dice := dice - pictures) < 0:
            baseline = _figure(page, area, baseline)
        elif (dice := dice - chart_pairs) < 0:
            baseline = charts.chart_pair(page, area, baseline)
        elif page.chance(0.02):
            baseline = labelled_paragraphs(page, area, baseline)
        elif page.chance(0.04):
            baseline = _formula(page, area, baseline)
        elif page.chance(0.04):
            baseline = boxed_paragraph(page, area, baseline)
        elif page.chance(0.04):
            baseline = heading_bar(page, area, baseline)
        else:
            length = int(page.rng.integers(40, 700) / (2 if page.language == "zh" else 1))
            english = page.language == "zh" and page.chance(0.05)
            text = page.prose(length, "en" if english else page.language)
            style = replace(page.bold, colour=page.ink) if page.chance(0.06) else page.body
            lead = (page.phrase(24), page.bold) if page.chance(0.08) else None
            baseline = page.paragraph(text, area, baseline, style=style, indent=indent, lead=lead) + space


def labelled_paragraphs(page: Typesetter, area: Area, baseline: float) -> float:
    """Short paragraphs, each with a number or a letter in a column at its left; returns the next baseline."""
    form = page.choice(("({})", "[{}]", "{}.", "{}", "({})", "[{}]"))
    letters, first = page.chance(0.3), int(page.rng.integers(1, 80))
    # Wide enough for the label to be a separate line, even with two digits in brackets.
    label_width = page.em * page.between(1.6, 3.0) * max(1.0, page.canvas.line_gap) + page.body.width("(88)")
    inner = Area(area.left + label_width, area.top, area.right, area.bottom)
    if inner.width < 6 * page.em:
        return baseline
    for i in range(int(page.rng.integers(2, 8))):
        if baseline > area.bottom:
            break
        label = form.format("ABCDEFGH"[i] if letters else first + i)
        page.canvas.row([Piece(label, page.body, area.left)], baseline)
        text = page.prose(int(page.rng.integers(4, 120))) if page.chance(0.6) else page.value()
        baseline = page.paragraph(text, inner, baseline) + page.pitch * page.choice((0.0, 0.0, 0.5))
    return baseline


def heading_bar(page: Typesetter, area: Area, baseline: float) -> float:
    """A heading in white on a dark bar; returns the next baseline."""
    size = page.em * page.between(0.95, 1.5)
    style = page.style(size, colour=(255, 255, 255))
    height = size * page.between(1.4, 2.2)
    top = baseline - page.em * 0.6
    if top + height > area.bottom:
        return area.bottom + 1
    dark = page.accent if max(page.accent) < 150 and page.accent != page.ink else page.colour(0, 110)
    page.canvas.draw.rectangle((area.left, top, area.right, top + height), fill=dark)
    align: Align = page.choice(("left", "centre"))
    x = area.left + size * 0.5 if align == "left" else (area.left + area.right) / 2
    text = style.clean(page.phrase(30))
    if style.width(text) < area.width - size:
        page.canvas.row([Piece(text, style, x, align)], top + height / 2 + size * 0.36)
    return top + height + page.pitch * 1.2


def boxed_paragraph(page: Typesetter, area: Area, baseline: float) -> float:
    """A paragraph in a shaded or outlined box; returns the next baseline."""
    padding = page.em * page.between(0.8, 2.0)
    inner = Area(area.left + padding, area.top, area.right - padding, area.bottom)
    style = page.style(page.em * page.between(0.85, 1.1))
    text = page.prose(int(page.rng.integers(20, 260)))
    top, pitch = baseline - page.em * 0.6, style.size * page.between(1.2, 1.7)
    bottom = top + 2 * padding + pitch * len(page.wrap(text, style, inner.width))
    if bottom > area.bottom:
        return baseline + page.pitch
    tint = page.colour(200, 250) if page.chance(0.7) else None
    outline = page.ink if tint is None or page.chance(0.3) else None
    page.canvas.draw.rectangle((area.left, top, area.right, bottom), fill=tint, outline=outline)
    if tint and page.chance(0.2):
        decorations.dot_screen(page, Area(area.left, top, area.right, bottom), page.ink)
    page.paragraph(text, inner, top + padding + style.size * 0.9, style=style, pitch=pitch)
    return bottom + page.pitch * 1.2


def columns(page: Typesetter, area: Area, baseline: float, count: int) -> None:
    """Fill the area from ``baseline`` down with ``count`` columns."""
    gutter = page.em * page.between(1.1, 3.0)
    width = (area.width - gutter * (count - 1)) / count
    ruled = page.chance(0.3)
    for i in range(count):
        left = area.left + i * (width + gutter)
        if ruled and i:
            x = left - gutter / 2
            page.canvas.draw.line((x, baseline - page.em, x, area.bottom), fill=page.ink)
        column = Area(left, baseline, left + width, area.bottom)
        flow(page, column, baseline, headings=0.12, lists=0.05, tables=0.06, pictures=0.06)


def type_area(page: Typesetter, low: float, high: float) -> Area:
    """The type area, with side margins of ``low`` to ``high`` times the page's width."""
    width, height = page.canvas.width, page.canvas.height
    left, right = page.between(low, high), page.between(low, high)
    top, bottom = page.between(0.05, 0.12), page.between(0.05, 0.12)
    return Area(width * left, height * top, width * (1 - right), height * (1 - bottom))


def running_head(page: Typesetter, area: Area) -> None:
    """Set a running head above the type area."""
    baseline = area.top - page.em * page.between(0.8, 1.6)
    style = page.style(page.em * page.between(0.75, 1.05))
    texts = [page.phrase(30), str(int(page.rng.integers(1, 999))), page.value()[:20]]
    pieces = [
        Piece(page.choice(texts), style, area.left),
        Piece(page.choice(texts), style, (area.left + area.right) / 2, "centre"),
        Piece(page.choice(texts), style, area.right, "right"),
    ]
    chosen = [piece for piece in pieces if page.chance(0.45)]
    if sum(style.width(style.clean(piece.text)) for piece in chosen) < area.width * 0.8:
        page.canvas.row(chosen, baseline)
    if page.chance(0.4):
        page.rule(area.left, area.right, baseline + style.size * 0.5, page.choice((1, 1, 2, 3)))


def page_number(page: Typesetter, area: Area) -> None:
    """Set a page number below the type area, sometimes with a footer."""
    if page.chance(0.15):
        return
    baseline = area.bottom + page.em * page.between(1.8, 3.0)
    style = page.style(page.em * page.between(0.75, 1.1))
    number = str(int(page.rng.integers(1, 999)))
    dashed = (f"- {number} -", f"— {number} —", f"-{number}-")
    text = page.choice((number, number, number, *dashed, f"Page {number}", f"{number}/{number}0", "iv"))
    if page.chance(0.2):
        page.rule(area.left, area.right, baseline - style.size * 1.3)
    pieces = [Piece(text, style, *page.choice(_page_number_positions(area)))]
    if page.chance(0.2):
        pieces.append(Piece(page.phrase(30), style, area.left))
        pieces[0] = Piece(text, style, area.right, "right")
    page.canvas.row(pieces, baseline)


def _page_number_positions(area: Area) -> list[tuple[float, Align]]:
    return [((area.left + area.right) / 2, "centre"), (area.right, "right"), (area.left, "left")]


def _captioned_table(page: Typesetter, area: Area, baseline: float) -> float:
    if page.chance(0.6):
        caption = page.style(page.em * page.between(0.8, 1.0))
        page.canvas.row([Piece(page.phrase(30), caption, (area.left + area.right) / 2, "centre")], baseline)
        baseline += page.pitch * 1.2
    return table(page, area, baseline)


def _figure(page: Typesetter, area: Area, baseline: float) -> float:
    height = min(area.width * page.between(0.3, 0.9), area.bottom - baseline)
    if height < 4 * page.em:
        return baseline + page.pitch
    figure_area = Area(area.left, baseline - page.em * 0.5, area.right, baseline + height)
    (charts.chart if page.chance(0.4) else decorations.picture)(page, figure_area)
    baseline = figure_area.bottom + page.pitch * 1.1
    if page.chance(0.7):
        style = page.style(page.em * page.between(0.75, 0.95))
        baseline = page.paragraph(page.prose(20)[:90], area, baseline, style=style, align="centre")
    return baseline + page.pitch * 0.6


def _formula(page: Typesetter, area: Area, baseline: float) -> float:
    rng = page.rng
    a, b, c = (page.choice("abcxyzABCnkm") for _ in range(3))
    text = page.choice(
        (f"{a} = {b} + {c}", f"{a}({b}) = {int(rng.integers(2, 99))}{c}", f"{a} + {b} - {c} < 1")
    )
    pieces = [Piece(text, page.style(page.em, language="en"), (area.left + area.right) / 2, "centre")]
    if page.chance(0.5):
        pieces.append(Piece(f"({int(rng.integers(1, 40))})", page.body, area.right, "right"))
    page.canvas.row(pieces, baseline + page.pitch * 0.5)
    return baseline + page.pitch * 2
