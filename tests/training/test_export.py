from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.pretrained.loader import load, save
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.training.checkpoint import CHECKPOINT
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.objective import crnn_task, new_network
from ocrpipe.training.export import export_weights
from ocrpipe.training.loop import Trainer
from ocrpipe.training.selftest import selftest_of

CHARSET = Charset("abcdefgh")
TINY = CRNNConfig(len(CHARSET), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)


def checkpoint_of(run: Path, seed: int = 0) -> Path:
    settings = CRNNTrainConfig(run=run, threads=1)
    trainer = Trainer(crnn_task(new_network(CHARSET, TINY, seed), CHARSET, settings), settings)
    assert trainer.ema
    trainer.ema.tensors["classify.bias"].fill_(0.5)
    trainer.save()
    return run / CHECKPOINT


def test_averaged_weights_are_exported_with_their_card(tmp_path: Path) -> None:
    path = export_weights(
        checkpoint_of(tmp_path),
        "crnn",
        recipe="a test",
        accuracy={"real": {"CER": 0.5}},
        calibration=1.5,
        folder=tmp_path / "out",
    )
    assert path == tmp_path / "out" / "crnn.safetensors"
    weights, card = load(path)
    assert weights["classify.bias"].eq(0.5).all()
    assert (card.recipe, card.accuracy, card.calibration) == ("a test", {"real": {"CER": 0.5}}, 1.5)
    assert card.charset == CHARSET.characters and len(card.date) == 10
    CRNNRecognizer(path)


def test_weights_are_averaged_with_others(tmp_path: Path) -> None:
    one, two = (checkpoint_of(tmp_path / name, seed) for name, seed in (("one", 1), ("two", 2)))
    first = export_weights(one, "crnn", recipe="", accuracy={}, folder=tmp_path / "first")
    plain = export_weights(two, "crnn", recipe="", accuracy={}, folder=tmp_path / "plain")
    mean = export_weights(
        two, "crnn", recipe="", accuracy={}, average=(first, 0.25), folder=tmp_path / "mean"
    )
    a, b, c = (load(path)[0]["classify.weight"] for path in (first, plain, mean))
    assert torch.allclose(c, 0.25 * a + 0.75 * b, atol=1e-3)
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        export_weights(two, "crnn", recipe="", accuracy={}, average=(first, 1.0), folder=tmp_path)


def test_averages_need_one_shape(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="of another shape"):
        export_weights(
            checkpoint_of(tmp_path), "crnn", recipe="", accuracy={}, average=("crnn", 0.5), folder=tmp_path
        )


def test_what_is_no_checkpoint_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"no")
    with pytest.raises(WeightsError, match="no checkpoint of a training"):
        export_weights(tmp_path / CHECKPOINT, "crnn", recipe="", accuracy={}, folder=tmp_path)


def test_exported_weights_have_a_self_test(tmp_path: Path) -> None:
    """Of the numbers that are written; weights made of them by other means have none of theirs."""
    path = export_weights(checkpoint_of(tmp_path), "crnn", recipe="", accuracy={}, folder=tmp_path / "out")
    weights, card = load(path)
    assert card.selftest == selftest_of(weights, card) and any(card.selftest[0])
    _, copied = load(save(weights, card, tmp_path / "copy"))
    assert copied.selftest == []
    with pytest.raises(ConfigError, match="not of a model"):
        selftest_of({}, card)
