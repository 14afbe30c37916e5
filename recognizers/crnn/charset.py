"""What the recogniser can write: ASCII, common Latin-1, Chinese punctuation, symbols and GB2312's hanzi."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from ocrpipe.errors import ConfigError

BLANK = 0
"""Class index of the CTC blank; characters follow from 1."""

_LATIN = "".join(map(chr, range(0x20, 0x7F)))
_LATIN_1 = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž¡¿"
_PUNCTUATION = "，。、；：？！“”‘’（）【】《》〈〉「」『』〔〕—–…·～￥％﹏"
_SYMBOLS = "§©®™€£¥¢°℃±×÷≤≥≠≈→←↑↓•√∞μΩαβγδεθλπσφ‰№†‡①②③④⑤⑥⑦⑧⑨⑩■□▲△●○★☆◆◇√✓☑☐♦¶ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ"


def _hanzi() -> str:
    """The 6,763 hanzi of GB2312, level 1 by pronunciation, then level 2 by radical."""
    rows = ((row, range(0xA1, 0xFA if row == 0xD7 else 0xFF)) for row in range(0xB0, 0xF8))
    return bytes(byte for row, cells in rows for cell in cells for byte in (row, cell)).decode("gb2312")


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
    """The charset of the shipped weights."""
    return Charset(dict.fromkeys(_LATIN + _LATIN_1 + _PUNCTUATION + _SYMBOLS + _hanzi()))
