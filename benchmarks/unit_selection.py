"""Unit selection against a plain loop, and how long a second of synthesised speech takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spread, spreads

ABOUT = """\
The reference parts of the lab on unit selection, one thread. *Selection*: `best_path`, vectorised over pairs
of candidates, against the same dynamic programme as plain Python loops over lists; equal costs are asserted.
*Real-time factor*: seconds of computing for a second of speech, for the selection of units alone and for
selection and PSOLA together. Synthetic voice; durations and pitch are predicted by `plan_targets`."""

NAME = "unit_selection"
GOAL = 0.2  # of the loop's time
REAL_TIME = 1.0
TEXTS = 10


def plain_loop(target_costs: list[Any], join_costs: list[Any]) -> float:
    """Cost of the cheapest path over lists of floats."""
    cheapest = target_costs[0]
    for own, joins in zip(target_costs[1:], join_costs, strict=True):
        cheapest = [
            min(cheapest[i] + joins[i][j] for i in range(len(cheapest))) + own[j] for j in range(len(own))
        ]
    return min(cheapest)


def path_row(lab: Any, targets: int, candidates: int, repeat: int) -> Row:
    rng = np.random.default_rng(0)
    own = [rng.exponential(size=candidates) for _ in range(targets)]
    joins = [rng.exponential(size=(candidates, candidates)) for _ in range(targets - 1)]
    lists = [costs.tolist() for costs in own], [costs.tolist() for costs in joins]
    difference = abs(lab.best_path(own, joins)[1] - plain_loop(*lists))
    assert difference < 1e-9, f"the costs of the cheapest path differ by {difference}"
    times = by_turns({"ours": lambda: lab.best_path(own, joins), "loop": lambda: plain_loop(*lists)}, repeat)
    what = f"best_path, {targets} targets × {candidates} candidates"
    return Row(NAME, what, ratio(times, "ours", "loop"), "of a plain loop's time", GOAL, spreads(times))


def speech_rows(lab: Any, sentences: int, repeat: int) -> list[Row]:
    from labkit import corpora

    corpus = corpora.synth_ljs(sentences)
    rate = corpus.sample_rate
    recorded = [
        {"samples": clip.samples, "phones": list(clip.phonemes or ())} for clip in corpus.split("train")
    ]
    inventory = lab.build_inventory(recorded, rate)
    plans = [
        lab.plan_targets([label for label, _, _ in clip.phonemes or ()], inventory)
        for clip in list(corpus.split("test"))[:TEXTS]
    ]
    seconds = sum(float(plan["durations"].sum()) for plan in plans)

    def select() -> list[Any]:
        return [lab.select_units(plan, inventory) for plan in plans]

    def speak() -> None:
        for plan, chosen in zip(plans, select(), strict=True):
            lab.synthesize_units(chosen, inventory, plan["durations"], plan["f0"])

    times = by_turns({"selection": select, "selection and synthesis": speak}, repeat)
    note = f"{len(inventory['left'])} units; {len(plans)} sentences, {seconds:.0f} s of speech"
    return [
        Row(
            NAME,
            f"{what}, inventory of {len(recorded)} sentences",
            spread([value / seconds for value in values]),
            "s per second of speech",
            REAL_TIME,
            spreads({what: values}),
            note,
        )
        for what, values in times.items()
    ]


def run(quick: bool) -> list[Row]:
    """Rows for the cheapest path at two sizes, and for the real-time factor."""
    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t08b_unit_selection")
    repeat = 2 if quick else 15
    sizes = ((20, 40),) if quick else ((40, 40), (40, 100))
    paths = [path_row(lab, targets, candidates, repeat) for targets, candidates in sizes]
    return paths + speech_rows(lab, 50 if quick else 400, 1 if quick else 5)
