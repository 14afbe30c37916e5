from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageDraw, ImageFont

from ocrpipe.characters import is_hanzi
from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis.cropping import colour, crop_line
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.line_drawing import Neighbour, Run, draw_line
from ocrpipe.synthesis.line_setting import LineSetter
from ocrpipe.synthesis.lines import LineRenderer, LineSample, LineStyle
from ocrpipe.synthesis.text import TextSource

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
ALPHABET = frozenset(default_charset().characters)
CLEAN = LineStyle(degradation=0.0)
SUPERSCRIPTS, SUBSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "₀₁₂₃₄₅₆₇₈₉"
SCRIPTS = SUPERSCRIPTS + SUBSCRIPTS
"""Labels of raised and lowered characters, which are drawn as ordinary ones."""


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
    drawn: dict[str, set[str]] = defaultdict(set)
    text = ImageDraw.ImageDraw.text

    def record(self: ImageDraw.ImageDraw, xy: Any, text_: str, *args: Any, **options: Any) -> None:
        font = options["font"]
        assert isinstance(font, ImageFont.FreeTypeFont)
        drawn[str(font.path)] |= set(text_)
        text(self, xy, text_, *args, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    yield drawn


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
    first, second = (samples(LineRenderer(fonts, texts), 30) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.text == b.text
        assert np.array_equal(a.image, b.image) and np.array_equal(a.centers, b.centers)


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
    rendered = samples(LineRenderer(poor, texts), 300)
    assert len(drawn) == 2 and all(len(characters) > 20 for characters in drawn.values())
    for font in poor.fonts:
        assert font.covers("".join(drawn[str(font.path)]))
    labels = set("".join(sample.text for sample in rendered))
    assert labels <= set().union(*drawn.values()) | set(SCRIPTS) | {" "}


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
    rendered = samples(LineRenderer(library, texts, LineStyle(chinese=1.0)), 500)
    assert len(drawn[str(font.path)] & wide) > 10
    assert not set("".join(sample.text for sample in rendered)) & (wide - ALPHABET)


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
    def chinese(fraction: float) -> float:
        rendered = samples(LineRenderer(fonts, texts, LineStyle(chinese=fraction)), 60)
        return float(np.mean([any(map(is_hanzi, sample.text)) for sample in rendered]))

    assert chinese(0.0) < 0.2 and chinese(1.0) > 0.8
    short = samples(LineRenderer(fonts, texts, LineStyle(max_aspect=5.0)), 60)
    assert all(sample.image.shape[1] <= 5 * sample.image.shape[0] + 3 for sample in short)


def source(folder: Path, alphabet: frozenset[str], **files: str) -> TextSource:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return TextSource(folder, alphabet)


def test_random_hanzi_stand_alone_or_in_a_third_of_the_lines_within_text(
    fonts: FontLibrary, tmp_path: Path
) -> None:
    alphabet = frozenset(map(chr, han(fonts).coverage))
    texts = source(tmp_path, alphabet, en_a="Well then", zh_a="一" * 90)

    def hanzi(every_class: float) -> list[str]:
        style = replace(CLEAN, chinese=1.0, every_class=every_class, symbols=0.0)
        rendered = samples(LineRenderer(fonts, texts, style), 300)
        return ["".join(filter(is_hanzi, sample.text)) for sample in rendered]

    lines = hanzi(1.0)
    drawn = set("".join(lines))
    assert len(drawn) > 0.95 * sum(map(is_hanzi, alphabet))
    within_text = np.mean([2 * line.count("一") >= len(line) > 3 for line in lines])
    assert 0.2 < within_text < 0.45
    assert len(set("".join(hanzi(0.0)))) < 100  # text and the characters of patterns


@pytest.fixture
def traditional_fonts(fonts: FontLibrary, tmp_path: Path) -> FontLibrary:
    """The fonts of the tests, and one for traditional text alone; both Chinese ones cover all of it."""
    copy = tmp_path / "Traditional.otf"
    copy.write_bytes(han(fonts).path.read_bytes())
    traditional = replace(han(fonts), path=copy, kinds=frozenset({"hant"}))
    coverage = han(fonts).coverage | set(map(ord, "這裡來國"))  # those are drawn as boxes
    chinese = [replace(font, coverage=coverage) for font in (han(fonts), traditional)]
    return FontLibrary([*chinese, fonts.pick(np.random.default_rng(0), "latin")])


def test_traditional_text_is_set_in_fonts_for_it_or_in_those_for_all_chinese(
    traditional_fonts: FontLibrary, tmp_path: Path
) -> None:
    texts = source(tmp_path, ALPHABET, en_a="Well then", zh_a="中国人在", zht_a="這裡來國這裡來國")
    style = replace(CLEAN, chinese=1.0, every_class=0.0, traditional=1.0)
    renderer, rng = LineRenderer(traditional_fonts, texts, style), np.random.default_rng(0)
    setter, kinds = LineSetter(traditional_fonts), Counter[str]()
    for _ in range(300):
        text, kind = renderer._chinese(rng)
        assert set(text) <= set("這裡來國")
        fonts = {run.font for run in setter.runs(rng, text, kind) if is_hanzi(run.label[0])}
        assert fonts and all(kind in font.kinds for font in fonts)
        kinds[kind] += 1
    assert kinds["hant"] == pytest.approx(0.6 * 300, abs=30) and set(kinds) == {"han", "hant"}


def test_traditional_text_needs_neither_fonts_of_its_own_nor_to_be_there(
    fonts: FontLibrary, tmp_path: Path
) -> None:
    style, rng = replace(CLEAN, chinese=1.0, traditional=1.0), np.random.default_rng(0)
    simplified = source(tmp_path, ALPHABET, en_a="Well then", zh_a="中国人在")
    renderer = LineRenderer(fonts, simplified, replace(style, every_class=0.0, symbols=0.0))
    assert {renderer._chinese(rng)[1] for _ in range(50)} == {"han"}
    both = source(tmp_path, ALPHABET, zht_a="中大")
    renderer = LineRenderer(fonts, both, style)
    assert {renderer._chinese(rng)[1] for _ in range(50)} == {"han"}


def test_symbols_stand_alone_or_within_english_text(fonts: FontLibrary, tmp_path: Path) -> None:
    latin = fonts.pick(np.random.default_rng(0), "latin")
    symbols = set("§±×÷°¶!?%&")
    texts = source(tmp_path, frozenset("Well then 中") | symbols, en_a="Well then", zh_a="中")
    renderer = LineRenderer(FontLibrary([latin]), texts, replace(CLEAN, chinese=0.0, symbols=1.0))
    lines = [set(renderer._english(np.random.default_rng(seed))) for seed in range(200)]
    assert all(line & symbols for line in lines)
    assert 60 < sum(line <= symbols for line in lines) < 140
    assert set().union(*lines) >= symbols


def test_half_as_many_chinese_lines_have_symbols(fonts: FontLibrary, tmp_path: Path) -> None:
    texts = source(tmp_path, frozenset("Well then 中国§±"), en_a="Well then", zh_a="中国" * 30)
    style = replace(CLEAN, chinese=1.0, every_class=0.0, symbols=1.0)
    renderer = LineRenderer(fonts, texts, style)
    lines = [renderer._chinese(np.random.default_rng(seed))[0] for seed in range(200)]
    assert 70 < sum(bool(set(line) & set("§±")) for line in lines) < 130


@pytest.mark.parametrize("text", ["中国人在大有中", "HIMNHIM HHI", "I中H国 M大"])
def test_centers_lie_on_the_characters(fonts: FontLibrary, text: str) -> None:
    """In all of these, ink stands at the middle; in Latin letters within a few pixels of it."""
    runs = [Run(text, text, han(fonts))]
    for seed in range(40):
        rng = np.random.default_rng(seed)
        line = draw_line(rng, runs, 32)
        mask, centers = crop_line(rng, line, 40.0)
        assert line.text == text and len(centers) == len(text)
        assert (np.diff(centers) > 0).all()
        inked = np.flatnonzero(mask.max(axis=0) > 60)
        for character, center in zip(text, centers, strict=True):
            if character != " ":
                assert np.abs(inked - center).min() <= 7, (seed, character)


def test_where_each_character_is_drawn_is_known_to_the_pixel(fonts: FontLibrary) -> None:
    """Drawn alone among spaces, a symmetric character's ink is centred on its centre."""
    font = han(fonts)
    for seed in range(20):
        line = draw_line(np.random.default_rng(seed), [Run("I   中   I", "I   中   I", font)], 40)
        around = line.mask[:, int(line.centers[4]) - 25 : int(line.centers[4]) + 25]
        columns = np.flatnonzero(around.max(axis=0) > 100)
        if columns.size < 45:  # no rule across
            assert columns.mean() == pytest.approx(25, abs=2.5), seed


def test_ink_reaches_from_left_to_right(fonts: FontLibrary) -> None:
    for seed in range(30):
        line = draw_line(np.random.default_rng(seed), [Run("国中国", "国中国", han(fonts))], 30)
        rows = slice(int(line.top), int(np.ceil(line.bottom)))
        columns = np.flatnonzero((line.mask[rows] > 100).any(axis=0))
        assert columns[0] <= line.left + 3 and columns[-1] + 1 >= line.right - 3
        assert 0.3 * 30 < line.bottom - line.top < 2 * 30


def test_neighbours_leave_ink_beyond_the_line(fonts: FontLibrary) -> None:
    font = han(fonts)
    runs, below = [Run("中国", "中国", font)], Neighbour("大大大大", font, 0.0, 40.0)
    with_neighbour, alone = (draw_line(np.random.default_rng(2), runs, 30, lines) for lines in ([below], []))
    assert with_neighbour.mask[80:].sum() > alone.mask[80:].sum() + 10_000
    assert (with_neighbour.left, with_neighbour.right) == (alone.left, alone.right)
    assert with_neighbour.top == alone.top


def test_ink_is_darker_than_the_ground(fonts: FontLibrary) -> None:
    mask = draw_line(np.random.default_rng(0), [Run("国国", "国国", han(fonts))], 30).mask
    for seed in range(60):
        image = colour(np.random.default_rng(seed), mask)
        assert image.shape == mask.shape and image.dtype == np.uint8
        assert image[mask == 255].mean() + 20 < image[mask == 0].mean()


def test_indices_and_exponents_follow_words_and_are_smaller(fonts: FontLibrary) -> None:
    font, lines = han(fonts), 0
    letters = [Run(c, c, font) for c in "ab cd中文，"]
    for seed in range(200):
        out = LineSetter(fonts)._with_indices(np.random.default_rng(seed), letters)
        small = [i for i, letter in enumerate(out) if letter.scale < 1]
        assert [letter for letter in out if letter.scale == 1] == letters
        for i in small:
            start = max(k for k in range(i) if out[k].scale == 1)
            assert out[start].label in "bd中文"
            assert out[i].rise > 0.2 or out[i].rise < 0
        lines += bool(small)
    assert 2 <= lines <= 30


def test_raised_and_lowered_digits_are_labelled_as_superscripts_and_subscripts(fonts: FontLibrary) -> None:
    font, labels = han(fonts), set[str]()
    for seed in range(6000):
        for run in LineSetter(fonts)._with_indices(np.random.default_rng(seed), [Run("a", "a", font)])[1:]:
            scripts = SUPERSCRIPTS if run.rise > 0 else SUBSCRIPTS
            assert unicodedata.normalize("NFKC", run.label).replace("−", "-") == run.drawn
            assert run.label in scripts or not run.drawn.isdigit()
            labels.add(run.label)
    assert labels >= set(SCRIPTS)
    assert ALPHABET.issuperset(SCRIPTS)


def test_a_raised_run_is_drawn_above_the_others(fonts: FontLibrary) -> None:
    font = han(fonts)
    runs = [Run("国国", "国国", font), Run("一", "2", font, scale=0.5, rise=0.6)]
    line = draw_line(np.random.default_rng(0), runs, 40)
    assert line.text == "国国2"
    x = round(float(line.centers[2]))
    column = np.flatnonzero(line.mask[:, x] > 100)
    base = np.flatnonzero(line.mask[:, round(float(line.centers[0]))] > 100)
    assert column.max() < (base.min() + base.max()) / 2
    assert line.centers[2] - line.centers[1] == pytest.approx(30, abs=2)


@pytest.fixture
def joining(fonts: FontLibrary) -> FontLibrary:
    """Fonts that say they have glyphs of joined letters; those in the tests draw a box for them."""
    return FontLibrary(
        replace(font, coverage=font.coverage | set(range(0xFB00, 0xFB05))) for font in fonts.fonts
    )


def test_joined_letters_read_as_letters(joining: FontLibrary) -> None:
    font = joining.pick(np.random.default_rng(0), "latin")
    line = draw_line(np.random.default_rng(1), [Run("o\ufb03ce", "office", font)], 40)
    assert line.text == "office"
    assert len(line.centers) == 6 and (np.diff(line.centers) > 0).all()


def test_joined_letters_small_capitals_and_bold_occur(joining: FontLibrary) -> None:
    setter, rng = LineSetter(joining), np.random.default_rng(0)
    runs = [run for _ in range(400) for run in setter.runs(rng, "Office fits Well")]
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
