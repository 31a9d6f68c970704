"""Limits of time and memory for what runs in this process hold whatever the code does."""

from __future__ import annotations

import gc
import signal
import sys
import time

import numpy as np
import pytest

from autograder.checking.limits import TimeLimit, guarded
from autograder.checking.proxy import InProcess
from autograder.checking.runner import session_of
from autograder.loading import load_reference
from autograder.sandbox.bounds import TooLong, bounded, would_be_lost

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers"),
    pytest.mark.timeout(60),
]


@pytest.fixture
def thrown_away(monkeypatch) -> list:
    """Exceptions that Python could only ignore."""
    found = []
    monkeypatch.setattr(sys, "unraisablehook", lambda trouble: found.append(trouble.exc_value))
    return found


@pytest.fixture
def slow_collector():
    """A callback of the garbage collector's in which nearly all time is spent, as Hypothesis has one."""

    def callback(phase, info):
        ends_at = time.perf_counter() + 0.02
        while time.perf_counter() < ends_at:
            pass

    gc.callbacks.append(callback)
    yield
    gc.callbacks.remove(callback)


def litter():
    """Without an end, and nearly always in the collector."""
    kept = []
    while True:
        kept = [kept[-1:] for _ in range(1000)]


@pytest.mark.parametrize("turn", range(3))
def test_time_runs_out_in_the_garbage_collector_too(slow_collector, thrown_away, turn):
    with pytest.raises(TimeLimit, match=r"no answer within 0\.05 s"), guarded(0.05):
        litter()
    assert thrown_away == [] and gc.isenabled()


@pytest.mark.parametrize("turn", range(3))
def test_the_trusted_side_is_not_held_up_in_the_garbage_collector(slow_collector, thrown_away, turn):
    with pytest.raises(TooLong), bounded(time.monotonic() + 0.05, None):
        litter()
    assert thrown_away == [] and gc.isenabled()


def test_only_what_the_collector_calls_is_lost(slow_collector):
    seen = []

    def callback(phase, info):
        seen.append(would_be_lost(sys._getframe()))

    gc.callbacks.append(callback)
    try:
        gc.collect(0)
    finally:
        gc.callbacks.remove(callback)
    assert seen == [True, True] and not would_be_lost(sys._getframe()) and not would_be_lost(None)


def test_callbacks_that_are_no_functions_are_nothing_to_look_for():
    class Callback:
        def __call__(self, phase, info):
            pass

    callback = Callback()
    gc.callbacks.append(callback)
    try:
        assert not would_be_lost(sys._getframe())
    finally:
        gc.callbacks.remove(callback)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory is in use")
def test_code_in_this_process_cannot_fill_the_machine(lab):
    """Memory that is asked for and never touched costs nothing here, whether it is refused or not."""

    def rms(samples):
        return float(len(np.empty(2**30)))  # 8 GB

    names = {**vars(load_reference(lab.folder)), "rms": rms}
    session = session_of(lab)
    results = [session.run(item, InProcess(names), 1) for item in session.of("rms")]
    assert not any(result.passed for result in results)
    raised = {call.error[0] for result in results for call in result.calls if call.error}
    assert raised and all("MemoryError" in kind for kind in raised)
    assert len(np.empty(2**30)) == 2**30  # and the limit is gone
