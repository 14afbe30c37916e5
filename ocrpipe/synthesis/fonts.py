"""Find fonts, and know what each can draw, so that no text is rendered with a glyph the font lacks."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.errors import ConfigError, MissingExtraError

FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
"""Where ``FontLibrary.system`` looks."""

# Fonts whose letters are not the letters of their code points, or that nobody sets text in.
_UNUSABLE = re.compile(
    r"symbol|dingbat|emoji|math|icon|D050000L|barcode|braille|spleen|initials|ornament|swash|keyboard|outline|shadow"
    r"|NotoS(ans|erif)(?!-|CJK|Mono|Display)|NotoNaskh|NotoKufi|NotoNastaliq|NotoRashi|NotoMusic|NotoTraditional"
    r"|cmex|cmsy|cmmi|msam|msbm|esint|rsfs|wasy|stmary|eufm|eurm|feta|parmesan|NotoSerifDisplay-.*Cond"
    r"|OCRB[EX]$|hairline|cmunobi|cmuntb|cmunvi|Libertine_I|Biolinum_K|fifthhorse|unifont|lineding|BIZUD|hearts",
    re.IGNORECASE,
)
_HANDWRITING = re.compile(
    r"hand|script|dancing|kristi|breip|dkg|lobster|kaushan|humor|comic|dustin|sjfonts|isabella|daniel|journal"
    r"|chancery|radisnoir|Z003",
    re.IGNORECASE,
)
_TYPEWRITER = re.compile(
    r"typewriter|courier|cmuntt|nimbusmono|freemono|cursor|lmmono|ocr|3270|teletype", re.IGNORECASE
)
_PIXEL = re.compile(r"atari|dotgothic|pixel|terminus|3270|f500|vt323|bitmap", re.IGNORECASE)
_NOVELTY = re.compile(r"aenigma", re.IGNORECASE)
# How often a family is picked beside others, by the start of a file's name: what is really printed (Times,
# Arial and Courier by their metric twins; Song, Hei and Kai) goes before what is rare, and Chinese faces with
# Japanese or Taiwanese forms are left out.
_SHARES = {
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
_REGION = re.compile(r"\b(JP|KR)\b|Mono CJK")
"""In the names of a collection's faces that are left out: other regions' forms, other Latin letters only."""
_TAIWAN = re.compile(r"\b(TC|HK|TW)\b|^TW-|cwtex", re.IGNORECASE)
"""In the names of faces with the forms of Taiwan and Hong Kong, for traditional text only."""
_JAPANESE = re.compile(r"^ipa|takao|japanese|klee|^mona|^YOz|^seto", re.IGNORECASE)
"""In the names of files with Japanese forms of hanzi."""
HELD_BACK = re.compile(r"wqy-microhei|FandolSong|cwtexkai|vollkorn|karla|Courier ?Prime", re.IGNORECASE)
"""In the paths of faces that nothing is trained on, to measure with."""
_LATIN = frozenset(map(ord, "ABCabcegrxyz0123456789.,"))
_HAN = frozenset(map(ord, "的一是不了在人有我他这中大来上国"))
_HANT = frozenset(map(ord, "的一是不了在人有我他這中大來上國"))
_ASCII = range(0x21, 0x7F)
# Latin, Greek and symbols, and hanzi: here fonts have glyphs without ink. Of the many hanzi some tell of all.
_SUSPECT = (_ASCII, range(0xA1, 0x180), range(0x370, 0x400), range(0x2000, 0x2800))
_HANZI = (*range(0x3400, 0xA000), *range(0x20000, 0x32000))
_EVERY = 16


@dataclass(frozen=True)
class Font:
    """One face of a font file.

    Attributes:
        path: The font file.
        index: Face within a collection.
        kinds: Which of "latin", "han", "hant" (traditional Chinese), "mono", "typewriter", "handwriting",
            "display", "pixel", "novelty" it serves as.
        coverage: Code points it has a glyph for that leaves ink.
        unicase: Whether small letters look like capitals; text is then drawn, and labelled, in capitals.
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
        """The face at ``size`` pixels an em."""
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
                    families.setdefault(_family(font.path), []).append(font)
            self._families[kind] = list(families.values())
        self._shares = {kind: _shares(families) for kind, families in self._families.items()}

    def __len__(self) -> int:
        return len(self.fonts)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that at least one font serves."""
        return frozenset(self._families)

    @classmethod
    def system(cls, folders: Sequence[Path] = FONT_FOLDERS, *, limit: int | None = None) -> FontLibrary:
        """Every usable font under ``folders``.

        Args:
            folders: Where to look.
            limit: Look into no more than about so many files, evenly spread; thousands take a minute.

        Raises:
            ocrpipe.errors.ConfigError: There is none.
            ocrpipe.errors.MissingExtraError: fontTools, which reads the fonts' coverage, is not installed.
        """
        paths = sorted(
            p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in {".ttf", ".otf", ".ttc"}
        )
        usable = [
            path for path in paths if not _UNUSABLE.search(path.stem) and not HELD_BACK.search(str(path))
        ]
        library = cls.from_files(usable[:: -(-len(usable) // limit)] if limit and usable else usable)
        if not library.fonts:
            raise ConfigError(f"no fonts under {', '.join(map(str, folders))}")
        return library

    @classmethod
    def from_files(cls, paths: Iterable[Path]) -> FontLibrary:
        """The usable faces of the given font files; a damaged or unusable one is left out."""
        return cls(font for path in paths for font in _faces(path))

    def pick(self, rng: np.random.Generator, kind: str, text: str = "") -> Font:
        """A random font of a kind that covers ``text``.

        Families are equally likely, of however many faces, but for those in ``_SHARES``.

        Raises:
            ocrpipe.errors.ConfigError: No font of the kind covers the text.
        """
        families = self._families.get(kind, [])
        for _ in range(8):
            if not families:
                break
            family = families[int(np.searchsorted(self._shares[kind], rng.random(), side="right"))]
            font = family[rng.integers(len(family))]
            if font.covers(text):
                return font
        able = [font for family in families for font in family if font.covers(text)]
        if not able:
            raise ConfigError(f"no {kind} font covers {text!r}")
        return able[rng.integers(len(able))]


def _family(path: Path) -> str:
    if "CJK" in path.stem:  # its serif and sans are two families
        return path.stem.partition("-")[0].lower()
    return re.split(r"[-_]|(?<=[a-z])(?=[A-Z])", path.stem)[0].lower() + path.parent.name


def _shares(families: Sequence[Sequence[Font]]) -> NDArray[np.float64]:
    """Upper ends of the families' shares of 0…1; all are equal where none would have any."""
    weights = [_share(family[0].path) for family in families]
    ends = np.cumsum(weights if sum(weights) else [1.0] * len(weights))
    return np.asarray(ends / ends[-1], np.float64)


def _share(path: Path) -> float:
    name = path.stem.lower()
    return next((share for start, share in _SHARES.items() if name.startswith(start)), 1.0)


def _faces(path: Path) -> Iterator[Font]:
    try:
        from fontTools.ttLib import TTCollection, TTFont, TTLibError
    except ImportError as error:
        raise MissingExtraError("rendering text needs fontTools: pip install 'ocrpipe[train]'") from error
    try:
        with path.open("rb") as file:  # fontTools leaves files that it can't parse open
            collected = path.suffix.lower() == ".ttc"
            faces = TTCollection(file, lazy=True).fonts if collected else [TTFont(file, lazy=True)]
            cmaps = [face.getBestCmap() for face in faces]
            names = [face["name"].getDebugName(4) or "" for face in faces]
    except (TTLibError, OSError, AssertionError, KeyError, ValueError, struct.error):
        return
    for index, (cmap, name) in enumerate(zip(cmaps, names, strict=True)):
        if not cmap or (collected and _REGION.search(name)):
            continue
        coverage = frozenset(code for code, glyph in cmap.items() if glyph != ".notdef")
        font = _describe(
            path, index, coverage, taiwan=bool(_TAIWAN.search(name) or _TAIWAN.search(path.stem))
        )
        if font:
            yield font


def _describe(path: Path, index: int, coverage: frozenset[int], *, taiwan: bool) -> Font | None:
    latin, han, hant = coverage >= _LATIN, coverage >= _HAN and not taiwan, coverage >= _HANT
    han, hant = (shape and not _JAPANESE.search(path.stem) for shape in (han, hant))
    if not (latin or han or hant):
        return None
    try:
        face = _load(str(path), index, 32)
        blank = _blank(face, (code for part in _SUSPECT for code in part if code in coverage))
        hanzi = [code for code in _HANZI if code in coverage]
        if _blank(face, hanzi[::_EVERY]):
            blank |= _blank(face, hanzi)
        latin = latin and blank.isdisjoint(_ASCII)
        unicase = latin and _is_unicase(face)
        even = latin and abs(face.getlength("i") - face.getlength("M")) < 2  # hinting may round them apart
    except (OSError, ValueError):
        return None
    kinds = ({"han"} if han else set()) | ({"hant"} if hant else set())
    if latin and not (taiwan or hant and not han):
        kinds |= _latin_kinds(path, han=han, unicase=unicase, even=even)
    return Font(path, index, frozenset(kinds), coverage - blank, unicase) if kinds else None


def _blank(face: ImageFont.FreeTypeFont, codes: Iterable[int]) -> set[int]:
    """Those whose glyphs leave no ink."""
    return {code for code in codes if face.getmask(chr(code)).getbbox() is None}


def _latin_kinds(path: Path, *, han: bool, unicase: bool, even: bool) -> set[str]:
    """What a font with Latin letters serves as, by its name and whether its letters are ``even`` in width."""
    if _NOVELTY.search(str(path)):
        return {"novelty"}
    special = {
        "handwriting": _HANDWRITING.search(str(path)),
        "typewriter": _TYPEWRITER.search(path.stem),
        "pixel": _PIXEL.search(path.stem),
        "mono": even and not han,
    }
    kinds = {kind for kind, found in special.items() if found}
    if unicase or kinds & {"handwriting", "pixel"}:
        kinds.add("display")
    elif not han:
        kinds |= {"latin", "display"}
    return kinds


def _is_unicase(face: ImageFont.FreeTypeFont) -> bool:
    """Whether most small letters that differ from their capitals are drawn as those, full-sized or small."""

    def shape(character: str) -> NDArray[np.float32]:
        canvas = Image.new("L", (64, 64))
        ImageDraw.Draw(canvas).text((16, 8), character, fill=255, font=face)
        small = canvas.crop(canvas.getbbox()).resize((16, 16), Image.Resampling.BOX)
        return np.asarray(small, np.float32).ravel()

    # Of 1,700 faces those of small capitals reach .78 to 1, others .52; in between are fancy ones only.
    alike = [np.corrcoef(shape(c), shape(c.upper()))[0, 1] for c in "abdeghnqrt"]
    return float(np.median(alike)) > 0.7
