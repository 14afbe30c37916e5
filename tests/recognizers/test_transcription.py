from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ocrpipe.recognizers.crnn.charset import BLANK
from ocrpipe.recognizers.crnn.transcription import BestClasses


@pytest.fixture(scope="module")
def layer() -> nn.Linear:
    """Of 300 classes, the blank likely."""
    torch.manual_seed(0)
    made = nn.Linear(40, 300)
    with torch.no_grad():
        made.weight *= 4
        made.bias[BLANK] += 5
    return made.requires_grad_(False)


def features(frames: int) -> Tensor:
    return torch.randn(frames, 40, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("frames", [0, 1, 255, 256, 257, 1000])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_winners_are_those_of_the_whole_scores(layer: nn.Linear, frames: int, temperature: float) -> None:
    given = features(frames)
    whole = (layer(given) / temperature).softmax(-1)
    labels, probability = BestClasses(layer, temperature).best(given)
    assert labels.tolist() == whole.argmax(-1).tolist()
    inked = labels != BLANK
    assert torch.allclose(probability[inked], whole.amax(-1)[inked], atol=1e-5)
    assert (probability[~inked] == 1).all()
    if frames > 1:
        assert 0 < inked.sum() < frames, "or nothing was compared"


def test_log_probabilities_are_those_of_the_layer(layer: nn.Linear) -> None:
    given = features(50)
    expected = (layer(given) / 2).log_softmax(-1)
    assert torch.allclose(BestClasses(layer, 2.0).log_probs(given), expected, atol=1e-4)


def test_bfloat16_picks_nearly_the_same(layer: nn.Linear) -> None:
    given = features(2000)
    exact, _ = BestClasses(layer).best(given)
    rough, probability = BestClasses(layer, dtype=torch.bfloat16).best(given.bfloat16())
    assert (exact == rough).float().mean() > 0.95
    assert probability.dtype == torch.float32
