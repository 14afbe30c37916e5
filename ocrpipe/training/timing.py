"""Where a training step's time goes, measured on the device without waiting for it."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import torch


class StepTimer:
    """Times the phases of one step in every ``interval``.

    On a GPU, events in its stream are read when the figures are asked for, not before.

    Args:
        device: Where the step is computed.
        interval: Steps from one that is timed to the next.
    """

    def __init__(self, device: torch.device, interval: int = 20) -> None:
        self._cuda, self._interval = device.type == "cuda", interval
        self._steps, self._active = 0, False
        self._marks: list[tuple[str, Any]] = []
        self._timed: list[list[tuple[str, Any]]] = []

    def start(self) -> None:
        """Begin a step."""
        self._marks = []
        self._active = self._steps % self._interval == 0
        self._steps += 1
        self.mark("")

    def mark(self, phase: str) -> None:
        """A phase of the step has ended."""
        if self._active:
            self._marks.append((phase, self._now()))

    def stop(self) -> None:
        """End the step."""
        if self._active:
            self._timed.append(self._marks)
            self._active = False

    def figures(self) -> dict[str, float]:
        """Mean milliseconds of each phase since the last call."""
        if self._cuda and self._timed:
            torch.cuda.synchronize()
        sums: defaultdict[str, float] = defaultdict(float)
        for marks in self._timed:
            for (_, before), (phase, after) in zip(marks, marks[1:], strict=False):
                sums[f"ms_{phase}"] += self._between(before, after)
        figures = {name: total / len(self._timed) for name, total in sums.items()}
        self._timed = []
        return figures

    def _now(self) -> Any:
        if not self._cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _between(self, before: Any, after: Any) -> float:
        return float(before.elapsed_time(after)) if self._cuda else 1000 * (after - before)
