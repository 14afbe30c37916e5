from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image
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


@pytest.mark.parametrize("ranges", ["x", "1-", "-3", "1,,2", "3-2", "0"])
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


def test_out_of_a_document_is_a_file_a_page(run: Run, document: Path, tmp_path: Path) -> None:
    run("read", document, "--out", tmp_path / "o.txt", "--draw", tmp_path / "o.png")
    names = ["o.txt", "o-2.txt", "o-3.txt"]
    assert [(tmp_path / name).read_text("utf-8") for name in names] == [f"第{n} page\n" for n in (1, 2, 3)]
    with Image.open(tmp_path / "o-3.png") as picture:
        assert picture.size == (360, 400)


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
    run("read", dotted, "--out", tmp_path / "o")
    assert {path.name for path in (tmp_path / "o").iterdir()} == {
        "letter 1.2.txt",
        "letter 1.2-2.txt",
        "letter 1.2-3.txt",
    }
    run("read", dotted, "--format", "json", "--out", tmp_path / "v1.0 all.text")
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
