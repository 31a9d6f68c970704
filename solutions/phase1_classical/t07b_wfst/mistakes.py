"""Wrong variants of the lab on weighted finite-state transducers, and what to tell who wrote them."""

import heapq

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)
LN_10 = float(np.log(10))


def leaving_of(machine):
    found = {}
    for arc in machine["arcs"]:
        found.setdefault(arc[0], []).append(arc)
    return found


def with_weights(machine, change):
    return machine | {"arcs": [(*arc[:4], change(arc[4])) for arc in machine["arcs"]]}


# --- combine -------------------------------------------------------------------------------------


def refuse_semiring(semiring):
    if semiring not in ("tropical", "log"):
        raise ValueError(f"semiring is {semiring!r}")


@mistake(
    "combine",
    "You took the largest weight. A weight is a price: the best alternative is the cheapest one.",
)
def largest_weight_taken(weights, semiring="tropical"):
    refuse_semiring(semiring)
    if semiring == "log":
        return reference.combine(weights, "log")
    return float(max(weights, default=np.inf))


@mistake(
    "combine",
    "You added the weights. That is what one step after another costs; here one of several happens.",
)
def sum_of_weights(weights, semiring="tropical"):
    refuse_semiring(semiring)
    return float(sum(weights)) if weights else np.inf


@mistake(
    "combine",
    "You took exponentials first and the logarithm last, without taking out the smallest weight. Weights "
    "of a thousand vanish that way, and weights of minus a thousand overflow.",
)
def underflow(weights, semiring="tropical"):
    refuse_semiring(semiring)
    if semiring == "tropical":
        return float(min(weights, default=np.inf))
    with np.errstate(divide="ignore", over="ignore"):
        return float(-np.log(np.sum(np.exp(-np.array(weights, dtype=float)))))


@mistake(
    "combine",
    "You took the logarithm of the sum of e to the plus w. Weights are *negative* logarithms, so "
    "probabilities are e to the minus w.",
)
def sign_forgotten(weights, semiring="tropical"):
    refuse_semiring(semiring)
    if semiring == "tropical" or not weights:
        return float(min(weights, default=np.inf))
    return float(np.logaddexp.reduce(weights))


# --- weighted_relation ---------------------------------------------------------------------------


def relation(
    machine, max_arcs, semiring, after=lambda a, b: a + b, stops=True, extra=1, keep_epsilon=False, one=0.0
):
    leaving, found = leaving_of(machine), {}
    paths = [(machine["start"], [], [], one)]
    for _ in range(max_arcs + extra):
        longer = []
        for state, read, written, weight in paths:
            if str(state) in machine["finals"]:
                price = machine["finals"][str(state)]
                total = after(weight, price) if stops else weight
                found.setdefault(f"{' '.join(read)}:{' '.join(written)}", []).append(total)
            for _, target, i, o, w in leaving.get(state, []):
                more_read = [*read, i] if i or keep_epsilon else read
                more_written = [*written, o] if o or keep_epsilon else written
                longer.append((target, more_read, more_written, after(weight, w)))
        paths = longer
    return {pair: reference.combine(weights, semiring) for pair, weights in found.items()}


@mistake(
    "weighted_relation",
    "The price of stopping is missing: a path pays for its arcs and then for its final state.",
)
def no_final_weights(machine, max_arcs, semiring="tropical"):
    return relation(machine, max_arcs, semiring, stops=False)


@mistake(
    "weighted_relation",
    "You multiplied the weights along a path. They are logarithms: probabilities are multiplied, weights "
    "added.",
)
def weights_multiplied(machine, max_arcs, semiring="tropical"):
    return relation(machine, max_arcs, semiring, after=lambda a, b: a * b, one=1.0)


@mistake(
    "weighted_relation",
    "Your paths are one arc too short. A path with max_arcs arcs is asked about stopping, too.",
)
def one_arc_short(machine, max_arcs, semiring="tropical"):
    return relation(machine, max_arcs, semiring, extra=0)


@mistake(
    "weighted_relation",
    "Several paths read and write the same, and only the last one is in your table. Collect all their "
    "weights, then combine them.",
)
def last_path_wins(machine, max_arcs, semiring="tropical"):
    leaving, found = leaving_of(machine), {}
    paths = [(machine["start"], [], [], 0.0)]
    for _ in range(max_arcs + 1):
        longer = []
        for state, read, written, weight in paths:
            if str(state) in machine["finals"]:
                found[f"{' '.join(read)}:{' '.join(written)}"] = weight + machine["finals"][str(state)]
            for _, target, i, o, w in leaving.get(state, []):
                longer.append(
                    (target, [*read, i] if i else read, [*written, o] if o else written, weight + w)
                )
        paths = longer
    return found


@mistake(
    "weighted_relation",
    "Empty labels leave extra spaces in your keys: paths that differ only in their epsilons come out as "
    "different pairs. An epsilon is nothing at all.",
)
def epsilons_kept(machine, max_arcs, semiring="tropical"):
    return relation(machine, max_arcs, semiring, keep_epsilon=True)


# --- connect -------------------------------------------------------------------------------------


def trimmed(machine, forwards=True, backwards=True, deep=False, keep_numbers=False):
    arcs, leaving = machine["arcs"], leaving_of(machine)
    useful = {int(state) for state in machine["finals"]}
    for _ in range(len(arcs) + 1):
        useful |= {arc[0] for arc in arcs if arc[1] in useful}
    if not backwards:
        useful = {state for arc in arcs for state in arc[:2]} | {machine["start"]}
    if machine["start"] not in useful:
        return {"start": 0, "arcs": [], "finals": {}}
    order, waiting, seen = [], [machine["start"]], {machine["start"]}
    while waiting:
        state = waiting.pop(-1 if deep else 0)
        order.append(state)
        for arc in leaving.get(state, []):
            if arc[1] in useful and arc[1] not in seen:
                seen.add(arc[1])
                waiting.append(arc[1])
    if not forwards:
        order += sorted(useful - set(order))
    numbers = {state: state if keep_numbers else k for k, state in enumerate(order)}
    return {
        "start": numbers[machine["start"]],
        "arcs": [
            (numbers[s], numbers[arc[1]], *arc[2:])
            for s in order
            for arc in leaving.get(s, [])
            if arc[1] in numbers and arc[1] in useful
        ],
        "finals": {str(numbers[s]): machine["finals"][str(s)] for s in order if str(s) in machine["finals"]},
    }


@mistake(
    "connect",
    "States that lead nowhere are still there. It is not enough that the start reaches a state: a final "
    "state must be ahead of it, too.",
)
def only_reachable(machine):
    return trimmed(machine, backwards=False)


@mistake(
    "connect",
    "States that nobody can reach are still there. It is not enough that a final state is ahead: the "
    "start must lead there.",
)
def only_coreachable(machine):
    return trimmed(machine, forwards=False)


@mistake(
    "connect",
    "You number the states in the order of a depth-first walk. Take the state that has waited longest, "
    "not the one found last.",
)
def depth_first(machine):
    return trimmed(machine, deep=True)


@mistake(
    "connect",
    "The right states are left, but with their old numbers. Number them afresh from the start.",
)
def old_numbers(machine):
    return trimmed(machine, keep_numbers=True)


# --- best_path -------------------------------------------------------------------------------


def dijkstra(machine, stop=True, prices=True, forget_late=False, backwards=False, loop=True):
    if min([arc[4] for arc in machine["arcs"]] + list(machine["finals"].values()), default=0) < 0:
        raise ValueError("negative weight")
    leaving, best, came, done = leaving_of(machine), {machine["start"]: 0.0}, {}, set()
    queue = [(0.0, machine["start"])]
    while queue:
        weight, state = heapq.heappop(queue)
        if state in done:
            continue
        done.add(state)
        if not loop and str(state) in machine["finals"]:
            break  # the first final state, whatever stopping costs
        for arc in leaving.get(state, []):
            better = weight + arc[4] < best.get(arc[1], np.inf)
            if better if not forget_late else arc[1] not in best:
                best[arc[1]], came[arc[1]] = weight + arc[4], arc
                heapq.heappush(queue, (best[arc[1]], arc[1]))
    if not loop:
        ends = {int(s): best[int(s)] + w for s, w in machine["finals"].items() if int(s) in done}
    else:
        ends = {
            int(s): best[int(s)] + (w if stop else 0) for s, w in machine["finals"].items() if int(s) in best
        }
    if not ends or min(ends.values()) == np.inf:
        return np.inf, [], []
    end = state = min(ends, key=ends.get)
    path = []
    while state in came and state != machine["start"]:
        path.append(came[state])
        state = came[state][0]
    path = path if backwards else path[::-1]
    total = ends[end] if prices else float(len(path))
    return float(total), [arc[2] for arc in path if arc[2]], [arc[3] for arc in path if arc[3]]


@mistake(
    "best_path",
    "The price of stopping does not count with you. A state that is near but dear to stop in may lose "
    "against one that is far.",
)
def stopping_is_free(machine):
    return dijkstra(machine, stop=False)


@mistake(
    "best_path",
    "You stop at the first final state that is reached. Another one, farther away, may be cheaper to stop"
    " in: search on, then choose.",
)
def first_final_state(machine):
    return dijkstra(machine, loop=False)


@mistake(
    "best_path",
    "The labels come out from the end to the start. You collected them while walking back: turn them round.",
)
def from_end_to_start(machine):
    return dijkstra(machine, backwards=True)


@mistake(
    "best_path",
    "A state keeps the first arc that touched it, also when a cheaper way turns up before it is taken "
    "from the heap. Its price is settled when it comes out, not when it goes in.",
)
def first_touch(machine):
    return dijkstra(machine, forget_late=True)


# --- compose -------------------------------------------------------------------------------------


def composition(
    first,
    second,
    after=lambda a, b: a + b,
    filtered=True,
    epsilon_arcs=True,
    final=lambda a, b: a + b,
    together=False,
    reset=True,
    trim=True,
):
    ways_one, ways_two = leaving_of(first), leaving_of(second)
    order = [(first["start"], second["start"], False)]
    numbers, arcs, finals = {order[0]: 0}, [], {}
    for one, two, moved in order:
        moves = []
        for _, target, label, middle, weight in ways_one.get(one, []):
            if middle == "" and epsilon_arcs and not (moved and filtered):
                moves.append(((target, two, False), label, "", weight))
            for _, other, read, output, price in ways_two.get(two, []):
                if read == middle and (middle or together):
                    moves.append(((target, other, moved and not reset), label, output, after(weight, price)))
        for _, other, read, output, price in ways_two.get(two, []):
            if read == "" and epsilon_arcs:
                moves.append(((one, other, filtered), "", output, price))
        for reached, *rest in moves:
            if reached not in numbers:
                numbers[reached] = len(order)
                order.append(reached)
            arcs.append((numbers[one, two, moved], numbers[reached], *rest))
        if str(one) in first["finals"] and str(two) in second["finals"]:
            stops = final(first["finals"][str(one)], second["finals"][str(two)])
            finals[str(numbers[one, two, moved])] = stops
    machine = {"start": 0, "arcs": arcs, "finals": finals}
    return reference.connect(machine) if trim else machine


@mistake(
    "compose",
    "You multiplied the weights of two arcs that match. Weights are logarithms: add them.",
)
def arcs_multiplied(first, second):
    return composition(first, second, after=lambda a, b: a * b)


@mistake(
    "compose",
    "Where both machines can move alone, your result has several paths for one thing: A then B, and B "
    "then A. In the log semiring that counts the same probability twice. Let a flag in the state forbid "
    "one order.",
)
def no_filter(first, second):
    return composition(first, second, filtered=False)


@mistake(
    "compose",
    "You matched an epsilon with an epsilon as if it were a label, and also let both move alone: the same"
    " step is there more than once.",
)
def epsilons_matched(first, second):
    return composition(first, second, together=True)


@mistake(
    "compose",
    "Arcs without a label in the middle are lost. A machine that writes nothing moves alone, and so does "
    "one that reads nothing, while the other waits.",
)
def epsilons_lost(first, second):
    return composition(first, second, epsilon_arcs=False)


@mistake(
    "compose",
    "A final pair pays only for the first machine's final state. Both must stop, so both prices count.",
)
def one_final_weight(first, second):
    return composition(first, second, final=lambda a, b: a)


@mistake(
    "compose",
    "Once the second machine has moved alone, your flag stays set for ever, and the first may never move "
    "alone again. A match clears it.",
)
def flag_never_cleared(first, second):
    return composition(first, second, reset=False)


@mistake(
    "compose",
    "Dead ends are left in the result: pairs of states from which nothing leads to the end. Connect it.",
)
def not_connected(first, second):
    return composition(first, second, trim=False)


# --- remove_epsilons -----------------------------------------------------------------------------


def removal(
    machine, pay=True, stop=True, both=True, one_step=False, longest=False, start=True, pay_to_stop=True
):
    leaving = leaving_of(machine)
    arcs, finals = [], {}

    def corridor(arc):
        return arc[2] == arc[3] == "" if both else arc[2] == ""

    for state in {machine["start"]: 0} | {arc[1]: 0 for arc in machine["arcs"]}:
        distance, waiting = {state: 0.0}, [state]
        while waiting:
            here = waiting.pop()
            if one_step and here != state:
                continue
            for arc in leaving.get(here, []):
                total = distance[here] + arc[4]
                if corridor(arc) and (
                    arc[1] not in distance if longest else total < distance.get(arc[1], np.inf)
                ):
                    distance[arc[1]] = total
                    waiting.append(arc[1])
        for reached, price in distance.items():
            for arc in leaving.get(reached, []):
                if not corridor(arc):
                    arcs.append((state, *arc[1:4], (price if pay else 0.0) + arc[4]))
            if str(reached) in machine["finals"] and (stop or reached == state):
                price = price if pay_to_stop else 0.0
                total = price + machine["finals"][str(reached)]
                finals[str(state)] = min(total, finals.get(str(state), np.inf))
    return reference.connect({"start": machine["start"], "arcs": arcs, "finals": finals})


@mistake(
    "remove_epsilons",
    "The corridor's own weight is lost. Who goes through it pays for it: add it to the arcs behind it.",
)
def corridors_for_free(machine):
    return removal(machine, pay=False, pay_to_stop=False)


@mistake(
    "remove_epsilons",
    "A state whose corridor leads to a final state cannot stop any more in your machine. It may stop, "
    "too, at the price of the corridor and of the final state.",
)
def finals_not_copied(machine):
    return removal(machine, stop=False)


@mistake(
    "remove_epsilons",
    "You also removed arcs that read nothing but write something. Their words are lost: both labels must "
    "be empty.",
)
def words_removed(machine):
    return removal(machine, both=False)


@mistake(
    "remove_epsilons",
    "You went through one corridor only. Behind it there may be another one.",
)
def single_corridor(machine):
    return removal(machine, one_step=True)


@mistake(
    "remove_epsilons",
    "Of several ways through corridors you kept the first one that you found. A cheaper one may be found "
    "later: then it counts, and what lies behind it must be looked at again.",
)
def first_way_found(machine):
    return removal(machine, longest=True)


# --- determinize ---------------------------------------------------------------------------------


def determinization(
    machine,
    max_states,
    residual=True,
    hold=True,
    early=True,
    last_final=False,
    drop_residual_at_end=False,
    refuse=True,
    digits=9,
    common_of_all=True,
):
    if any(arc[2] == "" for arc in machine["arcs"]):
        raise ValueError("epsilon")
    leaving = leaving_of(machine)
    order = [((machine["start"], (), 0.0),)]
    numbers, arcs, finals = {order[0]: 0}, [], {}
    for members in order:
        own, ways = str(numbers[members]), {}
        for state, held, owed in members:
            if str(state) in machine["finals"]:
                if held and refuse:
                    raise ValueError("undecided")
                total = (0.0 if drop_residual_at_end else owed) + machine["finals"][str(state)]
                finals[own] = total if last_final else min(total, finals.get(own, np.inf))
            for _, target, label, output, weight in leaving.get(state, []):
                reached = ways.setdefault(label, {})
                key = (target, (*held, output) if output else held)
                reached[key] = min(owed + weight, reached.get(key, np.inf))
        for label, reached in sorted(ways.items()):
            paid = min(reached.values()) if early else 0.0
            firsts = {held[:1] for _, held in reached}
            common = firsts.pop() if len(firsts) == 1 else ()
            if not hold:  # the first member's word is written for all
                common = next(iter(reached))[1][:1]
            following = tuple(
                (s, held[len(common) :] if hold else (), round(w - paid, digits) if residual else 0.0)
                for (s, held), w in sorted(reached.items())
            )
            if following not in numbers:
                if len(order) >= max_states:
                    raise ValueError("too many")
                numbers[following] = len(order)
                order.append(following)
            arcs.append((numbers[members], numbers[following], label, "".join(common), paid))
    return reference.connect({"start": 0, "arcs": arcs, "finals": finals})


@mistake(
    "determinize",
    "You pay the cheapest weight and forget the rest. What a state is dearer than the cheapest stays with"
    " it as its residual weight, until the paths part.",
)
def residuals_forgotten(machine, max_states=10_000):
    return determinization(machine, max_states, residual=False)


@mistake(
    "determinize",
    "You write an output before it is certain: other members of the set have another one. Hold it back "
    "until all agree.",
)
def first_output_written(machine, max_states=10_000):
    return determinization(machine, max_states, hold=False)


@mistake(
    "determinize",
    "Your arcs cost nothing and everything is left as residual weight. Pay what is common to all members "
    "at once, or equal sets look different, and loops never end.",
)
def nothing_paid(machine, max_states=10_000):
    return determinization(machine, max_states, early=False)


@mistake(
    "determinize",
    "A final state pays its own price, but what its member still owes is lost. Add the residual weight.",
)
def residual_lost_at_the_end(machine, max_states=10_000):
    return determinization(machine, max_states, drop_residual_at_end=True)


@mistake(
    "determinize",
    "Several members of a set may stop, and the last one's price overwrites the others. The cheapest counts.",
)
def last_final_counts(machine, max_states=10_000):
    return determinization(machine, max_states, last_final=True)


@mistake(
    "determinize",
    "Where the input ends while an output is held back, your machine stops and says nothing. That loses a"
    " word: the docstring asks for a ValueError.",
)
def held_back_for_ever(machine, max_states=10_000):
    return determinization(machine, max_states, refuse=False)


# --- push_weights --------------------------------------------------------------------------------


def pushed(machine, put_back="finals", sign=1.0, finals_too=True, with_stop=True, rounds=None):
    reference.push_weights(machine)  # refuses what must be refused
    machine = reference.connect(machine)
    distance = {0: np.inf} | {arc[1]: np.inf for arc in machine["arcs"]}
    for state, price in machine["finals"].items():
        distance[int(state)] = price if with_stop else 0.0
    for _ in range(len(distance) + 1 if rounds is None else rounds):
        for s, t, _, _, w in machine["arcs"]:
            distance[s] = min(distance[s], w + distance[t])
    total = distance[0]
    arcs = []
    for s, t, i, o, w in machine["arcs"]:
        extra = total if put_back == "arcs" and s == 0 else 0.0
        change = distance[t] - distance[s] if np.isfinite(distance[s]) and np.isfinite(distance[t]) else 0.0
        arcs.append((s, t, i, o, w + sign * change + extra))
    back = total if put_back == "finals" else 0.0
    finals = {
        s: w - (sign * distance[int(s)] if finals_too else 0.0) + back for s, w in machine["finals"].items()
    }
    return {"start": 0, "arcs": arcs, "finals": finals}


@mistake(
    "push_weights",
    "All paths have become cheaper by the price of the best one. What was taken away at the start must be"
    " put back somewhere.",
)
def nothing_put_back(machine):
    return pushed(machine, put_back=None)


@mistake(
    "push_weights",
    "You put the price back on the arcs that leave the start. A path that comes back to the start pays it"
    " again; but every path stops exactly once.",
)
def put_back_at_the_start(machine):
    if not machine["arcs"]:
        return reference.push_weights(machine)
    return pushed(machine, put_back="arcs")


@mistake(
    "push_weights",
    "The sign is wrong: an arc pays for what lies ahead of its target and gets back what lay ahead of its"
    " source.",
)
def wrong_sign(machine):
    return pushed(machine, sign=-1.0)


@mistake(
    "push_weights",
    "Your distances to the end leave out the price of stopping.",
)
def stopping_left_out(machine):
    return pushed(machine, with_stop=False)


@mistake(
    "push_weights",
    "One round over the arcs is not enough: news of a cheaper way travels one arc a round, if the order "
    "is unlucky. Go round until nothing changes.",
)
def one_round(machine):
    return pushed(machine, rounds=1)


# --- minimize ------------------------------------------------------------------------------------


def refined(machine, push=True, weights=True, stops=True, outputs=True, rounds=None, blocks=True, digits=9):
    machine = reference.push_weights(machine) if push else reference.connect(machine)
    leaving = leaving_of(machine)
    block = dict.fromkeys([0, *(arc[1] for arc in machine["arcs"])], 0)
    price_of = {int(s): round(w, digits) if stops else 0.0 for s, w in machine["finals"].items()}
    for _ in range(len(block) + 1 if rounds is None else rounds):
        futures = {
            s: (
                price_of.get(s),
                frozenset(
                    (
                        i,
                        o if outputs else "",
                        round(w, digits) if weights else 0.0,
                        block[t] if blocks else 0,
                    )
                    for _, t, i, o, w in leaving.get(s, [])
                ),
            )
            for s in block
        }
        numbers = {future: k for k, future in enumerate(dict.fromkeys(futures.values()))}
        block = {s: numbers[f] for s, f in futures.items()}
    speakers = {k: s for s, k in reversed(block.items())}
    arcs = [(b, block[arc[1]], *arc[2:]) for b, s in speakers.items() for arc in leaving.get(s, [])]
    finals = {str(block[int(s)]): w for s, w in machine["finals"].items()}
    return reference.connect({"start": block[0], "arcs": arcs, "finals": finals})


@mistake(
    "minimize",
    "You did not push the weights first. The same future may be priced in different places, and then "
    "states that belong together look different.",
)
def not_pushed(machine):
    return refined(machine, push=False)


@mistake(
    "minimize",
    "Weights are missing from your signatures: states with the same sequences at different prices are "
    "merged.",
)
def weights_ignored(machine):
    return refined(machine, weights=False)


@mistake(
    "minimize",
    "You split the blocks once or twice. A difference far ahead needs many rounds to arrive: go on until "
    "a round splits nothing.",
)
def two_rounds(machine):
    return refined(machine, rounds=2)


@mistake(
    "minimize",
    "What stopping costs is missing from your signatures: only whether a state is final counts there.",
)
def stops_ignored(machine):
    return refined(machine, stops=False)


@mistake(
    "minimize",
    "Outputs are missing from your signatures: states that write different words are merged.",
)
def outputs_ignored(machine):
    return refined(machine, outputs=False)


# --- lexicon_machine -----------------------------------------------------------------------------


def lexicon_of(
    lexicon, silence, probability, every_arc=False, last_arc=False, optional=True, swap=False, shared=False
):
    reference.lexicon_machine(lexicon, silence, probability)  # refuses what must be refused
    straight, pause = float(-np.log(1 - probability)), float(-np.log(probability))
    if swap:
        straight, pause = pause, straight
    if not optional:
        arcs = [(0, 2, "", "", 0.0)]
    else:
        arcs = [(0, 1, "", "", straight), (0, 2, "", "", pause)]
    arcs.append((2, 1, silence, "", 0.0))
    free = 3
    for word, ways in lexicon.items():
        for way in ways:
            phones = way.split()
            here = 1
            free = 3 if shared else free
            for number, phone in enumerate(phones):
                at_end = number == len(phones) - 1
                output = word if every_arc or (at_end if last_arc else number == 0) else ""
                if not at_end:
                    arcs.append((here, free, phone, output, 0.0))
                    here, free = free, free + 1
                elif optional:
                    arcs += [(here, 1, phone, output, straight), (here, 2, phone, output, pause)]
                else:
                    arcs.append((here, 2, phone, output, 0.0))
    return {"start": 0, "arcs": arcs, "finals": {"1": 0.0}}


@mistake(
    "lexicon_machine",
    "The word is written on every arc of its pronunciation. It is said once: the first arc writes it, the"
    " others write nothing.",
)
def word_on_every_arc(lexicon, silence="sil", silence_probability=0.5):
    return lexicon_of(lexicon, silence, silence_probability, every_arc=True)


@mistake(
    "lexicon_machine",
    "The word is written on the last arc of its pronunciation. The docstring asks for the first, so that "
    "a word begins where it is written.",
)
def word_on_the_last_arc(lexicon, silence="sil", silence_probability=0.5):
    return lexicon_of(lexicon, silence, silence_probability, last_arc=True)


@mistake(
    "lexicon_machine",
    "Silence is not optional in your machine: every word must be followed by one. Give each place two "
    "ways on.",
)
def silence_required(lexicon, silence="sil", silence_probability=0.5):
    return lexicon_of(lexicon, silence, silence_probability, optional=False)


@mistake(
    "lexicon_machine",
    "The prices of silence and of no silence are exchanged.",
)
def prices_exchanged(lexicon, silence="sil", silence_probability=0.5):
    return lexicon_of(lexicon, silence, silence_probability, swap=True)


@mistake(
    "lexicon_machine",
    "Several pronunciations share the same inner states, so that one may begin a word and end in another."
    " Every pronunciation needs states of its own.",
)
def inner_states_shared(lexicon, silence="sil", silence_probability=0.5):
    return lexicon_of(lexicon, silence, silence_probability, shared=True)


# --- ngram_machine -------------------------------------------------------------------------------


def ngram_of(model, factor=-LN_10, end="final", backoff=True, start="<s>", shorten=True):
    reference.ngram_machine(model)  # refuses what must be refused
    probs = model["log10_probs"]
    histories = {""} | {" ".join(ngram.split()[:-1]) for ngram in probs}
    numbers = {history: k for k, history in enumerate(sorted(histories))}

    def state_of(words):
        while " ".join(words) not in numbers:
            words = words[1:] if shorten else []
        return numbers[" ".join(words)]

    arcs, finals = [], {}
    for ngram, log10_prob in probs.items():
        *history, word = ngram.split()
        source, weight = numbers[" ".join(history)], float(factor * log10_prob)
        if word == "</s>" and end == "final":
            finals[str(source)] = weight
        elif word == "</s>":
            arcs.append((source, len(numbers), "</s>", "</s>", weight))
            finals[str(len(numbers))] = 0.0
        elif word != "<s>":
            arcs.append((source, state_of([*history, word]), word, word, weight))
    for history, source in numbers.items():
        if history:
            price = float(factor * model["log10_backoffs"].get(history, 0.0)) if backoff else 0.0
            arcs.append((source, state_of(history.split()[1:]), "", "", price))
    return reference.connect({"start": state_of([start] if start else []), "arcs": arcs, "finals": finals})


@mistake(
    "ngram_machine",
    "You changed the sign and kept base 10. Weights are natural logarithms: multiply by ln 10.",
)
def base_ten_kept(model):
    return ngram_of(model, factor=-1.0)


@mistake(
    "ngram_machine",
    "The sign is missing: a log-probability is negative, a weight is its negative.",
)
def sign_kept(model):
    return ngram_of(model, factor=LN_10)


@mistake(
    "ngram_machine",
    "</s> is an arc in your machine, as if somebody said it. Its price is what it costs to stop: a final "
    "weight.",
)
def end_is_a_word(model):
    return ngram_of(model, end="arc")


@mistake(
    "ngram_machine",
    "Backing off is free in your machine. The model has a weight for it.",
)
def free_back_off(model):
    return ngram_of(model, backoff=False)


@mistake(
    "ngram_machine",
    "Your machine starts in the state that has forgotten everything. A sentence starts after <s>, if the "
    "model knows that history.",
)
def starts_forgotten(model):
    return ngram_of(model, start="")


# --- triphone_machine ----------------------------------------------------------------------------


def triphones_of(phones, edges=True, order="left-phone+right", late=False, empty=True, edge_name=""):
    numbers = {
        (a, b): k for k, (a, b) in enumerate([(a, b) for a in ["", *phones] for b in ["", *phones]], 1)
    }
    arcs = []
    for left, phone in numbers:
        for right in ["", *phones] if phone else []:
            names = {"left": left or edge_name, "phone": phone, "right": right or edge_name}
            label = order.replace("left", "{left}").replace("phone", "{phone}").replace("right", "{right}")
            output = right if late else phone
            for source in [numbers[left, phone]] + ([0] if left == "" else []):
                arcs.append((source, numbers[phone, right], label.format(**names), output, 0.0))
    finals = {str(k): 0.0 for (_, phone), k in numbers.items() if phone == "" or not edges}
    return reference.connect({"start": 0, "arcs": arcs, "finals": finals | ({"0": 0.0} if empty else {})})


@mistake(
    "triphone_machine",
    "Left and right are exchanged in your labels: the phone before stands on the left, with a minus.",
)
def sides_exchanged(phones):
    return triphones_of(phones, order="right-phone+left")


@mistake(
    "triphone_machine",
    "Your machine may stop although it has promised that another phone follows. Only where nothing must "
    "follow may it stop.",
)
def promise_broken(phones):
    return triphones_of(phones, edges=False)


@mistake(
    "triphone_machine",
    "Your arcs write the phone on the right, which has not been spoken yet. An arc writes the phone in "
    "the middle.",
)
def writes_the_next(phones):
    return triphones_of(phones, late=True)


@mistake(
    "triphone_machine",
    "The empty sequence is refused. It has no phone, no triphone and no price.",
)
def never_empty(phones):
    return triphones_of(phones, empty=False)


# --- hmm_machine ---------------------------------------------------------------------------------


def hmms_of(stay, loops=True, everywhere=False, swap=False, one_based=False, logs=True, exit_price=True):
    reference.hmm_machine(stay)  # refuses what must be refused
    arcs, here = [], 0
    for phone, probabilities in stay.items():
        before, price, output = 0, 0.0, phone
        for number, probability in enumerate(probabilities):
            here += 1
            label = f"{phone}_{number + one_based}"
            staying, going = (1 - probability, probability) if swap else (probability, 1 - probability)
            arcs.append((before, here, label, output, price))
            if loops:
                loop = float(-np.log(staying)) if logs else float(staying)
                arcs.append((here, here, label, phone if everywhere else "", loop))
            before, output = here, ""
            price = float(-np.log(going)) if logs else float(going)
        arcs.append((before, 0, "", "", price if exit_price else 0.0))
    return {"start": 0, "arcs": arcs, "finals": {"0": 0.0}}


@mistake(
    "hmm_machine",
    "The loops are missing: every state lasts exactly one frame in your machine.",
)
def no_loops(stay):
    return hmms_of(stay, loops=False)


@mistake(
    "hmm_machine",
    "The phone is written at each frame, because the loops write it, too. Write it once, on the way in.",
)
def phone_at_each_frame(stay):
    return hmms_of(stay, everywhere=True)


@mistake(
    "hmm_machine",
    "The prices of staying and of going on are exchanged.",
)
def stay_and_go_exchanged(stay):
    return hmms_of(stay, swap=True)


@mistake(
    "hmm_machine",
    "Your weights are probabilities. A weight is the negative natural logarithm of one.",
)
def probabilities_as_weights(stay):
    return hmms_of(stay, logs=False)


@mistake(
    "hmm_machine",
    "Leaving the last state is free in your machine. Every state pays for being left.",
)
def last_exit_free(stay):
    return hmms_of(stay, exit_price=False)


# --- beam_search ---------------------------------------------------------------------------------


def search(
    machine,
    log_obs,
    columns,
    beam,
    max_active,
    limit=lambda weights, beam: min(weights) + beam,
    finals=True,
    sign=-1.0,
    shift=0,
    pruned_first=False,
    epsilons_at_start=True,
    epsilons_once=False,
    first_wins=False,
):
    unknown = {arc[2] for arc in machine["arcs"] if arc[2]} - set(columns)
    if len(log_obs) == 0 or unknown or beam < 0 or max_active < 1:
        raise ValueError("cannot be searched")
    leaving = leaving_of(machine)

    def spread(tokens, frame):
        waiting = list(tokens)
        while waiting:
            state = waiting.pop()
            weight, history = tokens[state]
            for _, target, label, output, price in leaving.get(state, []):
                if label == "" and weight + price < tokens.get(target, (np.inf,))[0]:
                    tokens[target] = (weight + price, (history, (frame, "", output)))
                    if not epsilons_once:
                        waiting.append(target)

    def prune(tokens):
        if not tokens:
            return tokens
        highest = limit([weight for weight, _ in tokens.values()], beam)
        kept = {state: token for state, token in tokens.items() if token[0] <= highest}
        return dict(sorted(kept.items(), key=lambda item: item[1][0])[:max_active])

    tokens = {machine["start"]: (0.0, None)}
    if epsilons_at_start:
        spread(tokens, 0)
    for frame, scores in enumerate(log_obs.tolist()):
        moved = {}
        for state, (weight, history) in tokens.items():
            for _, target, label, output, price in leaving.get(state, []):
                if label:
                    total = weight + price + sign * scores[columns[label]]
                    better = target not in moved if first_wins else total < moved.get(target, (np.inf,))[0]
                    if better and total < np.inf:
                        moved[target] = (total, (history, (frame + shift, label, output)))
        tokens = prune(moved) if pruned_first else moved
        spread(tokens, frame + 1 + shift)
        tokens = tokens if pruned_first else prune(tokens)
    ends = [
        (weight + (machine["finals"][str(state)] if finals else 0.0), history)
        for state, (weight, history) in tokens.items()
        if str(state) in machine["finals"]
    ]
    total, history = min(ends, key=lambda end: end[0], default=(np.inf, None))
    path = []
    while history and total < np.inf:
        history, step = history
        path.insert(0, step)
    return path, float(total)


@mistake(
    "beam_search",
    "Your beam is measured from the worst token. One hopeless token then keeps everything alive: measure "
    "from the best.",
)
def beam_from_the_worst(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(
        machine, log_obs, columns, beam, max_active, lambda weights, width: max(weights) - width + 1e-9
    )


@mistake(
    "beam_search",
    "You compare a token's weight itself with the beam. Only how much worse it is than the best one "
    "counts: weights grow from frame to frame.",
)
def beam_is_absolute(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, lambda weights, width: width)


@mistake(
    "beam_search",
    "The final weights are forgotten at the end of the search.",
)
def stopping_forgotten(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, finals=False)


@mistake(
    "beam_search",
    "You added log_obs to the weights. It is a logarithm of a probability, and a weight is a *negative* "
    "one: subtract it.",
)
def log_obs_added(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, sign=1.0)


@mistake(
    "beam_search",
    "The frame numbers of your path are one too high: the first frame is frame 0.",
)
def frames_from_one(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, shift=1)


@mistake(
    "beam_search",
    "You drop tokens before they have run along the epsilon arcs. First spread, then compare.",
)
def pruned_too_early(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, pruned_first=True)


@mistake(
    "beam_search",
    "Tokens do not run along epsilon arcs before the first frame. The start may have such arcs, too.",
)
def start_without_epsilons(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, epsilons_at_start=False)


@mistake(
    "beam_search",
    "Behind an epsilon arc there may be another one: tokens that arrive by such an arc must be spread as "
    "well.",
)
def one_epsilon_only(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, epsilons_once=True)


@mistake(
    "beam_search",
    "Where tokens meet in one state, the first to arrive stays. The cheapest must.",
)
def first_token_stays(machine, log_obs, columns, beam=np.inf, max_active=1_000_000):
    return search(machine, log_obs, columns, beam, max_active, first_wins=True)


# --- segments ------------------------------------------------------------------------------------


def spans_of(path, silence, hop, offset, behind=1, pauses=False, to_next=False, any_arc=False):
    spans = []
    for frame, label, output in path:
        if output:
            spans.append([output, None, None])
        if spans and (label or any_arc) and (pauses or label not in silence):
            if spans[-1][1] is None:
                spans[-1][1] = frame
            spans[-1][2] = frame + behind
    return [(name, a * hop + offset, b * hop + offset) for name, a, b in spans if a is not None]


@mistake(
    "segments",
    "You took frame number times hop. A frame speaks for its centre, and a border lies half-way between "
    "two centres.",
)
def start_of_the_frame(path, silence, hop_seconds, frame_seconds):
    return spans_of(path, silence, hop_seconds, 0.0)


@mistake(
    "segments",
    "You took the centre of the frame as the border. The border lies half a hop before the centre of the "
    "first frame.",
)
def centre_of_the_frame(path, silence, hop_seconds, frame_seconds):
    return spans_of(path, silence, hop_seconds, frame_seconds / 2)


@mistake(
    "segments",
    "Every label ends one frame too early: its last frame belongs to it, so it ends behind that frame.",
)
def last_frame_lost(path, silence, hop_seconds, frame_seconds):
    return spans_of(path, silence, hop_seconds, (frame_seconds - hop_seconds) / 2, behind=0)


@mistake(
    "segments",
    "Silence is counted as part of the label before it. Frames of silence belong to no label.",
)
def silence_belongs_to_words(path, silence, hop_seconds, frame_seconds):
    return spans_of(path, silence, hop_seconds, (frame_seconds - hop_seconds) / 2, pauses=True)


@mistake(
    "segments",
    "Arcs without an input were counted as frames. They take no time: they may begin a label, but not "
    "make it longer.",
)
def epsilons_take_time(path, silence, hop_seconds, frame_seconds):
    return spans_of(path, silence, hop_seconds, (frame_seconds - hop_seconds) / 2, any_arc=True)
