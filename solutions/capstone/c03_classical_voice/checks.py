"""Hidden checks of the lab on three classical voices."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, lab_beside, oracle, picture
from labkit import plot
from labkit.parts import t08c_world_vocoder as world

parts = lab_beside(__file__)  # to compose inputs; never the part that is being checked

SEED = st.integers(0, 2**32 - 1)
# Sums of a few hundred float64 terms in another order differ by about 1e-13 of their size; 1e-9 leaves room
# for that and for nothing else.
TIGHT = {"rtol": 1e-9, "atol": 1e-9}


# --- number_words ----------------------------------------------------------------------------------------


@checks("number_words", visible=True)
def test_digits_are_read_one_by_one(lab):
    assert lab.number_words("Room 42") == ["room", "four", "two"]


@checks("number_words")
@given(number=st.integers(0, 10**9))
def test_any_number_is_as_many_words_as_it_has_digits(lab, number):
    names = "zero one two three four five six seven eight nine".split()
    assert lab.number_words(str(number)) == [names[int(digit)] for digit in str(number)]


@checks("number_words")
@given(seed=SEED)
def test_clauses_are_separated_by_one_comma_however_they_end(lab, seed):
    """Between two clauses must stand one comma, none at the ends; words must come back as they were."""
    rng = np.random.default_rng(seed)
    clauses = [["".join(rng.choice(list("abcxyz"), 4)) for _ in range(rng.integers(1, 4))] for _ in range(3)]
    text, expected = str(rng.choice(["", ", ", "…"[:0], "?! "])), []
    for clause in clauses:
        expected += [*clause, ","]
        blanks = rng.choice([" ", "  ", "-", "\n"])
        marks = "".join(rng.choice(list(",.;:?!"), rng.integers(1, 4)))
        text += blanks.join(word.upper() if rng.random() < 0.5 else word for word in clause) + marks + " "
    assert lab.number_words(text) == expected[:-1]


@checks("number_words")
def test_letters_and_digits_need_no_blank_between_them(lab):
    assert lab.number_words("b2b, 7up") == ["b", "two", "b", ",", "seven", "up"]


@checks("number_words")
def test_both_kinds_of_apostrophe_stay_inside_a_word(lab):
    assert lab.number_words("Don’t, it's o'clock") == ["don't", ",", "it's", "o'clock"]


@checks("number_words")
@pytest.mark.parametrize(
    "mark", list(",.;:?!"), ids=["comma", "stop", "semicolon", "colon", "question", "cry"]
)
def test_every_mark_ends_a_clause(lab, mark):
    assert lab.number_words(f"one{mark}two{mark}") == ["one", ",", "two"]


@checks("number_words")
@pytest.mark.parametrize(
    "text", ["", "  ", "?!", "...", "-"], ids=["empty", "blanks", "marks", "stops", "a hyphen"]
)
def test_text_without_a_word_is_refused(lab, text):
    with pytest.raises(ValueError):
        lab.number_words(text)


@checks("number_words")
@pytest.mark.parametrize(
    "text", ["a + b", "5 %", "naïve", "a_b", "'tis '", "two²"],
    ids=["plus", "percent", "another alphabet", "underscore", "a lone apostrophe", "a raised digit"],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(lab, text):
    with pytest.raises(ValueError):
        lab.number_words(text)


# --- to_arpabet ------------------------------------------------------------------------------------------

SMALL = {"a": ["AA"], "b": ["B"], "ab": ["AE"], "aː": ["AO"], "n": ["AX", "N"], "ba": ["EH"]}


@checks("to_arpabet", visible=True)
def test_stress_goes_and_the_longest_piece_wins(lab):
    assert lab.to_arpabet(["sil", "ˈab", "bː", "ˌaːb"], SMALL) == ["SIL", "AE", "B", "AO", "B"]


@checks("to_arpabet")
@given(seed=SEED)
def test_pieces_come_back_in_their_order(lab, seed):
    """Labels made of known pieces must give the phones of the pieces."""
    rng = np.random.default_rng(seed)
    table = {"p": ["P"], "t": ["T"], "k": ["K", "HH"], "eɪ": ["EY"], "ʃ": ["SH"]}
    labels, expected = [], []
    for _ in range(rng.integers(1, 6)):
        pieces = rng.choice(list(table), rng.integers(1, 4)).tolist()
        label = str(rng.choice(["", "ˈ", "ˌ"])) + str(rng.choice(["", "ː"])).join(pieces)
        labels.append(label)
        expected += [phone for piece in pieces for phone in table[piece]]
    assert lab.to_arpabet(labels, table) == expected


@checks("to_arpabet")
def test_longest_piece_is_sought_at_each_place_from_the_left(lab):
    assert lab.to_arpabet(["bab", "aab", "ann"], SMALL) == ["EH", "B", "AA", "AE", "AA", "AX", "N", "AX", "N"]


@checks("to_arpabet")
def test_length_belongs_to_a_vowel_where_the_table_says_so(lab):
    assert lab.to_arpabet(["aː", "aːb", "abː", "nːa"], SMALL) == ["AO", "AO", "B", "AE", "AX", "N", "AA"]


@checks("to_arpabet")
def test_agrees_with_a_regular_expression_on_all_labels_of_the_table(lab, rng):
    """The pieces must be those that a regular expression finds, longest alternatives first."""
    import re

    table = parts.IPA_TO_ARPABET
    pattern = re.compile("|".join(sorted(map(re.escape, [*table, "ː"]), key=len, reverse=True)))
    labels = ["".join(rng.choice(list(table), 2)) for _ in range(40)] + list(table)
    expected = [
        phone for label in labels for piece in pattern.findall(label) for phone in table.get(piece, [])
    ]
    assert lab.to_arpabet(labels, table) == expected


@checks("to_arpabet")
def test_own_table_knows_the_digits(lab):
    labels = "z ˈiə ɹ oʊ sil f ˈɔːɹ sil ˈeɪ t".split()
    assert lab.to_arpabet(labels) == "Z IY AX R OW SIL F AO R SIL EY T".split()


@checks("to_arpabet")
@pytest.mark.parametrize(
    "label",
    ["", "ˈ", "q", "aq", "qa", "silb"],
    ids=["empty", "only stress", "unknown", "tail", "head", "sil and b"],
)
def test_label_that_cannot_be_read_is_refused_and_named(lab, label):
    with pytest.raises(ValueError) as caught:
        lab.to_arpabet(["a", label], SMALL)
    assert label in str(caught.value)


# --- rule_durations --------------------------------------------------------------------------------------

LONG = dict.fromkeys("AA IY AX T D S Z M L SIL W".split(), 1.1)
SHORT = dict.fromkeys("AA IY AX T D S Z M L SIL W".split(), 0.1)


def factors(lab, text):
    """Durations turned back into the factors of the rules."""
    return lab.rule_durations(text.split(), LONG, SHORT) - 0.1


@checks("rule_durations", visible=True)
def test_end_of_a_clause_is_lengthened(lab):
    np.testing.assert_allclose(factors(lab, "S IY L"), [1.0, 1.4, 1.4], **TIGHT)


@checks("rule_durations")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AA", [1.4 * 1.2]),
        ("AA D", [1.4 * 1.2, 1.4]),
        ("AA Z", [1.4 * 1.6, 1.4]),
        ("AA M", [1.4 * 0.85, 1.4]),
        ("AA T", [1.4 * 0.7, 1.4]),
        ("AA S", [1.4, 1.4]),
        ("T AA SIL", [1.0, 1.4 * 1.2, 1.0]),
    ],
    ids=["open", "voiced stop", "voiced hiss", "nasal", "voiceless stop", "voiceless hiss", "pause written"],
)
def test_what_follows_the_last_vowel_of_a_clause_counts_in_full(lab, text, expected):
    np.testing.assert_allclose(factors(lab, text), expected, **TIGHT)


@checks("rule_durations")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AA D IY L", [0.6 * 1.06, 1.0, 1.4, 1.4]),
        ("AA T IY L", [0.6 * 0.91, 1.0, 1.4, 1.4]),
        ("AA Z IY L", [0.6 * 1.18, 1.0, 1.4, 1.4]),
        ("AA S IY L", [0.6, 1.0, 1.4, 1.4]),
    ],
    ids=["voiced stop", "voiceless stop", "voiced hiss", "voiceless hiss"],
)
def test_other_vowels_are_short_and_feel_three_tenths_of_it(lab, text, expected):
    np.testing.assert_allclose(factors(lab, text), expected, **TIGHT)


@checks("rule_durations")
def test_neighbouring_vowels_change_each_other(lab):
    expected = [0.6 * 1.2, 0.6 * 0.84, 1.4 * 0.7, 1.4]
    np.testing.assert_allclose(factors(lab, "AA IY AX L"), expected, **TIGHT)


@checks("rule_durations")
def test_consonants_in_a_row_are_shorter(lab):
    expected = [0.7, 0.5, 0.7, 0.6, 0.7, 0.7, 1.4, 1.4 * 0.7, 1.4 * 0.7]
    np.testing.assert_allclose(factors(lab, "S T L AX S T IY L L"), expected, **TIGHT)


@checks("rule_durations")
def test_every_pause_ends_a_clause_and_hides_what_is_behind_it(lab):
    expected = [1.4 * 0.85, 1.4, 1.0, 1.0, 1.4, 1.4, 1.0, 1.0, 1.0, 1.4, 1.4]
    np.testing.assert_allclose(factors(lab, "AA M SIL T AA S SIL SIL W AA L"), expected, **TIGHT)


@checks("rule_durations")
def test_clause_without_a_vowel_is_not_lengthened(lab):
    np.testing.assert_allclose(factors(lab, "AA L SIL S SIL"), [1.4, 1.4, 1.0, 1.0, 1.0], **TIGHT)


@checks("rule_durations")
@given(seed=SEED, speed=st.floats(0.25, 4.0))
def test_only_what_is_above_the_minimum_answers_to_the_speed(lab, seed, speed):
    rng = np.random.default_rng(seed)
    phones = rng.choice(list(parts.INHERENT), int(rng.integers(1, 12))).tolist()
    least = np.array([parts.MINIMUM[phone] for phone in phones])
    usual, other = lab.rule_durations(phones), lab.rule_durations(phones, speed=speed)
    np.testing.assert_allclose((other - least) * speed, usual - least, **TIGHT)


@checks("rule_durations")
@given(seed=SEED)
def test_tables_scale_the_result(lab, seed):
    """Twice as long in both tables must be twice as long; equal tables leave nothing to the rules."""
    rng = np.random.default_rng(seed)
    phones = rng.choice(list(LONG), int(rng.integers(1, 9))).tolist()
    inherent = {phone: float(rng.uniform(0.2, 0.4)) for phone in LONG}
    minimum = {phone: float(rng.uniform(0.05, 0.1)) for phone in LONG}
    once = lab.rule_durations(phones, inherent, minimum)
    doubled = ({phone: 2 * value for phone, value in own.items()} for own in (inherent, minimum))
    np.testing.assert_allclose(lab.rule_durations(phones, *doubled), 2 * once, **TIGHT)
    flat = lab.rule_durations(phones, minimum, minimum, float(rng.uniform(0.5, 2)))
    np.testing.assert_allclose(flat, [minimum[phone] for phone in phones], **TIGHT)


@checks("rule_durations")
@pytest.mark.parametrize("case", ["no phones", "unknown", "no minimum", "no inherent", "zero", "negative"])
def test_phones_without_durations_and_speeds_below_zero_are_refused(lab, case):
    phones, inherent, minimum, speed = ["AA", "T"], dict(LONG), dict(SHORT), 1.0
    if case == "no phones":
        phones = []
    elif case == "unknown":
        phones = ["AA", "QQ"]
    elif case == "no minimum":
        del minimum["T"]
    elif case == "no inherent":
        del inherent["T"]
    else:
        speed = 0.0 if case == "zero" else -1.0
    with pytest.raises(ValueError):
        lab.rule_durations(phones, inherent, minimum, speed)


@picture("rule_durations")
def durations_of(output, phones, *args, **options):
    bars = {f"{i} {phone}": 1000 * float(s) for i, (phone, s) in enumerate(zip(phones, output, strict=True))}
    return plot.bars(bars, y_label="ms", title="your durations")


# --- pitch_commands --------------------------------------------------------------------------------------


@checks("pitch_commands", visible=True)
def test_phrase_comes_before_its_clause_and_an_accent_lies_on_its_vowel(lab):
    found = lab.pitch_commands(["sil", "t", "ˈuː", "sil"], np.array([0.5, 0.25, 0.25, 1.0]))
    np.testing.assert_allclose(found["phrases"], [[0.3, 0.5]], **TIGHT)
    np.testing.assert_allclose(found["accents"], [[0.75, 1.0, 0.4]], **TIGHT)


@checks("pitch_commands")
@given(seed=SEED, phrase=st.floats(0.1, 1), accent=st.floats(0.1, 1), lead=st.floats(0, 0.4))
def test_commands_are_where_a_table_of_times_says(lab, seed, phrase, accent, lead):
    rng = np.random.default_rng(seed)
    labels, starts, phrases, accents, clock = [], [], [], [], 0.0
    durations = []
    for clause in range(int(rng.integers(1, 4))):
        for _ in range(int(rng.integers(0, 3)) if clause == 0 else int(rng.integers(1, 3))):
            labels.append("sil")
        starts.append(len(labels))
        labels += rng.choice(["a", "ˈa", "ˌa", "t", "ˈeɪ"], int(rng.integers(1, 6))).tolist()
    durations = rng.uniform(0.02, 0.3, len(labels))
    count = 0
    for i, (label, seconds) in enumerate(zip(labels, durations, strict=True)):
        if i in starts:
            phrases.append([clock - lead, phrase * (0.6 if phrases else 1.0)])
            count = 0
        if label.startswith("ˈ"):
            accents.append([clock, clock + seconds, accent * 0.9**count])
            count += 1
        clock += seconds
    found = lab.pitch_commands(labels, durations, phrase, accent, lead)
    assert set(found) == {"phrases", "accents"}
    np.testing.assert_allclose(np.reshape(found["phrases"], (-1, 2)), phrases, **TIGHT)
    assert len(found["accents"]) == len(accents)
    np.testing.assert_allclose(np.reshape(found["accents"], (-1, 3)), np.reshape(accents, (-1, 3)), **TIGHT)


@checks("pitch_commands")
def test_second_stress_is_no_accent(lab):
    found = lab.pitch_commands(["ˌa", "t", "ˈi"], np.array([0.1, 0.1, 0.1]))
    assert len(found["accents"]) == 1


@checks("pitch_commands")
def test_accents_of_a_clause_get_lower_and_start_again_in_the_next(lab):
    labels = ["ˈa", "ˈe", "ˈi", "sil", "ˈo", "ˈu"]
    heights = [row[2] for row in lab.pitch_commands(labels, np.full(6, 0.1))["accents"]]
    np.testing.assert_allclose(heights, [0.4, 0.36, 0.324, 0.4, 0.36], **TIGHT)


@checks("pitch_commands")
def test_nothing_but_pauses_has_no_commands(lab):
    assert lab.pitch_commands(["sil", "sil"], np.array([0.1, 0.2])) == {"phrases": [], "accents": []}


@checks("pitch_commands")
@pytest.mark.parametrize("n", [0, 1, 3], ids=["none", "too few", "too many"])
def test_durations_that_do_not_fit_are_refused(lab, n):
    with pytest.raises(ValueError):
        lab.pitch_commands(["a", "t"], np.full(n, 0.1))


# --- fujisaki_contour ------------------------------------------------------------------------------------


@functools.cache
def responses():
    """Every millisecond: the impulse and the step response of the two critically damped filters, by scipy."""
    import scipy.signal

    grid = np.arange(0, 5, 0.001)
    _, impulse = scipy.signal.impulse(([9.0], [1.0, 6.0, 9.0]), T=grid)
    _, step = scipy.signal.step(([400.0], [1.0, 40.0, 400.0]), T=grid)
    return grid, impulse, np.minimum(step, 0.9)


def by_filters(times, base, phrases, accents):
    """The same contour from the responses of the filters."""
    grid, impulse, step = responses()
    log_f0 = np.full(len(times), np.log(base))
    for moment, amplitude in phrases:
        log_f0 += amplitude * np.interp(times - moment, grid, impulse, left=0.0)
    for start, end, amplitude in accents:
        for edge, sign in ((start, 1), (end, -1)):
            log_f0 += sign * amplitude * np.interp(times - edge, grid, step, left=0.0)
    return np.exp(log_f0)


@checks("fujisaki_contour", visible=True)
def test_without_commands_the_voice_stays_at_its_base(lab):
    np.testing.assert_allclose(lab.fujisaki_contour(np.linspace(0, 2, 5), 90.0, [], []), 90.0, **TIGHT)


@checks("fujisaki_contour")
@given(seed=SEED)
def test_contour_is_that_of_two_critically_damped_filters(lab, seed):
    """The contour must be what scipy's impulse and step responses add up to."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, 4, 60)
    phrases = [
        [float(t), float(a)] for t, a in zip(rng.uniform(-0.5, 3, 2), rng.uniform(-0.5, 0.8, 2), strict=True)
    ]
    starts = rng.uniform(0, 3, 3)
    rows = zip(starts, rng.uniform(0.02, 0.5, 3), rng.uniform(0, 0.6, 3), strict=True)
    accents = [[float(t), float(t + d), float(a)] for t, d, a in rows]
    found = lab.fujisaki_contour(times, 80.0, phrases, accents)
    # lines between points 1 ms apart, of curves that bend by at most 400/s², are off by 5e-5
    np.testing.assert_allclose(found, by_filters(times, 80.0, phrases, accents), rtol=1e-3)


@checks("fujisaki_contour")
def test_phrase_is_highest_a_third_of_a_second_after_its_command(lab):
    f0 = lab.fujisaki_contour(
        np.array([0.5 + 1 / 3 - 0.01, 0.5 + 1 / 3, 0.5 + 1 / 3 + 0.01]), 100.0, [[0.5, 1.0]], []
    )
    assert f0[1] > f0[0] and f0[1] > f0[2]
    np.testing.assert_allclose(f0[1], 100 * np.exp(3 / np.e), **TIGHT)


@checks("fujisaki_contour")
def test_long_accent_stops_rising_at_nine_tenths(lab):
    f0 = lab.fujisaki_contour(np.array([0.9, 1.0]), 100.0, [], [[0.0, 2.0, 0.5]])
    np.testing.assert_allclose(f0, 100 * np.exp(0.45), **TIGHT)


@checks("fujisaki_contour")
def test_nothing_happens_before_a_command(lab):
    f0 = lab.fujisaki_contour(np.array([0.0, 0.5, 0.99]), 100.0, [[1.0, 0.7]], [[1.0, 1.2, 0.7]])
    np.testing.assert_allclose(f0, 100.0, **TIGHT)


@checks("fujisaki_contour")
@given(seed=SEED)
def test_commands_add_up_in_the_logarithm(lab, seed):
    rng = np.random.default_rng(seed)
    times = np.linspace(0, 3, 31)
    rows = [[float(t), 0.4] for t in rng.uniform(0, 2, 2)]
    accent = [[0.5, 1.0, 0.3]]
    one, two, three = (
        np.log(lab.fujisaki_contour(times, 90.0, *commands) / 90.0)
        for commands in ((rows[:1], []), (rows[1:], []), ([], accent))
    )
    both = np.log(lab.fujisaki_contour(times, 90.0, rows, accent) / 90.0)
    np.testing.assert_allclose(one + two + three, both, **TIGHT)


@checks("fujisaki_contour")
@pytest.mark.parametrize(
    ("base", "accents"),
    [(0.0, []), (-1.0, []), (90.0, [[1.0, 1.0, 0.3]]), (90.0, [[0.0, 1.0, 0.3], [1.0, 0.5, 0.3]])],
    ids=["base zero", "base negative", "accent without length", "accent that ends before it starts"],
)
def test_impossible_base_or_accent_is_refused(lab, base, accents):
    with pytest.raises(ValueError):
        lab.fujisaki_contour(np.zeros(3), base, [], accents)


@checks("fujisaki_contour")
def test_very_low_base_is_allowed(lab):
    np.testing.assert_allclose(lab.fujisaki_contour(np.zeros(1), 0.5, [], []), 0.5, **TIGHT)


@picture("fujisaki_contour")
def contour_of(output, times, *args, **options):
    order = np.argsort(times)
    return plot.lines(
        {"yours": (np.asarray(times)[order], np.asarray(output)[order])},
        x_label="time [s]",
        y_label="f0 [Hz]",
        title="your contour",
    )


# --- voice_parameters ------------------------------------------------------------------------------------


def random_tables(rng, n_frames=4, n_bins=33):
    return np.exp(rng.normal(size=(n_frames, n_bins))), rng.uniform(0, 1, (n_frames, n_bins))


@checks("voice_parameters", visible=True)
def test_there_are_thirty_numbers_a_frame(lab):
    flat = np.ones((3, 65))
    assert lab.voice_parameters(flat, 0.5 * flat).shape == (3, 30)


@checks("voice_parameters")
@given(seed=SEED, n_bands=st.integers(1, 33))
def test_aperiodicity_is_read_at_the_middles_of_the_bands(lab, seed, n_bands):
    rng = np.random.default_rng(seed)
    envelope, aperiodicity = random_tables(rng)
    found = lab.voice_parameters(envelope, aperiodicity, 3, n_bands)
    assert found.shape == (4, 4 + n_bands)
    places = [round((band + 0.5) / n_bands * 32) for band in range(n_bands)]
    np.testing.assert_allclose(found[:, 4:], aperiodicity[:, places], **TIGHT)


@checks("voice_parameters")
@given(seed=SEED)
def test_cepstrum_without_a_bend_is_that_of_the_cosine_transform(lab, seed):
    """With alpha 0 the coefficients must be scipy's DCT-I of half the log power."""
    import scipy.fft

    rng = np.random.default_rng(seed)
    envelope, aperiodicity = random_tables(rng)
    expected = scipy.fft.dct(0.5 * np.log(envelope), type=1) / 32
    expected[:, 0] /= 2
    found = lab.voice_parameters(envelope, aperiodicity, 6, 2, 0.0)
    np.testing.assert_allclose(found[:, :7], expected[:, :7], **TIGHT)


@checks("voice_parameters")
def test_there_may_be_a_band_for_each_bin(lab, rng):
    envelope, aperiodicity = random_tables(rng, n_bins=9)
    found = lab.voice_parameters(envelope, aperiodicity, 1, 9)
    places = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    middles = np.round([(band + 0.5) / 9 * 8 for band in places]).astype(int)
    np.testing.assert_allclose(found[:, 2:], aperiodicity[:, middles], **TIGHT)


@checks("voice_parameters")
def test_order_and_bend_reach_the_mel_cepstrum(lab, rng):
    envelope, aperiodicity = random_tables(rng)
    for order, alpha in ((5, 0.3), (8, 0.455)):
        found = lab.voice_parameters(envelope, aperiodicity, order, 3, alpha)
        np.testing.assert_allclose(found[:, :-3], world.mel_cepstrum(envelope, order, alpha), **TIGHT)


@checks("voice_parameters")
@pytest.mark.parametrize("case", ["frames", "bins", "no band", "too many bands"])
def test_tables_and_bands_that_do_not_fit_are_refused(lab, case):
    envelope, aperiodicity, n_bands = np.ones((4, 9)), np.ones((4, 9)), 3
    if case == "frames":
        aperiodicity = aperiodicity[:3]
    elif case == "bins":
        aperiodicity = aperiodicity[:, :8]
    else:
        n_bands = 0 if case == "no band" else 10
    with pytest.raises(ValueError):
        lab.voice_parameters(envelope, aperiodicity, 2, n_bands)


# --- append_deltas ---------------------------------------------------------------------------------------


@checks("append_deltas", visible=True)
def test_rising_line_has_slope_one_and_no_bend_inside(lab):
    found = lab.append_deltas(np.arange(5.0)[:, None])
    np.testing.assert_allclose(found[1:-1], [[1, 1, 0], [2, 1, 0], [3, 1, 0]], **TIGHT)


@checks("append_deltas")
@given(seed=SEED, n_frames=st.integers(1, 12), dim=st.integers(1, 4))
def test_columns_are_those_of_numpy_convolve(lab, seed, n_frames, dim):
    static = np.random.default_rng(seed).normal(size=(n_frames, dim))
    found = lab.append_deltas(static)
    assert found.shape == (n_frames, 3 * dim)
    for d in range(dim):
        padded = np.concatenate([static[:1, d], static[:, d], static[-1:, d]])
        np.testing.assert_allclose(found[:, d], static[:, d], **TIGHT)
        np.testing.assert_allclose(found[:, dim + d], np.convolve(padded, [0.5, 0, -0.5], "valid"), **TIGHT)
        np.testing.assert_allclose(found[:, 2 * dim + d], np.convolve(padded, [1, -2, 1], "valid"), **TIGHT)


@checks("append_deltas")
def test_first_and_last_frame_are_repeated(lab, rng):
    a, b, c = rng.normal(size=3)
    found = lab.append_deltas(np.array([[a], [b], [c]]))
    np.testing.assert_allclose(found[[0, -1], 1], [(b - a) / 2, (c - b) / 2], **TIGHT)
    np.testing.assert_allclose(found[[0, -1], 2], [b - a, b - c], **TIGHT)


@checks("append_deltas")
@pytest.mark.parametrize("shape", [(0, 2), (3,), (2, 2, 2)], ids=["no frames", "a row", "a cube"])
def test_what_is_no_matrix_of_frames_is_refused(lab, shape):
    with pytest.raises(ValueError):
        lab.append_deltas(np.ones(shape))


# --- state_durations -------------------------------------------------------------------------------------


@checks("state_durations", visible=True)
def test_frames_in_each_state_are_counted(lab):
    assert lab.state_durations(np.array([0, 1, 1, 1, 2]), 3).tolist() == [1, 3, 1]


@checks("state_durations")
@given(durations=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_path_made_of_durations_gives_them_back(lab, durations):
    path = np.repeat(np.arange(len(durations)), durations)
    assert lab.state_durations(path, len(durations)).tolist() == durations


@checks("state_durations")
def test_counts_agree_with_numpy_unique(lab, rng):
    path = np.sort(np.append(rng.integers(0, 6, 40), np.arange(6)))
    assert lab.state_durations(path, 6).tolist() == np.unique(path, return_counts=True)[1].tolist()


@checks("state_durations")
@pytest.mark.parametrize(
    ("path", "n_states"),
    [([], 1), ([0, 0], 2), ([1, 1], 2), ([0, 2], 3), ([0, 1, 0, 1], 2), ([0, 1, 2], 2), ([0, 2, 1, 2], 3)],
    ids=[
        "empty",
        "ends early",
        "begins late",
        "jumps",
        "goes back",
        "a state too many",
        "back in the middle",
    ],
)
def test_path_that_does_not_run_through_all_states_is_refused(lab, path, n_states):
    with pytest.raises(ValueError):
        lab.state_durations(np.array(path, dtype=int), n_states)


# --- duration_model --------------------------------------------------------------------------------------


@checks("duration_model", visible=True)
def test_mean_and_variance_are_those_of_each_state(lab):
    model = lab.duration_model([np.array([2, 5]), np.array([4, 9])], 0.5)
    np.testing.assert_allclose(model["means"], [3, 7], **TIGHT)
    np.testing.assert_allclose(model["variances"], [1, 4], **TIGHT)


@checks("duration_model")
@given(seed=SEED, n=st.integers(1, 12))
def test_agrees_with_the_statistics_module(lab, seed, n):
    import statistics

    rng = np.random.default_rng(seed)
    durations = [rng.integers(1, 30, 3) for _ in range(n)]
    model = lab.duration_model(durations, 1e-3)
    for state in range(3):
        column = [int(row[state]) for row in durations]
        np.testing.assert_allclose(model["means"][state], statistics.fmean(column), **TIGHT)
        np.testing.assert_allclose(
            model["variances"][state], max(statistics.pvariance(column), 1e-3), **TIGHT
        )


@checks("duration_model")
def test_floor_holds_variances_up_and_leaves_others_alone(lab):
    model = lab.duration_model([np.array([3, 0]), np.array([3, 8])], 2.5)
    np.testing.assert_allclose(model["variances"], [2.5, 16.0], **TIGHT)
    np.testing.assert_allclose(model["means"], [3.0, 4.0], **TIGHT)


@checks("duration_model")
def test_no_durations_at_all_are_refused(lab):
    with pytest.raises(ValueError):
        lab.duration_model([], 1.0)


# --- choose_durations ------------------------------------------------------------------------------------


@checks("choose_durations", visible=True)
def test_remainders_are_carried_on(lab):
    assert lab.choose_durations(np.full(5, 1.5), np.zeros(5)).tolist() == [2, 1, 2, 1, 2]


@checks("choose_durations")
@given(seed=SEED, rho=st.floats(-1, 2))
def test_total_is_the_rounded_total_and_every_state_lasts(lab, seed, rho):
    rng = np.random.default_rng(seed)
    means, variances = rng.uniform(0.5, 12, 20), rng.uniform(0, 6, 20)
    found = lab.choose_durations(means, variances, rho)
    assert found.shape == (20,) and np.issubdtype(found.dtype, np.integer) and found.min() >= 1
    wanted = np.maximum(means + rho * variances, 1)
    # every end, and so the total, is at most half a frame from where it should be
    assert np.abs(np.cumsum(found) - np.cumsum(wanted)).max() <= 0.5 + 1e-9


@checks("choose_durations")
def test_half_a_frame_is_rounded_up_everywhere(lab):
    assert lab.choose_durations(np.array([2.5, 1.0, 1.0, 2.0]), np.zeros(4)).tolist() == [3, 1, 1, 2]


@checks("choose_durations")
@given(seed=SEED)
def test_slower_speech_takes_longest_in_the_states_that_vary(lab, seed):
    """Of all ways to reach the total, the chosen durations must be the most probable (by scipy's minimum)."""
    import scipy.optimize

    rng = np.random.default_rng(seed)
    means, variances, rho = rng.uniform(2000, 5000, 4), rng.uniform(50, 300, 4), float(rng.uniform(-3, 3))
    total = means.sum() + rho * variances.sum()
    best = scipy.optimize.minimize(
        lambda d: np.sum((d - means) ** 2 / variances),
        means,
        jac=lambda d: 2 * (d - means) / variances,
        constraints={"type": "eq", "fun": lambda d: d.sum() - total},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )
    found = lab.choose_durations(means, variances, rho)
    assert np.abs(found - best.x).max() < 3  # a frame of rounding at both ends, and the optimiser's own error
    assert abs(found.sum() - total) <= 0.5 + 1e-6


@checks("choose_durations")
def test_best_of_all_whole_durations_is_found_by_trying_them(lab, rng):
    """The ends must be as near to the unrounded ends as any whole numbers can be: all are tried."""
    means = rng.uniform(1.0, 3.0, 4)
    ends = np.cumsum(means)
    tried = itertools.product(range(1, 6), repeat=4)
    best = min(tried, key=lambda d: np.abs(np.cumsum(d) - ends).sum())
    assert lab.choose_durations(means, np.zeros(4)).tolist() == list(best)


@checks("choose_durations")
def test_very_fast_speech_keeps_one_frame_a_state(lab):
    assert lab.choose_durations(np.full(4, 5.0), np.full(4, 2.0), -10.0).tolist() == [1, 1, 1, 1]


@checks("choose_durations")
def test_state_that_cannot_get_shorter_does_not_borrow_from_the_next(lab):
    assert lab.choose_durations(np.array([0.2, 0.2, 4.0]), np.zeros(3)).tolist() == [1, 1, 4]


@checks("choose_durations")
@pytest.mark.parametrize(
    ("means", "variances"),
    [([], []), ([2.0], [1.0, 1.0]), ([2.0, 2.0], [1.0]), ([2.0, 2.0], [1.0, -0.1])],
    ids=["none", "a variance too many", "a variance too few", "a negative variance"],
)
def test_means_and_variances_that_do_not_fit_are_refused(lab, means, variances):
    with pytest.raises(ValueError):
        lab.choose_durations(np.array(means), np.array(variances))


# --- generate_parameters ---------------------------------------------------------------------------------


@oracle
def dense(means, variances):
    """The normal equations written out, one dimension after the other."""
    n_frames, dim = len(means), means.shape[1] // 3
    before, behind = np.eye(n_frames, k=-1), np.eye(n_frames, k=1)
    before[0, 0] = behind[-1, -1] = 1
    W = np.vstack([np.eye(n_frames), 0.5 * (behind - before), before - 2 * np.eye(n_frames) + behind])
    result = np.empty((n_frames, dim))
    for d in range(dim):
        precision = 1 / variances[:, d::dim].T.ravel()
        left = W.T @ (precision[:, None] * W)
        result[:, d] = np.linalg.solve(left, W.T @ (precision * means[:, d::dim].T.ravel()))
    return result


@checks("generate_parameters", visible=True)
def test_with_useless_deltas_the_static_means_come_back(lab):
    means = np.array([[0.0, 5.0, 5.0], [2.0, 5.0, 5.0], [1.0, 5.0, 5.0]])
    found = lab.generate_parameters(means, np.array([[1.0, 1e12, 1e12]] * 3))
    np.testing.assert_allclose(found[:, 0], [0, 2, 1], atol=1e-6)  # what a precision of 1e-12 leaves


@checks("generate_parameters")
@given(seed=SEED, n_frames=st.integers(1, 12), dim=st.integers(1, 3))
def test_solves_the_dense_normal_equations(lab, seed, n_frames, dim):
    """The result must be what numpy finds with the full matrices."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(n_frames, 3 * dim))
    variances = rng.uniform(0.2, 3, size=(n_frames, 3 * dim))
    found = lab.generate_parameters(means, variances)
    assert found.shape == (n_frames, dim)
    np.testing.assert_allclose(found, dense(means, variances), rtol=1e-8, atol=1e-8)


@checks("generate_parameters")
@given(seed=SEED)
def test_no_other_parameters_are_more_probable(lab, seed):
    rng = np.random.default_rng(seed)
    means, variances = rng.normal(size=(8, 6)), rng.uniform(0.2, 3, size=(8, 6))
    found = lab.generate_parameters(means, variances)

    def misfit(c):
        return np.sum((parts.append_deltas(c) - means) ** 2 / variances)

    assert found.shape == (8, 2)
    nearby = [found + 0.01 * rng.normal(size=found.shape) for _ in range(20)]
    assert misfit(found) <= min(misfit(other) for other in nearby) + 1e-9


@checks("generate_parameters")
@given(seed=SEED, n_frames=st.integers(1, 30))
def test_track_that_fits_its_own_deltas_comes_back(lab, seed, n_frames):
    rng = np.random.default_rng(seed)
    track = rng.normal(size=(n_frames, 2))
    found = lab.generate_parameters(parts.append_deltas(track), rng.uniform(0.5, 2, size=(n_frames, 6)))
    np.testing.assert_allclose(found, track, rtol=1e-8, atol=1e-8)


@checks("generate_parameters")
def test_frames_of_little_variance_are_followed_more_closely(lab):
    means = np.zeros((9, 3))
    means[4, 0] = 1.0
    sure, unsure = np.ones((9, 3)), np.ones((9, 3))
    sure[4, 0], unsure[4, 0] = 0.01, 100.0
    assert (
        lab.generate_parameters(means, sure)[4, 0] > 0.9 > 0.1 > lab.generate_parameters(means, unsure)[4, 0]
    )


@checks("generate_parameters")
@pytest.mark.parametrize("case", ["shapes", "columns", "zero", "negative", "no frames"])
def test_gaussians_that_do_not_fit_are_refused(lab, case):
    means, variances = np.zeros((4, 6)), np.ones((4, 6))
    if case == "shapes":
        variances = variances[:3]
    elif case == "columns":
        means, variances = means[:, :5], variances[:, :5]
    elif case == "no frames":
        means, variances = means[:0], variances[:0]
    else:
        variances[2, 3] = 0.0 if case == "zero" else -1.0
    with pytest.raises(ValueError):
        lab.generate_parameters(means, variances)


@picture("generate_parameters")
def track_of(output, means, variances, **options):
    n = np.asarray(output).shape[1]
    return plot.lines(
        {"means": np.asarray(means)[:, 0], "yours": np.asarray(output)[:, 0]} if n else {},
        x_label="frame",
        title="first dimension: your track beside the static means",
    )


# --- restore_variance ------------------------------------------------------------------------------------


@checks("restore_variance", visible=True)
def test_swing_is_scaled_around_the_mean(lab):
    found = lab.restore_variance(np.array([[1.0], [3.0]]), np.array([4.0]))
    np.testing.assert_allclose(found, [[0.0], [4.0]], **TIGHT)


@checks("restore_variance")
@given(seed=SEED, weight=st.floats(0, 1))
def test_means_stay_and_variances_go_the_wanted_way(lab, seed, weight):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, 3)) * rng.uniform(0.5, 2, 3) + rng.normal(size=3)
    wanted = rng.uniform(0.1, 9, 3)
    found = lab.restore_variance(x, wanted, weight)
    assert found.shape == x.shape
    np.testing.assert_allclose(found.mean(axis=0), x.mean(axis=0), **TIGHT)
    expected = np.exp((1 - weight) * np.log(x.var(axis=0)) + weight * np.log(wanted))
    np.testing.assert_allclose(found.var(axis=0), expected, **TIGHT)


@checks("restore_variance")
@given(seed=SEED)
def test_shape_of_the_track_is_kept(lab, seed):
    """A straight line through old and new values must fit exactly: a correlation of 1 by numpy."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(15, 2))
    found = lab.restore_variance(x, np.array([3.0, 0.2]), 0.7)
    assert found.shape == x.shape
    for d in range(2):
        np.testing.assert_allclose(np.corrcoef(x[:, d], found[:, d])[0, 1], 1.0, **TIGHT)


@checks("restore_variance")
def test_default_gives_the_variance_of_recordings_in_full(lab, rng):
    found = lab.restore_variance(rng.normal(size=(9, 2)), np.array([2.0, 5.0]))
    np.testing.assert_allclose(found.var(axis=0), [2.0, 5.0], **TIGHT)


@checks("restore_variance")
def test_dimension_that_stands_still_stays(lab):
    x = np.stack([np.full(4, 2.0), np.arange(4.0)], axis=1)
    found = lab.restore_variance(x, np.array([9.0, 5.0]))
    np.testing.assert_allclose(found[:, 0], 2.0, **TIGHT)
    np.testing.assert_allclose(found[:, 1].var(), 5.0, **TIGHT)


@checks("restore_variance")
def test_variance_of_nothing_flattens_the_track(lab, rng):
    x = rng.normal(size=(6, 1))
    np.testing.assert_allclose(lab.restore_variance(x, np.zeros(1)), np.tile(x.mean(), (6, 1)), **TIGHT)


@checks("restore_variance")
@pytest.mark.parametrize(
    "wanted", [[1.0], [1.0, 1.0, 1.0], [1.0, -0.1]], ids=["too few", "too many", "negative"]
)
def test_global_variances_that_do_not_fit_are_refused(lab, wanted):
    with pytest.raises(ValueError):
        lab.restore_variance(np.arange(6.0).reshape(3, 2), np.array(wanted))


# --- state_pitch -----------------------------------------------------------------------------------------


def pitch_case(rng, n_states=4):
    tracks, paths = [], []
    for _ in range(3):
        n = int(rng.integers(12, 30))
        f0 = rng.uniform(80, 300, n) * (rng.random(n) > 0.4)
        f0[int(rng.integers(n))] = 150.0
        tracks.append(f0)
        paths.append(np.sort(rng.integers(0, n_states, n)))
    return tracks, paths


def pitch_rows(track):
    """Continuous ln f0 with its deltas, by scipy's interpolation and numpy's convolution."""
    import scipy.interpolate

    own = np.flatnonzero(track > 0)
    logs = np.log(track[own])
    ends = {"bounds_error": False, "fill_value": (logs[0], logs[-1])}
    line = (
        scipy.interpolate.interp1d(own, logs, **ends)(np.arange(len(track)))
        if len(own) > 1
        else np.full(len(track), logs[0])
    )
    padded = np.concatenate([line[:1], line, line[-1:]])
    return np.stack(
        [line, np.convolve(padded, [0.5, 0, -0.5], "valid"), np.convolve(padded, [1, -2, 1], "valid")], 1
    )


@checks("state_pitch", visible=True)
def test_share_of_voiced_frames_and_mean_of_the_logarithm(lab):
    model = lab.state_pitch([np.array([100.0, 0.0, 400.0, 0.0])], [np.array([0, 0, 0, 1])], 2)
    np.testing.assert_allclose(model["voiced"], [2 / 3, 0.0], **TIGHT)
    np.testing.assert_allclose(model["means"][0, 0], np.log(200.0), **TIGHT)


@checks("state_pitch")
@given(seed=SEED)
def test_statistics_are_those_of_the_voiced_frames_of_each_state(lab, seed):
    """Means, variances and shares must be those that scipy's interpolation and numpy give."""
    tracks, paths = pitch_case(np.random.default_rng(seed))
    model = lab.state_pitch(tracks, paths, 5, 1e-6)
    rows, states = np.concatenate([pitch_rows(t) for t in tracks]), np.concatenate(paths)
    voiced = np.concatenate(tracks) > 0
    assert model["means"].shape == model["variances"].shape == (5, 3) and model["voiced"].shape == (5,)
    for state in range(5):
        inside = states == state
        share = voiced[inside].mean() if inside.any() else 0.0
        own = rows[inside & voiced] if (inside & voiced).any() else rows[voiced]
        np.testing.assert_allclose(model["voiced"][state], share, **TIGHT)
        np.testing.assert_allclose(model["means"][state], own.mean(axis=0), **TIGHT)
        np.testing.assert_allclose(model["variances"][state], np.maximum(own.var(axis=0), 1e-6), **TIGHT)


@checks("state_pitch")
def test_deltas_do_not_reach_from_one_utterance_into_the_next(lab):
    tracks = [np.full(6, 100.0), np.full(6, 300.0)]
    model = lab.state_pitch(tracks, [np.zeros(6, dtype=int), np.ones(6, dtype=int)], 2, 1e-4)
    np.testing.assert_allclose(model["means"], [[np.log(100), 0, 0], [np.log(300), 0, 0]], **TIGHT)
    np.testing.assert_allclose(model["variances"], 1e-4, **TIGHT)


@checks("state_pitch")
def test_gap_is_crossed_on_a_straight_line_of_the_logarithm(lab):
    """Around the gap the slopes must be those of a line between logarithms, not between frequencies."""
    f0 = np.array([100.0, 0.0, 0.0, 800.0])
    model = lab.state_pitch([f0], [np.array([0, 0, 1, 1])], 2)
    np.testing.assert_allclose(model["means"][:, 1], [np.log(2) / 2, np.log(2) / 2], **TIGHT)


@checks("state_pitch")
def test_utterance_without_voice_among_others_counts_only_for_the_shares(lab):
    tracks = [np.array([100.0, 120.0, 140.0]), np.zeros(3)]
    model = lab.state_pitch(tracks, [np.zeros(3, dtype=int)] * 2, 1)
    np.testing.assert_allclose(model["voiced"], [0.5], **TIGHT)
    np.testing.assert_allclose(model["means"][0, 0], np.log(tracks[0]).mean(), **TIGHT)


@checks("state_pitch")
@pytest.mark.parametrize("case", ["a frame too few", "a path too few", "no voice", "nothing"])
def test_paths_that_do_not_fit_and_silence_are_refused(lab, case):
    tracks, paths = [np.full(4, 90.0), np.full(3, 90.0)], [np.zeros(4, dtype=int), np.zeros(3, dtype=int)]
    if case == "a frame too few":
        paths[1] = paths[1][:2]
    elif case == "a path too few":
        paths = paths[:1]
    elif case == "no voice":
        tracks = [0 * track for track in tracks]
    else:
        tracks, paths = [], []
    with pytest.raises(ValueError):
        lab.state_pitch(tracks, paths, 1)


# --- join_phones -----------------------------------------------------------------------------------------


def phone_models(rng, labels, n_states=2, n_parameters=7):
    """Voices of a few phones with random, well separated states."""
    models = {}
    for label in labels:
        models[label] = {
            "means": rng.normal(size=(n_states, 1, 3 * n_parameters)),
            "variances": rng.uniform(0.1, 1, size=(n_states, 1, 3 * n_parameters)),
            "duration_means": rng.uniform(2, 6, n_states),
            "duration_variances": rng.uniform(0.5, 2, n_states),
            "f0_means": np.stack(
                [
                    rng.uniform(4.5, 5.5, n_states),
                    0.01 * rng.normal(size=n_states),
                    0.01 * rng.normal(size=n_states),
                ],
                axis=1,
            ),
            "f0_variances": rng.uniform(0.001, 0.01, size=(n_states, 3)),
            "f0_voiced": rng.choice([0.1, 0.9], n_states),
        }
        models[label]["means"][:, 0, n_parameters - 5 : n_parameters] = rng.uniform(-0.2, 1.2, (n_states, 5))
    return models


@checks("join_phones", visible=True)
def test_states_stand_in_the_order_of_the_labels(lab):
    phones = {"a": {"x": np.array([1.0, 2.0])}, "b": {"x": np.array([3.0])}}
    assert lab.join_phones(phones, ["b", "a", "b"])["x"].tolist() == [3.0, 1.0, 2.0, 3.0]


@checks("join_phones")
@given(seed=SEED)
def test_every_array_is_what_numpy_joins(lab, seed):
    rng = np.random.default_rng(seed)
    phones = phone_models(rng, ["a", "t", "ˈiː"])
    labels = rng.choice(list(phones), int(rng.integers(1, 6))).tolist()
    joined = lab.join_phones(phones, labels)
    assert set(joined) == set(phones["a"])
    for key, values in joined.items():
        np.testing.assert_array_equal(values, np.concatenate([phones[label][key] for label in labels]))


@checks("join_phones")
@pytest.mark.parametrize(
    ("label", "expected"),
    [("ˈa", 1), ("a", 2), ("ˌa", 1), ("aː", 1), ("ˌaːb", 4), ("iː", 5), ("ˈi", 5)],
    ids=[
        "exact with stress",
        "exact without",
        "other stress",
        "length",
        "two symbols",
        "own length",
        "other length",
    ],
)
def test_label_without_a_model_takes_one_with_other_marks(lab, label, expected):
    names = ["ˈa", "a", "ˈb", "ab", "ˈiː", "sil"]
    phones = {name: {"x": np.array([number])} for number, name in enumerate(names, start=1)}
    assert lab.join_phones(phones, [label])["x"].tolist() == [expected]


@checks("join_phones")
@pytest.mark.parametrize(
    "labels", [[], ["q"], ["a", "ˈq"]], ids=["none", "unknown", "unknown behind another"]
)
def test_labels_that_nothing_stands_for_are_refused(lab, labels):
    with pytest.raises(ValueError):
        lab.join_phones({"a": {"x": np.ones(2)}, "ˈaː": {"x": np.ones(2)}}, labels)


@checks("join_phones")
def test_message_names_the_label_that_is_missing(lab):
    with pytest.raises(ValueError, match="ˈqː"):
        lab.join_phones({"a": {"x": np.ones(2)}}, ["a", "ˈqː"])


# --- speak_states ----------------------------------------------------------------------------------------


def small_voice(rng, labels=("a", "t", "sil"), n_cepstra=4):
    return {
        "phones": phone_models(rng, labels, n_parameters=n_cepstra + 5),
        "n_fft": 32,
        "alpha": 0.4,
        "global_variance": rng.uniform(0.5, 2, n_cepstra - 1),
    }


@checks("speak_states", visible=True)
def test_tables_have_a_row_for_each_frame(lab):
    voice = small_voice(np.random.default_rng(0))
    tables = lab.speak_states(voice, ["sil", "t", "a", "sil"])
    n_frames = tables["durations"].sum()
    assert tables["durations"].shape == (8,)
    assert tables["f0"].shape == (n_frames,)
    assert tables["envelope"].shape == tables["aperiodicity"].shape == (n_frames, 17)


@checks("speak_states")
@given(seed=SEED, speed=st.floats(0.5, 2.0))
def test_length_answers_to_the_speed(lab, seed, speed):
    """Without states that reach their shortest, the total must be the sum of the means over the speed."""
    rng = np.random.default_rng(seed)
    voice = small_voice(rng)
    for phone in voice["phones"].values():
        phone["duration_means"] = rng.uniform(20, 30, 2)
        phone["duration_variances"] = rng.uniform(1, 2, 2)
    labels = ["sil", "a", "t", "a"]
    wanted = sum(voice["phones"][label]["duration_means"].sum() for label in labels) / speed
    found = lab.speak_states(voice, labels, speed)["durations"]
    assert abs(found.sum() - wanted) <= 0.5 + 1e-6


@checks("speak_states")
@given(seed=SEED, liveliness=st.floats(0, 1), speed=st.floats(0.6, 1.5))
def test_envelope_is_written_by_the_parts_in_their_order(lab, seed, liveliness, speed):
    """The envelope must hold the cosines of the generated mel-cepstra, livelier but for the loudness."""
    rng = np.random.default_rng(seed)
    voice = small_voice(rng)
    labels = rng.choice(["a", "t"], 3).tolist()
    tables = lab.speak_states(voice, labels, speed, liveliness)
    joined = {
        key: np.concatenate([voice["phones"][one][key] for one in labels]) for key in voice["phones"]["a"]
    }
    states = np.repeat(np.arange(6), tables["durations"])
    cepstra = dense(joined["means"][states, 0], joined["variances"][states, 0])[:, :4]
    mean, deviation = cepstra[:, 1:].mean(axis=0), cepstra[:, 1:].std(axis=0)
    ratio = (np.sqrt(voice["global_variance"]) / deviation) ** liveliness
    cepstra[:, 1:] = mean + (cepstra[:, 1:] - mean) * ratio
    omega = np.linspace(0, np.pi, 17)
    bent = omega + 2 * np.arctan2(0.4 * np.sin(omega), 1 - 0.4 * np.cos(omega))
    expected = 2 * cepstra @ np.cos(np.outer(np.arange(4), bent))
    assert tables["envelope"].shape == expected.shape
    np.testing.assert_allclose(np.log(tables["envelope"]), expected, rtol=1e-7, atol=1e-7)


@checks("speak_states")
@given(seed=SEED)
def test_pitch_is_zero_where_the_state_is_mostly_unvoiced(lab, seed):
    rng = np.random.default_rng(seed)
    voice = small_voice(rng)
    labels = ["a", "t", "a", "sil"]
    tables = lab.speak_states(voice, labels)
    joined = {
        key: np.concatenate([voice["phones"][one][key] for one in labels]) for key in voice["phones"]["a"]
    }
    states = np.repeat(np.arange(8), tables["durations"])
    voiced = joined["f0_voiced"][states] > 0.5
    expected = np.exp(dense(joined["f0_means"][states], joined["f0_variances"][states])[:, 0])
    np.testing.assert_array_equal(tables["f0"] > 0, voiced)
    np.testing.assert_allclose(tables["f0"][voiced], expected[voiced], rtol=1e-7)


@checks("speak_states")
def test_state_that_is_voiced_in_half_of_its_frames_is_unvoiced(lab, rng):
    voice = small_voice(rng)
    voice["phones"]["a"]["f0_voiced"] = np.array([0.5, 0.51])
    tables = lab.speak_states(voice, ["a"])
    assert (tables["f0"] > 0).tolist() == np.repeat([False, True], tables["durations"]).tolist()


@checks("speak_states")
@given(seed=SEED)
def test_breath_is_full_in_unvoiced_frames_and_runs_between_the_bands(lab, seed):
    rng = np.random.default_rng(seed)
    voice = small_voice(rng)
    voice["phones"]["a"]["f0_voiced"] = np.array([0.9, 0.2])
    tables = lab.speak_states(voice, ["a", "a"])
    joined = {key: np.concatenate([voice["phones"]["a"][key]] * 2) for key in voice["phones"]["a"]}
    states = np.repeat(np.arange(4), tables["durations"])
    bands = np.clip(dense(joined["means"][states, 0], joined["variances"][states, 0])[:, 4:], 0, 1)
    middles = (np.arange(5) + 0.5) / 5 * 16
    assert tables["aperiodicity"].shape == (len(states), 17)
    expected = [
        np.interp(np.arange(17), middles, own) if state % 2 == 0 else np.ones(17)
        for own, state in zip(bands, states, strict=True)
    ]
    np.testing.assert_allclose(tables["aperiodicity"], expected, rtol=1e-7, atol=1e-7)


@checks("speak_states")
def test_full_liveliness_and_speed_one_are_the_defaults(lab, rng):
    voice = small_voice(rng)
    given_nothing = lab.speak_states(voice, ["a", "t", "a"])
    given_all = lab.speak_states(voice, ["a", "t", "a"], 1.0, 1.0)
    for key, values in given_all.items():
        np.testing.assert_allclose(given_nothing[key], values, **TIGHT)
    assert (
        abs(given_all["durations"].sum() - sum(voice["phones"][x]["duration_means"].sum() for x in "ata"))
        <= 0.51
    )


@checks("speak_states")
def test_what_was_written_can_be_spoken(lab, rng):
    voice = small_voice(rng)
    tables = lab.speak_states(voice, ["sil", "a", "t", "a", "sil"])
    sound = world.world_synthesize(tables["f0"], tables["envelope"], tables["aperiodicity"], 8000, 40)
    assert sound.shape == (40 * tables["durations"].sum(),) and np.all(np.isfinite(sound)) and sound.std() > 0


@checks("speak_states")
@pytest.mark.parametrize("case", ["zero", "negative", "no labels", "unknown label"])
def test_speeds_below_zero_and_unknown_labels_are_refused(lab, case):
    voice = small_voice(np.random.default_rng(1))
    labels = {"no labels": [], "unknown label": ["a", "q"]}.get(case, ["a"])
    with pytest.raises(ValueError):
        lab.speak_states(voice, labels, {"zero": 0.0, "negative": -1.0}.get(case, 1.0))
