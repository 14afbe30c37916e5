"""The learning rate over a run: linear warm-up, constant, decay (WSD).

Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", arXiv 2405.18392.
With a decay over the whole run and the shape "cosine" it is the usual cosine schedule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SHAPES = ("linear", "cosine")
FINAL = 0.01
"""The learning rate at the end of the run, as a fraction of the peak."""


@dataclass(frozen=True)
class Schedule:
    """Learning rate by step and by fraction of the run.

    Attributes:
        peak: Learning rate between warm-up and decay.
        warmup_steps: Steps of the warm-up.
        decay: Fraction of the run, its last, in which the rate falls.
        shape: One of ``SHAPES``.
    """

    peak: float
    warmup_steps: int
    decay: float
    shape: str = "linear"

    def __call__(self, step: int, fraction: float) -> float:
        """The learning rate of a step, counted from 0, at a fraction of the run, 0..1."""
        warmup = min(1.0, (step + 1) / self.warmup_steps)
        remaining = min(1.0, (1 - fraction) / max(1e-9, self.decay))
        if self.shape == "cosine":
            level = FINAL + (1 - FINAL) * 0.5 * (1 + math.cos(math.pi * (1 - remaining)))
        else:
            level = max(FINAL, remaining)
        return self.peak * warmup * level
