from __future__ import annotations

import math

import pytest

from ocrpipe.training.schedule import Schedule


def test_the_rate_warms_up_stays_and_decays_linearly() -> None:
    schedule = Schedule(peak=1.0, warmup_steps=500, decay=0.4)
    points = ((0, 0.0), (249, 0.0), (499, 0.0), (10_000, 0.5), (10_000, 0.6), (10_000, 0.8), (10_000, 1.0))
    assert [schedule(*point) for point in points] == pytest.approx([0.002, 0.5, 1.0, 1.0, 1.0, 0.5, 0.01])


def test_a_run_without_decay_keeps_the_peak_to_its_end() -> None:
    assert Schedule(0.1, 1, 0.0)(5, 0.999) == pytest.approx(0.1)


def test_a_cosine_over_the_whole_run() -> None:
    """The detector's recipe: a linear rise, then 0.505 + 0.495 cos(pi * progress)."""
    schedule = Schedule(peak=2.0, warmup_steps=100, decay=1.0, shape="cosine")
    for step, fraction in ((0, 0.0), (50, 0.05), (100, 0.1), (500, 0.5), (999, 0.999), (1000, 1.0)):
        cosine = 0.505 + 0.495 * math.cos(math.pi * fraction)
        assert schedule(step, fraction) == pytest.approx(2.0 * min(1, (step + 1) / 100) * cosine)
