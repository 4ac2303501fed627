"""`python -m cnncourse.zoo`: list, train and score the nets that come with the course."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from cnncourse import zoo
from cnncourse.zoo.make import make, rescore
from cnncourse.zoo.nets import recipe
from cnncourse.zoo.store import HOME

# Another processor may round two nearly equal logits the other way: one image in 250, and two in 100 where an attack
# of many steps enlarges the difference.
TOLERANCE = (0.004, 0.02)


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
        if options.command == "train":
            return _train(options.name, options.home, options.workers)
        return _score(options.name, options.home)
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
        if command == "train":
            sub.add_argument("--workers", type=int, default=1, help="seeds trained at the same time (default: 1)")
    return parser


def _list(home: Path) -> int:
    bad = 0
    for name in zoo.names():
        try:
            card = zoo.card(name, home=home)
            print(
                f"{name}: {card['about']}; {card['parameters']:,} weights, test {card['scores']['clean']['test']:.4f}"
            )
        except zoo.BadWeights as error:
            bad = 1
            print(f"{name}: {error}")
    return bad


def _train(name: str, home: Path, workers: int) -> int:
    if workers < 1:
        raise ValueError(f"--workers is {workers}; expected a whole number >= 1")
    card = make(recipe(name), home, workers=workers)
    print(f"stored {name}: {card['bytes']:,} bytes, {card['dtype']}")
    for key, score in card["scores"].items():
        print(f"  {key}: {score['test']:.4f}; over seeds mean {score['mean']:.4f}, spread {score['spread']:.4f}")
    return 0


def _score(name: str, home: Path) -> int:
    how, card = recipe(name), zoo.card(name, home=home)
    scores = rescore(how, zoo.load(name, home=home))
    failed = 0
    for key, score in scores.items():
        expected = float(card["scores"][key]["test"])
        print(f"{name}, {key}: {score:.4f}, card {expected:.4f}")
        failed |= abs(score - expected) > TOLERANCE[key != "clean"]
    if failed:
        print(
            f"{name}: a score is not the card's; the weights or the data differ from when it was made",
            file=sys.stderr,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
