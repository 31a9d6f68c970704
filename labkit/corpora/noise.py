"""Noise: recorded where the mirror has it, else generated; and speech with noise added at a set level."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import gcd

import numpy as np

from labkit.corpora import mirrors
from labkit.corpora.clip import Clip, Corpus
from labkit.corpora.errors import CorpusError, CorpusNotFound

RECORDED = "noise_rir"
GENERATED = "synth_noises"
KINDS = ("white", "pink", "babble", "hum")
PEAK = 0.5
SNRS_DB = (20.0, 10.0, 5.0, 0.0)
BABBLERS = 8  # voices that speak at once
GENERATED_LICENCE = "made on this machine; nobody's recordings"


def recorded(sample_rate: int = 16000) -> Corpus:
    """The mirror's noises; their labels are "noise1" to "noise5".

    Raises:
        CorpusNotFound: if the mirror has none.
    """
    whole = mirrors.load(RECORDED, "not stated for the recordings; repositories Apache-2.0")
    clips = [
        _at_rate(replace(clip, label=clip.path.stem if clip.path else clip.label), sample_rate)
        for clip in whole
        if clip.label == "noise"
    ]
    if not clips:
        raise CorpusNotFound(f"the folder {RECORDED} of the mirror holds no clip with the label 'noise'")
    return Corpus(RECORDED, True, sample_rate, clips, whole.licence)


def generated(sample_rate: int = 16000, seconds: float = 10.0) -> Corpus:
    """White noise, pink noise, babble (eight synthetic voices at once) and mains hum; peak 0.5.

    Raises:
        ValueError: if `sample_rate` or `seconds` is not positive.
    """
    if not (sample_rate > 0 and seconds > 0):
        raise ValueError(f"sample_rate is {sample_rate} and seconds is {seconds}, expected positive numbers")
    clips = [
        Clip(
            text=None,
            label=kind,
            speaker=None,
            split=None,
            index=0,
            sample_rate=sample_rate,
            duration=round(seconds * sample_rate) / sample_rate,
            read=GeneratedNoise(kind, round(seconds * sample_rate), sample_rate),
        )
        for kind in KINDS
    ]
    return Corpus(GENERATED, False, sample_rate, clips, GENERATED_LICENCE)


@dataclass(frozen=True)
class GeneratedNoise:
    """One kind of noise, made when it is asked for; the same every time."""

    kind: str
    size: int
    sample_rate: int

    def __call__(self) -> np.ndarray:
        chance = np.random.default_rng(zlib.crc32(self.kind.encode()))
        if self.kind == "babble":
            wave = _babble(self.size, self.sample_rate)
        else:
            makers: dict[str, Callable] = {"white": _white, "pink": _pink, "hum": _hum}
            wave = makers[self.kind](self.size, self.sample_rate, chance)
        return (PEAK * wave / np.abs(wave).max()).astype(np.float32)


def _white(size: int, sample_rate: int, chance: np.random.Generator) -> np.ndarray:
    return chance.standard_normal(size)


def _pink(size: int, sample_rate: int, chance: np.random.Generator) -> np.ndarray:
    """Power that falls as one over frequency, from 20 Hz on."""
    frequency = np.fft.rfftfreq(size, 1 / sample_rate)
    spectrum = np.fft.rfft(chance.standard_normal(size)) / np.sqrt(np.maximum(frequency, 20.0))
    spectrum[0] = 0
    return np.fft.irfft(spectrum, size)


def _hum(size: int, sample_rate: int, chance: np.random.Generator) -> np.ndarray:
    """Mains hum of 50 Hz with its harmonics up to 1 kHz, over a little hiss."""
    time = np.arange(size) / sample_rate
    wave = 0.01 * chance.standard_normal(size)
    for harmonic in range(1, 21):
        if 50 * harmonic < sample_rate / 2:
            wave += np.sin(2 * np.pi * (50 * harmonic * time + chance.random())) / harmonic
    return wave


def _babble(size: int, sample_rate: int) -> np.ndarray:
    from labkit.corpora import synthetic_voices

    speech = synthetic_voices.load(BABBLERS, 10, progress=False)
    wave = np.zeros(size)
    for number, speaker in enumerate(speech.speakers):
        clips = speech.filter(speaker=speaker).clips
        said = resampled(np.concatenate([clip.samples for clip in clips]), speech.sample_rate, sample_rate)
        # all read the same sentences: everybody starts somewhere else
        said = np.roll(said, -said.size * number // BABBLERS)
        wave += np.resize(said / np.sqrt(np.mean(said**2)), size)
    return wave


def resampled(samples: np.ndarray, rate: int, target_rate: int) -> np.ndarray:
    """The samples at another rate."""
    if rate == target_rate:
        return samples
    from scipy.signal import resample_poly

    common = gcd(rate, target_rate)
    return resample_poly(samples, target_rate // common, rate // common).astype(np.float32)


@dataclass(frozen=True)
class Resampled:
    """The samples of a clip at another rate."""

    clip: Clip
    sample_rate: int

    def __call__(self) -> np.ndarray:
        return resampled(self.clip.samples, self.clip.sample_rate, self.sample_rate)


def _at_rate(clip: Clip, sample_rate: int) -> Clip:
    if clip.sample_rate == sample_rate:
        return clip
    return replace(clip, sample_rate=sample_rate, read=Resampled(clip, sample_rate), path=None)


@dataclass(frozen=True)
class Noisy:
    """A clip with noise over it; the clip itself keeps its level."""

    clean: Clip
    noise: Clip
    start: int  # sample of the noise with which it begins
    snr_db: float

    def __call__(self) -> np.ndarray:
        speech = self.clean.samples
        noise = self._stretch(speech.size)
        power = np.mean(noise.astype(np.float64) ** 2)
        wanted = np.mean(speech.astype(np.float64) ** 2) / 10 ** (self.snr_db / 10)
        return speech + np.float32(np.sqrt(wanted / power)) * noise

    def _stretch(self, size: int) -> np.ndarray:
        """As much of the noise as is needed, from a place where it is not 20 dB below its own level."""
        whole = self.noise.samples
        rolled = np.roll(whole, -self.start)
        loud = np.mean(whole.astype(np.float64) ** 2) / 100
        for begin in range(0, whole.size, size):
            stretch = np.resize(np.roll(rolled, -begin), size)
            if np.mean(stretch.astype(np.float64) ** 2) >= loud > 0:
                return stretch
        raise CorpusError(f"the noise {self.noise.label!r} is silent")


def add_noise(speech: Corpus, noises: Corpus, snrs_db: Sequence[float], name: str) -> Corpus:
    """Every clip at every signal-to-noise ratio, with one of the noises in turn.

    Args:
        speech, noises: at the same sample rate.
        snrs_db: in dB.
        name: of the corpus that is made.
    Returns:
        Clips whose `info` holds "snr_db", "noise" (its label) and "clean" (the clip without noise). The
        peak of a noisy clip may be above 1.
    """
    clips = []
    for clip in speech:
        for step, snr in enumerate(snrs_db):
            # by what the clip is, not by where it stands: a selection gets the same noise as the whole
            turn = zlib.crc32(f"{clip.text} {clip.speaker} {clip.index}".encode())
            noise = noises[(turn + step) % len(noises)]
            start = turn % max(1, round(noise.duration * noise.sample_rate))
            info = {**clip.info, "snr_db": float(snr), "noise": noise.label, "clean": clip}
            read = Noisy(clip, noise, start, float(snr))
            clips.append(replace(clip, path=None, info=info, read=read))
    real = speech.real and noises.real
    return Corpus(name, real, speech.sample_rate, clips, f"speech: {speech.licence}; noise: {noises.licence}")
