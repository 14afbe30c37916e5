"""A folder as bad as folders get: each good file is done, each bad one explained, by fakes and for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image

from ocrpipe.folder import Failure, FolderRun, PageResult, read_folder
from ocrpipe.folder.tasks import Task

Start = Callable[..., FolderRun]
Save = Callable[..., Path]

GOOD = {
    ("cmyk.tif", 1),
    ("damaged-page.pdf", 1),
    ("damaged-page.pdf", 3),
    ("grey16.png", 1),
    ("handwritten name 中文 é.png", 1),
    ("one-pixel.png", 1),
    ("palette.gif", 1),
    ("real-jpeg.png", 1),
    ("strip.png", 1),
    ("transparent.png", 1),
    ("truncated.tif", 1),
    ("upside.jpg", 1),
}
BAD = {
    ("damaged-page.pdf", 2): "page 2 of .* cannot be rendered",
    ("empty.jpg", None): "is empty",
    ("locked.pdf", None): "is locked; give its password",
    ("book-of-no-pages.pdf", None): "has no pages|is damaged",
    ("text.png", None): "is not an image of a known kind",
    ("truncated.jpg", 1): "cannot be decoded",
    ("truncated.tif", 2): "damaged|cannot be decoded",
    ("half.pdf", None): "is damaged",
}


@pytest.fixture
def broken(tmp_path: Path, save_page: Save, save_document: Save) -> Path:
    root = tmp_path / "broken"
    page = save_page(root / "handwritten name 中文 é.png", 5)
    image = Image.open(page)
    whole = save_page(root / "upside.jpg", 6).read_bytes()
    (root / "truncated.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (root / "empty.jpg").touch()
    (root / "text.png").write_text("Dear Sir or Madam")
    image.convert("CMYK").save(root / "cmyk.tif")
    image.convert("P").save(root / "palette.gif")
    image.convert("RGBA").save(root / "transparent.png")
    image.save(root / "real-jpeg.png", format="JPEG")
    Image.fromarray(np.asarray(image).astype(np.uint16) * 257).save(root / "grey16.png")
    Image.new("L", (1, 1), 255).save(root / "one-pixel.png")
    Image.new("L", (30_000, 40), 255).save(root / "strip.png")
    image.close()

    pages = save_document(root / "damaged-page.pdf", 3, 4, 5)
    (root / "half.pdf").write_bytes(b"%PDF-1.7\n" + bytes(200))
    with pikepdf.open(pages, allow_overwriting_input=True) as pdf:
        pdf.save(root / "locked.pdf", encryption=pikepdf.Encryption(owner="secret", user="secret"))
        pdf.pages[1].obj.MediaBox = pikepdf.Array([0, 0, 0, 0])
        pdf.pages[1].obj.Contents = pdf.make_stream(b"")
        pdf.pages[1].obj.Type = pikepdf.Name.Nonsense
        pdf.save(pages)
    with pikepdf.new() as pdf:
        pdf.save(root / "book-of-no-pages.pdf")
    tiff = save_document(root / "truncated.tif", 7, 8)
    data = tiff.read_bytes()
    tiff.write_bytes(data[: len(data) - 400])
    return root


def check(results: list[PageResult | Failure], root: Path) -> None:
    import re

    def place(result: PageResult | Failure) -> tuple[str, int | None]:
        return result.path.relative_to(root).as_posix(), result.number

    failures = {place(result): result for result in results if isinstance(result, Failure)}
    assert {place(result) for result in results if isinstance(result, PageResult)} == GOOD
    assert set(failures) == set(BAD)
    for where, message in BAD.items():
        assert re.search(message, failures[where].message), failures[where]
        assert failures[where].error == "UnreadableImageError"
        assert failures[where].traceback
    assert len(results) == len(GOOD) + len(BAD)


def test_broken_files(start: Start, inline: list[Task], broken: Path, tmp_path: Path) -> None:
    run = start(broken, tmp_path / "out")
    check(list(run), broken)
    assert {failure.path.name for failure in run.summary.failures} == {name for name, _ in BAD}
    assert (tmp_path / "out" / "damaged-page.txt").read_text() == "page 3\n\fpage 5\n"
    written = {path.stem for path in (tmp_path / "out").glob("*.txt")}
    assert not written & {"empty", "locked", "book-of-no-pages", "text", "half"}


def test_a_locked_pdf_is_read_once_its_password_is_given(
    start: Start, inline: list[Task], broken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (wrong,) = start(broken, out, include=["locked.pdf"], password="wrong")
    assert isinstance(wrong, Failure)
    assert "by another password" in wrong.message
    results = list(start(broken, out, include=["locked.pdf"], password="secret", formats=["txt", "pdf"]))
    assert [type(result) for result in results] == [PageResult] * 3
    assert (out / "locked.txt").read_text() == "page 3\n\fpage 4\n\fpage 5\n"
    assert (out / "locked.pdf").exists()


def test_a_pdf_of_no_pages_is_not_taken_for_locked(
    start: Start, inline: list[Task], broken: Path, tmp_path: Path
) -> None:
    """PDFium gives no reason then, and would give the last file's again."""
    (broken / "book-of-no-pages.pdf").rename(broken / "z.pdf")
    locked, empty = start(broken, tmp_path / "out", include=["locked.pdf", "z.pdf"])
    assert isinstance(locked, Failure) and "is locked" in locked.message
    assert isinstance(empty, Failure) and "is damaged" in empty.message


@pytest.mark.slow
def test_broken_files_for_real(broken: Path, tmp_path: Path) -> None:
    check(list(read_folder(broken, tmp_path / "out", formats=("txt", "json"))), broken)
