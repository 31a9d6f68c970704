"""What runs beside a learner's code: loads their cells, answers calls of one part.

Nothing of the course is here: other parts are callbacks to the trusted process.
"""

from __future__ import annotations

import linecache
import os
import socket
import sys
from types import ModuleType
from typing import Any

from autograder.definitions import Code, execute
from autograder.forbidden import absent
from autograder.handles import seed_everything
from autograder.sandbox.peer import Peer

SUBMISSION = "your notebook:"


class Room:
    """The namespace that holds the learner's definitions, and the answers to the trusted side."""

    def __init__(self, connection: socket.socket) -> None:
        self._module = ModuleType("submission")
        sys.modules["submission"] = self._module
        self._part = ""
        self.peer = Peer(connection, self._serve, gives_objects=True, own_files=SUBMISSION)

    def _serve(self, target: str, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        if target == self._part and method == "__call__":
            return self._module.__dict__[target](*args, **kwargs)
        if target == "__room__" and method == "load":
            return self._load(*args)
        if target == "__room__" and method == "seed":
            return seed_everything(*args)
        if target == "__room__" and method == "examples":
            from autograder import examples

            return examples.run(args[0], self._part, self._module.__dict__)
        raise LookupError(f"no {target}.{method} here")

    def _load(self, cells: list, part: str, provided: list[str], forbids: list[str]) -> None:
        """Define what the notebook defines; the parts named in `provided` call back, and the library
        functions named in `forbids` are taken away."""
        self._part = part
        absent(forbids)
        _install_parts(self.peer)
        codes = [Code(text, name) for text, name in cells]
        names = self._module.__dict__
        files = {id(code): f"{SUBMISSION} {code.part or number}" for number, code in enumerate(codes)}
        for code in codes:  # so that tracebacks can show the learner's lines
            file = files[id(code)]
            linecache.cache[file] = (len(code.source), None, code.source.splitlines(True), file)
        errors = execute(codes, names, lambda code: files[id(code)], whole=part)
        for name in provided:
            names[name] = RemotePart(self.peer, name)
        if part in errors:
            raise errors[part]
        if part not in names:
            raise NameError(f"the cell defines no {part!r}")


class RemotePart:
    """A part that the trusted side answers with its reference."""

    def __init__(self, peer: Peer, name: str) -> None:
        self._peer = peer
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._peer.ask(self.__name__, "__call__", args, kwargs)


class _RemoteLab:
    """Parts of an earlier lab, as `labkit.parts` gives them."""

    def __init__(self, peer: Peer, lab: str) -> None:
        self._peer, self._lab = peer, lab

    def __getattr__(self, name: str) -> RemotePart:
        if name.startswith("_"):
            raise AttributeError(name)
        return RemotePart(self._peer, f"{self._lab}.{name}")


def _install_parts(peer: Peer) -> None:
    try:
        from labkit import parts
    except ImportError:
        return  # a worker without labkit: labs that need it fail with their own ImportError
    parts.use_provider(lambda lab: _RemoteLab(peer, lab))


def run(connection: socket.socket) -> None:
    """Serve one trusted process until it hangs up, then leave without any clean-up of the learner's."""
    try:
        Room(connection).peer.serve_forever()
    finally:
        os._exit(0)
