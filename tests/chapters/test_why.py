"""The chapter *why convolution*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers

from cnncourse import experiments, features

test_prose_and_glue_name_the_same_numbers = same_numbers("design/why.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("design/why.md").run


def ends(page: SimpleNamespace, name: str) -> torch.Tensor:
    """The last held-out score of each seed."""
    return torch.tensor([curve[-1] for curve in page.runs[name]])


@pytest.mark.slow
def test_the_shuffled_cat_has_the_same_pixels(page: SimpleNamespace) -> None:
    moved = page.shuffle(page.cat, page.order)
    assert torch.equal(moved.flatten().sort().values, page.cat.flatten().sort().values)
    assert not torch.equal(moved, page.cat)


@pytest.mark.slow
def test_a_fully_connected_layer_costs_what_the_table_says(page: SimpleNamespace) -> None:
    for name, shape in page.inputs.items():
        layer = torch.nn.Linear(torch.Size(shape).numel(), page.units, device="meta")
        assert page.weights[name] == sum(p.numel() for p in layer.parameters())


@pytest.mark.slow
def test_the_perceptrons_make_fewer_mistakes_and_know_new_digits(page: SimpleNamespace) -> None:
    assert page.mistakes[-1] < page.mistakes[0] / 3
    assert min(page.scores_p) > 0.82
    empty = page.each[0].reshape(8, 8)[3:5, 3:5]
    assert empty.mean() < -0.3, "a 0 must be empty in the middle"


@pytest.mark.slow
def test_a_unit_that_takes_a_picture_and_its_negative_takes_grey(page: SimpleNamespace) -> None:
    x = page.test.images.flatten(1)
    both = (x @ page.w.T + page.b + (1 - x) @ page.w.T + page.b) / 2
    torch.testing.assert_close(
        both, (torch.full_like(x, 0.5) @ page.w.T + page.b).expand_as(both), atol=1e-3, rtol=1e-4
    )


@pytest.mark.slow
def test_near_pixels_are_alike_and_shuffled_ones_are_not(page: SimpleNamespace) -> None:
    for name in ("chelsea", "coffee"):
        assert page.fall[name][0] > 0.95
        assert page.fall[name] == sorted(page.fall[name], reverse=True)
    assert abs(page.fall["brick"][2]) < 0.1
    assert max(map(abs, page.fall["chelsea, shuffled"])) < 0.02


@pytest.mark.slow
def test_borrowed_patterns_do_nearly_as_well_as_ones_own(page: SimpleNamespace) -> None:
    for own, lent, anyhow in page.shares.values():
        assert own >= lent > own - 0.05
        assert anyhow < 0.25
    assert (page.here @ page.there.T).abs().max(1).values.min() > 0.8, "gravel's rows look alike"


@pytest.mark.slow
def test_the_cat_outlives_shrinking_better_than_the_page_and_grass(page: SimpleNamespace) -> None:
    cat, text, grass = (int(page.glued[f"{name}_4"]) for name in ("cat", "page", "grass"))
    assert cat > 85 > text > grass


@pytest.mark.slow
def test_twenty_one_nine_three(page: SimpleNamespace) -> None:
    assert [page.glued[f"n_{name}"] for name in ("full", "local", "shared")] == [21, 9, 3]


@pytest.mark.slow
def test_shuffling_costs_the_mlp_nothing_and_the_net_its_lead(page: SimpleNamespace) -> None:
    torch.testing.assert_close(ends(page, "MLP"), ends(page, "MLP, shuffled"), atol=0.01, rtol=0)
    assert ends(page, "CNN").min() > ends(page, "MLP").max() + 0.05
    assert ends(page, "CNN, shuffled").max() < ends(page, "MLP").min()
    assert int(page.glued["cnn_weights"].replace(",", "")) < int(page.glued["mlp_weights"].replace(",", ""))


@pytest.mark.slow
def test_shuffled_rows_end_in_between(page: SimpleNamespace) -> None:
    assert ends(page, "CNN, shuffled").max() < min(page.by_rows)
    assert max(page.by_rows) < ends(page, "CNN").min()


@pytest.mark.slow
def test_the_complex_cell_is_awake_for_longer(page: SimpleNamespace) -> None:
    simple, complex_ = (page.answers[f"{kind} cell"] > 0 for kind in ("simple", "complex"))
    assert complex_.sum() > 3 * simple.sum() > 0
    assert complex_[simple].all()


@pytest.mark.slow
def test_the_three_steps_are_the_packages_descriptor(page: SimpleNamespace) -> None:
    maps = features.dense_descriptors(page.portrait, clip=1.0)
    torch.testing.assert_close(page.descriptor, maps[0, :, 10, 30], atol=1e-5, rtol=0)
    assert float(page.glued["hog_gap"]) < 1e-4


@pytest.mark.slow
def test_hue_outlives_dimmer_light_and_words_outlive_a_puzzle(page: SimpleNamespace) -> None:
    assert int(page.glued["hue_common"]) == 100
    assert int(page.glued["rgb_common"]) < 60
    assert int(page.glued["words_puzzle"]) > 85
    assert int(page.glued["words_mixed"]) < 40


def test_designed_features_hold_their_own_where_their_designer_guessed_right() -> None:
    mean = experiments.load("features").mean
    assert mean("digits: HOG") > mean("digits: pixels") + 0.05
    assert abs(mean("digits: pyramid of words") - mean("digits: net of digits")) < 0.03
    assert abs(mean("photographs: HOG") - mean("photographs: pixels")) < 0.03
    assert mean("photographs: pyramid of words") < mean("photographs: words")
    assert mean("digits: pyramid of words") > mean("digits: words")
    assert mean("photographs: net of photographs") > mean("photographs: words and colour")
    assert mean("photographs: net of digits") < mean("photographs: pixels")
    assert abs(mean("digits: net of photographs") - mean("digits: pixels")) < 0.03
