from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.decoding import LogProbs, label_log_probs
from ocrpipe.recognizers.crnn.lexicon import BKTree, lexicon_decode

words = st.text("abc中", max_size=6)


def spell(text: str, charset: Charset, doubts: dict[int, str] | None = None) -> LogProbs:
    """Two frames a character, a blank after each; ``doubts`` are characters nearly as probable."""
    probs = np.full((3 * len(text), len(charset)), 1e-4, dtype=np.float32)
    for place, character in enumerate(text):
        start = 3 * place
        probs[start : start + 2, charset.encode(character)[0]] = 0.9
        probs[start + 2, 0] = 0.99
        if doubts and place in doubts:
            probs[start : start + 2, charset.encode(doubts[place])[0]] = 0.4
    return np.asarray(np.log(probs / probs.sum(axis=1, keepdims=True)), dtype=np.float32)


def read(log_probs: LogProbs, charset: Charset, *lexicon: str, max_distance: int = 3) -> str:
    emissions = lexicon_decode(log_probs, charset, BKTree(lexicon), max_distance=max_distance)
    return charset.decode([emission.label for emission in emissions])


@pytest.fixture(scope="module")
def charset() -> Charset:
    return Charset("abcdefghijklmnopqrstuvwxyz")


@given(st.lists(words, max_size=40), words, st.integers(0, 4))
@settings(max_examples=200, deadline=None)
def test_search_equals_brute_force(lexicon: list[str], query: str, max_distance: int) -> None:
    tree = BKTree(lexicon)
    assert len(tree) == len(set(lexicon))
    distances = {word: Levenshtein.distance(query, word) for word in lexicon}
    expected = sorted((d, word) for word, d in distances.items() if d <= max_distance)
    assert [(d, word) for word, d in tree.search(query, max_distance)] == expected


def test_search_leaves_most_of_the_tree_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lexicon = [f"{a}{b}{c}" * (1 + ord(a) % 3) for a in "abcdefgh" for b in "ijklmnop" for c in "qrstuvwx"]
    tree = BKTree(lexicon)
    calls = 0

    class Counting:
        @staticmethod
        def distance(a: str, b: str) -> int:
            nonlocal calls
            calls += 1
            return Levenshtein.distance(a, b)

    monkeypatch.setattr("ocrpipe.recognizers.crnn.lexicon.Levenshtein", Counting)
    assert tree.search(lexicon[100], 0) == [(lexicon[100], 0)]
    assert 0 < calls < len(tree) / 4


def test_the_more_probable_word_wins_at_equal_distance(charset: Charset) -> None:
    log_probs = spell("cot", charset, doubts={1: "a"})
    assert read(log_probs, charset, "cut", "cat", "cart") == "cat"


def test_probability_beats_distance(charset: Charset) -> None:
    log_probs = spell("hovse", charset, doubts={1: "a", 2: "r", 3: "d"})
    near, far = "hovxe", "harde"
    assert Levenshtein.distance("hovse", near) < Levenshtein.distance("hovse", far)
    scores = label_log_probs(log_probs, [charset.encode(near), charset.encode(far)])
    assert scores[1] > scores[0]
    assert read(log_probs, charset, near, far) == far


def test_a_word_in_the_lexicon_stays(charset: Charset) -> None:
    assert read(spell("book", charset), charset, "look", "book", "boot") == "book"


def test_greedy_text_is_kept_without_a_candidate(charset: Charset) -> None:
    log_probs = spell("cot", charset)
    assert read(log_probs, charset) == "cot"
    assert read(log_probs, charset, "elephant") == "cot"
    assert read(log_probs, charset, "cut", max_distance=0) == "cot"


def test_words_outside_the_charset_are_no_candidates(charset: Charset) -> None:
    assert read(spell("cot", charset), charset, "cöt", "c中t") == "cot"


def test_words_too_long_for_the_frames_are_no_candidates(charset: Charset) -> None:
    """Three frames cannot spell five letters."""
    assert read(spell("a", charset), charset, "abcd") == "a"


def test_emissions_lie_where_the_characters_are(charset: Charset) -> None:
    log_probs = spell("cot", charset, doubts={1: "a"})
    emissions = lexicon_decode(log_probs, charset, BKTree(["cat"]))
    assert [e.frame // 3 for e in emissions] == [0, 1, 2]
    assert emissions[1].confidence == pytest.approx(np.exp(log_probs[3, charset.encode("a")[0]]))
