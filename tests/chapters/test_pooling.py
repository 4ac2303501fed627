"""The chapter *pooling*: what it says of its own numbers is true."""

from __future__ import annotations

from statistics import fmean
from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch.nn import functional as F

from cnncourse import experiments
from cnncourse.experiments import design_pooling

test_prose_and_glue_name_the_same_numbers = same_numbers("design/pooling.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("design/pooling.md").run


@pytest.mark.slow
def test_most_of_the_map_changes_and_less_of_the_pooled_map(page: SimpleNamespace) -> None:
    a, b = (page.edges(page.camera(right)) for right in (0, 1))
    pa, pb = page.pooled
    torch.testing.assert_close(pa, F.max_pool2d(a, 2))
    assert (a != b).float().mean() > 0.95
    assert 0.5 < (pa != pb).float().mean() < 0.9
    assert (1 - page.same[1]).sum() == int(page.glued["pooled_changed"])


@pytest.mark.slow
def test_the_lectures_example(page: SimpleNamespace) -> None:
    assert page.largest.tolist() == [[6, 8], [3, 4]]


@pytest.mark.slow
def test_gradients_equal_torchs_and_add_where_windows_overlap(page: SimpleNamespace) -> None:
    x = torch.tensor([[1.0, 2, 0], [4, 9, 3], [7, 7, 5], [7, 0, 5]], requires_grad=True)
    dy = torch.tensor([[1.0, 2], [3, 4], [5, 6]])
    (expected,) = torch.autograd.grad(F.max_pool2d(x[None], 2, 1), x, dy[None])
    assert torch.equal(page.dx, expected)
    (expected,) = torch.autograd.grad(F.avg_pool2d(x[None], 2, 1), x, dy[None])
    torch.testing.assert_close(page.dx_mean, expected)
    assert page.dx[1, 1] == 1 + 2 + 3 + 4
    assert page.dx[3, 0] == 0, "of three sevens the first wins"
    assert page.total == (21, 21, 21)


@pytest.mark.slow
def test_ties_are_many_and_nearly_all_at_zero(page: SimpleNamespace) -> None:
    assert page.is_tied.float().mean() > 0.2
    assert (page.is_tied & ~page.is_zero).float().mean() < 0.02
    zero = page.is_zero & ~page.is_tied
    assert not zero.any(), "a window whose largest is zero after a ReLU has four zeros"


@pytest.mark.slow
def test_the_maximum_finds_lines_and_the_average_brightness(page: SimpleNamespace) -> None:
    best = {task: {name: fmean(values) for name, values in both.items()} for task, both in page.guesses.items()}
    assert best["a line of 3 pixels"]["max"] > 0.9 > best["a line of 3 pixels"]["average"] + 0.1
    assert best["a line of 24 pixels"]["average"] > 0.95
    assert best["brighter by 5 %"]["average"] > best["brighter by 5 %"]["max"] + 0.05
    lines = [best[f"a line of {n} pixels"]["average"] for n in (3, 8, 24)]
    assert lines == sorted(lines), "the average catches up"
    textures = best["which photograph"]
    assert abs(textures["average"] - textures["max"]) < 0.05
    assert textures["average"] > textures["max"]


@pytest.mark.slow
def test_blurred_pooling_changes_more_values_by_less(page: SimpleNamespace) -> None:
    share = {name: found[0][:, 0].mean() for name, found in page.measured.items()}
    assert share["max"] < share["map"] - 0.1 < share["max, blurred"]
    for k in range(len(page.shifts)):
        size = {name: found[k][:, 1].mean() for name, found in page.measured.items()}
        assert size["max, blurred"] < size["max"] < size["average"] < size["map"]
    later = [page.measured["max"][k][:, 0].mean() for k in range(1, len(page.shifts))]
    assert min(later) > 0.9, "only after one pixel many values stay"


@pytest.mark.slow
def test_after_a_shift_by_the_stride_the_pooled_map_has_moved(page: SimpleNamespace) -> None:
    assert page.moved == [0] * len(page.every)
    assert page.two[:, 0].mean() > 0.9


def test_blurred_pooling_is_a_blur_with_1_2_1() -> None:
    x = torch.randn(2, 3, 12, 16, dtype=torch.float64)
    blur = torch.tensor([1.0, 2, 1], dtype=torch.float64)
    filters = (torch.outer(blur, blur) / 16).expand(3, 1, 3, 3)
    dense = F.max_pool2d(x, 2, 1, padding=1)
    expected = F.conv2d(dense, filters, stride=2, groups=3)
    torch.testing.assert_close(design_pooling.BlurredMaxPool2d()(x), expected)
    assert expected.shape == (2, 3, 6, 8)


@pytest.mark.slow
def test_codes_of_faces_are_the_same_to_the_last_bit_and_the_faces_are_not(page: SimpleNamespace) -> None:
    first, *others = page.codes
    assert (first > 0).sum() >= 4
    assert all(torch.equal(first, other) for other in others)
    assert not torch.equal(page.faces[0], page.faces[1])


def test_only_the_bag_of_parts_cannot_tell() -> None:
    told = experiments.load("pooling_parts")
    assert (told.scores("parts") == 0.5).all()
    assert told.scores("far").min() > 0.95
    assert told.scores("places").min() > 0.95


@pytest.mark.parametrize("split", ["train", "test"])
def test_faces_come_in_pairs_of_the_same_parts_far_from_the_rim(split: str) -> None:
    images, labels = design_pooling.faces(split, 40)
    assert labels.tolist() == [0, 1] * 20
    wrong, right = images[::2], images[1::2]
    assert (wrong != right).flatten(1).any(1).all()
    torch.testing.assert_close(wrong.flatten(1).sort(1).values, right.flatten(1).sort(1).values)
    assert (images[:, :, :6] == 0).all()
    assert (images[..., :6] == 0).all()
    assert (images[:, :, -6:] == 0).all()
    assert (images[..., -6:] == 0).all()


@pytest.mark.slow
def test_mean_and_last_layer_trade_places(page: SimpleNamespace) -> None:
    assert page.gap < 1e-4
    cat, wall = page.where
    assert cat[:, :4].mean() > cat[:, 4:].mean()
    assert wall[:, 4:].mean() > wall[:, :4].mean()


@pytest.mark.slow
def test_pooling_over_turned_filters_forgets_the_turn(page: SimpleNamespace) -> None:
    assert page.swing["one filter"] > 2
    assert page.swing["largest of eight"] < 1.1
    assert page.turned_gap == 0


def test_one_dot_is_found_after_pooling_and_many_are_not() -> None:
    dot, dots = experiments.load("pooling_dot"), experiments.load("pooling_dots")
    assert dot.scores("max, twice").min() > 0.95
    none, pooled, stride, undone = (dots.scores(arm, "overlap") for arm in dots.arms)
    assert none.min() > 0.95
    assert max(pooled.max(), stride.max()) < 0.5 < undone.mean()
    assert max(pooled.min(), stride.min()) < min(pooled.max(), stride.max()), "their seeds overlap"
    assert undone.min() > pooled.max()


def test_dots_are_where_their_labels_say() -> None:
    images, pixels = design_pooling.dots("test", 16)
    many, bright = design_pooling.dots("test", 16, many=True)
    assert images.shape == many.shape == (16, 1, 20, 20)
    values = images.flatten(1)
    around = values.median(1).values
    assert (values[torch.arange(16), pixels] > around + 0.1).all()
    assert 0.05 < bright.mean() < 0.15
    assert (many.flatten(1)[bright > 0].mean() - many.flatten(1)[bright == 0].mean()) > 0.4


@pytest.mark.slow
def test_a_pooled_board_does_not_know_the_move(page: SimpleNamespace) -> None:
    assert page.blocks.min() >= 1, "the move's own point is free"
    assert (page.blocks > 1).float().mean() > 0.5


@pytest.mark.slow
def test_answers_to_the_three_questions(page: SimpleNamespace) -> None:
    assert page.ramp_same == 0
    assert torch.equal(page.dx_max[:3, :3], torch.ones(3, 3))
    assert page.dx_max[3].sum() == page.dx_max[:, 3].sum() == 0
    assert page.order_max == 0
    assert page.order_avg > 0.1


def test_stride_is_less_steady_than_every_pooling_and_the_poolings_overlap() -> None:
    trained = experiments.load("pooling_kinds")
    changed = {arm: trained.scores(arm, "changed_1") for arm in trained.arms}
    stride = changed.pop("stride")
    assert all(stride.min() > other.max() for other in changed.values()), "less steady in every seed"
    assert max(other.min() for other in changed.values()) <= min(other.max() for other in changed.values())
    poolings = [trained.mean(arm) for arm in changed]
    assert trained.mean("stride") < min(poolings)


@pytest.mark.slow
def test_stride_computes_less(page: SimpleNamespace) -> None:
    assert page.macs["max"] == page.macs["average"] == page.macs["max, blurred"] > 2 * page.macs["stride"]
