"""Contact sheets of rendered lines and pages."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.page import Quad
from ocrpipe.synthesis.fonts import Font

Pixels = NDArray[np.uint8]


def outlined(image: Pixels, quads: Sequence[Quad], colour: tuple[int, int, int] = (230, 0, 0)) -> Pixels:
    """A copy of an H×W×3 RGB image with the quads drawn on it."""
    copy: Pixels = image.copy()
    for quad in quads:
        cv2.polylines(copy, [np.round(quad).astype(np.int32)], True, colour, max(1, image.shape[1] // 800))
    return copy


def contact_sheet(
    images: Sequence[Pixels],
    captions: Sequence[str] = (),
    *,
    columns: int = 4,
    cell: tuple[int, int] = (420, 560),
    font: Font | None = None,
) -> Pixels:
    """Images in a grid, each shrunk to fit its cell, with a caption below.

    Args:
        images: H×W grey or H×W×3 RGB uint8; pages or line crops.
        captions: Captions of the images, if any.
        columns: Images side by side.
        cell: Maximum width and height of an image, in pixels; a row is as high as its highest image.
        font: Font of the captions, by default Pillow's own, which has Latin letters only.

    Returns:
        H×W×3 uint8, RGB.
    """
    width, max_height = cell
    face = font.at(14) if font else ImageFont.load_default(14)
    caption_height = 20 if captions else 0
    thumbnails = [_thumbnail(image, width, max_height) for image in images]
    rows = [thumbnails[i : i + columns] for i in range(0, len(thumbnails), columns)]
    heights = [max(image.height for image in row) + caption_height + 6 for row in rows]
    sheet = Image.new("RGB", (columns * (width + 6), max(1, sum(heights))), (120, 120, 140))
    draw = ImageDraw.Draw(sheet)
    top = 0
    for i, (row, height) in enumerate(zip(rows, heights, strict=True)):
        for j, image in enumerate(row):
            left, index = j * (width + 6), i * columns + j
            sheet.paste(image, (left, top))
            if index < len(captions):
                draw.text(
                    (left + 2, top + height - caption_height - 4),
                    captions[index],
                    fill=(255, 255, 255),
                    font=face,
                )
        top += height
    return np.asarray(sheet)


def _thumbnail(image: Pixels, width: int, height: int) -> Image.Image:
    picture = Image.fromarray(image).convert("RGB")
    picture.thumbnail((width, height), Image.Resampling.BOX)
    return picture
