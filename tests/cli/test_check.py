"""`speechlab check`: marks and exit codes, and every kind of bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from autograder.notebook import grade_id

POWER = "def power_to_db(power, reference=1.0, floor_db=-80.0):\n"


def test_all_passed_is_zero(desk):
    desk.answer(rms="solved", power_to_db="solved")
    result = desk.run("check", "t00")
    assert result.exit_code == 0, result.output
    assert "2 of 2 parts passed, 5 of 5 points" in result.output


def test_one_part_by_lab_and_by_name_alone(desk):
    desk.answer(rms="solved")
    for arguments in (["check", "t00", "rms"], ["check", "rms"]):
        result = desk.run(*arguments)
        assert result.exit_code == 0
        assert "power_to_db" not in result.output
    result = desk.run("check", "t00")
    assert result.exit_code == 1, result.output


def test_a_named_mistake_is_told(desk):
    mistake = (
        "def rms(samples):\n"
        "    if samples.size == 0:\n"
        "        raise ValueError('empty')\n"
        "    return float(np.sqrt(np.sum(np.square(samples, dtype=np.float64))))\n"
    )
    desk.answer(rms=mistake)
    result = desk.run("check", "rms")
    assert result.exit_code == 1
    assert "That is the energy" in result.output


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("    return None\n", "returned None"),
        ("    return power * np.nan\n", "NaN"),
        ("    return np.zeros(power.shape, dtype=np.int64)\n", "int64"),
        ("    return np.zeros(power.size + 1)\n", "shape"),
        ("    return 'loud'\n", "text"),
        ("    return 1 / 0\n", "ZeroDivisionError"),
        ("    import os\n    os._exit(0)\n", "ended without an answer"),
        ("    raise SystemExit\n", "SystemExit"),
    ],
)
def test_answers_of_every_wrong_kind_get_a_sentence(desk, body, told):
    desk.answer(rms="solved", power_to_db=POWER + body)
    result = desk.run("check")
    assert result.exit_code == 1
    assert told in result.output
    assert "✓ rms" in result.output  # the others are checked all the same
    assert "Traceback" not in result.output


def test_a_syntax_error_costs_its_cell_only(desk):
    desk.answer(rms="def rms(samples:\n    return 1", power_to_db="solved")
    result = desk.run("check")
    assert result.exit_code == 1
    assert "rms is no valid Python" in result.output and "✓ power_to_db" in result.output


@pytest.mark.slow
def test_an_endless_loop_is_stopped_and_the_others_are_checked(desk):
    desk.answer(rms="def rms(samples):\n    while True: pass", power_to_db="solved")
    result = desk.run("check", "--time-limit", "1")
    assert result.exit_code == 1
    assert "Is there a loop that never ends?" in result.output and "✓ power_to_db" in result.output


def test_prints_and_warnings_change_nothing(desk):
    solved = json.loads(desk.answer(rms="solved").read_text())
    for cell in solved["cells"]:
        if grade_id(cell) == "rms":
            noise = "    import warnings, sys; print('x'); warnings.warn('y'); print('z', file=sys.stderr)\n"
            head, _, rest = cell["source"].partition("    ### BEGIN SOLUTION\n")
            cell["source"] = head + noise + rest
    desk.write(solved)
    assert desk.run("check", "rms").exit_code == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "the file is empty"),
        (b'{"cells": [', "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[1, 2]", "no Jupyter notebook"),
        (b'{"cells": 3}', "no Jupyter notebook"),
    ],
)
def test_an_unreadable_notebook_is_named_and_left_alone(desk, data, told):
    desk.notebook.write_bytes(data)
    result = desk.run("check", "t00")
    assert result.exit_code == 2
    assert told in result.stderr and desk.notebook.name in result.stderr
    assert desk.notebook.read_bytes() == data


def test_a_missing_notebook_is_named(desk):
    desk.notebook.unlink()
    result = desk.run("check", "t00")
    assert result.exit_code == 2
    assert desk.notebook.name in result.stderr


def test_the_notebook_of_another_lab_is_refused(desk):
    notebook = desk.read()
    notebook["metadata"]["speechlab"]["lab"] = "t05_hmm"
    desk.write(notebook)
    result = desk.run("check", "t00")
    assert result.exit_code == 2
    assert "is the notebook of t05_hmm, expected t00_decibels" in result.stderr


def test_missing_and_doubled_cells_are_said(desk):
    desk.answer(rms="solved", power_to_db="solved")
    notebook = desk.read()
    cells = notebook["cells"]
    rms = next(cell for cell in cells if grade_id(cell) == "rms")
    cells.append(dict(rms, source="def rms(samples): return 0.0"))
    notebook["cells"] = [cell for cell in cells if grade_id(cell) != "power_to_db"]
    desk.write(notebook)
    result = desk.run("check", "t00")
    assert result.exit_code == 1
    assert "✓ rms" in result.output
    assert "The cell of power_to_db is missing" in result.output
    assert "part rms has several cells; the first one counts" in result.output


def test_cells_that_are_no_cells_are_ignored(desk):
    desk.answer(rms="solved")
    notebook = desk.read()
    notebook["cells"] += [None, 3, "text", {"cell_type": "code"}, {"cell_type": "code", "source": 5}]
    desk.write(notebook)
    assert desk.run("check", "rms").exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as a POSIX signal")
def test_ctrl_c_ends_the_worker_and_changes_nothing(desk, wait_for_a_busy_worker):
    before = desk.answer(rms="def rms(samples):\n    while True: pass").read_bytes()
    command = [
        sys.executable,
        "-c",
        "from autograder.cli import main; main()",
        "check",
        "--time-limit",
        "120",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_a_busy_worker(process.pid)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == "Stopped."
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert desk.notebook.read_bytes() == before
    assert not desk.course.state_folder.exists()
