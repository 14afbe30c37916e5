"""A small character language model, and how it rescores characters that were read with little confidence.

An interpolated n-gram model (Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information
Theory 37, 1991), kept as a trie in flat arrays. All digits count as one: only the image decides which it is.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.recognizers.ctc import Emission

BOUNDARY = 0
"""Index of what stands before the first character of a line; characters follow from 1."""

ORDER = 5
"""Characters of the longest sequences that are counted, the predicted one included."""

_STEPS = 15.0  # counts are kept as whole steps of their logarithm, 7 % each
_SPAN = 1 << 14  # more than there are characters: what a character adds to the key of a sequence
_REMEMBERED = 1 << 15  # probabilities, some 5 MB
_DIGITS = "0123456789"
_COUNTS = np.exp(np.arange(256) / _STEPS)  # of each number of steps
_COUNT = tuple(_COUNTS.tolist())  # likewise, faster where it is one at a time
_LEVEL = ("sizes", "labels", "steps")


@dataclass(frozen=True)
class Level:
    """The sequences of one length, sorted: those that begin alike stand together.

    Attributes:
        sizes: How many of them continue each sequence that is one character shorter.
        labels: Their last characters.
        steps: How often they occur, in steps of the logarithm.
    """

    sizes: NDArray[np.int16]
    labels: NDArray[np.int16]
    steps: NDArray[np.uint8]


@dataclass(frozen=True)
class CharacterModel:
    """How likely characters follow each other.

    Attributes:
        characters: Of indices 1, 2, ….
        single: (characters + 1,) natural logarithms of the characters' own probabilities.
        levels: Sequences of two characters, of three, and so on.
    """

    characters: str
    single: NDArray[np.float32]
    levels: tuple[Level, ...]

    @classmethod
    def build(
        cls, lines: Iterable[str], characters: str, *, order: int = ORDER, min_counts: Sequence[int] = (2, 3)
    ) -> CharacterModel:
        """Count the sequences of characters in lines of text.

        Args:
            lines: Text; characters that are not among ``characters`` are passed over.
            characters: What the model knows.
            order: Characters of the longest sequences.
            min_counts: Pairs, triples, … that occur less often are left out; the last holds for longer ones.

        Raises:
            ocrpipe.errors.ConfigError: There is no text, or there are too many characters.
        """
        if len(characters) >= _SPAN:
            raise ConfigError(f"a language model knows at most {_SPAN - 1} characters, not {len(characters)}")
        index = {character: i for i, character in enumerate(characters, 1)}
        index |= {digit: index[_DIGITS[0]] for digit in _DIGITS if digit in index and _DIGITS[0] in index}
        parts = [np.array([BOUNDARY, *(index[c] for c in line if c in index)], np.int16) for line in lines]
        text = np.concatenate(parts) if parts else np.zeros(1, np.int16)
        if not text.any():
            raise ConfigError("there is no text to make a language model of")
        own = np.bincount(text, minlength=len(characters) + 1).astype(float)
        own[BOUNDARY] = 0
        starts = np.arange(len(text))  # where the sequences of a length that are kept begin in the text
        known, count = text.astype(np.int64), len(own)  # which each of them is, and how many there are
        levels = []
        for length in range(2, order + 1):
            ends = starts + length - 1
            within = ends < len(text)
            within[within] = text[ends[within]] != BOUNDARY
            starts, known = starts[within], known[within]
            keys = known * _SPAN + text[ends[within]]
            found, counts = np.unique(keys, return_counts=True)
            enough = counts >= min_counts[min(length - 2, len(min_counts) - 1)]
            found, counts = found[enough], counts[enough]
            steps = np.minimum(np.rint(np.log(counts) * _STEPS), 255).astype(np.uint8)
            sizes = np.bincount(found // _SPAN, minlength=count)
            levels.append(Level(sizes.astype(np.int16), (found % _SPAN).astype(np.int16), steps))
            if not len(found):
                break
            place = np.minimum(np.searchsorted(found, keys), len(found) - 1)
            kept = found[place] == keys
            starts, known, count = starts[kept], place[kept], len(found)
        single = np.log((own + 0.5) / (own + 0.5).sum()).astype(np.float32)
        return cls(characters, single, tuple(levels))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All but the characters, by name."""
        levels = {
            f"{name}{length}": getattr(level, name)
            for length, level in enumerate(self.levels, 2)
            for name in _LEVEL
        }
        return {"single": self.single, **levels}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], characters: str) -> CharacterModel:
        """The model that ``arrays`` describes.

        Raises:
            ocrpipe.errors.WeightsError: They are no language model's.
        """
        lengths = range(2, 2 + (len(arrays) - 1) // len(_LEVEL))
        try:
            levels = tuple(Level(*(arrays[f"{name}{length}"] for name in _LEVEL)) for length in lengths)
            single = arrays["single"]
        except KeyError as error:
            raise WeightsError(f"a language model lacks the array {error}") from error
        before = len(characters) + 1
        every = [single, *(array for level in levels for array in vars(level).values())]
        kinds = [np.floating, *(np.integer for _ in every[1:])]
        if not all(
            a.ndim == 1 and np.issubdtype(a.dtype, kind) for a, kind in zip(every, kinds, strict=True)
        ):
            raise WeightsError("an array of the language model is of the wrong kind")
        if any(level.sizes.min(initial=0) < 0 or level.steps.max(initial=0) > 255 for level in levels):
            raise WeightsError("counts of the language model are out of range")
        fits = len(single) == before and len(arrays) == 1 + len(_LEVEL) * len(levels)
        for level in levels:
            count = int(level.sizes.sum(dtype=np.int64))
            fits = fits and len(level.sizes) == before and len(level.labels) == len(level.steps) == count
            before = count
        if not fits:
            raise WeightsError("the arrays of the language model do not fit each other")
        return cls(characters, single, levels)

    @property
    def order(self) -> int:
        """Characters of the longest sequences."""
        return len(self.levels) + 1

    def indices(self, characters: str) -> list[int]:
        """The model's index of each character, ``BOUNDARY`` for those that it does not know."""
        return [self._index.get(_DIGITS[0] if c in _DIGITS else c, BOUNDARY) for c in characters]

    def log_prob(self, before: Sequence[int], next_: int) -> float:
        """Natural logarithm of the probability of a character after others, all by index.

        Args:
            before: Those before it, the last ``order - 1`` of which count; a line begins with ``BOUNDARY``.
            next_: The character.
        """
        likely = self._single[next_]
        for length in range(1, min(len(before), len(self.levels)) + 1):
            context = self._place(before[len(before) - length :])
            if context < 0:
                break
            level = self._tables[length - 1]
            start, end = level.starts[context], level.starts[context + 1]
            if start == end:
                break
            found = _find(level.labels, next_, start, end)
            count = _COUNT[level.steps[found]] if found >= 0 else 0.0
            likely = (count + (end - start) * likely) / (level.total(context, start, end) + end - start)
        return math.log(likely)

    @cached_property
    def remembered_log_prob(self) -> Callable[[tuple[int, ...], int], float]:
        """``log_prob``, which remembers its latest answers: repeated characters ask for the same."""
        return lru_cache(_REMEMBERED)(self.log_prob)

    def _place(self, sequence: Sequence[int]) -> int:
        """Which of the sequences of its length it is, -1 if it is none of those that are kept."""
        place = sequence[0]
        for level, label in zip(self._tables, sequence[1:], strict=False):
            place = _find(level.labels, label, level.starts[place], level.starts[place + 1])
            if place < 0:
                break
        return place

    @cached_property
    def _index(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.characters, 1)}

    @cached_property
    def _single(self) -> list[float]:
        return [math.exp(value) for value in self.single.tolist()]

    @cached_property
    def _tables(self) -> tuple[_Table, ...]:
        return tuple(_Table.of(level) for level in self.levels)


@dataclass(frozen=True, slots=True)
class _Table:
    """A level, mostly as memory views, whose items come several times faster than an array's.

    ``starts`` gives where the continuations of each shorter sequence begin, ``totals`` their summed counts,
    0 where these have not been needed yet: a page needs a few thousand of some three million.
    """

    starts: memoryview
    labels: memoryview
    steps: memoryview
    totals: NDArray[np.float32]

    @classmethod
    def of(cls, level: Level) -> _Table:
        starts = np.zeros(len(level.sizes) + 1, np.int32)
        np.cumsum(level.sizes, out=starts[1:])
        labels, steps = (np.ascontiguousarray(column).data for column in (level.labels, level.steps))
        return cls(starts.data, labels, steps, np.zeros(len(level.sizes), np.float32))

    def total(self, context: int, start: int, end: int) -> float:
        """Summed counts of a sequence's continuations, which stand from ``start`` to ``end``."""
        if not self.totals[context]:
            self.totals[context] = _COUNTS[np.frombuffer(self.steps[start:end], np.uint8)].sum()
        return float(self.totals[context])


@dataclass(frozen=True, slots=True)
class Candidates:
    """What an emission may be, itself included: class indices and their log-probabilities."""

    labels: Sequence[int]
    log_probs: Sequence[float]


def rescore(
    candidates: Sequence[Candidates],
    model: CharacterModel,
    indices: Sequence[int],
    weight: float,
    *,
    beam_width: int = 8,
) -> list[int]:
    """Labels of the sequence whose probabilities by the image and by the language together are highest.

    Costs nothing where an emission has one candidate and those before it are decided, as most are.

    Args:
        candidates: Of each emission, in the order of the line.
        model: The language model.
        indices: The model's index of each class of the recogniser.
        weight: Of the language model's log-probabilities.
        beam_width: Sequences that are kept.

    Returns:
        A label for each emission.
    """
    beam: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {(BOUNDARY,): (0.0, ())}
    for emission in candidates:
        decided = len(beam) == 1 and len(emission.labels) == 1
        extended: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
        for before, (score, labels) in beam.items():
            for label, log_prob in zip(emission.labels, emission.log_probs, strict=True):
                index = indices[label]
                total = score + log_prob
                if not decided:
                    total += weight * model.remembered_log_prob(before, index)
                state = (*before, index)[1 - model.order :]
                known = extended.get(state)
                if known is None or known[0] < total:
                    extended[state] = total, (*labels, label)
        if len(extended) > beam_width:
            extended = dict(sorted(extended.items(), key=lambda item: -item[1][0])[:beam_width])
        beam = extended
    return list(max(beam.values())[1])


def relabelled(
    emissions: Sequence[Emission], labels: Sequence[int], candidates: Sequence[Candidates]
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
            math.exp(choices.log_probs[choices.labels.index(label)]),
        )
        for emission, label, choices in zip(emissions, labels, candidates, strict=True)
    ]


def _find(values: memoryview, value: int, start: int, end: int) -> int:
    """Place of a value among the sorted ones of a range, -1 if it is not there."""
    at = bisect_left(values, value, start, end)
    return at if at < end and values[at] == value else -1
