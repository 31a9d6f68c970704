# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Looking for what a submission must not see. Every place that could give something holds a secret:
`CANARY-` and 16 hexadecimal digits. An attack raises what it has found, and the instructor is told.
"""

from tests.attacks.case import Case, rms_that

PROBE = """
import os
import re

TOKEN = re.compile(rb"CANARY-[0-9a-f]{16}")

def tell(found):
    raise RuntimeError("found " + (" ".join(sorted(map(str, found))) if found else "nothing"))

def search(path, limit=1 << 20):
    try:
        with open(path, "rb", buffering=0) as file:
            return {match.decode() for match in TOKEN.findall(file.read(limit) or b"")}
    except (OSError, ValueError):
        return set()
"""


def case(name: str, does: str, body: str, prelude: str = "", told: str = "found nothing", **options) -> Case:
    cells = rms_that("found = set()\n" + body + "\ntell(found)", PROBE + prelude)
    options.setdefault("limits", {"call_seconds": 10.0})
    return Case(name, "stealing", does, cells, told=told, **options)


WALK = """
def walk(*folders, most=4000):
    seen = 0
    for folder in folders:
        for where, inside, files in os.walk(folder):
            inside[:] = [name for name in inside if name not in (".git", ".venv", "proc", "sys")]
            for name in files:
                seen += 1
                if seen > most:
                    return
                yield os.path.join(where, name)
"""

CASES = [
    case(
        "frames",
        "walks the frames of all threads up to the top and searches their variables",
        "for frame in sys._current_frames().values():\n"
        "    while frame:\n"
        "        for space in (frame.f_locals, frame.f_globals):\n"
        "            for value in list(space.values()):\n"
        "                if isinstance(value, (str, bytes, list, tuple, dict)):\n"
        "                    found |= {m.decode() for m in TOKEN.findall(repr(value).encode())}\n"
        "                if type(value).__name__ in ('LabProxy', 'CheckSession', 'Lab', 'Course'):\n"
        "                    found.add(type(value).__name__)\n"
        "        frame = frame.f_back",
        "import sys\n",
        harmless=True,
    ),
    case(
        "garbage_collector",
        "searches all living objects for expected values, checks and secrets",
        "for thing in gc.get_objects():\n"
        "    kind = type(thing).__name__\n"
        "    if kind.startswith('Approx') or kind in ('LabProxy', 'CheckSession', 'CheckMark', 'Mistake'):\n"
        "        found.add(kind)\n"
        "    if type(thing) is dict:\n"
        "        for value in list(thing.values()):\n"
        "            if type(value) is str and TOKEN.search(value.encode('utf8', 'ignore')):\n"
        "                found.add(TOKEN.search(value.encode('utf8', 'ignore')).group().decode())",
        "import gc\n",
        harmless=True,
    ),
    case(
        "the_cell_that_asks",
        "reads the text of the cell that calls it, where IPython keeps it",
        "try:\n"
        "    text = get_ipython().user_ns['In'][-1]\n"
        "    found.add(text.split('\\n')[0])\n"
        "except NameError:\n    pass",
        harmless=True,
    ),
    case(
        "modules",
        "looks among the loaded modules for checks, the reference and the grader",
        "for name in list(sys.modules):\n"
        "    if re.search(r'checks|mistakes|solutions|speechlab_lab|^lab$|autograder\\.(grading|checking|loading"
        "|diagnosis)|(^|\\.)_pytest(\\.|$)|^hypothesis|^nbgrader', name):\n        found.add(name)",
        "import sys\n",
        harmless=True,
    ),
    case(
        "inspects_its_caller",
        "reads the source and the variables of everybody on the stack by inspect",
        "for info in inspect.stack():\n"
        "    found |= {m.decode() for m in TOKEN.findall(repr(info).encode())}\n"
        "    if 'checks' in info.filename or 'solutions' in info.filename:\n        found.add(info.filename)",
        "import inspect\n",
        harmless=True,
    ),
    case(
        "own_memory",
        "searches its whole memory for secrets",
        "with open('/proc/self/maps') as maps:\n    lines = maps.readlines()\n"
        "left = 256 << 20\n"
        "with open('/proc/self/mem', 'rb', buffering=0) as memory:\n"
        "    for line in lines:\n"
        "        span, rights = line.split()[:2]\n"
        "        start, end = (int(x, 16) for x in span.split('-'))\n"
        "        if not rights.startswith('rw') or left <= 0:\n            continue\n"
        "        try:\n"
        "            memory.seek(start)\n            data = memory.read(min(end - start, 64 << 20, left))\n"
        "        except (OSError, OverflowError, ValueError):\n            continue\n"
        "        left -= len(data)\n"
        "        found |= {match.decode() for match in TOKEN.findall(data)}",
        told=r"found nothing|FileNotFoundError|PermissionError",
    ),
    case(
        "environment",
        "reads its environment",
        "for name, value in os.environ.items():\n"
        "    found |= {m.decode() for m in TOKEN.findall((name + value).encode())}",
        harmless=True,
    ),
    case(
        "environment_of_others",
        "reads environment, command line and memory maps of every process that it can see",
        "for number in os.listdir('/proc'):\n"
        "    if number.isdigit() and int(number) != os.getpid():\n"
        "        for name in ('environ', 'cmdline', 'root/proc/self/environ'):\n"
        "            found |= search(f'/proc/{number}/{name}')",
        told=r"found nothing|FileNotFoundError|PermissionError",
        finds=True,
    ),
    case(
        "memory_of_the_parent",
        "reads the memory of every other process, by /proc and by process_vm_readv",
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "class Piece(ctypes.Structure):\n"
        "    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "buffer = ctypes.create_string_buffer(1 << 20)\n"
        "for number in [n for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid()]:\n"
        "    try:\n        lines = open(f'/proc/{number}/maps').readlines()\n"
        "    except OSError:\n        continue\n"
        "    for line in lines[:400]:\n"
        "        span, rights = line.split()[:2]\n"
        "        start, end = (int(x, 16) for x in span.split('-'))\n"
        "        if not rights.startswith('rw'):\n            continue\n"
        "        for at in range(start, min(end, start + (32 << 20)), 1 << 20):\n"
        "            here = Piece(ctypes.addressof(buffer), len(buffer))\n"
        "            there = Piece(at, min(1 << 20, end - at))\n"
        "            got = libc.process_vm_readv(int(number), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)\n"
        "            if got > 0:\n"
        "                found |= {m.decode() for m in TOKEN.findall(buffer.raw[:got])}",
        "import ctypes\n",
        told=r"found nothing|FileNotFoundError|PermissionError|ended without an answer",
        finds=True,
    ),
    case(
        "checks_and_solutions",
        "reads the course's checks, reference and mistakes by their paths, and all the repository's",
        "for name in ('checks.py', 'lab.py', 'mistakes.py'):\n    found |= search(f'@LAB@/{name}')\n"
        "for path in walk('@COURSE@', '@REPO@/solutions'):\n"
        "    found |= search(path)\n"
        "    if path.endswith(('checks.py', 'mistakes.py')):\n        found.add(os.path.basename(path))",
        WALK,
        finds=True,
    ),
    case(
        "tests_of_the_grader",
        "reads the grader's own tests, its released pages and nbgrader's source notebooks",
        "for folder in ('@TESTS@', '@REPO@/tests', '@REPO@/source', '@REPO@/.git', '@REPO@/demo'):\n"
        "    try:\n        found.update(os.listdir(folder)[:2])\n"
        "    except OSError:\n        pass",
        finds=True,
    ),
    case(
        "other_students",
        "reads another student's notebook, the gradebook and graded copies",
        "found |= search('@OTHER@') | search('@COURSE@/gradebook.db')\n"
        "for path in walk('@COURSE@/submitted', '@COURSE@/autograded', '@COURSE@/feedback'):\n"
        "    found |= search(path)",
        WALK,
        finds=True,
    ),
    case(
        "home_folder",
        "reads the instructor's home folder: keys, settings, notes",
        "for path in walk('@HOME@', os.path.expanduser('~')):\n    found |= search(path)\n"
        "for path in ('/etc/shadow', '/etc/ssh/ssh_host_rsa_key'):\n"
        "    try:\n        open(path).read(1)\n        found.add(path)\n"
        "    except OSError:\n        pass",
        WALK,
        finds=True,
    ),
    case(
        "temporary_files",
        "reads what lies in the folders for temporary files",
        "for path in walk('/tmp', '/var/tmp', '/dev/shm', '/run/user'):\n    found |= search(path)",
        WALK,
        finds=True,
    ),
    case(
        "descriptors",
        "reads from every descriptor that it has inherited, and from the files behind them",
        "for number in range(1024):\n"
        "    try:\n        os.fstat(number)\n"
        "    except OSError:\n        continue\n"
        "    try:\n"
        "        target = os.readlink(f'/proc/self/fd/{number}')\n"
        "    except OSError:\n        target = ''\n"
        "    if target.startswith('/') and not target.startswith('/dev/'):\n        found.add(target)\n"
        "    try:\n        found |= {m.decode() for m in TOKEN.findall(os.pread(number, 1 << 16, 0))}\n"
        "    except OSError:\n        pass",
    ),
    case(
        "sockets_of_the_server",
        "looks for other sockets than its own pipe among its descriptors, and asks there for a worker",
        "count = 0\n"
        "for number in range(1024):\n"
        "    try:\n        mode = os.fstat(number).st_mode\n"
        "    except OSError:\n        continue\n"
        "    if stat.S_ISSOCK(mode):\n        count += 1\n"
        "found |= {f'{count} sockets'} if count != 1 else set()",
        "import stat\n",
    ),
    case(
        "network",
        "connects to a server on this machine, by TCP, by UDP and by an abstract socket",
        "def listen(family, kind, address):\n"
        "    try:\n"
        "        with socket.socket(family, kind) as link:\n"
        "            link.settimeout(2)\n            link.connect(address)\n            link.send(b'hello')\n"
        "            return {m.decode() for m in TOKEN.findall(link.recv(100))}\n"
        "    except OSError:\n        return set()\n"
        "found |= listen(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', @PORT@))\n"
        "found |= listen(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', @PORT@))\n"
        "found |= listen(socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + 'speechlab-attack')\n"
        "found |= listen(socket.AF_UNIX, socket.SOCK_STREAM, '@COURSE@/attack-socket')",
        "import socket\n",
        told=r"found nothing|ended without an answer",
        finds=True,
    ),
    case(
        "serves_others",
        "opens a server of its own, for somebody else to fetch the questions from",
        "for family, address in ((socket.AF_INET, ('127.0.0.1', 0)), (socket.AF_UNIX, chr(0) + 'attack-serves')):\n"
        "    try:\n"
        "        with socket.socket(family) as link:\n"
        "            link.bind(address)\n            link.listen()\n            found.add(family.name)\n"
        "    except OSError:\n        pass",
        "import socket\n",
        told=r"found nothing|found AF_INET AF_UNIX|found AF_INET|found AF_UNIX|ended without an answer",
    ),
    case(
        "shared_memory",
        "attaches every System V segment that it can name",
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "libc.shmat.restype = ctypes.c_void_p\n"
        "for number in range(0, 64):\n"
        "    at = libc.shmat(number, None, 0o10000)\n"
        "    if at not in (None, ctypes.c_void_p(-1).value):\n"
        "        found |= {m.decode() for m in TOKEN.findall(ctypes.string_at(at, 64))}",
        "import ctypes\n",
        told=r"found nothing|ended without an answer",
        finds=True,
    ),
    case(
        "traces_the_parent",
        "attaches to every other process as a debugger",
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "for number in {os.getppid(), *(int(n) for n in os.listdir('/proc') if n.isdigit())} - {os.getpid()}:\n"
        "    if number > 1 and libc.ptrace(16, number, None, None) == 0:\n"
        "        found.add('a process')\n        os.waitpid(number, 0)\n        libc.ptrace(17, number, None, None)",
        "import ctypes\n",
        told=r"found nothing|FileNotFoundError|PermissionError|ended without an answer",
        finds=True,
    ),
    Case(
        "input_in_a_message",
        "stealing",
        "puts a hidden check's input into its exception's message",
        rms_that(
            "if samples.size == 1000:\n    raise ValueError('car' 'ried ' + repr(float(samples[1])))\n"
            "if samples.size == 0:\n    raise ValueError\n"
            "return float(np.sqrt(np.mean(samples.astype(float) ** 2)))"
        ),
        told=r"carried",
        never=("carried",),
        harmless=True,
    ),
    Case(
        "input_in_a_type",
        "stealing",
        "puts a hidden check's input into the name of its exception's type",
        rms_that(
            "if samples.size == 1000:\n"
            "    raise type('car' 'ried_' + str(abs(int(samples[1] * 1e6))), (ValueError,), {})('no')\n"
            "if samples.size == 0:\n    raise ValueError\n"
            "return float(np.sqrt(np.mean(samples.astype(float) ** 2)))"
        ),
        told=r"carried_",
        never=("carried_",),
        harmless=True,
    ),
    Case(
        "input_in_a_line",
        "stealing",
        "puts a hidden check's input into the line, the function and the file of its traceback",
        rms_that(
            "if samples.size == 1000:\n"
            "    name = 'car' 'ried_' + str(abs(int(samples[1] * 1e6)))\n"
            "    text = f'def {name}(): raise ValueError  # {name}'\n"
            "    file = rms.__code__.co_filename\n"
            "    linecache.cache[file] = (1, None, [text] * 50, file)\n"
            "    space = {}\n"
            "    exec(compile(text, file, 'exec'), space)\n"
            "    space[name]()\n"
            "if samples.size == 0:\n    raise ValueError\n"
            "return float(np.sqrt(np.mean(samples.astype(float) ** 2)))",
            "import linecache",
        ),
        told=r"ValueError",
        never=("carried_",),
        harmless=True,
    ),
]
