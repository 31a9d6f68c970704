"""Hidden checks of the lab on digital audio."""

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, picture, sound

parts = lab_beside(__file__)  # only for the tables that the page gives

# Two orders of summation of at most a few thousand float64 terms differ by some 1e-13 of their size.
EXACT = 1e-10

BYTES = {"uint8": 1, "int16": 2, "int24": 3, "int32": 4, "float32": 4, "float64": 8}
SUBTYPES = {
    "uint8": "PCM_U8",
    "int16": "PCM_16",
    "int24": "PCM_24",
    "int32": "PCM_32",
    "float32": "FLOAT",
    "float64": "DOUBLE",
}
ENCODINGS = pytest.mark.parametrize("encoding", list(BYTES), ids=list(BYTES))
SEEDS = st.integers(0, 10**6)


def noise(seed, shape, size=0.3):
    return np.random.default_rng(seed).normal(0, size, shape)


# --- sample_tone -------------------------------------------------------------------------------------


@checks("sample_tone", visible=True)
def test_a_quarter_of_the_sample_rate_swings_in_four_samples(lab):
    output = lab.sample_tone(2000.0, 0.001, 8000, 0.5)
    np.testing.assert_allclose(output, [0, 0.5, 0, -0.5] * 2, atol=1e-12)


@checks("sample_tone")
@given(
    frequency=st.floats(0, 30_000),
    count=st.integers(0, 300),
    sample_rate=st.sampled_from([8000, 16_000, 22_050, 44_100]),
    amplitude=st.floats(0, 2),
    phase=st.floats(-7, 7),
)
def test_is_a_turning_pointer_seen_from_the_side(lab, frequency, count, sample_rate, amplitude, phase):
    """Each sample must be the sine of the phase after n steps, for any frequency, amplitude and start."""
    # the imaginary part of a pointer that is turned by one more step each time
    pointer, expected = complex(np.cos(phase), np.sin(phase)), []
    step = complex(np.cos(2 * np.pi * frequency / sample_rate), np.sin(2 * np.pi * frequency / sample_rate))
    for _ in range(count):
        expected.append(amplitude * pointer.imag)
        pointer *= step
    output = lab.sample_tone(frequency, count / sample_rate, sample_rate, amplitude, phase)
    assert np.shape(output) == (count,)
    np.testing.assert_allclose(output, expected, atol=1e-9)  # 300 products and an angle of 7000: 1e-12 each


@checks("sample_tone")
def test_two_half_seconds_are_one_second(lab, rng):
    """A tone of one second must go on where its first half second ended: steps of exactly 1 / sample_rate."""
    frequency = rng.uniform(100, 3000)
    whole = np.asarray(lab.sample_tone(frequency, 1.0, 8000))
    first = np.asarray(lab.sample_tone(frequency, 0.5, 8000))
    second = np.asarray(lab.sample_tone(frequency, 0.5, 8000, phase=np.pi * frequency))
    np.testing.assert_allclose(whole, np.concatenate([first, second]), atol=1e-9)


@checks("sample_tone")
def test_number_of_samples_is_rounded_to_the_nearest(lab):
    # 0.29 · 8000 is 2319.9999999999995 in floating point
    for duration, count in ((0.29, 2320), (0.0001, 1), (0.00005, 0), (0.00044, 4), (0.0, 0)):
        assert len(lab.sample_tone(440.0, duration, 8000)) == count


@checks("sample_tone")
def test_amplitude_is_one_and_phase_zero_without_being_told(lab):
    output = np.asarray(lab.sample_tone(100.0, 1.0, 8000))
    assert output[0] == pytest.approx(0, abs=1e-12)
    assert output[20] == pytest.approx(1, rel=1e-12)


@checks("sample_tone")
def test_one_sample_per_second_is_a_sample_rate(lab):
    np.testing.assert_allclose(lab.sample_tone(0.25, 5.0, 1), [0, 1, 0, -1, 0], atol=1e-12)


@checks("sample_tone")
@pytest.mark.parametrize("sample_rate", [0, -8000], ids=["zero", "negative"])
def test_sample_rate_of_a_tone_must_be_positive(lab, sample_rate):
    with pytest.raises(ValueError):
        lab.sample_tone(440.0, 0.1, sample_rate)


@checks("sample_tone")
def test_negative_duration_is_refused(lab):
    with pytest.raises(ValueError):
        lab.sample_tone(440.0, -0.01, 8000)


@sound("sample_tone")
def tone(output, frequency, duration, sample_rate, *args, **options):
    return {"your tone": output / max(np.abs(output).max(), 1)}, sample_rate


# --- alias_frequency ---------------------------------------------------------------------------------


@checks("alias_frequency", visible=True)
def test_tones_near_the_sample_rate_come_back_low(lab):
    heard = lab.alias_frequency(np.array([0.0, 3000.0, 7000.0, 8000.0, 9000.0, 17_500.0]), 8000)
    np.testing.assert_allclose(heard, [0, 3000, 1000, 0, 1000, 1500], atol=1e-9)


@checks("alias_frequency")
@given(frequency=st.floats(-60_000, 60_000), sample_rate=st.sampled_from([8000, 11_025, 44_100]))
def test_is_the_smallest_of_all_frequencies_with_the_same_samples(lab, frequency, sample_rate):
    """Of all |f − k · f_s| for whole k, the smallest must come out, for positive and negative f."""
    candidates = [abs(frequency - k * sample_rate) for k in range(-9, 10)]
    assert lab.alias_frequency(frequency, sample_rate) == pytest.approx(min(candidates), abs=1e-7)


@checks("alias_frequency")
def test_samples_of_the_tone_are_samples_of_its_alias(lab, rng):
    """A cosine of the tone and a cosine of its alias must have the same samples."""
    frequency = rng.uniform(0, 50_000, 20)
    heard = np.asarray(lab.alias_frequency(frequency, 8000))
    n = np.arange(200)[:, None]
    tones, aliases = (np.cos(2 * np.pi * f * n / 8000) for f in (frequency, heard))
    np.testing.assert_allclose(aliases, tones, atol=1e-8)  # an angle of 8000 radians keeps 1e-12


@checks("alias_frequency")
def test_the_spectrum_has_its_peak_at_the_alias(lab, rng):
    """The strongest bin of the sampled tone's spectrum must be that of the alias."""
    for bin_number in rng.integers(1, 3000, 10):
        frequency = float(bin_number) * 50  # whole periods in 1000 samples at 50 kHz: no leakage
        spectrum = np.abs(np.fft.rfft(np.cos(2 * np.pi * frequency * np.arange(1000) / 50_000)))
        peak = spectrum.argmax() * 50
        assert lab.alias_frequency(frequency, 50_000) == pytest.approx(peak, abs=1e-6)


@checks("alias_frequency")
def test_array_of_frequencies_keeps_its_shape(lab):
    assert np.shape(lab.alias_frequency(np.full((2, 3), 9000.0), 8000)) == (2, 3)
    assert np.shape(lab.alias_frequency(9000.0, 8000)) == ()


@checks("alias_frequency")
def test_frequencies_may_be_measured_in_shares_of_the_sample_rate(lab):
    """With a sample rate of 1 or less, the same rule holds."""
    assert lab.alias_frequency(0.75, 1) == pytest.approx(0.25, rel=1e-12)
    assert lab.alias_frequency(0.45, 0.5) == pytest.approx(0.05, rel=1e-9)


@checks("alias_frequency")
@pytest.mark.parametrize("sample_rate", [0, -8000], ids=["zero", "negative"])
def test_sample_rate_of_an_alias_must_be_positive(lab, sample_rate):
    with pytest.raises(ValueError):
        lab.alias_frequency(440.0, sample_rate)


# --- lowpass_fir -------------------------------------------------------------------------------------


@checks("lowpass_fir")
@given(
    share=st.floats(0.02, 0.98),
    half=st.integers(1, 80),
    sample_rate=st.sampled_from([8000, 22_050, 44_100]),
)
def test_agrees_with_firwin_of_scipy(lab, share, half, sample_rate):
    """The taps must be those of scipy.signal.firwin with a Hamming window, for any cut-off and length."""
    from scipy.signal import firwin

    expected = firwin(2 * half + 1, share * sample_rate / 2, window="hamming", fs=sample_rate)
    output = lab.lowpass_fir(share * sample_rate / 2, sample_rate, 2 * half + 1)
    # a sum of taps may be as small as 0.02: 161 roundings of 1e-16 grow fifty times
    np.testing.assert_allclose(output, expected, rtol=1e-9, atol=1e-12)


@checks("lowpass_fir", visible=True)
def test_taps_sum_to_one_and_are_the_same_from_both_ends(lab):
    taps = np.asarray(lab.lowpass_fir(1700.0, 8000, 31))
    assert taps.shape == (31,)
    assert taps.sum() == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-15)


@checks("lowpass_fir")
@given(cutoff=st.floats(1000, 3000))
def test_passes_what_is_low_halves_the_cutoff_and_stops_what_is_high(lab, cutoff):
    """Below the slope nothing may change, at the cut-off half must be left, above it nearly nothing."""
    taps = np.asarray(lab.lowpass_fir(cutoff, 8000, 101))
    slope = 3.3 * 8000 / 101 / 2  # half the width of a Hamming window's slope, in Hz
    n = np.arange(101) - 50

    def left(frequency):
        return abs(np.sum(taps * np.exp(-2j * np.pi * frequency * n / 8000)))

    # a Hamming window's ripple is 53 dB down: 0.0022; the slope's ends are known to a few per cent
    for frequency in np.linspace(0, cutoff - 1.15 * slope, 20):
        assert left(frequency) == pytest.approx(1, abs=0.004)
    assert left(cutoff) == pytest.approx(0.5, abs=0.01)
    for frequency in np.linspace(cutoff + 1.15 * slope, 4000, 20):
        assert left(frequency) < 0.004


@checks("lowpass_fir")
@pytest.mark.parametrize("cutoff", [0.0, -100.0, 4000.0, 5000.0])
def test_cutoff_outside_the_spectrum_is_refused(lab, cutoff):
    with pytest.raises(ValueError):
        lab.lowpass_fir(cutoff, 8000, 31)


@checks("lowpass_fir")
@pytest.mark.parametrize("n_taps", [30, 2, 1, 0, -3])
def test_number_of_taps_must_be_odd_and_at_least_three(lab, n_taps):
    with pytest.raises(ValueError):
        lab.lowpass_fir(1000.0, 8000, n_taps)


@checks("lowpass_fir")
def test_only_the_ratio_of_cutoff_and_sample_rate_matters(lab, rng):
    share = rng.uniform(0.05, 0.45)
    expected = lab.lowpass_fir(share * 16_000, 16_000, 41)
    np.testing.assert_allclose(lab.lowpass_fir(share, 1.0, 41), expected, rtol=1e-9, atol=1e-12)


@checks("lowpass_fir")
def test_three_taps_are_enough(lab):
    """The shortest filter allowed has three taps, with the window's 0.08 at both ends."""
    side = 0.08 * np.sin(np.pi / 2) / (np.pi / 2)  # sinc(1/2)
    expected = np.array([side, 1, side]) / (1 + 2 * side)
    np.testing.assert_allclose(lab.lowpass_fir(2000.0, 8000, 3), expected, rtol=1e-12)


@picture("lowpass_fir")
def response(output, cutoff, sample_rate, n_taps, **options):
    from labkit import plot

    left = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(np.ravel(output), 2048)), 1e-5))
    return plot.lines(
        {"your filter": (np.linspace(0, sample_rate / 2, len(left)), left)},
        x_label="frequency [Hz]",
        y_label="what is left [dB]",
        title=f"your filter: at {cutoff:.0f} Hz it should be at −6 dB",
        hlines={"half the amplitude": -6.02},
    )


# --- decimate ----------------------------------------------------------------------------------------


@checks("decimate")
@given(seed=SEEDS, length=st.integers(1, 700), factor=st.integers(2, 9))
def test_agrees_with_resample_poly_of_scipy(lab, seed, length, factor):
    """The result must be scipy.signal.resample_poly's with the filter of the docstring, at any length."""
    from scipy.signal import firwin, resample_poly

    samples = noise(seed, length)
    expected = resample_poly(samples, 1, factor, window=firwin(32 * factor + 1, 0.9 / factor))
    output = lab.decimate(samples, factor)
    assert np.shape(output) == np.shape(expected)
    np.testing.assert_allclose(output, expected, rtol=EXACT, atol=1e-12)


@checks("decimate")
def test_tones_above_the_new_nyquist_frequency_vanish(lab, rng):
    """What would alias must be at least 50 dB down, after its ends have passed."""
    for factor in (2, 3, 6):
        frequency = rng.uniform(1.0, 0.98 * factor) * 0.5 / factor  # from the new Nyquist frequency upwards
        output = np.asarray(lab.decimate(np.sin(2 * np.pi * frequency * np.arange(4000)), factor))
        inner = output[40 : len(output) - 40]
        # Hamming: 53 dB down from where the slope ends; 0.003 is 50 dB
        assert np.abs(inner).max() < 0.003


@checks("decimate", visible=True)
def test_low_tones_stay_where_and_as_they_are(lab):
    """A tone far below the new Nyquist frequency must be what sampling at the new rate would have given."""
    tone = np.sin(2 * np.pi * 200 * np.arange(8000) / 8000)
    output = np.asarray(lab.decimate(tone, 4))
    assert output.shape == (2000,)
    # ripple of a Hamming window in the pass band: 0.0022
    np.testing.assert_allclose(output[50:-50], tone[::4][50:-50], atol=0.004)


@checks("decimate")
def test_an_impulse_shows_the_taps_backwards_and_forwards(lab, reference):
    """A single 1 must leave every M-th tap, the middle tap at the place of the 1."""
    impulse = np.zeros(601)
    impulse[300] = 1
    taps = np.asarray(reference.lowpass_fir(0.9 / 6, 1.0, 97))
    expected = np.zeros(201)
    expected[84:117] = taps[::3]
    np.testing.assert_allclose(lab.decimate(impulse, 3), expected, atol=1e-14)


@checks("decimate")
def test_number_of_samples_is_rounded_up(lab):
    for length, factor, count in ((12, 4, 3), (13, 4, 4), (1, 5, 1), (5, 5, 1), (6, 5, 2)):
        assert np.shape(lab.decimate(np.ones(length), factor)) == (count,)


@checks("decimate")
def test_integer_samples_are_filtered_without_rounding(lab, reference, rng):
    samples = rng.integers(-30_000, 30_000, 300).astype(np.int16)
    expected = reference.decimate(samples.astype(np.float64), 3)
    np.testing.assert_allclose(lab.decimate(samples, 3), expected, rtol=EXACT, atol=1e-8)


@checks("decimate")
@pytest.mark.parametrize("factor", [1, 0, -2], ids=["one", "zero", "negative"])
def test_factor_below_two_is_refused(lab, factor):
    with pytest.raises(ValueError):
        lab.decimate(np.ones(100), factor)


@checks("decimate")
def test_two_channels_at_once_are_refused(lab):
    with pytest.raises(ValueError):
        lab.decimate(np.ones((200, 2)), 2)


@picture("decimate")
def decimated(output, samples, factor, **options):
    from labkit import plot

    return plot.lines(
        {"input": (np.arange(len(samples)), samples), "yours": (np.arange(len(output)) * factor, output)},
        x_label="time [input samples]",
        y_label="amplitude",
        title="your decimate: it should stay in step with the input",
    )


# --- quantize ----------------------------------------------------------------------------------------


@checks("quantize", visible=True)
def test_three_bits_have_levels_a_quarter_apart(lab):
    output = lab.quantize(np.array([-1.0, -0.9, -0.6, -0.1, 0.0, 0.1, 0.13, 0.4, 0.7]), 3)
    np.testing.assert_array_equal(output, [-1, -1, -0.5, 0, 0, 0, 0.25, 0.5, 0.75])


@checks("quantize")
@given(seed=SEEDS, bits=st.integers(1, 12))
def test_picks_the_nearest_of_all_levels(lab, seed, bits):
    """Written out as a table of all 2^bits levels, each sample must get the nearest."""
    samples = noise(seed, 60, 0.6)  # some lie beyond full scale
    levels = np.array([k * 2.0 / 2**bits for k in range(-(2**bits) // 2, 2**bits // 2)])
    expected = levels[np.abs(samples[:, None] - levels).argmin(axis=1)]
    np.testing.assert_array_equal(lab.quantize(samples, bits), expected)


@checks("quantize")
@pytest.mark.parametrize("bits", [6, 10, 16, 24])
def test_each_bit_is_worth_six_decibels(lab, bits):
    """A tone at full scale must come out at 6.02 · bits + 1.76 dB."""
    full = 1 - 2.0 ** (1 - bits)
    tone = full * np.sin(2 * np.pi * 997 * np.arange(16_000) / 16_000)
    error = np.asarray(lab.quantize(tone, bits)) - tone
    snr = 10 * np.log10(np.sum(tone**2) / np.sum(error**2))
    # the tone is 20 log10(full) quieter than 1; an error that is not quite even costs up to 0.3 dB at 6 bits
    assert snr == pytest.approx(6.0206 * bits + 1.761 + 20 * np.log10(full), abs=0.3)


@checks("quantize")
def test_sixteen_bits_agree_with_a_file_of_soundfile(lab, rng):
    """The levels of 16 bits must be the samples that a 16-bit WAV file gives."""
    import soundfile

    samples = np.clip(rng.normal(0, 0.4, 500), -1, 0.9999)
    buffer = io.BytesIO()
    rounded = np.rint(samples * 32_768).astype(np.int16)  # soundfile itself rounds floats down
    soundfile.write(buffer, rounded, 8000, format="WAV", subtype="PCM_16")
    expected, _ = soundfile.read(io.BytesIO(buffer.getvalue()))
    np.testing.assert_array_equal(lab.quantize(samples, 16), expected)


@checks("quantize")
def test_too_large_samples_get_the_outermost_levels(lab):
    output = lab.quantize(np.array([1.0, 5.0, -1.0, -5.0, 0.99]), 4)
    np.testing.assert_array_equal(output, [0.875, 0.875, -1, -1, 0.875])


@checks("quantize")
def test_dither_is_counted_in_steps_and_added_before_rounding(lab):
    # 8 levels, 0.25 apart: 0.3 is 1.2 steps
    samples, dither = np.full(6, 0.3), np.array([0.0, 0.2, 0.4, -0.6, -0.9, 9.0])
    np.testing.assert_array_equal(lab.quantize(samples, 3, dither), [0.25, 0.25, 0.5, 0.25, 0, 0.75])


@checks("quantize")
@given(seed=SEEDS, bits=st.integers(2, 20))
def test_dither_moves_each_sample_by_its_own_number(lab, seed, bits):
    """With dither, the result must be that of rounding the samples plus so many steps."""
    random = np.random.default_rng(seed)
    samples = random.normal(0, 0.3, 50)
    dither = random.random(50) - random.random(50)
    half = 2 ** (bits - 1)
    expected = [min(max(round(x * half + d), -half), half - 1) / half for x, d in zip(samples, dither)]  # noqa: B905
    np.testing.assert_allclose(lab.quantize(samples, bits, dither), expected, rtol=0, atol=1e-15)


@checks("quantize")
def test_dither_keeps_the_mean_of_a_signal_below_one_step(lab, rng):
    """A constant of a third of a step must survive on average, when dither is given."""
    count = 20_000
    dither = rng.random(count) - rng.random(count)
    mean = np.mean(lab.quantize(np.full(count, 1 / 24), 4, dither))
    # each value is off by at most 1.5 steps of 1/8, its deviation some 0.5 steps: the mean's is 0.0005
    assert mean == pytest.approx(1 / 24, abs=0.003)


@checks("quantize")
@pytest.mark.parametrize("bits", [0, -1, 33])
def test_number_of_bits_must_be_from_1_to_32(lab, bits):
    with pytest.raises(ValueError):
        lab.quantize(np.zeros(3), bits)


@checks("quantize")
def test_one_bit_and_thirty_two_bits_are_allowed(lab):
    np.testing.assert_array_equal(lab.quantize(np.array([-0.8, -0.2, 0.9]), 1), [-1, 0, 0])
    np.testing.assert_allclose(lab.quantize(np.array([1 / 3]), 32), [1 / 3], atol=2.0**-32)


@checks("quantize")
@pytest.mark.parametrize("length", [1, 4, 6], ids=["one number", "too short", "too long"])
def test_dither_of_another_length_is_refused(lab, length):
    with pytest.raises(ValueError):
        lab.quantize(np.zeros(5), 8, np.zeros(length))


@picture("quantize")
def staircase(output, samples, bits, *args, **options):
    from labkit import plot

    order = np.argsort(samples)
    return plot.lines(
        {"nothing rounded": (samples[order], samples[order]), "yours": (samples[order], output[order])},
        x_label="sample",
        y_label="level",
        title=f"your quantize with {bits} bits",
    )


# --- snr_db ------------------------------------------------------------------------------------------


@checks("snr_db", visible=True)
def test_an_error_of_a_tenth_is_twenty_decibels_down(lab):
    signal = np.array([1.0, -2.0, 3.0])
    assert lab.snr_db(signal, 1.1 * signal) == pytest.approx(20, rel=1e-9)


@checks("snr_db")
@given(seed=SEEDS, snr=st.floats(-40, 120))
def test_noise_mixed_in_at_a_known_ratio_is_found_again(lab, seed, snr):
    random = np.random.default_rng(seed)
    signal, error = random.normal(0, 0.2, 100), random.normal(0, 1, 100)
    error *= np.linalg.norm(signal) / np.linalg.norm(error) * 10 ** (-snr / 20)
    # an error 120 dB down keeps 10 of 16 digits in the copy
    assert lab.snr_db(signal, signal + error) == pytest.approx(snr, abs=1e-6)


@checks("snr_db")
def test_is_the_difference_of_two_levels_by_the_standard_library(lab, rng):
    """The result must be the level of the signal minus the level of the error, both in dB."""
    import math
    import statistics

    signal, copy = rng.normal(0, 3, 50), rng.normal(0, 2, 50)
    levels = [
        20 * math.log10(statistics.fmean(v * v for v in values) ** 0.5)
        for values in (signal.tolist(), (signal - copy).tolist())
    ]
    assert lab.snr_db(signal, copy) == pytest.approx(levels[0] - levels[1], rel=1e-9)


@checks("snr_db")
def test_both_arguments_have_their_own_role(lab):
    """The error is compared with the first argument, not with the second."""
    assert lab.snr_db(np.array([2.0, 0.0]), np.array([1.0, 0.0])) == pytest.approx(6.0206, abs=1e-4)
    assert lab.snr_db(np.array([1.0, 0.0]), np.array([2.0, 0.0])) == pytest.approx(0, abs=1e-9)


@checks("snr_db")
def test_equal_signals_have_infinitely_many_decibels(lab):
    assert lab.snr_db(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == float("inf")


@checks("snr_db")
def test_whole_numbers_neither_overflow_nor_wrap_around(lab):
    signal = np.array([30_000, -30_000], dtype=np.int16)
    copy = np.array([-30_000, 30_000], dtype=np.int16)
    assert lab.snr_db(signal, copy) == pytest.approx(-6.0206, abs=1e-4)
    codes, others = np.array([1, 200], dtype=np.uint8), np.array([3, 100], dtype=np.uint8)
    assert lab.snr_db(codes, others) == pytest.approx(10 * np.log10(40_001 / 10_004), rel=1e-9)


@checks("snr_db")
def test_several_channels_count_as_one_signal(lab, rng):
    signal, copy = rng.normal(size=(2, 20, 3))
    expected = 10 * np.log10(np.sum(signal**2) / np.sum((copy - signal) ** 2))
    assert lab.snr_db(signal, copy) == pytest.approx(expected, rel=1e-9)


@checks("snr_db")
def test_copy_of_another_shape_is_refused(lab):
    for signal, copy in ((np.ones(5), np.ones(4)), (np.ones((2, 3)), np.ones(3)), (np.ones(3), np.ones(1))):
        with pytest.raises(ValueError):
            lab.snr_db(signal, copy)


@checks("snr_db")
def test_silence_as_signal_is_refused(lab):
    for signal in (np.zeros(4), np.zeros(0)):
        with pytest.raises(ValueError):
            lab.snr_db(signal, signal)
    with pytest.raises(ValueError):
        lab.snr_db(np.zeros(3), np.ones(3))


# --- mu_law_encode -----------------------------------------------------------------------------------


@checks("mu_law_encode", visible=True)
def test_ends_and_middle_get_the_known_codes(lab):
    np.testing.assert_array_equal(lab.mu_law_encode(np.array([-1.0, 0.0, 1.0])), [0, 128, 255])


@checks("mu_law_encode")
@given(seed=SEEDS, mu=st.sampled_from([255, 255, 127, 15]))
def test_codes_are_those_of_the_compressor_of_librosa(lab, seed, mu):
    """The codes must be librosa.mu_compress without its own rounding, moved to 0 … μ and rounded."""
    import librosa

    random = np.random.default_rng(seed)
    samples = np.clip(random.normal(0, 1, 40) * 10.0 ** random.uniform(-4, 0, 40), -1, 1)
    bent = (librosa.mu_compress(samples, mu=mu, quantize=False) + 1) / 2 * mu
    sure = np.abs(bent - np.floor(bent) - 0.5) > 1e-9  # just between two codes, rounding noise decides
    codes = np.asarray(lab.mu_law_encode(samples, mu))
    np.testing.assert_array_equal(codes[sure], np.floor(bent + 0.5)[sure])


@checks("mu_law_encode")
def test_worked_values_by_hand(lab):
    """Some codes computed with a table of logarithms."""
    import math

    for x in (0.0003, 0.002, 0.017, 0.11, 0.52, 0.97):
        bent = math.log(1 + 255 * x) / math.log(256)
        positive, negative = (math.floor((sign * bent + 1) / 2 * 255 + 0.5) for sign in (1, -1))
        np.testing.assert_array_equal(lab.mu_law_encode(np.array([x, -x])), [positive, negative])


@checks("mu_law_encode")
def test_codes_never_fall_while_samples_rise(lab):
    codes = np.asarray(lab.mu_law_encode(np.linspace(-1, 1, 3001)))
    steps = np.diff(codes.astype(int))
    assert steps.min() == 0
    assert codes[0] == 0 and codes[-1] == 255
    assert len(np.unique(codes)) > 200  # 3001 even samples skip some of the finest codes in the middle


@checks("mu_law_encode")
def test_samples_beyond_full_scale_are_clipped(lab):
    np.testing.assert_array_equal(lab.mu_law_encode(np.array([1.5, -7.0])), [255, 0])
    np.testing.assert_array_equal(lab.mu_law_encode(np.array([[2.0], [-2.0]]), 15), [[15], [0]])


@checks("mu_law_encode")
def test_codes_are_whole_numbers_in_the_shape_of_the_samples(lab, rng):
    codes = lab.mu_law_encode(rng.uniform(-1, 1, (3, 4)))
    assert codes.shape == (3, 4)
    assert codes.dtype.kind in "iu"


@checks("mu_law_encode")
@pytest.mark.parametrize("mu", [0, -255], ids=["zero", "negative"])
def test_highest_code_must_be_positive(lab, mu):
    with pytest.raises(ValueError):
        lab.mu_law_encode(np.array([0.5]), mu)


@checks("mu_law_encode")
def test_one_is_the_smallest_highest_code(lab):
    """With μ = 1 there are two codes, 0 and 1, and nothing is refused."""
    np.testing.assert_array_equal(lab.mu_law_encode(np.array([-0.9, 0.9]), 1), [0, 1])


@picture("mu_law_encode")
def curve(output, samples, *args, **options):
    from labkit import plot

    order = np.argsort(np.ravel(samples))
    return plot.lines(
        {"yours": (np.ravel(samples)[order], np.ravel(output)[order])},
        x_label="sample",
        y_label="code",
        title="your μ-law codes: steepest around 0",
    )


# --- mu_law_decode -----------------------------------------------------------------------------------


@checks("mu_law_decode")
def test_every_code_agrees_with_the_expander_of_librosa(lab):
    """All 256 codes must come back as by librosa.mu_expand of code · 2 / 255 − 1."""
    import librosa

    codes = np.arange(256)
    expected = librosa.mu_expand(codes * 2 / 255 - 1, mu=255, quantize=False)
    np.testing.assert_allclose(lab.mu_law_decode(codes), expected, rtol=1e-9, atol=1e-15)


@checks("mu_law_decode", visible=True)
def test_outermost_codes_are_full_scale_and_the_rest_is_mirrored(lab):
    samples = np.asarray(lab.mu_law_decode(np.arange(256)))
    assert samples[0] == pytest.approx(-1, rel=1e-12)
    assert samples[255] == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(samples, -samples[::-1], rtol=1e-9)


@checks("mu_law_decode")
@given(mu=st.integers(1, 400), seed=SEEDS)
def test_each_code_comes_back_as_itself(lab, reference, mu, seed):
    """Decoding a code and encoding it again must give the same code, for any μ."""
    codes = np.random.default_rng(seed).integers(0, mu + 1, 30)
    samples = lab.mu_law_decode(codes, mu)
    np.testing.assert_array_equal(reference.mu_law_encode(np.asarray(samples), mu), codes)


@checks("mu_law_decode")
def test_soft_samples_keep_two_digits(lab, reference, rng):
    """After coding and back, a sample must be off by less than its share of the logarithmic step."""
    samples = rng.uniform(-1, 1, 300) * 10.0 ** rng.uniform(-3, 0, 300)
    back = np.asarray(lab.mu_law_decode(reference.mu_law_encode(samples)))
    # half a step is 1/255 in the bent domain: F' = μ / (ln 256 (1 + μ|x|)); 1 % more for its curvature
    bound = np.log(256) * (1 + 255 * np.abs(samples)) / 255 / 255 * 1.02
    assert np.all(np.abs(back - samples) <= bound)


@checks("mu_law_decode")
def test_unsigned_bytes_are_understood(lab):
    """Codes as they come from a file, bytes without a sign, must not wrap around."""
    codes = np.array([0, 1, 127, 128, 200, 255], dtype=np.uint8)
    bent = 2 * codes.astype(float) / 255 - 1
    expected = np.sign(bent) * (256 ** np.abs(bent) - 1) / 255
    np.testing.assert_allclose(lab.mu_law_decode(codes), expected, rtol=1e-9)


@checks("mu_law_decode")
@pytest.mark.parametrize("code", [-1, 256, 1000], ids=["below zero", "one too high", "far too high"])
def test_codes_that_do_not_exist_are_refused(lab, code):
    with pytest.raises(ValueError):
        lab.mu_law_decode(np.array([3, code, 5]))


@checks("mu_law_decode")
def test_codes_above_a_smaller_mu_are_refused(lab):
    with pytest.raises(ValueError):
        lab.mu_law_decode(np.array([16]), 15)
    np.testing.assert_allclose(lab.mu_law_decode(np.array([0, 15]), 15), [-1, 1], rtol=1e-12)


@checks("mu_law_decode")
@pytest.mark.parametrize("mu", [0, -1], ids=["zero", "negative"])
def test_highest_code_to_decode_with_must_be_positive(lab, mu):
    with pytest.raises(ValueError):
        lab.mu_law_decode(np.array([0]), mu)


@checks("mu_law_decode")
def test_shape_of_the_codes_is_kept(lab):
    assert np.shape(lab.mu_law_decode(np.full((2, 5), 7))) == (2, 5)


# --- pcm_encode --------------------------------------------------------------------------------------


def by_struct(samples, encoding):
    """One number at a time, with the standard library alone."""
    size, stored = BYTES[encoding], b""
    for x in samples:
        if encoding.startswith("float"):
            stored += struct.pack("<f" if size == 4 else "<d", x)
            continue
        half = 2 ** (8 * size - 1)
        number = min(max(round(float(x) * half), -half), half - 1)
        number += 128 if encoding == "uint8" else 0
        stored += number.to_bytes(size, "little", signed=encoding != "uint8")
    return stored


@checks("pcm_encode", visible=True)
def test_half_of_full_scale_is_stored_in_all_encodings_of_whole_numbers(lab):
    samples = np.array([0.0, 0.5, -0.5])
    assert lab.pcm_encode(samples, "uint8").hex() == "80c040"
    assert lab.pcm_encode(samples, "int16").hex() == "0000004000c0"
    assert lab.pcm_encode(samples, "int24").hex() == "0000000000400000c0"
    assert lab.pcm_encode(samples, "int32").hex() == "0000000000000040000000c0"


@checks("pcm_encode")
@ENCODINGS
@given(seed=SEEDS, length=st.integers(0, 30))
def test_bytes_are_those_of_the_standard_library(lab, encoding, seed, length):
    """Rounded, clipped and packed number by number, the same bytes must come out."""
    samples = noise(seed, length, 0.5)
    assert lab.pcm_encode(samples, encoding) == by_struct(samples, encoding)


@checks("pcm_encode")
@ENCODINGS
def test_soundfile_reads_the_bytes_as_the_same_samples(lab, rng, encoding):
    """soundfile, told what the raw bytes are, must read the samples back."""
    import soundfile

    samples = rng.uniform(-0.99, 0.99, 200)
    back, _ = soundfile.read(
        io.BytesIO(lab.pcm_encode(samples, encoding)),
        format="RAW",
        subtype=SUBTYPES[encoding],
        samplerate=8000,
        channels=1,
        endian="LITTLE",
    )
    # half a step of whole numbers; float32 keeps 24 bits of a number below 1
    step = 2.0**-24 if encoding.startswith("float") else 2.0 ** (1 - 8 * BYTES[encoding])
    np.testing.assert_allclose(back, samples, rtol=0, atol=0.5001 * step)


@checks("pcm_encode")
@pytest.mark.parametrize("encoding", ["uint8", "int16", "int24", "int32"], ids=["8", "16", "24", "32"])
def test_too_large_samples_are_clipped_and_do_not_wrap_around(lab, encoding):
    size = BYTES[encoding]
    samples = np.array([1.0, 1.7, -1.0, -1.7, 1e6, -1e6])
    highest, lowest = b"\xff" * (size - 1) + b"\x7f", b"\0" * (size - 1) + b"\x80"
    if encoding == "uint8":
        highest, lowest = b"\xff", b"\0"
    assert lab.pcm_encode(samples, encoding) == (highest * 2 + lowest * 2) + highest + lowest


@checks("pcm_encode")
def test_floating_point_numbers_are_stored_unclipped(lab):
    samples = np.array([1.5, -2.25, 1e-20, 1e5])
    assert lab.pcm_encode(samples, "float32") == struct.pack("<4f", *samples)
    assert lab.pcm_encode(samples, "float64") == struct.pack("<4d", *samples)


@checks("pcm_encode")
def test_single_precision_samples_are_understood(lab):
    samples = np.array([0.25, -0.75, 1.0], dtype=np.float32)
    for encoding in BYTES:
        assert lab.pcm_encode(samples, encoding) == by_struct(samples, encoding)


@checks("pcm_encode")
@pytest.mark.parametrize("encoding", ["int8", "uint16", "pcm", ""])
def test_unknown_encoding_is_refused(lab, encoding):
    with pytest.raises(ValueError):
        lab.pcm_encode(np.zeros(2), encoding)


@checks("pcm_encode")
@pytest.mark.parametrize("encoding", ["uint8", "int16", "int24", "int32"], ids=["8", "16", "24", "32"])
def test_samples_that_are_no_numbers_are_refused_in_whole_numbers(lab, encoding):
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError):
            lab.pcm_encode(np.array([0.1, bad]), encoding)


@checks("pcm_encode")
def test_floating_point_may_hold_infinity(lab):
    assert lab.pcm_encode(np.array([np.inf]), "float32") == struct.pack("<f", np.inf)
    assert lab.pcm_encode(np.array([-np.inf]), "float64") == struct.pack("<d", -np.inf)


# --- pcm_decode --------------------------------------------------------------------------------------


def by_int(data, encoding):
    """One number at a time, with the standard library alone."""
    size, samples = BYTES[encoding], []
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        if encoding.startswith("float"):
            samples.append(struct.unpack("<f" if size == 4 else "<d", piece)[0])
            continue
        number = int.from_bytes(piece, "little", signed=encoding != "uint8")
        samples.append((number - 128) / 128 if encoding == "uint8" else number / 2 ** (8 * size - 1))
    return np.array(samples)


@checks("pcm_decode", visible=True)
def test_known_bytes_become_known_samples(lab):
    np.testing.assert_array_equal(lab.pcm_decode(bytes([128, 0, 192, 255]), "uint8"), [0, -1, 0.5, 127 / 128])
    np.testing.assert_array_equal(lab.pcm_decode(bytes.fromhex("0040 00c0 0080"), "int16"), [0.5, -0.5, -1])
    np.testing.assert_array_equal(lab.pcm_decode(bytes.fromhex("000040 0000c0"), "int24"), [0.5, -0.5])


@checks("pcm_decode")
@ENCODINGS
@given(seed=SEEDS, length=st.integers(0, 30))
def test_any_bytes_are_read_as_by_the_standard_library(lab, encoding, seed, length):
    """Read number by number, all bytes must give the same samples."""
    random = np.random.default_rng(seed)
    if encoding.startswith("float"):
        data = random.normal(0, 2, length).astype("<f4" if encoding == "float32" else "<f8").tobytes()
    else:
        data = random.integers(0, 256, length * BYTES[encoding], dtype=np.uint8).tobytes()
    output = lab.pcm_decode(data, encoding)
    assert output.dtype == np.float64
    np.testing.assert_array_equal(output, by_int(data, encoding))


@checks("pcm_decode")
@ENCODINGS
def test_samples_are_those_that_soundfile_reads(lab, rng, encoding):
    import soundfile

    data = parts.pcm_encode(rng.uniform(-1, 1, 300), encoding)
    expected, _ = soundfile.read(
        io.BytesIO(data),
        format="RAW",
        subtype=SUBTYPES[encoding],
        samplerate=8000,
        channels=1,
        endian="LITTLE",
    )
    np.testing.assert_array_equal(lab.pcm_decode(data, encoding), expected)


@checks("pcm_decode")
@pytest.mark.parametrize("encoding", ["int16", "int24", "int32"], ids=["16", "24", "32"])
def test_lowest_and_highest_numbers_have_the_right_sign(lab, encoding):
    size = BYTES[encoding]
    lowest, highest, minus_one = b"\0" * (size - 1) + b"\x80", b"\xff" * (size - 1) + b"\x7f", b"\xff" * size
    step = 2.0 ** (1 - 8 * size)
    output = lab.pcm_decode(lowest + highest + minus_one, encoding)
    np.testing.assert_array_equal(output, [-1, 1 - step, -step])


@checks("pcm_decode")
@pytest.mark.parametrize("encoding", ["int16", "int24", "int32", "float32", "float64"])
def test_bytes_that_end_in_the_middle_of_a_sample_are_refused(lab, encoding):
    for extra in range(1, BYTES[encoding]):
        with pytest.raises(ValueError):
            lab.pcm_decode(bytes(BYTES[encoding] * 2 + extra), encoding)


@checks("pcm_decode")
@pytest.mark.parametrize("encoding", ["int8", "float16", ""])
def test_unknown_encoding_to_decode_is_refused(lab, encoding):
    with pytest.raises(ValueError):
        lab.pcm_decode(bytes(8), encoding)


@checks("pcm_decode")
def test_no_bytes_are_no_samples(lab):
    for encoding in BYTES:
        assert np.shape(lab.pcm_decode(b"", encoding)) == (0,)


# --- deinterleave ------------------------------------------------------------------------------------


@checks("deinterleave", visible=True)
def test_neighbours_go_to_different_channels(lab):
    output = lab.deinterleave(np.array([1.0, 10.0, 2.0, 20.0, 3.0, 30.0]), 2)
    np.testing.assert_array_equal(output, [[1, 10], [2, 20], [3, 30]])


@checks("deinterleave")
@given(seed=SEEDS, length=st.integers(0, 40), n_channels=st.integers(1, 8))
def test_channel_c_is_every_nth_value_from_c_on(lab, seed, length, n_channels):
    """Channel c must be the values c, c + n, c + 2n, …"""
    values = noise(seed, length * n_channels)
    output = np.asarray(lab.deinterleave(values, n_channels))
    assert output.shape == (length, n_channels)
    for channel in range(n_channels):
        np.testing.assert_array_equal(output[:, channel], values[channel::n_channels])


@checks("deinterleave")
def test_agrees_with_the_channels_that_soundfile_reads(lab, rng):
    import soundfile

    values = rng.integers(-32_768, 32_768, 300).astype(np.int16)
    expected, _ = soundfile.read(
        io.BytesIO(values.astype("<i2").tobytes()),
        format="RAW",
        subtype="PCM_16",
        samplerate=8000,
        channels=3,
        endian="LITTLE",
    )
    np.testing.assert_array_equal(lab.deinterleave(values / 32_768, 3), expected)


@checks("deinterleave")
def test_mono_has_one_column(lab):
    np.testing.assert_array_equal(lab.deinterleave(np.array([4.0, 5.0]), 1), [[4], [5]])


@checks("deinterleave")
def test_values_that_do_not_fill_the_channels_are_refused(lab):
    for length, n_channels in ((5, 2), (7, 3), (1, 2)):
        with pytest.raises(ValueError):
            lab.deinterleave(np.zeros(length), n_channels)


@checks("deinterleave")
@pytest.mark.parametrize("n_channels", [0, -1, -2], ids=["none", "minus one", "minus two"])
def test_number_of_channels_must_be_positive(lab, n_channels):
    with pytest.raises(ValueError):
        lab.deinterleave(np.zeros(4), n_channels)


# --- riff_chunks -------------------------------------------------------------------------------------


def chunk(name, content, padding=b"\0"):
    return name.encode("latin-1") + struct.pack("<I", len(content)) + content + padding * (len(content) % 2)


def riff(*chunks, form=b"WAVE", size=None):
    body = form + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


@checks("riff_chunks", visible=True)
def test_chunks_come_in_order_with_their_content(lab):
    data = riff(chunk("fmt ", b"sixteen bytes!!!"), chunk("data", b"four"))
    assert lab.riff_chunks(data) == [("fmt ", b"sixteen bytes!!!"), ("data", b"four")]


@checks("riff_chunks")
@given(seed=SEEDS, sizes=st.lists(st.integers(0, 12), max_size=6))
def test_any_row_of_chunks_is_found_again(lab, seed, sizes):
    """Chunks of any size, even, odd and zero, must come back without their padding."""
    random = np.random.default_rng(seed)
    wanted = [
        (bytes(random.integers(32, 127, 4, dtype=np.uint8)).decode(), random.bytes(size)) for size in sizes
    ]
    # the padding byte is not always zero in the wild
    data = riff(*(chunk(name, content, random.bytes(1)) for name, content in wanted))
    assert lab.riff_chunks(data) == wanted


@checks("riff_chunks")
def test_file_of_the_standard_library_has_its_two_chunks(lab, rng):
    """In a file written by Python's module wave there must be "fmt " and "data" with the frames."""
    frames, buffer = rng.bytes(60), io.BytesIO()
    with wave.open(buffer, mode="wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(frames)
    chunks = lab.riff_chunks(buffer.getvalue())
    assert [name for name, _ in chunks] == ["fmt ", "data"]
    assert chunks[0][1] == struct.pack("<HHIIHH", 1, 2, 16_000, 64_000, 4, 16)
    assert chunks[1][1] == frames


@checks("riff_chunks")
def test_file_of_soundfile_has_its_chunks(lab, rng):
    """In a file with metadata by soundfile, every byte must belong to a chunk."""
    import soundfile

    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", samplerate=8000, channels=1, format="WAV", subtype="FLOAT") as file:
        file.title = "seven"
        file.write(rng.normal(0, 0.1, 11))
    data = buffer.getvalue()
    chunks = lab.riff_chunks(data)
    names = [name for name, _ in chunks]
    assert {"fmt ", "fact", "data", "LIST"} <= set(names)
    assert b"seven" in dict(chunks)["LIST"]
    assert riff(*(chunk(name, content) for name, content in chunks)) == data


@checks("riff_chunks")
def test_byte_of_padding_after_an_odd_chunk_is_skipped(lab):
    data = riff(chunk("LIST", b"odd"), chunk("data", b"12345"), chunk("id3 ", b"xx"))
    assert lab.riff_chunks(data) == [("LIST", b"odd"), ("data", b"12345"), ("id3 ", b"xx")]


@checks("riff_chunks")
def test_missing_padding_at_the_very_end_is_no_error(lab):
    data = riff(b"data" + struct.pack("<I", 3) + b"abc")
    assert lab.riff_chunks(data) == [("data", b"abc")]


@checks("riff_chunks")
def test_bytes_after_the_end_do_not_count(lab):
    data = riff(chunk("data", b"abcd"))
    assert lab.riff_chunks(data + chunk("more", b"wxyz")) == [("data", b"abcd")]
    assert lab.riff_chunks(data + b"TAG") == [("data", b"abcd")]


@checks("riff_chunks")
def test_no_chunks_give_an_empty_list(lab):
    assert lab.riff_chunks(riff()) == []


@checks("riff_chunks")
def test_sizes_use_all_four_bytes(lab):
    content = bytes(70_001)
    assert lab.riff_chunks(riff(chunk("data", content), chunk("last", b"z"))) == [
        ("data", content),
        ("last", b"z"),
    ]


@checks("riff_chunks")
@pytest.mark.parametrize(
    "head",
    [b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"ID3\x04", b"\xff\xfb\x90\x64", b"riff", b"\0\0\0\0"],
    ids=["RIFX", "RF64", "AIFF", "FLAC", "Ogg", "MP3 tag", "MP3 frame", "small letters", "zeros"],
)
def test_files_of_another_kind_are_refused(lab, head):
    data = head + riff(chunk("data", b"abcd"))[4:]
    with pytest.raises(ValueError):
        lab.riff_chunks(data)


@checks("riff_chunks")
def test_riff_files_that_are_no_waves_are_refused(lab):
    for form in (b"AVI ", b"WEBP", b"wave"):
        with pytest.raises(ValueError):
            lab.riff_chunks(riff(chunk("data", b"abcd"), form=form))


@checks("riff_chunks")
def test_every_file_that_is_cut_off_is_refused(lab):
    """Wherever the file breaks off before the end that it names, it must raise ValueError."""
    data = riff(chunk("fmt ", b"sixteen bytes!!!"), chunk("data", b"abcdef"))
    for length in range(len(data)):
        with pytest.raises(ValueError):
            lab.riff_chunks(data[:length])


@checks("riff_chunks")
def test_chunk_that_reaches_beyond_the_end_is_refused(lab):
    for size in (5, 6, 100, 2**32 - 1):
        with pytest.raises(ValueError):
            lab.riff_chunks(riff(b"data" + struct.pack("<I", size) + b"abcd"))
    # the file goes on, but not inside the outer box
    with pytest.raises(ValueError):
        lab.riff_chunks(riff(b"data" + struct.pack("<I", 8) + b"abcd") + b"efgh")


@checks("riff_chunks")
def test_chunk_header_that_is_cut_off_is_refused(lab):
    for extra in (b"d", b"data", b"data\0\0\0"):
        with pytest.raises(ValueError):
            lab.riff_chunks(riff(chunk("fmt ", b"ab"), extra))


# --- parse_format ------------------------------------------------------------------------------------

TAIL = bytes.fromhex("000000001000800000aa00389b71")


def fmt(tag, n_channels, sample_rate, bits, block_align=None):
    block = block_align if block_align is not None else n_channels * bits // 8
    return struct.pack("<HHIIHH", tag, n_channels, sample_rate, sample_rate * block, block, bits)


def extended(tag, n_channels, sample_rate, bits, valid=None, tail=TAIL):
    extension = struct.pack("<HHI", 22, bits if valid is None else valid, 3)
    return fmt(0xFFFE, n_channels, sample_rate, bits) + extension + struct.pack("<H", tag) + tail


KINDS = {(1, 8): "uint8", (1, 16): "int16", (1, 24): "int24", (1, 32): "int32"}
KINDS |= {(3, 32): "float32", (3, 64): "float64"}


@checks("parse_format", visible=True)
def test_all_six_encodings_are_recognised(lab):
    for (tag, bits), encoding in KINDS.items():
        expected = {"encoding": encoding, "n_channels": 2, "sample_rate": 44_100}
        assert lab.parse_format(fmt(tag, 2, 44_100, bits)) == expected


@checks("parse_format")
@given(
    kind=st.sampled_from(list(KINDS)),
    n_channels=st.integers(1, 300),
    sample_rate=st.integers(1, 200_000),
    is_extended=st.booleans(),
    more=st.binary(max_size=4),
)
def test_any_valid_chunk_is_understood(lab, kind, n_channels, sample_rate, is_extended, more):
    """Both forms, any number of channels, any sample rate; bytes that follow must not matter."""
    content = (extended if is_extended else fmt)(kind[0], n_channels, sample_rate, kind[1])
    expected = {"encoding": KINDS[kind], "n_channels": n_channels, "sample_rate": sample_rate}
    assert lab.parse_format(content + more) == expected


@checks("parse_format")
@ENCODINGS
def test_extended_chunks_of_soundfile_are_understood(lab, encoding):
    """The chunk that soundfile writes for WAVE_FORMAT_EXTENSIBLE must be read."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((4, 3)), 48_000, format="WAVEX", subtype=SUBTYPES[encoding])
    data = buffer.getvalue()
    place = data.index(b"fmt ")
    content = data[place + 8 : place + 8 + int.from_bytes(data[place + 4 : place + 8], "little")]
    expected = {"encoding": encoding, "n_channels": 3, "sample_rate": 48_000}
    assert lab.parse_format(content) == expected


@checks("parse_format")
def test_fewer_valid_bits_change_nothing(lab):
    """20 bits in a container of 24 are read as 24."""
    content = extended(1, 2, 48_000, 24, valid=20)
    assert lab.parse_format(content) == {"encoding": "int24", "n_channels": 2, "sample_rate": 48_000}


@checks("parse_format")
def test_bytes_per_second_are_not_needed(lab):
    """Many programs write nonsense there."""
    content = fmt(1, 1, 8000, 16)
    content = content[:8] + b"\0\0\0\0" + content[12:]
    assert lab.parse_format(content) == {"encoding": "int16", "n_channels": 1, "sample_rate": 8000}


@checks("parse_format")
def test_chunk_of_less_than_sixteen_bytes_is_refused(lab):
    for length in (0, 10, 15):
        with pytest.raises(ValueError):
            lab.parse_format(fmt(1, 1, 8000, 16)[:length])


@checks("parse_format")
def test_extended_chunk_of_less_than_forty_bytes_is_refused(lab):
    content = extended(1, 1, 8000, 16)
    for length in (16, 18, 24, 26, 39):
        with pytest.raises(ValueError):
            lab.parse_format(content[:length])
    assert lab.parse_format(content[:40])["encoding"] == "int16"


@checks("parse_format")
def test_unknown_mark_of_the_extended_form_is_refused(lab):
    for place in range(14):
        tail = bytearray(TAIL)
        tail[place] ^= 0x10
        with pytest.raises(ValueError):
            lab.parse_format(extended(1, 2, 8000, 16, tail=bytes(tail)))


@checks("parse_format")
@pytest.mark.parametrize(
    ("tag", "bits"),
    [(7, 8), (6, 8), (2, 4), (85, 16), (0, 16), (1, 12), (1, 64), (3, 16), (3, 24), (0xFFFE, 16)],
    ids=[
        "μ-law",
        "A-law",
        "ADPCM",
        "MP3",
        "tag zero",
        "twelve bits",
        "whole numbers of 64 bits",
        "half precision",
        "float of 24 bits",
        "extended twice",
    ],
)
def test_formats_that_cannot_be_read_are_refused(lab, tag, bits):
    block = max(1, bits // 8)
    if tag != 0xFFFE:
        with pytest.raises(ValueError):
            lab.parse_format(fmt(tag, 1, 8000, bits, block))
    with pytest.raises(ValueError):
        lab.parse_format(extended(tag, 1, 8000, bits))


@checks("parse_format")
def test_no_channels_are_refused(lab):
    with pytest.raises(ValueError):
        lab.parse_format(fmt(1, 0, 8000, 16))


@checks("parse_format")
def test_sample_rate_of_zero_is_refused(lab):
    with pytest.raises(ValueError):
        lab.parse_format(fmt(1, 1, 0, 16))


@checks("parse_format")
@pytest.mark.parametrize("block_align", [0, 2, 3, 8], ids=["zero", "one channel", "odd", "double"])
def test_block_align_that_does_not_fit_is_refused(lab, block_align):
    with pytest.raises(ValueError):
        lab.parse_format(fmt(1, 2, 8000, 16, block_align))


# --- parse_wav ---------------------------------------------------------------------------------------


@checks("parse_wav", visible=True)
def test_smallest_stereo_file_is_read(lab):
    data = riff(chunk("fmt ", fmt(1, 2, 8000, 8)), chunk("data", bytes([128, 192, 64, 0])))
    samples, sample_rate, encoding = lab.parse_wav(data)
    np.testing.assert_array_equal(samples, [[0, 0.5], [-0.5, -1]])
    assert (sample_rate, encoding) == (8000, "uint8")


@checks("parse_wav")
@ENCODINGS
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
def test_files_of_soundfile_are_read_to_the_bit(lab, rng, encoding, container):
    """A stereo file of any encoding, plain or extended, must give the samples that soundfile reads."""
    import soundfile

    buffer = io.BytesIO()
    length = int(rng.integers(20, 60))
    written = rng.uniform(-1, 1, (length, 2))
    soundfile.write(buffer, written, 22_050, format=container, subtype=SUBTYPES[encoding])
    expected, _ = soundfile.read(io.BytesIO(buffer.getvalue()), always_2d=True)
    samples, sample_rate, name = lab.parse_wav(buffer.getvalue())
    np.testing.assert_array_equal(samples, expected)
    assert (sample_rate, name) == (22_050, encoding)


@checks("parse_wav")
@given(
    seed=SEEDS,
    length=st.integers(0, 9),
    n_channels=st.integers(1, 3),
    kind=st.sampled_from([(1, 8), (1, 16), (1, 24), (1, 32)]),
    extra=st.lists(st.integers(0, 7), min_size=3, max_size=3),
)
def test_unknown_chunks_before_between_and_after_are_skipped(lab, seed, length, n_channels, kind, extra):
    random = np.random.default_rng(seed)
    raw = random.bytes(length * n_channels * kind[1] // 8)
    first, middle, last = (chunk(f"xyz{n}", random.bytes(size)) for n, size in enumerate(extra))
    form = chunk("fmt ", fmt(kind[0], n_channels, 16_000, kind[1]))
    samples, sample_rate, encoding = lab.parse_wav(riff(first, form, middle, chunk("data", raw), last))
    expected = by_int(raw, KINDS[kind]).reshape(length, n_channels)
    assert np.shape(samples) == (length, n_channels)
    np.testing.assert_array_equal(samples, expected)
    assert (sample_rate, encoding) == (16_000, KINDS[kind])


@checks("parse_wav")
def test_mono_file_of_the_standard_library_is_one_column(lab, rng):
    numbers, buffer = rng.integers(-32_768, 32_768, 41), io.BytesIO()
    with wave.open(buffer, mode="wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(numbers.astype("<i2").tobytes())
    samples, sample_rate, encoding = lab.parse_wav(buffer.getvalue())
    np.testing.assert_array_equal(samples, numbers[:, None] / 32_768)
    assert (sample_rate, encoding) == (8000, "int16")


@checks("parse_wav")
def test_data_may_stand_before_the_format(lab):
    data = riff(chunk("data", bytes([64, 128])), chunk("fmt ", fmt(1, 1, 8000, 8)))
    np.testing.assert_array_equal(lab.parse_wav(data)[0], [[-0.5], [0]])


@checks("parse_wav")
def test_of_two_chunks_with_one_name_the_first_counts(lab):
    form, other = chunk("fmt ", fmt(1, 1, 8000, 8)), chunk("fmt ", fmt(1, 2, 44_100, 8))
    data = riff(form, chunk("data", bytes([0, 255])), other, chunk("data", bytes([128] * 6)))
    samples, sample_rate, _ = lab.parse_wav(data)
    np.testing.assert_array_equal(samples, [[-1], [127 / 128]])
    assert sample_rate == 8000


@checks("parse_wav")
def test_file_without_format_or_data_is_refused(lab):
    form, data = chunk("fmt ", fmt(1, 1, 8000, 8)), chunk("data", bytes(4))
    for chunks in ((form,), (data,), (), (chunk("fmt\0", fmt(1, 1, 8000, 8)), data)):
        with pytest.raises(ValueError):
            lab.parse_wav(riff(*chunks))


@checks("parse_wav")
def test_data_that_end_in_the_middle_of_a_moment_are_refused(lab):
    form = chunk("fmt ", fmt(1, 2, 8000, 16))
    for length in (1, 2, 3, 6, 7):
        with pytest.raises(ValueError):
            lab.parse_wav(riff(form, chunk("data", bytes(length))))


@checks("parse_wav")
def test_file_that_is_cut_off_is_refused(lab):
    """A download that broke off must raise ValueError, not give fewer samples."""
    data = riff(chunk("fmt ", fmt(1, 1, 8000, 16)), chunk("data", bytes(40)))
    for length in (0, 3, 11, 20, 36, 44, 60, len(data) - 1):
        with pytest.raises(ValueError):
            lab.parse_wav(data[:length])


@checks("parse_wav")
def test_other_formats_are_refused(lab):
    """What soundfile writes as FLAC, Ogg, MP3 or AIFF is no WAV file, and neither is compressed WAV."""
    import soundfile

    for container, subtype in (
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"),
        ("WAV", "ULAW"),
        ("WAV", "MS_ADPCM"),
    ):
        buffer = io.BytesIO()
        soundfile.write(buffer, np.zeros(2000), 8000, format=container, subtype=subtype)
        with pytest.raises(ValueError):
            lab.parse_wav(buffer.getvalue())


# --- write_wav ---------------------------------------------------------------------------------------


@checks("write_wav")
@ENCODINGS
@pytest.mark.parametrize("n_channels", [1, 2, 5], ids=["mono", "stereo", "five channels"])
def test_soundfile_reads_what_was_written(lab, rng, encoding, n_channels):
    """soundfile must find the same encoding, rate, channels and samples."""
    import soundfile

    samples = rng.uniform(-0.99, 0.99, (int(rng.integers(5, 40)), n_channels))
    data = lab.write_wav(samples, 11_025, encoding)
    info = soundfile.info(io.BytesIO(data))
    assert (info.format, info.subtype) == ("WAV", SUBTYPES[encoding])
    assert (info.samplerate, info.channels, info.frames) == (11_025, n_channels, len(samples))
    back, _ = soundfile.read(io.BytesIO(data), always_2d=True)
    step = 2.0**-24 if encoding.startswith("float") else 2.0 ** (1 - 8 * BYTES[encoding])
    np.testing.assert_allclose(back, samples, rtol=0, atol=0.5001 * step)  # half a step


@checks("write_wav")
@pytest.mark.parametrize("encoding", ["uint8", "int16", "int24", "int32"], ids=["8", "16", "24", "32"])
def test_the_standard_library_reads_what_was_written(lab, rng, encoding):
    """Python's module wave must find the same frames."""
    samples = rng.uniform(-1, 1, (7, 3))
    with wave.open(io.BytesIO(lab.write_wav(samples, 48_000, encoding))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (3, BYTES[encoding])
        assert (file.getframerate(), file.getnframes()) == (48_000, 7)
        assert file.readframes(100) == by_struct(samples.reshape(-1), encoding)


def chunks_by_hand(data):
    """The chunks, and whether all sizes and the padding add up to the length of the file exactly."""
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    place, found = 12, {}
    while place < len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        assert place + 8 + size <= len(data)
        found[data[place : place + 4]] = data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    assert place == len(data)
    return found


@checks("write_wav")
@given(
    seed=SEEDS,
    length=st.integers(0, 20),
    n_channels=st.integers(1, 3),
    encoding=st.sampled_from(list(BYTES)),
    sample_rate=st.integers(1, 96_000),
)
def test_sizes_and_padding_add_up(lab, seed, length, n_channels, encoding, sample_rate):
    """RIFF size, chunk sizes and the byte of padding must be right, and all fields of the format chunk."""
    samples = noise(seed, (length, n_channels), 0.2)
    found = chunks_by_hand(lab.write_wav(samples, sample_rate, encoding))
    block = n_channels * BYTES[encoding]
    fields = struct.unpack("<HHIIHH", found[b"fmt "][:16])
    tag = 3 if encoding.startswith("float") else 1
    assert fields == (tag, n_channels, sample_rate, sample_rate * block, block, 8 * BYTES[encoding])
    assert found[b"data"] == by_struct(samples.reshape(-1), encoding)


@checks("write_wav")
def test_odd_data_are_followed_by_one_byte_that_no_size_of_a_chunk_counts(lab):
    for length, encoding in ((1, "uint8"), (3, "uint8"), (3, "int24"), (5, "int24")):
        data = lab.write_wav(np.linspace(-0.5, 0.5, length), 8000, encoding)
        assert len(chunks_by_hand(data)[b"data"]) == length * BYTES[encoding]


@checks("write_wav", visible=True)
def test_one_dimension_is_mono(lab):
    data = lab.write_wav(np.array([0.0, 0.5, -0.5]), 8000, "uint8")
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getnframes()) == (1, 3)
        assert file.readframes(3) == bytes([128, 192, 64])


@checks("write_wav")
def test_sixteen_bits_are_written_without_being_told(lab):
    with wave.open(io.BytesIO(lab.write_wav(np.zeros(4), 16_000))) as file:
        assert (file.getsampwidth(), file.getframerate()) == (2, 16_000)


@checks("write_wav")
@ENCODINGS
def test_reader_gives_back_what_was_written(lab, reference, rng, encoding):
    """Through the file and back, samples that the encoding can hold must not change at all."""
    step = 2.0 ** (1 - 8 * min(3, BYTES[encoding]))
    samples = np.round(rng.uniform(-0.9, 0.9, (13, 2)) / step) * step  # 24 bits also fit into a float32
    back, sample_rate, name = reference.parse_wav(lab.write_wav(samples, 44_100, encoding))
    np.testing.assert_array_equal(back, samples)
    assert (sample_rate, name) == (44_100, encoding)


@checks("write_wav")
def test_unknown_encoding_of_a_file_is_refused(lab):
    for encoding in ("int8", "mp3", ""):
        with pytest.raises(ValueError):
            lab.write_wav(np.zeros(3), 8000, encoding)


@checks("write_wav")
def test_samples_that_are_no_numbers_are_not_written(lab):
    with pytest.raises(ValueError):
        lab.write_wav(np.array([0.0, np.nan]), 8000)


@checks("write_wav")
@pytest.mark.parametrize(
    "shape", [(), (2, 2, 2), (5, 0)], ids=["a single number", "three axes", "no channels"]
)
def test_samples_of_another_shape_are_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.write_wav(np.zeros(shape), 8000)


@checks("write_wav")
@pytest.mark.parametrize("sample_rate", [0, -8000], ids=["zero", "negative"])
def test_sample_rate_of_a_file_must_be_positive(lab, sample_rate):
    with pytest.raises(ValueError):
        lab.write_wav(np.zeros(3), sample_rate)


# --- resample ----------------------------------------------------------------------------------------


def kernel(tau, stretch, zeros):
    """The faded sinc at one distance, written with the standard library."""
    import math

    u = stretch * tau
    if abs(u) >= zeros:
        return 0.0
    sinc = 1.0 if u == 0 else math.sin(math.pi * u) / (math.pi * u)
    return stretch * sinc * math.cos(math.pi * u / (2 * zeros)) ** 2


@checks("resample")
@given(
    seed=SEEDS,
    length=st.integers(1, 12),
    from_rate=st.integers(1, 12),
    to_rate=st.integers(1, 12),
    zeros=st.integers(1, 5),
)
def test_agrees_with_the_sum_over_all_samples(lab, seed, length, from_rate, to_rate, zeros):
    """Each output must be the sum over all input samples, for any two rates and any length."""
    samples = noise(seed, length)
    expected = samples
    if from_rate != to_rate:
        stretch = 0.9 * min(1, to_rate / from_rate)
        count = -(-length * to_rate // from_rate)
        times = [m * from_rate / to_rate for m in range(count)]
        expected = [sum(x * kernel(t - k, stretch, zeros) for k, x in enumerate(samples)) for t in times]
    output = lab.resample(samples, from_rate, to_rate, zeros)
    assert np.shape(output) == np.shape(expected)
    np.testing.assert_allclose(output, expected, rtol=1e-9, atol=1e-12)


@checks("resample")
@pytest.mark.parametrize(
    ("from_rate", "to_rate"),
    [(8000, 16_000), (16_000, 8000), (44_100, 16_000), (16_000, 22_050)],
    ids=["twice", "half", "CD to speech", "speech to synthesis"],
)
def test_agrees_with_resample_poly_of_scipy_with_the_same_filter(lab, rng, from_rate, to_rate):
    """scipy's polyphase resampling with taps cut from the same faded sinc must give the same samples."""
    from math import gcd

    from scipy.signal import resample_poly

    up, down = to_rate // gcd(from_rate, to_rate), from_rate // gcd(from_rate, to_rate)
    stretch = 0.9 * min(1, to_rate / from_rate)
    reach = int(np.ceil(16 / stretch)) * up
    tau = stretch * np.arange(-reach, reach + 1) / up
    taps = np.where(np.abs(tau) < 16, stretch * np.sinc(tau) * np.cos(np.pi * tau / 32) ** 2, 0)
    samples = rng.normal(0, 0.3, 500)
    expected = resample_poly(samples, up, down, window=taps / up)  # it multiplies the taps by `up`
    output = lab.resample(samples, from_rate, to_rate)
    assert np.shape(output) == np.shape(expected)
    np.testing.assert_allclose(output, expected, rtol=1e-8, atol=1e-10)


@checks("resample")
@given(frequency=st.floats(50, 3500), to_rate=st.sampled_from([11_025, 12_000, 16_000, 22_050]))
def test_tones_come_out_as_if_sampled_at_the_new_rate(lab, frequency, to_rate):
    """Going up, every tone up to 3500 Hz must be the same tone at the new rate."""
    wave_at = [np.sin(2 * np.pi * frequency * np.arange(rate // 10) / rate + 1) for rate in (8000, to_rate)]
    output = np.asarray(lab.resample(wave_at[0], 8000, to_rate))
    inner = slice(to_rate // 100, len(wave_at[1]) - to_rate // 100)  # 10 ms at each end: the filter's reach
    # a Hann-faded sinc ripples by 0.0063 beside its slope, which reaches from 3240 to 3960 Hz: at 3500 Hz
    # a part is gone already
    allowed = 0.004 if frequency < 3000 else 0.3
    np.testing.assert_allclose(output[: len(wave_at[1])][inner], wave_at[1][inner], atol=allowed)


@checks("resample")
def test_tones_that_the_new_rate_cannot_hold_vanish(lab, rng):
    frequency = rng.uniform(4000, 7900)
    output = np.asarray(lab.resample(np.sin(2 * np.pi * frequency * np.arange(4000) / 16_000), 16_000, 8000))
    assert np.abs(output[100:-100]).max() < 0.01  # Hann: 44 dB down from where the slope ends


@checks("resample", visible=True)
def test_a_constant_stays_a_constant(lab):
    output = np.asarray(lab.resample(np.full(400, 0.5), 16_000, 8000))
    assert output.shape == (200,)
    np.testing.assert_allclose(output[40:-40], 0.5, atol=0.001)


@checks("resample")
def test_number_of_new_samples_is_rounded_up(lab):
    for length, from_rate, to_rate, count in (
        (100, 44_100, 16_000, 37),
        (441, 44_100, 16_000, 160),
        (1, 48_000, 8000, 1),
        (7, 2, 3, 11),
        (0, 8000, 16_000, 0),
    ):
        assert np.shape(lab.resample(np.ones(length), from_rate, to_rate)) == (count,)


@checks("resample")
def test_equal_rates_leave_the_samples_alone(lab, rng):
    samples = rng.normal(size=50)
    np.testing.assert_array_equal(lab.resample(samples, 16_000, 16_000), samples)


@checks("resample")
def test_sixteen_zero_crossings_are_used_without_being_told(lab, reference, rng):
    samples = rng.normal(size=200)
    np.testing.assert_allclose(
        lab.resample(samples, 3, 2), reference.resample(samples, 3, 2, 16), rtol=1e-9, atol=1e-12
    )


@checks("resample")
def test_whole_numbers_are_interpolated_without_rounding(lab, reference, rng):
    samples = rng.integers(-30_000, 30_000, 60).astype(np.int16)
    expected = reference.resample(samples.astype(np.float64), 2, 3)
    np.testing.assert_allclose(lab.resample(samples, 2, 3), expected, rtol=1e-9, atol=1e-7)


@checks("resample")
@pytest.mark.parametrize(
    ("from_rate", "to_rate", "zeros"),
    [
        (0, 8000, 16),
        (8000, 0, 16),
        (-8000, 8000, 16),
        (8000, -8000, 16),
        (8000, 16_000, 0),
        (8000, 16_000, -1),
    ],
    ids=["from zero", "to zero", "from negative", "to negative", "no zeros", "negative zeros"],
)
def test_rates_and_zero_crossings_must_be_positive(lab, from_rate, to_rate, zeros):
    with pytest.raises(ValueError):
        lab.resample(np.ones(50), from_rate, to_rate, zeros)


@checks("resample")
def test_two_channels_to_resample_are_refused(lab):
    with pytest.raises(ValueError):
        lab.resample(np.ones((50, 2)), 8000, 16_000)


@picture("resample")
def resampled(output, samples, from_rate, to_rate, *args, **options):
    from labkit import plot

    return plot.lines(
        {
            "input": (np.arange(len(samples)) / from_rate, samples),
            "yours": (np.arange(len(output)) / to_rate, output),
        },
        x_label="time [s]",
        y_label="amplitude",
        title="your resample: both should follow one curve",
    )


@sound("resample")
def resampled_sound(output, samples, from_rate, to_rate, *args, **options):
    return {"yours": output / max(np.abs(output).max(), 1)}, to_rate
