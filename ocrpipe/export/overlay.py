"""The page's image with boxes and reading order drawn on it, for visual checks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ocrpipe.errors import ConfigError
from ocrpipe.export.parts import pixels
from ocrpipe.io.files import write_whole
from ocrpipe.io.images import Source
from ocrpipe.page import Line, PageContent, Quad

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# One for each paragraph, in turn; dark enough for white digits, bright enough for a black page.
_COLOURS = ("#d62728", "#1f77b4", "#2a8f3c", "#9467bd", "#c2590a", "#00838f")

# Chinese fonts of Linux, Windows and macOS; Pillow looks for these file names in the system's folders.
_CHINESE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "uming.ttc",
    "msyh.ttc",
    "simsun.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "STHeiti Light.ttc",
)
_REPLACEMENT = "·"  # for characters that the font lacks


def draw(
    page: PageContent, path: str | Path | None = None, image: Source | None = None, *, text: bool = False
) -> Image.Image:
    """Draw a box around each line and its number in reading order, a colour for each paragraph.

    Args:
        page: What was read.
        path: Where to write the picture, if anywhere; its suffix sets the format.
        image: The page's image; by default ``page.source`` is opened again.
        text: Whether to add a sheet with the recognised text, each line in its place, on the right. A
            character that no available font has appears as ``·``.

    Returns:
        RGB, of the page's size, or twice its width with ``text``.

    Raises:
        ConfigError: There is no image, it is of another size, or the suffix is unknown.
    """
    picture = Image.fromarray(pixels(page, image))
    canvas = ImageDraw.Draw(picture)
    stroke = max(1, round(max(picture.size) / 1200))
    for line, colour in _coloured_lines(page):
        canvas.polygon(line.quad, outline=colour, width=stroke)
    for number, (line, colour) in enumerate(_coloured_lines(page), 1):
        _draw_number(canvas, str(number), line.quad, colour, picture.size)
    if text:
        both = Image.new("RGB", (2 * page.width, page.height), "white")
        both.paste(picture, (0, 0))
        both.paste(_text_sheet(page), (page.width, 0))
        picture = both
    if path is not None:
        _save(picture, Path(path))
    return picture


def _coloured_lines(page: PageContent) -> Iterator[tuple[Line, str]]:
    for index, paragraph in enumerate(page.paragraphs):
        for line in paragraph.lines:
            yield line, _COLOURS[index % len(_COLOURS)]


def _draw_number(
    canvas: ImageDraw.ImageDraw, number: str, quad: Quad, colour: str, size: tuple[int, int]
) -> None:
    """A badge just before the line's start, moved inside the page."""
    from ocrpipe.geometry import quad_angle  # here, since it brings OpenCV

    font = ImageFont.load_default(min(max(0.55 * math.dist(quad[0], quad[3]), 9), 40))
    left, top, right, bottom = canvas.textbbox((0, 0), number, font=font)
    half_width, half_height = (right - left) / 2 + 2, (bottom - top) / 2 + 2
    angle = math.radians(quad_angle(quad))
    x = (quad[0][0] + quad[3][0]) / 2 - math.cos(angle) * (half_width + 1)
    y = (quad[0][1] + quad[3][1]) / 2 - math.sin(angle) * (half_height + 1)
    x = max(min(x, size[0] - half_width), half_width)
    y = max(min(y, size[1] - half_height), half_height)
    canvas.rectangle((x - half_width, y - half_height, x + half_width, y + half_height), fill=colour)
    canvas.text((x - (left + right) / 2, y - (top + bottom) / 2), number, fill="white", font=font)


def _text_sheet(page: PageContent) -> Image.Image:
    """The recognised text in black on white, each line rotated and sized as on the page."""
    from ocrpipe.geometry import quad_angle  # here, since it brings OpenCV

    sheet = Image.new("RGB", (page.width, page.height), "white")
    for line, colour in _coloured_lines(page):
        width, height = math.dist(line.quad[0], line.quad[1]), math.dist(line.quad[0], line.quad[3])
        if not line.text or width < 1 or height < 1:
            continue
        font = _font(max(0.75 * height, 1))
        text = _drawable(line.text, font)
        if (length := font.getlength(text)) > width:
            font = _font(max(0.75 * height * width / length, 1))
        strip = Image.new("L", (math.ceil(width), math.ceil(height)))
        ImageDraw.Draw(strip).text((0, height / 2), text, fill=255, font=font, anchor="lm")
        strip = strip.rotate(-quad_angle(line.quad), Image.Resampling.BICUBIC, expand=True)
        x, y = (sum(values) / 4 for values in zip(*line.quad, strict=True))
        sheet.paste("black", (round(x - strip.width / 2), round(y - strip.height / 2)), strip)
        ImageDraw.Draw(sheet).polygon(line.quad, outline=colour)
    return sheet


@cache
def _chinese_font() -> str | None:
    for name in _CHINESE_FONTS:
        try:
            return str(ImageFont.truetype(name).path)
        except OSError:
            continue
    return None


def _font(size: float) -> Font:
    path = _chinese_font()
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def _drawable(text: str, font: Font) -> str:
    """The text with ``·`` for characters that the font would draw as its box for missing glyphs."""
    box = _glyph("\uffff", font)
    missing = {char for char in set(text) if not char.isspace() and _glyph(char, font) == box}
    return "".join(_REPLACEMENT if char in missing else char for char in text)


def _glyph(char: str, font: Font) -> bytes:
    return bytes(font.getmask(char))


def _save(picture: Image.Image, path: Path) -> None:
    format = Image.registered_extensions().get(path.suffix.lower())
    if format not in Image.SAVE:
        raise ConfigError(f"unknown picture format of {str(path)!r}; use .png or .jpg")
    stream = BytesIO()
    picture.save(stream, format)
    write_whole(path, stream.getvalue())
