"""Answers of the reference that are sent again: the same answers, to the same questions, of the same part."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.definitions import Code
from autograder.sandbox.client import Submission
from autograder.sandbox.recall import LARGEST, Answers, Recall


class Reference:
    """Functions that count their calls."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def __call__(self, name: str):
        def function(*args):
            self.asked.append((name, *args))
            if name == "fails":
                raise ValueError("never")
            return args[0] * 2 if name == "double" else np.asfortranarray(args[0])[:, ::2]

        return function


PROVIDED = ["double", "fails", "pick"]


@pytest.fixture
def ask(monkeypatch):
    """ask(body, *args, part=…): a part with that body, in a worker of its own, with one memory for all."""
    reference, answers, made = Reference(), Answers(), []

    def call(body: str, *args, part: str = "part", provided=PROVIDED):
        code = [Code("import numpy as np"), Code(f"def {part}(*args):\n    {body}\n", part)]
        backend = Submission(code, part, provided, reference, ("numpy",))
        backend.recall = Recall(answers, part)
        made.append(backend)
        return backend.call(part, args, {})

    call.reference = reference
    yield call
    for backend in made:
        backend.close()


def test_the_same_question_is_worked_out_once(ask):
    assert [ask("return double(args[0])", 3) for _ in range(3)] == [6, 6, 6]
    assert ask("return double(args[0])", 4) == 8
    assert ask.reference.asked == [("double", 3), ("double", 4)]


def test_kinds_of_numbers_are_different_questions(ask):
    found = [ask("return double(args[0])", value) for value in (2, 2.0, np.float32(2), np.int16(2))]
    assert [type(value) for value in found] == [int, float, np.float32, np.int16]
    assert len(ask.reference.asked) == 4


def test_arrays_come_back_as_they_were_in_any_order_and_size(ask):
    for shape in ((3, 4), (60, 70)):  # within the message, and behind it
        array = np.arange(np.prod(shape)).reshape(shape).astype(np.float64)
        found = [ask("return pick(args[0])", array) for _ in range(2)]
        for one in found:
            np.testing.assert_array_equal(one, array[:, ::2])
    assert len(ask.reference.asked) == 2


def test_what_a_learner_does_to_an_answer_is_not_in_the_next_one(ask):
    body = "found = pick(args[0]); found[:] = -1; return pick(args[0])"
    array = np.ones((4, 4))
    for _ in range(2):
        np.testing.assert_array_equal(ask(body, array), np.ones((4, 2)))


def test_another_part_gets_no_answer_that_is_not_for_it(ask):
    assert ask("return double(args[0])", 3) == 6
    with pytest.raises(LookupError):
        # as if its worker knew how to ask for what is not provided
        ask("import sys; peer = globals()['pick']._peer; return peer.ask('double', '__call__', (3,), {})", 3,
            part="other", provided=["pick"])  # fmt: skip


def test_errors_are_not_remembered(ask):
    for _ in range(2):
        with pytest.raises(ValueError, match="never"):
            ask("return fails(args[0])", 1)
    assert len(ask.reference.asked) == 2


def test_functions_of_a_check_are_asked_every_time(ask):
    # they have the same number in every worker
    calls: list[int] = []

    def first(value):
        calls.append(value)
        return "first"

    assert ask("return args[0](7)", first) == "first"
    assert ask("return args[0](7)", first) == "first"
    assert ask("return args[0](7)", lambda value: "second") == "second"
    assert calls == [7, 7]


def test_there_is_room_for_so_much(ask):
    answers = Answers(room=LARGEST + 1000)
    large = np.zeros(LARGEST // 8)
    answers.keep(b"too large", (b"12345678", [large, large]))
    answers.keep(b"large", (b"", [large]))
    answers.keep(b"no room", (b"", [large]))
    answers.keep(b"small", (b"body", []))
    kept = [key for key in (b"too large", b"large", b"no room", b"small") if answers.find(key)]
    assert kept == [b"large", b"small"]
