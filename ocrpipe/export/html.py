"""A web page of its own: the text to read and copy, beside the page's image where there is one."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from itertools import count

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.export.parts import clean, language, pixels
from ocrpipe.images import Source
from ocrpipe.page import Line, Page

_LARGEST_JPEG = 65_500  # pixels a side

_STYLE = """
body { margin: 0; display: flex; flex-wrap: wrap; color: #111; background: #fff; font: 1rem/1.6 sans-serif; }
figure, main { flex: 1 1 24rem; box-sizing: border-box; margin: 0; padding: 1rem; }
svg { width: 100%; height: auto; border: 1px solid #bbb; }
polygon { fill: transparent; }
polygon:hover { fill: #06c; fill-opacity: .15; stroke: #06c; }
p { white-space: pre-line; margin: 0 0 1em; }
:target { background: #fe6; }
"""


def page_to_html(page: Page, image: Source | None = None) -> str:
    """The page as one file that needs no other; a click on a line of the image marks it in the text.

    Raises:
        ConfigError: The image is of another size than the page.
    """
    title = escape(clean(page.source or "Text"))
    figure = "" if image is None else _figure(page, pixels(page, image))
    numbers = count(1)
    paragraphs = "\n".join(
        f'<p lang="{language(paragraph.text)}">'
        + "\n".join(f'<span id="line-{next(numbers)}">{_text(line)}</span>' for line in paragraph.lines)
        + "</p>"
        for paragraph in page.paragraphs
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{language(page.text)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{figure}<main>\n{paragraphs}\n</main>\n</body>\n</html>\n"
    )


def _figure(page: Page, image: NDArray[np.uint8]) -> str:
    kind = "jpeg" if max(image.shape) <= _LARGEST_JPEG else "png"
    stream = BytesIO()
    Image.fromarray(image).save(stream, kind, quality=85)
    data = b64encode(stream.getvalue()).decode()
    lines = "\n".join(_link(number, line) for number, line in enumerate(page.lines, 1))
    return (
        f'<figure><svg viewBox="0 0 {page.width} {page.height}">\n'
        f'<image href="data:image/{kind};base64,{data}" width="{page.width}" height="{page.height}"/>\n'
        f"{lines}\n</svg></figure>\n"
    )


def _link(number: int, line: Line) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in line.quad)
    return f'<a href="#line-{number}"><polygon points="{points}"><title>{_text(line)}</title></polygon></a>'


def _text(line: Line) -> str:
    return escape(clean(line.text))
