"""The lab on n-grams against KenLM, in both directions, and against nltk."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograder.course import load_course
from autograder.loading import reference_of

# KenLM keeps single precision: a score of size 10 is good to 1e-6
WITHIN = 1e-5

PUBLISHED = """\
# A model in the manner of those on the web: comments, an unknown word, weights only where they matter.

\\data\\
ngram 1=7
ngram 2=6
ngram 3=3

\\1-grams:
-1.9542\t<unk>
-99\t<s>\t-0.30103
-0.9031\t</s>
-0.845098\tthe\t-0.2218487
-1.20412\tcat\t-0.1249387
-1.146128\tsat
-1.50515\tna\u00efve\u00a0one\t0.09691001

\\2-grams:
-0.3467875\t<s> the\t-0.1760913
-0.60206\tthe cat\t-0.07918125
-0.47712\tcat sat
-0.69897\tsat </s>
-1.0\t<unk> cat
-0.8239087\tna\u00efve\u00a0one cat

\\3-grams:
-0.1249387\t<s> the cat
-0.2218487\tthe cat sat
-0.30103\tcat sat </s>

\\end\\
"""
SENTENCES = [
    "",
    "the",
    "the cat sat",
    "cat the sat cat",
    "sat",
    "the zebra sat",
    "zebra cat yak cat sat",
    "na\u00efve\u00a0one cat sat the na\u00efve\u00a0one",
    "the the the the the",
]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return reference_of(load_course(), "t07_ngrams")


def in_kenlm(text: str, folder: Path) -> Any:
    """KenLM's model of a file with this text."""
    kenlm = pytest.importorskip("kenlm")

    path = folder / "model.arpa"
    path.write_text(text, encoding="utf-8", newline="")
    config = kenlm.Config()
    config.show_progress = False
    return kenlm.Model(str(path), config)


def word_scores(lab: ModuleType, model: dict, words: list[str]) -> list[float]:
    marked = ["<s>", *words, "</s>"]
    return [lab.log10_prob(model, marked[end], marked[:end]) for end in range(1, len(marked))]


def assert_same_scores(lab: ModuleType, model: dict, other: Any, sentences: list[list[str]]) -> None:
    """Every word's score, and their sum, within 1e-5."""
    for words in sentences:
        ours = word_scores(lab, model, words)
        theirs = [log10 for log10, _, _ in other.full_scores(" ".join(words))]
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=WITHIN)
        assert abs(lab.sentence_log10_prob(model, words) - sum(theirs)) < WITHIN
        if len(words) <= 8:  # KenLM's own sum is in single precision too: longer ones add up their rounding
            assert abs(lab.sentence_log10_prob(model, words) - other.score(" ".join(words))) < WITHIN


@pytest.fixture(scope="module")
def texts(lab: ModuleType) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences to train on, and others with words that were never seen."""
    sentences = lab.course_sentences()
    return sentences[:400], sentences[1000:1100]


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_kenlm_scores_our_file_as_we_do(lab, texts, tmp_path, order):
    model = lab.kneser_ney(texts[0], order)
    other = in_kenlm(lab.write_arpa(model), tmp_path)
    assert other.order == order
    assert_same_scores(lab, model, other, texts[1])
    assert_same_scores(lab, model, other, texts[0][:40])


def test_kenlm_scores_our_katz_model_as_we_do(lab, texts, tmp_path):
    model = lab.katz(texts[0], 3)
    assert_same_scores(lab, model, in_kenlm(lab.write_arpa(model), tmp_path), texts[1])


def test_kenlm_knows_the_text_with_unknown_words_in_it(lab, texts, tmp_path):
    frequent = {word for words in texts[0][:100] for word in words}
    marked = lab.mark_unknown(texts[0], frequent)
    model = lab.kneser_ney(marked, 3)
    assert_same_scores(lab, model, in_kenlm(lab.write_arpa(model), tmp_path), texts[1])


def test_kenlm_takes_probabilities_of_zero_and_one(lab, tmp_path):
    model = lab.frequencies([["a", "b"], ["a", "b"]], 2)  # every step is certain, or impossible
    model["log10_probs"]["<unk>"] = 1e-17
    other = in_kenlm(lab.write_arpa(model), tmp_path)
    assert other.score("a b") == pytest.approx(0, abs=WITHIN)
    assert other.score("b a") < -99


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["Unix", "Windows"])
def test_we_score_a_published_file_as_kenlm_does(lab, tmp_path, end):
    text = PUBLISHED.replace("\n", end)
    model = lab.read_arpa(text)
    assert_same_scores(
        lab, model, in_kenlm(text, tmp_path), [line.split(" ") if line else [] for line in SENTENCES]
    )


def test_a_published_file_written_again_scores_the_same_in_kenlm(lab, tmp_path):
    model = lab.read_arpa(PUBLISHED)
    first = in_kenlm(PUBLISHED, tmp_path)
    second = in_kenlm(lab.write_arpa(model), tmp_path)
    assert [first.score(line) for line in SENTENCES] == [second.score(line) for line in SENTENCES]


def test_perplexity_is_kenlms(lab, texts, tmp_path):
    model = lab.kneser_ney(texts[0], 3)
    other = in_kenlm(lab.write_arpa(model), tmp_path)
    for words in texts[1][:20]:
        assert lab.perplexity(model, [words]) == pytest.approx(other.perplexity(" ".join(words)), rel=1e-4)


@pytest.mark.slow
def test_one_order_is_nltks_where_the_discounts_are_equal(lab, texts):
    from nltk.lm import KneserNeyInterpolated, NgramCounter, Vocabulary
    from nltk.util import everygrams

    marked = [["<s>", *words, "</s>"] for words in texts[0]]
    names = sorted({word for words in marked for word in words})
    counter = NgramCounter([list(everygrams(words, max_len=2)) for words in marked])
    theirs = KneserNeyInterpolated(2, discount=0.75, vocabulary=Vocabulary(names), counter=counter)
    unigrams, bigrams = (lab.count_ngrams(texts[0], length) for length in (1, 2))
    lower = lab.maximum_likelihood(lab.continuation_counts(unigrams, bigrams))
    probs, weights = lab.kneser_ney_order(bigrams, [0.75] * 3, lower)
    for history in ("<s>", "the", "a", "sailor"):
        for word in [name for name in names if name != "<s>"][::10]:
            ours = probs.get(f"{history} {word}", weights[history] * lower[word])
            assert ours == pytest.approx(theirs.unmasked_score(word, (history,)), rel=1e-9)
