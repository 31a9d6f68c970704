"""Resampling against scipy, loudness against pyloudnorm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on audio pre-processing on 60 s of noise, one thread each, all in double
precision. *Resampling*: `resample_polyphase` against `scipy.signal.resample_poly`, the design of the filter
included, which is the same (ten zero crossings, Kaiser window with β = 5); equal results are asserted.
*Loudness*: `loudness_lufs` against `pyloudnorm.Meter(rate).integrated_loudness`, filter design included on
both sides; that they agree within 0.1 LU is asserted."""

NAME = "preprocessing"
GOAL = 1.0
EQUAL = 1e-12  # sums of some sixty products of size one or less
AGREEMENT_LU = 0.1  # the two K-weighting designs differ by some 0.04 dB

CONVERSIONS = {
    "44.1 → 16 kHz": (44_100, 160, 441),
    "48 → 16 kHz": (48_000, 1, 3),
    "22.05 → 16 kHz": (22_050, 320, 441),
    "16 → 48 kHz": (16_000, 3, 1),
}
RATES = (16_000, 48_000)


def compared(seconds: int) -> dict[str, tuple[Callable[[], Any], Callable[[], Any], str, str]]:
    """What → our function, theirs, their name and a note. Equal results are asserted."""
    import pyloudnorm
    from scipy.signal import resample_poly

    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t04_preprocessing")
    rng = np.random.default_rng(0)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any], str, str]] = {}

    def resampling(samples: np.ndarray, up: int, down: int) -> tuple[Callable, Callable]:
        return (
            lambda: lab.resample_polyphase(samples, up, down, lab.resampling_filter(up, down)),
            lambda: resample_poly(samples, up, down),
        )

    def loudness(samples: np.ndarray, rate: int) -> tuple[Callable, Callable]:
        return (
            lambda: lab.loudness_lufs(samples, rate),
            lambda: pyloudnorm.Meter(rate).integrated_loudness(samples),
        )

    for what, (rate, up, down) in CONVERSIONS.items():
        ours, theirs = resampling(rng.normal(0, 0.1, seconds * rate), up, down)
        difference = float(np.abs(ours() - theirs()).max())
        assert difference < EQUAL, f"{what}: resampling differs from scipy by {difference}"
        pairs[f"resample_polyphase, {what}"] = (ours, theirs, "scipy", f"largest difference {difference:.0e}")
    for rate in RATES:
        ours, theirs = loudness(rng.normal(0, 0.1, seconds * rate), rate)
        difference = abs(ours() - theirs())
        assert difference < AGREEMENT_LU, f"{rate} Hz: loudness differs from pyloudnorm by {difference} LU"
        pairs[f"loudness_lufs, {rate / 1000:g} kHz"] = (
            ours,
            theirs,
            "pyloudnorm",
            f"difference {difference:.2f} LU",
        )
    return pairs


def run(quick: bool) -> list[Row]:
    """A row for each pair of sample rates and for each sample rate."""
    seconds, repeat = (2, 2) if quick else (60, 15)
    rows = []
    for what, (ours, theirs, library, note) in compared(seconds).items():
        times = by_turns({"ours": ours, library: theirs}, repeat)
        rows.append(
            Row(
                NAME,
                f"{what}, {seconds} s of sound",
                ratio(times, "ours", library),
                f"of {library}'s time",
                GOAL,
                spreads(times),
                note,
            )
        )
    return rows
