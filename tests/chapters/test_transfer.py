"""The chapter *transfer*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pages import page as chapter
from pages import same_numbers

from cnncourse import experiments, zoo
from cnncourse.data import digits
from cnncourse.experiments import case_transfer as made

NAME = "case_studies/transfer.md"
test_prose_and_glue_name_the_same_numbers = same_numbers("case_studies/transfer.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter(NAME).run


@pytest.mark.slow
def test_the_reader_has_letters_only_and_finds_likely_ones(page: SimpleNamespace) -> None:
    assert page.reader.classifier.out_features == 26
    assert page.said.shape == (500,)
    zeros = [name for name, label in zip(page.names, page.written.labels, strict=True) if label == 0]
    assert page.glued["zero_share"] == f"{100 * zeros.count(page.glued['zero_letter']) / len(zeros):.0f}"
    assert page.glued["zero_letter"] in "OCDGQU", "something round"
    assert int(page.glued["vaguest_share"]) < int(page.glued["clearest_share"])


@pytest.mark.slow
def test_codes_are_all_but_the_last_layer(page: SimpleNamespace) -> None:
    some = page.written.images[:7]
    with torch.no_grad():
        whole = page.reader(some)
        head = page.reader.classifier(page.codes(page.reader, some))
    torch.testing.assert_close(head, whole, rtol=0, atol=1e-5)
    assert page.codes(page.reader, some).shape == (7, 64)
    assert float(page.glued["saved"]) > 5, "a head alone is far cheaper than the net"


@pytest.mark.slow
def test_codes_help_where_pixels_stand_anywhere(page: SimpleNamespace) -> None:
    """And not where every picture is centred: there pixels are better than codes made for letters."""
    digit_pixels, digit_codes, photo_pixels, photo_codes = page.by.values()
    assert all(len(draws) == 3 for draws in page.by.values())
    assert min(digit_pixels) > max(digit_codes)
    assert min(photo_codes) > 1.5 * max(photo_pixels)


@pytest.mark.slow
def test_a_frozen_net_moves_in_training_mode_and_still_layers_do_not(page: SimpleNamespace) -> None:
    assert page.read_after < page.read_before
    assert all("running" in name or "num_batches" in name for name in page.moved)
    assert len(page.moved) == 3 * page.glued["norms"]
    for kind in (page.Still, made.Still):
        net: Any = zoo.load("small_vgg_letters")
        still = kind(*net.features)
        before = {name: t.clone() for name, t in still.state_dict().items()}
        still.train()
        still(digits("test").images[:32])
        assert all(torch.equal(t, before[name]) for name, t in still.state_dict().items())
        assert not any(w.requires_grad for w in still.parameters())
        assert not still.training


@pytest.mark.slow
def test_the_pages_cut_is_the_experiments(page: SimpleNamespace) -> None:
    for moving in (0, 1, 2, 4):
        mine = zoo.load("small_vgg_letters")
        optimizer = page.prepare(mine, moving, 1 / 10)
        theirs = made.started("letters", 4 - moving)
        shapes = [[tuple(w.shape) for w in net.parameters() if w.requires_grad] for net in (mine, theirs)]
        assert shapes[0] == shapes[1]
        rates = {tuple(group["params"][0].shape): group["lr"] for group in optimizer.param_groups if group["params"]}
        known = {tuple(group["params"][0].shape): group["lr"] for group in made.groups(theirs, 1 / 10)}
        assert rates == pytest.approx(known)


def test_each_seed_draws_as_many_pictures_of_each_class() -> None:
    drawn = {}
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.randn(seed * 3)  # what the model has drawn before does not matter
        drawn[seed] = set(made.order("digits", 5).tolist())
        labels = digits("train").labels[sorted(drawn[seed])]
        assert labels.bincount().tolist() == [5] * 10
        torch.manual_seed(seed)
        assert set(made.order("digits", 5, longer=3).tolist()) == drawn[seed], "longer sees the same pictures"
    assert drawn[0] != drawn[1]
    torch.manual_seed(0)
    assert len(made.order("digits", 20)) == made.STEPS[20] * made.BATCH


def test_codes_after_all_pairs_are_what_the_last_layer_reads() -> None:
    images = digits("test").images[:5]
    net: Any = zoo.load(made.STARTS["photographs"])
    with torch.no_grad():
        whole = net(images)
        head = net.classifier(made.codes(images, "photographs")[-1].mean((2, 3)))
    torch.testing.assert_close(head, whole, rtol=0, atol=1e-5)


def test_every_arm_has_three_seeds_and_none_failed() -> None:
    for name in ("transfer_labels", "transfer_depth", "transfer_stages"):
        result = experiments.load(name)
        assert all(len(result.runs[arm]) == 3 and not result.failures(arm) for arm in result.arms)


@pytest.mark.slow
def test_the_more_moves_and_the_faster_the_better_here(page: SimpleNamespace) -> None:
    depth = page.depth
    head, half, whole = (depth.scores(arm) for arm in ("0 pairs", "2 pairs, 1", "4 pairs, 1"))
    assert head.max() < half.min()
    assert head.max() < whole.min()
    assert head.mean() < half.mean() < whole.mean()
    tenth, hundredth = depth.mean("4 pairs, 1/10"), depth.mean("4 pairs, 1/100")
    assert head.mean() < hundredth < tenth < whole.mean()
    assert hundredth - head.mean() < 0.03, "nearly where it stood"
    for arm in depth.arms:
        assert depth.settings[arm]["batch_size"] == 16
    assert made.STEPS[page.glued["between"]] == page.glued["between_steps"]


@pytest.mark.slow
def test_what_the_old_net_is_worth_in_labels(page: SimpleNamespace) -> None:
    mean, scores = page.trained.mean, page.trained.scores
    five, many = mean("photographs, 5: like, last layer"), mean("photographs, 100: from nothing")
    longer = mean("photographs, 100: from nothing, longer")
    assert five > many - 0.01, "five labels with a past, a hundred without"
    assert many < longer < mean("photographs, 100: like, all layers"), "part of the gap was haste, and not all"
    assert mean("photographs, 5: like, all layers") < five + 0.02
    assert abs(mean("photographs, 100: like, all layers") - mean("photographs, 100: like, last layer")) < 0.02
    for each in made.EACH:
        assert (
            scores(f"photographs, {each}: like, last layer").min() > scores(f"photographs, {each}: from nothing").max()
        )
    assert mean("digits, 5: like, all layers") > mean("digits, 5: from nothing") > mean("digits, 5: like, last layer")
    assert scores("digits, 20: like, last layer").max() < scores("digits, 20: from nothing").min()
    assert abs(mean("digits, 100: like, all layers") - mean("digits, 100: from nothing")) < 0.01


@pytest.mark.slow
def test_the_four_corners(page: SimpleNamespace) -> None:
    for task in made.TASKS:
        nothing, top, stage, whole = page.corners[task, 5, "unlike"][0]
        assert top < stage < nothing + 0.01, "the wrong net, nothing moving, is no better than none"
        assert abs(whole - nothing) < 0.05
        assert page.best_stage(task, "unlike", 5) in (2, 3)
        assert page.best_stage(task, "like", 5) in (3, 4)
    photographs = page.trained.scores("photographs, 100: unlike, all layers")
    assert photographs.min() > page.trained.scores("photographs, 100: from nothing").max()
    assert photographs.mean() < page.trained.mean("photographs, 100: like, all layers")
    digits_ = page.corners["digits", 100, "unlike"][0]
    assert abs(digits_[3] - digits_[0]) < 0.02
