"""What the reference has answered to learners' code before, bytes for bytes.

A part calls the parts above it, and those are the reference's, on the trusted side. A class that is
graded with the same inputs asks the same again and again: an answer that was once worked out and
packed is sent again. The parts of a lab are functions of their arguments, which this relies on.

What is remembered are answers of ours to questions of anybody's. A learner's code that asks nonsense can
fill the room; then the others' questions are worked out, as they would be without it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from autograder.sandbox.arrays import bytes_of

ROOM = 32 * 1024**2
LARGEST = 1024**2

Packed = tuple[bytes, list[np.ndarray]]


class Answers:
    """Packed answers of one lab's reference.

    Args:
        room: bytes that may be kept.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._known: dict[bytes, Packed] = {}

    def find(self, key: bytes) -> Packed | None:
        return self._known.get(key)

    def keep(self, key: bytes, packed: Packed) -> None:
        """Remember an answer, if it is not large and there is room."""
        body, apart = packed
        size = len(body) + sum(array.nbytes for array in apart)
        if size <= min(LARGEST, self._room):
            self._room -= size + 200
            # copies: an array may be a piece of a much larger one
            self._known[key] = body, [np.array(bytes_of(array)) for array in apart]


class Recall:
    """The answers for one part under test: another part is answered other functions.

    Args:
        part: the part under test.
    """

    def __init__(self, answers: Answers, part: str) -> None:
        self._answers, self._part = answers, part.encode()

    def key(self, body: np.ndarray, apart: list[np.ndarray]) -> bytes:
        """A name for a question: all of its bytes, and which part is under test."""
        found = hashlib.blake2b(self._part, digest_size=24)
        for piece in (body, *apart):
            found.update(b"\0%d\0" % piece.nbytes)
            found.update(bytes_of(piece))
        return found.digest()

    def find(self, key: bytes) -> Packed | None:
        return self._answers.find(key)

    def keep(self, key: bytes, packed: Packed) -> None:
        self._answers.keep(key, packed)
