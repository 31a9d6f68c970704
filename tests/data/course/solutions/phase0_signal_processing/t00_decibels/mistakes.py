"""Wrong variants of the lab on decibels, and what to tell who wrote them."""

import numpy as np

from autograder.checking import mistake


def _refuse_empty(samples):
    if samples.size == 0:
        raise ValueError("samples is empty: the mean of nothing is undefined")


def _refuse_bad_powers(power, reference):
    if reference <= 0 or np.any(power < 0):
        raise ValueError("reference must be positive and powers not negative")


@mistake("rms", "You averaged the samples themselves. A sound's samples cancel out: square them first.")
def mean_without_squares(samples):
    _refuse_empty(samples)
    return float(np.sqrt(abs(np.mean(samples))))


@mistake("rms", "That is the energy: you summed the squares. Divide by how many there are, so that length does not count.")
def sum_for_mean(samples):
    _refuse_empty(samples)
    return float(np.sqrt(np.sum(np.square(samples, dtype=np.float64))))


@mistake("rms", "Squaring 16-bit integers overflows. Convert to float before you square.")
def overflowing_square(samples):
    _refuse_empty(samples)
    return float(np.sqrt(abs(np.mean(samples * samples))))


@mistake("power_to_db", "You took 20·log10. That is for amplitudes; a power needs 10·log10.")
def amplitude_rule(power, reference=1.0, floor_db=-80.0):
    _refuse_bad_powers(power, reference)
    lowest = reference * 10 ** (floor_db / 20)
    return 20 * np.log10(np.maximum(power, lowest) / reference)


@mistake("power_to_db", "Your logarithm is natural. Decibels are defined with base 10.")
def natural_logarithm(power, reference=1.0, floor_db=-80.0):
    _refuse_bad_powers(power, reference)
    lowest = reference * 10 ** (floor_db / 10)
    return 10 * np.log(np.maximum(power, lowest) / reference)


@mistake("power_to_db", "Your floor ignores the reference: with another reference, silence is no longer at floor_db.")
def floor_without_reference(power, reference=1.0, floor_db=-80.0):
    _refuse_bad_powers(power, reference)
    return 10 * np.log10(np.maximum(power, 10 ** (floor_db / 10)) / reference)
