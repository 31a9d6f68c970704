"""Phases, labs, parts and points: read once from `solutions/`, or from a release that lacks it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder import percent
from autograder.errors import CourseError

RELEASE_FILE = "course.json"


@dataclass(frozen=True)
class Part:
    """A function or class that is graded.

    Attributes:
        minutes: what a learner needs for it.
        hints: nudge, concept, near-solution.
        forbids: full names of library functions or modules that the learner is to write themselves.
    """

    name: str
    points: float
    difficulty: int
    minutes: int
    hints: tuple[str, ...] = ()
    is_class: bool = False
    forbids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """One page of the course with its parts."""

    name: str
    phase: str
    title: str
    topic: int
    minutes: int
    difficulty: int
    needs: tuple[str, ...]
    libraries: tuple[str, ...]
    covers: dict[str, str]
    budget: int
    audible: bool
    parts: tuple[Part, ...]
    folder: Path | None = field(default=None, compare=False)

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def source(self) -> Path:
        return self._file("lab.py")

    @property
    def checks(self) -> Path:
        return self._file("checks.py")

    @property
    def mistakes(self) -> Path:
        return self._file("mistakes.py")

    def _file(self, name: str) -> Path:
        if self.folder is None:
            raise CourseError(f"{self.name}: {name} is not part of a student release")
        return self.folder / name

    def part(self, name: str) -> Part:
        for part in self.parts:
            if part.name == name:
                return part
        raise CourseError(f"{self.name} has no part {name!r}; it has {', '.join(p.name for p in self.parts)}")


@dataclass(frozen=True)
class Course:
    """All labs, in the order in which they are learnt."""

    root: Path
    labs: tuple[Lab, ...]

    @property
    def has_solutions(self) -> bool:
        return all(lab.folder is not None for lab in self.labs)

    @property
    def phases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(lab.phase for lab in self.labs))

    @property
    def state_folder(self) -> Path:
        """What the tool remembers: SPEECHLAB_STATE, else `.speechlab` in the course."""
        return Path(os.environ.get("SPEECHLAB_STATE") or self.root / ".speechlab")

    def lab(self, name: str) -> Lab:
        """The lab of that name; a unique beginning such as `t03` is enough.

        Raises:
            CourseError: if none or several labs fit.
        """
        exact = [lab for lab in self.labs if lab.name == name]
        fitting = exact or [lab for lab in self.labs if lab.name.startswith(name)]
        if len(fitting) == 1:
            return fitting[0]
        known = ", ".join(lab.name for lab in (fitting or self.labs))
        problem = "fits several labs" if fitting else "is no lab of this course"
        raise CourseError(f"{name!r} {problem}: {known}")

    def notebook(self, lab: Lab) -> Path:
        """Where the learner works on a lab: under SPEECHLAB_NOTEBOOKS if that is set, else in `phases/`."""
        folder = Path(os.environ.get("SPEECHLAB_NOTEBOOKS") or self.root / "phases")
        return folder / lab.phase / f"{lab.name}.ipynb"


def find_root(start: Path | None = None) -> Path:
    """The course folder: SPEECHLAB_COURSE, or the nearest above `start`, or the one installed from.

    Raises:
        CourseError: if there is none.
    """
    named = os.environ.get("SPEECHLAB_COURSE")
    if named:
        if not _is_course(Path(named)):
            raise CourseError(
                f"SPEECHLAB_COURSE is {named}, expected a folder with nbgrader_config.py and labs"
            )
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in [here, *here.parents, Path(__file__).resolve().parent.parent]:
        if _is_course(folder):
            return folder
    raise CourseError(
        f"no course found at or above {here}: change to the speechlab folder, or set SPEECHLAB_COURSE"
    )


def _is_course(folder: Path) -> bool:
    return (folder / "solutions").is_dir() or (folder / "phases" / RELEASE_FILE).is_file()


def read_lab(folder: Path) -> Lab:
    """A lab from its folder `solutions/<phase>/<name>`.

    Raises:
        CourseError: if the header lacks an entry or a part's line is incomplete.
    """
    header, cells = percent.read(folder / "lab.py")
    missing = [
        key for key in ("title", "topic", "minutes", "difficulty", "needs", "covers") if key not in header
    ]
    if missing:
        raise CourseError(f"{folder / 'lab.py'}: the header lacks {', '.join(missing)}")
    parts = []
    hints = {cell.hints: _numbered(cell.source) for cell in cells if cell.hints}
    for cell in cells:
        if cell.part is None:
            continue
        try:
            numbers = {key: cell.options[key] for key in ("points", "difficulty", "minutes")}
        except KeyError as error:
            raise CourseError(f"{folder / 'lab.py'}:{cell.line}: part {cell.part} lacks {error}") from error
        is_class = re.search(rf"^class {cell.part}\b", cell.source, re.M) is not None
        forbids = _dotted_names(cell.options.get("forbids", ""), f"{folder / 'lab.py'}:{cell.line}")
        parts.append(
            Part(cell.part, **numbers, hints=hints.get(cell.part, ()), is_class=is_class, forbids=forbids)
        )
    return Lab(
        name=folder.name,
        phase=folder.parent.name,
        title=header["title"],
        topic=header["topic"],
        minutes=header["minutes"],
        difficulty=header["difficulty"],
        needs=tuple(header["needs"]),
        libraries=tuple(header.get("libraries", ["numpy"])),
        # YAML reads "Evaluation: Forward" as a mapping; the texts are quoted, so these are strings
        covers=dict(header["covers"]) if isinstance(header["covers"], dict) else {},
        budget=header.get("budget", 120),
        audible=header.get("audible", True),
        parts=tuple(parts),
        folder=folder,
    )


def _dotted_names(value: Any, where: str) -> tuple[str, ...]:
    """The names of forbids="numpy.fft scipy.fft"; `np` is numpy."""
    names = value.split() if isinstance(value, str) else [str(value), "?"]
    if not all(word.isidentifier() for name in names for word in name.split(".")):
        raise CourseError(f'{where}: forbids={value!r}, expected names such as "numpy.fft librosa"')
    return tuple("numpy" + name[2:] if name.split(".")[0] == "np" else name for name in names)


def _numbered(text: str) -> tuple[str, ...]:
    """Items of a Markdown list numbered 1., 2., 3."""
    items = re.split(r"^\d+\.\s+", text, flags=re.M)[1:]
    return tuple(re.sub(r"\n\s*", "\n", item.strip()) for item in items)


def load_course(root: Path | None = None) -> Course:
    """The course at `root` (found from the current folder if not given)."""
    return _read_course((root or find_root()).resolve())


@lru_cache(maxsize=8)
def _read_course(root: Path) -> Course:
    if (root / "solutions").is_dir():
        folders = sorted(path.parent for path in (root / "solutions").glob("*/*/lab.py"))
        labs = [read_lab(folder) for folder in folders]
    else:
        labs = _from_release(root / "phases" / RELEASE_FILE)
    return Course(root, tuple(sorted(labs, key=_order)))


def _order(lab: Lab) -> tuple[int, str, str]:
    # prerequisites first, the capstone's wiring last, between them the roadmap's own order
    rank = {"prerequisites": 0, "capstone": 2}.get(lab.phase, 1)
    return rank, lab.phase, lab.name


def to_release(course: Course) -> str:
    """What a student release says about the course, as JSON: everything but folders and answers."""
    labs: list[dict[str, Any]] = []
    for lab in course.labs:
        entry = asdict(lab)
        entry.pop("folder")
        labs.append(entry)
    return json.dumps({"labs": labs}, indent=1, ensure_ascii=False) + "\n"


def _from_release(path: Path) -> list[Lab]:
    labs = []
    for entry in json.loads(path.read_text(encoding="utf-8"))["labs"]:
        parts = tuple(
            Part(**{**part, "hints": tuple(part["hints"]), "forbids": tuple(part.get("forbids", ()))})
            for part in entry.pop("parts")
        )
        entry.update(needs=tuple(entry["needs"]), libraries=tuple(entry["libraries"]))
        labs.append(Lab(**entry, parts=parts))
    return labs
