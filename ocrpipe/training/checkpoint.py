"""The state of a run in one file, from which it is resumed and exported.

A checkpoint is a dictionary that ``torch.load(path, weights_only=True)`` reads: ``kind``, ``model``, ``ema``,
``model_config``, ``charset``, ``optimizer``, ``progress`` and ``random``, as in ``Checkpoint``.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ocrpipe.errors import WeightsError
from ocrpipe.io.files import write_whole

CHECKPOINT = "checkpoint.pt"
"""Name of the checkpoint in a run's folder."""


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        seconds: Time spent on steps, over all sessions.
        steps: Steps of the optimiser.
        examples: Examples in their batches.
    """

    seconds: float = 0.0
    steps: int = 0
    examples: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run.

    Attributes:
        kind: Of the model: "crnn" or "ctpn".
        model: Its state, as ``state_dict`` gives it.
        ema: The moving average of that state; empty where the run keeps none.
        model_config: Its configuration.
        charset: Characters of classes 1, 2, …; empty for a detector.
        optimizer: The optimiser's state.
        progress: How far the run has come.
        random: States of the random number generators, see ``ocrpipe.training.randomness``.
    """

    kind: str
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    model_config: dict[str, Any]
    charset: str
    optimizer: dict[str, Any]
    progress: Progress
    random: dict[str, Any]

    @property
    def weights(self) -> dict[str, Tensor]:
        """What is validated and exported: the average, or the model's state where the run keeps none."""
        return self.ema or self.model


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a process killed meanwhile leaves the old one.

    Raises:
        ocrpipe.errors.OcrError: It can't be written there.
    """
    state = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    buffer = io.BytesIO()
    torch.save({**state, "progress": asdict(checkpoint.progress)}, buffer)
    write_whole(path, buffer.getvalue())


def load_checkpoint(path: Path, kind: str) -> Checkpoint:
    """Read a checkpoint, its tensors on the CPU.

    Args:
        path: The file.
        kind: Of the model it is to hold.

    Raises:
        ocrpipe.errors.WeightsError: It is damaged, something else, or of another kind of model.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if "kind" not in state:
            state = _from_first_format(state)
        progress = Progress(**state.pop("progress"))
        checkpoint = Checkpoint(**state, progress=progress)
    except Exception as error:  # torch.load raises anything from OSError to UnpicklingError
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]
        raise WeightsError(f"{path} is no checkpoint of a training: {reason}") from error
    if checkpoint.kind != kind:
        raise WeightsError(f"{path} is a checkpoint of a {checkpoint.kind} model, not of a {kind} model")
    return checkpoint


def _from_first_format(state: dict[str, Any]) -> dict[str, Any]:
    """A CRNN's checkpoint as it was written until 2026-11-27, without kind and charset."""
    from ocrpipe.recognizers.crnn.charset import default_charset

    charset, classes = default_charset(), state["model_config"]["classes"]
    if classes != len(charset):
        raise ValueError(f"its {classes} classes are not those of the default charset, and it has no other")
    numpy_state, torch_state, _ = state.get("random") or (None, None, None)
    progress = dict(state.get("progress") or {})
    return {
        "kind": "crnn",
        "model": state["model"],
        "ema": state.get("ema") or {},
        "model_config": state["model_config"],
        "charset": charset.characters,
        "optimizer": state.get("optimizer") or {},
        "progress": {"examples" if name == "lines" else name: value for name, value in progress.items()},
        "random": {"numpy": numpy_state, "cpu": torch_state} if numpy_state else {},
    }
