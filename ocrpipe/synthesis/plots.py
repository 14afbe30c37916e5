"""Plots of random data: columns, bars, curves and pies, with labels that are text lines."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ocrpipe.synthesis.canvas import Align, Colour, Piece, Style
from ocrpipe.synthesis.typesetting import Area, Typesetter

_LABEL_GAP = 1.3
"""Minimum gap between labels side by side, in line gaps of the canvas, so that they are separate lines."""

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 5000)
_UNITS = ("%", "%", "", "", "", "x", "bn")
_AXES = {
    "en": ("(%)", "%", "US$ mn", "(US$bn)", "(x)", "units", "USD", "kt", "index"),
    "zh": ("(%)", "%", "亿元", "（亿元）", "万元", "百万元", "(倍)", "万吨", "元/股", "单位：亿元"),
}
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True)
class Scale:
    """A value axis.

    Attributes:
        step: Difference between ticks.
        below: Ticks below zero.
        above: Ticks above zero.
        unit: Suffix of the labels.
        plus: Whether positive values have a plus sign.
    """

    step: float
    below: int
    above: int
    unit: str
    plus: bool

    def text(self, value: float, places: int = 0) -> str:
        """The label of a value, with ``places`` decimals, or more where neighbouring ticks need them."""
        places = max(places, 1 if self.step < 1 else 0)
        return f"{value:{'+' if self.plus and value else ''},.{places}f}{self.unit}"

    def at(self, value: float, low: float, high: float) -> float:
        """Pixel position of a value on an axis from ``low`` (lowest tick) to ``high`` (highest tick)."""
        return low + (high - low) * (value / self.step + self.below) / (self.below + self.above)

    @property
    def ticks(self) -> list[float]:
        """The values of the ticks."""
        return [self.step * i for i in range(-self.below, self.above + 1)]


@dataclass(frozen=True)
class ChartPanel:
    """A chart's area on a page and the style of its labels."""

    page: Typesetter
    area: Area
    style: Style

    def label(
        self, text: str, x: float, baseline: float, align: Align = "left", colour: Colour | None = None
    ) -> bool:
        """Draw a label as a separate line; returns False if it leaves the area or is too close to another."""
        style, canvas = (replace(self.style, colour=colour) if colour else self.style), self.page.canvas
        text = style.clean(text).strip()
        if not text:
            return False
        up, down = style.extent(text)
        width, margin = style.width(text), 0.1 * style.size
        left = x - {"left": 0.0, "right": width, "centre": width / 2}[align]
        top, right, bottom = baseline - up, left + width, baseline + down
        gap = _LABEL_GAP * canvas.line_gap * (up + down)
        inside = self.area.left <= left and right <= self.area.right
        if not inside or top < self.area.top or bottom > self.area.bottom:
            return False
        if not canvas.is_free(left - gap, top + margin, right + gap, bottom - margin):
            return False
        if not canvas.is_free(left, top - margin, right, bottom + margin):
            return False
        lines_before = len(canvas.boxes)
        canvas.row([Piece(text, style, left)], baseline)
        return len(canvas.boxes) > lines_before


def _contrasting(colour: Colour) -> Colour:
    """Black or white, whichever contrasts with the colour."""
    return (255, 255, 255) if sum(colour) < 380 else (0, 0, 0)


def _random_scale(page: Typesetter, negative: bool) -> Scale:
    ticks = int(page.rng.integers(3, 11))
    below = int(page.rng.integers(1, 1 + max(1, ticks // 2))) if negative else 0
    unit = page.choice(_UNITS) if page.chance(0.5) else ""
    return Scale(page.choice(_STEPS), below, ticks - below, unit, negative and page.chance(0.3))


def series_name(page: Typesetter) -> str:
    """A name for a bar or a series."""
    return page.phrase(14) if page.chance(0.85) else str(int(page.rng.integers(1990, 2026)))


def _category_names(page: Typesetter, count: int) -> list[str]:
    """Labels of a category axis: years, months, dates, quarters, numbers or words."""
    first = int(page.rng.integers(1950, 2020))
    month = int(page.rng.integers(0, 12))
    kind = page.choice(("years", "years", "short", "months", "dates", "quarters", "words", "numbers"))
    chinese = page.language == "zh"
    names = {
        "years": [f"{first + i}" for i in range(count)],
        "short": [f"{(first + i) % 100:02d}{'AE'[i > count // 2]}" for i in range(count)],
        "months": [
            f"{(month + i) % 12 + 1}月" if chinese else _MONTHS[(month + i) % 12] for i in range(count)
        ],
        "dates": [f"{first + (month + i) // 12}-{(month + i) % 12 + 1:02d}" for i in range(count)],
        "quarters": [f"{i % 4 + 1}Q{(first + i // 4) % 100:02d}" for i in range(count)],
        "numbers": [f"{i + 1}" for i in range(count)],
    }
    return names[kind] if kind in names else [page.phrase(12) for _ in range(count)]


def vertical_chart(panel: ChartPanel, area: Area, colours: list[Colour], *, curves: bool) -> None:
    """Columns or curves over a category axis, with a value axis at a side."""
    page, style, draw = panel.page, panel.style, panel.page.canvas.draw
    size, scale = style.size, _random_scale(page, page.chance(0.4))
    ticks = [scale.text(value) for value in scale.ticks]
    margin = max(map(style.width, ticks)) + 0.8 * size
    if page.chance(0.3) and panel.label(page.choice(_AXES[page.language]), area.left, area.top + size):
        area = replace(area, top=area.top + 1.2 * size)
    axis_at_right = page.chance(0.15)
    inner = Area(
        area.left + (0 if axis_at_right else margin),
        area.top + 0.8 * size,
        area.right - margin * axis_at_right,
        area.bottom - 1.9 * size,
    )
    if inner.width < 6 * size or inner.height < 3 * size:
        return
    zero = scale.at(0, inner.bottom, inner.top)
    grid, max_count = page.chance(0.4), max(4, int(inner.width / (2.2 * size)))
    count = int(
        page.rng.integers(20, 90)
        if curves and page.chance(0.5)
        else page.rng.integers(3, min(16, max_count) + 1)
    )
    step = inner.width / count
    for value in scale.ticks:
        y = scale.at(value, inner.bottom, inner.top)
        if grid:
            draw.line((inner.left, y, inner.right, y), fill=(200, 200, 200))
    low, high = scale.ticks[0], scale.ticks[-1]
    points: list[tuple[float, float, float, Colour]] = []  # x, y, value, colour
    for i, colour in enumerate(colours):
        values = page.rng.uniform(low * 0.95, high * 0.95, count)
        if curves:
            values = np.clip(
                np.cumsum(page.rng.normal(0, 0.9, count)) * (high - low) / count**0.5 / 3 + (low + high) / 2,
                low,
                high,
            )
        heights = [scale.at(value, inner.bottom, inner.top) for value in values.tolist()]
        groups = 1 if curves else len(colours)
        xs = [
            inner.left + step * (j + (0.5 if curves else 0.12 + 0.76 * (i + 0.5) / groups))
            for j in range(count)
        ]
        if curves:
            draw.line(list(zip(xs, heights, strict=True)), fill=colour, width=max(1, size // 8))
        else:
            half = step * 0.36 / groups * page.choice((0.6, 0.9, 1.0))
            for x, y in zip(xs, heights, strict=True):
                draw.rectangle((x - half, min(y, zero), x + half, max(y, zero)), fill=colour)
        points += [(x, y, v, colour) for x, y, v in zip(xs, heights, values.tolist(), strict=True)]
    axis = inner.right if axis_at_right else inner.left
    draw.line((axis, inner.top, axis, inner.bottom), fill=page.ink)
    draw.line((inner.left, zero, inner.right, zero), fill=page.ink)
    for value, text in zip(scale.ticks, ticks, strict=True):
        y = scale.at(value, inner.bottom, inner.top) + 0.35 * size
        panel.label(
            text, axis + (0.5 if axis_at_right else -0.5) * size, y, "left" if axis_at_right else "right"
        )
    names = _category_names(page, count)
    label_step = math.ceil((max(map(style.width, names)) + (_LABEL_GAP + 0.3) * size) / step)
    for i in range(0, count, label_step):
        panel.label(names[i], inner.left + step * (i + 0.5), inner.bottom + 1.4 * size, "centre")
    if page.chance(0.75) and count < 20:
        room = step if curves else 0.76 * step / len(colours)
        _value_labels(panel, points, scale, zero, room, inside=not curves and page.chance(0.2))


def _value_labels(
    panel: ChartPanel,
    points: list[tuple[float, float, float, Colour]],
    scale: Scale,
    zero: float,
    room: float,
    *,
    inside: bool,
) -> None:
    """Label columns or points of curves with their values, where these are not too wide."""
    size, places = panel.style.size, int(panel.page.rng.integers(0, 3))
    for x, y, value, colour in points:
        text, offset = scale.text(value, places), -0.3 * size if value >= 0 else 1.05 * size
        width = panel.style.width(text)
        if inside and abs(y - zero) > 1.6 * size and width < room:
            panel.label(text, x, (y + zero) / 2 + 0.35 * size, "centre", _contrasting(colour))
        elif not inside and width < 1.3 * room:  # wider ones would overlap neighbouring columns
            panel.label(text, x, y + offset, "centre")


def bar_chart(panel: ChartPanel, area: Area, colours: list[Colour]) -> None:
    """Horizontal bars, each with a name at its left and its value at its end."""
    page, style, draw = panel.page, panel.style, panel.page.canvas.draw
    size, scale = style.size, _random_scale(page, page.chance(0.3))
    scale = replace(scale, above=max(2, scale.above // 2), below=scale.below // 2)
    has_axis = page.chance(0.4)
    bottom = area.bottom - (1.7 * size if has_axis else 0)
    max_count = int((bottom - area.top) / (1.3 * size))
    if max_count < 3:
        return
    count = int(page.rng.integers(3, min(max_count, 24) + 1))
    pitch, names = (bottom - area.top) / count, [style.clean(series_name(page)) for _ in range(count)]
    left = area.left + min(0.45 * area.width, max(map(style.width, names))) + size
    places, room = int(page.rng.integers(0, 3)), 4.5 * size
    inner = Area(left + (room if scale.below else 0), area.top, area.right - room, bottom)
    if inner.width < 4 * size:
        return
    zero, half = scale.at(0, inner.left, inner.right), pitch * page.between(0.2, 0.45)
    name_align: Align = page.choice(("right", "right", "left"))
    for i, name in enumerate(names):
        y = area.top + pitch * (i + 0.5)
        value = page.between(scale.ticks[0], scale.ticks[-1])
        x = scale.at(value, inner.left, inner.right)
        colour = colours[-1] if value < 0 else colours[0]
        draw.rectangle((min(x, zero), y - half, max(x, zero), y + half), fill=colour)
        base = y + 0.35 * size
        panel.label(name, left - 0.6 * size if name_align == "right" else area.left, base, name_align)
        value_align: Align = "left" if value >= 0 else "right"
        panel.label(scale.text(value, places), x + (0.4 if value >= 0 else -0.4) * size, base, value_align)
    draw.line((zero, area.top, zero, bottom), fill=page.ink)
    for value in scale.ticks if has_axis else ():
        panel.label(
            scale.text(value), scale.at(value, inner.left, inner.right), bottom + 1.3 * size, "centre"
        )


def pie_chart(panel: ChartPanel, area: Area, colours: list[Colour]) -> None:
    """A pie or a ring, with percentages and names beside the slices, or percentages on them."""
    page, size, draw = panel.page, panel.style.size, panel.page.canvas.draw
    radius = min(area.width * 0.5 - 4 * size, area.height / 2 - 2 * size)
    if radius < 2 * size:
        return
    cx, cy = (area.left + area.right) / 2, (area.top + area.bottom) / 2
    fractions = page.rng.dirichlet(np.full(len(colours), 2.0)).tolist()
    name_position, places, start = page.choice(("", "before", "above")), int(page.rng.integers(0, 3)), -90.0
    labels_inside, slices = radius > 5 * size and page.chance(0.35), []
    for fraction, colour in zip(fractions, colours, strict=True):
        end = start + 360 * fraction
        draw.pieslice(
            (cx - radius, cy - radius, cx + radius, cy + radius), start, end, colour, (255, 255, 255)
        )
        slices.append((math.radians((start + end) / 2), fraction, colour))
        start = end
    hole = radius * page.between(0.4, 0.6)
    if not labels_inside and page.chance(0.3):
        draw.ellipse((cx - hole, cy - hole, cx + hole, cy + hole), fill=(255, 255, 255))
    for angle, fraction, colour in slices:
        percentage = f"{100 * fraction:.{places}f}%"
        distance = 0.65 * radius if labels_inside else radius + 1.1 * size
        x, y = cx + distance * math.cos(angle), cy + distance * math.sin(angle) + 0.35 * size
        if labels_inside:
            if fraction > 0.1:
                panel.label(percentage, x, y, "centre", _contrasting(colour))
            continue
        steep = abs(math.cos(angle)) < 0.35
        side: Align = "centre" if steep else "left" if x >= cx else "right"
        name = page.phrase(10)
        if name_position == "above" and panel.label(name, x, y - 0.6 * size, side):
            y += 0.7 * size
        panel.label(f"{name} {percentage}" if name_position == "before" else percentage, x, y, side)
