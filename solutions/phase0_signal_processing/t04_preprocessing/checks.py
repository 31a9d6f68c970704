"""Hidden checks of the lab on audio pre-processing."""

import json
import tempfile
from math import gcd
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, oracle, picture, sound

parts = lab_beside(__file__)  # only to compose: a part that builds on others is fed with the reference's

# Two orders of summation of at most a few thousand float64 terms differ by some 1e-13 of their size.
EXACT = 1e-10


def noise(seed, shape, size=1.0):
    return np.random.default_rng(seed).normal(0, size, shape)


def mean_power(samples):
    return np.mean(np.square(samples, dtype=np.float64))


# --- mix_at_snr --------------------------------------------------------------------------------------


@checks("mix_at_snr")
@given(seed=st.integers(0, 10**6), snr_db=st.floats(-20, 40), length=st.integers(50, 400))
def test_what_is_added_has_the_wanted_power(lab, seed, snr_db, length):
    speech, disturbance = noise(seed, length, 0.3), noise(seed + 1, 1000, 4.0)
    added = lab.mix_at_snr(speech, disturbance, snr_db) - speech
    # the subtraction leaves 1e-16 of the speech: at 40 dB that is 1e-14 of the noise
    reached = 10 * np.log10(mean_power(speech) / mean_power(added))
    assert reached == pytest.approx(snr_db, abs=1e-8)


@checks("mix_at_snr", visible=True)
def test_twenty_decibels_are_a_tenth_of_the_amplitude(lab):
    mixed = lab.mix_at_snr(np.array([2.0, -2.0, 2.0]), np.array([5.0, 5.0, -5.0]), 20.0)
    np.testing.assert_allclose(mixed, [2.2, -1.8, 1.8], rtol=1e-12)


@checks("mix_at_snr")
def test_the_noise_is_only_scaled_and_starts_at_its_beginning(lab, rng):
    speech, disturbance = rng.normal(size=300), rng.normal(size=900)
    added = lab.mix_at_snr(speech, disturbance, 3.0) - speech
    np.testing.assert_allclose(added / added[0], disturbance[:300] / disturbance[0], rtol=1e-8)
    assert np.sign(added[0]) == np.sign(disturbance[0])


@checks("mix_at_snr")
def test_a_short_noise_is_repeated(lab, rng):
    speech, disturbance = rng.normal(size=100), rng.normal(size=30)
    added = lab.mix_at_snr(speech, disturbance, 0.0) - speech
    np.testing.assert_allclose(added[30:60], added[:30], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(added[90:], added[:10], rtol=1e-8, atol=1e-12)


@checks("mix_at_snr")
def test_only_the_part_of_the_noise_that_is_added_counts(lab, rng):
    """Noise that is cut off must not enter its power."""
    speech = rng.normal(size=200)
    disturbance = np.concatenate([rng.normal(size=200), 100 * rng.normal(size=500)])
    added = lab.mix_at_snr(speech, disturbance, 6.0) - speech
    assert 10 * np.log10(mean_power(speech) / mean_power(added)) == pytest.approx(6.0, abs=1e-8)


@checks("mix_at_snr")
def test_sixteen_bit_samples_do_not_overflow(lab):
    """16-bit speech and noise must be converted before they are squared."""
    speech = np.array([20_000, -20_000, 20_000, -20_000], dtype=np.int16)
    disturbance = np.array([30_000, 30_000, -30_000, -30_000], dtype=np.int16)
    mixed = lab.mix_at_snr(speech, disturbance, 20.0)
    np.testing.assert_allclose(mixed, [22_000, -18_000, 18_000, -22_000], rtol=1e-9)


@checks("mix_at_snr")
def test_one_sample_of_each_is_enough(lab):
    np.testing.assert_allclose(lab.mix_at_snr(np.array([2.0]), np.array([-5.0]), 0.0), [0.0], atol=1e-12)


@checks("mix_at_snr")
@pytest.mark.parametrize("silent", ["speech", "noise", "the used part of the noise"])
def test_silence_is_refused(lab, silent):
    speech = np.zeros(9) if silent == "speech" else np.ones(9)
    disturbance = {"speech": np.ones(9), "noise": np.zeros(9)}.get(silent, np.append(np.zeros(9), 1.0))
    with pytest.raises(ValueError):
        lab.mix_at_snr(speech, disturbance, 0.0)


@checks("mix_at_snr")
def test_nothing_at_all_is_refused(lab):
    """Empty speech or empty noise must raise ValueError."""
    with pytest.raises(ValueError):
        lab.mix_at_snr(np.array([]), np.ones(3), 0.0)
    with pytest.raises(ValueError):
        lab.mix_at_snr(np.ones(3), np.array([]), 0.0)


@sound("mix_at_snr")
def speech_and_mixture(output, speech, *args, **options):
    largest = max(np.abs(speech).max(), np.abs(output).max(), 1e-9)
    return {"speech": speech / largest, "yours": output / largest}, 16_000


# --- noise_spectrum ----------------------------------------------------------------------------------


@checks("noise_spectrum")
@given(seed=st.integers(0, 10**6), quantile=st.floats(0.05, 0.95), frames=st.integers(1, 60))
def test_quantiles_are_turned_into_means(lab, seed, quantile, frames):
    """Each bin's quantile over time must be divided by −ln(1 − quantile)."""
    from scipy.stats import expon

    power = noise(seed, (4, frames)) ** 2
    ordered = np.sort(power, axis=1)  # interpolated between the two neighbours in rank
    rank = quantile * (frames - 1)
    low = int(rank)
    high = min(low + 1, frames - 1)
    expected = ordered[:, low] + (rank - low) * (ordered[:, high] - ordered[:, low])
    expected = expected / expon.ppf(quantile)
    np.testing.assert_allclose(lab.noise_spectrum(power, quantile), expected, rtol=1e-9, atol=1e-15)


@checks("noise_spectrum")
def test_the_mean_of_steady_noise_is_found(lab, rng):
    """For noise alone, the estimate must come near the true mean power at every frequency."""
    scale = np.array([1e-6, 0.01, 1.0, 300.0])
    power = scale[:, None] * rng.exponential(size=(4, 20_000))
    # the quantile of n exponential values has a relative spread of sqrt(q / (1 - q) / n) / -ln(1 - q):
    # 1.4 % for q = 0.25, n = 20 000; five times that
    np.testing.assert_allclose(lab.noise_spectrum(power), scale, rtol=0.075)


@checks("noise_spectrum")
def test_a_loud_half_does_not_count(lab, rng):
    """Speech in half of the frames must not change the estimate, only shift the rank."""
    power = rng.exponential(size=(3, 400))
    louder = np.concatenate([power[:, :200], 1e6 + power[:, 200:]], axis=1)
    loudest = np.concatenate([power[:, :200], 1e9 + power[:, 200:]], axis=1)
    np.testing.assert_array_equal(lab.noise_spectrum(louder), lab.noise_spectrum(loudest))


@checks("noise_spectrum")
def test_without_being_told_a_quarter_of_the_frames_lies_below(lab):
    power = np.tile(np.arange(5.0), (2, 1))  # the 0.25 quantile of 0 … 4 is 1
    np.testing.assert_allclose(lab.noise_spectrum(power), [-1 / np.log(0.75)] * 2, rtol=1e-12)


@checks("noise_spectrum")
@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.2, 1.3, 25.0])
def test_quantile_must_lie_between_zero_and_one(lab, quantile):
    with pytest.raises(ValueError):
        lab.noise_spectrum(np.ones((2, 3)), quantile)


@checks("noise_spectrum")
def test_a_spectrogram_without_frames_is_refused(lab):
    for shape in [(4, 0), (4,)]:
        with pytest.raises(ValueError):
            lab.noise_spectrum(np.ones(shape))


# --- spectral_subtraction ----------------------------------------------------------------------------


@checks("spectral_subtraction", visible=True)
def test_the_noise_is_subtracted_and_the_floor_holds(lab):
    result = lab.spectral_subtraction(np.array([[5.0, 1.8, 0.0], [5.0, 1.8, 0.0]]), np.array([1.0, 0.5]))
    np.testing.assert_allclose(result, [[3.0, 0.01, 0.01], [4.0, 0.8, 0.005]], rtol=1e-12)


@checks("spectral_subtraction")
@given(
    seed=st.integers(0, 10**6),
    over_subtraction=st.floats(0, 6),
    floor=st.floats(0, 0.5),
    bins=st.integers(1, 6),
    frames=st.integers(1, 6),
)
def test_agrees_with_the_rule_point_by_point(lab, seed, over_subtraction, floor, bins, frames):
    power, disturbance = noise(seed, (bins, frames)) ** 2, noise(seed + 1, bins) ** 2
    expected = np.zeros((bins, frames))
    for k in range(bins):
        for t in range(frames):
            left = power[k, t] - over_subtraction * disturbance[k]
            expected[k, t] = left if left > floor * disturbance[k] else floor * disturbance[k]
    result = lab.spectral_subtraction(power, disturbance, over_subtraction, floor)
    np.testing.assert_allclose(result, expected, rtol=EXACT, atol=1e-14)


@checks("spectral_subtraction")
def test_without_noise_nothing_changes(lab, rng):
    power = rng.exponential(size=(3, 7))
    np.testing.assert_array_equal(lab.spectral_subtraction(power, np.zeros(3), 3.0, 0.1), power)


@checks("spectral_subtraction")
def test_louder_recordings_give_louder_results(lab, rng):
    """A gain on the recording must come out as the same gain: all powers ten times, result ten times."""
    power, disturbance = rng.exponential(size=(4, 9)), rng.exponential(size=4)
    np.testing.assert_allclose(
        lab.spectral_subtraction(10 * power, 10 * disturbance),
        10 * np.asarray(lab.spectral_subtraction(power, disturbance)),
        rtol=EXACT,
    )


@checks("spectral_subtraction")
def test_defaults_are_twice_the_noise_and_a_hundredth(lab):
    """Without options: the noise is subtracted twice, the floor is a hundredth of it."""
    np.testing.assert_allclose(
        lab.spectral_subtraction(np.array([[10.0, 2.0]]), np.array([1.0])), [[8.0, 0.01]], rtol=1e-12
    )


@checks("spectral_subtraction")
@pytest.mark.parametrize(
    ("over_subtraction", "floor"), [(-1.0, 0.1), (-1e-3, 0.0), (2.0, -0.1), (0.0, -1e-3)]
)
def test_negative_settings_are_refused(lab, over_subtraction, floor):
    with pytest.raises(ValueError):
        lab.spectral_subtraction(np.ones((2, 3)), np.ones(2), over_subtraction, floor)


@checks("spectral_subtraction")
def test_zero_is_a_setting_like_any_other(lab):
    """over_subtraction 0 and floor 0 are allowed."""
    np.testing.assert_array_equal(
        lab.spectral_subtraction(np.ones((2, 3)), np.ones(2), 0, 0), np.ones((2, 3))
    )


@checks("spectral_subtraction")
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1), ()], ids=["frames", "one", "column", "number"])
def test_noise_needs_one_value_per_bin(lab, shape):
    with pytest.raises(ValueError):
        lab.spectral_subtraction(np.ones((2, 3)), np.ones(shape))


@checks("spectral_subtraction")
def test_the_power_must_be_a_matrix(lab):
    with pytest.raises(ValueError):
        lab.spectral_subtraction(np.ones(2), np.ones(2))


# --- wiener_gain -------------------------------------------------------------------------------------


def ephraim_malah(power, noise_power, smoothing, prior_floor_db):
    """One bin and one frame at a time, with the amplitude of the frame before, as the paper writes it."""
    gains = np.zeros_like(power)
    for k in range(len(power)):
        amplitude = None
        for t in range(power.shape[1]):
            posterior = power[k, t] / noise_power[k]
            before = 1.0 if amplitude is None else amplitude**2 / noise_power[k]
            prior = smoothing * before + (1 - smoothing) * max(posterior - 1, 0)
            prior = max(prior, 10 ** (prior_floor_db / 10))
            gains[k, t] = prior / (1 + prior)
            amplitude = gains[k, t] * np.sqrt(power[k, t])
    return gains


@checks("wiener_gain")
@given(
    seed=st.integers(0, 10**6),
    smoothing=st.floats(0, 0.99),
    floor=st.floats(-40, 0),
    bins=st.integers(1, 4),
    frames=st.integers(1, 12),
)
def test_agrees_with_the_paper_bin_by_bin(lab, seed, smoothing, floor, bins, frames):
    power = 5 * noise(seed, (bins, frames)) ** 2
    disturbance = 0.1 + noise(seed + 1, bins) ** 2
    result = lab.wiener_gain(power, disturbance, smoothing, floor)
    expected = ephraim_malah(power, disturbance, smoothing, floor)
    np.testing.assert_allclose(result, expected, rtol=1e-8)  # errors go through at most 12 frames


@checks("wiener_gain")
def test_defaults_are_those_of_the_paper(lab, rng):
    """Without options: 98 % of the frame before, prior SNR no lower than −25 dB."""
    power, disturbance = 4 * rng.exponential(size=(5, 60)), rng.uniform(0.5, 2, 5)
    expected = ephraim_malah(power, disturbance, 0.98, -25.0)
    np.testing.assert_allclose(lab.wiener_gain(power, disturbance), expected, rtol=1e-8)


@checks("wiener_gain")
def test_without_memory_the_gain_is_one_minus_noise_over_power(lab, rng):
    """With smoothing 0, the gain must be 1 − N/P where the power is well above the noise."""
    # closed form: xi = gamma - 1, so xi / (1 + xi) = 1 - 1 / gamma
    power, disturbance = rng.uniform(2, 50, (3, 8)), rng.uniform(0.1, 1.5, 3)
    result = lab.wiener_gain(power, disturbance, 0.0)
    np.testing.assert_allclose(result, 1 - disturbance[:, None] / power, rtol=EXACT)


@checks("wiener_gain")
def test_in_silence_the_gain_sits_on_the_floor(lab):
    """Digital silence must get the gain of the lowest prior SNR, from the second frame on."""
    result = lab.wiener_gain(np.zeros((2, 5)), np.array([1.0, 7.0]), 0.9, -10.0)
    np.testing.assert_allclose(result[:, 1:], 0.1 / 1.1, rtol=EXACT)
    np.testing.assert_allclose(result[:, 0], 0.9 / 1.9, rtol=EXACT)


@checks("wiener_gain")
def test_a_steady_tone_reaches_a_gain_that_keeps_itself(lab):
    """After many equal frames, the gain must be a fixed point of the rule."""
    posterior, smoothing = 20.0, 0.9
    gain = float(np.asarray(lab.wiener_gain(np.full((1, 3000), posterior), np.ones(1), smoothing))[0, -1])
    prior = smoothing * gain**2 * posterior + (1 - smoothing) * (posterior - 1)
    assert gain == pytest.approx(prior / (1 + prior), rel=1e-9)
    assert 0.8 < gain < 1


@checks("wiener_gain")
def test_one_loud_frame_in_silence_stays_shut(lab):
    """A single frame 10 dB above the noise must get a small gain: the estimate needs evidence."""
    power = np.full((1, 40), 0.5)
    power[0, 30] = 10.0
    gains = np.asarray(lab.wiener_gain(power, np.ones(1)))[0]
    assert gains[30] < 0.25  # xi = 0.02 · 9 plus what is left of the frame before
    assert gains[29] < 0.02


@checks("wiener_gain")
def test_gain_does_not_depend_on_the_unit(lab, rng):
    power, disturbance = rng.exponential(size=(4, 20)), rng.uniform(0.5, 2, 4)
    np.testing.assert_allclose(
        lab.wiener_gain(1e6 * power, 1e6 * disturbance), lab.wiener_gain(power, disturbance), rtol=1e-8
    )


@checks("wiener_gain")
@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 1.5])
def test_smoothing_out_of_range_is_refused(lab, smoothing):
    with pytest.raises(ValueError):
        lab.wiener_gain(np.ones((2, 3)), np.ones(2), smoothing)


@checks("wiener_gain")
def test_noise_without_power_is_refused(lab):
    for disturbance in ([1.0, 0.0], [1.0, -1.0]):
        with pytest.raises(ValueError):
            lab.wiener_gain(np.ones((2, 3)), np.array(disturbance))


@checks("wiener_gain")
def test_noise_has_one_value_per_bin(lab):
    """noise_power of any other length or shape must raise ValueError."""
    for shape in [(3,), (1,), (2, 1)]:
        with pytest.raises(ValueError):
            lab.wiener_gain(np.ones((2, 3)), np.ones(shape))
    with pytest.raises(ValueError):
        lab.wiener_gain(np.ones(2), np.ones(2))


@picture("wiener_gain")
def gains_over_time(output, *args, **options):
    from labkit import plot

    return plot.features(np.asarray(output).T, title="your gains: 0 is shut, 1 is open", label="bin")


# --- frame_levels ------------------------------------------------------------------------------------


@checks("frame_levels")
@given(amplitude=st.floats(0.001, 10), hop=st.integers(1, 50), extra=st.integers(0, 60))
def test_level_of_a_constant_is_that_of_its_size(lab, amplitude, hop, extra):
    """A constant must have 20·log10 of its size in every whole frame, whatever the hop."""
    levels = lab.frame_levels(np.full(40 + extra, -amplitude), 40, hop)
    np.testing.assert_allclose(levels, np.full(1 + extra // hop, 20 * np.log10(amplitude)), atol=1e-9)


@checks("frame_levels")
def test_whole_periods_of_a_sine_lie_three_decibels_below_its_peak(lab):
    sine = 0.5 * np.sin(2 * np.pi * np.arange(400) / 40)
    levels = lab.frame_levels(sine, 80, 20)
    np.testing.assert_allclose(levels, np.full(17, 20 * np.log10(0.5) - 10 * np.log10(2)), atol=1e-9)


@checks("frame_levels")
def test_agrees_with_librosa(lab, rng):
    import librosa

    samples = rng.normal(0, 0.1, 3000)
    size = librosa.feature.rms(y=samples, frame_length=400, hop_length=160, center=False, dtype=np.float64)[0]
    np.testing.assert_allclose(lab.frame_levels(samples, 400, 160), 20 * np.log10(size), atol=1e-9)


@checks("frame_levels")
def test_silence_sits_on_the_floor(lab):
    samples = np.concatenate([np.zeros(20), np.full(20, 1e-4)])
    np.testing.assert_allclose(lab.frame_levels(samples, 20, 20), [-100.0, -80.0], atol=1e-9)
    np.testing.assert_allclose(lab.frame_levels(samples, 20, 20, -60.0), [-60.0, -60.0], atol=1e-9)


@checks("frame_levels")
def test_sixteen_bit_samples_are_squared_without_overflow(lab):
    levels = lab.frame_levels(np.full(8, 30_000, dtype=np.int16), 4, 4)
    np.testing.assert_allclose(levels, [20 * np.log10(30_000)] * 2, atol=1e-9)


@checks("frame_levels")
@pytest.mark.parametrize(("frame_length", "hop_length"), [(0, 1), (1, 0), (-1, 2), (2, -1)])
def test_lengths_less_than_one_are_refused(lab, frame_length, hop_length):
    with pytest.raises(ValueError):
        lab.frame_levels(np.zeros(9), frame_length, hop_length)


@checks("frame_levels")
def test_less_than_one_frame_or_two_channels_are_refused(lab):
    for shape in [(3,), (0,), (9, 2)]:
        with pytest.raises(ValueError):
            lab.frame_levels(np.zeros(shape), 4, 2)


@checks("frame_levels")
def test_a_frame_may_be_a_single_sample(lab):
    np.testing.assert_allclose(lab.frame_levels(np.array([1.0, 0.1]), 1, 1), [0.0, -20.0], atol=1e-9)


@checks("frame_levels")
def test_exactly_one_frame_is_enough(lab):
    np.testing.assert_allclose(lab.frame_levels(np.array([1.0, 0.0]), 2, 1), [10 * np.log10(0.5)], atol=1e-9)


# --- energy_vad --------------------------------------------------------------------------------------


def vad_by_definition(levels, on_level, off_level, hangover):
    """Speech at t: some start s ≤ t, and no hangover + 1 quiet frames in a row from s to t."""
    decided = []
    for t in range(len(levels)):
        speech = False
        for s in range(t + 1):
            if levels[s] < on_level:
                continue
            row = longest = 0
            for level in levels[s : t + 1]:
                row = row + 1 if level < off_level else 0
                longest = max(longest, row)
            speech = speech or longest <= hangover
        decided.append(speech)
    return np.array(decided, dtype=bool)


@checks("energy_vad", visible=True)
def test_the_table_of_the_page_comes_out(lab):
    levels = np.array([-50.0, -35, -25, -35, -45, -35, -45, -45, -35])
    decided = np.asarray(lab.energy_vad(levels, -30.0, -40.0, 1))
    np.testing.assert_array_equal(decided.astype(int), [0, 0, 1, 1, 1, 1, 1, 0, 0])


@checks("energy_vad")
@given(
    seed=st.integers(0, 10**6),
    on_level=st.integers(-40, -20),
    gap=st.integers(0, 15),
    hangover=st.integers(0, 5),
    frames=st.integers(0, 40),
)
def test_agrees_with_the_definition(lab, seed, on_level, gap, hangover, frames):
    """Speech is what follows a start without more than `hangover` quiet frames in a row."""
    # whole numbers: levels then often lie exactly on a threshold
    levels = np.random.default_rng(seed).integers(-60, -10, frames).astype(np.float64)
    decided = np.asarray(lab.energy_vad(levels, float(on_level), float(on_level - gap), hangover))
    assert decided.shape == (frames,)
    np.testing.assert_array_equal(decided, vad_by_definition(levels, on_level, on_level - gap, hangover))


@checks("energy_vad")
def test_with_equal_thresholds_and_no_hangover_it_is_a_comparison(lab, rng):
    levels = rng.uniform(-60, 0, 300)
    np.testing.assert_array_equal(lab.energy_vad(levels, -30.0, -30.0, 0), levels >= -30)


@checks("energy_vad")
def test_between_the_thresholds_speech_goes_on_but_does_not_start(lab):
    levels = np.array([-35.0, -35, -29, *[-35] * 50])
    np.testing.assert_array_equal(lab.energy_vad(levels, -30.0, -40.0, 0), [False, False, *[True] * 51])


@checks("energy_vad")
def test_hangover_lasts_as_many_frames_as_asked(lab):
    for hangover in (0, 1, 7):
        decided = lab.energy_vad(np.array([-10.0] + [-90.0] * 12), -30.0, -40.0, hangover)
        assert int(np.sum(decided)) == 1 + hangover


@checks("energy_vad")
def test_without_being_told_the_hangover_is_ten_frames(lab):
    assert int(np.sum(lab.energy_vad(np.array([-10.0] + [-90.0] * 30), -30.0, -40.0))) == 11


@checks("energy_vad")
def test_a_level_on_the_threshold_counts_as_reaching_it(lab):
    levels = np.array([-30.0, -40.0, -40.0])
    np.testing.assert_array_equal(lab.energy_vad(levels, -30.0, -40.0, 0), [True] * 3)


@checks("energy_vad")
def test_thresholds_in_the_wrong_order_are_refused(lab):
    with pytest.raises(ValueError):
        lab.energy_vad(np.zeros(3), -40.0, -30.0)


@checks("energy_vad")
def test_negative_hangover_is_refused(lab):
    with pytest.raises(ValueError):
        lab.energy_vad(np.zeros(3), -30.0, -40.0, -1)


@picture("energy_vad")
def decisions_under_levels(output, levels, on_level, off_level, hangover=10):
    from labkit import plot

    low = float(np.min(levels, initial=off_level)) - 5
    return plot.lines(
        {"level": levels, "yours: high is speech": np.where(output, on_level, low)},
        hlines={"start": on_level, "go on": off_level},
        x_label="frame",
        y_label="level [dB]",
        title="your decisions",
    )


# --- frame_error_rate --------------------------------------------------------------------------------


@checks("frame_error_rate", visible=True)
def test_misses_and_false_alarms_are_told_apart(lab):
    rates = lab.frame_error_rate(np.array([True, False, False, False]), np.array([False, True, True, False]))
    assert rates == pytest.approx({"missed": 0.5, "false_alarm": 0.25, "error": 0.75})


@checks("frame_error_rate")
@given(seed=st.integers(0, 10**6), frames=st.integers(1, 200), share=st.floats(0, 1))
def test_agrees_with_the_confusion_matrix(lab, seed, frames, share):
    """Both kinds of error must be those of a confusion matrix, as shares of all frames."""
    from sklearn.metrics import confusion_matrix

    rng = np.random.default_rng(seed)
    truth, decided = rng.random(frames) < share, rng.random(frames) < 0.5
    counts = confusion_matrix(truth, decided, labels=[False, True])
    rates = lab.frame_error_rate(decided, truth)
    assert rates["missed"] == pytest.approx(counts[1, 0] / frames, abs=1e-12)
    assert rates["false_alarm"] == pytest.approx(counts[0, 1] / frames, abs=1e-12)
    assert rates["error"] == pytest.approx(np.mean(truth != decided), abs=1e-12)


@checks("frame_error_rate")
def test_without_any_speech_there_is_nothing_to_miss(lab):
    rates = lab.frame_error_rate(np.array([True, False]), np.zeros(2, dtype=bool))
    assert rates == pytest.approx({"missed": 0.0, "false_alarm": 0.5, "error": 0.5})


@checks("frame_error_rate")
@pytest.mark.parametrize(("frames", "marked"), [(0, 0), (3, 4), (1, 4)], ids=["none", "fewer", "one"])
def test_other_numbers_of_frames_are_refused(lab, frames, marked):
    """No frames, or not the same number of them, must raise ValueError."""
    with pytest.raises(ValueError):
        lab.frame_error_rate(np.ones(frames, dtype=bool), np.ones(marked, dtype=bool))


# --- segments ----------------------------------------------------------------------------------------


def runs(values):
    """Start and end of each run of True, walking frame by frame."""
    found, start = [], None
    for t, value in enumerate([*values, False]):
        if value and start is None:
            start = t
        if not value and start is not None:
            found.append([start, t])
            start = None
    return found


def segments_by_hand(is_speech, min_pause, min_speech, padding):
    merged = []
    for start, end in runs(is_speech):
        if merged and start - merged[-1][1] < min_pause:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    kept = [[max(a - padding, 0), min(b + padding, len(is_speech))] for a, b in merged if b - a >= min_speech]
    return np.array(kept, dtype=int).reshape(-1, 2)


def frames_of(text):
    return np.array([letter == "#" for letter in text])


@checks("segments")
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(0, 80),
    min_pause=st.integers(0, 8),
    min_speech=st.integers(0, 8),
    padding=st.integers(0, 4),
)
def test_agrees_with_a_walk_through_the_frames(lab, seed, frames, min_pause, min_speech, padding):
    padding = min(padding, min_pause // 2)
    rng = np.random.default_rng(seed)
    is_speech = np.repeat(rng.random(frames) < 0.5, rng.integers(1, 6, frames))[:frames]
    found = np.asarray(lab.segments(is_speech, min_pause, min_speech, padding))
    expected = segments_by_hand(is_speech, min_pause, min_speech, padding)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@checks("segments", visible=True)
def test_each_row_holds_the_first_frame_and_the_one_after_the_last(lab):
    np.testing.assert_array_equal(lab.segments(frames_of("..###.."), 0, 0, 0), [[2, 5]])


@checks("segments")
def test_speech_up_to_either_end_counts(lab):
    np.testing.assert_array_equal(lab.segments(frames_of("##...###"), 2, 1, 0), [[0, 2], [5, 8]])
    np.testing.assert_array_equal(lab.segments(frames_of("####"), 2, 1, 1), [[0, 4]])


@checks("segments")
def test_a_pause_is_closed_only_if_it_is_shorter_than_asked(lab):
    is_speech = frames_of("##..##...##")
    np.testing.assert_array_equal(lab.segments(is_speech, 3, 0, 0), [[0, 6], [9, 11]])
    np.testing.assert_array_equal(lab.segments(is_speech, 2, 0, 0), [[0, 2], [4, 6], [9, 11]])


@checks("segments")
def test_a_stretch_is_dropped_only_if_it_is_shorter_than_asked(lab):
    is_speech = frames_of("##.....###....#")
    np.testing.assert_array_equal(lab.segments(is_speech, 2, 3, 0), [[7, 10]])
    np.testing.assert_array_equal(lab.segments(is_speech, 2, 2, 0), [[0, 2], [7, 10]])


@checks("segments")
def test_pauses_are_closed_before_short_stretches_are_dropped(lab):
    """Three short pieces close together are one stretch, and long enough."""
    np.testing.assert_array_equal(lab.segments(frames_of("...#.#.#..."), 2, 4, 0), [[3, 8]])


@checks("segments")
def test_padding_makes_no_stretch_long_enough(lab):
    """Short stretches are dropped by their length before the padding."""
    assert np.shape(lab.segments(frames_of(".....#....."), 4, 2, 2)) == (0, 2)


@checks("segments")
def test_padding_stays_within_the_recording(lab):
    np.testing.assert_array_equal(lab.segments(frames_of(".###...."), 6, 1, 3), [[0, 7]])
    np.testing.assert_array_equal(lab.segments(frames_of("....###."), 6, 1, 3), [[1, 8]])


@checks("segments")
def test_silence_gives_no_rows(lab):
    """Without speech, the result has no rows and two columns."""
    for frames in (0, 7):
        assert np.shape(lab.segments(np.zeros(frames, dtype=bool), 2, 2, 1)) == (0, 2)


@checks("segments")
@pytest.mark.parametrize("numbers", [(-1, 0, 0), (0, -1, 0), (4, 2, -1), (3, 0, 2), (0, 0, 1)])
def test_impossible_numbers_are_refused(lab, numbers):
    """Negative numbers must raise ValueError, and so must padding of more than half of min_pause."""
    with pytest.raises(ValueError):
        lab.segments(np.ones(5, dtype=bool), *numbers)


# --- normalize_peak and normalize_rms ----------------------------------------------------------------


@checks("normalize_peak")
@given(seed=st.integers(0, 10**6), peak_db=st.floats(-40, 6), size=st.floats(1e-6, 1e4))
def test_the_largest_sample_has_the_wanted_level(lab, seed, peak_db, size):
    samples = noise(seed, 60, size)
    result = np.asarray(lab.normalize_peak(samples, peak_db))
    assert 20 * np.log10(np.abs(result).max()) == pytest.approx(peak_db, abs=1e-9)
    np.testing.assert_allclose(result / np.abs(result).max(), samples / np.abs(samples).max(), rtol=1e-9)


@checks("normalize_peak", visible=True)
def test_a_deep_trough_is_a_peak_too(lab):
    np.testing.assert_allclose(lab.normalize_peak(np.array([0.1, -0.4]), 0.0), [0.25, -1.0], rtol=1e-12)


@checks("normalize_peak")
def test_the_peak_lies_one_decibel_down_by_default(lab):
    result = lab.normalize_peak(np.array([3.0, -1.0]))
    np.testing.assert_allclose(result, [0.8912509381337456, -0.2970836460445819], rtol=1e-12)


@checks("normalize_peak")
def test_integers_become_fractions(lab):
    """16-bit samples must give fractions, also the lowest one, whose size no 16-bit number can hold."""
    result = lab.normalize_peak(np.array([16_384, -32_768], dtype=np.int16), 0.0)
    np.testing.assert_allclose(result, [0.5, -1.0], rtol=1e-12)


@checks("normalize_peak")
def test_silence_has_no_peak_to_scale(lab):
    """Silence and an empty signal must raise ValueError."""
    for length in (0, 5):
        with pytest.raises(ValueError):
            lab.normalize_peak(np.zeros(length))


@checks("normalize_rms")
@given(seed=st.integers(0, 10**6), level_db=st.floats(-60, 0), size=st.floats(1e-4, 1e3))
def test_the_root_mean_square_has_the_wanted_level(lab, seed, level_db, size):
    samples = noise(seed, 60, size) + size  # with an offset, which counts
    result = np.asarray(lab.normalize_rms(samples, level_db))
    assert 10 * np.log10(mean_power(result)) == pytest.approx(level_db, abs=1e-9)
    np.testing.assert_allclose(result * samples[0], samples * result[0], rtol=1e-9, atol=1e-15)


@checks("normalize_rms")
def test_a_sine_of_twenty_decibels_below_has_a_peak_of_root_two_tenths(lab):
    """At −20 dB, the default, a sine of whole periods must have a peak of 0.1·√2."""
    sine = 7 * np.sin(2 * np.pi * np.arange(1000) / 100)
    assert np.abs(lab.normalize_rms(sine)).max() == pytest.approx(0.1 * np.sqrt(2), rel=1e-9)


@checks("normalize_rms")
def test_peaks_beyond_full_scale_are_left_alone(lab):
    samples = np.array([1.0] + [0.0] * 99)
    np.testing.assert_allclose(lab.normalize_rms(samples, 0.0), 10 * samples, rtol=1e-12)


@checks("normalize_rms")
def test_integers_are_squared_as_fractions(lab):
    """16-bit samples must not overflow when they are squared."""
    result = lab.normalize_rms(np.array([30_000, -30_000], dtype=np.int16), 0.0)
    np.testing.assert_allclose(result, [1.0, -1.0], rtol=1e-12)


@checks("normalize_rms")
def test_a_single_sample_has_its_own_size(lab):
    np.testing.assert_allclose(lab.normalize_rms(np.array([-0.5]), 0.0), [-1.0], rtol=1e-12)


@checks("normalize_rms")
def test_silence_has_no_level_to_scale(lab):
    """Silence and an empty signal must raise ValueError."""
    for length in (0, 5):
        with pytest.raises(ValueError):
            lab.normalize_rms(np.zeros(length))


@sound("normalize_peak")
def before_and_after_peak(output, samples, *args, **options):
    return {"yours": np.clip(output, -1, 1)}, 16_000


# --- k_weighting -------------------------------------------------------------------------------------


def gain_db(sections, hertz, rate):
    """Gain of sections at one frequency, from the definition of the transfer function."""
    z = np.exp(2j * np.pi * hertz / rate) ** -np.arange(3)
    sections = np.asarray(sections)
    return 20 * np.log10(np.abs(np.prod(sections[:, :3] @ z / (sections[:, 3:] @ z))))


@checks("k_weighting")
def test_at_48_khz_the_numbers_are_those_of_the_rule(lab):
    """At 48 kHz the coefficients must be those printed in ITU-R BS.1770, tables 1 and 2."""
    table = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
    np.testing.assert_allclose(lab.k_weighting(48_000), table, rtol=1e-9)  # printed with 14 decimals


@checks("k_weighting")
def test_the_shelf_is_that_of_pyloudnorm_at_other_rates(lab, rng):
    """At any rate the shelf must equal De Man's design, which pyloudnorm has among its filters."""
    import pyloudnorm

    for rate in (44_100, int(rng.integers(8_000, 96_000))):
        # pyloudnorm rounds nothing: same formula, other code
        shelf = pyloudnorm.Meter(rate, "DeMan")._filters["high_shelf_DeMan"]
        np.testing.assert_allclose(lab.k_weighting(rate)[0], [*shelf.b, *shelf.a], rtol=1e-6)


@checks("k_weighting")
@given(rate=st.integers(16_000, 200_000))
def test_the_response_is_the_same_at_every_rate(lab, rate):
    """From 20 to 1000 Hz, the response must be that at 48 kHz, whatever the sample rate."""
    sections = lab.k_weighting(rate)
    for hertz in (20, 38, 100, 500, 1000):
        # the bilinear transform bends frequencies near half the rate: 0.05 dB at 1 kHz for 16 kHz
        expected = gain_db(parts.k_weighting(48_000), hertz, 48_000)
        assert gain_db(sections, hertz, rate) == pytest.approx(expected, abs=0.06)


@checks("k_weighting")
def test_at_1_khz_it_adds_what_the_loudness_subtracts(lab):
    """At 997 Hz both filters together must have a gain of 0.691 dB."""
    for rate in (32_000, 44_100, 96_000):
        assert gain_db(lab.k_weighting(rate), 997, rate) == pytest.approx(0.691, abs=0.01)


@checks("k_weighting")
def test_both_filters_do_their_work(lab):
    """The shelf leaves low tones alone and lifts high ones by 4 dB; the high-pass stops a constant."""
    sections = np.asarray(lab.k_weighting(44_100))
    assert gain_db(sections[:1], 1e-6, 44_100) == pytest.approx(0, abs=1e-6)
    assert gain_db(sections[:1], 20_000, 44_100) == pytest.approx(4, abs=0.01)
    assert gain_db(sections[1:], 0.01, 44_100) < -100
    assert gain_db(sections[1:], 38.135, 44_100) == pytest.approx(-5.97, abs=0.03)  # Q = 0.5003, and +0.04 dB


@checks("k_weighting")
@given(rate=st.integers(4000, 200_000))
def test_the_filters_are_stable(lab, rate):
    """All poles must lie inside the unit circle, and each row must be divided by its a0."""
    sections = np.asarray(lab.k_weighting(rate))
    assert sections.shape == (2, 6)
    np.testing.assert_allclose(sections[:, 3], 1, rtol=1e-12)
    for row in sections:
        assert np.all(np.abs(np.roots(row[3:])) < 1)


@checks("k_weighting")
@pytest.mark.parametrize("rate", [0, 1000, 3300], ids=["zero", "low", "just below"])
def test_rates_too_low_for_the_shelf_are_refused(lab, rate):
    with pytest.raises(ValueError):
        lab.k_weighting(rate)


@picture("k_weighting")
def response(output, sample_rate):
    from labkit import plot

    hertz = np.geomspace(20, sample_rate / 2.1, 200)
    return plot.lines(
        {"yours": (np.log10(hertz), [gain_db(output, f, sample_rate) for f in hertz])},
        x_label="frequency [powers of ten of 1 Hz]",
        y_label="gain [dB]",
        title="your K-weighting: 0.7 dB at 1 kHz, 4 dB far above",
    )


# --- loudness_lufs -----------------------------------------------------------------------------------


def tone(level_db, seconds, rate, channels=2, hertz=1000):
    length = round(seconds * rate)
    period = rate // hertz if rate % hertz == 0 else length  # far fewer sines
    wave = np.resize(10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * np.arange(period) / rate), length)
    return np.tile(wave, (channels, 1)) if channels > 1 else wave


def programme(rate, *pieces):
    """Stereo tone of 1 kHz in pieces of (level in dB, seconds)."""
    return np.concatenate([tone(level, seconds, rate) for level, seconds in pieces], axis=1)


@oracle
def syllables(seed, seconds, rate):
    """Noise that comes and goes like speech, with pauses; a whole number of tenths of a second."""
    rng = np.random.default_rng(seed)
    n_pieces = round(seconds * 10)
    strength = rng.choice([0.0003, 0.02, 0.1, 0.3], n_pieces)
    edges = np.arange(n_pieces + 1) * rate // 10
    envelope = np.repeat(strength, np.diff(edges))
    rough = rng.normal(size=len(envelope))
    return envelope * (rough + np.concatenate([[0], rough[:-1]]))


@oracle
def pyloudnorms(samples, rate):
    import pyloudnorm

    return pyloudnorm.Meter(rate).integrated_loudness(samples.T)


@checks("loudness_lufs")
@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_agrees_with_pyloudnorm(lab, rng, rate):
    """Loudness must be within 0.1 LU of pyloudnorm's, in mono and stereo, at every sample rate."""
    samples = np.stack([syllables(int(rng.integers(10**6)), 4, rate) for _ in range(2)])
    # the two filter designs differ by some 0.04 dB
    assert lab.loudness_lufs(samples, rate) == pytest.approx(pyloudnorms(samples, rate), abs=0.1)
    assert lab.loudness_lufs(samples[0], rate) == pytest.approx(pyloudnorms(samples[0], rate), abs=0.1)


@checks("loudness_lufs")
@pytest.mark.parametrize(
    "pieces",
    [
        [(-23, 4)],
        [(-33, 4)],
        [(-36, 2), (-23, 20), (-36, 2)],
        [(-72, 2), (-36, 2), (-23, 20), (-36, 2), (-72, 2)],
        [(-26, 4), (-20, 4.02), (-26, 4)],
    ],
    ids=["loud", "soft", "relative gate", "both gates", "two levels"],
)
def test_passes_the_test_signals_of_the_broadcasters(lab, pieces):
    """The test signals of EBU Tech 3341, in shorter pieces, must come out within 0.1 LU."""
    # stereo: two channels make up for the 3.01 dB between a sine's peak and its power
    expected = -33 if pieces == [(-33, 4)] else -23
    # at 24 kHz the weighting at 1 kHz is within 0.02 dB. The six blocks across the edges hold half of the
    # loud tone: of some 200 blocks that is another 0.06 dB
    assert lab.loudness_lufs(programme(24_000, *pieces), 24_000) == pytest.approx(expected, abs=0.1)


@checks("loudness_lufs")
def test_a_full_scale_tone_has_minus_three(lab):
    """A sine of 997 Hz at full scale must read −3.01 LUFS in one channel and 0 in two."""
    rate = 48_000
    assert lab.loudness_lufs(tone(0, 1, rate, 1, 997), rate) == pytest.approx(-3.01, abs=0.02)
    assert lab.loudness_lufs(tone(0, 1, rate, 2, 997), rate) == pytest.approx(0, abs=0.02)


@oracle
def loudness_by_the_book(samples, rate):
    """Block by block, as the rule is written."""
    from scipy.signal import lfilter

    channels = np.atleast_2d(samples)
    for row in parts.k_weighting(rate):
        channels = lfilter(row[:3], row[3:], channels)
    power, j = [], 0
    while (j + 4) * rate // 10 <= channels.shape[1]:
        block = channels[:, j * rate // 10 : (j + 4) * rate // 10]
        power.append(np.sum(np.mean(block**2, axis=1)))
        j += 1
    power = np.array(power)
    power = power[-0.691 + 10 * np.log10(np.maximum(power, 1e-30)) > -70]
    if len(power) == 0:
        return -np.inf
    gate = -0.691 + 10 * np.log10(np.mean(power)) - 10
    return -0.691 + 10 * np.log10(np.mean(power[-0.691 + 10 * np.log10(power) > gate]))


@checks("loudness_lufs")
@given(
    seed=st.integers(0, 10**6),
    rate=st.sampled_from([4000, 4001, 5512, 8000]),
    seconds=st.floats(0.41, 2.5),
    gain=st.sampled_from([1.0, 0.01, 0.001]),
)
def test_agrees_with_the_rule_block_by_block(lab, seed, rate, seconds, gain):
    """Loudness must follow the rule to the last block, also where a tenth of a second is no whole number."""
    samples = gain * syllables(seed, 3, rate)[: int(seconds * rate)]
    expected = loudness_by_the_book(samples, rate)
    assert lab.loudness_lufs(samples, rate) == pytest.approx(expected, abs=1e-8)


@checks("loudness_lufs")
@pytest.mark.parametrize("below", [9.7, 10.3])
def test_blocks_ten_units_below_the_mean_are_left_out(lab, rng, below):
    """The relative gate must stand ten units below the mean of the blocks that passed the first."""
    rate, long, short = 8000, 30.0, 3.0
    level = rng.uniform(-30, -20)
    # powers 1 for the loud part and p for the soft one: the mean is (10 + p) / 11, and p is to lie below it
    # by `below`; blocks across the edge are loud enough in any case
    p = 10 / (11 * 10 ** (below / 10) - 1)
    samples = np.concatenate([tone(level, long, rate, 1), tone(level + 10 * np.log10(p), short, rate, 1)])
    expected = loudness_by_the_book(samples, rate)
    assert lab.loudness_lufs(samples, rate) == pytest.approx(expected, abs=1e-8)


@checks("loudness_lufs")
def test_an_incomplete_last_block_is_left_out(lab):
    """What comes after the last whole block must not count."""
    rate = 8000
    quiet, loud = tone(-30, 0.7, rate, 1), tone(0, 0.09, rate, 1)
    with_more = lab.loudness_lufs(np.concatenate([quiet, loud]), rate)
    assert with_more == pytest.approx(lab.loudness_lufs(quiet, rate), abs=1e-9)


@checks("loudness_lufs")
def test_ten_times_the_amplitude_is_twenty_units(lab, rng):
    samples = syllables(int(rng.integers(10**6)), 2, 16_000)
    difference = lab.loudness_lufs(10 * samples, 16_000) - lab.loudness_lufs(samples, 16_000)
    assert difference == pytest.approx(20, abs=0.5)  # the quietest blocks may cross the absolute gate
    difference = lab.loudness_lufs(100 * samples, 16_000) - lab.loudness_lufs(10 * samples, 16_000)
    assert difference == pytest.approx(20, abs=1e-9)


@checks("loudness_lufs")
def test_silence_is_infinitely_quiet(lab):
    assert lab.loudness_lufs(np.zeros(8000), 8000) == -np.inf
    assert lab.loudness_lufs(tone(-75, 1, 32_000), 32_000) == -np.inf


@checks("loudness_lufs")
def test_one_block_is_enough_and_less_is_refused(lab):
    for rate in (8000, 11_025, 22_051):
        length = 4 * rate // 10
        samples = np.random.default_rng(rate).normal(size=length)
        assert np.isfinite(lab.loudness_lufs(samples, rate))
        with pytest.raises(ValueError):
            lab.loudness_lufs(samples[:-1], rate)


@checks("loudness_lufs")
@pytest.mark.parametrize(
    "shape", [(3, 8000), (8000, 2), (1, 1, 8000)], ids=["three", "channels last", "axes"]
)
def test_other_shapes_are_refused(lab, shape):
    """More than two channels or two axes must raise ValueError."""
    with pytest.raises(ValueError):
        lab.loudness_lufs(np.ones(shape), 8000)


# --- resampling_filter -------------------------------------------------------------------------------


@checks("resampling_filter")
@given(
    up=st.integers(1, 30),
    down=st.integers(1, 30),
    zero_crossings=st.integers(1, 14),
    beta=st.floats(0, 14),
)
def test_agrees_with_the_design_of_scipy(lab, up, down, zero_crossings, beta):
    """The taps must be those of scipy.signal.firwin with a Kaiser window, times `up`."""
    from scipy.signal import firwin

    widest = max(up, down, 2)  # firwin has no cut-off at half the rate
    if max(up, down) == 1:
        expected = np.zeros(2 * zero_crossings + 1)
        expected[zero_crossings] = 1
    else:
        expected = up * firwin(2 * zero_crossings * widest + 1, 1 / widest, window=("kaiser", beta))
    taps = np.asarray(lab.resampling_filter(up, down, zero_crossings, beta))
    assert taps.shape == expected.shape
    np.testing.assert_allclose(taps, expected, atol=1e-10 * up)


@checks("resampling_filter")
def test_taps_sum_to_the_factor_up(lab):
    for up, down in ((1, 3), (3, 1), (160, 441), (7, 7)):
        assert np.sum(lab.resampling_filter(up, down)) == pytest.approx(up, rel=1e-12)


@checks("resampling_filter")
def test_at_the_lower_half_rate_half_the_amplitude_is_left(lab):
    """At half the lower of both rates, the filter must pass half the amplitude; well above it, a 200th."""
    for up, down in ((1, 3), (3, 2), (4, 1)):
        taps = np.asarray(lab.resampling_filter(up, down)) / up
        n = np.arange(len(taps)) - len(taps) // 2
        cutoff = 0.5 / max(up, down)  # in cycles per sample at the high rate
        assert np.sum(taps * np.cos(2 * np.pi * cutoff * n)) == pytest.approx(0.5, abs=0.01)
        above = np.linspace(1.25 * cutoff, 0.5, 50)
        assert np.abs(np.cos(2 * np.pi * np.outer(above, n)) @ taps).max() < 1 / 200


@checks("resampling_filter")
def test_without_being_told_ten_zeros_and_beta_five(lab):
    """Without options: ten zero crossings on each side, Kaiser window with β = 5."""
    from scipy.signal import firwin

    expected = 2 * firwin(61, 1 / 3, window=("kaiser", 5.0))
    np.testing.assert_allclose(lab.resampling_filter(2, 3), expected, atol=1e-12)


@checks("resampling_filter")
@pytest.mark.parametrize(
    "settings", [(0, 1, 10, 5.0), (1, 0, 10, 5.0), (2, 3, 0, 5.0), (2, 3, 10, -0.5), (-2, 3, 10, 5.0)]
)
def test_impossible_settings_are_refused(lab, settings):
    with pytest.raises(ValueError):
        lab.resampling_filter(*settings)


@checks("resampling_filter")
def test_filters_that_fill_the_memory_are_refused(lab):
    """More than MOST_TAPS taps must raise ValueError."""
    for up, down in ((500_000, 1), (1, 600_000), (700_000, 700_000)):
        with pytest.raises(ValueError):
            lab.resampling_filter(up, down)
    assert len(lab.resampling_filter(1, 4801, 3)) == 28_807  # a long one is no mistake


@picture("resampling_filter")
def taps_over_time(output, up, down, *args, **options):
    from labkit import plot

    return plot.lines(
        {"your taps": output}, x_label="tap", y_label="weight", title=f"they should sum to {up}"
    )


# --- resample_polyphase ------------------------------------------------------------------------------


def resample_by_definition(samples, up, down, taps):
    """Zeros between the samples, the whole filter, every down-th result."""
    spread = np.zeros(len(samples) * up)
    spread[::up] = samples
    filtered = np.convolve(spread, taps)[len(taps) // 2 :]
    filtered = np.append(filtered, np.zeros(down * (-(-len(samples) * up // down))))
    return filtered[::down][: -(-len(samples) * up // down)]


@checks("resample_polyphase")
@given(
    seed=st.integers(0, 10**6),
    up=st.integers(1, 9),
    down=st.integers(1, 40),
    half=st.integers(0, 60),
    length=st.integers(1, 200),
)
def test_agrees_with_zeros_filter_and_every_nth_sample(lab, seed, up, down, half, length):
    """The result must be that of: zeros between samples, the filter, every `down`-th sample."""
    samples, taps = noise(seed, length), noise(seed + 1, 2 * half + 1)
    result = np.asarray(lab.resample_polyphase(samples, up, down, taps))
    expected = resample_by_definition(samples, up, down, taps)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-10)  # at most 121 products of size 1 to 10


@checks("resample_polyphase")
@pytest.mark.parametrize(("length", "down", "half"), [(40, 40, 5), (200, 50, 3), (99, 33, 1), (64, 2, 0)])
def test_samples_that_no_tap_reaches_do_no_harm(lab, rng, length, down, half):
    """A filter shorter than `down` must work as any other."""
    samples, taps = rng.normal(size=length), rng.normal(size=2 * half + 1)
    result = np.asarray(lab.resample_polyphase(samples, 1, down, taps))
    np.testing.assert_allclose(result, resample_by_definition(samples, 1, down, taps), atol=1e-10)


@checks("resample_polyphase")
@pytest.mark.parametrize(("up", "down"), [(1, 3), (3, 1), (160, 441), (320, 441), (2, 3)])
def test_agrees_with_scipy(lab, rng, up, down):
    from scipy.signal import resample_poly

    samples = rng.normal(size=int(rng.integers(900, 1500)))
    expected = resample_poly(samples, up, down)  # the same filter by default: ten zeros, Kaiser 5
    taps = parts.resampling_filter(up, down)
    result = np.asarray(lab.resample_polyphase(samples, up, down, taps))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-10)


@checks("resample_polyphase", visible=True)
def test_between_two_samples_lies_their_mean(lab):
    """With the taps ½, 1, ½, doubling the rate must draw straight lines."""
    result = lab.resample_polyphase(np.array([1.0, 3.0, 2.0]), 2, 1, np.array([0.5, 1.0, 0.5]))
    np.testing.assert_allclose(result, [1.0, 2.0, 3.0, 2.5, 2.0, 1.0], atol=1e-12)


@checks("resample_polyphase")
def test_a_tone_keeps_its_pitch_and_its_size(lab, rng):
    """A tone of 1 kHz must come out as the same tone at the new rate."""
    for old_rate, new_rate in ((44_100, 16_000), (16_000, 48_000), (22_050, 16_000)):
        common = gcd(old_rate, new_rate)
        up, down = new_rate // common, old_rate // common
        phase = rng.uniform(0, 6)
        old = np.sin(2 * np.pi * 1000 * np.arange(old_rate // 5) / old_rate + phase)
        result = np.asarray(lab.resample_polyphase(old, up, down, parts.resampling_filter(up, down)))
        expected = np.sin(2 * np.pi * 1000 * np.arange(len(result)) / new_rate + phase)
        middle = slice(len(result) // 4, -len(result) // 4)
        # the pass band of this filter is flat to 0.3 %
        np.testing.assert_allclose(result[middle], expected[middle], atol=0.004)


@checks("resample_polyphase")
def test_the_number_of_samples_is_rounded_up(lab):
    taps = np.ones(1)
    for length, up, down, expected in ((10, 1, 3, 4), (9, 1, 3, 3), (1, 1, 5, 1), (7, 3, 2, 11)):
        assert len(lab.resample_polyphase(np.ones(length), up, down, taps)) == expected


@checks("resample_polyphase")
def test_integers_are_resampled_to_fractions(lab):
    result = lab.resample_polyphase(
        np.array([30_000, 30_000], dtype=np.int16), 1, 1, np.array([0.5, 1.25, 0.5])
    )
    np.testing.assert_allclose(result, [52_500.0, 52_500.0], rtol=1e-12)


@checks("resample_polyphase")
@pytest.mark.parametrize(("up", "down"), [(0, 1), (1, 0), (-1, 2), (2, -1)])
def test_factors_below_one_are_refused(lab, up, down):
    with pytest.raises(ValueError):
        lab.resample_polyphase(np.ones(5), up, down, np.ones(3))


@checks("resample_polyphase")
def test_a_filter_without_a_middle_is_refused(lab):
    for length in (0, 4):
        with pytest.raises(ValueError):
            lab.resample_polyphase(np.ones(5), 1, 2, np.ones(length))


@checks("resample_polyphase")
def test_no_samples_and_two_channels_are_refused(lab):
    for shape in [(0,), (6, 2)]:
        with pytest.raises(ValueError):
            lab.resample_polyphase(np.ones(shape), 1, 2, np.ones(3))


@sound("resample_polyphase")
def at_the_new_rate(output, samples, up, down, taps):
    largest = max(np.abs(output).max(initial=0), 1e-9)
    return {"yours": np.asarray(output) / largest}, 16_000


# --- preprocess --------------------------------------------------------------------------------------


def utterances(seed, rate, *pieces, room=1e-4):
    """A recording: faint noise, and stretches of (start, end, amplitude) in seconds on top."""
    rng = np.random.default_rng(seed)
    length = round((pieces[-1][1] + 1.2) * rate) if pieces else 2 * rate
    samples = room * rng.normal(size=length)
    for start, end, amplitude in pieces:
        part = slice(round(start * rate), round(end * rate))
        samples[part] += amplitude * rng.normal(size=len(samples[part]))
    return samples


def preprocess_by_hand(samples, rate, target_rate, target_lufs):
    from scipy.signal import resample_poly

    frame_length, hop_length = rate // 40, rate // 100
    levels = parts.frame_levels(samples, frame_length, hop_length)
    decided = parts.energy_vad(levels, *parts.vad_thresholds(levels))
    common = gcd(rate, target_rate)
    up, down = target_rate // common, rate // common
    found = []
    for first, after in segments_by_hand(decided, 70, 40, 10):
        start, end = first * hop_length, (after - 1) * hop_length + frame_length
        piece = samples[start:end]
        loudness = loudness_by_the_book(piece, rate)
        if np.isfinite(loudness):
            piece = resample_poly(piece * 10 ** ((target_lufs - loudness) / 20), up, down)
            found.append({"start": start / rate, "end": end / rate, "samples": piece})
    return found


@checks("preprocess")
@pytest.mark.parametrize(
    ("rate", "target_rate", "target_lufs"),
    [(8000, 16_000, -23.0), (16_000, 8000, -16.0), (11_025, 8000, -30.0), (8000, 8000, -23.0)],
)
def test_agrees_with_all_steps_in_a_row(lab, rng, rate, target_rate, target_lufs):
    """Start, end and samples of every stretch must be those of the five steps."""
    samples = utterances(int(rng.integers(10**6)), rate, (0.9, 1.6, 0.08), (3.1, 4.2, 0.2))
    found = lab.preprocess(samples, rate, target_rate, target_lufs)
    expected = preprocess_by_hand(samples, rate, target_rate, target_lufs)
    assert len(found) == len(expected) == 2
    for mine, theirs in zip(found, expected, strict=True):
        assert mine["start"] == pytest.approx(theirs["start"], abs=1e-9)
        assert mine["end"] == pytest.approx(theirs["end"], abs=1e-9)
        assert mine["samples"].shape == theirs["samples"].shape
        np.testing.assert_allclose(mine["samples"], theirs["samples"], atol=1e-8)


@checks("preprocess")
def test_stretches_are_found_where_the_sound_is(lab, rng):
    """Each stretch must cover its utterance and no more than 0.3 s besides."""
    spoken = [(1.0, 1.8), (3.2, 4.5), (6.0, 6.6)]
    samples = utterances(int(rng.integers(10**6)), 8000, *[(a, b, 0.1) for a, b in spoken])
    found = lab.preprocess(samples, 8000)
    assert len(found) == 3
    for (start, end), one in zip(spoken, found, strict=True):
        assert start - 0.3 < one["start"] <= start and end <= one["end"] < end + 0.3


@checks("preprocess")
def test_every_stretch_is_equally_loud(lab, rng):
    """Quiet and loud utterances must come out at the wanted loudness, measured by pyloudnorm."""
    import pyloudnorm

    samples = utterances(int(rng.integers(10**6)), 16_000, (0.8, 2.8, 0.1), (4.2, 6.2, 0.3))
    found = lab.preprocess(samples, 16_000)
    assert len(found) == 2
    for one in found:
        # the stretch holds a tenth and more of pauses at its ends, and its last block is incomplete
        loudness = pyloudnorm.Meter(16_000).integrated_loudness(np.asarray(one["samples"]))
        assert loudness == pytest.approx(-23, abs=0.4)


@checks("preprocess")
def test_rate_and_length_fit_together(lab, rng):
    """A stretch of n seconds must have n · 16 000 samples, rounded up."""
    samples = utterances(int(rng.integers(10**6)), 8000, (1.0, 2.0, 0.1))
    (one,) = lab.preprocess(samples, 8000)
    assert len(one["samples"]) == round((one["end"] - one["start"]) * 16_000)


@checks("preprocess")
def test_silence_gives_no_stretch(lab):
    assert list(lab.preprocess(np.zeros(8000), 8000)) == []
    assert list(lab.preprocess(1e-3 * np.random.default_rng(0).normal(size=16_000), 8000)) == []


@checks("preprocess")
def test_stretches_too_faint_to_have_a_loudness_are_left_out(lab, rng):
    """A sound below −70 LUFS has no loudness: no gain can be computed for it."""
    samples = utterances(int(rng.integers(10**6)), 8000, (1.0, 2.0, 1e-4), room=1e-6)
    assert list(lab.preprocess(samples, 8000)) == []


@checks("preprocess")
def test_a_recording_shorter_than_a_frame_is_refused(lab):
    with pytest.raises(ValueError):
        lab.preprocess(np.ones(100), 8000)


@checks("preprocess")
def test_a_rate_too_low_for_loudness_is_refused(lab, rng):
    samples = utterances(int(rng.integers(10**6)), 3000, (1.0, 2.0, 0.1))
    with pytest.raises(ValueError):
        lab.preprocess(samples, 3000)


# --- manifest_lines ----------------------------------------------------------------------------------


def entry(**fields):
    return {"audio_filepath": "a/b.wav", "duration": 1.25, "text": "yes", **fields}


@checks("manifest_lines")
@given(
    texts=st.lists(
        st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)),
        max_size=5,
    ),
    duration=st.floats(1e-3, 1e5),
)
def test_every_line_is_an_object_that_reads_back(lab, texts, duration):
    """Each line must be one JSON object with all fields as given, whatever the text holds."""
    entries = [entry(text=text, duration=duration, number=n) for n, text in enumerate(texts)]
    text = lab.manifest_lines(entries)
    lines = text.split("\n")
    assert lines[-1] == "" and len(lines) == len(entries) + 1
    assert [json.loads(line) for line in lines[:-1]] == entries
    for line, given_entry in zip(lines, entries, strict=False):
        assert list(json.loads(line)) == list(given_entry)  # the order of the fields


@checks("manifest_lines")
def test_another_program_reads_it(lab):
    """A file of these lines must be readable by labkit.corpora.read_manifest."""
    from labkit import corpora

    entries = [entry(), entry(text=None, duration=3, speaker="p225")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.jsonl"
        path.write_text(lab.manifest_lines(entries), encoding="utf-8")
        assert corpora.read_manifest(path) == entries


@checks("manifest_lines", visible=True)
def test_letters_of_all_languages_stay_as_they_are(lab):
    assert "grün, да, 是" in lab.manifest_lines([entry(text="grün, да, 是")])


@checks("manifest_lines")
def test_no_entries_give_no_text(lab):
    assert lab.manifest_lines([]) == ""


@checks("manifest_lines")
@pytest.mark.parametrize("field", ["audio_filepath", "duration", "text"])
def test_a_missing_field_is_refused(lab, field):
    broken = entry()
    del broken[field]
    with pytest.raises(ValueError):
        lab.manifest_lines([entry(), broken])


@checks("manifest_lines")
@pytest.mark.parametrize("duration", [0, 0.0, -1.0, float("nan"), float("inf")])
def test_a_duration_that_is_no_length_is_refused(lab, duration):
    with pytest.raises(ValueError):
        lab.manifest_lines([entry(duration=duration)])


@checks("manifest_lines")
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_cannot_write_are_refused(lab, value):
    with pytest.raises(ValueError):
        lab.manifest_lines([entry(snr_db=value)])
