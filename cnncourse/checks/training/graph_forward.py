"""Exercise `graph_forward`: the value of every node of a computational graph."""

from __future__ import annotations

from cnncourse.checks.catalogue import catalogue, compiled, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.training.graphs import (
    BUSY,
    BUSY_VALUES,
    DETOUR,
    DETOUR_VALUES,
    LECTURE,
    LECTURE_VALUES,
    SHUFFLED,
    SHUFFLED_VALUES,
    SIGNS,
    SIGNS_VALUES,
    TWO_ENDS,
    TWO_ENDS_VALUES,
)

BASE = """
def graph_forward(graph, order, values):
    values = list(values)
    for node in order:
        op, inputs = graph[node]
        known = [values[k] for k in inputs]
        if op == "add":
            values[node] = known[0] + known[1]
        elif op == "mul":
            values[node] = known[0] * known[1]
        elif op == "max":
            values[node] = max(known[0], known[1])
        elif op == "inv":
            values[node] = 1 / known[0]
    return values
"""
KNOWN = "known = [values[k] for k in inputs]"
END = "    return values\n"

MISTAKES = catalogue(
    "graph_forward",
    BASE,
    [
        wrong(
            "list_order",
            "You go through the list, so that a node is computed before its inputs are. Go through `order`.",
            ("for node in order:", "for node in range(len(graph)):"),
            (KNOWN, "known = [values[k] or 0.0 for k in inputs]"),
            ("1 / known[0]", "1 / known[0] if known[0] else 0.0"),
        ),
        wrong(
            "order_reversed",
            "You go through the order backwards: that is for the gradients. Values flow from the inputs on.",
            ("for node in order:", "for node in reversed(order):"),
            (KNOWN, "known = [values[k] or 0.0 for k in inputs]"),
            ("1 / known[0]", "1 / known[0] if known[0] else 0.0"),
        ),
        wrong(
            "numbers_not_values",
            "You compute with the numbers of the nodes, not with their values: look node k up in `values`.",
            (KNOWN, "known = inputs"),
            ("1 / known[0]", "1 / (known[0] or 1)"),
        ),
        wrong(
            "mul_adds",
            'A "mul" node multiplies its two inputs; yours adds them.',
            ("known[0] * known[1]", "sum(known)"),
        ),
        wrong(
            "max_is_min",
            'A "max" node gives the larger of its inputs; yours gives the smaller.',
            ("max(known", "min(known"),
        ),
        wrong(
            "max_of_sizes",
            'A "max" node compares the inputs with their signs; yours compares absolute values.',
            ("max(known[0], known[1])", "max(known[0], known[1], key=abs)"),
        ),
        wrong(
            "max_is_first",
            'A "max" node gives the larger of its inputs; yours gives the first.',
            ("max(known[0], known[1])", "known[0]"),
        ),
        wrong("inv_is_minus", 'An "inv" node gives 1 / x; yours gives -x.', ("1 / known[0]", "-known[0]")),
        wrong("inv_squared", 'An "inv" node gives 1 / x; yours gives 1 / x².', ("1 / known[0]", "1 / known[0] ** 2")),
        wrong(
            "inv_rounded",
            'An "inv" node gives 1 / x; yours rounds down: use `/`, not `//`.',
            ("1 / known[0]", "1 // known[0]"),
        ),
        wrong(
            "same_input_once",
            "A node that uses the same node twice takes it only once. Its inputs are a list, not a set.",
            (KNOWN, "known = [values[k] for k in dict.fromkeys(inputs)]"),
            ("known[0] + known[1]", "sum(known)"),
            ("known[0] * known[1]", "known[0] * known[-1] if len(known) > 1 else known[0]"),
            ("max(known[0], known[1])", "max(known)"),
        ),
        wrong(
            "result_only",
            "You return the last value alone. The backward pass needs all of them: return the whole list.",
            (END, "    return values[order[-1]]\n"),
        ),
        wrong(
            "in_order_of_computing",
            "You return the values in the order in which they were computed. Value k belongs to node k.",
            (END, "    return [values[node] for node in order]\n"),
        ),
    ],
)

reference = compiled("graph_forward", BASE)


def public() -> list[Case]:
    """Small enough to do in one's head."""
    return [
        Case("the example: f = (x + y) z", (LECTURE, [0, 1, 2, 3, 4], LECTURE_VALUES), weight=0.25),
        Case("the same, in another order", (SHUFFLED, [4, 3, 2, 1, 0], SHUFFLED_VALUES), weight=0.25),
        Case("x + 1 / (x + y)", (DETOUR, [0, 4, 2, 3, 1], DETOUR_VALUES), weight=0.25),
        Case("x² y and max(x², y)", (TWO_ENDS, [4, 1, 3, 2, 0], TWO_ENDS_VALUES), weight=0.25),
        Case("max with negative numbers", (SIGNS, [1, 0, 3, 2, 4], SIGNS_VALUES), weight=0.25),
        Case("nine nodes", (BUSY, [1, 7, 2, 3, 8, 4, 5, 6, 0], BUSY_VALUES), weight=0.25),
    ]


EXERCISE = Exercise("graph_forward", 1.0, reference, public, MISTAKES)
