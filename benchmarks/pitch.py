"""YIN and a DIO-like tracker against librosa and pyworld: time, and gross pitch error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Row, Spread, by_turns, ratio, spreads

ABOUT = """\
Pitch tracking by the reference parts of the lab on the WORLD vocoder, one thread each, 5 ms hops, 71 to
800 Hz. `yin` against `librosa.yin` (frames of 1024 samples), `librosa.pyin` and `pyworld.harvest`; `dio` (the
lab's DIO-like tracker, no StoneMask) against `pyworld.dio`. *Synthetic*: melodies of harmonics whose pitch
is known, with white noise 20 dB below, voiced for two thirds of the time. *Speech*: sentences of LJ Speech
where the mirror has them, else synthetic speech; their true pitch is unknown, so errors are counted against
`pyworld.harvest`, which is no truth. The gross pitch error (GPE) is the share of frames, voiced in both, that
are off by more than 20 %. `librosa.yin` makes no voicing decision: all its frames count as voiced, and its
voicing error is the share of the pauses."""

NAME = "pitch"
RATE, HOP = 22_050, 110
FLOOR, CEILING = 71.0, 800.0


def melodies(seconds: float, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sounds and their true pitch per frame, 0 where only noise is."""
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n = int(seconds * RATE)
        clock = np.arange(n) / RATE
        f0 = rng.uniform(110, 260) * 2 ** (0.4 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * clock))
        voiced = (clock % 0.6) < 0.4
        phase = 2 * np.pi * np.cumsum(f0) / RATE
        strengths = 1 / np.arange(1, 21) ** rng.uniform(0.5, 1.5)
        tone = sum(a * np.cos(k * phase + 6.28 * rng.random()) for k, a in enumerate(strengths, 1))
        samples = np.where(voiced, tone / np.std(tone), 0) + rng.normal(0, 0.1, n)
        places = np.minimum(np.arange(1 + n // HOP) * HOP, n - 1)
        found.append((0.1 * samples, np.where(voiced, f0, 0.0)[places]))
    return found


def sentences(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Speech and the pitch that pyworld's Harvest finds in it."""
    import pyworld

    from labkit import corpora

    clips = [clip for clip in corpora.ljspeech(announce=False) if 2 < clip.duration < 8][:count]
    found = []
    for clip in clips:
        samples = clip.samples.astype(np.float64)
        f0, _ = pyworld.harvest(samples, RATE, FLOOR, CEILING, frame_period=1000 * HOP / RATE)
        found.append((samples, f0[: 1 + len(samples) // HOP]))
    return found


def trackers() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Name → pitch per frame, 0 where unvoiced."""
    import librosa
    import pyworld

    from autograder.course import load_course
    from autograder.loading import reference_of

    lab: Any = reference_of(load_course(), "t08c_world_vocoder")
    period = 1000 * HOP / RATE
    same = {"fmin": FLOOR, "fmax": CEILING, "sr": RATE, "frame_length": 1024, "hop_length": HOP}

    def pyin(samples: np.ndarray) -> np.ndarray:
        f0, voiced, _ = librosa.pyin(samples, **same)
        return np.where(voiced, np.nan_to_num(f0), 0.0)

    return {
        "yin": lambda samples: lab.yin(samples, RATE, HOP, FLOOR, CEILING),
        "dio": lambda samples: lab.dio(samples, RATE, HOP),
        "librosa.yin": lambda samples: librosa.yin(samples, **same),
        "librosa.pyin": pyin,
        "pyworld.dio": lambda samples: pyworld.dio(samples, RATE, FLOOR, CEILING, frame_period=period)[0],
        "pyworld.harvest": lambda samples: pyworld.harvest(
            samples, RATE, FLOOR, CEILING, frame_period=period
        )[0],
    }


def errors(track: Callable[[np.ndarray], np.ndarray], sounds: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """Gross pitch error and voicing error over all frames of all sounds."""
    true = np.concatenate([f0 for _, f0 in sounds])
    found = np.concatenate([track(samples)[: len(f0)] for samples, f0 in sounds])
    both = (true > 0) & (found > 0)
    gross = np.mean(np.abs(found[both] / true[both] - 1) > 0.2)
    return f"GPE {gross:.2%}, voicing error {np.mean((true > 0) != (found > 0)):.1%}"


def run(quick: bool) -> list[Row]:
    """Time of our trackers as a share of the others', and the errors of all of them."""
    seconds, count, repeat = (1.0, 1, 2) if quick else (5.0, 6, 9)
    found = trackers()
    rows = []
    against = {"yin": ("librosa.yin", "librosa.pyin", "pyworld.harvest"), "dio": ("pyworld.dio",)}
    for material, sounds in (("synthetic", melodies(seconds, count)), ("speech", sentences(count))):
        notes = {name: errors(track, sounds) for name, track in found.items()}
        samples = sounds[0][0]
        for ours, others in against.items():
            for theirs in others:
                rounds = 2 if theirs == "librosa.pyin" else repeat
                sides = {name: partial(found[name], samples) for name in (ours, theirs)}
                times = by_turns(sides, rounds)
                rows.append(
                    Row(
                        NAME,
                        f"{ours}, {material}, {len(samples) / RATE:.1f} s",
                        ratio(times, ours, theirs),
                        f"of {theirs}'s time",
                        None,
                        spreads(times),
                        f"{ours}: {notes[ours]}; {theirs}: {notes[theirs]}",
                    )
                )
        if material == "synthetic":
            gross = float(notes["yin"].split()[1].rstrip("%,"))
            rows.append(
                Row(NAME, "yin, synthetic, GPE", Spread(gross, gross, gross, 1), "%", 1.0, {}, notes["yin"])
            )
    return rows
