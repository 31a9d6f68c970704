"""Wrong variants of the lab on connected words, and what to tell who wrote them."""

import itertools

import numpy as np

from autograder.checking import lab_beside, mistake
from labkit.parts import c01_digit_recognizer as digit_words
from labkit.parts import t03_mel_features as mel_features
from labkit.parts import t05_hmm as hmm
from labkit.parts import t06_gmm as mixtures
from labkit.parts import t07b_wfst as machines

reference = lab_beside(__file__)
MIXTURE = ("weights", "means", "variances")


# --- connect_words ---------------------------------------------------------------------------------------


@mistake("connect_words", "Your spans end at the last sample of a word. The end is the sample *behind* it.")
def ends_one_early(recordings, pauses):
    samples, spans = reference.connect_words(recordings, pauses)
    return samples, [(start, end - 1) for start, end in spans]


@mistake("connect_words", "The pause behind the last word is missing from your waveform.")
def forgets_the_last_pause(recordings, pauses):
    samples, spans = reference.connect_words(recordings, pauses)
    return samples[: spans[-1][1]], spans


@mistake("connect_words", "Your string begins with its first word. There is a pause before it, too.")
def forgets_the_first_pause(recordings, pauses):
    reference.connect_words(recordings, pauses)
    return reference.connect_words(recordings, [0, *pauses[1:]])


@mistake(
    "connect_words",
    "Your spans start where the pause before a word starts. A word starts after its pause.",
)
def span_holds_the_pause(recordings, pauses):
    samples, spans = reference.connect_words(recordings, pauses)
    return samples, [(start - pause, end) for (start, end), pause in zip(spans, pauses, strict=False)]


# --- add_noise -------------------------------------------------------------------------------------------


def mixed(samples, spans, noise, snr_db, start, speech_power=None, noise_power=None, gain=None, stretch=None):
    """The reference with one thing done differently."""
    reference.add_noise(samples, spans, noise, snr_db, start)  # the same errors for bad input
    words = np.concatenate([samples[a:b] for a, b in spans]).astype(np.float64)
    used = np.resize(np.roll(noise, -start), len(samples)).astype(np.float64) if stretch is None else stretch
    power = np.mean(words**2) if speech_power is None else speech_power
    of_noise = np.mean(used**2) if noise_power is None else noise_power
    ratio = power / of_noise / 10 ** (snr_db / 10)
    return samples + (np.sqrt(ratio) if gain is None else gain(ratio)) * used


@mistake(
    "add_noise",
    "You took the power of the whole string, pauses and all. The speech is only what the spans hold.",
)
def power_of_the_whole_string(samples, spans, noise, snr_db, start=0):
    return mixed(
        samples, spans, noise, snr_db, start, speech_power=np.mean(np.asarray(samples, np.float64) ** 2)
    )


@mistake("add_noise", "A ratio of powers is no factor for samples: samples need its square root.")
def power_as_a_factor(samples, spans, noise, snr_db, start=0):
    return mixed(samples, spans, noise, snr_db, start, gain=lambda ratio: ratio)


@mistake("add_noise", "You used 20 dB for a factor of ten in power. Powers have 10 dB for a factor of ten.")
def amplitude_decibels(samples, spans, noise, snr_db, start=0):
    return mixed(samples, spans, noise, snr_db / 2, start)


@mistake("add_noise", "Your ratio is upside down: more decibels must mean less noise.")
def upside_down(samples, spans, noise, snr_db, start=0):
    return mixed(samples, spans, noise, -snr_db, start)


@mistake(
    "add_noise",
    "You measured the whole noise recording. What counts is the stretch of it that lies over the string.",
)
def power_of_the_whole_noise(samples, spans, noise, snr_db, start=0):
    return mixed(
        samples, spans, noise, snr_db, start, noise_power=np.mean(np.asarray(noise, np.float64) ** 2)
    )


@mistake("add_noise", "Your noise always begins with its first sample. It was to begin at `start`.")
def ignores_the_start(samples, spans, noise, snr_db, start=0):
    reference.add_noise(samples, spans, noise, snr_db, start)
    return mixed(samples, spans, noise, snr_db, 0)


# --- string_features -------------------------------------------------------------------------------------


def features_with(samples, sample_rate, floor_db=None, centre=None, n_cepstra=None, window=3):
    """The reference chain with one thing done differently."""
    reference.string_features(samples, sample_rate)
    frame_length, hop_length = round(0.025 * sample_rate), round(0.010 * sample_rate)
    n_fft = 2 ** int(np.ceil(np.log2(frame_length)))
    frames = mel_features.frame(mel_features.preemphasis(samples, 0.97), frame_length, hop_length)
    filters = mel_features.mel_filterbank(20, n_fft, sample_rate, 100.0, 3400.0)
    power = mel_features.power_spectrum(frames, n_fft) @ filters.T
    cepstra = mel_features.dct_ii(digit_words.relative_log_power(power, floor_db or 40.0), n_cepstra or 13)
    cepstra = cepstra - cepstra.mean(axis=0) if centre is None else centre(cepstra)
    slopes = mel_features.delta(cepstra, window=window)
    return np.hstack([cepstra, slopes, mel_features.delta(slopes, window=window)])


@mistake("string_features", "The mean of the string is still in your cepstra.")
def mean_left_in(samples, sample_rate):
    return features_with(samples, sample_rate, centre=lambda cepstra: cepstra)


@mistake(
    "string_features",
    "You took the mean of each frame away. The mean of each coefficient, over the frames, must go.",
)
def mean_of_each_frame(samples, sample_rate):
    return features_with(samples, sample_rate, centre=lambda c: c - c.mean(axis=1, keepdims=True))


@mistake("string_features", "Your floor is the 60 dB of the digit recogniser. Strings want FLOOR_DB.")
def floor_of_single_words(samples, sample_rate):
    return features_with(samples, sample_rate, floor_db=60.0)


@mistake("string_features", "You divided by the deviation of the string as well. Only the mean was to go.")
def variance_taken_away_too(samples, sample_rate):
    return features_with(
        samples, sample_rate, centre=lambda c: (c - c.mean(axis=0)) / np.maximum(c.std(axis=0), 1e-9)
    )


@mistake("string_features", "Your deltas look two frames to either side. Three were asked for.")
def narrow_deltas(samples, sample_rate):
    return features_with(samples, sample_rate, window=2)


@mistake(
    "string_features",
    "You trimmed the string as if it were a word. The pauses belong to it: the recogniser must find them.",
)
def trimmed_like_a_word(samples, sample_rate):
    reference.string_features(samples, sample_rate)
    trimmed = digit_words.trim_silence(samples, sample_rate)
    return features_with(trimmed, sample_rate) if len(trimmed) >= round(0.025 * sample_rate) else samples[:0]


# --- cut_words -------------------------------------------------------------------------------------------


def cut_at(features, spans, sample_rate, first_frame):
    reference.cut_words(features, spans, sample_rate)
    frame_length, hop_length = round(0.025 * sample_rate), round(0.010 * sample_rate)
    firsts = first_frame(np.array(spans).ravel(), frame_length, hop_length).astype(int)
    pieces = np.split(features, np.clip(firsts, 0, len(features)))
    return pieces[1::2], pieces[::2]


@mistake(
    "cut_words", "You asked where a frame starts. A frame belongs where its *centre* is, half a frame later."
)
def start_of_the_frame(features, spans, sample_rate):
    return cut_at(features, spans, sample_rate, lambda e, frame, hop: np.ceil(e / hop))


@mistake("cut_words", "You rounded down: the first frame of a word then has its centre before the word.")
def rounded_down(features, spans, sample_rate):
    return cut_at(features, spans, sample_rate, lambda e, frame, hop: np.floor((e - frame / 2) / hop))


@mistake(
    "cut_words",
    "You rounded to the nearest frame. The rule is the first frame whose centre is *not before* the edge.",
)
def rounded_to_the_nearest(features, spans, sample_rate):
    return cut_at(features, spans, sample_rate, lambda e, frame, hop: np.round((e - frame / 2) / hop))


@mistake("cut_words", "Words and pauses are the wrong way round: the first piece is the pause in front.")
def swapped(features, spans, sample_rate):
    words, pauses = reference.cut_words(features, spans, sample_rate)
    return pauses, words


@mistake(
    "cut_words",
    "You threw away the pauses before the first and behind the last word. They train the silence, too.",
)
def outer_pauses_lost(features, spans, sample_rate):
    words, pauses = reference.cut_words(features, spans, sample_rate)
    return words, pauses[1:-1]


# --- train_model -----------------------------------------------------------------------------------------


def trained(
    sequences,
    n_states,
    n_components,
    n_rounds,
    floor,
    keep=None,
    slices=None,
    self_loop=None,
    per=None,
    step_floor=None,
    start_floor=None,
    shift=0,
):
    """The reference with one thing done differently."""
    reference.train_model(sequences, n_states, n_components, n_rounds, floor)
    enough = [s for s in sequences if len(s) >= n_states] if keep is None else keep(sequences, n_states)
    frames = np.concatenate(enough)
    where = slices or (lambda length: np.arange(length) * n_states // length)
    states = np.concatenate([where(len(s)) for s in enough])
    fits = [
        mixtures.fit_gmm(frames[states == k], n_components, 3, 0, start_floor or floor)
        for k in range(n_states)
    ]
    stay = max(0.5, 1 - n_states * len(enough) / len(frames)) if self_loop is None else self_loop
    model = dict(zip(("initial", "transition"), hmm.left_to_right(n_states, stay), strict=True))
    model |= {name: np.stack([fit[k] for fit in fits]) for k, name in enumerate(MIXTURE)}
    history = []
    for _ in range(n_rounds + shift):
        model, log_likelihood = mixtures.gmm_hmm_step(enough, model, step_floor or floor)
        history.append(log_likelihood / (len(frames) if per is None else per(enough)))
    return model, np.array(history)[:n_rounds]


@mistake(
    "train_model", "You did not hand the variance floor to `gmm_hmm_step`: its own default is another one."
)
def floor_forgotten_in_the_rounds(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(sequences, n_states, n_components, n_rounds, variance_floor, step_floor=1e-3)


@mistake("train_model", "You did not hand the variance floor to `fit_gmm`: its own default is another one.")
def floor_forgotten_at_the_start(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(sequences, n_states, n_components, n_rounds, variance_floor, start_floor=1e-3)


@mistake(
    "train_model",
    "Your log-likelihoods are those of all frames together. Divide by the number of frames, or words of "
    "different length cannot be compared.",
)
def not_per_frame(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(sequences, n_states, n_components, n_rounds, variance_floor, per=lambda s: 1)


@mistake("train_model", "You divided the log-likelihood by the number of recordings, not of frames.")
def per_recording(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(sequences, n_states, n_components, n_rounds, variance_floor, per=len)


@mistake(
    "train_model", "Your self-loop is a constant. Long words need longer states: use the average length."
)
def constant_self_loop(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(sequences, n_states, n_components, n_rounds, variance_floor, self_loop=0.8)


@mistake(
    "train_model",
    "Recordings with fewer frames than states are still in training. They cannot pass through all states.",
)
def short_recordings_kept(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(
        sequences,
        n_states,
        n_components,
        n_rounds,
        variance_floor,
        keep=lambda all_of_them, n: [s for s in all_of_them if len(s) > 0],
    )


@mistake(
    "train_model",
    "You cut slices of a fixed length. Each recording has to be cut into equal slices of its own.",
)
def slices_of_fixed_length(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    enough = [s for s in sequences if len(s) >= n_states]
    length = max(1, sum(map(len, enough)) // (max(1, len(enough)) * n_states))
    return trained(
        sequences,
        n_states,
        n_components,
        n_rounds,
        variance_floor,
        slices=lambda n: np.minimum(np.arange(n) // length, n_states - 1),
    )


@mistake("train_model", "You trained one round too many.")
def one_round_more(sequences, n_states, n_components, n_rounds, variance_floor=0.1):
    return trained(sequences, n_states, n_components, n_rounds, variance_floor, shift=1)


# --- weigh_grammar ---------------------------------------------------------------------------------------


def reweighed(grammar, language_weight, word_penalty, arc, final):
    reference.weigh_grammar(grammar, language_weight, word_penalty)
    arcs = [(*a[:4], arc(a)) for a in grammar["arcs"]]
    finals = {state: final(weight) for state, weight in grammar["finals"].items()}
    return {"start": grammar["start"], "arcs": arcs, "finals": finals}


@mistake("weigh_grammar", "Back-off arcs pay your penalty. They read no word, so they owe none.")
def penalty_on_every_arc(grammar, language_weight, word_penalty):
    return reweighed(
        grammar,
        language_weight,
        word_penalty,
        lambda a: language_weight * a[4] + word_penalty,
        lambda w: language_weight * w,
    )


@mistake(
    "weigh_grammar", "Your final weights are unchanged. The end of a sentence is part of the language model."
)
def finals_forgotten(grammar, language_weight, word_penalty):
    return reweighed(
        grammar,
        language_weight,
        word_penalty,
        lambda a: language_weight * a[4] + (word_penalty if a[2] else 0.0),
        lambda w: w,
    )


@mistake("weigh_grammar", "You multiplied the penalty, too. It is added after the factor.")
def penalty_is_multiplied(grammar, language_weight, word_penalty):
    return reweighed(
        grammar,
        language_weight,
        word_penalty,
        lambda a: language_weight * (a[4] + (word_penalty if a[2] else 0.0)),
        lambda w: language_weight * w,
    )


@mistake("weigh_grammar", "Stopping costs your penalty. The end is no word.")
def penalty_at_the_end(grammar, language_weight, word_penalty):
    return reweighed(
        grammar,
        language_weight,
        word_penalty,
        lambda a: language_weight * a[4] + (word_penalty if a[2] else 0.0),
        lambda w: language_weight * w + word_penalty,
    )


@mistake("weigh_grammar", "Your penalty makes words cheaper. It is a price, so it is added.")
def penalty_subtracted(grammar, language_weight, word_penalty):
    return reweighed(
        grammar,
        language_weight,
        word_penalty,
        lambda a: language_weight * a[4] - (word_penalty if a[2] else 0.0),
        lambda w: language_weight * w,
    )


# --- decoding_graph --------------------------------------------------------------------------------------


def graph_with(models, grammar, p, last=0.8, low=0.05, high=0.95, silence=True, order=None):
    """The reference with one thing done differently."""
    reference.decoding_graph(models, grammar, p)
    stay = {}
    for word, model in models.items():
        stay[word] = np.clip(np.diag(model["transition"]), low, high)
        if last is not None:
            stay[word][-1] = last
    lexicon = {word: [word] for word in models if word != "sil"}
    lg = machines.compose(machines.lexicon_machine(lexicon, "sil", p), grammar)
    if not silence:
        lg = lg | {"arcs": [arc for arc in lg["arcs"] if arc[2] != "sil"]}
    labels = [f"{w}_{k}" for w in (order or list)(models) for k in range(len(stay[w]))]
    columns = {label: number for number, label in enumerate(labels)}
    return machines.compose(machines.hmm_machine(stay), machines.remove_epsilons(lg)), columns


@mistake(
    "decoding_graph",
    "The last state of a word stays as long as the others may at most. It was to stay with STAY.",
)
def last_state_not_opened(models, grammar, silence_probability=0.5):
    return graph_with(models, grammar, silence_probability, last=None)


@mistake("decoding_graph", "There is no way through silence in your graph: every pause must be a word.")
def no_silence(models, grammar, silence_probability=0.5):
    return graph_with(models, grammar, silence_probability, silence=False)


@mistake(
    "decoding_graph",
    "Your columns are in alphabetical order. The columns of log_obs follow the order of `models`.",
)
def columns_by_name(models, grammar, silence_probability=0.5):
    return graph_with(models, grammar, silence_probability, order=sorted)


@mistake("decoding_graph", "You did not pass the probability of a pause on.")
def probability_of_a_pause_forgotten(models, grammar, silence_probability=0.5):
    reference.decoding_graph(models, grammar, silence_probability)
    return graph_with(models, grammar, 0.5)


@mistake(
    "decoding_graph",
    "Your probabilities of staying are held between other bounds than 0.05 and 0.95.",
)
def other_bounds(models, grammar, silence_probability=0.5):
    return graph_with(models, grammar, silence_probability, low=0.01, high=0.99)


@mistake("decoding_graph", "Any word may follow any other in your graph: the grammar is not in it.")
def without_the_grammar(models, grammar, silence_probability=0.5):
    words = [word for word in models if word != "sil"]
    free = {"start": 0, "arcs": [(0, 0, w, w, 0.0) for w in words], "finals": {"0": 0.0}}
    reference.decoding_graph(models, grammar, silence_probability)
    return graph_with(models, free, silence_probability)


# --- decode_string ---------------------------------------------------------------------------------------


def decoded(features, models, graph, columns, beam, together=None, silent=None, frame=0.025):
    reference.decode_string(features, models, graph, columns, beam)
    mixture = together or [np.concatenate([m[k] for m in models.values()]) for k in MIXTURE]
    path, _ = machines.beam_search(graph, mixtures.gmm_log_obs(features, *mixture), columns, beam)
    names = [f"sil_{k}" for k in range(len(models["sil"]["means"]))] if silent is None else silent
    return machines.segments(path, names, 0.010, frame)


@mistake(
    "decode_string",
    "Pauses are counted as parts of words: name the states of silence to `segments` as the graph does.",
)
def silence_belongs_to_words(features, models, graph, columns, beam=150.0):
    return decoded(features, models, graph, columns, beam, silent=["sil"])


@mistake("decode_string", "Only the first state of silence is named. It has more of them.")
def one_state_of_silence(features, models, graph, columns, beam=150.0):
    return decoded(features, models, graph, columns, beam, silent=["sil_0"])


@mistake(
    "decode_string",
    "Your mixtures stand in alphabetical order. The columns were numbered in the order of `models`.",
)
def models_by_name(features, models, graph, columns, beam=150.0):
    together = [np.concatenate([models[name][k] for name in sorted(models)]) for k in MIXTURE]
    return decoded(features, models, graph, columns, beam, together=together)


@mistake("decode_string", "You used only the first Gaussian of each state.")
def first_gaussian_only(features, models, graph, columns, beam=150.0):
    weights, means, variances = (np.concatenate([m[k] for m in models.values()]) for k in MIXTURE)
    together = [np.ones_like(weights[:, :1]), means[:, :1], variances[:, :1]]
    return decoded(features, models, graph, columns, beam, together=together)


@mistake("decode_string", "You did not hand the beam to the search.")
def beam_forgotten(features, models, graph, columns, beam=150.0):
    reference.decode_string(features, models, graph, columns, beam)
    return decoded(features, models, graph, columns, np.inf)


@mistake(
    "decode_string", "Your times leave out that a frame speaks for its centre: hand over its real length."
)
def times_of_frame_starts(features, models, graph, columns, beam=150.0):
    return decoded(features, models, graph, columns, beam, frame=0.010)


# --- count_word_errors -----------------------------------------------------------------------------------


def aligned(said, heard, substitution=1, gaps_second=True):
    """Counts of the cheapest alignment when a substitution costs so much."""

    def step(cell, s=0, d=0, i=0):
        tie = d + i if gaps_second else s
        change = (substitution * s + d + i, tie, s, d, i)
        return tuple(a + b for a, b in zip(cell, change, strict=True))

    row = [(0, 0, 0, 0, 0)]
    for _ in heard:
        row.append(step(row[-1], i=1))
    for word in said:
        above, row = row, [step(row[0], d=1)]
        for j, other in enumerate(heard):
            pair = step(above[j], s=int(word != other))
            row.append(min(pair, step(above[j + 1], d=1), step(row[j], i=1)))
    _, _, s, d, i = row[-1]
    return {"substitutions": s, "deletions": d, "insertions": i, "words": len(said)}


@mistake(
    "count_word_errors",
    "You compared place by place. After one word too many everything is shifted: align the two first.",
)
def place_by_place(said, heard):
    both = min(len(said), len(heard))
    changed = sum(a != b for a, b in zip(said, heard, strict=False))
    return {
        "substitutions": changed,
        "deletions": len(said) - both,
        "insertions": len(heard) - both,
        "words": len(said),
    }


@mistake("count_word_errors", "Deletions and insertions are exchanged: a deletion is a word that was *said*.")
def exchanged(said, heard):
    counts = reference.count_word_errors(said, heard)
    return counts | {"deletions": counts["insertions"], "insertions": counts["deletions"]}


@mistake(
    "count_word_errors",
    "A substitution costs you two errors, as if it were a deletion and an insertion. It is one.",
)
def substitution_costs_two(said, heard):
    return aligned(said, heard, substitution=2)


@mistake(
    "count_word_errors",
    "Of several alignments with equally few errors you took one with needless deletions and insertions.",
)
def other_ties(said, heard):
    return aligned(said, heard, gaps_second=False)


@mistake("count_word_errors", 'Your "words" counts what was heard. A rate is over what was *said*.')
def words_heard(said, heard):
    return reference.count_word_errors(said, heard) | {"words": len(heard)}


# --- error_rate_interval ---------------------------------------------------------------------------------


def interval(errors, words, n_draws, seed, rates=None, ends=(2.5, 97.5)):
    reference.error_rate_interval(errors, words, n_draws, seed)
    draws = np.random.default_rng(seed).integers(len(errors), size=(n_draws, len(errors)))
    e, w = np.array(errors, dtype=float), np.array(words, dtype=float)
    drawn = e[draws].sum(axis=1) / w[draws].sum(axis=1) if rates is None else rates(e, w, draws)
    low, high = np.percentile(drawn, ends)
    return float(low), float(high)


@mistake(
    "error_rate_interval",
    "You averaged the rates of the strings. Sum errors and words over the draw first, then divide.",
)
def mean_of_the_rates(errors, words, n_draws=1000, seed=0):
    return interval(errors, words, n_draws, seed, rates=lambda e, w, d: (e / w)[d].mean(axis=1))


@mistake("error_rate_interval", "Your interval holds 90 % of the draws. 95 % leaves 2.5 % on either side.")
def ninety_percent(errors, words, n_draws=1000, seed=0):
    return interval(errors, words, n_draws, seed, ends=(5, 95))


@mistake(
    "error_rate_interval",
    "Your draws change the errors but not the words. A drawn string brings both.",
)
def words_not_drawn(errors, words, n_draws=1000, seed=0):
    return interval(errors, words, n_draws, seed, rates=lambda e, w, d: e[d].sum(axis=1) / w.sum())


@mistake(
    "error_rate_interval",
    "You drew without replacement. Every draw is then the same test set in another order.",
)
def without_replacement(errors, words, n_draws=1000, seed=0):
    return interval(errors, words, n_draws, seed, rates=lambda e, w, d: np.full(len(d), e.sum() / w.sum()))


# --- tune_decoder ----------------------------------------------------------------------------------------


def searched(
    strings,
    said,
    models,
    grammar,
    weights,
    penalties,
    rate=None,
    errors=None,
    knobs=lambda w, p: (w, p),
    best=np.argmin,
):
    """The reference with one thing done differently."""
    reference.tune_decoder(strings[:1], said[:1], models, grammar, weights[:1], penalties[:1])
    if len(strings) != len(said) or not weights or not penalties:
        raise ValueError("nothing to tune on, or nothing to try")
    rates = np.empty((len(weights), len(penalties)))
    for (i, w), (j, p) in itertools.product(enumerate(weights), enumerate(penalties)):
        graph, columns = reference.decoding_graph(models, reference.weigh_grammar(grammar, *knobs(w, p)))
        counts = []
        for features, words in zip(strings, said, strict=True):
            heard = [word for word, _, _ in reference.decode_string(features, models, graph, columns)]
            counts.append(reference.count_word_errors(words, heard))
        wrong = [
            errors(c) if errors else c["substitutions"] + c["deletions"] + c["insertions"] for c in counts
        ]
        n = [c["words"] for c in counts]
        rates[i, j] = rate(wrong, n) if rate else sum(wrong) / sum(n)
    i, j = np.unravel_index(best(rates), rates.shape)
    return weights[i], penalties[j], rates


@mistake("tune_decoder", "You took the pair with the *highest* error rate.")
def worst_pair(strings, said, models, grammar, language_weights, word_penalties):
    return searched(strings, said, models, grammar, language_weights, word_penalties, best=np.argmax)


@mistake(
    "tune_decoder", "You averaged the rates of the strings: short strings then count as much as long ones."
)
def mean_of_string_rates(strings, said, models, grammar, language_weights, word_penalties):
    return searched(
        strings,
        said,
        models,
        grammar,
        language_weights,
        word_penalties,
        rate=lambda e, n: float(np.mean(np.array(e) / np.array(n))),
    )


@mistake(
    "tune_decoder", "You counted only words that were changed. Words too many and too few are errors, too."
)
def only_substitutions(strings, said, models, grammar, language_weights, word_penalties):
    return searched(
        strings,
        said,
        models,
        grammar,
        language_weights,
        word_penalties,
        errors=lambda counts: counts["substitutions"],
    )


@mistake("tune_decoder", "Your penalty never reaches the grammar: every column of the table is the same.")
def penalty_not_used(strings, said, models, grammar, language_weights, word_penalties):
    return searched(
        strings, said, models, grammar, language_weights, word_penalties, knobs=lambda w, p: (w, 0.0)
    )


@mistake("tune_decoder", "Of several equally good pairs you took the last. The first was asked for.")
def last_of_equals(strings, said, models, grammar, language_weights, word_penalties):
    return searched(
        strings,
        said,
        models,
        grammar,
        language_weights,
        word_penalties,
        best=lambda rates: rates.size - 1 - np.argmin(rates.ravel()[::-1]),
    )
