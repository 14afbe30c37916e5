"""Till receipts: narrow strips of shop, items, prices and thanks."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import furniture, marks
from ocrpipe.synthesis.blocks import bar
from ocrpipe.synthesis.canvas import Piece, Style
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def receipt(page: Typesetter) -> None:
    """A till receipt: a narrow strip, items and prices, sometimes on a wider background."""
    canvas = page.canvas
    strip = canvas.width * page.choice((0.98, 0.95, 0.8, 0.5))
    left = (canvas.width - strip) * page.between(0.2, 0.8)
    margin = strip * page.between(0.04, 0.1)
    frame = Frame(
        left + margin, canvas.height * 0.03, left + strip - margin, canvas.height * page.between(0.75, 0.98)
    )
    if strip < canvas.width * 0.96 and page.chance(0.5):
        furniture.ground(page)
        canvas.draw.rectangle((left, 0, left + strip, canvas.height), fill=(255, 255, 255))
    size = strip / page.between(18, 38)
    style = page.style(max(9.0, size), page.choice(("mono", "pixel", "latin", "typewriter", "mono")))
    pitch = style.size * page.between(1.1, 1.6)
    middle, y = (frame.left + frame.right) / 2, frame.top + style.size * 3
    big = replace(page.style(style.size * page.between(1.1, 2.2)), colour=page.ink)
    for line in page.broken(page.phrase(30), big, frame.width)[:2]:
        canvas.row([Piece(line, big, middle, "centre")], y)
        y += big.size * 1.3
    for _ in range(int(page.rng.integers(2, 7))):
        text = page.phrase(30) if page.chance(0.6) else page.value()
        canvas.row([Piece(text, style, middle, "centre")], y)
        y += pitch
    while y < frame.bottom:
        y = page.choice(_BLOCKS)(page, frame, y, style, pitch)
    if page.chance(0.25):
        marks.scribble(page)


def _separator(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    mark = page.choice(("-", "=", "*", "_", ". ", "- "))
    if page.chance(0.25):
        page.rule(frame.left, frame.right, y - style.size * 0.3, page.choice((1, 2)), dashed=page.chance(0.3))
    else:
        count = int(frame.width / max(1.0, style.width(mark)))
        page.canvas.decorate(frame.left, y, mark * count, style)
    return y + pitch


def _pairs(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    tab = frame.left + frame.width * page.between(0.3, 0.55)
    for _ in range(int(page.rng.integers(1, 5))):
        label, value = style.clean(page.phrase(14)), style.clean(page.value()[:18])
        pieces = [Piece(label, style, frame.left)]
        if frame.left + style.width(label) < tab and tab + style.width(value) < frame.right:
            pieces.append(Piece(page.choice((value, f": {value}")), style, tab))
        page.canvas.row(pieces, y)
        y += pitch
    return y


def _goods(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    """Items: name on a line of its own or beside quantity, unit price and amount."""
    tabs = [frame.left + frame.width * share for share in (0.45, 0.7)]
    apart = page.chance(0.5)
    tail = page.choice(("", " SR", " S", " T", " *"))
    aside = bool(tail) and page.chance(0.7)
    amounts = frame.right
    if aside:
        amounts -= style.width(tail.strip()) + style.size * page.between(0.7, 2.5)
    for _ in range(int(page.rng.integers(1, 9))):
        if y > frame.bottom:
            break
        count, price = int(page.rng.integers(1, 12)), float(page.rng.lognormal(2, 1))
        name = style.clean(page.phrase(24).upper() if page.chance(0.6) else page.phrase(24))
        pieces = [Piece(name, style, frame.left)]
        if apart:
            page.canvas.row(pieces, y)
            y += pitch
            code = style.clean(page.value()[:8])
            pieces = [Piece(code, style, frame.left)]
        room = tabs[0] - frame.left - style.width(pieces[0].text)
        if room > style.size * 3:
            pieces.append(Piece(f"{count}", style, tabs[0], "right"))
        if room > -style.size * 2 and page.chance(0.8):
            pieces.append(Piece(f"{price:.2f}", style, tabs[1], "right"))
        if frame.left + style.width(pieces[0].text) < frame.right - style.size * 6:
            amount = f"{count * price:,.2f}"
            pieces.append(Piece(amount if aside else amount + tail, style, amounts, "right"))
            if aside:
                pieces.append(Piece(tail.strip(), style, frame.right, "right"))
        page.canvas.row(pieces, y)
        y += pitch
    return y


def _summary(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    """What was taxed at which rate, in narrow columns."""
    rows = [list(page.choice(_HEADS))]
    for _ in range(int(page.rng.integers(1, 4))):
        net, rate = float(page.rng.lognormal(3, 1)), page.choice((0, 6, 7, 19))
        code = page.choice(("SR", "Z", "ZRL", "A", "S", "ST"))
        figures = [f"{net:.2f}", f"{net * rate / 100:.2f}"]
        rows.append(
            [page.choice((f"{code} ({rate}%)", f"{code} @ {rate}%", f"{code} = {rate}%", code)), *figures]
        )
    widths = [max(style.width(style.clean(row[i])) for row in rows) for i in range(3)]
    edges = [frame.left + widths[0]]
    for width in widths[1:]:
        edges.append(edges[-1] + width + style.size * page.between(0.6, 3))
    for row in rows:
        if edges[-1] > frame.right or y > frame.bottom:
            break
        cells = [Piece(text, style, edge, "right") for text, edge in zip(row[1:], edges[1:], strict=True)]
        page.canvas.row([Piece(row[0], style, frame.left), *cells], y)
        y += pitch
    return y


def _side_by_side(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    """Two or three labels with their values in a row."""
    for _ in range(int(page.rng.integers(1, 4))):
        pieces, x = [], frame.left
        for _ in range(int(page.rng.integers(2, 4))):
            label = page.phrase(10).upper() if page.chance(0.6) else page.phrase(10)
            text = style.clean(f"{label}{page.choice((': ', ' : ', ':', ' '))}{page.value()[:14]}")
            if x + style.width(text) > frame.right:
                break
            pieces.append(Piece(text, style, x))
            x += style.width(text) + style.size * page.between(0.7, 3)
        page.canvas.row(pieces, y)
        y += pitch
    return y


def _total(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    for _ in range(int(page.rng.integers(1, 5))):
        large = replace(style, size=round(style.size * page.choice((1.0, 1.0, 1.5))))
        y += large.size - style.size
        label = large.clean(page.phrase(14))
        amount = f"{float(page.rng.lognormal(3, 1)):,.2f}"
        start = frame.left + page.choice((0.0, 0.0, 0.3)) * frame.width
        if start + large.width(label) + large.width(amount) + large.size < frame.right:
            page.canvas.row([Piece(label, large, start), Piece(amount, large, frame.right, "right")], y)
        y += pitch
    return y


def _wish(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    for _ in range(int(page.rng.integers(1, 4))):
        text = page.phrase(28)
        page.canvas.row(
            [
                Piece(
                    page.choice((text, text.upper(), f"* {text} *")),
                    style,
                    (frame.left + frame.right) / 2,
                    "centre",
                )
            ],
            y,
        )
        y += pitch
    if page.chance(0.15) and y + style.size * 5 < frame.bottom:
        furniture.barcode(
            page,
            Frame(frame.left + frame.width * 0.15, y, frame.right - frame.width * 0.15, y + style.size * 3),
        )
        y += style.size * 5
    return y


def _bar(page: Typesetter, frame: Frame, y: float, style: Style, pitch: float) -> float:
    return bar(page, frame, y) if page.chance(0.3) else y


_HEADS = (
    ("GST Summary", "Amt(RM)", "Tax(RM)"),
    ("GST SUMMARY", "AMOUNT(RM)", "TAX(RM)"),
    ("Tax", "Net", "VAT"),
    ("Code", "Amount", "Tax"),
    ("MwSt", "Netto", "Steuer"),
)
_BLOCKS = (_separator, _pairs, _goods, _goods, _goods, _total, _wish, _bar, _summary, _side_by_side)
