import pytest
import torch
from torch import Tensor, nn

from ocrpipe.training.crnn import class_loss
from ocrpipe.training.crnn.class_loss import class_ctc
from ocrpipe.training.crnn.loss import narrow_ctc

LABELS = [
    [3, 1, 4],
    [5],
    [2, 2, 2, 1],
    [9, 8, 7, 6, 5, 4, 3, 2, 1],
    [1] * 7,
]  # the last needs 13 of 12 frames
Result = tuple[Tensor, Tensor, Tensor, Tensor]


def features_of(seed: int, scale: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(len(LABELS), 12, 6, generator=generator)


def layer_of(seed: int) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(6, 11)


def with_gradients(features: Tensor, layer: nn.Linear, *, fused: bool, negligible: float = 0.0) -> Result:
    features = features.detach().clone().requires_grad_()
    layer.zero_grad()
    if fused:
        loss = class_ctc(features, layer, LABELS, negligible=negligible)
    else:
        loss = narrow_ctc(nn.functional.linear(features, layer.weight, layer.bias), LABELS)
    (1.7 * loss).backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None and layer.weight.grad is not None and layer.bias.grad is not None
    return loss.detach(), features.grad, layer.weight.grad.clone(), layer.bias.grad.clone()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("forward", "backward"), [(256, 1024), (7, 14), (1, 1)])
def test_it_equals_the_loss_of_all_logits(
    seed: int, forward: int, backward: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_loss, "_FORWARD_FRAMES", forward)
    monkeypatch.setattr(class_loss, "_BACKWARD_FRAMES", backward)
    features, layer = features_of(seed), layer_of(seed)
    expected, result = (with_gradients(features, layer, fused=fused) for fused in (False, True))
    assert result[0].item() == pytest.approx(expected[0].item(), rel=1e-5)
    for gradient, other in zip(result[1:], expected[1:], strict=True):
        assert (gradient - other).abs().max() <= 3e-5 * other.abs().max()
    assert result[1][-1].abs().max() == 0  # nothing is learnt from what can't be aligned


def test_certain_blanks_are_left_out_of_the_gradient() -> None:
    features, layer = features_of(0), layer_of(0)
    features[:, :, 0] = 0
    features[:, ::2, 0] = 10
    with torch.no_grad():
        layer.weight[:, 0] = 0
        layer.weight[0, 0] = 2  # every other frame is a blank beyond doubt
    exact, result = (
        with_gradients(features, layer, fused=True, negligible=negligible) for negligible in (0.0, 5e-4)
    )
    assert result[0] == exact[0]
    left_out = (result[1] == 0).all(-1)[:-1]
    assert left_out[:, ::2].any() and not left_out[:, 1::2].all()
    for gradient, other in zip(result[1:], exact[1:], strict=True):
        assert (gradient - other).abs().max() <= 1e-3 * other.abs().max()


def test_half_precision_is_close() -> None:
    features, layer = features_of(1), layer_of(1)
    exact = with_gradients(features, layer, fused=False)
    rough = with_gradients(features.bfloat16(), layer, fused=True)
    assert rough[1].dtype == torch.bfloat16 and rough[2].dtype == torch.float32
    for gradient, other in zip(rough[1:], exact[1:], strict=True):
        assert (gradient.float() - other).abs().max() <= 0.03 * other.abs().max()


def test_a_class_that_is_impossible_to_see_costs_a_finite_loss() -> None:
    features, layer = features_of(2), layer_of(2)
    with torch.no_grad():
        layer.bias[5] -= 500
    loss, *gradients = with_gradients(features, layer, fused=True)
    assert loss.isfinite() and all(gradient.isfinite().all() for gradient in gradients)
