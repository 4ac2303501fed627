"""Weights and cards on disk: written whole or not at all, and checked by their hash before they are used."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_weights
from safetensors.torch import save as pack_weights
from torch import Tensor, nn

HOME = Path(__file__).parent


class BadWeights(RuntimeError):
    """Stored weights or their card are missing, damaged, or do not belong together."""


def weights_path(name: str, home: Path = HOME) -> Path:
    """Where the weights of a net lie."""
    return home / "weights" / f"{name}.safetensors"


def card_path(name: str, home: Path = HOME) -> Path:
    """Where the card of a net lies."""
    return home / "cards" / f"{name}.json"


def pack(model: nn.Module, dtype: torch.dtype) -> bytes:
    """The state dict as safetensors bytes, floating tensors in `dtype`."""
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in model.state_dict().items()}
    return pack_weights({key: value.contiguous() for key, value in state.items()})


def write(name: str, packed: bytes, card: dict[str, Any], home: Path = HOME) -> dict[str, Any]:
    """Write weights, then the card that carries their sha256; returns the card. Each file appears whole or not at all.

    Cut off between the two, the old card's hash does not fit the new weights, and loading says so.
    """
    card = {**card, "sha256": sha256(packed), "bytes": len(packed)}
    _write_whole(weights_path(name, home), packed)
    _write_whole(card_path(name, home), (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card


def read_card(name: str, home: Path = HOME) -> dict[str, Any]:
    """The card of a net. Raises BadWeights if it is missing or no JSON object."""
    path = card_path(name, home)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadWeights(f"zoo: {name} has no card at {path}; {_remake(name)}") from None
    except ValueError as error:
        raise BadWeights(f"zoo: the card {path} is damaged ({error}); {_remake(name)}") from None
    if not isinstance(card, dict):
        raise BadWeights(f"zoo: the card {path} holds a {type(card).__name__}; expected an object; {_remake(name)}")
    return cast(dict[str, Any], card)


def read_weights(name: str, home: Path = HOME) -> dict[str, Tensor]:
    """The stored state dict, in float32. Raises BadWeights if the file is missing or its hash is not the card's."""
    path, expected = weights_path(name, home), read_card(name, home).get("sha256")
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise BadWeights(f"zoo: {name} has no weights at {path}; {_remake(name)}") from None
    if sha256(packed) != expected:
        raise BadWeights(
            f"zoo: the weights {path} have sha256 {sha256(packed)[:16]}…, the card says {str(expected)[:16]}…; "
            f"the file is damaged or belongs to another card; reinstall cnncourse, or {_remake(name)}"
        )
    try:
        state = parse_weights(packed)
    except SafetensorError as error:
        raise BadWeights(f"zoo: {path} is no safetensors file ({error}); {_remake(name)}") from None
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def _remake(name: str) -> str:
    return f"make them again with `python -m cnncourse.zoo train {name}`"


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
