"""Exercise `graph_order`: an order of a graph's nodes in which each comes after the nodes that it uses."""

from __future__ import annotations

from typing import Any

from cnncourse.checks.catalogue import catalogue, compiled, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Subject
from cnncourse.checks.training.graphs import BUSY, DETOUR, LECTURE, SHUFFLED, TWO_ENDS, Graph
from cnncourse.checks.values import plain

BASE = """
def graph_order(graph):
    order, seen = [], set()
    def visit(node):
        if node in seen:
            return
        seen.add(node)
        op, inputs = graph[node]
        for k in inputs:
            visit(k)
        order.append(node)
    for node in range(len(graph)):
        visit(node)
    return order
"""
START = "    for node in range(len(graph)):\n        visit(node)\n"
END = "    return order\n"
VISIT = "        for k in inputs:\n            visit(k)\n        order.append(node)\n"
FIRST = "        order.append(node)\n        for k in inputs:\n            visit(k)\n"

MISTAKES = catalogue(
    "graph_order",
    BASE,
    [
        wrong(
            "list_order",
            "You keep the order of the list. A node may stand in the list before a node that it uses.",
            (START, "    order = list(range(len(graph)))\n"),
        ),
        wrong(
            "list_reversed",
            "You turn the list round. That helps only if every node stands before those that it uses.",
            (START, "    order = list(range(len(graph)))[::-1]\n"),
        ),
        wrong(
            "backwards",
            "Your order is right, but backwards: it begins with the results. This one is for the forward pass.",
            (END, "    return order[::-1]\n"),
        ),
        wrong(
            "node_before_inputs",
            "A node is written down before its inputs are. First visit the inputs, then write down the node.",
            (VISIT, FIRST),
        ),
        wrong(
            "node_before_inputs_reversed",
            "Writing nodes down before their inputs and turning the list round fails where two paths meet again. "
            "Write a node down after its inputs.",
            (VISIT, FIRST),
            (END, "    return order[::-1]\n"),
        ),
        wrong(
            "shortest_distance",
            "You sort by the shortest way from an input. A node must wait for the longest one.",
            (
                START,
                "    def steps(node):\n"
                "        return min((1 + steps(k) for k in graph[node][1]), default=0)\n"
                "    order = sorted(range(len(graph)), key=steps)\n",
            ),
        ),
        wrong(
            "shortest_distance_from_end",
            "You go back from the results step by step and keep a node's first place. "
            "It needs its last one: everything that uses it comes after it.",
            (
                START,
                "    used = {k for op, inputs in graph for k in inputs}\n"
                "    queue = [node for node in range(len(graph)) if node not in used]\n"
                "    for node in queue:\n"
                "        queue += [k for k in dict.fromkeys(graph[node][1]) if k not in queue]\n"
                "    order = queue[::-1]\n",
            ),
        ),
        wrong(
            "first_input_only",
            "You wait for a node's first input only. All of its inputs must come before it.",
            ("op, inputs = graph[node]", "op, inputs = graph[node][0], graph[node][1][:1]"),
        ),
        wrong(
            "last_input_only",
            "You wait for a node's last input only. All of its inputs must come before it.",
            ("op, inputs = graph[node]", "op, inputs = graph[node][0], graph[node][1][-1:]"),
        ),
        wrong(
            "any_input",
            "You take a node as soon as one of its inputs is there. It needs all of them: `all`, not `any`.",
            (
                START,
                "    for _ in graph:\n"
                "        for node, (op, inputs) in enumerate(graph):\n"
                "            if node not in order and (not inputs or any(k in order for k in inputs)):\n"
                "                order.append(node)\n",
            ),
        ),
        wrong(
            "one_round",
            "You go through the list once. A node that is not ready yet must be looked at again.",
            (
                START,
                "    for node, (op, inputs) in enumerate(graph):\n"
                "        if all(k in order for k in inputs):\n"
                "            order.append(node)\n",
            ),
        ),
        wrong(
            "written_twice",
            "A node that is used twice stands in your order twice. Remember which nodes are done.",
            ("        if node in seen:\n            return\n", ""),
        ),
        wrong(
            "from_the_last_node",
            "You visit only what the last node of the list uses. "
            "The graph may have other nodes: start from each of them.",
            (START, "    visit(len(graph) - 1)\n"),
        ),
        wrong(
            "inputs_missing",
            "The input nodes are missing. They belong into the order too, before the nodes that use them.",
            ("        order.append(node)", "        if inputs:\n            order.append(node)"),
        ),
        wrong(
            "inputs_first",
            "You put the inputs of the graph first and keep the list's order for the rest. "
            "The rest use one another, too.",
            (START, "    order = sorted(range(len(graph)), key=lambda n: bool(graph[n][1]))\n"),
        ),
        wrong(
            "by_number_of_inputs",
            "You sort by how many inputs a node has. What counts is which ones they are.",
            (START, "    order = sorted(range(len(graph)), key=lambda n: len(graph[n][1]))\n"),
        ),
        wrong(
            "numbers_from_one",
            "You number the nodes from 1. The first node of the list is node 0.",
            (END, "    return [node + 1 for node in order]\n"),
        ),
        wrong(
            "nodes_not_numbers",
            "You return the nodes. Return their numbers, that is, their places in the list.",
            (END, "    return [graph[node] for node in order]\n"),
        ),
    ],
)

reference = compiled("graph_order", BASE)


def any_order(graph_order: Subject, graph: Graph) -> Any:
    """One and the same order for all that are right; a wrong answer as it is."""
    answer = plain(graph_order(graph))
    numbers = [node for node in answer if type(node) is int] if isinstance(answer, tuple) else []
    place = {node: k for k, node in enumerate(numbers)}
    each_once = answer == tuple(numbers) and sorted(numbers) == list(range(len(graph)))
    if each_once and all(place[k] < place[node] for node, (_, uses) in enumerate(graph) for k in uses):
        return reference(graph)
    return answer


def public() -> list[Case]:
    """One new thing a graph."""
    named = [
        ("the example", LECTURE),
        ("the same, in another order", SHUFFLED),
        ("a short and a long way", DETOUR),
        ("two ends", TWO_ENDS),
        ("nine nodes", BUSY),
    ]
    return [Case(f"{name}: any right order", (graph,), weight=0.25, use=any_order) for name, graph in named]


EXERCISE = Exercise("graph_order", 2.0, reference, public, MISTAKES)
