"""The rules of hocr-tools' hocr-check and what OCRmyPDF's HocrParser looks for, written out and at work."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ocrpipe.export.hocr import document_to_hocr, page_to_hocr
from ocrpipe.export.parts import Box, box, separated
from ocrpipe.page import Line, Paragraph, Word
from ocrpipe.result import Page
from tests.export.conftest import make_line, moved

XHTML = "{http://www.w3.org/1999/xhtml}"
BBOX = re.compile(r"bbox (\d+) (\d+) (\d+) (\d+)")


def parse(page: Page) -> ET.Element:
    return ET.fromstring(page_to_hocr(page).encode())


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return root.findall(f".//*[@class='{name}']")


def properties(element: ET.Element) -> dict[str, str]:
    """As hocr-check reads them: every part is a name and a value."""
    return dict(part.split(None, 1) for part in element.attrib["title"].split(";"))


def bbox(element: ET.Element) -> tuple[int, ...]:
    found = BBOX.search(element.attrib["title"])
    assert found
    return tuple(map(int, found.groups()))


def test_structure(page: Page) -> None:
    root = parse(page)
    assert root.tag == f"{XHTML}html"
    names = {meta.get("name") for meta in root.iter(f"{XHTML}meta")}
    assert {"ocr-system", "ocr-capabilities"} <= names
    (sheet,) = root.findall(f".//{XHTML}div[@class='ocr_page']")
    assert properties(sheet) == {
        "image": '"sc%3Ban %221%22.png"',
        "bbox": "0 0 400 300",
        "ppageno": "2",
        "scan_res": "150 150",
    }
    paragraphs = sheet.findall(f"{XHTML}p[@class='ocr_par']")
    assert [par.get("lang") for par in paragraphs] == ["zh", "en"]
    lines = [line for par in paragraphs for line in par.findall(f"{XHTML}span[@class='ocr_line']")]
    read = [[word.text for word in line.findall(f"{XHTML}span[@class='ocrx_word']")] for line in lines]
    assert read == [[word.text for word in line.words] for line in page.lines]
    assert len({element.get("id") for element in root.iter() if element.get("id")}) == 1 + 2 + 4 + 10


def test_geometry(turned: tuple[Page, Any]) -> None:
    page, _ = turned
    root = parse(page)
    for name in ("ocr_par", "ocr_line", "ocrx_word"):
        boxes = [bbox(element) for element in of_class(root, name)]
        for left, top, right, bottom in boxes:
            assert 0 <= left < right <= page.width and 0 <= top < bottom <= page.height
        for a, b in combinations(boxes, 2):  # hocr-check lets them overlap by a fifth
            width = min(a[2], b[2]) - max(a[0], b[0])
            height = min(a[3], b[3]) - max(a[1], b[1])
            assert width <= 0 or height <= 0
    expected = {0: None, 90: "270.0", 180: "180.0", 270: "90.0"}[-page.orientation % 360]
    for line in of_class(root, "ocr_line"):
        assert properties(line).get("textangle") == expected
        assert ("baseline" in properties(line)) == (expected is None)
        assert properties(line)["x_size"] == "20.0"


def test_confidence_and_baseline(page: Page) -> None:
    root = parse(page)
    words = of_class(root, "ocrx_word")
    assert [properties(word)["x_wconf"] for word in words] == [
        f"{round(100 * w.confidence)}" for w in page.words
    ]
    assert {properties(line)["baseline"] for line in of_class(root, "ocr_line")} == {"0.0000 0"}


def test_the_baseline_of_a_skewed_line_runs_along_its_lower_side(skewed: Page) -> None:
    for element, line in zip(of_class(parse(skewed), "ocr_line"), skewed.lines, strict=True):
        slope, offset = map(float, properties(element)["baseline"].split())
        left, _, _, bottom = bbox(element)
        for x, y in line.quad[2:]:
            assert bottom + offset + slope * (x - left) == pytest.approx(y, abs=1.1)
        assert re.fullmatch(r"[-+]?\d*\.?\d* [-+]?\d+", properties(element)["baseline"])


def test_an_empty_page_is_a_page() -> None:
    text = page_to_hocr(Page(10, 10))
    assert [bbox(sheet) for sheet in of_class(ET.fromstring(text.encode()), "ocr_page")] == [(0, 0, 10, 10)]
    assert not re.search(r"<(div|title|p|span|body)\b[^>]*/>", text)  # left open, read as HTML


def test_boxes_stay_inside_and_are_never_empty() -> None:
    quad = ((-5.0, 9.99), (30.0, 9.99), (30.0, 9.99), (-5.0, 9.99))
    line = Line("x", quad, 1.0, (Word("x", quad, 1.0, ()),))
    root = parse(Page(10, 10, (Paragraph((line,), quad),)))
    assert bbox(of_class(root, "ocr_line")[0]) == (0, 9, 10, 10)


def test_text_that_xml_cannot_hold_and_lines_without_words() -> None:
    quad = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    line = Line("a\0<b>\x0c &", quad, 1.0, ())
    root = parse(Page(10, 10, (Paragraph((line,), quad),), source="\x01.png"))
    assert of_class(root, "ocrx_word")[0].text == "a<b> &"


def check(path: Path, *options: str) -> list[str]:
    """What hocr-check of hocr-tools finds wrong."""
    script = Path(sys.executable).with_name("hocr-check")
    if not script.exists():
        pytest.skip("needs hocr-tools: pip install 'ocrpipe[dev]'")
    run = subprocess.run([sys.executable, str(script), *options, str(path)], capture_output=True, text=True)
    results = [row for row in run.stderr.splitlines() if re.match("(not )?ok ", row)]
    assert run.returncode == 0 and results, run.stderr
    return [row for row in results if row.startswith("not ok")]


def test_hocr_check_finds_nothing_wrong(turned: tuple[Page, Any], skewed: Page, tmp_path: Path) -> None:
    path = tmp_path / "page.hocr"
    for page in (turned[0], skewed, Page(10, 10)):
        path.write_text(page_to_hocr(page), encoding="utf-8")
        assert check(path) == []
    path.write_text(page_to_hocr(turned[0]).replace("ocr_page", "page"), encoding="utf-8")
    assert "has a page" in check(path)[0]


def test_tight_and_slanted_lines_do_not_overlap(tmp_path: Path) -> None:
    lines = [make_line(" ".join(["quick brown 中华 words"] * 4), 40 + 17 * row) for row in range(12)]
    tight = Page(900, 300, tuple(Paragraph((line,), line.quad) for line in lines))
    slanted = moved(tight, lambda at: (at[0] - 0.02 * at[1] + 20, at[1] + 0.02 * at[0]))
    for page in (tight, slanted):
        found = [bbox(line) for line in of_class(parse(page), "ocr_line")]
        for given, line in zip(found, page.lines, strict=True):
            at = box(line.quad, page)
            assert at.left <= given[0] and at.top <= given[1]
            assert at.right >= given[2] and at.bottom >= given[3]
            assert given[3] - given[1] > (at.bottom - at.top) / 2  # no more is cut than has to be
        (tmp_path / "page.hocr").write_text(page_to_hocr(page), encoding="utf-8")
        assert check(tmp_path / "page.hocr") == []


@pytest.mark.parametrize("count", [1, 2, 9])
def test_boxes_in_one_place_keep_a_pixel(count: int) -> None:
    for at in (Box(3, 3, 40, 5), Box(3, 3, 5, 40), Box(0, 0, 1, 1)):
        assert all(cut.width > 0 and cut.height > 0 for cut in separated([at] * count))


def test_boxes_that_hardly_overlap_stay_as_they_are() -> None:
    boxes = [Box(0, 0, 100, 20), Box(0, 16, 100, 36), Box(0, 36, 50, 56), Box(45, 36, 100, 56)]
    assert separated(boxes) == boxes
    assert separated(boxes[::-1]) == boxes[::-1]
    upright, beside = separated([Box(0, 0, 20, 100), Box(10, 0, 30, 100)])
    assert (upright, beside) == (Box(0, 0, 16, 100), Box(14, 0, 30, 100))


def test_hocr_check_of_several_pages(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "book.hocr"
    path.write_text(document_to_hocr([page, Page(10, 10), page]), encoding="utf-8")
    # without this option it compares boxes of one page with those of another
    assert check(path, "--nooverlap") == []


def test_ocrmypdf_reads_it(turned: tuple[Page, Any], tmp_path: Path) -> None:
    hocrtransform = pytest.importorskip("ocrmypdf.hocrtransform", reason="needs the extra ocrpipe[ocrmypdf]")
    page, _ = turned
    path = tmp_path / "page.hocr"
    path.write_text(page_to_hocr(page), encoding="utf-8")
    tree = hocrtransform.HocrParser(path).parse()
    assert (tree.bbox.width, tree.bbox.height, tree.dpi) == (page.width, page.height, 150)
    assert len(tree.paragraphs) == 2
    assert tree.paragraphs[0].language == "zh"
    assert len(tree.lines) == len(page.lines)
    for found, line in zip(tree.lines, page.lines, strict=True):
        assert [word.text for word in found.children] == [
            unicodedata.normalize("NFKC", word.text) for word in line.words
        ]
        assert found.textangle == {0: None, 90: 90, 180: 180, 270: 270}[page.orientation]
        xs, ys = zip(*line.quad, strict=True)
        assert (found.bbox.left, found.bbox.bottom) == (min(xs), max(ys))
        for word, given in zip(found.children, line.words, strict=True):
            assert word.confidence == pytest.approx(given.confidence, abs=0.006)
