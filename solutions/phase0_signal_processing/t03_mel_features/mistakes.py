"""Wrong variants of the lab on mel features, and what to tell who wrote them."""

import numpy as np
import scipy.fft

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- preemphasis -------------------------------------------------------------------------------------


@mistake(
    "preemphasis",
    "You subtracted from your own output. The predecessor must be the input's sample: copy before you "
    "change anything.",
)
def feeds_back(samples, coefficient=0.97):
    output = np.array(samples, dtype=np.float64)
    for t in range(1, len(output)):
        output[t] -= coefficient * output[t - 1]
    return output


@mistake(
    "preemphasis",
    "You added the previous sample. That smooths the signal and lifts the low frequencies: subtract.",
)
def adds_instead(samples, coefficient=0.97):
    return reference.preemphasis(samples, -coefficient)


@mistake("preemphasis", "Your first sample is zero. It has no predecessor, so nothing is subtracted from it.")
def first_sample_zero(samples, coefficient=0.97):
    output = reference.preemphasis(samples, coefficient)
    output[:1] = 0
    return output


@mistake(
    "preemphasis",
    "Your first sample counts itself as its predecessor. Nothing comes before it: y[0] = x[0].",
)
def first_sample_repeated(samples, coefficient=0.97):
    output = reference.preemphasis(samples, coefficient)
    output[:1] *= 1 - coefficient
    return output


@mistake(
    "preemphasis",
    "Your signal wraps around: the first sample lost a share of the last one. np.roll does that.",
)
def wraps_around(samples, coefficient=0.97):
    samples = np.asarray(samples, dtype=np.float64)
    return samples - coefficient * np.roll(samples, 1)


@mistake("preemphasis", "You lost the first sample: the output must be as long as the input.")
def one_sample_short(samples, coefficient=0.97):
    return reference.preemphasis(samples, coefficient)[1:]


@mistake("preemphasis", "You subtracted the next sample. Pre-emphasis looks back, never ahead.")
def looks_ahead(samples, coefficient=0.97):
    return reference.preemphasis(samples[::-1], coefficient)[::-1]


@mistake(
    "preemphasis",
    "Your result has the integer type of the input, so fractions are cut off. Convert to float first.",
)
def keeps_integers(samples, coefficient=0.97):
    return reference.preemphasis(samples, coefficient).astype(samples.dtype)


# --- frame -------------------------------------------------------------------------------------------


@mistake(
    "frame",
    "The last whole frame is missing. The number of hops that fit is one less than the number of frames.",
)
def last_frame_lost(samples, frame_length, hop_length):
    return reference.frame(samples, frame_length, hop_length)[:-1]


@mistake("frame", "You filled the last frame up with zeros. Only whole frames count: drop what is left over.")
def last_frame_filled_up(samples, frame_length, hop_length):
    reference.frame(samples, frame_length, hop_length)
    missing = -(len(samples) - frame_length) % hop_length
    return reference.frame(np.pad(samples, (0, missing)), frame_length, hop_length)


@mistake(
    "frame",
    "You started a frame at every hop, even where no whole frame is left, and filled with zeros.",
)
def frame_at_every_hop(samples, frame_length, hop_length):
    reference.frame(samples, frame_length, hop_length)
    count = -(-len(samples) // hop_length)
    padded = np.pad(samples, (0, (count - 1) * hop_length + frame_length - len(samples) + hop_length))
    return reference.frame(padded, frame_length, hop_length)[:count]


@mistake("frame", "Frames stand in columns, as in librosa. Here each row is one frame.")
def frames_in_columns(samples, frame_length, hop_length):
    return reference.frame(samples, frame_length, hop_length).T


@mistake("frame", "Your frames do not overlap: you stepped by frame_length. The step is hop_length.")
def steps_by_frame_length(samples, frame_length, hop_length):
    reference.frame(samples, frame_length, hop_length)
    return reference.frame(samples, frame_length, frame_length)


@mistake(
    "frame",
    "You swapped the two lengths: each frame holds frame_length samples, and they start hop_length apart.",
)
def lengths_swapped(samples, frame_length, hop_length):
    reference.frame(samples, frame_length, hop_length)
    return reference.frame(np.pad(samples, (0, max(0, hop_length - len(samples)))), hop_length, frame_length)


@mistake(
    "frame",
    "You centred the frames: half a frame was added before the signal. Frame 0 starts at sample 0.",
)
def centred_frames(samples, frame_length, hop_length):
    reference.frame(samples, frame_length, hop_length)
    return reference.frame(np.pad(samples, frame_length // 2), frame_length, hop_length)


# --- power_spectrum ----------------------------------------------------------------------------------


def spectrum_with(window, frames, n_fft):
    if n_fft < frames.shape[-1]:
        reference.power_spectrum(frames, n_fft)  # for its error
    return np.abs(np.fft.rfft(frames * window, n_fft)) ** 2


@mistake(
    "power_spectrum",
    "Your Hann window is the symmetric one (np.hanning). A spectrum needs the periodic one, which "
    "divides by N.",
)
def symmetric_window(frames, n_fft):
    return spectrum_with(np.hanning(frames.shape[-1]), frames, n_fft)


@mistake("power_spectrum", "That is the magnitude. Power is its square.")
def magnitude_for_power(frames, n_fft):
    return np.sqrt(reference.power_spectrum(frames, n_fft))


@mistake("power_spectrum", "You applied no window. The hard edges of the frame leak into all frequencies.")
def no_window(frames, n_fft):
    return spectrum_with(1.0, frames, n_fft)


@mistake(
    "power_spectrum",
    "Your window is as long as the FFT. It belongs on the frame's N samples; the zeros come after windowing.",
)
def window_over_the_zeros(frames, n_fft):
    length = frames.shape[-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / n_fft)
    return spectrum_with(window, frames, n_fft)


@mistake("power_spectrum", "That is a Hamming window, which starts at 0.08. Hann starts at 0.")
def hamming_window(frames, n_fft):
    length = frames.shape[-1]
    return spectrum_with(0.54 - 0.46 * np.cos(2 * np.pi * np.arange(length) / length), frames, n_fft)


@mistake(
    "power_spectrum",
    "The last bin, at half the sample rate, is missing: there are n_fft // 2 + 1 bins.",
)
def last_bin_lost(frames, n_fft):
    return reference.power_spectrum(frames, n_fft)[:, :-1]


@mistake(
    "power_spectrum",
    "You kept all n_fft bins. The upper half mirrors the lower one: rfft leaves it out.",
)
def both_halves(frames, n_fft):
    reference.power_spectrum(frames, n_fft)
    length = frames.shape[-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return np.abs(np.fft.fft(frames * window, n_fft)) ** 2


@mistake("power_spectrum", "You divided by the FFT length. The plain squared size is asked for.")
def divided_by_length(frames, n_fft):
    return reference.power_spectrum(frames, n_fft) / n_fft


@mistake(
    "power_spectrum",
    "rfft cut your frames off without a word: refuse an n_fft that is shorter than the frame.",
)
def cuts_long_frames(frames, n_fft):
    length = frames.shape[-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return np.abs(np.fft.rfft(frames * window, n_fft)) ** 2


# --- hz_to_mel ---------------------------------------------------------------------------------------


@mistake(
    "hz_to_mel",
    "You used the HTK formula whatever the scale. Slaney's is another one: straight up to 1000 Hz.",
)
def always_htk(frequency, scale="htk"):
    reference.hz_to_mel(frequency, scale)
    return reference.hz_to_mel(frequency)


@mistake("hz_to_mel", "The two scales are mixed up: what you call htk is Slaney's, and the other way round.")
def scales_swapped(frequency, scale="htk"):
    return reference.hz_to_mel(frequency, {"htk": "slaney", "slaney": "htk"}.get(scale, scale))


@mistake("hz_to_mel", "2595 goes with the logarithm to base 10. With the natural one the factor is 1127.")
def natural_logarithm(frequency, scale="htk"):
    mel = reference.hz_to_mel(frequency, scale)
    return mel * np.log(10) if scale == "htk" else mel


@mistake("hz_to_mel", "The 1 + inside the logarithm is missing: 0 Hz must be 0 mel, not minus infinity.")
def no_one_plus(frequency, scale="htk"):
    if scale != "htk":
        return reference.hz_to_mel(frequency, scale)
    with np.errstate(divide="ignore"):
        return 2595 * np.log10(np.asarray(frequency, dtype=np.float64) / 700)


@mistake(
    "hz_to_mel",
    "On Slaney's scale the logarithm starts at 15 mel, where the straight part ends. Yours starts "
    "again at 0.",
)
def slaney_starts_again(frequency, scale="htk"):
    mel = reference.hz_to_mel(frequency, scale)
    return np.where(np.asarray(frequency) >= 1000, mel - 15, mel) if scale == "slaney" else mel


@mistake(
    "hz_to_mel",
    "On Slaney's scale you went straight on above 1000 Hz. From there on it is a logarithm.",
)
def slaney_all_straight(frequency, scale="htk"):
    mel = reference.hz_to_mel(frequency, scale)
    return np.asarray(frequency) * 3 / 200 if scale == "slaney" else mel


# --- mel_to_hz ---------------------------------------------------------------------------------------


@mistake(
    "mel_to_hz",
    "You used the HTK formula whatever the scale. Slaney's is another one: straight up to 15 mel.",
)
def back_always_htk(mel, scale="htk"):
    reference.mel_to_hz(mel, scale)
    return reference.mel_to_hz(mel)


@mistake("mel_to_hz", "The two scales are mixed up: what you call htk is Slaney's, and the other way round.")
def back_scales_swapped(mel, scale="htk"):
    return reference.mel_to_hz(mel, {"htk": "slaney", "slaney": "htk"}.get(scale, scale))


@mistake("mel_to_hz", "You did not undo the 1 +: subtract 1 from the power of ten before multiplying by 700.")
def one_not_subtracted(mel, scale="htk"):
    frequency = reference.mel_to_hz(mel, scale)
    return frequency + 700 if scale == "htk" else frequency


@mistake("mel_to_hz", "The 1 is subtracted too late, after the 700. It comes off the power of ten.")
def one_subtracted_too_late(mel, scale="htk"):
    frequency = reference.mel_to_hz(mel, scale)
    return frequency + 699 if scale == "htk" else frequency


@mistake("mel_to_hz", "You undid log10 with exp. The inverse of log10 is a power of ten.")
def exp_for_power_of_ten(mel, scale="htk"):
    if scale != "htk":
        return reference.mel_to_hz(mel, scale)
    return 700 * (np.exp(np.asarray(mel, dtype=np.float64) / 2595) - 1)


@mistake("mel_to_hz", "Slaney's border is at 15 mel. You compared mel with 1000, which is the border in Hz.")
def border_in_hertz(mel, scale="htk"):
    if scale != "slaney":
        return reference.mel_to_hz(mel, scale)
    mel = np.asarray(mel, dtype=np.float64)
    return np.where(mel < 1000, mel * 200 / 3, 1000 * 6.4 ** ((np.minimum(mel, 5000) - 15) / 27))


# --- mel_filterbank ----------------------------------------------------------------------------------


def points_in_hz(n_mels, sample_rate, f_min, f_max, scale):
    f_max = sample_rate / 2 if f_max is None else f_max
    ends = reference.hz_to_mel(f_min, scale), reference.hz_to_mel(f_max, scale)
    return reference.mel_to_hz(np.linspace(*ends, n_mels + 2), scale)


def bank(edges, bins, norm):
    """Triangles with the given points over the given places of the bins; an empty filter stays."""
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.maximum(
            0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
        )
    return weights if norm is None else weights * 2 / (right - left)


@mistake(
    "mel_filterbank",
    "The two scales are mixed up: your filters stand where those of the other mel scale belong.",
)
def other_scale(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    other = {"htk": "slaney", "slaney": "htk"}[scale]
    return reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, other, norm)


@mistake("mel_filterbank", "Your filters have area 1 without being asked. With norm=None, the peak is 1.")
def always_area_one(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    return reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, "slaney")


@mistake(
    "mel_filterbank",
    'norm makes no difference in yours. With norm="slaney", each triangle is multiplied by 2 / '
    "(width in Hz).",
)
def never_area_one(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    return reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale)


@mistake(
    "mel_filterbank",
    'For norm="slaney" you made each row\'s weights sum to 1. Area 1 is meant in Hz: 2 / (width in Hz).',
)
def rows_sum_to_one(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    weights = reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    return weights if norm is None else weights / weights.sum(axis=1, keepdims=True)


@mistake(
    "mel_filterbank",
    "You rounded the points to whole bins. Keep them in Hz: rounding moves narrow filters and can "
    "empty them.",
)
def points_rounded_to_bins(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    edges = points_in_hz(n_mels, sample_rate, f_min, f_max, scale)
    rounded = np.floor((n_fft + 1) * edges / sample_rate) * sample_rate / n_fft
    weights = bank(rounded, np.arange(n_fft // 2 + 1) * sample_rate / n_fft, norm)
    return np.nan_to_num(weights, posinf=0.0)


@mistake(
    "mel_filterbank",
    "The sides of your triangles are straight in mel. They are meant to be straight in Hz.",
)
def sides_straight_in_mel(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    edges = points_in_hz(n_mels, sample_rate, f_min, f_max, scale)
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    weights = bank(reference.hz_to_mel(edges, scale), reference.hz_to_mel(bins, scale), None)
    return weights if norm is None else weights * 2 / (edges[2:] - edges[:-2])[:, None]


@mistake(
    "mel_filterbank",
    "Your filters are evenly spaced in Hz. Space the points evenly in mel, then turn them into Hz.",
)
def spaced_in_hertz(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    edges = np.linspace(f_min, sample_rate / 2 if f_max is None else f_max, n_mels + 2)
    return bank(edges, np.arange(n_fft // 2 + 1) * sample_rate / n_fft, norm)


@mistake(
    "mel_filterbank",
    "Your bins do not lie at k · sample_rate / n_fft: half the sample rate was divided by the number "
    "of bins.",
)
def bins_misplaced(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    n_bins = n_fft // 2 + 1
    return bank(
        points_in_hz(n_mels, sample_rate, f_min, f_max, scale),
        np.arange(n_bins) * sample_rate / 2 / n_bins,
        norm,
    )


@mistake(
    "mel_filterbank",
    "One point too few: M triangles need M + 2 points, since each ends where its neighbours peak.",
)
def one_point_too_few(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    edges = points_in_hz(n_mels - 1, sample_rate, f_min, f_max, scale)
    return bank(edges, np.arange(n_fft // 2 + 1) * sample_rate / n_fft, norm)


@mistake("mel_filterbank", "Filters stand in columns. Here each row is one filter.")
def filters_in_columns(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    return reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm).T


@mistake(
    "mel_filterbank",
    "You ignored f_min and f_max: the first triangle starts at f_min and the last one ends at f_max.",
)
def range_ignored(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(n_mels, n_fft, sample_rate, f_min, f_max, scale, norm)
    return reference.mel_filterbank(n_mels, n_fft, sample_rate, scale=scale, norm=norm)


@mistake(
    "mel_filterbank",
    "Some of your filters are zero everywhere: they fall between two bins. Refuse with ValueError.",
)
def empty_filters_allowed(n_mels, n_fft, sample_rate, f_min=0.0, f_max=None, scale="htk", norm=None):
    reference.mel_filterbank(1, 4096, sample_rate, f_min, f_max, scale, norm)
    if n_mels < 1:
        raise ValueError("n_mels")
    edges = points_in_hz(n_mels, sample_rate, f_min, f_max, scale)
    return bank(edges, np.arange(n_fft // 2 + 1) * sample_rate / n_fft, norm)


# --- log_mel -----------------------------------------------------------------------------------------


def mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor, **options):
    if floor <= 0:
        raise ValueError("floor")
    frames = reference.frame(samples, frame_length, hop_length)
    filters = reference.mel_filterbank(n_mels, n_fft, sample_rate, **options)
    return reference.power_spectrum(frames, n_fft) @ filters.T


@mistake("log_mel", "That is the logarithm to base 10. The natural one is asked for.")
def base_ten(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    energies = mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    return np.log10(np.maximum(energies, floor))


@mistake("log_mel", "You computed decibels. The natural logarithm of the energy is asked for.")
def in_decibels(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    energies = mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    return 10 * np.log10(np.maximum(energies, floor))


@mistake("log_mel", "ln 0 is minus infinity: silence needs the floor.")
def no_floor(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    energies = mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    with np.errstate(divide="ignore"):
        return np.log(energies)


@mistake(
    "log_mel",
    "You added the floor to the energy. That also changes what is above it: take the larger of both.",
)
def floor_added(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    energies = mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    return np.log(energies + floor)


@mistake(
    "log_mel",
    "You applied the floor to the logarithm. It is an energy: raise to it before taking the logarithm.",
)
def floor_after_logarithm(
    samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10
):
    energies = mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(energies), floor)


@mistake(
    "log_mel",
    "Your filters stand on Slaney's scale. HTK is asked for, which is the default of mel_filterbank.",
)
def slaney_scale(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    energies = mel_energies(
        samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor, scale="slaney"
    )
    return np.log(np.maximum(energies, floor))


@mistake(
    "log_mel",
    "Your filters have area 1. A peak of 1 is asked for, which is the default of mel_filterbank.",
)
def area_norm(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    energies = mel_energies(
        samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor, norm="slaney"
    )
    return np.log(np.maximum(energies, floor))


@mistake("log_mel", "You fed the filters with magnitudes. They weight power, as power_spectrum returns it.")
def magnitude_mel(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    mel_energies(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    spectra = reference.power_spectrum(reference.frame(samples, frame_length, hop_length), n_fft)
    return np.log(
        np.maximum(np.sqrt(spectra) @ reference.mel_filterbank(n_mels, n_fft, sample_rate).T, floor)
    )


@mistake("log_mel", "You applied pre-emphasis. That belongs to MFCC; log-mel takes the signal as it is.")
def with_preemphasis(
    samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10
):
    emphasised = reference.preemphasis(samples)
    return reference.log_mel(emphasised, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)


@mistake("log_mel", "Mel bands stand in rows, as in librosa. Here each row is one frame.")
def bands_in_rows(samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10):
    return reference.log_mel(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor).T


@mistake(
    "log_mel",
    "Your frames are n_fft long. A frame has frame_length samples; the FFT fills up with zeros.",
)
def frames_as_long_as_fft(
    samples, sample_rate, n_mels=40, n_fft=512, frame_length=400, hop_length=160, floor=1e-10
):
    reference.log_mel(samples, sample_rate, n_mels, n_fft, frame_length, hop_length, floor)
    return reference.log_mel(samples, sample_rate, n_mels, n_fft, min(n_fft, len(samples)), hop_length, floor)


# --- dct_ii ------------------------------------------------------------------------------------------


def refuse_bad_n_out(values, n_out):
    reference.dct_ii(values, n_out)


@mistake(
    "dct_ii",
    'The scaling is missing (scipy\'s default, without norm="ortho"): the sum of squares must stay the same.',
)
def without_scaling(values, n_out):
    refuse_bad_n_out(values, n_out)
    return scipy.fft.dct(values, type=2, axis=-1)[..., :n_out]


@mistake(
    "dct_ii",
    "You left out the factors s[k] and have the plain sums. Multiply by √(1/N) for k = 0, √(2/N) for "
    "the others.",
)
def plain_sums(values, n_out):
    refuse_bad_n_out(values, n_out)
    return scipy.fft.dct(values, type=2, axis=-1)[..., :n_out] / 2


@mistake(
    "dct_ii",
    "Coefficient 0 is too large by √2. Its cosine is constant, so its factor is √(1/N), not √(2/N).",
)
def first_not_scaled(values, n_out):
    output = reference.dct_ii(values, n_out)
    output[..., 0] *= np.sqrt(2)
    return output


@mistake("dct_ii", "The half is missing in n + ½. The cosines are taken in the middle of each step.")
def half_step_missing(values, n_out):
    refuse_bad_n_out(values, n_out)
    n_in = values.shape[-1]
    basis = np.cos(np.pi / n_in * np.outer(np.arange(n_in), np.arange(n_out))) * np.sqrt(2 / n_in)
    basis[:, 0] /= np.sqrt(2)
    return values @ basis


@mistake("dct_ii", "N is the length of the row, not the number of coefficients that you keep.")
def length_of_output(values, n_out):
    refuse_bad_n_out(values, n_out)
    n_in = values.shape[-1]
    basis = np.cos(np.pi / n_out * np.outer(np.arange(n_in) + 0.5, np.arange(n_out))) * np.sqrt(2 / n_out)
    basis[:, 0] /= np.sqrt(2)
    return values @ basis


@mistake("dct_ii", "You left out coefficient 0 and started at 1. Counting starts at k = 0.")
def starts_at_one(values, n_out):
    refuse_bad_n_out(values, n_out)
    n_in = values.shape[-1]
    basis = np.cos(np.pi / n_in * np.outer(np.arange(n_in) + 0.5, np.arange(1, n_out + 1)))
    return values @ (basis * np.sqrt(2 / n_in))


@mistake("dct_ii", "You transformed along the first axis, across rows. The last axis is asked for.")
def along_first_axis(values, n_out):
    refuse_bad_n_out(values, n_out)
    return scipy.fft.dct(values, type=2, norm="ortho", axis=0)[..., :n_out]


@mistake("dct_ii", "That is the inverse, type III: n and k have changed places in your table of cosines.")
def type_three(values, n_out):
    refuse_bad_n_out(values, n_out)
    return scipy.fft.dct(values, type=3, norm="ortho", axis=-1)[..., :n_out]


# --- mfcc --------------------------------------------------------------------------------------------


@mistake("mfcc", "The pre-emphasis is missing.")
def without_preemphasis(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    return reference.mfcc(samples, sample_rate, n_mfcc, n_mels, n_fft, frame_length, hop_length, 0.0)


@mistake("mfcc", "You ignored coefficient and always used 0.97.")
def coefficient_ignored(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    return reference.mfcc(samples, sample_rate, n_mfcc, n_mels, n_fft, frame_length, hop_length)


@mistake("mfcc", "You dropped c0 and counted from c1. The coefficients start at c0.")
def without_c0(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    reference.mfcc(samples, sample_rate, n_mfcc, n_mels, n_fft, frame_length, hop_length, coefficient)
    every = reference.mfcc(samples, sample_rate, n_mels, n_mels, n_fft, frame_length, hop_length, coefficient)
    return every[:, 1 : n_mfcc + 1]


@mistake("mfcc", "The logarithm is missing: you took the DCT of the mel energies themselves.")
def without_logarithm(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    energies = reference.log_mel(
        reference.preemphasis(samples, coefficient), sample_rate, n_mels, n_fft, frame_length, hop_length
    )
    return reference.dct_ii(np.exp(energies), n_mfcc)


@mistake(
    "mfcc",
    "You made n_mfcc mel filters. Make n_mels filters first; the DCT then keeps n_mfcc coefficients.",
)
def as_many_filters_as_coefficients(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    reference.mfcc(samples, sample_rate, n_mfcc, n_mels, n_fft, frame_length, hop_length, coefficient)
    return reference.mfcc(samples, sample_rate, n_mfcc, n_mfcc, n_fft, frame_length, hop_length, coefficient)


@mistake("mfcc", "You liftered the coefficients, as HTK does with L = 22. No lifter is asked for.")
def liftered(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    output = reference.mfcc(
        samples, sample_rate, n_mfcc, n_mels, n_fft, frame_length, hop_length, coefficient
    )
    return output * (1 + 11 * np.sin(np.pi * np.arange(n_mfcc) / 22))


@mistake("mfcc", "Coefficients stand in rows, as in librosa. Here each row is one frame.")
def coefficients_in_rows(
    samples, sample_rate, n_mfcc=13, n_mels=40, n_fft=512, frame_length=400, hop_length=160, coefficient=0.97
):
    return reference.mfcc(
        samples, sample_rate, n_mfcc, n_mels, n_fft, frame_length, hop_length, coefficient
    ).T


# --- delta -------------------------------------------------------------------------------------------


def slopes(padded, n_frames, window):
    steps = range(1, window + 1)
    total = sum(
        k * (padded[window + k : window + k + n_frames] - padded[window - k : window - k + n_frames])
        for k in steps
    )
    return total / (2 * sum(k**2 for k in steps))


@mistake(
    "delta",
    "You filled the edges with zeros, which makes a cliff at both ends. Repeat the first and last frame.",
)
def edges_zero(features, window=2):
    if window < 1:
        raise ValueError("window")
    return slopes(np.pad(features, ((window, window), (0, 0))), len(features), window)


@mistake(
    "delta",
    "You left out the frames at both ends. The result has as many frames as the features: repeat the edges.",
)
def edges_dropped(features, window=2):
    return reference.delta(features, window)[window:-window]


@mistake("delta", "You mirrored the signal at its ends. Repeat the first and last frame instead.")
def edges_mirrored(features, window=2):
    if window < 1:
        raise ValueError("window")
    return slopes(np.pad(features, ((window, window), (0, 0)), mode="symmetric"), len(features), window)


@mistake("delta", "The 2 in the denominator is missing: your slopes are twice too steep.")
def two_missing(features, window=2):
    return 2 * reference.delta(features, window)


@mistake("delta", "You took the difference to the frame before. Deltas fit a line through all frames around.")
def difference_to_the_frame_before(features, window=2):
    if window < 1:
        raise ValueError("window")
    return np.diff(features, axis=0, prepend=features[:1]).astype(np.float64)


@mistake(
    "delta",
    "The sign is wrong: you took earlier frames minus later ones, so what rises has a negative delta.",
)
def sign_flipped(features, window=2):
    return -reference.delta(features, window)


@mistake("delta", "You took the slope across the features of one frame. Time runs along the rows.")
def across_features(features, window=2):
    return np.ascontiguousarray(reference.delta(np.ascontiguousarray(features.T), window).T)


@mistake("delta", "Every pair of frames counts the same in yours. A pair that is k frames away has weight k.")
def weights_missing(features, window=2):
    reference.delta(features, window)
    padded = np.pad(features, ((window, window), (0, 0)), mode="edge")
    n_frames = len(features)
    total = sum(
        padded[window + k : window + k + n_frames] - padded[window - k : window - k + n_frames]
        for k in range(1, window + 1)
    )
    return total / (2 * sum(k**2 for k in range(1, window + 1)))


@mistake("delta", "You divided by 2 · Σk. The denominator is 2 · Σk².")
def squares_missing(features, window=2):
    return reference.delta(features, window) * (2 * window + 1) / 3


# --- mfcc_like_librosa -------------------------------------------------------------------------------


def variant(
    samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db,
    pad=True, pad_mode="constant", scale="slaney", norm="slaney", limit="clip", natural=False, emphasis=0.0,
):  # fmt: skip
    samples = reference.preemphasis(samples, emphasis)
    padded = np.pad(samples, n_fft // 2, mode=pad_mode) if pad else samples
    spectra = reference.power_spectrum(reference.frame(padded, n_fft, hop_length), n_fft)
    energies = spectra @ reference.mel_filterbank(n_mels, n_fft, sample_rate, scale=scale, norm=norm).T
    levels = np.log(np.maximum(energies, 1e-10)) if natural else 10 * np.log10(np.maximum(energies, 1e-10))
    if limit == "clip":
        levels = np.maximum(levels, levels.max() - top_db)
    if limit == "frame":
        levels = np.maximum(levels, levels.max(axis=1, keepdims=True) - top_db)
    if limit == "absolute":
        levels = np.maximum(levels, -top_db)
    return reference.dct_ii(levels, n_mfcc)


@mistake(
    "mfcc_like_librosa",
    "Your frames start at sample 0. librosa centres them: n_fft // 2 zeros come before and after the signal.",
)
def not_centred(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, pad=False)


@mistake(
    "mfcc_like_librosa",
    "You mirrored the signal at its ends, as librosa did before version 0.10. Now it adds zeros.",
)
def mirrored_ends(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, pad_mode="reflect")


@mistake("mfcc_like_librosa", "Your filters stand on the HTK scale. librosa's default is Slaney's.")
def htk_scale(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db)
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, scale="htk")


@mistake(
    "mfcc_like_librosa",
    'Your filters have peak 1. librosa\'s default gives each triangle area 1: norm="slaney".',
)
def peak_one(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, norm=None)


@mistake("mfcc_like_librosa", "You took the natural logarithm. librosa works in decibels: 10 · log10.")
def natural_for_decibels(
    samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0
):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, natural=True)


@mistake(
    "mfcc_like_librosa",
    "top_db has no effect in yours: raise what is further than that below the loudest level.",
)
def without_top_db(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, limit="none")


@mistake(
    "mfcc_like_librosa",
    "You measured top_db from each frame's own loudest level. It counts from the loudest of the whole clip.",
)
def top_db_per_frame(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, limit="frame")


@mistake("mfcc_like_librosa", "You measured top_db from 0 dB. It counts from the loudest level of the clip.")
def top_db_from_zero(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, limit="absolute")


@mistake("mfcc_like_librosa", "You applied pre-emphasis. librosa's mfcc has none.")
def emphasised_first(samples, sample_rate, n_mfcc=20, n_mels=128, n_fft=2048, hop_length=512, top_db=80.0):
    return variant(samples, sample_rate, n_mfcc, n_mels, n_fft, hop_length, top_db, emphasis=0.97)
