"""Exercise `parameter_groups`: which parameter learns at which rate, by name."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch

from cnncourse.checks.catalogue import catalogue, wrong
from cnncourse.checks.core import Case, Exercise
from cnncourse.checks.subject import Subject
from cnncourse.checks.values import plain

Factors: TypeAlias = list[tuple[str, float]]

BASE = """
def parameter_groups(names, factors, lr):
    groups = {}
    for name in names:
        factor = 1
        for prefix, value in factors:
            if name == prefix or name.startswith(prefix + "."):
                factor = value
                break
        if factor != 0:
            groups.setdefault(lr * factor, []).append(name)
    return [{"params": params, "lr": rate} for rate, params in groups.items()]
"""
FITS = 'if name == prefix or name.startswith(prefix + "."):'
LOOP = "        for prefix, value in factors:\n"
BREAK = "                break\n"
APPEND = "groups.setdefault(lr * factor, []).append(name)"
END = '    return [{"params": params, "lr": rate} for rate, params in groups.items()]\n'

MISTAKES = catalogue(
    "parameter_groups",
    BASE,
    [
        wrong(
            "prefix_without_dot",
            "features.1 also caught features.10, features.11 …: a prefix ends where a dot stands, or the name ends.",
            (FITS, "if name.startswith(prefix):"),
        ),
        wrong(
            "anywhere",
            "You look for the prefix anywhere in the name. It stands at its beginning.",
            (FITS, "if prefix in name:"),
        ),
        wrong(
            "parts_only",
            "A prefix that is a whole name (features.0.weight) fits that parameter, too.",
            (FITS, 'if name.startswith(prefix + "."):'),
        ),
        wrong(
            "whole_names_only",
            "Only whole names fit. A prefix stands for everything below it: features for features.0.weight.",
            (FITS, "if name == prefix:"),
        ),
        wrong(
            "last_counts",
            "Where several prefixes fit you take the last. The first one counts.",
            (BREAK, ""),
        ),
        wrong(
            "longest_counts",
            "Where several prefixes fit you take the longest. The first one counts.",
            (LOOP, "        for prefix, value in sorted(factors, key=lambda pair: -len(pair[0])):\n"),
        ),
        wrong(
            "all_count",
            "Where several prefixes fit you multiply their factors. The first one counts alone.",
            ("factor = value\n" + BREAK, "factor = factor * value\n"),
        ),
        wrong(
            "zero_rate_kept",
            "You made a group with rate 0. A parameter with factor 0 is frozen and stands in no group.",
            ("        if factor != 0:\n    ", ""),
        ),
        wrong(
            "frozen_at_full_rate",
            "Parameters with factor 0 learn at the full rate in your groups. They stand in no group.",
            (APPEND, "groups.setdefault(lr * (factor or 1), []).append(name)"),
            ("if factor != 0:", "if True:"),
        ),
        wrong(
            "others_frozen",
            "Parameters that no prefix fits are missing. They learn at the rate lr.",
            ("factor = 1\n", "factor = 0\n"),
        ),
        wrong(
            "factor_for_rate",
            "You use the factor as the rate. The rate is lr times the factor.",
            (APPEND, "groups.setdefault(factor, []).append(name)"),
        ),
        wrong(
            "divided",
            "You divide lr by the factor. Multiply: factor 0.1 is a tenth of the rate.",
            (APPEND, "groups.setdefault(lr / factor, []).append(name)"),
        ),
        wrong(
            "one_rate",
            "All groups have the same rate. Each has its own: lr times the factor.",
            (END, END.replace('"lr": rate', '"lr": lr')),
        ),
        wrong(
            "one_group_each",
            "Each parameter has a group of its own. Parameters with the same rate share one.",
            (
                END,
                '    return [{"params": [name], "lr": rate} for rate, params in groups.items() for name in params]\n',
            ),
        ),
        wrong(
            "group_for_each_prefix",
            "You made a group for each prefix. Prefixes with the same factor share one.",
            ("        factor = 1\n", '        factor, fits = 1, ""\n'),
            ("factor = value\n", "factor, fits = value, prefix\n"),
            (APPEND, "groups.setdefault((lr * factor, fits), []).append(name)"),
            (END, END.replace("for rate, params in", "for (rate, _), params in")),
        ),
        wrong(
            "groups_overlap",
            "A parameter that several prefixes fit stands in several groups. It belongs to one: the first that fits.",
            (
                "        factor = 1\n",
                "        found = [v for p, v in factors if name == p or name.startswith(p + '.')]\n"
                "        for value in found[1:]:\n"
                "            if value:\n"
                "                groups.setdefault(lr * value, []).append(name)\n"
                "        factor = 1\n",
            ),
        ),
        wrong(
            "weights_only",
            "The biases are missing. Every parameter has a place, whatever its kind.",
            ("    for name in names:\n", '    for name in [n for n in names if not n.endswith("bias")]:\n'),
        ),
        wrong(
            "first_name_only",
            "Each group holds a single name. Collect all that learn at its rate.",
            (END, END.replace('"params": params', '"params": params[:1]')),
        ),
    ],
)


def reference(names: list[str], factors: Factors, lr: float) -> list[dict[str, Any]]:
    """Rate by rate."""
    rates = {}
    for name in names:
        parts = name.split(".")
        fitting = [value for prefix, value in factors if parts[: prefix.count(".") + 1] == prefix.split(".")]
        rates[name] = lr * (fitting[0] if fitting else 1.0)
    different = [rate for rate in dict.fromkeys(rates.values()) if rate]
    return [{"params": [n for n in names if rates[n] == rate], "lr": rate} for rate in different]


def sorted_groups(parameter_groups: Subject, names: list[str], factors: Factors, lr: float) -> Any:
    """The rates, the highest first, then the names of each group: the order of groups and of names is free."""
    answer = parameter_groups(names, factors, lr)
    if not isinstance(answer, list) or not all(type(group) is dict for group in answer):
        return plain(answer)
    groups = [(float(group["lr"]), sorted(group["params"])) for group in answer]
    groups.sort(key=lambda group: (-group[0], group[1]))
    rates = torch.tensor([rate for rate, _ in groups], dtype=torch.float64)
    return rates, *(", ".join(params) for _, params in groups)


NAMES = [
    *("features.0.weight", "features.1.weight", "features.1.bias", "features.7.weight", "features.8.weight"),
    *("features.8.bias", "features.10.weight", "features.11.weight", "features.11.bias"),
    *("classifier.weight", "classifier.bias"),
]


def public() -> list[Case]:
    """The rule of thumb of the lecture, then one thing after another."""
    tip: Factors = [("classifier", 1), ("features.10", 0.1), ("features.11", 0.1), ("features", 0.01)]
    trap: Factors = [("features.1", 0), ("features.0", 0.25), ("features.8", 0.25)]
    twice: Factors = [("features.11.bias", 0.5), ("features.11", 2), ("features.0.weight", 0), ("features", 0.5)]
    twice += [("classifier", 0.25), ("classifier.bias", 4)]
    deep = ["net.body.0.weight", "net.body.0.bias", "body.0.weight", "body.0.bias", "head.weight", "head.bias"]
    inside: Factors = [("body", 0.1), ("head.bias", 0), ("net.body.0", 10), ("net", 0.1)]
    made = [
        ("classifier 1, top layer 1/10, below 1/100", (NAMES, tip, 0.5)),
        ("features.1 is frozen", (NAMES, trap, 0.1)),
        ("several prefixes fit", (NAMES, twice, 2.0)),
        ("names within names", (deep, inside, 0.01)),
    ]
    return [Case(name, args, weight=0.2, use=sorted_groups) for name, args in made]


EXERCISE = Exercise("parameter_groups", 3.0, reference, public, MISTAKES)
