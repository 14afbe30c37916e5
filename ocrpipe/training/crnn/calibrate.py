"""The temperature that makes confidences mean what they say, fitted on rendered lines.

Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599: dividing all logits by one number
leaves the best path as it is and changes only how sure it claims to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import Tensor

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNN, STRIDE, CRNNConfig
from ocrpipe.recognizers.crnn.preprocess import prepare, to_input
from ocrpipe.recognizers.ctc import collapse
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training.crnn.training import load_checkpoint

TEMPERATURES: NDArray[np.float64] = np.round(np.geomspace(0.5, 3.0, 61), 3)
"""Those that are tried."""

Confidences = NDArray[np.float64]


def fit_temperature(model: CRNN, charset: Charset, samples: Iterable[LineSample]) -> float:
    """The one of ``TEMPERATURES`` under which right and wrong characters are the likeliest.

    Args:
        model: Reads; put into evaluation mode.
        charset: Of its classes.
        samples: Lines that it was not trained on, as hard as those it will be trusted with.

    Raises:
        ocrpipe.errors.ConfigError: It reads no character in any of the samples.
    """
    model.eval()
    tables, verdicts = [], []
    for sample in samples:
        confidences, right = _outcomes(model, charset, sample)
        tables.append(confidences)
        verdicts.append(right)
    sure = np.concatenate(tables) if tables else np.empty((0, len(TEMPERATURES)))
    if not len(sure):
        raise ConfigError("nothing was read in the lines given, so nothing can be calibrated on them")
    right_ones = np.concatenate(verdicts)[:, None]
    sure = np.clip(sure, 1e-6, 1 - 1e-6)
    surprise = -np.where(right_ones, np.log(sure), np.log1p(-sure)).mean(axis=0)
    return float(TEMPERATURES[surprise.argmin()])


def temperature_of(
    checkpoint: Path, charset: Charset, render: Callable[[np.random.Generator], LineSample], lines: int
) -> float:
    """``fit_temperature`` of a run's checkpoint on so many rendered lines.

    Raises:
        ocrpipe.errors.WeightsError: It is no checkpoint of a CRNN.
    """
    state = load_checkpoint(checkpoint)
    model = CRNN(CRNNConfig.from_dict(state["model_config"]))
    model.load_state_dict(state["model"])
    rng = np.random.default_rng(0)
    return fit_temperature(model, charset, (render(rng) for _ in range(lines)))


@torch.inference_mode()
def _outcomes(model: CRNN, charset: Charset, sample: LineSample) -> tuple[Confidences, NDArray[np.bool_]]:
    """For each character read how sure each temperature is of it, and whether it is right."""
    prepared = prepare(sample.image, model.config.height)
    logits: Tensor = model(torch.from_numpy(to_input(prepared))[None, None])[0, : prepared.shape[1] // STRIDE]
    probability, best = logits.softmax(-1).max(-1)
    read = collapse(best.numpy(), probability.numpy())
    rows = logits[[one.frame for one in read]].double()
    columns = [(rows / t).softmax(-1).amax(-1).numpy() for t in TEMPERATURES.tolist()]
    right = np.zeros(len(read), bool)
    text = [charset.decode([one.label]) for one in read]
    for block in Levenshtein.opcodes(list(sample.text), text).as_matching_blocks():
        right[block.b : block.b + block.size] = True
    spaces = np.array([one.isspace() for one in text], bool)
    table = np.stack(columns, axis=1) if read else np.empty((0, len(TEMPERATURES)))
    return table[~spaces], right[~spaces]
