"""Starting programs as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# by this Python, whatever is on the path
PROGRAMS = {
    "python": [],
    "nbgrader": ["-m", "nbgrader"],
    "speechlab": ["-c", "import sys; from autograder.cli import main; sys.exit(main())"],
}
SECONDS = 900.0


def full(command: Sequence[str]) -> list[str]:
    """A command as the system starts it: one of PROGRAMS by this Python."""
    return [sys.executable, *PROGRAMS[command[0]], *command[1:]]


def start(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], codes: Sequence[int] = (0,)
) -> None:
    """Run a command to its end.

    Args:
        command: one of PROGRAMS, and its arguments.
        environment: added to this process's own.
        codes: exit codes that are as they should be.
    Raises:
        RuntimeError: for any other exit code, with the end of what the command printed.
    """
    done = subprocess.run(
        full(command),
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=SECONDS,
    )
    if done.returncode not in codes:
        raise RuntimeError(
            f"`{' '.join(command)}` ended with {done.returncode}, expected {codes}:\n{done.stdout[-2000:]}"
        )


def starter(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], codes: Sequence[int] = (0,)
) -> Callable[[], None]:
    """The same as a function without arguments."""
    return lambda: start(command, folder, environment, codes)
