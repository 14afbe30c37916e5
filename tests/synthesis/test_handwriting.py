from __future__ import annotations

import io
import json
import runpy
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ocrpipe.characters import is_hanzi
from ocrpipe.cli import app
from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis import lines
from ocrpipe.synthesis.fonts import Font, FontLibrary
from ocrpipe.synthesis.handwriting import PUNCTUATION, can_write, draw_handwriting
from ocrpipe.synthesis.line_drawing import DrawnLine
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.pen import Placed, Writer, random_writer, write
from ocrpipe.synthesis.pen_strokes import STROKES_FILE, PenStrokes, find_strokes
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.crnn.session import renderer

_TESTS = Path(__file__).parents[1]
_FONTS = _TESTS / "data" / "fonts"
ALPHABET = frozenset(default_charset().characters)
STEADY = Writer(0.05, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.05, 0.0)


def stroke(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, np.float32)


STROKES = PenStrokes(
    {
        "一": [stroke((0.1, 0.5), (0.9, 0.5))],
        "十": [stroke((0.1, 0.5), (0.9, 0.5)), stroke((0.5, 0.1), (0.5, 0.5), (0.5, 0.9))],
        "口": [
            stroke((0.2, 0.2), (0.2, 0.8)),
            stroke((0.2, 0.2), (0.8, 0.2), (0.8, 0.8)),
            stroke((0.2, 0.8), (0.8, 0.8)),
        ],
    }
)


@pytest.fixture(scope="module")
def fonts() -> FontLibrary:
    library = FontLibrary.from_files(sorted(_FONTS.glob("Noto*")))
    latin = library.pick(np.random.default_rng(0), "latin")
    return FontLibrary([*library.fonts, replace(latin, kinds=frozenset({"handwriting", "display"}))])


@pytest.fixture(scope="module")
def font(fonts: FontLibrary) -> Font:
    return fonts.pick(np.random.default_rng(0), "handwriting")


@pytest.fixture(scope="module")
def texts(make_texts: Callable[[str, str, frozenset[str]], TextSource]) -> TextSource:
    return make_texts("The quick brown fox\n", "一十口，一口十。十口\n", frozenset("一十口，。") | ALPHABET)


def test_strokes_are_kept_in_a_file(tmp_path: Path) -> None:
    STROKES.save(tmp_path / STROKES_FILE)
    loaded = find_strokes([tmp_path / "missing", tmp_path])
    assert loaded is not None and len(loaded) == 3 and "口" in loaded and "国" not in loaded
    for character in "一十口":
        assert len(loaded.of(character)) == len(STROKES.of(character))
        for read, written in zip(loaded.of(character), STROKES.of(character), strict=True):
            assert np.allclose(read, written, atol=0.0006)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF),
        st.lists(
            st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)), min_size=2, max_size=9),
            min_size=1,
            max_size=20,
        ),
        max_size=6,
    )
)
def test_any_strokes_come_back(
    tmp_path_factory: pytest.TempPathFactory, drawn: dict[str, list[list[tuple[float, float]]]]
) -> None:
    path = tmp_path_factory.mktemp("strokes") / STROKES_FILE
    strokes = {c: [np.array(points, np.float32) for points in of_one] for c, of_one in drawn.items()}
    PenStrokes(strokes).save(path)
    loaded = PenStrokes.load(path)
    assert len(loaded) == len(strokes)
    for character, of_one in strokes.items():
        for read, written in zip(loaded.of(character), of_one, strict=True):
            assert np.allclose(read, written, atol=0.0006)


def test_no_strokes_are_none_and_damaged_ones_an_error(tmp_path: Path) -> None:
    assert find_strokes([]) is None and find_strokes([tmp_path]) is None
    path = tmp_path / STROKES_FILE
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    for content in (b"", b"PK\x03\x04 no archive", b"text", array.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match="holds no pen strokes"):
            find_strokes([tmp_path])
    np.savez(path, characters=np.array(["一"]), counts=[2], lengths=[2], points=np.zeros((2, 2), np.int16))
    with pytest.raises(ConfigError, match="do not fit"):
        PenStrokes.load(path)


def test_only_what_can_be_written_is_in_the_text(font: Font) -> None:
    assert can_write("一国十 a，", STROKES, font) == "一十 a，"
    assert can_write("a 国 b", STROKES, font) == "a b"
    assert can_write("一a", None, font) == "a"
    assert "☃" not in can_write("☃", STROKES, font)


def test_each_character_is_drawn_at_its_center(font: Font) -> None:
    """The bars of 十 cross there, and 口 is empty there; a pencil's and squared paper's lines aside."""
    right = []
    for seed in range(60):
        line = draw_handwriting(np.random.default_rng(seed), "十口十", STROKES, font, 40, STEADY)
        assert line.text == "十口十" and (np.diff(line.centers) > 0).all()
        rows = line.mask[int(line.top) : int(line.bottom)] > 200
        full = [rows[:, int(center) - 5 : int(center) + 6].any(1).mean() for center in line.centers]
        right.append(full[0] > 0.7 and full[1] < 0.6 and full[2] > 0.7)
    assert np.mean(right) > 0.8


def test_ink_lies_within_the_box_of_the_line(font: Font) -> None:
    for seed in range(40):
        line = draw_handwriting(np.random.default_rng(seed), "十口 ab，一", STROKES, font, 36)
        assert line.left < line.centers[0] < line.centers[-1] < line.right + 5
        assert 10 < line.bottom - line.top < 100
        assert len(line.centers) == len(line.text)


def test_writers_differ_and_one_writer_never_writes_a_glyph_twice_alike(font: Font) -> None:
    writers = [random_writer(np.random.default_rng(seed)) for seed in range(50)]
    assert np.ptp([writer.pen for writer in writers]) > 0.02
    assert np.ptp([writer.slant for writer in writers]) > 0.1
    line = draw_handwriting(np.random.default_rng(5), "口口", STROKES, font, 40)
    half = round(15)
    first, second = (line.mask[:, int(c) - half : int(c) + half].astype(int) for c in line.centers)
    assert np.abs(first - second).mean() > 3


def test_a_wider_pen_leaves_more_ink(font: Font) -> None:
    def ink(pen: float) -> int:
        rng = np.random.default_rng(3)
        line = draw_handwriting(rng, "十口十口", STROKES, font, 40, replace(STEADY, pen=pen))
        return int((line.mask > 90).sum())

    assert ink(0.1) > 1.5 * ink(0.04) > 0


def test_a_pen_joins_near_strokes_of_one_character_alone() -> None:
    near = [stroke((0.1, 0.5), (0.4, 0.5)), stroke((0.6, 0.5), (0.9, 0.5))]

    def gap(character_count: int, joins: float) -> int:
        canvas = np.zeros((120, 160), np.uint8)
        placed = [Placed(near[i : i + 3 - character_count], 60.0, (20, 10)) for i in range(character_count)]
        write(np.random.default_rng(0), canvas, placed, replace(STEADY, joins=joins), 2)
        return int(canvas[:, 98:102].max())

    assert gap(1, 1.0) == 255 and gap(1, 0.0) == 0
    assert gap(2, 1.0) == 0


def test_pressure_makes_strokes_end_thin() -> None:
    def rows(pressure: float, x: int) -> int:
        canvas = np.zeros((200, 200), np.uint8)
        line = stroke(*((0.1 * i, 0.5) for i in range(11)))
        write(
            np.random.default_rng(0),
            canvas,
            [Placed([line], 80.0, (10, 10))],
            replace(STEADY, pen=0.2, pressure=pressure),
            2,
        )
        return int((canvas[:, x] > 100).sum())

    assert rows(0.0, 60) == pytest.approx(rows(0.0, 170), abs=2)
    assert rows(0.6, 60) > 1.5 * rows(0.6, 170) > 0


def test_punctuation_is_written_with_the_pen(font: Font) -> None:
    for mark in PUNCTUATION:
        line = draw_handwriting(np.random.default_rng(0), f"口{mark}口", STROKES, font, 48, STEADY)
        center = int(line.centers[1])
        assert (line.mask[:, center - 20 : center + 20] > 60).any(), mark


def test_the_fraction_is_the_styles_where_there_are_strokes(fonts: FontLibrary, texts: TextSource) -> None:
    base = LineStyle(scene=0.0, every_class=0.0, traditional=0.0, symbols=0.0, contexts=0.0)
    rng = np.random.default_rng(0)
    chinese = LineRenderer(fonts, texts, replace(base, chinese=1.0, handwriting=1.0), STROKES)
    for _ in range(60):
        sample = chinese.render(rng)
        assert set(filter(is_hanzi, sample.text)) <= set("一十口") or not sample.text.isascii()
        assert sample.centers.shape == (len(sample.text),)
        assert (sample.centers >= 0).all() and (sample.centers < sample.image.shape[1]).all()


def test_nothing_breaks_where_the_data_are_absent(texts: TextSource, fonts: FontLibrary) -> None:
    """Lines are printed then, as they would be without handwriting."""
    printed = FontLibrary([font for font in fonts.fonts if "handwriting" not in font.kinds])
    rng = np.random.default_rng(0)
    for chinese in (0.0, 1.0):
        style = LineStyle(chinese=chinese, scene=0.0, handwriting=1.0)
        renderer = LineRenderer(printed, texts, style)
        assert all(renderer._handwritten(rng, "一a", chinese=bool(chinese)) is None for _ in range(5))
        assert all(renderer.render(rng).text for _ in range(20))


def test_clean_handwriting_is_dark_on_white(fonts: FontLibrary, texts: TextSource) -> None:
    style, rng = LineStyle(scene=0.0, handwriting=1.0, clean=True), np.random.default_rng(0)
    for _ in range(40):
        image = LineRenderer(fonts, texts, style, STROKES).render(rng).image
        assert np.median(image) > 128


def package(path: Path, name: str, files: dict[str, bytes]) -> Path:
    content = {"package.json": json.dumps({"name": name}).encode(), "LICENSE": b"as you like"} | files
    with tarfile.open(path, "w:gz") as archive:
        for file, data in content.items():
            member = tarfile.TarInfo(f"package/{file}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def subset_woff(text: str) -> bytes:
    font, out = TTFont(_FONTS / "NotoSerif-subset.ttf"), io.BytesIO()
    subsetter = Subsetter(Options(notdef_outline=True))
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor = "woff"
    font.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def convert() -> Callable[[Path, Path], Path]:
    function: Callable[[Path, Path], Path] = runpy.run_path(str(_TESTS.parent / "docs/make_handwriting.py"))[
        "convert"
    ]
    return function


def test_strokes_are_made_of_the_package(tmp_path: Path, convert: Callable[[Path, Path], Path]) -> None:
    medians = {"medians": [[[102, 388], [922, 388]], [[512, 798], [512, -22]]]}
    files = {"十.json": json.dumps(medians).encode(), "all.json": b"{}", "ARPHICPL.TXT": b"Arphic"}
    path = convert(package(tmp_path / "a.tgz", "hanzi-writer-data", files), tmp_path)
    loaded = PenStrokes.load(path)
    assert path.name == STROKES_FILE and len(loaded) == 1
    across, down = loaded.of("十")
    assert np.allclose(across, [(0.1, 0.5), (0.9, 0.5)], atol=0.002)
    assert np.allclose(down, [(0.5, 0.1), (0.5, 0.9)], atol=0.002), "y is turned over"
    assert (tmp_path / "hanzi-strokes.LICENSE.txt").is_file()


def test_a_script_face_is_put_together_of_its_subsets(
    tmp_path: Path, convert: Callable[[Path, Path], Path]
) -> None:
    files = {
        "files/neat-pen-latin-400-normal.woff": subset_woff("abc"),
        "files/neat-pen-latin-ext-400-normal.woff": subset_woff("xyz,"),
        "files/neat-pen-latin-700-normal.woff": b"not read",
    }
    path = convert(package(tmp_path / "b.tgz", "@fontsource/neat-pen", files), tmp_path)
    assert path.name == "NeatPen-Regular.ttf"
    with TTFont(path) as font, TTFont(_FONTS / "NotoSerif-subset.ttf") as original:
        assert set(font.getBestCmap()) == set(map(ord, "abcxyz,"))
        for code, glyph in font.getBestCmap().items():
            width = original["hmtx"][original.getBestCmap()[code]][0] / original["head"].unitsPerEm
            assert font["hmtx"][glyph][0] / font["head"].unitsPerEm == pytest.approx(width, abs=0.001)
    with pytest.raises(ValueError, match="neither pen strokes nor fonts"):
        convert(package(tmp_path / "c.tgz", "left-pad", {}), tmp_path)


def test_training_and_previews_find_the_strokes_among_the_fonts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fonts, corpora = tmp_path / "fonts", tmp_path / "corpora"
    for folder in (fonts, corpora):
        folder.mkdir()
    for font in _FONTS.glob("Noto*"):
        (fonts / font.name).write_bytes(font.read_bytes())
    (corpora / "en_a.txt").write_text("well then\n", encoding="utf-8")
    (corpora / "zh_a.txt").write_text("一十口一十口\n", encoding="utf-8")
    written = list[str]()

    def spy(rng: np.random.Generator, text: str, *others: Any) -> DrawnLine:
        written.append(text)
        return draw_handwriting(rng, text, *others)

    monkeypatch.setattr(lines, "draw_handwriting", spy)
    style = LineStyle(chinese=1.0, every_class=0.0, scene=0.0, handwriting=1.0)
    for expected in (False, True):
        render = renderer(corpora, default_charset(), style, fonts=[fonts])
        for seed in range(15):
            render(np.random.default_rng(seed))
        assert bool(written) is expected
        STROKES.save(fonts / STROKES_FILE)
    written.clear()
    result = CliRunner().invoke(
        app,
        ["synth", "lines", "--corpora", str(corpora), "--fonts", str(fonts), "--out", str(tmp_path / "o")]
        + ["--count", "150"],
    )
    assert result.exit_code == 0, result.output
    assert written, "one in fourteen of 150 lines"
