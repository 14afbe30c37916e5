from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.engines.rapidocr.recognizer import RapidOCRRecognizer
from ocrpipe.errors import ConfigError, MissingExtraError
from ocrpipe.testing import check_recognizer

Pixels = NDArray[np.uint8]

pytest.importorskip("rapidocr", reason="needs the extra ocrpipe[rapidocr]")


@pytest.fixture(scope="module")
def recognizer() -> RapidOCRRecognizer:
    return RapidOCRRecognizer(threads=1)


def crop(text: str, *, width: int | None = None) -> Pixels:
    (extent, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1, 2)
    image = np.full((height + below + 8, width or extent + 16, 3), (250, 245, 230), np.uint8)
    cv2.putText(image, text, (8, height + 4), cv2.FONT_HERSHEY_SIMPLEX, 1, (20, 20, 90), 2, cv2.LINE_AA)
    return image


def test_it_keeps_the_contract(recognizer: RapidOCRRecognizer) -> None:
    check_recognizer(recognizer)


def test_text_with_spaces_and_confidences(recognizer: RapidOCRRecognizer) -> None:
    first, second, nothing = plugins.recognize(
        recognizer, [crop("Total 12.50"), crop("Date: 3 May"), np.full((30, 90), 255, np.uint8)], "rapidocr"
    )
    assert (first.text, second.text, nothing.text) == ("Total 12.50", "Date: 3 May", "")
    assert first.confidence > 0.9
    assert nothing.confidence == 0.0


def test_characters_are_where_their_ink_is(recognizer: RapidOCRRecognizer) -> None:
    """Each character's span holds the middle of its own ink, also in a crop with much paper behind."""
    text = "HNA7MW"
    image = crop(text, width=700)
    (read,) = recognizer.recognize([image])
    assert read.text == text
    for i, char in enumerate(read.chars):
        before = 8 + cv2.getTextSize(text[:i], cv2.FONT_HERSHEY_SIMPLEX, 1, 2)[0][0]
        after = 8 + cv2.getTextSize(text[: i + 1], cv2.FONT_HERSHEY_SIMPLEX, 1, 2)[0][0]
        assert char.start < (before + after) / 2 < char.end, char


def test_a_long_line_is_read_whole(recognizer: RapidOCRRecognizer) -> None:
    words = " ".join(f"word {i}" for i in range(1, 16))
    (read,) = recognizer.recognize([crop(words)])
    assert read.text.replace(" ", "") == words.replace(" ", "")
    assert sorted(char.start for char in read.chars) == [char.start for char in read.chars]


def test_a_crop_of_thousands_of_pixels_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []

    class Stage:
        class postprocess_op:  # noqa: N801
            character = ["blank", "a"]

        @staticmethod
        def session(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            widths.append(inputs.shape[3])
            frames = np.zeros((len(inputs), inputs.shape[3] // 8, 2), np.float32)
            frames[..., 0] = 0.9
            frames[:, -4:, 1] = 0.95
            return frames

    monkeypatch.setattr("ocrpipe.engines.rapidocr.recognizer.load_stage", lambda *_: Stage)
    recognizer = RapidOCRRecognizer()
    wide = np.zeros((2, 8000, 3), np.uint8)
    (read,) = plugins.recognize(recognizer, [wide], "rapidocr")
    assert read.text == "a"
    assert 7900 < read.chars[0].start < read.chars[0].end <= 8000
    recognizer.recognize([np.zeros((48, 8000), np.uint8), np.zeros((48, 10, 3), np.uint8)])
    assert widths == [8192, 320, 8000]


def test_it_reads_the_same_colours_as_rapidocr(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network learnt BGR, scaled to -1..1, and zeros behind the crop."""
    seen: list[NDArray[np.float32]] = []

    class Stage:
        class postprocess_op:  # noqa: N801
            character = ["blank"]

        @staticmethod
        def session(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            seen.append(inputs)
            return np.ones((len(inputs), 4, 1), np.float32)

    monkeypatch.setattr("ocrpipe.engines.rapidocr.recognizer.load_stage", lambda *_: Stage)
    RapidOCRRecognizer().recognize([np.full((48, 100, 3), (255, 0, 51), np.uint8)])
    (inputs,) = seen
    assert inputs[0, :, 20, 50] == pytest.approx([-0.6, -1.0, 1.0])
    assert not inputs[0, :, :, 100:].any()


def test_a_crop_without_pixels_is_refused(recognizer: RapidOCRRecognizer) -> None:
    with pytest.raises(ConfigError, match="crop 1 has no pixels"):
        recognizer.recognize([crop("a"), np.zeros((0, 5, 3), np.uint8)])


def test_threads_reach_the_engine(recognizer: RapidOCRRecognizer) -> None:
    assert recognizer._run.session.get_session_options().intra_op_num_threads == 1


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtraError, match=r"rapidocr.*pip install 'ocrpipe\[rapidocr\]'"):
        plugins.load_recognizer("rapidocr")
