from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.line_drawing import DrawnLine, Run, draw_line
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.overlays import with_pen_line, with_seal
from ocrpipe.synthesis.screen import SUBPIXELS, crop_screen, shown, smoothed
from ocrpipe.synthesis.text import TextSource

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
ALPHABET = frozenset(default_charset().characters)


@pytest.fixture(scope="module")
def fonts() -> FontLibrary:
    return FontLibrary.from_files(sorted(_FONTS.glob("Noto*")))


@pytest.fixture(scope="module")
def font(fonts: FontLibrary) -> Font:
    return fonts.pick(np.random.default_rng(0), "han")


@pytest.fixture(scope="module")
def texts(make_texts: Callable[[str, str, frozenset[str]], TextSource]) -> TextSource:
    return make_texts("The quick brown fox\n", "中国人在这来了大国有大有中\n", ALPHABET)


def line(font: Font, size: int = 30, text: str = "大中国人") -> DrawnLine:
    return draw_line(np.random.default_rng(1), [Run(text, text, font)], size, printed=False)


def test_smoothing_scales_the_line_and_keeps_its_ink(font: Font) -> None:
    large = line(font, 36)
    small = smoothed(large)
    assert small.mask.shape == tuple(size // SUBPIXELS for size in large.mask.shape)
    assert small.mask.mean() == pytest.approx(large.mask.mean(), rel=0.05)
    assert np.allclose(small.centers, large.centers / SUBPIXELS)
    columns = np.flatnonzero(small.mask.max(0) > 100)
    assert abs(columns[0] - small.left) < 2 and abs(columns[-1] + 1 - small.right) < 2


def test_a_stroke_between_pixels_is_told_by_its_subpixels() -> None:
    """Luma weighs green most: the same stroke a subpixel further has another grey, mirrored for BGR."""

    def greys(column: int, *, blue_first: bool = False) -> list[int]:
        mask = np.zeros((6, 30), np.uint8)
        mask[:, column : column + 3] = 255
        drawn = DrawnLine(mask, "l", np.array([15], np.float32), 12, 18, 0, 6)
        row: list[int] = smoothed(drawn, blue_first=blue_first).mask[1].tolist()
        return row

    assert len({tuple(greys(column)) for column in (12, 13, 14)}) == 3
    assert greys(12)[3:6] == greys(12, blue_first=True)[3:6][::-1]
    assert greys(15)[4] < greys(15)[5] > greys(15)[6]


def test_screen_crops_hold_the_line_on_whole_pixels(font: Font) -> None:
    drawn = line(font, 14)
    for seed in range(60):
        mask, centers = crop_screen(np.random.default_rng(seed), drawn, 34.0)
        inked = (mask > 100).sum()
        assert inked >= 0.9 * (drawn.mask > 100).sum() and len(centers) == 4
        assert set(np.unique(mask)) <= set(np.unique(drawn.mask)), "no resampling"
    squeezed, centers = crop_screen(np.random.default_rng(0), drawn, 2.0)
    assert squeezed.shape[1] <= 2 * squeezed.shape[0] and (centers < squeezed.shape[1]).all()


def test_screens_are_light_on_dark_too_and_legible(font: Font) -> None:
    mask = line(font).mask
    images = [shown(np.random.default_rng(seed), mask, 1.0) for seed in range(200)]
    differences = [float(image[mask == 0].mean()) - float(image[mask == 255].mean()) for image in images]
    assert 0.25 < np.mean(np.array(differences) < 0) < 0.6
    assert np.abs(differences).min() > 35


def test_seals_and_pen_lines_leave_the_text_in_place(font: Font) -> None:
    drawn, seals, pens = line(font), 0, 0
    for seed in range(60):
        sealed = with_seal(np.random.default_rng(seed), drawn, "中国人有大", font)
        assert sealed.text == drawn.text and np.array_equal(sealed.centers, drawn.centers)
        added = sealed.mask.astype(int) - drawn.mask
        assert added.min() >= -1, "ink stays"
        assert added[drawn.mask == 0].max() <= 0.61 * 255, "a seal is fainter than ink"
        seals += bool((added > 20).sum() > 20)
        crossed = with_pen_line(np.random.default_rng(seed), drawn)
        assert crossed.text == drawn.text
        pens += bool((crossed.mask != drawn.mask).sum() > 10)
    assert seals > 50 and pens > 50


def test_a_seals_text_that_its_font_lacks_is_left_out(font: Font) -> None:
    poor = replace(font, coverage=frozenset(map(ord, "中")))
    for seed in range(8):
        with_seal(np.random.default_rng(seed), line(font), "龜☃", poor)


@pytest.mark.parametrize("clean", [False, True])
def test_screen_lines_are_what_training_expects(fonts: FontLibrary, texts: TextSource, clean: bool) -> None:
    style = LineStyle(scene=0.0, handwriting=0.0, screen=1.0, clean=clean, max_aspect=9.0)
    renderer, rng = LineRenderer(fonts, texts, style), np.random.default_rng(0)
    for _ in range(150):
        sample = renderer.render(rng)
        height, width = sample.image.shape
        assert 6 <= height <= 60 and 4 <= width <= 9 * height + 3
        assert sample.text and sample.centers.shape == (len(sample.text),)
        assert (sample.centers >= 0).all() and (sample.centers < width).all()
        assert not sample.finished
        if clean and len(sample.text) > 3:
            assert np.median(sample.image) > 127


def test_the_fractions_are_the_styles(
    fonts: FontLibrary, texts: TextSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(style: LineStyle, function: str) -> int:
        calls, original = [], getattr(LineRenderer, function)
        monkeypatch.setattr(
            LineRenderer,
            function,
            lambda *a, **k: calls.append(1) or original(*a, **k),  # type: ignore[func-returns-value]
        )
        renderer, rng = LineRenderer(fonts, texts, style), np.random.default_rng(0)
        for _ in range(200):
            renderer.render(rng)
        monkeypatch.setattr(LineRenderer, function, original)
        return len(calls)

    plain = LineStyle(scene=0.0, handwriting=0.0)
    assert count(replace(plain, screen=0.0), "_screen") == 0
    assert 40 < count(replace(plain, screen=0.3), "_screen") < 85
    drawn = np.zeros((3, 3), np.uint8)
    renderer = LineRenderer(fonts, texts, replace(plain, overlays=0.0))
    same = DrawnLine(drawn, "a", np.zeros(1, np.float32), 0, 3, 0, 3)
    assert all(
        renderer._with_overlays(np.random.default_rng(seed), same, fonts.fonts[0]) is same
        for seed in range(300)
    )
    often = LineRenderer(fonts, texts, replace(plain, overlays=1.0))
    stamped = [
        often._with_overlays(np.random.default_rng(s), line(fonts.fonts[0]), fonts.fonts[0]).mask.sum()
        for s in range(200)
    ]
    assert 3 < np.sum(np.array(stamped) != line(fonts.fonts[0]).mask.sum()) < 30
