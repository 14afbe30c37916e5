"""The CRNN as graphs of OpenVINO: the convolutions, the LSTMs, and the class layer.

They are three, since each is best run on parts of another size. Lines stand in rows with a gap of one frame
between them; what is in a gap is 0 at every layer, as beyond the border of an image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.graphs import (
    Weights,
    bilstm,
    constant,
    convolve,
    linear,
    max_pool,
    relu,
)
from ocrpipe.recognizers.crnn.config import VGG_LAYERS, CRNNConfig

if TYPE_CHECKING:
    from openvino import Model, Node

_SEQUENCES = ("rnn.", "join.", "neck.")  # what names of the arrays of ``Sequences`` begin with


@dataclass(frozen=True)
class Convolutions:
    """The graph from images to the LSTMs' input.

    Inputs: N×1×height×W images, N×1×1×W/2 and N×1×1×W/4 masks, which are 0 in gaps and 1 elsewhere.
    Output: N×W/4×features.
    """

    config: CRNNConfig
    arrays: dict[str, NDArray[Any]]

    def __call__(self) -> Model:
        """The graph."""
        from openvino import Model
        from openvino import opset13 as ops

        images = ops.parameter([-1, 1, self.config.height, -1], np.float32)
        half, quarter = (ops.parameter([-1, 1, 1, -1], np.float32) for _ in range(2))
        build = _slim if self.config.backbone == "slim" else _vgg
        others = ("classify.", *_SEQUENCES)
        weights = Weights({k: v for k, v in self.arrays.items() if not k.startswith(others)})
        x = build(images, half, quarter, self.config, weights)
        weights.finish()
        columns = ops.transpose(x, constant([0, 3, 1, 2]))  # N T C H
        flat = ops.reshape(columns, constant([0, 0, features_of(self.config)]), True)
        return Model([ops.result(flat)], [images, half, quarter], "convolutions")


@dataclass(frozen=True)
class Sequences:
    """The graph of the LSTMs and the linear layers between and after them.

    Inputs: N×T×features, and N×T×1 gaps, which are 1 at frames between lines and 0 elsewhere.
    Output: N×T×``classes_input``.
    """

    config: CRNNConfig
    arrays: dict[str, NDArray[Any]]

    def __call__(self) -> Model:
        """The graph."""
        from openvino import Model
        from openvino import opset13 as ops

        config = self.config
        weights = Weights({k: v for k, v in self.arrays.items() if k.startswith(_SEQUENCES)})
        features = ops.parameter([-1, -1, features_of(config)], np.float32)
        gaps = ops.parameter([-1, -1, 1], np.float32)
        x, both = features, 2 * config.hidden
        for i, inputs in enumerate((features_of(config), config.join or both)):
            names = [(f"rnn.{i}.{direction}", "") for direction in ("forth", "back")]
            x = bilstm(x, weights.lstm(names, inputs, config.hidden), gaps)
            if i == 0 and config.join:
                x = linear(x, weights.linear("join", config.join, both))
        if config.bottleneck:
            x = linear(x, weights.linear("neck", config.bottleneck, both))
        weights.finish()
        return Model([ops.result(x)], [features, gaps], "sequences")


@dataclass(frozen=True)
class Scores:
    """The graph of the class layer: F×``classes_input`` features to F×classes scores over ``temperature``."""

    config: CRNNConfig
    arrays: dict[str, NDArray[Any]]
    temperature: float

    def __call__(self) -> Model:
        """The graph."""
        from openvino import Model
        from openvino import opset13 as ops

        features, scores = self._layer()
        return Model([ops.result(scores)], [features], "scores")

    def _layer(self) -> tuple[Node, Node]:
        from openvino import opset13 as ops

        width = classes_input(self.config)
        features = ops.parameter([-1, width], np.float32)
        weights = Weights({k: v for k, v in self.arrays.items() if k.startswith("classify.")})
        weight, bias = weights.linear("classify", self.config.classes, width)
        weights.finish()
        temperature = np.float32(self.temperature)
        return features, linear(features, (weight / temperature, bias / temperature))


@dataclass(frozen=True)
class Winners(Scores):
    """The class layer where all that counts is the blank's score and the highest: F×classes are not kept.

    Output: F×2, the score of the blank and the highest score.
    """

    def __call__(self) -> Model:
        """The graph."""
        from openvino import Model
        from openvino import opset13 as ops

        features, scores = self._layer()
        first, last, step, axis = (constant([value]) for value in (0, 1, 1, 1))
        blank = ops.slice(scores, first, last, step, axis)
        both = ops.concat([blank, ops.reduce_max(scores, constant([1]), True)], 1)
        # OpenVINO computes what follows the last product in single precision. This one changes nothing, but
        # keeps the scores in bfloat16, in which the highest is found in less than half the time.
        same = ops.matmul(both, constant(np.eye(2, dtype=np.float32)), False, False)
        return Model([ops.result(same)], [features], "winners")


def features_of(config: CRNNConfig) -> int:
    """Features of a frame that the convolutions give to the LSTMs."""
    return 512 if config.backbone == "vgg" else config.channels[3] * math.ceil(config.height / 16)


def classes_input(config: CRNNConfig) -> int:
    """Features of a frame that the class layer takes."""
    return config.bottleneck or 2 * config.hidden


def _slim(x: Node, half: Node, quarter: Node, config: CRNNConfig, weights: Weights) -> Node:
    """Stages of falling height; the images' own gaps are 0 already, and the first stage halves the width."""
    from openvino import opset13 as ops

    stage, inputs, mask = 0, 1, half
    for i, outputs in enumerate(config.channels):
        kernel = weights.convolution(f"stages.{stage}.0", f"stages.{stage}.1", outputs, inputs, 3, 3)
        x = relu(convolve(x, kernel, stride=(2, 2 if i < 2 else 1)))
        mask = half if i == 0 else quarter
        x = ops.multiply(x, mask)
        for _ in range(config.blocks[i]):
            stage += 1
            first, second = (
                weights.convolution(
                    f"stages.{stage}.body.{at}", f"stages.{stage}.body.{at + 1}", outputs, outputs, 3, 3
                )
                for at in (0, 3)
            )
            inner = ops.multiply(relu(convolve(x, first)), mask)
            x = ops.multiply(relu(ops.add(convolve(inner, second), x)), mask)
        stage, inputs = stage + 1, outputs
    return x


def _vgg(x: Node, half: Node, quarter: Node, config: CRNNConfig, weights: Weights) -> Node:
    """The paper's network; see ``ocrpipe.recognizers.crnn.model``."""
    from openvino import opset13 as ops

    inputs = 1
    for i, (outputs, norm, pool) in enumerate(VGG_LAYERS):
        name = f"stages.{i}"
        x = relu(
            convolve(
                x, weights.convolution(f"{name}.0", f"{name}.1" if norm else None, outputs, inputs, 3, 3)
            )
        )
        x = max_pool(x, pool) if pool else x
        x = ops.multiply(x, half if i == 0 else quarter)
        inputs = outputs
    last = weights.convolution("stages.6.1", None, 512, 512, 2, 2)
    return relu(convolve(x, last, padding=(0, 0), padding_end=(0, 1)))
