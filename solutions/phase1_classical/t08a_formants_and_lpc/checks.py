"""Hidden checks of the lab on formants and linear prediction."""

import itertools
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, oracle, picture, sound
from labkit import plot

parts = lab_beside(__file__)  # only to compose: a part that builds on others is fed with the reference's

SEED = st.integers(0, 2**32 - 1)
# Two orders of summation of a few hundred float64 terms of size 1 differ by some 1e-14; recursive filters
# with poles as close to the circle as the ones here amplify that by less than 1e4.
EXACT = {"rtol": 1e-9, "atol": 1e-10}


def stable_filter(rng, order, largest=0.95):
    """Coefficients of a stable prediction error filter, from random reflection coefficients."""
    a = np.ones(1)
    for k in rng.uniform(-largest, largest, order):
        grown = np.append(a, 0.0)
        a = grown + k * grown[::-1]
    return a


def all_pole(pairs, sample_rate):
    """Prediction error filter with these (frequency, bandwidth) and nothing else."""
    poles = [
        np.exp((-np.pi * bandwidth + 2j * np.pi * frequency) / sample_rate) for frequency, bandwidth in pairs
    ]
    return np.real(np.poly([*poles, *np.conj(poles)]))


def calm_filter(rng, order):
    """Coefficients of a filter whose poles are at most 0.9 from the centre."""
    pairs = 0.9 * rng.uniform(0.2, 1, order // 2) * np.exp(1j * rng.uniform(0.1, 3, order // 2))
    return np.real(np.poly([*pairs, *np.conj(pairs), *rng.uniform(-0.9, 0.9, order % 2)]))


def true_autocorrelation(a, n_lags):
    """Of the impulse response of 1/A with poles up to 0.98: then nothing is left after 6000 samples."""
    from scipy.signal import lfilter

    response = lfilter([1], a, np.append(1.0, np.zeros(6000)))
    return np.array([response[: len(response) - lag] @ response[lag:] for lag in range(n_lags)])


# --- rosenberg_flow --------------------------------------------------------------------------------


@checks("rosenberg_flow", visible=True)
def test_the_worked_numbers_of_one_puff(lab):
    flow = lab.rosenberg_flow(np.array([0.0, 0.2, 0.4, 0.48, 0.56, 0.8]))
    np.testing.assert_allclose(flow, [0, 0.5, 1, np.sqrt(0.5), 0, 0], atol=1e-12)


@checks("rosenberg_flow")
@given(opening=st.floats(0.05, 0.7), closing=st.floats(0.05, 0.29), seed=SEED)
def test_flow_rises_falls_and_stays_closed_as_the_formulas_say(lab, opening, closing, seed):
    rng = np.random.default_rng(seed)
    rising, falling, closed = rng.random(5), rng.random(5), rng.random(5)
    rest = 1 - opening - closing
    phase = np.concatenate([opening * rising, opening + closing * falling, opening + closing + rest * closed])
    flow = lab.rosenberg_flow(phase, opening, closing)
    # (1 - cos x)/2 is the square of the sine of x/2: another formula for the same curve
    expected = np.concatenate(
        [np.sin(np.pi / 2 * rising) ** 2, np.sin(np.pi / 2 * (1 - falling)), np.zeros(5)]
    )
    np.testing.assert_allclose(flow, expected, atol=1e-9)


@checks("rosenberg_flow")
@given(opening=st.floats(0.05, 0.7), closing=st.floats(0.05, 0.29))
def test_flow_has_no_jump_and_its_mean_is_that_of_the_integral(lab, opening, closing):
    flow = lab.rosenberg_flow((np.arange(20_000) + 0.5) / 20_000, opening, closing)
    assert flow.min() >= -1e-12 and 1 - 1e-3 < flow.max() <= 1 + 1e-12
    # steepest slope: pi/2 per closing time of 0.05 or pi/2 per opening time
    assert np.abs(np.diff(flow, append=flow[0])).max() < np.pi / 2 / 0.05 / 20_000 * 1.01
    # by hand: opening / 2 + closing * 2 / pi; the midpoint rule at kinks is off by less than 1e-5
    assert flow.mean() == pytest.approx(opening / 2 + closing * 2 / np.pi, abs=1e-5)


@checks("rosenberg_flow")
def test_flow_keeps_the_shape_of_what_it_is_given(lab, rng):
    assert lab.rosenberg_flow(rng.random((3, 4))).shape == (3, 4)


@checks("rosenberg_flow")
def test_a_period_without_a_closed_phase_is_allowed(lab):
    flow = lab.rosenberg_flow(np.array([0.25, 0.5, 0.999999]), 0.5, 0.5)
    np.testing.assert_allclose(flow, [0.5, 1.0, 0.0], atol=1e-5)


@checks("rosenberg_flow")
@pytest.mark.parametrize("times", [(0.0, 0.2), (0.4, 0.0), (-0.1, 0.2), (0.4, -0.1), (0.8, 0.21)])
def test_opening_and_closing_must_be_positive_and_fit_into_a_period(lab, times):
    with pytest.raises(ValueError):
        lab.rosenberg_flow(np.array([0.1]), *times)


# --- glottal_flow ----------------------------------------------------------------------------------


@oracle
def flow_by_steps(f0, hop_length, sample_rate):
    """One sample after another."""
    output, phase = [], 0.0
    for frequency in np.repeat(f0, hop_length):
        if frequency == 0:
            output.append(0.0)
            phase = 0.0
            continue
        phase -= np.floor(phase)
        value = 0.0
        if phase < 0.4:
            value = np.sin(np.pi / 2 * phase / 0.4) ** 2
        elif phase < 0.56:
            value = np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
        output.append(value)
        phase += frequency / sample_rate
    return np.array(output)


@checks("glottal_flow", visible=True)
def test_a_glide_with_a_break_sample_by_sample(lab):
    f0 = np.array([1000.0, 0.0, 2000.0, 1500.0])
    # phases of the voiced samples: 0, 0.1, 0.2, 0.3, then 0, 0.2, 0.4, 0.6, then 0.8, 0.95, 1.1, 1.25
    expected = [0, 0.146447, 0.5, 0.853553, 0, 0, 0, 0, 0, 0.5, 1, 0, 0, 0, 0.146447, 0.691342]
    np.testing.assert_allclose(lab.glottal_flow(f0, 4, 10_000), expected, atol=1e-6)


@checks("glottal_flow")
@given(seed=SEED, hop_length=st.integers(1, 40), n_frames=st.integers(1, 12))
def test_phase_is_the_sum_of_all_steps_since_the_voice_began(lab, seed, hop_length, n_frames):
    rng = np.random.default_rng(seed)
    f0 = rng.uniform(60, 700, n_frames) * (rng.random(n_frames) < 0.7)
    flow = lab.glottal_flow(f0, hop_length, 8000)
    assert flow.shape == (n_frames * hop_length,)
    # a phase that is off by 1e-13 moves the flow by less than 1e-11, except at no jump: there is none
    np.testing.assert_allclose(flow, flow_by_steps(f0, hop_length, 8000), atol=1e-10)


@checks("glottal_flow")
@given(f0=st.floats(70, 400))
def test_a_second_holds_as_many_puffs_as_hertz(lab, f0):
    flow = lab.glottal_flow(np.full(200, f0), 40, 8000)
    begins = np.flatnonzero((flow[1:] > 0) & (flow[:-1] == 0))
    period = (begins[-1] - begins[0]) / (len(begins) - 1)
    assert period == pytest.approx(8000 / f0, abs=2 / (len(begins) - 1))  # each end is good to a sample


@checks("glottal_flow")
def test_a_glide_does_not_run_twice_as_fast(lab, rng):
    """The number of puffs in a glide is the mean of its frequency."""
    end = rng.uniform(200, 300)
    flow = lab.glottal_flow(np.linspace(100, end, 800), 10, 8000)
    puffs = np.sum((flow[1:] > 0) & (flow[:-1] == 0))
    assert abs(puffs - (100 + end) / 2) <= 1.5


@checks("glottal_flow")
def test_no_voice_no_flow(lab):
    np.testing.assert_array_equal(lab.glottal_flow(np.zeros(3), 5, 8000), np.zeros(15))


@checks("glottal_flow")
@pytest.mark.parametrize("bad", [([100.0, -1.0], 4), ([4001.0], 4), ([100.0, 4001.0], 4), ([100.0], 0)])
def test_negative_frequencies_or_above_half_the_rate_and_empty_hops_are_refused(lab, bad):
    with pytest.raises(ValueError):
        lab.glottal_flow(np.array(bad[0]), bad[1], 8000)


@checks("glottal_flow")
def test_half_the_rate_and_hops_of_one_sample_are_accepted(lab):
    np.testing.assert_allclose(lab.glottal_flow(np.array([4000.0, 4000.0]), 1, 8000), [0, 0.55557], atol=1e-6)


# --- resonator_coefficients ------------------------------------------------------------------------


@checks("resonator_coefficients", visible=True)
def test_a_quarter_of_the_rate_needs_only_the_output_before_last(lab):
    np.testing.assert_allclose(
        lab.resonator_coefficients(2500.0, 100.0, 10_000), [1.939101, 0.0, -0.939101], atol=1e-6
    )


@checks("resonator_coefficients")
@given(
    frequency=st.floats(50, 3900), bandwidth=st.floats(20, 900), sample_rate=st.sampled_from([8000, 16_000])
)
def test_poles_lie_at_the_frequency_and_as_far_inside_as_the_bandwidth_says(
    lab, frequency, bandwidth, sample_rate
):
    a, b, c = lab.resonator_coefficients(frequency, bandwidth, sample_rate)
    pole = max(np.roots([1, -b, -c]), key=lambda root: root.imag)
    # the closed form; np.roots of a quadratic loses half the digits where the pair nearly meets
    assert np.angle(pole) * sample_rate / (2 * np.pi) == pytest.approx(frequency, rel=1e-5)
    assert -np.log(abs(pole)) * sample_rate / np.pi == pytest.approx(bandwidth, rel=1e-5)


@checks("resonator_coefficients")
@given(frequency=st.floats(0, 4000), bandwidth=st.floats(5, 2000))
def test_a_constant_passes_unchanged(lab, frequency, bandwidth):
    a, b, c = lab.resonator_coefficients(frequency, bandwidth, 8000)
    assert a / (1 - b - c) == pytest.approx(1, rel=1e-9)


@checks("resonator_coefficients")
def test_the_response_is_half_as_strong_in_power_half_a_bandwidth_away(lab):
    from scipy.signal import freqz

    a, b, c = lab.resonator_coefficients(1000.0, 60.0, 16_000)
    _, response = freqz([a], [1, -b, -c], worN=[970.0, 1000.0, 1030.0], fs=16_000)
    power = np.abs(response) ** 2
    # the other pole of the pair, 2000 Hz away, tilts this by a few percent
    np.testing.assert_allclose(power[[0, 2]] / power[1], 0.5, atol=0.03)


@checks("resonator_coefficients")
@pytest.mark.parametrize("bad", [(-1.0, 50.0), (4001.0, 50.0), (500.0, 0.0), (500.0, -50.0)])
def test_frequencies_and_bandwidths_out_of_range_are_refused(lab, bad):
    with pytest.raises(ValueError):
        lab.resonator_coefficients(*bad, 8000)


@checks("resonator_coefficients")
def test_the_two_ends_of_the_frequencies_are_accepted(lab):
    lowest, highest = (lab.resonator_coefficients(f, 100.0, 8000) for f in (0.0, 4000.0))
    assert lowest.shape == highest.shape == (3,)
    assert lab.resonator_coefficients(500.0, 0.5, 8000).shape == (3,)
    radius = np.exp(-np.pi * 100 / 8000)
    np.testing.assert_allclose([lowest[1], highest[1]], [2 * radius, -2 * radius], **EXACT)


# --- resonate --------------------------------------------------------------------------------------


@oracle
def resonate_by_steps(samples, frequencies, bandwidths, hop_length, sample_rate):
    """The difference equation, one sample after another."""
    output, last, before = [], 0.0, 0.0
    for n, x in enumerate(samples):
        m = min(n // hop_length, len(frequencies) - 1)
        radius = np.exp(-np.pi * bandwidths[m] / sample_rate)
        b, c = 2 * radius * np.cos(2 * np.pi * frequencies[m] / sample_rate), -(radius**2)
        last, before = (1 - b - c) * x + b * last + c * before, last
        output.append(last)
    return np.array(output)


@checks("resonate", visible=True)
def test_an_impulse_rings_on_into_the_next_frame(lab):
    rung = lab.resonate(np.eye(1, 4)[0], np.array([2500.0, 1000.0]), np.array([100.0, 100.0]), 2, 10_000)
    np.testing.assert_allclose(rung, [1.939101, 0, -1.821013, -2.855334], atol=1e-5)


@checks("resonate")
@given(seed=SEED, hop_length=st.integers(1, 30), n_frames=st.integers(1, 8), extra=st.integers(-10, 30))
def test_every_output_follows_the_difference_equation(lab, seed, hop_length, n_frames, extra):
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=max(1, n_frames * hop_length + extra))
    frequencies, bandwidths = rng.uniform(100, 3900, n_frames), rng.uniform(40, 400, n_frames)
    output = lab.resonate(samples, frequencies, bandwidths, hop_length, 8000)
    assert output.shape == samples.shape
    expected = resonate_by_steps(samples, frequencies, bandwidths, hop_length, 8000)
    np.testing.assert_allclose(output, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


@checks("resonate")
@given(seed=SEED, frequency=st.floats(100, 3500), hop_length=st.integers(1, 90))
def test_a_resonance_that_stays_is_one_plain_filter_whatever_the_hop(lab, seed, frequency, hop_length):
    from scipy.signal import lfilter

    samples = np.random.default_rng(seed).normal(size=300)
    n_frames = ceil(300 / hop_length)
    output = lab.resonate(samples, np.full(n_frames, frequency), np.full(n_frames, 80.0), hop_length, 8000)
    a = all_pole([(frequency, 80.0)], 8000)
    np.testing.assert_allclose(output, lfilter([a.sum()], a, samples), rtol=1e-8, atol=1e-9)


@checks("resonate")
def test_a_constant_stays_a_constant_while_the_resonance_moves(lab, rng):
    """With a gain of 1 at 0 Hz and an unbroken memory, a constant passes a moving resonance."""
    frequencies = np.concatenate([np.full(40, 500.0), rng.uniform(200, 3000, 40)])
    output = lab.resonate(np.ones(1600), frequencies, np.full(80, 200.0), 20, 8000)
    # after 800 samples, the start has died away to exp(-pi 200 / 8000 * 800) = 1e-27
    np.testing.assert_allclose(output[800:], 1.0, atol=1e-9)


@checks("resonate")
@pytest.mark.parametrize(
    "bad",
    [
        ([500.0], [50.0, 50.0], 4),
        ([], [], 4),
        ([500.0], [50.0], 0),
        ([500.0, -1.0], [50.0, 50.0], 4),
        ([500.0, 500.0], [50.0, 0.0], 4),
    ],
    ids=["two bandwidths for one frequency", "no frames", "hop of 0", "negative frequency", "no bandwidth"],
)
def test_what_is_no_moving_resonance_is_refused(lab, bad):
    with pytest.raises(ValueError):
        lab.resonate(np.ones(8), np.array(bad[0]), np.array(bad[1]), bad[2], 8000)


# --- autocorrelation -------------------------------------------------------------------------------


@checks("autocorrelation", visible=True)
def test_one_two_three_and_their_shifted_products(lab):
    np.testing.assert_allclose(lab.autocorrelation(np.array([1.0, 2.0, 3.0]), 2), [14, 8, 3], **EXACT)


@checks("autocorrelation")
@given(seed=SEED, length=st.integers(1, 60), share=st.floats(0, 0.999))
def test_products_are_summed_as_numpy_correlates(lab, seed, length, share):
    frame, max_lag = np.random.default_rng(seed).normal(size=length), int(share * length)
    expected = np.correlate(frame, frame, mode="full")[length - 1 : length + max_lag]
    result = lab.autocorrelation(frame, max_lag)
    assert result.shape == (max_lag + 1,)
    np.testing.assert_allclose(result, expected, **EXACT)


@checks("autocorrelation")
@given(seed=SEED, length=st.integers(2, 40))
def test_its_fourier_transform_is_the_power_spectrum(lab, seed, length):
    frame = np.random.default_rng(seed).normal(size=length)
    r = lab.autocorrelation(frame, length - 1)
    n_fft = 2 * length
    both_sides = np.concatenate([r, [0.0], r[:0:-1]])
    np.testing.assert_allclose(
        np.fft.rfft(both_sides).real, np.abs(np.fft.rfft(frame, n_fft)) ** 2, atol=1e-9
    )


@checks("autocorrelation")
def test_four_times_as_much_power_for_a_sound_twice_as_loud(lab, rng):
    frame = rng.normal(size=50)
    quiet, loud = lab.autocorrelation(frame, 8), lab.autocorrelation(2 * frame, 8)
    np.testing.assert_allclose(loud, 4 * quiet, **EXACT)


@checks("autocorrelation")
@pytest.mark.parametrize("max_lag", [-1, 5, 6], ids=["negative", "as long as the frame", "longer"])
def test_lags_beyond_the_frame_are_refused(lab, max_lag):
    with pytest.raises(ValueError):
        lab.autocorrelation(np.ones(5), max_lag)


# --- levinson_durbin -------------------------------------------------------------------------------


@checks("levinson_durbin", visible=True)
def test_the_worked_example_of_order_two(lab):
    a, reflection, errors = lab.levinson_durbin(np.array([1.0, 0.8, 0.5]))
    np.testing.assert_allclose(a, [1, -1.111111, 0.388889], atol=1e-6)
    np.testing.assert_allclose(reflection, [-0.8, 0.388889], atol=1e-6)
    np.testing.assert_allclose(errors, [1, 0.36, 0.305556], atol=1e-6)


@checks("levinson_durbin")
@given(seed=SEED, order=st.integers(1, 16))
def test_coefficients_solve_the_normal_equations_as_scipy_does(lab, seed, order):
    from scipy.linalg import solve_toeplitz

    rng = np.random.default_rng(seed)
    frame = rng.normal(size=80) * rng.uniform(0.1, 50)
    r = np.correlate(frame, frame, mode="full")[79 : 80 + order]
    a, reflection, errors = lab.levinson_durbin(r)
    assert a.shape == (order + 1,) and reflection.shape == (order,) and errors.shape == (order + 1,)
    # noise: the matrix is well conditioned, a few digits are lost at most
    np.testing.assert_allclose(a, np.append(1, -solve_toeplitz(r[:-1], r[1:])), rtol=1e-8, atol=1e-9)
    assert errors[0] == pytest.approx(r[0])
    assert errors[-1] == pytest.approx(float(a @ r), rel=1e-8)  # closed form of the last error


@checks("levinson_durbin")
@given(seed=SEED, order=st.integers(2, 10))
def test_every_order_on_the_way_is_the_best_of_its_order(lab, seed, order):
    rng = np.random.default_rng(seed)
    r = true_autocorrelation(calm_filter(rng, 4), order + 1)
    _, reflection, errors = lab.levinson_durbin(r)
    for m in range(1, order + 1):
        matrix = r[np.abs(np.subtract.outer(np.arange(m), np.arange(m)))]
        best = np.linalg.solve(matrix, -r[1 : m + 1])
        assert reflection[m - 1] == pytest.approx(best[-1], abs=1e-7)
        assert errors[m] == pytest.approx(r[0] + best @ r[1 : m + 1], rel=1e-6)


@checks("levinson_durbin")
@given(seed=SEED, order=st.integers(1, 8))
def test_the_filter_behind_an_impulse_response_is_found_again(lab, seed, order):
    a = calm_filter(np.random.default_rng(seed), order)
    found, _, errors = lab.levinson_durbin(true_autocorrelation(a, order + 1))
    np.testing.assert_allclose(found, a, atol=1e-6)
    assert errors[-1] == pytest.approx(1, rel=1e-6)  # the power of the impulse


@checks("levinson_durbin")
@given(
    frequency=st.floats(0.2, 2.9), order=st.integers(3, 8), loudness=st.sampled_from([1e-6, 5.0, 1e6, 1e9])
)
def test_where_nothing_is_left_to_predict_the_rest_stays_zero(lab, frequency, order, loudness):
    """A pure cosine is predicted by two samples, however loud it is; higher orders add nothing."""
    a, reflection, errors = lab.levinson_durbin(loudness * np.cos(frequency * np.arange(order + 1)))
    np.testing.assert_array_equal(reflection[2:], 0)
    np.testing.assert_allclose(a[:3], [1, -2 * np.cos(frequency), 1], atol=1e-9)
    np.testing.assert_allclose(errors[2:], 0, atol=1e-12 * loudness)


@checks("levinson_durbin")
@pytest.mark.parametrize("loudness", [1e-4, 1e4], ids=["soft", "loud"])
def test_a_tiny_error_that_is_left_is_still_predicted(lab, loudness):
    """An error above a 1e-12th of the power is not nothing."""
    k = np.sqrt(1 - 1e-10)  # the first order leaves 1e-10 of the power, the second half of that
    r = np.array([1.0, k, 0.0])
    r[2] = k**2 - 1e-10 * np.sqrt(0.5)
    reflection = lab.levinson_durbin(loudness * r)[1]
    # r[2] is rounded to 1e-16, a 1e-6th of the error
    assert reflection[1] == pytest.approx(np.sqrt(0.5), rel=1e-4)


@checks("levinson_durbin")
@pytest.mark.parametrize("r", [[], [0.0, 0.0], [-1.0, 0.5]], ids=["empty", "silence", "negative power"])
def test_an_autocorrelation_without_power_is_refused(lab, r):
    with pytest.raises(ValueError):
        lab.levinson_durbin(np.array(r))


@checks("levinson_durbin")
def test_order_zero_predicts_nothing(lab):
    a, reflection, errors = lab.levinson_durbin(np.array([3.0]))
    assert a.tolist() == [1.0] and reflection.shape == (0,) and errors.tolist() == [3.0]


# --- reflection_coefficients -----------------------------------------------------------------------


@checks("reflection_coefficients", visible=True)
def test_stepping_down_from_order_two(lab):
    np.testing.assert_allclose(
        lab.reflection_coefficients(np.array([1.0, -1.0, 0.25])), [-0.8, 0.25], atol=1e-12
    )


@checks("reflection_coefficients")
@given(seed=SEED, order=st.integers(1, 12))
def test_stepping_up_again_gives_the_coefficients_back(lab, seed, order):
    a = stable_filter(np.random.default_rng(seed), order, 0.9)
    reflection = lab.reflection_coefficients(a)
    assert reflection.shape == (order,)
    grown = np.ones(1)
    for k in reflection:
        grown = np.append(grown, 0.0) + k * np.append(0.0, grown[::-1])
    # each step down divides by 1 - k² of at least 0.19: twelve of them lose some eight digits at worst
    np.testing.assert_allclose(grown, a, rtol=1e-6, atol=1e-6)


@checks("reflection_coefficients")
@given(seed=SEED, order=st.integers(1, 8))
def test_what_levinson_and_durbin_found_on_the_way_is_found_again(lab, seed, order):
    frame = np.random.default_rng(seed).normal(size=60)
    r = np.correlate(frame, frame, mode="full")[59 : 60 + order]
    a, reflection, _ = parts.levinson_durbin(r)
    np.testing.assert_allclose(lab.reflection_coefficients(a), reflection, atol=1e-8)


@checks("reflection_coefficients")
@given(seed=SEED, pairs=st.integers(1, 4))
def test_all_below_one_exactly_if_all_poles_lie_inside(lab, seed, pairs):
    rng = np.random.default_rng(seed)
    radius = rng.choice([0.7, 0.9, 1.1, 1.3], pairs)
    poles = radius * np.exp(1j * rng.uniform(0.2, 2.9, pairs))
    a = np.real(np.poly([*poles, *np.conj(poles)]))
    a[0] = 1.0
    reflection = lab.reflection_coefficients(a)
    assert bool(np.all(np.abs(reflection) < 1)) == bool(np.all(radius < 1))


@checks("reflection_coefficients")
@pytest.mark.parametrize(
    "coefficients",
    [[], [2.0, -0.5], [1.0, 0.3, 1.0], [1.0, 0.3, -1.0], [1.0, 1.0], [1.0, -1.0], [1.0, 1.5, 0.5]],
    ids=["empty", "first is two", "plus one", "minus one", "order one", "other sign", "one on the way"],
)
def test_filters_on_the_border_of_stability_and_other_firsts_are_refused(lab, coefficients):
    with pytest.raises(ValueError):
        lab.reflection_coefficients(np.array(coefficients))


# --- lpc_frames ------------------------------------------------------------------------------------


def analysed(samples, order, frame_length, hop_length):
    """The same by scipy: one frame after another, on a long line of zeros."""
    from scipy.linalg import solve_toeplitz

    line = np.concatenate([np.zeros(4 * frame_length), samples, np.zeros(4 * frame_length + hop_length)])
    shape = np.hamming(frame_length)
    coefficients, gains = [], []
    for m in range(-(-len(samples) // hop_length)):
        start = 4 * frame_length + m * hop_length + hop_length // 2 - frame_length // 2
        frame = line[start : start + frame_length] * shape
        r = np.correlate(frame, frame, mode="full")[frame_length - 1 : frame_length + order]
        if r[0] == 0:
            coefficients.append(np.eye(1, order + 1)[0])
            gains.append(0.0)
        else:
            a = np.append(1, -solve_toeplitz(r[:-1], r[1:]))
            coefficients.append(a)
            gains.append(np.sqrt(a @ r / np.sum(shape**2)))
    return np.array(coefficients), np.array(gains)


@checks("lpc_frames")
@given(
    seed=SEED,
    length=st.integers(1, 150),
    frame_length=st.integers(12, 41),
    hop_length=st.integers(1, 60),
    order=st.integers(1, 6),
)
def test_frames_agree_with_scipys_solution_of_each(lab, seed, length, frame_length, hop_length, order):
    samples = np.random.default_rng(seed).normal(size=length)
    coefficients, gains = lab.lpc_frames(samples, order, frame_length, hop_length)
    expected, expected_gains = analysed(samples, order, frame_length, hop_length)
    assert coefficients.shape == expected.shape and gains.shape == expected_gains.shape
    # a frame with few samples in it can be predicted nearly exactly: then digits are lost
    np.testing.assert_allclose(gains, expected_gains, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(coefficients, expected, rtol=1e-4, atol=1e-4)


@checks("lpc_frames", visible=True)
def test_one_row_for_each_hop_that_was_begun(lab):
    coefficients, gains = lab.lpc_frames(np.sin(np.arange(101.0)), 3, 30, 20)
    assert coefficients.shape == (6, 4) and gains.shape == (6,)
    np.testing.assert_array_equal(coefficients[:, 0], 1)


@checks("lpc_frames")
def test_the_gain_of_noise_is_its_root_mean_square(lab, rng):
    size = rng.uniform(0.05, 3)
    _, gains = lab.lpc_frames(size * rng.normal(size=40_000), 2, 4000, 4000)
    # 4000 samples under a window estimate a root mean square to about 1.5 %, ten frames to 0.5 %
    assert np.mean(gains[1:-1]) == pytest.approx(size, rel=0.04)


@checks("lpc_frames")
def test_a_known_mouth_is_found_in_every_frame(lab, rng):
    from scipy.signal import lfilter

    a = all_pole([(rng.uniform(500, 800), 120), (rng.uniform(1500, 2000), 150)], 8000)
    samples = lfilter([1], a, rng.normal(size=24_000))
    coefficients, gains = lab.lpc_frames(samples, 4, 4000, 4000)
    # the error of an estimate from 4000 samples is some 1 / sqrt(4000) of each coefficient
    np.testing.assert_allclose(coefficients[1:-1].mean(axis=0), a, atol=0.1)
    assert np.mean(gains[1:-1]) == pytest.approx(1, rel=0.1)


@checks("lpc_frames")
def test_frames_of_silence_have_no_mouth_and_no_gain(lab):
    samples = np.concatenate([np.zeros(200), np.ones(3), np.zeros(97)])
    coefficients, gains = lab.lpc_frames(samples, 2, 40, 50)
    np.testing.assert_array_equal(coefficients[[0, 1, 2, 5]], np.tile([1.0, 0, 0], (4, 1)))
    np.testing.assert_array_equal(gains[[0, 1, 2, 5]], 0)
    assert gains[4] == 0 or gains[3] == 0


@checks("lpc_frames")
@pytest.mark.parametrize(
    "bad",
    [(0, 2, 20, 10), (50, 0, 20, 10), (50, 20, 20, 10), (50, 2, 20, 0)],
    ids=["no samples", "order 0", "order as long as the frame", "hop of 0"],
)
def test_frames_that_cannot_be_analysed_are_refused(lab, bad):
    length, order, frame_length, hop_length = bad
    with pytest.raises(ValueError):
        lab.lpc_frames(np.arange(1.0, length + 1), order, frame_length, hop_length)


# --- lpc_spectrum ----------------------------------------------------------------------------------


@checks("lpc_spectrum", visible=True)
def test_a_dark_sound_in_three_bins(lab):
    power = lab.lpc_spectrum(np.array([[1.0, -0.9]]), np.array([1.0]), 4)
    np.testing.assert_allclose(power, [[100, 1 / 1.81, 1 / 3.61]], rtol=1e-9)


@checks("lpc_spectrum")
@given(seed=SEED, order=st.integers(0, 8), n_frames=st.integers(1, 4), n_fft=st.integers(9, 40))
def test_power_agrees_with_scipys_frequency_response(lab, seed, order, n_frames, n_fft):
    from scipy.signal import freqz

    rng = np.random.default_rng(seed)
    coefficients = np.array([stable_filter(rng, order, 0.8) for _ in range(n_frames)])
    gains = rng.uniform(0.01, 10, n_frames)
    power = lab.lpc_spectrum(coefficients, gains, n_fft)
    assert power.shape == (n_frames, n_fft // 2 + 1)
    grid = 2 * np.pi * np.arange(n_fft // 2 + 1) / n_fft
    for row, a, gain in zip(power, coefficients, gains, strict=True):
        np.testing.assert_allclose(row, np.abs(freqz([gain], a, worN=grid)[1]) ** 2, rtol=1e-7)


@checks("lpc_spectrum")
def test_the_mean_over_all_frequencies_is_the_power_of_the_sound(lab, rng):
    """Parseval: the mean over the circle is the power of the impulse response, times gain squared."""
    a = all_pole([(700, 150), (1800, 200)], 8000)
    gain = rng.uniform(0.1, 3)
    power = lab.lpc_spectrum(a[None], np.array([gain]), 4096)[0]
    mean = (power[0] + power[-1] + 2 * power[1:-1].sum()) / 4096
    assert mean == pytest.approx(gain**2 * true_autocorrelation(a, 1)[0], rel=1e-6)


@checks("lpc_spectrum")
def test_it_is_the_spectrum_of_the_sound_without_fine_structure(lab, rng):
    from scipy.signal import lfilter

    a = all_pole([(700, 150), (1800, 200)], 8000)
    noise = lfilter([1], a, 0.3 * rng.normal(size=64 * 500))
    measured = np.mean(np.abs(np.fft.rfft(noise.reshape(-1, 500) * np.hamming(500), 512)) ** 2, axis=0)
    measured /= np.sum(np.hamming(500) ** 2)
    power = lab.lpc_spectrum(a[None], np.array([0.3]), 512)[0]
    # 64 frames: each bin is good to 1/8, the mean of 200 bins to 1/50; the window leaks a little
    assert np.mean(np.log(measured[20:220] / power[20:220])) == pytest.approx(0, abs=0.1)


@checks("lpc_spectrum")
def test_an_fft_shorter_than_the_coefficients_is_refused_and_one_as_long_is_not(lab):
    coefficients, gains = np.array([[1.0, -0.5, 0.3, -0.1]]), np.ones(1)
    with pytest.raises(ValueError):
        lab.lpc_spectrum(coefficients, gains, 3)
    assert lab.lpc_spectrum(coefficients, gains, 4)[0, 0] == pytest.approx(1 / 0.7**2)


# --- lpc_residual ----------------------------------------------------------------------------------


def random_frames(seed, n_frames, order):
    rng = np.random.default_rng(seed)
    return rng, np.array([stable_filter(rng, order, 0.7) for _ in range(n_frames)])


@checks("lpc_residual", visible=True)
def test_a_fading_sound_is_one_kick(lab):
    residual = lab.lpc_residual(np.array([1.0, 0.9, 0.81]), np.array([[1.0, -0.9]]), 2)
    np.testing.assert_allclose(residual, [1, 0, 0], atol=1e-12)


@checks("lpc_residual")
@given(
    seed=SEED,
    hop_length=st.integers(1, 20),
    n_frames=st.integers(1, 6),
    order=st.integers(0, 5),
    extra=st.integers(-15, 25),
)
def test_every_sample_meets_the_samples_before_it(lab, seed, hop_length, n_frames, order, extra):
    rng, coefficients = random_frames(seed, n_frames, order)
    samples = rng.normal(size=max(1, n_frames * hop_length + extra))
    residual = lab.lpc_residual(samples, coefficients, hop_length)
    assert residual.shape == samples.shape
    for n in range(len(samples)):
        a = coefficients[min(n // hop_length, n_frames - 1)]
        expected = sum(a[k] * samples[n - k] for k in range(min(order, n) + 1))
        assert residual[n] == pytest.approx(expected, abs=1e-9)


@checks("lpc_residual")
@given(seed=SEED, hop_length=st.integers(1, 60))
def test_equal_frames_are_one_filter_whatever_the_hop(lab, seed, hop_length):
    from scipy.signal import lfilter

    rng, coefficients = random_frames(seed, 1, 6)
    samples = rng.normal(size=120)
    frames = np.tile(coefficients, (ceil(120 / hop_length), 1))
    expected = lfilter(coefficients[0], [1], samples)
    np.testing.assert_allclose(lab.lpc_residual(samples, frames, hop_length), expected, **EXACT)


@checks("lpc_residual")
def test_behind_a_known_mouth_the_source_appears(lab, rng):
    from scipy.signal import lfilter

    a, source = all_pole([(700, 90), (1200, 100), (2600, 150)], 8000), rng.normal(size=400)
    residual = lab.lpc_residual(lfilter([1], a, source), np.tile(a, (8, 1)), 50)
    np.testing.assert_allclose(residual, source, atol=1e-8)


@checks("lpc_residual")
@pytest.mark.parametrize("bad", [(0, 10), (2, 0)], ids=["no frames", "hop of 0"])
def test_residual_needs_frames_and_a_hop(lab, bad):
    with pytest.raises(ValueError):
        lab.lpc_residual(np.ones(10), np.ones((bad[0], 3)), bad[1])


# --- lpc_synthesize --------------------------------------------------------------------------------


@checks("lpc_synthesize", visible=True)
def test_one_kick_fades(lab):
    sound = lab.lpc_synthesize(np.array([1.0, 0.0, 0.0]), np.array([[1.0, -0.9]]), 2)
    np.testing.assert_allclose(sound, [1, 0.9, 0.81], atol=1e-12)


@checks("lpc_synthesize")
@given(
    seed=SEED,
    hop_length=st.integers(1, 20),
    n_frames=st.integers(1, 6),
    order=st.integers(0, 5),
    extra=st.integers(-15, 25),
)
def test_every_output_feeds_on_the_outputs_before_it(lab, seed, hop_length, n_frames, order, extra):
    rng, coefficients = random_frames(seed, n_frames, order)
    source = rng.normal(size=max(1, n_frames * hop_length + extra))
    sound = lab.lpc_synthesize(source, coefficients, hop_length)
    assert sound.shape == source.shape
    expected = []
    for n in range(len(source)):
        a = coefficients[min(n // hop_length, n_frames - 1)]
        expected.append(source[n] - sum(a[k] * expected[n - k] for k in range(1, min(order, n) + 1)))
    np.testing.assert_allclose(sound, expected, rtol=1e-7, atol=1e-8 * max(1, np.abs(expected).max()))


@checks("lpc_synthesize")
@given(seed=SEED, hop_length=st.integers(5, 40))
def test_from_its_own_residual_every_sample_comes_back(lab, seed, hop_length):
    rng, coefficients = random_frames(seed, 6, 6)
    samples = rng.normal(size=6 * hop_length)
    residual = parts.lpc_residual(samples, coefficients, hop_length)
    # the errors of a stable filter of order 6 with |k| < 0.7 grow little
    np.testing.assert_allclose(lab.lpc_synthesize(residual, coefficients, hop_length), samples, atol=1e-8)


@checks("lpc_synthesize")
@given(seed=SEED, hop_length=st.integers(1, 60))
def test_equal_frames_are_scipys_all_pole_filter(lab, seed, hop_length):
    from scipy.signal import lfilter

    rng, coefficients = random_frames(seed, 1, 6)
    source = rng.normal(size=120)
    frames = np.tile(coefficients, (ceil(120 / hop_length), 1))
    expected = lfilter([1], coefficients[0], source)
    np.testing.assert_allclose(lab.lpc_synthesize(source, frames, hop_length), expected, rtol=1e-7, atol=1e-8)


@checks("lpc_synthesize")
@pytest.mark.parametrize("bad", [(0, 10), (2, 0)], ids=["no frames", "hop of 0"])
def test_synthesis_needs_frames_and_a_hop(lab, bad):
    with pytest.raises(ValueError):
        lab.lpc_synthesize(np.ones(10), np.ones((bad[0], 3)), bad[1])


# --- lpc_formants ----------------------------------------------------------------------------------


@checks("lpc_formants", visible=True)
def test_a_pole_at_seven_hundred_hertz(lab):
    pole = 0.97 * np.exp(0.44j)
    found = lab.lpc_formants(np.real(np.poly([pole, pole.conjugate(), 0.5])), 10_000)
    np.testing.assert_allclose(found, [[700.28, 96.96]], atol=0.01)


@checks("lpc_formants")
@given(seed=SEED, count=st.integers(1, 5), sample_rate=st.sampled_from([8000, 10_000, 16_000]))
def test_the_poles_of_a_synthetic_mouth_are_found_exactly(lab, seed, count, sample_rate):
    rng = np.random.default_rng(seed)
    frequencies = 300 + 600 * np.arange(count) + rng.uniform(0, 400, count)
    pairs = list(zip(frequencies, rng.uniform(40, 400, count), strict=True))
    found = lab.lpc_formants(all_pole([pairs[i] for i in rng.permutation(count)], sample_rate), sample_rate)
    assert found.shape == (count, 2)
    # the roots of a polynomial of degree 10 with separated roots keep some eight digits
    np.testing.assert_allclose(found, pairs, rtol=1e-5)


@checks("lpc_formants")
def test_real_roots_and_wide_resonances_are_no_formants(lab, rng):
    narrow, wide = (rng.uniform(600, 900), 120.0), (rng.uniform(1500, 2000), 900.0)
    a = np.convolve(all_pole([narrow, wide], 8000), np.poly([0.9, -0.8]))
    np.testing.assert_allclose(lab.lpc_formants(a, 8000), [narrow], rtol=1e-6)
    np.testing.assert_allclose(lab.lpc_formants(a, 8000, max_bandwidth=1000.0), [narrow, wide], rtol=1e-6)
    assert lab.lpc_formants(a, 8000, max_bandwidth=100.0).shape == (0, 2)


@checks("lpc_formants")
def test_what_is_close_to_either_end_of_the_spectrum_is_left_out(lab):
    a = all_pole([(80, 60.0), (1000, 60.0), (3925, 60.0)], 8000)
    np.testing.assert_allclose(lab.lpc_formants(a, 8000)[:, 0], [1000], rtol=1e-6)
    np.testing.assert_allclose(
        lab.lpc_formants(a, 8000, min_frequency=70.0)[:, 0], [80, 1000, 3925], rtol=1e-5
    )
    edges = all_pole([(100, 60.0), (3900, 60.0)], 8000)
    np.testing.assert_allclose(lab.lpc_formants(edges, 8000)[:, 0], [100, 3900], rtol=1e-5)


@checks("lpc_formants")
def test_without_further_words_seven_hundred_hertz_is_too_wide(lab):
    a = all_pole([(1000, 680.0), (2500, 720.0)], 8000)
    np.testing.assert_allclose(lab.lpc_formants(a, 8000), [[1000, 680]], rtol=1e-6)


@checks("lpc_formants")
def test_roots_outside_the_circle_are_left_out(lab):
    outside = 1.05 * np.exp(0.6j)
    a = np.convolve(all_pole([(2000, 100.0)], 8000), np.real(np.poly([outside, outside.conjugate()])))
    np.testing.assert_allclose(lab.lpc_formants(a, 8000), [[2000, 100]], rtol=1e-6)


@checks("lpc_formants")
def test_without_resonances_the_answer_is_empty_with_two_columns(lab):
    assert lab.lpc_formants(np.array([1.0]), 8000).shape == (0, 2)
    assert lab.lpc_formants(np.poly([0.5, 0.3]), 8000).shape == (0, 2)


@checks("lpc_formants")
def test_a_first_coefficient_of_zero_is_refused(lab):
    with pytest.raises(ValueError):
        lab.lpc_formants(np.array([0.0, 1.0, 0.5]), 8000)


# --- track_formants --------------------------------------------------------------------------------

WEIGHTS = (0.001, 1.0, 2.0)


def random_candidates(rng, n_frames, least, most):
    frames = []
    for _ in range(n_frames):
        count = int(rng.integers(least, most + 1))
        frequency = np.sort(rng.uniform(150, 4000, count))
        frames.append(np.stack([frequency, rng.uniform(30, 600, count)], axis=1))
    return frames


def cost_of(rows_of_frames, nominal, weights):
    """Total cost of one path: for each usable frame, the chosen rows."""
    per_bandwidth, per_distance, per_jump = weights
    cost, before = 0.0, None
    for rows in rows_of_frames:
        cost += per_bandwidth * rows[:, 1].sum()
        cost += per_distance * np.sum(np.abs(rows[:, 0] - nominal) / nominal)
        if before is not None:
            cost += per_jump * np.sum(np.abs(rows[:, 0] - before) / nominal)
        before = rows[:, 0]
    return cost


@oracle
def least_cost(options, nominal, weights):
    """Of all paths through the options of each frame."""
    return min(cost_of(path, nominal, weights) for path in itertools.product(*options))


def assert_no_path_is_cheaper(track, candidates, nominal, weights):
    """The track is made of candidates, ascending, NaN where too few are, and costs the least."""
    assert track.shape == (len(candidates), len(nominal))
    options, chosen = [], []
    for rows, found in zip(candidates, track, strict=True):
        if len(rows) < len(nominal):
            assert np.all(np.isnan(found))
            continue
        which = [int(np.flatnonzero(rows[:, 0] == value)[0]) for value in found]
        assert which == sorted(set(which))
        chosen.append(rows[which])
        options.append(
            [rows[list(picks)] for picks in itertools.combinations(range(len(rows)), len(nominal))]
        )
    best = least_cost(options, nominal, weights)
    # sums of some twenty terms of size one; equally cheap paths are equally good
    assert cost_of(chosen, nominal, weights) <= best + 1e-9


@checks("track_formants", visible=True)
def test_the_way_round_by_nine_hundred_hertz_is_not_taken(lab):
    frames = [np.array([[500.0, 50.0]]), np.array([[480.0, 50.0], [900.0, 40.0]]), np.array([[500.0, 50.0]])]
    np.testing.assert_array_equal(lab.track_formants(frames, np.array([500.0])), [[500], [480], [500]])


@checks("track_formants")
@given(seed=SEED, n_frames=st.integers(1, 4), n=st.integers(1, 3))
def test_no_path_of_all_paths_is_cheaper(lab, seed, n_frames, n):
    rng = np.random.default_rng(seed)
    candidates = random_candidates(rng, n_frames, n, 5)
    nominal = np.array([500.0, 1500.0, 2500.0])[:n]
    track = lab.track_formants(candidates, nominal)
    assert_no_path_is_cheaper(track, candidates, nominal, WEIGHTS)


@checks("track_formants")
@given(seed=SEED, bandwidth=st.floats(0, 0.01), distance=st.floats(0, 3), jump=st.floats(0.01, 5))
def test_the_weights_weigh_what_they_are_named_after(lab, seed, bandwidth, distance, jump):
    candidates = random_candidates(np.random.default_rng(seed), 4, 2, 4)
    nominal = np.array([600.0, 1800.0])
    track = lab.track_formants(candidates, nominal, bandwidth, distance, jump)
    assert_no_path_is_cheaper(track, candidates, nominal, (bandwidth, distance, jump))


@checks("track_formants")
@given(seed=SEED)
def test_frames_with_too_few_candidates_are_stepped_over(lab, seed):
    candidates = random_candidates(np.random.default_rng(seed), 4, 1, 4)
    candidates.insert(3, np.zeros((0, 2)))
    candidates.insert(2, np.array([[500.0, 50.0], [1500.0, 50.0]]))
    nominal = np.array([500.0, 1500.0])
    track = lab.track_formants(candidates, nominal)
    assert_no_path_is_cheaper(track, candidates, nominal, WEIGHTS)


@checks("track_formants")
def test_a_false_resonance_for_one_frame_does_not_rename_the_others(lab, rng):
    lines = np.stack([500 + 5 * np.arange(30), 1500 - 8 * np.arange(30), 2500 + 3 * np.arange(30)], axis=1)
    candidates = [np.stack([row, np.full(3, 80.0)], axis=1) for row in lines]
    at = int(rng.integers(5, 25))
    candidates[at] = np.vstack([[[rng.uniform(230, 300), 60.0]], candidates[at]])
    np.testing.assert_array_equal(lab.track_formants(candidates, np.array([500.0, 1500.0, 2500.0])), lines)


@checks("track_formants")
def test_what_comes_later_can_change_what_was_chosen_before(lab):
    """The path is the best as a whole: a later frame can decide an earlier one."""
    frames = [np.array([[400.0, 50.0], [620.0, 50.0]])] + 2 * [np.array([[640.0, 50.0]])]
    # the first frame alone would take 400 (100 from 500, not 120); then it would have to jump
    np.testing.assert_array_equal(lab.track_formants(frames, np.array([500.0])), [[620], [640], [640]])


@checks("track_formants")
def test_a_choice_of_the_middle_is_good_only_with_all_its_neighbours(lab):
    first, last = np.array([[400.0, 0.0], [620.0, 0.0]]), np.array([[640.0, 0.0]])
    middle = np.array([[500.0, 200.0], [640.0, 0.0]])
    # by hand: 620, 640, 640 costs 0.24 + 0.28 + 0.08 + 0.28; from 400 alone, 500 would be nearer
    track = lab.track_formants([first, middle, last], np.array([500.0]))
    np.testing.assert_array_equal(track, [[620], [640], [640]])


@checks("track_formants")
def test_without_any_usable_frame_nothing_is_tracked(lab):
    track = lab.track_formants([np.zeros((0, 2)), np.array([[500.0, 50.0]])], np.array([500.0, 1500.0]))
    assert track.shape == (2, 2) and np.all(np.isnan(track))


@checks("track_formants")
def test_no_typical_frequencies_are_refused(lab):
    with pytest.raises(ValueError):
        lab.track_formants([np.array([[500.0, 50.0]])], np.zeros(0))


# --- target_tracks ---------------------------------------------------------------------------------


def value_by_the_rule(time, durations, targets, transitions):
    """One parameter at one time, straight from the words."""
    ends = np.cumsum(durations)
    for border in range(len(transitions)):
        reach = min(transitions[border] / 2, durations[border] / 2, durations[border + 1] / 2)
        if abs(time - ends[border]) < reach:
            share = (time - ends[border] + reach) / (2 * reach)
            return (1 - share) * targets[border] + share * targets[border + 1]
    return targets[min(int(np.searchsorted(ends, time)), len(targets) - 1)]


@checks("target_tracks", visible=True)
def test_the_worked_transition(lab):
    tracks = lab.target_tracks(np.array([0.1, 0.3]), np.array([[1700.0], [1200.0]]), np.array([0.08]), 0.04)
    np.testing.assert_allclose(tracks[:, 0], [1700, 1700, 1450] + 7 * [1200], atol=1e-6)


@checks("target_tracks")
@given(seed=SEED, n_segments=st.integers(1, 6), n_parameters=st.integers(1, 3))
def test_values_follow_the_rule_at_the_middle_of_each_frame(lab, seed, n_segments, n_parameters):
    rng = np.random.default_rng(seed)
    durations, hop = rng.uniform(0.02, 0.3, n_segments), rng.uniform(0.003, 0.012)
    targets = rng.uniform(200, 3000, (n_segments, n_parameters))
    transitions = rng.uniform(0, 0.3, n_segments - 1)
    tracks = lab.target_tracks(durations, targets, transitions, hop)
    assert tracks.shape == (round(durations.sum() / hop), n_parameters)
    for column in range(n_parameters):
        expected = [
            value_by_the_rule((m + 0.5) * hop, durations, targets[:, column], transitions)
            for m in range(len(tracks))
        ]
        np.testing.assert_allclose(tracks[:, column], expected, atol=1e-6)


@checks("target_tracks")
def test_a_short_segment_is_reached_for_a_moment_only(lab):
    tracks = lab.target_tracks(
        np.array([0.1, 0.02, 0.1]), np.array([[0.0], [10.0], [0.0]]), np.array([0.08, 0.08]), 0.002
    )[:, 0]
    # the lines reach 0.01 s into each side: from 0.09 to 0.11 s up, from 0.11 to 0.13 s down
    times = (np.arange(110) + 0.5) * 0.002
    np.testing.assert_allclose(tracks, np.maximum(0, 10 - np.abs(times - 0.11) * 500), atol=1e-6)


@checks("target_tracks")
def test_without_a_transition_the_value_steps(lab):
    tracks = lab.target_tracks(np.array([0.1, 0.1]), np.array([[1.0], [2.0]]), np.array([0.0]), 0.01)
    np.testing.assert_allclose(tracks[:, 0], 10 * [1] + 10 * [2], atol=1e-9)


@checks("target_tracks")
def test_one_segment_is_a_constant(lab):
    tracks = lab.target_tracks(np.array([0.05]), np.array([[3.0, 4.0]]), np.zeros(0), 0.01)
    np.testing.assert_allclose(tracks, np.tile([3.0, 4.0], (5, 1)))


@checks("target_tracks")
@pytest.mark.parametrize(
    "bad",
    [(2, 3, 1), (2, 2, 2), (2, 2, 0), (0, 0, 0)],
    ids=["more targets", "more transitions", "fewer transitions", "nothing"],
)
def test_numbers_of_segments_that_do_not_fit_are_refused(lab, bad):
    with pytest.raises(ValueError):
        lab.target_tracks(np.full(bad[0], 0.1), np.ones((bad[1], 2)), np.full(bad[2], 0.01), 0.005)


@checks("target_tracks")
@pytest.mark.parametrize("duration", [0.0, -0.1], ids=["zero", "negative"])
def test_durations_must_be_positive(lab, duration):
    with pytest.raises(ValueError):
        lab.target_tracks(np.array([0.1, duration]), np.ones((2, 1)), np.array([0.01]), 0.005)


# --- formant_synthesize ----------------------------------------------------------------------------

PHONES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH AX "
    "SIL"
).split()


@oracle
def spoken_by_steps(phones, f0, sample_rate, seed):
    """The five steps, sample by sample, with nothing of the lab but its table and its tracks."""
    durations, targets, transitions = parts.segments_of(phones)
    tube = parts.target_tracks(durations, targets[:, :6], transitions, 0.005)
    rest = parts.target_tracks(durations, targets[:, 6:], np.full(len(transitions), 0.015), 0.005)
    hop, n_frames = round(0.005 * sample_rate), len(tube)
    length = n_frames * hop
    noise = np.random.default_rng(seed).normal(size=length)
    levels = np.zeros((length, 3))
    for n in range(length):
        place = np.clip(n / hop - 0.5, 0, n_frames - 1)
        left = min(int(place), n_frames - 1)
        right = min(left + 1, n_frames - 1)
        levels[n] = (1 - (place - left)) * rest[left, :3] + (place - left) * rest[right, :3]
    melody = []
    for m in range(n_frames):
        place = m / max(n_frames - 1, 1) * (len(f0) - 1)
        left = min(int(place), len(f0) - 1)
        right = min(left + 1, len(f0) - 1)
        melody.append((1 - (place - left)) * f0[left] + (place - left) * f0[right])
    flow = flow_by_steps(np.array(melody), hop, sample_rate)
    before = np.append(0.0, flow[:-1])
    output = levels[:, 0] * (flow - before) * sample_rate / 1000 + levels[:, 1] * noise
    for i in range(3):
        output = resonate_by_steps(output, tube[:, i], tube[:, 3 + i], hop, sample_rate)
    for frequency, bandwidth in ((3300, 250), (3850, 200), (4900, 1000)):
        if frequency < 0.45 * sample_rate:
            output = resonate_by_steps(output, [frequency], [bandwidth], length, sample_rate)
    output = output + levels[:, 2] * parts.one_band_noise(noise, rest[:, 3], rest[:, 4], hop, sample_rate)
    largest = np.abs(output).max()
    return output / largest * 0.7 if largest > 0 else output


@checks("formant_synthesize", visible=True)
def test_hi_has_as_many_samples_as_its_phones_and_a_largest_of_seven_tenths(lab):
    samples = lab.formant_synthesize([("HH", 0.08), ("AY", 0.3)], np.array([120.0, 90.0]), 16_000)
    assert samples.shape == (6080,)
    assert np.abs(samples).max() == pytest.approx(0.7, rel=1e-9)


@checks("formant_synthesize")
@pytest.mark.parametrize("sample_rate", [8000, 10_000, 16_000, 22_050])
def test_speech_is_wired_as_the_five_steps_say(lab, rng, sample_rate):
    names = [str(name) for name in rng.permutation(PHONES)[:3]] + ["T", "AY", "S"]
    phones = [(name, float(rng.uniform(0.02, 0.05))) for name in names]
    f0, seed = rng.uniform(80, 250, 4), int(rng.integers(1000))
    samples = lab.formant_synthesize(phones, f0, sample_rate, seed)
    expected = spoken_by_steps(phones, f0, sample_rate, seed)
    assert samples.shape == expected.shape
    # seven resonators in a row, each good to 1e-12 of the largest value
    np.testing.assert_allclose(samples, expected, atol=1e-7)


@checks("formant_synthesize")
@pytest.mark.parametrize("sample_rate", [8000, 11_025])
def test_all_phones_can_be_said_one_after_another(lab, sample_rate):
    phones = [(name, 0.03) for name in PHONES]
    samples = lab.formant_synthesize(phones, np.array([110.0]), sample_rate)
    np.testing.assert_allclose(samples, spoken_by_steps(phones, np.array([110.0]), sample_rate, 0), atol=1e-7)
    for number, name in enumerate(PHONES):
        middle = samples[int((number + 0.3) * 0.03 * sample_rate) : int((number + 1) * 0.03 * sample_rate)]
        if name != "SIL":
            assert np.abs(middle).max() > 1e-4, name


@checks("formant_synthesize")
@pytest.mark.parametrize("vowel", ["IY", "EH", "AE", "UW"])
def test_the_formants_of_a_vowel_can_be_measured_in_it(lab, rng, vowel):
    from scipy.linalg import solve_toeplitz

    f0 = rng.uniform(90, 120)
    samples = lab.formant_synthesize([(vowel, 0.4)], np.array([f0]), 10_000)
    piece = np.diff(samples)[3000:3600] * np.hamming(600)
    r = np.correlate(piece, piece, mode="full")[599:612]
    roots = np.roots(np.append(1, -solve_toeplitz(r[:-1], r[1:])))
    roots = roots[(roots.imag > 0) & (np.abs(roots) > 0.8)]
    found = np.angle(roots) * 10_000 / (2 * np.pi)
    targets = parts.segments_of([(vowel, 0.4)])[1][-1, :2]
    for target in targets:
        # linear prediction is off by up to half an overtone
        assert np.abs(found - target).min() < max(60, 0.1 * target)


@checks("formant_synthesize")
def test_the_pitch_follows_the_contour(lab, rng):
    begin, end = rng.uniform(90, 120), rng.uniform(160, 200)
    samples = lab.formant_synthesize([("AA", 1.0)], np.array([begin, end]), 8000)

    def pitch(middle):
        piece = samples[middle - 240 : middle + 240]
        r = np.correlate(piece, piece, mode="full")[479:]
        lags = np.arange(32, 107)  # 75 to 250 Hz
        return 8000 / lags[np.argmax(r[lags])]

    for place in (0.1, 0.5, 0.9):
        # a lag is good to a sample, which at 200 Hz is 2.5 %; the pitch moves by up to 5 % within a piece
        assert pitch(int(8000 * place)) == pytest.approx(begin + place * (end - begin), rel=0.08)


@checks("formant_synthesize")
def test_an_s_is_all_treble_and_has_no_pitch(lab):
    """The noise of an s does not pass through the formants and no voice is in it."""
    samples = lab.formant_synthesize([("S", 0.3)], np.array([100.0]), 16_000)
    power = np.abs(np.fft.rfft(samples[800:4000] * np.hanning(3200))) ** 2
    hertz = np.fft.rfftfreq(3200, 1 / 16_000)
    assert power[hertz > 3500].sum() > 0.9 * power.sum()
    assert power[hertz < 1000].sum() < 0.01 * power.sum()


@checks("formant_synthesize")
def test_a_creak_of_less_than_a_hertz_is_still_a_voice(lab):
    samples = lab.formant_synthesize([("IY", 0.3)], np.array([0.9]), 8000)
    np.testing.assert_allclose(samples, spoken_by_steps([("IY", 0.3)], np.array([0.9]), 8000, 0), atol=1e-7)


@checks("formant_synthesize")
def test_silence_is_silent(lab):
    np.testing.assert_array_equal(
        lab.formant_synthesize([("SIL", 0.1)], np.array([100.0]), 8000), np.zeros(800)
    )


@checks("formant_synthesize")
def test_the_seed_decides_the_noise_and_nothing_else(lab):
    phones, f0 = [("S", 0.1), ("IY", 0.1)], np.array([100.0])
    first, same, other = (lab.formant_synthesize(phones, f0, 8000, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first[:700] - other[:700]).max() > 0.01
    vowel, again = (lab.formant_synthesize([("IY", 0.1)], f0, 8000, seed) for seed in (5, 6))
    np.testing.assert_allclose(vowel, again, atol=1e-12)


@checks("formant_synthesize")
@pytest.mark.parametrize(
    "bad",
    [
        ([("QQ", 0.1)], [100.0], 8000),
        ([("iy", 0.1)], [100.0], 8000),
        ([("IY", 0.1), ("S", 0.0)], [100.0], 8000),
        ([("IY", -0.1)], [100.0], 8000),
        ([], [100.0], 8000),
        ([("IY", 0.1)], [], 8000),
        ([("IY", 0.1)], [100.0, 0.0], 8000),
        ([("IY", 0.1)], [100.0], 7999),
    ],
    ids=[
        "unknown phone", "small letters", "no duration", "negative duration", "no phones", "no melody",
        "a melody with a zero", "too few samples a second",
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(lab, bad):
    with pytest.raises(ValueError):
        lab.formant_synthesize(bad[0], np.array(bad[1]), bad[2])


# --- pictures and sounds -----------------------------------------------------------------------------


@picture("rosenberg_flow")
def flow_over_phase(output, phase, *args, **options):
    order = np.argsort(np.ravel(phase))
    return plot.lines(
        {"your flow": (np.ravel(phase)[order], np.ravel(output)[order])},
        x_label="phase",
        y_label="flow",
        title="Your flow: up slowly, down fast, then closed",
    )


@picture("glottal_flow")
def flow_over_time(output, f0, hop_length, sample_rate):
    return plot.waveform(output[:2000], sample_rate, title="Your flow: one puff per period, no jumps")


@sound("resonate")
def resonance(output, samples, frequencies, bandwidths, hop_length, sample_rate):
    return {"input": samples, "yours": output / (np.abs(output).max() or 1)}, sample_rate


@picture("lpc_spectrum")
def envelopes(output, coefficients, gains, n_fft):
    return plot.lines(
        {f"frame {m}": 10 * np.log10(np.maximum(row, 1e-12)) for m, row in enumerate(output[:4])},
        x_label="bin",
        y_label="power [dB]",
        title="Your envelopes",
    )


@picture("track_formants")
def tracks(output, candidates, nominal, *args, **options):
    return plot.lines(
        {f"formant {i + 1}": output[:, i] for i in range(output.shape[1])},
        x_label="frame",
        y_label="frequency [Hz]",
        title="Your tracks: smooth where a tongue could follow",
    )


@picture("target_tracks")
def targets_over_time(output, durations, targets, transitions, hop_seconds):
    seconds = (np.arange(len(output)) + 0.5) * hop_seconds
    return plot.lines(
        {f"parameter {i}": (seconds, output[:, i]) for i in range(output.shape[1])},
        x_label="time [s]",
        title="Your tracks: targets held, straight lines around the borders",
    )


@sound("formant_synthesize")
def speech(output, phones, f0, sample_rate, *args, **options):
    return {"yours": output / (np.abs(output).max() or 1) * 0.7}, sample_rate
