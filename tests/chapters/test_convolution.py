"""The chapter *convolution*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers

test_prose_and_glue_name_the_same_numbers = same_numbers("design/convolution.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("design/convolution.md").run


@pytest.mark.slow
def test_smoothing_helps_and_too_much_of_it_hurts(page: SimpleNamespace) -> None:
    centred, smooth, raw, slow = (float(page.glued[f"rms_{name}"]) for name in ("centred", "y", "x", "long"))
    assert centred < smooth < raw < slow
    assert torch.isclose(page.weight.sum(), torch.tensor(1.0, dtype=page.weight.dtype))


@pytest.mark.slow
def test_convolution_commutes_and_correlation_flips(page: SimpleNamespace) -> None:
    swapped, correlated, flipped = (gap.abs().max() for gap in page.gaps.values())
    assert swapped == 0
    assert correlated > 0
    assert flipped == 0


@pytest.mark.slow
def test_the_suit_stands_out_only_where_channels_are_compared(page: SimpleNamespace) -> None:
    number = {name: float(page.glued[name]) for name in ("shared_suit", "shared_back", "orange_suit", "orange_back")}
    assert number["orange_suit"] > 2 * number["orange_back"]
    assert number["shared_suit"] < 1.5 * number["shared_back"]


@pytest.mark.slow
def test_the_second_layer_answers_only_to_both_kinds_of_edge(page: SimpleNamespace) -> None:
    assert (page.only_lying + page.bias).max() <= 0
    assert (page.only_standing + page.bias).max() <= 0
    assert 0 < (page.meet > 0).float().mean() < 0.1


@pytest.mark.slow
def test_the_slanted_filter_tells_direction_and_a_single_frame_cannot(page: SimpleNamespace) -> None:
    assert page.energy(page.right, page.slant(2)) > 2 * page.energy(page.right, page.slant(-2))
    assert page.energy(page.left, page.slant(-2)) > 2 * page.energy(page.left, page.slant(2))
    still = page.gravel.repeat(24, 1, 1)
    assert page.energy(still, page.slant(2)) < 1e-12
    torch.testing.assert_close(*page.frame_energy)


@pytest.mark.slow
def test_the_matrix_is_the_convolution(page: SimpleNamespace) -> None:
    expected = torch.nn.functional.conv1d(page.x1.T[None], page.w1).flatten()
    torch.testing.assert_close((page.T @ page.x1).flatten(), expected)
    holes = page.layers.conv_matrix(page.holes, 7) @ torch.arange(7.0)
    spread = torch.nn.functional.conv1d(torch.arange(7.0)[None, None], page.w1, dilation=2)
    torch.testing.assert_close(holes, spread.flatten())


@pytest.mark.slow
def test_gradients_equal_autograd(page: SimpleNamespace) -> None:
    assert torch.equal(page.dw, page.auto_dw[0, 0])
    assert torch.equal(page.dx, page.auto_dx[0, 0])


@pytest.mark.slow
def test_exactly_one_operand_is_flipped(page: SimpleNamespace) -> None:
    right = [torch.equal(candidate, page.auto_dx[0, 0]) for candidate in page.candidates.values()]
    assert right == [True, True, False, False]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_channels_trade_places_and_stride_puts_zeros_between(stride: int) -> None:
    x = torch.randn(2, 3, 10, 13, dtype=torch.float64, requires_grad=True)
    w = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    y = torch.nn.functional.conv2d(x, w, stride=stride)
    dy = torch.randn_like(y)
    spread = dy.new_zeros(2, 5, *((n - 1) * stride + 1 for n in dy.shape[2:]))
    spread[:, :, ::stride, ::stride] = dy
    dx = torch.nn.functional.conv2d(spread, w.flip(2, 3).transpose(0, 1), padding=3)
    (expected,) = torch.autograd.grad(y, x, dy)
    torch.testing.assert_close(dx, expected[:, :, : dx.shape[2], : dx.shape[3]])
    assert (expected[:, :, dx.shape[2] :] == 0).all()


@pytest.mark.slow
def test_the_secret_filter_is_found(page: SimpleNamespace) -> None:
    assert (page.seen[300] - page.secret).abs().max() < 0.02
    assert all(end < start for runs in page.tried.values() for start, end in runs), "the loss falls either way"


@pytest.mark.slow
def test_the_three_implementations_agree_and_loops_fall_behind(page: SimpleNamespace) -> None:
    x, w = page.images[0], page.filters
    expected = torch.nn.functional.conv2d(x, w)
    torch.testing.assert_close(page.layers.naive.conv2d(x, w), expected)
    torch.testing.assert_close(page.layers.windows.conv2d(x, w), expected)
    assert page.times["loops"][-1] > 20 * page.times["torch"][-1]


@pytest.mark.slow
def test_equivariance_is_exact_but_for_border_and_stride(page: SimpleNamespace) -> None:
    assert page.plain.abs().max() == 0
    assert page.padded[1:-1, 1:-1].abs().max() == 0
    assert page.padded.abs().max() > 0
    assert page.even.abs().max() == 0
    assert (page.strided != 0).float().mean() > 0.9
    assert page.glued["band4"] == 4


@pytest.mark.slow
def test_the_field_measured_is_the_field_computed(page: SimpleNamespace) -> None:
    assert page.boxes == page.fields == [3, 7, 13, 25]
    assert int(page.glued["inner"]) > 2 * int(page.glued["inner_area"])
