"""The CTPN as a graph of OpenVINO; what the layers are, ``ocrpipe.detectors.ctpn.model`` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn.config import CTPNConfig
from ocrpipe.graphs import Weights, bilstm, constant, convolve, linear, max_pool, relu

if TYPE_CHECKING:
    from openvino import Model, Node

_VGG = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions and channels between two poolings


@dataclass(frozen=True)
class Proposals:
    """The graph from an image to the heads' predictions.

    Input: 1×C×h×w pixels of values 0…255, grey or RGB, sides multiples of 32.
    Outputs: H×W×k scores, H×W×2k vertical coordinates and H×W×2k side offsets of the grid.
    """

    config: CTPNConfig
    arrays: dict[str, NDArray[Any]]

    def __call__(self) -> Model:
        """The graph."""
        from openvino import Model
        from openvino import opset13 as ops

        config, weights = self.config, Weights(self.arrays)
        pixels = ops.parameter([1, config.channels, -1, -1], np.uint8)
        scale, shift = constant(np.float32(1 / 127.5)), constant(np.float32(-1))
        x = ops.add(ops.multiply(ops.convert(pixels, "f32"), scale), shift)
        if config.backbone == "slim":
            x, width = _slim(x, config, weights), config.widths[3]
        else:
            x, width = _vgg16(x, config, weights), 512
        x = relu(convolve(x, weights.convolution("window.0", None, width, width, 3, 3)))
        rows = ops.squeeze(ops.transpose(x, constant([0, 2, 3, 1])), constant([0]))  # H×W×channels
        rows = bilstm(rows, weights.lstm([("lstm", ""), ("lstm", "_reverse")], width, config.hidden))
        rows = relu(linear(rows, weights.linear("fc.0", config.features, 2 * config.hidden)))
        anchors = len(config.heights)
        heads = [
            linear(rows, weights.linear(name, count * anchors, config.features))
            for name, count in (("score", 1), ("vertical", 2), ("side", 2))
        ]
        weights.finish()
        return Model([ops.result(head) for head in heads], [pixels], "proposals")


def _slim(x: Node, config: CTPNConfig, weights: Weights) -> Node:
    from openvino import opset13 as ops

    inputs = config.channels

    def step(x: Node, name: str, outputs: int, kernel: int = 3, stride: tuple[int, int] = (2, 2)) -> Node:
        nonlocal inputs
        layer = weights.convolution(f"{name}.0", f"{name}.1", outputs, inputs, kernel, kernel)
        inputs = outputs
        return relu(convolve(x, layer, stride=stride))

    w2, w4, w8, w16, w32 = config.widths
    x = step(x, "backbone.fine.0", w2, 5)
    x = step(x, "backbone.fine.1", w4)
    x = _residual(x, "backbone.fine.2", w4, weights)
    x = step(x, "backbone.fine.3", w8)
    x = _residual(x, "backbone.fine.4", w8, weights)
    x = _residual(x, "backbone.fine.5", w8, weights)
    down, across = config.stride
    x = step(x, "backbone.fine.6", w16, stride=(down // 8, across // 8))
    fine = _residual(x, "backbone.fine.7", w16, weights)
    x = step(fine, "backbone.coarse.0", w32)
    x = _residual(x, "backbone.coarse.1", w32, weights, dilation=2)
    x = _residual(x, "backbone.coarse.2", w32, weights, dilation=2)
    x = convolve(x, weights.convolution("backbone.coarse.3", None, w16, w32, 1, 1))
    # The grid's sides are even, those of the image being multiples of 32.
    context = ops.interpolate(
        x,
        constant(np.array([2, 2], np.float32)),
        "nearest",
        "scales",
        axes=constant([2, 3]),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return _residual(ops.add(fine, context), "backbone.merge", w16, weights)


def _residual(x: Node, name: str, width: int, weights: Weights, dilation: int = 1) -> Node:
    from openvino import opset13 as ops

    first, second = (
        weights.convolution(f"{name}.{part}.0", f"{name}.{part}.1", width, width, 3, 3)
        for part in ("first", "second")
    )
    inner = relu(convolve(x, first, dilation=dilation))
    return relu(ops.add(x, convolve(inner, second)))


def _vgg16(x: Node, config: CTPNConfig, weights: Weights) -> Node:
    inputs, layer = config.channels, 0
    for i, (depth, width) in enumerate(_VGG):
        if i:
            x, layer = max_pool(x, (2, 2)), layer + 1
        for _ in range(depth):
            x = relu(convolve(x, weights.convolution(f"backbone.{layer}", None, width, inputs, 3, 3)))
            inputs, layer = width, layer + 2
    return x
