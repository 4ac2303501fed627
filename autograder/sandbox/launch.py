"""How the fork server is started: what is copied for it, what bubblewrap mounts for it, who it runs as."""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libexec", "share", "local/bin", "local/lib")  # below /usr; not src
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts", "alternatives")
_DEVICES = ("null", "full", "random", "urandom")
_WITHHELD = ("cnncourse", "autograder")  # never readable in the jail as installed; python_path brings a filtered copy

# Under root the mounts are made as root; what runs afterwards is nobody. exec makes the change complete: a process
# that only changed its user keeps files of /proc that belong to root.
_BOOT = """\
import os, sys
if os.getuid() == 0:
    os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})
if os.getpid() == 1 and sys.argv[4] == "isolated":
    import ctypes; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # changing the user has cleared it: die with bubblewrap
os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", "-c", sys.argv[1], *sys.argv[2:]])
"""
_MAIN = """\
import sys
sys.path.insert(0, sys.argv[2])
from jail.server import main
main(int(sys.argv[1]), sys.argv[4:], sys.argv[3] == "isolated")
"""


@dataclass(frozen=True)
class Stage:
    """A folder with copies that the jail may read: the runner, the course's modules, a few lines of /etc."""

    root: Path
    course: tuple[Path, ...]

    @property
    def code(self) -> Path:
        return self.root / "sandbox"

    @property
    def etc(self) -> Path:
        return self.root / "etc"


def stage(root: Path, python_path: Sequence[Path]) -> Stage:
    """Copy what the jail needs into `root`, readable by everybody: sources may lie where only their owner may look."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).parent / "jail", root / "sandbox" / "jail", ignore=ignore)
    course = []
    for number, folder in enumerate(python_path):
        shutil.copytree(folder, root / "course" / str(number), ignore=ignore)
        course.append(root / "course" / str(number))
    etc = root / "etc"
    etc.mkdir()
    (etc / "passwd").write_text(f"nobody:x:{NOBODY}:{NOBODY}:nobody:/tmp:/usr/sbin/nologin\n")
    (etc / "group").write_text(f"nogroup:x:{NOBODY}:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    root.chmod(0o755)
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return Stage(root, tuple(course))


def site_folders() -> list[Path]:
    """The folders of installed packages that this interpreter imports from; no folder added by hand."""
    known = [*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if site.ENABLE_USER_SITE:
        known.append(site.getusersitepackages())
    named = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    unique = dict.fromkeys(Path(entry).resolve() for entry in [*named, *known] if entry)
    return [folder for folder in unique if folder.is_dir()]


def interpreter() -> Path:
    """The base interpreter, no virtual environment's link to it."""
    return Path(os.path.realpath(sys.executable))


def environment(threads: int) -> dict[str, str]:
    """All environment variables of the jail."""
    numbers = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    plain = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "TMPDIR": "/tmp", "TZ": "UTC"}
    return {**plain, **numbers, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg"}


def main_thread() -> bool:
    """Whether the starter's thread will live as long as its process."""
    return threading.current_thread() is threading.main_thread()


def _covers(outer: Path, inner: Path) -> bool:
    return inner == outer or outer in inner.parents


class Mounts:
    """Collects bubblewrap's arguments; every parent folder is made with mode 0755, or nobody could pass through it."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.made: set[str] = {"/"}
        self.bound: list[tuple[Path, Path]] = []

    def folder(self, path: str) -> None:
        for parent in [*reversed(Path(path).parents), Path(path)]:
            if str(parent) not in self.made:
                self.arguments += ["--perms", "0755", "--dir", str(parent)]
                self.made.add(str(parent))

    def bind(self, source: Path, target: str | None = None, flag: str = "--ro-bind") -> None:
        if not source.exists():
            return
        where = target or str(source)
        self.folder(str(Path(where).parent))
        self.arguments += [flag, str(source), where]
        self.bound.append((source.resolve(), Path(where)))
        if source.is_dir():
            self.made.add(where)

    def hide(self, path: Path) -> None:
        """Make `path` unreadable wherever a bind has brought it into the jail."""
        for source, where in list(self.bound):
            if _covers(source, path) and path.exists():
                target = where / path.relative_to(source)
                if path.is_dir():
                    self.arguments += ["--perms", "0755", "--tmpfs", str(target), "--remount-ro", str(target)]
                else:
                    self.arguments += ["--ro-bind", "/dev/null", str(target)]


def _system(mounts: Mounts) -> None:
    mounts.folder("/usr/local")
    for name in _SYSTEM:
        mounts.bind(Path("/usr") / name)
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        link = Path(name)
        if link.is_symlink():
            mounts.arguments += ["--symlink", str(link.readlink()), name]
        else:
            mounts.bind(link)
    mounts.folder("/etc")
    for name in _ETC:
        mounts.bind(Path("/etc") / name)
    mounts.arguments += ["--proc", "/proc", "--perms", "0755", "--tmpfs", "/dev"]
    for name in _DEVICES:
        mounts.bind(Path("/dev") / name, flag="--dev-bind")
    mounts.arguments += ["--symlink", "/tmp/shm", "/dev/shm", "--remount-ro", "/dev"]


def _python(mounts: Mounts) -> list[str]:
    """Mount the interpreter and the installed packages; returns the jail's folders for sys.path."""
    binary = interpreter()
    prefix = binary.parent.parent
    if str(prefix) not in ("/usr", "/usr/local", "/"):
        for name in ("bin", "lib", "lib64"):
            mounts.bind(prefix / name)
    inside = []
    for number, folder in enumerate(site_folders()):
        mounts.bind(folder, f"/opt/site/{number}")
        inside.append(f"/opt/site/{number}")
    return inside


def withheld_paths(hide: Iterable[Path]) -> list[Path]:
    """Must not be readable: the course's packages as installed, the clone they come from, the caller's folders."""
    own = Path(__file__).resolve().parents[2]
    clone = [] if own.name in ("site-packages", "dist-packages") else [own]
    installed = []
    for folder in site_folders():
        for name in _WITHHELD:
            installed += [folder / name, *folder.glob(f"__editable__*{name}*"), *folder.glob(f"{name}*-info")]
    return [*installed, *clone, *(Path(path).resolve() for path in hide)]


def jailed(stage_: Stage, control_fd: int, hide: Iterable[Path]) -> list[str]:
    """The command that runs the fork server inside bubblewrap."""
    mounts = Mounts()
    _system(mounts)
    inside = _python(mounts)
    for path in withheld_paths(hide):
        mounts.hide(path)
    for name in ("passwd", "group", "hosts"):
        mounts.bind(stage_.etc / name, f"/etc/{name}")
    mounts.bind(stage_.code, "/opt/sandbox")
    course = [f"/opt/course/{number}" for number in range(len(stage_.course))]
    for source, target in zip(stage_.course, course, strict=True):
        mounts.bind(source, target)
    mounts.arguments += ["--perms", "1777", "--tmpfs", "/tmp", "--chdir", "/tmp", "--remount-ro", "/"]
    command = [
        shutil.which("bwrap") or "bwrap",
        *_isolation(),
        *mounts.arguments,
        "--",
        str(interpreter()),
        "-I",
        "-S",
        "-B",
        "-c",
    ]
    boot = _BOOT.format(uid=NOBODY)
    return [*command, boot, _MAIN, str(control_fd), "/opt/sandbox", "isolated", *course, *inside]


def _isolation() -> list[str]:
    # The server is the first process of its pid namespace, which ends with it: no reaper may stay behind.
    flags = ["--unshare-pid", "--as-pid-1", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    flags += ["--hostname", "jail", "--new-session"] if os.getuid() else ["--new-session"]
    if main_thread():
        flags.append(
            "--die-with-parent"
        )  # bound to the thread that starts it; the end of the control socket does the same
    if os.getuid() == 0:
        return [*flags, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*flags, "--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]


def unjailed(stage_: Stage, control_fd: int) -> list[str]:
    """The command for `unsafe=True`: the same server as a plain process of this user."""
    paths = [str(path) for path in [*stage_.course, *site_folders()]]
    command = [str(interpreter()), "-I", "-S", "-B", "-c", _MAIN, str(control_fd), str(stage_.code), "plain"]
    return [*command, *paths]
