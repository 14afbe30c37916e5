"""Temperature scaling of the recogniser's confidences, fitted on rendered lines.

Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599: dividing all logits by one number
leaves the best path as it is and changes only the confidences.
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
from ocrpipe.training.checkpoint import load_checkpoint
from ocrpipe.training.crnn.lines import Render

TEMPERATURES: NDArray[np.float64] = np.round(np.geomspace(0.5, 3.0, 61), 3)
"""Those that are tried."""

Confidences = NDArray[np.float64]


def fit_temperature(network: CRNN, charset: Charset, samples: Iterable[LineSample]) -> float:
    """The one of ``TEMPERATURES`` with the least cross-entropy of right and wrong characters.

    Args:
        network: Put into evaluation mode.
        charset: Of its classes.
        samples: Lines that it was not trained on, as hard as those it is meant for.

    Raises:
        ocrpipe.errors.ConfigError: It reads no character in any of the samples.
    """
    network.eval()
    tables, outcomes = [], []
    for sample in samples:
        table, correct = _outcomes(network, charset, sample)
        tables.append(table)
        outcomes.append(correct)
    confidences = np.concatenate(tables) if tables else np.empty((0, len(TEMPERATURES)))
    if not len(confidences):
        raise ConfigError("nothing was read in the lines given, so nothing can be calibrated on them")
    correct = np.concatenate(outcomes)[:, None]
    confidences = np.clip(confidences, 1e-6, 1 - 1e-6)
    cross_entropy = -np.where(correct, np.log(confidences), np.log1p(-confidences)).mean(axis=0)
    return float(TEMPERATURES[cross_entropy.argmin()])


def temperature_of(checkpoint: Path, make_render: Callable[[Charset], Render], lines: int) -> float:
    """``fit_temperature`` of a run's averaged weights on so many rendered lines.

    Args:
        checkpoint: The run's.
        make_render: From the checkpoint's charset, what renders lines.
        lines: How many.

    Raises:
        ocrpipe.errors.WeightsError: It is no checkpoint of a CRNN.
    """
    state = load_checkpoint(checkpoint, "crnn")
    network, charset = CRNN(CRNNConfig.from_dict(state.model_config)), Charset(state.charset)
    network.load_state_dict(state.weights)
    render, rng = make_render(charset), np.random.default_rng(0)
    return fit_temperature(network, charset, (render(rng) for _ in range(lines)))


@torch.inference_mode()
def _outcomes(network: CRNN, charset: Charset, sample: LineSample) -> tuple[Confidences, NDArray[np.bool_]]:
    """Of C characters read: (C, temperatures) confidences, and (C,) whether each is correct."""
    prepared = prepare(sample.image, network.config.height)
    images = torch.from_numpy(to_input(prepared))[None, None]
    logits: Tensor = network(images)[0, : prepared.shape[1] // STRIDE]
    probability, best = logits.softmax(-1).max(-1)
    emissions = collapse(best.numpy(), probability.numpy())
    rows = logits[[emission.frame for emission in emissions]].double()
    columns = [(rows / t).softmax(-1).amax(-1).numpy() for t in TEMPERATURES.tolist()]
    correct = np.zeros(len(emissions), bool)
    text = [charset.decode([emission.label]) for emission in emissions]
    for block in Levenshtein.opcodes(list(sample.text), text).as_matching_blocks():
        correct[block.b : block.b + block.size] = True
    spaces = np.array([character.isspace() for character in text], bool)
    table = np.stack(columns, axis=1) if emissions else np.empty((0, len(TEMPERATURES)))
    return table[~spaces], correct[~spaces]
