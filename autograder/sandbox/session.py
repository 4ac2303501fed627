"""One jailed child as the trusted process sees it: requests go in, data comes out, a deadline ends everything."""

from __future__ import annotations

import contextlib
import json
import math
import secrets
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from .jail import wire
from .limits import CallFailed, CellResult, FailureKind, Limits, SandboxError
from .objects import Object, Pulled, differentiable, pulled
from .outputs import clean_outputs, clean_text, error_output

_HEAD = struct.Struct("<cI")
_END_SECONDS = 5.0
_MAX_NAME = 200
_REASONS = {"time": "time", "memory": "memory", "output": "output", "cpu": "cpu"}


class Ended(Exception):
    """The child is gone, or has to go. kind as in CallFailed; limit names the limit, if one was the reason."""

    def __init__(self, kind: FailureKind, message: str, limit: str | None = None) -> None:
        super().__init__(message)
        self.kind, self.limit = kind, limit


class Session:
    """A notebook's process. Made by `Sandbox.session()`; use it in a `with` statement, or call close().

    After a crash, a limit or a frame that is not ours `alive` is False and the session answers nothing more: open a
    fresh one. Nothing that student code shows after the first call is kept, because from then on it may have seen
    hidden cases.

    May be set between requests: `until`, a time of time.monotonic() past which nothing runs; `forbidden`, dotted names
    of functions that raise while a call runs. `called` says which of them the last call has called, as far as the
    child can be believed.
    """

    def __init__(
        self, channel: socket.socket, status: socket.socket, limits: Limits, start_seconds: float = 30.0
    ) -> None:
        self._channel, self._status, self.limits = channel, status, limits
        self._bounds = wire.Bounds(buffer_bytes=limits.answer_bytes)
        self._cell_bounds = wire.Bounds(buffer_bytes=2 * limits.figure_bytes + (1 << 20))
        self._out = ((b"", 0), (b"", 0))
        self._ahead = wire.Ahead(self._more)
        self._deadline = 0.0
        self._called = False
        self._used = 0.0
        self._end: str | None = None
        self.until = math.inf
        self.forbidden: tuple[str, ...] = ()
        self.called: tuple[str, ...] = ()
        self.alive = True
        for end in (channel, status):
            end.setblocking(False)
        try:
            letter, payload = self._message(time.monotonic() + start_seconds)
            if letter == b"U":
                return
            reason = payload.decode(errors="replace")
        except Ended as ended:
            reason = str(ended)
        self._finish()
        raise SandboxError(f"a jailed process could not start: {clean_text(reason, 500)}")

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------ the two requests

    def run_cell(self, source: str) -> CellResult:
        """Run one cell as a notebook would. Never raises for anything that student code does."""
        if not isinstance(source, str):
            raise TypeError(f"run_cell: source is a {type(source).__name__}; expected a string of Python")
        if not self.alive:
            return CellResult(False, error="the notebook's process has ended", flags=("crash",))
        started = time.monotonic()
        limit: str | None = None
        error: str | None = None
        flags: list[str] = []
        outputs: list[dict[str, Any]] = []
        try:
            reply = self._ask("cell", {"source": source}, self.limits.cell_seconds, self._cell_bounds)
            error, outputs, flags = _read_cell(reply, self.limits)
            self._fetch_output()
        except wire.NotData as refused:
            error = f"the cell's source cannot be run: {refused}"
        except Ended as ended:
            limit, error, flags = ended.limit, str(ended), [ended.kind]
            self._finish()
        return self._cell_result(error, outputs, flags, limit, time.monotonic() - started)

    def _cell_result(
        self, error: str | None, outputs: list[dict[str, Any]], flags: list[str], limit: str | None, seconds: float
    ) -> CellResult:
        if self._called:
            hidden = None if error is None else "an error (its text is withheld: hidden cases have run)"
            return CellResult(error is None, hidden, seconds=seconds, limit=limit, flags=("withheld",))
        texts = [clean_text(raw.decode(errors="replace"), self.limits.output_bytes) for raw, _ in self._out]
        for name, (_, lost) in zip(("stdout", "stderr"), self._out, strict=True):
            if lost:
                flags.append(f"{name} cut: {lost} bytes more")
        return CellResult(error is None, error, texts[0], texts[1], outputs, seconds, limit, tuple(flags))

    def call(
        self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, seconds: float | None = None
    ) -> Any:
        """Call the notebook's function `name` with plain data and tensors; returns plain data and tensors.

        seconds: time limit of this call (default limits.call_seconds). args may hold `Object`s of this session. Raises
        CallFailed for anything that student code does, TypeError when an argument cannot be sent.
        """
        return self.ask("call", name, args, {"kwargs": dict(kwargs or {})}, seconds)

    def make(self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Object:
        """Call `name` (a class, or a function) and leave what it gives in the child. Raises as `call` does."""
        number = secrets.randbits(50)  # ours, so that the child has nothing to say about it
        self.ask("make", name, args, {"kwargs": dict(kwargs or {}), "number": number, "seed": 0})
        return Object(self, number)

    def vjp(
        self,
        name: str,
        args: Sequence[Any],
        cotangents: Any,
        wrt: Sequence[int] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> Pulled:
        """Call `name` and pull `cotangents` back: see `Object.vjp`."""
        places = differentiable(args, wrt)
        body = {"kwargs": dict(kwargs or {}), "cotangents": cotangents, "wrt": places, "seed": 0}
        return pulled(self.ask("vjp", name, args, body), [args[k] for k in places])

    def ask(
        self, op: str, target: str | Object, args: Sequence[Any], more: Mapping[str, Any], seconds: float | None = None
    ) -> Any:
        """One request to a function (by its name) or an object; raises as `call` does."""
        if not isinstance(target, Object) and not (
            isinstance(target, str) and target.isidentifier() and len(target) <= _MAX_NAME
        ):
            raise ValueError(f"call: name is {target!r}; expected a Python identifier")
        held = {str(k): value for k, value in enumerate(args) if isinstance(value, Object)}
        known = all(value.session is self for value in (*held.values(), target) if isinstance(value, Object))
        if not self.alive or not known:
            raise CallFailed("crash", "ProcessEnded", "the notebook's process has ended")
        self._called, self.called = True, ()
        body = {
            **more,
            "target": target.number if isinstance(target, Object) else target,
            "args": [None if isinstance(value, Object) else value for value in args],
            "held": {place: value.number for place, value in held.items()},
            "forbidden": list(self.forbidden),
        }
        try:
            reply = self._ask(op, body, seconds or self.limits.call_seconds, self._bounds)
            self.called = _read_called(reply, self.forbidden)
            return _read_answer(reply)
        except Ended as ended:
            self._finish()
            type_name = {"limit": "LimitExceeded", "crash": "ProcessEnded"}.get(ended.kind, "WireError")
            raise CallFailed(ended.kind, type_name, str(ended)) from None

    def _ask(self, op: str, body: dict[str, Any], seconds: float, bounds: wire.Bounds) -> dict[str, Any]:
        nonce = secrets.token_hex(8)
        frame = wire.encode({"op": op, "id": nonce, **body}, wire.Bounds(buffer_bytes=1 << 32))
        left = self.limits.total_seconds - self._used
        started = time.monotonic()
        deadline = min(started + min(seconds, left), self.until)
        try:
            self._no_early_frame()
            self._send(frame, deadline)
            self._deadline = deadline
            reply = wire.read(self._receive, bounds)
        except wire.WireError as error:
            raise Ended("wire", f"the answer is not one of ours: {error}") from None
        finally:
            self._used += time.monotonic() - started
        if type(reply) is not dict or reply.get("id") != nonce:
            raise Ended("wire", "the answer does not belong to the request")
        return reply

    # ------------------------------------------------------------ the sockets

    def _no_early_frame(self) -> None:
        if self._ahead.kept:
            raise Ended("wire", "an answer came before its request")
        try:
            early = self._channel.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError as error:
            raise Ended("crash", "the notebook's process has ended") from error
        if early:
            raise Ended("wire", "an answer came before its request")
        raise self._why()

    def _wait(self, events: int, deadline: float) -> None:
        """Until the channel is ready. Raises Ended at the deadline, or when the supervisor reports the end first."""
        poll = select.poll()
        poll.register(self._channel.fileno(), events)
        poll.register(self._status.fileno(), select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Ended("limit", "the time limit was reached", "time")
            ready = dict(poll.poll(left * 1000))
            if self._channel.fileno() in ready:
                return
            if self._status.fileno() in ready:
                self._message(deadline)
                if self._end is not None:
                    raise self._why()

    def _receive(self, count: int) -> bytearray:
        try:
            return self._ahead.take(count)
        except EOFError:
            raise self._why() from None

    def _more(self, most: int) -> bytes:
        """The next bytes of an answer, b"" at its end. Raises Ended at the deadline."""
        while True:
            self._wait(select.POLLIN, self._deadline)
            try:
                return self._channel.recv(most)
            except BlockingIOError:  # it was not ready after all
                continue
            except OSError:
                return b""

    def _send(self, chunks: list[bytes], deadline: float) -> None:
        for chunk in chunks:
            view = memoryview(chunk)
            while view:
                try:
                    view = view[self._channel.send(view) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, deadline)
                except OSError:
                    raise self._why() from None

    def _why(self) -> Ended:
        """The reason of an end that has come by itself, from the supervisor, who alone can be believed."""
        with contextlib.suppress(Ended):
            until = time.monotonic() + 1.0
            while self._end is None:
                self._message(until)
        limit = _REASONS.get(self._end or "")
        if limit:
            return Ended("limit", f"the limit on {limit} was reached", limit)
        return Ended("crash", "the notebook's process has ended")

    # ------------------------------------------------------------ the supervisor

    def _status_bytes(self, count: int, deadline: float) -> bytes:
        data = b""
        while len(data) < count:
            try:
                part = self._status.recv(count - len(data))
            except BlockingIOError:
                poll = select.poll()  # select() fails on a descriptor above 1,023
                poll.register(self._status, select.POLLIN)
                if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                    raise Ended("crash", "the supervisor is silent") from None
                continue
            except OSError:
                part = b""
            if not part:
                raise Ended("crash", "the supervisor has ended")
            data += part
        return data

    def _message(self, deadline: float) -> tuple[bytes, bytes]:
        letter, length = _HEAD.unpack(self._status_bytes(_HEAD.size, deadline))
        payload = self._status_bytes(length, deadline)
        if letter == b"O":
            self._keep(payload)
        elif letter == b"X":
            self._end = str(json.loads(payload)["reason"])
        return letter, payload

    def _keep(self, payload: bytes) -> None:
        out, out_lost, err, err_lost = struct.unpack("<4Q", payload[:32])
        self._out = ((payload[32 : 32 + out], out_lost), (payload[32 + out : 32 + out + err], err_lost))

    def _fetch_output(self) -> None:
        with contextlib.suppress(OSError):  # the child may just have ended: then its last output is on the way
            self._status.send(b"O")
        deadline = time.monotonic() + _END_SECONDS
        while self._message(deadline)[0] != b"O":
            if self._end is not None:
                raise self._why()

    def _finish(self) -> None:
        """Kill, and wait until the supervisor says that nothing is left."""
        self.alive = False
        with contextlib.suppress(OSError):
            self._status.send(b"K")
        with contextlib.suppress(Ended):
            deadline = time.monotonic() + _END_SECONDS
            while self._end is None:
                self._message(deadline)
        self._channel.close()
        self._status.close()

    def close(self) -> None:
        """Kill the child and everything it started. May be called twice."""
        if self.alive:
            self._finish()


def _read_cell(reply: dict[str, Any], limits: Limits) -> tuple[str | None, list[dict[str, Any]], list[str]]:
    """Check a cell's reply, which student code may have written. Raises Ended for anything unexpected."""
    error, outputs, dropped = reply.get("error"), reply.get("outputs"), reply.get("dropped")
    if reply.get("kind") == "error":  # the runner could not send what the cell displayed
        return None, [], ["outputs dropped"]
    if reply.get("kind") != "cell" or type(dropped) is not int:
        raise Ended("wire", "the answer is none of a cell")
    cleaned = clean_outputs(outputs, limits.figure_bytes)
    if cleaned is None:
        raise Ended("wire", "the answer holds outputs that are none")
    flags = [f"{dropped} outputs dropped"] if dropped > 0 else []
    if error is None:
        return None, cleaned, flags
    shown = error_output(error)
    if shown is None:
        raise Ended("wire", "the answer holds an error that is none")
    return f"{shown['ename']}: {shown['evalue']}", [*cleaned, shown], flags


def _read_answer(reply: dict[str, Any]) -> Any:
    kind, type_name, message = reply.get("kind"), reply.get("type"), reply.get("message")
    if kind == "value" and "value" in reply:
        return reply["value"]
    if kind in ("error", "missing") and type(type_name) is str and type(message) is str:
        raise CallFailed(kind, clean_text(type_name, 100), clean_text(message, 2000))
    raise Ended("wire", "the answer is none of a call")


def _read_called(reply: dict[str, Any], forbidden: Sequence[str]) -> tuple[str, ...]:
    """The forbidden names that the child says were called; words of its own are none of ours."""
    said = reply.get("called", [])
    if type(said) is not list or not all(type(name) is str for name in said):
        raise Ended("wire", "the answer is none of a call")
    return tuple(name for name in forbidden if name in said)
