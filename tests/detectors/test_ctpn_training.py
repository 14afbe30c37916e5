from __future__ import annotations

import itertools
import json
import os
import signal
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn import CTPN, CTPNConfig, CTPNDetector, DetectorOptions
from ocrpipe.environment import has_bf16
from ocrpipe.errors import ConfigError, OcrError, WeightsError
from ocrpipe.evaluation.box_metrics import BoxCounts, axis_aligned_boxes, count_boxes
from ocrpipe.page import Quad
from ocrpipe.training.ctpn.loss import Batch
from ocrpipe.training.ctpn.samples import CropConfig, Feeder, PageSource, augment, random_crop
from ocrpipe.training.ctpn.training import TrainConfig, Trainer, train

TINY = CTPNConfig(widths=(4, 4, 8, 8, 8), hidden=4, features=8)


@dataclass
class Page:
    image: NDArray[np.uint8]
    quads: list[Quad]
    ignored: list[Quad] = field(default_factory=list)


def page(rng: np.random.Generator) -> Page:
    """Lines of words in a plain font on plain paper."""
    image = np.full((rng.integers(400, 700), rng.integers(400, 700), 3), rng.integers(200, 256), np.uint8)
    quads: list[Quad] = []
    y = 20
    while True:
        scale = rng.uniform(0.4, 0.9)
        text = " ".join("".join(rng.choice(list("abdefghkpqy25"), 5)) for _ in range(rng.integers(1, 6)))
        (width, up), down = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        x, bottom = int(rng.integers(5, 60)), y + up + down
        if bottom > image.shape[0] - 5:
            return Page(image, quads)
        if x + width < image.shape[1] - 5:
            cv2.putText(
                image, text, (x, y + up), cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 20), 1, cv2.LINE_AA
            )
            quads.append(((x, y), (x + width, y), (x + width, bottom), (x, bottom)))
            y += round((up + down) * rng.uniform(1.2, 2))


def make_source() -> PageSource:
    return page


def config(folder: Path, **settings: object) -> TrainConfig:
    plain = TrainConfig(
        model=TINY,
        folder=folder,
        minutes=60,
        max_steps=4,
        batch=2,
        crop=96,
        workers=0,
        bf16=False,
        pages=2,
        crops_per_page=4,
        log_steps=2,
    )
    return replace(plain, **settings)  # type: ignore[arg-type]


def quiet(_: str) -> None:
    pass


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
def test_examples_come_as_the_network_takes_them(workers: int, channels: int) -> None:
    crops = CropConfig(64, channels, (8, 16), TINY.heights, pages=2, crops_per_page=3)
    # A worker cannot import from a test; of what it can, this gives one page again and again.
    drawn = page(np.random.default_rng(0))
    same = SimpleNamespace(page=SimpleNamespace(image=drawn.image, quads=drawn.quads, ignored=[]))
    with Feeder(partial(partial, getattr, same, "page"), crops, workers=workers, seed=0) as stream:
        for _ in range(4):
            image, targets = next(stream)
            assert image.shape == (channels, 64, 64)
            assert targets.labels.shape == (8, 4, 10)


def test_a_worker_that_fails_says_why() -> None:
    crops = CropConfig(64, 1, (8, 16), TINY.heights)
    with (
        Feeder(partial(int, "no number"), crops, workers=1, seed=0) as stream,  # type: ignore[arg-type]
        pytest.raises(OcrError, match="no number"),
    ):
        next(stream)


def test_training_writes_log_and_checkpoint_and_goes_on_from_it(tmp_path: Path) -> None:
    train(config(tmp_path), make_source, report=quiet, evaluate=lambda _: {"f": 0.5})
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry.get("event") for entry in entries] == ["start", None, None, "evaluation"]
    assert [entry["step"] for entry in entries] == [0, 2, 4, 4]
    assert entries[1]["total"] > 0
    assert entries[3]["f"] == 0.5
    train(config(tmp_path, max_steps=6), make_source, report=quiet)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert (entries[4]["event"], entries[4]["step"], entries[-1]["step"]) == ("resume", 4, 6)
    assert not list(tmp_path.glob("*.partial"))


def test_a_checkpoint_holds_the_whole_state(tmp_path: Path) -> None:
    settings = config(tmp_path)
    train(settings, make_source, report=quiet)
    first, second = Trainer(settings), Trainer(settings)
    assert first.resume() and second.resume()
    assert first.step == 4
    crops = CropConfig(96, 1, (8, 16), TINY.heights, pages=1)
    with Feeder(make_source, crops, workers=0, seed=3) as stream:
        image, targets = next(stream)
    batch = Batch.of([targets] * 2)
    images = torch.from_numpy(np.stack([image] * 2))
    for trainer in (first, second):
        torch.manual_seed(0)
        trainer.update(images, batch)
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    train(config(tmp_path), make_source, report=quiet)
    with pytest.raises(WeightsError, match="another shape"):
        Trainer(config(tmp_path, model=replace(TINY, hidden=5))).resume()


def test_minutes_are_of_the_clock_that_is_given(tmp_path: Path) -> None:
    times = itertools.count(step=1200.0)
    train(config(tmp_path, max_steps=None), make_source, report=quiet, clock=lambda: next(times))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 3


def test_an_interrupted_training_keeps_its_state(tmp_path: Path) -> None:
    def stop(text: str) -> None:
        if text.startswith("step 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(tmp_path), make_source, report=stop)
    trainer = Trainer(config(tmp_path))
    assert trainer.resume()
    assert trainer.step == 2


def test_a_training_told_to_terminate_ends_with_a_checkpoint(tmp_path: Path) -> None:
    def tell(entry: str) -> None:
        if entry.startswith("step 2 "):
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    train(config(tmp_path), make_source, report=tell)
    trainer = Trainer(config(tmp_path))
    assert trainer.resume() and trainer.step == 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_learning_rate_rises_then_falls(tmp_path: Path) -> None:
    trainer = Trainer(config(tmp_path, max_steps=1000, warmup=100))
    rates = []
    for step in (0, 50, 100, 500, 999):
        trainer.step = step
        rates.append(trainer.learning_rate / trainer.config.learning_rate)
    assert rates == pytest.approx([0.01, 0.506, 0.976, 0.505, 0.01], abs=0.002)


@pytest.mark.parametrize("settings", [{"crop": 100}, {"minutes": 0.0}, {"batch": 0}])
def test_senseless_settings_are_refused(tmp_path: Path, settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        config(tmp_path, **settings)


@pytest.mark.slow
def test_twenty_pages_are_learned_by_heart(tmp_path: Path) -> None:
    """With the shipped shape."""
    pages = [page(np.random.default_rng(seed)) for seed in range(20)]

    def source(rng: np.random.Generator) -> Page:
        return pages[rng.integers(len(pages))]

    def measure(model: CTPN) -> BoxCounts:
        detector = CTPNDetector.from_model(model, options=DetectorOptions(24, margin=(0.02, 0.06)))
        counts = BoxCounts()
        for one in pages:
            found = [line.quad for line in detector.detect(one.image)]
            counts += count_boxes(axis_aligned_boxes(one.quads, 0.0), axis_aligned_boxes(found, 0.0))
        return counts

    settings = config(
        tmp_path,
        model=CTPNConfig(),
        max_steps=400,
        warmup=30,
        batch=8,
        crop=320,
        bf16=has_bf16(),
        pages=20,
        crops_per_page=40,
        average=0.98,
    )
    counts = measure(train(settings, lambda: source, report=quiet))
    assert counts.f > 0.99
    assert counts.f50 > 0.99
