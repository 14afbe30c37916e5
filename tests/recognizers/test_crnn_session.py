from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.base import Recognition
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.crnn import session
from ocrpipe.training.crnn.pool import Render
from ocrpipe.training.crnn.session import RealCrop, error_rate, real_crops, ship, train
from ocrpipe.training.crnn.training import TrainConfig, Trainer, build

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
TINY = CRNNConfig(len(default_charset()), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)


def own_renderer(
    corpora: Path, charset: Charset, style: LineStyle | None = None, *, detected: float = 0.0
) -> Render:
    """With the tests' fonts, where the real one looks for the system's."""
    fonts = FontLibrary.from_files(sorted(_FONTS.glob("Noto*")))
    return LineRenderer(fonts, TextSource(corpora, frozenset(charset.characters)), style).render


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of text, rendered with the tests' fonts."""
    folder = tmp_path / "corpora"
    folder.mkdir()
    (folder / "en.txt").write_text("The quick brown fox jumps over the lazy dog.\n", encoding="utf-8")
    (folder / "zh.txt").write_text("中国人在这来了，我不是一人。\n", encoding="utf-8")
    monkeypatch.setattr(session, "renderer", own_renderer)
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # renderers find it by its name
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A set of two pages with three lines that count."""
    folder = tmp_path / "real"
    folder.mkdir()
    page = np.full((100, 200, 3), 255, np.uint8)
    page[20:40, 30:90] = 60
    page[60:80, 30:190] = 120
    for name in ("a.png", "b.png"):
        Image.fromarray(page).save(folder / name)
    lines = [
        {"text": "FIRST", "quad": [[30, 20], [90, 20], [90, 40], [30, 40]]},
        {"text": "SECOND LINE", "quad": [[30, 60], [190, 60], [190, 80], [30, 80]]},
        {"text": "x", "quad": [[0, 0], [9, 0], [9, 9], [0, 9]], "ignore": True},
        {"text": " ", "quad": [[0, 0], [9, 0], [9, 9], [0, 9]]},
    ]
    write_truth(folder, [{"image": "a.png", "lines": lines}, {"image": "b.png", "lines": lines[:1]}])
    return folder


def write_truth(folder: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps({"level": "line", **row}) + "\n" for row in rows)
    (folder / "gt.jsonl").write_text(text, encoding="utf-8")


class Parrot:
    """Says what it is told to."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        return tuple(Recognition(text, ()) for text in self.texts)


def crop(text: str, *, casefold: bool = False, word: bool = False) -> RealCrop:
    return RealCrop(np.zeros((9, 9), np.uint8), text, casefold, word)


def settings(folder: Path, **changes: Any) -> TrainConfig:
    values = {"minutes": 0.01, "threads": 1, "warm_lines": 16, "batch_pixels": 512, "bf16": False}
    return TrainConfig(run=folder / "run", **{**values, **changes})


def test_a_session_trains_measures_and_resumes(corpora: Path, pages: Path, tmp_path: Path) -> None:
    rows: list[dict[str, float]] = []
    network = train(
        corpora,
        settings(tmp_path),
        model=TINY,
        validation=[pages],
        style=LineStyle(degradation=0.0),
        log=rows.append,
    )
    assert rows[-1].keys() >= {"minutes", "step", "real"} and rows[-1]["step"] > 0
    again = train(corpora, settings(tmp_path), model=TINY)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_a_session_starts_from_weights_whatever_their_shape(corpora: Path, tmp_path: Path) -> None:
    start = save(
        build(default_charset(), TINY, seed=5).state_dict(),
        Card("start", "", TINY.to_dict(), charset=default_charset().characters),
        tmp_path,
    )
    network = train(corpora, settings(tmp_path, minutes=1e-6), start=start)
    assert network.config == TINY
    expected = load(start)[0]["classify.weight"]
    assert torch.allclose(network.classify.weight, expected, atol=1e-4)  # one step may have been made


def test_weights_of_another_charset_are_no_start(corpora: Path, tmp_path: Path) -> None:
    small = CRNNConfig(4, channels=(4, 4, 4, 4), hidden=4)
    start = save(
        build(Charset("abc"), small).state_dict(), Card("s", "", small.to_dict(), charset="abc"), tmp_path
    )
    with pytest.raises(WeightsError, match="another charset"):
        train(corpora, settings(tmp_path), start=start)


def test_what_the_renderers_lack_is_said(corpora: Path, tmp_path: Path) -> None:
    (corpora / "zh.txt").unlink()
    with pytest.raises(ConfigError, match=r"no running text zh\*\.txt"):
        train(corpora, settings(tmp_path), model=TINY)


def test_sigterm_ends_a_session_with_a_checkpoint(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    step = Trainer.step

    def killed(self: Trainer, batch: Any) -> tuple[float, float]:
        if self.progress.steps == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch)

    monkeypatch.setattr(Trainer, "step", killed)
    train(corpora, settings(tmp_path, minutes=5.0), model=TINY)
    assert signal.getsignal(signal.SIGTERM) is before
    trainer = Trainer(build(default_charset(), TINY), default_charset(), settings(tmp_path))
    assert trainer.resume() and trainer.progress.steps == 2


def test_real_crops_are_the_lines_that_count(pages: Path) -> None:
    crops = real_crops(pages)
    assert [one.text for one in crops] == ["FIRST", "SECOND LINE", "FIRST"]
    assert [one.image.shape for one in crops] == [(20, 60, 3), (20, 160, 3), (20, 60, 3)]
    assert all((one.image == value).all() for one, value in zip(crops, (60, 120, 60), strict=True))
    assert all(one.casefold and not one.word for one in crops)
    two = real_crops(pages, limit=2)
    assert len(two) == 2 and [one.text for one in two] == [one.text for one in real_crops(pages, limit=2)]


def test_mixed_case_counts_where_the_truth_has_it(pages: Path) -> None:
    line = {"text": "First", "quad": [[30, 20], [90, 20], [90, 40], [30, 40]]}
    write_truth(pages, [{"image": "a.png", "lines": [line]}])
    assert not real_crops(pages)[0].casefold


def test_a_set_without_lines_measures_nothing(pages: Path) -> None:
    write_truth(pages, [{"image": "a.png", "lines": []}])
    with pytest.raises(ConfigError, match="no line of .*real counts"):
        real_crops(pages)


def test_error_rates() -> None:
    assert error_rate(Parrot("abcd", "efgh"), [crop("abcd"), crop("efgx")]) == pytest.approx(1 / 8)
    assert error_rate(Parrot("ab c"), [crop("a bc")]) == 0.0  # spaces don't count
    assert error_rate(Parrot("Abc"), [crop("ABC", casefold=True)]) == 0.0
    assert error_rate(Parrot("Abc"), [crop("ABC")]) == pytest.approx(2 / 3)
    assert error_rate(Parrot("red", "bleu"), [crop("red", word=True), crop("blue", word=True)]) == 0.5


def test_a_checkpoint_is_shipped_with_its_card(tmp_path: Path) -> None:
    trainer = Trainer(build(default_charset(), TINY), default_charset(), settings(tmp_path))
    trainer.save()
    path = ship(
        tmp_path / "run" / "checkpoint.pt",
        recipe="a test",
        accuracy={"real": 0.5},
        calibration=1.5,
        folder=tmp_path / "out",
    )
    assert path == tmp_path / "out" / "crnn.safetensors"
    weights, card = load(path)
    assert weights.keys() == trainer.model.state_dict().keys()
    assert (card.recipe, card.accuracy, card.calibration) == ("a test", {"real": 0.5}, 1.5)
    assert card.charset == default_charset().characters and len(card.date) == 10
    CRNNRecognizer(path)


def test_what_is_no_checkpoint_is_not_shipped(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"no")
    with pytest.raises(WeightsError, match="no checkpoint of a CRNN"):
        ship(tmp_path / "checkpoint.pt", recipe="", accuracy={}, folder=tmp_path)
