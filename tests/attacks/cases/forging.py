# ruff: noqa: E501  (attacks are texts; a row of a table is one line)
"""Making marks: in the notebook, in the gradebook, in the pipe."""

from __future__ import annotations

import copy
from typing import Any

from tests.attacks.case import HONEST_RMS, LINKS, Case, cell_of, rms_that

KIND = "forging"
WRONG = {"rms": "def rms(samples):\n    return 0.0\n"}
BOTH_WRONG = {
    **WRONG,
    "power_to_db": "def power_to_db(power, reference=1.0, floor_db=-80.0):\n    return power * 0\n",
}
NOTHING = {"rms": 0, "power_to_db": 0}
FULL = {"rms": 2, "power_to_db": 3}
TOLD = r"another number|checks failed"
OUTPUT = {
    "output_type": "execute_result",
    "data": {"text/plain": "1000.0"},
    "metadata": {},
    "execution_count": 1,
}


def case(name: str, does: str, cells: dict[str, str], edit=None, told: str = TOLD, **options) -> Case:
    options.setdefault("harmless", True)
    return Case(name, KIND, does, cells, edit=edit, told=told, **options)


BROKEN = r"broke the rules of the pipe[^.]*|sent something that is no answer|ended without an answer"
# Replaces whatever a socket sends with, now and for good.
SENT = (
    "def hook(change):\n"
    "    for name in ('sendall', 'sendmsg', 'send'):\n"
    "        changed = change(getattr(socket.socket, name))\n"
    "        changed.plain = getattr(socket.socket, name)\n"
    "        setattr(socket.socket, name, changed)\n"
)


def pipe(name: str, does: str, body: str, told: str, prelude: str = "") -> Case:
    """An attack on the pipe between worker and grader, which it finds among the living objects."""
    find = (
        "peers = [o for o in gc.get_objects() if type(o).__name__ == 'Peer']\n"
        "for number in LINKS:\n    os.set_blocking(number, True)\n"
    )
    imports = LINKS + "import gc\nimport socket\nimport time\nfrom autograder.sandbox.frames import HEAD\n"
    cells = rms_that(find + body, imports + prelude)
    limits = {"call_seconds": 6.0, "part_seconds": 12.0}
    return Case(name, KIND, does, cells, told=told, limits=limits)


def checks_of(page: Any) -> list[dict[str, Any]]:
    return [cell_of(page, "check_rms"), cell_of(page, "check_power_to_db")]


def more_points(page: Any) -> None:
    for cell in page["cells"]:
        if cell["metadata"].get("nbgrader"):
            cell["metadata"]["nbgrader"].update(points=1000, grade=True, locked=False, solution=False)


def edited_checks(page: Any) -> None:
    for cell in checks_of(page):
        cell["source"] = "print('all passed')\n1000"


def deleted_checks(page: Any) -> None:
    for cell in checks_of(page):
        page["cells"].remove(cell)


def doubled_checks(page: Any) -> None:
    for cell in checks_of(page):
        page["cells"] += [copy.deepcopy(cell) for _ in range(3)]


def swapped_ids(page: Any) -> None:
    first, second = cell_of(page, "rms"), cell_of(page, "power_to_db")
    first["metadata"], second["metadata"] = second["metadata"], first["metadata"]


def second_answer(page: Any) -> None:
    again = copy.deepcopy(cell_of(page, "rms"))
    again["source"] = HONEST_RMS
    page["cells"].append(again)


def outputs(page: Any) -> None:
    for cell in page["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [copy.deepcopy(OUTPUT)], 1


def no_code(page: Any) -> None:
    cell = cell_of(page, "rms")
    cell["cell_type"] = "markdown"
    cell.pop("outputs", None)
    cell.pop("execution_count", None)


def manual_cell(page: Any) -> None:
    for cell in checks_of(page):
        cell["metadata"]["nbgrader"].update(grade=True, solution=True, task=True, points=1000)


def ids_that_are_no_text(page: Any) -> None:
    for number, cell in enumerate(page["cells"]):
        if cell["metadata"].get("nbgrader"):
            continue
        cell["metadata"]["nbgrader"] = {
            "grade_id": [number, {"rms": 1}],
            "points": "all",
            "schema_version": 99,
        }


def forged_results(page: Any) -> None:
    page["metadata"]["speechlab"] = {
        **page["metadata"].get("speechlab", {}),
        "remarks": ["full marks were agreed"],
        "points": 1000,
        "results": [{"part": "rms", "points": 1000}],
    }


CASES = [
    case("points_in_metadata", "says that its cells are worth 1000 points", WRONG, more_points),
    case("edited_checks", "replaces the check cells by a print of full marks", WRONG, edited_checks),
    case("deleted_checks", "deletes the check cells", WRONG, deleted_checks),
    case("doubled_checks", "has every check cell four times", WRONG, doubled_checks),
    case("swapped_ids", "swaps the ids of its two parts, of which one is wrong", WRONG, swapped_ids),
    case(
        "second_answer",
        "answers a part twice: wrong first, right later",
        WRONG,
        second_answer,
        told=r"several cells; the first one counts",
    ),
    case("outputs", "has outputs of 1000 under every cell", BOTH_WRONG, outputs, due=NOTHING),
    case("no_code", "turns its answer's cell into text", {}, no_code, told=r"rms is missing"),
    case("graded_by_hand", "turns the check cells into ones that are graded by hand", WRONG, manual_cell),
    case(
        "odd_ids", "has cells with ids that are lists, and other schema versions", WRONG, ids_that_are_no_text
    ),
    case("forged_results", "carries results and remarks in its metadata", WRONG, forged_results),
    case(
        "gradebook",
        "writes full marks into nbgrader's gradebook",
        rms_that(
            "import sqlite3\n"
            "try:\n"
            "    with sqlite3.connect('@COURSE@/gradebook.db', timeout=1) as book:\n"
            "        book.execute('update grade set auto_score = 1000')\n"
            "        book.execute('create table attack (x)')\n"
            "except sqlite3.Error as error:\n    raise RuntimeError(f'refused: {error}')\n"
            "raise RuntimeError('changed')"
        ),
        told=r"refused|ImportError",
        harmless=False,
        finds=True,
    ),
    case(
        "result_files",
        "writes files of results beside the submission",
        rms_that(
            "made = 0\n"
            "for folder in (os.path.dirname('@OTHER@'), '@COURSE@', '@COURSE@/autograded', '.'):\n"
            "    for name in ('results.json', 'attack-marks.csv', 'grades.csv'):\n"
            "        try:\n"
            "            with open(os.path.join(folder, name), 'x') as file:\n"
            "                file.write('rms,1000')\n"
            "            made += folder != '.'\n"
            "        except OSError:\n            pass\n"
            "raise RuntimeError(f'made {made} files')",
            "import os",
        ),
        told=r"made 0 files",
        harmless=False,
        finds=True,
    ),
    pipe(
        "says_that_it_passed",
        "sends verdicts in place of answers",
        "for peer in peers:\n"
        "    for name, value in {'passed': True, 'points': 1000, 'verdict': 'full marks'}.items():\n"
        "        setattr(peer, name, value)\n"
        "return {'passed': True, 'points': 1000, 'rms': 1000}",
        r"returned a dict|checks failed",
    ),
    pipe(
        "guessed_reply",
        "sends replies with guessed ids before its answer is due",
        "for link in LINKS:\n"
        "    for number in range(1, 50):\n"
        "        os.write(link, HEAD.pack(number, 0, 1, 0) + b'\\xc3')\n"
        "return 0.0",
        BROKEN,
    ),
    pipe(
        "answers_twice",
        "sends its answer twice, so that the next question is answered before it is asked",
        SENT + "def twice(plain):\n"
        "    def send(self, *given):\n        plain(self, *given)\n        return plain(self, *given)\n"
        "    return send\n"
        "hook(twice)\n"
        "return 2.5",
        BROKEN,
    ),
    pipe(
        "endless_length",
        "announces a message of many gigabytes",
        "for link in LINKS:\n    os.write(link, HEAD.pack(0, 5, (1 << 32) - 1, (1 << 64) - 1))\n"
        "time.sleep(3)\nreturn 0.0",
        BROKEN,
    ),
    pipe(
        "nonsense",
        "sends a question that is no message",
        "for link in LINKS:\n"
        "    os.write(link, HEAD.pack(0, 5, 300, 0) + bytes(range(255)) + bytes(45))\n"
        "time.sleep(0.2)\nreturn 0.0",
        BROKEN,
    ),
    pipe(
        "damaged_reply",
        "damages the end of its own reply on the way out",
        SENT + "def damaged(plain):\n"
        "    def send(self, given, *rest):\n"
        "        data = b''.join(given) if isinstance(given, list) else bytes(given)\n"
        "        socket.socket.sendall.plain(self, data[:-4] + bytes([0xC1]) * 4)\n"
        "        return len(data)\n"
        "    return send\n"
        "hook(damaged)\n"
        "return 2.5",
        BROKEN,
    ),
    pipe(
        "objects_of_the_trusted_side",
        "asks the trusted side to call, and to hand out, objects by numbers that it has guessed",
        "import msgspec\n"
        "for number in (0, 1, 2, -1, 2 ** 62):\n"
        "    for target in (number, '__room__', 'rms', 'power_to_db.__globals__', 'os.system'):\n"
        "        body = msgspec.msgpack.encode([target, '__call__', [number], {}])\n"
        "        for link in LINKS:\n"
        "            os.write(link, HEAD.pack(0, 7, len(body), 0) + body)\n"
        "time.sleep(0.2)\nreturn 0.0",
        BROKEN,
    ),
]


def raised(name: str, does: str, source: str, told: str, prelude: str = "", **options) -> Case:
    return case(name, does, rms_that(f"raise {source}", prelude), told=told, **options)


CASES += [
    raised(
        "grading_error",
        "raises an error that is named like the engine's own, to have no marks taken",
        "GradingError('the checks cannot run')",
        r"GradingError",
        "class GradingError(Exception):\n    pass",
    ),
    raised("import_error", "raises ImportError as if a check's library were missing", "ImportError('no numpy')", "ImportError"),
    raised("gone", "raises an exception that is named like the engine's for a dead worker", "Gone('was interrupted')", "Gone", "class Gone(Exception):\n    pass"),
    raised("assertion", "raises AssertionError", "AssertionError('rms is right')", "AssertionError"),
    raised("exception_group", "raises an exception that cannot be made from a message", "ExceptionGroup('two', [ValueError(1), KeyError(2)])", "ExceptionGroup|Exception"),
    raised("translate_error", "raises an exception of five arguments", "UnicodeTranslateError('x', 0, 1, 'bad')", "UnicodeTranslateError|UnicodeError|Exception"),
    raised("stop_iteration", "raises StopIteration", "StopIteration(2.5)", "StopIteration"),
    raised(
        "message_that_raises",
        "raises an exception that raises when it is printed, and whose type lies about its name",
        "Odd()",
        r"Odd|Exception|exception|TypeError|ended|RuntimeError",
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError('not printed')\n"
        "    __repr__ = __str__\n    __traceback__ = property(lambda self: 1 / 0)",
    ),
]  # fmt: skip
