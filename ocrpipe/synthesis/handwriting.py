"""Draw lines as written with a pen: hanzi stroke by stroke, other characters from script faces.

Each line has a writer with habits of slant, proportions, joins and pressure, who varies from character to
character; what is written stands on plain, ruled or squared paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ocrpipe.synthesis.fonts import Font
from ocrpipe.synthesis.line_drawing import DrawnLine, Mask, advance
from ocrpipe.synthesis.pen import Placed, Writer, random_writer, write
from ocrpipe.synthesis.pen_strokes import PenStrokes, Stroke
from ocrpipe.synthesis.text import is_han

Rng = np.random.Generator

_SCALE = 2
"""Strokes are drawn so many times larger, for pen widths of fractions of a pixel."""


def _punctuation() -> dict[str, list[Stroke]]:
    turn = np.linspace(0.3, 6.9, 12, dtype=np.float32)
    circle = np.stack([0.2 + 0.09 * np.cos(turn), 0.84 + 0.09 * np.sin(turn)], 1)
    dot, low_dot = [(0.2, 0.42), (0.22, 0.45)], [(0.2, 0.82), (0.22, 0.85)]
    comma = [(0.18, 0.8), (0.23, 0.84), (0.2, 0.92), (0.14, 0.97)]
    strokes: dict[str, list[object]] = {
        "，": [comma],
        "。": [circle],
        "、": [[(0.12, 0.78), (0.2, 0.84), (0.28, 0.93)]],
        "：": [dot, low_dot],
        "；": [dot, comma],
        "（": [[(0.9, 0.1), (0.72, 0.35), (0.7, 0.62), (0.88, 0.95)]],
        "）": [[(0.1, 0.1), (0.28, 0.35), (0.3, 0.62), (0.12, 0.95)]],
        "！": [[(0.25, 0.1), (0.24, 0.65)], low_dot],
        "—": [[(0.02, 0.5), (0.98, 0.49)]],
    }
    return {c: [np.asarray(stroke, np.float32) for stroke in of_one] for c, of_one in strokes.items()}


PUNCTUATION = _punctuation()
"""Strokes of Chinese punctuation marks."""


def can_write(text: str, strokes: PenStrokes | None, font: Font) -> str:
    """What of the text can be written: hanzi with known strokes, and characters of the script face."""
    known = (
        c
        for c in text
        if c == " " or (strokes is not None and (c in strokes or c in PUNCTUATION)) or _in_face(c, font)
    )
    return " ".join("".join(known).split())


def draw_handwriting(
    rng: Rng, text: str, strokes: PenStrokes | None, font: Font, size: int, writer: Writer | None = None
) -> DrawnLine:
    """Draw a line of handwriting.

    Args:
        rng: Source of all random choices.
        text: The text, see ``can_write``.
        strokes: Strokes of hanzi.
        font: A script face for other characters.
        size: Height of a hanzi in pixels.
        writer: Habits; random by default.
    """
    writer = writer or random_writer(rng)
    margin, baseline = 1.5 * size, 2.2 * size
    height = round(3.6 * size)
    face = font.at(max(8, round(size * float(rng.uniform(0.85, 1.15)))))
    pitch, x = [], margin
    drift = rng.normal(0, 1, len(text) // 6 + 3) * writer.wander * size
    rises = np.interp(np.linspace(0, len(drift) - 1, max(1, len(text))), np.arange(len(drift)), drift)
    for character in text:
        width = _width(character, strokes, font, face.size, size, writer)
        width *= float(np.exp(rng.normal(0, 0.04 + 0.1 * (character == " "))))
        pitch.append((x, width))
        x += width
    letters = Image.new("L", (round(x + margin), height))
    draw = ImageDraw.Draw(letters)
    centers, written = [], list[Placed]()
    for character, (left, width), rise in zip(text, pitch, rises.tolist(), strict=True):
        bottom = baseline + rise
        own = _strokes_of(character, strokes)
        if own:
            grown = size * float(np.exp(rng.normal(0, 0.05)))
            place = left + 0.5 * (width - writer.proportions * grown), bottom - 0.88 * grown
            written.append(Placed(own, grown, place))
        elif character != " ":
            top = bottom + float(rng.normal(0, 0.02)) * size
            draw.text((left, top), character, fill=255, font=face, anchor="ls")
        centers.append(left + 0.5 * width)
    mask = np.array(letters)
    if written:
        canvas = np.zeros((height * _SCALE, letters.width * _SCALE), np.uint8)
        write(rng, canvas, written, writer, _SCALE)
        mask = np.maximum(mask, cv2.resize(canvas, (letters.width, height), interpolation=cv2.INTER_AREA))
    mask = _wavering(rng, mask, size)
    ink = np.flatnonzero(mask.max(0) > 80)
    left, right = (float(ink[0]), float(ink[-1] + 1)) if len(ink) else (margin, x)
    rows = np.flatnonzero(mask.max(1) > 80)
    top, bottom = (float(rows[0]), float(rows[-1] + 1)) if len(rows) else (baseline - size, baseline)
    missing = 0.6 * size - (bottom - top)  # of a dash or a dot
    if missing > 0:
        top, bottom = top - missing / 2, bottom + missing / 2
    if rng.random() < 0.12:
        mask = _faint(rng, mask)
    mask = np.maximum(mask, _paper(rng, mask.shape, size, baseline, pitch))
    return DrawnLine(mask, text, np.asarray(centers, np.float32), left, right, top, bottom)


def _in_face(character: str, font: Font) -> bool:
    return not is_han(character) and font.covers(character)


def _strokes_of(character: str, strokes: PenStrokes | None) -> list[Stroke]:
    if strokes is not None and character in strokes:
        return strokes.of(character)
    return PUNCTUATION.get(character, [])


def _width(
    character: str, strokes: PenStrokes | None, font: Font, face_size: float, size: int, writer: Writer
) -> float:
    """Pixels to the next character."""
    if _strokes_of(character, strokes):
        share = 0.6 if character in "，。、：；！" else 1.0
        return size * (writer.proportions * share + writer.spacing)
    return advance(font, round(face_size), character) + 0.02 * size


def _wavering(rng: Rng, mask: Mask, size: int) -> Mask:
    """The line with a smooth random displacement of a few hundredths of an em, so that no glyph recurs."""
    height, width = mask.shape
    cells = max(2, round(height / (0.7 * size))), max(2, round(width / (0.7 * size)))
    amount = float(rng.uniform(0.01, 0.05)) * size
    xs, ys = (
        np.asarray(cv2.resize(rng.normal(0, amount, cells).astype(np.float32), (width, height)), np.float32)
        for _ in range(2)
    )
    xs += np.arange(width, dtype=np.float32)[None]
    ys += np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(mask, xs, ys, cv2.INTER_LINEAR), np.uint8)


def _faint(rng: Rng, mask: Mask) -> Mask:
    """Strokes as of a pencil or a dry pen: grey and grainy."""
    grain = rng.integers(90, 256, mask.shape, dtype=np.uint8)
    soft = cv2.GaussianBlur(grain, (0, 0), 0.7)
    return np.asarray(cv2.multiply(mask, soft, scale=float(rng.uniform(0.8, 1.1)) / 255), np.uint8)


def _paper(
    rng: Rng, shape: tuple[int, ...], size: int, baseline: float, pitch: Sequence[tuple[float, float]]
) -> Mask:
    """Rules, squares or a highlighter's mark as a mask; fainter than ink."""
    paper, kind = np.zeros(shape, np.uint8), rng.random()
    if kind < 0.55:
        return paper
    shade, thickness = int(rng.integers(30, 200)), max(1, round(size * float(rng.uniform(0.015, 0.05))))
    height, width = shape
    if kind < 0.8:  # ruled
        step = size * float(rng.uniform(1.2, 1.8))
        first = baseline + size * float(rng.uniform(0.02, 0.3))
        for y in (first - step, first, first + step):
            if 0 <= y < height - thickness:
                paper[round(y) : round(y) + thickness] = shade
    elif kind < 0.9:  # squared
        step = size * float(rng.uniform(0.35, 1.3))
        for y in np.arange(baseline % step, height - thickness, step):
            paper[round(y) : round(y) + thickness] = shade
        for x in np.arange(pitch[0][0] % step, width - thickness, step):
            paper[:, round(x) : round(x) + thickness] = shade
    else:  # highlighted, all or a part
        ends = sorted(rng.uniform(pitch[0][0], pitch[-1][0] + pitch[-1][1], 2).tolist())
        left, right = ends if rng.random() < 0.5 else (pitch[0][0] - 0.3 * size, float(width))
        top, bottom = (
            baseline - size * float(rng.uniform(0.7, 1.0)),
            baseline + size * float(rng.uniform(0.0, 0.25)),
        )
        paper[round(top) : round(bottom), max(0, round(left)) : round(right)] = int(rng.integers(20, 75))
    return paper
