"""The trusted end of the pipe against a worker that keeps to no rule. The worker here is a thread."""

from __future__ import annotations

import gc
import re
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.sandbox import kept
from autograder.sandbox import peer as peer_module
from autograder.sandbox.frames import HEAD, Closed, Frames
from autograder.sandbox.peer import Gone, Peer, RemoteError
from autograder.sandbox.wire import MAX_BYTES, References, pack, unpack
from autograder.values import BadValue

FAULT = ["ValueError", ["ValueError", "Exception"], "too short", [[3, "part", "raise ValueError"]]]


class Loose(References):
    """Writes anything as a handle, and reads anything."""

    def outgoing(self, value):
        return "handle", getattr(value, "number", 3)

    def outgoing_tensor(self, tensor):
        return int(tensor.requires_grad)

    def incoming(self, kind, number):
        return number


class Evil:
    """The worker's end, with no rules."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self.frames, self.questions = connection, Frames(connection), []

    def read(self) -> list:
        """The next message's values."""
        head = self.frames.receive_head(None)
        values, apart = unpack(self.frames.receive_body(head, None).data, Loose())
        self.frames.receive_arrays(head, apart, None)
        if head.own:
            self.questions.append(head.own)
        return values

    def send(self, answers: int, own: int, values: list) -> None:
        self.frames.send(answers, own, *pack(values, Loose()), None)

    def answer(self, *values) -> None:
        """Answer the last question that is open."""
        self.send(self.questions.pop(), 0, list(values))

    def ask(self, target, method, args=(), dropped=()) -> list:
        self.send(0, 9, [target, method, (args, {}), list(dropped)])
        return self.read()


@pytest.fixture
def against():
    """against(script, *args): what the trusted end gets of a worker that follows the script."""
    ends, threads, problems = [], [], []

    def against(script, *args, serve=None, limit=5.0):
        ours, theirs = socket.socketpair()
        end = Peer(ours, serve or (lambda *question: 1.0), gives_objects=False)
        end.limit = limit
        ends.append(end)

        def play():
            with theirs:
                evil = Evil(theirs)
                try:
                    evil.read()
                    script(evil)
                except (OSError, Closed):
                    pass  # hung up on, as it should be
                except Exception as problem:
                    problems.append(problem)

        threads.append(threading.Thread(target=play, daemon=True))
        threads[-1].start()
        return end.ask("part", "__call__", args, {})

    against.ends = ends
    yield against
    for end in ends:
        end.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert not problems


def test_an_honest_answer_arrives(against):
    assert against(lambda evil: evil.answer(True, [1, "x"], 0)) == [1, "x"]
    with pytest.raises(ValueError, match="too short") as caught:
        against(lambda evil: evil.answer(False, FAULT))
    assert caught.value.remote_lines == FAULT[3]


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [True],
        [True, 1],
        [True, 1, "graph"],
        [True, 1, True],
        [1, 1, 0],
        ["yes", 1, 0],
        [True, 1, 0, 0],
        [[True, 1, 0]],
        [None, FAULT],
        [False],
        [False, 3],
        [False, []],
        [False, tuple(FAULT)],
        [False, ["ValueError", "ValueError", "x", []]],
        [False, [3, ["ValueError"], "x", []]],
        [False, ["Value Error", ["ValueError"], "x", []]],
        [False, ["<b>", ["<b>"], "x", []]],
        [False, ["V" * 200, [], "x", []]],
        [False, ["ValueError", ["ValueError"] * 200, "x", []]],
        [False, ["ValueError", [["ValueError"]], "x", []]],
        [False, ["ValueError", ["ValueError"], b"x", []]],
        [False, ["ValueError", ["ValueError"], "x", [[1, "f", "x"]] * 99]],
        [False, ["ValueError", ["ValueError"], "x", [["1", "f", "x"]]]],
        [False, ["ValueError", ["ValueError"], "x", [[True, "f", "x"]]]],
        [False, ["ValueError", ["ValueError"], "x", [[1, "f"]]]],
        [False, ["ValueError", ["ValueError"], "x", [[1, None, "x"]]]],
    ],
    ids=repr,
)
def test_an_answer_that_is_none_is_the_end(against, reply):
    with pytest.raises(Gone, match="broke the rules"):
        against(lambda evil: evil.answer(*reply))
    with pytest.raises(Gone):
        against.ends[0].ask("part", "__call__", (), {})


def test_long_texts_are_cut(against):
    fault = ["ValueError", ["ValueError"], "x" * 10**6, [[2**62, "f" * 10**6, "y" * 10**6]]]
    with pytest.raises(ValueError) as caught:
        against(lambda evil: evil.answer(False, fault))
    assert len(str(caught.value)) == 2000
    ((line, function, source),) = caught.value.remote_lines
    assert (line, len(function), len(source)) == (2**31, 100, 2000)


@pytest.mark.parametrize(
    "name",
    [
        *("StopIteration StopAsyncIteration GeneratorExit KeyboardInterrupt SystemExit".split()),
        *("ExceptionGroup UnicodeDecodeError UnicodeEncodeError UnicodeTranslateError".split()),
        *("Exception eval Gone BadValue".split()),
    ],
)
def test_exceptions_that_would_do_something_here_are_not_made(against, name):
    with pytest.raises(RemoteError) as caught:
        against(lambda evil: evil.answer(False, [name, [name], "x", []]))
    assert caught.value.remote_type == name


@pytest.mark.parametrize(
    "script",
    [
        lambda evil: evil.send(1, 0, [True, 1, 0]),
        lambda evil: evil.send(0, 0, [True, 1, 0]),
        lambda evil: evil.send(evil.questions[0], 9, [True, 1, 0]),
        lambda evil: evil.socket.sendall(HEAD.pack(evil.questions[0], 0, 2**32 - 1, 0)),
        lambda evil: evil.socket.sendall(HEAD.pack(evil.questions[0], 0, 3, 2**63)),
        lambda evil: evil.socket.sendall(HEAD.pack(evil.questions[0], 0, 0, 0)),
        lambda evil: evil.socket.sendall(HEAD.pack(evil.questions[0], 0, 4, 1) + b"\x93\xc3\x01\x00x"),
        lambda evil: evil.send(0, 9, []),
        lambda evil: evil.send(0, 9, [None, "__call__", ((), {}), []]),
        lambda evil: evil.send(0, 9, ["part", 1, ((), {}), []]),
        lambda evil: evil.send(0, 9, ["part", "__call__", (), []]),
        lambda evil: evil.send(0, 9, ["part", "__call__", ([], {}), []]),
        lambda evil: evil.send(0, 9, ["part", "__call__", ((), {1: 2}), []]),
        lambda evil: evil.send(0, 9, ["part", "__call__", ((), {}), ["1"]]),
        lambda evil: evil.send(0, 9, [True, "__call__", ((), {}), []]),
    ],
)  # fmt: skip
def test_a_message_that_no_worker_sends_is_the_end(against, script):
    with pytest.raises(Gone, match="broke the rules"):
        against(script)


@pytest.mark.parametrize("sent", [b"", b"x", b"x" * 40])
def test_hanging_up_is_told(against, sent):
    with pytest.raises(Gone, match="ended without an answer|broke the rules"):
        against(lambda evil: evil.socket.sendall(sent))


def test_silence_is_told(against):
    done = threading.Event()
    with pytest.raises(Gone, match="no answer within 0.2 s"):
        against(lambda evil: done.wait(10), limit=0.2)
    done.set()


@pytest.mark.parametrize(
    "target, method",
    [
        (1, "__attribute__"),
        (1, "__backward__"),
        (1, "gradients"),
        (1, "__getattribute__"),
        (1, "mro"),
        (2, "__call__"),
        (-1, "__call__"),
        (0, "__call__"),
        (2**61 | 1, "__backward__"),
    ],
)
def test_only_functions_that_were_given_can_be_called(against, target, method):
    function_called = []
    with pytest.raises(Gone, match="broke the rules"):
        against(lambda evil: evil.ask(target, method, ("x",)), lambda *args: function_called.append(args))
    assert not function_called


def test_a_given_function_can_be_called_until_it_is_dropped(against):
    replies = []

    def script(evil):
        replies.append(evil.ask(1, "__call__", (20,)))
        replies.append(evil.ask("part", "__call__", (), dropped=[1]))
        evil.ask(1, "__call__", (20,))

    with pytest.raises(Gone, match="not given"):
        against(script, lambda x: 2 * x)
    assert replies == [[True, 40, replies[0][2]], [True, 1.0, replies[1][2]]]


@pytest.mark.parametrize(
    "value", [int, np.ndarray, sys, object(), iter([])], ids=lambda value: type(value).__name__
)
def test_nothing_but_functions_is_given(against, value):
    with pytest.raises(BadValue):
        against(lambda evil: None, value)
    against.ends[0].close()


def test_what_a_served_function_raises_goes_to_the_worker(against):
    replies = []

    def script(evil):
        replies.append(evil.ask(1, "__call__"))
        evil.answer(True, 5, 0)

    def function():
        raise LookupError("nothing here")

    assert against(script, function) == 5
    assert replies[0][0] is False and replies[0][1][0] == "LookupError"


def test_an_interrupt_of_ours_is_not_for_the_worker(against):
    def function():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        against(lambda evil: evil.ask(1, "__call__"), function)
    with pytest.raises(Gone, match="interrupted"):
        against.ends[0].ask("part", "__call__", (), {})


def test_serving_ends_with_the_deadline(against):
    went_on = []

    def endless():
        ends_at = time.monotonic() + 20  # far behind the limit; a broken one must not hang the test
        while time.monotonic() < ends_at:
            try:
                sum(range(1000))
            except Exception:  # our own code may go on after an exception: not after this one
                went_on.append(True)

    before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0] > 0
    with pytest.raises(Gone, match="no answer within 0.3 s"):
        against(lambda evil: evil.ask(1, "__call__"), endless, limit=0.3)
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[0] > 0) == before
    assert not went_on


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell a process's size")
def test_serving_is_bounded_in_memory(against):
    replies = []

    def script(evil):
        replies.append(evil.ask(1, "__call__", (3 * 2**30,)))
        evil.answer(True, 5, 0)

    before = resource.getrlimit(resource.RLIMIT_AS)
    # no page of it is touched: without the limit the system would say yes
    assert against(script, lambda size: np.empty(size, np.uint8).size) == 5
    assert replies[0][0] is False and "MemoryError" in replies[0][1][1]
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell the peak")
def test_a_promise_is_no_memory(against):
    def peak():
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

    def script(evil):
        body, apart = pack([True, np.zeros(MAX_BYTES // 2, np.uint8), 0], Loose())
        evil.socket.sendall(HEAD.pack(evil.questions[0], 0, len(body), apart[0].nbytes) + body + b"x")

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    with pytest.raises(Gone, match="ended without"):
        against(script)
    assert peak() - before < MAX_BYTES / 8


def test_questions_have_a_limit(against, monkeypatch):
    monkeypatch.setattr(peer_module, "MAX_QUESTIONS", 3)
    asked = []

    def script(evil):
        while True:
            evil.ask(1, "__call__")

    with pytest.raises(Gone, match="more than 3 questions"):
        against(script, lambda: asked.append(1))
    assert len(asked) == 3


def test_questions_within_questions_hold_a_bounded_number_of_bytes(against, monkeypatch):
    monkeypatch.setattr(peer_module, "MAX_BYTES", 10_000)

    def script(evil):
        evil.send(0, 9, [1, "__call__", ((np.zeros(1000), Loose()), {}), []])
        evil.read()
        evil.send(0, 9, [1, "__call__", ((np.zeros(1000), Loose()), {}), []])

    with pytest.raises(Gone, match="questions within questions"):
        against(script, lambda array, back: back())


def test_calling_back_and_forth_has_an_end(against):
    replies = []

    def script(evil):
        for _ in range(peer_module.MAX_NESTING):
            evil.send(0, 9, [1, "__call__", ((Loose(),), {}), []])
            evil.read()
        replies.append(evil.ask(1, "__call__", (Loose(),)))

    with pytest.raises(Gone, match="ended without"):
        against(script, lambda back: back())
    assert replies[0][:1] == [False] and replies[0][1][0] == "RecursionError"


@pytest.mark.parametrize("answer", ["method ", 3, [], [1, 2], ["x", "y"], None, ("x",), np.array(["method"])])
def test_attributes_of_objects_are_checked(against, answer):
    def script(evil):
        evil.answer(True, Loose(), 0)
        evil.read()
        evil.answer(True, answer, 0)

    handle = against(script)
    with pytest.raises(Gone, match="attribute"):
        _ = handle.size


def test_objects_are_dropped_with_their_stand_ins(against):
    seen = []

    def script(evil):
        evil.answer(True, Loose(), 0)
        seen.append(evil.read()[3])
        evil.answer(True, None, 0)

    handle = against(script)
    del handle
    gc.collect()
    against.ends[0].ask("part", "__call__", (), {})
    assert seen == [[3]]


@pytest.mark.parametrize("wrong", [3, [], ["x"], [1, 2], "shape", "dtype"])
def test_gradients_are_checked(against, wrong):
    torch = pytest.importorskip("torch")
    found = {"shape": [torch.ones(5)], "dtype": [torch.ones(2, dtype=torch.float64)]}.get(str(wrong), wrong)

    def script(evil):
        evil.answer(True, torch.ones(2, requires_grad=True), 7)
        evil.read()
        evil.answer(True, found, 0)

    x = torch.ones(2, requires_grad=True)
    result = against(script, x)
    with pytest.raises(Gone, match="gradient"):
        result.sum().backward()


def test_bytes_kept_for_gradients_are_bounded(against, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(kept, "MAX_GRAPH_BYTES", 10_000)
    x = torch.ones(600, requires_grad=True)  # 4800 bytes with its answer
    asked = []

    def script(evil):
        while True:
            evil.ask(1, "__call__", (x,))

    with pytest.raises(Gone, match="more than there is room for"):
        against(script, lambda x: asked.append(1) or 2 * x)
    assert len(asked) == 3


def test_very_many_stand_ins_are_dropped_in_pieces(against):
    told = []

    def script(evil):
        evil.answer(True, [SimpleNamespace(number=n) for n in range(1, 2501)], 0)
        for _ in range(4):
            told.append(len(evil.read()[3]))
            evil.answer(True, None, 0)

    handles = against(script)
    del handles
    gc.collect()
    for _ in range(4):
        against.ends[0].ask("part", "__call__", (), {})
    assert told == [1000, 1000, 500, 0]


def test_tensors_with_gradients_need_a_graph(against):
    torch = pytest.importorskip("torch")
    with pytest.raises(Gone, match="no graph"):
        against(lambda evil: evil.answer(True, torch.ones(2, requires_grad=True), 0))


def test_results_kept_for_gradients_are_bounded(against, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(kept, "MAX_GRAPHS", 2)
    x = torch.ones(2, requires_grad=True)
    held = []

    def script(evil):
        for number in range(5):  # those that are dropped do not count
            reply = evil.ask(1, "__call__", (x,), dropped=held)
            held[:] = [reply[2]]
            assert number < 5
        while True:
            evil.ask(1, "__call__", (x,))

    with pytest.raises(Gone, match="more than there is room for"):
        against(script, lambda x: 2 * x)
    assert held
