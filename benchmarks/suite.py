"""Which benchmarks there are, and running them."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from benchmarks import machine

# name → module; the order is that of the report
BENCHMARKS = {
    "mfcc": "features",
    "fourier": "fourier",
    "preprocessing": "preprocessing",
    "synthesis": "synthesis",
    "hmm": "hidden_markov",
    "mixtures": "mixtures",
    "ngrams": "ngrams",
    "decoding": "decoding",
    "linear-prediction": "linear_prediction",
    "unit-selection": "unit_selection",
    "pitch": "pitch",
    "check": "overhead",
    "pipe": "pipe_overhead",
    "cold-start": "cold_start",
    "one-submission": "one_submission",
    "grading": "grading",
}


def module(name: str) -> ModuleType:
    """The module of a benchmark."""
    return importlib.import_module(f"benchmarks.{BENCHMARKS[name]}")


def run(names: Iterable[str], quick: bool, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run benchmarks one after the other.

    Args:
        quick: small inputs and few repeats: shows that everything works, not how fast it is.
        say: told what is being run.
    Returns:
        What `benchmarks.report` writes: date, machine, load, and for each benchmark its rows.
    """
    results: dict[str, Any] = {
        "format": 1,
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "quick": quick,
        "threads": 1,
        "machine": machine.describe(),
        "load_before": machine.load(),
        "benchmarks": {},
    }
    for name in names:
        say(name)
        started, before = time.perf_counter(), machine.load()
        rows = module(name).run(quick)
        if quick:  # goals are set for full length
            rows = [replace(row, goal=None) for row in rows]
        results["benchmarks"][name] = {
            "rows": rows,
            "seconds": time.perf_counter() - started,
            "load": [before, machine.load()],
        }
    results["load_after"] = machine.load()
    return results
