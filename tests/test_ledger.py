"""Every figure of the ledger is computed here as on its page, and the page is what ledger.yml makes."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from coursebook import compare, errata, ledger

ENTRIES = ledger.load()
BY_ID = {entry.id: entry for entry in ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_verdict_is_what_the_code_computes(entry: ledger.Entry) -> None:
    pairs = list(zip(entry.figures, entry.computed(), strict=True))
    wrong = [(figure.what, figure.stated, value) for figure, value in pairs if not figure.agrees(value)]
    assert ("differs" if wrong else "agrees") == entry.verdict, wrong
    assert entry.verdict == "agrees" or entry.note, "a row that differs says why"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_what_the_note_says_can_be_computed(entry: ledger.Entry) -> None:
    space = entry.run()
    for expression in entry.say.values():
        assert str(eval(expression, space))


@pytest.mark.parametrize(
    ("name", "computed"),
    [
        ("local-connectivity", [21, 9, 3]),
        ("alexnet-conv1", [55, (55, 55, 96), 34848, 27]),
        ("alexnet-conv1-macc", [105_415_200, 290_400]),
        ("bottleneck", [589_824, 69_632]),
        ("googlenet-head", [1]),
        ("maxpool-example", [(6, 8), (3, 4)]),
    ],
)
def test_computed_by_hand(name: str, computed: list[object]) -> None:
    assert BY_ID[name].computed() == computed


def test_either_operand_may_be_flipped_but_one_must() -> None:
    space = BY_ID["conv-gradients"].run()
    for forms in (space["one"], space["two"]):
        right = {name for name, holds in forms.items() if holds}
        assert right == {"dW", "W padded, LO flipped", "LO padded, W flipped"}


def test_a_wrong_figure_is_noticed() -> None:
    entry = BY_ID["alexnet-conv1"]
    side, *others = entry.figures
    false = dataclasses.replace(entry, figures=(dataclasses.replace(side, stated=54), *others))
    assert not false.figures[0].agrees(false.computed()[0])


def test_rows_name_a_lecture_that_the_bibliography_has() -> None:
    works = (ledger.BOOK / "references.bib").read_text(encoding="utf-8")
    for entry in ENTRIES:
        assert f"{{{entry.lecture}," in works, entry.id


def test_page_is_made_from_the_yml() -> None:
    assert (ledger.BOOK / "ledger.md").read_text(encoding="utf-8") == ledger.page(ENTRIES), "run `make ledger`"


def test_errata_are_made_from_the_yml_and_hold_every_entry_that_differs() -> None:
    text = (ledger.BOOK / "errata.md").read_text(encoding="utf-8")
    assert text == errata.page(ENTRIES), "run `make ledger`"
    shown = re.findall(r"^\(errata-(\S+)\)=$", text, re.MULTILINE)
    assert shown == [entry.id for entry in ENTRIES if entry.verdict == "differs"]
    assert {"alexnet-shapes", "vgg16-total", "googlenet-table", "googlenet-head"} <= set(shown)
    assert "](#ledger-" not in text, "links to entries of the ledger lead to that page"


def test_errata_show_the_figures_that_differ_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    glued: dict[str, object] = {}
    monkeypatch.setitem(
        sys.modules, "myst_nb", SimpleNamespace(glue=lambda name, value, display: glued.update({name: value}))
    )
    source = errata.page(ENTRIES).split("```{code-cell} ipython3")[1].split("```")[0]
    space: dict[str, object] = {}
    exec(source.replace(":tags: [remove-cell]", ""), space)
    figures = [
        ("right", "55", 55, 55, None),
        ("rounds", "35 K", 35000, 34848, 2),
        ("wrong", "5 M", 5000000, 6990272, 1),
    ]
    table = space["wrong"]("x", *figures).data  # type: ignore[operator]
    assert re.findall(r"<td>([^<]*)</td>", table) == ["wrong", "5 M", "6,990,272"]
    assert glued["x-differ"] == "1 of 3"
    assert (glued["entries"], glued["differing"]) == (len(ENTRIES), sum(e.verdict == "differs" for e in ENTRIES))


def test_page_compares_as_the_test_does() -> None:
    source = ledger.page(ENTRIES).split("```{code-cell} ipython3")[1].split("```")[0].split("from myst_nb")[0]
    space: dict[str, object] = {}
    exec(source.replace(":tags: [hide-input]", ""), space)
    for stated, computed, digits in [(55, 55, None), (35000, 34848, 2), (35000, 34848, None), (True, 1, None)]:
        assert space["row"](stated, computed, digits) == compare.row(stated, computed, digits)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (("verdict: agrees", "verdict: maybe"), "verdict is 'maybe'"),
        (("lecture: huang", "lecturer: huang"), "lecturer"),
        (("{room}", "{rooms}"), "must be the same"),
        (("id: exercise-net", "id: local-connectivity"), "used twice"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, edit: tuple[str, str], complaint: str) -> None:
    text = (ledger.BOOK / "ledger.yml").read_text(encoding="utf-8")
    assert edit[0] in text
    (tmp_path / "ledger.yml").write_text(text.replace(*edit, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint) as caught:
        ledger.load(tmp_path / "ledger.yml")
    assert "local-connectivity" in str(caught.value)
