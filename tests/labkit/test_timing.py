"""Fast mode and the stopwatch."""

from __future__ import annotations

import time

import pytest

from labkit import fast_mode, stopwatch


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("yes", True), ("0", False), ("", False), ("false", False), (None, False)],
)
def test_fast_mode_follows_the_environment(monkeypatch: pytest.MonkeyPatch, value, expected) -> None:
    monkeypatch.delenv("SPEECHLAB_FAST", raising=False)
    if value is not None:
        monkeypatch.setenv("SPEECHLAB_FAST", value)
    assert fast_mode() is expected


def test_stopwatch_gives_the_median_of_warm_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    # clock readings: three timed calls of 5, 1 and 2 seconds
    readings = iter([0.0, 5.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(readings))
    calls: list[tuple] = []
    seconds = stopwatch(lambda *args, **kwargs: calls.append((args, kwargs)), 1, repeat=3, key=2)
    assert seconds == 2.0
    assert calls == [((1,), {"key": 2})] * 4  # one to warm up, three timed


def test_stopwatch_refuses_to_measure_nothing() -> None:
    with pytest.raises(ValueError, match="repeat is 0"):
        stopwatch(sorted, [], repeat=0)
