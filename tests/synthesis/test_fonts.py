from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.fonts import HELD_BACK, Font, FontLibrary

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
SERIF = _FONTS / "NotoSerif-subset.ttf"
HAN = _FONTS / "NotoSansCJKsc-subset.otf"
SIMPLIFIED, TRADITIONAL = "的一是不了在人有我他这中大来上国", "的一是不了在人有我他這中大來上國"


def faces(*paths: Path) -> tuple[Font, ...]:
    return FontLibrary.from_files(paths).fonts


def edited(path: Path, edit: Callable[[TTFont], None]) -> Path:
    with TTFont(SERIF) as font:
        edit(font)
        font.save(path)
    return path


def draw_as(font: TTFont, glyphs: dict[str, str]) -> None:
    """Give characters other glyphs."""
    for table in font["cmap"].tables:
        table.cmap.update({ord(character): glyph for character, glyph in glyphs.items()})


def empty(font: TTFont, characters: Iterable[str]) -> None:
    cmap = font.getBestCmap()
    for character in characters:
        font["glyf"][cmap[ord(character)]] = Glyph()


def test_kinds_and_coverage_of_a_latin_and_a_chinese_font() -> None:
    serif, han = faces(SERIF, HAN)
    assert serif.kinds == {"latin", "display"}
    assert han.kinds == {"han"}
    assert serif.covers("Größe, 12.50 déjà") and not serif.covers("中")
    assert han.covers("中国 abc，。") and not han.covers("œ")
    assert not serif.unicase and not han.unicase


def test_every_covered_character_leaves_ink() -> None:
    for font in faces(SERIF, HAN):
        face = font.at(24)
        for code in font.coverage - {0x20, 0xA0, 0x3000}:
            assert face.getmask(chr(code)).getbbox() is not None, (
                f"{font.path.name} draws nothing for {code:x}"
            )


def test_characters_without_a_glyph_or_without_ink_are_not_covered(tmp_path: Path) -> None:
    def edit(font: TTFont) -> None:
        draw_as(font, {"ß": ".notdef"})
        empty(font, "éµ")

    (font,) = faces(edited(tmp_path / "Holes.ttf", edit))
    assert font.covers("Groe")
    assert not any(map(font.covers, "ßéµ"))


def test_a_font_that_lacks_letters_of_the_alphabet_is_no_latin_font(tmp_path: Path) -> None:
    assert not faces(edited(tmp_path / "NoA.ttf", lambda font: empty(font, "a")))
    assert not faces(edited(tmp_path / "NoQ.ttf", lambda font: empty(font, "Q")))


def test_small_letters_drawn_as_capitals_are_noticed(tmp_path: Path) -> None:
    def edit(font: TTFont) -> None:
        cmap = font.getBestCmap()
        draw_as(font, {c: cmap[ord(c.upper())] for c in "abcdefghijklmnopqrstuvwxyz"})

    (font,) = faces(edited(tmp_path / "Caps.ttf", edit))
    assert font.unicase
    assert font.kinds == {"display"}


def test_a_font_of_one_width_is_monospaced(tmp_path: Path) -> None:
    def edit(font: TTFont) -> None:
        font["hmtx"].metrics = {name: (600, left) for name, (_, left) in font["hmtx"].metrics.items()}

    (font,) = faces(edited(tmp_path / "Even.ttf", edit))
    assert font.kinds == {"mono", "latin", "display"}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("SomeScript-Bold", {"handwriting", "display"}),
        ("CourierLike", {"typewriter", "latin", "display"}),
        ("Terminus", {"pixel", "display"}),
        ("aenigma/x", {"novelty"}),
    ],
)
def test_names_tell_kinds(name: str, kinds: set[str], tmp_path: Path) -> None:
    path = tmp_path / f"{name}.ttf"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(SERIF.read_bytes())
    (font,) = faces(path)
    assert font.kinds == kinds


def add_hanzi(font: TTFont, characters: str) -> None:
    draw_as(font, dict.fromkeys(characters, "A"))


@pytest.mark.parametrize(
    ("name", "characters", "kinds"),
    [
        ("Song", SIMPLIFIED, {"han"}),
        ("Song", SIMPLIFIED + TRADITIONAL, {"han", "hant"}),
        ("Ming", TRADITIONAL, {"hant"}),
        ("TW-Kai-98_1", SIMPLIFIED + TRADITIONAL, {"hant"}),
        ("cwtexming", SIMPLIFIED + TRADITIONAL, {"hant"}),
        ("TakaoMincho", SIMPLIFIED + TRADITIONAL, {"latin", "display"}),
        ("ipaexg", SIMPLIFIED + TRADITIONAL, {"latin", "display"}),
    ],
)
def test_chinese_fonts_are_for_simplified_or_traditional_text_or_both_but_never_japanese_ones(
    name: str, characters: str, kinds: set[str], tmp_path: Path
) -> None:
    (font,) = faces(edited(tmp_path / f"{name}.ttf", lambda font: add_hanzi(font, characters)))
    assert font.kinds == kinds


def collection(path: Path, names: Iterable[str], hanzi: str = "") -> Path:
    made = TTCollection()
    for name in names:
        font = TTFont(SERIF)
        font["name"].setName(name, 4, 3, 1, 0x409)
        add_hanzi(font, hanzi)
        made.fonts.append(font)
    made.save(path)
    for font in made.fonts:
        font.close()
    return path


def test_of_a_collection_by_region_the_taiwanese_faces_are_for_traditional_text_only(tmp_path: Path) -> None:
    names = [f"Noto Serif CJK {region}" for region in ("JP", "KR", "SC", "TC", "HK")]
    fonts = faces(collection(tmp_path / "Serif.ttc", names, SIMPLIFIED + TRADITIONAL))
    assert {font.index: set(font.kinds) for font in fonts} == {2: {"han", "hant"}, 3: {"hant"}, 4: {"hant"}}


def test_of_a_collection_by_region_only_the_simplified_face_is_a_latin_font(tmp_path: Path) -> None:
    assert [font.index for font in faces(collection(tmp_path / "2.ttc", ["Hei", "Hei Mono"]))] == [0, 1]
    assert [font.index for font in faces(collection(tmp_path / "3.ttc", ["Kai TW", "Kai CN", "Kai HK"]))] == [
        1
    ]
    noto = [f"Noto Serif CJK {region}" for region in ("JP", "KR", "SC", "TC", "HK")]
    assert [
        font.index for font in faces(collection(tmp_path / "6.ttc", [*noto, "Noto Sans Mono CJK SC"]))
    ] == [2]


def test_hanzi_without_ink_are_not_covered(tmp_path: Path) -> None:
    def edit(font: TTFont) -> None:
        draw_as(font, {chr(code): "a" for code in range(0x4E00, 0x4E80)})
        draw_as(font, {chr(code): "space" for code in range(0x4E20, 0x4E40)})

    (font,) = faces(edited(tmp_path / "Han.ttf", edit))
    assert font.coverage & frozenset(range(0x4E00, 0x4E80)) == {
        *range(0x4E00, 0x4E20),
        *range(0x4E40, 0x4E80),
    }


def test_damaged_files_are_left_out(tmp_path: Path) -> None:
    for source in (SERIF, HAN):
        data = source.read_bytes()
        for part in range(20):
            path = tmp_path / f"{part}{source.suffix}"
            path.write_bytes(data[: len(data) * part // 20])
            faces(path)
    (tmp_path / "text.ttf").write_text("no font")
    assert not faces(tmp_path / "text.ttf", tmp_path / "missing.otf")


def test_families_are_picked_evenly_however_many_faces_they_have(tmp_path: Path) -> None:
    for name in ("One-Regular", *(f"Two-{weight}" for weight in ("Bold", "Light", "Thin"))):
        (tmp_path / f"{name}.ttf").write_bytes(SERIF.read_bytes())
    library = FontLibrary.system([tmp_path])
    assert len(library) == 4
    rng = np.random.default_rng(0)
    families = Counter(library.pick(rng, "latin").path.stem.split("-")[0] for _ in range(400))
    assert set(families) == {"One", "Two"} and abs(families["One"] - 200) < 50


def test_pick_finds_the_one_font_that_covers_a_text(tmp_path: Path) -> None:
    without = [edited(tmp_path / f"F{i}.ttf", lambda font: empty(font, "é")) for i in range(6)]
    library = FontLibrary.from_files([*without, SERIF])
    rng = np.random.default_rng(0)
    assert {library.pick(rng, "latin", "é").path for _ in range(30)} == {SERIF}
    assert len({library.pick(rng, "latin").path for _ in range(60)}) > 3
    with pytest.raises(ConfigError, match="no latin font covers '中'"):
        library.pick(rng, "latin", "中")
    with pytest.raises(ConfigError, match="no han font"):
        library.pick(rng, "han")


def test_system_leaves_out_symbol_fonts_and_says_where_it_found_none(tmp_path: Path) -> None:
    (tmp_path / "SomeSymbols.ttf").write_bytes(SERIF.read_bytes())
    with pytest.raises(ConfigError, match=f"no fonts under {tmp_path}"):
        FontLibrary.system([tmp_path, tmp_path / "missing"])
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "Plain.TTF").write_bytes(SERIF.read_bytes())
    assert [font.path.name for font in FontLibrary.system([tmp_path]).fonts] == ["Plain.TTF"]


@pytest.mark.parametrize(
    "name",
    ["wqy-microhei.ttf", "FandolSong-Regular.ttf", "cwtexkai.ttf", "vollkorn/Bold.ttf", "karla/Karla.ttf"],
)
def test_fonts_held_back_for_measurements_are_not_trained_on(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "Plain.ttf", tmp_path / name):
        path.parent.mkdir(exist_ok=True)
        edited(path, lambda font: add_hanzi(font, TRADITIONAL + SIMPLIFIED))
    assert HELD_BACK.search(str(tmp_path / name))
    assert [font.path.name for font in FontLibrary.system([tmp_path]).fonts] == ["Plain.ttf"]
    assert faces(tmp_path / name)
