from __future__ import annotations

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.evaluation.text_metrics import (
    SpaceCounts,
    TextCounts,
    count_errors,
    count_spaces,
    normalize,
    same_word,
)

PAIRS = [
    ("the quick brown fox", "the quick brown fox"),
    ("the quick brown fox", "tne quickbrown fox jumps"),
    ("invoice no 12345 total 9.99", "invoke no 12845"),
    ("第一章 总则", "第二章 总 则"),
    ("a b c", "x"),
]
TEXTS = st.text("ab é中").map(normalize).filter(bool)


def total(pairs: list[tuple[str, str]]) -> TextCounts:
    return sum((count_errors(reference, hypothesis) for reference, hypothesis in pairs), TextCounts())


def test_rates_are_those_of_jiwer() -> None:
    references, hypotheses = [list(texts) for texts in zip(*PAIRS, strict=True)]
    counts = total(PAIRS)
    assert counts.cer_spaced == pytest.approx(jiwer.cer(references, hypotheses), abs=1e-12)
    assert counts.wer == pytest.approx(jiwer.wer(references, hypotheses), abs=1e-12)
    solid_reference, solid_hypothesis = (
        [text.replace(" ", "") for text in texts] for texts in (references, hypotheses)
    )
    assert counts.cer == pytest.approx(jiwer.cer(solid_reference, solid_hypothesis), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_rates_of_any_pair_are_those_of_jiwer(reference: str, hypothesis: str) -> None:
    counts = count_errors(reference, hypothesis)
    assert counts.cer_spaced == pytest.approx(jiwer.cer(reference, hypothesis), abs=1e-12)
    assert counts.wer == pytest.approx(jiwer.wer(reference, hypothesis), abs=1e-12)


def test_spaces_count_only_where_they_should() -> None:
    counts = count_errors("ab cd", "abcd")
    assert (counts.cer, counts.cer_spaced, counts.wer) == (0.0, 1 / 5, 1.0)


def test_missing_and_extra_text() -> None:
    assert count_errors("abcd", "").cer == 1.0
    extra = count_errors("", "abcd")
    assert (extra.edits, extra.chars) == (4, 0)
    assert (count_errors("abcd", "abcd") + extra).cer == 1.0


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ａ１：（x）", "A1:(x)"),
        ("“a” ‘b’ — c…", "\"a\" 'b' - c..."),
        (" a \t\n b ", "a b"),
        ("• ∙", "· ·"),
        ("ﬁn", "fin"),
    ],
)
def test_normalize(text: str, normal: str) -> None:
    assert normalize(text) == normal


def test_casefold_is_a_choice() -> None:
    assert normalize("Straße") == "Straße"
    assert normalize("Straße", casefold=True) == "strasse"


def test_words_are_compared_by_letters_and_digits() -> None:
    assert same_word("Don't", "DONT!")
    assert same_word("２０１０", "2010")
    assert not same_word("O1", "01")
    assert not same_word("word", "")


@pytest.mark.parametrize(
    ("reference", "hypothesis", "counts"),
    [
        ("the old bridge", "the old bridge", (2, 2, 2)),
        ("the old bridge", "theold bridge", (1, 2, 1)),
        ("the old bridge", "the old bri dge", (2, 2, 3)),
        ("3. Some bread", "3.Some bread", (1, 2, 1)),
        ("the old bridge", "tha old bridge", (1, 2, 2)),  # beside a wrong character
        ("第 1 章 of 3", "第1章of 3", (1, 1, 1)),  # spaces beside hanzi are not counted
        ("abc", "", (0, 0, 0)),
    ],
)
def test_spaces_of_latin_text(reference: str, hypothesis: str, counts: tuple[int, int, int]) -> None:
    assert count_spaces(reference, hypothesis) == SpaceCounts(*counts)


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_spaces_of_equal_texts_agree(reference: str, hypothesis: str) -> None:
    same = count_spaces(reference, reference)
    assert same.common == same.reference == same.hypothesis
    counts = count_spaces(reference, hypothesis)
    assert counts.common <= min(counts.reference, counts.hypothesis)
    assert counts.f is None or 0 <= counts.f <= 1
