"""A submitted file may be anything: it becomes a reading or one sentence, and nothing is run or followed."""

from __future__ import annotations

import copy
import json
import os
import random
import socket

import pytest

from autograder import notebook as reader
from autograder.build import source_notebook
from autograder.errors import NotebookError
from autograder.notebook import belongs_to, grade_id, parse_notebook, read_notebook, read_parts, source_of
from autograder.state import learner_reading


@pytest.fixture
def page(lab):
    return source_notebook(lab)


@pytest.fixture
def saved(page, tmp_path):
    path = tmp_path / "t00_decibels.ipynb"
    path.write_text(json.dumps(page), encoding="utf-8")
    return path


def refused(data: bytes, words: str) -> None:
    with pytest.raises(NotebookError, match=words) as caught:
        parse_notebook(data, "her.ipynb")
    assert str(caught.value).startswith("her.ipynb: ") and "\n" not in str(caught.value)


def test_a_link_is_refused_unless_it_is_ones_own(saved, tmp_path):
    link = tmp_path / "link.ipynb"
    link.symlink_to(saved)
    with pytest.raises(NotebookError, match="is a link to another file"):
        read_notebook(link)
    assert read_notebook(link, follow_symlinks=True) == read_notebook(saved)
    saved.unlink()
    for follow in (False, True):
        with pytest.raises(NotebookError):
            read_notebook(link, follow_symlinks=follow)


def test_a_learners_own_notebook_may_be_a_link(course_copy, page, tmp_path):
    lab = course_copy.lab("t00_decibels")
    elsewhere = tmp_path / "mine.ipynb"
    elsewhere.write_text(json.dumps(page), encoding="utf-8")
    path = course_copy.notebook(lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)
    assert not learner_reading(course_copy, lab).missing


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_no_plain_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.ipynb"))
        for name in ("pipe", "folder", "socket"):
            with pytest.raises(NotebookError, match="is no plain file|cannot be read"):
                read_notebook(tmp_path / f"{name}.ipynb")
    for device in ("/dev/zero", "/dev/stdin"):
        with pytest.raises(NotebookError):
            read_notebook(type(tmp_path)(device))


def test_no_more_is_read_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_BYTES", 2**20)
    path = tmp_path / "sparse.ipynb"
    with open(path, "wb") as file:
        file.truncate(2**40)
    with pytest.raises(NotebookError, match="more than 1 MB"):
        read_notebook(path)


@pytest.mark.parametrize(
    "encode, words",
    [
        (lambda text: text.encode("utf-16"), "saved as UTF-16"),
        (lambda text: text.encode("utf-16-be"), "saved as UTF-16"),
        (lambda text: text.encode("utf-16-le"), "saved as UTF-16"),
        (lambda text: ('{"é": 1, ' + text[1:]).encode("latin-1", "replace"), "not saved as UTF-8 .byte 0xe9"),
    ],
    ids=["16", "16-be", "16-le", "latin-1"],
)  # fmt: skip
def test_other_encodings_are_told(page, encode, words):
    refused(encode(json.dumps(page)), words)


def cells(*found) -> bytes:
    return json.dumps({"cells": list(found)}).encode()


@pytest.mark.parametrize(
    "data, words",
    [
        (b"\xef\xbb\xbf", "no JSON"),
        (b'{"cells": [' + b"9" * 5000 + b"]}", "damaged"),
        (b'{"cells": [], "x": ' + b"[" * 200 + b"]" * 200 + b"}", "nested more than 100 deep"),
        (b'{"x":' * 100_000, "damaged"),
        (b'{"cells": [' + b"[]," * 1_000_000 + b"0]}", "too many lists"),
        (cells(*[{}] * 10_001), "10001 cells, expected at most 10000"),
        (cells({"source": "x" * 3_000_000}, {"source": ["x" * 3_000_000]}), "6000000 characters"),
        (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "old format 3.*nbconvert --to notebook"),
        (b'{"worksheets": 3}', "no Jupyter notebook"),
        (b'"cells"', "no Jupyter notebook"),
        (b"null", "no Jupyter notebook"),
        (b"NaN", "no Jupyter notebook"),
        (b'{"cells": {"0": {}}}', "no list of cells"),
        (b'{"cells": []}\x00', "damaged"),
        (b"\x00" * 100, "damaged"),
    ],
    ids=range(15),
)
def test_what_is_no_notebook_is_told_by_a_sentence(data, words):
    refused(data, words)


def test_odd_constants_and_double_keys_do_no_harm(lab, page):
    text = json.dumps(page)
    text = (
        '{"cells": 3, "big": 123456789012345678901234567890, "odd": [NaN, Infinity, -Infinity], ' + text[1:]
    )
    assert read_parts(parse_notebook(text.encode(), "x"), lab).missing == []


@pytest.mark.parametrize(
    "source", [None, 3, 0.5, {"a": 1}, [1, None, ["x"]], [["def rms(samples): pass"]], True], ids=repr
)
def test_sources_of_other_types_are_empty(source):
    assert source_of({"source": source}) == ""


def test_halves_of_characters_and_nul_become_something_that_can_be_saved(page):
    page["cells"].append(
        {"cell_type": "code", "source": "x = '\ud800'\0", "metadata": {"\udc00": "😀\udfff"}}
    )
    last = parse_notebook(json.dumps(page).encode(), "x")["cells"][-1]
    assert source_of(last) == "x = '\ufffd'\ufffd"
    assert last["metadata"] == {"\ufffd": "😀\ufffd"}
    json.dumps(last, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "name", ["<b>x</b>", "\x1b[31mred", "a/../b", "x" * 1000, "", 3, None, ["t00_decibels"]]
)
def test_a_name_that_no_lab_has_is_none(name):
    assert belongs_to({"metadata": {"speechlab": {"lab": name}}, "cells": []}) is None


def test_points_and_checks_in_the_file_count_for_nothing(lab, page):
    plain = read_parts(page, lab)
    theirs = copy.deepcopy(page)
    for cell in theirs["cells"]:
        about = cell["metadata"].get("nbgrader")
        if about and about["grade_id"].startswith("check_"):
            cell["source"], about["points"], cell["outputs"] = "assert True", 1e9, [{"score": 100}]
        elif about:
            about.update(points=1e9, grade=True, locked=True)
    assert read_parts(theirs, lab) == plain


# what a damaged notebook may hold anywhere
ODD = [
    *(None, True, -1, 1e308, float("nan"), "", "rms", "check_rms", "\ud800", "\0", [], {}, [[]]),
    {"nbgrader": 3},
    {"nbgrader": {"grade_id": ["rms"]}},
    {"nbgrader": {"grade_id": "rms", "points": "all"}},
    {"cell_type": "code", "source": "import os", "metadata": {"nbgrader": {"grade_id": "rms"}}},
    {"speechlab": {"lab": {}}},
    {"speechlab": {"lab": "t05_hmm"}},
]


def damaged_json(draw: random.Random, page: dict) -> bytes:
    """The page with one to three of its values replaced, removed, renamed or doubled."""
    page = copy.deepcopy(page)
    for _ in range(draw.randrange(1, 4)):
        box = page
        while True:
            keys = list(box) if isinstance(box, dict) else list(range(len(box)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(box[key], dict | list) and box[key] and draw.random() < 0.85:
                box = box[key]
                continue
            kind = draw.randrange(4)
            if kind == 0:
                box[key] = copy.deepcopy(draw.choice(ODD))
            elif kind == 1:
                del box[key]
            elif kind == 2 and isinstance(box, dict):
                box[str(draw.choice(ODD))] = box.pop(key)
            elif isinstance(box, list):
                box += [copy.deepcopy(box[key])] * draw.randrange(1, 4)
            break
    return json.dumps(page).encode()


def damaged_bytes(draw: random.Random, raw: bytes) -> bytes:
    """The file with some of its bytes changed, cut out, doubled or cut off."""
    data = bytearray(raw)
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at : at + 1] = draw.choice(
                (b"[", b"]", b"{", b"}", b'"', b"\\", b",", b"\\ud834", b"\xff", b"\0")
            )
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + draw.randrange(1, 200)]
        elif kind == 4:
            data[at:at] = data[at : at + draw.randrange(1, 2000)]
        else:
            data[at:at] = draw.choice((b"9" * 5000, b"[" * 2000, b'{"a":' * 2000, b"NaN,", b"1e999,"))
    return bytes(data)


def test_two_thousand_damaged_notebooks(lab, page, tmp_path):
    draw = random.Random(4)
    raw = json.dumps(page, indent=1).encode()
    path = tmp_path / "damaged.ipynb"
    read = 0
    for number in range(2000):
        path.write_bytes(damaged_json(draw, page) if number % 2 else damaged_bytes(draw, raw))
        try:
            reading = read_parts(read_notebook(path), lab, str(path))
        except NotebookError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            continue
        read += 1
        assert {code.part for code in reading.cells} <= {None, "rms", "power_to_db"}
        assert all("\0" not in code.source and code.source.encode() is not None for code in reading.cells)
        assert set(reading.missing) <= {"rms", "power_to_db"}
    assert 500 < read < 1900  # neither all refused nor all taken


def test_the_first_cell_of_an_id_is_the_answer_whatever_its_type(lab, page):
    for cell in page["cells"]:
        if grade_id(cell) == "rms":
            cell["cell_type"] = "markdown"
    assert read_parts(page, lab).missing == ["rms"]
