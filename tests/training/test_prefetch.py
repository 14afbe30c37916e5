from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ocrpipe.training.loader import DataLoader
from ocrpipe.training.prefetch import Prefetcher


def numbers(rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield int(rng.integers(1000))


def failing(rng: np.random.Generator) -> Iterator[int]:
    raise ValueError("nothing to render")
    yield 0


def loader(make: object = numbers) -> DataLoader[int]:
    return DataLoader(make, bucket_of=lambda _: 0, batch_size=lambda _: 4, workers=0)  # type: ignore[arg-type]


def assembled(examples: list[int], rng: np.random.Generator) -> tuple[int, float]:
    return sum(examples), float(rng.random())


def test_batches_are_assembled_ahead_and_follow_the_seed() -> None:
    drawn = []
    for seed in (1, 1, 2):
        with Prefetcher(loader(), assembled, seed=(seed,)) as batches:
            batches.wait(8)
            drawn.append([batches.batch(np.random.default_rng(0)) for _ in range(5)])
            assert batches.rendered >= 8
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_fails_in_the_thread_is_raised() -> None:
    with (
        Prefetcher(loader(failing), assembled) as batches,
        pytest.raises(ValueError, match="nothing to render"),
    ):
        batches.batch(np.random.default_rng(0))
