"""Smaller copies of fonts: one face each, with the characters that are trained on and nothing else."""

from __future__ import annotations

import io
import logging
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ocrpipe.errors import MissingExtraError

_DROPPED = """
    GSUB GPOS GDEF BASE JSTF MATH vhea vmtx VORG EBDT EBLC EBSC CBDT CBLC bdat bloc SVG DSIG FFTM mort
""".split()
"""Tables that basic layout doesn't use, beside those that fontTools drops by default."""
_NAMES = (1, 2, 4, 6)
"""Name records kept: family, style, full name and PostScript name; faces are told apart by the third."""
_LICENCE_NAMES = (13, 14, 0)
"""Name records that may tell the licence: description, URL, copyright."""


def subset_face(path: Path, index: int, characters: Iterable[int]) -> tuple[bytes, str]:
    """One face of a font file with the given code points alone, without hinting and without layout tables.

    Pairs of the old ``kern`` table, which Pillow's basic layout reads, are kept.

    Args:
        path: The font file.
        index: Index of the face in a collection.
        characters: Code points to keep; those that the face lacks are passed over.

    Returns:
        The font file's bytes, and what it says of its licence (at most 200 characters).

    Raises:
        ocrpipe.errors.MissingExtraError: fontTools is not installed.
    """
    try:
        from fontTools import subset
        from fontTools.ttLib import TTFont
    except ImportError as error:
        raise MissingExtraError("packing fonts needs fontTools: pip install 'ocrpipe[train]'") from error
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # warns of tables that it drops
    with TTFont(path, fontNumber=index, lazy=True) as font:
        licence = _licence(font)
        options = subset.Options(
            hinting=False,
            layout_features=[],
            legacy_kern=True,
            name_IDs=list(_NAMES),
            notdef_outline=True,
            glyph_names=False,
            recalc_timestamp=False,
            ignore_missing_unicodes=True,
        )
        options.drop_tables += _DROPPED
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=list(characters))
        subsetter.subset(font)
        buffer = io.BytesIO()
        subset.save_font(font, buffer, options)
    return buffer.getvalue(), licence


@cache
def debian_package(path: Path) -> str:
    """The Debian package that installed a file; empty where none did or there is no dpkg."""
    try:
        found = subprocess.run(["dpkg-query", "-S", str(path)], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.partition(":")[0] if found.returncode == 0 else ""


@cache
def package_licence(package: str) -> str:
    """The licences that a Debian package's copyright file names, joined by commas; empty if it names none."""
    path = Path("/usr/share/doc") / package / "copyright"
    try:
        rows = path.read_text("utf-8", "replace").splitlines() if package else []
    except OSError:
        return ""
    licences = [row.partition(":")[2].strip() for row in rows if row.startswith("License:")]
    return ", ".join(dict.fromkeys(licence for licence in licences if licence))


def _licence(font: Any) -> str:
    names = (font["name"].getDebugName(record) for record in _LICENCE_NAMES)
    return " ".join(next((name for name in names if name), "").split())[:200]
