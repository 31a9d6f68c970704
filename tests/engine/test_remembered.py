"""The answers of named mistakes are worked out once for a class, and diagnoses stay what they are."""

from __future__ import annotations

import pytest

from autograder.checking import remembered
from autograder.checking.limits import TimeLimit
from autograder.checking.proxy import InProcess
from autograder.checking.runner import CheckSession
from autograder.diagnosis import diagnose
from autograder.loading import load_mistakes, load_reference

PART = "rms"


@pytest.fixture
def session(lab) -> CheckSession:
    """Fresh: it remembers nothing."""
    return CheckSession(lab.checks, load_reference(lab.folder))


@pytest.fixture
def runs(session, monkeypatch) -> list[str]:
    """Names of the checks that run, in order."""
    run, names = session.run, []

    def noted(item, *args, **kwargs):
        names.append(item.name)
        return run(item, *args, **kwargs)

    monkeypatch.setattr(session, "run", noted)
    return names


def told(lab, session, variant, seed=1):
    """The diagnosis of a learner who wrote that."""
    backend = InProcess({**vars(load_reference(lab.folder)), PART: variant})
    results = [CheckSession.run(session, item, backend, seed) for item in session.of(PART)]
    assert not all(result.passed for result in results)
    for result in results:
        result.seconds = 0.0  # which of them are looked at first depends on it
    return diagnose(lab, session, PART, results, seed)


def test_a_second_diagnosis_is_the_same_and_runs_nothing_again(lab, session, runs):
    mistakes = [mistake for mistake in load_mistakes(lab) if mistake.part == PART]
    first = [told(lab, session, mistake.variant) for mistake in mistakes]
    assert [diagnosis.mistake for diagnosis in first] == [mistake.name for mistake in mistakes]
    assert runs
    runs.clear()
    assert [told(lab, session, mistake.variant) for mistake in mistakes] == first
    assert runs == []


def test_a_difference_in_words_is_the_same_too(lab, session, runs):
    first = told(lab, session, lambda samples: 12345.0)
    assert first.kind == "difference" and runs
    runs.clear()
    assert told(lab, session, lambda samples: 12345.0) == first
    assert runs == []


def test_other_inputs_are_other_questions(lab, session, runs):
    mistake = next(m for m in load_mistakes(lab) if m.part == PART)
    told(lab, session, mistake.variant, seed=1)
    asked = len(runs)
    assert told(lab, session, mistake.variant, seed=2).mistake == mistake.name
    assert len(runs) > asked  # how many it takes to tell the mistakes apart depends on the inputs


def answers(lab, session, variant):
    names = {**vars(load_reference(lab.folder)), PART: variant}
    return remembered.answers_of(session, session.of(PART)[0], names, PART, 1)


@pytest.mark.parametrize("error", [TimeLimit("late"), MemoryError()])
def test_what_a_limit_has_ended_is_asked_again(lab, session, runs, error):
    def variant(samples):
        raise error

    for count in (1, 2):
        assert not answers(lab, session, variant).passed
        assert len(runs) == count


def test_answers_that_fill_the_room_are_not_kept(lab, session, runs, monkeypatch):
    monkeypatch.setattr(remembered, "ROOM", 10)
    for count in (1, 2):
        assert answers(lab, session, load_reference(lab.folder).rms).passed
        assert len(runs) == count
