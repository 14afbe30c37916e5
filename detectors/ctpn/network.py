"""The CTPN's network on OpenVINO or torch: an image in, the heads' predictions out."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ocrpipe.detectors.ctpn import graph
from ocrpipe.detectors.ctpn.config import CTPNConfig
from ocrpipe.environment import computes_bf16
from ocrpipe.graphs import code_of
from ocrpipe.runtime import CompiledNetwork

_KERNELS = 64
"""Kernels kept, of about two sizes of page; making them takes a fiftieth of the time of a page."""

Floats = NDArray[np.float32]
Predicted = tuple[Floats, Floats, Floats]
"""Scores H×W×k, vertical coordinates and side offsets H×W×k×2 of the grid; see ``model.Prediction``."""


class Network(Protocol):
    """Predicts for an H×W or H×W×C image of uint8 whose sides are multiples of 32."""

    def __call__(self, image: NDArray[np.uint8]) -> Predicted:
        """The heads' predictions."""
        ...


class OpenVINONetwork:
    """See ``Network``. Torch is not imported.

    Args:
        config: Shape of the network.
        arrays: Its weights, by the names of ``ocrpipe.detectors.ctpn.model.CTPN``.
        key: Identifies the weights; without one, the compiled network is not kept in the cache folder.
        threads: Processor threads of a call.
        bf16: Compute in bfloat16; by default where the processor has instructions for it.

    Raises:
        ocrpipe.errors.WeightsError: The arrays do not fit the configuration.
    """

    def __init__(
        self,
        config: CTPNConfig,
        arrays: dict[str, NDArray[Any]],
        key: str,
        threads: int,
        bf16: bool | None = None,
    ) -> None:
        self._network = CompiledNetwork(
            graph.Proposals(config, arrays),
            key and f"CTPN {config} {key} {code_of(graph)}",
            threads=threads,
            bf16=computes_bf16() if bf16 is None else bf16,
            kernels=_KERNELS,
        )
        self._network.prepare()

    def __call__(self, image: NDArray[np.uint8]) -> Predicted:
        """See ``Network``."""
        planes = image.reshape(*image.shape[:2], -1).transpose(2, 0, 1)[None]
        score, vertical, side = self._network(np.ascontiguousarray(planes))
        return score, vertical.reshape(*score.shape, 2), side.reshape(*score.shape, 2)
