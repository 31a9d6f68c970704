"""The result log: append-only JSON lines, one for each finished submission.

A line is written whole, in one call, before anything is told about the result. What a crash can leave
is a torn last line, which is cut off when the log is opened again. Pictures and sounds lie beside it,
named by their hash.

Lines: {"kind": "run", …} begins a run and holds its seed, "end" says that it came to its end,
"result" is a finished submission, "written" says that the gradebook has it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from autograder.batch.record import Blobs, blob_names, from_record
from autograder.errors import GradingError
from autograder.files import write_atomic
from autograder.submissions import Graded

SYNC_SECONDS = 1.0


def _blob(folder: Path, name: str) -> Path:
    return folder / name[:2] / name


def keep_blobs(folder: Path, blobs: Blobs) -> None:
    """Put pictures and sounds into a log's folder; several processes may do so at once."""
    for name, data in blobs.items():
        target = _blob(folder, name)
        if not target.exists():
            write_atomic(target, data)


@dataclass(frozen=True)
class Versions:
    """What a result depends on beside its submission."""

    lab: str
    engine: str


@dataclass(frozen=True)
class Entry:
    """Where a finished submission stands in the log, and what its result belongs to.

    Attributes:
        written: hash of the page that went into nbgrader's folders with this result; empty if none did.
    """

    offset: int
    length: int
    key: str
    versions: Versions
    seed: int
    written: str = ""


class ResultLog:
    """An open log. One process at a time: see `lock`.

    Args:
        path: of the file.
        blobs: folder of pictures and sounds, which several logs may share.
    """

    def __init__(self, path: Path, blobs: Path) -> None:
        self.path, self.blobs = path, blobs
        self.damaged = 0  # lines that nobody can read: only a failing disk makes them
        self.unfinished_seed: int | None = None  # of the last run, if that did not come to its end
        self._entries: dict[tuple[str, str], Entry] = {}
        self._synced_at = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        # hidden inputs follow from the seed: the log is its owner's alone
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = self._read_all()

    def __enter__(self) -> ResultLog:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_all(self) -> int:
        """Index every line; returns the length up to the last whole one and cuts off the rest."""
        end = 0
        with open(self._descriptor, "rb", closefd=False) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    self._index(json.loads(line), end, len(line))
                except (ValueError, KeyError, TypeError):
                    self.damaged += 1
                end += len(line)
        if os.fstat(self._descriptor).st_size > end:
            os.ftruncate(self._descriptor, end)
            os.fsync(self._descriptor)
        return end

    def _index(self, line: dict[str, Any], offset: int, length: int) -> None:
        kind = line["kind"]
        if kind == "run":
            self.unfinished_seed = int(line["seed"])
        elif kind == "end":
            self.unfinished_seed = None
        elif kind == "result":
            versions = Versions(line["lab_version"], line["engine_version"])
            entry = Entry(offset, length, line["key"], versions, int(line["seed"]))
            self._entries[line["student"], line["name"]] = entry
        elif kind == "written":
            known = self._entries.get((line["student"], line["name"]))
            if known is not None and known.offset == line["offset"]:
                self._entries[line["student"], line["name"]] = replace(known, written=line["page"])

    def _append(self, line: dict[str, Any]) -> None:
        # ASCII: a learner's message may hold half a surrogate pair, which no encoding takes
        data = json.dumps(line, ensure_ascii=True, allow_nan=True).encode("ascii") + b"\n"
        try:
            if os.pwrite(self._descriptor, data, self._end) != len(data):
                raise OSError(None, "the line was written only in part", str(self.path))
        except OSError as error:
            os.ftruncate(self._descriptor, self._end)
            raise GradingError(f"{self.path}: a result cannot be kept: {error.strerror or error}") from error
        self._index(line, self._end, len(data))
        self._end += len(data)
        if time.monotonic() - self._synced_at > SYNC_SECONDS:
            self.sync()

    def begin(self, seed: int) -> None:
        """A run begins."""
        self._append({"kind": "run", "seed": seed, "at": _now()})

    def finish(self) -> None:
        """The run has graded all that it was asked for."""
        self._append({"kind": "end", "at": _now()})

    def keep(
        self, name: str, record: dict[str, Any], blobs: Blobs, key: str, versions: Versions, seed: int
    ) -> Entry:
        """Keep a finished result.

        Args:
            name: of the submission's file within what is graded: with the student, it says whose it is.
        Raises:
            GradingError: if it cannot be written (the disk is full).
        """
        keep_blobs(self.blobs, blobs)
        line = {
            "kind": "result",
            "student": record["student"],
            "name": name,
            "key": key,
            "lab_version": versions.lab,
            "engine_version": versions.engine,
            "seed": seed,
            "at": _now(),
            "record": record,
        }
        self._append(line)
        return self._entries[record["student"], name]

    def mark_written(self, student: str, name: str, page: str) -> None:
        """The gradebook has the last result of this submission; `page` is the hash of its page."""
        entry = self._entries[student, name]
        line = {"kind": "written", "student": student, "name": name, "offset": entry.offset, "page": page}
        self._append(line)

    def find(self, student: str, name: str) -> Entry | None:
        """The last finished result of a submission, of whatever version."""
        return self._entries.get((student, name))

    def read(self, entry: Entry, pictures: bool = True) -> Graded:
        """The result itself, with its pictures and sounds unless they are not wanted.

        Raises:
            GradingError: if a picture has gone from the folder beside the log.
        """
        line = json.loads(os.pread(self._descriptor, entry.length, entry.offset))
        return from_record(line["record"], self._fetch if pictures else None)

    def complete(self, entry: Entry) -> bool:
        """Whether the result can be read whole: nobody has cleared the folder of pictures."""
        line = json.loads(os.pread(self._descriptor, entry.length, entry.offset))
        return all(self._blob(name).exists() for name in blob_names(line["record"]))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def _blob(self, name: str) -> Path:
        return _blob(self.blobs, name)

    def _fetch(self, name: str) -> bytes:
        try:
            return self._blob(name).read_bytes()
        except FileNotFoundError:
            raise GradingError(
                f"{self._blob(name)}: a picture of the log is missing; use --regrade"
            ) from None

    def sync(self) -> None:
        """Let the disk have it all: what `write` took survives a killed process, this a power cut."""
        os.fsync(self._descriptor)
        self._synced_at = time.monotonic()

    def close(self) -> None:
        if self._descriptor >= 0:
            self.sync()
            os.close(self._descriptor)
            self._descriptor = -1


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
