"""What stands around the text of business papers: letterheads, fax headers, serial numbers, notes by hand."""

from __future__ import annotations

from dataclasses import replace

from ocrpipe.synthesis import furniture
from ocrpipe.synthesis.canvas import Align, Piece, Style
from ocrpipe.synthesis.patterns import digits
from ocrpipe.synthesis.typesetting import Frame, Typesetter

_WEB = ("www.{}.com", "info@{}.com", "http://www.{}.org", "{}@mail.net")
_JOINTS = {"en": (" • ", " | ", " · ", " - ", ", ", "   "), "zh": (" | ", " · ", "  ", "   ")}


def letterhead(page: Typesetter, frame: Frame) -> float:
    """An organisation's name with its addresses at the top of the frame; returns the next baseline."""
    name, style = _name(page, frame.width * 0.75)
    align: Align = page.choice(("left", "centre", "centre", "right"))
    x = _edge(frame, align)
    baseline = frame.top + style.size * 0.9
    if page.chance(0.35):
        side = style.size * page.between(1.0, 2.2)
        left = {"left": frame.left, "centre": x - style.width(name) / 2 - 1.3 * side, "right": frame.left}[
            align
        ]
        if left > 1:
            furniture.logo(page, Frame(left, frame.top, left + side, frame.top + side))
        x += 1.3 * side * (align == "left")
    page.canvas.row([Piece(name, style, x, align)], baseline)
    small = page.style(page.em * page.between(0.55, 0.85))
    if page.chance(0.3):
        small = replace(small, colour=style.colour)
    pitch = small.size * page.between(1.15, 1.5)
    lines = [contact(page) for _ in range(int(page.rng.integers(1, 5)))]
    below = baseline + style.size * page.between(0.25, 0.5) + small.size
    if page.chance(0.3):
        below = _joined(page, frame, below, small, align, pitch)
    elif align == "left" and page.chance(0.5):
        column = max(
            frame.left + frame.width * page.between(0.6, 0.72), x + style.width(name) + 2 * style.size
        )
        start = frame.top + small.size if page.chance(0.6) else below
        for i, line in enumerate(lines):
            page.canvas.row(
                [Piece(small.fitted(line, frame.right - column), small, column)], start + pitch * i
            )
        below = max(below, start + pitch * len(lines))
    else:
        for line in lines:
            page.canvas.row([Piece(small.fitted(line, frame.width * 0.9), small, x, align)], below)
            below += pitch
    if page.chance(0.4):
        page.rule(frame.left, frame.right, below - 0.4 * pitch, page.choice((1, 1, 2, 3)))
    return below + page.pitch * page.between(1, 2.5)


def footer(page: Typesetter, frame: Frame) -> None:
    """Addresses in tiny type below the frame."""
    small = page.style(max(7, page.em * page.between(0.5, 0.7)))
    top = frame.bottom + page.em * page.between(0.8, 1.6)
    if page.chance(0.4):
        page.rule(frame.left, frame.right, top - small.size)
    _joined(page, frame, top, small, page.choice(("centre", "centre", "left")), small.size * 1.3)


def fax_line(page: Typesetter) -> None:
    """What a fax machine prints along the top or the bottom edge: date, time, names, numbers, the page."""
    rng, height = page.rng, page.canvas.height
    face = page.choice(("mono", "pixel", "typewriter", "latin"))
    style = page.style(page.em * page.between(0.6, 1.0), face, language="en")
    up, down = style.extent("Ag0")
    edge = height * page.between(0.003, 0.03)
    baseline = edge + up if page.chance(0.8) else height - edge - down
    texts = [style.clean(text).strip() for text in _fax(page)]
    left, right = page.canvas.width * page.between(0.01, 0.08), page.canvas.width * page.between(0.75, 0.98)
    least, margin = 1.3 * page.canvas.line_gap * (up + down), 0.25 * style.size
    while texts and left + sum(map(style.width, texts)) + least * (len(texts) - 1) > right:
        texts.pop(int(rng.integers(len(texts))))
    spare = right - left - sum(map(style.width, texts)) - least * (len(texts) - 1)
    shares = rng.dirichlet([1.0] * max(1, len(texts))).tolist()
    pieces, x = [], left
    for text, share in zip(texts, shares, strict=False):
        wide = style.width(text)
        if page.canvas.clear(x - least, baseline - up - margin, x + wide + least, baseline + down + margin):
            pieces.append(Piece(text, style, x))
        x += wide + least + spare * share
    page.canvas.row(pieces, baseline)


def serial(page: Typesetter, frame: Frame) -> None:
    """A stamped or typed number of 5 to 10 digits in a corner, if that is free."""
    style = page.style(
        page.em * page.between(0.7, 1.7),
        page.choice(("mono", "display", "latin", "typewriter")),
        page.choice((page.ink, page.ink, (170, 30, 40), (30, 40, 130))),
        language="en",
    )
    number = digits(page.rng, 5, 10)
    if page.chance(0.2):
        number = page.choice(("No. ", "№ ", "A", "NO ", "TI")) + number
    place = page.choice(("bottom right", "bottom right", "bottom left", "top right"))
    baseline = frame.bottom + style.size + page.em * page.between(0.0, 1.0)
    if place == "top right":
        baseline = frame.top - page.em * page.between(0.5, 1.0)
    _alone(
        page,
        number,
        style,
        frame.left if place == "bottom left" else frame.right - style.width(number),
        baseline,
    )


def note(page: Typesetter) -> None:
    """A few words by hand beside a line of type that has room at its right."""
    if not page.canvas.boxes:
        return
    beside = page.choice(page.canvas.boxes)
    style = page.style(
        page.em * page.between(0.9, 1.7),
        "handwriting",
        page.choice((page.ink, (30, 40, 130), (60, 60, 60))),
        language="en",
    )
    text = page.choice((page.texts.running(page.rng, "en", int(page.rng.integers(2, 20))), page.value()[:12]))
    x = beside.right + page.em * page.between(1.5, 5)
    _alone(page, text, style, x, beside.bottom - 0.2 * style.size)


def contact(page: Typesetter) -> str:
    """A line of an address: street, telephone, fax, web."""
    site = page.texts.running(page.rng, "en", 10).split(" ")[0].lower().strip(".,;:'\"") or "web"
    number, web = _telephone(page), page.choice(_WEB).format(site)
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
    """What the organisation is called, large, and how it looks."""
    style = page.style(
        page.em * page.between(1.2, 3.0), page.choice((None, "display")), page.choice((page.ink, page.accent))
    )
    if page.chance(0.5):
        style = replace(style, tracking=page.between(0.04, 0.3))
    name = page.texts.entry(page.rng, "zh")[:14] if page.language == "zh" else page.phrase(34)
    name = style.clean(name.upper() if page.chance(0.7) else name)
    while style.size > page.em and style.width(name) > width:
        style = replace(style, size=style.size - 1)
    return style.fitted(name, width), style


def _joined(
    page: Typesetter, frame: Frame, baseline: float, style: Style, align: Align, pitch: float
) -> float:
    """Lines of two to four addresses with a mark between; returns the next baseline."""
    joint = page.choice(_JOINTS[page.language])
    for _ in range(int(page.rng.integers(1, 3))):
        text = style.clean(joint.join(contact(page) for _ in range(int(page.rng.integers(2, 5)))))
        page.canvas.row([Piece(style.fitted(text, frame.width), style, _edge(frame, align), align)], baseline)
        baseline += pitch
    return baseline


def _fax(page: Typesetter) -> list[str]:
    """The texts of a fax header in their usual order, three to six of them."""
    rng = page.rng
    month, day, year = int(rng.integers(1, 13)), int(rng.integers(1, 29)), int(rng.integers(0, 100))
    hour, minute, sheet = int(rng.integers(0, 24)), int(rng.integers(0, 60)), int(rng.integers(1, 40))
    dates = (
        f"{month:02d}/{day:02d}/{year:02d}",
        f"{1950 + year}-{month:02d}-{day:02d}",
        f"{month}-{day}-{year:02d}",
    )
    who = page.texts.running(rng, "en", 20).upper()
    texts = [
        page.choice(dates),
        page.choice(
            (f"{hour:02d}:{minute:02d}", f"{hour % 12 + 1}:{minute:02d} {page.choice(('AM', 'PM'))}")
        ),
        page.choice((f"FROM {who}", f"FROM: {who}", "FROM", who, who, f"ID:{digits(page.rng, 6, 10)}")),
        page.choice(
            (_telephone(page), f"TO {_telephone(page)}", "TO", "→", f"FAX NO. {digits(page.rng, 7, 11)}")
        ),
        page.choice(
            (
                f"NO. {digits(page.rng, 3, 3)}",
                f"NO.{digits(page.rng, 3, 4)}",
                f"#{digits(page.rng, 3, 4)}",
                who[:9],
            )
        ),
        page.choice(
            (f"P.{sheet:02d}", f"PAGE {sheet:03d}", f"PAGE.{sheet}", f"P {sheet}/{sheet + 3}", f"{sheet:03d}")
        ),
    ]
    dropped = set(rng.permutation(len(texts))[: int(rng.integers(0, 4))].tolist())
    return [text for i, text in enumerate(texts) if i not in dropped]


def _alone(page: Typesetter, text: str, style: Style, x: float, baseline: float) -> None:
    """Write a line where no other is near, or nothing."""
    text = style.clean(text).strip()
    if not text:
        return
    up, down = style.extent(text)
    gap, margin = 1.2 * page.canvas.line_gap * (up + down), 0.25 * style.size
    top, bottom = baseline - up - margin, baseline + down + margin
    if page.canvas.clear(x - gap, top, x + style.width(text) + gap, bottom):
        page.canvas.text(x, baseline, text, style)


def _edge(frame: Frame, align: Align) -> float:
    return {"left": frame.left, "centre": (frame.left + frame.right) / 2, "right": frame.right}[align]


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
