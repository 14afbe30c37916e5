from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ocrpipe.training.crnn.loss import frame_targets, narrow_ctc

LABELS = [[3, 1, 4], [5], [2, 2, 2, 1], [9, 8, 7, 6, 5, 4, 3, 2, 1]]


def logits_of(samples: int, frames: int = 12, classes: int = 11, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(samples, frames, classes, generator=generator)).requires_grad_()


def full_ctc(logits: Tensor, labels: list[list[int]]) -> Tensor:
    """PyTorch's over the whole log-softmax; its mean is over characters, then over the batch."""
    return F.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        torch.tensor([c for label in labels for c in label]),
        torch.full((len(labels),), logits.shape[1]),
        torch.tensor([len(label) for label in labels]),
        reduction="mean",
        zero_infinity=True,
    )


def assert_equal_to_full(labels: list[list[int]], logits: Tensor, tolerance: float = 2e-5) -> None:
    other = logits.detach().clone().requires_grad_()
    loss, expected = narrow_ctc(logits, labels), full_ctc(other, labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    (2.5 * loss).backward()  # type: ignore[no-untyped-call]
    (2.5 * expected).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and other.grad is not None
    assert (logits.grad - other.grad).abs().max() <= tolerance * other.grad.abs().max()


@pytest.mark.parametrize("seed", range(5))
def test_value_and_gradient_are_those_of_the_full_loss(seed: int) -> None:
    assert_equal_to_full(LABELS, logits_of(len(LABELS), seed=seed))


@pytest.mark.parametrize("label", [[1], [1, 1], [10, 10, 10, 10, 10], [1, 2, 1, 2, 1, 2], list(range(1, 11))])
def test_single_samples_with_and_without_repeats(label: list[int]) -> None:
    assert_equal_to_full([label], logits_of(1))


def test_an_impossible_sample_costs_nothing_and_teaches_nothing() -> None:
    impossible = [1, 1, 1, 1, 1, 1, 1]  # needs 13 of 12 frames
    labels = [[3, 1, 4], impossible, [5]]
    logits = logits_of(3)
    assert_equal_to_full(labels, logits)
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0 < logits.grad[0].abs().max()


def test_a_batch_of_impossible_samples() -> None:
    assert_equal_to_full([[1] * 7, [2] * 9], logits_of(2))


def test_large_logits_stay_finite() -> None:
    logits = (logits_of(2) * 300).detach().requires_grad_()
    assert_equal_to_full([[1, 2], [3]], logits, tolerance=5e-3)
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_bf16_logits_get_bf16_gradients() -> None:
    exact = logits_of(len(LABELS))
    rough = exact.detach().bfloat16().requires_grad_()
    for logits in (exact, rough):
        narrow_ctc(logits, LABELS).backward()  # type: ignore[no-untyped-call]
    assert exact.grad is not None and rough.grad is not None
    assert rough.grad.dtype == torch.bfloat16
    assert (rough.grad.float() - exact.grad).abs().max() < 0.02 * exact.grad.abs().max()


def targets_of(labels: list[list[int]], centers: list[list[float]], frames: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return frame_targets(labels, [torch.tensor(c) for c in centers], frames, generator)


def test_the_frame_at_a_character_carries_its_class() -> None:
    target, weight = targets_of([[7, 5], [3]], [[2.6, 10.0], [0.0]], 16)
    assert target[0].tolist() == [0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0]
    assert target[1].tolist() == [3] + [0] * 15
    assert weight[0, [2, 10]].tolist() == [1, 1] and weight[1, 0] == 1


def test_the_frames_beside_a_character_are_free() -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        _, weight = frame_targets([[7, 5]], [torch.tensor([4.5, 6.0])], 12, generator)
        assert weight[0, [3, 5, 7]].tolist() == [0, 0, 0] and weight[0, [4, 6]].tolist() == [1, 1]


def test_a_third_of_the_other_frames_is_blank_at_a_quarter_weight() -> None:
    target, weight = targets_of([[7]] * 50, [[50.0]] * 50, 101)
    others = torch.cat([weight[:, :49], weight[:, 52:]], 1)
    assert set(others.flatten().tolist()) == {0, 0.25}
    assert (others > 0).float().mean() == pytest.approx(1 / 3, abs=0.03)
    assert (target[:, :49] == 0).all()


def test_samples_of_unknown_places_are_not_supervised() -> None:
    _, weight = targets_of([[7, 5], [3]], [[], [4.0]], 16)
    assert not weight[0].any() and weight[1, 4] == 1


def test_centers_beyond_the_frames_are_taken_at_the_edge() -> None:
    target, weight = targets_of([[7, 5]], [[-3.0, 99.0]], 8)
    assert target[0, [0, 7]].tolist() == [7, 5] and weight[0, [0, 7]].tolist() == [1, 1]
