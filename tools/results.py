"""Runs every page at full length and writes what its practice reached to docs/results.md.

    python tools/results.py [LAB …]

Figures from synthetic speech and from recordings are never mixed: each page's own output says which
data it ran on, and so does the head of the file.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tqdm import tqdm

from autograder.course import Lab, load_course
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


def main(names: list[str]) -> None:
    course = load_course(ROOT)
    labs = [course.lab(name) for name in names] or list(course.labs)
    digits = corpora.digits()
    speech = "real recordings" if digits.real else "synthetic speech"
    machine = f"{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores"
    pieces = [
        "# What the pages reach\n",
        INTRODUCTION,
        f"{date.today().isoformat()}, {machine}. Spoken digits: {speech} ({digits.name}).\n",
    ]
    for lab in tqdm(labs, desc="pages", unit="page"):
        with tempfile.TemporaryDirectory() as folder:
            os.environ.setdefault("SPEECHLAB_STATE", folder)
            started = time.perf_counter()
            page = run_page(course, lab, Path(folder), fast=False)
            seconds = time.perf_counter() - started
        pieces.append(f"## {lab.title} (`{lab.name}`)\n")
        pieces.append(f"The page took {seconds:.0f} s (limit {lab.budget} s).\n")
        pieces += [f"```text\n{text}\n```\n" for text in section_text(page, "practice")]
        pieces.append(proofs(lab))
        if seconds > lab.budget:
            tqdm.write(f"{lab.name}: the page took {seconds:.0f} s, more than its budget of {lab.budget} s")
    if not names:
        write_atomic(ROOT / "docs" / "results.md", "\n".join(pieces))
        print("docs/results.md")
    else:
        print("\n".join(pieces))


if __name__ == "__main__":
    main(sys.argv[1:])
