"""The FFT against the DFT loop and NumPy; STFT, its inverse and Griffin-Lim against librosa."""

from __future__ import annotations

import cmath
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the labs on the Fourier transform, one thread each. `fft_radix2` (NumPy, steps of
two) meets the definition written as two Python loops, the definition as a matrix (`dft`), and
`np.fft.fft` (C++). `stft`, `istft` and `griffin_lim` meet librosa on noise at 16 000 Hz, FFT of 512, hop
128, both in double precision; Griffin-Lim takes the same number of rounds from the same first phases.
That the numbers are the same is asserted before anything is timed. Ours always computes in double
precision; the rows without a goal give librosa single precision, its default for files."""

NAME = "fourier"
SAMPLE_RATE = 16_000
N_FFT, HOP_LENGTH = 512, 128
MOMENTUM = 0.99
GOAL = 1.0
# FFTs of 512 numbers of size 1: 1e-13; rounds of Griffin-Lim amplify that
EQUAL: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-8}


def dft_loop(samples: np.ndarray) -> list[complex]:
    """The definition, one product at a time."""
    values, length = samples.tolist(), len(samples)
    return [
        sum(value * cmath.exp(-2j * cmath.pi * k * n / length) for n, value in enumerate(values))
        for k in range(length)
    ]


def transforms(lab: Any, lengths: tuple[int, ...], longest_loop: int, repeat: int) -> list[Row]:
    """`fft_radix2` against the loop, the matrix and NumPy, one row each and length."""
    rng = np.random.default_rng(0)
    rows = []
    for length in lengths:
        samples = rng.normal(size=length)
        others: dict[str, tuple[Callable, float | None]] = {"np.fft.fft": (np.fft.fft, None)}
        if length <= longest_loop:
            others = {"DFT loop": (dft_loop, GOAL), "dft, the matrix": (lab.dft, GOAL)} | others
        for name, (other, goal) in others.items():
            np.testing.assert_allclose(lab.fft_radix2(samples), other(samples), **EQUAL)
            sides = {"ours": partial(lab.fft_radix2, samples), name: partial(other, samples)}
            times = by_turns(sides, 3 if name == "DFT loop" and repeat > 3 else repeat)
            what = f"fft_radix2, {length} samples"
            note = "compiled C++, any length, steps larger than two" if name == "np.fft.fft" else ""
            rows.append(Row(NAME, what, ratio(times, "ours", name), f"of {name}", goal, spreads(times), note))
    return rows


def spectrograms(lab: Any, seconds: int, gl_seconds: int, rounds: int, repeat: int) -> list[Row]:
    """`stft`, `istft` and `griffin_lim` against librosa in double and in single precision."""
    import librosa

    samples = np.random.default_rng(1).normal(0, 0.1, seconds * SAMPLE_RATE)
    spectrum = lab.stft(samples, N_FFT, HOP_LENGTH)
    magnitude = np.abs(spectrum[:, : gl_seconds * SAMPLE_RATE // HOP_LENGTH])
    options = {"n_iter": rounds, "hop_length": HOP_LENGTH, "init": None}
    pairs: dict[str, tuple[Callable, Callable, np.ndarray, Any, int]] = {
        "stft": (
            lambda x: lab.stft(x, N_FFT, HOP_LENGTH),
            lambda x: librosa.stft(x, n_fft=N_FFT, hop_length=HOP_LENGTH),
            samples,
            np.float32,
            seconds,
        ),
        "istft": (
            lambda x: lab.istft(x, HOP_LENGTH),
            lambda x: librosa.istft(x, hop_length=HOP_LENGTH),
            spectrum,
            np.complex64,
            seconds,
        ),
    }
    for name, momentum in (("griffin_lim", 0.0), ("griffin_lim, momentum", MOMENTUM)):
        pairs[f"{name}, {rounds} rounds"] = (
            lambda x, m=momentum: lab.griffin_lim(x, HOP_LENGTH, rounds, momentum=m),
            lambda x, m=momentum: librosa.griffinlim(x, momentum=m, **options),
            magnitude,
            np.float32,
            gl_seconds,
        )
    rows = []
    for what, (ours, theirs, given, single, length) in pairs.items():
        difference = np.abs(ours(given) - theirs(given)).max()
        np.testing.assert_allclose(ours(given), theirs(given), **EQUAL)
        lesser = given.astype(single)
        sides = {
            "ours": lambda f=ours, x=given: f(x),
            "librosa": lambda f=theirs, x=given: f(x),
            "librosa, single precision": lambda f=theirs, x=lesser: f(x),
        }
        times = by_turns(sides, repeat)
        for other, goal, note in (
            ("librosa", GOAL, f"same numbers: largest difference {difference:.0e}"),
            ("librosa, single precision", None, "ours stays in double precision"),
        ):
            figure, seen = (
                ratio(times, "ours", other),
                spreads({name: times[name] for name in ("ours", other)}),
            )
            unit = "of " + other.replace("librosa", "librosa's time", 1)
            rows.append(Row(NAME, f"{what}, {length} s of sound", figure, unit, goal, seen, note))
    return rows


def run(quick: bool) -> list[Row]:
    """Rows of the transforms, then rows of the spectrograms."""
    from autograder.course import load_course
    from autograder.loading import reference_of

    course = load_course()
    fourier: Any = reference_of(course, "t02a_fourier_transform")
    spectral: Any = reference_of(course, "t02b_stft")
    if quick:
        return transforms(fourier, (256,), 256, 2) + spectrograms(spectral, 1, 1, 2, 2)
    return transforms(fourier, (256, 1024, 65_536), 1024, 15) + spectrograms(spectral, 60, 10, 32, 9)
