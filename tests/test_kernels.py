from __future__ import annotations

import os
import subprocess
import sys

import pytest

NAME = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


@pytest.mark.parametrize(
    ("before", "set_to", "expected"),
    [("", None, "512"), ("", "7", "7"), ("import torch;", None, "None")],
)
def test_the_kernel_cache_is_bounded_before_torch_is_there(
    before: str, set_to: str | None, expected: str
) -> None:
    code = f"{before}import os, ocrpipe.detectors.ctpn; print(os.environ.get('{NAME}'))"
    environment = {name: value for name, value in os.environ.items() if name != NAME}
    if set_to:
        environment[NAME] = set_to
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == expected, done.stderr
