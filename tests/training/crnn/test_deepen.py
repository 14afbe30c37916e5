from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ocrpipe.errors import ConfigError, WeightsError
from ocrpipe.pretrained.loader import Card, load, save
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig, Residual
from ocrpipe.training.crnn.deepen import deepen, deepen_weights

SMALL = CRNNConfig(11, channels=(4, 6, 8, 10), blocks=(0, 1, 1, 1), hidden=8, bottleneck=6)


def network() -> CRNN:
    """With statistics of normalisation that are no longer those of a fresh one."""
    torch.manual_seed(3)
    model = CRNN(SMALL)
    model(torch.randn(4, 1, 32, 64))
    return model.eval()


@pytest.mark.parametrize("blocks", [(0, 1, 1, 1), (0, 1, 2, 2), (1, 1, 1, 1), (2, 3, 1, 2)])
def test_a_deepened_network_reads_the_same(blocks: tuple[int, int, int, int]) -> None:
    model, images = network(), torch.randn(2, 1, 32, 96)
    deeper = deepen(model.state_dict(), SMALL, blocks).eval()
    assert deeper.config == replace(SMALL, blocks=blocks)
    assert torch.allclose(deeper(images), model(images), atol=1e-5)


def test_what_was_added_learns() -> None:
    deeper = deepen(network().state_dict(), SMALL, (0, 1, 1, 2)).train()
    block = deeper.stages[-1]
    assert isinstance(block, Residual)
    first, last = block.body[0], block.body[-1]
    optimizer = torch.optim.SGD(deeper.parameters(), 0.1)
    for _ in range(2):  # the first step moves the scale away from zero, the second the convolutions
        optimizer.zero_grad()
        deeper(torch.randn(4, 1, 32, 64)).square().mean().backward()
        optimizer.step()
    for layer, tensor in ((last, "value"), (first, "gradient")):
        assert isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))
        moved = layer.weight if tensor == "value" else layer.weight.grad
        assert moved is not None and moved.abs().sum() > 0


@pytest.mark.parametrize("blocks", [(0, 0, 1, 1), (0, 1, 1), (0, 1, 1, 0)])
def test_a_network_cannot_shrink(blocks: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError):
        deepen(network().state_dict(), SMALL, blocks)


def test_only_slim_networks_are_deepened() -> None:
    paper = CRNNConfig.paper(11)
    with pytest.raises(ConfigError):
        deepen(CRNN(paper).state_dict(), paper, (0, 1, 1, 1))


def test_tensors_of_another_shape_are_refused() -> None:
    with pytest.raises(WeightsError):
        deepen(network().state_dict(), replace(SMALL, hidden=9), (0, 1, 2, 2))


def test_deepened_weights_are_a_file_with_its_card(tmp_path: Path) -> None:
    model = network()
    path = save(model.state_dict(), Card("crnn", "", SMALL.to_dict(), "abcdefghij"), tmp_path)
    deeper = deepen_weights(path, (0, 1, 2, 1), tmp_path / "deeper")
    tensors, card = load(deeper)
    assert card.charset == "abcdefghij"
    again = CRNN(CRNNConfig.from_dict(card.config))
    again.load_state_dict(tensors)
    assert again.config.blocks == (0, 1, 2, 1)
