"""Charts with titles, legends, captions and sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ocrpipe.synthesis import plots
from ocrpipe.synthesis.canvas import Align, Colour
from ocrpipe.synthesis.plots import ChartPanel
from ocrpipe.synthesis.typesetting import Area, Typesetter


def chart(page: Typesetter, area: Area) -> None:
    """Draw a chart that fills the area, with or without outline, title and legend."""
    style = page.style(max(7, page.em * page.between(0.45, 0.8)))
    size = style.size
    if area.width < 13 * size or area.height < 9 * size:
        return
    panel = ChartPanel(page, area, style)
    if page.chance(0.15):
        page.canvas.draw.rectangle((area.left, area.top, area.right, area.bottom), outline=page.ink)
    plot_area = area.inset(0.5 * size)
    if page.chance(0.35):
        align: Align = page.choice(("left", "centre"))
        x = plot_area.left if align == "left" else (plot_area.left + plot_area.right) / 2
        title = ChartPanel(page, area, replace(style, size=round(size * page.between(1.0, 1.4))))
        if title.label(page.phrase(30), x, plot_area.top + title.style.size, align):
            plot_area = replace(plot_area, top=plot_area.top + 1.7 * title.style.size)
    kind = page.choice(("columns", "columns", "columns", "bars", "bars", "curves", "curves", "pie"))
    count = int(page.rng.integers(3, 8) if kind == "pie" else page.rng.integers(1, 5))
    colours = [page.colour(0, 225) for _ in range(count)]
    if page.chance(0.4):
        base = np.asarray(page.colour(0, 130))
        colours = [_tint(base, i / count) for i in range(count)]
    if page.chance(0.6):
        plot_area = _legend(panel, plot_area, colours, lines=kind == "curves")
    if plot_area.width < 9 * size or plot_area.height < 6 * size:
        return
    if kind == "pie":
        plots.pie_chart(panel, plot_area, colours)
    elif kind == "bars":
        plots.bar_chart(panel, plot_area, colours[:2])
    else:
        plots.vertical_chart(panel, plot_area, colours, curves=kind == "curves")


def _tint(base: np.ndarray[tuple[int], np.dtype[np.int_]], lightness: float) -> Colour:
    """The colour, lightened from 0 (unchanged) to 1 (light grey)."""
    red, green, blue = (int(v + (235 - v) * lightness) for v in base)
    return red, green, blue


def _legend(panel: ChartPanel, area: Area, colours: list[Colour], *, lines: bool) -> Area:
    """A marker and a label for each series, in a row or stacked; returns the rest of the area."""
    page, style = panel.page, panel.style
    size, draw = style.size, page.canvas.draw
    names = [style.clean(plots.series_name(page)) for _ in colours]
    position = page.choice(("top", "bottom", "bottom", "right"))
    marker = size * (page.between(1.2, 2.2) if lines else page.between(0.5, 0.8))

    def entry(x: float, y: float, name: str, colour: Colour) -> float:
        start = x + marker + 0.4 * size
        if panel.label(name, start, y):
            half = 0.08 * size if lines else marker / 2
            draw.rectangle((x, y - 0.33 * size - half, x + marker, y - 0.33 * size + half), fill=colour)
        return start + style.width(name)

    if position == "right":
        width = max(map(style.width, names)) + marker + size
        if width > 0.4 * area.width:
            return area
        pitch = size * page.between(1.25, 1.9)
        y = (area.top + area.bottom) / 2 - pitch * len(names) * page.between(0.1, 0.9)
        for i, (name, colour) in enumerate(zip(names, colours, strict=True)):
            entry(area.right - width + 0.3 * size, y + pitch * i, name, colour)
        return replace(area, right=area.right - width - 0.5 * size)
    y = area.top + size if position == "top" else area.bottom - 0.3 * size
    x = area.left + area.width * page.between(0.0, 0.35)
    for name, colour in zip(names, colours, strict=True):
        x = entry(x, y, name, colour) + size * page.between(1.2, 2.5)
    if position == "top":
        return replace(area, top=area.top + 1.8 * size)
    return replace(area, bottom=area.bottom - 1.8 * size)


def chart_pair(page: Typesetter, area: Area, baseline: float) -> float:
    """Two charts side by side, each with a caption above and its source below; returns the next baseline."""
    gutter = page.em * page.between(1.5, 3)
    width, height = (area.width - gutter) / 2, area.width * page.between(0.22, 0.36)
    caption = page.style(page.em * page.between(0.7, 0.95))
    small = replace(caption, size=max(7, round(page.em * page.between(0.5, 0.75))))
    top, bottom = baseline + 0.6 * caption.size, baseline + height
    if bottom + 2 * small.size > area.bottom or width < 10 * page.em:
        return baseline
    number, ruled = int(page.rng.integers(1, 60)), page.chance(0.5)
    figure, source = ("图{}：", "资料来源：") if page.language == "zh" else ("Figure {}: ", "Source: ")
    for i in range(2):
        left = area.left + i * (width + gutter)
        panel_area = Area(left, top - 2 * caption.size, left + width, bottom + 2 * small.size)
        text = caption.truncated(figure.format(number + i) + page.phrase(40), width)
        ChartPanel(page, panel_area, caption).label(text, left, baseline)
        if ruled:
            page.rule(left, left + width, baseline + 0.4 * caption.size)
            page.rule(left, left + width, bottom)
        chart(page, Area(left, top, left + width, bottom))
        text = small.truncated(source + page.phrase(24), width)
        ChartPanel(page, panel_area, small).label(text, left, bottom + 1.2 * small.size)
    return bottom + 1.2 * small.size + page.pitch * page.between(1.2, 2)
