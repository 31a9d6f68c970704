"""Hidden checks of the lab on the digit recogniser."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, picture, sound
from labkit import plot
from labkit.parts import t05_hmm as hmm

parts = lab_beside(__file__)  # to compose inputs; never the part that is being checked

SEED = st.integers(0, 2**32 - 1)
# Sums of a few thousand float64 terms in another order differ by about 1e-12 of their size; 1e-9 leaves
# room for that and for nothing else.
TIGHT = {"rtol": 1e-9, "atol": 1e-9}


def burst(rng, length, size=1.0):
    """Noise that is nowhere near zero."""
    return size * rng.choice([-1.0, 1.0], length) * rng.uniform(0.5, 1.0, length)


def word_like(rng, length=2400, sample_rate=8000):
    """A sound that changes: two vowels and a hiss."""
    time = np.arange(length) / sample_rate
    low, high = rng.uniform(200, 600, 2), rng.uniform(1000, 3000, 2)
    first, second = (
        np.sin(2 * np.pi * a * time) + 0.5 * np.sin(2 * np.pi * b * time)
        for a, b in zip(low, high, strict=True)
    )
    fade = np.linspace(0, 1, length)
    return 0.2 * ((1 - fade) * first + fade * second) + 0.01 * rng.normal(size=length)


def recordings(rng, n=5, dim=3, n_sounds=3, shortest=9, longest=14):
    """Sequences that pass through the same sounds at different speeds."""
    centres = 3 * rng.normal(size=(n_sounds, dim))
    sequences = []
    for _ in range(n):
        length = int(rng.integers(shortest, longest + 1))
        sounds = np.sort(np.append(rng.integers(n_sounds, size=length - n_sounds), np.arange(n_sounds)))
        sequences.append(centres[sounds] + rng.normal(size=(length, dim)))
    return sequences


def random_word(rng, n_states=3, dim=2, voice="everyone"):
    """A left-to-right model with random Gaussians."""
    stay = rng.uniform(0.4, 0.9, n_states)
    stay[-1] = 1.0
    transition = np.diag(stay) + np.diag(1 - stay[:-1], k=1)
    return {
        "initial": np.eye(n_states)[0],
        "transition": transition,
        "means": 2 * rng.normal(size=(n_states, dim)),
        "variances": rng.uniform(0.5, 2, size=(n_states, dim)),
        "voice": voice,
    }


def in_hmmlearn(model, **options):
    """The same model in hmmlearn, without priors."""
    from hmmlearn.hmm import GaussianHMM

    other = GaussianHMM(len(model["initial"]), "diag", init_params="", covars_prior=0, **options)
    other.n_features = model["means"].shape[1]
    other.startprob_, other.transmat_ = model["initial"], model["transition"]
    other.means_, other.covars_ = model["means"], model["variances"]
    return other


# --- trim_silence --------------------------------------------------------------------------------------


@checks("trim_silence", visible=True)
def test_silence_goes_at_both_ends_and_stays_in_the_middle(lab):
    samples = np.array([0, 0, 0, 0, 3, -3, 0, 0, 0, 0, 4, 4, 0, 0], dtype=float)
    np.testing.assert_array_equal(lab.trim_silence(samples, 200), samples[4:12])


@checks("trim_silence")
@given(
    seed=SEED,
    blocks=st.tuples(st.integers(0, 4), st.integers(1, 5), st.integers(0, 4)),
    rest=st.integers(0, 79),
)
def test_whole_blocks_are_kept_and_nothing_else(lab, seed, blocks, rest):
    """What is kept must run from the start of the first loud block of 10 ms to the end of the last."""
    rng = np.random.default_rng(seed)
    before, word, after = blocks
    quiet, loud = burst(rng, 80 * before, 1e-3), burst(rng, 80 * word)  # 1e-3 is at least 54 dB down
    samples = np.concatenate([quiet, loud, burst(rng, 80 * after + rest, 1e-3)])
    np.testing.assert_array_equal(lab.trim_silence(samples, 8000), loud)


@checks("trim_silence")
@pytest.mark.parametrize("range_db", [10.0, 35.0])
def test_threshold_lies_that_many_decibels_of_power_below_the_loudest_block(lab, range_db):
    # constant blocks: the power is known exactly, one is 0.2 dB above the threshold, one 0.2 dB below
    inside, outside = (10 ** ((-range_db + offset) / 20) for offset in (0.2, -0.2))
    samples = np.repeat([outside, inside, 1.0, inside, outside], 80)
    np.testing.assert_array_equal(lab.trim_silence(samples, 8000, range_db), samples[80:320])


@checks("trim_silence")
def test_block_exactly_at_the_threshold_is_loud(lab):
    # powers 1, 100 and 1: exactly 20 dB apart, and 100 * 10 ** -2 is exactly 1 in float64
    assert len(lab.trim_silence(np.repeat([1.0, 10.0, 1.0], 80), 8000, 20.0)) == 240
    assert len(lab.trim_silence(np.repeat([0.9, 1.0, 0.9], 80), 8000, 0.5)) == 80  # -0.92 dB


@checks("trim_silence")
def test_range_is_35_decibels_if_none_is_given(lab):
    samples = np.repeat([10 ** (-35.5 / 20), 10 ** (-34.5 / 20), 1.0], 80)
    assert len(lab.trim_silence(samples, 8000)) == 160


@checks("trim_silence")
@given(seed=SEED, gain=st.floats(1e-4, 1e4))
def test_level_of_the_recording_does_not_matter(lab, seed, gain):
    rng = np.random.default_rng(seed)
    samples = burst(rng, 640) * np.repeat(10 ** rng.uniform(-2.5, 0, 8), 80)
    assert len(lab.trim_silence(gain * samples, 8000)) == len(lab.trim_silence(samples, 8000))


@checks("trim_silence")
def test_sixteen_bit_samples_do_not_overflow_when_squared(lab):
    samples = np.repeat(np.array([10, 20_000, -30_000, 20_000, 10], dtype=np.int16), 80)
    np.testing.assert_array_equal(lab.trim_silence(samples, 8000), samples[80:320])


@checks("trim_silence")
def test_single_click_does_not_make_a_block_loud(lab):
    """A single click in a block must not count as loudness: it is the mean power that decides."""
    samples = np.ones(240)
    samples[:80] = 0.0
    samples[40] = 0.4  # mean power 0.16 / 80 = -27 dB, peak -8 dB
    assert len(lab.trim_silence(samples, 8000, 20.0)) == 160


@checks("trim_silence")
def test_one_block_is_enough_and_less_is_refused(lab):
    assert len(lab.trim_silence(np.ones(80), 8000)) == 80
    for length in (0, 79):
        with pytest.raises(ValueError):
            lab.trim_silence(np.ones(length), 8000)


@checks("trim_silence")
def test_silence_is_refused(lab):
    with pytest.raises(ValueError):
        lab.trim_silence(np.zeros(800), 8000)


@checks("trim_silence")
@pytest.mark.parametrize("range_db", [0.0, -35.0])
def test_range_must_be_positive(lab, range_db):
    with pytest.raises(ValueError):
        lab.trim_silence(np.ones(800), 8000, range_db)


@sound("trim_silence")
def before_and_after(output, samples, sample_rate, *args, **options):
    largest = max(float(np.abs(samples).max()), 1e-9)
    return {"input": samples / largest, "yours": output / largest}, sample_rate


# --- relative_log_power --------------------------------------------------------------------------------


@checks("relative_log_power", visible=True)
def test_largest_power_becomes_zero_and_ratios_become_differences(lab):
    output = lab.relative_log_power(np.array([[5.0, 0.5], [0.05, 5.0]]))
    np.testing.assert_allclose(output, [[0, -np.log(10)], [-2 * np.log(10), 0]], **TIGHT)


@checks("relative_log_power")
@given(seed=SEED, gain=st.floats(1e-6, 1e6))
def test_recording_at_another_level_gives_the_same(lab, seed, gain):
    power = 10 ** np.random.default_rng(seed).uniform(-9, 3, size=(5, 4))
    np.testing.assert_allclose(lab.relative_log_power(gain * power), lab.relative_log_power(power), **TIGHT)


@checks("relative_log_power")
def test_agrees_with_librosa(lab, rng):
    """Turned into decibels, the result must be that of librosa.power_to_db with its peak as reference."""
    import librosa

    power = 10 ** rng.uniform(-6, 3, size=(7, 5))
    for floor_db in (25.0, 60.0):
        decibels = librosa.power_to_db(power, ref=power.max(), amin=1e-30, top_db=floor_db)
        output = lab.relative_log_power(power, floor_db)
        np.testing.assert_allclose(output * 10 / np.log(10), decibels, rtol=1e-7, atol=1e-7)


@checks("relative_log_power")
def test_silence_lies_on_the_floor(lab):
    """What is silent must be 60 dB of power below the peak if no floor is given, and floor_db if one is."""
    power = np.array([[0.0, 3.0], [3e-6 / 1.1, 3e-6 * 1.1]])
    floor = -6 * np.log(10)
    np.testing.assert_allclose(
        lab.relative_log_power(power), [[floor, 0], [floor, floor + np.log(1.1)]], **TIGHT
    )
    assert lab.relative_log_power(power, 20.0)[0, 0] == pytest.approx(-2 * np.log(10), rel=1e-9)


@checks("relative_log_power")
def test_single_power_of_one_is_fine_and_so_is_a_narrow_range(lab):
    assert lab.relative_log_power(np.array([1.0])).tolist() == [0.0]
    np.testing.assert_allclose(
        lab.relative_log_power(np.array([1.0, 0.1]), 0.5), [0, -0.05 * np.log(10)], **TIGHT
    )


@checks("relative_log_power")
@pytest.mark.parametrize(
    "power", [np.zeros((2, 2)), np.array([1.0, -1e-9]), np.zeros((0, 4))], ids=["zero", "negative", "empty"]
)
def test_powers_that_make_no_sense_are_refused(lab, power):
    with pytest.raises(ValueError):
        lab.relative_log_power(power)


@checks("relative_log_power")
@pytest.mark.parametrize("floor_db", [0.0, -60.0])
def test_floor_must_be_a_positive_number_of_decibels(lab, floor_db):
    with pytest.raises(ValueError):
        lab.relative_log_power(np.ones(3), floor_db)


# --- word_cepstra --------------------------------------------------------------------------------------


def cepstra_by_library(samples, sample_rate, frame_length, hop_length, n_fft):
    """The same chain out of librosa and scipy."""
    import librosa
    import scipy.fft
    import scipy.signal

    emphasised = scipy.signal.lfilter([1, -0.97], [1], samples)
    frames = librosa.util.frame(emphasised, frame_length=frame_length, hop_length=hop_length).T
    window = scipy.signal.get_window("hann", frame_length)
    power = np.abs(np.fft.rfft(frames * window, n_fft)) ** 2
    filters = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=20, fmin=100, fmax=3400, htk=True, norm=None, dtype=np.float64
    )
    mel_power = power @ filters.T
    log_power = np.log(np.maximum(mel_power / mel_power.max(), 1e-6))
    return scipy.fft.dct(log_power, norm="ortho")[:, :16]


@checks("word_cepstra")
def test_chain_agrees_with_librosa_and_scipy(lab, rng):
    samples = word_like(rng, 1700)
    expected = cepstra_by_library(samples, 8000, 200, 80, 256)
    np.testing.assert_allclose(lab.word_cepstra(samples, 8000), expected, rtol=1e-7, atol=1e-7)


@checks("word_cepstra")
@pytest.mark.parametrize(("sample_rate", "sizes"), [(16000, (400, 160, 512)), (11025, (276, 110, 512))])
def test_times_are_kept_at_other_sample_rates(lab, rng, sample_rate, sizes):
    """Frames must be 25 ms every 10 ms, rounded to samples, at any sample rate."""
    samples = word_like(rng, 2000, sample_rate)
    expected = cepstra_by_library(samples, sample_rate, *sizes)
    np.testing.assert_allclose(lab.word_cepstra(samples, sample_rate), expected, rtol=1e-7, atol=1e-7)


@checks("word_cepstra")
def test_frame_of_a_power_of_two_needs_no_longer_transform(lab, rng):
    """At 10240 Hz a frame is 256 samples, and the transform must be 256 long, too."""
    samples = word_like(rng, 1500, 10240)
    expected = cepstra_by_library(samples, 10240, 256, 102, 256)
    np.testing.assert_allclose(lab.word_cepstra(samples, 10240), expected, rtol=1e-7, atol=1e-7)


@checks("word_cepstra")
@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_cepstra_do_not_depend_on_the_level(lab, rng, gain):
    samples = word_like(rng, 600)
    np.testing.assert_allclose(
        lab.word_cepstra(gain * samples, 8000), lab.word_cepstra(samples, 8000), rtol=1e-7, atol=1e-7
    )


@checks("word_cepstra")
def test_signal_shorter_than_a_frame_is_followed_by_silence(lab, rng):
    samples = word_like(rng, 130)
    expected = cepstra_by_library(np.append(samples, np.zeros(70)), 8000, 200, 80, 256)
    np.testing.assert_allclose(lab.word_cepstra(samples, 8000), expected, rtol=1e-7, atol=1e-7)


@checks("word_cepstra")
def test_low_sample_rates_and_silence_are_refused(lab, rng):
    with pytest.raises(ValueError):
        lab.word_cepstra(word_like(rng), 6000)
    with pytest.raises(ValueError):
        lab.word_cepstra(np.zeros(800), 8000)


@picture("word_cepstra")
def own_cepstra(output, samples, sample_rate):
    return plot.features(output, hop_seconds=0.01, title="your cepstra: 16 per frame of 10 ms")


# --- word_features -------------------------------------------------------------------------------------


@checks("word_features")
def test_cepstra_come_first_then_slopes_then_slopes_of_slopes(lab, rng):
    """16 cepstra, 16 deltas, 16 delta-deltas must stand side by side; librosa.feature.delta is the judge."""
    import librosa

    samples = word_like(rng, 1700)
    output = lab.word_features(samples, 8000)
    cepstra = parts.word_cepstra(parts.trim_silence(samples, 8000), 8000)
    assert output.shape == (len(cepstra), 48)
    np.testing.assert_allclose(output[:, :16], cepstra, **TIGHT)
    # savgol with degree 1 is the regression over seven frames; away from the edges both are defined alike
    slopes = librosa.feature.delta(output[:, :16].T, width=7).T
    np.testing.assert_allclose(output[3:-3, 16:32], slopes[3:-3], rtol=1e-7, atol=1e-7)
    curvature = librosa.feature.delta(output[:, 16:32].T, width=7).T
    np.testing.assert_allclose(output[3:-3, 32:], curvature[3:-3], rtol=1e-7, atol=1e-7)


@checks("word_features")
def test_silence_around_the_word_changes_nothing(lab, rng):
    samples = burst(rng, 1600, 0.3)
    surrounded = np.concatenate([np.zeros(800), samples, np.zeros(480)])
    np.testing.assert_allclose(lab.word_features(surrounded, 8000), lab.word_features(samples, 8000), **TIGHT)


@checks("word_features")
@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_level_leaves_no_trace_in_the_features(lab, rng, gain):
    samples = word_like(rng, 900)
    np.testing.assert_allclose(
        lab.word_features(gain * samples, 8000), lab.word_features(samples, 8000), rtol=1e-6, atol=1e-6
    )


@checks("word_features")
def test_there_must_be_something_to_hear(lab):
    for samples in (np.zeros(0), np.zeros(4000), np.ones(20)):
        with pytest.raises(ValueError):
            lab.word_features(samples, 8000)


# --- feature_scale -------------------------------------------------------------------------------------


@checks("feature_scale", visible=True)
def test_all_frames_count_the_same_whatever_their_recording(lab):
    scale = lab.feature_scale([np.array([[0.0]]), np.array([[4.0], [4.0], [4.0]])])
    assert scale["mean"].tolist() == [3.0]
    assert scale["deviation"] == pytest.approx([np.sqrt(3)])


@checks("feature_scale")
@given(seed=SEED)
def test_agrees_with_scikit_learn(lab, seed):
    """Mean and deviation must be those of sklearn's StandardScaler on all frames."""
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    sequences = [rng.normal(5, 3, size=(rng.integers(1, 9), 4)) for _ in range(rng.integers(2, 6))]
    scaler = StandardScaler().fit(np.concatenate(sequences))
    scale = lab.feature_scale(sequences)
    np.testing.assert_allclose(scale["mean"], scaler.mean_, **TIGHT)
    np.testing.assert_allclose(scale["deviation"], scaler.scale_, **TIGHT)


@checks("feature_scale")
def test_feature_that_never_changes_gets_the_deviation_one(lab):
    # 0.1 is no float64: the mean of many is off by rounding, and that must not count as variation
    frames = np.column_stack([np.full(11, 0.1), np.zeros(11), np.arange(11) * 1e-3])
    scale = lab.feature_scale([frames[:4], frames[4:]])
    np.testing.assert_allclose(scale["deviation"], [1, 1, np.std(frames[:, 2])], **TIGHT)


@checks("feature_scale")
def test_single_frame_is_enough_and_nothing_varies_in_it(lab):
    scale = lab.feature_scale([np.array([[2.0, -3.0]])])
    assert scale["mean"].tolist() == [2.0, -3.0] and scale["deviation"].tolist() == [1.0, 1.0]


@checks("feature_scale")
def test_scale_needs_a_frame(lab):
    for sequences in ([], [np.zeros((0, 3))]):
        with pytest.raises(ValueError):
            lab.feature_scale(sequences)


# --- initial_word_model --------------------------------------------------------------------------------


@checks("initial_word_model", visible=True)
def test_slices_of_seven_frames_are_three_two_and_two(lab):
    frames = np.array([0, 3, 6, 20, 30, 50, 54], dtype=float)[:, None]
    model = lab.initial_word_model([frames], 3)
    np.testing.assert_allclose(model["means"][:, 0], [3, 25, 52], **TIGHT)
    np.testing.assert_allclose(model["variances"][:, 0], [6, 25, 4], **TIGHT)


@checks("initial_word_model")
@given(seed=SEED, n_states=st.integers(1, 5))
def test_gaussians_are_those_of_the_slices_of_all_recordings(lab, seed, n_states):
    """Brute force: frame t of T belongs to state floor(t · n_states / T); all recordings are pooled."""
    rng = np.random.default_rng(seed)
    sequences = recordings(rng, n=3, dim=2)
    groups = [[] for _ in range(n_states)]
    for sequence in sequences:
        for t, row in enumerate(sequence):
            groups[int(np.floor(t * n_states / len(sequence) + 1e-9))].append(row)
    model = lab.initial_word_model(sequences, n_states, 1e-3)
    np.testing.assert_allclose(model["means"], [np.mean(group, axis=0) for group in groups], **TIGHT)
    variances = [np.maximum(np.var(group, axis=0), 1e-3) for group in groups]
    np.testing.assert_allclose(model["variances"], variances, **TIGHT)


@checks("initial_word_model")
def test_no_variance_is_below_the_floor(lab):
    sequence = np.repeat([[1.0, 0.0], [2.0, 0.0]], 3, axis=0) + np.arange(6)[:, None] * [0.5, 0.0]
    low = sequence[:3, 0].var()  # 0.1667: above 0.1, below 0.2
    np.testing.assert_allclose(
        lab.initial_word_model([sequence], 2)["variances"], [[low, 0.1], [low, 0.1]], **TIGHT
    )
    assert np.all(lab.initial_word_model([sequence], 2, 0.2)["variances"] == 0.2)


@checks("initial_word_model")
@given(lengths=st.lists(st.integers(6, 30), min_size=1, max_size=4), n_states=st.integers(1, 6))
def test_states_stay_as_long_as_the_average_recording_needs(lab, lengths, n_states):
    """A state must last (average frames) / (states) frames on average, but stay with at least ½."""
    model = lab.initial_word_model([np.arange(float(n))[:, None] for n in lengths], n_states)
    stay = max(0.5, 1 - n_states / np.mean(lengths))
    np.testing.assert_allclose(np.diag(model["transition"])[:-1], stay, **TIGHT)
    np.testing.assert_allclose(np.diag(model["transition"], k=1), 1 - stay, **TIGHT)
    assert model["transition"][-1, -1] == 1
    assert model["initial"].tolist() == [1.0] + [0.0] * (n_states - 1)


@checks("initial_word_model")
def test_short_recordings_are_welcome_as_long_as_every_state_gets_a_frame(lab):
    long, short = np.arange(6.0)[:, None], np.array([[10.0], [20.0]])
    model = lab.initial_word_model([long, short], 3)
    np.testing.assert_allclose(model["means"][:, 0], [(0 + 1 + 10) / 3, (2 + 3 + 20) / 3, 4.5], **TIGHT)


@checks("initial_word_model")
def test_too_few_frames_and_no_recordings_are_refused(lab):
    for sequences in ([], [np.zeros((3, 2)), np.zeros((2, 2))]):
        with pytest.raises(ValueError):
            lab.initial_word_model(sequences, 4)


# --- train_word_model ----------------------------------------------------------------------------------


@checks("train_word_model")
@given(seed=SEED, n_rounds=st.integers(1, 4))
def test_likelihood_never_falls(lab, seed, n_rounds):
    """Each round must explain the recordings at least as well as the one before."""
    sequences = recordings(np.random.default_rng(seed), n=3, dim=2)
    history = lab.train_word_model(sequences, 3, n_rounds, 1e-4)["log_likelihoods"]
    assert history.shape == (n_rounds,)
    assert np.all(np.diff(history) >= -1e-9)  # rounding alone may lower a sum of 100 terms by so much


@checks("train_word_model")
def test_trained_model_is_that_of_hmmlearn(lab, rng):
    """From the same first guess, as many rounds of hmmlearn must give the same model."""
    sequences = recordings(rng, n=4, dim=2)
    guess = parts.initial_word_model(sequences, 3, 1e-3)
    other = in_hmmlearn(guess, n_iter=3, tol=-np.inf, min_covar=1e-3)
    other.fit(np.concatenate(sequences), [len(sequence) for sequence in sequences])
    model = lab.train_word_model(sequences, 3, 3, 1e-3)
    # hmmlearn adds 1e-10-sized corrections of its own; three rounds of EM amplify them a little
    np.testing.assert_allclose(model["means"], other.means_, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model["transition"], other.transmat_, rtol=1e-5, atol=1e-5)
    variances = np.array([np.diag(matrix) for matrix in other.covars_])
    np.testing.assert_allclose(model["variances"], variances, rtol=1e-4, atol=1e-4)


@checks("train_word_model")
def test_first_entry_is_the_likelihood_of_the_first_guess_per_frame(lab, rng):
    sequences = recordings(rng, n=4, dim=2)
    guess = in_hmmlearn(parts.initial_word_model(sequences, 3, 0.1))
    lengths = [len(sequence) for sequence in sequences]
    expected = guess.score(np.concatenate(sequences), lengths) / sum(lengths)
    model = lab.train_word_model(sequences, 3, 2)
    assert model["log_likelihoods"][0] == pytest.approx(expected, rel=1e-9)
    one_round = lab.train_word_model(sequences, 3, 1)
    after = in_hmmlearn(one_round).score(np.concatenate(sequences), lengths) / sum(lengths)
    assert model["log_likelihoods"][1] == pytest.approx(after, rel=1e-9)


@checks("train_word_model")
def test_floor_holds_in_every_round(lab, rng):
    sequences = [np.hstack([s, np.zeros((len(s), 1))]) for s in recordings(rng, n=3, dim=1)]
    for floor in (0.02, 0.7):
        model = lab.train_word_model(sequences, 3, 2, floor)
        assert model["variances"].min() == pytest.approx(floor)
    assert lab.train_word_model(sequences, 3, 2)["variances"].min() == pytest.approx(0.1)


@checks("train_word_model")
def test_no_round_returns_the_first_guess(lab, rng):
    sequences = recordings(rng, n=3, dim=2)
    model, guess = lab.train_word_model(sequences, 3, 0), parts.initial_word_model(sequences, 3)
    assert model["log_likelihoods"].shape == (0,)
    for name, value in guess.items():
        np.testing.assert_allclose(model[name], value, **TIGHT)


@checks("train_word_model")
def test_ten_states_and_four_rounds_if_nothing_is_said(lab, rng):
    model = lab.train_word_model(recordings(rng, n=3, dim=1, shortest=20, longest=25))
    assert model["means"].shape == (10, 1) and model["log_likelihoods"].shape == (4,)


@checks("train_word_model")
def test_training_on_nothing_or_on_too_little_is_refused(lab):
    for sequences in ([], [np.zeros((3, 2))]):
        with pytest.raises(ValueError):
            lab.train_word_model(sequences, 4)


# --- train_voices --------------------------------------------------------------------------------------


def three_speakers(rng):
    """Sequences and speakers, mixed: 4 of ann, 5 of bob, 3 (too few) of cid."""
    speakers = ["bob", "ann", "cid", "bob", "ann", "bob", "ann", "cid", "ann", "bob", "cid", "bob"]
    return recordings(rng, n=12, dim=2), speakers


@checks("train_voices")
def test_everyone_comes_first_then_speakers_with_enough_recordings_by_name(lab, rng):
    sequences, speakers = three_speakers(rng)
    voices = lab.train_voices(sequences, speakers, 3, 1)
    assert [voice["voice"] for voice in voices] == ["everyone", "ann", "bob"]


@checks("train_voices")
def test_each_model_hears_its_own_recordings(lab, rng):
    """Everyone's first guess must cover all recordings, a speaker's only that speaker's."""
    sequences, speakers = three_speakers(rng)
    voices = lab.train_voices(sequences, speakers, 3, 0)
    for voice in voices:
        own = [s for s, name in zip(sequences, speakers, strict=True) if voice["voice"] in ("everyone", name)]
        # with no round of training, the mean of state 0 is that of the first third of all own frames
        first = np.concatenate([s[np.arange(len(s)) * 3 // len(s) == 0] for s in own])
        np.testing.assert_allclose(voice["means"][0], first.mean(axis=0), **TIGHT)


@checks("train_voices")
def test_single_speakers_get_the_higher_floor(lab, rng):
    sequences = [np.hstack([s, np.zeros((len(s), 1))]) for s in recordings(rng, n=8, dim=1)]
    voices = lab.train_voices(sequences, ["ann"] * 4 + ["bob"] * 4, 3, 1)
    assert [voice["variances"][:, 1].tolist() for voice in voices] == [[0.1] * 3, [0.3] * 3, [0.3] * 3]


@checks("train_voices")
def test_models_are_trained_as_asked(lab, rng):
    """Every voice must have the states and the rounds asked for, and its likelihood must rise."""
    sequences, speakers = three_speakers(rng)
    for voice in lab.train_voices(sequences, speakers, 4, 3):
        assert voice["means"].shape == (4, 2) and voice["log_likelihoods"].shape == (3,)
        assert np.diff(voice["log_likelihoods"]).min() > -0.05  # the floor may cost a little
    voices = lab.train_voices(recordings(rng, n=2, dim=1, shortest=20, longest=22), ["a", "b"])
    assert voices[0]["means"].shape == (10, 1) and voices[0]["log_likelihoods"].shape == (4,)


@checks("train_voices")
def test_single_speaker_needs_no_second_model(lab, rng):
    voices = lab.train_voices(recordings(rng, n=5, dim=1), ["ann"] * 5, 3, 1)
    assert [voice["voice"] for voice in voices] == ["everyone"]


@checks("train_voices")
def test_every_recording_needs_a_speaker(lab, rng):
    for speakers in (["ann"] * 4, ["ann"] * 6):
        with pytest.raises(ValueError):
            lab.train_voices(recordings(rng, n=5, dim=1), speakers, 3, 1)


# --- score_word ----------------------------------------------------------------------------------------


@checks("score_word", visible=True)
def test_single_gaussian_gives_its_density(lab):
    model = {"initial": np.ones(1), "transition": np.ones((1, 1)), "voice": "everyone"}
    voices = [model | {"means": np.array([[1.0]]), "variances": np.array([[4.0]])}]
    # two frames: -ln sqrt(2 pi 4) each, and (3 - 1)^2 / (2 * 4) = 0.5 for the second
    log_likelihood, voice = lab.score_word(voices, np.array([[1.0], [3.0]]))
    assert voice == "everyone"
    assert log_likelihood == pytest.approx(-np.log(8 * np.pi) - 0.5, rel=1e-12)


@checks("score_word")
@pytest.mark.parametrize("n_frames", [1, 2, 5, 12])
def test_score_is_that_of_hmmlearn_for_the_best_voice(lab, rng, n_frames):
    voices = [random_word(rng, voice=name) for name in ("everyone", "ann", "bob")]
    features = 2 * rng.normal(size=(n_frames, 2))
    theirs = [in_hmmlearn(voice).score(features) for voice in voices]
    log_likelihood, voice = lab.score_word(voices, features)
    assert log_likelihood == pytest.approx(max(theirs), rel=1e-9)
    assert voice == voices[int(np.argmax(theirs))]["voice"]


@checks("score_word")
def test_any_state_may_be_the_last(lab, rng):
    """A recording that stops in the middle of the word must be scored by what was heard."""
    model = random_word(rng, n_states=4)
    features = model["means"][:2] + 0.01
    paths = 0.0  # brute force over the paths 00 and 01
    log_obs = hmm.gaussian_log_obs(features, model["means"], model["variances"])
    for last in (0, 1):
        paths += np.exp(log_obs[0, 0] + log_obs[1, last]) * model["transition"][0, last]
    assert lab.score_word([model], features)[0] == pytest.approx(np.log(paths), rel=1e-9)


@checks("score_word")
def test_first_voice_wins_a_tie(lab, rng):
    model = random_word(rng)
    voices = [model | {"voice": name} for name in ("b", "a", "c")]
    assert lab.score_word(voices, rng.normal(size=(5, 2)))[1] == "b"


@checks("score_word")
def test_long_recordings_do_not_underflow(lab, rng):
    model = random_word(rng)
    features = np.tile(model["means"][-1] + 20, (400, 1))
    expected = in_hmmlearn(model).score(features)
    assert lab.score_word([model], features)[0] == pytest.approx(expected, rel=1e-9)


@checks("score_word")
def test_word_without_a_model_is_refused(lab):
    with pytest.raises(ValueError):
        lab.score_word([], np.zeros((3, 2)))


# --- recognize -----------------------------------------------------------------------------------------


def small_vocabulary(rng, n_words=4):
    return {
        f"word{i}": [random_word(rng, voice="everyone"), random_word(rng, voice="ann")]
        for i in range(n_words)
    }


@checks("recognize")
@pytest.mark.parametrize("n_frames", [1, 3, 10])
def test_scores_are_log_likelihoods_per_frame(lab, rng, n_frames):
    """Each word's score must be the log-likelihood of its best voice, divided by the number of frames."""
    words = small_vocabulary(rng, 3)
    features = 2 * rng.normal(size=(n_frames, 2))
    answer, scores = lab.recognize(words, features)
    theirs = {
        word: max(in_hmmlearn(voice).score(features) for voice in voices) / n_frames
        for word, voices in words.items()
    }
    assert list(scores) == list(words)
    assert scores == pytest.approx(theirs, rel=1e-9)
    assert answer == max(theirs, key=lambda word: theirs[word])


@checks("recognize")
def test_word_that_made_the_sound_is_found(lab, rng):
    words = small_vocabulary(rng, 3)
    for word, voices in words.items():
        for voice in voices:
            # the means themselves, two frames each: no model can explain them as well
            tight = {w: [v | {"variances": np.full((3, 2), 0.01)} for v in vs] for w, vs in words.items()}
            assert lab.recognize(tight, np.repeat(voice["means"], 2, axis=0))[0] == word


@checks("recognize", visible=True)
def test_first_word_wins_a_tie_and_a_single_word_always_wins(lab):
    model = {
        "initial": np.ones(1),
        "transition": np.ones((1, 1)),
        "means": np.zeros((1, 1)),
        "variances": np.ones((1, 1)),
        "voice": "everyone",
    }
    assert lab.recognize({"yes": [model], "no": [model]}, np.zeros((2, 1)))[0] == "yes"
    assert lab.recognize({"yes": [model]}, np.full((2, 1), 1e3))[0] == "yes"


@checks("recognize")
def test_no_word_and_no_frame_are_refused(lab, rng):
    with pytest.raises(ValueError):
        lab.recognize({}, np.zeros((3, 2)))
    with pytest.raises(ValueError):
        lab.recognize(small_vocabulary(rng), np.zeros((0, 2)))


@picture("recognize")
def own_scores(output, words, features):
    _, scores = output
    return plot.bars(scores, y_label="nat per frame", title="your scores: the answer must be the highest")


# --- align_word ----------------------------------------------------------------------------------------


@checks("align_word")
@given(seed=SEED, n_frames=st.integers(1, 20))
def test_segments_are_those_of_hmmlearns_best_path(lab, seed, n_frames):
    rng = np.random.default_rng(seed)
    model = random_word(rng)
    features = 2 * rng.normal(size=(n_frames, 2))
    _, path = in_hmmlearn(model).decode(features)
    segments = lab.align_word(model, features, 0.5)
    rebuilt = [state for state, start, end in segments for _ in range(round((end - start) / 0.5))]
    assert rebuilt == path.tolist()
    assert [state for state, _, _ in segments] == sorted(set(path.tolist()))


@checks("align_word")
@given(seed=SEED, n_frames=st.integers(1, 20), hop_seconds=st.floats(0.001, 0.1))
def test_segments_follow_each_other_without_a_gap(lab, seed, n_frames, hop_seconds):
    """The first segment must start at 0, each where the one before ends, up to the end of the last frame."""
    rng = np.random.default_rng(seed)
    segments = lab.align_word(random_word(rng), rng.normal(size=(n_frames, 2)), hop_seconds)
    edges = [0.0] + [end for _, _, end in segments]
    assert [start for _, start, _ in segments] == pytest.approx(edges[:-1], abs=1e-12)
    assert edges[-1] == pytest.approx(n_frames * hop_seconds)
    assert all(end > start for _, start, end in segments)


@checks("align_word", visible=True)
def test_borders_fall_where_the_sound_changes(lab):
    model = {
        "initial": np.array([1.0, 0.0]),
        "transition": np.array([[0.5, 0.5], [0.0, 1.0]]),
        "means": np.array([[0.0], [9.0]]),
        "variances": np.ones((2, 1)),
    }
    features = np.array([[0.0], [0.1], [0.2], [9.0], [8.9]])
    segments = lab.align_word(model, features)
    assert [state for state, _, _ in segments] == [0, 1]
    assert segments[0][1:] == pytest.approx((0.0, 0.03))
    assert segments[1][1:] == pytest.approx((0.03, 0.05))


@checks("align_word")
def test_nothing_can_be_aligned_with_no_frame(lab, rng):
    with pytest.raises(ValueError):
        lab.align_word(random_word(rng), np.zeros((0, 2)))


# --- confusion_counts ----------------------------------------------------------------------------------


@checks("confusion_counts", visible=True)
def test_rows_are_what_was_said(lab):
    counts = lab.confusion_counts(["a", "a", "b"], ["c", "a", "b"], ["a", "b", "c"])
    assert counts.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


@checks("confusion_counts")
@given(pairs=st.lists(st.tuples(*[st.sampled_from(["zero", "one", "two", "three"])] * 2), max_size=40))
def test_agrees_with_scikit_learns_confusion_matrix(lab, pairs):
    from sklearn.metrics import confusion_matrix

    words = ["two", "zero", "three", "one"]  # an order of its own: not the alphabet's
    said, answered = [a for a, _ in pairs], [b for _, b in pairs]
    expected = confusion_matrix(said, answered, labels=words) if pairs else np.zeros((4, 4), dtype=int)
    np.testing.assert_array_equal(lab.confusion_counts(said, answered, words), expected)


@checks("confusion_counts")
def test_counts_are_whole_numbers(lab):
    assert lab.confusion_counts(["a"], ["a"], ["a", "b"]).dtype.kind == "i"


@checks("confusion_counts")
@pytest.mark.parametrize(
    ("said", "answered"), [(["a"], ["a", "b"]), (["a", "b"], ["a"]), (["x"], ["a"]), (["a"], ["x"])]
)
def test_unequal_lists_and_unknown_words_are_refused(lab, said, answered):
    with pytest.raises(ValueError):
        lab.confusion_counts(said, answered, ["a", "b"])


@picture("confusion_counts")
def own_counts(output, said, answered, words):
    return plot.confusion(output, words, title="your counts: rows are what was said")


# --- accuracy_interval ---------------------------------------------------------------------------------


@checks("accuracy_interval")
@given(n_total=st.integers(1, 3000), share=st.floats(0, 1))
def test_interval_is_wilsons_as_scipy_computes_it(lab, n_total, share):
    from scipy.stats import binomtest, norm

    n_right = round(share * n_total)
    expected = binomtest(n_right, n_total).proportion_ci(0.95, method="wilson")
    low, high = lab.accuracy_interval(n_right, n_total, float(norm.ppf(0.975)))
    # scipy replaces the bound at 0 of n and n of n by exactly 0 and 1, as arithmetic has it up to 1e-16
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@checks("accuracy_interval", visible=True)
def test_width_is_196_deviations_if_none_is_given(lab):
    low, high = lab.accuracy_interval(50, 100)
    # p = 1/2: the margin is z / 2 * sqrt((1 + z^2/n) / n) / (1 + z^2/n) = z / 2 / sqrt(n + z^2)
    margin = 1.96 / 2 / np.sqrt(100 + 1.96**2)
    assert (low, high) == pytest.approx((0.5 - margin, 0.5 + margin), rel=1e-9)


@checks("accuracy_interval")
@given(n_total=st.integers(1, 3000))
def test_perfect_scores_prove_no_perfection_and_bounds_stay_probabilities(lab, n_total):
    for n_right in (0, n_total):
        low, high = lab.accuracy_interval(n_right, n_total)
        assert 0 <= low < high <= 1
        # closed form at the ends: n of n gives n / (n + z^2) to 1, 0 of n its mirror image
        assert (low if n_right else 1 - high) == pytest.approx(n_total / (n_total + 1.96**2), rel=1e-9)


@checks("accuracy_interval")
@pytest.mark.parametrize(("n_right", "n_total"), [(0, 0), (-1, 5), (6, 5), (0, -3)])
def test_impossible_counts_are_refused(lab, n_right, n_total):
    with pytest.raises(ValueError):
        lab.accuracy_interval(n_right, n_total)


# --- leave_one_speaker_out -----------------------------------------------------------------------------


@checks("leave_one_speaker_out", visible=True)
def test_each_speaker_is_tested_once_in_alphabetical_order(lab):
    folds = lab.leave_one_speaker_out(["cid", "ann", "bob", "ann"])
    assert [who for who, _, _ in folds] == ["ann", "bob", "cid"]
    assert [testing.tolist() for _, _, testing in folds] == [[1, 3], [2], [0]]
    assert [training.tolist() for _, training, _ in folds] == [[0, 2], [0, 1, 3], [1, 2, 3]]


@checks("leave_one_speaker_out")
@given(speakers=st.lists(st.sampled_from(["ann", "bob", "cid", "dee"]), min_size=2, max_size=30))
def test_divisions_are_those_of_scikit_learn(lab, speakers):
    from sklearn.model_selection import LeaveOneGroupOut

    if len(set(speakers)) < 2:
        return
    expected = list(LeaveOneGroupOut().split(speakers, groups=speakers))
    folds = lab.leave_one_speaker_out(speakers)
    assert len(folds) == len(expected)
    for (_, training, testing), (their_training, their_testing) in zip(folds, expected, strict=True):
        np.testing.assert_array_equal(training, their_training)
        np.testing.assert_array_equal(testing, their_testing)


@checks("leave_one_speaker_out")
def test_one_speaker_alone_is_refused(lab):
    for speakers in ([], ["ann"], ["ann", "ann"]):
        with pytest.raises(ValueError):
            lab.leave_one_speaker_out(speakers)
