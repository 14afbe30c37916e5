"""Pages of running text: books, papers, newspapers, reports, letters, contents, titles, slides, pictures."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import charts, furniture, letterheads
from ocrpipe.synthesis.blocks import columns, flow, folio, margins, running_head
from ocrpipe.synthesis.canvas import Align, Piece
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def book(page: Typesetter) -> None:
    """One column of paragraphs with a running head and a page number."""
    frame = margins(page, 0.06, 0.16)
    baseline = frame.top + page.em
    if page.chance(0.3):
        heads = page.texts.running(page.rng, page.language, 12), page.phrase(30)
        for i, text in enumerate(heads):
            baseline += page.pitch * (2 - i)
            baseline = page.heading(
                text, frame, baseline, size=page.em * page.between(1.0, 2.0), align="centre"
            )
    else:
        running_head(page, frame)
    flow(page, frame, baseline, headings=0.04, lists=0.02, tables=0.02, pictures=0.03)
    folio(page, frame)


def paper(page: Typesetter) -> None:
    """A journal or report page of one to three columns, with everything that comes with it."""
    frame = margins(page, 0.05, 0.11)
    running_head(page, frame)
    baseline = frame.top + page.em
    if page.chance(0.3):
        size = page.em * page.between(1.4, 2.6)
        align: Align = page.choice(("centre", "centre", "left"))
        baseline = page.heading(page.phrase(70), frame, baseline + size, size=size, align=align)
        for _ in range(int(page.rng.integers(0, 4))):
            baseline = page.paragraph(page.phrase(60), frame, baseline, align=align, justified=False)
        baseline += page.pitch
    columns(
        page, Frame(frame.left, frame.top, frame.right, frame.bottom), baseline, page.choice((1, 2, 2, 2, 3))
    )
    folio(page, frame)


def newspaper(page: Typesetter) -> None:
    """Many narrow columns under headlines of mixed sizes, with pictures and rules."""
    frame = margins(page, 0.03, 0.06)
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
    columns(page, frame, baseline, int(page.rng.integers(3, 6)))
    folio(page, frame)


def report(page: Typesetter) -> None:
    """A company's report: a coloured head bar, headings, tables, charts, small print."""
    frame = margins(page, 0.06, 0.12)
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
        running_head(page, frame)
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
    flow(page, frame, top, headings=0.3, lists=0.12, tables=0.16, pictures=0.12, pairs=0.1)
    folio(page, frame)


def letter(page: Typesetter) -> None:
    """A letter: sender, date, address, salutation, a few paragraphs, signature."""
    frame = margins(page, 0.08, 0.15)
    style, x = page.body, page.choice((frame.left, frame.left, (frame.left + frame.right) / 2))
    baseline = frame.top + page.em * 2
    headed = page.chance(0.5)
    if headed:
        baseline = letterheads.letterhead(page, frame)
    elif page.chance(0.5):
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
    if headed and page.chance(0.4):
        letterheads.footer(page, frame)
    else:
        folio(page, frame)
    if page.chance(0.25):
        letterheads.serial(page, frame)
    if page.chance(0.15):
        letterheads.note(page)


def contents(page: Typesetter) -> None:
    """A table of contents with leader dots, or an index."""
    frame = margins(page, 0.08, 0.15)
    baseline = page.heading(
        page.phrase(14), frame, frame.top + page.em * 2, size=page.em * 1.6, align="centre"
    )
    dots, number = page.choice((".", ".", ". ", "…", "·", " ")), 1
    while baseline < frame.bottom:
        level = int(page.rng.integers(0, 3))
        style = page.bold if level == 0 and page.chance(0.5) else page.body
        left, number = frame.left + level * 1.5 * page.em, number + int(page.rng.integers(0, 9))
        entry, target = style.clean(page.phrase(50)), style.clean(str(number))
        room = frame.right - left - style.width(entry) - style.width(target)
        if room > 3 * page.em:
            dot = style.clean(dots)
            if dot.strip():
                leader = dot * int((room - page.em) / style.width(dot))
                page.canvas.text(left, baseline, f"{entry} {leader}{target}", style)
            else:
                page.canvas.row(
                    [Piece(entry, style, left), Piece(target, style, frame.right, "right")], baseline
                )
        baseline += page.pitch
    folio(page, frame)


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
    elif page.chance(0.2):
        furniture.ground(page)
        colour = (255, 255, 255)
    frame = margins(page, 0.08, 0.15)
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
    frame = margins(page, 0.05, 0.1)
    if page.chance(0.3):
        page.canvas.draw.rectangle((0, 0, page.canvas.width, page.canvas.height), fill=page.colour(200, 255))
    baseline = page.heading(
        page.phrase(36), frame, frame.top + page.em * 2, size=page.em * page.between(1.5, 2.2)
    )
    right = frame
    if page.chance(0.4):
        middle = (frame.left + frame.right) / 2
        area = Frame(middle + page.em, baseline, frame.right, frame.bottom)
        (charts.chart if page.chance(0.6) else furniture.picture)(page, area)
        right = Frame(frame.left, frame.top, middle, frame.bottom)
    flow(page, right, baseline + page.em, headings=0.1, lists=0.6, tables=0.2, pictures=0.0)
    folio(page, frame)


def plate(page: Typesetter) -> None:
    """A page with hardly any text: a picture, a drawing, a chart, a barcode, or nothing."""
    frame = margins(page, 0.03, 0.2)
    kind = page.choice(("picture", "picture", "chart", "codes", "scrawl", "blank"))
    bottom = frame.top + frame.height * page.between(0.4, 0.9)
    if kind == "picture":
        furniture.picture(page, Frame(frame.left, frame.top, frame.right, bottom))
    elif kind == "chart":
        charts.chart(page, Frame(frame.left, frame.top, frame.right, bottom))
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
        folio(page, frame)
