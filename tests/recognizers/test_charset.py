from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import BLANK, Charset, default_charset, hanzi_lists


def test_the_order_of_the_default_charset_is_fixed() -> None:
    """Weights hold their charset's order in their last layer, and early checkpoints no charset."""
    characters = default_charset().characters
    assert len(default_charset()) == len(characters) + 1 == 10_870
    assert digest_of(characters) == "5bd83bcdd86b362a"
    assert digest_of(characters[:7032]) == "18a51b1c5e73eecb"  # the charset until 2026-11-27


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_default_charset_holds_what_it_says() -> None:
    charset = default_charset()
    assert all(chr(code) in charset for code in range(0x20, 0x7F))
    assert all(c in charset for c in "éÜßñ，。、《》“”—…￥①⑩℃§©®™€£¥±×÷≤≥→•√")
    gb2312 = [
        bytes((row, cell)).decode("gb2312", "ignore")
        for row in range(0xB0, 0xF8)
        for cell in range(0xA1, 0xFF)
    ]
    hanzi = [c for c in gb2312 if c]
    assert len(hanzi) == 6763 and all(c in charset for c in hanzi)
    assert "\n" not in charset and "가" not in charset
    assert all(c in charset for c in "ĐřţĞőŵțșǚΓΔΩθψ«»²⁻ⁿ₂½℡㎡⑪⑴㈠❶々〇※∠∈∀⇒")


def test_the_hanzi_are_those_of_the_official_lists() -> None:
    lists = hanzi_lists()
    assert {name: len(hanzi) for name, hanzi in lists.items()} == {
        "gb2312-1": 3755,
        "gb2312-2": 3008,
        "big5-1": 2073,
        "general": 1456,
    }
    hanzi = "".join(lists.values())
    assert len(set(hanzi)) == len(hanzi) == 10_292 and set(hanzi) <= set(default_charset().characters)
    big5 = [
        bytes((lead, trail)).decode("big5", "ignore")
        for lead in range(0xA4, 0xC7)
        for trail in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    ]
    common = {c for c in big5 if "\u4e00" <= c <= "\u9fff"}
    assert len(common) == 5401 and common <= set(hanzi)
    assert set("啰瞭砼镕鼈峯") <= set(hanzi)


@given(st.text(st.sampled_from(default_charset().characters)))
@settings(max_examples=100, deadline=None)
def test_decoding_undoes_encoding(text: str) -> None:
    charset = default_charset()
    indices = charset.encode(text)
    assert BLANK not in indices
    assert charset.decode(indices) == text


def test_blanks_decode_to_nothing() -> None:
    assert Charset("abc").decode([0, 1, 0, 0, 3]) == "ac"


def test_unknown_and_repeated_characters_are_named() -> None:
    with pytest.raises(ConfigError, match="lacks 'd' of 'abd'"):
        Charset("abc").encode("abd")
    with pytest.raises(ConfigError, match="each character once"):
        Charset("abca")
