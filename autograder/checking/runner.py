"""Runs a lab's checks with pytest, collected once and run many times in one process.

Collection costs a second or two (imports, assertion rewriting), running an item well under a
millisecond. Keeping the session makes `check()` in a notebook, the diagnosis (every mistake through
every failed check) and the mutation report affordable, and there is one runner for all of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import _prepareconfig
from _pytest.main import Session
from _pytest.runner import CallInfo

from autograder.checking import CheckMark, inputs
from autograder.checking.limits import CHECK_BYTES, AnswerLimit, TimeLimit, guarded
from autograder.checking.proxy import Backend, Call, LabProxy, Recorder
from autograder.course import Lab
from autograder.errors import GradingError
from autograder.handles import seed_everything
from autograder.loading import load_reference
from autograder.sandbox.peer import Gone
from labkit.corpora.store import cache_dir

EXAMPLES = 25
_PLUGINS_LEFT_OUT = (
    "cacheprovider capture doctest faulthandler junitxml logging pastebin setuponly setupplan stepwise "
    "terminal threadexception unraisableexception warnings debugging"
).split()


@dataclass
class CheckResult:
    """What one check (one item: a parametrised check has several) found.

    Attributes:
        title: what the check asked, as a sentence that a student may read.
        full_title: the same with the values that a parametrised check has.
        error: what failed it; None if it passed.
        by_learner: the learner's code itself raised `error`.
        calls: questions and answers.
    """

    part: str
    name: str
    title: str
    visible: bool
    error: BaseException | None
    by_learner: bool
    calls: list[Call]
    seconds: float
    full_title: str = ""

    @property
    def passed(self) -> bool:
        return self.error is None


@dataclass
class _Context:
    """What the fixtures give to the check that is running."""

    lab: LabProxy | None = None
    reference: Any = None
    seed: int = 0
    broken: str = ""  # why a file of checks could not be collected


class _Fixtures:
    def __init__(self, context: _Context) -> None:
        self._context = context

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._context.broken = report.longreprtext.strip().split("\n")[-1].removeprefix("E ").strip()

    @pytest.fixture
    def lab(self) -> Any:
        return self._context.lab

    @pytest.fixture
    def reference(self) -> Any:
        return self._context.reference

    @pytest.fixture
    def rng(self) -> Any:
        import numpy as np

        return np.random.default_rng(self._context.seed)


class CheckSession:
    """The collected checks of one lab.

    Raises:
        GradingError: if a check cannot be collected.
    """

    def __init__(self, checks: Path, reference: Any) -> None:
        self.path = checks
        self._context = _Context(reference=reference)
        self._drawn: dict[pytest.Function, tuple[int, inputs.Inputs | None]] = {}  # of the last seed
        self.items = self._collect()
        self.parts = list(dict.fromkeys(_mark(item).part for item in self.items))

    def _collect(self) -> list[pytest.Function]:
        # what hypothesis notes for itself goes to the cache, not into the folder a learner works in
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache_dir() / "hypothesis"))
        from hypothesis import HealthCheck, Phase, settings

        settings.register_profile(
            "speechlab",
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            # shrinking would ask a slow function hundreds of times more for a prettier counterexample
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        before = settings.get_current_profile_name()
        settings.load_profile("speechlab")
        arguments = [
            str(self.path),
            "-c",
            os.devnull,
            "--rootdir",
            str(self.path.parent),
            "--import-mode=importlib",
            # an explained assertion compares both sides word by word: hours, for an answer of some megabytes
            "--assert=plain",
        ]
        for name in _PLUGINS_LEFT_OUT:
            arguments += ["-p", f"no:{name}"]
        autoload = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        addopts = os.environ.pop("PYTEST_ADDOPTS", None)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        try:
            config = _prepareconfig(arguments, plugins=[_Fixtures(self._context)])
            config._do_configure()
            session = Session.from_config(config)
            config.hook.pytest_sessionstart(session=session)
            try:
                with _imported_afresh(self.path):
                    session.perform_collect()
            except Exception as error:
                raise GradingError(f"{self.path}: the checks cannot be collected: {error}") from error
            if self._context.broken:
                raise GradingError(f"{self.path}: the checks cannot be collected: {self._context.broken}")
        finally:
            settings.load_profile(before)
            _restore("PYTEST_DISABLE_PLUGIN_AUTOLOAD", autoload)
            _restore("PYTEST_ADDOPTS", addopts)
        self._session = session
        items = [item for item in session.items if isinstance(item, pytest.Function)]
        for item in items:
            if not isinstance(getattr(item.function, "__speechlab_check__", None), CheckMark):
                raise GradingError(f"{self.path}: {item.name} is not marked with @checks(part)")
        return items

    def of(self, part: str, visible_only: bool = False) -> list[pytest.Function]:
        """Items that grade a part."""
        return [i for i in self.items if _mark(i).part == part and (_mark(i).visible or not visible_only)]

    def run(
        self,
        item: pytest.Function,
        backend: Backend,
        seed: int,
        limit: float | None = None,
        apart: bool = False,
    ) -> CheckResult:
        """Run one check against a backend.

        Args:
            seed: of the grading run; the check's inputs depend on it and on the check's name alone.
            limit: seconds after which a check in this process is stopped (main thread, POSIX).
            apart: the learner's code has a process of its own. Then the limit, and that of memory, is
                for what it costs here to look at its answers.
        Raises:
            GradingError: if the check itself cannot run (a library is missing, no worker starts).
        """
        mark = _mark(item)
        own_seed = zlib.crc32(item.name.encode()) ^ (seed & 0xFFFFFFFF) | (seed >> 32) << 32
        recorder = Recorder()
        self._context.lab = LabProxy(mark.part, backend, self._context.reference, recorder)
        self._context.seed = own_seed
        drawn = self._draw(item, own_seed)
        seed_everything(own_seed)
        backend.seed(seed_for_learner(own_seed))
        started = time.perf_counter()
        with guarded(limit, AnswerLimit if apart else TimeLimit, CHECK_BYTES):
            error = self._execute(item, drawn)
            calls = recorder.finish()
        seconds = time.perf_counter() - started
        error, by_learner = _settled(error, recorder)
        if isinstance(error, GradingError):
            raise error  # no worker can be started: that is nobody's mark
        if isinstance(error, ImportError) and not by_learner:
            raise GradingError(
                f"the check {item.name!r} needs a library that is not installed: {error}"
            ) from error
        asked, full = title(item), full_title(item)
        shown = full if mark.visible else asked
        return CheckResult(
            mark.part, item.name, shown, mark.visible, error, by_learner, calls, seconds, full_title=full
        )

    def _draw(self, item: pytest.Function, seed: int) -> inputs.Inputs | None:
        """Inputs of a property check; None if it has none, or draws them while it runs."""
        if not inputs.is_property(item.obj):
            return None
        inputs.set_seed(item.obj, seed)
        known = self._drawn.get(item)
        if known is None or known[0] != seed:
            try:
                with guarded(None):
                    known = seed, inputs.draw(item.obj, _fixtures(item))
            except Exception as error:
                raise GradingError(f"the check {item.name!r} cannot draw its inputs: {error}") from error
            self._drawn[item] = known
        return known[1]

    def _execute(self, item: pytest.Function, drawn: inputs.Inputs | None) -> BaseException | None:
        if not item._request:  # type: ignore[attr-defined]  # run before: fixtures must be fresh
            item._initrequest()
        setupstate = self._session._setupstate

        def phase(name: Any, work: Callable[[], Any]) -> BaseException | None:
            info = CallInfo.from_call(work, when=name, reraise=(KeyboardInterrupt,))
            return info.excinfo.value if info.excinfo else None

        def call() -> None:
            if drawn is None and inputs.is_property(item.obj):
                with inputs.repeatable():
                    item.runtest()
            elif drawn is None:
                item.runtest()
            else:
                inputs.run(item.obj, {name: item.funcargs[name] for name in _fixtures(item)}, drawn)

        try:
            error = phase("setup", lambda: setupstate.setup(item)) or phase("call", call)
        finally:
            torn = phase("teardown", lambda: setupstate.teardown_exact(None))
            item._request = False  # type: ignore[assignment]
            item.funcargs = None  # type: ignore[assignment]
        return error or torn


def seed_for_learner(seed: int) -> int:
    """The seed of a learner's own random numbers: from it, nobody can draw the inputs of the checks."""
    return int.from_bytes(hashlib.sha256(f"learner {seed}".encode()).digest()[:7], "little")


def _fixtures(item: pytest.Function) -> tuple[str, ...]:
    return item._fixtureinfo.argnames


def _mark(item: pytest.Function) -> CheckMark:
    return item.function.__speechlab_check__


def title(item: pytest.Function) -> str:
    """What a check asks: its docstring's first line, else its name as a sentence.

    Of a parametrised check, words that name the case are added; numbers are values of a hidden check.
    """
    doc = item.function.__doc__
    text = doc.strip().split("\n")[0] if doc else item.originalname.removeprefix("test_").replace("_", " ")
    text = text[:1].upper() + text[1:].removesuffix(".")
    case = _case(item)
    return f"{text} [{case}]" if case and not any(c.isdigit() for c in case) else text


def full_title(item: pytest.Function) -> str:
    """The same with all that distinguishes the cases of a parametrised check."""
    text, case = title(item), _case(item)
    return text if not case or text.endswith(f"[{case}]") else f"{text} [{case}]"


def _case(item: pytest.Function) -> str:
    callspec = getattr(item, "callspec", None)
    return callspec.id if callspec else ""


def _settled(error: BaseException | None, recorder: Recorder) -> tuple[BaseException | None, bool]:
    """What failed a check, and whether the learner's code raised it.

    An `except` or `pytest.raises` in a check may have taken the end of a worker for an answer.
    """
    lost = [e for e in recorder.raised if isinstance(e, Gone | TimeLimit | GradingError)]
    if lost and not isinstance(error, Gone | TimeLimit):
        return lost[0], True
    seen = set()
    cause = error
    while cause is not None and id(cause) not in seen:
        # gradients arrive outside of any call: what comes through the pipe says so itself
        if hasattr(cause, "remote_type") or any(cause is raised for raised in recorder.raised):
            return cause, True
        seen.add(id(cause))
        # only what was raised *from* the learner's exception is still about it
        cause = cause.__cause__
    return error, False


def _restore(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


@contextlib.contextmanager
def _imported_afresh(path: Path) -> Iterator[None]:
    """pytest takes a module of this name if one is imported: another lab's `checks`, or an old version."""
    before = sys.modules.pop(path.stem, None)
    try:
        yield
    finally:
        sys.modules.pop(path.stem, None)
        if before is not None:
            sys.modules[path.stem] = before


_sessions: dict[Path, tuple[float, CheckSession]] = {}


def session_of(lab: Lab) -> CheckSession:
    """The check session of a lab, collected once per version of its files.

    Raises:
        GradingError: if a part has no check, which would otherwise count as passed.
    """
    folder = lab.checks.parent
    stamp = max((folder / name).stat().st_mtime for name in ("lab.py", "checks.py"))
    known = _sessions.get(folder)
    if known and known[0] == stamp:
        return known[1]
    session = CheckSession(lab.checks, load_reference(folder))
    ungraded = [part.name for part in lab.parts if part.name not in session.parts]
    if ungraded:
        raise GradingError(f"{lab.checks}: no check grades {', '.join(ungraded)}")
    _sessions[folder] = (stamp, session)
    return session
