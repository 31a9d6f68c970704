from __future__ import annotations

import json

import pytest

from autograder.notebook import grade_id


def test_hints_come_one_at_a_time_and_the_level_is_remembered(desk):
    texts = desk.lab.part("rms").hints
    for number in (1, 2, 3):
        result = desk.run("hint", "rms")
        assert result.exit_code == 0
        assert f"hint {number} of 3" in result.output
        assert texts[number - 1].split("\n")[0] in result.output
    assert "last hint" in desk.run("hint", "rms").output
    assert desk.run("hint", "rms", "--reset").exit_code == 0
    assert "hint 1 of 3" in desk.run("hint", "rms", "--lab", "t00").output


def test_all_hints_at_once_leave_the_level_alone(desk):
    output = desk.run("hint", "rms", "--all").output
    assert all(f"hint {number} of 3" in output for number in (1, 2, 3))
    assert "hint 1 of 3" in desk.run("hint", "rms").output


def test_without_a_name_it_is_the_next_part(desk):
    desk.answer(rms="solved")
    desk.run("check")
    assert "power_to_db, hint 1 of 3" in desk.run("hint").output


@pytest.mark.slow
def test_reset_builds_the_notebook_and_keeps_a_backup(desk):
    before = desk.answer(rms="solved").read_bytes()
    pristine = desk.notebook
    result = desk.run("reset", "t00", "--yes")
    assert result.exit_code == 0, result.output
    (backup,) = (desk.course.state_folder / "backups").iterdir()
    assert backup.read_bytes() == before
    assert backup.name in result.output
    assert "raise NotImplementedError()" in pristine.read_text() and "np.square" not in pristine.read_text()


def test_reset_asks_first(desk, quick_pristine):
    before = desk.answer(rms="solved").read_bytes()
    result = desk.run("reset", "t00", input="n\n")
    assert result.exit_code == 1
    assert desk.notebook.read_bytes() == before
    assert not (desk.course.state_folder / "backups").exists()
    assert desk.run("reset", "t00", input="y\n").exit_code == 0
    assert desk.notebook.read_bytes() == quick_pristine(desk.course, desk.lab)


def test_reset_of_a_part_leaves_the_others(desk, quick_pristine):
    desk.answer(rms="solved", power_to_db="solved")
    result = desk.run("reset", "t00", "rms", "--yes")
    assert result.exit_code == 0
    sources = {grade_id(cell): cell["source"] for cell in desk.read()["cells"]}
    assert "NotImplementedError" in sources["rms"] and "np.log10" in sources["power_to_db"]
    assert len(list((desk.course.state_folder / "backups").iterdir())) == 1


def test_reset_puts_a_missing_cell_back_where_it_was(desk, quick_pristine):
    ids = [grade_id(cell) for cell in desk.read()["cells"] if grade_id(cell)]
    for part in ("rms", "power_to_db"):
        notebook = json.loads(quick_pristine(desk.course, desk.lab))
        notebook["cells"] = [cell for cell in notebook["cells"] if grade_id(cell) != part]
        desk.write(notebook)
        assert desk.run("reset", "t00", part, "--yes").exit_code == 0
        assert [grade_id(cell) for cell in desk.read()["cells"] if grade_id(cell)] == ids


def test_reset_of_a_part_of_a_damaged_notebook_changes_nothing(desk, quick_pristine):
    desk.notebook.write_text("{")
    result = desk.run("reset", "t00", "rms", "--yes")
    assert result.exit_code == 2
    assert "speechlab reset t00_decibels" in result.stderr
    assert desk.notebook.read_text() == "{"
    assert desk.run("reset", "t00", "--yes").exit_code == 0
    assert desk.run("status").exit_code == 0
