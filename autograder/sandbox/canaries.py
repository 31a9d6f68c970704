"""Attempts, from inside a confined worker, at what the sandbox must prevent.

They run once when a back end starts. One that succeeds, or says nothing, rules the back end out: a
sandbox that silently lacks a wall is worse than none. Standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
from collections.abc import Callable
from typing import Any

from autograder.sandbox import system
from autograder.sandbox.confine import DEVICES, Policy, limits

_MODE_FILTER = 2
_BEYOND = 64 * 1024**2


class Hole(Exception):
    """Something that should have been denied was not. Says what."""


def names(policy: Policy) -> list[str]:
    """The canaries that a worker under this policy must pass."""
    return list(_CANARIES) if policy.namespaces or policy.landlock is not None else []


def answer(connection: socket.socket) -> None:
    """Try everything and report over the connection, one JSON object a line."""
    question = json.loads(connection.makefile("rb").readline())
    policy = Policy(**question["policy"])  # what the trusted side thinks is in force
    report: dict[str, str] = {}
    for name in names(policy):
        try:
            _CANARIES[name](policy, question, connection)
            report[name] = ""
        except Hole as hole:
            report[name] = str(hole)
        except Exception as error:
            report[name] = f"could not be tried: {type(error).__name__}: {error}"
    connection.sendall(json.dumps(report).encode() + b"\n")


def _denied(what: str, attempt: Callable[..., Any], *arguments: Any) -> None:
    try:
        attempt(*arguments)
    except (OSError, MemoryError):
        return
    raise Hole(f"{what} was possible")


def _capabilities(policy: Policy, *_: Any) -> None:
    left = system.capabilities() & ~policy.capabilities
    if left:
        raise Hole(f"capabilities {left:#x} are left")
    if policy.namespaces:
        for number in range(system.LAST_CAPABILITY + 1):
            if system.libc().prctl(system.PR_CAPBSET_READ, ctypes.c_ulong(number), 0, 0, 0) == 1:
                raise Hole(f"capability {number} is left in the bounding set")


def _user(policy: Policy, question: dict[str, Any], *_: Any) -> None:
    if policy.nobody and os.getuid() == 0:
        raise Hole("runs as root")
    if system.prctl(system.PR_GET_NO_NEW_PRIVS) != 1:
        raise Hole("may gain privileges")


def _filter(*_: Any) -> None:
    if system.prctl(system.PR_GET_SECCOMP) != _MODE_FILTER:
        raise Hole("no filter of system calls is in force")
    _denied("memfd_create", os.memfd_create, "canary")
    _denied("fork", os.fork)
    _denied("execve", os.execv, "/bin/true", ["true"])
    shared = system.libc().shmget(0, 4096, 0o1600)
    if shared >= 0 or ctypes.get_errno() != errno.EPERM:
        raise Hole("shmget was possible")


def _network(*_: Any) -> None:
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        _denied(f"a socket of {family.name}", socket.socket, family)


def _mounts(*_: Any) -> None:
    remount = system.MS_REMOUNT | system.MS_BIND
    for place in ("/", "/usr", "/dev"):
        _denied(f"mounting {place} writable", system.mount, "none", place, None, remount)
    _denied("new namespaces", system.unshare, system.CLONE_NEWUSER)


def _read_only(policy: Policy, question: dict[str, Any], *_: Any) -> None:
    for folder in ["/", "/dev", "/dev/shm", "/usr", "/proc", *question["read_only"]]:
        path = os.path.join(folder, ".speechlab-canary")
        _denied(f"writing in {folder}", _write, path)


def _write(path: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.close(descriptor)
    os.unlink(path)


def _disk(policy: Policy, *_: Any) -> None:
    if not policy.namespaces:
        for folder in ("/tmp", "/var/tmp", os.environ.get("HOME", "/")):
            _denied(f"writing in {folder}", _write, os.path.join(folder, ".canary"))
        return
    size = os.statvfs(policy.scratch)
    if size.f_blocks * size.f_frsize > policy.temporary:
        raise Hole(f"{policy.scratch} holds {size.f_blocks * size.f_frsize} bytes, not {policy.temporary}")
    _write(os.path.join(policy.scratch, "canary"))  # this must work
    if policy.scratch != "/tmp" and os.path.isdir("/tmp"):
        _denied("writing in /tmp", _write, "/tmp/canary")


def _memory(policy: Policy, *_: Any) -> None:
    much = policy.memory + _BEYOND
    _denied(f"{much} bytes more memory", mmap.mmap, -1, much)


def _resource_limits(policy: Policy, *_: Any) -> None:
    import resource

    for name, value in limits(policy).items():
        if max(resource.getrlimit(getattr(resource, name))) > value:
            raise Hole(f"{name} is {resource.getrlimit(getattr(resource, name))}, expected {value}")


def _descriptors(_: Policy, question: dict[str, Any], connection: socket.socket) -> None:
    expected = {0, 1, 2, connection.fileno()}
    for descriptor in range(256):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        if descriptor not in expected:
            raise Hole(f"descriptor {descriptor} was inherited")


def _environment(_: Policy, question: dict[str, Any], *__: Any) -> None:
    more = set(os.environ) - set(question["environment"])
    if more:
        raise Hole(f"the environment holds {', '.join(sorted(more))}")


def _files(policy: Policy, question: dict[str, Any], *_: Any) -> None:
    for path in question["hidden"]:
        if os.path.isdir(path):
            _denied(f"listing {path}", os.listdir, path)
        _denied(f"reading {path}", os.open, path, os.O_RDONLY)


def _processes(policy: Policy, *_: Any) -> None:
    if policy.namespaces:
        if os.getpid() != 1:
            raise Hole("shares its process namespace")
        if os.listdir("/proc"):
            raise Hole("/proc is there")
        return
    _denied("listing /proc", os.listdir, "/proc")
    _denied("reading /proc/self", os.open, "/proc/self/status", os.O_RDONLY)


def _device_files(*_: Any) -> None:
    for path in DEVICES[:1]:
        os.close(os.open(path, os.O_RDWR))  # these must work


_Canary = Callable[..., None]
_CANARIES: dict[str, _Canary] = {
    "user": _user,
    "capabilities": _capabilities,
    "filter of system calls": _filter,
    "network": _network,
    "mounts": _mounts,
    "read-only system": _read_only,
    "disk": _disk,
    "memory": _memory,
    "limits": _resource_limits,
    "descriptors": _descriptors,
    "environment": _environment,
    "files": _files,
    "processes": _processes,
    "devices": _device_files,
}
