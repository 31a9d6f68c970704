"""Submissions read as data, and bad files told by a sentence."""

from __future__ import annotations

import copy
import json

import pytest

from autograder.build import is_stub, source_notebook
from autograder.errors import NotebookError
from autograder.nbgrader import MISSING, restore
from autograder.notebook import grade_id, parse_notebook, read_notebook, read_parts


@pytest.fixture
def page(lab):
    return source_notebook(lab)


def find(page, name):
    return next(i for i, cell in enumerate(page["cells"]) if grade_id(cell) == name)


def test_parts_are_found_by_their_id(lab, page):
    reading = read_parts(page, lab)
    assert [code.part for code in reading.cells if code.part] == ["rms", "power_to_db"]
    assert reading.missing == [] and reading.remarks == []
    assert not any(code.source.startswith("check(") for code in reading.cells)


def test_the_first_of_two_cells_counts(lab, page):
    second = copy.deepcopy(page["cells"][find(page, "rms")])
    second["source"] = "def rms(samples):\n    return 0"
    page["cells"].append(second)
    reading = read_parts(page, lab)
    found = [code.source for code in reading.cells if code.part == "rms"]
    assert found == [page["cells"][find(page, "rms")]["source"]]
    assert reading.remarks == ["part rms has several cells; the first one counts"]


def test_a_missing_part_is_reported(lab, page):
    del page["cells"][find(page, "rms")]
    reading = read_parts(page, lab)
    assert reading.missing == ["rms"] and "rms is missing" in reading.remarks[0]


def test_lines_of_source_may_be_a_list(lab, page):
    for cell in page["cells"]:
        cell["source"] = cell["source"].splitlines(True)
    assert read_parts(page, lab).missing == []


def test_another_labs_notebook_is_refused(lab, page):
    page["metadata"]["speechlab"]["lab"] = "t05_hmm"
    with pytest.raises(NotebookError, match="is the notebook of t05_hmm, expected t00_decibels"):
        read_parts(page, lab)
    del page["metadata"]["speechlab"]
    page["cells"] = [cell for cell in page["cells"] if grade_id(cell) is None]
    with pytest.raises(NotebookError, match="none of its parts"):
        read_parts(page, lab)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b'{"cells": [', "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[1, 2]", "no Jupyter notebook"),
        (b'{"cells": 3}', "no Jupyter notebook"),
        (b"[" * 100_000, "damaged"),
    ],
)
def test_bad_files_are_told_by_a_sentence(data, words, tmp_path):
    path = tmp_path / "t00_decibels.ipynb"
    path.write_bytes(data)
    with pytest.raises(NotebookError, match=words) as caught:
        read_notebook(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(NotebookError, match="cannot be read"):
        read_notebook(tmp_path / "none.ipynb")


def test_a_byte_order_mark_does_no_harm(page):
    assert parse_notebook(b"\xef\xbb\xbf" + json.dumps(page).encode(), "x")["cells"]


@pytest.mark.parametrize(
    "cells", [[None, 3, "x"], [{}], [{"cell_type": "code"}], [{"metadata": 3, "source": {}}]]
)
def test_odd_cells_do_no_harm(lab, page, cells):
    page["cells"] += cells
    assert read_parts(page, lab).missing == []


def test_restoring_puts_answers_into_the_released_page(lab, page):
    theirs = copy.deepcopy(page)
    check = theirs["cells"][find(theirs, "check_rms")]
    check["source"], check["metadata"]["nbgrader"]["points"] = "print('full marks')", 1000
    theirs["cells"][find(theirs, "rms")]["source"] = "def rms(samples):\n    return 1"
    del theirs["cells"][find(theirs, "power_to_db")], theirs["cells"][find(theirs, "check_power_to_db")]
    theirs["cells"].insert(2, {"cell_type": "code", "source": "helper = 1", "metadata": {}, "outputs": []})
    again = restore(theirs, lab)
    sources = {grade_id(cell): cell.source for cell in again.cells if grade_id(cell)}
    assert sources["rms"] == "def rms(samples):\n    return 1"
    assert sources["power_to_db"] == MISSING
    assert sources["check_rms"] == "check(rms)" and sources["check_power_to_db"] == "check(power_to_db)"
    assert again.cells[find(again, "check_rms")].metadata.nbgrader.points == 2
    assert any(cell.source == "helper = 1" for cell in again.cells)
    assert "BEGIN SOLUTION" not in json.dumps(again)


@pytest.mark.parametrize(
    "source, stub",
    [
        ("def f(x):\n    'doc'\n    # Write your code here.\n    raise NotImplementedError()", True),
        ("def f(x):\n    raise NotImplementedError", True),
        ("def f(x):\n    return 1", False),
        ("def g(x):\n    raise NotImplementedError()", False),
        ("def f(x", False),
        ("class f:\n    def __init__(self):\n        raise NotImplementedError()", True),
        ("class f:\n    def __init__(self):\n        self.x = 1", False),
    ],
)
def test_stubs_are_told_from_answers(source, stub):
    assert is_stub(source, "f") is stub
