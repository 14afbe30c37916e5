"""GitHub Flavored Markdown (https://github.github.com/gfm/): the text with its structure.

Tables that GFM cannot hold, those with spans or several header rows, are HTML; one without a header row gets
an empty one. Page headers, footers and numbers are HTML comments: kept, and not shown in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from ocrpipe.export.grids import cell_text, table_to_html
from ocrpipe.export.parts import clean
from ocrpipe.export.structure import Part, part_texts, structure
from ocrpipe.page import PageContent, Table

_INLINE = re.compile(r"([\\`*_\[\]<>|~$])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_BLOCK = re.compile(r"^([#+=-])")
_ORDERED = re.compile(r"^([0-9]{1,9})([.)])(?=\s|$)")
_NUMBERED = re.compile(r"[(（]?([0-9]{1,2})[.)）、．]")


def page_to_markdown(page: PageContent) -> str:
    """The page as Markdown; empty for an empty page."""
    blocks = list(_blocks(page))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def document_to_markdown(pages: Sequence[PageContent]) -> str:
    """The pages one after the other, each but the first after a comment with its number."""
    texts = [page_to_markdown(page) for page in pages]
    marked = [
        f"<!-- page {page.number} -->\n\n{text}" for page, text in zip(pages[1:], texts[1:], strict=True)
    ]
    return "\n".join([*texts[:1], *marked])


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, within a line; white space is single spaces."""
    return _ENTITY.sub("&amp;", _INLINE.sub(r"\\\1", " ".join(clean(text).split())))


def escaped_line(text: str) -> str:
    """The same for text at the start of a line, where some characters would begin a heading or a list."""
    text = escaped(text)
    return _ORDERED.sub(r"\1\\\2", _BLOCK.sub(r"\\\1", text))


def table_to_gfm(table: Table) -> str | None:
    """The table in GFM, None where it has spans, places without a cell, or header rows below the first."""
    rows = table.grid
    if any(cell is None for row in rows for cell in row):
        return None
    if any(cell.row_span > 1 or cell.column_span > 1 for cell in table.cells):
        return None
    has_header = any(cell.is_header for cell in table.cells)
    if has_header and any(cell.is_header != (cell.row == 0) for cell in table.cells):
        return None
    texts = [[escaped(cell_text(cell)) for cell in row if cell is not None] for row in rows]
    if not has_header:
        texts.insert(0, [""] * table.columns)
    head, *body = (f"| {' | '.join(row)} |" for row in texts)
    return "\n".join([head, "|" + " --- |" * table.columns, *body])


def _blocks(page: PageContent) -> Iterator[str]:
    for is_item, group in groupby(structure(page), lambda part: part.kind == "item"):
        if is_item:
            yield "\n".join(_item(page, part) for part in group)
        else:
            yield from (block for part in group if (block := _block(page, part)))


def _item(page: PageContent, part: Part) -> str:
    (text,) = map(escaped_line, part_texts(page, part))
    if number := _NUMBERED.fullmatch(part.marker):
        return f"{number[1]}. {text}"
    is_bullet = len(part.marker) == 1 and not part.marker.isnumeric()
    return f"- {text}" if is_bullet else f"- {escaped(part.marker)} {text}"


def _block(page: PageContent, part: Part) -> str:
    if part.table is not None:
        return table_to_gfm(part.table) or table_to_html(part.table)
    texts = part_texts(page, part)
    lines = [line for line in map(escaped_line, texts) if line]
    if not lines:
        return ""
    if part.kind in ("header", "footer", "number"):
        comment = re.sub(r"-(?=-|$)", "- ", " ".join(clean(" ".join(texts)).split()))
        return f"<!-- {part.kind}: {comment} -->"
    if part.kind == "heading":
        text = escaped(" ".join(texts)).replace("#", r"\#")  # at its end they would close the heading
        return f"{'#' * part.level} {text}"
    text = "\\\n".join(lines)
    if part.kind == "caption":
        return f"*{text}*"
    return f"<small>{text}</small>" if part.kind == "footnote" else text
