"""Wrong variants of the lab on the digit recogniser, and what to tell who wrote them."""

import numpy as np

from autograder.checking import lab_beside, mistake
from labkit.parts import t03_mel_features as mel_features
from labkit.parts import t05_hmm as hmm

reference = lab_beside(__file__)


# --- trim_silence ------------------------------------------------------------------------------------


def loud_blocks(samples, sample_rate, range_db, decibels_per_factor_ten=10, measure=None, scale=1.0):
    """Block length and numbers of the loud blocks, with one thing done differently."""
    reference.trim_silence(samples, sample_rate, range_db)  # the same errors for bad input
    block = sample_rate // 100
    blocks = samples[: len(samples) // block * block].astype(np.float64).reshape(-1, block)
    power = np.mean(np.square(blocks), axis=1) if measure is None else measure(blocks)
    return block, np.flatnonzero(power >= scale * power.max() * 10 ** (-range_db / decibels_per_factor_ten))


@mistake(
    "trim_silence",
    "You kept only the loud blocks and pushed them together. The quiet stretch inside a word belongs to it: "
    "cut at the two ends alone.",
)
def also_cuts_the_middle(samples, sample_rate, range_db=35.0):
    block, loud = loud_blocks(samples, sample_rate, range_db)
    whole = samples[: len(samples) // block * block].reshape(-1, block)
    return whole[loud].ravel()


@mistake(
    "trim_silence", "Your slice ends where the last loud block starts. That block is part of the word, too."
)
def loses_the_last_block(samples, sample_rate, range_db=35.0):
    block, loud = loud_blocks(samples, sample_rate, range_db)
    return samples[loud[0] * block : loud[-1] * block]


@mistake(
    "trim_silence",
    "Your threshold is that of an amplitude (20 dB per factor of ten), but you compare powers: 10 dB "
    "per factor of ten.",
)
def amplitude_decibels(samples, sample_rate, range_db=35.0):
    block, loud = loud_blocks(samples, sample_rate, range_db, decibels_per_factor_ten=20)
    return samples[loud[0] * block : (loud[-1] + 1) * block]


@mistake(
    "trim_silence",
    "You cut only in front. The silence behind the word would be left for the last state to learn.",
)
def cuts_only_in_front(samples, sample_rate, range_db=35.0):
    block, loud = loud_blocks(samples, sample_rate, range_db)
    return samples[loud[0] * block :]


@mistake(
    "trim_silence",
    "You judged a block by its largest sample. A single click would pass for speech: take the mean of "
    "the squares.",
)
def peak_for_power(samples, sample_rate, range_db=35.0):
    block, loud = loud_blocks(samples, sample_rate, range_db, measure=lambda b: np.max(np.square(b), axis=1))
    return samples[loud[0] * block : (loud[-1] + 1) * block]


@mistake(
    "trim_silence",
    "Your threshold does not move with the loudest block: you measured from full scale. A quiet "
    "speaker is cut away.",
)
def measured_from_full_scale(samples, sample_rate, range_db=35.0):
    block, _ = loud_blocks(samples, sample_rate, range_db)
    blocks = samples[: len(samples) // block * block].astype(np.float64).reshape(-1, block)
    loud = np.flatnonzero(np.mean(np.square(blocks), axis=1) >= 10 ** (-range_db / 10))
    return samples[loud[0] * block : (loud[-1] + 1) * block] if len(loud) else samples[:0]


@mistake("trim_silence", "Squaring 16-bit integers overflows. Convert to float before you square.")
def overflowing_square(samples, sample_rate, range_db=35.0):
    block, loud = loud_blocks(samples, sample_rate, range_db)
    if np.issubdtype(np.asarray(samples).dtype, np.integer):
        blocks = samples[: len(samples) // block * block].reshape(-1, block)
        power = np.mean(blocks * blocks, axis=1)
        loud = np.flatnonzero(power >= power.max() * 10 ** (-range_db / 10))
    return samples[loud[0] * block : (loud[-1] + 1) * block]


# --- relative_log_power ------------------------------------------------------------------------------


def checked_power(power, floor_db):
    reference.relative_log_power(power, floor_db)
    return power


@mistake(
    "relative_log_power",
    "You did not divide by the largest power. The level of the recording is still in your features.",
)
def level_left_in(power, floor_db=60.0):
    power = checked_power(power, floor_db)
    return np.log(np.maximum(power, 10 ** (-floor_db / 10)))


@mistake(
    "relative_log_power",
    "You took the largest power of each row. Then every frame is equally loud, and the rise and fall "
    "of the word is lost.",
)
def peak_of_each_frame(power, floor_db=60.0):
    power = checked_power(power, floor_db)
    peaks = np.max(power, axis=-1, keepdims=True)
    safe = np.where(peaks > 0, peaks, 1.0)
    return np.log(np.maximum(power / safe, 10 ** (-floor_db / 10)))


@mistake(
    "relative_log_power",
    "Your floor is that of an amplitude: it lies twice as high as asked. For a power, 10 dB are a "
    "factor of ten.",
)
def amplitude_floor(power, floor_db=60.0):
    power = checked_power(power, floor_db)
    return np.log(np.maximum(power / power.max(), 10 ** (-floor_db / 20)))


@mistake("relative_log_power", "You returned decibels. The natural logarithm was asked for.")
def in_decibels(power, floor_db=60.0):
    power = checked_power(power, floor_db)
    return 10 * np.log10(np.maximum(power / power.max(), 10 ** (-floor_db / 10)))


@mistake(
    "relative_log_power",
    "Your floor does not follow the recording: it was applied before the division by the largest power.",
)
def floor_before_the_division(power, floor_db=60.0):
    power = checked_power(power, floor_db)
    floored = np.maximum(power, 10 ** (-floor_db / 10))
    return np.log(floored / floored.max())


@mistake(
    "relative_log_power",
    "You added the floor instead of taking the larger of the two. Everything above it is shifted a "
    "little, too.",
)
def floor_added(power, floor_db=60.0):
    power = checked_power(power, floor_db)
    return np.log(power / power.max() + 10 ** (-floor_db / 10))


# --- word_cepstra ------------------------------------------------------------------------------------


def cepstra(
    samples,
    sample_rate,
    coefficient=0.97,
    n_fft=None,
    frame_seconds=0.025,
    hop_seconds=0.010,
    band=(100.0, 3400.0),
    compress=reference.relative_log_power,
    first=0,
):
    """The chain with one thing done differently; the same errors for bad input."""
    reference.word_cepstra(samples, sample_rate)
    frame_length, hop_length = round(frame_seconds * sample_rate), round(hop_seconds * sample_rate)
    n_fft = n_fft or 2 ** int(np.ceil(np.log2(frame_length)))
    samples = np.pad(samples, (0, max(0, frame_length - len(samples))))
    emphasised = mel_features.preemphasis(samples, coefficient) if coefficient else samples
    frames = mel_features.frame(emphasised, frame_length, hop_length)
    low, high = band[0], sample_rate / 2 if band[1] is None else band[1]
    filters = mel_features.mel_filterbank(20, n_fft, sample_rate, low, high)
    mel_power = mel_features.power_spectrum(frames, n_fft) @ filters.T
    return mel_features.dct_ii(compress(mel_power), 16 + first)[:, first:]


@mistake(
    "word_cepstra", "The pre-emphasis is missing. The high frequencies, and with them s and f, are too weak."
)
def without_preemphasis(samples, sample_rate):
    return cepstra(samples, sample_rate, coefficient=None)


@mistake(
    "word_cepstra",
    "Your filters go from 0 Hz to half the sample rate. Only the telephone's band, F_MIN to F_MAX, was "
    "asked for.",
)
def whole_band(samples, sample_rate):
    return cepstra(samples, sample_rate, band=(0.0, None))


@mistake(
    "word_cepstra",
    "You took the plain logarithm. The level of the recording is still in cepstrum 0: use "
    "relative_log_power.",
)
def plain_logarithm(samples, sample_rate):
    return cepstra(samples, sample_rate, compress=lambda power: np.log(np.maximum(power, 1e-10)))


@mistake(
    "word_cepstra", "You left out coefficient 0. The rise and fall of the level tells words apart: keep it."
)
def without_coefficient_zero(samples, sample_rate):
    return cepstra(samples, sample_rate, first=1)


@mistake(
    "word_cepstra",
    "Your frames are 200 samples every 80 at any sample rate. At another rate 25 ms and 10 ms are "
    "other numbers.",
)
def lengths_of_8000_hz(samples, sample_rate):
    reference.word_cepstra(samples, sample_rate)
    return cepstra(
        samples, sample_rate, n_fft=256, frame_seconds=200 / sample_rate, hop_seconds=80 / sample_rate
    )


@mistake(
    "word_cepstra",
    "You padded the signal to whole frames at its end. Only a signal shorter than one frame is to be "
    "lengthened; a rest that fills no frame is left out.",
)
def pads_the_last_frame(samples, sample_rate):
    frame_length, hop_length = round(0.025 * sample_rate), round(0.010 * sample_rate)
    rest = (frame_length - len(samples)) % hop_length if len(samples) > frame_length else 0
    return cepstra(np.pad(samples, (0, rest)), sample_rate)


# --- word_features -----------------------------------------------------------------------------------


@mistake(
    "word_features", "You did not trim the recording. The silence around the word is still in your frames."
)
def not_trimmed(samples, sample_rate):
    reference.word_features(samples, sample_rate)
    values = reference.word_cepstra(samples, sample_rate)
    slopes = mel_features.delta(values, window=3)
    return np.hstack([values, slopes, mel_features.delta(slopes, window=3)])


@mistake(
    "word_features",
    "Your third block equals the second: the slopes of the slopes are the slopes of block two, not of "
    "the cepstra.",
)
def slopes_twice(samples, sample_rate):
    values = reference.word_cepstra(reference.trim_silence(samples, sample_rate), sample_rate)
    slopes = mel_features.delta(values, window=3)
    return np.hstack([values, slopes, slopes])


@mistake(
    "word_features", "Your slopes look two frames to either side, the default of delta. Here it is three."
)
def default_window(samples, sample_rate):
    values = reference.word_cepstra(reference.trim_silence(samples, sample_rate), sample_rate)
    slopes = mel_features.delta(values)
    return np.hstack([values, slopes, mel_features.delta(slopes)])


@mistake("word_features", "The slopes of the slopes are missing: three blocks of 16 columns were asked for.")
def two_blocks(samples, sample_rate):
    values = reference.word_cepstra(reference.trim_silence(samples, sample_rate), sample_rate)
    return np.hstack([values, mel_features.delta(values, window=3)])


@mistake(
    "word_features",
    "You took each cepstrum's average away. On a single word that takes away part of the word itself.",
)
def average_taken_away(samples, sample_rate):
    features = reference.word_features(samples, sample_rate)
    features[:, :16] -= features[:, :16].mean(axis=0)
    return features


# --- feature_scale -----------------------------------------------------------------------------------


@mistake(
    "feature_scale",
    "You averaged the recordings' averages. A short recording counts as much as a long one then: put "
    "all frames together first.",
)
def averages_of_averages(sequences):
    scale = reference.feature_scale(sequences)
    filled = [sequence for sequence in sequences if len(sequence)]
    deviation = np.mean([sequence.std(axis=0) for sequence in filled], axis=0)
    return {
        "mean": np.mean([sequence.mean(axis=0) for sequence in filled], axis=0),
        "deviation": np.where(deviation > 1e-9 * np.abs(scale["mean"]) + 1e-12, deviation, 1.0),
    }


@mistake("feature_scale", "You returned the variance. The deviation is its square root.")
def variance_for_deviation(sequences):
    scale = reference.feature_scale(sequences)
    return scale | {"deviation": np.square(scale["deviation"])}


@mistake(
    "feature_scale",
    "A feature that never changes got the deviation 0, or next to nothing. Dividing by it later gives "
    "infinities: 1 was asked for.",
)
def constant_features_left(sequences):
    scale = reference.feature_scale(sequences)
    return scale | {"deviation": np.concatenate(sequences).std(axis=0)}


@mistake(
    "feature_scale",
    "You computed one mean and one deviation over everything. Each feature needs its own: axis 0.",
)
def one_for_all_features(sequences):
    scale = reference.feature_scale(sequences)
    frames = np.concatenate(sequences)
    return {
        "mean": np.full(len(scale["mean"]), frames.mean()),
        "deviation": np.full(len(scale["mean"]), frames.std()),
    }


@mistake(
    "feature_scale", "You divided by the number of frames minus one (ddof=1). The plain number was asked for."
)
def sample_deviation(sequences):
    scale = reference.feature_scale(sequences)
    n = sum(len(sequence) for sequence in sequences)
    constant = scale["deviation"] == 1.0
    stretched = scale["deviation"] * np.sqrt(n / max(n - 1, 1))
    return scale | {"deviation": np.where(constant, 1.0, stretched)}


# --- initial_word_model ------------------------------------------------------------------------------


def from_labels(sequences, n_states, variance_floor, label):
    """A first guess with other labels; the same errors for bad input."""
    model = reference.initial_word_model(sequences, n_states, variance_floor)
    frames = np.concatenate(sequences)
    states = np.concatenate([label(len(sequence)) for sequence in sequences])
    for state in range(n_states):
        own = frames[states == state]
        if len(own):
            model["means"][state] = own.mean(axis=0)
            model["variances"][state] = np.maximum(own.var(axis=0), variance_floor)
    return model


@mistake(
    "initial_word_model",
    "You gave every state the same whole number of frames and the rest to the last one. Frame t of T belongs "
    "to state floor(t · n_states / T): the slices differ by at most one frame.",
)
def rest_to_the_last_state(sequences, n_states, variance_floor=0.1):
    def label(n_frames):
        return np.minimum(np.arange(n_frames) // max(n_frames // n_states, 1), n_states - 1)

    return from_labels(sequences, n_states, variance_floor, label)


@mistake(
    "initial_word_model",
    "You cut the joined frames of all recordings into slices. Cut each recording by itself, and join "
    "the slices.",
)
def joined_before_cutting(sequences, n_states, variance_floor=0.1):
    model = reference.initial_word_model(sequences, n_states, variance_floor)
    pieces = np.array_split(np.concatenate(sequences), n_states)
    variances = np.stack([np.maximum(piece.var(axis=0), variance_floor) for piece in pieces])
    return model | {"means": np.stack([piece.mean(axis=0) for piece in pieces]), "variances": variances}


@mistake(
    "initial_word_model",
    "Your variances have no floor. A state whose frames agree would claim to be certain.",
)
def without_a_floor(sequences, n_states, variance_floor=0.1):
    return reference.initial_word_model(sequences, n_states, 0.0)


@mistake(
    "initial_word_model",
    "Your variances are too large where the floor does not matter: you added it. Take the larger of the two.",
)
def floor_added_to_variances(sequences, n_states, variance_floor=0.1):
    model = reference.initial_word_model(sequences, n_states, 0.0)
    return model | {"variances": model["variances"] + variance_floor}


@mistake(
    "initial_word_model",
    "Your states stay with the default probability of left_to_right, however long the recordings are. "
    "Measure the average number of frames per state.",
)
def default_self_loop(sequences, n_states, variance_floor=0.1):
    model = reference.initial_word_model(sequences, n_states, variance_floor)
    return model | {"transition": hmm.left_to_right(n_states)[1]}


@mistake(
    "initial_word_model",
    "You mixed up staying and leaving: a state is left with probability states / frames, and stays "
    "with the rest.",
)
def stays_with_the_probability_of_leaving(sequences, n_states, variance_floor=0.1):
    model = reference.initial_word_model(sequences, n_states, variance_floor)
    average = np.mean([len(sequence) for sequence in sequences])
    stay = min(max(0.5, n_states / average), 0.99)
    return model | {"transition": hmm.left_to_right(n_states, stay)[1]}


# --- train_word_model --------------------------------------------------------------------------------


def trained(sequences, n_states, n_rounds, variance_floor, *, step_floor=None, restart=False, late=False):
    """Training with one thing done differently; the same errors for bad input."""
    model = reference.initial_word_model(sequences, n_states, variance_floor)
    first = values = [model[name] for name in ("initial", "transition", "means", "variances")]
    floor = variance_floor if step_floor is None else step_floor
    history = []
    for _ in range(n_rounds):
        *values, log_likelihood = hmm.baum_welch_step(sequences, *(first if restart else values), floor)
        history.append(log_likelihood)
    if late:
        history = history[1:] + [hmm.baum_welch_step(sequences, *values, floor)[-1]] if history else history
    values = dict(zip(("initial", "transition", "means", "variances"), values, strict=True))
    return values | {"log_likelihoods": np.array(history) / sum(map(len, sequences))}


@mistake(
    "train_word_model",
    "Every round started from the first guess again: hand the result of one round to the next.",
)
def starts_over_each_round(sequences, n_states=10, n_rounds=4, variance_floor=0.1):
    return trained(sequences, n_states, n_rounds, variance_floor, restart=True)


@mistake(
    "train_word_model",
    "You did not hand the variance floor to baum_welch_step: its own default, 0.001, was used.",
)
def floor_not_handed_on(sequences, n_states=10, n_rounds=4, variance_floor=0.1):
    return trained(sequences, n_states, n_rounds, variance_floor, step_floor=1e-3)


@mistake(
    "train_word_model", "Your log-likelihoods are totals. Divide by the number of frames of all recordings."
)
def totals_for_averages(sequences, n_states=10, n_rounds=4, variance_floor=0.1):
    model = reference.train_word_model(sequences, n_states, n_rounds, variance_floor)
    return model | {"log_likelihoods": model["log_likelihoods"] * sum(map(len, sequences))}


@mistake(
    "train_word_model",
    "You divided by the number of recordings. Per frame was asked for: long ones have more of them.",
)
def per_recording(sequences, n_states=10, n_rounds=4, variance_floor=0.1):
    model = reference.train_word_model(sequences, n_states, n_rounds, variance_floor)
    return model | {"log_likelihoods": model["log_likelihoods"] * sum(map(len, sequences)) / len(sequences)}


@mistake(
    "train_word_model",
    "Your log-likelihoods come one round late: entry k was to be that of the model before round k.",
)
def one_round_late(sequences, n_states=10, n_rounds=4, variance_floor=0.1):
    return trained(sequences, n_states, n_rounds, variance_floor, late=True)


@mistake("train_word_model", "You made one round too few: the first guess is not a round.")
def one_round_too_few(sequences, n_states=10, n_rounds=4, variance_floor=0.1):
    return trained(sequences, n_states, max(n_rounds - 1, 0), variance_floor)


# --- train_voices ------------------------------------------------------------------------------------


def voices_of(
    sequences, speakers, n_states, n_rounds, *, floor=0.3, at_least=4, names=None, own=None, single=False
):
    """Voices with one thing done differently; the same errors for bad input."""
    everyone = reference.train_voices(sequences, speakers, n_states, n_rounds)[:1]
    names = names or sorted(set(speakers))
    if len(names) == 1 and not single:
        return everyone
    chosen = own or (lambda name: [s for s, who in zip(sequences, speakers, strict=True) if who == name])
    heard = {name: chosen(name) for name in names if speakers.count(name) >= at_least}
    return everyone + [
        reference.train_word_model(of, n_states, n_rounds, floor) | {"voice": name}
        for name, of in heard.items()
    ]


@mistake(
    "train_voices",
    "The speakers' own models have everyone's variance floor. From few recordings a model is too sure "
    "of itself: use SPEAKER_FLOOR.",
)
def one_floor_for_all(sequences, speakers, n_states=10, n_rounds=4):
    return voices_of(sequences, speakers, n_states, n_rounds, floor=0.1)


@mistake("train_voices", "A speaker with fewer than MIN_RECORDINGS recordings got a model, too.")
def model_for_few_recordings(sequences, speakers, n_states=10, n_rounds=4):
    return voices_of(sequences, speakers, n_states, n_rounds, at_least=1)


@mistake(
    "train_voices",
    "Your speakers come in the order in which they are heard first, not in alphabetical order.",
)
def order_of_appearance(sequences, speakers, n_states=10, n_rounds=4):
    return voices_of(sequences, speakers, n_states, n_rounds, names=list(dict.fromkeys(speakers)))


@mistake("train_voices", "Everyone's model is missing. A voice that suits nobody's own model needs it.")
def nobody_is_everyone(sequences, speakers, n_states=10, n_rounds=4):
    voices = reference.train_voices(sequences, speakers, n_states, n_rounds)
    return voices[1:] or voices


@mistake(
    "train_voices",
    "Each speaker's model was trained on all the *others*: you kept the recordings whose speaker is "
    "not the one.",
)
def trained_on_the_others(sequences, speakers, n_states=10, n_rounds=4):
    def others(name):
        return [s for s, who in zip(sequences, speakers, strict=True) if who != name]

    return voices_of(sequences, speakers, n_states, n_rounds, own=others)


@mistake(
    "train_voices",
    "With one speaker only you trained a second model on the same recordings. One is enough then.",
)
def twice_the_only_speaker(sequences, speakers, n_states=10, n_rounds=4):
    return voices_of(sequences, speakers, n_states, n_rounds, single=True)


# --- score_word --------------------------------------------------------------------------------------


def scored(voices, features, total):
    """(score, voice) with another way from a voice to its score."""
    reference.score_word(voices, features)
    values = [total(voice, features) for voice in voices]
    best = int(np.argmax(values))
    return float(values[best]), voices[best]["voice"]


def log_alpha_of(voice, features):
    log_obs = hmm.gaussian_log_obs(features, voice["means"], voice["variances"])
    return hmm.forward(voice["initial"], voice["transition"], log_obs)


@mistake(
    "score_word",
    "You took the last state only. A recording may stop before the word is at its end: sum over all states.",
)
def last_state_only(voices, features):
    return scored(voices, features, lambda voice, own: log_alpha_of(voice, own)[-1, -1])


@mistake(
    "score_word",
    "You took the largest entry of the last row. The likelihood is the sum over all states: log_sum_exp.",
)
def best_state_only(voices, features):
    return scored(voices, features, lambda voice, own: log_alpha_of(voice, own)[-1].max())


@mistake(
    "score_word", "You took the score of the best path. The likelihood is the sum over all paths: forward."
)
def best_path_only(voices, features):
    def total(voice, own):
        log_obs = hmm.gaussian_log_obs(own, voice["means"], voice["variances"])
        return hmm.viterbi(voice["initial"], voice["transition"], log_obs)[1]

    return scored(voices, features, total)


@mistake("score_word", "You added up all rows of log_alpha. Only the last row has seen the whole recording.")
def all_rows(voices, features):
    return scored(voices, features, lambda voice, own: hmm.log_sum_exp(log_alpha_of(voice, own).ravel()))


@mistake(
    "score_word", "You asked the first voice only. The word's score is that of the voice that fits best."
)
def first_voice_only(voices, features):
    return reference.score_word(voices[:1], features)


@mistake("score_word", "You averaged over the voices. The word's score is that of the voice that fits best.")
def average_over_voices(voices, features):
    _, voice = reference.score_word(voices, features)
    return float(np.mean([reference.score_word([one], features)[0] for one in voices])), voice


@mistake("score_word", "With two equally good voices you named the last one. The first was asked for.")
def last_voice_of_a_tie(voices, features):
    log_likelihood, _ = reference.score_word(voices, features)
    return log_likelihood, reference.score_word(voices[::-1], features)[1]


# --- recognize ---------------------------------------------------------------------------------------


@mistake(
    "recognize",
    "You answered with the lowest score. The likelier, the higher; log-likelihoods are mostly negative.",
)
def lowest_score(words, features):
    _, scores = reference.recognize(words, features)
    return min(scores, key=lambda word: scores[word]), scores


@mistake(
    "recognize", "Your scores are totals. Divide by the number of frames, or long recordings look unlikely."
)
def totals_for_scores(words, features):
    answer, scores = reference.recognize(words, features)
    return answer, {word: score * len(features) for word, score in scores.items()}


@mistake("recognize", "You asked only the first voice of every word. Hand all of them to score_word.")
def first_voices(words, features):
    reference.recognize(words, features)
    return reference.recognize({word: voices[:1] for word, voices in words.items()}, features)


@mistake("recognize", "Your scores are sorted by size. They were to stand in the order of `words`.")
def sorted_scores(words, features):
    answer, scores = reference.recognize(words, features)
    return answer, dict(sorted(scores.items(), key=lambda item: -item[1]))


@mistake(
    "recognize", "Your scores are relative to the best one. The log-likelihoods themselves were asked for."
)
def relative_scores(words, features):
    answer, scores = reference.recognize(words, features)
    return answer, {word: score - scores[answer] for word, score in scores.items()}


@mistake("recognize", "With two equally good words you answered the last one. The first was asked for.")
def last_word_of_a_tie(words, features):
    _, scores = reference.recognize(words, features)
    return max(reversed(scores), key=lambda word: scores[word]), scores


# --- align_word --------------------------------------------------------------------------------------


def frames_of(segments, hop_seconds):
    return [(state, round(start / hop_seconds), round(end / hop_seconds)) for state, start, end in segments]


@mistake(
    "align_word",
    "Your segments end with the start of their last frame. A frame lasts a hop: the end is the next "
    "segment's start.",
)
def ends_a_frame_early(model, features, hop_seconds=0.01):
    return [
        (state, a * hop_seconds, (b - 1) * hop_seconds)
        for state, a, b in frames_of(reference.align_word(model, features, hop_seconds), hop_seconds)
    ]


@mistake(
    "align_word", "You returned frame numbers. Times in seconds were asked for: multiply by hop_seconds."
)
def frame_numbers(model, features, hop_seconds=0.01):
    segments = frames_of(reference.align_word(model, features, hop_seconds), hop_seconds)
    return [(state, float(a), float(b)) for state, a, b in segments]


@mistake(
    "align_word",
    "Your borders are one frame early: entry t of np.diff is the step from frame t to frame t + 1, and the "
    "new segment starts at t + 1.",
)
def borders_one_frame_early(model, features, hop_seconds=0.01):
    segments = frames_of(reference.align_word(model, features, hop_seconds), hop_seconds)
    last = len(segments) - 1
    return [
        (state, (a - (number > 0)) * hop_seconds, (b - (number < last)) * hop_seconds)
        for number, (state, a, b) in enumerate(segments)
    ]


@mistake(
    "align_word",
    "Your last segment is missing: no change of state follows it, so it must be closed at the end.",
)
def last_segment_missing(model, features, hop_seconds=0.01):
    return reference.align_word(model, features, hop_seconds)[:-1]


@mistake(
    "align_word",
    "You took the best state of every frame by itself. Such a path may jump back: Viterbi finds the best "
    "path that the transitions allow.",
)
def best_state_of_each_frame(model, features, hop_seconds=0.01):
    reference.align_word(model, features, hop_seconds)
    path = hmm.gaussian_log_obs(features, model["means"], model["variances"]).argmax(axis=1)
    changes = (np.flatnonzero(np.diff(path)) + 1).tolist()
    edges = zip([0, *changes], [*changes, len(path)], strict=True)
    return [(int(path[a]), a * hop_seconds, b * hop_seconds) for a, b in edges]


# --- confusion_counts --------------------------------------------------------------------------------


@mistake(
    "confusion_counts",
    "Rows and columns are exchanged: the row is what was said, the column what was answered.",
)
def transposed(said, answered, words):
    return reference.confusion_counts(said, answered, words).T


@mistake("confusion_counts", "You sorted the words. Rows and columns stand in the order of `words`.")
def sorted_words(said, answered, words):
    reference.confusion_counts(said, answered, words)
    return reference.confusion_counts(said, answered, sorted(words))


@mistake(
    "confusion_counts", "You divided by how often each word was said. Counts were asked for, not shares."
)
def shares_for_counts(said, answered, words):
    counts = reference.confusion_counts(said, answered, words)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


@mistake("confusion_counts", "Each pair counts once only: you set the cell to 1 instead of adding 1.")
def set_instead_of_added(said, answered, words):
    return np.minimum(reference.confusion_counts(said, answered, words), 1)


@mistake(
    "confusion_counts", "Your counts are floats. Start from a matrix of integers: np.zeros makes floats."
)
def counts_as_floats(said, answered, words):
    return reference.confusion_counts(said, answered, words).astype(float)


# --- accuracy_interval -------------------------------------------------------------------------------


def wilson(n_right, n_total, z, *, inside=4.0, divisor=True, centred=True):
    """The interval with one term changed; the same errors for bad input."""
    reference.accuracy_interval(n_right, n_total, z)
    p = n_right / n_total
    centre = p + z**2 / (2 * n_total) if centred else p
    margin = z * np.sqrt(p * (1 - p) / n_total + z**2 / (inside * n_total**2))
    width = 1 + z**2 / n_total if divisor else 1.0
    return max(0.0, float((centre - margin) / width)), min(1.0, float((centre + margin) / width))


@mistake(
    "accuracy_interval",
    "That is the school formula. For 300 of 300 it gives 100 ± 0 %: use Wilson's.",
)
def school_formula(n_right, n_total, z=1.96):
    reference.accuracy_interval(n_right, n_total, z)
    p = n_right / n_total
    margin = z * np.sqrt(p * (1 - p) / n_total)
    return max(0.0, float(p - margin)), min(1.0, float(p + margin))


@mistake("accuracy_interval", "The common divisor, 1 + z²/n, is missing.")
def without_the_divisor(n_right, n_total, z=1.96):
    return wilson(n_right, n_total, z, divisor=False)


@mistake("accuracy_interval", "In the root, z² is divided by 2n². It is 4n²: the 2 is squared, too.")
def two_for_four(n_right, n_total, z=1.96):
    return wilson(n_right, n_total, z, inside=2.0)


@mistake("accuracy_interval", "Your centre is p itself. Wilson's is drawn towards one half by z²/(2n).")
def centred_at_the_share(n_right, n_total, z=1.96):
    return wilson(n_right, n_total, z, centred=False)


@mistake("accuracy_interval", "You returned the centre and the margin. The two bounds were asked for.")
def centre_and_margin(n_right, n_total, z=1.96):
    low, high = reference.accuracy_interval(n_right, n_total, z)
    return (low + high) / 2, (high - low) / 2


@mistake("accuracy_interval", "Your interval does not widen with z: you used 1.96 whatever was asked.")
def fixed_width(n_right, n_total, z=1.96):
    return reference.accuracy_interval(n_right, n_total, 1.96)


# --- leave_one_speaker_out ---------------------------------------------------------------------------


@mistake(
    "leave_one_speaker_out",
    "Training and testing are exchanged: you train on the one speaker and test on all others.",
)
def exchanged(speakers):
    return [
        (name, testing, training) for name, training, testing in reference.leave_one_speaker_out(speakers)
    ]


@mistake(
    "leave_one_speaker_out",
    "The tested speaker's recordings are in the training set as well. Then the voice is not new.",
)
def trained_on_everybody(speakers):
    folds = reference.leave_one_speaker_out(speakers)
    return [(name, np.arange(len(speakers)), testing) for name, _, testing in folds]


@mistake(
    "leave_one_speaker_out", "You left out one *recording* at a time. Leave out all recordings of a speaker."
)
def one_recording_at_a_time(speakers):
    reference.leave_one_speaker_out(speakers)
    everything = np.arange(len(speakers))
    return [(name, np.delete(everything, i), np.array([i])) for i, name in enumerate(speakers)]


@mistake(
    "leave_one_speaker_out",
    "Your speakers come in the order of appearance. Alphabetical order was asked for.",
)
def in_order_of_appearance(speakers):
    folds = {name: (name, *rest) for name, *rest in reference.leave_one_speaker_out(speakers)}
    return [folds[name] for name in dict.fromkeys(speakers)]


@mistake("leave_one_speaker_out", "You returned True and False for every recording. Indices were asked for.")
def masks_for_indices(speakers):
    of_recording = np.array(speakers)
    folds = reference.leave_one_speaker_out(speakers)
    return [(name, of_recording != name, of_recording == name) for name, _, _ in folds]
