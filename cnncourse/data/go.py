"""Go on a small board: the rules. (`go_positions` has a teacher that plays by rules of thumb, and its games.)

No game records can be shipped or downloaded here. What AlphaGo's policy network was trained for (Silver et al. 2016,
doi:10.1038/nature16961), naming the move that an expert makes, can be shown with any expert: this one is a page of
rules of thumb. A network that imitates it has learned what captures, atari and contact look like, as shape in the
planes; it has not learned to play well.

A set of points is a Python int: bit r·9 + c stands for row r, column c. "All neighbours of a group" is then four
shifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

SIDE = 9
POINTS = SIDE * SIDE
EVERYWHERE = (1 << POINTS) - 1
_LEFT = sum(1 << (row * SIDE) for row in range(SIDE))
_NOT_LEFT, _NOT_RIGHT = EVERYWHERE & ~_LEFT, EVERYWHERE & ~(_LEFT << (SIDE - 1))
BLACK, WHITE = 0, 1


def point(row: int, column: int) -> int:
    """The set that holds one point."""
    if not (0 <= row < SIDE and 0 <= column < SIDE):
        raise ValueError(f"point: row {row}, column {column}; expected both in 0 ... {SIDE - 1}")
    return 1 << (row * SIDE + column)


def steps(points: int) -> tuple[int, int, int, int]:
    """The set moved one step north, south, west and east; what leaves the board is dropped."""
    north, south = points >> SIDE, (points << SIDE) & EVERYWHERE
    return north, south, (points & _NOT_LEFT) >> 1, (points & _NOT_RIGHT) << 1


def beside(points: int) -> int:
    """All points next to one of `points`, along the lines."""
    sideways = ((points & _NOT_LEFT) >> 1) | ((points & _NOT_RIGHT) << 1)
    return (sideways | (points >> SIDE) | (points << SIDE)) & EVERYWHERE


def connected(seed: int, among: int) -> int:
    """What can be reached from `seed` by steps along the lines within `among`."""
    group = seed & among
    while (more := (beside(group) | group) & among) != group:
        group = more
    return group


def groups(stones: int) -> Iterator[int]:
    """The connected groups of a set of stones, in reading order of their first stones."""
    while stones:
        group = connected(stones & -stones, stones)
        yield group
        stones ^= group


def each(points: int) -> Iterator[int]:
    """Every point of a set as its number, row · 9 + column, smallest first."""
    while points:
        lowest = points & -points
        yield lowest.bit_length() - 1
        points ^= lowest


@dataclass(frozen=True)
class Board:
    """A position: the stones, whose turn it is, the one point that ko forbids. Never changes: `play` gives a new one.

    The rules: a move puts a stone on an empty point. Then groups of the *other* colour without a liberty, an
    empty point beside them, are taken off, all at once. A move that would leave its own group without a liberty is
    forbidden (suicide). A move may not take back, at once, the single stone that has just taken a single stone
    (simple ko; longer cycles are not forbidden). A player may pass. The score counts stones and surrounded points
    (area scoring), no komi.
    """

    stones: tuple[int, int] = (0, 0)  # black's, white's
    turn: int = BLACK
    ko: int = 0
    passes: int = 0  # in a row, just before this position
    history: tuple[int, ...] = field(default=(), compare=False)  # the last eight moves as sets, newest first; 0 a pass

    @property
    def own(self) -> int:
        """The stones of the player to move."""
        return self.stones[self.turn]

    @property
    def other(self) -> int:
        """The stones of the opponent."""
        return self.stones[1 - self.turn]

    @property
    def empty(self) -> int:
        """The points without a stone."""
        return EVERYWHERE & ~(self.stones[0] | self.stones[1])

    def liberties(self, group: int) -> int:
        """The empty points beside a group."""
        return beside(group) & self.empty

    def captured(self, move: int) -> int:
        """The opponent's stones that a stone on `move` would take off."""
        taken = 0
        for neighbour in groups_at(beside(move) & self.other, self.other):
            if self.liberties(neighbour) == move:
                taken |= neighbour
        return taken

    def legal(self, move: int) -> bool:
        """May the player put a stone on this point (a set of one)?"""
        if not move & self.empty or move == self.ko:
            return False
        if beside(move) & self.empty or self.captured(move):
            return True
        return bool(self.liberties(connected(move, self.own | move)) & ~move)

    def rooms(self, stones: int) -> list[tuple[int, int]]:
        """Each group of `stones` with its liberties."""
        empty = self.empty
        return [(group, beside(group) & empty) for group in groups(stones)]

    def legal_moves(self) -> int:
        """All points where a stone may be put. Passing is always allowed beside."""
        return self.legal_from(self.rooms(self.own), self.rooms(self.other))

    def legal_from(self, own: list[tuple[int, int]], other: list[tuple[int, int]]) -> int:
        """`legal_moves`, for a caller who has the rooms of both players already.

        A point is good if it has an empty neighbour, is one of several liberties of an own group, or takes the last
        liberty of the other's.
        """
        good = beside(self.empty)
        for _, room in own:
            if room.bit_count() > 1:
                good |= room
        for _, room in other:
            if room.bit_count() == 1:
                good |= room
        return good & self.empty & ~self.ko

    def play(self, move: int) -> Board:
        """The position after a stone on `move`, a set of one point, or a pass (0). Raises ValueError if illegal."""
        history = (move, *self.history[:7])
        if move == 0:
            return Board(self.stones, 1 - self.turn, 0, self.passes + 1, history)
        if move.bit_count() != 1 or not self.legal(move):
            raise ValueError(f"Board.play: {self._why(move)}. board.legal_moves() has all that may be played")
        taken = self.captured(move)
        own, other = self.own | move, self.other & ~taken
        group = connected(move, own)
        retakes = beside(group) & ~(own | other)  # the new group's liberties
        ko = taken if taken.bit_count() == 1 and group == move and retakes == taken else 0
        stones = (own, other) if self.turn == BLACK else (other, own)
        return Board(stones, 1 - self.turn, ko, 0, history)

    def _why(self, move: int) -> str:
        if move.bit_count() != 1 or move > EVERYWHERE:
            return f"move is {move}; expected one point, such as point(4, 4), or 0 to pass"
        where = "row {}, column {}".format(*divmod(move.bit_length() - 1, SIDE))
        if not move & self.empty:
            return f"{where} is taken"
        return f"{where} is forbidden by ko" if move == self.ko else f"{where} would be suicide"

    def score(self) -> int:
        """Black's points less White's: stones, and empty regions that touch one colour only."""
        points = [stones.bit_count() for stones in self.stones]
        for region in groups(self.empty):
            touches = [bool(beside(region) & stones) for stones in self.stones]
            for color in (BLACK, WHITE):
                if touches[color] and not touches[1 - color]:
                    points[color] += region.bit_count()
        return points[BLACK] - points[WHITE]

    def __str__(self) -> str:
        """Nine lines of x (Black), o (White) and dots."""
        signs = ["x" if self.stones[0] >> n & 1 else "o" if self.stones[1] >> n & 1 else "." for n in range(POINTS)]
        return "\n".join(" ".join(signs[row * SIDE : (row + 1) * SIDE]) for row in range(SIDE))


def groups_at(seeds: int, stones: int) -> Iterator[int]:
    """The groups of `stones` that hold one of `seeds`."""
    while seeds:
        group = connected(seeds & -seeds, stones)
        yield group
        seeds &= ~group


def board_from(text: str, turn: int = BLACK) -> Board:
    """A position from nine lines of x, o and dots, as `str(board)` writes them. Raises ValueError for other text."""
    signs = text.replace(" ", "").split()
    if len(signs) != SIDE or any(len(line) != SIDE or set(line) - set("xo.") for line in signs):
        raise ValueError(f"board_from: got {text!r}; expected {SIDE} lines of {SIDE} signs, x, o or .")
    flat = "".join(signs)
    black, white = (sum(1 << n for n, sign in enumerate(flat) if sign == color) for color in "xo")
    return Board((black, white), turn)
