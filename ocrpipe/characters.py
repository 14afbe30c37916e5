"""Classes of characters by code point (Unicode blocks); this module imports nothing of ocrpipe.

"Hanzi" are Chinese characters alone. "CJK" is everything that is written without spaces between: hanzi, kana,
bopomofo and their punctuation, full-width forms included; Hangul, which has spaces, is not part of it.
"""

from __future__ import annotations

import re
import unicodedata

_HANZI = "\u3400-\u9fff\U00020000-\U0003ffff"  # extension A, the basic block, the supplementary planes
_HANZI_PATTERN = re.compile(f"[{_HANZI}]")
_CJK_PATTERN = re.compile(
    "[\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\uffe0-\uffee\U00020000-\U0003ffff]"
)


def is_hanzi(character: str) -> bool:
    """Whether a character is a hanzi, of the basic block or an extension."""
    return _HANZI_PATTERN.fullmatch(character) is not None


def is_basic_hanzi(character: str) -> bool:
    """Whether a character is a hanzi of the basic block, U+4E00 to U+9FFF."""
    return len(character) == 1 and "\u4e00" <= character <= "\u9fff"


def has_hanzi(text: str) -> bool:
    """Whether a text has at least one hanzi."""
    return _HANZI_PATTERN.search(text) is not None


def is_cjk(character: str) -> bool:
    """Whether a character belongs to a script that is written without spaces, or to its punctuation."""
    return _CJK_PATTERN.fullmatch(character) is not None


def is_plausible(character: str) -> bool:
    """Whether a character can be text: not a control character, private, unassigned or a replacement."""
    return character != "\ufffd" and unicodedata.category(character) not in ("Cc", "Cn", "Co", "Cs")


def folded(text: str) -> str:
    """A text for comparison: without spaces, letter case and compatibility forms such as full-width ones."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
