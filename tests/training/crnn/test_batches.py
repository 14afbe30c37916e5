from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.recognizers.crnn.model import CRNNConfig
from ocrpipe.recognizers.crnn.preprocess import prepare
from ocrpipe.synthesis.lines import NO_CENTERS, LineSample
from ocrpipe.training.crnn.batches import CleanLine, clean_line_batches, render_inputs, stack, to_clean
from ocrpipe.training.crnn.config import CRNNTrainConfig
from ocrpipe.training.crnn.loss import frame_targets, narrow_ctc, padded_ctc, padded_frame_targets
from ocrpipe.training.crnn.objective import crnn_task, new_network
from ocrpipe.training.loop import Trainer
from ocrpipe.training.randomness import Randomness
from ocrpipe.training.task import Context

CHARSET = Charset("abc")


def render(rng: np.random.Generator) -> LineSample:
    """Bars whose shade tells the letter, at random sizes."""
    text = "".join(rng.choice(list("abc"), int(rng.integers(1, 5))))
    height = int(rng.integers(12, 90))
    width = height * (len(text) + 1)
    image = np.full((height, width), 255, np.uint8)
    centers = (np.arange(len(text), dtype=np.float32) + 1) * height
    for center, letter in zip(centers.astype(int), text, strict=True):
        image[height // 4 : -height // 4, center - 2 : center + 2] = 60 * "abc".index(letter)
    return LineSample(image, text, centers)


def make_render() -> Any:
    return render


def context(seed: int = 0) -> Context:
    return Context(torch.device("cpu"), False, 0.5, Randomness(seed, torch.device("cpu")))


def lines(count: int, seed: int = 0) -> list[CleanLine]:
    rng = np.random.default_rng(seed)
    found = [line for _ in range(40 * count) if (line := to_clean(render(rng), CHARSET, 32))]
    bucket = found[0].bucket
    return [line for line in found if line.bucket == bucket][:count]


def test_a_clean_line_keeps_its_resolution_up_to_64_px() -> None:
    image = np.full((40, 90), 255, np.uint8)
    line = to_clean(LineSample(image, "ab", np.array([10, 50], np.float32)), CHARSET, 32)
    assert line is not None and line.image is image and not line.degraded
    assert (line.width, line.bucket) == (72, 96)
    tall = to_clean(LineSample(np.full((128, 400), 255, np.uint8), "ab", NO_CENTERS), CHARSET, 32)
    assert tall is not None and tall.image.shape == (64, 200) and tall.degraded and tall.width == 100


def test_lines_that_ctc_cannot_align_or_of_other_characters_are_left_out() -> None:
    image = np.full((32, 12), 255, np.uint8)
    assert to_clean(LineSample(image, "abca", NO_CENTERS), CHARSET, 32) is None
    assert to_clean(LineSample(image, "x", NO_CENTERS), CHARSET, 32) is None
    assert to_clean(LineSample(image, "", NO_CENTERS), CHARSET, 32) is None


def test_a_batch_is_padded() -> None:
    some = lines(6)
    batch = stack(some, 0.6, np.random.default_rng(0))
    assert len(batch) == 6 and batch.bucket == some[0].bucket
    longest = max(len(line.label) for line in some)
    assert batch.labels.shape == batch.centers.shape == (6, longest)
    for i, line in enumerate(some):
        count = len(line.label)
        assert batch.labels[i, :count].tolist() == line.label.tolist() and not batch.labels[i, count:].any()
        assert batch.centers[i, :count].tolist() == line.centers.tolist()
        assert (batch.centers[i, count:] < 0).all()


def test_degraded_lines_are_scaled_as_they_are_read() -> None:
    sample = render(np.random.default_rng(3))
    line = to_clean(LineSample(sample.image, sample.text, NO_CENTERS), CHARSET, 32)
    assert line is not None and line.degraded
    images, centers = render_inputs(stack([line] * 2, 2.0, np.random.default_rng(0)), 32, context())
    expected = torch.from_numpy(prepare(sample.image)).float() / 127.5 - 1
    assert images.shape == (2, 1, *expected.shape) and (centers < 0).all()
    assert float((images[0, 0] - expected).abs().mean()) < 0.06


def test_views_of_a_line_differ_and_follow_the_seed() -> None:
    some = lines(4)
    batch = stack(some, 0.6, np.random.default_rng(0))
    first, again, other = (render_inputs(batch, 32, context(seed)) for seed in (1, 1, 2))
    assert first[0].shape == (4, 1, 32, batch.bucket)
    assert first[0].min() >= -1 and first[0].max() <= 1
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    for line, centers in zip(some, first[1], strict=True):
        expected = line.centers * line.width / line.image.shape[1] / 4
        assert centers[: len(expected)].tolist() == pytest.approx(expected.tolist(), abs=1.5)


def test_padded_ctc_is_the_ctc_loss_of_all_classes() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((3, 9, 7), generator=generator)
    labels = [[1, 1, 2], [3], [4, 2, 4, 4]]
    lengths = torch.tensor([3, 1, 4])
    padded = torch.zeros((3, 4), dtype=torch.long)
    for row, label in zip(padded, labels, strict=True):
        row[: len(label)] = torch.tensor(label)
    full = torch.full((3,), 9)
    losses: list[Callable[[Tensor], Tensor]] = [
        lambda z: padded_ctc(z, padded, lengths),
        lambda z: narrow_ctc(z, labels),
        lambda z: (
            F.ctc_loss(z.log_softmax(2).transpose(0, 1), padded, full, lengths, reduction="none") / lengths
        ).mean(),
    ]
    results: list[tuple[Tensor, Tensor]] = []
    for loss in losses:
        z = logits.clone().requires_grad_()
        value = loss(z)
        (grad,) = torch.autograd.grad(value, z)
        results.append((value.detach(), grad))
    for value, grad in results[1:]:
        assert torch.allclose(value, results[0][0], atol=1e-5)
        assert torch.allclose(grad, results[0][1], atol=1e-5)


def test_padded_frame_targets_are_those_of_frame_targets() -> None:
    labels = torch.tensor([[2, 3], [1, 0], [1, 2]])
    centers = torch.tensor([[1.4, 6.0], [0.2, -1.0], [-1.0, -1.0]])
    generator = torch.Generator().manual_seed(0)
    index, target, weight = padded_frame_targets(labels, centers, 9, generator)
    dense_target, dense_weight = torch.zeros(27, dtype=torch.long), torch.zeros(27)
    counted = weight > 0
    dense_target[index[counted]] = target[counted]
    dense_weight[index[counted]] = weight[counted]
    known = [torch.tensor([1.4, 6.0]), torch.tensor([0.2]), torch.empty(0)]
    expected_target, expected_weight = frame_targets([[2, 3], [1], [1, 2]], known, 9, generator)
    characters = expected_weight.flatten() == 1
    assert (dense_weight == 1).equal(characters)
    assert dense_target[characters].equal(expected_target.flatten()[characters])
    assert set(dense_weight.tolist()) <= {0.0, 0.25, 1.0} and not dense_weight[18:].any()
    beside = [0, 2, 5, 7, 10]
    assert not dense_weight[beside].any()


@pytest.mark.parametrize("fades", [(0.0, 0.0), (0.5, 1.0), (0.0, 1.0)])
def test_training_with_device_effects(tmp_path: Path, fades: tuple[float, float]) -> None:
    config = CRNNTrainConfig(
        run=tmp_path,
        minutes=10,
        max_steps=3,
        threads=1,
        bf16=False,
        batch_pixels=512,
        prefetch=32,
        device_effects=True,
        frames_only=fades[0],
        frames_fade=fades[1],
    )
    network = new_network(CHARSET, CRNNConfig(len(CHARSET), channels=(4, 4, 4, 4), hidden=4, bottleneck=4))
    before = network.classify.weight.detach().clone()
    trainer = Trainer(crnn_task(network, CHARSET, config), config)
    with clean_line_batches(make_render, CHARSET, config, 0.6, workers=0) as batches:
        trainer.fit(batches)
    assert trainer.progress.steps == 3 and trainer.progress.examples >= 24
    assert not torch.equal(before, network.classify.weight)


def test_errors_of_rendering_reach_the_training() -> None:
    def failing() -> Any:
        raise ValueError("no line")

    config = CRNNTrainConfig(device_effects=True)
    with (
        clean_line_batches(failing, CHARSET, config, 0.6, workers=0) as batches,
        pytest.raises(ValueError, match="no line"),
    ):
        batches.batch(np.random.default_rng(0))
