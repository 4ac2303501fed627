"""The chapter *AlexNet, ZFNet, VGG*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch import Tensor, nn

from cnncourse import models
from cnncourse.experiments import case_vgg as case
from cnncourse.layers import conv2d

NAME = "case_studies/vgg.md"
test_prose_and_glue_name_the_same_numbers = same_numbers("case_studies/vgg.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter(NAME).run


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.slow
def test_ten_views_are_the_middle_the_corners_and_their_mirror_images(page: SimpleNamespace) -> None:
    x = torch.arange(3 * 73 * 73.0).view(3, 73, 73)
    views = page.ten_views(x)
    corners = [(4, 4), (0, 0), (0, 9), (9, 0), (9, 9)]
    for view, mirrored, (top, left) in zip(views[:5], views[5:], corners, strict=True):
        assert torch.equal(view, x[:, top : top + 64, left : left + 64])
        assert torch.equal(mirrored, view.flip(2))


@pytest.mark.slow
def test_the_first_crop_is_wrong_once_and_right_often(page: SimpleNamespace) -> None:
    assert page.glued["first_answer"] != page.glued["true"] == page.glued["mean_answer"]
    assert page.answers.count("cell") == 5
    assert sorted(set(page.answers)) == ["astronaut", "camera", "cell"], "as its alt text says"
    assert 0 < page.glued["rescued"] < page.glued["missed"] / 5, "most errors are the same in all views"


@pytest.mark.slow
def test_costs_of_alexnet_lie_at_opposite_ends(page: SimpleNamespace) -> None:
    assert int(page.glued["conv_work"]) > 90
    assert float(page.glued["conv_share"]) < 5
    assert int(page.glued["norm_share"]) > 50
    most = {cost: max(page.alex, key=lambda row, cost=cost: getattr(row, cost)).name for cost in ("parameters", "macs")}
    assert most == {"parameters": "classifier.fc6", "macs": "features.conv2"}


@pytest.mark.slow
def test_what_one_card_would_hold(page: SimpleNamespace) -> None:
    for groups in (1, 2):
        with torch.device("meta"):
            net = models.alexnet_2012(groups=groups)
        least = (12 * size(net) + 128 * 4 * 12 * 55 * 55 * 8) / 1e9
        assert least < page.needs[f"AlexNet, {'one group' if groups == 1 else 'two groups'}"] < 3
    assert page.needs["VGG-16"] > 6


@pytest.mark.slow
def test_a_processor_would_need_longer_than_the_cards(page: SimpleNamespace) -> None:
    assert page.days == pytest.approx(page.seconds * 1250)
    assert int(page.glued["times_cards"]) > 3


@pytest.mark.slow
def test_stripes_look_as_far_apart_as_the_page_says(page: SimpleNamespace) -> None:
    """Measured: the highest peak of the spectrum of sampled stripes, five pixels apart."""
    n = torch.arange(0.0, 1200)
    for S, glued in ((2, "seen2"), (3, "at3"), (4, "seen4")):
        sampled = (2 * torch.pi * n[::S] / 5).cos()
        peak = int(torch.fft.rfft(sampled).abs().argmax())
        assert float(page.glued[glued]) == pytest.approx(S * len(sampled) / peak, rel=0.01)
    flat = (2 * torch.pi * n[::4] / 4).cos()
    assert flat.std() < 1e-3, "stripes of 4 pixels at stride 4"


@pytest.mark.slow
def test_the_filter_answers_to_lying_stripes(page: SimpleNamespace) -> None:
    stripes = (2 * torch.pi * torch.arange(60.0) / 5).cos()[:, None].expand(60, 60)
    lying, standing = (conv2d(x[None].contiguous(), page.w).abs().max() for x in (stripes, stripes.T))
    assert lying > 10 * standing


@pytest.mark.slow
def test_the_filter_not_the_stride_makes_unsteady(page: SimpleNamespace) -> None:
    learned, fine = ([float(mid) for mid, _, _ in page.moved[name]] for name in ("learned", "for fine stripes"))
    assert max(learned) < 1.2 * min(learned), "from left to right it does not rise"
    assert min(fine) > 2 * max(learned)
    assert float(page.glued["finer"]) == pytest.approx(fine[1] / learned[1], abs=0.06)


@pytest.mark.slow
def test_a_stack_is_nearly_as_good_as_the_large_filter(page: SimpleNamespace) -> None:
    for large, small in (("one 5×5", "two 3×3"), ("one 7×7", "three 3×3")):
        a, b, flat = (page.stacks.scores(name) for name in (large, small, f"{small}, one ReLU"))
        assert len(a) == len(b) == len(flat) == 5
        assert b.max() > a.min(), "the ranges overlap"
        assert flat.max() > b.min(), "and so do these"
        assert a.mean() > b.mean() > flat.mean()
        assert a.mean() - b.mean() < 0.02
    assert page.glued["flat_pairs"] == 10 > page.glued["flat_worse"] > 5


@pytest.mark.slow
def test_asking_helps_each_seed_and_does_not_add_up(page: SimpleNamespace) -> None:
    arm = "one size"
    better = [page.gains(arm, way) for way in ("middle and mirror, 1", "ten, 1", "middle, 4", "ten, 4")]
    assert all((gain > 0).all() for gain in better)
    assert better[3].mean() < better[1].mean() + better[2].mean()
    assert (page.gains(arm, "whole at 32, 1", "ten, 1") < 0).all()


@pytest.mark.slow
def test_sizes_in_the_test_pay_after_sizes_in_training_only(page: SimpleNamespace) -> None:
    gain = [page.gains(arm, "whole, three sizes, 1", "whole at 32, 1") for arm in (page.fixed, page.mixed)]
    assert (gain[0] < 0).all()
    assert (gain[1] > 0).all()
    mean = page.views_of.mean
    falling = [mean(page.fixed, f"whole at {side}, 1") for side in (32, 40, 48)]
    assert falling == sorted(falling, reverse=True)
    assert max(mean(page.mixed, way) for way in page.sizes) < mean(page.fixed, "ten, 1")


@pytest.mark.slow
def test_pairs_of_3x3_save_weights_in_the_last_stage_only(page: SimpleNamespace) -> None:
    assert [y > x for x, y in zip(page.one, page.two, strict=True)] == [True] * 4 + [False]
    with torch.device("meta"):
        net_b = models.vgg13()
    weights = [m.weight.numel() for m in net_b.features if isinstance(m, nn.Conv2d)]
    assert [a + b for a, b in zip(weights[::2], weights[1::2], strict=True)] == page.two
    in_convs = sum(row.macs for row in page.nets["B"] if row.kind == "Conv2d")
    assert page.work[1] == in_convs > page.work[0]
    assert sum(page.two) < sum(page.one)


@pytest.mark.slow
def test_two_linear_layers_are_one(page: SimpleNamespace) -> None:
    assert float(page.gap) < 1e-5
    assert page.single.shape == (1, 1, 5, 5)
    assert sum(p.numel() for p in page.pair.parameters()) == 72


@pytest.mark.slow
def test_vggs_table(page: SimpleNamespace) -> None:
    assert list(page.layers_of.values()) == [11, 11, 13, 16, 16, 19]
    assert float(page.glued["params_spread"]) < 10
    assert float(page.glued["work_times"]) > 2.5
    assert page.paper["D"] < page.paper["E"] < page.paper["C"]


@pytest.mark.slow
def test_where_vggs_costs_lie(page: SimpleNamespace) -> None:
    assert int(page.glued["fc_share"]) > 70
    assert float(page.glued["fc_work"]) < 1
    assert int(page.glued["first_values"]) > 40
    net = models.vgg11(num_classes=10)
    assert net(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


@pytest.mark.slow
def test_answers_to_the_questions(page: SimpleNamespace) -> None:
    for C in (4, 10):
        large = nn.Conv2d(C, 2 * C, 5, bias=False)
        early = nn.Sequential(nn.Conv2d(C, 2 * C, 3, bias=False), nn.Conv2d(2 * C, 2 * C, 3, bias=False))
        late = nn.Sequential(nn.Conv2d(C, C, 3, bias=False), nn.Conv2d(C, 2 * C, 3, bias=False))
        assert page.glued["early_times"] == f"{size(early) / size(large):.2f}"
        assert page.glued["late_times"] == f"{size(late) / size(large):.2f}"
    assert page.glued["large_params"] == "1"
    assert 3.9 < float(page.glued["large_work"]) < 4
    assert 3.9 < float(page.glued["large_memory"]) < 4


# ---------------------------------------------------------------- what the experiments train and ask


def test_the_six_nets_see_the_same() -> None:
    from cnncourse import receptive_field

    def sees(*what: int, bend: bool = True) -> object:
        net = case.stacked_net(*what, bend=bend)
        last = [name for name, layer in net.named_modules() if isinstance(layer, nn.MaxPool2d)][-1]
        return receptive_field(net, last).size

    assert sees(5) == sees(3, 2) == sees(3, 2, bend=False)
    assert sees(7) == sees(3, 3) == sees(3, 3, bend=False)
    relus = [sum(isinstance(m, nn.ReLU) for m in case.stacked_net(3, 3, bend=bend)) for bend in (True, False)]
    assert relus == [7, 3]


def test_a_committee_answers_with_the_mean_and_learns_apart() -> None:
    torch.manual_seed(0)
    committee, x, labels = case.Committee(3), torch.randn(5, 3, 28, 28), torch.tensor([0, 3, 20, 7, 7])
    loss = case.each_member(committee(x), labels)
    alone = [nn.functional.cross_entropy(net(x), labels) for net in committee.members]
    torch.testing.assert_close(loss, torch.stack(alone).mean())
    committee.eval()
    with torch.no_grad():
        mean = torch.stack([net(x).softmax(dim=1) for net in committee.members]).mean(dim=0)
        torch.testing.assert_close(committee(x).exp(), mean)
        torch.testing.assert_close(case.each_member(committee(x), labels), nn.functional.nll_loss(mean.log(), labels))


def test_windows_are_cut_where_they_should_be() -> None:
    x = torch.arange(32 * 32.0).view(1, 1, 32, 32).expand(2, 3, 32, 32)
    views = case.ten(x)
    assert [view[0, 0, 0, 0].item() for view in views[:5]] == [66, 0, 4, 128, 132]
    assert all(torch.equal(view.flip(3), other) for view, other in zip(views[:5], views[5:], strict=True))
    assert case.window(x).shape == case.window_of_some_scale(x).shape == (2, 3, 28, 28)


def test_scores_by_how_often_is_asked_are_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """On few crops, with members that know only one class each."""

    class Sure(nn.Module):
        def __init__(self, label: int, weight: float) -> None:
            super().__init__()
            self.label, self.weight = label, weight

        def forward(self, x: Tensor) -> Tensor:
            return torch.eye(21)[self.label].mul(self.weight).expand(len(x), 21)

    labels = torch.tensor([0, 0, 0, 1])
    monkeypatch.setattr(case, "crops", lambda *_: (torch.rand(4, 3, 32, 32), labels))
    committee = case.Committee(0)
    committee.members = nn.ModuleList([Sure(0, 2.0), Sure(1, 1.0)])
    scores = case.views_and_nets(committee)
    assert len(scores) == 2 * 8
    for way in ("middle", "ten", "whole, three sizes"):
        assert scores[f"{way}, 1"] == pytest.approx((0.75 + 0.25) / 2)
        assert scores[f"{way}, 2"] == pytest.approx(0.75), "the surer one decides"
