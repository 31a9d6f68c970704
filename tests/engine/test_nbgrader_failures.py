"""When grading itself fails: nobody gets marks from it, and it is said whose fault it is."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from nbgrader_course import (
    ASSIGNMENT,
    LAB,
    api,
    cell_of,
    feedback_page,
    folder_of,
    gradebook,
    graded_page,
    nbgrader,
    new_course,
    row,
    submit,
    wrong_rms,
)

import autograder.nbgrader
from autograder.errors import GradingError
from autograder.grading import LabResult, PartResult

pytestmark = pytest.mark.slow


@pytest.fixture
def course(tmp_path, monkeypatch):
    made = new_course(tmp_path / "course")
    monkeypatch.setenv("SPEECHLAB_COURSE", str(made.root))
    monkeypatch.delenv("SPEECHLAB_STATE")
    return made


def graded_students(root: Path) -> set[str]:
    return {path.name for path in (root / "autograded").glob("*") if any(path.rglob("*.ipynb"))}


def test_a_fault_of_this_machine_stops_the_run_and_gives_no_marks(course):
    for student in ("ada", "bob", "cleo"):
        submit(course, student, wrong_rms)
    assert nbgrader(course.root, "autograde", ASSIGNMENT, "--student=cleo").returncode == 0
    checks = course.labs[0].checks
    checks.write_text(checks.read_text().replace("import librosa", "import no_such_library"))
    done = nbgrader(course.root, "autograde", ASSIGNMENT, "--force")
    assert done.returncode == 1
    assert "Grading was stopped at ada: the check" in done.stderr and "no_such_library" in done.stderr
    assert "Traceback" not in done.stderr and "bob" not in done.stderr
    # nobody's marks are touched, and what was graded before stays
    assert graded_students(course.root) == {"cleo"}
    assert row(course.root, "ada", "check_rms")["auto_score"] is None
    assert row(course.root, "cleo", "check_rms")["auto_score"] == 0
    with gradebook(course.root) as book:
        assert book.find_submission(ASSIGNMENT, "ada").needs_manual_grade


def test_formgraders_button_tells_a_fault_of_this_machine(course, monkeypatch):
    def fail(*_, **__):
        raise GradingError("no process for learners' code can be started")

    submit(course, "ada")
    monkeypatch.setattr(autograder.nbgrader, "grade", fail)
    outcome = api(course.root).autograde(ASSIGNMENT, "ada")
    assert outcome["success"] is False
    assert "no process for learners' code can be started" in outcome["error"]
    assert "no fault of the submission" in outcome["log"]
    assert graded_students(course.root) == set()


def test_no_isolation_no_marks_unless_it_is_asked_for(course):
    submit(course, "ada")
    options = ("autograde", ASSIGNMENT)
    done = nbgrader(course.root, *options, SPEECHLAB_ISOLATION="unheard-of")
    assert done.returncode == 1 and "Nothing was graded: SPEECHLAB_ISOLATION is 'unheard-of'" in done.stderr
    done = nbgrader(course.root, *options, SPEECHLAB_ISOLATION="subprocess")
    assert done.returncode == 1 and "are not graded here" in done.stderr
    assert graded_students(course.root) == set()
    unsafe = "--SubmissionExporter.unsafe_no_isolation=True"
    assert unsafe in done.stderr
    done = nbgrader(course.root, *options, unsafe, SPEECHLAB_ISOLATION="subprocess")
    assert done.returncode == 0 and "subprocess" in done.stderr, done.stderr
    assert row(course.root, "ada", "check_rms")["auto_score"] == 2


def test_one_submission_whose_grading_fails_is_not_graded_and_the_others_are(course, monkeypatch):
    real = autograder.nbgrader.grade

    def fail_for_bob(course, lab, reading, **options):
        if any("bob" in code.source for code in reading.cells):
            raise RuntimeError("nobody has thought of this")
        return real(course, lab, reading, **options)

    submit(course, "ada")
    submit(course, "bob", lambda page: cell_of(page, "rms").update(source="bob = 1"))
    submit(course, "cleo")
    monkeypatch.setattr(autograder.nbgrader, "grade", fail_for_bob)
    button = api(course.root)
    outcome = button.autograde(ASSIGNMENT, "*")
    assert outcome["success"] is False
    assert "nobody has thought of this" in outcome["log"]
    assert f"processing assignment '{ASSIGNMENT}' for student 'bob'" in outcome["log"]
    assert graded_students(course.root) == {"ada", "cleo"}
    assert not (course.root / "autograded" / "bob" / ASSIGNMENT).exists()
    found = {student: button.get_submission(ASSIGNMENT, student) for student in ("ada", "bob", "cleo")}
    assert [found[student]["autograded"] for student in found] == [True, False, True]
    assert [found[student]["score"] for student in found] == [5, 0, 5]
    assert row(course.root, "bob", "check_rms")["auto_score"] is None


def test_a_date_that_is_none_is_told_and_the_others_are_graded(course):
    """When it was submitted decides on its penalty: a person must say."""
    for student in ("ada", "bob", "cleo"):
        submit(course, student)
    (folder_of(course.root, "bob") / "timestamp.txt").write_bytes(b"yester\xffday")
    outcome = api(course.root).autograde(ASSIGNMENT, "*")
    assert outcome["success"] is False
    assert "bob: not graded, mend its timestamp.txt" in outcome["log"]
    assert graded_students(course.root) == {"ada", "cleo"}


def test_formgraders_button_for_a_folder_without_notebooks_says_so(course):
    """nbgrader ends before it asks anything of ours; a run over the class gives 0 points and a page."""
    folder_of(course.root, "ada").mkdir(parents=True)
    outcome = api(course.root).autograde(ASSIGNMENT, "ada")
    assert outcome["success"] is False and "No notebooks were matched" in outcome["error"]
    submit(course, "bob")
    assert api(course.root).autograde(ASSIGNMENT, "*")["success"]
    assert graded_students(course.root) == {"ada", "bob"}


def test_a_gradebook_of_another_version_stops_before_anything_is_touched(course):
    submit(course, "ada")
    assert api(course.root).autograde(ASSIGNMENT, "ada")["success"]
    with gradebook(course.root) as book:
        book.find_graded_cell("check_rms", LAB, ASSIGNMENT).max_score = 1
        book.db.commit()
    done = nbgrader(course.root, "autograde", ASSIGNMENT, "--force")
    assert done.returncode == 1
    assert "rms has 2 points, but the gradebook has 1 points for it; run `speechlab build`" in done.stderr
    assert graded_students(course.root) == {"ada"}


def test_labs_that_changed_under_a_running_server_are_noticed(course):
    submit(course, "ada")
    button = api(course.root)
    assert button.autograde(ASSIGNMENT, "ada")["success"]
    checks = course.labs[0].checks
    checks.write_text(checks.read_text() + "\n# a correction\n")
    outcome = button.autograde(ASSIGNMENT, "ada")
    assert outcome["success"] is False and "the labs have changed since" in outcome["error"]
    assert nbgrader(course.root, "autograde", ASSIGNMENT, "--force").returncode == 0


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_run_is_taken_up_again(course, monkeypatch, end):
    """Ctrl-C, which nbgrader cleans up after, and an end without warning, which leaves a half-made page."""

    def broken_off(*_, **__):
        raise end

    submit(course, "ada")
    monkeypatch.setattr(autograder.nbgrader, "grade", broken_off)
    button = api(course.root)
    assert button.autograde(ASSIGNMENT, "ada")["success"] is False
    assert graded_students(course.root) == ({"ada"} if end is SystemExit else set())
    monkeypatch.undo()
    monkeypatch.setenv("SPEECHLAB_COURSE", str(course.root))
    outcome = button.autograde(ASSIGNMENT, "ada", force=False)
    assert outcome["success"] and ("broken off" in outcome["log"]) == (end is SystemExit)
    assert row(course.root, "ada", "check_rms")["auto_score"] == 2
    assert "Skipping existing" in button.autograde(ASSIGNMENT, "ada", force=False)["log"]


def test_what_is_for_the_instructor_stays_with_the_instructor(course, monkeypatch):
    """Faults in full are in the log and in formgrader, never in the feedback; a flag asks for a person."""
    secret, flag = "expected 0.123456789 <script>", "numpy.fft is used, which this part forbids"

    def found(_course, lab, _reading, **_):
        parts = [PartResult(part.name, part.points, part.points, [("Asked", True)]) for part in lab.parts]
        parts[0].fault, parts[0].detail, parts[0].flags = "ran out of time", secret, [flag]
        return LabResult(lab.name, parts, [], 1, "bubblewrap")

    submit(course, "ada")
    monkeypatch.setattr(autograder.nbgrader, "grade", found)
    button = api(course.root)
    outcome = button.autograde(ASSIGNMENT, "ada")
    assert outcome["success"], outcome
    for words in ("ran out of time", secret, flag):
        assert f"ada: {LAB}: rms: {words}" in outcome["log"]
    marked = row(course.root, "ada", "check_rms")
    assert (marked["auto_score"], marked["score"], marked["needs_manual_grade"]) == (2, 2, True)
    assert row(course.root, "ada", "check_power_to_db")["needs_manual_grade"] is False
    assert cell_of(graded_page(course.root, "ada"), "check_rms")["metadata"]["speechlab"]["detail"] == secret
    assert button.generate_feedback(ASSIGNMENT)["success"]
    page = html.unescape(feedback_page(course.root, "ada"))
    for words in ("0.123456789", "ran out of time", "bubblewrap"):
        assert words not in page
    shown = formgrader_page(button, course.root, "ada")
    assert "0.123456789 &lt;script&gt;" in shown and flag in shown and "bubblewrap" in shown


def formgrader_page(button, root: Path, student: str) -> str:
    """The page of a submission, as formgrader's handler makes it."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader.handlers import template_path

    config = button.config.copy()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [template_path]
    path = root / "autograded" / student / ASSIGNMENT / f"{LAB}.ipynb"
    names = {"notebook_id": LAB, "assignment_id": ASSIGNMENT, "submission_id": "1", "base_url": ""}
    more = {
        "index": 0,
        "total": 1,
        "student": student,
        "last_name": "",
        "first_name": "",
        "notebook_path": "",
    }
    return HTMLExporter(config=config).from_filename(str(path), resources={**names, **more})[0]
