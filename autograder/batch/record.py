"""A result as plain data, and back: what the log keeps and what crosses between processes.

Pictures and sounds are named by their hash and lie beside, so that a line of the log stays short and
the same picture of a hundred students is kept once.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from autograder.diagnosis import Diagnosis
from autograder.grading import LabResult, PartResult
from autograder.submissions import Graded, Submission

Blobs = dict[str, bytes]
Fetch = Callable[[str], bytes]


def to_record(graded: Graded) -> tuple[dict[str, Any], Blobs]:
    """A result as data that JSON can hold, and its pictures and sounds by their names."""
    blobs: Blobs = {}
    return {
        "student": graded.submission.student,
        "file": str(graded.submission.path),
        "lab": graded.lab,
        "problem": graded.problem,
        "ours": graded.ours,
        "result": _lab(graded.result, blobs) if graded.result else None,
    }, blobs


def from_record(record: dict[str, Any], fetch: Fetch | None) -> Graded:
    """The result again.

    Args:
        fetch: bytes of a picture or sound by its name; without it they are left out.
    """
    result = record["result"]
    return Graded(
        Submission(Path(record["file"]), record["student"]),
        record["lab"],
        _to_lab(result, fetch) if result is not None else None,
        record["problem"],
        record["ours"],
    )


def blob_names(record: dict[str, Any]) -> list[str]:
    """Names of the pictures and sounds of a record."""
    found = []
    for part in (record["result"] or {}).get("parts", ()):
        diagnosis = part["diagnosis"] or {}
        if diagnosis.get("picture"):
            found.append(diagnosis["picture"])
        found += [name for name, _rate in diagnosis.get("sounds", {}).values()]
    return found


def _plain(value: Any, **replaced: Any) -> dict[str, Any]:
    """Fields of a dataclass as they are; a field that is added later is carried without a change here."""
    return {**{field.name: getattr(value, field.name) for field in fields(value)}, **replaced}


def _lab(result: LabResult, blobs: Blobs) -> dict[str, Any]:
    return _plain(result, parts=[_part(part, blobs) for part in result.parts])


def _to_lab(data: dict[str, Any], fetch: Fetch | None) -> LabResult:
    return LabResult(**{**data, "parts": [_to_part(part, fetch) for part in data["parts"]]})


def _part(part: PartResult, blobs: Blobs) -> dict[str, Any]:
    checks = [[title, passed] for title, passed in part.checks]
    return _plain(
        part, checks=checks, diagnosis=_diagnosis(part.diagnosis, blobs) if part.diagnosis else None
    )


def _to_part(data: dict[str, Any], fetch: Fetch | None) -> PartResult:
    diagnosis = data["diagnosis"]
    return PartResult(
        **{
            **data,
            "checks": [(title, passed) for title, passed in data["checks"]],
            "diagnosis": _to_diagnosis(diagnosis, fetch) if diagnosis is not None else None,
        }
    )


def _diagnosis(diagnosis: Diagnosis, blobs: Blobs) -> dict[str, Any]:
    picture = _keep(diagnosis.picture, ".png", blobs) if diagnosis.picture else None
    sounds = {
        label: [_keep(_array_bytes(samples), ".npy", blobs), int(rate)]
        for label, (samples, rate) in diagnosis.sounds.items()
    }
    trace = [[line, name, text] for line, name, text in diagnosis.trace]
    return _plain(diagnosis, trace=trace, picture=picture, sounds=sounds)


def _to_diagnosis(data: dict[str, Any], fetch: Fetch | None) -> Diagnosis:
    picture = fetch(data["picture"]) if fetch and data["picture"] else None
    sounds = {}
    if fetch:
        sounds = {label: (_array(fetch(name)), rate) for label, (name, rate) in data["sounds"].items()}
    trace = [(line, name, text) for line, name, text in data["trace"]]
    return Diagnosis(**{**data, "trace": trace, "picture": picture, "sounds": sounds})


def _keep(data: bytes, suffix: str, blobs: Blobs) -> str:
    name = hashlib.sha256(data).hexdigest()[:40] + suffix
    blobs[name] = data
    return name


def _array_bytes(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, samples, allow_pickle=False)
    return buffer.getvalue()


def _array(data: bytes) -> np.ndarray:
    return np.load(io.BytesIO(data), allow_pickle=False)
