from __future__ import annotations

from dataclasses import replace

import pytest

from ocrpipe.synthesis.plots import Scale


@pytest.mark.parametrize("step", [0.1, 0.2, 0.5, 1, 25])
def test_no_two_ticks_read_the_same(step: float) -> None:
    scale = Scale(step, below=2, above=5, unit="%", plus=False)
    assert len({scale.text(value) for value in scale.ticks}) == len(scale.ticks) == 8
    assert scale.at(0, 70, 0) == pytest.approx(50)


def test_values_are_written_with_sign_and_unit() -> None:
    scale = Scale(500, below=2, above=5, unit="%", plus=False)
    assert (scale.text(-1234.5, 1), scale.text(0)) == ("-1,234.5%", "0%")
    assert replace(scale, plus=True, unit="").text(12, 1) == "+12.0"
    assert Scale(0.1, 0, 3, "", plus=False).text(0.3) == "0.3"
