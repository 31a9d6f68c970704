"""Landlock: a process gives up the file system but for what it names. Needs no privilege.

Source: Linux Documentation/userspace-api/landlock.rst. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os

from autograder.sandbox import system

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
# Rights of the file system by the version in which they came: up to MAKE_SYM, then REFER, TRUNCATE,
# nothing new, IOCTL_DEV.
_ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_ALL_NETWORK = 3  # bind and connect of TCP, from version 4 on
_ALL_SCOPES = 3  # abstract sockets and signals of others, from version 6 on


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("filesystem", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Landlock's version in this kernel, 0 if there is none."""
    return max(0, system.libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))


def restrict(readable: list[str], writable: list[str]) -> None:
    """From now on only these folders and files can be opened.

    Args:
        readable: what may be read; paths that do not exist are left out.
        writable: files that may be read and written, none may be made.
    Raises:
        OSError: if the kernel has no Landlock or refuses.
    """
    found = version()
    if found == 0:
        raise OSError("this kernel has no Landlock")
    rules = _Ruleset(
        _ALL_RIGHTS[min(found, 5)], _ALL_NETWORK if found >= 4 else 0, _ALL_SCOPES if found >= 6 else 0
    )
    size = 8 if found < 4 else 16 if found < 6 else 24
    ruleset = system.check(
        system.libc().syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0), "landlock"
    )
    try:
        for path in readable:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
        system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
        system.check(system.libc().syscall(_RESTRICT_SELF, ruleset, 0), "landlock")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):
                rights &= ~_READ_DIR
            rule = _PathBeneath(rights, descriptor)
            system.check(
                system.libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0),
                f"landlock {path}",
            )
        finally:
            os.close(descriptor)
