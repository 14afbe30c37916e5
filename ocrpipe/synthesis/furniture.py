"""What is printed on pages besides text: pictures, signatures, barcodes, logos."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from ocrpipe.synthesis import pictures
from ocrpipe.synthesis.canvas import Colour, Piece
from ocrpipe.synthesis.typesetting import Frame, Typesetter


def picture(page: Typesetter, frame: Frame) -> None:
    """A photograph, a halftone, a texture or a drawing that fills the frame."""
    width, height = max(8, int(frame.width)), max(8, int(frame.height))
    page.canvas.paste(pictures.any_picture(page.rng, width, height), int(frame.left), int(frame.top))
    if page.chance(0.3):
        page.canvas.draw.rectangle(
            (frame.left, frame.top, frame.left + width, frame.top + height), outline=page.ink
        )


def ground(page: Typesetter) -> None:
    """What lies under a sheet that is smaller than the picture: a lid, a desk, a floor."""
    width, height = page.canvas.width, page.canvas.height
    if page.chance(0.6):
        page.canvas.draw.rectangle((0, 0, width, height), fill=page.colour(10, 200))
    else:
        page.canvas.image.paste(Image.fromarray(pictures.photograph(page.rng, width, height)), (0, 0))


def signature(page: Typesetter, frame: Frame) -> None:
    """A scrawl inside the frame."""
    t = np.linspace(0, page.between(3, 7) * np.pi, 90)
    speeds = page.rng.uniform(0.6, 2.4, 3)
    xs = frame.left + frame.width * (t / t[-1] * 0.85 + 0.07 + 0.06 * np.cos(t * speeds[0]))
    ys = (frame.top + frame.bottom) / 2 + frame.height * 0.4 * np.sin(t * speeds[1]) * np.cos(
        t * speeds[2] * 0.3
    )
    colour = page.choice((page.ink, (20, 30, 120)))
    page.canvas.draw.line(
        list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=colour, width=int(page.rng.integers(1, 4))
    )


def barcode(page: Typesetter, frame: Frame) -> None:
    """Bars, with the number under them now and then, or a two-dimensional code."""
    if page.chance(0.3):
        side = int(min(frame.width, frame.height))
        cells = (page.rng.random((25, 25)) < 0.5).astype(np.uint8) * 255
        page.canvas.paste(
            np.asarray(cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8),
            int(frame.left),
            int(frame.top),
        )
        return
    x, unit = frame.left, max(1.0, frame.width / 110)
    while x < frame.right:
        wide = unit * int(page.rng.integers(1, 4))
        page.canvas.draw.rectangle((x, frame.top, x + wide - 1, frame.bottom), fill=(0, 0, 0))
        x += wide + unit * int(page.rng.integers(1, 4))
    if page.chance(0.5):
        style = page.style(max(8, page.em * 0.8), "mono", language="en")
        digits = "".join(str(d) for d in page.rng.integers(0, 10, 12))
        page.canvas.row([Piece(digits, style, frame.left)], frame.bottom + style.size)


def logo(page: Typesetter, frame: Frame) -> None:
    """A mark of a few shapes."""
    colour = page.choice((page.accent, page.ink, page.colour(20, 200)))
    side = min(frame.width, frame.height)
    x, y = frame.left, frame.top
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


def screen(page: Typesetter, frame: Frame, colour: Colour) -> None:
    """A tint printed as rows of dots, which stays a pattern however the page is scanned."""
    step = int(page.rng.integers(3, 6))
    across = range(round(frame.left), round(frame.right), step)
    dots = [
        (x + (step // 2 if i % 2 else 0), y)
        for i, y in enumerate(range(round(frame.top), round(frame.bottom), step))
        for x in across
    ]
    page.canvas.draw.point(dots, fill=colour)
