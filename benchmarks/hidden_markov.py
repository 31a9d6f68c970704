"""Forward and Viterbi against hmmlearn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on hidden Markov models against hmmlearn, one thread each: 50 states,
every transition possible, 1000 frames of 39 numbers. *From the observations* is what a user calls:
`gaussian_log_obs` and then `forward` or `viterbi` against `GaussianHMM.score` and `.decode`. *Alone* is
the recursion without all that: both sides get the same ready-made log-probabilities, and `forward` and
`viterbi` (NumPy) meet hmmlearn's inner functions (C++). hmmlearn's default stays in logarithms as ours
does. Its alternative scales probabilities; there the exponentials before it and the logarithms after
it are counted, since ours takes and returns logarithms. Equal results are asserted in every case."""

NAME = "hmm"
GOAL = 1.0
# A thousand steps, each a sum of 50 terms rounded to 1e-16 of numbers around 1e5.
EQUAL: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-8}


def forward_by_scaling(initial: np.ndarray, transition: np.ndarray, log_obs: np.ndarray) -> np.ndarray:
    """hmmlearn's scaled forward algorithm, from logarithms to logarithms [frames, states]."""
    from hmmlearn import _hmmc

    peak = log_obs.max(axis=1, keepdims=True)
    _, scaled, scaling = _hmmc.forward_scaling(initial, transition, np.exp(log_obs - peak))
    with np.errstate(divide="ignore"):
        return np.log(scaled) + np.cumsum(peak - np.log(scaling)[:, None], axis=0)


def assert_same(ours: Any, theirs: Any) -> None:
    """A path and a log-probability may come in either order."""
    if not isinstance(ours, tuple):
        np.testing.assert_allclose(ours, theirs, **EQUAL)
        return
    (path, log_prob), (their_log_prob, their_path) = ours, theirs
    np.testing.assert_array_equal(path, their_path)
    np.testing.assert_allclose(log_prob, their_log_prob, **EQUAL)


def compared(
    n_frames: int, n_states: int, n_dimensions: int = 39
) -> dict[str, tuple[Callable, Callable, str, float | None]]:
    """What → our function, theirs, a note and the goal."""
    from hmmlearn import _hmmc
    from hmmlearn.hmm import GaussianHMM

    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t05_hmm")
    rng = np.random.default_rng(0)
    chain = rng.dirichlet(np.ones(n_states)), rng.dirichlet(np.ones(n_states), size=n_states)
    means = rng.normal(size=(n_states, n_dimensions))
    variances = rng.uniform(0.5, 2, size=(n_states, n_dimensions))
    frames = rng.normal(size=(n_frames, n_dimensions))
    log_obs = lab.gaussian_log_obs(frames, means, variances)

    model = GaussianHMM(n_states, "diag", init_params="")
    model.n_features = n_dimensions
    model.startprob_, model.transmat_ = chain
    model.means_, model.covars_ = means, variances

    def score() -> float:
        return lab.log_sum_exp(lab.forward(*chain, lab.gaussian_log_obs(frames, means, variances))[-1])

    def decode() -> tuple[np.ndarray, float]:
        return lab.viterbi(*chain, lab.gaussian_log_obs(frames, means, variances))

    def alone(function: Callable, *, take: Any = slice(None)) -> Callable:
        return lambda: function(*chain, log_obs)[take]

    return {
        "forward, from the observations": (score, lambda: model.score(frames), "GaussianHMM.score", GOAL),
        "viterbi, from the observations": (decode, lambda: model.decode(frames), "GaussianHMM.decode", GOAL),
        "forward, alone": (alone(lab.forward), alone(_hmmc.forward_log, take=1), "in logarithms", GOAL),
        "viterbi, alone": (alone(lab.viterbi), alone(_hmmc.viterbi), "", GOAL),
        "forward, alone, against scaling": (
            alone(lab.forward),
            alone(forward_by_scaling),
            "another algorithm: it loses states 1e-308 behind the best",
            None,
        ),
    }


def run(quick: bool) -> list[Row]:
    """A row for each comparison."""
    n_frames, n_states, repeat = (50, 5, 2) if quick else (1000, 50, 31)
    rows = []
    for what, (ours, theirs, note, goal) in compared(n_frames, n_states).items():
        assert_same(ours(), theirs())
        times = by_turns({"ours": ours, "hmmlearn": theirs}, repeat)
        what = f"{what}, {n_frames} frames × {n_states} states"
        share = ratio(times, "ours", "hmmlearn")
        rows.append(Row(NAME, what, share, "of hmmlearn's time", goal, spreads(times), note))
    return rows
