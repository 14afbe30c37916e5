"""The random number generators of a training, seeded together and saved with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class Randomness:
    """Generators for whatever a training draws.

    Args:
        seed: Of all of them.
        device: The training's.

    Attributes:
        numpy: For the choice of examples.
        cpu: For tensors that are made on the CPU.
        device: For tensors on the training's device; the same as ``cpu`` there.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.numpy = np.random.default_rng(seed)
        self.cpu = torch.Generator().manual_seed(seed)
        self.device = self.cpu if device.type == "cpu" else torch.Generator(device).manual_seed(seed)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        state = {"numpy": self.numpy.bit_generator.state, "cpu": self.cpu.get_state()}
        return state if self.device is self.cpu else {**state, self._kind: self.device.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state()``; a generator that it lacks, as after a change of device, stays as it is."""
        if "numpy" in state:
            self.numpy.bit_generator.state = state["numpy"]
        if "cpu" in state:
            self.cpu.set_state(state["cpu"])
        if self.device is not self.cpu and self._kind in state:
            self.device.set_state(state[self._kind])

    @property
    def _kind(self) -> str:
        return self.device.device.type
