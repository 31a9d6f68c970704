"""The gates that every lab passes, as functions: tests and `speechlab prove` call them.

Run one lab while writing it: `python -m autograder.proof t03 [--mutants] [--part NAME]`.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from autograder.checking.proxy import InProcess
from autograder.checking.runner import CheckResult, session_of
from autograder.course import Course, Lab, load_course
from autograder.definitions import Code
from autograder.diagnosis import diagnose
from autograder.grading import LabResult, check_part, grade, submission
from autograder.loading import code_cells, load_mistakes, load_reference
from autograder.notebook import Reading

SEED = 1
LIMIT = 60.0


def reference_namespace(lab: Lab) -> dict[str, Any]:
    assert lab.folder is not None
    return vars(load_reference(lab.folder))


def run_checks(lab: Lab, part: str, variant: Any = None, seed: int = SEED) -> list[CheckResult]:
    """All checks of a part on the reference, or on a variant of it."""
    names = reference_namespace(lab)
    backend = InProcess(names if variant is None else {**names, part: variant})
    session = session_of(lab)
    return [session.run(item, backend, seed, LIMIT) for item in session.of(part)]


def reference_in_worker(course: Course, lab: Lab, seed: int = SEED) -> LabResult:
    """The reference graded as a submission."""
    return grade(course, lab, Reading(code_cells(lab.source)), seed)


def reference_in_process(lab: Lab, seed: int = SEED) -> LabResult:
    """The reference checked as in a notebook."""
    backend, session = InProcess(reference_namespace(lab)), session_of(lab)
    parts = [check_part(lab, session, part, backend, seed, LIMIT, pictures=False) for part in lab.parts]
    return LabResult(lab.name, parts, [], seed, "none")


def mistake_problems(lab: Lab) -> list[str]:
    """Mistakes that are not caught, or not told by their own sentence."""
    problems = []
    session = session_of(lab)
    for mistake in load_mistakes(lab):
        results = run_checks(lab, mistake.part, mistake.variant)
        if all(result.passed for result in results):
            problems.append(f"{mistake.part}: no check catches {mistake.name}")
            continue
        found = diagnose(lab, session, mistake.part, results, SEED, seconds=600.0)
        if found.mistake != mistake.name:
            instead = found.mistake or f"{found.kind}: {found.sentence}"
            problems.append(f"{mistake.part}: {mistake.name} is told as {instead}")
    return problems


def stub_problems(course: Course, lab: Lab, stubs: list[Code]) -> list[str]:
    """Checks that an untouched stub (its code cells) does not fail by NotImplementedError."""
    problems = []
    session = session_of(lab)
    for part in lab.parts:
        backend = submission(course, lab, part, Reading(stubs))
        try:
            for item in session.of(part.name):
                result = session.run(item, backend, SEED)
                if result.passed or not isinstance(result.error, NotImplementedError):
                    problems.append(f"{part.name}: {result.title}: the stub gives {result.error!r}")
        finally:
            backend.close()
    return problems


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lab")
    parser.add_argument("--part", help="only this part's mutants")
    parser.add_argument("--mutants", action="store_true", help="run the generic mutants too (minutes)")
    options = parser.parse_args(arguments)
    course = load_course()
    lab = course.lab(options.lab)
    from autograder.feedback import lab_text

    failed = False
    for name, result in (
        ("in process", reference_in_process(lab)),
        ("worker", reference_in_worker(course, lab)),
    ):
        seconds = sum(part.seconds for part in result.parts)
        print(f"reference {name}: {result.points:g}/{result.max_points:g} points in {seconds:.1f} s")
        if result.points != result.max_points:
            print(lab_text(result))
            failed = True
    slow = sorted(((r.seconds, r.name) for p in lab.parts for r in run_checks(lab, p.name)), reverse=True)[:5]
    print("slowest checks:", ", ".join(f"{name} {seconds:.2f} s" for seconds, name in slow))
    problems = mistake_problems(lab)
    counts = {p.name: sum(m.part == p.name for m in load_mistakes(lab)) for p in lab.parts}
    print(f"{sum(counts.values())} mistakes; fewer than three: {[p for p, n in counts.items() if n < 3]}")
    print("\n".join(problems) or "every mistake is caught and named")
    failed = failed or bool(problems)
    if options.mutants:
        failed = _print_mutants(lab, options.part) or failed
    return int(failed)


def _print_mutants(lab: Lab, only: str | None) -> bool:
    from autograder.mutants import explained, run_mutants

    reasons = explained(lab)
    unexplained = False
    killed = total = 0
    for part in lab.parts:
        if only and part.name != only:
            continue
        report = run_mutants(lab, part.name)
        killed, total = killed + report.killed, total + report.total
        print(f"{part.name}: {report.killed}/{report.total} mutants killed")
        for mutant in report.survivors:
            reason = reasons.get((mutant.part, mutant.line, mutant.change))
            unexplained = unexplained or reason is None
            print(
                f"    survives: {mutant.change:12} in `{mutant.line}`" + (f"  ({reason})" if reason else "")
            )
    print(f"{lab.name}: {killed}/{total} = {killed / max(total, 1):.1%}")
    return unexplained or killed < 0.9 * total


if __name__ == "__main__":
    sys.exit(main())
