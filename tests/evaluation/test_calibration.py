from __future__ import annotations

import pytest

from ocrpipe.evaluation.calibration import Outcome, outcomes, reliability, reliability_svg
from ocrpipe.evaluation.dataset import PredictedLine
from ocrpipe.evaluation.metrics import Cluster

QUAD = ((0.0, 0.0), (10.0, 0.0), (10.0, 5.0), (0.0, 5.0))


def cluster(reference: str, *read: tuple[str, tuple[float, ...]]) -> Cluster:
    lines = tuple(PredictedLine(text, QUAD, confidences) for text, confidences in read)
    return Cluster(reference, " ".join(text for text, _ in read), (), lines)


def test_substituted_and_inserted_characters_are_wrong() -> None:
    found = outcomes(cluster("abc d", ("axc", (0.9, 0.2, 0.8)), ("d e", (0.7, 0.1))))
    assert found == [
        Outcome(0.9, True),
        Outcome(0.2, False),
        Outcome(0.8, True),
        Outcome(0.7, True),
        Outcome(0.1, False),
    ]


def test_a_missed_character_does_not_blame_its_neighbours() -> None:
    assert [outcome.correct for outcome in outcomes(cluster("abcd", ("acd", (1.0, 1.0, 1.0))))] == [True] * 3


def test_outcomes_see_normalised_text() -> None:
    assert outcomes(cluster("...", ("…", (0.6,)))) == [Outcome(0.6, True)] * 3
    assert outcomes(cluster("a", ("A", (0.6,)))) == [Outcome(0.6, False)]
    assert outcomes(cluster("a", ("A", (0.6,))), casefold=True) == [Outcome(0.6, True)]


def test_lines_without_confidences_only_take_part_in_the_alignment() -> None:
    assert outcomes(cluster("ab cd", ("ab", ()), ("cx", (0.5, 0.4)))) == [
        Outcome(0.5, True),
        Outcome(0.4, False),
    ]
    assert outcomes(cluster("ab", ("ab", (0.5,)))) == []


def test_bins_and_error() -> None:
    found = (
        [Outcome(0.95, True)] * 9
        + [Outcome(0.95, False)]
        + [Outcome(0.25, False)] * 10
        + [Outcome(1.0, True)] * 5
    )
    diagram = reliability(found, bins=10)
    low, high = diagram.bins
    assert (low.low, low.high, low.count, low.accuracy) == (0.2, 0.3, 10, 0.0)
    assert (high.low, high.high, high.count) == (0.9, 1.0, 15)
    assert low.confidence == pytest.approx(0.25)
    assert high.confidence == pytest.approx((0.95 * 10 + 5) / 15)
    assert high.accuracy == pytest.approx(14 / 15)
    assert diagram.ece == pytest.approx((10 * 0.25 + abs(9.5 + 5 - 14)) / 25)


def test_perfect_calibration_has_no_error() -> None:
    found = [Outcome(0.75, k % 4 > 0) for k in range(400)]
    assert reliability(found).ece == pytest.approx(0.0)


def test_nothing_read_has_no_error() -> None:
    diagram = reliability([])
    assert (diagram.count, diagram.ece) == (0, 0.0)
    assert "ECE 0.000" in reliability_svg(diagram)


def test_the_drawing_shows_every_bin() -> None:
    svg = reliability_svg(reliability([Outcome(0.1, False), Outcome(0.9, True)], bins=10))
    assert svg.count('class="bar"') == 2
    assert "2 characters" in svg
    assert 'height="220.0"' in svg
