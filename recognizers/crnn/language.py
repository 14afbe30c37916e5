"""A small character language model, and how it settles what the recogniser is unsure of.

An interpolated trigram model (Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information
Theory 37, 1991), kept as a trie in flat arrays. All digits count as one: which it is, only the ink tells.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.recognizers.crnn.decoding import Emission

Ints = NDArray[np.int64]

BOUNDARY = 0
"""Index of what stands before the first character of a line; characters follow from 1."""

_STEPS = 15.0  # counts are kept as whole steps of their logarithm, 7 % each
_SPAN = 1 << 13  # more than there are characters, so that three indices fit into a key
_DIGITS = "0123456789"


@dataclass(frozen=True)
class CharacterModel:
    """How likely characters follow each other.

    Attributes:
        characters: Of indices 1, 2, ….
        single: (characters + 1,) natural logarithms of the characters' own probabilities.
        seconds: (characters + 1,) how many different characters follow each.
        second: Those, sorted, one character's after the other's.
        second_count: (len(second),) how often, in steps of the logarithm.
        thirds: (len(second),) how many different characters follow each pair.
        third: Those, sorted, one pair's after the other's.
        third_count: (len(third),) how often, in steps of the logarithm.
    """

    characters: str
    single: NDArray[np.float32]
    seconds: NDArray[np.int16]
    second: NDArray[np.int16]
    second_count: NDArray[np.uint8]
    thirds: NDArray[np.int16]
    third: NDArray[np.int16]
    third_count: NDArray[np.uint8]

    @classmethod
    def build(
        cls, lines: Iterable[str], characters: str, *, least: tuple[int, int] = (2, 3)
    ) -> CharacterModel:
        """Count the pairs and triples of characters in lines of text.

        Args:
            lines: Text; characters that are not among ``characters`` are passed over.
            characters: What the model knows.
            least: Pairs and triples that occur less often are left out.

        Raises:
            ocrpipe.errors.ConfigError: There is no text, or there are too many characters.
        """
        if len(characters) >= _SPAN:
            raise ConfigError(f"a language model knows at most {_SPAN - 1} characters, not {len(characters)}")
        index = {character: i for i, character in enumerate(characters, 1)}
        index |= {digit: index[_DIGITS[0]] for digit in _DIGITS if digit in index and _DIGITS[0] in index}
        parts = [np.array([0, 0, *(index[c] for c in line if c in index)], np.int64) for line in lines]
        text = np.concatenate([*parts, [0, 0]]) if parts else np.zeros(2, np.int64)
        if not text.any():
            raise ConfigError("there is no text to make a language model of")
        own = np.bincount(text, minlength=len(characters) + 1).astype(float)
        own[BOUNDARY] = 0
        before, last = text[:-1] * _SPAN, text[1:]
        pairs, pair_counts = _counted((before + last)[last > 0], least[0])
        triples, triple_counts = _counted(
            ((before[:-1] + last[:-1]) * _SPAN + text[2:])[last[1:] > 0], least[1]
        )
        known = np.isin(triples // _SPAN, pairs)
        triples, triple_counts = triples[known], triple_counts[known]
        return cls(
            characters,
            np.log((own + 0.5) / (own + 0.5).sum()).astype(np.float32),
            np.bincount(pairs // _SPAN, minlength=len(own)).astype(np.int16),
            (pairs % _SPAN).astype(np.int16),
            _steps(pair_counts),
            np.bincount(np.searchsorted(pairs, triples // _SPAN), minlength=len(pairs)).astype(np.int16),
            (triples % _SPAN).astype(np.int16),
            _steps(triple_counts),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All but the characters, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], characters: str) -> CharacterModel:
        """The model that ``arrays`` describes.

        Raises:
            ocrpipe.errors.WeightsError: They are no language model's.
        """
        try:
            model = cls(characters, **arrays)
        except TypeError as error:
            raise WeightsError(f"these are no arrays of a language model: {error}") from error
        pairs, triples = int(model.seconds.sum(dtype=np.int64)), int(model.thirds.sum(dtype=np.int64))
        sizes = len(characters) + 1, len(model.second), len(model.third)
        if (len(model.seconds), pairs, triples) != sizes or len(model.thirds) != sizes[1]:
            raise WeightsError("the arrays of the language model do not fit each other")
        return model

    def indices(self, characters: str) -> list[int]:
        """The model's index of each character, ``BOUNDARY`` for those that it does not know."""
        index = {character: i for i, character in enumerate(self.characters, 1)}
        return [index.get(_DIGITS[0] if c in _DIGITS else c, BOUNDARY) for c in characters]

    def log_prob(self, before: int, last: int, next_: int) -> float:
        """Natural logarithm of the probability of a character after two others, all by index."""
        single, pair_starts, pair_counts, pair_totals, triple_starts, triple_counts, triple_totals = (
            self._tables
        )
        likely = math.exp(single[next_])
        start, end = pair_starts[last], pair_starts[last + 1]
        if start < end:
            found = _find(self._second, next_, start, end)
            count = pair_counts[found] if found >= 0 else 0.0
            likely = (count + (end - start) * likely) / (pair_totals[last] + end - start)
        pair = _find(self._second, last, pair_starts[before], pair_starts[before + 1])
        if pair >= 0 and (start := triple_starts[pair]) < (end := triple_starts[pair + 1]):
            found = _find(self._third, next_, start, end)
            count = triple_counts[found] if found >= 0 else 0.0
            likely = (count + (end - start) * likely) / (triple_totals[pair] + end - start)
        return math.log(likely)

    @cached_property
    def _tables(self) -> tuple[memoryview, ...]:
        """As memory views, whose items come several times faster than an array's."""
        pair_starts, triple_starts = _starts(self.seconds), _starts(self.thirds)
        pairs, triples = (np.exp(steps / _STEPS) for steps in (self.second_count, self.third_count))
        columns = (
            self.single.astype(float),
            pair_starts,
            pairs,
            np.diff(np.append(0, np.cumsum(pairs))[pair_starts]),
            triple_starts,
            triples,
            np.diff(np.append(0, np.cumsum(triples))[triple_starts]),
        )
        return tuple(np.ascontiguousarray(column).data for column in columns)

    @cached_property
    def _second(self) -> memoryview:
        return self.second.data

    @cached_property
    def _third(self) -> memoryview:
        return self.third.data


@dataclass(frozen=True, slots=True)
class Choice:
    """What an emission may be instead, itself included: class indices and their log-probabilities."""

    labels: Sequence[int]
    log_probs: Sequence[float]


def settle(
    choices: Sequence[Choice],
    model: CharacterModel,
    indices: Sequence[int],
    weight: float,
    *,
    beam_width: int = 8,
) -> list[int]:
    """For each choice the label of the sequence that ink and language together make likeliest.

    Costs nothing where a choice has one label only and those before it are settled, as most are.

    Args:
        choices: In the order of the line.
        model: The language.
        indices: The model's index of each class of the recogniser.
        weight: Of the language's log-probabilities.
        beam_width: Sequences that are followed at once.
    """
    beam: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {(BOUNDARY, BOUNDARY): (0.0, ())}
    for choice in choices:
        certain = len(beam) == 1 and len(choice.labels) == 1
        ahead: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
        for (before, last), (score, labels) in beam.items():
            for label, log_prob in zip(choice.labels, choice.log_probs, strict=True):
                index = indices[label]
                total = score + log_prob
                if not certain:
                    total += weight * model.log_prob(before, last, index)
                rival = ahead.get((last, index))
                if rival is None or rival[0] < total:
                    ahead[last, index] = total, (*labels, label)
        if len(ahead) > beam_width:
            ahead = dict(sorted(ahead.items(), key=lambda item: -item[1][0])[:beam_width])
        beam = ahead
    return list(max(beam.values())[1])


def replaced(
    emissions: Sequence[Emission], labels: Sequence[int], choices: Sequence[Choice]
) -> list[Emission]:
    """The emissions with other labels, each with that label's own probability."""
    return [
        emission
        if label == emission.label
        else Emission(
            label,
            emission.frame,
            emission.first,
            emission.last,
            math.exp(choice.log_probs[choice.labels.index(label)]),
        )
        for emission, label, choice in zip(emissions, labels, choices, strict=True)
    ]


def _counted(keys: Ints, least: int) -> tuple[Ints, Ints]:
    found, counts = np.unique(keys, return_counts=True)
    return found[counts >= least], counts[counts >= least]


def _steps(counts: Ints) -> NDArray[np.uint8]:
    return np.minimum(np.rint(np.log(counts) * _STEPS), 255).astype(np.uint8)


def _starts(sizes: NDArray[np.int16]) -> Ints:
    return np.append(0, np.cumsum(sizes, dtype=np.int64))


def _find(values: memoryview, value: int, start: int, end: int) -> int:
    """Place of a value among the sorted ones of a range, -1 if it is not there."""
    at = bisect_left(values, value, start, end)
    return at if at < end and values[at] == value else -1
