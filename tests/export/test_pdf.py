from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError, MissingExtraError
from ocrpipe.export import pdf_text
from ocrpipe.export.pdf import page_to_pdf
from ocrpipe.io.documents import pages
from ocrpipe.page import Line, Paragraph
from ocrpipe.result import Page
from tests.export.conftest import make_line, moved

pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
pytest.importorskip("fontTools", reason="needs the extra ocrpipe[pdf]")


def extracted(data: bytes) -> str:
    with pdfium.PdfDocument(data) as document:
        (page,) = document
        text: str = page.get_textpage().get_text_range()
    return text.replace("\r\n", "\n")


def test_the_text_comes_out_as_it_went_in(turned: tuple[Page, NDArray[np.uint8]]) -> None:
    page, picture = turned
    assert extracted(page_to_pdf(page, picture)) == "\n".join(line.text for line in page.lines)


def test_the_text_of_a_skewed_page(skewed: Page, picture: NDArray[np.uint8]) -> None:
    assert extracted(page_to_pdf(skewed, picture)) == "\n".join(line.text for line in skewed.lines)


def test_a_selection_lies_on_the_characters(page: Page, picture: NDArray[np.uint8]) -> None:
    scale = 72 / 150
    with pdfium.PdfDocument(page_to_pdf(page, picture)) as document:
        assert document[0].get_size() == pytest.approx((400 * scale, 300 * scale))
        textpage = document[0].get_textpage()
        text = textpage.get_text_range()
        boxes = [textpage.get_charbox(i, loose=True) for i, char in enumerate(text) if not char.isspace()]
    chars = [char for line in page.lines for char in line.chars]
    assert len(boxes) == len(chars)
    for (left, bottom, right, top), char in zip(boxes, chars, strict=True):
        expected = (char.quad[0][0], 300 - char.quad[2][1], char.quad[2][0], 300 - char.quad[0][1])
        np.testing.assert_allclose(np.array([left, bottom, right, top]) / scale, expected, atol=6)


def test_it_looks_like_the_scan_turned_upright(turned: tuple[Page, NDArray[np.uint8]], picture: Any) -> None:
    page, rotated = turned
    (shown,) = pages(page_to_pdf(page, rotated), dpi=150)
    assert shown.image.shape == picture.shape
    assert np.abs(shown.image.astype(int) - picture).mean() < 8


@pytest.mark.parametrize("kind", ["black and white", "grey", "colour"])
def test_the_image_is_kept(kind: str) -> None:
    image = np.full((60, 80, 3), 255, np.uint8)
    image[:30, :40] = {"black and white": (0, 0, 0), "grey": (99, 99, 99), "colour": (200, 30, 30)}[kind]
    (shown,) = pages(page_to_pdf(Page(80, 60, dpi=72), image), dpi=72)
    tolerance = 0 if kind == "black and white" else 8
    for row, column in ((10, 10), (50, 60)):
        np.testing.assert_allclose(shown.image[row, column], image[row, column], atol=tolerance)


def test_black_and_white_is_small() -> None:
    page = Page(1240, 1754, dpi=150)
    assert len(page_to_pdf(page, np.full((1754, 1240), 255, np.uint8))) < 5_000


def test_rare_characters_and_many_of_them(picture: NDArray[np.uint8]) -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 250))) + "𠀀é—（）"
    quad = ((0.0, 0.0), (390.0, 0.0), (390.0, 20.0), (0.0, 20.0))
    page = Page(400, 300, (Paragraph((Line(text, quad, 1.0, ()),), quad),))
    assert extracted(page_to_pdf(page, picture)) == text


def test_the_same_page_gives_the_same_bytes(page: Page, picture: NDArray[np.uint8]) -> None:
    assert page_to_pdf(page, picture) == page_to_pdf(page, picture)


def test_odd_pages() -> None:
    assert extracted(page_to_pdf(Page(1, 1), np.zeros((1, 1), np.uint8))) == ""
    with pdfium.PdfDocument(
        page_to_pdf(Page(66_000, 2, dpi=72), np.full((2, 66_000), 99, np.uint8))
    ) as document:
        assert max(document[0].get_size()) == pytest.approx(14_400)
    flat = ((3.0, 3.0),) * 4
    line = Line("a point", flat, 1.0, ())
    page = Page(9, 9, (Paragraph((line, Line("", flat, 0.0, ())), flat),))
    assert extracted(page_to_pdf(page, np.zeros((9, 9)))) == "a point"


def test_without_an_image(page: Page) -> None:
    with pytest.raises(ConfigError, match="no source"):
        page_to_pdf(replace(page, source=None))


@pytest.mark.parametrize("module", ["pikepdf", "fontTools"])
def test_without_the_extra(page: Page, picture: Any, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == module or name == "ocrpipe.export.blank_font":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[pdf\]'"):
        page_to_pdf(page, picture)


def slanted(degrees: float) -> Page:
    """Three lines set tightly, turned clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    lines = [make_line(" ".join(["quick", "brown", "中华", "words"] * 3), 40 + 23 * row) for row in range(3)]
    quad = lines[0].quad
    page = Page(900, 200, (Paragraph(tuple(lines), quad),), dpi=150.0)
    return moved(page, lambda at: (at[0] * cos - at[1] * sin + 10, at[0] * sin + at[1] * cos))


@pytest.mark.parametrize("degrees", [-0.8, 0, 0.8])
def test_slightly_slanted_lines_stay_lines(degrees: float, monkeypatch: pytest.MonkeyPatch) -> None:
    page = slanted(degrees)
    white = np.full((200, 900, 3), 255, np.uint8)
    assert extracted(page_to_pdf(page, white)) == "\n".join(line.text for line in page.lines)
    monkeypatch.setattr(pdf_text, "_MAX_RISE", 0.0)
    if degrees > 0:  # this is why; falling lines run into the next
        assert extracted(page_to_pdf(page, white)) != "\n".join(line.text for line in page.lines)


@pytest.mark.needs_program("pdftotext")
@pytest.mark.parametrize("degrees", [-2, 0, 0.8, 3])
def test_pdftotext_gives_whole_lines_in_their_order(degrees: float, tmp_path: Path) -> None:
    page = slanted(degrees)
    (tmp_path / "page.pdf").write_bytes(page_to_pdf(page, np.full((200, 900, 3), 255, np.uint8)))
    command = ["pdftotext", "-raw", str(tmp_path / "page.pdf"), "-"]
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert text.rstrip("\n\f").split("\n") == [line.text for line in page.lines]


def test_level_words_lie_on_their_line() -> None:
    page = slanted(0.8)
    with pdfium.PdfDocument(page_to_pdf(page, np.full((200, 900, 3), 255, np.uint8))) as document:
        textpage = document[0].get_textpage()
        text = textpage.get_text_range()
        boxes = [textpage.get_charbox(i, loose=True) for i, char in enumerate(text) if not char.isspace()]
    found = [((a + c) / 2 * 150 / 72, 200 - (b + d) / 2 * 150 / 72) for a, b, c, d in boxes]
    centres = [np.mean(char.quad, axis=0) for line in page.lines for char in line.chars]
    np.testing.assert_allclose(found, centres, atol=6)  # lines are 20 pixels high
