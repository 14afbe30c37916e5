"""Break text into lines of a given width, and stretch them to justify a paragraph."""

from __future__ import annotations

from ocrpipe.characters import is_hanzi
from ocrpipe.synthesis.canvas import Style

_NOT_FIRST = frozenset("，。；：？！）》”’、】」』%）,.;:?!)]}…·")
"""Characters that may not begin a line of Chinese (kinsoku)."""


def wrap(text: str, style: Style, width: float, first_indent: float = 0.0) -> list[str]:
    """``text`` in lines of at most ``width`` pixels, the first one shorter by ``first_indent``.

    English breaks at spaces, Chinese between any two characters but before closing punctuation.
    """
    break_lines = _wrap_hanzi if is_chinese(text) else _wrap_words
    return break_lines(text, style, width, first_indent)


def is_chinese(text: str) -> bool:
    """Whether the text is set as Chinese: more than 4 hanzi near its start, or any in a short text."""
    return sum(map(is_hanzi, text[:40])) > 4 or (len(text) <= 8 and any(map(is_hanzi, text)))


def _wrap_words(text: str, style: Style, width: float, first_indent: float) -> list[str]:
    space, lines, line, room = style.width(" "), [], "", width - first_indent
    for word in text.split():
        length = style.width(word)
        if line and length + space > room:
            lines.append(line)
            line, room = "", width
        line, room = (f"{line} {word}", room - space - length) if line else (word, room - length)
    return [*lines, line] if line else lines


def _wrap_hanzi(text: str, style: Style, width: float, first_indent: float) -> list[str]:
    lines, line, room = [], "", width - first_indent
    widths = {character: style.width(character) for character in set(text)}  # measuring is slow
    for character in text:
        if widths[character] > room and line:
            keep = len(line)
            if character in _NOT_FIRST and keep > 1:
                keep -= 1
            lines.append(line[:keep])
            line = line[keep:]
            room = width - sum(widths[c] for c in line)
        line += character
        room -= widths[character]
    return [*lines, line] if line else lines


def justification(line: str, style: Style, width: float) -> float:
    """Pixels to add at each break so that the line fills the width; 0 where that is half an em or more.

    Wider spaces would contradict the ground truth, in which gaps of that size separate lines (see
    ``canvas.LINE_GAP``).
    """
    missing = width - style.width(line)
    breaks = sum(not c.isascii() for c in line) if is_chinese(line) else line.count(" ")
    return missing / breaks if breaks and 0 < missing / breaks < 0.5 * style.size else 0.0
