"""Letterheads, fax headers, serial numbers and handwritten notes of business documents."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import decorations
from ocrpipe.synthesis.canvas import Align, Piece, Style
from ocrpipe.synthesis.patterns import digits
from ocrpipe.synthesis.typesetting import Area, Typesetter

_WEB_FORMATS = ("www.{}.com", "info@{}.com", "http://www.{}.org", "{}@mail.net")
_SEPARATORS = {"en": (" • ", " | ", " · ", " - ", ", ", "   "), "zh": (" | ", " · ", "  ", "   ")}


def letterhead(page: Typesetter, area: Area) -> float:
    """Set an organisation's name and addresses at the top of the area; returns the next baseline."""
    name, style = _name(page, area.width * 0.75)
    align: Align = page.choice(("left", "centre", "centre", "right"))
    x = _aligned_x(area, align)
    baseline = area.top + style.size * 0.9
    if page.chance(0.35):
        side = style.size * page.between(1.0, 2.2)
        left = {"left": area.left, "centre": x - style.width(name) / 2 - 1.3 * side, "right": area.left}[
            align
        ]
        if left > 1:
            decorations.logo(page, Area(left, area.top, left + side, area.top + side))
        x += 1.3 * side * (align == "left")
    page.canvas.row([Piece(name, style, x, align)], baseline)
    small = page.style(page.em * page.between(0.55, 0.85))
    if page.chance(0.3):
        small = replace(small, colour=style.colour)
    pitch = small.size * page.between(1.15, 1.5)
    lines = [contact(page) for _ in range(int(page.rng.integers(1, 5)))]
    below = baseline + style.size * page.between(0.25, 0.5) + small.size
    if page.chance(0.3):
        below = _contact_lines(page, area, below, small, align, pitch)
    elif align == "left" and page.chance(0.5):
        column = max(area.left + area.width * page.between(0.6, 0.72), x + style.width(name) + 2 * style.size)
        start = area.top + small.size if page.chance(0.6) else below
        for i, line in enumerate(lines):
            page.canvas.row(
                [Piece(small.truncated(line, area.right - column), small, column)], start + pitch * i
            )
        below = max(below, start + pitch * len(lines))
    else:
        for line in lines:
            page.canvas.row([Piece(small.truncated(line, area.width * 0.9), small, x, align)], below)
            below += pitch
    if page.chance(0.4):
        page.rule(area.left, area.right, below - 0.4 * pitch, page.choice((1, 1, 2, 3)))
    return below + page.pitch * page.between(1, 2.5)


def footer(page: Typesetter, area: Area) -> None:
    """Set addresses in small type below the area."""
    small = page.style(max(7, page.em * page.between(0.5, 0.7)))
    top = area.bottom + page.em * page.between(0.8, 1.6)
    if page.chance(0.4):
        page.rule(area.left, area.right, top - small.size)
    _contact_lines(page, area, top, small, page.choice(("centre", "centre", "left")), small.size * 1.3)


def fax_header(page: Typesetter) -> None:
    """Set what fax machines print along the top or bottom edge: date, time, names, numbers, page."""
    rng, height = page.rng, page.canvas.height
    face = page.choice(("mono", "pixel", "typewriter", "latin"))
    style = page.style(page.em * page.between(0.6, 1.0), face, language="en")
    up, down = style.extent("Ag0")
    edge = height * page.between(0.003, 0.03)
    baseline = edge + up if page.chance(0.8) else height - edge - down
    texts = [style.clean(text).strip() for text in _fax_fields(page)]
    left, right = page.canvas.width * page.between(0.01, 0.08), page.canvas.width * page.between(0.75, 0.98)
    min_gap, margin = 1.3 * page.canvas.line_gap * (up + down), 0.25 * style.size
    while texts and left + sum(map(style.width, texts)) + min_gap * (len(texts) - 1) > right:
        texts.pop(int(rng.integers(len(texts))))
    spare = right - left - sum(map(style.width, texts)) - min_gap * (len(texts) - 1)
    fractions = rng.dirichlet([1.0] * max(1, len(texts))).tolist()
    pieces, x = [], left
    for text, fraction in zip(texts, fractions, strict=False):
        width = style.width(text)
        if page.canvas.is_free(
            x - min_gap, baseline - up - margin, x + width + min_gap, baseline + down + margin
        ):
            pieces.append(Piece(text, style, x))
        x += width + min_gap + spare * fraction
    page.canvas.row(pieces, baseline)


def serial_number(page: Typesetter, area: Area) -> None:
    """Set a stamped or typed number of 5 to 10 digits in a corner, if that is free."""
    style = page.style(
        page.em * page.between(0.7, 1.7),
        page.choice(("mono", "display", "latin", "typewriter")),
        page.choice((page.ink, page.ink, (170, 30, 40), (30, 40, 130))),
        language="en",
    )
    number = digits(page.rng, 5, 10)
    if page.chance(0.2):
        number = page.choice(("No. ", "№ ", "A", "NO ", "TI")) + number
    corner = page.choice(("bottom right", "bottom right", "bottom left", "top right"))
    baseline = area.bottom + style.size + page.em * page.between(0.0, 1.0)
    if corner == "top right":
        baseline = area.top - page.em * page.between(0.5, 1.0)
    _write_isolated(
        page,
        number,
        style,
        area.left if corner == "bottom left" else area.right - style.width(number),
        baseline,
    )


def handwritten_note(page: Typesetter) -> None:
    """Set a few words in a handwriting font to the right of a printed line, if there is room."""
    if not page.canvas.boxes:
        return
    line = page.choice(page.canvas.boxes)
    style = page.style(
        page.em * page.between(0.9, 1.7),
        "handwriting",
        page.choice((page.ink, (30, 40, 130), (60, 60, 60))),
        language="en",
    )
    text = page.choice((page.texts.running(page.rng, "en", int(page.rng.integers(2, 20))), page.value()[:12]))
    x = line.right + page.em * page.between(1.5, 5)
    _write_isolated(page, text, style, x, line.bottom - 0.2 * style.size)


def contact(page: Typesetter) -> str:
    """One line of an address: street, telephone, fax, web."""
    site = page.texts.running(page.rng, "en", 10).split(" ")[0].lower().strip(".,;:'\"") or "web"
    number, web = _telephone(page), page.choice(_WEB_FORMATS).format(site)
    if page.language == "zh":
        place = page.texts.entry(page.rng, "zh")[:22]
        return page.choice(
            (
                f"地址：{place}",
                place,
                f"电话：{number}",
                f"传真：{number}",
                f"邮编：{digits(page.rng, 6, 6)}",
                web,
            )
        )
    town = page.texts.entry(page.rng, "en")[:14].title()
    street = page.choice(("Street", "Avenue", "Road", "Blvd.", "Park", "Lane"))
    return page.choice(
        (
            f"{digits(page.rng, 1, 4)} {town} {street}",
            f"{town}, {page.choice(('NY', 'NC', 'CA', 'VA', 'DC', 'UK'))} {digits(page.rng, 5, 5)}",
            f"P.O. Box {digits(page.rng, 2, 5)}, {town}",
            f"{page.choice(('Tel', 'Tel.', 'Telephone', 'Phone'))}: {number}",
            f"{page.choice(('Fax', 'FAX', 'Facsimile'))}: {number}",
            number,
            web,
        )
    )


def _name(page: Typesetter, width: float) -> tuple[str, Style]:
    """An organisation's name that fits the width, and its style, which is large."""
    style = page.style(
        page.em * page.between(1.2, 3.0), page.choice((None, "display")), page.choice((page.ink, page.accent))
    )
    if page.chance(0.5):
        style = replace(style, tracking=page.between(0.04, 0.3))
    name = page.texts.entry(page.rng, "zh")[:14] if page.language == "zh" else page.phrase(34)
    name = style.clean(name.upper() if page.chance(0.7) else name)
    while style.size > page.em and style.width(name) > width:
        style = replace(style, size=style.size - 1)
    return style.truncated(name, width), style


def _contact_lines(
    page: Typesetter, area: Area, baseline: float, style: Style, align: Align, pitch: float
) -> float:
    """Set lines of two to four addresses with separators; returns the next baseline."""
    separator = page.choice(_SEPARATORS[page.language])
    for _ in range(int(page.rng.integers(1, 3))):
        text = style.clean(separator.join(contact(page) for _ in range(int(page.rng.integers(2, 5)))))
        page.canvas.row(
            [Piece(style.truncated(text, area.width), style, _aligned_x(area, align), align)], baseline
        )
        baseline += pitch
    return baseline


def _fax_fields(page: Typesetter) -> list[str]:
    """Three to six texts of a fax header in their usual order."""
    rng = page.rng
    month, day, year = int(rng.integers(1, 13)), int(rng.integers(1, 29)), int(rng.integers(0, 100))
    hour, minute, sheet = int(rng.integers(0, 24)), int(rng.integers(0, 60)), int(rng.integers(1, 40))
    dates = (
        f"{month:02d}/{day:02d}/{year:02d}",
        f"{1950 + year}-{month:02d}-{day:02d}",
        f"{month}-{day}-{year:02d}",
    )
    sender = page.texts.running(rng, "en", 20).upper()
    texts = [
        page.choice(dates),
        page.choice(
            (f"{hour:02d}:{minute:02d}", f"{hour % 12 + 1}:{minute:02d} {page.choice(('AM', 'PM'))}")
        ),
        page.choice(
            (f"FROM {sender}", f"FROM: {sender}", "FROM", sender, sender, f"ID:{digits(page.rng, 6, 10)}")
        ),
        page.choice(
            (_telephone(page), f"TO {_telephone(page)}", "TO", "→", f"FAX NO. {digits(page.rng, 7, 11)}")
        ),
        page.choice(
            (
                f"NO. {digits(page.rng, 3, 3)}",
                f"NO.{digits(page.rng, 3, 4)}",
                f"#{digits(page.rng, 3, 4)}",
                sender[:9],
            )
        ),
        page.choice(
            (f"P.{sheet:02d}", f"PAGE {sheet:03d}", f"PAGE.{sheet}", f"P {sheet}/{sheet + 3}", f"{sheet:03d}")
        ),
    ]
    dropped = set(rng.permutation(len(texts))[: int(rng.integers(0, 4))].tolist())
    return [text for i, text in enumerate(texts) if i not in dropped]


def _write_isolated(page: Typesetter, text: str, style: Style, x: float, baseline: float) -> None:
    """Draw a line, unless another one is near."""
    text = style.clean(text).strip()
    if not text:
        return
    up, down = style.extent(text)
    gap, margin = 1.2 * page.canvas.line_gap * (up + down), 0.25 * style.size
    top, bottom = baseline - up - margin, baseline + down + margin
    if page.canvas.is_free(x - gap, top, x + style.width(text) + gap, bottom):
        page.canvas.text(x, baseline, text, style)


def _aligned_x(area: Area, align: Align) -> float:
    return {"left": area.left, "centre": (area.left + area.right) / 2, "right": area.right}[align]


def _telephone(page: Typesetter) -> str:
    a, b, c = (digits(page.rng, 3, 3), digits(page.rng, 3, 3), digits(page.rng, 4, 4))
    forms = (
        f"({a}) {b}-{c}",
        f"{a}-{b}-{c}",
        f"{a} {b} {c}",
        f"{a}/{b}-{c}",
        f"+{a[:2]} {b} {c}",
        f"{a[:3]}-{b}{c}0",
    )
    return page.choice(forms)
