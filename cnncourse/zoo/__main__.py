"""`python -m cnncourse.zoo`: list, train and score the nets that come with the course."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cnncourse import zoo
from cnncourse.zoo.make import make, rescore
from cnncourse.zoo.recipes import recipe
from cnncourse.zoo.store import HOME


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done; 1 the net does not reach what its card says, or is damaged; 2 wrong arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            return _list(options.home)
        if options.command == "card":
            print(json.dumps(zoo.card(options.name, home=options.home), indent=2, ensure_ascii=False))
            return 0
        return _train(options.name, options.home) if options.command == "train" else _score(options.name, options.home)
    except ValueError as error:
        parser.error(str(error))
    except (zoo.BadWeights, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cnncourse.zoo", description="Small trained nets that come with the course.",
        epilog="Exit code: 0 done, 1 a net is damaged or does not reach its card's score, 2 wrong arguments.",
    )  # fmt: skip
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", type=Path, default=HOME, help="folder of weights/ and cards/ (default: the package)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[shared], help="all nets, with their scores")
    for command, text in (
        ("train", "train by the recipe, over its seeds, and store weights and card"),
        ("score", "score the stored net again and compare with its card"),
        ("card", "print the card"),
    ):
        sub = commands.add_parser(command, parents=[shared], help=text, description=text)
        sub.add_argument("name", metavar="NAME", help=f"one of {', '.join(zoo.names())}")
    return parser


def _list(home: Path) -> int:
    bad = 0
    for name in zoo.names():
        try:
            card = zoo.card(name, home=home)
            print(f"{name}: {card['about']}; {card['parameters']:,} weights, test {card['scores']['test']:.4f}")
        except zoo.BadWeights as error:
            bad = 1
            print(f"{name}: {error}")
    return bad


def _train(name: str, home: Path) -> int:
    scores = make(recipe(name), home)["scores"]
    print(
        f"stored {name}: test {scores['test']:.4f}; over seeds mean {scores['mean']:.4f}, spread {scores['spread']:.4f}"
    )
    return 0


def _score(name: str, home: Path) -> int:
    score, card = rescore(recipe(name), zoo.load(name, home=home)), zoo.card(name, home=home)
    expected = float(card["scores"]["test"])
    print(f"{name}: test accuracy {score:.4f}, card {expected:.4f}")
    # Another processor may round two nearly equal logits the other way: allow one example in 250.
    if abs(score - expected) > 0.004:
        print(
            f"{name}: the score is not the card's; the weights or the data differ from when it was made",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
