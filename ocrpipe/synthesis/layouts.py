"""Layouts of running text: books, papers, newspapers, reports, letters, contents, titles, slides, figures."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import charts, decorations, letterheads
from ocrpipe.synthesis.blocks import columns, flow, page_number, running_head, type_area
from ocrpipe.synthesis.canvas import Align, Piece
from ocrpipe.synthesis.typesetting import Area, Typesetter


def book(page: Typesetter) -> None:
    """One column of paragraphs with a running head and a page number."""
    area = type_area(page, 0.06, 0.16)
    baseline = area.top + page.em
    if page.chance(0.3):
        heads = page.texts.running(page.rng, page.language, 12), page.phrase(30)
        for i, text in enumerate(heads):
            baseline += page.pitch * (2 - i)
            baseline = page.heading(
                text, area, baseline, size=page.em * page.between(1.0, 2.0), align="centre"
            )
    else:
        running_head(page, area)
    flow(page, area, baseline, headings=0.04, lists=0.02, tables=0.02, pictures=0.03)
    page_number(page, area)


def paper(page: Typesetter) -> None:
    """A journal page of one to three columns, sometimes with the title of an article."""
    area = type_area(page, 0.05, 0.11)
    running_head(page, area)
    baseline = area.top + page.em
    if page.chance(0.3):
        size = page.em * page.between(1.4, 2.6)
        align: Align = page.choice(("centre", "centre", "left"))
        baseline = page.heading(page.phrase(70), area, baseline + size, size=size, align=align)
        for _ in range(int(page.rng.integers(0, 4))):
            baseline = page.paragraph(page.phrase(60), area, baseline, align=align, justified=False)
        baseline += page.pitch
    columns(page, area, baseline, page.choice((1, 2, 2, 2, 3)))
    page_number(page, area)


def newspaper(page: Typesetter) -> None:
    """Many narrow columns under headlines of mixed sizes, with pictures and rules."""
    area = type_area(page, 0.03, 0.06)
    size = page.em * page.between(3, 6)
    baseline = page.heading(
        page.phrase(24), area, area.top + size, size=size, align=page.choice(("left", "centre"))
    )
    page.rule(area.left, area.right, baseline - page.pitch * 1.1, page.choice((1, 2, 4)))
    baseline += page.em
    if page.chance(0.6):
        bottom = baseline + area.height * page.between(0.15, 0.35)
        decorations.picture(
            page, Area(area.left + area.width * page.choice((0.0, 0.34)), baseline, area.right, bottom)
        )
        baseline = page.paragraph(
            page.prose(60), area, bottom + page.pitch * 1.2, style=page.style(page.em * 0.9)
        )
        baseline += page.pitch
    columns(page, area, baseline, int(page.rng.integers(3, 6)))
    page_number(page, area)


def report(page: Typesetter) -> None:
    """A company report: a coloured header bar, a sidebar of small print, headings, tables, charts."""
    area = type_area(page, 0.06, 0.12)
    width, bar_height = page.canvas.width, page.em * page.between(1.8, 4)
    if page.chance(0.4):
        dark = page.colour(0, 120)
        page.canvas.draw.rectangle((0, 0, width, bar_height), fill=dark)
        style = page.style(bar_height * 0.4, colour=(255, 255, 255))
        page.canvas.row(
            [
                Piece(page.phrase(20), style, area.left),
                Piece(page.value(), replace(style, size=page.em), area.right, "right"),
            ],
            bar_height * 0.66,
        )
    else:
        if page.chance(0.6):
            decorations.logo(
                page,
                Area(area.left, area.top - 3 * page.em, area.left + 2 * page.em, area.top - page.em),
            )
        running_head(page, area)
    top = max(area.top, bar_height + page.pitch) + page.em
    if page.chance(0.3):
        side = area.left + area.width * page.between(0.25, 0.32)
        small = page.style(page.em * 0.8)
        baseline = top
        while baseline < area.bottom - page.pitch and page.chance(0.93):
            sidebar = Area(area.left, area.top, side, area.bottom)
            baseline = page.paragraph(page.phrase(50), sidebar, baseline, style=small, pitch=small.size * 1.4)
            baseline += small.size * page.choice((0.0, 0.5, 1.5))
        area = Area(side + 2.5 * page.em, area.top, area.right, area.bottom)
    flow(page, area, top, headings=0.3, lists=0.12, tables=0.16, pictures=0.12, chart_pairs=0.1)
    page_number(page, area)


def letter(page: Typesetter) -> None:
    """A letter: sender, date, address, salutation, a few paragraphs, signature."""
    area = type_area(page, 0.08, 0.15)
    style, x = page.body, page.choice((area.left, area.left, (area.left + area.right) / 2))
    baseline = area.top + page.em * 2
    has_letterhead = page.chance(0.5)
    if has_letterhead:
        baseline = letterheads.letterhead(page, area)
    elif page.chance(0.5):
        baseline = page.heading(
            page.phrase(28), area, baseline, size=page.em * page.between(1.3, 2.2), align="centre"
        )
    for _ in range(int(page.rng.integers(2, 6))):
        page.canvas.row([Piece(page.phrase(36) if page.chance(0.6) else page.value(), style, x)], baseline)
        baseline += page.pitch
    baseline += page.pitch * page.between(0.5, 2)
    for _ in range(int(page.rng.integers(1, 5))):
        baseline = page.paragraph(page.prose(int(page.rng.integers(60, 500))), area, baseline)
        baseline += page.pitch * page.choice((0.5, 1.0))
    if baseline + 5 * page.pitch < area.bottom:
        page.canvas.row([Piece(page.phrase(18), style, x)], baseline)
        decorations.signature(
            page, Area(x, baseline + page.pitch * 0.4, x + page.em * 9, baseline + page.pitch * 2.4)
        )
        page.canvas.row([Piece(page.phrase(22), style, x)], baseline + 3.5 * page.pitch)
    if has_letterhead and page.chance(0.4):
        letterheads.footer(page, area)
    else:
        page_number(page, area)
    if page.chance(0.25):
        letterheads.serial_number(page, area)
    if page.chance(0.15):
        letterheads.handwritten_note(page)


def contents(page: Typesetter) -> None:
    """A table of contents with leader dots, or an index."""
    area = type_area(page, 0.08, 0.15)
    baseline = page.heading(page.phrase(14), area, area.top + page.em * 2, size=page.em * 1.6, align="centre")
    dots, target_page = page.choice((".", ".", ". ", "…", "·", " ")), 1
    while baseline < area.bottom:
        level = int(page.rng.integers(0, 3))
        style = page.bold if level == 0 and page.chance(0.5) else page.body
        left, target_page = area.left + level * 1.5 * page.em, target_page + int(page.rng.integers(0, 9))
        entry, target = style.clean(page.phrase(50)), style.clean(str(target_page))
        room = area.right - left - style.width(entry) - style.width(target)
        if room > 3 * page.em:
            dot = style.clean(dots)
            if dot.strip():
                leader = dot * int((room - page.em) / style.width(dot))
                page.canvas.text(left, baseline, f"{entry} {leader}{target}", style)
            else:
                page.canvas.row(
                    [Piece(entry, style, left), Piece(target, style, area.right, "right")], baseline
                )
        baseline += page.pitch
    page_number(page, area)


def title(page: Typesetter) -> None:
    """A title page or a cover: a few large lines, often on a colour or a picture."""
    width, height = page.canvas.width, page.canvas.height
    colour = page.ink
    if page.chance(0.3):
        dark = page.chance(0.6)
        page.canvas.draw.rectangle(
            (0, 0, width, height), fill=page.colour(0, 110) if dark else page.colour(170, 250)
        )
        colour = (255, 255, 255) if dark else page.ink
    elif page.chance(0.2):
        decorations.background(page)
        colour = (255, 255, 255)
    area = type_area(page, 0.08, 0.15)
    align: Align = page.choice(("centre", "centre", "left", "right"))
    x = {"left": area.left, "centre": width / 2, "right": area.right}[align]
    baseline = area.top + height * page.between(0.02, 0.2)
    if page.chance(0.3):
        bottom = baseline + height * page.between(0.15, 0.4)
        decorations.picture(page, Area(area.left, baseline, area.right, bottom))
        baseline = bottom + page.em
    while baseline < area.bottom:
        size = min(150.0, page.em * page.choice((0.8, 1.0, 1.0, 1.5, 2.0, 3.0, 4.5)))
        style = page.style(size, page.choice((None, "display")), colour)
        style = replace(style, tracking=page.choice((0.0, 0.0, 0.0, 0.1, 0.4)))
        for line in page.wrap(page.phrase(50), style, area.width)[:4]:
            baseline += style.size * 1.3
            if baseline < area.bottom:
                page.canvas.text(x, baseline, line, style, align)
        baseline += page.em * page.choice((0.5, 1.0, 3.0, 8.0))


def slide(page: Typesetter) -> None:
    """A slide: a large heading and bullets, a chart or a table."""
    area = type_area(page, 0.05, 0.1)
    if page.chance(0.3):
        page.canvas.draw.rectangle((0, 0, page.canvas.width, page.canvas.height), fill=page.colour(200, 255))
    baseline = page.heading(
        page.phrase(36), area, area.top + page.em * 2, size=page.em * page.between(1.5, 2.2)
    )
    text_area = area
    if page.chance(0.4):
        middle = (area.left + area.right) / 2
        figure_area = Area(middle + page.em, baseline, area.right, area.bottom)
        (charts.chart if page.chance(0.6) else decorations.picture)(page, figure_area)
        text_area = Area(area.left, area.top, middle, area.bottom)
    flow(page, text_area, baseline + page.em, headings=0.1, lists=0.6, tables=0.2, pictures=0.0)
    page_number(page, area)


def figure_page(page: Typesetter) -> None:
    """A page with little text: a picture, a chart, barcodes, pen strokes, or nothing."""
    area = type_area(page, 0.03, 0.2)
    kind = page.choice(("picture", "picture", "chart", "barcodes", "scrawl", "blank"))
    bottom = area.top + area.height * page.between(0.4, 0.9)
    if kind == "picture":
        decorations.picture(page, Area(area.left, area.top, area.right, bottom))
    elif kind == "chart":
        charts.chart(page, Area(area.left, area.top, area.right, bottom))
    elif kind == "barcodes":
        for _ in range(int(page.rng.integers(1, 5))):
            x, y = (
                area.left + page.between(0, 0.6) * area.width,
                area.top + page.between(0, 0.8) * area.height,
            )
            decorations.barcode(
                page, Area(x, y, x + page.em * page.between(6, 14), y + page.em * page.between(2, 6))
            )
    elif kind == "scrawl":
        for _ in range(int(page.rng.integers(2, 12))):
            x, y = (
                area.left + page.between(0, 0.7) * area.width,
                area.top + page.between(0, 0.9) * area.height,
            )
            decorations.signature(page, Area(x, y, x + page.em * 8, y + page.em * 3))
    if kind in {"picture", "chart"} and page.chance(0.6):
        page.paragraph(page.prose(30), area, bottom + page.pitch * 1.5, align=page.choice(("left", "centre")))
    if page.chance(0.4):
        page_number(page, area)
