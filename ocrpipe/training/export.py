"""From a run's checkpoint to weights with their card."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from ocrpipe.pretrained.loader import FOLDER, Card, save
from ocrpipe.training.averaging import average_with
from ocrpipe.training.checkpoint import load_checkpoint
from ocrpipe.training.selftest import selftest_of


def export_weights(
    checkpoint: Path,
    kind: str,
    *,
    recipe: str,
    accuracy: dict[str, Any],
    calibration: float = 1.0,
    average: tuple[str | Path, float] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Write a checkpoint's averaged weights, in half precision, with their card.

    Args:
        checkpoint: The run's ``checkpoint.pt``.
        kind: Of its model, "crnn" or "ctpn"; the file's name too.
        recipe: How it was trained, for the card.
        accuracy: Figures measured with it, for the card.
        calibration: Temperature that a recogniser's logits are divided by, see ``Card``.
        average: Other weights to average with and their fraction, see ``averaging.average_with``.
        folder: Where ``<kind>.safetensors`` and its card go; the package's own by default.

    Returns:
        The weights' path.

    Raises:
        ocrpipe.errors.WeightsError: It is no checkpoint of such a model, or the other weights don't fit.
        ocrpipe.errors.ConfigError: The fraction is out of range.
    """
    state = load_checkpoint(checkpoint, kind)
    card = Card(
        kind,
        sha256="",
        config=state.model_config,
        charset=state.charset,
        date=date.today().isoformat(),
        recipe=recipe,
        accuracy=accuracy,
        calibration=calibration,
    )
    weights = average_with(state.weights, card.config, *average) if average else state.weights
    return save(weights, card, folder, selftest_of)
