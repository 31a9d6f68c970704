"""Hidden checks of the lab on the recogniser of connected words."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, oracle, picture, sound
from labkit import plot
from labkit.parts import t05_hmm as hmm
from labkit.parts import t06_gmm as mixtures
from labkit.parts import t07b_wfst as machines

parts = lab_beside(__file__)  # to compose inputs; never the part that is being checked

SEED = st.integers(0, 2**32 - 1)
# Sums of a few thousand float64 terms in another order differ by about 1e-12 of their size; 1e-9 leaves
# room for that and for nothing else.
TIGHT = {"rtol": 1e-9, "atol": 1e-9}
WORDS = ["zero", "one", "two", "three"]


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


def recordings(rng, n=6, dim=3, n_sounds=3, shortest=9, longest=14):
    """Sequences that pass through the same sounds at different speeds."""
    centres = 3 * rng.normal(size=(n_sounds, dim))
    sequences = []
    for _ in range(n):
        length = int(rng.integers(shortest, longest + 1))
        sounds = np.sort(np.append(rng.integers(n_sounds, size=length - n_sounds), np.arange(n_sounds)))
        sequences.append(centres[sounds] + rng.normal(size=(length, dim)))
    return sequences


def random_models(rng, n_states=2, n_components=2, dim=2, spread=6.0):
    """Word models, and one of pauses, with random mixtures that are far apart."""
    models = {}
    for number, word in enumerate([*WORDS, parts.SILENCE]):
        states = n_states + number % 2
        stay = rng.uniform(0.3, 0.8, states)
        stay[-1] = 1.0
        weights = rng.uniform(0.2, 1, size=(states, n_components))
        models[word] = {
            "initial": np.eye(states)[0],
            "transition": np.diag(stay) + np.diag(1 - stay[:-1], k=1),
            "weights": weights / weights.sum(axis=1, keepdims=True),
            "means": spread * rng.normal(size=(states, 1, dim))
            + 0.3 * rng.normal(size=(states, n_components, dim)),
            "variances": rng.uniform(0.5, 1.5, size=(states, n_components, dim)),
        }
    return models


def any_words(weight=1.0, stop=0.5, words=WORDS):
    """A grammar that lets any word follow any other."""
    return {"start": 0, "arcs": [(0, 0, w, w, weight) for w in words], "finals": {"0": stop}}


def frames_of(rng, models, words, per_state=3):
    """Frames that follow the means of the words' states, with a little noise; and the true first frames."""
    pieces, starts = [], []
    for word in words:
        starts.append(sum(map(len, pieces)))
        pieces.append(np.repeat(models[word]["means"].mean(axis=1), per_state, axis=0))
    frames = np.concatenate(pieces)
    return frames + 0.1 * rng.normal(size=frames.shape), starts


# --- connect_words ---------------------------------------------------------------------------------------


@checks("connect_words", visible=True)
def test_recordings_stand_in_order_with_their_pauses(lab):
    samples, spans = lab.connect_words([np.array([5.0]), np.array([6.0, 7.0])], [1, 2, 3])
    np.testing.assert_array_equal(samples, [0, 5, 0, 0, 6, 7, 0, 0, 0])
    assert [tuple(span) for span in spans] == [(1, 2), (4, 6)]


@checks("connect_words")
@given(seed=SEED, n=st.integers(1, 6))
def test_every_span_holds_its_recording_and_the_rest_is_silent(lab, seed, n):
    rng = np.random.default_rng(seed)
    clips = [rng.uniform(0.5, 1, rng.integers(1, 30)) for _ in range(n)]
    pauses = rng.integers(0, 9, n + 1).tolist()
    samples, spans = lab.connect_words(clips, pauses)
    assert samples.shape == (sum(pauses) + sum(map(len, clips)),) and len(spans) == n
    for clip, (start, end) in zip(clips, spans, strict=True):
        np.testing.assert_array_equal(samples[start:end], clip)
    assert np.count_nonzero(samples) == sum(map(len, clips))
    edges = [0, *np.ravel(spans).tolist(), len(samples)]
    assert [b - a for a, b in zip(edges[::2], edges[1::2], strict=True)] == pauses


@checks("connect_words")
def test_agrees_with_joining_the_pieces_by_numpy(lab, rng):
    """The waveform must be what numpy.concatenate makes of the pieces."""
    clips = [rng.normal(size=length) for length in (4, 1, 7)]
    pieces = [np.zeros(3), clips[0], clips[1], np.zeros(5), clips[2], np.zeros(1)]
    samples, _ = lab.connect_words(clips, [3, 0, 5, 1])
    np.testing.assert_array_equal(samples, np.concatenate(pieces))


@checks("connect_words")
def test_result_is_float64_whatever_the_recordings_are(lab, rng):
    samples, _ = lab.connect_words([rng.normal(size=5).astype(np.float32)], [0, 0])
    assert samples.dtype == np.float64 and samples.shape == (5,)


@checks("connect_words")
@pytest.mark.parametrize(
    "n, pauses",
    [(0, [1]), (2, [0, 0]), (1, [0, 0, 0]), (2, [5, -1, 5]), (1, [-1, 0])],
    ids=["nothing to connect", "a pause too few", "a pause too many", "negative at the end", "negative"],
)
def test_wrong_numbers_of_pauses_are_refused(lab, n, pauses):
    with pytest.raises(ValueError):
        lab.connect_words([np.ones(3)] * n, pauses)


@sound("connect_words")
def the_string(output, *args, **options):
    return {"yours": output[0]}, 8000


# --- add_noise -------------------------------------------------------------------------------------------


@checks("add_noise", visible=True)
def test_noise_of_ten_decibels_less_has_a_tenth_of_the_power(lab):
    samples, noise = np.array([0.0, 3.0, -3.0, 0.0]), np.array([2.0, -2.0])
    added = lab.add_noise(samples, [(1, 3)], noise, 10.0) - samples
    np.testing.assert_allclose(np.mean(added**2), 0.9, **TIGHT)


@checks("add_noise")
@given(seed=SEED, snr_db=st.floats(-20, 40))
def test_ratio_of_words_to_noise_is_as_asked(lab, seed, snr_db):
    rng = np.random.default_rng(seed)
    clips = [rng.normal(size=rng.integers(20, 60)) * rng.uniform(0.1, 2) for _ in range(3)]
    samples, spans = parts.connect_words(clips, rng.integers(0, 50, 4).tolist())
    noise = rng.normal(size=int(rng.integers(10, 400)))
    added = lab.add_noise(samples, spans, noise, snr_db, int(rng.integers(0, 500))) - samples
    measured = 10 * np.log10(np.mean(np.concatenate(clips) ** 2) / np.mean(added**2))
    # added is a difference of sums: at 40 dB it keeps 13 of the 15 digits
    np.testing.assert_allclose(measured, snr_db, atol=1e-6)


@checks("add_noise")
def test_longer_pauses_do_not_change_the_level_of_the_noise(lab, rng):
    """The pauses must not count as speech: noise of one power gets the same gain, however long they are."""
    clip, noise = rng.normal(size=40), np.tile([1.0, -1.0], 20)
    levels = []
    for pause in (0, 200):
        samples, spans = parts.connect_words([clip], [pause, pause])
        levels.append(np.abs(lab.add_noise(samples, spans, noise, 5.0) - samples).max())
    np.testing.assert_allclose(levels[0], levels[1], **TIGHT)


@checks("add_noise")
@given(seed=SEED)
def test_noise_begins_at_its_start_and_repeats(lab, seed):
    rng = np.random.default_rng(seed)
    noise, length = rng.normal(size=7), int(rng.integers(5, 30))
    start = int(rng.integers(0, 20))
    samples = np.ones(length)
    added = lab.add_noise(samples, [(0, length)], noise, 0.0, start) - samples
    expected = np.array([noise[(start + t) % 7] for t in range(length)])
    expected *= np.sqrt(1 / np.mean(expected**2))  # 0 dB: the power of the words, which is 1
    np.testing.assert_allclose(added, expected, **TIGHT)


@checks("add_noise")
def test_level_is_measured_on_the_stretch_that_is_used(lab):
    noise = np.concatenate([np.ones(10), 100 * np.ones(10)])
    samples = np.array([3.0, -3.0, 3.0, -3.0])
    np.testing.assert_allclose(lab.add_noise(samples, [(0, 4)], noise, 0.0, 2) - samples, 3.0, **TIGHT)


@checks("add_noise")
def test_sixteen_bit_samples_do_not_overflow_when_they_are_squared(lab):
    samples = np.array([0, 20_000, -20_000, 0], dtype=np.int16)
    noise = np.array([15_000, -15_000], dtype=np.int16)
    added = lab.add_noise(samples, [(1, 3)], noise, 20.0) - samples
    np.testing.assert_allclose(np.abs(added), 2000.0, **TIGHT)


@checks("add_noise")
@pytest.mark.parametrize(
    "spans, noise", [([], np.ones(3)), ([(0, 4)], np.zeros(3))], ids=["no word", "silent noise"]
)
def test_string_without_words_and_silent_noise_are_refused(lab, spans, noise):
    with pytest.raises(ValueError):
        lab.add_noise(np.ones(4), spans, noise, 10.0)


@checks("add_noise")
def test_noise_that_is_silent_only_where_it_is_needed_is_refused(lab):
    noise = np.concatenate([np.zeros(8), np.ones(8)])
    with pytest.raises(ValueError):
        lab.add_noise(np.ones(4), [(0, 4)], noise, 10.0, 1)


@sound("add_noise")
def with_noise(output, samples, *args, **options):
    largest = max(float(np.abs(samples).max()), 1e-9)
    return {"input": samples / largest, "yours": output / largest}, 8000


# --- string_features -------------------------------------------------------------------------------------


@checks("string_features", visible=True)
@pytest.mark.parametrize("sample_rate", [8000, 16000], ids=["telephone", "wide band"])
def test_there_are_39_numbers_for_each_whole_frame(lab, sample_rate):
    samples = np.sin(np.arange(sample_rate // 4) * 0.3)
    assert lab.string_features(samples, sample_rate).shape == (23, 39)


@checks("string_features")
@given(seed=SEED, gain=st.floats(1e-3, 1e3))
def test_string_at_another_level_has_the_same_features(lab, seed, gain):
    samples = word_like(np.random.default_rng(seed), 1600)
    np.testing.assert_allclose(
        lab.string_features(gain * samples, 8000),
        lab.string_features(samples, 8000),
        rtol=1e-7,
        atol=1e-7,  # logarithms of ratios: the gain rounds each power once
    )


@checks("string_features")
def test_mean_of_each_cepstrum_over_the_string_is_zero(lab, rng):
    features = lab.string_features(word_like(rng), 8000)
    np.testing.assert_allclose(features[:, :13].mean(axis=0), 0, atol=1e-9)
    assert np.abs(features[:, :13].mean(axis=1)).max() > 1e-3  # not the mean over the coefficients


@checks("string_features")
@pytest.mark.parametrize(
    ("sample_rate", "sizes"),
    [(8000, (200, 80, 256)), (16000, (400, 160, 512)), (11025, (276, 110, 512)), (10240, (256, 102, 256))],
    ids=["telephone", "wide band", "odd sizes", "a frame of a power of two"],
)
def test_cepstra_agree_with_librosa_and_scipy(lab, rng, sample_rate, sizes):
    """The first 13 columns must be librosa's mel powers, floored at 40 dB, through scipy's DCT."""
    import librosa
    import scipy.fft
    import scipy.signal

    frame_length, hop_length, n_fft = sizes
    samples = word_like(rng, 2700, sample_rate)
    samples[:900] *= 1e-4  # a pause that lies below the floor
    sharper = scipy.signal.lfilter([1, -0.97], [1], samples)
    frames = librosa.util.frame(sharper, frame_length=frame_length, hop_length=hop_length).T
    power = np.abs(np.fft.rfft(frames * scipy.signal.get_window("hann", frame_length), n_fft)) ** 2
    filters = librosa.filters.mel(
        sr=sample_rate, n_fft=n_fft, n_mels=20, fmin=100, fmax=3400, htk=True, norm=None, dtype=np.float64
    )
    mel = power @ filters.T
    cepstra = scipy.fft.dct(np.log(np.maximum(mel / mel.max(), 1e-4)), norm="ortho")[:, :13]
    got = lab.string_features(samples, sample_rate)
    assert got.shape == (len(cepstra), 39)
    np.testing.assert_allclose(got[:, :13], cepstra - cepstra.mean(axis=0), rtol=1e-7, atol=1e-7)


@checks("string_features")
def test_slopes_and_their_slopes_follow_the_cepstra(lab, rng):
    features = lab.string_features(word_like(rng), 8000)
    padded = np.pad(features, ((3, 3), (0, 0)), mode="edge")
    n = len(features)
    slopes = sum(k * (padded[3 + k : 3 + k + n] - padded[3 - k : 3 - k + n]) for k in (1, 2, 3)) / 28
    np.testing.assert_allclose(features[:, 13:26], slopes[:, :13], atol=1e-8)
    np.testing.assert_allclose(features[:, 26:], slopes[:, 13:26], atol=1e-8)


@checks("string_features")
def test_pauses_are_not_cut_off(lab, rng):
    samples = np.concatenate([np.zeros(1600), word_like(rng, 1600), np.zeros(1600)])
    assert len(lab.string_features(samples, 8000)) == 58


@checks("string_features")
def test_microphone_that_colours_the_sound_changes_nothing(lab, rng):
    """A filter that favours one side of the spectrum must change the features only a little."""
    samples = rng.normal(size=2400) * np.repeat([1.0, 0.3, 1.0], 800)  # no band is ever near the floor
    duller = np.append(samples[0], samples[1:] + 0.5 * samples[:-1])
    plain, coloured = lab.string_features(samples, 8000), lab.string_features(duller, 8000)
    assert plain.shape == coloured.shape
    # filters act inside a frame up to its edges, so this is not exact; without the mean it is 1.5 to 2.5
    assert np.abs((plain - coloured)[:, 1:13]).mean() < 0.3


@checks("string_features")
@pytest.mark.parametrize("length", [0, 199])
def test_less_than_a_frame_is_refused(lab, length):
    with pytest.raises(ValueError):
        lab.string_features(np.ones(length), 8000)


@checks("string_features")
def test_exactly_one_frame_is_enough(lab, rng):
    assert lab.string_features(rng.normal(size=200), 8000).shape == (1, 39)


@checks("string_features")
def test_silence_and_low_sample_rates_are_refused(lab):
    with pytest.raises(ValueError):
        lab.string_features(np.zeros(800), 8000)
    with pytest.raises(ValueError):
        lab.string_features(np.sin(np.arange(800.0)), 6000)


@picture("string_features")
def cepstra_of(output, *args, **options):
    return plot.features(np.asarray(output)[:, :13], hop_seconds=0.01, title="your cepstra")


# --- cut_words -------------------------------------------------------------------------------------------


@checks("cut_words", visible=True)
def test_frames_go_where_their_centres_are(lab):
    words, pauses = lab.cut_words(np.arange(8.0)[:, None], [(180, 420), (420, 500)], 8000)
    assert [w[:, 0].tolist() for w in words] == [[1, 2, 3], [4]]
    assert [p[:, 0].tolist() for p in pauses] == [[0], [], [5, 6, 7]]


@checks("cut_words")
@given(seed=SEED, sample_rate=st.sampled_from([8000, 11025, 16000]))
def test_each_frame_is_where_its_centre_says(lab, seed, sample_rate):
    rng = np.random.default_rng(seed)
    frame, hop = round(0.025 * sample_rate), round(0.01 * sample_rate)
    n = int(rng.integers(10, 60))
    edges = np.sort(rng.integers(0, n * hop + frame, 2 * int(rng.integers(1, 5))))
    spans = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    words, pauses = lab.cut_words(np.arange(float(n))[:, None], spans, sample_rate)
    centres = np.arange(n) * hop + frame / 2
    assert len(words) == len(spans) and len(pauses) == len(spans) + 1
    for (start, end), word in zip(spans, words, strict=True):
        np.testing.assert_array_equal(word[:, 0], np.flatnonzero((centres >= start) & (centres < end)))
    bounds = [-np.inf, *edges.tolist(), np.inf]
    for before, after, pause in zip(bounds[::2], bounds[1::2], pauses, strict=True):
        np.testing.assert_array_equal(pause[:, 0], np.flatnonzero((centres >= before) & (centres < after)))


@checks("cut_words")
def test_nothing_is_lost_and_nothing_doubled(lab, rng):
    features = rng.normal(size=(50, 3))
    words, pauses = lab.cut_words(features, [(400, 1200), (1200, 2000), (2500, 9999)], 8000)
    assert [len(p) for p in pauses][1] == 0 and len(pauses[-1]) == 0
    in_order = [pauses[0], *itertools.chain.from_iterable(zip(words, pauses[1:], strict=True))]
    np.testing.assert_array_equal(np.concatenate(in_order), features)


@checks("cut_words")
def test_word_before_the_first_centre_is_empty(lab):
    words, pauses = lab.cut_words(np.ones((4, 2)), [(0, 60)], 8000)
    assert words[0].shape == (0, 2) and len(pauses[0]) == 0 and len(pauses[1]) == 4


@checks("cut_words")
def test_spans_that_touch_or_are_empty_are_allowed(lab):
    words, _ = lab.cut_words(np.ones((9, 1)), [(100, 300), (300, 300), (300, 500)], 8000)
    assert [len(word) for word in words] == [3, 0, 2]


@checks("cut_words")
@pytest.mark.parametrize(
    "spans",
    [[], [(300, 200)], [(100, 300), (299, 400)], [(300, 400), (100, 200)]],
    ids=["none", "backwards", "overlapping", "out of order"],
)
def test_impossible_spans_are_refused(lab, spans):
    with pytest.raises(ValueError):
        lab.cut_words(np.ones((9, 1)), spans, 8000)


# --- train_model -----------------------------------------------------------------------------------------


@checks("train_model", visible=True)
def test_two_clear_halves_become_two_states(lab):
    sequences = [np.array([[0.0], [0.0], [9.0], [9.0]]), np.array([[0.0], [9.0]])]
    model, history = lab.train_model(sequences, 2, 1, n_rounds=1)
    np.testing.assert_allclose(model["means"], [[[0.0]], [[9.0]]], atol=1e-6)
    np.testing.assert_allclose(model["variances"], 0.1, **TIGHT)
    assert history.shape == (1,)


@checks("train_model")
def test_start_is_a_mixture_of_each_slice(lab, rng):
    """Without rounds, each state must hold what fit_gmm makes of its slice of all recordings."""
    sequences = recordings(rng, n=5, shortest=8, longest=13)
    model, history = lab.train_model(sequences, 3, 2, 0, 0.05)
    frames = np.concatenate(sequences)
    states = np.concatenate([[t * 3 // len(s) for t in range(len(s))] for s in sequences])
    for state in range(3):
        fit = mixtures.fit_gmm(frames[states == state], 2, 3, 0, 0.05)
        for name, values in zip(("weights", "means", "variances"), fit[:3], strict=True):
            np.testing.assert_allclose(model[name][state], values, **TIGHT)
    assert history.shape == (0,)


@checks("train_model")
def test_agrees_with_hmmlearn_for_one_gaussian_a_state(lab, rng):
    """With one Gaussian a state, one round must be that of hmmlearn from equal slices."""
    from hmmlearn.hmm import GaussianHMM

    sequences = recordings(rng, n=6)
    start, _ = lab.train_model(sequences, 3, 1, 0, 1e-6)
    model, history = lab.train_model(sequences, 3, 1, 1, 1e-6)
    other = GaussianHMM(3, "diag", n_iter=1, tol=-np.inf, init_params="", covars_prior=0)
    other.n_features = 3
    other.startprob_, other.transmat_ = start["initial"], start["transition"]
    other.means_, other.covars_ = start["means"][:, 0], start["variances"][:, 0]
    score = other.score(np.concatenate(sequences), [len(s) for s in sequences])
    other.fit(np.concatenate(sequences), [len(s) for s in sequences])
    np.testing.assert_allclose(history, [score / sum(map(len, sequences))], rtol=1e-7)
    np.testing.assert_allclose(model["means"][:, 0], other.means_, rtol=1e-6, atol=1e-6)
    # hmmlearn adds a weight of -1 and a prior of 1e-2 to variances unless told; told 0 they agree
    np.testing.assert_allclose(model["transition"], other.transmat_, rtol=1e-6, atol=1e-6)


@checks("train_model")
@given(seed=SEED)
def test_likelihood_never_falls(lab, seed):
    sequences = recordings(np.random.default_rng(seed), n=6)
    # a tiny floor: a floor that acts may lower the likelihood
    model, history = lab.train_model(sequences, 3, 1, 4, 1e-9)
    assert history.shape == (4,) and np.all(np.diff(history) > -1e-9)
    np.testing.assert_allclose(model["weights"].sum(axis=1), 1.0, **TIGHT)
    np.testing.assert_allclose(model["transition"].sum(axis=1), 1.0, **TIGHT)


@checks("train_model")
def test_rounds_are_those_of_the_mixture_lab(lab, rng):
    """Each round must be mixtures.gmm_hmm_step, with the floor, on the long enough sequences."""
    sequences = recordings(rng, n=6)
    model, _ = lab.train_model(sequences, 3, 2, 0, 0.3)
    trained, history = lab.train_model([sequences[0][:2], *sequences], 3, 2, 2, 0.3)
    expected = []
    for _ in range(2):
        model, log_likelihood = mixtures.gmm_hmm_step(sequences, model, 0.3)
        expected.append(log_likelihood / sum(map(len, sequences)))
    np.testing.assert_allclose(history, expected, **TIGHT)
    for name in ("initial", "transition", "weights", "means", "variances"):
        np.testing.assert_allclose(trained[name], model[name], **TIGHT)


@checks("train_model")
@pytest.mark.parametrize("length", [4, 20], ids=["short words", "long words"])
def test_first_self_loop_follows_the_average_length(lab, rng, length):
    sequences = [rng.normal(size=(length - 1, 2)), rng.normal(size=(length + 1, 2))]
    model, _ = lab.train_model(sequences, 3, 1, 0)
    stay = max(0.5, 1 - 3 / length)
    np.testing.assert_allclose(model["transition"], hmm.left_to_right(3, stay)[1], **TIGHT)
    np.testing.assert_array_equal(model["initial"], [1, 0, 0])


@checks("train_model")
def test_recordings_with_fewer_frames_than_states_are_left_out(lab, rng):
    sequences = recordings(rng, n=5)
    short = [rng.normal(size=(n, 3)) for n in (0, 1, 3)]
    both = [lab.train_model(own, 4, 2, 1)[0] for own in (sequences, [*short, *sequences])]
    for name in ("means", "transition", "weights"):
        np.testing.assert_allclose(both[0][name], both[1][name], **TIGHT)


@checks("train_model")
def test_recording_with_as_many_frames_as_states_is_used(lab):
    model, _ = lab.train_model([np.array([[1.0], [5.0]])], 2, 1, 0)
    np.testing.assert_allclose(model["means"][:, 0, 0], [1.0, 5.0], **TIGHT)


@checks("train_model")
def test_floor_is_a_tenth_if_none_is_given(lab):
    model, _ = lab.train_model([np.zeros((4, 2))], 2, 1, 1)
    np.testing.assert_allclose(model["variances"], 0.1, **TIGHT)


@checks("train_model")
@pytest.mark.parametrize(
    "lengths, n_components", [([], 1), ([2, 1], 1), ([3], 2)], ids=["none", "all short", "too few frames"]
)
def test_too_little_material_is_refused(lab, lengths, n_components):
    with pytest.raises(ValueError):
        lab.train_model([np.ones((n, 2)) for n in lengths], 3, n_components, 1)


# --- weigh_grammar ---------------------------------------------------------------------------------------


def random_grammar(rng):
    arcs = [(0, 1, "", "", 0.5), (1, 0, "", "two", 0.25)]
    for _ in range(6):
        word = str(rng.choice(WORDS))
        arcs.append((int(rng.integers(2)), int(rng.integers(2)), word, word, float(rng.uniform(0, 3))))
    return {"start": 0, "arcs": arcs, "finals": {"0": float(rng.uniform(0, 2)), "1": 0.75}}


@checks("weigh_grammar", visible=True)
def test_only_arcs_that_read_a_word_pay_the_penalty(lab):
    G = {"start": 1, "arcs": [(1, 0, "two", "two", 2.0), (0, 1, "", "", 0.5)], "finals": {"0": 3.0}}
    new = lab.weigh_grammar(G, 4.0, 7.0)
    assert [tuple(arc) for arc in new["arcs"]] == [(1, 0, "two", "two", 15.0), (0, 1, "", "", 2.0)]
    assert new["finals"] == {"0": 12.0} and new["start"] == 1


@checks("weigh_grammar")
@given(seed=SEED, language_weight=st.floats(0, 10), penalty=st.floats(-20, 20))
def test_price_of_every_path_follows_the_formula(lab, seed, language_weight, penalty):
    rng = np.random.default_rng(seed)
    # a tree, so that each sequence has one path
    arcs = [(k // 2, k + 1, WORDS[k % 2], WORDS[k % 2], float(rng.uniform(0, 3))) for k in range(6)]
    G = {"start": 0, "arcs": arcs, "finals": {str(k): float(rng.uniform(0, 2)) for k in range(7)}}
    new = lab.weigh_grammar(G, language_weight, penalty)
    before, after = machines.weighted_relation(G, 4), machines.weighted_relation(new, 4)
    assert before.keys() == after.keys()
    for pair, weight in before.items():
        n = len(pair.split(":")[0].split())
        np.testing.assert_allclose(after[pair], language_weight * weight + penalty * n, rtol=1e-9, atol=1e-9)


@checks("weigh_grammar")
def test_weight_one_and_no_penalty_change_nothing(lab, rng):
    G = random_grammar(rng)
    new = lab.weigh_grammar(G, 1.0, 0.0)
    assert [tuple(arc) for arc in new["arcs"]] == G["arcs"] and new["finals"] == G["finals"]


@checks("weigh_grammar")
def test_arc_that_writes_a_word_without_reading_one_pays_no_penalty(lab):
    new = lab.weigh_grammar({"start": 0, "arcs": [(0, 0, "", "two", 1.0)], "finals": {"0": 0.0}}, 2.0, 9.0)
    assert new["arcs"][0][4] == 2.0


@checks("weigh_grammar")
def test_given_grammar_stays_as_it_was(lab, rng):
    G = random_grammar(rng)
    first = lab.weigh_grammar(G, 3.0, 5.0)
    second = lab.weigh_grammar(G, 3.0, 5.0)
    assert first == second and G["finals"]["1"] == 0.75


@checks("weigh_grammar")
def test_negative_weight_is_refused_and_zero_is_not(lab, rng):
    with pytest.raises(ValueError):
        lab.weigh_grammar(random_grammar(rng), -0.1, 0.0)
    new = lab.weigh_grammar(random_grammar(rng), 0.0, 1.0)
    assert {arc[4] for arc in new["arcs"] if arc[2]} == {1.0}


# --- decoding_graph --------------------------------------------------------------------------------------


@checks("decoding_graph")
def test_graph_reads_states_and_writes_words(lab):
    models = random_models(np.random.default_rng(0))
    graph, columns = lab.decoding_graph(models, any_words())
    assert {arc[2] for arc in graph["arcs"]} - {""} == set(columns)
    assert {arc[3] for arc in graph["arcs"]} - {""} == set(WORDS)


@checks("decoding_graph")
@given(seed=SEED)
def test_columns_number_the_states_model_after_model(lab, seed):
    rng = np.random.default_rng(seed)
    models, words = random_models(rng), rng.choice(WORDS, 3, replace=False).tolist()
    models = {name: models[name] for name in rng.permutation([*words, parts.SILENCE]).tolist()}
    _, columns = lab.decoding_graph(models, any_words(words=words))
    labels = [f"{name}_{k}" for name, model in models.items() for k in range(len(model["initial"]))]
    assert columns == {label: number for number, label in enumerate(labels)}


def price_by_hand(models, words, state_lengths, silences, grammar_weight, stop, p):
    """Price of one path: `silences` says whether a pause precedes each word and follows the last."""
    total = stop + grammar_weight * len(words)
    units = []
    for word, silent in zip([*words, None], silences, strict=True):
        total -= np.log(p if silent else 1 - p)
        units += [parts.SILENCE] * silent + [word] * (word is not None)
    for unit in units:
        stay = np.clip(np.diag(models[unit]["transition"]), 0.05, 0.95)
        stay[-1] = parts.STAY
        for probability in stay:
            total -= (state_lengths - 1) * np.log(probability) + np.log(1 - probability)
    return total, [f"{u}_{k}" for u in units for k in range(len(models[u]["initial"]))]


@oracle
def decoded(graph, log_obs, columns):
    """The path through a graph and its weight, by the search of the lab on transducers."""
    return machines.beam_search(graph, log_obs, columns)


@checks("decoding_graph")
@given(seed=SEED, p=st.floats(0.1, 0.9))
def test_price_of_a_path_is_that_of_states_pauses_and_words(lab, seed, p):
    rng = np.random.default_rng(seed)
    models, known = random_models(rng), rng.choice(WORDS, 4, replace=False).tolist()
    models = {name: models[name] for name in [*known, parts.SILENCE]}
    words = [str(word) for word in rng.choice(known, int(rng.integers(1, 4)))]
    silences = (rng.random(len(words) + 1) < 0.5).tolist()
    graph, columns = lab.decoding_graph(models, any_words(1.25, 0.5, known), p)
    weight, labels = price_by_hand(models, words, 2, silences, 1.25, 0.5, p)
    log_obs = np.full((2 * len(labels), len(columns)), -1e6)
    for t, label in enumerate(np.repeat(labels, 2)):
        log_obs[t, columns[str(label)]] = 0.0
    path, found = decoded(graph, log_obs, columns)
    assert [output for _, _, output in path if output] == words
    np.testing.assert_allclose(found, weight, rtol=1e-9, atol=1e-9)


@checks("decoding_graph")
def test_pause_is_as_likely_as_none_if_nothing_is_said(lab, rng):
    models = random_models(rng)
    graph, columns = lab.decoding_graph(models, any_words())
    weight, labels = price_by_hand(models, ["two"], 1, [False, True], 1.0, 0.5, 0.5)
    other, _ = lab.decoding_graph(models, any_words(), 0.5)
    assert [tuple(arc) for arc in graph["arcs"]] == [tuple(arc) for arc in other["arcs"]]
    log_obs = np.full((len(labels), len(columns)), -1e6)
    log_obs[np.arange(len(labels)), [columns[label] for label in labels]] = 0.0
    np.testing.assert_allclose(decoded(graph, log_obs, columns)[1], weight, **TIGHT)


@checks("decoding_graph")
@pytest.mark.parametrize("stay", [0.0, 1.0], ids=["never stays", "never leaves"])
def test_probabilities_of_staying_are_held_away_from_zero_and_one(lab, rng, stay):
    models = random_models(rng)
    models["two"]["transition"] = np.array([[stay, 1 - stay], [0.0, 1.0]])
    models["two"] |= {name: models["two"][name][:2] for name in ("weights", "means", "variances")}
    graph, _ = lab.decoding_graph(models, any_words())
    loops = {arc[4] for arc in graph["arcs"] if arc[0] == arc[1] and arc[2] == "two_0"}
    expected = -np.log(0.05 if stay == 0 else 0.95)
    assert len(loops) == 1
    np.testing.assert_allclose(loops.pop(), expected, **TIGHT)


@checks("decoding_graph")
def test_grammar_decides_what_may_follow(lab, rng):
    """A grammar of one sequence must leave no other way through the graph."""
    models = random_models(rng)
    arcs = [(0, 1, "two", "two", 0.0), (1, 2, "one", "one", 0.0)]
    graph, columns = lab.decoding_graph(models, {"start": 0, "arcs": arcs, "finals": {"2": 0.0}})
    path, weight = machines.beam_search(graph, rng.normal(size=(30, len(columns))), columns)
    assert [output for _, _, output in path if output] == ["two", "one"] and weight < np.inf


@checks("decoding_graph")
def test_models_are_not_written_to(lab, rng):
    models = random_models(rng)
    before = [model["transition"].copy() for model in models.values()]
    first, _ = lab.decoding_graph(models, any_words())
    second, _ = lab.decoding_graph(models, any_words())
    assert first == second
    assert all(np.array_equal(a, m["transition"]) for a, m in zip(before, models.values(), strict=True))


@checks("decoding_graph")
def test_models_without_pauses_are_refused(lab, rng):
    models = random_models(rng)
    del models[parts.SILENCE]
    with pytest.raises(ValueError):
        lab.decoding_graph(models, any_words())


# --- decode_string ---------------------------------------------------------------------------------------


@checks("decode_string")
def test_pause_and_word_are_told_apart(lab):
    flat = {"transition": np.ones((1, 1)), "weights": np.ones((1, 1)), "variances": np.ones((1, 1, 1))}
    models = {"two": flat | {"means": np.full((1, 1, 1), 9.0)}, "sil": flat | {"means": np.zeros((1, 1, 1))}}
    grammar = {"start": 0, "arcs": [(0, 0, "two", "two", 1.0)], "finals": {"0": 1.0}}
    graph, columns = parts.decoding_graph(models, grammar)
    heard = lab.decode_string(np.array([[0.0], [9.0], [9.0], [0.0]]), models, graph, columns)
    assert len(heard) == 1 and heard[0][0] == "two"
    np.testing.assert_allclose(heard[0][1:], [0.0175, 0.0375], **TIGHT)


@checks("decode_string")
@given(seed=SEED)
def test_words_and_their_times_are_found(lab, seed):
    rng = np.random.default_rng(seed)
    models = random_models(rng, spread=30.0)
    graph, columns = parts.decoding_graph(models, any_words())
    units = []
    for _ in range(int(rng.integers(1, 4))):
        units += [str(rng.choice(WORDS)), *([parts.SILENCE] if rng.random() < 0.5 else [])]
    frames, starts = frames_of(rng, models, units)
    heard = lab.decode_string(frames, models, graph, columns, np.inf)
    ends = [*starts[1:], len(frames)]
    expected = [
        (unit, a * 0.01 + 0.0075, b * 0.01 + 0.0075)
        for unit, a, b in zip(units, starts, ends, strict=True)
        if unit != parts.SILENCE
    ]
    assert [word for word, _, _ in heard] == [word for word, _, _ in expected]
    np.testing.assert_allclose([t[1:] for t in heard], [t[1:] for t in expected], atol=1e-9)


@checks("decode_string")
def test_every_state_uses_all_of_its_gaussians(lab, rng):
    """Frames near the second Gaussian of a state must be heard as well as those near the first."""
    models = random_models(rng, spread=30.0)
    # the second Gaussians lie nearer to another word of as many states than to their own first ones
    models["two"]["means"][:, 1] = models["zero"]["means"][:, 0] + 8.0
    graph, columns = parts.decoding_graph(models, any_words())
    for component in (0, 1):
        frames = np.repeat(models["two"]["means"][:, component], 3, axis=0)
        assert [word for word, _, _ in lab.decode_string(frames, models, graph, columns, np.inf)] == ["two"]


@checks("decode_string")
def test_agrees_with_trying_every_sequence_of_words(lab, rng):
    """The words must be those of the best of all Viterbi paths over every sequence of up to three words."""
    models = random_models(rng, spread=1.0)
    for name in models:  # no pauses here: silence is far away from everything
        models[name]["means"] += 1000.0 * (name == parts.SILENCE)
    graph, columns = parts.decoding_graph(models, any_words(2.0, 0.0), 1e-6)
    frames = 1.5 * rng.normal(size=(8, 2))
    best, answer = -np.inf, None
    for n in (1, 2, 3):
        for words in itertools.product(WORDS, repeat=n):
            chain = [models[word] for word in words]
            stays = [np.append(np.diag(m["transition"])[:-1], parts.STAY) for m in chain]
            stay = np.concatenate(stays)
            transition = np.diag(stay) + np.diag(1 - stay[:-1], k=1)
            transition[-1, -1] = stay[-1]
            log_obs = mixtures.gmm_log_obs(
                frames, *(np.concatenate([m[k] for m in chain]) for k in ("weights", "means", "variances"))
            )
            log_obs[-1, :-1] = -np.inf  # must end in the last state
            _, score = hmm.viterbi(np.eye(len(stay))[0], transition, log_obs)
            score += np.log(1 - parts.STAY) - 2.0 * n
            if score > best:
                best, answer = score, list(words)
    # longer sequences need at least two frames a word, so four words are possible only in 8 frames
    heard = [word for word, _, _ in lab.decode_string(frames, models, graph, columns, np.inf)]
    assert heard == answer or len(heard) == 4


@checks("decode_string")
def test_narrow_beam_may_lose_the_way_and_says_nothing_then(lab, rng):
    """With nothing that fits the grammar, the answer must be empty: a word of three states in two frames."""
    models = random_models(rng)
    arcs = [(0, 1, "one", "one", 0.0)]
    graph, columns = parts.decoding_graph(models, {"start": 0, "arcs": arcs, "finals": {"1": 0.0}})
    assert lab.decode_string(rng.normal(size=(2, 2)), models, graph, columns) == []


@checks("decode_string")
def test_beam_is_handed_to_the_search(lab):
    """A path that begins badly must be lost with a narrow beam and found with a wide one."""
    flat = {"transition": np.ones((1, 1)), "weights": np.ones((1, 1)), "variances": np.ones((1, 1, 1))}
    means = {"one": 0.0, "two": 20.0, "sil": 1000.0}
    models = {name: flat | {"means": np.full((1, 1, 1), mean)} for name, mean in means.items()}
    arcs = [(0, 1, "one", "one", 0.0), (0, 1, "two", "two", 0.0)]
    graph, columns = parts.decoding_graph(models, {"start": 0, "arcs": arcs, "finals": {"1": 0.0}})
    frames = np.array([[0.0], [20.0], [20.0]])  # "one" is 200 ahead after a frame and 200 behind at the end
    heard = {beam: lab.decode_string(frames, models, graph, columns, beam)[0][0] for beam in (100.0, 300.0)}
    assert heard == {100.0: "one", 300.0: "two"}
    assert lab.decode_string(frames, models, graph, columns)[0][0] == "one"
    nearer = frames * np.array([[1.0], [0.8], [0.9]])
    models["two"]["means"] -= 4.0  # 128 ahead: inside the beam of 150 that is the default
    assert lab.decode_string(nearer, models, graph, columns)[0][0] == "two"


@checks("decode_string")
def test_no_frames_are_refused(lab, rng):
    models = random_models(rng)
    with pytest.raises(ValueError):
        lab.decode_string(np.ones((0, 2)), models, *parts.decoding_graph(models, any_words()))


# --- count_word_errors -----------------------------------------------------------------------------------

SEQUENCE = st.lists(st.sampled_from(WORDS[:3]), max_size=6)


@checks("count_word_errors", visible=True)
def test_each_kind_of_error_is_counted_as_itself(lab):
    kinds = ("substitutions", "deletions", "insertions", "words")
    for heard, expected in {
        "one two": (0, 0, 0, 2),
        "one": (0, 1, 0, 2),
        "one six two": (0, 0, 1, 2),
    }.items():
        counts = lab.count_word_errors(["one", "two"], heard.split())
        assert tuple(counts[kind] for kind in kinds) == expected
    assert lab.count_word_errors(["one", "two"], ["six", "two"])["substitutions"] == 1


def by_enumeration(said, heard):
    """The best of all alignments, one by one: (errors, gaps, substitutions, deletions, insertions)."""
    if not said or not heard:
        n = len(said) + len(heard)
        return (n, n, 0, len(said), len(heard))
    options = []
    for rest, change in (
        (by_enumeration(said[1:], heard[1:]), (int(said[0] != heard[0]), 0, int(said[0] != heard[0]), 0, 0)),
        (by_enumeration(said[1:], heard), (1, 1, 0, 1, 0)),
        (by_enumeration(said, heard[1:]), (1, 1, 0, 0, 1)),
    ):
        options.append(tuple(a + b for a, b in zip(rest, change, strict=True)))
    return min(options)


@checks("count_word_errors")
@given(
    said=st.lists(st.sampled_from(WORDS[:3]), max_size=4),
    heard=st.lists(st.sampled_from(WORDS[:3]), max_size=4),
)
def test_counts_are_those_of_the_best_of_all_alignments(lab, said, heard):
    _, _, *expected = by_enumeration(said, heard)
    counts = lab.count_word_errors(said, heard)
    assert [counts[k] for k in ("substitutions", "deletions", "insertions")] == expected
    assert counts["words"] == len(said)


@checks("count_word_errors")
@given(said=SEQUENCE.filter(bool), heard=SEQUENCE)
def test_number_of_errors_is_that_of_jiwer(lab, said, heard):
    """The sum of all errors must be that of jiwer."""
    import jiwer

    theirs = jiwer.process_words(" ".join(said), " ".join(heard))
    counts = lab.count_word_errors(said, heard)
    total = counts["substitutions"] + counts["deletions"] + counts["insertions"]
    assert total == theirs.substitutions + theirs.deletions + theirs.insertions
    assert counts["insertions"] - counts["deletions"] == len(heard) - len(said)


@checks("count_word_errors")
def test_two_substitutions_go_before_a_deletion_and_an_insertion(lab):
    kinds = ("substitutions", "deletions", "insertions")
    longer = lab.count_word_errors(["a", "b", "c"], ["c", "d", "e"])
    counts = lab.count_word_errors(["a", "b"], ["b", "c"])
    assert [longer[kind] for kind in kinds] == [3, 0, 0]
    assert [counts[kind] for kind in kinds] == [2, 0, 0]


@checks("count_word_errors")
def test_fewest_errors_matter_more_than_few_gaps(lab):
    counts = lab.count_word_errors("a b c d".split(), "b c d e".split())
    assert (counts["substitutions"], counts["deletions"], counts["insertions"]) == (0, 1, 1)


@checks("count_word_errors")
def test_nothing_said_or_nothing_heard_is_counted_too(lab):
    assert lab.count_word_errors([], ["one", "two"])["insertions"] == 2
    assert lab.count_word_errors(["one", "two"], [])["deletions"] == 2
    assert lab.count_word_errors([], [])["words"] == 0


# --- error_rate_interval ---------------------------------------------------------------------------------


@checks("error_rate_interval", visible=True)
def test_equal_strings_leave_no_doubt(lab):
    low, high = lab.error_rate_interval([2, 2, 2], [8, 8, 8])
    np.testing.assert_allclose([low, high], 0.25, **TIGHT)


@checks("error_rate_interval")
@given(seed=SEED, n=st.integers(2, 20))
def test_percentiles_are_those_of_drawn_test_sets(lab, seed, n):
    rng = np.random.default_rng(seed)
    errors, words = rng.integers(0, 4, n).tolist(), rng.integers(1, 8, n).tolist()
    rates = []
    for draw in np.random.default_rng(seed % 1000).integers(n, size=(200, n)):
        rates.append(sum(errors[k] for k in draw) / sum(words[k] for k in draw))
    low, high = lab.error_rate_interval(errors, words, 200, seed % 1000)
    np.testing.assert_allclose([low, high], np.quantile(rates, [0.025, 0.975]), **TIGHT)


@checks("error_rate_interval")
def test_agrees_with_the_bootstrap_of_scipy(lab, rng):
    """The interval must be near that of scipy.stats.bootstrap over strings."""
    from scipy import stats

    words = rng.integers(1, 8, 60)
    errors = rng.binomial(words, 0.2)

    def rate(e, w, axis=-1):
        return e.sum(axis=axis) / w.sum(axis=axis)

    theirs = stats.bootstrap(
        (errors, words), rate, paired=True, method="percentile", n_resamples=4000, random_state=0
    ).confidence_interval
    low, high = lab.error_rate_interval(errors.tolist(), words.tolist(), 4000, 1)
    # the rate has a deviation of about 0.03; percentiles of 4000 draws are sure to a twentieth of that
    np.testing.assert_allclose([low, high], [theirs.low, theirs.high], atol=0.012)


@checks("error_rate_interval")
def test_draws_are_a_thousand_with_seed_zero_if_nothing_is_said(lab, rng):
    errors, words = rng.integers(0, 4, 15).tolist(), rng.integers(3, 8, 15).tolist()
    assert lab.error_rate_interval(errors, words) == lab.error_rate_interval(errors, words, 1000, 0)


@checks("error_rate_interval")
def test_long_strings_count_more_than_short_ones(lab):
    """One long string without errors and one short, all wrong: the upper end is the short one's rate."""
    low, high = lab.error_rate_interval([0, 1], [99, 1], 500, 3)
    np.testing.assert_allclose([low, high], [0.0, 1.0], **TIGHT)
    few, many = lab.error_rate_interval([0] * 30 + [1] * 30, [9] * 30 + [1] * 30)
    assert few < 0.1 < many < 0.2


@checks("error_rate_interval")
@pytest.mark.parametrize(
    "errors, words", [([], []), ([1], [2, 3]), ([1, 2], [3])], ids=["none", "more words", "more errors"]
)
def test_lists_that_do_not_fit_are_refused(lab, errors, words):
    with pytest.raises(ValueError):
        lab.error_rate_interval(errors, words)


# --- tune_decoder ----------------------------------------------------------------------------------------


def tuning_case(rng, n=3, spread=2.0):
    models = random_models(rng, spread=spread)
    said = [[str(w) for w in rng.choice(WORDS, int(rng.integers(1, 4)))] for _ in range(n)]
    strings = [frames_of(rng, models, words)[0] + rng.normal(size=1) for words in said]
    return strings, said, models


def rates_by_hand(strings, said, models, grammar, weights, penalties):
    import jiwer

    rates = np.empty((len(weights), len(penalties)))
    for (i, weight), (j, penalty) in itertools.product(enumerate(weights), enumerate(penalties)):
        graph, columns = parts.decoding_graph(models, parts.weigh_grammar(grammar, weight, penalty))
        heard = [parts.decode_string(x, models, graph, columns) for x in strings]
        texts = [" ".join(word for word, _, _ in words) for words in heard]
        rates[i, j] = jiwer.wer([" ".join(words) for words in said], texts)
    return rates


@checks("tune_decoder", visible=True)
def test_penalty_that_forbids_every_word_loses(lab):
    flat = {"transition": np.ones((1, 1)), "weights": np.ones((1, 1)), "variances": np.ones((1, 1, 1))}
    models = {"two": flat | {"means": np.full((1, 1, 1), 9.0)}, "sil": flat | {"means": np.zeros((1, 1, 1))}}
    grammar = {"start": 0, "arcs": [(0, 0, "two", "two", 1.0)], "finals": {"0": 1.0}}
    strings = [np.array([[9.0], [0.0], [9.0]])]
    weight, penalty, rates = lab.tune_decoder(strings, [["two", "two"]], models, grammar, [1.0], [99.0, 0.0])
    assert (weight, penalty) == (1.0, 0.0)
    np.testing.assert_allclose(rates, [[1.0, 0.0]], **TIGHT)


@checks("tune_decoder")
def test_rates_are_those_of_jiwer_for_every_pair(lab, rng):
    """The table must hold jiwer's word error rate over all strings, weights down, penalties across."""
    strings, said, models = tuning_case(rng, n=4)
    weights, penalties = [0.0, 3.0], [-8.0, 0.0, 6.0]
    expected = rates_by_hand(strings, said, models, any_words(), weights, penalties)
    _, _, rates = lab.tune_decoder(strings, said, models, any_words(), weights, penalties)
    assert rates.shape == (2, 3)
    np.testing.assert_allclose(rates, expected, **TIGHT)


@checks("tune_decoder")
def test_long_strings_count_more_than_short_ones_here_too(lab, rng):
    """Rates must be over all words: one wrong word of five is a fifth, however the strings are cut."""
    models = random_models(rng, spread=30.0)
    strings = [frames_of(rng, models, words)[0] for words in (["one", "two", "three", "one"], ["two"])]
    said = [["one", "two", "three", "one"], ["zero"]]
    _, _, rates = lab.tune_decoder(strings, said, models, any_words(), [1.0], [0.0])
    np.testing.assert_allclose(rates, [[0.2]], **TIGHT)


@checks("tune_decoder")
def test_insertions_and_deletions_are_errors_too(lab, rng):
    """A word too many and a word too few must count, not only words that were changed."""
    models = random_models(rng, spread=30.0)
    strings = [frames_of(rng, models, words)[0] for words in (["one", "two", "three"], ["two"])]
    said = [["one", "two"], ["two", "three"]]
    _, _, rates = lab.tune_decoder(strings, said, models, any_words(), [1.0], [0.0])
    np.testing.assert_allclose(rates, [[0.5]], **TIGHT)


@checks("tune_decoder")
@given(seed=SEED)
def test_best_pair_has_the_lowest_rate(lab, seed):
    strings, said, models = tuning_case(np.random.default_rng(seed), n=2)
    weights, penalties = [1.0, 4.0], [20.0, -5.0]
    weight, penalty, rates = lab.tune_decoder(strings, said, models, any_words(), weights, penalties)
    assert rates[weights.index(weight), penalties.index(penalty)] == rates.min()


@checks("tune_decoder")
def test_first_of_several_equally_good_pairs_is_taken(lab, rng):
    models = random_models(rng, spread=30.0)
    strings, said = [frames_of(rng, models, ["one", "two"])[0]], [["one", "two"]]
    weight, penalty, rates = lab.tune_decoder(strings, said, models, any_words(), [2.0, 1.0], [3.0, 1.0])
    assert (weight, penalty) == (2.0, 3.0) and not rates.any()


@checks("tune_decoder")
@pytest.mark.parametrize("case", ["no strings", "a text too few", "no weights", "no penalties"])
def test_nothing_to_tune_on_and_nothing_to_try_are_refused(lab, rng, case):
    strings, said, models = tuning_case(rng, n=2)
    weights, penalties = [1.0], [0.0]
    if case == "no strings":
        strings, said = [], []
    elif case == "a text too few":
        said = said[:1]
    elif case == "no weights":
        weights = []
    else:
        penalties = []
    with pytest.raises(ValueError):
        lab.tune_decoder(strings, said, models, any_words(), weights, penalties)
