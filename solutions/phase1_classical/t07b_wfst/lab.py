# ---
# jupyter:
#   lab:
#     title: Weighted finite-state transducers
#     topic: 7
#     minutes: 240
#     difficulty: 4
#     needs: [t03_mel_features, t05_hmm]
#     libraries: [numpy]
#     covers:
#       "WFST (Weighted FST): Kaldi-style decoding": compose
#       "Beam Search: Sequence decoding": beam_search
#       "Forced Alignment: Aligning audio to transcripts": segments
# ---

# %% [markdown]
# # Weighted finite-state transducers
#
# Somebody reads out a year, digit by digit. Press play.

# %%
import heapq
import time

import numpy as np
from jaxtyping import Float

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.parts import t03_mel_features as mel_features
from labkit.parts import t05_hmm as hmm
from labkit.plot import style

digits = corpora.digits()


def spoken(words, clips, seed, gap_seconds=0.12):
    """Clips one after the other, with gaps of faint noise: samples, and (word, start, end) in seconds."""
    rng = np.random.default_rng(seed)
    rate = clips[0].sample_rate
    pieces, times, position = [], [], 0
    for word, clip in zip(words, clips, strict=True):
        level = np.sqrt(np.mean(np.square(clip.samples)))
        gap = rng.normal(size=int(rng.uniform(0.5, 1.5) * gap_seconds * rate)) * 1e-3 * level
        pieces += [gap, clip.samples]
        times.append((word, (position + len(gap)) / rate, (position + len(gap) + len(clip.samples)) / rate))
        position += len(gap) + len(clip.samples)
    pieces.append(rng.normal(size=int(gap_seconds * rate)) * 1e-3 * level)
    samples = np.concatenate(pieces)
    return samples / np.abs(samples).max(), times


heard = digits.split("test").filter(speaker=digits.split("test").speakers[0])
year = "one nine eight four".split()
samples, times = spoken(year, [heard.filter(text=word)[0] for word in year], seed=0)
play({"a year": samples}, digits.sample_rate)
plot.waveform(samples, digits.sample_rate, title="Four words, and nothing says where one ends")

# %% [markdown]
# Your hidden Markov models know one digit at a time. Here there are four, or three, or seven. Where
# does one end? Which sequences of digits make sense at all? A year may begin with *one nine* or *two
# zero*. It does not begin with *seven seven*.
#
# Four kinds of knowledge are at work:
#
# | | knows | from | to |
# |---|---|---|---|
# | **H** | how a sound goes on in time | HMM states | phones |
# | **C** | that a sound depends on its neighbours | phones in context | phones |
# | **L** | how words are pronounced | phones | words |
# | **G** | which words follow which | words | words |
#
# One idea holds all four: a machine with states and arcs that reads one kind of label, writes
# another and pays a price. A **weighted finite-state transducer** (WFST). Machines can be plugged
# into each other. $H \circ C \circ L \circ G$ is one large machine that reads HMM states and writes
# words, and a search for its cheapest path is a speech recogniser.
#
# ## What you will build
#
# Fifteen short functions: a small library of machines, the four machines H, C, L and G, the search,
# and the times of words. Nothing but numpy.
#
# Kaldi decodes speech with exactly this construction, and the Montreal Forced Aligner builds on it.
# Phone keyboards have used such machines to correct typing, and screen readers to say "1984" in words.

# %% [markdown]
# ## The idea: prices instead of probabilities
#
# A path has three steps of probability 0.5, 0.8 and 0.25. Together: $0.5 \cdot 0.8 \cdot 0.25 = 0.1$.
# Give each step the **weight** $-\ln p$: 0.693, 0.223 and 1.386. Together: their *sum*, 2.303, which is
# $-\ln 0.1$. A weight is a price. Certain things are free, impossible things cost $\infty$, and the
# most probable path is the *cheapest*.
#
# Two questions come up everywhere:
#
# - One step **after** the other: add the weights. (Probabilities are multiplied.)
# - One path **or** the other: it depends on what you want. The best of the two? Take the minimum. Both
#   together? Add the probabilities: $-\ln(e^{-v} + e^{-w})$.
#
# A pair of such rules, "or" and "after", is a **semiring**:
#
# | semiring | $v \oplus w$ ("or") | $v \otimes w$ ("after") | nothing possible | free |
# |---|---|---|---|---|
# | tropical | $\min(v, w)$ | $v + w$ | $\infty$ | 0 |
# | log | $-\ln(e^{-v} + e^{-w})$ | $v + w$ | $\infty$ | 0 |
#
# You have met both: Viterbi is tropical, the forward algorithm is log.
#
# **A machine** is a plain dict. Here is one that reads sounds and writes a digit:

# %%
example = {
    "start": 0,
    "arcs": [  # (from state, to state, input, output, weight)
        (0, 1, "s", "six", 0.7),
        (1, 2, "ih", "", 0.0),
        (0, 3, "s", "seven", 0.5),
        (3, 2, "eh", "", 0.2),
        (2, 2, "k", "", 1.0),
    ],
    "finals": {"2": 0.1},  # state, as text: price of stopping there
}

# %% [markdown]
# The empty label `""` is called **epsilon**: read nothing, or write nothing. The path through 0, 1, 2
# reads *s ih*, writes *six*, and costs $0.7 + 0.0 + 0.1 = 0.8$. Do not forget the last 0.1: stopping
# has its price, too. States without an entry in `finals` are no place to stop.
#
# A machine whose arcs all read what they write is called an **acceptor**: it judges sequences and
# changes nothing.
#
# These helpers are given. Look at the drawing: circles are states, a double ring is a final state, and
# `s:six / 0.7` on an arc is input, output and weight.


# %%
def arcs_by_source(machine):
    """State → the arcs that leave it, in their order. States that nothing leaves are missing."""
    leaving = {}
    for arc in machine["arcs"]:
        leaving.setdefault(arc[0], []).append(arc)
    return leaving


def linear(labels):
    """An acceptor of exactly one sequence, free of charge."""
    arcs = [(number, number + 1, label, label, 0.0) for number, label in enumerate(labels)]
    return {"start": 0, "arcs": arcs, "finals": {str(len(arcs)): 0.0}}


def union(machines):
    """A machine that is any one of several: a new start, with an epsilon arc into each."""
    arcs, finals, first = [], {}, 1
    for machine in machines:
        arcs.append((0, first + machine["start"], "", "", 0.0))
        arcs += [(first + s, first + t, i, o, w) for s, t, i, o, w in machine["arcs"]]
        finals |= {str(first + int(state)): weight for state, weight in machine["finals"].items()}
        first += 1 + max([machine["start"], *(max(arc[:2]) for arc in machine["arcs"])])
    return {"start": 0, "arcs": arcs, "finals": finals}


def project(machine, side):
    """An acceptor of what a machine reads (side "input") or writes (side "output")."""
    label = 2 if side == "input" else 3
    return machine | {"arcs": [(*arc[:2], arc[label], arc[label], arc[4]) for arc in machine["arcs"]]}


def size(machine):
    """Numbers of states and arcs, as a row of a table."""
    states = {machine["start"], *(state for arc in machine["arcs"] for state in arc[:2])}
    return {"states": len(states), "arcs": len(machine["arcs"])}


def draw(machine, title=""):
    """A picture of a small machine: start on the left, each state one column after those before it."""
    depth, order, leaving = {machine["start"]: 0}, [machine["start"]], arcs_by_source(machine)
    for state in order:
        for _, target, *_ in leaving.get(state, []):
            if target not in depth:
                depth[target] = depth[state] + 1
                order.append(target)
    columns = [[s for s in order if depth[s] == d] for d in range(max(depth.values()) + 1)]
    place = {s: (d, (len(c) - 1) / 2 - k) for d, c in enumerate(columns) for k, s in enumerate(c)}
    tallest = max(map(len, columns))
    labels = {}
    for source, target, i, o, weight in machine["arcs"]:
        text = (i or "ε") + ("" if o == i else f":{o or 'ε'}") + (f" / {weight:.3g}" if weight else "")
        labels.setdefault((source, target), []).append(text)
    far = any(abs(depth[t] - depth[s]) > 1 for s, t in labels)  # arcs in a wide bow need room above
    with style.styled():
        figure, ((axes,),) = style.new_figure(height=0.7 + 0.9 * tallest + 0.7 * far)
        axes.set_xlim(-0.3, len(columns) - 0.7)
        axes.set_ylim(-tallest / 2 - 0.05, tallest / 2 + 0.2 + 0.7 * far)
        axes.set_axis_off()
        axes.set_title(title)
        to_screen = axes.transData
        for (source, target), texts in labels.items():
            start, end = np.array(place[source]), np.array(place[target])
            text = "\n".join(texts[:3] + ["…"] * (len(texts) > 3))
            arrow = {"arrowstyle": "->", "color": style.color(0)}
            if source == target:
                shape = {"connectionstyle": "arc3,rad=-1.6"}
                axes.annotate("", start + (0.06, 0.17), start + (-0.06, 0.17), arrowprops=arrow | shape)
                axes.text(*(start + (0, 0.5)), text, ha="center", va="bottom", fontsize=8)
                continue
            straight = depth[target] == depth[source] + 1 and (target, source) not in labels
            bend = 0.0 if straight else 0.3 if abs(depth[target] - depth[source]) > 1 else 0.15
            shape = {"connectionstyle": f"arc3,rad={bend}", "shrinkA": 11, "shrinkB": 11}
            axes.annotate("", end, start, arrowprops=arrow | shape)
            # the middle of the curve; parallel slanting arrows have their labels nearer to their start
            a, b = to_screen.transform([start, end])
            along = 0.5 if bend or start[1] == end[1] else 0.42
            middle = a + along * (b - a) + bend / 2 * np.array([b[1] - a[1], a[0] - b[0]])
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
            axes.text(
                *to_screen.inverted().transform(middle), text, ha="center", va="center", fontsize=8, bbox=box
            )
        for state, (x, y) in place.items():
            final = machine["finals"].get(str(state))
            edge = {"mfc": "white", "mec": style.INK, "mew": 2.2 if state == machine["start"] else 1}
            axes.plot(x, y, "o", ms=20, **edge)
            if final is not None:
                axes.plot(x, y, "o", ms=15, mfc="white", mec=style.INK)
                if final:
                    axes.text(x, y - 0.28, f"/ {final:.3g}", ha="center", va="top", fontsize=8)
            axes.text(x, y, str(state), ha="center", va="center", fontsize=9)
        return style.finish(figure)


draw(example, title="Reads sounds, writes a digit")

# %% [markdown]
# ## Part 1: one path or the other
#
# Two paths explain the same sounds, with probabilities 0.4 and 0.1: weights 0.916 and 2.303. The
# tropical answer is the better one, 0.916. The log answer is $-\ln 0.5 = 0.693$: both together are
# cheaper than the cheapest.
#
# As always with logarithms, do not leave them. $e^{-1000}$ is 0 in a float. Take out the smallest
# weight $m$ first: $-\ln \sum_i e^{-w_i} = m - \ln \sum_i e^{-(w_i - m)}$.
#
# Nothing at all can happen in no way: the answer for no weights is $\infty$.


# %% part="combine" points=2 difficulty=1 minutes=5 forbids="scipy.special"
def combine(weights: list[float], semiring: str = "tropical") -> float:
    """The "or" of a semiring: one weight for several alternatives.

    Args:
        weights: negative natural logarithms; infinity stands for what is impossible.
        semiring: "tropical" for the best alternative, "log" for all of them together.
    Returns:
        The weight; infinity if there is no alternative, or none that is possible.
    Raises:
        ValueError: if `semiring` is another word.
    Source: Mohri, Weighted automata algorithms (2009), table 1.
    Example:
        >>> combine([0.5, 0.25]), round(combine([1000.0, 1000.0], "log"), 3)
        (0.25, 999.307)
    """
    ### BEGIN SOLUTION
    if semiring not in ("tropical", "log"):
        raise ValueError(f"semiring is {semiring!r}, expected 'tropical' or 'log'")
    lowest = min(weights, default=np.inf)
    if semiring == "tropical" or lowest == np.inf:
        return float(lowest)
    return float(lowest - np.log(sum(np.exp(lowest - weight) for weight in weights)))
    ### END SOLUTION


# %% [markdown] hints="combine"
# 1. The cheapest weight is the answer of one semiring, and a step towards the answer of the other.
# 2. `min(weights, default=np.inf)` copes with no weights. If even the cheapest is infinite, do not
#    subtract: infinity minus infinity is not a number.
# 3. For "log": with `lowest` the cheapest, add up $e^{\text{lowest} - w}$ over the weights, and take the
#    logarithm of that sum away from `lowest`.

# %% [markdown]
# ## Part 2: what a machine means
#
# What does a machine *do*? It gives each pair of what it reads and what it writes a weight. That table
# is all that counts. Two machines with the same table are **equivalent**, however different they look.
#
# The safest way to the table is to walk every path. It is slow, and with loops there are infinitely
# many paths, so we stop after a number of arcs. But it cannot be wrong, and that is what we need to
# test the fast algorithms of the parts to come.
#
# In our example, with at most three arcs: `s ih:six` costs 0.8, `s eh:seven` costs
# $0.5 + 0.2 + 0.1 = 0.8$, and one turn around the loop adds 1: `s ih k:six` costs 1.8.


# %% part="weighted_relation" points=3 difficulty=2 minutes=10
def weighted_relation(machine: dict, max_arcs: int, semiring: str = "tropical") -> dict[str, float]:
    """Weight of every pair of input and output, by walking along every path.

    Args:
        machine: as described on the page.
        max_arcs: paths with more arcs are left out, epsilon arcs counted.
        semiring: how several paths with the same input and output are combined.
    Returns:
        "input:output" → weight, where each side is its labels joined by spaces; epsilons are left out.
        The weight of a path is that of its arcs and that of stopping at its end.
    Source: Mohri 2009, section 2, the definition of a weighted transducer.
    Example:
        >>> loop = {"start": 0, "arcs": [(0, 0, "a", "x", 0.5), (0, 0, "a", "", 2.0)], "finals": {"0": 0.1}}
        >>> {pair: round(weight, 1) for pair, weight in weighted_relation(loop, 1).items()}
        {':': 0.1, 'a:x': 0.6, 'a:': 2.1}
    """
    ### BEGIN SOLUTION
    leaving = arcs_by_source(machine)
    found = {}
    paths = [(machine["start"], "", "", 0.0)]
    for _ in range(max_arcs + 1):
        longer = []
        for state, read, written, weight in paths:
            if str(state) in machine["finals"]:
                pair = f"{read.strip()}:{written.strip()}"
                found.setdefault(pair, []).append(weight + machine["finals"][str(state)])
            for _, target, label, output, price in leaving.get(state, []):
                more_read = f"{read} {label}" if label else read
                more_written = f"{written} {output}" if output else written
                longer.append((target, more_read, more_written, weight + price))
        paths = longer
    return {pair: combine(weights, semiring) for pair, weights in found.items()}
    ### END SOLUTION


# %% [markdown] hints="weighted_relation"
# 1. Keep a list of all paths with $n$ arcs: where each ends, what it has read and written, what it has
#    cost. How do you get those with $n + 1$ arcs?
# 2. Before a path grows, ask whether it may stop here. If so, file its weight, *including the price of
#    stopping*, under its pair. It may still grow.
# 3. Start from `[(machine["start"], "", "", 0.0)]` and repeat `max_arcs + 1` times. A dict from pair to
#    *list* of weights collects the alternatives; `combine` makes one weight of each list at the end.

# %%
table(
    [{"input:output": pair, "weight": weight} for pair, weight in weighted_relation(example, 4).items()],
    title="What the example means, up to four arcs",
)

# %% [markdown]
# ## Part 3: cut off the dead wood
#
# Building machines leaves rubbish: states that no path from the start reaches, and states from which
# no final state can be reached. They change nothing in the table of meanings. But a search that walks
# into a dead end has wasted its time.
#
# A state is *useful* if it lies on some path from the start to a final state. Keep those. And number
# them afresh in the order in which a **breadth-first** walk meets them: first the start, then what its
# arcs lead to, then what *their* arcs lead to. So the same machine always gets the same numbers.


# %% part="connect" points=3 difficulty=2 minutes=15
def connect(machine: dict) -> dict:
    """The same machine without states that lie on no path from the start to a final state.

    Args:
        machine: any; its state numbers may have gaps.
    Returns:
        States are numbered 0, 1, 2, … in the order of a breadth-first walk from the start, which is 0,
        along the useful arcs of each state in their order. Arcs are sorted by the new number of their
        source, and keep their order within a state. A machine that accepts nothing becomes
        {"start": 0, "arcs": [], "finals": {}}.
    Source: Mohri 2009, section 3.1, trimming; "Connect" in OpenFst.
    Example:
        >>> arcs = [(7, 5, "a", "a", 1.0), (7, 3, "b", "b", 0.0), (4, 5, "c", "c", 0.0)]
        >>> connect({"start": 7, "arcs": arcs, "finals": {"5": 0.5}})
        {'start': 0, 'arcs': [(0, 1, 'a', 'a', 1.0)], 'finals': {'1': 0.5}}
    """
    ### BEGIN SOLUTION
    arriving = {}
    for source, target, *_ in machine["arcs"]:
        arriving.setdefault(target, []).append(source)
    useful = {int(state) for state in machine["finals"]}
    waiting = list(useful)
    while waiting:
        for source in arriving.get(waiting.pop(), []):
            if source not in useful:
                useful.add(source)
                waiting.append(source)
    leaving, order, numbers, arcs = arcs_by_source(machine), [machine["start"]], {machine["start"]: 0}, []
    for state in order:  # the list grows while we walk along it
        for _, target, *rest in leaving.get(state, []):
            if target in useful:
                if target not in numbers:
                    numbers[target] = len(order)
                    order.append(target)
                arcs.append((numbers[state], numbers[target], *rest))
    finals = {str(numbers[s]): machine["finals"][str(s)] for s in order if str(s) in machine["finals"]}
    return {"start": 0, "arcs": arcs, "finals": finals}
    ### END SOLUTION


# %% [markdown] hints="connect"
# 1. Two walks: one backwards from all final states, one forwards from the start. A state must be met by
#    both.
# 2. Do the backward walk first and remember whom it met. Then the forward walk may simply refuse to
#    step on anybody else, and it hands out the numbers as it goes.
# 3. Forward: a list `order` that begins with the start and grows at its end while a `for` loop runs along
#    it is a breadth-first walk. Append each arc, with new numbers, as you meet it.

# %% [markdown]
# ## Part 4: the cheapest path
#
# All weights are prices, so the most probable path is the cheapest. **Dijkstra's algorithm** finds it
# as water finds its way: it spreads from the start and reaches near states before far ones. When it
# reaches a state for the first time, no cheaper way can exist, *because no arc has a negative weight*.
#
# **A number first.** From state 0, one arc costs 5 straight to state 2; two arcs over state 1 cost 1 and
# 2. Water comes to state 1 at time 1, and to state 2 at time 3 by the detour. The direct arc would
# arrive at 5, too late.
#
# `heapq` keeps a list from which the smallest entry can be taken quickly. And the end counts as well:
# a state reached at 3 where stopping costs 10 loses against one reached at 4 where stopping is free.


# %% part="best_path" points=4 difficulty=3 minutes=15 forbids="networkx scipy.sparse"
def best_path(machine: dict) -> tuple[float, list[str], list[str]]:
    """The cheapest way from the start to a final state, stopping included.

    Args:
        machine: no weight may be negative.
    Returns:
        Its weight, the labels that it reads and the labels that it writes, without epsilons. If several
        paths are equally cheap, any of them. Infinity and two empty lists if there is no path.
    Raises:
        ValueError: if an arc or a final state has a negative weight.
    Source: Dijkstra, A note on two problems in connexion with graphs (1959), problem 2.
    Example:
        >>> arcs = [(0, 2, "a", "x", 5.0), (0, 1, "b", "", 1.0), (1, 2, "c", "y", 2.0)]
        >>> best_path({"start": 0, "arcs": arcs, "finals": {"2": 0.5}})
        (3.5, ['b', 'c'], ['y'])
    """
    ### BEGIN SOLUTION
    prices = [arc[4] for arc in machine["arcs"]] + list(machine["finals"].values())
    if any(price < 0 for price in prices):
        raise ValueError(f"a weight is {min(prices)}, expected no negative ones")
    leaving = arcs_by_source(machine)
    distance, came_by = {}, {}
    queue = [(0.0, machine["start"], ())]
    while queue:
        so_far, state, arc = heapq.heappop(queue)
        if state not in distance:
            distance[state], came_by[state] = so_far, arc
            for way in leaving.get(state, []):
                heapq.heappush(queue, (so_far + way[4], way[1], way))
    stops = {s: distance[int(s)] + price for s, price in machine["finals"].items() if int(s) in distance}
    end = min(stops, key=stops.get, default=None)
    if end is None or stops[end] == np.inf:
        return np.inf, [], []
    path, arc = [], came_by[int(end)]
    while arc:
        path.insert(0, arc)
        arc = came_by[arc[0]]
    return float(stops[end]), [arc[2] for arc in path if arc[2]], [arc[3] for arc in path if arc[3]]
    ### END SOLUTION


# %% [markdown] hints="best_path"
# 1. Put (price so far, state, arc that led there) into a heap. What do you do when the state that comes
#    out has been there before?
# 2. The first time a state comes out, note its price and the arc; then push everything its arcs lead to.
#    Search to the end before you choose among the final states: each adds its own price.
# 3. From the best final state walk back: the arc noted there, then the arc noted at that arc's source,
#    until the start, where none is noted.

# %% [markdown]
# ## Part 5: plug one machine into another
#
# L turns sounds into words. G judges words. **Composition** $L \circ G$ runs both at once: whenever L
# writes a word, G reads it. The pair reads sounds and writes words, at the price of both.
#
# A state of the composition is a *pair* of states. Start at the pair of starts. From a pair, an arc of
# the first that writes `x` matches each arc of the second that reads `x`. The new arc reads what the
# first reads, writes what the second writes, and costs both weights *added*.
#
# Epsilons need care. An arc of the first that writes nothing moves alone; the second waits. An arc of
# the second that reads nothing moves alone; the first waits. But what if both can do so? First A then
# B, or first B then A: two paths for one thing. In the tropical semiring that costs time. In the log
# semiring it counts the same probability twice, and the result is *wrong*.
#
# ```
#          A:ε               ε:B              three paths on the grid, where one is meant:
#   first: 0 → 1     second: 0 → 1            A then B, B then A, both at once
# ```
#
# A **filter** forbids all but one. Ours: *the first machine moves first*. Once the second has moved
# alone, the first must not move alone until a match has happened. So a state is a triple: state of the
# first, state of the second, and whether the second has just moved alone.


# %% part="compose" points=6 difficulty=4 minutes=30
def compose(first: dict, second: dict) -> dict:
    """A machine that runs two at once: what the first writes, the second reads.

    Args:
        first: its outputs are matched with the inputs of `second`; epsilons are allowed anywhere.
        second: as `first`.
    Returns:
        A connected machine (see `connect`). Each pair of a path of `first` and a path of `second` that
        fit together is exactly one of its paths, also where both have epsilons.
    Source: Mohri, Pereira & Riley, Weighted finite-state transducers in speech recognition (2002),
        section 2.3; Allauzen & Mohri, 3-way composition of weighted finite-state transducers (2008),
        for epsilon filters.
    Example:
        >>> lexicon = {"start": 0, "arcs": [(0, 1, "t", "two", 0.5), (1, 0, "uw", "", 0.0)], "finals": {"0": 0.0}}
        >>> compose(lexicon, linear(["two"]))["arcs"]
        [(0, 1, 't', 'two', 0.5), (1, 2, 'uw', '', 0.0)]
    """
    ### BEGIN SOLUTION
    ways_of_first, ways_of_second = arcs_by_source(first), arcs_by_source(second)
    order = [(first["start"], second["start"], False)]
    numbers, arcs, finals = {order[0]: 0}, [], {}
    for one, two, second_moved in order:
        moves = []
        for _, target, label, middle, weight in ways_of_first.get(one, []):
            if middle == "" and not second_moved:
                moves.append(((target, two, False), label, "", weight))
            for _, other, read, output, price in ways_of_second.get(two, []):
                if middle and read == middle:
                    moves.append(((target, other, False), label, output, weight + price))
        for _, other, read, output, price in ways_of_second.get(two, []):
            if read == "":
                moves.append(((one, other, True), "", output, price))
        source = numbers[one, two, second_moved]
        for reached, *rest in moves:
            if reached not in numbers:
                numbers[reached] = len(order)
                order.append(reached)
            arcs.append((source, numbers[reached], *rest))
        if str(one) in first["finals"] and str(two) in second["finals"]:
            finals[str(source)] = first["finals"][str(one)] + second["finals"][str(two)]
    return connect({"start": 0, "arcs": arcs, "finals": finals})
    ### END SOLUTION


# %% [markdown] hints="compose"
# 1. It is a breadth-first walk over pairs of states (triples, with the filter). From each there are three
#    kinds of moves: both, the first alone, the second alone.
# 2. A dict gives each triple a number when it is met for the first time. The flag is set by a move of the
#    second alone, and cleared by a match. Which kind of move does it forbid?
# 3. First alone (its output is epsilon, flag not set): the second stays, the arc writes epsilon. Both
#    (equal labels, not epsilon): weights added, flag cleared. Second alone: the arc reads epsilon, flag
#    set. A triple is final if both states are: add their prices. End with `connect`.

# %%
sounds = {
    "start": 0,
    "arcs": [
        (0, 1, "s", "six", 0.0),
        (1, 2, "ih", "", 0.0),
        (2, 3, "k", "", 0.0),
        (3, 0, "s", "", 0.0),
        (0, 4, "t", "two", 0.0),
        (4, 0, "uw", "", 0.0),
    ],
    "finals": {"0": 0.0},
}
grammar = {
    "start": 0,
    "arcs": [(0, 1, "six", "six", 0.7), (0, 1, "two", "two", 0.7), (1, 2, "two", "two", 0.2)],
    "finals": {"1": 1.6, "2": 0.0},
}
draw(sounds, title="L: two words, any number of times")
draw(grammar, title="G: one or two words, the second is always two")
draw(compose(sounds, grammar), title="L ∘ G: the sounds of what the grammar allows")

# %% [markdown]
# ## Part 6: take out the epsilons
#
# An arc that reads nothing and writes nothing is a corridor: it only costs. Some algorithms, such as
# the next one, cannot have it. So go ahead in thought: from each state, find out where corridors lead
# and what the cheapest way there costs. Then copy each real arc from the far end to the near one.
#
# **A number first.** A corridor of weight 0.3 leads from 0 to 1. From 1, `a` leads to 2 for 0.5, and
# stopping in 1 costs 0.2. Without the corridor: `a` leads from 0 to 2 for 0.8, and stopping in 0 costs
# 0.5.
#
# Only arcs with epsilon on *both* sides are removed. An arc that reads nothing but writes a word does
# something.


# %% part="remove_epsilons" points=4 difficulty=3 minutes=15
def remove_epsilons(machine: dict) -> dict:
    """An equivalent machine, in the tropical semiring, without arcs that read and write nothing.

    Args:
        machine: no cycle of such arcs may have a negative weight.
    Returns:
        A connected machine (see `connect`).
    Source: Mohri, Generic epsilon-removal and input epsilon-normalization algorithms (2002).
    Example:
        >>> arcs = [(0, 1, "", "", 0.25), (1, 2, "a", "a", 0.5)]
        >>> remove_epsilons({"start": 0, "arcs": arcs, "finals": {"1": 0.25, "2": 0.0}})
        {'start': 0, 'arcs': [(0, 1, 'a', 'a', 0.75)], 'finals': {'0': 0.5, '1': 0.0}}
    """
    ### BEGIN SOLUTION
    leaving = arcs_by_source(machine)
    arcs, finals = [], {}
    for state in {machine["start"], *(arc[1] for arc in machine["arcs"])}:
        distance, waiting = {state: 0.0}, [state]
        while waiting:
            here = waiting.pop()
            for _, target, label, output, weight in leaving.get(here, []):
                if label == output == "" and distance[here] + weight < distance.get(target, np.inf):
                    distance[target] = distance[here] + weight
                    waiting.append(target)
        for reached, price in distance.items():
            for _, target, label, output, weight in leaving.get(reached, []):
                if label or output:
                    arcs.append((state, target, label, output, price + weight))
            if str(reached) in machine["finals"]:
                stop = price + machine["finals"][str(reached)]
                finals[str(state)] = min(stop, finals.get(str(state), np.inf))
    return connect({"start": machine["start"], "arcs": arcs, "finals": finals})
    ### END SOLUTION


# %% [markdown] hints="remove_epsilons"
# 1. For one state: which states can it reach through corridors alone, itself included, and how cheaply?
# 2. A list of states to look at: take one, try its corridors; whoever becomes cheaper is put back on the
#    list. Corridors may follow one another, and a loop of them must not keep you for ever.
# 3. Then for each state in reach, at its price: copy its real arcs (those with a label on at least one
#    side) with the price added, and keep the cheapest way to stop. `connect` throws away what nobody
#    reaches any more.

# %% [markdown]
# ## Part 7: never two ways at once
#
# *Six* and *seven* both begin with *s*. A machine with two `s` arcs at one state must follow both. A
# **deterministic** machine has at most one arc for each label: the search never doubles.
#
# The trick: be in several states at once. A new state is a *set* of old states, each with what is
# still owed there. Read `s`: you are in "inside six, 0.7" *and* "inside seven, 0.5". Pay what is common
# to all now: 0.5. What is left over stays with each state as its **residual weight**: 0.2 for six and
# 0 for seven. Pay it when the paths part.
#
# Outputs are treated likewise. After `s` it is not yet known which word to write: *six* is held back in
# one state, *seven* in the other. If all held-back outputs begin with the same label, write it now.
#
# | new state | old state | held back | residual weight |
# |---|---|---|---|
# | after `s` | 1 | six | 0.2 |
# | | 3 | seven | 0.0 |
#
# Then `ih` leaves only six: write *six*, pay the 0.2.
#
# Not every machine can be determinised: if the sets keep growing, this never ends. So there is a limit.
# And *two* and *too* sound the same: at the end of the input, two outputs are still held back, and the
# machine cannot decide. The remedy is a **disambiguation symbol**: `#1` and `#2` are put behind the
# two pronunciations, as if they were sounds, and taken out when all is done.


# %% part="determinize" points=7 difficulty=5 minutes=30
def determinize(machine: dict, max_states: int = 10_000) -> dict:
    """An equivalent machine, in the tropical semiring, with one arc at most per state and input label.

    Args:
        machine: without arcs that read epsilon.
        max_states: give up beyond so many states.
    Returns:
        A connected machine (see `connect`). Weights are paid as early as the set of states allows:
        residual weights are rounded to nine decimals, and one of them is zero in each state.
    Raises:
        ValueError: if an arc reads epsilon, if there are more than `max_states` states, or if the input
            may end where it is not yet decided what to write.
    Source: Mohri, Finite-state transducers in language and speech processing (1997), section 3.
    Example:
        >>> arcs = [(0, 1, "s", "six", 0.75), (0, 2, "s", "seven", 0.5)]
        >>> arcs += [(1, 3, "ih", "", 0.0), (2, 3, "eh", "", 0.0)]
        >>> determinize({"start": 0, "arcs": arcs, "finals": {"3": 0.0}})["arcs"]
        [(0, 1, 's', '', 0.5), (1, 2, 'eh', 'seven', 0.0), (1, 2, 'ih', 'six', 0.25)]
    """
    ### BEGIN SOLUTION
    if any(arc[2] == "" for arc in machine["arcs"]):
        raise ValueError("an arc reads epsilon: remove_epsilons first, or use a disambiguation symbol")
    leaving = arcs_by_source(machine)
    order = [((machine["start"], (), 0.0),)]  # a set of (state, outputs held back, residual weight)
    numbers, arcs, finals = {order[0]: 0}, [], {}
    for members in order:
        ways = {}  # input label → {(state, outputs held back): weight}
        for state, held, residual in members:
            if str(state) in machine["finals"]:
                if held:
                    raise ValueError(f"the input may end while {held} is held back")
                stop = residual + machine["finals"][str(state)]
                finals[str(numbers[members])] = min(stop, finals.get(str(numbers[members]), np.inf))
            for _, target, label, output, weight in leaving.get(state, []):
                reached = ways.setdefault(label, {})
                key = (target, (*held, output) if output else held)
                reached[key] = min(residual + weight, reached.get(key, np.inf))
        for label, reached in sorted(ways.items()):
            common_weight = min(reached.values())
            beginnings = {held[:1] for _, held in reached}
            common = beginnings.pop() if len(beginnings) == 1 else ()
            following = tuple(
                (state, held[len(common) :], round(weight - common_weight, 9))
                for (state, held), weight in sorted(reached.items())
            )
            if following not in numbers:
                if len(order) >= max_states:
                    raise ValueError(f"more than {max_states} states: perhaps there is no end to them")
                numbers[following] = len(order)
                order.append(following)
            arcs.append((numbers[members], numbers[following], label, "".join(common), common_weight))
    return connect({"start": 0, "arcs": arcs, "finals": finals})
    ### END SOLUTION


# %% [markdown] hints="determinize"
# 1. Again a breadth-first walk, this time over *sets* of (state, held-back outputs, residual weight). From
#    one set, sort everything its members can do by input label: each label makes one new arc.
# 2. Collect per label a dict from (target, held) to the cheapest residual plus weight. The smallest value
#    is the weight of the new arc. If the held-back tuples all begin with one same label, that is its
#    output. What remains goes into the next set.
# 3. A set must be a key of a dict: a sorted tuple of tuples, its weights rounded (or equal sets would look
#    different in the last digit). Members that are final give the new state its price: residual plus
#    final weight, the cheapest if several.

# %%
either = determinize(example)
draw(example, title="Before: two arcs for s")
draw(either, title="After: decide later")

# %% [markdown]
# ## Part 8: pay early
#
# Two machines mean the same, but one asks for the money at the first arc and the other at the last. The
# search of Part 14 throws away paths that are too expensive *so far*. It does better if the truth comes
# early. **Weight pushing** moves every price as far to the front as possible.
#
# Let $d(s)$ be the cheapest way from state $s$ to the end, stopping included. An arc from $s$ to $t$ gets
#
# $$w' = w + d(t) - d(s)$$
#
# **A number first.** Behind one arc of weight 1 lie costs of 4, behind another of weight 2 lies 0. So
# $d(s) = \min(1 + 4,\ 2 + 0) = 2$, and the arcs become $1 + 4 - 2 = 3$ and $2 + 0 - 2 = 0$. The price
# at the end becomes $w - d$ likewise. From every state the best continuation is now *free*, and a weight
# says exactly how much worse a decision is than the best one.
#
# Along a path the $d$ cancel, all but the first: each path has become cheaper by $d(\text{start})$. Put that
# back on the *final* weights, because every path stops exactly once. (It may pass the start many
# times.)


# %% part="push_weights" points=4 difficulty=3 minutes=10
def push_weights(machine: dict) -> dict:
    """An equivalent machine, in the tropical semiring, whose weights come as early as possible.

    Args:
        machine: weights may be negative, but there must be no cycle that makes paths ever cheaper.
    Returns:
        A connected machine (see `connect`). From each state the cheapest path to the end costs what
        the cheapest path of the whole machine costs, and its arcs are free: that price is all on the
        final states.
    Raises:
        ValueError: if a cycle has a negative weight.
    Source: Mohri, Pereira & Riley 2002, section 3.4.
    Example:
        >>> arcs = [(0, 1, "a", "a", 1.0), (0, 2, "b", "b", 2.0)]
        >>> push_weights({"start": 0, "arcs": arcs, "finals": {"1": 4.0, "2": 0.0}})
        {'start': 0, 'arcs': [(0, 1, 'a', 'a', 3.0), (0, 2, 'b', 'b', 0.0)], 'finals': {'1': 2.0, '2': 2.0}}
    """
    ### BEGIN SOLUTION
    machine = connect(machine)
    to_end = {0: np.inf} | {arc[1]: np.inf for arc in machine["arcs"]}
    to_end |= {int(state): price for state, price in machine["finals"].items()}
    for _ in range(len(to_end) + 1):
        before = dict(to_end)
        for source, target, _, _, weight in reversed(machine["arcs"]):
            to_end[source] = min(to_end[source], weight + to_end[target])
        if to_end == before:
            break
    else:
        raise ValueError("a cycle has a negative weight, expected paths that cannot become ever cheaper")
    arcs = [(s, t, label, output, w + to_end[t] - to_end[s]) for s, t, label, output, w in machine["arcs"]]
    finals = {s: price - to_end[int(s)] + to_end[0] for s, price in machine["finals"].items()}
    return {"start": 0, "arcs": arcs, "finals": finals}
    ### END SOLUTION


# %% [markdown] hints="push_weights"
# 1. First find $d$ for all states. What is it at least for a final state? How does an arc tell its source
#    about a cheaper way?
# 2. Bellman-Ford: start with the final weights, infinity elsewhere. Go over all arcs again and again, each
#    time taking the minimum of $d(s)$ and $w + d(t)$, until nothing changes. If that takes more rounds than
#    there are states, some cycle makes things ever cheaper.
# 3. New arcs: `w + d[t] - d[s]`. New finals: `w - d[s] + d[start]`.

# %% [markdown]
# ## Part 9: merge what has the same future
#
# Many years end the same way. Two states from which exactly the same sequences follow, at the same
# prices, need not be two states. **Minimisation** merges them. It works after pushing, because the same
# future must also be priced in the same places.
#
# How do you find them? Pretend all states are equal: one block. Now look at each state's *signature*:
# its price of stopping, and for each arc its labels, its weight and the *block* that it leads to. States of
# one block with different signatures are not equal after all: split the block. Different blocks make
# new differences: repeat, until a round splits nothing. What still stands together, belongs together.


# %% part="minimize" points=4 difficulty=3 minutes=15
def minimize(machine: dict) -> dict:
    """An equivalent machine, in the tropical semiring, with states of the same future merged.

    For a deterministic acceptor no smaller deterministic one exists.

    Args:
        machine: without a cycle of negative weight.
    Returns:
        A connected machine (see `connect`), its weights pushed (see `push_weights`). Weights that agree
        to nine decimals count as equal.
    Source: Mohri, Minimization algorithms for sequential transducers (2000), section 3; Moore 1956 for
        the refinement of blocks.
    Example:
        >>> arcs = [(0, 1, "a", "a", 1.0), (0, 2, "b", "b", 2.0), (1, 3, "c", "c", 4.0), (2, 4, "c", "c", 0.0)]
        >>> minimize({"start": 0, "arcs": arcs, "finals": {"3": 0.0, "4": 0.0}})["arcs"]
        [(0, 1, 'a', 'a', 3.0), (0, 1, 'b', 'b', 0.0), (1, 2, 'c', 'c', 0.0)]
    """
    ### BEGIN SOLUTION
    machine = push_weights(machine)
    leaving = arcs_by_source(machine)
    stops = {int(state): round(price, 9) for state, price in machine["finals"].items()}
    block = dict.fromkeys([0, *(arc[1] for arc in machine["arcs"])], 0)
    n_blocks = 0
    while n_blocks < len(set(block.values())):
        n_blocks = len(set(block.values()))
        futures = {
            state: (stops.get(state), frozenset((i, o, round(w, 9), block[t]) for _, t, i, o, w in ways))
            for state, ways in ((state, leaving.get(state, [])) for state in block)
        }
        numbers = {future: number for number, future in enumerate(dict.fromkeys(futures.values()))}
        block = {state: numbers[future] for state, future in futures.items()}
    speakers = {number: state for state, number in reversed(block.items())}  # one state for each block
    arcs = [(b, block[arc[1]], *arc[2:]) for b, state in speakers.items() for arc in leaving.get(state, [])]
    finals = {str(block[int(s)]): price for s, price in machine["finals"].items()}
    return connect({"start": block[0], "arcs": arcs, "finals": finals})
    ### END SOLUTION


# %% [markdown] hints="minimize"
# 1. Push first. Then keep a dict from state to block number, at first 0 for all.
# 2. One round: build each state's signature (rounded price of stopping or None, and a `frozenset` of (input,
#    output, rounded weight, *block* of the target)), and number the different signatures. Those numbers are
#    the new blocks. As long as there are more blocks than before, go on.
# 3. One state of each block speaks for it: take its arcs, with blocks in place of states. `connect` puts
#    the numbers in order.

# %% [markdown]
# Try it on all the years from 1900 to 2029. As a list they are 130 separate lines.

# %%
WORDS = "zero one two three four five six seven eight nine".split()
YEARS = [[WORDS[int(figure)] for figure in str(number)] for number in range(1900, 2030)]
listed = union([linear(words) for words in YEARS])
as_tree = determinize(remove_epsilons(listed))
as_graph = minimize(as_tree)
table(
    [
        {"130 years": "listed", **size(listed)},
        {"130 years": "determinised: common beginnings shared", **size(as_tree)},
        {"130 years": "minimised: common endings shared, too", **size(as_graph)},
    ]
)
draw(as_graph, title="All years from 1900 to 2029")
assert weighted_relation(as_graph, 4) == weighted_relation(listed, 5)

# %% [markdown]
# You can read the grammar off the picture: *one nine* and any two digits, or *two zero*, one of three,
# and any digit. Nobody wrote that down. It came out.

# %% [markdown]
# ## Part 10: L, the lexicon
#
# Now the four machines. L reads phones and writes words. Each pronunciation is a loop that begins and
# ends at the same place, so that any number of words can follow one another. The word is written on
# the *first* arc of its loop.
#
# People pause between words, but not always. So **silence is optional**: at the start and after each
# word there is a choice. Go straight to the next word, with probability $1 - p$, or through a silence,
# with probability $p$. With $p = 0.5$ each costs $-\ln 0.5 = 0.693$.
#
# | state | means |
# |---|---|
# | 0 | the very beginning |
# | 1 | ready for a word; the only final state |
# | 2 | silence comes next |
# | 3, 4, … | inside words |


# %% part="lexicon_machine" points=4 difficulty=2 minutes=10
def lexicon_machine(
    lexicon: dict[str, list[str]], silence: str = "sil", silence_probability: float = 0.5
) -> dict:
    """L: reads phones, writes words, with a silence at the start and after each word if there is one.

    Args:
        lexicon: word → its pronunciations, each one's phones joined by spaces.
        silence: label of the phone that stands for silence.
        silence_probability: how probable a silence is in each place.
    Returns:
        From state 0, epsilon arcs to state 1 (no silence) and to state 2 (silence); from 2, an arc to 1
        that reads `silence`. Each pronunciation is a chain of arcs from 1, with new states, whose first
        arc writes the word. Its last arc is there twice: to 1, at the price of no silence, and to 2, at
        the price of a silence. All other arcs are free, and so is stopping in 1.
    Raises:
        ValueError: if a pronunciation is empty, or `silence_probability` is not between 0 and 1, both
            excluded.
    Source: Mohri, Pereira & Riley 2002, section 3.1; "lexicon with optional silence" in Kaldi.
    Example:
        >>> two = lexicon_machine({"two": ["t uw"]})
        >>> two["finals"], len(two["arcs"])
        ({'1': 0.0}, 6)
        >>> [arc[:4] for arc in two["arcs"] if arc[0] in (1, 3)]
        [(1, 3, 't', 'two'), (3, 1, 'uw', ''), (3, 2, 'uw', '')]
    """
    ### BEGIN SOLUTION
    if not 0 < silence_probability < 1:
        raise ValueError(f"silence_probability is {silence_probability}, expected 0 to 1, both excluded")
    straight, pause = float(-np.log(1 - silence_probability)), float(-np.log(silence_probability))
    arcs = [(0, 1, "", "", straight), (0, 2, "", "", pause), (2, 1, silence, "", 0.0)]
    n_states = 3
    for word, pronunciations in lexicon.items():
        for pronunciation in pronunciations:
            if not pronunciation.split():
                raise ValueError(f"a pronunciation of {word!r} is empty, expected at least one phone")
            *inner, last = pronunciation.split()
            here, output = 1, word
            for phone in inner:
                arcs.append((here, n_states, phone, output, 0.0))
                here, output, n_states = n_states, "", n_states + 1
            arcs += [(here, 1, last, output, straight), (here, 2, last, output, pause)]
    return {"start": 0, "arcs": arcs, "finals": {"1": 0.0}}
    ### END SOLUTION


# %% [markdown] hints="lexicon_machine"
# 1. Draw it for one word of three phones. How many new states does it need? Which arc carries the word?
# 2. All phones but the last lead to a new state each. The last one leads home, twice: once to 1, once to 2.
#    A word of a single phone has no inner states, and its last arc is also its first.
# 3. Keep `here` (where the chain stands), `output` (the word, and after the first arc "") and the number of
#    the next free state. Prices: `-np.log(1 - p)` straight on, `-np.log(p)` through silence.

# %% [markdown]
# Where two words sound the same, or one is the beginning of another, the disambiguation symbols come in.
# This helper is given: it numbers the pronunciations in question.


# %%
PHONES = {
    "zero": "z ih r ow",
    "one": "w ah n",
    "two": "t uw",
    "three": "th r iy",
    "four": "f ao r",
    "five": "f ay v",
    "six": "s ih k s",
    "seven": "s eh v ah n",
    "eight": "ey t",
    "nine": "n ay n",
}


def disambiguate(lexicon):
    """The same lexicon with #1, #2, … behind pronunciations that are not unique, or begin another one."""
    every = [pronunciation for ways in lexicon.values() for pronunciation in ways]
    seen, marked = {}, {}
    for word, ways in lexicon.items():
        marked[word] = []
        for way in ways:
            if sum(f"{other} ".startswith(f"{way} ") for other in every) > 1:
                seen[way] = seen.get(way, 0) + 1
                way = f"{way} #{seen[way]}"
            marked[word].append(way)
    return marked


def without_marks(machine):
    """The machine with disambiguation symbols turned into epsilons."""
    arcs = [(s, t, "" if i.startswith("#") else i, o, w) for s, t, i, o, w in machine["arcs"]]
    return machine | {"arcs": arcs}


homophones = {"two": ["t uw"], "too": ["t uw"], "tomb": ["t uw m"]}
print("marked:", disambiguate(homophones))
try:
    determinize(remove_epsilons(lexicon_machine(homophones)), max_states=1000)
except ValueError as error:
    print("without the marks:", error)
tree = determinize(remove_epsilons(lexicon_machine(disambiguate(homophones))))
print("with them:", size(tree))
draw(tree, title="With the marks: three words share their beginning")

# %% [markdown]
# ## Part 11: G, the grammar
#
# Which word follows which? An n-gram model says so. Its data are two tables: `log10_probs`, the
# logarithm **to base 10** of the probability of a word after a history, and `log10_backoffs`, what it
# costs to forget the oldest word of the history. That is how ARPA files store them.
#
# A state is a history. After *nine* in a bigram model the state is "nine"; the state "" has forgotten
# everything.
#
# **A number first.** The model holds `"one nine": -0.1`, that is $p = 10^{-0.1} = 0.79$. So an arc
# reads *nine* in state "one", goes to state "nine", and costs $-\ln p = 0.1 \cdot \ln 10 = 0.23$. *One
# three* is not in the model. Then back off: an epsilon arc from "one" to "" for the back-off
# weight, and there an arc for *three* alone.
#
# `</s>` marks the end of a sentence. It is no word that anybody says: its price is the *final* weight of
# the state. `<s>` is no word either, only the history at the start.


# %% part="ngram_machine" points=4 difficulty=3 minutes=15
def ngram_machine(model: dict) -> dict:
    """G: an acceptor of word sequences, weighted by an n-gram model with back-off.

    Args:
        model: {"order": int, "log10_probs": {n-gram: float}, "log10_backoffs": {history: float}}; an
            n-gram is its words joined by spaces; histories without a back-off weight have 0.0.
    Returns:
        A connected machine (see `connect`). A state is a history: all words but the last of some
        n-gram, or "". Words lead to the longest ending of (history, word) that is a history, back-off
        (epsilon arcs) to the longest shorter ending. It starts in "<s>", or in "" if that is no history.
        Weights are negative natural logarithms.
    Raises:
        ValueError: if no n-gram ends in "</s>".
    Source: Allauzen, Mohri & Roark, Generalized algorithms for constructing statistical language models
        (2003), section 4.
    Example:
        >>> unigram = {"order": 1, "log10_probs": {"</s>": -1.0, "two": -0.5}, "log10_backoffs": {}}
        >>> machine = ngram_machine(unigram)
        >>> [(*arc[:4], round(arc[4], 3)) for arc in machine["arcs"]], round(machine["finals"]["0"], 3)
        ([(0, 0, 'two', 'two', 1.151)], 2.303)
    """
    ### BEGIN SOLUTION
    histories = {""} | {" ".join(ngram.split()[:-1]) for ngram in model["log10_probs"]}
    numbers = {history: number for number, history in enumerate(sorted(histories))}

    def state_of(words):
        while " ".join(words) not in numbers:
            words = words[1:]
        return numbers[" ".join(words)]

    arcs, finals = [], {}
    for ngram, log10_prob in model["log10_probs"].items():
        *history, word = ngram.split()
        source, weight = numbers[" ".join(history)], float(-log10_prob * np.log(10))
        if word == "</s>":
            finals[str(source)] = weight
        elif word != "<s>":
            arcs.append((source, state_of([*history, word]), word, word, weight))
    if not finals:
        raise ValueError("no n-gram of the model ends in </s>: no sentence could end")
    for history, source in numbers.items():
        if history:
            weight = float(-model["log10_backoffs"].get(history, 0.0) * np.log(10))
            arcs.append((source, state_of(history.split()[1:]), "", "", weight))
    return connect({"start": state_of(["<s>"]), "arcs": arcs, "finals": finals})
    ### END SOLUTION


# %% [markdown] hints="ngram_machine"
# 1. Which histories are there? Take the last word off each n-gram. Number them; then everything is a loop
#    over the n-grams and a loop over the histories.
# 2. A small inner function helps: given words, drop the first until what remains is a history. It finds the
#    target of a word arc, the target of a back-off arc and the start.
# 3. Per n-gram: weight `-log10 * np.log(10)`; "</s>" goes into `finals`, "<s>" is skipped, the others become
#    arcs. Per history but "": an epsilon arc with the back-off weight.

# %% [markdown]
# Back-off arcs cheat a little: a word that *is* in the model can also be reached by forgetting, and if
# that happens to be cheaper, it is taken. Decoders live with it. Kaldi writes `#0` on these arcs, so that
# they survive determinisation and the machine stays small.
#
# ## Part 12: C, sounds in context
#
# The *ay* of *nine* is spoken through the nose, the *ay* of *five* is not. A **triphone** is a phone with
# its neighbours: `n-ay+n` is *ay* between two *n*. C reads triphones and writes phones. *Nine* is
# `-n+ay`, `n-ay+n`, `ay-n+`: at the edges a neighbour is missing.
#
# How can the machine know the *next* phone? It guesses, and pins itself down. A state is a pair: the
# phone before, and the phone that *must* come now. In state (n, ay) the machine writes *ay*, reads
# `n-ay+r` for some guess *r*, and goes to state (ay, r). Wrong guesses run into dead ends, and `connect`
# cuts them off. The guess "nothing follows" leads to a state where one may stop and do nothing else.


# %% part="triphone_machine" points=4 difficulty=3 minutes=10
def triphone_machine(phones: list[str]) -> dict:
    """C: reads triphones, writes phones.

    Args:
        phones: labels, all different; silence is one of them like any other.
    Returns:
        A connected machine (see `connect`), all of whose weights are 0. It reads "left-phone+right" for
        each phone that it writes, with an empty left or right side at the edges of the sequence. It
        accepts the empty sequence, too.
    Source: Mohri, Pereira & Riley 2002, section 3.1, figure 6 (there with the sides exchanged).
    Example:
        >>> read_as = compose(triphone_machine(["n", "ay"]), linear(["n", "ay", "n"]))
        >>> best_path(read_as)
        (0.0, ['-n+ay', 'n-ay+n', 'ay-n+'], ['n', 'ay', 'n'])
    """
    ### BEGIN SOLUTION
    pairs = [(left, phone) for left in ["", *phones] for phone in ["", *phones]]
    numbers = {pair: number for number, pair in enumerate(pairs, 1)}  # 0 is the start
    arcs = []
    for left, phone in pairs:
        for right in ["", *phones] if phone else []:
            to = numbers[phone, right]
            arcs.append((numbers[left, phone], to, f"{left}-{phone}+{right}", phone, 0.0))
            if left == "":
                arcs.append((0, to, f"-{phone}+{right}", phone, 0.0))
    finals = {str(numbers[pair]): 0.0 for pair in pairs if pair[1] == ""}
    return connect({"start": 0, "arcs": arcs, "finals": finals | {"0": 0.0}})
    ### END SOLUTION


# %% [markdown] hints="triphone_machine"
# 1. Number the pairs (phone before, phone that must come now); either may be "" (no neighbour). Which pairs
#    are final? What arcs leave a pair?
# 2. From (left, phone), for each right neighbour including "": an arc to (phone, right) that reads the
#    triphone and writes the phone. Nothing leaves a pair whose second half is "".
# 3. The start has not decided its first phone yet: give it a copy of all arcs that leave the pairs ("",
#    phone). It is final, for the empty sequence.

# %% [markdown]
# ## Part 13: H, states in time
#
# The last machine reads HMM states, one per frame, and writes phones. You know the model from the lab
# before: left to right, each state stays or goes on. As a machine, *an arc reads the state that it
# enters*. For a phone with two states:
#
# | arc | reads | writes | weight |
# |---|---|---|---|
# | home → first state | `n_0` | n | 0 |
# | first → first | `n_0` | | $-\ln$ stay |
# | first → second | `n_1` | | $-\ln(1 - \text{stay})$ |
# | second → second | `n_1` | | $-\ln$ stay |
# | second → home | | | $-\ln(1 - \text{stay})$ |
#
# The phone is written once, on the way in, and *not* on the loops. With a probability of 0.8 to stay, a
# loop costs 0.223 and leaving costs 1.609.


# %% part="hmm_machine" points=3 difficulty=2 minutes=10
def hmm_machine(stay: dict[str, Float[np.ndarray, "states"]]) -> dict:
    """H: reads HMM states, one per frame, and writes phones.

    Args:
        stay: phone → for each of its states, from left to right, the probability of staying for another
            frame.
    Returns:
        State 0 is start, end (free of charge) and home; the states of the phones are numbered through
        from 1. State number k (from 0) of phone "n" is entered, again and again while it lasts, by arcs
        that read "n_k". Only the arc from home writes the phone; it is free. From the last state an
        epsilon arc leads home.
    Raises:
        ValueError: if a phone has no states, or a probability is not between 0 and 1, both excluded.
    Source: Mohri, Pereira & Riley 2002, section 3.1; Young et al., The HTK Book 3.4 (2006), section 1.5.
    Example:
        >>> machine = hmm_machine({"n": np.array([0.5])})
        >>> [(*arc[:4], round(arc[4], 3)) for arc in machine["arcs"]]
        [(0, 1, 'n_0', 'n', 0.0), (1, 1, 'n_0', '', 0.693), (1, 0, '', '', 0.693)]
    """
    ### BEGIN SOLUTION
    arcs, here = [], 0
    for phone, probabilities in stay.items():
        if len(probabilities) == 0 or not np.all((probabilities > 0) & (probabilities < 1)):
            raise ValueError(f"stay[{phone!r}] is {probabilities}, expected numbers between 0 and 1")
        before, price, output = 0, 0.0, phone
        for number, probability in enumerate(probabilities):
            here += 1
            arcs.append((before, here, f"{phone}_{number}", output, price))
            arcs.append((here, here, f"{phone}_{number}", "", float(-np.log(probability))))
            before, price, output = here, float(-np.log(1 - probability)), ""
        arcs.append((before, 0, "", "", price))
    return {"start": 0, "arcs": arcs, "finals": {"0": 0.0}}
    ### END SOLUTION


# %% [markdown] hints="hmm_machine"
# 1. Every state has two arcs to write down: the one that enters it, and its loop. Which probability
#    belongs to the arc that enters the second state?
# 2. Entering a state is leaving the one before it: $-\ln(1 - \text{stay})$ of *that* one. The first state is
#    entered from home, free of charge.
# 3. Walk along the states and carry three things: the state before, the price of leaving it, and the output
#    (the phone, then "" for ever). After the loop, one epsilon arc home with the last price.

# %% [markdown]
# ## Part 14: the search
#
# Everything is now one machine that reads HMM states. The features say how well each state explains each
# frame: `log_obs`, as in the lab before. We look for the cheapest path that reads exactly one state per
# frame, at the price of its arcs minus the log-probabilities of what was heard.
#
# **Token passing.** Put a token on the start. At each frame, every token sends copies of itself along all
# arcs that read a state, and each copy pays. Where several tokens meet in one state, the cheapest lives.
# Then tokens run along epsilon arcs, which take no time. It is Viterbi, on a graph.
#
# A token remembers its history. That need not cost memory: a history is a pair (history before, last
# step), so copies share their past.
#
# **The beam.** After each frame, drop every token that is more than `beam` worse than the *best*, and if
# there are still more than `max_active`, all but the best so many. A worked number: tokens at 10, 14 and
# 31 and a beam of 15. Everything above $10 + 15 = 25$ goes. With an infinite beam the search is exact. With
# a narrow one it is fast, and sometimes the right path is lost because it began badly. Such a loss is a
# **search error**.


# %% part="beam_search" points=8 difficulty=5 minutes=35
def beam_search(
    machine: dict,
    log_obs: Float[np.ndarray, "frames states"],
    columns: dict[str, int],
    beam: float = np.inf,
    max_active: int = 1_000_000,
) -> tuple[list[tuple[int, str, str]], float]:
    """The cheapest path that reads one label per frame, by token passing.

    Args:
        machine: each arc that reads a label takes one frame, arcs that read epsilon take none. No cycle
            of the latter may have a negative weight.
        log_obs: natural log-probability (or density) of each frame's observation in each state.
        columns: input label → the column of `log_obs` that it stands for.
        beam: after each frame, and the epsilon arcs behind it, tokens that are more than this worse than
            the best are dropped; in nats.
        max_active: then, all but so many of the best are dropped.
    Returns:
        The arcs of the path as (frame, input, output); arcs that take no time carry the number of the
        frame that comes next. And the path's weight: its arcs and its stopping price, minus the
        log_obs of what it reads. If no token is on a final state in the end: an empty list and infinity.
    Raises:
        ValueError: if `log_obs` holds no frames, an input label has no column, `beam` is negative, or
            `max_active` is less than 1.
    Source: Young, Russell & Thornton, Token passing (1989); Mohri, Pereira & Riley 2002, section 1.
    Example:
        >>> arcs = [(0, 1, "a", "A", 0.5), (1, 1, "a", "", 0.5), (1, 2, "b", "B", 0.25)]
        >>> machine = {"start": 0, "arcs": arcs, "finals": {"2": 0.0}}
        >>> log_obs = np.array([[-1.0, -9.0], [-2.0, -9.0], [-9.0, -1.0]])
        >>> beam_search(machine, log_obs, {"a": 0, "b": 1})
        ([(0, 'a', 'A'), (1, 'a', ''), (2, 'b', 'B')], 5.25)
    """
    ### BEGIN SOLUTION
    unknown = {arc[2] for arc in machine["arcs"] if arc[2]} - set(columns)
    if len(log_obs) == 0 or unknown or beam < 0 or max_active < 1:
        raise ValueError(
            f"{len(log_obs)} frames, labels without a column: {unknown}, beam {beam}, max_active {max_active}"
        )
    leaving = arcs_by_source(machine)
    tokens = {machine["start"]: (0.0, None)}  # state → (weight, history)
    for frame in range(len(log_obs) + 1):
        if frame > 0:
            moved, scores = {}, log_obs[frame - 1].tolist()  # a list is read faster than an array
            for state, (weight, history) in tokens.items():
                for _, target, label, output, price in leaving.get(state, ()):
                    if label:
                        total = weight + price - scores[columns[label]]
                        if total < moved.get(target, (np.inf,))[0]:
                            moved[target] = (total, (history, (frame - 1, label, output)))
            tokens = moved
        waiting = list(tokens)
        while waiting:
            state = waiting.pop()
            weight, history = tokens[state]
            for _, target, label, output, price in leaving.get(state, ()):
                if label == "" and weight + price < tokens.get(target, (np.inf,))[0]:
                    tokens[target] = (weight + price, (history, (frame, "", output)))
                    waiting.append(target)
        limit = min((weight for weight, _ in tokens.values()), default=np.inf) + beam
        tokens = {state: token for state, token in tokens.items() if token[0] <= limit}
        if len(tokens) > max_active:
            tokens = dict(sorted(tokens.items(), key=lambda item: item[1][0])[:max_active])

    ends = [(w + machine["finals"][str(s)], h) for s, (w, h) in tokens.items() if str(s) in machine["finals"]]
    total, history = min(ends, key=lambda end: end[0], default=(np.inf, None))
    path = []
    while history and total < np.inf:
        history, step = history
        path.append(step)
    return path[::-1], float(total)
    ### END SOLUTION


# %% [markdown] hints="beam_search"
# 1. A dict from state to (weight, history) holds all tokens. Per frame: build a *new* dict from the arcs that
#    read; then spread along epsilon arcs inside it; then drop what is too expensive. Epsilon arcs may also
#    leave the start, before the first frame.
# 2. Spreading is the walk of `remove_epsilons`: whoever becomes cheaper is looked at again. Drop only after
#    that. The limit is the *smallest* weight plus the beam.
# 3. A history is `(history_before, (frame, input, output))`, None at the start. In the end add the final
#    weights, take the cheapest token, and follow its history back; then turn the list round. The weight of
#    a frame is subtracted, because log_obs is a logarithm and weights are negative logarithms.

# %% [markdown]
# ## Part 15: from a path to times
#
# The path says at which frame each label was written. When is that in seconds? Frame $t$ covers the
# samples from $t \cdot \text{hop}$ to $t \cdot \text{hop} + \text{frame length}$. It speaks for its *centre*.
# With frames of 25 ms every 10 ms, frame 0 has its centre at 12.5 ms and frame 1 at 22.5 ms. If a word
# begins with frame 1, its border is half-way between the two centres: at 17.5 ms, not at 10.
#
# $$\text{border before frame } t = t \cdot \text{hop} + (\text{frame length} - \text{hop}) / 2$$
#
# And where does a word end? Where the next begins, unless there is silence in between: silence belongs
# to no word. So: a label begins with its first frame that is not silence, and ends behind its last one.


# %% part="segments" points=4 difficulty=2 minutes=10
def segments(
    path: list[tuple[int, str, str]], silence: list[str], hop_seconds: float, frame_seconds: float
) -> list[tuple[str, float, float]]:
    """When each label of a path begins and ends.

    Args:
        path: from `beam_search`, (frame, input, output) in the order of time. A label that is written
            lasts until the next one is written.
        silence: inputs that belong to no label.
        hop_seconds: from the start of one frame to the start of the next.
        frame_seconds: length of a frame.
    Returns:
        (label, start, end) in seconds, from the border before its first to the border behind its last
        frame that is not silence; the border between two frames is half-way between their centres.
        Frames before the first label belong to none, and labels without a frame are left out.
    Source: Young et al., The HTK Book 3.4 (2006), section 13.8 (forced alignment).
    Example:
        >>> path = [(0, "sil_0", ""), (1, "t_0", "two"), (2, "uw_0", ""), (3, "sil_0", "")]
        >>> [(word, round(s, 4), round(e, 4)) for word, s, e in segments(path, ["sil_0"], 0.01, 0.025)]
        [('two', 0.0175, 0.0375)]
    """
    ### BEGIN SOLUTION
    spans = []
    for frame, label, output in path:
        if output:
            spans.append([output, None, None])
        if label and spans and label not in silence:
            if spans[-1][1] is None:
                spans[-1][1] = frame
            spans[-1][2] = frame + 1
    offset = (frame_seconds - hop_seconds) / 2
    return [
        (name, first * hop_seconds + offset, behind * hop_seconds + offset)
        for name, first, behind in spans
        if first is not None
    ]
    ### END SOLUTION


# %% [markdown] hints="segments"
# 1. Walk along the path with a list of open entries. What opens an entry, and what makes the last one longer?
# 2. Arcs without an input take no time: they may open an entry, but never make it longer. A frame of silence
#    does neither.
# 3. Note for each entry its first frame and the frame behind its last one. In seconds: times the hop, plus
#    half of (frame minus hop).

# %% [markdown]
# ## Put it together: a recogniser of years
#
# First the sounds. Each phone gets three states with one Gaussian each, all from the lab before. They are
# trained on single digits with a little faint noise before and after, which becomes the phone `sil`. The
# model is told which phones a recording holds, and never when. It begins with equal slices, lets Viterbi
# cut again, and so on.

# %%
N_STATES = 3  # per phone
VARIANCE_FLOOR = 1e-2  # cepstra of speech vary by 0.1 to 10, so this only stops a collapse


def features_of(samples, sample_rate):
    """Cepstra, slopes and slopes of slopes: [frames, 39], frames of 25 ms every 10 ms."""
    cepstra = mel_features.mfcc(
        samples,
        sample_rate,
        n_mfcc=13,
        n_mels=26,
        n_fft=256 if sample_rate == 8000 else 1024,
        frame_length=sample_rate // 40,
        hop_length=sample_rate // 100,
    )
    cepstra[:, 0] -= cepstra[:, 0].max()
    slopes = mel_features.delta(cepstra)
    return np.hstack([cepstra, slopes, mel_features.delta(slopes)])


def train_phones(utterances, n_rounds):
    """Phones of three Gaussian states from (features, phones) pairs, by cutting and averaging in turns.

    Returns phones, means and variances [3 · phones, 39], and the probability of staying, [3 · phones].
    """
    phones = sorted({phone for _, spoken_phones in utterances for phone in spoken_phones})
    first = {phone: N_STATES * number for number, phone in enumerate(phones)}
    chains = [
        np.concatenate([first[p] + np.arange(N_STATES) for p in sequence]) for _, sequence in utterances
    ]
    frames = np.concatenate([features for features, _ in utterances])
    paths = [np.arange(len(f)) * len(c) // len(f) for (f, _), c in zip(utterances, chains, strict=True)]
    visits = np.bincount(np.concatenate(chains))
    for _ in progress(range(n_rounds), "training"):
        states = np.concatenate([chain[path] for chain, path in zip(chains, paths, strict=True)])
        counts = np.bincount(states, minlength=len(visits))
        means = np.tile(frames.mean(axis=0), (len(visits), 1))
        variances = np.tile(frames.var(axis=0), (len(visits), 1))
        for state in np.flatnonzero(counts > 3):
            means[state] = frames[states == state].mean(axis=0)
            variances[state] = np.maximum(frames[states == state].var(axis=0), VARIANCE_FLOOR)
        stay = np.clip(1 - visits / np.maximum(counts, 1), 0.1, 0.97)
        for number, ((features, _), chain) in enumerate(zip(utterances, chains, strict=True)):
            transition = np.diag(stay[chain]) + np.diag(1 - stay[chain][:-1], k=1)
            transition[-1, -1] = 1.0
            log_obs = hmm.gaussian_log_obs(features, means, variances)[:, chain]
            paths[number] = hmm.viterbi(np.eye(len(chain))[0], transition, log_obs)[0]
    return phones, means, variances, stay


def h_and_columns(phones, stay):
    """H of trained phones, and which column of log_obs each of its labels stands for."""
    machine = hmm_machine({p: stay[N_STATES * k : N_STATES * (k + 1)] for k, p in enumerate(phones)})
    columns = {
        f"{p}_{state}": N_STATES * k + state for k, p in enumerate(phones) for state in range(N_STATES)
    }
    return machine, columns


utterances = []
for word in WORDS:
    clips = digits.split("train").filter(text=word)
    for number, clip in enumerate(clips[:: 15 if fast_mode() else 4]):
        padded, _ = spoken([word], [clip], seed=number)
        utterances.append((features_of(padded, 8000), ["sil", *PHONES[word].split(), "sil"]))
digit_sounds = train_phones(utterances, n_rounds=3 if fast_mode() else 6)
phones, _, _, stay = digit_sounds
machine_h, columns = h_and_columns(phones, stay)
print(f"{len(phones)} phones from {len(utterances)} digits of {digits.name}")

# %% [markdown]
# Three grammars, from loose to strict. The first lets any digit follow any other. The second is a bigram
# model of the years, with a little discount for back-off; the lab on n-grams makes better ones. The third
# is the graph of all years that you saw in Part 9.


# %%
def bigram_model(sentences):
    """A bigram model with back-off, in the tables of an ARPA file: half a count is taken off each pair."""
    pairs, words = {}, {}
    for sentence in sentences:
        for history, word in zip(["<s>", *sentence], [*sentence, "</s>"], strict=True):
            pairs.setdefault(history, {}).setdefault(word, 0)
            pairs[history][word] += 1
            words[word] = words.get(word, 0) + 1
    alone = {word: count / sum(words.values()) for word, count in words.items()}
    probs, backoffs = {"<s>": -99.0} | {word: np.log10(p) for word, p in alone.items()}, {}
    for history, following in pairs.items():
        total = sum(following.values())
        probs |= {f"{history} {word}": np.log10((n - 0.5) / total) for word, n in following.items()}
        unseen = 1 - sum(alone[word] for word in following)
        if unseen > 1e-9:
            backoffs[history] = np.log10(0.5 * len(following) / total / unseen)
    return {"order": 2, "log10_probs": probs, "log10_backoffs": backoffs}


any_digit = {
    "start": 0,
    "arcs": [(0, 0, word, word, float(np.log(11))) for word in WORDS],  # ten words or the end: 1/11 each
    "finals": {"0": float(np.log(11))},
}
grammars = {"any digits": any_digit, "bigram": ngram_machine(bigram_model(YEARS)), "years": as_graph}
machine_l = lexicon_machine(disambiguate({word: [way] for word, way in PHONES.items()}))
lg = {name: minimize(determinize(remove_epsilons(compose(machine_l, G)))) for name, G in grammars.items()}
graphs = {name: compose(machine_h, without_marks(machine)) for name, machine in lg.items()}
rows = []
for name, G in grammars.items():
    plain = remove_epsilons(compose(machine_l, G))
    for what, machine in (
        ("G", G),
        ("L ∘ G", plain),
        ("min(det(L ∘ G))", lg[name]),
        ("H ∘ L ∘ G", graphs[name]),
    ):
        rows.append({"grammar": name, "machine": what, **size(machine)})
table(rows, title="Sizes")
two_words = union([linear(["six"]), linear(["seven"])])
draw(
    minimize(determinize(remove_epsilons(compose(machine_l, two_words)))),
    title="min(det(L ∘ G)) where G allows only six or seven, once",
)

# %% [markdown]
# Now the year from the top of the page. The features of each frame meet the states of the phones, and the
# search does the rest.

# %%
HOP, FRAME = 0.01, 0.025
SILENT = [f"sil_{state}" for state in range(N_STATES)]


def log_obs_of(samples, sounds, sample_rate=8000):
    """How well each state of each phone explains each frame."""
    _, means, variances, _ = sounds
    return hmm.gaussian_log_obs(features_of(samples, sample_rate), means, variances)


def written(path):
    """The words of a path."""
    return [output for _, _, output in path if output]


def show_words(samples, sample_rate, rows, title, until=None):
    """A waveform, and below it rows of (label, start, end), one row per name."""
    with style.styled():
        figure, axes = style.new_figure(2, 1, height=3.0, sharex=True, gridspec_kw={"height_ratios": [2, 1]})
        top, bottom = axes[:, 0]
        seconds = np.arange(len(samples)) / sample_rate
        top.plot(seconds, samples, color=style.color(0), linewidth=0.5)
        top.set_ylabel("amplitude")
        for number, spans in enumerate(rows.values()):
            for label, begin, end in spans:
                bottom.barh(
                    number,
                    end - begin,
                    left=begin,
                    height=0.7,
                    color=style.color(number),
                    alpha=0.4,
                    edgecolor="white",
                )
                if (begin + end) / 2 < (until or np.inf):
                    bottom.text((begin + end) / 2, number, label, ha="center", va="center", fontsize=8)
        bottom.set_yticks(range(len(rows)), rows)
        bottom.set_ylim(len(rows) - 0.5, -0.5)
        bottom.set_xlim(0, until or seconds[-1])
        bottom.set_xlabel("time [s]")
        top.set_title(title)
        return style.finish(figure)


path, weight = beam_search(graphs["years"], log_obs_of(samples, digit_sounds), columns)
print("said: ", " ".join(year))
print("heard:", " ".join(written(path)))
print(f"weight: {weight:.1f} nats over {len(log_obs_of(samples, digit_sounds))} frames")

# %% [markdown]
# **When** was each word said? Look at how often a word is written in a machine that was determinised: it
# waits until the word is certain. The label comes late. So times are asked for in a second search, over a
# machine that holds only the words just found and that was never determinised. This is **forced
# alignment**: the words are known, the times are not.


# %%
def alignment_graphs(machine_h, lexicon, words):
    """Two machines for known words, with optional silence: one writes words, the other phones."""
    chosen = lexicon_machine({word: lexicon[word] for word in dict.fromkeys(words)})
    of_words = remove_epsilons(compose(chosen, linear(words)))
    return compose(machine_h, of_words), compose(machine_h, project(of_words, "input"))


lexicon = {word: [way] for word, way in PHONES.items()}
to_words, to_phones = alignment_graphs(machine_h, lexicon, written(path))
log_obs = log_obs_of(samples, digit_sounds)
found = segments(beam_search(to_words, log_obs, columns)[0], SILENT, HOP, FRAME)
sounds_found = segments(beam_search(to_phones, log_obs, columns)[0], SILENT, HOP, FRAME)
late = segments(path, SILENT, HOP, FRAME)
show_words(
    samples,
    8000,
    {"clips": times, "aligned": found, "phones": sounds_found, "labels of the search": late},
    "A year and its words",
)
pieces = {word: samples[int(begin * 8000) : int(end * 8000)] for word, begin, end in found}
play({"the whole year": samples, **pieces}, 8000)

# %% [markdown]
# The row "clips" shows where the recordings were put, so it includes the quiet that each recording has at
# its edges. The last row shows why the labels of a determinised machine are no times. The last word comes
# late: while the *f* lasts, it could be *four* or *five*. And until then the time is counted for *eight*.
# (If your recogniser heard another word than was said, its times are those of that word.)
#
# **Where is C?** So far each phone ignores its neighbours, which is the simplest C: the identity. With
# triphones the same machinery runs, only larger. Here all triphones of a phone still share its Gaussians
# (a large system would train many of them), so the same words must come out.

# %%
machine_c = triphone_machine(phones)
clg = compose(machine_c, without_marks(lg["years"]))
in_context = sorted({arc[2] for arc in clg["arcs"] if arc[2]})
centre = {label: label.rsplit("-", 1)[1].split("+")[0] for label in in_context}
stay_in = {label: stay[N_STATES * phones.index(p) :][:N_STATES] for label, p in centre.items()}
hclg = compose(hmm_machine(stay_in), clg)
tied = {f"{label}_{k}": columns[f"{p}_{k}"] for label, p in centre.items() for k in range(N_STATES)}
table(
    [
        {"machine": "C, alone", **size(machine_c)},
        {"machine": "H ∘ L ∘ G", **size(graphs["years"])},
        {"machine": "H ∘ C ∘ L ∘ G", **size(hclg)},
    ],
    title=f"{len(in_context)} triphones occur in years",
)
context_path, context_weight = beam_search(hclg, log_obs, tied)
print("with context:", " ".join(written(context_path)), f"  weight: {context_weight:.1f}")
assert abs(context_weight - weight) < 1e-6

# %% [markdown]
# ## Practice: the beam, and the times of words
#
# **The beam.** Years by the voices of the test set. The **word error rate** counts the words that must be
# changed, added or taken away, for each word that was said. How narrow can the beam become before it costs
# words? And how much does the grammar help?
#
# The real-time factor is the time of the search for each second of sound: 0.01 means a hundred times
# faster than speech.


# %%
def word_errors(said, heard):
    """Fewest changed, added and missing words that turn one sequence into the other."""
    best = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        before, best = best, [row]
        for column, other in enumerate(heard, 1):
            best.append(min(before[column] + 1, best[-1] + 1, before[column - 1] + (word != other)))
    return best[-1]


rng = np.random.default_rng(7)
testing = []
voices = digits.split("test").speakers
for number in range(12 if fast_mode() else 48):
    words = YEARS[rng.integers(len(YEARS))]
    of_voice = digits.split("test").filter(speaker=voices[number % len(voices)])
    choices = [of_voice.filter(text=word) for word in words]
    clips = [choice[int(rng.integers(len(choice)))] for choice in choices]
    audio, _ = spoken(words, clips, seed=1000 + number)
    testing.append((words, log_obs_of(audio, digit_sounds)))
n_words = sum(len(words) for words, _ in testing)
n_frames = sum(len(log_obs) for _, log_obs in testing)


def measure(graph, **options):
    """Word error rate, real-time factor, and paths that are worse than the best, all over the test set."""
    started = time.perf_counter()
    answers = [beam_search(graph, log_obs, columns, **options) for _, log_obs in testing]
    seconds = time.perf_counter() - started
    errors = sum(
        word_errors(words, written(path)) for (words, _), (path, _) in zip(testing, answers, strict=True)
    )
    return errors / n_words, seconds / (n_frames * HOP), [weight for _, weight in answers]


BEAMS = [np.inf, 300.0, 200.0, 150.0, 100.0, 70.0, 50.0, 30.0]
rows, curves = [], {}
for name, graph in graphs.items():
    rates = []
    for beam in BEAMS if not fast_mode() else BEAMS[::2]:
        error_rate, real_time_factor, weights = measure(graph, beam=beam)
        exact = weights if beam == np.inf else exact
        lost = sum(weight > best + 1e-6 for weight, best in zip(weights, exact, strict=True))
        rows.append(
            {
                "grammar": name,
                "beam [nats]": f"{beam:g}",
                "word error rate": f"{error_rate:.1%}",
                "search errors": f"{lost} of {len(testing)}",
                "real-time factor": f"{real_time_factor:.4f}",
            }
        )
        rates.append((beam, error_rate))
    curves[name] = tuple(np.array(rates[1:]).T * np.array([[1], [100]]))
table(rows, title=f"{len(testing)} years, {n_words} words, {digits.name}, test set")
plot.lines(curves, x_label="beam [nats]", y_label="word error rate [%]", title="How narrow may the beam be?")

# %% [markdown]
# With an infinite beam every error is the *model's*: the wrong words truly were cheaper. A **search error**
# is another thing: the search lost a path that was cheaper than its answer. Widening the beam mends search
# errors and nothing else.
#
# **The times of words.** Synthetic speech knows to the sample where each word begins, so it can tell how
# good a forced alignment is. The corpus has one voice. The phones of its training sentences (and where
# they pause) are told to the training, without times; the dictionary holds the ways in which the voice
# says each word. In the test sentences, silence between words is optional and found by the search.
#
# **Target: the median error of word borders is at most 30 ms.** (This is synthetic speech, which repeats
# itself. People's borders are less sharp: two experts who mark the same recording differ by some 10 ms.)

# %%
TARGET_SECONDS = 0.030
sentences = corpora.synth_ljs(50 if fast_mode() else 100)
rate = sentences.sample_rate
HOP_OF_VOICE, FRAME_OF_VOICE = (rate // 100) / rate, (rate // 40) / rate
known = [
    (features_of(clip.samples, rate), [phone for phone, _, _ in clip.phonemes])
    for clip in sentences.split("train")
]
voice_sounds = train_phones(known, n_rounds=4 if fast_mode() else 6)
h_of_voice, columns_of_voice = h_and_columns(voice_sounds[0], voice_sounds[3])
dictionary = {}
for clip in sentences:
    for word, begin, end in clip.words:
        way = " ".join(p for p, a, b in clip.phonemes if begin <= (a + b) / 2 <= end)
        dictionary.setdefault(word, []).append(way)
dictionary = {word: sorted(set(ways)) for word, ways in dictionary.items()}

borders, shown, skipped = [], None, 0
for clip in sentences.split("test"):
    words = [word for word, _, _ in clip.words]
    if not {phone for phone, _, _ in clip.phonemes} <= set(voice_sounds[0]):
        skipped += 1  # a sound that no training sentence holds
        continue
    to_words, to_phones = alignment_graphs(h_of_voice, dictionary, words)
    log_obs = log_obs_of(clip.samples, voice_sounds, rate)
    path, _ = beam_search(to_words, log_obs, columns_of_voice, beam=300.0)
    aligned = segments(path, SILENT, HOP_OF_VOICE, FRAME_OF_VOICE)
    borders += [a[k] - b[k] for a, b in zip(aligned, clip.words, strict=True) for k in (1, 2)]
    if shown is None:
        phone_path, _ = beam_search(to_phones, log_obs, columns_of_voice, beam=300.0)
        shown = clip, aligned, segments(phone_path, [], HOP_OF_VOICE, FRAME_OF_VOICE)
borders = np.array(borders)
median = np.median(np.abs(borders))
print(
    f"{sentences.name}: {len(borders)} word borders in {len(sentences.split('test')) - skipped} test sentences "
    f"({skipped} skipped). Median error {1000 * median:.1f} ms, nine in ten within "
    f"{1000 * np.percentile(np.abs(borders), 90):.0f} ms, "
    f"median of the starts {1000 * np.median(borders[::2]):+.1f} ms, of the ends "
    f"{1000 * np.median(borders[1::2]):+.1f} ms (plus is too late)."
)
print(f"Target {1000 * TARGET_SECONDS:.0f} ms: {'reached' if median <= TARGET_SECONDS else 'missed'}.")
clip, aligned, phones_aligned = shown
show_words(
    clip.samples,
    rate,
    {
        "words, true": clip.words,
        "words, aligned": aligned,
        "phones, true": clip.phonemes,
        "phones, aligned": phones_aligned,
    },
    clip.text,
    until=min(clip.duration, 2.2),
)
plot.lines(
    {"share of borders": (np.sort(1000 * np.abs(borders)), np.linspace(0, 100, len(borders)))},
    x_label="error of at most [ms]",
    y_label="word borders [%]",
    title="How far off are the borders?",
)
begin, end = (sum(aligned[k][side] for k in [1]) for side in (1, 2))
play(
    {
        "the sentence": clip.samples,
        f"its second word, {aligned[1][0]}": clip.samples[int(begin * rate) : int(end * rate)],
    },
    rate,
)

# %% [markdown]
# The borders come a little late, above all where a word ends in silence: this voice falls silent from one
# sample to the next, while a frame of 25 ms, and slopes over five frames, still see the sound for a while.
#
# Now try things. What does the error become with $t \cdot \text{hop}$ in place of the border between centres?
# With one state per phone? With a lexicon that allows no silence?
#
# ## Against the library
#
# First the lab before. A word is a left-to-right HMM, and Viterbi over its matrix is exact. The same word
# as a machine, with an infinite beam, must find the same weight. The matrix knows no stopping price, so
# it is added.

# %%
clip = digits.split("test").clip("seven", speaker=0)
names = PHONES["seven"].split()
chain = np.array([columns[f"{phone}_{state}"] for phone in names for state in range(N_STATES)])
log_obs = log_obs_of(clip.samples, digit_sounds)
transition = np.diag(stay[chain]) + np.diag(1 - stay[chain][:-1], k=1)
word_machine = compose(machine_h, linear(names))


def by_matrix():
    """Viterbi of the lab before, ending in the last state."""
    with np.errstate(divide="ignore"):
        blocked = log_obs[:, chain].copy()
        blocked[-1, :-1] = -np.inf
        return hmm.viterbi(np.eye(len(chain))[0], transition, blocked)


states, log_prob = by_matrix()
path, weight = beam_search(word_machine, log_obs, columns)
leaving_price = -np.log(1 - stay[chain[-1]])
same_states = [columns[label] for _, label, _ in path if label] == chain[states].tolist()
table(
    [
        {"": "weight [nats]", "matrix": f"{leaving_price - log_prob:.9f}", "machine": f"{weight:.9f}"},
        {
            "": "time [ms]",
            "matrix": f"{1000 * stopwatch(by_matrix):.2f}",
            "machine": f"{1000 * stopwatch(beam_search, word_machine, log_obs, columns):.2f}",
        },
    ],
    title=f"“seven”, {len(log_obs)} frames; the same state in each frame: {'yes' if same_states else 'no'}",
)

# %% [markdown]
# OpenFst, by way of its Python package Pynini, is the library that Kaldi is built on. It may not be
# installed here: there are wheels for Linux only.

# %%
try:
    import pynini
except ImportError:
    pynini = None
    print("Pynini is not installed, so there is nothing to compare with. On Linux: pip install pynini")


def in_pynini(machine, symbols):
    """The same machine as an object of Pynini; `symbols` numbers the labels, "" is 0."""
    fst = pynini.Fst()
    for _ in range(size(connect(machine))["states"]):
        fst.add_state()
    fst.set_start(0)
    for source, target, label, output, weight in connect(machine)["arcs"]:
        fst.add_arc(source, pynini.Arc(symbols[label], symbols[output], weight, target))
    for state, price in connect(machine)["finals"].items():
        fst.set_final(int(state), price)
    return fst


if pynini:
    G = grammars["years"]
    labels = {label for machine in (machine_l, G) for arc in machine["arcs"] for label in arc[2:4]} | {""}
    symbols = {label: number for number, label in enumerate(sorted(labels))}
    theirs_l, theirs_g = in_pynini(machine_l, symbols), in_pynini(G, symbols).arcsort("ilabel")
    theirs = pynini.compose(theirs_l, theirs_g).rmepsilon()
    ours = remove_epsilons(compose(machine_l, G))
    best = best_path(ours)[0]
    their_best = float(pynini.shortestdistance(theirs, reverse=True)[theirs.start()])
    by_us = stopwatch(compose, machine_l, G)
    by_them = stopwatch(pynini.compose, theirs_l, theirs_g)
    listed_there = in_pynini(remove_epsilons(listed), {"": 0} | {w: k for k, w in enumerate(WORDS, 1)})
    minimal = pynini.determinize(listed_there).minimize()
    table(
        [
            {"": "best weight of L ∘ G", "ours": f"{best:.6f}", "OpenFst": f"{their_best:.6f}"},
            {
                "": "states of the minimised years",
                "ours": str(size(as_graph)["states"]),
                "OpenFst": str(minimal.num_states()),
            },
            {"": "compose(L, G) [ms]", "ours": f"{1000 * by_us:.2f}", "OpenFst": f"{1000 * by_them:.3f}"},
        ],
        title="The years",
    )

# %% [markdown]
# The numbers agree; the speed does not. OpenFst is C++, and its machines may have a hundred million arcs.
# A large recogniser composes for hours, once, and then searches the result for years.
#
# ## Where it breaks
#
# A grammar is a promise. What if somebody breaks it? Say *seven seven seven seven* to the recogniser of
# years. It has no way to answer "that was no year": it must find the cheapest path *that exists*.

# %%
of_voice = digits.split("test").filter(speaker=digits.split("test").speakers[0])
for said in ("seven seven seven seven", "nine one one"):
    audio, _ = spoken(said.split(), [of_voice.filter(text=word)[1] for word in said.split()], seed=3)
    play({said: audio}, 8000)
    log_obs = log_obs_of(audio, digit_sounds)
    results = {name: beam_search(graph, log_obs, columns) for name, graph in graphs.items()}
    table(
        [
            {"grammar": name, "heard": " ".join(written(path)), "weight [nats]": f"{weight:.1f}"}
            for name, (path, weight) in results.items()
        ],
        title=f"Said: {said}",
    )

# %% [markdown]
# The strict grammar hears a year. Its weight betrays it: the loose grammar explains the same sound much
# more cheaply. Real systems compare the two, or leave a little probability for everything in G. That is
# what the smoothing and back-off of the lab on n-grams are for.
#
# The other limit sits in H: one Gaussian for each state, three states for each phone, whatever its
# neighbours. C can ask for triphones, but somebody must train thousands of them on not enough speech. For
# thirty years that was the craft of speech recognition. Then neural networks learnt `log_obs`, and the
# graph stayed. What finally replaced it is the end-to-end model; its beam search is the one of Part 14, over
# letters.
#
# ## Read on
#
# - M. Mohri, F. Pereira, M. Riley, *Weighted finite-state transducers in speech recognition*, Computer
#   Speech and Language 16, 2002. Sections 2 and 3 are this lab.
# - M. Mohri, *Weighted automata algorithms*, in Handbook of Weighted Automata, 2009: all the algorithms,
#   for any semiring.
# - C. Allauzen, M. Riley, J. Schalkwyk, W. Skut, M. Mohri, *OpenFst*, CIAA 2007.
# - S. Young, N. Russell, J. Thornton, *Token passing: a simple conceptual model for connected speech
#   recognition systems*, Cambridge technical report 38, 1989.
# - D. Povey et al., *The Kaldi speech recognition toolkit*, ASRU 2011; its page "Decoding graph construction
#   in Kaldi" shows H, C, L and G with every disambiguation symbol.
# - M. McAuliffe et al., *Montreal Forced Aligner*, Interspeech 2017.
