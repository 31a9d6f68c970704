"""The student bundle: what is in it, what is not, and that checking works there."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder import bundle
from autograder.build import source_notebook
from autograder.checking.runner import session_of
from autograder.cli import cli
from autograder.course import Course, load_course
from autograder.errors import CourseError
from autograder.leaks import find_leaks
from autograder.loading import load_mistakes
from autograder.notebook import grade_id

ROOT = Path(__file__).resolve().parent.parent.parent
MINIATURE = ROOT / "tests" / "data" / "course"
HERE = Path("phases") / "phase0_signal_processing"
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle.write_release(load_course(MINIATURE), tmp_path_factory.mktemp("release") / "students")


@pytest.fixture
def student(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's copy of the bundle."""
    root = tmp_path / "students"
    shutil.copytree(released, root)
    monkeypatch.setenv("SPEECHLAB_COURSE", str(root))
    for name in ("SPEECHLAB_STATE", "SPEECHLAB_NOTEBOOKS", "SPEECHLAB_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return root


def answer(student: Path, **parts: str) -> None:
    path = student / HERE / "t00_decibels.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    lab = load_course(MINIATURE).lab("t00")
    solved = {grade_id(cell): cell["source"] for cell in source_notebook(lab)["cells"]}
    for cell in notebook["cells"]:
        name = grade_id(cell)
        if name in parts:
            cell["source"] = solved[name] if parts[name] == "solved" else parts[name]
    path.write_text(json.dumps(notebook), encoding="utf-8")


def run(*arguments: str):
    return CliRunner().invoke(cli, list(arguments))


# --- what must not be there ---------------------------------------------------------------------------


def whole_text(folder: Path) -> str:
    """Every file of a folder as text; notebooks and JSON also as what their strings say."""
    texts = []

    def strings(value: object) -> None:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list):
            texts.append("".join(item for item in value if isinstance(item, str)))
            for item in value:
                strings(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                strings(key)
                strings(item)

    for path in folder.rglob("*"):
        assert path.suffix not in (".zip", ".gz", ".tar", ".pyc", ".db"), path  # nothing that hides text
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            texts.append(text)
            if path.suffix in (".ipynb", ".json"):
                strings(json.loads(text))
    return "\n".join(texts)


def answers_found(course: Course, folder: Path) -> list[str]:
    """A search that shares no code with the one that `release` itself does."""
    text = whole_text(folder)
    words = set(re.findall(r"\w+", text))

    def told(line: str) -> bool:
        # a word in the middle of a line is a word of every text that holds the line: that is quick to see
        return words.issuperset(re.findall(r"(?<=\W)\w+(?=\W)", line)) and line in text

    shown = "\n".join(SOLUTION.sub("", lab.source.read_text(encoding="utf-8")) for lab in course.labs)
    shown = re.sub(r"^# ?", "", shown, flags=re.M) + shown
    items = [item for lab in course.labs for item in session_of(lab).items]
    # one lab may show what another hides under the same name
    visible = {item.originalname for item in items if item.function.__speechlab_check__.visible}
    found = []
    for lab in course.labs:
        for block in SOLUTION.findall(lab.source.read_text(encoding="utf-8")):
            lines = [line.strip() for line in block.split("\n")]
            found += [line for line in lines if len(line) > 20 and told(line) and line not in shown]
        for mistake in load_mistakes(lab):
            found += [said for said in (mistake.sentence, f"def {mistake.name}(") if told(said)]
        names = {item.originalname for item in session_of(lab).items} - visible
        found += sorted(names & words)
    return found


def test_no_answer_is_in_the_bundle(released):
    assert answers_found(load_course(MINIATURE), released) == []
    assert not [
        p for p in released.rglob("*") if p.name in ("lab.py", "checks.py", "mistakes.py", "solutions")
    ]


@pytest.mark.slow
def test_no_answer_of_any_lab_is_in_the_course_s_bundle(tmp_path):
    course = load_course(ROOT)
    folder = bundle.write_release(course, tmp_path / "students")
    assert answers_found(course, folder) == []
    for lab in course.labs:
        assert (folder / "phases" / lab.phase / f"{lab.name}.ipynb").is_file()


def test_the_search_finds_what_is_planted(released, tmp_path):
    course = load_course(MINIATURE)
    lab = course.lab("t00")
    line = "return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))"
    sentence = load_mistakes(lab)[0].sentence
    notebook = json.dumps({"cells": [{"source": ["def rms(samples):\n", f"    {line}"]}]})
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("inner/notes.txt", sentence)
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        member = tarfile.TarInfo("x.ipynb")
        member.size = len(notebook)
        archive.addfile(member, io.BytesIO(notebook.encode()))
    planted = {
        "a.ipynb": notebook.encode(),
        "b.zip": zipped.getvalue(),
        "c.tgz": tarred.getvalue(),
        "d.md": b"see test_integer_samples_do_not_overflow",
        "e.ipynb": json.dumps({"cells": [{"source": "### BEGIN SOLUTION"}]}).encode(),
        f"{lab.name}/checks.py": b"",
    }
    for name, data in planted.items():
        place = tmp_path / name.split(".")[0].replace("/", "_")
        (place / name).parent.mkdir(parents=True)
        (place / name).write_bytes(data)
        assert find_leaks(course, place), name
    assert find_leaks(course, released) == []


def test_a_leak_stops_the_release_and_leaves_nothing(tmp_path, monkeypatch):
    real = bundle._write_house

    def leaky(course: Course, folder: Path) -> None:
        real(course, folder)
        shutil.copy(course.labs[0].mistakes, folder / "labkit" / "notes.py")

    monkeypatch.setattr(bundle, "_write_house", leaky)
    with pytest.raises(CourseError, match=r"labkit/notes\.py"):
        bundle.write_release(load_course(MINIATURE), tmp_path / "students")
    assert list(tmp_path.iterdir()) == []


# --- what must be there -------------------------------------------------------------------------------


def test_the_bundle_has_what_a_student_needs(released):
    for name in (
        "README.md LICENSE Makefile pyproject.toml requirements.lock tools/install.py phases/course.json "
        "autograder/__init__.py autograder/cli/__init__.py labkit/__init__.py capstone/__init__.py "
        "datasets/fsdd/card.md"
    ).split():
        assert (released / name).is_file(), name
    assert not (released / "tests").exists() and not (released / "autograder" / "proof.py").exists()


def test_the_bundle_imports_by_itself(released):
    """Everything that the commands need is in it: nothing comes from the project's own folder."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import autograder; assert autograder.__file__.startswith(sys.argv[1])\n"
        "import importlib\n"
        "for name in 'check hint reset status watch data jupyter maintain'.split():\n"
        "    importlib.import_module('autograder.cli.' + name)\n"
        "from autograder import live, release, parts, grading, illustrate, examples\n"
        "from autograder.cli import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "names = ('autograder', 'labkit', 'capstone')\n"
        "ours = [m for n, m in sys.modules.items() if n.split('.')[0] in names]\n"
        "assert all(m.__file__.startswith(sys.argv[1]) for m in ours), [m.__file__ for m in ours]\n"
    )
    command = [sys.executable, "-P", "-c", program, str(released)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=released)
    assert done.returncode == 0, done.stderr
    assert "prove" not in done.stdout and "check" in done.stdout


def test_visible_checks_are_shipped_and_others_not(released):
    text = (released / HERE / "t00_decibels.visible.py").read_text()
    assert "test_constant_signal_has_its_own_size" in text
    assert "librosa" not in text and "lab_beside" not in text


def test_status_knows_that_it_is_a_release(student):
    output = run().output
    assert "0 of 2 parts pass here; hidden checks run at grading" in output
    assert "Next: rms" in output


def test_check_runs_examples_and_visible_checks_and_says_so(student):
    answer(
        student,
        rms="solved",
        power_to_db="def power_to_db(power, reference=1.0, floor_db=-80.0):\n    return power",
    )
    result = run("check")
    assert result.exit_code == 1
    assert "✓ rms: 2 checks passed. Hidden checks run at grading." in result.output
    assert "The example power_to_db(np.array([1.0, 0.25, 0.0])).round(1).tolist() gave" in result.output
    assert "1 of 2 parts pass" in result.output
    answer(student, rms="solved", power_to_db="solved")
    assert run("check").exit_code == 0
    assert "2 of 2 parts pass here" in run().output


def test_stubs_errors_and_loops_are_told_in_a_release(student):
    assert "still the stub" in run("check", "rms").output
    answer(student, rms="def rms(samples):\n    return samples.nothing")
    assert "AttributeError in line 2" in run("check", "rms").output
    answer(student, rms="def rms(samples):\n    while True: pass")
    assert "loop that never ends" in run("check", "rms", "--time-limit", "1").output


def test_a_wrong_visible_check_is_told_with_what_it_asks(student):
    answer(student, rms="def rms(samples):\n    return 3.0")
    output = run("check", "rms").output
    assert "Constant signal has its own size" in output
    assert "t00_decibels.visible.py" in output


def test_check_in_a_notebook_of_a_release(student, capsys):
    import numpy as np

    from autograder import live

    def rms(samples):
        return float(np.sqrt(np.mean(samples**2)))

    live.check(rms, {"rms": rms, "np": np})
    assert "✓ rms: 2 checks passed. Hidden checks run at grading." in capsys.readouterr().out
    live.check("rms", {"rms": lambda samples: 0.0, "np": np})
    assert "The example rms(np.array([3.0, -3.0])) gave 0.0" in capsys.readouterr().out


def test_reset_and_hints_work_in_a_release(student):
    answer(student, rms="solved")
    path = student / HERE / "t00_decibels.ipynb"
    assert run("reset", "t00", "--yes").exit_code == 0
    assert path.read_bytes() == (student / "phases" / ".pristine" / HERE.name / path.name).read_bytes()
    assert "hint 1 of 3" in run("hint", "rms").output


def test_what_needs_solutions_says_so(student, tmp_path):
    answer(student, rms="solved")
    for arguments in (
        ["build"],
        ["release", "--to", str(tmp_path / "x")],
        ["grade", str(student / HERE)],
    ):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert "student release" in result.stderr


# --- where it is written ------------------------------------------------------------------------------


def test_a_folder_in_use_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHLAB_COURSE", str(MINIATURE))
    used = tmp_path / "thesis"
    used.mkdir()
    (used / "draft.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for arguments, told in (
        (["--to", str(used)], "not empty"),
        (["--to", str(used), "--force"], "no earlier release"),
        (["--to", str(tmp_path / "file")], "is a file"),
        (["--to", str(MINIATURE), "--force"], "holds the course itself"),
    ):
        result = run("release", *arguments)
        assert result.exit_code == 2
        assert told in result.stderr
    assert [path.name for path in used.iterdir()] == ["draft.txt"]


@pytest.mark.slow
def test_an_earlier_release_is_replaced_by_force(released, tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHLAB_COURSE", str(MINIATURE))
    target = tmp_path / "students"
    shutil.copytree(released, target)
    (target / "old.txt").write_text("old")
    assert run("release", "--to", str(target)).exit_code == 2
    assert run("release", "--to", str(target), "--force").exit_code == 0
    assert not (target / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["students"]
