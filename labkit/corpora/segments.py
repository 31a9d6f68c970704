"""Recordings in which somebody marked where speech is, and a synthetic stand-in."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labkit.corpora import mirrors, synthetic_voices
from labkit.corpora.blocks import LICENCE
from labkit.corpora.clip import Clip, Corpus
from labkit.corpora.errors import CorpusNotFound

RECORDED = "speechbrain_speech"
NAME = "synth_segments"
SPEAKERS = 6
UTTERANCES = 3  # in a clip
FLOOR = 0.001  # root mean square of the room's noise, 60 dB below full scale


def recorded() -> Corpus:
    """The mirror's clips with marked stretches of speech.

    Raises:
        CorpusNotFound: if the mirror has none.
    """
    whole = mirrors.load(RECORDED, "not stated for the recordings; repository Apache-2.0")
    clips = [clip for clip in whole if "speech_segments" in clip.info]
    if not clips:
        raise CorpusNotFound(f"the folder {RECORDED} of the mirror holds no clip with 'speech_segments'")
    return Corpus(RECORDED, True, whole.sample_rate, clips, whole.licence)


def synthetic() -> Corpus:
    """Six clips of three sentences with pauses of 0.4 to 1.5 s, over faint noise; the marks are exact."""
    speech = synthetic_voices.load(SPEAKERS, UTTERANCES, progress=False)
    clips = []
    for speaker in speech.speakers:
        said = speech.filter(speaker=speaker).clips
        chance = np.random.default_rng(zlib.crc32(speaker.encode()))
        pauses = chance.uniform(0.4, 1.5, len(said) + 1).round(2)
        marks, at = [], float(pauses[0])
        for clip, pause in zip(said, pauses[1:], strict=True):
            marks += [[round(at + start, 3), round(at + end, 3)] for start, end in _spoken(clip)]
            at += clip.duration + float(pause)
        clips.append(
            Clip(
                text=" ".join(clip.text or "" for clip in said),
                label=None,
                speaker=speaker,
                split=said[0].split,
                index=0,
                sample_rate=speech.sample_rate,
                duration=at,
                language="en",
                info={"speech_segments": marks, "labelled_until": at},
                read=WithPauses(tuple(said), tuple(pauses)),
            )
        )
    return Corpus(NAME, False, speech.sample_rate, clips, LICENCE)


def _spoken(clip: Clip) -> list[tuple[float, float]]:
    """Where phonemes are; pauses inside a sentence are left out."""
    found: list[tuple[float, float]] = []
    for label, start, end in clip.phonemes or ():
        if label == "sil":
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@dataclass(frozen=True)
class WithPauses:
    """Clips one after another with pauses around them, over faint noise."""

    clips: Sequence[Clip]
    pauses: Sequence[float]

    def __call__(self) -> np.ndarray:
        rate = self.clips[0].sample_rate
        length = round((sum(clip.duration for clip in self.clips) + sum(self.pauses)) * rate)
        chance = np.random.default_rng(zlib.crc32(str(self.clips[0].speaker).encode()))
        wave = FLOOR * chance.standard_normal(length)
        at = self.pauses[0]
        for clip, pause in zip(self.clips, self.pauses[1:], strict=True):
            start = round(at * rate)
            wave[start : start + clip.samples.size] += clip.samples[: length - start]
            at += clip.duration + pause
        return np.clip(wave, -1, 1).astype(np.float32)
