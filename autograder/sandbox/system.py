"""System calls that the standard library does not offer, by ctypes. Linux only.

Imported by the worker before any library is: nothing but the standard library here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
from functools import cache
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_GET_SECCOMP, PR_SET_SECCOMP = 1, 4, 8, 21, 22
PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 23, 24, 36
PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 39, 47, 4

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID = 0x10000000, 0x20000000
CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID = 0x00200000, 0x01000000
PR_GET_TID_ADDRESS = 40
# number of the call, and which of its last two arguments is the address for the child's number
_CLONE = {"x86_64": (56, 0), "aarch64": (220, 1)}

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

MADV_COLLAPSE = 25
_HUGE = 2 * 1024**2

LAST_CAPABILITY = 63
CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522


@cache
def libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """The result of a C call, or its error as OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    return check(libc().prctl(ctypes.c_int(option), *values), f"prctl {option}")


def unshare(flags: int) -> None:
    check(libc().unshare(flags), "unshare")


@cache
def _with_lock() -> Any:
    """The C library, called without letting go of the interpreter's lock."""
    return ctypes.PyDLL(None, use_errno=True)


def fork_into(flags: int) -> int:
    """`os.fork`, with the child in new namespaces of its own.

    The usual way, to unshare and to fork once more, costs two copies of the page tables of a process with
    hundreds of libraries. This is what `os.fork` does in C, but for the flags. The caller must have one
    thread only: the C library's own preparations for a fork with threads are left out.

    Args:
        flags: CLONE_NEW… of the namespaces.
    Raises:
        OSError: if the kernel refuses, or on a kind of processor whose call is not known here.
    """
    if platform.machine() not in _CLONE:
        raise OSError(errno.ENOSYS, f"clone: not known for {platform.machine()}")
    call, place = _CLONE[platform.machine()]
    api = ctypes.pythonapi
    here = ctypes.c_void_p()
    # where the C library keeps the number of this thread: the kernel is to write the child's there
    libc().prctl(ctypes.c_int(PR_GET_TID_ADDRESS), ctypes.byref(here), 0, 0, 0)
    if here.value:
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
    last = [ctypes.c_void_p(None), here] if place else [here, ctypes.c_void_p(None)]
    clone = _with_lock().syscall
    clone.restype = ctypes.c_long
    nothing = ctypes.c_void_p(None)
    arguments = (ctypes.c_long(call), ctypes.c_ulong(flags | signal.SIGCHLD), nothing, nothing, *last)
    api.PyOS_BeforeFork()
    pid = clone(*arguments)
    if pid == 0:
        api.PyOS_AfterFork_Child()
    else:
        api.PyOS_AfterFork_Parent()
    return check(pid, "clone")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    check(
        libc().mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            options.encode(),
        ),
        f"mount {target}",
    )


def use_huge_pages() -> None:
    """Gather this process's own memory in huge pages, where the kernel can (Linux 6.1).

    A fork copies one entry for each page, so it takes half the time. What is written to later is split
    up again, so it costs no memory.
    """
    with open("/proc/self/maps", encoding="ascii", errors="replace") as file:
        lines = [line.split() for line in file]
    for place, rights, *_, inode in (line[:5] for line in lines):
        if rights == "rw-p" and inode == "0":
            first, last = (int(end, 16) for end in place.split("-"))
            for address in range(-(-first // _HUGE) * _HUGE, last - _HUGE + 1, _HUGE):
                # it may refuse: nothing is there, or it is too old; then all stays as it was
                libc().madvise(ctypes.c_void_p(address), ctypes.c_size_t(_HUGE), MADV_COLLAPSE)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def capabilities() -> int:
    """Effective, permitted and inheritable capabilities of this thread, together as bits."""
    header, data = _Header(_CAPABILITY_VERSION_3, 0), (_Data * 2)()
    check(libc().capget(ctypes.byref(header), data), "capget")
    low, high = (d.effective | d.permitted | d.inheritable for d in data)
    return low | high << 32


def keep_capabilities(bits: int) -> None:
    """Give up every capability but these, also for programs that might be started later."""
    for number in range(LAST_CAPABILITY + 1):
        # EINVAL: this kernel has no capability of that number. EPERM: not ours to drop; the canary
        # looks at what is left
        libc().prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0)
    libc().prctl(PR_CAP_AMBIENT, ctypes.c_ulong(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
    header, data = _Header(_CAPABILITY_VERSION_3, 0), (_Data * 2)()
    for index in range(2):
        part = bits >> 32 * index & 0xFFFFFFFF
        data[index] = _Data(part, part, 0)
    check(libc().capset(ctypes.byref(header), data), "capset")
