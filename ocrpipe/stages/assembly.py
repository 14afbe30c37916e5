"""From what a recogniser read in a crop to a line with words and characters placed on the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ocrpipe.geometry import span_quad
from ocrpipe.page import Char, Line, Quad, Word
from ocrpipe.recognizers.base import CharSpan, Recognition

# Han, kana, bopomofo, CJK and full-width punctuation; not Hangul, which is written with spaces.
_CJK = re.compile(
    "[\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\uffe0-\uffee\U00020000-\U0003ffff]"
)
# Punctuation that Chinese and Latin text share; beside a CJK character it is Chinese.
_SHARED = re.compile("[“”‘’—…·]")

_RULE = frozenset("-=_*~.·—–―#+")
_SHORTEST_RULE = 6  # characters; three dots or asterisks may say something
_LONG_RULE = 10  # characters of one kind that make a rule whatever they are read as
_SPECKS = frozenset(".·,'`")


def is_rule(text: str) -> bool:
    """Whether the text only divides the page: a rule drawn with characters, a blank to fill in, a lone dot.

    A tenth of a rule's characters may be others: at such lengths some are misread.
    """
    marks = text.replace(" ", "").replace("…", "...")
    if not marks.strip("_"):
        return bool(marks)
    if len(marks) == 1:
        return marks in _SPECKS
    most = max(map(marks.count, marks))
    if len(marks) >= _LONG_RULE and most >= 0.9 * len(marks) and not any(map(str.isdigit, marks)):
        return True
    return len(marks) >= _SHORTEST_RULE and sum(mark in _RULE for mark in marks) >= 0.9 * len(marks)


def build_line(
    recognition: Recognition,
    quad: Quad,
    crop_width: float,
    score: float,
    *,
    cut: Quad | None = None,
    margin: float = 0.0,
) -> Line:
    """Split a reading into words and place every character on the page.

    Words end at spaces. Leading, trailing and repeated spaces are dropped, and so is a space between two CJK
    characters, where none is ever written; characters are kept as they were read.

    Args:
        recognition: Characters with spans in pixels of the crop.
        quad: The line on the page.
        crop_width: Width in pixels of the crop that was read.
        score: The detector's confidence that there is a line.
        cut: Where the crop was cut from the page, if not along ``quad``; words are placed within it.
        margin: Pixels at both ends of the crop that lie outside ``cut``.

    Returns:
        The line; with no word in it, empty text and confidence 0.0 where nothing was read.
    """
    length = max(crop_width - 2 * margin, 1e-6)

    def place(start: float, end: float) -> Quad:
        first, last = (min(max((x - margin) / length, 0.0), 1.0) for x in (start, end))
        return span_quad(cut or quad, first, last)

    words = tuple(_word(spans, place) for spans in _split(recognition.chars))
    text = " ".join(word.text for word in words)
    return Line(text, quad, recognition.confidence, words, score)


def _split(spans: Sequence[CharSpan]) -> Iterator[list[CharSpan]]:
    """Runs of characters without a space that counts between them."""
    word: list[CharSpan] = []
    spaced = False
    for span in spans:
        if not span.text.strip():
            spaced |= bool(span.text)
            continue
        if word and spaced and not _unspaced(word[-1].text[-1], span.text[0]):
            yield word
            word = []
        word.append(span)
        spaced = False
    if word:
        yield word


def _unspaced(left: str, right: str) -> bool:
    """Whether no space is ever written between two characters."""
    cjk = [bool(_CJK.match(char)) for char in (left, right)]
    return any(cjk) and all(
        is_cjk or _SHARED.match(char) for is_cjk, char in zip(cjk, (left, right), strict=True)
    )


def _word(spans: Sequence[CharSpan], place: Callable[[float, float], Quad]) -> Word:
    chars = tuple(Char(span.text, place(span.start, span.end), span.confidence) for span in spans)
    quad = place(min(span.start for span in spans), max(span.end for span in spans))
    confidence = sum(char.confidence for char in chars) / len(chars)
    return Word("".join(char.text for char in chars), quad, confidence, chars)
