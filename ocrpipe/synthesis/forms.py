"""Business papers: forms with filled-in values, invoices, pages of tables."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import furniture, letterheads
from ocrpipe.synthesis.blocks import bar, keyed
from ocrpipe.synthesis.canvas import Align, Piece, Style
from ocrpipe.synthesis.tables import table
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def form(page: Typesetter) -> None:
    """Labels, boxes, underscores and check boxes, filled in with other fonts."""
    width, height = page.canvas.width, page.canvas.height
    frame = Frame(width * 0.08, height * 0.06, width * 0.92, height * 0.94)
    hand = page.style(
        page.em * page.between(1.0, 1.3), page.choice(("typewriter", "handwriting", "latin", "mono"))
    )
    if page.chance(0.3):
        hand = replace(hand, colour=(20, 30, 110))
    baseline = letterheads.letterhead(page, frame) if page.chance(0.25) else frame.top + page.em * 2
    for _ in range(int(page.rng.integers(1, 3))):
        baseline = page.heading(
            page.phrase(40),
            frame,
            baseline,
            size=page.em * page.between(1.0, 1.8),
            align=page.choice(("left", "centre")),
        )
    section = (_blanks, _blanks, _boxes, _boxes, _checks, _checklist, _keyed, _memo, _table, _prose, _bar)
    while baseline < frame.bottom - 3 * page.pitch:
        baseline = page.choice(section)(page, frame, baseline, hand) + page.pitch * page.between(0.2, 1.4)
    if page.chance(0.15):
        letterheads.footer(page, frame)
    if page.chance(0.5):
        letterheads.serial(page, frame)
    if page.chance(0.2):
        letterheads.note(page)


def _label(page: Typesetter, longest: int = 24) -> str:
    text = page.phrase(longest)
    return (
        text + page.choice((":", ":", ":", "", " :", "?"))
        if page.language == "en"
        else text + page.choice(("：", ":", ""))
    )


def _fill(page: Typesetter) -> str:
    return page.value()[:28] if page.chance(0.5) else page.phrase(26)


def _blanks(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    """Rows of label and underlined blank."""
    across = page.choice((1, 1, 2, 3))
    pitch = page.pitch * page.between(1.0, 1.7)
    lined = page.chance(0.7)
    cell = frame.width / across
    for _ in range(int(page.rng.integers(2, 9))):
        if baseline > frame.bottom:
            break
        pieces, stop = [], frame.left
        for i in range(across):
            label = page.body.clean(_label(page))
            left = max(frame.left + i * cell, stop)
            start = left + page.body.width(label) + page.em * page.between(0.3, 1.0)
            right = frame.left + (i + 1) * cell - page.em
            pieces.append(Piece(label, page.body, left))
            if lined and right - start > 2 * page.em:
                page.rule(start, right, baseline + page.em * 0.15, dashed=page.chance(0.1))
            value = hand.clean(_fill(page))
            stop = right + page.em
            if page.chance(0.65) and start + hand.width(value) < right:
                pieces.append(
                    Piece(value, hand, start + page.em * page.choice((0.0, page.between(0.0, 3.0))))
                )
        page.canvas.row(_apart(pieces), baseline)
        baseline += pitch
    return baseline


def _apart(pieces: list[Piece]) -> list[Piece]:
    """The pieces without those that would run into the one before."""
    kept: list[Piece] = []
    end = 0.0
    for piece in pieces:
        if piece.x >= end:
            kept.append(piece)
            end = piece.x + piece.style.width(piece.style.clean(piece.text))
    return kept


def _boxes(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    """A grid of boxes with a small label in the corner and a value below it."""
    top = baseline - page.em
    small = page.style(max(8, page.em * page.between(0.6, 0.9)))
    for _ in range(int(page.rng.integers(1, 5))):
        height = page.em * page.between(2.4, 4.2)
        if top + height > frame.bottom:
            break
        cuts = sorted(page.rng.uniform(0.15, 0.85, int(page.rng.integers(0, 4))).tolist())
        edges = [frame.left, *(frame.left + frame.width * cut for cut in cuts), frame.right]
        for left, right in zip(edges, edges[1:], strict=False):
            page.canvas.draw.rectangle((left, top, right, top + height), outline=page.ink)
            label, value = small.clean(_label(page)), hand.clean(_fill(page))
            if small.width(label) < right - left - small.size:
                page.canvas.row([Piece(label, small, left + small.size * 0.4)], top + small.size * 1.15)
            if page.chance(0.7) and hand.width(value) < right - left - page.em:
                page.canvas.row([Piece(value, hand, left + page.em * 0.5)], top + height - page.em * 0.5)
        top += height
    return top + page.em * 1.5


def _checks(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    """Check boxes, ticked or not, each with its label."""
    across = page.choice((1, 2, 3, 4))
    cell = frame.width / across
    brackets = page.choice(("[]", "()", "<>")) if page.chance(0.25) else ""
    for _ in range(int(page.rng.integers(1, 6))):
        if baseline > frame.bottom:
            break
        for i in range(across):
            if brackets:  # typed, as part of the line
                box = brackets[0] + page.choice((" ", "  ", "x", "X", " X ")) + brackets[1]
                label = page.body.clean(f"{box} {_label(page, 18)}")
                if page.body.width(label) < cell - 2 * page.em:
                    page.canvas.row([Piece(label, page.body, frame.left + i * cell)], baseline)
                continue
            x, side = frame.left + i * cell, page.em * page.between(0.7, 0.9)
            page.canvas.draw.rectangle((x, baseline - side, x + side, baseline), outline=page.ink)
            if page.chance(0.4):
                mark = (
                    x + side * 0.2,
                    baseline - side * 0.5,
                    x + side * 0.5,
                    baseline - 1,
                    x + side * 1.2,
                    baseline - side * 1.2,
                )
                page.canvas.draw.line(mark, fill=hand.colour, width=max(1, page.em // 10))
            label = page.body.clean(_label(page, 18))
            if page.body.width(label) < cell - 4 * page.em:
                page.canvas.row([Piece(label, page.body, x + side + page.em * 0.5)], baseline)
        baseline += page.pitch
    return baseline


def _memo(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    """Lines of label, tab, value, as at the head of a memo or a fax."""
    tab = frame.left + page.em * page.between(5, 9)
    for _ in range(int(page.rng.integers(2, 7))):
        label = page.body.clean(_label(page, 12))
        pieces = [
            Piece(label, page.body, frame.left),
            Piece(_fill(page), hand if page.chance(0.5) else page.body, tab),
        ]
        if baseline < frame.bottom and frame.left + page.body.width(label) < tab - page.em * 0.3:
            page.canvas.row(pieces, baseline)
        baseline += page.pitch
    return baseline


def _table(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    return table(
        page,
        Frame(frame.left, frame.top, frame.right, min(frame.bottom, baseline + frame.height * 0.3)),
        baseline,
    )


def _checklist(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    """Questions with a lone figure, letter or dash to each in narrow columns at the right or the left."""
    marks = page.choice(("12345", "YN", "X-", "0123456789", "ABCD", "-", "x", "✓X"))
    style = hand if page.chance(0.5) else page.body
    cell = page.em * page.between(2.2, 4.5) * max(1.0, page.canvas.line_gap)
    across, at_left = int(page.rng.integers(1, 5)), page.chance(0.3)
    places = [
        frame.left + cell * (i + 0.3) if at_left else frame.right - cell * (i + 0.5) for i in range(across)
    ]
    start = frame.left + cell * across * at_left
    room, filled = frame.width - cell * (across + 0.7), page.between(0.3, 1.0)
    if room < 5 * page.em:
        return baseline
    for _ in range(int(page.rng.integers(3, 10))):
        if baseline > frame.bottom:
            break
        texts = [style.clean(page.choice(marks)) for _ in places]
        pieces = [
            Piece(text, style, x, "centre")
            for x, text in zip(places, texts, strict=True)
            if page.chance(filled)
        ]
        question = page.body.fitted(page.phrase(60), room)
        page.canvas.row([Piece(question, page.body, start), *pieces], baseline)
        baseline += page.pitch
    return baseline


def _keyed(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    return keyed(page, frame, baseline)


def _bar(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    return bar(page, frame, baseline)


def _prose(page: Typesetter, frame: Frame, baseline: float, hand: Style) -> float:
    style = hand if page.chance(0.3) else page.body
    return page.paragraph(page.prose(int(page.rng.integers(30, 300))), frame, baseline, style=style)


def tables(page: Typesetter) -> None:
    """A page of one or more tables with a title."""
    width, height = page.canvas.width, page.canvas.height
    frame = Frame(
        width * page.between(0.03, 0.1), height * 0.05, width * page.between(0.9, 0.97), height * 0.95
    )
    baseline = frame.top + page.em * 1.5
    while baseline < frame.bottom - 4 * page.pitch:
        if page.chance(0.6):
            baseline = page.heading(page.phrase(40), frame, baseline, size=page.em * page.between(0.9, 1.6))
        baseline = table(page, frame, baseline + page.em) + page.pitch
        if page.chance(0.4):
            baseline = page.paragraph(page.prose(60), frame, baseline) + page.pitch


def invoice(page: Typesetter) -> None:
    """Sender, addressee, a table of items, totals, bank details."""
    width, height = page.canvas.width, page.canvas.height
    frame = Frame(width * 0.07, height * 0.05, width * 0.93, height * 0.94)
    if page.chance(0.5):
        furniture.logo(page, Frame(frame.left, frame.top, frame.left + 4 * page.em, frame.top + 4 * page.em))
    align: Align = page.choice(("right", "centre"))
    x = frame.right if align == "right" else (frame.left + frame.right) / 2
    big = page.style(page.em * page.between(1.6, 3.0))
    page.canvas.row([Piece(page.phrase(18), big, x, align)], frame.top + big.size * 1.2)
    baseline = frame.top + big.size * 1.2 + page.pitch * 2
    middle = frame.left + frame.width * page.between(0.5, 0.6)
    for _ in range(int(page.rng.integers(3, 8))):
        value = page.body.clean(page.value())
        left = page.body.clean(page.phrase(26))
        pieces = [Piece(left, page.body, frame.left), Piece(value, page.body, middle)]
        page.canvas.row(
            [
                p
                for p in pieces
                if p.x + p.style.width(p.text) < (middle - page.em if p.x < middle else frame.right)
            ],
            baseline,
        )
        baseline += page.pitch
    baseline = table(
        page, Frame(frame.left, frame.top, frame.right, baseline + frame.height * 0.45), baseline + page.pitch
    )
    for _ in range(int(page.rng.integers(1, 5))):
        page.canvas.row(
            [
                Piece(page.phrase(12), page.body, frame.right - 8 * page.em, "right"),
                Piece(page.figure(2), page.body, frame.right, "right"),
            ],
            baseline,
        )
        baseline += page.pitch
    if baseline < frame.bottom:
        page.paragraph(page.prose(80), frame, baseline + page.pitch, style=page.style(page.em * 0.8))
