"""What is printed on pages besides text: pictures, charts, signatures, barcodes, logos."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.synthesis.canvas import Piece
from ocrpipe.synthesis.typesetting import Frame, Typesetter

Pixels = NDArray[np.uint8]

_LABEL_GAP = 1.8  # ems between the labels of an axis, so that they are lines of their own


def picture(page: Typesetter, frame: Frame) -> None:
    """A photograph-like picture, a halftone, or a line drawing that fills the frame."""
    width, height = max(8, int(frame.width)), max(8, int(frame.height))
    kind = page.choice((_clouds, _clouds, _shapes, _halftone, _hatching))
    page.canvas.paste(kind(page.rng, width, height), int(frame.left), int(frame.top))
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
        page.canvas.image.paste(Image.fromarray(_clouds(page.rng, width, height)), (0, 0))


def _clouds(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Blobs at several scales, in colour or grey: what a photograph is to a text detector."""
    if width * height > 400_000:
        small = _clouds(rng, width // 2, height // 2)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (3, 9, 30, 90):
        coarse = rng.random((cells, cells, 3), np.float32)
        if rng.random() < 0.5:
            coarse[...] = coarse[..., :1]
        scaled = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        total += np.asarray(scaled, np.float32) / float(cells**0.5)
    low, high = float(total.min()), float(total.max())
    image = ((total - low) * (255 / (high - low))).astype(np.uint8)
    for _ in range(int(rng.integers(0, 12))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(2, 2 + width // 4)), int(rng.integers(2, 2 + height // 4)))
        shade = [int(v) for v in rng.integers(0, 256, 3)]
        cv2.ellipse(
            image, centre, axes, float(rng.uniform(0, 180)), 0, 360, shade, int(rng.choice([-1, 2, 5]))
        )
    return image


def _shapes(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Line art: polygons, circles and strokes."""
    image = np.full((height, width, 3), 255, np.uint8)
    for _ in range(int(rng.integers(4, 40))):
        points = np.stack((rng.integers(0, width, 4), rng.integers(0, height, 4)), axis=1).astype(np.int32)
        shade = [int(v) for v in rng.integers(0, 160, 3)]
        if rng.random() < 0.5:
            cv2.polylines(image, [points], bool(rng.random() < 0.5), shade, int(rng.integers(1, 4)))
        else:
            cv2.circle(
                image,
                (int(points[0, 0]), int(points[0, 1])),
                int(rng.integers(2, 60)),
                shade,
                int(rng.integers(1, 3)),
            )
    return image


def _halftone(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """A picture made of printed dots."""
    grey = cv2.cvtColor(_clouds(rng, width, height), cv2.COLOR_RGB2GRAY)
    period = float(rng.uniform(3, 9))
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) * (2 * math.pi / period)
    turn = math.radians(float(rng.choice([0, 30, 45])))
    along, across = xs * math.cos(turn) + ys * math.sin(turn), ys * math.cos(turn) - xs * math.sin(turn)
    screen = (np.sin(along) + np.sin(across)) * 60 + 128
    return np.where(grey > screen, 255, 20).astype(np.uint8)


def _hatching(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """An engraving: parallel strokes at a few angles, sparse and dense."""
    image = np.full((height, width), 255, np.uint8)
    for _ in range(int(rng.integers(3, 9))):
        angle, step = float(rng.uniform(0, math.pi)), float(rng.uniform(4, 14))
        cx, cy, reach = (
            rng.uniform(0, width),
            rng.uniform(0, height),
            float(rng.uniform(0.1, 0.4)) * max(width, height),
        )
        for offset in np.arange(-reach, reach, step):
            x, y = cx + offset * math.cos(angle), cy + offset * math.sin(angle)
            dx, dy = -math.sin(angle) * reach, math.cos(angle) * reach
            cv2.line(image, (int(x - dx), int(y - dy)), (int(x + dx), int(y + dy)), 30, 1)
    return image


def chart(page: Typesetter, frame: Frame) -> None:
    """Bars, curves or a pie, with labelled axes that count as text."""
    draw, rng = page.canvas.draw, page.rng
    label = page.style(max(8, page.em * page.between(0.6, 0.85)))
    size = label.size
    inner = Frame(frame.left + 4 * size, frame.top + size, frame.right - size, frame.bottom - 2.5 * size)
    if inner.width < 8 * size or inner.height < 6 * size:
        return
    kind = page.choice(("bars", "curves", "pie"))
    if kind == "pie":
        _pie(page, inner)
        return
    draw.line(
        (inner.left, inner.top, inner.left, inner.bottom, inner.right, inner.bottom), fill=page.ink, width=1
    )
    ticks = int(rng.integers(3, 7))
    grid = page.chance(0.4)
    for i in range(ticks):
        y = inner.bottom - inner.height * i / ticks
        page.canvas.row(
            [Piece(str(i * int(rng.integers(1, 50))), label, inner.left - size * 0.5, "right")],
            y + size * 0.35,
        )
        if grid:
            draw.line((inner.left, y, inner.right, y), fill=(190, 190, 190))
    count = int(rng.integers(3, 9))
    step = inner.width / count
    year = int(rng.integers(1950, 2020))
    names = [str(year + i) if page.chance(0.8) else page.phrase(8) for i in range(count)]
    for i, name in enumerate(names):
        if label.width(name) < step - _LABEL_GAP * size:
            page.canvas.row(
                [Piece(name, label, inner.left + step * (i + 0.5), "centre")], inner.bottom + 1.4 * size
            )
    for _ in range(int(rng.integers(1, 4))):
        heights = inner.bottom - inner.height * rng.uniform(0.05, 0.95, count)
        colour = page.colour(0, 200)
        if kind == "bars":
            for i, y in enumerate(heights):
                x = inner.left + step * (i + 0.2)
                draw.rectangle((x, y, x + step * 0.5, inner.bottom), fill=colour)
        else:
            points = [(inner.left + step * (i + 0.5), float(y)) for i, y in enumerate(heights)]
            draw.line(points, fill=colour, width=int(rng.integers(1, 4)))


def _pie(page: Typesetter, frame: Frame) -> None:
    radius = min(frame.width, frame.height) / 2
    cx, cy = frame.left + radius, (frame.top + frame.bottom) / 2
    start = 0.0
    for share in page.rng.dirichlet(np.ones(int(page.rng.integers(3, 8)))):
        end = start + 360 * float(share)
        page.canvas.draw.pieslice(
            (cx - radius, cy - radius, cx + radius, cy + radius),
            start,
            end,
            fill=page.colour(60, 240),
            outline=page.ink,
        )
        start = end


def signature(page: Typesetter, frame: Frame) -> None:
    """A scrawl inside the frame."""
    t = np.linspace(0, float(page.between(3, 7)) * math.pi, 90)
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
