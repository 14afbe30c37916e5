"""The class layer: another charset for trained weights, and which characters a network has learnt.

A new character's row begins as what linear discriminant analysis makes of the network's own features of
it (the idea of Qi, Brown and Lowe, "Low-Shot Learning with Imprinted Weights", arXiv 1712.07136), which reads
a good part of them at once; training goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.evaluation.classes import SIZES, misread
from ocrpipe.io.files import write_whole
from ocrpipe.pretrained.loader import load, save
from ocrpipe.recognizers.base import Recognizer
from ocrpipe.recognizers.crnn.charset import BLANK, Charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.recognizers.crnn.preprocess import to_input
from ocrpipe.synthesis.fonts import Font
from ocrpipe.training.crnn.lines import Render, TrainingLine, training_lines

_SHRINKAGE = 0.1
"""Of the covariance within classes towards its diagonal's mean."""
_NEAR = 2
"""Frames on either side of a character's centre within which it is emitted."""
_PRIOR = 0.5
"""Samples that the mean of all features counts for in a class's own mean."""
_MAX_SCALED = 3_000
"""Samples that the rows are scaled by."""


def extend_charset(tensors: dict[str, Tensor], config: CRNNConfig, own: str, charset: Charset) -> CRNN:
    """The network with the classes of another charset; the rows of characters that both have are kept.

    New rows are the mean of the old ones, so that the network reads as before until it is trained.

    Args:
        tensors: Its state.
        config: Its shape.
        own: Characters of its classes 1, 2, ….
        charset: The new one.
    """
    network = CRNN(replace(config, classes=len(charset)))
    state = dict(tensors)
    if own != charset.characters:
        place = {character: i for i, character in enumerate(own, start=1)}
        rows = torch.tensor([BLANK, *(place.get(character, -1) for character in charset.characters)])
        for name in ("classify.weight", "classify.bias"):
            old = state[name].float()
            new = old[rows.clamp_min(0)].clone()
            noise = 0.01 * torch.randn(new.shape, generator=torch.Generator().manual_seed(0))
            mean = old[1:].mean(0)  # scores have no common zero, but the mean score is never the highest
            new[rows < 0] = mean + noise[rows < 0] if old.ndim > 1 else mean - 2.0
            state[name] = new
    network.load_state_dict(state)
    return network


@dataclass(frozen=True)
class ClassSamples:
    """Features of characters and the classes that they belong to.

    Attributes:
        features: (F, D), what the class layer takes, at the frame where the network emits each character.
        labels: (F,) class indices.
    """

    features: Tensor
    labels: Tensor

    @classmethod
    @torch.inference_mode()
    def of(cls, network: CRNN, lines: Iterable[TrainingLine]) -> ClassSamples:
        """The characters of lines where their places are known."""
        network.eval()
        features, labels = [], []
        for line in lines:
            if not len(line.centers):
                continue
            frames = network.features(torch.from_numpy(to_input(line.image))[None, None])[0].float()
            scores = network.classify(frames)
            margin = scores[:, 1:].amax(1) - scores[:, BLANK]  # highest where a character is emitted
            near = torch.from_numpy(line.centers).long()[:, None] + torch.arange(-_NEAR, _NEAR + 1)
            near = near.clamp(0, len(frames) - 1)
            at = near.gather(1, margin[near].argmax(1, keepdim=True))[:, 0]
            features.append(frames[at])
            labels.append(torch.from_numpy(line.label.astype(np.int64)))
        return cls(torch.cat(features), torch.cat(labels))


@torch.no_grad()
def imprint(network: CRNN, samples: ClassSamples) -> list[int]:
    """Replace the rows of the samples' classes by those of a linear discriminant analysis of their features.

    The rows are scaled to fit the samples best by cross-entropy, and shifted so that a sample's best class
    exceeds the blank by as much as it does now.

    Args:
        network: Changed in place.
        samples: Features of this network.

    Returns:
        The classes whose rows are new.
    """
    x, y = samples.features.double(), samples.labels
    classes, index, counts = torch.unique(y, return_inverse=True, return_counts=True)
    mean = x.mean(0)
    sums = torch.zeros(len(classes), x.shape[1], dtype=x.dtype).index_add_(0, index, x)
    means = (sums + _PRIOR * mean) / (counts[:, None] + _PRIOR)
    within = x - (sums / counts[:, None])[index]
    covariance = within.t() @ within / len(x)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * covariance.diag().mean() * torch.eye(len(mean))
    rows = torch.linalg.solve(covariance, (means - mean).t()).t()
    offsets = -0.5 * ((means + mean) * rows).sum(1)
    some = torch.linspace(0, len(x) - 1, min(len(x), _MAX_SCALED)).long()
    scores = x[some] @ rows.t() + offsets
    scales = torch.linspace(0.1, 1.5, 29).tolist()
    scale = min(scales, key=lambda factor: float(F.cross_entropy(factor * scores, index[some])))
    layer = network.classify
    weight, bias = layer.weight[1:].mean(0), layer.bias[1:].mean()  # which all classes but the blank share
    before = layer(samples.features[some]).double()
    margin = (before[:, 1:].amax(1) - before[:, BLANK]).median()
    level = samples.features[some].double() @ weight.double() + bias
    shift = (margin - (scale * scores.amax(1) + level - before[:, BLANK])).median()
    layer.weight[classes] = (scale * rows).float() + weight
    layer.bias[classes] = (scale * offsets + shift).float() + bias
    return [int(label) for label in classes]


def extend_weights(
    start: str | Path, charset: Charset, render: Render, lines: int, folder: Path
) -> tuple[Path, int]:
    """Extend weights to another charset, imprint the characters of rendered lines, and write them.

    Args:
        start: Name of the package's own weights, or a path.
        charset: The new one.
        render: Renders lines with known places of their characters.
        lines: Lines to imprint from.
        folder: Where ``crnn.safetensors`` and its card go.

    Returns:
        The weights' path, and how many classes were imprinted.

    Raises:
        ocrpipe.errors.WeightsError: The weights are missing or damaged.
    """
    tensors, card = load(start)
    network = extend_charset(tensors, CRNNConfig.from_dict(card.config), card.charset, charset)
    rendered = training_lines(lambda: render, charset, network.config.height, np.random.default_rng(0))
    imprinted = imprint(network, ClassSamples.of(network, islice(rendered, lines)))
    extended = replace(card, config=network.config.to_dict(), charset=charset.characters, accuracy={})
    return save(network.state_dict(), extended, folder), len(imprinted)


class ClassTracker:
    """How often each character is still misread, as weights to draw them by, renewed as training goes on.

    Args:
        characters: Those that are tracked.
        path: The file that ``ocrpipe.synthesis.text.ClassWeights`` reads; what it holds already is continued.
        fonts: Faces to measure with, one after the other.
    """

    # Of what is never misread, and always. With 0.5 to 4 hanzi that were read once came so seldom that they
    # were forgotten before they were measured again.
    _MIN_WEIGHT, _MAX_WEIGHT = 1.0, 3.0
    _DECAY = 0.5  # of earlier measurements in a character's mean error
    _PARTS = 4  # of the characters, one measured at a time

    def __init__(self, characters: Sequence[str], path: Path, fonts: Sequence[Font]) -> None:
        self._characters, self._path, self._fonts = characters, path, fonts
        earlier = json.loads(path.read_text("utf-8")) if path.exists() else {}
        self._errors = {c: self._error(earlier[c]) if c in earlier else 0.5 for c in characters}
        self._turn = 0

    def measure(self, recognizer: Recognizer) -> float:
        """Renew the weights of a part of the characters; returns the fraction of it that was misread."""
        turn, part = divmod(self._turn, self._PARTS)
        round_, face = divmod(turn, len(self._fonts))
        font, size = self._fonts[face], SIZES[round_ % len(SIZES)]
        covered = [c for c in self._characters[part :: self._PARTS] if font.covers(c)]
        self._turn += 1
        wrong = misread(recognizer, font, size, covered)
        for c in covered:
            self._errors[c] = self._DECAY * self._errors[c] + (1 - self._DECAY) * (c in wrong)
        weights = {c: self._weight(error) for c, error in self._errors.items()}
        write_whole(self._path, json.dumps(weights, ensure_ascii=False).encode())
        return len(wrong) / max(1, len(covered))

    def _weight(self, error: float) -> float:
        return round(self._MIN_WEIGHT + (self._MAX_WEIGHT - self._MIN_WEIGHT) * error, 3)

    def _error(self, weight: float) -> float:
        return (weight - self._MIN_WEIGHT) / (self._MAX_WEIGHT - self._MIN_WEIGHT)
