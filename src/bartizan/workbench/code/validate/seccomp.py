"""A seccomp filter in classic BPF, without a library: what it denies answers EPERM, what it has never heard of ENOSYS.

Layout of ``struct seccomp_data`` and the codes are those of linux/seccomp.h and linux/filter.h.
"""

from __future__ import annotations

import platform
import struct
import tomllib
from importlib.resources import files
from typing import Final

import msgspec

from bartizan.errors import WorkError

_LOAD, _EQUAL, _GREATER_EQUAL, _SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_NUMBER, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24
_X32: Final = 0x40000000
_NEW_NAMESPACES: Final = 0x7E020000 | 0x00000080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""
_FAMILIES: Final = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6; the network namespace has loopback only."""
_IOCTLS: Final = (0x5412, 0x541C, 0x5423)
"""TIOCSTI, TIOCLINUX and TIOCSETD: they put words into the mouth of a terminal."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one architecture."""

    arch: int
    newest: int
    socket: int
    clone: int
    clone3: int
    ioctl: int
    denied: tuple[int, ...]


def table(machine: str = "") -> Table:
    """Return the numbers for a machine; raises WorkError where they are not known."""
    tables = tomllib.loads(files(__package__).joinpath("syscalls.toml").read_text(encoding="utf-8"))
    name = {"AMD64": "x86_64", "arm64": "aarch64"}.get(machine or platform.machine(), machine or platform.machine())
    if name == "names" or name not in tables:
        raise WorkError(f"there is no list of system calls for {name}, so strangers' code is not run here")
    return msgspec.convert(tables[name], Table)


def program(numbers: Table) -> bytes:
    """Return the filter as the kernel takes it."""
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, numbers.arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER_EQUAL, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        (_GREATER_EQUAL, 0, 1, numbers.newest + 1),
        _errno(_ENOSYS),
    ]
    for number in numbers.denied:
        code += [(_EQUAL, 0, 1, number), _errno(_EPERM)]
    code += [
        (_EQUAL, 0, 1, numbers.clone3),
        _errno(_ENOSYS),
    ]  # its flags lie in memory, where no filter sees them; libc falls back to clone
    code += _only_if(numbers.clone, [(_LOAD, 0, 0, _ARG0), (_SET, 0, 1, _NEW_NAMESPACES), _errno(_EPERM), (_RETURN, 0, 0, _ALLOW)])
    code += _only_if(
        numbers.socket,
        [
            (_LOAD, 0, 0, _ARG0),
            *[each for family in _FAMILIES for each in ((_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW))],
            _errno(_EAFNOSUPPORT),
        ],
    )
    code += _only_if(
        numbers.ioctl,
        [(_LOAD, 0, 0, _ARG1), *[each for number in _IOCTLS for each in ((_EQUAL, 0, 1, number), _errno(_EPERM))], (_RETURN, 0, 0, _ALLOW)],
    )
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def _errno(number: int) -> tuple[int, int, int, int]:
    return (_RETURN, 0, 0, _ERRNO | number)


def _only_if(number: int, block: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Run a block, which always returns, for one system call."""
    return [(_EQUAL, 0, len(block), number), *block]
