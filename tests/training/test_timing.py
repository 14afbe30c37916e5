from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ocrpipe.training import timing
from ocrpipe.training.timing import StepTimer


def test_every_so_many_steps_are_timed_by_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    timer = StepTimer(torch.device("cpu"), interval=2)
    for step in range(3):
        timer.start()
        clock.now += 0.01 if step % 2 == 0 else 0.2
        timer.mark("first")
        clock.now += 0.03
        timer.mark("second")
        timer.stop()
    figures = timer.figures()
    assert figures == pytest.approx({"ms_first": 10, "ms_second": 30})
    assert timer.figures() == {}


def test_marks_outside_of_a_step_are_passed_over() -> None:
    timer = StepTimer(torch.device("cpu"))
    timer.mark("first")
    timer.stop()
    assert timer.figures() == {}
