"""A seccomp filter: the system calls that a learner's part never needs are denied by the kernel.

Assembled here, in 40 lines of classic BPF, because a filter must not depend on a library that may be
absent inside the sandbox. Whether it is in force is verified by attempting denied calls
(`canaries.py`). Standard library only.
Source: Linux Documentation/userspace-api/seccomp_filter.rst; `struct seccomp_data`.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

from autograder.sandbox import system

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_CLONE_THREAD = 0x00010000
_X32_BIT = 0x40000000

# What is denied and why. Numbers: (x86_64, aarch64), None where there is no such call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # starting processes: a part needs none, and a fork bomb needs them
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "mknod": (133, None), "mknodat": (259, 33),
    # other processes' memory and descriptors
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    # the network, and sockets of any other kind
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242),
    # memory and messages outside the limits on address space
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191),
    "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "mlock": (149, 228),
    "mlock2": (325, 284), "mlockall": (151, 230),
    # parts of the kernel with a history of holes
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "modify_ldt": (154, None), "personality": (135, 92), "uselib": (134, None), "ustat": (136, None),
    "sysfs": (139, None), "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "vhangup": (153, 58),
    "fanotify_init": (300, 262), "inotify_init": (253, None), "inotify_init1": (294, 26),
    # the machine
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # who we are, and a larger share of the processor
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "capset": (126, 91), "setpriority": (141, 140), "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119), "sched_setattr": (314, 274), "sched_setparam": (142, 118),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    # a timer's signal would end a worker that is not the first process of its namespace, and no other
    "setitimer": (38, 103), "timer_create": (222, 107), "alarm": (37, None),
}  # fmt: skip
# Sending a signal, to oneself too, ends the worker: the first process of a namespace would not feel
# it, another one would, and marks must not depend on that.
_FATAL: dict[str, tuple[int | None, int | None]] = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
_CLONE, _CLONE3, _PRLIMIT = (56, 220), (435, 435), (302, 261)


@dataclass(frozen=True)
class Architecture:
    index: int
    audit: int
    seccomp_call: int


_ARCHITECTURES = {
    "x86_64": Architecture(0, 0xC000003E, 317),
    "aarch64": Architecture(1, 0xC00000B7, 277),
}


def architecture() -> Architecture | None:
    """The processor, if the filter knows its numbers and this is a 64-bit process."""
    return _ARCHITECTURES.get(platform.machine()) if ctypes.sizeof(ctypes.c_void_p) == 8 else None


def _instruction(code: int, true: int, false: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, true, false, value)


def _deny(number: int = errno.EPERM) -> bytes:
    return _instruction(_RETURN, 0, 0, _ERRNO | number)


def program(arch: Architecture) -> bytes:
    """The filter as an array of `struct sock_filter`."""
    kill = _instruction(_RETURN, 0, 0, KILL_PROCESS)
    allow = _instruction(_RETURN, 0, 0, ALLOW)
    code = [
        _instruction(_LOAD, 0, 0, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, 1, 0, arch.audit),
        kill,  # a 32-bit call would have other numbers
        _instruction(_LOAD, 0, 0, _NUMBER),
        _instruction(_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT),
        kill,
    ]
    for answer, calls in ((_deny(), _DENIED), (kill, _FATAL)):
        for numbers in calls.values():
            number = numbers[arch.index]
            if number is not None:
                code += [_instruction(_JUMP_EQUAL, 0, 1, number), answer]
    # glibc falls back to clone, whose flags can be seen, when clone3 is not there
    code += [_instruction(_JUMP_EQUAL, 0, 1, _CLONE3[arch.index]), _deny(errno.ENOSYS)]
    code += [  # threads yes, processes no
        _instruction(_JUMP_EQUAL, 0, 4, _CLONE[arch.index]),
        _instruction(_LOAD, 0, 0, _FIRST_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, 0, 1, _CLONE_THREAD),
        allow,
        _deny(),
    ]
    code += [  # limits of this process may be read and lowered, other processes' not
        _instruction(_JUMP_EQUAL, 0, 4, _PRLIMIT[arch.index]),
        _instruction(_LOAD, 0, 0, _FIRST_ARGUMENT),
        _instruction(_JUMP_EQUAL, 0, 1, 0),
        allow,
        _deny(),
    ]
    return b"".join([*code, allow])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install() -> None:
    """Put the filter in force for this process, for good.

    Raises:
        OSError: if the kernel refuses it, or the processor is not known.
    """
    arch = architecture()
    if arch is None:
        raise OSError(errno.ENOSYS, f"no filter for the processor {platform.machine()}")
    code = program(arch)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = _Program(len(code) // 8, ctypes.addressof(buffer))
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    mode_filter = 2
    system.prctl(system.PR_SET_SECCOMP, mode_filter, ctypes.addressof(head))
