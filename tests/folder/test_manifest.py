from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ocrpipe.errors import ConfigError, OcrError
from ocrpipe.export.json import page_to_json
from ocrpipe.folder.lock import RunLock
from ocrpipe.folder.manifest import NAME, Manifest
from ocrpipe.folder.results import pack
from ocrpipe.folder.tasks import Failed, Identity, Inspected, Reading
from ocrpipe.page import PageWarning
from ocrpipe.result import Page

HERE = Identity(1, 2, 3, 4)


def reading(number: int, width: int = 5) -> Reading:
    page = Page(width, 7, source="a.pdf", number=number)
    return Reading(page, pack(page_to_json(page)), f"digest {width}", 0.5)


def test_what_was_stored_is_there_when_opened_again(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_document("a.pdf", Inspected(HERE, "sha", 3))
        manifest.put_reading("a.pdf", 1, "sha", "settings", reading(1))
        failed = Failed("SomeError", "why", passing=True, seconds=1.5)
        manifest.put_failure("a.pdf", 2, "sha", "settings", failed, "where.txt")
        manifest.put_output("a.pdf", "txt", "a.txt", "made of")
        manifest.put_skipped("b.doc", "unknown")
    with Manifest(tmp_path) as manifest:
        assert manifest.document("a.pdf") == Inspected(HERE, "sha", 3)
        assert manifest.document("b.pdf") is None
        assert manifest.result("a.pdf", 1) == reading(1).page
        one, two = manifest.rows()
        assert (one.state, one.lines, one.confidence, one.seconds, one.digest) == (
            "done",
            0,
            0,
            0.5,
            "digest 5",
        )
        assert (two.state, two.error, two.message, two.traceback) == (
            "failed",
            "SomeError",
            "why",
            "where.txt",
        )
        assert two.passing and two.seconds == 1.5
        assert list(manifest.rows("failed")) == [two]
        assert manifest.output("a.pdf", "txt") == ("a.txt", "made of")
        assert manifest.skipped() == [("b.doc", "unknown")]
        with pytest.raises(OcrError, match="no result for page 2 of a.pdf"):
            manifest.result("a.pdf", 2)


def test_a_pages_warnings_are_in_its_row(tmp_path: Path) -> None:
    warnings = (PageWarning("small-text", "small", 3), PageWarning("low-confidence", "badly read"))
    page = replace(reading(1).page, warnings=warnings)
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_reading("a.pdf", 1, "sha", "settings", replace(reading(1), page=page))
        manifest.put_reading("a.pdf", 2, "sha", "settings", reading(2))
    with Manifest(tmp_path) as manifest:
        assert [row.warnings for row in manifest.rows()] == ["small-text 3, low-confidence", None]


@pytest.mark.parametrize("version", [1, 2])
def test_a_manifest_of_an_earlier_version_goes_on(tmp_path: Path, version: int) -> None:
    """Before version 2 there were no warnings, before version 3 no corrections."""
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_reading("a.pdf", 1, "sha", "settings", reading(1))
    with closing(sqlite3.connect(tmp_path / NAME)) as old, old:
        old.execute("DROP TABLE corrections")
        old.execute("DROP TABLE tree")
        if version == 1:
            old.execute("ALTER TABLE pages DROP COLUMN warnings")
        old.execute(f"PRAGMA user_version = {version}")
    with Manifest(tmp_path, writable=True) as manifest:
        assert [row.warnings for row in manifest.rows()] == [None]
        assert manifest.corrections.counts() == {} and manifest.tree() is None


def test_it_is_in_write_ahead_mode_and_synced(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        assert manifest._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert manifest._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_readers_change_nothing_and_leave_nothing_behind(tmp_path: Path) -> None:
    Manifest(tmp_path, writable=True).close()
    with Manifest(tmp_path) as manifest:
        assert list(manifest.rows()) == []
        with pytest.raises(OcrError, match="readonly"):
            manifest.put_skipped("a", "why")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_rows_come_in_order_while_more_are_added(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        for number in range(450, 0, -1):
            manifest.put_failure("a", number, "", "", Failed("E", "m"), None)
        rows = manifest.rows()
        assert next(rows).number == 1
        manifest.put_failure("b", 1, "", "", Failed("E", "m"), None)
        assert [(row.path, row.number) for row in rows] == [*(("a", n) for n in range(2, 451)), ("b", 1)]


def test_pages_of_other_content_are_forgotten(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_failure("a.pdf", 0, "", "", Failed("E", "cannot be opened"), None)
        manifest.put_document("a.pdf", Inspected(HERE, "old", 3))
        for number in (1, 2, 3):
            manifest.put_reading("a.pdf", number, "old", "", reading(number))
        manifest.put_document("a.pdf", Inspected(HERE, "old", 3))
        assert list(manifest.pages("a.pdf")) == [1, 2, 3]
        manifest.put_document("a.pdf", Inspected(HERE, "new", 3))
        assert manifest.pages("a.pdf") == {}
        with pytest.raises(OcrError):
            manifest.result("a.pdf", 1)


def test_a_file_that_cannot_be_opened_any_more_has_no_pages(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_document("a.pdf", Inspected(HERE, "sha", 1))
        manifest.put_reading("a.pdf", 1, "sha", "", reading(1))
        manifest.put_failure("a.pdf", 0, "", "", Failed("E", "m"), None)
        assert manifest.document("a.pdf") is None
        assert list(manifest.pages("a.pdf")) == [0]


def test_a_name_belongs_to_the_last_document_written_to_it(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_output("a.pdf", "txt", "a.txt", "1")
        manifest.put_output("a.tif", "txt", "a.txt", "2")
        assert manifest.output("a.pdf", "txt") is None
        assert manifest.output("a.tif", "txt") == ("a.txt", "2")


def test_what_is_no_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OcrError, match="not an output folder"):
        Manifest(tmp_path)
    (tmp_path / NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(OcrError, match="cannot use .*not a database"):
        Manifest(tmp_path, writable=True)
    (tmp_path / NAME).unlink()
    other = sqlite3.connect(tmp_path / NAME)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    for writable in (False, True):
        with pytest.raises(OcrError, match="no manifest of this version"):
            Manifest(tmp_path, writable=writable)


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_reading("a.pdf", 1, "sha", "", reading(1))
        manifest._db.execute("UPDATE results SET page = x'00'")
        with pytest.raises(OcrError, match="page 1 of a.pdf in .* is damaged"):
            manifest.result("a.pdf", 1)


def test_a_full_disk_is_an_error_and_leaves_what_was_stored(tmp_path: Path) -> None:
    with Manifest(tmp_path, writable=True) as manifest:
        manifest.put_reading("a.pdf", 1, "sha", "", reading(1))
        (pages,) = manifest._db.execute("PRAGMA page_count").fetchone()
        manifest._db.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(OcrError, match="full"):
            for number in range(2, 1000):
                manifest.put_reading("a.pdf", number, "sha", "", reading(number))
        stored = len(manifest.pages("a.pdf"))
        assert stored > 1
        for number in range(1, stored + 1):
            assert manifest.result("a.pdf", number) == reading(number).page
    with Manifest(tmp_path) as manifest:
        assert len(manifest.pages("a.pdf")) == stored


def test_one_run_at_a_time_even_across_processes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = RunLock(path, tmp_path)
    with pytest.raises(ConfigError, match="another run is at work on"):
        RunLock(path, tmp_path)
    code = "import sys; from pathlib import Path; from ocrpipe.folder.lock import RunLock; "
    code += "RunLock(Path(sys.argv[1]), Path('out'))"
    tried = [sys.executable, "-c", code, str(path)]
    assert "another run is at work on out" in subprocess.run(tried, capture_output=True, text=True).stderr
    lock.release()
    assert subprocess.run(tried, check=False).returncode == 0
    RunLock(path, tmp_path).release()


def test_a_place_that_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(OcrError, match="cannot lock"):
        RunLock(tmp_path / "missing" / "lock", tmp_path)
