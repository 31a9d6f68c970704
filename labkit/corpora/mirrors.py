"""Corpora that are only read from the mirror folder, as they lie there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labkit.corpora.audio import read_audio
from labkit.corpora.clip import Clip, Corpus, Timed
from labkit.corpora.errors import CorpusDamaged, CorpusNotFound
from labkit.corpora.manifest import read_manifest
from labkit.corpora.store import mirror_dir

_CLIP_FIELDS = (
    "audio_filepath",
    "duration",
    "text",
    "label",
    "speaker",
    "split",
    "index",
    "sample_rate",
    "language",
)


@dataclass(frozen=True)
class FileSamples:
    """The samples of one sound file.

    Two channels are averaged. More than two are a microphone array, whose average is no signal that any
    microphone heard: there the first channel is taken.
    """

    path: Path

    def __call__(self) -> np.ndarray:
        import soundfile

        samples, _ = read_audio(self.path)
        if soundfile.info(self.path).channels > 2:
            samples = soundfile.read(self.path, dtype="float32", always_2d=True)[0][:, 0]
        return samples


def folder(name: str) -> Path | None:
    """The corpus's folder in the mirror, or None."""
    mirror = mirror_dir()
    if mirror is None or not (mirror / name / "manifest.jsonl").is_file():
        return None
    return mirror / name


def load(name: str, licence: str = "") -> Corpus:
    """A corpus of the mirror: a folder `name` with a `manifest.jsonl`.

    Args:
        name: of the folder.
        licence: of the recordings.
    Raises:
        CorpusNotFound: if it is not there.
        CorpusDamaged: if its manifest cannot be read, or it mixes sample rates.
    """
    place = folder(name)
    if place is None:
        mirror = mirror_dir()
        where = (
            "SPEECHLAB_MIRROR is not set"
            if mirror is None
            else f"there is no {mirror / name / 'manifest.jsonl'}"
        )
        raise CorpusNotFound(
            f"the recordings of {name!r} are not here: {where}. Set SPEECHLAB_MIRROR to a folder that holds "
            f"{name}/manifest.jsonl, one JSON object a line with audio_filepath, duration and text"
        )
    clips = [
        _clip(place, number, entry) for number, entry in enumerate(read_manifest(place / "manifest.jsonl"))
    ]
    rates = {clip.sample_rate for clip in clips}
    if len(rates) != 1:
        raise CorpusDamaged(f"{place} has clips of {sorted(rates)} Hz, expected one sample rate")
    return Corpus(name, True, rates.pop(), clips, licence)


def _clip(place: Path, number: int, entry: dict) -> Clip:
    path = place / entry["audio_filepath"]
    rate = entry.get("sample_rate")
    if rate is None:
        import soundfile

        rate = soundfile.info(path).samplerate
    return Clip(
        text=entry["text"],
        label=entry.get("label"),
        speaker=entry.get("speaker"),
        split=entry.get("split"),
        index=entry.get("index", number),
        sample_rate=int(rate),
        duration=float(entry["duration"]),
        path=path,
        info={key: value for key, value in entry.items() if key not in _CLIP_FIELDS},
        read=FileSamples(path),
        language=entry.get("language"),
        phonemes=_labelled_phones(entry, int(rate)),
    )


def _labelled_phones(entry: dict, rate: int) -> list[Timed] | None:
    """The phones of SpeechBrain's sentences: labels in one string, and the sample at which each ends."""
    if "phones" not in entry or "phone_end_samples" not in entry:
        return None
    ends = [sample / rate for sample in entry["phone_end_samples"]]
    return list(zip(entry["phones"].split(), [0.0, *ends[:-1]], ends, strict=True))
