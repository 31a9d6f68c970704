"""Fast mode and a stopwatch."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any


def fast_mode() -> bool:
    """Whether the page should take fewer steps.

    Returns:
        True if the environment variable SPEECHLAB_FAST is set to anything but "", "0", "false" or "no".
    """
    return os.environ.get("SPEECHLAB_FAST", "").strip().lower() not in ("", "0", "false", "no")


def stopwatch(function: Callable, *args: Any, repeat: int = 5, **kwargs: Any) -> float:
    """Time of one warm call.

    The function is called once without being timed, so that caches, imports and compilation do not
    count, then `repeat` times.

    Args:
        function: what to call, with `args` and `kwargs`.
        repeat: number of timed calls, at least 1.
    Returns:
        Median time of a call in seconds.
    Raises:
        ValueError: if `repeat` is less than 1.
    Example:
        >>> stopwatch(sorted, [3, 1, 2], repeat=3) < 1
        True
    """
    if repeat < 1:
        raise ValueError(f"repeat is {repeat}, expected at least 1")
    function(*args, **kwargs)
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*args, **kwargs)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
