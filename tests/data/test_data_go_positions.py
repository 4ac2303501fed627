"""Go positions: planes say what the board says, the teacher is fair to all symmetries, a net can learn it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from cnncourse.data import GO_PLANES, Board, board_from, go_planes, go_positions, go_symmetry, point, teacher_move
from cnncourse.data.go import BLACK, POINTS, SIDE, WHITE, beside, connected, each
from cnncourse.train import accuracy, fit

PLANE = {name: number for number, name in enumerate(GO_PLANES)}


def played(seed: int, moves: int) -> Board:
    """A board after some moves of the teacher and some random ones."""
    board, rng = Board(), np.random.default_rng(seed)
    for number in range(moves):
        legal = list(each(board.legal_moves()))
        stray = number < 4 or rng.random() < 0.2
        board = board.play(1 << legal[rng.integers(len(legal))] if stray else teacher_move(board, rng))
    return board


@pytest.mark.parametrize("moves", [0, 1, 20, 45, 70])
def test_planes_say_what_the_rules_say(moves: int) -> None:
    board = played(moves, moves)
    planes = go_planes(board)
    assert tuple(planes.shape) == (16, SIDE, SIDE)
    for number in range(POINTS):
        at = 1 << number
        row, column = divmod(number, SIDE)
        seen = {name: bool(planes[PLANE[name], row, column]) for name in GO_PLANES}
        assert seen["ones"]
        assert (seen["own stones"], seen["other's stones"]) == (bool(board.own & at), bool(board.other & at))
        assert seen["empty"] == bool(board.empty & at)
        stones = board.own if board.own & at else board.other if board.other & at else 0
        free = board.liberties(connected(at, stones)).bit_count()
        counts = ("1", "2", "3", "4 or more")
        assert [seen[f"stones with {n} liberties"] for n in counts] == [
            stones and min(free, 4) == n for n in (1, 2, 3, 4)
        ]
        since = [n + 1 for n, move in enumerate(board.history[:4]) if move == at]
        assert [n for n in (1, 2, 3, 4) if seen[f"played {n} moves ago"]] == since
        takes = board.captured(at).bit_count() if board.legal(at) else 0
        counts = ("1", "2", "3 or more")
        assert [seen[f"a stone here takes {n}"] for n in counts] == [min(takes, 3) == n for n in (1, 2, 3)]
        eye = not beside(at) & ~board.own
        assert seen["legal and no own eye"] == (board.legal(at) and not eye)


def test_what_ko_and_eyes_forbid_is_not_in_the_planes() -> None:
    rest = [". . . . . . . . ."] * 6
    ko = board_from("\n".join([". . x o . . . . .", ". x o . o . . . .", ". . x o . . . . .", *rest])).play(point(1, 3))
    takes, may = PLANE["a stone here takes 1"], PLANE["legal and no own eye"]
    assert go_planes(ko)[[takes, may], 1, 2].tolist() == [0, 0]
    eye = board_from("\n".join([". x . . . . . . .", "x . . . . . . . .", ". . . . . . . . .", *rest]))
    assert eye.legal(point(0, 0))
    assert go_planes(eye)[may, 0, 0] == 0


def test_rows_are_positions_with_a_legal_move() -> None:
    data = go_positions(count=400, seed=1)
    flat = data.images.flatten(2)
    assert set(data.images.unique().tolist()) == {0.0, 1.0}
    assert bool((flat[torch.arange(400), PLANE["legal and no own eye"], data.labels] == 1).all())
    assert bool((flat[:, :3].sum(1) == 1).all()), "own, other's or empty"
    assert data.games.tolist() == sorted(data.games.tolist())
    assert repr(data) == f"GoPositions(400 positions of {int(data.games.max()) + 1} games)"


def test_planes_of_rows_and_of_boards_are_made_alike() -> None:
    """The first row of a game is the board after six moves, the planes of which give the moves back."""
    first = go_positions(count=1, seed=7).images[0]
    stones = {
        color: sum(1 << n for n in torch.nonzero(first[PLANE[name]].flatten()).flatten().tolist())
        for color, name in ((BLACK, "own stones"), (WHITE, "other's stones"))
    }
    history = tuple(1 << int(first[PLANE[f"played {n} moves ago"]].argmax()) for n in (1, 2, 3, 4))
    board = Board((stones[BLACK], stones[WHITE]), BLACK, history=history)
    assert torch.equal(go_planes(board), first)


def test_no_position_is_in_both_splits_and_longer_sets_begin_alike() -> None:
    train, test = (go_positions(split, count=1500).images.flatten(1).bool().numpy() for split in ("train", "test"))
    assert not {row.tobytes() for row in train} & {row.tobytes() for row in test}
    assert np.array_equal(go_positions(count=200).images.flatten(1).bool().numpy(), train[:200])


def test_the_teacher_takes_saves_and_does_not_fill_its_eyes() -> None:
    rng = np.random.default_rng(0)
    lines = [". . . . . . . . ."] * 5
    takes = board_from("\n".join([". x . . . . . . .", "x o x . . . . . .", ". . . . . . . . .", *lines, lines[0]]))
    assert teacher_move(takes, rng) == point(2, 1)
    saves = Board((takes.stones[WHITE], takes.stones[BLACK]), BLACK)
    assert teacher_move(saves, rng) == point(2, 1)
    full = board_from("\n".join(["x x x x x x x x x"] * 4 + ["x . x x x x x . x"] + ["x x x x x x x x x"] * 4))
    assert teacher_move(full, rng) == 0


def test_the_teacher_sees_no_difference_between_the_eight_forms() -> None:
    """Over many tosses, the moves it plays in a turned position are the turned moves."""
    board = Board().play(point(2, 2)).play(point(6, 5)).play(point(4, 4))
    moves = {teacher_move(board, np.random.default_rng(seed)) for seed in range(60)}
    for form in range(8):
        turned = []
        for stones in (*board.stones, *board.history):
            grid = torch.tensor([stones >> n & 1 for n in range(POINTS)]).view(SIDE, SIDE)
            bits = go_symmetry(grid, torch.tensor(0), form)[0].flatten().tolist()
            turned.append(sum(1 << n for n, bit in enumerate(bits) if bit))
        form_board = Board((turned[0], turned[1]), board.turn, history=tuple(turned[2:]))
        found = {teacher_move(form_board, np.random.default_rng(seed)) for seed in range(60)}
        numbers = torch.tensor([move.bit_length() - 1 for move in moves])
        expected = go_symmetry(torch.zeros(SIDE, SIDE), numbers, form)[1]
        assert found == {1 << int(n) for n in expected}


@pytest.mark.parametrize("form", range(8))
def test_symmetries_move_the_label_with_the_planes(form: int) -> None:
    planes, moves = torch.zeros(POINTS, 1, SIDE, SIDE), torch.arange(POINTS)
    planes.view(POINTS, POINTS)[moves, moves] = 1
    turned, labels = go_symmetry(planes, moves, form)
    assert torch.equal(turned.flatten(1).argmax(1), labels)
    assert torch.equal(labels.sort().values, moves)
    assert (form == 0) == torch.equal(labels, moves)


def test_symmetric_rows_follow_each_other() -> None:
    once, all_eight = go_positions(count=5), go_positions(count=40, symmetries=8)
    assert torch.equal(all_eight.images[::8], once.images)
    assert torch.equal(all_eight.labels[::8], once.labels)
    assert all_eight.games.tolist() == once.games.repeat_interleave(8).tolist()
    forms = {row.numpy().tobytes() for row in all_eight.images[:8]}
    assert len(forms) == 8
    assert len(go_positions(count=11, symmetries=4)) == 11


@pytest.mark.parametrize("symmetries", [0, 9])
def test_bad_symmetries(symmetries: int) -> None:
    with pytest.raises(ValueError, match=f"go_positions: symmetries is {symmetries}"):
        go_positions(count=1, symmetries=symmetries)
    with pytest.raises(ValueError, match="number is 8"):
        go_symmetry(torch.zeros(SIDE, SIDE), torch.tensor(0), 8)


def test_games_go_on_and_stones_are_taken() -> None:
    data = go_positions(count=1000, seed=3)
    stones = data.images[:, :2].sum((1, 2, 3))
    same = torch.tensor([a == b for a, b in pairwise(data.games.tolist())])
    steps = (stones[1:] - stones[:-1])[same]
    assert float(stones.max()) > 50
    assert 0.01 < float((steps < 0).float().mean()) < 0.5, "captures"


def test_a_small_net_learns_the_teacher() -> None:
    """Chance among the legal moves is about 1 in 40. Measured on other games: 0.64."""
    net = torch.nn.Sequential(
        torch.nn.Conv2d(16, 32, 5, padding=2), torch.nn.ReLU(), torch.nn.Conv2d(32, 1, 3, padding=1), torch.nn.Flatten()
    )
    fit(net, go_positions(count=3000), epochs=3, lr=3e-3, progress=False, device="cpu")
    score = accuracy(net, go_positions("test", count=1000), device="cpu")
    assert score > 0.5
