from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.dataset import Dataset, ReferenceLine, ReferencePage
from ocrpipe.evaluation.lines import evaluate_lines
from ocrpipe.page import Quad
from ocrpipe.recognizers.base import CharSpan, Recognition


class Widths:
    """Reads the width of the ink of a crop, in tens of pixels, as so many letters."""

    def recognize(self, crops: Sequence[NDArray[np.uint8]], /) -> list[Recognition]:
        read = []
        for crop in crops:
            count = round(np.count_nonzero((crop < 128).any(axis=(0, 2))) / 10)
            chars = tuple(CharSpan("x", 0.9 if count != 3 else 0.6, 0, 1) for _ in range(count))
            read.append(Recognition("x" * count, chars))
        return read


def quad(top: int, width: int) -> Quad:
    left, right, bottom = 20.0, 20.0 + width, top + 16.0
    return ((left, top), (right, top), (right, bottom), (left, bottom))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    image = Image.new("RGB", (200, 200), "white")
    draw, lines = ImageDraw.Draw(image), []
    for index, width in enumerate((20, 30, 40, 50)):
        draw.rectangle((20, 20 + 40 * index, 19 + width, 36 + 40 * index), fill="black")
        text = "x" * (width // 10) if width != 30 else "xx x y"
        lines.append(ReferenceLine(text, quad(20 + 40 * index, width), ignore=width == 50))
    image.save(tmp_path / "a.png")
    return Dataset("a set", (ReferencePage(tmp_path / "a.png", "line", tuple(lines)),))


def test_lines_are_cut_along_the_ground_truth(dataset: Dataset) -> None:
    result = evaluate_lines(dataset, Widths())
    assert [(line.reference, line.hypothesis) for line in result.lines] == [
        ("xx", "xx"),
        ("xx x y", "xxx"),
        ("xxxx", "xxxx"),
    ]
    figures = result.figures()
    assert (figures["set"], figures["lines"], figures["chars"]) == ("a set", 3, 10)
    assert figures["CER"] == pytest.approx(1 / 10) and figures["CERsp"] == pytest.approx(3 / 12)
    assert figures["correct"] == pytest.approx(2 / 3)
    assert figures["threshold"] == pytest.approx(0.9) and figures["routed"] == pytest.approx(2 / 3)
    assert [line.reference for line in result.worst(5)] == ["xx x y"]


def test_a_limit_spreads_over_the_set(dataset: Dataset) -> None:
    assert [line.reference for line in evaluate_lines(dataset, Widths(), limit=2).lines] == ["xx", "xxxx"]


def test_a_set_without_lines(tmp_path: Path) -> None:
    empty = Dataset("a set", (ReferencePage(tmp_path / "a.png", "page", text="x"),))
    with pytest.raises(ConfigError, match="a set has no lines"):
        evaluate_lines(empty, Widths())
