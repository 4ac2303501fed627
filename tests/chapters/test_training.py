"""The chapter *training*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch.nn import functional as F

NAME = "design/training.md"
pytestmark = pytest.mark.slow
test_prose_and_glue_name_the_same_numbers = same_numbers("design/training.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter(NAME).run


def first(glued: str) -> float:
    """The mean of "0.95 (0.94 to 0.96)"."""
    return float(glued.split()[0])


def test_the_three_widgets_are_where_they_belong() -> None:
    text = chapter(NAME).text
    places = [text.index(part) for part in (
        "## Every gate", "GraphStepper(", "## A ball", "OptimizerExplorer(", "## Where to start", "## Ten bends",
        "ActivationPlotter(", "## Forgetting",
    )]  # fmt: skip
    assert places == sorted(places)


def test_the_start_decides(page: SimpleNamespace) -> None:
    he, xavier, small = (page.start.scores(f"ReLU, {name}") for name in ("He", "Xavier", "0.01"))
    assert small.max() < 0.12
    assert small.max() < xavier.min() <= xavier.max() < he.min()
    assert page.start.mean("tanh, Xavier") > page.start.mean("ReLU, He"), "better here, says the page"
    assert page.start.mean("ReLU, 0.01, batch norm") > 0.5, "batch norm cures the start"


def test_sizes_fall_as_the_formula_says(page: SimpleNamespace) -> None:
    """Each ReLU layer of 64 units multiplies the mean square by 64 Var(w) / 2."""
    for name, factor in (("He", 1.0), ("Xavier", 0.5), ("σ = 0.01", 64 * 0.01**2 / 2), ("σ = 0.3", 64 * 0.3**2 / 2)):
        rows = np.array(page.spread[name][1])
        per_layer = (rows[:, -1] / rows[:, 1]) ** (2 / 18)
        np.testing.assert_allclose(per_layer, factor, rtol=0.2, err_msg=name)


def test_hand_gradients_are_right(page: SimpleNamespace) -> None:
    for ours, theirs in zip((page.dw1, page.dw2, page.dw3), _by_torch(page), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert (page.f, page.dq, page.dz) == (-12, -4, 3)


def _by_torch(page: SimpleNamespace) -> tuple[torch.Tensor, ...]:
    weights = [w.clone().requires_grad_() for w in (page.w1, page.w2, page.w3)]
    out = F.relu(F.relu(page.x @ weights[0].T) @ weights[1].T) @ weights[2].T
    return torch.autograd.grad(F.cross_entropy(out, page.t), weights)


def test_larger_batches_point_better(page: SimpleNamespace) -> None:
    assert (page.mean_cosine.diff() > 0).all()


def test_momentum_is_steadier_at_the_same_long_run_step(page: SimpleNamespace) -> None:
    for plain, rolling in (
        ("rate 0.1, momentum 0", "rate 0.01, momentum 0.9"),
        ("rate 1, momentum 0", "rate 0.01, momentum 0.99"),
    ):
        alone, ball = page.ball.scores(plain), page.ball.scores(rolling)
        assert np.ptp(ball) < np.ptp(alone)
        assert ball.min() > alone.min()
    assert page.ball.mean("rate 0.01, momentum 0") < page.ball.mean("rate 0.1, momentum 0")
    best_alone = page.ball.scores("rate 0.1, momentum 0").max()
    assert abs(best_alone - page.ball.scores("rate 0.01, momentum 0.9").max()) < 0.03, "its best seed is as good"


def test_ten_functions_in_the_table_and_their_slopes(page: SimpleNamespace) -> None:
    assert set(page.FUNCTIONS) == set(page.ACTIVATIONS)
    assert len(page.FUNCTIONS) == 10
    for name in page.FUNCTIONS:
        assert f"| {name}" in chapter(NAME).text
    assert page.slope_gap < 1e-6
    assert page.steepest["sigmoid"] == pytest.approx(0.25)
    assert min(page.steepest["GELU"], page.steepest["Swish"]) > 1


def test_depth_separates_the_activations(page: SimpleNamespace) -> None:
    fail = {"sigmoid", "softplus"}
    assert max(page.deep_[name] for name in fail) < 0.3 < 0.7 < min(page.others.values())
    assert len(page.others) == 8
    assert max(page.differ[name] for name in fail) < 0.01 < 0.2 < min(page.differ[name] for name in page.others)
    assert max(page.shallow[name] for name in fail) < min(page.eight.values())
    assert max(page.eight.values()) - min(page.eight.values()) < 0.05
    assert page.best_rate("sigmoid", 3).endswith("rate 0.1"), "the largest, says the page"


def test_the_rate_of_an_activation_is_not_chosen_on_held_out_digits(page: SimpleNamespace) -> None:
    assert {s["train"] for s in page.bends.settings.values()} == {"train_digits(1000)"}
    assert {s["val"] for s in page.bends.settings.values()} == {"validation_digits"}


def test_dropout_gives_nothing_that_seeds_do_not(page: SimpleNamespace) -> None:
    none = page.drop.scores("p = 0")
    for arm in ("p = 0.2", "p = 0.5"):
        with_it = page.drop.scores(arm)
        assert abs(with_it.mean() - none.mean()) < max(np.ptp(with_it), np.ptp(none))
    assert page.drop.scores("p = 0.8").max() < none.min()


def test_many_thin_nets_come_to_the_whole_one(page: SimpleNamespace) -> None:
    means = page.vote.mean(axis=1)
    assert (np.diff(means) > 0).all()
    assert abs(means[-1] - page.drop.mean("p = 0.5")) < 0.01
    assert page.drop.mean("p = 0.5", "loss 100") < page.drop.mean("p = 0.5", "loss"), "less sure, rightly"


def test_batch_norm_and_its_way_back(page: SimpleNamespace) -> None:
    x = page.a.detach().clone().requires_grad_()
    y = F.batch_norm(x, None, None, page.gamma.detach(), page.beta.detach(), training=True)
    (dx,) = torch.autograd.grad(y, x, page.dy)
    torch.testing.assert_close(page.y, y.detach())
    torch.testing.assert_close(page.ours[0], dx)
    assert page.norm_gap < 1e-12
    assert float(page.glued["norm_ratio"]) == 10


def test_batch_norm_widens_the_rates_that_work(page: SimpleNamespace) -> None:
    assert page.hi1 / page.lo1 >= 10 * page.hi0 / page.lo0
    assert page.lo1 <= page.lo0
    assert page.hi1 >= page.hi0
    assert page.glued["norm_broken1"] == 0 < page.glued["norm_broken"]


def test_a_batch_of_threes_is_spoiled_in_training_mode(page: SimpleNamespace) -> None:
    assert page.modes["train"] < page.modes["eval"] - 0.3


def test_contrast_normalisation_takes_the_shadow_away(page: SimpleNamespace) -> None:
    assert page.shift_norm < 0.2 < 1 < page.shift_raw
    torch.testing.assert_close(
        page.quiet, F.local_response_norm(page.loud, 5, alpha=5e-4, beta=0.75, k=2.0), rtol=1e-4, atol=1e-4
    )
    out = page.quiet.flatten()
    assert out[2] > out[6] == out[7]


def test_pixels_decide_the_rate(page: SimpleNamespace) -> None:
    assert page.top["0 to 1"] / page.top["0 to 255"] >= 100
    assert first(page.glued["pix_255"]) < first(page.glued["pix_1"])
    assert abs(first(page.glued["pix_centred"]) - first(page.glued["pix_standardised"])) < 0.02
    assert float(page.glued["pix_steady"]) < 0.12
    assert float(page.glued["pix_lowunit"]) > float(page.glued["pix_low1"]) + 0.1


def test_virtual_crops_do_not_help_a_net_that_does_not_overfit(page: SimpleNamespace) -> None:
    plain = page.virtual.scores("as they are")
    for arm in page.virtual.arms[1:]:
        assert page.virtual.mean(arm) < plain.mean() + np.ptp(plain) + np.ptp(page.virtual.scores(arm)), arm
    for arm in ("crop", "geometric", "flip, crop, cast"):
        assert page.virtual.scores(arm).max() < plain.min(), arm
    assert float(page.glued["aug_learnt_all"]) < float(page.glued["aug_learnt"]) < 0.9


def test_virtual_digits_lower_the_loss_and_real_ones_lower_it_more(page: SimpleNamespace) -> None:
    loss = {arm: page.more.scores(arm, "loss") for arm in page.more.arms}
    assert loss["300, geometric"].max() < loss["300"].min()
    assert loss["1,297, geometric"].mean() < loss["1,297"].mean() < loss["300, geometric"].mean()
    for few in ("300", "1,297"):
        gain = page.more.mean(f"{few}, geometric") - page.more.mean(few)
        assert 0 < gain < np.ptp(page.more.scores(f"{few}, geometric")), "hardly further than the seeds do"


def test_a_flip_hurts_digits_and_spares_the_eight(page: SimpleNamespace) -> None:
    plain, flipped = page.mirrored.scores("as they are"), page.mirrored.scores("flip")
    assert flipped.max() < plain.min()
    assert abs(page.mean_lost[8]) < 3 < -page.mean_lost[page.order[0]]


def test_the_search_is_scored_on_what_chose_nothing(page: SimpleNamespace) -> None:
    assert page.best.score == max(t.score for t in page.search.trials if t.score is not None)
    assert page.best.score > max(page.finals)
    assert float(page.glued["search_heavy"]) < page.best.score - 0.2


def test_curves_look_as_described(page: SimpleNamespace) -> None:
    end = {arm: page.sick.curves(arm, "val_loss")[:, -1] for arm in page.sick.arms}
    assert end["as it should be"].max() < end["rate too small"].min()
    slipped = page.sick.curves("bug: slipped labels", "val_loss")
    assert (slipped[:, -1] > slipped[:, 0]).all(), "the held-out loss rises"
    assert page.sick.curves("bug: slipped labels", "loss")[:, 0] == pytest.approx([2.3] * 3, abs=0.1)
    assert page.sick.curves("too few digits", "loss")[:, -1].max() < 0.05 < 1 < end["too few digits"].min()
    assert page.sick.curves("bug: ink and paper swapped", "val_loss").min() > 4
    assert page.sick.scores("bug: ink and paper swapped").max() < 0.1, "worse than guessing"
    assert page.sick.scores("rate too large").max() < 0.2
    assert page.history.losses[-1] < 0.01


def test_written_hinges_pass_through_their_knots_and_beat_training(page: SimpleNamespace) -> None:
    for n in (1, 5, 16):
        knots = torch.linspace(-1, 1, n + 1)
        torch.testing.assert_close(page.draw_with_hinges(n)(knots), page.wave(knots), rtol=1e-4, atol=1e-4)
    large = [page.HIDDEN.index(n) for n in (16, 32, 64, 128)]
    assert (page.written[0, large] < page.trained[:, large].mean(axis=0)).all()
    assert float(page.glued["written_fall"]) == pytest.approx(4, abs=0.3)


def test_every_fold_doubles_the_pieces(page: SimpleNamespace) -> None:
    assert [page.pieces(page.folded[k]) for k in range(9)] == [2**k for k in range(9)]


def test_depth_is_ordered_as_told(page: SimpleNamespace) -> None:
    one, three, conv = (page.depth.mean(arm) for arm in ("1 hidden layer", "3 hidden layers", "convolutions"))
    assert one < three < conv
    assert page.depth.scores("1 hidden layer").max() < page.depth.scores("3 hidden layers").min()
    assert page.depth.scores("convolutions").min() < page.depth.scores("3 hidden layers").min()


def test_equal_weights_stay_equal(page: SimpleNamespace) -> None:
    assert page.zero_moved == [False] * 5 + [True]
    assert page.tenth_different[:2] == [1, 1]
    assert page.two_grad.abs().max() < 1e-9
