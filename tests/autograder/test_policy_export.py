"""A policy in exports: the rules together, raw scores beside, the gradebook untouched."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from people_helpers import DAY, DUE, FIRST, SECOND, Work, table, workspace

from autograder import export_rows
from autograder.cli import main
from autograder.database import locate
from autograder.errors import AutograderError
from autograder.export import Choice, export
from autograder.store import open_gradebook

S = timedelta(seconds=1)
LATE = "late: {enabled: yes, percent_per_day: 5, cutoff: 3}\n"
FIRST_RULE = "first_correct: {enabled: yes}\n"
COURSE = "course: {enabled: yes}\n"
LETTERS = 'letters: {enabled: yes, A: "> 80", B: ">= 60", C: ">= 40", D: otherwise}\n'


def rows(out: Path, policy: str, form: str = "nbgrader", **choice: object) -> list[dict[str, str]]:
    path = out.parent / "policy.yml"
    path.write_text(policy, encoding="utf-8")
    return table(export(out, form, choice=Choice(policy=path, **choice)))  # type: ignore[arg-type]


def by(found: list[dict[str, str]], lesson: str = FIRST) -> dict[str, dict[str, str]]:
    return {row["student_id"]: row for row in found if row["assignment"] == lesson}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    works = [
        Work("ada", late=0 * DAY),
        Work("ben", late=S),
        Work("cyd", late=3 * DAY),
        Work("dan", late=3 * DAY + S),
        Work("ada", SECOND, conv=1, pool=0, late=None),
    ]
    return workspace(tmp_path / "out", works)


def test_late_at_every_border_and_raw_beside(out: Path) -> None:
    found = by(rows(out, LATE))
    assert {s: r["score"] for s, r in found.items()} == {"ada": "10", "ben": "9.5", "cyd": "8.5", "dan": "0"}
    assert {r["raw_score"] for r in found.values()} == {"10"}
    assert found["ben"]["late_submission_penalty"] == "0.5"
    assert found["dan"]["policy"] == "4 days late: after the cut-off: nothing counts"
    assert by(rows(out, LATE), SECOND)["ada"]["score"] == "1"  # no time known: not late


def test_an_extension_moves_the_due_date(out: Path) -> None:
    with open_gradebook(out) as gradebook:
        gradebook.find_submission(FIRST, "dan").extension = 3 * DAY
        gradebook.db.commit()
    assert by(rows(out, LATE))["dan"]["score"] == "9.5"
    dated = f"late: {{enabled: yes, cutoff: {(DUE + DAY).isoformat()}}}\n"
    assert by(rows(out, dated))["dan"]["score"] == "0"
    with open_gradebook(out) as gradebook:
        gradebook.find_submission(FIRST, "dan").extension = 3 * DAY + S
        gradebook.db.commit()
    assert by(rows(out, dated))["dan"]["score"] == "10"


def test_the_gradebook_is_not_changed(out: Path) -> None:
    before = hashlib.sha256((out / "gradebook.db").read_bytes()).hexdigest()
    rows(out, LATE + FIRST_RULE + COURSE + LETTERS + "curve: {enabled: yes}\n")
    assert hashlib.sha256((out / "gradebook.db").read_bytes()).hexdigest() == before
    plain = table(export(out, "nbgrader"))
    assert {row["score"] for row in plain if row["assignment"] == FIRST} == {"10"}
    assert "policy" not in plain[0]


def test_nbgraders_own_penalty_counts_only_without_the_late_rule(out: Path) -> None:
    with open_gradebook(out) as gradebook:
        gradebook.find_submission(FIRST, "ben").notebooks[0].late_submission_penalty = 4
        gradebook.db.commit()
    assert by(rows(out, LATE))["ben"]["score"] == "9.5"
    assert by(rows(out, FIRST_RULE))["ben"]["score"] == "6"


def test_first_correct_over_two_lessons(tmp_path: Path) -> None:
    works = [Work(s, lesson, late=-d * DAY) for lesson in (FIRST, SECOND) for s, d in (("ada", 3), ("ben", 2))]
    works += [Work("cyd", late=-9 * DAY, pool=3), Work("dan", late=-8 * DAY, pending=True)]
    out = workspace(tmp_path / "out", works)
    found = rows(out, FIRST_RULE)
    assert {s: r["bonus"] for s, r in by(found).items()} == {"ada": "0.3", "ben": "0", "cyd": "0", "dan": "0"}
    assert "still needs a person" in by(found)["ada"]["policy"]
    assert {s: r["bonus"] for s, r in by(found, SECOND).items()} == {"ada": "0", "ben": "0.3"}
    assert by(rows(out, FIRST_RULE, lesson=SECOND), SECOND)["ada"]["bonus"] == "0"  # the round before still counts
    assert {r["assignment"] for r in rows(out, FIRST_RULE + COURSE, lesson=SECOND)} == {SECOND}


def test_the_course_its_letter_and_what_is_missing(out: Path) -> None:
    course = by(rows(out, COURSE + LETTERS), "course")
    assert {s: (r["score"], r["letter"]) for s, r in course.items()} == {
        "ada": ("55", "C"), "ben": ("50", "C"), "cyd": ("50", "C"), "dan": ("50", "C"),
    }  # fmt: skip
    weighted = by(rows(out, f"course: {{enabled: yes, weights: {{{FIRST}: 3, {SECOND}: 2}}}}\n" + LETTERS), "course")
    assert {s: (r["score"], r["letter"]) for s, r in weighted.items()} == {
        "ada": ("64", "B"), "ben": ("60", "B"), "cyd": ("60", "B"), "dan": ("60", "B"),
    }  # fmt: skip


def test_curve_prizes_and_ratings_change_the_course(out: Path) -> None:
    curved = by(rows(out, COURSE + "curve: {enabled: yes}\n"), "course")
    assert sum(float(r["score"]) for r in curved.values()) == pytest.approx(300 - (109.641016 - 100), abs=1e-5)
    assert curved["ada"]["score"] == "100"  # clipped
    assert curved["ada"]["raw_score"] == "55"
    won = by(
        rows(out, COURSE + "presentations: {enabled: yes, winners: [[ada, ben], [cyd]], no_show: [ben]}\n"), "course"
    )
    assert {s: r["score"] for s, r in won.items()} == {"ada": "60", "ben": "50", "cyd": "53", "dan": "50"}
    assert "was not there" in won["ben"]["policy"]


def test_ratings_cost_and_decide_the_prizes(out: Path) -> None:
    talks = {"waves": ("ada", 5), "grids": ("ben", 4), "paths": ("cyd", 3), "walls": (None, 2), "pools": (None, 1)}
    lines = ["presentation,rater,rating"]
    for talk, (_, rating) in talks.items():
        lines += [f"{talk},{rater},{rating}" for rater in ("prof", "ada", "ben", "cyd")]
    (out.parent / "ratings.csv").write_text("\n".join(lines))
    (out.parent / "talks.csv").write_text("presentation,student\nwaves,ada\ngrids,ben\npaths,cyd\n")
    policy = COURSE + "ratings: {enabled: yes, file: ratings.csv, instructors: [prof]}\n"
    course = by(rows(out, policy), "course")
    assert {s: r["score"] for s, r in course.items()} == {"ada": "55", "ben": "50", "cyd": "50", "dan": "49.5"}
    assert course["dan"]["policy"] == "ratings: 0 outliers, 5 absences: −0.5"
    course = by(rows(out, policy + "presentations: {enabled: yes, file: talks.csv}\n"), "course")
    assert {s: r["score"] for s, r in course.items()} == {"ada": "60", "ben": "53", "cyd": "50", "dan": "49.5"}


def test_rows_say_what_nbgraders_objects_say(out: Path) -> None:
    with open_gradebook(out) as gradebook:
        one, two = gradebook.find_submission(FIRST, "ben"), gradebook.find_submission(FIRST, "cyd")
        one.notebooks[0].grades[0].manual_score, one.notebooks[0].grades[0].extra_credit = 2.5, 1
        one.notebooks[0].late_submission_penalty = 0.25
        two.notebooks[0].grades[0].auto_score = None
        two.notebooks[0].grades[0].extra_credit = 3  # of no score: nbgrader does not count it
        two.notebooks[0].grades[1].needs_manual_grade = True
        two.extension = DAY
        gradebook.db.commit()
    with open_gradebook(out) as gradebook:
        theirs = {
            (lesson, s.student.id): (s.score, s.max_score, s.late_submission_penalty, s.needs_manual_grade, s.duedate)
            for lesson in (FIRST, SECOND)
            for s in gradebook.assignment_submissions(lesson)
        }
    ours = {
        (row["assignment"], row["student_id"]): (
            *(row["raw_score"], row["max_score"], row["late_submission_penalty"], row["pending"]),
            row["due"].replace(tzinfo=None),
        )
        for row in export_rows.rows(locate(out), [FIRST, SECOND])
    }
    assert len(ours) == 5
    assert ours == theirs


def test_names_that_are_not_there_are_refused_with_their_place(out: Path) -> None:
    with pytest.raises(AutograderError) as stopped:
        rows(out, COURSE + "presentations: {enabled: yes, winners: [[adda]]}\nlate: {enabled: no, cutoff: {03_x: 2}}\n")
    assert "policy.yml:2:42: no student 'adda'" in str(stopped.value)
    assert "policy.yml:3:36: no lesson '03_x' in the gradebook; it has: 01_convolution, 02_networks" in str(
        stopped.value
    )


def test_the_other_formats_show_raw_scores_too(out: Path) -> None:
    policy = LATE + COURSE + LETTERS
    moodle = {row["ID number"]: row for row in rows(out, policy, "moodle")}
    assert moodle["ben"][FIRST] == "9.5"
    assert moodle["ben"][f"{FIRST} (raw)"] == "10"
    assert (moodle["ben"]["Course"], moodle["ben"]["Course (raw)"], moodle["ben"]["Letter"]) == ("47.5", "50", "C")
    assert moodle["ben"]["Policy"] == "01_convolution: 1 day late: 5 % off"
    possible, *people = rows(out, policy, "canvas")
    assert possible[FIRST] == "10"
    assert possible["Course"] == "(read only)"
    assert {row["SIS User ID"]: row[FIRST] for row in people}["ben"] == "9.5"


def test_a_class_of_one(tmp_path: Path) -> None:
    out = workspace(tmp_path / "out", [Work("ada", conv=2)])
    (row,) = by(rows(out, FIRST_RULE + COURSE + LETTERS + "curve: {enabled: yes}\n"), "course").values()
    assert (row["score"], row["letter"]) == ("60", "B")  # of the lesson that somebody has handed in
    assert row["policy"] == "curve: all scores are equal, they stay"


@pytest.mark.parametrize("form", ["nbgrader", "moodle", "canvas"])
def test_pseudonyms_hide_everybody_and_stay_the_same(out: Path, form: str) -> None:
    export(out, form, choice=Choice(pseudonyms=True))
    key = out / "pseudonyms.key"
    assert key.stat().st_mode & 0o777 == 0o600
    text = (out / f"grades-{form}.csv").read_text()
    for word in ("ada", "Lovelace", "example.org", "2026-01-31 23:59:01"):
        assert word.lower() not in text.lower()
    assert not list(out.parent.rglob("who*"))
    mapping = out.parent / "who.csv"
    again = export(out, form, choice=Choice(lesson=FIRST, pseudonyms=True, mapping=mapping)).read_text()
    assert mapping.stat().st_mode & 0o777 == 0o600
    who = {row["student_id"]: row["pseudonym"] for row in table(mapping)}
    assert set(who) == {"ada", "ben", "cyd", "dan"}
    assert all(name in text and name in again for name in who.values())
    positions = sorted(who.values(), key=again.index)
    assert positions == sorted(who.values())


def test_another_workspace_has_other_names(out: Path, tmp_path: Path) -> None:
    other = workspace(tmp_path / "other", [Work("ada")])
    one, two = (export(o, "moodle", choice=Choice(pseudonyms=True)).read_text().splitlines()[1:] for o in (out, other))
    assert not {line.split(",")[0] for line in one} & {line.split(",")[0] for line in two}


def test_a_key_that_others_can_read_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(out, "moodle", choice=Choice(pseudonyms=True))
    (out / "pseudonyms.key").chmod(0o644)
    assert main(["export", "--format", "moodle", "--pseudonyms", "--out", str(out)]) == 2
    assert "chmod 600" in capsys.readouterr().err
    (out / "pseudonyms.key").chmod(0o600)
    (out / "pseudonyms.key").write_text("short")
    assert main(["export", "--format", "moodle", "--pseudonyms", "--out", str(out)]) == 2
    assert main(["export", "--format", "moodle", "--mapping", "x", "--out", str(out)]) == 2


def test_nobody_rates_their_own_presentation(out: Path) -> None:
    (out.parent / "r.csv").write_text("presentation,rater,rating\nwaves,ada,5\nwaves,ben,1\ngrids,ben,2\n")
    (out.parent / "t.csv").write_text("presentation,student\nwaves,ada\ngrids,cyd\n")
    policy = COURSE + "ratings: {enabled: yes, file: r.csv}\npresentations: {enabled: yes, file: t.csv, no_show: []}\n"
    course = by(rows(out, policy), "course")
    assert {s: r["score"] for s, r in course.items()} == {"ada": "58", "ben": "50", "cyd": "55", "dan": "50"}
