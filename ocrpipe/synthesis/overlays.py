"""What is stamped or drawn over a line: seals, stamps, pen lines through the text.

Masks are H×W uint8, 255 where there is ink; seals are fainter, as their red is in grey.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ocrpipe.synthesis.fonts import Font
from ocrpipe.synthesis.line_drawing import DrawnLine, Mask

Rng = np.random.Generator


def with_seal(rng: Rng, line: DrawnLine, text: str, font: Font) -> DrawnLine:
    """The line with a seal over a part of it.

    Args:
        rng: Source of all random choices.
        line: The line.
        text: The seal's text, of which a part may be visible.
        font: Its font; characters that it lacks are left out.
    """
    size = line.bottom - line.top
    text = "".join(c for c in text if font.covers(c)).strip()
    seal = np.zeros_like(line.mask)
    draw_seal = (_round_seal, _round_seal, _square_seal, _frame)[int(rng.integers(4))]
    middle = float(rng.uniform(line.left, line.right)), float(rng.uniform(line.top, line.bottom))
    draw_seal(rng, seal, middle, size, text, font)
    if rng.random() < 0.5:  # ink that did not take everywhere
        cells = max(2, round(seal.shape[0] / (0.15 * size))), max(2, round(seal.shape[1] / (0.15 * size)))
        worn = cv2.resize(rng.uniform(0.2, 1.3, cells).astype(np.float32), seal.shape[::-1])
        seal = np.asarray(seal * np.clip(worn, 0, 1), np.uint8)
    strength = float(rng.uniform(0.2, 0.6))
    ink, over = line.mask.astype(np.float32) / 255, seal.astype(np.float32) * (strength / 255)
    return replace(line, mask=np.asarray(255 * (1 - (1 - ink) * (1 - over)), np.uint8))


def with_pen_line(rng: Rng, line: DrawnLine) -> DrawnLine:
    """The line with a curved or straight stroke of a pen through it, or a loop around a part of it."""
    size, mask = line.bottom - line.top, line.mask.copy()
    thickness, shade = max(1, round(size * float(rng.uniform(0.02, 0.07)))), int(rng.integers(90, 256))
    if rng.random() < 0.3:
        centre = round(float(rng.uniform(line.left, line.right))), round((line.top + line.bottom) / 2)
        axes = round(size * float(rng.uniform(0.7, 3))), round(size * float(rng.uniform(0.5, 0.9)))
        start = float(rng.uniform(0, 360))
        cv2.ellipse(
            mask, centre, axes, float(rng.normal(0, 6)), start, start + 350, shade, thickness, cv2.LINE_AA
        )
    else:
        count = int(rng.integers(2, 7))
        xs = np.sort(rng.uniform(line.left - size, line.right + size, count))
        ys = rng.uniform(line.top - 0.3 * size, line.bottom + 0.3 * size, count)
        points = _smooth(np.stack([xs, ys], 1))
        cv2.polylines(mask, [points.astype(np.int32)], False, shade, thickness, cv2.LINE_AA)
    return replace(line, mask=mask)


def _round_seal(
    rng: Rng, seal: Mask, middle: tuple[float, float], size: float, text: str, font: Font
) -> None:
    """A ring with text along it and a star in the middle; its edge often runs through the line."""
    radius = size * float(rng.uniform(1.2, 3.5))
    angle = float(rng.uniform(0, 2 * np.pi))
    reach = radius * float(rng.uniform(0.0, 1.0))
    x, y = middle[0] + reach * math.cos(angle), middle[1] + reach * math.sin(angle)
    thickness = max(1, round(size * float(rng.uniform(0.04, 0.12))))
    cv2.circle(seal, (round(x), round(y)), round(radius), 255, thickness, cv2.LINE_AA)
    if rng.random() < 0.6:
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2, 0.12, 0.3) * radius
        star = np.stack([x + radii * np.cos(turns), y + radii * np.sin(turns)], 1)
        cv2.fillPoly(seal, [star.astype(np.int32)], 255, cv2.LINE_AA)
    em = radius * float(rng.uniform(0.22, 0.3))
    for i, character in enumerate(text[:14]):
        turn = (i - 6.5) * 0.33
        place = x + (radius - 0.75 * em) * math.sin(turn), y - (radius - 0.75 * em) * math.cos(turn)
        _stamp(seal, character, font, em, place, -math.degrees(turn))


def _square_seal(
    rng: Rng, seal: Mask, middle: tuple[float, float], size: float, text: str, font: Font
) -> None:
    """A name seal: four characters in a square, cut out or raised."""
    side = size * float(rng.uniform(0.9, 2.0))
    left, top = round(middle[0] - side / 2), round(middle[1] - side / 2)
    right, bottom = round(left + side), round(top + side)
    layer = np.zeros_like(seal)
    for i, character in enumerate(text[:4]):
        place = left + side * (0.75 - 0.5 * (i // 2)), top + side * (0.27 + 0.46 * (i % 2))
        _stamp(layer, character, font, 0.42 * side, place, 0.0)
    if rng.random() < 0.5:
        cv2.rectangle(seal, (left, top), (right, bottom), 255, -1)
        cv2.subtract(seal, layer, seal)
    else:
        cv2.rectangle(layer, (left, top), (right, bottom), 255, max(1, round(0.06 * side)))
        np.maximum(seal, layer, out=seal)


def _frame(rng: Rng, seal: Mask, middle: tuple[float, float], size: float, text: str, font: Font) -> None:
    """A stamp of one line in a tilted frame, as PAID or a date."""
    em = size * float(rng.uniform(0.6, 1.4))
    words = text[:8]
    face = font.at(max(6, round(em)))
    width, height = max(8.0, float(face.getlength(words)) + em), 1.7 * em
    canvas = Image.new("L", (round(width), round(height)))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, 0, round(width) - 1, round(height) - 1), outline=255, width=max(1, round(0.08 * em)))
    draw.text((width / 2, height / 2), words, fill=255, font=face, anchor="mm")
    _paste(seal, np.array(canvas), middle, float(rng.uniform(-25, 25)))


def _stamp(
    seal: Mask, character: str, font: Font, em: float, place: tuple[float, float], degrees: float
) -> None:
    face = font.at(max(6, round(em)))
    canvas = Image.new("L", (round(1.5 * em) + 2,) * 2)
    ImageDraw.Draw(canvas).text((0.75 * em, 0.75 * em), character, fill=255, font=face, anchor="mm")
    _paste(seal, np.array(canvas), place, degrees)


def _paste(seal: Mask, piece: Mask, middle: tuple[float, float], degrees: float) -> None:
    """Lay a piece, turned counter-clockwise about its middle, over the seal at ``middle``."""
    height, width = piece.shape
    reach = math.hypot(height, width) / 2
    left, top = max(0, math.floor(middle[0] - reach)), max(0, math.floor(middle[1] - reach))
    right, bottom = math.ceil(middle[0] + reach), math.ceil(middle[1] + reach)
    part = seal[top:bottom, left:right]
    if not part.size or right <= left or bottom <= top:
        return
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix[:, 2] += middle[0] - left - (width - 1) / 2, middle[1] - top - (height - 1) / 2
    np.maximum(part, cv2.warpAffine(piece, matrix, (part.shape[1], part.shape[0])), out=part)


def _smooth(points: np.ndarray) -> np.ndarray:
    """The polyline with its corners cut three times (Chaikin's algorithm)."""
    for _ in range(3):
        ahead, behind = 0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]
        points = np.concatenate([points[:1], np.stack([ahead, behind], 1).reshape(-1, 2), points[-1:]])
    return points
