"""Page decorations, printed besides text: pictures, signatures, barcodes, logos, dot screens."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from ocrpipe.synthesis import pictures
from ocrpipe.synthesis.canvas import Colour, Piece
from ocrpipe.synthesis.typesetting import Area, Typesetter


def picture(page: Typesetter, area: Area) -> None:
    """Draw a picture without text that fills the area (see ``pictures``)."""
    width, height = max(8, int(area.width)), max(8, int(area.height))
    page.canvas.paste(pictures.random_picture(page.rng, width, height), int(area.left), int(area.top))
    if page.chance(0.3):
        page.canvas.draw.rectangle(
            (area.left, area.top, area.left + width, area.top + height), outline=page.ink
        )


def background(page: Typesetter) -> None:
    """Fill the canvas with what lies under a smaller sheet: a plain colour or a photograph."""
    width, height = page.canvas.width, page.canvas.height
    if page.chance(0.6):
        page.canvas.draw.rectangle((0, 0, width, height), fill=page.colour(10, 200))
    else:
        page.canvas.image.paste(Image.fromarray(pictures.photograph(page.rng, width, height)), (0, 0))


def signature(page: Typesetter, area: Area) -> None:
    """Draw a signature inside the area."""
    t = np.linspace(0, page.between(3, 7) * np.pi, 90)
    speeds = page.rng.uniform(0.6, 2.4, 3)
    xs = area.left + area.width * (t / t[-1] * 0.85 + 0.07 + 0.06 * np.cos(t * speeds[0]))
    ys = (area.top + area.bottom) / 2 + area.height * 0.4 * np.sin(t * speeds[1]) * np.cos(
        t * speeds[2] * 0.3
    )
    colour = page.choice((page.ink, (20, 30, 120)))
    page.canvas.draw.line(
        list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=colour, width=int(page.rng.integers(1, 4))
    )


def barcode(page: Typesetter, area: Area) -> None:
    """Draw a barcode, with or without its number below, or a two-dimensional code."""
    if page.chance(0.3):
        side = int(min(area.width, area.height))
        cells = (page.rng.random((25, 25)) < 0.5).astype(np.uint8) * 255
        page.canvas.paste(
            np.asarray(cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8),
            int(area.left),
            int(area.top),
        )
        return
    x, unit = area.left, max(1.0, area.width / 110)
    while x < area.right:
        width = unit * int(page.rng.integers(1, 4))
        page.canvas.draw.rectangle((x, area.top, x + width - 1, area.bottom), fill=(0, 0, 0))
        x += width + unit * int(page.rng.integers(1, 4))
    if page.chance(0.5):
        style = page.style(max(8, page.em * 0.8), "mono", language="en")
        number = "".join(str(d) for d in page.rng.integers(0, 10, 12))
        page.canvas.row([Piece(number, style, area.left)], area.bottom + style.size)


def logo(page: Typesetter, area: Area) -> None:
    """Draw a logo of two shapes."""
    colour = page.choice((page.accent, page.ink, page.colour(20, 200)))
    side = min(area.width, area.height)
    x, y = area.left, area.top
    draw = page.canvas.draw
    draw.ellipse((x, y, x + side, y + side), fill=colour)
    inner = side * page.between(0.15, 0.35)
    if page.chance(0.5):
        draw.rectangle((x + inner, y + inner, x + side - inner, y + side - inner), fill=(255, 255, 255))
    else:
        draw.polygon(
            ((x + side / 2, y + inner), (x + side - inner, y + side - inner), (x + inner, y + side - inner)),
            fill=(255, 255, 255),
        )


def dot_screen(page: Typesetter, area: Area, colour: Colour) -> None:
    """Shade the area with a dot screen: rows of single dots."""
    step = int(page.rng.integers(3, 6))
    columns = range(round(area.left), round(area.right), step)
    dots = [
        (x + (step // 2 if i % 2 else 0), y)
        for i, y in enumerate(range(round(area.top), round(area.bottom), step))
        for x in columns
    ]
    page.canvas.draw.point(dots, fill=colour)
