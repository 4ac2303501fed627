"""What a child does: run cells in its IPython shell and call functions, as asked over the session socket.

Student code shares this process and may change everything here. Nothing that leaves it is trusted on the other side.
"""

from __future__ import annotations

import os
import random
from typing import Any

from . import forbid, objects, shell, wire

_shell: Any = None
_objects = objects.Objects()


def prepare() -> None:
    """Import and build everything slow, once, in the server."""
    global _shell
    _shell = shell.make()
    objects.warm()
    _seed(0)  # the first seeding of a process takes 15 ms


class _Channel:
    def __init__(self, fd: int, limits: dict[str, Any]) -> None:
        self.fd = fd
        self.ahead = wire.Ahead(lambda most: os.read(fd, most))
        self.outgoing = wire.Bounds(buffer_bytes=limits["answer_bytes"])

    def receive(self, count: int) -> bytearray:
        return self.ahead.take(count)

    def send(self, chunks: list[bytes]) -> None:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(self.fd, view) :]


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - notebooks use the global generator
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also asks every other kind of device


def run(fd: int, limits: dict[str, Any]) -> None:
    """Answer requests until the other end hangs up."""
    channel = _Channel(fd, limits)
    _seed(limits["seed"])
    while True:
        try:
            request = wire.read(channel.receive, None)  # from the trusted process: nothing to check
        except EOFError:
            return
        answer = _cell(request, limits) if request["op"] == "cell" else _call(request)
        try:
            chunks = wire.encode({"id": request["id"], **answer}, channel.outgoing)
        except wire.NotData as error:
            reply = {"id": request["id"], "kind": "error", "type": "NotData", "message": str(error)}
            chunks = wire.encode(reply, channel.outgoing)
        channel.send(chunks)


def _cell(request: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    return _shell.run(request["source"], limits["figure_bytes"])  # type: ignore[no-any-return]


def _call(request: dict[str, Any]) -> dict[str, Any]:
    guard = forbid.Guard(request["forbidden"], _shell.user_ns)
    try:
        target = _target(request["target"])
        with guard:
            return {"kind": "value", "value": _answer(request, target), "called": guard.called}
    except _Missing as error:
        return {"kind": "missing", "type": "NameError", "message": str(error)}
    except BaseException as error:
        words = {"type": type(error).__name__[:100], "message": shell.text_of(error)}
        return {"kind": "error", **words, "called": guard.called}
    finally:
        _shell.flush()


class _Missing(Exception):
    pass


def _target(target: str | int) -> Any:
    if isinstance(target, int):
        return _objects.get(target)
    found = _shell.user_ns.get(target)
    if not callable(found):
        known = target in _shell.user_ns
        raise _Missing(f"{target} is a {type(found).__name__}, not a function" if known else f"{target} is not defined")
    return found


def _answer(request: dict[str, Any], target: Any) -> Any:
    if request["op"] == "call":
        return target(*_objects.arguments(request), **request["kwargs"])
    return objects.perform(request, target, _objects)
