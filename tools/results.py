"""Runs every page at full length and writes what its practice reached to docs/results.md.

    python tools/results.py [LAB …]

With names of labs, only their sections are made anew. Figures from synthetic speech and from
recordings are never mixed: each page's own output says which data it ran on, and so does its section.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tqdm import tqdm

from autograder.course import Course, Lab, load_course
from autograder.files import write_atomic
from autograder.loading import load_mistakes
from autograder.mutants import run_mutants
from autograder.pages import run_page, section_text
from labkit import corpora

INTRODUCTION = """\
Written by `python tools/results.py` (also part of `make test-all`): every page executed from top to
bottom at full length with the reference filled in, and what its practice printed. Below each: how its
checks are proven. Every named mistake is caught and told by its own sentence; the generic mutants are
small changes of the reference (an operator, a constant, a bound, a call left out) that a check must notice.
"""
ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "results.md"


def processor() -> str:
    """Name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def proofs(lab: Lab) -> str:
    """What has been proven about a lab's checks: mistakes and generic mutants by part."""
    mistakes = load_mistakes(lab)
    rows = ["| part | named mistakes | mutants killed |", "|---|---|---|"]
    killed = total = 0
    for part in tqdm(lab.parts, desc=f"mutants of {lab.name}", unit="part", leave=False):
        report = run_mutants(lab, part.name)
        killed, total = killed + report.killed, total + report.total
        count = sum(mistake.part == part.name for mistake in mistakes)
        rows.append(f"| `{part.name}` | {count} | {report.killed} of {report.total} |")
    rows.append(f"| all | {len(mistakes)} | {killed} of {total}, {killed / max(total, 1):.1%} |")
    return "\n".join(rows) + "\n\nWhy each of the others survives is said in `mutants.toml` beside the lab.\n"


def section(course: Course, lab: Lab) -> str:
    """What is said about a lab, under its own heading."""
    digits = corpora.digits()
    speech = "real recordings" if digits.real else "synthetic speech"
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("SPEECHLAB_STATE", folder)
        started = time.perf_counter()
        page = run_page(course, lab, Path(folder), fast=False)
        seconds = time.perf_counter() - started
    if seconds > lab.budget:
        tqdm.write(f"{lab.name}: the page took {seconds:.0f} s, more than its budget of {lab.budget} s")
    made = f"{date.today().isoformat()}: the page took {seconds:.0f} s (limit {lab.budget} s)."
    pieces = [f"{heading(lab)}\n", f"{made} Spoken digits: {speech} ({digits.name}).\n"]
    pieces += [f"```text\n{text}\n```\n" for text in section_text(page, "practice")]
    pieces.append(proofs(lab))
    return "\n".join(pieces)


def heading(lab: Lab) -> str:
    return f"## {lab.title} (`{lab.name}`)"


def known(course: Course, text: str) -> dict[str, str]:
    """The sections of a page that was written before: name of the lab → text."""
    found = {}
    for piece in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        for lab in course.labs:
            if piece.startswith(heading(lab) + "\n"):
                found[lab.name] = piece
    return found


def main(names: list[str]) -> None:
    course = load_course(ROOT)
    labs = [course.lab(name) for name in names] or list(course.labs)
    machine = f"{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores"
    before = TARGET.read_text(encoding="utf-8") if names and TARGET.exists() else ""
    sections = known(course, before)
    for lab in tqdm(labs, desc="pages", unit="page"):
        sections[lab.name] = section(course, lab)
        in_order = [sections[lab.name].rstrip() for lab in course.labs if lab.name in sections]
        head = ["# What the pages reach", INTRODUCTION.rstrip(), f"{machine}."]
        # after each lab, so that what was measured is kept if this is broken off
        write_atomic(TARGET, "\n\n".join([*head, *in_order]) + "\n")
    print(TARGET.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
