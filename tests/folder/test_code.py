from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocrpipe.folder import code, settings
from ocrpipe.folder.code import code_digest, digest_of, source_files
from ocrpipe.folder.settings import ReadSettings


def test_all_kinds_of_files_take_part() -> None:
    names = set(source_files())
    assert {
        "pipeline.py",
        "geometry.py",
        "stages/layout.py",
        "io/documents.py",
        "detectors/ctpn/lines.py",
        "recognizers/crnn/hanzi.txt",
        "engines/tesseract/program.py",
        "pretrained/loader.py",
    } <= names
    assert not {name.partition("/")[0] for name in names} & {"training", "export", "folder", "cli"}


@pytest.mark.parametrize("name", ["stages/layout.py", "recognizers/crnn/hanzi.txt", "pipeline.py"])
def test_a_changed_file_changes_the_digest(name: str, tmp_path: Path) -> None:
    files = source_files()
    copy = tmp_path / "copy"
    copy.write_bytes(files[name].read_bytes())
    assert digest_of({**files, name: copy}) == code_digest()
    copy.write_bytes(copy.read_bytes() + b"\n")
    assert digest_of({**files, name: copy}) != code_digest()
    del files[name]
    assert digest_of(files) != code_digest()


def test_the_order_of_files_makes_no_difference() -> None:
    files = source_files()
    assert digest_of(dict(reversed(files.items()))) == digest_of(files)


def test_the_fingerprint_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ReadSettings().fingerprint()
    monkeypatch.setattr(settings, "code_digest", lambda: "0" * 64)
    assert ReadSettings().fingerprint() != before


def test_nothing_heavy_is_imported() -> None:
    program = "import sys; from ocrpipe.folder.code import code_digest; print(code_digest()); "
    program += "print({'torch', 'cv2', 'ocrpipe.pipeline'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{code.code_digest()}\nset()\n"
