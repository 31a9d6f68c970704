"""Two processes that ask each other over a socket, one question at a time.

Both ends are the same class. While an end waits for its answer it serves the other's questions, so a
part that calls an earlier part (the reference's, in the trusted process) is a call back through the
same pipe. Gradients cross too: a tensor that needs one is a leaf on the far side, and `backward` is
one more question.

The trusted end believes nothing: every message is checked as a whole, and one that an honest worker
could not have sent ends the pipe. It answers only while it waits for an answer, only calls of functions
that it has handed out, within the deadline of its own question and a bound on memory.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.handles import METHOD, Handle, gradients_of
from autograder.sandbox.bounds import TooLong, address_ceiling, bounded
from autograder.sandbox.faults import RemoteError, describe, plain_fault, rebuild
from autograder.sandbox.frames import Closed, Frames, Head
from autograder.sandbox.kept import Kept
from autograder.sandbox.recall import Recall
from autograder.sandbox.wire import MAX_BYTES, References, WireError, pack, unpack
from autograder.values import BadValue, torch_module

__all__ = ["Gone", "Peer", "RemoteCallback", "RemoteError", "RemoteHandle"]

MAX_NESTING = 50
MAX_QUESTIONS = (
    200_000  # of the other side's while one of ours waits: more than the time limit leaves room for
)
_DROPPED_AT_ONCE = 1000  # stand-ins of which one question tells that they are no longer used


class Gone(Exception):
    """The other end is no longer there, spoke nonsense or did not answer in time. Says which."""


class Peer(References):
    """One end of the pipe.

    Args:
        connection: a connected stream socket.
        serve: answers (target, method, args, kwargs) for targets that are names; numbers are the
            objects that this end has handed out.
        gives_objects: whether results that are no data may stay here behind a handle. The trusted
            end gives none.
        own_files: frames of files whose names begin so are the learner's own, and go into errors.
        recall: what was answered before to the same questions.
    """

    def __init__(
        self,
        connection: socket.socket,
        serve: Callable[[str, str, tuple, dict[str, Any]], Any],
        gives_objects: bool,
        own_files: str | None = None,
        recall: Recall | None = None,
    ) -> None:
        self._frames = Frames(connection)
        self._recall = recall
        self._crossed = 0  # references to objects, and tensors with gradients, in messages of either way
        self._raw: tuple[np.ndarray, list[np.ndarray]] = (np.empty(0, np.uint8), [])  # the last message
        self._went_well = False  # the last question was answered with a value
        self._serve = serve
        self._trusted = not gives_objects
        self._own_files = own_files
        self._kept = Kept(limited=self._trusted)
        self._dropped: list[int] = []  # stand-ins that are no longer used here: told with the next question
        self._sent: list[Any] = []  # tensors with gradients in the message that is written
        self._marked: list[Any] = []  # tensors with gradients in the message that is read
        self._given: dict[int, int] = {}  # objects in the message that is written: id → number
        self._met: dict[int, Any] = {}  # stand-ins in the message that is read, by number
        self._leaves: list[Any] | None = None  # where to put those of a question
        self._lock = threading.RLock()
        self._nesting = 0
        self._open_bytes = 0  # of questions that are being answered
        self._deadline: float | None = None
        self._ceiling: int | None = None
        self.limit: float | None = None
        self.gone: str | None = None

    # -- asking ---------------------------------------------------------------------------------

    def ask(self, target: str | int, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call a method of a target on the other side.

        Raises:
            Gone: if no answer comes.
            BadValue: if the arguments are no data.
            Exception: what the other side raised, as the builtin type nearest to it.
        """
        with self._lock:
            ok, value, graph = self.request([target, method, args, kwargs])
            if not ok:
                raise value
            inputs, outputs = self._sent, self._marked
        if not outputs:
            return value
        from autograder.sandbox.gradients import Graph, attach

        return attach(Graph(self, graph), value, inputs, outputs)

    def request(self, message: list) -> list:
        """Send one question, serve the other side until the answer comes, and return it.

        Args:
            message: [target, method, args, kwargs].
        Returns:
            [True, value, number of the graph] or [False, exception, 0].
        Raises:
            Gone: if no answer comes.
        """
        target, method, args, kwargs = message
        with self._lock:
            if self.gone:
                raise Gone(self.gone)
            dropped, self._sent = self._dropped[:_DROPPED_AT_ONCE], []
            self._given = {}
            body, apart = pack([target, method, (args, kwargs), dropped], self)
            del self._dropped[: len(dropped)]
            sent = self._sent
            outer = self._deadline
            ends = [] if self.limit is None else [time.monotonic() + self.limit]
            self._deadline = min([*ends, *([outer] if outer is not None else [])], default=None)
            try:
                reply = self._exchange(body, apart)
            except (TimeoutError, OSError, Closed, WireError, TooLong, MemoryError) as error:
                if isinstance(error, TooLong) and self._nesting:
                    raise  # on its way out of what we serve
                self._fail(self._why(error), error)
            except BaseException:
                self._hang_up("was interrupted")  # the answer may still come, and nobody would expect it
                raise
            finally:
                self._deadline = outer
            self._sent = sent
            return reply

    def _exchange(self, body: bytes, apart: list) -> list:
        number = secrets.randbits(63) | 1
        if not self._nesting:
            self._ceiling = None
        self._frames.send(0, number, body, apart, self._deadline)
        for _ in range(MAX_QUESTIONS):
            head = self._frames.receive_head(self._deadline)
            if head.answers == number:
                return self._reply(self._read(head, leaves=None))
            if head.answers:
                raise WireError("answered a question that was not asked")
            self._answer(head)
        raise WireError(f"asked more than {MAX_QUESTIONS} questions")

    def _reply(self, items: list) -> list:
        """The answer to a question, checked."""
        if len(items) == 2 and items[0] is False:
            return [False, rebuild(items[1]), 0]
        if len(items) != 3 or items[0] is not True or type(items[2]) is not int:
            raise WireError("an answer that is none")
        if self._marked and items[2] <= 0:
            raise WireError("tensors with gradients of no graph")
        return items

    # -- answering ------------------------------------------------------------------------------

    def serve_forever(self) -> None:
        """Answer questions until the other side closes the pipe, or until it speaks nonsense."""
        with contextlib.suppress(Gone, OSError, Closed, WireError):
            while True:
                head = self._frames.receive_head(None)
                if head.answers:
                    return
                self._answer(head)

    def _answer(self, head: Head) -> None:
        self._open_bytes += head.body + head.apart
        if self._open_bytes > MAX_BYTES:
            raise WireError(f"asked with more than {MAX_BYTES} bytes in questions within questions")
        leaves: list[Any] = []
        crossed = self._crossed
        question = self._question(self._read(head, leaves))
        # of the reference's functions only: a number means another function in another submission
        data_only = type(question[0]) is str and crossed == self._crossed
        key = self._recall.key(*self._raw) if self._recall and data_only else None
        packed = self._recall.find(key) if self._recall and key else None
        self._nesting += 1
        try:
            if packed is None:
                with self._bounds(), _gradients_on():
                    if self._nesting > MAX_NESTING:
                        text = "calls back too deeply nested"
                        packed = pack([False, plain_fault("RecursionError", "RecursionError", text)], self)
                    else:
                        packed = self._execute(question, leaves)
                        if key and self._recall and self._went_well and crossed == self._crossed:
                            self._recall.keep(key, packed)
        finally:
            self._nesting -= 1
            self._open_bytes -= head.body + head.apart
        self._frames.send(head.own, 0, *packed, self._deadline)

    def _bounds(self) -> Any:
        """Limits for what the trusted side does on behalf of a learner's code."""
        if not self._trusted or self._nesting > 1:
            return contextlib.nullcontext()
        self._ceiling = self._ceiling or address_ceiling()
        return bounded(self._deadline, self._ceiling)

    def _question(self, items: list) -> tuple[str | int, str, tuple, dict[str, Any]]:
        """A question, checked. Stand-ins that the other side has dropped are dropped here too."""
        if [type(item) for item in items] not in ([str, str, tuple, list], [int, str, tuple, list]):
            raise WireError("a question that is none")
        target, method, call, dropped = items
        if [type(item) for item in call] != [tuple, dict] or set(map(type, call[1])) - {str}:
            raise WireError("a question without arguments")
        if set(map(type, dropped)) - {int}:
            raise WireError("a question that is none")
        self._kept.drop(dropped)
        known: dict = self._kept.graphs if method == "__backward__" else self._kept.objects
        if type(target) is int and target not in known:
            raise WireError("asked for something that it was not given")
        return target, method, *call

    def _execute(self, question: tuple, leaves: list[Any]) -> tuple[bytes, list]:
        """The answer to a question, ready to send: a value, or what was raised."""
        # a learner's code may leave by any exception; what is no Exception on this side is ours
        caught = Exception if self._trusted else BaseException
        self._went_well = False
        try:
            value = self._perform(*question)
        except (Gone, WireError):
            raise
        except caught as error:
            return pack([False, describe(error, self._own_files)], self)
        try:
            packed = self._pack_value(value, leaves)
            self._went_well = True
            return packed
        except BadValue as error:
            text = f"returned {error}"
        except (Gone, WireError):
            raise
        except caught as error:  # of the value's own methods
            text = f"returned a value that cannot be read: {type(error).__name__}"
        return pack([False, plain_fault("BadResult", "TypeError", text)], self)

    def _pack_value(self, value: Any, leaves: list[Any]) -> tuple[bytes, list]:
        number = 0 if torch_module() is None else self._kept.new_graph()
        self._sent, self._given = [], {}
        packed = pack([True, value, number], self)
        if self._sent:
            self._kept.add_graph(number, self._sent, leaves)
        return packed

    def _perform(self, target: str | int, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if isinstance(target, str):
            return self._serve(target, method, args, kwargs)
        if method == "__backward__":
            from autograder.sandbox.gradients import backward

            return backward(*self._kept.graphs[target], *args)
        return self._serve_object(self._kept.objects[target], method, args, kwargs)

    def _serve_object(self, target: Any, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if method == "__call__":
            return target(*args, **kwargs)
        if self._trusted:
            raise WireError(f"asked for {method[:40]!r} of a function")
        if method == "__attribute__":
            value = getattr(target, *args)
            return "method" if callable(value) else [value]
        if method == "gradients":
            return gradients_of(target)
        if method.startswith("_"):
            raise AttributeError(method)
        return getattr(target, method)(*args, **kwargs)

    # -- objects and tensors (References) ---------------------------------------------------------

    def outgoing(self, value: Any) -> tuple[str, int]:
        self._crossed += 1
        kind = type(value)
        if kind in (RemoteHandle, RemoteCallback):
            if value._peer is not self:
                raise BadValue("an object of another process, expected data")
            return ("handle" if kind is RemoteHandle else "callback"), -value._number
        is_class = issubclass(kind, type)
        is_function = callable(value) and not is_class and not hasattr(value, "state_dict")
        if self._trusted and not is_function:
            raise BadValue(f"an object of type {kind.__name__}, expected data")
        # what stands in a message twice must be one thing on the other side too
        if id(value) not in self._given:
            self._given[id(value)] = self._kept.add_object(value)
        return ("callback" if is_function else "handle"), self._given[id(value)]

    def incoming(self, kind: str, number: int) -> Any:
        self._crossed += 1
        if number < 0:
            if -number not in self._kept.objects:
                raise WireError(f"a {kind} that it was not given")
            return self._kept.objects[-number]
        if number not in self._met:
            self._met[number] = (RemoteCallback if kind == "callback" else RemoteHandle)(self, number)
        return self._met[number]

    def outgoing_tensor(self, tensor: Any) -> int:
        torch = torch_module()
        if not tensor.requires_grad or not torch.is_grad_enabled():
            return 0
        self._crossed += 1
        # of an answer a copy that keeps the graph: a change in place must not reach what is kept here
        self._sent.append(tensor.clone() if self._nesting else tensor)
        return 1

    def incoming_tensor(self, tensor: Any, number: int) -> Any:
        if not number:
            return tensor
        self._crossed += 1
        if self._leaves is None:
            self._marked.append(tensor)
            return tensor
        self._leaves.append(tensor.requires_grad_())
        return tensor.view_as(tensor)  # not the leaf itself: changing it in place must be allowed

    # -- the socket -------------------------------------------------------------------------------

    def _read(self, head: Head, leaves: list[Any] | None) -> list:
        """The rest of a message: a question puts its tensors with gradients into `leaves`."""
        self._leaves, self._marked = leaves, []
        body = self._frames.receive_body(head, self._deadline)
        self._met = {}
        try:
            with _gradients_on():
                items, apart = unpack(body.data, self)
        finally:
            self._met = {}  # it must not keep a stand-in that nobody uses any more
        self._frames.receive_arrays(head, apart, self._deadline)
        self._raw = body, apart
        return items

    def close(self) -> None:
        """Hang up."""
        self._hang_up("is closed")

    def _hang_up(self, reason: str) -> None:
        self._frames.close()
        self.gone = self.gone or reason

    def _fail(self, reason: str, cause: BaseException) -> Any:
        self._hang_up(reason)
        raise Gone(self.gone) from cause

    def _why(self, error: BaseException) -> str:
        if isinstance(error, WireError):
            return f"broke the rules of the pipe: {str(error)[:200]}"
        if isinstance(error, TimeoutError | TooLong):
            return f"gave no answer within {self.limit:g} s"
        if isinstance(error, MemoryError):
            return "sent more than there is memory for"
        return "ended without an answer"


class RemoteHandle(Handle):
    """An object of the other side."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer, self._number = peer, number

    def __del__(self) -> None:
        self._peer._dropped.append(self._number)

    def _ask(self, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        return self._peer.ask(self._number, method, args, kwargs)

    def _attribute(self, name: str) -> Any:
        value = self._peer.ask(self._number, "__attribute__", (name,), {})
        if type(value) is list and len(value) == 1:
            return value[0]
        if type(value) is str and value == "method":
            return METHOD
        return self._peer._fail("broke the rules of the pipe: an attribute that is none", WireError())


class RemoteCallback:
    """A function of the other side."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer, self._number = peer, number

    def __del__(self) -> None:
        self._peer._dropped.append(self._number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask(self._number, "__call__", args, kwargs)


def _gradients_on() -> Any:
    """A question may come in while our own waits inside a node of the graph, where PyTorch has
    switched gradients off."""
    torch = torch_module()
    return contextlib.nullcontext() if torch is None else torch.enable_grad()
