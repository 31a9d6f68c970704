"""What holds for every command: help with examples, exit codes, errors as one sentence, a light start."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from autograder.cli import SECTIONS, cli
from autograder.errors import GradingError

NAMES = [name for section in SECTIONS.values() for name in section]


def commands() -> list[tuple[str, click.Command]]:
    context = click.Context(cli)
    found = [(name, cli.get_command(context, name)) for name in cli.list_commands(context)]
    for name, command in list(found):
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", sub) for inner, sub in command.commands.items()]
    return found


def test_every_command_explains_itself_with_examples():
    assert set(NAMES) <= {name for name, _ in commands()}
    for name, _ in commands():
        result = CliRunner().invoke(cli, [*name.split(), "--help"])
        assert result.exit_code == 0, result.output
        assert "Example" in result.output, name
        assert f"speechlab {name.split()[0]}" in result.output, name


def test_short_help_of_the_list_is_that_of_the_command():
    text = CliRunner().invoke(cli, ["--help"]).output
    for name in NAMES:
        assert f"  {name} " in text


def test_version():
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.output.strip()) == (0, f"speechlab {version('speechlab')}")


def test_unknown_command_is_refused_with_a_guess():
    result = CliRunner().invoke(cli, ["statsu"])
    assert result.exit_code == 2
    assert "did you mean 'status'" in result.stderr


def test_unknown_lab_and_part_are_sentences(desk):
    for arguments, told in (
        (["check", "t99"], "'t99' is no lab of this course"),
        (["check", "t00", "rns"], "t00_decibels has no part 'rns'"),
        (["hint", "rns"], "did you mean rms?"),
        (["status", "zzz"], "'zzz' is no lab"),
    ):
        result = desk.run(*arguments)
        assert result.exit_code == 2
        assert told in result.stderr
        assert "Traceback" not in result.output


def test_outside_a_course_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("SPEECHLAB_COURSE", str(tmp_path))
    result = CliRunner().invoke(cli, ["status"])
    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (GradingError("the check needs a library"), 1, "the check needs a library"),
        (PermissionError(13, "Permission denied", "/there"), 1, "/there: Permission denied"),
        (KeyboardInterrupt(), 130, "Stopped"),
        (ZeroDivisionError("division by zero"), 1, "internal error, ZeroDivisionError"),
    ],
)
def test_errors_become_sentences_and_codes(monkeypatch, error, code, told):
    def fail():
        raise error

    monkeypatch.setattr("autograder.cli.where.load_course", fail)
    result = CliRunner().invoke(cli, ["status"])
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_verbose_shows_the_error_itself(monkeypatch):
    def fail():
        raise GradingError("no")

    monkeypatch.setattr("autograder.cli.where.load_course", fail)
    monkeypatch.setenv("SPEECHLAB_DEBUG", "")  # put back after the test: the option sets it
    result = CliRunner().invoke(cli, ["--verbose", "status"])
    assert isinstance(result.exception, GradingError)


def test_status_starts_without_what_grading_needs(desk):
    """Numbers, notebooks, tests and plots stay unloaded: that is what makes the start quick."""
    program = (
        "import sys\n"
        "from autograder.cli import cli\n"
        "try: cli(['status'])\n"
        "except SystemExit as done: assert done.code == 0, done.code\n"
        "heavy = 'numpy scipy torch nbformat nbgrader jupytext pytest matplotlib IPython'.split()\n"
        "print('loaded:', [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout


def test_check_loads_torch_only_where_a_lab_lists_it(desk):
    desk.answer(rms="solved", power_to_db="solved")
    program = (
        "import sys\n"
        "from autograder.cli import cli\n"
        "try: cli(['check', 't00', 'rms'])\n"
        "except SystemExit as done: assert done.code == 0, done.code\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("False")
