"""What a fresh worker does to itself before any of a learner's code: gives up everything it can.

Runs in the forked child of the fork server. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import dataclass

from autograder.sandbox import landlock, seccomp, system

NOBODY = 65534


@dataclass(frozen=True)
class Policy:
    """How a worker is confined. Crosses to the fork server as JSON.

    Attributes:
        namespaces: own user, process, mount, ipc and host name spaces for every worker.
        landlock: folders and files that may be read, by Landlock; None if not used.
        seccomp: whether system calls are filtered.
        memory: bytes of address space beyond what the libraries take.
        temporary: bytes of the private folder for temporary files, where there is one.
        scratch: that folder.
        cpu_seconds: processor time of one worker.
        file_bytes: size of one file.
        open_files: open descriptors.
        threads: threads of one worker, where the count is its own.
        nobody: whether to run as nobody, when started as root.
        keeps_reading: as nobody, still read what only root may, inside what `landlock` names.
    """

    namespaces: bool = False
    landlock: list[str] | None = None
    seccomp: bool = False
    memory: int = 2 * 1024**3
    temporary: int = 64 * 1024**2
    scratch: str = "/tmp"
    cpu_seconds: int = 300
    file_bytes: int = 64 * 1024**2
    open_files: int = 64
    threads: int = 64
    nobody: bool = False
    keeps_reading: bool = False

    @property
    def capabilities(self) -> int:
        """Those that a worker keeps, as bits."""
        return 1 << system.CAP_DAC_READ_SEARCH if self.keeps_reading else 0


DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]


def become_nobody(policy: Policy) -> None:
    """The fork server's own first step, before it imports anything."""
    if not policy.nobody or os.getuid() != 0:
        return
    if policy.keeps_reading:
        system.prctl(system.PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    if policy.keeps_reading:
        # PR_SET_KEEPCAPS keeps them permitted, not effective
        system.keep_capabilities(policy.capabilities)
    # a change of user makes /proc/self root's; a worker writes its user map there
    system.prctl(system.PR_SET_DUMPABLE, 1)


NAMESPACES = (
    system.CLONE_NEWUSER
    | system.CLONE_NEWNS
    | system.CLONE_NEWPID
    | system.CLONE_NEWIPC
    | system.CLONE_NEWUTS
)


def fork(policy: Policy) -> int:
    """`os.fork`; with namespaces, the child is the first process of its own and calls `furnish` next.

    Raises:
        OSError: if the kernel refuses.
    """
    return system.fork_into(NAMESPACES) if policy.namespaces else os.fork()


def furnish(policy: Policy, user: int, group: int) -> None:
    """In new namespaces: who one is there, and what is mounted.

    Args:
        user, group: as they were outside.
    Raises:
        OSError: if the kernel refuses.
    """
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
    system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    closed = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC
    system.mount(
        "tmpfs", policy.scratch, "tmpfs", closed, f"size={policy.temporary},nr_inodes=4096,mode=0700"
    )
    # nothing to learn from other processes, and no tmpfs without a size
    for place in ("/proc", "/dev/shm"):
        system.mount("tmpfs", place, "tmpfs", closed | system.MS_RDONLY, "size=4k,nr_inodes=2,mode=0555")


def confine(policy: Policy, keep: int) -> None:
    """The last step before a learner's code.

    Args:
        keep: the only descriptor that stays open, besides the standard streams, which become null.
    Raises:
        OSError: if anything of the policy cannot be put in force.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.closerange(3, keep)
    os.closerange(keep + 1, 65536)
    _limits(policy)
    os.chdir("/" if policy.landlock is not None else os.environ.get("TMPDIR", "/tmp"))
    if policy.landlock is not None:
        landlock.restrict(policy.landlock, DEVICES)
    if sys.platform == "linux":
        if policy.seccomp or policy.namespaces or policy.landlock is not None:
            system.keep_capabilities(policy.capabilities)
        system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
        system.prctl(system.PR_SET_DUMPABLE, 0)
        if not policy.namespaces:
            # in its namespaces a worker dies with the first process there, which is itself
            system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
    if policy.seccomp:
        seccomp.install()


def limits(policy: Policy) -> dict[str, int]:
    """Limit by its name in `resource`."""
    wanted = {
        "RLIMIT_CPU": policy.cpu_seconds,
        "RLIMIT_FSIZE": policy.file_bytes,
        "RLIMIT_NOFILE": policy.open_files,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    if policy.namespaces:
        # counted by user: in a user namespace of its own, the worker's alone
        wanted["RLIMIT_NPROC"] = policy.threads
    return wanted


def _limits(policy: Policy) -> None:
    import resource

    # address space: what is mapped now (the libraries, mostly untouched) and what a part may add
    for name, value in {"RLIMIT_AS": _mapped + policy.memory, **limits(policy)}.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue  # macOS lacks some
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(*(() if sys.platform == "linux" else (ValueError, OSError))):
            resource.setrlimit(kind, (value, value))


_UNKNOWN = 6 * 1024**3  # where there is no /proc: room for PyTorch's libraries
_mapped = _UNKNOWN


def measure() -> None:
    """Note the address space of the fork server: a child's is the same, and may not see /proc."""
    global _mapped
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
        _mapped = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
