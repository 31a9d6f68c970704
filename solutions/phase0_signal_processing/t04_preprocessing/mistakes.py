"""Wrong variants of the lab on audio pre-processing, and what to tell who wrote them."""

import json
from math import gcd, isfinite

import numpy as np
from scipy.signal import sosfilt

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- mix_at_snr --------------------------------------------------------------------------------------


def mixed(speech, noise, snr_db, scale):
    """Speech plus the right noise times a factor of the amplitude."""
    right = reference.mix_at_snr(speech, noise, snr_db)
    speech = np.asarray(speech, dtype=np.float64)
    return speech + scale * (right - speech)


@mistake(
    "mix_at_snr",
    "You divided the ratio of powers by 10^(SNR/20). That is the factor for amplitudes; powers "
    "need 10^(SNR/10).",
)
def twenty_for_ten(speech, noise, snr_db):
    return mixed(speech, noise, snr_db, 10 ** (snr_db / 40))


@mistake(
    "mix_at_snr", "The root is missing: you scaled the samples by the factor that their power should get."
)
def root_missing(speech, noise, snr_db):
    right = reference.mix_at_snr(speech, noise, snr_db)
    speech = np.asarray(speech, dtype=np.float64)
    added = np.resize(np.asarray(noise, dtype=np.float64), len(speech))
    return speech + added * (np.mean((right - speech) ** 2) / np.mean(added**2))


@mistake("mix_at_snr", "Your sign is reversed: more decibels must mean less noise.")
def sign_reversed(speech, noise, snr_db):
    return reference.mix_at_snr(speech, noise, -snr_db)


@mistake(
    "mix_at_snr",
    "You took the power of the whole noise. Only the part that is added counts: cut it to length first.",
)
def power_of_the_whole_noise(speech, noise, snr_db):
    reference.mix_at_snr(speech, noise, snr_db)
    speech, noise = np.asarray(speech, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    gain = np.sqrt(np.mean(speech**2) / np.mean(noise**2) / 10 ** (snr_db / 10))
    return speech + gain * np.resize(noise, len(speech))


@mistake(
    "mix_at_snr", "You ignored how strong the noise is: its power must be measured, then brought to size."
)
def power_of_the_noise_ignored(speech, noise, snr_db):
    reference.mix_at_snr(speech, noise, snr_db)
    speech = np.asarray(speech, dtype=np.float64)
    added = np.resize(np.asarray(noise, dtype=np.float64), len(speech))
    return speech + added * np.sqrt(np.mean(speech**2) / 10 ** (snr_db / 10))


@mistake("mix_at_snr", "You scaled the speech and left the noise. It is the noise that gets the gain.")
def speech_scaled(speech, noise, snr_db):
    right = reference.mix_at_snr(speech, noise, snr_db)
    speech = np.asarray(speech, dtype=np.float64)
    added = np.resize(np.asarray(noise, dtype=np.float64), len(speech))
    return right * np.sqrt(np.mean(added**2) / np.mean((right - speech) ** 2))


@mistake("mix_at_snr", "Where your noise ends, silence follows. A noise that is too short is repeated.")
def padded_with_silence(speech, noise, snr_db):
    reference.mix_at_snr(speech, noise, snr_db)
    return reference.mix_at_snr(speech, np.pad(noise, (0, max(0, len(speech) - len(noise)))), snr_db)


@mistake("mix_at_snr", "You scaled the mixture down to a peak of 1. The speech must keep its level.")
def brought_to_full_scale(speech, noise, snr_db):
    right = reference.mix_at_snr(speech, noise, snr_db)
    return right / np.abs(right).max()


@mistake("mix_at_snr", "Squares of 16-bit integers overflow. Convert to float before you square.")
def squares_overflow(speech, noise, snr_db):
    reference.mix_at_snr(speech, noise, snr_db)
    added = np.resize(noise, len(speech))
    ratio = np.abs(np.mean(speech * speech) / np.mean(added * added))
    return speech + added * np.sqrt(ratio / 10 ** (snr_db / 10))


# --- noise_spectrum ----------------------------------------------------------------------------------


@mistake(
    "noise_spectrum",
    "You returned the quantile itself. It lies below the mean; the exponential distribution "
    "says by how much.",
)
def quantile_alone(power, quantile=0.25):
    return reference.noise_spectrum(power, quantile) * -np.log(1 - quantile)


@mistake("noise_spectrum", "You divided by the quantile. The divisor is −ln(1 − quantile).")
def divided_by_the_quantile(power, quantile=0.25):
    return quantile_alone(power, quantile) / quantile


@mistake("noise_spectrum", "You divided by −ln(quantile). It is the share *above* that counts: 1 − quantile.")
def share_below(power, quantile=0.25):
    return quantile_alone(power, quantile) / -np.log(quantile)


@mistake(
    "noise_spectrum", "You took the logarithm to base 10. The distribution is made with e: the natural one."
)
def base_ten(power, quantile=0.25):
    return quantile_alone(power, quantile) / -np.log10(1 - quantile)


@mistake("noise_spectrum", "You looked along the bins. For each bin, look along time: the second axis.")
def along_the_bins(power, quantile=0.25):
    reference.noise_spectrum(power, quantile)
    return np.quantile(power, quantile, axis=0) / -np.log(1 - quantile)


@mistake("noise_spectrum", "You took one quantile over all bins. Noise has a colour: one number per bin.")
def one_for_all_bins(power, quantile=0.25):
    reference.noise_spectrum(power, quantile)
    return np.full(len(power), np.quantile(power, quantile) / -np.log(1 - quantile))


@mistake("noise_spectrum", "You averaged over time. That average holds the speech too: take the quantile.")
def mean_over_time(power, quantile=0.25):
    reference.noise_spectrum(power, quantile)
    return np.mean(power, axis=1)


@mistake("noise_spectrum", "You averaged the first frames. Nobody says that the recording starts with noise.")
def first_frames(power, quantile=0.25):
    reference.noise_spectrum(power, quantile)
    return np.mean(power[:, : max(1, round(quantile * power.shape[1]))], axis=1)


# --- spectral_subtraction ----------------------------------------------------------------------------


@mistake(
    "spectral_subtraction",
    "Your floor is a share of the mixture. It is a share of the noise, and so the same in every frame.",
)
def floor_of_the_mixture(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    return np.maximum(power - over_subtraction * noise_power[:, None], floor * power)


@mistake("spectral_subtraction", "The floor is missing: what falls below it becomes zero in yours.")
def without_floor(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    return reference.spectral_subtraction(power, noise_power, over_subtraction, 0.0)


@mistake(
    "spectral_subtraction", "You let powers become negative. The larger of difference and floor is asked for."
)
def negative_powers(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    return power - over_subtraction * noise_power[:, None]


@mistake(
    "spectral_subtraction",
    "You took the size of negative differences. Less than nothing is no speech: it becomes the floor.",
)
def folded_up(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    noise = noise_power[:, None]
    return np.maximum(np.abs(power - over_subtraction * noise), floor * noise)


@mistake("spectral_subtraction", "You added the floor. It is a lower bound: take the larger of the two.")
def floor_added(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    noise = noise_power[:, None]
    return np.maximum(power - over_subtraction * noise, 0) + floor * noise


@mistake("spectral_subtraction", "You subtracted the noise once, whatever over_subtraction says.")
def subtracted_once(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    return reference.spectral_subtraction(power, noise_power, 1.0, floor)


@mistake(
    "spectral_subtraction", "You subtracted magnitudes. Voice and noise add up in power: stay with powers."
)
def magnitudes_subtracted(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    noise = noise_power[:, None]
    left = np.maximum(np.sqrt(power) - over_subtraction * np.sqrt(noise), 0)
    return np.maximum(left**2, floor * noise)


@mistake(
    "spectral_subtraction", "Your floor is multiplied by over_subtraction as well. It is floor · noise alone."
)
def floor_over_subtracted(power, noise_power, over_subtraction=2.0, floor=0.01):
    reference.spectral_subtraction(power, noise_power, over_subtraction, floor)
    return reference.spectral_subtraction(power, noise_power, over_subtraction, floor * over_subtraction)


# --- wiener_gain -------------------------------------------------------------------------------------


def wiener(
    power, noise_power, smoothing, prior_floor_db,
    first=1.0, passed=lambda gain, now, prior: gain**2 * now, evidence=lambda now: np.maximum(now - 1, 0),
    divisor=10, gain_of=lambda prior: prior / (1 + prior),
):  # fmt: skip
    reference.wiener_gain(power, noise_power, smoothing, prior_floor_db)  # for its errors
    posterior = power / noise_power[:, None]
    gain = np.empty_like(posterior)
    before = np.full(len(noise_power), first)
    for t in range(posterior.shape[1]):
        now = posterior[:, t]
        prior = smoothing * before + (1 - smoothing) * evidence(now)
        prior = np.maximum(prior, 10 ** (prior_floor_db / divisor))
        gain[:, t] = gain_of(prior)
        before = passed(gain[:, t], now, prior)
    return gain


@mistake("wiener_gain", "What was let through has the power G²·P. You took G without the square.")
def gain_not_squared(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(power, noise_power, smoothing, prior_floor_db, passed=lambda g, now, prior: g * now)


@mistake(
    "wiener_gain",
    "You smoothed the prior SNR itself from frame to frame. The memory is what was let through: G²·γ.",
)
def prior_smoothed(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(power, noise_power, smoothing, prior_floor_db, passed=lambda g, now, prior: prior)


@mistake("wiener_gain", "The shares are swapped: `smoothing` belongs to the frame before.")
def shares_swapped(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    reference.wiener_gain(power, noise_power, smoothing, prior_floor_db)
    return wiener(power, noise_power, max(1 - smoothing, 0.0) if smoothing > 0 else 0.999999, prior_floor_db)


@mistake("wiener_gain", "Your new evidence is γ. The prior SNR is γ − 1: the mixture holds the noise once.")
def one_not_subtracted(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(power, noise_power, smoothing, prior_floor_db, evidence=lambda now: now)


@mistake("wiener_gain", "γ − 1 may be negative. As evidence for speech, nothing is less than 0.")
def negative_evidence(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(power, noise_power, smoothing, prior_floor_db, evidence=lambda now: now - 1)


@mistake("wiener_gain", "Before the first frame, G²·γ is 1 by definition. You started with 0.")
def started_with_zero(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(power, noise_power, smoothing, prior_floor_db, first=0.0)


@mistake("wiener_gain", "You forgot the frame before: your gains follow every jump of the noise.")
def no_memory(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    reference.wiener_gain(power, noise_power, smoothing, prior_floor_db)
    return wiener(power, noise_power, 0.0, prior_floor_db)


@mistake("wiener_gain", "Your floor is 10^(dB/20). The prior SNR is a ratio of powers: 10^(dB/10).")
def floor_as_amplitude(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(power, noise_power, smoothing, prior_floor_db, divisor=20)


@mistake("wiener_gain", "The floor of the prior SNR is missing.")
def without_prior_floor(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    reference.wiener_gain(power, noise_power, smoothing, prior_floor_db)
    return wiener(power, noise_power, smoothing, -300.0)


@mistake(
    "wiener_gain",
    "You took the root of the gain. The Wiener gain ξ / (1 + ξ) goes on the STFT as it is.",
)
def root_of_the_gain(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    return wiener(
        power, noise_power, smoothing, prior_floor_db, gain_of=lambda prior: np.sqrt(prior / (1 + prior))
    )


@mistake(
    "wiener_gain", "You set the floor on the gain. It is for the prior SNR, before the gain is computed."
)
def floor_on_the_gain(power, noise_power, smoothing=0.98, prior_floor_db=-25.0):
    reference.wiener_gain(power, noise_power, smoothing, prior_floor_db)
    lowest = 10 ** (prior_floor_db / 10)
    return wiener(
        power, noise_power, smoothing, -300.0, gain_of=lambda prior: np.maximum(prior / (1 + prior), lowest)
    )


# --- frame_levels ------------------------------------------------------------------------------------


def mean_squares(samples, frame_length, hop_length):
    reference.frame_levels(samples, frame_length, hop_length)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), frame_length)[::hop_length]
    return np.mean(windows**2, axis=1)


@mistake("frame_levels", "You took 20·log10 of a mean square. A mean square is a power: 10·log10.")
def twenty_of_a_power(samples, frame_length, hop_length, floor_db=-100.0):
    power = mean_squares(samples, frame_length, hop_length)
    return 20 * np.log10(np.maximum(power, 10 ** (floor_db / 20)))


@mistake("frame_levels", "You summed the squares. Take their mean, so that the frame length does not count.")
def summed_squares(samples, frame_length, hop_length, floor_db=-100.0):
    power = frame_length * mean_squares(samples, frame_length, hop_length)
    return 10 * np.log10(np.maximum(power, 10 ** (floor_db / 10)))


@mistake("frame_levels", "You added the floor to the power. Powers below it are raised to it, others stay.")
def floor_is_added(samples, frame_length, hop_length, floor_db=-100.0):
    power = mean_squares(samples, frame_length, hop_length)
    return 10 * np.log10(power + 10 ** (floor_db / 10))


@mistake("frame_levels", "Your floor is always −100 dB. It is an argument.")
def fixed_floor(samples, frame_length, hop_length, floor_db=-100.0):
    return reference.frame_levels(samples, frame_length, hop_length)


@mistake("frame_levels", "You averaged sizes instead of squares. Level is about power: square first.")
def mean_size(samples, frame_length, hop_length, floor_db=-100.0):
    reference.frame_levels(samples, frame_length, hop_length)
    windows = np.lib.stride_tricks.sliding_window_view(np.abs(samples.astype(np.float64)), frame_length)
    size = np.mean(windows[::hop_length], axis=1)
    return 20 * np.log10(np.maximum(size, 10 ** (floor_db / 20)))


@mistake("frame_levels", "Your frames do not overlap: you stepped by frame_length. The step is hop_length.")
def stepped_by_frame(samples, frame_length, hop_length, floor_db=-100.0):
    reference.frame_levels(samples, frame_length, hop_length)
    return reference.frame_levels(samples, frame_length, frame_length, floor_db)


@mistake(
    "frame_levels", "The last whole frame is missing: 1 + (samples − frame_length) // hop_length of them fit."
)
def last_frame_missing(samples, frame_length, hop_length, floor_db=-100.0):
    return reference.frame_levels(samples, frame_length, hop_length, floor_db)[:-1]


@mistake(
    "frame_levels", "You removed the mean of each frame before squaring. Level is the mean square as it is."
)
def variance(samples, frame_length, hop_length, floor_db=-100.0):
    reference.frame_levels(samples, frame_length, hop_length)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), frame_length)[::hop_length]
    return 10 * np.log10(np.maximum(np.var(windows, axis=1), 10 ** (floor_db / 10)))


# --- energy_vad --------------------------------------------------------------------------------------


def detector(levels, on_level, off_level, hangover):
    """The reference, for thresholds in any order."""
    decided, left = np.zeros(len(levels), dtype=bool), -1
    for t, level in enumerate(levels):
        if level >= on_level or (left >= 0 and level >= off_level):
            left = hangover
        elif left >= 0:
            left -= 1
        decided[t] = left >= 0
    return decided


@mistake("energy_vad", "You used the high threshold alone. Once on, the low one is enough to go on.")
def high_threshold_alone(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    return detector(levels, on_level, on_level, hangover)


@mistake("energy_vad", "You used the low threshold alone. To start, the level must reach the high one.")
def low_threshold_alone(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    return detector(levels, off_level, off_level, hangover)


@mistake("energy_vad", "The hangover is missing: yours stops with the first quiet frame.")
def without_hangover(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    return detector(levels, on_level, off_level, 0)


@mistake("energy_vad", "Your hangover is one frame too long: count the first quiet frame as well.")
def hangover_too_long(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    return detector(levels, on_level, off_level, hangover + 1)


@mistake(
    "energy_vad", "Your hangover is one frame too short: `hangover` quiet frames still belong to speech."
)
def hangover_too_short(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    return (
        detector(levels, on_level, off_level, hangover - 1)
        if hangover > 0
        else np.asarray(levels) >= on_level
    )


@mistake(
    "energy_vad",
    "Your count of quiet frames never starts anew. A frame at off_level or above resets it.",
)
def count_not_reset(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    decided, left = np.zeros(len(levels), dtype=bool), -1
    for t, level in enumerate(levels):
        if left < 0 and level >= on_level:
            left = hangover
        elif left >= 0 and level < off_level:
            left -= 1
        decided[t] = left >= 0
    return decided


@mistake(
    "energy_vad",
    "During the hangover you ask for the high threshold again. While speech is on, also in the hangover, "
    "the low one is enough.",
)
def hangover_asks_for_the_high_threshold(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    decided, left = np.zeros(len(levels), dtype=bool), -1
    for t, level in enumerate(levels):
        if level >= on_level or (left == hangover and level >= off_level):
            left = hangover
        elif left >= 0:
            left -= 1
        decided[t] = left >= 0
    return decided


@mistake("energy_vad", "A level exactly on a threshold reaches it. You compared with > instead of ≥.")
def strictly_above(levels, on_level, off_level, hangover=10):
    reference.energy_vad(levels, on_level, off_level, hangover)
    return detector(levels, np.nextafter(on_level, np.inf), np.nextafter(off_level, np.inf), hangover)


@mistake("energy_vad", "You also added frames before the start. A hangover comes after speech only.")
def frames_before_the_start(levels, on_level, off_level, hangover=10):
    forward = reference.energy_vad(levels, on_level, off_level, hangover)
    backward = reference.energy_vad(levels[::-1], on_level, off_level, hangover)[::-1]
    return np.asarray(forward) | np.asarray(backward)


# --- frame_error_rate --------------------------------------------------------------------------------


@mistake(
    "frame_error_rate",
    "Misses and false alarms are mixed up: a miss is speech (truth) that was not decided.",
)
def kinds_swapped(decided, truth):
    return reference.frame_error_rate(truth, decided)


@mistake(
    "frame_error_rate",
    "You divided misses by the speech frames and false alarms by the others. Both are shares "
    "of all frames here.",
)
def shares_of_each_class(decided, truth):
    reference.frame_error_rate(decided, truth)
    missed = float(np.sum(truth & ~decided) / max(np.sum(truth), 1))
    false_alarm = float(np.sum(decided & ~truth) / max(np.sum(~truth), 1))
    return {"missed": missed, "false_alarm": false_alarm, "error": missed + false_alarm}


@mistake("frame_error_rate", "You returned counts. Divide by the number of frames.")
def counts(decided, truth):
    return {name: share * len(truth) for name, share in reference.frame_error_rate(decided, truth).items()}


@mistake("frame_error_rate", "You returned percent. Shares between 0 and 1 are asked for.")
def percent(decided, truth):
    return {name: 100 * share for name, share in reference.frame_error_rate(decided, truth).items()}


@mistake("frame_error_rate", "Your error is the share of frames that are *right*.")
def share_that_is_right(decided, truth):
    rates = reference.frame_error_rate(decided, truth)
    return {**rates, "error": 1 - rates["error"]}


@mistake("frame_error_rate", "Your error is the mean of both kinds. They add up.")
def mean_of_both(decided, truth):
    rates = reference.frame_error_rate(decided, truth)
    return {**rates, "error": rates["error"] / 2}


# --- segments ----------------------------------------------------------------------------------------


def stretches(is_speech):
    changes = np.diff(np.concatenate([[0], np.asarray(is_speech, dtype=int), [0]]))
    pairs = zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True)
    return [[int(start), int(end)] for start, end in pairs]


def closed(pieces, min_pause):
    found = []
    for start, end in pieces:
        if found and start - found[-1][1] < min_pause:
            found[-1][1] = end
        else:
            found.append([start, end])
    return found


def padded(pieces, padding, frames):
    rows = [[max(start - padding, 0), min(end + padding, frames)] for start, end in pieces]
    return np.array(rows, dtype=int).reshape(-1, 2)


@mistake(
    "segments", "Your second column is the last frame itself. The frame after the last one is asked for."
)
def last_frame_itself(is_speech, min_pause, min_speech, padding):
    found = np.array(reference.segments(is_speech, min_pause, min_speech, padding))
    found[:, 1] -= 1
    return found


@mistake(
    "segments",
    "You dropped short stretches before closing the pauses. Close first: pieces can grow together.",
)
def dropped_before_closed(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    kept = [piece for piece in stretches(is_speech) if piece[1] - piece[0] >= min_speech]
    return padded(closed(kept, min_pause), padding, len(is_speech))


@mistake(
    "segments",
    "You padded before dropping, so that clicks become long enough. Drop by the length without padding.",
)
def padded_before_dropped(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    found = padded(closed(stretches(is_speech), min_pause), padding, len(is_speech))
    return found[found[:, 1] - found[:, 0] >= min_speech]


@mistake("segments", "You closed pauses of exactly min_pause as well. Only shorter ones are closed.")
def closes_equal_pauses(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    kept = [p for p in closed(stretches(is_speech), min_pause + 1) if p[1] - p[0] >= min_speech]
    return padded(kept, padding, len(is_speech))


@mistake("segments", "You dropped stretches of exactly min_speech as well. Only shorter ones are dropped.")
def drops_equal_stretches(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    kept = [p for p in closed(stretches(is_speech), min_pause) if p[1] - p[0] > min_speech]
    return padded(kept, padding, len(is_speech))


@mistake("segments", "You lost the stretch that is still open when the recording ends.")
def last_stretch_lost(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    pieces = stretches(is_speech)
    if pieces and pieces[-1][1] == len(is_speech):
        pieces = pieces[:-1]
    kept = [p for p in closed(pieces, min_pause) if p[1] - p[0] >= min_speech]
    return padded(kept, padding, len(is_speech))


@mistake(
    "segments", "Your padding goes beyond the recording: the first frame is 0, and there are only so many."
)
def padding_beyond_the_ends(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    kept = [p for p in closed(stretches(is_speech), min_pause) if p[1] - p[0] >= min_speech]
    rows = [[start - padding, end + padding] for start, end in kept]
    return np.array(rows, dtype=int).reshape(-1, 2)


@mistake("segments", "The padding is missing.")
def without_padding(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    return reference.segments(is_speech, min_pause, min_speech, 0)


@mistake("segments", "You never closed a pause: every breath ends a stretch in yours.")
def pauses_not_closed(is_speech, min_pause, min_speech, padding):
    reference.segments(is_speech, min_pause, min_speech, padding)
    kept = [p for p in stretches(is_speech) if p[1] - p[0] >= min_speech]
    return padded(kept, padding, len(is_speech))


# --- normalize_peak and normalize_rms ----------------------------------------------------------------


@mistake("normalize_peak", "You took 10^(dB/10). The peak is an amplitude: 10^(dB/20).")
def peak_as_power(samples, peak_db=-1.0):
    return reference.normalize_peak(samples, 2 * peak_db)


@mistake("normalize_peak", "You took the largest sample. A deep trough counts too: the largest *size*.")
def largest_sample(samples, peak_db=-1.0):
    reference.normalize_peak(samples, peak_db)
    samples = np.asarray(samples, dtype=np.float64)
    return samples / np.max(samples) * 10 ** (peak_db / 20)


@mistake("normalize_peak", "You only turned recordings down. Quiet ones must become louder.")
def only_down(samples, peak_db=-1.0):
    right = reference.normalize_peak(samples, peak_db)
    samples = np.asarray(samples, dtype=np.float64)
    return np.where(np.abs(right) <= np.abs(samples), right, samples)


@mistake("normalize_peak", "You always scaled to full scale. The wanted peak is an argument.")
def always_full_scale(samples, peak_db=-1.0):
    return reference.normalize_peak(samples, 0.0)


@mistake("normalize_peak", "You cut off what is above the wanted peak. Scale everything by one factor.")
def clipped(samples, peak_db=-1.0):
    reference.normalize_peak(samples, peak_db)
    limit = 10 ** (peak_db / 20)
    return np.clip(np.asarray(samples, dtype=np.float64), -limit, limit)


@mistake(
    "normalize_peak",
    "Half the distance from lowest to highest sample is no peak, unless both are equally far.",
)
def half_the_range(samples, peak_db=-1.0):
    reference.normalize_peak(samples, peak_db)
    samples = np.asarray(samples, dtype=np.float64)
    return samples / (np.ptp(samples) / 2 or 1.0) * 10 ** (peak_db / 20)


@mistake("normalize_rms", "You took 10^(dB/10). The root mean square is an amplitude: 10^(dB/20).")
def level_as_power(samples, level_db=-20.0):
    return reference.normalize_rms(samples, 2 * level_db)


@mistake("normalize_rms", "You scaled by the peak. The root mean square is asked for.")
def peak_for_rms(samples, level_db=-20.0):
    reference.normalize_rms(samples, level_db)
    return reference.normalize_peak(samples, level_db)


@mistake("normalize_rms", "The root is missing: you divided by the mean square.")
def root_of_the_mean_missing(samples, level_db=-20.0):
    reference.normalize_rms(samples, level_db)
    samples = np.asarray(samples, dtype=np.float64)
    return samples * 10 ** (level_db / 20) / np.mean(samples**2)


@mistake("normalize_rms", "You took the root of the *sum* of squares. Divide by how many there are.")
def root_of_the_sum(samples, level_db=-20.0):
    return reference.normalize_rms(samples, level_db) / np.sqrt(len(samples))


@mistake(
    "normalize_rms",
    "You divided by the standard deviation, which leaves a constant offset out. RMS counts it.",
)
def standard_deviation(samples, level_db=-20.0):
    right = reference.normalize_rms(samples, level_db)
    return right / (np.std(right) or 1.0) * 10 ** (level_db / 20)


@mistake("normalize_rms", "You clipped what went beyond full scale. Only the gain is asked for.")
def clipped_at_full_scale(samples, level_db=-20.0):
    return np.clip(reference.normalize_rms(samples, level_db), -1.0, 1.0)


@mistake("normalize_rms", "Squares of 16-bit integers overflow. Convert to float before you square.")
def rms_overflows(samples, level_db=-20.0):
    reference.normalize_rms(samples, level_db)
    size = np.sqrt(np.abs(np.mean(samples * samples)))
    return samples * (10 ** (level_db / 20) / max(size, 1e-300))


# --- k_weighting -------------------------------------------------------------------------------------


def biquads(
    rate, height=10 ** (reference.SHELF_DB / 20), band=None, k_of=lambda f, rate: np.tan(np.pi * f / rate),
    gain=reference.HIGH_PASS_GAIN,
):  # fmt: skip
    reference.k_weighting(rate)  # for its errors
    rows = []
    for hertz, q in (
        (reference.SHELF_HZ, reference.SHELF_Q),
        (reference.HIGH_PASS_HZ, reference.HIGH_PASS_Q),
    ):
        k = k_of(hertz, rate)
        rows.append([0, 0, 0, 1 + k / q + k**2, 2 * (k**2 - 1), 1 - k / q + k**2])
        if hertz == reference.SHELF_HZ:
            middle = (height**reference.SHELF_BAND if band is None else band) * k / q
            rows[0][:3] = [height + middle + k**2, 2 * (k**2 - height), height - middle + k**2]
        else:
            rows[1][:3] = [gain, -2 * gain, gain]
    rows = np.array(rows)
    return rows / rows[:, 3:4]


@mistake("k_weighting", "You returned the numbers for 48 kHz whatever the rate: the filters move with it.")
def always_48_khz(sample_rate):
    reference.k_weighting(sample_rate)
    return reference.k_weighting(48_000)


@mistake("k_weighting", "K is a tangent. You used its argument, π·f₀/f_s, itself.")
def without_tangent(sample_rate):
    return biquads(sample_rate, k_of=lambda hertz, rate: np.pi * hertz / rate)


@mistake("k_weighting", "Your K has 2π. It is the tangent of π·f₀/f_s.")
def two_pi(sample_rate):
    return biquads(sample_rate, k_of=lambda hertz, rate: np.tan(2 * np.pi * hertz / rate))


@mistake("k_weighting", "V is an amplitude: 10^(dB/20). You took 10^(dB/10), and the shelf lifts by 8 dB.")
def height_as_power(sample_rate):
    return biquads(sample_rate, height=10 ** (reference.SHELF_DB / 10))


@mistake("k_weighting", "In the middle of the shelf stands V_b, about the root of V. You took V itself.")
def band_as_high_as_shelf(sample_rate):
    return biquads(sample_rate, band=10 ** (reference.SHELF_DB / 20))


@mistake("k_weighting", "The gain g of the high-pass is missing.")
def high_pass_gain_missing(sample_rate):
    return biquads(sample_rate, gain=1.0)


@mistake(
    "k_weighting",
    "Your high-pass has 1, −2, 1 at every rate, as some programs do. Only at 48 kHz is it "
    "exactly that: g / D.",
)
def numerator_of_48_khz(sample_rate):
    sections = np.array(reference.k_weighting(sample_rate))
    sections[1, :3] = [1, -2, 1]
    return sections


@mistake("k_weighting", "The rows are swapped: first the shelf, then the high-pass.")
def rows_swapped(sample_rate):
    return np.array(reference.k_weighting(sample_rate))[::-1].copy()


@mistake("k_weighting", "You did not divide by D: column 3, a0, must be 1.")
def not_divided(sample_rate):
    sections = np.array(reference.k_weighting(sample_rate))
    hertz = np.array([[reference.SHELF_HZ], [reference.HIGH_PASS_HZ]])
    k, q = (
        np.tan(np.pi * hertz / sample_rate),
        np.array([[reference.SHELF_Q], [reference.HIGH_PASS_Q]]),
    )
    return sections * (1 + k / q + k**2)


# --- loudness_lufs -----------------------------------------------------------------------------------


def loudness(
    samples, rate, weighting=True, absolute=-70.0, relative=-10.0, step=1, length=4, offset=-0.691,
    mean=np.mean, channel_mean=False, last=False, in_decibels=False,
):  # fmt: skip
    right = reference.loudness_lufs(samples, rate)  # for its errors
    channels = np.atleast_2d(samples)
    filtered = sosfilt(reference.k_weighting(rate), channels) if weighting else channels
    energy = (np.mean if channel_mean else np.sum)(filtered**2, axis=0)
    n_tenths = (10 * len(energy) + 9) // rate
    power = [
        mean(energy[j * rate // 10 : (j + length) * rate // 10])
        for j in range(0, n_tenths - length + 1, step)
    ]
    if last and n_tenths * rate // 10 < len(energy):
        start = (n_tenths - 3) * rate // 10
        power.append(np.sum(energy[start:]) / (4 * rate // 10))
    power = np.array(power)
    with np.errstate(divide="ignore"):
        power = power[offset + 10 * np.log10(power) > absolute]
    if len(power) == 0:
        return -np.inf if not np.isfinite(right) or absolute > -200 else float("nan")
    levels = offset + 10 * np.log10(power)
    centre = np.mean(levels) if in_decibels else offset + 10 * np.log10(np.mean(power))
    kept = levels > centre + relative
    if in_decibels:
        return float(np.mean(levels[kept]))
    return float(offset + 10 * np.log10(np.mean(power[kept])))


@mistake("loudness_lufs", "The K-weighting is missing.")
def without_weighting(samples, sample_rate):
    return loudness(samples, sample_rate, weighting=False)


@mistake("loudness_lufs", "The −0.691 is missing.")
def offset_missing(samples, sample_rate):
    return reference.loudness_lufs(samples, sample_rate) + 0.691


@mistake("loudness_lufs", "The relative gate is missing: drop blocks 10 LU and more below the average.")
def without_relative_gate(samples, sample_rate):
    return loudness(samples, sample_rate, relative=-np.inf)


@mistake("loudness_lufs", "No gate at all: your loudness counts every silent block.")
def without_gates(samples, sample_rate):
    return loudness(samples, sample_rate, absolute=-400.0, relative=-np.inf)


@mistake("loudness_lufs", "The absolute gate at −70 LUFS is missing.")
def without_absolute_gate(samples, sample_rate):
    return loudness(samples, sample_rate, absolute=-400.0)


@mistake("loudness_lufs", "You averaged decibels. Average powers; the logarithm comes at the end.")
def decibels_averaged(samples, sample_rate):
    return loudness(samples, sample_rate, in_decibels=True)


@mistake("loudness_lufs", "Your blocks do not overlap. A new one starts every 100 ms.")
def blocks_side_by_side(samples, sample_rate):
    return loudness(samples, sample_rate, step=4)


@mistake("loudness_lufs", "Channels are summed, not averaged: two loudspeakers are louder than one.")
def channels_averaged(samples, sample_rate):
    return loudness(samples, sample_rate, channel_mean=True)


@mistake("loudness_lufs", "You filled up the last, incomplete block. Only whole blocks count.")
def last_block_filled_up(samples, sample_rate):
    return loudness(samples, sample_rate, last=True)


@mistake("loudness_lufs", "You took 20·log10 of a mean square. Powers need 10·log10.")
def twenty_of_a_mean_square(samples, sample_rate):
    return 2 * (reference.loudness_lufs(samples, sample_rate) + 0.691) - 0.691


# --- resampling_filter -------------------------------------------------------------------------------


def design(up, down, zero_crossings, beta, widest=None, window=None, gain=None, unit_sum=True):
    reference.resampling_filter(up, down, zero_crossings, beta)  # for its errors
    widest = max(up, down) if widest is None else widest
    half = zero_crossings * max(up, down)
    n = np.arange(-half, half + 1)
    taps = np.sinc(n / widest) * (np.kaiser(len(n), beta) if window is None else window(len(n)))
    return (up if gain is None else gain) * taps / (np.sum(taps) if unit_sum else widest)


@mistake("resampling_filter", "The gain is lost: your taps sum to 1. They must sum to `up`.")
def gain_lost(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, gain=1.0)


@mistake(
    "resampling_filter", "Your taps sum to `down`. It is the zeros put in, `up` − 1 of them, that cost gain."
)
def gain_down(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, gain=float(down))


@mistake(
    "resampling_filter",
    "Your cut-off looks at `up` alone. Where the new rate is lower, its half is the limit: 1 / "
    "max(up, down).",
)
def cutoff_by_up(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, widest=up)


@mistake(
    "resampling_filter",
    "Your cut-off looks at `down` alone. Where the new rate is higher, the old half rate is the limit: "
    "1 / max(up, down).",
)
def cutoff_by_down(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, widest=down)


@mistake("resampling_filter", "The window is missing: the sinc ends with a hard edge.")
def no_window(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, window=np.ones)


@mistake("resampling_filter", "That is a Hann window. A Kaiser window with `beta` is asked for.")
def hann_window(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, window=np.hanning)


@mistake(
    "resampling_filter", "Your taps sum only nearly to `up`: divide by their own sum, not by the sinc's area."
)
def nearly_unit_sum(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, unit_sum=False)


@mistake("resampling_filter", "The last tap is missing: from −zM to zM there are 2zM + 1.")
def last_tap_missing(up, down, zero_crossings=10, beta=5.0):
    taps = np.array(reference.resampling_filter(up, down, zero_crossings, beta))[:-1]
    return taps * up / np.sum(taps)


@mistake("resampling_filter", "np.sinc(x) has the π inside. Yours has it twice.")
def pi_twice(up, down, zero_crossings=10, beta=5.0):
    return design(up, down, zero_crossings, beta, widest=max(up, down) / np.pi)


# --- resample_polyphase ------------------------------------------------------------------------------


@mistake(
    "resample_polyphase",
    "You put the filter's first tap on the output, not its middle: everything comes late by half the filter.",
)
def filter_delay(samples, up, down, taps):
    reference.resample_polyphase(samples, up, down, taps)
    return reference.resample_polyphase(samples, up, down, np.concatenate([np.zeros(len(taps) - 1), taps]))


@mistake("resample_polyphase", "`up` and `down` are swapped.")
def factors_swapped(samples, up, down, taps):
    reference.resample_polyphase(samples, up, down, taps)
    return reference.resample_polyphase(samples, down, up, taps)


@mistake("resample_polyphase", "You multiplied by `up` once more. The taps hold the gain already.")
def gain_twice(samples, up, down, taps):
    return up * np.asarray(reference.resample_polyphase(samples, up, down, taps))


@mistake("resample_polyphase", "You rounded the number of samples down. It is rounded up.")
def length_rounded_down(samples, up, down, taps):
    result = reference.resample_polyphase(samples, up, down, taps)
    return result[: len(samples) * up // down]


@mistake("resample_polyphase", "You kept every down-th sample without filtering.")
def without_filter(samples, up, down, taps):
    reference.resample_polyphase(samples, up, down, taps)
    return np.repeat(np.asarray(samples, dtype=np.float64), up)[::down]


@mistake(
    "resample_polyphase",
    "You went through the sub-filter forwards in time. Its first tap meets the newest input, "
    "its last the oldest.",
)
def filter_reversed(samples, up, down, taps):
    return reference.resample_polyphase(samples, up, down, taps[::-1])


@mistake("resample_polyphase", "You returned every filtered sample at the high rate. Keep every down-th.")
def not_decimated(samples, up, down, taps):
    reference.resample_polyphase(samples, up, down, taps)
    return reference.resample_polyphase(samples, up, 1, taps)


@mistake("resample_polyphase", "You repeated samples where zeros belong between them.")
def samples_held(samples, up, down, taps):
    reference.resample_polyphase(samples, up, down, taps)
    return reference.resample_polyphase(np.repeat(samples, up), 1, down, taps)


@mistake("resample_polyphase", "Your filter starts one tap too late.")
def one_tap_late(samples, up, down, taps):
    reference.resample_polyphase(samples, up, down, taps)
    return reference.resample_polyphase(samples, up, down, np.concatenate([[0.0, 0.0], taps]))


@mistake("resample_polyphase", "The signal wraps around at its ends. Before and after it there is silence.")
def wraps_around(samples, up, down, taps):
    right = reference.resample_polyphase(samples, up, down, taps)
    copies = 2 * (len(taps) // (2 * up * len(samples)) + 1) + 1
    spread = np.zeros(len(samples) * up * copies)
    spread[::up] = np.tile(samples, copies)
    middle = len(samples) * up * (copies // 2)
    return np.convolve(spread, taps)[middle + len(taps) // 2 :][::down][: len(right)]


# --- preprocess --------------------------------------------------------------------------------------


def pipeline(
    samples, rate, target_rate, target_lufs,
    hop_share=100, frame_share=40, last_frame=True, gain_divisor=20, swap=False, level=None, resampled=True,
    numbers=None, gain_sign=1, hangover=10,
):  # fmt: skip
    reference.preprocess(samples, rate, target_rate, target_lufs)  # for its errors
    frame_length, hop_length = rate // frame_share, rate // hop_share
    levels = reference.frame_levels(samples, frame_length, hop_length)
    decided = reference.energy_vad(levels, *reference.vad_thresholds(levels), hangover)
    common = gcd(rate, target_rate)
    up, down = target_rate // common, rate // common
    if swap:
        up, down = down, up
    taps = reference.resampling_filter(up, down)
    found = []
    for first, after in reference.segments(decided, *(numbers or (70, 40, 10))):
        start = int(first) * hop_length
        end = int(after - 1) * hop_length + frame_length if last_frame else int(after) * hop_length
        piece = samples[start:end]
        loudness = reference.loudness_lufs(piece, rate)
        if isfinite(loudness):
            measured = loudness if level is None else level(samples, piece, rate)
            piece = piece * 10 ** (gain_sign * (target_lufs - measured) / gain_divisor)
            if resampled:
                piece = reference.resample_polyphase(piece, up, down, taps)
            found.append({"start": start / rate, "end": end / rate, "samples": np.asarray(piece)})
    return found


@mistake(
    "preprocess", "Your stretches end where their last frame *starts*: one frame has more samples than a hop."
)
def ends_too_early(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(samples, sample_rate, target_rate, target_lufs, last_frame=False)


@mistake("preprocess", "A gain in LU is for amplitudes: 10^(LU/20). You took 10^(LU/10).")
def gain_as_power(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(samples, sample_rate, target_rate, target_lufs, gain_divisor=10)


@mistake(
    "preprocess", "Your gain has the wrong sign: loud stretches get louder. It is target minus loudness."
)
def gain_reversed(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(samples, sample_rate, target_rate, target_lufs, gain_sign=-1)


@mistake("preprocess", "You measured the loudness of the whole recording. Every stretch has its own.")
def loudness_of_the_whole(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(
        samples,
        sample_rate,
        target_rate,
        target_lufs,
        level=lambda whole, piece, rate: reference.loudness_lufs(whole, rate),
    )


@mistake("preprocess", "You set the RMS instead of the loudness.")
def rms_for_loudness(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(
        samples,
        sample_rate,
        target_rate,
        target_lufs,
        level=lambda whole, piece, rate: 10 * np.log10(np.mean(piece**2)),
    )


@mistake("preprocess", "`up` and `down` are swapped: up belongs to the new rate, down to the old one.")
def rates_swapped(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(samples, sample_rate, target_rate, target_lufs, swap=True)


@mistake("preprocess", "The stretches still have the old sample rate.")
def not_resampled(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(samples, sample_rate, target_rate, target_lufs, resampled=False)


@mistake("preprocess", "`start` and `end` are given in frames. Seconds are asked for.")
def frames_for_seconds(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    found = reference.preprocess(samples, sample_rate, target_rate, target_lufs)
    hop = sample_rate // 100
    return [
        {
            **one,
            "start": round(one["start"] * sample_rate) / hop,
            "end": round(one["end"] * sample_rate) / hop,
        }
        for one in found
    ]


@mistake(
    "preprocess", "The padding is missing: MIN_PAUSE, MIN_SPEECH and PADDING go to `segments` in that order."
)
def padding_missing(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(samples, sample_rate, target_rate, target_lufs, numbers=(70, 40, 0))


@mistake("preprocess", "The loudness was not set: the stretches are as loud as they came.")
def loudness_not_set(samples, sample_rate, target_rate=16_000, target_lufs=-23.0):
    return pipeline(
        samples, sample_rate, target_rate, target_lufs, level=lambda whole, piece, rate: target_lufs
    )


# --- manifest_lines ----------------------------------------------------------------------------------


def refused(entries):
    reference.manifest_lines(entries)


@mistake(
    "manifest_lines", "That is one JSON list. A manifest has one object a line, without brackets and commas."
)
def one_list(entries):
    refused(entries)
    return json.dumps(entries, ensure_ascii=False) + "\n"


@mistake("manifest_lines", "Letters became \\u escapes. One option of json.dumps keeps them as they are.")
def escaped(entries):
    refused(entries)
    return "".join(json.dumps(entry) + "\n" for entry in entries)


@mistake("manifest_lines", "The last line has no line feed: put one after *every* line.")
def no_last_line_feed(entries):
    return reference.manifest_lines(entries)[:-1]


@mistake("manifest_lines", "That is how Python writes a dict. JSON has double quotes and null.")
def python_dict(entries):
    refused(entries)
    return "".join(f"{entry}\n" for entry in entries)


@mistake("manifest_lines", "You kept three fields and dropped the others. All fields are written.")
def three_fields_only(entries):
    refused(entries)
    kept = [{name: entry[name] for name in ("audio_filepath", "duration", "text")} for entry in entries]
    return reference.manifest_lines(kept)


@mistake("manifest_lines", "You sorted the fields. They stay in the order given.")
def sorted_fields(entries):
    refused(entries)
    return "".join(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n" for entry in entries)


@mistake("manifest_lines", "Your objects are spread over several lines. One object, one line.")
def indented(entries):
    refused(entries)
    return "".join(json.dumps(entry, ensure_ascii=False, indent=2) + "\n" for entry in entries)


@mistake("manifest_lines", "You wrote an empty text where nobody knows what is said. None becomes null.")
def empty_text_for_none(entries):
    refused(entries)
    return reference.manifest_lines([{**entry, "text": entry["text"] or ""} for entry in entries])


@mistake("manifest_lines", "Broken entries go through: test fields and durations before you write a line.")
def nothing_refused(entries):
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
