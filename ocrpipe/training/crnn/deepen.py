"""Deepen a trained CRNN without changing what it computes (Net2Net), to train it further.

Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", arXiv 1511.05641.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.pretrained.loader import load, save
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig, Residual


def deepen(state: Mapping[str, Tensor], config: CRNNConfig, blocks: Sequence[int], *, seed: int = 0) -> CRNN:
    """A network with more residual blocks that reads as the given one does, until it is trained further.

    The second normalisation of a new block has a scale of zero, so that the block passes on what comes in.

    Args:
        state: The network's tensors.
        config: Its shape.
        blocks: Residual blocks of each stage, nowhere fewer than it has.
        seed: Of the new blocks' first weights.

    Raises:
        ocrpipe.errors.ConfigError: There would be fewer blocks, or it is not of the slim backbone.
        ocrpipe.errors.WeightsError: The tensors do not fit the configuration.
    """
    if config.backbone != "slim" or len(blocks) != 4:
        raise ConfigError("only the four stages of a slim CRNN can be deepened")
    if any(new < old for new, old in zip(blocks, config.blocks, strict=True)):
        raise ConfigError(f"a CRNN of blocks {config.blocks} cannot be deepened to {tuple(blocks)}")
    a, b, c, d = blocks
    torch.manual_seed(seed)
    network = CRNN(replace(config, blocks=(a, b, c, d)))
    old, new = _places(config.blocks), _places(network.config.blocks)
    moved = {
        before: after
        for olds, news in zip(old, new, strict=True)
        for before, after in zip(olds, news, strict=False)
    }
    tensors = network.state_dict()
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] == "stages":
            parts[1] = str(moved.get(int(parts[1]), -1))
        name = ".".join(parts)
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise WeightsError(f"the tensor {name} does not fit a CRNN of {config}")
        tensors[name] = tensor
    network.load_state_dict(tensors)
    for olds, news in zip(old, new, strict=True):
        for place in news[len(olds) :]:
            block = network.stages[place]
            assert isinstance(block, Residual)
            last = block.body[-1]
            assert isinstance(last, nn.BatchNorm2d)
            nn.init.zeros_(last.weight)
            for layer in block.body:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network


def deepen_weights(start: str | Path, blocks: Sequence[int], folder: Path) -> Path:
    """Write deepened weights, which read as those they come from, and their card.

    Args:
        start: Name of the package's own weights, or a path.
        blocks: See ``deepen``.
        folder: Where ``crnn.safetensors`` and its card go.

    Returns:
        The weights' path.

    Raises:
        ocrpipe.errors.ConfigError: They cannot be deepened so.
        ocrpipe.errors.WeightsError: They are missing, damaged, or no CRNN's.
    """
    tensors, card = load(start)
    network = deepen(tensors, CRNNConfig.from_dict(card.config), blocks)
    config = network.config.to_dict()
    return save(network.state_dict(), replace(card, config=config, accuracy={}), folder)


def _places(blocks: Sequence[int]) -> list[list[int]]:
    """Indices within ``CRNN.stages`` of each stage: its convolution, then its blocks."""
    places, start = [], 0
    for count in blocks:
        places.append(list(range(start, start + 1 + count)))
        start += 1 + count
    return places
