"""Wrong variants of the lab on formants and linear prediction, and what to tell who wrote them."""

from itertools import combinations
from math import ceil

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- rosenberg_flow --------------------------------------------------------------------------------


@mistake(
    "rosenberg_flow",
    "Your flow comes down again while the cords still open: the rising part went through a whole wave "
    "of the cosine. Half a wave, from 0 to π, takes it from closed to wide.",
)
def rising_whole_wave(phase, opening=0.4, closing=0.16):
    reference.rosenberg_flow(phase, opening, closing)
    falling = np.cos(np.pi / 2 * (phase - opening) / closing)
    rising = 0.5 * (1 - np.cos(2 * np.pi * phase / opening))
    return np.where(phase < opening, rising, np.where(phase < opening + closing, falling, 0.0))


@mistake(
    "rosenberg_flow",
    "Your flow jumps where it begins to fall. The falling part starts at the end of the opening, so its"
    " own clock must show 0 there.",
)
def falling_from_phase_zero(phase, opening=0.4, closing=0.16):
    right = reference.rosenberg_flow(phase, opening, closing)
    falls = (phase >= opening) & (phase < opening + closing)
    return np.where(falls, np.cos(np.pi / 2 * phase / closing), right)


@mistake(
    "rosenberg_flow",
    "Your cords never close: the falling part goes on, below zero. After opening and closing, the flow is 0.",
)
def cords_never_closed(phase, opening=0.4, closing=0.16):
    right = reference.rosenberg_flow(phase, opening, closing)
    return np.where(phase < opening, right, np.cos(np.pi / 2 * (phase - opening) / closing))


@mistake(
    "rosenberg_flow",
    "Your flow falls in a straight line. The second part is a quarter of a cosine: slow at first, then fast.",
)
def straight_fall(phase, opening=0.4, closing=0.16):
    right = reference.rosenberg_flow(phase, opening, closing)
    falls = (phase >= opening) & (phase < opening + closing)
    return np.where(falls, 1 - (phase - opening) / closing, right)


# --- glottal_flow ----------------------------------------------------------------------------------


def refuse_wrong_melody(f0, hop_length, sample_rate):
    reference.glottal_flow(f0, hop_length, sample_rate)


@mistake(
    "glottal_flow",
    "Your phase is frequency times time. That is right only while the frequency stays: when it changes,"
    " the phase jumps, and a glide runs twice as fast as it should. Add up the steps of all samples.",
)
def frequency_times_time(f0, hop_length, sample_rate):
    refuse_wrong_melody(f0, hop_length, sample_rate)
    each = np.repeat(f0, hop_length)
    phase = each * np.arange(len(each)) / sample_rate % 1
    return np.where(each > 0, reference.rosenberg_flow(phase), 0.0)


@mistake(
    "glottal_flow",
    "The phase starts again at 0 in every frame, so puffs are cut off at the borders. Frames are only "
    "where the frequency is told; the phase runs on.",
)
def fresh_phase_in_each_frame(f0, hop_length, sample_rate):
    refuse_wrong_melody(f0, hop_length, sample_rate)
    phase = np.outer(f0, np.arange(hop_length)).ravel() / sample_rate % 1
    return np.where(np.repeat(f0, hop_length) > 0, reference.rosenberg_flow(phase), 0.0)


@mistake(
    "glottal_flow",
    "After a pause the cords go on in the middle of a puff. Every voiced stretch begins at phase 0.",
)
def no_fresh_start(f0, hop_length, sample_rate):
    refuse_wrong_melody(f0, hop_length, sample_rate)
    steps = np.repeat(f0, hop_length) / sample_rate
    phase = (np.cumsum(steps) - steps) % 1
    return np.where(steps > 0, reference.rosenberg_flow(phase), 0.0)


@mistake(
    "glottal_flow",
    "You are one step ahead: the first sample of a voiced stretch has phase 0, and the step of a sample"
    " counts from the next one on.",
)
def one_step_ahead(f0, hop_length, sample_rate):
    refuse_wrong_melody(f0, hop_length, sample_rate)
    output, phase = [], 0.0
    for step in np.repeat(f0, hop_length) / sample_rate:
        phase = phase + step if step > 0 else 0.0
        output.append(float(reference.rosenberg_flow(np.array(phase % 1))) if step > 0 else 0.0)
    return np.array(output)


# --- resonator_coefficients ------------------------------------------------------------------------


@mistake(
    "resonator_coefficients",
    "A is 1, so a resonator at 300 Hz is far louder than one at 3000 Hz. Choose A such that a constant "
    "passes with gain 1.",
)
def gain_forgotten(frequency, bandwidth, sample_rate):
    _, b, c = reference.resonator_coefficients(frequency, bandwidth, sample_rate)
    return np.array([1.0, b, c])


@mistake(
    "resonator_coefficients",
    "C has the wrong sign. The poles are a pair of complex numbers only if what came two samples ago is"
    " subtracted.",
)
def c_with_a_plus(frequency, bandwidth, sample_rate):
    _, b, c = reference.resonator_coefficients(frequency, bandwidth, sample_rate)
    return np.array([1 - b + c, b, -c])


@mistake(
    "resonator_coefficients",
    "The radius of your poles is exp(-2π·bandwidth/rate): twice the bandwidth. That is the radius "
    "*squared*, which belongs into C only.",
)
def twice_the_bandwidth(frequency, bandwidth, sample_rate):
    reference.resonator_coefficients(frequency, bandwidth, sample_rate)
    return reference.resonator_coefficients(frequency, 2 * bandwidth, sample_rate)


@mistake(
    "resonator_coefficients",
    "Your resonance lies at half the frequency. A whole turn, 2π, is the sample rate, not half of it.",
)
def half_the_angle(frequency, bandwidth, sample_rate):
    reference.resonator_coefficients(frequency, bandwidth, sample_rate)
    return reference.resonator_coefficients(frequency / 2, bandwidth, sample_rate)


# --- resonate --------------------------------------------------------------------------------------


def resonate_with(samples, frequencies, bandwidths, hop_length, sample_rate, reset=False, swap=False, late=0):
    """The difference equation, wrong in one way."""
    reference.resonate(samples, frequencies, bandwidths, hop_length, sample_rate)
    table = [
        reference.resonator_coefficients(f, w, sample_rate)
        for f, w in zip(frequencies, bandwidths, strict=True)
    ]
    output, last, before = np.zeros(len(samples)), 0.0, 0.0
    for n, x in enumerate(samples):
        if reset and n % hop_length == 0:
            last = before = 0.0
        a, b, c = table[max(0, min(n // hop_length - late, len(table) - 1))]
        y = a * x + (b * before + c * last if swap else b * last + c * before)
        last, before = y, last
        output[n] = y
    return output


@mistake(
    "resonate",
    "The filter forgets everything at the border of each frame: that clicks, two hundred times in a "
    "second. New coefficients, but the old outputs.",
)
def memory_lost_at_each_frame(samples, frequencies, bandwidths, hop_length, sample_rate):
    return resonate_with(samples, frequencies, bandwidths, hop_length, sample_rate, reset=True)


@mistake(
    "resonate",
    "The last output and the one before it are exchanged: B belongs to the last.",
)
def last_two_exchanged(samples, frequencies, bandwidths, hop_length, sample_rate):
    return resonate_with(samples, frequencies, bandwidths, hop_length, sample_rate, swap=True)


@mistake(
    "resonate",
    "Each frame is filtered with the values of the frame before it. Sample n belongs to frame n // "
    "hop_length.",
)
def one_frame_late(samples, frequencies, bandwidths, hop_length, sample_rate):
    return resonate_with(samples, frequencies, bandwidths, hop_length, sample_rate, late=1)


@mistake(
    "resonate",
    "The resonance does not move: you used the values of the first frame for all.",
)
def first_frame_for_all(samples, frequencies, bandwidths, hop_length, sample_rate):
    return resonate_with(samples, frequencies, bandwidths, hop_length, sample_rate, late=10**9)


@mistake(
    "resonate",
    "You handed lfilter's inner state from frame to frame. That state has the old coefficients in it. "
    "Make a new one from the last two outputs and the new coefficients.",
)
def state_of_the_old_coefficients(samples, frequencies, bandwidths, hop_length, sample_rate):
    from scipy.signal import lfilter

    reference.resonate(samples, frequencies, bandwidths, hop_length, sample_rate)
    output, state = np.zeros(len(samples)), np.zeros(2)
    for start in range(0, len(samples), hop_length):
        m = min(start // hop_length, len(frequencies) - 1)
        a, b, c = reference.resonator_coefficients(frequencies[m], bandwidths[m], sample_rate)
        piece = slice(start, start + hop_length)
        output[piece], state = lfilter([a], [1, -b, -c], samples[piece], zi=state)
    return output


# --- autocorrelation -------------------------------------------------------------------------------


@mistake(
    "autocorrelation",
    "You divided each sum by its number of products. That is the unbiased estimate, and a filter made "
    "of it can be unstable. Leave the sums as they are.",
)
def x(frame, max_lag):
    return reference.autocorrelation(frame, max_lag) / (len(frame) - np.arange(max_lag + 1))


@mistake(
    "autocorrelation",
    "You divided by the length of the frame. Plain sums are asked for: the power of the whole frame at "
    "lag 0.",
)
def divided_by_the_length(frame, max_lag):
    return reference.autocorrelation(frame, max_lag) / len(frame)


@mistake(
    "autocorrelation",
    "You divided by the value at lag 0, so how loud the frame was is lost. The gain is made of it later.",
)
def divided_by_the_power(frame, max_lag):
    r = reference.autocorrelation(frame, max_lag)
    return r / (r[0] or 1.0)


@mistake(
    "autocorrelation",
    "The end of your frame meets its beginning: you shifted in a circle. Outside the frame there are zeros.",
)
def shifted_in_a_circle(frame, max_lag):
    reference.autocorrelation(frame, max_lag)
    return np.array([frame @ np.roll(frame, -lag) for lag in range(max_lag + 1)])


# --- levinson_durbin -------------------------------------------------------------------------------


def recursion(r, in_place=False, error_factor=lambda k: 1 - k**2, sign=-1.0):
    """Levinson-Durbin, wrong in one way."""
    reference.levinson_durbin(r)
    order = len(r) - 1
    a, reflection, errors = np.zeros(order + 1), np.zeros(order), np.full(order + 1, r[0], dtype=float)
    a[0] = 1.0
    for m in range(1, order + 1):
        if abs(errors[m - 1]) > 1e-12 * r[0]:
            reflection[m - 1] = sign * (a[:m] @ r[m:0:-1]) / errors[m - 1]
        k = reflection[m - 1]
        old = a if in_place else a.copy()
        for j in range(1, m + 1):
            a[j] = a[j] + k * old[m - j]
        errors[m] = errors[m - 1] * error_factor(k)
    return a, reflection, errors


@mistake(
    "levinson_durbin",
    "You returned the predictor, which says what the next sample will be. Asked for is the filter that "
    "leaves the error: sample minus prediction, so all coefficients but the first have the other sign.",
)
def predictor_for_error_filter(r):
    a, reflection, errors = reference.levinson_durbin(r)
    return np.append(1.0, -a[1:]), reflection, errors


@mistake(
    "levinson_durbin",
    "You changed the coefficients one by one, and used changed ones for the next. Each needs the old "
    "value of its partner: keep a copy.",
)
def changed_while_in_use(r):
    return recursion(r, in_place=True)


@mistake(
    "levinson_durbin",
    "Your error shrinks by 1 - |k|. The power of the error shrinks by 1 - k².",
)
def error_without_a_square(r):
    return recursion(r, error_factor=lambda k: 1 - abs(k))


@mistake(
    "levinson_durbin",
    "The error power never changes: you divide by r[0] at every order. Divide by the error of the order"
    " before.",
)
def error_never_updated(r):
    return recursion(r, error_factor=lambda k: 1.0)


@mistake(
    "levinson_durbin",
    "The sign of your reflection coefficients is reversed, so the recursion adds what it should take away.",
)
def reflection_with_the_other_sign(r):
    return recursion(r, sign=1.0)


# --- reflection_coefficients -----------------------------------------------------------------------


def step_down(coefficients, divide=True, sign=1.0):
    a, found = np.array(coefficients, dtype=float), []
    reference.reflection_coefficients(coefficients)
    for m in range(len(a) - 1, 0, -1):
        k = a[m]
        a = (a[:m] - sign * k * a[m:0:-1]) / ((1 - k**2) if divide else 1.0)
        found.append(k)
    return np.array(found[::-1])


@mistake(
    "reflection_coefficients",
    "Right numbers in the wrong order: you found the highest first, and returned them as they came.",
)
def highest_first(coefficients):
    return reference.reflection_coefficients(coefficients)[::-1]


@mistake(
    "reflection_coefficients",
    "You did not divide by 1 - k² on the way down. Without it, the first coefficient does not stay 1.",
)
def stepping_without_division(coefficients):
    return step_down(coefficients, divide=False)


@mistake(
    "reflection_coefficients",
    "These are the coefficients themselves. Only the last of them is a reflection coefficient; the "
    "others come out one order at a time.",
)
def coefficients_as_they_are(coefficients):
    reference.reflection_coefficients(coefficients)
    return np.array(coefficients[1:], dtype=float)


@mistake(
    "reflection_coefficients",
    "You added the reversed partner once more. Going down, what was added on the way up is taken away.",
)
def stepping_up_again(coefficients):
    return step_down(coefficients, sign=-1.0)


# --- lpc_frames ------------------------------------------------------------------------------------


def framed(samples, order, frame_length, hop_length, shape=None, shift=0, gain=None, drop=False):
    """lpc_frames, wrong in one way."""
    coefficients, gains = reference.lpc_frames(samples, order, frame_length, hop_length)
    shape = np.hamming(frame_length) if shape is None else shape
    padded = np.pad(samples, (2 * frame_length, 2 * frame_length + 2 * hop_length))
    n_frames = max(1, len(samples) // hop_length) if drop else ceil(len(samples) / hop_length)
    coefficients, gains = np.zeros((n_frames, order + 1)), np.zeros(n_frames)
    coefficients[:, 0] = 1
    for m in range(n_frames):
        start = m * hop_length + hop_length // 2 - frame_length // 2 + shift + 2 * frame_length
        r = reference.autocorrelation(padded[start : start + frame_length] * shape, order)
        if r[0] > 0:
            coefficients[m], _, errors = reference.levinson_durbin(r)
            gains[m] = gain(r, errors) if gain else np.sqrt(errors[-1] / (shape @ shape))
    return coefficients, gains


@mistake(
    "lpc_frames",
    "There is no window: each frame begins and ends with a jump that nobody can predict.",
)
def window_left_out(samples, order, frame_length, hop_length):
    return framed(samples, order, frame_length, hop_length, shape=np.ones(frame_length))


@mistake(
    "lpc_frames",
    "Your gain is a power. It scales samples, so take the root.",
)
def gain_without_root(samples, order, frame_length, hop_length):
    coefficients, gains = reference.lpc_frames(samples, order, frame_length, hop_length)
    return coefficients, gains**2


@mistake(
    "lpc_frames",
    "You divided the error by the length of the frame. The window has made the samples smaller: divide "
    "by the sum of its squares.",
)
def gain_of_the_windowed_frame(samples, order, frame_length, hop_length):
    return framed(
        samples, order, frame_length, hop_length, gain=lambda r, errors: np.sqrt(errors[-1] / frame_length)
    )


@mistake(
    "lpc_frames",
    "Your gain is the level of the sound. Asked for is that of the source: what is left after the "
    "prediction.",
)
def level_for_gain(samples, order, frame_length, hop_length):
    shape = np.hamming(frame_length)
    return framed(
        samples, order, frame_length, hop_length, gain=lambda r, errors: np.sqrt(r[0] / (shape @ shape))
    )


@mistake(
    "lpc_frames",
    "Your frames begin where the hop begins. Their middle should be the middle of the hop, or all "
    "formants come too early by half a frame.",
)
def frames_from_the_start_of_the_hop(samples, order, frame_length, hop_length):
    shift = frame_length // 2 - hop_length // 2
    return framed(samples, order, frame_length, hop_length, shift=shift)


@mistake(
    "lpc_frames",
    "The last hop is missing when it is not full. Every hop that was begun has a frame.",
)
def last_hop_dropped(samples, order, frame_length, hop_length):
    return framed(samples, order, frame_length, hop_length, drop=True)


# --- lpc_spectrum ----------------------------------------------------------------------------------


@mistake(
    "lpc_spectrum",
    "Hills and valleys are exchanged: that is the power of A. The mouth is 1/A.",
)
def hills_for_valleys(coefficients, gains, n_fft):
    power = reference.lpc_spectrum(coefficients, np.ones(len(gains)), n_fft)
    return gains[:, None] ** 2 / power


@mistake(
    "lpc_spectrum",
    "These are magnitudes. A power is a magnitude squared.",
)
def magnitude_for_power(coefficients, gains, n_fft):
    return np.sqrt(reference.lpc_spectrum(coefficients, gains, n_fft))


@mistake(
    "lpc_spectrum",
    "The gain is missing: all frames are equally loud.",
)
def spectrum_without_gain(coefficients, gains, n_fft):
    return reference.lpc_spectrum(coefficients, np.ones(len(gains)), n_fft)


@mistake(
    "lpc_spectrum",
    "The gain goes into the power only once. It scales samples, so in a power it is squared.",
)
def gain_not_squared(coefficients, gains, n_fft):
    return gains[:, None] * reference.lpc_spectrum(coefficients, np.ones(len(gains)), n_fft)


# --- lpc_residual ----------------------------------------------------------------------------------


def frame_of(n, coefficients, hop_length):
    return coefficients[min(n // hop_length, len(coefficients) - 1)]


@mistake(
    "lpc_residual",
    "At the beginning of each frame the past is taken to be zero. The samples of the frame before are "
    "there: look back at them.",
)
def past_forgotten(samples, coefficients, hop_length):
    reference.lpc_residual(samples, coefficients, hop_length)
    pieces = []
    for start in range(0, len(samples), hop_length):
        piece = samples[start : start + hop_length]
        pieces.append(np.convolve(piece, frame_of(start, coefficients, hop_length))[: len(piece)])
    return np.concatenate(pieces)


@mistake(
    "lpc_residual",
    "You took the weighted past away instead of adding it. With these coefficients, the prediction is "
    "minus that sum, so sample minus prediction is a sum.",
)
def sign_of_the_predictor(samples, coefficients, hop_length):
    flipped = np.concatenate([coefficients[:, :1], -coefficients[:, 1:]], axis=1)
    return reference.lpc_residual(samples, flipped, hop_length)


@mistake(
    "lpc_residual",
    "The coefficients meet the samples in the wrong order: a[0] belongs to the newest.",
)
def oldest_first(samples, coefficients, hop_length):
    return reference.lpc_residual(samples, coefficients[:, ::-1], hop_length)


@mistake(
    "lpc_residual",
    "This is the way back: you fed the outputs in again. The residual needs only the samples themselves.",
)
def residual_fed_back(samples, coefficients, hop_length):
    return reference.lpc_synthesize(samples, coefficients, hop_length)


# --- lpc_synthesize --------------------------------------------------------------------------------


@mistake(
    "lpc_synthesize",
    "The mouth falls silent at the border of each frame: the old outputs are forgotten. They go on "
    "ringing, through the new coefficients.",
)
def ringing_cut_off(source, coefficients, hop_length):
    reference.lpc_synthesize(source, coefficients, hop_length)
    return np.concatenate(
        [
            reference.lpc_synthesize(
                source[start : start + hop_length],
                frame_of(start, coefficients, hop_length)[None],
                hop_length,
            )
            for start in range(0, len(source), hop_length)
        ]
    )


@mistake(
    "lpc_synthesize",
    "You added the weighted past. Compare with the equation from left to right: there it is subtracted.",
)
def past_added(source, coefficients, hop_length):
    flipped = np.concatenate([coefficients[:, :1], -coefficients[:, 1:]], axis=1)
    return reference.lpc_synthesize(source, flipped, hop_length)


@mistake(
    "lpc_synthesize",
    "The coefficients meet the outputs in the wrong order: a[1] belongs to the newest.",
)
def feedback_reversed(source, coefficients, hop_length):
    turned = np.concatenate([coefficients[:, :1], coefficients[:, :0:-1]], axis=1)
    return reference.lpc_synthesize(source, turned, hop_length)


@mistake(
    "lpc_synthesize",
    "You looked back at the source. Feed back what came *out*: that is what makes it ring.",
)
def looks_back_at_the_source(source, coefficients, hop_length):
    flipped = np.concatenate([coefficients[:, :1], -coefficients[:, 1:]], axis=1)
    return reference.lpc_residual(source, flipped, hop_length)


# --- lpc_formants ----------------------------------------------------------------------------------


def resonances(coefficients, sample_rate, max_bandwidth, min_frequency, keep, width):
    """lpc_formants with another choice of roots or another bandwidth."""
    reference.lpc_formants(coefficients, sample_rate)
    roots = np.roots(coefficients)
    roots = roots[keep(roots) & (np.abs(roots) < 1) & (np.abs(roots) > 0)]
    frequency = np.abs(np.angle(roots)) * sample_rate / (2 * np.pi)
    bandwidth = width(roots) * sample_rate
    fits = (frequency > min_frequency) & (frequency < sample_rate / 2 - min_frequency)
    found = np.stack([frequency, bandwidth], axis=1)[fits & (bandwidth < max_bandwidth)]
    return found[np.argsort(found[:, 0], kind="stable")]


def bandwidth_of(roots):
    return -np.log(np.abs(roots)) / np.pi


@mistake(
    "lpc_formants",
    "Every formant is there twice: you counted the roots of the lower half plane too.",
)
def both_half_planes(coefficients, sample_rate, max_bandwidth=700.0, min_frequency=90.0):
    return resonances(
        coefficients, sample_rate, max_bandwidth, min_frequency, lambda z: z.imag != 0, bandwidth_of
    )


@mistake(
    "lpc_formants",
    "Your bandwidths are negative. The logarithm of a radius below 1 is negative already; turn its sign.",
)
def negative_bandwidth(coefficients, sample_rate, max_bandwidth=700.0, min_frequency=90.0):
    return resonances(
        coefficients,
        sample_rate,
        max_bandwidth,
        min_frequency,
        lambda z: z.imag > 0,
        lambda z: -bandwidth_of(z),
    )


@mistake(
    "lpc_formants",
    "Your bandwidths are half as wide as they are. The 2 of the frequency's formula is not in theirs.",
)
def half_the_bandwidth(coefficients, sample_rate, max_bandwidth=700.0, min_frequency=90.0):
    return resonances(
        coefficients,
        sample_rate,
        max_bandwidth,
        min_frequency,
        lambda z: z.imag > 0,
        lambda z: bandwidth_of(z) / 2,
    )


@mistake(
    "lpc_formants",
    "The resonances come in the order of the roots. F1 is the lowest: sort by frequency.",
)
def as_the_roots_come(coefficients, sample_rate, max_bandwidth=700.0, min_frequency=90.0):
    right = reference.lpc_formants(coefficients, sample_rate, max_bandwidth, min_frequency)
    roots = np.roots(coefficients)
    angles = np.angle(roots[roots.imag > 0]) * sample_rate / (2 * np.pi)
    order = [row for angle in angles for row in right if abs(row[0] - angle) < 1e-9 * sample_rate]
    return np.array(order).reshape(-1, 2)


@mistake(
    "lpc_formants",
    "You measured the bandwidth but did not use it: resonances wider than the limit are no formants.",
)
def wide_ones_kept(coefficients, sample_rate, max_bandwidth=700.0, min_frequency=90.0):
    return reference.lpc_formants(coefficients, sample_rate, np.inf, min_frequency)


# --- track_formants --------------------------------------------------------------------------------


def local_costs(rows, nominal, bandwidth_weight, distance_weight):
    """Choices of one frame and their costs."""
    chosen = rows[list(combinations(range(len(rows)), len(nominal)))]
    far = np.abs(chosen[:, :, 0] - nominal) / nominal
    return chosen[:, :, 0], (bandwidth_weight * chosen[:, :, 1] + distance_weight * far).sum(axis=1)


@mistake(
    "track_formants",
    "You took the first candidates of each frame. One false resonance below F1 then moves all names up "
    "by one.",
)
def first_candidates_of_all(
    candidates, nominal, bandwidth_weight=0.001, distance_weight=1.0, jump_weight=2.0
):
    track = reference.track_formants(candidates, nominal)
    for m, rows in enumerate(candidates):
        if len(rows) >= len(nominal):
            track[m] = rows[: len(nominal), 0]
    return track


@mistake(
    "track_formants",
    "Each frame is decided by itself, so the track can jump. Jumps have a cost, too.",
)
def every_frame_for_itself(candidates, nominal, bandwidth_weight=0.001, distance_weight=1.0, jump_weight=2.0):
    return reference.track_formants(candidates, nominal, bandwidth_weight, distance_weight, 0.0)


@mistake(
    "track_formants",
    "You decide frame by frame, looking back but never ahead, and never take back a choice. Keep the "
    "best cost of *every* choice, and follow the arrows back from the end.",
)
def never_taking_back(candidates, nominal, bandwidth_weight=0.001, distance_weight=1.0, jump_weight=2.0):
    track, before = reference.track_formants(candidates, nominal), None
    for m, rows in enumerate(candidates):
        if len(rows) < len(nominal):
            continue
        frequency, cost = local_costs(rows, nominal, bandwidth_weight, distance_weight)
        if before is not None:
            cost = cost + jump_weight * (np.abs(frequency - before) / nominal).sum(axis=1)
        before = frequency[np.argmin(cost)]
        track[m] = before
    return track


@mistake(
    "track_formants",
    "You read off the cheapest choice of each frame on the way forward. Only the last frame is read off"
    " so; from there, follow the arrows back.",
)
def arrows_not_followed(candidates, nominal, bandwidth_weight=0.001, distance_weight=1.0, jump_weight=2.0):
    track, before, best = reference.track_formants(candidates, nominal), None, None
    for m, rows in enumerate(candidates):
        if len(rows) < len(nominal):
            continue
        frequency, cost = local_costs(rows, nominal, bandwidth_weight, distance_weight)
        if before is not None:
            jump = (np.abs(before[:, None] - frequency[None]) / nominal).sum(axis=2)
            cost = cost + (best[:, None] + jump_weight * jump).min(axis=0)
        before, best = frequency, cost
        track[m] = frequency[np.argmin(cost)]
    return track


@mistake(
    "track_formants",
    "A frame with too few candidates breaks your path in two. Step over it: the frames on its two sides"
    " are neighbours.",
)
def broken_at_gaps(candidates, nominal, bandwidth_weight=0.001, distance_weight=1.0, jump_weight=2.0):
    track = reference.track_formants(candidates, nominal)
    pieces = np.split(
        np.arange(len(candidates)), np.flatnonzero([len(rows) < len(nominal) for rows in candidates])
    )
    for piece in pieces:
        if len(piece):
            track[piece] = reference.track_formants(
                [candidates[m] for m in piece], nominal, bandwidth_weight, distance_weight, jump_weight
            )
    return track


# --- target_tracks ---------------------------------------------------------------------------------


def joined(durations, targets, transitions, hop_seconds, reach, offset=0.5):
    """target_tracks with another reach of the lines, (before, behind) each border, or other times."""
    reference.target_tracks(durations, targets, transitions, hop_seconds)
    ends = np.cumsum(durations)
    before, behind = reach
    leaves, arrives = np.append(ends[:-1] - before, ends[-1]), np.append(0.0, ends[:-1] + behind)
    knots = np.stack([arrives, leaves], axis=1).ravel()
    times = (np.arange(round(ends[-1] / hop_seconds)) + offset) * hop_seconds
    return np.stack([np.interp(times, knots, np.repeat(column, 2)) for column in targets.T], axis=1)


def right_reach(durations, transitions):
    return np.minimum(transitions, np.minimum(durations[:-1], durations[1:])) / 2


@mistake(
    "target_tracks",
    "The values jump at the borders: the tongue moves in no time. Join the targets by lines.",
)
def steps_for_lines(durations, targets, transitions, hop_seconds):
    return reference.target_tracks(durations, targets, np.zeros(len(transitions)), hop_seconds)


@mistake(
    "target_tracks",
    "Your lines take twice as long: the whole transition lies on each side of the border. Half of it does.",
)
def whole_transition_on_each_side(durations, targets, transitions, hop_seconds):
    return reference.target_tracks(durations, targets, 2 * np.asarray(transitions), hop_seconds)


@mistake(
    "target_tracks",
    "Each side of a line is limited by its own segment only, so a line beside a short segment is not "
    "centred on the border. The shorter one of the two limits both sides.",
)
def uneven_sides(durations, targets, transitions, hop_seconds):
    before, behind = np.minimum(transitions, durations[:-1]) / 2, np.minimum(transitions, durations[1:]) / 2
    return joined(durations, targets, transitions, hop_seconds, (before, behind))


@mistake(
    "target_tracks",
    "Your values are those at the beginning of each frame. Take its middle.",
)
def beginning_of_the_frame(durations, targets, transitions, hop_seconds):
    reach = right_reach(durations, transitions)
    return joined(durations, targets, transitions, hop_seconds, (reach, reach), offset=0.0)


@mistake(
    "target_tracks",
    "You drew lines from the middle of one segment to the middle of the next, whatever the transition "
    "times. A target is held where there is time.",
)
def from_middle_to_middle(durations, targets, transitions, hop_seconds):
    reference.target_tracks(durations, targets, transitions, hop_seconds)
    ends = np.cumsum(durations)
    times = (np.arange(round(ends[-1] / hop_seconds)) + 0.5) * hop_seconds
    return np.stack([np.interp(times, ends - durations / 2, column) for column in targets.T], axis=1)


# --- formant_synthesize ----------------------------------------------------------------------------


def spoken(phones, f0, sample_rate, seed=0, wrong=""):
    """formant_synthesize, wrong in one way."""
    reference.formant_synthesize(phones, f0, sample_rate, seed)
    durations, targets, transitions = reference.segments_of(phones)
    tube = reference.target_tracks(durations, targets[:, :6], transitions, 0.005)
    rest = reference.target_tracks(durations, targets[:, 6:], np.full(len(transitions), 0.015), 0.005)
    n_frames, hop = len(tube), round(0.005 * sample_rate)
    times, middles = np.arange(n_frames * hop), (np.arange(n_frames) + 0.5) * hop
    if wrong == "stepped levels":
        voicing, aspiration, frication = (np.repeat(level, hop) for level in rest.T[:3])
    else:
        voicing, aspiration, frication = (np.interp(times, middles, level) for level in rest.T[:3])
    melody = np.interp(np.linspace(0, 1, n_frames), np.linspace(0, 1, len(f0)), f0)
    if wrong == "stepped melody":
        melody = f0[np.arange(n_frames) * len(f0) // n_frames]
    noise = np.random.default_rng(seed).normal(size=len(times))
    flow = reference.glottal_flow(melody, hop, sample_rate)
    change = flow if wrong == "flow" else np.diff(flow, prepend=0) * sample_rate / 1000
    if wrong == "no scale":
        change = np.diff(flow, prepend=0)
    teeth = frication * reference.one_band_noise(noise, rest[:, 3], rest[:, 4], hop, sample_rate)
    sound = voicing * change + (0 if wrong == "dry breath" else aspiration * noise)
    if wrong == "teeth in the throat":
        sound = sound + teeth
    fixed = [np.tile(pair, (n_frames, 1)) for pair in reference.UPPER if pair[0] < 0.45 * sample_rate]
    for formant in [tube[:, [i, i + 3]] for i in range(3)] + ([] if wrong == "three formants" else fixed):
        sound = reference.resonate(sound, formant[:, 0], formant[:, 1], hop, sample_rate)
    if wrong == "dry breath":
        sound = sound + aspiration * noise
    if wrong != "teeth in the throat":
        sound = sound + teeth
    return 0.7 * sound / (np.abs(sound).max() or 1.0)


@mistake(
    "formant_synthesize",
    "Your s goes through the formants, so it sounds like a whispered vowel. Frication is born at the "
    "teeth: add it behind the resonators.",
)
def frication_through_the_formants(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "teeth in the throat")


@mistake(
    "formant_synthesize",
    "Your h is bare noise: aspiration was added behind the formants. It is born in the throat and "
    "passes all of them.",
)
def aspiration_without_formants(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "dry breath")


@mistake(
    "formant_synthesize",
    "It sounds as if under a blanket: you sent the flow itself through the formants. What is heard is "
    "its change from sample to sample.",
)
def flow_for_change(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "flow")


@mistake(
    "formant_synthesize",
    "The change of the flow was not multiplied by sample_rate / 1000, so the voice is far too weak "
    "beside the noise.",
)
def voice_too_weak(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "no scale")


@mistake(
    "formant_synthesize",
    "Your levels step from frame to frame, and the steps can be heard. Join the middles of the frames "
    "by lines.",
)
def levels_in_steps(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "stepped levels")


@mistake(
    "formant_synthesize",
    "The pitch steps from one point of f0 to the next. Between the points it goes in straight lines.",
)
def melody_in_steps(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "stepped melody")


@mistake(
    "formant_synthesize",
    "There are only three formants. The higher ones never move, but without them the voice is dull.",
)
def without_the_upper_formants(phones, f0, sample_rate, seed=0):
    return spoken(phones, f0, sample_rate, seed, "three formants")
