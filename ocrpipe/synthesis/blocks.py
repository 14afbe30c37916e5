"""Blocks that pages are made of: paragraphs, figures, panels, columns, running heads, page numbers."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import charts, furniture
from ocrpipe.synthesis.canvas import Align, Piece
from ocrpipe.synthesis.tables import table
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def flow(
    page: Typesetter,
    frame: Frame,
    baseline: float,
    *,
    headings: float = 0.1,
    lists: float = 0.05,
    tables: float = 0.05,
    pictures: float = 0.05,
    pairs: float = 0.005,
) -> None:
    """Fill the frame from ``baseline`` down with paragraphs and, by the given shares, other blocks."""
    indent = page.em * page.choice((0.0, 1.0, 2.0, 2.0)) if page.language == "en" else 2.0 * page.em
    space = page.pitch * page.choice((0.0, 0.0, 0.5, 1.0))
    while baseline < frame.bottom:
        dice = page.rng.random()
        if (dice := dice - headings) < 0:
            align: Align = page.choice(("left", "left", "centre"))
            size = page.em * page.between(0.95, 1.9)
            baseline = page.heading(page.phrase(36), frame, baseline + size * 0.4, size=size, align=align)
        elif (dice := dice - lists) < 0:
            baseline = page.items(frame, baseline)
        elif (dice := dice - tables) < 0:
            baseline = _captioned_table(page, frame, baseline)
        elif (dice := dice - pictures) < 0:
            baseline = _illustration(page, frame, baseline)
        elif (dice := dice - pairs) < 0:
            baseline = charts.pair(page, frame, baseline)
        elif page.chance(0.02):
            baseline = keyed(page, frame, baseline)
        elif page.chance(0.04):
            baseline = _formula(page, frame, baseline)
        elif page.chance(0.04):
            baseline = panel(page, frame, baseline)
        elif page.chance(0.04):
            baseline = bar(page, frame, baseline)
        else:
            length = int(page.rng.integers(40, 700) / (2 if page.language == "zh" else 1))
            other = page.language == "zh" and page.chance(0.05)
            text = page.prose(length, "en" if other else page.language)
            style = replace(page.bold, colour=page.ink) if page.chance(0.06) else page.body
            lead = (page.phrase(24), page.bold) if page.chance(0.08) else None
            baseline = page.paragraph(text, frame, baseline, style=style, indent=indent, lead=lead) + space


def keyed(page: Typesetter, frame: Frame, baseline: float) -> float:
    """Short paragraphs, each with a lone mark in a narrow column at its left; returns the next baseline."""
    form = page.choice(("({})", "[{}]", "{}.", "{}", "({})", "[{}]"))
    letters, first = page.chance(0.3), int(page.rng.integers(1, 80))
    # So wide that the mark is a line of its own, be it of two figures in brackets.
    hang = page.em * page.between(1.6, 3.0) * max(1.0, page.canvas.line_gap) + page.body.width("(88)")
    inner = Frame(frame.left + hang, frame.top, frame.right, frame.bottom)
    if inner.width < 6 * page.em:
        return baseline
    for i in range(int(page.rng.integers(2, 8))):
        if baseline > frame.bottom:
            break
        key = form.format("ABCDEFGH"[i] if letters else first + i)
        page.canvas.row([Piece(key, page.body, frame.left)], baseline)
        text = page.prose(int(page.rng.integers(4, 120))) if page.chance(0.6) else page.value()
        baseline = page.paragraph(text, inner, baseline) + page.pitch * page.choice((0.0, 0.0, 0.5))
    return baseline


def bar(page: Typesetter, frame: Frame, baseline: float) -> float:
    """A heading in white on a dark bar; returns the next baseline."""
    size = page.em * page.between(0.95, 1.5)
    style = page.style(size, colour=(255, 255, 255))
    height = size * page.between(1.4, 2.2)
    top = baseline - page.em * 0.6
    if top + height > frame.bottom:
        return frame.bottom + 1
    dark = page.accent if max(page.accent) < 150 and page.accent != page.ink else page.colour(0, 110)
    page.canvas.draw.rectangle((frame.left, top, frame.right, top + height), fill=dark)
    align: Align = page.choice(("left", "centre"))
    x = frame.left + size * 0.5 if align == "left" else (frame.left + frame.right) / 2
    text = style.clean(page.phrase(30))
    if style.width(text) < frame.width - size:
        page.canvas.row([Piece(text, style, x, align)], top + height / 2 + size * 0.36)
    return top + height + page.pitch * 1.2


def panel(page: Typesetter, frame: Frame, baseline: float) -> float:
    """A paragraph in a tinted or framed box; returns the next baseline."""
    pad = page.em * page.between(0.8, 2.0)
    inner = Frame(frame.left + pad, frame.top, frame.right - pad, frame.bottom)
    style = page.style(page.em * page.between(0.85, 1.1))
    text = page.prose(int(page.rng.integers(20, 260)))
    top, pitch = baseline - page.em * 0.6, style.size * page.between(1.2, 1.7)
    bottom = top + 2 * pad + pitch * len(page.broken(text, style, inner.width))
    if bottom > frame.bottom:
        return baseline + page.pitch
    tint = page.colour(200, 250) if page.chance(0.7) else None
    outline = page.ink if tint is None or page.chance(0.3) else None
    page.canvas.draw.rectangle((frame.left, top, frame.right, bottom), fill=tint, outline=outline)
    if tint and page.chance(0.2):
        furniture.screen(page, Frame(frame.left, top, frame.right, bottom), page.ink)
    page.paragraph(text, inner, top + pad + style.size * 0.9, style=style, pitch=pitch)
    return bottom + page.pitch * 1.2


def columns(page: Typesetter, frame: Frame, baseline: float, count: int) -> None:
    """Fill the frame from ``baseline`` down with ``count`` columns."""
    gutter = page.em * page.between(1.1, 3.0)
    width = (frame.width - gutter * (count - 1)) / count
    ruled = page.chance(0.3)
    for i in range(count):
        left = frame.left + i * (width + gutter)
        if ruled and i:
            x = left - gutter / 2
            page.canvas.draw.line((x, baseline - page.em, x, frame.bottom), fill=page.ink)
        area = Frame(left, baseline, left + width, frame.bottom)
        flow(page, area, baseline, headings=0.12, lists=0.05, tables=0.06, pictures=0.06)


def margins(page: Typesetter, low: float, high: float) -> Frame:
    """The type area, with side margins between two shares of the width."""
    width, height = page.canvas.width, page.canvas.height
    left, right = page.between(low, high), page.between(low, high)
    top, bottom = page.between(0.05, 0.12), page.between(0.05, 0.12)
    return Frame(width * left, height * top, width * (1 - right), height * (1 - bottom))


def running_head(page: Typesetter, frame: Frame) -> None:
    """What stands above the type area on every page."""
    baseline = frame.top - page.em * page.between(0.8, 1.6)
    style = page.style(page.em * page.between(0.75, 1.05))
    texts = [page.phrase(30), str(int(page.rng.integers(1, 999))), page.value()[:20]]
    pieces = [
        Piece(page.choice(texts), style, frame.left),
        Piece(page.choice(texts), style, (frame.left + frame.right) / 2, "centre"),
        Piece(page.choice(texts), style, frame.right, "right"),
    ]
    chosen = [piece for piece in pieces if page.chance(0.45)]
    if sum(style.width(style.clean(piece.text)) for piece in chosen) < frame.width * 0.8:
        page.canvas.row(chosen, baseline)
    if page.chance(0.4):
        page.rule(frame.left, frame.right, baseline + style.size * 0.5, page.choice((1, 1, 2, 3)))


def folio(page: Typesetter, frame: Frame) -> None:
    """Page number and footer."""
    if page.chance(0.15):
        return
    baseline = frame.bottom + page.em * page.between(1.8, 3.0)
    style = page.style(page.em * page.between(0.75, 1.1))
    number = str(int(page.rng.integers(1, 999)))
    dashed = (f"- {number} -", f"— {number} —", f"-{number}-")
    text = page.choice((number, number, number, *dashed, f"Page {number}", f"{number}/{number}0", "iv"))
    if page.chance(0.2):
        page.rule(frame.left, frame.right, baseline - style.size * 1.3)
    pieces = [Piece(text, style, *page.choice(_folio_places(frame)))]
    if page.chance(0.2):
        pieces.append(Piece(page.phrase(30), style, frame.left))
        pieces[0] = Piece(text, style, frame.right, "right")
    page.canvas.row(pieces, baseline)


def _folio_places(frame: Frame) -> list[tuple[float, Align]]:
    return [((frame.left + frame.right) / 2, "centre"), (frame.right, "right"), (frame.left, "left")]


def _captioned_table(page: Typesetter, frame: Frame, baseline: float) -> float:
    if page.chance(0.6):
        caption = page.style(page.em * page.between(0.8, 1.0))
        page.canvas.row([Piece(page.phrase(30), caption, (frame.left + frame.right) / 2, "centre")], baseline)
        baseline += page.pitch * 1.2
    return table(page, frame, baseline)


def _illustration(page: Typesetter, frame: Frame, baseline: float) -> float:
    height = min(frame.width * page.between(0.3, 0.9), frame.bottom - baseline)
    if height < 4 * page.em:
        return baseline + page.pitch
    area = Frame(frame.left, baseline - page.em * 0.5, frame.right, baseline + height)
    (charts.chart if page.chance(0.4) else furniture.picture)(page, area)
    baseline = area.bottom + page.pitch * 1.1
    if page.chance(0.7):
        style = page.style(page.em * page.between(0.75, 0.95))
        baseline = page.paragraph(page.prose(20)[:90], frame, baseline, style=style, align="centre")
    return baseline + page.pitch * 0.6


def _formula(page: Typesetter, frame: Frame, baseline: float) -> float:
    rng = page.rng
    a, b, c = (page.choice("abcxyzABCnkm") for _ in range(3))
    text = page.choice(
        (f"{a} = {b} + {c}", f"{a}({b}) = {int(rng.integers(2, 99))}{c}", f"{a} + {b} - {c} < 1")
    )
    pieces = [Piece(text, page.style(page.em, language="en"), (frame.left + frame.right) / 2, "centre")]
    if page.chance(0.5):
        pieces.append(Piece(f"({int(rng.integers(1, 40))})", page.body, frame.right, "right"))
    page.canvas.row(pieces, baseline + page.pitch * 0.5)
    return baseline + page.pitch * 2
