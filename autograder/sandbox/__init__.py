"""A jail for notebooks: student code runs here, data comes out, nothing else does.

`Sandbox` is a fork server inside bubblewrap; `Sandbox.session()` gives a `Session`, one jailed child, which runs
cells and answers calls. `probe()` says whether this machine can do it. Imports nothing of the course or the rest of
the autograder.
"""

from .limits import CallFailed, CellResult, Limits, SandboxError
from .probe import Probe, probe
from .sandbox import Sandbox
from .session import Session

__all__ = ["CallFailed", "CellResult", "Limits", "Probe", "Sandbox", "SandboxError", "Session", "probe"]
