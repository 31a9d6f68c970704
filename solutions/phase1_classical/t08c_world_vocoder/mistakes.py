"""Wrong variants of the lab on the WORLD vocoder, and what to tell who wrote them."""

import numpy as np
from scipy.signal import fftconvolve

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)
pitch_errors = reference.pitch_errors  # its own argument is called `reference`
DEFAULT_F0 = reference.DEFAULT_F0


# --- normalised_difference ---------------------------------------------------------------------------


def plain_difference(frames, max_lag):
    """The difference before it is normalised, lags 0 … max_lag."""
    reference.normalised_difference(frames, max_lag)
    window = frames.shape[1] - max_lag
    lags = range(max_lag + 1)
    return np.array([np.sum((frames[:, :window] - frames[:, k : k + window]) ** 2, axis=1) for k in lags]).T


def normalised(difference, total, lags):
    """difference · lags / total behind a column of ones."""
    result = np.ones_like(difference)
    np.divide(difference[:, 1:] * lags, total, out=result[:, 1:], where=total > 0)
    return result


@mistake(
    "normalised_difference",
    "You returned the plain difference. Without the division by the average so far, the lag 0 always "
    "wins, and "
    "loud frames look unlike themselves.",
)
def not_normalised(frames, max_lag):
    return plain_difference(frames, max_lag)


@mistake(
    "normalised_difference",
    "You divided by the mean of all lags. YIN divides by the mean *up to* each lag, so that short lags "
    "start high.",
)
def mean_of_all_lags(frames, max_lag):
    difference = plain_difference(frames, max_lag)
    return normalised(
        difference, difference[:, 1:].sum(axis=1, keepdims=True) + 0 * difference[:, 1:], max_lag
    )


@mistake(
    "normalised_difference",
    "You divided by the sum of the differences, not by their mean: the factor τ is missing, and long "
    "lags sink.",
)
def sum_for_mean(frames, max_lag):
    difference = plain_difference(frames, max_lag)
    return normalised(difference, np.cumsum(difference[:, 1:], axis=1), 1)


@mistake(
    "normalised_difference",
    "You computed the correlation in a circle: the shifted frame ran out and began again at its start.",
)
def circular_lags(frames, max_lag):
    plain = plain_difference(frames, max_lag)
    window = frames.shape[1] - max_lag
    head = frames[:, :window]
    rolled = [np.sum((head - np.roll(head, -k, axis=1)) ** 2, axis=1) for k in range(max_lag + 1)]
    difference = np.array(rolled).T if window else plain
    return normalised(difference, np.cumsum(difference[:, 1:], axis=1), np.arange(1, max_lag + 1))


@mistake(
    "normalised_difference",
    "You took the absolute values of the differences. YIN adds up their squares.",
)
def absolute_for_square(frames, max_lag):
    plain_difference(frames, max_lag)
    window = frames.shape[1] - max_lag
    lags = range(max_lag + 1)
    difference = np.array(
        [np.sum(np.abs(frames[:, :window] - frames[:, k : k + window]), axis=1) for k in lags]
    ).T
    return normalised(difference, np.cumsum(difference[:, 1:], axis=1), np.arange(1, max_lag + 1))


@mistake(
    "normalised_difference",
    "Digital silence gave no number: its differences are all zero, and so is what you divide by.",
)
def silence_divided_by_zero(frames, max_lag):
    difference = plain_difference(frames, max_lag)
    with np.errstate(invalid="ignore"):
        rest = difference[:, 1:] * np.arange(1, max_lag + 1) / np.cumsum(difference[:, 1:], axis=1)
    return np.concatenate([np.ones((len(frames), 1)), rest], axis=1)


# --- pick_lag ----------------------------------------------------------------------------------------


def refined(row, lag):
    """The lag on the parabola, where there is one."""
    if 0 < lag < len(row) - 1:
        left, right = row[lag - 1] - row[lag], row[lag + 1] - row[lag]
        if min(left, right) >= 0 and max(left, right) > 0:
            return lag + (left - right) / (2 * (left + right))
    return float(lag)


def picked(normalised, min_lag, threshold, choose, refine=refined):
    """Lags and depths with another choice of the lag in a row, or another refinement."""
    reference.pick_lag(normalised, min_lag, threshold)
    chosen = [choose(row, min_lag, threshold) for row in normalised]
    lags = [refine(row, lag) for row, lag in zip(normalised, chosen, strict=True)]
    return np.array(lags, dtype=float), np.array([normalised[t, lag] for t, lag in enumerate(chosen)])


def right_choice(row, min_lag, threshold):
    below = np.flatnonzero(row[min_lag:] < threshold)
    lag = min_lag + int(below[0] if len(below) else np.argmin(row[min_lag:]))
    while len(below) and lag < len(row) - 1 and row[lag + 1] < row[lag]:
        lag += 1
    return lag


@mistake(
    "pick_lag",
    "You took the deepest dip of all. Two and three periods dip as deep: that is the octave error. The "
    "first dip "
    "below the threshold counts.",
)
def deepest_dip(normalised, min_lag, threshold=0.1):
    return picked(normalised, min_lag, threshold, lambda row, low, _: low + int(np.argmin(row[low:])))


@mistake(
    "pick_lag",
    "You stopped at the first value below the threshold, on the slope. Walk down to the bottom of that dip.",
)
def stopped_on_the_slope(normalised, min_lag, threshold=0.1):
    def choose(row, low, threshold):
        below = np.flatnonzero(row[low:] < threshold)
        return low + int(below[0] if len(below) else np.argmin(row[low:]))

    return picked(normalised, min_lag, threshold, choose)


@mistake(
    "pick_lag",
    "Your lags are whole samples. The period lies between samples: use the parabola through three values.",
)
def whole_samples(normalised, min_lag, threshold=0.1):
    return picked(normalised, min_lag, threshold, right_choice, lambda row, lag: float(lag))


@mistake("pick_lag", "Your parabola leans the wrong way: its bottom lies towards the lower neighbour.")
def parabola_mirrored(normalised, min_lag, threshold=0.1):
    return picked(normalised, min_lag, threshold, right_choice, lambda row, lag: 2 * lag - refined(row, lag))


@mistake(
    "pick_lag",
    "Your lags count from min_lag on instead of from 0: a position in a slice is not a position in the row.",
)
def counted_from_the_slice(normalised, min_lag, threshold=0.1):
    lags, depths = reference.pick_lag(normalised, min_lag, threshold)
    return lags - min_lag, depths


@mistake(
    "pick_lag",
    "Where no value is below the threshold you gave up on the frame. Take its lowest value then.",
)
def nothing_without_a_dip(normalised, min_lag, threshold=0.1):
    lags, depths = reference.pick_lag(normalised, min_lag, threshold)
    found = np.any(normalised[:, min_lag:] < threshold, axis=1)
    return np.where(found, lags, 0.0), np.where(found, depths, 1.0)


# --- yin ---------------------------------------------------------------------------------------------


def tracked(
    samples,
    sample_rate,
    hop_length,
    f0_floor,
    f0_ceiling,
    threshold,
    voiced_below,
    before=1.25,
    turn=None,
    windows=2,
):
    """YIN with frames begun elsewhere, other windows, or another last step."""
    reference.yin(samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, voiced_below)
    max_lag = int(np.ceil(sample_rate / f0_floor))
    length, before = (windows + 1) * max_lag, int(before * max_lag)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (before, length - before)), length)
    curves = reference.normalised_difference(frames[::hop_length], max_lag)
    lags, depths = reference.pick_lag(curves, int(sample_rate / f0_ceiling), threshold)
    if turn:
        return turn(lags, depths)
    f0 = sample_rate / lags
    return np.where((depths < voiced_below) & (f0 >= f0_floor) & (f0 <= f0_ceiling), f0, 0.0)


@mistake(
    "yin", "Your frames begin at their sample instead of lying around it: the pitch curve comes too early."
)
def frames_begin_at_their_sample(
    samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0, threshold=0.1, voiced_below=0.3
):
    return tracked(
        samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, voiced_below, before=0.0
    )


@mistake(
    "yin",
    "Every frame got a pitch. A frame whose dip is not deep enough is unvoiced, and that is written as 0.",
)
def everything_voiced(
    samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0, threshold=0.1, voiced_below=0.3
):
    reference.yin(samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, voiced_below)
    return reference.yin(samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, np.inf)


@mistake("yin", "You returned lags in samples. A pitch in hertz is the sample rate divided by the lag.")
def lags_for_hertz(
    samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0, threshold=0.1, voiced_below=0.3
):
    f0 = reference.yin(samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, voiced_below)
    return np.divide(sample_rate, f0, out=np.zeros_like(f0), where=f0 > 0)


@mistake("yin", "Unvoiced frames are not a number in your curve. Write 0 for them.")
def gaps_for_zeros(
    samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0, threshold=0.1, voiced_below=0.3
):
    f0 = reference.yin(samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, voiced_below)
    return np.where(f0 > 0, f0, np.nan)


@mistake(
    "yin",
    "Your frames hold two of the longest periods. They should hold three, so that the sum runs over "
    "two of them.",
)
def shorter_frames(
    samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0, threshold=0.1, voiced_below=0.3
):
    return tracked(samples, sample_rate, hop_length, f0_floor, f0_ceiling, threshold, voiced_below, windows=1)


@mistake(
    "yin",
    "Pitches beyond the floor or the ceiling come through. The rounded lags reach a little further "
    "than asked for.",
)
def limits_not_kept(
    samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0, threshold=0.1, voiced_below=0.3
):
    return tracked(
        samples,
        sample_rate,
        hop_length,
        f0_floor,
        f0_ceiling,
        threshold,
        voiced_below,
        turn=lambda lags, depths: np.where(depths < voiced_below, sample_rate / lags, 0.0),
    )


# --- pitch_errors ------------------------------------------------------------------------------------


@mistake(
    "pitch_errors",
    "You counted gross errors over all frames. Only frames that both curves call voiced have a pitch "
    "to compare.",
)
def gross_over_all_frames(reference, estimate, tolerance=0.2):
    found = pitch_errors(reference, estimate, tolerance)
    both = (reference > 0) & (estimate > 0)
    return {**found, "gross": found["gross"] * float(np.mean(both))}


@mistake(
    "pitch_errors",
    "Your gross errors contain the voicing errors: a 0 against a pitch is no octave error, it has its "
    "own count.",
)
def zeros_counted_as_gross(reference, estimate, tolerance=0.2):
    found = pitch_errors(reference, estimate, tolerance)
    voiced = reference > 0
    off = np.abs(estimate[voiced] - reference[voiced]) > tolerance * reference[voiced]
    return {**found, "gross": float(np.mean(off)) if len(off) else 0.0}


@mistake(
    "pitch_errors",
    "Gross errors are still in your cents: one octave of 1200 outweighs a hundred good frames. Leave "
    "them out.",
)
def cents_with_gross_errors(reference, estimate, tolerance=0.2):
    found = pitch_errors(reference, estimate, tolerance)
    both = (reference > 0) & (estimate > 0)
    cents = np.abs(1200 * np.log2(estimate[both] / reference[both]))
    return {**found, "cents": float(np.mean(cents)) if len(cents) else 0.0}


@mistake(
    "pitch_errors", "Your cents cancel out: too high and too low. Take the absolute value before the mean."
)
def cents_with_sign(reference, estimate, tolerance=0.2):
    found = pitch_errors(reference, estimate, tolerance)
    both = (reference > 0) & (estimate > 0)
    ratio = estimate[both] / reference[both]
    ratio = ratio[np.abs(ratio - 1) <= tolerance]
    return {**found, "cents": float(np.mean(1200 * np.log2(ratio))) if len(ratio) else 0.0}


@mistake("pitch_errors", "Your tolerance is in hertz. 20 % means a share of the true pitch.")
def tolerance_in_hertz(reference, estimate, tolerance=0.2):
    found = pitch_errors(reference, estimate, tolerance)
    both = (reference > 0) & (estimate > 0)
    off = np.abs(estimate[both] - reference[both]) > 100 * tolerance
    return {**found, "gross": float(np.mean(off)) if len(off) else 0.0}


# --- event_f0 ----------------------------------------------------------------------------------------


def measured(
    filtered, sample_rate, times, kinds=(0, 1, 2, 3), between=True, halves=0.5, ddof=0, relative=True, at=0.5
):
    """Pitch from some kinds of events, or with one step done otherwise."""
    nothing = reference.event_f0(filtered, sample_rate, times)
    if np.all(nothing[0] == 0):
        return nothing
    slope = np.diff(filtered)
    signals = ((filtered, 0.0), (-filtered, 0.0), (slope, halves), (-slope, halves))
    estimates = []
    for signal, first in (signals[kind] for kind in kinds):
        n = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
        events = first + n + (signal[n] / (signal[n] - signal[n + 1]) if between else 1)
        middles = events[:-1] + at * np.diff(events)
        estimates.append(np.interp(times * sample_rate, middles, sample_rate / np.diff(events)))
    f0 = np.mean(estimates, axis=0)
    return f0, np.std(estimates, axis=0, ddof=ddof) / (f0 if relative else 1)


@mistake(
    "event_f0",
    "Your events lie on whole samples. A rise lies between two samples, where the straight line "
    "crosses zero.",
)
def events_on_samples(filtered, sample_rate, times):
    return measured(filtered, sample_rate, times, between=False)


@mistake(
    "event_f0",
    "You used rises and falls only. Tops and bottoms are the other two rulers, and they see harmonics first.",
)
def without_tops_and_bottoms(filtered, sample_rate, times):
    return measured(filtered, sample_rate, times, kinds=(0, 1))


@mistake(
    "event_f0",
    "Your spread is in hertz. Divide it by the pitch, or high voices are never trusted.",
)
def spread_in_hertz(filtered, sample_rate, times):
    return measured(filtered, sample_rate, times, relative=False)


@mistake(
    "event_f0",
    "You took every crossing of zero for a rise: a period holds two, so your pitch is an octave too high.",
)
def half_periods(filtered, sample_rate, times):
    f0, spread = reference.event_f0(filtered, sample_rate, times)
    return 2 * f0, spread


@mistake(
    "event_f0",
    "Each of your frequencies stands at the first of its two events. It belongs to the middle between them.",
)
def at_the_first_event(filtered, sample_rate, times):
    return measured(filtered, sample_rate, times, at=0.0)


@mistake("event_f0", "Your standard deviation divides by three. Here all four rulers count: divide by four.")
def spread_by_three(filtered, sample_rate, times):
    return measured(filtered, sample_rate, times, ddof=1)


# --- choose_f0 ---------------------------------------------------------------------------------------


def steps(
    candidates,
    spreads,
    max_change,
    min_frames,
    choose=np.argmin,
    jumps=True,
    crumbs=True,
    forwards=True,
    backwards=True,
    overrule=True,
):
    """The four steps with some left out."""
    reference.choose_f0(candidates, spreads, max_change, min_frames)
    best = np.take_along_axis(candidates, choose(spreads, axis=0)[None], axis=0)[0]
    steady = np.abs(np.diff(best, prepend=np.inf)) <= max_change * best
    f0 = np.where(steady, best, 0.0) if jumps else best.copy()
    edges = np.flatnonzero(np.diff(f0 > 0, prepend=False, append=False))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if crumbs and end - start < min_frames:
            f0[start:end] = 0
    ways = [(f0, candidates)] * forwards + [(f0[::-1], candidates[:, ::-1])] * backwards
    for curve, choices in ways:
        for t in range(1, len(curve)):
            jump = abs(curve[t] - curve[t - 1]) > max_change * curve[t - 1] > 0
            if jump and (overrule or curve[t] == 0):
                nearest = choices[np.argmin(np.abs(choices[:, t] - curve[t - 1])), t]
                if abs(nearest - curve[t - 1]) <= max_change * curve[t - 1]:
                    curve[t] = nearest
    return f0


@mistake(
    "choose_f0", "You took the candidate of the largest spread. A small spread means that the rulers agree."
)
def least_trusted(candidates, spreads, max_change=0.1, min_frames=6):
    return steps(candidates, spreads, max_change, min_frames, choose=np.argmax)


@mistake(
    "choose_f0", "Jumps stay in: a frame that is more than a tenth off the one before must become 0 first."
)
def jumps_kept(candidates, spreads, max_change=0.1, min_frames=6):
    return steps(candidates, spreads, max_change, min_frames, jumps=False)


@mistake("choose_f0", "Short stretches survive. Fewer than min_frames voiced frames in a row are no voice.")
def crumbs_kept(candidates, spreads, max_change=0.1, min_frames=6):
    return steps(candidates, spreads, max_change, min_frames, crumbs=False)


@mistake("choose_f0", "You let stretches grow forwards only. The beginnings of words are won back backwards.")
def grown_forwards_only(candidates, spreads, max_change=0.1, min_frames=6):
    return steps(candidates, spreads, max_change, min_frames, backwards=False)


@mistake("choose_f0", "Stretches do not grow: look for a near candidate before and behind each of them.")
def not_grown(candidates, spreads, max_change=0.1, min_frames=6):
    return steps(candidates, spreads, max_change, min_frames, forwards=False, backwards=False)


@mistake(
    "choose_f0",
    "Your stretches grow into gaps only. They also overrule a frame that jumps away from them: a whole "
    "stretch can be in the wrong octave.",
)
def gaps_only(candidates, spreads, max_change=0.1, min_frames=6):
    return steps(candidates, spreads, max_change, min_frames, overrule=False)


@mistake(
    "choose_f0",
    "You averaged the candidates of all filters. One wrong octave, or an empty 0, pulls the mean with "
    "it: choose.",
)
def candidates_averaged(candidates, spreads, max_change=0.1, min_frames=6):
    reference.choose_f0(candidates, spreads, max_change, min_frames)
    mean = np.mean(candidates, axis=0, keepdims=True)
    return steps(mean, np.zeros_like(mean), max_change, min_frames)


# --- pitch_spectrum ----------------------------------------------------------------------------------


def windowed(
    samples,
    centres,
    f0,
    sample_rate,
    n_fft,
    periods,
    unit=True,
    offset=True,
    shift=True,
    default=DEFAULT_F0,
    start=False,
):
    """Spectra with one step done otherwise."""
    reference.pitch_spectrum(samples, centres, f0, sample_rate, n_fft, periods)
    half = periods / 2 * sample_rate / np.where(f0 > 0, f0, default)[:, None]
    n = np.arange(-n_fft // 2, n_fft // 2)
    places = centres[:, None] + n + n_fft
    places = places + np.round(half).astype(int) if start else places
    frames = np.pad(samples, (n_fft, 2 * n_fft))[places]
    weights = np.where(np.abs(n) < half, 0.5 + 0.5 * np.cos(np.pi * n / half), 0.0)
    if offset:
        frames = frames - np.sum(weights * frames, axis=1, keepdims=True) / np.sum(
            weights, axis=1, keepdims=True
        )
    if unit == "sum":
        weights = weights / np.sum(weights, axis=1, keepdims=True)
    elif unit:
        weights = weights / np.sqrt(np.sum(weights**2, axis=1, keepdims=True))
    frames = frames * weights
    return np.fft.rfft(np.fft.ifftshift(frames, axes=1) if shift else frames)


@mistake(
    "pitch_spectrum",
    "Your window is not brought to unit energy: low voices have longer windows and seem louder.",
)
def window_not_scaled(samples, centres, f0, sample_rate, n_fft, periods=3.0):
    return windowed(samples, centres, f0, sample_rate, n_fft, periods, unit=False)


@mistake(
    "pitch_spectrum",
    "You divided the window by its sum. For powers its *energy* must be 1: divide by the root of the "
    "sum of squares.",
)
def window_of_unit_sum(samples, centres, f0, sample_rate, n_fft, periods=3.0):
    return windowed(samples, centres, f0, sample_rate, n_fft, periods, unit="sum")


@mistake("pitch_spectrum", "The weighted mean is still in: a constant offset fills the lowest bins.")
def offset_left_in(samples, centres, f0, sample_rate, n_fft, periods=3.0):
    return windowed(samples, centres, f0, sample_rate, n_fft, periods, offset=False)


@mistake(
    "pitch_spectrum",
    "Your phases count from the beginning of the buffer. Move the centre of the window to its first place.",
)
def phases_from_the_edge(samples, centres, f0, sample_rate, n_fft, periods=3.0):
    return windowed(samples, centres, f0, sample_rate, n_fft, periods, shift=False)


@mistake("pitch_spectrum", "Your windows begin at the given samples. They should be centred on them.")
def windows_begin_at_the_centres(samples, centres, f0, sample_rate, n_fft, periods=3.0):
    return windowed(samples, centres, f0, sample_rate, n_fft, periods, start=True)


@mistake(
    "pitch_spectrum",
    "All your windows are equally long. Fit each to the pitch of its own frame, or the teeth come back.",
)
def one_window_for_all(samples, centres, f0, sample_rate, n_fft, periods=3.0):
    reference.pitch_spectrum(samples, centres, f0, sample_rate, n_fft, periods)
    return (
        reference.pitch_spectrum(samples, centres, np.zeros(len(f0)), sample_rate, n_fft, min(periods, 3.0))
        if (periods / 2 * sample_rate / DEFAULT_F0 * 2 <= n_fft)
        else reference.pitch_spectrum(samples, centres, f0, sample_rate, n_fft, periods)
    )


# --- smooth_power ------------------------------------------------------------------------------------


def averaged(power, f0, sample_rate, width=2 / 3, mode="reflect", default=DEFAULT_F0, scale=True):
    """A moving average of another width, with other ends, or a moving sum."""
    reference.smooth_power(power, f0, sample_rate)
    n_bins = power.shape[1]
    half_widths = np.where(f0 > 0, f0, default) * width / 2 / (sample_rate / 2 / (n_bins - 1))
    smooth = np.empty(power.shape)
    for t, half in enumerate(half_widths):
        reach = int(half) + 1
        if mode == "reflect":
            longer = np.pad(power[t], reach, mode="reflect")
        else:
            longer = np.pad(power[t], reach, mode=mode)
        area = np.append(0, np.cumsum(longer))
        edges, k = np.arange(len(area)) - reach - 0.5, np.arange(n_bins)
        smooth[t] = np.interp(k + half, edges, area) - np.interp(k - half, edges, area)
    return smooth / (2 * half_widths[:, None]) if scale else smooth


@mistake(
    "smooth_power",
    "Your stretch reaches two thirds of the pitch to *each* side. It is two thirds wide in all: f0/3 "
    "to each side.",
)
def twice_as_wide(power, f0, sample_rate):
    return averaged(power, f0, sample_rate, width=4 / 3)


@mistake("smooth_power", "You added up without dividing by the width: a flat spectrum must keep its level.")
def sum_for_average(power, f0, sample_rate):
    return averaged(power, f0, sample_rate, scale=False)


@mistake(
    "smooth_power",
    "Beyond both ends you put zeros, so the edges sink. The spectrum goes on as its mirror image.",
)
def zeros_beyond_the_ends(power, f0, sample_rate):
    return averaged(power, f0, sample_rate, mode="constant")


@mistake(
    "smooth_power",
    "Your mirror doubles the edge: bin −1 is bin 1 and not bin 0, since 0 Hz is there only once.",
)
def edge_doubled(power, f0, sample_rate):
    return averaged(power, f0, sample_rate, mode="symmetric")


@mistake(
    "smooth_power",
    "You averaged over the same width in every frame. It must follow the pitch, or the teeth of high "
    "voices remain.",
)
def same_width_for_all(power, f0, sample_rate):
    reference.smooth_power(power, f0, sample_rate)
    return reference.smooth_power(power, np.full(len(f0), DEFAULT_F0), sample_rate)


@mistake(
    "smooth_power",
    "You rounded the stretch to whole bins. Its ends fall into the middle of bins: take the share of "
    "them that is inside.",
)
def whole_bins(power, f0, sample_rate):
    reference.smooth_power(power, f0, sample_rate)
    n_bins = power.shape[1]
    smooth = np.empty(power.shape)
    for t, pitch in enumerate(np.where(f0 > 0, f0, DEFAULT_F0)):
        reach = round(pitch / 3 / (sample_rate / 2 / (n_bins - 1)))
        longer = np.pad(power[t], reach, mode="reflect")
        smooth[t] = np.convolve(longer, np.ones(2 * reach + 1) / (2 * reach + 1), mode="valid")
    return smooth


# --- spectral_envelope -------------------------------------------------------------------------------


def liftered(
    samples,
    f0,
    sample_rate,
    hop_length,
    n_fft,
    square=2,
    smooth=True,
    lift=lambda x: np.sinc(x) * (1.3 - 0.3 * np.cos(2 * np.pi * x)),
    log=np.log,
    exp=np.exp,
    symmetric=True,
):
    """CheapTrick with one step done otherwise."""
    centres = np.arange(len(f0)) * hop_length
    spectrum = reference.pitch_spectrum(samples, centres, f0, sample_rate, n_fft)
    power = reference.fill_below_f0(np.abs(spectrum) ** square, f0, sample_rate)
    power = (reference.smooth_power(power, f0, sample_rate) if smooth else power) + 1e-16
    n = np.arange(n_fft)
    n = np.minimum(n, n_fft - n) if symmetric else n
    turns = np.where(f0 > 0, f0, DEFAULT_F0)[:, None] * n / sample_rate
    return exp(np.fft.rfft(np.fft.irfft(log(power)) * lift(turns)).real)


@mistake(
    "spectral_envelope",
    "Your envelope is an amplitude. It should be a power: square the magnitude of the spectrum.",
)
def amplitude_for_power(samples, f0, sample_rate, hop_length, n_fft=1024):
    return liftered(samples, f0, sample_rate, hop_length, n_fft, square=1)


@mistake(
    "spectral_envelope",
    "There is no lifter: your envelope still follows the harmonics with a ripple as wide as the pitch.",
)
def without_lifter(samples, f0, sample_rate, hop_length, n_fft=1024):
    return liftered(samples, f0, sample_rate, hop_length, n_fft, lift=np.ones_like)


@mistake(
    "spectral_envelope",
    "The sinc is there, but not the bracket that makes up for it: formants come out too wide and too low.",
)
def without_recovery(samples, f0, sample_rate, hop_length, n_fft=1024):
    return liftered(samples, f0, sample_rate, hop_length, n_fft, lift=np.sinc)


@mistake(
    "spectral_envelope",
    "You did not average over two thirds of the pitch before the logarithm: valleys between harmonics "
    "are too deep.",
)
def without_smoothing(samples, f0, sample_rate, hop_length, n_fft=1024):
    return liftered(samples, f0, sample_rate, hop_length, n_fft, smooth=False)


@mistake(
    "spectral_envelope",
    "numpy's sinc has the π inside. You put in another one: your zeros are not at whole periods.",
)
def another_pi(samples, f0, sample_rate, hop_length, n_fft=1024):
    def lift(x):
        return np.sinc(np.pi * x) * (1.3 - 0.3 * np.cos(2 * np.pi * x))

    return liftered(samples, f0, sample_rate, hop_length, n_fft, lift=lift)


@mistake(
    "spectral_envelope",
    "Your lifter treats the second half of the cepstrum as long quefrencies. It is the mirror image of "
    "the first half.",
)
def second_half_cut(samples, f0, sample_rate, hop_length, n_fft=1024):
    return liftered(samples, f0, sample_rate, hop_length, n_fft, symmetric=False)


@mistake(
    "spectral_envelope", "You liftered the power itself. The cepstrum is the transform of its *logarithm*."
)
def without_logarithm(samples, f0, sample_rate, hop_length, n_fft=1024):
    return liftered(
        samples,
        f0,
        sample_rate,
        hop_length,
        n_fft,
        log=lambda power: power,
        exp=lambda power: np.maximum(power, 1e-16),
    )


# --- aperiodicity ------------------------------------------------------------------------------------


def compared(
    samples,
    f0,
    sample_rate,
    hop_length,
    n_fft,
    bandwidth,
    share=None,
    late_sum=False,
    apart=1.0,
    centred=True,
):
    """The comparison of two periods with one step done otherwise."""
    result = np.ones((len(f0), n_fft // 2 + 1))
    voiced = np.flatnonzero(f0 > 0)
    period = sample_rate / f0[voiced]
    early = np.round(voiced * hop_length - (period / 2 if centred else 0)).astype(int)
    late = early + np.round(apart * period).astype(int)
    a, b = (
        reference.pitch_spectrum(samples, where, f0[voiced], sample_rate, n_fft, periods=2.0)
        for where in (early, late)
    )
    reach = round(bandwidth / 2 / (sample_rate / n_fft))
    k = np.arange(result.shape[1])
    low, high = np.maximum(k - reach, 0), np.minimum(k + reach + 1, len(k))

    def near(product):
        area = np.pad(np.cumsum(product, axis=1), ((0, 0), (1, 0)))
        return area[:, high] - area[:, low]

    cross = near(np.abs(a.conj() * b)) if late_sum else np.abs(near(a.conj() * b))
    coherence = cross / (np.sqrt(np.abs(near(np.abs(a) ** 2) * near(np.abs(b) ** 2))) + 1e-30)
    result[voiced] = np.maximum(1 - coherence, 0) ** 0.5 if share is None else share(coherence)
    return result


@mistake(
    "aperiodicity",
    "The root is missing: you returned the noise's share of the power. The aperiodicity is an amplitude.",
)
def power_share(samples, f0, sample_rate, hop_length, n_fft=1024, bandwidth=2000.0):
    return reference.aperiodicity(samples, f0, sample_rate, hop_length, n_fft, bandwidth) ** 2


@mistake("aperiodicity", "You returned the share that repeats. The aperiodicity is the share that does not.")
def what_repeats(samples, f0, sample_rate, hop_length, n_fft=1024, bandwidth=2000.0):
    return compared(
        samples, f0, sample_rate, hop_length, n_fft, bandwidth, share=lambda c: np.sqrt(np.minimum(c, 1))
    )


@mistake(
    "aperiodicity",
    "You took magnitudes before you added up, so nothing can cancel and even noise seems to repeat. "
    "Add first.",
)
def magnitudes_first(samples, f0, sample_rate, hop_length, n_fft=1024, bandwidth=2000.0):
    return compared(samples, f0, sample_rate, hop_length, n_fft, bandwidth, late_sum=True)


@mistake("aperiodicity", "Unvoiced frames are 0 in your result. They are nothing but breath: 1.")
def unvoiced_without_breath(samples, f0, sample_rate, hop_length, n_fft=1024, bandwidth=2000.0):
    found = reference.aperiodicity(samples, f0, sample_rate, hop_length, n_fft, bandwidth)
    return np.where(f0[:, None] > 0, found, 0.0)


@mistake(
    "aperiodicity",
    "Your two windows are half a period apart. Then the odd harmonics turn by half a circle, and a "
    "clear voice "
    "looks like breath.",
)
def half_a_period_apart(samples, f0, sample_rate, hop_length, n_fft=1024, bandwidth=2000.0):
    return compared(samples, f0, sample_rate, hop_length, n_fft, bandwidth, apart=0.5)


@mistake(
    "aperiodicity",
    "Your first window stands on the frame's sample and the second one later. Put them around it, half "
    "a period "
    "to each side.",
)
def windows_too_late(samples, f0, sample_rate, hop_length, n_fft=1024, bandwidth=2000.0):
    return compared(samples, f0, sample_rate, hop_length, n_fft, bandwidth, centred=False)


# --- minimum_phase -----------------------------------------------------------------------------------


def folded(power, half=0.5, factor=2.0, late=False, keep_middle=True):
    """A minimum-phase spectrum with one step of the fold done otherwise."""
    reference.minimum_phase(power)
    middle = power.shape[1] - 1
    cepstrum = np.fft.irfft(np.log(power) * half)
    one, other = slice(1, middle), slice(middle + 1, None)
    if late:
        one, other = other, one
    cepstrum[:, one] *= factor
    cepstrum[:, other] = 0
    if not keep_middle:
        cepstrum[:, middle] *= 2
    return np.exp(np.fft.rfft(cepstrum))


@mistake("minimum_phase", "All your phases are zero: half of the response comes before the click.")
def zero_phase(power):
    reference.minimum_phase(power)
    return np.sqrt(power) + 0j


@mistake(
    "minimum_phase",
    "Your filter has the power where its amplitude should be: its magnitude is squared. The log "
    "amplitude is half "
    "the log power.",
)
def power_for_amplitude(power):
    return folded(power, half=1.0)


@mistake(
    "minimum_phase",
    "You dropped negative times without doubling the positive ones: half of the strength is lost.",
)
def not_doubled(power):
    return folded(power, factor=1.0)


@mistake(
    "minimum_phase",
    "You kept the negative times and dropped the positive ones: your filter answers as *late* as it can.",
)
def maximum_phase(power):
    return folded(power, late=True)


@mistake(
    "minimum_phase",
    "You doubled the coefficient in the middle as well. It is its own mirror image and stays single.",
)
def middle_doubled(power):
    return folded(power, keep_middle=False)


@mistake(
    "minimum_phase", "You doubled the coefficient at time zero as well. It holds the level and stays single."
)
def level_doubled(power):
    found = reference.minimum_phase(power)
    level = np.fft.irfft(np.log(power) / 2)[:, :1]
    return found * np.exp(level)


# --- pulse_times -------------------------------------------------------------------------------------


def turned(f0, sample_rate, hop_length, pitch):
    """Clicks of a wheel with a given pitch at each sample."""
    phase = np.cumsum(pitch) / sample_rate
    behind = np.flatnonzero(np.diff(np.floor(phase), prepend=0) > 0)
    too_far = phase[behind] - np.floor(phase[behind])
    return behind - too_far * sample_rate / np.maximum(pitch[behind], 1e-9), pitch[behind]


def per_sample(f0, hop_length):
    """Position in frames and number of the nearest frame of each sample."""
    position = np.arange(len(f0) * hop_length) / hop_length
    return position, np.minimum(np.floor(position + 0.5).astype(int), len(f0) - 1)


@mistake(
    "pulse_times",
    "You drew lines from a pitch to the 0 of an unvoiced frame: the voice groans at every pause. Draw "
    "them between "
    "voiced frames only.",
)
def zeros_in_the_line(f0, sample_rate, hop_length):
    reference.pulse_times(f0, sample_rate, hop_length)
    position, nearest = per_sample(f0, hop_length)
    pitch = np.where(f0[nearest] > 0, np.interp(position, np.arange(len(f0)), f0), 0.0)
    return turned(f0, sample_rate, hop_length, pitch)


@mistake(
    "pulse_times",
    "The clicks go on through the pauses. Where the nearest frame is unvoiced, the wheel stands still.",
)
def clicks_in_pauses(f0, sample_rate, hop_length):
    times, pitch = reference.pulse_times(f0, sample_rate, hop_length)
    voiced = np.flatnonzero(f0 > 0)
    if len(voiced) == 0:
        return times, pitch
    position, _ = per_sample(f0, hop_length)
    return turned(f0, sample_rate, hop_length, np.interp(position, voiced, f0[voiced]))


@mistake(
    "pulse_times",
    "You rounded the clicks to whole samples. Half a sample of jitter makes a rough voice: keep the "
    "fraction.",
)
def rounded_clicks(f0, sample_rate, hop_length):
    times, pitch = reference.pulse_times(f0, sample_rate, hop_length)
    return np.round(times), pitch


@mistake(
    "pulse_times",
    "You placed one click on each voiced frame. Clicks follow the phase, whatever the frames are.",
)
def one_click_per_frame(f0, sample_rate, hop_length):
    reference.pulse_times(f0, sample_rate, hop_length)
    voiced = np.flatnonzero(f0 > 0)
    return voiced * float(hop_length), f0[voiced]


@mistake(
    "pulse_times",
    "Your wheel starts anew in each frame: the distance of clicks breaks off at every frame's end.",
)
def wheel_restarted(f0, sample_rate, hop_length):
    reference.pulse_times(f0, sample_rate, hop_length)
    times, pitches = [np.zeros(0)], [np.zeros(0)]
    for t, pitch in enumerate(f0):
        if pitch > 0:
            each = np.arange(t * hop_length, (t + 1) * hop_length, sample_rate / pitch)
            times.append(each)
            pitches.append(np.full(len(each), pitch))
    return np.concatenate(times), np.concatenate(pitches)


@mistake(
    "pulse_times",
    "Your pitch is a staircase: it holds its value until the next frame. Between two voiced frames it "
    "moves on a line.",
)
def staircase(f0, sample_rate, hop_length):
    reference.pulse_times(f0, sample_rate, hop_length)
    _, nearest = per_sample(f0, hop_length)
    return turned(f0, sample_rate, hop_length, f0[nearest].astype(float))


# --- world_synthesize --------------------------------------------------------------------------------


def spoken(
    f0,
    envelope,
    aperiodicity,
    sample_rate,
    hop_length,
    seed,
    share=np.square,
    phase=None,
    weigh=None,
    fraction=True,
    early=True,
    glide=True,
    voice_share=None,
):
    """The sound with one step done otherwise."""
    reference.world_synthesize(f0, envelope, aperiodicity, sample_rate, hop_length, seed)
    phase = phase or reference.minimum_phase
    n_frames, n_bins = envelope.shape
    n_fft, before = 2 * (n_bins - 1), hop_length // 2 if early else 0
    sound = np.zeros(before + (n_frames + 1) * hop_length + 2 * n_fft)
    noise_power = envelope * share(aperiodicity)
    noise = np.random.default_rng(seed).standard_normal((n_frames, hop_length))
    pieces = fftconvolve(noise, np.fft.irfft(phase(noise_power + 1e-16)), axes=1)
    for t, piece in enumerate(pieces):
        sound[t * hop_length : t * hop_length + len(piece)] += piece
    times, pitch = reference.pulse_times(f0, sample_rate, hop_length)
    starts = np.floor(times).astype(int)
    position = times / hop_length
    lower = np.floor(position).astype(int)
    upper = np.minimum(lower + 1, n_frames - 1)
    between = (position - lower)[:, None] if glide else np.zeros((len(times), 1))
    power = (
        envelope * (1 - share(aperiodicity)) if voice_share is None else envelope * voice_share(aperiodicity)
    )
    power = (1 - between) * power[lower] + between * power[upper]
    delay = np.exp(-2j * np.pi * (times - starts)[:, None] * np.arange(n_bins) / n_fft)
    strength = np.sqrt(sample_rate / pitch) if weigh is None else weigh(pitch)
    clicks = phase(power + 1e-16) * (delay if fraction else 1) * strength[:, None]
    for start, click in zip(starts + before, np.fft.irfft(clicks), strict=True):
        sound[start : start + n_fft] += click
    return sound[before : before + n_frames * hop_length]


@mistake(
    "world_synthesize",
    "You gave the noise the share a of the power. a is an amplitude: its share of the power is a².",
)
def amplitude_as_share(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(f0, envelope, aperiodicity, sample_rate, hop_length, seed, share=lambda a: a)


@mistake(
    "world_synthesize",
    "You added the noise to the *whole* voice. The voice has only the share 1 − a², or the sum gets "
    "too loud.",
)
def voice_not_reduced(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(f0, envelope, aperiodicity, sample_rate, hop_length, seed, voice_share=np.ones_like)


@mistake(
    "world_synthesize",
    "Your filters have zero phase: each answer begins before its click, and half of it is wrapped to "
    "the end.",
)
def zero_phase_filters(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(
        f0, envelope, aperiodicity, sample_rate, hop_length, seed, phase=lambda power: np.sqrt(power) + 0j
    )


@mistake(
    "world_synthesize",
    "All your clicks are equally strong. A low voice has fewer of them a second: weigh each with the "
    "root of the period.",
)
def clicks_not_weighed(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(f0, envelope, aperiodicity, sample_rate, hop_length, seed, weigh=np.ones_like)


@mistake(
    "world_synthesize",
    "You weighed the clicks with the period instead of its root. Power is the square of what you "
    "multiply by.",
)
def weighed_by_the_period(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(
        f0, envelope, aperiodicity, sample_rate, hop_length, seed, weigh=lambda pitch: sample_rate / pitch
    )


@mistake(
    "world_synthesize",
    "Your clicks start at whole samples. Turn the phases by the fraction that is left, or the voice "
    "gets rough.",
)
def clicks_on_samples(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(f0, envelope, aperiodicity, sample_rate, hop_length, seed, fraction=False)


@mistake(
    "world_synthesize",
    "Your pieces of noise begin at their frame's sample. They lie around it: half a hop earlier.",
)
def noise_half_a_hop_late(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(f0, envelope, aperiodicity, sample_rate, hop_length, seed, early=False)


@mistake(
    "world_synthesize",
    "Each click takes the envelope of the frame before it. It should glide on a line to the next frame's.",
)
def envelope_in_steps(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    return spoken(f0, envelope, aperiodicity, sample_rate, hop_length, seed, glide=False)


@mistake(
    "world_synthesize",
    "You took the envelope for an amplitude: it was squared once more on its way to the sound. It is a "
    "power.",
)
def envelope_as_amplitude(f0, envelope, aperiodicity, sample_rate, hop_length, seed=0):
    reference.world_synthesize(f0, envelope, aperiodicity, sample_rate, hop_length, seed)
    return reference.world_synthesize(f0, envelope**2, aperiodicity, sample_rate, hop_length, seed)


# --- mel_cepstrum ------------------------------------------------------------------------------------


def coded(envelope, order, alpha, sign=-1, log=np.log, first=2.0, rest=1.0, before=False):
    """A mel-cepstrum with one step done otherwise."""
    reference.mel_cepstrum(envelope, order, alpha)
    omega = np.linspace(0, np.pi, envelope.shape[1])
    bent = reference.bend(omega, sign * alpha)
    if before:
        level = np.log([np.interp(bent, omega, row) for row in envelope])
    else:
        level = np.array([np.interp(bent, omega, row) for row in log(envelope)])
    coefficients = np.fft.irfft(level)[:, : order + 1] * rest
    coefficients[:, 0] /= first
    return coefficients


@mistake(
    "mel_cepstrum",
    "You bent the wrong way: even steps on the bent axis are found by bending *back*, with −α.",
)
def bent_forwards(envelope, order=24, alpha=0.455):
    return coded(envelope, order, alpha, sign=1)


@mistake("mel_cepstrum", "Your first coefficient is twice too large: it is there once, all others twice.")
def first_not_halved(envelope, order=24, alpha=0.455):
    return coded(envelope, order, alpha, first=1.0)


@mistake(
    "mel_cepstrum",
    "You halved all coefficients. The ½ of the power is made up for by the two halves of the cepstrum, "
    "except in c_0.",
)
def all_halved(envelope, order=24, alpha=0.455):
    return coded(envelope, order, alpha, first=1.0, rest=0.5)


@mistake("mel_cepstrum", "You did not bend the axis at all: that is the plain cepstrum.")
def not_bent(envelope, order=24, alpha=0.455):
    return coded(envelope, order, 0.0)


@mistake("mel_cepstrum", "Your logarithm has base 10. A cepstrum is made of natural logarithms.")
def decimal_logarithm(envelope, order=24, alpha=0.455):
    return coded(envelope, order, alpha, log=np.log10)


@mistake(
    "mel_cepstrum",
    "You interpolated the power and took the logarithm afterwards. Logarithm first: between a peak and "
    "a valley the "
    "line is drawn in decibels.",
)
def logarithm_last(envelope, order=24, alpha=0.455):
    return coded(envelope, order, alpha, before=True)


# --- envelope_from_mel_cepstrum ----------------------------------------------------------------------


@mistake(
    "envelope_from_mel_cepstrum", "You returned amplitudes. An envelope is a power: double the sum first."
)
def amplitude_returned(coefficients, n_bins, alpha=0.455):
    return np.sqrt(reference.envelope_from_mel_cepstrum(coefficients, n_bins, alpha))


@mistake(
    "envelope_from_mel_cepstrum",
    "You bent with −α. The coefficients are cosines on the *bent* axis: bend each bin's frequency forwards.",
)
def bent_backwards(coefficients, n_bins, alpha=0.455):
    return reference.envelope_from_mel_cepstrum(coefficients, n_bins, -alpha)


@mistake(
    "envelope_from_mel_cepstrum", "You forgot to bend: your formants are where they are on the mel axis."
)
def never_bent(coefficients, n_bins, alpha=0.455):
    return reference.envelope_from_mel_cepstrum(coefficients, n_bins, 0.0)


@mistake("envelope_from_mel_cepstrum", "You returned the logarithm of the power. Exponentiate it.")
def logarithm_returned(coefficients, n_bins, alpha=0.455):
    return np.log(reference.envelope_from_mel_cepstrum(coefficients, n_bins, alpha))


@mistake(
    "envelope_from_mel_cepstrum",
    "You doubled the waves, but not the level: the 2 of the power belongs to c_0 too.",
)
def level_not_doubled(coefficients, n_bins, alpha=0.455):
    power = reference.envelope_from_mel_cepstrum(coefficients, n_bins, alpha)
    return power / np.exp(coefficients[:, :1])
