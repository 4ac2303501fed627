"""The rules of go, on positions set up by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.data import Board, board_from, point
from cnncourse.data.go import BLACK, POINTS, SIDE, WHITE, beside, connected, each, groups

EMPTY_LINE = ". . . . . . . . ."


def position(*lines: str, turn: int = BLACK) -> Board:
    """The lines, and empty ones below."""
    return board_from("\n".join([*lines, *[EMPTY_LINE] * (SIDE - len(lines))]), turn)


def numbers(points: int) -> set[tuple[int, int]]:
    return {divmod(number, SIDE) for number in each(points)}


def test_neighbours_do_not_go_round_the_edge() -> None:
    assert numbers(beside(point(0, 0))) == {(0, 1), (1, 0)}
    assert numbers(beside(point(3, 8))) == {(2, 8), (4, 8), (3, 7)}
    assert numbers(beside(point(4, 0))) == {(3, 0), (5, 0), (4, 1)}
    assert numbers(beside(point(8, 4))) == {(8, 3), (8, 5), (7, 4)}


def test_groups_are_joined_along_the_lines_not_diagonally() -> None:
    board = position("x x . . . . . . .", ". . x x . . . . x", ". . . x . . . . .")
    assert sorted(len(numbers(group)) for group in groups(board.own)) == [1, 2, 3]
    assert numbers(board.liberties(point(1, 8))) == {(0, 8), (2, 8), (1, 7)}


def test_one_stone_is_taken_in_the_corner_and_in_the_middle() -> None:
    corner = position("o x . . . . . . .").play(point(1, 0))
    assert numbers(corner.stones[WHITE]) == set()
    middle = position(". . . x . . . . .", ". . x o . . . . .", ". . . x . . . . .").play(point(1, 4))
    assert middle.stones[WHITE] == 0
    assert middle.stones[BLACK].bit_count() == 4


def test_several_groups_are_taken_by_one_stone() -> None:
    board = position(
        ". x . x . . . . .",
        "x o . o x . . . .",
        ". x o x . . . . .",
        ". x o x . . . . .",
        ". . x . . . . . .",
    )
    assert board.captured(point(1, 2)).bit_count() == 4
    after = board.play(point(1, 2))
    assert after.stones[WHITE] == 0
    assert after.ko == 0, "four stones gone: no ko"


def test_suicide_is_forbidden_for_one_stone_and_for_a_group() -> None:
    one = position(". x . . . . . . .", "x . . . . . . . .", turn=WHITE)
    assert not one.legal(point(0, 0))
    group = position("o . x . . . . . .", "x x . . . . . . .", turn=WHITE)
    assert not group.legal(point(0, 1))
    assert not group.legal_moves() & point(0, 1)
    with pytest.raises(ValueError, match="row 0, column 1 would be suicide"):
        group.play(point(0, 1))


def test_what_looks_like_suicide_is_allowed_if_it_takes_first() -> None:
    board = position(". o x . . . . . .", "o x . . . . . . .", "x . . . . . . . .")
    assert board.legal(point(0, 0))
    after = board.play(point(0, 0))
    assert numbers(after.stones[WHITE]) == set()
    assert after.ko == 0, "two stones were taken"


def test_ko() -> None:
    board = position(
        ". . x o . . . . .",
        ". x o . o . . . .",
        ". . x o . . . . .",
    )
    taken = board.play(point(1, 3))  # Black takes (1, 2)
    assert taken.ko == point(1, 2)
    assert not taken.legal(point(1, 2))
    with pytest.raises(ValueError, match="row 1, column 2 is forbidden by ko"):
        taken.play(point(1, 2))
    later = taken.play(point(8, 8)).play(point(8, 0))  # one move elsewhere each
    assert later.ko == 0
    retaken = later.play(point(1, 2))
    assert retaken.ko == point(1, 3)
    assert taken.play(0).ko == 0, "a pass ends the ko too"


def test_snapback() -> None:
    """Black throws a stone in, White takes it and is left with that one liberty. No ko: Black may retake."""
    board = position(
        "x o . . x . . . .",
        "x o o o x . . . .",
        ". x x x . . . . .",
    )
    thrown = board.play(point(0, 2))
    assert numbers(thrown.liberties(point(0, 2))) == {(0, 3)}
    took = thrown.play(point(0, 3))
    assert took.stones[BLACK] == board.stones[BLACK], "the stone thrown in is gone"
    assert took.ko == 0, "the stone that took belongs to a group"
    assert numbers(took.liberties(connected(point(0, 3), took.stones[WHITE]))) == {(0, 2)}
    back = took.play(point(0, 2))
    assert back.stones[WHITE] == 0
    assert back.stones[BLACK].bit_count() == 8


def test_score_counts_stones_and_what_one_colour_surrounds() -> None:
    lines = [". . . x o . . . ."] * SIDE
    assert board_from("\n".join(lines)).score() == 4 * 9 - 5 * 9
    assert Board().score() == 0
    assert position("x . . . . . . . .").score() == 81


def test_turns_passes_and_history() -> None:
    board = Board().play(point(4, 4)).play(0)
    assert (board.turn, board.passes) == (BLACK, 1)
    assert board.history == (0, point(4, 4))
    assert board.play(0).passes == 2
    assert board.play(point(0, 0)).passes == 0


def test_text_there_and_back() -> None:
    board = Board().play(point(2, 3)).play(point(8, 8))
    again = board_from(str(board))
    assert again.stones == board.stones
    assert str(board).splitlines()[2] == ". . . x . . . . ."
    for text in ("", "x" * 81, "\n".join(["........."] * 8 + ["........y"])):
        with pytest.raises(ValueError, match="expected 9 lines of 9 signs"):
            board_from(text)


@pytest.mark.parametrize(("move", "complaint"), [(3, "expected one point"), (1 << POINTS, "expected one point")])
def test_what_is_no_move(move: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Board().play(move)
    with pytest.raises(ValueError, match=r"row 0, column 0 is taken\. board.legal_moves"):
        Board().play(1).play(1)
    with pytest.raises(ValueError, match=r"row 9, column 0; expected both in 0 \.\.\. 8"):
        point(9, 0)


def slow_play(stones: dict[tuple[int, int], int], at: tuple[int, int], color: int) -> dict[tuple[int, int], int] | None:
    """The rules without ko on a dictionary of stones, by plain search: the new stones, or None for suicide."""

    def group(start: tuple[int, int]) -> tuple[set[tuple[int, int]], bool]:
        found, todo, free = {start}, [start], False
        while todo:
            row, column = todo.pop()
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if not (0 <= near[0] < SIDE and 0 <= near[1] < SIDE) or near in found:
                    continue
                if near not in after:
                    free = True
                elif after[near] == after[start]:
                    found.add(near)
                    todo.append(near)
        return found, free

    after = {**stones, at: color}
    dead: set[tuple[int, int]] = set()
    for place, owner in after.items():
        if owner != color and not group(place)[1]:
            dead |= group(place)[0]
    after = {place: owner for place, owner in after.items() if place not in dead}
    return after if group(at)[1] else None


@given(st.lists(st.integers(0, POINTS - 1), max_size=120))
def test_random_games_against_a_plain_search(tries: list[int]) -> None:
    """The same legal moves (ko apart) and the same stones after each move, whatever is played."""
    board, stones = Board(), dict[tuple[int, int], int]()
    for number in tries:
        move, place = 1 << number, divmod(number, SIDE)
        expected = None if place in stones else slow_play(stones, place, board.turn)
        legal = board.legal(move)
        assert bool(board.legal_moves() & move) == legal
        assert legal == (expected is not None and move != board.ko)
        if legal and expected is not None:
            board, stones = board.play(move), expected
            for color in (BLACK, WHITE):
                assert numbers(board.stones[color]) == {place for place, owner in stones.items() if owner == color}
