"""Code that has no place in an exercise on tensors: processes, network, frames, hooks, other people's files.

Most of it fails in the jail and leaves no trace in the verdict, so the code is where it shows. As with `inspection`: a
flag is a question, not a verdict, and who wants to hide from a reader can. Flags hold words of this file only, whatever
the student wrote.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from autograder import inspection

MODULES = (  # brought in by an import; a variable of that name is the student's own
    *("socket", "subprocess", "ctypes", "signal", "pty", "fcntl", "mmap", "resource", "gc", "atexit", "faulthandler"),
    *("urllib.request", "http.client", "requests", "asyncio", "pickle", "copyreg", "builtins", "termios", "getpass"),
    *("multiprocessing", "threading", "inspect", "linecache", "site", "IPython.core", "torch.overrides"),
    *("torch.utils._python_dispatch", "IPython.display.Javascript", "webbrowser", "shutil"),
)
FUNCTIONS = {  # by the name they are called on: the import may stand in another cell
    "os": (
        *("fork", "forkpty", "kill", "killpg", "_exit", "abort", "system", "popen", "setsid", "posix_spawn", "walk"),
        *("execv", "execve", "execvp", "spawnv", "open", "read", "write", "dup", "dup2", "pipe", "symlink", "link"),
        *(
            "mkfifo",
            "mknod",
            "getppid",
            "memfd_create",
            "close",
            "closerange",
            "register_at_fork",
            "listdir",
            "statvfs",
        ),
    ),
    "sys": (
        *("_getframe", "_current_frames", "settrace", "setprofile", "addaudithook", "displayhook", "excepthook"),
        *("meta_path", "path_hooks", "setrecursionlimit", "exit"),
    ),
    "torch": ("set_default_device", "set_default_dtype", "set_num_threads", "set_default_tensor_type"),
}
METHODS = ("__reduce__", "__reduce_ex__", "__torch_function__", "__torch_dispatch__", "__del__", "__eq__", "__float__")
PLAIN = ("float", "int", "str", "bool", "complex", "list", "tuple", "dict", "Tensor", "ndarray")
OWNED = ("torch", "numpy", "builtins", "sys", "os", "math", "json", "IPython")
FREE = ("torch.backends", "os.environ")  # what honest notebooks set
PLACES = ("proc", "etc", "sys", "dev", "root", "home", "var", "srv", "usr")

_PLACE = re.compile(rf"/({'|'.join(PLACES)})(/|\Z)")
_WORDS = {name.split(".")[-1] for name in MODULES} | {
    "os",
    "sys",
    "del",
    "setattr",
    "delattr",
    *METHODS,
    *FUNCTIONS["torch"],
}
_WORTH = re.compile(rf"\b({'|'.join(sorted(_WORDS))})\b|['\"]/|\.\w+\s*=(?!=)|\b({'|'.join(PLAIN)})\s*[,)]\s*:?")


@lru_cache(maxsize=64)
def reaches(source: str) -> tuple[str, ...]:
    """What in the code reaches beyond an exercise, in order; () where nothing does, or where it is no Python."""
    if not _WORTH.search(source):  # most cells: reading them would cost more than all the rest
        return ()
    tree = inspection.parse(source)
    if tree is None:
        return ()
    nodes = list(ast.walk(tree))
    brought = _imported(nodes)
    aliases = {"np": "numpy", **{name: name for name in OWNED}, **brought}
    found = {name for name in MODULES if any(f"{full}.".startswith(f"{name}.") for full in brought.values())}
    return tuple(sorted(found.union(*(_found(node, aliases) for node in nodes))))


def _imported(nodes: list[ast.AST]) -> dict[str, str]:
    """What the names of this cell's own imports stand for."""
    names: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
    return names


def _found(node: ast.AST, aliases: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef) and node.name in METHODS:
        yield node.name
    elif isinstance(node, ast.ClassDef):
        bases = (_full(base, aliases).rpartition(".")[2] for base in node.bases)
        yield from (f"a subclass of {base}" for base in bases if base in PLAIN)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if place := _PLACE.match(node.value):
            yield f"a path in /{place[1]}"
    elif isinstance(node, ast.Attribute | ast.Name):
        yield from _named(node, _full(node, aliases))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
        mine = node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "self"
        yield from () if mine else (node.func.id,)


def _named(node: ast.Attribute | ast.Name, full: str) -> Iterator[str]:
    module, _, rest = full.partition(".")
    if rest.split(".")[0] in FUNCTIONS.get(module, ()):
        yield f"{module}.{rest.split('.')[0]}"
    changed = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
    if changed and module in OWNED and not full.startswith(FREE):
        yield f"{module} is changed"


def _full(node: ast.AST, aliases: dict[str, str]) -> str:
    """The dotted name of an attribute chain that starts at a known name, "" for all others."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    head = aliases.get(node.id, node.id if node.id in PLAIN else "")
    return ".".join([head, *reversed(parts)]) if head else ""
