"""Parts of networks as graphs of OpenVINO, made of the arrays that weights files hold.

Images are N×C×H×W, sequences N×T×C, all float32; with a compiled network's bfloat16 the runtime converts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ocrpipe.errors import WeightsError

if TYPE_CHECKING:
    from openvino import Node

Floats = NDArray[np.float32]

_EPSILON = 1e-5  # of torch's batch normalisation
_CLOSED = -1e4  # what closes a gate of an LSTM for good, in bfloat16 as well
_ALIGNED = 32  # inputs of an LSTM; products of other widths take several times as long


@cache
def code_of(module: ModuleType) -> str:
    """Identifies the code of a module that makes graphs, with this one's."""
    sources = (Path(path).read_bytes() for path in (__file__, module.__file__) if path)
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


class Weights:
    """Arrays by name, each taken with the shape that it must have.

    Raises:
        ocrpipe.errors.WeightsError: By ``take``: an array is missing, or of another shape or kind. By
            ``finish``: there are arrays that nothing has taken.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays, self._left = arrays, set(arrays)

    def take(self, name: str, *shape: int) -> Floats:
        """An array as float32."""
        array = self._found(name, shape, "f")
        return np.asarray(array, np.float32)

    def convolution(self, name: str, norm: str | None, *shape: int) -> tuple[Floats, Floats]:
        """Kernels and biases of a convolution, the batch normalisation ``norm`` after it folded in."""
        kernel = self.take(f"{name}.weight", *shape)
        if norm is None:
            return kernel, self.take(f"{name}.bias", shape[0])
        scale, shift, mean, variance = (
            self.take(f"{norm}.{part}", shape[0])
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        self._found(f"{norm}.num_batches_tracked", (), "iu")
        factor = scale / np.sqrt(variance + np.float32(_EPSILON))
        return kernel * factor[:, None, None, None], shift - mean * factor

    def linear(self, name: str, outputs: int, inputs: int) -> tuple[Floats, Floats]:
        """Weights and biases of a linear layer."""
        return self.take(f"{name}.weight", outputs, inputs), self.take(f"{name}.bias", outputs)

    def lstm(self, names: Iterable[tuple[str, str]], inputs: int, hidden: int) -> list[Floats]:
        """Input weights, recurrent weights and biases of an LSTM's directions, in OpenVINO's order of gates.

        Args:
            names: Prefix and suffix of each direction's arrays.
            inputs: Features of the input.
            hidden: Units of a direction.
        """
        directions = []
        for prefix, suffix in names:
            arrays = [
                self.take(f"{prefix}.{part}_l0{suffix}", 4 * hidden, *columns)
                for part, *columns in (
                    ("weight_ih", inputs),
                    ("weight_hh", hidden),
                    ("bias_ih",),
                    ("bias_hh",),
                )
            ]
            weight, recurrent, bias = arrays[0], arrays[1], arrays[2] + arrays[3]
            directions.append([_reordered(array) for array in (weight, recurrent, bias)])
        return [np.stack(parts) for parts in zip(*directions, strict=True)]

    def finish(self) -> None:
        """All that is needed has been taken."""
        if self._left:
            raise WeightsError(f"{min(self._left)} is unknown")

    def _found(self, name: str, shape: tuple[int, ...], kinds: str) -> NDArray[Any]:
        if name not in self._arrays:
            raise WeightsError(f"{name} is missing")
        array = self._arrays[name]
        self._left.discard(name)
        if array.shape != shape or array.dtype.kind not in kinds:
            wanted = "float" if kinds == "f" else "int"
            raise WeightsError(f"{name} is {array.dtype}{list(array.shape)}, not {wanted}{list(shape)}")
        return array


def _reordered(gates: Floats) -> Floats:
    """Gates in OpenVINO's order: torch has the input's before the one that forgets."""
    first, second, *others = np.split(gates, 4)
    return np.concatenate([second, first, *others])


def constant(value: Any) -> Node:
    """A constant; Python's whole numbers become int64."""
    from openvino import opset13 as ops

    return ops.constant(np.array(value, order="C"))


def convolve(
    x: Node,
    weights: tuple[Floats, Floats],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] | None = None,
    padding_end: tuple[int, int] | None = None,
    dilation: int = 1,
) -> Node:
    """A convolution with biases.

    Args:
        x: N×C×H×W.
        weights: Kernels and biases.
        stride: Down and across.
        padding: Rows and columns of zeros at the top and left, and at the bottom and right unless
            ``padding_end`` is given; by default as many as keep the size at stride 1.
        padding_end: At the bottom and right.
        dilation: Of the kernel.
    """
    from openvino import opset13 as ops

    kernel, bias = weights
    begin = padding or tuple(dilation * (size // 2) for size in kernel.shape[2:])
    product = ops.convolution(
        x, constant(kernel), list(stride), list(begin), list(padding_end or begin), [dilation, dilation]
    )
    return ops.add(product, constant(bias[None, :, None, None]))


def max_pool(x: Node, size: tuple[int, int]) -> Node:
    """The maximum of each window, without padding."""
    from openvino import opset1 as ops

    return ops.max_pool(x, list(size), [0, 0], [0, 0], list(size), "floor")


def relu(x: Node) -> Node:
    """The larger of each number and 0."""
    from openvino import opset13 as ops

    return ops.relu(x)


def linear(x: Node, weights: tuple[Floats, Floats]) -> Node:
    """A linear layer along the last axis."""
    from openvino import opset13 as ops

    return ops.add(ops.matmul(x, constant(weights[0]), False, True), constant(weights[1]))


def bilstm(x: Node, weights: list[Floats], gaps: Node | None = None) -> Node:
    """A bidirectional LSTM: N×T×C to N×T×2·hidden, both directions beside each other.

    Args:
        x: The input.
        weights: As ``Weights.lstm`` gives them, of two directions.
        gaps: N×T×1, 1 at steps that belong to no sequence and 0 at others. At a gap all gates close, so that
            behind it the states of both directions are 0, what a sequence starts with: several sequences can
            stand in a row with one step between them, without an influence on each other.
    """
    from openvino import opset13 as ops

    weight, recurrent, bias = weights
    inputs, hidden = weight.shape[2], recurrent.shape[2]
    if gaps is not None:
        more = _ALIGNED + -inputs % _ALIGNED
        closing = np.zeros((2, 4, hidden, more), np.float32)
        closing[:, [0, 1, 3], :, 0] = _CLOSED  # all gates but the cell's own input
        weight = np.concatenate([weight, closing.reshape(2, 4 * hidden, more)], 2)
        x = ops.concat([x, ops.tile(gaps, constant([1, 1, more]))], 2)
    size = ops.shape_of(x)
    count, steps = (ops.gather(size, constant([axis]), constant(0)) for axis in (0, 1))
    state = ops.broadcast(constant(np.float32(0)), ops.concat([count, constant([2, hidden])], 0))
    lengths = ops.broadcast(ops.convert(steps, "i32"), count)
    outputs = ops.lstm_sequence(
        x,
        state,
        state,
        lengths,
        constant(weight),
        constant(recurrent),
        constant(bias),
        hidden,
        "bidirectional",
    ).output(0)  # N, direction, T, hidden
    beside = ops.transpose(outputs, constant([0, 2, 1, 3]))
    return ops.reshape(beside, constant([0, 0, 2 * hidden]), True)
