from __future__ import annotations

import itertools
import json
import re
import shlex
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein
from typer.testing import CliRunner, Result

from ocrpipe.cli import app
from ocrpipe.environment import TRAINING
from ocrpipe.errors import ConfigError
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.synthesis.fonts import FontLibrary
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training import loop
from ocrpipe.training.checkpoint import CHECKPOINT, load_checkpoint
from ocrpipe.training.crnn import finetune as module
from ocrpipe.training.crnn.config import FinetuneConfig
from ocrpipe.training.crnn.corrected import load_lines
from ocrpipe.training.crnn.finetune import (
    Figure,
    finetune,
    mixture,
    rendered_lines,
    sample_crops,
    stand_ins,
)
from ocrpipe.training.crnn.lines import line_loader, to_training
from ocrpipe.training.crnn.objective import new_network
from ocrpipe.training.loop import Trainer

TINY = CRNNConfig(len(default_charset()), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)
FONTS = sorted((Path(__file__).parents[2] / "data" / "fonts").glob("Noto*"))
NOWHERE = np.empty(0, np.float32)
WORDS = ("one line", "two lines", "more of it", "the end", "1845", "a b c")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Line images with their texts, one of them with a character that is not in the charset."""
    folder = tmp_path / "own"
    folder.mkdir()
    for i, text in enumerate((*WORDS, "ſo")):
        image = np.full((32, 16 * len(text) + 16), 240, np.uint8)
        cv2.putText(image, text, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 30, 2, cv2.LINE_AA)
        Image.fromarray(image).save(folder / f"{i}.png")
        (folder / f"{i}.gt.txt").write_text(text, "utf-8")
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """Weights of a tiny model that has learnt nothing."""
    card = Card("start", "", TINY.to_dict(), charset=default_charset().characters)
    return save(new_network(default_charset(), TINY, seed=5).state_dict(), card, tmp_path)


@pytest.fixture(autouse=True)
def own_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' fonts instead of the system's."""
    monkeypatch.setattr(module, "some_fonts", lambda: FontLibrary.from_files(FONTS))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second a step, however fast the machine is."""
    ticks = itertools.count(0.0, 0.5)
    clock = SimpleNamespace(monotonic=lambda: next(ticks), perf_counter=time.perf_counter)
    monkeypatch.setattr(loop, "time", clock)


def settings(folder: Path, **changes: Any) -> FinetuneConfig:
    values = {"minutes": 0.025, "threads": 1, "prefetch": 8, "batch_pixels": 512, "bf16": False, "mix": 0.0}
    return FinetuneConfig(run=folder / "run", **{**values, **changes})


def test_lines_are_trained_on_measured_and_resumed(own: Path, start: Path, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = []
    messages: list[str] = []
    figures = finetune([own], settings(tmp_path), start=start, log=records.append, report=messages.append)
    assert messages[0] == f"{own}: 5 lines to train on, 1 held out"
    assert messages[1] == f"{own}: 1 line left out, the charset lacks characters of their text (ſ): 6.png"
    (figure,) = figures
    assert (figure.name, figure.lines) == (f"held out of {own}", 1)
    assert figure.before >= 0 and figure.after == records[-1][figure.name]
    assert records[-1]["step"] == 3
    assert (
        finetune([own], settings(tmp_path), start=start, log=records.append, report=messages.append)
        == figures
    )
    assert records[-1]["step"] == 3 and messages[-1].startswith(f"the training in {tmp_path / 'run'} is over")
    finetune([own], settings(tmp_path, minutes=0.05), start=start, log=records.append)
    assert records[-1]["step"] == 6


def test_rendered_lines_are_mixed_in_and_measured(own: Path, start: Path, tmp_path: Path) -> None:
    validation = tmp_path / "real"
    validation.mkdir()
    (validation / "gt.jsonl").write_text(
        json.dumps(
            {
                "image": "../own/0.png",
                "lines": [{"text": "one line", "quad": [[0, 0], [144, 0], [144, 32], [0, 32]]}],
            }
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MAX_MEASURED", 5)
        figures = finetune([own], settings(tmp_path, mix=0.5), start=start, validation=[validation])
    assert [(figure.name, figure.lines) for figure in figures] == [
        (f"held out of {own}", 1),
        ("rendered", 5),
        (str(validation), 1),
    ]


def test_a_training_that_is_stopped_has_no_figures_after_it(
    own: Path, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = Trainer.fit

    def stopping(trainer: Trainer[Any, Any], batches: Any) -> None:
        trainer.stop()
        fit(trainer, batches)

    monkeypatch.setattr(Trainer, "fit", stopping)
    (figure,) = finetune([own], settings(tmp_path, minutes=5.0), start=start)
    assert isinstance(figure, Figure) and figure.after is None
    assert (tmp_path / "run" / CHECKPOINT).exists()


def test_nothing_need_be_held_out(own: Path, start: Path, tmp_path: Path) -> None:
    assert finetune([own], settings(tmp_path, hold_out=0.0), start=start) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frames_fade": 0.1}, "frames_fade"),
        ({"hold_out": 1.0}, "hold_out"),
        ({"mix": -0.1}, "mix"),
        ({"interpolation": 0.0}, "interpolation"),
        ({"ema_decay": 0.9}, "with an ema_decay"),
    ],
)
def test_invalid_settings_are_refused(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(tmp_path, **wrong)


def blank(rng: np.random.Generator) -> LineSample:
    return LineSample(np.zeros((8, 8), np.uint8), "rendered", NOWHERE)


def test_the_mixture_has_the_fraction_asked_for(own: Path) -> None:
    lines = load_lines(own, default_charset()).lines
    for mix in (0.2, 0.8):
        render, rng = mixture(lines, lambda: blank, mix), np.random.default_rng(0)
        drawn = [render(rng).text for _ in range(300)]
        assert drawn.count("rendered") / 300 == pytest.approx(mix, abs=0.08)
        assert {*drawn} == {*WORDS, "rendered"}
    corrected_only = mixture(lines, None, 0.5)
    assert corrected_only(np.random.default_rng(0)).text in WORDS


def test_without_corpora_the_corrected_texts_and_patterns_stand_in() -> None:
    charset = default_charset()
    texts = stand_ins(["my own words", "我的字"], charset)
    assert "my own words" in texts["en"] and "我的字" in texts["zh"] and "我的字" not in texts["en"]
    assert len({*"".join(texts["zh"])}) > 3000 and len(set(texts["en"])) > 100
    render = rendered_lines(None, ["my own words"], charset, FontLibrary.from_files(FONTS))
    crops = sample_crops(render, charset, 12)
    assert [crop.text for crop in crops] == [crop.text for crop in sample_crops(render, charset, 12)]
    assert all(to_training(LineSample(crop.image, crop.text, NOWHERE), charset) for crop in crops)


def test_saved_weights_are_interpolated(own: Path, start: Path, tmp_path: Path) -> None:
    origin = load(start)[0]["classify.weight"]

    def distance(interpolation: float) -> float:
        config = settings(tmp_path / str(interpolation), interpolation=interpolation)
        finetune([own], config, start=start, workers=0)
        weight = load_checkpoint(config.run / CHECKPOINT, "crnn").weights["classify.weight"]
        return float((weight - origin).abs().mean())

    assert 0 < distance(1e-6) < 0.01 * distance(1.0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in ("train", "crnn", *arguments)])


@pytest.fixture
def restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TRAINING.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("restarted")
def test_the_command_line_passes_its_options_and_prints_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[Sequence[Path], FinetuneConfig, dict[str, Any]]] = []

    def tune(folders: Sequence[Path], config: FinetuneConfig, **options: Any) -> tuple[Figure, ...]:
        calls.append((folders, config, options))
        options["report"]("3 lines left out")
        return Figure("held out of own", 12, 0.5, 0.0625), Figure("rendered", 150, 0.1, None)

    monkeypatch.setattr(module, "finetune", tune)
    both = ("--data", tmp_path, "--data", tmp_path)
    options = ("--hold-out", 0.2, "--mix", 0.3, "--device", "cuda:1")
    result = run(*both, *options, "--validate", "real", "--set", "learning_rate=1e-4")
    assert (result.exit_code, result.stderr) == (0, "3 lines left out\n")
    ((folders, config, given),) = calls
    assert folders == [tmp_path, tmp_path]
    assert (config.hold_out, config.mix, config.learning_rate) == (0.2, 0.3, 1e-4)
    assert (config.run, config.minutes, config.device) == (Path("runs/finetune"), 5.0, "cuda:1")
    assert (given["corpora"], given["start"], given["validation"]) == (None, "crnn", [Path("real")])
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["held", "out", "of", "own", "12", "0.500", "0.062"] in rows
    assert ["rendered", "150", "0.100", "stopped"] in rows


@pytest.mark.usefixtures("restarted")
def test_the_command_line_refuses_what_does_not_go_together(tmp_path: Path) -> None:
    for arguments, message in (
        ((), "training needs --corpora, fine-tuning --data"),
        (("--corpora", tmp_path, "--mix", 0.5), "--hold-out and --mix go with --data"),
        (("--data", tmp_path, "--paper"), "--paper makes a new network"),
        (("--data", tmp_path, "--run", tmp_path / "run"), "neither gt.jsonl nor line images"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2 and message in result.stderr


TEXT = """It was a bright cold day in spring and the clocks were striking when the old captain came down from
the harbour with his papers under one arm. Nobody in the village knew what he had written in them, for he
kept them locked away in a wooden chest and answered every question with a quiet smile. Years later, when the
house had been sold, a boy found the key behind a loose brick above the window and took it to the judge.
""".split()


def odd_line(text: str) -> NDArray[np.uint8]:
    """A line in an unusual look: slanted far back, cut into stripes."""
    font = ImageFont.truetype(FONTS[1], 34, layout_engine=ImageFont.Layout.BASIC)
    image = Image.new("L", (round(font.getlength(text)) + 80, 56), 255)
    ImageDraw.Draw(image).text((20, 4), text, fill=0, font=font)
    leaning = image.transform(image.size, Image.Transform.AFFINE, (1, -0.8, 10, 0, 1, 0), fillcolor=255)
    striped = np.array(leaning)
    striped[:, ::5] = striped[:, 1::5] = 255
    return striped


PAGE = (Path(__file__).parents[3] / "docs" / "finetune.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("restarted")
def test_as_the_docs_say_an_odd_look_is_learnt_and_the_rest_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only shorter: 84 steps, on the same lines every time, however fast they are rendered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "line_loader", partial(line_loader, reuse=1e9))
    Path("lines").mkdir()
    rng = np.random.default_rng(0)
    for i in range(120):
        words = [TEXT[k] for k in rng.integers(len(TEXT), size=int(rng.integers(1, 5)))]
        Image.fromarray(odd_line(" ".join(words))).save(f"lines/{i}.png")
        Path(f"lines/{i}.gt.txt").write_text(" ".join(words), "utf-8")
    sh, python = re.findall(r"^```(?:sh|python)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    tune, export = map(shlex.split, sh.splitlines())
    shorter = (
        "--minutes",
        "0.7",
        "--set",
        "batch_pixels=4096",
        "--set",
        "prefetch=3000",
        "--hold-out",
        "0.2",
    )

    tuned = CliRunner().invoke(app, [*tune[1:], *shorter])
    assert tuned.exit_code == 0, tuned.output
    rates = {
        row[0]: (float(row[-2]), float(row[-1]))
        for row in map(str.split, tuned.stdout.splitlines())
        if row and row[0] in ("held", "rendered")
    }
    (held_before, held_after), (before, after) = rates["held"], rates["rendered"]
    assert held_before > 0.15
    assert held_after < 0.5 * held_before
    assert after < before + 0.02

    assert CliRunner().invoke(app, export[1:]).exit_code == 0
    names: dict[str, Any] = {}
    exec(compile(python, "docs/finetune.md", "exec", dont_inherit=True), names)
    texts = [" ".join(TEXT[k : k + 4]) for k in range(0, 40, 4)]
    tuned_read = "".join(line.text for line in names["pipe"].recognize([odd_line(text) for text in texts]))
    assert Levenshtein.normalized_distance(tuned_read, "".join(texts)) < 0.5 * held_before
