"""What a child does: run cells in its IPython shell and call functions, as asked over the session socket.

Student code shares this process and may change everything here. Nothing that leaves it is trusted on the other side.
"""

from __future__ import annotations

import os
import random
from typing import Any

from . import shell, wire

_shell: Any = None


def prepare() -> None:
    """Import and build everything slow, once, in the server."""
    global _shell
    _shell = shell.make()


class _Channel:
    def __init__(self, fd: int, limits: dict[str, Any]) -> None:
        self.fd = fd
        self.incoming = wire.Bounds(buffer_bytes=1 << 40)
        self.outgoing = wire.Bounds(buffer_bytes=limits["answer_bytes"])

    def receive(self, count: int) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = os.readv(self.fd, [view])
            if got == 0:
                raise EOFError
            view = view[got:]
        return data

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
    torch.manual_seed(seed)


def run(fd: int, limits: dict[str, Any]) -> None:
    """Answer requests until the other end hangs up."""
    channel = _Channel(fd, limits)
    _seed(limits["seed"])
    while True:
        try:
            request = wire.read(channel.receive, channel.incoming)
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
    name = request["name"]
    function = _shell.user_ns.get(name)
    if not callable(function):
        what = "is not defined" if name not in _shell.user_ns else f"is a {type(function).__name__}, not a function"
        return {"kind": "missing", "type": "NameError", "message": f"{name} {what}"}
    try:
        return {"kind": "value", "value": function(*request["args"], **request["kwargs"])}
    except BaseException as error:
        return {"kind": "error", "type": type(error).__name__[:100], "message": shell.text_of(error)}
    finally:
        _shell.flush()
