"""Objects of the learner's that checks use without holding them."""

from __future__ import annotations

import random
from typing import Any, Protocol

import numpy as np

from autograder.values import torch_module


class Asks(Protocol):
    """Records a question and its answer."""

    raised: list[BaseException]

    def ask(self, what: str, args: tuple, kwargs: dict[str, Any], answer: Any) -> Any: ...


class Handle:
    """An object of the learner's that stays where it is: call it, call its methods, read plain attributes."""

    _recorder: Asks | None = None
    _name = "object"

    def attach(self, recorder: Asks, name: str) -> None:
        self._recorder, self._name = recorder, name

    def _ask(self, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _attribute(self, name: str) -> Any:
        raise NotImplementedError

    def _record(self, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        def answer(*args: Any, **kwargs: Any) -> Any:
            return self._ask(method, args, kwargs)

        if self._recorder is None:
            return answer(*args, **kwargs)
        return self._recorder.ask(f"{self._name}.{method}", args, kwargs, answer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._record("__call__", args, kwargs)

    def gradients(self) -> dict[str, Any]:
        """Gradient by parameter name, None where none has arrived."""
        return self._record("gradients", (), {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            value = self._attribute(name)
        except BaseException as error:
            if self._recorder is not None:
                self._recorder.raised.append(error)
            raise
        if value is not METHOD:
            return value

        def method(*args: Any, **kwargs: Any) -> Any:
            return self._record(name, args, kwargs)

        return method


METHOD = object()


def gradients_of(module: Any) -> dict[str, Any]:
    """Gradients of a module's parameters by name."""
    return {
        name: None if parameter.grad is None else parameter.grad.clone()
        for name, parameter in module.named_parameters()
    }


def seed_everything(seed: int) -> None:
    """Seed the global generators of random, numpy and (if loaded) torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  (learners' code may use the global generator)
    torch = torch_module()
    if torch is not None:
        # torch.manual_seed seeds every device there might be, and takes milliseconds to find none
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)
