"""A font without visible glyphs, for invisible text over an image; needs the extra ``ocrpipe[pdf]``."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from unicodedata import east_asian_width

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph
from pikepdf import Array, Dictionary, Name, Object, Pdf, String

_EM = 1000  # font units
_DESCENT = 200
_NAME = "/OcrpipeBlank"


class BlankFont:
    """A font of the characters of some texts, and of the space; the i-th character has code i.

    Args:
        texts: All texts that will be set in it.

    Attributes:
        descent: Part of the line height, which is one em, below the baseline.
    """

    descent = _DESCENT / _EM

    def __init__(self, texts: Iterable[str]) -> None:
        self._characters = sorted(set(" ").union(*texts))
        self._codes = {char: f"{code:04X}" for code, char in enumerate(self._characters, 1)}

    def encode(self, text: str) -> str:
        """The codes of a text as the hexadecimal digits of a PDF string."""
        return "".join(self._codes[char] for char in text)

    def ems(self, text: str) -> float:
        """Width of a text, in ems."""
        return sum(map(_width, text)) / _EM

    def embed(self, pdf: Pdf) -> Object:
        """Add the font to a PDF; returns the object that a page's resources refer to."""
        widths = [_width(char) for char in self._characters]
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name(_NAME),
            Flags=4,
            FontBBox=[0, -_DESCENT, _EM, _EM - _DESCENT],
            ItalicAngle=0,
            Ascent=_EM - _DESCENT,
            Descent=-_DESCENT,
            CapHeight=_EM - _DESCENT,
            StemV=80,
            FontFile2=pdf.make_stream(_truetype(widths)),
        )
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name(_NAME),
            CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
            FontDescriptor=pdf.make_indirect(descriptor),
            CIDToGIDMap=Name.Identity,
            W=Array([1, Array(widths)]),
        )
        font = Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name(_NAME),
            Encoding=Name("/Identity-H"),
            DescendantFonts=[pdf.make_indirect(descendant)],
            ToUnicode=pdf.make_stream(self._to_unicode().encode()),
        )
        return pdf.make_indirect(font)

    def _to_unicode(self) -> str:
        """The map from codes to text (PDF 1.7, 9.10.3), in blocks of at most 100 entries."""
        entries = [f"<{code}> <{char.encode('utf-16-be').hex()}>" for char, code in self._codes.items()]
        blocks = [entries[start : start + 100] for start in range(0, len(entries), 100)]
        mapping = "\n".join("\n".join((f"{len(block)} beginbfchar", *block, "endbfchar")) for block in blocks)
        return (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
            "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
            f"{mapping}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
        )


def _width(char: str) -> int:
    """Width in font units: one em for East Asian wide characters, half of it for others."""
    return _EM if east_asian_width(char) in "WF" else _EM // 2


def _diagonal(width: int) -> Glyph:
    """An outline of two points: invisible, but it gives viewers the size of the cell to select."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, -_DESCENT))
    pen.lineTo((width, _EM - _DESCENT))
    pen.closePath()
    return pen.glyph()


def _truetype(widths: list[int]) -> bytes:
    names = [".notdef", *(f"c{index}" for index in range(1, len(widths) + 1))]
    builder = FontBuilder(_EM, isTTF=True)
    builder.updateHead(created=0, modified=0)  # equal pages give equal bytes
    builder.font.recalcTimestamp = False
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({})
    advances = dict(zip(names, [0, *widths], strict=True))
    builder.setupGlyf({name: _diagonal(width) for name, width in advances.items()})
    builder.setupHorizontalMetrics({name: (width, 0) for name, width in advances.items()})
    builder.setupHorizontalHeader(ascent=_EM - _DESCENT, descent=-_DESCENT)
    builder.setupPost(keepGlyphNames=False)
    stream = BytesIO()
    builder.save(stream)
    return stream.getvalue()
