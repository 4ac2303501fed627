"""The chapter *GoogLeNet*: what it says of its own numbers is true."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch import nn

from cnncourse import analyze, models, zoo

NAME = "case_studies/googlenet.md"
pytestmark = pytest.mark.slow
test_prose_and_glue_name_the_same_numbers = same_numbers("case_studies/googlenet.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter(NAME).run


def test_sizes_of_the_three_networks(page: SimpleNamespace) -> None:
    for builder, said in ((models.vgg16, "vgg_full"), (models.googlenet_2014, "goog_full")):
        with torch.device("meta"):
            net = builder()
        kept = {name: p.numel() for name, p in net.named_parameters() if not name.startswith("aux")}
        full = sum(count for name, count in kept.items() if name.startswith(("fc", "classifier")))
        assert page.glued[said] == f"{100 * full / sum(kept.values()):.0f}"
    assert (page.glued["vgg_times"], page.glued["vgg_work"]) == ("20", "10")


def test_the_maps_average_to_the_scores_and_know_their_place(page: SimpleNamespace) -> None:
    net = zoo.load("small_vgg_patches")
    seen = []
    net.avgpool.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        scores = net(page.collage[None])[0]
        by_position = net.classifier(seen[0].permute(0, 2, 3, 1))[0].permute(2, 0, 1)
    torch.testing.assert_close(page.hidden, by_position, rtol=0, atol=1e-4)
    torch.testing.assert_close(page.hidden.mean(dim=(1, 2)), scores, rtol=0, atol=1e-4)
    assert float(page.glued["gap"]) < 1e-4
    assert page.glued["in_place"] == 4


def test_a_relu_in_between_gives_other_scores(page: SimpleNamespace) -> None:
    assert float(page.glued["clip"]) > 1
    assert 0 < int(page.glued["negative"]) < 100


def test_what_a_unit_of_each_branch_sees(page: SimpleNamespace) -> None:
    assert list(page.sees.values()) == [27, 43, 59]
    assert page.glued["last_see"] > 224
    assert all(centre - 30 >= 0 and centre + 30 <= 224 for centre in (page.row, page.column))


def test_nine_modules_counted_by_formula_are_those_of_the_model(page: SimpleNamespace) -> None:
    model = models.googlenet_2014(aux_logits=False).inception3a
    matrices = [p for name, p in model.named_parameters() if name.endswith("weight")]
    rows = [row for row in page.goog if row.name.startswith("inception")]
    biases = sum(page.goog[row.name].shape[1] for row in rows if row.kind == "Conv2d")
    weights, work, maps = page.nine(False)
    assert weights == sum(row.parameters for row in rows) - biases
    assert work == sum(row.macs for row in rows)
    assert maps == 1024
    assert sum(p.numel() for p in matrices) == 163_328


def test_direct_modules_of_the_experiment_are_those_that_are_counted(page: SimpleNamespace) -> None:
    module = page.Module(192, page.INCEPTION["3a"], direct=True, batch_norm=False)
    assert module.five[0].weight.numel() == int(page.glued["five_direct"].replace(",", ""))
    assert module(torch.zeros(1, 192, 8, 8)).shape == (1, 256, 8, 8)
    neck = page.Module(192, page.INCEPTION["3a"], batch_norm=False)
    assert sum(p.numel() for p in neck.five.parameters() if p.dim() == 4) == int(
        page.glued["five_neck"].replace(",", "")
    )


def test_rivals_have_as_many_multiply_adds(page: SimpleNamespace) -> None:
    work = {arm: macs for arm, (_, macs) in page.made.items()}
    for arm in ("3 × 3 alone, as cheap", "with 1 × 1, flat head"):
        assert work[arm] == pytest.approx(work["with 1 × 1"], rel=0.03), arm
    assert work["direct"] > 2.5 * work["with 1 × 1"]


def test_the_narrow_passage_costs_nothing_here_and_buys_maps(page: SimpleNamespace) -> None:
    neck, direct, alone, flat = (page.result.scores(arm) for arm in page.made)
    assert len(neck) == len(direct) == len(alone) == len(flat) == 3
    assert max(neck.min(), direct.min()) <= min(neck.max(), direct.max()), "the ranges lie over each other"
    assert abs(neck.mean() - direct.mean()) < 0.01
    assert alone.max() < min(neck.min(), direct.min())
    assert flat.max() < neck.min()
    assert page.glued["neck_maps"] > 2 * page.glued["alone_maps"]


def test_ratios_of_the_papers_table(page: SimpleNamespace) -> None:
    assert page.ratios["conv1"][0] == pytest.approx(9408 / (2.7 * 1024))
    assert page.ratios["fc"][0] == 1
    others = [value for name, pair in page.ratios.items() if name != "conv1" for value in pair]
    assert 0.9 < min(others) < max(others) < 1.1
    with torch.device("meta"):
        old = analyze(models.alexnet_2012(), (3, 227, 227)).totals
    assert page.glued["fewer"] == f"{old.parameters / 6_990_272:.1f}" == "8.7"


def test_gradients_are_small_everywhere_and_the_start_decides(page: SimpleNamespace) -> None:
    plain = page.level["Xavier"]
    assert plain.max() < 4 * plain.min(), "it does not sink towards the input"
    heads = page.level["Xavier, two heads"] / plain
    assert 1.2 < heads[:4].mean() < 10
    for better in ("He", "Xavier, batch norm"):
        assert (page.level[better] / plain).min() > 40
    assert float(page.glued["spread"]) < 0.01 < float(page.glued["differ"])


def test_fewer_multiply_adds_save_less_time(page: SimpleNamespace) -> None:
    assert 1 < float(page.glued["faster"]) < float(page.glued["fewer_macs"]) * 1.3


def test_answers_to_the_questions(page: SimpleNamespace) -> None:
    def pair(r: int) -> int:
        return sum(
            w.numel()
            for c in (nn.Conv2d(192, r, 1, bias=False), nn.Conv2d(r, 128, 3, bias=False))
            for w in c.parameters()
        )

    direct = nn.Conv2d(192, 128, 3, bias=False).weight.numel()
    assert pair(164) < direct < pair(165)
    assert [page.glued[key] for key in ("below", "direct3", "above")] == [
        f"{n:,}" for n in (pair(164), direct, pair(165))
    ]
    assert (page.glued["outcome"], page.glued["refused"]) == (21, "RuntimeError")
