"""The chapter *LeNet*: what it says of its own numbers is true."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from pages import page as chapter
from pages import same_numbers
from torch import nn

from cnncourse import analyze, models
from cnncourse.experiments.case_lenet import LETTERS, PaperLeNet5, bitmaps, letters, sure, table_one

test_prose_and_glue_name_the_same_numbers = same_numbers("case_studies/lenet.md")


@pytest.fixture(scope="module")
def page() -> SimpleNamespace:
    return chapter("case_studies/lenet.md").run


@pytest.mark.slow
def test_the_net_made_on_the_page_reads(page: SimpleNamespace) -> None:
    assert page.history.val_accuracy[-1] > 0.9
    assert page.glued["wrong_ones"] < 50
    assert (page.glued["digit_is"], page.glued["said_is"]) == (5, 5)
    with torch.no_grad():
        scores = page.lenet(page.digit).softmax(1)[0]
    assert float(page.glued["said_p"]) == pytest.approx(scores.max().item(), abs=0.006)
    maps = page.stages(page.lenet, page.digit)
    assert [len(maps[name]) for name in ("C1", "S2", "C3", "S4", "C5", "F6")] == [6, 6, 16, 16, 120, 84]


@pytest.mark.slow
def test_where_the_costs_have_their_peaks(page: SimpleNamespace) -> None:
    rows = {row.name: row for row in page.net}
    assert max(rows.values(), key=lambda row: row.parameters).name == "c5"
    assert max(rows.values(), key=lambda row: row.macs).name == "c3"
    assert max(rows.values(), key=lambda row: row.output_bytes).name in ("c1", "act1")
    assert (page.glued["total"], page.glued["c1_use"]) == ("61,706", 28 * 28)
    assert page.glued["values"] == "4,704 → 1,600 → 120"


@pytest.mark.slow
def test_the_string_is_the_network(page: SimpleNamespace) -> None:
    x = torch.rand(3, 1, 32, 32)
    page.twin.load_state_dict(dict(zip(page.twin.state_dict(), page.lenet.state_dict().values(), strict=True)))
    with torch.no_grad():
        torch.testing.assert_close(page.twin(x), page.lenet(x), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_on_a_photograph_it_sees_stamps(page: SimpleNamespace) -> None:
    assert page.glued["large_field"] == 32
    assert int(page.glued["large_part"]) == round(100 * 32**2 / 224**2)
    assert int(page.glued["large_fc"]) >= 99
    assert page.glued["large_reads"] == f"{120 * 49 * 49:,}"


@pytest.mark.slow
def test_the_papers_counts_come_out(page: SimpleNamespace) -> None:
    assert (page.glued["trained"], page.glued["wired"], page.glued["built"]) == ("60,000", "340,908", "60,000")
    plain = sum(p.numel() for p in models.lenet5().parameters())
    assert PaperLeNet5().counted() == plain == 61_706


def test_the_table_reads_three_four_and_six_maps() -> None:
    reads = table_one()
    assert reads.sum(1).tolist() == [3] * 6 + [4] * 9 + [6]
    assert reads[:15].sum(0).tolist() == [9] * 6, "each map of S2 is read equally often"
    assert len({tuple(row) for row in reads.tolist()}) == 16, "no two maps of C3 read the same"


def test_the_masked_layer_is_the_table() -> None:
    torch.manual_seed(0)
    net = PaperLeNet5(c3="table", pooling="trained").double()
    x = torch.rand(2, 1, 32, 32, dtype=torch.float64)
    whole = net.codes_of(x)
    net.c3.weight.data += torch.randn_like(net.c3.weight) * (1 - net.get_buffer("reads"))
    torch.testing.assert_close(net.codes_of(x), whole, rtol=0, atol=1e-12)
    net.c3.weight.data += 0.1 * net.get_buffer("reads")
    assert (net.codes_of(x) - whole).abs().max() > 1e-3


@pytest.mark.slow
def test_the_papers_loss_is_cross_entropy_with_an_eleventh_class(page: SimpleNamespace) -> None:
    f, codes, labels = page.f.double(), bitmaps().double(), page.labels
    distance = torch.cdist(f, codes).square()
    by_formula = [
        distance[n, labels[n]].item()
        + math.log(math.exp(-page.old.j) + sum(math.exp(-v) for v in distance[n].tolist()))
        for n in range(40)
    ]
    torch.testing.assert_close(torch.tensor(by_formula), page.ours[:40], rtol=0, atol=1e-3)
    assert float(page.glued["loss_gap"]) < 1e-3
    assert float(page.glued["soft_gap"]) < 1e-3
    assert page.codes.square().sum(1).tolist() == [page.glued["blank"]] * 10


@pytest.mark.slow
def test_a_letter_is_drawn_further_from_every_digit(page: SimpleNamespace) -> None:
    assert int(page.glued["far_digit"]) < int(page.glued["far_letter"]) < page.glued["blank"]
    assert int(page.glued["none_letters"]) > 20 * float(page.glued["none_digits"])
    assert float(page.glued["none_digits"]) < 3


def test_sure_counts_what_is_above_nine_tenths_and_no_none() -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)

    scores = torch.zeros(4, 11)
    scores[0, 3] = 20
    scores[1, 10] = 20  # sure that it is none
    scores[2, 4] = 1
    assert sure(Fixed(), scores) == 0.25
    assert not set(LETTERS) & set("BDGIOQSZ0123456789")
    assert letters().shape == (500, 1, 32, 32)


@pytest.mark.parametrize("wrong", [{"c3": "some"}, {"pooling": "sum"}, {"squash": "gelu"}, {"output": "svm"}])
def test_unknown_parts_are_named(wrong: dict[str, str]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}; expected"):
        PaperLeNet5(**wrong)


@pytest.mark.slow
def test_milliseconds_in_a_batch_are_fewer(page: SimpleNamespace) -> None:
    assert page.one > 1.5 * page.many


@pytest.mark.slow
def test_the_winners_and_the_person(page: SimpleNamespace) -> None:
    assert page.errors == sorted(page.errors, reverse=True)
    falls = {year: 1 - b / a for year, a, b in zip(page.years[1:], page.errors, page.errors[1:], strict=False)}
    assert 100 * falls[2012] == pytest.approx(float(page.glued["fall_2012"]), abs=0.5)
    assert falls[2012] > 4 * falls[2011]
    assert float(page.glued["person_low"]) < 5.1 < float(page.glued["person_high"])
    assert page.glued["per_class"] == "650"


@pytest.mark.slow
def test_answers_to_the_questions(page: SimpleNamespace) -> None:
    rows = {row.name: row for row in analyze(models.lenet5(), (1, 32, 32))}
    assert page.glued["q_c1_wired"] == f"{(rows['c1'].macs + 6 * 28 * 28):,}"
    assert rows["f6"].parameters == rows["f6"].macs + 84
    convs = nn.Sequential(nn.Conv2d(1, 6, 5), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.AvgPool2d(2))
    assert convs(torch.zeros(1, 1, 28, 28)).shape[-1] == page.glued["last_side"] == 4
    with pytest.raises(RuntimeError, match=r"[Kk]ernel size"):
        nn.Conv2d(16, 120, 5)(convs(torch.zeros(1, 1, 28, 28)))
    repaired = nn.Conv2d(1, 6, 5, padding=2)(torch.zeros(1, 1, 28, 28))
    assert repaired.shape[-1] == 28
    assert page.glued["grown"] == f"{60**2 / 28**2:.1f}"
