"""Grades cases one after the other, with an honest neighbour before and after each; prints JSON lines.

Runs inside the guard (or without one, for harmless cases). It is the trusted side as everybody uses
it: `grade_one` of a file in a course's `submitted` folder. What an attack may look for is planted
here: secrets in the environment, in files, in memory, behind sockets, in open files.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.attacks.case import ASSIGNMENT, LAB, Case
from tests.attacks.cases import case_named

REPOSITORY = Path(__file__).resolve().parents[2]
MINIATURE = REPOSITORY / "tests" / "data" / "course"
MARK = "attack-"  # what an attack leaves behind has a name that begins so
LEFT_SECONDS = 3.0  # how long a killed process may take to disappear
NEIGHBOUR = Case("neighbour", "", "")


class Scene:
    """A course with things to steal, and somebody's home folder beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.course_root, self.home = root / "course", root / "home"
        self.tokens: dict[str, str] = {}
        self._kept: list[Any] = []  # what must stay open or in memory
        shutil.copytree(MINIATURE, self.course_root, ignore=shutil.ignore_patterns("__pycache__"))
        for path in self.course_root.rglob("*"):  # a checkout may be read-only
            path.chmod(path.stat().st_mode | 0o200)
        self.lab_folder = next(self.course_root.glob(f"solutions/*/{LAB}"))
        self.other = self.course_root / "submitted" / "bob" / ASSIGNMENT / f"{LAB}.ipynb"
        self._plant_files()
        self.port = self._plant_sockets()
        self._plant_in_this_process()
        self.names = {
            "COURSE": str(self.course_root),
            "HOME": str(self.home),
            "LAB": str(self.lab_folder),
            "OTHER": str(self.other),
            "REPO": str(REPOSITORY),
            "TESTS": str(Path(__file__).resolve().parent),
            "PORT": str(self.port),
        }
        self.before: dict[str, bytes] = {}

    def token(self, where: str) -> str:
        self.tokens[where] = "CANARY-" + secrets.token_hex(8)
        return self.tokens[where]

    def _plant_files(self) -> None:
        page = self.lab_folder / "lab.py"
        page.write_text(page.read_text().replace('part="rms" ', 'part="rms" forbids="numpy.linalg" '))
        for name in ("checks.py", "lab.py", "mistakes.py"):
            with open(self.lab_folder / name, "a") as file:
                file.write(f"\n# {self.token(name)}\n")
        texts = {
            self.other: "another student's notebook",
            self.other.parent / "feedback.txt": "another student's feedback",
            self.course_root / "autograded" / "bob" / "marks.txt": "marks",
            self.home / ".ssh" / "id_ed25519": "a key",
            self.home / "notes.txt": "notes",
        }
        for path, what in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{what} {self.token(what)}\n")
        import sqlite3

        with sqlite3.connect(self.course_root / "gradebook.db") as book:
            book.execute("create table grade (auto_score real, note text)")
            book.execute("insert into grade values (1.0, ?)", [self.token("gradebook")])
        for folder in (Path(tempfile.gettempdir()), Path("/dev/shm")):
            if os.access(folder, os.W_OK) and os.environ.get("SPEECHLAB_ATTACK_GUARD"):
                (folder / "somebodys-file").write_text(self.token(str(folder)))

    def _plant_sockets(self) -> int:
        tcp = socket.create_server(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", port))
        self.answered: list[str] = []
        listeners = {"tcp": tcp}
        for name, address in (
            ("abstract", "\0speechlab-attack"),
            ("unix", f"{self.course_root}/attack-socket"),
        ):
            listeners[name] = socket.socket(socket.AF_UNIX)
            listeners[name].bind(address)
            listeners[name].listen()
        for name, listener in listeners.items():
            self._serve(name, listener)
        self._serve_datagrams(udp)
        return port

    def _serve(self, name: str, listener: socket.socket) -> None:
        def serve() -> None:
            while True:
                link, _ = listener.accept()
                self.answered.append(name)
                with link:
                    link.sendall(self.tokens[name].encode())

        self.token(name)
        self._kept.append(listener)
        threading.Thread(target=serve, daemon=True).start()

    def _serve_datagrams(self, udp: socket.socket) -> None:
        def serve() -> None:
            while True:
                _, address = udp.recvfrom(100)
                self.answered.append("udp")
                udp.sendto(self.tokens["udp"].encode(), address)

        self.token("udp")
        self._kept.append(udp)
        threading.Thread(target=serve, daemon=True).start()

    def _plant_in_this_process(self) -> None:
        os.environ["SPEECHLAB_TEST_SECRET"] = self.token("environment")
        os.environ["HOME"] = str(self.home)
        self._kept.append(self.token("memory") * 1000)
        number = os.open(self.home / "notes.txt", os.O_RDONLY)
        os.set_inheritable(number, True)
        self._kept.append(number)
        if os.environ.get("SPEECHLAB_ATTACK_GUARD"):  # a segment outlives its process: only in a namespace
            libc = ctypes.CDLL(None, use_errno=True)
            libc.shmat.restype = ctypes.c_void_p
            segment = libc.shmget(0, ctypes.c_size_t(4096), 0o1666)
            at = libc.shmat(segment, None, 0) if segment >= 0 else None
            if at not in (None, ctypes.c_void_p(-1).value):
                token = self.token("shared memory").encode()
                ctypes.memmove(at, token, len(token))

    def state(self) -> dict[str, bytes]:
        """Every file of the course and of the home folder but the submissions that are graded."""
        found = {}
        for path in sorted(p for p in self.root.rglob("*") if p.is_file() and not p.is_symlink()):
            place = path.relative_to(self.root)
            if "mallory" not in place.parts and "__pycache__" not in place.parts:
                found[str(place)] = path.read_bytes()
        return found

    def changes(self) -> list[str]:
        """Files that are new, changed or gone since the beginning."""
        now = self.state()
        return sorted({p for p in {*now, *self.before} if now.get(p) != self.before.get(p)})

    def mend(self) -> None:
        """Undo the changes, so that what one attack reached does not spoil the next."""
        for place in self.changes():
            path = self.root / place
            if place in self.before:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.before[place])
            else:
                path.unlink()

    def left_files(self) -> list[str]:
        """What attacks have left in folders that they might reach."""
        found = []
        places = [self.root] if not os.environ.get("SPEECHLAB_ATTACK_GUARD") else [
            self.root, Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path("/run"),
        ]  # fmt: skip
        for place in places:
            for where, folders, files in os.walk(place):
                found += [
                    f"{where}/{n}" for n in files + folders if n.startswith(MARK) and n != "attack-socket"
                ]
        found += [str(p) for p in map(Path, ("/attack-file", "/dev/attack-file")) if p.exists()]
        return found


def processes() -> set[int]:
    """Everything that runs in the guard but this process and its threads; zombies do not."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                state = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z":
                found.add(int(entry))
    return found


def command_of(pid: int) -> str:
    try:
        return (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf8", "replace").strip()
        )
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode("utf8", "replace").strip()


def left_processes(before: set[int]) -> list[str]:
    """Processes that are more than there were, after some time to die."""
    end = time.monotonic() + LEFT_SECONDS
    while len(now := processes()) > len(before) and time.monotonic() < end:
        time.sleep(0.05)
    if len(now) <= len(before):
        return []
    return [command_of(pid) or str(pid) for pid in sorted(now - before)]


def instructor_text(graded: Any) -> str:
    """All that an instructor is told about a submission."""
    lines = [graded.problem] if graded.problem else []
    if graded.result is None:
        return "\n".join(lines)
    lines += graded.result.remarks
    for part in graded.result.parts:
        lines += [part.fault, part.detail, *part.flags]
        if part.diagnosis:
            failed = sum(not ok for _, ok in part.checks)
            lines += [part.diagnosis.sentence, f"{part.part}: {failed} of {len(part.checks)} checks failed"]
        else:
            lines.append(f"{part.part}: all checks passed")
    return "\n".join(line for line in lines if line)


def student_text(graded: Any) -> str:
    """All that a student may see in a terminal or in plain text."""
    from autograder.feedback import clean, lab_text, part_text

    pieces = [clean(graded.problem)]
    if graded.result:
        pieces += [lab_text(graded.result), *map(part_text, graded.result.parts)]
    return "\n".join(pieces)


def student_page(graded: Any) -> str:
    """All that a student may see as HTML."""
    from autograder.feedback import part_html
    from autograder.submissions import as_html

    pieces = [as_html([graded], 1).partition("<body>")[2]]
    if graded.result:
        pieces += map(part_html, graded.result.parts)
    return "\n".join(pieces)


def record(scene: Scene, case: Case, graded: Any, before: set[int] | None) -> dict[str, Any]:
    """What came of a case, as JSON."""
    result = graded.result
    told = instructor_text(graded)
    return {
        "case": case.name,
        "points": {part.part: part.points for part in result.parts} if result else None,
        "ours": graded.ours,
        "told": told,
        "text": student_text(graded),
        "page": student_page(graded),
        "stolen": sorted(where for where, token in scene.tokens.items() if token in told),
        "isolation": result.isolation if result else "",
        "processes": left_processes(before) if before is not None else [],
        "files": scene.left_files(),
        "changed": scene.changes(),
    }


def grade_cases(scene: Scene, names: list[str], on_alone: Any) -> Iterator[dict[str, Any]]:
    """Grade each case between two neighbours, and yield what came of it."""
    from autograder.build import source_notebook
    from autograder.course import load_course
    from autograder.submissions import Submission, grade_one

    os.environ["SPEECHLAB_COURSE"] = str(scene.course_root)
    course = load_course(scene.course_root)
    page = source_notebook(course.lab(LAB))
    seed = secrets.randbits(63)

    def submit(case: Case, student: str) -> Submission:
        path = scene.course_root / "submitted" / student / ASSIGNMENT / f"{LAB}.ipynb"
        shutil.rmtree(path.parent, ignore_errors=True)
        case.write(path, page, scene.names)
        if not path.is_symlink() and not path.exists() and case.name != "missing":
            (path,) = path.parent.iterdir()  # the case has chosen a name of its own
        return Submission(path, student)

    def neighbour() -> dict[str, float] | None:
        graded = grade_one(course, submit(NEIGHBOUR, "mallorys-neighbour"), None, seed, pictures=False)
        points = {part.part: part.points for part in graded.result.parts} if graded.result else None
        return points if points else {"not graded: " + graded.problem: 0}

    last = neighbour()  # the first one starts what stays: fork servers
    scene.before = scene.state()
    for name in names:
        case = case_named(name)
        on_alone(name)
        before = processes() if os.environ.get("SPEECHLAB_ATTACK_GUARD") else None
        started = time.monotonic()
        options: dict[str, Any] = {"pictures": False, **case.limits}
        graded = grade_one(course, submit(case, "mallory"), None, seed, **options)
        found = record(scene, case, graded, before)
        found["seconds"] = round(time.monotonic() - started, 2)
        scene.mend()
        found["neighbours"] = [last, last := neighbour()]
        shutil.rmtree(scene.course_root / "submitted" / "mallory", ignore_errors=True)
        for path in found["files"]:  # so that what one case leaves is not told of the next
            shutil.rmtree(path) if os.path.isdir(path) else Path(path).unlink(missing_ok=True)
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="an empty folder for the course and the home")
    parser.add_argument("report", type=int, help="descriptor that the JSON lines go to")
    arguments = parser.parse_args()
    os.set_inheritable(arguments.report, False)
    report = os.fdopen(arguments.report, "w", buffering=1)
    names = json.loads(sys.stdin.readline())

    def say(what: dict[str, Any]) -> None:
        report.write(json.dumps(what) + "\n")

    scene = Scene(arguments.root)
    for found in grade_cases(scene, names, lambda name: say({"begins": name})):
        say(found)
    say({"ends": True})


if __name__ == "__main__":
    main()
