"""The chapter *ResNet and DenseNet*: what it says of its own numbers is true."""

from __future__ import annotations

from math import comb
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch import nn

from cnncourse import analyze, models

test_prose_and_glue_name_the_same_numbers = same_numbers("case_studies/resnet.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("case_studies/resnet.md").run


@pytest.mark.slow
def test_deeper_plain_nets_learn_worse(page: SimpleNamespace) -> None:
    for shallow, deeper in ((8, 20), (20, 32)):
        assert page.last_losses("plain", shallow).max() < page.last_losses("plain", deeper).min()
        curves = [page.deep.curves(f"plain, {depth} layers", "loss").mean(0) for depth in (shallow, deeper)]
        assert (curves[0] < curves[1]).all(), "above it all the time"
    assert page.deep.scores("plain, 32 layers").max() < page.deep.scores("plain, 8 layers").min() - 0.05


@pytest.mark.slow
def test_residual_nets_do_not(page: SimpleNamespace) -> None:
    for depth in (20, 32):
        assert page.last_losses("residual", depth).max() < page.last_losses("plain", depth).min() / 3
    assert page.last_losses("residual", 20).mean() <= page.last_losses("residual", 8).mean(), "no worse"
    assert page.last_losses("residual", 32).min() > page.last_losses("residual", 20).max(), "above 20 layers still"
    held_out = [page.deep.mean(f"residual, {depth} layers") for depth in (8, 20, 32)]
    assert max(held_out) - min(held_out) < 0.03, "depth did not help here"
    assert all(len(runs) == 3 for runs in page.deep.runs.values())


@pytest.mark.slow
def test_the_pages_block_is_the_courses(page: SimpleNamespace) -> None:
    assert torch.equal(page.block(torch.ones(1, 16, 5, 5)), torch.ones(1, 16, 5, 5))
    x = torch.rand(1, 16, 8, 8)
    ours, known = page.Residual(16).eval(), models.resnet18().layer1[0].__class__(16, 16).eval()
    known.load_state_dict(dict(zip(known.state_dict(), ours.state_dict().values(), strict=True)))
    torch.testing.assert_close(ours(x), known(x))


@pytest.mark.slow
def test_blocks_cost_what_the_page_says(page: SimpleNamespace) -> None:
    assert page.neck.macs == 56 * 56 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    assert page.thin.macs == 56 * 56 * 2 * 9 * 64 * 64
    assert (page.glued["neck_less"], page.glued["wide_more"]) == ("6", "17")
    assert page.totals["resnet152"].macs < page.totals["vgg16"].macs < page.totals["vgg19"].macs
    assert page.times["resnet152"] < 2 * page.times["vgg19"]


@pytest.mark.slow
def test_a_shortcut_past_one_layer_is_a_layer(page: SimpleNamespace) -> None:
    assert page.one_gap < 1e-5
    assert (page.merged - page.conv.weight.data).sum() == pytest.approx(16, abs=1e-4)


@pytest.mark.slow
def test_the_paths_of_a_trained_net(page: SimpleNamespace) -> None:
    assert page.glued["ways"] == 2**6
    assert float(page.gap) < 1e-5
    assert page.lengths.max() == 6
    medians = [float(np.median(page.typical[torch.tensor(page.lengths == k)])) for k in range(7)]
    assert medians[0] > medians[3] > medians[6], "longer paths bring less"
    assert page.share_read > 0.9


@pytest.mark.slow
def test_a_residual_net_hardly_misses_a_block(page: SimpleNamespace) -> None:
    plain, residual = page.cut_plain, page.cut_res
    assert plain.max() < residual.min(), "the best of the one is below the worst of the other"
    assert residual[:, 1:].mean(0).min() > 0.8
    assert residual.mean(0).argmin() == 0
    assert (np.diff(page.fewer.mean(0)[1:]) < 0).all(), "from two on it falls"
    assert page.fewer.mean(0)[1] > 0.9


@pytest.mark.slow
def test_gradients_come_by_paths_through_a_few_blocks(page: SimpleNamespace) -> None:
    blocks = (32 - 2) // 2
    assert len(page.one) == blocks + 1
    assert page.count.tolist() == [comb(blocks, k) for k in range(blocks + 1)]
    assert page.share.sum(1) == pytest.approx([1, 1, 1])
    assert 1 < page.peak < blocks / 2
    np.testing.assert_allclose(page.one[0], np.median(page.summed[:, 0]))
    np.testing.assert_allclose(page.each[:, 0], page.summed[:, 0], rtol=1e-3, err_msg="one path has length 0")
    np.testing.assert_allclose(page.each[:, -1], page.summed[:, -1], rtol=1e-3, err_msg="and one goes through all")


@pytest.mark.slow
def test_the_recipe(page: SimpleNamespace) -> None:
    assert (page.ours["momentum"], page.ours["lr"], page.ours["weight_decay"]) == (0.9, 0.1, 1e-4)
    assert (page.glued["memory_paper"], page.glued["memory_lecture"]) == ("10,000", "100,000")
    weight = torch.ones(1, requires_grad=True)
    optimizer = page.paper_sgd([weight])
    for _ in range(10_000):
        weight.grad = torch.zeros(1)
        optimizer.step()
    assert weight.item() == pytest.approx(np.exp(-1), rel=0.02)


@pytest.mark.slow
def test_the_dense_block_stacks(page: SimpleNamespace) -> None:
    block, x = page.Dense(16, 8, 3), torch.rand(2, 16, 5, 5)
    y = block(x)
    assert y.shape == (2, 16 + 3 * 8, 5, 5)
    assert torch.equal(y[:, :16], x)
    assert torch.equal(y[:, 16:24], block.layers[0](x))
    assert max(page.fair) < 1.08 * min(page.fair)
    dense, added = page.wiring.scores("dense, 8"), page.wiring.scores("sum, 11")
    assert dense.min() > added.max() + 0.05
    assert len(dense) == len(added) == 3
    assert page.fair[1] < page.fair[0], "dense wiring has fewer weights"
    assert page.glued["wired_steps"] == 4 * 33
    assert np.nanmin(page.relative) > 0.8, "nearly flat"
    assert page.totals["densenet121"].output_bytes > page.totals["resnet50"].output_bytes
    assert page.totals["densenet121"].parameters < page.totals["resnet18"].parameters


@pytest.mark.slow
def test_what_a_point_of_the_board_sees(page: SimpleNamespace) -> None:
    corner, centre = page.seen
    assert centre.all()
    assert torch.equal(corner[0].nonzero().amax(0), torch.tensor([13, 13])), "12 layers reach 2 + 11 points"
    assert page.glued["corner_sees"] == 14**2
    kinds = {type(layer) for layer in page.policy.features}
    assert kinds == {nn.Conv2d, nn.ReLU}
    assert {layer.stride for layer in page.policy.features if isinstance(layer, nn.Conv2d)} == {(1, 1)}


@pytest.mark.slow
def test_answers_to_the_questions(page: SimpleNamespace) -> None:
    paths = [sum(1 << k & way > 0 for k in range(12)) for way in range(2**12) if not way & 0b111]
    assert page.glued["q_all"] == f"{len(paths)}"
    assert page.glued["q_six"] == paths.count(6)
    with torch.device("meta"):
        block = models.densenet121().features.denseblock1
        rows = {row.name: row for row in analyze(block, (64, 56, 56))}
    assert rows["denselayer4.norm1"].shape[1] == page.glued["dense_read"] == 64 + 3 * 32
    assert page.glued["dense_out"] == 256
    assert page.glued["dense_add"] == 32
