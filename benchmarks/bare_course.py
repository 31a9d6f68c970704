"""A course of one lab without a page: three functions of numpy, and a few checks of each."""

from __future__ import annotations

from pathlib import Path

LAB = "t00_three_functions"
PHASE = "phase0_bare"

_PAGE = '''\
# ---
# jupyter:
#   lab:
#     title: Three functions
#     topic: 0
#     minutes: 30
#     difficulty: 1
#     needs: []
#     covers: {}
# ---

# %%
import numpy as np


# %% part="rms" points=1 difficulty=1 minutes=5
def rms(samples):
    """Root mean square."""
    ### BEGIN SOLUTION
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    ### END SOLUTION


# %% part="peak_normalised" points=1 difficulty=1 minutes=5
def peak_normalised(samples):
    """The samples scaled to a peak of 1; silence stays."""
    ### BEGIN SOLUTION
    peak = np.max(np.abs(samples))
    return samples / peak if peak > 0 else np.array(samples, dtype=np.float64)
    ### END SOLUTION


# %% part="moving_average" points=1 difficulty=1 minutes=5
def moving_average(samples, width):
    """Mean of each `width` neighbours, where there are as many."""
    ### BEGIN SOLUTION
    sums = np.cumsum(np.concatenate([[0.0], samples]))
    return (sums[width:] - sums[:-width]) / width
    ### END SOLUTION
'''

_CHECKS = '''\
"""Checks of the three functions."""

import numpy as np

from autograder.checking import checks


@checks("rms")
def test_constant_signal_has_its_own_size(lab):
    assert abs(lab.rms(np.full(7, -2.5)) - 2.5) < 1e-9


@checks("rms")
def test_is_root_of_mean_of_squares(lab, rng):
    samples = rng.normal(size=1000)
    assert abs(lab.rms(samples) - np.sqrt((samples @ samples) / 1000)) < 1e-9


@checks("rms")
def test_integer_samples_do_not_overflow(lab):
    assert abs(lab.rms(np.full(4, 30_000, dtype=np.int16)) - 30_000) < 1e-6


@checks("peak_normalised")
def test_peak_is_one(lab, rng):
    assert np.max(np.abs(lab.peak_normalised(rng.normal(size=1000)))) == 1


@checks("peak_normalised")
def test_is_proportional_to_the_input(lab, rng):
    samples = rng.normal(size=1000)
    np.testing.assert_allclose(lab.peak_normalised(samples) * np.max(np.abs(samples)), samples)


@checks("peak_normalised")
def test_silence_stays(lab):
    assert not np.any(lab.peak_normalised(np.zeros(5)))


@checks("moving_average")
def test_agrees_with_convolution(lab, rng):
    samples = rng.normal(size=200)
    np.testing.assert_allclose(lab.moving_average(samples, 5), np.convolve(samples, np.full(5, 0.2), "valid"))


@checks("moving_average")
def test_width_one_changes_nothing(lab, rng):
    samples = rng.normal(size=20)
    np.testing.assert_allclose(lab.moving_average(samples, 1), samples)


@checks("moving_average")
def test_has_one_value_for_each_whole_window(lab):
    assert len(lab.moving_average(np.arange(10.0), 4)) == 7
'''

_MISTAKES = '''\
"""Wrong variants of the three functions."""

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


@mistake("rms", "You took the sum of the squares, not their mean.")
def sum_for_mean(samples):
    return reference.rms(samples) * float(np.sqrt(len(samples)))


@mistake("rms", "The root is missing.")
def mean_square(samples):
    return reference.rms(samples) ** 2


@mistake("rms", "You squared integers as they are: they overflow.")
def overflows(samples):
    return float(np.sqrt(np.mean(samples * samples)))


@mistake("peak_normalised", "You divided by the largest sample, not by the largest size.")
def largest_sample(samples):
    return samples / np.max(samples)


@mistake("peak_normalised", "Silence becomes NaN.")
def divides_silence(samples):
    with np.errstate(all="ignore"):
        return samples / np.max(np.abs(samples))


@mistake("peak_normalised", "You scaled to a root mean square of 1.")
def scaled_to_rms(samples):
    return samples / max(reference.rms(samples), 1e-12)


@mistake("moving_average", "You kept the edges, where there are fewer than `width` neighbours.")
def keeps_the_edges(samples, width):
    return np.convolve(samples, np.full(width, 1 / width))


@mistake("moving_average", "You took sums for means.")
def sums_for_means(samples, width):
    return reference.moving_average(samples, width) * width


@mistake("moving_average", "The last window is missing.")
def last_window_lost(samples, width):
    return reference.moving_average(samples, width)[:-1]
'''


def lay_out(root: Path) -> None:
    """Make `root` a course with this lab."""
    folder = root / "solutions" / PHASE / LAB
    folder.mkdir(parents=True)
    for name, text in (("lab.py", _PAGE), ("checks.py", _CHECKS), ("mistakes.py", _MISTAKES)):
        (folder / name).write_text(text, encoding="utf-8")
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
