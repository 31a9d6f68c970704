"""The reference parts of the lab on weighted finite-state transducers against OpenFst, by way of Pynini."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.course import load_course
from autograder.loading import reference_of

pynini = pytest.importorskip("pynini")
LAB: Any = reference_of(load_course(), "t07b_wfst")
LABELS = {"": 0, "a": 1, "b": 2, "c": 3, "m": 4, "n": 5}
NAMES = {number: label for label, number in LABELS.items()}
# OpenFst's weights are of single precision.
TOLERANCE = {"rel": 1e-5, "abs": 1e-4}


def random_machine(
    rng: np.random.Generator,
    inputs: str = "abc",
    outputs: str = "mn",
    epsilon: float = 0.3,
    acceptor: bool = False,
    n_states: int = 7,
    n_arcs: int = 14,
) -> dict:
    """A machine without cycles, whose weights are eighths."""
    arcs = []
    for _ in range(n_arcs):
        source, target = sorted(rng.choice(n_states, size=2, replace=False).tolist())
        read = "" if rng.random() < epsilon else str(rng.choice(list(inputs)))
        written = "" if rng.random() < epsilon else str(rng.choice(list(outputs)))
        arcs.append((source, target, read, read if acceptor else written, rng.integers(0, 40).item() / 8))
    finals = {str(n_states - 1): 0.5, str(rng.integers(1, n_states - 1).item()): 0.25}
    return {"start": 0, "arcs": arcs, "finals": finals}


def to_openfst(machine: dict) -> pynini.Fst:
    fst = pynini.Fst()
    states = {machine["start"], *(state for arc in machine["arcs"] for state in arc[:2])}
    for _ in range(max(states | {int(state) for state in machine["finals"]}) + 1):
        fst.add_state()
    fst.set_start(machine["start"])
    for source, target, label, output, weight in machine["arcs"]:
        fst.add_arc(source, pynini.Arc(LABELS[label], LABELS[output], weight, target))
    for state, price in machine["finals"].items():
        fst.set_final(int(state), price)
    return fst


def table(fst: pynini.Fst) -> dict[tuple[str, str], float]:
    """(input, output) → weight of the best path."""
    found: dict[tuple[str, str], float] = {}
    fst = fst.copy().connect()  # the iterator takes dead ends for final states
    if fst.start() == pynini.NO_STATE_ID:
        return found
    paths = fst.paths()
    while not paths.done():
        read = "".join(NAMES[label] for label in paths.ilabels())
        written = "".join(NAMES[label] for label in paths.olabels())
        weight = float(paths.weight())
        found[read, written] = min(weight, found.get((read, written), np.inf))
        paths.next()
    return found


def assert_same(ours: dict, theirs: pynini.Fst) -> None:
    mine, other = table(to_openfst(ours)), table(theirs)
    assert mine.keys() == other.keys()
    for pair, weight in mine.items():
        assert weight == pytest.approx(other[pair], **TOLERANCE)


@pytest.mark.parametrize("seed", range(20))
def test_compose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = random_machine(rng), random_machine(rng, "mn", "abc")
    theirs = pynini.compose(to_openfst(first).arcsort("olabel"), to_openfst(second).arcsort("ilabel"))
    ours = LAB.compose(first, second)
    assert_same(ours, theirs)
    # all paths together weigh the same: no pair of paths is counted twice
    if ours["finals"]:
        totals = [
            float(pynini.shortestdistance(pynini.arcmap(fst, map_type="to_log64"), reverse=True)[0])
            for fst in (to_openfst(ours), theirs.connect())
        ]
        assert totals[0] == pytest.approx(totals[1], **TOLERANCE)
    else:
        assert theirs.connect().num_states() == 0


@pytest.mark.parametrize("seed", range(20))
def test_remove_epsilons_and_connect(seed: int) -> None:
    machine = random_machine(np.random.default_rng(seed), epsilon=0.6)
    assert_same(LAB.remove_epsilons(machine), to_openfst(machine).rmepsilon())
    connected = LAB.connect(machine)
    states = len({connected["start"], *(state for arc in connected["arcs"] for state in arc[:2])})
    theirs = to_openfst(machine).connect()
    assert theirs.num_states() == (states if connected["finals"] else 0)


@pytest.mark.parametrize("seed", range(20))
def test_determinize_push_and_minimize(seed: int) -> None:
    machine = random_machine(np.random.default_rng(seed), epsilon=0.0, acceptor=True)
    ours, theirs = LAB.determinize(machine), pynini.determinize(to_openfst(machine))
    assert_same(ours, theirs)
    assert to_openfst(ours).connect().num_states() == theirs.connect().num_states()
    smallest = LAB.minimize(ours)
    their_smallest = pynini.determinize(to_openfst(machine)).minimize()
    assert_same(smallest, their_smallest)
    assert to_openfst(smallest).connect().num_states() == their_smallest.connect().num_states()
    assert_same(LAB.push_weights(machine), pynini.push(to_openfst(machine), push_weights=True))


@pytest.mark.parametrize("seed", range(20))
def test_best_path(seed: int) -> None:
    machine = random_machine(np.random.default_rng(seed))
    weight, read, written = LAB.best_path(machine)
    best = table(pynini.shortestpath(to_openfst(machine)))
    if weight == np.inf:
        assert best == {}
    else:
        every = table(to_openfst(machine))
        assert every["".join(read), "".join(written)] == pytest.approx(weight, **TOLERANCE)
        assert min(best.values()) == pytest.approx(weight, **TOLERANCE)


def test_the_graph_of_the_digits_has_openfsts_best_weight_and_size() -> None:
    """L ∘ G of all years, determinised and minimised, with the outputs as OpenFst treats them."""
    years = LAB.union([LAB.linear(words) for words in LAB.YEARS])
    grammar = LAB.minimize(LAB.determinize(LAB.remove_epsilons(years)))
    lexicon = LAB.lexicon_machine(LAB.disambiguate({word: [way] for word, way in LAB.PHONES.items()}))
    composed = LAB.remove_epsilons(LAB.compose(lexicon, grammar))
    labels = sorted({label for arc in composed["arcs"] for label in arc[2:4]} | {""})
    numbers = {label: number for number, label in enumerate(labels)}
    fst = pynini.Fst()
    for _ in range(LAB.size(composed)["states"]):
        fst.add_state()
    fst.set_start(0)
    for source, target, label, output, weight in composed["arcs"]:
        fst.add_arc(source, pynini.Arc(numbers[label], numbers[output], weight, target))
    for state, price in composed["finals"].items():
        fst.set_final(int(state), price)
    best = LAB.best_path(composed)[0]
    assert float(pynini.shortestdistance(fst, reverse=True)[0]) == pytest.approx(best, **TOLERANCE)
    ours = LAB.determinize(composed)
    assert LAB.size(ours)["states"] == pynini.determinize(fst).num_states()
