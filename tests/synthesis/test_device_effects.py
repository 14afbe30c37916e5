from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from ocrpipe.recognizers.crnn.preprocess import prepare
from ocrpipe.synthesis.device_effects import PRINT, SCAN, Effect, degrade, filtered, invert, jpeg
from ocrpipe.synthesis.device_sampling import extend_edges, scaled, stack, warp

EFFECTS = [*(effect for effect, _ in (*PRINT, *SCAN)), invert]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch() -> Tensor:
    """Four lines of text-like strokes on white, H 32, W 96."""
    images = np.full((4, 32, 96), 255, np.uint8)
    for number, image in enumerate(images):
        cv2.putText(image, f"Line {number}", (4, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0, 2, cv2.LINE_AA)
    return torch.from_numpy(images)[:, None].float() / 255


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
def test_shape_range_and_seed(effect: Effect, batch: Tensor) -> None:
    results = [effect(batch, torch.ones(4), generator(seed)) for seed in (1, 1, 2)]
    assert results[0].shape == batch.shape and results[0].dtype == torch.float32
    assert results[0].min() >= -1e-6 and results[0].max() <= 1 + 1e-6
    assert torch.equal(results[0], results[1])
    assert effect is invert or not torch.equal(results[0], results[2])
    assert not torch.equal(results[0], batch)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
def test_strength_0_changes_nothing(effect: Effect, batch: Tensor) -> None:
    strength = torch.tensor([0.0, 1.0, 0.0, 1.0])
    result = effect(batch, strength, generator())
    assert torch.allclose(result[::2], batch[::2], atol=2e-5)


def test_degrade_is_the_identity_at_strength_0_and_differs_by_line(batch: Tensor) -> None:
    before = batch.clone()
    strength = torch.tensor([0.0, 2.0, 0.0, 2.0])
    result = degrade(batch, strength, generator(), generator(1))
    assert torch.equal(batch, before)
    assert torch.equal(result[::2], batch[::2]) and not torch.equal(result[1::2], batch[1::2])
    again = degrade(batch, strength, generator(), generator(1))
    assert torch.equal(result, again)


def test_an_effect_is_selected_as_often_as_stated() -> None:
    blank = torch.ones((2000, 1, 8, 8))
    result = degrade(blank, torch.full((2000,), 0.5), generator(), generator(), [(invert, 0.6)])
    assert float((result == 0).float().mean()) == pytest.approx(0.3, abs=0.03)


def test_blur_with_different_kernels_keeps_the_mean() -> None:
    x = torch.zeros((2, 1, 31, 31))
    x[:, :, 15, 15] = 1
    result = filtered(x, torch.tensor([0.0, 1.0]), torch.tensor([0.0, 2.0]))
    assert torch.allclose(result[0], x[0], atol=1e-6)
    assert result[1].sum() == pytest.approx(1, abs=1e-4)
    across, down = (result[1, 0].sum(axis) for axis in (0, 1))
    places = torch.arange(31) - 15
    assert float((across * places**2).sum()) == pytest.approx(1, rel=0.02)
    assert float((down * places**2).sum()) == pytest.approx(4, rel=0.05)


def test_jpeg_is_close_to_the_real_one(batch: Tensor) -> None:
    image = (batch[0, 0] * 255).round().byte().numpy()
    quality = torch.rand(4, generator=generator(5)) * 75 + 15
    result = jpeg((batch * 255).round() / 255, torch.ones(4), generator(5))
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, round(float(quality[0]))])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
    expected = np.asarray(decoded, np.float32)
    difference = np.abs(result[0, 0].numpy() * 255 - expected)
    assert difference.mean() < 1.5


def test_stack_and_extend_edges_repeat_the_last_pixels() -> None:
    lines = [np.full((5, 7), 10, np.uint8), np.arange(8 * 20, dtype=np.uint8).reshape(8, 20)]
    images, sizes = stack(lines)
    assert images.shape == (2, 1, 8, 24) and sizes.tolist() == [[5, 7], [8, 20]]
    x = extend_edges(images, sizes) * 255
    assert torch.allclose(x[0], torch.tensor(10.0))
    assert torch.allclose(x[1, 0, :, :20], torch.from_numpy(lines[1]).float())
    assert torch.allclose(x[1, 0, :, 20:], torch.from_numpy(lines[1][:, -1:]).float().expand(8, 4))


@pytest.mark.parametrize("shape", [(20, 150), (32, 200), (48, 260), (64, 500)])
def test_scaled_is_close_to_prepare(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    image = np.full(shape, 210, np.uint8)
    scale = shape[0] / 32
    cv2.putText(
        image, "Amount 12", (4, shape[0] - 8), cv2.FONT_HERSHEY_SIMPLEX, scale * 0.7, 40, 2, cv2.LINE_AA
    )
    image = np.clip(image + rng.normal(0, 2, shape), 0, 255).astype(np.uint8)
    for crop in (image, 255 - image):
        expected = prepare(crop)
        images, sizes = stack([crop])
        own = torch.tensor([max(4, round(shape[1] * 32 / shape[0]))])
        x = scaled(extend_edges(images, sizes), sizes, own, 32, expected.shape[1])
        difference = (x[0, 0] * 255 - torch.from_numpy(expected).float()).abs()
        assert float(difference.mean()) < 4


def test_warp_moves_the_centres_with_the_characters() -> None:
    x = torch.ones((8, 1, 32, 256))
    places = torch.tensor([40.0, 100.0, 200.0])
    for place in places.long().tolist():
        x[:, :, 14:18, place] = 0
    sizes = torch.tensor([[32, 256]]).expand(8, 2)
    warped, centers = warp(x, sizes, places.expand(8, 3), torch.ones(8), generator())
    for line, at in zip(warped[:, 0, 14:18].mean(1), centers, strict=True):
        for expected in at.tolist():
            near = slice(max(0, round(expected) - 12), round(expected) + 13)
            weights = 1 - line[near]
            found = float(
                (weights * torch.arange(near.start, near.start + len(weights))).sum() / weights.sum()
            )
            assert found == pytest.approx(expected, abs=1.5)
    still, same = warp(x, sizes, places.expand(8, 3), torch.zeros(8), generator())
    assert torch.equal(still, x) and torch.allclose(same, places.expand(8, 3), atol=1e-4)
