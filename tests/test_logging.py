"""What the logger ``ocrpipe`` reports; the folder's messages are in tests/folder."""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocrpipe import _version, plugins
from ocrpipe.io import documents, images
from ocrpipe.io.files import write_whole


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "ocrpipe")
    return caplog


def test_nothing_is_printed_unless_asked_for(tmp_path: Path) -> None:
    code = "import logging, ocrpipe; logging.getLogger('ocrpipe.io').error('loud')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == done.stderr == ""


def test_images(log: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    Image.new("LA", (30, 20)).save(path)
    images.load(path)
    assert log.messages == [f"decoded {str(path)!r}: 30×20, mode LA, EXIF orientation 1"]
    assert log.records[0].name == "ocrpipe.io.images"


def test_pdf_pages(log: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    Image.new("L", (72, 72)).save(path, resolution=72)
    list(documents.pages(path, dpi=144, max_pixels=100 * 100))
    assert [record.levelname for record in log.records] == ["INFO", "DEBUG"]
    assert log.messages[0] == f"page 1 of {str(path)!r}: 99.0 dpi instead of 144, for max_pixels"
    assert log.messages[1] == f"rendered page 1 of {str(path)!r}: 99×99 at 99.0 dpi"


def test_files(log: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", b"")
    assert log.messages == [f"wrote {str(tmp_path / 'a.txt')!r}"]


def test_plugins(log: pytest.LogCaptureFixture) -> None:
    plugins.load_detector("classical")
    target = "ocrpipe.detectors.classical:ClassicalDetector"
    assert log.messages == [
        f"loaded detector 'classical' ({target}, from ocrpipe {metadata.version('ocrpipe')})"
    ]
    assert metadata.version("ocrpipe") == _version.__version__


def test_damaged_distributions(log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    class Damaged:
        @property
        def entry_points(self) -> Any:
            raise ValueError("no section")

    def broken(**_: object) -> Any:
        raise ValueError

    monkeypatch.setattr(metadata, "entry_points", broken)
    monkeypatch.setattr(metadata, "distributions", lambda: [Damaged()])
    assert plugins.describe("detectors") == ()
    assert log.messages == ["skipped the damaged entry points of a distribution: no section"]
