"""A searchable PDF: the page's image, and over it invisible text that selects and copies where it lies.

Each word is set in a font that paints nothing and stretched to its quad. Spaces are written between words
only, so that none appears between Han characters. The approach is Tesseract's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.documents import DPI, POINTS_PER_INCH
from ocrpipe.errors import MissingExtraError
from ocrpipe.export.parts import pixels, words
from ocrpipe.images import Source
from ocrpipe.page import Page, Word

if TYPE_CHECKING:
    import pikepdf

    from ocrpipe.export.blank_font import BlankFont

_LARGEST_PAGE = 14_400  # points; PDF 1.7, annex C
_LARGEST_JPEG = 65_500  # pixels a side


def page_to_pdf(page: Page, image: Source | None = None) -> bytes:
    """The page as a PDF of one page, shown upright, of the size its dpi gives, 200 where it has none.

    Args:
        page: What was read.
        image: The page's image; by default ``page.source`` is opened again.

    Raises:
        MissingExtraError: The extra ``ocrpipe[pdf]`` is not installed.
        ConfigError: There is no image, or it is of another size than the page.
    """
    try:
        import pikepdf

        from ocrpipe.export.blank_font import BlankFont
    except ImportError as error:
        raise MissingExtraError(f"writing PDF needs {error.name}: pip install 'ocrpipe[pdf]'") from error
    scale = POINTS_PER_INCH / (page.dpi or DPI)
    scale = min(scale, _LARGEST_PAGE / max(page.width, page.height))
    width, height = page.width * scale, page.height * scale
    picture = pixels(page, image)
    font = BlankFont(word.text for line in page.lines for word in words(line))
    with pikepdf.new() as pdf:
        content = f"q {width:.4f} 0 0 {height:.4f} 0 0 cm /Image Do Q\nBT 3 Tr\n"
        content += "\n".join(_text(page, scale, height, font)) + "\nET"
        leaf = pikepdf.Dictionary(
            Type=pikepdf.Name.Page,
            MediaBox=[0, 0, round(width, 4), round(height, 4)],
            Rotate=page.orientation,
            Resources=pikepdf.Dictionary(
                Font=pikepdf.Dictionary(Text=font.embed(pdf)),
                XObject=pikepdf.Dictionary(Image=_image(pdf, picture)),
            ),
            Contents=pdf.make_stream(content.encode()),
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
        stream = BytesIO()
        pdf.save(stream, deterministic_id=True)
    return stream.getvalue()


def _text(page: Page, scale: float, page_height: float, font: BlankFont) -> Iterator[str]:
    """Text operators word by word; a space follows each word but a line's last."""
    for line in page.lines:
        pieces = [word for word in words(line) if word.text]
        for index, word in enumerate(pieces, 1):
            yield _placement(word, scale, page_height, font)
            yield f"<{font.encode(word.text + ' ' * (index < len(pieces)))}> Tj"


def _placement(word: Word, scale: float, page_height: float, font: BlankFont) -> str:
    """Font size, horizontal stretch and text matrix that lay a word over its quad."""
    top_left, top_right, _, bottom_left = word.quad
    width = max(math.dist(top_left, top_right) * scale, 0.1)
    size = max(math.dist(top_left, bottom_left) * scale, 0.1)
    turn = math.atan2(top_right[1] - top_left[1], top_right[0] - top_left[0])
    cos, sin = math.cos(turn), -math.sin(turn)  # PDF's y runs up
    x = bottom_left[0] * scale - sin * size * font.descent
    y = page_height - bottom_left[1] * scale + cos * size * font.descent
    return (
        f"/Text {size:.3f} Tf {100 * width / (size * font.ems(word.text)):.3f} Tz "
        f"{cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {y:.3f} Tm"
    )


def _image(pdf: pikepdf.Pdf, image: NDArray[np.uint8]) -> pikepdf.Object:
    """Black and white without loss, grey and colour as JPEG."""
    from pikepdf import Dictionary, Name

    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    grey = bool((image == image[..., :1]).all())
    if grey:
        picture = picture.convert("L")
    attributes = Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceGray if grey else Name.DeviceRGB,
        BitsPerComponent=8,
    )
    if grey and bool(np.isin(image[..., 0], (0, 255)).all()):
        attributes.BitsPerComponent = 1
        data = picture.convert("1", dither=Image.Dither.NONE).tobytes()
    elif max(width, height) > _LARGEST_JPEG:
        data = picture.tobytes()
    else:
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=85)
        data = stream.getvalue()
        attributes.Filter = Name.DCTDecode
    return pdf.make_stream(data, attributes)
