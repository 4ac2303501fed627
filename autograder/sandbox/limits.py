"""The words of the sandbox: what a session may use, what comes back, what can go wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

FailureKind = Literal["error", "limit", "missing", "crash", "wire"]


@dataclass(frozen=True)
class Limits:
    """What one session may use. Seconds are wall-clock time unless they say CPU; bytes and counts are per session,
    except file_bytes (each file) and files (open at once, each process)."""

    cell_seconds: float = 20.0
    call_seconds: float = 10.0
    total_seconds: float = 120.0  # running time of all cells and calls together
    session_seconds: float = 3600.0  # age at which a session is killed, whatever it does
    cpu_seconds: float = 240.0
    memory_bytes: int = 2 << 30
    processes: int = 64  # threads count
    file_bytes: int = 64 << 20
    files: int = 256
    scratch_bytes: int = 128 << 20
    scratch_files: int = 4096
    output_bytes: int = 1 << 20  # of stdout and of stderr, per cell
    figure_bytes: int = 8 << 20  # of figures and displayed values, per cell
    answer_bytes: int = 64 << 20  # of one answer to a call

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if type(value) not in (int, float) or value <= 0:
                raise ValueError(f"Limits: {part.name}={value!r}; expected a positive number")

    def for_jail(self) -> dict[str, Any]:
        """What the supervisor and the child need to know."""
        return asdict(self)


class SandboxError(Exception):
    """The sandbox itself cannot start or go on. `advice` says what a person can do about it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".strip())
        self.reason, self.advice = message, advice


class CallFailed(Exception):
    """A call to student code gave no answer.

    kind: "error" (it raised, or answered something that is no data), "limit" (time, memory, output …), "missing" (no
    such function), "crash" (its process ended), "wire" (it tried to answer in a way that is not ours). `message` is
    text that student code wrote: show it to nobody while hidden cases run.
    """

    def __init__(self, kind: FailureKind, type_name: str, message: str) -> None:
        super().__init__(f"{kind}: {type_name}: {message}")
        self.kind, self.type_name, self.message = kind, type_name, message


@dataclass(frozen=True)
class CellResult:
    """What a cell did. `outputs` are nbformat outputs with text/plain and image/png only; `limit` names the limit that
    ended the session in this cell ("time", "memory", "cpu", "output"), None if none did; `flags` say what was cut, and
    how the session ended ("limit", "crash", "wire") if it did."""

    ok: bool
    error: str | None = None
    stdout: str = ""
    stderr: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    limit: str | None = None
    flags: tuple[str, ...] = ()
