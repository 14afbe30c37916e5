from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw
from typer.testing import Result

from ocrpipe.errors import UnreadableImageError
from ocrpipe.result import Page

Run = Callable[..., Result]
MakePage = Callable[[str, int], Path]


def test_text_goes_to_stdout_and_nothing_else(run: Run, make_page: MakePage) -> None:
    result = run("read", make_page("a.png", 2))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "第2 page\n", "")


def test_form_feeds_stand_between_pages_and_files(run: Run, make_page: MakePage, document: Path) -> None:
    result = run("read", document, make_page("a.png", 5))
    assert result.stdout == "第1 page\n\f第2 page\n\f第3 page\n\f第5 page\n"


def test_empty_page_prints_nothing(run: Run, tmp_path: Path) -> None:
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    result = run("read", tmp_path / "blank.png")
    assert (result.exit_code, result.stdout) == (0, "")


def test_warnings_go_to_stderr_and_into_json(run: Run, tmp_path: Path) -> None:
    Image.fromarray(np.tri(200, 400, -20, np.uint8) * 255).save(tmp_path / "a.png")
    result = run("read", tmp_path / "a.png", "--json", "--set", "filter.min_confidence=1")
    (row,) = map(json.loads, result.stdout.splitlines())
    assert [(found["code"], found["count"]) for found in row["warnings"]] == [
        ("ink-no-text", None),
        ("lines-left-out", 1),
    ]
    messages = [found["message"] for found in row["warnings"]]
    assert result.stderr.splitlines() == [f"ocrpipe: {tmp_path / 'a.png'}, page 1: {m}" for m in messages]
    assert [line["text"] for line in row["rejected"]] == ["第4 page"]


@pytest.mark.parametrize("command", [("detect",), ("read", "--json")])
def test_what_a_plugin_prints_does_not_spoil_json(
    run: Run, make_page: MakePage, command: tuple[str, ...]
) -> None:
    result = run(*command, make_page("a.png", 2), "--detector", "loud")
    assert json.loads(result.stdout)
    assert "found something" in result.stderr


def test_json_is_a_line_a_page(run: Run, document: Path) -> None:
    result = run("read", document, "--json")
    pages = [Page.from_dict(json.loads(line)) for line in result.stdout.splitlines()]
    assert [page.text for page in pages] == ["第1 page", "第2 page", "第3 page"]
    assert [(page.source, page.number) for page in pages] == [(str(document), n) for n in (1, 2, 3)]


def test_chosen_pages(run: Run, document: Path) -> None:
    assert run("read", document, "--pages", "3,1-2").stdout.split("\f") == [
        "第3 page\n",
        "第1 page\n",
        "第2 page\n",
    ]


@pytest.mark.parametrize("ranges", ["x", "-", "-3", "1,,2", "3-2", "0", "0-"])
def test_nonsense_pages_are_refused(run: Run, document: Path, ranges: str) -> None:
    result = run("read", document, f"--pages={ranges}")
    assert result.exit_code == 2
    assert result.stderr.startswith("ocrpipe: ")
    assert len(result.stderr.splitlines()) == 1


def test_pdf_at_a_resolution(run: Run, tmp_path: Path) -> None:
    document = pdfium.PdfDocument.new()
    document.new_page(144, 72)
    document.save(tmp_path / "a.pdf")
    for options, size in (((), (400, 200)), (("--dpi", "100"), (200, 100))):
        page = json.loads(run("read", tmp_path / "a.pdf", "--json", *options).stdout)
        assert (page["width"], page["height"]) == size


def test_a_bad_file_does_not_stop_the_others(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("not a picture")
    result = run("read", make_page("a.png", 1), bad, tmp_path / "missing.png", make_page("b.png", 2))
    assert result.stdout == "第1 page\n\f第2 page\n"
    first, second = result.stderr.splitlines()
    assert first.startswith("ocrpipe: ")
    assert "bad.png" in first
    assert "missing.png" in second
    assert result.exit_code == UnreadableImageError.exit_code


def test_unknown_plugin_is_one_line(run: Run, make_page: MakePage) -> None:
    result = run("read", make_page("a.png", 1), "--detector", "nothing")
    assert (result.exit_code, result.stdout) == (7, "")
    assert result.stderr.startswith("ocrpipe: unknown detector 'nothing'")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--detector", "nothing"), ()])
def test_debug_lets_errors_through(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run("--debug", "read", tmp_path / "missing.png", *arguments)
    assert result.exception is not None
    assert not isinstance(result.exception, SystemExit)


def test_ctrl_c(run: Run, make_page: MakePage) -> None:
    result = run("read", make_page("a.png", 1), "--recognizer", "interrupted")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "Traceback" not in result.stderr


def test_out_goes_by_its_suffix(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    result = run("read", make_page("a.png", 2), "--out", tmp_path / "a.json")
    assert result.stdout == ""
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["width"] == 260


def test_a_file_per_page_on_request(run: Run, document: Path, tmp_path: Path) -> None:
    run("read", document, "--per-page", "--out", tmp_path / "o.txt", "--draw", tmp_path / "o.png")
    names = ["o.txt", "o-2.txt", "o-3.txt"]
    assert [(tmp_path / name).read_text("utf-8") for name in names] == [f"第{n} page\n" for n in (1, 2, 3)]
    with Image.open(tmp_path / "o-3.png") as picture:
        assert picture.size == (360, 400)


def test_a_document_becomes_one_document(run: Run, document: Path, tmp_path: Path) -> None:
    for name in ("o.txt", "o.json", "o.html"):
        assert run("read", document, "--out", tmp_path / name).exit_code == 0
    assert (tmp_path / "o.txt").read_text("utf-8") == "第1 page\n\f第2 page\n\f第3 page\n"
    assert len(json.loads((tmp_path / "o.json").read_text("utf-8"))["pages"]) == 3
    assert (tmp_path / "o.html").read_text("utf-8").count("<image ") == 3
    assert {path.name for path in tmp_path.iterdir()} == {document.name, "o.txt", "o.json", "o.html"}


def draw_page(number: int) -> Image.Image:
    """As in conftest."""
    page = Image.new("L", (100 * number + 60, 400), 255)
    ImageDraw.Draw(page).rectangle((30, 180, 29 + 100 * number, 209), fill=0)
    return page


def scan_pdf(path: Path, *numbers: int, **options: Any) -> Path:
    first, *others = (draw_page(number) for number in numbers)
    first.save(path, save_all=True, append_images=others, resolution=200, title="The original", **options)
    return path


def test_a_pdf_keeps_what_it_is_and_gets_the_text(run: Run, tmp_path: Path) -> None:
    pikepdf = pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    source = scan_pdf(tmp_path / "book.pdf", 2, 3)
    assert run("read", source, "--out", tmp_path / "o.pdf").exit_code == 0
    with pikepdf.open(source) as before, pikepdf.open(tmp_path / "o.pdf") as after:
        assert after.docinfo["/Title"] == "The original"
        for old, new in zip(before.pages, after.pages, strict=True):
            ((_, old_image),), ((_, new_image),) = (page.Resources.XObject.items() for page in (old, new))
            assert old_image.read_raw_bytes() == new_image.read_raw_bytes()
    with pdfium.PdfDocument(tmp_path / "o.pdf") as found:
        assert [found[n].get_textpage().get_text_bounded() for n in (0, 1)] == ["第2 page", "第3 page"]


def test_no_name_is_written_twice(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    book, other = scan_pdf(tmp_path / "book.pdf", 1, 3), make_page("book-2.png", 5)
    for order in ((book, other), (other, book)):
        out = tmp_path / f"o{order.index(book)}"
        assert run("read", *order, "--per-page", "--out", out, "--draw", out).exit_code == 0
        texts = {path.name: path.read_text("utf-8") for path in out.glob("*.txt")}
        assert texts == {
            "book.txt": "第1 page\n",
            "book.pdf-2.txt": "第3 page\n",
            "book-2.txt": "第5 page\n",
        }
        assert len(list(out.glob("*.overlay.png"))) == 3
    assert run("read", book, other, "--out", tmp_path / "whole").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "whole").iterdir()) == ["book-2.txt", "book.txt"]


def test_results_and_pictures_do_not_share_a_file(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    page = make_page("a.png", 1)
    result = run("read", page, "--out", tmp_path / "o.png", "--format", "txt", "--draw", tmp_path / "o.png")
    assert (result.exit_code, (tmp_path / "o.png").exists()) == (2, False)


def test_another_source_is_not_overwritten(
    run: Run, make_page: MakePage, document: Path, tmp_path: Path
) -> None:
    other = make_page("o-2.png", 1)
    before = other.read_bytes()
    result = run("read", document, other, "--out", tmp_path / "texts", "--draw", tmp_path / "texts")
    assert result.exit_code == 0
    link = tmp_path / "link.png"
    link.symlink_to(other)
    assert run("read", document, other, "--draw", link).exit_code != 0
    assert run("read", document, "--draw", tmp_path / "o.png").exit_code == 0  # o-2.png is not a source here
    other.write_bytes(before)
    result = run("read", other, "--out", link, "--format", "txt")
    assert (result.exit_code, other.read_bytes()) == (2, before)


def test_pages_around_a_damaged_one_are_read(run: Run, tmp_path: Path) -> None:
    stream = BytesIO()
    first, *others = (draw_page(number) for number in (1, 2, 3))
    first.save(stream, "TIFF", save_all=True, append_images=others, compression="tiff_lzw")
    data = bytearray(stream.getvalue())
    with Image.open(BytesIO(data)) as image:
        image.seek(1)
        offset = image.tag_v2[273][0]
    data[offset : offset + 20] = b"\xff" * 20
    (tmp_path / "a.tif").write_bytes(data)
    result = run("read", tmp_path / "a.tif", "--out", tmp_path / "o.txt")
    assert result.exit_code == UnreadableImageError.exit_code
    assert "frame 2" in result.stderr and len(result.stderr.splitlines()) == 1
    assert (tmp_path / "o.txt").read_text("utf-8") == "第1 page\n\f第3 page\n"


def test_pages_to_the_end(run: Run, document: Path) -> None:
    assert run("read", document, "--pages", "2-").stdout == "第2 page\n\f第3 page\n"
    result = run("read", document, "--pages", "3-999999999")
    assert (result.stdout, result.exit_code) == ("第3 page\n", UnreadableImageError.exit_code)
    assert "has 3 pages, no page 4" in result.stderr


def test_standard_input(run: Run, document: Path, tmp_path: Path) -> None:
    data = document.read_bytes()
    assert run("read", "-", "--pages", "2", input=data).stdout == "第2 page\n"
    (tmp_path / "o").mkdir()
    assert run("read", "-", "--out", tmp_path / "o", input=data).exit_code == 0
    assert (tmp_path / "o" / "stdin.txt").read_text("utf-8").count("\f") == 2


def test_standard_output(run: Run, make_page: MakePage, document: Path, tmp_path: Path) -> None:
    pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    assert run("read", document, "--format", "pdf", "--out", "-").stdout_bytes.startswith(b"%PDF-")
    assert run("read", document, "--out", "-").stdout.count("\f") == 2
    result = run("read", document, make_page("a.png", 1), "--format", "pdf", "--out", "-")
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_new_folder_by_its_slash(run: Run, document: Path, tmp_path: Path) -> None:
    assert run("read", document, "--out", f"{tmp_path}/new/").exit_code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["document.txt"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["read", "a.png", "--out", "o.docx"], "no format by the suffix"),
        (["read", "a.png", "--format", "docx", "--out", "o"], "unknown format 'docx'"),
        (["read", "a.png", "b.png", "--out", "o.txt"], "several FILEs need a folder"),
        (["read", "folder"], "ocrpipe folder folder --out FOLDER"),
        (["read", "https://example.org/a.png"], "is a URL; download it"),
        (["folder", "nosuch", "--out", "o"], "nosuch does not exist"),
        (["folder", "https://example.org/scans", "--out", "o"], "is a URL"),
        (["detect", "a.pdf"], "ocrpipe read"),
    ],
)
def test_mistakes_say_what_to_do(
    run: Run,
    make_page: MakePage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_page("a.png", 1), make_page("b.png", 1), scan_pdf(tmp_path / "a.pdf", 1)
    (tmp_path / "folder").mkdir()
    result = run(*arguments)
    assert result.exit_code != 0 and told in result.stderr and len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("o*"))


def test_passwords_may_be_repeated(run: Run, tmp_path: Path) -> None:
    pikepdf = pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    source = scan_pdf(tmp_path / "plain.pdf", 2)
    for name, user in (("locked.pdf", "secret"), ("restricted.pdf", "")):
        with pikepdf.open(source) as pdf:
            pdf.save(tmp_path / name, encryption=pikepdf.Encryption(owner="owner", user=user))
        for out in ((), ("--out", tmp_path / "o.pdf"), ("--out", tmp_path / "o.html")):
            result = run("read", tmp_path / name, "--password", "x", "--password", "secret", *out)
            assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("format", ["txt", "json", "hocr", "alto", "pagexml", "html", "csv", "labelstudio"])
def test_names_that_are_no_utf8(run: Run, make_page: MakePage, tmp_path: Path, format: str) -> None:
    page = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    make_page("a.png", 2).rename(page)
    (tmp_path / "o").mkdir()
    result = run("read", page, "--format", format, "--out", tmp_path / "o")
    assert (result.exit_code, result.stderr) == (0, "")
    (found,) = (tmp_path / "o").iterdir()
    found.read_text("utf-8")
    assert json.loads(run("read", page, "--json").stdout)["source"].endswith("caf\\xe9.png")
    assert json.loads(run("recognize", page, "--json").stdout)["image"].endswith("caf\\xe9.png")
    assert json.loads(run("detect", page).stdout)["image"].endswith("caf\\xe9.png")
    page.write_bytes(b"")
    result = run("read", page, make_page("b.png", 3))
    assert "caf\\xe9.png is empty" in result.stderr and result.stdout == "第3 page\n"


def test_out_of_several_files_is_a_folder(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    files = make_page("a.png", 1), make_page("b.png", 2)
    result = run("read", *files, "--out", tmp_path / "o", "--format", "alto", "--draw", tmp_path / "o")
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "a.overlay.png",
        "a.xml",
        "b.overlay.png",
        "b.xml",
    ]
    assert "<alto" in (tmp_path / "o" / "a.xml").read_text("utf-8")


def test_page_xml_in_a_folder_is_called_so(run: Run, document: Path, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    assert run("read", document, "--out", tmp_path / "o", "--format", "pagexml").exit_code == 0
    names = {path.name for path in (tmp_path / "o").iterdir()}
    assert names == {f"{document.stem}{number}.page.xml" for number in ("", "-2", "-3")}


def test_names_with_dots_keep_them(run: Run, document: Path, tmp_path: Path) -> None:
    dotted = document.rename(document.with_name("letter 1.2.tiff"))
    (tmp_path / "o").mkdir()
    run("read", dotted, "--per-page", "--out", tmp_path / "o")
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        "letter 1.2.txt",
        "letter 1.2-2.txt",
        "letter 1.2-3.txt",
    }
    run("read", dotted, "--per-page", "--format", "json", "--out", tmp_path / "v1.0 all.text")
    assert (tmp_path / "v1.0 all-2.text").exists()


def test_existing_folder_gets_text(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    run("read", make_page("a.png", 1), "--out", tmp_path / "o")
    assert (tmp_path / "o" / "a.txt").read_text("utf-8") == "第1 page\n"


def test_formats_with_markup_are_not_printed(run: Run, make_page: MakePage) -> None:
    result = run("read", make_page("a.png", 1), "--format", "hocr")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "needs --out" in result.stderr


def test_json_and_another_format_contradict(run: Run, make_page: MakePage) -> None:
    assert run("read", make_page("a.png", 1), "--json", "--format", "txt").exit_code == 2


def test_no_source_is_overwritten(run: Run, make_page: MakePage) -> None:
    page = make_page("a.png", 1)
    before = page.read_bytes()
    result = run("read", page, "--draw", page)
    assert (result.exit_code, page.read_bytes()) == (2, before)


def test_two_files_do_not_share_a_result(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    files = make_page("a.png", 1), make_page("a.bmp", 2)
    result = run("read", *files, "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "a.bmp" in result.stderr


def test_unwritable_folder_is_one_line(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("read", make_page("a.png", 1), make_page("b.png", 1), "--out", tmp_path / "file" / "o")
    assert result.exit_code == 1
    assert result.stderr.startswith("ocrpipe: ")
    assert len(result.stderr.splitlines()) == 1


def test_detect_prints_quads_and_draws(run: Run, make_page: MakePage, tmp_path: Path) -> None:
    result = run("detect", make_page("a.png", 2), "--draw", tmp_path / "o.png")
    (line,) = json.loads(result.stdout)["lines"]
    assert np.allclose(line["quad"], [[30, 180], [230, 180], [230, 210], [30, 210]], atol=1)
    assert line["score"] == 0.75
    with Image.open(tmp_path / "o.png") as picture:
        assert picture.size == (260, 400)
        assert np.ptp(np.asarray(picture.convert("RGB")), axis=2).any()  # the outline has a colour


def test_recognize_is_a_line_a_crop(run: Run, tmp_path: Path) -> None:
    crops = tmp_path / "a.png", tmp_path / "b.png"
    for crop, width in zip(crops, (100, 300), strict=True):
        Image.new("L", (width, 20)).save(crop)
    assert run("recognize", *crops).stdout == "第1 page\n第3 page\n"
    rows = [json.loads(line) for line in run("recognize", *crops, "--json").stdout.splitlines()]
    assert [row["text"] for row in rows] == ["第1 page", "第3 page"]
    assert rows[0]["confidence"] == pytest.approx(0.9)
    assert len(rows[0]["chars"]) == len("第1 page")


def test_lists_of_plugins(run: Run) -> None:
    listed = run("recognizers").stdout
    assert "interrupted" in listed
    assert "fake_engines:BarRecognizer" in listed
    assert "ctpn" not in listed
    assert "ctpn" in run("detectors").stdout
