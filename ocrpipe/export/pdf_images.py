"""Images as PDF image streams; needs the extra ``ocrpipe[pdf]``.

The data of JPEG and PNG files are embedded unchanged, as by img2pdf, black and white images as CCITT group 4.
Other images are encoded again, losslessly if their file is lossless.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pikepdf
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image, features
from PIL.ImageFile import ImageFile

from ocrpipe.export.parts import MAX_JPEG_SIDE, checked_image
from ocrpipe.io import documents, images
from ocrpipe.page import PageContent

_LOSSLESS = ("PNG", "BMP", "GIF", "PPM", "TIFF")
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_QUALITY = 85  # of JPEG, for arrays
_COPY_QUALITY = 92  # for files in lossy formats that PDF does not support
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLORS = {0: 1, 2: 3, 3: 1}  # of PNG's colour types without alpha
_PROFILES = {b"GRAY": ("L", 1), b"RGB ": ("RGB", 3), b"CMYK": ("CMYK", 4)}


class Placed(NamedTuple):
    """An image stream, and the EXIF orientation to apply when it is shown."""

    stream: pikepdf.Object
    orientation: int


def from_array(pdf: pikepdf.Pdf, pixels: NDArray[np.uint8], *, quality: int | None = _QUALITY) -> Placed:
    """An image stream of pixels: black and white lossless, grey and colour as JPEG.

    Args:
        pdf: The PDF that the stream is for.
        pixels: H×W×3, RGB.
        quality: Of JPEG; ``None`` for lossless.
    """
    pillow_image = Image.fromarray(pixels)
    if bool((pixels == pixels[..., :1]).all()):
        pillow_image = pillow_image.convert("L")
        if bool(((pixels[..., 0] == 0) | (pixels[..., 0] == 255)).all()):
            return Placed(_bilevel(pdf, pillow_image.convert("1", dither=Image.Dither.NONE)), 1)
    stream = BytesIO()
    if quality is None or max(pillow_image.size) > MAX_JPEG_SIDE:
        pillow_image.save(stream, "PNG")
        data, attributes = _png(stream.getvalue()) or (pillow_image.tobytes(), _attributes(pillow_image))
        return Placed(pdf.make_stream(data, attributes), 1)
    pillow_image.save(stream, "JPEG", quality=quality)
    attributes = _attributes(pillow_image)
    attributes.Filter = Name.DCTDecode
    return Placed(pdf.make_stream(stream.getvalue(), attributes), 1)


def from_file(
    pdf: pikepdf.Pdf,
    page: PageContent,
    source: images.Source,
    pixels: Callable[[], NDArray[np.uint8]],
) -> Placed:
    """The image stream of a page that was read from an image file.

    Args:
        pdf: The PDF that the stream is for.
        page: What was read.
        source: The file; not a PDF.
        pixels: Decodes the file, if its data can't be embedded.

    Raises:
        ConfigError: The image is of another size than the page.
        OcrError: It can't be read.
    """
    quality: int | None = _COPY_QUALITY
    with documents.stored_image(source, page.number) as (image, data):
        if image.format in _LOSSLESS and image.info.get("compression") not in _LOSSY_TIFF:
            quality = None
        if images.rgb_size(image) == (page.width, page.height):
            with suppress(ValueError, struct.error, LookupError, TypeError, OSError):
                stream = _embedded(pdf, image, data)
                if stream is not None:
                    return Placed(stream, images.exif_orientation(image))
    return from_array(pdf, checked_image(pixels(), page), quality=quality)


def _embedded(pdf: pikepdf.Pdf, image: ImageFile, data: Callable[[], bytes]) -> pikepdf.Object | None:
    """The file's data as an image stream; ``None`` if PDF does not support them."""
    if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB", "CMYK"):
        attributes = _attributes(image)
        attributes.Filter = Name.DCTDecode
        if image.mode == "CMYK":  # inverted, as Adobe writes it and Pillow reads it
            attributes.Decode = Array([1, 0] * 4)
        _add_profile(pdf, image, attributes)
        return pdf.make_stream(_first_jpeg(image, data()), attributes)
    if image.mode == "1" and not image.has_transparency_data:
        image.load()
        return _bilevel(pdf, image)
    if image.format == "PNG" and (png := _png(data())):
        _add_profile(pdf, image, png[1])
        return pdf.make_stream(*png)
    return None


def _first_jpeg(image: ImageFile, data: bytes) -> bytes:
    """The data without the further images of a multi-pillow_image file (MPO)."""
    info: Any = getattr(image, "mpinfo", None)
    if info is None:
        return data
    offset = info[0xB002][1]["DataOffset"] + image.info["mpoffset"]
    return data[:offset] if 0 < offset < len(data) else data


def _bilevel(pdf: pikepdf.Pdf, image: Image.Image) -> pikepdf.Object:
    """An image of mode 1 as CCITT group 4 in one strip."""
    attributes = _attributes(image)
    attributes.BitsPerComponent = 1
    if not features.check("libtiff"):
        return pdf.make_stream(image.tobytes(), attributes)
    stream = BytesIO()
    plain = Image.frombytes("1", image.size, image.tobytes())  # without the tags of the file
    plain.save(stream, "TIFF", compression="group4", tiffinfo={278: image.height, 262: 1})
    with Image.open(stream) as encoded:
        tags: Any = encoded.tag_v2
        offsets, lengths, order = tags[273], tags[279], tags.get(266, 1)
    if len(offsets) != 1 or order != 1:
        return pdf.make_stream(image.tobytes(), attributes)
    attributes.Filter = Name.CCITTFaxDecode
    attributes.DecodeParms = Dictionary(K=-1, Columns=image.width, Rows=image.height, BlackIs1=True)
    return pdf.make_stream(stream.getvalue()[offsets[0] : offsets[0] + lengths[0]], attributes)


def _png(data: bytes) -> tuple[bytes, Dictionary] | None:
    """Data and attributes of a PNG that is neither transparent nor interlaced."""
    if not data.startswith(_SIGNATURE):
        return None
    at, parts, palette = len(_SIGNATURE), [], b""
    header = (0, 0, 0, 6, 0, 0, 0)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"PLTE":
            palette = content
        elif kind == b"tRNS":
            return None
        elif kind == b"IDAT":
            parts.append(content)
        elif kind == b"IEND":
            break
    width, height, bits, colour, _, _, interlace = header
    if colour not in _COLORS or interlace or not parts:
        return None
    space: Any = Name.DeviceRGB if colour == 2 else Name.DeviceGray
    if colour == 3:
        space = Array([Name.Indexed, Name.DeviceRGB, len(palette) // 3 - 1, pikepdf.String(palette)])
    return b"".join(parts), Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=space,
        BitsPerComponent=bits,
        Filter=Name.FlateDecode,
        DecodeParms=Dictionary(Predictor=15, Colors=_COLORS[colour], Columns=width, BitsPerComponent=bits),
    )


def _attributes(image: Image.Image) -> Dictionary:
    spaces = {"RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}
    return Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=image.width,
        Height=image.height,
        ColorSpace=spaces.get(image.mode, Name.DeviceGray),
        BitsPerComponent=8,
    )


def _add_profile(pdf: pikepdf.Pdf, image: ImageFile, attributes: Dictionary) -> None:
    """Add the file's colour profile, if it is for the image's mode."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or len(profile) < 128 or image.mode == "P":
        return
    mode, count = _PROFILES.get(profile[16:20], ("", 0))
    if mode == image.mode:
        stream = pdf.make_stream(profile, Dictionary(N=count, Alternate=attributes.ColorSpace))
        attributes.ColorSpace = Array([Name.ICCBased, stream])


def placement(orientation: int, width: float, height: float) -> tuple[float, ...]:
    """The matrix that places a stored image, with its EXIF orientation applied, on a page of that size."""

    def put(across: float, up: float) -> tuple[float, float]:
        down = 1 - up
        x, y = {
            2: (1 - across, down),
            3: (1 - across, 1 - down),
            4: (across, 1 - down),
            5: (down, across),
            6: (1 - down, across),
            7: (1 - down, 1 - across),
            8: (down, 1 - across),
        }.get(orientation, (across, down))
        return width * x, height * (1 - y)

    origin, right, top = put(0, 0), put(1, 0), put(0, 1)
    return (
        right[0] - origin[0],
        right[1] - origin[1],
        top[0] - origin[0],
        top[1] - origin[1],
        *origin,
    )
