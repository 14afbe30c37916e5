from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.preprocess import prepare
from ocrpipe.synthesis.lines import LineSample
from ocrpipe.training.crnn.lines import TrainingLine, line_loader, to_training, training_lines

CHARSET = Charset("abcdef")


def sample_of(text: str, width: int = 100, height: int = 32) -> LineSample:
    image = np.full((height, width), 255, np.uint8)
    image[8:24, ::7] = 0
    centers = np.linspace(4, width - 4, len(text), dtype=np.float32)
    return LineSample(image, text, centers)


def render(rng: np.random.Generator) -> LineSample:
    """Every other line has a character that the charset lacks."""
    text = "".join(rng.choice(list("abcdef"), int(rng.integers(1, 5))))
    return sample_of(text + "x" * int(rng.integers(2)), width=int(rng.choice([50, 90, 150])))


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


def test_lines_that_cannot_be_trained_on_are_left_out() -> None:
    lines = list(islice(training_lines(lambda: render, CHARSET, 32, np.random.default_rng(0)), 20))
    assert len(lines) == 20 and all(1 <= len(line.label) <= 4 for line in lines)


def test_batches_are_of_one_width_and_about_the_size_asked_for() -> None:
    rng, widths = np.random.default_rng(0), set()
    for pixels, least, most in ((2_000, 8, 128), (10, 8, 8), (10**4, 62, 128), (64_000, 400, 500)):
        loader = line_loader(lambda: render, CHARSET, pixels, workers=0)
        loader.wait(200)
        for _ in range(20):
            batch = loader.batch(rng)
            assert all(isinstance(line, TrainingLine) for line in batch)
            (width,) = {line.image.shape[1] for line in batch}
            assert width % 32 == 0 and least <= len(batch) <= most
            assert len(batch) in (8, 128, 500, pixels // width)
            widths.add(width)
    assert len(widths) == 3
