"""Parts of earlier labs: the learner's own where they pass their checks, else the reference.

    from labkit.parts import t03_mel_features as mel_features

gives a namespace whose parts are looked up when they are used. What answers is decided by the
provider that the grading engine registers under the entry point group `labkit.parts`; in the worker
that runs a learner's code it is the trusted process.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

_provider: Callable[[str], Any] | None = None


class PartsError(ImportError):
    """A lab or part that nothing here can provide."""


def use_provider(provider: Callable[[str], Any] | None) -> None:
    """Answer with `provider(lab_name)` from now on; None goes back to the registered one."""
    global _provider
    _provider = provider


@cache
def _registered() -> Callable[[str], Any]:
    from importlib.metadata import entry_points

    found = list(entry_points(group="labkit.parts"))
    if not found:
        raise PartsError("no provider of parts is installed: install the project with `pip install -e .`")
    return found[0].load()


def load(lab: str) -> Any:
    """Namespace of a lab's parts.

    Args:
        lab: full name, such as "t03_mel_features".
    Raises:
        PartsError: if there is no such lab, or nothing to answer a part with.
    """
    return Lazy(lab)


class Lazy:
    """A lab's parts, each looked up on use, so that importing costs nothing."""

    def __init__(self, lab: str) -> None:
        self._lab = lab

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr((_provider or _registered())(self._lab), name)

    def __repr__(self) -> str:
        return f"<parts of {self._lab}>"


def report(labs: list[str]) -> list[dict[str, str]]:
    """Who answers each part: [{"lab", "part", "by": "yours" | "reference"}].

    Args:
        labs: full names of labs.
    """
    provide = _provider or _registered()
    return [{"lab": lab, "part": part, "by": by} for lab in labs for part, by in provide(lab).by.items()]


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return load(name)
