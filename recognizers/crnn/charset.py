"""What the recogniser can write: Latin and Greek letters, Chinese punctuation, symbols, and 10,000 hanzi.

Full-width letters, digits and most marks are read as the ASCII characters that they are variants of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.ctc import BLANK as BLANK

_LATIN = "".join(map(chr, range(0x20, 0x7F)))
_LATIN_1 = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž¡¿"
_PUNCTUATION = "，。、；：？！“”‘’（）【】《》〈〉「」『』〔〕—–…·～￥％﹏"
_SYMBOLS = "§©®™€£¥¢°℃±×÷≤≥≠≈→←↑↓•√∞μΩαβγδεθλπσφ‰№†‡①②③④⑤⑥⑦⑧⑨⑩■□▲△●○★☆◆◇√✓☑☐♦¶ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ"
# Added on 2026-11-27, after the characters of the first weights, so that their classes keep their indices.
_MORE_LATIN = (
    "".join(chr(c) for c in range(0x100, 0x180) if chr(c) not in "ĲĳĿŀŉĸſ") + "ȘșȚțǍǎǏǐǑǒǓǔǕǖǗǘǙǚǛǜẞðÞþ"
)
# Without what looks like a Latin letter in every face: shape alone does not decide which of the two it is.
_GREEK = "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλμνξπρςστυφχψωάέήίύώ"
_MORE_SYMBOLS = (
    "«»¬¤¦‹›„¹²³⁰⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉¼½¾⅓⅔⅛℉℡㎡㎜㎝㎞㎏㎎㏄⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽㈠㈡㈢㈣㈤㈥㈦㈧㈨㈩"
    "❶❷❸❹❺❻❼❽❾❿㊣ⅪⅫ〇々〖〗〒※♂♀☎♪♥♠♣▶▼◀◎⊙✗☒∠∥∧∨∩∪∫∮∴∵∝≌≡∈∉⊂⊃⊆⊇⊥∂∇∀∃⇒⇔↔↗↘↙↖⊕"
)


def _double_byte(encoding: str, leads: Iterable[int], trails: Iterable[int]) -> str:
    """The hanzi of rows of a double-byte encoding, in its order; cells that hold none are passed over."""
    trails = tuple(trails)
    cells = (bytes((lead, trail)).decode(encoding, "ignore") for lead in leads for trail in trails)
    return "".join(c for c in cells if "\u4e00" <= c <= "\u9fff")


@cache
def taiwan_hanzi() -> str:
    """The hanzi of Big5's level 1: Taiwan's 5,401 in common use."""
    return _double_byte("big5", range(0xA4, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF)))


@cache
def hanzi_lists() -> dict[str, str]:
    """The official lists whose hanzi the charset has, each without those of the lists before it.

    GB2312 level 1 and 2 (GB/T 2312-1980), Big5 level 1 (Taiwan's 5,401 in common use), and the rest of the
    8,105 of the General Standard Chinese Characters (通用规范汉字表, 2013) with what Hong
    Kong's list of 4,762 adds; the last from the Unicode Han database, properties kTGH and kHKGlyph.
    """
    lists = {
        "gb2312-1": _double_byte("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF)),
        "gb2312-2": _double_byte("gb2312", range(0xD8, 0xF8), range(0xA1, 0xFF)),
        "big5-1": taiwan_hanzi(),
        "general": "".join((resources.files(__package__) / "hanzi.txt").read_text("utf-8").split()),
    }
    seen: set[str] = set()
    for name, hanzi in lists.items():
        lists[name] = "".join(c for c in hanzi if c not in seen)
        seen.update(hanzi)
    return lists


class Charset:
    """Maps characters to class indices and back; index 0 is the CTC blank.

    Args:
        characters: Those of classes 1, 2, …

    Raises:
        ocrpipe.errors.ConfigError: A character occurs twice.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = "".join(characters)
        self._index = {character: i for i, character in enumerate(self.characters, start=1)}
        if len(self._index) != len(self.characters):
            raise ConfigError("a charset holds each character once")

    def __len__(self) -> int:
        """Number of classes, the blank included."""
        return len(self.characters) + 1

    def __contains__(self, character: str) -> bool:
        return character in self._index

    def encode(self, text: str) -> list[int]:
        """Class indices of ``text``.

        Raises:
            ocrpipe.errors.ConfigError: A character is not in the charset.
        """
        try:
            return [self._index[character] for character in text]
        except KeyError as error:
            raise ConfigError(f"the charset lacks {error} of {text!r}") from error

    def decode(self, indices: Sequence[int]) -> str:
        """Text of class indices; blanks give nothing."""
        return "".join(self.characters[i - 1] for i in indices if i != BLANK)


@cache
def default_charset() -> Charset:
    """The charset that training starts with; each weights card holds its own."""
    hanzi = hanzi_lists()
    first = _LATIN + _LATIN_1 + _PUNCTUATION + _SYMBOLS + hanzi["gb2312-1"] + hanzi["gb2312-2"]
    added = _MORE_LATIN + _GREEK + _MORE_SYMBOLS + hanzi["big5-1"] + hanzi["general"]
    return Charset(dict.fromkeys(first + added))
