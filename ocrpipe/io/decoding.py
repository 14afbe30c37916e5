"""Pillow images to arrays, strip by strip, so that no second copy of the whole image is in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from ocrpipe.errors import UnreadableImageError

_STRIP = 1 << 22  # pixels
_MAX_SCANS = 100  # of a progressive JPEG; usual encoders write about ten
_MAX_SCANNED = 4_000_000_000  # pixels of all scans together; about half a minute
_MAX_SAMPLE, _MAX_SAMPLE_VALUE = 281, 341  # tags of a TIFF


def to_oriented_rgb(
    image: Image.Image, orientation: int, flatten: Callable[[Image.Image], Image.Image]
) -> NDArray[np.uint8]:
    """An RGB array of a decoded image, with its EXIF orientation applied.

    Args:
        image: Of any mode that ``flatten`` accepts.
        orientation: EXIF orientation, 1 to 8.
        flatten: Converts a strip to RGB.

    Returns:
        H×W×3, uint8, contiguous.
    """
    width, height = image.size
    pixels = np.empty((width, height, 3) if orientation > 4 else (height, width, 3), np.uint8)
    stored = _as_stored(pixels, orientation)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = image if rows >= height else image.crop((0, top, width, bottom))
        stored[top:bottom] = np.asarray(flatten(strip))
    return pixels


def white_of(image: Image.Image, values: NDArray[Any]) -> int:
    """The value of white in an image of 16 bits.

    TIFFs often hold 10 or 12 bits in 16: a tag states the maximum, or else the highest value determines it.
    """
    if getattr(image, "format", None) != "TIFF":
        return 65535
    highest = int(values.max())
    tags: Any = getattr(image, "tag_v2", {})
    for tag in (_MAX_SAMPLE_VALUE, _MAX_SAMPLE):
        try:
            value: Any = tags.get(tag)
            stated = int(value[0] if isinstance(value, tuple) else value)
        except (TypeError, ValueError, OverflowError, IndexError):
            continue
        if 255 < stated <= 65535 and highest <= stated:
            return stated
    return int((1 << max(8, highest.bit_length())) - 1)


def check_scans(stream: BinaryIO, image: ImageFile, name: str) -> None:
    """Refuse a progressive JPEG of so many scans that decoding it would take minutes.

    Raises:
        UnreadableImageError: It has more than a hundred, or too many for its size.
    """
    if not image.info.get("progressive"):
        return
    at = stream.tell()
    stream.seek(0)
    scans = stream.read().count(b"\xff\xda")
    stream.seek(at)
    if scans > _MAX_SCANS:
        raise UnreadableImageError(f"{name} has {scans:,} scans; a JPEG may have {_MAX_SCANS}")
    if scans * image.width * image.height > _MAX_SCANNED:
        raise UnreadableImageError(
            f"{name} has {scans:,} scans of {image.width}×{image.height} pixels, over {_MAX_SCANNED:,} in all"
        )


def reason(error: BaseException) -> str:
    """An exception's message, or its type if it has none."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def _as_stored(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A view of pixels, EXIF orientation applied, with the axes of the stored image."""
    views: dict[int, NDArray[np.uint8]] = {
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels),
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(pixels, -1),
    }
    return views.get(orientation, pixels)
