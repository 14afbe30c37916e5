from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocrpipe.geometry import Image, rotate, turn
from ocrpipe.stages.skew import estimate_skew, quarter_turns

WORDS = "the quick brown fox jumps over a lazy dog while seven wizards box quietly in big jars".split()


def blank(height: int = 1000, width: int = 760) -> Image:
    return np.full((height, width, 3), 255, np.uint8)


def write(page: Image, text: str, x: int, y: int, colour: tuple[int, int, int] = (0, 0, 0)) -> None:
    cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)


def latin_page(lines: int = 30) -> Image:
    page = blank()
    rng = np.random.default_rng(3)
    for i in range(lines):
        write(page, " ".join(rng.choice(WORDS, rng.integers(6, 12)))[:70], 80, 90 + 28 * i)
    return page


def han_page() -> Image:
    """Square signs of random strokes, set solid along the line and loosely from line to line."""
    page = blank()
    rng = np.random.default_rng(4)
    for top in range(90, 900, 32):
        for left in range(80, 80 + 21 * int(rng.integers(16, 28)), 21):
            for start, end in rng.integers(0, 17, (5, 2)):
                across = ((left + start, top + end), (left + 17, top + end))
                down = ((left + end, top + start), (left + end, top + 17))
                first, last = across if rng.random() < 0.5 else down
                cv2.line(page, first, last, (0, 0, 0), 2)
    return page


def table() -> Image:
    page = blank()
    for row in range(12):
        cv2.line(page, (60, 100 + 40 * row), (700, 100 + 40 * row), (0, 0, 0), 1)
        for column in range(4):
            write(page, f"{(row * 37 + column * 911) % 997}.{row}", 80 + 160 * column, 127 + 40 * row)
    for column in range(5):
        cv2.line(page, (60 + 160 * column, 100), (60 + 160 * column, 540), (0, 0, 0), 1)
    return page


def with_picture() -> Image:
    page = latin_page()
    noise = np.random.default_rng(5).normal(120, 60, (400, 600, 3)).clip(0, 255)
    page[300:700, 80:680] = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.uint8)
    return page


def white_on_black() -> Image:
    return 255 - latin_page()


def grey_and_faint() -> Image:
    return (180 + latin_page()[..., 0] // 5).astype(np.uint8)


@pytest.mark.parametrize("angle", [-14.0, -6.3, -1.0, 0.0, 0.4, 3.0, 11.0])
@pytest.mark.parametrize(
    "page",
    [latin_page, han_page, table, with_picture, white_on_black, grey_and_faint],
    ids=lambda f: f.__name__,
)
def test_skew_is_found(page: Callable[[], Image], angle: float) -> None:
    assert estimate_skew(rotate(page(), angle)[0]) == pytest.approx(angle, abs=0.15)


@pytest.mark.parametrize("lines", [1, 3])
def test_a_few_lines_tell_the_skew(lines: int) -> None:
    assert estimate_skew(rotate(latin_page(lines), 5.0)[0]) == pytest.approx(5.0, abs=0.3)


def test_the_dark_border_of_a_scan_has_no_say() -> None:
    page, _ = rotate(latin_page(), 2.0)
    framed = cv2.copyMakeBorder(page, 60, 80, 50, 70, cv2.BORDER_CONSTANT, value=(20, 20, 20))
    assert estimate_skew(np.asarray(framed, np.uint8)) == pytest.approx(2.0, abs=0.15)


def noise() -> Image:
    return np.random.default_rng(6).integers(0, 256, (700, 500, 3), dtype=np.uint8)


def specks() -> Image:
    page = blank()
    for x, y, radius in np.random.default_rng(7).integers((10, 10, 1), (750, 990, 6), (150, 3)).tolist():
        cv2.circle(page, (x, y), radius, (0, 0, 0), -1)
    return page


def landscape() -> Image:
    y, x = np.mgrid[:600, :800]
    light = 120 + 60 * np.sin(x / 90 + y / 70) + np.random.default_rng(8).normal(0, 8, (600, 800))
    return np.asarray(light.clip(0, 255), np.uint8)


@pytest.mark.parametrize(
    "page",
    [
        blank(),
        np.zeros_like(blank()),
        np.full((1, 1, 3), 7, np.uint8),
        np.zeros((3, 2000), np.uint8),
        noise(),
        specks(),
        landscape(),
    ],
    ids=["white", "black", "pixel", "sliver", "noise", "specks", "landscape"],
)
def test_no_text_no_skew(page: Image) -> None:
    assert estimate_skew(page) == 0.0
    assert quarter_turns(page) in ((0, 180, 90, 270), (90, 270, 0, 180))


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("skew", [-12.0, 0.0, 7.0])
@pytest.mark.parametrize("page", [latin_page, han_page, table], ids=lambda f: f.__name__)
def test_quarter_turns_tell_lines_across_from_lines_down(
    page: Callable[[], Image], skew: float, turned: int
) -> None:
    turns = quarter_turns(turn(rotate(page(), skew)[0], turned))
    assert -turned % 360 in turns[:2]
    assert turns in ((0, 180), (90, 270))


def test_neither_writes_to_the_image() -> None:
    page = latin_page(5)
    page.flags.writeable = False
    estimate_skew(page)
    quarter_turns(page)


@pytest.mark.slow
@pytest.mark.needs_bench
@pytest.mark.parametrize("name", ["funsd", "oldbooks_en", "omnidocbench_demo", "zh_pdf_pages"])
def test_real_pages(name: str, bench: Path) -> None:
    folder = bench / "dev" / name
    rows = [json.loads(line) for line in (folder / "gt.jsonl").read_text(encoding="utf8").splitlines()]
    errors, wrong = [], 0
    for row in rows:
        page = cv2.imread(str(folder / row["image"]), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_REDUCED_GRAYSCALE_2)
        assert page is not None
        skewed = rotate(np.asarray(page, np.uint8), 4.0)[0]
        errors.append(abs(estimate_skew(skewed) - 4.0 - estimate_skew(np.asarray(page, np.uint8))))
        wrong += 90 not in quarter_turns(turn(skewed, 270))[:2]
    assert np.median(errors) < 0.1
    assert np.quantile(errors, 0.9) < 0.3
    assert wrong == 0
