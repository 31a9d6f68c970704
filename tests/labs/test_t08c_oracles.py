"""The lab on the WORLD vocoder against pyworld, librosa and Praat (parselmouth)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.course import load_course
from autograder.loading import reference_of
from labkit import corpora, measure

pytestmark = pytest.mark.slow

RATE, HOP, N_FFT = 22_050, 110, 1024
PERIOD_MS = 1000 * HOP / RATE


@pytest.fixture(scope="module")
def lab() -> Any:
    return reference_of(load_course(), "t08c_world_vocoder")


@pytest.fixture(scope="module")
def voices() -> list[np.ndarray]:
    """Three sentences of one voice: recordings where they are, synthetic ones else."""
    clips = sorted(corpora.ljspeech(announce=False), key=lambda clip: clip.duration)
    return [clip.samples.astype(np.float64) for clip in clips if clip.duration > 1.5][:3]


def standard(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """pyworld's frame times and its three tables."""
    import pyworld

    times = np.arange(1 + len(samples) // HOP) * HOP / RATE
    rough, _ = pyworld.dio(samples, RATE, frame_period=PERIOD_MS)
    f0 = pyworld.stonemask(samples, rough[: len(times)], times, RATE)
    envelope = pyworld.cheaptrick(samples, f0, times, RATE, fft_size=N_FFT)
    return times, f0, envelope, pyworld.d4c(samples, f0, times, RATE, fft_size=N_FFT)


def test_envelopes_are_pyworlds(lab: Any, voices: list[np.ndarray]) -> None:
    for samples in voices:
        _, f0, theirs, _ = standard(samples)
        gap = np.abs(10 * np.log10(lab.spectral_envelope(samples, f0, RATE, HOP, N_FFT) / theirs))[5:-5]
        # pyworld rounds half a window to whole samples; 0.001 dB and 0.03 dB were seen
        assert np.median(gap) < 0.001 and np.quantile(gap, 0.999) < 0.2


def pooled(lab: Any, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Pitch errors over all sentences."""
    true, found = (np.concatenate(curves) for curves in zip(*pairs, strict=True))
    return lab.pitch_errors(true, found)


def test_the_dio_like_tracker_agrees_with_pyworlds(lab: Any, voices: list[np.ndarray]) -> None:
    errors = pooled(lab, [(standard(samples)[1], lab.dio(samples, RATE, HOP)) for samples in voices])
    # recordings: voicing 0.05 to 0.18, gross 0.00 to 0.06 by sentence; synthetic voice: 0.04 and 0.000
    assert errors["gross"] < 0.05 and errors["voicing"] < 0.16


def test_yin_agrees_with_pyworld_where_librosas_does(lab: Any, voices: list[np.ndarray]) -> None:
    import librosa

    ours, theirs = [], []
    for samples in voices:
        f0, own = standard(samples)[1], lab.yin(samples, RATE, HOP)
        other = librosa.yin(samples, fmin=71, fmax=800, sr=RATE, frame_length=1024, hop_length=HOP)
        ours.append((f0, own))
        theirs.append((f0, np.where(own > 0, other[: len(own)], 0.0)))  # it makes no voicing decision
    assert pooled(lab, ours)["gross"] < pooled(lab, theirs)["gross"] + 0.02
    assert pooled(lab, ours)["cents"] < pooled(lab, theirs)["cents"] + 2


def test_praat_hears_the_same_pitch(lab: Any, voices: list[np.ndarray]) -> None:
    """Our tracker must be as near to Praat's as pyworld's is."""
    parselmouth = pytest.importorskip("parselmouth")

    ours, theirs = [], []
    for samples in voices:
        track = parselmouth.Sound(samples, RATE).to_pitch(
            time_step=HOP / RATE, pitch_floor=75.0, pitch_ceiling=600.0
        )
        times, f0, *_ = standard(samples)
        heard = np.nan_to_num([track.get_value_at_time(t) for t in times])
        ours.append((heard, lab.dio(samples, RATE, HOP)))
        theirs.append((heard, f0))
    assert pooled(lab, ours)["gross"] < pooled(lab, theirs)["gross"] + 0.03
    assert pooled(lab, ours)["voicing"] < pooled(lab, theirs)["voicing"] + 0.05


def test_resynthesis_is_as_clear_as_pyworlds(lab: Any, voices: list[np.ndarray]) -> None:
    import pyworld

    ours, theirs = [], []
    for samples in voices:
        times, f0, envelope, breath = standard(samples)
        own = lab.dio(samples, RATE, HOP)
        tables = (
            own,
            lab.spectral_envelope(samples, own, RATE, HOP, N_FFT),
            lab.aperiodicity(samples, own, RATE, HOP, N_FFT),
        )
        wanted = lab.mel_cepstrum(envelope)
        sounds = (
            lab.world_synthesize(*tables, RATE, HOP),
            pyworld.synthesize(f0, envelope, breath, RATE, PERIOD_MS),
        )
        for figures, sound in zip((ours, theirs), sounds, strict=True):
            sound = np.pad(sound, (0, max(0, len(samples) - len(sound))))[: len(samples)]
            found = lab.mel_cepstrum(pyworld.cheaptrick(sound, f0, times, RATE, fft_size=N_FFT))
            figures.append((lab.mel_cepstral_distortion(wanted, found), measure.stoi(samples, sound, RATE)))
    (distortion, clearness), (its_distortion, its_clearness) = np.mean(ours, axis=0), np.mean(theirs, axis=0)
    assert distortion < its_distortion + 0.8 and clearness > its_clearness - 0.04


def test_tables_of_one_program_are_spoken_by_the_other(lab: Any, voices: list[np.ndarray]) -> None:
    import pyworld

    samples = voices[0]
    times, f0, envelope, breath = standard(samples)
    spoken = lab.world_synthesize(f0, envelope, breath, RATE, HOP)[: len(samples)]
    again = pyworld.cheaptrick(spoken, f0, times, RATE, fft_size=N_FFT)
    reference = pyworld.synthesize(f0, envelope, breath, RATE, PERIOD_MS)[: len(samples)]
    other = pyworld.cheaptrick(reference, f0, times[: len(f0)], RATE, fft_size=N_FFT)
    cepstra = [lab.mel_cepstrum(table) for table in (envelope, again, other)]
    ours, theirs = (lab.mel_cepstral_distortion(cepstra[0], found) for found in cepstra[1:])
    assert ours < theirs + 0.3
    # the average level is kept as well as pyworld keeps it, within 1.5 dB
    assert abs(10 * np.log10(np.mean(spoken**2) / np.mean(reference**2))) < 1.5
