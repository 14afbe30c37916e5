"""Self-contained HTML: the text to read and copy, beside the page's image where there is one.

Headings, lists, tables and the rest are elements of their own, see ``export.structure``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from io import BytesIO
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.export.grids import table_to_html
from ocrpipe.export.parts import MAX_JPEG_SIDE, clean, common_source, language, pixels
from ocrpipe.export.scans import Scans
from ocrpipe.export.structure import Part, structure
from ocrpipe.io.images import Source
from ocrpipe.page import Line, PageContent

_STYLE = """
body { margin: 0; color: #111; background: #fff; font: 1rem/1.6 sans-serif; }
section { display: flex; flex-wrap: wrap; }
section + section { border-top: 1px solid #bbb; }
figure, div { flex: 1 1 24rem; box-sizing: border-box; margin: 0; padding: 1rem; }
svg { width: 100%; height: auto; border: 1px solid #bbb; }
polygon { fill: transparent; }
polygon:hover { fill: #06c; fill-opacity: .15; stroke: #06c; }
p, li, td, th, h1, h2, h3, header, footer { white-space: pre-line; margin: 0 0 1em; }
ul { list-style: none; padding-left: 1em; }
table { border-collapse: collapse; margin: 0 0 1em; white-space: normal; }
td, th { border: 1px solid #bbb; padding: .2em .5em; text-align: left; vertical-align: top; }
.caption { font-style: italic; }
.footnote, .number, header, footer { color: #555; font-size: .9em; }
:target { background: #fe6; }
"""


def page_to_html(page: PageContent, image: Source | None = None) -> str:
    """The page as one self-contained file; a click on a line of the image marks it in the text.

    Raises:
        ConfigError: The image is of another size than the page.
    """
    return _document((page,), lambda page: None if image is None else pixels(page, image))


def document_to_html(pages: Sequence[PageContent], scans: Scans | None = None) -> str:
    """The pages one below the other in one self-contained file.

    Args:
        pages: What was read, in order.
        scans: Source of the pages' images; without it only the text is shown.

    Raises:
        OcrError: An image can't be read, or is of another size than its page.
    """
    return _document(pages, lambda page: None if scans is None else scans.of(page))


def _document(
    pages: Sequence[PageContent], image_of: Callable[[PageContent], NDArray[np.uint8] | None]
) -> str:
    title = escape(clean(common_source(pages) or "Text"))
    text = "\n".join(page.text for page in pages)
    first = 1
    sections = []
    for page in pages:
        sections.append(_section(page, image_of(page), first))
        first += len(page.lines)
    return (
        f'<!DOCTYPE html>\n<html lang="{language(text)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{''.join(sections)}</body>\n</html>\n"
    )


def _section(page: PageContent, image: NDArray[np.uint8] | None, first: int) -> str:
    """One page; its lines are numbered from ``first``."""
    figure = "" if image is None else _figure(page, image, first)
    body = "\n".join(_blocks(page, first))
    return f'<section aria-label="{page.number}">\n{figure}<div>\n{body}\n</div>\n</section>\n'


def _blocks(page: PageContent, first: int) -> Iterator[str]:
    """The parts of a page as elements; its lines are numbered from ``first``."""
    numbers: dict[Line, list[int]] = {}
    for number, line in enumerate(page.lines, first):
        numbers.setdefault(line, []).append(number)

    def spans(lines: Iterable[Line]) -> str:
        # Equal lines, which only a page made by hand has, get their numbers in order.
        ids = ((numbers[line].pop(0) if numbers.get(line) else None, line) for line in lines)
        return "\n".join(
            f'<span id="line-{number}">{_text(line)}</span>' if number else f"<span>{_text(line)}</span>"
            for number, line in ids
        )

    for is_item, group in groupby(structure(page), lambda part: part.kind == "item"):
        elements = [_element(page, part, spans) for part in group]
        yield "\n".join(["<ul>", *elements, "</ul>"] if is_item else elements)


def _element(page: PageContent, part: Part, spans: Callable[[Iterable[Line]], str]) -> str:
    if part.table is not None:
        return table_to_html(part.table, lambda cell: spans(cell.lines))
    lines = [page.lines[i] for row in part.lines for i in row]
    name = {"heading": f"h{part.level}", "item": "li", "header": "header", "footer": "footer"}.get(
        part.kind, "p"
    )
    kind = f' class="{part.kind}"' if part.kind in ("caption", "footnote", "number") else ""
    return f'<{name}{kind} lang="{language(" ".join(line.text for line in lines))}">{spans(lines)}</{name}>'


def _figure(page: PageContent, image: NDArray[np.uint8], first: int) -> str:
    kind = "jpeg" if max(image.shape) <= MAX_JPEG_SIDE else "png"
    stream = BytesIO()
    Image.fromarray(image).save(stream, kind, quality=85)
    data = b64encode(stream.getvalue()).decode()
    lines = "\n".join(_link(number, line) for number, line in enumerate(page.lines, first))
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
