from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn import CTPN, CTPNConfig, CTPNDetector, DetectorOptions, LineOptions
from ocrpipe.detectors.ctpn.scale import estimate_text_height
from ocrpipe.detectors.ctpn.torch_network import TorchNetwork
from ocrpipe.errors import ConfigError, PluginError, WeightsError
from ocrpipe.pretrained.loader import Card, save
from ocrpipe.testing import check_detector

TINY = CTPNConfig(widths=(4, 4, 8, 8, 8), hidden=4, features=8)
EAGER = DetectorOptions(max_pixels=400_000, lines=LineOptions(min_score=0.3, min_line_score=0.3))


def eager(config: CTPNConfig = TINY) -> CTPNDetector:
    """Random weights, and a bias that sees text almost everywhere."""
    torch.manual_seed(0)
    model = CTPN(config)
    torch.nn.init.normal_(model.score.weight)
    torch.nn.init.constant_(model.score.bias, 0.0)
    return CTPNDetector.from_model(model, options=EAGER)


def text_page(scale: float, tilt: float = 0.0, ink: int = 0, paper: int = 255) -> NDArray[np.uint8]:
    """Lines whose letters are about 22·scale px high."""
    width, height = round(800 * scale), round(1000 * scale)
    image = np.full((height, width, 3), paper, np.uint8)
    for row in range(12):
        place = (round(60 * scale), round((80 + 70 * row) * scale))
        text = "Handling of 3 quartz lamps, type B"
        cv2.putText(
            image,
            text,
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (ink,) * 3,
            max(1, round(2 * scale)),
            cv2.LINE_AA,
        )
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderValue=(paper,) * 3), np.uint8)


def test_it_keeps_a_detectors_contract() -> None:
    check_detector(eager())
    check_detector(eager(CTPNConfig(channels=3, widths=(4, 4, 8, 8, 8), hidden=4, features=8)))


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 40), (20, 8000), (8000, 20), (33, 31), (3000, 2500)], ids=lambda s: f"{s[0]}x{s[1]}"
)
def test_any_shape_gives_lines_inside_the_image(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    for line in eager().detect(image):
        quad = np.array(line.quad)
        assert (quad >= 0).all() and (quad <= (shape[1], shape[0])).all()
        assert 0 <= line.score <= 1


@pytest.mark.parametrize("value", [0, 255])
def test_a_page_of_one_shade_has_no_text(value: int) -> None:
    assert len(eager().detect(np.full((300, 200, 3), value, np.uint8))) == 0


def test_the_image_is_not_written_to_and_threads_agree() -> None:
    image = text_page(0.8)
    image.setflags(write=False)
    detector = eager()
    alone = detector.detect(image)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(detector.detect, [image] * 4)) == [alone] * 4
    assert alone


@pytest.mark.parametrize("scale", [0.4, 0.5, 1.0, 2.0, 4.0])
def test_the_height_of_text_is_found_at_any_resolution(scale: float) -> None:
    for tilt in (0.0, 8.0):
        for ink, paper in ((0, 255), (255, 0), (90, 190)):
            grey = text_page(scale, tilt, ink, paper)[:, :, 0]
            assert estimate_text_height(grey) == pytest.approx(29 * scale, rel=0.25), (tilt, ink)


def test_pages_without_letters_have_no_text_height() -> None:
    assert estimate_text_height(np.full((100, 100), 255, np.uint8)) is None


def test_the_working_scale_is_bounded() -> None:
    detector = CTPNDetector.from_model(CTPN(TINY))
    page = np.asarray(text_page(1.0)[:, :, 0])
    assert detector.working_scale(page) == pytest.approx(20 / 29, rel=0.25)
    large = np.full((6000, 5000), 255, np.uint8)
    assert detector.working_scale(large) ** 2 * large.size <= 3_000_001
    assert detector.working_scale(np.zeros((3, 3), np.uint8)) <= 3


def test_weights_are_loaded_with_their_shape(tmp_path: Path) -> None:
    model = CTPN(TINY).eval()
    path = save(model.state_dict(), Card("tiny", "", TINY.to_dict()), tmp_path)
    assert CTPNDetector(path).config == TINY


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    state = CTPN(TINY).state_dict()
    for name, described in (("wide", CTPNConfig(hidden=32).to_dict()), ("other", {"classes": 7})):
        path = save(state, Card(name, "", described), tmp_path)
        with pytest.raises(WeightsError, match=name):
            CTPNDetector(path)


def test_a_network_in_training_is_left_as_it_was() -> None:
    model = CTPN(TINY).train()
    CTPNDetector.from_model(model)
    assert model.training
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_senseless_options_are_refused() -> None:
    with pytest.raises(ConfigError):
        DetectorOptions(text_height=0)


def test_numbers_that_are_not_finite_are_an_error_that_names_the_engine() -> None:
    detector = eager()
    network = detector._network
    assert isinstance(network, TorchNetwork)
    torch.nn.init.constant_(network._model.score.bias, float("nan"))
    with pytest.raises(PluginError, match="'ctpn'.*not finite"):
        detector.detect(text_page(0.5))


@pytest.mark.parametrize("width", [1, 20, 32, 40, 63, 64, 65])
def test_narrow_pages_are_padded(width: int) -> None:
    padded, _ = eager()._pad(np.zeros((50, width), np.uint8))
    assert padded.shape == (64, 96 if width > 64 else 64)


def test_pictures_do_not_hide_the_text() -> None:
    page = np.full((1600, 1200), 255, np.uint8)
    for i in range(20):
        x, y = 60 + i % 4 * 280, 60 + i // 4 * 300
        cv2.ellipse(page, (x + 100, y + 110), (100, 110), 0, 0, 360, 80, -1)
        cv2.putText(page, f"Person {i}", (x + 20, y + 255), cv2.FONT_HERSHEY_DUPLEX, 0.6, 0, 1, cv2.LINE_AA)
    coarse, close = eager().working_scales(page)
    assert close > 3.5 * coarse
    assert eager().working_scales(np.full((100, 100), 255, np.uint8))[1] == 0.0
