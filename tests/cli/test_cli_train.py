from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw
from typer.testing import CliRunner, Result

from ocrpipe.cli import app
from ocrpipe.cli.settings import configured
from ocrpipe.detectors.ctpn import CTPN, CTPNConfig, CTPNDetector
from ocrpipe.environment import TRAINING
from ocrpipe.errors import ConfigError
from ocrpipe.pretrained.loader import load
from ocrpipe.recognizers.crnn import CRNN, CRNNConfig, CRNNRecognizer, default_charset
from ocrpipe.training.crnn import session as crnn_session
from ocrpipe.training.crnn.training import TrainConfig
from ocrpipe.training.ctpn import session as ctpn_session
from ocrpipe.training.ctpn import training as ctpn_training

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
        TrainConfig, ["learning_rate=1e-3", "bf16=false", "seed=7"], minutes=5.0, threads=None
    )
    assert (config.learning_rate, config.bf16, config.seed, config.minutes) == (1e-3, False, 7, 5.0)
    assert config.threads == TrainConfig().threads
    assert configured(ctpn_training.TrainConfig, ["max_steps=3"]).max_steps == 3


@pytest.mark.parametrize(
    "setting", ["nothing=1", "seed", "seed=1.5", "bf16=yes", "clip=much", "minutes=3", "run=elsewhere"]
)
def test_nonsense_settings_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting.split("=")[-1]):
        configured(TrainConfig, [setting], minutes=None)


def test_crnn_is_trained_as_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[Path, TrainConfig, dict[str, Any]]] = []

    def train(
        corpora: Path, config: TrainConfig, *, log: Callable[[dict[str, Any]], None], **options: Any
    ) -> None:
        calls.append((corpora, config, options))
        log({"minutes": 0.5, "step": 3, "lines": 40, "ctc": 1.25, "lines_per_second": 99.5})
        log({"minutes": 0.5, "step": 3, "lines": 40, "funsd": 0.25})

    monkeypatch.setattr(crnn_session, "train", train)
    options = ("--run", tmp_path / "run", "--minutes", 8, "--start", "crnn", "--paper", "--set", "seed=3")
    result = run("crnn", "--corpora", tmp_path, "--validate", "a", "--validate", "b", *options)
    assert (result.exit_code, result.stdout) == (0, "")
    ((corpora, config, others),) = calls
    assert (corpora, config.run, config.minutes, config.seed) == (tmp_path, tmp_path / "run", 8, 3)
    assert others["validation"] == [Path("a"), Path("b")]
    assert (others["start"], others["model"].backbone) == ("crnn", "vgg")
    first, second = result.stderr.splitlines()
    assert first == "0.5 of 8 min  step 3  lines 40  ctc 1.25  lines/s 99.5"
    assert second.endswith("funsd 0.25")


def test_ctpn_is_trained_as_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[tuple[ctpn_training.TrainConfig, Any, Any]] = []

    def train(
        config: ctpn_training.TrainConfig, source: Any, *, evaluate: Any, report: Callable[[str], object]
    ) -> None:
        calls.append((config, source, evaluate))
        report("step 3  total [1.5]")

    monkeypatch.setattr(ctpn_training, "train", train)
    result = run("ctpn", "--corpora", tmp_path, "--run", tmp_path / "run", "--workers", 2, "--validate", "a")
    assert (result.exit_code, result.stderr) == (0, "step 3  total [1.5]\n")
    ((config, source, evaluate),) = calls
    assert (config.folder, config.workers, config.model) == (tmp_path / "run", 2, CTPNConfig())
    assert isinstance(source, partial) and source.args == (tmp_path,)
    assert evaluate.keywords == {"folders": [Path("a")]}


def test_crnn_is_exported(tmp_path: Path) -> None:
    classes = len(default_charset())
    model = CRNN(CRNNConfig(classes, channels=(4, 4, 4, 4), hidden=4, bottleneck=4))
    torch.save(
        {"model": model.state_dict(), "model_config": model.config.to_dict()}, tmp_path / "checkpoint.pt"
    )
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps([{"set": "funsd", "CER": 0.25, "F": None}]))
    peer = tmp_path / "peer.json"
    peer.write_text(json.dumps([{"set": "funsd", "CER": 0.2, "WER": 0.3}, {"set": "sroie", "CER": 0.1}]))
    options = ("--recipe", "a minute", "--figures", figures, "--calibration", 1.5, "--out", tmp_path / "out")
    result = run("export", "crnn", "--run", tmp_path, *options, "--against", f"Peer 1={peer}")
    assert result.stdout == f"{tmp_path / 'out' / 'crnn.safetensors'}\n"
    _, card = load(tmp_path / "out" / "crnn.safetensors")
    accuracy = {"funsd": {"CER": 0.25, "over": {"Peer 1": {"CER": 0.05}}}}
    assert (card.recipe, card.accuracy, card.calibration) == ("a minute", accuracy, 1.5)
    CRNNRecognizer(tmp_path / "out" / "crnn.safetensors")


def test_ctpn_is_exported_with_its_average(tmp_path: Path) -> None:
    model, average = CTPN(TINY_CTPN), CTPN(TINY_CTPN)
    state = {"model": model.state_dict(), "average": average.state_dict(), "config": TINY_CTPN.to_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    result = run("export", "ctpn", "--run", tmp_path, "--recipe", "none", "--out", tmp_path / "out")
    assert result.exit_code == 0
    weights, _ = load(tmp_path / "out" / "ctpn.safetensors")
    expected = average.state_dict()
    assert all(
        torch.allclose(weights[name], expected[name].to(weights[name].dtype), atol=1e-2) for name in expected
    )
    CTPNDetector(tmp_path / "out" / "ctpn.safetensors")


def test_other_weights_are_mixed_in(tmp_path: Path) -> None:
    states = []
    for name in ("one", "two"):
        model = CTPN(TINY_CTPN)
        state = {"model": model.state_dict(), "average": model.state_dict(), "config": TINY_CTPN.to_dict()}
        (tmp_path / name).mkdir()
        torch.save(state, tmp_path / name / "checkpoint.pt")
        states.append(model.state_dict())
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    assert run("export", "ctpn", "--run", one, "--recipe", "none", "--out", one).exit_code == 0
    arguments = ("export", "ctpn", "--run", two, "--recipe", "none", "--out", out, "--blend")
    assert run(*arguments, f"{one / 'ctpn.safetensors'}=0.25").exit_code == 0
    weights, _ = load(out / "ctpn.safetensors")
    for name, tensor in weights.items():
        expected = (0.25 * states[0][name] + 0.75 * states[1][name]).to(tensor.dtype)
        assert torch.allclose(tensor, expected, atol=1e-2)
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
    figures = ctpn_session.real_page_figures(CTPN(TINY_CTPN), [folder])
    assert set(figures) == {"pages"}
    assert 0 <= figures["pages"] <= 1


def test_a_recogniser_is_grown(tmp_path: Path) -> None:
    assert run("grow", "crnn", "--blocks", "1,2,2,3", "--out", tmp_path).exit_code == 0
    _, card = load(tmp_path / "crnn.safetensors")
    assert card.config["blocks"] == [1, 2, 2, 3]
    for wrong in ("many", "0,0,0,0", "1,2"):
        assert run("grow", "crnn", "--blocks", wrong, "--out", tmp_path).exit_code == 2
