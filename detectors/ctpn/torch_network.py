"""The CTPN in torch: the reference, and the way to devices other than a CPU."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ocrpipe.detectors.ctpn.model import CTPN, Prediction
from ocrpipe.detectors.ctpn.network import Predicted
from ocrpipe.environment import has_bf16
from ocrpipe.threads import TorchWorkers


class TorchNetwork:
    """See ``ocrpipe.detectors.ctpn.network.Network``.

    Args:
        model: The model, which is changed.
        device: "cpu", "cuda" or "mps".
        threads: Processor threads of a call.
        bf16: Compute in bfloat16; by default where the processor has instructions for it.
    """

    def __init__(self, model: CTPN, device: str, threads: int, bf16: bool | None = None) -> None:
        self._workers = TorchWorkers(1, threads)
        self._device = torch.device(device)
        fuse(model.eval())
        self._model = model.requires_grad_(False).to(self._device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._bf16 = self._device.type == "cpu" and has_bf16() if bf16 is None else bf16

    def __call__(self, image: NDArray[np.uint8]) -> Predicted:
        """See ``Network``."""
        return self._workers.run(self._predict, image)

    @torch.inference_mode()
    def _predict(self, image: NDArray[np.uint8]) -> Predicted:
        pixels = torch.from_numpy(image.reshape(*image.shape[:2], -1).transpose(2, 0, 1)[None].copy())
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            prediction: Prediction = self._model(pixels.to(self._device))
        return cast(Predicted, tuple(part[0].cpu().numpy() for part in prediction))


def fuse(module: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it, in place; for inference only."""
    for child in module.children():
        fuse(child)
    if isinstance(module, nn.Sequential):
        for index in range(len(module) - 1):
            first, second = module[index], module[index + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                module[index], module[index + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
