from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.base import Recognition
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.training.crnn.objective import new_network
from ocrpipe.training.crnn.validation import ReferenceCrop, error_rate, line_errors, reference_crops


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A set of two pages with three lines that count."""
    folder = tmp_path / "real"
    folder.mkdir()
    page = np.full((100, 200, 3), 255, np.uint8)
    page[20:40, 30:90] = 60
    page[60:80, 30:190] = 120
    for name in ("a.png", "b.png"):
        Image.fromarray(page).save(folder / name)
    lines = [
        {"text": "FIRST", "quad": [[30, 20], [90, 20], [90, 40], [30, 40]]},
        {"text": "SECOND LINE", "quad": [[30, 60], [190, 60], [190, 80], [30, 80]]},
        {"text": "x", "quad": [[0, 0], [9, 0], [9, 9], [0, 9]], "ignore": True},
        {"text": " ", "quad": [[0, 0], [9, 0], [9, 9], [0, 9]]},
    ]
    write_references(folder, [{"image": "a.png", "lines": lines}, {"image": "b.png", "lines": lines[:1]}])
    return folder


def write_references(folder: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps({"level": "line", **row}) + "\n" for row in rows)
    (folder / "gt.jsonl").write_text(text, encoding="utf-8")


class Fixed:
    """Reads the texts that it was given."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        return tuple(Recognition(text, ()) for text in self.texts)


def crop(text: str, *, casefold: bool = False, word: bool = False) -> ReferenceCrop:
    return ReferenceCrop(np.zeros((9, 9), np.uint8), text, casefold, word)


def test_reference_crops_are_the_lines_that_count(pages: Path) -> None:
    crops = reference_crops(pages)
    assert [line.text for line in crops] == ["FIRST", "SECOND LINE", "FIRST"]
    assert [line.image.shape for line in crops] == [(20, 60, 3), (20, 160, 3), (20, 60, 3)]
    assert all((line.image == value).all() for line, value in zip(crops, (60, 120, 60), strict=True))
    assert all(line.casefold and not line.word for line in crops)
    two = reference_crops(pages, limit=2)
    assert len(two) == 2
    assert [line.text for line in two] == [line.text for line in reference_crops(pages, limit=2)]


def test_mixed_case_counts_where_the_reference_has_it(pages: Path) -> None:
    line = {"text": "First", "quad": [[30, 20], [90, 20], [90, 40], [30, 40]]}
    write_references(pages, [{"image": "a.png", "lines": [line]}])
    assert not reference_crops(pages)[0].casefold


def test_a_set_without_lines_is_refused(pages: Path) -> None:
    write_references(pages, [{"image": "a.png", "lines": []}])
    with pytest.raises(ConfigError, match="no line of .*real counts"):
        reference_crops(pages)


def test_error_rates() -> None:
    assert error_rate(Fixed("abcd", "efgh"), [crop("abcd"), crop("efgx")]) == pytest.approx(1 / 8)
    assert error_rate(Fixed("ab c"), [crop("a bc")]) == 0.0  # spaces don't count
    assert error_rate(Fixed("Abc"), [crop("ABC", casefold=True)]) == 0.0
    assert error_rate(Fixed("Abc"), [crop("ABC")]) == pytest.approx(2 / 3)
    assert error_rate(Fixed("red", "bleu"), [crop("red", word=True), crop("blue", word=True)]) == 0.5


def test_a_network_is_measured_on_each_set(pages: Path) -> None:
    charset = Charset("abc")
    network = new_network(charset, CRNNConfig(len(charset), channels=(4, 4, 4, 4), hidden=4, bottleneck=4))
    figures = line_errors([pages], charset)(network)
    assert figures.keys() == {"real"} and figures["real"] >= 0
