"""Wrong variants of the lab on three classical voices, and what to tell who wrote them."""

import numpy as np

from autograder.checking import lab_beside, mistake
from labkit.parts import t08c_world_vocoder as world

reference = lab_beside(__file__)


# --- number_words ----------------------------------------------------------------------------------------


@mistake("number_words", "Your list ends with a comma. Marks stand between clauses, none at the ends.")
def comma_at_the_end(text):
    words = reference.number_words(text)
    return [*words, ","] if text.strip()[-1] in ",.;:?!" else words


@mistake("number_words", "Several marks in a row make several commas in your list. One is enough.")
def comma_for_every_mark(text):
    words = iter(reference.number_words(text))
    found, marks = [], 0
    for piece in _pieces(text):
        if piece in ",.;:?!":
            marks += 1
        else:
            if found:
                found += [","] * marks
            marks = 0
            word = next(words)
            found.append(next(words) if word == "," else word)
    return found


@mistake("number_words", "You read whole numbers. Digits are to be read one by one.")
def digits_stay_together(text):
    words = reference.number_words(text)
    names = reference.DIGITS
    found = []
    run = ""
    for piece in [*_pieces(text), "."]:
        if piece.isdigit():
            run += str(names.index(words[0])) if words[0] != "," else ""
        elif run:
            found.append(run)
            run = ""
        if piece in ",.;:?!":
            if words and words[0] == ",":
                found.append(words.pop(0))
        elif words:
            word = words.pop(0)
            if not piece.isdigit():
                found.append(word)
    return found


@mistake("number_words", "Capitals are still in your words.")
def capitals_stay(text):
    words = reference.number_words(text)
    plain = [piece for piece in _pieces(text.replace("’", "'"), keep=True) if piece not in ",.;:?!"]
    return [
        w if w == "," else (p if p.isalpha() else w)
        for w, p in zip(words, _aligned(words, plain), strict=True)
    ]


@mistake("number_words", "What cannot be said is silently left out of your words. It was to be refused.")
def unknown_characters_left_out(text):
    known = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.;:?!-'’ \t\n")
    return reference.number_words("".join(c if c in known else " " for c in text))


@mistake("number_words", "An apostrophe tears your words in two. Inside a word it belongs to it.")
def words_torn_at_apostrophes(text):
    found = []
    for word in reference.number_words(text):
        found += word.split("'")
    return found


def _pieces(text, keep=False):
    import re

    text = text.replace("’", "'")
    return re.findall(r"[A-Za-z]+(?:'[A-Za-z]+)*|[0-9]|[,.;:?!]", text if keep else text.lower())


def _aligned(words, plain):
    rest = iter(plain)
    return ["," if word == "," else next(rest) for word in words]


# --- to_arpabet ------------------------------------------------------------------------------------------


def read_pieces(labels, table, longest=True, drop="ː", backwards=False, silence=True, flat=True):
    """The reference with one thing done differently."""
    reference.to_arpabet(labels, table)
    phones = []
    for label in labels:
        rest = label.replace("ˈ", "").replace("ˌ", "")
        found = []
        if rest == "sil":
            found = ["SIL"] if silence else []
            rest = ""
        while rest:
            sizes = range(len(rest), 0, -1) if longest else range(1, len(rest) + 1)
            cut = (lambda k, r=rest: r[len(r) - k :]) if backwards else (lambda k, r=rest: r[:k])
            known = [k for k in sizes if cut(k) in table]
            size = known[0] if known else 1
            piece = table[cut(size)] if known else []
            found = piece + found if backwards else found + piece
            rest = rest[: len(rest) - size] if backwards else rest[size:]
        phones += found
    return phones


@mistake(
    "to_arpabet",
    "You took the first piece that fits. The *longest* piece counts: tʃ is one phone, not t and ʃ.",
)
def shortest_piece_first(labels, table=reference.IPA_TO_ARPABET):
    return read_pieces(labels, table, longest=False)


@mistake("to_arpabet", "You read labels from their end. Pieces are sought from the left.")
def from_right_to_left(labels, table=reference.IPA_TO_ARPABET):
    return read_pieces(labels, table, backwards=True)


@mistake("to_arpabet", "Pauses are missing from your phones.")
def pauses_left_out(labels, table=reference.IPA_TO_ARPABET):
    return read_pieces(labels, table, silence=False)


@mistake("to_arpabet", "You took all length marks away first. Some pieces of the table have one.")
def all_length_marks_dropped(labels, table=reference.IPA_TO_ARPABET):
    reference.to_arpabet(labels, table)
    return read_pieces([label.replace("ː", "") for label in labels], table)


@mistake("to_arpabet", "One piece may become several phones. You kept the first only.")
def first_phone_of_each_piece(labels, table=reference.IPA_TO_ARPABET):
    reference.to_arpabet(labels, table)
    return reference.to_arpabet(labels, {piece: phones[:1] for piece, phones in table.items()})


# --- rule_durations --------------------------------------------------------------------------------------


def by_rules(phones, inherent, minimum, speed, final=1.4, short=0.6, share=0.3, tail=True, **other):
    """The reference with one thing done differently."""
    reference.rule_durations(phones, inherent, minimum, speed)
    around = ["SIL", *phones, "SIL"]
    kinds = ["SIL" if p == "SIL" else "vowel" if p in reference.VOWELS else "consonant" for p in around]
    lengthened = set()
    for end in [i for i, kind in enumerate(kinds) if kind == "SIL"][1 if other.get("inner", True) else -1 :]:
        first = next((i for i in range(end - 1, 0, -1) if kinds[i] != "consonant"), 0)
        if kinds[first] == "vowel":
            lengthened |= set(range(first, end if tail else first + 1))
    seconds = np.zeros(len(phones))
    for i, phone in enumerate(phones, start=1):
        factor = final if i in lengthened else 1.0
        same = (kinds[i - 1] == kinds[i]) + 2 * (kinds[i + 1] == kinds[i])
        if kinds[i] == "vowel":
            value = reference.FOLLOWED_BY.get(around[i + 1], 1.0)
            factor *= value if i in lengthened else short * (1 - share + share * value)
            factor *= other.get("vowels", (1.0, 0.7, 1.2, 0.84))[same]
        elif kinds[i] == "consonant":
            factor *= other.get("consonants", (1.0, 0.7, 0.7, 0.5))[same]
        low, high = minimum[phone], inherent[phone]
        seconds[i - 1] = other.get("formula", lambda a, b, f, s: a + (b - a) * f / s)(
            low, high, factor, speed
        )
    return seconds


def wrong_rules(**change):
    """A variant of the part with one change."""

    def rule_durations(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
        return by_rules(phones, inherent, minimum, speed, **change)

    return rule_durations


@mistake(
    "rule_durations", "Your factors work on the whole duration. They act on what lies above the minimum only."
)
def minimum_ignored(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
    return wrong_rules(formula=lambda a, b, f, s: b * f / s)(phones, inherent, minimum, speed)


@mistake("rule_durations", "Speed shortens everything in your durations. The minimum does not shrink.")
def speed_on_everything(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
    return wrong_rules(formula=lambda a, b, f, s: (a + (b - a) * f) / s)(phones, inherent, minimum, speed)


@mistake(
    "rule_durations", "Only the vowel is lengthened at your clauses' ends. The consonants behind it are, too."
)
def consonants_at_the_end_forgotten(
    phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0
):
    return wrong_rules(tail=False)(phones, inherent, minimum, speed)


@mistake("rule_durations", "You lengthen the end of the sentence only. A clause ends at every pause.")
def last_clause_only(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
    return wrong_rules(inner=False)(phones, inherent, minimum, speed)


@mistake(
    "rule_durations",
    "What follows a vowel counts in full everywhere in your answer. Inside a clause it is 3 of 10.",
)
def follower_in_full(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
    return wrong_rules(share=1.0)(phones, inherent, minimum, speed)


@mistake(
    "rule_durations",
    "A consonant between two others is shortened twice in your answer: 0.7 · 0.7. The rule says 0.5.",
)
def cluster_shortened_twice(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
    return wrong_rules(consonants=(1.0, 0.7, 0.7, 0.49))(phones, inherent, minimum, speed)


@mistake(
    "rule_durations",
    "The two vowel rules are swapped: a vowel *before* a vowel is longer, the one behind it shorter.",
)
def vowels_swapped(phones, inherent=reference.INHERENT, minimum=reference.MINIMUM, speed=1.0):
    return wrong_rules(vowels=(1.0, 1.2, 0.7, 0.84))(phones, inherent, minimum, speed)


# --- pitch_commands --------------------------------------------------------------------------------------


@mistake(
    "pitch_commands",
    "Your phrase commands lie at the start of their clauses. They come `lead` seconds earlier.",
)
def phrase_without_lead(labels, durations, phrase=0.5, accent=0.4, lead=0.2):
    return reference.pitch_commands(labels, durations, phrase, accent, 0.0)


@mistake(
    "pitch_commands", "Your accents keep the same height through a clause. Each is lower than the one before."
)
def accents_all_alike(labels, durations, phrase=0.5, accent=0.4, lead=0.2):
    found = reference.pitch_commands(labels, durations, phrase, accent, lead)
    return {**found, "accents": [[start, end, accent] for start, end, _ in found["accents"]]}


@mistake("pitch_commands", "You gave an accent to second stress (ˌ) as well. Only main stress (ˈ) has one.")
def second_stress_counts(labels, durations, phrase=0.5, accent=0.4, lead=0.2):
    return reference.pitch_commands([s.replace("ˌ", "ˈ") for s in labels], durations, phrase, accent, lead)


@mistake("pitch_commands", "Every pause starts a phrase in your answer. A phrase starts where a clause does.")
def phrase_at_every_pause(labels, durations, phrase=0.5, accent=0.4, lead=0.2):
    found = reference.pitch_commands(labels, durations, phrase, accent, lead)
    ends = np.cumsum(durations)
    moments = [float(end) for label, end in zip(labels, ends, strict=True) if label == "sil"]
    phrases = [[moment - lead, 0.6 * phrase if k else phrase] for k, moment in enumerate(moments)]
    return {**found, "phrases": phrases}


@mistake(
    "pitch_commands",
    "Accents fall from clause to clause in your answer. Each clause begins at the full height.",
)
def accents_fall_through_the_sentence(labels, durations, phrase=0.5, accent=0.4, lead=0.2):
    found = reference.pitch_commands(labels, durations, phrase, accent, lead)
    accents = [[start, end, accent * 0.9**k] for k, (start, end, _) in enumerate(found["accents"])]
    return {**found, "accents": accents}


@mistake("pitch_commands", "All your phrase commands have the same height. Later clauses have 0.6 of it.")
def phrases_all_alike(labels, durations, phrase=0.5, accent=0.4, lead=0.2):
    found = reference.pitch_commands(labels, durations, phrase, accent, lead)
    return {**found, "phrases": [[moment, phrase] for moment, _ in found["phrases"]]}


# --- fujisaki_contour ------------------------------------------------------------------------------------


def contour(times, base, phrases, accents, gain=9.0, ceiling=0.9, ending=True, causal=True, plain=False):
    """The reference with one thing done differently."""
    reference.fujisaki_contour(times, base, phrases, accents)

    def clock(t):
        return np.maximum(t, 0) if causal else t

    def push(t):
        return gain * clock(t) * np.exp(-3 * clock(t))

    def step(t):
        return np.minimum(1 - (1 + 20 * clock(t)) * np.exp(-20 * clock(t)), ceiling)

    total = np.zeros(len(times))
    for moment, amplitude in phrases:
        total += amplitude * push(times - moment)
    for start, end, amplitude in accents:
        total += amplitude * (step(times - start) - (step(times - end) if ending else 0))
    return base * (1 + total) if plain else base * np.exp(total)


@mistake("fujisaki_contour", "You added commands to the frequency. They add up in its logarithm.")
def added_in_hertz(times, base, phrases, accents):
    return contour(times, base, phrases, accents, plain=True)


@mistake("fujisaki_contour", "Your accents never end: the response to their end is to be taken away again.")
def accents_without_an_end(times, base, phrases, accents):
    return contour(times, base, phrases, accents, ending=False)


@mistake("fujisaki_contour", "The square of ALPHA is missing from your phrase: you multiplied by ALPHA once.")
def alpha_not_squared(times, base, phrases, accents):
    return contour(times, base, phrases, accents, gain=3.0)


@mistake("fujisaki_contour", "Your accents rise to 1. They stop at GAMMA.")
def accent_without_ceiling(times, base, phrases, accents):
    return contour(times, base, phrases, accents, ceiling=1.0)


@mistake(
    "fujisaki_contour", "Your responses begin before their commands: for times before a command they are 0."
)
def responses_in_the_past(times, base, phrases, accents):
    return contour(times, base, phrases, accents, causal=False)


# --- voice_parameters ------------------------------------------------------------------------------------


def parameters_with(envelope, aperiodicity, order, n_bands, alpha, places=None, ends=None):
    reference.voice_parameters(envelope, aperiodicity, order, n_bands, alpha)
    n_bins = envelope.shape[1]
    middles = np.round((np.arange(n_bands) + 0.5) / n_bands * (n_bins - 1)).astype(int)
    middles = middles if places is None else places(n_bands, n_bins).astype(int)
    return world.mel_cepstrum(envelope, order, alpha), aperiodicity[:, middles]


@mistake(
    "voice_parameters",
    "You read the aperiodicity at the lower edges of the bands. Their middles were asked for.",
)
def edges_of_the_bands(envelope, aperiodicity, order=24, n_bands=5, alpha=0.455):
    places = lambda n, bins: np.round(np.arange(n) / n * (bins - 1))
    return np.hstack(parameters_with(envelope, aperiodicity, order, n_bands, alpha, places))


@mistake("voice_parameters", "The two blocks are in the wrong order: mel-cepstra first, then aperiodicities.")
def blocks_swapped(envelope, aperiodicity, order=24, n_bands=5, alpha=0.455):
    return np.hstack(parameters_with(envelope, aperiodicity, order, n_bands, alpha)[::-1])


@mistake(
    "voice_parameters",
    "One coefficient is missing: the order counts from 0, so there is one more than it says.",
)
def one_coefficient_too_few(envelope, aperiodicity, order=24, n_bands=5, alpha=0.455):
    cepstra, bands = parameters_with(envelope, aperiodicity, order, n_bands, alpha)
    return np.hstack([cepstra[:, :-1], bands])


@mistake("voice_parameters", "You took the mean of each band. The value at its middle was asked for.")
def means_of_the_bands(envelope, aperiodicity, order=24, n_bands=5, alpha=0.455):
    cepstra, _ = parameters_with(envelope, aperiodicity, order, n_bands, alpha)
    bands = np.array_split(aperiodicity, n_bands, axis=1)
    return np.hstack([cepstra, np.stack([band.mean(axis=1) for band in bands], axis=1)])


@mistake("voice_parameters", "The bend `alpha` does not reach your mel-cepstrum.")
def alpha_forgotten(envelope, aperiodicity, order=24, n_bands=5, alpha=0.455):
    return np.hstack(parameters_with(envelope, aperiodicity, order, n_bands, 0.455))


# --- append_deltas ---------------------------------------------------------------------------------------


def windows_over(static, windows, mode="edge"):
    reference.append_deltas(static)
    padded = np.pad(static, ((1, 1), (0, 0)), mode=mode)
    around = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    return np.hstack(list(np.tensordot(windows, around, axes=1)))


@mistake(
    "append_deltas", "Outside the utterance you put zeros. The first and the last frame are to be repeated."
)
def zeros_outside(static):
    return windows_over(static, reference.WINDOWS, "constant")


@mistake("append_deltas", "Your slopes are twice as steep: the difference over two frames is to be halved.")
def slopes_not_halved(static):
    return windows_over(static, reference.WINDOWS * np.array([[1], [2], [1]]))


@mistake("append_deltas", "Your slopes point backwards in time: what is behind minus what is before.")
def slopes_reversed(static):
    return windows_over(static, reference.WINDOWS * np.array([[1], [-1], [1]]))


@mistake("append_deltas", "Your last block is the slope of the slope. It has a window of its own: 1, −2, 1.")
def slope_of_the_slope(static):
    once = reference.append_deltas(static)
    dim = static.shape[1]
    twice = reference.append_deltas(once[:, dim : 2 * dim])[:, dim : 2 * dim]
    return np.hstack([once[:, : 2 * dim], twice])


@mistake(
    "append_deltas",
    "Your columns are mixed: first all static parameters, then all deltas, then all delta-deltas.",
)
def columns_interleaved(static):
    found = reference.append_deltas(static)
    return found.reshape(len(found), 3, -1).transpose(0, 2, 1).reshape(len(found), -1)


# --- state_durations -------------------------------------------------------------------------------------


@mistake("state_durations", "You gave the frame at which each state ends. How long it lasts was asked for.")
def ends_of_the_states(path, n_states):
    return np.cumsum(reference.state_durations(path, n_states))


@mistake(
    "state_durations",
    "You counted the steps from frame to frame that stay in a state: one frame a state is missing.",
)
def steps_not_frames(path, n_states):
    return reference.state_durations(path, n_states) - 1


@mistake("state_durations", "A path that does not reach all states is accepted. It was to be refused.")
def any_path_accepted(path, n_states):
    return np.bincount(path, minlength=n_states)


@mistake("state_durations", "A path that jumps or goes back is accepted. Only its ends were looked at.")
def only_the_ends_checked(path, n_states):
    if len(path) == 0 or path[0] != 0 or path[-1] != n_states - 1:
        raise ValueError("not from the first to the last state")
    return np.bincount(path, minlength=n_states)


# --- duration_model --------------------------------------------------------------------------------------


def moments(durations, floor, ddof=0, axis=0, root=False):
    reference.duration_model(durations, floor)
    table = np.array(durations, dtype=np.float64)
    return table.mean(axis=axis), table.var(axis=axis, ddof=ddof if len(table) > ddof else 0)


@mistake("duration_model", "You divided by one less than there are. The mean square was asked for.")
def divided_by_one_less(durations, floor):
    means, variances = moments(durations, floor, ddof=1)
    return {"means": means, "variances": np.maximum(variances, floor)}


@mistake("duration_model", "You gave standard deviations. Variances are their squares.")
def deviations_for_variances(durations, floor):
    means, variances = moments(durations, floor)
    return {"means": means, "variances": np.maximum(np.sqrt(variances), floor)}


@mistake(
    "duration_model",
    "You averaged over the states of each phone. The average over all times it was said is per state.",
)
def averaged_over_states(durations, floor):
    means, variances = moments(durations, floor, axis=1)
    return {"means": means, "variances": np.maximum(variances, floor)}


@mistake("duration_model", "Your variances fall below the floor.")
def floor_forgotten(durations, floor):
    means, variances = moments(durations, floor)
    return {"means": means, "variances": variances}


@mistake("duration_model", "You added the floor to the variance. It is the least that a variance may be.")
def floor_added(durations, floor):
    means, variances = moments(durations, floor)
    return {"means": means, "variances": variances + floor}


# --- choose_durations ------------------------------------------------------------------------------------


@mistake(
    "choose_durations", "You rounded each state by itself. The errors add up: carry what was rounded away on."
)
def rounded_one_by_one(means, variances, rho=0.0):
    reference.choose_durations(means, variances, rho)
    return np.maximum(np.floor(means + rho * variances + 0.5), 1).astype(np.int64)


@mistake("choose_durations", "You multiplied rho by the standard deviation. It multiplies the variance.")
def rho_times_the_deviation(means, variances, rho=0.0):
    reference.choose_durations(means, variances, rho)
    return reference.choose_durations(means, np.sqrt(variances), rho)


@mistake("choose_durations", "Some of your states last no frame at all. Each lasts at least 1.")
def states_of_no_frame(means, variances, rho=0.0):
    reference.choose_durations(means, variances, rho)
    ends = np.floor(np.cumsum(np.maximum(means + rho * variances, 0)) + 0.5).astype(np.int64)
    return np.diff(ends, prepend=0)


@mistake("choose_durations", "You cut off fractions. A state ends at the *nearest* frame.")
def fractions_cut_off(means, variances, rho=0.0):
    reference.choose_durations(means, variances, rho)
    ends = np.floor(np.cumsum(np.maximum(means + rho * variances, 1.0))).astype(np.int64)
    return np.diff(ends, prepend=0)


@mistake(
    "choose_durations",
    "`np.round` takes halves to even numbers: 2.5 and 1.5 both become 2. Add 0.5 and take the floor.",
)
def halves_to_even(means, variances, rho=0.0):
    reference.choose_durations(means, variances, rho)
    ends = np.round(np.cumsum(np.maximum(means + rho * variances, 1.0))).astype(np.int64)
    return np.diff(ends, prepend=0)


@mistake("choose_durations", "Your rho works the wrong way round: above 0 speech is slower.")
def rho_reversed(means, variances, rho=0.0):
    return reference.choose_durations(means, variances, -rho)


# --- generate_parameters ---------------------------------------------------------------------------------


def solved(means, variances, windows=None, repeat=True, weight=None, target=None):
    """Dense normal equations with one thing done differently."""
    reference.generate_parameters(means, variances)
    n_frames, dim = len(means), means.shape[1] // 3
    before, behind = np.eye(n_frames, k=-1), np.eye(n_frames, k=1)
    if repeat:
        before[0, 0] = behind[-1, -1] = 1
    rows = reference.WINDOWS if windows is None else windows
    W = np.vstack([a * before + b * np.eye(n_frames) + c * behind for a, b, c in rows])
    result = np.empty((n_frames, dim))
    for d in range(dim):
        spread = variances[:, d::dim].T.ravel()
        precision = 1 / spread if weight is None else weight(spread)
        wanted = means[:, d::dim].T.ravel()
        right = W.T @ (precision * wanted) if target is None else target(W, precision, wanted)
        result[:, d] = np.linalg.solve(W.T @ (precision[:, None] * W), right)
    return result


@mistake("generate_parameters", "You gave the static means back. The deltas were to smooth them.")
def static_means_only(means, variances):
    reference.generate_parameters(means, variances)
    return means[:, : means.shape[1] // 3].copy()


@mistake(
    "generate_parameters", "You weighed by the variances. What varies *little* counts most: divide by them."
)
def weighed_by_variances(means, variances):
    return solved(means, variances, weight=lambda spread: spread)


@mistake("generate_parameters", "You divided by standard deviations. The weights are one over the variances.")
def weighed_by_deviations(means, variances):
    return solved(means, variances, weight=lambda spread: 1 / np.sqrt(spread))


@mistake(
    "generate_parameters",
    "Outside the utterance you took zeros. `append_deltas` repeats the first and the last frame.",
)
def zeros_outside_the_utterance(means, variances):
    return solved(means, variances, repeat=False)


@mistake("generate_parameters", "The delta-deltas are missing from your equations.")
def bends_left_out(means, variances):
    return solved(means, variances, windows=reference.WINDOWS * np.array([[1], [1], [1e-9]]))


@mistake("generate_parameters", "The means of deltas and delta-deltas are missing from your right-hand side.")
def right_side_of_statics(means, variances):
    def target(W, precision, wanted):
        n_frames = W.shape[1]
        return precision[:n_frames] * wanted[:n_frames]

    return solved(means, variances, target=target)


# --- restore_variance ------------------------------------------------------------------------------------


@mistake("restore_variance", "You scaled by the ratio of variances. Deviations scale by its square root.")
def ratio_without_a_root(generated, global_variance, weight=1.0):
    return reference.restore_variance(generated, global_variance, 2 * weight)


@mistake(
    "restore_variance",
    "You scaled around zero: the mean of the utterance moved. Scale the distance from the mean.",
)
def scaled_around_zero(generated, global_variance, weight=1.0):
    found = reference.restore_variance(generated, global_variance, weight)
    mean = generated.mean(axis=0)
    deviation = generated.std(axis=0)
    factor = np.divide(found.std(axis=0), deviation, out=np.ones_like(deviation), where=deviation > 0)
    return mean * 0 + generated * factor


@mistake(
    "restore_variance",
    "You mixed the tracks. The weight is an exponent: it mixes the logarithms of the deviations.",
)
def tracks_mixed(generated, global_variance, weight=1.0):
    full = reference.restore_variance(generated, global_variance, 1.0)
    return (1 - weight) * generated + weight * full


@mistake(
    "restore_variance", "Your ratio is upside down: tracks become flatter where recordings are livelier."
)
def ratio_upside_down(generated, global_variance, weight=1.0):
    full = reference.restore_variance(generated, global_variance, 1.0)
    mean, variance = generated.mean(axis=0), generated.var(axis=0)
    ratio = np.divide(full.var(axis=0), variance, out=np.ones_like(variance), where=variance > 0)
    return mean + (generated - mean) / np.maximum(ratio, 1e-12) ** (weight / 2)


@mistake("restore_variance", "The weight has no effect in your answer.")
def weight_ignored(generated, global_variance, weight=1.0):
    return reference.restore_variance(generated, global_variance, 1.0)


# --- state_pitch -----------------------------------------------------------------------------------------


def pitch_of(f0, paths, n_states, floor, row=None, joined=False, everything=False, spread=True):
    """The reference with one thing done differently."""
    reference.state_pitch(f0, paths, n_states, floor)
    tracks = [np.concatenate(f0)] if joined else f0
    states, voiced = np.concatenate(paths), np.concatenate(f0) > 0

    def continuous(track):
        own = np.flatnonzero(track > 0)
        return np.interp(np.arange(len(track)), own, np.log(track[own])) if len(own) else np.zeros(len(track))

    line = row or continuous
    rows = np.concatenate([reference.append_deltas(line(track)[:, None]) for track in tracks])
    counted = np.ones(len(rows), dtype=bool) if everything else voiced
    means = np.tile(rows[counted].mean(axis=0), (n_states, 1))
    variances = np.tile(rows[counted].var(axis=0), (n_states, 1))
    shares = np.zeros(n_states)
    for state in np.unique(states):
        shares[state] = voiced[states == state].mean()
        own = rows[counted & (states == state)]
        if len(own):
            means[state], variances[state] = own.mean(axis=0), own.var(axis=0)
    return {"voiced": shares, "means": means, "variances": np.maximum(variances, floor)}


@mistake("state_pitch", "You drew lines between frequencies. The logarithm comes first, then the lines.")
def lines_in_hertz(f0, paths, n_states, floor=1e-4):
    def row(track):
        own = np.flatnonzero(track > 0)
        line = np.interp(np.arange(len(track)), own, track[own]) if len(own) else np.ones(len(track))
        return np.log(line)

    return pitch_of(f0, paths, n_states, floor, row=row)


@mistake(
    "state_pitch", "You counted the frames without voice, too. Lines across gaps are for the deltas only."
)
def gaps_counted(f0, paths, n_states, floor=1e-4):
    return pitch_of(f0, paths, n_states, floor, everything=True)


@mistake("state_pitch", "Your deltas reach from one utterance into the next. Take each utterance by itself.")
def utterances_glued(f0, paths, n_states, floor=1e-4):
    return pitch_of(f0, paths, n_states, floor, joined=True)


@mistake("state_pitch", "You averaged f0. The Gaussians are those of its logarithm.")
def no_logarithm(f0, paths, n_states, floor=1e-4):
    def row(track):
        own = np.flatnonzero(track > 0)
        return np.interp(np.arange(len(track)), own, track[own]) if len(own) else np.ones(len(track))

    return pitch_of(f0, paths, n_states, floor, row=row)


@mistake(
    "state_pitch",
    "States without a voiced frame have zeros in your answer. They get the Gaussian of all voiced frames.",
)
def zeros_without_voice(f0, paths, n_states, floor=1e-4):
    model = reference.state_pitch(f0, paths, n_states, floor)
    silent = model["voiced"] == 0
    model["means"][silent] = 0
    return model


# --- join_phones -----------------------------------------------------------------------------------------


def bare(label):
    return label.replace("ˈ", "").replace("ˌ", "").replace("ː", "")


@mistake("join_phones", "You take a phone with other marks even where the label has its own model.")
def own_model_ignored(phones, labels):
    reference.join_phones(phones, labels)
    chosen = [next(phones[other] for other in phones if bare(other) == bare(label)) for label in labels]
    return {key: np.concatenate([model[key] for model in chosen]) for key in chosen[0]}


@mistake(
    "join_phones",
    "Of several phones with other marks you take the last. The first in the order of `phones` counts.",
)
def last_of_the_alike(phones, labels):
    reference.join_phones(phones, labels)
    alike = [[other for other in phones if bare(other) == bare(label)][-1] for label in labels]
    chosen = [phones[label if label in phones else other] for label, other in zip(labels, alike, strict=True)]
    return {key: np.concatenate([model[key] for model in chosen]) for key in chosen[0]}


@mistake("join_phones", "A label without a model is skipped in your sentence.")
def unknown_labels_skipped(phones, labels):
    reference.join_phones(phones, labels)
    chosen = [phones[label] for label in labels if label in phones] or [phones[next(iter(phones))]]
    return {key: np.concatenate([model[key] for model in chosen]) for key in chosen[0]}


@mistake("join_phones", "A phone that occurs twice in the sentence stands in yours only once.")
def every_phone_once(phones, labels):
    reference.join_phones(phones, labels)
    return reference.join_phones(phones, list(dict.fromkeys(labels)))


@mistake(
    "join_phones",
    "You compared labels without stress marks, but with the length mark. It goes on both sides.",
)
def length_must_agree(phones, labels):
    def marks(label):
        return label.replace("ˈ", "").replace("ˌ", "")

    chosen = []
    for label in labels:
        alike = [other for other in phones if marks(other) == marks(label)]
        if not alike:
            raise ValueError(f"nothing for {label!r}")
        chosen.append(phones[label if label in phones else alike[0]])
    if not chosen:
        raise ValueError("no labels")
    return {key: np.concatenate([model[key] for model in chosen]) for key in chosen[0]}


# --- speak_states ----------------------------------------------------------------------------------------


def tables_with(model, labels, speed, liveliness, loudness=False, threshold=0.5, breath=True, **other):
    """The reference with one thing done differently."""
    reference.speak_states(model, labels, speed, liveliness)
    joined = reference.join_phones(model["phones"], labels)
    total = joined["duration_means"].sum()
    rho = (other.get("total", lambda t, s: t / s)(total, speed) - total) / joined["duration_variances"].sum()
    durations = reference.choose_durations(joined["duration_means"], joined["duration_variances"], rho)
    states = np.repeat(np.arange(len(durations)), durations)
    write = other.get("write", reference.generate_parameters)
    parameters = write(joined["means"][states, 0], joined["variances"][states, 0])
    cepstra, bands = parameters[:, : -reference.N_BANDS], parameters[:, -reference.N_BANDS :]
    livelier = reference.restore_variance(cepstra[:, 1:], model["global_variance"], liveliness)
    first = cepstra[:, :1]
    if loudness:
        first = reference.restore_variance(first, model["global_variance"][:1], liveliness)
    n_bins = model["n_fft"] // 2 + 1
    envelope = world.envelope_from_mel_cepstrum(np.hstack([first, livelier]), n_bins, model["alpha"])
    voiced = joined["f0_voiced"][states] > threshold
    log_f0 = write(joined["f0_means"][states], joined["f0_variances"][states])[:, 0]
    f0 = log_f0 if other.get("logs") else np.exp(log_f0)
    middles = (np.arange(reference.N_BANDS) + 0.5) / reference.N_BANDS * (n_bins - 1)
    noise = np.array([np.interp(np.arange(n_bins), middles, np.clip(row, 0, 1)) for row in bands])
    if breath:
        noise[~voiced] = 1.0
    return {
        "f0": np.where(voiced, f0, 0.0),
        "envelope": envelope,
        "aperiodicity": noise,
        "durations": durations,
    }


@mistake(
    "speak_states",
    "Your tracks jump from state to state: the parameters were to be generated from the deltas, too.",
)
def steps_from_state_to_state(model, labels, speed=1.0, liveliness=1.0):
    def write(means, variances):
        return means[:, : means.shape[1] // 3]

    return tables_with(model, labels, speed, liveliness, write=write)


@mistake("speak_states", "Speed 2 makes your sentence twice as long. It asks for half the time.")
def speed_upside_down(model, labels, speed=1.0, liveliness=1.0):
    return tables_with(model, labels, speed, liveliness, total=lambda t, s: t * s)


@mistake("speak_states", "Your f0 is still a logarithm.")
def pitch_left_as_logarithm(model, labels, speed=1.0, liveliness=1.0):
    return tables_with(model, labels, speed, liveliness, logs=True)


@mistake(
    "speak_states", "Every frame is voiced in your tables. Look at the share of voiced frames of its state."
)
def voiced_everywhere(model, labels, speed=1.0, liveliness=1.0):
    return tables_with(model, labels, speed, liveliness, threshold=-1.0)


@mistake("speak_states", "Unvoiced frames need an aperiodicity of 1: without voice all is breath.")
def breath_forgotten(model, labels, speed=1.0, liveliness=1.0):
    return tables_with(model, labels, speed, liveliness, breath=False)


@mistake("speak_states", "You made the loudness livelier, too. Coefficient 0 stays as it was generated.")
def loudness_made_livelier(model, labels, speed=1.0, liveliness=1.0):
    return tables_with(model, labels, speed, liveliness, loudness=True)
