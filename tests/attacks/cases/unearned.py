# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Answers without the work."""

from tests.attacks.case import HONEST_DB, HONEST_RMS, Case, rms_that

KIND = "answers without work"
WRONG = r"another number|checks failed"


def case(name: str, does: str, cells: dict[str, str], told: str = WRONG, **options) -> Case:
    options.setdefault("harmless", True)
    return Case(name, KIND, does, cells, told=told, **options)


KEEP = """
import os

PLACES = [".", os.environ.get("TMPDIR", "/tmp"), os.path.expanduser("~"), "/tmp", "/var/tmp", "/dev/shm", "/run/lock",
          "@COURSE@", "@HOME@"]

def keep(text):
    for place in PLACES:
        try:
            with open(os.path.join(place, "attack-note"), "w") as file:
                file.write(text)
        except OSError:
            pass

def kept():
    found = []
    for place in PLACES:
        path = os.path.join(place, "attack-note")
        if os.path.exists(path):
            found.append(place)
    return found
"""

CASES = [
    case(
        "hard_coded",
        "knows the answers that the page shows and no others",
        rms_that(
            "if samples.size == 0:\n    raise ValueError\n"
            "return {2: 3.0, 7: 2.5, 4: 30000.0}.get(samples.size, 0.0)"
        ),
    ),
    case(
        "remembered",
        "answers a question with what was right for the one before",
        rms_that(
            "if samples.size == 0:\n    raise ValueError\n"
            "LAST.append(float(np.sqrt(np.mean(samples.astype(float) ** 2))))\n"
            "return LAST[-2] if len(LAST) > 1 else LAST[-1]",
            "LAST = []",
        ),
        told=rf"{WRONG}|NaN",
    ),
    case(
        "constant",
        "raises the expected exception whatever is asked",
        rms_that("raise ValueError('no')"),
        told=r"ValueError",
    ),
    case(
        "skips_the_check",
        "raises what makes pytest skip a check",
        rms_that("import pytest\npytest.skip('not today')"),
        told=r"Skipped|ModuleNotFoundError|ImportError",
    ),
    case(
        "rejects_the_example",
        "raises what makes Hypothesis pass over an example",
        rms_that("import hypothesis\nhypothesis.reject()"),
        told=r"UnsatisfiedAssumption|ModuleNotFoundError|ImportError",
    ),
    case(
        "asks_the_reference",
        "asks the trusted side for the reference's answer to its own part, under every name it can think of",
        rms_that(
            "found = []\n"
            "peers = [o for o in gc.get_objects() if type(o).__name__ == 'Peer']\n"
            "names = ['rms', 't00_decibels.rms', 'solutions.rms', 'reference.rms', '.rms', 'rms.rms', 'lab.rms',\n"
            "         '', 't00_decibels', '__room__', 'power_to_db.rms', 't00_decibels.rms.__call__', 0, 1, -1]\n"
            "for peer in peers:\n"
            "    for name in names:\n"
            "        for method in ('__call__', '__attribute__', '__getattribute__', '__globals__', 'rms'):\n"
            "            try:\n"
            "                found.append(peer.ask(name, method, (samples,), {}))\n"
            "            except Exception:\n                pass\n"
            "try:\n"
            "    from labkit.parts import t00_decibels\n"
            "    found.append(t00_decibels.rms(samples))\n"
            "except Exception:\n    pass\n"
            "raise RuntimeError('found ' + ('answers' if found else 'nothing'))",
            "import gc",
        ),
        told=r"found nothing|broke the rules of the pipe|ended|not asked",
    ),
    case(
        "loads_the_solution",
        "imports the reference by the engine's own functions and by path",
        rms_that(
            "attempts = ["
            "lambda: __import__('autograder.loading').loading.load_reference(pathlib.Path('@LAB@')),\n"
            "    lambda: __import__('autograder.course').course.load_course(pathlib.Path('@COURSE@')),\n"
            "    lambda: runpy.run_path('@LAB@/lab.py'),\n"
            "    lambda: runpy.run_path('@LAB@/checks.py'),\n"
            "    lambda: __import__('solutions')]\n"
            "found = []\n"
            "for attempt in attempts:\n"
            "    try:\n        got = attempt()\n"
            "        names = got if isinstance(got, dict) else dir(got)\n"
            "        found += [name for name in ('rms', 'test_empty_signal_is_refused') if name in names]\n"
            "        found += [lab.name for lab in getattr(got, 'labs', ())]\n"
            "    except (Exception, SystemExit):\n        pass\n"
            "raise RuntimeError('found ' + (' '.join(found) or 'nothing'))",
            "import pathlib\nimport runpy",
        ),
        told=r"found nothing",
        finds=True,
        harmless=False,
    ),
    case(
        "keeps_notes_between_parts",
        "writes notes wherever it can in one part's worker and looks for them in the other's",
        {
            "rms": KEEP + "\nkeep('note')\n\n" + HONEST_RMS,
            "power_to_db": KEEP
            + "\ndef power_to_db(power, reference=1.0, floor_db=-80.0):\n"
            + "    raise RuntimeError('found ' + (' '.join(kept()) or 'nothing'))\n",
        },
        due={"rms": 2, "power_to_db": 0},
        told=r"found nothing",
        harmless=False,
        finds=True,
    ),
    case(
        "finds_notes_of_another",
        "looks for the notes that the submission before it has left",
        {
            "rms": KEEP
            + "\ndef rms(samples):\n    raise RuntimeError('found ' + (' '.join(kept()) or 'nothing'))\n"
        },
        told=r"found nothing",
        harmless=False,
    ),
    case(
        "forbidden_function",
        "calls numpy.linalg, which its part forbids",
        rms_that(
            "if samples.size == 0:\n    raise ValueError\n"
            "return float(np.linalg.norm(samples.astype(float)) / np.sqrt(samples.size))"
        ),
        told=r"numpy\.linalg[^.]{0,60}",
    ),
    case(
        "forbidden_function_in_disguise",
        "calls what its part forbids by a name that it puts together when it runs",
        rms_that(
            "if samples.size == 0:\n    raise ValueError\n"
            "norm = eval('np.lin' + 'alg.norm')\n"
            "return float(norm(samples.astype(float)) / np.sqrt(samples.size))"
        ),
        told=r"eval[^.]{0,60}",
    ),
    case(
        "answers_the_other_part",
        "puts the other part's answer into both cells",
        {"rms": HONEST_DB, "power_to_db": HONEST_DB},
        told=r"defines no 'rms'",
    ),
    case(
        "random_guess",
        "guesses",
        rms_that("if samples.size == 0:\n    raise ValueError\nreturn np.random.rand()"),
    ),
    case(
        "predicts_the_inputs",
        "draws the hidden inputs itself, from the seed that it was given for its own random numbers",
        {
            "rms": HONEST_RMS,
            "power_to_db": (
                "import sys\n\nSEEDS = []\n\n"
                "class Watch:\n"
                "    for module in [m for n, m in list(sys.modules.items()) if n.startswith('autograder')]:\n"
                "        if hasattr(module, 'seed_everything'):\n"
                "            module.seed_everything = SEEDS.append\n\n"
                "def power_to_db(power, reference=1.0, floor_db=-80.0):\n"
                "    if power.size == 45:\n"
                "        for seed in SEEDS:\n"
                "            drawn = np.random.default_rng(seed).uniform(1e-6, 10, size=(5, 9))\n"
                "            if np.array_equal(drawn, power):\n"
                "                raise RuntimeError('found the inputs')\n"
                "        raise RuntimeError('found nothing')\n"
                "    if reference <= 0 or np.any(power < 0):\n        raise ValueError\n"
                "    lowest = reference * 10 ** (floor_db / 10)\n"
                "    return 10 * np.log10(np.maximum(power, lowest) / reference)\n"
            ),
        },
        due={"rms": 2, "power_to_db": 0},
        told=r"found nothing",
    ),
]
