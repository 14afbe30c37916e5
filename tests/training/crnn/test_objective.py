from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import NO_CENTERS, LineRenderer, LineSample
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.lines import TrainingLine, to_training
from ocrpipe.training.crnn.objective import crnn_task, loss_weights, new_network
from ocrpipe.training.loop import Trainer
from tests.training.small import Still, advance

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


def trainer_of(run: Path, **changes: Any) -> Trainer[CRNN, TrainingLine]:
    config = CRNNTrainConfig(run=run, minutes=10.0, threads=1, bf16=False, learning_rate=5e-3)
    config = replace(config, **changes)
    return Trainer(crnn_task(new_network(CHARSET, TINY), CHARSET, config), config)


def advance_at(
    trainer: Trainer[CRNN, TrainingLine], fraction: float, steps: int = 1
) -> list[dict[str, float]]:
    """Steps at a fraction of the run, with the learning rate warmed up."""
    trainer.progress.seconds = fraction * 60 * trainer.config.minutes
    trainer.progress.steps = max(500, trainer.progress.steps)
    return advance(trainer, LINES, steps)


def test_the_loss_falls_first_of_frames_then_of_ctc(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    alone = advance_at(trainer, 0.0, 30)
    assert all(losses.keys() == {"loss", "frames"} for losses in alone)
    assert np.mean([losses["frames"] for losses in alone[-5:]]) < 0.7 * alone[0]["frames"]
    both = advance_at(trainer, 0.2, 30)
    assert all(losses.keys() == {"loss", "frames", "ctc"} for losses in both)
    assert np.mean([losses["ctc"] for losses in both[-5:]]) < 0.7 * both[0]["ctc"]
    late = advance_at(trainer, 0.6, 2)
    assert all(losses.keys() == {"loss", "ctc"} and losses["loss"] == losses["ctc"] for losses in late)
    assert late[-1]["ctc"] < both[0]["ctc"]


def test_bf16_steps_are_finite_and_learn(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, bf16=True)
    losses = [step["ctc"] for step in advance_at(trainer, 0.2, 12)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in trainer.model.parameters())


def test_lines_of_unknown_places_cost_nothing_while_only_frames_count(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    (losses,) = advance(trainer, [replace(line, centers=NO_CENTERS) for line in LINES])
    assert losses["loss"] == losses["frames"] == 0.0


@pytest.mark.parametrize(
    ("fraction", "ctc", "frames"),
    [
        (0.0, 0.0, 1.0),
        (0.099, 0.0, 1.0),
        (0.1, 0.3, 2.0),
        (0.25, 0.65, 1.0),
        (0.4, 1.0, 0.0),
        (1.0, 1.0, 0.0),
    ],
)
def test_supervision_moves_from_frames_to_ctc(fraction: float, ctc: float, frames: float) -> None:
    config = CRNNTrainConfig(frames_only=0.1, frames_fade=0.4)
    assert loss_weights(config, fraction) == pytest.approx((ctc, frames))


def test_frames_that_fade_at_once() -> None:
    assert loss_weights(CRNNTrainConfig(frames_only=0.0, frames_fade=0.0), 0.0) == (1.0, 0.0)


@pytest.mark.parametrize("wrong", [{"frames_only": 0.5}, {"frames_fade": 1.5}, {"minutes": 0}])
def test_invalid_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        CRNNTrainConfig(**wrong)


def test_model_and_charset_must_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="9 classes, the charset 4"):
        crnn_task(new_network(CHARSET, TINY), Charset("abc"), CRNNTrainConfig(run=tmp_path))


def test_a_new_network_is_of_its_seed_and_expects_blanks() -> None:
    one, same, other = (new_network(CHARSET, TINY, seed) for seed in (1, 1, 2))
    weights = [network.classify.weight for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert one.classify.bias.tolist() == [2.0] + [0.0] * len(CHARSET.characters)


def test_a_run_of_lines_is_resumed_with_its_charset(tmp_path: Path) -> None:
    first = trainer_of(tmp_path, max_steps=2)
    first.fit(Still(LINES))
    second = trainer_of(tmp_path, max_steps=4)
    assert second.resume() and second.progress.examples == 2 * len(LINES)
    second.fit(Still(LINES))
    assert second.progress.steps == 4


@pytest.mark.slow
def test_sixty_four_lines_are_learnt_by_heart(tmp_path: Path) -> None:
    """The proof that model, loss, training and reading fit together: no error on what was trained on."""
    samples = rendered_lines(tmp_path)
    charset = Charset(sorted(set("".join(sample.text for sample in samples))))
    lines = [line for sample in samples if (line := to_training(sample, charset))]
    shape = CRNNConfig(len(charset), channels=(16, 24, 32, 48), hidden=64, bottleneck=0)
    config = CRNNTrainConfig(
        run=tmp_path, threads=1, minutes=1.0, learning_rate=6e-3, weight_decay=0.0, bf16=False
    )
    trainer = Trainer(crnn_task(new_network(charset, shape), charset, config), config)
    overfit(trainer, lines, epochs=150)
    recognizer = CRNNRecognizer.from_model(trainer.model, charset, bf16=False)
    read = [line.text for line in recognizer.recognize([sample.image for sample in samples])]
    assert read == [sample.text for sample in samples]


def rendered_lines(folder: Path) -> list[LineSample]:
    """Lines in Chinese and English that CTC can align: 16 of each of four widths of input."""
    english = "The quick brown fox jumps over the lazy dog, and 12 more came by.\n"
    (folder / "en.txt").write_text(english, encoding="utf-8")
    (folder / "zh.txt").write_text("中国人在这来了，我不是一人。\n大国有大有中，他来了\n", encoding="utf-8")
    charset = default_charset()
    fonts = FontLibrary.from_files(sorted((Path(__file__).parents[2] / "data" / "fonts").glob("Noto*")))
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


def overfit(trainer: Trainer[CRNN, TrainingLine], lines: list[TrainingLine], epochs: int) -> None:
    """Go through the run by epochs, not by the clock, in batches of lines of one width."""
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
