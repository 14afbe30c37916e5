"""Pages of running text: books, papers, newspapers, reports, letters, contents, titles, slides, pictures."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import furniture
from ocrpipe.synthesis.canvas import Align, Piece
from ocrpipe.synthesis.tables import table
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def book(page: Typesetter) -> None:
    """One column of paragraphs with a running head and a page number."""
    frame = _margins(page, 0.06, 0.16)
    baseline = frame.top + page.em
    if page.chance(0.3):
        heads = page.texts.running(page.rng, page.language, 12), page.phrase(30)
        for i, text in enumerate(heads):
            baseline += page.pitch * (2 - i)
            baseline = page.heading(
                text, frame, baseline, size=page.em * page.between(1.0, 2.0), align="centre"
            )
    else:
        _running_head(page, frame)
    flow(page, frame, baseline, headings=0.04, lists=0.02, tables=0.02, pictures=0.03)
    _folio(page, frame)


def paper(page: Typesetter) -> None:
    """A journal or report page of one to three columns, with everything that comes with it."""
    frame = _margins(page, 0.05, 0.11)
    _running_head(page, frame)
    baseline = frame.top + page.em
    if page.chance(0.3):
        title = page.phrase(70)
        size = page.em * page.between(1.4, 2.6)
        align: Align = page.choice(("centre", "centre", "left"))
        baseline = page.heading(title, frame, baseline + size, size=size, align=align)
        for _ in range(int(page.rng.integers(0, 4))):
            baseline = page.paragraph(page.phrase(60), frame, baseline, align=align, justified=False)
        baseline += page.pitch
    _columns(
        page, Frame(frame.left, frame.top, frame.right, frame.bottom), baseline, page.choice((1, 2, 2, 2, 3))
    )
    _folio(page, frame)


def newspaper(page: Typesetter) -> None:
    """Many narrow columns under headlines of mixed sizes, with pictures and rules."""
    frame = _margins(page, 0.03, 0.06)
    size = page.em * page.between(3, 6)
    baseline = page.heading(
        page.phrase(24), frame, frame.top + size, size=size, align=page.choice(("left", "centre"))
    )
    page.rule(frame.left, frame.right, baseline - page.pitch * 1.1, page.choice((1, 2, 4)))
    baseline += page.em
    if page.chance(0.6):
        bottom = baseline + frame.height * page.between(0.15, 0.35)
        furniture.picture(
            page, Frame(frame.left + frame.width * page.choice((0.0, 0.34)), baseline, frame.right, bottom)
        )
        baseline = page.paragraph(
            page.prose(60), frame, bottom + page.pitch * 1.2, style=page.style(page.em * 0.9)
        )
        baseline += page.pitch
    _columns(page, frame, baseline, int(page.rng.integers(3, 6)))
    _folio(page, frame)


def report(page: Typesetter) -> None:
    """A company's report: a coloured head bar, headings, tables, charts, small print."""
    frame = _margins(page, 0.06, 0.12)
    width, bar = page.canvas.width, page.em * page.between(1.8, 4)
    if page.chance(0.4):
        dark = page.colour(0, 120)
        page.canvas.draw.rectangle((0, 0, width, bar), fill=dark)
        style = page.style(bar * 0.4, colour=(255, 255, 255))
        page.canvas.row(
            [
                Piece(page.phrase(20), style, frame.left),
                Piece(page.value(), replace(style, size=page.em), frame.right, "right"),
            ],
            bar * 0.66,
        )
    else:
        if page.chance(0.6):
            furniture.logo(
                page,
                Frame(frame.left, frame.top - 3 * page.em, frame.left + 2 * page.em, frame.top - page.em),
            )
        _running_head(page, frame)
    top = max(frame.top, bar + page.pitch) + page.em
    if page.chance(0.3):
        side = frame.left + frame.width * page.between(0.25, 0.32)
        small = page.style(page.em * 0.8)
        baseline = top
        while baseline < frame.bottom - page.pitch and page.chance(0.93):
            area = Frame(frame.left, frame.top, side, frame.bottom)
            baseline = page.paragraph(page.phrase(50), area, baseline, style=small, pitch=small.size * 1.4)
            baseline += small.size * page.choice((0.0, 0.5, 1.5))
        frame = Frame(side + 2.5 * page.em, frame.top, frame.right, frame.bottom)
    flow(page, frame, top, headings=0.3, lists=0.12, tables=0.16, pictures=0.12)
    _folio(page, frame)


def letter(page: Typesetter) -> None:
    """A letter: sender, date, address, salutation, a few paragraphs, signature."""
    frame = _margins(page, 0.08, 0.15)
    style, x = page.body, page.choice((frame.left, frame.left, (frame.left + frame.right) / 2))
    baseline = frame.top + page.em * 2
    if page.chance(0.5):
        baseline = page.heading(
            page.phrase(28), frame, baseline, size=page.em * page.between(1.3, 2.2), align="centre"
        )
    for _ in range(int(page.rng.integers(2, 6))):
        page.canvas.row([Piece(page.phrase(36) if page.chance(0.6) else page.value(), style, x)], baseline)
        baseline += page.pitch
    baseline += page.pitch * page.between(0.5, 2)
    for _ in range(int(page.rng.integers(1, 5))):
        baseline = page.paragraph(page.prose(int(page.rng.integers(60, 500))), frame, baseline)
        baseline += page.pitch * page.choice((0.5, 1.0))
    if baseline + 5 * page.pitch < frame.bottom:
        page.canvas.row([Piece(page.phrase(18), style, x)], baseline)
        furniture.signature(
            page, Frame(x, baseline + page.pitch * 0.4, x + page.em * 9, baseline + page.pitch * 2.4)
        )
        page.canvas.row([Piece(page.phrase(22), style, x)], baseline + 3.5 * page.pitch)
    _folio(page, frame)


def contents(page: Typesetter) -> None:
    """A table of contents with leader dots, or an index."""
    frame = _margins(page, 0.08, 0.15)
    baseline = page.heading(
        page.phrase(14), frame, frame.top + page.em * 2, size=page.em * 1.6, align="centre"
    )
    dots, number = page.choice((".", ".", ". ", "…", "·", " ")), 1
    while baseline < frame.bottom:
        level = int(page.rng.integers(0, 3))
        style = page.bold if level == 0 and page.chance(0.5) else page.body
        left, number = frame.left + level * 1.5 * page.em, number + int(page.rng.integers(0, 9))
        title, folio = style.clean(page.phrase(50)), style.clean(str(number))
        room = frame.right - left - style.width(title) - style.width(folio)
        if room > 3 * page.em:
            dot = style.clean(dots)
            if dot.strip():
                leader = dot * int((room - page.em) / style.width(dot))
                page.canvas.text(left, baseline, f"{title} {leader}{folio}", style)
            else:
                page.canvas.row(
                    [Piece(title, style, left), Piece(folio, style, frame.right, "right")], baseline
                )
        baseline += page.pitch
    _folio(page, frame)


def title(page: Typesetter) -> None:
    """A title page or a cover: few lines, large, often on a colour or a picture."""
    width, height = page.canvas.width, page.canvas.height
    colour = page.ink
    if page.chance(0.3):
        dark = page.chance(0.6)
        page.canvas.draw.rectangle(
            (0, 0, width, height), fill=page.colour(0, 110) if dark else page.colour(170, 250)
        )
        colour = (255, 255, 255) if dark else page.ink
    frame = _margins(page, 0.08, 0.15)
    align: Align = page.choice(("centre", "centre", "left", "right"))
    x = {"left": frame.left, "centre": width / 2, "right": frame.right}[align]
    baseline = frame.top + height * page.between(0.02, 0.2)
    if page.chance(0.3):
        bottom = baseline + height * page.between(0.15, 0.4)
        furniture.picture(page, Frame(frame.left, baseline, frame.right, bottom))
        baseline = bottom + page.em
    while baseline < frame.bottom:
        size = min(150.0, page.em * page.choice((0.8, 1.0, 1.0, 1.5, 2.0, 3.0, 4.5)))
        style = page.style(size, page.choice((None, "display")), colour)
        style = replace(style, tracking=page.choice((0.0, 0.0, 0.0, 0.1, 0.4)))
        for line in page.broken(page.phrase(50), style, frame.width)[:4]:
            baseline += style.size * 1.3
            if baseline < frame.bottom:
                page.canvas.text(x, baseline, line, style, align)
        baseline += page.em * page.choice((0.5, 1.0, 3.0, 8.0))


def slide(page: Typesetter) -> None:
    """A slide: a large heading and bullets, a chart or a table."""
    frame = _margins(page, 0.05, 0.1)
    if page.chance(0.3):
        page.canvas.draw.rectangle((0, 0, page.canvas.width, page.canvas.height), fill=page.colour(200, 255))
    baseline = page.heading(
        page.phrase(36), frame, frame.top + page.em * 2, size=page.em * page.between(1.5, 2.2)
    )
    right = frame
    if page.chance(0.4):
        middle = (frame.left + frame.right) / 2
        area = Frame(middle + page.em, baseline, frame.right, frame.bottom)
        (furniture.chart if page.chance(0.6) else furniture.picture)(page, area)
        right = Frame(frame.left, frame.top, middle, frame.bottom)
    flow(page, right, baseline + page.em, headings=0.1, lists=0.6, tables=0.2, pictures=0.0)
    _folio(page, frame)


def plate(page: Typesetter) -> None:
    """A page with hardly any text: a picture, a drawing, a chart, a barcode, or nothing."""
    frame = _margins(page, 0.03, 0.2)
    kind = page.choice(("picture", "picture", "chart", "codes", "scrawl", "blank"))
    bottom = frame.top + frame.height * page.between(0.4, 0.9)
    if kind == "picture":
        furniture.picture(page, Frame(frame.left, frame.top, frame.right, bottom))
    elif kind == "chart":
        furniture.chart(page, Frame(frame.left, frame.top, frame.right, bottom))
    elif kind == "codes":
        for _ in range(int(page.rng.integers(1, 5))):
            x, y = (
                frame.left + page.between(0, 0.6) * frame.width,
                frame.top + page.between(0, 0.8) * frame.height,
            )
            furniture.barcode(
                page, Frame(x, y, x + page.em * page.between(6, 14), y + page.em * page.between(2, 6))
            )
    elif kind == "scrawl":
        for _ in range(int(page.rng.integers(2, 12))):
            x, y = (
                frame.left + page.between(0, 0.7) * frame.width,
                frame.top + page.between(0, 0.9) * frame.height,
            )
            furniture.signature(page, Frame(x, y, x + page.em * 8, y + page.em * 3))
    if kind in {"picture", "chart"} and page.chance(0.6):
        page.paragraph(
            page.prose(30), frame, bottom + page.pitch * 1.5, align=page.choice(("left", "centre"))
        )
    if page.chance(0.4):
        _folio(page, frame)


def flow(
    page: Typesetter,
    frame: Frame,
    baseline: float,
    *,
    headings: float = 0.1,
    lists: float = 0.05,
    tables: float = 0.05,
    pictures: float = 0.05,
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
        elif page.chance(0.04):
            baseline = _formula(page, frame, baseline)
        else:
            length = int(page.rng.integers(40, 700) / (2 if page.language == "zh" else 1))
            other = page.language == "zh" and page.chance(0.05)
            text = page.prose(length, "en" if other else page.language)
            style = replace(page.bold, colour=page.ink) if page.chance(0.06) else page.body
            baseline = page.paragraph(text, frame, baseline, style=style, indent=indent) + space


def _columns(page: Typesetter, frame: Frame, baseline: float, count: int) -> None:
    gutter = page.em * page.between(1.9, 3.2)
    width = (frame.width - gutter * (count - 1)) / count
    ruled = page.chance(0.3)
    for i in range(count):
        left = frame.left + i * (width + gutter)
        if ruled and i:
            x = left - gutter / 2
            page.canvas.draw.line((x, baseline - page.em, x, frame.bottom), fill=page.ink)
        area = Frame(left, baseline, left + width, frame.bottom)
        flow(page, area, baseline, headings=0.12, lists=0.05, tables=0.06, pictures=0.06)


def _margins(page: Typesetter, low: float, high: float) -> Frame:
    width, height = page.canvas.width, page.canvas.height
    left, right = page.between(low, high), page.between(low, high)
    top, bottom = page.between(0.05, 0.12), page.between(0.05, 0.12)
    return Frame(width * left, height * top, width * (1 - right), height * (1 - bottom))


def _running_head(page: Typesetter, frame: Frame) -> None:
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


def _folio(page: Typesetter, frame: Frame) -> None:
    """Page number and footer."""
    if page.chance(0.15):
        return
    baseline = frame.bottom + page.em * page.between(1.8, 3.0)
    style = page.style(page.em * page.between(0.75, 1.1))
    number = str(int(page.rng.integers(1, 999)))
    text = page.choice(
        (
            number,
            number,
            number,
            f"- {number} -",
            f"— {number} —",
            f"-{number}-",
            f"Page {number}",
            f"{number}/{number}0",
            "iv",
        )
    )
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
    (furniture.chart if page.chance(0.4) else furniture.picture)(page, area)
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
