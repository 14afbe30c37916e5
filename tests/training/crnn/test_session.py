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
from PIL import Image

from ocrpipe.errors import ConfigError
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.crnn.charset import Charset, default_charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineRenderer, LineStyle
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.checkpoint import CHECKPOINT, load_checkpoint
from ocrpipe.training.crnn import session
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.lines import Render
from ocrpipe.training.crnn.objective import new_network
from ocrpipe.training.crnn.session import starting_network, train
from ocrpipe.training.loader import DataLoader

_FONTS = Path(__file__).parents[2] / "data" / "fonts"
TINY = CRNNConfig(len(default_charset()), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)


def fonts_renderer(
    corpora: Path,
    charset: Charset,
    style: LineStyle | None = None,
    *,
    detected: float = 0.0,
    weights: Path | None = None,
    fonts: Sequence[Path] = (),
) -> Render:
    """With the tests' fonts instead of the system's."""
    library = FontLibrary.from_files(sorted(_FONTS.glob("Noto*")))
    return LineRenderer(library, TextSource(corpora, frozenset(charset.characters), weights), style).render


@pytest.fixture
def corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of text, rendered with the tests' fonts."""
    folder = tmp_path / "corpora"
    folder.mkdir()
    (folder / "en.txt").write_text("The quick brown fox jumps over the lazy dog.\n", encoding="utf-8")
    (folder / "zh.txt").write_text("中国人在这来了，我不是一人。\n", encoding="utf-8")
    monkeypatch.setattr(session, "renderer", fonts_renderer)
    return folder


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A set of one page with one line."""
    folder = tmp_path / "real"
    folder.mkdir()
    Image.fromarray(np.full((60, 200, 3), 255, np.uint8)).save(folder / "a.png")
    line = {"text": "FIRST", "quad": [[30, 20], [90, 20], [90, 40], [30, 40]]}
    (folder / "gt.jsonl").write_text(json.dumps({"image": "a.png", "lines": [line]}), encoding="utf-8")
    return folder


def settings(folder: Path, **changes: Any) -> CRNNTrainConfig:
    values = {"max_steps": 2, "threads": 1, "prefetch": 16, "batch_pixels": 512, "bf16": False}
    return CRNNTrainConfig(run=folder / "run", **{**values, **changes})


def test_a_session_trains_measures_and_resumes(
    corpora: Path, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[Sequence[int]] = []

    class Recording(DataLoader[Any]):
        def __init__(self, *arguments: Any, seed: Sequence[int], **options: Any) -> None:
            seeds.append(seed)
            super().__init__(*arguments, seed=seed, **options)

    monkeypatch.setattr("ocrpipe.training.crnn.lines.DataLoader", Recording)
    records: list[dict[str, Any]] = []
    options: dict[str, Any] = {"model": TINY, "workers": 0, "style": LineStyle(degradation=0.0), "fonts": ()}
    network = train(corpora, settings(tmp_path), validation=[pages], log=records.append, **options)
    assert records[-1].keys() >= {"minutes", "step", "real"} and records[-1]["step"] == 2
    examples = records[-1]["examples"]
    over = train(corpora, settings(tmp_path), validation=[pages], log=records.append, **options)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, over.state_dict()[name])
    assert records[-1] == {**records[-2], "real": records[-1]["real"]} and len(seeds) == 1
    train(corpora, settings(tmp_path, max_steps=3), log=records.append, **options)
    assert (records[-1]["step"], seeds) == (3, [(0, 0), (0, examples)])


def test_a_session_renders_in_processes_and_ends_on_sigterm_with_a_checkpoint(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3])  # processes import the renderer by its name

    def terminate(record: dict[str, Any]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    config = settings(tmp_path, max_steps=1000, log_minutes=0.0)
    train(corpora, config, model=TINY, log=terminate)
    assert signal.getsignal(signal.SIGTERM) is before
    saved = load_checkpoint(tmp_path / "run" / CHECKPOINT, "crnn")
    assert (saved.progress.steps, saved.charset) == (1, default_charset().characters)


def test_a_session_starts_from_weights_whatever_their_shape(corpora: Path, tmp_path: Path) -> None:
    start = save(
        new_network(default_charset(), TINY, seed=5).state_dict(),
        Card("start", "", TINY.to_dict(), charset=default_charset().characters),
        tmp_path,
    )
    config = settings(tmp_path, max_steps=1, learning_rate=1e-9)
    network = train(corpora, config, start=start, workers=0)
    assert network.config == TINY
    expected = load(start)[0]["classify.weight"]
    assert torch.allclose(network.classify.weight, expected, atol=1e-6)


def test_weights_of_another_charset_are_extended(tmp_path: Path) -> None:
    small = CRNNConfig(4, channels=(4, 4, 4, 4), hidden=4)
    weights = new_network(Charset("abc"), small).state_dict()
    start = save(weights, Card("s", "", small.to_dict(), charset="abc"), tmp_path)
    network, charset = starting_network(start, Charset("cxa"))
    assert charset.characters == "cxa" and network.config.classes == 4
    halves = weights["classify.weight"].half().float()
    assert torch.equal(network.classify.weight[[0, 1, 3]], halves[[0, 3, 1]])
    network, charset = starting_network(start)
    assert charset.characters == "abc" and torch.equal(network.classify.weight, halves)


def test_what_the_renderers_lack_is_reported(corpora: Path, tmp_path: Path) -> None:
    (corpora / "zh.txt").unlink()
    with pytest.raises(ConfigError, match=r"no running text zh\*\.txt"):
        train(corpora, settings(tmp_path), model=TINY, workers=0)
