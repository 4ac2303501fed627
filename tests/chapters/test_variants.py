"""The chapter *variants*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch import nn

from cnncourse import analyze, models, zoo

test_prose_and_glue_name_the_same_numbers = same_numbers("design/variants.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("design/variants.md").run


@pytest.mark.slow
def test_the_score_map_is_the_net_crop_by_crop(page: SimpleNamespace) -> None:
    lenet = zoo.load("lenet_digits")
    assert page.scores.shape == (10, 17, 73)
    for i, j in [(0, 0), (3, 50), (16, 72), (9, 9)]:
        with torch.no_grad():
            alone = lenet(page.page[None, :, 4 * i : 4 * i + 32, 4 * j : 4 * j + 32])[0]
        torch.testing.assert_close(page.scores[:, i, j], alone, rtol=0, atol=1e-5)
    assert float(page.glued["crop_gap"]) < 1e-5


@pytest.mark.slow
def test_each_digit_is_read_where_it_stands(page: SimpleNamespace) -> None:
    draw, right = page.np.random.default_rng(3), 0
    for k in range(16):
        top, left = 46 * (k // 8) + draw.integers(4, 16), 40 * (k % 8) + draw.integers(8)
        i, j = min(16, round(top / 4)), min(72, round(left / 4))
        right += int(page.scores[:, i, j].argmax() == page.held_out.labels[k])
    assert right >= 12
    assert 20 < int(page.glued["sure"]) < 60, "between the digits it is sure of something, too"


@pytest.mark.slow
def test_the_sliding_net_is_faster_and_does_less(page: SimpleNamespace) -> None:
    assert page.spent["one by one"] > 20 * page.spent["sliding"]
    assert page.spent["one batch"] > 3 * page.spent["sliding"]
    assert int(page.glued["work_ratio"]) >= 5


@pytest.mark.slow
def test_a_fully_connected_layer_over_a_map_slides_too(page: SimpleNamespace) -> None:
    with torch.no_grad():
        assert float(page.gap) < 1e-4 * float(page.exercise(page.corner).abs().max())
    assert page.shape == (1, 10, 5, 5)


@pytest.mark.slow
def test_plans_of_channels(page: SimpleNamespace) -> None:
    full, two, depthwise, pointwise = page.blocks
    assert full.all()
    assert pointwise.all()
    assert torch.equal(depthwise, torch.eye(8))
    assert torch.equal(two, torch.block_diag(torch.ones(4, 4), torch.ones(4, 4)))
    assert [page.glued[name] for name in ("pairs_two", "pairs_deal", "pairs_all")] == [32, 64, 64]


@pytest.mark.slow
def test_the_formula_of_weights_holds_for_every_kind(page: SimpleNamespace) -> None:
    for C_in, C_out, K, G in [(8, 12, 3, 1), (8, 12, 5, 4), (6, 6, 3, 6), (10, 4, 1, 2)]:
        conv = nn.Conv2d(C_in, C_out, K, groups=G, bias=False)
        row = analyze(conv, (C_in, 11, 9)).rows[0]
        assert row.parameters == C_out * (C_in // G) * K**2
        assert row.macs == row.parameters * (11 - K + 1) * (9 - K + 1)


@pytest.mark.slow
def test_depthwise_and_pointwise_make_the_full_filter(page: SimpleNamespace) -> None:
    direct = page.layers.conv2d(page.photo, page.full_filter, padding=2)
    torch.testing.assert_close(direct, page.orange, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_pointwise_layer_does_not_know_places(page: SimpleNamespace) -> None:
    assert torch.equal(page.back, page.colour)
    assert not torch.equal(page.bag, page.photo)


@pytest.mark.slow
def test_trained_filters_are_not_separable(page: SimpleNamespace) -> None:
    assert page.right[0] < 0.6 * page.right[-1]
    assert page.right[3] > 0.85 * page.right[-1]
    assert page.shares == sorted(page.shares)
    assert page.shares[-1] == pytest.approx(1)
    conv = nn.Conv2d(4, 7, 3)
    near, kept = page.of_rank(conv, 9)
    torch.testing.assert_close(near, conv.weight.data, rtol=0, atol=1e-5)
    assert kept == pytest.approx(1)
    lone = page.of_rank(conv, 1)[0]
    assert all(torch.linalg.matrix_rank(lone[:, c].flatten(1), atol=1e-5) == 1 for c in range(4))


@pytest.mark.slow
def test_the_lectures_bottleneck(page: SimpleNamespace) -> None:
    assert page.weights["3 × 3, full"] == 9 * 256 * 256
    assert page.weights["bottleneck of 64"] == 256 * 64 + 9 * 64 * 64 + 64 * 256
    assert (page.glued["two_field"], page.glued["three_field"]) == (5, 7)


@pytest.mark.slow
def test_time_saved_falls_short_of_work_saved(page: SimpleNamespace) -> None:
    work, time = float(page.glued["deep_fewer"]), float(page.glued["deep_faster"])
    assert work == 128
    assert 1 < time < work / 2
    assert float(page.glued["full_reuse"]) > 20 * float(page.glued["deep_reuse"])


@pytest.mark.slow
def test_on_crops_the_number_of_maps_counts(page: SimpleNamespace) -> None:
    mean = page.result.mean
    at_equal_weight = [mean(f"{kind}, {width} maps") for kind, width in page.WIDTHS.items()]
    full, grouped, depthwise, separable = at_equal_weight
    assert full < grouped < separable < depthwise
    least, most = page.result.scores("full, 36 maps").min(), page.result.scores("full, 36 maps").max()
    for kind in ("depthwise", "separable"):
        assert least - 0.01 < mean(f"{kind}, 36 maps") < most + 0.01
    assert all(len(page.result.scores(arm)) == 3 for arm in page.result.arms)
    assert max(page.equal) < 1.06 * min(page.equal)


@pytest.mark.slow
def test_on_digits_mixing_pays(page: SimpleNamespace) -> None:
    deep, pair, full = (page.on_digits.scores(f"{kind}, 38 maps") for kind in ("depthwise", "separable", "full"))
    assert len(deep) == len(pair) == len(full) == 5
    assert deep.max() < pair.min(), "every separable net beats every depthwise one"
    assert pair.mean() < full.mean()


@pytest.mark.slow
def test_dilated_layers_skip_pixels(page: SimpleNamespace) -> None:
    assert page.glued["seen_holes"] == 49
    assert set((page.holes > 0).nonzero().remainder(2).flatten().tolist()) == {0}
    assert page.glued["seen_dense"] == 15**2 == page.glued["field_dense"] ** 2
    assert (page.glued["hole_low"], page.glued["hole_high"]) == ("0", "1")


@pytest.mark.slow
def test_padding_is_what_a_crop_feels(page: SimpleNamespace) -> None:
    assert int(page.glued["off"]) > 50
    assert page.glued["vgg_field"] > 64


@pytest.mark.slow
def test_names_of_networks_count_layers_with_weights(page: SimpleNamespace) -> None:
    assert page.counts["VGG-16"][0] == 16
    assert page.counts["DenseNet-121"][0] == 121
    assert page.counts["LeNet-5"][0] + page.counts["LeNet-5"][1] == 7
    assert page.counts["ResNet-18"][0] - page.glued["short_cuts"] == 18
    assert page.counts["GoogLeNet (22)"][0] > 22


@pytest.mark.slow
def test_the_exercise_is_the_ledgers(page: SimpleNamespace) -> None:
    assert [page.glued[name] for name in ("ex_conv", "ex_full", "ex_all")] == ["768", "81,920", "90,880"]


@pytest.mark.slow
def test_answers_to_the_questions(page: SimpleNamespace) -> None:
    for K in (3, 7):
        pair = page.stack([(128, 128, K, 128), (128, 128, 1, 1)])
        fewer = 128 * 128 * K**2 / sum(w.numel() for w in pair.parameters())
        assert page.glued[f"ratio{K}"] == f"{fewer:.1f}"
    with torch.device("meta"):
        vgg = models.vgg16(num_classes=1000)
        head = [page.as_convolution(vgg.classifier[0], 512, 7, 7), page.as_convolution(vgg.classifier[3], 4096, 1, 1)]
        net = nn.Sequential(vgg.features, *head)
        sizes = [net(torch.empty(1, 3, *size)).shape[2:] for size in [(224, 224), (256, 320)]]
    assert [f"{h} × {w}" for h, w in sizes] == [page.glued["vgg_a"], page.glued["vgg_b"]]
    assert page.glued["vgg_weights"] == f"{head[0].weight.numel():,}"
