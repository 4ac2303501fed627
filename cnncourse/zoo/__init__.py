"""Small trained nets that come with the course, each with its recipe and a card of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from cnncourse.zoo.nets import RECIPES, recipe
from cnncourse.zoo.store import HOME, BadWeights, read_card, read_weights

__all__ = ["BadWeights", "card", "load", "names"]


def names() -> tuple[str, ...]:
    """The nets there are."""
    return tuple(RECIPES)


def load(name: str, *, home: Path = HOME) -> nn.Module:
    """A trained net, on the CPU, in float32, in evaluation mode. A new one on every call.

    Raises ValueError for an unknown name, BadWeights if the stored file is missing or is not what the card says.
    """
    model = recipe(name).build()
    try:
        model.load_state_dict(read_weights(name, home))
    except RuntimeError as error:
        if isinstance(error, BadWeights):
            raise
        raise BadWeights(
            f"zoo: the weights of {name} do not fit its architecture: {error}; "
            f"make them again with `python -m cnncourse.zoo train {name}`"
        ) from None
    return model.eval()


def card(name: str, *, home: Path = HOME) -> dict[str, Any]:
    """What is known of a net: data, recipe, seed, seconds, scores over seeds, versions, sha256 of its weights.

    Raises ValueError for an unknown name, BadWeights if the card is missing or damaged.
    """
    return read_card(recipe(name).name, home)
