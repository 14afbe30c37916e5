"""Which way up, and how skewed: signs, certainty, and pages without anything to go by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe.geometry import rotate, turn
from ocrpipe.io import images
from ocrpipe.pipeline import Pipeline
from ocrpipe.stages.orientation import page_skew

pytest.importorskip("ocrmypdf", minversion="17.13", reason="needs the extra ocrpipe[ocrmypdf], Python 3.11")

Draw = Callable[..., NDArray[np.uint8]]


@pytest.fixture
def pipeline(engines: ModuleType) -> Pipeline:
    return Pipeline(engines.Bars(), engines.Notches())


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_turns_back_what_was_turned(turned: int, draw: Draw, pipeline: Pipeline) -> None:
    back, certainty = pipeline.orientation(turn(draw(0, 1, 2, 3), turned))
    assert back == -turned % 360
    assert certainty == 1.0


def test_few_characters_are_little_to_go_by(draw: Draw, pipeline: Pipeline) -> None:
    back, certainty = pipeline.orientation(turn(draw(0), 180))
    assert back == 180
    assert certainty == pytest.approx(0.5)  # five characters


def test_nothing_to_go_by(pipeline: Pipeline) -> None:
    assert pipeline.orientation(np.full((400, 300, 3), 255, np.uint8)) == (0, 0.0)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("angle", [3.0, -2.0])
def test_skew_of_pages_that_lie_any_way(angle: float, turned: int) -> None:
    sample = images.load(Path(__file__).parents[3] / "docs" / "sample.png")  # skewed by 0.7° itself
    skewed, _ = rotate(turn(sample, turned), angle)
    assert page_skew(skewed) == pytest.approx(0.7 + angle, abs=0.15)
