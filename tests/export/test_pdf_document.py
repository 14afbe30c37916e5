"""PDFs of several pages: from images, and over the pages of a PDF that exists."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2 as pdfium
import pytest
from numpy.typing import NDArray
from pikepdf import Array, Dictionary, Name
from PIL import Image

from ocrpipe.errors import ConfigError, MissingExtraError, UnreadableImageError
from ocrpipe.export import document_bytes
from ocrpipe.export.pdf import page_to_pdf
from ocrpipe.io import documents
from ocrpipe.page import Line, Paragraph, Word
from ocrpipe.result import Page
from tests.export.conftest import moved

DPI = 144  # two pixels a point


def texts(data: bytes, password: str | None = None) -> list[str]:
    with pdfium.PdfDocument(data, password=password) as document:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def lines_of(page: Page) -> str:
    return "\n".join(line.text for line in page.lines)


@pytest.fixture
def scan(picture: NDArray[np.uint8]) -> Callable[..., bytes]:
    """Makes a PDF whose pages show the picture upright, 200×150 points, without text."""

    def make(pages: int = 1, at: tuple[float, float] = (0, 0), turn: int = 0, **attributes: Any) -> bytes:
        left, bottom = at
        width, height = (150, 200) if turn % 180 else (200, 150)
        matrix = {
            0: (200, 0, 0, 150, left, bottom),
            90: (0, 200, -150, 0, left + width, bottom),
            180: (-200, 0, 0, -150, left + width, bottom + height),
            270: (0, -200, 150, 0, left, bottom + height),
        }[turn]
        with pikepdf.new() as pdf:
            image = pdf.make_stream(
                np.ascontiguousarray(picture[..., 0]).tobytes(),
                Type=Name.XObject,
                Subtype=Name.Image,
                Width=400,
                Height=300,
                ColorSpace=Name.DeviceGray,
                BitsPerComponent=8,
            )
            resources = pdf.make_indirect(Dictionary(XObject=Dictionary(Im=image)))
            # leaves the coordinates upside down: text set afterwards would be misplaced
            shown = f"q {' '.join(map(str, matrix))} cm /Im Do Q 3 0 0 -3 9 9 cm"
            content = pdf.make_stream(shown.encode())
            for _ in range(pages):
                leaf = Dictionary(
                    Type=Name.Page,
                    MediaBox=Array([left, bottom, left + width, bottom + height]),
                    Rotate=turn,
                    Contents=content,
                    Resources=resources,
                )
                for key, value in attributes.items():
                    leaf[f"/{key}"] = value
                pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
            stream = BytesIO()
            pdf.save(stream)
        return stream.getvalue()

    return make


def read(source: Path, page: Page, password: str | None = None, number: int = 1, dpi: float = DPI) -> Page:
    """The page as it would be read from the PDF, which shows it upright at two pixels a unit."""
    (shown,) = documents.pages(source, dpi=dpi, password=password, numbers=(number,))
    assert shown.image.shape == (300, 400, 3)
    for line in page.lines:  # the picture has bars there
        x, y = np.mean(line.quad, axis=0).astype(int)
        assert shown.image[y, x, 0] < 128
    return replace(page, source=str(source), number=number, dpi=shown.dpi)


def check_places(data: bytes, page: Page) -> None:
    """Each character, selected, lies on its quad in the rendering."""
    with pdfium.PdfDocument(data) as document:
        leaf = document[page.number - 1]
        textpage = leaf.get_textpage()
        text = textpage.get_text_range()
        assert text.replace("\r\n", "\n") == lines_of(page)
        found = []
        for index, char in enumerate(text):
            if not char.isspace():
                left, bottom, right, top = textpage.get_charbox(index, loose=True)
                x, y = pdfium.raw.c_int(), pdfium.raw.c_int()
                corners = []
                for at in ((left, bottom), (right, top)):
                    assert pdfium.raw.FPDF_PageToDevice(leaf, 0, 0, page.width, page.height, 0, *at, x, y)
                    corners.append((x.value, y.value))
                found.append(np.mean(corners, axis=0))
    centres = [np.mean(char.quad, axis=0) for line in page.lines for char in line.chars]
    np.testing.assert_allclose(found, centres, atol=8)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("at", [(0, 0), (-31, 47)])
def test_turned_pages_with_boxes_anywhere(
    scan: Any, page: Page, tmp_path: Path, turn: int, at: tuple[float, float]
) -> None:
    source = tmp_path / "scan.pdf"
    source.write_bytes(scan(at=at, turn=turn))
    was_read = read(source, page)
    data = document_bytes([was_read], "pdf", source=source)
    check_places(data, was_read)
    (before,), (after,) = documents.pages(source, dpi=DPI), documents.pages(data, dpi=DPI)
    assert np.array_equal(before.image, after.image)


@pytest.mark.parametrize("turn", [0, 90])
def test_a_crop_box_and_user_units(scan: Any, page: Page, tmp_path: Path, turn: int) -> None:
    source = tmp_path / "scan.pdf"
    crop = [-10, 20, 140, 220] if turn else [-10, 20, 190, 170]
    media = Array([500, -300, -90, 400])  # its corners the other way round
    source.write_bytes(scan(at=(-10, 20), turn=turn, MediaBox=media, CropBox=Array(crop), UserUnit=2))
    was_read = read(source, page, dpi=DPI / 2)
    check_places(document_bytes([was_read], "pdf", source=source), was_read)


def test_rotated_text(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    source.write_bytes(scan(turn=0, Rotate=90))
    turned = moved(page, lambda at: (300 - at[1], at[0]))
    turned = replace(turned, width=300, height=400, orientation=270, number=1)
    with pdfium.PdfDocument(document_bytes([turned], "pdf", source=source)) as document:
        textpage = document[0].get_textpage()
        text = textpage.get_text_range()
        boxes = {text[i]: textpage.get_charbox(i, loose=True) for i in range(len(text))}
    left, bottom, right, top = boxes["宪"]  # in the page's own units it is upright
    np.testing.assert_allclose((left, top, right, bottom), (90, 130, 100, 120), atol=2)


def test_attributes_of_the_page_tree(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    with pikepdf.open(BytesIO(scan(at=(5, 5), turn=270))) as pdf:
        leaf, above = pdf.pages[0].obj, pdf.Root.Pages
        shared = pdf.make_indirect(Dictionary(Font=Dictionary()))
        pdf.Root.Kept = shared.Font
        shared.XObject = leaf.Resources.XObject
        above.Resources = shared
        above.Rotate, above.MediaBox = leaf.Rotate, leaf.MediaBox
        for key in ("/MediaBox", "/Resources", "/Rotate"):
            del leaf[key]
        pdf.save(source)
    was_read = read(source, page)
    check_places(document_bytes([was_read], "pdf", source=source), was_read)


def test_pages_that_were_not_read_are_kept(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    source.write_bytes(scan(4))
    second, fourth = read(source, page, number=2), read(source, page, number=4)
    short = replace(fourth, paragraphs=fourth.paragraphs[:1])
    data = document_bytes([short, second, Page(400, 300, number=3)], "pdf", source=source)
    assert texts(data) == ["", lines_of(second), "", lines_of(short)]
    assert data == document_bytes([short, second, Page(400, 300, number=3)], "pdf", source=source)


def test_bookmarks_and_other_things_stay(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    with pikepdf.open(BytesIO(scan(2))) as pdf:
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("Second", 1))
        pdf.docinfo["/Title"] = "Kept"
        pdf.save(source)
    data = document_bytes([read(source, page)], "pdf", source=source)
    with pikepdf.open(BytesIO(data)) as pdf, pdf.open_outline() as outline:
        assert [item.title for item in outline.root] == ["Second"]
        assert pdf.docinfo["/Title"] == "Kept"


def test_a_locked_source(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    with pikepdf.open(BytesIO(scan())) as pdf:
        pdf.save(source, encryption=pikepdf.Encryption(user="secret", owner="other"))
    was_read = read(source, page, password="secret")
    data = document_bytes([was_read], "pdf", source=source, password="secret")
    check_places(data, was_read)  # opens without a password
    assert data == document_bytes([was_read], "pdf", source=source, password="secret")
    for password in (None, "wrong"):
        with pytest.raises(UnreadableImageError, match="is locked"):
            document_bytes([was_read], "pdf", source=source, password=password)


@pytest.mark.parametrize("nested", [False, True])
def test_an_older_layer_is_replaced(scan: Any, page: Page, tmp_path: Path, nested: bool) -> None:
    source = tmp_path / "scan.pdf"
    source.write_bytes(scan())
    was_read = read(source, page)
    first = document_bytes([was_read], "pdf", source=source)
    with pikepdf.open(BytesIO(first)) as pdf:
        if nested:  # as OCRmyPDF does it
            leaf = pdf.pages[0]
            leaf.contents_coalesce()
            content = leaf.Contents.read_bytes()
            box, inner = leaf.MediaBox, leaf.Resources
            form = pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=box, Resources=inner)
            leaf.Resources = Dictionary(XObject=Dictionary(Old=form))
            leaf.Contents = pdf.make_stream(b"q /Old Do Q")
            pdf.pages.append(leaf)
        pdf.save(source)
    assert texts(source.read_bytes())[0] == lines_of(was_read)
    second = replace(was_read, paragraphs=was_read.paragraphs[1:])
    data = document_bytes([second], "pdf", source=source)
    assert texts(data)[0] == lines_of(second)
    assert texts(data)[1:] == ([lines_of(was_read)] if nested else [])


def over_image(leaf: pikepdf.Page, content: bytes) -> None:
    """Add content that is drawn last, in the page's own units."""
    leaf.contents_add(b"q", prepend=True)
    leaf.contents_add(b"Q " + content)


@pytest.mark.parametrize("in_a_form", [False, True])
def test_visible_text_is_not_doubled(scan: Any, page: Page, tmp_path: Path, in_a_form: bool) -> None:
    source = tmp_path / "scan.pdf"
    with pikepdf.open(BytesIO(scan())) as pdf:
        leaf = pdf.pages[0]
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        # over the last line, which is jumps (50 to 75, 40 to 50 points); and a watermark over everything
        text = b"BT /F 10 Tf 1 0 0 1 50 42 Tm (jumps) Tj /F 120 Tf 1 0 0 1 20 30 Tm (OK) Tj ET"
        resources = Dictionary(Font=Dictionary(F=font))
        box = Array([0, 0, 200, 150])
        form = pdf.make_stream(text, Type=Name.XObject, Subtype=Name.Form, BBox=box, Resources=resources)
        if in_a_form:
            leaf.Resources.XObject["/Printed"] = form
            over_image(leaf, b"/Printed Do")
        else:
            leaf.Resources.Font = resources.Font
            over_image(leaf, text)
        pdf.save(source)
    was_read = read(source, page)
    (text_of_page,) = texts(document_bytes([was_read], "pdf", source=source))
    assert text_of_page.count("jumps") == 1 and "OK" in text_of_page
    for word in was_read.words[:-1]:
        assert word.text in text_of_page


def with_text_over_lines(
    data: bytes, page: Page, text_of: Callable[[str], str], encoding: Any = None
) -> bytes:
    """The scan with visible text, two pixels a point, over each line that Helvetica can set."""
    with pikepdf.open(BytesIO(data)) as pdf:
        leaf = pdf.pages[0]
        font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        if encoding is not None:
            font.Encoding = encoding
        parts = []
        for line in page.lines:
            if line.text.isascii():
                x, y = line.quad[3]
                parts.append(f"1 0 0 1 {x / 2} {150 - y / 2 + 2} Tm ({text_of(line.text)}) Tj")
        leaf.Resources.Font = Dictionary(F=font)
        over_image(leaf, f"BT /F 10 Tf {' '.join(parts)} ET".encode("latin-1"))
        stream = BytesIO()
        pdf.save(stream)
    return stream.getvalue()


def confident(page: Page) -> Page:
    """The page with lines beyond doubt, in plain ASCII."""
    lines = [
        replace(line, text=text, confidence=0.95, words=(Word(text, line.quad, 0.95, ()),))
        for line, text in zip(
            page.lines, ("first line of it", "second row", "third sentence", "number four"), strict=True
        )
    ]
    return replace(page, paragraphs=(Paragraph(tuple(lines), lines[0].quad),))


def test_a_layer_that_lies_is_replaced(scan: Any, page: Page, tmp_path: Path) -> None:
    page = confident(page)
    shifted = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
    source = tmp_path / "scan.pdf"
    source.write_bytes(with_text_over_lines(scan(), page, lambda text: text.translate(shifted)))
    assert "frpbaq" in texts(source.read_bytes())[0]
    was_read = read(source, page)
    data = document_bytes([was_read], "pdf", source=source)
    assert texts(data)[0].strip().split("\n")[:4] == [line.text for line in page.lines]
    assert "frpbaq" not in texts(data)[0]
    (before,), (after,) = (list(documents.pages(pdf, dpi=DPI)) for pdf in (source, data))
    np.testing.assert_array_equal(before.image, after.image)


def test_a_font_without_a_unicode_map(scan: Any, page: Page, tmp_path: Path) -> None:
    page = confident(page)
    names = [pikepdf.Object.parse(b"/nothing%d" % code) for code in range(97, 123)]
    encoding = Dictionary(Type=Name.Encoding, Differences=Array([97, *names]))
    source = tmp_path / "scan.pdf"
    source.write_bytes(with_text_over_lines(scan(), page, str, encoding))
    was_read = read(source, page)
    text = texts(document_bytes([was_read], "pdf", source=source))[0]
    for line in page.lines:
        assert line.text in text


def test_a_good_layer_stays(scan: Any, page: Page, tmp_path: Path) -> None:
    page = confident(page)
    source = tmp_path / "scan.pdf"
    source.write_bytes(with_text_over_lines(scan(), page, lambda text: text.replace("o", "0")))  # read better
    was_read = read(source, page)
    text = texts(document_bytes([was_read], "pdf", source=source))[0]
    assert "sec0nd" in text and "second" not in text


@pytest.mark.parametrize(
    "content",
    [b"BT (abc Tj", b"<< /A", b"\0\xff\xfe 1 ] >> ET", b"BI /W 1 ID xx", b"Q 3 Tr /X Tr (a) Tj /No Do 7 Do"],
)
def test_damaged_content_gets_its_text_all_the_same(
    scan: Any, page: Page, tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "scan.pdf"
    with pikepdf.open(BytesIO(scan())) as pdf:
        pdf.pages[0].Contents = pdf.make_stream(content)
        pdf.save(source)
    was_read = replace(page, number=1)
    (text,) = texts(document_bytes([was_read], "pdf", source=source))
    assert text.startswith(lines_of(was_read))


def test_html_of_a_locked_source(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    with pikepdf.open(BytesIO(scan())) as pdf:
        pdf.save(source, encryption=pikepdf.Encryption(user="secret", owner="other"))
    was_read = read(source, page, password="secret")
    shown = document_bytes([was_read], "html", source=source, password="secret")
    assert b"data:image/jpeg" in shown
    with pytest.raises(UnreadableImageError, match="is locked"):
        document_bytes([was_read], "html", source=source)


def test_what_does_not_fit(scan: Any, page: Page, tmp_path: Path) -> None:
    source = tmp_path / "scan.pdf"
    source.write_bytes(scan(2))
    was_read = read(source, page)
    with pytest.raises(ConfigError, match="no page 3"):
        document_bytes([replace(was_read, number=3)], "pdf", source=source)
    with pytest.raises(ConfigError, match="comes twice"):
        document_bytes([was_read, was_read], "pdf", source=source)
    with pytest.raises(ConfigError, match="page 1 is 300×400 pixels, in the PDF 200×150 points"):
        document_bytes([replace(was_read, width=300, height=400)], "pdf", source=source)
    source.write_bytes(b"%PDF-1.4\nnothing more")
    with pytest.raises(UnreadableImageError, match="scan.pdf"):
        document_bytes([was_read], "pdf", source=source)


def test_a_tiff_becomes_a_pdf_of_its_frames(page: Page, picture: NDArray[np.uint8], tmp_path: Path) -> None:
    frames = [Image.fromarray(picture), Image.fromarray(255 - picture)]
    source = tmp_path / "scan.tif"
    frames[0].save(source, save_all=True, append_images=frames[1:])
    pages = [replace(page, source=str(source), number=number) for number in (1, 2)]
    data = document_bytes(pages, "pdf")
    assert texts(data) == [lines_of(page)] * 2
    shown = [found.image for found in documents.pages(data, dpi=150)]
    for image, frame in zip(shown, frames, strict=True):
        assert np.abs(image.astype(int) - np.asarray(frame)).mean() < 8
    assert data == document_bytes([replace(one, source=None) for one in pages], "pdf", source=source)


def test_pages_of_several_images(page: Page, picture: NDArray[np.uint8], tmp_path: Path) -> None:
    pages = []
    for name in ("a.png", "b.png"):
        Image.fromarray(picture).save(tmp_path / name)
        pages.append(replace(page, source=str(tmp_path / name), number=1))
    assert texts(document_bytes(pages, "pdf")) == [lines_of(page)] * 2
    assert document_bytes(pages[:1], "pdf") == page_to_pdf(pages[0])


def test_pages_from_nowhere(page: Page) -> None:
    with pytest.raises(ConfigError, match="no source"):
        document_bytes([replace(page, source=None)], "pdf")


HAN = "中华人民共和国2024年宪法"


@pytest.fixture
def han(scan: Any, tmp_path: Path) -> Path:
    """A PDF with a line of hanzi and figures over its page."""
    source, out = tmp_path / "scan.pdf", tmp_path / "out.pdf"
    source.write_bytes(scan())
    quad = ((80.0, 80.0), (480.0, 80.0), (480.0, 120.0), (80.0, 120.0))
    page = Page(800, 600, (Paragraph((Line(HAN, quad, 1.0, (Word(HAN, quad, 1.0, ()),)),), quad),))
    out.write_bytes(document_bytes([page], "pdf", source=source))
    return out


def test_no_spaces_between_han(han: Path) -> None:
    assert texts(han.read_bytes()) == [HAN]


@pytest.mark.needs_program("pdftotext")
def test_pdftotext_finds_no_spaces_between_han(han: Path) -> None:
    found = subprocess.run(["pdftotext", str(han), "-"], capture_output=True, check=True).stdout
    assert found.decode().strip("\n\f") == HAN


def test_without_the_extra(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ocrpipe.export.blank_font", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ocrpipe\[pdf\]'"):
        document_bytes([page], "pdf", source=Path(__file__))
