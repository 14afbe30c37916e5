"""The bookkeeping of runs, with tasks done in this process."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import ocrpipe
from ocrpipe import folder
from ocrpipe.errors import ConfigError, MissingExtraError, OcrError, PluginError, UnsupportedSourceError
from ocrpipe.export import saving
from ocrpipe.folder import Failure, FolderRun, PageResult, stored_results
from ocrpipe.folder.tasks import Inspect, Read, Task, Write
from ocrpipe.folder.working import Working
from ocrpipe.result import document_from_dict

Start = Callable[..., FolderRun]
Contents = Callable[[Path], dict[str, bytes]]
Save = Callable[..., Path]


def kinds(tasks: list[Task]) -> tuple[int, int, int]:
    """How many of inspecting, reading and writing; forgets them."""
    counts = [sum(isinstance(task, kind) for task in tasks) for kind in (Inspect, Read, Write)]
    tasks.clear()
    return counts[0], counts[1], counts[2]


def test_a_tree_becomes_a_tree(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, contents: Contents
) -> None:
    run = start(tree, tmp_path / "out", formats=("txt", "json"))
    results = list(run)
    assert all(isinstance(result, PageResult) for result in results)
    pages = [(result.path.relative_to(tree).as_posix(), result.number) for result in results]
    assert pages == [
        ("a/book.pdf", 1),
        ("a/book.pdf", 2),
        ("a/book.pdf", 3),
        ("a/fax.tif", 1),
        ("a/fax.tif", 2),
        ("b/page2.png", 1),
        ("b/page10.png", 1),
        ("one.png", 1),
    ]
    found = contents(tmp_path / "out")
    assert {name: data.decode() for name, data in found.items() if name.endswith("txt")} == {
        "a/book.txt": "page 3\n\fpage 4\n\fpage 5\n",
        "a/fax.txt": "page 6\n\fpage 7\n",
        "b/page2.txt": "page 8\n",
        "b/page10.txt": "page 9\n",
        "one.txt": "page 10\n",
    }
    assert len(found) == 10
    assert run.summary.done == 8
    assert (run.summary.failed, run.summary.documents, run.summary.written) == (0, 5, 10)
    assert run.summary.failures == ()
    assert kinds(inline) == (5, 8, 10)


def test_results_hold_the_page_and_outputs_do_not_tell_where_the_tree_was(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    import json

    results = {
        (str(result.path), result.number): result
        for result in start(tree, tmp_path / "out", formats=["json"])
    }
    second = results[str(tree / "a" / "fax.tif"), 2]
    assert isinstance(second, PageResult)
    assert second.page.text == "page 7"
    assert (second.page.source, second.page.number, second.page.dpi) == (
        str(tree / "a" / "fax.tif"),
        2,
        200.0,
    )
    assert second.seconds > 0
    written = document_from_dict(json.loads((tmp_path / "out" / "a" / "fax.json").read_text()))
    assert [page.source for page in written] == ["a/fax.tif"] * 2
    assert str(tmp_path) not in (tmp_path / "out" / "a" / "fax.json").read_text()


def test_a_second_run_does_nothing(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, contents: Contents
) -> None:
    list(start(tree, tmp_path / "out"))
    before = contents(tmp_path / "out")
    kinds(inline)
    run = start(tree, tmp_path / "out")
    assert list(run) == []
    assert kinds(inline) == (0, 0, 0)
    assert (run.summary.done, run.summary.kept) == (0, 8)
    assert contents(tmp_path / "out") == before


def test_only_what_is_new_or_changed_is_read(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_page: Save, save_document: Save
) -> None:
    out = tmp_path / "out"
    list(start(tree, out))
    kinds(inline)
    save_page(tree / "b" / "new.png", 11)
    save_document(tree / "a" / "fax.tif", 6)
    (tree / "one.png").touch()  # another time, the same content
    results = list(start(tree, out))
    assert [result.path.name for result in results] == ["fax.tif", "new.png"]
    assert kinds(inline) == (3, 2, 2)
    assert (out / "a" / "fax.txt").read_text() == "page 6\n"
    assert (out / "b" / "new.txt").read_text() == "page 11\n"
    assert len(list(stored_results(out))) == 8


@pytest.mark.parametrize(
    "change",
    [
        {"dpi": 100},
        {"options": ocrpipe.Options().with_settings({"reading.pad": 0.1})},
        {"detector": "classical"},
    ],
)
def test_other_settings_read_anew(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    list(start(tree, tmp_path / "out", include=["*.png"]))
    kinds(inline)
    run = start(tree, tmp_path / "out", include=["*.png"], **change)
    list(run)
    assert kinds(inline)[:2] == (0, 3)


def test_other_code_reads_anew(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(start(tree, tmp_path / "out"))
    kinds(inline)
    monkeypatch.setattr("ocrpipe.folder.settings.code_digest", lambda: "a changed constant")
    assert len(list(start(tree, tmp_path / "out"))) == 8
    assert kinds(inline) == (0, 8, 0)  # the same text, so the files stay


def test_options_that_are_the_defaults_are_no_other_settings(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    list(start(tree, tmp_path / "out"))
    kinds(inline)
    list(start(tree, tmp_path / "out", options=ocrpipe.Options(), threads=2, page_timeout=7))
    assert kinds(inline) == (0, 0, 0)


def test_force_reads_everything_again(start: Start, inline: list[Task], tree: Path, tmp_path: Path) -> None:
    list(start(tree, tmp_path / "out"))
    kinds(inline)
    run = start(tree, tmp_path / "out", force=True)
    assert len(list(run)) == 8
    assert kinds(inline) == (5, 8, 0)  # equal results need not be written again


def test_a_format_added_later_reads_nothing(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    list(start(tree, tmp_path / "out"))
    kinds(inline)
    run = start(tree, tmp_path / "out", formats=("json", "txt"))
    assert list(run) == []
    assert kinds(inline) == (0, 0, 5)
    assert run.summary.written == 5
    assert (tmp_path / "out" / "a" / "book.json").exists()


def test_an_output_that_was_deleted_comes_back(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    list(start(tree, tmp_path / "out"))
    kinds(inline)
    (tmp_path / "out" / "one.txt").unlink()
    list(start(tree, tmp_path / "out"))
    assert kinds(inline) == (0, 0, 1)
    assert (tmp_path / "out" / "one.txt").read_text() == "page 10\n"


def test_a_document_of_other_pictures_is_written_anew_though_it_reads_the_same(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_page: Save, contents: Contents
) -> None:
    out, formats = tmp_path / "out", ["txt", "json", "html", "pdf"]
    list(start(tree, out, formats=formats))
    before = contents(out)
    kinds(inline)
    with Image.open(tree / "one.png") as image:
        image.putpixel((1, 1), 200)  # seen, not read
        image.save(tree / "one.png")
    list(start(tree, out, formats=formats))
    assert kinds(inline) == (1, 1, 2)
    after = contents(out)
    assert {name for name in after if after[name] != before[name]} == {"one.html", "one.pdf"}


def test_a_file_that_changes_after_it_was_read_is_not_shown_beside_another_ones_text(
    start: Start, inline: list[Task], tmp_path: Path, save_page: Save
) -> None:
    page, out = save_page(tmp_path / "scans" / "one.png", 10), tmp_path / "out"
    run = start(page.parent, out, formats=["pdf", "txt"])
    assert isinstance(next(run), PageResult)
    save_page(page, 11)
    (failure,) = run
    assert isinstance(failure, Failure)
    assert (failure.number, failure.message) == (None, "one.png changed while it was being read; run again")
    assert [path.name for path in out.glob("one.*")] == ["one.txt"]
    list(start(page.parent, out, formats=["pdf", "txt"]))
    assert {path.name for path in out.glob("one.*")} == {"one.txt", "one.pdf"}
    assert (out / "one.txt").read_text() == "page 11\n"


def test_pdf_pages_of_the_largest_size_are_read(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    """They are rendered to fit, and a fraction of a pixel counts as one."""
    for limit in (997, 1009):
        options = ocrpipe.Options().with_settings({"load.max_pixels": limit})
        run = start(tree, tmp_path / str(limit), include=["*.pdf", "one.png"], options=options)
        *pages, image = run
        assert [type(page) for page in pages] == [PageResult] * 3
        assert isinstance(image, Failure)  # of 140 × 60 pixels
        assert f"over the limit of {limit:,}" in image.message


def test_a_moved_tree_is_the_same_tree(start: Start, inline: list[Task], tree: Path, tmp_path: Path) -> None:
    list(start(tree, tmp_path / "out"))
    moved = Path(shutil.copytree(tree, tmp_path / "moved"))
    kinds(inline)
    assert list(start(moved, tmp_path / "out")) == []
    assert kinds(inline) == (5, 0, 0)


def test_names_that_would_collide_do_not(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_document: Save, contents: Contents
) -> None:
    out = tmp_path / "out"
    list(start(tree, out))
    save_document(tree / "a" / "book.tif", 12, 13)
    kinds(inline)
    list(start(tree, out))
    assert kinds(inline) == (1, 2, 2)
    assert {name for name in contents(out) if name.startswith("a/")} == {
        "a/book.pdf.txt",
        "a/book.tif.txt",
        "a/fax.txt",
    }
    fresh = tmp_path / "fresh"
    list(start(tree, fresh))
    assert contents(fresh) == contents(out)


def test_the_manifest_has_a_row_a_page(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_page: Save
) -> None:
    import hashlib

    save_page(tree / "raises.png", 93)
    list(start(tree, tmp_path / "out"))
    with sqlite3.connect(tmp_path / "out" / "manifest.sqlite") as db:
        query = (
            "SELECT path, number, sha256, state, lines, confidence, seconds > 0, finished > 1e9 FROM pages"
        )
        rows = {row[:2]: row[2:] for row in db.execute(query)}
        (settings,) = db.execute("SELECT DISTINCT settings FROM pages").fetchall()
    db.close()
    sha256 = hashlib.sha256((tree / "a" / "book.pdf").read_bytes()).hexdigest()
    assert rows["a/book.pdf", 3] == (sha256, "done", 1, pytest.approx(0.9), 1, 1)
    assert rows["raises.png", 1][1:4] == ("failed", None, None)
    assert len(rows) == 9
    assert len(settings[0]) == 64


def test_a_failed_page_is_remembered_and_tried_again_only_if_asked(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_document: Save
) -> None:
    out = tmp_path / "out"
    save_document(tree / "half.tif", 14, 93, 15)
    (failure,) = (result for result in start(tree, out) if isinstance(result, Failure))
    assert (failure.path, failure.number, failure.error) == (tree / "half.tif", 2, "PluginError")
    assert "an engine's own fault" in failure.message
    assert str(failure).startswith(f"{tree / 'half.tif'}, page 2: ")
    assert failure.traceback
    assert "RuntimeError: an engine's own fault" in failure.traceback.read_text()
    assert (out / "half.txt").read_text() == "page 14\n\fpage 15\n"  # the good pages
    kinds(inline)
    run = start(tree, out)
    assert list(run) == []
    assert kinds(inline) == (0, 0, 0)
    assert run.summary.kept_failed == 1
    assert run.summary.failures == (failure,)
    run = start(tree, out, retry_failed=True)
    assert list(run) == [failure]
    assert kinds(inline) == (0, 1, 0)
    assert [one for one in stored_results(out) if isinstance(one, Failure)][0].path == Path("half.tif")


def test_a_run_is_logged(
    start: Start, inline: list[Task], tmp_path: Path, save_document: Save, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ocrpipe.folder")
    save_document(tmp_path / "scans" / "half.tif", 14, 93)
    list(start(tmp_path / "scans", tmp_path / "out"))
    assert caplog.messages == [
        f"reading {str(tmp_path / 'scans')!r} to {str(tmp_path / 'out')!r}",
        "failed to read page 2 of half.tif: PluginError: recognizer 'lengths' failed: "
        "RuntimeError: an engine's own fault",
        "ended: 1 pages read, 1 failed, 0 read before, 1 files written",
    ]


def test_a_page_that_succeeds_at_last_gets_into_its_document(
    start: Start,
    inline: list[Task],
    tree: Path,
    tmp_path: Path,
    save_document: Save,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    save_document(tree / "half.tif", 14, 93)
    list(start(tree, tmp_path / "out"))
    import folder_engines  # type: ignore[import-not-found]

    monkeypatch.setattr(folder_engines, "RAISES", 0)
    list(start(tree, tmp_path / "out", retry_failed=True))
    assert (tmp_path / "out" / "half.txt").read_text() == "page 14\n\fpage 93\n"
    assert not list((tmp_path / "out" / ".ocrpipe" / "tracebacks").iterdir())


def test_a_document_that_went_bad_loses_its_outputs(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list(start(tree, out))
    (tree / "one.png").write_bytes(b"")
    for _ in range(2):  # cheap to find out, so it is reported every time
        (failure,) = start(tree, out)
        assert isinstance(failure, Failure)
        assert (failure.path, failure.number) == (tree / "one.png", None)
        assert not (out / "one.txt").exists()
    shutil.copy(tree / "b" / "page2.png", tree / "one.png")
    list(start(tree, out))
    assert (out / "one.txt").read_text() == "page 8\n"
    assert all(isinstance(result, PageResult) for result in stored_results(out))


def test_a_file_that_changes_or_vanishes_meanwhile_is_read_by_the_next_run(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, save_document: Save, save_page: Save
) -> None:
    out = tmp_path / "out"
    run = start(tree, out)
    assert next(run).number == 1
    save_document(tree / "a" / "book.pdf", 21, 22, 23)
    fax = (tree / "a" / "fax.tif").read_bytes()
    results = [next(run), next(run)]  # pages 2 and 3 of the book
    assert [type(result) for result in results] == [Failure, Failure]
    assert "changed while it was being read" in str(results[0])
    next(run)
    (tree / "a" / "fax.tif").unlink()
    gone = next(run)
    assert isinstance(gone, Failure)
    assert "vanished" in gone.message
    list(run)
    (tree / "a" / "fax.tif").write_bytes(fax)
    assert len(list(start(tree, out))) == 4  # the pages of the book, and the fax's second
    assert (out / "a" / "book.txt").read_text() == "page 21\n\fpage 22\n\fpage 23\n"
    assert (out / "a" / "fax.txt").read_text() == "page 6\n\fpage 7\n"


def test_a_file_that_is_being_written_anew_is_not_taken_for_damaged(
    start: Start, inline: list[Task], tmp_path: Path, save_page: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ocrpipe.io import documents

    path, decode = save_page(tmp_path / "scans" / "one.png", 10), documents.pages

    def cut_short(*arguments: Any, **options: Any) -> Any:
        path.write_bytes(path.read_bytes()[:100])
        return decode(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(documents, "pages", cut_short)
        (failure,) = start(path.parent, tmp_path / "out")
    assert isinstance(failure, Failure)
    assert failure.message == "one.png changed while it was being read; run again"
    save_page(path, 10)
    (result,) = start(path.parent, tmp_path / "out")
    assert isinstance(result, PageResult)


def test_a_run_that_is_left_loses_nothing_that_was_yielded(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, contents: Contents
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    list(start(tree, whole))
    for _ in range(8):
        with start(tree, out) as run:
            next(run)
    assert len(list(stored_results(out))) == 8
    kinds(inline)
    list(start(tree, out))
    assert kinds(inline)[1] == 0
    assert contents(out) == contents(whole)


def test_a_second_run_at_the_same_time_refuses(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    first = start(tree, tmp_path / "out")
    next(first)
    with pytest.raises(ConfigError, match="another run is at work on"):
        next(start(tree, tmp_path / "out"))
    assert len(list(first)) == 7
    assert list(start(tree, tmp_path / "out")) == []


def test_unknown_types_are_reported_and_not_read(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    (tree / "notes.txt").write_text("Python is a language; %PDF- is how PDFs begin")
    (tree / "empty").touch()
    shutil.copy(tree / "one.png", tree / "scan")
    (tree / "gone.png").symlink_to("nowhere")
    run = start(tree, tmp_path / "out")
    assert len(list(run)) == 9
    assert run.skipped() == [
        ("empty", "of no known type"),
        ("gone.png", "a broken link"),
        ("notes.txt", "of no known type"),
    ]
    assert (run.summary.skipped, run.summary.failed, run.summary.documents) == (3, 0, 6)
    assert (tmp_path / "out" / "scan.txt").read_text() == "page 10\n"


def test_globs_choose(start: Start, inline: list[Task], tree: Path, tmp_path: Path) -> None:
    results = list(start(tree, tmp_path / "out", include=["*.p*"], exclude=["b"]))
    assert {result.path.name for result in results} == {"book.pdf", "one.png"}


def test_no_more_is_begun_than_workers_can_do(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    run = start(tree, tmp_path / "out")
    next(run)
    assert kinds(inline) == (1, 1, 0)  # the next one when the caller comes back
    next(run)
    assert kinds(inline) == (0, 1, 0)


def test_what_is_left_is_estimated(start: Start, inline: list[Task], tree: Path, tmp_path: Path) -> None:
    run = start(tree, tmp_path / "out")
    assert run.summary.left is None
    next(run)
    for thread in threading.enumerate():
        if "_count" in thread.name:
            thread.join()
    assert run.summary.left == 2 + 4 * 3  # pages of the book, and as many of each of four files
    list(run)
    assert run.summary.left == 0


def test_outputs_may_lie_within_the_tree_but_not_around_it(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        run = start(tree, tree / "results", formats=["json", "txt"])
        list(run)
        assert (run.summary.documents, run.summary.skipped) == (5, 0)
    for out in (tree, tmp_path, tmp_path / "scans" / "a" / ".."):
        with pytest.raises(ConfigError, match="folder of their own"):
            start(tree, out)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"formats": ["docx"]}, ConfigError, "unknown format 'docx'"),
        ({"formats": []}, ConfigError, "no format"),
        ({"workers": 0}, ConfigError, "at least 1"),
        ({"threads": 0}, ConfigError, "at least 1"),
        ({"page_timeout": 0}, ConfigError, "positive"),
        ({"dpi": float("nan")}, ConfigError, "dpi"),
        ({"include": [""]}, ConfigError, "empty"),
        ({"engine": "spark"}, ConfigError, "unknown engine 'spark'"),
        ({"ray_address": "auto"}, ConfigError, "needs the engine ray"),
        ({"detector": "nosuch"}, PluginError, "unknown detector 'nosuch', known are: .*ctpn"),
        ({"detector": threading.Lock()}, ConfigError, "can't be sent to worker processes"),
    ],
)
def test_arguments_that_make_no_sense(
    start: Start, tree: Path, tmp_path: Path, settings: dict[str, Any], error: type[OcrError], message: str
) -> None:
    with pytest.raises(error, match=message):
        start(tree, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_a_source_that_does_not_exist(start: Start, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedSourceError, match="missing does not exist"):
        start(tree / "missing", tmp_path / "out")
    with pytest.raises(UnsupportedSourceError, match="is a URL"):
        start("https://example.org/scans", tmp_path / "out")


def test_a_single_file(start: Start, inline: list[Task], save_document: Save, tmp_path: Path) -> None:
    book = save_document(tmp_path / "book.pdf", 1, 2)
    (tmp_path / "other.txt").write_text("not of this run")
    results = list(start(book, tmp_path / "out", formats=["txt", "json"]))
    assert [(one.path, one.number) for one in results] == [(book, 1), (book, 2)]
    assert (tmp_path / "out" / "book.txt").read_text() == "page 1\n\fpage 2\n"
    assert list(start(book, tmp_path / "out")) == []


def test_a_missing_extra_is_reported_before_anything_is_read(
    start: Start, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> bytes:
        raise MissingExtraError("pip install something")

    monkeypatch.setattr(saving, "document_bytes", missing)
    with pytest.raises(MissingExtraError):
        start(tree, tmp_path / "out", formats=["pdf"])


def test_an_output_folder_that_is_a_file(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OcrError, match="cannot write"):
        next(start(tree, tmp_path / "out"))


def test_a_disk_without_room_for_anything(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(OcrError, match="cannot write .*out: No space left on device"):
        next(start(tree, tmp_path / "out"))


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on(
    start: Start,
    inline: list[Task],
    tree: Path,
    tmp_path: Path,
    contents: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, sync, left = tmp_path / "out", os.fsync, [2]

    def fill(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".tmp":
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(OcrError, match="No space left on device"):
        list(start(tree, out))
    assert len(contents(out)) == 2
    monkeypatch.setattr(os, "fsync", sync)
    list(start(tree, out))
    list(start(tree, tmp_path / "whole"))
    assert contents(out) == contents(tmp_path / "whole")


def test_an_output_that_cannot_be_made_is_a_failure_of_its_own(
    start: Start, inline: list[Task], tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do = Working._write

    def fail(self: Working, task: Write) -> object:
        if task.key == "one.png":
            raise ConfigError("too large for this format")
        return do(self, task)

    monkeypatch.setattr(Working, "_write", fail)
    run = start(tree, tmp_path / "out")
    (failure,) = (result for result in run if isinstance(result, Failure))
    assert (failure.path, failure.number, failure.message) == (
        tree / "one.png",
        None,
        "too large for this format",
    )
    assert (run.summary.done, run.summary.written) == (8, 4)
    monkeypatch.setattr(Working, "_write", do)
    assert list(start(tree, tmp_path / "out")) == []
    assert (tmp_path / "out" / "one.txt").exists()


def test_public_names() -> None:
    assert ocrpipe.read_folder is folder.read_folder
    assert ocrpipe.PageResult is PageResult
    assert ocrpipe.Failure is Failure


@pytest.mark.parametrize("format", ["txt", "json", "pdf"])
def test_files_of_others_are_not_overwritten(
    start: Start, inline: list[Task], save_page: Save, tmp_path: Path, format: str
) -> None:
    pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")
    out = tmp_path / "out"
    out.mkdir()
    save_page(tmp_path / "scans" / "one.png", 3)
    save_page(tmp_path / "scans" / "two.png", 4)
    mine = out / f"one.{format}"
    mine.write_text("mine")
    for _ in range(2):  # not by the next run either
        results = list(start(tmp_path / "scans", out, formats=[format]))
        (failure,) = (one for one in results if isinstance(one, Failure))
        assert failure.error == "OcrError" and "not overwritten" in failure.message
        assert mine.read_text() == "mine" and (out / f"two.{format}").is_file()
    mine.unlink()
    assert not [one for one in start(tmp_path / "scans", out, formats=[format]) if isinstance(one, Failure)]
    assert mine.is_file()


@pytest.mark.parametrize("known", [False, True])
def test_links_are_not_followed_when_writing(
    start: Start, inline: list[Task], save_page: Save, tmp_path: Path, known: bool
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside.txt"
    out.mkdir()
    page = save_page(tmp_path / "scans" / "one.png", 3)
    if known:
        list(start(tmp_path / "scans", out))
        (out / "one.txt").unlink()
        save_page(page, 5)
    outside.write_text("mine")
    (out / "one.txt").symlink_to(outside)
    results = list(start(tmp_path / "scans", out))
    assert outside.read_text() == "mine"
    assert any(isinstance(one, Failure) for one in results) is not known
    assert (out / "one.txt").is_symlink() is not known


def test_a_run_that_was_killed_before_it_noted_a_file_knows_it_again(
    start: Start, inline: list[Task], save_page: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_page(tmp_path / "scans" / "one.png", 3)
    execute = Working.execute

    def killed(self: Working, task: Task) -> Any:
        outcome = execute(self, task)
        if isinstance(task, Write):
            raise KeyboardInterrupt
        return outcome

    monkeypatch.setattr(Working, "execute", killed)
    with pytest.raises(KeyboardInterrupt):
        list(start(tmp_path / "scans", tmp_path / "out"))
    assert (tmp_path / "out" / "one.txt").is_file()
    monkeypatch.setattr(Working, "execute", execute)
    run = start(tmp_path / "scans", tmp_path / "out")
    assert list(run) == [] and run.summary.written == 1


def test_another_runs_output_is_no_input(start: Start, inline: list[Task], tree: Path) -> None:
    list(start(tree, tree / "results", formats=["txt"]))
    Image.new("L", (9, 9)).save(tree / "results" / "drawn.png")
    run = start(tree, tree / "more")
    assert not [one for one in run if "results" in one.path.parts]
    assert ("results", "the output folder of another run") in run.skipped()


def test_a_name_of_bytes_and_its_twin(
    start: Start, inline: list[Task], save_page: Save, tmp_path: Path
) -> None:
    root = tmp_path / "scans"
    save_page(root / "x.png", 3).rename(Path(os.fsdecode(os.fsencode(root) + b"/a\xff.png")))
    save_page(root / "a\\xff.png", 4)
    assert not [one for one in start(root, tmp_path / "out") if isinstance(one, Failure)]
    assert {path.name: path.read_text() for path in (tmp_path / "out").glob("*.txt")} == {
        "a\\xff.txt": "page 4\n",
        "a\\xff~2.txt": "page 3\n",
    }
