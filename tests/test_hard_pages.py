"""Pages of which a wrong guess of scale or direction leaves nothing, read with the models that ship."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from ocrpipe.geometry import Image, turn
from ocrpipe.pipeline import Pipeline


@cache
def pipeline() -> Pipeline:
    return Pipeline(threads=1)


def blank(height: int, width: int) -> Image:
    return np.full((height, width, 3), 255, np.uint8)


def write(page: Image, text: str, x: int, y: int, size: float = 1.0, grey: int = 0) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, size, (grey,) * 3, 1, cv2.LINE_AA)


def label(texts: tuple[str, ...]) -> Image:
    """A barcode with lines of text below it."""
    page = blank(600, 1000)
    rng, x = np.random.default_rng(0), 60
    while x < 600:
        bar, gap = (2 * rng.integers(1, 5, 2)).tolist()
        page[60:200, x : x + bar] = 0
        x += bar + gap + 1
    for i, text in enumerate(texts):
        write(page, text, 60, 250 + 60 * i)
    return page


TEXTS = ("PKG4294967296", "Ship to: Anna Meyer", "Weight 12.5 kg")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("turned", [0, 90, 180])
def test_a_barcode_does_not_decide_the_direction(turned: int, count: int) -> None:
    image = turn(label(TEXTS[:count]), turned)
    page = pipeline().read(image)
    assert page.orientation == -turned % 360
    assert [line.text.replace(" ", "") for line in page.lines] == [
        text.replace(" ", "") for text in TEXTS[:count]
    ]
    assert pipeline().orientation(image)[0] == -turned % 360


def test_pictures_are_not_taken_for_glyphs() -> None:
    page = blank(1600, 1200)
    for i in range(20):
        x, y = 60 + i % 4 * 280, 60 + i // 4 * 300
        cv2.ellipse(page, (x + 100, y + 110), (100, 110), 0, 0, 360, (90, 80, 70), -1)
        write(page, f"Person {i + 10}", x + 20, y + 255, 0.6)
    found = [line.text.replace(" ", "") for line in pipeline().read(page).lines]
    assert found == [f"Person{i + 10}" for i in range(20)]


@pytest.mark.parametrize("word", ["No", "AB", "Yes", "42"])
def test_a_small_word_on_a_large_page_is_found(word: str) -> None:
    page = blank(1754, 1240)
    write(page, word, 500, 500, 0.5)
    assert [line.text for line in pipeline().read(page).lines] == [word]


def test_a_photograph_stays_as_it_lies() -> None:
    y, x = np.mgrid[:600, :800]
    light = 120 + 60 * np.sin(x / 90 + y / 70) + np.random.default_rng(8).normal(0, 8, (600, 800))
    page = np.repeat(light.clip(0, 255).astype(np.uint8)[..., None], 3, 2)
    assert pipeline().read(page).orientation == 0


@pytest.mark.slow
def test_every_line_of_a_tall_screenshot_is_read_once() -> None:
    page = blank(16_000, 750)
    numbers = range(1000, 1000 + (16_000 - 100) // 60)
    for number in numbers:
        write(page, f"{number} message of the day", 40, 60 + 60 * (number - 1000))
    assert [line.text.split()[0] for line in pipeline().read(page).lines] == list(map(str, numbers))
