"""The computational graphs of the public cases, as plain data.

A graph is a list of nodes (op, inputs): op is "input", "add", "mul", "max" or "inv" (1 / x), inputs are the numbers of
the nodes that it uses.
"""

from __future__ import annotations

from typing import TypeAlias

Graph: TypeAlias = list[tuple[str, list[int]]]
Values: TypeAlias = list[float | None]

# f = (x + y) z, from the lectures: x = -2, y = 5, z = -4
LECTURE: Graph = [("input", []), ("input", []), ("input", []), ("add", [0, 1]), ("mul", [3, 2])]
LECTURE_VALUES: Values = [-2.0, 5.0, -4.0, None, None]

# The same with the result first: f, z, q, y, x
SHUFFLED: Graph = [("mul", [2, 1]), ("input", []), ("add", [4, 3]), ("input", []), ("input", [])]
SHUFFLED_VALUES: Values = [None, -4.0, None, 5.0, -2.0]

# r = x + 1/(x + y): x is used twice, at once and after a detour
DETOUR: Graph = [("input", []), ("add", [3, 0]), ("add", [0, 4]), ("inv", [2]), ("input", [])]
DETOUR_VALUES: Values = [2.0, None, None, None, 2.0]

# two results, s = x x and m = max(s, y); t = s y ends beside m
TWO_ENDS: Graph = [("mul", [3, 1]), ("input", []), ("max", [1, 3]), ("mul", [4, 4]), ("input", [])]
TWO_ENDS_VALUES: Values = [None, 5.0, None, None, 3.0]

# f = (a + b) (a b) with a = max(x, y) and b = 1 / a + z
BUSY: Graph = [
    ("mul", [5, 6]),
    ("input", []),
    ("max", [1, 7]),
    ("inv", [2]),
    ("add", [3, 8]),
    ("add", [2, 4]),
    ("mul", [2, 4]),
    ("input", []),
    ("input", []),
]
BUSY_VALUES: Values = [None, 4.0, None, None, None, None, None, 1.0, 3.0]

# three numbers, one of them large and negative
SIGNS: Graph = [("input", []), ("input", []), ("input", []), ("max", [0, 1]), ("max", [2, 1])]
SIGNS_VALUES: Values = [-3.0, 2.0, -1.0, None, None]
