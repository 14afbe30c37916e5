"""Charts with their titles, legends, captions and sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ocrpipe.synthesis import plots
from ocrpipe.synthesis.canvas import Align, Colour
from ocrpipe.synthesis.plots import Plate
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def chart(page: Typesetter, frame: Frame) -> None:
    """One chart that fills the frame, with or without title, legend and axes."""
    style = page.style(max(7, page.em * page.between(0.45, 0.8)))
    size = style.size
    if frame.width < 13 * size or frame.height < 9 * size:
        return
    plate = Plate(page, frame, style)
    if page.chance(0.15):
        page.canvas.draw.rectangle((frame.left, frame.top, frame.right, frame.bottom), outline=page.ink)
    area = frame.inset(0.5 * size)
    if page.chance(0.35):
        align: Align = page.choice(("left", "centre"))
        x = area.left if align == "left" else (area.left + area.right) / 2
        title = Plate(page, frame, replace(style, size=round(size * page.between(1.0, 1.4))))
        if title.label(page.phrase(30), x, area.top + title.style.size, align):
            area = replace(area, top=area.top + 1.7 * title.style.size)
    kind = page.choice(("columns", "columns", "columns", "bars", "bars", "curves", "curves", "pie"))
    count = int(page.rng.integers(3, 8) if kind == "pie" else page.rng.integers(1, 5))
    colours = [page.colour(0, 225) for _ in range(count)]
    if page.chance(0.4):  # tints of one colour
        base = np.asarray(page.colour(0, 130))
        colours = [_tint(base, i / count) for i in range(count)]
    if page.chance(0.6):
        area = _legend(plate, area, colours, lines=kind == "curves")
    if area.width < 9 * size or area.height < 6 * size:
        return
    if kind == "pie":
        plots.pie(plate, area, colours)
    elif kind == "bars":
        plots.bars(plate, area, colours[:2])
    else:
        plots.upright(plate, area, colours, curves=kind == "curves")


def _tint(base: np.ndarray[tuple[int], np.dtype[np.int_]], share: float) -> Colour:
    red, green, blue = (int(v + (235 - v) * share) for v in base)
    return red, green, blue


def _legend(plate: Plate, area: Frame, colours: list[Colour], *, lines: bool) -> Frame:
    """A mark and a short label for each series, in a row or stacked; returns what is left of the area."""
    page, style = plate.page, plate.style
    size, put = style.size, page.canvas.draw
    names = [style.clean(plots.short_name(page)) for _ in colours]
    place = page.choice(("top", "bottom", "bottom", "right"))
    mark = size * (page.between(1.2, 2.2) if lines else page.between(0.5, 0.8))

    def entry(x: float, y: float, name: str, colour: Colour) -> float:
        start = x + mark + 0.4 * size
        if plate.label(name, start, y):
            high = 0.08 * size if lines else mark / 2
            put.rectangle((x, y - 0.33 * size - high, x + mark, y - 0.33 * size + high), fill=colour)
        return start + style.width(name)

    if place == "right":
        wide = max(map(style.width, names)) + mark + size
        if wide > 0.4 * area.width:
            return area
        pitch = size * page.between(1.25, 1.9)
        y = (area.top + area.bottom) / 2 - pitch * len(names) * page.between(0.1, 0.9)
        for i, (name, colour) in enumerate(zip(names, colours, strict=True)):
            entry(area.right - wide + 0.3 * size, y + pitch * i, name, colour)
        return replace(area, right=area.right - wide - 0.5 * size)
    y = area.top + size if place == "top" else area.bottom - 0.3 * size
    x = area.left + area.width * page.between(0.0, 0.35)
    for name, colour in zip(names, colours, strict=True):
        x = entry(x, y, name, colour) + size * page.between(1.2, 2.5)
    if place == "top":
        return replace(area, top=area.top + 1.8 * size)
    return replace(area, bottom=area.bottom - 1.8 * size)


def pair(page: Typesetter, frame: Frame, baseline: float) -> float:
    """Two charts side by side, each with a caption above and its source below; returns the next baseline."""
    gutter = page.em * page.between(1.5, 3)
    width, height = (frame.width - gutter) / 2, frame.width * page.between(0.22, 0.36)
    caption = page.style(page.em * page.between(0.7, 0.95))
    small = replace(caption, size=max(7, round(page.em * page.between(0.5, 0.75))))
    top, bottom = baseline + 0.6 * caption.size, baseline + height
    if bottom + 2 * small.size > frame.bottom or width < 10 * page.em:
        return baseline
    number, ruled = int(page.rng.integers(1, 60)), page.chance(0.5)
    figure, source = ("图{}：", "资料来源：") if page.language == "zh" else ("Figure {}: ", "Source: ")
    for i in range(2):
        left = frame.left + i * (width + gutter)
        area = Frame(left, top - 2 * caption.size, left + width, bottom + 2 * small.size)
        text = caption.fitted(figure.format(number + i) + page.phrase(40), width)
        Plate(page, area, caption).label(text, left, baseline)
        if ruled:
            page.rule(left, left + width, baseline + 0.4 * caption.size)
            page.rule(left, left + width, bottom)
        chart(page, Frame(left, top, left + width, bottom))
        text = small.fitted(source + page.phrase(24), width)
        Plate(page, area, small).label(text, left, bottom + 1.2 * small.size)
    return bottom + 1.2 * small.size + page.pitch * page.between(1.2, 2)
