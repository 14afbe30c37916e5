from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.decoding import LogProbs, align, greedy, label_log_probs, prefix_beam


def frames(seed: int, length: int, classes: int, *, scale: float = 1.5) -> LogProbs:
    logits = np.random.default_rng(seed).normal(0, scale, (length, classes))
    return np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)), dtype=np.float32)


def peaky(path: list[int], classes: int, probability: float = 0.97) -> LogProbs:
    probs = np.full((len(path), classes), (1 - probability) / (classes - 1), dtype=np.float32)
    probs[np.arange(len(path)), path] = probability
    return np.log(probs)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in groupby(path) if label)


def enumerate_all(log_probs: LogProbs) -> dict[tuple[int, ...], float]:
    """Probability of every label sequence, by summing over every path."""
    totals: dict[tuple[int, ...], float] = {}
    length, classes = log_probs.shape
    for path in product(range(classes), repeat=length):
        probability = float(np.exp(log_probs[np.arange(length), list(path)].astype(float).sum()))
        labels = collapse(path)
        totals[labels] = totals.get(labels, 0.0) + probability
    return totals


tiny = st.tuples(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 4))


def test_greedy_merges_repeats_and_reports_frames() -> None:
    log_probs = peaky([0, 3, 3, 0, 3, 2, 2, 2, 0], classes=5)
    log_probs[6, 2] = np.log(0.99)
    emissions = greedy(log_probs)
    assert [(e.label, e.first, e.last) for e in emissions] == [(3, 1, 2), (3, 4, 4), (2, 5, 7)]
    assert emissions[2].frame == 6
    assert emissions[2].confidence == pytest.approx(0.99)
    assert emissions[0].confidence == pytest.approx(0.97)


def test_no_frames() -> None:
    empty = np.zeros((0, 4), dtype=np.float32)
    assert greedy(empty) == []
    assert [(c.labels, c.log_prob) for c in prefix_beam(empty)] == [((), 0.0)]
    assert align(empty, []) == []
    assert label_log_probs(empty, [(), (1,)]).tolist() == [0.0, -np.inf]


def test_all_blank_reads_nothing() -> None:
    log_probs = peaky([0] * 6, classes=4)
    assert greedy(log_probs) == []
    assert prefix_beam(log_probs)[0].labels == ()


@given(tiny)
@settings(max_examples=60, deadline=None)
def test_wide_beam_equals_enumeration(shape: tuple[int, int, int]) -> None:
    log_probs = frames(*shape)
    truth = enumerate_all(log_probs)
    candidates = prefix_beam(log_probs, beam_width=5000, top=10, min_prob=0.0)
    found = {c.labels: np.exp(c.log_prob) for c in candidates if np.isfinite(c.log_prob)}
    assert found == pytest.approx(truth, rel=1e-4)
    scores = [c.log_prob for c in candidates]
    assert scores == sorted(scores, reverse=True)


@given(tiny)
@settings(max_examples=60, deadline=None)
def test_label_log_probs_equal_enumeration(shape: tuple[int, int, int]) -> None:
    log_probs = frames(*shape)
    truth = enumerate_all(log_probs)
    assert np.exp(label_log_probs(log_probs, list(truth))) == pytest.approx(list(truth.values()), rel=1e-4)


@given(
    st.integers(0, 10_000), st.integers(1, 30), st.lists(st.lists(st.integers(1, 5), max_size=8), min_size=1)
)
@settings(max_examples=60, deadline=None)
def test_label_log_probs_equal_torch(seed: int, length: int, sequences: list[list[int]]) -> None:
    log_probs = frames(seed, length, 6)
    expected = [
        -torch.nn.functional.ctc_loss(
            torch.from_numpy(log_probs).double()[:, None],
            torch.tensor([labels], dtype=torch.long),
            torch.tensor([length]),
            torch.tensor([len(labels)]),
            reduction="sum",
        ).item()
        for labels in sequences
    ]
    assert label_log_probs(log_probs, sequences) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_greedy_equals_beam_on_peaky_frames(path: list[int]) -> None:
    log_probs = peaky(path, classes=5)
    assert prefix_beam(log_probs)[0].labels == tuple(e.label for e in greedy(log_probs))


def test_beam_sums_alignments_where_greedy_follows_one_path() -> None:
    """Each frame prefers the blank, yet the paths of label 1 weigh more together: .6 * .6 = .36 < .64."""
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]], dtype=np.float32))
    assert greedy(log_probs) == []
    best = prefix_beam(log_probs)[0]
    assert best.labels == (1,)
    assert best.log_prob == pytest.approx(np.log(0.64), rel=1e-5)


def test_beam_is_pruned() -> None:
    log_probs = frames(3, 12, 40, scale=0.1)
    assert len(prefix_beam(log_probs, beam_width=3)) == 3
    only_blank = prefix_beam(log_probs, min_prob=0.99)
    assert [c.labels for c in only_blank] == [()]
    likeliest = {int(row[1:].argmax()) + 1 for row in log_probs}
    assert {label for c in prefix_beam(log_probs, top=1) for label in c.labels} <= likeliest


@pytest.mark.parametrize(("beam_width", "top"), [(0, 5), (5, 0)])
def test_beam_refuses_nonsense(beam_width: int, top: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        prefix_beam(frames(0, 3, 3), beam_width=beam_width, top=top)


@given(st.integers(0, 10_000), st.integers(1, 6), st.lists(st.integers(1, 3), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_alignment_is_the_best_path(seed: int, length: int, labels: list[int]) -> None:
    log_probs = frames(seed, length, 4)
    paths = [path for path in product(range(4), repeat=length) if collapse(path) == tuple(labels)]
    if not paths:
        with pytest.raises(ConfigError, match="frames to align"):
            align(log_probs, labels)
        return
    emissions = align(log_probs, labels)
    path = np.zeros(length, dtype=int)
    for emission in emissions:
        path[emission.first : emission.last + 1] = emission.label
    assert collapse(tuple(path.tolist())) == tuple(labels)

    def score(path: tuple[int, ...]) -> float:
        return float(log_probs[np.arange(length), list(path)].astype(float).sum())

    assert score(tuple(path.tolist())) == pytest.approx(max(map(score, paths)), rel=1e-5)


def test_alignment_survives_impossible_classes() -> None:
    log_probs = np.array([[np.log(0.5), np.log(0.5), -np.inf]] * 4, dtype=np.float32)
    emissions = align(log_probs, [1, 2])
    assert [e.label for e in emissions] == [1, 2]
    assert emissions[1].confidence == 0.0


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_alignment_of_the_greedy_labels_is_greedy(path: list[int]) -> None:
    log_probs = peaky(path, classes=5)
    emissions = greedy(log_probs)
    assert align(log_probs, [e.label for e in emissions]) == emissions
