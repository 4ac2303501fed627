"""What the chapter on compression says of its numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pages import page as chapter
from pages import same_numbers

from cnncourse import experiments
from cnncourse.compress import plain, prune, sparsity
from cnncourse.experiments import case_compression as case

test_prose_and_glue_name_the_same_numbers = same_numbers("case_studies/compression.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("case_studies/compression.md").run


def scores(name: str, what: str = "accuracy") -> np.ndarray:
    return np.array([run.scores[f"{what}: {name}"] for run in experiments.load("compression").runs["net"]])


@pytest.mark.slow
def test_the_net_is_large_where_it_is_not_busy(page: SimpleNamespace) -> None:
    assert page.biggest[0] == "c5"
    assert page.biggest[1] == 48_120
    assert page.biggest[1] / page.all_weights > 0.7
    assert page.biggest[2] / page.all_macs < 0.2
    assert int(page.glued["alex_weights"].rstrip("%")) > 90
    assert int(page.glued["alex_macs"].rstrip("%")) < 10


@pytest.mark.slow
def test_one_threshold_cuts_the_big_layer_most(page: SimpleNamespace) -> None:
    assert sparsity(page.thin) == pytest.approx(0.8, abs=1e-3)
    assert page.shares_cut["c5"] == max(page.shares_cut.values())
    assert max(page.shares_cut["c1"], page.shares_cut["output"]) < min(page.shares_cut["c3"], page.shares_cut["f6"])
    assert float(page.glued["lenet_before"]) - 0.1 < float(page.glued["lenet_80"])
    assert float(page.glued["lenet_16"]) > float(page.glued["lenet_before"]) - 0.02


@pytest.mark.slow
def test_zeros_save_no_time_and_fewer_filters_do(page: SimpleNamespace) -> None:
    assert page.took["90 % zeros"] > 0.5 * page.took["as it is"]
    assert page.took["16 filters"] < page.took["as it is"]
    assert page.sparse_ms[0.99] < page.sparse_ms[0.9]
    assert page.timed["student"] < page.timed["as trained"]


@pytest.mark.slow
def test_integers_give_the_product_of_what_was_rounded(page: SimpleNamespace) -> None:
    assert page.whole.dtype == torch.int32
    difference = (page.whole * page.sx * page.sw - page.rounded_product).abs().max()
    assert difference < 1e-4 * page.rounded_product.abs().max()


@pytest.mark.slow
def test_a_trained_layer_has_a_few_large_directions(page: SimpleNamespace) -> None:
    assert page.energy > page.energy_noise + 0.1
    assert page.pair[0].weight.shape == (20, 400)
    assert 57 < float(page.glued["conv_even"]) < 58
    assert int(page.glued["pair_weights"].replace(",", "")) < 64 * 64 * 9


@pytest.mark.slow
def test_a_temperature_shows_the_second_opinion(page: SimpleNamespace) -> None:
    assert int(page.soft[1].argmax()) == 9
    second = int(page.glued["nine_second"])
    assert page.soft[4][second] > 5 * page.soft[1][second]


def test_training_on_brings_back_what_cutting_took() -> None:
    for percent in (80, 90, 95):
        assert (scores(f"{percent} % cut, trained on") > scores(f"{percent} % cut")).all()
    assert (scores("90 % cut") < 0.5).all()
    assert (scores("90 % cut, trained on") > scores("90 % cut") + 0.2).all()
    for rank in case.RANKS_AGAIN:
        assert (scores(f"rank {rank}, trained on") > scores(f"rank {rank}")).all()
    assert (scores("codes of 2, trained on") > scores("codes of 2")).all()


def test_the_student_of_the_measurement_is_the_one_trained_alone() -> None:
    alone = experiments.load("compression").scores("student")
    np.testing.assert_allclose(scores("student, labels"), alone, atol=2e-3)


def test_the_teacher_did_not_help_here() -> None:
    assert (scores("student, teacher") < scores("student, labels")).all()
    assert (scores("student, labels") < scores("90 % cut, then codes of 4, trained on")).all()


def test_cut_and_coded_is_smallest_for_its_accuracy() -> None:
    both = "90 % cut, then codes of 4, trained on"
    assert (scores(both) > scores("as trained") - 0.05).all()
    assert (scores("as trained", "bytes") > 25 * scores(both, "deflated")).all()


def test_eight_bits_cost_nothing_and_two_a_lot() -> None:
    assert np.abs(scores("8 bits") - scores("as trained")).max() < 0.01
    assert (scores("2 bits") < scores("as trained") - 0.2).all()
    assert scores("codes of 3").mean() > scores("3 bits").mean()
    assert scores("3 bits, a scale for each filter").mean() > scores("3 bits").mean()


def test_files_are_as_small_as_their_weights_are_simple() -> None:
    weights = sum(p.numel() for p in case.crop_net().parameters())
    assert scores("as trained", "bytes") == pytest.approx([4 * weights] * 3, rel=0.02)
    assert scores("8 bits", "bytes") == pytest.approx([weights] * 3, rel=0.1)
    assert scores("90 % cut", "bytes") == pytest.approx([weights * (1 / 8 + 0.4)] * 3, rel=0.1)
    assert (scores("5 bits", "bytes deflated") < scores("5 bits", "deflated")).all()
    assert (scores("as trained", "deflated") > 0.9 * scores("as trained", "bytes")).all()


@pytest.mark.slow
def test_training_on_keeps_what_each_way_made() -> None:
    torch.manual_seed(0)
    net = case.crop_net().eval()
    thin = case.train_on(case.pruned(net, 90), max_steps=2)
    assert prune.is_pruned(thin)
    assert sparsity(plain(thin)) == pytest.approx(0.9, abs=0.01)
    few = plain(case.train_on(case.shared(net, 2), max_steps=2))
    assert all(len(torch.unique(layer.weight)) <= 4 for layer, _ in case.weighted(few))
    low, narrow = case.thinner(net, 8), case.narrower(net, 16)
    x = torch.randn(2, 3, 32, 32)
    assert low(x).shape == narrow(x).shape == (2, 21)
    assert sum(p.numel() for p in low.parameters()) < 0.2 * sum(p.numel() for p in net.parameters())


def test_every_way_is_in_the_stored_result() -> None:
    assert len(experiments.load("compression").runs["net"]) == 3
    stored = {name.partition(": ")[2] for name in experiments.load("compression").runs["net"][0].scores if ": " in name}
    expected = {"as trained", "90 % cut, then codes of 4, trained on", "student, labels", "student, teacher"}
    expected |= {f"{p} % cut" for p in case.ZEROS} | {f"{p} % cut, trained on" for p in case.AGAIN}
    expected |= {f"{b} bits" for b in case.BITS} | {f"codes of {b}" for b in case.CODES}
    expected |= {f"rank {r}" for r in case.RANKS} | {f"{w} filters, trained on" for w in case.WIDTHS}
    assert expected <= stored
