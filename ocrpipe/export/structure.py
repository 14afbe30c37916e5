"""What the parts of a page are: headings, paragraphs, lists, tables, captions, notes, and what frames them.

Judged from one page's geometry and text alone, since a result holds no pixels: size and place make a heading,
a header, a footer or a page number, first words an item, a caption or a footnote. Heights are those of lines,
relative to the page's usual one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median
from typing import Literal

from ocrpipe.characters import is_cjk
from ocrpipe.geometry import quad_size
from ocrpipe.page import Line, PageContent, Point, Table

Kind = Literal["heading", "paragraph", "item", "caption", "footnote", "header", "footer", "number", "table"]

_MIN_LINES = 8  # a page of fewer, a ticket or a cover say, has no header and no footer
_MARGIN = 0.1  # of the page's height, in which headers and footers are
_MIN_HEADING = 1.25  # line heights
_MIN_CHAPTER = 0.9  # of a line that is numbered as a chapter
_LEVELS = ((1.8, 1), (1.45, 2), (0.0, 3))
_MAX_HEADING_LINES = 3
_MAX_SPACE = 1.5  # line heights between two pieces of one line of text
_MAX_NOTE = 0.92  # line heights
_FULL = 0.12  # of a paragraph's width, which a full line leaves free at most

_BULLET = re.compile(r"\s*[•·●○◦■□◆◇▪▫►▶➢✓*–—-]\s*(?=[^\W\d_]|\d)")
_NUMBER = re.compile(r"\s*(?:[(（]?(\d{1,2}|[a-z])[.)）、．](?!\d)|[①-⑳])\s*(?=\S)")
_CAPTION = re.compile(
    r"\s*(?:(?:续?[图表]|附[图表])\s*[\d一二三四五六七八九十]|(?:Figure|Fig\.|Table|Tab\.|Chart|Plate)\s*[\dIVX])"
)
_NOTE = re.compile(
    r"\s*(?:\d{1,2}\s*(?=[^\W\d_])|[①-⑳*†‡§¹²³⁴⁵⁶⁷⁸⁹]|注\s*[:：\d]|Notes?\s*:|资料来源|数据来源|Source\s*:)"
)
_PAGE_NUMBER = re.compile(
    r"[\s\-–—·|/.]*(?:第?\s*\d{1,4}\s*页?|page\s*\d{1,4}|p\.?\s*\d{1,4}|[ivxlc]{1,6})"
    r"(?:\s*(?:/|of|共|，)\s*(?:共\s*)?\d{1,4}\s*页?)?[\s\-–—·|/.]*",
    re.IGNORECASE,
)
_CHAPTER = re.compile(
    r"\s*(?:第[\d一二三四五六七八九十百]+[章节篇部]|[一二三四五六七八九十]+、|(?:\d{1,2}\.)+\d{1,2}\s|Chapter\s)"
)
_WORD = re.compile(r"[^\W\d_]{3}|[\u3400-\u9fff]{2}")
_ENDS = tuple("。；，,;、")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page.

    Attributes:
        kind: What it is.
        lines: The numbers of its lines in ``page.lines``, from 0, row by row; those in one row are of one
            line of text. None for a table, whose cells hold them.
        is_prose: Whether its lines were broken where the column ended, so that they may be joined.
        level: Of a heading, from 1, the highest, to 3.
        marker: Of an item, the bullet or number it begins with, as it is on the page.
        table: The table.
    """

    kind: Kind
    lines: tuple[tuple[int, ...], ...] = ()
    is_prose: bool = False
    level: int = 0
    marker: str = ""
    table: Table | None = None


def structure(page: PageContent) -> tuple[Part, ...]:
    """The parts of a page in reading order; every line is in one of them, and no line in two."""
    in_table = {line: table for table in page.tables for line in table.lines}
    usual = _usual_height(page)
    shown: list[Table] = []
    parts: list[Part] = []
    number = 0
    for paragraph in page.paragraphs:
        lines = list(enumerate(paragraph.lines, number))
        number += len(lines)
        for table, group in groupby(lines, lambda item: in_table.get(item[1])):
            if table is None:
                parts += _parts_of(page, list(group), usual)
            elif not any(table is other for other in shown):
                shown.append(table)
                parts.append(Part("table", table=table))
    return tuple(_framed(page, parts, usual))


def joined(texts: Sequence[str]) -> str:
    """Texts of lines in one: words that were divided at a hyphen are whole, others stay apart.

    A hyphen goes where small letters stand on both sides of it; that of a word that always has one can't be
    told from it. There is no space between two characters of scripts that are written without.
    """
    result = ""
    for text in map(str.strip, texts):
        if not result or not text:
            result += text
        elif re.search(r"[^\W\d_][-\u00ad\u2010]$", result):
            keep = not (result[-2].islower() and text[0].islower()) and result[-1] != "\u00ad"
            result = (result if keep else result[:-1]) + text
        elif is_cjk(result[-1]) or is_cjk(text[0]):
            result += text if is_cjk(result[-1]) and is_cjk(text[0]) else _spaced(result[-1], text)
        else:
            result += f" {text}"
    return result


def _spaced(before: str, text: str) -> str:
    """No space beside CJK punctuation, one between a hanzi and a word."""
    cjk = before if is_cjk(before) else text[0]
    return f" {text}" if cjk.isalnum() else text


def part_texts(page: PageContent, part: Part) -> list[str]:
    """The lines of text of a part that is no table: one for prose, else one a row; without a marker."""
    lines = page.lines
    rows = [joined([lines[i].text for i in row]) for row in part.lines]
    texts = [joined(rows)] if part.is_prose else rows
    if part.marker and texts[0].lstrip().startswith(part.marker):
        texts[0] = texts[0].lstrip()[len(part.marker) :].lstrip()
    return texts


def _usual_height(page: PageContent) -> float:
    heights = [quad_size(line.quad)[1] for line in page.lines for _ in line.text]
    return max(median(heights), 1.0) if heights else 1.0


def _parts_of(page: PageContent, lines: list[tuple[int, Line]], usual: float) -> Iterator[Part]:
    """Parts of one paragraph's lines outside tables."""
    rows = _rows(lines)
    if len(rows) > 1 and _is_last_number(page, rows[-1]):
        yield from _parts_of(page, [line for row in rows[:-1] for line in row], usual)
        yield Part("number", _numbers(rows[-1:]), True)
        return
    for i in (0, len(rows) - 1):  # a caption next to other text is a part of its own
        if len(rows) > 1 and _is_caption_line(rows, rows[i]):
            middle = 1 if i == 0 else i
            for part in (rows[:middle], rows[middle:]):
                yield from _parts_of(page, [line for row in part for line in row], usual)
            return
    starts = [i for i, row in enumerate(rows) if _marker(row[0][1].text)]
    is_list = len(starts) > 1 or any(_BULLET.match(rows[i][0][1].text) for i in starts)
    is_list |= bool(starts) and not _CHAPTER.match(rows[0][0][1].text) and len(rows) > 1 and starts == [0]
    if not is_list or _is_heading(rows, usual):
        yield _part(rows, usual)
        return
    bounds = [*([0] if starts[0] else []), *starts, len(rows)]
    for first, last in zip(bounds, bounds[1:], strict=False):
        own = rows[first:last]
        marker = _marker(own[0][0][1].text)
        numbers = _numbers(own)
        yield Part("item", numbers, True, marker=marker) if marker else _part(own, usual)


_Rows = list[list[tuple[int, Line]]]


def _rows(lines: Sequence[tuple[int, Line]]) -> _Rows:
    """Neighbouring lines that stand side by side, together."""
    rows: _Rows = []
    for number, line in lines:
        if rows and _is_beside(rows[-1][-1][1], line):
            rows[-1].append((number, line))
        else:
            rows.append([(number, line)])
    return rows


def _is_beside(before: Line, line: Line) -> bool:
    """Whether a line goes on to the right of another: its middle is past that one's end, at its height."""
    (x0, y0), (x1, y1), _, _ = before.quad
    along = (x1 - x0, y1 - y0)
    length = max(_distance(before.quad[0], before.quad[1]), 1e-6)
    own, other = _centre(before), _centre(line)
    offset = other[0] - own[0], other[1] - own[1]
    forward = (offset[0] * along[0] + offset[1] * along[1]) / length
    across = abs(offset[1] * along[0] - offset[0] * along[1]) / length
    return forward > length / 2 and across < 0.5 * min(quad_size(before.quad)[1], quad_size(line.quad)[1])


def _centre(line: Line) -> Point:
    return sum(x for x, _ in line.quad) / 4, sum(y for _, y in line.quad) / 4


def _is_last_number(page: PageContent, row: Sequence[tuple[int, Line]]) -> bool:
    """Whether a row is the page's number at its bottom, with nothing below it."""
    if len(row) > 1 or len(page.lines) < _MIN_LINES or not _PAGE_NUMBER.fullmatch(row[0][1].text):
        return False
    tops = [min(_upright(page, point)[1] for point in line.quad) for line in page.lines]
    own = tops[row[0][0]]
    return own > (1 - 2 * _MARGIN) * _height_of(page) and own >= max(tops)


def _is_caption_line(rows: _Rows, row: Sequence[tuple[int, Line]]) -> bool:
    """Whether a row is a caption by itself: it begins as one, is short, and other text is longer."""
    widths = [_distance(one[0][1].quad[0], one[-1][1].quad[1]) for one in rows]
    own = _distance(row[0][1].quad[0], row[-1][1].quad[1])
    text = row[-1][1].text.rstrip()
    return (
        _CAPTION.match(row[0][1].text) is not None and own < 0.85 * max(widths) and not text.endswith(_ENDS)
    )


def _numbers(rows: _Rows) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(number for number, _ in row) for row in rows)


def _marker(text: str) -> str:
    match = _BULLET.match(text) or _NUMBER.match(text)
    return match[0].strip() if match else ""


def _part(rows: _Rows, usual: float) -> Part:
    text = rows[0][0][1].text
    numbers = _numbers(rows)
    if _CAPTION.match(text) and len(rows) <= _MAX_HEADING_LINES:
        return Part("caption", numbers, True)
    if _is_heading(rows, usual):
        ratio = _height(rows) / usual
        return Part("heading", numbers, True, next(level for least, level in _LEVELS if ratio >= least))
    return Part("paragraph", numbers, _is_prose(rows))


def _height(rows: _Rows) -> float:
    return median(quad_size(line.quad)[1] for row in rows for _, line in row)


def _is_heading(rows: _Rows, usual: float) -> bool:
    """Whether a few lines are larger than usual, or one begins as a chapter does; no sentence ends there."""
    texts = [line.text.strip() for row in rows for _, line in row]
    if len(rows) > _MAX_HEADING_LINES or not _WORD.search(" ".join(texts)):
        return False
    if texts[-1].endswith(_ENDS) or sum(map(len, texts)) > 120:
        return False
    ratio = _height(rows) / usual
    is_chapter = (
        len(rows) == len(rows[0]) == 1 and _CHAPTER.match(texts[0]) is not None and len(texts[0]) < 50
    )
    return ratio >= _MIN_HEADING or (is_chapter and ratio >= _MIN_CHAPTER)


def _is_prose(rows: _Rows) -> bool:
    """Whether all lines but the last are full, or a word is divided at the end of one."""
    if any(_has_gap(row) for row in rows):
        return False
    widths = [_distance(row[0][1].quad[0], row[-1][1].quad[1]) for row in rows]
    widest = max(widths)
    full = sum(width >= (1 - 2 * _FULL) * widest for width in widths[:-1])
    is_wide = widest >= 8 * max(_height(rows), 1.0)
    divided = any(re.search(r"[^\W\d_]-$", row[-1][1].text) for row in rows[:-1])
    return len(rows) == 1 or divided or (is_wide and full >= 0.7 * (len(rows) - 1))


def _has_gap(row: Sequence[tuple[int, Line]]) -> bool:
    """Whether two lines of a row stand apart, as cells do."""
    lines = [line for _, line in row]
    return any(
        _distance(before.quad[1], after.quad[0]) > _MAX_SPACE * quad_size(before.quad)[1]
        for before, after in pairwise(lines)
    )


def _distance(one: Point, other: Point) -> float:
    return float(((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5)


def _framed(page: PageContent, parts: Sequence[Part], usual: float) -> Iterator[Part]:
    """The parts, where what stands alone at the top and the bottom is told from the text."""
    if len(page.lines) < _MIN_LINES:
        yield from parts
        return
    boxes = [_box(page, part) for part in parts]
    size = _height_of(page)
    framed = list(parts)
    for i in sorted(
        range(len(parts)), key=lambda i: -boxes[i][3]
    ):  # from the bottom: notes stand over footers
        part, (_, top, _, bottom) = parts[i], boxes[i]
        own = [page.lines[number] for row in part.lines for number in row]
        if part.table is not None or part.kind == "caption":
            continue
        text = " ".join(line.text for line in own)
        is_single = len(part.lines) == 1
        is_plain = is_single and part.kind in ("paragraph", "item")
        is_apart = _is_apart(boxes[i], [box for k, box in enumerate(boxes) if k != i], usual)
        if (
            is_single
            and _PAGE_NUMBER.fullmatch(text)
            and not 2 * _MARGIN * size < top < (1 - 2 * _MARGIN) * size
        ):
            framed[i] = Part("number", part.lines, True)
        elif is_plain and is_apart and bottom < _MARGIN * size:
            framed[i] = Part("header", part.lines)
        elif is_plain and is_apart and top > (1 - _MARGIN) * size:
            framed[i] = Part("footer", part.lines)
        elif (
            top > 0.6 * size
            and part.kind in ("paragraph", "item")
            and median(quad_size(line.quad)[1] for line in own) < _MAX_NOTE * usual
            and _NOTE.match(text)
            and not any(
                other.kind not in ("footnote", "footer", "number") and _is_below(boxes[k], boxes[i])
                for k, other in enumerate(framed)
                if k != i
            )
        ):
            framed[i] = Part("footnote", part.lines, True)
    yield from framed


def _height_of(page: PageContent) -> float:
    """Of the upright page."""
    return float(page.width if page.orientation in (90, 270) else page.height)


_Box = tuple[float, float, float, float]


def _is_apart(box: _Box, others: Sequence[_Box], usual: float) -> bool:
    """Whether there is more space than a line's half above and below, and no text is beside it."""
    middle = (box[1] + box[3]) / 2
    return all(
        top - box[3] > 0.5 * usual
        if top > middle
        else box[1] - bottom > 0.5 * usual
        if bottom < middle
        else False
        for _, top, _, bottom in others
    )


def _is_below(box: _Box, other: _Box) -> bool:
    return box[1] >= other[3] - 1 and min(box[2], other[2]) > max(box[0], other[0])


def _box(page: PageContent, part: Part) -> _Box:
    """Left, top, right and bottom of a part on the upright page."""
    quads = [part.table.quad] if part.table else [page.lines[i].quad for row in part.lines for i in row]
    points = [_upright(page, point) for quad in quads for point in quad]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _upright(page: PageContent, point: Point) -> Point:
    x, y = point
    if page.orientation == 90:
        return page.height - y, x
    if page.orientation == 180:
        return page.width - x, page.height - y
    return (y, page.width - x) if page.orientation == 270 else (x, y)
