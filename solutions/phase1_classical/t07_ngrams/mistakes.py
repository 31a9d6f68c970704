"""Wrong variants of the lab on n-gram language models, and what to tell who wrote them."""

import itertools
import math
import re
from collections import Counter

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


def history_of(ngram):
    return ngram.rpartition(" ")[0]


def refuse_bad_words(sentences, length):
    reference.count_ngrams(sentences, length)


# --- count_ngrams --------------------------------------------------------------------------------


@mistake(
    "count_ngrams",
    "The end of the sentence is missing: `</s>` is predicted like a word, and its n-grams count.",
)
def without_end(sentences, length):
    refuse_bad_words(sentences, length)
    marked = [["<s>", *words] for words in sentences]
    windows = Counter(" ".join(w[i : i + length]) for w in marked for i in range(len(w) - length + 1))
    return {ngram: count for ngram, count in windows.items() if ngram != "<s>"}


@mistake(
    "count_ngrams",
    "The beginning of the sentence is missing: the first word is predicted too, after the history `<s>`.",
)
def without_start(sentences, length):
    refuse_bad_words(sentences, length)
    marked = [[*words, "</s>"] for words in sentences]
    return dict(Counter(" ".join(w[i : i + length]) for w in marked for i in range(len(w) - length + 1)))


@mistake(
    "count_ngrams",
    "You put several start markers in front of a sentence. Here there is one, whatever the length: the "
    "first word is predicted by a bigram.",
)
def padded_start(sentences, length):
    refuse_bad_words(sentences, length)
    marked = [["<s>"] * max(1, length - 1) + [*words, "</s>"] for words in sentences]
    windows = Counter(" ".join(w[i : i + length]) for w in marked for i in range(len(w) - length + 1))
    return {ngram: count for ngram, count in windows.items() if ngram != "<s>"}


@mistake("count_ngrams", "You counted `<s>` as a unigram. Nobody predicts it: it is always there.")
def start_counted(sentences, length):
    counts = reference.count_ngrams(sentences, length)
    return counts | {"<s>": len(sentences)} if length == 1 and sentences else counts


@mistake(
    "count_ngrams",
    "You glued the sentences together and counted across the seams. An n-gram lies within one sentence.",
)
def across_sentences(sentences, length):
    refuse_bad_words(sentences, length)
    stream = [word for words in sentences for word in ["<s>", *words, "</s>"]]
    windows = Counter(" ".join(stream[i : i + length]) for i in range(len(stream) - length + 1))
    return {ngram: count for ngram, count in windows.items() if ngram != "<s>"}


@mistake("count_ngrams", "You took a repeated n-gram of a sentence for one. Each time that it occurs counts.")
def once_per_sentence(sentences, length):
    refuse_bad_words(sentences, length)
    return dict(Counter(g for words in sentences for g in reference.count_ngrams([words], length)))


# --- maximum_likelihood --------------------------------------------------------------------------


def checked_counts(counts):
    reference.maximum_likelihood(counts)
    return counts


@mistake(
    "maximum_likelihood",
    "You divided by the number of all n-grams. That is how frequent the n-gram is; asked is how often "
    "its last word follows *its history*.",
)
def share_of_all(counts):
    total = sum(checked_counts(counts).values())
    return {ngram: count / total for ngram, count in counts.items()}


@mistake(
    "maximum_likelihood",
    "Your history is only the one word before. The history is everything but the last word.",
)
def one_word_of_history(counts):
    totals = Counter()
    for ngram, count in checked_counts(counts).items():
        totals[" ".join(ngram.split(" ")[-2:-1])] += count
    return {ngram: count / totals[" ".join(ngram.split(" ")[-2:-1])] for ngram, count in counts.items()}


@mistake(
    "maximum_likelihood",
    "You divided by how many different words follow. Divide by how often the history was seen: the sum "
    "of the counts.",
)
def divided_by_types(counts):
    types = Counter(history_of(ngram) for ngram in checked_counts(counts))
    return {ngram: count / types[history_of(ngram)] for ngram, count in counts.items()}


@mistake(
    "maximum_likelihood",
    "You normalised over the n-grams with the same *last* word: that is how probable the history is. "
    "Use those with the same history.",
)
def normalised_by_word(counts):
    totals = Counter()
    for ngram, count in checked_counts(counts).items():
        totals[ngram.rpartition(" ")[2]] += count
    return {ngram: count / totals[ngram.rpartition(" ")[2]] for ngram, count in counts.items()}


@mistake("maximum_likelihood", "A count of zero or less went through. It is not a count: raise a ValueError.")
def counts_unchecked(counts):
    return reference.maximum_likelihood({ngram: max(count, 1) for ngram, count in counts.items()})


# --- laplace -------------------------------------------------------------------------------------


def add_k(counts, size, k):
    if k <= 0:
        raise ValueError("k")
    totals = Counter()
    for ngram, count in counts.items():
        totals[history_of(ngram)] += count
    unseen = {history: k / (total + k * size) for history, total in totals.items()}
    seen = {g: (count + k) / (totals[history_of(g)] + k * size) for g, count in counts.items()}
    return seen, unseen


@mistake(
    "laplace",
    "Your vocabulary has no `</s>`, but a sentence can end anywhere: it is one of the things that can "
    "follow.",
)
def end_not_in_vocabulary(counts, vocabulary, k=1.0):
    return add_k(counts, len({*vocabulary, "<unk>"} - {"<s>"}), k)


@mistake("laplace", "Your vocabulary has no `<unk>`: nothing is left for words that you do not know.")
def unknown_not_in_vocabulary(counts, vocabulary, k=1.0):
    return add_k(counts, len({*vocabulary, "</s>"} - {"<s>"}), k)


@mistake("laplace", "You counted `<s>` among what can follow. It never does.")
def start_in_vocabulary(counts, vocabulary, k=1.0):
    return add_k(counts, len({*vocabulary, "<s>", "</s>", "<unk>"}), k)


@mistake(
    "laplace",
    "You counted the vocabulary as it came, repetitions and all. Each word that can follow counts once.",
)
def vocabulary_as_it_came(counts, vocabulary, k=1.0):
    return add_k(counts, len([word for word in vocabulary if word not in ("<s>", "</s>", "<unk>")]) + 2, k)


@mistake(
    "laplace",
    "You added k to the numerator but not k times V to the denominator: your probabilities sum to more "
    "than 1.",
)
def denominator_unchanged(counts, vocabulary, k=1.0):
    return add_k(counts, 0, k)


@mistake("laplace", "You added V to the denominator where k times V belongs: k was added V times.")
def denominator_without_k(counts, vocabulary, k=1.0):
    size = len({*vocabulary, "</s>", "<unk>"} - {"<s>"})
    return add_k(counts, size / k if k > 0 else size, k)


# --- log10_prob ----------------------------------------------------------------------------------


def look_up(model, word, history, weight):
    """The reference's loop; weight(model, words) is what a failed look-up of `words` costs."""
    words = [w if w in model["log10_probs"] else "<unk>" for w in [*history, word][-model["order"] :]]
    paid = 0.0
    while words:
        if " ".join(words) in model["log10_probs"]:
            return paid + model["log10_probs"][" ".join(words)]
        paid += weight(model, words)
        words = words[1:]
    return -math.inf


def backoff(model, history):
    return model["log10_backoffs"].get(" ".join(history), 0.0)


@mistake(
    "log10_prob",
    "You added a back-off weight although the n-gram was in the table. It is the price of *not* finding it.",
)
def weight_although_found(model, word, history):
    words = [w if w in model["log10_probs"] else "<unk>" for w in [*history, word][-model["order"] :]]
    return backoff(model, words[:-1]) + reference.log10_prob(model, word, history)


@mistake("log10_prob", "You back off without paying: the weight of the history that failed is missing.")
def weight_forgotten(model, word, history):
    return look_up(model, word, history, lambda model, words: 0.0)


@mistake(
    "log10_prob",
    "You took the back-off weight of the shorter history, the one that is left. It belongs to the "
    "history that failed.",
)
def weight_of_the_shorter(model, word, history):
    return look_up(model, word, history, lambda model, words: backoff(model, words[1:-1]))


@mistake(
    "log10_prob",
    "When backing off, you dropped the word next to the predicted one. Drop the oldest: the nearest "
    "word says most.",
)
def nearest_word_dropped(model, word, history):
    words = [w if w in model["log10_probs"] else "<unk>" for w in [*history, word][-model["order"] :]]
    paid = 0.0
    while words:
        if " ".join(words) in model["log10_probs"]:
            return paid + model["log10_probs"][" ".join(words)]
        paid += backoff(model, words[:-1])
        words = [*words[:-2], words[-1]] if len(words) > 1 else []
    return -math.inf


@mistake(
    "log10_prob",
    "Unknown words in the *history* must be read as `<unk>` too, not only the predicted word.",
)
def unknown_history_kept(model, word, history):
    probs = model["log10_probs"]
    words = [*history, word if word in probs else "<unk>"][-model["order"] :]
    paid = 0.0
    while words:
        if " ".join(words) in probs:
            return paid + probs[" ".join(words)]
        paid += backoff(model, words[:-1])
        words = words[1:]
    return -math.inf


@mistake(
    "log10_prob",
    "You went straight from the longest n-gram to the unigram. Try every length between, one word less "
    "at a time.",
)
def straight_to_the_unigram(model, word, history):
    probs = model["log10_probs"]
    words = [w if w in probs else "<unk>" for w in [*history, word][-model["order"] :]]
    if " ".join(words) in probs:
        return probs[" ".join(words)]
    return backoff(model, words[:-1]) + probs.get(words[-1], -math.inf)


# --- sentence_log10_prob -------------------------------------------------------------------------


def along(model, words, marked):
    return sum(reference.log10_prob(model, marked[i], marked[:i]) for i in range(1, len(marked)))


@mistake("sentence_log10_prob", "The end is missing: after the last word, `</s>` has to be predicted too.")
def end_not_predicted(model, words):
    return along(model, words, ["<s>", *words])


@mistake("sentence_log10_prob", "The first word has the history `<s>`. You predicted it from nothing.")
def no_start(model, words):
    marked = [*words, "</s>"]
    return sum(reference.log10_prob(model, marked[i], marked[:i]) for i in range(len(marked)))


@mistake(
    "sentence_log10_prob",
    "You predicted `<s>` as well. It is given: prediction begins with the first word.",
)
def start_predicted(model, words):
    marked = ["<s>", *words, "</s>"]
    return sum(reference.log10_prob(model, marked[i], marked[:i]) for i in range(len(marked)))


@mistake(
    "sentence_log10_prob",
    "You filled up the history at the start with several `<s>`. It has the wrong length: there is one "
    "`<s>`, and the history of the first word is that and nothing more.",
)
def history_filled_up(model, words):
    extra = max(0, model["order"] - 2)
    marked = [*["<s>"] * (extra + 1), *words, "</s>"]
    return sum(reference.log10_prob(model, marked[i], marked[:i]) for i in range(extra + 1, len(marked)))


@mistake(
    "sentence_log10_prob",
    "You divided by the number of words. Asked is the sum; the average comes next.",
)
def mean_for_sum(model, words):
    return reference.sentence_log10_prob(model, words) / (len(words) + 1)


@mistake(
    "sentence_log10_prob",
    "You gave every word the one word before it as history. Give it all that a longer model needs.",
)
def history_of_one_word(model, words):
    marked = ["<s>", *words, "</s>"]
    return sum(reference.log10_prob(model, marked[i], [marked[i - 1]]) for i in range(1, len(marked)))


# --- perplexity ----------------------------------------------------------------------------------


def totals(model, sentences):
    if not sentences:
        raise ValueError("sentences")
    return sum(reference.sentence_log10_prob(model, words) for words in sentences)


@mistake("perplexity", "The logarithms have base 10, and you raised e. The perplexity is a power of 10 here.")
def natural_base(model, sentences):
    return float(np.exp(-totals(model, sentences) / sum(len(words) + 1 for words in sentences)))


@mistake(
    "perplexity",
    "You divided by the number of words only. Every `</s>` is a prediction and counts too.",
)
def ends_not_counted(model, sentences):
    total, n_words = totals(model, sentences), sum(len(words) for words in sentences)
    return 10.0 ** (-total / max(n_words, 1))


@mistake("perplexity", "You counted `<s>` among the predictions. It is given, so it does not count.")
def starts_counted(model, sentences):
    return 10.0 ** (-totals(model, sentences) / sum(len(words) + 2 for words in sentences))


@mistake("perplexity", "You divided by the number of sentences. The perplexity is per prediction.")
def per_sentence(model, sentences):
    exponent = -totals(model, sentences) / len(sentences)
    return 10.0**exponent if exponent < 300 else math.inf


@mistake(
    "perplexity",
    "You averaged the perplexities of the sentences. Add up all log-probabilities first, and divide once.",
)
def mean_of_sentences(model, sentences):
    totals(model, sentences)
    return float(np.mean([reference.perplexity(model, [words]) for words in sentences]))


@mistake("perplexity", "The sign is missing: log-probabilities are negative, and the perplexity is above 1.")
def sign_missing(model, sentences):
    return 1 / reference.perplexity(model, sentences)


# --- log_linear_fit ------------------------------------------------------------------------------


def neighbours(counts_of_counts):
    occurring = np.flatnonzero(counts_of_counts[1:]) + 1
    if len(occurring) < 2:
        raise ValueError("occurring")
    below = np.append(0, occurring[:-1])
    above = np.append(occurring[1:], 2 * occurring[-1] - below[-1])
    return occurring, counts_of_counts[occurring], below, above


def line(x, y):
    slope, intercept = np.polyfit(x, y, 1)
    return float(intercept), float(slope)


@mistake(
    "log_linear_fit",
    "You fitted the counts of counts as they are. Average each over its gap first, or the ones at the "
    "end bend the line up.",
)
def not_averaged(counts_of_counts):
    r, n, _, _ = neighbours(counts_of_counts)
    return line(np.log(r), np.log(n))


@mistake(
    "log_linear_fit",
    "You divided by the whole distance of the neighbours. Half of it is each one's own.",
)
def whole_distance(counts_of_counts):
    r, n, below, above = neighbours(counts_of_counts)
    return line(np.log(r), np.log(n / (above - below)))


@mistake(
    "log_linear_fit",
    "You fitted with logarithms to base 10. The intercept is asked in natural logarithms.",
)
def fitted_in_base_ten(counts_of_counts):
    r, n, below, above = neighbours(counts_of_counts)
    return line(np.log10(r), np.log10(n / ((above - below) / 2)))


@mistake(
    "log_linear_fit",
    "Slope and intercept are swapped: `np.polyfit` gives the slope first, the part the intercept.",
)
def swapped(counts_of_counts):
    return reference.log_linear_fit(counts_of_counts)[::-1]


@mistake(
    "log_linear_fit",
    "The last count's upper neighbour is wrong: it is assumed as far above as the lower one is below, "
    "at 2r - q.",
)
def last_neighbour_next_door(counts_of_counts):
    r, n, below, above = neighbours(counts_of_counts)
    above[-1] = r[-1] + 1
    return line(np.log(r), np.log(n / ((above - below) / 2)))


# --- good_turing ---------------------------------------------------------------------------------


def choose(counts_of_counts, use_line):
    """Adjusted counts; use_line(r, turing, line, sigma, was) says whether the line counts from here on."""
    slope = reference.log_linear_fit(counts_of_counts)[1]
    if counts_of_counts[1] == 0 or slope >= -1:
        raise ValueError("n")
    n = np.append(counts_of_counts, 0).astype(float)
    adjusted, on_line = np.empty(len(counts_of_counts)), False
    adjusted[0] = n[1]
    for r in range(1, len(adjusted)):
        straight = r * (1 + 1 / r) ** (slope + 1)
        turing = sigma = math.nan
        if n[r] > 0 and n[r + 1] > 0:
            turing = (r + 1) * n[r + 1] / n[r]
            sigma = (r + 1) / n[r] * math.sqrt(n[r + 1] * (1 + n[r + 1] / n[r]))
        on_line = math.isnan(turing) or use_line(turing, straight, sigma, on_line)
        adjusted[r] = straight if on_line else turing
    return adjusted


@mistake(
    "good_turing",
    "You used Turing's formula wherever it can be computed. For large counts it is noise: change to the "
    "line where the two agree.",
)
def turing_everywhere(counts_of_counts):
    return choose(counts_of_counts, lambda turing, straight, sigma, was: False)


@mistake(
    "good_turing",
    "You used the line for all counts. While Turing's formula clearly differs, it knows better.",
)
def line_everywhere(counts_of_counts):
    return choose(counts_of_counts, lambda turing, straight, sigma, was: True)


@mistake(
    "good_turing",
    "You went back to Turing's formula after the line had taken over. The change is for good.",
)
def back_and_forth(counts_of_counts):
    return choose(counts_of_counts, lambda t, straight, sigma, was: abs(t - straight) <= 1.96 * sigma)


@mistake(
    "good_turing",
    "The test is the wrong way round: use Turing's formula while the two *differ* by more than chance "
    "explains.",
)
def test_reversed(counts_of_counts):
    return choose(counts_of_counts, lambda t, straight, sigma, was: was or abs(t - straight) > 1.96 * sigma)


@mistake("good_turing", "You forgot the factor r + 1 in front of the ratio of the counts of counts.")
def factor_forgotten(counts_of_counts):
    adjusted = reference.good_turing(counts_of_counts)
    return adjusted / np.append(1, np.arange(1, len(adjusted)) + 1)


@mistake("good_turing", "You returned how much each count loses. Asked is what it is worth after that.")
def loss_for_worth(counts_of_counts):
    adjusted = reference.good_turing(counts_of_counts)
    return np.append(adjusted[0], np.arange(1, len(adjusted)) - adjusted[1:])


@mistake("good_turing", "Entry 0 is what all unseen n-grams get together: as much as those seen once had.")
def nothing_for_the_unseen(counts_of_counts):
    adjusted = reference.good_turing(counts_of_counts)
    adjusted[0] = 0.0
    return adjusted


# --- katz_order ----------------------------------------------------------------------------------


def remainders(counts, adjusted, lower):
    """(probabilities, what is left, what is left below), by history."""
    probs, _ = reference.katz_order(counts, adjusted, lower)
    left, below = {}, {}
    for ngram, prob in probs.items():
        history = history_of(ngram)
        left[history] = left.get(history, 1.0) - prob
        below[history] = below.get(history, 1.0) - lower[ngram.partition(" ")[2]]
    return probs, left, below


@mistake(
    "katz_order",
    "The rest is handed out in full to each history, as if the seen words got nothing from the shorter "
    "model. Divide by what the *unseen* words have there.",
)
def rest_not_shared(counts, adjusted, lower):
    probs, left, below = remainders(counts, adjusted, lower)
    return probs, {h: left[h] if below[h] > 1e-12 else 0.0 for h in left}


@mistake(
    "katz_order",
    "You divided by the sum of the adjusted counts. Then nothing is left for the unseen: divide by how "
    "often the history was really seen.",
)
def divided_by_adjusted(counts, adjusted, lower):
    reference.katz_order(counts, adjusted, lower)
    sums = Counter()
    for ngram, count in counts.items():
        sums[history_of(ngram)] += float(adjusted[count])
    probs = {g: float(adjusted[c]) / sums[history_of(g)] if adjusted[c] else 0.0 for g, c in counts.items()}
    return probs, dict.fromkeys(sums, 0.0)


@mistake(
    "katz_order",
    "The counts were not discounted: you used them as they are, so nothing is left to back off with.",
)
def not_discounted(counts, adjusted, lower):
    reference.katz_order(counts, adjusted, lower)
    probs = reference.maximum_likelihood(counts)
    return probs, dict.fromkeys({history_of(ngram) for ngram in counts}, 0.0)


@mistake(
    "katz_order",
    "The quotient is upside down: the weight is what is left here over what is left below.",
)
def upside_down(counts, adjusted, lower):
    probs, left, below = remainders(counts, adjusted, lower)
    return probs, {h: below[h] / left[h] if below[h] > 1e-12 and left[h] > 0 else 0.0 for h in left}


@mistake(
    "katz_order",
    "A rest of rounding was divided by. Where the shorter model has nothing left, the weight is 0.",
)
def rounding_divided_by(counts, adjusted, lower):
    probs, left, below = remainders(counts, adjusted, lower)
    return probs, {h: left[h] / below[h] if below[h] != 0 else math.inf for h in left}


@mistake(
    "katz_order",
    "The weight is computed from the words that were *seen* in the shorter model, not from the others.",
)
def seen_for_unseen(counts, adjusted, lower):
    probs, left, below = remainders(counts, adjusted, lower)
    return probs, {h: left[h] / (1 - below[h]) if below[h] > 1e-12 else 0.0 for h in left}


# --- modified_discounts --------------------------------------------------------------------------


def discounts_by(counts_of_counts, formula):
    if len(counts_of_counts) < 5:
        raise ValueError("counts_of_counts")
    n = [float(value) for value in counts_of_counts[:5]]
    if all(n[1:4]):
        found = [formula(n, n[1] / (n[1] + 2 * n[2]), r) for r in (1, 2, 3)]
        if min(found) > 0:
            return found
    return [0.5, 1.0, 1.5]


@mistake(
    "modified_discounts",
    "You used one discount for all counts. The three formulas differ: r, r + 1 and n_(r+1)/n_r.",
)
def one_discount(counts_of_counts):
    return discounts_by(counts_of_counts, lambda n, y, r: y)


@mistake("modified_discounts", "The factor r + 1 is missing: the formulas have 2Y, 3Y and 4Y.")
def factor_missing(counts_of_counts):
    return discounts_by(counts_of_counts, lambda n, y, r: r - y * n[r + 1] / n[r])


@mistake("modified_discounts", "The quotient is upside down: it is n_(r+1) over n_r.")
def quotient_upside_down(counts_of_counts):
    return discounts_by(counts_of_counts, lambda n, y, r: r - (r + 1) * y * n[r] / max(n[r + 1], 1e-9))


@mistake("modified_discounts", "Your Y lacks the factor 2: it is n_1 over n_1 plus *twice* n_2.")
def share_without_two(counts_of_counts):
    return discounts_by(
        counts_of_counts, lambda n, y, r: r - (r + 1) * (n[1] / (n[1] + n[2])) * n[r + 1] / n[r]
    )


@mistake(
    "modified_discounts",
    "You returned what remains of the counts 1, 2 and 3. Asked is what is subtracted.",
)
def remains(counts_of_counts):
    return [r - d for r, d in enumerate(reference.modified_discounts(counts_of_counts), 1)]


@mistake(
    "modified_discounts",
    "A discount below zero went through: it would raise counts. Fall back instead.",
)
def negative_kept(counts_of_counts):
    if len(counts_of_counts) < 5:
        raise ValueError("counts_of_counts")
    n = [float(value) for value in counts_of_counts[:5]]
    if not all(n[1:4]):
        return [0.5, 1.0, 1.5]
    return [r - (r + 1) * n[1] / (n[1] + 2 * n[2]) * n[r + 1] / n[r] for r in (1, 2, 3)]


# --- continuation_counts -------------------------------------------------------------------------


@mistake(
    "continuation_counts",
    "You added up how often the longer n-grams occur: those are the raw counts again. Each *different* "
    "word in front counts once.",
)
def raw_counts(counts, longer):
    before = Counter()
    for ngram, count in longer.items():
        before[ngram.partition(" ")[2]] += count
    return {g: n if g.startswith("<s> ") else before[g] for g, n in counts.items()}


@mistake("continuation_counts", "You counted the different words that come *after*. Count those in front.")
def words_after(counts, longer):
    after = Counter(history_of(ngram) for ngram in longer)
    return {g: n if g.startswith("<s> ") else after[g] for g, n in counts.items()}


@mistake(
    "continuation_counts",
    "N-grams that begin with `<s>` came out as 0: nothing stands in front of it. They keep their own count.",
)
def beginnings_lost(counts, longer):
    before = Counter(ngram.partition(" ")[2] for ngram in longer)
    return {ngram: before[ngram] for ngram in counts}


@mistake("continuation_counts", "N-grams that begin with `<s>` got 1. They keep their own count.")
def beginnings_once(counts, longer):
    before = Counter(ngram.partition(" ")[2] for ngram in longer)
    return {ngram: 1 if ngram.startswith("<s> ") else before[ngram] for ngram in counts}


@mistake(
    "continuation_counts",
    "The start marker was not accepted as a word in front. Beginning a sentence is one of the places "
    "where a word can be.",
)
def start_not_in_front(counts, longer):
    before = Counter(ngram.partition(" ")[2] for ngram in longer if not ngram.startswith("<s> "))
    return {g: n if g.startswith("<s> ") else before[g] for g, n in counts.items()}


# --- kneser_ney_order ----------------------------------------------------------------------------


def pieces(counts, discounts):
    """(totals, sums of the discounts, discount of each n-gram)."""
    if len(discounts) != 3:
        raise ValueError("discounts")
    sums, taken, own = Counter(), Counter(), {}
    for ngram, count in counts.items():
        own[ngram] = discounts[min(count, 3) - 1]
        sums[history_of(ngram)] += count
        taken[history_of(ngram)] += own[ngram]
    return sums, taken, own


@mistake(
    "kneser_ney_order",
    "What you subtracted is not handed out again: the weight times the shorter model is missing in the "
    "n-grams that were seen.",
)
def not_interpolated(counts, discounts, lower):
    sums, taken, own = pieces(counts, discounts)
    probs = {g: (c - own[g]) / sums[history_of(g)] for g, c in counts.items()}
    return probs, {h: taken[h] / sums[h] for h in sums}


@mistake(
    "kneser_ney_order",
    "You added the shorter model without subtracting the discount: the sum is above 1.",
)
def nothing_subtracted(counts, discounts, lower):
    sums, taken, own = pieces(counts, discounts)
    weights = {h: taken[h] / sums[h] for h in sums}
    probs = {
        g: c / sums[history_of(g)] + weights[history_of(g)] * lower[g.partition(" ")[2]]
        for g, c in counts.items()
    }
    return probs, weights


@mistake(
    "kneser_ney_order",
    "Your weight takes the first discount for every word that follows. It is the sum of what was really "
    "subtracted, three kinds of it.",
)
def weight_of_first_discount(counts, discounts, lower):
    sums, _, own = pieces(counts, discounts)
    types = Counter(history_of(ngram) for ngram in counts)
    weights = {h: discounts[0] * types[h] / sums[h] for h in sums}
    probs = {
        g: (c - own[g]) / sums[history_of(g)] + weights[history_of(g)] * lower[g.partition(" ")[2]]
        for g, c in counts.items()
    }
    return probs, weights


@mistake("kneser_ney_order", "Counts above 3 got no discount. The third one is for 3 *and more*.")
def large_counts_spared(counts, discounts, lower):
    sums, _, _ = pieces(counts, discounts)
    own = {g: discounts[c - 1] if c <= 3 else 0.0 for g, c in counts.items()}
    weights = {h: sum(own[g] for g in counts if history_of(g) == h) / sums[h] for h in sums}
    probs = {
        g: (c - own[g]) / sums[history_of(g)] + weights[history_of(g)] * lower[g.partition(" ")[2]]
        for g, c in counts.items()
    }
    return probs, weights


@mistake(
    "kneser_ney_order",
    "The weight is a sum of discounts, but not yet divided by the sum of the counts.",
)
def weight_not_divided(counts, discounts, lower):
    sums, taken, own = pieces(counts, discounts)
    probs = {
        g: (c - own[g]) / sums[history_of(g)] + taken[history_of(g)] * lower[g.partition(" ")[2]]
        for g, c in counts.items()
    }
    return probs, dict(taken)


@mistake(
    "kneser_ney_order",
    "You looked the lower probability up under the last word alone. The shorter n-gram lacks only the "
    "*first* word.",
)
def lower_of_last_word(counts, discounts, lower):
    probs, weights = reference.kneser_ney_order(counts, discounts, lower)
    below = {g: lower.get(g.rpartition(" ")[2], 0.0) if " " in g else lower[""] for g in counts}
    shift = {g: weights[history_of(g)] * (below[g] - lower[g.partition(" ")[2]]) for g in counts}
    return {g: probs[g] + shift[g] for g in counts}, weights


# --- kneser_ney ----------------------------------------------------------------------------------


def built(sentences, order, levels_of, unknown=True, size=None):
    """The reference's construction from other counts; `size` changes the number of words."""
    if order < 1 or not sentences:
        raise ValueError("order")
    counts = [reference.count_ngrams(sentences, length) for length in range(1, order + 1)]
    lower = {"": 1 / (size(counts[0]) if size else len({*counts[0], "<unk>"}))}
    levels = []
    for number, level in enumerate(levels_of(counts)):
        discounts = reference.modified_discounts(reference.counts_of_counts(level))
        probs, weights = reference.kneser_ney_order(level, discounts, lower)
        if number == 0 and unknown:
            probs.setdefault("<unk>", weights[""] * lower[""])
        levels.append((probs, weights))
        lower = probs
    return reference.as_model(levels)


def continued(counts):
    pairs = itertools.pairwise(counts)
    return [reference.continuation_counts(own, longer) for own, longer in pairs] + counts[-1:]


@mistake(
    "kneser_ney",
    "You used raw counts at every order. Below the highest, Kneser-Ney counts after how many different "
    "words an n-gram occurs.",
)
def raw_everywhere(sentences, order):
    return built(sentences, order, lambda counts: counts)


@mistake(
    "kneser_ney",
    "The unknown word is missing from the model: it has a share of the uniform distribution too.",
)
def no_unknown_word(sentences, order):
    return built(sentences, order, continued, unknown=False)


@mistake(
    "kneser_ney",
    "Your uniform distribution leaves out `<unk>`, so with it the unigrams sum to more than 1. V counts "
    "everything that can be predicted.",
)
def uniform_without_unknown(sentences, order):
    return built(sentences, order, continued, size=lambda words: len({*words} - {"<unk>"}))


@mistake(
    "kneser_ney",
    "Your uniform distribution counts `<s>`, which is never predicted. The unigrams sum to less than 1.",
)
def uniform_with_start(sentences, order):
    return built(sentences, order, continued, size=lambda words: len({*words, "<s>", "<unk>"}))


@mistake(
    "kneser_ney",
    "You took the discounts from the highest order for all. Each order has its own, from the counts "
    "that it uses.",
)
def discounts_of_the_highest(sentences, order):
    if order < 1 or not sentences:
        raise ValueError("order")
    used = continued([reference.count_ngrams(sentences, length) for length in range(1, order + 1)])
    discounts = reference.modified_discounts(reference.counts_of_counts(used[-1]))
    lower, levels = {"": 1 / len({*used[0], "<unk>"})}, []
    for level in used:
        probs, weights = reference.kneser_ney_order(level, discounts, lower)
        if not levels:
            probs.setdefault("<unk>", weights[""] * lower[""])
        levels.append((probs, weights))
        lower = probs
    return reference.as_model(levels)


@mistake("kneser_ney", "You made the tables in natural logarithms. This format has logarithms to base 10.")
def natural_logarithms(sentences, order):
    model = reference.kneser_ney(sentences, order)
    scale = math.log(10)
    probs = {g: value * scale if g != "<s>" else value for g, value in model["log10_probs"].items()}
    return (
        model
        | {"log10_probs": probs}
        | {"log10_backoffs": {h: v * scale for h, v in model["log10_backoffs"].items()}}
    )


@mistake(
    "kneser_ney",
    "The unigrams are not interpolated: they use relative frequencies, and nothing is left for `<unk>`.",
)
def plain_unigrams(sentences, order):
    if order < 1 or not sentences:
        raise ValueError("order")
    used = continued([reference.count_ngrams(sentences, length) for length in range(1, order + 1)])
    lower = reference.maximum_likelihood(used[0])
    lower.setdefault("<unk>", 0.0)
    levels = [(lower, {})]
    for level in used[1:]:
        discounts = reference.modified_discounts(reference.counts_of_counts(level))
        levels.append(reference.kneser_ney_order(level, discounts, levels[-1][0]))
    return reference.as_model(levels)


# --- write_arpa ----------------------------------------------------------------------------------


@mistake("write_arpa", "Probability and n-gram are swapped: the number comes first.")
def ngram_first(model):
    text = reference.write_arpa(model)
    return re.sub(r"^(-?[\d.e-]+)\t([^\t\n]+)", r"\2\t\1", text, flags=re.M)


@mistake(
    "write_arpa",
    "Spaces stand between the fields. KenLM wants tabs there; spaces separate the words of the n-gram.",
)
def spaces_for_tabs(model):
    return reference.write_arpa(model).replace("\t", " ")


@mistake("write_arpa", "The line `\\end\\` is missing: a reader cannot tell whether the file is complete.")
def end_line_missing(model):
    return reference.write_arpa(model).removesuffix("\\end\\\n")


@mistake("write_arpa", "You rounded the numbers. Then what is read back is another model: keep all digits.")
def numbers_cut_short(model):
    values = {g: round(float(v), 4) if math.isfinite(v) else v for g, v in model["log10_probs"].items()}
    return reference.write_arpa(model | {"log10_probs": values})


@mistake("write_arpa", "The n-grams of the highest order carry back-off weights. They are nobody's history.")
def weights_at_the_top(model):
    text, order = reference.write_arpa(model), model["order"]
    for ngram, weight in model["log10_backoffs"].items():
        if ngram.count(" ") == order - 1:
            text = re.sub(rf"(\t{re.escape(ngram)})\n", rf"\g<1>\t{float(max(weight, -99.0))!r}\n", text)
    return text


@mistake("write_arpa", "An n-gram without a weight got the weight 0. Leave the field out.")
def zero_weights(model):
    short = [ngram for ngram in model["log10_probs"] if ngram.count(" ") < model["order"] - 1]
    reference.write_arpa(model)
    return reference.write_arpa(
        model | {"log10_backoffs": dict.fromkeys(short, 0.0) | model["log10_backoffs"]}
    )


@mistake("write_arpa", "Infinity went into the file. The format has no such number; -99 stands for it.")
def infinity_written(model):
    text = reference.write_arpa(model)
    for table in ("log10_probs", "log10_backoffs"):
        for ngram, value in model[table].items():
            if value == -math.inf and table == "log10_probs":
                text = re.sub(rf"^-99\.0(\t{re.escape(ngram)})(?=[\t\n])", r"-inf\1", text, flags=re.M)
    return text


@mistake("write_arpa", "A log-probability above 0 went into the file. A probability is at most 1: write 0.")
def above_one(model):
    text = reference.write_arpa(model)
    for ngram, value in model["log10_probs"].items():
        if value > 0:
            text = re.sub(rf"^0\.0(\t{re.escape(ngram)})(?=[\t\n])", rf"{float(value)!r}\1", text, flags=re.M)
    return text


# --- read_arpa -----------------------------------------------------------------------------------


@mistake("read_arpa", "You split at tabs only. Fields may be separated by spaces as well.")
def tabs_only(text):
    start = text.find("\n\\data\\")
    for line in text[start + 1 :].split("\n"):
        if re.match(r"\s*-?[\d.]", line) and "\t" not in line:
            raise ValueError(line)
    return reference.read_arpa(text)


@mistake("read_arpa", "A missing back-off weight was stored as 0. Leave it out of the table.")
def missing_weights_stored(text):
    model = reference.read_arpa(text)
    short = [ngram for ngram in model["log10_probs"] if ngram.count(" ") < model["order"] - 1]
    return model | {"log10_backoffs": dict.fromkeys(short, 0.0) | model["log10_backoffs"]}


@mistake("read_arpa", "You converted the numbers to natural logarithms. The tables stay in base 10.")
def made_natural(text):
    model = reference.read_arpa(text)
    probs, backoffs = (
        {g: v * math.log(10) for g, v in model[name].items()} for name in ("log10_probs", "log10_backoffs")
    )
    return {"order": model["order"], "log10_probs": probs, "log10_backoffs": backoffs}


@mistake(
    "read_arpa",
    "Your file must begin with `\\data\\`. What stands before that line is comment: skip it.",
)
def no_comments(text):
    if not text.startswith("\\data\\"):
        raise ValueError("comment")
    return reference.read_arpa(text)


@mistake(
    "read_arpa",
    "You did not compare with the header: a file with n-grams missing was taken for complete.",
)
def header_not_compared(text):
    lines = text.split("\n")
    rows = [re.findall(r"\S+", row, re.ASCII) for row in lines]
    place, counts, length = rows.index(["\\data\\"]), Counter(), 0
    end = rows.index(["\\end\\"], place)
    for row in filter(None, rows[place + 1 : end]):
        if found := re.fullmatch(r"\\(\d+)-grams:", row[0]):
            length = int(found[1])
        elif length:
            counts[length] += 1
    header = [i for i in range(place + 1, end) if rows[i] and rows[i][0] == "ngram"]
    for i in header:
        number = int("".join(rows[i]).removeprefix("ngram").split("=")[0])
        lines[i] = f"ngram {number}={counts[number]}"
    missing = [f"ngram {n}={c}" for n, c in counts.items() if f"ngram {n}={c}" not in lines]
    return reference.read_arpa("\n".join(lines[: place + 1] + missing + lines[place + 1 :]))


@mistake(
    "read_arpa",
    "`str.split` and `str.splitlines` cut at every kind of white space, no-break spaces too. Only the "
    "ASCII kind separates here.",
)
def unicode_white_space(text):
    return reference.read_arpa("\n".join(" ".join(line.split()) for line in text.splitlines()))


@mistake(
    "read_arpa",
    "The file may break off without `\\end\\`, and you take it as it is. Refuse it: something is missing.",
)
def end_not_needed(text):
    return reference.read_arpa(text + "\n\\end\\\n")
