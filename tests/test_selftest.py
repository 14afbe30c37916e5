"""The self-test at loading: right networks pass on each runtime and in each precision, wrong ones do not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ocrpipe import runtime
from ocrpipe.detectors.ctpn.detector import CTPNDetector
from ocrpipe.environment import has_bf16
from ocrpipe.errors import WeightsError
from ocrpipe.pretrained.loader import FOLDER, read_card
from ocrpipe.pretrained.selftest import compare, projections
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer

Engine = Callable[..., object]
ENGINES: dict[str, Engine] = {"ctpn": CTPNDetector, "crnn": CRNNRecognizer}
RUNTIMES = ("openvino", "torch")


def copy_of(name: str, folder: Path) -> Path:
    """The package's weights and card, with a self-test, in a folder."""
    for suffix in ("safetensors", "json"):
        shutil.copy(FOLDER / f"{name}.{suffix}", folder)
    weights = folder / f"{name}.safetensors"
    if not read_card(weights.with_suffix(".json")).selftest:
        pytest.importorskip("torch")
        from ocrpipe.training.selftest import add_selftest

        add_selftest(weights)
    return weights


def change(weights: Path, change_array: Callable[[np.ndarray[Any, Any]], object], array: str) -> None:
    """Change an array in a weights file, and its card's checksum."""
    arrays = {key: value.copy() for key, value in load_file(weights).items()}
    change_array(arrays[array])
    save_file(arrays, weights)
    card = json.loads(weights.with_suffix(".json").read_text("utf-8"))
    card["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.with_suffix(".json").write_text(json.dumps(card), "utf-8")


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("chosen", RUNTIMES)
def test_the_packages_weights_pass(name: str, chosen: str, tmp_path: Path) -> None:
    pytest.importorskip(chosen)
    weights = copy_of(name, tmp_path)
    ENGINES[name](weights, threads=1, runtime=chosen)
    if name == "crnn":
        for bf16 in {False, has_bf16("cpu")}:
            CRNNRecognizer(weights, threads=1, runtime=chosen, bf16=bf16)


@pytest.mark.parametrize("chosen", RUNTIMES)
@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("ctpn", "backbone.fine.3.0.weight"),
        ("ctpn", "lstm.weight_hh_l0"),
        ("ctpn", "side.weight"),
        ("crnn", "stages.1.0.weight"),
        ("crnn", "rnn.1.back.weight_hh_l0"),
        ("crnn", "classify.weight"),
    ],
)
def test_a_damaged_array_with_a_right_checksum_is_an_error(
    name: str, array: str, chosen: str, tmp_path: Path
) -> None:
    """Numbers of a right size in a wrong order: nothing else can tell."""
    pytest.importorskip(chosen)
    weights = copy_of(name, tmp_path)
    change(weights, lambda values: np.random.default_rng(0).shuffle(values.reshape(-1)), array)
    with pytest.raises(WeightsError, match=f"{name}' on {chosen} with the weights .* fails its self-test"):
        ENGINES[name](weights, threads=1, runtime=chosen)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("fault", ["noise", "zeros", "half"])
def test_a_runtime_that_computes_wrong_numbers_is_an_error(
    name: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half is what was never computed where OpenMP ran one thread of two."""
    pytest.importorskip("openvino")
    weights = copy_of(name, tmp_path)
    right = runtime.CompiledNetwork.__call__

    def wrong(self: runtime.CompiledNetwork, *inputs: Any) -> list[Any]:
        outputs = right(self, *inputs)
        for output in outputs:
            if fault == "noise":
                output[...] = np.random.default_rng(0).normal(size=output.shape)
            elif fault == "zeros":
                output[...] = 0
            else:
                output[..., output.shape[-1] // 2 :] = 0
        return outputs

    monkeypatch.setattr(runtime.CompiledNetwork, "__call__", wrong)
    with pytest.raises(WeightsError, match=f"'{name}' on openvino .* fails its self-test"):
        ENGINES[name](weights, threads=1, runtime="openvino")


@pytest.mark.parametrize("name", ENGINES)
def test_weights_without_an_entry_are_not_tested(name: str, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    weights = copy_of(name, tmp_path)
    card = json.loads(weights.with_suffix(".json").read_text("utf-8"))
    del card["selftest"]
    weights.with_suffix(".json").write_text(json.dumps(card), "utf-8")
    ENGINES[name](weights, threads=1, runtime="openvino")


def test_numbers_that_are_none_or_too_few_are_an_error() -> None:
    output = np.arange(100, dtype=np.float32)
    wanted = projections([output])
    compare([output * 1.01], wanted, "it")
    compare([output], [], "it")
    for outputs in ([output * 1.3], [np.full(100, np.nan)], [output, output], []):
        with pytest.raises(WeightsError, match="^it fails its self-test"):
            compare(outputs, wanted, "it")


@pytest.mark.parametrize("entry", [1, [1], [["a"]], [[1e300]], [[0.0] * 1000], [[]] * 100, None])
def test_an_entry_of_another_kind_is_refused(entry: object, tmp_path: Path) -> None:
    card = {"name": "x", "sha256": "", "config": {}, "selftest": entry}
    (tmp_path / "x.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="is no weights card"):
        read_card(tmp_path / "x.json")


@pytest.mark.parametrize("name", ENGINES)
def test_it_is_added_to_a_card_and_nothing_else_changes(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from ocrpipe.training.selftest import add_selftest

    weights = copy_of(name, tmp_path)
    path = weights.with_suffix(".json")
    before = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(before | {"selftest": []}), "utf-8")
    add_selftest(weights)
    after = json.loads(path.read_text("utf-8"))
    assert {k: v for k, v in after.items() if k != "selftest"} == {
        k: v for k, v in before.items() if k != "selftest"
    }
    np.testing.assert_allclose(after["selftest"], before["selftest"], rtol=0.01, atol=0.01)
