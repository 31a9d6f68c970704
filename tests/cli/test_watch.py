"""`speechlab watch`: the session that it drives, and the whole of it in a terminal."""

from __future__ import annotations

import io
import os
import sys
import time

import pytest

from autograder.cli.session import WatchSession
from autograder.cli.watch import draw
from autograder.state import FAILED, PASSED

LOOP = "def rms(samples):\n    while True: pass"
ENERGY = (
    "def rms(samples):\n"
    "    if samples.size == 0:\n"
    "        raise ValueError('empty')\n"
    "    return float(np.sqrt(np.sum(np.square(samples, dtype=np.float64))))\n"
)


def settle(session: WatchSession, until, seconds: float = 60) -> None:
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        session.tick()
        if until() and not session.checking:
            return
        time.sleep(0.02)
    raise AssertionError(f"still {session.checking or 'idle'}; {session.message}")


def screen(session: WatchSession) -> str:
    from rich.console import Console

    console = Console(width=100, height=30, file=io.StringIO())
    with console.capture() as captured:
        console.print(draw(session))
    return captured.get()


@pytest.fixture
def session(desk):
    made = WatchSession(desk.course, desk.lab)
    yield made
    made.close()


def test_a_save_is_checked_and_the_mistake_told(desk, session):
    assert "Not started" in screen(session)
    desk.answer(rms=ENERGY)
    settle(session, lambda: session.status("rms") == FAILED)
    shown = screen(session)
    assert "That is the energy" in shown and "power_to_db" not in shown
    session.show_hint()
    assert "hint 1 of 3" in screen(session)
    desk.answer(rms="solved")
    settle(session, lambda: session.status("rms") == PASSED)
    assert "n goes on" in screen(session)
    session.go_on()
    assert session.part.name == "power_to_db" and session.hint == 0
    session.toggle_list()
    shown = screen(session)
    assert "✓ rms" in shown and "power_to_db" in shown


@pytest.mark.slow
def test_a_save_in_the_middle_of_a_check_starts_anew(desk, session):
    desk.answer(rms=LOOP)
    ends_at = time.monotonic() + 60
    while "rms" not in session.checking and time.monotonic() < ends_at:
        session.tick()
        time.sleep(0.02)
    time.sleep(0.5)  # let it be well inside the loop
    started = time.monotonic()
    desk.answer(rms="solved", power_to_db="solved")
    settle(session, lambda: session.state.finished)
    assert time.monotonic() - started < 15  # not the twenty seconds of the limit on a call
    assert "Every part of t00_decibels is passed" in screen(session)


def test_a_half_saved_notebook_is_waited_for(desk, session):
    desk.answer(rms="solved")
    settle(session, lambda: session.status("rms") == PASSED)
    desk.notebook.write_text('{"cells": [')
    session.tick()
    assert "damaged" in screen(session) and "The last results stand" in screen(session)
    assert session.status("rms") == PASSED
    desk.notebook.unlink()
    session.tick()
    assert "cannot be read" in session.message
    desk.answer(rms="solved", power_to_db="solved")
    settle(session, lambda: session.state.finished)
    assert session.message == ""


def test_run_again_checks_what_is_known(desk, session):
    desk.answer(rms="solved")
    settle(session, lambda: session.status("rms") == PASSED)
    before = session.checked_at
    session.run_again()
    assert session.checking
    settle(session, lambda: session.checked_at != before)


def test_without_a_terminal_it_refuses(desk):
    result = desk.run("watch")
    assert result.exit_code == 2
    assert "needs a terminal" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX")
def test_in_a_terminal_with_keys(desk):
    pexpect = pytest.importorskip("pexpect")
    program = "from autograder.cli import main; main()"
    terminal = pexpect.spawn(
        sys.executable,
        ["-c", program, "watch", "t00"],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        encoding="utf-8",
        dimensions=(30, 100),
        timeout=60,
    )
    try:
        terminal.expect("Not started")
        desk.answer(rms=ENERGY)
        terminal.expect("That is the energy")
        terminal.send("h")
        terminal.expect("hint 1 of 3")
        terminal.send("n")
        terminal.expect("power_to_db")
        terminal.send("l")
        terminal.expect("not passed")
        terminal.send("r")
        terminal.expect("checking")
        terminal.send("q")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close()
    assert (terminal.exitstatus, terminal.signalstatus) == (0, None)
