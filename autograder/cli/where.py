"""Where a learner is: states of the labs, the lab they are in, the part that is next."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.course import Course, Lab, Part, load_course
from autograder.errors import CourseError
from autograder.state import PASSED, LabState, lab_state

ACRONYMS = {"stt": "speech to text", "tts": "text to speech"}


def course_here() -> Course:
    """The course that this command is about, with at least one lab.

    Raises:
        CourseError: if there is none.
    """
    course = load_course()
    if not course.labs:
        raise CourseError(f"{course.root} holds no labs yet")
    return course


def phase_title(phase: str) -> str:
    """`phase3_modern_stt` → `Phase 3 · modern speech to text`."""
    first, _, rest = phase.partition("_")
    words = " ".join(ACRONYMS.get(word, word) for word in rest.split("_"))
    if first.startswith("phase") and first[5:].isdigit():
        return f"Phase {first[5:]} · {words}"
    return phase.replace("_", " ").capitalize()


def all_states(course: Course) -> list[LabState]:
    return [lab_state(course, lab) for lab in course.labs]


def next_part(state: LabState) -> Part | None:
    """The first part that is not passed."""
    return next((state.lab.part(p.part) for p in state.parts if p.status != PASSED), None)


def current_state(course: Course, states: Sequence[LabState]) -> LabState | None:
    """The unfinished lab whose notebook was saved last, else the first one not begun; None at the end."""
    unfinished = [state for state in states if not state.finished]
    begun = [state for state in unfinished if state.started]
    if begun:
        return max(begun, key=lambda state: _saved_at(course, state.lab))
    return unfinished[0] if unfinished else None


def _saved_at(course: Course, lab: Lab) -> float:
    try:
        return course.notebook(lab).stat().st_mtime
    except OSError:
        return 0.0


def current_lab(course: Course) -> Lab:
    """The lab a command means if none is named."""
    state = current_state(course, all_states(course))
    return state.lab if state else course.labs[-1]


def find_part(course: Course, part: str, lab_name: str | None) -> tuple[Lab, Part]:
    """A part by name: of the lab named, of the one the learner is in, or of the only one that has it.

    Raises:
        CourseError: if no lab has it, or several have.
    """
    if lab_name:
        lab = course.lab(lab_name)
        return lab, lab.part(part)
    having = [lab for lab in course.labs if any(p.name == part for p in lab.parts)]
    if len(having) > 1:
        here = current_lab(course)
        having = [here] if here in having else having
    if len(having) == 1:
        return having[0], having[0].part(part)
    if not having:
        from difflib import get_close_matches

        names = [p.name for lab in course.labs for p in lab.parts]
        near = get_close_matches(part, names, n=1)
        ask = f"; did you mean {near[0]}?" if near else ""
        raise CourseError(f"no lab of this course has a part named {part!r}{ask}")
    raise CourseError(
        f"several labs have a part {part!r}: name one with --lab ({', '.join(x.name for x in having)})"
    )


def find_target(course: Course, lab_name: str | None, parts: Sequence[str]) -> tuple[Lab, list[str] | None]:
    """What `check LAB PART…` means: the lab and the parts (None for all).

    A part's name may stand alone: `check mel_filterbank`.
    """
    if lab_name is None:
        return current_lab(course), None
    known_lab = any(lab.name.startswith(lab_name) for lab in course.labs)
    if not known_lab and any(p.name == lab_name for lab in course.labs for p in lab.parts):
        lab, part = find_part(course, lab_name, None)
        return lab, [part.name, *(lab.part(name).name for name in parts)]
    lab = course.lab(lab_name)
    return lab, [lab.part(name).name for name in parts] or None


def shown(course: Course, path: object) -> str:
    """A path as people say it: from the course's folder if it lies there."""
    from pathlib import Path

    full = Path(str(path))
    try:
        return str(full.resolve().relative_to(course.root))
    except ValueError:
        return str(full)
