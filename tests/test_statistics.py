from __future__ import annotations

import pytest

from ocrpipe.statistics import weighted_median


@pytest.mark.parametrize(
    ("values", "weights", "median"),
    [
        ([3.0], [0.5], 3.0),
        ([3.0, 1.0, 2.0], [1.0, 1.0, 1.0], 2.0),
        ([1.0, 2.0], [1.0, 1.0], 1.0),  # the lower one where half lies between two
        ([5.0, 1.0, 2.0, 3.0], [9.0, 1.0, 1.0, 1.0], 5.0),
        ([5.0, 1.0, 2.0], [0.0, 1.0, 2.0], 2.0),
        ([1.0, 2.0], [0.0, 0.0], 1.0),
    ],
)
def test_half_of_the_weight(values: list[float], weights: list[float], median: float) -> None:
    assert weighted_median(values, weights) == median
