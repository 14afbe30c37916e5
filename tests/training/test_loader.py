from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.training.loader import DataLoader

ROOT = Path(__file__).parents[2]
Example = tuple[int, float]
Rng = np.random.Generator


def numbers(rng: Rng) -> Iterator[Example]:
    """Random numbers in three buckets."""
    while True:
        yield int(rng.choice([1, 2, 4])), float(rng.random())


def counted(rng: Rng) -> Iterator[Example]:
    for number in itertools.count():
        yield 1, float(number)


def broken(rng: Rng) -> Iterator[Example]:
    yield 1, 0.0
    raise OSError("raster overflow")


def broken_at_once(rng: Rng) -> Iterator[Example]:
    raise ZeroDivisionError


def unable(rng: Rng) -> Iterator[Example]:
    raise ConfigError("the fonts can draw nothing")


def bucket_of(example: Example) -> int:
    return example[0]


def batch_size(bucket: int) -> int:
    return 16 // bucket


def loader_of(
    make_examples: Callable[[Rng], Iterator[Example]] = numbers, **options: Any
) -> DataLoader[Example]:
    return DataLoader(make_examples, bucket_of=bucket_of, batch_size=batch_size, **options)


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Processes import this module by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield


def within(seconds: float, call: Callable[[], object]) -> BaseException | None:
    """What the call raised; a failed assertion if it hangs."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it hangs"
    return raised[0] if raised else None


@pytest.fixture
def loader() -> Iterator[DataLoader[Example]]:
    with loader_of(capacity=300, workers=2) as loader:
        yield loader


def batches(loader: DataLoader[Example], count: int, seed: int = 0) -> list[list[Example]]:
    rng = np.random.default_rng(seed)
    return [loader.batch(rng) for _ in range(count)]


def test_batches_are_of_one_bucket_and_its_size(loader: DataLoader[Example]) -> None:
    loader.wait(200)
    sizes = Counter[int]()
    for batch in batches(loader, 60):
        (bucket,) = {example[0] for example in batch}
        assert len(batch) == 16 // bucket
        sizes[bucket] += 1
    assert sizes.keys() == {1, 2, 4}
    assert sizes[4] > sizes[1]  # smaller batches come more often, so that all examples are equally likely


def test_a_batch_needs_no_wait(loader: DataLoader[Example]) -> None:
    assert within(120, lambda: batches(loader, 1)) is None


def test_processes_pause_at_the_capacity_until_examples_are_used(loader: DataLoader[Example]) -> None:
    assert within(120, lambda: loader.wait(10**9)) is None  # as many as it holds
    deadline, rendered = time.monotonic() + 60, -1
    while loader.rendered != rendered and time.monotonic() < deadline:
        rendered = loader.rendered
        time.sleep(0.3)
    assert 300 <= rendered == loader.rendered <= 300 + 4 * 64
    assert len(loader) <= rendered
    deadline = time.monotonic() + 60
    while loader.rendered == rendered and time.monotonic() < deadline:
        batches(loader, 50)
        time.sleep(0.01)
    assert loader.rendered > rendered and len(loader) <= 303


def test_the_seed_determines_what_is_rendered() -> None:
    def examples(*seed: int) -> list[list[Example]]:
        with loader_of(capacity=1, seed=seed) as loader:
            loader.wait(1)
            return batches(loader, 3)

    assert examples(1) == examples(1)
    assert examples(1) != examples(2) and examples(1, 0) != examples(1, 4096)


def test_each_process_renders_examples_of_its_own() -> None:
    with loader_of(workers=2, ahead=3000) as loader:  # so many that both have a part
        loader.wait(3000)
        seen = [example for batch in batches(loader, 100) for example in batch]
    with loader_of(workers=0, ahead=3000) as alone:
        alone.wait(3000)
        first = {example for batch in batches(alone, 100) for example in batch}
    assert (
        0 < np.mean([example in first for example in set(seen)]) < 1
    )  # how many each has is up to the cores


def test_without_processes_everything_is_reproducible() -> None:
    with loader_of(workers=0, seed=[3]) as one, loader_of(workers=0, seed=[3]) as two:
        for loader in (one, two):
            loader.wait(50)
            assert loader.rendered == 50
        assert batches(one, 20) == batches(two, 20)
        assert one.rendered == two.rendered == pytest.approx(50 + one.used / 2, abs=16)


def test_examples_are_reused_as_often_as_asked() -> None:
    with loader_of(workers=0, reuse=4.0) as loader:
        batches(loader, 100)
        assert loader.used / loader.rendered == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("workers", [0, 1])
def test_examples_that_are_used_once_are_shuffled_and_none_comes_twice(workers: int) -> None:
    with loader_of(counted, workers=workers, ahead=64, once=True, chunk=4) as loader:
        loader.wait(64)
        drawn = [number for batch in batches(loader, 10) for _, number in batch]
    assert len(set(drawn)) == len(drawn) == 160
    assert drawn != sorted(drawn) and max(drawn) < 160 + 64 + 8


def test_examples_that_are_used_once_are_waited_for() -> None:
    with loader_of(numbers, workers=1, ahead=64, once=True, chunk=4) as loader:
        assert within(120, lambda: batches(loader, 100)) is None
        assert loader.rendered - loader.used == len(loader)


def test_closing_ends_the_processes(loader: DataLoader[Example]) -> None:
    loader.wait(1)
    pids = [process.pid for process in loader._processes]
    assert within(120, loader.close) is None
    for pid in pids:
        assert pid and not Path(f"/proc/{pid}/status").exists()
    assert batches(loader, 1)  # what was rendered stays


@pytest.mark.parametrize(
    ("make", "message"), [(broken, "OSError: raster overflow"), (broken_at_once, "ZeroDivisionError")]
)
def test_a_process_that_fails_is_an_error_and_no_hang(
    make: Callable[[Rng], Iterator[Example]], message: str
) -> None:
    with loader_of(make) as loader:
        for call in (lambda: loader.wait(10), lambda: loader.batch(np.random.default_rng(0))):
            error = within(120, call)
            assert isinstance(error, RuntimeError)
            assert str(error).startswith("a data loader process failed") and message in str(error)


def test_an_error_of_ocrpipe_comes_through_as_it_is() -> None:
    with loader_of(unable) as loader:
        error = within(120, lambda: loader.wait(10))
    assert isinstance(error, ConfigError) and str(error) == "the fonts can draw nothing"


def test_a_process_that_is_killed_while_it_pauses_is_noticed(loader: DataLoader[Example]) -> None:
    loader.wait(300)
    time.sleep(0.2)
    for process in loader._processes:
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)

    def train_on() -> None:
        while True:
            batches(loader, 1)
            time.sleep(0.001)

    error = within(120, train_on)
    assert isinstance(error, RuntimeError) and str(error) == "a data loader process was killed"


def test_processes_end_when_the_training_is_killed() -> None:
    script = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from tests.training.test_loader import loader_of
if __name__ == "__main__":
    loader = loader_of(capacity=100, workers=2)
    loader.wait(1)
    print(*(process.pid for process in loader._processes), flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout
        pids = training.stdout.readline().split()
        training.kill()
    deadline = time.monotonic() + 60
    while (alive := [pid for pid in pids if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive:
        os.kill(int(pid), signal.SIGKILL)
    assert len(pids) == 2 and not alive


def test_threads_of_opencv_do_not_matter() -> None:
    """Processes forked from this one would wait forever for its threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (0, 0), 3)
        with loader_of() as loader:
            assert within(120, lambda: loader.wait(64)) is None
    finally:
        cv2.setNumThreads(threads)


def _runs(pid: str) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
