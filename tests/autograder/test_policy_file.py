"""The policy's file: the example works, and whatever is wrong is named with its line and column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.errors import AutograderError
from autograder.policy import EXAMPLE, load
from autograder.policy_rules import Curve, Late, Letters, Peers


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_a_policy_with_the_lectures_numbers() -> None:
    policy = load(EXAMPLE)
    assert policy.late("01_convolution") == Late(Fraction(5), timedelta(days=7))
    assert policy.first_correct == 3
    assert policy.letters == Letters()
    assert (policy.presentations, policy.ratings, policy.curve) == (None, None, None)


def test_every_rule_of_the_example_can_be_switched(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("presentation,rater,rating\nwaves,ada,5\nwaves,ben,\n")
    text = (
        EXAMPLE.read_text()
        .replace("enabled: no", "enabled: yes")
        .replace("  # file: ratings.csv", "  file: ratings.csv")
    )
    policy = load(written(tmp_path, text))
    assert policy.curve == Curve()
    assert policy.ratings is not None
    assert policy.ratings.rules == Peers()
    assert [len(votes) for votes in policy.ratings.votes.values()] == [1]
    assert policy.presentations is not None
    assert policy.presentations.prizes == (5, 3)
    nothing = load(written(tmp_path, EXAMPLE.read_text().replace("enabled: yes", "enabled: no")))
    assert nothing.rules() == []
    assert nothing.late("01_convolution") is None


LATE = "late:\n  enabled: yes\n"
COURSE = "course:\n  enabled: yes\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "policy.yml:1:1: the file is empty"),
        ("- a\n", "policy.yml:1:1: the file is a list; expected keys"),
        ("late: [\n", "policy.yml:2:1: this is no YAML"),
        ("a: 1\n\tb: 2\n", "policy.yml:2:1: this is no YAML"),
        ("later:\n  enabled: yes\n", "policy.yml:1:1: later is no key; expected one of course, curve"),
        ("late: 5\n", "policy.yml:1:7: late is '5'; expected keys"),
        ("late:\n  percent_per_day: 5\n", "policy.yml:2:3: late does not say enabled"),
        ("late:\n  enabled: maybe\n", "policy.yml:2:12: late.enabled is 'maybe'; expected yes or no"),
        (LATE + "  enabled: no\n", "policy.yml:3:3: late.enabled stands here a second time"),
        (LATE + "  percent_per_day: five\n", "policy.yml:3:20: late.percent_per_day is 'five'; expected a number"),
        (LATE + "  percent_per_day: -1\n", "policy.yml:3:20: late.percent_per_day is '-1'"),
        (LATE + "  percent_per_day: .nan\n", "policy.yml:3:20: late.percent_per_day is '.nan'"),
        (LATE + "  percent_per_day: nan\n", "policy.yml:3:20: late.percent_per_day is 'nan'"),
        (LATE + "  percent_per_day: 1e999999999\n", "policy.yml:3:20"),
        (LATE + "  percent_per_day: 1e-999999999\n", "policy.yml:3:20"),
        (LATE + "  percent: 5\n", "policy.yml:3:3: late.percent is no key; expected one of cutoff"),
        (LATE + "  cutoff: soon\n", "policy.yml:3:11: late.cutoff is 'soon'; expected days from 0"),
        (LATE + "  cutoff: -1\n", "policy.yml:3:11: late.cutoff is '-1'"),
        (LATE + "  cutoff: {01_convolution: x}\n", "policy.yml:3:28: late.cutoff.01_convolution is 'x'"),
        (LATE + "  cutoff: [1]\n", "policy.yml:3:11: late.cutoff is a list"),
        ("letters:\n  enabled: yes\n  A: 80\n  D: otherwise\n" + COURSE, "policy.yml:3:6: letters.A is '80'"),
        ('letters:\n  enabled: yes\n  A: "> 80"\n' + COURSE, "policy.yml:2:3: letters has no last letter"),
        ('letters:\n  enabled: yes\n  D: otherwise\n  A: "> 80"\n' + COURSE, "policy.yml:4:6: letters.A stands"),
        (
            'letters:\n  enabled: yes\n  B: "> 60"\n  A: "> 80"\n  D: otherwise\n' + COURSE,
            "policy.yml:4:6: letters.A is '> 80'; expected less than B's 60",
        ),
        ("letters:\n  enabled: yes\n  D: otherwise\n", "letters needs the course's score; expected course:"),
        ("curve:\n  enabled: yes\n  clip: [100, 0]\n" + COURSE, "policy.yml:3:9: curve.clip is a list; expected two"),
        ("curve:\n  enabled: yes\n  clip: [0, x]\n" + COURSE, "policy.yml:3:13: curve.clip holds 'x'"),
        ("ratings:\n  enabled: yes\n" + COURSE, "policy.yml:2:3: ratings has no file"),
        ("ratings:\n  enabled: yes\n  file: none.csv\n" + COURSE, "policy.yml:3:9: ratings.file is 'none.csv'"),
        ("ratings:\n  enabled: yes\n  weight: 1.5\n" + COURSE, "policy.yml:3:11: ratings.weight is '1.5'"),
        ("presentations:\n  enabled: yes\n" + COURSE, "presentations has no winners"),
        (
            "presentations:\n  enabled: yes\n  prizes: [3, 5]\n  winners: []\n" + COURSE,
            "policy.yml:3:11: presentations.prizes is a list; expected the largest first",
        ),
        (
            "presentations:\n  enabled: yes\n  winners: [ada]\n" + COURSE,
            "policy.yml:3:13: presentations.winners holds 'ada'; expected lists",
        ),
        (
            "presentations:\n  enabled: yes\n  winners: [[], [], [ada]]\n" + COURSE,
            "expected at most 2 lists",
        ),
        (
            "presentations:\n  enabled: yes\n  winners: [[{a: b}]]\n" + COURSE,
            "policy.yml:3:14: presentations.winners holds a group of keys; expected a list of names",
        ),
        ("course:\n  enabled: yes\n  weights: {01_convolution: 0}\n", "policy.yml:3:12: course.weights is"),
        ("course:\n  enabled: yes\n  weights: {01_convolution: -2}\n", "policy.yml:3:29: course.weights.01"),
        ("? [a]\n: b\n", "policy.yml:1:3: a list is no name of a key"),
        ("a: &a\n  b: *a\n", "policy.yml:1:1: a is no key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AutograderError) as stopped:
        load(written(tmp_path, text))
    assert said in str(stopped.value)
    assert stopped.value.fix


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(AutograderError) as stopped:
        load(written(tmp_path, "late:\n  enabled: 1\n  cutoff: x\nbonus: 3\n"))
    assert str(stopped.value).count("policy.yml:") == 3


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("waves,ada,6\n", "ratings.csv:2: the rating is '6'; expected a number from 1 to 5"),
        ("waves,ada,0.99\n", "ratings.csv:2"),
        ("waves,ada,good\n", "ratings.csv:2"),
        ("waves,ada,3\nwaves,ada,4\n", "ratings.csv:3: ada rates waves a second time"),
        (",ada,3\n", "ratings.csv:2: presentation or rater is empty"),
    ],
)
def test_ratings_are_checked_line_by_line(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "r.csv").write_text("presentation,rater,rating\n" + rows)
    (tmp_path / "ratings.csv").write_text("presentation,rater,rating\n" + rows)
    with pytest.raises(AutograderError) as stopped:
        load(written(tmp_path, "ratings:\n  enabled: yes\n  file: ratings.csv\n" + COURSE))
    assert said in str(stopped.value)
    (tmp_path / "ratings.csv").write_text("rater,rating\n")
    with pytest.raises(AutograderError, match="presentation is missing"):
        load(written(tmp_path, "ratings:\n  enabled: yes\n  file: ratings.csv\n" + COURSE))


@pytest.mark.parametrize(
    ("value", "cutoff"),
    [
        ("0", timedelta()),
        ("0.5", timedelta(hours=12)),
        ("2026-02-14", datetime(2026, 2, 15, tzinfo=UTC)),  # the whole day
        ("2026-02-14T18:00+01:00", datetime(2026, 2, 14, 17, tzinfo=UTC)),
    ],
)
def test_a_cutoff_is_days_or_a_moment(tmp_path: Path, value: str, cutoff: object) -> None:
    late = load(written(tmp_path, f"{LATE}  cutoff: {value}\n")).late("01_convolution")
    assert late is not None
    assert late.cutoff == cutoff


def test_a_lesson_may_have_its_own_cutoff(tmp_path: Path) -> None:
    policy = load(written(tmp_path, LATE + "  cutoff: {01_convolution: 3}\n"))
    one, two = policy.late("01_convolution"), policy.late("02_networks")
    assert one is not None
    assert two is not None
    assert (one.cutoff, two.cutoff) == (timedelta(days=3), None)


def test_numbers_are_exact(tmp_path: Path) -> None:
    assert load(written(tmp_path, LATE + "  percent_per_day: 0.1\n")).per_day == Fraction(1, 10)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "example"]) == 0
    path = written(tmp_path, capsys.readouterr().out)
    assert main(["policy", "check", str(path)]) == 0
    assert "late −5 % a day, first correct, letters" in capsys.readouterr().out
    assert main(["policy", "check", str(tmp_path / "none.yml")]) == 2
    assert "autograder policy example" in capsys.readouterr().err
    path.write_bytes(b"late: \xff")
    assert main(["policy", "check", str(path)]) == 2
