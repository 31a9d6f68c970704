"""Wrong variants of the lab on the short-time Fourier transform, and what to tell who wrote them."""

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- frame_count -------------------------------------------------------------------------------------


@mistake("frame_count", "One frame is missing: with room for exactly one frame there is one, at hop 0.")
def one_short(n_samples, n_fft, hop_length, center=True):
    return reference.frame_count(n_samples, n_fft, hop_length, center) - 1


@mistake(
    "frame_count",
    "You counted a frame at every hop. Only whole frames count: the last starts n_fft before the end.",
)
def frame_at_every_hop(n_samples, n_fft, hop_length, center=True):
    reference.frame_count(n_samples, n_fft, hop_length, center)
    return -(-(n_samples + n_fft * center) // hop_length)


@mistake("frame_count", "You left `center` out: then n_fft zeros are added in all, and more frames fit.")
def never_centred(n_samples, n_fft, hop_length, center=True):
    reference.frame_count(n_samples, n_fft, hop_length, center)
    return max(0, 1 + (n_samples - n_fft) // hop_length)


@mistake("frame_count", "You always count centred frames. With center=False nothing is added to the signal.")
def always_centred(n_samples, n_fft, hop_length, center=True):
    reference.frame_count(n_samples, n_fft, hop_length, center)
    return reference.frame_count(n_samples, n_fft, hop_length, True)


@mistake(
    "frame_count",
    "You added the zeros on one side only. n_fft / 2 go before the signal and n_fft / 2 after it.",
)
def one_side(n_samples, n_fft, hop_length, center=True):
    count = reference.frame_count(n_samples, n_fft, hop_length, center)
    return max(0, 1 + (n_samples - n_fft // 2) // hop_length) if center else count


@mistake("frame_count", "You rounded up. A frame that does not fit whole is dropped.")
def rounded_up(n_samples, n_fft, hop_length, center=True):
    reference.frame_count(n_samples, n_fft, hop_length, center)
    return 1 - (-(n_samples + n_fft * center - n_fft) // hop_length)


# --- stft --------------------------------------------------------------------------------------------


@mistake(
    "stft",
    "Your Hann window is symmetric (np.hanning). Spectra need the periodic one, which divides by n_fft.",
)
def symmetric_window(samples, n_fft=512, hop_length=128, window=None, center=True):
    if window is None and n_fft >= 2:
        window = np.hanning(n_fft)
    return reference.stft(samples, n_fft, hop_length, window, center)


@mistake("stft", "You applied no window: frames are cut hard and leak into all bins.")
def no_window(samples, n_fft=512, hop_length=128, window=None, center=True):
    reference.stft(samples, n_fft, hop_length, window, center)
    return reference.stft(samples, n_fft, hop_length, np.ones(n_fft), center)


@mistake("stft", "You used the Hann window although another one was given.")
def window_ignored(samples, n_fft=512, hop_length=128, window=None, center=True):
    reference.stft(samples, n_fft, hop_length, window, center)
    return reference.stft(samples, n_fft, hop_length, None, center)


@mistake("stft", "Frames stand in rows. Here columns are frames: [bins, frames], as in librosa and torch.")
def frames_in_rows(samples, n_fft=512, hop_length=128, window=None, center=True):
    return reference.stft(samples, n_fft, hop_length, window, center).T


@mistake(
    "stft",
    "You returned magnitudes. The transform is complex, and without phases there is no way back.",
)
def magnitudes(samples, n_fft=512, hop_length=128, window=None, center=True):
    return np.abs(reference.stft(samples, n_fft, hop_length, window, center))


@mistake(
    "stft",
    "You kept all n_fft bins. Of real samples, the upper half repeats the lower one: keep n_fft / 2 + 1.",
)
def all_bins(samples, n_fft=512, hop_length=128, window=None, center=True):
    lower = reference.stft(samples, n_fft, hop_length, window, center)
    return np.concatenate([lower, np.conj(lower[-2:0:-1])])


@mistake("stft", "You filled the ends with the signal's mirror image. Zeros are asked for.")
def reflected(samples, n_fft=512, hop_length=128, window=None, center=True):
    expected = reference.stft(samples, n_fft, hop_length, window, center)
    if not center or len(samples) <= n_fft // 2:
        return expected
    return reference.stft(np.pad(samples, n_fft // 2, mode="reflect"), n_fft, hop_length, window, False)


@mistake(
    "stft",
    "Your first frame starts at sample 0 although frames are to be centred: n_fft / 2 zeros come first.",
)
def not_centred(samples, n_fft=512, hop_length=128, window=None, center=True):
    expected = reference.stft(samples, n_fft, hop_length, window, center)
    if not center:
        return expected
    return reference.stft(np.pad(samples, (0, n_fft)), n_fft, hop_length, window, False)


@mistake("stft", "You always centre. With center=False the first frame starts at sample 0.")
def centred_always(samples, n_fft=512, hop_length=128, window=None, center=True):
    reference.stft(samples, n_fft, hop_length, window, center)
    return reference.stft(samples, n_fft, hop_length, window, True)


@mistake(
    "stft",
    "A short window stands at the start of your frames. It belongs in the middle, or time is shifted.",
)
def short_window_in_front(samples, n_fft=512, hop_length=128, window=None, center=True):
    expected = reference.stft(samples, n_fft, hop_length, window, center)
    if window is None:
        return expected
    return reference.stft(samples, n_fft, hop_length, np.pad(window, (0, n_fft - len(window))), center)


@mistake(
    "stft",
    "You divided by the sum of the window. That is one convention; here the plain FFT is asked for.",
)
def normalised(samples, n_fft=512, hop_length=128, window=None, center=True):
    weights = np.full(1, n_fft / 2) if window is None else np.asarray(window)
    return reference.stft(samples, n_fft, hop_length, window, center) / weights.sum()


@mistake(
    "stft",
    "You computed in single precision, which loses half of the digits. Convert to float64 first.",
)
def single_precision(samples, n_fft=512, hop_length=128, window=None, center=True):
    spectrum = reference.stft(samples, n_fft, hop_length, window, center)
    return spectrum.astype(np.complex64) if samples.dtype == np.float32 else spectrum


# --- overlap_add -------------------------------------------------------------------------------------


def placed(frames, hop_length, join):
    """Frames put at their places by `join(output, part, frame)`."""
    output = np.zeros_like(reference.overlap_add(frames, hop_length))
    for t, frame in enumerate(frames):
        join(output, slice(t * hop_length, t * hop_length + len(frame)), frame)
    return output


@mistake("overlap_add", "Each frame overwrote the one before. Where frames overlap, add them.")
def overwrites(frames, hop_length):
    def join(output, part, frame):
        output[part] = frame

    return placed(frames, hop_length, join)


@mistake(
    "overlap_add",
    "You took the mean where frames overlap. The plain sum is asked for; weights come later.",
)
def averages(frames, hop_length):
    cover = reference.overlap_add(np.ones_like(frames, dtype=float), hop_length)
    return reference.overlap_add(frames, hop_length) / np.maximum(cover, 1)


@mistake("overlap_add", "You laid the frames end to end. They start hop_length apart.")
def end_to_end(frames, hop_length):
    reference.overlap_add(frames, hop_length)
    return frames.reshape(-1).astype(float)


@mistake(
    "overlap_add",
    "The tail of the last frame is missing: the result ends with its last sample, not its first hop.",
)
def tail_lost(frames, hop_length):
    return reference.overlap_add(frames, hop_length)[: len(frames) * hop_length]


@mistake("overlap_add", "The last frame is missing.")
def last_frame_missing(frames, hop_length):
    whole = reference.overlap_add(frames, hop_length)
    kept = np.concatenate([frames[:-1], np.zeros_like(frames[-1:])])
    return reference.overlap_add(kept, hop_length)[: len(whole)]


@mistake(
    "overlap_add",
    "Your result is too long: it has room for one frame more. Its length is (frames − 1) · hop + frame "
    "length.",
)
def longer_than_asked(frames, hop_length):
    return np.pad(reference.overlap_add(frames, hop_length), (0, hop_length))


@mistake("overlap_add", "You walked through columns: each *row* is a frame.")
def columns_for_frames(frames, hop_length):
    reference.overlap_add(frames, hop_length)
    return reference.overlap_add(frames.T, hop_length)


# --- istft -------------------------------------------------------------------------------------------


def rebuilt(spectrum, hop_length, window, center, length, twice=True, divide=lambda w: w**2):
    """Overlap-add with or without the second window, divided by the sum of `divide(window)`."""
    expected = reference.istft(spectrum, hop_length, window, center, length)
    n_fft = 2 * (len(spectrum) - 1)
    weights = reference.full_window(window, n_fft)
    frames = np.fft.irfft(spectrum.T) * (weights if twice else 1)
    first = n_fft // 2 if center else 0
    summed = reference.overlap_add(frames, hop_length)[first : first + len(expected)]
    if divide is None:
        return summed
    share = reference.overlap_add(np.broadcast_to(divide(weights), frames.shape), hop_length)
    return summed / share[first : first + len(expected)]


@mistake(
    "istft",
    "You did not divide by the sum of the squared windows. Windows rarely add up to 1, so the level "
    "ripples from hop to hop.",
)
def no_division(spectrum, hop_length=128, window=None, center=True, length=None):
    return rebuilt(spectrum, hop_length, window, center, length, divide=None)


@mistake(
    "istft",
    "You divided by the sum of the windows. The window counts twice, before and after, so its *square* "
    "is summed.",
)
def divided_by_windows(spectrum, hop_length=128, window=None, center=True, length=None):
    return rebuilt(spectrum, hop_length, window, center, length, divide=lambda w: w)


@mistake(
    "istft",
    "You left out the second window and divided by Σw. That inverts an untouched spectrum, but of a changed "
    "one it is not the nearest signal: frames must be weighted again before they are added.",
)
def no_second_window(spectrum, hop_length=128, window=None, center=True, length=None):
    return rebuilt(spectrum, hop_length, window, center, length, twice=False, divide=lambda w: w)


@mistake("istft", "You divided by Σw² but did not apply the window a second time.")
def squares_without_second_window(spectrum, hop_length=128, window=None, center=True, length=None):
    return rebuilt(spectrum, hop_length, window, center, length, twice=False)


@mistake("istft", "The n_fft / 2 zeros in front are still there. With `center`, drop them.")
def not_trimmed(spectrum, hop_length=128, window=None, center=True, length=None):
    expected = reference.istft(spectrum, hop_length, window, center, length)
    return np.pad(expected, (len(spectrum) - 1, 0)) if center else expected


@mistake("istft", "You dropped n_fft / 2 samples at the start although the frames were not centred.")
def always_trimmed(spectrum, hop_length=128, window=None, center=True, length=None):
    expected = reference.istft(spectrum, hop_length, window, center, length)
    return expected if center else expected[len(spectrum) - 1 :]


@mistake("istft", "You ignored `length`: without it the samples after the last whole hop are lost.")
def length_ignored(spectrum, hop_length=128, window=None, center=True, length=None):
    reference.istft(spectrum, hop_length, window, center, length)
    return reference.istft(spectrum, hop_length, window, center)


@mistake(
    "istft",
    "You filled up with zeros to reach `length`. Half a frame more is still in the last frames, and "
    "beyond that nothing is known.",
)
def filled_up_to_length(spectrum, hop_length=128, window=None, center=True, length=None):
    if length is None or length < 0:
        return reference.istft(spectrum, hop_length, window, center, length)
    whole = reference.istft(spectrum, hop_length, window, center)
    return np.pad(whole, (0, max(0, length - len(whole))))[:length]


@mistake(
    "istft",
    "Where no window reaches, you divided by almost nothing or returned zeros in silence. Such samples "
    "are unknown: raise ValueError.",
)
def unknown_samples_are_zero(spectrum, hop_length=128, window=None, center=True, length=None):
    try:
        return reference.istft(spectrum, hop_length, window, center, length)
    except ValueError:
        bad = spectrum.ndim != 2 or spectrum.shape[0] < 2 or spectrum.shape[1] < 1 or hop_length < 1
        n_fft = 2 * (len(spectrum) - 1)
        if bad or (length is not None and length < 0) or (window is not None and len(window) > n_fft):
            raise
    weights = reference.full_window(window, n_fft)
    summed = reference.overlap_add(np.fft.irfft(spectrum.T) * weights, hop_length)
    share = reference.overlap_add(np.broadcast_to(weights**2, (spectrum.shape[1], n_fft)), hop_length)
    first = n_fft // 2 if center else 0
    wanted = slice(first, first + (len(summed) - 2 * first if length is None else length))
    return summed[wanted] / np.maximum(share[wanted], 1e-10)


@mistake(
    "istft",
    "You used the Hann window although another one was given. The way back needs the window of the way "
    "there.",
)
def hann_always(spectrum, hop_length=128, window=None, center=True, length=None):
    reference.istft(spectrum, hop_length, window, center, length)
    n_fft = 2 * (len(spectrum) - 1)
    return rebuilt(spectrum, hop_length, None if center else hamming(n_fft), center, length)


def hamming(length):
    return 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / length)


# --- spectral_convergence ----------------------------------------------------------------------------


@mistake(
    "spectral_convergence",
    "You did not take the root: yours is the ratio of energies, the square of the right number.",
)
def no_root(target, estimate):
    return reference.spectral_convergence(target, estimate) ** 2


@mistake(
    "spectral_convergence",
    "You divided by the size of the estimate. Divide by the target's, which does not change.",
)
def divided_by_estimate(target, estimate):
    value = reference.spectral_convergence(target, estimate)
    return float(value * np.linalg.norm(target) / max(np.linalg.norm(estimate), 1e-300))


@mistake("spectral_convergence", "You returned decibels. The plain ratio is asked for.")
def in_decibels(target, estimate):
    return float(20 * np.log10(max(reference.spectral_convergence(target, estimate), 1e-15)))


@mistake("spectral_convergence", "You summed absolute differences. Sum the squares, then take the root.")
def absolute_differences(target, estimate):
    reference.spectral_convergence(target, estimate)
    return float(np.abs(target - estimate).sum() / np.abs(target).sum())


@mistake(
    "spectral_convergence",
    "You compared powers. The measure is about magnitudes: do not square them first.",
)
def powers(target, estimate):
    reference.spectral_convergence(target, estimate)
    return float(np.linalg.norm(target**2 - estimate**2) / np.linalg.norm(target**2))


@mistake(
    "spectral_convergence",
    "You did not divide by the size of the target, so a louder signal looks worse.",
)
def not_divided(target, estimate):
    return float(reference.spectral_convergence(target, estimate) * np.linalg.norm(target))


@mistake(
    "spectral_convergence",
    "You used the spectral norm (the largest singular value), which np.linalg.norm(x, 2) is. Sum all "
    "squares.",
)
def spectral_norm(target, estimate):
    reference.spectral_convergence(target, estimate)
    return float(np.linalg.norm(target - estimate, 2) / np.linalg.norm(target, 2))


# --- impose_magnitude --------------------------------------------------------------------------------


@mistake(
    "impose_magnitude",
    "You multiplied without dividing by the old magnitude, which is then still in it.",
)
def old_magnitude_left(spectrum, magnitude):
    new = reference.impose_magnitude(spectrum, magnitude)
    return np.where(np.abs(spectrum) < reference.SMALLEST, new, spectrum * magnitude)


@mistake(
    "impose_magnitude",
    "Where the spectrum is zero yours is zero too. Take phase 0 there, so that the magnitude is kept.",
)
def zero_stays_zero(spectrum, magnitude):
    new = reference.impose_magnitude(spectrum, magnitude)
    return np.where(np.abs(spectrum) < reference.SMALLEST, 0, new)


@mistake(
    "impose_magnitude",
    "You divided zero by zero: the result holds NaN. Decide what a number without direction becomes.",
)
def not_a_number(spectrum, magnitude):
    new = reference.impose_magnitude(spectrum, magnitude)
    return np.where(np.abs(spectrum) < reference.SMALLEST, np.nan, new)


@mistake(
    "impose_magnitude",
    "Your phases have the wrong sign: you divided by the number instead of by its magnitude, or conjugated.",
)
def conjugated(spectrum, magnitude):
    return np.conj(reference.impose_magnitude(spectrum, magnitude))


@mistake("impose_magnitude", "You lost the phase: the result is the bare magnitude.")
def phase_lost(spectrum, magnitude):
    return np.abs(reference.impose_magnitude(spectrum, magnitude)) + 0j


@mistake("impose_magnitude", "You divided by the magnitude's square. Once is enough to make length 1.")
def divided_twice(spectrum, magnitude):
    new = reference.impose_magnitude(spectrum, magnitude)
    size = np.abs(spectrum)
    return np.where(size < reference.SMALLEST, new, new / np.where(size < reference.SMALLEST, 1, size))


@mistake(
    "impose_magnitude",
    "You added a small number before dividing. For faint parts it is larger than they are, and the "
    "magnitude is lost.",
)
def small_number_added(spectrum, magnitude):
    new = reference.impose_magnitude(spectrum, magnitude)
    size = np.abs(spectrum)
    return np.where(size < reference.SMALLEST, new, spectrum * (magnitude / (size + 1e-8)))


# --- griffin_lim -------------------------------------------------------------------------------------


def rounds(magnitude, hop_length, n_iter, window, momentum, phase, step):
    """The loop with another `step(consistent, before, spectrum) -> (next spectrum, next before)`."""
    reference.griffin_lim(magnitude, hop_length, 0, window, momentum, phase)  # for its errors
    if n_iter < 0:
        reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum, phase)
    spectrum = magnitude * np.exp(1j * (np.zeros_like(magnitude) if phase is None else phase))
    before, n_fft = None, 2 * (len(magnitude) - 1)
    for _ in range(n_iter):
        estimate = reference.istft(spectrum, hop_length, window)
        consistent = reference.stft(estimate, n_fft, hop_length, window)
        spectrum, before = step(consistent, before, spectrum)
    return reference.istft(spectrum, hop_length, window)


@mistake(
    "griffin_lim",
    "Your phases start anew in each round. Every round continues with the phases of the one before.",
)
def phase_reset(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, min(n_iter, 1), window, momentum, phase)


@mistake("griffin_lim", "You ignored the phases that were given as a first guess.")
def first_guess_ignored(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, 0, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum)


@mistake(
    "griffin_lim",
    "You took the magnitudes for powers (or the other way round): do not square or root them.",
)
def power_for_magnitude(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, 0, window, momentum, phase)
    return reference.griffin_lim(magnitude**2, hop_length, n_iter, window, momentum, phase)


@mistake("griffin_lim", "You never impose the wanted magnitude again, so that the rounds change nothing.")
def magnitude_not_imposed(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, 0, window, momentum, phase)


@mistake(
    "griffin_lim",
    "You return the signal of one round earlier: impose the magnitude once more, then invert.",
)
def one_round_short(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, max(n_iter - 1, 0), window, momentum, phase)


@mistake("griffin_lim", "You took one round too many: n_iter = 0 is the first guess itself.")
def one_round_more(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, n_iter + 1, window, momentum, phase)


@mistake(
    "griffin_lim",
    "Your momentum has no effect: add α times the last change before you impose the magnitude.",
)
def no_momentum(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, n_iter, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, n_iter, window, 0.0, phase)


@mistake("griffin_lim", "Your momentum brakes: the change is new minus old, and it is added.")
def braking(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    def step(consistent, before, spectrum):
        ahead = consistent if before is None else consistent - momentum * (consistent - before)
        return reference.impose_magnitude(ahead, magnitude), consistent

    return rounds(magnitude, hop_length, n_iter, window, momentum, phase, step)


@mistake(
    "griffin_lim",
    "You took the change from the spectrum with the imposed magnitude. It is the change between two "
    "*consistent* spectra, t_n − t_(n−1).",
)
def change_from_imposed(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    def step(consistent, before, spectrum):
        ahead = consistent + momentum * (consistent - spectrum)
        return reference.impose_magnitude(ahead, magnitude), consistent

    return rounds(magnitude, hop_length, n_iter, window, momentum, phase, step)


@mistake(
    "griffin_lim",
    "You keep the accelerated spectrum as t_(n−1). Remember the consistent one, before the momentum.",
)
def remembers_accelerated(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    def step(consistent, before, spectrum):
        ahead = consistent if before is None else consistent + momentum * (consistent - before)
        return reference.impose_magnitude(ahead, magnitude), ahead

    return rounds(magnitude, hop_length, n_iter, window, momentum, phase, step)


@mistake("griffin_lim", "You used the Hann window although another one was given.")
def hann_in_all_rounds(magnitude, hop_length, n_iter, window=None, momentum=0.0, phase=None):
    reference.griffin_lim(magnitude, hop_length, 0, window, momentum, phase)
    return reference.griffin_lim(magnitude, hop_length, n_iter, None, momentum, phase)
