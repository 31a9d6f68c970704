"""What the figures were measured on, and holding it to one thread."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
LIBRARIES = ("numpy", "scipy", "librosa", "hmmlearn", "torch", "hypothesis", "nbgrader")
BUSY = 0.5  # load per core from which on the figures say little


def one_thread() -> None:
    """Give numerical libraries one thread each, here and in processes started from here.

    To be called before any of them is imported.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"


def processor() -> str:
    """Model of the processor, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def load() -> float | None:
    """Processes that wanted to run, on average over the last minute; None where nobody counts them."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_busy(at_load: float | None) -> bool:
    """Whether other work on the machine makes timings unreliable."""
    return at_load is not None and at_load > BUSY * cores()


def describe() -> dict[str, Any]:
    """The kind of machine: nothing that names this one."""
    return {
        "cores": cores(),
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }
