"""Runs the examples of a docstring. The worker that holds a learner's code imports this too."""

from __future__ import annotations

import doctest
import io
from typing import Any


class _Keep(doctest.DocTestRunner):
    """Keeps what each example gave, and lets out the first exception that none of them expects."""

    def __init__(self) -> None:
        super().__init__(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        self.kept: list[list[Any]] = []

    def _keep(self, example: doctest.Example, got: str, passed: bool) -> None:
        self.kept.append([example.source.strip(), example.want.strip(), got.strip(), passed])

    def report_start(self, out: Any, test: Any, example: Any) -> None:
        pass

    def report_success(self, out: Any, test: Any, example: Any, got: str) -> None:
        self._keep(example, got, True)

    def report_failure(self, out: Any, test: Any, example: Any, got: str) -> None:
        self._keep(example, got, False)

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        raise exc_info[1]


def run(docstring: str, name: str, namespace: dict[str, Any]) -> list[list[Any]]:
    """Run a docstring's examples with the names of `namespace`, which they cannot change.

    Returns:
        For each example [source, what the docstring promises, what came, whether they agree].
    Raises:
        Exception: the first one that an example raises without promising it.
    """
    test = doctest.DocTestParser().get_doctest(docstring, dict(namespace), name, f"<examples of {name}>", 0)
    runner = _Keep()
    runner.run(test, out=io.StringIO().write)
    return runner.kept
