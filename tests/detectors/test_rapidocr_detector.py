from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ocrpipe import plugins
from ocrpipe.engines.rapidocr.detector import DBOptions, RapidOCRDetector
from ocrpipe.errors import ConfigError, MissingExtraError
from ocrpipe.geometry import quad_angle, rectify
from ocrpipe.testing import check_detector

Pixels = NDArray[np.uint8]
SMALL = DBOptions(min_side=320)  # the pages here are small, and their print is large enough

pytest.importorskip("rapidocr", reason="needs the extra ocrpipe[rapidocr]")


@pytest.fixture(scope="module")
def detector() -> RapidOCRDetector:
    return RapidOCRDetector(threads=1, options=SMALL)


def page(*words: str, ink: tuple[int, int, int] = (20, 20, 90)) -> Pixels:
    image = np.full((40 + 50 * len(words), 400, 3), (250, 245, 230), np.uint8)
    for i, text in enumerate(words):
        cv2.putText(image, text, (40, 50 + 50 * i), cv2.FONT_HERSHEY_SIMPLEX, 1, ink, 2, cv2.LINE_AA)
    return image


def test_it_keeps_the_contract(detector: RapidOCRDetector) -> None:
    check_detector(detector)


def test_boxes_are_where_the_ink_is(detector: RapidOCRDetector) -> None:
    image = page("Total 12.50", "Date", "Invoice no. 365")
    lines = plugins.detect(detector, image, "rapidocr")
    found = sorted(lines, key=lambda line: line.quad[0][1])
    assert len(found) == 3
    for i, line in enumerate(found):
        ys, xs = np.nonzero(image.max(axis=2)[20 + 50 * i : 65 + 50 * i] < 150)
        box = np.array([xs.min(), ys.min() + 20 + 50 * i, xs.max() + 1, ys.max() + 21 + 50 * i])
        quad = np.array(line.quad)
        around = np.concatenate([quad.min(axis=0), quad.max(axis=0)])
        assert np.abs(around - box).max() < 10
        assert 0.5 < line.score <= 1


def test_tilted_lines_get_tilted_quads(detector: RapidOCRDetector) -> None:
    image = page("a line of text", "and another")
    turn = cv2.getRotationMatrix2D((200, 70), -8, 1)  # clockwise on the screen
    tilted = cv2.warpAffine(image, turn, (400, 140), borderValue=(250, 245, 230))
    angles = [quad_angle(line.quad) for line in detector.detect(np.asarray(tilted, np.uint8))]
    assert angles == pytest.approx([8.0, 8.0], abs=2.0)


def test_a_column_is_taken_for_a_line_that_runs_downward(detector: RapidOCRDetector) -> None:
    image = np.asarray(cv2.rotate(page("downward text"), cv2.ROTATE_90_CLOCKWISE), np.uint8)
    (line,) = detector.detect(image)
    assert quad_angle(line.quad) == pytest.approx(90.0, abs=2.0)
    height, width = rectify(image, line.quad).shape[:2]
    assert width > 5 * height


def test_scores_are_those_of_their_own_lines(
    detector: RapidOCRDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RapidOCR sorts the boxes only."""

    def lower_is_better(probabilities: NDArray[np.float32], box: NDArray[np.float32]) -> float:
        return float(0.5 + 0.5 * box[:, 1].mean() / len(probabilities))

    monkeypatch.setattr(detector._stage.postprocess_op, "box_score_fast", lower_is_better)
    image = page("Total 12.50", "Date", "Invoice no. 365")
    for line in detector.detect(image):
        middle = np.mean([y for _, y in line.quad])
        assert line.score == pytest.approx(0.5 + 0.5 * middle / len(image), abs=0.02)


def test_colours_arrive_as_the_network_learnt_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """RapidOCR takes BGR."""
    seen: list[Pixels] = []

    class Stage:
        def get_preprocess(self) -> Callable[[Pixels], Pixels]:
            return lambda image: seen.append(image) or image  # type: ignore[func-returns-value]

        def session(self, prepared: Pixels) -> Pixels:
            return prepared

        def postprocess_op(
            self, prepared: Pixels, shape: tuple[int, int]
        ) -> tuple[list[Pixels], list[float]]:
            assert shape == (320, 320)
            return [], []

    monkeypatch.setattr("ocrpipe.engines.rapidocr.detector.load_stage", lambda *_: Stage())
    red = np.full((64, 64, 3), (200, 0, 10), np.uint8)
    red[0, 0] = 0
    assert RapidOCRDetector(options=SMALL).detect(red) == ()
    assert seen[0].shape == (320, 320, 3)
    assert seen[0][160, 160].tolist() == [10, 0, 200]


def test_pages_of_one_colour_have_no_lines() -> None:
    detector = plugins.load_detector("rapidocr", threads=1)
    assert plugins.detect(detector, np.full((60, 80, 3), 240, np.uint8), "rapidocr") == ()


def test_threads_reach_the_engine(detector: RapidOCRDetector) -> None:
    def options(one: RapidOCRDetector) -> int:
        return int(one._stage.session.session.get_session_options().intra_op_num_threads)

    assert options(detector) == 1
    assert options(RapidOCRDetector(options=SMALL)) == 0  # left to ONNX Runtime


def test_it_says_nothing_and_leaves_the_log_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("RapidOCR")
    logger.setLevel(logging.INFO)
    RapidOCRDetector(threads=1, options=SMALL).detect(page("text"))
    assert logger.level == logging.INFO
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("package", ["rapidocr", "onnxruntime"])
def test_what_to_install_is_said(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*pip install 'ocrpipe\[rapidocr\]'"):
        plugins.load_detector("rapidocr")


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.0}, {"box_threshold": -0.1}, {"unclip": 0}, {"min_side": 8}, {"max_side": 700}]
)
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="invalid detector options"):
        DBOptions(**wrong)  # type: ignore[arg-type]
