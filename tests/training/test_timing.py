from __future__ import annotations

import time

import pytest
import torch

from ocrpipe.training.timing import StepTimer


def test_every_so_many_steps_are_timed_by_phase() -> None:
    timer = StepTimer(torch.device("cpu"), interval=2)
    for step in range(3):
        timer.start()
        time.sleep(0.01 if step % 2 == 0 else 0.2)
        timer.mark("first")
        timer.mark("second")
        timer.stop()
    figures = timer.figures()
    assert figures.keys() == {"ms_first", "ms_second"}
    assert 10 <= figures["ms_first"] < 150 and figures["ms_second"] == pytest.approx(0, abs=10)
    assert timer.figures() == {}


def test_marks_outside_of_a_step_are_passed_over() -> None:
    timer = StepTimer(torch.device("cpu"))
    timer.mark("first")
    timer.stop()
    assert timer.figures() == {}
