"""Corrected text for lines of a page, with words and characters placed along the line.

A correction is kept apart from the result, with the place of its line, so that it also fits a result that
was read again with other options or weights.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from statistics import median
from typing import TypeVar

from ocrpipe.characters import has_hanzi
from ocrpipe.geometry import overlap, span_quad
from ocrpipe.page import Char, Line, PageContent, Paragraph, Quad, Word

PageType = TypeVar("PageType", bound=PageContent)

SAME_PLACE = 0.5
"""Least intersection over union of the quads of a line and of its correction."""

CHECKED = 1.0
"""Confidence of text that a person has confirmed or typed."""

_NARROWEST = 0.6  # least width of a typed character, relative to the line's own characters
_SPACE = 0.5  # width of a space, in units of a Latin character
_WIDE = 2.0  # width of a hanzi and the like, in the same unit

_Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Correction:
    """What a line of a page should read.

    Attributes:
        quad: The line's quad, in pixels of the page.
        read: The text that was read there.
        text: The right text; the same as ``read`` where that was confirmed, empty where there is no text.
    """

    quad: Quad
    read: str
    text: str


def corrected_line(line: Line, text: str) -> Line:
    """The line with another text; its quad and score stay.

    Characters that both texts have in common keep their quads. Typed ones share the place of those they
    replace, in proportion to their widths; where that is too narrow, their neighbours move too. Words end at
    spaces, as everywhere. All confidences become 1.0.

    Args:
        line: What was read.
        text: What it should read; runs of spaces count as one, those at the ends are dropped.
    """
    words = [_clusters(word) for word in text.split()]
    typed = [char for word in words for char in word]
    axis = _Axis.of(line)
    spans = iter(_spans(typed, _breaks(words), axis))
    placed = []
    for word in words:
        chars = tuple(Char(char, axis.quad(span), CHECKED) for char, span in zip(word, spans, strict=False))
        placed.append(Word("".join(word), _joined(chars, axis), CHECKED, chars))
    confidence = CHECKED if placed else 0.0
    return Line(" ".join(word.text for word in placed), line.quad, confidence, tuple(placed), line.score)


def corrected_page(page: PageType, texts: Mapping[int, str]) -> PageType:
    """The page with other texts for some of its lines.

    Args:
        page: What was read.
        texts: The right text by index in ``page.lines``; a line whose text is empty is left out, and so is a
            paragraph without lines.

    Raises:
        IndexError: The page has no such line.
    """
    count = len(page.lines)
    if wrong := [index for index in texts if not 0 <= index < count]:
        raise IndexError(f"the page has {count} lines, no line {wrong[0]}")
    if not texts:
        return page
    paragraphs, index = [], 0
    for paragraph in page.paragraphs:
        lines = []
        for line in paragraph.lines:
            corrected = corrected_line(line, texts[index]) if index in texts else line
            if corrected.text or index not in texts:
                lines.append(corrected)
            index += 1
        if lines:
            paragraphs.append(Paragraph(tuple(lines), paragraph.quad))
    return replace(page, paragraphs=tuple(paragraphs))


def located(page: PageContent, corrections: Iterable[Correction]) -> dict[int, str]:
    """The corrections' texts by index in ``page.lines``: each belongs to the line at its place.

    A correction of a place where no line was read belongs to no line. Of two for one line, the later counts.
    """
    lines = page.lines
    by_quad = {line.quad: index for index, line in enumerate(lines)}
    found: dict[int, str] = {}
    for correction in corrections:
        index = by_quad.get(correction.quad)
        if index is None and lines:
            overlaps = [overlap(line.quad, correction.quad) for line in lines]
            best = max(range(len(lines)), key=overlaps.__getitem__)
            index = best if overlaps[best] >= SAME_PLACE else None
        if index is not None:
            found[index] = correction.text
    return found


def same_place(a: Quad, b: Quad) -> bool:
    """Whether two quads are those of the same line in different readings."""
    return a == b or overlap(a, b) >= SAME_PLACE


@dataclass(frozen=True, slots=True)
class _Axis:
    """A line as an axis from 0 to 1, from the start of its first character to the end of its last.

    Attributes:
        band: The part of the line's quad that its characters cover, its first side the reading direction.
        vertical: Whether the characters stand below each other, and ``band`` is turned.
        chars: Texts of the characters, in order, with their places.
        limits: Start and end of the line's own quad.
        quads: The characters' quads by their places, so that those that stay are the same to the last bit.
    """

    band: Quad
    vertical: bool
    chars: tuple[tuple[str, _Span], ...]
    limits: _Span
    quads: Mapping[_Span, Quad]

    @classmethod
    def of(cls, line: Line) -> _Axis:
        quads = [char.quad for char in line.chars]
        vertical = len(quads) > 1 and _runs_down(line.quad, quads[0], quads[-1])
        turned = [_turned(quad, vertical) for quad in (*quads, line.quad)]
        band = (turned[0][0], turned[-2][1], turned[-2][2], turned[0][3]) if quads else turned[-1]
        if _length(band) < 1e-6:
            return cls(turned[-1], vertical, (), (0.0, 1.0), {})
        spans = [_span_of(quad, band) for quad in turned]
        start, end = spans.pop()
        chars = tuple((char.text, span) for char, span in zip(line.chars, spans, strict=True))
        by_span = dict(zip(spans, quads, strict=True))
        return cls(band, vertical, chars, (min(start, 0.0), max(end, 1.0)), by_span)

    def quad(self, span: _Span) -> Quad:
        """The part of the line between two places."""
        if span in self.quads:
            return self.quads[span]
        a, b, c, d = span_quad(self.band, *span)
        return (d, a, b, c) if self.vertical else (a, b, c, d)


@dataclass(slots=True)
class _Run:
    """Typed characters without a place of their own, between two that have one.

    Attributes:
        first: Index of the first.
        last: One past the index of the last.
        replaced: The place of the characters that they replace, if they replace any.
    """

    first: int
    last: int
    replaced: _Span | None


def _spans(typed: Sequence[str], breaks: Sequence[bool], axis: _Axis) -> list[_Span]:
    """The place of each typed character; ``breaks`` says which ones begin a word after the first."""
    kept: list[_Span | None] = [None] * len(typed)
    runs = []
    read = [text for text, _ in axis.chars]
    for tag, first, last, start, end in SequenceMatcher(None, read, typed, autojunk=False).get_opcodes():
        if tag == "equal":
            kept[start:end] = [span for _, span in axis.chars[first:last]]
        elif end > start:
            places = [span for _, span in axis.chars[first:last]]
            runs.append(_Run(start, end, (places[0][0], places[-1][1]) if places else None))
    unit = _unit(axis) or (axis.limits[1] - axis.limits[0]) / max(_units(typed, breaks, 0, len(typed)), 1.0)
    for run in runs:
        if kept[run.first] is None:  # otherwise it has been placed together with the one before
            _place(run, kept, typed, breaks, axis.limits, unit)
    return [span for span in kept if span is not None]


def _place(
    run: _Run,
    kept: list[_Span | None],
    typed: Sequence[str],
    breaks: Sequence[bool],
    limits: _Span,
    unit: float,
) -> None:
    """Give the characters of a run their places in ``kept``."""
    first, last, replaced = run.first, run.last, run.replaced
    while True:
        while last < len(typed) and kept[last] is None:
            last += 1
        before = kept[first - 1] if first else None
        after = kept[last] if last < len(typed) else None
        gap = (before[1] if before else limits[0], after[0] if after else limits[1])
        wanted = unit * _units(typed, breaks, first, last)
        span = replaced if replaced and replaced[1] - replaced[0] >= _NARROWEST * wanted else gap
        if span is gap and gap[1] - gap[0] > wanted:  # no wider than the line's own characters
            middle = (gap[0] + gap[1]) / 2
            start = gap[0] if before and not after else gap[1] - wanted if after and not before else None
            start = middle - wanted / 2 if start is None else start
            span = (start, start + wanted)
        if span[1] - span[0] >= _NARROWEST * wanted or (before is None and after is None):
            break
        replaced = None
        # the neighbour with less text beyond it stays, since an end of the line may have room
        if after is None or (before is not None and first >= len(typed) - last):
            first -= 1
        else:
            last += 1
        kept[first:last] = [None] * (last - first)
    scale = max(span[1] - span[0], 0.0) / _units(typed, breaks, first, last)
    place = span[0]
    for index in range(first, last):
        place += _SPACE * scale if breaks[index] else 0.0
        end = place + _width(typed[index]) * scale
        kept[index] = (place, end)
        place = end


def _units(typed: Sequence[str], breaks: Sequence[bool], first: int, last: int) -> float:
    """Width of some characters with the spaces around them, in units of a Latin character."""
    spaces = sum(breaks[first : last + 1])
    return sum(map(_width, typed[first:last])) + _SPACE * spaces


def _unit(axis: _Axis) -> float:
    """Median width of a Latin character on the axis, or of half a hanzi."""
    widths = [(end - start) / _width(text) for text, (start, end) in axis.chars if end > start]
    return median(widths) if widths else 0.0


def _width(char: str) -> float:
    return _WIDE if has_hanzi(char) or unicodedata.east_asian_width(char[0]) in "WF" else 1.0


def _clusters(word: str) -> list[str]:
    """A word's characters, combining marks together with what they stand on."""
    clusters: list[str] = []
    for char in word:
        if clusters and unicodedata.combining(char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _breaks(words: Sequence[Sequence[str]]) -> list[bool]:
    return [number > 0 and index == 0 for number, word in enumerate(words) for index in range(len(word))]


def _joined(chars: Sequence[Char], axis: _Axis) -> Quad:
    first, last = (_turned(chars[index].quad, axis.vertical) for index in (0, -1))
    a, b, c, d = first[0], last[1], last[2], first[3]
    return (d, a, b, c) if axis.vertical else (a, b, c, d)


def _turned(quad: Quad, vertical: bool) -> Quad:
    """The quad with the side that runs downwards first, if the text does."""
    a, b, c, d = quad
    return (b, c, d, a) if vertical else quad


def _runs_down(line: Quad, first: Quad, last: Quad) -> bool:
    a, b, _, d = line
    x, y = (sum(p[i] for p in last) / 4 - sum(p[i] for p in first) / 4 for i in (0, 1))
    along = x * (b[0] - a[0]) + y * (b[1] - a[1])
    across = x * (d[0] - a[0]) + y * (d[1] - a[1])
    length, height = _length(line), _length(_turned(line, True))
    return abs(across) * length > abs(along) * height


def _middle(p: tuple[float, float], q: tuple[float, float]) -> tuple[float, float]:
    return (p[0] + q[0]) / 2, (p[1] + q[1]) / 2


def _length(quad: Quad) -> float:
    (left, top), (right, bottom) = _middle(quad[0], quad[3]), _middle(quad[1], quad[2])
    return float(((right - left) ** 2 + (bottom - top) ** 2) ** 0.5)


def _span_of(quad: Quad, band: Quad) -> _Span:
    """Where a quad's two ends lie along a band."""
    start, end = _middle(band[0], band[3]), _middle(band[1], band[2])
    direction = (end[0] - start[0], end[1] - start[1])
    square = direction[0] ** 2 + direction[1] ** 2

    def along(point: tuple[float, float]) -> float:
        return ((point[0] - start[0]) * direction[0] + (point[1] - start[1]) * direction[1]) / square

    return along(_middle(quad[0], quad[3])), along(_middle(quad[1], quad[2]))
