from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import nn

from ocrpipe.environment import has_bf16
from ocrpipe.errors import ConfigError, PluginError, WeightsError
from ocrpipe.pretrained.loader import Card, save
from ocrpipe.recognizers.base import Recognition, Recognizer
from ocrpipe.recognizers.crnn import torch_network
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.decoding import label_log_probs
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.preprocess import prepare, to_input
from ocrpipe.recognizers.crnn.recognizer import CRNNRecognizer, Decoding
from ocrpipe.testing import check_recognizer

Crop = NDArray[np.uint8]

CHARSET = Charset("abcdefghijklmnopqrstuvwxyz 中国")
SLIM = CRNNConfig(len(CHARSET), channels=(8, 12, 16, 20), hidden=16, bottleneck=12)


def model_of(config: CRNNConfig = SLIM) -> CRNN:
    """Random weights and statistics, with logits as sharp as a trained network's."""
    torch.manual_seed(3)
    model = CRNN(config).eval()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
                assert part.running_var is not None
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 2)
        for name, parameter in model.named_parameters():
            if name.startswith(("rnn", "neck", "classify")) and parameter.ndim > 1:
                parameter.mul_(4)
        model.classify.bias[0] += 1.0
    return model


@pytest.fixture(scope="module")
def model() -> CRNN:
    return model_of()


@pytest.fixture(scope="module")
def recognizer(model: CRNN) -> CRNNRecognizer:
    return CRNNRecognizer.from_model(model, CHARSET, bf16=False)


def crop_of(text: str, scale: float = 1.0) -> Crop:
    crop = np.full((round(40 * scale), round((20 * len(text) + 10) * scale), 3), (250, 245, 230), np.uint8)
    place = round(5 * scale), round(30 * scale)
    cv2.putText(crop, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (20, 20, 90), 2, cv2.LINE_AA)
    return crop


CROPS = [
    crop_of("a line of text that goes on"),
    crop_of("x"),
    crop_of("of middling length", 0.6),
    crop_of("A BIG ONE", 2.5),
    crop_of("twelve more", 0.5)[..., 0],
    crop_of("a line of text, as long"),
]


def assert_same(one: Recognition, other: Recognition) -> None:
    assert one.text == other.text
    for a, b in zip(one.chars, other.chars, strict=True):
        assert a.text == b.text and (a.start, a.end) == (b.start, b.end)
        assert a.confidence == pytest.approx(b.confidence, abs=1e-4)


def raw_logits(model: CRNN, crop: Crop) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(torch.from_numpy(to_input(prepare(crop)))[None, None])[0]
    return logits


SHAPES = {
    "slim": SLIM,
    "deep and joined": replace(SLIM, blocks=(1, 0, 2, 1), join=10, bottleneck=0),
    "tall": replace(SLIM, height=40),
    "paper": CRNNConfig.paper(len(CHARSET)),
}


@pytest.mark.parametrize("config", SHAPES.values(), ids=SHAPES)
def test_openvino_computes_what_torch_does(config: CRNNConfig) -> None:
    """Features of lines that share rows, and the classes, in single precision; and the text."""
    model = model_of(config)
    pytest.importorskip("openvino")
    one, other = (
        CRNNRecognizer.from_model(model, CHARSET, bf16=False, threads=2, runtime=runtime)
        for runtime in ("torch", "openvino")
    )
    assert (one.runtime, other.runtime) == ("torch", "openvino")
    prepared = [prepare(crop, config.height) for crop in CROPS]
    with torch.inference_mode():
        expected = [np.asarray(line) for line in one._network.features(prepared)]
    found = other._network.features(prepared)
    scale = max(np.abs(line).max() for line in expected)
    for a, b in zip(expected, found, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 1e-4 * scale
    for read, again in zip(one.recognize(CROPS), other.recognize(CROPS), strict=True):
        assert_same(read, again)
    with torch.inference_mode():
        exact = one._network.log_probs(torch.from_numpy(expected[0]))
    assert np.abs(exact - other._network.log_probs(found[0])).max() < 1e-3


def test_openvino_reads_the_same_alone_in_any_batch_with_any_number_of_threads(model: CRNN) -> None:
    pytest.importorskip("openvino")
    for bf16, threads in product({False, has_bf16("cpu")}, (1, 3)):
        recognizer = CRNNRecognizer.from_model(model, CHARSET, bf16=bf16, threads=threads, runtime="openvino")
        alone = [recognizer.recognize([crop])[0] for crop in CROPS]
        for order in ([0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [0, 5], [0, 0, 0, 5, 5, 3] * 12):
            together = recognizer.recognize([CROPS[i] for i in order])
            for i, one in zip(order, together, strict=True):
                assert_same(alone[i], one)


def test_openvino_refuses_weights_of_another_shape(model: CRNN, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    state = model.state_dict()
    narrow = state | {"classify.weight": state["classify.weight"][:, 1:].contiguous()}
    cases = {
        "classify.weight is ": narrow,
        "rnn.1.back.bias_hh_l0 is missing": {k: v for k, v in state.items() if k != "rnn.1.back.bias_hh_l0"},
        "extra is unknown": state | {"extra": torch.ones(2)},
        "neck.more is unknown": state | {"neck.more": torch.ones(2)},
    }
    for message, tensors in cases.items():
        path = save(tensors, card(), tmp_path)
        with pytest.raises(WeightsError, match=f"do not fit .*{message}"):
            CRNNRecognizer(path, runtime="openvino")


@pytest.mark.parametrize(
    ("config", "decoding"),
    [
        (SLIM, Decoding()),
        (SLIM, Decoding(beam_width=4)),
        (SLIM, Decoding(lexicon=("ab", "cd"))),
        (CRNNConfig.paper(len(CHARSET)), Decoding()),
    ],
    ids=["slim", "slim beam", "slim lexicon", "paper"],
)
def test_a_crop_reads_the_same_alone_in_any_batch_in_any_order(
    config: CRNNConfig, decoding: Decoding
) -> None:
    recognizer = CRNNRecognizer.from_model(model_of(config), CHARSET, options=decoding, bf16=False)
    alone = [recognizer.recognize([crop])[0] for crop in CROPS]
    assert sum(len(one.text) for one in alone) > 20
    orders = [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [0, 5], [0, 0, 0, 5, 5, 3] * 12]
    for order in orders[:2] if config.backbone == "vgg" else orders:
        together = recognizer.recognize([CROPS[i] for i in order])
        for i, one in zip(order, together, strict=True):
            assert_same(alone[i], one)


def test_crops_of_several_widths_share_a_batch(
    recognizer: CRNNRecognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the test above would test nothing."""
    sizes = []
    decode = CRNNRecognizer._decode

    def record(self: CRNNRecognizer, images: list[Crop]) -> list[list[Any]]:
        sizes.append({image.shape[1] for image in images})
        return decode(self, images)

    monkeypatch.setattr(CRNNRecognizer, "_decode", record)
    recognizer.recognize(CROPS)
    assert any(len(widths) > 1 for widths in sizes) and len(sizes) > 2


def test_threads_change_neither_the_text_nor_the_settings_of_the_caller(
    model: CRNN, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are shared out among workers, each of which computes with one thread."""
    small = Decoding(language=0.0, batch_pixels=400)
    alone, shared = (
        CRNNRecognizer.from_model(model, CHARSET, bf16=False, threads=threads, options=small)
        for threads in (1, 3)
    )
    expected = texts(alone, CROPS * 3)
    before = torch.get_num_threads()
    seen: set[tuple[int, int]] = set()
    decode = CRNNRecognizer._decode

    def record(self: CRNNRecognizer, images: list[Crop]) -> list[list[Any]]:
        seen.add((threading.get_ident(), torch.get_num_threads()))
        return decode(self, images)

    monkeypatch.setattr(CRNNRecognizer, "_decode", record)
    assert texts(shared, CROPS * 3) == expected
    assert threading.get_ident() not in {thread for thread, _ in seen}
    assert {threads for _, threads in seen} == {1}
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before


@pytest.mark.parametrize("bf16", [False, True])
def test_it_keeps_the_contract_of_a_recognizer(model: CRNN, bf16: bool) -> None:
    recognizer = CRNNRecognizer.from_model(model, CHARSET, bf16=bf16)
    assert isinstance(recognizer, Recognizer)
    check_recognizer(recognizer)


def test_bf16_reads_nearly_the_same(model: CRNN, recognizer: CRNNRecognizer) -> None:
    """Random weights sit on the fence more often than trained ones, so only most characters agree."""
    rough = CRNNRecognizer.from_model(model, CHARSET, bf16=True)
    exact, other = "".join(texts(recognizer, CROPS)), "".join(texts(rough, CROPS))
    assert len(exact) > 20
    assert Levenshtein.distance(exact, other) <= 0.15 * len(exact)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 300), (300, 1), (20, 8000), (3, 4, 3), (1, 1, 3), (8000, 20), (1, 9000)], ids=str
)
@pytest.mark.parametrize("value", [0, 255, None])
def test_odd_crops_are_read_without_fuss(
    recognizer: CRNNRecognizer, shape: tuple[int, ...], value: int | None
) -> None:
    if value is None:
        crop = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    else:
        crop = np.full(shape, value, np.uint8)
    (one,) = recognizer.recognize([crop])
    assert "".join(char.text for char in one.chars) == one.text
    assert 0.0 <= one.confidence <= 1.0
    assert all(0 <= char.start <= char.end <= shape[1] for char in one.chars)


def test_views_are_read_like_copies(recognizer: CRNNRecognizer) -> None:
    page = np.full((200, 700, 3), 240, np.uint8)
    page[60:100, 50:600] = np.tile(CROPS[0], (1, 2, 1))[:40, :550]
    for view in (
        page[60:100, 50:600],
        page[60:100, 600:50:-1],
        page[60:100, 50:600, ::-1],
        page[60:100, ::2],
    ):
        assert not view.flags["C_CONTIGUOUS"]
        assert_same(*recognizer.recognize([view, np.ascontiguousarray(view)]))


def test_no_crops_give_no_text(recognizer: CRNNRecognizer) -> None:
    assert recognizer.recognize([]) == ()


@pytest.mark.parametrize(
    ("crop", "said"),
    [
        (np.zeros((0, 5), np.uint8), r"crop 1 is uint8\[0, 5\]"),
        (np.zeros((5, 5), np.float32), r"crop 1 is float32\[5, 5\]"),
        (np.zeros((5, 5, 4), np.uint8), r"uint8\[5, 5, 4\]"),
        (np.zeros((5, 5, 1), np.uint8), r"uint8\[5, 5, 1\]"),
        (np.zeros((1, 5, 5, 3), np.uint8), r"uint8\[1, 5, 5, 3\]"),
        (np.zeros(5, np.uint8), r"uint8\[5\]"),
        ([[0]], "crop 1 is list, not an array"),
    ],
)
def test_what_is_no_crop_is_refused(recognizer: CRNNRecognizer, crop: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        recognizer.recognize([CROPS[1], crop])


def test_spans_lie_inside_the_crop_and_increase(recognizer: CRNNRecognizer) -> None:
    for crop, one in zip(CROPS, recognizer.recognize(CROPS), strict=True):
        ends = [x for char in one.chars for x in (char.start, char.end)]
        assert ends == sorted(ends)
        assert all(0 <= x <= crop.shape[1] for x in ends)
        inner = [char for char in one.chars if char.end < crop.shape[1]]
        assert all(char.end > char.start for char in inner)
        assert all(char.end - char.start <= crop.shape[0] + 1e-6 for char in one.chars)


def test_text_and_confidence_are_the_network_s(model: CRNN, recognizer: CRNNRecognizer) -> None:
    (one,) = recognizer.recognize([CROPS[0]])
    probabilities = raw_logits(model, CROPS[0]).softmax(-1).numpy()
    best = probabilities.argmax(axis=1)
    starts = [t for t in range(len(best)) if best[t] and (t == 0 or best[t] != best[t - 1])]
    assert one.text == CHARSET.decode(best[starts].tolist())
    for start, char in zip(starts, one.chars, strict=True):
        assert char.confidence >= probabilities[start, best[start]] - 1e-4
        assert char.confidence <= probabilities[:, best[start]].max() + 1e-4


def test_calibration_divides_the_logits(model: CRNN, tmp_path: Path) -> None:
    paths = [
        save(model.state_dict(), card(name=f"t{calibration}", calibration=calibration), tmp_path)
        for calibration in (1.0, 3.0)
    ]
    ink = Decoding(language=0.0)
    sharp, soft = (CRNNRecognizer(path, bf16=False, options=ink).recognize([CROPS[0]])[0] for path in paths)
    assert sharp.text == soft.text
    assert soft.confidence < sharp.confidence - 0.05


@pytest.mark.parametrize("config", [SLIM, CRNNConfig.paper(len(CHARSET))], ids=["slim", "paper"])
def test_folding_the_normalisations_changes_nothing(config: CRNNConfig) -> None:
    model, fused = model_of(config), torch_network._fused(model_of(config))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())
    before, after = (raw_logits(one, CROPS[0]) for one in (model, fused))
    assert before.std() > 0.1
    assert (before - after).abs().max() < 1e-3 * before.abs().max()


def test_the_model_given_is_left_as_it_is(model: CRNN) -> None:
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    CRNNRecognizer.from_model(model, CHARSET).recognize(CROPS)
    assert model.training and before.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    model.eval()


def test_a_lexicon_decides_between_near_words(model: CRNN, recognizer: CRNNRecognizer) -> None:
    (plain,) = recognizer.recognize([CROPS[1]])
    assert plain.text
    near = plain.text[:-1] + ("a" if plain.text[-1] != "a" else "b")
    with_lexicon = CRNNRecognizer.from_model(
        model, CHARSET, options=Decoding(lexicon=(near, "far" * 9), max_distance=1), bf16=False
    )
    (read,) = with_lexicon.recognize([CROPS[1]])
    assert read.text == near and read.text != plain.text
    assert len(read.chars) == len(near) and read.confidence < plain.confidence
    far = Decoding(lexicon=("far" * 9,))
    without = CRNNRecognizer.from_model(model, CHARSET, options=far, bf16=False)
    assert texts(without, [CROPS[1]]) == [plain.text]


def test_a_beam_finds_at_least_as_probable_a_text(model: CRNN, recognizer: CRNNRecognizer) -> None:
    beam = CRNNRecognizer.from_model(model, CHARSET, options=Decoding(beam_width=8), bf16=False)
    for crop in CROPS[:3]:
        log_probs = raw_logits(model, crop).log_softmax(-1).numpy()
        texts = [one.recognize([crop])[0].text for one in (recognizer, beam)]
        scores = label_log_probs(log_probs, [CHARSET.encode(text) for text in texts])
        assert scores[1] >= scores[0] - 1e-3


@pytest.mark.parametrize("wrong", [{"beam_width": 0}, {"max_distance": -1}])
def test_decoding_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="make no sense"):
        Decoding(**wrong)  # type: ignore[arg-type]


def test_batches_hold_all_crops_and_little_padding() -> None:
    widths = np.random.default_rng(0).integers(1, 80, 300).tolist()
    widths = [32 * width for width in widths]
    options = Decoding()
    batches = list(torch_network._batches(widths, options.batch_pixels, options.max_padding))
    assert sorted(i for batch in batches for i in batch) == list(range(300))
    for batch in batches:
        widest, narrowest = max(widths[i] for i in batch), min(widths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * widest <= options.batch_pixels
        assert narrowest >= (1 - options.max_padding) * widest
    assert len(batches) < 120


def test_bf16_is_off_where_torch_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert has_bf16() is False


def card(name: str = "tiny", **changes: Any) -> Card:
    return replace(Card(name, "", SLIM.to_dict(), charset=CHARSET.characters), **changes)


@pytest.fixture
def weights(model: CRNN, tmp_path: Path) -> Path:
    return save(model.state_dict(), card(), tmp_path)


def edit_card(weights: Path, **changes: Any) -> None:
    path = weights.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), encoding="utf-8")


def texts(recognizer: Recognizer, crops: Sequence[Crop]) -> list[str]:
    return [one.text for one in recognizer.recognize(crops)]


def test_weights_from_a_file_read_like_the_model(weights: Path, recognizer: CRNNRecognizer) -> None:
    ink = Decoding(language=0.0)  # as that of `from_model`
    found = texts(CRNNRecognizer(weights, bf16=False, options=ink), CROPS)
    expected = texts(recognizer, CROPS)
    # The weights went through half precision.
    assert Levenshtein.distance("".join(found), "".join(expected)) <= 1 < 20 < len("".join(found))
    assert texts(CRNNRecognizer(str(weights), bf16=False, options=ink), CROPS) == found


def test_damaged_weights_are_refused_with_both_checksums(weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    said = hashlib.sha256(data).hexdigest()
    data[-7] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged") as caught:
        CRNNRecognizer(weights)
    assert said in str(caught.value) and hashlib.sha256(data).hexdigest() in str(caught.value)


def test_missing_weights_and_cards_are_refused(weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.json"):
        CRNNRecognizer(weights.with_stem("nowhere"))
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"cannot read the card .*tiny\.json"):
        CRNNRecognizer(weights)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": replace(SLIM, hidden=24).to_dict()}, "do not fit"),
        ({"config": {**SLIM.to_dict(), "colour": 3}}, "is no CRNN's: .*colour"),
        ({"config": {**SLIM.to_dict(), "backbone": "resnet"}}, "unknown CRNN backbone 'resnet'"),
        ({"config": {**SLIM.to_dict(), "channels": ["a", "b", "c", "d"]}}, "is no CRNN's"),
        ({"config": 5}, "no weights card"),
        ({"calibration": 0}, "no weights card"),
        ({"charset": "abc"}, "30 classes, its charset 4"),
        ({"charset": "aab"}, "each character once"),
    ],
)
def test_cards_of_another_network_are_refused(weights: Path, changes: dict[str, Any], said: str) -> None:
    edit_card(weights, **changes)
    with pytest.raises(WeightsError, match=said):
        CRNNRecognizer(weights)


def test_numbers_that_are_not_finite_are_an_error_that_names_the_engine() -> None:
    charset = Charset("ab")
    model = CRNN(CRNNConfig(3, channels=(4, 4, 4, 4), blocks=(0, 0, 0, 0), hidden=4, bottleneck=4))
    torch.nn.init.constant_(model.neck.bias, float("nan"))  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="'crnn'.*not finite"):
        CRNNRecognizer.from_model(model, charset).recognize([np.zeros((32, 64), np.uint8)])
