from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageDraw, ImageFont

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.cropping import colour, crop_line
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.line_drawing import Neighbour, Run, draw_line
from ocrpipe.synthesis.lines import LineRenderer, LineSample, LineStyle
from ocrpipe.synthesis.text import TextSource

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
ALPHABET = frozenset(default_charset().characters)
CLEAN = LineStyle(degradation=0.0)


@pytest.fixture(scope="module")
def fonts() -> FontLibrary:
    return FontLibrary.from_files(sorted(_FONTS.glob("Noto*")))


@pytest.fixture(scope="module")
def texts(make_texts: Callable[[str, str, frozenset[str]], TextSource]) -> TextSource:
    english = "The quick brown fox jumps over the lazy dog, déjà vu: 12 more!\nWell then\n"
    return make_texts(english, "中国人在这来了，我不是一人。\n大国有大有中，他来了\n", ALPHABET)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[str]]]:
    """Every character drawn, by font file."""
    found: dict[str, set[str]] = defaultdict(set)
    text = ImageDraw.ImageDraw.text

    def record(self: ImageDraw.ImageDraw, xy: Any, text_: str, *args: Any, **options: Any) -> None:
        font = options["font"]
        assert isinstance(font, ImageFont.FreeTypeFont)
        found[str(font.path)] |= set(text_)
        text(self, xy, text_, *args, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    yield found


def samples(renderer: LineRenderer, count: int, seed: int = 0) -> list[LineSample]:
    rng = np.random.default_rng(seed)
    return [renderer.render(rng) for _ in range(count)]


def han(fonts: FontLibrary) -> Font:
    return fonts.pick(np.random.default_rng(0), "han")


def restricted(font: Font, characters: str) -> Font:
    return replace(font, coverage=frozenset(map(ord, characters)))


def test_samples_are_what_training_expects(fonts: FontLibrary, texts: TextSource) -> None:
    for sample in samples(LineRenderer(fonts, texts), 150):
        height, width = sample.image.shape
        assert sample.image.dtype == np.uint8 and height >= 6 and 4 <= width <= 40 * height
        assert sample.text and ALPHABET.issuperset(sample.text)
        assert sample.centers.shape == (len(sample.text),) and sample.centers.dtype == np.float32
        assert (sample.centers >= 0).all() and (sample.centers < width).all()


def test_the_same_seed_gives_the_same_line(fonts: FontLibrary, texts: TextSource) -> None:
    for one, other in zip(
        samples(LineRenderer(fonts, texts), 30), samples(LineRenderer(fonts, texts), 30), strict=True
    ):
        assert one.text == other.text
        assert np.array_equal(one.image, other.image) and np.array_equal(one.centers, other.centers)


def test_only_characters_a_font_covers_are_drawn_with_it(
    fonts: FontLibrary, texts: TextSource, drawn: dict[str, set[str]]
) -> None:
    """Neighbouring lines included; a font without a glyph would show a box there."""
    poor = FontLibrary(
        [
            restricted(han(fonts), "中国人在这来了我他不是大有abcdefghijklm0123，"),
            restricted(fonts.pick(np.random.default_rng(0), "latin"), "ABCDEFGHIJKLMnopqrstuvwxyz456789,."),
        ]
    )
    found = samples(LineRenderer(poor, texts), 300)
    assert len(drawn) == 2 and all(len(characters) > 20 for characters in drawn.values())
    for font in poor.fonts:
        assert font.covers("".join(drawn[str(font.path)]))
    assert set("".join(sample.text for sample in found)) <= set().union(*drawn.values()) | {" "}


def test_full_width_letters_are_labelled_with_their_half_width_form(
    texts: TextSource, fonts: FontLibrary, drawn: dict[str, set[str]]
) -> None:
    font = han(fonts)
    wide = {chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
    library = FontLibrary(
        [
            replace(font, coverage=font.coverage | set(map(ord, wide))),
            fonts.pick(np.random.default_rng(0), "latin"),
        ]
    )
    found = samples(LineRenderer(library, texts, LineStyle(chinese=1.0)), 500)
    assert len(drawn[str(font.path)] & wide) > 10
    assert not set("".join(sample.text for sample in found)) & (wide - ALPHABET)


def test_a_unicase_font_is_labelled_in_capitals(texts: TextSource, fonts: FontLibrary) -> None:
    font = fonts.fonts[0]
    latin = replace(font, kinds=font.kinds | {"latin", "han"}, unicase=True)
    for sample in samples(LineRenderer(FontLibrary([latin]), texts, LineStyle(chinese=0.0)), 60):
        assert sample.text == sample.text.upper()


def test_fonts_that_can_draw_nothing_are_reported(texts: TextSource, fonts: FontLibrary) -> None:
    useless = FontLibrary([restricted(font, "☃") for font in fonts.fonts])
    with pytest.raises(ConfigError, match="2 fonts given can draw none"):
        LineRenderer(useless, texts).render(np.random.default_rng(0))
    with pytest.raises(ConfigError, match="no han font"):
        LineRenderer(FontLibrary([]), texts, LineStyle(chinese=1.0)).render(np.random.default_rng(0))


def test_style_sets_language_and_length(fonts: FontLibrary, texts: TextSource) -> None:
    def chinese(share: float) -> float:
        found = samples(LineRenderer(fonts, texts, LineStyle(chinese=share)), 60)
        return float(np.mean([any("\u4e00" <= c <= "\u9fff" for c in one.text) for one in found]))

    assert chinese(0.0) < 0.2 and chinese(1.0) > 0.8
    short = samples(LineRenderer(fonts, texts, LineStyle(max_aspect=5.0)), 60)
    assert all(one.image.shape[1] <= 5 * one.image.shape[0] + 3 for one in short)


@pytest.mark.parametrize("text", ["中国人在大有中", "HIMNHIM HHI", "I中H国 M大"])
def test_centers_lie_on_the_characters(fonts: FontLibrary, text: str) -> None:
    """In all of these, ink stands at the middle; in Latin letters within a few pixels of it."""
    runs = [Run(text, text, han(fonts))]
    for seed in range(40):
        rng = np.random.default_rng(seed)
        ink = draw_line(rng, runs, 32)
        mask, centers = crop_line(rng, ink, 40.0)
        assert ink.text == text and len(centers) == len(text)
        assert (np.diff(centers) > 0).all()
        inked = np.flatnonzero(mask.max(axis=0) > 60)
        for character, center in zip(text, centers, strict=True):
            if character != " ":
                assert np.abs(inked - center).min() <= 7, (seed, character)


def test_where_each_character_is_drawn_is_known_to_the_pixel(fonts: FontLibrary) -> None:
    """Drawn alone among spaces, a symmetric character's ink is centred on its centre."""
    font = han(fonts)
    for seed in range(20):
        ink = draw_line(np.random.default_rng(seed), [Run("I   中   I", "I   中   I", font)], 40)
        around = ink.mask[:, int(ink.centers[4]) - 25 : int(ink.centers[4]) + 25]
        columns = np.flatnonzero(around.max(axis=0) > 100)
        if columns.size < 45:  # no rule across
            assert columns.mean() == pytest.approx(25, abs=2.5), seed


def test_ink_reaches_from_left_to_right(fonts: FontLibrary) -> None:
    for seed in range(30):
        ink = draw_line(np.random.default_rng(seed), [Run("国中国", "国中国", han(fonts))], 30)
        rows = slice(int(ink.top), int(np.ceil(ink.bottom)))
        columns = np.flatnonzero((ink.mask[rows] > 100).any(axis=0))
        assert columns[0] <= ink.left + 3 and columns[-1] + 1 >= ink.right - 3
        assert 0.3 * 30 < ink.bottom - ink.top < 2 * 30


def test_neighbours_leave_ink_beyond_the_line(fonts: FontLibrary) -> None:
    font = han(fonts)
    runs, near = [Run("中国", "中国", font)], Neighbour("大大大大", font, 0.0, 40.0)
    with_it, without = (draw_line(np.random.default_rng(2), runs, 30, some) for some in ([near], []))
    assert with_it.mask[80:].sum() > without.mask[80:].sum() + 10_000
    assert (with_it.left, with_it.right, with_it.top) == (without.left, without.right, without.top)


def test_ink_is_darker_than_the_ground(fonts: FontLibrary) -> None:
    mask = draw_line(np.random.default_rng(0), [Run("国国", "国国", han(fonts))], 30).mask
    for seed in range(60):
        image = colour(np.random.default_rng(seed), mask)
        assert image.shape == mask.shape and image.dtype == np.uint8
        assert image[mask == 255].mean() + 20 < image[mask == 0].mean()


def test_indices_and_exponents_follow_words_and_are_smaller(texts: TextSource, fonts: FontLibrary) -> None:
    renderer, font, found = LineRenderer(fonts, texts), han(fonts), 0
    letters = [Run(c, c, font) for c in "ab cd中文，"]
    for seed in range(200):
        out = renderer._with_indices(np.random.default_rng(seed), letters)
        small = [i for i, letter in enumerate(out) if letter.scale < 1]
        assert [letter for letter in out if letter.scale == 1] == letters
        for i in small:
            start = max(k for k in range(i) if out[k].scale == 1)
            assert out[start].label in "bd中文"
            assert out[i].rise > 0.2 or out[i].rise < 0
        found += bool(small)
    assert 2 <= found <= 30


def test_a_raised_run_is_drawn_above_the_others(fonts: FontLibrary) -> None:
    font = han(fonts)
    runs = [Run("国国", "国国", font), Run("一", "2", font, scale=0.5, rise=0.6)]
    ink = draw_line(np.random.default_rng(0), runs, 40)
    assert ink.text == "国国2"
    x = round(float(ink.centers[2]))
    column = np.flatnonzero(ink.mask[:, x] > 100)
    base = np.flatnonzero(ink.mask[:, round(float(ink.centers[0]))] > 100)
    assert column.max() < (base.min() + base.max()) / 2
    assert ink.centers[2] - ink.centers[1] == pytest.approx(30, abs=2)


@pytest.fixture
def joining(fonts: FontLibrary) -> FontLibrary:
    """Fonts that say they have glyphs of joined letters; those in the tests draw a box for them."""
    return FontLibrary(
        replace(font, coverage=font.coverage | set(range(0xFB00, 0xFB05))) for font in fonts.fonts
    )


def test_joined_letters_read_as_letters(joining: FontLibrary) -> None:
    font = joining.pick(np.random.default_rng(0), "latin")
    ink = draw_line(np.random.default_rng(1), [Run("o\ufb03ce", "office", font)], 40)
    assert ink.text == "office"
    assert len(ink.centers) == 6 and (np.diff(ink.centers) > 0).all()


def test_joined_letters_small_capitals_and_bold_occur(joining: FontLibrary, texts: TextSource) -> None:
    renderer, rng = LineRenderer(joining, texts, CLEAN), np.random.default_rng(0)
    runs = [run for _ in range(400) for run in renderer._typeset(rng, "Office fits Well")]
    joined = [run for run in runs if "\ufb01" in run.drawn or "\ufb03" in run.drawn]
    assert joined and all(len(run.label) > len(run.drawn) for run in joined)
    small = [run for run in runs if 0.7 < run.scale < 0.9 and run.rise == 0]
    assert small and all(run.label.isupper() and run.drawn == run.label for run in small)
    assert any(run.bold for run in runs)


def test_bold_strokes_are_heavier(fonts: FontLibrary) -> None:
    def inked(bold: float) -> int:
        run = Run("大国中人", "大国中人", han(fonts), bold=bold)
        return int((draw_line(np.random.default_rng(2), [run], 40).mask > 128).sum())

    assert inked(0.06) > 1.1 * inked(0.0)
