from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocrpipe.errors import ConfigError
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.preprocess import prepare
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training.crnn.pool import LinePool, Render, TrainingLine, to_training

ROOT = Path(__file__).parents[2]
CHARSET = Charset("abcdef")


def sample_of(text: str, width: int = 100, height: int = 32) -> LineSample:
    image = np.full((height, width), 255, np.uint8)
    image[8:24, ::7] = 0
    centers = np.linspace(4, width - 4, len(text), dtype=np.float32)
    return LineSample(image, text, centers)


def render(rng: np.random.Generator) -> LineSample:
    text = "".join(rng.choice(list("abcdef"), int(rng.integers(1, 5))))
    return sample_of(text, width=int(rng.choice([50, 90, 150])))


def make_render() -> Render:
    return render


def broken_render(rng: np.random.Generator) -> LineSample:
    raise OSError("raster overflow")


def make_broken_render() -> Render:
    return broken_render


def broken_make() -> Render:
    raise ZeroDivisionError


def unable_render(rng: np.random.Generator) -> LineSample:
    raise ConfigError("the fonts can draw nothing")


def make_unable_render() -> Render:
    return unable_render


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    """Renderers find this module by its name."""
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
def pool() -> Iterator[LinePool]:
    with LinePool(make_render, CHARSET, capacity=300, workers=2) as pool:
        yield pool


def test_a_sample_becomes_input_label_and_frames() -> None:
    sample = sample_of("fad", width=200, height=64)
    line = to_training(sample, CHARSET)
    assert line is not None
    assert np.array_equal(line.image, prepare(sample.image))
    assert line.label.tolist() == [6, 1, 4] and line.label.dtype == np.int16
    assert line.centers == pytest.approx(sample.centers / 2 / 4)  # half the size, four pixels a frame


@pytest.mark.parametrize(
    ("text", "width", "fits"),
    [
        ("abcd", 16, True),
        ("abcde", 16, False),
        ("abcc", 16, False),
        ("abcc", 20, True),
        ("aaaa", 27, False),
        ("aaaa", 28, True),
    ],
)
def test_what_ctc_cannot_align_is_left_out(text: str, width: int, fits: bool) -> None:
    """A character takes a frame of four pixels, and so does the blank between two equal ones."""
    assert (to_training(sample_of(text, width), CHARSET) is not None) == fits


@pytest.mark.parametrize("text", ["", "abx"])
def test_text_outside_the_charset_is_left_out(text: str) -> None:
    assert to_training(sample_of(text), CHARSET) is None


def test_batches_are_of_one_width_and_about_the_size_asked_for(pool: LinePool) -> None:
    pool.wait(200)
    rng = np.random.default_rng(0)
    widths = set()
    for _ in range(40):
        batch = pool.batch(rng, 2000)
        assert all(isinstance(line, TrainingLine) for line in batch)
        (width,) = {line.image.shape[1] for line in batch}
        assert width % 32 == 0 and len(batch) == 2000 // width
        widths.add(width)
    assert len(widths) == 3
    assert len(pool.batch(rng, 10)) == 8 and len(pool.batch(rng, 10**6)) == 128


def test_a_batch_needs_no_wait(pool: LinePool) -> None:
    assert within(30, lambda: pool.batch(np.random.default_rng(0), 1000)) is None


def test_renderers_pause_at_the_capacity_until_lines_are_used(pool: LinePool) -> None:
    assert within(30, lambda: pool.wait(10**9)) is None  # as many as it holds
    time.sleep(0.3)
    rendered = pool.rendered
    assert 300 <= rendered <= 300 + 4 * 64
    time.sleep(0.3)
    assert pool.rendered == rendered and len(pool) <= rendered
    rng, deadline = np.random.default_rng(0), time.monotonic() + 30
    while pool.rendered == rendered and time.monotonic() < deadline:
        pool.batch(rng, 10**6)
        time.sleep(0.01)
    assert pool.rendered > rendered and len(pool) <= 303


def test_the_seed_tells_what_is_rendered() -> None:
    def lines(seed: int) -> list[bytes]:
        with LinePool(make_render, CHARSET, capacity=1, seed=seed) as pool:
            pool.wait(1)
            return [
                line.image.tobytes() + line.label.tobytes()
                for line in pool.batch(np.random.default_rng(0), 10**6)
            ]

    assert lines(1) == lines(1) != lines(2)


def test_closing_ends_the_renderers(pool: LinePool) -> None:
    pool.wait(1)
    pids = [process.pid for process in pool._processes]
    assert within(30, pool.close) is None
    for pid in pids:
        assert pid and not Path(f"/proc/{pid}/status").exists()
    assert pool.batch(np.random.default_rng(0), 1000)  # what was rendered stays


@pytest.mark.parametrize(
    ("make", "said"), [(make_broken_render, "OSError: raster overflow"), (broken_make, "ZeroDivisionError")]
)
def test_a_renderer_that_fails_is_an_error_and_no_hang(make: Callable[[], Render], said: str) -> None:
    with LinePool(make, CHARSET) as pool:
        for call in (lambda: pool.wait(10), lambda: pool.batch(np.random.default_rng(0), 100)):
            error = within(60, call)
            assert isinstance(error, RuntimeError) and str(error).startswith("a renderer failed")
            assert said in str(error)


def test_an_error_of_ocrpipe_comes_through_as_it_is() -> None:
    with LinePool(make_unable_render, CHARSET) as pool:
        error = within(60, lambda: pool.wait(10))
    assert isinstance(error, ConfigError) and str(error) == "the fonts can draw nothing"


def test_a_renderer_that_is_killed_while_it_pauses_is_noticed(pool: LinePool) -> None:
    pool.wait(300)
    time.sleep(0.2)
    for process in pool._processes:
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)

    def train_on() -> None:
        while True:
            pool.batch(np.random.default_rng(0), 10**6)
            time.sleep(0.01)

    error = within(30, train_on)
    assert isinstance(error, RuntimeError) and str(error) == "a renderer was killed"


def test_renderers_end_when_the_training_is_killed() -> None:
    script = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from tests.recognizers.test_crnn_pool import CHARSET, LinePool, make_render
if __name__ == "__main__":
    pool = LinePool(make_render, CHARSET, capacity=100, workers=2)
    pool.wait(1)
    print(*(process.pid for process in pool._processes), flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout
        pids = training.stdout.readline().split()
        training.kill()
    deadline = time.monotonic() + 20
    while (alive := [pid for pid in pids if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive:
        os.kill(int(pid), signal.SIGKILL)
    assert len(pids) == 2 and not alive


def test_threads_of_opencv_do_not_matter() -> None:
    """Where renderers were forked from this process, they waited forever for its threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (0, 0), 3)
        with LinePool(make_render, CHARSET) as pool:
            assert within(60, lambda: pool.wait(64)) is None
    finally:
        cv2.setNumThreads(threads)


def _runs(pid: str) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()
