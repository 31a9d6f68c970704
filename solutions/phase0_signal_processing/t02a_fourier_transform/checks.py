"""Hidden checks of the lab on the Fourier transform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, picture, sound

# Transforms of at most a thousand numbers of size 1: 1000 roundings of 1e-16 in sums of size up to 100.
EXACT = {"rtol": 1e-9, "atol": 1e-10}

SEEDS = st.integers(0, 10**6)
POWERS = st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256])
NAMES = pytest.mark.parametrize("name", ["hann", "hamming", "blackman"])


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def complex_noise(seed, *shape):
    return noise(seed, *shape) + 1j * noise(seed + 1, *shape)


def assert_same(found, expected, **tolerance):
    """Shapes first, since arrays of other shapes may broadcast."""
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, **(tolerance or EXACT))


# --- dft ---------------------------------------------------------------------------------------------


@checks("dft", visible=True)
def test_a_wave_of_whole_turns_shows_in_its_own_bin_alone(lab):
    """A complex wave that turns 3 times in 8 samples must give 8 in bin 3 and nothing elsewhere."""
    wave = np.exp(2j * np.pi * 3 * np.arange(8) / 8)
    assert_same(lab.dft(wave), [0, 0, 0, 8, 0, 0, 0, 0])


@checks("dft")
@given(seed=SEEDS, length=st.integers(1, 90))
def test_transform_is_that_of_numpy_for_any_length(lab, seed, length):
    samples = complex_noise(seed, length)
    assert_same(lab.dft(samples), np.fft.fft(samples))


@checks("dft")
@given(seed=SEEDS, length=st.integers(2, 60))
def test_spectrum_of_real_samples_is_its_own_mirror_image(lab, seed, length):
    """Of real samples, bin N − k must be the conjugate of bin k."""
    spectrum = np.asarray(lab.dft(noise(seed, length)))
    assert spectrum.shape == (length,)
    np.testing.assert_allclose(spectrum[1:], np.conj(spectrum[:0:-1]), **EXACT)
    assert np.abs(spectrum).max() > 0


@checks("dft")
def test_integer_samples_are_transformed(lab, rng):
    samples = rng.integers(-20_000, 20_000, size=25).astype(np.int16)
    assert_same(lab.dft(samples), np.fft.fft(samples.astype(float)))


@checks("dft")
def test_thousand_samples_keep_eleven_digits(lab, rng):
    """With 1500 samples, the result must still be right to eleven digits or so."""
    # exp(-2πi m/N) at m up to 1500² carries an error of 1e-16 · 2π · 1500 = 1e-12 per term even where the
    # turns are not taken off; 1500 such terms add up to 4e-11 at random, to 1e-9 in the very worst case
    samples = rng.normal(size=1500)
    assert_same(lab.dft(samples), np.fft.fft(samples), rtol=0, atol=1e-9)


@checks("dft")
@pytest.mark.parametrize("shape", [(0,), (3, 4)], ids=["nothing", "a matrix"])
def test_what_is_no_signal_is_refused(lab, shape):
    """No samples at all, or a matrix, must raise ValueError."""
    with pytest.raises(ValueError):
        lab.dft(np.zeros(shape))


@picture("dft")
def magnitudes(output, samples):
    from labkit import plot

    return plot.lines({"|your X|": np.abs(output)}, x_label="bin", y_label="magnitude", title="your DFT")


# --- fft_radix2 --------------------------------------------------------------------------------------


@checks("fft_radix2", visible=True)
def test_first_two_lengths_by_hand(lab):
    """One number is its own transform; two numbers give their sum and their difference."""
    assert_same(lab.fft_radix2(np.array([5.0])), [5])
    assert_same(lab.fft_radix2(np.array([5.0, 2.0])), [7, 3])


@checks("fft_radix2")
@given(seed=SEEDS, length=POWERS)
def test_fast_transform_is_that_of_numpy(lab, seed, length):
    samples = complex_noise(seed, length)
    assert_same(lab.fft_radix2(samples), np.fft.fft(samples))


@checks("fft_radix2")
@given(seed=SEEDS, first=st.integers(1, 4), second=st.integers(1, 4), length=st.sampled_from([1, 2, 8, 32]))
def test_every_row_is_transformed_by_itself(lab, seed, first, second, length):
    samples = noise(seed, first, second, length)
    assert_same(lab.fft_radix2(samples), np.fft.fft(samples, axis=-1))


@checks("fft_radix2")
@given(seed=SEEDS, shift=st.integers(0, 31))
def test_rotated_signal_has_the_same_magnitudes_and_turned_phases(lab, seed, shift):
    """Rotating the samples by s must multiply bin k by exp(−2πi k s / N)."""
    samples = noise(seed, 32)
    turned = np.asarray(lab.fft_radix2(samples)) * np.exp(-2j * np.pi * np.arange(32) * shift / 32)
    assert_same(lab.fft_radix2(np.roll(samples, shift)), turned)


@checks("fft_radix2")
def test_sixty_five_thousand_samples_need_no_matrix(lab, rng):
    """65 536 samples must be transformed: a matrix of all waves would fill 64 GB."""
    samples = rng.normal(size=2**16)
    # numpy's own error is 1e-16 · √16 · 256; ours may double it at each of 16 steps at worst
    assert_same(lab.fft_radix2(samples), np.fft.fft(samples), rtol=0, atol=1e-8)


@checks("fft_radix2")
def test_samples_that_were_given_stay_as_they_were(lab, rng):
    samples = complex_noise(int(rng.integers(10**6)), 16)
    kept = samples.copy()
    first = lab.fft_radix2(samples)
    np.testing.assert_array_equal(samples, kept)
    assert_same(lab.fft_radix2(samples), first)


@checks("fft_radix2")
def test_integers_are_transformed_fast_too(lab, rng):
    """16-bit integers must not overflow or be rounded."""
    samples = rng.integers(-30_000, 30_000, size=(2, 16)).astype(np.int16)
    assert_same(lab.fft_radix2(samples), np.fft.fft(samples.astype(float)))


@checks("fft_radix2")
@pytest.mark.parametrize("length", [0, 3, 6, 12, 100])
def test_length_that_is_no_power_of_two_is_refused(lab, length):
    for shape in ((length,), (4, length)):
        with pytest.raises(ValueError):
            lab.fft_radix2(np.zeros(shape))


@picture("fft_radix2")
def fast_magnitudes(output, samples):
    from labkit import plot

    row = np.abs(output).reshape(-1, np.shape(output)[-1])[0]
    return plot.lines({"|your X|": row}, x_label="bin", y_label="magnitude", title="your FFT, first row")


# --- inverse_fft -------------------------------------------------------------------------------------


@checks("inverse_fft", visible=True)
def test_single_bin_becomes_its_wave(lab):
    """4 in bin 1 of 4 must become one turn: 1, i, −1, −i."""
    assert_same(lab.inverse_fft(np.array([0, 4, 0, 0], dtype=complex)), [1, 1j, -1, -1j])


@checks("inverse_fft")
@given(seed=SEEDS, rows=st.integers(1, 3), length=POWERS)
def test_inverse_transform_is_that_of_numpy(lab, seed, rows, length):
    spectrum = complex_noise(seed, rows, length)
    assert_same(lab.inverse_fft(spectrum), np.fft.ifft(spectrum, axis=-1))


@checks("inverse_fft")
@given(seed=SEEDS, length=POWERS)
def test_there_and_back_is_where_it_began(lab, reference, seed, length):
    samples = complex_noise(seed, length)
    assert_same(lab.inverse_fft(reference.fft_radix2(samples)), samples)


@checks("inverse_fft")
@pytest.mark.parametrize("length", [0, 5, 12])
def test_spectrum_of_another_length_is_refused(lab, length):
    """A length that is no power of two must raise ValueError."""
    with pytest.raises(ValueError):
        lab.inverse_fft(np.zeros(length, dtype=complex))


# --- window ------------------------------------------------------------------------------------------


@checks("window", visible=True)
def test_four_weights_of_each_window(lab):
    """With 4 weights in one period, each window must be its formula at 0, ¼, ½ and ¾ of a turn."""
    expected = {"hann": [0, 0.5, 1, 0.5], "hamming": [0.08, 0.54, 1, 0.54], "blackman": [0, 0.34, 1, 0.34]}
    for name, weights in expected.items():
        assert_same(lab.window(name, 4), weights, atol=1e-12)


@checks("window")
@NAMES
@given(length=st.integers(2, 200), periodic=st.booleans())
def test_window_is_that_of_scipy(lab, name, length, periodic):
    from scipy.signal import get_window

    assert_same(lab.window(name, length, periodic), get_window(name, length, fftbins=periodic), atol=1e-12)


@checks("window")
@NAMES
def test_periodic_is_what_you_get_without_asking(lab, name):
    """Without `periodic`, the window must be the periodic one."""
    from scipy.signal import get_window

    assert_same(lab.window(name, 11), get_window(name, 11), atol=1e-12)


@checks("window")
@NAMES
@given(length=st.integers(2, 100))
def test_symmetric_window_is_the_same_backwards(lab, name, length):
    weights = np.asarray(lab.window(name, length, periodic=False))
    assert_same(weights, weights[::-1], atol=1e-12)
    # it is the periodic one of one weight less, closed by its first weight
    assert_same(weights[:-1], lab.window(name, length - 1, True) if length > 2 else weights[:1], atol=1e-12)


@checks("window")
@given(halves=st.integers(1, 40))
def test_periodic_hann_windows_half_a_length_apart_add_up_to_one(lab, halves):
    weights = np.asarray(lab.window("hann", 2 * halves))
    assert weights.shape == (2 * halves,)
    np.testing.assert_allclose(weights[:halves] + weights[halves:], 1, atol=1e-12)


@checks("window")
@NAMES
@pytest.mark.parametrize("periodic", [True, False], ids=["periodic", "symmetric"])
def test_window_of_one_weight_is_one(lab, name, periodic):
    assert_same(lab.window(name, 1, periodic), [1.0], atol=1e-12)


@checks("window")
@pytest.mark.parametrize(
    ("name", "length"),
    [("hanning", 8), ("", 8), ("hann", 0), ("blackman", -3)],
    ids=["another name", "no name", "no weight", "fewer than none"],
)
def test_unknown_name_or_no_length_is_refused(lab, name, length):
    with pytest.raises(ValueError):
        lab.window(name, length)


@picture("window")
def weights_drawn(output, name, length, *args, **options):
    from labkit import plot

    return plot.lines({f"your {name}": output}, x_label="n", y_label="weight", title="your window")


# --- leakage -----------------------------------------------------------------------------------------

# Harris 1978, table I, highest side lobe; widths between the first zeros: Oppenheim & Schafer, table 7.2
PUBLISHED = {"boxcar": (2, -13), "hann": (4, -32), "hamming": (4, -43), "blackman": (6, -58)}


def window_of(name, length):
    from scipy.signal import get_window

    return get_window(name, length)


@checks("leakage")
@pytest.mark.parametrize("name", list(PUBLISHED))
def test_published_table_is_met(lab, name):
    """Rectangle, Hann, Hamming and Blackman must have the widths and side lobes of Harris's table."""
    width, level = lab.leakage(window_of(name, 128))
    assert width == pytest.approx(PUBLISHED[name][0], abs=0.05)  # one point is 1/64 bin, on both sides
    assert level == pytest.approx(PUBLISHED[name][1], abs=0.6)  # the table is rounded to whole decibels


@checks("leakage")
@pytest.mark.parametrize("name", ["boxcar", "hann", "hamming", "blackman"])
@given(length=st.integers(8, 150))
def test_both_numbers_agree_with_a_walk_along_the_spectrum(lab, name, length):
    """Walk from 0 Hz down to the first point where the spectrum rises again; then find the highest."""
    weights = window_of(name, length)
    n_fft = 1
    while n_fft < 64 * length:
        n_fft *= 2
    size = np.abs(np.fft.rfft(weights, n_fft))
    foot = 0
    while size[foot + 1] < size[foot]:
        foot += 1
    width, level = lab.leakage(weights)
    assert width == pytest.approx(2 * foot * length / n_fft, rel=1e-9)
    assert level == pytest.approx(20 * np.log10(max(size[foot:]) / size[0]), abs=1e-6)


@checks("leakage")
@given(gain=st.floats(0.01, 100))
def test_louder_window_leaks_no_more(lab, gain):
    """Scaling a window must change neither number."""
    width, level = lab.leakage(gain * window_of("hamming", 40))
    same_width, same_level = lab.leakage(window_of("hamming", 40))
    assert width == pytest.approx(same_width, rel=1e-9)
    assert level == pytest.approx(same_level, abs=1e-6)
    assert level < -30


@checks("leakage")
@given(end=st.floats(0.3, 0.95))
def test_side_lobe_at_half_the_sample_rate_counts(lab, end):
    """1, 0, c fall to 1 − c at a quarter of the sample rate and rise to 1 + c again at half of it."""
    width, level = lab.leakage(np.array([1.0, 0.0, end]))
    assert width == pytest.approx(1.5, abs=0.05)  # twice a quarter, in bins of 1/3
    assert level == pytest.approx(0.0, abs=1e-6)


@checks("leakage")
def test_spectrum_that_only_falls_has_no_side_lobe(lab):
    """|1 + ½ e^(−iω)| falls all the way to half the sample rate: there is no side lobe, so ValueError."""
    with pytest.raises(ValueError):
        lab.leakage(np.array([1.0, 0.5]))


@checks("leakage")
@pytest.mark.parametrize("shape", [(0,), (1,), (4, 4)], ids=["nothing", "one weight", "a matrix"])
def test_too_few_weights_are_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.leakage(np.ones(shape))


# --- circular_convolve -------------------------------------------------------------------------------


@checks("circular_convolve", visible=True)
def test_echo_of_one_sample_turns_the_signal_round(lab):
    """Convolving with a click at position 1 must rotate the signal by one: the end comes to the front."""
    click = np.array([0.0, 1.0, 0.0, 0.0])
    assert_same(lab.circular_convolve(np.array([1.0, 2.0, 3.0, 4.0]), click), [4, 1, 2, 3])


@checks("circular_convolve")
@given(seed=SEEDS, length=st.sampled_from([1, 2, 4, 8, 16, 32]))
def test_result_is_the_sum_over_all_pairs(lab, seed, length):
    first, second = noise(seed, length), noise(seed + 1, length)
    expected = [sum(first[m] * second[(n - m) % length] for m in range(length)) for n in range(length)]
    assert_same(lab.circular_convolve(first, second), expected)


@checks("circular_convolve")
@given(seed=SEEDS)
def test_order_of_the_two_does_not_matter(lab, seed):
    first, second = noise(seed, 64), noise(seed + 1, 64)
    one, other = lab.circular_convolve(first, second), lab.circular_convolve(second, first)
    assert_same(one, other)
    assert np.linalg.norm(one) > 0


@checks("circular_convolve")
def test_convolution_of_real_signals_is_real(lab, rng):
    result = np.asarray(lab.circular_convolve(rng.normal(size=8), rng.normal(size=8)))
    assert result.shape == (8,)
    assert np.isrealobj(result)


@checks("circular_convolve")
@pytest.mark.parametrize(("first", "second"), [(8, 4), (6, 6), (1, 8), (0, 0)])
def test_different_lengths_or_no_power_of_two_are_refused(lab, first, second):
    with pytest.raises(ValueError):
        lab.circular_convolve(np.ones(first), np.ones(second))


# --- fast_convolve -----------------------------------------------------------------------------------


@checks("fast_convolve", visible=True)
def test_schoolbook_product_of_two_numbers(lab):
    """Digits of 321 and 101, lowest first, must give the digits of the product: 1, 2, 4, 2, 3."""
    assert_same(lab.fast_convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 1.0])), [1, 2, 4, 2, 3])


@checks("fast_convolve")
@given(seed=SEEDS, first=st.integers(1, 70), second=st.integers(1, 70))
def test_linear_convolution_is_that_of_numpy(lab, seed, first, second):
    one, other = noise(seed, first), noise(seed + 1, second)
    assert_same(lab.fast_convolve(one, other), np.convolve(one, other))


@checks("fast_convolve")
def test_long_echo_is_that_of_scipy(lab, rng):
    from scipy.signal import fftconvolve

    samples, echo = rng.normal(size=9000), rng.normal(size=3001)
    # sums of 3001 products: size 55, each FFT adds some 1e-15 of the largest
    assert_same(lab.fast_convolve(samples, echo), fftconvolve(samples, echo), rtol=0, atol=1e-9)


@checks("fast_convolve")
@pytest.mark.parametrize(("first", "second"), [(0, 3), (3, 0), (0, 1), (1, 0), (0, 0)])
def test_empty_signal_is_refused(lab, first, second):
    with pytest.raises(ValueError):
        lab.fast_convolve(np.ones(first), np.ones(second))


# --- overlap_add_convolve ----------------------------------------------------------------------------


@checks("overlap_add_convolve", visible=True)
def test_tails_of_blocks_reach_into_the_next(lab):
    """Five ones with the kernel 1, 1 in blocks of 2 must give 1, 2, 2, 2, 2, 1."""
    assert_same(lab.overlap_add_convolve(np.ones(5), np.ones(2), 2), [1, 2, 2, 2, 2, 1])


@checks("overlap_add_convolve")
@given(seed=SEEDS, time=st.integers(1, 150), taps=st.integers(1, 40), block_length=st.integers(1, 60))
def test_blocks_of_any_length_give_the_convolution_of_numpy(lab, seed, time, taps, block_length):
    samples, kernel = noise(seed, time), noise(seed + 1, taps)
    assert_same(lab.overlap_add_convolve(samples, kernel, block_length), np.convolve(samples, kernel))


@checks("overlap_add_convolve")
def test_long_signal_is_convolved_as_scipy_does(lab, rng):
    from scipy.signal import oaconvolve

    samples, kernel = rng.normal(size=20_000), rng.normal(size=129)
    found = lab.overlap_add_convolve(samples, kernel, 896)
    assert_same(found, oaconvolve(samples, kernel), rtol=0, atol=1e-9)


@checks("overlap_add_convolve")
def test_kernel_longer_than_signal_and_block_is_no_trouble(lab, rng):
    samples, kernel = rng.normal(size=7), rng.normal(size=100)
    assert_same(lab.overlap_add_convolve(samples, kernel, 3), np.convolve(samples, kernel))


@checks("overlap_add_convolve")
@pytest.mark.parametrize(
    ("time", "taps", "block_length"),
    [(0, 2, 4), (5, 0, 4), (5, 2, 0), (5, 2, -1)],
    ids=["no samples", "no kernel", "no block", "a negative block"],
)
def test_nothing_to_convolve_is_refused(lab, time, taps, block_length):
    with pytest.raises(ValueError):
        lab.overlap_add_convolve(np.ones(time), np.ones(taps), block_length)


@sound("overlap_add_convolve")
def convolved(output, samples, *args, **options):
    largest = max(np.abs(output).max(), 1e-9)
    return {"yours": 0.5 * output / largest}, 16_000


# --- frequency_response ------------------------------------------------------------------------------


@checks("frequency_response", visible=True)
def test_mean_of_two_samples_passes_zero_and_stops_the_fastest_wave(lab):
    """(x[n] + x[n−1]) / 2 must have gain 1 at 0, cos 45° at a quarter of the rate, and 0 at half of it."""
    response = lab.frequency_response(np.array([0.5, 0.5]), np.array([1.0]), np.array([0.0, 0.25, 0.5]))
    assert_same(response, [1, 0.5 - 0.5j, 0], atol=1e-12)


@checks("frequency_response")
@given(seed=SEEDS, n_b=st.integers(1, 6), n_a=st.integers(1, 4), sample_rate=st.floats(100, 48_000))
def test_response_is_that_of_scipy(lab, seed, n_b, n_a, sample_rate):
    from scipy.signal import freqz

    b = noise(seed, n_b)
    # poles well inside the circle, so that no response is a division by almost nothing
    a = 2 * np.real(np.poly(0.8 * np.sin(noise(seed + 1, n_a - 1)))) * np.ones(n_a)
    frequencies = np.random.default_rng(seed).uniform(0, sample_rate / 2, 9)
    _, expected = freqz(b, a, frequencies, fs=sample_rate)
    assert_same(lab.frequency_response(b, a, frequencies, sample_rate), expected)


@checks("frequency_response")
@given(seed=SEEDS, turns=st.integers(0, 32))
def test_long_wave_comes_out_scaled_and_turned_by_the_response(lab, seed, turns):
    """A wave sent through the filter must come out, once the start has died away, times the response."""
    from scipy.signal import lfilter

    b, a = noise(seed, 3), np.array([1.0, -0.5, 0.2])
    wave = np.exp(2j * np.pi * turns * np.arange(128) / 64)
    # poles at √0.2: after 100 samples the start is 0.2^50 = 1e-35
    expected = lfilter(b, a, wave)[-1] / wave[-1]
    found = lab.frequency_response(b, a, np.array([turns / 64]))
    assert_same(found, np.array([expected]))


@checks("frequency_response")
def test_shape_of_the_frequencies_is_kept(lab):
    frequencies = np.linspace(0, 0.5, 6).reshape(2, 3)
    assert np.shape(lab.frequency_response(np.ones(2), np.ones(1), frequencies)) == (2, 3)
    one = lab.frequency_response(np.array([2.0]), np.array([4.0]), frequencies)
    assert_same(one, np.full((2, 3), 0.5), atol=1e-12)


@checks("frequency_response")
@pytest.mark.parametrize(
    ("b", "a"),
    [([1.0], [0.0, 1.0]), ([], [1.0]), ([1.0], [])],
    ids=["a starts with zero", "no b", "no a"],
)
def test_filter_without_a_first_weight_is_refused(lab, b, a):
    with pytest.raises(ValueError):
        lab.frequency_response(np.array(b), np.array(a), np.array([0.1]))


@picture("frequency_response")
def gains(output, b, a, frequencies, sample_rate=1.0):
    from labkit import plot

    order = np.argsort(np.ravel(frequencies))
    curve = np.ravel(frequencies)[order], np.abs(np.ravel(output))[order]
    return plot.lines({"your |H|": curve}, x_label="frequency [Hz]", y_label="gain", title="your response")


# --- poles_and_zeros ---------------------------------------------------------------------------------


def assert_same_points(found, expected, atol=1e-6):
    """Equal as sets in which a point may stand several times."""
    found, rest = np.ravel(found).astype(complex), list(np.ravel(expected).astype(complex))
    assert found.shape == (len(rest),)
    for point in found:
        distances = np.abs(np.array(rest) - point)
        nearest = int(np.argmin(distances))
        assert distances[nearest] < atol
        rest.pop(nearest)


@checks("poles_and_zeros", visible=True)
def test_resonator_has_a_pair_of_poles_and_two_zeros_at_the_origin(lab):
    """1 / (1 − 2r cos θ z⁻¹ + r² z⁻²) must have poles r e^(±iθ) and two zeros at 0."""
    radius, angle = 0.9, 0.7
    poles, zeros = lab.poles_and_zeros(np.ones(1), np.array([1, -2 * radius * np.cos(angle), radius**2]))
    assert_same_points(poles, radius * np.exp(np.array([1j, -1j]) * angle))
    assert_same_points(zeros, [0, 0])


def apart(rng, count, largest):
    """Points in conjugate pairs, at least 0.15 apart, so that they can be found to 1e-6 and better."""
    while True:
        pairs = rng.uniform(0.2, largest, count) * np.exp(1j * rng.uniform(0.2, np.pi - 0.2, count))
        points = np.concatenate([pairs, np.conj(pairs)])
        gaps = np.abs(points[:, None] - points) + np.eye(2 * count)
        if count == 0 or gaps.min() > 0.15:
            return points


@checks("poles_and_zeros")
@given(seed=SEEDS, n_poles=st.integers(0, 3), n_zeros=st.integers(0, 3), gain=st.floats(0.1, 10))
def test_filter_built_from_its_points_gives_them_back(lab, seed, n_poles, n_zeros, gain):
    rng = np.random.default_rng(seed)
    points, nulls = apart(rng, n_poles, 0.95), apart(rng, n_zeros, 1.5)
    b, a = gain * np.real(np.poly(nulls)) * np.ones(1), 3 * np.real(np.poly(points)) * np.ones(1)
    poles, zeros = lab.poles_and_zeros(b, a)
    # the longer polynomial decides the power of z; the other side gets points at 0
    assert_same_points(poles, np.append(points, np.zeros(max(0, len(nulls) - len(points)))))
    assert_same_points(zeros, np.append(nulls, np.zeros(max(0, len(points) - len(nulls)))))


@checks("poles_and_zeros")
def test_points_are_those_of_scipy_for_equal_lengths(lab, rng):
    from scipy.signal import butter, tf2zpk

    b, a = butter(4, rng.uniform(0.2, 0.6))
    expected_zeros, expected_poles, _ = tf2zpk(b, a)
    poles, zeros = lab.poles_and_zeros(b, a)
    assert_same_points(poles, expected_poles)
    # four zeros at −1: a fourfold root is found to (1e-16)^(1/4) = 1e-4 only, by whatever method
    assert_same_points(zeros, expected_zeros, atol=5e-3)


@checks("poles_and_zeros")
def test_echo_has_as_many_zeros_as_samples_of_delay(lab):
    """1 + 0.5 z⁻⁴ must have four zeros on a circle of radius 0.5^¼, and four poles at the origin."""
    poles, zeros = lab.poles_and_zeros(np.array([1, 0, 0, 0, 0.5]), np.ones(1))
    assert_same_points(zeros, 0.5**0.25 * np.exp(1j * np.pi * np.array([1, 3, 5, 7]) / 4))
    assert_same_points(poles, [0, 0, 0, 0])


@checks("poles_and_zeros")
def test_pure_delay_has_only_a_pole_at_the_origin(lab):
    """z⁻¹ must have one pole at 0 and no zero."""
    poles, zeros = lab.poles_and_zeros(np.array([0.0, 1.0]), np.array([1.0]))
    assert_same_points(poles, [0])
    assert_same_points(zeros, [])


@checks("poles_and_zeros")
def test_weights_of_zero_at_the_end_change_nothing(lab):
    """Trailing zeros in a or b are no delay: what they would add at the origin cancels."""
    for end in ([0.0], [0.0, 0.0, 0.0]):
        poles, zeros = lab.poles_and_zeros(np.append([1.0, -0.4], end), np.append([2.0, -1.0], end))
        assert_same_points(poles, [0.5])
        assert_same_points(zeros, [0.4])


@checks("poles_and_zeros")
@pytest.mark.parametrize(
    ("b", "a"),
    [([1.0], [0.0, 1.0]), ([1.0], []), ([0.0, 0.0], [1.0]), ([], [1.0])],
    ids=["a starts with zero", "no a", "b is zero", "no b"],
)
def test_what_is_no_filter_is_refused(lab, b, a):
    with pytest.raises(ValueError):
        lab.poles_and_zeros(np.array(b), np.array(a))


# --- is_stable ---------------------------------------------------------------------------------------


@checks("is_stable", visible=True)
def test_feedback_below_one_dies_away_and_above_one_grows(lab):
    assert lab.is_stable(np.array([1.0, -0.99])) is True
    assert lab.is_stable(np.array([1.0, -1.01])) is False
    assert lab.is_stable(np.array([1.0, 1.01])) is False
    assert lab.is_stable(np.array([1.0])) is True


@checks("is_stable")
@given(seed=SEEDS, count=st.integers(1, 3), largest=st.floats(0.7, 1.3))
def test_answer_agrees_with_the_response_to_a_click(lab, seed, count, largest):
    """Sending a click through the filter must show the same: it dies away, or it grows."""
    from hypothesis import assume
    from scipy.signal import lfilter

    assume(abs(largest - 1) > 0.02)
    rng = np.random.default_rng(seed)
    radii = np.append(largest, rng.uniform(0.1, 0.6, count - 1))
    poles = radii * np.exp(1j * rng.uniform(0.3, 2.8, count))
    a = rng.choice([0.5, 1.0, 3.0]) * np.real(np.poly(np.concatenate([poles, np.conj(poles)])))
    click = np.zeros(2000)
    click[0] = 1
    response = np.abs(lfilter([1.0], a, click))
    # 0.98^1000 = 1e-9, 1.02^1000 = 4e8
    assert lab.is_stable(a) is bool(response[-100:].max() < 1e-3 * response[:100].max())


@checks("is_stable")
@pytest.mark.parametrize("a", [[1.0, -1.0], [1.0, 1.0], [2.0, 0.0, -2.0]], ids=["sum", "flip", "both"])
def test_pole_on_the_circle_is_not_stable(lab, a):
    assert lab.is_stable(np.array(a)) is False


@checks("is_stable")
@pytest.mark.parametrize("a", [[], [0.0, 1.0]], ids=["nothing", "first weight zero"])
def test_stability_of_no_filter_is_refused(lab, a):
    """Without a, or with a[0] = 0, it must raise ValueError."""
    with pytest.raises(ValueError):
        lab.is_stable(np.array(a))


# --- sinc_reconstruct --------------------------------------------------------------------------------


@checks("sinc_reconstruct", visible=True)
def test_wave_goes_through_every_sample(lab):
    samples = np.array([1.0, -2.0, 0.5, 3.0])
    assert_same(lab.sinc_reconstruct(samples, 10.0, np.arange(4) / 10), samples)


@checks("sinc_reconstruct")
@given(seed=SEEDS, length=st.integers(1, 30), sample_rate=st.floats(0.5, 48_000))
def test_values_agree_with_the_formula_term_by_term(lab, seed, length, sample_rate):
    samples = noise(seed, length)
    times = np.random.default_rng(seed).uniform(-3, length + 3, 7) / sample_rate

    def sinc(u):
        return 1.0 if abs(u) < 1e-12 else np.sin(np.pi * u) / (np.pi * u)

    expected = [sum(x * sinc(t * sample_rate - n) for n, x in enumerate(samples)) for t in times]
    # sin(πu) at u up to 33 carries 33π · 1e-16 of absolute error
    assert_same(lab.sinc_reconstruct(samples, sample_rate, times), expected, rtol=1e-9, atol=1e-9)


@checks("sinc_reconstruct")
@given(frequency=st.floats(20, 380), phase=st.floats(0, 6))
def test_wave_below_half_the_sample_rate_comes_back_whole(lab, frequency, phase):
    """A tone under half the sample rate, faded in and out, must be found between the samples too."""
    sample_rate, length = 1000, 400

    def faded(time):
        # sin⁴ fades over 400 samples: four lines of 1/400 cycles per sample beside the tone, still below
        # half the rate; outside of it the fade and its first three derivatives are zero
        inside = (time > 0) & (time < length / sample_rate)
        fade = np.sin(np.pi * time * sample_rate / length) ** 4
        return inside * fade * np.cos(2 * np.pi * frequency * time + phase)

    times = np.linspace(0.15, 0.25, 37)
    found = lab.sinc_reconstruct(faded(np.arange(length) / sample_rate), sample_rate, times)
    # the lines beside the band, 120 Hz or more away, fall as 1/f^5: at most 1.3e-9 over a grid of both
    assert_same(found, faded(times), rtol=0, atol=1e-7)


@checks("sinc_reconstruct")
def test_silence_surrounds_the_samples(lab):
    """Far before and after the samples, at whole samples, the wave must be zero."""
    outside = np.array([-3.0, -1.0, 5.0, 9.0]) / 8000
    assert_same(lab.sinc_reconstruct(np.array([1.0, 2.0, 3.0]), 8000, outside), np.zeros(4), atol=1e-12)


@checks("sinc_reconstruct")
@pytest.mark.parametrize("sample_rate", [0.0, -8000.0])
def test_sample_rate_must_be_positive(lab, sample_rate):
    with pytest.raises(ValueError):
        lab.sinc_reconstruct(np.ones(3), sample_rate, np.zeros(2))


@picture("sinc_reconstruct")
def between_the_samples(output, samples, sample_rate, times):
    from labkit import plot

    order = np.argsort(times)
    curves = {
        "samples": (np.arange(len(samples)) / sample_rate, samples),
        "yours": (np.asarray(times)[order], output[order]),
    }
    return plot.lines(curves, x_label="time [s]", y_label="amplitude", title="your wave")
