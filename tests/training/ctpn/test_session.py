from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ocrpipe.detectors.ctpn import CTPN, CTPNConfig, CTPNDetector, DetectorOptions
from ocrpipe.environment import has_bf16
from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.evaluation.box_metrics import BoxCounts, axis_aligned_boxes, count_boxes
from ocrpipe.pretrained.loader import Card, save
from ocrpipe.training.checkpoint import CHECKPOINT, load_checkpoint
from ocrpipe.training.ctpn.config import CTPNTrainConfig
from ocrpipe.training.ctpn.crops import CropConfig, TrainingCrop, crop_loader
from ocrpipe.training.ctpn.objective import ctpn_task, new_network, starting_network
from ocrpipe.training.ctpn.session import train
from ocrpipe.training.loop import Trainer
from tests.training.ctpn.drawn import Page, make_pages, page
from tests.training.small import advance

TINY = CTPNConfig(widths=(4, 4, 8, 8, 8), hidden=4, features=8)


def config(run: Path, **settings: Any) -> CTPNTrainConfig:
    plain = CTPNTrainConfig(
        run=run,
        minutes=60,
        max_steps=4,
        batch_size=2,
        crop_size=96,
        prefetch=4,
        bf16=False,
        pages=2,
        crops_per_page=4,
        log_minutes=0,
    )
    return replace(plain, **settings)


def trainer_of(run: Path, network: CTPN | None = None, **settings: Any) -> Trainer[CTPN, TrainingCrop]:
    return Trainer(ctpn_task(network or new_network(TINY)), config(run, **settings))


def crops(count: int = 2) -> list[TrainingCrop]:
    shape = CropConfig(96, 1, TINY.stride, TINY.heights, pages=1)
    with crop_loader(make_pages, shape, count, workers=0, seed=[3]) as loader:
        return loader.batch(np.random.default_rng(0))


def test_a_session_logs_saves_and_resumes(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    options: dict[str, Any] = {"model": TINY, "workers": 0, "log": records.append}
    network = train(make_pages, config(tmp_path), **options)
    assert [record["step"] for record in records] == [1, 2, 3, 4]
    assert records[-1]["examples"] == 8
    parts = records[0]
    assert parts["loss"] == pytest.approx(parts["score"] + parts["vertical"] + 2 * parts["side"], abs=1e-3)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows == records
    saved = load_checkpoint(tmp_path / CHECKPOINT, "ctpn")
    assert CTPNConfig.from_dict(saved.model_config) == TINY and saved.charset == ""
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, saved.weights[name])
    train(make_pages, config(tmp_path, max_steps=6), **options)
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]


def test_a_session_that_is_over_is_only_validated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(make_pages, config(tmp_path), model=TINY, workers=0)
    monkeypatch.setattr("ocrpipe.training.ctpn.session.page_figures", lambda network, folders: {"f": 0.5})
    records: list[dict[str, Any]] = []

    def unused() -> Any:
        raise AssertionError

    train(unused, config(tmp_path), model=TINY, workers=0, validation=[tmp_path], log=records.append)
    assert [(record["step"], record["f"]) for record in records] == [(4, 0.5)]


def test_a_resumed_run_takes_the_same_steps(tmp_path: Path) -> None:
    first = trainer_of(tmp_path)
    advance(first, crops(), 2)
    first.save()
    second = trainer_of(tmp_path, new_network(TINY, seed=9))
    assert second.resume() and second.progress.steps == 2
    assert advance(first, crops(), 2) == advance(second, crops(), 2)
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    trainer_of(tmp_path).save()
    for other in (replace(TINY, hidden=5), replace(TINY, heights=tuple(h + 1 for h in TINY.heights))):
        with pytest.raises(WeightsError, match="of another model"):
            trainer_of(tmp_path, new_network(other)).resume()


def test_weights_to_start_from_have_the_shape_asked_for(tmp_path: Path) -> None:
    weights = new_network(TINY, seed=5).state_dict()
    path = save(weights, Card("start", "", TINY.to_dict()), tmp_path)
    network = starting_network(str(path), TINY)
    assert torch.allclose(network.state_dict()["score.weight"], weights["score.weight"], atol=1e-3)
    assert starting_network(str(path)).config == TINY
    with pytest.raises(WeightsError, match="another shape"):
        starting_network(str(path), CTPNConfig())


def test_minutes_are_of_the_clock_that_is_given(tmp_path: Path) -> None:
    times = itertools.count(step=1200.0)
    train(make_pages, config(tmp_path, max_steps=None), model=TINY, workers=0, clock=lambda: next(times))
    assert load_checkpoint(tmp_path / CHECKPOINT, "ctpn").progress.steps == 3


def test_by_default_the_learning_rate_rises_then_falls_as_a_cosine(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, max_steps=1000, warmup_steps=100)
    rates = []
    for step in (0, 50, 100, 500, 999):
        trainer.progress.steps = step
        rates.append(trainer.learning_rate / trainer.config.learning_rate)
    assert rates == pytest.approx([0.01, 0.506, 0.976, 0.505, 0.01], abs=0.002)


def test_bf16_steps_are_finite(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, bf16=True)
    assert np.isfinite([loss["loss"] for loss in advance(trainer, crops(), 3)]).all()


@pytest.mark.parametrize(
    "settings", [{"crop_size": 100}, {"minutes": 0.0}, {"batch_size": 0}, {"crops_per_page": 0}]
)
def test_invalid_settings_are_refused(tmp_path: Path, settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        config(tmp_path, **settings)


@pytest.mark.slow
def test_twenty_pages_are_learned_by_heart(tmp_path: Path) -> None:
    """With the default shape."""
    pages = [page(np.random.default_rng(seed)) for seed in range(20)]

    def source(rng: np.random.Generator) -> Page:
        return pages[rng.integers(len(pages))]

    def measure(model: CTPN) -> BoxCounts:
        detector = CTPNDetector.from_model(model, options=DetectorOptions(24, margin=(0.02, 0.06)))
        counts = BoxCounts()
        for drawn in pages:
            lines = [line.quad for line in detector.detect(drawn.image)]
            counts += count_boxes(axis_aligned_boxes(drawn.quads, 0.0), axis_aligned_boxes(lines, 0.0))
        return counts

    settings = config(
        tmp_path,
        max_steps=400,
        warmup_steps=30,
        batch_size=8,
        crop_size=320,
        prefetch=64,
        bf16=has_bf16(),
        pages=20,
        crops_per_page=40,
        ema_decay=0.98,
    )
    counts = measure(train(lambda: source, settings, workers=0))
    assert counts.f > 0.99
    assert counts.f50 > 0.99
