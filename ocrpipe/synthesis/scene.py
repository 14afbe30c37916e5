"""Render words as photographs show them: signs, shop fronts, packages, screens.

Letters with outlines, shadows and relief on a generated surface are projected as one, then lit, blurred and
stored at the resolution of a small crop. All is grey, as the recogniser sees it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ocrpipe.synthesis import effects
from ocrpipe.synthesis.fonts import Font
from ocrpipe.synthesis.line_drawing import Run, advance
from ocrpipe.synthesis.scene_backgrounds import background, fractal, lighting
from ocrpipe.synthesis.scene_geometry import Projection, random_projection
from ocrpipe.synthesis.scene_lettering import Paint, paint_letters

Rng = np.random.Generator
Plane = NDArray[np.float32]
Box = tuple[float, float, float, float]

_SIZES = (11.0, 60.0)
"""Font sizes in pixels of the photograph, log-uniform."""
_DRAWN_SIZES = (26, 44)
"""Font sizes at which letters are drawn at least and at most, before the loss of resolution."""
_MIN_SPREAD = 22
"""Grey levels between letters and surface that low light leaves."""
_COLUMNS = 24
"""Points along the text's edges from which the place of its box in the photograph is computed."""


def render_scene(
    rng: Rng, runs: Sequence[Run], neighbour: str, max_aspect: float, strength: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A word crop from a simulated photograph.

    Args:
        rng: Source of all random choices.
        runs: The characters; at least one leaves ink.
        neighbour: Text beside and below it, parts of which reach into the crop; its characters that the font
            of the first run lacks are left out.
        max_aspect: Maximum width of the crop over its height.
        strength: Of blur, noise and compression: 1 is the usual mixture, 0 none.

    Returns:
        H×W uint8, grey, and the centre x of each character of the runs in it, in pixels.
    """
    size = math.exp(rng.uniform(math.log(_SIZES[0]), math.log(_SIZES[1])))
    drawn_size = round(min(max(size, _DRAWN_SIZES[0]), _DRAWN_SIZES[1]))
    margins = _margins(rng)
    letters, centers, box = _draw(rng, runs, drawn_size)
    others = _neighbours(rng, letters.shape, neighbour, runs[0].font, drawn_size, box, margins)
    paint = paint_letters(rng, letters, others, drawn_size)
    projection = random_projection(rng, box, len(centers))
    image, middles = _photograph(rng, paint, projection, box, centers, margins)
    if image.shape[1] > max_aspect * image.shape[0]:
        factor = max_aspect * image.shape[0] / image.shape[1]
        middles = middles * factor
        width = max(4, int(image.shape[1] * factor))
        image = np.asarray(cv2.resize(image, (width, image.shape[0]), interpolation=cv2.INTER_AREA))
    return _captured(rng, image, middles, size / drawn_size, strength)


def _margins(rng: Rng) -> NDArray[np.float64]:
    """Space around the text: left, top, right, bottom, as fractions of its height."""
    kind = rng.random()
    limits = (-0.03, 0.08) if kind < 0.4 else (0.0, 0.22) if kind < 0.85 else (0.0, 0.5)
    return rng.uniform(*limits, 4) * (1.3, 1.0, 1.3, 1.0)


def _draw(rng: Rng, runs: Sequence[Run], size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32], Box]:
    """The letters as a mask, the middle of each character, and the box of the ink."""
    tracking = float(rng.normal(0.01, 0.025) if rng.random() < 0.75 else rng.uniform(-0.05, 0.7)) * size
    uneven = float(rng.uniform(0.02, 0.1)) * size if rng.random() < 0.06 else 0.0
    characters = [(c, run) for run in runs for c in run.drawn]
    widths = [advance(run.font, run.size(size), c) + tracking for c, run in characters]
    margin, baseline = round(1.3 * size), round(2.3 * size)
    lefts = margin + np.concatenate([[0.0], np.cumsum(widths)])
    canvas = Image.new("L", (int(lefts[-1] + margin) + 2, round(3.9 * size)))
    draw = ImageDraw.Draw(canvas)
    for left, (character, run) in zip(lefts[:-1].tolist(), characters, strict=True):
        y = baseline - run.rise * size + (float(rng.uniform(-1, 1)) * uneven if uneven else 0.0)
        draw.text((left, y), character, fill=255, font=run.font.at(run.size(size)), anchor="ls")
    mask = np.array(canvas)
    ink = np.flatnonzero(mask.max(0) > 100), np.flatnonzero(mask.max(1) > 100)
    left, right = (float(ink[0][0]), float(ink[0][-1] + 1)) if len(ink[0]) else (margin, lefts[-1])
    top, bottom = (float(ink[1][0]), float(ink[1][-1] + 1)) if len(ink[1]) else (baseline - size, baseline)
    missing = 0.5 * size - (bottom - top)  # of a dash or a dot
    if missing > 0:
        top, bottom = top - missing / 2, bottom + missing / 2
    middles = (lefts[:-1] + lefts[1:] - tracking) / 2
    return mask, middles.astype(np.float32), (left, top, right, bottom)


def _neighbours(
    rng: Rng,
    shape: tuple[int, ...],
    text: str,
    font: Font,
    size: int,
    box: Box,
    margins: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """A mask of words around the text: of letters beside it no more than a quarter is in the crop."""
    canvas = Image.new("L", (shape[1], shape[0]))
    text = "".join(c for c in text if font.covers(c)).strip()
    if not text or rng.random() < 0.55:
        return np.array(canvas)
    draw, height = ImageDraw.Draw(canvas), box[3] - box[1]
    left, top, right, bottom = box + np.array([-1, -1, 1, 1]) * margins.clip(0) * height
    visible = float(rng.uniform(-0.1, 0.22)) * size
    place = rng.random()
    face = font.at(max(8, round(size * float(rng.uniform(0.5, 1.1)))))
    if place < 0.35:
        draw.text((min(left + visible, box[0] - 0.2 * size), box[3]), text, fill=255, font=face, anchor="rb")
    elif place < 0.7:
        draw.text((max(right - visible, box[2] + 0.2 * size), box[3]), text, fill=255, font=face, anchor="lb")
    elif place < 0.85:
        y = min(top + visible, box[1] - 0.06 * size)
        draw.text((box[0] - float(rng.uniform(0, 1)) * size, y), text, fill=255, font=face, anchor="lb")
    else:
        y = max(bottom - visible, box[3] + 0.06 * size)
        draw.text((box[0] - float(rng.uniform(0, 1)) * size, y), text, fill=255, font=face, anchor="lt")
    return np.array(canvas)


def _photograph(
    rng: Rng,
    paint: Paint,
    projection: Projection,
    box: Box,
    centers: NDArray[np.float32],
    margins: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The crop around the projected box, and the centre x of each character in it."""
    xs = np.linspace(box[0], box[2], _COLUMNS, dtype=np.float32)
    edges = [np.stack([xs, np.full_like(xs, y)], 1) for y in (box[1], box[3])]
    outline = projection.forward(np.concatenate(edges))
    (left, top), (right, bottom) = outline.min(0), outline.max(0)
    reach = min(bottom - top, 1.3 * (box[3] - box[1]))
    left, top = left - margins[0] * reach, top - margins[1] * reach
    right, bottom = right + margins[2] * reach, bottom + margins[3] * reach
    width, height = max(6, round(float(right - left))), max(8, round(float(bottom - top)))
    xs, ys = projection.backward(float(left), float(top), width, height)
    alpha, shade, panel = (
        np.asarray(cv2.remap(plane, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for plane in (paint.alpha, paint.shade, paint.panel)
    )
    surface = background(rng, height, width, paint.surface, paint.contrast) + panel
    if rng.random() < 0.12:  # weathered letters
        worn = np.clip(1.3 + 1.5 * fractal(rng, height, width), 0.25, 1)
        alpha = alpha * worn
    image = surface + (shade - surface) * alpha
    if rng.random() < 0.4:
        light = lighting(rng, height, width)
        image = image * (light / max(1.0, float(light.max()) * float(image.max()) / 255))
    middle = np.full_like(centers, (box[1] + box[3]) / 2)
    middles = projection.forward(np.stack([centers, middle], 1))[:, 0] - left
    return np.clip(image, 0, 255).astype(np.uint8), np.clip(middles, 0, width - 1).astype(np.float32)


def _captured(
    rng: Rng, image: NDArray[np.uint8], centers: NDArray[np.float32], scale: float, strength: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The crop as a camera stores it: blurred, at its resolution, noisy and compressed.

    Args:
        rng: Source of all random choices.
        image: H×W.
        centers: Centre x of each character in it.
        scale: Resolution of the result over that of the image.
        strength: See ``render_scene``.
    """
    height, width = image.shape
    scale = min(1.0, max(scale, 8 / height, 4 / width))
    chance = min(strength, 1.8)
    if rng.random() < 0.55 * chance:
        limit = 0.035 if rng.random() < 0.85 else 0.075
        image = _u8(cv2.GaussianBlur(image, (0, 0), 0.2 + limit * height * float(rng.random())))
    if rng.random() < 0.07 * chance:
        image = _motion(rng, image, max(2, round(0.12 * height)))
    if rng.random() < 0.15 * chance:  # low light or fog
        spread = float(np.ptp(np.percentile(image, (5, 95))))
        low, reach = float(rng.uniform(0, 90)), float(rng.uniform(45, 130)) / 255
        reach = min(1.0, max(reach, _MIN_SPREAD / max(spread, 1.0)))
        image = _u8(low + image.astype(np.float32) * reach)
        image = effects.noise(image, rng, 0.2)
    if scale < 1:
        small = max(4, round(width * scale)), max(8, round(height * scale))
        image = _u8(cv2.resize(image, small, interpolation=cv2.INTER_AREA))
    if rng.random() < 0.25 * chance:
        image = effects.noise(image, rng, 0.5)
    if rng.random() < 0.12 * chance:
        image = effects.sharpen(image, rng)
    if rng.random() < 0.5 * chance:
        image = effects.jpeg(image, rng, 25)
    if rng.random() < 0.2 * chance:  # enlarged later
        factor = float(rng.uniform(1.2, 2.5))
        size = round(image.shape[1] * factor), round(image.shape[0] * factor)
        interpolation = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        image = _u8(cv2.resize(image, size, interpolation=interpolation))
        if rng.random() < 0.4:
            image = effects.jpeg(image, rng, 35)
    centers = centers * np.float32(image.shape[1] / width)
    return image, np.clip(centers, 0, image.shape[1] - 1).astype(np.float32)


def _motion(rng: Rng, image: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Blur along a line of random direction, ``length`` pixels long at most."""
    angle, kernel = float(rng.uniform(0, np.pi)), np.zeros((length + 2, length + 2), np.float32)
    middle, reach = (length + 1) / 2, length / 2
    start = round(middle - reach * math.cos(angle)), round(middle - reach * math.sin(angle))
    end = round(middle + reach * math.cos(angle)), round(middle + reach * math.sin(angle))
    cv2.line(kernel, start, end, 1.0)
    return _u8(cv2.filter2D(image, -1, kernel / kernel.sum()))


def _u8(array: object) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.asarray(array), 0, 255), np.uint8)
