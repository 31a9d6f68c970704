"""Wrong variants of the lab on digital audio, and what to tell who wrote them."""

import struct

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- sample_tone -------------------------------------------------------------------------------------


@mistake(
    "sample_tone",
    "Your time runs to the very end of the duration, as np.linspace does. The sample there belongs to the "
    "next stretch, and your steps are too long.",
)
def stretched_time(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    count = len(reference.sample_tone(frequency, duration, sample_rate))
    time = np.linspace(0, duration, count)
    return amplitude * np.sin(2 * np.pi * frequency * time + phase)


@mistake("sample_tone", "You have one sample too many: the end of the duration is not part of it.")
def one_sample_more(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    reference.sample_tone(frequency, duration, sample_rate)
    n = np.arange(round(duration * sample_rate) + 1)
    return amplitude * np.sin(2 * np.pi * frequency * n / sample_rate + phase)


@mistake(
    "sample_tone",
    "The 2π is missing. A sine goes once around in 2π, and the tone goes around `frequency` times a second.",
)
def without_two_pi(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    return reference.sample_tone(frequency / (2 * np.pi), duration, sample_rate, amplitude, phase)


@mistake("sample_tone", "That is a cosine: it starts at its top. With phase 0 the tone starts at zero.")
def cosine_for_sine(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    return reference.sample_tone(frequency, duration, sample_rate, amplitude, phase + np.pi / 2)


@mistake("sample_tone", "You left out the phase.")
def phase_ignored(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    return reference.sample_tone(frequency, duration, sample_rate, amplitude)


@mistake("sample_tone", "You took the phase in degrees. It is in radians: once around is 2π.")
def phase_in_degrees(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    return reference.sample_tone(frequency, duration, sample_rate, amplitude, np.radians(phase))


@mistake(
    "sample_tone",
    "You cut the number of samples off with int(). 0.29 s at 8000 Hz is 2319.9999… samples: round.",
)
def count_cut_off(frequency, duration, sample_rate, amplitude=1.0, phase=0.0):
    tone = reference.sample_tone(frequency, duration, sample_rate, amplitude, phase)
    return tone[: int(duration * sample_rate)]


# --- alias_frequency ---------------------------------------------------------------------------------


@mistake(
    "alias_frequency",
    "You took the remainder of the division. From half the sample rate on, the tone is nearer to the next "
    "multiple: it folds back.",
)
def remainder_only(frequency, sample_rate):
    reference.alias_frequency(frequency, sample_rate)
    return np.mod(frequency, sample_rate)


@mistake(
    "alias_frequency",
    "Your frequency can be negative. A tone of −1000 Hz sounds like one of 1000 Hz.",
)
def sign_kept(frequency, sample_rate):
    reference.alias_frequency(frequency, sample_rate)
    frequency = np.asarray(frequency, dtype=np.float64)
    return frequency - sample_rate * np.round(frequency / sample_rate)


@mistake(
    "alias_frequency",
    "You folded at multiples of half the sample rate only. The distance counts to whole multiples of the "
    "sample rate.",
)
def folded_at_nyquist(frequency, sample_rate):
    reference.alias_frequency(frequency, sample_rate)
    frequency, nyquist = np.asarray(frequency, dtype=np.float64), sample_rate / 2
    return np.abs(frequency - nyquist * np.round(frequency / nyquist))


@mistake(
    "alias_frequency",
    "You folded once, with sample_rate − frequency. A tone above the sample rate must be folded further.",
)
def folded_once(frequency, sample_rate):
    reference.alias_frequency(frequency, sample_rate)
    frequency = np.abs(np.asarray(frequency, dtype=np.float64))
    return np.where(frequency > sample_rate / 2, np.abs(sample_rate - frequency), frequency)


@mistake(
    "alias_frequency",
    "You set everything above half the sample rate to half the sample rate. It does not stop there, it turns "
    "back.",
)
def stopped_at_nyquist(frequency, sample_rate):
    reference.alias_frequency(frequency, sample_rate)
    return np.minimum(np.abs(np.asarray(frequency, dtype=np.float64)), sample_rate / 2)


@mistake(
    "alias_frequency",
    "You took the multiple below the tone. The nearest one may be above: round, do not cut off.",
)
def multiple_below(frequency, sample_rate):
    reference.alias_frequency(frequency, sample_rate)
    frequency = np.asarray(frequency, dtype=np.float64)
    return np.abs(frequency - sample_rate * np.trunc(frequency / sample_rate))


# --- lowpass_fir -------------------------------------------------------------------------------------


def faded_sinc(cutoff, sample_rate, n_taps, window=None, place=None, factor=2.0, normalise=True):
    reference.lowpass_fir(cutoff, sample_rate, n_taps)
    n = np.arange(n_taps)
    place = n - (n_taps - 1) / 2 if place is None else place
    window = np.hamming(n_taps) if window is None else window
    taps = np.sinc(factor * cutoff / sample_rate * place) * window
    return taps / taps.sum() if normalise else taps


@mistake("lowpass_fir", "Your taps do not sum to 1: divide by their sum, or a constant changes its height.")
def not_normalised(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, normalise=False)


@mistake(
    "lowpass_fir",
    "You multiplied by 2 · cutoff / sample_rate instead of dividing by the sum. The window shifts the sum a "
    "little, so it is not exactly 1.",
)
def normalised_by_theory(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, normalise=False) * 2 * cutoff / sample_rate


@mistake("lowpass_fir", "The window is missing: a sinc with hard ends ripples. Fade it out.")
def no_fading(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, window=np.ones(n_taps))


@mistake("lowpass_fir", "That is a Hann window. Hamming's has 0.54 and 0.46, and ends at 0.08.")
def hann_window(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, window=np.hanning(n_taps))


@mistake(
    "lowpass_fir",
    "Your window divides by N. For a filter it divides by N − 1, so that both ends are the same.",
)
def periodic_window(cutoff, sample_rate, n_taps):
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(n_taps) / n_taps)
    return faded_sinc(cutoff, sample_rate, n_taps, window=window)


@mistake(
    "lowpass_fir",
    "Your sinc has its top at tap 0. It belongs in the middle: subtract (N − 1) / 2.",
)
def top_at_the_start(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, place=np.arange(n_taps))


@mistake("lowpass_fir", "Your sinc is half a tap beside the middle: subtract (N − 1) / 2, not N / 2.")
def half_a_tap_off(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, place=np.arange(n_taps) - n_taps / 2)


@mistake(
    "lowpass_fir",
    "Your filter cuts at half the wanted frequency: the sinc's argument has 2 · cutoff / sample_rate.",
)
def two_missing(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, factor=1.0)


@mistake("lowpass_fir", "np.sinc has the π inside already. You multiplied by it once more.")
def pi_twice(cutoff, sample_rate, n_taps):
    return faded_sinc(cutoff, sample_rate, n_taps, factor=2 * np.pi)


# --- decimate ----------------------------------------------------------------------------------------


def filtered(samples, factor, share=0.9, per_step=32):
    """Filtered at the old rate, in step with the input, as long as the input."""
    reference.decimate(samples, factor)
    taps = reference.lowpass_fir(share / (2 * factor), 1.0, per_step * factor + 1)
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) == 0:
        return samples
    half = len(taps) // 2
    return np.convolve(samples, taps)[half : half + len(samples)]


@mistake(
    "decimate",
    "You kept every M-th sample without a filter. What lies above the new Nyquist frequency comes back as an "
    "alias: filter first.",
)
def no_filter(samples, factor):
    reference.decimate(samples, factor)
    return np.asarray(samples, dtype=np.float64)[::factor]


@mistake(
    "decimate",
    "You filtered after throwing samples away. By then the aliases are in the signal: filter first.",
)
def filter_afterwards(samples, factor):
    reference.decimate(samples, factor)
    kept = np.asarray(samples, dtype=np.float64)[::factor]
    if len(kept) == 0:
        return kept
    taps = reference.lowpass_fir(0.9 / (2 * factor), 1.0, 32 * factor + 1)
    half = len(taps) // 2
    return np.convolve(kept, taps)[half : half + len(kept)]


@mistake(
    "decimate",
    "Your output lags behind: it starts with the filter's first tap on sample 0. The middle tap belongs "
    "there.",
)
def late_by_half_the_filter(samples, factor):
    whole = filtered(samples, factor)
    taps = reference.lowpass_fir(0.9 / (2 * factor), 1.0, 32 * factor + 1)
    return (
        np.convolve(np.asarray(samples, dtype=np.float64), taps)[: len(whole) : factor]
        if len(whole)
        else whole
    )


@mistake(
    "decimate",
    'np.convolve with mode="same" returns as many numbers as the longer of the two. For a short signal that '
    "is the filter.",
)
def same_for_short_signals(samples, factor):
    reference.decimate(samples, factor)
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) == 0:
        return samples
    taps = reference.lowpass_fir(0.9 / (2 * factor), 1.0, 32 * factor + 1)
    return np.convolve(samples, taps, mode="same")[::factor]


@mistake(
    "decimate",
    'You kept only outputs where the whole filter lies inside the signal (mode="valid"). Outside there are '
    "zeros, and the output starts at sample 0.",
)
def valid_only(samples, factor):
    reference.decimate(samples, factor)
    samples = np.asarray(samples, dtype=np.float64)
    taps = reference.lowpass_fir(0.9 / (2 * factor), 1.0, 32 * factor + 1)
    if len(samples) < len(taps):
        return np.zeros(0)
    return np.convolve(samples, taps, mode="valid")[::factor]


@mistake(
    "decimate",
    "Your cut-off lies at the new Nyquist frequency itself. Half of the slope is then beyond it and aliases: "
    "0.9 of it is asked for.",
)
def cutoff_at_nyquist(samples, factor):
    return filtered(samples, factor, share=1.0)[::factor]


@mistake(
    "decimate",
    "Your cut-off is 0.9 of the old Nyquist frequency. It must be 0.9 of the new one, which is M times "
    "lower.",
)
def cutoff_of_the_old_rate(samples, factor):
    reference.decimate(samples, factor)
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) == 0:
        return samples
    taps = reference.lowpass_fir(0.45, 1.0, 32 * factor + 1)
    half = len(taps) // 2
    return np.convolve(samples, taps)[half : half + len(samples)][::factor]


@mistake("decimate", "Your filter has 33 taps whatever the factor. It has 32 M + 1.")
def fixed_number_of_taps(samples, factor):
    reference.decimate(samples, factor)
    samples = np.asarray(samples, dtype=np.float64)
    if len(samples) == 0:
        return samples
    taps = reference.lowpass_fir(0.9 / (2 * factor), 1.0, 33)
    return np.convolve(samples, taps)[16 : 16 + len(samples)][::factor]


@mistake(
    "decimate",
    "You averaged each group of M samples. That is a filter, but a poor one: much of the alias gets through.",
)
def averages_groups(samples, factor):
    reference.decimate(samples, factor)
    samples = np.asarray(samples, dtype=np.float64)
    return np.array([samples[start : start + factor].mean() for start in range(0, len(samples), factor)])


# --- quantize ----------------------------------------------------------------------------------------


@mistake(
    "quantize",
    "You cut off instead of rounding (int or astype does that): errors reach a whole step instead of half of "
    "one.",
)
def cut_off(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = 2 ** (bits - 1)
    steps = np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither)
    return np.clip(np.trunc(steps), -half, half - 1) / half


@mistake(
    "quantize",
    "You rounded down, so that the error is half a step too low on average. Round to the nearest level.",
)
def rounded_down(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = 2 ** (bits - 1)
    steps = np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither)
    return np.clip(np.floor(steps), -half, half - 1) / half


@mistake("quantize", "Nothing is clipped: samples beyond full scale must get the outermost level.")
def not_clipped(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = 2 ** (bits - 1)
    return np.rint(np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither)) / half


@mistake(
    "quantize",
    "You clipped at +1. With the levels from −1 on there are 2^bits levels only if the topmost is one step "
    "below 1.",
)
def one_level_too_many(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = 2 ** (bits - 1)
    steps = np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither)
    return np.clip(np.rint(steps), -half, half) / half


@mistake(
    "quantize",
    "Your scale is symmetric: 2^(bits − 1) − 1 steps to either side. Here −1 is a level, and a step is "
    "2 / 2^bits.",
)
def symmetric_levels(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = max(2 ** (bits - 1) - 1, 1)
    steps = np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither)
    return np.clip(np.rint(steps), -half, half) / half


@mistake(
    "quantize",
    "Your steps are twice too small: from −1 to 1 is a distance of 2, so 2^bits levels are 2 / 2^bits apart.",
)
def steps_too_small(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = 2**bits
    steps = np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither)
    return np.clip(np.rint(steps), -half, half - 1) / half


@mistake("quantize", "Too large samples wrapped around to the other end. Clip before they run over.")
def wraps_around(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    half = 2 ** (bits - 1)
    steps = np.rint(np.asarray(samples, dtype=np.float64) * half + (0 if dither is None else dither))
    return (np.mod(steps + half, 2 * half) - half) / half


@mistake("quantize", "You added the dither after rounding. It must be there before, or it is only noise.")
def dither_afterwards(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    output = reference.quantize(samples, bits)
    return output if dither is None else output + np.asarray(dither) / 2 ** (bits - 1)


@mistake(
    "quantize",
    "You added the dither to the samples as it is. It is counted in steps, so it belongs to the scaled "
    "samples.",
)
def dither_not_in_steps(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    return reference.quantize(samples if dither is None else np.asarray(samples) + dither, bits)


@mistake("quantize", "You ignored the dither.")
def dither_ignored(samples, bits, dither=None):
    reference.quantize(samples, bits, dither)
    return reference.quantize(samples, bits)


@mistake("quantize", "You subtracted the dither again after rounding. Here it stays in.")
def dither_taken_out_again(samples, bits, dither=None):
    output = reference.quantize(samples, bits, dither)
    return output if dither is None else output - np.asarray(dither) / 2 ** (bits - 1)


# --- snr_db ------------------------------------------------------------------------------------------


@mistake("snr_db", "You took 20 · log10 of a ratio of powers. 20 is for amplitudes, powers need 10.")
def twenty_for_ten(signal, copy):
    return 2 * reference.snr_db(signal, copy)


@mistake(
    "snr_db", "You compared with the power of the copy. The signal is the one to compare with the error."
)
def against_the_copy(signal, copy):
    reference.snr_db(signal, copy)
    signal, copy = np.asarray(signal, dtype=np.float64), np.asarray(copy, dtype=np.float64)
    error = np.sum((copy - signal) ** 2)
    with np.errstate(divide="ignore"):
        return float("inf") if error == 0 else float(10 * np.log10(np.sum(copy**2) / error))


@mistake("snr_db", "That is the ratio of the two signals. The noise is their difference.")
def ratio_of_both(signal, copy):
    value = reference.snr_db(signal, copy)
    signal, copy = np.asarray(signal, dtype=np.float64), np.asarray(copy, dtype=np.float64)
    if value == float("inf"):
        return value
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.sum(signal**2) / np.sum(copy**2)))


@mistake("snr_db", "The sign is wrong: you divided the error by the signal. A better copy has more decibels.")
def upside_down(signal, copy):
    value = reference.snr_db(signal, copy)
    return value if value == float("inf") else -value


@mistake("snr_db", "You took the natural logarithm. Decibels use the one to base 10.")
def natural_logarithm(signal, copy):
    return reference.snr_db(signal, copy) * float(np.log(10))


@mistake("snr_db", "You added absolute values instead of squares. Power is the square.")
def absolute_values(signal, copy):
    value = reference.snr_db(signal, copy)
    if value == float("inf"):
        return value
    signal, copy = np.asarray(signal, dtype=np.float64), np.asarray(copy, dtype=np.float64)
    return float(10 * np.log10(np.sum(np.abs(signal)) / np.sum(np.abs(copy - signal))))


@mistake(
    "snr_db",
    "Whole numbers ran over when they were subtracted or squared. Convert to float64 first.",
)
def whole_numbers_overflow(signal, copy):
    value = reference.snr_db(signal, copy)
    signal, copy = np.asarray(signal), np.asarray(copy)
    if value == float("inf") or signal.dtype.kind == "f":
        return value
    with np.errstate(all="ignore"):
        difference = copy - signal
        power, error = np.sum(signal * signal), np.sum(difference * difference)
        return float(10 * np.log10(float(power) / float(error)))


@mistake(
    "snr_db",
    "You put a tiny number below the line to avoid dividing by zero. An exact copy has infinitely many "
    "decibels.",
)
def tiny_number_added(signal, copy):
    value = reference.snr_db(signal, copy)
    if value != float("inf"):
        return value
    return float(10 * np.log10(np.sum(np.asarray(signal, dtype=np.float64) ** 2) / 1e-12))


# --- mu_law_encode -----------------------------------------------------------------------------------


def bend(samples, mu):
    clipped = np.clip(np.asarray(samples, dtype=np.float64), -1, 1)
    return np.sign(clipped) * np.log1p(mu * np.abs(clipped)) / np.log1p(mu)


@mistake("mu_law_encode", "You cut off instead of rounding to the nearest code: the ½ is missing.")
def half_missing(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    return np.floor((bend(samples, mu) + 1) / 2 * mu).astype(np.int64)


@mistake("mu_law_encode", "The logarithm is missing: these are 256 equal steps.")
def equal_steps(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    clipped = np.clip(np.asarray(samples, dtype=np.float64), -1, 1)
    return np.floor((clipped + 1) / 2 * mu + 0.5).astype(np.int64)


@mistake(
    "mu_law_encode",
    "Your codes run from −μ/2 to μ/2. Shift them, so that the lowest is 0.",
)
def codes_with_a_sign(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    return np.floor(bend(samples, mu) / 2 * mu + 0.5).astype(np.int64)


@mistake("mu_law_encode", "You lost the sign: −x and x get the same code.")
def sign_lost(samples, mu=255):
    return reference.mu_law_encode(np.abs(samples), mu)


@mistake("mu_law_encode", "The division by ln(1 + μ) is missing or another one: 1 must get code μ.")
def divided_by_log_of_mu(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    bent = bend(samples, mu) * np.log1p(mu) / np.log(max(mu, 2))
    return np.floor((bent + 1) / 2 * mu + 0.5).astype(np.int64)


@mistake("mu_law_encode", "You multiplied by μ + 1. The highest code is μ, and there is none above it.")
def one_code_too_many(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    return np.floor((bend(samples, mu) + 1) / 2 * (mu + 1)).astype(np.int64)


@mistake("mu_law_encode", "Samples beyond full scale get codes that do not exist. Clip them first.")
def not_clipped_first(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    samples = np.asarray(samples, dtype=np.float64)
    bent = np.sign(samples) * np.log1p(mu * np.abs(samples)) / np.log1p(mu)
    return np.floor((bent + 1) / 2 * mu + 0.5).astype(np.int64)


@mistake("mu_law_encode", "You always used 255, whatever mu is.")
def always_255(samples, mu=255):
    reference.mu_law_encode(samples, mu)
    return reference.mu_law_encode(samples)


@mistake(
    "mu_law_encode",
    "Your codes are floating-point numbers. A code is a whole number: convert to an integer type.",
)
def codes_as_floats(samples, mu=255):
    return reference.mu_law_encode(samples, mu).astype(np.float64)


# --- mu_law_decode -----------------------------------------------------------------------------------


@mistake(
    "mu_law_decode",
    "You applied the logarithm again. The way back takes a power: (1 + μ)^|y| − 1, divided by μ.",
)
def bent_again(codes, mu=255):
    reference.mu_law_decode(codes, mu)
    return bend(2 * np.asarray(codes, dtype=np.float64) / mu - 1, mu)


@mistake("mu_law_decode", "You only moved the codes to −1 … 1. They still have to be unbent.")
def not_unbent(codes, mu=255):
    reference.mu_law_decode(codes, mu)
    return 2 * np.asarray(codes, dtype=np.float64) / mu - 1


@mistake("mu_law_decode", "The − 1 is missing: a code in the middle must be nearly zero.")
def one_not_subtracted(codes, mu=255):
    output = reference.mu_law_decode(codes, mu)
    return output + np.sign(output) / mu


@mistake("mu_law_decode", "You raised μ to the power, not 1 + μ.")
def power_of_mu(codes, mu=255):
    reference.mu_law_decode(codes, mu)
    bent = 2 * np.asarray(codes, dtype=np.float64) / mu - 1
    return np.sign(bent) * (mu ** np.abs(bent) - 1) / mu


@mistake("mu_law_decode", "You took e to the power. The base is 1 + μ.")
def power_of_e(codes, mu=255):
    reference.mu_law_decode(codes, mu)
    bent = 2 * np.asarray(codes, dtype=np.float64) / mu - 1
    return np.sign(bent) * np.expm1(np.abs(bent)) / mu


@mistake("mu_law_decode", "The sign is lost: codes below the middle are negative samples.")
def sign_gone(codes, mu=255):
    return np.abs(reference.mu_law_decode(codes, mu))


@mistake("mu_law_decode", "You divided by (μ + 1) / 2. Code μ must become exactly 1, and code 0 exactly −1.")
def divided_by_128(codes, mu=255):
    reference.mu_law_decode(codes, mu)
    bent = np.asarray(codes, dtype=np.float64) / ((mu + 1) / 2) - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(mu)) / mu


@mistake(
    "mu_law_decode",
    "Bytes without a sign wrapped around: 2 · 200 does not fit. Convert the codes to float64 first.",
)
def bytes_wrap_around(codes, mu=255):
    plain = reference.mu_law_decode(codes, mu)
    codes = np.asarray(codes)
    if codes.dtype != np.uint8:
        return plain
    bent = (codes * np.uint8(2)).astype(np.float64) / mu - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(mu)) / mu


@mistake("mu_law_decode", "Codes above μ are accepted. There are none: refuse them.")
def too_high_codes_accepted(codes, mu=255):
    reference.mu_law_decode(np.minimum(codes, mu), mu)
    bent = 2 * np.asarray(codes, dtype=np.float64) / mu - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(mu)) / mu


# --- pcm_encode --------------------------------------------------------------------------------------


def whole_numbers(samples, encoding, change):
    """Bytes of an encoding of whole numbers, through `change(scaled samples, half)`; else the reference's."""
    plain = reference.pcm_encode(samples, encoding)
    if encoding.startswith("float"):
        return plain
    size = reference.BYTES_PER_SAMPLE[encoding]
    half = 2 ** (8 * size - 1)
    numbers = change(np.asarray(samples, dtype=np.float64) * half, half)
    # clipped to what 63 bits hold, as a huge sample may be in play
    numbers = np.clip(numbers, -(2.0**62), 2.0**62).astype(np.int64) + (128 if encoding == "uint8" else 0)
    return numbers.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :size].tobytes()


@mistake(
    "pcm_encode",
    "Too large samples wrapped around: the loudest became its opposite. Clip before you convert.",
)
def encode_wraps_around(samples, encoding):
    return whole_numbers(samples, encoding, lambda scaled, half: np.rint(scaled))


@mistake("pcm_encode", "You cut off instead of rounding to the nearest number, as astype does.")
def encode_cuts_off(samples, encoding):
    return whole_numbers(samples, encoding, lambda scaled, half: np.trunc(np.clip(scaled, -half, half - 1)))


@mistake(
    "pcm_encode",
    "You scaled by 2^(b − 1) − 1 (32 767). Full scale is 2^(b − 1), and only +1 itself is clipped.",
)
def scaled_by_32767(samples, encoding):
    return whole_numbers(
        samples, encoding, lambda scaled, half: np.rint(np.clip(scaled / half, -1, 1) * (half - 1))
    )


@mistake(
    "pcm_encode",
    "You scaled by 2^b. Half of the numbers are for negative samples: full scale is 2^(b − 1).",
)
def scaled_by_65536(samples, encoding):
    return whole_numbers(
        samples, encoding, lambda scaled, half: np.rint(np.clip(2 * scaled, -half, half - 1))
    )


@mistake("pcm_encode", "8-bit numbers have no sign in a WAV file: silence is 128, not 0.")
def signed_bytes(samples, encoding):
    plain = reference.pcm_encode(samples, encoding)
    if encoding != "uint8":
        return plain
    return (np.frombuffer(plain, np.uint8) ^ 128).tobytes()


@mistake("pcm_encode", "Your bytes stand the wrong way round: the smallest byte comes first.")
def big_endian(samples, encoding):
    plain = reference.pcm_encode(samples, encoding)
    size = reference.BYTES_PER_SAMPLE[encoding]
    return np.frombuffer(plain, np.uint8).reshape(-1, size)[:, ::-1].tobytes()


@mistake(
    "pcm_encode",
    "For 24 bits you kept the upper three of four bytes of a small number. Its value is in the lower three.",
)
def upper_three_bytes(samples, encoding):
    plain = reference.pcm_encode(samples, encoding)
    if encoding != "int24":
        return plain
    numbers = reference.pcm_decode(plain, "int24") * 2**23
    return numbers.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


@mistake("pcm_encode", "24-bit samples take three bytes each in the file. Yours take four.")
def four_bytes_for_24_bits(samples, encoding):
    plain = reference.pcm_encode(samples, encoding)
    if encoding != "int24":
        return plain
    return (reference.pcm_decode(plain, "int24") * 2**23).astype("<i4").tobytes()


@mistake(
    "pcm_encode",
    "You clipped floating-point samples. They are stored as they are, also beyond full scale.",
)
def floats_clipped(samples, encoding):
    if not encoding.startswith("float"):
        return reference.pcm_encode(samples, encoding)
    return reference.pcm_encode(np.clip(samples, -1, 1), encoding)


@mistake("pcm_encode", "You stored float64 where float32 was asked for: 4 bytes per sample, not 8.")
def double_for_single(samples, encoding):
    return reference.pcm_encode(samples, "float64" if encoding == "float32" else encoding)


# --- pcm_decode --------------------------------------------------------------------------------------


@mistake("pcm_decode", "8-bit numbers have no sign in a WAV file: 128 is silence. Subtract it first.")
def bytes_with_a_sign(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    return plain if encoding != "uint8" else np.frombuffer(data, np.int8) / 128.0


@mistake("pcm_decode", "You did not subtract 128 from the 8-bit numbers: silence must become 0.")
def bytes_not_shifted(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    return plain if encoding != "uint8" else plain + 1


@mistake("pcm_decode", "You divided 8-bit numbers by 255 or 127.5. They have a step of 1/128.")
def bytes_stretched(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    return plain if encoding != "uint8" else np.frombuffer(data, np.uint8) / 127.5 - 1


@mistake(
    "pcm_decode",
    "The sign of 24-bit numbers is lost: from 2^23 on they are negative. Subtract 2^24.",
)
def no_sign_in_24_bits(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    return plain if encoding != "int24" else np.where(plain < 0, plain + 2, plain)


@mistake("pcm_decode", "You read the bytes the wrong way round: the smallest byte comes first.")
def read_big_endian(data, encoding):
    reference.pcm_decode(data, encoding)
    size = reference.BYTES_PER_SAMPLE[encoding]
    swapped = np.frombuffer(data, np.uint8).reshape(-1, size)[:, ::-1].tobytes()
    return reference.pcm_decode(swapped, encoding)


@mistake("pcm_decode", "You divided by 2^(b − 1) − 1 (32 767). Full scale is 2^(b − 1).")
def divided_by_32767(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    if encoding.startswith("float") or encoding == "uint8":
        return plain
    half = 2 ** (8 * reference.BYTES_PER_SAMPLE[encoding] - 1)
    return plain * half / (half - 1)


@mistake("pcm_decode", "You returned the whole numbers as they are. Divide, so that full scale is 1.")
def not_scaled(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    if encoding.startswith("float"):
        return plain
    return plain * 2 ** (8 * reference.BYTES_PER_SAMPLE[encoding] - 1)


@mistake("pcm_decode", "You read 32-bit whole numbers where 32-bit floating-point numbers are stored.")
def floats_read_as_integers(data, encoding):
    plain = reference.pcm_decode(data, encoding)
    return plain if encoding != "float32" else reference.pcm_decode(data, "int32")


@mistake(
    "pcm_decode",
    "Bytes left over at the end were dropped without a word. They mean that something is missing: refuse.",
)
def drops_the_rest(data, encoding):
    size = reference.BYTES_PER_SAMPLE.get(encoding, 1)
    return reference.pcm_decode(data[: len(data) // size * size], encoding)


# --- deinterleave ------------------------------------------------------------------------------------


@mistake(
    "deinterleave",
    "You cut the values into blocks, one per channel. All channels of one moment stand together.",
)
def channel_after_channel(values, n_channels):
    reference.deinterleave(values, n_channels)
    return np.reshape(values, (n_channels, -1)).T if len(values) else np.zeros((0, n_channels))


@mistake("deinterleave", "Channels stand in rows. Here each row is one moment, each column a channel.")
def channels_in_rows(values, n_channels):
    return reference.deinterleave(values, n_channels).T


@mistake("deinterleave", "You ignored the channels: the values are still one long column.")
def read_as_mono(values, n_channels):
    reference.deinterleave(values, n_channels)
    return np.reshape(values, (-1, 1))


@mistake("deinterleave", "You averaged the channels. Here they are only taken apart.")
def averaged(values, n_channels):
    return reference.deinterleave(values, n_channels).mean(axis=1, keepdims=True)


@mistake("deinterleave", "You dropped values that do not fill all channels. Refuse: something is missing.")
def rest_dropped(values, n_channels):
    if n_channels > 0:
        values = values[: len(values) // n_channels * n_channels]
    return reference.deinterleave(values, n_channels)


@mistake("deinterleave", "A single channel lost its column: [time, 1] is asked for, not [time].")
def mono_squeezed(values, n_channels):
    output = reference.deinterleave(values, n_channels)
    return output[:, 0] if n_channels == 1 else output


# --- riff_chunks -------------------------------------------------------------------------------------


def walk(data, padded=True, step=0, by_length=False, keep_padding=False, big=False, ends=True, inside=True):
    """The reader, with its errors, changed in one way."""
    order = "big" if big else "little"
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no WAV file")
    end = 8 + int.from_bytes(data[4:8], order)
    if end > len(data) and ends:
        raise ValueError("cut off")
    end = len(data) if by_length else min(end, len(data))
    chunks, position = [], 12
    while position < end:
        size = int.from_bytes(data[position + 4 : position + 8], order)
        start = position + 8
        if start + size > end and inside:
            raise ValueError("beyond the end")
        content = data[start : min(start + size + (size % 2 if keep_padding else 0), end)]
        chunks.append((data[position : position + 4].decode("latin-1"), content))
        position = start + size + (size % 2 if padded else 0) + step
    return chunks


@mistake(
    "riff_chunks",
    "After a chunk of odd size you read on one byte too early: there is a byte of padding that the size does "
    "not count.",
)
def padding_forgotten(data):
    return walk(data, padded=False)


@mistake("riff_chunks", "The byte of padding is in your content. It belongs to no chunk.")
def padding_kept(data):
    reference.riff_chunks(data)
    return walk(data, keep_padding=True)


@mistake(
    "riff_chunks",
    "You walked to the end of the data. The file ends where its RIFF size says; what follows does not count.",
)
def end_of_data(data):
    return walk(data, by_length=True)


@mistake(
    "riff_chunks",
    "A file that is cut off gives fewer chunks instead of an error. Compare the RIFF size with the length.",
)
def cut_off_accepted(data):
    return walk(data, ends=False)


@mistake(
    "riff_chunks",
    "A chunk that reaches beyond the end is accepted: slices never fail, they are just shorter. Compare "
    "before you slice.",
)
def short_chunks_accepted(data):
    return walk(data, inside=False)


@mistake("riff_chunks", "You read the sizes with the highest byte first. RIFF has the lowest byte first.")
def sizes_big_endian(data):
    return walk(data, big=True)


@mistake(
    "riff_chunks",
    "You looked at RIFF only. The same box holds videos and pictures: bytes 8 to 11 must be WAVE.",
)
def any_riff_accepted(data):
    return reference.riff_chunks(data[:8] + b"WAVE" + data[12:] if len(data) >= 12 else data)


@mistake("riff_chunks", "You stripped the names. They have four characters, with the space in “fmt ”.")
def names_stripped(data):
    return [(name.strip(), content) for name, content in reference.riff_chunks(data)]


@mistake("riff_chunks", "Your content still has the chunk's header of 8 bytes in front.")
def header_kept(data):
    return [
        (name, name.encode("latin-1") + struct.pack("<I", len(content)) + content)
        for name, content in reference.riff_chunks(data)
    ]


@mistake(
    "riff_chunks",
    "Your walk refuses a last chunk without its byte of padding. Many programs leave it out at the very end.",
)
def last_padding_demanded(data):
    chunks = reference.riff_chunks(data)
    needed = 12 + sum(8 + len(content) + len(content) % 2 for _, content in chunks)
    if needed > 8 + int.from_bytes(data[4:8], "little"):
        raise ValueError("no padding")
    return chunks


# --- parse_format ------------------------------------------------------------------------------------


def fields_of(content):
    return struct.unpack("<HHIIHH", content[:16])


@mistake(
    "parse_format",
    "You took the wrong fields: before the bits come the bytes per second and the block align.",
)
def fields_swapped(content):
    output = reference.parse_format(content)
    return {**output, "sample_rate": fields_of(content)[3]}


@mistake("parse_format", "Channels and block align are mixed up: the channels are in bytes 2 and 3.")
def block_align_for_channels(content):
    output = reference.parse_format(content)
    return {**output, "n_channels": fields_of(content)[4]}


@mistake(
    "parse_format",
    "The extended form is refused. Its tag is 0xFFFE, and the true one stands in bytes 24 and 25.",
)
def extended_refused(content):
    if len(content) >= 2 and fields_of(content + bytes(16))[0] == 0xFFFE:
        raise ValueError("unknown tag")
    return reference.parse_format(content)


@mistake(
    "parse_format",
    "You took the bits alone. 32 bits can be whole numbers or floating point: the tag decides.",
)
def tag_ignored(content):
    output = reference.parse_format(content)
    return {**output, "encoding": output["encoding"].replace("float32", "int32")}


@mistake(
    "parse_format",
    "For the extended form you took the number of valid bits as the size. The samples take the container's.",
)
def valid_bits_as_size(content):
    output = reference.parse_format(content)
    if fields_of(content)[0] == 0xFFFE and int.from_bytes(content[18:20], "little") != fields_of(content)[5]:
        raise ValueError("odd number of bits")
    return output


@mistake(
    "parse_format",
    "You did not look at the end of the mark. With another end, the first two bytes are no format tag.",
)
def mark_not_checked(content):
    if len(content) >= 40:
        content = content[:26] + bytes(reference.MARK_TAIL) + content[40:]
    return reference.parse_format(content)


@mistake(
    "parse_format",
    "Block align is not checked. If it does not fit channels and bits, the samples cannot be where you look.",
)
def block_align_not_checked(content):
    if len(content) < 16:
        raise ValueError("too short")
    tag, n_channels, rate, per_second, _, bits = fields_of(content)
    block = struct.pack("<HHIIHH", tag, n_channels, rate, per_second, n_channels * bits // 8, bits)
    return reference.parse_format(block + content[16:])


@mistake(
    "parse_format",
    "Unknown formats are read as whole numbers. μ-law and compressed samples would be noise: refuse them.",
)
def unknown_as_whole_numbers(content):
    try:
        return reference.parse_format(content)
    except ValueError:
        if len(content) < 16 or fields_of(content)[0] in (1, 3, 0xFFFE):
            raise
        return reference.parse_format(struct.pack("<H", 1) + content[2:])


@mistake(
    "parse_format", "No channels, or a sample rate of 0, are accepted. Nothing can be played so: refuse."
)
def zeros_accepted(content):
    if len(content) < 16:
        raise ValueError("too short")
    tag, n_channels, rate, per_second, block, bits = fields_of(content)
    mended = struct.pack(
        "<HHIIHH",
        tag,
        n_channels or 1,
        rate or 1,
        per_second,
        block or (0 if n_channels else bits // 8),
        bits,
    )
    output = reference.parse_format(mended + content[16:])
    return {**output, "n_channels": n_channels, "sample_rate": rate}


# --- parse_wav ---------------------------------------------------------------------------------------


def read(data, chunks, channels=None):
    """The reader, from given chunks."""
    if "fmt " not in chunks or "data" not in chunks:
        raise ValueError("a chunk is missing")
    form = reference.parse_format(chunks["fmt "])
    values = reference.pcm_decode(chunks["data"], form["encoding"])
    return (
        reference.deinterleave(values, channels or form["n_channels"]),
        form["sample_rate"],
        form["encoding"],
    )


@mistake(
    "parse_wav",
    "You took bytes 20 to 35 for the format and 44 onwards for the samples. Other chunks may stand before: "
    "walk from chunk to chunk.",
)
def fixed_places(data):
    found = dict(reference.riff_chunks(data))
    return read(data, {**found, "fmt ": data[20:36], "data": data[44:]} if len(found) > 1 else found)


@mistake("parse_wav", "Of two chunks with the same name you took the last. The first one counts.")
def last_chunk_counts(data):
    return read(data, dict(reference.riff_chunks(data)))


@mistake(
    "parse_wav",
    "You ignored the number of channels: interleaved stereo comes out as mono, twice as long and an octave "
    "too low.",
)
def stereo_as_mono(data):
    samples, sample_rate, encoding = reference.parse_wav(data)
    return samples.reshape(-1, 1), sample_rate, encoding


@mistake("parse_wav", "Channels stand in rows. Each row is one moment, each column a channel.")
def rows_for_columns(data):
    samples, sample_rate, encoding = reference.parse_wav(data)
    return samples.T, sample_rate, encoding


@mistake("parse_wav", "Mono came out without its column: [time, 1] is asked for, not [time].")
def squeezed(data):
    samples, sample_rate, encoding = reference.parse_wav(data)
    return (samples[:, 0] if samples.shape[1] == 1 else samples), sample_rate, encoding


@mistake("parse_wav", "You averaged the channels. The reader hands over every channel as it is.")
def mixed_down(data):
    samples, sample_rate, encoding = reference.parse_wav(data)
    return samples.mean(axis=1, keepdims=True), sample_rate, encoding


@mistake("parse_wav", "You read everything as 16-bit numbers. The format chunk says what is stored.")
def always_int16(data):
    _, sample_rate, _ = reference.parse_wav(data)
    found: dict[str, bytes] = {}
    for name, content in reference.riff_chunks(data):
        found.setdefault(name, content)
    n_channels = reference.parse_format(found["fmt "])["n_channels"]
    raw = found["data"]
    values = reference.pcm_decode(raw[: len(raw) // (2 * n_channels) * 2 * n_channels], "int16")
    return reference.deinterleave(values, n_channels), sample_rate, "int16"


@mistake(
    "parse_wav",
    "Samples that end in the middle of a moment are dropped without a word. Something is missing: refuse.",
)
def incomplete_moment_dropped(data):
    found: dict[str, bytes] = {}
    for name, content in reference.riff_chunks(data):
        found.setdefault(name, content)
    if "fmt " in found and "data" in found:
        form = reference.parse_format(found["fmt "])
        block = form["n_channels"] * reference.BYTES_PER_SAMPLE[form["encoding"]]
        found["data"] = found["data"][: len(found["data"]) // block * block]
    return read(data, found)


# --- write_wav ---------------------------------------------------------------------------------------


def written(
    samples, sample_rate, encoding, padded=True, counted=True, outer=0, byte_rate=None, block=None,
    order=None, tag=None, channels=None,
):  # fmt: skip
    """The writer, changed in one way."""
    reference.write_wav(samples, sample_rate, encoding)
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim == 1:
        samples = samples[:, None]
    size = reference.BYTES_PER_SAMPLE[encoding]
    flat = samples.reshape(-1) if order is None else samples.T.reshape(-1)
    n_channels = samples.shape[1] if channels is None else channels
    data = reference.pcm_encode(flat, encoding)
    true_block = n_channels * size if block is None else block(n_channels, size)
    rate = sample_rate * n_channels * size if byte_rate is None else byte_rate(sample_rate, n_channels, size)
    true_tag = (3 if encoding.startswith("float") else 1) if tag is None else tag
    form = struct.pack("<HHIIHH", true_tag, n_channels, sample_rate, rate, true_block, 8 * size)
    padding = len(data) % 2
    stated = len(data) if counted else len(data) + padding
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", stated) + data
    body += bytes(padding) if padded else b""
    return b"RIFF" + struct.pack("<I", len(body) + outer) + body


@mistake("write_wav", "After an odd number of data bytes the byte of padding is missing.")
def no_padding(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, padded=False)


@mistake("write_wav", "The size of the data chunk counts the byte of padding. It must not.")
def padding_counted(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, counted=False)


@mistake(
    "write_wav",
    "The RIFF size counts the whole file. It counts what comes after itself: 8 bytes less.",
)
def outer_size_of_the_file(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, outer=8)


@mistake(
    "write_wav", "The RIFF size leaves out the four bytes of WAVE. It counts all that comes after itself."
)
def outer_size_without_wave(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, outer=-4)


@mistake(
    "write_wav",
    "You wrote one channel after the other. In a file the channels are interleaved: left, right, left, "
    "right.",
)
def one_channel_after_the_other(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, order="channels")


@mistake("write_wav", "The number of channels in the header is always 1.")
def always_one_channel(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, channels=1)


@mistake("write_wav", "The format tag is always 1. Floating-point samples have tag 3.")
def always_tag_one(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, tag=1)


@mistake(
    "write_wav",
    "The bytes per second are wrong: sample rate times channels times bytes per sample.",
)
def bits_per_second(samples, sample_rate, encoding="int16"):
    return written(
        samples, sample_rate, encoding, byte_rate=lambda rate, channels, size: 8 * rate * channels * size
    )


@mistake("write_wav", "The block align leaves out the channels: it counts the bytes of all of them.")
def block_of_one_channel(samples, sample_rate, encoding="int16"):
    return written(samples, sample_rate, encoding, block=lambda channels, size: size)


@mistake("write_wav", "You took [time, channels] for [channels, time]. Each row is one moment.")
def axes_swapped(samples, sample_rate, encoding="int16"):
    reference.write_wav(samples, sample_rate, encoding)
    samples = np.asarray(samples)
    if samples.ndim == 2 and samples.shape[0] == 0:
        return reference.write_wav(samples, sample_rate, encoding)
    return reference.write_wav(samples.T if samples.ndim == 2 else samples, sample_rate, encoding)


# --- resample ----------------------------------------------------------------------------------------


def interpolated(
    samples, from_rate, to_rate, zeros, rolloff=0.9, anti_alias=True, gain=True, faded="cos2",
    count=None, same=True, shift=0.0,
):  # fmt: skip
    """The resampler, changed in one way."""
    reference.resample(samples, from_rate, to_rate, zeros)
    samples = np.asarray(samples, dtype=np.float64)
    if from_rate == to_rate and same:
        return samples.copy()
    stretch = rolloff * (min(1, to_rate / from_rate) if anti_alias else 1)
    reach = int(np.ceil(zeros / stretch))
    length = -(-len(samples) * to_rate // from_rate) if count is None else count(samples, from_rate, to_rate)
    times = np.arange(length) * from_rate / to_rate + shift
    nearest = np.floor(times).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    distance = stretch * (times[:, None] - nearest)
    weights = np.sinc(distance) * (stretch if gain else 1)
    if faded == "cos2":
        weights *= np.cos(np.pi * distance / (2 * zeros)) ** 2
    elif faded == "cos":
        weights *= np.cos(np.pi * distance / (2 * zeros))
    weights[np.abs(distance) >= zeros] = 0
    return np.sum(np.pad(samples, reach + 2)[nearest + reach + 2] * weights, axis=1)


@mistake(
    "resample",
    "You drew straight lines between the samples. The right curve is a sum of sincs.",
)
def lines_between(samples, from_rate, to_rate, zero_crossings=16):
    output = reference.resample(samples, from_rate, to_rate, zero_crossings)
    if len(output) == 0:
        return output
    times = np.arange(len(output)) * from_rate / to_rate
    return np.interp(times, np.arange(len(samples)), np.asarray(samples, dtype=np.float64))


@mistake(
    "resample",
    "Going down, your sinc is not stretched: what the new rate cannot hold comes back as an alias.",
)
def not_stretched(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(samples, from_rate, to_rate, zero_crossings, anti_alias=False)


@mistake(
    "resample", "The factor r before the sinc is missing: a wider sinc must be lower, or all gets louder."
)
def too_loud(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(samples, from_rate, to_rate, zero_crossings, gain=False)


@mistake("resample", "The 0.9 is missing: r is 0.9 times the smaller of 1 and the ratio of the rates.")
def without_rolloff(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(samples, from_rate, to_rate, zero_crossings, rolloff=1.0)


@mistake("resample", "Your sinc is cut off without being faded out: the cos² is missing.")
def hard_ends(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(samples, from_rate, to_rate, zero_crossings, faded="none")


@mistake("resample", "You faded with the cosine itself. It has to be squared.")
def cosine_not_squared(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(samples, from_rate, to_rate, zero_crossings, faded="cos")


@mistake("resample", "The last sample is missing: the number of new samples is rounded up, not down.")
def count_rounded_down(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(
        samples, from_rate, to_rate, zero_crossings,
        count=lambda x, old, new: len(x) * new // old,
    )  # fmt: skip


@mistake("resample", "The two rates are mixed up: you went from the new one to the old one.")
def rates_swapped(samples, from_rate, to_rate, zero_crossings=16):
    reference.resample(samples, from_rate, to_rate, zero_crossings)
    return reference.resample(samples, to_rate, from_rate, zero_crossings)


@mistake("resample", "With equal rates nothing is to be done. You filtered all the same.")
def equal_rates_filtered(samples, from_rate, to_rate, zero_crossings=16):
    return interpolated(samples, from_rate, to_rate, zero_crossings, same=False)


@mistake("resample", "You always used 16 zero crossings, whatever was asked for.")
def always_sixteen(samples, from_rate, to_rate, zero_crossings=16):
    reference.resample(samples, from_rate, to_rate, zero_crossings)
    return reference.resample(samples, from_rate, to_rate)


@mistake(
    "resample",
    "Your new samples lie half a step beside their times: sample 0 stays at time 0, and sample m lies at "
    "m · from_rate / to_rate.",
)
def half_a_step_late(samples, from_rate, to_rate, zero_crossings=16):
    shift = 0.5 * from_rate / to_rate - 0.5 if from_rate != to_rate else 0.0
    return interpolated(samples, from_rate, to_rate, zero_crossings, shift=shift)
