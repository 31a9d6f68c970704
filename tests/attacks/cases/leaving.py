"""Leaving in the middle, and taking others along."""

from tests.attacks.case import HONEST_RMS, LINKS, Case, rms_that

SHORT = {"call_seconds": 1.5, "part_seconds": 4.0}
ENDED = r"ended without an answer"


def case(name: str, does: str, cells: dict[str, str], told: str = ENDED, **options) -> Case:
    return Case(name, "leaving", does, cells, told=told, **options)


CASES = [
    case("sys_exit", "calls sys.exit(0) when asked", rms_that("sys.exit(0)", "import sys"), r"SystemExit"),
    case(
        "exit_in_cell", "raises SystemExit in the part's cell", {"rms": "raise SystemExit(0)"}, r"SystemExit"
    ),
    case(
        "exit_in_constant",
        "leaves in a constant of the part's cell, which other parts' workers load too",
        {"rms": "import os\n\nGONE = os._exit(0)\n\n" + HONEST_RMS},
    ),
    Case(
        "exit_in_own_cell",
        "leaving",
        "raises SystemExit in a class body of a cell of its own; both answers are right",
        before=("import sys\n\nclass Leave:\n    sys.exit(0)\n",),
        due={"rms": 2, "power_to_db": 3},
        told=r"all checks passed",
    ),
    case("os_exit", "ends the process with os._exit(0)", rms_that("os._exit(0)", "import os")),
    case(
        "keyboard_interrupt",
        "raises KeyboardInterrupt",
        rms_that("raise KeyboardInterrupt"),
        r"KeyboardInterrupt",
    ),
    case(
        "own_base_exception",
        "raises an exception that `except Exception` does not catch",
        rms_that("raise Leave('bye')", "class Leave(BaseException):\n    pass"),
        r"Leave|BaseException",
    ),
    case("sigkill", "kills itself", rms_that("os.kill(os.getpid(), 9)", "import os")),
    case("abort", "aborts", rms_that("os.abort()", "import os")),
    case("segfault", "reads address 0", rms_that("ctypes.string_at(0)", "import ctypes")),
    case(
        "stops_itself",
        "stops itself with SIGSTOP",
        rms_that("os.kill(os.getpid(), 19)\nreturn 0.0", "import os"),
        r"no answer within 1\.5 s|ended without an answer",
        limits=SHORT,
    ),
    case(
        "kills_parent",
        "kills its parent process, then answers wrongly",
        rms_that(
            "try:\n    os.kill(os.getppid(), 9)\nexcept OSError:\n    pass\ntime.sleep(0.2)\nreturn 0.0",
            "import os\nimport time",
        ),
        rf"{ENDED}|another number|checks failed",
    ),
    case(
        "kills_everybody",
        "sends SIGKILL to every process that it may signal, and to every number up to 500",
        rms_that(
            "for target in (-1, 0, *range(1, 500)):\n"
            "    if target == os.getpid():\n        continue\n"
            "    try:\n        os.kill(target, 9)\n    except OSError:\n        pass\nreturn 0.0",
            "import os",
        ),
        rf"{ENDED}|another number|checks failed",
    ),
    case(
        "closes_descriptors",
        "closes all its descriptors",
        rms_that("os.closerange(0, 1024)\nreturn 0.0", "import os"),
    ),
    case(
        "replaces_descriptors",
        "puts /dev/null in place of all its descriptors",
        rms_that(
            "null = os.open('/dev/null', os.O_RDWR)\n"
            "for number in range(64):\n"
            "    if number != null:\n        os.dup2(null, number)\nreturn 0.0",
            "import os",
        ),
    ),
    case(
        "hangs_up",
        "shuts the pipe down and waits",
        rms_that(
            "for number in LINKS:\n    ctypes.CDLL(None).shutdown(number, 2)\ntime.sleep(30)",
            LINKS + "import ctypes\nimport time\n",
        ),
    ),
    case(
        "becomes_another_program",
        "replaces itself with another program",
        rms_that("os.execv('/bin/sh', ['sh', '-c', 'echo 2.5'])", "import os"),
        rf"{ENDED}|PermissionError|OSError",
    ),
    case(
        "splits_in_two",
        "forks and lets both halves answer",
        rms_that("os.fork()\nreturn 2.5", "import os"),
        r"ended|not asked|no answer|BlockingIOError|PermissionError|another number|checks failed",
        limits=SHORT,
    ),
    case(
        "leaves_a_child",
        "forks children in sessions of their own that sleep for a minute, and answers wrongly",
        rms_that(
            "made = 0\n"
            "for _ in range(6):\n"
            "    try:\n        child = os.fork()\n"
            "    except OSError as error:\n"
            "        raise RuntimeError(f'fork refused after {made}') from error\n"
            "    if child == 0:\n"
            "        os.setsid()\n"
            "        if os.fork() == 0:\n            time.sleep(60)\n"
            "        time.sleep(60)\n        os._exit(0)\n"
            "    made += 1\nraise RuntimeError(f'made {made} children')",
            "import os\nimport time",
        ),
        r"fork refused after 0|made 6 children",
    ),
    case(
        "leaves_a_program",
        "starts a program in a session of its own that sleeps for a minute",
        rms_that(
            "child = subprocess.Popen(['/bin/sh', '-c', 'sleep 60'], start_new_session=True)\n"
            "raise RuntimeError('made a child')",
            "import subprocess",
        ),
        r"made a child|PermissionError|BlockingIOError|OSError",
    ),
]
