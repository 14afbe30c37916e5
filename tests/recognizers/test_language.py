from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.recognizers.crnn.language import BOUNDARY, Candidates, CharacterModel, relabelled, rescore
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer, Decoding, load_language
from ocrpipe.recognizers.ctc import Emission

CHARACTERS = "abc 0123风险传"
LINES = ["abc abc", "ab", "风险风险", "abcabc 12", "b a 01", "风传"] * 3


@pytest.fixture(scope="module")
def model() -> CharacterModel:
    return CharacterModel.build(LINES, CHARACTERS, min_counts=(1, 1))


def log_prob(model: CharacterModel, text: str) -> float:
    """Of the last character after the others, ``^`` standing for the boundary."""
    *before, next_ = (BOUNDARY if c == "^" else model.indices(c)[0] for c in text)
    return model.log_prob(before, next_)


@pytest.mark.parametrize(
    "context", ["", "^", "^a", "ab", "bc", "c ", "风险", "险险", "^传", "^abc", "风险风险"]
)
def test_probabilities_sum_to_one(model: CharacterModel, context: str) -> None:
    total = sum(math.exp(log_prob(model, context + c)) for c in CHARACTERS if c not in "123")
    # The digits count as one, and the smoothed share of the boundary and of the other digits is missing.
    assert total == pytest.approx(1, abs=0.05)
    assert total <= 1 + 1e-6


def test_probabilities_are_witten_and_bells(model: CharacterModel) -> None:
    """By hand, for a b c and a b c a, with counts in whole steps of their logarithm."""
    text = ["^" + line.translate(str.maketrans("123", "000")) for line in LINES]
    single = Counter("".join(text).replace("^", ""))

    def mixed(context: str, c: str, fallback: float) -> float:
        length = len(context) + 1
        counts = Counter(line[i : i + length] for line in text for i in range(len(line) - length + 1))
        after = {key[-1]: n for key, n in counts.items() if key[:-1] == context}
        return (after.get(c, 0) + len(after) * fallback) / (sum(after.values()) + len(after))

    def own(c: str) -> float:
        return (single[c] + 0.5) / (sum(single.values()) + 0.5 * (len(CHARACTERS) + 1))

    expected = mixed("ab", "c", mixed("b", "c", own("c")))
    assert math.exp(log_prob(model, "abc")) == pytest.approx(expected, rel=0.05)
    expected = mixed("abc", "a", mixed("bc", "a", mixed("c", "a", own("a"))))
    assert math.exp(log_prob(model, "abca")) == pytest.approx(expected, rel=0.05)


def test_what_was_seen_is_likelier(model: CharacterModel) -> None:
    assert log_prob(model, "^风险") > log_prob(model, "^风传") > log_prob(model, "^风a")
    assert log_prob(model, "abc") > log_prob(model, "aba")


def test_all_digits_are_one(model: CharacterModel) -> None:
    assert len(set(model.indices("0123"))) == 1
    assert log_prob(model, "^ 3") == log_prob(model, "^ 0")


def test_rare_sequences_are_left_out() -> None:
    model = CharacterModel.build(["abc", "abc", "ac"], "abc", min_counts=(2,))
    second, third, fourth = (level.labels.tolist() for level in model.levels[:3])
    assert second == [1, 2, 3]  # a line begins with a; ab; bc
    assert third == [2, 3]  # b after the first a; abc
    assert fourth == [3]  # abc at the beginning
    assert log_prob(model, "^ac") < log_prob(model, "^ab")


def test_arrays_make_the_same_model(model: CharacterModel) -> None:
    again = CharacterModel.from_arrays(model.arrays(), model.characters)
    assert log_prob(again, "风险风") == log_prob(model, "风险风")


@pytest.mark.parametrize("wrong", ["labels2", "sizes3", "steps5", "single"])
def test_arrays_that_do_not_fit_are_refused(model: CharacterModel, wrong: str) -> None:
    arrays = model.arrays()
    cut = {**arrays, wrong: arrays[wrong][:-1]} if wrong != "single" else {"other": arrays[wrong]}
    with pytest.raises(WeightsError):
        CharacterModel.from_arrays(cut, model.characters)


def test_no_text_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no text"):
        CharacterModel.build(["xyz"], "abc")
    with pytest.raises(ConfigError, match="at most"):
        CharacterModel.build(["abc"], "".join(map(chr, range(0x4E00, 0x4E00 + 17000))))


def candidates_at(model: CharacterModel, *places: dict[str, float]) -> list[Candidates]:
    """Each place's characters with their probabilities; labels are the model's own indices."""
    return [
        Candidates([model.indices(c)[0] for c in place], [math.log(p) for p in place.values()])
        for place in places
    ]


def rescored(model: CharacterModel, *places: dict[str, float], weight: float = 0.3) -> str:
    labels = rescore(candidates_at(model, *places), model, range(len(CHARACTERS) + 1), weight)
    return "".join(CHARACTERS[label - 1] for label in labels)


def test_language_decides_between_candidates_of_similar_probability(model: CharacterModel) -> None:
    doubtful = {"传": 0.5, "险": 0.4}
    assert rescored(model, {"风": 1.0}, doubtful, {"风": 1.0}) == "风险风"
    assert rescored(model, {"风": 1.0}, doubtful, weight=0.0) == "风传"


def test_a_clear_character_stays(model: CharacterModel) -> None:
    assert rescored(model, {"风": 1.0}, {"传": 0.98, "险": 0.001}) == "风传"
    assert rescored(model, {"c": 1.0}, {"a": 1.0}, {"险": 1.0}) == "ca险"


def test_nothing_is_nothing(model: CharacterModel) -> None:
    assert rescore([], model, [], 0.2) == []


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc风险传"), st.floats(0.01, 1), min_size=1, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_the_beam_finds_the_best_of_all_sequences(places: list[dict[str, float]]) -> None:
    model = CharacterModel.build(LINES, CHARACTERS, min_counts=(1, 1))
    given_ = candidates_at(model, *places)

    def score(labels: list[int]) -> float:
        ends = [BOUNDARY, *labels]
        language = sum(model.log_prob(ends[: i + 1], label) for i, label in enumerate(labels))
        ink = sum(c.log_probs[c.labels.index(label)] for c, label in zip(given_, labels, strict=True))
        return ink + 0.3 * language

    every: list[list[int]] = [[]]
    for choice in given_:
        every = [[*labels, label] for labels in every for label in choice.labels]
    found = rescore(given_, model, range(len(CHARACTERS) + 1), 0.3, beam_width=10_000)
    assert score(found) == pytest.approx(max(map(score, every)))


def test_a_replaced_character_has_its_own_probability() -> None:
    emissions = [Emission(1, 3, 2, 4, 0.5), Emission(2, 7, 7, 7, 0.6)]
    options = [Candidates((1, 5), (math.log(0.5), math.log(0.3))), Candidates((2,), (0.0,))]
    new = relabelled(emissions, [5, 2], options)
    assert new[0] == Emission(5, 3, 2, 4, pytest.approx(0.3))  # type: ignore[arg-type]
    assert new[1] is emissions[1]


def test_the_model_that_ships_knows_both_languages() -> None:
    model = load_language()

    def likely(text: str) -> float:
        indices = model.indices(text)
        return sum(model.log_prob(indices[:i], indices[i]) for i in range(1, len(text)))

    assert likely("金融风险") > likely("金融风传")
    assert likely("the water") > likely("thc wafer")
    assert likely("quantity") > likely("guantity")  # as no three letters tell
    assert sum(array.nbytes for array in model.arrays().values()) < 16_000_000


def test_only_best_path_decoding_takes_it() -> None:
    for decoding in (Decoding(beam_width=2), Decoding(lexicon=("a",)), Decoding(language=0.0)):
        assert CRNNRecognizer(options=decoding)._language is None
    with pytest.raises(ConfigError):
        Decoding(language=-1)


def test_a_file_of_another_model_is_refused() -> None:
    weights = Path(__file__).parents[2] / "pretrained" / "ctpn.safetensors"
    with pytest.raises(WeightsError):
        load_language(weights)


def test_repeated_characters_cost_few_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    model = CharacterModel.build(["iiliilil", "lilili"], "il")
    asked = 0
    looked_up = CharacterModel.log_prob

    def counted(self: CharacterModel, before: Sequence[int], next_: int) -> float:
        nonlocal asked
        asked += 1
        return looked_up(self, before, next_)

    monkeypatch.setattr(CharacterModel, "log_prob", counted)
    either = Candidates((1, 2), (-0.5, -1.0))
    rescore([either] * 2000, model, [BOUNDARY, 1, 2], 0.2)
    assert asked < 200


def test_the_recognizer_offers_its_language_model() -> None:
    goes_on = CRNNRecognizer().continuation
    assert goes_on is not None
    assert goes_on("the lamps along the riv-", "er burned") > 0 > goes_on("the lamps along the riv-", "qz")
    assert CRNNRecognizer(options=Decoding(language=0.0)).continuation is None
