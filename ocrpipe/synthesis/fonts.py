"""Find fonts and select them by kind and coverage, so that no text is drawn with glyphs that a font lacks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from ocrpipe.errors import ConfigError
from ocrpipe.synthesis.font_cache import cached_faces
from ocrpipe.synthesis.font_inspection import FaceInfo, inspect_font

FONT_FOLDERS = tuple(
    Path(os.path.expanduser(folder))  # noqa: PTH111 - Path.expanduser fails for users without a home
    for folder in ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts")
)
"""Where ``FontLibrary.system`` looks by default."""

_UNUSABLE = re.compile(
    r"symbol|dingbat|emoji|math|icon|D050000L|barcode|braille|spleen|initials|ornament|swash|keyboard|outline|shadow(?!sinto)"
    r"|NotoS(ans|erif)(?!-|CJK|Mono|Display)|NotoNaskh|NotoKufi|NotoNastaliq|NotoRashi|NotoMusic|NotoTraditional"
    r"|cmex|cmsy|cmmi|msam|msbm|esint|rsfs|wasy|stmary|eufm|eurm|feta|parmesan|NotoSerifDisplay-.*Cond"
    r"|OCRB[EX]$|hairline|cmunobi|cmuntb|cmunvi|Libertine_I|Biolinum_K|fifthhorse|unifont|lineding|BIZUD|hearts"
    r"|alfa-beta|^ellen|^elleb|^Abecedario(G|P)",
    re.IGNORECASE,
)
"""Names of files whose glyphs are not the letters of their code points, or that no text is set in."""
HELD_BACK = re.compile(r"wqy-microhei|FandolSong|cwtexkai|vollkorn|karla|Courier ?Prime", re.IGNORECASE)
"""Paths of fonts that are never trained on, but used to measure."""
_FAMILY_WEIGHTS = {
    "notoserifcjk": 4.0,
    "notosanscjk": 3.0,
    "uming": 2.5,
    "ukai": 3.0,
    "gkai": 2.5,
    "gbsn": 2.0,
    "lxgwwenkai": 2.5,
    "wqy": 2.5,
    "smiley": 0.4,
    "fandol": 3.0,
    "hana": 0.0,
    "babelstone": 0.3,
    "mashanzheng": 0.5,
    "longcang": 0.4,
    "zhimangxing": 0.15,
    "liujianmaocao": 0.1,
    "liberation": 15.0,
    "texgyre": 4.0,
    "nimbus": 4.0,
    "dejavu": 5.0,
    "carlito": 5.0,
    "caladea": 3.0,
    "free": 4.0,
    "c059": 3.0,
    "p052": 3.0,
    "courier": 3.0,
}
"""Relative probability of a family, by the start of a file's name; others have 1.

Fonts common in print come more often: the metric equivalents of Times, Arial and Courier; Song, Hei and Kai.
"""


@dataclass(frozen=True)
class Font:
    """One face of a font file.

    Attributes:
        path: The font file.
        index: Index of the face in a collection.
        kinds: What the font can be used for: "latin", "han" (simplified Chinese), "hant" (traditional
            Chinese), "mono", "typewriter", "handwriting", "display", "pixel", "novelty".
        coverage: Code points with a glyph that leaves ink.
        unicase: Whether lower-case letters look like capitals; text is then drawn and labelled in capitals.
    """

    path: Path
    index: int
    kinds: frozenset[str]
    coverage: frozenset[int] = field(repr=False)
    unicase: bool = False

    def covers(self, text: str) -> bool:
        """Whether every character of ``text`` but the space has a glyph."""
        return all(ord(character) in self.coverage or character == " " for character in text)

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The face at a font size of ``size`` pixels."""
        return _load(str(self.path), self.index, size)


@lru_cache(maxsize=512)
def _load(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)


class FontLibrary:
    """A set of fonts to draw from, by kind."""

    def __init__(self, fonts: Iterable[Font]) -> None:
        self.fonts: tuple[Font, ...] = tuple(fonts)
        self._families: dict[str, list[list[Font]]] = {}
        for kind in {kind for font in self.fonts for kind in font.kinds}:
            families: dict[str, list[Font]] = {}
            for font in self.fonts:
                if kind in font.kinds:
                    families.setdefault(family_of(font.path), []).append(font)
            self._families[kind] = list(families.values())
        self._cumulative = {kind: _cumulative_weights(families) for kind, families in self._families.items()}

    def __len__(self) -> int:
        return len(self.fonts)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of which there is at least one font."""
        return frozenset(self._families)

    @classmethod
    def system(cls, folders: Sequence[Path] = FONT_FOLDERS, *, limit: int | None = None) -> FontLibrary:
        """Every usable font under ``folders`` but those held back for measurements.

        Args:
            folders: Where to look.
            limit: Look into about so many files at most, evenly spread; thousands take a minute or two when
                they are not in the cache yet (see ``font_cache``).

        Raises:
            ocrpipe.errors.ConfigError: There is none.
            ocrpipe.errors.MissingExtraError: fontTools, which reads the fonts' coverage, is not installed.
        """
        usable = usable_files(folders)
        selected = usable[:: -(-len(usable) // limit)] if limit and usable else usable
        library = cls(_font(path, face) for path, faces in cached_faces(selected) for face in faces)
        if not library.fonts:
            raise ConfigError(f"no fonts under {', '.join(map(str, folders))}")
        return library

    @classmethod
    def from_files(cls, paths: Iterable[Path]) -> FontLibrary:
        """The usable faces of the given font files; missing, damaged and unusable ones are left out.

        Raises:
            ocrpipe.errors.MissingExtraError: fontTools is not installed.
        """
        return cls(_font(path, face) for path in paths for face in _faces(path))

    def pick(self, rng: np.random.Generator, kind: str, text: str = "") -> Font:
        """A random font of a kind that covers ``text``.

        Families are equally likely, however many faces they have, except those in ``_FAMILY_WEIGHTS``.

        Raises:
            ocrpipe.errors.ConfigError: No font of the kind covers the text.
        """
        families = self._families.get(kind, [])
        for _ in range(8):
            if not families:
                break
            family = families[int(np.searchsorted(self._cumulative[kind], rng.random(), side="right"))]
            font = family[rng.integers(len(family))]
            if font.covers(text):
                return font
        covering = [font for family in families for font in family if font.covers(text)]
        if not covering:
            raise ConfigError(f"no {kind} font covers {text!r}")
        return covering[rng.integers(len(covering))]


def usable_files(folders: Iterable[Path]) -> list[Path]:
    """The font files under ``folders`` that are trained with, by name: not those held back, no symbols."""
    paths = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix.lower() in {".ttf", ".otf", ".ttc"}
    )
    return [path for path in paths if not _UNUSABLE.search(path.stem) and not HELD_BACK.search(str(path))]


def _faces(path: Path) -> list[FaceInfo]:
    try:
        return inspect_font(path)
    except OSError:
        return []


def _font(path: Path, face: FaceInfo) -> Font:
    return Font(path, face.index, face.kinds, face.coverage, face.unicase)


def family_of(path: Path) -> str:
    """The family of a font file, by its name and folder."""
    if "CJK" in path.stem:  # its serif and sans are two families
        return path.stem.partition("-")[0].lower()
    return re.split(r"[-_]|(?<=[a-z])(?=[A-Z])", path.stem)[0].lower() + path.parent.name


def _cumulative_weights(families: Sequence[Sequence[Font]]) -> NDArray[np.float64]:
    """The families' cumulative probabilities; equal ones where all weights are 0."""
    weights = [family_weight(family[0].path) for family in families]
    cumulative = np.cumsum(weights if sum(weights) else [1.0] * len(weights))
    return np.asarray(cumulative / cumulative[-1], np.float64)


def family_weight(path: Path) -> float:
    """Relative probability of a font file's family."""
    name = path.stem.lower()
    return next((weight for start, weight in _FAMILY_WEIGHTS.items() if name.startswith(start)), 1.0)
