from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.line_drawing import Run
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.scene import render_scene
from ocrpipe.synthesis.scene_backgrounds import background, fractal, lighting
from ocrpipe.synthesis.scene_geometry import random_projection
from ocrpipe.synthesis.scene_lettering import paint_letters
from ocrpipe.synthesis.scene_text import chinese_scene_text, scene_text
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.crnn.batches import to_clean

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
ALPHABET = frozenset(default_charset().characters)


@pytest.fixture(scope="module")
def fonts() -> FontLibrary:
    return FontLibrary.from_files(sorted(_FONTS.glob("Noto*")))


@pytest.fixture(scope="module")
def texts(make_texts: Callable[[str, str, frozenset[str]], TextSource]) -> TextSource:
    return make_texts(
        "The quick brown fox jumps over the lazy dog.\n", "中国人在这来了大国有大有中\n", ALPHABET
    )


@pytest.fixture(scope="module")
def font(fonts: FontLibrary) -> Font:
    return fonts.pick(np.random.default_rng(0), "latin")


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), width=st.floats(8, 600), height=st.floats(8, 60))
def test_a_projection_and_its_inverse_agree(seed: int, width: float, height: float) -> None:
    box = (30.0, 50.0, 30.0 + width, 50.0 + height)
    projection = random_projection(np.random.default_rng(seed), box, 8)
    points = np.random.default_rng(seed).uniform(box[:2], box[2:], (20, 2)).astype(np.float32)
    for point, (x, y) in zip(points, projection.forward(points), strict=True):
        xs, ys = projection.backward(float(x), float(y), 1, 1)
        assert np.allclose((xs[0, 0], ys[0, 0]), point, atol=0.02 * (width + height))


def test_straight_arched_and_bowl_shaped_words_occur() -> None:
    radii = [
        random_projection(np.random.default_rng(seed), (0.0, 0.0, 200.0, 30.0), 8).radius
        for seed in range(200)
    ]
    finite = [radius for radius in radii if np.isfinite(radius)]
    assert 20 < len(finite) < 80 and min(finite) < 0 < max(finite)
    short = [random_projection(np.random.default_rng(s), (0, 0, 40, 30), 3).radius for s in range(100)]
    assert not np.isfinite(short).any()


def test_samples_are_what_training_expects(fonts: FontLibrary, texts: TextSource) -> None:
    renderer, rng = LineRenderer(fonts, texts, LineStyle(scene=1.0, max_aspect=6.0)), np.random.default_rng(0)
    usable = 0
    for _ in range(200):
        sample = renderer.render(rng)
        height, width = sample.image.shape
        assert sample.image.dtype == np.uint8 and height >= 8 and 4 <= width <= 6 * height + 3
        assert sample.text and ALPHABET.issuperset(sample.text) and sample.finished
        assert sample.centers.shape == (len(sample.text),) and sample.centers.dtype == np.float32
        assert (sample.centers >= 0).all() and (sample.centers < width).all()
        line = to_clean(sample, default_charset(), 32)
        usable += line is not None
        assert line is None or line.degraded, "device effects would colour the photograph again"
    assert usable > 150


def test_centers_follow_the_letters_through_every_projection(font: Font) -> None:
    """In the order of reading, and for bars at the ends of a word near to the ink's ends."""
    for seed in range(60):
        runs = [Run("IHHHHHI", "IHHHHHI", font)]
        image, centers = render_scene(np.random.default_rng(seed), runs, "", 34.0, 0.0)
        assert (np.diff(centers) > 0).all(), seed
        assert centers[0] < 0.3 * image.shape[1] and centers[-1] > 0.7 * image.shape[1], seed


def test_letters_differ_from_their_surface(font: Font) -> None:
    """Where there are letters there is contrast, in almost all crops far above the noise."""
    runs, spreads = [Run("HOTEL", "HOTEL", font)], []
    for seed in range(100):
        image, _ = render_scene(np.random.default_rng(seed), runs, "", 34.0, 0.0)
        spreads.append(np.ptp(np.percentile(cv2.GaussianBlur(image, (0, 0), 1.0), (2, 98))))
    assert np.quantile(spreads, 0.03) > 12 and np.median(spreads) > 60


def test_the_same_seed_gives_the_same_word(font: Font) -> None:
    runs = [Run("Market", "Market", font)]
    first, second = (render_scene(np.random.default_rng(7), runs, "open", 34.0, 1.0) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_light_on_dark_is_as_frequent_as_dark_on_light(font: Font) -> None:
    letters = np.zeros((80, 200), np.uint8)
    letters[30:50, 40:160] = 255
    paints = [
        paint_letters(np.random.default_rng(s), letters, np.zeros_like(letters), 30) for s in range(200)
    ]
    lighter = np.mean([paint.shade[40, 100] > paint.surface for paint in paints])
    assert 0.3 < lighter < 0.7
    assert all(paint.alpha.min() >= 0 and paint.alpha.max() <= 1.001 for paint in paints)
    assert all(paint.contrast >= 25 for paint in paints)


def test_backgrounds_are_fainter_than_the_letters() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        plane = background(rng, 40, 120, 128.0, 80.0)
        assert plane.shape == (40, 120) and plane.dtype == np.float32
        assert np.abs(plane - 128).mean() < 60
        assert 0.1 < lighting(rng, 40, 120).mean() < 2.5
        assert fractal(rng, 40, 120).std() > 0.05


def test_texts_are_words_numbers_and_made_up_names(texts: TextSource) -> None:
    rng = np.random.default_rng(0)
    drawn = [scene_text(rng, texts) for _ in range(2000)]
    assert all(text and ALPHABET.issuperset(text) for text in drawn)
    known = set("thequickbrownfoxjumpsoverthelazydog")
    assert np.mean([set(text.lower()) <= known | {" ", "."} for text in drawn]) > 0.5
    assert 0.1 < np.mean([any(c.isdigit() for c in text) for text in drawn]) < 0.3
    assert 0.25 < np.mean([text.isupper() for text in drawn]) < 0.65
    assert any("$" in text for text in drawn) and any(text.startswith("www.") for text in drawn)
    chinese = [chinese_scene_text(rng, texts) for _ in range(100)]
    assert all(0 < len(text) <= 10 for text in chinese)


def test_the_fraction_is_the_styles(fonts: FontLibrary, texts: TextSource) -> None:
    def scenes(fraction: float, count: int = 300) -> float:
        renderer = LineRenderer(fonts, texts, replace(LineStyle(), scene=fraction))
        rng = np.random.default_rng(1)
        return float(np.mean([renderer.render(rng).finished for _ in range(count)]))

    assert scenes(0.0) == 0
    assert scenes(LineStyle.scene) == pytest.approx(1 / 8, abs=0.06)
    assert scenes(1.0, 20) == 1


def test_english_words_come_from_lists_or_else_from_text(tmp_path: Path, texts: TextSource) -> None:
    (tmp_path / "en_words.txt").write_text("cat\ncat\ncat\ncat\ncat\ndog\n", encoding="utf-8")
    for name in ("en_a", "zh_a"):
        (tmp_path / f"{name}.txt").write_text("中\n", encoding="utf-8")
    listed, rng = TextSource(tmp_path, ALPHABET), np.random.default_rng(0)
    words = [listed.english_word(rng) for _ in range(300)]
    assert set(words) == {"cat", "dog"} and 0.2 < words.count("dog") / 300 < 0.5
    assert {texts.english_word(rng) for _ in range(300)} == set(
        "The quick brown fox jumps over the lazy dog.".split()
    )
