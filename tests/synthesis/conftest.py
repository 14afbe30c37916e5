"""Fonts and texts shared by the tests of rendered pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.text import TextSource

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
_ALPHABET = frozenset(
    map(chr, [*range(0x20, 0x7F), *(ord(c) for c in "的一是不了在人有我他这中大来上国，。、：")])
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the tests' fonts out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def fonts() -> FontLibrary:
    return FontLibrary.from_files(sorted(_FONTS.glob("*.?t?")))


@pytest.fixture(scope="module")
def make_texts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, frozenset[str]], TextSource]:
    """Makes a text source of an English and a Chinese text in an alphabet."""

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
