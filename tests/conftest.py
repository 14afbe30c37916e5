"""What all tests share: the programs and sets some of them need, and options of the test command.

Options:
    --no-skips: A skipped test fails. For machines that have every program, extra and set.
    --may-skip: A pattern of reasons for which a test may be skipped all the same; can be given several times.
    --no-bf16: As on a processor without bfloat16 instructions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

PACKAGES = {
    "curl": "curl",
    "pdftotext": "poppler-utils",
    "sh": "dash",
    "tesseract": "tesseract-ocr tesseract-ocr-chi-sim",
    "unshare": "util-linux",
}
"""Debian packages of the programs that tests run."""

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)

# How long an example takes depends on the machine.
settings.register_profile("ocrpipe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ocrpipe")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails")
    parser.addoption("--may-skip", action="append", default=[], help="reasons allowed with --no-skips")
    parser.addoption("--no-bf16", action="store_true", help="as on a processor without bfloat16")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_program(name): runs a program that may not be installed")
    config.addinivalue_line("markers", "xdist_group(name): goes to one process with the others of its group")
    config.addinivalue_line("markers", "needs_bench: measures on the pages in the folder OCRPIPE_BENCH")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs_program"):
        (name,) = marker.args
        if shutil.which(name) is None:
            pytest.skip(f"needs the program {name}: apt-get install {PACKAGES[name]}")
    if next(item.iter_markers("needs_bench"), None) and "OCRPIPE_BENCH" not in os.environ:
        pytest.skip("needs the bench's pages, which are no part of this repository, in OCRPIPE_BENCH")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _unless_skipped((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _unless_skipped((yield), collector.config)


def _unless_skipped(report: _Report, config: pytest.Config) -> _Report:
    """The report, of a failure where the test was skipped and may not be."""
    if report.outcome != "skipped" or not config.getoption("no_skips") or hasattr(report, "wasxfail"):
        return report
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not any(re.search(pattern, reason) for pattern in config.getoption("may_skip")):
        report.outcome, report.longrepr = "failed", f"with --no-skips, no test may be skipped: {reason}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _processor(pytestconfig: pytest.Config) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.getoption("no_bf16"):
            import torch

            patch.setattr("ocrpipe.environment.bf16_flags", lambda: ())
            patch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
        yield


@pytest.fixture
def bench() -> Path:
    """The folder of real pages; for tests marked ``needs_bench``."""
    return Path(os.environ["OCRPIPE_BENCH"])


@pytest.fixture
def peak_memory() -> Callable[[Callable[[], object]], int]:
    """Measures the bytes that a call allocates at its peak, in Python and NumPy; the same on any machine."""

    def measure(call: Callable[[], object]) -> int:
        call()  # what is loaded or cached at the first call does not count
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[str], set[str]]:
    """Runs code in a Python of its own; the names of all modules that are loaded afterwards."""

    def run(code: str) -> set[str]:
        command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    return run
