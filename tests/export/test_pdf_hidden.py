"""Text of a PDF that nobody sees is removed, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

pikepdf = pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
pytest.importorskip("fontTools", reason="needs the extra ocrpipe[pdf]")

from pikepdf import Array, Dictionary, Name, Pdf  # noqa: E402

from ocrpipe.errors import ConfigError  # noqa: E402
from ocrpipe.export.pdf_hidden import without_hidden_text  # noqa: E402
from ocrpipe.export.saving import document_bytes  # noqa: E402
from ocrpipe.page import Line, PageContent, Paragraph, Word  # noqa: E402

BOX = (0.0, 0.0, 200.0, 150.0)
TEXT = "BT /F 10 Tf 1 0 0 1 50 42 Tm (earlier) Tj ET"
IMAGE = "q 200 0 0 150 0 0 cm /Im Do Q"

HIDDEN = {
    "rendering mode": f"3 Tr {TEXT}",
    "rendering mode within the text": TEXT.replace("(earlier)", "3 Tr (earlier)"),
    "next line and show": "BT /F 10 Tf 12 TL 1 0 0 1 50 54 Tm 3 Tr (earlier) ' ET",
    "transparent": f"/Clear gs {TEXT}",
    "transparent strokes": f"/Clear gs 1 Tr {TEXT}",
    "transparent, saved and restored": f"/Clear gs q /Solid gs Q {TEXT}",
    "no clipping area": f"0 0 0 0 re W n {TEXT}",
    "clipping path elsewhere": f"0 100 200 50 re W n {TEXT}",
    "clipping path to the left": f"0 0 40 150 re W* n {TEXT}",
    "two clipping paths": f"0 0 200 30 re W n 0 100 200 50 re W n {TEXT}",
    "beyond the page": TEXT.replace("50 42", "50 -60"),
    "under the image": f"{TEXT} {IMAGE}",
    "under an image in strokes of a form": f"{TEXT} /Scan Do",
    "moved below the clipping path": "0 100 200 50 re W n BT /F 10 Tf 50 120 Td 0 -78 Td (earlier) Tj ET",
    "form": f"3 Tr {IMAGE} /Text Do",
    "form in a form": f"/Clear gs {IMAGE} /Outer Do",
    "form under the image": f"/Text Do {IMAGE}",
}
SEEN = {
    "over the image": f"{IMAGE} {TEXT}",
    "form over the image": f"{IMAGE} /Text Do",
    "half transparent": f"/Half gs {TEXT}",
    "transparent before": f"q /Clear gs Q {TEXT}",
    "invisible before": f"q 3 Tr Q {TEXT}",
    "clipped by what surrounds it": f"40 30 100 40 re W n {TEXT}",
    "beginning left of the clipping path": f"70 30 100 40 re W n {TEXT}",
    "a path of several parts": f"0 100 200 50 re 0 0 200 90 re W n {TEXT}",
    "a path of lines": f"0 0 m 200 0 l 200 5 l h W n {TEXT}",
    "clipped before": f"q 0 100 200 50 re W n Q {TEXT}",
    "under a small image": f"{TEXT} q 60 0 0 20 45 38 cm /Im Do Q",
    "under a translucent image": f"{TEXT} q 200 0 0 150 0 0 cm /Masked Do Q",
    "under a faint image": f"{TEXT} /Half gs {IMAGE}",
    "under a multiplied image": f"{TEXT} /Multiply gs {IMAGE}",
    "under a stencil": f"{TEXT} q 200 0 0 150 0 0 cm /Stencil Do Q",
    "rotated within the clipping path": "0 0 70 150 re W n BT /F 10 Tf 0 1 -1 0 60 40 Tm (earlier) Tj ET",
}


def document(content: str) -> Pdf:
    """A page of 200×150 points whose XObjects and states the contents above use."""
    pdf: Pdf = pikepdf.new()
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)

    def image(**entries: Any) -> Any:
        return pdf.make_stream(
            b"\xff", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8, **entries
        )

    def form(text: str, **resources: Any) -> Any:
        return pdf.make_stream(
            text.encode(),
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, 200, 150]),
            Resources=Dictionary(Font=Dictionary(F=font), XObject=Dictionary(**resources)),
        )

    gray = Name.DeviceGray
    plain, text = image(ColorSpace=gray), form(TEXT)
    objects = Dictionary(
        Im=plain,
        Masked=image(ColorSpace=gray, SMask=pdf.make_indirect(image(ColorSpace=gray))),
        Stencil=pdf.make_stream(
            b"\xff",
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=1,
            Height=1,
            BitsPerComponent=1,
            ImageMask=True,
        ),
        Text=text,
        Outer=form("q /Text Do Q", Text=text),
        Scan=form(IMAGE, Im=plain),
    )
    states = Dictionary(
        Clear=Dictionary(ca=0, CA=0),
        Solid=Dictionary(ca=1, CA=1),
        Half=Dictionary(ca=0.5, CA=0.5),
        Multiply=Dictionary(BM=Name.Multiply),
    )
    page = pdf.add_blank_page(page_size=(200, 150))
    page.Resources = Dictionary(Font=Dictionary(F=font), XObject=objects, ExtGState=states)
    page.Contents = pdf.make_stream(content.encode())
    return pdf


def stripped(content: str) -> tuple[bytes, Dictionary] | None:
    with document(content) as pdf:
        page = pdf.pages[0]
        return without_hidden_text(pdf, page, page.Resources, BOX)


def file_of(content: str, path: Path) -> Path:
    with document(content) as pdf:
        pdf.save(path)
    return path


def text_of(data: bytes) -> str:
    import pypdfium2

    with pypdfium2.PdfDocument(BytesIO(data)) as pdf:
        return str(pdf[0].get_textpage().get_text_range())


def read_page(text: str) -> PageContent:
    """A line at the place of ``TEXT``, at two pixels a point."""
    quad = ((100.0, 196.0), (180.0, 196.0), (180.0, 222.0), (100.0, 222.0))
    line = Line(text, quad, 0.95, (Word(text, quad, 0.95, ()),))
    return PageContent(400, 300, (Paragraph((line,), quad),), dpi=144)


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_hidden_text_is_replaced(content: str, tmp_path: Path) -> None:
    source = file_of(content, tmp_path / "a.pdf")
    found = stripped(content)
    assert found is not None and b"earlier" not in found[0]
    text = text_of(document_bytes([read_page("present")], "pdf", source=source))
    assert "present" in text and "earlier" not in text


@pytest.mark.parametrize("content", SEEN.values(), ids=SEEN)
def test_visible_text_stays(content: str, tmp_path: Path) -> None:
    source = file_of(content, tmp_path / "a.pdf")
    assert stripped(content) is None
    assert text_of(document_bytes([read_page("earlier")], "pdf", source=source)).count("earlier") == 1


@pytest.mark.parametrize("content", [*HIDDEN.values(), *SEEN.values()], ids=[*HIDDEN, *SEEN])
def test_all_text_is_replaced_on_request(content: str, tmp_path: Path) -> None:
    source = file_of(content, tmp_path / "a.pdf")
    text = text_of(document_bytes([read_page("present")], "pdf", source=source, replace_text=True))
    assert "present" in text and "earlier" not in text


def test_a_form_that_is_seen_once_and_hidden_once() -> None:
    with document(f"q /Clear gs /Text Do Q {IMAGE} /Text Do") as pdf:
        page = pdf.pages[0]
        found = without_hidden_text(pdf, page, page.Resources, BOX)
        assert found is not None
        content, resources = found
        assert content.count(b"/Text Do") == 1 and content.count(b"/OcrpipeForm") == 1
        forms: Any = resources.XObject
        (copied,) = (form for name, form in forms.items() if name.startswith("/OcrpipeForm"))
        assert b"earlier" not in copied.read_bytes() and b"earlier" in forms.Text.read_bytes()


def test_forms_that_multiply_are_bounded() -> None:
    with document(f"/A0 Do {TEXT}") as pdf:
        page = pdf.pages[0]
        inner = pdf.make_stream(f"3 Tr {TEXT}".encode(), Subtype=Name.Form, BBox=Array([0, 0, 200, 150]))
        for _ in range(8):
            resources = Dictionary(XObject=Dictionary(Next=inner), Font=page.Resources.Font)
            inner = pdf.make_stream(
                b"/Next Do " * 10, Subtype=Name.Form, BBox=Array([0, 0, 200, 150]), Resources=resources
            )
        page.Resources.XObject["/A0"] = inner
        found = without_hidden_text(pdf, page, page.Resources, BOX)  # a hundred million without a bound
        assert found is None or b"earlier" in found[0]


def test_pages_that_the_pdf_does_not_have(tmp_path: Path) -> None:
    source = file_of(IMAGE, tmp_path / "a.pdf")
    with pytest.raises(ConfigError, match="has no page 3"):
        document_bytes([replace(read_page("x"), number=3)], "pdf", source=source)
