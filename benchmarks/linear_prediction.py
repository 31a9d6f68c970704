"""Levinson-Durbin against scipy.linalg.solve_toeplitz and librosa.lpc on frames of speech."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Row, by_turns, ratio, spreads

ABOUT = """\
The reference parts of the lab on formants and linear prediction on the voiced frames of one voice (frames of
25 ms, one every 10 ms, at 16 000 Hz, Hamming window), one thread each, double precision. `levinson_durbin` is
NumPy, a step for each order; `solve_toeplitz` is compiled and solves the same equations, and that the
coefficients are the same is asserted; the autocorrelations are given to both. `librosa.lpc` is compiled too
(Numba) and takes Burg's method, another estimate from the same frame: nothing is asserted of its values but
that both filters are stable, and on our side the autocorrelation is included. No goals: what is compared is
a Python loop over orders with compiled ones."""

NAME = "linear_prediction"
SAMPLE_RATE = 16_000
FRAME_LENGTH, HOP_LENGTH = 400, 160  # 25 ms, 10 ms
ORDERS = (10, 16, 24)
# frames of speech under a window: the equations lose up to seven of sixteen digits
EQUAL: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-6}


def voiced_frames(count: int) -> np.ndarray:
    """The loudest windowed frames of a few sentences, [frames, frame_length]."""
    from scipy.signal import resample_poly

    from labkit import corpora

    reader = corpora.ljspeech(announce=False)
    sound = np.concatenate([clip.samples for clip in list(reader)[:3]]).astype(np.float64)
    sound = resample_poly(sound, SAMPLE_RATE, reader.sample_rate)
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME_LENGTH)[::HOP_LENGTH]
    loudest = np.argsort(np.sum(frames**2, axis=1))[-count:]
    return frames[np.sort(loudest)] * np.hamming(FRAME_LENGTH)


def run(quick: bool) -> list[Row]:
    """Two rows for each order: against scipy, and against librosa."""
    import librosa
    from scipy.linalg import solve_toeplitz

    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t08a_formants_and_lpc")
    count, repeat = (20, 2) if quick else (300, 15)
    frames = voiced_frames(count)
    rows = []
    for order in ORDERS[:1] if quick else ORDERS:
        autocorrelations = [lab.autocorrelation(frame, order) for frame in frames]

        def ours(autocorrelations: list[np.ndarray]) -> list[np.ndarray]:
            return [lab.levinson_durbin(r)[0] for r in autocorrelations]

        def scipys(autocorrelations: list[np.ndarray]) -> list[np.ndarray]:
            return [solve_toeplitz(r[:-1], -r[1:]) for r in autocorrelations]

        def from_frames(frames: np.ndarray, order: int) -> list[np.ndarray]:
            return [lab.levinson_durbin(lab.autocorrelation(frame, order))[0] for frame in frames]

        def librosas(frames: np.ndarray, order: int) -> list[np.ndarray]:
            return [librosa.lpc(frame, order=order) for frame in frames]

        mine = np.array(ours(autocorrelations))
        difference = np.abs(mine[:, 1:] - scipys(autocorrelations)).max()
        np.testing.assert_allclose(mine[:, 1:], scipys(autocorrelations), **EQUAL)
        burg = np.array(librosas(frames, order))
        for coefficients in (*mine, *burg):
            assert np.abs(np.roots(coefficients)).max() < 1, "a filter is not stable"
        times = by_turns(
            {"ours": partial(ours, autocorrelations), "scipy": partial(scipys, autocorrelations)}, repeat
        )
        rows.append(
            Row(
                NAME,
                f"levinson_durbin, order {order}, {count} frames",
                ratio(times, "ours", "scipy"),
                "of solve_toeplitz's time",
                None,
                spreads(times),
                f"same coefficients: largest difference {difference:.0e}",
            )
        )
        times = by_turns(
            {"ours": partial(from_frames, frames, order), "librosa": partial(librosas, frames, order)}, repeat
        )
        rows.append(
            Row(
                NAME,
                f"autocorrelation and levinson_durbin, order {order}, {count} frames",
                ratio(times, "ours", "librosa"),
                "of librosa.lpc's time",
                None,
                spreads(times),
                "librosa takes Burg's method, compiled; both filters are stable",
            )
        )
    return rows
