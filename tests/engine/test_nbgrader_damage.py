"""Damaged and odd submissions under the stock command: each has its result, and nobody else pays for it."""

from __future__ import annotations

import copy
import csv
import html
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbgrader_course import (
    ASSIGNMENT,
    LAB,
    WRONG,
    cell_of,
    feedback_page,
    folder_of,
    gradebook,
    graded_page,
    nbgrader,
    new_course,
    notebook,
    row,
    submit,
)

from autograder.notebook import grade_id, source_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Odd:
    """A submission that is not as it should be.

    Attributes:
        make: writes it: make(course, student).
        score: what it must get, of 5.
        page: words that the student's page must say.
        log: words of the log line that names the student; none if there is nothing to tell.
    """

    make: Callable
    score: float
    page: str = ""
    log: str = ""


def changed(change: Callable) -> Callable:
    return lambda course, student: submit(course, student, change)


def raw(data: bytes) -> Callable:
    return lambda course, student: submit(course, student).write_bytes(data)


def named(name: str, beside: bool = False) -> Callable:
    def make(course, student):
        path = submit(course, student)
        target = path.parent / name
        target.parent.mkdir(exist_ok=True)
        if beside:
            target.write_bytes(path.read_bytes())
        else:
            path.rename(target)

    return make


def encoded(encoding: str) -> Callable:
    return lambda course, student: submit(course, student).write_bytes(
        json.dumps(notebook(course), ensure_ascii=False).encode(encoding)
    )


def each(change: Callable) -> Callable:
    """Change every cell."""
    return changed(lambda page: [change(cell) for cell in page["cells"]])


def meta(name: str, **values) -> Callable:
    def change(page):
        cell_of(page, name)["metadata"]["nbgrader"].update(values)

    return changed(change)


def kernel(**spec) -> Callable:
    return changed(lambda page: page["metadata"].update(kernelspec=spec))


def without_kernel(page):
    del page["metadata"]["kernelspec"], page["metadata"]["language_info"]


def truncated(course, student):
    path = submit(course, student)
    path.write_bytes(path.read_bytes()[:-200])


def version_3(page):
    page.update(worksheets=[{"cells": page.pop("cells")}], nbformat=3, nbformat_minor=0)


def duplicate_part(page):
    second = copy.deepcopy(cell_of(page, "rms"))
    second.update(source=WRONG, id="another0")
    page["cells"].append(second)


def swapped(page):
    first, second = cell_of(page, "rms"), cell_of(page, "power_to_db")
    first["source"], second["source"] = second["source"], first["source"]


def wrong_and_forged(cell):
    if grade_id(cell) in ("rms", "power_to_db"):
        cell["source"] = "def nothing():\n    return 0"
    if cell["cell_type"] == "code":
        data = {"text/plain": "100"}
        output = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
        cell["outputs"] = [output]
    if (grade_id(cell) or "").startswith("check_"):
        cell["source"] = "100"
        cell["metadata"]["nbgrader"].update(points=1000, locked=False)


def no_dictionaries(page):
    for cell in page["cells"]:
        if grade_id(cell) is None:
            cell["metadata"] = ["not", "a", "dictionary"]
    page["metadata"]["language_info"] = "python"


def no_metadata(page):
    for cell in page["cells"]:
        if grade_id(cell) is None:
            del cell["metadata"]


def odd_cells(page):
    page["cells"] += [None, 3, "text", {}, {"cell_type": "code"}, {"cell_type": "video", "source": 3}]
    page["cells"] += [{"cell_type": "code", "source": {"a": 1}, "metadata": {}, "outputs": "none"}]


def halves(page):
    page["cells"].append(
        {"cell_type": "code", "metadata": {}, "source": "x = '\udc80 \x00'", "outputs": [], "id": "\ud800"}
    )


def older(page):
    """A version of the lab that knew one part more, under another name the second one, and other text."""
    cell_of(page, "power_to_db")["metadata"]["nbgrader"]["grade_id"] = "to_decibels"
    cell_of(page, "check_power_to_db")["metadata"]["nbgrader"]["grade_id"] = "check_to_decibels"
    page["cells"][0]["source"] = "# Decibels, last year"


def another_lab(page):
    page["metadata"]["speechlab"]["lab"] = "t05_hmm"


def linked(course, student):
    path = submit(course, student)
    elsewhere = course.root / "somebody_elses.ipynb"
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(elsewhere)
    (path.parent / "answers.txt").symlink_to(course.labs[0].checks)
    (path.parent / "nowhere.txt").symlink_to(course.root / "not_there")


def a_folder(course, student):
    path = submit(course, student)
    path.unlink()
    path.mkdir()
    (path / "note.txt").write_text("hello")


def a_pipe(course, student):
    path = submit(course, student)
    path.unlink()
    os.mkfifo(path)


def no_notebook(course, student):
    folder_of(course.root, student).mkdir(parents=True)
    (folder_of(course.root, student) / "readme.txt").write_text("my dog ate it")


def unknown_only(course, student):
    named("homework.ipynb")(course, student)
    path = folder_of(course.root, student) / "homework.ipynb"
    page = json.loads(path.read_text())
    del page["metadata"]["speechlab"]
    path.write_text(json.dumps(page))


def two_of_them(course, student):
    named("first.ipynb")(course, student)
    named("second.ipynb")(course, student)


def own_constant(page):
    """A helper that needs an import of the page, and stands where a learner would put it."""
    imports = next(i for i, cell in enumerate(page["cells"]) if "import numpy" in cell["source"])
    own = {"cell_type": "code", "metadata": {}, "source": "ONE = np.ones(1)", "outputs": [], "id": "own12345"}
    page["cells"].insert(imports + 1, own)
    cell_of(page, "rms")["source"] = (
        "def rms(samples):\n    if samples.size == 0:\n        raise ValueError\n"
        "    return float(ONE[0] * np.sqrt(np.mean(samples.astype(float) ** 2)))"
    )


MARKUP = "<img src=x onerror=alert(1)> [x](javascript:alert(1)).ipynb"

ODD = {
    "right": Odd(submit, 5),
    "unknown_name": Odd(
        named("my homework.ipynb"), 5, "the file's name should be t00_decibels.ipynb", "my homework"
    ),
    "in_a_folder": Odd(named(f"{ASSIGNMENT}/{LAB}.ipynb"), 5, f"{ASSIGNMENT}/{LAB}.ipynb was graded", LAB),
    "another_case": Odd(named("T00_Decibels.IPYNB"), 5, "T00_Decibels.IPYNB was graded", "T00_Decibels"),
    "extra": Odd(named("copy.ipynb", beside=True), 5, "was graded, not copy.ipynb", "copy.ipynb"),
    "two_unknown": Odd(two_of_them, 0, "none was graded: first.ipynb, second.ipynb", "Several files"),
    "unknown_only": Odd(unknown_only, 0, "No file t00_decibels.ipynb was submitted", "No file"),
    "no_notebook": Odd(no_notebook, 0, "No file t00_decibels.ipynb was submitted", "No file"),
    "not_json": Odd(raw(b"{'cells': ["), 0, "damaged", "damaged"),
    "truncated": Odd(truncated, 0, "damaged", "damaged"),
    "zero_bytes": Odd(raw(b""), 0, "the file is empty", "empty"),
    "blank": Odd(raw(b" \n\n"), 0, "the file is empty", "empty"),
    "a_list": Odd(raw(b"[1, 2]"), 0, "no list of cells", "no list of cells"),
    "wrong_schema": Odd(
        raw(b'{"cells": [3], "metadata": 7, "nbformat": 4}'), 0, "rms is missing", "rms is missing"
    ),
    "deep": Odd(raw(b"[" * 100_000), 0, "damaged", "damaged"),
    "nbformat_3": Odd(changed(version_3), 0, "old format 3", "old format 3"),
    "nbformat_9": Odd(changed(lambda page: page.update(nbformat=9)), 5),
    "utf_16": Odd(encoded("utf-16"), 0, "damaged", "damaged"),
    "latin_1": Odd(raw('{"cells": ["é"]}'.encode("latin-1")), 0, "damaged", "damaged"),
    "byte_order_mark": Odd(encoded("utf-8-sig"), 5),
    "too_large": Odd(raw(b" " * (51 * 1024 * 1024)), 0, "more than 50 MB", "more than 50 MB"),
    "kernel_r": Odd(kernel(name="ir", language="R", display_name="R"), 5),
    "kernel_python2": Odd(kernel(name="python2", display_name="Python 2"), 5),
    "kernel_not_installed": Odd(kernel(name="nowhere", display_name="?"), 5),
    "kernel_missing": Odd(changed(without_kernel), 5),
    "kernel_odd": Odd(changed(lambda page: page["metadata"].update(kernelspec=7)), 5),
    "duplicate_grade_ids": Odd(changed(duplicate_part), 5, "part rms has several cells", "several cells"),
    "duplicate_cell_ids": Odd(each(lambda cell: cell.update(id="same")), 5),
    "no_cell_ids": Odd(each(lambda cell: cell.pop("id")), 5),
    "schema_too_old": Odd(meta("rms", schema_version=0), 5),
    "schema_too_new": Odd(meta("rms", schema_version=99), 5),
    "schema_absent": Odd(each(lambda cell: cell["metadata"].get("nbgrader", {}).pop("schema_version", 0)), 5),
    "points_edited": Odd(meta("check_rms", points=1000), 5),
    "points_text": Odd(meta("check_rms", points="many"), 5),
    "unlocked": Odd(meta("check_rms", locked=False), 5),
    "check_is_markdown": Odd(
        changed(lambda page: cell_of(page, "check_rms").update(cell_type="markdown")), 5
    ),
    "flags_flipped": Odd(meta("rms", solution=False, grade=True, points=7), 5),
    "part_is_markdown": Odd(
        changed(lambda page: cell_of(page, "rms").update(cell_type="markdown")),
        3,
        "part rms is missing",
        "is missing",
    ),
    "a_task": Odd(meta("rms", task=True), 5),
    "ids_are_numbers": Odd(meta("rms", grade_id=7), 3, "the cell of part rms is missing", "rms is missing"),
    "swapped": Odd(changed(swapped), 5),
    "checks_deleted": Odd(changed(lambda page: page["cells"].remove(cell_of(page, "check_rms"))), 5),
    "part_deleted": Odd(
        changed(lambda page: page["cells"].remove(cell_of(page, "rms"))),
        3,
        "the cell of part rms",
        "is missing",
    ),
    "no_cells": Odd(changed(lambda page: page["cells"].clear()), 0, "rms is missing", "rms is missing"),
    "forged": Odd(each(wrong_and_forged), 0),
    "lists_for_dictionaries": Odd(changed(no_dictionaries), 5),
    "cells_without_metadata": Odd(changed(no_metadata), 5),
    "odd_cells": Odd(changed(odd_cells), 5),
    "half_characters": Odd(changed(halves), 5),
    "older_version": Odd(
        changed(older), 2, "the cell of part power_to_db is missing", "power_to_db is missing"
    ),
    "another_lab": Odd(
        changed(another_lab), 0, "is the notebook of t05_hmm, expected t00_decibels", "of t05_hmm"
    ),
    "markup": Odd(named(MARKUP), 5, f"{MARKUP} was graded", MARKUP),
    "a_link": Odd(linked, 0, "is a link to another file", "is a link"),
    "a_folder": Odd(a_folder, 0, "cannot be read", "cannot be read"),
    "a_pipe": Odd(a_pipe, 0, "is no plain file", "is no plain file"),
    "own_constant": Odd(changed(own_constant), 5),
    "wrong": Odd(changed(lambda page: cell_of(page, "rms").update(source=WRONG)), 3, "That is the energy"),
    "zz_last": Odd(submit, 5),
}


@dataclass(frozen=True)
class Class:
    root: Path
    log: str
    scores: dict[str, float]


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Class:
    """The whole class through the stock commands, once."""
    course = new_course(tmp_path_factory.mktemp("damage") / "course")
    for student, odd in ODD.items():
        odd.make(course, student)
    root = course.root
    done = nbgrader(root, "autograde", ASSIGNMENT)
    assert done.returncode == 0, done.stderr[-4000:]
    shown = nbgrader(root, "generate_feedback", ASSIGNMENT)
    assert shown.returncode == 0, shown.stderr[-4000:]
    assert nbgrader(root, "export").returncode == 0
    with open(root / "grades.csv") as file:
        scores = {line["student_id"]: float(line["score"]) for line in csv.DictReader(file)}
    return Class(root, done.stderr, scores)


@pytest.mark.parametrize("student", ODD)
def test_odd_submission_has_its_due_and_its_sentence(graded, student):
    odd = ODD[student]
    assert graded.scores[student] == odd.score
    page = html.unescape(feedback_page(graded.root, student))
    assert odd.page in page and str(graded.root) not in page
    assert f"(Score: {odd.score:.1f} / 5.0)" in page
    if odd.log:
        lines = [line for line in graded.log.split("\n") if f" {student}: " in line]
        assert any(odd.log in line for line in lines), lines
    with gradebook(graded.root) as book:
        row = book.find_submission(ASSIGNMENT, student)
        assert (row.score, row.max_score, row.needs_manual_grade) == (odd.score, 5, False)


def test_every_student_is_in_the_gradebook_and_no_error_is_logged(graded):
    assert set(graded.scores) == set(ODD)
    assert "ERROR" not in graded.log and "Traceback" not in graded.log


def test_submitted_files_stay_as_they_were(graded):
    assert (folder_of(graded.root, "zero_bytes") / f"{LAB}.ipynb").read_bytes() == b""
    assert not (folder_of(graded.root, "no_notebook") / f"{LAB}.ipynb").exists()


def test_links_are_not_copied_to_where_the_student_sees_them(graded):
    for step in ("autograded", "feedback"):
        names = {path.name for path in (graded.root / step / "a_link" / ASSIGNMENT).iterdir()}
        assert names <= {f"{LAB}.ipynb", f"{LAB}.html"}
    copied = graded.root / "autograded" / "no_notebook" / ASSIGNMENT / "readme.txt"
    assert copied.read_text() == "my dog ate it"


def test_a_file_name_is_never_markup(graded):
    page = feedback_page(graded.root, "markup")
    assert "<img" not in page.replace("<img alt", "") and 'href="javascript:' not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_graded_page_is_the_released_one(graded):
    kept = [source_of(cell) for cell in graded_page(graded.root, "right")["cells"] if not grade_id(cell)]
    for student in ("forged", "older_version", "odd_cells", "lists_for_dictionaries"):
        page = graded_page(graded.root, student)
        assert set(kept) <= {source_of(cell) for cell in page["cells"]}
        assert page["metadata"]["kernelspec"]["name"] == "python3"
    forged = cell_of(graded_page(graded.root, "forged"), "check_rms")
    assert source_of(forged) == "check(rms)" and forged["metadata"]["nbgrader"]["points"] == 2
    assert row(graded.root, "forged", "check_rms")["auto_score"] == 0
