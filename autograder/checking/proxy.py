"""The object `lab` that checks are written against, and the record of what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from autograder.handles import METHOD, Handle, gradients_of, seed_everything
from autograder.values import is_tensor, remake, snapshot

KEPT_BYTES = 64 * 1024**2  # answers of one check that are kept for the diagnosis
TOO_MUCH = "<too much to keep>"


class Backend(Protocol):
    """Where the part under test lives: in this process or behind a pipe."""

    def call(self, part: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Result of a part as data or as an object with the interface of `Handle`."""

    def seed(self, seed: int) -> None:
        """Make the learner's own random numbers repeatable."""


@dataclass
class Call:
    """One question to the learner's code.

    Attributes:
        what: the part, or the part's object and method ("MultiHeadAttention.state_dict").
        args, kwargs: copies of what was given.
        output: copy of what came back; None if `error` is set.
        error: (type name, message) of what was raised.
    """

    what: str
    args: tuple = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    error: tuple[str, str] | None = None


class Recorder:
    """Calls of one check, in order, and the last exception that the learner's code raised."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.raised: list[BaseException] = []
        self._leaves: list[Any] = []
        self._room = KEPT_BYTES

    def ask(self, what: str, args: tuple, kwargs: dict[str, Any], answer: Any) -> Any:
        call = Call(what, self._kept(args, ()), self._kept(kwargs, {}))
        self.calls.append(call)
        self._leaves += [
            a for a in [*args, *kwargs.values()] if is_tensor(a) and a.requires_grad and a.is_leaf
        ]
        try:
            result = answer(*args, **kwargs)
            call.output = self._kept(result, TOO_MUCH)
        except (StopIteration, StopAsyncIteration) as error:
            # in a check's own loop it would end the loop: the rest would not be asked, and pass
            raise self._note(call, _no_end(error)) from error
        except BaseException as error:
            self._note(call, error)
            raise
        if isinstance(result, Handle):
            result.attach(self, what)
        return result

    def _note(self, call: Call, error: BaseException) -> BaseException:
        call.error = (type(error).__name__, _text(error))
        self.raised.append(error)
        return error

    def _kept(self, value: Any, instead: Any) -> Any:
        """A copy for the diagnosis; what would fill this process's memory is not kept."""
        self._room -= weight(value, self._room)
        return snapshot(value) if self._room >= 0 else instead

    def finish(self) -> list[Call]:
        """The calls, and behind them the gradients that reached the check's own tensors."""
        grads = [snapshot(leaf.grad) for leaf in self._leaves]
        if grads:
            self.calls.append(Call("gradients of the inputs", output=grads))
            self._leaves = []
        return self.calls


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # a learner's class, in this process
        return f"(its text cannot be made: {type(problem).__name__})"


def _no_end(error: BaseException) -> RuntimeError:
    told = RuntimeError(f"raised {type(error).__name__}")
    for name in ("remote_type", "remote_lines"):
        if hasattr(error, name):
            setattr(told, name, getattr(error, name))
    return told


def weight(value: Any, most: int) -> int:
    """About how many bytes a value takes; counting stops above `most`."""
    total, waiting = 0, [value]
    while waiting and total <= most:
        item = waiting.pop()
        if type(item) is np.ndarray:
            total += item.nbytes
        elif isinstance(item, list | tuple):
            total += 8 * len(item)
            waiting += item
        elif isinstance(item, dict):
            total += 64 * len(item)
            waiting += item.values()
        elif isinstance(item, str | bytes):
            total += len(item)
        elif isinstance(item, np.ndarray) or is_tensor(item):
            total += int(item.nbytes)
        else:
            total += 32
    return total


class LocalHandle(Handle):
    """An object in this process."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def _ask(self, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if method == "gradients":
            return gradients_of(self._target)
        args, kwargs = remake((args, kwargs), _inward)
        return remake(getattr(self._target, method)(*args, **kwargs), _outward)

    def _attribute(self, name: str) -> Any:
        value = getattr(self._target, name)
        return METHOD if callable(value) else remake(value, _outward)


def _outward(value: Any) -> Any:
    if isinstance(value, ModuleType):
        raise TypeError("a module is no result")
    return LocalHandle(value)


def _inward(value: Any) -> Any:
    return value._target if isinstance(value, LocalHandle) else value


class InProcess:
    """Parts in this process: a notebook's live namespace, the reference, a mistake, a mutant."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self.namespace = namespace

    def call(self, part: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        args, kwargs = remake((args, kwargs), _inward)
        return remake(self.namespace[part](*args, **kwargs), _outward)

    def seed(self, seed: int) -> None:
        seed_everything(seed)


class LabProxy:
    """`lab` in a check: the part under test by name; other parts are the reference's."""

    def __init__(self, part: str, backend: Backend, reference: Any, recorder: Recorder) -> None:
        self._part, self._backend, self._reference, self._recorder = part, backend, reference, recorder

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name != self._part:
            return getattr(self._reference, name)

        def ask(*args: Any, **kwargs: Any) -> Any:
            def answer(*args: Any, **kwargs: Any) -> Any:
                return self._backend.call(name, args, kwargs)

            return self._recorder.ask(name, args, kwargs, answer)

        ask.__name__ = name
        return ask
