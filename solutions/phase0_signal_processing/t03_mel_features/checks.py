"""Hidden checks of the lab on mel features."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, picture, sound

parts = lab_beside(__file__)  # only to compose: a part that builds on others is fed with the reference's

# Two orders of summation of at most a few thousand float64 terms differ by some 1e-13 of their size.
EXACT = 1e-10

SCALES = pytest.mark.parametrize("scale", ["htk", "slaney"])


def noise(seed, length, size=1.0):
    return np.random.default_rng(seed).normal(0, size, length)


# --- preemphasis -------------------------------------------------------------------------------------


@checks("preemphasis", visible=True)
def test_each_sample_loses_a_share_of_the_one_before(lab):
    output = lab.preemphasis(np.array([2.0, 4.0, 4.0, -6.0, 1.0]), 0.5)
    np.testing.assert_allclose(output, [2.0, 3.0, 2.0, -8.0, 4.0], rtol=1e-12)


@checks("preemphasis")
def test_default_coefficient_is_097(lab):
    """Without being told, the coefficient is 0.97."""
    # a constant keeps 3 % of itself: 1 - 0.97 is exact to 1e-16, so 1e-12 is ample
    output = lab.preemphasis(np.full(50, 10.0))
    assert output[0] == pytest.approx(10.0, rel=1e-12)
    np.testing.assert_allclose(output[1:], 0.3, rtol=1e-12)


@checks("preemphasis")
@given(seed=st.integers(0, 10**6), length=st.integers(1, 300), coefficient=st.floats(0, 1))
def test_filter_of_scipy_gives_the_same(lab, seed, length, coefficient):
    """The result must be that of the filter y[t] = x[t] − coefficient · x[t − 1], at any length."""
    from scipy.signal import lfilter

    samples = noise(seed, length)
    expected = lfilter([1, -coefficient], [1], samples)
    np.testing.assert_allclose(lab.preemphasis(samples, coefficient), expected, rtol=EXACT, atol=1e-12)


@checks("preemphasis")
def test_a_rising_tone_begins_quieter_and_ends_louder(lab):
    """Of a tone that rises from 100 to 3500 Hz, the first quarter must get quieter and the last louder."""
    time = np.arange(8000) / 8000
    tone = 0.3 * np.sin(2 * np.pi * (100 * time + 1700 * time**2))
    quarters = zip(np.split(lab.preemphasis(tone), 4), np.split(tone, 4), strict=True)
    gains = [np.linalg.norm(after) / np.linalg.norm(before) for after, before in quarters]
    # |1 - 0.97·exp(-2πi f/8000)|: 0.08 to 0.73 below 950 Hz, 1.7 to 1.96 above 2650 Hz
    assert gains[0] < 0.73 and gains[3] > 1.7
    assert gains == sorted(gains)


@checks("preemphasis")
def test_integer_samples_give_fractions_and_do_not_overflow(lab):
    """16-bit samples must neither be rounded nor wrap around: the result can exceed 32767."""
    samples = np.array([30_000, -30_000, 30_000, 101], dtype=np.int16)
    output = lab.preemphasis(samples)
    np.testing.assert_allclose(output, [30_000, -59_100, 59_100, 101 - 29_100], rtol=1e-12)
    assert lab.preemphasis(np.array([1, 1], dtype=np.int16))[1] == pytest.approx(0.03, rel=1e-9)


@checks("preemphasis")
def test_single_precision_samples_are_computed_in_double_precision(lab):
    """float32 samples must be converted before the subtraction, or half of the digits are lost."""
    samples = np.array([0.1, 0.1], dtype=np.float32)
    exact = float(samples[1]) - 0.97 * float(samples[0])
    assert lab.preemphasis(samples)[1] == pytest.approx(exact, rel=1e-9)  # float32 would be off by 1e-6


@sound("preemphasis")
def before_and_after(output, samples, *args, **options):
    largest = max(np.abs(samples).max(), np.abs(output).max(), 1e-9)
    return {"input": samples / largest, "yours": output / largest}, 8000


# --- frame -------------------------------------------------------------------------------------------


@checks("frame", visible=True)
def test_frames_start_one_hop_apart(lab):
    frames = lab.frame(np.arange(10.0), 4, 3)
    np.testing.assert_array_equal(frames, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])


@checks("frame")
@given(frame_length=st.integers(1, 30), hop_length=st.integers(1, 40), extra=st.integers(0, 120))
def test_every_whole_frame_is_there_and_no_other(lab, frame_length, hop_length, extra):
    # brute force: walk along the signal while a whole frame fits
    samples = np.random.default_rng(extra).normal(size=frame_length + extra)
    expected, start = [], 0
    while start + frame_length <= len(samples):
        expected.append(samples[start : start + frame_length])
        start += hop_length
    np.testing.assert_array_equal(lab.frame(samples, frame_length, hop_length), expected)


@checks("frame")
def test_frames_are_those_of_librosa_transposed(lab, rng):
    """Frames must agree with librosa.util.frame, one frame per row."""
    import librosa

    samples = rng.normal(size=1003)
    expected = librosa.util.frame(samples, frame_length=200, hop_length=80).T
    np.testing.assert_array_equal(lab.frame(samples, 200, 80), expected)


@checks("frame")
def test_a_signal_of_exactly_one_frame_gives_one_frame(lab):
    np.testing.assert_array_equal(lab.frame(np.array([5.0, 6.0, 7.0]), 3, 2), [[5, 6, 7]])


@checks("frame")
def test_signal_shorter_than_a_frame_is_refused(lab):
    for length in (0, 4):
        with pytest.raises(ValueError):
            lab.frame(np.zeros(length), 5, 1)


@checks("frame")
@pytest.mark.parametrize(("frame_length", "hop_length"), [(0, 1), (1, 0), (-2, 3), (3, -2)])
def test_lengths_below_one_sample_are_refused(lab, frame_length, hop_length):
    with pytest.raises(ValueError):
        lab.frame(np.zeros(9), frame_length, hop_length)


@checks("frame")
def test_two_channels_are_refused(lab):
    with pytest.raises(ValueError):
        lab.frame(np.zeros((50, 2)), 5, 2)


# --- power_spectrum ----------------------------------------------------------------------------------


@checks("power_spectrum")
def test_constant_frame_shows_the_window_alone(lab):
    """The spectrum of a constant must be that of the periodic Hann window: three bins, then nothing."""
    # closed form: a Hann window of N samples has N/2 at 0 Hz, N/4 one bin beside it and zero elsewhere
    power = lab.power_spectrum(np.ones((2, 16)), 16)
    np.testing.assert_allclose(power, [[64, 16, 0, 0, 0, 0, 0, 0, 0]] * 2, atol=1e-10)


@checks("power_spectrum")
@given(seed=st.integers(0, 10**6), length=st.integers(1, 40), zeros=st.integers(0, 25))
def test_agrees_with_the_transform_written_as_a_sum(lab, seed, length, zeros):
    """The result must be |Σ w·x·e^(−2πikn/n_fft)|², for even and odd lengths, with and without zeros."""
    frames = noise(seed, (3, length))
    n_fft = length + zeros
    n = np.arange(length)
    window = np.sin(np.pi * n / length) ** 2  # the same Hann window by another formula
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), n) / n_fft)
    expected = np.abs((frames * window) @ waves.T) ** 2
    np.testing.assert_allclose(lab.power_spectrum(frames, n_fft), expected, rtol=1e-8, atol=1e-10)


@checks("power_spectrum")
def test_agrees_with_the_spectrogram_of_scipy(lab, rng):
    from scipy.signal import spectrogram

    samples = rng.normal(size=2000)
    _, _, expected = spectrogram(
        samples, window="hann", nperseg=200, noverlap=120, nfft=256, detrend=False, scaling="spectrum"
    )
    # scipy divides by the squared sum of the window (100² for 200 samples) and doubles all bins that
    # stand for two frequencies
    expected = expected.T * 100.0**2
    expected[:, 1:-1] /= 2
    frames = np.lib.stride_tricks.sliding_window_view(samples, 200)[::80]
    np.testing.assert_allclose(lab.power_spectrum(frames, 256), expected, rtol=1e-8, atol=1e-9)


@checks("power_spectrum")
@given(seed=st.integers(0, 10**6), n_fft=st.sampled_from([32, 33, 50]))
def test_power_adds_up_to_the_energy_of_the_windowed_frame(lab, seed, n_fft):
    """Parseval: the power over all n_fft frequencies must be n_fft times the windowed frame's energy."""
    frames = noise(seed, (2, 32))
    power = np.asarray(lab.power_spectrum(frames, n_fft))
    twice = power[:, 1:-1].sum(axis=1) if n_fft % 2 == 0 else power[:, 1:].sum(axis=1)
    both = power.sum(axis=1) + twice  # the inner bins also stand for the negative frequencies
    energy = ((frames * np.sin(np.pi * np.arange(32) / 32) ** 2) ** 2).sum(axis=1)
    np.testing.assert_allclose(both, n_fft * energy, rtol=EXACT)


@checks("power_spectrum")
def test_integer_samples_are_squared_without_overflow(lab):
    power = lab.power_spectrum(np.full((1, 8), 30_000, dtype=np.int16), 8)
    np.testing.assert_allclose(power[0, :2], [120_000.0**2, 60_000.0**2], rtol=1e-9)


@checks("power_spectrum")
def test_fft_shorter_than_the_frame_is_refused(lab):
    """n_fft below the frame length would silently cut samples off: it must raise ValueError."""
    with pytest.raises(ValueError):
        lab.power_spectrum(np.zeros((2, 16)), 15)


@picture("power_spectrum")
def spectra(output, frames, n_fft, **options):
    from labkit import plot

    return plot.lines(
        {"your first frame": output[0]}, x_label="bin", y_label="power", title="your power spectrum"
    )


# --- hz_to_mel and mel_to_hz -------------------------------------------------------------------------


@checks("hz_to_mel")
def test_htk_agrees_with_librosa(lab, rng):
    import librosa

    frequency = rng.uniform(0, 12_000, size=(4, 5))
    np.testing.assert_allclose(lab.hz_to_mel(frequency), librosa.hz_to_mel(frequency, htk=True), rtol=EXACT)


@checks("hz_to_mel")
def test_slaney_agrees_with_librosa(lab, rng):
    import librosa

    frequency = np.concatenate(
        [rng.uniform(0, 999, 20), rng.uniform(1001, 12_000, 20), [0, 999.9, 1000, 1000.1]]
    )
    np.testing.assert_allclose(lab.hz_to_mel(frequency, "slaney"), librosa.hz_to_mel(frequency), rtol=EXACT)


@checks("hz_to_mel")
def test_published_values_are_met(lab):
    """1000 Hz must be 1000 mel (HTK) and 15 mel (Slaney); 6400 Hz is 42 mel on Slaney's scale."""
    assert lab.hz_to_mel(1000.0, "htk") == pytest.approx(1000, abs=0.02)  # HTK's constants are rounded
    assert lab.hz_to_mel(1000.0, "slaney") == pytest.approx(15, rel=EXACT)
    assert lab.hz_to_mel(6400.0, "slaney") == pytest.approx(42, rel=EXACT)
    assert lab.hz_to_mel(400.0, scale="slaney") == pytest.approx(6, rel=EXACT)
    for scale in ("htk", "slaney"):
        assert lab.hz_to_mel(0.0, scale) == pytest.approx(0, abs=1e-12)


@checks("hz_to_mel")
@SCALES
@given(low=st.floats(0, 11_000), step=st.floats(1, 1000))
def test_higher_tones_get_more_mel_and_equal_steps_count_less_up_there(lab, scale, low, step):
    mel = np.asarray(lab.hz_to_mel(np.array([low, low + step, low + 2 * step]), scale))
    first, second = np.diff(mel)
    assert second > 0
    assert second <= first * (1 + 1e-9)  # equal in the straight part of Slaney's scale, up to rounding


@checks("hz_to_mel")
def test_array_keeps_its_shape(lab):
    assert np.shape(lab.hz_to_mel(np.full((2, 3, 1), 5.0))) == (2, 3, 1)
    assert np.shape(lab.hz_to_mel(440.0, "slaney")) == ()


@checks("hz_to_mel")
def test_unknown_scale_is_refused(lab):
    for scale in ("mel", "HTK!", ""):
        with pytest.raises(ValueError):
            lab.hz_to_mel(100.0, scale)


@checks("mel_to_hz")
def test_htk_inverse_agrees_with_librosa(lab, rng):
    import librosa

    mel = rng.uniform(0, 3500, size=(4, 5))
    np.testing.assert_allclose(lab.mel_to_hz(mel), librosa.mel_to_hz(mel, htk=True), rtol=EXACT, atol=1e-9)


@checks("mel_to_hz")
def test_slaney_inverse_agrees_with_librosa(lab, rng):
    import librosa

    mel = np.concatenate([rng.uniform(0, 14.9, 20), rng.uniform(15.1, 52, 20), [0, 14.99, 15, 15.01]])
    np.testing.assert_allclose(lab.mel_to_hz(mel, "slaney"), librosa.mel_to_hz(mel), rtol=EXACT, atol=1e-9)


@checks("mel_to_hz")
@SCALES
@given(frequency=st.floats(0, 20_000))
def test_way_to_mel_and_back_ends_where_it_began(lab, reference, scale, frequency):
    mel = float(reference.hz_to_mel(frequency, scale))
    # near 0 Hz, 10**x - 1 loses digits: some 1e-16 · 700 Hz remain, hence an absolute tolerance
    assert lab.mel_to_hz(mel, scale) == pytest.approx(frequency, rel=1e-9, abs=1e-9)


@checks("mel_to_hz")
def test_zero_mel_is_zero_hertz(lab):
    for scale in ("htk", "slaney"):
        assert lab.mel_to_hz(0.0, scale) == pytest.approx(0, abs=1e-12)
    assert np.shape(lab.mel_to_hz(np.zeros((2, 3)), "slaney")) == (2, 3)


@checks("mel_to_hz")
def test_unknown_scale_to_come_back_from_is_refused(lab):
    """A scale other than "htk" and "slaney" must raise ValueError."""
    for scale in ("mel", "HTK!", ""):
        with pytest.raises(ValueError):
            lab.mel_to_hz(100.0, scale)


# --- mel_filterbank ----------------------------------------------------------------------------------


def triangles_by_the_book(n_mels, n_fft, sample_rate, f_min, f_max, scale):
    """One weight at a time, as the formula is printed."""
    low, high = float(parts.hz_to_mel(f_min, scale)), float(parts.hz_to_mel(f_max, scale))
    points = [float(parts.mel_to_hz(low + (high - low) * m / (n_mels + 1), scale)) for m in range(n_mels + 2)]
    weights = np.zeros((n_mels, n_fft // 2 + 1))
    for m in range(n_mels):
        left, centre, right = points[m : m + 3]
        for k in range(n_fft // 2 + 1):
            frequency = k * sample_rate / n_fft
            if left < frequency <= centre:
                weights[m, k] = (frequency - left) / (centre - left)
            elif centre < frequency < right:
                weights[m, k] = (right - frequency) / (right - centre)
    return weights


@checks("mel_filterbank")
@pytest.mark.parametrize("norm", [None, "slaney"])
@SCALES
def test_agrees_with_librosa_on_both_scales_and_both_norms(lab, scale, norm):
    import librosa

    options = {"sr": 16_000, "n_fft": 512, "n_mels": 40, "htk": scale == "htk", "norm": norm}
    expected = librosa.filters.mel(**options, dtype=np.float64)
    weights = lab.mel_filterbank(40, 512, 16_000, scale=scale, norm=norm)
    # weights at a triangle's foot are differences of frequencies of 8000 Hz: 1e-16 · 8000 / 40 Hz
    np.testing.assert_allclose(weights, expected, rtol=1e-8, atol=1e-12)


@checks("mel_filterbank")
def test_defaults_are_the_htk_scale_with_peak_one_over_all_frequencies(lab):
    """Without options: HTK spacing, no norm, from 0 Hz to half the sample rate."""
    expected = triangles_by_the_book(13, 400, 11_025, 0.0, 5512.5, "htk")
    np.testing.assert_allclose(lab.mel_filterbank(13, 400, 11_025), expected, rtol=1e-8, atol=1e-12)


@checks("mel_filterbank")
@SCALES
@given(
    n_mels=st.integers(1, 12),
    n_fft=st.integers(300, 420),
    f_min=st.floats(0, 900),
    f_max=st.floats(2500, 4000),
)
def test_agrees_with_the_formula_for_any_range_and_odd_lengths(lab, scale, n_mels, n_fft, f_min, f_max):
    expected = triangles_by_the_book(n_mels, n_fft, 8000, f_min, f_max, scale)
    weights = lab.mel_filterbank(n_mels, n_fft, 8000, f_min=f_min, f_max=f_max, scale=scale)
    np.testing.assert_allclose(weights, expected, rtol=1e-7, atol=1e-10)


@checks("mel_filterbank", visible=True)
@given(n_mels=st.integers(2, 30), sample_rate=st.sampled_from([8000, 16_000, 22_050]))
def test_neighbours_share_every_frequency_between_the_first_and_the_last_centre(lab, n_mels, sample_rate):
    """Between the first and the last centre, the weights of each bin must add up to 1."""
    weights = np.asarray(lab.mel_filterbank(n_mels, 2048, sample_rate))
    last = 2595 * np.log10(1 + sample_rate / 2 / 700)
    first_centre, last_centre = 700 * (10 ** (np.array([1, n_mels]) * last / (n_mels + 1) / 2595) - 1)
    bins = np.arange(1025) * sample_rate / 2048
    inside = (bins >= first_centre) & (bins <= last_centre)
    np.testing.assert_allclose(weights[:, inside].sum(axis=0), 1, rtol=1e-9)


@checks("mel_filterbank")
@SCALES
def test_slaney_norm_gives_every_filter_area_one(lab, scale):
    """With norm="slaney", the area under each triangle (weight × Hz) must be 1."""
    # 8192 bins: the sum over bins is within 2 % of the area for the narrowest of ten triangles
    weights = np.asarray(lab.mel_filterbank(10, 8192, 16_000, scale=scale, norm="slaney"))
    np.testing.assert_allclose(weights.sum(axis=1) * 16_000 / 8192, 1, rtol=0.02)


@checks("mel_filterbank")
def test_filters_without_a_bin_are_refused(lab):
    """A filter that falls between two bins must raise ValueError (128 HTK filters at n_fft 400 have four)."""
    with pytest.raises(ValueError):
        lab.mel_filterbank(128, 400, 16_000)
    with pytest.raises(ValueError):
        lab.mel_filterbank(91, 400, 16_000, norm="slaney")  # here it is a single one


@checks("mel_filterbank")
def test_narrow_filters_that_do_cover_a_bin_are_accepted(lab):
    """As long as every filter has a bin with some weight, nothing may be refused."""
    # 89 is the largest number of filters at n_fft 400 that leaves none empty
    for n_mels, n_fft, sample_rate in ((89, 400, 16_000), (1, 8, 8000), (40, 512, 16_000)):
        assert np.shape(lab.mel_filterbank(n_mels, n_fft, sample_rate)) == (n_mels, n_fft // 2 + 1)


@checks("mel_filterbank")
@pytest.mark.parametrize("n_mels", [0, -3])
def test_number_of_filters_must_be_positive(lab, n_mels):
    with pytest.raises(ValueError):
        lab.mel_filterbank(n_mels, 512, 16_000)


@checks("mel_filterbank")
@pytest.mark.parametrize(("f_min", "f_max"), [(-1.0, 4000.0), (0.0, 0.0), (900.0, 800.0), (0.0, 8001.0)])
def test_frequency_range_must_lie_between_zero_and_half_the_sample_rate(lab, f_min, f_max):
    with pytest.raises(ValueError):
        lab.mel_filterbank(4, 512, 16_000, f_min=f_min, f_max=f_max)


@checks("mel_filterbank")
def test_unknown_scale_or_norm_is_refused(lab):
    with pytest.raises(ValueError):
        lab.mel_filterbank(4, 512, 16_000, scale="bark")
    with pytest.raises(ValueError):
        lab.mel_filterbank(4, 512, 16_000, norm="area")


@picture("mel_filterbank")
def triangles(output, n_mels, n_fft, sample_rate, *args, **options):
    from labkit import plot

    return plot.filterbank(output, sample_rate, title="your filters")


# --- log_mel -----------------------------------------------------------------------------------------


@checks("log_mel")
def test_agrees_with_the_mel_spectrogram_of_librosa(lab, rng):
    """At 16 000 Hz with the defaults: librosa's HTK mel spectrogram without norm, as natural logarithm."""
    import librosa

    samples = rng.normal(0, 0.1, 4000)
    # librosa puts the 400 samples into the middle of 512, so its frames start 56 samples later
    shifted = np.concatenate([np.zeros(56), samples, np.zeros(56)])
    spectra = librosa.stft(shifted, n_fft=512, hop_length=160, win_length=400, center=False)
    energies = librosa.feature.melspectrogram(
        S=np.abs(spectra) ** 2, sr=16_000, n_mels=40, htk=True, norm=None
    )
    # librosa's filters are float32: an error of 6e-8 of the energy is 6e-8 in its natural logarithm
    np.testing.assert_allclose(lab.log_mel(samples, 16_000), np.log(energies).T, atol=1e-6)


@checks("log_mel")
@given(
    seed=st.integers(0, 10**6),
    n_mels=st.integers(1, 20),
    frame_length=st.integers(50, 256),
    hop_length=st.integers(20, 150),
    sample_rate=st.sampled_from([8000, 11_025]),
)
def test_is_the_chain_of_the_earlier_parts(
    lab, reference, seed, n_mels, frame_length, hop_length, sample_rate
):
    """Frames, power spectra, filters, floor, natural logarithm: in this order, with every setting used."""
    samples = noise(seed, 1500, 0.2)
    spectra = reference.power_spectrum(reference.frame(samples, frame_length, hop_length), 300)
    energies = np.einsum("tf,mf->tm", spectra, reference.mel_filterbank(n_mels, 300, sample_rate))
    output = lab.log_mel(samples, sample_rate, n_mels, 300, frame_length, hop_length)
    # a small energy is a sum with little cancellation: 300 roundings of 1e-16
    np.testing.assert_allclose(output, np.log(np.maximum(energies, 1e-10)), atol=1e-9)


@checks("log_mel", visible=True)
def test_silence_lies_on_the_floor_and_is_finite(lab):
    silence = np.zeros(1000)
    np.testing.assert_allclose(lab.log_mel(silence, 16_000), np.full((4, 40), np.log(1e-10)), rtol=1e-12)
    np.testing.assert_allclose(
        lab.log_mel(silence, 16_000, n_mels=5, floor=2.0), np.full((4, 5), np.log(2.0))
    )


@checks("log_mel")
@given(seed=st.integers(0, 10**6), floor=st.floats(0.1, 10))
def test_floor_lifts_what_is_below_and_leaves_what_is_above(lab, reference, seed, floor):
    """Energies above the floor must stay exactly as they are: raise to the floor, do not add it."""
    samples = noise(seed, 1000, 0.05)
    free = reference.log_mel(samples, 16_000)
    np.testing.assert_allclose(
        lab.log_mel(samples, 16_000, floor=floor), np.maximum(free, np.log(floor)), atol=1e-9
    )


@checks("log_mel")
def test_twice_the_amplitude_adds_ln_four(lab, rng):
    """Energy grows with the square of the amplitude: twice the samples must add ln 4 everywhere."""
    samples = rng.normal(0, 0.1, 3000)
    change = np.asarray(lab.log_mel(2 * samples, 16_000)) - np.asarray(lab.log_mel(samples, 16_000))
    np.testing.assert_allclose(change, np.log(4), rtol=1e-9)


@checks("log_mel")
def test_long_signals_keep_every_frame_in_order(lab, reference, rng):
    """1203 short frames must come out one by one, whether or not they are computed in blocks."""
    samples = rng.normal(0, 0.1, 1202 * 20 + 64)
    spectra = reference.power_spectrum(reference.frame(samples, 64, 20), 64)
    energies = spectra @ reference.mel_filterbank(6, 64, 8000).T
    output = lab.log_mel(samples, 8000, n_mels=6, n_fft=64, frame_length=64, hop_length=20)
    np.testing.assert_allclose(output, np.log(energies), atol=1e-9)


@checks("log_mel")
@pytest.mark.parametrize("floor", [0.0, -1e-10])
def test_floor_must_be_positive(lab, floor):
    with pytest.raises(ValueError):
        lab.log_mel(noise(1, 800), 16_000, floor=floor)


@checks("log_mel")
@pytest.mark.parametrize(
    "options", [{"n_mels": 128, "n_fft": 400}, {"n_fft": 399}, {"frame_length": 801, "n_fft": 1024}]
)
def test_impossible_sizes_are_refused(lab, options):
    """A filter without a bin, an FFT shorter than a frame, a signal shorter than a frame: ValueError."""
    with pytest.raises(ValueError):
        lab.log_mel(noise(2, 800), 16_000, **options)


# --- dct_ii ------------------------------------------------------------------------------------------


@checks("dct_ii")
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(1,), (2,), (7,), (40,), (3, 5), (5, 3), (4, 4), (2, 3, 8)]),
    share=st.floats(0, 1),
)
def test_agrees_with_the_orthonormal_dct_of_scipy(lab, seed, shape, share):
    """The last axis must be transformed as by scipy.fft.dct(type=2, norm="ortho"), for any shape."""
    from scipy.fft import dct

    values = noise(seed, shape, 10)
    n_out = 1 + round(share * (shape[-1] - 1))
    expected = dct(values, type=2, norm="ortho", axis=-1)[..., :n_out]
    np.testing.assert_allclose(lab.dct_ii(values, n_out), expected, rtol=1e-9, atol=1e-9)


@checks("dct_ii")
@given(seed=st.integers(0, 10**6), length=st.integers(1, 60))
def test_sum_of_squares_stays_the_same(lab, seed, length):
    """An orthonormal transform only rotates: with all coefficients, the sum of squares must be kept."""
    values = noise(seed, length, 3)
    assert np.sum(np.square(lab.dct_ii(values, length))) == pytest.approx(np.sum(values**2), rel=1e-9)


@checks("dct_ii", visible=True)
def test_constant_row_has_only_a_level(lab):
    output = lab.dct_ii(np.full((2, 9), 5.0), 4)
    np.testing.assert_allclose(output, [[15, 0, 0, 0]] * 2, atol=1e-10)


@checks("dct_ii")
def test_a_pure_cosine_gives_one_coefficient(lab):
    """A row that is itself the k-th cosine must give one number at k and zeros elsewhere."""
    row = np.cos(np.pi * 3 * (np.arange(8) + 0.5) / 8)
    np.testing.assert_allclose(lab.dct_ii(row, 6), [0, 0, 0, 2, 0, 0], atol=1e-10)  # sqrt(8 / 2) = 2


@checks("dct_ii")
@pytest.mark.parametrize("n_out", [0, -1, 7])
def test_number_of_coefficients_must_fit_the_row(lab, n_out):
    with pytest.raises(ValueError):
        lab.dct_ii(np.zeros((9, 6)), n_out)


# --- mfcc --------------------------------------------------------------------------------------------


@checks("mfcc")
def test_agrees_with_librosa_given_the_same_settings(lab, rng):
    """librosa, told to use pre-emphasis, HTK filters without norm and the natural logarithm, must agree."""
    import librosa
    from scipy.signal import lfilter

    samples = rng.normal(0, 0.1, 4000)
    emphasised = lfilter([1, -0.97], [1], samples)
    shifted = np.concatenate([np.zeros(56), emphasised, np.zeros(56)])
    spectra = librosa.stft(shifted, n_fft=512, hop_length=160, win_length=400, center=False)
    energies = librosa.feature.melspectrogram(
        S=np.abs(spectra) ** 2, sr=16_000, n_mels=40, htk=True, norm=None
    )
    expected = librosa.feature.mfcc(S=np.log(energies), n_mfcc=13).T
    # float32 filters: 6e-8 in each of 40 logarithms, sqrt(40) · 6e-8 = 4e-7 in a coefficient
    np.testing.assert_allclose(lab.mfcc(samples, 16_000), expected, atol=2e-6)


@checks("mfcc")
@given(
    seed=st.integers(0, 10**6),
    n_mels=st.integers(5, 20),
    n_mfcc=st.integers(1, 5),
    frame_length=st.integers(100, 256),
    hop_length=st.integers(30, 150),
    coefficient=st.floats(0, 1),
)
def test_is_the_chain_of_all_six_steps(
    lab, reference, seed, n_mels, n_mfcc, frame_length, hop_length, coefficient
):
    """Pre-emphasis of the whole signal, log-mel, DCT: in this order, with every setting used."""
    samples = noise(seed, 1500, 0.2)
    emphasised = reference.preemphasis(samples, coefficient)
    energies = reference.log_mel(emphasised, 8000, n_mels, 300, frame_length, hop_length)
    output = lab.mfcc(samples, 8000, n_mfcc, n_mels, 300, frame_length, hop_length, coefficient)
    np.testing.assert_allclose(output, reference.dct_ii(energies, n_mfcc), atol=1e-8)


@checks("mfcc")
@given(seed=st.integers(0, 10**6), gain=st.floats(0.5, 50))
def test_level_moves_only_the_first_coefficient(lab, seed, gain):
    """A louder recording must differ in c0 alone, by √n_mels · ln(gain²)."""
    samples = noise(seed, 1000)
    change = np.asarray(lab.mfcc(gain * samples, 16_000)) - np.asarray(lab.mfcc(samples, 16_000))
    np.testing.assert_allclose(change[:, 0], np.sqrt(40) * np.log(gain**2), atol=1e-8)
    np.testing.assert_allclose(change[:, 1:], 0, atol=1e-8)


@checks("mfcc")
def test_silence_gives_finite_numbers(lab):
    output = np.asarray(lab.mfcc(np.zeros(1000), 16_000))
    # all 40 energies lie on the floor 1e-10
    np.testing.assert_allclose(output[:, 0], np.sqrt(40) * np.log(1e-10), rtol=1e-9)
    np.testing.assert_allclose(output[:, 1:], 0, atol=1e-8)


@checks("mfcc")
def test_integer_samples_give_the_same_as_floats(lab):
    samples = np.random.default_rng(5).integers(-32_768, 32_767, 1000).astype(np.int16)
    np.testing.assert_allclose(
        lab.mfcc(samples, 16_000), lab.mfcc(samples.astype(np.float64), 16_000), atol=1e-9
    )


@checks("mfcc")
@pytest.mark.parametrize(
    "options", [{"n_mfcc": 0}, {"n_mfcc": 41}, {"n_fft": 399}, {"n_mels": 128, "n_fft": 400}]
)
def test_sizes_that_do_not_fit_are_refused(lab, options):
    """n_mfcc outside 1 … n_mels, an FFT shorter than a frame, a filter without a bin: ValueError."""
    with pytest.raises(ValueError):
        lab.mfcc(noise(3, 800), 16_000, **options)


@checks("mfcc")
def test_signal_too_short_for_one_frame_is_refused(lab):
    with pytest.raises(ValueError):
        lab.mfcc(noise(3, 399), 16_000)


@picture("mfcc")
def coefficients(output, samples, sample_rate, *args, **options):
    from labkit import plot

    return plot.features(output, title="your MFCC")


# --- delta -------------------------------------------------------------------------------------------


@checks("delta")
@given(
    seed=st.integers(0, 10**6), n_frames=st.integers(1, 30), dim=st.integers(1, 4), window=st.integers(1, 5)
)
def test_agrees_with_the_regression_line_through_the_frames_around(lab, seed, n_frames, dim, window):
    """Each delta must be the slope of the least-squares line over 2·window + 1 frames, edges repeated."""
    features = noise(seed, (n_frames, dim))
    times = np.arange(-window, window + 1)
    expected = np.empty_like(features)
    for t in range(n_frames):
        around = features[np.clip(t + times, 0, n_frames - 1)]
        expected[t] = np.polyfit(times, around, deg=1)[0]
    np.testing.assert_allclose(lab.delta(features, window), expected, atol=1e-9)


@checks("delta")
def test_agrees_with_librosa_when_it_repeats_the_edges(lab, rng):
    import librosa

    features = rng.normal(size=(20, 13))
    expected = librosa.feature.delta(features.T, width=5, mode="nearest").T
    np.testing.assert_allclose(lab.delta(features), expected, atol=1e-9)


@checks("delta", visible=True)
def test_straight_line_has_its_slope_in_the_middle(lab):
    slope = np.array([2.0, -0.5, 0.0])
    output = lab.delta(np.arange(12.0)[:, None] * slope + 7, window=3)
    np.testing.assert_allclose(output[3:-3], np.tile(slope, (6, 1)), atol=1e-12)


@checks("delta")
def test_window_of_one_takes_half_the_difference_of_the_neighbours(lab):
    output = lab.delta(np.array([[1.0], [4.0], [2.0]]), window=1)
    np.testing.assert_allclose(output, [[1.5], [0.5], [-1.0]], atol=1e-12)


@checks("delta")
def test_integer_features_give_fractions(lab):
    np.testing.assert_allclose(lab.delta(np.array([[0], [1], [2]]), 1), [[0.5], [1.0], [0.5]], atol=1e-12)


@checks("delta")
@pytest.mark.parametrize("window", [0, -1])
def test_window_must_reach_at_least_one_frame(lab, window):
    with pytest.raises(ValueError):
        lab.delta(np.zeros((5, 2)), window)


# --- mfcc_like_librosa -------------------------------------------------------------------------------

# librosa rounds its filters to float32 twice: at most 4.34 · 2 · 6e-8 dB per level, times sqrt(128) in a
# coefficient, 6e-6
SINGLE_PRECISION = 1e-5


def librosa_mfcc(samples, sample_rate, **options):
    import librosa

    return librosa.feature.mfcc(y=samples, sr=sample_rate, **options).T


@checks("mfcc_like_librosa")
def test_equals_librosa_with_all_defaults(lab, rng):
    # a tone after faint noise: their levels are more than top_db apart
    samples = rng.normal(0, 1e-4, 9000) + np.sin(np.arange(9000) / 8) * (np.arange(9000) > 4000)
    expected = librosa_mfcc(samples, 22_050)
    np.testing.assert_allclose(lab.mfcc_like_librosa(samples, 22_050), expected, atol=SINGLE_PRECISION)


@checks("mfcc_like_librosa")
@given(
    seed=st.integers(0, 10**6),
    length=st.integers(600, 1500),
    n_fft=st.sampled_from([512, 600, 501]),
    hop_length=st.integers(60, 300),
    n_mels=st.integers(20, 30),
    n_mfcc=st.integers(1, 20),
)
def test_equals_librosa_with_other_settings(lab, seed, length, n_fft, hop_length, n_mels, n_mfcc):
    options = {"n_mfcc": n_mfcc, "n_mels": n_mels, "n_fft": n_fft, "hop_length": hop_length}
    samples = noise(seed, length, 0.3)
    expected = librosa_mfcc(samples, 8000, **options)
    np.testing.assert_allclose(
        lab.mfcc_like_librosa(samples, 8000, **options), expected, atol=SINGLE_PRECISION
    )


@checks("mfcc_like_librosa")
@pytest.mark.parametrize("top_db", [20.0, 80.0])
def test_nothing_is_further_than_top_db_below_the_loudest(lab, rng, top_db):
    """A tone after faint noise: levels must be raised to top_db below the loudest level of the whole clip."""
    import librosa

    time = np.arange(6000) / 16_000
    samples = rng.normal(0, 1e-4, 6000) + np.sin(2 * np.pi * 440 * time) * (time > 0.25)
    power = librosa.feature.melspectrogram(y=samples, sr=16_000, n_fft=1024, hop_length=256, n_mels=40)
    expected = librosa.feature.mfcc(S=librosa.power_to_db(power, top_db=top_db), n_mfcc=20).T
    output = lab.mfcc_like_librosa(samples, 16_000, n_fft=1024, hop_length=256, n_mels=40, top_db=top_db)
    np.testing.assert_allclose(output, expected, atol=SINGLE_PRECISION)


@checks("mfcc_like_librosa")
def test_silence_stays_at_a_hundred_decibels_below_one(lab):
    """Zeros must lie on the floor of 1e-10, which is −100 dB, in all 128 filters."""
    output = np.asarray(lab.mfcc_like_librosa(np.zeros(5000), 22_050))
    np.testing.assert_allclose(output[:, 0], -100 * np.sqrt(128), rtol=1e-9)
    np.testing.assert_allclose(output[:, 1:], 0, atol=1e-8)


@checks("mfcc_like_librosa")
@pytest.mark.parametrize(
    "options", [{"n_mfcc": 0}, {"n_mfcc": 41}, {"n_mels": 0}, {"hop_length": 0}, {"n_fft": 64}]
)
def test_librosa_sizes_that_do_not_fit_are_refused(lab, options):
    """What `frame`, `mel_filterbank` and `dct_ii` refuse must be refused: ValueError."""
    with pytest.raises(ValueError):
        lab.mfcc_like_librosa(noise(4, 3000), 16_000, **{"n_mels": 40, "n_fft": 1024, **options})
