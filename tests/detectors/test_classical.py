from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe import geometry, plugins
from ocrpipe.detectors.base import TextLine
from ocrpipe.detectors.classical import ClassicalConfig, ClassicalDetector
from ocrpipe.page import Quad
from ocrpipe.testing import check_detector

Page = NDArray[np.uint8]

TEXTS = (
    "A heading of the page",
    "The quick brown fox jumps over the lazy dog, again and again",
    "while the second line of this paragraph goes on a little",
    "and the third one ends here.",
    "Another paragraph: 12.50 EUR, 3 May 2024 (paid)",
    "7",
)


def printed(dpi: int = 200, *, ink: str = "black", paper: str = "white") -> tuple[Page, list[Quad]]:
    """A small page of 10-point lines with the box of each line's ink."""
    inch = dpi / 72
    page = Image.new("RGB", (round(380 * inch), round(160 * inch)), paper)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=round(10 * inch))
    boxes = []
    for i, text in enumerate(TEXTS):
        at = (30 * inch, (20 + 20 * i) * inch)
        draw.text(at, text, fill=ink, font=font)
        left, top, right, bottom = draw.textbbox(at, text, font=font)
        boxes.append(((left, top), (right, top), (right, bottom), (left, bottom)))
    return np.asarray(page), boxes


def found(page: Page) -> list[TextLine]:
    return sorted(ClassicalDetector().detect(page), key=lambda line: line.quad[0][1])


def assert_covers(lines: list[TextLine], boxes: list[Quad], least: float = 0.9) -> None:
    """One line per box, which it covers without being much larger."""
    assert len(lines) == len(boxes)
    for line, box in zip(lines, boxes, strict=True):
        ink, quad = geometry.polygon(box), geometry.polygon(line.quad)
        assert ink.intersection(quad).area > least * ink.area
        assert quad.area < 2.6 * ink.area


def test_conforms() -> None:
    check_detector(ClassicalDetector())


@pytest.mark.parametrize("dpi", [75, 100, 150, 200, 300, 600])
def test_any_resolution(dpi: int) -> None:
    page, boxes = printed(dpi)
    assert_covers(found(page), boxes)


@pytest.mark.parametrize(("ink", "paper"), [("white", "black"), ("#777", "#ddd"), ("#ffd", "#246")])
def test_any_ink_on_any_paper(ink: str, paper: str) -> None:
    page, boxes = printed(ink=ink, paper=paper)
    assert_covers(found(page), boxes)


def test_both_polarities_on_a_page() -> None:
    dark, dark_boxes = printed()
    light, light_boxes = printed(ink="white", paper="#123")
    page = np.concatenate([dark, light])
    height = len(dark)
    moved = [geometry.to_quad(np.add(box, (0, height))) for box in light_boxes]
    assert_covers(found(page), dark_boxes + moved)


@pytest.mark.parametrize("angle", [-10.0, -4.0, -1.0, 2.0, 7.0])
def test_quads_follow_the_skew(angle: float) -> None:
    page, boxes = printed()
    turned, matrix = geometry.rotate(page, angle)
    lines = found(turned)
    assert_covers(lines, [geometry.apply(matrix, box) for box in boxes], least=0.85)
    for line in lines:
        assert geometry.quad_angle(line.quad) == pytest.approx(angle, abs=0.6)


def test_rules_and_frames_are_not_text() -> None:
    page, boxes = printed()
    page = page.copy()
    _, (_, bottom) = boxes[1][0], boxes[1][2]
    row = round(bottom) + 6
    page[row : row + 3, 40:-40] = 0
    for edge in (slice(8, 11), slice(-11, -8)):
        page[edge, 8:-8] = 0
        page[8:-8, edge] = 0
    assert_covers(found(page), boxes)


def test_columns_stay_apart() -> None:
    page, boxes = printed()
    width = page.shape[1]
    two = np.concatenate([page, page], axis=1)
    right = [geometry.to_quad(np.add(box, (width, 0))) for box in boxes]
    lines = ClassicalDetector().detect(two)
    halves = [[line for line in lines if (line.quad[0][0] > width) == side] for side in (False, True)]
    for half, expected in zip(halves, (boxes, right), strict=True):
        assert_covers(sorted(half, key=lambda line: line.quad[0][1]), expected)


def test_a_wider_gap_joins_what_a_narrow_one_leaves_apart() -> None:
    page = Image.new("RGB", (600, 120), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=30)
    for x in (40, 300):
        draw.text((x, 40), "Name here", fill="black", font=font)
    image = np.asarray(page)
    assert len(ClassicalDetector().detect(image)) == 2
    assert len(ClassicalDetector(ClassicalConfig(gap=6.0)).detect(image)) == 1


def test_longer_lines_score_higher() -> None:
    scores = [line.score for line in found(printed()[0])]
    assert scores[1] > scores[-1] == 0.5


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (300, 400), (20, 4000)])
def test_blank_pages_are_empty(shape: tuple[int, int], value: int) -> None:
    assert list(ClassicalDetector().detect(np.full((*shape, 3), value, dtype=np.uint8))) == []


@given(st.integers(0, 10_000), st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3, 8]))
@settings(max_examples=60, deadline=None)
def test_noise_gives_valid_lines(seed: int, height: int, width: int, grain: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    page = np.kron(noise, np.ones((grain, grain, 1), dtype=np.uint8))
    plugins.detect(ClassicalDetector(), page, "classical")


def test_the_cost_of_a_page_of_specks_grows_with_its_area(
    peak_memory: Callable[[Callable[[], object]], int],
) -> None:
    def detect(side: int) -> int:
        specks = np.random.default_rng(0).random((side, side)) < 0.05
        page = np.repeat(np.where(specks, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
        return peak_memory(lambda: plugins.detect(ClassicalDetector(), page, "classical"))

    assert detect(300) < 6 * detect(150)


@pytest.mark.slow
@pytest.mark.needs_bench
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("funsd", 0.6),
        ("sroie", 0.7),
        ("omnidocbench_demo", 0.85),
        ("zh_pdf_pages", 0.8),
        ("zh_pdf_scan", 0.8),
    ],
)
def test_real_pages(name: str, least: float, bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DetEval F, by the bench's own script."""
    monkeypatch.syspath_prepend(str(bench))
    score = import_module("score")

    folder = bench / "dev" / name
    recalled = precise = expected = predicted = 0.0
    for row in map(json.loads, (folder / "gt.jsonl").read_text(encoding="utf8").splitlines()):
        image = np.asarray(Image.open(folder / row["image"]).convert("RGB"))
        lines = [{"text": "", "quad": line.quad} for line in ClassicalDetector().detect(image)]
        figures = score.page(row, {"lines": lines}, False)
        recalled, precise = recalled + figures["rec"], precise + figures["pre"]
        expected, predicted = expected + figures["G"], predicted + figures["P"]
    recall, precision = recalled / expected, precise / predicted
    assert 2 * recall * precision / (recall + precision) > least
