"""Using up what the machine has. Each attempt has an end of its own, far below what would hurt."""

from tests.attacks.case import HONEST_RMS, Case, rms_that

FULL = {"rms": 2, "power_to_db": 3}


def case(name: str, does: str, cells: dict[str, str], told: str, **options) -> Case:
    return Case(name, "exhaustion", does, cells, told=told, **options)


def fill(folder: str) -> str:
    """Writes 8 MB files into a folder until it is refused, 192 MB at most."""
    return (
        f"folder, made = {folder}, 0\n"
        "try:\n"
        "    for number in range(24):\n"
        "        with open(os.path.join(folder, f'attack-{number}'), 'wb') as file:\n"
        "            file.write(bytes(8 << 20))\n"
        "        made += 8\n"
        "except OSError as error:\n"
        "    raise RuntimeError(f'refused after {made} MB') from error\n"
        "raise RuntimeError(f'wrote {made} MB')"
    )


CASES = [
    case(
        "address_space",
        "reserves memory, a GiB at a time without touching it, until it is refused",
        rms_that(
            "kept = []\n"
            "try:\n"
            "    while len(kept) < 11:\n        kept.append(mmap.mmap(-1, 1 << 30))\n"
            "except (OSError, MemoryError) as error:\n"
            "    raise RuntimeError(f'refused after {len(kept)} GiB') from error\n"
            "raise RuntimeError('never refused')",
            "import mmap",
        ),
        r"refused after [0-8] GiB|ended without an answer",
    ),
    case(
        "huge_array",
        "asks for an array of 80 GB",
        rms_that("return float(np.ones(10_000_000_000).sum())"),
        r"MemoryError|ended without an answer",
    ),
    case(
        "memory_is_given_back",
        "fills 512 MB and keeps them",
        rms_that("KEPT[:] = [np.ones(1 << 26)]\nreturn 0.0", "KEPT = []"),
        r"another number|checks failed|MemoryError|ended without an answer",
    ),
    case(
        "threads",
        "starts 200 threads that sleep",
        rms_that(
            "made = 0\n"
            "try:\n"
            "    for _ in range(200):\n"
            "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
            "        made += 1\n"
            "except RuntimeError:\n    raise OSError(f'refused after {made}')\n"
            "raise RuntimeError(f'made {made} threads')",
            "import threading\nimport time",
        ),
        r"refused after \d+|made 200 threads|ended without an answer",
    ),
    case(
        "processes",
        "forks until it is refused, 40 at most, each in a session of its own",
        rms_that(
            "made = 0\n"
            "try:\n"
            "    for _ in range(40):\n"
            "        if os.fork() == 0:\n"
            "            os.setsid()\n            time.sleep(60)\n            os._exit(0)\n"
            "        made += 1\n"
            "except OSError:\n    raise RuntimeError(f'refused after {made}')\n"
            "raise RuntimeError(f'made {made} processes')",
            "import os\nimport time",
        ),
        r"refused after \d+|made 40 processes",
    ),
    case(
        "fills_the_temporary_folder",
        "fills the folder for temporary files, 192 MB at most",
        rms_that(fill("os.environ.get('TMPDIR', '/tmp')"), "import os"),
        r"refused after (\d|[0-5]\d|6[0-4]) MB",
    ),
    case(
        "fills_shared_memory",
        "fills /dev/shm, 192 MB at most",
        rms_that(fill("'/dev/shm'"), "import os"),
        r"refused after (\d|[0-5]\d|6[0-4]) MB",
    ),
    case(
        "fills_the_root",
        "writes 16 MB into /, /dev, /var/tmp and /run",
        rms_that(
            "made = []\n"
            "for folder in ('/', '/dev', '/var/tmp', '/run'):\n"
            "    try:\n"
            "        with open(os.path.join(folder, 'attack-file'), 'wb') as file:\n"
            "            file.write(bytes(16 << 20))\n"
            "        made.append(folder)\n"
            "    except OSError:\n        pass\n"
            "raise RuntimeError('wrote ' + (' '.join(made) or 'nothing'))",
            "import os",
        ),
        r"wrote nothing",
    ),
    case(
        "anonymous_files",
        "fills an anonymous file and a System V segment, which no limit of memory counts",
        rms_that(
            "made = []\n"
            "try:\n"
            "    number = os.memfd_create('attack')\n"
            "    os.truncate(number, 64 << 20)\n    made.append('memfd')\n"
            "except OSError:\n    pass\n"
            "found = ctypes.CDLL(None, use_errno=True).shmget(0, ctypes.c_size_t(64 << 20), 0o1600)\n"
            "if found >= 0:\n    made.append('segment')\n"
            "    ctypes.CDLL(None).shmctl(found, 0, None)\n"
            "raise RuntimeError('got ' + (' '.join(made) or 'nothing'))",
            "import ctypes\nimport os",
        ),
        r"got nothing|ended without an answer",
    ),
    case(
        "one_large_file",
        "writes one file of 100 MB",
        rms_that(
            "with open(os.environ.get('TMPDIR', '/tmp') + '/attack-file', 'wb') as file:\n"
            "    file.write(bytes(100 << 20))\n    file.flush()\n"
            "raise RuntimeError('written')",
            "import os",
        ),
        r"OSError|File too large|No space|ended without an answer|PermissionError",
    ),
    case(
        "open_files",
        "opens files until it is refused, 20 000 at most",
        rms_that(
            "kept = []\n"
            "try:\n"
            "    while len(kept) < 20000:\n        kept.append(os.open('/dev/null', os.O_RDONLY))\n"
            "except OSError:\n"
            "    count = len(kept)\n"
            "    for number in kept:\n        os.close(number)\n"
            "    raise RuntimeError(f'refused after {count}')\n"
            "raise RuntimeError('never refused')",
            "import os",
        ),
        r"refused after \d+",
    ),
    case(
        "recursion",
        "calls itself for ever",
        rms_that("return rms(samples)"),
        r"RecursionError",
    ),
    case(
        "recursion_without_limit",
        "raises the limit of recursion and calls itself two million times",
        rms_that(
            "sys.setrecursionlimit(1 << 30)\n"
            "def down(n):\n    return down(n - 1) if n else 0\n"
            "return float(down(2_000_000))",
            "import sys",
        ),
        r"another number|checks failed|ended without an answer|MemoryError|no answer within",
    ),
    case(
        "stack_overflow_in_c",
        "overflows the stack of C by printing a list a million deep",
        rms_that(
            "sys.setrecursionlimit(1 << 30)\n"
            "deep = []\n"
            "for _ in range(1_000_000):\n    deep = [deep]\n"
            "return float(len(repr(deep)))",
            "import sys",
        ),
        r"ended without an answer|RecursionError|MemoryError",
    ),
    case(
        "deep_syntax",
        "is an expression of a hundred thousand additions, which overflows whoever walks its syntax tree",
        {"rms": "X = 1" + " + 1" * 100_000 + "\n\n" + HONEST_RMS},
        r"RecursionError|MemoryError|too complex|valid Python|recursion|nested",
    ),
    case(
        "deep_brackets",
        "opens a hundred thousand brackets",
        {"rms": HONEST_RMS + "\nX = " + "(" * 100_000},
        r"valid Python|MemoryError|nested",
    ),
    case(
        "output",
        "answers rightly after writing 100 MB to each of its outputs",
        {
            "rms": (
                "import os\nimport sys\n\nBLOCK = b'x' * (1 << 20)\n\n"
                "for number in (1, 2):\n    for _ in range(100):\n        os.write(number, BLOCK)\n"
                "for _ in range(100):\n    print('y' * (1 << 20))\n    print('z' * 1000, file=sys.stderr)\n\n"
            )
            + HONEST_RMS
        },
        r"all checks passed",
        due=FULL,
    ),
    case(
        "huge_answer",
        "returns an array of 320 MB",
        rms_that("return np.zeros(40_000_000)"),
        r"more than \d+ bytes|bytes in one value|MemoryError|ended without an answer",
    ),
    case(
        "virtual_array",
        "returns an array of 80 GB that takes 8 bytes",
        rms_that("return np.broadcast_to(np.float64(0), (10_000_000_000,))"),
        r"returned an array of shape|MemoryError|more than \d+ bytes|ended without an answer",
    ),
    case(
        "nested_answer",
        "returns a list a hundred thousand deep",
        rms_that("deep = []\nfor _ in range(100_000):\n    deep = [deep]\nreturn deep"),
        r"nested more than|too deep|nested",
    ),
    case(
        "exploding_answer",
        "returns a list that holds itself ten times over on nine floors: a thousand million zeros",
        rms_that("value = [0]\nfor _ in range(9):\n    value = [value] * 10\nreturn value"),
        r"no answer within|MemoryError|ended|too (many|large)|more than|bytes in one value",
    ),
    case(
        "wide_answer",
        "returns a list of three million numbers",
        rms_that("return [0.0] * 3_000_000"),
        r"a list of|too (many|large)|more than|no answer within|checks failed",
    ),
    case(
        "many_keys",
        "returns a dict of a million keys",
        rms_that("return {str(i): i for i in range(1_000_000)}"),
        r"a dict|too (many|large)|more than|no answer within|checks failed",
    ),
    case(
        "huge_integer",
        "returns an integer of a hundred thousand digits, too large for a float or for print",
        rms_that("return 10 ** 100_000"),
        r"an integer|another number|too large|checks failed|OverflowError",
    ),
    case(
        "long_message",
        "raises an exception with a message of 50 MB",
        rms_that("raise ValueError('x' * 50_000_000) if samples.size else TypeError"),
        r"ValueError",
        never=("x" * 5000,),
    ),
    case(
        "long_name",
        "raises an exception whose type has a name of a megabyte",
        rms_that("raise type('N' * 1_000_000, (Exception,), {})('text')"),
        r"raised an exception of its own|raised N+",
        never=("N" * 5000,),
    ),
    case(
        "long_cell",
        "has a cell of its own of 10 MB, and honest answers",
        {},
        r"characters in its cells, expected at most",
        before=("# " + "x" * 10_000_000,),
        due=None,
    ),
]
