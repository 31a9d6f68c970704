"""Manifests: one JSON object a line, {"audio_filepath", "duration", "text", …}."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from labkit.corpora.errors import CorpusDamaged
from labkit.corpora.store import atomic_file


def write_manifest(path: str | Path, entries: Iterable[Mapping[str, object]]) -> int:
    """Write a manifest, whole or not at all.

    Args:
        path: file to write; an older one is replaced.
        entries: each with at least "audio_filepath" (relative to the manifest's folder, or absolute),
            "duration" in seconds, and "text" (None where unknown).
    Returns:
        Number of lines.
    Raises:
        ValueError: if an entry lacks one of the three or its duration is not a positive number.
    """
    lines = []
    for number, entry in enumerate(entries, start=1):
        _check(entry, f"entry {number}", ValueError)
        lines.append(json.dumps(dict(entry), ensure_ascii=False) + "\n")
    with atomic_file(Path(path)) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def read_manifest(path: str | Path) -> list[dict]:
    """The entries of a manifest, in order. Empty lines are skipped.

    Args:
        path: of the manifest.
    Returns:
        One dict a line, as written; "audio_filepath" is not resolved.
    Raises:
        FileNotFoundError: if there is no such file.
        CorpusDamaged: if a line is not a JSON object with the three fields; names file and line.
    """
    path = Path(path)
    entries = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise CorpusDamaged(f"{where} is not JSON: {error}") from error
            _check(entry, where, CorpusDamaged)
            entries.append(entry)
    return entries


def _check(entry: object, where: str, error: type[Exception]) -> None:
    if not isinstance(entry, Mapping):
        raise error(
            f"{where} is a {type(entry).__name__}, expected an object with audio_filepath, duration and text"
        )
    for name in ("audio_filepath", "duration", "text"):
        if name not in entry:
            raise error(f"{where} lacks {name!r}")
    duration = entry["duration"]
    if (
        isinstance(duration, bool)
        or not isinstance(duration, (int, float))
        or not 0 < duration < float("inf")
    ):
        raise error(f"{where}: duration is {duration!r}, expected a positive number of seconds")
    if not isinstance(entry["audio_filepath"], str) or not entry["audio_filepath"]:
        raise error(f"{where}: audio_filepath is {entry['audio_filepath']!r}, expected a path")
