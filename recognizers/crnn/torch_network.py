"""The CRNN in torch: the reference, and the way to devices other than a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ocrpipe.environment import has_bf16
from ocrpipe.errors import PluginError, WeightsError
from ocrpipe.pretrained.loader import built, tensors_of
from ocrpipe.recognizers.crnn.config import STRIDE, CRNNConfig
from ocrpipe.recognizers.crnn.model import CRNN, Residual, Stage
from ocrpipe.recognizers.crnn.network import Floats, Labels, Pixels
from ocrpipe.recognizers.crnn.preprocess import to_input
from ocrpipe.recognizers.crnn.transcription import BestClasses
from ocrpipe.threads import TorchWorkers

T = TypeVar("T")


def model_of(config: CRNNConfig, arrays: dict[str, NDArray[Any]], name: str | Path) -> CRNN:
    """The model with the arrays of a weights file.

    Raises:
        ocrpipe.errors.WeightsError: They do not fit.
    """
    try:
        return built(lambda: CRNN(config), tensors_of(arrays))
    except RuntimeError as error:
        raise WeightsError(f"the weights {name} do not fit their card's configuration: {error}") from error


class TorchNetwork:
    """See ``Network``.

    Args:
        model: The model, which is changed.
        device: "cpu", "cuda", "mps" …
        threads: Batches that are computed at once, with a processor thread each.
        temperature: What class scores are divided by.
        bf16: Compute in bfloat16; by default where the processor has instructions for it.
    """

    def __init__(self, model: CRNN, device: str, threads: int, temperature: float, bf16: bool | None) -> None:
        self._height = model.config.height
        self._device = torch.device(device)
        # A worker a batch: the steps of an LSTM are too small to be divided among threads.
        self._workers = TorchWorkers(threads, 1)
        self._bf16 = has_bf16() and self._device.type == "cpu" if bf16 is None else bf16
        self._model = _fused(model.eval()).to(self._device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        precision = torch.bfloat16 if self._bf16 else torch.float32
        self._classes = BestClasses(self._model.classify, temperature, precision)

    def batches(self, widths: Sequence[int], batch_pixels: int, max_padding: float) -> list[list[int]]:
        """Lines of similar width together, so that little of a batch is padding."""
        return list(_batches(widths, batch_pixels, max_padding))

    def map(self, function: Callable[[list[Pixels]], T], batches: list[list[Pixels]]) -> list[T]:
        """See ``Network``."""

        def run(images: list[Pixels]) -> T:
            with torch.inference_mode():
                return function(images)

        return self._workers.map(run, batches)

    def features(self, images: list[Pixels]) -> list[Tensor]:
        """See ``Network``; shorter lines are padded, and masked where widths differ."""
        widths = [image.shape[1] for image in images]
        white = np.full((len(images), self._height, max(widths)), 255, np.uint8)
        for row, image in zip(white, images, strict=True):
            row[:, : image.shape[1]] = image
        inputs = torch.from_numpy(to_input(white))[:, None].to(
            self._device, memory_format=torch.channels_last
        )
        frames = [width // STRIDE for width in widths]
        mask = None if len(set(widths)) == 1 else torch.tensor(frames, device=self._device)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            features = self._model.features(inputs, mask)
        if not features.sum().isfinite():
            raise PluginError("recognizer 'crnn' computed numbers that are not finite")
        return [line[:count] for line, count in zip(features, frames, strict=True)]

    def winners(self, lines: list[Tensor]) -> list[tuple[Labels, Floats]]:
        """See ``Network``."""
        labels, values = (part.cpu().numpy() for part in self._classes.best(torch.cat(lines)))
        ends = np.cumsum([len(line) for line in lines])[:-1]
        return list(zip(np.split(labels, ends), np.split(values, ends), strict=True))

    def likeliest(
        self, lines: list[Tensor], frames: list[list[int]], count: int
    ) -> list[tuple[list[list[int]], list[list[float]]]]:
        """See ``Network``."""
        found: list[tuple[list[list[int]], list[list[float]]]] = []
        for line, some in zip(lines, frames, strict=True):
            best = self._classes.log_probs(line[some]).topk(count, -1) if some else None
            found.append((best.indices.tolist(), best.values.tolist()) if best else ([], []))
        return found

    def log_probs(self, line: Tensor) -> Floats:
        """See ``Network``."""
        return np.asarray(self._classes.log_probs(line).cpu().numpy(), np.float32)


def _batches(widths: Sequence[int], batch_pixels: int, max_padding: float) -> Iterator[list[int]]:
    """Indices of similar widths together, so that little of a batch is padding."""
    batch: list[int] = []
    for i in sorted(range(len(widths)), key=lambda i: -widths[i]):
        if batch:
            widest = widths[batch[0]]
            full = (len(batch) + 1) * widest > batch_pixels
            if full or widths[i] < (1 - max_padding) * widest:
                yield batch
                batch = []
        batch.append(i)
    if batch:
        yield batch


def _fused(model: CRNN) -> CRNN:
    """The model with every batch normalisation folded into the convolution before it."""
    for stage in model.stages:
        for layers in (stage, stage.body) if isinstance(stage, Residual) else (stage,):
            if isinstance(layers, Stage):
                _fuse(layers)
    return model


def _fuse(stage: Stage) -> None:
    for i, layer in enumerate(stage):
        if isinstance(layer, nn.BatchNorm2d):
            convolution = stage[i - 1]
            assert isinstance(convolution, nn.Conv2d)  # so both backbones are built
            stage[i - 1] = fuse_conv_bn_eval(convolution, layer)
            stage[i] = nn.Identity()
