"""Routing by confidence: which lines may go on unchecked, and which a person should look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from ocrpipe.evaluation.metrics import Cluster
from ocrpipe.evaluation.text_metrics import normalize

TARGET = 0.99
"""Fraction of the lines above the threshold that are to be free of error."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One recognised line: its mean confidence, 0..1, and whether all of it is correct."""

    confidence: float
    correct: bool


@dataclass(frozen=True, slots=True)
class Routing:
    """The lowest confidence from which on enough lines are free of error.

    Attributes:
        threshold: That confidence; ``None`` if there is none.
        fraction: Of all lines, how many have at least that confidence.
        lines: Number of lines.
    """

    threshold: float | None
    fraction: float
    lines: int


def routing(lines: Iterable[ReadLine], target: float = TARGET) -> Routing:
    """The threshold above which the fraction ``target`` of the lines is free of error."""
    table = np.array([(line.confidence, line.correct) for line in lines], np.float64).reshape(-1, 2)
    order = np.argsort(-table[:, 0], kind="stable")
    confidence, correct = table[order].T
    accuracy = np.cumsum(correct) / np.arange(1, len(order) + 1)
    # lines of one confidence are on one side of any threshold
    last = np.append(confidence[1:] < confidence[:-1], True) if len(order) else np.empty(0, bool)
    enough = np.flatnonzero(last & (accuracy >= target))
    if not len(enough):
        return Routing(None, 0.0, len(order))
    count = int(enough[-1]) + 1
    return Routing(float(confidence[count - 1]), count / len(order), len(order))


def read_lines(cluster: Cluster, *, casefold: bool = False) -> list[ReadLine]:
    """The lines of a cluster's hypothesis that have confidences, aligned with its reference.

    A line is free of error if all its characters are matched, to characters of the reference that follow one
    another; one that has the reference to itself must be the whole of it. Spaces do not count.
    """
    texts = [normalize(line.text, casefold=casefold).replace(" ", "") for line in cluster.hypothesis_lines]
    reference, hypothesis = cluster.reference.replace(" ", ""), "".join(texts)
    matched = np.full(len(hypothesis), -1)
    for block in Levenshtein.opcodes(reference, hypothesis).as_matching_blocks():
        matched[block.b : block.b + block.size] = np.arange(block.a, block.a + block.size)
    read, start = [], 0
    for line, text in zip(cluster.hypothesis_lines, texts, strict=True):
        places = matched[start : start + len(text)]
        start += len(text)
        if not len(text) or not line.confidences:
            continue
        correct = bool((places >= 0).all() and (np.diff(places) == 1).all())
        if len(texts) == 1:
            correct = text == reference
        read.append(ReadLine(float(np.mean(line.confidences)), correct))
    return read
