from __future__ import annotations

import os
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ocrpipe.errors import OcrError, WeightsError
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.training.checkpoint import CHECKPOINT, load_checkpoint
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.objective import crnn_task
from ocrpipe.training.loop import Trainer
from tests.training.small import IMAGES, advance, trainer_of


def test_a_checkpoint_holds_the_state_of_the_run(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    advance(trainer, IMAGES, 2)
    trainer.save()
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert list(state) == [
        "kind",
        "model",
        "ema",
        "model_config",
        "charset",
        "optimizer",
        "progress",
        "random",
    ]
    saved = load_checkpoint(tmp_path / CHECKPOINT, "crnn")
    assert (saved.kind, saved.model_config, saved.progress) == ("crnn", {"width": 4}, trainer.progress)
    assert state["progress"] == asdict(trainer.progress)
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, saved.model[name])


def test_an_interrupted_write_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(tmp_path)
    advance(trainer, IMAGES)
    trainer.save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    advance(trainer, IMAGES)

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trainer.save()
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    other = trainer_of(tmp_path)
    assert other.resume() and other.progress.examples == len(IMAGES)
    trainer.save()
    assert trainer_of(tmp_path).resume() and [p.name for p in tmp_path.iterdir()] == [CHECKPOINT]


def test_a_checkpoint_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path)
    (tmp_path / CHECKPOINT).mkdir()
    with pytest.raises(OcrError, match="cannot write"):
        trainer.save()


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_damaged_checkpoints_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / CHECKPOINT
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is no checkpoint of a training"):
        trainer_of(tmp_path).resume()


def test_a_checkpoint_that_is_cut_off_is_named(tmp_path: Path) -> None:
    trainer_of(tmp_path).save()
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(WeightsError, match=r"checkpoint\.pt is no checkpoint of a training"):
        load_checkpoint(path, "crnn")


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    torch.save({"model": {}}, tmp_path / CHECKPOINT)
    with pytest.raises(WeightsError, match="no checkpoint of a training: it lacks 'model_config'"):
        load_checkpoint(tmp_path / CHECKPOINT, "crnn")


def test_checkpoints_of_another_kind_are_named(tmp_path: Path) -> None:
    trainer_of(tmp_path).save()
    with pytest.raises(WeightsError, match="is a checkpoint of a crnn model, not of a ctpn model"):
        load_checkpoint(tmp_path / CHECKPOINT, "ctpn")


SMALL = CRNNConfig(len(default_charset()), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)


def save_in_first_format(trainer: Trainer[CRNN, Any], **changes: Any) -> None:
    """As the CRNN's own loop wrote checkpoints until 2026-11-27."""
    assert trainer.ema
    config = trainer.model.config.to_dict()
    del config["join"]  # which the first of them lack
    state = {
        "model": trainer.model.state_dict(),
        "ema": trainer.ema.tensors,
        "model_config": config,
        "optimizer": trainer.optimizer.state_dict(),
        "progress": {"seconds": 12.5, "steps": 7, "lines": 300},
        "random": (
            np.random.default_rng(3).bit_generator.state,
            torch.Generator().manual_seed(4).get_state(),
            random.Random(5).getstate(),
        ),
    }
    torch.save({**state, **changes}, trainer.config.run / CHECKPOINT)


def crnn_trainer(run: Path, config: CRNNConfig = SMALL) -> Trainer[CRNN, Any]:
    settings = CRNNTrainConfig(run=run, threads=1, bf16=False)
    torch.manual_seed(1)
    return Trainer(crnn_task(CRNN(config), default_charset(), settings), settings)


def test_a_checkpoint_of_the_first_format_is_resumed(tmp_path: Path) -> None:
    trainer = crnn_trainer(tmp_path)
    assert trainer.ema
    trainer.ema.tensors["classify.bias"].fill_(0.25)
    save_in_first_format(trainer)
    again = crnn_trainer(tmp_path)
    assert again.resume() and again.ema
    assert asdict(again.progress) == {"seconds": 12.5, "steps": 7, "examples": 300}
    assert again.ema.tensors["classify.bias"].eq(0.25).all()
    assert torch.equal(again.model.classify.weight, trainer.model.classify.weight)
    assert again.random.numpy.random() == np.random.default_rng(3).random()
    assert torch.rand(1, generator=again.random.cpu) == torch.rand(
        1, generator=torch.Generator().manual_seed(4)
    )
    saved = load_checkpoint(tmp_path / CHECKPOINT, "crnn")
    assert (saved.kind, saved.charset) == ("crnn", default_charset().characters)
    assert saved.weights["classify.bias"].eq(0.25).all()


def test_a_checkpoint_of_the_first_format_without_an_average_has_the_models_weights(tmp_path: Path) -> None:
    trainer = crnn_trainer(tmp_path)
    save_in_first_format(trainer, ema={})
    saved = load_checkpoint(tmp_path / CHECKPOINT, "crnn")
    assert torch.equal(saved.weights["classify.weight"], trainer.model.classify.weight)


def test_a_checkpoint_of_the_first_format_with_an_unknown_charset_is_refused(tmp_path: Path) -> None:
    trainer = crnn_trainer(tmp_path)
    save_in_first_format(trainer, model_config={**SMALL.to_dict(), "classes": 7033})
    with pytest.raises(WeightsError, match="its 7033 classes are not those of the default charset"):
        load_checkpoint(tmp_path / CHECKPOINT, "crnn")
