from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.text import TextSource, clean, is_han

ALPHABET = frozenset(default_charset().characters)
ENGLISH = "The quick brown fox jumps over the lazy dog, and 12 more came by.\nWell then\n"
CHINESE = "中国人在这来了，我不是一人。\n大国有大有中，他来了\n"


def corpora(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> TextSource:
    folder = corpora(
        tmp_path_factory.mktemp("corpora"),
        en_prose=ENGLISH,
        zh_prose=CHINESE,
        zh_company_names="大中公司\n国来集团\n",
        other="ignored",
    )
    return TextSource(folder, ALPHABET)


def rngs(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


@given(st.text(st.sampled_from("ab é中，ＡＢ．３\u3000\u200b\t一😀한")))
@settings(max_examples=200, deadline=None)
def test_clean_text_is_of_the_alphabet_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text, ALPHABET)
    assert ALPHABET.issuperset(cleaned)
    assert "  " not in cleaned and cleaned == cleaned.strip()
    assert clean(cleaned, ALPHABET) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("ＡＢＣ１２", "ABC12"),
        ("３．１４", "3.14"),
        ("是，的：（一）", "是，的：（一）"),
        ("e\u0301te\u0301", "été"),
        ("a\u3000\t b\u200b😀c", "a bc"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text, ALPHABET) == cleaned


def test_full_width_forms_of_the_alphabet_stay() -> None:
    assert clean("Ａ，", frozenset("Ａ,")) == "Ａ,"


def test_han_are_the_characters_that_take_no_spaces() -> None:
    assert all(map(is_han, "中、，（㐀")) and not any(map(is_han, "a1(é "))


def test_running_text_comes_from_the_corpus_in_about_the_length_asked_for(texts: TextSource) -> None:
    for rng in rngs(60):
        english = texts.running(rng, "en", 20)
        assert english in ENGLISH and 0 < len(english) <= 24
        assert set(english.split()) <= set(ENGLISH.split())
        chinese = texts.running(rng, "zh", 5)
        assert chinese in CHINESE and 0 < len(chinese) <= 5


def test_paragraphs_are_whole_lines(texts: TextSource) -> None:
    assert {texts.paragraph(rng, "en") for rng in rngs(30)} == set(ENGLISH.splitlines())
    assert {texts.paragraph(rng, "zh") for rng in rngs(30)} == set(CHINESE.splitlines())


def test_entries_come_from_lists_or_else_from_running_text(texts: TextSource) -> None:
    assert {texts.entry(rng, "zh") for rng in rngs(30)} == {"大中公司", "国来集团"}
    assert all(texts.entry(rng, "en") in ENGLISH for rng in rngs(30))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_patterns_are_clean_and_of_many_kinds(texts: TextSource, language: str) -> None:
    found = {texts.pattern(rng, language) for rng in rngs(400)}
    assert len(found) > 300
    assert all(text and ALPHABET.issuperset(text) for text in found)
    for kind in (str.isdigit, str.isalpha, lambda text: "@" in text, lambda text: "/" in text):
        assert any(map(kind, found))


def test_patterns_follow_the_language(texts: TextSource) -> None:
    def chinese(language: str) -> int:
        return sum(any(map(is_han, texts.pattern(rng, language))) for rng in rngs(200))

    assert chinese("en") < 20 < 50 < chinese("zh")


def test_the_long_tail_is_drawn_uniformly(texts: TextSource) -> None:
    hanzi = set("".join(texts.rare_hanzi(rng, 500) for rng in rngs(60)))
    assert all("\u4e00" <= c <= "\u9fff" for c in hanzi) and len(hanzi) > 6500
    symbols = set("".join(texts.symbols(rng, 500) for rng in rngs(10)))
    assert symbols == {c for c in ALPHABET if not "\u4e00" <= c <= "\u9fff"} - {" "}


def test_the_same_seed_gives_the_same_text(texts: TextSource) -> None:
    one, other = (
        [texts.pattern(rng, "zh") + texts.running(rng, "en", 30) + texts.symbols(rng, 4) for rng in rngs(20)]
        for _ in range(2)
    )
    assert one == other


def test_lines_with_nothing_in_the_alphabet_give_a_digit(tmp_path: Path) -> None:
    texts = TextSource(corpora(tmp_path, en_x="☃\n", zh_x="☃☃☃\n"), ALPHABET)
    rng = np.random.default_rng(0)
    assert texts.running(rng, "en", 9) == texts.running(rng, "zh", 9) == "0"
    assert texts.paragraph(rng, "en") == texts.entry(rng, "zh") == "0"


def test_empty_files_are_left_out(tmp_path: Path) -> None:
    texts = TextSource(corpora(tmp_path, en_a="\n \n", en_b="yes\n", zh_a="是的\n"), ALPHABET)
    assert {texts.paragraph(rng, "en") for rng in rngs(20)} == {"yes"}


def test_both_languages_are_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no running text zh\*\.txt"):
        TextSource(corpora(tmp_path, en_prose=ENGLISH, zh_words="中\n"), ALPHABET)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "zh_old.txt").write_bytes("中国".encode("gb2312"))
    with pytest.raises(ConfigError, match=r"zh_old\.txt is not UTF-8"):
        TextSource(tmp_path, ALPHABET)


def test_words_stand_in_a_row(tmp_path: Path) -> None:
    words = {"杠杆", "稳健", "迭代", "风险"}
    folder = corpora(tmp_path, en_prose=ENGLISH, zh_prose=CHINESE, zh_words="\n".join(sorted(words)))
    texts = TextSource(folder, ALPHABET)
    rows = [texts.words(rng, 30) for rng in rngs(40)]
    assert all(len(row) == 30 for row in rows)
    text = "".join(rows)
    assert all(word in text for word in words)
    assert set(text) <= set("".join(words)) | set("的、，；和与及。")


def test_without_lists_of_words_running_text_takes_their_place(texts: TextSource) -> None:
    for rng in rngs(20):
        assert set(texts.words(rng, 12)) <= set(CHINESE)
