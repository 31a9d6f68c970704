"""Hidden checks of the lab on the short-time Fourier transform."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, picture, sound

# FFTs of at most 512 numbers of size 1 and sums of a few frames: some 1e-14, and room for a large sum.
EXACT = {"rtol": 1e-9, "atol": 1e-10}

SEEDS = st.integers(0, 10**6)
HALVES = st.integers(1, 20)  # n_fft is twice that


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def weights_between(seed, length, low=0.2):
    """A window without any symmetry, so that no mirror image of it does."""
    return np.random.default_rng(seed).uniform(low, 1.0, length)


def assert_same(found, expected, **tolerance):
    """Shapes first, since arrays of other shapes may broadcast."""
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, **(tolerance or EXACT))


def padded_window(weights, n_fft):
    """A short window in the middle of the frame, as librosa puts it."""
    before = (n_fft - len(weights)) // 2
    return np.concatenate([np.zeros(before), weights, np.zeros(n_fft - len(weights) - before)])


# --- frame_count -------------------------------------------------------------------------------------


@checks("frame_count", visible=True)
def test_ten_samples_by_hand(lab):
    """Frames of 4, hop 3: starts 0, 3, 6 in ten samples; centred frames stand on samples 0, 3, 6, 9."""
    assert lab.frame_count(10, 4, 3, False) == 3
    assert lab.frame_count(10, 4, 3, True) == 4


@checks("frame_count")
@given(halves=HALVES, hop_length=st.integers(1, 60), n_samples=st.integers(1, 300), center=st.booleans())
def test_count_is_that_of_a_walk_along_the_signal(lab, halves, hop_length, n_samples, center):
    from hypothesis import assume

    n_fft = 2 * halves
    whole = n_samples + n_fft if center else n_samples
    assume(whole >= n_fft)
    count, start = 0, 0
    while start + n_fft <= whole:
        count, start = count + 1, start + hop_length
    assert lab.frame_count(n_samples, n_fft, hop_length, center) == count


@checks("frame_count")
@given(halves=HALVES, hop_length=st.integers(1, 60))
def test_signal_of_exactly_one_frame_has_one(lab, halves, hop_length):
    assert lab.frame_count(2 * halves, 2 * halves, hop_length, False) == 1


@checks("frame_count")
def test_count_is_that_of_librosa_and_centred_by_default(lab, rng):
    """The count must be librosa's; without being told, frames are centred."""
    import librosa

    for n_samples in rng.integers(600, 5000, 5):
        expected = librosa.stft(np.zeros(n_samples), n_fft=512, hop_length=100).shape[1]
        assert lab.frame_count(int(n_samples), 512, 100) == expected
    assert lab.frame_count(1, 512, 128) == 1


@checks("frame_count")
@pytest.mark.parametrize(
    ("n_samples", "n_fft", "hop_length", "center"),
    [
        (100, 7, 2, True),
        (100, 0, 2, True),
        (100, -4, 2, True),
        (100, 8, 0, True),
        (100, 8, -2, False),
        (7, 8, 2, False),
        (0, 8, 2, False),
        (0, 8, 2, True),
    ],
    ids=[
        "odd length",
        "no length",
        "negative length",
        "no hop",
        "negative hop",
        "short signal",
        "nothing",
        "nothing centred",
    ],
)
def test_no_frame_at_all_is_refused(lab, n_samples, n_fft, hop_length, center):
    with pytest.raises(ValueError):
        lab.frame_count(n_samples, n_fft, hop_length, center)


# --- stft --------------------------------------------------------------------------------------------


@checks("stft", visible=True)
def test_constant_signal_shows_the_window_alone(lab):
    """Of ones, every whole frame must show the three bins of a periodic Hann window: N/2, −N/4, 0."""
    spectrum = lab.stft(np.ones(32), 8, 4, None, False)
    assert_same(spectrum, np.tile([[4.0], [-2.0], [0.0], [0.0], [0.0]], 7))


@checks("stft")
@given(
    seed=SEEDS, halves=HALVES, hop_length=st.integers(1, 50), time=st.integers(1, 150), center=st.booleans()
)
def test_every_frame_is_the_sum_of_its_windowed_samples(lab, seed, halves, hop_length, time, center):
    """Column t, bin k must be Σ w·x·e^(−2πikn/N) over frame t, with the window that was given."""
    n_fft = 2 * halves
    time = time if center else time + n_fft
    samples, weights = noise(seed, time), weights_between(seed + 1, n_fft)
    whole = np.concatenate([np.zeros(halves), samples, np.zeros(halves)]) if center else samples
    starts = range(0, len(whole) - n_fft + 1, hop_length)
    frames = np.array([whole[start : start + n_fft] for start in starts])
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_fft), np.arange(halves + 1)) / n_fft)
    expected = ((frames * weights) @ waves).T
    assert_same(lab.stft(samples, n_fft, hop_length, weights, center), expected)


@checks("stft")
@pytest.mark.parametrize(("n_fft", "hop_length"), [(512, 128), (400, 160), (256, 100)])
def test_spectrum_is_that_of_librosa(lab, rng, n_fft, hop_length):
    import librosa

    samples = rng.normal(size=3001)
    expected = librosa.stft(samples, n_fft=n_fft, hop_length=hop_length)
    assert_same(lab.stft(samples, n_fft, hop_length), expected)


@checks("stft")
def test_spectrum_is_that_of_torch(lab, rng):
    import torch

    samples = rng.normal(size=2000)
    expected = torch.stft(
        torch.from_numpy(samples),
        512,
        hop_length=128,
        window=torch.hann_window(512, dtype=torch.float64),
        pad_mode="constant",
        return_complex=True,
    )
    assert_same(lab.stft(samples), expected.numpy())


@checks("stft")
@given(seed=SEEDS, length=st.integers(1, 64))
def test_short_window_stands_in_the_middle_of_the_frame(lab, seed, length):
    """A window of fewer than n_fft weights gets zeros around it; of an odd number, one more behind."""
    import librosa

    samples, weights = noise(seed, 300), weights_between(seed + 1, length)
    expected = librosa.stft(samples, n_fft=64, hop_length=20, window=padded_window(weights, 64))
    assert_same(lab.stft(samples, 64, 20, weights), expected)


@checks("stft")
def test_every_frame_of_a_long_signal_is_there(lab, rng):
    import librosa

    samples = rng.normal(size=30_000)
    assert_same(lab.stft(samples, 32, 16), librosa.stft(samples, n_fft=32, hop_length=16))


@checks("stft")
def test_integers_and_single_precision_are_computed_in_double(lab, rng):
    """16-bit integers must not overflow, and float32 samples must be converted before the transform."""
    import librosa

    samples = rng.integers(-30_000, 30_000, size=500).astype(np.int16)
    expected = librosa.stft(samples.astype(np.float64), n_fft=64, hop_length=16)
    assert_same(lab.stft(samples, 64, 16), expected, rtol=1e-9, atol=1e-6)
    # float32 arithmetic would be off by 1e-7 of the largest value, some 5e5
    assert_same(lab.stft(samples.astype(np.float32), 64, 16), expected, rtol=1e-9, atol=1e-6)


@checks("stft")
@pytest.mark.parametrize(
    ("shape", "n_fft", "hop_length", "weights"),
    [
        ((100, 2), 8, 4, None),
        ((0,), 8, 4, None),
        ((100,), 9, 4, None),
        ((100,), 8, 0, None),
        ((100,), 8, 4, (9,)),
        ((100,), 8, 4, (0,)),
        ((100,), 8, 4, (2, 4)),
    ],
    ids=["two channels", "nothing", "odd length", "no hop", "long window", "empty window", "matrix window"],
)
def test_what_gives_no_spectrum_is_refused(lab, shape, n_fft, hop_length, weights):
    with pytest.raises(ValueError):
        lab.stft(np.ones(shape), n_fft, hop_length, None if weights is None else np.ones(weights))


@picture("stft")
def levels(output, samples, n_fft=512, hop_length=128, *args, **options):
    from labkit import plot

    size = np.abs(output)
    return plot.spectrogram(20 * np.log10(np.maximum(size, 1e-5 * max(size.max(), 1e-9))), title="your STFT")


# --- overlap_add -------------------------------------------------------------------------------------


@checks("overlap_add", visible=True)
def test_two_frames_add_up_where_they_overlap(lab):
    frames = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    assert_same(lab.overlap_add(frames, 2), [1, 2, 13, 20, 30])
    assert_same(lab.overlap_add(frames, 1), [1, 12, 23, 30])


@checks("overlap_add")
@given(
    seed=SEEDS, n_frames=st.integers(1, 12), frame_length=st.integers(1, 20), hop_length=st.integers(1, 25)
)
def test_result_is_that_of_adding_sample_by_sample(lab, seed, n_frames, frame_length, hop_length):
    """Any frame length and any hop, also a hop beyond the frame length: gaps are zero."""
    frames = noise(seed, n_frames, frame_length)
    expected = np.zeros((n_frames - 1) * hop_length + frame_length)
    for t in range(n_frames):
        for n in range(frame_length):
            expected[t * hop_length + n] += frames[t, n]
    assert_same(lab.overlap_add(frames, hop_length), expected)


@checks("overlap_add")
def test_frames_of_a_signal_add_up_to_the_signal_times_its_cover(lab, rng):
    """Frames cut with hop N/2 must give every inner sample back twice."""
    samples = rng.normal(size=200)
    frames = np.lib.stride_tricks.sliding_window_view(samples, 20)[::10]
    whole = np.asarray(lab.overlap_add(frames, 10))
    assert whole.shape == samples.shape
    np.testing.assert_allclose(whole[10:-10], 2 * samples[10:-10], **EXACT)


@checks("overlap_add")
def test_frames_that_were_given_are_not_changed(lab, rng):
    frames = rng.normal(size=(5, 8))
    kept = frames.copy()
    first = lab.overlap_add(frames, 3)
    np.testing.assert_array_equal(frames, kept)
    assert_same(lab.overlap_add(frames, 3), first)


@checks("overlap_add")
@pytest.mark.parametrize(
    ("shape", "hop_length"),
    [((4, 4), 0), ((4, 4), -1), ((0, 4), 2), ((4, 0), 2), ((8,), 2), ((2, 4, 4), 2)],
    ids=["no hop", "negative hop", "no frame", "empty frames", "one row", "three axes"],
)
def test_nothing_to_add_is_refused(lab, shape, hop_length):
    with pytest.raises(ValueError):
        lab.overlap_add(np.ones(shape), hop_length)


# --- istft -------------------------------------------------------------------------------------------


@checks("istft", visible=True)
@pytest.mark.parametrize(("n_fft", "hop_length"), [(512, 128), (400, 160), (512, 200)])
def test_there_and_back_is_the_same_signal(lab, rng, n_fft, hop_length):
    """Of a signal's own STFT, the inverse must be the signal, within 1e-10, for these sizes too."""
    samples = rng.normal(size=3200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    padded = np.concatenate([np.zeros(n_fft // 2), samples, np.zeros(n_fft // 2)])
    starts = range(0, len(padded) - n_fft + 1, hop_length)
    frames = np.stack([padded[start : start + n_fft] for start in starts])
    spectrum = np.fft.rfft(frames * window).T
    assert_same(lab.istft(spectrum, hop_length, None, True, 3200), samples, rtol=0, atol=1e-10)


@checks("istft")
@given(seed=SEEDS, halves=st.integers(2, 20), hop_length=st.integers(1, 40), time=st.integers(1, 150))
def test_there_and_back_works_for_any_window_and_hop(lab, reference, seed, halves, hop_length, time):
    """A window without symmetry and any hop up to half of it must give the signal back within 1e-10."""
    n_fft, hop_length = 2 * halves, 1 + hop_length % halves
    samples, weights = noise(seed, time), weights_between(seed + 1, n_fft)
    spectrum = reference.stft(samples, n_fft, hop_length, weights)
    found = lab.istft(spectrum, hop_length, weights, True, time)
    assert_same(found, samples, rtol=0, atol=1e-10)


@checks("istft")
@given(seed=SEEDS, hop_length=st.integers(1, 12), n_frames=st.integers(1, 6))
def test_changed_spectrum_gives_the_signal_nearest_to_it(lab, seed, hop_length, n_frames):
    """Of a spectrum that belongs to no signal, the result must be the best one in least squares."""
    n_fft = 12
    weights = weights_between(seed, n_fft)
    targets = noise(seed + 1, n_frames, n_fft)  # windowed frames that do not agree with one another
    time = (n_frames - 1) * hop_length + n_fft
    # every sample of every frame is one equation: weight × sample = target
    equations = np.zeros((n_frames * n_fft, time))
    for t in range(n_frames):
        for n in range(n_fft):
            equations[t * n_fft + n, t * hop_length + n] = weights[n]
    expected = np.linalg.lstsq(equations, targets.reshape(-1))[0]
    found = lab.istft(np.fft.rfft(targets).T, hop_length, weights, False)
    assert_same(found, expected, rtol=0, atol=1e-10)


@checks("istft")
def test_changed_spectrum_gives_what_librosa_gives(lab, rng):
    import librosa

    spectrum = rng.normal(size=(257, 40)) + 1j * rng.normal(size=(257, 40))
    assert_same(lab.istft(spectrum), librosa.istft(spectrum, hop_length=128))
    short = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    expected = librosa.istft(spectrum, hop_length=160, win_length=400)
    assert_same(lab.istft(spectrum, 160, short), expected)


@checks("istft")
def test_inverse_is_that_of_torch_with_a_length(lab, rng):
    import torch

    spectrum = rng.normal(size=(65, 30)) + 1j * rng.normal(size=(65, 30))
    for length in (29 * 32, 700, 29 * 32 + 50):
        expected = torch.istft(
            torch.from_numpy(spectrum),
            128,
            hop_length=32,
            window=torch.hann_window(128, dtype=torch.float64),
            length=length,
        )
        assert_same(lab.istft(spectrum, 32, None, True, length), expected.numpy())


@checks("istft")
@given(seed=SEEDS, extra=st.integers(0, 30))
def test_frames_that_are_not_centred_lose_nothing_at_the_start(lab, reference, seed, extra):
    """With center=False, all samples under a window must come back, none dropped at the ends."""
    samples, weights = noise(seed, 40 + extra), weights_between(seed + 1, 16)
    spectrum = reference.stft(samples, 16, 5, weights, False)
    covered = (spectrum.shape[1] - 1) * 5 + 16
    assert_same(lab.istft(spectrum, 5, weights, False), samples[:covered], rtol=0, atol=1e-10)
    assert_same(lab.istft(spectrum, 5, weights, False, 7), samples[:7], rtol=0, atol=1e-10)
    assert_same(lab.istft(spectrum, 5, weights, True), samples[8 : covered - 8], rtol=0, atol=1e-10)


@checks("istft")
def test_faint_weights_at_the_edge_are_weights(lab, reference, rng):
    """A weight of a millionth is not zero: such samples must come back too."""
    weights = np.linspace(1e-6, 1, 8)
    samples = rng.normal(size=64)
    spectrum = reference.stft(samples, 8, 4, weights, False)
    # the first samples are known to 1e-16 / 1e-6
    assert_same(lab.istft(spectrum, 4, weights, False), samples, rtol=0, atol=1e-8)


@checks("istft")
@pytest.mark.parametrize("gain", [1e-25, 1e25], ids=["tiny", "huge"])
def test_level_of_the_window_does_not_matter(lab, reference, rng, gain):
    """A window whose weights are all tiny or all huge is a window."""
    weights, samples = gain * rng.uniform(0.3, 1, 16), rng.normal(size=90)
    spectrum = reference.stft(samples, 16, 5, weights)
    assert_same(lab.istft(spectrum, 5, weights, True, 90), samples, rtol=0, atol=1e-10)


@checks("istft")
def test_two_bins_are_a_spectrum(lab, rng):
    """The shortest frames have two samples: a sum and a difference."""
    samples = rng.normal(size=7)
    sums = np.array([samples[:-1] + samples[1:], samples[:-1] - samples[1:]])
    assert_same(lab.istft(sums.astype(complex), 1, np.ones(2), False), samples, rtol=0, atol=1e-10)


def blackman(length):
    angle = 2 * np.pi * np.arange(length) / length
    return 0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)  # its first weight is -1.4e-17, not 0


@checks("istft")
@pytest.mark.parametrize(
    ("hop_length", "weights", "center", "length"),
    [
        (4, None, False, None),
        (4, blackman(8), False, None),
        (10, np.ones(8), False, None),
        (8, None, False, 8),
        (4, None, True, 100),
        (4, None, True, 21),
        (4, np.zeros(8), True, None),
    ],
    ids=[
        "Hann starts with zero",
        "Blackman starts with rounding",
        "gaps",
        "zero in front",
        "beyond the end",
        "one beyond the end",
        "zero window",
    ],
)
def test_samples_under_no_weight_are_refused(lab, hop_length, weights, center, length):
    """Where no window reaches, the sample is unknown: ValueError, not a division by zero."""
    spectrum = np.ones((5, 5), dtype=complex)  # five frames of 8, hop 4: weights up to sample 23
    with pytest.raises(ValueError):
        lab.istft(spectrum, hop_length, weights, center, length)


@checks("istft")
def test_all_samples_that_lie_under_a_weight_can_be_had(lab):
    """With `length`, half a frame more than usual can be returned at the end, and no sample is needed."""
    spectrum = np.ones((5, 5), dtype=complex)
    assert np.shape(lab.istft(spectrum, 4, None, True, 20)) == (20,)
    assert np.shape(lab.istft(spectrum, 4, None, True)) == (16,)
    assert np.shape(lab.istft(spectrum, 4, None, True, 0)) == (0,)


@checks("istft")
@pytest.mark.parametrize(
    ("shape", "hop_length", "weights", "length"),
    [
        ((5,), 4, None, None),
        ((1, 5), 4, None, None),
        ((5, 0), 4, None, None),
        ((5, 5), 0, None, None),
        ((5, 5), 4, (9,), None),
        ((5, 5), 4, None, -1),
    ],
    ids=["one row", "one bin", "no frame", "no hop", "long window", "negative length"],
)
def test_what_is_no_spectrum_is_refused(lab, shape, hop_length, weights, length):
    with pytest.raises(ValueError):
        lab.istft(
            np.ones(shape, dtype=complex),
            hop_length,
            None if weights is None else np.ones(weights),
            True,
            length,
        )


@sound("istft")
def rebuilt(output, *args, **options):
    return {"yours": 0.5 * output / max(np.abs(output).max(), 1e-9)}, 16_000


# --- spectral_convergence ----------------------------------------------------------------------------


@checks("spectral_convergence", visible=True)
def test_three_four_five(lab):
    """Against a target of 3 and 4, zeros are as wrong as 1, and the target itself is 0."""
    target = np.array([[3.0, 4.0]])
    assert lab.spectral_convergence(target, np.zeros((1, 2))) == pytest.approx(1.0)
    assert lab.spectral_convergence(target, target) == 0
    assert lab.spectral_convergence(target, np.array([[3.0, 6.0]])) == pytest.approx(0.4)


@checks("spectral_convergence")
@given(seed=SEEDS, gain=st.floats(0.01, 100))
def test_ratio_of_frobenius_norms_whatever_the_level(lab, seed, gain):
    target, estimate = np.abs(noise(seed, 5, 7)), np.abs(noise(seed + 1, 5, 7))
    expected = (np.sum((target - estimate) ** 2) / np.sum(target**2)) ** 0.5
    assert lab.spectral_convergence(gain * target, gain * estimate) == pytest.approx(expected, rel=1e-9)


@checks("spectral_convergence")
@given(seed=SEEDS, gain=st.floats(0, 3))
def test_estimate_that_is_the_target_at_another_level_is_off_by_the_level(lab, seed, gain):
    target = np.abs(noise(seed, 4, 3))
    assert lab.spectral_convergence(target, gain * target) == pytest.approx(abs(1 - gain), abs=1e-9)


@checks("spectral_convergence")
def test_other_shape_or_silent_target_is_refused(lab):
    for target, estimate in (((3, 4), (4, 3)), ((3, 4), (3, 5)), ((3, 4), (1, 4))):
        with pytest.raises(ValueError):
            lab.spectral_convergence(np.ones(target), np.ones(estimate))
    with pytest.raises(ValueError):
        lab.spectral_convergence(np.zeros((3, 4)), np.ones((3, 4)))


# --- impose_magnitude --------------------------------------------------------------------------------


@checks("impose_magnitude", visible=True)
def test_length_changes_and_direction_stays(lab):
    found = lab.impose_magnitude(np.array([3 + 4j, -2j, -5.0]), np.array([10.0, 1.0, 0.0]))
    assert_same(found, [6 + 8j, -1j, 0])


@checks("impose_magnitude")
@given(seed=SEEDS, rows=st.integers(1, 5), columns=st.integers(1, 5))
def test_result_agrees_with_magnitude_and_angle(lab, seed, rows, columns):
    spectrum = noise(seed, rows, columns) + 1j * noise(seed + 1, rows, columns)
    magnitude = np.abs(noise(seed + 2, rows, columns))
    assert_same(lab.impose_magnitude(spectrum, magnitude), magnitude * np.exp(1j * np.angle(spectrum)))


@checks("impose_magnitude")
def test_number_without_direction_gets_phase_zero(lab):
    """Where the spectrum is zero, the result must be the magnitude itself: not zero, not NaN."""
    spectrum = np.array([[0j, 1j, 1e-305 + 0j], [2 + 0j, 0j, -1e-310j]])
    found = lab.impose_magnitude(spectrum, np.array([[3.0, 2.0, 7.0], [5.0, 0.5, 4.0]]))
    assert_same(found, [[3, 2j, 7], [5, 0.5, 4]])


@checks("impose_magnitude")
def test_faint_numbers_keep_their_direction(lab):
    """A number of size 1e-200 is faint, but it has a direction; so has one of exactly SMALLEST."""
    spectrum = np.array([-1e-200j, -1e-290 + 0j, 1e200j, -1e-300 + 0j])
    found = lab.impose_magnitude(spectrum, np.array([2.0, 3.0, 4.0, 5.0]))
    assert_same(found, [-2j, -3, 4j, -5])


@checks("impose_magnitude")
@pytest.mark.parametrize(("spectrum", "magnitude"), [((3, 4), (4, 3)), ((3, 4), (4,)), ((3, 4), (3, 1))])
def test_magnitude_of_another_shape_is_refused(lab, spectrum, magnitude):
    with pytest.raises(ValueError):
        lab.impose_magnitude(np.ones(spectrum, dtype=complex), np.ones(magnitude))


# --- griffin_lim -------------------------------------------------------------------------------------


def by_librosa(magnitude, hop_length, n_iter, weights=None, momentum=0.0, phase=None):
    """The same rounds, written with librosa's transforms."""
    import librosa

    n_fft = 2 * (len(magnitude) - 1)
    window = "hann" if weights is None else padded_window(weights, n_fft)
    options = {"hop_length": hop_length, "window": window, "n_fft": n_fft}
    current = magnitude * np.exp(1j * (np.zeros(magnitude.shape) if phase is None else phase))
    consistent = None
    for _ in range(n_iter):
        before, consistent = consistent, librosa.stft(librosa.istft(current, **options), **options)
        target = consistent if before is None else (1 + momentum) * consistent - momentum * before
        current = magnitude * np.exp(1j * np.angle(target))
    return librosa.istft(current, **options)


def voice(rng, time):
    """Noise under slow changes: magnitudes with hills and valleys, none of them zero."""
    return rng.normal(size=time) * (1.2 + np.sin(np.arange(time) / 150)) + np.sin(np.arange(time) ** 1.2 / 9)


@checks("griffin_lim", visible=True)
def test_right_phases_give_the_signal_itself(lab, rng):
    """Started with the true phases, every round must return the signal, with and without momentum."""
    samples = voice(rng, 1280)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, 64), 128)[::32]
    spectrum = np.fft.rfft(frames * np.sin(np.pi * np.arange(128) / 128) ** 2).T
    for n_iter, momentum in ((0, 0.0), (3, 0.0), (3, 0.99)):
        found = lab.griffin_lim(np.abs(spectrum), 32, n_iter, None, momentum, np.angle(spectrum))
        assert_same(found, samples, rtol=0, atol=1e-9)


# Rounds amplify rounding: what begins as 1e-15 grew to 1e-13 in eight rounds; 1e-8 leaves room where a
# bin comes near zero and its phase is decided by the last digits.
AFTER_ROUNDS = {"rtol": 0, "atol": 1e-8}


@checks("griffin_lim")
@pytest.mark.parametrize("momentum", [0.0, 0.99], ids=["of 1984", "fast"])
@pytest.mark.parametrize("n_iter", [0, 1, 2, 7], ids=["no round", "one round", "two rounds", "many rounds"])
def test_result_is_that_of_librosa(lab, rng, n_iter, momentum):
    import librosa

    magnitude = np.abs(librosa.stft(voice(rng, 2048), n_fft=256, hop_length=64))
    expected = librosa.griffinlim(magnitude, n_iter=n_iter, hop_length=64, momentum=momentum, init=None)
    assert_same(lab.griffin_lim(magnitude, 64, n_iter, None, momentum), expected, **AFTER_ROUNDS)


@checks("griffin_lim")
@given(
    seed=SEEDS,
    n_iter=st.integers(0, 5),
    momentum=st.floats(0, 1.2),
    hop=st.integers(5, 16),
    given=st.booleans(),
)
def test_any_window_hop_and_first_guess_are_used(lab, seed, n_iter, momentum, hop, given):
    rng = np.random.default_rng(seed)
    weights = weights_between(seed, int(rng.integers(24, 33)))
    magnitude = rng.uniform(0.2, 1, (17, 12))
    phase = rng.uniform(-np.pi, np.pi, (17, 12)) if given else None
    found = lab.griffin_lim(magnitude, hop, n_iter, weights, momentum, phase)
    assert_same(found, by_librosa(magnitude, hop, n_iter, weights, momentum, phase), **AFTER_ROUNDS)


@checks("griffin_lim")
def test_every_round_of_the_algorithm_of_1984_comes_nearer(lab, reference, rng):
    """Without momentum, the spectral convergence must never grow from round to round, and must fall."""
    magnitude = np.abs(reference.stft(voice(rng, 1536), 128, 32))
    phase = rng.uniform(-np.pi, np.pi, magnitude.shape)
    reached = []
    for n_iter in range(0, 13, 3):
        estimate = np.asarray(lab.griffin_lim(magnitude, 32, n_iter, None, 0.0, phase))
        assert estimate.shape == (1536,)
        reached.append(reference.spectral_convergence(magnitude, np.abs(reference.stft(estimate, 128, 32))))
    # the theorem is exact (Griffin & Lim 1984, section III); rounding is 1e-15 of the whole
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(reached))
    assert reached[-1] < 0.5 * reached[0]  # 0.34 to 0.40 of it in a hundred runs of the reference


@checks("griffin_lim")
def test_momentum_is_off_unless_asked_for(lab, rng):
    """Without `momentum`, the algorithm of 1984 must run."""
    magnitude = rng.uniform(0.2, 1, (17, 12))
    assert_same(lab.griffin_lim(magnitude, 8, 4), by_librosa(magnitude, 8, 4), **AFTER_ROUNDS)


@checks("griffin_lim")
def test_silence_stays_silent(lab):
    """Magnitudes of zero must give zeros, not NaN."""
    assert_same(lab.griffin_lim(np.zeros((9, 6)), 4, 3, None, 0.5), np.zeros(20))


@checks("griffin_lim")
@pytest.mark.parametrize(
    ("lowest", "n_iter", "momentum", "phase"),
    [
        (-0.1, 1, 0.0, None),
        (0.1, -1, 0.0, None),
        (0.1, 1, -0.1, None),
        (0.1, 1, 0.0, (9, 5)),
        (0.1, 1, 0.0, (1, 6)),
    ],
    ids=["negative magnitude", "negative rounds", "negative momentum", "other phases", "one row of phases"],
)
def test_what_cannot_be_rebuilt_is_refused(lab, lowest, n_iter, momentum, phase):
    magnitude = np.ones((9, 6))
    magnitude[3, 2] = lowest
    with pytest.raises(ValueError):
        lab.griffin_lim(magnitude, 4, n_iter, None, momentum, None if phase is None else np.zeros(phase))


@sound("griffin_lim")
def invented(output, *args, **options):
    return {"yours": 0.5 * output / max(np.abs(output).max(), 1e-9)}, 16_000
