from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.engines.tesseract import recognizer as module
from ocrpipe.engines.tesseract.program import Glyph, TesseractLine
from ocrpipe.engines.tesseract.recognizer import TesseractRecognizer
from ocrpipe.errors import ConfigError, MissingExtraError
from ocrpipe.recognizers.base import CharSpan
from ocrpipe.testing import check_recognizer

Pixels = NDArray[np.uint8]
needs_tesseract = pytest.mark.needs_program("tesseract")
INK = np.random.default_rng(1).integers(0, 255, (20, 60, 3)).astype(np.uint8)


class Fixed:
    """Stands in for the program, and reads the same from every crop."""

    def __init__(self, *words: tuple[Glyph, ...]) -> None:
        self.words, self.seen = words, list[tuple[int, str]]()
        self.silent = ""

    def read(self, crops: list[Pixels], *options: str) -> list[list[TesseractLine]]:
        self.seen.append((len(crops), options[1]))
        if options[1] == self.silent:
            return [[] for _ in crops]
        return [[TesseractLine((0, 0, 60, 20), 0, 0, self.words)] for _ in crops]


def reading(monkeypatch: pytest.MonkeyPatch, program: Fixed) -> TesseractRecognizer:
    monkeypatch.setattr(module, "Tesseract", lambda *_: program)
    return TesseractRecognizer()


def test_spaces_lie_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (Glyph("a", (2, 0, 10, 20), 0.9),), (Glyph("b", (20, 0, 30, 20), 0.8),)
    (read,) = plugins.recognize(reading(monkeypatch, Fixed(*words)), [INK], "tesseract")
    assert read.text == "a b"
    assert read.chars == (CharSpan("a", 0.9, 2, 10), CharSpan(" ", 0.8, 10, 20), CharSpan("b", 0.8, 20, 30))


def test_words_without_characters_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (Glyph("ab", (10, 0, 30, 20), 0.9),), (Glyph("c", (28, 0, 64, 20), 0.8),)
    (read,) = plugins.recognize(reading(monkeypatch, Fixed(*words)), [INK], "tesseract")
    assert [(char.text, char.start, char.end) for char in read.chars] == [
        ("a", 10, 20),
        ("b", 20, 30),
        (" ", 28, 30),  # boxes may overlap
        ("c", 28, 60),
    ]


def test_blank_paper_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tesseract reads dashes from it."""
    program = Fixed((Glyph("a", (0, 0, 9, 20), 0.9),))
    white = np.full((30, 50), 255, np.uint8)
    read = reading(monkeypatch, program).recognize([white, INK, white])
    assert [one.text for one in read] == ["", "a", ""]
    assert program.seen[0] == (1, "7")


def test_where_no_line_is_found_the_crop_is_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Fixed((Glyph("a", (0, 0, 9, 20), 0.9),))
    program.silent = "7"
    read = reading(monkeypatch, program).recognize([INK, INK])
    assert [one.text for one in read] == ["a", "a"]
    assert program.seen == [(2, "7"), (2, "13")]


def test_a_crop_without_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="crop 1 has no pixels"):
        reading(monkeypatch, Fixed()).recognize([INK, INK[:0]])


@needs_tesseract
def test_it_keeps_the_contract() -> None:
    check_recognizer(TesseractRecognizer("eng", threads=2))


@needs_tesseract
def test_characters_are_where_their_ink_is() -> None:
    crop, text = np.full((40, 330, 3), 255, np.uint8), "HNA7MW"
    cv2.putText(crop, text, (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 1, (20, 20, 90), 2, cv2.LINE_AA)
    (read,) = plugins.recognize(TesseractRecognizer("eng"), [crop], "tesseract")
    assert read.text == text
    assert read.confidence > 0.9
    for i in range(len(text)):
        before, after = (
            8 + cv2.getTextSize(text[:n], cv2.FONT_HERSHEY_SIMPLEX, 1, 2)[0][0] for n in (i, i + 1)
        )
        assert read.chars[i].start < (before + after) / 2 < read.chars[i].end, read.chars[i]


def test_the_missing_program_reaches_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingExtraError, match="not on the path"):
        plugins.load_recognizer("tesseract", threads=2)
