"""`speechlab isolation`: how learners' code is kept apart on this machine."""

from __future__ import annotations

import click

from autograder.cli import NOT_PASSED, screen


@click.command(
    epilog="""\b
Examples:
  speechlab isolation
  SPEECHLAB_ISOLATION=landlock speechlab isolation      try one back end only

\b
Exit codes: 0 strangers' code can be graded here, 1 it cannot."""
)
def isolation() -> int:
    """Try the ways to keep learners' code apart, and say which one grading uses here.

    A way counts only if its canaries, attempts at what must be impossible, all failed on this machine.
    """
    from autograder.sandbox import canaries, forkserver

    out = screen.console()
    backend = forkserver.chosen()
    out.print(f"[bold]{backend.name}[/]: {backend.summary}", soft_wrap=True, highlight=False)
    walls = canaries.names(backend.policy)
    if walls:
        out.print(f"walls tried just now: {', '.join(walls)}", soft_wrap=True, highlight=False)
    for name, reason in forkserver.refusals().items():
        out.print(f"passed over {name}: {reason}", soft_wrap=True, highlight=False, markup=False)
    if backend.isolates:
        return 0
    out.print("Submissions of others are refused here. docs/security.md says what helps.", soft_wrap=True)
    return NOT_PASSED
