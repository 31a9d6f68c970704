"""Hidden checks of the lab on n-gram language models."""

import itertools
import math
import re
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, oracle, picture
from labkit import plot

SEED = st.integers(0, 2**32 - 1)
SAM = [["I", "am", "Sam"], ["Sam", "I", "am"], ["I", "like", "ham"]]
TINY = {
    "order": 2,
    "log10_probs": {"am": -0.6, "Sam": -0.9, "am Sam": -0.35},
    "log10_backoffs": {"am": -0.3, "Sam": -0.18},
}

# A few dozen float64 operations on numbers around 1: 1e-14. 1e-9 leaves room for another order of them.
CLOSE = {"rel": 1e-9, "abs": 1e-9}

# Counts of counts of 2175 different events, 30 902 in all: Gale & Sampson 1995, table 1 (prosody).
PROSODY = """
1:120 2:40 3:24 4:13 5:15 6:5 7:11 8:2 9:2 10:1 12:3 14:2 15:1 16:1 17:3 19:1 20:3 21:2 23:3 24:3
25:3 26:2 27:2 28:1 31:2 32:2 33:1 34:2 36:2 41:3 43:1 45:3 46:1 47:1 50:1 71:1 84:1 101:1 105:1
121:1 124:1 146:1 162:1 193:1 199:1 224:1 226:1 254:1 257:1 339:1 421:1 456:1 481:1 483:1 1140:1
1256:1 1322:1 1530:1 2131:1 2395:1 6925:1 7846:1
"""
PROSODY = {int(r): int(n) for r, n in (pair.split(":") for pair in PROSODY.split())}


def as_array(table):
    """{r: n_r} as an array from 0 on."""
    array = np.zeros(max(table) + 1, dtype=int)
    for r, n in table.items():
        array[r] = n
    return array


def some_text(seed, n_sentences=12, n_words=6):
    """Sentences of 0 to 7 words of few, in which the first words are the most frequent."""
    rng = np.random.default_rng(seed)
    names = [f"w{number}" for number in range(n_words)]
    weights = 1 / np.arange(1, n_words + 1)
    return [
        [str(word) for word in rng.choice(names, size=rng.integers(0, 8), p=weights / weights.sum())]
        for _ in range(n_sentences)
    ]


def counted(sentences, length):
    """Counts by definition: every window, one at a time."""
    counts = {}
    for words in sentences:
        marked = ["<s>", *words, "</s>"]
        for start in range(len(marked) - length + 1):
            ngram = marked[start : start + length]
            if ngram != ["<s>"]:
                counts[" ".join(ngram)] = counts.get(" ".join(ngram), 0) + 1
    return counts


def history_of(ngram):
    return " ".join(ngram.split(" ")[:-1])


def shorter(ngram):
    return " ".join(ngram.split(" ")[1:])


def by_history(counts):
    """History -> {n-gram: count}."""
    groups = defaultdict(dict)
    for ngram, count in counts.items():
        groups[history_of(ngram)][ngram] = count
    return groups


def looked_up(model, words):
    """log10 P(last word | others) by the recursive definition; `words` are known and few enough."""
    if not words:
        return -math.inf
    if " ".join(words) in model["log10_probs"]:
        return model["log10_probs"][" ".join(words)]
    return model["log10_backoffs"].get(" ".join(words[:-1]), 0.0) + looked_up(model, words[1:])


def predicted(model, word, history):
    """As `looked_up`, of any words and any history."""
    known = [w if w in model["log10_probs"] else "<unk>" for w in [*history, word]]
    return looked_up(model, known[max(0, len(known) - model["order"]) :])


def random_model(seed, order, n_words=None):
    """Tables with many gaps; a third of the histories has no weight."""
    rng, n_words = np.random.default_rng(seed), n_words or (4 if order < 4 else 2)
    names = ["<s>", "</s>", "<unk>", *(f"w{number}" for number in range(n_words))]
    probs = {name: float(rng.uniform(-3, 0)) for name in names}
    for length in range(2, order + 1):
        for ngram in itertools.product(names, repeat=length):
            if rng.random() < 0.3:
                probs[" ".join(ngram)] = float(rng.uniform(-3, 0))
    histories = [ngram for ngram in probs if ngram.count(" ") + 1 < order and rng.random() < 0.67]
    return {
        "order": order,
        "log10_probs": probs,
        "log10_backoffs": {h: float(rng.uniform(-2, 1)) for h in histories},
    }


def nltk_counts(sentences, length):
    """nltk's counter of n-grams of one length, each sentence between one pair of markers."""
    from nltk.lm import NgramCounter
    from nltk.util import ngrams

    marked = [["<s>", *words, "</s>"] for words in sentences]
    return NgramCounter([list(ngrams(words, length)) for words in marked])


# --- count_ngrams --------------------------------------------------------------------------------


@checks("count_ngrams", visible=True)
def test_bigrams_of_three_sentences(lab):
    expected = {"<s> I": 2, "I am": 2, "am Sam": 1, "Sam </s>": 1, "<s> Sam": 1, "Sam I": 1, "am </s>": 1}
    assert lab.count_ngrams(SAM, 2) == expected | {"I like": 1, "like ham": 1, "ham </s>": 1}


@checks("count_ngrams")
@given(seed=SEED, length=st.integers(1, 5))
def test_counts_are_nltks_but_for_the_start_marker_alone(lab, seed, length):
    """Counts are those of nltk's windows, but the start marker alone does not count."""
    from nltk.util import ngrams

    sentences = some_text(seed)
    windows = Counter(w for words in sentences for w in ngrams(["<s>", *words, "</s>"], length))
    windows.pop(("<s>",), None)
    assert lab.count_ngrams(sentences, length) == {" ".join(window): n for window, n in windows.items()}


@checks("count_ngrams")
def test_the_end_is_a_unigram_and_the_start_is_not(lab, rng):
    sentences = some_text(int(rng.integers(2**32)))
    counts = lab.count_ngrams(sentences, 1)
    assert "<s>" not in counts and counts["</s>"] == len(sentences)
    assert sum(counts.values()) == sum(len(words) + 1 for words in sentences)


@checks("count_ngrams")
def test_there_is_one_marker_at_each_end_whatever_the_length(lab):
    assert lab.count_ngrams([["a", "b"]], 3) == {"<s> a b": 1, "a b </s>": 1}
    assert lab.count_ngrams([["a", "b"]], 4) == {"<s> a b </s>": 1}
    assert lab.count_ngrams([["a", "b"], ["c"]], 5) == {}


@checks("count_ngrams")
def test_an_empty_sentence_begins_and_ends(lab):
    assert lab.count_ngrams([[], ["a"], []], 2) == {"<s> </s>": 2, "<s> a": 1, "a </s>": 1}
    assert lab.count_ngrams([], 2) == {}


@checks("count_ngrams")
@pytest.mark.parametrize("length", [0, -1])
def test_a_length_below_one_is_refused(lab, length):
    with pytest.raises(ValueError):
        lab.count_ngrams(SAM, length)


@checks("count_ngrams")
@pytest.mark.parametrize(
    "word",
    [
        pytest.param("", id="empty"),
        pytest.param("a b", id="space"),
        pytest.param("a\tb", id="tab"),
        pytest.param("b\n", id="newline"),
        pytest.param(" a", id="leading space"),
        pytest.param("<s>", id="start marker"),
        pytest.param("</s>", id="end marker"),
    ],
)
def test_what_cannot_be_a_word_is_refused(lab, word):
    with pytest.raises(ValueError):
        lab.count_ngrams([["a"], ["a", word, "b"]], 2)


@checks("count_ngrams")
def test_unusual_words_are_words(lab):
    """The unknown word, words with a no-break space, and marks of punctuation are words."""
    words = ["<unk>", "quoi\u00a0?", "<s>x", "\\data\\", "don't"]
    assert lab.count_ngrams([words], 1) == dict.fromkeys([*words, "</s>"], 1)


# --- maximum_likelihood --------------------------------------------------------------------------


@checks("maximum_likelihood", visible=True)
def test_am_follows_i_in_two_of_three_cases(lab):
    probs = lab.maximum_likelihood({"<s> I": 2, "<s> Sam": 1, "I am": 2, "I like": 1, "like ham": 1})
    assert probs["I am"] == pytest.approx(2 / 3) and probs["<s> I"] == pytest.approx(2 / 3)
    assert probs["I like"] == pytest.approx(1 / 3) and probs["like ham"] == pytest.approx(1.0)


@checks("maximum_likelihood")
@given(seed=SEED, length=st.integers(1, 4))
def test_after_each_history_the_probabilities_sum_to_one_in_proportion(lab, seed, length):
    """After each history the probabilities sum to 1 and are in proportion to the counts."""
    counts = counted(some_text(seed), length)
    probs = lab.maximum_likelihood(counts)
    assert probs.keys() == counts.keys()
    for group in by_history(counts).values():
        assert sum(probs[ngram] for ngram in group) == pytest.approx(1, **CLOSE)
        one = next(iter(group))
        for ngram in group:
            assert probs[ngram] * counts[one] == pytest.approx(probs[one] * counts[ngram], **CLOSE)


@checks("maximum_likelihood")
@pytest.mark.parametrize("length", [1, 2, 3])
def test_agrees_with_nltk(lab, rng, length):
    from nltk.lm import MLE

    sentences = some_text(int(rng.integers(2**32)), 30)
    model = MLE(length)
    model.counts = nltk_counts(sentences, length)
    probs = lab.maximum_likelihood(counted(sentences, length))
    # nltk counts the start marker among the unigrams
    scale = 1 if length > 1 else sum(len(w) + 2 for w in sentences) / sum(len(w) + 1 for w in sentences)
    for ngram, prob in probs.items():
        *history, word = ngram.split()
        assert prob == pytest.approx(model.unmasked_score(word, tuple(history)) * scale, **CLOSE)


@checks("maximum_likelihood")
def test_the_whole_history_counts(lab):
    """Trigrams with the same middle word but different first words have different histories."""
    probs = lab.maximum_likelihood({"a x b": 1, "c x b": 3, "c x d": 1, "a y b": 5})
    assert probs == pytest.approx({"a x b": 1.0, "c x b": 0.75, "c x d": 0.25, "a y b": 1.0})


@checks("maximum_likelihood")
@pytest.mark.parametrize("count", [0, -2])
def test_a_count_that_is_not_positive_is_refused(lab, count):
    with pytest.raises(ValueError):
        lab.maximum_likelihood({"a b": 3, "a c": count})


# --- laplace -------------------------------------------------------------------------------------


@checks("laplace", visible=True)
def test_two_ninths_and_one_ninth_after_am(lab):
    seen, unseen = lab.laplace({"am Sam": 1, "am </s>": 1}, ["I", "am", "Sam", "like", "ham"])
    assert seen == pytest.approx({"am Sam": 2 / 9, "am </s>": 2 / 9})
    assert unseen == pytest.approx({"am": 1 / 9})


@checks("laplace")
@given(seed=SEED, length=st.integers(1, 4), k=st.sampled_from([0.01, 0.5, 1.0, 3.0]))
def test_all_that_can_follow_sums_to_one(lab, seed, length, k):
    """After each history, all words, the end and the unknown word sum to 1."""
    sentences = some_text(seed)
    counts = counted(sentences, length)
    vocabulary = sorted({word for words in sentences for word in words}) + ["never"]
    seen, unseen = lab.laplace(counts, vocabulary, k)
    assert seen.keys() == counts.keys() and unseen.keys() == by_history(counts).keys()
    for history, group in by_history(counts).items():
        rest = len(vocabulary) + 2 - len(group)
        assert sum(seen[ngram] for ngram in group) + rest * unseen[history] == pytest.approx(1, **CLOSE)
        for ngram, count in group.items():
            assert seen[ngram] * k == pytest.approx(unseen[history] * (count + k), **CLOSE)


@checks("laplace")
@pytest.mark.parametrize("k", [1.0, 0.25])
def test_agrees_with_nltks_lidstone(lab, rng, k):
    from nltk.lm import Lidstone, Vocabulary

    sentences = some_text(int(rng.integers(2**32)), 20)
    words = sorted({word for words in sentences for word in words})
    # nltk adds its own unknown word to the vocabulary
    model = Lidstone(k, 2, vocabulary=Vocabulary([*words, "</s>"]), counter=nltk_counts(sentences, 2))
    seen, unseen = lab.laplace(counted(sentences, 2), words, k)
    for history in unseen:
        for word in [*words, "</s>"]:
            ours = seen.get(f"{history} {word}", unseen[history])
            assert ours == pytest.approx(model.unmasked_score(word, (history,)), **CLOSE)


@checks("laplace")
def test_markers_and_repetitions_in_the_vocabulary_change_nothing(lab):
    counts = counted(SAM, 2)
    plain = lab.laplace(counts, ["I", "am", "Sam", "like", "ham"])
    assert lab.laplace(counts, ["<s>", "I", "am", "Sam", "I", "like", "ham", "</s>", "<unk>"]) == plain
    assert lab.laplace(counts, ["I", "am", "Sam", "like", "ham", "</s>"]) == plain


@checks("laplace")
@pytest.mark.parametrize("extra", ["</s>", "<unk>", "<s>"], ids=["end", "unknown", "start"])
def test_one_marker_alone_in_the_vocabulary_changes_nothing(lab, extra):
    _, unseen = lab.laplace({"am Sam": 1, "am </s>": 1}, ["I", "am", extra, "Sam", "like", "ham"])
    assert unseen == pytest.approx({"am": 1 / 9})


@checks("laplace")
def test_unigrams_share_the_empty_history(lab):
    seen, unseen = lab.laplace({"a": 3, "b": 1, "</s>": 2}, ["a", "b", "c"], 0.5)
    assert seen == pytest.approx({"a": 3.5 / 8.5, "b": 1.5 / 8.5, "</s>": 2.5 / 8.5})
    assert unseen == pytest.approx({"": 0.5 / 8.5})


@checks("laplace")
@pytest.mark.parametrize("k", [0.0, -1.0])
def test_adding_nothing_or_less_is_refused(lab, k):
    with pytest.raises(ValueError):
        lab.laplace({"a b": 1}, ["a", "b"], k)


# --- log10_prob ----------------------------------------------------------------------------------


@checks("log10_prob", visible=True)
def test_the_two_worked_look_ups(lab):
    assert lab.log10_prob(TINY, "Sam", ["am"]) == pytest.approx(-0.35)
    assert lab.log10_prob(TINY, "am", ["Sam"]) == pytest.approx(-0.78)


@checks("log10_prob")
@given(seed=SEED, order=st.integers(1, 4))
def test_follows_the_recursive_definition_on_tables_with_gaps(lab, seed, order):
    model, rng = random_model(seed, order), np.random.default_rng(seed)
    names = ["</s>", "<unk>", "w0", "w1", "w2", "w3", "unheard"]
    for _ in range(6):
        history = ["<s>", *(names[i] for i in rng.integers(1, len(names), size=rng.integers(0, 5)))]
        word = names[rng.integers(len(names))]
        assert lab.log10_prob(model, word, history) == pytest.approx(predicted(model, word, history), **CLOSE)


@checks("log10_prob")
def test_what_is_found_pays_nothing(lab):
    model = {"order": 3, "log10_probs": {"a": -1.0, "b": -2.0, "a b": -3.0, "a a b": -4.0}}
    model["log10_backoffs"] = {"a": -10.0, "a a": -20.0, "b": -30.0, "": -40.0}
    assert lab.log10_prob(model, "b", ["a", "a"]) == pytest.approx(-4.0)
    assert lab.log10_prob(model, "b", ["a"]) == pytest.approx(-3.0)
    assert lab.log10_prob(model, "a", []) == pytest.approx(-1.0)


@checks("log10_prob")
def test_every_failed_history_is_paid_for(lab):
    model = {"order": 3, "log10_probs": {"a": -1.0, "b": -2.0, "c": -4.0, "a b": -3.0}}
    model["log10_backoffs"] = {"a": -10.0, "a b": -20.0, "b": -30.0, "c": -5.0}
    assert lab.log10_prob(model, "c", ["a", "b"]) == pytest.approx(-20 - 30 - 4)
    assert lab.log10_prob(model, "b", ["c", "a"]) == pytest.approx(-3.0)  # "c a" has no weight


@checks("log10_prob")
def test_a_shorter_history_can_find_what_a_longer_one_does_not(lab):
    model = {"order": 3, "log10_probs": {"a": -1.0, "b": -2.0, "b a": -0.5, "a b": -0.7}}
    model["log10_backoffs"] = {"a b": -0.25, "b": -8.0}
    assert lab.log10_prob(model, "a", ["a", "b"]) == pytest.approx(-0.75)


@checks("log10_prob")
def test_unknown_words_are_read_as_unk_in_the_history_too(lab):
    model = {"order": 2, "log10_probs": {"a": -1.0, "<unk>": -2.0, "<unk> a": -0.5, "a <unk>": -0.25}}
    model["log10_backoffs"] = {"<unk>": -4.0, "a": -8.0}
    assert lab.log10_prob(model, "a", ["zebra"]) == pytest.approx(-0.5)
    assert lab.log10_prob(model, "zebra", ["a"]) == pytest.approx(-0.25)
    assert lab.log10_prob(model, "zebra", ["yak"]) == pytest.approx(-6.0)


@checks("log10_prob")
def test_an_unknown_word_is_impossible_where_there_is_no_unk(lab):
    assert lab.log10_prob(TINY, "zebra", ["am"]) == -math.inf
    assert lab.log10_prob(TINY, "am", ["zebra"]) == pytest.approx(-0.6)


@checks("log10_prob")
@given(seed=SEED, order=st.integers(1, 3), longer=st.integers(1, 6))
def test_what_is_further_back_does_not_matter(lab, seed, order, longer):
    model = random_model(seed, order)
    recent = ["w0", "w1"][: order - 1]
    far = [f"w{number % 4}" for number in range(longer)]
    assert lab.log10_prob(model, "w2", [*far, *recent]) == pytest.approx(
        predicted(model, "w2", recent), **CLOSE
    )


# --- sentence_log10_prob -------------------------------------------------------------------------


@checks("sentence_log10_prob", visible=True)
def test_start_and_end_are_part_of_it(lab):
    model = {"order": 2, "log10_probs": {"<s>": -99.0, "I": -0.5, "</s>": -0.25, "<s> I": -0.125}}
    model["log10_backoffs"] = {"<s>": -1.0, "I": -2.0}
    assert lab.sentence_log10_prob(model, ["I"]) == pytest.approx(-0.125 - 2.0 - 0.25)


@checks("sentence_log10_prob")
@given(seed=SEED, order=st.integers(1, 4))
def test_is_the_sum_along_the_way(lab, seed, order):
    model = random_model(seed, order)
    for words in some_text(seed, 6, 5):
        marked = ["<s>", *words, "</s>"]
        expected = sum(predicted(model, marked[i], marked[:i]) for i in range(1, len(marked)))
        assert lab.sentence_log10_prob(model, words) == pytest.approx(expected, **CLOSE)


@checks("sentence_log10_prob")
def test_an_empty_sentence_is_its_end_alone(lab):
    model = {"order": 2, "log10_probs": {"<s>": -99.0, "</s>": -0.5, "<s> </s>": -0.75}, "log10_backoffs": {}}
    assert lab.sentence_log10_prob(model, []) == pytest.approx(-0.75)


@checks("sentence_log10_prob")
def test_the_first_word_has_one_marker_before_it(lab):
    model = {
        "order": 3,
        "log10_probs": {"<s>": -99.0, "a": -1.0, "</s>": -0.5, "<s> <s> a": -7.0, "<s> a": -2.0},
    }
    model["log10_probs"] |= {"<s> a a": -3.0, "a a </s>": -0.25}
    model["log10_backoffs"] = {"<s> <s>": -9.0}
    assert lab.sentence_log10_prob(model, ["a", "a"]) == pytest.approx(-2 - 3 - 0.25)


@checks("sentence_log10_prob")
def test_all_sentences_together_have_probability_one(lab, rng):
    """Over all sentences, and all beginnings that are too long to list, probabilities sum to 1."""
    table = rng.dirichlet(np.ones(3), size=3)  # rows: after <s>, a, b; columns: a, b, </s>
    names = ["<s>", "a", "b"]
    probs = {"<s>": -99.0, "a": -1.0, "b": -1.0, "</s>": -1.0}
    for row, history in zip(table, names, strict=True):
        for prob, word in zip(row, ["a", "b", "</s>"], strict=True):
            probs[f"{history} {word}"] = float(np.log10(prob))
    model = {"order": 2, "log10_probs": probs, "log10_backoffs": {}}
    short = sum(
        10 ** lab.sentence_log10_prob(model, list(words))
        for length in range(6)
        for words in itertools.product("ab", repeat=length)
    )
    going_on = table[0, :2] @ np.linalg.matrix_power(table[1:, :2], 5)
    assert short + going_on.sum() == pytest.approx(1, **CLOSE)


# --- perplexity ----------------------------------------------------------------------------------


@checks("perplexity", visible=True)
def test_eight_equally_likely_words(lab):
    probs = {"I": math.log10(1 / 8), "</s>": math.log10(1 / 8)}
    model = {"order": 1, "log10_probs": probs, "log10_backoffs": {}}
    assert lab.perplexity(model, [["I", "I"], ["I"]]) == pytest.approx(8, **CLOSE)


@checks("perplexity")
@given(seed=SEED, size=st.integers(2, 5000))
def test_equally_likely_words_give_their_number(lab, seed, size):
    sentences = some_text(seed)
    probs = dict.fromkeys(["</s>", *(word for words in sentences for word in words)], -math.log10(size))
    model = {"order": 1, "log10_probs": probs, "log10_backoffs": {}}
    assert lab.perplexity(model, sentences) == pytest.approx(size, rel=1e-9)


@checks("perplexity")
def test_perplexity_agrees_with_nltk(lab, rng):
    from nltk.lm import MLE
    from nltk.util import ngrams

    sentences = [words for words in some_text(int(rng.integers(2**32)), 40) if words]
    model = MLE(2)
    model.counts = nltk_counts(sentences, 2)
    model.vocab.update([word for words in sentences for word in ["<s>", *words, "</s>"]])
    groups = by_history(counted(sentences, 2))
    probs = {"<s>": -99.0} | {word: -1.0 for words in sentences for word in [*words, "</s>"]}
    for group in groups.values():
        probs |= {ngram: math.log10(count / sum(group.values())) for ngram, count in group.items()}
    ours = lab.perplexity({"order": 2, "log10_probs": probs, "log10_backoffs": {}}, sentences)
    windows = [window for words in sentences for window in ngrams(["<s>", *words, "</s>"], 2)]
    assert ours == pytest.approx(model.perplexity(windows), rel=1e-9)


@checks("perplexity")
def test_long_sentences_count_more_than_short_ones(lab):
    """Every prediction counts the same, in a long sentence as in a short one."""
    probs = {"a": math.log10(1 / 2), "b": math.log10(1 / 32), "</s>": math.log10(1 / 2)}
    model = {"order": 1, "log10_probs": probs, "log10_backoffs": {}}
    # 6 + 1 predictions of 1/2, 1 of 1/32 and its end
    expected = 2 ** ((7 * 1 + 5 + 1) / 9)
    assert lab.perplexity(model, [["a"] * 6, ["b"]]) == pytest.approx(expected, **CLOSE)


@checks("perplexity")
@given(seed=SEED, times=st.integers(2, 4))
def test_the_same_text_several_times_is_as_hard(lab, seed, times):
    model, sentences = random_model(seed, 2), some_text(seed, 5, 4)
    once = [
        predicted(model, w, ["<s>", *words][: i + 1])
        for words in sentences
        for i, w in enumerate([*words, "</s>"])
    ]
    expected = 10 ** -np.mean(once)
    assert lab.perplexity(model, sentences * times) == pytest.approx(expected, rel=1e-9)


@checks("perplexity")
def test_an_impossible_word_makes_it_infinite(lab):
    model = {"order": 1, "log10_probs": {"a": -0.3, "</s>": -0.3}, "log10_backoffs": {}}
    assert lab.perplexity(model, [["a"], ["zebra"]]) == math.inf


@checks("perplexity")
def test_no_text_is_refused(lab):
    with pytest.raises(ValueError):
        lab.perplexity(TINY, [])


# --- log_linear_fit ------------------------------------------------------------------------------


def nltk_good_turing(counted):
    """nltk's Simple Good-Turing of the same counts of counts; its samples are (r, number)."""
    import warnings

    from nltk.probability import FreqDist, SimpleGoodTuringProbDist

    samples = FreqDist({(r, i): r for r, n in counted.items() for i in range(n)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SimpleGoodTuringProbDist(samples, bins=10**6)


def zipf_counts(seed, size=400):
    """{r: n_r} of counts drawn as words have them."""
    drawn = np.random.default_rng(seed).zipf(1.9, size=size)
    return {int(r): int(n) for r, n in sorted(Counter(drawn[drawn <= 300].tolist()).items())}


@checks("log_linear_fit", visible=True)
def test_the_line_through_the_fish(lab):
    intercept, slope = lab.log_linear_fit(np.array([0, 3, 1, 1, 0, 0, 0, 0, 0, 0, 1]))
    r, z = np.log([1, 2, 3, 10]), np.log([3, 1, 1 / 4, 1 / 7])
    expected = np.linalg.lstsq(np.column_stack([np.ones(4), r]), z, rcond=None)[0]
    np.testing.assert_allclose([intercept, slope], expected, rtol=1e-9)


@checks("log_linear_fit")
def test_the_published_line_of_gale_and_sampson(lab):
    intercept, slope = lab.log_linear_fit(as_array(PROSODY))
    # published: log10 intercept 1.941, slope -1.389
    assert intercept / math.log(10) == pytest.approx(1.941, abs=5e-4)
    assert slope == pytest.approx(-1.389, abs=5e-4)


@checks("log_linear_fit")
@given(seed=SEED)
def test_the_line_is_nltks(lab, seed):
    counted = zipf_counts(seed)
    intercept, slope = lab.log_linear_fit(as_array(counted))
    theirs = nltk_good_turing(counted)
    for r in (1, 2, 7, 100):
        assert intercept + slope * math.log(r) == pytest.approx(math.log(theirs.smoothedNr(r)), **CLOSE)


@checks("log_linear_fit")
def test_two_different_counts_make_an_exact_line(lab):
    intercept, slope = lab.log_linear_fit(np.array([0, 0, 8, 0, 0, 3]))
    # r = 2 lies between 0 and 5, r = 5 between 2 and 8
    assert intercept + slope * math.log(2) == pytest.approx(math.log(8 / 2.5), **CLOSE)
    assert intercept + slope * math.log(5) == pytest.approx(math.log(3 / 3), **CLOSE)


@checks("log_linear_fit")
def test_entry_zero_does_not_count(lab):
    plain = lab.log_linear_fit(np.array([0, 20, 6, 2, 0, 1]))
    np.testing.assert_allclose(lab.log_linear_fit(np.array([77, 20, 6, 2, 0, 1])), plain, rtol=1e-12)


@checks("log_linear_fit")
@pytest.mark.parametrize("counted", [{3: 5}, {1: 9, 0: 4}, {2: 0}], ids=["one", "one and unseen", "none"])
def test_a_line_needs_two_different_counts(lab, counted):
    with pytest.raises(ValueError):
        lab.log_linear_fit(as_array(counted))


# --- good_turing ---------------------------------------------------------------------------------


@checks("good_turing", visible=True)
def test_the_published_estimates_of_gale_and_sampson(lab):
    n = as_array(PROSODY)
    adjusted = lab.good_turing(n)
    assert adjusted.shape == n.shape
    total = 30902
    seen = (1 - 120 / total) / np.sum((n * adjusted)[1:])  # normalised as in the paper
    assert adjusted[1] * seen == pytest.approx(2.468e-5, abs=5e-9)
    assert adjusted[7846] * seen == pytest.approx(0.2537, abs=5e-5)


@checks("good_turing")
@given(seed=SEED)
def test_the_ratios_are_nltks(lab, reference, seed):
    """The estimates are in the same proportion as nltk's."""
    counted = zipf_counts(seed)
    n = as_array(counted)
    if counted.get(1, 0) == 0 or reference.log_linear_fit(n)[1] >= -1:
        with pytest.raises(ValueError):
            lab.good_turing(n)
        return
    adjusted, theirs = lab.good_turing(n), nltk_good_turing(counted)
    assert adjusted.shape == n.shape
    one = theirs.prob((1, 0))
    for r in counted:
        assert adjusted[r] / adjusted[1] == pytest.approx(theirs.prob((r, 0)) / one, **CLOSE)


@checks("good_turing")
def test_the_unseen_get_what_was_seen_once(lab):
    n = as_array(PROSODY)
    n[0] = 5
    assert lab.good_turing(n)[0] == 120


def lines_of(n, slope):
    """The line's estimates for r = 1, 2, ..."""
    r = np.arange(1, len(n))
    return r * (1 + 1 / r) ** (slope + 1)


@checks("good_turing")
def test_turings_formula_is_used_while_it_differs_clearly(lab, reference):
    """Turing's formula is used from 1 on while it differs clearly from the line, and the line after that."""
    n = np.array([0, 100_000, 30_000, 15_000, 100, 60, 40, 30, 20, 10])
    line = lines_of(n, reference.log_linear_fit(n)[1])
    adjusted = lab.good_turing(n)
    np.testing.assert_allclose(adjusted[1:4], [0.6, 1.5, 4 * 100 / 15_000], rtol=1e-9)
    r = np.arange(1, len(n) - 1)
    turing = (r + 1) * n[2:] / n[1:-1]
    sigma = np.sqrt((r + 1) ** 2 * n[2:] / n[1:-1] ** 2 * (1 + n[2:] / n[1:-1]))
    agree = int(np.flatnonzero(np.abs(turing - line[:-1]) <= 1.96 * sigma)[0]) + 1
    assert 4 <= agree < 9
    np.testing.assert_allclose(adjusted[agree:], line[agree - 1 :], rtol=1e-9)


@checks("good_turing")
def test_after_the_line_there_is_no_way_back_to_turing(lab, reference):
    n = np.array([0, 30, 12, 4000, 10, 3, 2, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    line = lines_of(n, reference.log_linear_fit(n)[1])
    adjusted = lab.good_turing(n)
    assert abs(2 * 12 / 30 - line[0]) <= 1.96 * math.sqrt(4 * 12 / 900 * 1.4)
    assert abs(4 * 10 / 4000 - line[2]) > 1.96 * math.sqrt(16 * 10 / 4000**2 * 1.0025)
    np.testing.assert_allclose(adjusted[1:], line, rtol=1e-9)


@checks("good_turing")
def test_a_gap_ends_turings_formula(lab, reference):
    n = np.array([0, 50_000, 9000, 0, 2000, 20, 10, 5, 3, 1])
    line = lines_of(n, reference.log_linear_fit(n)[1])
    adjusted = lab.good_turing(n)
    assert adjusted[1] == pytest.approx(2 * 9000 / 50_000, **CLOSE)
    np.testing.assert_allclose(adjusted[2:], line[1:], rtol=1e-9)


@checks("good_turing")
def test_a_single_ngram_of_the_next_count_is_enough_for_turings_formula(lab, reference):
    n = np.array([0, 1000, 1, 300, 20, 9, 4, 2, 1])
    line = lines_of(n, reference.log_linear_fit(n)[1])
    adjusted = lab.good_turing(n)
    assert adjusted[1] == pytest.approx(2 * 1 / 1000, **CLOSE)
    assert line[0] > 10 * adjusted[1]


@checks("good_turing")
def test_the_highest_count_always_takes_the_line(lab, reference):
    n = np.array([0, 1_000_000, 600_000, 100_000])
    line = lines_of(n, reference.log_linear_fit(n)[1])
    adjusted = lab.good_turing(n)
    np.testing.assert_allclose(adjusted[1:], [1.2, 0.5, line[2]], rtol=1e-9)
    assert np.all(np.abs(line[:2] - adjusted[1:3]) > 0.05)


@checks("good_turing")
def test_the_border_lies_at_1_96_standard_deviations(lab, reference):
    """The change to the line comes at 1.96 standard deviations, neither sooner nor later."""
    found = set()
    for second in range(2, 120):  # n_2 decides how far Turing's estimate of 1 is from the line
        n = np.array([0, 200, second, 20, 9, 5, 3, 2, 1])
        slope = reference.log_linear_fit(n)[1]
        if slope >= -1:
            continue
        line, turing = 2 ** (slope + 1), 2 * second / 200
        distance = abs(turing - line) / math.sqrt(4 * second / 200**2 * (1 + second / 200))
        if 1.5 < distance < 2.9:
            found.add(distance > 1.96)
            expected = turing if distance > 1.96 else line
            assert lab.good_turing(n)[1] == pytest.approx(expected, **CLOSE)
    assert found == {True, False}


@checks("good_turing")
@pytest.mark.parametrize(
    "n",
    [
        pytest.param([0, 0, 40, 12, 4, 1], id="nothing occurs once"),
        pytest.param([0, 10, 9, 8, 8, 7, 7, 7], id="the line is too flat"),
        pytest.param([0, 2, 4, 8], id="the line rises"),
    ],
)
def test_what_makes_no_sense_is_refused(lab, n):
    """Counts of counts that the method does not fit are refused."""
    with pytest.raises(ValueError):
        lab.good_turing(np.array(n))


@checks("good_turing")
def test_one_count_alone_is_refused(lab):
    with pytest.raises(ValueError):
        lab.good_turing(np.array([0, 7]))


@picture("good_turing")
def adjusted_counts(output, counts_of_counts):
    r = np.arange(1, min(len(output), 30))
    return plot.lines(
        {"yours": (r, np.asarray(output)[r]), "no change": (r, r.astype(float))},
        x_label="count",
        y_label="adjusted count",
        title="your adjusted counts: a little below the diagonal",
    )


# --- katz_order ----------------------------------------------------------------------------------


def katz_case(seed, length):
    """(counts, adjusted, lower, what can be predicted) of a random text."""
    sentences = some_text(seed, 15)
    counts = counted(sentences, length)
    rng = np.random.default_rng(seed)
    adjusted = np.arange(max(counts.values(), default=0) + 1) * rng.uniform(0.5, 0.95)
    words = [*sorted({word for words in sentences for word in words}), "</s>", "<unk>"]
    lower = {}
    for history in {history_of(shorter(ngram)) for ngram in counts}:
        for word, share in zip(words, rng.dirichlet(np.ones(len(words))), strict=True):
            lower[f"{history} {word}".strip()] = float(share)
    return counts, adjusted, lower, words


@checks("katz_order", visible=True)
def test_three_tenths_each_and_a_weight_of_eight_tenths(lab):
    counts, lower = {"am Sam": 1, "am </s>": 1}, {"Sam": 0.2, "</s>": 0.3, "I": 0.5}
    probs, weights = lab.katz_order(counts, np.array([0, 0.6]), lower)
    assert probs == pytest.approx({"am Sam": 0.3, "am </s>": 0.3}) and weights == pytest.approx({"am": 0.8})


@checks("katz_order")
@given(seed=SEED, length=st.integers(2, 4))
def test_after_each_history_everything_sums_to_one(lab, seed, length):
    counts, adjusted, lower, words = katz_case(seed, length)
    probs, weights = lab.katz_order(counts, adjusted, lower)
    assert probs.keys() == counts.keys() and weights.keys() == by_history(counts).keys()
    for history, weight in weights.items():
        total = 0.0
        for word in words:
            ngram = f"{history} {word}"
            total += probs[ngram] if ngram in probs else weight * lower[shorter(ngram)]
        assert total == pytest.approx(1, **CLOSE)


@checks("katz_order")
@given(seed=SEED, length=st.integers(2, 3))
def test_what_was_seen_gets_its_adjusted_count_over_the_raw_total(lab, seed, length):
    counts, adjusted, lower, _ = katz_case(seed, length)
    probs, _ = lab.katz_order(counts, adjusted, lower)
    assert probs.keys() == counts.keys()
    for group in by_history(counts).values():
        for ngram, count in group.items():
            assert probs[ngram] == pytest.approx(adjusted[count] / sum(group.values()), **CLOSE)


@checks("katz_order")
def test_trigrams_back_off_to_bigrams(lab):
    lower = {"b c": 0.5, "b d": 0.25, "b e": 0.25}
    probs, weights = lab.katz_order({"a b c": 1, "a b d": 3, "x b c": 1}, np.array([0, 0.5, 1.5, 2.5]), lower)
    assert probs == pytest.approx({"a b c": 0.125, "a b d": 0.625, "x b c": 0.5})
    assert weights == pytest.approx({"a b": 0.25 / 0.25, "x b": 0.5 / 0.5})


@checks("katz_order")
def test_the_weight_is_zero_where_nothing_else_can_follow(lab):
    tenths = {f"w{number}": 0.1 for number in range(10)}  # their sum is not exactly 1 in floating point
    counts = {f"h {word}": 1 for word in tenths}
    probs, weights = lab.katz_order(counts, np.array([0, 0.5]), tenths)
    assert weights == {"h": 0.0}
    assert sum(probs.values()) == pytest.approx(0.5)


@checks("katz_order")
def test_a_small_rest_is_still_a_rest(lab):
    _, weights = lab.katz_order({"h a": 1}, np.array([0, 0.5]), {"a": 1 - 1e-6, "b": 1e-6})
    assert weights["h"] == pytest.approx(5e5, rel=1e-6)


@checks("katz_order")
@pytest.mark.parametrize("worth", [1.01, 5.0, -0.1])
def test_a_count_cannot_be_worth_more_than_itself_or_less_than_nothing(lab, worth):
    with pytest.raises(ValueError):
        lab.katz_order({"a b": 1, "a c": 2}, np.array([0.0, worth, 1.5]), {"b": 0.5, "c": 0.25, "d": 0.25})


@checks("katz_order")
def test_a_count_may_be_worth_all_or_nothing(lab):
    """A count may be worth exactly itself, or exactly nothing; counts that do not occur do not matter."""
    probs, weights = lab.katz_order(
        {"a b": 1, "a c": 2}, np.array([9, 0.0, 2.0, 99.0]), {"b": 0.5, "c": 0.25}
    )
    assert probs == pytest.approx({"a b": 0.0, "a c": 2 / 3}) and weights["a"] == pytest.approx(4 / 3)


# --- modified_discounts --------------------------------------------------------------------------


def fraction_discounts(n):
    """The three formulas in rational arithmetic."""
    y = Fraction(n[1], n[1] + 2 * n[2])
    return [
        1 - 2 * y * Fraction(n[2], n[1]),
        2 - 3 * y * Fraction(n[3], n[2]),
        3 - 4 * y * Fraction(n[4], n[3]),
    ]


@checks("modified_discounts", visible=True)
def test_the_worked_discounts(lab):
    assert lab.modified_discounts(np.array([0, 1000, 300, 150, 90])) == pytest.approx([0.625, 1.0625, 1.5])


@checks("modified_discounts")
@given(n=st.tuples(*[st.integers(1, 10_000)] * 3, st.integers(0, 10_000)))
def test_agrees_with_rational_arithmetic(lab, n):
    """Agrees with the formulas in fractions; where one comes out at zero or less, all three fall back."""
    exact = fraction_discounts([0, *n])
    if min(abs(d) for d in exact) < 1e-9:
        return  # rounding decides
    expected = [0.5, 1.0, 1.5] if min(exact) <= 0 else [float(d) for d in exact]
    assert lab.modified_discounts(np.array([0, *n])) == pytest.approx(expected, rel=1e-9)


@checks("modified_discounts")
@given(n1=st.integers(500, 2000), n2=st.integers(200, 400), n3=st.integers(80, 150), n4=st.integers(0, 75))
def test_ordinary_texts_get_ordinary_discounts(lab, n1, n2, n3, n4):
    discounts = lab.modified_discounts(np.array([3, n1, n2, n3, n4, 17, 400]))
    assert discounts == pytest.approx([float(d) for d in fraction_discounts([0, n1, n2, n3, n4])], rel=1e-9)
    assert 0 < discounts[0] < 1 and discounts[1] <= 2 and discounts[2] <= 3


@checks("modified_discounts")
@pytest.mark.parametrize(
    "n", [[0, 0, 5, 3, 1], [0, 5, 0, 3, 1], [0, 9, 5, 0, 1], [0, 0, 0, 0, 0]], ids=["n1", "n2", "n3", "all"]
)
def test_where_a_divisor_is_zero_the_fall_back_serves(lab, n):
    assert lab.modified_discounts(np.array(n)) == [0.5, 1.0, 1.5]


@checks("modified_discounts")
def test_a_single_discount_below_zero_makes_all_fall_back(lab):
    assert lab.modified_discounts(np.array([0, 10, 2, 20, 1])) == [0.5, 1.0, 1.5]  # the second
    assert lab.modified_discounts(np.array([0, 10, 4, 2, 30])) == [0.5, 1.0, 1.5]  # the third


@checks("modified_discounts")
def test_a_discount_of_exactly_zero_falls_back_too(lab):
    # Y = 1/2; the third is 3 - 4 * 1/2 * 3/2 = 0, exact in any order of the operations
    assert lab.modified_discounts(np.array([0, 4, 2, 2, 3])) == [0.5, 1.0, 1.5]


@checks("modified_discounts")
def test_nothing_seen_four_times_is_no_trouble(lab):
    n = [0, 12, 5, 2, 0]
    assert lab.modified_discounts(np.array(n)) == pytest.approx([float(d) for d in fraction_discounts(n)])


@checks("modified_discounts")
def test_five_entries_are_needed(lab):
    with pytest.raises(ValueError):
        lab.modified_discounts(np.array([0, 10, 5, 3]))


# --- continuation_counts -------------------------------------------------------------------------


@checks("continuation_counts", visible=True)
def test_sam_follows_two_words_and_am_one(lab):
    longer = {"<s> Sam": 1, "I am": 2, "am Sam": 1, "am </s>": 1, "Sam </s>": 1, "ham </s>": 1}
    counts = lab.continuation_counts({"am": 2, "Sam": 2, "</s>": 3}, longer)
    assert counts == {"am": 1, "Sam": 2, "</s>": 3}


@checks("continuation_counts")
@given(seed=SEED, length=st.integers(1, 4))
def test_counts_the_different_words_in_front(lab, seed, length):
    sentences = some_text(seed, 15)
    in_front = defaultdict(set)
    for words in sentences:
        marked = ["<s>", *words, "</s>"]
        for start in range(1, len(marked) - length + 1):
            in_front[" ".join(marked[start : start + length])].add(marked[start - 1])
    own = counted(sentences, length)
    expected = {ngram: own[ngram] if ngram.split(" ")[0] == "<s>" else len(in_front[ngram]) for ngram in own}
    assert lab.continuation_counts(own, counted(sentences, length + 1)) == expected


@checks("continuation_counts")
def test_how_often_the_longer_ones_occur_does_not_matter(lab):
    assert lab.continuation_counts({"Francisco": 40}, {"San Francisco": 39, "to Francisco": 1}) == {
        "Francisco": 2
    }


@checks("continuation_counts")
def test_sentence_beginnings_keep_their_counts(lab):
    counts = lab.continuation_counts({"<s> a": 7, "a b": 4}, {"<s> a b": 3, "c a b": 1})
    assert counts == {"<s> a": 7, "a b": 2}


@checks("continuation_counts")
def test_a_word_may_begin_like_the_start_marker(lab):
    own, longer = {"<s>x a": 5, "<s>x": 5}, {"c <s>x a": 2, "d <s>x a": 3}
    assert lab.continuation_counts({"<s>x a": 5}, longer) == {"<s>x a": 2}
    assert lab.continuation_counts({"<s>x": own["<s>x"]}, {"c <s>x": 1, "d <s>x": 4}) == {"<s>x": 2}


# --- kneser_ney_order ----------------------------------------------------------------------------


@checks("kneser_ney_order", visible=True)
def test_a_after_is_has_probability_0_475(lab):
    """The worked numbers after “is” come out."""
    probs, weights = lab.kneser_ney_order({"is a": 3, "is the": 1}, [0.5, 1.0, 1.5], {"a": 0.2, "the": 0.4})
    assert probs == pytest.approx({"is a": 0.475, "is the": 0.325}) and weights == pytest.approx({"is": 0.5})


@checks("kneser_ney_order")
@given(seed=SEED, length=st.integers(1, 4))
def test_interpolated_probabilities_sum_to_one(lab, seed, length):
    """After each history, what was seen and what was not sum to 1."""
    counts, _, lower, words = katz_case(seed, length)
    if length == 1:
        lower = {"": 1 / len(words)}
    discounts = [float(d) for d in np.random.default_rng(seed).uniform(0.1, 0.9, size=3)]
    probs, weights = lab.kneser_ney_order(counts, discounts, lower)
    assert probs.keys() == counts.keys() and weights.keys() == by_history(counts).keys()
    for history, weight in weights.items():
        total = 0.0
        for word in words:
            ngram = f"{history} {word}".strip()
            below = lower[shorter(ngram)]
            total += probs[ngram] if ngram in probs else weight * below
        assert total == pytest.approx(1, **CLOSE)


@checks("kneser_ney_order")
def test_agrees_with_nltk_where_the_discounts_are_equal(lab, rng):
    from nltk.lm import KneserNeyInterpolated, NgramCounter, Vocabulary
    from nltk.util import everygrams

    sentences = [words for words in some_text(int(rng.integers(2**32)), 30) if words]
    marked = [["<s>", *words, "</s>"] for words in sentences]
    names = sorted({word for words in marked for word in words})
    model = KneserNeyInterpolated(
        2,
        discount=0.7,
        vocabulary=Vocabulary(names),
        counter=NgramCounter([list(everygrams(words, max_len=2)) for words in marked]),
    )
    bigrams = counted(sentences, 2)
    lower = {word: sum(b.endswith(f" {word}") for b in bigrams) / len(bigrams) for word in names}
    probs, weights = lab.kneser_ney_order(bigrams, [0.7] * 3, lower)
    for history in weights:
        for word in names:
            ngram = f"{history} {word}"
            ours = probs[ngram] if ngram in probs else weights[history] * lower[word]
            assert ours == pytest.approx(model.unmasked_score(word, (history,)), **CLOSE)


@checks("kneser_ney_order")
def test_each_count_has_its_own_discount(lab):
    counts = {"h a": 1, "h b": 2, "h c": 3, "h d": 4, "h e": 40}
    probs, weights = lab.kneser_ney_order(counts, [0.5, 0.75, 1.25], dict.fromkeys("abcde", 0.0))
    expected = {"h a": 0.5, "h b": 1.25, "h c": 1.75, "h d": 2.75, "h e": 38.75}
    assert probs == pytest.approx({ngram: share / 50 for ngram, share in expected.items()})
    assert weights == pytest.approx({"h": (0.5 + 0.75 + 3 * 1.25) / 50})


@checks("kneser_ney_order")
def test_the_shorter_ngram_is_the_one_without_its_first_word(lab):
    lower = {"b c": 0.5, "a b": 0.125, "c": 0.25}
    probs, weights = lab.kneser_ney_order({"a b c": 2, "x b c": 1}, [0.5, 1.0, 1.5], lower)
    assert probs == pytest.approx({"a b c": 0.5 + 0.5 * 0.5, "x b c": 0.5 + 0.5 * 0.5})
    assert weights == pytest.approx({"a b": 0.5, "x b": 0.5})


@checks("kneser_ney_order")
@pytest.mark.parametrize("discounts", [[0.75], [0.5, 1.0], [0.5, 1.0, 1.5, 2.0]], ids=["one", "two", "four"])
def test_three_discounts_are_needed(lab, discounts):
    with pytest.raises(ValueError):
        lab.kneser_ney_order({"a b": 1}, discounts, {"b": 0.5})


# --- kneser_ney ----------------------------------------------------------------------------------


def defined(sentences, order):
    """Modified Kneser-Ney by definition: a function of word and history (a list, "<s>" first)."""
    raw = {length: counted(sentences, length) for length in range(1, order + 2)}
    used = {order: raw[order]}
    for length in range(1, order):
        before = defaultdict(set)
        for longer in raw[length + 1]:
            before[shorter(longer)].add(longer.split(" ")[0])
        used[length] = {g: n if g.split(" ")[0] == "<s>" else len(before[g]) for g, n in raw[length].items()}
    discounts = {}
    for length, counts in used.items():
        n = [sum(c == r for c in counts.values()) for r in range(5)]
        exact = fraction_discounts(n) if all(n[1:4]) else [Fraction(-1)]
        discounts[length] = [0.0, *map(float, exact if min(exact) > 0 else (0.5, 1, 1.5))]
    vocabulary = {*raw[1], "<unk>"}

    def prob(word, history):
        history = history[len(history) - order + 1 :] if len(history) >= order else history
        length = len(history) + 1
        below = 1 / len(vocabulary) if length == 1 else prob(word, history[1:])
        after = {w: used[length].get(" ".join([*history, w]), 0) for w in vocabulary}
        total = sum(after.values())
        if total == 0:
            return below
        gamma = sum(discounts[length][min(c, 3)] for c in after.values()) / total
        return (after[word] - discounts[length][min(after[word], 3)]) / total + gamma * below

    return prob, sorted(vocabulary)


@oracle
def by_definition(sentences, order, histories, every=1):
    """Probabilities [histories, words], and every so many of the words, in alphabetical order."""
    prob, vocabulary = defined(sentences, order)
    words = vocabulary[::every]
    return np.array([[prob(word, history) for word in words] for history in histories]), words


def assert_as_defined(model, sentences, order, histories, every=1):
    expected, words = by_definition(sentences, order, histories, every)
    found = [[10 ** predicted(model, word, history) for word in words] for history in histories]
    np.testing.assert_allclose(found, expected, rtol=CLOSE["rel"], atol=CLOSE["abs"])


@checks("kneser_ney", visible=True)
def test_the_model_of_three_sentences(lab):
    model = lab.kneser_ney(SAM, 2)
    probs = model["log10_probs"]
    assert model["order"] == 2 and probs["<s>"] == -99
    # Unigrams: ten different bigrams end in them. Three words end one, two words two, </s> three: Y = 3/7,
    # discounts 3/7, 19/14 and 3, which is 7 in all; seven things can be predicted.
    unigrams = {"I": 2, "am": 1, "Sam": 2, "like": 1, "ham": 1, "</s>": 3, "<unk>": 0}
    taken = {0: 0.0, 1: 3 / 7, 2: 19 / 14, 3: 3.0}
    below = {word: (n - taken[n]) / 10 + 0.7 / 7 for word, n in unigrams.items()}
    for word, prob in below.items():
        assert 10 ** probs[word] == pytest.approx(prob, **CLOSE)
    # bigrams: none is seen three times, so the fall-back serves
    assert 10 ** probs["I am"] == pytest.approx((2 - 1.0) / 3 + 1.5 / 3 * below["am"], **CLOSE)
    assert 10 ** model["log10_backoffs"]["I"] == pytest.approx(1.5 / 3, **CLOSE)


@checks("kneser_ney")
@given(seed=SEED, order=st.integers(1, 4))
def test_everything_that_can_follow_sums_to_one_after_every_history(lab, seed, order):
    """After every history, seen or not, all words, the end and the unknown word sum to 1."""
    sentences = some_text(seed)
    model = lab.kneser_ney(sentences, order)
    assert model["order"] == order
    vocabulary = [*{word for words in sentences for word in words}, "</s>", "<unk>"]
    seen = {history_of(ngram) for length in range(1, order + 1) for ngram in counted(sentences, length)}
    for history in [*sorted(seen)[:25], "w0 w0", "zebra w1", "w5 <unk>", "zebra"]:
        total = sum(10 ** predicted(model, word, history.split()) for word in vocabulary)
        assert total == pytest.approx(1, **CLOSE)


@checks("kneser_ney")
@given(seed=SEED, order=st.integers(1, 3))
def test_every_probability_is_as_defined(lab, seed, order):
    """Every probability is the one that the definition gives, written out with sets."""
    sentences = some_text(seed, 15)
    model = lab.kneser_ney(sentences, order)
    histories = [["<s>"], ["<s>", "w0"], ["w0"], ["w1", "w0"], ["w5", "w4"], ["w2", "w1", "w0"]]
    assert_as_defined(model, sentences, order, histories)


@checks("kneser_ney")
def test_a_long_text_uses_discounts_of_its_own_at_every_order(lab, rng):
    sentences = some_text(int(rng.integers(2**32)), 250, 40)
    model = lab.kneser_ney(sentences, 3)
    assert_as_defined(model, sentences, 3, [["<s>"], ["<s>", "w1"], ["w0", "w1"], ["w30", "w0"]], every=4)


@checks("kneser_ney")
def test_the_tables_hold_what_was_seen(lab):
    """The tables hold what was seen, the unknown word and the start, and weights of all histories."""
    model = lab.kneser_ney(SAM, 3)
    seen = [counted(SAM, length) for length in (1, 2, 3)]
    assert set(model["log10_probs"]) == {"<s>", "<unk>"}.union(*seen)
    assert set(model["log10_backoffs"]) == {history_of(ngram) for ngram in [*seen[1], *seen[2]]}


@checks("kneser_ney")
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_unknown_word_may_be_in_the_text(lab, order):
    sentences = [["a", "<unk>", "b"], ["<unk>"], ["b", "a"]]
    model = lab.kneser_ney(sentences, order)
    prob, vocabulary = defined(sentences, order)
    assert vocabulary == ["</s>", "<unk>", "a", "b"]
    for history in (["<s>"], ["a"], ["zebra"], ["<s>", "a"]):
        known = [word if word in ("<s>", *vocabulary) else "<unk>" for word in history]
        for word in vocabulary:
            assert 10 ** predicted(model, word, history) == pytest.approx(prob(word, known), **CLOSE)


@checks("kneser_ney")
def test_a_frequent_word_with_one_companion_is_unlikely_elsewhere(lab):
    sentences = [["in", "San", "Francisco"]] * 20 + [[word, "glass"] for word in "a b c d e".split()]
    model = lab.kneser_ney(sentences, 2)
    after_a = [10 ** predicted(model, word, ["b"]) for word in ("Francisco", "glass")]
    assert after_a[1] > 4 * after_a[0]
    assert 10 ** predicted(model, "Francisco", ["San"]) > 0.9


@checks("kneser_ney")
def test_sentences_shorter_than_the_order_are_no_trouble(lab):
    model = lab.kneser_ney([["a"], []], 4)
    assert model["order"] == 4
    total = sum(10 ** predicted(model, word, ["<s>", "a"]) for word in ("a", "</s>", "<unk>"))
    assert total == pytest.approx(1, **CLOSE)


@checks("kneser_ney")
@pytest.mark.parametrize("order", [0, -1])
def test_an_order_below_one_is_refused(lab, order):
    with pytest.raises(ValueError):
        lab.kneser_ney(SAM, order)


@checks("kneser_ney")
def test_no_sentence_is_refused(lab):
    with pytest.raises(ValueError):
        lab.kneser_ney([], 2)


# --- write_arpa ----------------------------------------------------------------------------------


def strict(text):
    """What a strict reader such as KenLM takes from a file: header counts, and rows of fields by length."""
    lines = text.split("\n")
    assert lines[0] == "\\data\\"
    header = list(itertools.takewhile(bool, lines[1:]))
    promised = {}
    for line in header:
        number, count = re.fullmatch(r"ngram (\d+)=(\d+)", line).groups()
        promised[int(number)] = int(count)
    assert list(promised) == list(range(1, len(promised) + 1))
    place, sections = 1 + len(header), {}
    for number in promised:
        assert lines[place] == "" and lines[place + 1] == f"\\{number}-grams:"
        rows = list(itertools.takewhile(bool, lines[place + 2 :]))
        sections[number] = [row.split("\t") for row in rows]
        place += 2 + len(rows)
    assert lines[place] == "" and lines[place + 1] == "\\end\\" and not any(lines[place + 2 :])
    return promised, sections


@checks("write_arpa", visible=True)
def test_a_small_model_is_written(lab):
    model = {"order": 2, "log10_probs": {"<s>": -99.0, "I": -0.5, "<s> I": -0.125}}
    lines = lab.write_arpa(model | {"log10_backoffs": {"<s>": -0.5}}).rstrip("\n").split("\n")
    assert lines[:5] == ["\\data\\", "ngram 1=2", "ngram 2=1", "", "\\1-grams:"]
    first, second = lines[5].split("\t"), lines[6].split("\t")
    assert [float(first[0]), first[1], float(first[2])] == [-99.0, "<s>", -0.5]
    assert [float(second[0]), second[1:]] == [-0.5, ["I"]]
    assert lines[7:9] == ["", "\\2-grams:"] and lines[10:] == ["", "\\end\\"]
    assert float(lines[9].split("\t")[0]) == -0.125 and lines[9].split("\t")[1:] == ["<s> I"]


@checks("write_arpa")
@given(seed=SEED, order=st.integers(1, 4))
def test_every_entry_arrives_with_all_its_digits(lab, seed, order):
    model = random_model(seed, order, 3)
    promised, sections = strict(lab.write_arpa(model))
    assert promised == {
        n: sum(g.count(" ") == n - 1 for g in model["log10_probs"]) for n in range(1, order + 1)
    }
    probs, backoffs = {}, {}
    for number, rows in sections.items():
        assert len(rows) == promised[number]
        for fields in rows:
            assert len(fields[1].split(" ")) == number and len(fields) in (2, 3)
            probs[fields[1]] = float(fields[0])
            if len(fields) == 3:
                backoffs[fields[1]] = float(fields[2])
    assert probs == model["log10_probs"] and backoffs == model["log10_backoffs"]


@checks("write_arpa")
def test_minus_infinity_is_written_as_minus_99(lab):
    model = {"order": 2, "log10_probs": {"a": -math.inf, "b": -120.0, "c": -98.5, "a b": -1.0}}
    model["log10_backoffs"] = {"a": -math.inf, "b": -150.0, "c": 0.75}
    _, sections = strict(lab.write_arpa(model))
    rows = {fields[1]: [float(fields[0]), float(fields[2])] for fields in sections[1]}
    assert rows == {"a": [-99.0, -99.0], "b": [-99.0, -99.0], "c": [-98.5, 0.75]}


@checks("write_arpa")
def test_no_probability_above_one_gets_out(lab):
    model = {"order": 1, "log10_probs": {"a": 1e-16, "b": 0.25, "c": 0.0, "d": -1e-16}, "log10_backoffs": {}}
    _, sections = strict(lab.write_arpa(model))
    assert [float(fields[0]) for fields in sections[1]] == [0.0, 0.0, 0.0, -1e-16]


@checks("write_arpa")
def test_the_highest_order_has_no_weights(lab):
    model = {"order": 2, "log10_probs": {"a": -1.0, "a a": -0.5}, "log10_backoffs": {"a": -0.25, "a a": -3.0}}
    _, sections = strict(lab.write_arpa(model))
    assert [len(fields) for fields in sections[1] + sections[2]] == [3, 2]


@checks("write_arpa")
def test_an_order_without_ngrams_has_an_empty_section(lab):
    promised, sections = strict(
        lab.write_arpa({"order": 3, "log10_probs": {"a": -1.0}, "log10_backoffs": {}})
    )
    assert promised == {1: 1, 2: 0, 3: 0} and sections[3] == []


@checks("write_arpa")
@pytest.mark.parametrize(
    ("ngram", "history"),
    [
        pytest.param("a a a", "a", id="n-gram too long"),
        pytest.param("a a", "b", id="weight of nothing"),
        pytest.param("a b", "b a", id="weight of an unseen bigram"),
    ],
)
def test_tables_that_do_not_fit_are_refused(lab, ngram, history):
    model = {"order": 2, "log10_probs": {"a": -1.0, ngram: -2.0}, "log10_backoffs": {history: -0.5}}
    with pytest.raises(ValueError):
        lab.write_arpa(model)


@checks("write_arpa")
def test_numpys_numbers_are_written_as_numbers(lab, reference):
    model = reference.kneser_ney(SAM, 3)
    for table in ("log10_probs", "log10_backoffs"):
        model[table] = {ngram: np.float64(value) for ngram, value in model[table].items()}
    assert reference.read_arpa(lab.write_arpa(model)) == model


# --- read_arpa -----------------------------------------------------------------------------------

PUBLISHED = """\
# made by hand, in the manner of files on the web
a comment with a \\data\\ inside, and ngram 1=99

\\data\\
ngram 1=5
ngram  2 = 3
ngram 3=1

\\1-grams:
-1.25\t<unk>
-99\t<s>\t-0.301
-0.5 </s>
-0.75   a   -0.125
-1e-1\tb\t0.2\t

\\2-grams:
-0.25\t<s> a\t-0.05
-0.5\ta b
-0.625 b </s>

\\3-grams:
-0.0625\t<s> a b

\\end\\
nothing after the end counts, \\1-grams: neither
"""


@checks("read_arpa", visible=True)
def test_a_file_in_the_manner_of_published_ones(lab):
    model = lab.read_arpa(PUBLISHED)
    assert model["order"] == 3
    unigrams = {"<unk>": -1.25, "<s>": -99.0, "</s>": -0.5, "a": -0.75, "b": -0.1}
    assert model["log10_probs"] == unigrams | {
        "<s> a": -0.25,
        "a b": -0.5,
        "b </s>": -0.625,
        "<s> a b": -0.0625,
    }
    assert model["log10_backoffs"] == {"<s>": -0.301, "a": -0.125, "b": 0.2, "<s> a": -0.05}


def written(model, between="\t", end="\n"):
    """A file of a model, written in another way than the learner's."""
    lines = ["\\data\\"]
    lengths = range(1, model["order"] + 1)
    groups = {n: [g for g in model["log10_probs"] if g.count(" ") == n - 1] for n in lengths}
    lines += [f"ngram {n}={len(group)}" for n, group in groups.items()]
    for n, group in groups.items():
        lines += ["", f"\\{n}-grams:"]
        for ngram in group:
            fields = [f"{model['log10_probs'][ngram]:.17g}", ngram]
            if ngram in model["log10_backoffs"]:
                fields.append(f"{model['log10_backoffs'][ngram]:.17g}")
            lines.append(between.join(fields))
    return end.join([*lines, "", "\\end\\", ""])


@checks("read_arpa")
@given(seed=SEED, order=st.integers(1, 4), between=st.sampled_from(["\t", " ", "  \t"]))
def test_any_tables_come_back(lab, seed, order, between):
    """Any tables come back as they were, with tabs or spaces between the fields."""
    model = random_model(seed, order, 3)
    assert lab.read_arpa(written(model, between)) == model


@checks("read_arpa")
def test_lines_may_end_the_windows_way(lab, rng):
    model = random_model(int(rng.integers(2**32)), 3, 3)
    assert lab.read_arpa(written(model, end="\r\n")) == model


@checks("read_arpa")
def test_only_ascii_white_space_separates(lab):
    words = ["quoi\u00a0?", "a\u2028b", "c\u3000d", "e\x85f"]
    model = {"order": 2, "log10_probs": dict.fromkeys(words, -1.5), "log10_backoffs": {words[0]: -0.5}}
    model["log10_probs"][f"{words[0]} {words[1]}"] = -0.25
    assert lab.read_arpa(written(model)) == model


@checks("read_arpa")
def test_words_may_look_like_numbers_or_like_commands(lab):
    names = ["-1.5", "42", "\\data\\", "\\end\\", "\\2-grams:", "ngram", "1=5"]
    probs = dict.fromkeys(names, -1.0) | {"42 -1.5": -0.5, "\\end\\ 42": -0.25}
    model = {"order": 2, "log10_probs": probs, "log10_backoffs": {"-1.5": -2.5, "\\end\\": -3.5}}
    assert lab.read_arpa(written(model)) == model


@checks("read_arpa")
def test_empty_sections_and_more_than_nine_orders_are_read(lab):
    ngram = " ".join("abcdefghijk")
    model = {"order": 11, "log10_probs": {"a": -1.0, ngram: -2.0}, "log10_backoffs": {"a": -0.5}}
    assert lab.read_arpa(written(model)) == model


BROKEN = {
    "no data line": PUBLISHED.replace("\\data\\\nngram 1=5", "ngram 1=5"),
    "no end": PUBLISHED.split("\\end\\")[0],
    "the end comes first": "\\end\\\n" + PUBLISHED.split("\\end\\")[0],
    "an n-gram missing": PUBLISHED.replace("-0.5\ta b\n", ""),
    "an n-gram too many": PUBLISHED.replace("-0.5\ta b\n", "-0.5\ta b\n-0.5\ta a\n"),
    "a section missing": PUBLISHED.replace("\\3-grams:\n-0.0625\t<s> a b\n", ""),
    "a section not promised": PUBLISHED.replace("ngram 3=1\n", ""),
    "a field too few": PUBLISHED.replace("-0.5\ta b\n", "-0.5\ta\n"),
    "two fields too many": PUBLISHED.replace("-0.5\ta b\n", "-0.5\ta b -0.1 -0.2\n"),
    "a word for a number": PUBLISHED.replace("-0.5\ta b\n", "minus\ta b\n"),
    "a word for a weight": PUBLISHED.replace("-0.5\ta b\n", "-0.5\ta b c\n"),
    "nothing promised": "\\data\\\n\n\\end\\\n",
    "empty": "",
}


@checks("read_arpa")
@pytest.mark.parametrize("text", list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_file_is_refused(lab, text):
    with pytest.raises(ValueError):
        lab.read_arpa(text)
