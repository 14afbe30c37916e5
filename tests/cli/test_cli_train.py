from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from typer.testing import CliRunner, Result

from ocrpipe.cli import app
from ocrpipe.cli.settings import configured
from ocrpipe.detectors.ctpn import CTPN, CTPNConfig, CTPNDetector
from ocrpipe.environment import TRAINING
from ocrpipe.errors import ConfigError
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.crnn import CRNN, Charset, CRNNConfig, CRNNRecognizer, default_charset
from ocrpipe.synthesis.lines import LineSample, LineStyle
from ocrpipe.training.crnn import calibrate as calibrate_module
from ocrpipe.training.crnn import session as crnn_session
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.objective import crnn_task
from ocrpipe.training.ctpn import session as ctpn_session
from ocrpipe.training.ctpn.config import CTPNTrainConfig
from ocrpipe.training.ctpn.objective import ctpn_task
from ocrpipe.training.loop import Trainer

TINY_CTPN = CTPNConfig(widths=(4, 4, 4, 4, 4), hidden=4, features=4)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if restarted already."""
    for name, value in TRAINING.items():
        monkeypatch.setenv(name, value)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in ("train", *arguments)])


def test_settings_are_parsed_by_their_fields() -> None:
    config = configured(
        CRNNTrainConfig,
        ["learning_rate=1e-3", "bf16=false", "seed=7", "decay_shape=cosine"],
        minutes=5.0,
        threads=None,
    )
    assert (config.learning_rate, config.bf16, config.seed, config.minutes) == (1e-3, False, 7, 5.0)
    assert config.decay_shape == "cosine"
    assert config.threads == CRNNTrainConfig().threads
    assert configured(CTPNTrainConfig, ["max_steps=3"]).max_steps == 3


@pytest.mark.parametrize(
    "setting", ["nothing=1", "seed", "seed=1.5", "bf16=yes", "grad_clip=much", "minutes=3", "run=elsewhere"]
)
def test_invalid_settings_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting.split("=")[-1]):
        configured(CRNNTrainConfig, [setting], minutes=None)


def test_crnn_is_trained_with_the_options_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[Path, CRNNTrainConfig, dict[str, Any]]] = []

    def train(
        corpora: Path, config: CRNNTrainConfig, *, log: Callable[[dict[str, Any]], None], **options: Any
    ) -> None:
        calls.append((corpora, config, options))
        log({"minutes": 0.5, "step": 3, "examples": 40, "ctc": 1.25, "examples_per_second": 99.5})
        log({"minutes": 0.5, "step": 3, "examples": 40, "funsd": 0.25})

    monkeypatch.setattr(crnn_session, "train", train)
    options = ("--run", tmp_path / "run", "--minutes", 8, "--start", "crnn", "--paper", "--set", "seed=3")
    more = ("--device", "cuda:1", "--workers", 0)
    result = run("crnn", "--corpora", tmp_path, "--validate", "a", "--validate", "b", *options, *more)
    assert (result.exit_code, result.stdout) == (0, "")
    ((corpora, config, others),) = calls
    assert (corpora, config.run, config.minutes, config.seed) == (tmp_path, tmp_path / "run", 8, 3)
    assert (config.device, others["workers"]) == ("cuda:1", 0)
    assert others["validation"] == [Path("a"), Path("b")]
    assert (others["start"], others["model"].backbone) == ("crnn", "vgg")
    first, second = result.stderr.splitlines()
    assert first == "0.5 of 8 min  step 3  examples 40  ctc 1.25  examples/s 99.5"
    assert second.endswith("funsd 0.25")


def test_ctpn_is_trained_with_the_options_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[Any, CTPNTrainConfig, dict[str, Any]]] = []

    def train(
        make_pages: Any, config: CTPNTrainConfig, *, log: Callable[[dict[str, Any]], None], **options: Any
    ) -> None:
        calls.append((make_pages, config, options))
        log({"minutes": 0.5, "step": 3, "loss": 1.5})

    monkeypatch.setattr(ctpn_session, "train", train)
    options = ("--run", tmp_path / "run", "--workers", 2, "--device", "cuda", "--set", "decay_shape=linear")
    result = run("ctpn", "--corpora", tmp_path, *options, "--validate", "a", "--start", "ctpn")
    assert (result.exit_code, result.stderr) == (0, "0.5 of 240 min  step 3  loss 1.5\n")
    ((make_pages, config, others),) = calls
    assert (config.run, config.device, config.decay_shape) == (tmp_path / "run", "cuda", "linear")
    assert isinstance(make_pages, partial)
    assert make_pages.args == (tmp_path, default_charset().characters, ())
    assert others == {"model": None, "start": "ctpn", "validation": [Path("a")], "workers": 2}


def crnn_checkpoint(run: Path) -> CRNN:
    """A run's checkpoint, whose live weights are not its averaged ones."""
    charset = default_charset()
    shape = CRNNConfig(len(charset), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)
    config = CRNNTrainConfig(run=run, threads=1)
    trainer = Trainer(crnn_task(CRNN(shape), charset, config), config)
    with torch.no_grad():
        trainer.model.classify.bias.fill_(9.0)
    trainer.save()
    return trainer.averaged()


def ctpn_checkpoint(run: Path) -> CTPN:
    config = CTPNTrainConfig(run=run)
    trainer = Trainer(ctpn_task(CTPN(TINY_CTPN)), config)
    with torch.no_grad():
        trainer.model.score.bias.fill_(9.0)
    trainer.save()
    return trainer.averaged()


def assert_close(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert weights.keys() == expected.keys()
    for name, tensor in weights.items():
        assert torch.allclose(tensor, expected[name].to(tensor.dtype), atol=1e-2), name


def test_crnn_is_exported(tmp_path: Path) -> None:
    averaged = crnn_checkpoint(tmp_path)
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps([{"set": "funsd", "CER": 0.25, "F": None}]))
    peer = tmp_path / "peer.json"
    peer.write_text(json.dumps([{"set": "funsd", "CER": 0.2, "WER": 0.3}, {"set": "sroie", "CER": 0.1}]))
    options = ("--recipe", "a minute", "--figures", figures, "--calibration", 1.5, "--out", tmp_path / "out")
    result = run("export", "crnn", "--run", tmp_path, *options, "--against", f"Peer 1={peer}")
    assert result.stdout == f"{tmp_path / 'out' / 'crnn.safetensors'}\n"
    weights, card = load(tmp_path / "out" / "crnn.safetensors")
    assert_close(weights, averaged.state_dict())
    accuracy = {"funsd": {"CER": 0.25, "over": {"Peer 1": {"CER": 0.05}}}}
    assert (card.recipe, card.accuracy, card.calibration) == ("a minute", accuracy, 1.5)
    CRNNRecognizer(tmp_path / "out" / "crnn.safetensors")


def test_a_checkpoint_of_the_first_format_is_exported(tmp_path: Path) -> None:
    """As the CRNN's loop wrote it until 2026-11-27."""
    averaged = crnn_checkpoint(tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    first = {name: state[name] for name in ("model", "ema", "model_config", "optimizer")}
    torch.save(first, tmp_path / "checkpoint.pt")
    result = run("export", "crnn", "--run", tmp_path, "--recipe", "none", "--out", tmp_path / "out")
    assert result.exit_code == 0
    weights, card = load(tmp_path / "out" / "crnn.safetensors")
    assert_close(weights, averaged.state_dict())
    assert card.charset == default_charset().characters


def test_ctpn_is_exported_with_its_average(tmp_path: Path) -> None:
    averaged = ctpn_checkpoint(tmp_path)
    result = run("export", "ctpn", "--run", tmp_path, "--recipe", "none", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert_close(load(tmp_path / "out" / "ctpn.safetensors")[0], averaged.state_dict())
    CTPNDetector(tmp_path / "out" / "ctpn.safetensors")


def test_weights_are_averaged_with_others(tmp_path: Path) -> None:
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    states = [ctpn_checkpoint(folder).state_dict() for folder in (one, two)]
    assert run("export", "ctpn", "--run", one, "--recipe", "none", "--out", one).exit_code == 0
    arguments = ("export", "ctpn", "--run", two, "--recipe", "none", "--out", out, "--average")
    assert run(*arguments, f"{one / 'ctpn.safetensors'}=0.25").exit_code == 0
    expected = {name: 0.25 * states[0][name] + 0.75 * states[1][name] for name in states[0]}
    assert_close(load(out / "ctpn.safetensors")[0], expected)
    assert run(*arguments, f"{one / 'ctpn.safetensors'}=1").exit_code == 2
    assert run(*arguments, "ctpn").exit_code == 2
    assert run(*arguments, "ctpn=0.5").exit_code == 6


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    arguments = ("--run", tmp_path, "--recipe", "none", "--out", tmp_path / "out")
    assert run("export", "ctpn", *arguments).exit_code == 2
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    for against in ("Peer", "Peer=", f"Peer={tmp_path / 'none.json'}"):
        assert run("export", "ctpn", *arguments, "--against", against).exit_code == 2
    for model in ("ctpn", "crnn"):
        result = run("export", model, *arguments)
        assert result.exit_code == 6
        assert len(result.stderr.splitlines()) == 1


def test_figures_on_real_pages(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    page = Image.new("L", (128, 96), 255)
    ImageDraw.Draw(page).text((10, 40), "some text", fill=0)
    page.save(folder / "a.png")
    line = {"text": "some text", "quad": [[10, 40], [70, 40], [70, 52], [10, 52]]}
    (folder / "gt.jsonl").write_text(json.dumps({"image": "a.png", "lines": [line]}))
    figures = ctpn_session.page_figures(CTPN(TINY_CTPN), [folder])
    assert set(figures) == {"pages"}
    assert 0 <= figures["pages"] <= 1


def test_a_recogniser_is_deepened(tmp_path: Path) -> None:
    assert run("deepen", "crnn", "--blocks", "1,2,2,3", "--out", tmp_path).exit_code == 0
    _, card = load(tmp_path / "crnn.safetensors")
    assert card.config["blocks"] == [1, 2, 2, 3]
    for wrong in ("many", "0,0,0,0", "1,2"):
        assert run("deepen", "crnn", "--blocks", wrong, "--out", tmp_path).exit_code == 2


def test_a_recogniser_is_extended_to_the_default_charset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "abcdefgh"
    shape = CRNNConfig(len(own) + 1, channels=(4, 4, 4, 4), hidden=4, bottleneck=4)
    start = save(CRNN(shape).state_dict(), Card("crnn", "", shape.to_dict(), own), tmp_path / "start")
    styles: list[LineStyle] = []

    def renderer(corpora: Path, charset: Charset, style: LineStyle) -> Any:
        styles.append(style)
        image, centers = np.full((32, 128), 255, np.uint8), np.linspace(20, 100, 4, dtype=np.float32)
        image[8:24, ::9] = 0
        return lambda rng: LineSample(image, "".join(rng.choice(list("ab中国"), 4)), centers)

    monkeypatch.setattr(crnn_session, "renderer", renderer)
    result = run("extend", start, "--corpora", tmp_path, "--out", tmp_path / "out", "--lines", 20)
    path = tmp_path / "out" / "crnn.safetensors"
    assert (result.exit_code, result.stdout) == (0, f"{path}\n")
    characters = default_charset().characters
    assert result.stderr == f"4 of {len(characters)} characters imprinted\n"
    assert styles == [LineStyle(chinese=1.0, every_class=1.0, scene=0.0, handwriting=0.0, degradation=0.3)]
    weights, card = load(path)
    assert (card.charset, card.config["classes"]) == (characters, len(characters) + 1)
    assert len(weights["classify.weight"]) == len(characters) + 1
    CRNNRecognizer(path)


def test_the_temperature_is_that_of_the_averaged_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    averaged = crnn_checkpoint(tmp_path)
    calls: list[tuple[CRNN, Charset, list[str]]] = []

    def fit(network: CRNN, charset: Charset, samples: Any) -> float:
        calls.append((network, charset, [sample.text for sample in samples]))
        return 1.25

    def renderer(corpora: Path, charset: Charset) -> Any:
        return lambda rng: LineSample(np.zeros((8, 8), np.uint8), "text", np.empty(0, np.float32))

    monkeypatch.setattr(calibrate_module, "fit_temperature", fit)
    monkeypatch.setattr(crnn_session, "renderer", renderer)
    result = run("calibrate", "--corpora", tmp_path, "--run", tmp_path, "--lines", 3)
    assert result.stdout == "1.25\n"
    ((network, charset, texts),) = calls
    assert (charset.characters, texts) == (default_charset().characters, ["text"] * 3)
    assert_close(network.state_dict(), averaged.state_dict())
