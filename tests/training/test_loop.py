from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ocrpipe.errors import ConfigError, OcrError, WeightsError
from ocrpipe.training.checkpoint import CHECKPOINT, load_checkpoint
from ocrpipe.training.config import TrainConfig
from ocrpipe.training.loop import DivergedError, Trainer
from tests.training.small import IMAGES, Image, Still, advance, config_of, task_of, trainer_of


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (run / "log.jsonl").read_text("utf-8").splitlines()]


def state_of(trainer: Trainer[nn.Module, Image]) -> dict[str, Tensor]:
    moments = {
        f"{group}.{i}.{name}": value
        for group, parameters in enumerate(trainer.optimizer.param_groups)
        for i, parameter in enumerate(parameters["params"])
        for name, value in trainer.optimizer.state[parameter].items()
    }
    assert trainer.ema
    averages = {f"ema.{name}": tensor for name, tensor in trainer.ema.tensors.items()}
    return {**trainer.model.state_dict(), **moments, **averages}


def test_the_loss_falls(tmp_path: Path) -> None:
    losses = advance(trainer_of(tmp_path), IMAGES, 60)
    assert losses[-1]["loss"] < 0.2 * losses[0]["loss"]


def test_bf16_steps_are_finite_and_keep_float32_weights(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, bf16=True)
    losses = advance(trainer, IMAGES, 20)
    assert losses[-1]["loss"] < losses[0]["loss"]
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in trainer.model.parameters())


def test_fit_trains_logs_validates_and_saves(tmp_path: Path) -> None:
    modes: list[bool] = []
    records: list[dict[str, Any]] = []

    def validate(model: nn.Module) -> dict[str, float]:
        modes.append(model.training or torch.is_grad_enabled())
        return {"real": 0.5}

    config = config_of(tmp_path, max_steps=8, log_minutes=0.0, validate_minutes=0.0, checkpoint_minutes=0.0)
    trainer = Trainer(task_of(), config, validate=validate, log=records.append)
    trainer.fit(Still(IMAGES))
    assert trainer.fraction == 1.0 and trainer.model.training
    assert (trainer.progress.steps, trainer.progress.examples) == (8, 8 * len(IMAGES))
    rows = log_of(tmp_path)
    assert rows == records
    losses = [row for row in rows if "squared" in row]
    assert len(losses) == 8 and losses[-1]["rendered"] == len(IMAGES)
    assert ["late" in row for row in losses] == [False] * 4 + [True] * 4
    assert all(row["examples_per_second"] > 0 and 0 <= row["waiting"] <= 1 for row in losses)
    figures = [row for row in rows if "real" in row]
    assert len(figures) == len(modes) == 8 and not any(modes) and figures[-1] == rows[-1]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    assert {"minutes", "step", "examples", "learning_rate"} <= rows[0].keys()
    assert trainer_of(tmp_path).resume()


def test_what_is_validated_and_saved_is_the_average(tmp_path: Path) -> None:
    seen: list[dict[str, Tensor]] = []
    config = config_of(tmp_path, max_steps=5, ema_decay=0.9)
    trainer = Trainer(task_of(), config, validate=lambda model: seen.append(model.state_dict()) or {})  # type: ignore[func-returns-value]
    trainer.fit(Still(IMAGES))
    assert trainer.ema
    weights = load_checkpoint(tmp_path / CHECKPOINT, "crnn").weights
    for name, tensor in trainer.ema.tensors.items():
        assert torch.equal(tensor, seen[-1][name]) and torch.equal(tensor, weights[name])
    live = trainer.model.state_dict()
    assert not torch.equal(live["0.weight"], weights["0.weight"])


def test_without_an_average_the_model_itself_is_validated_and_saved(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, max_steps=2, ema_decay=0.0)
    trainer.fit(Still(IMAGES))
    saved = load_checkpoint(tmp_path / CHECKPOINT, "crnn")
    assert not saved.ema
    for name, tensor in trainer.averaged().state_dict().items():
        assert torch.equal(tensor, saved.weights[name])
        assert torch.equal(tensor, trainer.model.state_dict()[name])


def test_minutes_are_of_the_clock_that_is_given(tmp_path: Path) -> None:
    ticks = itertools.count(step=150.0)
    trainer = Trainer(task_of(), config_of(tmp_path), clock=lambda: next(ticks))
    trainer.fit(Still(IMAGES))
    assert trainer.progress.steps == 4
    assert trainer.progress.seconds == 600


def test_the_run_ends_at_the_first_of_its_limits(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, max_steps=100)
    trainer.progress.steps = 30
    assert trainer.fraction == pytest.approx(0.3)
    trainer.progress.seconds = 0.8 * 600
    assert trainer.fraction == pytest.approx(0.8)
    trainer.progress.steps = 1000
    assert trainer.fraction == 1.0


def test_the_schedule_is_followed(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, learning_rate=1.0, warmup_steps=10, decay=0.5)
    rates = []
    for steps, fraction in ((0, 0.0), (9, 0.0), (500, 0.75), (500, 1.0)):
        trainer.progress.steps, trainer.progress.seconds = steps, fraction * 600
        advance(trainer, IMAGES)
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 1.0, 0.5, 0.01])


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    first = trainer_of(tmp_path)
    advance(first, IMAGES, 4)
    first.save()
    second = trainer_of(tmp_path)
    assert second.resume()
    assert second.progress == first.progress and second.progress.examples == 4 * len(IMAGES)
    assert second.random.numpy.random() == first.random.numpy.random()
    assert advance(first, IMAGES, 3) == advance(second, IMAGES, 3)
    assert state_of(second).keys() == state_of(first).keys()
    for name, tensor in state_of(first).items():
        assert torch.equal(tensor, state_of(second)[name]), name


def test_a_resumed_run_takes_its_settings_from_the_configuration(tmp_path: Path) -> None:
    advance(first := trainer_of(tmp_path, weight_decay=0.1, beta2=0.9), IMAGES)
    first.save()
    second = trainer_of(tmp_path, weight_decay=0.2, beta2=0.8)
    assert second.resume()
    decayed, others = second.optimizer.param_groups
    assert (decayed["weight_decay"], others["weight_decay"], decayed["betas"]) == (0.2, 0.0, (0.9, 0.8))


def test_a_session_has_data_of_its_own_that_is_the_same_every_time(tmp_path: Path) -> None:
    first = trainer_of(tmp_path, seed=7)
    assert first.data_seed == (7, 0)
    advance(first, IMAGES, 2)
    first.save()
    second = trainer_of(tmp_path, seed=7)
    second.resume()
    assert second.data_seed == (7, 2 * len(IMAGES))


def test_without_a_checkpoint_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert not trainer_of(tmp_path).resume()


def test_checkpoints_of_another_model_are_refused(tmp_path: Path) -> None:
    Trainer(task_of(width=5), config_of(tmp_path)).save()
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is of another model: {'width': 5}"):
        trainer_of(tmp_path).resume()


def test_a_run_without_an_average_can_be_resumed_with_one(tmp_path: Path) -> None:
    first = trainer_of(tmp_path, ema_decay=0.0)
    advance(first, IMAGES, 3)
    first.save()
    second = trainer_of(tmp_path)
    assert second.resume() and second.ema
    assert torch.equal(second.ema.tensors["0.weight"], first.model.state_dict()["0.weight"])


class Calling(Still[Image]):
    """Calls something before the batch of a step."""

    def __init__(self, trainer: Trainer[nn.Module, Image], steps: int, call: Any) -> None:
        super().__init__(IMAGES)
        self.trainer, self.steps, self.call = trainer, steps, call

    def batch(self, rng: np.random.Generator) -> Sequence[Image]:
        if self.trainer.progress.steps == self.steps:
            self.call()
        return super().batch(rng)


def test_a_run_that_is_stopped_leaves_a_checkpoint_and_no_figures(tmp_path: Path) -> None:
    measured: list[nn.Module] = []
    finished: list[nn.Module] = []
    trainer = Trainer(
        task_of(),
        config_of(tmp_path),
        validate=lambda model: measured.append(model) or {},  # type: ignore[func-returns-value]
        on_finish=finished.append,
    )
    trainer.fit(Calling(trainer, 2, trainer.stop))
    assert trainer.progress.steps == 3 and not measured and not finished
    again = trainer_of(tmp_path)
    assert again.resume() and again.progress == trainer.progress


def test_sigterm_ends_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    trainer = trainer_of(tmp_path)
    trainer.fit(Calling(trainer, 1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert signal.getsignal(signal.SIGTERM) is before
    again = trainer_of(tmp_path)
    assert again.resume() and again.progress.steps == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OcrError])
def test_an_error_ends_a_run_with_a_checkpoint(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("a renderer stopped")

    trainer = trainer_of(tmp_path)
    with pytest.raises(error, match="a renderer stopped"):
        trainer.fit(Calling(trainer, 2, fail))
    again = trainer_of(tmp_path)
    assert again.resume() and again.progress.steps == 2


def test_an_error_before_the_first_step_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("a renderer stopped")

    trainer = trainer_of(tmp_path)
    with pytest.raises(RuntimeError):
        trainer.fit(Calling(trainer, 0, fail))
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_run_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    trainer.progress.seconds = 600.0
    trainer.save()
    again = trainer_of(tmp_path)
    again.resume()
    again.fit(Still(IMAGES))
    assert again.progress == trainer.progress


def test_what_is_done_at_the_end_is_saved(tmp_path: Path) -> None:
    def zero(model: nn.Module) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()

    config = config_of(tmp_path, max_steps=2, ema_decay=0.0)
    Trainer(task_of(), config, on_finish=zero).fit(Still(IMAGES))
    assert not load_checkpoint(tmp_path / CHECKPOINT, "crnn").weights["0.weight"].any()


def test_a_diverged_run_ends_with_an_error_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, log_minutes=0.0, checkpoint_minutes=0.0)
    bad = [np.full((1, 4, 4), np.inf, np.float32)] * 2

    def spoil() -> None:
        batches.examples = bad

    batches = Calling(trainer, 3, spoil)
    message = r"diverged before step 4: its losses are not finite \(the checkpoint of step 3 is kept"
    with pytest.raises(DivergedError, match=message):
        trainer.fit(batches)
    again = trainer_of(tmp_path)
    assert again.resume() and again.progress.steps == 3
    assert all(p.isfinite().all() for p in again.model.parameters())


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    trainer.save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    with torch.no_grad():
        next(trainer.model.parameters()).fill_(float("nan"))
    with pytest.raises(DivergedError, match="its weights are not finite"):
        trainer.save()
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_gradients_are_clipped(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, grad_clip=1e-3)
    advance(trainer, IMAGES)
    norms = torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None])
    assert norms.norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_weights_decay_but_biases_and_norms_do_not(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, weight_decay=0.1)
    decayed, others = trainer.optimizer.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim == 1 for p in others["params"])
    assert len(decayed["params"]) + len(others["params"]) == len(list(trainer.model.parameters()))


def test_l2_sp_keeps_weights_near_their_start(tmp_path: Path) -> None:
    def moved(strength: float) -> float:
        trainer = trainer_of(tmp_path, l2_sp=strength)
        begin = [p.detach().clone() for p in trainer.model.parameters()]
        advance(trainer, IMAGES, 10)
        after = [p.detach() for p in trainer.model.parameters()]
        return sum(float((b - a).abs().sum()) for a, b in zip(begin, after, strict=True))

    assert moved(50.0) < 0.5 * moved(0.0)


@pytest.mark.parametrize("frozen", [False, True])
def test_batch_norms_keep_their_statistics_where_frozen(tmp_path: Path, frozen: bool) -> None:
    trainer = trainer_of(tmp_path, freeze_batch_norm=frozen, max_steps=2)
    before = trainer.model.state_dict()["1.running_mean"].clone()
    trainer.fit(Still(IMAGES))
    assert torch.equal(before, trainer.model.state_dict()["1.running_mean"]) == frozen


@pytest.mark.parametrize(
    ("device", "message"), [("nonsense", "unknown device 'nonsense'"), ("mps", "runs on cpu or cuda")]
)
def test_devices_that_cannot_be_used_are_named(tmp_path: Path, device: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trainer_of(tmp_path, device=device)


def test_a_missing_gpu_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        trainer_of(tmp_path, device="cuda")


@pytest.mark.parametrize(
    "wrong",
    [
        {"minutes": 0},
        {"learning_rate": -1.0},
        {"threads": 0},
        {"max_steps": 0},
        {"warmup_steps": 0},
        {"decay": 1.5},
        {"decay_shape": "stairs"},
        {"ema_decay": 1.0},
        {"beta2": 1.0},
        {"grad_clip": 0.0},
        {"l2_sp": -1.0},
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        TrainConfig(**wrong)
