"""A corpus in the cache: all samples in one file, all clips in one manifest.

Three thousand small files take seconds to open; one file takes none. A pack is a folder:

    samples.s16    all clips after another, 16-bit little-endian, one channel
    clips.jsonl    a manifest line per clip, with "offset" and "length" in samples
    corpus.json    name, sample rate, licence, and the SHA-256 of the two other files
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labkit.corpora.clip import Clip, Corpus, Timed
from labkit.corpora.errors import CorpusDamaged
from labkit.corpora.store import atomic_folder

FORMAT = 1
FULL_SCALE = 32768  # 16-bit samples are divided by this, so that they lie in [-1, 1)

_CLIP_FIELDS = ("text", "label", "speaker", "split", "index", "duration", "language")
_PACK_FIELDS = ("audio_filepath", "offset", "length")


@dataclass(frozen=True)
class PackedSamples:
    """Where one clip lies in a pack. Small, so that clips travel to other processes cheaply."""

    file: Path
    offset: int
    length: int

    def __call__(self) -> np.ndarray:
        pcm = _mapped(self.file)[self.offset : self.offset + self.length]
        return pcm.astype(np.float32) / FULL_SCALE


@functools.lru_cache(maxsize=8)
def _mapped(file: Path) -> np.ndarray:
    return np.memmap(file, dtype="<i2", mode="r")


def write_pack(
    folder: Path, clips: Iterable[tuple[Mapping[str, object], np.ndarray]], facts: Mapping[str, Any]
) -> None:
    """Write a pack, whole or not at all.

    Args:
        folder: where; an older pack is replaced.
        clips: for every clip, its manifest entry and its samples (int16).
        facts: for corpus.json; at least "name", "real", "sample_rate" and "licence".
    """
    rate = int(facts["sample_rate"])
    with atomic_folder(folder) as temporary:
        entries, offset = [], 0
        with open(temporary / "samples.s16", "wb") as file:
            for entry, pcm in clips:
                if pcm.dtype != np.int16 or pcm.ndim != 1 or pcm.size == 0:
                    name = entry.get("audio_filepath")
                    raise ValueError(f"clip {name} is {pcm.dtype} {pcm.shape}, expected int16 [time]")
                file.write(pcm.astype("<i2").tobytes())
                entries.append({**entry, "duration": pcm.size / rate, "offset": offset, "length": pcm.size})
                offset += pcm.size
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        (temporary / "clips.jsonl").write_text(lines, encoding="utf-8", newline="\n")
        sums = {name: file_sha256(temporary / name) for name in ("samples.s16", "clips.jsonl")}
        description = {"format": FORMAT, **facts, "clips": len(entries), "samples": offset, "sha256": sums}
        (temporary / "corpus.json").write_text(
            json.dumps(description, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
    _mapped.cache_clear()  # a replaced file must not be seen through an old mapping


def read_pack(folder: Path) -> Corpus:
    """The corpus in a pack, its files checked against their SHA-256.

    Raises:
        CorpusDamaged: if a file is missing or not what corpus.json promises.
    """
    try:
        facts = json.loads((folder / "corpus.json").read_text("utf-8"))
        promised = facts["sha256"]
        for name in ("samples.s16", "clips.jsonl"):
            if file_sha256(folder / name) != promised[name]:
                raise CorpusDamaged(f"{folder / name} is not what its checksum promises")
        entries = [json.loads(line) for line in (folder / "clips.jsonl").read_text("utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusDamaged(f"{folder} is not a whole corpus: {error}") from error
    rate, file = int(facts["sample_rate"]), folder / "samples.s16"
    known = {*_CLIP_FIELDS, "phonemes", "words", *_PACK_FIELDS}
    clips = [
        Clip(
            **{name: entry.get(name) for name in _CLIP_FIELDS},
            sample_rate=rate,
            phonemes=_timed(entry.get("phonemes")),
            words=_timed(entry.get("words")),
            info={key: value for key, value in entry.items() if key not in known},
            read=PackedSamples(file, entry["offset"], entry["length"]),
        )
        for entry in entries
    ]
    return Corpus(facts["name"], bool(facts["real"]), rate, clips, facts["licence"])


def _timed(spans: list | None) -> list[Timed] | None:
    return None if spans is None else [(label, start, end) for label, start, end in spans]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
