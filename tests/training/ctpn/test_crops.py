from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocrpipe.detectors.ctpn import CTPNConfig
from ocrpipe.training.ctpn.crops import CropConfig, PageSource, augment, crop_loader, random_crop
from ocrpipe.training.loader import DataLoader
from tests.training.ctpn.drawn import make_pages

HEIGHTS = CTPNConfig().heights


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Processes import the tests' pages by their module's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[3])
        yield


def test_crops_move_their_lines_along() -> None:
    rng = np.random.default_rng(0)
    dots = np.array([[60, 80], [330, 120], [200, 300], [70, 340]])
    for _ in range(20):
        image = np.full((400, 400), 255, np.uint8)
        for x, y in dots:
            cv2.circle(image, (int(x), int(y)), 9, 0, -1)
        quads = np.stack(
            [dots + 0.5 - [12, 12], dots + 0.5 + [12, -12], dots + 0.5 + 12, dots + 0.5 - [12, -12]], 1
        )
        crop, moved = random_crop(image, quads, np.ones(4, bool), 256, rng)
        assert crop.shape == (256, 256)
        for quad in moved:
            if (quad > 15).all() and (quad < 241).all():
                low, high = np.floor(quad.min(0)).astype(int), np.ceil(quad.max(0)).astype(int)
                y, x = np.nonzero(crop[low[1] : high[1], low[0] : high[0]] < 64)
                ink = np.array([x.mean(), y.mean()]) + low + 0.5
                assert ink == pytest.approx(quad.mean(0), abs=0.8)


def test_augmentation_keeps_shape_and_type() -> None:
    rng = np.random.default_rng(0)
    for shape in ((64, 96), (64, 96, 3)):
        for _ in range(30):
            image = rng.integers(0, 255, shape, np.uint8)
            out = augment(image.copy(), rng)
            assert out.shape == shape
            assert out.dtype == np.uint8


@pytest.mark.parametrize(("workers", "channels"), [(0, 1), (0, 3), (1, 1)])
def test_batches_come_as_the_network_takes_them(workers: int, channels: int) -> None:
    config = CropConfig(64, channels, (8, 16), HEIGHTS, pages=2, crops_per_page=3)
    with crop_loader(make_pages, config, 4, workers=workers) as loader:
        batch = loader.batch(np.random.default_rng(0))
    assert len(batch) == 4
    for crop in batch:
        assert crop.image.shape == (channels, 64, 64)
        assert crop.targets.labels.shape == (8, 4, 10)
    assert any((crop.targets.labels == 1).any() for crop in batch)


def test_batches_larger_than_the_lead_come_too() -> None:
    config = CropConfig(32, 1, (8, 16), HEIGHTS, pages=1, crops_per_page=50)
    with crop_loader(make_pages, config, 80) as loader:
        first = loader.batch(np.random.default_rng(0))
        second = loader.batch(np.random.default_rng(0))
    assert len(first) == len(second) == 80
    assert isinstance(loader, DataLoader) and loader.used == 160


def test_a_process_that_fails_says_why() -> None:
    make: partial[PageSource] = partial(int, "no number")  # type: ignore[arg-type]
    with (
        crop_loader(make, CropConfig(64, 1, (8, 16), HEIGHTS), 2) as loader,
        pytest.raises(RuntimeError, match="no number"),
    ):
        loader.batch(np.random.default_rng(0))
