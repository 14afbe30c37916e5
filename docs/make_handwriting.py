"""Make pen strokes and script faces for rendered handwriting from packages of the npm registry.

    npm pack hanzi-writer-data @fontsource/caveat @fontsource/ma-shan-zheng …
    python docs/make_handwriting.py *.tgz --out ~/.local/share/fonts/handwriting

``hanzi-writer-data`` (Arphic Public License; its text is copied beside the result) becomes the file
``hanzi-strokes.npz``; each ``@fontsource`` package (SIL Open Font License) one TrueType file: its subsets by
language are put together. Needs fontTools.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from ocrpipe.synthesis.pen_strokes import STROKES_FILE, PenStrokes

_LICENCES = re.compile(r"(ARPHICPL\.TXT|OFL.*|LICENSE.*)$", re.IGNORECASE)
_UNITS = 1024  # of hanzi-writer-data, whose y runs upwards from -124 to 900
_TOP = 900


def main() -> None:
    """Convert the packages named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="+", type=Path, help="files of npm pack")
    parser.add_argument("--out", type=Path, required=True, help="a folder among the fonts")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for package in arguments.packages:
        print(convert(package, arguments.out))


def convert(package: Path, out: Path) -> Path:
    """Convert one package and copy its licence; returns the file written.

    Raises:
        ValueError: It holds neither strokes nor fonts.
    """
    with tarfile.open(package) as archive:
        files = {m.name.partition("/")[2]: archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]
    name = json.loads(files["package.json"])["name"].rpartition("/")[2]
    subsets = sorted(f for f in files if re.search(r"-400-normal\.woff$", f))
    if name == "hanzi-writer-data":
        path = out / STROKES_FILE
        PenStrokes(_strokes(files)).save(path)
    elif subsets:
        path = out / ("".join(part.title() for part in name.split("-")) + "-Regular.ttf")
        _joined(files[f] for f in subsets).save(path)
    else:
        raise ValueError(f"{package} holds neither pen strokes nor fonts of weight 400")
    for file in sorted(files, key=len):
        if _LICENCES.search(file):
            (out / f"{path.stem}.LICENSE.txt").write_bytes(files[file])
            break
    return path


def _strokes(files: dict[str, bytes]) -> dict[str, list[np.ndarray]]:
    """The strokes of each character, in ems with y downwards."""
    strokes = {}
    for file, content in sorted(files.items()):
        if len(Path(file).stem) == 1 and file.endswith(".json"):
            medians = json.loads(content)["medians"]
            strokes[Path(file).stem] = [
                (np.array(m, np.float32) * (1, -1) + (0, _TOP)).astype(np.float32) / _UNITS for m in medians
            ]
    return strokes


def _joined(subsets: Iterable[bytes]) -> FontBuilder:
    """One TrueType font of the glyphs of several; the first that has a character counts."""
    glyphs, widths, characters = {".notdef": TTGlyphPen(None).glyph()}, {".notdef": (500, 0)}, {}
    builder, name, lines = None, "", (800, -200)
    for content in subsets:
        font = TTFont(io.BytesIO(content))
        name = name or font["name"].getDebugName(1) or "Handwriting"
        builder = builder or FontBuilder(font["head"].unitsPerEm, isTTF=True)
        lines = font["hhea"].ascent, font["hhea"].descent
        outlines = font.getGlyphSet()
        for code, glyph in font.getBestCmap().items():
            if code not in characters:
                recording, pen = DecomposingRecordingPen(outlines), TTGlyphPen(None)
                outlines[glyph].draw(recording)
                recording.replay(pen)
                characters[code] = f"u{code:05X}"
                glyphs[characters[code]] = pen.glyph()
                widths[characters[code]] = font["hmtx"][glyph]
    if builder is None:
        raise ValueError("no fonts")
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(characters)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(widths)
    builder.setupHorizontalHeader(ascent=lines[0], descent=lines[1])
    builder.setupNameTable({"familyName": name, "styleName": "Regular", "fullName": name})
    builder.setupOS2(sTypoAscender=lines[0], sTypoDescender=lines[1])
    builder.setupPost()
    return builder


if __name__ == "__main__":
    main()
