"""Images from all kinds of sources as one kind of array: H×W×3, RGB, uint8, EXIF orientation applied."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.ImageFile import ImageFile

from ocrpipe.errors import MissingExtraError, OcrError, UnreadableImageError, UnsupportedSourceError
from ocrpipe.io import libtiff
from ocrpipe.io.decoding import check_scans, reason, to_oriented_rgb
from ocrpipe.io.decoding import white_of as _white_of
from ocrpipe.io.names import is_url

Source = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A path, a file's bytes, a binary file object, a Pillow image or an array (see ``load``)."""

MAX_PIXELS = 200_000_000
"""Default maximum of width × height, about an A0 sheet at 300 dpi."""

MAX_SIDE = 100_000
"""Maximum width or height in pixels, whatever ``max_pixels`` is."""

# Raster formats with a signature: Pillow would also start Ghostscript for EPS, and TGA has no signature.
# HEIF is available if the extra heif is installed.
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM", "AVIF", "HEIF")

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")

_FLOAT_TOLERANCE = 1e-6  # beyond 0..1, for rounding errors

_EXIF_ORIENTATION = 0x0112
_PLAUSIBLE_DPI = (30.0, 10_000.0)  # Pillow states 1 for a TIFF without a resolution
_MAX_SQUARE_RATIO = 1.1  # of the two resolutions of pixels that count as square, such as 204 × 196 dpi

_pillow_limit = threading.Lock()
_log = logging.getLogger(__name__)


def load(source: Source, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Load one image.

    Args:
        source: A path, a file's bytes, a binary file object (read from its start, left open), a Pillow image
            of any mode, or an array: H×W or H×W×1 (grey), H×W×3 (RGB) or H×W×4 (RGBA), of bool, uint8,
            uint16 or float in 0..1. Transparent pixels are blended with white, EXIF orientation is applied.
            Files of unequal resolutions, such as a fax of 204 × 98 dpi, are scaled to square pixels. Of a
            file with several frames the first is read.
        max_pixels: Maximum of width × height; no side may exceed ``MAX_SIDE``. A file's declared size is
            checked before decoding.

    Returns:
        H×W×3, RGB, uint8, contiguous; always a new array, never a view of the caller's.

    Raises:
        UnsupportedSourceError: The type of the source is not supported here, a PDF for example.
        UnreadableImageError: The image is missing, empty, damaged, of an unknown format, or too large.
    """
    name = label(source)
    if isinstance(source, np.ndarray):
        return _from_array(source, name, max_pixels)
    if isinstance(source, Image.Image):
        return to_rgb(source, name, max_pixels)
    with open_stream(source) as stream:
        if is_pdf(stream):
            raise UnsupportedSourceError(
                f"{name} is a PDF; read its pages with ocrpipe read or ocrpipe.read_document"
            )
        return to_rgb(identify(stream, name), name, max_pixels)


def name_of(source: Source) -> str | None:
    """The path of a source, as the caller wrote it; ``None`` if it has none."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    name = getattr(source, "filename" if isinstance(source, Image.Image) else "name", None)
    return name if isinstance(name, str) and name else None


def label(source: Source) -> str:
    """The name of a source in messages."""
    return name_of(source) or f"<{type(source).__name__}>"


@contextmanager
def open_stream(source: str | os.PathLike[str] | bytes | BinaryIO) -> Iterator[BinaryIO]:
    """A seekable binary stream at its start; closed afterwards unless the caller passed it.

    Raises:
        UnsupportedSourceError: The source is of another type, or a file opened in text mode.
        UnreadableImageError: The file is missing, a folder, or can't be opened.
    """
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        with _open_path(Path(source)) as stream:
            yield stream
    elif hasattr(source, "read"):
        yield _rewound(source)
    else:
        raise UnsupportedSourceError(
            f"cannot read a page from {type(source).__name__}; "
            "give a path, bytes, a binary file object, a Pillow image or an array"
        )


def is_pdf(stream: BinaryIO) -> bool:
    """Whether the content is a PDF, whose header may be preceded by up to 1 KB. Rewinds the stream."""
    head = _read_head(stream, 1024)
    return b"%PDF-" in head


def identify(stream: BinaryIO, name: str) -> ImageFile:
    """Open an image by its content, not by its file name, without decoding its pixels.

    Like ``Image.open``, but limited to formats of scans, and without Pillow's process-wide pixel limit, which
    is lower than ours, only warns, and can't be set for one call.
    """
    head = _read_head(stream, 16)
    if not head:
        raise UnreadableImageError(f"{name} is empty")
    for register_plugins in (Image.preinit, Image.init, lambda: _register_heif(head, name)):
        register_plugins()
        for plugin, accepts in (Image.OPEN[known] for known in _FORMATS if known in Image.OPEN):
            if accepts is None or accepts(head) is not True:
                continue
            try:
                image = plugin(stream, b"")
                if image.format == "PNG":
                    image.verify()  # Pillow decodes a PNG without verifying its checksums
                    stream.seek(0)
                    image = plugin(stream, b"")
                elif image.format == "JPEG":
                    check_scans(stream, image, name)
                return image
            except OcrError:
                raise
            except Exception as error:  # plug-ins raise errors of many kinds
                raise UnreadableImageError(f"{name} cannot be decoded: {reason(error)}") from error
    raise UnreadableImageError(f"{name} is not an image of a known kind ({', '.join(_FORMATS[:-1])})")


def to_rgb(image: Image.Image, name: str, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a Pillow image of any mode to an RGB array of square pixels, EXIF orientation applied.

    See ``load``.
    """
    _check_size(image.width, image.height, name, max_pixels)
    try:
        with libtiff.messages(name):
            _decode(image)
        orientation = exif_orientation(image)
        _log.debug(
            "decoded %r: %d×%d, mode %s, EXIF orientation %d", name, *image.size, image.mode, orientation
        )
        pixels = to_oriented_rgb(_plain(image, name), orientation, _flatten)
        size = _square_size(image, pixels.shape[1], pixels.shape[0], max_pixels)
        if size != (pixels.shape[1], pixels.shape[0]):
            pixels = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        return pixels
    except OcrError:
        raise
    except Exception as error:  # decoders raise errors of many kinds
        raise UnreadableImageError(f"{name} cannot be decoded: {reason(error)}") from error


def resolution(image: Image.Image, max_pixels: int = MAX_PIXELS) -> float | None:
    """Pixels per inch of the array that ``to_rgb`` makes of an image, if the image states a plausible one."""
    stated = _stated_resolution(image)
    if stated is None:
        return None
    x_dpi, y_dpi = stated[::-1] if exif_orientation(image) > 4 else stated
    width, height = image.size[::-1] if exif_orientation(image) > 4 else image.size
    square_width, _ = _square_size(image, width, height, max_pixels)
    return round(x_dpi if square_width == width else y_dpi, 1)


def rgb_size(image: Image.Image, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Width and height of the array that ``to_rgb`` makes of an image."""
    width, height = image.size[::-1] if exif_orientation(image) > 4 else image.size
    return _square_size(image, width, height, max_pixels)


def exif_orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1, not rotated, if there is none."""
    try:
        orientation = int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # the pixels may be intact even if the metadata is damaged
        return 1
    return orientation if 1 <= orientation <= 8 else 1


def _stated_resolution(image: Image.Image) -> tuple[float, float] | None:
    """Horizontal and vertical pixels per inch, as stored, if both are plausible."""
    try:
        x_dpi, y_dpi = (float(value) for value in image.info["dpi"])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
        return None
    low, high = _PLAUSIBLE_DPI
    return (x_dpi, y_dpi) if low <= x_dpi <= high and low <= y_dpi <= high else None


def _square_size(image: Image.Image, width: int, height: int, max_pixels: int) -> tuple[int, int]:
    """The size with square pixels, EXIF orientation applied; at the higher resolution within the limits.

    For files only: Pillow keeps the stated resolution of an image that the caller has resized.
    """
    stated = _stated_resolution(image)
    if stated is None or not isinstance(image, ImageFile):
        return width, height
    x_dpi, y_dpi = stated[::-1] if exif_orientation(image) > 4 else stated
    if max(x_dpi, y_dpi) <= _MAX_SQUARE_RATIO * min(x_dpi, y_dpi):
        return width, height
    square_width, square_height = max(1, round(width * y_dpi / x_dpi)), max(1, round(height * x_dpi / y_dpi))
    higher = (width, square_height) if x_dpi > y_dpi else (square_width, height)
    if higher[0] * higher[1] <= max_pixels and max(higher) <= MAX_SIDE:
        return higher
    return (square_width, height) if x_dpi > y_dpi else (width, square_height)


def _register_heif(head: bytes, name: str) -> None:
    """Register HEIF with Pillow if the file is one.

    Raises:
        MissingExtraError: The extra ``ocrpipe[heif]`` is not installed.
    """
    if head[4:8] != b"ftyp" or head[8:12] not in _HEIF_BRANDS or "HEIF" in Image.OPEN:
        return
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtraError(
            f"{name} is HEIC, which needs {error.name}: pip install 'ocrpipe[heif]'"
        ) from error
    pillow_heif.register_heif_opener()


def _open_path(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise UnreadableImageError(f"{path} is a folder, not an image")
        stream = path.open("rb")
        return stream if stream.seekable() else _buffered(stream)
    except FileNotFoundError as error:
        if is_url(str(path)):
            raise UnsupportedSourceError(f"{path} is a URL; download it and give the file") from error
        raise UnreadableImageError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableImageError(f"{path} cannot be opened: {reason}") from error


def _buffered(pipe: BinaryIO) -> BinaryIO:
    """The contents of a pipe, seekable."""
    with pipe:
        return BytesIO(pipe.read())


def _rewound(stream: BinaryIO) -> BinaryIO:
    try:
        try:
            stream.seek(0)
        except (AttributeError, OSError):  # a pipe or a socket
            stream = BytesIO(stream.read())
        binary = isinstance(stream.read(0), bytes)
    except (OSError, ValueError, TypeError) as error:
        raise UnreadableImageError(f"{label(stream)} cannot be read: {error}") from error
    if not binary:
        raise UnsupportedSourceError(f"{label(stream)} is open in text mode; open it with mode 'rb'")
    return stream


def _read_head(stream: BinaryIO, size: int) -> bytes:
    try:
        head = stream.read(size)
        stream.seek(0)
        return head
    except OSError as error:
        raise UnreadableImageError(f"{label(stream)} cannot be read: {error}") from error


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise UnreadableImageError(f"{name} has no pixels ({width}×{height})")
    if max(width, height) > MAX_SIDE:
        raise UnreadableImageError(f"{name} is {width}×{height} pixels; no side may be over {MAX_SIDE:,}")
    if width * height > max_pixels:
        raise UnreadableImageError(
            f"{name} is {width}×{height} pixels, over the limit of {max_pixels:,} in all (max_pixels)"
        )


def _decode(image: Image.Image) -> None:
    if image.width * image.height <= (Image.MAX_IMAGE_PIXELS or MAX_PIXELS):
        image.load()
        return
    # Pillow's TIFF decoder checks Pillow's own limit again; this size is within ours.
    with _pillow_limit:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image.load()
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _plain(image: Image.Image, name: str) -> Image.Image:
    """The image with 8 bits a channel."""
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        white = _white_of(image, values)
        if white == 65535:
            return Image.fromarray(_high_byte(values))
        return Image.fromarray(_rounded(np.minimum(values, white) * np.float32(255 / white)))
    if image.mode in ("I", "F"):
        return Image.fromarray(_wide_to_uint8(np.asarray(image), name))
    return image


def _flatten(image: Image.Image) -> Image.Image:
    """To RGB, transparent pixels blended with white; for images with 8 bits a channel."""
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = cast(Image.Image, ImageCms.profileToProfile(image, *profiles, outputMode="RGB"))
    elif image.mode in ("La", "RGBa"):  # premultiplied; Pillow converts these to the plain mode only
        image = image.convert(image.mode.replace("a", "A"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _wide_to_uint8(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Pixels of Pillow's modes I and F; the maximum determines the range (0..1, 0..255 or 16 bit)."""
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 65535):  # false for NaN as well
        raise UnreadableImageError(f"{name} has pixel values from {low:g} to {high:g}, outside 0..65535")
    if values.dtype.kind == "f" and high <= 1:
        values = values * 255
    elif high > 255:
        values = values / 257
    return _rounded(values)


def _from_array(array: NDArray[Any], name: str, max_pixels: int) -> NDArray[np.uint8]:
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)):
        raise UnsupportedSourceError(f"array of shape {array.shape}; give H×W, H×W×1, H×W×3 or H×W×4")
    height, width = array.shape[:2]
    _check_size(width, height, name, max_pixels)
    pixels = _array_to_uint8(array).reshape(height, width, -1)
    if pixels.shape[2] == 4:
        return np.array(_flatten(Image.fromarray(pixels)))
    return np.array(np.broadcast_to(pixels, (height, width, 3)), order="C")


def _array_to_uint8(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        black_and_white: NDArray[np.uint8] = np.where(array, np.uint8(255), np.uint8(0))
        return black_and_white
    if array.dtype == np.uint16:
        return _high_byte(array)
    if array.dtype.kind != "f":
        raise UnsupportedSourceError(f"array of {array.dtype}; give bool, uint8, uint16 or float in 0..1")
    low, high = float(array.min()), float(array.max())
    if not (low >= -_FLOAT_TOLERANCE and high <= 1 + _FLOAT_TOLERANCE):  # false for NaN as well
        raise UnreadableImageError(f"float array with values from {low:g} to {high:g}; they must lie in 0..1")
    return _rounded(array * 255)


def _high_byte(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    return (values >> 8).astype(np.uint8)


def _rounded(values: NDArray[Any]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(values).astype(np.uint8)
    return rounded
