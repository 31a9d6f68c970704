"""Beam search over the digit graph: real-time factor, and what the beam saves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Row, Spread, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on weighted finite-state transducers, one thread. Phones with three Gaussian
states are trained on synthetic digits; years spoken digit by digit, by voices that are not in the training,
are decoded over H ∘ L ∘ G of the years 1900 to 2029. *Real-time factor*: time of `beam_search` for each
second of sound, features and Gaussians not counted. *Beam against exact*: the same search with a beam against
one with an infinite beam, which is exact Viterbi decoding; how often the beam loses the best path stands in
the note. That the exact search agrees with `viterbi` of the lab on hidden Markov models, on the chain of the
words that it found, is asserted."""

NAME = "decoding"
GOAL_REAL_TIME = 0.1
BEAMS = (200.0, 100.0, 50.0)
HOP_SECONDS = 0.01
EQUAL = 1e-6  # sums of a few hundred float64 numbers of size 1e2


def prepared(n_strings: int, every: int, rounds: int) -> tuple[Any, dict, list[np.ndarray], dict[str, int]]:
    """The lab, the graph, log_obs of each spoken year, and the columns of the graph's labels."""
    from autograder.course import load_course
    from autograder.loading import reference_of
    from labkit import corpora

    lab: Any = reference_of(load_course(), "t07b_wfst")
    digits = corpora.synth_digits()
    utterances = []
    for word, phones in lab.PHONES.items():
        for number, clip in enumerate(digits.split("train").filter(text=word)[::every]):
            padded, _ = lab.spoken([word], [clip], seed=number)
            utterances.append((lab.features_of(padded, digits.sample_rate), ["sil", *phones.split(), "sil"]))
    sounds = lab.train_phones(utterances, rounds)
    machine_h, columns = lab.h_and_columns(sounds[0], sounds[3])

    years = lab.minimize(lab.determinize(lab.remove_epsilons(lab.union(map(lab.linear, lab.YEARS)))))
    lexicon = lab.lexicon_machine({word: [way] for word, way in lab.PHONES.items()})
    words_of_sounds = lab.remove_epsilons(lab.compose(lexicon, years))
    graph = lab.compose(machine_h, lab.minimize(lab.determinize(words_of_sounds)))

    rng = np.random.default_rng(0)
    testing = digits.split("test")
    spoken = []
    for number in range(n_strings):
        words = lab.YEARS[rng.integers(len(lab.YEARS))]
        voice = testing.filter(speaker=testing.speakers[number % len(testing.speakers)])
        clips = [voice.filter(text=word)[0] for word in words]
        samples, _ = lab.spoken(words, clips, seed=number)
        spoken.append(lab.log_obs_of(samples, sounds, digits.sample_rate))
    assert_exact(lab, machine_h, columns, graph, spoken[0], sounds[3])
    return lab, graph, spoken, columns


def assert_exact(
    lab: Any, machine_h: dict, columns: dict[str, int], graph: dict, log_obs: np.ndarray, stay: np.ndarray
) -> None:
    """The states of the best path are those that Viterbi on their own chain finds, at the same weight."""
    from autograder.course import load_course
    from autograder.loading import reference_of

    hmm: Any = reference_of(load_course(), "t05_hmm")
    path, _ = lab.beam_search(graph, log_obs, columns)
    states = [columns[label] for _, label, _ in path if label]
    names = {column: label for label, column in columns.items()}
    entered = [s for k, s in enumerate(states) if k == 0 or s != states[k - 1]]
    phones = [names[s].rsplit("_", 1)[0] for s in entered if names[s].endswith("_0")]
    chain = np.array(entered)
    transition = np.diag(stay[chain]) + np.diag(1 - stay[chain][:-1], k=1)
    scores = log_obs[:, chain].copy()
    scores[-1, :-1] = -np.inf  # the chain must come to its end
    found, log_prob = hmm.viterbi(np.eye(len(chain))[0], transition, scores)
    _, weight = lab.beam_search(lab.compose(machine_h, lab.linear(phones)), log_obs, columns)
    assert abs(weight + log_prob + np.log(1 - stay[chain[-1]])) < EQUAL, (weight, log_prob)
    assert chain[found].tolist() == states, "the graph's best path is not the best on its own chain"


def run(quick: bool) -> list[Row]:
    """Real-time factor of the exact search, and for each beam its factor and its share of that time."""
    n_strings, every, rounds, repeat = (2, 36, 2, 2) if quick else (24, 5, 5, 9)
    lab, graph, spoken, columns = prepared(n_strings, every, rounds)
    seconds = HOP_SECONDS * sum(map(len, spoken))

    def decode(beam: float) -> Callable[[], list[float]]:
        return lambda: [lab.beam_search(graph, log_obs, columns, beam)[1] for log_obs in spoken]

    names = {np.inf: "exact"} | {beam: f"beam {beam:g}" for beam in BEAMS}
    best = decode(np.inf)()
    times = by_turns({name: decode(beam) for beam, name in names.items()}, repeat)
    of_each = spreads(times)
    rows = []
    for beam, name in names.items():
        weights = decode(beam)()
        assert all(found >= least - EQUAL for found, least in zip(weights, best, strict=True))
        lost = sum(found > least + EQUAL for found, least in zip(weights, best, strict=True))
        note = f"{lost} of {n_strings} best paths lost" if beam < np.inf else "infinite beam"
        time = of_each[name]
        factor = Spread(time.median / seconds, time.low / seconds, time.high / seconds, time.count)
        what = f"beam_search, {name}, {seconds:.0f} s of sound"
        goal = GOAL_REAL_TIME if beam < np.inf else None
        rows.append(Row(NAME, what, factor, "of real time", goal, {name: time}, note))
        if beam < np.inf:
            share = ratio(times, name, "exact")
            both = {key: of_each[key] for key in (name, "exact")}
            rows.append(
                Row(NAME, f"{name} against exact", share, "of the exact search's time", 1.0, both, note)
            )
    return rows
