"""Strings of connected words, made of recordings of single ones: pauses, real noise, and known times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from labkit.corpora import Clip

LONGEST_STRING = 7  # words
PAUSE_SECONDS = (0.06, 0.35)
WITHOUT_PAUSE = 0.25  # share of the places between two words where there is none


@dataclass(frozen=True)
class Spoken:
    """A string of words by one speaker.

    Attributes:
        samples: waveform, with noise.
        spans: first sample of each word, and the first sample behind it.
        words: what is said.
        pauses: samples of silence before, between and after the words.
        snr_db: words to noise, in dB; None where no noise was added.
        noise: label of the noise; None likewise.
    """

    samples: Float[np.ndarray, "time"]
    spans: list[tuple[int, int]]
    words: list[str]
    pauses: list[int]
    speaker: str
    snr_db: float | None
    noise: str | None


def make_strings(
    clips: Sequence[Clip],
    noises: Sequence[Clip],
    snrs_db: Sequence[float | None],
    seed: int,
    parts: Any,
) -> list[Spoken]:
    """Every clip once, in strings of 1 to LONGEST_STRING words of one speaker, in random order.

    Args:
        clips: recordings of single words, all at one sample rate.
        noises: one is drawn for each string, and where in it the string begins.
        snrs_db: taken in turn; None adds no noise.
        seed: of everything that is drawn; the same seed gives the same strings.
        parts: with `connect_words` and `add_noise`.
    """
    from labkit.parts import load

    trim_silence = load("c01_digit_recognizer").trim_silence
    rng = np.random.default_rng(seed)
    strings: list[Spoken] = []
    for speaker in sorted({str(clip.speaker) for clip in clips}):
        own = [clip for clip in clips if clip.speaker == speaker]
        own = [own[k] for k in rng.permutation(len(own))]
        while own:
            count = int(rng.integers(1, LONGEST_STRING + 1))
            chosen, own = own[:count], own[count:]
            seconds = rng.uniform(*PAUSE_SECONDS, len(chosen) + 1)
            seconds[1:-1] *= rng.random(len(chosen) - 1) > WITHOUT_PAUSE
            pauses = [round(float(s) * chosen[0].sample_rate) for s in seconds]
            recordings = [trim_silence(clip.samples, clip.sample_rate) for clip in chosen]
            samples, spans = parts.connect_words(recordings, pauses)
            noise = noises[int(rng.integers(len(noises)))]
            start, snr_db = int(rng.integers(len(noise.samples))), snrs_db[len(strings) % len(snrs_db)]
            if snr_db is not None:
                samples = parts.add_noise(samples, spans, noise.samples, snr_db, start)
            words = [str(clip.text) for clip in chosen]
            label = str(noise.label) if snr_db is not None else None
            strings.append(Spoken(samples, spans, words, pauses, speaker, snr_db, label))
    return strings


def white_noise(seconds: float, sample_rate: int) -> Clip:
    """Noise with the same power at all frequencies, the same every time; its label is "white"."""
    samples = np.random.default_rng(11).normal(size=round(seconds * sample_rate))
    samples = (0.5 * samples / np.abs(samples).max()).astype(np.float32)
    return Clip(
        text=None,
        label="white",
        speaker=None,
        split=None,
        index=0,
        sample_rate=sample_rate,
        duration=seconds,
        read=lambda: samples,
    )
