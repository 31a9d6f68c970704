"""The lab on unit selection against Praat (parselmouth) and against every sequence of a small inventory."""

from __future__ import annotations

from itertools import pairwise, product
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograder.course import load_course
from autograder.loading import reference_of
from labkit import corpora

RATE = 22_050


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return reference_of(load_course(), "t08b_unit_selection")


@pytest.fixture(scope="module")
def sentences() -> list[Any]:
    return list(corpora.synth_ljs(50))


def praat_f0(samples: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Pitch by Praat at the given times in Hz, 0 where it hears no voice."""
    parselmouth = pytest.importorskip("parselmouth")

    track = parselmouth.Sound(samples, RATE).to_pitch_ac(time_step=0.005, pitch_floor=75, pitch_ceiling=600)
    return np.nan_to_num(np.array([track.get_value_at_time(time) for time in times]))


def both_voiced(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = (a > 0) & (b > 0)
    return a[both], b[both]


def test_the_pitch_tracker_agrees_with_praat(lab: Any, sentences: list[Any]) -> None:
    for clip in sentences[:4]:
        samples = clip.samples.astype(np.float64)
        ours = lab.f0_track(samples, RATE)
        theirs = praat_f0(samples, np.arange(len(ours)) * lab.HOP / RATE)
        # measured: 97 to 99 % agree on voicing, 0 to 0.4 % of voiced frames are 10 % off
        assert np.mean((ours > 0) == (theirs > 0)) > 0.95
        first, second = both_voiced(ours, theirs)
        assert np.mean(np.abs(first / second - 1) > 0.1) < 0.02
        assert np.median(np.abs(first / second - 1)) < 0.002


def test_pitch_marks_are_as_far_apart_as_praat_says(lab: Any, sentences: list[Any]) -> None:
    samples = sentences[0].samples.astype(np.float64)
    marks = lab.pitch_marks(samples, lab.f0_track(samples, RATE), lab.HOP, RATE)
    periods = np.diff(marks)
    inside = periods < RATE / 75
    measured = RATE / periods[inside]
    theirs = praat_f0(samples, (marks[:-1] + periods / 2)[inside] / RATE)
    first, second = both_voiced(measured, theirs)
    assert len(first) > 300
    assert np.median(np.abs(first / second - 1)) < 0.015  # one sample of a period of 90 is 1.1 %
    assert np.mean(np.abs(first / second - 1) > 0.1) < 0.1


@pytest.mark.parametrize("semitones", [-5, -2, 3, 5])
def test_praat_hears_the_pitch_that_psola_was_asked_for(
    lab: Any, sentences: list[Any], semitones: int
) -> None:
    samples = sentences[1].samples.astype(np.float64)
    moved = lab.change_voice(samples, RATE, pitch=2 ** (semitones / 12))
    assert len(moved) == len(samples)
    times = np.arange(0.05, len(samples) / RATE - 0.05, 0.005)
    before, after = both_voiced(praat_f0(samples, times), praat_f0(moved, times))
    assert len(before) > 200
    heard = 12 * np.log2(after / before)
    assert np.median(heard) == pytest.approx(semitones, abs=0.2)
    assert np.mean(np.abs(heard - semitones) > 1) < 0.1


def test_formants_stay_under_psola_and_move_under_resampling(lab: Any, sentences: list[Any]) -> None:
    """First and second formant of long vowels, by Praat's own tracker, before and after +4 semitones."""
    parselmouth = pytest.importorskip("parselmouth")

    factor = 2 ** (4 / 12)

    def formants(sound: np.ndarray, span: tuple[float, float], stretch: float = 1.0) -> np.ndarray:
        found = parselmouth.Sound(sound, RATE).to_formant_burg(maximum_formant=5500 * stretch)
        times = np.linspace(span[0] + 0.04, span[1] - 0.06, 12) / stretch
        return np.array([[found.get_value_at_time(n, t) for t in times] for n in (1, 2)])

    kept, moved = [], []
    for clip in sentences[:5]:
        samples = clip.samples.astype(np.float64)
        higher = lab.change_voice(samples, RATE, pitch=factor)
        faster = np.interp(np.arange(0, len(samples) - 1, factor), np.arange(len(samples)), samples)
        for label, *span in clip.phonemes:
            if label.startswith("ˈ") and span[1] - span[0] > 0.12:
                before = formants(samples, span)
                kept.append(np.nanmedian(formants(higher, span) / before, axis=1))
                moved.append(np.nanmedian(formants(faster, span, factor) / before, axis=1))
    assert len(kept) > 10
    first, second = np.median(np.abs(np.array(kept) - 1), axis=0)
    assert second < 0.02
    # at 240 Hz a harmonic or two lie under the first formant, and the tracker is drawn to them
    assert first < 0.12
    np.testing.assert_allclose(np.median(moved, axis=0), factor, rtol=0.01)


def test_our_psola_moves_the_envelope_no_more_than_praats(lab: Any, sentences: list[Any]) -> None:
    parselmouth = pytest.importorskip("parselmouth")
    call = pytest.importorskip("parselmouth.praat").call

    samples = sentences[9].samples.astype(np.float64)
    manipulation = call(parselmouth.Sound(samples, RATE), "To Manipulation", 0.005, 75, 600)
    tier = call(manipulation, "Extract pitch tier")
    call(tier, "Multiply frequencies", 0, len(samples) / RATE, 1.3)
    call([tier, manipulation], "Replace pitch tier")
    theirs = call(manipulation, "Get resynthesis (overlap-add)").values[0]
    ours = lab.change_voice(samples, RATE, pitch=1.3)
    below = np.arange(1025) * RATE / 2048 < 5000
    before = lab.envelope_db(samples, RATE)[below]
    moved = [np.std(lab.envelope_db(sound, RATE)[below] - before) for sound in (ours, theirs)]
    assert moved[0] < 1.25 * moved[1]


@pytest.mark.slow
def test_no_sequence_of_real_units_is_cheaper(lab: Any, sentences: list[Any]) -> None:
    utterances = [{"samples": clip.samples, "phones": list(clip.phonemes)} for clip in sentences[:25]]
    units = lab.build_inventory(utterances, RATE)
    wanted = lab.build_inventory(
        [{"samples": sentences[29].samples, "phones": list(sentences[29].phonemes)}], RATE
    )
    weights = lab.TARGET_WEIGHTS, lab.JOIN_WEIGHTS
    for first in range(0, len(wanted["left"]) - 4, 4):
        part = {key: value[first : first + 4] for key, value in wanted.items() if key not in ("sample_rate",)}
        chosen = lab.select_units(part, units, 8)
        costs = lab.target_cost(part, units, weights[0])
        fits = []
        for t, (left, right) in enumerate(zip(part["left"], part["right"], strict=True)):
            distance = np.array(
                [
                    lab.phone_distance(left, a, "end") + lab.phone_distance(right, b, "start")
                    for a, b in zip(units["left"], units["right"], strict=True)
                ]
            )
            nearest = np.flatnonzero(distance == distance.min())
            fits.append(nearest[np.argsort(costs[t, nearest], kind="stable")[:8]])
        every = np.arange(len(units["left"]))
        joins = {
            (a, b): float(lab.join_cost(units, every[[a]], every[[b]], weights[1])[0, 0])
            for before, after in pairwise(fits)
            for a in before
            for b in after
        }

        def total(sequence: Any, costs: Any = costs, joins: Any = joins) -> float:
            own = sum(costs[t, unit] for t, unit in enumerate(sequence))
            return own + sum(joins[pair] for pair in pairwise(sequence))

        best = min(total(sequence) for sequence in product(*fits))
        assert total(tuple(chosen)) == pytest.approx(best, rel=1e-9)


def test_a_recording_comes_back_from_its_own_units(lab: Any, sentences: list[Any]) -> None:
    clip = sentences[2]
    units = lab.build_inventory([{"samples": clip.samples, "phones": list(clip.phonemes)}], RATE)
    everything = np.arange(len(units["left"]))
    np.testing.assert_array_equal(lab.select_units(units, units), everything)
    spoken = lab.synthesize_units(everything, units)
    first, last = units["cuts"][0, 0], units["cuts"][-1, 2]
    assert len(spoken) == last - first
    marks = units["marks"][(units["marks"] >= first) & (units["marks"] < last)] - first
    inside = slice(marks[0], marks[-1])
    np.testing.assert_allclose(spoken[inside], units["samples"][first:last][inside], atol=1e-9)
