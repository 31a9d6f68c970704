"""Stock nbgrader's execution of notebooks, in a process of its own: `python -m benchmarks.executed FILE…`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.accounting import used

CELL_SECONDS = 600
# as by default, and without warnings on our screen
KERNEL = ["--HistoryManager.hist_file=:memory:", "--IPKernelApp.log_level=ERROR"]


def main(target: str, *files: str) -> None:
    """Execute notebooks one after the other, each in a fresh kernel, as `nbgrader autograde` does.

    Writes into `target`, for each file, what it took (as of `accounting.Cost`) and the points of its tests.
    """
    import nbformat
    from nbgrader.preprocessors import Execute

    found = []
    for file in files:
        began, processor = time.perf_counter(), used(children=False) + used(children=True)
        notebook = nbformat.read(file, as_version=4)
        Execute(timeout=CELL_SECONDS, extra_arguments=KERNEL).preprocess(
            notebook, {"metadata": {"path": str(Path(file).parent)}}
        )
        wall = time.perf_counter() - began
        processor = used(children=False) + used(children=True) - processor
        found.append({"wall": wall, "processor": processor, "points": points(notebook)})
    Path(target).write_text(json.dumps(found), encoding="utf-8")


def points(notebook: dict) -> float:
    """As nbgrader counts them: those of each test that raised nothing."""
    total = 0.0
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if about.get("grade") and not about.get("solution"):
            failed = any(output["output_type"] == "error" for output in cell["outputs"])
            total += 0.0 if failed else about["points"]
    return total


if __name__ == "__main__":
    main(*sys.argv[1:])
