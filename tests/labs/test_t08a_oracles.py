"""The lab on formants and linear prediction beside Praat (parselmouth) and librosa."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.course import load_course
from autograder.loading import reference_of

pytestmark = pytest.mark.slow

RATE = 10_000
NOMINAL = np.array([500.0, 1500.0, 2500.0])
STILL_VOWELS = ("IY", "IH", "EH", "AE", "AA", "AO", "AH", "UH", "ER")


@pytest.fixture(scope="module")
def lab() -> Any:
    return reference_of(load_course(), "t08a_formants_and_lpc")


def praat_formants(samples: np.ndarray, n_formants: int = 5) -> np.ndarray:
    """Median F1 to F3 of the middle of a sound, as Praat measures them."""
    parselmouth = pytest.importorskip("parselmouth")

    found = parselmouth.Sound(samples, RATE).to_formant_burg(
        max_number_of_formants=n_formants, maximum_formant=RATE / 2
    )
    times = np.linspace(0.3, 0.7, 21) * len(samples) / RATE
    return np.nanmedian([[found.get_value_at_time(i + 1, t) for i in range(3)] for t in times], axis=0)


def tracked(lab: Any, samples: np.ndarray) -> np.ndarray:
    """The same by the lab's own parts."""
    brighter = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    coefficients, _ = lab.lpc_frames(brighter, 12, 300, 50)
    track = lab.track_formants([lab.lpc_formants(row, RATE) for row in coefficients], NOMINAL)
    return np.nanmedian(track[round(0.3 * len(track)) : round(0.7 * len(track))], axis=0)


@pytest.mark.parametrize("vowel", STILL_VOWELS)
def test_praat_finds_the_targets_in_the_vowels_by_rule(lab: Any, vowel: str):
    samples = lab.formant_synthesize([(vowel, 0.5)], np.array([110.0, 100.0]), RATE)
    targets = lab.segments_of([(vowel, 0.5)])[1][0, :3]
    # between two overtones there is half of 105 Hz, where Praat can be off
    np.testing.assert_allclose(praat_formants(samples), targets, rtol=0.06, atol=40)


@pytest.mark.parametrize("vowel", STILL_VOWELS)
def test_tracker_agrees_with_praat_on_the_vowels_by_rule(lab: Any, vowel: str):
    samples = lab.formant_synthesize([(vowel, 0.5)], np.array([110.0, 100.0]), RATE)
    np.testing.assert_allclose(tracked(lab, samples), praat_formants(samples), rtol=0.06, atol=40)


def test_praat_hears_the_melody_that_was_asked_for(lab: Any):
    parselmouth = pytest.importorskip("parselmouth")

    samples = lab.formant_synthesize([("AA", 1.0)], np.array([90.0, 160.0]), 16_000)
    pitch = parselmouth.Sound(samples, 16_000).to_pitch(time_step=0.01)
    times = np.linspace(0.1, 0.9, 30)
    heard = np.array([pitch.get_value_at_time(t) for t in times])
    np.testing.assert_allclose(heard, 90 + 70 * times, rtol=0.02)


def test_librosas_burg_agrees_on_a_long_stationary_sound(lab: Any):
    import librosa
    from scipy.signal import lfilter

    a = np.array([1.0, -0.9, 0.5, 0.1])
    samples = lfilter([1], a, np.random.default_rng(0).normal(size=50_000))
    mine = lab.levinson_durbin(lab.autocorrelation(samples, 3))[0]
    np.testing.assert_allclose(mine, librosa.lpc(samples, order=3), atol=1e-3)
    np.testing.assert_allclose(mine, a, atol=0.03)  # seven times 1 / sqrt(50 000)


def test_a_sentence_by_rule_keeps_its_formants(lab: Any):
    phones = [("M", 0.08), ("AY", 0.25), ("W", 0.08), ("IY", 0.2), ("R", 0.08), ("OW", 0.25)]
    samples = lab.formant_synthesize(phones, np.array([120.0, 95.0]), RATE)
    durations, targets, transitions = lab.segments_of(phones)
    made = lab.target_tracks(durations, targets[:, :3], transitions, lab.FRAME_SECONDS)
    brighter = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    coefficients, _ = lab.lpc_frames(brighter, 12, 300, 50)
    track = lab.track_formants([lab.lpc_formants(row, RATE) for row in coefficients], NOMINAL)
    assert track.shape == made.shape
    assert np.nanmedian(np.abs(track / made - 1)) < 0.05
