"""Wrong variants of the lab on the Fourier transform, and what to tell who wrote them."""

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- dft ---------------------------------------------------------------------------------------------


@mistake(
    "dft",
    "Your waves turn the wrong way: that is the inverse transform's sign. The exponent of the DFT is "
    "negative.",
)
def positive_exponent(samples):
    return np.conj(reference.dft(np.conj(samples)))


@mistake("dft", "You divided by N. The forward transform is a plain sum; the inverse one divides.")
def divided_by_length(samples):
    return reference.dft(samples) / len(samples)


@mistake(
    "dft",
    "You divided by √N. That form exists (it keeps energy), but it is not the one asked for here.",
)
def divided_by_root(samples):
    return reference.dft(samples) / np.sqrt(len(samples))


@mistake("dft", "Your bins stop at half the sample rate. All N bins are asked for, 0 to N − 1.")
def half_the_bins(samples):
    return reference.dft(samples)[: len(samples) // 2 + 1]


@mistake("dft", "You kept the cosines alone. The sine part, which is the imaginary one, tells the phase.")
def cosines_only(samples):
    return reference.dft(samples).real + 0j


@mistake("dft", "You returned magnitudes. The transform is complex: it keeps the phase.")
def magnitudes(samples):
    return np.abs(reference.dft(samples))


@mistake("dft", "Your exponent lacks the 2: one whole turn is 2π.")
def half_a_turn(samples):
    reference.dft(samples)
    n = np.arange(len(samples))
    return np.exp(-1j * np.pi * np.outer(n, n) / len(samples)) @ samples


# --- fft_radix2 --------------------------------------------------------------------------------------


def radix2(samples, turn=lambda size: np.exp(-1j * np.pi * np.arange(size) / size), merge=None):
    """Recursion with other twiddle factors or another butterfly."""
    reference.fft_radix2(samples)  # for its errors
    merge = merge or (lambda even, odd: np.concatenate([even + odd, even - odd], axis=-1))

    def halves(rest):
        if rest.shape[-1] == 1:
            return rest
        even, odd = halves(rest[..., ::2]), halves(rest[..., 1::2])
        return merge(even, odd * turn(even.shape[-1]))

    return halves(samples.astype(np.complex128))


@mistake(
    "fft_radix2",
    "You did not turn the odd half. Its bin k is a sample late: multiply it by exp(−2πi k / N) before "
    "adding.",
)
def no_twiddle(samples):
    return radix2(samples, np.ones)


@mistake("fft_radix2", "Your odd half turns the wrong way: the exponent of the twiddle factor is negative.")
def positive_twiddle(samples):
    return radix2(samples, lambda size: np.exp(1j * np.pi * np.arange(size) / size))


@mistake(
    "fft_radix2",
    "Your twiddle factor turns half as far as it should twice over: N is the length that you are making, "
    "not that of its halves.",
)
def twiddle_of_the_half(samples):
    return radix2(samples, lambda size: np.exp(-2j * np.pi * np.arange(size) / size))


@mistake(
    "fft_radix2",
    "Both halves of your result are even + odd. In the second half the odd part is subtracted.",
)
def adds_in_both_halves(samples):
    return radix2(samples, merge=lambda even, odd: np.concatenate([even + odd, even + odd], axis=-1))


@mistake(
    "fft_radix2",
    "You laid sums and differences alternately. All N/2 sums come first, then all differences.",
)
def interleaved(samples):
    def merge(even, odd):
        return np.stack([even + odd, even - odd], axis=-1).reshape(*even.shape[:-1], -1)

    return radix2(samples, merge=merge)


@mistake(
    "fft_radix2",
    "You split the samples into a first and a second half. The split is by even and odd positions.",
)
def first_and_second_half(samples):
    reference.fft_radix2(samples)

    def halves(rest):
        if rest.shape[-1] == 1:
            return rest
        middle = rest.shape[-1] // 2
        even, odd = halves(rest[..., :middle]), halves(rest[..., middle:])
        odd = odd * np.exp(-1j * np.pi * np.arange(middle) / middle)
        return np.concatenate([even + odd, even - odd], axis=-1)

    return halves(samples.astype(np.complex128))


@mistake("fft_radix2", "You transformed along the first axis. Rows are to be transformed, so take the last.")
def first_axis(samples):
    if samples.ndim < 2:
        return reference.fft_radix2(samples)
    reference.fft_radix2(samples)
    return np.fft.fft(samples, axis=0)


@mistake(
    "fft_radix2",
    "You filled the signal up with zeros to a power of two. That is the spectrum of another signal: refuse.",
)
def fills_up(samples):
    length = samples.shape[-1]
    if length == 0:
        reference.fft_radix2(samples)
    missing = (1 << (length - 1).bit_length()) - length
    return reference.fft_radix2(np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)]))


@mistake(
    "fft_radix2",
    "You built the matrix of all waves. That is the DFT again: N² steps, and no memory holds it for a "
    "long signal. Halve the problem instead.",
)
def whole_matrix(samples):
    if samples.shape[-1] > 2**13:
        np.empty(2**60)  # what such a matrix ends in
    return reference.fft_radix2(samples)


# --- inverse_fft -------------------------------------------------------------------------------------


@mistake("inverse_fft", "The division by N is missing: there and back, everything grew by the length.")
def no_division(spectrum):
    return reference.inverse_fft(spectrum) * spectrum.shape[-1]


@mistake("inverse_fft", "You transformed forward once more. The inverse turns its waves the other way.")
def forward_again(spectrum):
    return reference.fft_radix2(spectrum) / spectrum.shape[-1]


@mistake(
    "inverse_fft",
    "You kept the real part alone. A spectrum without symmetry belongs to a complex signal.",
)
def real_part(spectrum):
    return reference.inverse_fft(spectrum).real


@mistake(
    "inverse_fft",
    "You conjugated only once. Before the forward transform *and* after it, or complex signals come out "
    "conjugated.",
)
def conjugated_once(spectrum):
    return np.conj(reference.inverse_fft(spectrum))


@mistake("inverse_fft", "You divided by √N, which belongs to a forward transform that does the same.")
def divided_by_the_root(spectrum):
    return reference.inverse_fft(spectrum) * np.sqrt(spectrum.shape[-1])


@mistake("inverse_fft", "You divided by the number of all entries. Each row is divided by its own length.")
def divided_by_all(spectrum):
    inverse = reference.inverse_fft(spectrum)
    return inverse * spectrum.shape[-1] / spectrum.size


# --- window ------------------------------------------------------------------------------------------


@mistake(
    "window",
    "You swapped the two forms: the periodic one divides by the length, the symmetric one by the length − 1.",
)
def forms_swapped(name, length, periodic=True):
    return reference.window(name, length, not periodic)


@mistake(
    "window",
    "You always return the periodic form. `periodic=False` asks for a last weight equal to the first.",
)
def always_periodic(name, length, periodic=True):
    return reference.window(name, length)


@mistake(
    "window",
    "You always return the symmetric form, as np.hanning does. Spectra need the periodic one.",
)
def always_symmetric(name, length, periodic=True):
    return reference.window(name, length, False)


@mistake("window", "Your Hamming window has Hann's weights. It does not fall to zero: 0.54 and 0.46.")
def hamming_is_hann(name, length, periodic=True):
    return reference.window("hann" if name == "hamming" else name, length, periodic)


@mistake("window", "The second cosine of Blackman's window is added, not subtracted: its ends must be zero.")
def blackman_sign(name, length, periodic=True):
    weights = reference.window(name, length, periodic)
    if name != "blackman" or length == 1:
        return weights
    angle = 2 * np.pi * np.arange(length) / (length if periodic else length - 1)
    return weights - 0.16 * np.cos(2 * angle)


@mistake(
    "window",
    "Your window is upside down: it must be largest in the middle, so the cosine is subtracted.",
)
def upside_down(name, length, periodic=True):
    weights = reference.window(name, length, periodic)
    if length == 1:
        return weights
    angle = 2 * np.pi * np.arange(length) / (length if periodic else length - 1)
    return weights + 2 * {"hann": 0.5, "hamming": 0.46, "blackman": 0.5}[name] * np.cos(angle)


@mistake(
    "window",
    "A window of one weight came out as 0 or as not a number. It is 1: there is nothing to fade.",
)
def one_weight_is_zero(name, length, periodic=True):
    weights = reference.window(name, length, periodic)
    return weights if length > 1 else np.array([{"hann": 0.0, "hamming": 0.08, "blackman": 0.0}[name]])


# --- leakage -----------------------------------------------------------------------------------------


def spectrum_of(weights, points=64):
    reference.leakage(weights)
    n_fft = 1 << max(0, points * len(weights) - 1).bit_length()
    size = np.abs(np.fft.rfft(weights, n_fft))
    return size, int(np.argmax(np.diff(size) > 0)), n_fft


@mistake("leakage", "You took 10·log10 of a magnitude. Magnitudes need 20·log10; 10 is for powers.")
def power_rule(weights):
    width, level = reference.leakage(weights)
    return width, level / 2


@mistake(
    "leakage",
    "You counted only one side of the main lobe. It reaches as far below 0 Hz as above: double it.",
)
def one_side(weights):
    width, level = reference.leakage(weights)
    return width / 2, level


@mistake(
    "leakage",
    "You looked at the first point after the main lobe. That is the valley; the highest point beyond is "
    "asked.",
)
def level_at_the_foot(weights):
    size, foot, _ = spectrum_of(weights)
    return reference.leakage(weights)[0], float(20 * np.log10(max(size[foot], 1e-300) / size[0]))


@mistake(
    "leakage",
    "You took the highest point of the whole spectrum, which is the main lobe itself. Start where it ends.",
)
def main_lobe_counted(weights):
    return reference.leakage(weights)[0], 0.0


@mistake(
    "leakage",
    "You looked only at the bins themselves. Side lobes lie between them: zeros after the window show them.",
)
def no_zeros_after(weights):
    width, _ = reference.leakage(weights)
    size = np.abs(np.fft.rfft(weights))
    foot = max(1, round(width / 2))
    return width, float(20 * np.log10(max(size[min(foot, len(size) - 1) :].max(), 1e-300) / size[0]))


@mistake("leakage", "Your level is not relative to the main lobe. Divide by the value at 0 Hz first.")
def not_relative(weights):
    width, level = reference.leakage(weights)
    return width, level + float(20 * np.log10(np.sum(weights)))


@mistake(
    "leakage",
    "Your width counts points of the long FFT. A bin of the window itself is n_fft / length such points.",
)
def width_in_points(weights):
    _, foot, _ = spectrum_of(weights)
    return float(2 * foot), reference.leakage(weights)[1]


# --- circular_convolve -------------------------------------------------------------------------------


@mistake("circular_convolve", "You multiplied the signals. The theorem multiplies their *spectra*.")
def product_of_signals(first, second):
    reference.circular_convolve(first, second)
    return first * second


@mistake(
    "circular_convolve",
    "You took the conjugate of one spectrum. That is correlation: it looks for a pattern instead of "
    "adding echoes.",
)
def correlation(first, second):
    reference.circular_convolve(first, second)
    return np.fft.ifft(np.fft.fft(first) * np.conj(np.fft.fft(second))).real


@mistake(
    "circular_convolve",
    "You multiplied the magnitudes. Phases must be multiplied along: they hold the delays.",
)
def magnitudes_only(first, second):
    reference.circular_convolve(first, second)
    return np.fft.ifft(np.abs(np.fft.fft(first)) * np.abs(np.fft.fft(second))).real


@mistake(
    "circular_convolve",
    "Your result is complex. The imaginary part is rounding: return the real part.",
)
def stays_complex(first, second):
    return reference.circular_convolve(first, second) + 0j


@mistake(
    "circular_convolve",
    "You took the magnitude of the result, which loses the signs. Take the real part.",
)
def absolute_value(first, second):
    return np.abs(reference.circular_convolve(first, second))


@mistake(
    "circular_convolve",
    "You transformed forward at the end too: the result runs backwards and is N times too large.",
)
def no_inverse(first, second):
    reference.circular_convolve(first, second)
    return np.fft.fft(np.fft.fft(first) * np.fft.fft(second)).real


# --- fast_convolve -----------------------------------------------------------------------------------


@mistake(
    "fast_convolve",
    "The end of the echo wrapped around to the start. Zeros must fill both signals to the length of the "
    "*result* first.",
)
def wraps_around(first, second):
    whole = reference.fast_convolve(first, second)
    size = 1 << (max(len(first), len(second)) - 1).bit_length()
    wrapped = np.zeros(size)
    for start in range(0, len(whole), size):
        piece = whole[start : start + size]
        wrapped[: len(piece)] += piece
    return np.pad(wrapped, (0, max(0, len(whole) - size)))[: len(whole)]


@mistake(
    "fast_convolve",
    "You cut the result to the length of the first signal. The last echoes come after it.",
)
def cut_to_the_first(first, second):
    return reference.fast_convolve(first, second)[: len(first)]


@mistake("fast_convolve", "Your result has the length of the FFT. Cut it: the rest is zeros.")
def not_cut(first, second):
    whole = reference.fast_convolve(first, second)
    size = 1 << (len(whole) - 1).bit_length()
    return np.pad(whole, (0, size - len(whole)))


@mistake(
    "fast_convolve",
    "Your result is one sample too long: the last one is always zero. The length is N + M − 1.",
)
def one_too_many(first, second):
    return np.append(reference.fast_convolve(first, second), 0)


@mistake(
    "fast_convolve",
    "You put the zeros before the signals, which delays the result. They belong after them.",
)
def zeros_in_front(first, second):
    whole = reference.fast_convolve(first, second)
    size = 1 << (len(whole) - 1).bit_length()
    padded = [np.pad(signal, (size - len(signal), 0)) for signal in (first, second)]
    return np.fft.ifft(np.fft.fft(padded[0]) * np.fft.fft(padded[1])).real[: len(whole)]


@mistake(
    "fast_convolve",
    'You cut to the middle, as mode="same" does elsewhere. The whole result is asked for.',
)
def middle_only(first, second):
    whole = reference.fast_convolve(first, second)
    longest = max(len(first), len(second))
    start = (len(whole) - longest) // 2
    return whole[start : start + longest]


# --- overlap_add_convolve ----------------------------------------------------------------------------


def by_blocks(samples, kernel, block_length, join):
    """Blocks convolved one by one, put together by `join(output, start, piece)`."""
    reference.overlap_add_convolve(samples, kernel, block_length)
    output = np.zeros(len(samples) + len(kernel) - 1)
    for start in range(0, len(samples), block_length):
        join(output, start, np.convolve(samples[start : start + block_length], kernel))
    return output


@mistake(
    "overlap_add_convolve",
    "Each block overwrote the tail of the one before. Tails overlap with the next block: add them.",
)
def overwrites(samples, kernel, block_length):
    def join(output, start, piece):
        output[start : start + len(piece)] = piece

    return by_blocks(samples, kernel, block_length, join)


@mistake(
    "overlap_add_convolve",
    "You cut each block's result to the length of the block, so that every echo stops at its end.",
)
def tails_cut(samples, kernel, block_length):
    def join(output, start, piece):
        output[start : start + block_length] += piece[:block_length]

    return by_blocks(samples, kernel, block_length, join)


@mistake(
    "overlap_add_convolve",
    "Your FFT is too short: the tail of a block wraps around to its own start. It needs room for "
    "block_length + taps − 1 samples.",
)
def short_transform(samples, kernel, block_length):
    size = 1 << (max(block_length, len(kernel)) - 1).bit_length()

    def join(output, start, piece):
        wrapped = np.zeros(size)
        for first in range(0, len(piece), size):
            part = piece[first : first + size]
            wrapped[: len(part)] += part
        room = min(size, len(output) - start)
        output[start : start + room] += wrapped[:room]

    return by_blocks(samples, kernel, block_length, join)


@mistake(
    "overlap_add_convolve",
    "The samples after the last whole block are missing. The last block may be shorter.",
)
def last_block_lost(samples, kernel, block_length):
    reference.overlap_add_convolve(samples, kernel, block_length)
    whole = len(samples) // block_length * block_length
    kept = np.where(np.arange(len(samples)) < whole, samples, 0)
    return reference.overlap_add_convolve(kept, kernel, block_length)


@mistake(
    "overlap_add_convolve",
    "The tail after the last sample is missing: the result is longer than the signal.",
)
def end_cut(samples, kernel, block_length):
    return reference.overlap_add_convolve(samples, kernel, block_length)[: len(samples)]


@mistake(
    "overlap_add_convolve",
    "You placed each block's result after the whole result of the block before. Blocks start "
    "block_length apart.",
)
def no_overlap(samples, kernel, block_length):
    reference.overlap_add_convolve(samples, kernel, block_length)
    starts = range(0, len(samples), block_length)
    return np.concatenate([np.convolve(samples[start : start + block_length], kernel) for start in starts])


# --- frequency_response ------------------------------------------------------------------------------


@mistake(
    "frequency_response",
    "Your z turns the wrong way: z⁻¹ at frequency f is exp(−2πi f / rate). The gain is right, the phase "
    "is mirrored.",
)
def mirrored_phase(b, a, frequencies, sample_rate=1.0):
    return np.conj(reference.frequency_response(b, a, frequencies, sample_rate))


@mistake(
    "frequency_response",
    "You returned the gain alone. The response is complex: it holds the phase too.",
)
def gain_only(b, a, frequencies, sample_rate=1.0):
    return np.abs(reference.frequency_response(b, a, frequencies, sample_rate))


@mistake(
    "frequency_response",
    "You swapped a and b: the weights of the input stand above, those of the output below.",
)
def upside_down_fraction(b, a, frequencies, sample_rate=1.0):
    response = reference.frequency_response(b, a, frequencies, sample_rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 / response


@mistake("frequency_response", "You forgot the weights a. Without the feedback this is another filter.")
def no_feedback(b, a, frequencies, sample_rate=1.0):
    reference.frequency_response(b, a, frequencies, sample_rate)
    return reference.frequency_response(b, a[:1], frequencies, sample_rate)


@mistake("frequency_response", "You forgot the sample rate: frequencies are in Hz, so divide by it.")
def rate_forgotten(b, a, frequencies, sample_rate=1.0):
    return reference.frequency_response(b, a, frequencies)


@mistake("frequency_response", "The 2π is missing: a frequency of one cycle per sample is a whole turn.")
def radians(b, a, frequencies, sample_rate=1.0):
    return reference.frequency_response(b, a, frequencies / (2 * np.pi), sample_rate)


@mistake(
    "frequency_response",
    "You divided by the sample rate's half. exp(2πi f / rate) makes one turn at the full rate.",
)
def half_rate(b, a, frequencies, sample_rate=1.0):
    return reference.frequency_response(b, a, frequencies, sample_rate / 2)


@mistake(
    "frequency_response",
    "You used the highest power first. b[0] belongs to z⁰, b[1] to z⁻¹: np.polyval reads them the other "
    "way round.",
)
def highest_power_first(b, a, frequencies, sample_rate=1.0):
    reference.frequency_response(b, a, frequencies, sample_rate)
    delay = np.exp(-2j * np.pi * np.asarray(frequencies) / sample_rate)
    return np.polyval(b, delay) / np.polyval(a, delay)


# --- poles_and_zeros ---------------------------------------------------------------------------------


@mistake(
    "poles_and_zeros",
    "You returned zeros first. Poles come first here: the roots of what stands below.",
)
def zeros_first(b, a):
    poles, zeros = reference.poles_and_zeros(b, a)
    return zeros, poles


@mistake(
    "poles_and_zeros",
    "Points at z = 0 are missing. a and b hold powers of z⁻¹: bring both to one length before you look "
    "for roots.",
)
def origin_forgotten(b, a):
    reference.poles_and_zeros(b, a)
    return np.roots(a).astype(complex), np.roots(b).astype(complex)


@mistake(
    "poles_and_zeros",
    "You found the roots in z⁻¹ instead of z: yours are one over the right ones.",
)
def roots_of_the_inverse(b, a):
    reference.poles_and_zeros(b, a)
    return np.roots(a[::-1]).astype(complex), np.roots(b[::-1]).astype(complex)


@mistake(
    "poles_and_zeros",
    "You kept the real parts. Resonances are pairs of complex poles: their angle is the frequency.",
)
def real_parts(b, a):
    poles, zeros = reference.poles_and_zeros(b, a)
    return poles.real + 0j, zeros.real + 0j


@mistake(
    "poles_and_zeros",
    "Weights of zero at the end of a and b gave you points at the origin in both. What stands above and "
    "below cancels.",
)
def does_not_cancel(b, a):
    reference.poles_and_zeros(b, a)
    length = max(len(b), len(a))
    polynomials = [np.pad(weights, (0, length - len(weights))) for weights in (a, b)]
    return tuple(np.roots(polynomial).astype(complex) for polynomial in polynomials)


# --- is_stable ---------------------------------------------------------------------------------------


@mistake(
    "is_stable",
    "You looked at the real part of the poles. In the z-plane the border is a circle: take the magnitude.",
)
def real_part_negative(a):
    poles, _ = reference.poles_and_zeros(np.ones(1), a)
    return bool(np.all(poles.real < 0))


@mistake("is_stable", "You turned the answer round: poles *inside* the circle die away.")
def turned_round(a):
    return not reference.is_stable(a)


@mistake("is_stable", "A pole on the circle rings for ever. Only poles strictly inside are stable.")
def border_included(a):
    poles, _ = reference.poles_and_zeros(np.ones(1), a)
    return bool(np.all(np.abs(poles) <= 1))


@mistake("is_stable", "One pole inside is not enough: *every* pole must be.")
def one_is_enough(a):
    poles, _ = reference.poles_and_zeros(np.ones(1), a)
    return bool(len(poles) == 0 or np.any(np.abs(poles) < 1))


@mistake(
    "is_stable",
    "You looked at the weights themselves. Small weights can make poles outside: find the poles.",
)
def weights_below_one(a):
    reference.is_stable(a)
    return bool(np.all(np.abs(a[1:]) < np.abs(a[0])))


# --- sinc_reconstruct --------------------------------------------------------------------------------


@mistake(
    "sinc_reconstruct",
    "You used sin(u)/u without π. That wave misses the samples: sinc must be zero at whole numbers.",
)
def sinc_without_pi(samples, sample_rate, times):
    reference.sinc_reconstruct(samples, sample_rate, times)
    return np.sinc((times[:, None] * sample_rate - np.arange(len(samples))) / np.pi) @ samples


@mistake("sinc_reconstruct", "You joined the samples by straight lines. The true wave swings between them.")
def joined_by_straight_lines(samples, sample_rate, times):
    reference.sinc_reconstruct(samples, sample_rate, times)
    return np.interp(times, np.arange(len(samples)) / sample_rate, samples, left=0.0, right=0.0)


@mistake("sinc_reconstruct", "You took the nearest sample. That is a staircase, not the wave.")
def nearest_sample(samples, sample_rate, times):
    reference.sinc_reconstruct(samples, sample_rate, times)
    nearest = np.rint(times * sample_rate).astype(int)
    inside = (nearest >= 0) & (nearest < len(samples))
    return np.where(inside, samples[np.clip(nearest, 0, len(samples) - 1)], 0.0)


@mistake(
    "sinc_reconstruct",
    "You treated `times` as sample positions. They are seconds: multiply by the sample rate.",
)
def seconds_as_samples(samples, sample_rate, times):
    reference.sinc_reconstruct(samples, sample_rate, times)
    return reference.sinc_reconstruct(samples, 1.0, times)


@mistake("sinc_reconstruct", "Your wave is one sample late: sample 0 was taken at time 0.")
def one_sample_late(samples, sample_rate, times):
    return reference.sinc_reconstruct(samples, sample_rate, times - 1 / sample_rate)


@mistake(
    "sinc_reconstruct",
    "Your sinc is twice as wide as it should be: its zeros must lie on the samples.",
)
def half_the_band(samples, sample_rate, times):
    reference.sinc_reconstruct(samples, sample_rate, times)
    return np.sinc((times[:, None] * sample_rate - np.arange(len(samples))) / 2) @ samples
