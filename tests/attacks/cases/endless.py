"""Work that never ends, in every place where a submission can have some."""

from tests.attacks.case import HONEST_RMS, LINKS, Case, rms_that

SHORT = {"call_seconds": 1.0, "part_seconds": 3.0}
TIMEOUT = r"no answer within 1 s"


def case(name: str, does: str, cells: dict[str, str], told: str = TIMEOUT, **options) -> Case:
    return Case(name, "endless work", does, cells, told=told, **{"limits": SHORT, **options})


CASES = [
    case("loop_in_call", "loops for ever when the part is called", rms_that("while True:\n    pass")),
    case(
        "loop_in_cell",
        "loops for ever in the part's own cell",
        {"rms": HONEST_RMS + "\nwhile True:\n    pass"},
    ),
    case(
        "loop_at_import",
        "loops for ever in a class body of the part's cell, which runs when the cell loads",
        {"rms": "class Setup:\n    while True:\n        pass\n\n" + HONEST_RMS},
    ),
    case(
        "loop_in_constant",
        "loops for ever in a constant of the part's cell, which other parts' workers load too",
        {"rms": "FOREVER = all(True for _ in iter(int, 1))\n\n" + HONEST_RMS},
    ),
    case("sleeping", "sleeps for an hour", rms_that("time.sleep(3600)\nreturn 0.0", "import time")),
    case(
        "slow_drip",
        "takes a little less than the limit in every call",
        rms_that(
            "time.sleep(0.6)\n"
            "if samples.size == 0:\n    raise ValueError\n"
            "return float(np.sqrt(np.mean(samples.astype(float) ** 2)))",
            "import time",
        ),
        told=r"took more than 3 s for all its checks",
        limits={"call_seconds": 20.0, "part_seconds": 3.0},
    ),
    case(
        "catastrophic_regex",
        "matches a regular expression that backtracks for ever, in C",
        rms_that("re.match(r'(a+)+$', 'a' * 60 + 'b')\nreturn 0.0", "import re"),
    ),
    case(
        "endless_in_c",
        "computes a power of thousands of millions of bits: C code that no signal interrupts",
        rms_that("return float(pow(7, 1 << 31) > 0)"),
    ),
    case(
        "signals_blocked",
        "blocks all signals that can be blocked, then loops",
        rms_that(
            "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
            "for number in range(1, 65):\n"
            "    try:\n        signal.signal(number, signal.SIG_IGN)\n"
            "    except (OSError, ValueError):\n        pass\n"
            "while True:\n    pass",
            "import signal",
        ),
    ),
    case(
        "asks_for_ever",
        "keeps the trusted side busy: calls the other part, which the reference answers, for ever",
        rms_that("while True:\n    power_to_db(np.ones(3))"),
    ),
    case(
        "deadlock",
        "waits for a lock that it holds itself",
        rms_that("lock = threading.Lock()\nlock.acquire()\nlock.acquire()", "import threading"),
    ),
    case(
        "works_on_after_answering",
        "answers rightly and leaves a thread, an exit handler and a destructor that loop for ever",
        {
            "rms": (
                "import atexit\nimport threading\n\n"
                "def forever():\n    while True:\n        pass\n\n"
                "class Sticky:\n    def __del__(self):\n        forever()\n\n"
                "STICKY = Sticky()\natexit.register(forever)\n"
                "threading.Thread(target=forever, daemon=False).start()\n\n" + HONEST_RMS
            )
        },
        due={"rms": 2, "power_to_db": 3},
        told=r"all checks passed",
        limits={},
    ),
    case(
        "half_a_reply",
        "writes half of a reply to the pipe and keeps the rest",
        rms_that(
            "for number in LINKS:\n    os.set_blocking(number, True)\n    os.write(number, b'\\x10')\n"
            "time.sleep(3600)",
            LINKS + "import time\n",
        ),
    ),
]
