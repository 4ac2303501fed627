"""Positions of 9 × 9 go as planes, labelled with the move of a teacher that plays by rules of thumb.

What the set is good for: a policy network in the manner of AlphaGo (Silver et al. 2016, doi:10.1038/nature16961,
extended data table 2) that learns in a minute. Limits: the teacher is weak, plays without reading ahead, and tosses a
coin between moves it finds equally good, so that no network can name its move every time. Training and test positions
come from different games.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from cnncourse.data._rendered import count_and_seed, random_numbers, split_number
from cnncourse.data.go import EVERYWHERE, POINTS, SIDE, Board, beside, connected, each, steps
from cnncourse.errors import whole

GO_PLANES = (
    "own stones",
    "other's stones",
    "empty",
    "ones",
    *(f"stones with {n} liberties" for n in ("1", "2", "3", "4 or more")),
    *(f"played {n} moves ago" for n in (1, 2, 3, 4)),
    *(f"a stone here takes {n}" for n in ("1", "2", "3 or more")),
    "legal and no own eye",
)
_OPENING = 6  # random moves at the beginning, so that no two games are alike; they are not labelled
_STRAY = 0.15  # afterwards, how often a random move is played in place of the teacher's
_LONGEST = 100  # moves
# What a line of the board is worth, from the edge to the middle.
_LINES = (-3.0, -0.4, 0.8, 1.0, 0.7)
_LINE_VALUES = np.array(
    [_LINES[min(row, column, 8 - row, 8 - column)] for row in range(SIDE) for column in range(SIDE)]
)

_DANGER = 7.0
_PASS = -4.0  # a move worth less is not played
_BYTES = 11  # 88 bits hold a set of 81 points
_ROW = _BYTES * len(GO_PLANES)

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GoPositions(Dataset[tuple[Tensor, Tensor]]):
    """Planes (N, 16, 9, 9) of zeros and ones, named by `GO_PLANES`, for the player to move, and labels (N,).

    A label is the teacher's move, 9 · row + column, always legal. `games` (N,): which game a position is from. A
    torch `Dataset`.
    """

    images: Tensor
    labels: Tensor
    games: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]

    def __repr__(self) -> str:
        return f"GoPositions({len(self)} positions of {len(set(self.games.tolist()))} games)"


def go_positions(split: str = "train", count: int = 20_000, seed: int = 0, *, symmetries: int = 1) -> GoPositions:
    """`count` positions of `split` ("train" or "test") from games of the teacher against itself.

    A game begins with 6 random moves; then each player plays the teacher's move, or a random one with probability
    0.15; the label is the teacher's in both cases. Positions where the teacher passes are left out. Each is given in
    `symmetries` (1 … 8) of its eight turned and mirrored forms, one after the other, the first as it was played:
    `count` rows in all.

    Raises ValueError and TypeError for arguments outside these ranges.
    """
    part = split_number("go_positions", split)
    count, seed = count_and_seed("go_positions", count, seed)
    forms = whole("go_positions: symmetries", symmetries, 1)
    if forms > 8:
        raise ValueError(f"go_positions: symmetries is {forms}; expected 1 ... 8: a square has no more")
    planes, moves, games = _played(part, seed, -(-count // forms))
    images, labels = _unpacked(planes), torch.from_numpy(moves)
    turned = [go_symmetry(images, labels, form) for form in range(forms)]
    return GoPositions(
        torch.stack([x for x, _ in turned], dim=1).flatten(0, 1)[:count],
        torch.stack([y for _, y in turned], dim=1).flatten()[:count],
        torch.from_numpy(games).repeat_interleave(forms)[:count],
    )


def go_symmetry(planes: Tensor, moves: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Planes (..., 9, 9) and moves (...) turned by `number` % 4 quarters, mirrored if `number` ≥ 4 (0 … 7)."""
    number = whole("go_symmetry: number", number, 0)
    if number > 7:
        raise ValueError(f"go_symmetry: number is {number}; expected 0 ... 7")

    def form(x: Tensor) -> Tensor:
        x = torch.rot90(x, number % 4, dims=(-2, -1))
        return x.flip(-1) if number >= 4 else x

    comes_from = form(torch.arange(POINTS).view(SIDE, SIDE)).flatten()
    return form(planes).contiguous(), comes_from.argsort()[moves]


def go_planes(board: Board) -> Tensor:
    """What a policy network sees of one position: (16, 9, 9), in the order of `GO_PLANES`."""
    return torch.from_numpy(_bits(_sets(board, _Reading(board)))).float().view(-1, SIDE, SIDE)


def teacher_move(board: Board, rng: np.random.Generator) -> int:
    """The teacher's move as a set of one point; 0, a pass, if none is worth more than −4 or all fill own eyes.

    Each point's value is a sum of: 10 and 2 a stone for what it takes; 8 and 2 a stone for own stones that it saves
    from being taken; 3 and ½ a stone for putting stones into atari; 2 for giving own stones in danger of it more
    room; 1.5 beside and 1 diagonally from the opponent's last move; 0.4 for each stone of the opponent beside it; a
    little for its line; ½ diagonally from own stones, −0.6 beside them; −7 if the new group could be taken at once.
    Equal values: a toss by `rng`.
    """
    return _choose(board, _Reading(board), rng)


class _Reading:
    """A position's groups with their liberties, read once and used for the planes and for the teacher."""

    def __init__(self, board: Board) -> None:
        self.own, self.other = board.rooms(board.own), board.rooms(board.other)
        eyes = board.empty & ~beside(EVERYWHERE & ~board.own)  # own stones on all sides
        self.sensible = board.legal_from(self.own, self.other) & ~eyes


def _sets(board: Board, reading: _Reading) -> list[int]:
    """The planes as sets of points."""
    liberties = [0, 0, 0, 0]
    for group, room in (*reading.own, *reading.other):
        liberties[min(room.bit_count(), 4) - 1] |= group
    takes: dict[int, int] = {}
    for group, room in reading.other:
        if room.bit_count() == 1:
            takes[room] = takes.get(room, 0) + group.bit_count()
    sizes = [0, 0, 0]
    for move, stones in takes.items():
        if move != board.ko:
            sizes[min(stones, 3) - 1] |= move
    since = (*board.history[:4], 0, 0, 0, 0)[:4]
    return [board.own, board.other, board.empty, EVERYWHERE, *liberties, *since, *sizes, reading.sensible]


def _choose(board: Board, reading: _Reading, rng: np.random.Generator) -> int:
    if not reading.sensible:
        return 0
    values = _values(board, reading) + 1e-3 * rng.random(POINTS)  # the toss
    best, best_value = 0, _PASS
    for number in np.argsort(-values):
        if values[number] <= best_value:
            break  # danger only lowers a value
        move = 1 << int(number)
        if move & reading.sensible:
            value = values[number] - (_DANGER if _in_danger(board, move) else 0)
            if value > best_value:
                best, best_value = move, value
    return best


def _values(board: Board, reading: _Reading) -> Numbers:
    """What each point is worth, dangers aside."""
    own, other = board.own, board.other
    sets, weights = [], []
    for group, room in reading.other:
        if (free := room.bit_count()) <= 2:
            sets.append(room)
            weights.append(10 + 2 * group.bit_count() if free == 1 else 3 + 0.5 * group.bit_count())
    for group, room in reading.own:
        if (free := room.bit_count()) == 1 and (beside(connected(room, own | room)) & board.empty).bit_count() >= 2:
            sets.append(room)
            weights.append(8 + 2 * group.bit_count())
        elif free == 2:
            sets.append(room)
            weights.append(2)
    last = board.history[0] if board.history else 0
    sets += [*steps(other), beside(last), _corners(last), _corners(own), beside(own)]
    weights += [0.4, 0.4, 0.4, 0.4, 1.5, 1.0, 0.5, -0.6]
    return _LINE_VALUES + np.asarray(weights) @ _bits(sets)


def _in_danger(board: Board, move: int) -> bool:
    """Would the group of a stone on `move` be left with one liberty?"""
    group = connected(move, board.own | move)
    free = beside(group) & board.empty & ~move
    if free.bit_count() >= 2:
        return False
    return (free | (beside(group) & board.captured(move))).bit_count() < 2


def _corners(points: int) -> int:
    """The points diagonally next to a set."""
    north, south, _, _ = steps(points)
    _, _, west, east = steps(north | south)
    return west | east


def _bits(sets: list[int]) -> NDArray[np.uint8]:
    """Sets as rows of zeros and ones: (len(sets), 81)."""
    packed = b"".join(points.to_bytes(_BYTES, "little") for points in sets)
    rows = np.frombuffer(packed, dtype=np.uint8).reshape(-1, _BYTES)
    return np.unpackbits(rows, axis=1, bitorder="little", count=POINTS)


@lru_cache(maxsize=8)
def _played(part: int, seed: int, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The first `count` positions: packed planes (N, 16 · 11), the teacher's moves (N,), the games (N,). Cached."""
    packed: list[bytes] = []
    moves: list[int] = []
    games: list[int] = []
    while len(moves) < count:
        game = games[-1] + 1 if games else 0
        for planes, move in _game(random_numbers("go_positions", part, seed, game)):
            packed.append(planes)
            moves.append(move)
            games.append(game)
    table = np.frombuffer(b"".join(packed[:count]), dtype=np.uint8).reshape(-1, _ROW)
    return table, np.array(moves[:count], dtype=np.int64), np.array(games[:count], dtype=np.int64)


def _game(rng: np.random.Generator) -> Iterator[tuple[bytes, int]]:
    """One game: the packed planes and the number of the teacher's move, for each position that is labelled."""
    board = Board()
    for number in range(_LONGEST):
        reading = _Reading(board)
        move = 0
        if number >= _OPENING and (move := _choose(board, reading, rng)):
            sets = _sets(board, reading)
            yield b"".join(points.to_bytes(_BYTES, "little") for points in sets), move.bit_length() - 1
        if reading.sensible and (number < _OPENING or rng.random() < _STRAY):
            open_points = list(each(reading.sensible))
            move = 1 << open_points[rng.integers(len(open_points))]
        board = board.play(move)
        if board.passes == 2:
            return


def _unpacked(table: NDArray[np.uint8]) -> Tensor:
    """Planes (N, 16, 9, 9), float32, from packed rows (N, 16 · 11)."""
    rows = table.reshape(-1, _BYTES)
    bits = np.unpackbits(rows, axis=1, bitorder="little", count=POINTS)
    return torch.from_numpy(bits).float().view(len(table), len(GO_PLANES), SIDE, SIDE)
