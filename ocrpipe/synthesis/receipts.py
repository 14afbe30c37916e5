"""Layout of till receipts: shop, items with prices, totals, closing lines."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import decorations, marks
from ocrpipe.synthesis.blocks import heading_bar
from ocrpipe.synthesis.canvas import Piece, Style
from ocrpipe.synthesis.typesetting import Area, Typesetter


def receipt(page: Typesetter) -> None:
    """A till receipt: a narrow strip of paper, sometimes on a wider background."""
    canvas = page.canvas
    strip = canvas.width * page.choice((0.98, 0.95, 0.8, 0.5))
    left = (canvas.width - strip) * page.between(0.2, 0.8)
    margin = strip * page.between(0.04, 0.1)
    area = Area(
        left + margin, canvas.height * 0.03, left + strip - margin, canvas.height * page.between(0.75, 0.98)
    )
    if strip < canvas.width * 0.96 and page.chance(0.5):
        decorations.background(page)
        canvas.draw.rectangle((left, 0, left + strip, canvas.height), fill=(255, 255, 255))
    size = strip / page.between(18, 38)
    style = page.style(max(9.0, size), page.choice(("mono", "pixel", "latin", "typewriter", "mono")))
    pitch = style.size * page.between(1.1, 1.6)
    middle, y = (area.left + area.right) / 2, area.top + style.size * 3
    large = replace(page.style(style.size * page.between(1.1, 2.2)), colour=page.ink)
    for line in page.wrap(page.phrase(30), large, area.width)[:2]:
        canvas.row([Piece(line, large, middle, "centre")], y)
        y += large.size * 1.3
    for _ in range(int(page.rng.integers(2, 7))):
        text = page.phrase(30) if page.chance(0.6) else page.value()
        canvas.row([Piece(text, style, middle, "centre")], y)
        y += pitch
    while y < area.bottom:
        y = page.choice(_BLOCKS)(page, area, y, style, pitch)
    if page.chance(0.25):
        marks.pen_stroke(page)


def _separator(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    character = page.choice(("-", "=", "*", "_", ". ", "- "))
    if page.chance(0.25):
        page.rule(area.left, area.right, y - style.size * 0.3, page.choice((1, 2)), dashed=page.chance(0.3))
    else:
        count = int(area.width / max(1.0, style.width(character)))
        page.canvas.decorate(area.left, y, character * count, style)
    return y + pitch


def _labels_and_values(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    tab = area.left + area.width * page.between(0.3, 0.55)
    for _ in range(int(page.rng.integers(1, 5))):
        label, value = style.clean(page.phrase(14)), style.clean(page.value()[:18])
        pieces = [Piece(label, style, area.left)]
        if area.left + style.width(label) < tab and tab + style.width(value) < area.right:
            pieces.append(Piece(page.choice((value, f": {value}")), style, tab))
        page.canvas.row(pieces, y)
        y += pitch
    return y


def _items(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    """Items with quantity, unit price and amount; the name in the same row or in one above."""
    tabs = [area.left + area.width * fraction for fraction in (0.45, 0.7)]
    name_above = page.chance(0.5)
    suffix = page.choice(("", " SR", " S", " T", " *"))
    suffix_column = bool(suffix) and page.chance(0.7)
    amounts = area.right
    if suffix_column:
        amounts -= style.width(suffix.strip()) + style.size * page.between(0.7, 2.5)
    for _ in range(int(page.rng.integers(1, 9))):
        if y > area.bottom:
            break
        count, price = int(page.rng.integers(1, 12)), float(page.rng.lognormal(2, 1))
        name = style.clean(page.phrase(24).upper() if page.chance(0.6) else page.phrase(24))
        pieces = [Piece(name, style, area.left)]
        if name_above:
            page.canvas.row(pieces, y)
            y += pitch
            code = style.clean(page.value()[:8])
            pieces = [Piece(code, style, area.left)]
        room = tabs[0] - area.left - style.width(pieces[0].text)
        if room > style.size * 3:
            pieces.append(Piece(f"{count}", style, tabs[0], "right"))
        if room > -style.size * 2 and page.chance(0.8):
            pieces.append(Piece(f"{price:.2f}", style, tabs[1], "right"))
        if area.left + style.width(pieces[0].text) < area.right - style.size * 6:
            amount = f"{count * price:,.2f}"
            pieces.append(Piece(amount if suffix_column else amount + suffix, style, amounts, "right"))
            if suffix_column:
                pieces.append(Piece(suffix.strip(), style, area.right, "right"))
        page.canvas.row(pieces, y)
        y += pitch
    return y


def _tax_summary(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    """Net amounts and taxes by rate, in narrow columns."""
    rows = [list(page.choice(_TAX_HEADERS))]
    for _ in range(int(page.rng.integers(1, 4))):
        net, rate = float(page.rng.lognormal(3, 1)), page.choice((0, 6, 7, 19))
        code = page.choice(("SR", "Z", "ZRL", "A", "S", "ST"))
        amounts = [f"{net:.2f}", f"{net * rate / 100:.2f}"]
        rows.append(
            [page.choice((f"{code} ({rate}%)", f"{code} @ {rate}%", f"{code} = {rate}%", code)), *amounts]
        )
    widths = [max(style.width(style.clean(row[i])) for row in rows) for i in range(3)]
    edges = [area.left + widths[0]]
    for width in widths[1:]:
        edges.append(edges[-1] + width + style.size * page.between(0.6, 3))
    for row in rows:
        if edges[-1] > area.right or y > area.bottom:
            break
        cells = [Piece(text, style, edge, "right") for text, edge in zip(row[1:], edges[1:], strict=True)]
        page.canvas.row([Piece(row[0], style, area.left), *cells], y)
        y += pitch
    return y


def _label_value_row(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    """Rows of two or three labels with their values."""
    for _ in range(int(page.rng.integers(1, 4))):
        pieces, x = [], area.left
        for _ in range(int(page.rng.integers(2, 4))):
            label = page.phrase(10).upper() if page.chance(0.6) else page.phrase(10)
            text = style.clean(f"{label}{page.choice((': ', ' : ', ':', ' '))}{page.value()[:14]}")
            if x + style.width(text) > area.right:
                break
            pieces.append(Piece(text, style, x))
            x += style.width(text) + style.size * page.between(0.7, 3)
        page.canvas.row(pieces, y)
        y += pitch
    return y


def _totals(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    for _ in range(int(page.rng.integers(1, 5))):
        large = replace(style, size=round(style.size * page.choice((1.0, 1.0, 1.5))))
        y += large.size - style.size
        label = large.clean(page.phrase(14))
        amount = f"{float(page.rng.lognormal(3, 1)):,.2f}"
        start = area.left + page.choice((0.0, 0.0, 0.3)) * area.width
        if start + large.width(label) + large.width(amount) + large.size < area.right:
            page.canvas.row([Piece(label, large, start), Piece(amount, large, area.right, "right")], y)
        y += pitch
    return y


def _closing_lines(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    for _ in range(int(page.rng.integers(1, 4))):
        text = page.phrase(28)
        page.canvas.row(
            [
                Piece(
                    page.choice((text, text.upper(), f"* {text} *")),
                    style,
                    (area.left + area.right) / 2,
                    "centre",
                )
            ],
            y,
        )
        y += pitch
    if page.chance(0.15) and y + style.size * 5 < area.bottom:
        decorations.barcode(
            page,
            Area(area.left + area.width * 0.15, y, area.right - area.width * 0.15, y + style.size * 3),
        )
        y += style.size * 5
    return y


def _heading_bar(page: Typesetter, area: Area, y: float, style: Style, pitch: float) -> float:
    return heading_bar(page, area, y) if page.chance(0.3) else y


_TAX_HEADERS = (
    ("GST Summary", "Amt(RM)", "Tax(RM)"),
    ("GST SUMMARY", "AMOUNT(RM)", "TAX(RM)"),
    ("Tax", "Net", "VAT"),
    ("Code", "Amount", "Tax"),
    ("MwSt", "Netto", "Steuer"),
)
_BLOCKS = (
    _separator,
    _labels_and_values,
    _items,
    _items,
    _items,
    _totals,
    _closing_lines,
    _heading_bar,
    _tax_summary,
    _label_value_row,
)
