"""Hidden checks of the lab on weighted finite-state transducers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, oracle, picture
from labkit import plot

SEED = st.integers(0, 2**32 - 1)
INF = float("inf")
# Sums of at most a few dozen weights of size up to 1e3, in any order, and weights rounded to nine decimals
# inside determinisation and minimisation.
TIGHT = {"rel": 1e-9, "abs": 1e-7}
EMPTY = {"start": 0, "arcs": [], "finals": {}}


def chain(labels):
    """An acceptor of one sequence."""
    arcs = [(k, k + 1, label, label, 0.0) for k, label in enumerate(labels)]
    return {"start": 0, "arcs": arcs, "finals": {str(len(arcs)): 0.0}}


def random_machine(
    rng,
    n_states=5,
    n_arcs=9,
    inputs=("a", "b"),
    outputs=("x", "y"),
    epsilon=0.3,
    cyclic=False,
    acceptor=False,
):
    """A machine whose weights are eighths, so that sums are exact; without `cyclic` arcs only lead up."""
    arcs = []
    for _ in range(n_arcs):
        source, target = sorted(rng.choice(n_states, size=2, replace=False).tolist())
        if cyclic and rng.random() < 0.4:
            source, target = target, source
        read = "" if rng.random() < epsilon else str(rng.choice(inputs))
        written = "" if rng.random() < epsilon else str(rng.choice(outputs))
        arcs.append((source, target, read, read if acceptor else written, rng.integers(0, 40).item() / 8))
    finals = {str(n_states - 1): rng.integers(1, 16).item() / 8}
    if rng.random() < 0.5:
        finals[str(rng.integers(1, n_states).item())] = rng.integers(1, 16).item() / 8
    return {"start": 0, "arcs": arcs, "finals": finals}


def walks(machine, max_arcs=60):
    """Every path as (input labels, output labels, weight), found by going as deep as allowed."""
    found = []

    def go(state, read, written, weight, left):
        if f"{state}" in machine["finals"]:
            found.append((read, written, weight + machine["finals"][str(state)]))
        if left:
            for source, target, label, output, price in machine["arcs"]:
                if source == state:
                    go(
                        target,
                        read + ((label,) if label else ()),
                        written + ((output,) if output else ()),
                        weight + price,
                        left - 1,
                    )

    go(machine["start"], (), (), 0.0, max_arcs)
    return found


def meaning(machine, max_arcs=60, log=False):
    """(input labels, output labels) → weight, the best or all together."""
    found = {}
    for read, written, weight in walks(machine, max_arcs):
        found.setdefault((read, written), []).append(weight)
    if log:
        return {pair: -np.logaddexp.reduce([-w for w in weights]) for pair, weights in found.items()}
    return {pair: min(weights) for pair, weights in found.items()}


def assert_same_meaning(left, right):
    assert left.keys() == right.keys()
    for pair, weight in left.items():
        quickly = type(weight) is float and math.isclose(weight, right[pair], rel_tol=1e-9, abs_tol=1e-7)
        assert quickly or weight == pytest.approx(right[pair], **TIGHT)


def is_connected(machine):
    """Whether every state is on a path from start to end, and states are numbered as a walk meets them."""
    states = {machine["start"]} | {state for arc in machine["arcs"] for state in arc[:2]}
    states |= {int(state) for state in machine["finals"]}
    forward, backward = {machine["start"]}, {int(state) for state in machine["finals"]}
    for _ in states:
        forward |= {arc[1] for arc in machine["arcs"] if arc[0] in forward}
        backward |= {arc[0] for arc in machine["arcs"] if arc[1] in backward}
    met = list(dict.fromkeys([0, *(arc[1] for arc in machine["arcs"])]))
    sources = [arc[0] for arc in machine["arcs"]]
    return states == forward == (backward or {0}) and met == sorted(states) and sources == sorted(sources)


def loops_allowed(machine, words):
    """Cheapest weights of (words, outputs) by a table, for machines with cycles: {outputs: weight}."""
    level = {(machine["start"], ()): 0.0}

    def spread(level):
        changed = True
        while changed:
            changed = False
            for (state, written), weight in list(level.items()):
                for source, target, label, output, price in machine["arcs"]:
                    key = (target, written + ((output,) if output else ()))
                    short = len(key[1]) <= 4
                    if (
                        source == state
                        and label == ""
                        and short
                        and weight + price < level.get(key, INF) - 1e-12
                    ):
                        level[key] = weight + price
                        changed = True
        return level

    level = spread(level)
    for word in words:
        following = {}
        for (state, written), weight in level.items():
            for source, target, label, output, price in machine["arcs"]:
                if source == state and label == word:
                    key = (target, written + ((output,) if output else ()))
                    following[key] = min(following.get(key, INF), weight + price)
        level = spread(following)
    result = {}
    for (state, written), weight in level.items():
        if f"{state}" in machine["finals"]:
            total = weight + machine["finals"][str(state)]
            result[written] = min(result.get(written, INF), total)
    return result


def assert_same_with_loops(ours, original, labels=("a", "b"), longest=4):
    for length in range(longest + 1):
        for words in itertools.product(labels, repeat=length):
            assert_same_meaning(loops_allowed(ours, words), loops_allowed(original, words))


# --- combine -------------------------------------------------------------------------------------


@checks("combine", visible=True)
def test_the_better_one_or_both_together(lab):
    assert lab.combine([2.303, 0.916]) == pytest.approx(0.916)
    both = lab.combine([-np.log(0.4), -np.log(0.1)], "log")
    assert both == pytest.approx(-np.log(0.5), abs=1e-12)


@checks("combine")
@given(weights=st.lists(st.floats(-1000, 1000), min_size=1, max_size=8))
def test_in_the_log_semiring_probabilities_are_added(lab, weights):
    from scipy.special import logsumexp

    assert lab.combine(weights, "log") == pytest.approx(-logsumexp([-w for w in weights]), rel=1e-9, abs=1e-9)


@checks("combine")
@given(weights=st.lists(st.floats(-1000, 1000), min_size=1, max_size=8))
def test_in_the_tropical_semiring_the_cheapest_counts_alone(lab, weights):
    assert lab.combine(weights) == sorted(weights)[0]
    assert lab.combine([*weights, INF], "tropical") == sorted(weights)[0]


@checks("combine")
def test_weights_whose_probability_is_no_float_any_more(lab):
    """Weights of a thousand and more do not vanish, and those of minus a thousand do not overflow."""
    assert lab.combine([1000.0, 1000.0], "log") == pytest.approx(1000 - np.log(2), abs=1e-9)
    assert lab.combine([-2000.0, -2000.0, 5.0], "log") == pytest.approx(-2000 - np.log(2), abs=1e-9)


@checks("combine")
@pytest.mark.parametrize("semiring", ["tropical", "log"])
def test_nothing_and_the_impossible_cost_infinity(lab, semiring):
    assert lab.combine([], semiring) == INF
    assert lab.combine([INF, INF], semiring) == INF
    assert lab.combine([INF, 2.5], semiring) == pytest.approx(2.5)


@checks("combine")
@pytest.mark.parametrize("semiring", ["real", "", "Log"], ids=["another one", "no word", "capital"])
def test_other_semirings_are_refused(lab, semiring):
    with pytest.raises(ValueError):
        lab.combine([1.0, 2.0], semiring)


# --- weighted_relation ---------------------------------------------------------------------------


@checks("weighted_relation", visible=True)
def test_a_loop_twice_around(lab):
    loop = {"start": 0, "arcs": [(0, 0, "a", "x", 0.5)], "finals": {"0": 0.25}}
    assert lab.weighted_relation(loop, 2) == {":": 0.25, "a:x": 0.75, "a a:x x": 1.25}


@checks("weighted_relation")
@given(seed=SEED, semiring=st.sampled_from(["tropical", "log"]), cyclic=st.booleans())
def test_every_path_is_walked_and_nothing_else(lab, seed, semiring, cyclic):
    machine = random_machine(np.random.default_rng(seed), n_states=4, n_arcs=7, cyclic=cyclic)
    max_arcs = seed % 5
    relation = lab.weighted_relation(machine, max_arcs, semiring)
    expected = meaning(machine, max_arcs, log=semiring == "log")
    assert_same_meaning(relation, {f"{' '.join(i)}:{' '.join(o)}": w for (i, o), w in expected.items()})


@checks("weighted_relation")
def test_two_paths_for_one_pair_are_combined(lab):
    arcs = [(0, 1, "a", "x", 1.0), (0, 1, "a", "x", 2.0), (0, 2, "", "x", 0.5), (2, 1, "a", "", 0.5)]
    machine = {"start": 0, "arcs": arcs, "finals": {"1": 1.0}}
    assert lab.weighted_relation(machine, 2) == {"a:x": 2.0}
    log = lab.weighted_relation(machine, 2, "log")
    assert log["a:x"] == pytest.approx(1 - np.log(2 * np.exp(-1) + np.exp(-2)), abs=1e-12)


@checks("weighted_relation")
@pytest.mark.parametrize("max_arcs", [0, 1, 2])
def test_longer_paths_are_left_out(lab, max_arcs):
    machine = {"start": 3, "arcs": [(3, 3, "a", "", 0.0)], "finals": {"3": 0.5}}
    relation = lab.weighted_relation(machine, max_arcs)
    assert relation == {" ".join(["a"] * n) + ":": 0.5 for n in range(max_arcs + 1)}


@checks("weighted_relation")
def test_labels_of_several_letters_stay_apart(lab):
    arcs = [(0, 1, "s", "six", 0.0), (1, 2, "ih", "", 0.0), (2, 3, "k", "seven", 1.0)]
    assert lab.weighted_relation({"start": 0, "arcs": arcs, "finals": {"3": 0.0}}, 3) == {
        "s ih k:six seven": 1.0
    }


# --- connect -------------------------------------------------------------------------------------


@checks("connect", visible=True)
def test_dead_ends_and_islands_go(lab):
    arcs = [
        (2, 9, "a", "a", 1.0),
        (2, 5, "dead", "end", 0.0),
        (7, 9, "is", "land", 0.0),
        (9, 9, "b", "b", 2.0),
    ]
    connected = lab.connect({"start": 2, "arcs": arcs, "finals": {"9": 0.5}})
    assert connected == {
        "start": 0,
        "arcs": [(0, 1, "a", "a", 1.0), (1, 1, "b", "b", 2.0)],
        "finals": {"1": 0.5},
    }


@checks("connect")
@given(seed=SEED)
def test_the_meaning_stays_and_every_state_is_useful(lab, seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=8, n_arcs=10, cyclic=True)
    names = rng.permutation(50)[:8].tolist()  # numbers with gaps
    renamed = {
        "start": names[0],
        "arcs": [(names[s], names[t], *rest) for s, t, *rest in machine["arcs"]],
        "finals": {str(names[int(s)]): w for s, w in machine["finals"].items()},
    }
    connected = lab.connect(renamed)
    assert is_connected(connected)
    assert_same_meaning(meaning(connected, 5), meaning(machine, 5))


@checks("connect")
@given(seed=SEED)
def test_useful_arcs_keep_their_order_and_none_is_doubled(lab, seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=5, n_arcs=14, cyclic=True)
    machine["arcs"] = [(s, t, f"arc{k}", "", w) for k, (s, t, _, _, w) in enumerate(machine["arcs"])]
    machine["finals"] = {str(state): 0.0 for state in range(5)}  # all can stop
    connected = lab.connect(machine)
    by_state = {}
    for source, _, label, _, _ in connected["arcs"]:
        by_state.setdefault(source, []).append(int(label[3:]))
    for numbers in by_state.values():
        assert numbers == sorted(set(numbers))
        source = machine["arcs"][numbers[0]][0]
        assert len(numbers) == sum(arc[0] == source for arc in machine["arcs"])


@checks("connect")
@pytest.mark.parametrize(
    "machine",
    [
        pytest.param({"start": 0, "arcs": [], "finals": {}}, id="nothing"),
        pytest.param({"start": 4, "arcs": [(4, 5, "a", "a", 0.0)], "finals": {}}, id="no final state"),
        pytest.param({"start": 4, "arcs": [(5, 6, "a", "a", 0.0)], "finals": {"6": 0.0}}, id="out of reach"),
    ],
)
def test_a_machine_that_accepts_nothing_becomes_the_empty_one(lab, machine):
    assert lab.connect(machine) == EMPTY


@checks("connect")
def test_a_start_that_is_final_needs_no_arc(lab):
    assert lab.connect({"start": 7, "arcs": [], "finals": {"7": 1.5}}) == {
        "start": 0,
        "arcs": [],
        "finals": {"0": 1.5},
    }


@checks("connect")
def test_near_states_come_before_far_ones(lab):
    arcs = [(0, 1, "a", "", 0.0), (1, 2, "b", "", 0.0), (2, 5, "c", "", 0.0), (0, 3, "d", "", 0.0)]
    arcs.append((3, 5, "e", "", 0.0))
    connected = lab.connect({"start": 0, "arcs": arcs, "finals": {"5": 0.0}})
    places = {label: (source, target) for source, target, label, _, _ in connected["arcs"]}
    assert places == {"a": (0, 1), "d": (0, 2), "b": (1, 3), "e": (2, 4), "c": (3, 4)}


# --- best_path -------------------------------------------------------------------------------


@checks("best_path", visible=True)
def test_the_detour_is_cheaper(lab):
    arcs = [(0, 2, "a", "x", 5.0), (0, 1, "b", "", 1.0), (1, 2, "", "y", 2.0)]
    weight, read, written = lab.best_path({"start": 0, "arcs": arcs, "finals": {"2": 0.5}})
    assert (weight, read, written) == (3.5, ["b"], ["y"])


@checks("best_path")
@given(seed=SEED, cyclic=st.booleans())
def test_no_walk_is_cheaper(lab, seed, cyclic):
    machine = random_machine(np.random.default_rng(seed), n_states=6, n_arcs=12, cyclic=cyclic)
    weight, read, written = lab.best_path(machine)
    # weights are not negative, so that some best path visits no state twice: five arcs at most
    every = meaning(machine, 5)
    if every:
        assert weight == pytest.approx(min(every.values()), **TIGHT)
        assert every[tuple(read), tuple(written)] == pytest.approx(weight, **TIGHT)
    else:
        assert (weight, read, written) == (INF, [], [])


@checks("best_path")
def test_stopping_has_its_price(lab):
    arcs = [(0, 1, "near", "", 3.0), (0, 2, "far", "", 4.0), (1, 2, "on", "", 2.0)]
    answer = lab.best_path({"start": 0, "arcs": arcs, "finals": {"1": 10.0, "2": 0.25, "0": 6.0}})
    assert answer == (4.25, ["far"], [])


@checks("best_path")
def test_nowhere_to_go(lab):
    """A start that is final, a start without a way out, a way of infinite price, a final state unreached."""
    assert lab.best_path({"start": 1, "arcs": [], "finals": {"1": 0.5}}) == (0.5, [], [])
    assert lab.best_path({"start": 1, "arcs": [], "finals": {"2": 0.5}}) == (INF, [], [])
    blocked = {"start": 0, "arcs": [(0, 1, "a", "a", INF)], "finals": {"1": 0.0}}
    assert lab.best_path(blocked) == (INF, [], [])


@checks("best_path")
def test_a_long_way_with_free_loops_ends(lab):
    """A chain of a thousand states, each with a loop that costs nothing, and a shortcut that is dearer."""
    arcs = [(k, k + 1, f"step{k}", "", 0.5) for k in range(1000)]
    arcs += [(k, k, "round", "", 0.0) for k in range(1001)] + [(0, 1000, "shortcut", "", 501.0)]
    weight, read, _ = lab.best_path({"start": 0, "arcs": arcs, "finals": {"1000": 0.0}})
    assert weight == pytest.approx(500.0, **TIGHT)
    assert read == [f"step{k}" for k in range(1000)]


@checks("best_path")
def test_states_that_were_reached_dearly_at_first_are_not_taken_for_granted(lab):
    arcs = [(0, 1, "direct", "", 9.0), (0, 2, "p", "", 1.0), (2, 3, "q", "", 1.0), (3, 1, "r", "", 1.0)]
    arcs.append((1, 4, "s", "", 1.0))
    answer = lab.best_path({"start": 0, "arcs": arcs, "finals": {"4": 0.0}})
    assert answer == (4.0, ["p", "q", "r", "s"], [])


@checks("best_path")
@pytest.mark.parametrize("where", ["arc", "final state"])
def test_negative_weights_are_refused(lab, where):
    arc, final = (-0.5, 1.0) if where == "arc" else (1.0, -0.5)
    with pytest.raises(ValueError):
        lab.best_path({"start": 0, "arcs": [(0, 1, "a", "a", arc)], "finals": {"1": final}})


# --- compose -------------------------------------------------------------------------------------


def joined(first, second):
    """All pairs of paths that fit together: (input, output) → weights, straight from the definition."""
    found = {}
    for (read, middle, weight), (expected, written, price) in itertools.product(walks(first), walks(second)):
        if middle == expected:
            found.setdefault((read, written), []).append(weight + price)
    return found


@checks("compose", visible=True)
def test_sounds_to_words_to_judgement(lab):
    sounds = {"start": 0, "arcs": [(0, 1, "t", "two", 0.5), (1, 0, "uw", "", 0.25)], "finals": {"0": 0.125}}
    once = {"start": 0, "arcs": [(0, 1, "two", "2", 1.0)], "finals": {"1": 2.0}}
    expected = {(("t", "uw"), ("2",)): 3.875}
    assert meaning(lab.compose(sounds, once), 6) == expected


@checks("compose")
@given(seed=SEED)
def test_without_epsilons_it_is_the_join_of_two_tables(lab, seed):
    rng = np.random.default_rng(seed)
    first = random_machine(rng, outputs=("m", "n"), epsilon=0.0)
    second = random_machine(rng, inputs=("m", "n"), epsilon=0.0)
    composed = lab.compose(first, second)
    assert_same_meaning(meaning(composed), {pair: min(w) for pair, w in joined(first, second).items()})
    assert is_connected(composed)


@checks("compose")
@given(seed=SEED)
def test_with_epsilons_every_pair_of_paths_is_one_path(lab, seed):
    """Also where both machines have epsilons, each pair of paths that fit gives exactly one path."""
    rng = np.random.default_rng(seed)
    first = random_machine(rng, n_states=4, n_arcs=7, outputs=("m", "n"), epsilon=0.5)
    second = random_machine(rng, n_states=4, n_arcs=7, inputs=("m", "n"), epsilon=0.5)
    composed = lab.compose(first, second)
    found = {}
    for read, written, weight in walks(composed):
        found.setdefault((read, written), []).append(weight)
    expected = joined(first, second)
    assert found.keys() == expected.keys()
    for pair, weights in expected.items():
        assert len(found[pair]) == len(weights)
        assert sorted(found[pair]) == pytest.approx(sorted(weights), **TIGHT)


@checks("compose")
def test_epsilons_of_both_are_not_counted_twice(lab):
    """One path of each machine, both all epsilons on the inner side: one path, not three."""
    first = {"start": 0, "arcs": [(0, 1, "A", "", 0.5)], "finals": {"1": 0.0}}
    second = {"start": 0, "arcs": [(0, 1, "", "B", 0.25)], "finals": {"1": 0.0}}
    assert [walk[2] for walk in walks(lab.compose(first, second))] == [0.75]
    assert meaning(lab.compose(first, second), log=True)[("A",), ("B",)] == pytest.approx(0.75)


@checks("compose")
def test_epsilons_on_one_side_only(lab):
    """The other machine waits: before, between and after what is matched."""
    quiet = {
        "start": 0,
        "arcs": [(0, 1, "a", "", 0.5), (1, 2, "b", "m", 0.5), (2, 3, "c", "", 0.5)],
        "finals": {"3": 0.5},
    }
    assert meaning(lab.compose(quiet, chain(["m"]))) == {(("a", "b", "c"), ("m",)): 2.0}
    talks = {
        "start": 0,
        "arcs": [(0, 1, "", "x", 0.5), (1, 2, "m", "y", 0.5), (2, 3, "", "z", 0.5)],
        "finals": {"3": 0.5},
    }
    assert meaning(lab.compose(chain(["m"]), talks)) == {(("m",), ("x", "y", "z")): 2.0}


@checks("compose")
def test_the_first_may_move_alone_again_after_a_match(lab):
    first = {"start": 0, "arcs": [(0, 1, "a", "m", 0.5), (1, 2, "b", "", 0.5)], "finals": {"2": 0.0}}
    second = {"start": 0, "arcs": [(0, 1, "", "x", 0.5), (1, 2, "m", "", 0.5)], "finals": {"2": 0.0}}
    assert meaning(lab.compose(first, second)) == {(("a", "b"), ("x",)): 2.0}


@checks("compose")
def test_loops_of_both_machines(lab):
    """A lexicon that goes round and a grammar that goes round accept every sequence of words."""
    lexicon = {
        "start": 0,
        "arcs": [(0, 1, "a", "p", 0.5), (1, 0, "b", "", 0.0), (0, 0, "b", "q", 1.0)],
        "finals": {"0": 0.25},
    }
    grammar = {
        "start": 0,
        "arcs": [(0, 1, "p", "p", 0.5), (1, 0, "q", "q", 0.0)],
        "finals": {"0": 1.0, "1": 2.0},
    }
    composed = lab.compose(lexicon, grammar)
    assert is_connected(composed)
    expected = {
        ((), ()): 1.25,
        (("a", "b"), ("p",)): 3.25,
        (("a", "b", "b"), ("p", "q")): 3.25,
        (("a", "b", "b", "a", "b"), ("p", "q", "p")): 5.25,
    }
    found = meaning(composed, 5)
    assert_same_meaning(found, expected)


@checks("compose")
def test_machines_that_do_not_fit_give_the_empty_machine(lab):
    assert lab.compose(chain(["m"]), chain(["n"])) == EMPTY
    assert lab.compose(chain(["m"]), {"start": 0, "arcs": [(0, 1, "m", "m", 0.0)], "finals": {}}) == EMPTY


@checks("compose")
def test_starts_need_not_be_zero(lab):
    first = {"start": 3, "arcs": [(3, 1, "a", "m", 0.5)], "finals": {"1": 0.0}}
    second = {"start": 2, "arcs": [(2, 0, "m", "x", 0.5)], "finals": {"0": 0.0}}
    assert meaning(lab.compose(first, second)) == {(("a",), ("x",)): 1.0}


# --- remove_epsilons -----------------------------------------------------------------------------


@checks("remove_epsilons", visible=True)
def test_a_corridor_is_paid_at_its_far_end(lab):
    arcs = [(0, 1, "", "", 0.25), (1, 2, "a", "a", 0.5)]
    removed = lab.remove_epsilons({"start": 0, "arcs": arcs, "finals": {"1": 0.25, "2": 0.0}})
    assert removed == {"start": 0, "arcs": [(0, 1, "a", "a", 0.75)], "finals": {"0": 0.5, "1": 0.0}}


@checks("remove_epsilons")
@given(seed=SEED)
def test_the_meaning_stays_without_the_corridors(lab, seed):
    machine = random_machine(np.random.default_rng(seed), n_states=6, n_arcs=12, epsilon=0.6)
    removed = lab.remove_epsilons(machine)
    assert not any(arc[2] == arc[3] == "" for arc in removed["arcs"])
    assert is_connected(removed)
    assert_same_meaning(meaning(removed), meaning(machine))


@checks("remove_epsilons")
@given(seed=SEED)
def test_corridors_may_go_round(lab, seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=4, n_arcs=8, epsilon=0.7, cyclic=True, acceptor=True)
    removed = lab.remove_epsilons(machine)
    assert not any(arc[2] == arc[3] == "" for arc in removed["arcs"])
    assert_same_with_loops(removed, machine, longest=3)


@checks("remove_epsilons")
def test_arcs_with_a_label_on_one_side_stay(lab):
    arcs = [(0, 1, "", "word", 0.5), (1, 2, "sound", "", 0.25), (2, 3, "", "", 1.0)]
    removed = lab.remove_epsilons({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})
    assert removed == {
        "start": 0,
        "arcs": [(0, 1, "", "word", 0.5), (1, 2, "sound", "", 0.25)],
        "finals": {"2": 1.0},
    }


@checks("remove_epsilons")
def test_of_two_corridors_the_cheaper_counts_also_for_stopping(lab):
    """A direct corridor that is dear, one over two states that is cheap, and two places to stop."""
    arcs = [(0, 2, "", "", 5.0), (0, 1, "", "", 1.0), (1, 2, "", "", 1.0), (2, 3, "a", "b", 0.5)]
    removed = lab.remove_epsilons(
        {"start": 0, "arcs": arcs, "finals": {"0": 4.0, "1": 2.0, "2": 3.0, "3": 0.0}}
    )
    assert meaning(removed) == {((), ()): 3.0, (("a",), ("b",)): 2.5}


@checks("remove_epsilons")
def test_a_corridor_may_pay_back(lab):
    arcs = [
        (0, 1, "", "", 2.0),
        (0, 2, "", "", 1.0),
        (2, 1, "", "", 0.5),
        (1, 3, "", "", -1.5),
        (3, 4, "a", "a", 1.0),
    ]
    removed = lab.remove_epsilons({"start": 0, "arcs": arcs, "finals": {"4": 0.0}})
    assert removed == {"start": 0, "arcs": [(0, 1, "a", "a", 1.0)], "finals": {"1": 0.0}}


@checks("remove_epsilons")
def test_a_circle_of_corridors_that_costs_nothing_ends(lab):
    arcs = [(0, 1, "", "", 0.0), (1, 0, "", "", 0.0), (1, 1, "", "", 0.0), (1, 2, "a", "a", 0.5)]
    removed = lab.remove_epsilons({"start": 0, "arcs": arcs, "finals": {"2": 0.0}})
    assert removed == {"start": 0, "arcs": [(0, 1, "a", "a", 0.5)], "finals": {"1": 0.0}}


@checks("remove_epsilons")
def test_a_start_that_is_not_zero(lab):
    arcs = [(2, 1, "", "", 0.5), (1, 0, "a", "a", 0.5), (0, 2, "b", "b", 0.5)]
    removed = lab.remove_epsilons({"start": 2, "arcs": arcs, "finals": {"0": 0.0}})
    assert_same_meaning(
        meaning(removed, 5),
        {(("a",), ("a",)): 1.0, (("a", "b", "a"),) * 2: 2.5, (("a", "b") * 2 + ("a",),) * 2: 4.0},
    )


# --- determinize ---------------------------------------------------------------------------------


def is_deterministic(machine):
    ways = [arc[:1] + arc[2:3] for arc in machine["arcs"]]
    return len(ways) == len(set(ways)) and is_connected(machine)


@checks("determinize", visible=True)
def test_six_and_seven_share_their_s(lab):
    arcs = [(0, 1, "s", "six", 0.75), (0, 2, "s", "seven", 0.5), (1, 3, "ih", "", 0.0), (2, 3, "eh", "", 0.0)]
    machine = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})
    assert machine["arcs"] == [(0, 1, "s", "", 0.5), (1, 2, "eh", "seven", 0.0), (1, 2, "ih", "six", 0.25)]


@checks("determinize")
@given(seed=SEED)
def test_acceptors_keep_their_meaning(lab, seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=6, n_arcs=12, epsilon=0.0, acceptor=True)
    machine["arcs"] = [(s, t, i, "", w) for s, t, i, _, w in machine["arcs"]]
    determined = lab.determinize(machine)
    assert is_deterministic(determined)
    assert_same_meaning(meaning(determined), meaning(machine))


@checks("determinize")
@given(seed=SEED)
def test_a_lexicon_keeps_its_words(lab, seed):
    """Several chains of sounds from one start, each with its word on the first arc and its own end mark."""
    rng = np.random.default_rng(seed)
    arcs, free, expected = [], 2, {}
    for number in range(6):
        sounds = [str(rng.choice(["a", "b"])) for _ in range(rng.integers(1, 4))] + [f"#{number}"]
        here, total = 0, 0.0
        for position, sound in enumerate(sounds):
            target, free = (1, free) if position == len(sounds) - 1 else (free, free + 1)
            weight = rng.integers(0, 40).item() / 8
            arcs.append((here, target, sound, f"word{number}" if position == 0 else "", weight))
            here, total = target, total + weight
        expected[tuple(sounds), (f"word{number}",)] = total + 0.5
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"1": 0.5}})
    assert is_deterministic(determined)
    assert_same_meaning(meaning(determined), expected)


@checks("determinize")
def test_loops_stay_finite_where_the_residual_weights_do(lab):
    """Two loops at the same price per turn: the residual weight stays the same for ever."""
    arcs = [(0, 1, "a", "a", 1.0), (0, 2, "a", "a", 2.0), (1, 1, "b", "b", 3.0), (2, 2, "b", "b", 3.0)]
    arcs += [(1, 3, "c", "c", 1.0), (2, 3, "d", "d", 0.1)]
    machine = {"start": 0, "arcs": arcs, "finals": {"3": 0.0}}
    determined = lab.determinize(machine, 50)
    assert is_deterministic(determined)
    assert len({arc[0] for arc in determined["arcs"]}) == 2
    assert_same_with_loops(determined, machine, ("a", "b", "c", "d"), 3)


@checks("determinize")
def test_a_weight_is_paid_as_soon_as_it_is_common_to_all(lab):
    arcs = [(0, 1, "a", "", 3.0), (0, 2, "a", "", 5.0), (1, 3, "b", "", 0.0), (2, 4, "c", "", 0.0)]
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.5, "4": 0.25}})
    weights = {label: weight for _, _, label, _, weight in determined["arcs"]}
    assert weights == {"a": 3.0, "b": 0.0, "c": 2.0}
    assert sorted(determined["finals"].values()) == [0.25, 0.5]


@checks("determinize")
def test_of_two_ways_to_stop_the_cheaper_counts_with_its_residual_weight(lab):
    arcs = [(0, 1, "a", "", 1.0), (0, 2, "a", "", 3.0)]
    for stops, expected in (({"1": 4.0, "2": 1.0}, 3.0), ({"1": 1.0, "2": 4.0}, 1.0)):
        determined = lab.determinize({"start": 0, "arcs": arcs, "finals": stops})
        assert determined == {"start": 0, "arcs": [(0, 1, "a", "", 1.0)], "finals": {"1": expected}}


@checks("determinize")
def test_what_all_paths_write_is_written_at_once(lab):
    arcs = [(0, 1, "a", "same", 0.0), (0, 2, "a", "same", 0.0), (1, 3, "b", "x", 0.0), (2, 3, "c", "y", 0.0)]
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})
    assert [arc[2:4] for arc in determined["arcs"]] == [("a", "same"), ("b", "x"), ("c", "y")]


@checks("determinize")
def test_an_output_may_be_held_back_over_several_labels(lab):
    arcs = [(0, 1, "a", "P", 0.0), (1, 2, "b", "", 0.0), (2, 3, "c", "", 0.0), (0, 4, "a", "Q", 0.0)]
    arcs += [(4, 5, "b", "R", 0.0), (5, 6, "d", "", 0.0), (6, 3, "e", "", 0.0)]
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})
    assert meaning(determined) == {(("a", "b", "c"), ("P",)): 0.0, (("a", "b", "d", "e"), ("Q", "R")): 0.0}
    assert [arc[3] for arc in determined["arcs"][:2]] == ["", ""]


@checks("determinize")
def test_the_order_of_the_members_makes_no_new_state(lab):
    """Two labels that lead to the same two states, met in another order, lead to one new state."""
    arcs = [(0, 2, "a", "", 1.0), (0, 1, "a", "", 1.0), (0, 1, "b", "", 1.0), (0, 2, "b", "", 1.0)]
    arcs += [(1, 3, "c", "", 0.0), (2, 3, "d", "", 0.0)]
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})
    assert len(determined["arcs"]) == 4
    assert {arc[1] for arc in determined["arcs"]} == {1, 2}


@checks("determinize")
def test_equal_sets_are_one_state_although_their_last_digits_differ(lab):
    """0.1 + 0.2 is not 0.3 in floating point; a loop that adds such numbers must not make new states."""
    arcs = [(0, 1, "a", "", 0.1), (0, 2, "a", "", 0.3)]
    arcs += [(1, 1, "b", "", 0.1), (2, 2, "b", "", 0.1), (1, 3, "c", "", 0.0), (2, 3, "d", "", 0.0)]
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}}, 20)
    assert len(determined["arcs"]) == 4


@checks("determinize")
@pytest.mark.parametrize(("difference", "arcs_left"), [(3e-10, 4), (3e-9, 6)], ids=["tenth", "ninth"])
def test_residual_weights_are_compared_to_nine_decimals(lab, difference, arcs_left):
    """Sets whose residual weights differ from the tenth decimal on are one state."""
    arcs = [
        (0, 1, "a", "", 0.0),
        (0, 2, "a", "", 0.5),
        (0, 1, "b", "", 0.0),
        (0, 2, "b", "", 0.5 + difference),
    ]
    arcs += [(1, 3, "c", "", 0.0), (2, 3, "d", "", 0.0)]
    determined = lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})
    assert len(determined["arcs"]) == arcs_left


@checks("determinize")
def test_a_set_that_grows_for_ever_is_given_up(lab):
    """Two loops at different prices per turn: the residual weight grows with every turn."""
    arcs = [(0, 1, "a", "", 1.0), (0, 2, "a", "", 1.0), (1, 1, "b", "", 1.0), (2, 2, "b", "", 2.0)]
    machine = {"start": 0, "arcs": arcs, "finals": {"1": 0.0, "2": 0.0}}
    with pytest.raises(ValueError):
        lab.determinize(machine, 50)


@checks("determinize")
def test_the_limit_counts_every_state(lab):
    machine = chain(["a", "b", "c"])
    assert len(lab.determinize(machine, 4)["arcs"]) == 3
    with pytest.raises(ValueError):
        lab.determinize(machine, 3)


@checks("determinize")
def test_two_words_of_the_same_sound_are_refused(lab):
    arcs = [(0, 1, "t", "two", 0.0), (1, 3, "uw", "", 0.0), (0, 2, "t", "too", 0.0), (2, 3, "uw", "", 0.0)]
    with pytest.raises(ValueError):
        lab.determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})


@checks("determinize")
def test_arcs_that_read_nothing_are_refused(lab):
    with pytest.raises(ValueError):
        lab.determinize({"start": 0, "arcs": [(0, 1, "", "x", 0.0)], "finals": {"1": 0.0}})


# --- push_weights --------------------------------------------------------------------------------


def to_the_end(machine):
    """Cheapest way from every state to the end, by value iteration."""
    n_states = 1 + max([0, *(arc[1] for arc in machine["arcs"])])
    best = np.full(n_states, INF)
    for state, price in machine["finals"].items():
        best[int(state)] = price
    for _ in range(n_states):
        for source, target, _, _, weight in machine["arcs"]:
            best[source] = min(best[source], weight + best[target])
    return best


@checks("push_weights", visible=True)
def test_the_price_comes_at_the_fork(lab):
    arcs = [(0, 1, "a", "a", 1.0), (0, 2, "b", "b", 2.0)]
    pushed = lab.push_weights({"start": 0, "arcs": arcs, "finals": {"1": 4.0, "2": 0.0}})
    assert [arc[4] for arc in pushed["arcs"]] == [3.0, 0.0]
    assert pushed["finals"] == {"1": 2.0, "2": 2.0}


@checks("push_weights")
@given(seed=SEED)
def test_pushing_keeps_what_the_machine_means(lab, seed):
    """The table of meanings stays; so does the number of paths."""
    machine = random_machine(np.random.default_rng(seed), n_states=6, n_arcs=11)
    pushed = lab.push_weights(machine)
    assert_same_meaning(meaning(pushed, log=True), meaning(machine, log=True))
    assert is_connected(pushed)


@checks("push_weights")
@given(seed=SEED)
def test_from_every_state_the_best_way_on_is_free(lab, seed):
    machine = random_machine(np.random.default_rng(seed), n_states=6, n_arcs=14, cyclic=True)
    every = meaning(machine, 6)
    pushed = lab.push_weights(machine)
    if every:
        np.testing.assert_allclose(to_the_end(pushed), min(every.values()), atol=1e-9)
        assert min([arc[4] for arc in pushed["arcs"]], default=0.0) >= -1e-9
    else:
        assert pushed == EMPTY


@checks("push_weights")
def test_a_path_that_comes_back_to_the_start_pays_once(lab):
    arcs = [(0, 1, "a", "a", 1.0), (1, 0, "b", "b", 2.0)]
    machine = {"start": 0, "arcs": arcs, "finals": {"1": 4.0}}
    pushed = lab.push_weights(machine)
    expected = {"a": 5.0, "a b a": 8.0, "a b a b a": 11.0}
    found = {" ".join(read): weight for (read, _), weight in meaning(pushed, 5).items()}
    assert_same_meaning(found, expected)
    assert pushed["finals"] == {"1": 5.0}


@checks("push_weights")
def test_negative_weights_without_a_cycle_are_welcome(lab):
    arcs = [(0, 1, "a", "a", 5.0), (0, 1, "b", "b", 1.0), (1, 2, "c", "c", -3.0)]
    machine = {"start": 0, "arcs": arcs, "finals": {"2": 0.5}}
    pushed = lab.push_weights(machine)
    assert [arc[4] for arc in pushed["arcs"]] == [4.0, 0.0, 0.0]
    assert pushed["finals"] == {"2": -1.5}


@checks("push_weights")
def test_a_long_chain_in_an_unlucky_order(lab):
    """Twenty states whose arcs stand in the order in which news travels most slowly, and in the other."""
    forward = [(k, k + 1, "a", "a", 1.0) for k in range(20)]
    for machine in (
        {"start": 0, "arcs": forward, "finals": {"20": 0.0}},
        {"start": 20, "arcs": [(t, s, *rest) for s, t, *rest in forward], "finals": {"0": 0.0}},
    ):
        pushed = lab.push_weights(machine)
        assert [arc[4] for arc in pushed["arcs"]] == [0.0] * 20
        assert pushed["finals"] == {"20": 20.0}


@checks("push_weights")
def test_a_cycle_that_pays_is_refused(lab):
    arcs = [(0, 1, "a", "a", 1.0), (1, 0, "b", "b", -1.5), (1, 2, "c", "c", 0.0)]
    with pytest.raises(ValueError):
        lab.push_weights({"start": 0, "arcs": arcs, "finals": {"2": 0.0}})
    harmless = [(0, 1, "a", "a", 1.0), (1, 0, "b", "b", -1.0), (1, 2, "c", "c", 0.0)]
    assert lab.push_weights({"start": 0, "arcs": harmless, "finals": {"2": 0.0}})["finals"] == {"2": 1.0}


@checks("push_weights")
def test_states_that_lead_nowhere_are_no_trouble(lab):
    arcs = [(0, 1, "a", "a", 1.0), (0, 2, "b", "b", 1.0)]
    pushed = lab.push_weights({"start": 0, "arcs": arcs, "finals": {"1": 2.0}})
    assert pushed == {"start": 0, "arcs": [(0, 1, "a", "a", 0.0)], "finals": {"1": 3.0}}


# --- minimize ------------------------------------------------------------------------------------


def tree(rng, n_words=8, priced=True):
    """A deterministic acceptor of random words, as a tree; weights are eighths."""
    arcs, finals, children, free = [], {}, {}, 1
    for _ in range(n_words):
        here = 0
        for label in rng.choice(["a", "b"], size=rng.integers(1, 5)).tolist():
            if (here, label) not in children:
                children[here, label] = free
                weight = rng.integers(0, 3).item() / 8 if priced else 0.0
                arcs.append((here, free, label, label, weight))
                free += 1
            here = children[here, label]
        finals[str(here)] = rng.integers(0, 2).item() / 4 if priced else 0.0
    return {"start": 0, "arcs": arcs, "finals": finals}


def futures(machine):
    """Number of different futures: what may follow a state, at which price above the cheapest."""
    states = {machine["start"]} | {arc[1] for arc in machine["arcs"]}
    found = set()
    for state in states:
        follows = meaning({**machine, "start": state})
        if follows:
            least = min(follows.values())
            found.add(frozenset((read, round(weight - least, 6)) for (read, _), weight in follows.items()))
    return len(found)


def count_states(machine):
    return len({machine["start"]} | {state for arc in machine["arcs"] for state in arc[:2]})


@checks("minimize", visible=True)
def test_two_ends_become_one(lab):
    arcs = [(0, 1, "a", "a", 1.0), (0, 2, "b", "b", 2.0), (1, 3, "c", "c", 4.0), (2, 4, "c", "c", 0.0)]
    smallest = lab.minimize({"start": 0, "arcs": arcs, "finals": {"3": 0.0, "4": 0.0}})
    assert smallest == {
        "start": 0,
        "arcs": [(0, 1, "a", "a", 3.0), (0, 1, "b", "b", 0.0), (1, 2, "c", "c", 0.0)],
        "finals": {"2": 2.0},
    }


@checks("minimize")
@given(seed=SEED, priced=st.booleans())
def test_one_state_for_each_future_and_the_same_meaning(lab, seed, priced):
    machine = tree(np.random.default_rng(seed), priced=priced)
    smallest = lab.minimize(machine)
    assert_same_meaning(meaning(smallest), meaning(machine))
    assert count_states(smallest) == futures(machine)
    assert is_connected(smallest)


@checks("minimize")
@given(seed=SEED)
def test_loops_are_folded(lab, seed):
    """A loop of two labels written out many times becomes a loop of two arcs again."""
    turns = 2 + seed % 5
    arcs = [(k, (k + 1) % (2 * turns), "ab"[k % 2], "ab"[k % 2], 0.5 * (k % 2)) for k in range(2 * turns)]
    machine = {"start": 0, "arcs": arcs, "finals": {str(k): 0.25 for k in range(0, 2 * turns, 2)}}
    smallest = lab.minimize(machine)
    assert count_states(smallest) == 2 and len(smallest["arcs"]) == 2
    assert_same_with_loops(smallest, machine)


@checks("minimize")
def test_the_same_shape_at_other_prices_is_kept_apart(lab):
    arcs = [(0, 1, "a", "a", 0.0), (0, 2, "b", "b", 0.0)]
    for state, prices in ((1, (0.0, 1.0)), (2, (0.0, 2.0))):
        arcs += [(state, 3, "c", "c", prices[0]), (state, 3, "d", "d", prices[1])]
    machine = {"start": 0, "arcs": arcs, "finals": {"3": 0.0}}
    assert count_states(lab.minimize(machine)) == 4
    assert_same_meaning(meaning(lab.minimize(machine)), meaning(machine))


@checks("minimize")
def test_prices_of_stopping_keep_states_apart(lab):
    """Stopping for 0 or for 1 beside the same way on, and stopping beside not stopping."""
    arcs = [(0, 1, "a", "a", 0.0), (0, 2, "b", "b", 0.0), (0, 4, "e", "e", 0.0)]
    arcs += [(state, 3, "c", "c", 0.0) for state in (1, 2, 4)]
    machine = {"start": 0, "arcs": arcs, "finals": {"1": 0.0, "2": 1.0, "3": 0.0}}
    assert count_states(lab.minimize(machine)) == 5


@checks("minimize")
def test_outputs_keep_states_apart(lab):
    arcs = [(0, 1, "a", "", 0.0), (0, 2, "b", "", 0.0), (1, 3, "c", "x", 0.0), (2, 3, "c", "y", 0.0)]
    machine = {"start": 0, "arcs": arcs, "finals": {"3": 0.0}}
    smallest = lab.minimize(machine)
    assert count_states(smallest) == 4
    assert meaning(smallest) == meaning(machine)


@checks("minimize")
def test_a_difference_far_ahead_keeps_states_apart(lab):
    """Two arms of ten equal arcs that end differently share no state but the last."""
    arcs = [(0, 1, "l", "l", 0.0), (0, 11, "r", "r", 0.0)]
    arcs += [(first + k, first + k + 1, "a", "a", 0.0) for first in (1, 11) for k in range(9)]
    arcs += [(10, 21, "x", "x", 0.0), (20, 21, "y", "y", 0.0)]
    assert count_states(lab.minimize({"start": 0, "arcs": arcs, "finals": {"21": 0.0}})) == 22


@checks("minimize")
def test_weights_that_agree_to_nine_decimals_are_equal(lab):
    arcs = [(0, 1, "a", "a", 0.0), (0, 2, "b", "b", 0.0)]
    for state, price in ((1, 0.1 + 0.2), (2, 0.3)):
        arcs += [(state, 3, "c", "c", 0.0), (state, 3, "d", "d", price)]
    assert count_states(lab.minimize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})) == 3
    stops = {"1": 0.1 + 0.2, "2": 0.3, "3": 0.0}
    assert count_states(lab.minimize({"start": 0, "arcs": arcs, "finals": stops})) == 3


@checks("minimize")
@pytest.mark.parametrize(("difference", "states"), [(3e-10, 3), (3e-9, 4)], ids=["tenth", "ninth"])
def test_the_ninth_decimal_counts_and_the_tenth_does_not(lab, difference, states):
    """Prices that differ from the tenth decimal on are equal, on arcs and in final states."""
    arcs = [(0, 1, "a", "a", 0.0), (0, 2, "b", "b", 0.0)]
    for state, price in ((1, 0.5), (2, 0.5 + difference)):
        arcs += [(state, 3, "c", "c", 0.0), (state, 3, "d", "d", price)]
    assert count_states(lab.minimize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})) == states
    arcs = [(0, 1, "a", "a", 0.0), (0, 2, "b", "b", 0.0), (1, 3, "c", "c", 0.0), (2, 3, "c", "c", 0.0)]
    stops = {"1": 0.5, "2": 0.5 + difference, "3": 0.0}
    assert count_states(lab.minimize({"start": 0, "arcs": arcs, "finals": stops})) == states


@checks("minimize")
def test_a_machine_that_accepts_nothing_stays_empty(lab):
    assert lab.minimize({"start": 2, "arcs": [(2, 3, "a", "a", 0.0)], "finals": {}}) == EMPTY


# --- lexicon_machine -----------------------------------------------------------------------------


@checks("lexicon_machine", visible=True)
def test_a_word_of_two_phones(lab):
    machine = lab.lexicon_machine({"two": ["t uw"]}, silence_probability=0.25)
    arcs = {tuple(arc[:4]): round(arc[4], 3) for arc in machine["arcs"]}
    assert arcs == {
        (0, 1, "", ""): 0.288,
        (0, 2, "", ""): 1.386,
        (2, 1, "sil", ""): 0.0,
        (1, 3, "t", "two"): 0.0,
        (3, 1, "uw", ""): 0.288,
        (3, 2, "uw", ""): 1.386,
    }
    assert (machine["start"], machine["finals"]) == (0, {"1": 0.0})


@oracle
def sayings(lexicon, silence, probability, n_words):
    """(phones, words) → weight of everything that one may say in up to so many words."""
    found = {}
    choices = [(word, way.split()) for word, ways in lexicon.items() for way in ways]
    for length in range(n_words + 1):
        for said in itertools.product(choices, repeat=length):
            for pauses in itertools.product([False, True], repeat=length + 1):
                phones = [silence] if pauses[0] else []
                for (_, way), pause in zip(said, pauses[1:], strict=True):
                    phones += way + ([silence] if pause else [])
                weight = -sum(np.log(probability if pause else 1 - probability) for pause in pauses)
                pair = tuple(phones), tuple(word for word, _ in said)
                found[pair] = min(found.get(pair, INF), weight)
    return found


@oracle
def meaning_of_so_many_words(machine, max_arcs, n_words):
    return {pair: weight for pair, weight in meaning(machine, max_arcs).items() if len(pair[1]) <= n_words}


@checks("lexicon_machine")
@given(probability=st.floats(0.05, 0.95), seed=SEED)
def test_words_and_pauses_in_any_order_at_their_price(lab, probability, seed):
    rng = np.random.default_rng(seed)
    lexicon = {
        word: [
            " ".join(rng.choice(["a", "b", "cc"], size=rng.integers(1, 3))) for _ in range(rng.integers(1, 3))
        ]
        for word in ("one", "two")
    }
    machine = lab.lexicon_machine(lexicon, "quiet", probability)
    expected = sayings(lexicon, "quiet", probability, 2)
    # two words of two phones and three places for silence: two arcs at the start, then three a word
    assert_same_meaning(meaning_of_so_many_words(machine, 2 + 2 * 3, 2), expected)


@checks("lexicon_machine")
def test_the_word_is_written_on_the_first_arc_of_each_pronunciation(lab):
    machine = lab.lexicon_machine({"zero": ["z ih r ow", "z iy r ow"], "oh": ["ow"]})
    writing = [(arc[0], arc[2], arc[3]) for arc in machine["arcs"] if arc[3]]
    assert sorted(writing) == [(1, "ow", "oh"), (1, "ow", "oh"), (1, "z", "zero"), (1, "z", "zero")]


@checks("lexicon_machine")
def test_every_pronunciation_has_its_own_states(lab):
    machine = lab.lexicon_machine({"two": ["t uw"], "ten": ["t eh n"]})
    states = sorted({state for arc in machine["arcs"] for state in arc[:2]})
    assert states == [0, 1, 2, 3, 4, 5]
    assert len(machine["arcs"]) == 3 + (1 + 2) + (2 + 2)


@checks("lexicon_machine")
@pytest.mark.parametrize(
    "probability", [0.0, 1.0, -0.2, 1.5], ids=["never", "always", "negative", "too large"]
)
def test_silence_must_be_a_choice(lab, probability):
    with pytest.raises(ValueError):
        lab.lexicon_machine({"two": ["t uw"]}, silence_probability=probability)


@checks("lexicon_machine")
@pytest.mark.parametrize("way", ["", "  "], ids=["empty", "spaces"])
def test_a_word_without_a_phone_is_refused(lab, way):
    with pytest.raises(ValueError):
        lab.lexicon_machine({"two": ["t uw", way]})


# --- ngram_machine -------------------------------------------------------------------------------

BIGRAM = {
    "order": 2,
    "log10_probs": {"<s>": -99.0, "</s>": -1.0, "one": -0.6, "nine": -0.5, "<s> one": -0.2, "one nine": -0.1},
    "log10_backoffs": {"<s>": -0.7, "one": -0.9, "nine": 0.0},
}


def random_model(rng, order):
    """Tables of a random back-off model, good for tests of the machine only: nothing is normalised."""
    words = ["one", "two"]
    probs, backoffs = {"<s>": -99.0}, {"<s>": -rng.uniform(0, 2)}
    for word in [*words, "</s>"]:
        probs[word] = -rng.uniform(0.1, 3)
    histories = [("<s>",), *((word,) for word in words)]
    for length in range(2, order + 1):
        longer = []
        for history in histories:
            for word in [*words, "</s>"]:
                if rng.random() < 0.5:
                    probs[" ".join((*history, word))] = -rng.uniform(0.1, 3)
                    if word != "</s>" and length < order:
                        longer.append((*history, word))
        for history in histories:
            if rng.random() < 0.7:
                backoffs[" ".join(history)] = -rng.uniform(0, 2)
        histories = longer
    return {"order": order, "log10_probs": probs, "log10_backoffs": backoffs}


def cheapest_score(model, words):
    """Best weight of a sentence, with back-off as a free choice, by trying everything."""
    probs, backoffs = model["log10_probs"], model["log10_backoffs"]
    histories = {tuple(ngram.split()[:-1]) for ngram in probs} | {()}

    def longest(sequence):
        while sequence not in histories:
            sequence = sequence[1:]
        return sequence

    def score(history, rest):
        best = -INF
        ngram = " ".join((*history, rest[0]))
        if ngram in probs:
            after = score(longest((*history, rest[0])), rest[1:]) if len(rest) > 1 else 0.0
            best = probs[ngram] + after
        if history:
            best = max(best, backoffs.get(" ".join(history), 0.0) + score(longest(history[1:]), rest))
        return best

    return -np.log(10) * score(longest(("<s>",)), (*words, "</s>"))


def sentence_weight(machine, words):
    """Best weight that an acceptor with epsilons gives a sentence; infinity if it refuses."""
    return loops_allowed({**machine, "arcs": [(*a[:3], "", a[4]) for a in machine["arcs"]]}, words).get(
        (), INF
    )


@checks("ngram_machine", visible=True)
def test_a_bigram_model_with_back_off(lab):
    machine = lab.ngram_machine(BIGRAM)
    # <s> one, one nine, nine backs off, </s>
    assert sentence_weight(machine, ["one", "nine"]) == pytest.approx((0.2 + 0.1 + 0.0 + 1.0) * np.log(10))
    # <s> backs off, nine, nine backs off, one, one backs off, </s>
    assert sentence_weight(machine, ["nine", "one"]) == pytest.approx(
        (0.7 + 0.5 + 0.6 + 0.9 + 1.0) * np.log(10)
    )


@checks("ngram_machine")
@given(seed=SEED, order=st.integers(1, 3))
def test_every_sentence_costs_what_the_model_says(lab, seed, order):
    model = random_model(np.random.default_rng(seed), order)
    machine = lab.ngram_machine(model)
    assert is_connected(machine)
    for length in range(4):
        for words in itertools.product(["one", "two"], repeat=length):
            assert sentence_weight(machine, words) == pytest.approx(cheapest_score(model, words), **TIGHT)


@checks("ngram_machine")
def test_markers_are_no_words(lab):
    """Nobody says <s> or </s>: no arc carries them, and every word is read as it is written."""
    machine = lab.ngram_machine(BIGRAM)
    assert {arc[2] for arc in machine["arcs"]} == {"", "one", "nine"}
    assert all(arc[2] == arc[3] for arc in machine["arcs"])


@checks("ngram_machine")
def test_a_state_for_each_history(lab):
    """<s>, one, and forgotten: nine and </s> begin no n-gram, so that they are no histories."""
    machine = lab.ngram_machine(BIGRAM)
    assert count_states(machine) == 3
    assert sum(arc[2] == "" for arc in machine["arcs"]) == 2


@checks("ngram_machine")
def test_without_a_start_marker_it_begins_forgotten(lab):
    model = {
        "order": 2,
        "log10_probs": {"</s>": -1.0, "a": -0.5, "a b": -0.25, "b": -2.0},
        "log10_backoffs": {},
    }
    machine = lab.ngram_machine(model)
    assert sentence_weight(machine, ["a", "b"]) == pytest.approx(1.75 * np.log(10))
    assert sentence_weight(machine, ["a", "a"]) == pytest.approx(2.0 * np.log(10))


@checks("ngram_machine")
def test_the_end_may_depend_on_the_history(lab):
    probs = {"<s>": -99.0, "</s>": -3.0, "a": -0.5, "<s> a": -0.5, "a </s>": -0.25}
    machine = lab.ngram_machine(
        {"order": 2, "log10_probs": probs, "log10_backoffs": {"<s>": -1.0, "a": -2.0}}
    )
    assert sentence_weight(machine, ["a"]) == pytest.approx(0.75 * np.log(10))
    assert sentence_weight(machine, []) == pytest.approx(4.0 * np.log(10))


@checks("ngram_machine")
def test_a_model_without_an_end_is_refused(lab):
    with pytest.raises(ValueError):
        lab.ngram_machine({"order": 1, "log10_probs": {"<s>": -99.0, "a": -0.5}, "log10_backoffs": {}})


# --- triphone_machine ----------------------------------------------------------------------------


def in_context(phones):
    """The triphones of a sequence, from the definition."""
    padded = ["", *phones, ""]
    return tuple(f"{padded[k - 1]}-{padded[k]}+{padded[k + 1]}" for k in range(1, len(padded) - 1))


@checks("triphone_machine", visible=True)
def test_nine_in_triphones(lab):
    found = meaning(lab.triphone_machine(["n", "ay"]), 3)
    assert found[("-n+ay", "n-ay+n", "ay-n+"), ("n", "ay", "n")] == 0.0


@checks("triphone_machine")
@given(n_phones=st.integers(1, 3), seed=SEED)
def test_every_sequence_has_exactly_one_reading(lab, n_phones, seed):
    names = [f"p{number}" for number in np.random.default_rng(seed).permutation(50)[:n_phones]]
    machine = lab.triphone_machine(names)
    expected = {}
    for length in range(4):
        for phones in itertools.product(names, repeat=length):
            expected[in_context(phones), phones] = 0.0
    found = walks(machine, 3)
    assert len(found) == len(expected)
    assert {(read, written): weight for read, written, weight in found} == expected


@checks("triphone_machine")
def test_every_arc_is_one_triphone_and_leads_somewhere(lab):
    machine = lab.triphone_machine(["a", "b", "sil"])
    assert is_connected(machine)
    # 3 · 4 + 3 · 3 · 4 triphones between pairs, and those of the first phone once more at the start
    assert len({arc[2] for arc in machine["arcs"]}) == 4 * 3 * 4
    assert all(arc[2].split("-")[1].split("+")[0] == arc[3] and arc[4] == 0 for arc in machine["arcs"])


@checks("triphone_machine")
def test_the_edges_have_no_neighbour(lab):
    machine = lab.triphone_machine(["a", "b"])
    assert meaning(machine, 1) == {((), ()): 0.0, (("-a+",), ("a",)): 0.0, (("-b+",), ("b",)): 0.0}


# --- hmm_machine ---------------------------------------------------------------------------------


@checks("hmm_machine", visible=True)
def test_a_phone_of_two_states(lab):
    machine = lab.hmm_machine({"n": np.array([0.8, 0.5])})
    assert [(*arc[:4], round(arc[4], 3)) for arc in sorted(machine["arcs"])] == [
        (0, 1, "n_0", "n", 0.0),
        (1, 1, "n_0", "", 0.223),
        (1, 2, "n_1", "", 1.609),
        (2, 0, "", "", 0.693),
        (2, 2, "n_1", "", 0.693),
    ]
    assert (machine["start"], machine["finals"]) == (0, {"0": 0.0})


@checks("hmm_machine")
@given(seed=SEED)
def test_a_path_costs_what_its_durations_say(lab, seed):
    """One or two phones: each state lasts d frames with probability stay^(d−1) · (1 − stay)."""
    rng = np.random.default_rng(seed)
    stay = {name: rng.uniform(0.05, 0.95, size=rng.integers(1, 3)) for name in ("m", "ah")}
    machine = lab.hmm_machine(stay)
    expected = {((), ()): 0.0}
    for length in (1, 2):
        for phones in itertools.product(stay, repeat=length):
            states = [(phone, k) for phone in phones for k in range(len(stay[phone]))]
            for durations in itertools.product((1, 2), repeat=len(states)):
                read, weight = [], 0.0
                for (phone, k), frames in zip(states, durations, strict=True):
                    read += [f"{phone}_{k}"] * frames
                    weight -= np.log(stay[phone][k] ** (frames - 1) * (1 - stay[phone][k]))
                if len(read) + length <= 6:
                    pair = tuple(read), phones
                    expected[pair] = min(expected.get(pair, INF), weight)
    found = meaning(machine, 6)
    for pair, weight in expected.items():
        assert found[pair] == pytest.approx(weight, **TIGHT)


@checks("hmm_machine")
@given(seed=SEED)
def test_frames_and_probabilities_add_up(lab, seed):
    """The probabilities on what leaves a state inside a phone sum to one."""
    rng = np.random.default_rng(seed)
    machine = lab.hmm_machine({"a": rng.uniform(0.05, 0.95, size=3), "b": rng.uniform(0.05, 0.95, size=2)})
    for state in range(1, 6):
        leaving = [np.exp(-arc[4]) for arc in machine["arcs"] if arc[0] == state]
        assert len(leaving) == 2 and sum(leaving) == pytest.approx(1.0, abs=1e-12)
    entering = [arc for arc in machine["arcs"] if arc[0] == 0]
    assert [arc[2:] for arc in entering] == [("a_0", "a", 0.0), ("b_0", "b", 0.0)]


@checks("hmm_machine")
def test_a_phone_is_written_once_however_long_it_lasts(lab):
    machine = lab.hmm_machine({"n": np.array([0.5, 0.5])})
    written = {
        out for (read, out), _ in meaning(machine, 7).items() if read and read.count("n_0") == len(read) - 1
    }
    assert written == {("n",)}
    assert sum(arc[3] != "" for arc in machine["arcs"]) == 1


@checks("hmm_machine")
@pytest.mark.parametrize(
    "stay",
    [
        pytest.param([], id="no states"),
        pytest.param([0.5, 1.0], id="never leaves"),
        pytest.param([0.0, 0.5], id="never stays"),
        pytest.param([0.5, -0.1], id="negative"),
        pytest.param([1.2], id="more than one"),
    ],
)
def test_what_is_no_probability_of_staying_is_refused(lab, stay):
    with pytest.raises(ValueError):
        lab.hmm_machine({"good": np.array([0.5]), "bad": np.array(stay, dtype=float)})


# --- beam_search ---------------------------------------------------------------------------------

COLUMNS = {"a": 0, "b": 1}


@oracle
def best_by_hand(machine, log_obs, columns):
    """The weight of the cheapest path that reads one label per frame, by trying every path."""
    best = INF
    for read, _, weight in walks(machine, 2 * len(log_obs) + 6):
        if len(read) == len(log_obs):
            best = min(best, weight - sum(log_obs[t, columns[label]] for t, label in enumerate(read)))
    return best


def assert_is_a_path(machine, log_obs, columns, path, total):
    """The path exists in the machine, reads one label per frame in order, and costs what is said."""
    places = {machine["start"]: 0.0}  # several arcs may carry the same labels: follow them all
    reading = 0
    for frame, read, written in path:
        assert frame == reading
        reading += bool(read)
        heard = log_obs[frame, columns[read]] if read else 0.0
        following = {}
        for source, target, label, output, price in machine["arcs"]:
            if source in places and (label, output) == (read, written):
                following[target] = min(following.get(target, INF), places[source] + price - heard)
        places = following
    assert reading == len(log_obs)
    ends = [w + machine["finals"][str(s)] for s, w in places.items() if str(s) in machine["finals"]]
    assert min(ends, default=INF) == pytest.approx(total, **TIGHT)


@checks("beam_search", visible=True)
def test_three_frames(lab):
    arcs = [(0, 1, "a", "A", 0.5), (1, 1, "a", "", 0.5), (1, 2, "b", "B", 0.25)]
    log_obs = np.array([[-1.0, -9.0], [-2.0, -9.0], [-9.0, -1.0]])
    path, weight = lab.beam_search({"start": 0, "arcs": arcs, "finals": {"2": 0.5}}, log_obs, COLUMNS)
    assert path == [(0, "a", "A"), (1, "a", ""), (2, "b", "B")]
    assert weight == pytest.approx(5.75)


@checks("beam_search")
@given(seed=SEED)
def test_with_an_infinite_beam_no_path_is_cheaper(lab, seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=4, n_arcs=8)
    # loops that take time, so that sequences of several frames exist; corridors only lead up
    machine["arcs"] += [(s, s, "a", "", 0.5) for s in range(0, 4, 2)] + [(3, 1, "b", "z", 0.25)]
    log_obs = rng.normal(-2, 2, size=(rng.integers(1, 4), 2))
    path, weight = lab.beam_search(machine, log_obs, COLUMNS)
    best = best_by_hand(machine, log_obs, COLUMNS)
    if best == INF:
        assert (path, weight) == ([], INF)
    else:
        assert weight == pytest.approx(best, **TIGHT)
        assert_is_a_path(machine, log_obs, COLUMNS, path, weight)


@checks("beam_search")
@given(seed=SEED, n_states=st.integers(1, 5))
def test_it_is_viterbi_on_a_hidden_markov_model(lab, seed, n_states):
    """A machine made of a hidden Markov model finds the path that hmmlearn's inner function finds."""
    from hmmlearn import _hmmc

    rng = np.random.default_rng(seed)
    initial, transition = rng.dirichlet(np.ones(n_states)), rng.dirichlet(np.ones(n_states), size=n_states)
    log_obs = rng.normal(-3, 3, size=(12, n_states))
    arcs = [(0, 1 + j, f"s{j}", "", -np.log(initial[j]).item()) for j in range(n_states)]
    arcs += [
        (1 + i, 1 + j, f"s{j}", f"{i}{j}", -np.log(transition[i, j]).item())
        for i, j in itertools.product(range(n_states), repeat=2)
    ]
    machine = {"start": 0, "arcs": arcs, "finals": {str(1 + j): 0.0 for j in range(n_states)}}
    log_prob, states = _hmmc.viterbi(initial, transition, log_obs)
    path, weight = lab.beam_search(machine, log_obs, {f"s{j}": j for j in range(n_states)})
    assert weight == pytest.approx(-log_prob, **TIGHT)
    assert [label for _, label, _ in path] == [f"s{j}" for j in states]


@checks("beam_search")
@given(seed=SEED)
def test_a_beam_never_finds_anything_better_and_its_path_is_real(lab, seed):
    rng = np.random.default_rng(seed)
    machine = random_machine(rng, n_states=5, n_arcs=12, epsilon=0.2, cyclic=True)
    machine["arcs"] = [arc if arc[2] else (*arc[:4], arc[4] + 0.125) for arc in machine["arcs"]]
    log_obs = rng.normal(-2, 3, size=(6, 2))
    best = lab.beam_search(machine, log_obs, COLUMNS)[1]
    path, weight = lab.beam_search(machine, log_obs, COLUMNS, beam=2.0)
    assert weight >= best - 1e-9
    if weight < INF:
        assert_is_a_path(machine, log_obs, COLUMNS, path, weight)
    else:
        assert path == []


def fork(late_price):
    """Two ways of three frames: "early" pays 4 at once, "late" pays when it stops."""
    arcs = [(0, 1, "a", "early", 4.0), (1, 2, "a", "", 0.0), (2, 3, "a", "", 0.0)]
    arcs += [(0, 4, "a", "late", 0.0), (4, 5, "a", "", 0.0), (5, 6, "a", "", 0.0)]
    return {"start": 0, "arcs": arcs, "finals": {"3": 0.0, "6": late_price}}


@checks("beam_search")
def test_what_is_more_than_the_beam_worse_than_the_best_is_dropped(lab):
    """The right path begins badly: a beam as wide as that keeps it, a narrower one loses it."""
    log_obs = np.full((3, 2), -1.0)
    for beam, answer, total in ((4.5, "early", 7.0), (4.0, "early", 7.0), (3.5, "late", 13.0)):
        path, weight = lab.beam_search(fork(10.0), log_obs, COLUMNS, beam)
        assert path == [(0, "a", answer), (1, "a", ""), (2, "a", "")]
        assert weight == pytest.approx(total)


@checks("beam_search")
def test_the_beam_is_measured_from_the_best_and_not_from_the_worst(lab):
    """A third path, far worse than both, changes nothing for the other two."""
    machine = fork(10.0)
    machine["arcs"] += [(0, 7, "a", "hopeless", 50.0), (7, 7, "a", "", 0.0)]
    path, _ = lab.beam_search(machine, np.full((3, 2), -1.0), COLUMNS, 3.5)
    assert path[0] == (0, "a", "late")
    path, _ = lab.beam_search(machine, np.full((3, 2), -1.0), COLUMNS, 4.5)
    assert path[0] == (0, "a", "early")


@checks("beam_search")
def test_weights_far_below_zero_are_no_better_than_their_differences(lab):
    """Densities may be greater than one: with log_obs of a thousand the beam is as wide as before."""
    for beam, answer in ((4.5, "early"), (3.5, "late")):
        path, weight = lab.beam_search(fork(10.0), np.full((3, 2), 1000.0), COLUMNS, beam)
        assert path[0] == (0, "a", answer)
        assert weight == pytest.approx(-3000 + (4.0 if answer == "early" else 10.0))


@checks("beam_search")
def test_at_most_so_many_tokens_live_on(lab):
    log_obs = np.full((3, 2), -1.0)
    assert lab.beam_search(fork(10.0), log_obs, COLUMNS, max_active=2)[0][0] == (0, "a", "early")
    assert lab.beam_search(fork(10.0), log_obs, COLUMNS, max_active=1)[0][0] == (0, "a", "late")


@checks("beam_search")
def test_the_beam_is_applied_after_the_epsilon_arcs(lab):
    """An arc that takes no time costs 6 on the way to the right path; a beam of 5 measures it."""
    arcs = [(0, 1, "a", "right", 0.0), (1, 2, "", "", 6.0), (0, 3, "a", "wrong", 0.0)]
    arcs += [(2, 4, "b", "", 0.0), (3, 4, "b", "", 20.0)]
    machine = {"start": 0, "arcs": arcs, "finals": {"4": 0.0}}
    log_obs = np.zeros((2, 2))
    assert lab.beam_search(machine, log_obs, COLUMNS, 5.0)[0][0] == (0, "a", "wrong")
    assert lab.beam_search(machine, log_obs, COLUMNS, 6.0)[0] == [
        (0, "a", "right"),
        (1, "", ""),
        (1, "b", ""),
    ]


@checks("beam_search")
def test_arcs_without_an_input_take_no_time(lab):
    """Before the first frame, between frames, and after the last, one behind the other."""
    arcs = [(0, 1, "", "x", 0.5), (1, 2, "", "y", 0.5), (2, 3, "a", "", 0.5), (3, 4, "", "z", 0.5)]
    arcs += [(4, 5, "b", "", 0.5), (5, 6, "", "end", 0.5)]
    path, weight = lab.beam_search(
        {"start": 0, "arcs": arcs, "finals": {"6": 0.5}}, np.zeros((2, 2)), COLUMNS
    )
    expected = [(0, "", "x"), (0, "", "y"), (0, "a", ""), (1, "", "z"), (1, "b", ""), (2, "", "end")]
    assert path == expected
    assert weight == pytest.approx(3.5)


@checks("beam_search")
def test_epsilon_arcs_find_their_cheapest_way_also_in_a_circle(lab):
    arcs = [(0, 1, "", "dear", 5.0), (0, 2, "", "p", 1.0), (2, 1, "", "q", 1.0), (1, 2, "", "back", 0.5)]
    arcs.append((1, 3, "a", "", 0.0))
    path, weight = lab.beam_search(
        {"start": 0, "arcs": arcs, "finals": {"3": 0.0}}, np.zeros((1, 2)), COLUMNS
    )
    assert path == [(0, "", "p"), (0, "", "q"), (0, "a", "")]
    assert weight == pytest.approx(2.0)


@checks("beam_search")
def test_a_circle_of_epsilon_arcs_that_costs_nothing_ends(lab):
    arcs = [(0, 1, "", "", 0.0), (1, 0, "", "", 0.0), (1, 1, "", "", 0.0), (1, 2, "a", "A", 0.5)]
    answer = lab.beam_search({"start": 0, "arcs": arcs, "finals": {"2": 0.0}}, np.zeros((1, 2)), COLUMNS)
    assert answer == ([(0, "", ""), (0, "a", "A")], 0.5)


@checks("beam_search")
def test_the_end_must_be_a_final_state_at_its_price(lab):
    arcs = [(0, 1, "a", "cheap", 0.0), (0, 2, "a", "final", 1.0), (0, 3, "a", "other", 2.0)]
    log_obs = np.zeros((1, 2))
    path, weight = lab.beam_search(
        {"start": 0, "arcs": arcs, "finals": {"2": 3.0, "3": 0.5}}, log_obs, COLUMNS
    )
    assert (path, weight) == ([(0, "a", "other")], 2.5)
    assert lab.beam_search({"start": 0, "arcs": arcs, "finals": {"9": 0.0}}, log_obs, COLUMNS) == ([], INF)
    blocked = {"start": 0, "arcs": [(0, 1, "a", "", INF)], "finals": {"1": 0.0}}
    assert lab.beam_search(blocked, log_obs, COLUMNS) == ([], INF)
    stop = {"start": 0, "arcs": [(0, 1, "a", "", 0.0)], "finals": {"1": INF}}
    assert lab.beam_search(stop, log_obs, COLUMNS) == ([], INF)


@checks("beam_search")
def test_impossible_frames_are_not_walked_through(lab):
    arcs = [(0, 1, "a", "A", 0.0), (0, 1, "b", "B", 9.0), (1, 2, "a", "", 0.0)]
    log_obs = np.array([[-INF, -1.0], [-1.0, -INF]])
    path, weight = lab.beam_search({"start": 0, "arcs": arcs, "finals": {"2": 0.0}}, log_obs, COLUMNS)
    assert (path, weight) == ([(0, "b", "B"), (1, "a", "")], 11.0)


@checks("beam_search")
def test_a_start_that_is_not_zero_and_columns_in_another_order(lab):
    arcs = [(5, 3, "q", "Q", 0.0), (3, 3, "p", "", 0.0)]
    log_obs = np.array([[-8.0, -7.0, -1.0], [-2.0, -9.0, -9.0]])
    path, weight = lab.beam_search(
        {"start": 5, "arcs": arcs, "finals": {"3": 0.0}}, log_obs, {"p": 0, "q": 2, "r": 1}
    )
    assert (path, weight) == ([(0, "q", "Q"), (1, "p", "")], 3.0)


@checks("beam_search")
@pytest.mark.parametrize(
    ("frames", "columns", "beam", "max_active"),
    [
        pytest.param(0, COLUMNS, 5.0, 10, id="no frames"),
        pytest.param(2, {"b": 1}, 5.0, 10, id="a label without a column"),
        pytest.param(2, COLUMNS, -0.5, 10, id="negative beam"),
        pytest.param(2, COLUMNS, 5.0, 0, id="no token"),
    ],
)
def test_what_cannot_be_searched_is_refused(lab, frames, columns, beam, max_active):
    with pytest.raises(ValueError):
        lab.beam_search(fork(1.0), np.zeros((frames, 2)), columns, beam, max_active)


@checks("beam_search")
def test_a_beam_of_zero_and_one_token_are_allowed(lab):
    log_obs = np.full((3, 2), -1.0)
    assert lab.beam_search(fork(10.0), log_obs, COLUMNS, 0.0)[1] == pytest.approx(13.0)
    assert lab.beam_search(fork(10.0), log_obs, COLUMNS, 100.0, 1)[1] == pytest.approx(13.0)


# --- segments ------------------------------------------------------------------------------------


def rounded(spans):
    return [(name, round(start, 9), round(end, 9)) for name, start, end in spans]


@checks("segments", visible=True)
def test_two_frames_of_a_word_between_silence(lab):
    path = [(0, "sil_0", ""), (1, "t_0", "two"), (2, "uw_0", ""), (3, "sil_0", "")]
    assert rounded(lab.segments(path, ["sil_0"], 0.01, 0.025)) == [("two", 0.0175, 0.0375)]


@checks("segments")
@given(seed=SEED)
def test_borders_lie_half_way_between_the_centres_of_frames(lab, seed):
    rng = np.random.default_rng(seed)
    hop, frame = rng.uniform(0.005, 0.02), rng.uniform(0.02, 0.05)
    path, expected, time = [], [], 0
    for number in range(rng.integers(1, 6)):
        before, inside, after = rng.integers(0, 3), rng.integers(1, 5), rng.integers(0, 3)
        labels = ["sil_1"] * before + [f"w{number}"] * inside + ["sil_0"] * after
        path += [(time + k, label, f"word{number}" if k == 0 else "") for k, label in enumerate(labels)]
        centres = hop * (time + np.arange(-1, len(labels) + 1)) + frame / 2
        first, last = before + 1, before + inside  # places of the first and last frame among `centres`
        start = (centres[first - 1] + centres[first]) / 2
        expected.append((f"word{number}", start, (centres[last] + centres[last + 1]) / 2))
        time += len(labels)
    found = lab.segments(path, ["sil_0", "sil_1"], hop, frame)
    assert [name for name, _, _ in found] == [name for name, _, _ in expected]
    np.testing.assert_allclose([span[1:] for span in found], [span[1:] for span in expected], atol=1e-9)


@checks("segments")
def test_silence_inside_a_label_belongs_to_it_and_around_it_not(lab):
    path = [(0, "a", "A"), (1, "sil", ""), (2, "a", ""), (3, "sil", ""), (4, "b", "B"), (5, "sil", "")]
    assert rounded(lab.segments(path, ["sil"], 1.0, 1.0)) == [("A", 0.0, 3.0), ("B", 4.0, 5.0)]
    assert rounded(lab.segments(path, [], 1.0, 1.0)) == [("A", 0.0, 4.0), ("B", 4.0, 6.0)]


@checks("segments")
def test_a_label_written_between_frames_begins_with_the_next_sound(lab):
    path = [(0, "a", "A"), (1, "", "B"), (1, "sil", ""), (2, "b", ""), (3, "", ""), (3, "b", ""), (4, "", "")]
    assert rounded(lab.segments(path, ["sil"], 1.0, 3.0)) == [("A", 1.0, 2.0), ("B", 3.0, 5.0)]


@checks("segments")
def test_labels_without_a_frame_are_left_out_and_early_frames_belong_to_none(lab):
    path = [(0, "x", ""), (1, "x", ""), (2, "", "empty"), (2, "", "full"), (2, "a", ""), (3, "", "last")]
    assert rounded(lab.segments(path, ["sil"], 1.0, 1.0)) == [("full", 2.0, 3.0)]
    assert lab.segments([], ["sil"], 1.0, 1.0) == []


@checks("segments")
def test_the_same_word_twice_is_two_entries(lab):
    path = [(0, "a", "A"), (1, "a", ""), (2, "a", "A"), (3, "a", "")]
    assert rounded(lab.segments(path, [], 1.0, 1.0)) == [("A", 0.0, 2.0), ("A", 2.0, 4.0)]


@picture("segments")
def spans_in_time(output, path, silence, hop_seconds, frame_seconds):
    marks = np.array([[start, end] for _, start, end in output])
    return plot.lines(
        {"start": marks[:, 0], "end": marks[:, 1]},
        x_label="entry",
        y_label="time [s]",
        title="your entries: starts and ends must rise, and every end lies above its start",
    )
