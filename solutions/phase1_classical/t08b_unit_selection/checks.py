"""Hidden checks of the lab on unit selection."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, oracle, picture, sound

parts = lab_beside(__file__)  # only to compose: a part that builds on others is fed with the reference's

# Two orders of summation of at most a few hundred float64 terms differ by some 1e-13 of their size.
EXACT = 1e-10
SEEDS = st.integers(0, 10**6)


def generator(seed):
    return np.random.default_rng(seed)


def same(result, expected):
    """Equal whole numbers, and as many of them."""
    result = np.asarray(result)
    assert result.shape == np.shape(expected)
    np.testing.assert_array_equal(result, expected)


def close(result, expected, rtol=EXACT, atol=1e-12):
    result = np.asarray(result)
    assert result.shape == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol)


# --- pitch_marks -------------------------------------------------------------------------------------


def marks_by_hand(samples, f0, hop_length, sample_rate, tolerance):
    """The rule of the docstring, one sample at a time."""
    marks, t = [], 0
    while t < len(f0):
        if f0[t] <= 0:
            t += 1
            continue
        first = t
        while t < len(f0) and f0[t] > 0:
            t += 1
        stretch = range(first, t)
        end = stretch[-1] * hop_length
        low = first * hop_length
        high = min(low + round(sample_rate / f0[first]) - 1, end)
        while high <= end:
            best = low
            for place in range(low, high + 1):
                if samples[place] > samples[best]:
                    best = place
            marks.append(best)
            nearest = min(stretch, key=lambda frame, best=best: abs(frame * hop_length - best))
            period = sample_rate / f0[nearest]
            low, high = best + round((1 - tolerance) * period), best + round((1 + tolerance) * period)
    return marks


def voiced_and_unvoiced(rng, frames):
    """A track of f0 around 100 Hz with holes."""
    f0 = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, frames)))
    for _ in range(2):
        hole = rng.integers(0, frames)
        f0[hole : hole + rng.integers(1, 6)] = 0
    return f0


@checks("pitch_marks")
@given(seed=SEEDS, frames=st.integers(2, 40), tolerance=st.floats(0.01, 0.3))
def test_agrees_with_the_rule_sample_by_sample(lab, seed, frames, tolerance):
    rng = generator(seed)
    f0 = voiced_and_unvoiced(rng, frames)
    samples = rng.normal(size=33 * frames)  # an odd hop: no mark lies halfway between two frames
    result = lab.pitch_marks(samples, f0, 33, 4000, tolerance)
    same(result, marks_by_hand(samples, f0, 33, 4000, tolerance))


@checks("pitch_marks")
def test_every_pulse_of_a_changing_voice_is_found(lab, rng):
    """Marks must lie on the pulses, also while the pitch glides by half an octave."""
    steps = np.round(np.linspace(70, 100, 60) + rng.uniform(-1, 1, 60)).astype(int)
    pulses = 40 + np.cumsum(np.append(0, steps))
    samples = rng.normal(0, 0.01, pulses[-1] + 50)
    samples[pulses] += 1
    centres = np.arange(0, len(samples), 41)
    f0 = 8000 / np.interp(centres, pulses[1:], steps)
    found = set(np.asarray(lab.pitch_marks(samples, f0, 41, 8000)).tolist())
    assert set(pulses[pulses < centres[-1] - 110].tolist()) <= found
    assert len(found) <= len(pulses)


@checks("pitch_marks")
def test_where_there_is_no_voice_there_are_no_marks(lab, rng):
    f0 = np.concatenate([np.zeros(10), np.full(10, 100.0), np.zeros(10), np.full(10, 130.0), np.zeros(5)])
    marks = np.asarray(lab.pitch_marks(rng.normal(size=45 * 33), f0, 33, 4000))
    frames = marks / 33
    assert np.all(((frames >= 10) & (frames <= 19)) | ((frames >= 30) & (frames <= 39)))
    assert np.any(frames < 20) and np.any(frames > 29)
    assert len(np.asarray(lab.pitch_marks(rng.normal(size=99), np.zeros(3), 33, 4000))) == 0


@checks("pitch_marks", visible=True)
def test_marks_sit_on_the_highest_samples(lab):
    pulses = np.zeros(100)
    pulses[[7, 27, 47, 67, 87]] = 1.0
    pulses[[12, 32, 52, 72, 92]] = -3.0  # a deep valley is no peak
    same(lab.pitch_marks(pulses, np.full(10, 50.0), 10, 1000), [7, 27, 47, 67, 87])


@checks("pitch_marks")
def test_both_ends_of_the_range_are_searched(lab):
    """The samples at (1 - tolerance) T and at (1 + tolerance) T after a mark must be looked at."""
    for second in (16, 24):  # T = 20, tolerance 0.2
        samples = np.zeros(41)
        samples[[5, 5 + second]] = [1.0, 0.5]
        assert lab.pitch_marks(samples, np.full(5, 50.0), 10, 1000, 0.2)[1] == 5 + second
    for second in (15, 25):
        samples = np.zeros(41)
        samples[[5, 5 + second]] = [1.0, 0.5]
        assert lab.pitch_marks(samples, np.full(5, 50.0), 10, 1000, 0.2)[1] == 21  # all equal: the first


@checks("pitch_marks")
def test_the_first_period_starts_with_the_stretch(lab):
    """The first mark must be looked for from the first sample of the stretch to the end of one period."""
    for place in (20, 39):
        samples = np.zeros(81)
        samples[[place, 40, 19]] = [1.0, 2.0, 2.0]
        f0 = np.array([0, 0, 50.0, 50, 50, 50, 50, 0])
        assert lab.pitch_marks(samples, f0, 10, 1000)[0] == place


@checks("pitch_marks")
def test_the_stretch_ends_with_the_centre_of_its_last_frame(lab):
    """A range that reaches the last sample of the stretch is searched; one sample further it is not."""
    samples = np.zeros(60)
    samples[[0, 20]] = 1.0
    assert len(np.asarray(lab.pitch_marks(samples, np.array([50.0, 50, 50, 0, 0]), 11, 1000))) == 2
    assert len(np.asarray(lab.pitch_marks(samples, np.array([50.0, 50, 50, 0, 0]), 10, 1000))) == 1
    samples[[0, 1]] = [0.0, 1.0]  # with the mark one later, 1 + 22 is beyond 22
    assert len(np.asarray(lab.pitch_marks(samples, np.array([50.0, 50, 50, 0, 0]), 11, 1000))) == 1


@checks("pitch_marks")
def test_any_frequency_above_zero_is_a_voice_to_mark(lab):
    same(lab.pitch_marks(np.ones(41), np.full(5, 0.5), 10, 10, 0), [0, 20, 40])


@checks("pitch_marks")
def test_a_stretch_shorter_than_a_period_gets_one_mark_inside(lab, rng):
    samples = rng.normal(size=60)
    samples[[9, 21]] = 99.0
    result = np.asarray(lab.pitch_marks(samples, np.array([0, 50.0, 50.0, 0, 0, 0]), 10, 1000))
    same(result, [10 + int(np.argmax(samples[10:21]))])


@checks("pitch_marks")
def test_the_usual_tolerance_is_a_tenth(lab, rng):
    """Without being told, the next mark is looked for within 10 % of the period."""
    samples, f0 = rng.normal(size=700), np.full(20, 80.0)
    same(lab.pitch_marks(samples, f0, 33, 4000), marks_by_hand(samples, f0, 33, 4000, 0.1))


@checks("pitch_marks")
@pytest.mark.parametrize("tolerance", [-0.1, -1e-9, 0.5, 0.9])
def test_tolerance_must_be_less_than_half_a_period(lab, tolerance):
    with pytest.raises(ValueError):
        lab.pitch_marks(np.ones(50), np.full(4, 100.0), 10, 1000, tolerance)


@checks("pitch_marks")
def test_without_tolerance_marks_are_exactly_a_period_apart(lab):
    same(lab.pitch_marks(np.ones(41), np.full(5, 100.0), 10, 1000, 0), [0, 10, 20, 30, 40])


@checks("pitch_marks")
def test_frames_beyond_the_samples_are_refused(lab):
    assert len(np.asarray(lab.pitch_marks(np.ones(41), np.full(5, 100.0), 10, 1000))) > 0
    with pytest.raises(ValueError):
        lab.pitch_marks(np.ones(40), np.full(5, 100.0), 10, 1000)


@picture("pitch_marks")
def marks_on_the_waveform(output, samples, f0, hop_length, sample_rate, *rest, **options):
    from labkit import plot

    places = np.asarray(output)
    places = places[(places >= 0) & (places < len(samples))].astype(int)
    return plot.lines(
        {"waveform": samples, "your marks": (places, np.asarray(samples)[places])},
        x_label="sample",
        y_label="amplitude",
        title="your marks: one on the peak of each period",
    )


# --- fill_marks --------------------------------------------------------------------------------------


@checks("fill_marks", visible=True)
def test_gaps_without_voice_are_divided_evenly(lab):
    every, voiced = lab.fill_marks(np.array([300, 350, 400]), 1001, 100.0, 60.0)
    same(every, [0, 100, 200, 300, 350, 400, 500, 600, 700, 800, 900, 1000])
    same(voiced, [False] * 3 + [True] * 3 + [False] * 6)


@checks("fill_marks")
@given(seed=SEEDS, count=st.integers(0, 12))
def test_every_gap_has_the_steps_nearest_to_the_spacing(lab, seed, count):
    rng = generator(seed)
    spacing, longest = rng.uniform(10, 80), rng.uniform(20, 90)  # no gap is just halfway between two numbers
    marks = np.sort(rng.choice(np.arange(1, 999), count, replace=False))
    exact, flags = [], []
    ends = sorted({0, 999, *marks.tolist()})
    for left, right in pairwise(ends):
        steps = 1
        if right - left > longest:
            steps = min(range(1, 200), key=lambda n, gap=right - left: abs(gap / spacing - n))
        exact += [left + k * (right - left) / steps for k in range(steps)]
        flags += [left in marks] + [False] * (steps - 1)
    every, voiced = lab.fill_marks(marks, 1000, spacing, longest)
    assert np.shape(every) == np.shape(voiced) == (len(exact) + 1,)
    # a whole sample is at most half a sample away
    assert np.all(np.abs(np.asarray(every) - [*exact, 999]) <= 0.5 + 1e-9)
    assert np.all(np.asarray(every) == np.round(every))
    same(voiced, [*flags, False])


@checks("fill_marks")
def test_no_pitch_mark_is_moved_or_lost(lab, rng):
    marks = np.cumsum(rng.integers(50, 60, 30))
    every, voiced = lab.fill_marks(marks, marks[-1] + 500, 100.0, 70.0)
    same(np.asarray(every)[np.asarray(voiced)], marks)
    assert every[0] == 0 and every[-1] == marks[-1] + 499


@checks("fill_marks")
def test_the_spacing_of_noise_does_not_follow_the_voice(lab, rng):
    """Where there is no voice, marks must be `spacing` apart, whatever the period of the voice is."""
    for period in (40, 90):
        marks = 1000 + period * np.arange(20)
        every, voiced = lab.fill_marks(marks, 6000, 125.0, 150.0)
        before = np.diff(np.asarray(every)[np.asarray(every) <= 1000])
        assert np.all(before == 125)


@checks("fill_marks")
def test_a_gap_as_long_as_the_longest_period_is_left_alone(lab):
    marks, spacing, longest = np.array([0, 60]), 20.0, 60.0
    same(lab.fill_marks(marks, 61, spacing, longest)[0], [0, 60])
    same(lab.fill_marks(np.array([0, 61]), 62, spacing, longest)[0], [0, 20, 41, 61])


@checks("fill_marks")
def test_marks_on_both_ends_stay_voiced(lab):
    every, voiced = lab.fill_marks(np.array([0, 30, 59]), 60, 10.0, 40.0)
    same(every, [0, 30, 59])
    same(voiced, [True, True, True])


@checks("fill_marks")
def test_a_gap_may_be_shorter_than_half_the_spacing(lab):
    """Also where the wanted spacing is far too long for a gap, its two ends are marks."""
    same(lab.fill_marks(np.zeros(0, dtype=int), 11, 500.0, 5.0)[0], [0, 10])
    same(lab.fill_marks(np.zeros(0, dtype=int), 2, 500.0, 5.0)[0], [0, 1])


@checks("fill_marks")
@pytest.mark.parametrize(
    ("marks", "length"),
    [([], 1), ([], 0), ([-1, 5], 10), ([3, 10], 10), ([5, 5], 10), ([5, 4], 10)],
    ids=["one sample", "none", "before the start", "behind the end", "twice the same", "falling"],
)
def test_marks_must_rise_within_the_signal(lab, marks, length):
    with pytest.raises(ValueError):
        lab.fill_marks(np.array(marks, dtype=int), length, 3.0, 4.0)


# --- synthesis_marks ---------------------------------------------------------------------------------


def walk_by_hand(times, periods):
    t, marks, grains = times[0], [], []
    while t <= times[-1]:
        nearest = int(np.argmin(np.abs(times - t)))
        marks.append(round(t))
        grains.append(nearest)
        t = t + periods[nearest]
    return marks, grains


@checks("synthesis_marks")
@given(seed=SEEDS, count=st.integers(1, 40), pitch=st.floats(0.4, 2.5), duration=st.floats(0.3, 3))
def test_agrees_with_the_walk_step_by_step(lab, seed, count, pitch, duration):
    periods = generator(seed).uniform(40, 90, count)
    times = 17 + duration * (np.cumsum(periods) - periods)
    marks, grains = lab.synthesis_marks(times, periods / pitch)
    expected = walk_by_hand(times, periods / pitch)
    same(marks, expected[0])
    same(grains, expected[1])


@checks("synthesis_marks")
def test_if_nothing_changes_every_grain_stays(lab, rng):
    marks = 5 + np.cumsum(rng.integers(30, 90, 50))
    positions, grains = lab.synthesis_marks(marks.astype(float), np.append(np.diff(marks), 40).astype(float))
    same(positions, marks)
    same(grains, np.arange(50))


@checks("synthesis_marks", visible=True)
def test_twice_the_pitch_uses_each_grain_twice(lab):
    positions, grains = lab.synthesis_marks(np.array([0.0, 10.0, 20.0, 30.0]), np.full(4, 5.0))
    same(positions, [0, 5, 10, 15, 20, 25, 30])
    same(grains, [0, 0, 1, 1, 2, 2, 3])


@checks("synthesis_marks")
def test_lower_leaves_grains_out_and_keeps_the_length(lab):
    """At half the pitch, every other grain must be left out, and the last mark stays where it was."""
    positions, grains = lab.synthesis_marks(100.0 * np.arange(9), np.full(9, 200.0))
    same(positions, [0, 200, 400, 600, 800])
    same(grains, [0, 2, 4, 6, 8])


@checks("synthesis_marks")
def test_rounding_does_not_add_up(lab):
    """A thousand steps of 40.4 samples must end at 40 400, not at 40 000."""
    positions, _ = lab.synthesis_marks(np.arange(0.0, 40_500.0, 50.0), np.full(810, 40.4))
    close(positions, np.round(40.4 * np.arange(len(np.asarray(positions)))), atol=0.5)
    assert positions[1000] == 40_400


@checks("synthesis_marks")
def test_each_step_is_the_period_of_the_grain_just_placed(lab):
    positions, grains = lab.synthesis_marks(np.array([0.0, 10.0, 30.0]), np.array([7.0, 21.0, 4.0]))
    same(positions, [0, 7, 28])
    same(grains, [0, 1, 2])


@checks("synthesis_marks")
def test_one_grain_and_equal_times_are_allowed(lab):
    positions, grains = lab.synthesis_marks(np.array([12.0]), np.array([3.0]))
    same(positions, [12])
    same(grains, [0])
    same(lab.synthesis_marks(np.array([4.0, 4.0, 9.0]), np.array([5.0, 1.0, 1.0]))[1], [0, 2])


@checks("synthesis_marks")
@pytest.mark.parametrize(
    ("times", "periods"),
    [
        ([], []),
        ([0.0, 1.0], [1.0]),
        ([0.0, 1.0], [1.0, 0.0]),
        ([0.0, 1.0], [-1.0, 1.0]),
        ([1.0, 0.9], [1.0, 1.0]),
    ],
    ids=["no grains", "one period too few", "period zero", "negative period", "falling times"],
)
def test_impossible_walks_are_refused(lab, times, periods):
    with pytest.raises(ValueError):
        lab.synthesis_marks(np.array(times), np.array(periods))


# --- psola -------------------------------------------------------------------------------------------


def psola_by_hand(samples, marks, sources, positions, length, gains):
    """Every sample of every grain, one at a time, with the window looked up by its distance to the mark."""
    total, weight = np.zeros(length), np.zeros(length)
    for source, position, gain in zip(sources, positions, gains, strict=True):
        left = marks[source] - marks[source - 1] if source else 0
        right = marks[source + 1] - marks[source] if source + 1 < len(marks) else 1
        for away in range(-left, right):
            place = position + away
            if 0 <= place < length:
                share = np.cos(np.pi / 2 * away / (left if away < 0 else right)) ** 2
                total[place] += gain * share * samples[marks[source] + away]
                weight[place] += share
    return total / np.where(weight > 1, weight, 1)


@checks("psola")
@given(seed=SEEDS, count=st.integers(1, 12), placed=st.integers(0, 25))
def test_agrees_with_the_sum_over_grains(lab, seed, count, placed):
    rng = generator(seed)
    marks = rng.integers(0, 9) + np.cumsum(rng.integers(1, 25, count))
    samples = rng.normal(size=marks[-1] + rng.integers(1, 9))
    sources, positions = rng.integers(0, count, placed), rng.integers(-20, 120, placed)
    gains = rng.uniform(0.3, 2, placed)
    result = lab.psola(samples, marks, sources, positions, 100, gains)
    # cos² x and 1/2 + 1/2 cos 2x differ by rounding only
    close(result, psola_by_hand(samples, marks, sources, positions, 100, gains), atol=1e-10)


@checks("psola")
def test_if_nothing_moves_the_input_comes_back(lab, rng):
    """With all grains in their places, the result must be the input from the first mark to the last."""
    marks = np.concatenate([[0], np.cumsum(rng.integers(20, 90, 40))])
    samples = rng.normal(size=marks[-1] + 1)
    close(lab.psola(samples, marks, np.arange(41), marks, len(samples)), samples, atol=1e-12)


def vowel(rng, period, formant=900.0, sample_rate=8000, count=60):
    """Pulses through one resonance, and its marks."""
    time = np.arange(6 * period) / sample_rate
    ringing = np.exp(-600 * time) * np.cos(2 * np.pi * formant * time)
    marks = period * np.arange(1, count + 1)
    pulses = np.zeros(period * (count + 1) + 1)
    pulses[marks] = rng.uniform(0.9, 1.1)
    return np.convolve(pulses, ringing)[: len(pulses)], marks


def period_of(samples, shortest, longest):
    """The lag at which a signal is most like itself."""
    lags = np.arange(shortest, longest + 1)
    likeness = [
        np.dot(samples[lag:], samples[:-lag]) / np.linalg.norm(samples[lag:]) / np.linalg.norm(samples[:-lag])
        for lag in lags
    ]
    return int(lags[np.argmax(likeness)])


def centroid(samples, sample_rate=8000):
    """Centre of the spectrum's power between 300 and 1800 Hz, where the resonance is."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    band = (frequency > 300) & (frequency < 1800)
    return float(np.sum(power[band] * frequency[band]) / np.sum(power[band]))


@checks("psola")
def test_the_pitch_moves_and_the_formant_stays(lab, rng):
    """With marks four semitones closer together, the period must shrink by as much and the resonance stay."""
    samples, marks = vowel(rng, period=80)
    positions, sources = parts.synthesis_marks(marks.astype(float), np.full(len(marks), 80 / 2 ** (4 / 12)))
    result = np.asarray(lab.psola(samples, marks, sources, positions, len(samples)))
    middle = result[800:4000]
    assert abs(period_of(middle, 40, 76) - 63.5) <= 0.5  # 80 / 1.26 = 63.496, in whole samples
    # resampling would move it from 900 to 1134 Hz; the harmonics shift its centre a little
    assert abs(centroid(middle) - centroid(samples[800:4000])) < 80


@checks("psola")
def test_grains_that_crowd_do_not_get_louder(lab, rng):
    """Where windows overlap to more than one, the sum must be divided by the sum of the windows."""
    marks = 50 * np.arange(21)
    positions = 10 * np.arange(5, 95)
    sources = np.clip(np.round(positions / 50).astype(int), 1, 19)
    constant = np.full(1001, 0.7)
    result = np.asarray(lab.psola(constant, marks, sources, positions, 1001))
    close(result[150:850], np.full(700, 0.7))


@checks("psola")
def test_between_distant_grains_there_is_silence(lab, rng):
    """Where windows fall below one, nothing must be made up: a lone grain fades in and out."""
    marks = np.array([0, 20, 40])
    result = np.asarray(lab.psola(np.ones(41), marks, np.array([1]), np.array([50]), 100))
    assert np.all(result[:31] == 0) and np.all(result[70:] == 0)
    close(result[[40, 50, 60]], [0.5, 1.0, 0.5])


@checks("psola", visible=True)
def test_gains_scale_the_grains(lab):
    marks, places = np.array([0, 10, 20]), np.array([0, 10, 20])
    result = np.asarray(lab.psola(np.ones(21), marks, np.arange(3), places, 21, np.array([1.0, 3.0, 5.0])))
    close(result[[0, 5, 10, 15, 20]], [1.0, 2.0, 3.0, 4.0, 5.0])


@checks("psola")
def test_what_sticks_out_is_cut_off(lab, rng):
    marks = np.array([0, 10, 20])
    samples = rng.normal(size=21)
    whole = np.asarray(lab.psola(samples, marks, np.array([1, 1]), np.array([12, 35]), 60))
    for first, last in ((0, 20), (8, 40), (12, 12 + 26)):
        cut = lab.psola(samples, marks, np.array([1, 1]), np.array([12, 35]) - first, last - first)
        close(cut, whole[first:last])
    same(lab.psola(samples, marks, np.array([1, 1]), np.array([-50, 300]), 30), np.zeros(30))


@checks("psola")
@pytest.mark.parametrize(
    ("sources", "positions", "gains"),
    [([0, 1], [3], None), ([0], [3, 4], None), ([0], [3], [1.0, 1.0]), ([3], [3], None), ([-1], [3], None)],
    ids=["more sources", "more positions", "more gains", "behind the last mark", "before the first mark"],
)
def test_grains_that_do_not_exist_are_refused(lab, sources, positions, gains):
    gains = None if gains is None else np.array(gains)
    with pytest.raises(ValueError):
        lab.psola(np.ones(21), np.array([0, 10, 20]), np.array(sources), np.array(positions), 21, gains)


@sound("psola")
def grains_and_result(output, samples, *args, **options):
    largest = max(np.abs(samples).max(), np.abs(output).max(), 1e-9)
    return {"cut from": samples / largest, "yours": output / largest}, 8000


# --- cut_diphones ------------------------------------------------------------------------------------


def random_phones(rng, count, labels=("s", "ˈa", "t", "m", "sil")):
    times = 0.25 + np.concatenate([[0.0], np.cumsum(rng.uniform(0.03, 0.2, count))])
    names = rng.choice(labels, count)
    return [(str(names[i]), float(times[i]), float(times[i + 1])) for i in range(count)]


@checks("cut_diphones", visible=True)
def test_a_diphone_runs_from_middle_to_middle(lab):
    (only,) = lab.cut_diphones([("s", 0.0, 0.25), ("a", 0.25, 1.25)])
    assert only["left"] == "s" and only["right"] == "a"
    assert only["start"] == 0.125 and only["border"] == 0.25 and only["end"] == 0.75


@checks("cut_diphones")
@given(seed=SEEDS, count=st.integers(2, 12))
def test_every_pair_of_neighbours_is_cut_at_its_middles(lab, seed, count):
    phones = random_phones(generator(seed), count)
    result = lab.cut_diphones(phones)
    assert len(result) == count - 1
    for one, (a, a_start, a_end), (b, b_start, b_end) in zip(result, phones[:-1], phones[1:], strict=True):
        assert (one["left"], one["right"]) == (a, b)
        place = result.index(one)
        assert one["previous"] == (phones[place - 1][0] if place else "")
        assert one["next"] == (phones[place + 2][0] if place + 2 < count else "")
        # sums of two numbers below 4, halved
        close(
            [one["start"], one["border"], one["end"]], [(a_start + a_end) / 2, b_start, (b_start + b_end) / 2]
        )


@checks("cut_diphones")
def test_each_starts_exactly_where_the_one_before_ends(lab, rng):
    """The end of a diphone and the start of the next must be the same number, to the last digit."""
    result = lab.cut_diphones(random_phones(rng, 30))
    assert all(one["end"] == after["start"] for one, after in pairwise(result))


@checks("cut_diphones")
def test_the_phones_around_are_remembered(lab):
    phones = [(label, 0.1 * i, 0.1 * i + 0.1) for i, label in enumerate("abcd")]
    result = lab.cut_diphones(phones)
    assert [one["previous"] for one in result] == ["", "a", "b"]
    assert [one["next"] for one in result] == ["c", "d", ""]


@checks("cut_diphones")
@pytest.mark.parametrize(
    "phones",
    [[], [("a", 0.0, 1.0)], [("a", 0.0, 1.0), ("b", 1.0, 1.0)], [("a", 0.5, 0.4), ("b", 0.4, 1.0)]],
    ids=["none", "one", "no length", "backwards"],
)
def test_two_phones_with_a_length_are_needed(lab, phones):
    with pytest.raises(ValueError):
        lab.cut_diphones(phones)


# --- unit_features -----------------------------------------------------------------------------------


def tracks_of(rng, frames):
    f0 = rng.uniform(100, 300, frames) * (rng.random(frames) < 0.6)
    return rng.normal(size=(frames, 3)), f0, rng.uniform(-50, 0, frames)


@checks("unit_features")
@given(seed=SEEDS, count=st.integers(2, 8))
def test_numbers_are_those_of_the_frames_at_the_cuts(lab, seed, count):
    rng = generator(seed)
    diphones = parts.cut_diphones(random_phones(rng, count))
    rate, hop = 1000, 11
    frames = int(diphones[-1]["end"] * rate / hop) + 3
    mfcc, f0, levels = tracks_of(rng, frames)
    result = lab.unit_features(diphones, mfcc, f0, levels, hop, rate)
    for n, one in enumerate(diphones):
        cuts = [round(one[key] * rate) for key in ("start", "border", "end")]
        same(result["cuts"][n], cuts)
        first, _, last = (min(range(frames), key=lambda t, cut=cut: abs(t * hop - cut)) for cut in cuts)
        for side, frame in (("start", first), ("end", last)):
            close(result[f"mfcc_{side}"][n], mfcc[frame])
            assert result[f"f0_{side}"][n] == f0[frame]
            assert result[f"level_{side}"][n] == levels[frame]
        voiced = [f0[t] for t in range(first, last + 1) if f0[t] > 0]
        close(result["f0"][n], sum(voiced) / len(voiced) if voiced else 0.0)
        close(result["durations"][n], [one["border"] - one["start"], one["end"] - one["border"]], rtol=1e-9)


@checks("unit_features")
def test_frames_without_voice_do_not_pull_the_pitch_down(lab):
    diphones = parts.cut_diphones([("s", 0.0, 0.2), ("a", 0.2, 0.4)])
    f0 = np.array([0.0, 0.0, 200.0, 202.0, 0.0])
    result = lab.unit_features(diphones, np.zeros((5, 2)), f0, np.zeros(5), 100, 1000)
    close(result["f0"], [201.0])


@checks("unit_features")
def test_a_unit_without_voice_has_pitch_zero(lab):
    diphones = parts.cut_diphones([("s", 0.0, 0.2), ("f", 0.2, 0.4), ("a", 0.4, 0.8)])
    f0 = np.array([0.0, 0.0, 0.0, 0.0, 150.0, 150.0, 150.0])
    result = lab.unit_features(diphones, np.zeros((7, 2)), f0, np.zeros(7), 100, 1000)
    close(result["f0"], [0.0, 150.0])


@checks("unit_features")
def test_any_frequency_above_zero_is_a_voice(lab):
    diphones = parts.cut_diphones([("a", 0.0, 0.2), ("b", 0.2, 0.4)])
    f0 = np.array([0.0, 0.5, 0.9, 0.7, 0.0])
    close(lab.unit_features(diphones, np.zeros((5, 2)), f0, np.zeros(5), 100, 1000)["f0"], [0.7])


@checks("unit_features")
def test_position_grows_from_start_to_end(lab, rng):
    """Position is the border's place between the first diphone's start and the last one's end."""
    diphones = parts.cut_diphones([("a", 1.0, 1.4), ("b", 1.4, 2.0), ("c", 2.0, 3.0), ("d", 3.0, 3.4)])
    mfcc, f0, levels = tracks_of(rng, 30)
    result = lab.unit_features(diphones, mfcc, f0, levels, 100, 1000)
    close(result["position"], [0.1, 0.4, 0.9])  # from 1.2 s to 3.2 s


@checks("unit_features")
def test_labels_are_kept_in_order(lab, rng):
    diphones = parts.cut_diphones(random_phones(rng, 6))
    mfcc, f0, levels = tracks_of(rng, 200)
    result = lab.unit_features(diphones, mfcc, f0, levels, 11, 1000)
    for key in ("left", "right", "previous", "next"):
        assert list(result[key]) == [one[key] for one in diphones]


@checks("unit_features")
def test_a_cut_behind_the_last_frame_gets_the_last_frame(lab, rng):
    diphones = parts.cut_diphones([("a", 0.0, 0.2), ("b", 0.2, 0.6)])
    mfcc, f0, levels = tracks_of(rng, 3)  # centred at 0, 0.1 and 0.2 s; the unit ends at 0.4 s
    f0 = np.array([0.0, 100.0, 140.0])
    result = lab.unit_features(diphones, mfcc, f0, levels, 100, 1000)
    close(result["mfcc_end"], mfcc[[2]])
    close(result["f0_end"], [140.0])
    close(result["f0"], [120.0])


@checks("unit_features")
def test_tracks_must_be_equally_long(lab, rng):
    diphones = parts.cut_diphones(random_phones(rng, 3))
    mfcc, f0, levels = tracks_of(rng, 100)
    for wrong in ((mfcc[1:], f0, levels), (mfcc, f0[1:], levels), (mfcc, f0, levels[1:])):
        with pytest.raises(ValueError):
            lab.unit_features(diphones, *wrong, 11, 1000)
    with pytest.raises(ValueError):
        lab.unit_features([], mfcc, f0, levels, 11, 1000)


# --- build_inventory ---------------------------------------------------------------------------------

SPOKEN_RATE = 16_000


def utterance(rng, labels=("s", "a", "s", "m")):
    """Noise for s, a hum for other labels, 0.1 to 0.15 s each."""
    pieces, phones, clock = [], [], 0.0
    for label in labels:
        count = int(rng.integers(1600, 2400))
        t = np.arange(count) / SPOKEN_RATE
        hum = sum(np.cos(2 * np.pi * 180 * k * t) / k for k in range(1, 8)) / 5
        pieces.append(rng.normal(0, 0.1, count) if label == "s" else hum)
        phones.append((label, clock, clock + count / SPOKEN_RATE))
        clock += count / SPOKEN_RATE
    return {"samples": np.concatenate(pieces), "phones": phones}


ARRAYS = ("cuts", "durations", "f0", "position", "mfcc_start", "mfcc_end", "f0_start", "f0_end")


@checks("build_inventory")
def test_one_utterance_gives_its_own_units(lab, rng):
    one = utterance(rng)
    result = lab.build_inventory([one], SPOKEN_RATE)
    mfcc, f0, levels = parts.analyse(one["samples"], SPOKEN_RATE)
    expected = parts.unit_features(
        parts.cut_diphones(one["phones"]), mfcc, f0, levels, parts.HOP, SPOKEN_RATE
    )
    for key in (*ARRAYS, "level_start", "level_end"):
        close(result[key], expected[key])
    marks, voiced = parts.all_marks(one["samples"], f0, SPOKEN_RATE)
    same(result["marks"], marks)
    same(result["voiced"], voiced)
    close(result["samples"], one["samples"])
    assert result["sample_rate"] == SPOKEN_RATE


@checks("build_inventory")
def test_cuts_and_marks_move_with_their_recording(lab, rng):
    """In the joined samples, each unit must find the sound that it had in its own recording."""
    both = [utterance(rng), utterance(rng, ("m", "s", "a"))]
    alone = [lab.build_inventory([one], SPOKEN_RATE) for one in both]
    result = lab.build_inventory(both, SPOKEN_RATE)
    offset = len(both[0]["samples"])
    same(result["cuts"], np.concatenate([alone[0]["cuts"], np.asarray(alone[1]["cuts"]) + offset]))
    same(result["marks"], np.concatenate([alone[0]["marks"], np.asarray(alone[1]["marks"]) + offset]))
    same(result["voiced"], np.concatenate([alone[0]["voiced"], alone[1]["voiced"]]))
    close(result["samples"], np.concatenate([both[0]["samples"], both[1]["samples"]]))
    assert list(result["left"]) == [*alone[0]["left"], *alone[1]["left"]]
    assert list(result["next"]) == [*alone[0]["next"], *alone[1]["next"]]
    for key in ARRAYS[1:]:
        close(result[key], np.concatenate([alone[0][key], alone[1][key]]))


@checks("build_inventory")
def test_neighbours_share_a_cut_and_strangers_do_not(lab, rng):
    """A unit ends where the next of its recording starts; the last of a recording has no next."""
    result = lab.build_inventory([utterance(rng) for _ in range(3)], SPOKEN_RATE)
    cuts = np.asarray(result["cuts"])
    touching = cuts[:-1, 2] == cuts[1:, 0]
    same(touching, [True, True, False, True, True, False, True, True])


@checks("build_inventory")
def test_the_voice_is_marked_and_the_noise_is_not(lab, rng):
    """Voiced marks must be 180 to the second, and lie in the hum."""
    result = lab.build_inventory([utterance(rng, ("s", "a", "s"))], SPOKEN_RATE)
    first, second = (round(t * SPOKEN_RATE) for t in (0.07, 0.2))
    marks, voiced = np.asarray(result["marks"]), np.asarray(result["voiced"])
    assert not np.any(voiced[marks < first])
    inside = np.diff(marks[voiced & (marks > second - 800) & (marks < second)])
    assert len(inside) > 3 and np.all(np.abs(inside - SPOKEN_RATE / 180) <= 2)


@checks("build_inventory")
def test_an_inventory_of_nothing_is_refused(lab):
    with pytest.raises(ValueError):
        lab.build_inventory([], SPOKEN_RATE)


# --- phone_distance ----------------------------------------------------------------------------------

CHART = {  # the IPA chart again, by hand and in another order
    "m": ("nasal", "lips", "voiced"),
    "p": ("plosive", "lips", "voiceless"),
    "z": ("fricative", "ridge", "voiced"),
    "ʃ": ("fricative", "palate", "voiceless"),
    "k": ("plosive", "velum", "voiceless"),
    "d": ("plosive", "ridge", "voiced"),
    "l": ("approximant", "ridge", "voiced"),
    "i": ("vowel", "front", "close"),
    "u": ("vowel", "back", "close"),
    "a": ("vowel", "front", "open"),
    "ə": ("vowel", "central", "mid"),
    "sil": ("silence", "none", "none"),
}


@checks("phone_distance")
@given(seed=SEEDS)
def test_counts_manner_three_times_and_the_others_once(lab, seed):
    rng = generator(seed)
    a, b = (str(one) for one in rng.choice(list(CHART), 2))
    expected = 0
    if a != b:
        expected = 1 + sum(
            weight * (x != y) for weight, x, y in zip((3, 1, 1), CHART[a], CHART[b], strict=True)
        )
    for side in ("end", "start"):
        assert lab.phone_distance(a, b, side) == expected


@checks("phone_distance", visible=True)
def test_voice_alone_is_a_small_difference(lab):
    assert lab.phone_distance("p", "b", "start") == 2
    assert lab.phone_distance("p", "k", "start") == 2
    assert lab.phone_distance("p", "ə", "start") == 6


@checks("phone_distance")
def test_every_manner_place_and_third_feature_counts(lab):
    for a, b, expected in (
        ("d", "z", 4),
        ("d", "b", 2),
        ("d", "t", 2),
        ("d", "k", 3),
        ("d", "f", 6),
        ("t", "z", 5),
    ):
        assert lab.phone_distance(a, b, "end") == lab.phone_distance(b, a, "start") == expected


@checks("phone_distance")
def test_equal_labels_are_no_distance_apart(lab):
    for label in ("ˈaɪ", "sil", "x", "tʃ", "ɔːɹ"):
        assert lab.phone_distance(label, label, "end") == 0


@checks("phone_distance")
def test_stress_and_length_count_one_and_no_more(lab):
    for a, b in (("ˈiː", "i"), ("ˌa", "ˈa"), ("ɔː", "ɔ"), ("ˈaɪ", "aɪ")):
        for side in ("end", "start"):
            assert lab.phone_distance(a, b, side) == lab.phone_distance(b, a, side) == 1


@checks("phone_distance")
def test_the_side_decides_which_symbol_of_a_diphthong_counts(lab):
    """ "end" must compare last symbols, "start" first ones, marks left out."""
    assert lab.phone_distance("ˈaɪ", "ˌɔɪ", "end") == 1
    assert lab.phone_distance("ˈaɪ", "ˌɔɪ", "start") == 3  # front and open, back and mid
    assert lab.phone_distance("tʃ", "t", "start") == 1
    assert lab.phone_distance("tʃ", "ʃ", "end") == 1
    assert lab.phone_distance("tʃ", "ʃ", "start") == 5
    assert lab.phone_distance("ˈuː", "ʊ", "end") == lab.phone_distance("oʊ", "ˈuː", "end") == 2 - 1 + 0


@checks("phone_distance")
def test_a_pause_is_one_symbol(lab):
    """ "sil" must not be read as s, i and l."""
    assert lab.phone_distance("sil", "s", "start") == 6
    assert lab.phone_distance("sil", "l", "end") == 6


@checks("phone_distance")
def test_symbols_that_the_table_lacks_are_far_from_all_but_themselves(lab):
    assert lab.phone_distance("x", "s", "end") == lab.phone_distance("s", "x", "start") == 6
    assert lab.phone_distance("x", "y", "end") == 6
    assert lab.phone_distance("ˈx", "x", "end") == 1


@checks("phone_distance")
@pytest.mark.parametrize("side", ["middle", "", "left"])
def test_there_are_two_sides(lab, side):
    with pytest.raises(ValueError):
        lab.phone_distance("a", "a", side)


@checks("phone_distance")
def test_marks_alone_are_no_label(lab):
    for a, b in (("ˈ", "a"), ("a", "ː"), ("", "a"), ("ˈ", "ˈ")):
        with pytest.raises(ValueError):
            lab.phone_distance(a, b, "end")


# --- target_cost -------------------------------------------------------------------------------------

LABELS = ("s", "a", "m", "")


def random_units(rng, count, kinds=("s", "a")):
    """Units in which about every third starts where the one before ends."""
    cuts = np.cumsum(rng.integers(10, 50, (count, 3)), axis=1) + 1000 * np.arange(count)[:, None]
    for n in range(1, count):
        if rng.random() < 0.3:
            cuts[n, 0] = cuts[n - 1, 2]
    voiced = rng.random((3, count)) < 0.7
    pitches = rng.uniform(80, 300, (3, count)) * voiced
    return {
        "left": [str(x) for x in rng.choice(kinds, count)],
        "right": [str(x) for x in rng.choice(kinds, count)],
        "previous": [str(x) for x in rng.choice(LABELS, count)],
        "next": [str(x) for x in rng.choice(LABELS, count)],
        "cuts": cuts,
        "durations": rng.uniform(0.02, 0.2, (count, 2)),
        "f0": pitches[0],
        "position": rng.random(count),
        "mfcc_start": rng.normal(size=(count, 4)),
        "mfcc_end": rng.normal(size=(count, 4)),
        "f0_start": pitches[1],
        "f0_end": pitches[2],
        "level_start": rng.uniform(-40, 0, count),
        "level_end": rng.uniform(-40, 0, count),
    }


def random_weights(rng, names):
    return {name: float(rng.uniform(0.1, 3)) for name in names}


TARGET_TERMS = ("context", "duration", "f0", "position")
JOIN_TERMS = ("spectrum", "f0", "voicing", "level")


def target_cost_by_hand(targets, t, units, u, weights):
    cost = weights["context"] * (targets["previous"][t] != units["previous"][u])
    cost += weights["context"] * (targets["next"][t] != units["next"][u])
    for half in (0, 1):
        cost += weights["duration"] * abs(np.log(units["durations"][u][half] / targets["durations"][t][half]))
    if targets["f0"][t] > 0 and units["f0"][u] > 0:
        cost += weights["f0"] * abs(np.log2(units["f0"][u] / targets["f0"][t]))
    return cost + weights["position"] * abs(units["position"][u] - targets["position"][t])


@checks("target_cost")
@given(seed=SEEDS, n_targets=st.integers(1, 6), n_units=st.integers(1, 8))
def test_adds_up_the_four_terms(lab, seed, n_targets, n_units):
    rng = generator(seed)
    targets, units = random_units(rng, n_targets), random_units(rng, n_units)
    weights = random_weights(rng, TARGET_TERMS)
    expected = [
        [target_cost_by_hand(targets, t, units, u, weights) for u in range(n_units)] for t in range(n_targets)
    ]
    close(lab.target_cost(targets, units, weights), expected, atol=1e-10)


@checks("target_cost")
def test_the_wanted_unit_itself_costs_nothing(lab, rng):
    units = random_units(rng, 7)
    costs = np.asarray(lab.target_cost(units, units, random_weights(rng, TARGET_TERMS)))
    close(np.diagonal(costs), np.zeros(7))
    close(costs, costs.T)


@checks("target_cost", visible=True)
def test_twice_and_half_the_length_cost_the_same(lab, rng):
    units = {key: value[:1] for key, value in random_units(rng, 1).items()}
    weights = {"context": 0.0, "duration": 2.0, "f0": 0.0, "position": 0.0}
    for factor in (2.0, 0.5):
        longer = {**units, "durations": units["durations"] * factor}
        close(lab.target_cost(units, longer, weights), [[4 * np.log(2)]])


@checks("target_cost")
def test_an_octave_costs_one_and_no_voice_nothing(lab, rng):
    """The f0 term counts octaves, and is 0 where the target or the unit has no voice."""
    units = random_units(rng, 5)
    weights = {"context": 0.0, "duration": 0.0, "f0": 3.0, "position": 0.0}
    targets = {**units, "f0": np.array([100.0, 100.0, 100.0, 0.0, 0.0])}
    units = {**units, "f0": np.array([200.0, 50.0, 0.0, 100.0, 0.0])}
    costs = np.asarray(lab.target_cost(targets, units, weights))
    close(np.diagonal(costs), [3.0, 3.0, 0.0, 0.0, 0.0])


@checks("target_cost")
def test_any_wanted_frequency_above_zero_is_a_voice(lab, rng):
    units = random_units(rng, 2)
    weights = {"context": 0.0, "duration": 0.0, "f0": 1.0, "position": 0.0}
    low, high = {**units, "f0": np.array([0.5, 0.5])}, {**units, "f0": np.array([8.0, 8.0])}
    close(lab.target_cost(low, high, weights), np.full((2, 2), 4.0))
    close(lab.target_cost(high, low, weights), np.full((2, 2), 4.0))


@checks("target_cost")
def test_each_phone_around_counts_for_itself(lab, rng):
    units = random_units(rng, 4)
    weights = {"context": 1.5, "duration": 0.0, "f0": 0.0, "position": 0.0}
    targets = {**units, "previous": ["a"] * 4, "next": ["b"] * 4}
    units = {**units, "previous": ["a", "a", "x", "b"], "next": ["b", "x", "b", "a"]}
    close(lab.target_cost(targets, units, weights)[0], [0.0, 1.5, 1.5, 3.0])


@checks("target_cost")
def test_more_keys_are_allowed(lab, rng):
    """Targets need nothing but the five keys that the docstring names."""
    units = random_units(rng, 3)
    few = {key: units[key] for key in ("previous", "next", "durations", "f0", "position")}
    weights = random_weights(rng, TARGET_TERMS)
    close(lab.target_cost(few, units, weights), lab.target_cost(units, few, weights))


@checks("target_cost")
def test_durations_must_be_positive(lab, rng):
    units = random_units(rng, 3)
    weights = random_weights(rng, TARGET_TERMS)
    for bad in (0.0, -0.1):
        wrong = {**units, "durations": np.array([[0.1, 0.1], [0.1, bad], [0.1, 0.1]])}
        with pytest.raises(ValueError):
            lab.target_cost(wrong, units, weights)
        with pytest.raises(ValueError):
            lab.target_cost(units, wrong, weights)


# --- join_cost ---------------------------------------------------------------------------------------


def join_cost_by_hand(units, a, b, weights):
    if units["cuts"][a][2] == units["cuts"][b][0]:
        return 0.0
    cost = weights["spectrum"] * np.sqrt(np.sum((units["mfcc_end"][a] - units["mfcc_start"][b]) ** 2))
    end, start = units["f0_end"][a], units["f0_start"][b]
    if end > 0 and start > 0:
        cost += weights["f0"] * abs(np.log2(end / start))
    elif end > 0 or start > 0:
        cost += weights["voicing"]
    return cost + weights["level"] * abs(units["level_end"][a] - units["level_start"][b])


@checks("join_cost")
@given(seed=SEEDS, n_left=st.integers(1, 6), n_right=st.integers(1, 6))
def test_compares_the_end_of_one_with_the_start_of_the_other(lab, seed, n_left, n_right):
    rng = generator(seed)
    units = random_units(rng, 8)
    weights = random_weights(rng, JOIN_TERMS)
    lefts, rights = rng.integers(0, 8, n_left), rng.integers(0, 8, n_right)
    expected = [[join_cost_by_hand(units, a, b, weights) for b in rights] for a in lefts]
    close(lab.join_cost(units, lefts, rights, weights), expected, atol=1e-10)


@checks("join_cost", visible=True)
def test_neighbours_in_the_recording_cost_exactly_nothing(lab, rng):
    units = random_units(rng, 6)
    units["cuts"] = np.cumsum(np.full((6, 3), 10), axis=1) + 20 * np.arange(6)[:, None]  # one recording
    costs = np.asarray(lab.join_cost(units, np.arange(5), np.arange(1, 6), random_weights(rng, JOIN_TERMS)))
    assert np.all(np.diagonal(costs) == 0)
    assert np.all(costs[~np.eye(5, dtype=bool)] > 0)


@checks("join_cost")
def test_order_matters(lab, rng):
    """The one that was first in the recording must be first: the other way round is a join like any other."""
    units = random_units(rng, 2)
    units["cuts"] = np.array([[0, 10, 20], [20, 30, 40]])
    costs = np.asarray(lab.join_cost(units, np.arange(2), np.arange(2), dict.fromkeys(JOIN_TERMS, 1.0)))
    assert costs[0, 1] == 0 and costs[1, 0] > 0 and costs[0, 0] > 0


@checks("join_cost")
def test_voice_that_stops_costs_its_own_term(lab, rng):
    units = random_units(rng, 4)
    units["cuts"] = 100 * np.arange(4)[:, None] + np.array([0, 10, 20])
    units["f0_end"] = np.array([100.0, 100.0, 0.0, 0.0])
    units["f0_start"] = np.array([50.0, 0.0, 100.0, 0.0])
    weights = {"spectrum": 0.0, "f0": 2.0, "voicing": 7.0, "level": 0.0}
    costs = np.asarray(lab.join_cost(units, np.arange(4), np.arange(4), weights))
    close(np.diagonal(costs), [2.0, 7.0, 7.0, 0.0])


@checks("join_cost")
def test_any_frequency_above_zero_at_a_join_is_a_voice(lab, rng):
    units = random_units(rng, 3)
    units["cuts"] = 100 * np.arange(3)[:, None] + np.array([0, 10, 20])
    weights = {"spectrum": 0.0, "f0": 1.0, "voicing": 7.0, "level": 0.0}
    units["f0_end"], units["f0_start"] = np.array([0.5, 8.0, 0.5]), np.array([8.0, 0.5, 0.0])
    costs = np.asarray(lab.join_cost(units, np.arange(3), np.arange(3), weights))
    close(np.diagonal(costs), [4.0, 4.0, 7.0])
    units["f0_end"], units["f0_start"] = np.zeros(3), np.array([0.5, 0.9, 1.0])
    close(lab.join_cost(units, np.arange(3), np.arange(3), weights), np.full((3, 3), 7.0))


@checks("join_cost")
def test_each_term_has_its_own_weight(lab, rng):
    units = random_units(rng, 9)
    units["cuts"] = 100 * np.arange(9)[:, None] + np.array([0, 10, 20])
    lefts, rights = rng.permutation(9)[:4], rng.permutation(9)[:5]
    total = np.zeros((4, 5))
    for term in JOIN_TERMS:
        weights = {name: float(name == term) for name in JOIN_TERMS}
        alone = np.asarray(lab.join_cost(units, lefts, rights, weights))
        close(alone, [[join_cost_by_hand(units, a, b, weights) for b in rights] for a in lefts], atol=1e-10)
        total += alone
    close(lab.join_cost(units, lefts, rights, dict.fromkeys(JOIN_TERMS, 1.0)), total, atol=1e-10)


# --- best_path ---------------------------------------------------------------------------------------


def cost_of(path, target_costs, join_costs):
    total = sum(costs[choice] for costs, choice in zip(target_costs, path, strict=True))
    return total + sum(joins[a, b] for joins, (a, b) in zip(join_costs, pairwise(path), strict=True))


def lattice(rng, sizes, draw=None):
    draw = draw or (lambda shape: rng.exponential(size=shape))
    return [draw(n) for n in sizes], [draw((a, b)) for a, b in pairwise(sizes)]


@checks("best_path")
@given(seed=SEEDS, sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_no_other_sequence_is_cheaper(lab, seed, sizes):
    costs = lattice(generator(seed), sizes)
    every = {path: cost_of(path, *costs) for path in product(*(range(n) for n in sizes))}
    best = min(every, key=every.__getitem__)
    path, total = lab.best_path(*costs)
    same(path, best)
    assert total == pytest.approx(every[best], rel=EXACT)


@checks("best_path")
@given(seed=SEEDS, sizes=st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_of_equal_ways_the_earlier_candidate_is_taken_from_the_end(lab, seed, sizes):
    rng = generator(seed)
    costs = lattice(rng, sizes, lambda shape: rng.integers(0, 2, shape).astype(float))
    every = {path: cost_of(path, *costs) for path in product(*(range(n) for n in sizes))}
    least = min(every.values())
    best = min((path for path, cost in every.items() if cost == least), key=lambda path: path[::-1])
    same(lab.best_path(*costs)[0], best)


@checks("best_path", visible=True)
def test_a_free_join_can_be_worth_a_bad_unit(lab):
    path, total = lab.best_path(
        [np.array([1.0, 3.0]), np.array([2.0, 2.0])], [np.array([[5.0, 4.0], [0.0, 6.0]])]
    )
    same(path, [1, 0])
    assert total == 5.0


@checks("best_path")
def test_the_first_target_counts_like_any_other(lab, rng):
    """With joins that cost nothing, each target takes its own cheapest candidate, the first one too."""
    costs = lattice(rng, (5, 4, 6, 3))
    free = [np.zeros_like(joins) for joins in costs[1]]
    path, total = lab.best_path(costs[0], free)
    same(path, [int(np.argmin(own)) for own in costs[0]])
    assert total == pytest.approx(sum(own.min() for own in costs[0]), rel=EXACT)


@checks("best_path")
def test_a_long_sequence_agrees_with_a_plain_viterbi(lab, rng):
    sizes = rng.integers(1, 12, 60)
    own, joins = lattice(rng, [int(n) for n in sizes])
    table = [{j: (own[0][j], None) for j in range(sizes[0])}]
    for t in range(1, 60):
        row = {}
        for j in range(sizes[t]):
            before = min(range(sizes[t - 1]), key=lambda i, t=t, j=j: table[-1][i][0] + joins[t - 1][i, j])
            row[j] = (table[-1][before][0] + joins[t - 1][before, j] + own[t][j], before)
        table.append(row)
    last = min(table[-1], key=lambda j: table[-1][j][0])
    path, total = lab.best_path(own, joins)
    assert total == pytest.approx(table[-1][last][0], rel=EXACT)
    expected = [last]
    for row in table[:0:-1]:
        expected.append(row[expected[-1]][1])
    same(path, expected[::-1])


@checks("best_path")
def test_the_total_is_what_the_path_costs(lab, rng):
    costs = lattice(rng, (7, 3, 9, 9, 2))
    path, total = lab.best_path(*costs)
    assert total == pytest.approx(cost_of([int(n) for n in np.asarray(path)], *costs), rel=EXACT)


@checks("best_path")
@pytest.mark.parametrize(
    ("sizes", "shapes"),
    [
        ([], []),
        ([3, 0], [(3, 0)]),
        ([0], []),
        ([2, 3], []),
        ([2, 3], [(3, 2)]),
        ([2, 3], [(1, 3)]),
        ([2, 3], [(2, 1)]),
        ([2], [(2, 2)]),
        ([2, 3, 2], [(2, 3), (2, 3)]),
    ],
    ids=[
        "nothing",
        "an empty target",
        "only an empty one",
        "no joins",
        "turned",
        "one row",
        "one column",
        "one too many",
        "a misfit",
    ],
)
def test_shapes_that_do_not_fit_are_refused(lab, sizes, shapes):
    with pytest.raises(ValueError):
        lab.best_path([np.ones(n) for n in sizes], [np.ones(shape) for shape in shapes])


# --- select_units ------------------------------------------------------------------------------------


def cost_of_units(sequence, targets, units, target_weights, join_weights):
    cost = sum(target_cost_by_hand(targets, t, units, u, target_weights) for t, u in enumerate(sequence))
    return cost + sum(join_cost_by_hand(units, a, b, join_weights) for a, b in pairwise(sequence))


@oracle
def least_cost(fits, targets, units, target_weights, join_weights):
    """Of all sequences of units that fit."""
    return min(cost_of_units(each, targets, units, target_weights, join_weights) for each in product(*fits))


def diphones(units):
    return list(zip(units["left"], units["right"], strict=True))


@checks("select_units")
@given(seed=SEEDS, n_targets=st.integers(1, 4))
def test_no_other_sequence_of_units_is_cheaper(lab, seed, n_targets):
    rng = generator(seed)
    units = random_units(rng, 14)
    spoken = rng.integers(0, 14, n_targets)  # so that every diphone is in the inventory
    targets = random_units(rng, n_targets)
    targets["left"] = [units["left"][n] for n in spoken]
    targets["right"] = [units["right"][n] for n in spoken]
    weights = random_weights(rng, TARGET_TERMS), random_weights(rng, JOIN_TERMS)
    fits = [[u for u, name in enumerate(diphones(units)) if name == want] for want in diphones(targets)]
    result = [int(n) for n in np.asarray(lab.select_units(targets, units, 14, *weights))]
    assert len(result) == n_targets and all(u in found for u, found in zip(result, fits, strict=True))
    best = least_cost(fits, targets, units, *weights)
    assert cost_of_units(result, targets, units, *weights) == pytest.approx(best, rel=EXACT, abs=1e-12)


@checks("select_units")
def test_a_recorded_sentence_is_found_again(lab, rng):
    """If all targets stand in the inventory side by side, exactly these units must be chosen."""
    units = random_units(rng, 30, ("s", "a", "m", "sil"))
    units["cuts"] = np.cumsum(np.full((30, 3), 10), axis=1) + 20 * np.arange(30)[:, None]
    part = {key: value[8:15] for key, value in units.items()}
    same(lab.select_units(part, units), np.arange(8, 15))


@checks("select_units")
def test_with_one_candidate_each_the_joins_decide_nothing(lab, rng):
    """With n_best 1, every target must get the unit of its diphone with the least target cost."""
    units = random_units(rng, 40)
    targets = random_units(rng, 6)
    weights = random_weights(rng, TARGET_TERMS)
    result = np.asarray(lab.select_units(targets, units, 1, weights, dict.fromkeys(JOIN_TERMS, 100.0)))
    for t, want in enumerate(diphones(targets)):
        fits = [u for u, name in enumerate(diphones(units)) if name == want]
        best = min(fits, key=lambda u, t=t: target_cost_by_hand(targets, t, units, u, weights))
        assert result[t] == best


def one_kind(count):
    """Units that are all alike but for their position and where they were cut."""
    units = random_units(generator(0), count, ("s",))
    units |= {"previous": ["x"] * count, "next": ["x"] * count, "durations": np.full((count, 2), 0.1)}
    units |= {"f0": np.zeros(count), "cuts": 100 * np.arange(count)[:, None] + np.array([0, 10, 20])}
    return units


@checks("select_units")
def test_only_the_n_best_fitting_units_are_tried(lab):
    """A unit behind the n_best must not be chosen, however well it joins."""
    units = one_kind(5)
    units["position"] = np.array([0.4, 0.1, 0.3, 0.2, 0.0])
    units["cuts"][0, 0] = units["cuts"][4, 2]  # 0 follows 4 without a join
    targets = {key: value[:2] for key, value in units.items()}
    targets["position"] = np.zeros(2)
    weights = {"context": 0.0, "duration": 0.0, "f0": 0.0, "position": 1e-3}
    joins = dict.fromkeys(JOIN_TERMS, 1.0)
    same(lab.select_units(targets, units, 5, weights, joins), [4, 0])
    assert 0 not in np.asarray(lab.select_units(targets, units, 4, weights, joins)).tolist()


@checks("select_units")
def test_of_equally_fitting_units_the_lower_indices_are_kept(lab):
    units = one_kind(30)
    units["position"] = np.zeros(30)
    targets = {key: value[:1] for key, value in units.items()}
    weights = dict.fromkeys(TARGET_TERMS, 1.0)
    same(lab.select_units(targets, units, 1, weights), [0])
    two = {key: value[:2] for key, value in units.items()}
    units["cuts"][25, 0] = units["cuts"][0, 2]  # 25 would join freely, but is the 26th of equals
    chosen = np.asarray(lab.select_units(two, units, 25, weights, dict.fromkeys(JOIN_TERMS, 50.0)))
    assert chosen[1] != 25


@checks("select_units")
def test_a_missing_diphone_is_replaced_by_the_most_similar(lab, rng):
    """Back off to the least distance of the left phones' ends plus the right phones' starts."""
    units = random_units(rng, 6)
    units["left"] = ["p", "s", "ˈaɪ", "m", "ɔɪ", "k"]
    units["right"] = ["a", "a", "t", "u", "z", "ʃ"]
    for left, right, expected in (
        ("b", "a", 0),
        ("z", "a", 1),
        ("aɪ", "tʃ", 2),
        ("oɪ", "s", 4),
        ("ɡ", "s", 5),
    ):
        targets = {key: value[:1] for key, value in random_units(rng, 1).items()} | {
            "left": [left],
            "right": [right],
        }
        same(lab.select_units(targets, units), [expected])


@checks("select_units")
def test_the_back_off_looks_at_both_phones(lab, rng):
    """Of two units with the same left phone the one with the more similar right phone must be taken."""
    units = random_units(rng, 4)
    units["left"], units["right"] = ["t", "t", "d", "s"], ["m", "ə", "ʌ", "ɐ"]
    targets = {key: value[:1] for key, value in random_units(rng, 1).items()} | {
        "left": ["t"],
        "right": ["a"],
    }
    same(lab.select_units(targets, units), [1])  # 0 + 3 against 0 + 6, 2 + 2 and 4 + 2


@checks("select_units")
def test_the_back_off_hears_the_left_phones_end_and_the_right_phones_start(lab, rng):
    """A diphthong on the left counts by its last symbol, an affricate on the right by its first."""
    target = {key: value[:1] for key, value in random_units(rng, 1).items()} | {
        "left": ["aɪ"],
        "right": ["tʃ"],
    }
    for lefts, rights, expected in (
        (["aʊ", "ɔɪ"], ["t", "t"], 1),
        (["ɔɪ", "aʊ"], ["t", "t"], 0),
        (["ɪ", "ɪ"], ["ʃ", "t"], 1),
        (["ɪ", "ɪ"], ["t", "ʃ"], 0),
    ):
        units = random_units(rng, 2) | {"left": lefts, "right": rights}
        same(lab.select_units(target, units), [expected])


@checks("select_units")
def test_without_weights_those_of_the_page_are_used(lab, rng):
    units, targets = random_units(rng, 25, ("s",)), random_units(rng, 4, ("s",))
    expected = parts.select_units(targets, units, 40, parts.TARGET_WEIGHTS, parts.JOIN_WEIGHTS)
    same(lab.select_units(targets, units), expected)


@checks("select_units")
def test_forty_candidates_are_kept_unless_told_otherwise(lab):
    units = one_kind(60)
    units["position"] = np.arange(60) / 60
    targets = {key: value[:2] for key, value in units.items()}
    targets["position"] = np.zeros(2)
    weights = {"context": 0.0, "duration": 0.0, "f0": 0.0, "position": 1e-6}
    for place, found in ((39, True), (40, False)):
        joined = {**units, "cuts": units["cuts"].copy()}
        joined["cuts"][place, 0] = joined["cuts"][0, 2]
        chosen = np.asarray(
            lab.select_units(
                targets, joined, target_weights=weights, join_weights=dict.fromkeys(JOIN_TERMS, 9.0)
            )
        )
        assert (chosen[1] == place) == found


@checks("select_units")
@pytest.mark.parametrize("n_best", [0, -3])
def test_at_least_one_candidate_is_needed(lab, n_best):
    with pytest.raises(ValueError):
        lab.select_units(one_kind(2), one_kind(9), n_best)


# --- spread_steps ------------------------------------------------------------------------------------


@checks("spread_steps", visible=True)
def test_both_sides_meet_in_the_middle(lab):
    result = lab.spread_steps(np.array([0.0, 0.0, 0.0, 0.0, 8.0, 8.0, 8.0, 8.0]), np.array([4]), 4)
    close(result, [1.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0, 7.0])


@checks("spread_steps")
@given(seed=SEEDS, count=st.integers(2, 30), width=st.integers(1, 8))
def test_corrections_fade_and_add_up(lab, seed, count, width):
    rng = generator(seed)
    track = rng.normal(size=count)
    joins = np.sort(rng.choice(np.arange(1, count), rng.integers(0, count), replace=False))
    expected = track.copy()
    for place in range(count):
        for join in joins:
            step = track[join] - track[join - 1]
            away = place - join if place >= join else join - 1 - place
            if away < width:
                expected[place] += (-0.5 if place >= join else 0.5) * step * (width - away) / width
    close(lab.spread_steps(track, joins, width), expected, atol=1e-11)


@checks("spread_steps")
def test_a_lone_step_vanishes(lab, rng):
    track = rng.normal(size=30)
    result = np.asarray(lab.spread_steps(track, np.array([15]), 6))
    assert result[15] == pytest.approx(result[14], abs=1e-12)
    assert result[15] == pytest.approx((track[15] + track[14]) / 2, abs=1e-12)


@checks("spread_steps")
def test_far_from_a_join_nothing_changes(lab, rng):
    track = rng.normal(size=30)
    result = np.asarray(lab.spread_steps(track, np.array([15]), 6))
    same(result[:9], track[:9])
    same(result[21:], track[21:])
    assert np.all(result[9:21] != track[9:21])


@checks("spread_steps")
def test_without_joins_the_track_stays(lab, rng):
    track = rng.normal(size=9)
    same(lab.spread_steps(track, np.array([], dtype=int), 3), track)
    same(lab.spread_steps(np.array([5.0]), np.array([], dtype=int), 3), [5.0])


@checks("spread_steps")
def test_the_given_track_is_left_alone_and_may_hold_integers(lab):
    track = np.array([0, 0, 5, 5])
    result = lab.spread_steps(track, np.array([2]), 2)
    close(result, [1.25, 2.5, 2.5, 3.75])
    same(track, [0, 0, 5, 5])


@checks("spread_steps")
def test_a_track_may_end_next_to_its_join(lab):
    close(lab.spread_steps(np.array([0.0, 6.0]), np.array([1]), 3), [3.0, 3.0])
    close(lab.spread_steps(np.array([0.0, 6.0, 6.0]), np.array([1]), 3), [3.0, 3.0, 4.0])
    close(lab.spread_steps(np.array([0.0, 0.0, 6.0]), np.array([2]), 3), [2.0, 3.0, 3.0])


@checks("spread_steps")
@pytest.mark.parametrize(
    ("joins", "width"),
    [([0], 2), ([4], 2), ([-1], 2), ([2], 0), ([2], -1)],
    ids=["before the track", "behind the track", "negative", "no width", "negative width"],
)
def test_joins_outside_of_the_track_are_refused(lab, joins, width):
    with pytest.raises(ValueError):
        lab.spread_steps(np.arange(4.0), np.array(joins), width)


# --- chain_units -------------------------------------------------------------------------------------


def small_inventory(rng, n_units=12, length=6000, sample_rate=4000):
    """Noise with random marks, voiced ones mostly, and units of which most are neighbours."""
    marks = np.concatenate([[0], np.cumsum(rng.integers(20, 45, length // 20))])
    marks = np.append(marks[marks < length - 1], length - 1)
    voiced = np.repeat(rng.random(len(marks) // 7 + 1) < 0.7, 7)[: len(marks)]
    edges = np.sort(rng.choice(np.arange(100, length - 100, 90), 2 * n_units + 1, replace=False))
    cuts = np.stack([edges[0:-2:2], edges[1:-1:2], edges[2::2]], axis=1)
    cuts[n_units // 2 :, 0] += 7  # from here on no unit starts exactly where the one before ends
    return {
        "samples": rng.normal(size=length) * np.repeat(10 ** rng.uniform(-2, 0, 60), length // 60),
        "marks": marks,
        "voiced": voiced,
        "cuts": cuts,
        "sample_rate": sample_rate,
    }


def chain_by_hand(indices, inventory, wanted):
    grains, times, owners, clock = [], [], [], 0.0
    for n, unit in enumerate(indices):
        start, border, end = inventory["cuts"][unit]
        for grain, mark in enumerate(inventory["marks"]):
            if start <= mark < end:
                if mark < border:
                    time = clock + (mark - start) / (border - start) * wanted[n][0]
                else:
                    time = clock + wanted[n][0] + (mark - border) / (end - border) * wanted[n][1]
                grains.append(grain)
                times.append(time)
                owners.append(n)
        clock += wanted[n][0] + wanted[n][1]
    cuts = inventory["cuts"]
    joins = [
        place
        for place, (a, b) in enumerate(pairwise(owners), 1)
        if a != b and cuts[indices[a]][2] != cuts[indices[b]][0]
    ]
    return grains, times, joins


@checks("chain_units")
@given(seed=SEEDS, count=st.integers(1, 8))
def test_every_grain_lands_where_its_half_is_stretched_to(lab, seed, count):
    rng = generator(seed)
    inventory = small_inventory(rng)
    indices = rng.integers(0, 12, count)
    wanted = rng.uniform(50, 400, (count, 2))
    grains, times, joins = lab.chain_units(indices, inventory, wanted)
    expected = chain_by_hand(indices, inventory, wanted)
    same(grains, expected[0])
    close(times, expected[1], atol=1e-8)
    same(joins, expected[2])


@checks("chain_units")
def test_neighbours_follow_each_other_as_they_were(lab, rng):
    """Units that were neighbours, at their own lengths, must give all marks in their own places."""
    inventory = small_inventory(rng)
    indices = np.arange(6)
    wanted = np.diff(inventory["cuts"][:6], axis=1).astype(float)
    grains, times, joins = lab.chain_units(indices, inventory, wanted)
    first, last = inventory["cuts"][0, 0], inventory["cuts"][5, 2]
    inside = np.flatnonzero((inventory["marks"] >= first) & (inventory["marks"] < last))
    same(grains, inside)
    close(times, inventory["marks"][inside] - first, atol=1e-8)
    assert len(np.asarray(joins)) == 0


@checks("chain_units", visible=True)
def test_the_number_of_the_page_comes_out(lab):
    units = {
        "marks": np.array([0, 1050, 1200, 1400]),
        "cuts": np.array([[1000, 1100, 1300], [1390, 1400, 1410]]),
    }
    grains, times, joins = lab.chain_units(
        np.array([1, 0]), units, np.array([[4000.0, 1000.0], [200.0, 200.0]])
    )
    same(grains, [3, 1, 2])
    close(times, [4000.0, 5100.0, 5300.0])
    same(joins, [1])


@checks("chain_units")
def test_a_mark_on_the_start_cut_belongs_to_the_unit_and_one_on_the_end_does_not(lab):
    units = {"marks": np.array([0, 10, 20, 30]), "cuts": np.array([[10, 15, 20], [20, 25, 30]])}
    grains, times, joins = lab.chain_units(np.array([0, 1]), units, np.full((2, 2), 5.0))
    same(grains, [1, 2])
    close(times, [0.0, 10.0])
    assert len(np.asarray(joins)) == 0


@checks("chain_units")
def test_a_unit_joined_to_itself_is_a_join(lab):
    units = {"marks": np.array([0, 10, 20, 30]), "cuts": np.array([[5, 15, 25]])}
    _, _, joins = lab.chain_units(np.array([0, 0, 0]), units, np.full((3, 2), 10.0))
    same(joins, [2, 4])


@checks("chain_units")
def test_a_unit_without_marks_takes_its_time_and_no_grain(lab):
    """A unit too short for a mark must move the clock, and joins are between the units that gave grains."""
    units = {
        "marks": np.array([0, 10, 40, 50, 90]),
        "cuts": np.array([[0, 5, 12], [12, 14, 16], [35, 40, 45]]),
    }
    grains, times, joins = lab.chain_units(np.array([1, 0, 1, 2]), units, np.full((4, 2), 10.0))
    same(grains, [0, 1, 2])
    close(times, [20.0, 20 + 10 + 5 * 10 / 7, 70.0])
    same(joins, [2])
    units["cuts"] = np.array([[0, 5, 12], [12, 14, 16], [12, 40, 45]])
    same(lab.chain_units(np.array([0, 1, 2]), units, np.full((3, 2), 10.0))[2], [])


@checks("chain_units")
def test_lengths_must_be_given_for_each_unit(lab, rng):
    inventory = small_inventory(rng)
    for indices, shape in (([], (0, 2)), ([0, 1], (1, 2)), ([0, 1], (2, 3)), ([0, 1], (2,))):
        with pytest.raises(ValueError):
            lab.chain_units(np.array(indices, dtype=int), inventory, np.ones(shape))


# --- synthesize_units --------------------------------------------------------------------------------


@oracle
def synthesis_by_hand(indices, inventory, durations=None, f0=None, smooth=True):
    """The docstring again, grain by grain."""
    rate, marks = inventory["sample_rate"], inventory["marks"]
    cuts = inventory["cuts"][indices]
    halves = [
        [cut[1] - cut[0], cut[2] - cut[1]] if durations is None else [rate * d for d in durations[n]]
        for n, cut in enumerate(cuts)
    ]
    grains, times, joins = (np.array(x) for x in chain_by_hand(indices, inventory, halves))
    joins = joins.astype(int)
    own = np.array([marks[g + 1] - marks[g] if g + 1 < len(marks) else 1 for g in grains], dtype=float)
    periods = own.copy()
    voiced = inventory["voiced"][grains]
    if f0 is not None and max(f0) > 0:
        clock, known = 0.0, []
        for pair, hertz in zip(halves, f0, strict=True):
            if hertz > 0:
                known.append((clock + sum(pair) / 2, hertz))
            clock += sum(pair)
        contour = np.interp(times, *zip(*known, strict=True))
        periods[voiced] = rate / contour[voiced]
    elif smooth:
        sung = [j for j in joins if voiced[j] and voiced[j - 1]]
        smoothed = np.exp(parts.spread_steps(np.log(own), np.array(sung, dtype=int), 5))
        periods[voiced] = smoothed[voiced]
    gains = np.ones(len(grains))
    if smooth:
        levels = parts.grain_levels(inventory, grains)
        change = parts.spread_steps(levels, joins, 5) - levels
        gains = 10 ** (np.clip(change, -6, 6) / 20)
    positions, chosen = parts.synthesis_marks(times, periods)
    length = round(sum(sum(pair) for pair in halves))
    return parts.psola(inventory["samples"], marks, grains[chosen], positions, length, gains[chosen])


@checks("synthesize_units")
@given(
    seed=SEEDS, count=st.integers(1, 6), way=st.integers(0, 3), smooth=st.booleans(), stretch=st.booleans()
)
def test_agrees_with_the_description_grain_by_grain(lab, seed, count, way, smooth, stretch):
    rng = generator(seed)
    inventory = small_inventory(rng)
    indices = rng.integers(0, 12, count)
    durations = rng.uniform(0.02, 0.08, (count, 2)) if stretch else None
    f0 = [None, np.zeros(count), rng.uniform(80, 200, count), rng.uniform(80, 200, count)][way]
    if way == 3:
        f0 = f0 * (rng.random(count) < 0.5)
    expected = synthesis_by_hand(indices, inventory, durations, f0, smooth)
    # times differ in the last digits only; where that would move a grain, the rounding is not at stake here
    close(lab.synthesize_units(indices, inventory, durations, f0, smooth), expected, rtol=1e-6, atol=1e-6)


@checks("synthesize_units")
@pytest.mark.parametrize("smooth", [True, False], ids=["smoothed", "not smoothed"])
def test_neighbours_give_back_the_recording(lab, rng, smooth):
    """A run of units that were neighbours must sound exactly as it was recorded."""
    inventory = small_inventory(rng)
    cuts, marks = inventory["cuts"], inventory["marks"]
    result = np.asarray(lab.synthesize_units(np.arange(6), inventory, None, None, smooth))
    first, last = cuts[0, 0], cuts[5, 2]
    assert result.shape == (last - first,)
    inside = marks[(first <= marks) & (marks < last)]
    whole = slice(inside[0] - first, inside[-1] - first)  # between the first and the last grain
    close(result[whole], inventory["samples"][first:last][whole], rtol=1e-9, atol=1e-9)


@checks("synthesize_units")
def test_the_result_is_as_long_as_was_wanted(lab, rng):
    inventory = small_inventory(rng)
    durations = rng.uniform(0.02, 0.1, (5, 2))
    result = lab.synthesize_units(rng.integers(0, 12, 5), inventory, durations)
    assert np.shape(result) == (round(durations.sum() * 4000),)


def one_voice(period=40, length=4000, sample_rate=8000):
    """A hum of one pitch, all voiced, as an inventory of four neighbouring units."""
    marks = np.append(np.arange(0, length - 1, period), length - 1)
    samples = np.tile(np.exp(-np.arange(period) / 6.0), length // period + 1)[:length]
    edges = np.linspace(400, 3600, 9).astype(int)
    return {
        "samples": samples,
        "marks": marks,
        "voiced": np.ones(len(marks), dtype=bool),
        "cuts": np.stack([edges[0:-2:2], edges[1:-1:2], edges[2::2]], axis=1),
        "sample_rate": sample_rate,
    }


@checks("synthesize_units")
@pytest.mark.parametrize("hertz", [150.0, 260.0], ids=["lower", "higher"])
def test_the_wanted_pitch_is_heard(lab, hertz):
    inventory = one_voice()  # 200 Hz
    result = np.asarray(lab.synthesize_units(np.arange(4), inventory, None, np.full(4, hertz)))
    assert abs(period_of(result[200:-200], 25, 70) - 8000 / hertz) <= 1  # whole samples


@checks("synthesize_units")
def test_units_without_a_wanted_pitch_do_not_count_as_zero(lab):
    """f0 0 is no wish: the contour must run through the other units, at their height."""
    inventory = one_voice()
    f0 = np.array([150.0, 0.0, 0.0, 150.0])
    result = np.asarray(lab.synthesize_units(np.arange(4), inventory, None, f0))
    assert abs(period_of(result[600:-600], 25, 70) - 8000 / 150) <= 1


@checks("synthesize_units")
def test_noise_keeps_its_own_spacing(lab, rng):
    """Grains without voice must keep their own distance, whatever pitch is wanted."""
    inventory = small_inventory(rng)
    inventory["voiced"] = np.zeros(len(inventory["marks"]), dtype=bool)
    indices = np.arange(6)
    plain = lab.synthesize_units(indices, inventory)
    close(lab.synthesize_units(indices, inventory, None, np.full(6, 320.0)), plain)


@checks("synthesize_units")
def test_the_step_of_the_pitch_counts_only_between_two_voices(lab, rng):
    """At a join with noise on one side the periods must not be smoothed."""
    inventory = small_inventory(rng)
    inventory["voiced"] = rng.random(len(inventory["marks"])) < 0.5
    indices = rng.permutation(np.tile(np.arange(12), 3))
    close(
        lab.synthesize_units(indices, inventory), synthesis_by_hand(indices, inventory), rtol=1e-6, atol=1e-6
    )


@checks("synthesize_units")
def test_the_last_mark_of_all_has_a_period_of_one(lab, rng):
    inventory = small_inventory(rng)
    inventory["cuts"] = np.concatenate([inventory["cuts"], [[5900, 5950, 6000]]])
    indices = np.array([12, 3, 12, 5])
    result = lab.synthesize_units(indices, inventory, smooth=False)
    close(result, synthesis_by_hand(indices, inventory, smooth=False), rtol=1e-6, atol=1e-6)


@checks("synthesize_units")
def test_any_wanted_frequency_above_zero_counts(lab):
    inventory = {**one_voice(), "sample_rate": 20}
    f0 = np.array([0.5, 0.0, 0.0, 0.5])  # the period of the recording: 40 samples
    plain = lab.synthesize_units(np.arange(4), inventory, smooth=False)
    close(lab.synthesize_units(np.arange(4), inventory, None, f0, smooth=False), plain)
    lower = np.asarray(lab.synthesize_units(np.arange(4), inventory, None, 0.8 * f0, smooth=False))
    assert abs(period_of(lower[600:-600], 25, 70) - 50) <= 1
    mixed = np.array([0.4, 0.0, 1.0, 0.4])
    expected = synthesis_by_hand(np.arange(4), inventory, None, mixed, False)
    close(lab.synthesize_units(np.arange(4), inventory, None, mixed, False), expected, rtol=1e-6, atol=1e-6)


@checks("synthesize_units")
def test_steps_in_pitch_and_level_are_spread_at_joins_only(lab, rng):
    """Between strangers smoothing must change the sound, between neighbours it must not."""
    inventory = small_inventory(rng)
    inventory["voiced"] = np.ones(len(inventory["marks"]), dtype=bool)
    strangers, neighbours = np.array([5, 2, 9]), np.array([1, 2, 3])
    for indices, differ in ((strangers, True), (neighbours, False)):
        smoothed = np.asarray(lab.synthesize_units(indices, inventory, smooth=True))
        plain = np.asarray(lab.synthesize_units(indices, inventory, smooth=False))
        assert (np.abs(smoothed - plain).max() > 1e-6) == differ


@checks("synthesize_units")
def test_something_must_be_said_and_all_of_it_described(lab, rng):
    inventory = small_inventory(rng)
    with pytest.raises(ValueError):
        lab.synthesize_units(np.array([], dtype=int), inventory)
    with pytest.raises(ValueError):
        lab.synthesize_units(np.arange(3), inventory, np.full((2, 2), 0.05))
    for count in (2, 4):
        with pytest.raises(ValueError):
            lab.synthesize_units(np.arange(3), inventory, None, np.full(count, 100.0))


@sound("synthesize_units")
def spoken(output, indices, inventory, *args, **options):
    return {"yours": output / max(np.abs(output).max(), 1e-9)}, int(inventory["sample_rate"])


# --- plan_targets ------------------------------------------------------------------------------------


def planned_by_hand(labels, inventory):
    def mean(key, label, half):
        found = [
            d[half] for name, d in zip(inventory[key], inventory["durations"], strict=True) if name == label
        ]
        found = found or [d[half] for d in inventory["durations"]]
        return sum(found) / len(found)

    durations = [[mean("left", a, 0), mean("right", b, 1)] for a, b in pairwise(labels)]
    total, clock, position = sum(map(sum, durations)), 0.0, []
    for left, right in durations:
        position.append((clock + left) / total)
        clock += left + right
    voiced = sorted(f for f in inventory["f0"] if f > 0)
    n = len(voiced)
    median = (voiced[(n - 1) // 2] + voiced[n // 2]) / 2 if n else 0.0
    return durations, position, [median * (1.1 - 0.2 * p) for p in position]


@checks("plan_targets")
@given(seed=SEEDS, count=st.integers(2, 8), n_units=st.integers(1, 20))
def test_halves_last_as_long_as_they_do_on_average(lab, seed, count, n_units):
    rng = generator(seed)
    inventory = random_units(rng, n_units, ("s", "a", "m"))
    labels = [str(x) for x in rng.choice(["s", "a", "m", "ʒ"], count)]
    result = lab.plan_targets(labels, inventory)
    durations, position, f0 = planned_by_hand(labels, inventory)
    close(result["durations"], durations)
    close(result["position"], position)
    close(result["f0"], f0)


@checks("plan_targets", visible=True)
def test_the_voice_falls_from_start_to_end(lab):
    units = {
        "left": ["a", "b"],
        "right": ["b", "a"],
        "durations": np.full((2, 2), 0.1),
        "f0": np.array([200.0, 0.0]),
    }
    result = lab.plan_targets(["a", "b", "a", "b", "a"], units)
    close(result["f0"], 200 * (1.1 - 0.2 * np.array([0.125, 0.375, 0.625, 0.875])))


@checks("plan_targets")
def test_labels_and_those_around_them_are_set(lab, rng):
    result = lab.plan_targets(["sil", "s", "a", "t"], random_units(rng, 9))
    assert list(result["left"]) == ["sil", "s", "a"] and list(result["right"]) == ["s", "a", "t"]
    assert list(result["previous"]) == ["", "sil", "s"] and list(result["next"]) == ["a", "t", ""]


@checks("plan_targets")
def test_the_two_halves_of_a_phone_are_averaged_apart(lab):
    """How long a phone lasts as the left one says nothing about it as the right one."""
    units = {
        "left": ["a", "a", "b"],
        "right": ["b", "b", "a"],
        "durations": np.array([[0.1, 0.5], [0.3, 0.7], [0.05, 0.9]]),
        "f0": np.array([100.0, 120.0, 0.0]),
    }
    result = lab.plan_targets(["a", "b", "a"], units)
    close(result["durations"], [[0.2, 0.6], [0.05, 0.9]])


@checks("plan_targets")
def test_an_inventory_without_voice_plans_no_pitch(lab, rng):
    units = {**random_units(rng, 5), "f0": np.zeros(5)}
    close(lab.plan_targets(["s", "s", "s"], units)["f0"], np.zeros(2))


@checks("plan_targets")
def test_any_frequency_above_zero_is_in_the_median(lab, rng):
    units = {**random_units(rng, 4), "f0": np.array([0.0, 0.5, 0.6, 0.7])}
    result = lab.plan_targets(["s", "s"], units)
    close(result["f0"], 0.6 * (1.1 - 0.2 * np.asarray(result["position"])))


@checks("plan_targets")
@pytest.mark.parametrize("labels", [[], ["a"]], ids=["no phone", "one phone"])
def test_a_plan_needs_two_phones(lab, rng, labels):
    with pytest.raises(ValueError):
        lab.plan_targets(labels, random_units(rng, 5))
