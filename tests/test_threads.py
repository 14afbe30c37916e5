"""Threads: results do not depend on them, and settings of the caller are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ocrpipe import threads
from ocrpipe.io import images
from ocrpipe.pipeline import Pipeline
from ocrpipe.result import Page
from ocrpipe.threads import TorchWorkers, available_threads, openmp_threads

SAMPLE = Path(__file__).parents[1] / "docs" / "sample.png"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pages() -> list[Pixels]:
    """Different parts of the sample page, each a few lines high."""
    image = images.load(SAMPLE)
    return [np.ascontiguousarray(image[20 * i : 20 * i + 260 + 10 * i]) for i in range(10)]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The upper half of the sample page: enough lines for all threads."""
    path = tmp_path_factory.mktemp("threads") / "half.png"
    Image.fromarray(images.load(SAMPLE)[:900]).save(path)
    return path


def test_threads_of_openmp_follow_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    monkeypatch.delenv("OMP_DYNAMIC", raising=False)
    assert openmp_threads(4) == 4
    monkeypatch.setenv("OMP_THREAD_LIMIT", "2")
    assert (openmp_threads(4), openmp_threads(1)) == (2, 1)
    monkeypatch.setenv("OMP_THREAD_LIMIT", "nonsense")
    assert openmp_threads(4) == 4
    monkeypatch.setenv("OMP_DYNAMIC", "TRUE")
    assert openmp_threads(4) == 1


def test_available_threads_follow_affinity_and_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system has no CPU affinity")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    for quota, expected in ((None, 6), (0.5, 1), (2.0, 2), (2.5, 3), (64.0, 6)):
        monkeypatch.setattr(threads, "_cgroup_quota", lambda quota=quota: quota)
        assert available_threads() == expected


@pytest.mark.parametrize(
    ("limit", "quota"), [("max 100000", None), ("50000 100000", 0.5), ("300000 100000\n", 3.0), ("", None)]
)
def test_quotas_of_control_groups_are_parsed(limit: str, quota: float | None) -> None:
    assert threads._parsed(limit) == quota


def test_workers_keep_their_number_and_leave_the_callers_alone() -> None:
    before = torch.get_num_threads()
    workers = TorchWorkers(3, before + 1)
    counts = workers.map(lambda _: torch.get_num_threads(), range(12))
    assert set(counts) == {openmp_threads(before + 1)}
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before


def test_errors_of_workers_reach_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        TorchWorkers(1, 1).run(lambda value: 1 / value, 0)


def test_eight_threads_read_what_one_reads(pages: list[Pixels]) -> None:
    """To the last digit, with pipelines of different numbers of threads at once.

    Another number of threads may change a convolution's last bits in single precision, but not the text.
    """
    pipelines = [Pipeline(threads=count) for count in (1, 2, 3)]
    alone = [[pipeline.read(page) for page in pages] for pipeline in pipelines]

    def read(i: int) -> Page:
        return pipelines[i % len(pipelines)].read(pages[i % len(pages)])

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(read, range(50)))
    assert results == [alone[i % len(pipelines)][i % len(pages)] for i in range(50)]
    texts = [[page.text for page in pages] for pages in alone]
    assert texts[0] == texts[1] == texts[2]
    assert sum(len(page.lines) for page in alone[0]) > 20


_READ = """
import sys, ocrpipe
for line in ocrpipe.read(sys.argv[1]).lines:
    print(line.text)
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_THREAD_LIMIT": "1"},
        {"OMP_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "3", "OMP_THREAD_LIMIT": "2"},
        {"OMP_DYNAMIC": "true"},
        {"OMP_WAIT_POLICY": "active"},
        {"MKL_NUM_THREADS": "1", "KMP_BLOCKTIME": "0"},
    ],
    ids=lambda environment: "-".join(environment),
)
def test_settings_of_openmp_do_not_change_what_is_read(environment: dict[str, str], sample: Path) -> None:
    """Lines were lost without an error where OpenMP ran fewer threads than torch shared its work out to."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "MKL_", "KMP_"))
    }
    command = [sys.executable, "-c", _READ, str(sample)]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=True)
    assert done.stdout == "\n".join(line.text for line in Pipeline().read(sample).lines) + "\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_reads_after_a_fork() -> None:
    code = """
import os, sys, signal, ocrpipe
page = ocrpipe.read(sys.argv[1])
for _ in range(2):
    child = os.fork()
    if not child:
        signal.alarm(250)
        os._exit(0 if ocrpipe.read(sys.argv[1]) == page else 3)
    assert os.waitpid(child, 0)[1] == 0
assert ocrpipe.read(sys.argv[1]) == page
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(SAMPLE)], check=True, timeout=900)
