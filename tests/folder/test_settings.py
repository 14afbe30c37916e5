from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ocrpipe import _version
from ocrpipe.errors import ConfigError
from ocrpipe.folder.settings import DPI, ReadSettings, share_cores
from ocrpipe.pretrained import loader

FROM_OBJECTS = """
from ocrpipe.detectors.ctpn import CTPNDetector
from ocrpipe.folder.settings import ReadSettings
from ocrpipe.recognizers.crnn import CRNNRecognizer
print(ReadSettings(CTPNDetector(), CRNNRecognizer()).fingerprint())
"""


@dataclass
class Named:
    fingerprint: str
    junk: int = 0


def test_the_default_resolution_is_that_of_documents() -> None:
    from ocrpipe.io import documents

    assert DPI == documents.DPI


@pytest.mark.parametrize("changed", ["ctpn", "crnn", "language"])
def test_the_fingerprint_is_that_of_the_weights(
    changed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = ReadSettings().fingerprint()
    assert before == ReadSettings().fingerprint()
    for name in ("ctpn", "crnn", "language"):
        card = (loader.FOLDER / f"{name}.json").read_text("utf-8")
        (tmp_path / f"{name}.json").write_text(card, "utf-8")
    monkeypatch.setattr(loader, "FOLDER", tmp_path)
    assert ReadSettings().fingerprint() == before
    path = tmp_path / f"{changed}.json"
    sha256 = loader.read_card(path).sha256
    path.write_text(path.read_text("utf-8").replace(sha256, "0" * 64), "utf-8")
    assert ReadSettings().fingerprint() != before


def test_the_fingerprint_is_that_of_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ReadSettings().fingerprint()
    monkeypatch.setattr(_version, "__version__", "99")
    assert ReadSettings().fingerprint() != before


def test_passwords_and_threads_make_no_difference() -> None:
    assert ReadSettings(password="secret", threads=3).fingerprint() == ReadSettings().fingerprint()


def test_an_engine_may_say_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "Named", Named, raising=False)
    monkeypatch.setattr("ocrpipe.folder.settings._pickled", lambda engine: b"")

    def fingerprint(engine: object) -> str:
        return ReadSettings(detector=engine).fingerprint()  # type: ignore[arg-type]

    assert fingerprint(Named("a", 1)) == fingerprint(Named("a", 2)) != fingerprint(Named("b", 1))


@pytest.mark.slow
def test_equal_engines_have_one_fingerprint_in_every_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", FROM_OBJECTS], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_engines_of_the_program_itself_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Named, "__module__", "__main__")
    with pytest.raises(ConfigError, match="Named is defined in the program itself"):
        ReadSettings(detector=Named("a"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "given"),
    [((None, None), (4, 1)), ((2, None), (2, 2)), ((None, 2), (2, 2)), ((8, None), (8, 1)), ((3, 5), (3, 5))],
)
def test_the_cores_are_filled(
    monkeypatch: pytest.MonkeyPatch, asked: tuple[int | None, int | None], given: tuple[int, int]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert share_cores(*asked) == given
