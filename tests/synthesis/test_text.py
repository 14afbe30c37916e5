from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.characters import is_hanzi
from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.text import ClassWeights, TextSource, clean, is_han

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
        ("−1 ‐ 2‑3‒4", "-1 - 2-3-4"),
        ("5′ 6″ 1∕2", "5' 6\" 1/2"),
        ("甲・乙∙丙 a∣b", "甲·乙·丙 a|b"),
        ("∑ ∏ ∆ \u2126 µ Ð", "Σ Π Δ Ω μ Đ"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text, ALPHABET) == cleaned


@pytest.mark.parametrize("character", "−‐‑‒′″∕∙・∣∑∏∆µÐ")
def test_a_lookalike_is_replaced_even_if_the_alphabet_has_it(character: str) -> None:
    cleaned = clean(character, ALPHABET | {character})
    assert cleaned in ALPHABET and cleaned != character


def test_full_width_forms_of_the_alphabet_stay() -> None:
    assert clean("Ａ，", frozenset("Ａ,")) == "Ａ,"


def test_han_are_the_characters_that_take_no_spaces() -> None:
    assert all(map(is_han, "中、，（㐀𠀀")) and not any(map(is_han, "a1(é "))


def test_hanzi_are_of_the_basic_block_or_an_extension() -> None:
    assert all(map(is_hanzi, "中這㐀𠀀𬘓")) and not any(map(is_hanzi, "a1、，（あア〇"))


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
    patterns = {texts.pattern(rng, language) for rng in rngs(400)}
    assert len(patterns) > 300
    assert all(text and ALPHABET.issuperset(text) for text in patterns)
    for kind in (str.isdigit, str.isalpha, lambda text: "@" in text, lambda text: "/" in text):
        assert any(map(kind, patterns))


def test_patterns_follow_the_language(texts: TextSource) -> None:
    def chinese(language: str) -> int:
        return sum(any(map(is_han, texts.pattern(rng, language))) for rng in rngs(200))

    assert chinese("en") < 20 < 50 < chinese("zh")


def test_without_weights_all_hanzi_and_symbols_are_equally_likely(texts: TextSource) -> None:
    hanzi, alphabet = (
        Counter("".join(texts.hanzi(rng, 1000) for rng in rngs(60))),
        set(filter(is_hanzi, ALPHABET)),
    )
    assert set(hanzi) <= alphabet and len(hanzi) > 0.98 * len(alphabet) and max(hanzi.values()) < 25
    symbols = Counter("".join(texts.symbols(rng, 500) for rng in rngs(40)))
    ascii_alphanumeric = {c for c in ALPHABET if c.isascii() and c.isalnum()}
    assert set(symbols) == ALPHABET - alphabet - ascii_alphanumeric - {" "}
    assert max(symbols.values()) < 4 * min(symbols.values()) + 40


def test_hanzi_and_symbols_follow_the_weights_of_a_file(tmp_path: Path) -> None:
    weights = tmp_path / "weights.json"
    weights.write_text(json.dumps({"国": 1e6, "±": 1e6}), encoding="utf-8")
    folder = corpora(tmp_path, en_prose=ENGLISH, zh_prose=CHINESE)
    texts, rng = TextSource(folder, ALPHABET, weights), np.random.default_rng(0)
    assert texts.hanzi(rng, 200).count("国") > 190
    assert texts.symbols(rng, 200).count("±") > 190


def test_weights_are_relative_and_1_for_characters_that_the_file_lacks(tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    path.write_text(json.dumps({"a": 3, "b": 0, "x": 9}), encoding="utf-8")
    counts = Counter(ClassWeights("abc", path).draw(np.random.default_rng(0), 4000))
    assert set(counts) == {"a", "c"}
    assert counts["a"] == pytest.approx(3000, abs=100)


def test_an_alphabet_without_symbols_gives_none(tmp_path: Path) -> None:
    texts = TextSource(corpora(tmp_path, en_prose="Well", zh_prose="中国"), frozenset("Wel中国"))
    rng = np.random.default_rng(0)
    assert texts.symbols(rng, 3) == "" and texts.with_symbols(rng, "zh", 2) in "中国"


def test_weights_are_read_again_after_some_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClassWeights, "RELOAD_INTERVAL", 3)
    path, rng = tmp_path / "weights.json", np.random.default_rng(0)
    weights = ClassWeights("abc", path)
    assert set(weights.draw(rng, 100)) == set("abc")  # there is no file yet
    path.write_text(json.dumps({"a": 1, "b": 0, "c": 0}), encoding="utf-8")
    drawn = [set(weights.draw(rng, 100)) for _ in range(5)]
    assert drawn == [set("abc"), set("abc"), {"a"}, {"a"}, {"a"}]
    path.write_text(json.dumps({"a": 0, "b": 1, "c": 0}), encoding="utf-8")
    assert [set(weights.draw(rng, 100)) for _ in range(2)] == [{"b"}, {"b"}]


@given(st.text("中国人a ", max_size=30), st.text("XYZ", max_size=10), st.integers(0, 1000))
def test_replacements_keep_the_length_and_the_other_characters(text: str, characters: str, seed: int) -> None:
    source = TextSource.__new__(TextSource)  # the method needs no corpora
    replaced = source.with_replacements(np.random.default_rng(seed), text, characters)
    assert len(replaced) == len(text)
    assert all(new == old or new in "XYZ" for old, new in zip(text, replaced, strict=True))
    assert Counter(c for c in replaced if c in "XYZ") == Counter(characters[: len(text)])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_to_four_symbols_are_inserted_into_running_text(tmp_path: Path, language: str) -> None:
    folder = corpora(tmp_path, en_prose="Well then", zh_prose="中国人在这里")
    alphabet = frozenset("Welthn 中国人在这里±—…①")
    texts, counts = TextSource(folder, alphabet), Counter[int]()
    for rng in rngs(100):
        text = texts.with_symbols(rng, language, 20)
        assert alphabet.issuperset(text) and text == " ".join(text.split())
        counts[sum(c in "±①" for c in text) + text.count("——") + text.count("……")] += 1
        letters = "".join(c for c in text if c not in "±—…① ")
        assert letters and letters in {"en": "Wellthen", "zh": "中国人在这里"}[language]
    assert set(counts) <= {1, 2, 3, 4} and len(counts) == 4


def test_traditional_text_has_files_of_its_own(tmp_path: Path) -> None:
    folder = corpora(tmp_path, en_prose=ENGLISH, zh_prose=CHINESE, zht_prose="這裡來國", zht_words="學校")
    texts = TextSource(folder, ALPHABET)
    assert texts.traditional
    assert all(texts.running(rng, "zht", 5) in "這裡來國" for rng in rngs(20))
    assert {texts.entry(rng, "zht") for rng in rngs(20)} == {"學校"}
    simplified = "".join(
        texts.running(rng, "zh", 9) + texts.words(rng, 9) + texts.paragraph(rng, "zh") for rng in rngs(30)
    )
    assert not set(simplified) & set("這裡來國學校")


def test_traditional_text_is_optional_and_no_substitute_for_simplified(tmp_path: Path) -> None:
    assert not TextSource(corpora(tmp_path, en_prose=ENGLISH, zh_prose=CHINESE), ALPHABET).traditional
    (tmp_path / "zh_prose.txt").rename(tmp_path / "zht_prose.txt")
    with pytest.raises(ConfigError, match=r"no running text zh\*\.txt"):
        TextSource(tmp_path, ALPHABET)


def test_the_same_seed_gives_the_same_text(texts: TextSource) -> None:
    first, second = (
        [texts.pattern(rng, "zh") + texts.running(rng, "en", 30) + texts.symbols(rng, 4) for rng in rngs(20)]
        for _ in range(2)
    )
    assert first == second


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
