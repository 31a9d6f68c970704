"""Two processes that ask each other over a socket, one question at a time.

Both ends are the same class. While an end waits for its answer it serves the other's questions, so a
part that calls an earlier part (the reference's, in the trusted process) is a call back through the
same pipe. Gradients cross too: a tensor that needs one is a leaf on the far side, and `backward` is
one more question.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
import time
import traceback
from collections.abc import Callable
from typing import Any

from autograder.handles import METHOD, Handle, gradients_of
from autograder.sandbox.wire import MAX_BYTES, References, WireError, dumps, loads
from autograder.values import BadValue, is_tensor, remake, torch_module

_HEAD = struct.Struct("<IQ")  # length of the body, id of the question
MAX_NESTING = 50


class Gone(Exception):
    """The other end is no longer there, spoke nonsense or did not answer in time. Says which."""


class RemoteError(Exception):
    """An exception of a type that this side does not know, raised on the other side."""


class Peer(References):
    """One end of the pipe.

    Args:
        connection: a connected stream socket.
        serve: answers (target, method, args, kwargs) for targets that are names; numbers are the
            objects that this end has handed out.
        gives_objects: whether results that are no data may stay here behind a handle. The trusted
            end gives none.
        own_files: frames of files whose names begin so are the learner's own, and go into errors.
    """

    def __init__(
        self,
        connection: socket.socket,
        serve: Callable[[str, str, tuple, dict[str, Any]], Any],
        gives_objects: bool,
        own_files: str | None = None,
    ) -> None:
        self._socket = connection
        self._serve = serve
        self._gives_objects = gives_objects
        self._own_files = own_files
        self._objects: dict[int, Any] = {}
        self._graphs: dict[int, tuple[list[Any], list[Any]]] = {}
        self._leaves: list[Any] | None = None
        self._nesting = 0
        self.limit: float | None = None
        self.gone: str | None = None

    # -- asking ---------------------------------------------------------------------------------

    def ask(self, target: str | int, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call a method of a target on the other side.

        Raises:
            Gone: if no answer comes.
            Exception: what the other side raised, as the builtin type nearest to it.
        """
        if torch_module() is not None:
            from autograder.sandbox.gradients import ask_with_gradients

            return ask_with_gradients(self, target, method, args, kwargs)
        return self._value(self.request([target, method, args, kwargs]))

    def _value(self, reply: list) -> Any:
        ok, value = reply[0], reply[1]
        if not ok:
            raise _error(*value)
        return value

    def request(self, message: list) -> list:
        """Send one question, serve the other side until the answer comes, and return it."""
        if self.gone:
            raise Gone(self.gone)
        number = secrets.randbits(63) | 1
        body = dumps(message, self)
        deadline = None if self.limit is None else time.monotonic() + self.limit
        self._send(number, body)
        while True:
            kind, received = self._receive(deadline)
            if kind == number:
                return self._loads(received)
            if kind != 0:
                self._fail("answered a question that was not asked")
            self._answer(received)

    def _answer(self, body: bytes) -> None:
        """Serve one question of the other side. Questions carry id 0 and the id to answer to inside."""
        reply_to, message = struct.unpack_from("<Q", body)[0], body[8:]
        self._nesting += 1
        try:
            if self._nesting > MAX_NESTING:
                reply = [False, ["RecursionError", ["RecursionError"], "calls back too deeply nested", []]]
            else:
                with _gradients_on():
                    reply = self._execute(self._loads(message, leaves=True))
            try:
                data = dumps(reply, self)
            except BadValue as error:
                data = dumps(
                    [False, ["BadResult", ["BadResult", "TypeError"], f"returned {error}", []]], self
                )
        finally:
            self._nesting -= 1
        self._send_raw(_HEAD.pack(len(data), reply_to) + data)

    def _send(self, number: int, body: bytes) -> None:
        payload = struct.pack("<Q", number) + body
        self._send_raw(_HEAD.pack(len(payload), 0) + payload)

    # -- answering ------------------------------------------------------------------------------

    def serve_forever(self) -> None:
        """Answer questions until the other side closes the pipe."""
        while True:
            try:
                kind, body = self._receive(None)
            except Gone:
                return
            if kind != 0:
                return
            self._answer(body)

    def _execute(self, message: Any) -> list:
        leaves, self._leaves = self._leaves or [], None
        try:
            return self._perform(message, leaves)
        except BadValue as error:
            return [False, ["BadResult", ["BadResult", "TypeError"], f"returned {error}", []]]
        except BaseException as error:
            return [False, self._describe(error)]

    def _perform(self, message: Any, leaves: list[Any]) -> list:
        target, method, args, kwargs = message
        if method == "__backward__":
            return [True, self._backward(target, *args)]
        if isinstance(target, str):
            value = self._serve(target, method, args, kwargs)
        else:
            value = self._serve_object(self._objects[target], method, args, kwargs)
        value = remake(value, lambda v: v)
        return [True, value, self._keep_graph(value, leaves)]

    def _serve_object(self, target: Any, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if method == "__attribute__":
            value = getattr(target, args[0])
            return "method" if callable(value) else [value]
        if method == "gradients":
            return gradients_of(target)
        if method == "__call__":
            return target(*args, **kwargs)
        if method.startswith("_"):
            raise AttributeError(method)
        return getattr(target, method)(*args, **kwargs)

    def _keep_graph(self, value: Any, leaves: list[Any]) -> int:
        outputs = [item for item in _flat(value) if is_tensor(item) and item.requires_grad]
        if not outputs:
            return 0
        number = secrets.randbits(62) | 1
        self._graphs[number] = (outputs, leaves)
        return number

    def _backward(self, number: int, grads: list[Any]) -> list[Any]:
        import torch

        outputs, leaves = self._graphs[number]
        pairs = [(out, grad) for out, grad in zip(outputs, grads, strict=True) if grad is not None]
        for leaf in leaves:
            leaf.grad = None
        torch.autograd.backward([o for o, _ in pairs], [g for _, g in pairs], retain_graph=True)
        return [leaf.grad for leaf in leaves]

    def _describe(self, error: BaseException) -> list:
        frames = traceback.extract_tb(error.__traceback__)
        prefix = self._own_files
        own = [
            [f.lineno or 0, f.name, f.line or ""] for f in frames if prefix and f.filename.startswith(prefix)
        ]
        if isinstance(error, SyntaxError):
            own = [[error.lineno or 0, "", (error.text or "").strip()]]
        names = [kind.__name__ for kind in type(error).__mro__]
        try:
            text = (error.msg if isinstance(error, SyntaxError) else str(error))[:2000]
        except Exception:
            text = "(its text cannot be made)"
        return [type(error).__name__, names, text, own[-8:]]

    # -- objects and tensors (References) ---------------------------------------------------------

    def outgoing(self, value: Any) -> tuple[str, int]:
        if isinstance(value, RemoteHandle):
            return "handle", -value._number
        if isinstance(value, RemoteCallback):
            return "callback", -value._number
        is_function = callable(value) and not hasattr(value, "state_dict")
        if not self._gives_objects and not is_function:
            raise BadValue(f"an object of type {type(value).__name__}, expected data")
        number = len(self._objects) + 1
        self._objects[number] = value
        return ("callback" if is_function and not isinstance(value, type) else "handle"), number

    def incoming(self, kind: str, number: int) -> Any:
        if number < 0:
            return self._objects[-number]
        return RemoteCallback(self, number) if kind == "callback" else RemoteHandle(self, number)

    def outgoing_tensor(self, tensor: Any) -> int:
        return int(tensor.requires_grad)

    def incoming_tensor(self, tensor: Any, number: int) -> Any:
        if number and self._leaves is not None:
            tensor.requires_grad_()
            self._leaves.append(tensor)
            return tensor.view_as(tensor)  # not the leaf itself: changing it in place must be allowed
        return tensor.requires_grad_() if number else tensor  # marks an answer that has a graph over there

    # -- bytes ------------------------------------------------------------------------------------

    def _loads(self, body: bytes, leaves: bool = False) -> Any:
        self._leaves = [] if leaves else None
        try:
            return loads(body, self)
        except WireError as error:
            self._fail(str(error))

    def close(self) -> None:
        self._socket.close()
        self.gone = self.gone or "is closed"

    def _fail(self, reason: str) -> Any:
        self.gone = reason
        self._socket.close()
        raise Gone(reason)

    def _send_raw(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self.limit)
            self._socket.sendall(data)
        except (TimeoutError, OSError) as error:
            self._fail(self._lost(error))

    def _receive(self, deadline: float | None) -> tuple[int, bytes]:
        length, number = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if length > MAX_BYTES:
            self._fail(f"sent {length} bytes at once, expected at most {MAX_BYTES}")
        return number, self._read(length, deadline)

    def _read(self, size: int, deadline: float | None) -> bytes:
        buffer = bytearray(size)
        view, got = memoryview(buffer), 0
        while got < size:
            try:
                if deadline is not None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise TimeoutError
                    self._socket.settimeout(left)
                else:
                    self._socket.settimeout(None)
                count = self._socket.recv_into(view[got:])
            except (TimeoutError, OSError) as error:
                self._fail(self._lost(error))
            if count == 0:
                self._fail("ended without an answer")
            got += count
        return bytes(buffer)

    def _lost(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError):
            return f"gave no answer within {self.limit:g} s"
        return "ended without an answer"


class RemoteHandle(Handle):
    """An object of the other side."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer, self._number = peer, number

    def _ask(self, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        return self._peer.ask(self._number, method, args, kwargs)

    def _attribute(self, name: str) -> Any:
        value = self._peer.ask(self._number, "__attribute__", (name,), {})
        return METHOD if value == "method" else value[0]


class RemoteCallback:
    """A function of the other side."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer, self._number = peer, number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask(self._number, "__call__", args, kwargs)


def _gradients_on() -> Any:
    """A question may come in while our own waits inside a node of the graph, where PyTorch has
    switched gradients off."""
    torch = torch_module()
    return contextlib.nullcontext() if torch is None else torch.enable_grad()


def _flat(value: Any) -> list[Any]:
    """Leaves of nested containers, in the order in which they are sent."""
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _flat(item)]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _flat(item)]
    return [value]


def _error(name: str, names: list[str], text: str, lines: list[list]) -> Exception:
    """The exception of the other side, as the nearest type that this side trusts."""
    import builtins

    kind: type[Exception] = RemoteError
    for candidate in names:
        known = getattr(builtins, str(candidate), None)
        if isinstance(known, type) and issubclass(known, Exception) and known is not Exception:
            kind = known
            break
    error = kind(text) if kind not in (UnicodeDecodeError, UnicodeEncodeError) else ValueError(text)
    error.remote_type = str(name)  # type: ignore[attr-defined]
    error.remote_lines = lines  # type: ignore[attr-defined]
    return error
