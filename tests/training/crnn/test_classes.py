"""The class layer: another charset, imprinted characters, characters that are still misread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from numpy.typing import NDArray

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.classes import LEVELS, SIZES, character_crops, evaluate_classes, level_of, misread
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.base import Recognition
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.synthesis.fonts import Font
from ocrpipe.synthesis.lines import NO_CENTERS, LineSample
from ocrpipe.synthesis.text import ClassWeights
from ocrpipe.training.crnn.classes import (
    ClassSamples,
    ClassTracker,
    extend_charset,
    extend_weights,
    imprint,
)
from ocrpipe.training.crnn.lines import TrainingLine

OWN = Charset("abcdef")
SMALL = CRNNConfig(len(OWN), channels=(4, 6, 8, 10), hidden=8, bottleneck=12)


IMAGES = torch.randn(4, 1, 32, 256, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def network_of() -> CRNN:
    """A network with random weights that reads various characters in ``IMAGES``."""
    torch.manual_seed(0)
    network = CRNN(SMALL).eval()
    features = network.features(IMAGES).flatten(0, 1)
    weight = torch.randn(len(OWN), SMALL.bottleneck) / features.std(0)
    network.classify.weight.copy_(weight)
    network.classify.bias.copy_(-weight @ features.mean(0))
    return network


def read(network: CRNN, charset: Charset) -> list[str]:
    """The best class of each frame of ``IMAGES``, as text."""
    with torch.inference_mode():
        return [charset.decode(line) for line in network.eval()(IMAGES).argmax(2).tolist()]


@pytest.mark.parametrize("characters", ["abcdef", "abcdefgh", "xfyedzcbaw", "fedcba大国中"])
def test_an_extended_network_reads_as_before(characters: str) -> None:
    network = network_of()
    extended = extend_charset(network.state_dict(), SMALL, OWN.characters, Charset(characters))
    assert extended.config == replace(SMALL, classes=len(characters) + 1)
    before = read(network, OWN)
    assert len(set("".join(before))) > 3
    assert read(extended, Charset(characters)) == before


def test_characters_can_be_removed() -> None:
    network = network_of()
    smaller = extend_charset(network.state_dict(), SMALL, OWN.characters, Charset("ca"))
    assert torch.equal(smaller.classify.weight, network.classify.weight[[0, 3, 1]])
    assert torch.equal(smaller.classify.bias, network.classify.bias[[0, 3, 1]])


def test_the_same_charset_changes_nothing() -> None:
    network = network_of()
    same = extend_charset(network.state_dict(), SMALL, OWN.characters, OWN)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])


@pytest.fixture
def clusters() -> tuple[CRNN, ClassSamples, ClassSamples]:
    """A network that tells blanks from characters only, and two samples of the features of twelve classes."""
    config = replace(SMALL, classes=13, bottleneck=16)
    network = CRNN(config)
    generator = torch.Generator().manual_seed(0)
    axis = torch.zeros(16)
    axis[0] = 1.0
    with torch.no_grad():  # the first feature tells characters from the background
        network.classify.weight.normal_(0, 0.01, generator=generator)
        network.classify.bias.zero_()
        network.classify.weight[0] -= 4 * axis
        network.classify.weight[1:] += 4 * axis
    centers = torch.cat([torch.ones(12, 1), 2 * torch.eye(12, 15)], 1)

    def samples(count: int) -> ClassSamples:
        labels = torch.arange(12).repeat(count)
        spread = 0.4 * torch.randn(len(labels), 16, generator=generator)
        return ClassSamples(centers[labels] + spread, labels + 1)

    return network, samples(40), samples(40)


def test_imprinted_classes_are_told_apart(clusters: tuple[CRNN, ClassSamples, ClassSamples]) -> None:
    network, train, test = clusters

    def accuracy() -> float:
        best = network.classify(test.features).argmax(1)
        return float((best == test.labels).float().mean())

    assert accuracy() < 0.3
    assert imprint(network, train) == list(range(1, 13))
    assert accuracy() > 0.9


def test_imprinting_keeps_background_blank(clusters: tuple[CRNN, ClassSamples, ClassSamples]) -> None:
    network, train, _ = clusters
    background = 0.25 * torch.randn(200, 16, generator=torch.Generator().manual_seed(1))
    background[:, 0] -= 1.0
    assert network.classify(background).argmax(1).eq(0).all()
    imprint(network, train)
    assert network.classify(background).argmax(1).eq(0).float().mean() > 0.98


def test_only_the_classes_of_the_samples_change(clusters: tuple[CRNN, ClassSamples, ClassSamples]) -> None:
    network, train, _ = clusters
    before = network.classify.weight.detach().clone()
    chosen = train.labels <= 4
    assert imprint(network, ClassSamples(train.features[chosen], train.labels[chosen])) == [1, 2, 3, 4]
    changed = (network.classify.weight != before).any(1)
    assert changed.tolist() == [False] + [True] * 4 + [False] * 8


def test_samples_are_features_where_characters_are_emitted() -> None:
    network = network_of()
    image = np.random.default_rng(0).integers(0, 255, (32, 128), np.uint8)
    line = TrainingLine(image, np.array([2, 5], np.int16), np.array([6.0, 31.9], np.float32))
    unknown = TrainingLine(image, np.array([1], np.int16), NO_CENTERS)
    samples = ClassSamples.of(network, [line, unknown])
    assert samples.labels.tolist() == [2, 5] and samples.features.shape == (2, 12)
    with torch.inference_mode():
        features = network.features(torch.from_numpy(image / np.float32(127.5) - 1)[None, None])[0]
        scores = network.classify(features)
        margin = scores[:, 1:].amax(1) - scores[:, 0]
    for feature, (low, high) in zip(samples.features, ((4, 9), (29, 32)), strict=True):
        frame = low + int(margin[low:high].argmax())
        assert torch.allclose(feature, features[frame], atol=1e-5)


def test_extended_weights_are_a_file_with_its_card(tmp_path: Path) -> None:
    start = save(
        network_of().state_dict(),
        Card("crnn", "", SMALL.to_dict(), OWN.characters, recipe="old", accuracy={"x": {"CER": 0.1}}),
        tmp_path / "start",
    )
    charset = Charset("abcdefgh")

    def render(rng: np.random.Generator) -> LineSample:
        text = "".join(rng.choice(list("abgh"), 4))
        image = rng.integers(0, 255, (32, 160), np.uint8)
        return LineSample(image, text, np.linspace(20, 140, 4, dtype=np.float32))

    path, imprinted = extend_weights(start, charset, render, 12, tmp_path / "out")
    assert (path, imprinted) == (tmp_path / "out" / "crnn.safetensors", 4)
    tensors, card = load(path)
    assert (card.charset, card.config["classes"], card.accuracy) == ("abcdefgh", 9, {})
    network = CRNN(CRNNConfig.from_dict(card.config))
    network.load_state_dict(tensors)
    untouched = load(start)[0]["classify.weight"][3:7]
    assert torch.equal(network.classify.weight[3:7], untouched)
    assert not torch.equal(network.classify.weight[7], network.classify.weight[8])


CHARACTERS = "天地玄黄宇宙洪荒"


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> Font:
    """A face with a box of its own width for each character of ``CHARACTERS`` and of the sentence."""
    text = "这里写着个字" + CHARACTERS
    names = {ord(character): f"box{i}" for i, character in enumerate(text)}
    glyphs, metrics = {}, {}
    for i, name in enumerate([".notdef", *names.values()]):
        pen = TTGlyphPen(None)
        right = 300 + 40 * i
        for point, draw in zip(
            [(100, 0), (100, 700), (right, 700), (right, 0)], (pen.moveTo, *[pen.lineTo] * 3), strict=True
        ):
            draw(point)
        pen.closePath()
        glyphs[name], metrics[name] = pen.glyph(), (1000, 100)
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(metrics)
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path_factory.mktemp("fonts") / "boxes.ttf"
    builder.save(path)
    return Font(path, 0, frozenset({"han"}), frozenset(names))


class Reader:
    """Reads every character but the given ones, by the order in which they are asked for."""

    def __init__(self, asked: Sequence[str], unknown: str = "") -> None:
        self.asked, self.unknown = iter(asked), unknown
        self.sizes: list[int] = []

    def recognize(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[Recognition, ...]:
        self.sizes += [crop.shape[0] for crop in crops]
        characters = [next(self.asked) for _ in crops]
        texts = (f"这里写着{'口' if c in self.unknown else c}这个字" for c in characters)
        return tuple(Recognition(text, ()) for text in texts)


def test_crops_show_each_character_in_a_sentence(font: Font) -> None:
    crops = character_crops(font, 28, CHARACTERS)
    assert len(crops) == len(CHARACTERS)
    assert len({crop.tobytes() for crop in crops}) == len(CHARACTERS)
    for crop in crops:
        assert crop.dtype == np.uint8 and crop.ndim == 2
        ink = np.flatnonzero((crop < 128).any(0))
        assert np.ptp(ink) > 28 * 6  # eight characters
    with pytest.raises(ConfigError, match=r"boxes\.ttf cannot draw"):
        character_crops(font, 28, "囧")


def test_characters_that_are_misread_are_found(font: Font) -> None:
    assert misread(Reader(CHARACTERS, "宙玄"), font, 28, CHARACTERS) == {"宙", "玄"}
    assert misread(Reader(CHARACTERS), font, 28, CHARACTERS) == set()
    assert misread(Reader(CHARACTERS, "地囧"), font, 28, CHARACTERS + "囧") == {"地"}  # one is not drawn


@pytest.mark.parametrize(
    ("hanzi", "level"),
    [("啊", 0), ("座", 0), ("亍", 1), ("齄", 1), ("镕", 2), ("為", 2), ("𫖯", 2), ("䜣", 2)],
)
def test_the_level_of_a_hanzi(hanzi: str, level: int) -> None:
    assert level_of(hanzi) == LEVELS[level]


def test_hanzi_are_counted_by_face_size_and_level(font: Font) -> None:
    wrong = CHARACTERS[1]
    groups = [[character for character in CHARACTERS if level_of(character) == level] for level in LEVELS]
    asked = [character for group in groups for character in group] * len(SIZES)
    results = evaluate_classes(Reader(asked, wrong), [font], f"abc囧{CHARACTERS}{CHARACTERS}")
    assert [(result.size, result.level) for result in results] == [
        (size, level) for size in SIZES for level in LEVELS
    ]
    for result, own in zip(results, groups * len(SIZES), strict=True):
        assert result.total == len(own)
        assert result.misread == tuple(character for character in own if character == wrong)
        assert result.fraction == 1 - len(result.misread) / max(1, len(own))
    few = evaluate_classes(Reader(asked), [font], CHARACTERS, limit=2)
    assert [result.total for result in few] == [min(2, len(group)) for group in groups * len(SIZES)]


def test_a_tracker_weighs_characters_by_how_often_they_are_misread(font: Font, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    tracker = ClassTracker(CHARACTERS, path, [font])
    rates = [tracker.measure(Reader(CHARACTERS[part::4], "荒洪")) for part in range(4)]
    assert rates == [0.0, 0.0, 0.5, 0.5]  # a quarter of the characters at a time
    weights = json.loads(path.read_text("utf-8"))
    assert weights == {c: 2.5 if c in "荒洪" else 1.5 for c in CHARACTERS}
    for _ in range(10):
        for part in range(4):
            tracker.measure(Reader(CHARACTERS[part::4], "荒洪"))
    weights = json.loads(path.read_text("utf-8"))
    assert weights["荒"] == pytest.approx(3.0, abs=0.01) and weights["天"] == pytest.approx(1.0, abs=0.01)


def test_a_tracker_measures_in_all_faces_and_sizes(font: Font, tmp_path: Path) -> None:
    other = replace(font, coverage=font.coverage - {ord("天")})
    tracker = ClassTracker(CHARACTERS, tmp_path / "weights.json", [font, other])
    heights = []
    for turn in range(16):
        asked = [c for c in CHARACTERS[turn % 4 :: 4] if c != "天" or turn // 4 % 2 == 0]
        reader = Reader(asked)
        tracker.measure(reader)
        heights.append((len(reader.sizes), reader.sizes[0]))
    assert [count for count, _ in heights] == [2, 2, 2, 2, 1, 2, 2, 2] * 2
    assert [height for _, height in heights] == [6 * 28 // 4] * 8 + [6 * 18 // 4] * 8


def test_what_a_tracker_writes_is_drawn_by(font: Font, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    tracker = ClassTracker(CHARACTERS, path, [font])
    for _ in range(8):
        for part in range(4):
            tracker.measure(Reader(CHARACTERS[part::4], "荒"))
    drawn = ClassWeights(list(CHARACTERS), path).draw(np.random.default_rng(0), 4_000)
    counts = {c: drawn.count(c) for c in CHARACTERS}
    assert counts["荒"] / counts["天"] == pytest.approx(3, rel=0.25)  # 3 to 1


def test_a_tracker_goes_on_from_what_was_written(font: Font, tmp_path: Path) -> None:
    path = tmp_path / "weights.json"
    first = ClassTracker(CHARACTERS, path, [font])
    for part in range(4):
        first.measure(Reader(CHARACTERS[part::4], "荒"))
    before = json.loads(path.read_text("utf-8"))
    ClassTracker(CHARACTERS + "日", path, [font]).measure(Reader("天宇", "天"))
    after = json.loads(path.read_text("utf-8"))
    assert after["荒"] == before["荒"] == 2.5 and after["日"] == 2.0
    assert after["天"] == pytest.approx(1.0 + 2.0 * (0.5 * 0.25 + 0.5), abs=1e-3)
