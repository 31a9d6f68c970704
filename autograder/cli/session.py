"""What `speechlab watch` knows: the lab's parts, the part it speaks of, the check that is running.

The screen and the keys are elsewhere; this is driven by `tick` and by methods named for the keys.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.cli.hint import next_hint
from autograder.course import Course, Lab, Part
from autograder.errors import NotebookError, SpeechlabError
from autograder.state import (
    CHANGED,
    MISSING,
    PASSED,
    UNTOUCHED,
    LabState,
    check_notebook,
    lab_state,
    learner_reading,
)

Signature = tuple[float, int, int]


class _Superseded(Exception):
    """The notebook was saved again while it was checked."""


@dataclass
class _Run:
    """A check under way in a thread of its own."""

    parts: list[str]
    first: str
    at: str = ""
    stopped: bool = False
    backend: Any = None
    thread: threading.Thread | None = None

    def stop(self) -> None:
        """Break off at once, also out of a loop that never ends."""
        self.stopped = True
        if self.backend is not None:
            self.backend.interrupt()


@dataclass
class WatchSession:
    """One lab under watch.

    Attributes:
        state: the lab as last checked.
        part: the part that is spoken of.
        texts: part → its result in full, as checked in this session.
        hint: number of the hint shown for `part`; 0 for none.
        listing: the list of parts is shown instead of one part.
        message: what is to say about the notebook itself.
        version: counts changes, so that the screen knows when to draw.
    """

    course: Course
    lab: Lab
    state: LabState = field(init=False)
    part: Part = field(init=False)
    texts: dict[str, str] = field(default_factory=dict)
    hint: int = 0
    listing: bool = False
    message: str = ""
    checked_at: float | None = None
    version: int = 0
    _run: _Run | None = None
    _seen: Signature | None = None
    _page: str = ""
    _again: list[str] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.state = lab_state(self.course, self.lab)
        self.part = self._first_open() or self.lab.parts[-1]
        self._seen = self._signature()
        self.message = self.state.problem
        if not self.message:
            self._page = self._page_digest()
            self._start(self._unknown(everything=True))

    # -- what is going on --------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self.course.notebook(self.lab)

    @property
    def checking(self) -> str:
        """What runs right now, in words; empty if nothing does."""
        run = self._run
        if run is None:
            return ""
        return f"checking {run.at or run.first}"

    def status(self, part: str) -> str:
        return next(p.status for p in self.state.parts if p.part == part)

    def tick(self) -> None:
        """Look whether the notebook was saved or a check has ended."""
        run = self._run
        if run and run.thread and not run.thread.is_alive():
            self._run = None
            self._changed()
            if self._again:
                self._start(self._again)
        now = self._signature()
        if now != self._seen:
            self._seen = now
            self._saved()

    def close(self) -> None:
        """Stop what runs."""
        if self._run:
            self._run.stop()
            if self._run.thread:
                self._run.thread.join(timeout=2)

    # -- keys --------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """n: the next part that is not passed, after the present one."""
        parts = list(self.lab.parts)
        here = parts.index(self.part)
        open_parts = [p for p in [*parts[here + 1 :], *parts[:here]] if self.status(p.name) != PASSED]
        if open_parts:
            self.part = open_parts[0]
        self.hint, self.listing = 0, False
        self._changed()

    def show_hint(self) -> None:
        """h: one more hint for the present part."""
        if self.part.hints:
            self.hint, _ = next_hint(self.course, self.lab, self.part)
        self.listing = False
        self._changed()

    def run_again(self) -> None:
        """r: check the present part again, whatever is remembered."""
        self._check([self.part.name])

    def toggle_list(self) -> None:
        """l: all parts with their marks, or back."""
        self.listing = not self.listing
        self._changed()

    # -- saving and checking -----------------------------------------------------------------------

    def _signature(self) -> Signature | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime, found.st_size, found.st_ino

    def _page_digest(self) -> str:
        """Of every cell that is no part: helpers that any part may use."""
        reading = learner_reading(self.course, self.lab)
        return hashlib.sha256(
            "\0".join(c.source for c in reading.cells if not c.part).encode("utf-8", "replace")
        ).hexdigest()

    def _saved(self) -> None:
        try:
            page = self._page_digest()
        except NotebookError as error:
            # an editor that writes in place is seen half-way; it will be seen again when it is done
            self.message = f"{error}. The last results stand; save again."
            self._changed()
            return
        self.message = ""
        self.state = lab_state(self.course, self.lab)
        if self._run is None and self.status(self.part.name) == PASSED:
            # moved on in the notebook without a key: speak of what was worked on
            changed = [p.part for p in self.state.parts if p.status == CHANGED]
            if changed:
                self.part, self.hint = self.lab.part(changed[0]), 0
        everything = page != self._page
        self._page = page
        self._changed()
        unfinished = self._run.parts if self._run else []
        self._check([*self._unknown(everything), *unfinished])

    def _unknown(self, everything: bool) -> list[str]:
        """Parts whose answers are not known: changed ones, and all begun ones if helpers changed."""
        found = [p.part for p in self.state.parts if p.status == CHANGED]
        if everything:
            rest = [
                p
                for p in self.state.parts
                if p.status not in (CHANGED, UNTOUCHED, MISSING) and not p.complete
            ]
            found += [p.part for p in rest]
        return found

    def _check(self, parts: list[str]) -> None:
        names = list(dict.fromkeys(parts))
        if self._run:
            self._run.stop()
            self._again = names or self._again
        else:
            self._start(names)

    def _start(self, parts: list[str]) -> None:
        self._again = []
        first = [self.part.name] if self.part.name in parts else []
        ordered = list(dict.fromkeys([*first, *parts]))
        if not ordered:
            return
        run = _Run(ordered, ordered[0])
        run.thread = threading.Thread(target=self._work, args=(run,), daemon=True)
        self._run = run
        self._changed()
        run.thread.start()

    def _work(self, run: _Run) -> None:
        def on_start(name: str, backend: Any) -> None:
            run.at, run.backend = name, backend
            if run.stopped:
                raise _Superseded
            self._changed()

        def on_part(result: Any) -> None:
            from autograder.feedback import part_text

            run.backend = None
            if run.stopped:
                raise _Superseded
            self.texts[result.part] = part_text(result)

        try:
            for name in list(run.parts):
                check_notebook(
                    self.course, self.lab, [name], on_part=on_part, on_start=on_start, pictures=False
                )
                with self._lock:
                    run.parts.remove(name)
                    self.state = lab_state(self.course, self.lab)
                    self.checked_at = time.time()
                self._changed()
        except _Superseded:
            pass
        except SpeechlabError as error:
            self.message = str(error)
        except Exception as error:
            # said on the screen instead of lost with the thread
            self.message = f"internal error, {type(error).__name__}: {error}"

    def _first_open(self) -> Part | None:
        return next((self.lab.part(p.part) for p in self.state.parts if p.status != PASSED), None)

    def _changed(self) -> None:
        self.version += 1
