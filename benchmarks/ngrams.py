"""Kneser-Ney training and scoring against nltk.lm, and scoring against KenLM."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on n-gram language models, one thread, pure Python: trigrams with modified
Kneser-Ney smoothing over the sentences of the course's reader (`labkit.corpora.sentences`), every tenth
held out. nltk's `KneserNeyInterpolated` counts when it is fitted and works each probability out when it is
asked; `kneser_ney` works all of them out in training. So the row with the goal is what a user waits for,
from sentences to the score of a held-out text, and *scoring alone* and *training alone* stand beside it.
*Counting alone* is `count_ngrams` for all three lengths against nltk's `fit`, which does nothing else.
nltk cannot score words that it does not know without a vocabulary of its own; all sentences that are scored
hold known words only. KenLM is C++ and reads the file that `write_arpa` wrote; that every word's score
agrees within 1e-5 is asserted. nltk's numbers are others (one discount, fixed)."""

NAME = "ngrams"
GOAL = 0.1
WITHIN = 1e-5
ORDER = 3

Sentences = list[list[str]]


def texts(lab: Any, n_train: int, n_test: int) -> tuple[Sentences, Sentences]:
    """Sentences to train on, and held-out ones without unknown words."""
    sentences = lab.course_sentences()
    train = [words for number, words in enumerate(sentences) if number % 10 != 9][:n_train]
    known = {word for words in train for word in words}
    return train, [words for words in sentences[9::10] if known.issuperset(words)][:n_test]


def nltk_trained(train: Sentences) -> Any:
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.preprocessing import padded_everygram_pipeline

    model = KneserNeyInterpolated(ORDER, discount=0.75)
    model.fit(*padded_everygram_pipeline(ORDER, train))
    return model


def nltk_scored(model: Any, sentences: Sentences) -> float:
    """log10-probability of a text; nltk sets two markers in front of a sentence."""
    total = 0.0
    for words in sentences:
        marked = ["<s>"] * (ORDER - 1) + [*words, "</s>"]
        for end in range(ORDER - 1, len(marked)):
            total += math.log10(model.score(marked[end], marked[end - ORDER + 1 : end]))
    return total


def against_nltk(lab: Any, train: Sentences, test: Sentences, repeat: int) -> list[Row]:
    """Training, scoring, both, and counting."""

    def scored(model: dict) -> float:
        return sum(lab.sentence_log10_prob(model, words) for words in test)

    ours, theirs = lab.kneser_ney(train, ORDER), nltk_trained(train)
    predictions = sum(len(words) + 1 for words in test)
    # not the same model, but the same kind: perplexities within a third of each other
    apart = abs(scored(ours) - nltk_scored(theirs, test)) / predictions
    assert apart < math.log10(4 / 3), f"perplexities differ by a factor of {10**apart:.2f}"
    size = f"{sum(map(len, train))} words"
    pairs: dict[str, tuple[Callable, Callable, float | None, str]] = {
        f"training on {size} and scoring {predictions}": (
            lambda: scored(lab.kneser_ney(train, ORDER)),
            lambda: nltk_scored(nltk_trained(train), test),
            GOAL,
            "",
        ),
        f"scoring alone, {predictions} words": (
            lambda: scored(ours),
            lambda: nltk_scored(theirs, test),
            GOAL,
            "from ready models",
        ),
        f"training alone, {size}": (
            lambda: lab.kneser_ney(train, ORDER),
            lambda: nltk_trained(train),
            None,
            "nltk only counts here; its smoothing is done in scoring",
        ),
        f"counting alone, {size}": (
            lambda: [lab.count_ngrams(train, length) for length in range(1, ORDER + 1)],
            lambda: nltk_trained(train),
            None,
            "what nltk's fit does",
        ),
    }
    rows = []
    for what, (ours_does, theirs_does, goal, note) in pairs.items():
        times = by_turns({"ours": ours_does, "nltk.lm": theirs_does}, repeat)
        rows.append(
            Row(NAME, what, ratio(times, "ours", "nltk.lm"), "of nltk.lm's time", goal, spreads(times), note)
        )
    return rows


def against_kenlm(lab: Any, train: Sentences, test: Sentences, repeat: int) -> list[Row]:
    """Scoring whole sentences."""
    try:
        import kenlm
    except ImportError:
        return []
    model = lab.kneser_ney(train, ORDER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.arpa"
        path.write_text(lab.write_arpa(model), encoding="utf-8")
        config = kenlm.Config()
        config.show_progress = False
        other = kenlm.Model(str(path), config)
    lines = [" ".join(words) for words in test]
    largest = 0.0
    for words, line in zip(test, lines, strict=True):
        marked = ["<s>", *words, "</s>"]
        for end, (theirs, _, _) in enumerate(other.full_scores(line), 1):
            largest = max(largest, abs(lab.log10_prob(model, marked[end], marked[:end]) - theirs))
    assert largest < WITHIN, f"scores differ from KenLM's by {largest}"
    sides: dict[str, Callable[[], Any]] = {
        "ours": lambda: [lab.sentence_log10_prob(model, words) for words in test],
        "KenLM": lambda: [other.score(line) for line in lines],
    }
    times = by_turns(sides, repeat)
    predictions = sum(len(words) + 1 for words in test)
    note = f"C++; same numbers: largest difference {largest:.0e}"
    what = f"scoring alone, {predictions} words"
    return [Row(NAME, what, ratio(times, "ours", "KenLM"), "of KenLM's time", None, spreads(times), note)]


def run(quick: bool) -> list[Row]:
    """Rows against nltk, then one against KenLM where it is installed."""
    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t07_ngrams")
    train, test = texts(lab, *((150, 5) if quick else (1440, 60)))
    rows = against_nltk(lab, train, test, 2 if quick else 7)
    return rows + against_kenlm(lab, train, test, 2 if quick else 31)
