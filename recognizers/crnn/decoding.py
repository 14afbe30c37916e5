"""From frames to labels: greedy and prefix beam decoding of CTC outputs, exact scores and forced alignment.

All functions take ``log_probs``, a float array (T, C) of log-probabilities per frame with the blank as
class 0, and know labels (class indices) only; a `Charset` turns those into text. CTC: Graves et al.,
"Connectionist Temporal Classification", ICML 2006.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.ctc import BLANK, Emission, collapse

LogProbs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label sequence and the natural logarithm of its probability."""

    labels: tuple[int, ...]
    log_prob: float


def greedy(log_probs: LogProbs) -> list[Emission]:
    """The best path: the most probable class of each frame, repeats merged, blanks dropped."""
    if not len(log_probs):
        return []
    return collapse(log_probs.argmax(axis=1), np.exp(log_probs.max(axis=1).astype(np.float64)))


def prefix_beam(
    log_probs: LogProbs, *, beam_width: int = 8, top: int = 16, min_prob: float = 1e-4
) -> list[Candidate]:
    """Prefix beam search: sums over the alignments of each prefix instead of following one path.

    Hannun et al., "First-Pass Large Vocabulary Continuous Speech Recognition", arXiv 1408.2873, algorithm 1,
    without a language model. Use ``align(log_probs, candidates[0].labels)`` for the emissions of the best.

    Args:
        log_probs: (T, C) log-probabilities.
        beam_width: Prefixes kept after each frame.
        top: Labels a prefix may be extended by in one frame, the most probable ones.
        min_prob: Labels less probable than this in a frame do not extend a prefix in it.

    Returns:
        At most ``beam_width`` candidates, the most probable first; never empty. Their ``log_prob`` is a lower
        bound, short of the alignments that were pruned; ``label_log_probs`` gives it exactly.

    Raises:
        ConfigError: ``beam_width`` or ``top`` is below 1.
    """
    if beam_width < 1 or top < 1:
        raise ConfigError(f"beam_width and top must be at least 1, got {beam_width} and {top}")
    floor = math.log(min_prob) if min_prob > 0 else -math.inf
    # prefix -> log-probability of all its alignments so far that end in a blank, and in its last label
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -math.inf)}
    for row in log_probs:
        labels = _likely(row, top, floor)
        log_blank = float(row[BLANK])
        ahead: dict[tuple[int, ...], tuple[float, float]] = {}
        for prefix, (in_blank, in_label) in beam.items():
            total = _log_add(in_blank, in_label)
            last = prefix[-1] if prefix else BLANK
            repeat = in_label + float(row[last]) if prefix else -math.inf
            _extend(ahead, prefix, total + log_blank, repeat)
            for label, log_prob in labels:
                # a label after itself is a new one only when a blank lies between
                before = in_blank if label == last else total
                _extend(ahead, (*prefix, label), -math.inf, before + log_prob)
        beam = dict(heapq.nlargest(beam_width, ahead.items(), key=lambda item: _log_add(*item[1])))
    return [Candidate(prefix, _log_add(*ends)) for prefix, ends in beam.items()]


def label_log_probs(log_probs: LogProbs, sequences: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Exact CTC log-probabilities of several label sequences, by the forward algorithm.

    Returns:
        One value per sequence; ``-inf`` for one that needs more frames than there are.
    """
    states, skips = _lattice(sequences)
    forward = np.full(states.shape, -np.inf)
    forward[:, 0] = 0.0
    for row in log_probs.astype(np.float64):
        ahead = np.logaddexp(forward, _shift(forward, 1))
        ahead = np.where(skips, np.logaddexp(ahead, _shift(forward, 2)), ahead)
        forward = ahead + row[states]
    ends = np.array([2 * len(labels) for labels in sequences], dtype=np.intp)[:, None]
    at_blank = np.take_along_axis(forward, ends, axis=1)[:, 0]
    at_label = np.take_along_axis(forward, np.maximum(ends - 1, 0), axis=1)[:, 0]
    return np.where(ends[:, 0] > 0, np.logaddexp(at_blank, at_label), at_blank)


def align(log_probs: LogProbs, labels: Sequence[int]) -> list[Emission]:
    """Forced alignment: the most probable path (Viterbi) that reads exactly ``labels``.

    Raises:
        ConfigError: Too few frames: each label takes one, and so does the blank between two equal ones.
    """
    frames = len(log_probs)
    needed = len(labels) + sum(a == b for a, b in zip(labels, labels[1:], strict=False))
    if needed > frames:
        raise ConfigError(f"{len(labels)} labels need at least {needed} frames to align, there are {frames}")
    if not labels:
        return []
    states, skips = (array[0] for array in _lattice([labels]))
    emitted = np.maximum(log_probs[:, states], -1e4)  # a class of probability 0 still gets a path
    score = np.full(len(states), -np.inf)
    score[0] = 0.0
    steps = np.empty((frames, len(states)), dtype=np.int8)
    for t in range(frames):
        moves = np.stack([score, _shift(score, 1), np.where(skips, _shift(score, 2), -np.inf)])
        steps[t] = moves.argmax(axis=0)
        score = moves.max(axis=0) + emitted[t]

    path = np.empty(frames, dtype=np.intp)
    state = len(states) - 1 if score[-1] > score[-2] else len(states) - 2
    for t in reversed(range(frames)):
        path[t] = state
        state -= steps[t, state]
    firsts = np.searchsorted(path, np.arange(1, len(states), 2), side="left")
    ends = np.searchsorted(path, np.arange(1, len(states), 2), side="right")
    return [
        _emission(log_probs, label, int(first), int(end) - 1)
        for label, first, end in zip(labels, firsts, ends, strict=True)
    ]


def _emission(log_probs: LogProbs, label: int, first: int, last: int) -> Emission:
    frame = first + int(log_probs[first : last + 1, label].argmax())
    return Emission(label, frame, first, last, min(1.0, math.exp(log_probs[frame, label])))


def _likely(row: LogProbs, top: int, floor: float) -> list[tuple[int, float]]:
    """The ``top`` most probable labels of a frame above ``floor``, blank excluded."""
    labels = np.flatnonzero(row[1:] >= floor) + 1  # 7,000 classes: compare first, sort only what is left
    if len(labels) > top:
        labels = labels[np.argpartition(-row[labels], top)[:top]]
    return [(int(label), float(row[label])) for label in labels]


def _extend(
    beam: dict[tuple[int, ...], tuple[float, float]],
    prefix: tuple[int, ...],
    in_blank: float,
    in_label: float,
) -> None:
    known = beam.get(prefix)
    if known is None:
        beam[prefix] = in_blank, in_label
    else:
        beam[prefix] = _log_add(known[0], in_blank), _log_add(known[1], in_label)


def _log_add(a: float, b: float) -> float:
    """``log(exp(a) + exp(b))``; numpy's is slow on single numbers."""
    high, low = (a, b) if a > b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _lattice(sequences: Sequence[Sequence[int]]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """States of each sequence: blank, label, blank, ..., label, blank, padded with blanks at the end.

    Returns:
        (N, S) class of each state, and (N, S) whether it may follow the state two before it directly.
    """
    longest = max((len(labels) for labels in sequences), default=0)
    states = np.full((len(sequences), 2 * longest + 1), BLANK, dtype=np.intp)
    for row, labels in zip(states, sequences, strict=True):
        row[1 : 2 * len(labels) : 2] = labels
    skips = np.zeros(states.shape, dtype=np.bool_)
    skips[:, 2:] = (states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])
    return states, skips


def _shift(scores: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """``scores`` moved ``by`` states ahead, nothing coming in."""
    shifted = np.full_like(scores, -np.inf)
    shifted[..., by:] = scores[..., :-by]
    return shifted
