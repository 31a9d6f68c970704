"""The object `lab` that checks are written against, and the record of what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from autograder.handles import METHOD, Handle, gradients_of, seed_everything
from autograder.values import is_tensor, remake, snapshot


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

    def ask(self, what: str, args: tuple, kwargs: dict[str, Any], answer: Any) -> Any:
        call = Call(what, snapshot(args), snapshot(kwargs))
        self.calls.append(call)
        self._leaves += [
            a for a in [*args, *kwargs.values()] if is_tensor(a) and a.requires_grad and a.is_leaf
        ]
        try:
            result = answer(*args, **kwargs)
        except Exception as error:
            call.error = (type(error).__name__, str(error))
            self.raised.append(error)
            raise
        call.output = snapshot(result)
        if isinstance(result, Handle):
            result.attach(self, what)
        return result

    def finish(self) -> list[Call]:
        """The calls, and behind them the gradients that reached the check's own tensors."""
        grads = [snapshot(leaf.grad) for leaf in self._leaves]
        if grads:
            self.calls.append(Call("gradients of the inputs", output=grads))
            self._leaves = []
        return self.calls


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
