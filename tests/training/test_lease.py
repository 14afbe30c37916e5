from __future__ import annotations

import itertools
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocrpipe.cli.settings import changed
from ocrpipe.errors import ConfigError
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.training import lease as lease_module
from ocrpipe.training import loop
from ocrpipe.training import pack as packing
from ocrpipe.training.config import TrainConfig
from ocrpipe.training.crnn.objective import new_network
from ocrpipe.training.lease import Lease, default_configs, run_lease
from ocrpipe.training.pack import pack

_FONTS = Path(__file__).parents[1] / "data" / "fonts"
TINY = CRNNConfig(len(default_charset()), channels=(4, 4, 4, 4), hidden=4, bottleneck=4)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(packing, "_LARGE_FONT", 70_000)
    fonts, corpora = tmp_path / "fonts" / "some", tmp_path / "corpora"
    shutil.copytree(_FONTS, fonts)
    corpora.mkdir()
    (corpora / "en.txt").write_text("The quick brown fox jumps over the lazy dog.\n", encoding="utf-8")
    (corpora / "zh.txt").write_text("中国人在这来了，我不是一人。\n", encoding="utf-8")
    pack(corpora, tmp_path / "bundle.tar", limit=2_000_000, folders=[fonts])
    return tmp_path / "bundle.tar"


@pytest.fixture
def start(tmp_path: Path) -> str:
    charset = default_charset()
    card = Card("crnn", "", TINY.to_dict(), charset=charset.characters)
    return str(save(new_network(charset, TINY).state_dict(), card, tmp_path / "start"))


def small_configs(*settings: str) -> dict[str, TrainConfig]:
    small = "threads=1", "prefetch=16", "bf16=false", "batch_pixels=512"
    configs = default_configs("cpu")
    return {**configs, "crnn": changed(configs["crnn"], [*small, *settings])}


def test_a_lease_leaves_weights_log_and_summary(bundle: Path, start: str, tmp_path: Path) -> None:
    configs = small_configs("max_steps=2")
    lease = Lease(bundle, tmp_path / "out", tmp_path / "work", 5.0, ("crnn",), {"crnn": start}, "cpu", 0)
    records: list[dict[str, Any]] = []
    summary = run_lease(lease, configs, log=records.append)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert summary["models"]["crnn"]["steps"] == 2 and summary["too_large"] == []
    assert summary["models"]["crnn"]["examples"] >= 16
    rows = [json.loads(row) for row in (tmp_path / "out" / "log.jsonl").read_text("utf-8").splitlines()]
    assert rows[-1]["model"] == "crnn" and rows[-1]["step"] == 2 and len(rows) == len(records)
    for path in ("crnn.safetensors", "live/crnn.safetensors"):
        tensors, card = load(tmp_path / "out" / path)
        assert (card.name, card.charset) == ("crnn", default_charset().characters)
        assert tensors["classify.weight"].shape == (TINY.classes, 4)


def test_a_lease_ends_on_time(
    bundle: Path, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(0.0, 0.5)  # half a second a look at the clock, however fast the machine is
    clock = SimpleNamespace(monotonic=lambda: next(ticks), perf_counter=time.perf_counter)
    for module in (lease_module, loop):
        monkeypatch.setattr(module, "time", clock)
    configs = small_configs("log_minutes=0.01")
    lease = Lease(bundle, tmp_path / "out", tmp_path / "work", 0.75, ("crnn",), {"crnn": start}, "cpu", 0)
    summary = run_lease(lease, configs)
    assert 1 <= summary["models"]["crnn"]["steps"] < 30 / 0.5  # some of the time is kept for closing
    assert 0.5 <= summary["minutes"] < 0.75
    assert (tmp_path / "out" / "crnn.safetensors").exists()


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="crnn and ctpn"):
        run_lease(Lease(tmp_path / "x", tmp_path, tmp_path, 1.0, ("other",)))
