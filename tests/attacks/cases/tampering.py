# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Changing what judges: libraries, clocks, generators, the worker itself, files that others load."""

from tests.attacks.case import HONEST_DB, HONEST_RMS, Case, rms_that

WRONG = r"another number|checks failed"


def case(name: str, does: str, body: str, prelude: str = "", told: str = WRONG, **options) -> Case:
    options.setdefault("harmless", True)
    return Case(name, "tampering", does, rms_that(body + "\nreturn 0.0", prelude), told=told, **options)


PLANT = """
import os
import site
import sys

def plant(folder, name, text="print('attack')"):
    try:
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    except OSError:
        return 0
    return 1
"""

CASES = [
    case(
        "numpy_testing",
        "replaces numpy's assertions by functions that do nothing",
        "for name in dir(np.testing):\n"
        "    if name.startswith('assert'):\n        setattr(np.testing, name, lambda *a, **k: None)",
    ),
    case(
        "numpy_functions",
        "makes numpy's comparisons say yes",
        "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True\n"
        "np.testing.assert_allclose = np.all = lambda *a, **k: True",
    ),
    case(
        "pytest_itself",
        "replaces pytest's approx, raises and fail",
        "class Yes:\n    def __init__(self, *a, **k): pass\n    def __eq__(self, other): return True\n"
        "pytest.approx = Yes\npytest.raises = contextlib.nullcontext\npytest.fail = print",
        "import contextlib\nimport pytest",
        told=rf"{WRONG}|ModuleNotFoundError|ImportError|NameError",
    ),
    case(
        "builtins",
        "replaces abs, float, isinstance, len and all in builtins",
        "builtins.abs = lambda x: 0\nbuiltins.isinstance = lambda a, b: True\nbuiltins.all = lambda x: True",
        "import builtins",
        told=rf"{WRONG}|ended",
        limits={"call_seconds": 6.0},
    ),
    case(
        "assertions_removed",
        "takes the assertions out of every cell that runs after its own, by a hook of IPython's",
        "if samples.size == 0:\n    raise ValueError",
        "import ast\n"
        "class Without(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node):\n        return ast.copy_location(ast.Pass(), node)\n"
        "try:\n    get_ipython().ast_transformers.append(Without())\n"
        "except NameError:\n    pass\n"
        "np.testing.assert_allclose = lambda *a, **k: None\n",
    ),
    case(
        "random_numbers",
        "replaces the random generators and their seeds",
        "random.seed = np.random.seed = lambda *a, **k: None\n"
        "np.random.default_rng = lambda *a, **k: None\nnp.random.rand = lambda *a: 0.5",
        "import random",
    ),
    case(
        "clocks",
        "stops all clocks",
        "time.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0.0",
        "import time",
    ),
    case(
        "stopped_clock_and_loop",
        "stops all clocks, then loops for ever",
        "time.time = time.monotonic = time.perf_counter = lambda: 0.0\nwhile True:\n    pass",
        "import time",
        told=r"no answer within 1 s",
        limits={"call_seconds": 1.0, "part_seconds": 3.0},
        harmless=False,
    ),
    case(
        "recursion_limit",
        "sets the limit of recursion to the least that is possible",
        "for limit in range(1, 200):\n"
        "    try:\n        sys.setrecursionlimit(limit)\n        break\n"
        "    except RecursionError:\n        pass",
        "import sys",
        told=rf"{WRONG}|RecursionError|ended|no answer",
        limits={"call_seconds": 6.0},
    ),
    case(
        "display_hooks",
        "replaces the hooks for display and for exceptions",
        "sys.displayhook = sys.excepthook = sys.unraisablehook = lambda *a: print(2.5)\n1 / 0",
        "import sys",
        told=r"ZeroDivisionError",
    ),
    case(
        "import_hooks",
        "puts itself in front of every import and replaces modules that are loaded",
        "class Hook:\n    def find_spec(self, name, path=None, target=None):\n        raise ImportError(name)\n"
        "sys.meta_path.insert(0, Hook())\nsys.modules['numpy.testing'] = None\n"
        "sys.modules['msgspec'] = None\nsys.path[:] = []",
        "import sys",
        told=rf"{WRONG}|ended",
    ),
    case(
        "trace_function",
        "traces every call and rewrites what functions return",
        "def watch(frame, event, arg):\n"
        "    frame.f_locals.update(value=2.5, result=2.5, reply=[True, 2.5])\n    return watch\n"
        "sys.settrace(watch)\nsys.setprofile(watch)",
        "import sys",
        told=rf"{WRONG}|ended",
    ),
    case(
        "warnings_and_numpy_errors",
        "turns warnings and numpy's floating-point flags into errors",
        "warnings.simplefilter('error')\nnp.seterr(all='raise')\nnp.float64(1) / np.float64(0)",
        "import warnings",
        told=r"FloatingPointError",
    ),
    case(
        "the_workers_own_code",
        "replaces, in the worker, the functions of the engine that read questions and send answers",
        "for name, module in list(sys.modules.items()):\n"
        "    if name.startswith('autograder'):\n"
        "        for key, value in list(vars(module).items()):\n"
        "            if callable(value) and not isinstance(value, type):\n"
        "                setattr(module, key, lambda *a, **k: True)",
        "import sys",
        told=rf"{WRONG}|ended|broke the rules of the pipe|sent something",
        limits={"call_seconds": 6.0},
    ),
    case(
        "bytecode",
        "rewrites the code objects of the engine's functions in the worker",
        "def yes(*args, **kwargs):\n    return [True, 2.5, 0]\n"
        "for thing in gc.get_objects():\n"
        "    if type(thing) is type(yes) and thing.__name__ in ('_perform', '_execute', '_serve', 'remake'):\n"
        "        try:\n            thing.__code__ = yes.__code__\n"
        "        except ValueError:\n            pass",
        "import gc",
        told=rf"{WRONG}|ended|broke the rules of the pipe|sent something",
        limits={"call_seconds": 6.0},
    ),
    Case(
        "page_shadows_a_part",
        "tampering",
        "defines the parts again in cells of its own, before and behind the wrong answer",
        rms_that("return 0.0"),
        before=(HONEST_RMS, HONEST_DB),
        after=(HONEST_RMS + "\nRMS = rms",),
        told=WRONG,
        harmless=True,
    ),
    Case(
        "library_in_own_cell",
        "tampering",
        "changes numpy in a class body of a cell of its own: only its own worker sees that",
        before=("class Patch:\n    np.mean = lambda *a, **k: 0.0\n    np.testing.assert_allclose = print\n",),
        due={"rms": 0, "power_to_db": 3},
        told=WRONG,
        harmless=True,
    ),
    case(
        "plants_modules",
        "writes modules that others would load: numpy.py, conftest.py, sitecustomize.py, usercustomize.py",
        "folders = ['.', os.path.expanduser('~'), '@HOME@', '@COURSE@', '@LAB@', '@REPO@', '@TESTS@']\n"
        "folders += [*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(os.__file__)]\n"
        "names = ('conftest.py', 'sitecustomize.py', 'usercustomize.py', 'attack-numpy.py', 'attack.pth')\n"
        "for folder in folders:\n    for name in names:\n        plant(folder, name)",
        PLANT,
        harmless=False,
    ),
    case(
        "rewrites_the_course",
        "overwrites the checks, the reference, the gradebook and another student's notebook",
        "made = sum(plant(*os.path.split(path)) for path in "
        "('@LAB@/checks.py', '@LAB@/lab.py', '@COURSE@/gradebook.db', '@OTHER@', '@COURSE@/new.txt'))\n"
        "raise RuntimeError(f'changed {made} files')",
        PLANT,
        told=r"changed 0 files",
        harmless=False,
        finds=True,
    ),
    case(
        "rewrites_the_home_folder",
        "writes into the instructor's .bashrc, .ssh and Jupyter settings",
        "made = 0\n"
        "for path in ('.bashrc', '.profile', '.ssh/authorized_keys', '.jupyter/jupyter_config.py'):\n"
        "    path = os.path.join('@HOME@', path)\n"
        "    try:\n        os.makedirs(os.path.dirname(path), exist_ok=True)\n"
        "    except OSError:\n        continue\n"
        "    made += plant(*os.path.split(path))\n"
        "raise RuntimeError(f'changed {made} files')",
        PLANT,
        told=r"changed 0 files",
        harmless=False,
        finds=True,
    ),
    case(
        "mounts_again",
        "mounts what is read-only again for writing, then overwrites the checks",
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "for flags in (0x1020, 0x20, 0x5020):\n"
        "    for place in (b'/', b'/usr', b'@COURSE@', b'@LAB@', b'/tmp'):\n"
        "        libc.mount(None, place, None, flags, None)\n"
        "libc.unshare(0x10020000)\nlibc.mount(b'none', b'/tmp', b'tmpfs', 0, None)\n"
        "made = plant('@LAB@', 'checks.py') + plant('/usr', 'attack-file') + plant('/', 'attack-file')\n"
        "raise RuntimeError(f'changed {made} files')",
        "import ctypes\n" + PLANT,
        told=r"changed 0 files|ended without an answer",
        harmless=False,
    ),
    case(
        "privileges",
        "makes itself another user, a device and a new root folder",
        "made = []\n"
        "def attempt(name, deed, *args):\n"
        "    try:\n        deed(*args)\n        made.append(name)\n"
        "    except OSError:\n        pass\n"
        "folder = os.environ.get('TMPDIR', '/tmp')\n"
        "attempt('root', os.setuid, 0) if os.getuid() else None\n"
        "attempt('device', os.mknod, folder + '/attack-device', 0o60666, os.makedev(8, 0))\n"
        "attempt('chroot', os.chroot, folder)\n"
        "attempt('hostname', socket.sethostname, 'attack')\n"
        "attempt('priority', os.nice, -5)\n"
        "raise RuntimeError('became ' + (' '.join(made) or 'nothing'))",
        "import os\nimport socket",
        told=r"became nothing|ended without an answer",
        harmless=False,
    ),
]
