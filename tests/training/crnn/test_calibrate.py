from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN, CRNNConfig
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training.crnn.calibrate import fit_temperature

CHARSET = Charset("abcd")
FRAMES = 32


class Oracle(CRNN):
    """Gives the logits that were made up for each line, whatever the line looks like."""

    def __init__(self, lines: Sequence[Tensor]) -> None:
        super().__init__(CRNNConfig(len(CHARSET), channels=(2, 2, 2, 2), hidden=2, bottleneck=2))
        self._lines = iter(lines)

    def forward(self, images: Tensor, frames: Tensor | None = None) -> Tensor:
        return next(self._lines)[None, : images.shape[3] // 4]


def made_up(overconfidence: float, rng: np.random.Generator) -> tuple[Tensor, str]:
    """Characters and blanks in turn, with confidences that are off by a known temperature."""
    logits = torch.full((FRAMES, len(CHARSET)), -50.0)
    logits[:, 0] = 50.0
    reference = ""
    for frame in range(0, FRAMES - 4, 2):
        probability, read = float(rng.uniform(0.3, 0.95)), int(rng.integers(1, len(CHARSET)))
        logits[frame, 0] = -50.0
        logits[frame, 1:] = overconfidence * float(np.log((1 - probability) / (len(CHARSET) - 2)))
        logits[frame, read] = overconfidence * float(np.log(probability))
        reference += CHARSET.decode([read]) if rng.random() < probability else "x"
    return logits, reference


@pytest.mark.parametrize("overconfidence", [0.7, 1.0, 1.6])
def test_the_temperature_undoes_overconfidence(overconfidence: float) -> None:
    rng = np.random.default_rng(0)
    lines = [made_up(overconfidence, rng) for _ in range(200)]
    image = np.full((32, 4 * FRAMES - 4), 255, np.uint8)
    samples = [LineSample(image, reference, np.empty(0, np.float32)) for _, reference in lines]
    oracle = Oracle([logits for logits, _ in lines])
    assert fit_temperature(oracle, CHARSET, samples) == pytest.approx(overconfidence, rel=0.1)


def test_nothing_read_is_an_error() -> None:
    model = CRNN(CRNNConfig(len(CHARSET), channels=(2, 2, 2, 2), hidden=2, bottleneck=2))
    with torch.no_grad():
        model.classify.bias[0] = 100.0
    blank = LineSample(np.full((32, 64), 255, np.uint8), "a", np.empty(0, np.float32))
    for samples in ([], [blank]):
        with pytest.raises(ConfigError, match="nothing was read"):
            fit_temperature(model, CHARSET, samples)
