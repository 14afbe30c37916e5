from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.modules.module import register_module_parameter_registration_hook

from ocrpipe.errors import WeightsError
from ocrpipe.pretrained import loader
from ocrpipe.pretrained.loader import Card, load, read_card, save

CARD = Card("tiny", "", {"classes": 3}, charset="ab", recipe="ten minutes", accuracy={"x": {"cer": 0.1}})


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "norm.num_batches_tracked": torch.tensor(7),
        "turned": torch.randn(5, 6).T,
    }


def test_what_was_saved_is_loaded(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = save(tensors, CARD, tmp_path / "new")
    assert path == tmp_path / "new" / "tiny.safetensors"
    loaded, card = load(path)
    assert loaded.keys() == tensors.keys()
    for key, tensor in tensors.items():
        assert loaded[key].dtype == tensor.dtype
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(loaded[key], expected)
    assert card.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert replace(card, sha256="") == CARD
    assert path.stat().st_size < 2 * sum(t.numel() for t in tensors.values()) + 500
    assert sorted(p.name for p in path.parent.iterdir()) == ["tiny.json", "tiny.safetensors"]


def test_a_name_means_what_ships(
    tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "FOLDER", tmp_path)
    path = save(tensors, CARD, tmp_path)
    assert load("tiny")[1] == load(str(path))[1] == load(path)[1]
    with pytest.raises(WeightsError, match=r"cannot read the card .*other\.json: No such file"):
        load("other")


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_damaged_weights_are_named_with_both_checksums(
    tensors: dict[str, Tensor], tmp_path: Path, damage: str
) -> None:
    path = save(tensors, CARD, tmp_path)
    data = path.read_bytes()
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    path.write_bytes({"flip": flipped, "cut": data[:-10], "empty": b""}[damage])
    with pytest.raises(WeightsError) as caught:
        load(path)
    for part in ("damaged", str(path), *(hashlib.sha256(d).hexdigest() for d in (data, path.read_bytes()))):
        assert part in str(caught.value)


def test_a_missing_file_is_named(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = save(tensors, CARD, tmp_path)
    path.unlink()
    with pytest.raises(WeightsError, match=r"cannot read the weights .*tiny\.safetensors: No such file"):
        load(path)


def test_a_file_of_another_kind_is_refused(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    path = save(tensors, CARD, tmp_path)
    path.write_bytes(b"no tensors here")
    described = json.loads(path.with_suffix(".json").read_text("utf-8"))
    described["sha256"] = hashlib.sha256(b"no tensors here").hexdigest()
    path.with_suffix(".json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(WeightsError, match="is no safetensors file"):
        load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"\xff\xfe",
        b'{"name": "x"}',
        b'{"name": "x", "sha256": "", "config": {}, "colour": 1}',
        b'{"name": "x", "sha256": "", "config": []}',
        b'{"name": "x", "sha256": "", "config": {}, "charset": 5}',
        b'{"name": "x", "sha256": "", "config": {}, "calibration": "1"}',
        b'{"name": "x", "sha256": "", "config": {}, "calibration": -1}',
        b'{"name": "x", "sha256": "", "config": {}, "calibration": Infinity}',
        b'{"name": "x", "sha256": "", "config": {"heights": [NaN]}}',
        b'{"name": "x", "sha256": "", "config": {}, "calibration": 1e9}',
        b'{"name": "x", "sha256": 5, "config": {}}',
        b"[" * 100_000,
        b'{"name": "x", "sha256": "", "config": {}, "charset": "' + b"x" * 4_000_000 + b'"}',
    ],
)
def test_what_is_no_card_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"x\.json is no weights card"):
        read_card(tmp_path / "x.json")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e6])
def test_numbers_that_half_precision_lacks_are_not_saved(number: float, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="norm is not finite"):
        save({"norm": torch.tensor([1.0, number])}, CARD, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_save_leaves_the_old_file(
    tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tensors, CARD, tmp_path)

    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            save({"other": torch.zeros(3)}, CARD, tmp_path)
    assert load(path)[0].keys() == tensors.keys()


def test_engines_load_the_weights_that_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    from ocrpipe.detectors.ctpn import CTPNDetector
    from ocrpipe.recognizers.crnn import CRNNRecognizer

    loaded: list[str] = []

    def record(path: Path) -> Card:
        loaded.append(path.stem)
        return read_card(path)

    monkeypatch.setattr(loader, "read_card", record)
    for name, engine in (("ctpn", CTPNDetector), ("crnn", CRNNRecognizer)):
        loaded.clear()
        engine()
        assert loaded == [*loader.WEIGHTS_OF[name]]
    assert set(loader.WEIGHTS_OF) == {"ctpn", "crnn"}


def test_checksums_are_those_of_the_files() -> None:
    for engine, names in loader.WEIGHTS_OF.items():
        files = [(loader.FOLDER / f"{name}.safetensors").read_bytes() for name in names]
        assert loader.checksums(engine) == [hashlib.sha256(data).hexdigest() for data in files]
    assert loader.checksums("tesseract") == []


def written(folder: Path, tensors: dict[str, Tensor], card: Card = CARD) -> Path:
    """Weights written without the checks of ``save``."""
    from safetensors.torch import save as serialise

    data = serialise(tensors)
    described = asdict(replace(card, sha256=hashlib.sha256(data).hexdigest()))
    path = folder / f"{card.name}.safetensors"
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps(described), "utf-8")
    return path


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [
        (torch.tensor([1.0, float("nan")]), "x holds numbers that are not finite"),
        (torch.tensor([1.0, float("-inf")]).half(), "x holds numbers that are not finite"),
        (torch.zeros(3), "all of them are zero"),
    ],
)
def test_weights_of_no_use_are_refused(tensor: Tensor, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=complaint):
        load(written(tmp_path, {"x": tensor}))


@pytest.mark.parametrize("engine", ["ctpn", "crnn"])
@pytest.mark.parametrize("change", ["integers", "length", "missing", "unknown"])
def test_tensors_that_do_not_fit_are_refused(engine: str, change: str, tmp_path: Path) -> None:
    tensors, card = load(engine)
    key = next(key for key, tensor in tensors.items() if tensor.ndim > 1)
    if change == "integers":
        tensors[key] = torch.ones(tensors[key].shape, dtype=torch.int64)
    elif change == "length":
        tensors[key] = tensors[key][:-1].clone()
    elif change == "missing":
        del tensors[key]
    else:
        tensors[key := "more"] = torch.ones(3)
    with pytest.raises(WeightsError, match=key):
        engine_of(engine)(written(tmp_path, tensors, card))


HUGE = 1_000_000_000


@pytest.mark.parametrize(
    ("engine", "config"),
    [
        ("crnn", {"blocks": [HUGE, 1, 1, 1]}),
        ("crnn", {"blocks": [100, 100, 100, 100], "channels": [100_000] * 4}),
        ("crnn", {"hidden": 90_000}),
        ("crnn", {"classes": HUGE}),
        ("crnn", {"height": 32.5}),
        ("crnn", {"channels": [0, 1, 1, 1]}),
        ("ctpn", {"widths": [HUGE] * 5}),
        ("ctpn", {"widths": [10_000] * 5}),
        ("ctpn", {"hidden": "64"}),
        ("ctpn", {"heights": [1e300]}),
        ("ctpn", {"heights": list(range(1, 1000))}),
        ("ctpn", {"features": 0}),
    ],
)
def test_huge_networks_are_refused_before_they_are_made(
    engine: str, config: dict[str, object], tmp_path: Path
) -> None:
    tensors, card = load(engine)
    path = written(tmp_path, tensors, replace(card, config=card.config | config))
    made: list[Tensor] = []
    hook = register_module_parameter_registration_hook(lambda _module, _name, tensor: made.append(tensor))
    try:
        with pytest.raises(WeightsError):
            engine_of(engine)(path)
    finally:
        hook.remove()
    assert len(made) < 10_000 and all(tensor.is_meta for tensor in made)


def engine_of(name: str) -> Callable[[Path], object]:
    from ocrpipe.detectors.ctpn import CTPNDetector
    from ocrpipe.recognizers.crnn import CRNNRecognizer

    return CTPNDetector if name == "ctpn" else CRNNRecognizer


@pytest.mark.parametrize("change", ["scalar", "float labels", "negative sizes"])
def test_a_language_model_of_other_arrays_is_refused(change: str) -> None:
    from ocrpipe.recognizers.crnn.language import CharacterModel

    arrays = CharacterModel.build(["abab", "abba"], "ab").arrays()
    if change == "scalar":
        arrays["single"] = arrays["single"][0]
    elif change == "float labels":
        arrays["labels2"] = arrays["labels2"].astype(float)
    else:
        arrays["sizes2"] = arrays["sizes2"] - 5
    with pytest.raises(WeightsError, match="language model"):
        CharacterModel.from_arrays(arrays, "ab")
