"""What one end of the pipe keeps for the other: objects that it has handed out, graphs for `backward`."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from typing import Any

from autograder.sandbox.arrays import WireError

MAX_GRAPHS = 10_000
MAX_GRAPH_BYTES = 1024**3

Graph = tuple[list[Any], list[Any]]


class Kept:
    """Objects and graphs by number, until the other end says that it has dropped its stand-in.

    Args:
        limited: refuse to keep more graphs than an honest worker needs.
    """

    def __init__(self, limited: bool) -> None:
        self.objects: dict[int, Any] = {}
        self.graphs: dict[int, Graph] = {}
        self._sizes: dict[int, int] = {}
        self._bytes = 0
        self._limited = limited
        self._numbers = itertools.count(1)

    def add_object(self, value: Any) -> int:
        """Keep an object; its number."""
        number = next(self._numbers)
        self.objects[number] = value
        return number

    def new_graph(self) -> int:
        """A number for a graph: one that no object has, and that nobody can guess."""
        return secrets.randbits(61) | 1 << 61

    def add_graph(self, number: int, outputs: list[Any], leaves: list[Any]) -> None:
        """Keep the tensors of an answer with those of its question.

        Raises:
            WireError: if that is more than may be kept.
        """
        self.graphs[number] = outputs, leaves
        self._sizes[number] = sum(tensor.nelement() * tensor.element_size() for tensor in outputs + leaves)
        self._bytes += self._sizes[number]
        if self._limited and (len(self.graphs) > MAX_GRAPHS or self._bytes > MAX_GRAPH_BYTES):
            raise WireError(f"keeps {len(self.graphs)} results for gradients, more than there is room for")

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget what the other end no longer uses."""
        for number in numbers:
            self.objects.pop(number, None)
            self.graphs.pop(number, None)
            self._bytes -= self._sizes.pop(number, 0)
