"""EM for Gaussian mixtures against scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on Gaussian mixtures against `sklearn.mixture.GaussianMixture` with diagonal
covariances, one thread each: ten rounds of EM from the same start, in double precision, on clouds in 39
dimensions, as many as cepstra with their slopes have. Ours: `e_step` and `m_step` in turn. Theirs: `fit`,
never stopping early, with nothing added to the variances; it takes one E step more than there are rounds, for
the labels it returns. That weights, means and variances are the same after ten rounds is asserted."""

NAME = "mixtures"
GOAL = 1.0
ROUNDS = 10
FLOOR = 1e-6
# ten rounds of sums over some 1e4 frames; scikit-learn's E[x²] - mean² loses some digits
EQUAL: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-8}


def clouds(n_frames: int, n_components: int, dim: int) -> np.ndarray:
    """Frames from overlapping Gaussians."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1.5, size=(n_components, dim))
    return centres[rng.integers(n_components, size=n_frames)] + rng.normal(size=(n_frames, dim))


def compared(n_frames: int, n_components: int, dim: int = 39) -> tuple[Any, Any]:
    """Our ten rounds and theirs, as functions. Equal results are asserted."""
    from sklearn.mixture import GaussianMixture

    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t06_gmm")
    frames = clouds(n_frames, n_components, dim)
    _, labels = lab.kmeans(frames, n_components, 0, 3)
    start = lab.m_step(frames, np.eye(n_components)[labels], FLOOR)

    def ours() -> Any:
        mixture = start
        for _ in range(ROUNDS):
            responsibilities, _ = lab.e_step(frames, *mixture)
            mixture = lab.m_step(frames, responsibilities, FLOOR)
        return mixture

    def theirs() -> Any:
        model = GaussianMixture(
            n_components,
            covariance_type="diag",
            max_iter=ROUNDS,
            tol=0,
            reg_covar=0,
            weights_init=start[0],
            means_init=start[1],
            precisions_init=1 / start[2],
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it did not converge
            return model.fit(frames)

    model = theirs()
    for own, other in zip(ours(), (model.weights_, model.means_, model.covariances_), strict=True):
        np.testing.assert_allclose(own, other, **EQUAL)
    return ours, theirs


def run(quick: bool) -> list[Row]:
    """A row for each size."""
    sizes, repeat = (((500, 4),), 2) if quick else (((10_000, 4), (10_000, 16), (20_000, 64)), 15)
    rows = []
    for n_frames, n_components in sizes:
        ours, theirs = compared(n_frames, n_components)
        times = by_turns({"ours": ours, "scikit-learn": theirs}, repeat)
        what = f"EM, {ROUNDS} rounds, {n_components} Gaussians, {n_frames} frames × 39"
        share = ratio(times, "ours", "scikit-learn")
        rows.append(Row(NAME, what, share, "of scikit-learn's time", GOAL, spreads(times)))
    return rows
