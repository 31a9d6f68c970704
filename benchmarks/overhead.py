"""What `check()` costs in a notebook beside the learner's own code."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import Row, Spread, spread

ABOUT = """\
`check(part)` in a process that has checked this part before, as in a notebook where the learner changes
a function and checks again. Overhead is the time of the whole call, with the result remembered and its
HTML made, less the time spent inside the learner's function. So the checks' own work (inputs, oracles
such as librosa, comparisons, copies) counts as overhead, and for a class part so does the backward pass.
The learner here wrote the reference. Every part of every lab is measured."""

NAME = "check"
GOAL_MS = 50.0


class OwnTime:
    """Time inside the learner's functions, wherever they are entered from."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0
        self._depth = 0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, which adds its time up here."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            wall, processor = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if self._depth == 0:  # a method that calls another one counts once
                    self.wall += time.perf_counter() - wall
                    self.processor += time.thread_time() - processor

        return wrapper

    def timed_part(self, part: Any) -> Any:
        """A part, function or class, with its calls timed."""
        if not isinstance(part, type):
            return self.timed(part)
        methods = {name: value for name, value in vars(part).items() if callable(value)}
        methods |= {name: getattr(part, name) for name in ("__init__", "__call__") if hasattr(part, name)}
        members = {name: self.timed(method) for name, method in methods.items()}
        return type(part.__name__, (part,), {**members, "__module__": part.__module__})


@contextlib.contextmanager
def apart(root: Any) -> Iterator[None]:
    """Check in the course at `root`, away from the notebooks and marks of whoever runs this."""
    with tempfile.TemporaryDirectory(prefix="speechlab-bench-") as folder:
        ours = {
            "SPEECHLAB_COURSE": str(root),
            "SPEECHLAB_STATE": os.path.join(folder, "state"),
            "SPEECHLAB_NOTEBOOKS": os.path.join(folder, "notebooks"),
        }
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def overheads(part: Any, namespace: dict[str, Any], repeat: int) -> dict[str, Spread]:
    """Seconds of one `check(part)`: overhead, the same in processor time, and the learner's own.

    The first call, which collects the checks and draws their inputs, is told apart.
    """
    from autograder import live

    found: dict[str, list[float]] = {"overhead": [], "overhead, processor time": [], "learner's own time": []}
    first = 0.0
    for turn in range(-2, repeat):
        own = OwnTime()
        namespace[part.__name__] = timed = own.timed_part(part)
        said = io.StringIO()
        wall, processor = time.perf_counter(), time.thread_time()
        with contextlib.redirect_stdout(said):
            live.check(timed, namespace)
        wall, processor = time.perf_counter() - wall, time.thread_time() - processor
        assert said.getvalue().startswith("✓"), said.getvalue()
        if turn == -2:
            first = wall - own.wall
        elif turn >= 0:
            found["overhead"].append(wall - own.wall)
            found["overhead, processor time"].append(processor - own.processor)
            found["learner's own time"].append(own.wall)
    namespace[part.__name__] = part
    return {
        **{name: spread(values) for name, values in found.items()},
        "overhead, first call": spread([first]),
    }


def milliseconds(seconds: Spread) -> Spread:
    return Spread(1000 * seconds.median, 1000 * seconds.low, 1000 * seconds.high, seconds.count)


def summary(lab: str, parts: list[tuple[str, Spread, dict[str, Spread]]]) -> Row:
    """The worst part of a lab stands for it; `parts` holds name, overhead in ms, and seconds."""
    name, figure, seconds = max(parts, key=lambda part: part[1].median)
    above = [part[0] for part in parts if part[1].median > GOAL_MS]
    listed = f" ({', '.join(above)})" if above else ""
    processor = milliseconds(seconds["overhead, processor time"]).median
    note = (
        f"of it {processor:.0f} ms processor time; {len(above)} of {len(parts)} parts above {GOAL_MS:g} ms"
        f"{listed}; middle part {statistics.median(part[1].median for part in parts):.0f} ms"
    )
    return Row(NAME, f"{lab}: worst part, {name}", figure, "ms", GOAL_MS, seconds, note)


def run(quick: bool, root: Any = None) -> list[Row]:
    """One row for each lab, told by its worst part, and one in the JSON for each part."""
    from autograder.course import load_course
    from autograder.loading import fresh_reference

    course = load_course(root)
    rows = []
    with apart(course.root):
        for lab in course.labs:
            assert lab.folder is not None
            namespace = vars(fresh_reference(lab.folder, name=f"notebook_of_{lab.name}"))
            parts = []
            for part in lab.parts:
                seconds = overheads(namespace[part.name], namespace, 1 if quick else 9)
                parts.append((part.name, milliseconds(seconds["overhead"]), seconds))
            rows.append(summary(lab.name, parts))
            rows += [
                Row(NAME, f"{lab.name}.{name}", figure, "ms", GOAL_MS, seconds, detail=True)
                for name, figure, seconds in parts
            ]
    return rows
