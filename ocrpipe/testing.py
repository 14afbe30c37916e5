"""Conformance checks for authors of detectors and recognisers.

They check that a plug-in fulfils the contract of ``Pipeline``, not its accuracy. In any test framework, or
none:

>>> from ocrpipe.testing import check_detector
>>> check_detector(MyDetector())  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.detectors.base import Detector, TextLine
from ocrpipe.errors import PluginError
from ocrpipe.recognizers.base import Recognition, Recognizer

Image = NDArray[np.uint8]
_Plugin = TypeVar("_Plugin")
_In = TypeVar("_In")
_Out = TypeVar("_Out")

_PIXEL_TOLERANCE = 0.5  # of coordinates between two runs
_CONFIDENCE_TOLERANCE = 1e-3  # of scores and confidences between two runs
_ROUNDS = 3


def check_detector(detector: Detector) -> None:
    """Check that a detector fulfils the contract of `Detector`.

    Types, coordinates inside the page, blank, grey, tiny and odd-sized pages, repeatability, two concurrent
    threads, and that the page is not modified.

    Raises:
        AssertionError: A check failed; the message has its name and the reason.
    """
    _run(detector, _DETECTOR_CHECKS)


def check_recognizer(recognizer: Recognizer) -> None:
    """Check that a recogniser fulfils the contract of `Recognizer`.

    Types, one result per crop, spans inside the crop, an empty list of crops, grey, tiny and odd-sized crops,
    independence of a crop's result from the other crops, repeatability, two concurrent threads, and that the
    crops are not modified.

    Raises:
        AssertionError: A check failed; the message has its name and the reason.
    """
    _run(recognizer, _RECOGNIZER_CHECKS)


def _run(plugin: _Plugin, checks: dict[str, Callable[[_Plugin], None]]) -> None:
    for name, check in checks.items():
        try:
            check(plugin)
        except (AssertionError, PluginError) as error:
            raise AssertionError(f"{type(plugin).__name__} fails the check '{name}': {error}") from error


def _require(condition: bool, message: str) -> None:
    if not condition:  # not an assert statement, which python -O removes
        raise AssertionError(message)


def _page(words: Sequence[str], *, width: int = 480, height: int = 320) -> Image:
    """Tinted paper with two columns of blue text."""
    page = np.full((height, width, 3), (250, 245, 230), dtype=np.uint8)
    for i, text in enumerate(words):
        left, base = (24, 40 + 36 * i) if i < 7 else (width // 2 + 24, 40 + 36 * (i - 7))
        cv2.putText(page, text, (left, base), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (20, 20, 90), 2, cv2.LINE_AA)
    return page


def _crop(text: str, *, scale: float = 1.0) -> Image:
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    crop = np.full((height + below + 12, width + 16, 3), (250, 245, 230), dtype=np.uint8)
    cv2.putText(crop, text, (8, height + 6), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 90), 2, cv2.LINE_AA)
    return crop


def _blank(height: int, width: int, value: int = 255) -> Image:
    return np.full((height, width, 3), value, dtype=np.uint8)


def _grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


_PAGE = _page(["Invoice 2024", "Total 12.50", "Date 3 May", "page one", "Name: A. Smith", "x", "end"] * 2)
_OTHER_PAGE = _page(["Another page", "with fewer lines", "7"], width=360, height=260)
_ODD_SIZES = ((1, 1), (1, 40), (40, 1), (3, 5), (9, 2000), (700, 11))


def _lines(detector: Detector, page: Image) -> tuple[TextLine, ...]:
    lines = plugins.detect(detector, page.copy(), type(detector).__name__)
    return tuple(sorted(lines, key=lambda line: line.quad))


def _same_lines(first: Sequence[TextLine], second: Sequence[TextLine]) -> bool:
    return len(first) == len(second) and all(
        np.allclose(a.quad, b.quad, rtol=0, atol=_PIXEL_TOLERANCE)
        and np.allclose(a.crop or a.quad, b.crop or b.quad, rtol=0, atol=_PIXEL_TOLERANCE)
        and abs(a.score - b.score) <= _CONFIDENCE_TOLERANCE
        for a, b in zip(first, second, strict=True)
    )


def _detects_valid_lines(detector: Detector) -> None:
    _lines(detector, _PAGE)


def _detects_nothing_on_blank_pages(detector: Detector) -> None:
    for name, value in (("white", 255), ("black", 0)):
        count = len(_lines(detector, _blank(200, 300, value)))
        _require(count == 0, f"{count} lines found on a {name} page")


def _detects_on_grey_pages(detector: Detector) -> None:
    _lines(detector, np.repeat(_grey(_PAGE)[:, :, None], 3, axis=2))


def _detects_on_odd_sizes(detector: Detector) -> None:
    for height, width in _ODD_SIZES:
        _lines(detector, _blank(height, width))
        _lines(detector, np.resize(_PAGE, (height, width, 3)))


def _detects_repeatably(detector: Detector) -> None:
    first = _lines(detector, _PAGE)
    _lines(detector, _OTHER_PAGE)
    _require(_same_lines(first, _lines(detector, _PAGE)), "the same page gave other lines the second time")


def _detects_without_writing(detector: Detector) -> None:
    page = _PAGE.copy()
    detector.detect(page)
    _require(np.array_equal(page, _PAGE), "the page was written to")


def _detects_in_threads(detector: Detector) -> None:
    alone = [_lines(detector, page) for page in (_PAGE, _OTHER_PAGE)]
    for together in _at_once(lambda page: _lines(detector, page), (_PAGE, _OTHER_PAGE)):
        for expected, actual in zip(alone, together, strict=True):
            _require(
                _same_lines(expected, actual), "two threads at once gave other lines than one after another"
            )


_DETECTOR_CHECKS: dict[str, Callable[[Detector], None]] = {
    "valid lines": _detects_valid_lines,
    "blank page": _detects_nothing_on_blank_pages,
    "grey page": _detects_on_grey_pages,
    "tiny and odd sizes": _detects_on_odd_sizes,
    "repeatability": _detects_repeatably,
    "page not written to": _detects_without_writing,
    "threads": _detects_in_threads,
}

_CROPS = (
    _crop("Total 12.50"),
    _crop("A"),
    _crop("a longer line of text, by far", scale=0.6),
    _crop("No. 7", scale=2.0),
)


def _read(recognizer: Recognizer, crops: Sequence[Image]) -> tuple[Recognition, ...]:
    return plugins.recognize(recognizer, [crop.copy() for crop in crops], type(recognizer).__name__)


def _same_recognition(first: Recognition, second: Recognition) -> bool:
    return [char.text for char in first.chars] == [char.text for char in second.chars] and all(
        abs(a.confidence - b.confidence) <= _CONFIDENCE_TOLERANCE
        and abs(a.start - b.start) <= _PIXEL_TOLERANCE
        and abs(a.end - b.end) <= _PIXEL_TOLERANCE
        for a, b in zip(first.chars, second.chars, strict=True)
    )


def _reads_valid_text(recognizer: Recognizer) -> None:
    _read(recognizer, _CROPS)


def _reads_nothing(recognizer: Recognizer) -> None:
    _read(recognizer, [])


def _reads_grey_crops(recognizer: Recognizer) -> None:
    for crop in map(_grey, _CROPS):
        grey, rgb = _read(recognizer, [crop, np.repeat(crop[:, :, None], 3, axis=2)])
        message = f"H×W grey reads {grey.text!r}, the same as H×W×3 reads {rgb.text!r}"
        _require(grey.text == rgb.text, message)


def _reads_odd_sizes(recognizer: Recognizer) -> None:
    for height, width in _ODD_SIZES:
        _read(recognizer, [_blank(height, width)])
        _read(recognizer, [np.resize(_CROPS[0], (height, width, 3))])


def _reads_repeatably(recognizer: Recognizer) -> None:
    first, second = _read(recognizer, _CROPS), _read(recognizer, _CROPS)
    _require(all(map(_same_recognition, first, second)), "the same crops gave another result the second time")


def _reads_independently_of_the_batch(recognizer: Recognizer) -> None:
    alone = [_read(recognizer, [crop])[0] for crop in _CROPS]
    for name, order in (
        ("in a batch", [0, 1, 2, 3]),
        ("in reverse order", [3, 2, 1, 0]),
        ("in a pair", [1, 2]),
    ):
        for i, together in zip(order, _read(recognizer, [_CROPS[i] for i in order]), strict=True):
            _require(
                _same_recognition(alone[i], together),
                f"a crop reads {alone[i].text!r} ({alone[i].confidence:.4f}) alone, "
                f"{together.text!r} ({together.confidence:.4f}) {name}",
            )


def _reads_without_writing(recognizer: Recognizer) -> None:
    crops = [crop.copy() for crop in _CROPS]
    recognizer.recognize(crops)
    _require(all(map(np.array_equal, crops, _CROPS)), "a crop was written to")


def _reads_in_threads(recognizer: Recognizer) -> None:
    halves = (_CROPS[:2], _CROPS[2:])
    alone = [_read(recognizer, half) for half in halves]
    for together in _at_once(lambda half: _read(recognizer, half), halves):
        for expected, actual in zip(alone, together, strict=True):
            _require(
                all(map(_same_recognition, expected, actual)),
                "two threads at once gave other results than one after another",
            )


_RECOGNIZER_CHECKS: dict[str, Callable[[Recognizer], None]] = {
    "valid text": _reads_valid_text,
    "no crops": _reads_nothing,
    "grey crops": _reads_grey_crops,
    "tiny and odd sizes": _reads_odd_sizes,
    "repeatability": _reads_repeatably,
    "batch invariance": _reads_independently_of_the_batch,
    "crops not written to": _reads_without_writing,
    "threads": _reads_in_threads,
}


def _at_once(call: Callable[[_In], _Out], inputs: tuple[_In, _In]) -> list[list[_Out]]:
    """Results of ``call`` on both inputs in two threads that start together, for some rounds."""
    start = Barrier(2)

    def run(value: _In) -> _Out:
        start.wait(timeout=60)
        return call(value)

    with ThreadPoolExecutor(2) as pool:
        return [list(pool.map(run, inputs)) for _ in range(_ROUNDS)]
