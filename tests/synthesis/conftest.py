"""Fonts and texts that the tests of pages share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ocrpipe.synthesis.fonts import FONT_FOLDERS, FontLibrary
from ocrpipe.synthesis.text import TextSource

_OWN = Path(__file__).parents[1] / "data" / "fonts"
_COMMON = ("DejaVuSans.ttf", "LiberationSerif-Regular.ttf", "wqy-microhei.ttc")
_ALPHABET = frozenset(
    map(chr, [*range(0x20, 0x7F), *(ord(c) for c in "的一是不了在人有我他这中大来上国，。、：")])
)


@pytest.fixture(scope="module")
def fonts() -> FontLibrary:
    paths = sorted(path for path in _OWN.glob("*.?t?"))
    if not paths:
        folders = [folder for folder in FONT_FOLDERS if folder.is_dir()]
        paths = [path for folder in folders for name in _COMMON for path in folder.rglob(name)]
    library = FontLibrary.from_files(paths)
    if not len(library):
        pytest.skip("no fonts in tests/data/fonts and none of the common ones on this system")
    return library


@pytest.fixture(scope="module")
def make_texts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, frozenset[str]], TextSource]:
    """Makes a source of an English and a Chinese text in an alphabet."""

    def make(english: str, chinese: str, alphabet: frozenset[str]) -> TextSource:
        folder = tmp_path_factory.mktemp("corpora")
        (folder / "en_prose.txt").write_text(english, encoding="utf-8")
        (folder / "zh_prose.txt").write_text(chinese, encoding="utf-8")
        return TextSource(folder, alphabet)

    return make


@pytest.fixture(scope="module")
def texts(make_texts: Callable[[str, str, frozenset[str]], TextSource]) -> TextSource:
    english = "The quick brown fox jumps over the lazy dog, and 12 more came by.\nWell then\nA page of text"
    return make_texts(english, "中国人在这来了，我不是一人。大国\n有大有中，他来了", _ALPHABET)
