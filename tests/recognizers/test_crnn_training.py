from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineSample
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.crnn import training
from ocrpipe.training.crnn.pool import LinePool, TrainingLine, to_training
from ocrpipe.training.crnn.training import CHECKPOINT, TrainConfig, Trainer, build, load_checkpoint

CHARSET = Charset("abcdefgh")
TINY = CRNNConfig(len(CHARSET), channels=(8, 12, 16, 24), hidden=24, bottleneck=0)


def line_of(text: str) -> TrainingLine:
    image = np.full((32, 20 * len(text) + 16), 255, np.uint8)
    centers = []
    for i, character in enumerate(text):
        cv2.putText(image, character, (8 + 20 * i, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 0, 2, cv2.LINE_AA)
        centers.append(16.0 + 20 * i)
    line = to_training(LineSample(image, text, np.asarray(centers, np.float32)), CHARSET)
    assert line is not None
    return line


LINES = [line_of(text) for text in ("abcd", "hgfe", "aceg", "bdfh", "dada", "hehe", "cafe", "bead")]


class StillPool(LinePool):
    """The same lines again and again, without a renderer."""

    def __init__(self, lines: Sequence[TrainingLine] = LINES) -> None:
        self.lines, self.rendered = list(lines), len(lines)

    def wait(self, lines: int) -> None:
        pass

    def batch(self, rng: np.random.Generator, pixels: int) -> list[TrainingLine]:
        return self.lines


def trainer_of(run: Path, validate: training.Validate | None = None, **changes: Any) -> Trainer:
    config = TrainConfig(run=run, minutes=10.0, threads=1, bf16=False, learning_rate=5e-3)
    return Trainer(build(CHARSET, TINY), CHARSET, replace(config, **changes), validate=validate)


def advance(trainer: Trainer, share: float, steps: int = 1) -> list[tuple[float, float]]:
    """Steps at a share of the cycle, with the learning rate warmed up."""
    trainer.progress.seconds = share * 60 * trainer.config.minutes
    trainer.progress.steps = max(500, trainer.progress.steps)
    losses = []
    for _ in range(steps):
        losses.append(trainer.step(LINES))
        trainer.progress.steps += 1
        trainer.progress.lines += len(LINES)
    return losses


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in (run / "log.jsonl").read_text("utf-8").splitlines()]


def test_the_loss_falls_first_the_frames_then_ctc(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    alone = advance(trainer, 0.0, 30)
    assert all(math.isnan(ctc) for ctc, _ in alone)
    assert np.mean([frames for _, frames in alone[-5:]]) < 0.7 * alone[0][1]
    both = advance(trainer, 0.2, 30)
    assert np.mean([ctc for ctc, _ in both[-5:]]) < 0.7 * both[0][0]
    late = advance(trainer, 0.6, 2)
    assert all(frames == 0.0 for _, frames in late) and late[-1][0] < both[0][0]


def test_bf16_steps_are_finite_and_learn(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, bf16=True)
    losses = advance(trainer, 0.2, 12)
    assert np.isfinite(losses).all()
    assert losses[-1][0] < losses[0][0]
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in trainer.model.parameters())


@pytest.mark.parametrize(
    ("share", "ctc", "frames"),
    [
        (0.0, 0.0, 1.0),
        (0.099, 0.0, 1.0),
        (0.1, 0.3, 2.0),
        (0.25, 0.65, 1.0),
        (0.4, 1.0, 0.0),
        (1.0, 1.0, 0.0),
    ],
)
def test_supervision_moves_from_frames_to_ctc(
    tmp_path: Path, share: float, ctc: float, frames: float
) -> None:
    trainer = trainer_of(tmp_path, frames_only=0.1, frames_fade=0.4)
    trainer.progress.seconds = share * 600
    assert trainer._schedule() == pytest.approx((ctc, frames))


def test_frames_that_fade_at_once(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, frames_only=0.0, frames_fade=0.0)
    assert trainer._schedule() == (1.0, 0.0)


def test_the_learning_rate_warms_up_and_falls_as_a_cosine(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, learning_rate=1.0)
    rates = []
    for steps, share in ((0, 0.0), (249, 0.0), (499, 0.0), (10_000, 0.5), (10_000, 1.0), (10_000, 7.0)):
        trainer.progress.steps, trainer.progress.seconds = steps, share * 600
        rates.append(trainer.learning_rate())
    assert rates == pytest.approx([0.002, 0.5, 1.0, 0.505, 0.01, 0.01])


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    first = trainer_of(tmp_path)
    advance(first, 0.2, 4)
    first.save()
    second = trainer_of(tmp_path)
    assert second.resume()
    assert second.progress == first.progress and second.progress.lines == 4 * len(LINES)
    assert _state(second).keys() == _state(first).keys()
    assert advance(first, 0.2, 3) == advance(second, 0.2, 3)
    for name, tensor in _state(first).items():
        assert torch.equal(tensor, _state(second)[name]), name


def test_without_a_checkpoint_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert not trainer_of(tmp_path).resume()


def test_an_interrupted_write_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(tmp_path)
    advance(trainer, 0.2, 1)
    trainer.save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    advance(trainer, 0.2, 1)

    def interrupted(state: object, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trainer.save()
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    other = trainer_of(tmp_path)
    assert other.resume() and other.progress.lines == len(LINES)
    trainer.save()
    assert trainer_of(tmp_path).resume() and [p.name for p in tmp_path.iterdir()] == [CHECKPOINT]


def test_checkpoints_of_another_kind_are_named(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    for content in (b"", b"no checkpoint"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"checkpoint\.pt is no checkpoint of a CRNN"):
            trainer_of(tmp_path).resume()
    torch.save({"model": {}}, path)
    with pytest.raises(WeightsError, match="is no checkpoint of a CRNN: 'model_config'"):
        load_checkpoint(path)
    Trainer(build(CHARSET, replace(TINY, hidden=8)), CHARSET, TrainConfig(run=tmp_path, threads=1)).save()
    with pytest.raises(WeightsError, match="is of another model: .*'hidden': 8"):
        trainer_of(tmp_path).resume()


def test_a_checkpoint_from_before_the_join_existed_resumes(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    trainer.save()
    state = load_checkpoint(tmp_path / CHECKPOINT)
    del state["model_config"]["join"]
    torch.save(state, tmp_path / CHECKPOINT)
    assert trainer.resume()


def test_fit_trains_logs_measures_and_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_LOG_MINUTES", 0.0)
    modes: list[bool] = []

    def validate(model: CRNN) -> dict[str, float]:
        modes.append(model.training or torch.is_grad_enabled())
        return {"real": 0.5}

    trainer = trainer_of(
        tmp_path, validate, minutes=0.01, validate_minutes=0.004, checkpoint_minutes=0.004, frames_only=0.3
    )
    trainer.fit(StillPool())
    assert trainer.share == 1.0 and trainer.model.training
    assert trainer.progress.steps * len(LINES) == trainer.progress.lines > len(LINES)
    assert len(modes) >= 2 and not any(modes)
    rows = log_of(tmp_path)
    losses = [row for row in rows if "frames" in row]
    assert "ctc" not in losses[0] and "ctc" in losses[-1] and losses[-1]["rendered"] == len(LINES)
    assert [row for row in rows if "real" in row][-1] == rows[-1]
    assert [row["step"] for row in rows] == sorted(row["step"] for row in rows)
    assert trainer_of(tmp_path).resume()


def test_minutes_are_of_the_clock_that_is_given(tmp_path: Path) -> None:
    config = TrainConfig(run=tmp_path, minutes=10.0, threads=1, bf16=False)
    hours = itertools.count(step=150.0)
    trainer = Trainer(build(CHARSET, TINY), CHARSET, config, clock=lambda: next(hours))
    trainer.fit(StillPool())
    assert trainer.progress.steps == 4
    assert trainer.progress.seconds == 600


def test_fit_ends_when_told_with_a_checkpoint(tmp_path: Path) -> None:
    measured: list[CRNN] = []

    def validate(model: CRNN) -> dict[str, float]:
        measured.append(model)
        return {}

    trainer = trainer_of(tmp_path, validate)

    class Stopping(StillPool):
        def batch(self, rng: np.random.Generator, pixels: int) -> list[TrainingLine]:
            if trainer.progress.steps == 2:
                trainer.stop()
            return super().batch(rng, pixels)

    trainer.fit(Stopping())
    assert trainer.progress.steps == 3 and not measured
    again = trainer_of(tmp_path)
    again.resume()
    assert again.progress == trainer.progress


def test_a_run_that_is_over_stays_as_it_is(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    trainer.progress.seconds = 600.0
    trainer.save()
    again = trainer_of(tmp_path)
    again.fit(StillPool())
    assert again.progress == trainer.progress


def test_what_a_renderer_died_of_ends_the_training(tmp_path: Path) -> None:
    class Dead(StillPool):
        def batch(self, rng: np.random.Generator, pixels: int) -> list[TrainingLine]:
            raise RuntimeError("a renderer stopped")

    with pytest.raises(RuntimeError, match="a renderer stopped"):
        trainer_of(tmp_path).fit(Dead())


def test_weights_decay_but_biases_and_norms_do_not(tmp_path: Path) -> None:
    decayed, others = trainer_of(tmp_path, weight_decay=0.1).optimizer.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim == 1 for p in others["params"])
    assert len(decayed["params"]) + len(others["params"]) == len(list(build(CHARSET, TINY).parameters()))


@pytest.mark.parametrize(
    "wrong",
    [{"minutes": 0}, {"learning_rate": -1.0}, {"threads": 0}, {"frames_only": 0.5}, {"frames_fade": 1.5}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        TrainConfig(**wrong)


def test_model_and_charset_must_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="9 classes, the charset 4"):
        Trainer(build(CHARSET, TINY), Charset("abc"), TrainConfig(run=tmp_path))


def test_a_new_model_is_of_its_seed_and_expects_blanks() -> None:
    one, same, other = (build(CHARSET, TINY, seed) for seed in (1, 1, 2))
    weights = [model.classify.weight for model in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert one.classify.bias.tolist() == [2.0] + [0.0] * len(CHARSET.characters)


def _state(trainer: Trainer) -> dict[str, Tensor]:
    moments = {
        f"{group}.{i}.{name}": value
        for group, parameters in enumerate(trainer.optimizer.param_groups)
        for i, parameter in enumerate(parameters["params"])
        for name, value in trainer.optimizer.state[parameter].items()
    }
    return {**trainer.model.state_dict(), **moments}


@pytest.mark.slow
def test_sixty_four_lines_are_learnt_by_heart(tmp_path: Path) -> None:
    """The proof that model, loss, training and reading fit together: no error on what was trained on."""
    samples = rendered_lines(tmp_path)
    charset = Charset(sorted(set("".join(sample.text for sample in samples))))
    lines = [line for sample in samples if (line := to_training(sample, charset))]
    config = CRNNConfig(len(charset), channels=(16, 24, 32, 48), hidden=64, bottleneck=0)
    trainer = Trainer(
        build(charset, config),
        charset,
        TrainConfig(run=tmp_path, threads=1, minutes=1.0, learning_rate=6e-3, weight_decay=0.0, bf16=False),
    )
    overfit(trainer, lines, epochs=130)
    recognizer = CRNNRecognizer.from_model(trainer.model, charset, bf16=False)
    read = [one.text for one in recognizer.recognize([sample.image for sample in samples])]
    assert read == [sample.text for sample in samples]


def rendered_lines(folder: Path) -> list[LineSample]:
    """Lines in Chinese and English that CTC can align: 16 of each of four widths of input."""
    english = "The quick brown fox jumps over the lazy dog, and 12 more came by.\n"
    (folder / "en.txt").write_text(english, encoding="utf-8")
    (folder / "zh.txt").write_text("中国人在这来了，我不是一人。\n大国有大有中，他来了\n", encoding="utf-8")
    charset = default_charset()
    fonts = FontLibrary.from_files(sorted((Path(__file__).parents[1] / "data" / "fonts").glob("Noto*")))
    render = LineRenderer(fonts, TextSource(folder, frozenset(charset.characters))).render
    rng = np.random.default_rng(0)
    by_width: dict[int, list[LineSample]] = {128: [], 192: [], 256: [], 384: []}
    while min(map(len, by_width.values())) < 16:
        sample = render(rng)
        line = to_training(sample, charset)
        if re.search(r"(.)\1\1", sample.text):  # how many "_" make a rule is not to be seen
            continue
        if line and len(by_width.get(line.image.shape[1], [None] * 16)) < 16:
            by_width[line.image.shape[1]].append(sample)
    return [sample for samples in by_width.values() for sample in samples]


def overfit(trainer: Trainer, lines: list[TrainingLine], epochs: int) -> None:
    """Go through the cycle by epochs, not by the clock, in batches of lines of one width."""
    by_width: dict[int, list[TrainingLine]] = {}
    for line in lines:
        by_width.setdefault(line.image.shape[1], []).append(line)
    trainer.model.train()
    for epoch in range(epochs):
        trainer.progress.seconds = 60 * trainer.config.minutes * epoch / epochs
        for batch in by_width.values():
            trainer.progress.steps += 1
            trainer.step(batch)
    trainer.model.eval()
