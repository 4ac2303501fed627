"""Exercise `graph_backward`: the derivative of one node by every node of a computational graph."""

from __future__ import annotations

from cnncourse.checks.catalogue import catalogue, compiled, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.training import graph_forward
from cnncourse.checks.training.graphs import (
    BUSY,
    BUSY_VALUES,
    DETOUR,
    DETOUR_VALUES,
    LECTURE,
    LECTURE_VALUES,
    SHUFFLED,
    SHUFFLED_VALUES,
    TWO_ENDS,
    TWO_ENDS_VALUES,
    Graph,
    Values,
)

BASE = """
def graph_backward(graph, order, values, output):
    grads = [0.0] * len(graph)
    grads[output] = 1.0
    for node in reversed(order):
        op, inputs = graph[node]
        g = grads[node]
        if op == "add":
            grads[inputs[0]] += g
            grads[inputs[1]] += g
        elif op == "mul":
            a, b = inputs
            grads[a] += g * values[b]
            grads[b] += g * values[a]
        elif op == "max":
            a, b = inputs
            winner = a if values[a] > values[b] else b
            grads[winner] += g
        elif op == "inv":
            k = inputs[0]
            grads[k] += -g / values[k] ** 2
    return grads
"""
ADD = "            grads[inputs[0]] += g\n            grads[inputs[1]] += g\n"
MUL = "            grads[a] += g * values[b]\n            grads[b] += g * values[a]\n"
MAX = "            grads[winner] += g\n"
INV = "            grads[k] += -g / values[k] ** 2\n"
LOOP = "    for node in reversed(order):\n"

MISTAKES = catalogue(
    "graph_backward",
    BASE,
    [
        wrong(
            "overwritten",
            "A node that is used twice keeps only one of its two gradients. What arrives adds up: += instead of =.",
            (ADD, ADD.replace("+=", "=")),
            (MUL, MUL.replace("+=", "=")),
            (MAX, MAX.replace("+=", "=")),
            (INV, INV.replace("+=", "=")),
        ),
        wrong(
            "forward_order",
            "You go through the order from the front. Gradients flow back: "
            "begin at the output, take the order reversed.",
            (LOOP, "    for node in order:\n"),
        ),
        wrong(
            "list_reversed",
            "You go through the list backwards, not through `order`: "
            "a node passes its gradient on before it has all of it.",
            (LOOP, "    for node in reversed(range(len(graph))):\n"),
        ),
        wrong(
            "each_path_step_again",
            "A node that is reached twice passes on the whole gradient each time, the first part twice. "
            "Wait until all of it has arrived.",
            (
                LOOP,
                "    queue = [output]\n"
                "    while queue:\n"
                "        node = queue.pop(0)\n"
                "        queue += [k for k in dict.fromkeys(graph[node][1])]\n",
            ),
        ),
        wrong(
            "no_seed",
            "All gradients are zero, because none was set. "
            "The derivative of the output by itself is 1: begin with that.",
            ("grads[output] = 1.0", "pass"),
        ),
        wrong(
            "seed_everywhere",
            "Every node begins with gradient 1. Only the output does; the others begin with 0.",
            ("[0.0] * len(graph)", "[1.0] * len(graph)"),
        ),
        wrong(
            "seed_is_value",
            "The output begins with its value. The derivative of the output by itself is 1.",
            ("grads[output] = 1.0", "grads[output] = values[output]"),
        ),
        wrong(
            "seed_at_the_end",
            "You begin at the last node of the order. "
            "Asked are the derivatives of node `output`, which need not be the last.",
            ("grads[output] = 1.0", "grads[order[-1]] = 1.0"),
        ),
        wrong(
            "local_only",
            "You write down the local derivatives and leave out the chain rule: "
            "multiply each by what arrived at the node.",
            ("g = grads[node]", "g = 1.0"),
        ),
        wrong(
            "mul_own_value",
            "The derivative of a b by a is b, the other factor; you multiply by a itself.",
            (
                MUL,
                MUL.replace("values[b]", "values[x]")
                .replace("values[a]", "values[b]")
                .replace("values[x]", "values[a]"),
            ),
        ),
        wrong(
            "mul_like_add",
            'A "mul" node passes its gradient on as it is. It must be multiplied by the other factor.',
            (MUL, "            grads[a] += g\n            grads[b] += g\n"),
        ),
        wrong(
            "mul_by_product",
            'A "mul" node multiplies by its own result. The derivative of a b by a is b, not a b.',
            (MUL, "            grads[a] += g * values[node]\n            grads[b] += g * values[node]\n"),
        ),
        wrong(
            "add_shared",
            'An "add" node halves its gradient. The derivative of a + b by a is 1: each input gets all of it.',
            (ADD, ADD.replace("+= g", "+= g / 2")),
        ),
        wrong(
            "add_by_value",
            'An "add" node multiplies by its input. The derivative of a + b by a is 1, whatever a is.',
            (ADD, "            for k in inputs:\n                grads[k] += g * values[k]\n"),
        ),
        wrong(
            "same_input_once",
            "A node that uses the same node twice, as x x does, must send its gradient there twice.",
            (ADD, "            for k in set(inputs):\n                grads[k] += g\n"),
            (MUL, "            grads[a] += g * values[b]\n            grads[b] += g * values[a] * (a != b)\n"),
        ),
        wrong(
            "max_to_both",
            'A "max" node sends its gradient to both inputs. The smaller one did not matter: it gets nothing.',
            (MAX, "            grads[a] += g\n            grads[b] += g\n"),
        ),
        wrong(
            "max_to_smaller",
            'A "max" node sends its gradient to the smaller input. '
            "It belongs to the larger one, which was let through.",
            ("values[a] > values[b]", "values[a] < values[b]"),
        ),
        wrong(
            "max_to_first",
            'A "max" node always sends its gradient to the first input. It belongs to the larger one.',
            (MAX, "            grads[a] += g\n"),
        ),
        wrong(
            "max_by_value",
            'A "max" node multiplies its gradient by the value. '
            "The larger input was let through unchanged: the factor is 1.",
            (MAX, "            grads[winner] += g * values[winner]\n"),
        ),
        wrong(
            "inv_sign",
            "The derivative of 1 / x is -1 / x²: the minus is missing.",
            ("+= -g / values[k]", "+= g / values[k]"),
        ),
        wrong(
            "inv_not_squared",
            "The derivative of 1 / x is -1 / x²: the square is missing.",
            ("values[k] ** 2", "values[k]"),
        ),
        wrong(
            "inv_of_result",
            "The derivative of 1 / x is -1 / x², with x the input of the node. You divide by the square of its result.",
            ("values[k] ** 2", "values[node] ** 2"),
        ),
        wrong(
            "inputs_only",
            "Only the inputs have a gradient in your result. Asked are those of all nodes, the output itself included.",
            ("    return grads\n", "    return [g if graph[k][0] == 'input' else 0.0 for k, g in enumerate(grads)]\n"),
        ),
        wrong(
            "in_order_of_computing",
            "You return the gradients in the order of `order`. Entry k of the result belongs to node k.",
            ("    return grads\n", "    return [grads[node] for node in order]\n"),
        ),
    ],
)

reference = compiled("graph_backward", BASE)


def case(name: str, graph: Graph, order: list[int], start: Values, output: int, weight: float = 1.0) -> Case:
    """A case whose values have been filled in. Parts that cancel leave a rounding error where another order has 0."""
    args = (graph, order, graph_forward.reference(graph, order, start), output)
    return Case(name, args, weight=weight, rtol=1e-9, atol=1e-9)


def public() -> list[Case]:
    """One new thing a graph."""
    square: Graph = [("mul", [1, 1]), ("input", []), ("add", [0, 0])]
    return [
        case("the example: f = (x + y) z", LECTURE, [0, 1, 2, 3, 4], LECTURE_VALUES, 4, 0.2),
        case("the same, in another order", SHUFFLED, [4, 3, 2, 1, 0], SHUFFLED_VALUES, 0, 0.2),
        case("x² + x²: the same node twice", square, [1, 0, 2], [None, 3.0, None], 2, 0.2),
        case("x + 1 / (x + y)", DETOUR, [0, 4, 2, 3, 1], DETOUR_VALUES, 1, 0.2),
        case("max(x², y), beside another end", TWO_ENDS, [4, 1, 3, 2, 0], TWO_ENDS_VALUES, 2, 0.2),
        case("nine nodes", BUSY, [1, 7, 2, 3, 8, 4, 5, 6, 0], BUSY_VALUES, 0, 0.2),
    ]


EXERCISE = Exercise("graph_backward", 4.0, reference, public, MISTAKES)
