"""Can this machine jail student code? If not, why, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .limits import CallFailed, SandboxError
from .sandbox import Sandbox

_VIRTUAL = "Run the autograder in a Linux virtual machine; on Windows in WSL2 (`wsl --install`)."
_INSTALL = "Install bubblewrap: Debian/Ubuntu `apt-get install bubblewrap`, Fedora `dnf install bubblewrap`."
_APPARMOR = (
    "Ubuntu 24.04 and later restrict user namespaces by AppArmor. Allow bubblewrap with a profile "
    "(/etc/apparmor.d/bwrap: `abi <abi/4.0>, include <tunables/global> profile bwrap /usr/bin/bwrap flags=(unconfined) "
    "{ userns, }`, then `systemctl reload apparmor`), or ask the administrator for "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
)
_DOCKER = (
    "A container's default seccomp profile forbids namespaces: start it with `--security-opt seccomp=unconfined "
    "--security-opt systempaths=unconfined`, or run the autograder outside the container."
)
_SYSCTL = "The administrator can allow user namespaces: `sysctl user.max_user_namespaces=15000` (and on old Debian "
_SYSCTL += "kernels `sysctl kernel.unprivileged_userns_clone=1`)."


@dataclass(frozen=True)
class Probe:
    """ok: student code can be jailed here. Otherwise reason says what is missing, and advice how to get it.

    kernel_limits: "" when memory, processes and CPU are limited by cgroup besides, otherwise why they are not.
    """

    ok: bool
    reason: str
    advice: str
    kernel_limits: str = ""


def probe() -> Probe:
    """Start a jail and run one cell in it; a few seconds."""
    if sys.platform != "linux":
        return Probe(False, f"{platform.system()} has no namespaces to jail student code in.", _VIRTUAL)
    if platform.machine() not in ("x86_64", "aarch64"):
        return Probe(
            False, f"there is no system call filter for {platform.machine()}.", "Use an x86_64 or aarch64 machine."
        )
    if shutil.which("bwrap") is None:
        return Probe(False, "bubblewrap (bwrap) is not installed.", _INSTALL)
    try:
        with Sandbox() as sandbox, sandbox.session() as session:
            cell = session.run_cell("import torch\ndef f(x): return x + 1")
            if not cell.ok or session.call("f", [1]) != 2:
                return Probe(False, f"a jailed cell did not answer ({cell.error}).", "Please report this.")
    except (SandboxError, CallFailed) as error:
        return Probe(False, str(error), advice())
    return Probe(True, "student code runs in a jail (bubblewrap, namespaces, seccomp).", "", sandbox.kernel_limits)


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def advice() -> str:
    """What a person can do on this machine when bubblewrap is there but the jail does not start."""
    hints = []
    if _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        hints.append(_APPARMOR)
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        hints.append(_DOCKER)
    if _read("/proc/sys/user/max_user_namespaces") == "0" or _read("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        hints.append(_SYSCTL)
    if os.getuid() == 0:
        hints.append("Under root the jail runs as nobody: the Python environment must be readable by everybody.")
    return " ".join(hints) or "Try `bwrap --ro-bind / / --unshare-all true` and read what it says."
