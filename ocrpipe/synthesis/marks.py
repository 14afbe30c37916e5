"""Marks on a sheet that are not part of its print: stamps, pen strokes, punch holes, scanner edges, dirt."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from ocrpipe.synthesis.canvas import Style
from ocrpipe.synthesis.typesetting import Typesetter


def stamp(page: Typesetter) -> None:
    """Draw a round or square ink stamp at a random place; its text is a "don't care" region."""
    size = int(page.canvas.width * page.between(0.08, 0.2))
    layer = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(layer)
    thickness = max(2, size // 30)
    if page.chance(0.7):
        draw.ellipse((thickness, thickness, size - thickness, size - thickness), outline=230, width=thickness)
        _star(draw, size / 2, size / 2, size * 0.14)
    else:
        draw.rectangle(
            (thickness, thickness, size - thickness, size - thickness), outline=230, width=thickness
        )
    style = page.style(size * 0.13)
    draw.text(
        (size / 2, size * 0.72),
        style.clean(page.phrase(8))[:6],
        font=style.font.at(style.size),
        fill=230,
        anchor="mm",
    )
    layer = layer.rotate(page.between(-25, 25), resample=Image.Resampling.BILINEAR)
    x = int(page.rng.integers(0, max(1, page.canvas.width - size)))
    y = int(page.rng.integers(0, max(1, page.canvas.height - size)))
    colour = page.choice(((200, 30, 30), (200, 30, 30), (30, 40, 150), (60, 60, 60)))
    layer = layer.point(lambda v: int(v * 0.8))
    page.canvas.image.paste(Image.new("RGB", (size, size), colour), (x, y), layer)
    page.canvas.ignore(x, y + size * 0.6, x + size, y + size * 0.84)


def _star(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    points = [
        (x + r * math.sin(i * math.pi / 5), y - r * math.cos(i * math.pi / 5))
        for i in range(10)
        for r in [radius if i % 2 == 0 else radius * 0.4]
    ]
    draw.polygon(points, fill=230)


def pen_stroke(page: Typesetter) -> None:
    """Draw a pen stroke at a random place: a wavy line or a ring."""
    width, height = page.canvas.width, page.canvas.height
    x, y = page.between(0.05, 0.9) * width, page.between(0.05, 0.95) * height
    reach = width * page.between(0.03, 0.25)
    colour = page.choice((page.ink, (30, 40, 160), (190, 30, 30)))
    thickness = int(page.rng.integers(1, 5))
    if page.chance(0.4):
        page.canvas.draw.ellipse(
            (x, y, x + reach, y + reach * page.between(0.2, 0.8)), outline=colour, width=thickness
        )
    else:
        wave = [(x + reach * i / 12, y + page.em * 0.3 * float(page.rng.normal())) for i in range(13)]
        page.canvas.draw.line(wave, fill=colour, width=thickness)


def scanner_marks(page: Typesetter) -> None:
    """Draw punch holes, dark edges, a fold, dirt, text along an edge, the facing page; each at times."""
    draw, width, height, rng = page.canvas.draw, page.canvas.width, page.canvas.height, page.rng
    shade = int(rng.integers(0, 90))
    grey = (shade, shade, shade)
    if page.chance(0.2):
        radius = width * page.between(0.008, 0.016)
        x = width * page.between(0.015, 0.03)
        for fraction in page.choice(((0.3, 0.7), (0.1, 0.5, 0.9), (0.2, 0.4, 0.6, 0.8))):
            y = height * fraction
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=grey)
    if page.chance(0.25):
        thickness = int(width * page.between(0.003, 0.02))
        edges = (
            (0, 0, thickness, height),
            (width - thickness, 0, width, height),
            (0, 0, width, thickness),
            (0, height - thickness, width, height),
        )
        for edge in edges:
            if page.chance(0.4):
                draw.rectangle(edge, fill=grey)
    if page.chance(0.12):
        x = width * page.between(0.1, 0.9)
        draw.line((x, 0, x + width * page.between(-0.02, 0.02), height), fill=(150, 150, 150), width=1)
    if page.chance(0.12):
        _dirt(page)
    if page.chance(0.15):
        _rotated_note(page)
    if page.chance(0.2):
        _facing_page(page)


def _rotated_note(page: Typesetter) -> None:
    """Draw a number or a note along an edge, rotated by 90°, as a "don't care" region."""
    style = page.style(page.em * page.between(0.7, 1.4))
    text = style.clean(
        page.choice((page.phrase(30), page.value(), f"{int(page.rng.integers(10**8))}"))
    ).strip()
    if not text:
        return
    layer = _text_mask(text, style)
    layer = layer.transpose(page.choice((Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)))
    room = page.canvas.height - layer.height
    if room <= 0:
        return
    margin = int(page.canvas.width * page.between(0.004, 0.03))
    x, y = page.choice((margin, page.canvas.width - margin - layer.width)), int(page.rng.integers(room))
    if page.canvas.occupy(x, y, x + layer.width, y + layer.height):
        page.canvas.image.paste(style.colour, (x, y), layer)
        page.canvas.ignore(x, y, x + layer.width, y + layer.height)


def _text_mask(text: str, style: Style) -> Image.Image:
    """The ink mask of a text, H×W in 0 … 255, cropped to the ink."""
    runs = style.runs(text)
    mask = Image.new("L", (int(style.width(text)) + style.size, 2 * style.size), 0)
    draw, x = ImageDraw.Draw(mask), style.size / 3
    for part, face in runs:
        draw.text((x, 1.4 * style.size), part, fill=255, font=face, anchor="ls")
        x += face.getlength(part)
    return mask.crop(mask.getbbox())


def _facing_page(page: Typesetter) -> None:
    """Draw the edge of a facing page, with cut-off lines and a dark gutter, as a "don't care" region."""
    strip = int(page.canvas.width * page.between(0.012, 0.045))
    height, at_left = page.canvas.height, page.chance(0.5)
    edge = 0 if at_left else page.canvas.width - strip
    if not page.canvas.occupy(edge - 4 if not at_left else edge, 0, edge + strip + 4, height):
        return
    y, style = height * 0.08, page.body
    while y < height * 0.9:
        mask = _text_mask(style.clean(page.prose(12))[:12].strip() or "o", style)
        if page.chance(0.85):
            gap = round(page.em * 0.6)
            x = strip - mask.width - gap if at_left else page.canvas.width - strip + gap
            page.canvas.image.paste(style.colour, (x, round(y)), mask)
        y += page.pitch
    page.canvas.ignore(edge, 0, edge + strip, height)
    shade = page.between(0.4, 0.95)
    width = 2 * strip
    start = max(0, min(page.canvas.width - width, edge - strip // 2))
    gutter = (start, 0, start + width, height)
    pixels = np.asarray(page.canvas.image.crop(gutter), np.float32)
    ramp = 1 - (1 - shade) * np.exp(-((np.linspace(-2, 2, width, dtype=np.float32)) ** 2) * 2)
    page.canvas.image.paste(Image.fromarray((pixels * ramp[None, :, None]).astype(np.uint8)), (start, 0))


def _dirt(page: Typesetter) -> None:
    """Draw toner dirt that gets denser towards a corner."""
    count = int(page.rng.integers(200, 2500))
    reach = page.canvas.width * page.between(0.05, 0.25)
    xs, ys = page.rng.exponential(reach / 3, count), page.rng.exponential(reach / 4, count)
    if page.chance(0.5):
        xs = page.canvas.width - xs
    ys = page.canvas.height - ys
    page.canvas.draw.point(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=(0, 0, 0))
