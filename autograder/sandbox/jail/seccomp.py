"""A seccomp filter, written out as the BPF program it is: what student code may not ask of the kernel.

Refused calls fail with EPERM, as they would for want of a capability. The namespaces and the missing capabilities
already forbid most of this; the filter takes away what would be a way around them after a mistake or a bug in the
kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

# name: (x86_64, aarch64); None where the machine has no such call
DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes' memory
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # new namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # large, young or exotic parts of the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "seccomp": (317, 277),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "vmsplice": (278, 75),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    # memory that no process is charged for
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmctl": (31, 195),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # the machine
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "adjtimex": (159, 171),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "iopl": (172, None),
    "ioperm": (173, None),
    "vhangup": (153, 58),
}
LAST_KNOWN = 456  # calls added to Linux after futex_requeue: as if the kernel did not have them
_ARCH = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_SPECIAL = {"socket": (41, 198), "clone": (56, 220), "clone3": (435, 435), "ioctl": (16, 29), "mmap": (9, 222)}
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_SHARED_ANONYMOUS = 0x21  # memory that outlives its pages' last sight: it could hide from the supervisor
_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into somebody's terminal

_LOAD, _EQUAL, _MORE, _SET, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER, _MACHINE = 0, 4
_Instruction = tuple[int, int, int, int]


def _argument(index: int) -> int:
    return 16 + 8 * index


def _refuse(code: int) -> _Instruction:
    return (_RETURN, 0, 0, 0x00050000 | code)


def program(machine: str) -> list[_Instruction]:
    """The filter for `machine` ("x86_64", "aarch64") as (code, jump if true, jump if false, k). Else ValueError."""
    if machine not in _ARCH:
        raise ValueError(
            f"no system call filter for {machine}; got that from platform.machine(), expected {set(_ARCH)}"
        )
    column, arch = _ARCH[machine]
    special = {name: numbers[column] for name, numbers in _SPECIAL.items()}
    code: list[_Instruction] = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_MORE, 0, 1, LAST_KNOWN + 1),  # x86_64: also the x32 calls, which start at 1 << 30
        _refuse(errno.ENOSYS),
        (_EQUAL, 0, 1, special["clone3"]),  # its flags lie behind a pointer; libc falls back to clone
        _refuse(errno.ENOSYS),
    ]
    for numbers in DENIED.values():
        number = numbers[column]
        if number is not None:
            code += [(_EQUAL, 0, 1, number), _refuse(errno.EPERM)]
    code += _arguments(special)
    return [*code, (_RETURN, 0, 0, _ALLOW)]


def _arguments(special: dict[str, int]) -> list[_Instruction]:
    """Calls that depend on an argument. Each block ends with allow or refuse: the number is loaded only once."""
    allow = (_RETURN, 0, 0, _ALLOW)
    blocks: list[tuple[str, list[_Instruction]]] = [
        ("socket", [(_LOAD, 0, 0, _argument(0)), (_EQUAL, 1, 0, 1), _refuse(errno.EACCES), allow]),  # AF_UNIX only
        ("clone", [(_LOAD, 0, 0, _argument(0)), (_SET, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM), allow]),
        (
            "mmap",
            [
                (_LOAD, 0, 0, _argument(3)),
                (_AND, 0, 0, _SHARED_ANONYMOUS),
                (_EQUAL, 0, 1, _SHARED_ANONYMOUS),
                _refuse(errno.EPERM),
                allow,
            ],
        ),
        (
            "ioctl",
            [
                (_LOAD, 0, 0, _argument(1)),
                (_EQUAL, 1, 0, _TERMINAL[0]),
                (_EQUAL, 0, 1, _TERMINAL[1]),
                _refuse(errno.EPERM),
                allow,
            ],
        ),
    ]
    code: list[_Instruction] = []
    for name, block in blocks:
        code += [(_EQUAL, 0, len(block), special[name]), *block]
    return code


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install(machine: str | None = None) -> None:
    """Install the filter for this process and all its children. OSError when the kernel refuses."""
    code = program(machine or platform.machine())
    raw = b"".join(struct.pack("HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(raw, len(raw))
    described = _Program(len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.byref(described), 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        code_ = ctypes.get_errno()
        raise OSError(code_, f"seccomp filter refused: {os.strerror(code_)}")
