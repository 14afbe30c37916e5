from __future__ import annotations

import pytest

from ocrpipe.characters import has_hanzi, is_basic_hanzi, is_cjk, is_hanzi


@pytest.mark.parametrize(
    ("character", "hanzi", "basic", "cjk"),
    [
        ("中", True, True, True),
        ("一", True, True, True),  # the first and the last of the basic block
        ("\u9fff", True, True, True),
        ("㐀", True, False, True),  # extension A
        ("𠀀", True, False, True),  # extension B
        ("。", False, False, True),
        ("，", False, False, True),
        ("Ａ", False, False, True),
        ("か", False, False, True),
        ("ㄅ", False, False, True),
        ("\uf900", False, False, True),  # a compatibility ideograph
        ("한", False, False, False),  # Hangul is written with spaces
        ("A", False, False, False),
        ("“", False, False, False),
        ("é", False, False, False),
        ("", False, False, False),
        ("中文", False, False, False),  # not one character
    ],
)
def test_classes(character: str, hanzi: bool, basic: bool, cjk: bool) -> None:
    assert (is_hanzi(character), is_basic_hanzi(character), is_cjk(character)) == (hanzi, basic, cjk)


def test_a_text_has_hanzi_wherever_they_are() -> None:
    assert has_hanzi("in 中 between") and has_hanzi("𠀀")
    assert not has_hanzi("") and not has_hanzi("ABC, 한글。")
