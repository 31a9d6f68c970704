"""The ways in which a learner's code can be kept apart, and the choice among them.

The best one that works here is taken, and "works" means that its canaries passed on this machine, now.
"""

from __future__ import annotations

import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError, GradingError
from autograder.sandbox import landlock as landlock_calls
from autograder.sandbox import seccomp
from autograder.sandbox.confine import NOBODY, Policy

CHOICE = "SPEECHLAB_ISOLATION"
IMAGE = "SPEECHLAB_CONTAINER_IMAGE"
UNSAFE = "subprocess"
# What programs need of the system to run, besides Python itself.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
SETTINGS = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
)
ADDRESS_IN_CONTAINER = "/run/speechlab/control"
PACKAGES_IN_CONTAINER = "/opt/speechlab"


class Unavailable(Exception):
    """A back end does not work here. Says why."""


@dataclass(frozen=True)
class Backend:
    """One way to keep a learner's code apart.

    Attributes:
        command: (what Python is to run) → the command that runs it inside.
        makes_socket: the fork server makes the socket itself, since no descriptor reaches it.
        summary: what holds, for reports.
    """

    name: str
    policy: Policy
    summary: str
    command: Callable[[list[str], Path], list[str]]
    makes_socket: bool = False

    @property
    def isolates(self) -> bool:
        """Whether it may run code of strangers."""
        return self.name != UNSAFE

    def __str__(self) -> str:
        return f"{self.name} ({self.summary})"


def _limits_in_words(policy: Policy) -> str:
    return f"{policy.memory // 1024**2} MiB of memory, {policy.cpu_seconds} s of processor time"


def _can_be_nobody() -> bool:
    """Whether this is root, and a root that may change its user: one of a rootless container may not."""
    if os.getuid() != 0:
        return False
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [[int(number) for number in line.split()] for line in file]
    return any(first <= NOBODY < first + count for first, _, count in ranges)


def bubblewrap() -> Backend:
    """Namespaces by bubblewrap, and further ones for every worker.

    Raises:
        Unavailable: if this is not Linux or `bwrap` is not installed.
    """
    program = shutil.which("bwrap")
    if sys.platform != "linux" or program is None:
        raise Unavailable("bubblewrap (the program bwrap) is not installed")
    if seccomp.architecture() is None:
        raise Unavailable("no filter of system calls for this processor")
    as_root = _can_be_nobody()
    # what is needed must not vanish under a worker's own /tmp
    needed = [*python_folders(), *(str(folder) for folder in packages())]
    scratch = "/scratch" if any(Path(path).is_relative_to("/tmp") for path in needed) else "/tmp"
    policy = Policy(namespaces=True, seccomp=True, nobody=as_root, scratch=scratch)

    def command(python: list[str], _: Path) -> list[str]:
        return [program, *_walls(policy, as_root), "--", *python]

    summary = (
        "no network, namespaces of its own for every part, read-only system, "
        f"{policy.temporary // 1024**2} MiB of private temporary files, no capabilities, "
        f"filtered system calls, {'as nobody, ' if as_root else ''}{_limits_in_words(policy)}"
    )
    return Backend("bubblewrap", policy, summary, command)


def _walls(policy: Policy, as_root: bool) -> list[str]:
    """bubblewrap's options: an empty world, and into it what Python needs, read-only."""
    options = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"]
    # root keeps its capabilities in bubblewrap unless they are taken; the fork server needs two to
    # become nobody. Others have none outside a user namespace.
    options += (
        ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        if as_root
        else ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL"]
    )
    options += ["--new-session", "--hostname", "worker"]
    made: set[str] = set()

    def parents(path: str) -> list[str]:
        # bubblewrap makes missing ones readable for their owner only
        found = []
        for parent in reversed(Path(path).parents[:-1]):
            if str(parent) not in made:
                made.add(str(parent))
                found += ["--perms", "0755", "--dir", str(parent)]
        return found

    for path in SYSTEM:
        if os.path.islink(path):
            options += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            options += [*parents(path), "--ro-bind", path, path]
    bound = [path for path in SYSTEM if os.path.isdir(path)]
    for path in (*SETTINGS, *python_folders(), *(str(folder) for folder in packages())):
        if os.path.exists(path) and not any(Path(path).is_relative_to(other) for other in bound):
            options += [*parents(path), "--ro-bind", path, path]
            bound.append(path)
    size = ["--size", str(policy.temporary)]
    options += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", *size, "--tmpfs", policy.scratch]
    # bubblewrap's own / and /dev are tmpfs without a limit
    return [*options, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def python_folders() -> list[str]:
    """Folders of this Python: the environment and what it was made from, also by their real names."""
    names = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    names += [sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    names.append(str(Path(sys.executable).resolve().parent.parent))
    found: list[str] = []
    for name in names + [os.path.realpath(name) for name in names]:
        inside = any(Path(name).is_relative_to(other) for other in found)
        if os.path.isdir(name) and not inside and name not in ("/", site.getuserbase()):
            found.append(name)
    return found


def packages() -> list[Path]:
    """Folders of the packages of ours that a worker imports."""
    import autograder
    import labkit

    return [Path(package.__path__[0]).resolve() for package in (autograder, labkit)]


def landlock() -> Backend:
    """Landlock and seccomp, by an ordinary user, where namespaces are forbidden.

    Raises:
        Unavailable: if the kernel lacks Landlock.
    """
    if sys.platform != "linux" or landlock_calls.version() == 0:
        raise Unavailable("this kernel has no Landlock (Linux 5.13 or newer, switched on)")
    if seccomp.architecture() is None:
        raise Unavailable("no filter of system calls for this processor")
    readable = [*SYSTEM, *SETTINGS, *python_folders(), *(str(folder) for folder in packages())]
    as_root = _can_be_nobody()
    keeps = as_root and not all(_open_to_all(path) for path in readable if os.path.exists(path))
    policy = Policy(landlock=readable, seccomp=True, nobody=as_root, keeps_reading=keeps)
    summary = (
        "no network, system and Python read-only by Landlock, nothing else readable, nowhere to write, "
        f"filtered system calls, {'as nobody, ' if as_root else ''}"
        f"{'able to read there what only root may, ' if keeps else ''}{_limits_in_words(policy)}"
    )
    return Backend("landlock", policy, summary, lambda python, _: python)


def _open_to_all(path: str) -> bool:
    """Whether every user may reach a path: root's own home, where Python may live, is closed to nobody."""
    folders = [folder for name in (path, os.path.realpath(path)) for folder in Path(name).parents]
    return all(os.stat(folder).st_mode & 0o001 for folder in folders)


def container() -> Backend:
    """A container of docker or podman, from an image that has the course's packages.

    Raises:
        Unavailable: if no image is named or there is no such program.
    """
    image = os.environ.get(IMAGE, "")
    if not image:
        raise Unavailable(f"no container image is named in {IMAGE}")
    program = shutil.which("docker") or shutil.which("podman")
    if program is None:
        raise Unavailable("neither docker nor podman is installed")
    # Landlock inside as well: the workers share the container's processes and its /tmp
    policy = Policy(
        seccomp=True,
        landlock=[*SYSTEM, *SETTINGS, "/opt", PACKAGES_IN_CONTAINER],
    )
    memory = 4 * policy.memory

    def command(python: list[str], folder: Path) -> list[str]:
        mounts = []
        for package in packages():
            mounts += ["--volume", f"{package}:{PACKAGES_IN_CONTAINER}/{package.name}:ro"]
        return [
            program, "run", "--rm", "--interactive", "--network", "none", "--read-only",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            "--pids-limit", "256", "--memory", str(memory), "--memory-swap", str(memory),
            "--ipc", "private", "--user", f"{NOBODY}:{NOBODY}",
            "--tmpfs", f"/tmp:rw,noexec,nosuid,nodev,size={policy.temporary},mode=1777",
            "--volume", f"{folder}:{os.path.dirname(ADDRESS_IN_CONTAINER)}:rw",
            *mounts, "--workdir", "/tmp",
            *[item for name in sorted(environment("/tmp")) for item in ("--env", name)],
            image, "python3", *python[1:],
        ]  # fmt: skip

    summary = (
        f"{os.path.basename(program)}, image {image}, no network, read-only, no capabilities, "
        f"filtered system calls, Landlock inside, {_limits_in_words(policy)}"
    )
    return Backend("container", policy, summary, command, makes_socket=True)


def plain() -> Backend:
    """A process with limits and nothing more: for one's own work."""
    policy = Policy(nobody=False)
    summary = f"NOT isolated: it can read files and use the network; {_limits_in_words(policy)}"
    return Backend(UNSAFE, policy, summary, lambda python, _: python)


BACKENDS: dict[str, Callable[[], Backend]] = {
    "bubblewrap": bubblewrap,
    "landlock": landlock,
    "container": container,
    UNSAFE: plain,
}


def candidates() -> list[tuple[str, Callable[[], Backend]]]:
    """The back ends to try, best first; one only, if the environment names it.

    Raises:
        GradingError: if it names an unknown one.
    """
    wanted = os.environ.get(CHOICE, "")
    if not wanted:
        return list(BACKENDS.items())
    if wanted not in BACKENDS:
        raise GradingError(f"{CHOICE} is {wanted!r}, expected one of {', '.join(BACKENDS)}")
    return [(wanted, BACKENDS[wanted])]


def environment(home: str) -> dict[str, str]:
    """All that a worker's environment holds."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "MPLCONFIGDIR": home,
        "NUMBA_CACHE_DIR": home,
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
    }


def in_force() -> str:
    """The back end that this process uses, in words for a report; it is chosen now if it was not yet."""
    from autograder.sandbox.forkserver import chosen

    return str(chosen())


def require(unsafe: bool = False) -> str:
    """Make sure that strangers' code can be run here.

    Args:
        unsafe: accept a process that is not isolated.
    Returns:
        The back end in words.
    Raises:
        CourseError: if no back end isolates on this machine, with the reasons and what helps.
    """
    from autograder.sandbox.forkserver import chosen, refusals

    backend = chosen()
    if backend.isolates or unsafe:
        return str(backend)
    reasons = "; ".join(f"{name}: {why}" for name, why in refusals().items()) or f"{CHOICE}={UNSAFE}"
    raise CourseError(
        "submissions of others are not graded here, since their code could read your files, the "
        f"solutions included, and use the network. No isolation works on this machine ({reasons}). "
        "Install bubblewrap, or name a container image, or accept the risk with --unsafe-no-isolation"
    )
