"""Corrections in the manifest: later runs respect them, however the pages are read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ocrpipe.corrections import Correction
from ocrpipe.folder import FolderRun, PageResult, stored_results
from ocrpipe.folder.manifest import Manifest
from ocrpipe.folder.tasks import Task, Write
from ocrpipe.geometry import span_quad

Start = Callable[..., FolderRun]
Save = Callable[..., Path]


def correct(out: Path, path: str, number: int, text: str) -> None:
    with Manifest(out, writable=True) as manifest:
        (line,) = manifest.result(path, number).lines
        manifest.corrections.put(path, number, Correction(line.quad, line.text, text))


def test_the_next_run_writes_the_corrected_documents_again_and_reads_nothing(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list(start(tree, out, formats=("txt", "json")))
    correct(out, "a/book.pdf", 2, "page four")
    inline.clear()
    run = start(tree, out, formats=("txt", "json"))
    assert list(run) == []
    assert [(type(task), task.key) for task in inline] == [(Write, "a/book.pdf")] * 2
    assert (out / "a" / "book.txt").read_text() == "page 3\n\fpage four\n\fpage 5\n"
    inline.clear()
    list(start(tree, out, formats=("txt", "json")))
    assert inline == []  # and once is enough
    texts = [result.page.text for result in stored_results(out) if isinstance(result, PageResult)]
    assert "page four" in texts and "page 4" not in texts


def test_pages_that_are_read_again_stay_corrected(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list(start(tree, out))
    correct(out, "one.png", 1, "page ten")
    results = list(start(tree, out, force=True))
    texts = {str(result.path): result.page.text for result in results if isinstance(result, PageResult)}
    assert texts[str(tree / "one.png")] == "page ten"
    assert (out / "one.txt").read_text() == "page ten\n"


def test_a_correction_that_is_taken_back_restores_the_bytes(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    out = tmp_path / "out"
    list(start(tree, out))
    before = contents(out)
    correct(out, "a/fax.tif", 1, "page VI")
    correct(out, "a/fax.tif", 1, "page VII")
    list(start(tree, out))
    assert contents(out)["a/fax.txt"] == b"page VII\n\x0cpage 7\n"
    with Manifest(out, writable=True) as manifest:
        (line,) = manifest.result("a/fax.tif", 1).lines
        assert manifest.corrections.counts() == {("a/fax.tif", 1): 1}
        manifest.corrections.drop("a/fax.tif", 1, line.quad)
    list(start(tree, out))
    assert contents(out) == before


def test_a_changed_file_keeps_corrections_of_lines_that_read_as_before(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_document: Save
) -> None:
    """Pages added to a document change its hash, but not what the first page shows."""
    out = tmp_path / "out"
    list(start(tree, out))
    correct(out, "a/fax.tif", 1, "page VI")
    correct(out, "a/fax.tif", 2, "page VII")
    save_document(tree / "a" / "fax.tif", 6, 8, 9)
    list(start(tree, out))
    assert (out / "a" / "fax.txt").read_text() == "page VI\n\fpage 8\n\fpage 9\n"


def test_lines_without_text_are_left_out(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list(start(tree, out))
    correct(out, "one.png", 1, "")
    list(start(tree, out))
    assert (out / "one.txt").read_text().strip() == ""


def test_a_manifest_knows_the_tree(start: Start, inline: list[Task], tree: Path, tmp_path: Path) -> None:
    list(start(tree, tmp_path / "out"))
    with Manifest(tmp_path / "out") as manifest:
        assert manifest.tree() == str(tree.absolute())


def test_quads_are_stored_exactly(start: Start, inline: list[Task], tree: Path, tmp_path: Path) -> None:
    list(start(tree, tmp_path / "out"))
    with Manifest(tmp_path / "out", writable=True) as manifest:
        (line,) = manifest.result("one.png", 1).lines
        line = replace(line, quad=span_quad(line.quad, 1 / 3, 0.9))
        manifest.corrections.put("one.png", 1, Correction(line.quad, line.text, "x"))
        ((_, stored),) = manifest.corrections._rows("one.png", 1)
    assert stored == Correction(line.quad, line.text, "x")
