"""The first process in the guard: mounts what is left to mount, then starts the grader.

Usage: python -m tests.attacks.inside FOLDER [MODULE], or --probe to see whether a guard can be set up.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from tests.attacks.guard import COURSE_MB, GRADER, REPOSITORY, TMPFS_MB, limit, place_of_the_course

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
MS_REMOUNT, MS_BIND = 0x20, 0x1000
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_libc = ctypes.CDLL(None, use_errno=True)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", "-n", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


def _tmpfs(place: str) -> None:
    size = TMPFS_MB.get(place, COURSE_MB)
    _mount("-t", "tmpfs", "-o", f"size={size}m,mode=1777", "attacks", place)


def _own_devices(folder: str) -> None:
    """A /dev of our own with nothing in it but the usual: the machine's is one for all namespaces."""
    os.mkdir(folder)
    _mount("-t", "tmpfs", "-o", "size=1m,mode=0755", "attacks", folder)
    for name in DEVICES:
        Path(folder, name).touch()
        _mount("--bind", f"/dev/{name}", f"{folder}/{name}")
    for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        os.symlink(f"/proc/self/{target}", Path(folder, name))
    os.mkdir(Path(folder, "shm"))
    _mount("-o", "remount,ro", folder)
    _mount("--move", folder, "/dev")
    os.rmdir(folder)


def close_in() -> None:
    """As root, `unshare` has made the namespaces; what is mounted in them is ours to set."""
    with open("/proc/self/mountinfo") as file:
        places = [(line.split()[4], line.split(" - ")[1].split()[0]) for line in file]
    own = (*TMPFS_MB, place_of_the_course())
    for place, kind in places:
        if kind not in ("proc", "sysfs", "devtmpfs", "devpts", "mqueue") and place not in own:
            # a mount that cannot be made read-only stays as it was: cgroups, say
            subprocess.run(["mount", "-n", "-o", "remount,bind,ro", place], capture_output=True)
    _tmpfs("/tmp")
    _own_devices("/tmp/dev")
    for place in own:
        if place != "/tmp" and Path(place).is_dir():
            _tmpfs(place)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:  # the loopback device goes up
        fcntl.ioctl(link, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))


def refuse_to_write(folder: str) -> None:
    """End if a file can be made in a folder that should be read-only."""
    path = os.path.join(folder, f"attack-guard-{os.getpid()}")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except OSError:
        return
    os.unlink(path)
    raise SystemExit(f"{folder} can be written to")


def refuse_to_mount() -> None:
    """End if what is read-only can be made writable again."""
    for place in ("/", str(REPOSITORY)):
        if _libc.mount(None, place.encode(), None, MS_REMOUNT | MS_BIND, None) == 0:
            raise SystemExit(f"{place} can be mounted again for writing")


def start(command: list[str], stdin: int) -> int:
    """Start a program; as root, in a user namespace, in which it is root over nothing of the machine's.

    There, what this process has mounted is locked, whatever the program may do.
    Returns:
        Its process id.
    """
    as_root = os.getuid() == 0
    unshared, mapped = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(stdin, 0)
            if as_root:
                if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
                    raise OSError(ctypes.get_errno(), "no user namespace")
                os.write(unshared[1], b"x")
                os.read(mapped[0], 1)
            refuse_to_mount()
            os.execv(command[0], command)
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
        finally:
            os._exit(1)
    if as_root and os.read(unshared[0], 1):
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{pid}/{name}").write_text("0 0 65536")
        os.write(mapped[1], b"x")
    return pid


def _end_with_the_tests() -> None:
    """Whoever started the guard holds its input open; this process ends the namespace with it."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    guarded = os.environ.get("SPEECHLAB_ATTACK_GUARD") or "--probe" in sys.argv
    os.chdir(REPOSITORY)
    if guarded:
        if [name for _, name in socket.if_nameindex()] != ["lo"]:
            raise SystemExit("the network is not shut off")
        if os.getuid() == 0:
            close_in()
        for folder in ("/", "/etc", "/dev", str(Path(__file__).parent)):
            refuse_to_write(folder)
        limit()
    if "--probe" in sys.argv:
        pid = start([sys.executable, "-c", "print('ready')"], 0)
        raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    root = Path(sys.argv[1])
    report = os.dup(1)
    os.set_inheritable(report, True)
    os.dup2(2, 1)  # what the grader prints is not its report
    module = sys.argv[2] if len(sys.argv) > 2 else GRADER
    command = [sys.executable, "-m", module, str(root / "scene"), str(report)]
    theirs, ours = os.pipe()
    os.write(ours, sys.stdin.readline().encode())  # a few kilobytes: the pipe takes them at once
    os.close(ours)
    if guarded:
        pid = start(command, theirs)
    else:
        pid = subprocess.Popen(command, stdin=theirs, pass_fds=[report]).pid
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main()
