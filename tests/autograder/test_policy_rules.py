"""Each rule of the policy at its borders, and what holds for all scores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.policy_rules import (
    Candidate,
    Curve,
    Late,
    Letters,
    Peers,
    Vote,
    days_late,
    exact,
    first_correct,
    prizes,
)

DUE = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
SCORES = st.decimals(0, 100, places=6).map(Fraction)


@pytest.mark.parametrize(
    ("late", "days"),
    [(-DAY, 0), (0 * DAY, 0), (timedelta(microseconds=1), 1), (SECOND, 1), (DAY, 1), (DAY + SECOND, 2), (7 * DAY, 7)],
)
def test_days_begun(late: timedelta, days: int) -> None:
    assert days_late(late) == days


@pytest.mark.parametrize(
    ("late", "kept"),
    [(-HOUR, 100), (0 * DAY, 100), (SECOND, 95), (DAY, 95), (DAY + SECOND, 90), (3 * DAY, 85), (3 * DAY + SECOND, 0)],
)
def test_five_percent_a_day_and_nothing_after_the_cutoff(late: timedelta, kept: int) -> None:
    assert Late(cutoff=3 * DAY).kept(DUE + late, DUE) == Fraction(kept, 100)


def test_a_cutoff_of_no_days_takes_nothing_late() -> None:
    rule = Late(cutoff=0 * DAY)
    assert [rule.kept(DUE + x, DUE) for x in (0 * DAY, SECOND)] == [1, 0]


def test_a_cutoff_date_is_one_moment_for_all_but_never_before_the_own_due_date() -> None:
    rule = Late(cutoff=DUE + DAY)
    assert rule.kept(DUE + DAY, DUE) == Fraction(95, 100)
    assert rule.kept(DUE + DAY + SECOND, DUE) == 0
    assert rule.kept(DUE + 3 * DAY, DUE + 3 * DAY) == 1  # an extension past the cut-off
    assert rule.kept(DUE + 3 * DAY + SECOND, DUE + 3 * DAY) == 0
    assert rule.kept(DUE + DAY + SECOND, None) == 0


def test_without_a_time_or_a_due_date_nobody_is_late() -> None:
    assert Late(cutoff=0 * DAY).kept(None, DUE) == 1
    assert Late(cutoff=0 * DAY).kept(DUE, None) == 1


def test_without_a_cutoff_twenty_days_take_all_and_more_not_more() -> None:
    assert [Late().kept(DUE + n * DAY, DUE) for n in (19, 20, 30)] == [Fraction(1, 20), 0, 0]


@given(
    st.integers(-(10**7), 10**8),
    st.integers(-(10**7), 10**8),
    st.decimals(0, 200, places=2),
    st.none() | st.integers(0, 40) | st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1)),
)
def test_a_penalty_never_raises_a_score_and_later_never_pays(
    first: int, second: int, per_day: Decimal, cutoff: int | datetime | None
) -> None:
    where = cutoff.replace(tzinfo=UTC) if isinstance(cutoff, datetime) else cutoff and cutoff * DAY
    rule = Late(Fraction(per_day), where)  # type: ignore[arg-type]
    early, late = (rule.kept(DUE + n * SECOND, DUE) for n in sorted((first, second)))
    assert 0 <= late <= early <= 1


def racer(student: str, minutes: float | None, *, in_time: bool = True, correct: bool = True) -> Candidate:
    moment = None if minutes is None else DUE - DAY + timedelta(minutes=minutes)
    return Candidate(student, moment, in_time, correct)


def test_the_winner_is_out_for_one_round() -> None:
    one = [racer("ada", 1), racer("ben", 2), racer("cyd", 3)]
    assert first_correct([one] * 4) == [{"ada"}, {"ben"}, {"ada"}, {"ben"}]


def test_a_tie_is_shared_and_both_are_out() -> None:
    one = [racer("ada", 1), racer("ben", 1), racer("cyd", 2)]
    assert first_correct([one, one]) == [{"ada", "ben"}, {"cyd"}]


def test_only_right_answers_in_time_with_a_time_win() -> None:
    one = [racer("ada", 1, correct=False), racer("ben", None), racer("cyd", 2, in_time=False), racer("dan", 3)]
    assert first_correct([one]) == [{"dan"}]


def test_a_round_without_a_winner_frees_the_last_one() -> None:
    assert first_correct([[racer("ada", 1)]] * 3) == [{"ada"}, frozenset(), {"ada"}]
    assert first_correct([[]]) == [frozenset()]


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), unique_by=lambda x: x[0])))
def test_nobody_wins_twice_running(rounds: list[list[tuple[str, int]]]) -> None:
    winners = first_correct([[racer(s, m) for s, m in one] for one in rounds])
    assert all(not (a & b) for a, b in pairwise(winners))


@pytest.mark.parametrize(
    ("score", "letter"),
    [("100", "A"), ("80.000001", "A"), ("80", "B"), ("60", "B"), ("59.999999", "C"), ("40", "C"), ("39.999999", "D")],
)
def test_letters_at_their_borders(score: str, letter: str) -> None:
    assert Letters().of(exact(score)) == letter


def test_floats_that_should_be_sixty_are() -> None:
    assert Letters().of(exact(sum([0.6] * 100))) == "B"  # 59.99999999999998
    assert exact(0.1 + 0.2) == Fraction(3, 10)


@given(SCORES, SCORES)
def test_a_better_score_has_no_worse_letter(one: Fraction, two: Fraction) -> None:
    low, high = sorted((one, two))
    assert Letters().of(low) >= Letters().of(high)


def test_the_curve_has_its_mean_and_deviation() -> None:
    curved = Curve().of({"ada": Fraction(30), "ben": Fraction(40), "cyd": Fraction(50)})
    assert curved["ben"] == 75
    assert fmean(map(float, curved.values())) == pytest.approx(75)
    assert float(curved["ben"] - curved["ada"]) == pytest.approx(20 * 1.5**0.5)
    free = Curve(low=Fraction(-1000), high=Fraction(1000)).of({str(i): Fraction(i * i) for i in range(9)})
    assert pstdev(map(float, free.values())) == pytest.approx(20)


@pytest.mark.parametrize("scores", [{}, {"ada": Fraction(31)}, {"ada": Fraction(31), "ben": Fraction(31)}])
def test_equal_scores_stay(scores: dict[str, Fraction]) -> None:
    assert Curve().of(scores) == scores


def test_the_curve_is_clipped() -> None:
    curved = Curve().of({**{str(i): Fraction(50) for i in range(40)}, "low": Fraction(0), "high": Fraction(100)})
    assert (curved["low"], curved["high"]) == (0, 100)


@given(st.dictionaries(st.integers(), SCORES, max_size=30))
def test_the_curve_keeps_the_order_and_stays_inside(raw: dict[int, Fraction]) -> None:
    scores = {str(k): v for k, v in raw.items()}
    curved = Curve().of(scores)
    assert curved.keys() == scores.keys()
    for a in scores:
        assert 0 <= curved[a] <= 100
        for b in scores:
            assert scores[a] > scores[b] or curved[a] <= curved[b]
            assert scores[a] != scores[b] or curved[a] == curved[b]


def votes(**ratings: int) -> list[Vote]:
    return [Vote(rater, Fraction(rating)) for rater, rating in ratings.items()]


PROF = frozenset({"prof"})


def test_the_instructor_counts_double() -> None:
    assert Peers().mean(votes(prof=5, a=2), PROF) == 4
    assert Peers().mean([], PROF) is None


def test_the_farthest_vote_is_an_outlier_and_does_not_count() -> None:
    cast = votes(prof=4, a=4, b=4, c=4, d=1)
    assert Peers().outlying(cast, PROF) == {"d"}
    assert Peers().rating(cast, PROF) == 4


@pytest.mark.parametrize(("same", "outliers"), [(2, 2), (3, 3), (4, 0)])
def test_unless_three_others_agree(same: int, outliers: int) -> None:
    low = {f"l{i}": 1 for i in range(same)}
    cast = votes(**low, **{f"h{i}": 5 for i in range(9)})
    assert len(Peers().outlying(cast, PROF)) == outliers


def test_the_instructor_is_one_of_those_who_agree_and_no_outlier() -> None:
    high = {f"h{i}": 5 for i in range(20)}
    assert Peers().outlying(votes(prof=1, a=1, b=1, c=1, **high), PROF) == set()
    assert Peers().outlying(votes(prof=1, a=1, b=1, **high), PROF) == {"a", "b"}
    assert Peers().outlying(votes(prof=1, a=4, b=4, c=4, d=4, e=3), PROF) == set()  # four 4s are farthest, they agree


def test_both_ends_may_be_farthest() -> None:
    assert Peers().outlying(votes(a=1, b=3, c=3, d=3, e=5), PROF) == {"a", "e"}


@pytest.mark.parametrize(
    "cast", [{}, {"a": 1}, {"a": 1, "b": 5, "c": 5}, {"a": 1, "b": 1, "c": 5, "d": 5}, {"prof": 3}]
)
def test_nobody_is_an_outlier_where_none_can_be_told(cast: dict[str, int]) -> None:
    assert Peers().outlying(votes(**cast), PROF) == set()


@given(st.dictionaries(st.sampled_from([*"abcdefghij", "prof"]), st.integers(1, 5)))
def test_a_rating_stays_between_one_and_five(cast: dict[str, int]) -> None:
    rating = Peers().rating(votes(**cast), PROF)
    assert (rating is None) == (not cast)
    assert rating is None or 1 <= rating <= 5


@pytest.mark.parametrize(("outliers", "cost"), [(0, 0), (3, 0), (4, 0.5), (7, 0.5), (8, 1)])
def test_four_cost_half_a_point(outliers: int, cost: float) -> None:
    assert Peers().cost(outliers) == cost


AMOUNTS = (Fraction(5), Fraction(3))


def test_prizes_go_to_those_who_were_there() -> None:
    ratings = {"one": Fraction(4), "two": Fraction(5), "three": Fraction(3)}
    teams = {"one": {"ada"}, "two": {"ben", "cyd"}, "three": {"dan"}}
    assert prizes(ratings, teams, AMOUNTS) == {"ben": 5, "cyd": 5, "ada": 3}
    assert prizes(ratings, {**teams, "two": {"ben"}}, AMOUNTS) == {"ben": 5, "ada": 3}  # cyd did not show up


def test_a_tie_for_first_leaves_no_second_prize() -> None:
    ratings = {"one": Fraction(5), "two": Fraction(5), "three": Fraction(3)}
    assert prizes(ratings, {"one": {"ada"}, "two": {"ben"}, "three": {"cyd"}}, AMOUNTS) == {"ada": 5, "ben": 5}
    ratings["two"] = Fraction(3)
    shared = prizes(ratings, {"one": {"ada"}, "two": {"ben"}, "three": {"cyd"}}, AMOUNTS)
    assert shared == {"ada": 5, "ben": 3, "cyd": 3}  # two seconds


def test_no_presentation_no_prize_and_two_keep_the_larger() -> None:
    assert prizes({}, {}, AMOUNTS) == {}
    assert prizes({"one": Fraction(3), "two": Fraction(4)}, {"one": {"ada"}, "two": {"ada"}}, AMOUNTS) == {"ada": 5}


def test_who_is_absent_wins_nothing_and_frees_no_place() -> None:
    rated = {"one": Fraction(5), "two": Fraction(4)}
    teams = {"one": {"there", "absent"}, "two": {"second"}}
    won = prizes(rated, teams, (Fraction(5), Fraction(3)), absent={"absent"})
    assert won == {"there": 5, "second": 3}
