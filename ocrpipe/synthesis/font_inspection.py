"""Find out what the faces of a font file can be used for: their kinds, and the characters that they draw."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.errors import MissingExtraError

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
_REGION = re.compile(r"\b(JP|KR)\b|Mono CJK")
"""Names of faces in collections that are not used: Japanese and Korean forms; repeated hanzi."""
_TAIWAN = re.compile(r"\b(TC|HK|TW)\b|^TW-|cwtex", re.IGNORECASE)
"""Names of faces with the forms of Taiwan and Hong Kong, for traditional text only."""
_JAPANESE = re.compile(r"^ipa|takao|japanese|klee|^mona|^YOz|^seto", re.IGNORECASE)
"""Names of files with Japanese forms of hanzi."""
_LATIN = frozenset(map(ord, "ABCabcegrxyz0123456789.,"))
_HAN = frozenset(map(ord, "的一是不了在人有我他这中大来上国"))
_HANT = frozenset(map(ord, "的一是不了在人有我他這中大來上國"))
_ASCII = range(0x21, 0x7F)
_CHECKED = (_ASCII, range(0xA1, 0x180), range(0x370, 0x400), range(0x2000, 0x2800))
"""Code points whose glyphs are all checked for ink: Latin, Greek and symbols."""
_HANZI = (*range(0x3400, 0xA000), *range(0x20000, 0x32000))
_HANZI_STEP = 16
"""One hanzi in so many is checked for ink; all are where one of these has none."""


@dataclass(frozen=True)
class FaceInfo:
    """What is known of one face of a font file.

    Attributes:
        index: Index of the face in the file.
        kinds: See ``fonts.Font``.
        coverage: Code points with a glyph that leaves ink.
        unicase: Whether lower-case letters look like capitals.
    """

    index: int
    kinds: frozenset[str]
    coverage: frozenset[int] = field(repr=False)
    unicase: bool = False


def inspect_font(path: Path) -> list[FaceInfo]:
    """The usable faces of a font file; none if the file is damaged or of no use.

    Raises:
        ocrpipe.errors.MissingExtraError: fontTools is not installed.
        OSError: The file can't be opened.
    """
    try:
        from fontTools.ttLib import TTCollection, TTFont, TTLibError
    except ImportError as error:
        raise MissingExtraError("rendering text needs fontTools: pip install 'ocrpipe[train]'") from error
    is_collection = path.suffix.lower() == ".ttc"
    with path.open("rb") as file:  # fontTools does not close files that it can't parse
        try:
            fonts = TTCollection(file, lazy=True).fonts if is_collection else [TTFont(file, lazy=True)]
            cmaps = [font.getBestCmap() for font in fonts]
            names = [font["name"].getDebugName(4) or "" for font in fonts]
        except (TTLibError, OSError, AssertionError, KeyError, ValueError, struct.error):
            return []
    faces = []
    for index, (cmap, name) in enumerate(zip(cmaps, names, strict=True)):
        if not cmap or (is_collection and _REGION.search(name)):
            continue
        coverage = frozenset(code for code, glyph in cmap.items() if glyph != ".notdef")
        taiwan = bool(_TAIWAN.search(name) or _TAIWAN.search(path.stem))
        if face := _inspect_face(path, index, coverage, taiwan=taiwan):
            faces.append(face)
    return faces


def _inspect_face(path: Path, index: int, coverage: frozenset[int], *, taiwan: bool) -> FaceInfo | None:
    japanese = bool(_JAPANESE.search(path.stem))
    latin = coverage >= _LATIN
    han = coverage >= _HAN and not japanese and not taiwan
    hant = coverage >= _HANT and not japanese
    if not (latin or han or hant):
        return None
    try:
        face = ImageFont.truetype(str(path), 32, index=index, layout_engine=ImageFont.Layout.BASIC)
        blank = _without_ink(face, (code for part in _CHECKED for code in part if code in coverage))
        hanzi = [code for code in _HANZI if code in coverage]
        if _without_ink(face, hanzi[::_HANZI_STEP]):
            blank |= _without_ink(face, hanzi)
        latin = latin and blank.isdisjoint(_ASCII)
        unicase = latin and _is_unicase(face)
        # Hinting may round equal widths apart.
        monospaced = latin and abs(face.getlength("i") - face.getlength("M")) < 2
    except (OSError, ValueError):
        return None
    kinds = {kind for kind, serves in (("han", han), ("hant", hant)) if serves}
    traditional_only = hant and not han
    if latin and not taiwan and not traditional_only:
        kinds |= _latin_kinds(path, han=han, unicase=unicase, monospaced=monospaced)
    return FaceInfo(index, frozenset(kinds), coverage - blank, unicase) if kinds else None


def _without_ink(face: ImageFont.FreeTypeFont, codes: Iterable[int]) -> set[int]:
    """The code points whose glyphs leave no ink."""
    return {code for code in codes if face.getmask(chr(code)).getbbox() is None}


def _latin_kinds(path: Path, *, han: bool, unicase: bool, monospaced: bool) -> set[str]:
    """The kinds of a font with Latin letters, by its path and its properties."""
    if _NOVELTY.search(str(path)):
        return {"novelty"}
    conditions = {
        "handwriting": _HANDWRITING.search(str(path)),
        "typewriter": _TYPEWRITER.search(path.stem),
        "pixel": _PIXEL.search(path.stem),
        "mono": monospaced and not han,
    }
    kinds = {kind for kind, condition in conditions.items() if condition}
    if unicase or kinds & {"handwriting", "pixel"}:
        kinds.add("display")
    elif not han:
        kinds |= {"latin", "display"}
    return kinds


def _is_unicase(face: ImageFont.FreeTypeFont) -> bool:
    """Whether most lower-case letters that differ from their capitals are drawn like them, at any size."""

    def shape(character: str) -> NDArray[np.float32]:
        canvas = Image.new("L", (64, 64))
        ImageDraw.Draw(canvas).text((16, 8), character, fill=255, font=face)
        glyph = canvas.crop(canvas.getbbox()).resize((16, 16), Image.Resampling.BOX)
        return np.asarray(glyph, np.float32).ravel()

    # In 1,700 faces, small capitals had correlations of .78 to 1, other lower-case letters up to .52.
    correlations = [np.corrcoef(shape(c), shape(c.upper()))[0, 1] for c in "abdeghnqrt"]
    return float(np.median(correlations)) > 0.7
