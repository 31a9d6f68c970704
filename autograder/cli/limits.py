"""The option --time-limit, for machines that are slower than the one a limit was set for."""

from __future__ import annotations

from typing import Any

import click

time_limit = click.option(
    "--time-limit",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="For one call of a part; all checks of a part together may take three times as long. Default: 20.",
)


def limits(seconds: float | None) -> dict[str, Any]:
    """What `grade` takes; its own limits if none is given."""
    return {} if seconds is None else {"call_seconds": seconds, "part_seconds": 3 * seconds}
