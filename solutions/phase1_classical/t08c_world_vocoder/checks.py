"""Hidden checks of the lab on the WORLD vocoder."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, oracle, picture, sound

parts = lab_beside(__file__)  # only to compose: a part that builds on others is fed with the reference's

# Two orders of summation of at most a few thousand float64 terms differ by some 1e-13 of their size.
EXACT = 1e-9
RATE = 8000


def harmonics(f0, seconds, rate=RATE, n_harmonics=15):
    """A voice of constant pitch, or of a pitch that is given per sample; peak about 1."""
    f0 = np.broadcast_to(np.asarray(f0, dtype=float), int(seconds * rate))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    return (
        sum(np.where(k * f0 < rate / 2, np.cos(k * phase + k) / k, 0) for k in range(1, n_harmonics + 1)) / 2
    )


def noise(seed, shape, size=1.0):
    return np.random.default_rng(seed).normal(0, size, shape)


# --- normalised_difference ---------------------------------------------------------------------------


def difference_by_hand(frame, max_lag):
    window = len(frame) - max_lag
    d = [sum((frame[j] - frame[j + lag]) ** 2 for j in range(window)) for lag in range(max_lag + 1)]
    return np.array([1.0] + [d[lag] * lag / sum(d[1 : lag + 1]) for lag in range(1, max_lag + 1)])


@checks("normalised_difference", visible=True)
def test_the_worked_number_comes_out(lab):
    x = np.array([[0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0]])
    np.testing.assert_allclose(lab.normalised_difference(x, 4), [[1, 1, 4 / 3, 0.75, 0]], atol=1e-12)


@checks("normalised_difference")
@given(seed=st.integers(0, 10**6), length=st.integers(2, 25), frames=st.integers(1, 3), share=st.floats(0, 1))
def test_agrees_with_the_sums_written_out(lab, seed, length, frames, share):
    x = noise(seed, (frames, length), 3.0)
    max_lag = 1 + int(share * (length - 2))
    found = lab.normalised_difference(x, max_lag)
    np.testing.assert_allclose(found, [difference_by_hand(row, max_lag) for row in x], atol=EXACT)


@checks("normalised_difference")
def test_loudness_does_not_count(lab, rng):
    x = rng.normal(size=(3, 60))
    for gain in (1000, 1e-5):
        found = lab.normalised_difference(gain * x, 20)
        np.testing.assert_allclose(found, lab.normalised_difference(x, 20), atol=EXACT)


@checks("normalised_difference")
def test_a_period_is_a_zero_and_half_of_it_a_peak(lab, rng):
    """What repeats after 30 samples must give 0 at lags 30 and 60."""
    x = np.tile(rng.normal(size=30), 6)[None]
    found = lab.normalised_difference(x, 70)[0]
    np.testing.assert_allclose(found[[30, 60]], 0, atol=EXACT)
    assert found.min() >= 0


@checks("normalised_difference")
def test_silence_is_nowhere_like_itself(lab, rng):
    """Digital silence must give ones, also beside a frame that is not silent."""
    x = np.array([np.zeros(20), rng.normal(size=20)])
    found = lab.normalised_difference(x, 8)
    np.testing.assert_array_equal(found[0], np.ones(9))
    np.testing.assert_allclose(found[1], difference_by_hand(x[1], 8), atol=EXACT)


@checks("normalised_difference")
@pytest.mark.parametrize(("shape", "max_lag"), [((2, 10), 0), ((2, 10), 10), ((2, 10), 11), ((10,), 3)])
def test_lags_beyond_the_frame_are_refused(lab, shape, max_lag):
    with pytest.raises(ValueError):
        lab.normalised_difference(np.ones(shape), max_lag)


# --- pick_lag ----------------------------------------------------------------------------------------


def lag_by_hand(row, min_lag, threshold):
    chosen = None
    for lag in range(min_lag, len(row)):
        if row[lag] < threshold:
            chosen = lag
            break
    if chosen is None:
        chosen = min(range(min_lag, len(row)), key=lambda lag: (row[lag], lag))
    else:
        for lag in range(chosen + 1, len(row)):
            if row[lag] >= row[chosen]:
                break
            chosen = lag
    depth, shift = row[chosen], 0.0
    if 1 <= chosen <= len(row) - 2:
        left, right = row[chosen - 1], row[chosen + 1]
        if left >= depth and right >= depth and (left > depth or right > depth):
            curve = np.polyfit([-1.0, 0.0, 1.0], [left, depth, right], 2)
            shift = -curve[1] / (2 * curve[0])
    return chosen + shift, depth


@checks("pick_lag")
@given(
    seed=st.integers(0, 10**6),
    n_lags=st.integers(1, 12),
    threshold=st.sampled_from([-1.0, 0.25, 0.5, 2.0]),
    share=st.floats(0, 0.99),
)
def test_agrees_with_the_rule_row_by_row(lab, seed, n_lags, threshold, share):
    rows = np.random.default_rng(seed).integers(0, 9, (8, n_lags)) / 8  # few values: ties and borders
    min_lag = int(share * n_lags)
    lags, depths = lab.pick_lag(rows, min_lag, threshold)
    expected = [lag_by_hand(row, min_lag, threshold) for row in rows]
    np.testing.assert_allclose(lags, [lag for lag, _ in expected], atol=1e-9)  # polyfit solves 3 equations
    np.testing.assert_allclose(depths, [depth for _, depth in expected], atol=1e-12)


@checks("pick_lag", visible=True)
def test_the_first_dip_below_the_threshold_wins_over_a_deeper_one(lab):
    lags, depths = lab.pick_lag(np.array([[1.0, 0.9, 0.05, 0.3, 0.9, 0.0, 0.4]]), 1)
    np.testing.assert_allclose(lags, [2 + 0.6 / 2.2], rtol=1e-9)
    np.testing.assert_allclose(depths, [0.05])


@checks("pick_lag")
@pytest.mark.parametrize(
    ("row", "min_lag", "threshold", "lag"),
    [
        ([1, 0.5, 0.3, 0.2, 0.1, 0.4], 0, 0.4, 3.75),
        ([1, 0.5, 0.3, 0.3, 0.1, 0.4], 0, 0.4, 2.5),
        ([1, 0.6, 0.5, 0.9, 0.25, 0.9], 0, 0.5, 4.0),
        ([1, 0.6, 0.2, 0.9, 0.3, 0.9], 3, 0.25, 4.0),
        ([1, 0.9, 0.8, 0.7, 0.6, 0.5], 0, 0.1, 5.0),
        ([1, 0.9, 0.8, 0.7, 0.3, 0.2], 0, 0.4, 5.0),
        ([0.1, 0.3, 0.8, 0.9, 0.9, 0.9], 0, 0.2, 0.0),
        ([0.0, 0.1, 0.3, 0.8, 0.9, 0.9], 1, 0.2, 1.0),
        ([0.9, 0.3, 0.3, 0.3, 0.9, 0.9], 0, 0.2, 1.5),
        ([0.9, 0.3, 0.3, 0.3, 0.9, 0.9], 2, 0.2, 2.0),
        ([0.9, 0.2, 0.6, 0.9, 0.1, 0.9], 0, 0.3, 1 + 0.3 / 2.2),
    ],
    ids=[
        "walks down to the bottom",
        "stops where the next is equal",
        "the threshold itself is not below",
        "starts at the smallest lag",
        "bottom at the last lag",
        "walks as far as the last lag",
        "bottom at lag zero",
        "a lower neighbour on the left",
        "a flat bottom",
        "flat on both sides",
        "a shallower dip comes first",
    ],
)
def test_each_border_is_as_described(lab, row, min_lag, threshold, lag):
    found, _ = lab.pick_lag(np.array([row], dtype=float), min_lag, threshold)
    np.testing.assert_allclose(found, [lag], atol=1e-9)


@checks("pick_lag")
@given(period=st.floats(8.6, 30.4), bottom=st.floats(0.0, 0.05))
def test_the_bottom_of_a_parabola_is_found_between_samples(lab, period, bottom):
    row = np.minimum(bottom + 0.01 * (np.arange(40) - period) ** 2, 1.0)
    lags, _ = lab.pick_lag(row[None], 4)
    np.testing.assert_allclose(lags, [period], atol=1e-9)


@checks("pick_lag")
def test_without_being_told_the_threshold_is_a_tenth(lab):
    row = np.array([[1.0, 0.9, 0.12, 0.9, 0.9, 0.08, 0.9, 0.9, 0.02, 0.9]])
    np.testing.assert_allclose(lab.pick_lag(row, 1)[0], [5.0], atol=1e-9)


@checks("pick_lag")
@pytest.mark.parametrize(("shape", "min_lag"), [((2, 5), 5), ((2, 5), -1), ((5,), 1)])
def test_smallest_lag_must_be_there(lab, shape, min_lag):
    with pytest.raises(ValueError):
        lab.pick_lag(np.ones(shape), min_lag)


# --- yin ---------------------------------------------------------------------------------------------


@checks("yin")
@given(f0=st.floats(85, 390), seed=st.integers(0, 10**6))
def test_a_voice_of_known_pitch_is_found(lab, f0, seed):
    tone = harmonics(f0, 0.25) + noise(seed, 2000, 0.001)
    found = np.asarray(lab.yin(tone, RATE, 200))
    assert found.shape == (11,)
    # a parabola through a dip of a few samples misses by up to some 0.5 % where a period has 20 samples
    np.testing.assert_allclose(found[3:-3], f0, rtol=0.01)


@checks("yin")
def test_librosa_finds_the_same(lab, rng):
    import librosa

    f0 = rng.uniform(100, 350)
    tone = harmonics(f0, 0.4)
    theirs = librosa.yin(tone, fmin=75, fmax=500, sr=RATE, frame_length=512, hop_length=100)
    ours = np.asarray(lab.yin(tone, RATE, 100, 75.0, 500.0))
    np.testing.assert_allclose(ours[6:-6], theirs[6:-6], rtol=0.01)


@checks("yin")
def test_each_frame_is_placed_around_its_sample(lab):
    """The pitch of a glide must be that of sample t · hop in frame t."""
    f0 = np.linspace(150, 250, 4000)
    found = np.asarray(lab.yin(harmonics(f0, 0.5), RATE, 100))[5:-5]
    true = f0[::100][5:][: len(found)]
    # a glide of 0.025 Hz per sample; the middle is off by L/4 - τ/2, 2 to 12 samples: 0.05 to 0.3 Hz
    assert abs(np.mean(found - true)) < 0.4


@checks("yin")
@given(
    seed=st.integers(0, 10**6),
    hop=st.integers(20, 90),
    length=st.integers(150, 700),
    floor=st.sampled_from([80.0, 100.0, 123.0]),
    ceiling=st.sampled_from([400.0, 333.0, 900.0]),
    voiced_below=st.floats(0.05, 1.0),
)
def test_frames_lags_and_limits_are_as_described(lab, seed, hop, length, floor, ceiling, voiced_below):
    """Frames, smallest and largest lag, limits and voicing must be as the docstring says."""
    rate = 4000
    samples = harmonics(90 + seed % 400, length / rate, rate)[:length] + noise(seed, length, 0.1)
    longest = -int(-rate // floor)
    frames = []
    for t in range(1 + length // hop):
        start = t * hop - 5 * longest // 4
        frames.append([samples[n] if 0 <= n < length else 0.0 for n in range(start, start + 3 * longest)])
    curves = parts.normalised_difference(np.array(frames), longest)
    expected = []
    for lag, depth in zip(*parts.pick_lag(curves, int(rate // ceiling), 0.15), strict=True):
        voiced = depth < voiced_below and floor <= rate / lag <= ceiling
        expected.append(rate / lag if voiced else 0.0)
    found = lab.yin(samples, rate, hop, floor, ceiling, 0.15, voiced_below)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@checks("yin")
def test_without_options_the_limits_are_those_of_the_docstring(lab, rng):
    """71 to 800 Hz, threshold 0.1 and voiced below 0.3 unless something else is asked for."""
    samples = np.concatenate([harmonics(f0, 0.15) for f0 in (72.5, 120, 300, 780)])
    samples = samples + rng.normal(0, 0.15, len(samples))
    options = {"f0_floor": 71.0, "f0_ceiling": 800.0, "threshold": 0.1, "voiced_below": 0.3}
    expected = lab.yin(samples, RATE, 80, **options)
    np.testing.assert_array_equal(lab.yin(samples, RATE, 80), expected)
    curves = np.asarray(expected)
    assert np.any((curves > 71) & (curves < 76)) and np.any(curves > 700)


@checks("yin")
@pytest.mark.parametrize(
    ("f0", "other"),
    [(72.0, {"f0_floor": 60.0}), (780.0, {"f0_ceiling": 1000.0}), (69.0, {}), (900.0, {})],
    ids=["just above the floor", "just below the ceiling", "below the floor", "above the ceiling"],
)
def test_pitches_outside_the_limits_are_not_found(lab, f0, other):
    found = np.asarray(lab.yin(harmonics(f0, 0.3, n_harmonics=1), RATE, 80))[8:-8]
    if other:
        np.testing.assert_allclose(found, f0, rtol=0.02)
    else:
        assert not np.any(np.abs(found / f0 - 1) < 0.01)


@checks("yin")
def test_the_floor_itself_can_be_found(lab):
    tone = np.sin(2 * np.pi * 80 * np.arange(3000) / RATE)
    np.testing.assert_allclose(np.asarray(lab.yin(tone, RATE, 500, f0_floor=80.0))[2:-2], 80.0, rtol=1e-3)


@checks("yin")
def test_silence_and_hiss_are_unvoiced(lab, rng):
    """Silence must be 0 throughout, and white noise in nearly all frames."""
    assert not np.any(np.asarray(lab.yin(np.zeros(4000), RATE, 100)))
    hiss = np.asarray(lab.yin(rng.normal(size=16_000), RATE, 100))
    assert np.mean(hiss > 0) < 0.1  # 0 of 161 in a hundred trials


@checks("yin")
@pytest.mark.parametrize(
    "options",
    [
        {"f0_floor": 0.0},
        {"f0_floor": -5.0},
        {"f0_floor": 300.0, "f0_ceiling": 300.0},
        {"f0_floor": 500.0, "f0_ceiling": 300.0},
        {"f0_ceiling": 4001.0},
    ],
)
def test_limits_that_make_no_sense_are_refused(lab, options):
    with pytest.raises(ValueError):
        lab.yin(np.ones(2000), RATE, 100, **options)


@checks("yin")
def test_a_depth_of_exactly_the_limit_is_unvoiced_and_the_ceiling_can_be_found(lab):
    """Silence has depth 1 at the shortest lag: unvoiced below 1.0, and the ceiling itself below 1.5."""
    silence = np.zeros(1000)
    assert not np.any(lab.yin(silence, RATE, 100, voiced_below=1.0))
    np.testing.assert_array_equal(lab.yin(silence, RATE, 100, voiced_below=1.5), np.full(11, 800.0))


@checks("yin")
def test_slow_waves_have_a_pitch_too(lab):
    found = np.asarray(lab.yin(np.sin(2 * np.pi * 2 * np.arange(900) / 100), 100, 100, 1.0, 20.0))
    np.testing.assert_allclose(found[2:-2], 2.0, rtol=0.01)


@checks("yin")
def test_half_the_sample_rate_is_the_highest_ceiling(lab):
    assert np.asarray(lab.yin(np.zeros(2000), RATE, 100, f0_ceiling=4000.0)).shape == (21,)


@checks("yin")
def test_hops_shorter_than_a_sample_are_refused(lab):
    for hop in (0, -100):
        with pytest.raises(ValueError):
            lab.yin(np.ones(2000), RATE, hop)
    assert np.asarray(lab.yin(np.zeros(50), RATE, 1, f0_floor=400.0)).shape == (51,)


@picture("yin")
def pitch_curve(output, samples, sample_rate, hop_length, *args, **options):
    from labkit import plot

    output = np.asarray(output, dtype=float)
    return plot.track(
        np.where(output > 0, output, np.nan),
        hop_length / sample_rate,
        "f0 [Hz]",
        "your pitch, gaps where unvoiced",
    )


# --- pitch_errors ------------------------------------------------------------------------------------


@checks("pitch_errors", visible=True)
def test_the_example_of_the_page_comes_out(lab):
    found = lab.pitch_errors(np.array([100.0, 100, 0, 100]), np.array([101.0, 200, 0, 0]))
    assert set(found) == {"voicing", "gross", "cents"}
    assert found["voicing"] == pytest.approx(0.25) and found["gross"] == pytest.approx(0.5)
    assert found["cents"] == pytest.approx(1200 * np.log2(1.01))


@checks("pitch_errors")
@given(seed=st.integers(0, 10**6), n=st.integers(1, 30), tolerance=st.floats(0.02, 0.6))
def test_counts_agree_with_counting_by_hand(lab, seed, n, tolerance):
    rng = np.random.default_rng(seed)
    true = rng.uniform(80, 300, n) * (rng.random(n) < 0.7)
    found = rng.uniform(0.5, 2, n) * np.where(true > 0, true, 150) * (rng.random(n) < 0.7)
    wrong_voicing, gross, fine = 0, [], []
    for a, b in zip(true, found, strict=True):
        wrong_voicing += (a > 0) != (b > 0)
        if a > 0 and b > 0:
            gross.append(abs(b - a) > tolerance * a)
            if not gross[-1]:
                fine.append(abs(1200 * np.log(b / a) / np.log(2)))
    result = lab.pitch_errors(true, found, tolerance)
    assert result["voicing"] == pytest.approx(wrong_voicing / n, abs=1e-12)
    assert result["gross"] == pytest.approx(np.mean(gross) if gross else 0, abs=1e-12)
    assert result["cents"] == pytest.approx(np.mean(fine) if fine else 0, abs=1e-9)


@checks("pitch_errors")
def test_kilohertz_do_as_well_as_hertz(lab, rng):
    """Any pitch above zero is voiced, however small the number."""
    true, found = rng.uniform(80, 300, (2, 40)) * (rng.random((2, 40)) < 0.7)
    in_hertz, in_kilohertz = lab.pitch_errors(true, found), lab.pitch_errors(true / 1000, found / 1000)
    for name in ("voicing", "gross", "cents"):
        assert in_kilohertz[name] == pytest.approx(in_hertz[name], abs=1e-9)


@checks("pitch_errors")
def test_without_being_told_a_fifth_is_tolerated(lab):
    found = lab.pitch_errors(np.full(4, 100.0), np.array([119.0, 121.0, 81.0, 79.0]))
    assert found["gross"] == pytest.approx(0.5)


@checks("pitch_errors")
def test_a_deviation_of_exactly_the_tolerance_is_allowed(lab):
    found = lab.pitch_errors(np.full(2, 100.0), np.array([125.0, 75.0]), 0.25)
    assert found["gross"] == 0


@checks("pitch_errors")
def test_where_nothing_is_voiced_in_both_nothing_is_gross(lab):
    found = lab.pitch_errors(np.array([0.0, 100.0]), np.array([90.0, 0.0]))
    assert found == {"voicing": 1.0, "gross": 0.0, "cents": 0.0}
    assert lab.pitch_errors(np.array([100.0]), np.array([200.0]))["cents"] == 0


@checks("pitch_errors")
@pytest.mark.parametrize(("n", "m"), [(0, 0), (3, 4), (1, 3)])
def test_curves_of_different_length_and_empty_ones_are_refused(lab, n, m):
    with pytest.raises(ValueError):
        lab.pitch_errors(np.ones(n), np.ones(m))


# --- event_f0 ----------------------------------------------------------------------------------------


def rises(x, first):
    found = []
    for n in range(len(x) - 1):
        if x[n] < 0 <= x[n + 1]:
            found.append(first + n + (0 - x[n]) / (x[n + 1] - x[n]))
    return found


def events_by_hand(x, rate, times):
    slope = [b - a for a, b in pairwise(x)]
    kinds = [rises(x, 0), rises([-v for v in x], 0), rises(slope, 0.5), rises([-v for v in slope], 0.5)]
    if min(len(kind) for kind in kinds) <= 2:
        return np.zeros(len(times)), np.ones(len(times))
    values = []
    for kind in kinds:
        middle = [(a + b) / 2 / rate for a, b in pairwise(kind)]
        f0 = [rate / (b - a) for a, b in pairwise(kind)]
        values.append(np.interp(times, middle, f0))
    mean = sum(values) / 4
    return mean, np.sqrt(sum((v - mean) ** 2 for v in values) / 4) / mean


@checks("event_f0")
@given(seed=st.integers(0, 10**6), length=st.integers(10, 80), rate=st.sampled_from([1000, 8000]))
def test_agrees_with_events_looked_for_one_by_one(lab, seed, length, rate):
    x = np.random.default_rng(seed).integers(-3, 4, length).astype(float)  # zeros and equal neighbours
    times = np.linspace(-0.1, 1.1, 9) * length / rate
    f0, spread = lab.event_f0(x, rate, times)
    expected_f0, expected_spread = events_by_hand(x, rate, times)
    np.testing.assert_allclose(f0, expected_f0, rtol=EXACT)
    np.testing.assert_allclose(spread, expected_spread, atol=EXACT)


@checks("event_f0")
@given(f0=st.floats(80, 600), phase=st.floats(0, 6.2))
def test_a_plain_wave_is_measured_and_trusted(lab, f0, phase):
    wave = np.sin(2 * np.pi * f0 * np.arange(1500) / RATE + phase)
    found, spread = lab.event_f0(wave, RATE, np.array([0.05, 0.1]))
    # a straight line through a sine near zero misses by less than (π f0 / rate)² / 6 of the step: 0.1 %
    np.testing.assert_allclose(found, f0, rtol=3e-3)
    assert np.all(np.asarray(spread) < 5e-3)


@checks("event_f0")
def test_two_waves_at_once_are_not_trusted(lab):
    t = np.arange(4000) / RATE
    wave = np.sin(2 * np.pi * 150 * t) + np.sin(2 * np.pi * 317 * t)
    _, spread = lab.event_f0(wave, RATE, np.linspace(0.1, 0.4, 50))
    assert np.median(spread) > 0.05  # 0.17; of a plain wave it is 0.0001


@checks("event_f0")
def test_three_events_of_each_kind_are_enough_and_two_are_not(lab):
    """With 3 events of each kind there must be a pitch; with 2 of one kind, 0 and spread 1."""
    answers = set()
    for periods in np.arange(1.6, 4.2, 0.1):
        for phase in (0.1, 1.0, 2.0, 3.3, 4.5, 5.5):
            wave = np.sin(2 * np.pi * np.arange(int(40 * periods)) / 40 + phase)
            expected_f0, expected_spread = events_by_hand(wave, RATE, np.array([0.01, 0.02]))
            f0, spread = lab.event_f0(wave, RATE, np.array([0.01, 0.02]))
            np.testing.assert_allclose(f0, expected_f0, rtol=EXACT)
            np.testing.assert_allclose(spread, expected_spread, atol=EXACT)
            answers.add(bool(expected_f0[0] > 0))
    assert answers == {True, False}


@checks("event_f0")
def test_silence_has_no_events(lab):
    f0, spread = lab.event_f0(np.zeros(300), RATE, np.array([0.0, 0.01, 0.02]))
    assert np.asarray(f0).tolist() == [0, 0, 0] and np.asarray(spread).tolist() == [1, 1, 1]


# --- choose_f0 ---------------------------------------------------------------------------------------


def chosen_by_hand(candidates, spreads, max_change, min_frames):
    n_filters, n = candidates.shape
    best = [candidates[min(range(n_filters), key=lambda b: (spreads[b, t], b)), t] for t in range(n)]
    f0 = [0.0] * n
    for t in range(1, n):
        if abs(best[t] - best[t - 1]) <= max_change * best[t]:
            f0[t] = best[t]
    t = 0
    while t < n:
        end = t
        while end < n and f0[end] > 0:
            end += 1
        if 0 < end - t < min_frames:
            f0[t:end] = [0.0] * (end - t)
        t = max(end, t + 1)
    for order, step in ((range(1, n), -1), (range(n - 2, -1, -1), 1)):
        for t in order:
            before = f0[t + step]
            if before > 0 and abs(f0[t] - before) > max_change * before:
                nearest = min(candidates[:, t], key=lambda c: abs(c - before))
                if abs(nearest - before) <= max_change * before:
                    f0[t] = nearest
    return f0


@checks("choose_f0")
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 30),
    filters=st.integers(1, 4),
    max_change=st.sampled_from([0.1, 0.25]),
    min_frames=st.integers(1, 4),
)
def test_agrees_with_the_four_steps_written_out(lab, seed, n, filters, max_change, min_frames):
    rng = np.random.default_rng(seed)
    values = np.array([0.0, 100, 100, 105, 125, 150, 200, 205])
    candidates, spreads = rng.choice(values, (filters, n)), rng.random((filters, n))
    candidates[0, : n // 2] = rng.choice([100, 105, 104, 101], n // 2)
    found = lab.choose_f0(candidates, spreads, max_change, min_frames)
    np.testing.assert_allclose(found, chosen_by_hand(candidates, spreads, max_change, min_frames))


@checks("choose_f0")
def test_the_candidate_of_least_spread_is_taken(lab, rng):
    steady = np.vstack([np.full(12, 100.0), np.full(12, 203.0), np.full(12, 300.0)])
    spreads = np.vstack([np.full(12, 0.2), np.full(12, 0.01), np.full(12, 0.3)])
    np.testing.assert_array_equal(lab.choose_f0(steady, spreads), np.full(12, 203.0))


@checks("choose_f0", visible=True)
def test_a_lonely_octave_error_is_mended(lab):
    tracks = np.array([[200.0, 203, 101, 205, 204], [0, 0, 202, 0, 0]])
    spreads = np.array([[0.1] * 5, [0.9] * 5])
    np.testing.assert_array_equal(lab.choose_f0(tracks, spreads, min_frames=1), [200, 203, 202, 205, 204])


@checks("choose_f0")
def test_kilohertz_do_as_well_as_hertz_here(lab, rng):
    """Any pitch above zero is voiced, however small the number."""
    track = np.where(np.arange(40) % 20 > 5, rng.uniform(148, 155, 40), 0.0)
    track[21:24] = 150.0  # too short to stay
    candidates = np.vstack([track, rng.uniform(100, 300, 40)])
    spreads = np.vstack([np.zeros(40), np.ones(40)])
    found = np.asarray(lab.choose_f0(candidates, spreads))
    assert np.sum(found > 0) > 20
    np.testing.assert_allclose(lab.choose_f0(candidates / 1000, spreads), found / 1000)


@checks("choose_f0")
def test_stretches_that_are_too_short_go(lab):
    """A voiced stretch of min_frames must survive, one frame less must not."""
    for length in (5, 6, 7, 8):
        track = np.zeros(20)
        track[7 : 7 + length] = 150.0
        found = np.asarray(lab.choose_f0(track[None], np.zeros((1, 20))))
        # the first frame of the stretch is lost in step 2 and won back in step 4
        assert np.sum(found > 0) == (length if length - 1 >= 6 else 0)


@checks("choose_f0")
def test_a_step_of_exactly_the_largest_change_is_allowed(lab):
    rising = np.array([[150.0, 150, 150, 200, 200, 200]])
    np.testing.assert_array_equal(lab.choose_f0(rising, np.zeros((1, 6)), 0.25, 5), rising[0])
    grown = np.array([[0.0, 200, 200, 200, 200, 150.0, 0]])
    # down by 50: a third of 150, so no jump is allowed there; but a quarter of the neighbour's 200
    expected = [0, 200, 200, 200, 200, 150, 0]
    np.testing.assert_array_equal(lab.choose_f0(grown, np.zeros((1, 7)), 0.25, 2), expected)


@checks("choose_f0")
def test_without_being_told_steps_are_a_tenth_and_stretches_six(lab):
    """Steps of a tenth and stretches of six frames unless something else is asked for."""
    for step, kept in ((1.09, True), (1.13, False)):
        track = np.concatenate([np.full(10, 100.0), np.full(10, 100.0 * step)])[None]
        found = np.asarray(lab.choose_f0(track, np.zeros((1, 20))))
        wanted = np.asarray(lab.choose_f0(track, np.zeros((1, 20)), 0.1, 6))
        np.testing.assert_array_equal(found, wanted)
        assert bool(found[10] == track[0, 10]) is True or not kept


@checks("choose_f0")
def test_a_stretch_in_the_wrong_octave_is_overruled(lab):
    """A stretch that jumps to half the pitch must take the candidates that go on from its neighbour."""
    best = np.concatenate([np.full(9, 200.0), np.full(9, 100.0), np.full(9, 210.0)])
    other = np.concatenate([np.full(9, 200.0), np.linspace(201, 209, 9), np.full(9, 210.0)])
    found = lab.choose_f0(np.vstack([best, other]), np.vstack([np.zeros(27), np.ones(27)]))
    np.testing.assert_allclose(found, other)


@checks("choose_f0")
def test_the_nearest_is_looked_for_only_after_a_jump(lab):
    """A step of exactly the largest change needs no mending, though another candidate may be nearer."""
    best, other = np.array([200.0, 200, 200, 250, 250, 250]), np.full(6, 200.0)
    spreads = np.vstack([np.zeros(6), np.ones(6)])
    expected = [200.0, 200, 200, 250, 250, 250]
    np.testing.assert_array_equal(lab.choose_f0(np.vstack([best, other]), spreads, 0.25, 1)[:4], expected[:4])


@checks("choose_f0")
def test_growing_stops_where_no_candidate_is_near(lab):
    track = np.array([[140.0] * 4 + [0.0] * 4 + [100.0] * 9 + [104.0] + [180.0] * 2])
    found = np.asarray(lab.choose_f0(track, np.zeros((1, 20))))
    np.testing.assert_array_equal(found, [0.0] * 8 + [100.0] * 9 + [104.0] + [0.0] * 2)


@checks("choose_f0")
def test_the_first_frame_needs_a_neighbour_that_vouches_for_it(lab):
    lonely = np.array([[100.0, 300.0, 100.0, 300.0]])
    assert not np.any(lab.choose_f0(lonely, np.zeros((1, 4)), 0.1, 1))
    wide = np.array([[100.0, 0.0, 0.0]])  # even if every step is allowed
    assert not np.any(lab.choose_f0(wide, np.zeros((1, 3)), 1.0, 1))


@checks("choose_f0")
@pytest.mark.parametrize("shapes", [((2, 5), (2, 4)), ((5,), (5,)), ((2, 5), (1, 5))])
def test_candidates_and_spreads_must_match(lab, shapes):
    with pytest.raises(ValueError):
        lab.choose_f0(np.ones(shapes[0]), np.ones(shapes[1]))


# --- pitch_spectrum ----------------------------------------------------------------------------------


def spectrum_by_hand(samples, centre, f0, rate, n_fft, periods):
    h = periods * rate / (f0 if f0 > 0 else 500.0) / 2
    n = np.arange(-n_fft // 2, n_fft // 2)
    x = np.array([samples[centre + k] if 0 <= centre + k < len(samples) else 0.0 for k in n])
    w = np.array([np.cos(np.pi * k / h / 2) ** 2 if abs(k) < h else 0.0 for k in n])
    x = x - np.average(x, weights=w)
    w = w / np.linalg.norm(w)
    k = np.arange(n_fft // 2 + 1)
    return np.exp(-2j * np.pi * np.outer(k, n) / n_fft) @ (w * x)


@checks("pitch_spectrum")
@given(
    seed=st.integers(0, 10**6),
    periods=st.sampled_from([2.0, 3.0, 2.5]),
    pitches=st.lists(st.one_of(st.just(0.0), st.floats(400, 1500)), min_size=1, max_size=4),
)
def test_agrees_with_the_transform_written_out(lab, seed, periods, pitches):
    rng = np.random.default_rng(seed)
    samples = rng.normal(0.5, 1, 150)
    centres = rng.integers(-30, 180, len(pitches))
    found = lab.pitch_spectrum(samples, centres, np.array(pitches), RATE, 64, periods)
    expected = [
        spectrum_by_hand(samples, centre, f0, RATE, 64, periods)
        for centre, f0 in zip(centres, pitches, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@checks("pitch_spectrum")
def test_white_noise_keeps_its_power_whatever_the_window(lab, rng):
    """White noise of mean square 4 must have a mean power near 4, at a low and at a high pitch."""
    samples = rng.normal(0, 2, 60_000)
    centres = np.arange(200, 59_000, 100)
    for f0 in (120.0, 700.0):
        power = np.abs(lab.pitch_spectrum(samples, centres, np.full(len(centres), f0), RATE, 256)) ** 2
        # some 590 windows of 20 independent bins or more: a relative spread of 2 % at most; the mean that is
        # subtracted takes 1 to 4 % away at the lowest bins only
        assert np.mean(power[:, 40:]) == pytest.approx(4.0, rel=0.12)


@checks("pitch_spectrum")
def test_the_window_is_three_periods_long_by_default(lab, rng):
    samples = rng.normal(size=400)
    centres, f0 = np.array([200]), np.array([250.0])
    np.testing.assert_allclose(
        lab.pitch_spectrum(samples, centres, f0, RATE, 128),
        lab.pitch_spectrum(samples, centres, f0, RATE, 128, 3.0),
    )
    far = samples.copy()
    far[: 200 - 48], far[200 + 48 + 1 :] = 9.0, 9.0  # three periods are 96 samples
    np.testing.assert_allclose(
        lab.pitch_spectrum(far, centres, f0, RATE, 128),
        lab.pitch_spectrum(samples, centres, f0, RATE, 128),
        atol=1e-9,
    )
    far[200 + 40] += 5.0
    assert np.abs(lab.pitch_spectrum(far, centres, f0, RATE, 128)).max() > 0.01
    assert not np.allclose(
        lab.pitch_spectrum(far, centres, f0, RATE, 128), lab.pitch_spectrum(samples, centres, f0, RATE, 128)
    )


@checks("pitch_spectrum")
def test_a_constant_offset_disappears(lab, rng):
    samples = rng.normal(size=300)
    arguments = np.array([100, 150]), np.array([300.0, 0.0]), RATE, 128
    np.testing.assert_allclose(
        lab.pitch_spectrum(samples + 7, *arguments), lab.pitch_spectrum(samples, *arguments), atol=1e-9
    )


@checks("pitch_spectrum")
def test_flicker_with_the_position_of_the_window_is_small(lab):
    """The total power of a row of clicks must hardly depend on where the window stands."""
    clicks = np.zeros(2000)
    clicks[::40] = 1.0
    centres = np.arange(1000, 1040)
    power = np.sum(np.abs(lab.pitch_spectrum(clicks, centres, np.full(40, 200.0), RATE, 256)) ** 2, axis=1)
    assert power.max() / power.min() < 1.2  # 1.10 by the subtracted mean alone


@checks("pitch_spectrum")
def test_a_window_longer_than_the_transform_is_refused(lab):
    lowest = 3 * RATE / 256
    assert np.asarray(
        lab.pitch_spectrum(np.ones(300), np.array([9]), np.array([lowest]), RATE, 256)
    ).shape == (1, 129)
    for f0 in (lowest * 0.999, lowest / 2, 0.5):
        with pytest.raises(ValueError):
            lab.pitch_spectrum(np.ones(300), np.array([9, 20]), np.array([f0, 400.0]), RATE, 256)
    with pytest.raises(ValueError):  # without a pitch, the window is that of 500 Hz: 48 samples
        lab.pitch_spectrum(np.ones(300), np.array([9]), np.array([0.0]), RATE, 46)


@checks("pitch_spectrum")
@pytest.mark.parametrize(("n", "m"), [(1, 2), (3, 2), (3, 1)])
def test_every_centre_needs_a_pitch(lab, n, m):
    with pytest.raises(ValueError):
        lab.pitch_spectrum(np.ones(300), np.arange(n), np.full(m, 300.0), RATE, 256)


# --- smooth_power ------------------------------------------------------------------------------------


def smoothed_by_hand(row, f0, rate):
    n_bins = len(row)
    half = (f0 if f0 > 0 else 500.0) / 3 / (rate / 2 / (n_bins - 1))
    result = []
    for k in range(n_bins):
        area = 0.0
        for j in range(k - n_bins, k + n_bins):
            overlap = min(j + 0.5, k + half) - max(j - 0.5, k - half)
            mirrored = abs(j) if j < n_bins else 2 * (n_bins - 1) - j
            if overlap > 0:
                area += overlap * row[mirrored]
        result.append(area / (2 * half))
    return result


@checks("smooth_power")
@given(
    seed=st.integers(0, 10**6),
    n_bins=st.integers(9, 24),
    pitches=st.lists(st.one_of(st.just(0.0), st.floats(60, 1500)), min_size=1, max_size=3),
)
def test_agrees_with_areas_added_up_step_by_step(lab, seed, n_bins, pitches):
    power = np.random.default_rng(seed).exponential(size=(len(pitches), n_bins))
    expected = [smoothed_by_hand(row, f0, RATE) for row, f0 in zip(power, pitches, strict=True)]
    np.testing.assert_allclose(lab.smooth_power(power, np.array(pitches), RATE), expected, rtol=EXACT)


@checks("smooth_power", visible=True)
def test_the_example_with_five_bins_comes_out(lab):
    found = lab.smooth_power(np.array([[4.0, 4.0, 10.0, 4.0, 4.0]]), np.array([300.0]), 800)
    np.testing.assert_allclose(found, [[4.0, 5.5, 7.0, 5.5, 4.0]])


@checks("smooth_power")
def test_a_flat_spectrum_stays_flat_up_to_both_ends(lab, rng):
    level, pitches = rng.uniform(0.1, 10), rng.uniform(80, 400, 3)
    found = lab.smooth_power(np.full((3, 65), level), pitches, RATE)
    np.testing.assert_allclose(found, level, rtol=EXACT)


@checks("smooth_power")
def test_kilohertz_give_the_same_average(lab, rng):
    """Pitch and sample rate in kHz must give what they give in Hz."""
    power = rng.exponential(size=(2, 33))
    in_hertz = lab.smooth_power(power, np.array([700.0, 300.0]), 8000)
    np.testing.assert_allclose(lab.smooth_power(power, np.array([0.7, 0.3]), 8), in_hertz, rtol=EXACT)


@checks("smooth_power")
def test_teeth_at_the_pitch_become_shallow(lab):
    """A ripple of cos² over one harmonic distance must lose most of its depth."""
    hz = np.linspace(0, 4000, 513)
    ripple = 1 + np.cos(2 * np.pi * hz / 200)
    found = np.asarray(lab.smooth_power(ripple[None], np.array([200.0]), RATE))[0]
    # the average over 2/3 of a period leaves sinc(2/3) = 0.413 of the ripple
    assert np.ptp(found) / 2 == pytest.approx(0.4135, abs=0.01)


@checks("smooth_power")
@pytest.mark.parametrize("n", [1, 2, 4])
def test_every_frame_needs_a_pitch(lab, n):
    with pytest.raises(ValueError):
        lab.smooth_power(np.ones((3, 9)), np.full(n, 300.0), RATE)


# --- spectral_envelope -------------------------------------------------------------------------------

FORMANTS = ((600, 90), (1200, 120), (2600, 180))  # Hz, bandwidth


def vowel_filter(rate=RATE):
    poles = np.array([np.exp(np.pi * (-b + 2j * f) / rate) for f, b in FORMANTS])
    return np.real(np.poly(np.concatenate([poles, poles.conj()])))


def vowel(f0, seconds, seed=0, breath=0.01, rate=RATE):
    """Harmonics of equal strength through three resonances; its true envelope (power per sample)."""
    from scipy.signal import lfilter

    phase = 2 * np.pi * f0 * np.arange(int(seconds * rate)) / rate
    teeth = (
        sum(np.cos(k * phase) for k in range(1, int(rate / 2 / f0) + 1)) * np.sqrt(2 * f0 / rate) * np.sqrt(2)
    )
    source = teeth + noise(seed, len(phase), breath)
    return lfilter([1.0], vowel_filter(rate), source) * 0.05


@checks("spectral_envelope")
@given(f0=st.floats(90, 380), seed=st.integers(0, 10**6))
def test_pyworld_finds_the_same_envelope(lab, f0, seed):
    import pyworld

    samples = vowel(f0, 0.2, seed, breath=0.1)
    pitch = np.full(33, f0) * (np.arange(33) % 8 > 0)  # some frames unvoiced
    times = np.arange(33) * 48 / RATE
    theirs = pyworld.cheaptrick(samples, pitch, times, RATE, fft_size=512)
    # pyworld rounds half a window to whole samples, which leaves up to 0.0005 of its height at its ends: in
    # 1500 trials at most 0.25 dB at one bin where the power is lowest, 0.004 dB for nine of ten bins
    gap = 10 * np.log10(np.asarray(lab.spectral_envelope(samples, pitch, RATE, 48, 512)) / theirs)[8:-8]
    assert np.quantile(np.abs(gap), 0.9) < 0.01 and np.abs(gap).max() < 1


@checks("spectral_envelope")
def test_the_true_envelope_of_a_vowel_is_found_at_any_pitch(lab, rng):
    """The envelope must be that of the resonances, whatever the pitch is, within 2 dB on average."""
    hz = np.linspace(0, RATE / 2, 257)
    inside = (hz > 300) & (hz < 3500)
    response = np.abs(1 / np.fft.rfft(vowel_filter(), 512)) ** 2
    true = 10 * np.log10(response[inside])
    for f0 in rng.uniform(100, 200, 3):
        found = np.asarray(lab.spectral_envelope(vowel(f0, 0.3), np.full(40, f0), RATE, 50, 512))[15:30]
        level = 10 * np.log10(found[:, inside]).mean(axis=0)
        gap = (level - level.mean()) - (true - true.mean())
        # a peak narrower than the distance of two harmonics cannot be seen whole; 0.4 to 1.1 dB were seen
        assert np.mean(np.abs(gap)) < 2.0


@checks("spectral_envelope")
def test_white_noise_gives_its_power(lab, rng):
    """Power, not amplitude: noise of standard deviation 3 must give a mean envelope near 9."""
    samples = rng.normal(0, 3, 16_000)
    found = np.asarray(lab.spectral_envelope(samples, np.zeros(150), RATE, 100, 256))[5:-5, 40:]
    # logarithms are averaged, which lies below the mean; 7.6 to 8.4 were seen
    assert 6 < found.mean() < 10


@checks("spectral_envelope")
def test_silence_gives_the_small_number_that_was_added(lab):
    found = lab.spectral_envelope(np.zeros(1000), np.array([0.0, 200.0, 0.0]), RATE, 100, 256)
    np.testing.assert_allclose(found, np.full((3, 129), 1e-16), rtol=1e-6)


@checks("spectral_envelope")
def test_a_doubled_recording_has_four_times_the_power(lab, rng):
    samples = rng.normal(size=2000)
    f0 = np.array([0.0, 150, 200, 0])
    once, twice = (lab.spectral_envelope(k * samples, f0, RATE, 400) for k in (1.0, 2.0))
    assert np.asarray(once).shape == (4, 513)
    np.testing.assert_allclose(twice, 4 * np.asarray(once), rtol=1e-9)


@checks("spectral_envelope")
def test_kilohertz_give_the_same_envelope(lab, rng):
    """Pitch and sample rate in kHz must give what they give in Hz."""
    samples, f0 = vowel(300.0, 0.1, breath=0.3), rng.uniform(250, 700, 6)
    in_hertz = lab.spectral_envelope(samples, f0, 8000, 100, 128)
    in_kilohertz = lab.spectral_envelope(samples, f0 / 1000, 8, 100, 128)
    np.testing.assert_allclose(in_kilohertz, in_hertz, rtol=1e-6)


@picture("spectral_envelope")
def envelopes(output, samples, f0, sample_rate, hop_length, *args, **options):
    from labkit import plot

    levels = 10 * np.log10(np.maximum(np.asarray(output, dtype=float), 1e-12))
    return plot.spectrogram(levels, sample_rate, hop_length, "your envelopes", orient="time_first")


# --- aperiodicity ------------------------------------------------------------------------------------


@oracle
def aperiodicity_bin_by_bin(samples, f0, hop, bandwidth):
    """Of spectra of 65 bins."""
    expected = np.ones((len(f0), 65))
    reach = int(np.floor(bandwidth / 2 / 62.5 + 0.5))
    for t in np.flatnonzero(f0):
        period = RATE / f0[t]
        first = int(np.round(t * hop - period / 2))
        a, b = (
            parts.pitch_spectrum(samples, np.array([c]), f0[t : t + 1], RATE, 128, 2.0)[0]
            for c in (first, first + int(np.round(period)))
        )
        for k in range(65):
            near = slice(max(0, k - reach), k + reach + 1)
            below = np.sqrt(np.sum(np.abs(a[near]) ** 2) * np.sum(np.abs(b[near]) ** 2))
            expected[t, k] = np.sqrt(max(0, 1 - np.abs(np.vdot(a[near], b[near])) / below))
    return expected


@checks("aperiodicity")
@given(
    seed=st.integers(0, 10**6),
    bandwidth=st.sampled_from([300.0, 1000.0, 2000.0, 9000.0]),
    hop=st.integers(40, 90),
)
def test_agrees_with_the_formula_bin_by_bin(lab, seed, bandwidth, hop):
    rng = np.random.default_rng(seed)
    samples = vowel(190.0, 0.1, seed, breath=0.5)
    f0 = rng.uniform(180, 300, 6) * (rng.random(6) < 0.8)
    expected = aperiodicity_bin_by_bin(samples, f0, hop, bandwidth)
    found = lab.aperiodicity(samples, f0, RATE, hop, 128, bandwidth)
    # the root magnifies rounding of 1e-13 near 0 to some 1e-6
    np.testing.assert_allclose(found, expected, atol=2e-5)


@checks("aperiodicity")
@given(f0=st.floats(100, 350))
def test_what_repeats_has_none_and_noise_has_much(lab, f0):
    """Harmonics must give little, white noise much, also if the pitch is off by half a per cent."""
    clean = vowel(f0, 0.2, breath=0.0)
    hiss = noise(int(1000 * f0), 1600)
    for off in (1.0, 1.005):
        pitch = np.full(10, f0 * off)
        assert np.mean(np.asarray(lab.aperiodicity(clean, pitch, RATE, 100, 512))[3:-3, 10:-10]) < 0.2
        assert np.mean(np.asarray(lab.aperiodicity(hiss, pitch, RATE, 100, 512))[3:-3, 10:-10]) > 0.6


@checks("aperiodicity")
def test_it_is_the_root_of_the_share_of_the_power(lab, rng):
    """Noise that makes up a quarter of the power must give about one half."""
    f0 = 200.0
    t = np.arange(8000) / RATE
    teeth = sum(np.cos(2 * np.pi * k * f0 * t + 6.28 * rng.random()) for k in range(1, 20))
    samples = teeth / teeth.std() * np.sqrt(0.75) + rng.normal(0, 0.5, len(t))
    found = np.asarray(lab.aperiodicity(samples, np.full(80, f0), RATE, 100, 256))[5:-5, 20:-20]
    assert 0.4 < np.sqrt(np.mean(found**2)) < 0.6  # 0.48 to 0.52 in many trials


@checks("aperiodicity")
def test_kilohertz_give_the_same_breath(lab, rng):
    """Pitch, sample rate and bandwidth in kHz must give what they give in Hz."""
    samples, f0 = vowel(300.0, 0.1, breath=0.3), rng.uniform(250, 700, 6)
    in_hertz = lab.aperiodicity(samples, f0, 8000, 100, 128, 1000.0)
    in_kilohertz = lab.aperiodicity(samples, f0 / 1000, 8, 100, 128, 1.0)
    np.testing.assert_allclose(in_kilohertz, in_hertz, atol=1e-4)


@checks("aperiodicity")
def test_unvoiced_frames_are_all_breath(lab, rng):
    """Frames without pitch must be 1 throughout, also if there is none with pitch, and whatever the sound."""
    samples = vowel(200.0, 0.2)
    found = np.asarray(lab.aperiodicity(samples, np.array([0.0, 0, 200, 0]), RATE, 200, 256))
    np.testing.assert_array_equal(found[[0, 1, 3]], np.ones((3, 129)))
    assert found[2].max() < 1
    np.testing.assert_array_equal(lab.aperiodicity(samples, np.zeros(3), RATE, 200, 256), np.ones((3, 129)))


@checks("aperiodicity")
def test_digital_silence_is_no_division_by_zero(lab):
    found = lab.aperiodicity(np.zeros(1000), np.array([200.0, 200.0]), RATE, 200)
    np.testing.assert_array_equal(found, np.ones((2, 513)))


@checks("aperiodicity")
def test_the_band_is_two_kilohertz_by_default(lab, rng):
    samples, pitch = vowel(180.0, 0.2, breath=0.4), np.array([0.0, 180.0, 181.0])
    np.testing.assert_allclose(
        lab.aperiodicity(samples, pitch, RATE, 300, 256),
        lab.aperiodicity(samples, pitch, RATE, 300, 256, 2000.0),
    )
    wide = np.asarray(lab.aperiodicity(samples, pitch, RATE, 300, 256, 3000.0))
    assert not np.allclose(lab.aperiodicity(samples, pitch, RATE, 300, 256), wide)


# --- minimum_phase -----------------------------------------------------------------------------------


@checks("minimum_phase")
@given(seed=st.integers(0, 10**6), half=st.integers(1, 40), frames=st.integers(1, 3))
def test_the_power_is_kept(lab, seed, half, frames):
    power = np.exp(noise(seed, (frames, half + 1), 1.5))
    found = np.asarray(lab.minimum_phase(power))
    assert found.shape == power.shape
    np.testing.assert_allclose(np.abs(found) ** 2, power, rtol=1e-8)


@checks("minimum_phase")
@given(seed=st.integers(0, 10**6), n_zeros=st.integers(1, 4))
def test_zeros_outside_the_circle_are_brought_inside(lab, seed, n_zeros):
    """The filter with all zeros inside the unit circle must come back, wherever they were."""
    zeros = np.random.default_rng(seed).uniform(-0.85, 0.85, n_zeros)
    inside = np.poly(zeros)
    outside = np.poly(zeros)[::-1]  # every zero z became 1/z; the power is the same
    for taps in (inside, outside):
        power = np.abs(np.fft.rfft(taps, 1024)) ** 2
        response = np.fft.irfft(lab.minimum_phase(power[None]))[0]
        # 0.85^1024 is what the cepstrum leaves behind its end
        np.testing.assert_allclose(response[: n_zeros + 1], inside, atol=1e-8)
        np.testing.assert_allclose(response[n_zeros + 1 :], 0, atol=1e-8)


@checks("minimum_phase")
@given(seed=st.integers(0, 10**6))
def test_nothing_comes_before_the_click(lab, seed):
    """Of the response to a click, nothing must lie at negative times (the second half of the transform)."""
    power = np.exp(smooth_log_power(seed, 2, 257))
    response = np.fft.irfft(lab.minimum_phase(power))
    # exp of five cosines dies out as 1 / n!; 1e-12 and less were seen
    assert np.sum(response[:, 256:] ** 2) < 1e-9 * np.sum(response**2)


@checks("minimum_phase", visible=True)
def test_a_flat_power_is_a_plain_click(lab):
    response = np.fft.irfft(lab.minimum_phase(np.full((2, 17), 9.0)))
    np.testing.assert_allclose(response, 3 * np.eye(1, 32).repeat(2, axis=0), atol=1e-12)


@checks("minimum_phase")
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan], ids=["zero", "negative", "not a number"])
def test_powers_without_a_logarithm_are_refused(lab, value):
    power = np.ones((2, 9))
    power[1, 4] = value
    with pytest.raises(ValueError):
        lab.minimum_phase(power)


# --- pulse_times -------------------------------------------------------------------------------------


def pulses_by_hand(f0, rate, hop):
    voiced = [t for t in range(len(f0)) if f0[t] > 0]
    phase, times, pitch = 0.0, [], []
    for n in range(len(f0) * hop):
        frame = n // hop + (1 if 2 * (n % hop) >= hop else 0)
        if f0[min(frame, len(f0) - 1)] <= 0:
            continue
        below = [t for t in voiced if t * hop <= n]
        above = [t for t in voiced if t * hop > n]
        if below and above:
            share = (n / hop - below[-1]) / (above[0] - below[-1])
            now = f0[below[-1]] + share * (f0[above[0]] - f0[below[-1]])
        else:
            now = f0[below[-1]] if below else f0[above[0]]
        after = phase + now / rate
        if int(after) > int(phase):
            times.append(n - (after - int(after)) * rate / now)
            pitch.append(now)
        phase = after
    return np.array(times), np.array(pitch)


@checks("pulse_times")
@given(seed=st.integers(0, 10**6), n=st.integers(1, 14), hop=st.integers(1, 60), voiced=st.floats(0.3, 1))
def test_agrees_with_a_wheel_turned_sample_by_sample(lab, seed, n, hop, voiced):
    rng = np.random.default_rng(seed)
    f0 = rng.uniform(100, 900, n) * (rng.random(n) < voiced)
    times, pitch = lab.pulse_times(f0, RATE, hop)
    expected_times, expected_pitch = pulses_by_hand(f0, RATE, hop)
    assert np.asarray(times).shape == np.asarray(pitch).shape == expected_times.shape
    np.testing.assert_allclose(times, expected_times, atol=1e-6)
    np.testing.assert_allclose(pitch, expected_pitch, rtol=1e-9)


@checks("pulse_times")
@given(f0=st.floats(60, 700))
def test_a_steady_pitch_gives_even_clicks(lab, f0):
    times, pitch = lab.pulse_times(np.full(20, f0), RATE, 40)
    # the wheel has turned by one sample's share at sample 0
    expected = np.arange(1, 800) * RATE / f0 - 1
    expected = expected[expected <= 799 - 1e-6]
    np.testing.assert_allclose(np.asarray(times)[: len(expected)], expected, atol=1e-6)
    assert len(times) - len(expected) in (0, 1)
    np.testing.assert_allclose(pitch, f0)


@checks("pulse_times", visible=True)
def test_clicks_lie_between_samples(lab):
    times, pitch = lab.pulse_times(np.array([300.0, 300.0]), 1000, 4)
    np.testing.assert_allclose(times, [7 / 3, 17 / 3])
    np.testing.assert_allclose(pitch, [300, 300])


@checks("pulse_times")
def test_the_pitch_does_not_fall_towards_a_pause(lab):
    """Before and after an unvoiced stretch the clicks must keep their distance, and in it there are none."""
    f0 = np.array([400.0] * 6 + [0.0] * 5 + [400.0] * 6)
    times, pitch = (np.asarray(each) for each in lab.pulse_times(f0, RATE, 40))
    np.testing.assert_allclose(pitch, 400.0)
    assert not np.any((times > 5.5 * 40) & (times < 10.5 * 40 - 1))
    within = np.concatenate([np.diff(times[times < 230]), np.diff(times[times > 410])])
    np.testing.assert_allclose(within, 20.0)


@checks("pulse_times")
def test_kilohertz_give_the_same_clicks(lab):
    """Pitch and sample rate in kHz must give what they give in Hz."""
    f0 = np.array([0, 310.0, 420, 0, 0, 530, 610])
    times, pitch = lab.pulse_times(f0, 8000, 61)
    other_times, other_pitch = lab.pulse_times(f0 / 1000, 8, 61)
    np.testing.assert_allclose(other_times, times, atol=1e-6)
    np.testing.assert_allclose(other_pitch, np.asarray(pitch) / 1000)


@checks("pulse_times")
def test_the_wheel_stops_half_way_to_an_unvoiced_frame(lab):
    for hop in (40, 41):
        times, _ = lab.pulse_times(np.array([3999.0, 0.0, 0.0, 3999.0]), RATE, hop)
        times = np.asarray(times)
        first, second = times[times < 1.5 * hop], times[times > 1.5 * hop]
        # a click about every second sample
        assert hop / 2 - 4 < first[-1] < hop / 2 and 2.5 * hop - 1 <= second[0] < 2.5 * hop + 3


@checks("pulse_times")
def test_without_voice_there_are_no_clicks(lab):
    times, pitch = lab.pulse_times(np.zeros(9), RATE, 40)
    assert np.asarray(times).shape == (0,) and np.asarray(pitch).shape == (0,)


@checks("pulse_times")
@pytest.mark.parametrize("hop", [0, -40])
@pytest.mark.parametrize("f0", [200.0, 0.0], ids=["voiced", "unvoiced"])
def test_hops_must_be_positive(lab, hop, f0):
    with pytest.raises(ValueError):
        lab.pulse_times(np.full(4, f0), RATE, hop)


# --- world_synthesize --------------------------------------------------------------------------------


def tables(seed, n, bins, voiced=0.6):
    rng = np.random.default_rng(seed)
    f0 = rng.uniform(150, 900, n) * (rng.random(n) < voiced)
    k = np.arange(bins)
    envelope = np.exp(rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.7, (n, 1)) * np.cos(np.pi * k / (bins - 1)))
    return f0, envelope, rng.uniform(0, 1, (n, bins))


def sound_by_hand(f0, envelope, ap, rate, hop, seed):
    n, bins = envelope.shape
    n_fft = 2 * (bins - 1)
    margin = 4 * n_fft + hop
    total = np.zeros(n * hop + 2 * margin)
    white = np.random.default_rng(seed).standard_normal((n, hop))
    for t in range(n):
        spectrum = parts.minimum_phase((envelope[t] * ap[t] ** 2 + 1e-16)[None])[0]
        piece = np.convolve(white[t], np.fft.irfft(spectrum))
        start = margin + t * hop - hop // 2
        total[start : start + len(piece)] += piece
    for p, pitch in zip(*parts.pulse_times(f0, rate, hop), strict=True):
        where = min(p / hop, n - 1)
        t = min(int(np.floor(where)), n - 2) if n > 1 else 0
        power = envelope * (1 - ap) * (1 + ap)
        power = power[t] + (where - t) * (power[min(t + 1, n - 1)] - power[t])
        spectrum = parts.minimum_phase((power + 1e-16)[None])[0]
        spectrum = spectrum * np.exp(-2j * np.pi * np.arange(bins) * (p - np.floor(p)) / n_fft)
        start = margin + int(np.floor(p))
        total[start : start + n_fft] += np.sqrt(rate / pitch) * np.fft.irfft(spectrum)
    return total[margin : margin + n * hop]


@checks("world_synthesize")
@given(seed=st.integers(0, 10**6), n=st.integers(1, 8), hop=st.integers(1, 60), bins=st.integers(9, 40))
def test_agrees_with_clicks_and_pieces_added_one_by_one(lab, seed, n, hop, bins):
    arguments = *tables(seed, n, bins), RATE, hop
    found = lab.world_synthesize(*arguments, seed)
    expected = sound_by_hand(*arguments, seed)
    assert np.asarray(found).shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-6)  # 1e-16 of power are 1e-8 of amplitude


@checks("world_synthesize")
def test_breath_is_filtered_noise(lab):
    """Without pitch, and aperiodicity 1, the sound must be the noise through the filter of the envelope."""
    from scipy.signal import lfilter

    taps, hop = [1.0, -0.6, 0.2], 40
    envelope = np.tile(np.abs(np.fft.rfft(taps, 256)) ** 2, (30, 1))
    found = np.asarray(lab.world_synthesize(np.zeros(30), envelope, np.ones((30, 129)), RATE, hop, 5))
    white = np.random.default_rng(5).standard_normal((30, hop)).ravel()
    expected = lfilter(taps, [1.0], white)[hop // 2 :]
    np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-6)


@checks("world_synthesize")
@given(period=st.integers(16, 90), level=st.floats(0.1, 10))
def test_a_click_every_period_has_the_power_of_the_envelope(lab, period, level):
    """A flat envelope and no breath: clicks of height √(power · period) one period apart, silence between."""
    f0 = np.full(12, RATE / period)
    found = lab.world_synthesize(f0, np.full((12, 129), level), np.zeros((12, 129)), RATE, 40)
    expected = np.zeros(480)
    # the wheel turns before sample 0 too; the last click may lie on the edge
    expected[period - 1 :: period] = np.sqrt(level * period)
    # rounding may put a click 1e-12 before its sample, so that it is spread by as little
    np.testing.assert_allclose(found[:460], expected[:460], atol=1e-6)


@checks("world_synthesize")
def test_breath_and_voice_share_the_power(lab, rng):
    """With aperiodicity a the noise must have the share a² of the power, the voice 1 − a²."""
    for a in (0.3, 0.5, 0.8):
        f0, flat = np.full(400, 200.0), np.full((400, 33), 4.0)
        silent_voice = np.asarray(lab.world_synthesize(0 * f0, flat, np.full((400, 33), a), RATE, 40, 1))
        assert np.mean(silent_voice**2) == pytest.approx(4 * a**2, rel=0.1)  # 16 000 samples: 1 %
        both = np.asarray(lab.world_synthesize(f0, flat, np.full((400, 33), a), RATE, 40, 1))
        voice = both - silent_voice
        assert np.mean(voice**2) == pytest.approx(4 * (1 - a**2), rel=0.05)


@checks("world_synthesize")
def test_the_envelope_glides_from_frame_to_frame(lab):
    level = np.array([1.0, 1.0, 9.0, 9.0])
    found = lab.world_synthesize(
        np.full(4, 100.0), np.tile(level[:, None], (1, 65)), np.zeros((4, 65)), RATE, 95
    )
    heights = np.sort(np.abs(np.asarray(found)))[::-1][:4] / np.sqrt(80)
    # clicks at 79, 159, 239 and 319: frames 0.83, 1.67, 2.52 and 3.36
    np.testing.assert_allclose(np.sort(heights), np.sqrt([1, 1 + (159 / 95 - 1) * 8, 9, 9]), atol=1e-6)


@checks("world_synthesize")
def test_pyworld_makes_a_sound_of_the_same_envelope(lab, rng):
    """Measured by pyworld, your sound and pyworld's must have the same envelope within 1.5 dB on average."""
    import pyworld

    f0, n = float(rng.uniform(120, 280)), 60
    k = np.linspace(0, 1, 257)
    envelope = np.tile(np.exp(-3 - 4 * k + 1.5 * np.cos(5 * np.pi * k)), (n, 1))
    breath, pitch = np.full((n, 257), 0.01), np.full(n, f0)
    times = np.arange(n) * 0.005
    ours = np.asarray(lab.world_synthesize(pitch, envelope, breath, RATE, 40))
    theirs = pyworld.synthesize(pitch, envelope, breath, RATE, 5.0)
    a, b = (
        10 * np.log10(pyworld.cheaptrick(sound.copy(), pitch, times, RATE, fft_size=512))[15:45, 20:]
        for sound in (ours, theirs)
    )
    assert np.abs(a.mean(axis=0) - b.mean(axis=0)).mean() < 1.5  # below 0.2 dB were seen


@checks("world_synthesize")
def test_a_voice_that_is_all_breath_adds_nothing(lab):
    """With aperiodicity 1, voiced frames must sound like unvoiced ones."""
    envelope, breath = np.full((9, 17), 2.0), np.ones((9, 17))
    voiced = lab.world_synthesize(np.full(9, 300.0), envelope, breath, RATE, 40)
    # clicks of 1e-16 of power are 1e-8 of amplitude, times the root of the period
    np.testing.assert_allclose(
        voiced, lab.world_synthesize(np.zeros(9), envelope, breath, RATE, 40), atol=1e-6
    )


@checks("world_synthesize")
def test_the_seed_decides_the_noise(lab):
    f0, envelope, _ = tables(1, 5, 17, voiced=0.0)
    one, again, other = (lab.world_synthesize(f0, envelope, np.ones((5, 17)), RATE, 40, s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(lab.world_synthesize(f0, envelope, np.ones((5, 17)), RATE, 40), one)


@checks("world_synthesize")
@pytest.mark.parametrize(
    ("f0", "envelope", "aperiodicity"),
    [((4,), (5, 9), (5, 9)), ((5,), (5, 9), (5, 8)), ((5,), (5, 9), (4, 9)), ((5, 1), (5, 9), (5, 9))],
)
def test_tables_of_different_size_are_refused(lab, f0, envelope, aperiodicity):
    with pytest.raises(ValueError):
        lab.world_synthesize(np.zeros(f0), np.ones(envelope), np.ones(aperiodicity), RATE, 40)


@checks("world_synthesize")
@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan], ids=["negative", "more than one", "not a number"])
def test_aperiodicity_is_a_share(lab, value):
    """A value outside 0 … 1 must raise ValueError; 0 and 1 themselves are allowed."""
    wrong = np.ones((5, 9))
    wrong[2, 3] = value
    with pytest.raises(ValueError):
        lab.world_synthesize(np.zeros(5), np.ones((5, 9)), wrong, RATE, 40)
    for allowed in (0.0, 1.0):
        lab.world_synthesize(np.zeros(5), np.ones((5, 9)), np.full((5, 9), allowed), RATE, 40)


@sound("world_synthesize")
def your_sound(output, f0, envelope, aperiodicity, sample_rate, *args, **options):
    output = np.asarray(output, dtype=float)
    return {"yours": output / max(np.abs(output).max(), 1e-9)}, int(sample_rate)


# --- mel_cepstrum and envelope_from_mel_cepstrum -----------------------------------------------------


def bent(omega, alpha):
    """The phase of the all-pass (z⁻¹ - α) / (1 - α z⁻¹), turned around."""
    z = np.exp(-1j * omega)
    return np.mod(-np.angle((z - alpha) / (1 - alpha * z)), 2 * np.pi)


def smooth_log_power(seed, frames, bins, waves=5):
    rng = np.random.default_rng(seed)
    w = np.linspace(0, np.pi, bins)
    return sum(rng.normal(0, 1 / (m + 1), (frames, 1)) * np.cos(m * w) for m in range(waves))


@checks("mel_cepstrum")
@given(
    seed=st.integers(0, 10**6),
    bins=st.integers(3, 30),
    alpha=st.sampled_from([0.0, 0.2, 0.455, -0.3]),
    share=st.floats(0, 1),
)
def test_agrees_with_the_cosines_added_up(lab, seed, bins, alpha, share):
    log_power = noise(seed, (2, bins))
    order = int(share * (bins - 1))
    omega = np.linspace(0, np.pi, bins)
    at = bent(omega, -alpha)
    at[[0, -1]] = 0, np.pi  # exactly; -0 would wrap around
    expected = np.zeros((2, order + 1))
    for t in range(2):
        level = np.interp(at, omega, log_power[t])
        for m in range(order + 1):
            waves = np.cos(m * omega) * level
            value = (waves[0] + waves[-1] + 2 * waves[1:-1].sum()) / (2 * (bins - 1))
            expected[t, m] = value / 2 if m == 0 else value
    np.testing.assert_allclose(lab.mel_cepstrum(np.exp(log_power), order, alpha), expected, atol=1e-9)


@checks("mel_cepstrum", visible=True)
def test_one_cosine_is_one_coefficient(lab):
    w = np.linspace(0, np.pi, 257)
    found = lab.mel_cepstrum(np.exp(2 * (1 + 0.5 * np.cos(3 * w)))[None], order=4, alpha=0.0)
    np.testing.assert_allclose(found, [[1, 0, 0, 0.5, 0]], atol=1e-9)


@checks("mel_cepstrum")
@given(seed=st.integers(0, 10**6), alpha=st.sampled_from([0.3, 0.455, 0.55]))
def test_the_recursion_of_sptk_gives_the_same(lab, seed, alpha):
    """SPTK's recursion for bending a cepstrum must give the same coefficients."""
    log_power = smooth_log_power(seed, 1, 1025)
    cepstrum = np.fft.irfft(log_power)[0, :200]
    cepstrum[0] /= 2
    order = 12
    result = np.zeros(order + 1)
    for value in cepstrum[::-1]:  # Oppenheim & Johnson 1972: one coefficient after the other
        before, result = result, np.zeros(order + 1)
        result[0] = value + alpha * before[0]
        result[1] = (1 - alpha**2) * before[0] + alpha * before[1]
        for m in range(2, order + 1):
            result[m] = before[m - 1] + alpha * (before[m] - result[m - 1])
    found = np.asarray(lab.mel_cepstrum(np.exp(log_power), order, alpha))
    # straight lines between 1025 bins miss a cosine of order 4 by some (4 π / 1024)² / 8
    np.testing.assert_allclose(found[0], result, atol=1e-3)


@checks("mel_cepstrum")
def test_25_coefficients_and_the_bend_for_22_kilohertz_are_the_default(lab, rng):
    power = np.exp(smooth_log_power(int(rng.integers(10**6)), 3, 129))
    found = np.asarray(lab.mel_cepstrum(power))
    assert found.shape == (3, 25)
    np.testing.assert_allclose(found, lab.mel_cepstrum(power, 24, 0.455))


@checks("mel_cepstrum")
def test_a_louder_sound_changes_the_first_coefficient_only(lab, rng):
    power = np.exp(smooth_log_power(int(rng.integers(10**6)), 2, 129))
    change = np.asarray(lab.mel_cepstrum(100 * power)) - np.asarray(lab.mel_cepstrum(power))
    np.testing.assert_allclose(change[:, 0], np.log(10), atol=1e-9)
    np.testing.assert_allclose(change[:, 1:], 0, atol=1e-9)


@checks("mel_cepstrum")
@pytest.mark.parametrize("order", [-1, 9, 20])
def test_the_order_must_fit(lab, order):
    with pytest.raises(ValueError):
        lab.mel_cepstrum(np.ones((2, 9)), order)
    assert np.asarray(lab.mel_cepstrum(np.ones((2, 9)), 8)).shape == (2, 9)
    assert np.asarray(lab.mel_cepstrum(np.ones((2, 9)), 0)).shape == (2, 1)


@checks("mel_cepstrum")
@pytest.mark.parametrize("value", [0.0, -1.0], ids=["zero", "negative"])
def test_only_positive_powers_have_a_cepstrum(lab, value):
    power = np.ones((2, 9))
    power[0, 3] = value
    with pytest.raises(ValueError):
        lab.mel_cepstrum(power, 4)


@checks("envelope_from_mel_cepstrum")
@given(
    seed=st.integers(0, 10**6),
    order=st.integers(0, 12),
    bins=st.integers(2, 40),
    alpha=st.sampled_from([0.0, 0.3, 0.455, 0.55]),
)
def test_agrees_with_the_all_pass_filter_itself(lab, seed, order, bins, alpha):
    """|exp(Σ c z̃)|² with the all-pass z̃ = (z - α) / (1 - α z) must be the same."""
    coefficients = noise(seed, (3, order + 1), 0.4)
    z = np.exp(-1j * np.linspace(0, np.pi, bins))
    allpass = (z - alpha) / (1 - alpha * z)
    expected = np.abs(np.exp(coefficients @ allpass[None] ** np.arange(order + 1)[:, None])) ** 2
    found = lab.envelope_from_mel_cepstrum(coefficients, bins, alpha)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@checks("envelope_from_mel_cepstrum")
@given(seed=st.integers(0, 10**6))
def test_there_and_back_again_is_where_one_started(lab, seed):
    coefficients = noise(seed, (2, 7), 0.3)
    power = lab.envelope_from_mel_cepstrum(coefficients, 2049)
    # straight lines between 2049 bins miss some (6 · 2.7 π / 2048)² / 8 = 1e-4 of a cosine
    np.testing.assert_allclose(parts.mel_cepstrum(np.asarray(power), 6), coefficients, atol=1e-3)


@checks("envelope_from_mel_cepstrum", visible=True)
def test_the_first_coefficient_is_half_the_log_power(lab):
    found = lab.envelope_from_mel_cepstrum(np.array([[0.5, 0.0], [1.0, 0.0]]), 4)
    np.testing.assert_allclose(found, [[np.e] * 4, [np.e**2] * 4])


@checks("envelope_from_mel_cepstrum")
def test_the_default_bend_is_the_one_for_22_kilohertz(lab, rng):
    coefficients = rng.normal(0, 0.3, (2, 6))
    np.testing.assert_allclose(
        lab.envelope_from_mel_cepstrum(coefficients, 33),
        lab.envelope_from_mel_cepstrum(coefficients, 33, 0.455),
    )


@checks("envelope_from_mel_cepstrum")
@pytest.mark.parametrize("n_bins", [1, 0])
def test_fewer_than_two_bins_are_refused(lab, n_bins):
    with pytest.raises(ValueError):
        lab.envelope_from_mel_cepstrum(np.ones((2, 3)), n_bins)
