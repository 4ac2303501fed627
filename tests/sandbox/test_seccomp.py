"""The system call filter, run by a small interpreter of its own: what it allows, refuses and kills."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from autograder.sandbox.jail import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
MACHINES = pytest.mark.parametrize("machine", sorted(ARCH))


def decide(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the filter answers: a classic BPF machine with one register."""
    memory = {0: number, 4: ARCH[machine] if arch is None else arch}
    memory |= {16 + 8 * index: value & 0xFFFFFFFF for index, value in enumerate(arguments)}
    register, at, code = 0, 0, seccomp.program(machine)
    while True:
        kind, yes, no, k = code[at]
        at += 1
        if kind == 0x20:
            register = memory.get(k, 0)
        elif kind == 0x54:
            register &= k
        elif kind == 0x06:
            return k
        else:
            holds = {0x15: register == k, 0x35: register >= k, 0x45: bool(register & k)}[kind]
            at += yes if holds else no


def refused(code: int) -> int:
    return 0x00050000 | code


@MACHINES
def test_every_listed_call_is_refused_and_ordinary_ones_are_not(machine: str) -> None:
    column = sorted(ARCH, reverse=True).index(machine)
    for name, numbers in seccomp.DENIED.items():
        if numbers[column] is not None:
            assert decide(machine, numbers[column] or 0) == refused(errno.EPERM), name
    ordinary = {"x86_64": (0, 1, 2, 3, 12, 57, 59, 60, 61, 202), "aarch64": (63, 64, 56, 57, 214, 221, 93, 98)}[machine]
    assert {decide(machine, number) for number in ordinary} == {ALLOW}


@MACHINES
def test_calls_that_depend_on_an_argument(machine: str) -> None:
    column = sorted(ARCH, reverse=True).index(machine)
    number = {name: numbers[column] for name, numbers in seccomp._SPECIAL.items()}
    assert decide(machine, number["socket"], 1) == ALLOW
    for family in (2, 10, 16, 17, 38, 40):  # IPv4, IPv6, netlink, packet, the kernel's cryptography, vsock
        assert decide(machine, number["socket"], family) == refused(errno.EACCES)
    assert decide(machine, number["clone"], 0x01200011) == ALLOW
    assert decide(machine, number["clone"], 0x003D0F00) == ALLOW  # a thread
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(machine, number["clone"], flag | 17) == refused(errno.EPERM)
    assert decide(machine, number["clone3"]) == refused(errno.ENOSYS)
    assert decide(machine, number["mmap"], 0, 4096, 3, 0x22) == ALLOW
    assert decide(machine, number["mmap"], 0, 4096, 3, 0x01) == ALLOW
    assert decide(machine, number["mmap"], 0, 4096, 3, 0x21) == refused(errno.EPERM)
    assert decide(machine, number["mmap"], 0, 4096, 3, 0x23) == refused(errno.EPERM)
    assert decide(machine, number["ioctl"], 1, 0x5401) == ALLOW
    assert decide(machine, number["ioctl"], 1, 0x5412) == refused(errno.EPERM)
    assert decide(machine, number["ioctl"], 1, 0x541C) == refused(errno.EPERM)
    assert decide(machine, number["ioctl"], 1, 0xF_0000_5412) == refused(errno.EPERM)


@MACHINES
def test_other_machines_and_unknown_calls(machine: str) -> None:
    assert decide(machine, 0, arch=0x40000003) == KILL  # 32-bit
    for number in (seccomp.LAST_KNOWN + 1, 1 << 30, (1 << 30) + 101, 0xFFFFFFFF):
        assert decide(machine, number) == refused(errno.ENOSYS)
    assert decide(machine, seccomp.LAST_KNOWN) == ALLOW


def test_a_machine_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="riscv64"):
        seccomp.program("riscv64")


@MACHINES
def test_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in found}
    column = sorted(ARCH, reverse=True).index(machine)
    for name, numbers in {**seccomp.DENIED, **seccomp._SPECIAL}.items():
        if name in known:
            assert numbers[column] == known[name], name
    missing = {name for name, numbers in seccomp.DENIED.items() if numbers[column] is not None and name not in known}
    assert len(missing) <= 6, missing  # younger than the header
