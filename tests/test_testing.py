from __future__ import annotations

import re
from collections.abc import Sequence
from threading import Barrier, current_thread, main_thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe.detectors.base import TextLine
from ocrpipe.page import Quad
from ocrpipe.recognizers.base import CharSpan, Recognition
from ocrpipe.testing import check_detector, check_recognizer

Image = NDArray[np.uint8]


def box(left: float, top: float, right: float, bottom: float) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def ink(image: Image) -> NDArray[np.bool_]:
    """Pixels that differ from the image's most common value."""
    grey = image.reshape(*image.shape[:2], -1).max(axis=2)
    return np.asarray(np.abs(grey.astype(int) - int(np.bincount(grey.ravel()).argmax())) > 60)


class GoodDetector:
    """A line for each run of rows with ink."""

    def detect(self, image: Image) -> Sequence[TextLine]:
        rows = np.flatnonzero(np.diff(ink(image).any(axis=1), prepend=False, append=False))
        return [TextLine(box(0, top, image.shape[1], end), 0.9) for top, end in rows.reshape(-1, 2)]


class GoodRecognizer:
    """A letter for each run of columns with ink, by its width."""

    def read(self, crop: Image) -> Recognition:
        columns = np.flatnonzero(np.diff(ink(crop).any(axis=0), prepend=False, append=False)).reshape(-1, 2)
        chars = tuple(CharSpan(chr(97 + (end - start) % 26), 0.9, start, end) for start, end in columns)
        return Recognition("".join(char.text for char in chars), chars)

    def recognize(self, crops: Sequence[Image]) -> Sequence[Recognition]:
        return [self.read(crop) for crop in crops]


def test_good_ones_pass() -> None:
    check_detector(GoodDetector())
    check_recognizer(GoodRecognizer())


def test_good_ones_find_something() -> None:
    """Otherwise the checks below would compare nothing with nothing."""
    seen: list[int] = []

    class Spy(GoodDetector):
        def detect(self, image: Image) -> Sequence[TextLine]:
            lines = super().detect(image)
            seen.append(len(lines))
            return lines

    check_detector(Spy())
    assert max(seen) > 5


class OutsidePage(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        return [TextLine(box(0, 0, image.shape[1] + 5, 5), 1.0)]


class WrongType(GoodDetector):
    def detect(self, image: Image) -> Any:
        return np.zeros((1, 4, 2))


class NotANumber(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        return [TextLine(line.quad, float("nan")) for line in super().detect(image)]


class Raising(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        raise RuntimeError("no weights")


class SeesThings(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        return [TextLine(box(0, 0, *image.shape[1::-1]), 0.5)]


class NeedsColour(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        if image.shape[0] > 100 and ink(image).any() and not (image[..., 0] != image[..., 2]).any():
            raise ValueError("not a colour image")
        return super().detect(image)


class NeedsSpace(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        return super().detect(image[: image.shape[0] // 2 * 2].reshape(-1, 2, *image.shape[1:])[:, 0])


class Tiring(GoodDetector):
    calls = 0

    def detect(self, image: Image) -> Sequence[TextLine]:
        self.calls += 1
        return [TextLine(line.quad, 0.9 / self.calls) for line in super().detect(image)]


class PageWriter(GoodDetector):
    def detect(self, image: Image) -> Sequence[TextLine]:
        lines = super().detect(image)
        image[0] = 0
        return lines


class Meeting:
    """Where the two threads of a check wait for each other; the main thread goes on alone."""

    def __init__(self) -> None:
        self._both = Barrier(2)

    def wait(self) -> None:
        if current_thread() is not main_thread():
            self._both.wait(timeout=60)


class SharesPage(GoodDetector):
    meeting = Meeting()

    def detect(self, image: Image) -> Sequence[TextLine]:
        self.image = image
        self.meeting.wait()
        return super().detect(self.image)


@pytest.mark.parametrize(
    ("broken", "check", "complaint"),
    [
        (OutsidePage, "valid lines", "leaves the page"),
        (WrongType, "valid lines", "ndarray, not a sequence"),
        (NotANumber, "valid lines", "score nan"),
        (Raising, "valid lines", "failed: RuntimeError: no weights"),
        (SeesThings, "blank page", "1 lines found on a white page"),
        (NeedsColour, "grey page", "not a colour image"),
        (NeedsSpace, "tiny and odd sizes", "failed: ValueError"),
        (Tiring, "repeatability", "the second time"),
        (PageWriter, "page not written to", "was written to"),
        (SharesPage, "threads", ""),
    ],
)
def test_broken_detectors_fail(broken: type[GoodDetector], check: str, complaint: str) -> None:
    expected = re.escape(f"{broken.__name__} fails the check '{check}': ") + ".*" + complaint
    with pytest.raises(AssertionError, match=expected):
        check_detector(broken())


class OffCrop(GoodRecognizer):
    def read(self, crop: Image) -> Recognition:
        return Recognition("a", (CharSpan("a", 1.0, 0, crop.shape[1] + 5),))


class DropsBlanks(GoodRecognizer):
    def recognize(self, crops: Sequence[Image]) -> Sequence[Recognition]:
        return [reading for reading in super().recognize(crops) if len(reading.text) != 1]


class NeedsCrops(GoodRecognizer):
    def recognize(self, crops: Sequence[Image]) -> Sequence[Recognition]:
        widest = max(crop.shape[1] for crop in crops)
        return [self.read(crop) for crop in crops if crop.shape[1] <= widest]


class ColourOnly(GoodRecognizer):
    def read(self, crop: Image) -> Recognition:
        return super().read(crop[..., 0]) if crop.ndim == 3 else Recognition("", ())


class DividesByHeight(GoodRecognizer):
    def read(self, crop: Image) -> Recognition:
        return super().read(np.repeat(crop, max(1, 32 // (crop.shape[0] // 2)), axis=0))


class Tired(GoodRecognizer):
    calls = 0

    def read(self, crop: Image) -> Recognition:
        self.calls += 1
        reading = super().read(crop)
        chars = tuple(CharSpan(c.text, c.confidence / self.calls, c.start, c.end) for c in reading.chars)
        return Recognition(reading.text, chars)


class PadsCrops(GoodRecognizer):
    """Confidence falls with the padding, as with a batch that is not masked."""

    def recognize(self, crops: Sequence[Image]) -> Sequence[Recognition]:
        widest = max((crop.shape[1] for crop in crops), default=1)
        return [
            Recognition(
                reading.text,
                tuple(
                    CharSpan(c.text, c.confidence * crop.shape[1] / widest, c.start, c.end)
                    for c in reading.chars
                ),
            )
            for crop, reading in zip(crops, super().recognize(crops), strict=True)
        ]


class SortsCrops(GoodRecognizer):
    def recognize(self, crops: Sequence[Image]) -> Sequence[Recognition]:
        return [self.read(crop) for crop in sorted(crops, key=lambda crop: crop.shape[1])]


class CropWriter(GoodRecognizer):
    def read(self, crop: Image) -> Recognition:
        reading = super().read(crop)
        crop[0] = 0
        return reading


class SharesCrops(GoodRecognizer):
    meeting = Meeting()

    def recognize(self, crops: Sequence[Image]) -> Sequence[Recognition]:
        self.crops = crops
        self.meeting.wait()
        return super().recognize(self.crops)


@pytest.mark.parametrize(
    ("broken", "check", "complaint"),
    [
        (OffCrop, "valid text", "not within"),
        (DropsBlanks, "valid text", "gave 3 results for 4 crops"),
        (NeedsCrops, "no crops", "failed: ValueError"),
        (ColourOnly, "grey crops", "H×W grey reads ''"),
        (DividesByHeight, "tiny and odd sizes", "ZeroDivisionError"),
        (Tired, "repeatability", "the second time"),
        (PadsCrops, "batch invariance", "alone, .* in a batch"),
        (CropWriter, "crops not written to", "was written to"),
        (SharesCrops, "threads", ""),
    ],
)
def test_broken_recognizers_fail(broken: type[GoodRecognizer], check: str, complaint: str) -> None:
    expected = re.escape(f"{broken.__name__} fails the check '{check}': ") + ".*" + complaint
    with pytest.raises(AssertionError, match=expected):
        check_recognizer(broken())


def test_answers_out_of_order_fail() -> None:
    """Sorting by width mixes up answers; spans then leave their crops or the batch reads otherwise."""
    with pytest.raises(AssertionError, match="SortsCrops fails the check"):
        check_recognizer(SortsCrops())
