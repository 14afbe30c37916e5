"""Pages of vertical text, drawn with the font of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent / "data" / "fonts" / "NotoSansCJKsc-subset.otf"
_MARKS = "，。、"  # set in the upper right of their cells


def page_of(
    columns: Sequence[str], *, size: int = 36, gap: float = 0.6, rules: bool = False, heading: str = ""
) -> NDArray[np.uint8]:
    """Columns from right to left, each from top to bottom; runs of ASCII lie on their side.

    Args:
        columns: Text of each; ideographic spaces are empty cells.
        size: Em in pixels.
        gap: Space between columns in ems.
        rules: Whether there are lines between the columns.
        heading: A horizontal line at the top left.
    """
    font = ImageFont.truetype(str(FONT), size)
    margin, step = 2 * size, round((1 + gap) * size)
    top = margin + size // 2 + (2 * size if heading else 0)
    height = margin + top + size * (1 + max(len(column) for column in columns))
    width = 2 * margin + step * len(columns)
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    if heading:
        draw.text((margin // 2, margin // 3), heading, font=font, fill=0)
    for number, column in enumerate(columns):
        left = width - margin - size - number * step
        if rules:
            x = left - round(gap / 2 * size)
            draw.line([(x, top - size // 4), (x, height - margin // 2)], fill=0, width=2)
        _draw_column(image, draw, font, column, left, top, size)
    return np.stack([np.asarray(image)] * 3, axis=-1)


def _draw_column(
    image: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    column: str,
    left: int,
    top: int,
    size: int,
) -> None:
    at = 0
    while at < len(column):
        char = column[at]
        if char.isascii():
            end = at
            while end < len(column) and column[end].isascii():
                end += 1
            run = column[at:end]
            length = round(font.getlength(run))
            lying = Image.new("L", (length, size), 255)
            ImageDraw.Draw(lying).text((0, -size // 4), run, font=font, fill=0)
            image.paste(lying.transpose(Image.Transpose.ROTATE_270), (left, top))
            top, at = top + length, end
            continue
        right_up = (0.55 * size, -0.55 * size) if char in _MARKS else (0.0, 0.0)
        draw.text((left + right_up[0], top - size * 0.25 + right_up[1]), char, font=font, fill=0)
        top, at = top + size, at + 1
