"""How each of the three classical voices speaks: phones in, sound out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from capstone.connected_jobs import lab

RULE_RATE = 16000  # Hz, of the voice by rule
LOWEST_PITCH = 85.0  # Hz, of the voice by rule
CONTOUR_SECONDS = 0.005  # from point to point of its melody
# How much of the recordings' variance the statistical voice gets back. With 1 it sounds brightest, and the
# recogniser of connected words missed 46 % of the digits in strings for tuning; with 0.5, 34 %; with 0, 29 %.
LIVELINESS = 0.5
PAUSE = "sil"


@dataclass(frozen=True)
class Manner:
    """How something is said.

    Attributes:
        speed: 2 takes half of the time.
        formants: what pitch and all resonances are multiplied by. Below 1: a longer throat and mouth.
    """

    speed: float = 1.0
    formants: float = 1.0


@dataclass(frozen=True)
class Sound:
    """What a voice said.

    Attributes:
        samples: waveform, at any level.
        phones: (label, start, end) in seconds, from 0 to the end.
    """

    samples: Float[np.ndarray, "time"]
    sample_rate: int
    phones: list[tuple[str, float, float]]


def speak_units(inventory: dict[str, Any], labels: list[str], manner: Manner) -> Sound:
    """By unit selection."""
    own = lab("t08b_unit_selection")
    targets = own.plan_targets(labels, inventory)
    chosen = own.select_units(targets, inventory)
    durations = targets["durations"] * manner.formants / manner.speed
    samples = own.synthesize_units(chosen, inventory, durations, targets["f0"])
    borders = np.cumsum(durations.sum(axis=1)) - durations[:, 1]
    edges = [0.0, *borders.tolist(), float(durations.sum())]
    return _deeper(samples, inventory["sample_rate"], labels, np.array(edges), manner)


def speak_rules(labels: list[str], manner: Manner) -> Sound:
    """By formant rules."""
    voice = lab("c03_classical_voice")
    phones_of = [voice.to_arpabet([label]) for label in labels]
    phones = [phone for some in phones_of for phone in some]
    seconds = np.asarray(voice.rule_durations(phones, speed=manner.speed)) * manner.formants
    ends = np.cumsum(seconds)[np.cumsum([len(some) for some in phones_of]) - 1]
    edges = np.concatenate([[0.0], ends])
    commands = voice.pitch_commands(labels, np.diff(edges))
    times = np.arange(0.0, edges[-1], CONTOUR_SECONDS)
    melody = voice.fujisaki_contour(times, LOWEST_PITCH, commands["phrases"], commands["accents"])
    timed = list(zip(phones, seconds.tolist(), strict=True))
    samples = lab("t08a_formants_and_lpc").formant_synthesize(timed, melody, RULE_RATE)
    return _deeper(samples, RULE_RATE, labels, edges, manner)


def speak_hmm(model: dict[str, Any], labels: list[str], manner: Manner) -> Sound:
    """By the models of the phones, spoken by WORLD."""
    stand_ins = [stand_in(label, model["phones"]) for label in labels]
    speed = manner.speed / manner.formants
    tables = lab("c03_classical_voice").speak_states(model, stand_ins, speed, LIVELINESS)
    rate, hop = model["sample_rate"], model["hop_length"]
    samples = lab("t08c_world_vocoder").world_synthesize(
        tables["f0"], tables["envelope"], tables["aperiodicity"], rate, hop
    )
    n_states = [len(model["phones"][label]["duration_means"]) for label in stand_ins]
    ends = np.cumsum(tables["durations"])[np.cumsum(n_states) - 1] * hop / rate
    return _deeper(samples, rate, labels, np.concatenate([[0.0], ends]), manner)


def stand_in(label: str, known: dict[str, Any]) -> str:
    """The label itself if there is a model of it, else the most similar one that has one."""
    if label in known:
        return label
    distance = lab("t08b_unit_selection").phone_distance
    sounding = [other for other in known if other != PAUSE]
    return min(sounding, key=lambda other: distance(label, other, "start") + distance(label, other, "end"))


def _deeper(samples: np.ndarray, rate: int, labels: list[str], edges: np.ndarray, manner: Manner) -> Sound:
    """The sound played at another rate, so that its formants are where they should be; it was said faster."""
    edges = np.minimum(edges, len(samples) / rate) / manner.formants
    samples = play_slower(samples, manner.formants)
    edges[-1] = len(samples) / rate
    phones = [(a, float(b), float(c)) for a, b, c in zip(labels, edges[:-1], edges[1:], strict=True)]
    return Sound(samples, rate, phones)


def play_slower(samples: Float[np.ndarray, "time"], factor: float) -> Float[np.ndarray, "new_time"]:
    """Samples of the same sound played at `factor` of its speed: pitch and formants are multiplied by it."""
    if factor == 1:
        return np.asarray(samples, dtype=np.float64)
    from scipy.signal import resample_poly

    return resample_poly(np.asarray(samples, dtype=np.float64), 100, round(100 * factor))
