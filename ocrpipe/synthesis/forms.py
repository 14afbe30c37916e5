"""Layouts of business documents: forms with values filled in, invoices, pages of tables."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import decorations, letterheads
from ocrpipe.synthesis.blocks import heading_bar, labelled_paragraphs
from ocrpipe.synthesis.canvas import Align, Piece, Style
from ocrpipe.synthesis.tables import table
from ocrpipe.synthesis.typesetting import Area, Typesetter


def form(page: Typesetter) -> None:
    """A form of labels, blanks, boxes and check boxes, filled in with another font."""
    width, height = page.canvas.width, page.canvas.height
    area = Area(width * 0.08, height * 0.06, width * 0.92, height * 0.94)
    fill_style = page.style(
        page.em * page.between(1.0, 1.3), page.choice(("typewriter", "handwriting", "latin", "mono"))
    )
    if page.chance(0.3):
        fill_style = replace(fill_style, colour=(20, 30, 110))
    baseline = letterheads.letterhead(page, area) if page.chance(0.25) else area.top + page.em * 2
    for _ in range(int(page.rng.integers(1, 3))):
        baseline = page.heading(
            page.phrase(40),
            area,
            baseline,
            size=page.em * page.between(1.0, 1.8),
            align=page.choice(("left", "centre")),
        )
    section = (
        _blanks,
        _blanks,
        _boxes,
        _boxes,
        _checks,
        _checklist,
        _labelled_paragraphs,
        _memo,
        _table,
        _prose,
        _heading_bar,
    )
    while baseline < area.bottom - 3 * page.pitch:
        baseline = page.choice(section)(page, area, baseline, fill_style) + page.pitch * page.between(
            0.2, 1.4
        )
    if page.chance(0.15):
        letterheads.footer(page, area)
    if page.chance(0.5):
        letterheads.serial_number(page, area)
    if page.chance(0.2):
        letterheads.handwritten_note(page)


def _label(page: Typesetter, max_length: int = 24) -> str:
    text = page.phrase(max_length)
    return (
        text + page.choice((":", ":", ":", "", " :", "?"))
        if page.language == "en"
        else text + page.choice(("：", ":", ""))
    )


def _fill(page: Typesetter) -> str:
    return page.value()[:28] if page.chance(0.5) else page.phrase(26)


def _blanks(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    """Rows of labels with blanks, underlined or not."""
    columns = page.choice((1, 1, 2, 3))
    pitch = page.pitch * page.between(1.0, 1.7)
    underlined = page.chance(0.7)
    cell = area.width / columns
    for _ in range(int(page.rng.integers(2, 9))):
        if baseline > area.bottom:
            break
        pieces, end = [], area.left
        for i in range(columns):
            label = page.body.clean(_label(page))
            left = max(area.left + i * cell, end)
            start = left + page.body.width(label) + page.em * page.between(0.3, 1.0)
            right = area.left + (i + 1) * cell - page.em
            pieces.append(Piece(label, page.body, left))
            if underlined and right - start > 2 * page.em:
                page.rule(start, right, baseline + page.em * 0.15, dashed=page.chance(0.1))
            value = fill_style.clean(_fill(page))
            end = right + page.em
            if page.chance(0.65) and start + fill_style.width(value) < right:
                pieces.append(
                    Piece(value, fill_style, start + page.em * page.choice((0.0, page.between(0.0, 3.0))))
                )
        page.canvas.row(_without_overlaps(pieces), baseline)
        baseline += pitch
    return baseline


def _without_overlaps(pieces: list[Piece]) -> list[Piece]:
    """The pieces without those that overlap the one before."""
    kept: list[Piece] = []
    end = 0.0
    for piece in pieces:
        if piece.x >= end:
            kept.append(piece)
            end = piece.x + piece.style.width(piece.style.clean(piece.text))
    return kept


def _boxes(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    """A grid of boxes, each with a small label in a corner and a value below it."""
    top = baseline - page.em
    small = page.style(max(8, page.em * page.between(0.6, 0.9)))
    for _ in range(int(page.rng.integers(1, 5))):
        height = page.em * page.between(2.4, 4.2)
        if top + height > area.bottom:
            break
        cuts = sorted(page.rng.uniform(0.15, 0.85, int(page.rng.integers(0, 4))).tolist())
        edges = [area.left, *(area.left + area.width * cut for cut in cuts), area.right]
        for left, right in zip(edges, edges[1:], strict=False):
            page.canvas.draw.rectangle((left, top, right, top + height), outline=page.ink)
            label, value = small.clean(_label(page)), fill_style.clean(_fill(page))
            if small.width(label) < right - left - small.size:
                page.canvas.row([Piece(label, small, left + small.size * 0.4)], top + small.size * 1.15)
            if page.chance(0.7) and fill_style.width(value) < right - left - page.em:
                page.canvas.row(
                    [Piece(value, fill_style, left + page.em * 0.5)], top + height - page.em * 0.5
                )
        top += height
    return top + page.em * 1.5


def _checks(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    """Check boxes with labels, some ticked."""
    columns = page.choice((1, 2, 3, 4))
    cell = area.width / columns
    brackets = page.choice(("[]", "()", "<>")) if page.chance(0.25) else ""
    for _ in range(int(page.rng.integers(1, 6))):
        if baseline > area.bottom:
            break
        for i in range(columns):
            if brackets:  # typed, part of the text line
                box = brackets[0] + page.choice((" ", "  ", "x", "X", " X ")) + brackets[1]
                label = page.body.clean(f"{box} {_label(page, 18)}")
                if page.body.width(label) < cell - 2 * page.em:
                    page.canvas.row([Piece(label, page.body, area.left + i * cell)], baseline)
                continue
            x, side = area.left + i * cell, page.em * page.between(0.7, 0.9)
            page.canvas.draw.rectangle((x, baseline - side, x + side, baseline), outline=page.ink)
            if page.chance(0.4):
                tick = (
                    x + side * 0.2,
                    baseline - side * 0.5,
                    x + side * 0.5,
                    baseline - 1,
                    x + side * 1.2,
                    baseline - side * 1.2,
                )
                page.canvas.draw.line(tick, fill=fill_style.colour, width=max(1, page.em // 10))
            label = page.body.clean(_label(page, 18))
            if page.body.width(label) < cell - 4 * page.em:
                page.canvas.row([Piece(label, page.body, x + side + page.em * 0.5)], baseline)
        baseline += page.pitch
    return baseline


def _memo(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    """Lines of a label and a value at a tab stop, as at the top of a memo or a fax."""
    tab = area.left + page.em * page.between(5, 9)
    for _ in range(int(page.rng.integers(2, 7))):
        label = page.body.clean(_label(page, 12))
        pieces = [
            Piece(label, page.body, area.left),
            Piece(_fill(page), fill_style if page.chance(0.5) else page.body, tab),
        ]
        if baseline < area.bottom and area.left + page.body.width(label) < tab - page.em * 0.3:
            page.canvas.row(pieces, baseline)
        baseline += page.pitch
    return baseline


def _table(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    return table(
        page,
        Area(area.left, area.top, area.right, min(area.bottom, baseline + area.height * 0.3)),
        baseline,
    )


def _checklist(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    """Questions, each with single characters in narrow columns at the right or the left."""
    answers = page.choice(("12345", "YN", "X-", "0123456789", "ABCD", "-", "x", "✓X"))
    style = fill_style if page.chance(0.5) else page.body
    cell = page.em * page.between(2.2, 4.5) * max(1.0, page.canvas.line_gap)
    columns, at_left = int(page.rng.integers(1, 5)), page.chance(0.3)
    centres = [
        area.left + cell * (i + 0.3) if at_left else area.right - cell * (i + 0.5) for i in range(columns)
    ]
    start = area.left + cell * columns * at_left
    room, filled = area.width - cell * (columns + 0.7), page.between(0.3, 1.0)
    if room < 5 * page.em:
        return baseline
    for _ in range(int(page.rng.integers(3, 10))):
        if baseline > area.bottom:
            break
        texts = [style.clean(page.choice(answers)) for _ in centres]
        pieces = [
            Piece(text, style, x, "centre")
            for x, text in zip(centres, texts, strict=True)
            if page.chance(filled)
        ]
        question = page.body.truncated(page.phrase(60), room)
        page.canvas.row([Piece(question, page.body, start), *pieces], baseline)
        baseline += page.pitch
    return baseline


def _labelled_paragraphs(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    return labelled_paragraphs(page, area, baseline)


def _heading_bar(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    return heading_bar(page, area, baseline)


def _prose(page: Typesetter, area: Area, baseline: float, fill_style: Style) -> float:
    style = fill_style if page.chance(0.3) else page.body
    return page.paragraph(page.prose(int(page.rng.integers(30, 300))), area, baseline, style=style)


def tables(page: Typesetter) -> None:
    """A page of one or more tables with headings."""
    width, height = page.canvas.width, page.canvas.height
    area = Area(
        width * page.between(0.03, 0.1), height * 0.05, width * page.between(0.9, 0.97), height * 0.95
    )
    baseline = area.top + page.em * 1.5
    while baseline < area.bottom - 4 * page.pitch:
        if page.chance(0.6):
            baseline = page.heading(page.phrase(40), area, baseline, size=page.em * page.between(0.9, 1.6))
        baseline = table(page, area, baseline + page.em) + page.pitch
        if page.chance(0.4):
            baseline = page.paragraph(page.prose(60), area, baseline) + page.pitch


def invoice(page: Typesetter) -> None:
    """An invoice: sender, addressee, a table of items, totals, bank details."""
    width, height = page.canvas.width, page.canvas.height
    area = Area(width * 0.07, height * 0.05, width * 0.93, height * 0.94)
    if page.chance(0.5):
        decorations.logo(page, Area(area.left, area.top, area.left + 4 * page.em, area.top + 4 * page.em))
    align: Align = page.choice(("right", "centre"))
    x = area.right if align == "right" else (area.left + area.right) / 2
    big = page.style(page.em * page.between(1.6, 3.0))
    page.canvas.row([Piece(page.phrase(18), big, x, align)], area.top + big.size * 1.2)
    baseline = area.top + big.size * 1.2 + page.pitch * 2
    middle = area.left + area.width * page.between(0.5, 0.6)
    for _ in range(int(page.rng.integers(3, 8))):
        value = page.body.clean(page.value())
        left = page.body.clean(page.phrase(26))
        pieces = [Piece(left, page.body, area.left), Piece(value, page.body, middle)]
        page.canvas.row(
            [
                piece
                for piece in pieces
                if piece.x + piece.style.width(piece.text)
                < (middle - page.em if piece.x < middle else area.right)
            ],
            baseline,
        )
        baseline += page.pitch
    baseline = table(
        page, Area(area.left, area.top, area.right, baseline + area.height * 0.45), baseline + page.pitch
    )
    for _ in range(int(page.rng.integers(1, 5))):
        page.canvas.row(
            [
                Piece(page.phrase(12), page.body, area.right - 8 * page.em, "right"),
                Piece(page.number(2), page.body, area.right, "right"),
            ],
            baseline,
        )
        baseline += page.pitch
    if baseline < area.bottom:
        page.paragraph(page.prose(80), area, baseline + page.pitch, style=page.style(page.em * 0.8))
