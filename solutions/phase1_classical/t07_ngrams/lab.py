# ---
# jupyter:
#   lab:
#     title: N-gram language models
#     topic: 7
#     minutes: 240
#     difficulty: 3
#     needs: []
#     libraries: []
#     covers:
#       "Unigram, bigram, trigram": count_ngrams
#       "Perplexity metric": perplexity
#       "Smoothing: Laplace, Kneser-Ney, Good-Turing": kneser_ney
#       "ARPA format language model files": read_arpa
# ---

# %% [markdown]
# # N-gram language models
#
# Play both clips. What does the voice say?

# %%
import itertools
import math
import platform
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from autograder import check
from labkit import fast_mode, play, plot, stopwatch, table
from labkit.corpora import espeak


def speak(sentences):
    """eSpeak NG's utterances of several sentences: samples, sample rate, and what was said when."""
    jobs = [{"text": text, "voice": "en-us+Annie", "rate": 150, "pitch": 50} for text in sentences]
    return list(espeak.speak(jobs, seed=0))


def sounds(utterance):
    """The phonemes of an utterance, without stress marks."""
    return " ".join(name.strip("ˈˌ") for kind, _, _, name in utterance.events if kind == "phoneme" and name)


RIGHT = "there are two operands to the right"
WRONG = "their are too operands to the write"
spoken = dict(zip("AB", speak([RIGHT, WRONG]), strict=True))
play({label: utterance.samples for label, utterance in spoken.items()}, spoken["A"].sample_rate)
for label, utterance in spoken.items():
    print(f"{label}: {sounds(utterance)}")

# %% [markdown]
# The voice was given two different texts:
#
# - A: *there are two operands to the right*
# - B: *their are too operands to the write*
#
# You heard the same sounds twice: they are printed below the players. No acoustic model can tell the two texts
# apart, because there is nothing to hear. (*Operand* is a word from Python's manual, where A could stand: what `+` adds.) Yet nobody would write down B. You know which words tend to follow one another.
#
# A **language model** puts that knowledge into numbers: it gives every sentence a probability.
#
# ## What you will build
#
# Fifteen short functions: counting, four ways to turn counts into probabilities, a measure of how good
# they are, and the file format in which language models travel. At the end your model chooses among all
# 36 spellings of what you heard.
#
# Real systems do just this. Until about 2015 nearly every speech recogniser searched with such a model. Today
# recognisers such as wav2vec 2.0 are still often run with a **KenLM** model beside them. Your files load
# in KenLM, and KenLM's files load in your code.

# %% [markdown]
# ## The idea: count what follows
#
# Here are three sentences:
#
# - *I am Sam* · *Sam I am* · *I like ham*
#
# What follows *I*? It occurs three times: twice *am* follows, once *like*. So the estimate is
# $P(\text{am} \mid \text{I}) = 2/3$ and $P(\text{like} \mid \text{I}) = 1/3$.
#
# Two **markers** frame every sentence: `<s>` at its start, `</s>` at its end. What begins a sentence?
# *I* in two of three, so $P(\text{I} \mid \texttt{<s>}) = 2/3$. What ends one? After *Sam* comes the end
# in one of two cases, so $P(\texttt{</s>} \mid \text{Sam}) = 1/2$.
#
# The probability of the sentence *I am Sam* is the product along the way:
#
# | step | probability |
# |---|---|
# | *I* after `<s>` | 2/3 |
# | *am* after *I* | 2/3 |
# | *Sam* after *am* | 1/2 |
# | `</s>` after *Sam* | 1/2 |
# | together | 1/9 |
#
# Four factors for three words: the end counts too. Without it, *I am* would be at least as likely as any
# sentence that starts with it, and the probabilities of all sentences would not sum to 1.
#
# **The formula.** For words $w_1 \dots w_m$ and $w_{m+1} = \texttt{</s>}$,
#
# $$P(w_1 \dots w_m) = \prod_{i=1}^{m+1} P(w_i \mid \texttt{<s>}\, w_1 \dots w_{i-1})
# \approx \prod_{i=1}^{m+1} P(w_i \mid w_{i-n+1} \dots w_{i-1})$$
#
# The approximation is the whole trick: forget all but the last $n - 1$ words. The words that are kept are
# the **history**. History and word together are an **n-gram** of **order** $n$. Order 1 (**unigram**) has
# no history, order 2 (**bigram**) has one word of it, order 3 (**trigram**) two.

# %%
SAM = [["I", "am", "Sam"], ["Sam", "I", "am"], ["I", "like", "ham"]]

# %% [markdown]
# ## Part 1: count n-grams
#
# In this lab an n-gram is a text: its words, joined by one space. Between the markers, *I am Sam* has the
# bigrams `<s> I`, `I am`, `am Sam` and `Sam </s>`.
#
# One start marker stands before a sentence, whatever the order. So the trigrams of *I am Sam* are
# `<s> I am`, `I am Sam`, `am Sam </s>`. The first word has only one word of history: it is predicted by
# a bigram, `<s> I`.
#
# An n-gram is counted because its last word was *predicted*. Nobody predicts `<s>`: it is always there.
# So the unigrams are `I`, `am`, `Sam` and `</s>`, but not `<s>`.


# %% part="count_ngrams" points=3 difficulty=2 minutes=15 forbids="nltk kenlm"
def count_ngrams(sentences: list[list[str]], length: int) -> dict[str, int]:
    """How often each n-gram of one length occurs, sentence markers included.

    Args:
        sentences: each a list of words, without markers.
        length: words in an n-gram: 1 for unigrams, 2 for bigrams, ...
    Returns:
        n-gram (its words joined by one space) -> count. Each sentence stands between one "<s>" and one
        "</s>". "<s>" alone is not counted, since it is never predicted. N-grams do not cross sentences.
    Raises:
        ValueError: if `length` is less than 1, or a word is empty, holds white space (of ASCII), or is
            "<s>" or "</s>".
    Source: Jurafsky & Martin, Speech and Language Processing, 3rd edition, section 3.1.
    Example:
        >>> count_ngrams([["I", "am", "Sam"], ["I", "am"]], 2)
        {'<s> I': 2, 'I am': 2, 'am Sam': 1, 'Sam </s>': 1, 'am </s>': 1}
    """
    ### BEGIN SOLUTION
    if length < 1:
        raise ValueError(f"length is {length}, expected 1 or more")
    for word in set().union(*sentences):
        if word in ("<s>", "</s>") or not re.fullmatch(r"\S+", word, re.ASCII):
            raise ValueError(f"{word!r} cannot be a word: it is a marker, empty, or holds white space")
    counts = Counter()
    for words in sentences:
        marked = ["<s>", *words, "</s>"]
        counts.update(zip(*(marked[start:] for start in range(length)), strict=False))
    counts.pop(("<s>",), None)  # only there when the length is 1
    return {" ".join(ngram): count for ngram, count in counts.items()}
    ### END SOLUTION


# %% [markdown] hints="count_ngrams"
# 1. Put the markers around the words first. Then an n-gram is a window that slides over the result.
# 2. A sentence of $m$ words has $m + 2$ items between and with the markers, and so $m + 3 - n$ windows of
#    length $n$; none if that is below 1. Only for length 1 is there a window that must not count.
# 3. `zip(marked, marked[1:], marked[2:])` gives all trigrams as tuples, and a `Counter` counts them.
#    Join them with `" ".join` at the end, once for each different one. `re.fullmatch(r"\S+", word,
#    re.ASCII)` is true for what may be a word.

# %% [markdown]
# ## Part 2: relative frequencies
#
# The simplest estimate is the one from above: of all times that the history was seen, how often did this
# word follow? It is called the **maximum likelihood** estimate, because no other table makes the text
# that was counted more probable.
#
# $$P(w \mid h) = \frac{c(h\,w)}{\sum_v c(h\,v)}$$
#
# For *am*: `am Sam` once, `am </s>` once, so 1/2 each. The history of a unigram is empty: its probability
# is its share of all words.


# %% part="maximum_likelihood" points=2 difficulty=1 minutes=10 forbids="nltk kenlm"
def maximum_likelihood(counts: dict[str, int]) -> dict[str, float]:
    """Relative frequency of each n-gram's last word after its history.

    Args:
        counts: counts of n-grams of one length, each greater than zero.
    Returns:
        n-gram -> P(last word | the words before it).
    Raises:
        ValueError: if a count is not greater than zero.
    Source: Chen & Goodman 1998, section 1.1.
    Example:
        >>> maximum_likelihood({"I am": 2, "I like": 1, "am Sam": 5})
        {'I am': 0.6666666666666666, 'I like': 0.3333333333333333, 'am Sam': 1.0}
    """
    ### BEGIN SOLUTION
    totals = Counter()
    for ngram, count in counts.items():
        if count <= 0:
            raise ValueError(f"{ngram!r} has count {count}, expected more than zero")
        totals[ngram.rpartition(" ")[0]] += count
    return {ngram: count / totals[ngram.rpartition(" ")[0]] for ngram, count in counts.items()}
    ### END SOLUTION


# %% [markdown] hints="maximum_likelihood"
# 1. Two passes: one to learn how often each history was seen, one to divide.
# 2. The history is everything before the last space. For a unigram it is the empty text: all unigrams
#    share one history.
# 3. `ngram.rpartition(" ")[0]` is the history, and it is `""` where there is no space.

# %% [markdown]
# ## The text
#
# Your Python brings an open text along: the topics of its own manual, which `help()` shows. The cell
# below cuts it into sentences, keeps each different sentence once, and sets every tenth aside for
# measuring. Keeping each only once matters: the manual repeats itself, and a sentence of the training text
# must not be met again in the test.


# %%
def manual_sentences():
    """Sentences of Python's manual in lower case, each once; None where Python was packed without it."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        return None
    found = {}
    for text in topics.values():
        for paragraph in re.split(r"\n\s*\n", text):
            for sentence in re.split(r"(?<=[.?!:;])\s", " ".join(paragraph.split())):
                words = re.findall(r"[a-z]+(?:['’][a-z]+)?|[0-9]+", sentence.lower())
                if len(words) >= 4 and re.fullmatch(r"[A-Za-z][^=<>|{}@#\\]*[.?!]", sentence):
                    found.setdefault(" ".join(words))
    return [sentence.split() for sentence in found]


def course_sentences():
    """The sentences of the course's own reader, made by a small grammar: see labkit.corpora.sentences."""
    from labkit.corpora.sentences import sentences

    return [re.findall(r"[a-z'-]+", sentence.lower()) for sentence in sentences()]


text, TEXT_NAME = manual_sentences(), f"manual of Python {platform.python_version()}"
if text is None:
    text, TEXT_NAME = course_sentences(), "the course's own sentences"
heldout = text[9::10]
training = [words for number, words in enumerate(text) if number % 10 != 9]
sizes = {length: len(count_ngrams(training, length)) for length in (1, 2, 3)}
print(f"{TEXT_NAME}: {len(training)} sentences to train on, {sum(map(len, training))} words;")
print(f"{len(heldout)} sentences held out, {sum(map(len, heldout))} words.")
print("Different n-grams in training: " + ", ".join(f"{n} of length {k}" for k, n in sizes.items()))

# %% [markdown]
# How often do words occur? Sort them by count, the most frequent first, and draw count over rank, both as
# logarithms. Each curve is close to a straight line that falls: the word of rank 100 is roughly a tenth as
# frequent as the word of rank 10. This is **Zipf's law**, and it holds for every language. Look at the lower
# right end, where the count is 1 and its logarithm 0: very many words occur only once.

# %%
curves = {}
for length, name in ((1, "unigrams"), (2, "bigrams"), (3, "trigrams")):
    ordered = np.sort(list(count_ngrams(training, length).values()))[::-1]
    places = np.unique(np.geomspace(1, len(ordered), 60).astype(int))
    curves[name] = (np.log10(places), np.log10(ordered[places - 1]))
plot.lines(
    curves, x_label="log10 of the rank", y_label="log10 of the count", title=f"Zipf's law in the {TEXT_NAME}"
)

# %% [markdown]
# Bigrams and trigrams are rarer still. Now the bad news: how many n-grams of the held-out sentences were
# ever seen in training?

# %%
for length in (1, 2, 3):
    seen, met = count_ngrams(training, length), count_ngrams(heldout, length)
    known = sum(count for ngram, count in met.items() if ngram in seen) / sum(met.values())
    print(f"length {length}: {known:.0%} of those in the held-out text were seen in training")

# %% [markdown]
# Maximum likelihood gives all others the probability 0, and a sentence with one factor of 0 is impossible.
# Most of this lab is about that zero: some probability must be taken from what was seen and given to what
# was not. That is called **smoothing**.

# %% [markdown]
# ## Part 3: add one to everything
#
# Laplace's answer is from 1774: pretend that everything was seen once more than it was.
#
# A worked number. After *am*, `am Sam` and `am </s>` were seen once each. The vocabulary of our three
# sentences is *I, am, Sam, like, ham*. What may be predicted are those five words, the end `</s>`, and one
# more: `<unk>`, which stands for every word that we do not know. That makes $V = 7$. So
# $P(\text{Sam} \mid \text{am}) = (1 + 1)/(2 + 7) = 2/9$, and each of the five things that never followed
# *am* gets $(0 + 1)/(2 + 7) = 1/9$. Together: $2 \cdot 2/9 + 5 \cdot 1/9 = 1$.
#
# The general form adds $k$ instead of 1:
#
# $$P(w \mid h) = \frac{c(h\,w) + k}{\sum_v c(h\,v) + k V}$$
#
# Who counts in $V$? Everything that can come next. That is `</s>` and `<unk>` too, but not `<s>`.


# %% part="laplace" points=3 difficulty=2 minutes=15 forbids="nltk kenlm"
def laplace(
    counts: dict[str, int], vocabulary: list[str], k: float = 1.0
) -> tuple[dict[str, float], dict[str, float]]:
    """Add-k estimates of all n-grams of one length.

    Args:
        counts: counts of n-grams of one length.
        vocabulary: the words; it may hold markers and repetitions. What can be predicted is each of its
            words once, "</s>" and "<unk>", whether they are in it or not, but never "<s>".
        k: what is added to every count.
    Returns:
        (n-gram -> probability of its last word after its history, for the n-grams that were counted;
        history -> probability of each word that was never seen after it).
    Raises:
        ValueError: if `k` is not greater than zero.
    Source: Chen & Goodman 1998, section 2.1; Jurafsky & Martin, section 3.6.
    Example:
        >>> seen, unseen = laplace({"am Sam": 1, "am </s>": 1}, ["I", "am", "Sam", "like", "ham"])
        >>> round(9 * seen["am Sam"], 6), round(9 * unseen["am"], 6)
        (2.0, 1.0)
    """
    ### BEGIN SOLUTION
    if k <= 0:
        raise ValueError(f"k is {k}, expected more than zero")
    size = len({*vocabulary, "</s>", "<unk>"} - {"<s>"})
    totals = Counter()
    for ngram, count in counts.items():
        totals[ngram.rpartition(" ")[0]] += count
    unseen = {history: k / (total + k * size) for history, total in totals.items()}
    return {
        ngram: (count + k) * unseen[ngram.rpartition(" ")[0]] / k for ngram, count in counts.items()
    }, unseen
    ### END SOLUTION


# %% [markdown] hints="laplace"
# 1. The denominator is one number per history. How much does it grow when $k$ is added for every word
#    that might follow?
# 2. Make a `set` of the vocabulary; add the two symbols that can always come, and take away the one that
#    never comes. Its size is $V$.
# 3. `unseen[history]` is $k / (\text{total} + kV)$. The n-grams that were seen have the same denominator
#    and the numerator $c + k$.

# %% [markdown]
# See what it does to real counts. How sure should a model be that *is* is followed by *a*? And how
# much of the whole probability goes to words that were never seen after *is*?

# %%
words = sorted(set().union(*training))
bigrams = count_ngrams(training, 2)
followers = [ngram for ngram in bigrams if ngram.startswith("is ")]
rows = [
    {
        "estimate": "maximum likelihood",
        "P(a | is)": maximum_likelihood(bigrams).get("is a", 0.0),
        "never seen": 0.0,
    }
]
for k in (1.0, 0.1, 0.01):
    seen, unseen = laplace(bigrams, words, k)
    never = unseen["is"] * (len(words) + 2 - len(followers))
    rows.append({"estimate": f"add {k:g}", "P(a | is)": seen.get("is a", unseen["is"]), "never seen": never})
table(
    [
        row | {"P(a | is)": f"{row['P(a | is)']:.3f}", "never seen": f"{row['never seen']:.1%}"}
        for row in rows
    ],
    title=f"“is” was seen {sum(bigrams[ngram] for ngram in followers)} times, before {len(followers)} different words",
)

# %% [markdown]
# Adding one is far too much. With thousands of words, the pretended counts drown the real ones: most of the
# probability goes to words that never followed *is*. And all of them get the same, *the* as much as
# *zip*. Smaller $k$ helps, but the second fault stays. The remedy: ask the shorter history.

# %% [markdown]
# ## Part 4: a model is two tables
#
# Before the better estimates, fix what they should produce. One form serves them all, and it is the one in
# which language models are exchanged:
#
# | `log10_probs` | | `log10_backoffs` | |
# |---|---|---|---|
# | `am` | −0.60 | `am` | −0.30 |
# | `Sam` | −0.90 | `Sam` | −0.18 |
# | `am Sam` | −0.35 | | |
#
# All numbers are logarithms to base **10**, by tradition. (Elsewhere in the course log-probabilities are
# natural.)
#
# What is $P(\text{Sam} \mid \text{am})$? The bigram `am Sam` is in the table: $-0.35$. Done; no back-off
# weight is touched.
#
# What is $P(\text{am} \mid \text{Sam})$? `Sam am` is not in the table. So forget the oldest word of the
# history and ask for `am` alone, but pay the **back-off weight** of the history that failed: $-0.18 + -0.60
# = -0.78$.
#
# $$\log P(w \mid h) = \begin{cases} \log P[h\,w] & \text{if } h\,w \text{ is in the table} \\
# \beta[h] + \log P(w \mid h') & \text{if not; } h' \text{ is } h \text{ without its first word}\end{cases}$$
#
# A history without a weight costs nothing: $\beta = 0$. A word that is no unigram of the model is read as
# `<unk>`, in the history as well. A model that has no `<unk>` either gives the probability 0, whose
# logarithm is $-\infty$. (KenLM says −100 in that case.)


# %% part="log10_prob" points=4 difficulty=3 minutes=20 forbids="nltk kenlm"
def log10_prob(model: dict, word: str, history: list[str]) -> float:
    """Logarithm to base 10 of the probability of a word after a history.

    Args:
        model: {"order": longest n-gram, "log10_probs": n-gram -> log10 of its probability,
            "log10_backoffs": history -> log10 of its back-off weight}. N-grams are words joined by one space.
        word: the next word, or "</s>".
        history: the words before it, oldest first, of any length; "<s>" is the first of a sentence. Only the
            last order - 1 words count.
    Returns:
        The entry of the longest n-gram in the table that ends in `word`, plus the back-off weights (0 where
        none is given) of the longer histories. Words that are no unigram of the model are read as "<unk>".
        -inf if the word is unknown and the model has no "<unk>".
    Source: Katz 1987; SRILM's manual page ngram-format(5).
    Example:
        >>> tiny = {"order": 2, "log10_probs": {"am": -0.6, "Sam": -0.9, "am Sam": -0.35},
        ...         "log10_backoffs": {"am": -0.3, "Sam": -0.18}}
        >>> log10_prob(tiny, "Sam", ["I", "am"]), log10_prob(tiny, "am", ["am", "Sam"])
        (-0.35, -0.78)
    """
    ### BEGIN SOLUTION
    probs, backoffs = model["log10_probs"], model["log10_backoffs"]
    words = [w if w in probs else "<unk>" for w in [*history, word][-model["order"] :]]
    paid = 0.0
    while words:
        entry = probs.get(" ".join(words))
        if entry is not None:
            return paid + entry
        paid += backoffs.get(" ".join(words[:-1]), 0.0)
        words = words[1:]
    return -math.inf
    ### END SOLUTION


# %% [markdown] hints="log10_prob"
# 1. Put history and word into one list. Every failed attempt makes the list one word shorter, at which end?
# 2. Cut the list to `order` words, and replace what is unknown. Then loop: look up all of it; if it is not
#    there, pay the weight of all but the last word and drop the first word.
# 3. `backoffs.get(" ".join(words[:-1]), 0.0)` is the price. The loop ends when nothing is left: then not
#    even the unigram was there.

# %% [markdown]
# ## Part 5: a whole sentence
#
# The product along the way becomes a sum of logarithms. Keep three things in mind: the history of the first
# word is `<s>`; every word becomes history for the next; the sentence is not over before `</s>`.


# %% part="sentence_log10_prob" points=2 difficulty=1 minutes=10 forbids="nltk kenlm"
def sentence_log10_prob(model: dict, words: list[str]) -> float:
    """Logarithm to base 10 of the probability of a sentence, its end included.

    Args:
        model: tables as in `log10_prob`.
        words: the sentence without markers; it may be empty.
    Returns:
        Sum of the log10-probabilities of all words and of "</s>", each after all that stands before it;
        "<s>" is the first history and is not predicted.
    Source: Jurafsky & Martin, Speech and Language Processing, 3rd edition, section 3.1.
    Example:
        >>> tiny = {"order": 2, "log10_probs": {"<s>": -99, "I": -0.5, "</s>": -0.25, "<s> I": -0.125},
        ...         "log10_backoffs": {"<s>": -1.0, "I": -2.0}}
        >>> sentence_log10_prob(tiny, ["I"])
        -2.375
    """
    ### BEGIN SOLUTION
    marked, longest = ["<s>", *words, "</s>"], model["order"] - 1
    steps = range(1, len(marked))
    return sum(log10_prob(model, marked[end], marked[max(0, end - longest) : end]) for end in steps)
    ### END SOLUTION


# %% [markdown] hints="sentence_log10_prob"
# 1. How many words are predicted in a sentence of three words? Not three, and not five.
# 2. Put both markers around the words. Predict every item but the first from all items before it.
# 3. `log10_prob(model, marked[i], marked[:i])` for `i` from 1 on, summed. (It cuts the history itself.
#    Handing over only the last words is faster for long sentences.)

# %% [markdown]
# ## Part 6: perplexity
#
# How good is a language model? Show it text that it has not seen, and ask how surprised it is.
#
# Suppose that a model gives each of the next words the probability 1/8. It is as unsure as somebody who
# has to choose among 8 equally likely words. Its **perplexity** is 8. A text of two predictions, one with
# probability 1/2 and one with 1/32, has the product 1/64, and $64^{1/2} = 8$: as unsure on average.
#
# $$\text{perplexity} = P(\text{text})^{-1/N} = 10^{-\frac{1}{N} \sum \log_{10} P}$$
#
# $N$ counts every *prediction*: all words, and one `</s>` per sentence. `<s>` is not predicted and does
# not count. Lower is better. A text that the model holds for impossible has infinite perplexity.


# %% part="perplexity" points=2 difficulty=1 minutes=10 forbids="nltk kenlm"
def perplexity(model: dict, sentences: list[list[str]]) -> float:
    """Perplexity of a model on a text: its uncertainty, as a number of equally likely words.

    Args:
        model: tables as in `log10_prob`.
        sentences: each a list of words, without markers.
    Returns:
        10 to the power of minus the mean log10-probability of all predictions: every word and the
        "</s>" of every sentence. Infinity if a prediction has probability 0.
    Raises:
        ValueError: if there is no sentence.
    Source: Jelinek, Mercer, Bahl & Baker 1977; Jurafsky & Martin, section 3.3.
    Example:
        >>> eighths = {"order": 1, "log10_probs": {"I": math.log10(1 / 8), "</s>": math.log10(1 / 8)},
        ...            "log10_backoffs": {}}
        >>> round(perplexity(eighths, [["I", "I"], ["I"]]), 6)
        8.0
    """
    ### BEGIN SOLUTION
    if not sentences:
        raise ValueError("sentences is empty: the mean of no prediction is undefined")
    total = sum(sentence_log10_prob(model, words) for words in sentences)
    return 10.0 ** (-total / sum(len(words) + 1 for words in sentences))
    ### END SOLUTION


# %% [markdown] hints="perplexity"
# 1. Two sums over the sentences: one of log-probabilities, one of predictions. One division at the end.
# 2. A sentence of $m$ words makes $m + 1$ predictions. Long sentences must count more than short ones, so
#    do not average the perplexities of sentences.
# 3. `10.0 ** (-total / predictions)`: base 10, because the logarithms are.

# %% [markdown]
# Try it on a first complete model: maximum likelihood as two tables. A history that was seen and does not
# continue with the word asked for has probability 0, so its back-off weight is 0 too: $-\infty$. The helper
# `as_model` takes one pair of tables per order, in plain probabilities, and makes the form of Part 4 of
# them. It is given; later parts use it.


# %%
def as_model(levels):
    """A model of plain probabilities.

    Args:
        levels: for n = 1, 2, ...: (n-gram of n words -> probability, history of n - 1 words -> back-off
            weight). Weights of the empty history are not needed.
    Returns:
        {"order", "log10_probs", "log10_backoffs"}. "<s>" is there as a word that is never predicted: -99.
    """
    model = {"order": len(levels), "log10_probs": {"<s>": -99.0}, "log10_backoffs": {}}
    for probs, backoffs in levels:
        for ngram, prob in probs.items():
            model["log10_probs"][ngram] = math.log10(prob) if prob > 0 else -math.inf
        for history, weight in backoffs.items():
            if history:
                model["log10_backoffs"][history] = math.log10(weight) if weight > 0 else -math.inf
    return model


def frequencies(sentences, order, backoff=0.0):
    """Maximum likelihood as tables; every history that was seen gets the same back-off weight."""
    levels = [maximum_likelihood(count_ngrams(sentences, length)) for length in range(1, order + 1)]
    return as_model([(probs, {ngram.rpartition(" ")[0]: backoff for ngram in probs}) for probs in levels])


sam_bigrams = frequencies(SAM, 2)
print(f"P(I am Sam) = {10 ** sentence_log10_prob(sam_bigrams, ['I', 'am', 'Sam']):.4f}, as in the table: 1/9")
print(f"perplexity of its own text: {perplexity(sam_bigrams, SAM):.2f}")
print(f"perplexity of “Sam like ham”: {perplexity(sam_bigrams, [['Sam', 'like', 'ham']])}")

# %% [markdown]
# Why not put some fixed weight in place of the 0? That is **stupid back-off** (its real name): weight 0.4
# for every history. It works surprisingly well on billions of words, but it is no probability any more. Add
# it up over everything that may follow a history:

# %%
fixed = frequencies(training, 2, backoff=0.4)
for history in ("is", "must", "python"):
    following = [w for w in (*words, "</s>") if history in fixed["log10_probs"]]
    print(
        f"after {history!r}: all words sum to {sum(10 ** log10_prob(fixed, w, [history]) for w in following):.2f}"
    )

# %% [markdown]
# A model that hands out more than 1 looks better than it is. Its perplexity cannot be compared with
# anything. So whatever goes to the unseen has to be taken from the seen first: **discounting**. How much
# should that be?

# %% [markdown]
# ## Part 7: how many n-grams occur how often?
#
# You fish. So far: 10 carp, 3 perch, 2 whitefish, 1 trout, 1 salmon, 1 eel; 18 fish of 6 kinds. How likely
# is it that the next one is of a *new* kind?
#
# Good and Turing looked at what was seen *once*. Three of 18 fish were the first of their kind when you
# caught them, so 3/18 is a fair guess. In general: the unseen deserve together what those that were seen
# once have, $n_1 / N$.
#
# For this we need the **counts of counts**: $n_r$ is how many n-grams were seen exactly $r$ times. Here
# $n_1 = 3, n_2 = 1, n_3 = 1, n_{10} = 1$. The helper does it; entry $r$ of its result is $n_r$.


# %%
def counts_of_counts(counts):
    """How many n-grams occur r times, for r = 0 to the highest count (4 at least); entry 0 is 0."""
    return np.bincount(np.fromiter(counts.values(), dtype=int), minlength=5)


print(counts_of_counts({"carp": 10, "perch": 3, "whitefish": 2, "trout": 1, "salmon": 1, "eel": 1}))

# %% [markdown]
# Small counts have solid $n_r$: thousands of bigrams occur once. Large counts do not: $n_{57}$ is 0 or 1 by
# accident. Gale and Sampson smooth them with a line in the logarithms, $\ln z_r = a + b \ln r$.
#
# One trap: at large $r$ the $n_r$ that are not zero are all 1, with wider and wider gaps of zeros between.
# Fit those ones, and the line bends up. So average each over its gap first. If $q$ is the next smaller count
# that occurs, and $t$ the next larger one, then
#
# $$z_r = \frac{n_r}{(t - q)/2}$$
#
# The first has $q = 0$; the last takes $t = 2r - q$, as far above as $q$ is below. For the fish: $r = 10$
# stands between $q = 3$ and $t = 17$, so $z_{10} = 1/7$.


# %% part="log_linear_fit" points=3 difficulty=3 minutes=15 forbids="nltk"
def log_linear_fit(counts_of_counts: Int[np.ndarray, "counts"]) -> tuple[float, float]:
    """Straight line through counts of counts in natural logarithms.

    Args:
        counts_of_counts: entry r is n_r, how many n-grams occur r times; entry 0 does not count.
    Returns:
        (intercept a, slope b) of the least-squares line ln z_r = a + b ln r through all r >= 1 with
        n_r > 0, where z_r is n_r divided by half the distance between the neighbouring such r.
    Raises:
        ValueError: if fewer than two different counts occur.
    Source: Gale & Sampson 1995, "Good-Turing frequency estimation without tears", on the averaging transform.
    Example:
        >>> a, b = log_linear_fit(np.array([0, 3, 1, 1, 0, 0, 0, 0, 0, 0, 1]))
        >>> round(a, 3), round(b, 3)
        (0.801, -1.328)
    """
    ### BEGIN SOLUTION
    occurring = np.flatnonzero(counts_of_counts[1:]) + 1
    if len(occurring) < 2:
        raise ValueError(f"{len(occurring)} different counts occur, expected at least two for a line")
    below = np.append(0, occurring[:-1])
    above = np.append(occurring[1:], 2 * occurring[-1] - below[-1])
    averaged = counts_of_counts[occurring] / ((above - below) / 2)
    slope, intercept = np.polyfit(np.log(occurring), np.log(averaged), 1)
    return float(intercept), float(slope)
    ### END SOLUTION


# %% [markdown] hints="log_linear_fit"
# 1. Work with the list of those $r$ whose $n_r$ is not zero. Neighbours in that list are the $q$ and $t$.
# 2. `np.flatnonzero` finds them. Shift the list by one each way; put 0 in front of one copy and $2r - q$
#    at the end of the other.
# 3. `np.polyfit(np.log(r), np.log(z), 1)` returns the slope first, then the intercept.

# %%
bigram_counts = counts_of_counts(bigrams)
a, b = log_linear_fit(bigram_counts)
occurring = np.flatnonzero(bigram_counts)
plot.lines(
    {
        "counts of counts": (np.log10(occurring), np.log10(bigram_counts[occurring])),
        "fitted line": (np.log10(occurring), (a + b * np.log(occurring)) / math.log(10)),
    },
    x_label="log10 of the count r",
    y_label="log10 of n_r",
    title=f"{bigram_counts[1]} bigrams occur once; slope of the line {b:.2f}",
)

# %% [markdown]
# The counts of counts bend flat at $n_r = 1$; the averaged line goes on falling.
#
# ## Part 8: Good-Turing counts
#
# The same thought works for every count. Those seen $r$ times deserve what those seen $r + 1$ times have:
# each gets the **adjusted count**
#
# $$r^* = (r + 1) \frac{n_{r+1}}{n_r}$$
#
# If 1000 bigrams occur once and 300 twice, then a count of 1 is worth $2 \cdot 300/1000 = 0.6$. The missing
# 0.4 goes to the unseen.
#
# For large $r$ take the line instead of the noisy $n_r$. With $S(r) = e^a r^b$ the same formula becomes
#
# $$r^*_\text{line} = (r + 1) \frac{S(r + 1)}{S(r)} = r \left(1 + \tfrac{1}{r}\right)^{b + 1}$$
#
# Where to change over? Begin at $r = 1$ with Turing's formula. Go on as long as the two differ by *more* than
# what chance explains, that is 1.96 standard deviations of Turing's estimate,
#
# $$\sigma = \sqrt{(r + 1)^2\, \frac{n_{r+1}}{n_r^2} \left(1 + \frac{n_{r+1}}{n_r}\right)}$$
#
# From the first $r$ where they do not, or where $n_{r+1} = 0$, use the line, and never go back. The line makes
# sense only if it falls steeply enough: with $b \ge -1$ it would *raise* counts.


# %% part="good_turing" points=4 difficulty=4 minutes=20 forbids="nltk"
def good_turing(counts_of_counts: Int[np.ndarray, "counts"]) -> Float[np.ndarray, "counts"]:
    """Simple Good-Turing: what a count of r is worth, for every r.

    Args:
        counts_of_counts: entry r is n_r, how many n-grams occur r times; entry 0 does not count.
    Returns:
        Adjusted counts, not normalised: Turing's estimate from r = 1 up to where it agrees with the
        fitted line within 1.96 standard deviations, or where n_(r+1) is 0; the line's from there on
        (that r included). Entry 0 is n_1: what all unseen n-grams get together.
    Raises:
        ValueError: if nothing occurs once, or the slope of the line is not below -1.
    Source: Gale & Sampson 1995, on the Simple Good-Turing estimator (with 1.96 for the paper's 1.65).
    Example:
        >>> good_turing(np.array([0, 120, 40, 24, 13, 15, 5, 11, 2, 2, 1])).round(2).tolist()[:5]
        [120.0, 0.53, 1.38, 2.31, 3.26]
    """
    ### BEGIN SOLUTION
    slope = log_linear_fit(counts_of_counts)[1]
    if counts_of_counts[1] == 0 or slope >= -1:
        raise ValueError(f"n_1 is {counts_of_counts[1]} and the slope {slope}, expected > 0 and < -1")
    n = np.append(counts_of_counts, 0).astype(float)
    adjusted = np.empty(len(counts_of_counts))
    adjusted[0] = n[1]
    trusted = True
    for r in range(1, len(adjusted)):
        line = r * (1 + 1 / r) ** (slope + 1)
        trusted = trusted and n[r + 1] > 0
        if trusted:
            turing = (r + 1) * n[r + 1] / n[r]
            deviation = (r + 1) / n[r] * math.sqrt(n[r + 1] * (1 + n[r + 1] / n[r]))
            trusted = abs(turing - line) > 1.96 * deviation
        adjusted[r] = turing if trusted else line
    return adjusted
    ### END SOLUTION


# %% [markdown] hints="good_turing"
# 1. One loop over $r$, with a flag that says whether Turing's estimate is still in use. The flag can only go
#    from True to False.
# 2. Only the slope of the line matters: the intercept cancels. Append one zero to the counts of counts, so
#    that $n_{r+1}$ exists for the last $r$.
# 3. In the loop: the line's value; flag off if $n_{r+1} = 0$; if the flag is on, Turing's value and
#    $\sigma$, and flag off if `abs(turing - line) <= 1.96 * sigma`; then store the one or the other.

# %%
adjusted = good_turing(bigram_counts)
for r in (1, 2, 3, 4, 5, 10, 100):
    print(f"a bigram seen {r:3} times counts as {adjusted[r]:6.2f}, {adjusted[r] / r:.0%} of it")
print(f"for the unseen: {adjusted[0] / sum(bigrams.values()):.0%} of all")

# %% [markdown]
# ## Part 9: back off by the right amount
#
# Katz put the two together. What was seen gets its adjusted count. What was not seen gets the rest, shared
# out as the *shorter* history says.
#
# A worked number. After *am*, two bigrams were seen, each once, and let a count of 1 be worth 0.6. Then
# $P(\text{Sam} \mid \text{am}) = 0.6/2 = 0.3$ and $P(\texttt{</s>} \mid \text{am}) = 0.3$. Left over: 0.4.
# It goes to the *other* words. If the unigrams give *Sam* 0.2 and `</s>` 0.3, then the others have 0.5
# among themselves. So each gets its unigram probability times $0.4 / 0.5 = 0.8$: now all sums to 1. That
# factor is the back-off weight of *am*.
#
# $$\beta(h) = \frac{1 - \sum_{w \text{ seen after } h} P(w \mid h)}
# {1 - \sum_{w \text{ seen after } h} P(w \mid h')}$$
#
# If the words seen after $h$ already have everything in the shorter model (the denominator is 0, within
# rounding), there is nobody left to give to, and the weight is 0.


# %% part="katz_order" points=4 difficulty=4 minutes=25 forbids="nltk kenlm"
def katz_order(
    counts: dict[str, int], adjusted: Float[np.ndarray, "counts"], lower: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Discounted probabilities of one order, and the weights with which to back off from it.

    Args:
        counts: counts of n-grams of one length, two or more.
        adjusted: entry r is what a count of r is worth.
        lower: probabilities of n-grams one word shorter. It holds each n-gram of `counts` without its
            first word.
    Returns:
        (n-gram -> adjusted count divided by how often its history was seen; history -> back-off weight).
        The weight makes the probabilities after the history sum to 1. It is 0 if the words seen after
        the history have all of `lower` (within 1e-12).
    Raises:
        ValueError: if the adjusted value of a count that occurs is negative or greater than the count.
    Source: Katz 1987; Chen & Goodman 1998, section 2.4.
    Example:
        >>> probs, weights = katz_order(
        ...     {"am Sam": 1, "am </s>": 1}, np.array([0, 0.6]), {"Sam": 0.2, "</s>": 0.3, "I": 0.5})
        >>> probs["am Sam"], round(weights["am"], 6)
        (0.3, 0.8)
    """
    ### BEGIN SOLUTION
    totals = Counter()
    for ngram, count in counts.items():
        if not 0 <= adjusted[count] <= count:
            raise ValueError(f"a count of {count} is worth {adjusted[count]}, expected 0 to {count}")
        totals[ngram.rpartition(" ")[0]] += count
    probs, left, left_below = {}, dict.fromkeys(totals, 1.0), dict.fromkeys(totals, 1.0)
    for ngram, count in counts.items():
        history = ngram.rpartition(" ")[0]
        probs[ngram] = float(adjusted[count]) / totals[history]
        left[history] -= probs[ngram]
        left_below[history] -= lower[ngram.partition(" ")[2]]
    weights = {h: left[h] / left_below[h] if left_below[h] > 1e-12 else 0.0 for h in totals}
    return probs, weights
    ### END SOLUTION


# %% [markdown] hints="katz_order"
# 1. For every history keep three numbers: how often it was seen, what is left of its probability, and what
#    is left in the shorter model. Which count belongs into the denominator, raw or adjusted?
# 2. Two passes. The first adds up the raw counts per history. The second divides, and subtracts what each
#    n-gram takes from both remainders, which start at 1.
# 3. `ngram.rpartition(" ")[0]` is the history, `ngram.partition(" ")[2]` the n-gram without its first
#    word. The weight is the quotient of the two remainders.

# %% [markdown]
# Put together, this is the Katz model. At the bottom are plain relative frequencies of the words; if no word
# of the text was `<unk>`, it counts as if seen once. Add up what may follow, as before:


# %%
def katz(sentences, order):
    """Katz back-off with Simple Good-Turing discounts from the bigrams on."""
    unigrams = count_ngrams(sentences, 1)
    unigrams.setdefault("<unk>", 1)
    levels = [(maximum_likelihood(unigrams), {})]
    for length in range(2, order + 1):
        counts = count_ngrams(sentences, length)
        levels.append(katz_order(counts, good_turing(counts_of_counts(counts)), levels[-1][0]))
    return as_model(levels)


katz_bigrams = katz(training, 2)
for history in ("is", "must", "python"):
    following = [*words, "</s>", "<unk>"]
    mass = sum(10 ** log10_prob(katz_bigrams, w, [history]) for w in following)
    print(f"after {history!r}: all words sum to {mass:.6f}")

# %% [markdown]
# ## Part 10: discounts of modified Kneser-Ney
#
# Look at the adjusted counts above: from 2 on, each loses about 1, whatever its size. So why not
# subtract a constant? **Absolute discounting** does, and Chen and Goodman found that three constants are
# best: $D_1$ for a count of 1, $D_2$ for a count of 2, $D_3$ for 3 and more. They follow from the counts of
# counts:
#
# $$Y = \frac{n_1}{n_1 + 2 n_2}, \quad D_1 = 1 - 2Y\frac{n_2}{n_1}, \quad D_2 = 2 - 3Y\frac{n_3}{n_2}, \quad
# D_3 = 3 - 4Y\frac{n_4}{n_3}$$
#
# With $n_1 = 1000, n_2 = 300, n_3 = 150, n_4 = 90$: $Y = 0.625$, and the discounts are 0.625, 1.06 and 1.5.
#
# In a tiny text some $n_r$ may be 0, or a discount come out at 0 or less. Then KenLM's fall-back serves: 0.5,
# 1 and 1.5.


# %% part="modified_discounts" points=3 difficulty=2 minutes=10 forbids="nltk kenlm"
def modified_discounts(counts_of_counts: Int[np.ndarray, "counts"]) -> list[float]:
    """The three discounts of modified Kneser-Ney smoothing.

    Args:
        counts_of_counts: entry r is n_r, how many n-grams occur r times; it has entries 0 to 4 at least.
    Returns:
        [D1, D2, D3]: what to subtract from a count of 1, of 2, and of 3 or more. [0.5, 1.0, 1.5] if n_1,
        n_2 or n_3 is 0, or if a discount is not greater than zero.
    Raises:
        ValueError: if there are fewer than five entries.
    Source: Chen & Goodman 1998, section 3; the fall-back is that of KenLM's lmplz.
    Example:
        >>> [round(discount, 4) for discount in modified_discounts(np.array([0, 1000, 300, 150, 90]))]
        [0.625, 1.0625, 1.5]
    """
    ### BEGIN SOLUTION
    if len(counts_of_counts) < 5:
        raise ValueError(f"counts_of_counts has {len(counts_of_counts)} entries, expected five or more")
    n = counts_of_counts.tolist()
    if all(n[1:4]):
        share = n[1] / (n[1] + 2 * n[2])
        discounts = [r - (r + 1) * share * n[r + 1] / n[r] for r in (1, 2, 3)]
        if min(discounts) > 0:
            return discounts
    return [0.5, 1.0, 1.5]
    ### END SOLUTION


# %% [markdown] hints="modified_discounts"
# 1. All three have one form: $D_r = r - (r + 1)\, Y\, n_{r+1} / n_r$.
# 2. $n_4$ may be 0: nothing is divided by it. The other three may not.
# 3. Check the three divisors, compute $Y$ and a list over $r = 1, 2, 3$, and return it if its smallest entry
#    is greater than zero. Else return the fall-back.

# %% [markdown]
# ## Part 11: in how many places has it been?
#
# Here is the idea that makes Kneser-Ney the best of all. Think of *Francisco* in a newspaper: frequent, and
# always after *San*. When we back off, the longer history has failed: the word before is *not* San. Then how
# likely is Francisco? Hardly at all. What should count there is not how often a word occurs, but *after how many different words*.
#
# That number is the **continuation count**. Take our three sentences. *am* occurs twice, both times after *I*:
# continuation count 1. *Sam* occurs twice, after *am* and after `<s>`: continuation count 2.
#
# The same for longer n-grams: count the different words in front. One exception: in front of `<s>` stands
# nothing. An n-gram that begins with `<s>` keeps its own count.


# %% part="continuation_counts" points=3 difficulty=3 minutes=15 forbids="nltk kenlm"
def continuation_counts(counts: dict[str, int], longer: dict[str, int]) -> dict[str, int]:
    """Counts for the lower orders of Kneser-Ney: after how many different words does an n-gram occur?

    Args:
        counts: counts of n-grams of one length, as from `count_ngrams`.
        longer: counts of the n-grams one word longer, of the same text.
    Returns:
        For each n-gram of `counts`, how many different n-grams of `longer` end with it; for those that
        begin with "<s>", their own count.
    Source: Chen & Goodman 1998, section 2.7; Heafield et al. 2013, section 3.2.
    Example:
        >>> continuation_counts({"am": 2, "Sam": 2, "</s>": 1},
        ...                     {"<s> Sam": 1, "I am": 2, "am Sam": 1, "am </s>": 1})
        {'am': 1, 'Sam': 2, '</s>': 1}
    """
    ### BEGIN SOLUTION
    before = Counter(ngram.partition(" ")[2] for ngram in longer)
    return {ngram: n if ngram.startswith("<s> ") else before[ngram] for ngram, n in counts.items()}
    ### END SOLUTION


# %% [markdown] hints="continuation_counts"
# 1. Every entry of `longer` is one different word in front of what is left when you take that word away. Do
#    the numbers in `longer` matter?
# 2. One pass over the keys of `longer`: drop the first word and count what remains. Then one pass over
#    `counts` for the exception.
# 3. `Counter(ngram.partition(" ")[2] for ngram in longer)`. Test for `"<s> "` with the space: a word may begin
#    with `<s>` in its spelling.

# %% [markdown]
# Which words of the manual are like Francisco? For each frequent word, look for the one that most often stands
# before it, and take the words that keep to that company most.

# %%
unigrams = count_ngrams(training, 1)
continued = continuation_counts(unigrams, bigrams)
rows = []
for word in (word for word, count in unigrams.items() if count >= 25):
    before = {ngram.split()[0]: count for ngram, count in bigrams.items() if ngram.endswith(f" {word}")}
    company = max(before, key=before.get)
    rows.append({"word": word, "count": unigrams[word], "after different words": continued[word]})
    rows[-1] |= {"most often after": company, "share": before[company] / unigrams[word]}
rows.sort(key=lambda row: row["share"], reverse=True)
table([row | {"share": f"{row['share']:.0%}"} for row in rows[:6]], title="Words with fixed company")

# %% [markdown]
# ## Part 12: interpolate
#
# Katz asks the shorter history only when the longer one has failed. Kneser-Ney asks it always. It
# subtracts the discount from each count, and what was subtracted in total becomes the weight $\gamma$ of
# the shorter model, which is *added* everywhere:
#
# $$P(w \mid h) = \frac{c(h\,w) - D_{c(h\,w)}}{\sum_v c(h\,v)} + \gamma(h)\, P(w \mid h'), \qquad
# \gamma(h) = \frac{\sum_v D_{c(h\,v)}}{\sum_v c(h\,v)}$$
#
# A worked number. After *is*: *a* three times, *the* once, so 4 in total. Discounts 0.5, 1, 1.5. Then
# $\gamma = (1.5 + 0.5)/4 = 0.5$. If the shorter model gives *a* 0.2, then
# $P(\text{a} \mid \text{is}) = (3 - 1.5)/4 + 0.5 \cdot 0.2 = 0.475$. A word that was never seen after *is* has
# only the second term, $\gamma\, P(w \mid h')$. Compare with Part 4: that is backing off with the weight
# $\gamma$. So this model fits the two tables as well.
#
# Nothing is lost: what the first terms give away, $\gamma$ hands out. The sum is exactly 1 if the shorter
# model's is.


# %% part="kneser_ney_order" points=4 difficulty=3 minutes=20 forbids="nltk kenlm"
def kneser_ney_order(
    counts: dict[str, int], discounts: list[float], lower: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Interpolated probabilities of one order, and the weights of the shorter model.

    Args:
        counts: counts of n-grams of one length, raw or continuation counts.
        discounts: [D1, D2, D3] for counts of 1, of 2, and of 3 or more.
        lower: probabilities of n-grams one word shorter. It holds each n-gram of `counts` without its
            first word; for unigrams, that is the empty text.
    Returns:
        (n-gram -> discounted share plus the history's weight times the lower probability;
        history -> weight: the sum of the discounts over the sum of the counts).
    Raises:
        ValueError: if `discounts` does not hold three numbers.
    Source: Chen & Goodman 1998, section 3; Heafield et al. 2013, sections 3.3 and 3.4.
    Example:
        >>> probs, weights = kneser_ney_order({"is a": 3, "is the": 1}, [0.5, 1, 1.5], {"a": 0.2, "the": 0.4})
        >>> round(probs["is a"], 6), weights
        (0.475, {'is': 0.5})
    """
    ### BEGIN SOLUTION
    if len(discounts) != 3:
        raise ValueError(f"there are {len(discounts)} discounts, expected three")
    totals, taken = Counter(), Counter()
    for ngram, count in counts.items():
        history = ngram.rpartition(" ")[0]
        totals[history] += count
        taken[history] += discounts[min(count, 3) - 1]
    weights = {history: taken[history] / total for history, total in totals.items()}
    probs = {}
    for ngram, count in counts.items():
        history, shorter = ngram.rpartition(" ")[0], ngram.partition(" ")[2]
        share = (count - discounts[min(count, 3) - 1]) / totals[history]
        probs[ngram] = share + weights[history] * lower[shorter]
    return probs, weights
    ### END SOLUTION


# %% [markdown] hints="kneser_ney_order"
# 1. First pass: for every history, the sum of the counts and the sum of what is subtracted. Second pass: the
#    formula.
# 2. The discount depends on the n-gram's own count: `discounts[0]` for 1, `discounts[1]` for 2,
#    `discounts[2]` for everything above.
# 3. `discounts[min(count, 3) - 1]`. History: all before the last space. Shorter n-gram: all after the first.
#    For a unigram both are `""`.

# %% [markdown]
# ## Part 13: the whole model
#
# Build from the bottom. Below the unigrams stands the simplest model of all, which knows nothing:
# every word has the same probability $1/V$. It is the table `{"": 1 / V}`. $V$ counts what can be predicted: the
# words, `</s>` and `<unk>`.
#
# 1. Unigrams from continuation counts, interpolated with $1/V$. If `<unk>` was not in the text, nothing was
#    counted for it: its probability is $\gamma(\text{empty}) / V$.
# 2. Bigrams from continuation counts, interpolated with the unigrams. And so on.
# 3. The *highest* order uses the raw counts. Each order has discounts of its own, from the counts that it uses.


# %% part="kneser_ney" points=4 difficulty=4 minutes=20 forbids="nltk kenlm"
def kneser_ney(sentences: list[list[str]], order: int) -> dict:
    """A language model with interpolated modified Kneser-Ney smoothing.

    Args:
        sentences: each a list of words, without markers; "<unk>" may be one of the words.
        order: length of the longest n-grams, 1 or more.
    Returns:
        Tables as in `log10_prob`, made by `as_model`: the highest order from raw counts, the others from
        continuation counts, unigrams interpolated with 1/V over all words, "</s>" and "<unk>". After every
        history, all that can be predicted sums to 1.
    Raises:
        ValueError: if `order` is less than 1 or there is no sentence.
    Source: Chen & Goodman 1998, section 3; Heafield et al. 2013, section 3.
    Example:
        >>> model = kneser_ney([["I", "am", "Sam"], ["Sam", "I", "am"], ["I", "like", "ham"]], 2)
        >>> [round(10 ** log10_prob(model, word, ["I"]), 3) for word in ("am", "like", "Sam", "<unk>")]
        [0.412, 0.245, 0.082, 0.05]
    """
    ### BEGIN SOLUTION
    if order < 1 or not sentences:
        raise ValueError(f"order {order}, {len(sentences)} sentences: expected at least one of each")
    counts = [count_ngrams(sentences, length) for length in range(1, order + 1)]
    used = [continuation_counts(own, longer) for own, longer in itertools.pairwise(counts)] + counts[-1:]
    lower = {"": 1 / len({*counts[0], "<unk>"})}
    levels = []
    for number, level in enumerate(used):
        discounts = modified_discounts(counts_of_counts(level))
        probs, weights = kneser_ney_order(level, discounts, lower)
        if number == 0:
            probs.setdefault("<unk>", weights[""] * lower[""])
        levels.append((probs, weights))
        lower = probs
    return as_model(levels)
    ### END SOLUTION


# %% [markdown] hints="kneser_ney"
# 1. Count all orders first. For each order but the last, replace the counts by continuation counts; they need
#    the *raw* counts of the next order.
# 2. Then climb: discounts of this order, `kneser_ney_order` with the level below, keep the pair, and the
#    probabilities become the next `lower`.
# 3. Start with `{"": 1 / len({*unigrams, "<unk>"})}`. After the first level,
#    `probs.setdefault("<unk>", ...)`. `counts_of_counts` and `as_model` are given.

# %% [markdown]
# Back to the beginning. These words sound alike. Your model has read the manual. Which of the 36 spellings
# does it prefer?

# %%
SOUND_ALIKE = [("there", "their"), ("are",), ("two", "to", "too"), ("operands",), ("to", "two", "too")]
SOUND_ALIKE += [("the",), ("right", "write")]
trigrams = kneser_ney(training, 3)
spellings = {" ".join(s): sentence_log10_prob(trigrams, list(s)) for s in itertools.product(*SOUND_ALIKE)}
best = sorted(spellings, key=spellings.get, reverse=True)
table(
    [
        {"place": best.index(s) + 1, "spelling": s, "log10 of its probability": f"{spellings[s]:.2f}"}
        for s in dict.fromkeys([*best[:3], RIGHT, WRONG, best[-1]])
    ],
    title=f"{len(best)} spellings of one sound",
)
print("The model picks:", best[0])

# %% [markdown]
# The differences are logarithms to base 10: 2 means a hundred times as likely, 6 a million times. A
# recogniser adds such numbers to what the sound says. Here the sound says the same, or nearly so (a hurried
# *to* is weaker than *two*), and the language model decides.
#
# ## Part 14: write an ARPA file
#
# Language models travel as text, in a format that is named after the agency that paid for it: **ARPA**. It is
# the two tables, sorted by length:
#
# ```
# \data\
# ngram 1=3
# ngram 2=1
#
# \1-grams:
# -99	<s>	-0.5
# -0.25	</s>
# -0.5	I
#
# \2-grams:
# -0.125	<s> I
#
# \end\
# ```
#
# The header says how many n-grams of each length follow. A line is the probability, the n-gram and, if there is
# one, the back-off weight, with *tabs* between. N-grams of the highest order have no weight: they are
# nobody's history. There is no $-\infty$; by convention $-99$ stands for it. And since a probability above 1
# (a logarithm above 0) makes KenLM refuse the file, a rounding error like $10^{-16}$ must not get out.


# %% part="write_arpa" points=3 difficulty=2 minutes=15 forbids="nltk kenlm"
def write_arpa(model: dict) -> str:
    r"""A model as the text of an ARPA file.

    Args:
        model: tables as in `log10_prob`.
    Returns:
        The line "\data\" and one "ngram n=count" for each length from 1 to the order; for each length an
        empty line, "\n-grams:" and the n-grams, one to a line: log10-probability, tab, n-gram, and if it has
        a back-off weight and is shorter than the order, tab, weight; then an empty line and "\end\". Numbers
        lose no digits; those below -99 (-inf too) become -99, log10-probabilities above 0 become 0.
    Raises:
        ValueError: if an n-gram is longer than the order, or a back-off weight belongs to none of the n-grams.
    Source: SRILM's manual page ngram-format(5).
    Example:
        >>> file = write_arpa({"order": 1, "log10_probs": {"<s>": -99.0, "I": -0.5}, "log10_backoffs": {}})
        >>> file.split("\n")
        ['\\data\\', 'ngram 1=2', '', '\\1-grams:', '-99.0\t<s>', '-0.5\tI', '', '\\end\\', '']
    """
    ### BEGIN SOLUTION
    order, probs, backoffs = model["order"], model["log10_probs"], model["log10_backoffs"]
    if not backoffs.keys() <= probs.keys() or any(ngram.count(" ") >= order for ngram in probs):
        raise ValueError(f"an n-gram is longer than {order}, or a back-off weight has no n-gram")
    sections = [[] for _ in range(order)]
    for ngram, prob in probs.items():
        length = ngram.count(" ") + 1
        fields = [repr(float(min(max(prob, -99.0), 0.0))), ngram]
        if length < order and ngram in backoffs:
            fields.append(repr(float(max(backoffs[ngram], -99.0))))
        sections[length - 1].append("\t".join(fields))
    lines = ["\\data\\", *(f"ngram {n}={len(found)}" for n, found in enumerate(sections, 1))]
    for number, found in enumerate(sections, 1):
        lines += ["", f"\\{number}-grams:", *found]
    return "\n".join([*lines, "", "\\end\\", ""])
    ### END SOLUTION


# %% [markdown] hints="write_arpa"
# 1. Sort the n-grams into one list of lines per length first: then you know the numbers for the header.
# 2. The length is the number of spaces plus one. `repr` of a Python float keeps all digits; make a `float` of
#    it first, because numpy's numbers have another `repr`.
# 3. A line is `"\t".join(fields)`, with two or three fields. In Python text, a backslash is written `"\\"`:
#    `"\\data\\"`. End with an empty line, `\end\`, and a newline.

# %% [markdown]
# ## Part 15: read an ARPA file
#
# Files come from many tools, and each writes a little differently. The format's rules:
#
# - Anything may stand before `\data\`; it is comment.
# - Fields are separated by tabs *or* spaces, and lines may end the Windows way, with `\r\n`.
# - A missing back-off weight means 0. Leave it out of the table.
# - `\end\` ends the file; what follows does not count. A file without it was cut off on the way.
#
# White space means the ASCII kind only. A word may hold other kinds, such as the no-break space that French
# puts before a question mark. Python's own `str.split()` and `str.splitlines()` would cut there.


# %% part="read_arpa" points=4 difficulty=3 minutes=20 forbids="nltk kenlm"
def read_arpa(text: str) -> dict:
    r"""The model in an ARPA file.

    Args:
        text: content of the file. Lines end with "\n" or "\r\n"; fields are separated by ASCII white space.
            What stands before the line "\data\" and after the line "\end\" does not count; nor do empty lines.
    Returns:
        {"order", "log10_probs", "log10_backoffs"}; the order is the greatest length in the header. Weights
        only where the file gives them.
    Raises:
        ValueError: if "\data\" or "\end\" is missing, if a line of a section is not a number, the words and
            at most one more number, or if a section does not hold as many n-grams as the header promises.
    Source: SRILM's manual page ngram-format(5).
    Example:
        >>> tiny = "\\data\\\nngram 1=2\n\n\\1-grams:\n-99\t<s>\t-0.5\n-0.5\tI\n\n\\end\\\n"
        >>> read_arpa(tiny)
        {'order': 1, 'log10_probs': {'<s>': -99.0, 'I': -0.5}, 'log10_backoffs': {'<s>': -0.5}}
    """
    ### BEGIN SOLUTION
    rows = [re.findall(r"\S+", line, re.ASCII) for line in text.split("\n")]
    start = rows.index(["\\data\\"])  # index raises ValueError where there is none
    end = rows.index(["\\end\\"], start)
    promised, found, probs, backoffs = {}, Counter(), {}, {}
    length = 0
    for fields in filter(None, rows[start + 1 : end]):
        if section := re.fullmatch(r"\\(\d+)-grams:", fields[0]):
            length = int(section[1])
        elif length == 0:
            number, count = "".join(fields).removeprefix("ngram").split("=")
            promised[int(number)] = int(count)
        elif not 1 <= len(fields) - length <= 2:
            raise ValueError(f"{fields} does not fit into a section of {length}-grams")
        else:
            ngram = " ".join(fields[1 : length + 1])
            probs[ngram] = float(fields[0])
            found[length] += 1
            if len(fields) == length + 2:
                backoffs[ngram] = float(fields[-1])
    if not promised or found != Counter(promised):
        raise ValueError(f"the header promises {promised}, the file holds {dict(found)} n-grams")
    return {"order": max(promised), "log10_probs": probs, "log10_backoffs": backoffs}
    ### END SOLUTION


# %% [markdown] hints="read_arpa"
# 1. Cut every line into fields first, then find the two lines that frame the data. Walk through what lies between
#    and remember in which section you are: 0 is the header.
# 2. In a section of length $n$, a line has $n + 1$ fields, or $n + 2$ if there is a weight. The first is the
#    probability, the next $n$ are the words. Count as you go, and compare with the header at the end.
# 3. `re.findall(r"\S+", line, re.ASCII)` gives the fields. `rows.index(["\\data\\"])` raises a ValueError by
#    itself where there is none; so do `float` and `int` on what is no number.

# %% [markdown]
# ## Put it together
#
# Write the model, look into the file, read it back.

# %%
file = write_arpa(trigrams)
print(f"{len(file) / 1e6:.1f} MB of text. Its beginning, and the first trigrams:")
lines = file.split("\n")
place = lines.index("\\3-grams:")
print("\n".join([*lines[:9], "...", *lines[place : place + 4]]))
print("\nread back, the model is the same:", read_arpa(file) == trigrams)

# %% [markdown]
# Where in the sentence does the model notice that something is wrong? Draw the **surprise** at each word,
# $-\log_{10} P$. The wrong spelling costs at every place where a word does not go with its neighbours, and the
# word after a wrong one is surprising too.


# %%
def surprises(model, words):
    """-log10 of the probability of each word and of the end."""
    marked = ["<s>", *words, "</s>"]
    return np.array([-log10_prob(model, marked[end], marked[:end]) for end in range(1, len(marked))])


places = np.arange(1, len(RIGHT.split()) + 2)
plot.lines(
    {name: (places, surprises(trigrams, s.split())) for name, s in (("A", RIGHT), ("B", WRONG))},
    x_label="place in the sentence; the last is its end",
    y_label="surprise, -log10 P",
    title=f"A: {RIGHT} · B: {WRONG}",
)

# %% [markdown]
# A model that knows what comes next can also *talk*. Take the ten words that it finds most likely, draw one
# of them with the probabilities that it gives, append it, and go on until `</s>` is drawn. Hear what each order
# has understood of the manual.


# %%
def talk(model, seed, longest=15):
    """A sentence drawn from a model, word by word, always among the ten most likely."""
    rng = np.random.default_rng(seed)
    choices = [w for w in model["log10_probs"] if " " not in w and w not in ("<s>", "<unk>")]
    drawn = ["<s>"]
    while drawn[-1] != "</s>" and len(drawn) <= longest:
        history = drawn[1 - model["order"] :] if model["order"] > 1 else []
        probs = 10 ** np.array([log10_prob(model, w, history) for w in choices])
        likely = np.argsort(probs)[-10:]
        drawn.append(choices[rng.choice(likely, p=probs[likely] / probs[likely].sum())])
    return " ".join(w for w in drawn if w not in ("<s>", "</s>"))


known_trigrams = count_ngrams(training, 3)
drawn, rows = {}, []
for order, name in ((1, "unigrams"), (2, "bigrams"), (3, "trigrams"), (5, "5-grams")):
    model = kneser_ney(training, order)
    sentences = [talk(model, seed) for seed in range(2 if fast_mode() else 8)]
    drawn[name] = max(sentences, key=len)
    own = count_ngrams([sentence.split() for sentence in sentences], 3)
    copied = sum(count for ngram, count in own.items() if ngram in known_trigrams) / sum(own.values())
    rows.append({"model": name, "one of its sentences": drawn[name], "known trigrams": f"{copied:.0%}"})
table(
    rows, title="Sentences drawn from the models, and how many of their trigrams stand in the training text"
)
utterances = dict(zip(drawn, speak(drawn.values()), strict=True))
play({name: u.samples for name, u in utterances.items()}, utterances["unigrams"].sample_rate)

# %% [markdown]
# Unigrams are word salad, bigrams fit two by two, trigrams make short phrases. The longer the n-grams, the more
# the model *quotes*: a long history was often seen once, and knows one way to go on. What breaks the phrases
# is the smoothing: now and then it lets a word through that was never seen there.
#
# ## Practice: perplexity by order and smoothing
#
# Now measure. To be fair, all models need the same vocabulary. Words that occur only once in training are
# replaced by `<unk>`, in training and in the held-out text, before anything is counted. (What a model pays for an
# unknown word then depends on real counts. Else the choice of a number for $P(\texttt{<unk>})$ would decide the
# contest.)
#
# **Target:** the Kneser-Ney trigram has the lowest perplexity of all unigrams, bigrams and trigrams, and at most
# a tenth of what the Laplace trigram has.
#
# Then improve it. What does a single discount instead of three cost? What changes if trigrams that were seen once
# are left out? How much would twice the text help?


# %%
def mark_unknown(sentences, vocabulary):
    """The sentences with "<unk>" for each word that is not in the vocabulary."""
    return [[word if word in vocabulary else "<unk>" for word in words] for words in sentences]


def perplexity_of_laplace(train, test, order, k):
    """Add-k smoothing does not fit the two tables: what is unseen does not get what the shorter history says."""
    vocabulary = {word for words in train for word in words} | {"<unk>"}
    tables = [laplace(count_ngrams(train, length), list(vocabulary), k) for length in range(1, order + 1)]
    logs = []
    for words in test:
        marked = ["<s>", *words, "</s>"]
        for end in range(2, len(marked) + 1):
            ngram = marked[max(0, end - order) : end]
            seen, unseen = tables[len(ngram) - 1]
            alike = unseen.get(" ".join(ngram[:-1]), 1 / (len(vocabulary) + 1))
            logs.append(math.log(seen.get(" ".join(ngram), alike)))
    return math.exp(-np.mean(logs))


ORDERS = range(1, 4 if fast_mode() else 7)
METHODS = {
    "maximum likelihood": lambda a, b, order: perplexity(frequencies(a, order), b),
    "add 1 (Laplace)": lambda a, b, order: perplexity_of_laplace(a, b, order, 1.0),
    "add 0.01": lambda a, b, order: perplexity_of_laplace(a, b, order, 0.01),
    "Katz, Good-Turing": lambda a, b, order: perplexity(katz(a, order), b),
    "Kneser-Ney": lambda a, b, order: perplexity(kneser_ney(a, order), b),
}


def contest(sentences):
    """Perplexity on each tenth sentence, by method and order, of models trained on the others."""
    train = [words for number, words in enumerate(sentences) if number % 10 != 9]
    often = {word for word, count in Counter(itertools.chain(*train)).items() if count > 1}
    train, test = mark_unknown(train, often), mark_unknown(sentences[9::10], often)
    return {name: [method(train, test, order) for order in ORDERS] for name, method in METHODS.items()}


results = contest(text)
for name, source in ((TEXT_NAME, results), ("the course's own sentences", contest(course_sentences()))):
    table(
        [
            {
                "smoothing": method,
                **{f"order {n}": f"{value:.1f}" for n, value in zip(ORDERS, values, strict=True)},
            }
            for method, values in source.items()
        ],
        title=f"Perplexity on held-out sentences: {name}",
    )
best = results["Kneser-Ney"][2]
others = [value for name, values in results.items() for value in values[: 2 if name == "Kneser-Ney" else 3]]
share = best / results["add 1 (Laplace)"][2]
print(f"Kneser-Ney trigram: perplexity {best:.1f}, {share:.3f} of the Laplace trigram's.")
print("Target:", "reached." if best < min(others) and share <= 0.1 else "missed.")
plot.lines(
    {
        name: (np.array(ORDERS), np.array(values))
        for name, values in results.items()
        if np.all(np.isfinite(values))
    },
    x_label="order",
    y_label="perplexity",
    log_y=True,
    title=f"Lower is better: {TEXT_NAME}",
)

# %% [markdown]
# Look at the manual first. For unigrams smoothing hardly matters: each word was seen. With Laplace, longer n-grams
# make it *worse*: the more histories, the fewer counts each has, and the more the pretended ones weigh. Only with
# back-off or interpolation does a longer history help, and Kneser-Ney makes the best of it. Beyond the trigram
# even that gains little: there is too little text.
#
# The course's own sentences come from a small grammar with few words. A trigram nearly knows it by heart.
#
# ## Against the library
#
# `nltk.lm` is written for teaching and computes each probability from the counts when it is asked. Its
# Kneser-Ney has one fixed discount, so its numbers cannot be yours.

# %%
from nltk.lm import KneserNeyInterpolated
from nltk.lm.preprocessing import padded_everygram_pipeline


def nltk_model(sentences):
    """nltk's trigram model with Kneser-Ney smoothing."""
    model = KneserNeyInterpolated(3, discount=0.75)
    model.fit(*padded_everygram_pipeline(3, sentences))
    return model


def nltk_log10(model, words):
    """log10-probability of a sentence by nltk, which sets two markers in front of it."""
    marked = ["<s>", "<s>", *words, "</s>"]
    places = range(2, len(marked))
    return sum(math.log10(model.score(marked[i], marked[i - 2 : i])) for i in places)


known = {word for words in training for word in words}
few = [words for words in heldout if known.issuperset(words)][: 1 if fast_mode() else 8]
its = nltk_model(training)
predictions = sum(len(words) + 1 for words in few)
its_total, our_total = (
    sum(nltk_log10(its, w) for w in few),
    sum(sentence_log10_prob(trigrams, w) for w in few),
)
scoring = {
    "training [ms]": (stopwatch(kneser_ney, training, 3), stopwatch(nltk_model, training, repeat=1)),
    "scoring a word [µs]": (
        1000 * stopwatch(lambda: [sentence_log10_prob(trigrams, w) for w in few]) / predictions,
        1000 * stopwatch(lambda: nltk_log10(its, few[0]), repeat=1) / (len(few[0]) + 1),
    ),
}
rows = [
    {
        "": f"perplexity of {len(few)} sentences without unknown words",
        "yours": f"{10 ** (-our_total / predictions):.1f}",
        "nltk": f"{10 ** (-its_total / predictions):.1f}",
    }
]
rows += [
    {"": what, "yours": f"{1000 * a:.1f}", "nltk": f"{1000 * b:.1f}"} for what, (a, b) in scoring.items()
]
table(rows, title="Trigrams, Kneser-Ney")

# %% [markdown]
# **KenLM** is what recognisers use: C++, and the same two tables. It reads your file. Its numbers are single
# precision, yours double: each word's score agrees to about seven digits.

# %%
try:
    import kenlm
except ImportError:
    print("KenLM is not installed here. With it, this cell loads your file and compares every score.")
else:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trigrams.arpa"
        path.write_text(file, encoding="utf-8")
        config = kenlm.Config()
        config.show_progress = False
        other = kenlm.Model(str(path), config)
    ours = np.array([sentence_log10_prob(trigrams, words) for words in heldout])
    theirs = [sum(log10 for log10, _, _ in other.full_scores(" ".join(words))) for words in heldout]
    print(f"{len(heldout)} held-out sentences: largest difference {np.abs(ours - theirs).max():.1e}")
    our_time = stopwatch(lambda: [sentence_log10_prob(trigrams, words) for words in heldout])
    their_time = stopwatch(lambda: [other.score(" ".join(words)) for words in heldout])
    print(f"scoring them: yours {1000 * our_time:.1f} ms, KenLM {1000 * their_time:.1f} ms")

# %% [markdown]
# ## Where it breaks
#
# Take longer n-grams. On its own training text the model becomes nearly certain. On new text it gains less
# and less.

# %%
longest = 4 if fast_mode() else 6
growing = {"training text": [], "held-out text": []}
for order in range(1, longest + 1):
    model = kneser_ney(training, order)
    growing["training text"].append(perplexity(model, training[::4]))
    growing["held-out text"].append(perplexity(model, heldout))
plot.lines(
    {name: (np.arange(1, longest + 1), np.array(values)) for name, values in growing.items()},
    x_label="order",
    y_label="perplexity",
    log_y=True,
    title="Longer n-grams, the same text",
)

# %% [markdown]
# The longer the n-gram, the fewer of them come again. And still the memory ends after a few words. English
# wants *the value … is* and *the values … are*. Put a few words in between, and ask:

# %%
rows = []
for subject in ("value", "values"):
    words = f"the {subject} that the function returns".split()
    probs = {verb: 10 ** log10_prob(trigrams, verb, ["<s>", *words]) for verb in ("is", "are")}
    rows.append({"the sentence so far": " ".join(words)} | {f"P({v})": f"{p:.6f}" for v, p in probs.items()})
table(rows, title="Who remembers the subject?")

# %% [markdown]
# The two rows are equal, to the last digit. What stands more than two words back does not exist for a trigram.
# Recurrent networks, some labs from here, were brought into recognisers for this reason.
#
# For all that, the n-gram model has one gift that no network has: its memory is so short that all of it fits
# into a *graph*, whose states are histories and whose arcs are words. The next lab builds such graphs and
# lets the recogniser search them.
#
# ## Read on
#
# - S. F. Chen, J. Goodman, *An empirical study of smoothing techniques for language modeling*, Harvard TR-10-98,
#   1998: nearly all of this lab. Section 2 explains each method, section 3 is modified Kneser-Ney.
# - W. A. Gale, G. Sampson, *Good-Turing frequency estimation without tears*, Journal of Quantitative
#   Linguistics 2(3), 1995: twenty pages, worked examples.
# - S. M. Katz, *Estimation of probabilities from sparse data for the language model component of a speech
#   recognizer*, IEEE Transactions on ASSP 35(3), 1987.
# - R. Kneser, H. Ney, *Improved backing-off for m-gram language modeling*, ICASSP 1995.
# - K. Heafield, I. Pouzyrevsky, J. H. Clark, P. Koehn, *Scalable modified Kneser-Ney language model
#   estimation*, ACL 2013: how KenLM does it for billions of words.
# - T. Brants et al., *Large language models in machine translation*, EMNLP 2007: stupid back-off (section 4).
# - D. Jurafsky, J. H. Martin, *Speech and Language Processing*, 3rd edition draft, chapter 3.
