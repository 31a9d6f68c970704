# ---
# jupyter:
#   lab:
#     title: Mel features
#     topic: 3
#     minutes: 210
#     difficulty: 2
#     needs: []
#     libraries: [numpy, scipy]
#     covers:
#       "Mel filter banks (triangular filters on Mel scale)": mel_filterbank
#       "MFCC computation pipeline:": mfcc
#       "1. Pre-emphasis filter": preemphasis
#       "2. Framing + windowing": frame
#       "3. FFT": power_spectrum
#       "4. Mel filter bank": mel_filterbank
#       "5. Log compression": log_mel
#       "6. DCT (Discrete Cosine Transform)": dct_ii
#       "Delta and delta-delta features": delta
#       "Practice: Implement MFCC from scratch without librosa": mfcc_like_librosa
# ---

# %% [markdown]
# # Mel features
#
# Press play on the first clip, then on the second. Each holds two tones. In both clips the second
# tone is exactly **100 Hz** higher than the first.

# %%
import numpy as np
import scipy.fft
import scipy.sparse
from jaxtyping import Float

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table


def two_tones(first: float, second: float, sample_rate: int = 16_000) -> Float[np.ndarray, "time"]:
    """Half a second of each tone (in Hz), with soft ends so that they do not click."""
    time = np.arange(sample_rate // 2) / sample_rate
    fade = np.minimum(1, 50 * np.minimum(time, time[::-1]))
    return 0.3 * np.concatenate([fade * np.sin(2 * np.pi * pitch * time) for pitch in (first, second)])


play({"200 Hz, then 300 Hz": two_tones(200, 300), "3000 Hz, then 3100 Hz": two_tones(3000, 3100)}, 16_000)

# %% [markdown]
# The first pair is a clear leap. The second pair is nearly the same tone twice. The physics is equal,
# the hearing is not: **the ear is exact at low frequencies and coarse at high ones.**
#
# A speech recogniser should spend its numbers where the ear does. In this lab you build the features
# that do so.

# %% [markdown]
# ## What you will build
#
# You turn a waveform into **MFCCs**, *mel-frequency cepstral coefficients*, from nothing but NumPy.
# There are six steps, and each is a function of yours. Here they are for one second of speech at
# 8000 samples per second:
#
# | step | your function | what comes out | numbers per second |
# |---|---|---|---|
# | | | samples | 8000 |
# | 1. pre-emphasis | `preemphasis` | samples, high frequencies lifted | 8000 |
# | 2. framing, windowing | `frame` | 98 short pieces of 200 samples | 19 600 |
# | 3. FFT | `power_spectrum` | 98 spectra of 129 bins | 12 642 |
# | 4. mel filter bank | `mel_filterbank` | 98 rows of 40 energies | 3920 |
# | 5. logarithm | `log_mel` | 98 rows of 40 log energies | 3920 |
# | 6. DCT | `dct_ii`, `mfcc` | 98 rows of 13 coefficients | 1274 |
#
# One last function, `delta`, adds how the coefficients *change*.
#
# **Who uses this?** OpenAI's Whisper listens to a log-mel spectrogram of 80 channels: steps 2 to 5.
# Tacotron and FastSpeech speak by predicting one. Kaldi's recognisers, the standard for
# a decade, used all six steps with 13 coefficients and their deltas. The digit recogniser that you
# build later in this course runs on the code you write now.
#
# The recordings below are spoken digits. The line under the next cell says whether they are real
# recordings or synthetic ones.

# %%
digits = corpora.digits()
sample_rate = digits.sample_rate
seven = digits.clip("seven", speaker=0)
zero = digits.clip("zero", speaker=0)

play({"seven": seven.samples, "zero": zero.samples}, sample_rate)
plot.waveform(seven.samples, sample_rate, title=f"“seven”, {len(seven.samples)} samples")

# %% [markdown]
# ## The idea
#
# A word is not a list of samples. Say "seven" twice: no two samples agree, yet everyone hears the same
# word. What stays is *which frequencies are strong, and how that changes over time*.
#
# Every 10 ms we ask: how much energy is there around 100 Hz, around 200 Hz, and so on up to 4000 Hz?
# And we place those questions densely at low frequencies and sparsely at high ones, as the ear does.
#
# **A number first.** The *mel* scale measures how high a tone sounds. Here are our four tones:
#
# | Hz | mel |
# |---|---|
# | 200 | 283 |
# | 300 | 402 |
# | 3000 | 1876 |
# | 3100 | 1907 |
#
# From 200 to 300 Hz it is 119 mel, from 3000 to 3100 Hz only 30 mel. The first leap sounds four times
# as large, and now the numbers say so.
#
# **The formula** is $m = 2595 \log_{10}(1 + f/700)$. Far below 700 Hz it is nearly a straight line;
# far above it is nearly a logarithm. Part 4 comes back to it.
#
# Write the parts in order. Each is short, and each is checked at once.

# %% [markdown]
# ## Part 1: pre-emphasis
#
# A voice is loud at low frequencies. Each doubling of frequency costs a vowel some 6 dB or more, so
# the upper half of the spectrum, where *s* differs from *f*, is faint. Pre-emphasis evens that out. It
# subtracts from each sample most of the one before:
#
# $$y_t = x_t - 0.97\,x_{t-1}$$
#
# **A number first.** A slow signal hardly moves from sample to sample: 1.00, 1.00, 1.00 becomes 1.00,
# 0.03, 0.03. A fast one alternates: 1, −1, 1 becomes 1, −1.97, 1.97. The slow signal shrank to 3 %, the
# fast one nearly doubled.
#
# The first sample has no predecessor. It stays as it is.


# %% part="preemphasis" points=2 difficulty=1 minutes=10 forbids="librosa scipy.signal"
def preemphasis(samples: Float[np.ndarray, "time"], coefficient: float = 0.97) -> Float[np.ndarray, "time"]:
    """Lift high frequencies by subtracting a share of the previous sample.

    Args:
        samples: waveform, any unit; integers are welcome.
        coefficient: share of the previous sample that is subtracted, 0 (nothing happens) to 1.
    Returns:
        y[t] = x[t] - coefficient * x[t - 1] and y[0] = x[0], as float64, as long as `samples`.
    Source: Young et al., The HTK Book 3.4, section 5.2, equation 5.1.
    Example:
        >>> preemphasis(np.array([1.0, 1.0, -1.0]), 0.5).tolist()
        [1.0, 0.5, -1.5]
    """
    ### BEGIN SOLUTION
    output = np.array(samples, dtype=np.float64)
    output[1:] -= coefficient * output[:-1]  # the right side is finished before the left one changes
    return output
    ### END SOLUTION


# %% [markdown] hints="preemphasis"
# 1. All samples but the first, and all samples but the last: how are the two arrays related?
# 2. `samples[1:]` and `samples[:-1]` are the same signal, one step apart. No loop is needed. Every
#    predecessor is a sample of the *input*, never of the output.
# 3. Convert to float64 first. Then join `samples[:1]` and `samples[1:] - coefficient * samples[:-1]`
#    with `np.concatenate`.

# %% [markdown]
# Listen. The bass is gone and the consonants are sharper.

# %%
emphasised = preemphasis(seven.samples)
play({"seven": seven.samples, "after pre-emphasis": emphasised / np.abs(emphasised).max() * 0.5}, sample_rate)

# %% [markdown]
# ## Part 2: framing
#
# Speech changes all the time, but slowly: for 20 to 30 ms the mouth is nearly still. So we cut the
# signal into **frames** of 25 ms and start a new one every 10 ms. Frames overlap, so that no sound
# falls between two of them.
#
# Two lengths, both in samples: `frame_length` (how long a frame is) and `hop_length` (how far the next
# one starts).
#
# **A number first.** Ten samples, frames of 4, hop 3. Frames start at 0, 3 and 6, and the last one
# ends exactly with sample 9: three frames. With eleven samples it is still three, because a frame at
# 9 would need sample 12. We keep *whole* frames only. The count is
#
# $$T = 1 + \left\lfloor \frac{\text{samples} - \text{frame length}}{\text{hop length}} \right\rfloor .$$


# %% part="frame" points=3 difficulty=2 minutes=15 forbids="librosa"
def frame(
    samples: Float[np.ndarray, "time"], frame_length: int, hop_length: int
) -> Float[np.ndarray, "frames frame_length"]:
    """Cut a signal into overlapping frames.

    Args:
        samples: waveform, one channel, any unit.
        frame_length: samples per frame.
        hop_length: samples from the start of one frame to the start of the next.
    Returns:
        Row t holds samples[t * hop_length : t * hop_length + frame_length]. Whole frames only: samples
        left over at the end are dropped. It may be a read-only view of `samples`.
    Raises:
        ValueError: if a length is less than 1, `samples` is not one-dimensional, or it is shorter than
            one frame.
    Source: Young et al., The HTK Book 3.4, section 5.2.
    Example:
        >>> frame(np.arange(7), frame_length=4, hop_length=2).tolist()
        [[0, 1, 2, 3], [2, 3, 4, 5]]
    """
    ### BEGIN SOLUTION
    if frame_length < 1 or hop_length < 1:
        raise ValueError(
            f"frame_length is {frame_length} and hop_length is {hop_length}, expected at least 1 sample each"
        )
    if samples.ndim != 1:
        raise ValueError(f"samples has shape {samples.shape}, expected one channel: [time]")
    if len(samples) < frame_length:
        raise ValueError(f"samples has length {len(samples)}, expected at least one frame of {frame_length}")
    return np.lib.stride_tricks.sliding_window_view(samples, frame_length)[::hop_length]
    ### END SOLUTION


# %% [markdown] hints="frame"
# 1. At which sample does frame 0 start? Frame 1? Frame t? Which is the last start that still leaves
#    room for a whole frame?
# 2. A column of starts plus a row `0 … frame_length − 1` gives a whole matrix of positions, and an
#    array can be indexed by a matrix. The number of frames is the formula above; mind the `1 +`.
# 3. `starts = hop_length * np.arange(count)`, then
#    `samples[starts[:, None] + np.arange(frame_length)]`. Without any copy:
#    `np.lib.stride_tricks.sliding_window_view(samples, frame_length)`, of which you keep every
#    `hop_length`-th row.

# %% [markdown]
# ## Part 3: window and power spectrum
#
# Which frequencies are in a frame? The **Fourier transform** answers. It compares the frame with
# waves of many frequencies and gives one complex number per frequency. The square of its size is the
# **power** at that frequency. `np.fft.rfft` computes all of them at once, `scipy.fft.rfft` does so faster.
#
# Two details matter.
#
# **The window.** Cutting a frame out of a sound makes a hard edge at both ends, and a hard edge holds
# all frequencies. So the frame is faded in and out first, by a factor that rises from 0 to 1 and falls
# again, the *Hann window*:
#
# $$w_n = \tfrac12 - \tfrac12\cos\frac{2\pi n}{N}, \qquad n = 0 \dots N-1 .$$
#
# With $N = 4$ it is 0, ½, 1, ½. It divides by $N$, not by $N-1$: the next value would be 0 again, and
# that one belongs to the next period. This is the *periodic* form. The *symmetric* one (0, ¾, ¾, 0) is
# for designing filters.
#
# **The length of the FFT.** An FFT of `n_fft` samples gives `n_fft // 2 + 1` **bins**, from 0 Hz to half
# the sample rate, evenly spaced: bin $k$ lies at $k \cdot f_s / n_\text{fft}$. If the frame is shorter
# than `n_fft`, zeros fill the rest *after* windowing. With 200 samples at 8000 Hz and `n_fft = 256`:
# 129 bins, 31.25 Hz apart.


# %% part="power_spectrum" points=3 difficulty=2 minutes=15 forbids="librosa scipy.signal"
def power_spectrum(
    frames: Float[np.ndarray, "frames frame_length"], n_fft: int
) -> Float[np.ndarray, "frames bins"]:
    """Power of each frame at each frequency, through a periodic Hann window.

    Args:
        frames: one frame per row, N = frame_length samples each; integers are welcome.
        n_fft: FFT length in samples, at least N. Shorter frames are followed by zeros.
    Returns:
        |rfft(window * frame)|² in squared units of `frames`, n_fft // 2 + 1 bins from 0 Hz to half the
        sample rate. The window is 0.5 - 0.5 cos(2πn / N) over the N samples of the frame.
    Raises:
        ValueError: if `n_fft` is smaller than the frame length, since samples would be cut off.
    Source: Harris 1978, On the use of windows for harmonic analysis with the DFT, section V.
    Example:
        >>> power_spectrum(np.ones((1, 4)), n_fft=4).round(6).tolist()
        [[4.0, 1.0, 0.0]]
    """
    ### BEGIN SOLUTION
    frame_length = frames.shape[1]
    if n_fft < frame_length:
        raise ValueError(f"n_fft is {n_fft}, expected at least the frame length {frame_length}")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame_length) / frame_length)
    spectrum = scipy.fft.rfft(frames * window, n_fft)
    return spectrum.real**2 + spectrum.imag**2
    ### END SOLUTION


# %% [markdown] hints="power_spectrum"
# 1. Three things happen to each frame, in this order: fade, transform, square the size.
# 2. A row of N weights times a [T, N] matrix weights every row. `np.fft.rfft` takes the FFT length as
#    its second argument and appends the zeros itself. It would also *cut* a longer frame without a
#    word, so ask first.
# 3. `spectrum = np.fft.rfft(frames * window, n_fft)` with
#    `window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N) / N)`, then `np.abs(spectrum) ** 2`.
#    `np.hanning(N)` is the symmetric window: not this one.

# %% [markdown]
# See what the window does to one pure tone of 440 Hz. Without it, the tone leaks into every bin, and a
# weak consonant beside it would drown. With it the leak is gone, at the price of a wider peak.

# %%
tone = np.sin(2 * np.pi * 440 * np.arange(200) / 8000)
bin_hz = np.arange(129) * 8000 / 256


def level_db(power: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Decibels below the strongest value, no less than -100."""
    return 10 * np.log10(np.maximum(power / power.max(), 1e-10))


plot.lines(
    {
        "just cut out": (bin_hz, level_db(np.abs(np.fft.rfft(tone, 256)) ** 2)),
        "through your window": (bin_hz, level_db(power_spectrum(tone[None], 256)[0])),
    },
    x_label="frequency [Hz]",
    y_label="power [dB]",
    title="25 ms of one tone at 440 Hz",
)

# %% [markdown]
# Your three functions make a spectrogram. At 8000 Hz, 25 ms are 200 samples and 10 ms are 80.

# %%
FRAME_LENGTH, HOP_LENGTH, N_FFT = 200, 80, 256  # 25 ms, 10 ms and the next power of two, at 8000 Hz

spectra = power_spectrum(frame(preemphasis(seven.samples), FRAME_LENGTH, HOP_LENGTH), N_FFT)
plot.spectrogram(
    level_db(spectra),
    sample_rate=sample_rate,
    hop_length=HOP_LENGTH,
    orient="time_first",
    title=f"“seven”: {spectra.shape[0]} frames × {spectra.shape[1]} bins",
)

# %% [markdown]
# ## Part 4: from hertz to mel
#
# In 1937 Stevens, Volkmann and Newman asked listeners to set a tone so that it sounded *half as high*
# as another. From such answers comes the mel scale, on which equal steps sound equal. 1000 Hz is 1000
# mel by agreement.
#
# There is not one mel scale, there are two in daily use, and mixing them up is the classic bug.
#
# **HTK** (also Kaldi, torchaudio): one formula for all frequencies,
# $$m = 2595 \log_{10}\left(1 + \frac{f}{700}\right).$$
#
# **Slaney** (librosa's default, Whisper): a straight line up to 1000 Hz, a logarithm above,
# $$m = \begin{cases} 3f/200 & f < 1000 \\ 15 + 27\,\dfrac{\ln(f/1000)}{\ln 6.4} & f \ge 1000.\end{cases}$$
#
# **A number first.** 1000 Hz is 1000 mel on the one and 15 mel on the other. 3000 Hz is 1876 and 30.98.
# The unit does not matter, the *shape* does: HTK puts 3000 Hz at 1.88 times the height of 1000 Hz,
# Slaney at 2.07 times.


# %% part="hz_to_mel" points=2 difficulty=1 minutes=12 forbids="librosa"
def hz_to_mel(
    frequency: float | Float[np.ndarray, "*shape"], scale: str = "htk"
) -> float | Float[np.ndarray, "*shape"]:
    """Frequency in mel.

    Args:
        frequency: in Hz, zero or more; one number or an array of any shape.
        scale: "htk", one logarithm; or "slaney", linear below 1000 Hz and logarithmic above.
    Returns:
        Mel, in the shape of `frequency`.
    Raises:
        ValueError: if `scale` is neither "htk" nor "slaney".
    Source: The HTK Book 3.4, equation 5.13; Slaney 1998, Auditory Toolbox, function mfcc.m.
    Example:
        >>> round(float(hz_to_mel(3000.0)), 1)
        1876.5
        >>> hz_to_mel(np.array([0.0, 200.0, 1000.0]), "slaney").round(6).tolist()
        [0.0, 3.0, 15.0]
    """
    ### BEGIN SOLUTION
    frequency = np.asarray(frequency, dtype=np.float64)
    if scale == "htk":
        return 2595 * np.log10(1 + frequency / 700)
    if scale == "slaney":
        # each of the two terms stands still where the other one applies
        linear = np.minimum(frequency, 1000) * 3 / 200
        return linear + 27 * np.log(np.maximum(frequency, 1000) / 1000) / np.log(6.4)
    raise ValueError(f'scale is {scale!r}, expected "htk" or "slaney"')
    ### END SOLUTION


# %% [markdown] hints="hz_to_mel"
# 1. Two formulas stand above the part. The only work is to choose the right one for each frequency.
# 2. `np.where(frequency < 1000, a, b)` picks element by element. It computes both sides everywhere, so
#    see that $\ln(f/1000)$ also gets a harmless number at $f = 0$.
# 3. HTK: `2595 * np.log10(1 + frequency / 700)`. Slaney: `3 * frequency / 200` below 1000, else
#    `15 + 27 * np.log(np.maximum(frequency, 1000) / 1000) / np.log(6.4)`.

# %% [markdown]
# ## Part 5: from mel back to hertz
#
# To place filters we go the other way: choose points evenly in mel, then ask at which frequency each
# one lies. Solve both formulas for $f$.
#
# **A number first.** HTK, 1000 mel: $1000/2595 = 0.3854$, $10^{0.3854} = 2.4287$, minus 1 is 1.4287,
# times 700 is 1000 Hz.


# %% part="mel_to_hz" points=2 difficulty=1 minutes=10 forbids="librosa"
def mel_to_hz(
    mel: float | Float[np.ndarray, "*shape"], scale: str = "htk"
) -> float | Float[np.ndarray, "*shape"]:
    """Frequency of a mel value: the inverse of `hz_to_mel`.

    Args:
        mel: zero or more; one number or an array of any shape.
        scale: "htk" or "slaney", the scale that `mel` is measured on.
    Returns:
        Frequency in Hz, in the shape of `mel`.
    Raises:
        ValueError: if `scale` is neither "htk" nor "slaney".
    Source: as `hz_to_mel`, solved for the frequency.
    Example:
        >>> round(float(mel_to_hz(1876.5)), 1)
        3000.2
        >>> mel_to_hz(np.array([3.0, 15.0, 42.0]), "slaney").round(6).tolist()
        [200.0, 1000.0, 6400.0]
    """
    ### BEGIN SOLUTION
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    if scale == "slaney":
        return np.minimum(mel, 15) * 200 / 3 * 6.4 ** (np.maximum(mel - 15, 0) / 27)
    raise ValueError(f'scale is {scale!r}, expected "htk" or "slaney"')
    ### END SOLUTION


# %% [markdown] hints="mel_to_hz"
# 1. Undo the steps of `hz_to_mel` one by one, the last one first.
# 2. $10^{\log_{10} u} = u$, and $\ln(u)/\ln 6.4 = p$ means $u = 6.4^p$. On the Slaney scale the border
#    is at 15 *mel*.
# 3. HTK: `700 * (10 ** (mel / 2595) - 1)`. Slaney: `200 * mel / 3` below 15, else
#    `1000 * 6.4 ** ((mel - 15) / 27)`.

# %%
hertz = np.linspace(0, 8000, 200)
plot.lines(
    {
        "HTK": (hertz, hz_to_mel(hertz) / hz_to_mel(8000.0)),
        "Slaney": (hertz, hz_to_mel(hertz, "slaney") / hz_to_mel(8000.0, "slaney")),
    },
    x_label="frequency [Hz]",
    y_label="height, as a share of 8000 Hz",
    title="Two mel scales: the same idea, not the same numbers",
)

# %% [markdown]
# ## Part 6: the mel filter bank
#
# Now the questions "how much energy is there around this frequency?". Each is a **triangle** over the
# bins of the spectrum: weight 1 at its centre, falling to 0 at the centres of its two neighbours. A
# matrix with one triangle per row turns 129 bins into 40 energies by one multiplication.
#
# To place $M$ triangles, take $M + 2$ points *evenly spaced in mel* from `f_min` to `f_max`. Filter
# $m$ starts at point $m$, peaks at point $m+1$ and ends at point $m+2$. Turn the points into Hz. The
# sides of a triangle are straight lines *in Hz*:
#
# $$w_m(f) = \max\left(0, \min\left(\frac{f - f_m}{f_{m+1} - f_m},\
# \frac{f_{m+2} - f}{f_{m+2} - f_{m+1}}\right)\right).$$
#
# **A number first.** Let the points be 0, 100 and 300 Hz. At 50 Hz we are half way up: weight 0.5. At
# 200 Hz we are half way down: 0.5 again. At 100 Hz both fractions are 1.
#
# Do not round the points to bins. Many tutorials do, and it moves narrow filters by up to a third of
# their width.
#
# **Two traps.**
#
# *Height.* HTK's triangles have peak 1. librosa's default, `norm="slaney"`, gives each triangle
# *area* 1 instead: it multiplies by 2 / (width in Hz). Their peaks are then 0.03 or less. Give features of
# the one kind to a model trained on the other: it goes wrong, and no error is raised.
#
# *Emptiness.* Low filters are narrow. Ask for too many and one falls between two bins: it is zero
# everywhere, its energy is always 0, its logarithm always the floor. At 16 000 Hz with 128 filters and
# `n_fft = 400` this happens to four of them. Your function refuses with a sentence.

# %%
NO_WEIGHT = 1e-9  # a filter whose largest weight is below this covers no bin; 1e-16 is rounding of zero


# %% part="mel_filterbank" points=5 difficulty=3 minutes=30 forbids="librosa"
def mel_filterbank(
    n_mels: int,
    n_fft: int,
    sample_rate: int,
    f_min: float = 0.0,
    f_max: float | None = None,
    scale: str = "htk",
    norm: str | None = None,
) -> Float[np.ndarray, "mels bins"]:
    """Triangular filters, evenly spaced in mel.

    Args:
        n_mels: number of filters, at least 1.
        n_fft: FFT length in samples; bin k of n_fft // 2 + 1 lies at k * sample_rate / n_fft Hz.
        sample_rate: in Hz.
        f_min: where the first triangle starts, in Hz.
        f_max: where the last triangle ends, in Hz; None stands for sample_rate / 2.
        scale: mel scale for the spacing, "htk" or "slaney".
        norm: None, each triangle has its peak of 1 at its centre (which may lie between two bins);
            or "slaney", each triangle has area 1, that is, it is multiplied by 2 / (width in Hz).
    Returns:
        One filter per row. The sides are straight lines in Hz.
    Raises:
        ValueError: if n_mels < 1, not 0 <= f_min < f_max <= sample_rate / 2, `scale` or `norm` is
            unknown, or a filter covers no bin.
    Source: Davis & Mermelstein 1980, figure 1; The HTK Book 3.4, section 5.6; Slaney 1998, mfcc.m.
    Example:
        >>> mel_filterbank(2, 8, 8000).round(3).tolist()
        [[0.0, 0.676, 0.0, 0.0, 0.0], [0.0, 0.324, 0.906, 0.453, 0.0]]
    """
    ### BEGIN SOLUTION
    f_max = sample_rate / 2 if f_max is None else f_max
    if n_mels < 1:
        raise ValueError(f"n_mels is {n_mels}, expected at least 1 filter")
    if not 0 <= f_min < f_max <= sample_rate / 2:
        raise ValueError(
            f"f_min is {f_min} Hz and f_max is {f_max} Hz, "
            f"expected 0 <= f_min < f_max <= {sample_rate / 2} Hz (half the sample rate)"
        )
    if norm not in (None, "slaney"):
        raise ValueError(f'norm is {norm!r}, expected None or "slaney"')
    points = np.linspace(hz_to_mel(f_min, scale), hz_to_mel(f_max, scale), n_mels + 2)
    edges = mel_to_hz(points, scale)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    weights = np.maximum(0, np.minimum(rising, falling))
    empty = np.flatnonzero(weights.max(axis=1) < NO_WEIGHT)
    if len(empty) > 0:
        raise ValueError(
            f"{len(empty)} of {n_mels} filters cover no FFT bin (the first is filter {empty[0]}): "
            f"bins are {sample_rate / n_fft:g} Hz apart; take fewer filters or a larger n_fft than {n_fft}"
        )
    return weights if norm is None else weights * 2 / (right - left)
    ### END SOLUTION


# %% [markdown] hints="mel_filterbank"
# 1. First the M + 2 points and the frequencies of the bins, as two plain arrays. Then, for one filter,
#    what is its weight at each bin? Then all filters at once.
# 2. A column of M left ends against a row of bins gives an [M, F] matrix. One line for the rising
#    side, one for the falling side; the smaller of both, but never below 0, is the triangle.
# 3. `edges = mel_to_hz(np.linspace(hz_to_mel(f_min, scale), hz_to_mel(f_max, scale), n_mels + 2), scale)`,
#    `left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]`, then
#    `np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))`.
#    A filter is empty if the largest weight in its row is 0. Scale for `norm` at the very end.

# %% [markdown]
# Look at the bank over the spectrum of one frame, the loudest one of "seven": a vowel. Where the
# spectrum has detail the triangles are narrow, and they widen to the right.

# %%
filters = mel_filterbank(20, N_FFT, sample_rate)
vowel = spectra[spectra.sum(axis=1).argmax()]
plot.filterbank(filters, sample_rate, title="20 mel filters")
plot.lines(
    {
        "spectrum, 129 bins": (bin_hz, level_db(vowel)),
        "20 mel energies": (
            mel_to_hz(np.linspace(0, hz_to_mel(4000.0), 22))[1:-1],
            level_db(filters @ vowel),
        ),
    },
    x_label="frequency [Hz]",
    y_label="power [dB]",
    title="A vowel of “seven” before and after the filter bank",
)

# %% [markdown]
# The comb of the voice's harmonics disappears on the right and partly remains on the left. What stays
# is the *envelope*: broad hills, the resonances of the mouth. They are called **formants**, and they
# make an *e* differ from an *o*.

# %% [markdown]
# ## Part 7: log-mel
#
# One step is left to what Whisper listens to: the logarithm. It does for loudness what mel does for
# pitch. Twice the energy is always the same step, $\ln 2 = 0.69$, however loud it was before.
#
# But $\ln 0 = -\infty$, and digital silence *is* 0. One $-\infty$ makes every average and every
# training step infinite. So energies below a **floor** are raised to it first:
# $\ln(\max(e, 10^{-10})) \ge -23.03$.
#
# Use the natural logarithm here, and your functions in order: frames, spectra, filters (HTK scale,
# peak 1), logarithm. Pre-emphasis is not part of it; that belongs to MFCC.

# %%
FRAMES_AT_ONCE = 512  # for long signals, if you like: 512 frames × 257 bins fill 1 MB, an hour fills 700 MB


# %% part="log_mel" points=3 difficulty=2 minutes=15 forbids="librosa"
def log_mel(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    n_mels: int = 40,
    n_fft: int = 512,
    frame_length: int = 400,
    hop_length: int = 160,
    floor: float = 1e-10,
) -> Float[np.ndarray, "frames mels"]:
    """Natural logarithm of the mel energies of each frame.

    The defaults are 25 ms frames every 10 ms at 16 000 Hz.

    Args:
        samples: waveform, one channel, any unit; integers are welcome.
        sample_rate: in Hz.
        n_mels: number of mel filters (HTK scale, peak 1, from 0 Hz to half the sample rate).
        n_fft: FFT length in samples.
        frame_length: samples per frame.
        hop_length: samples from frame to frame.
        floor: energies below this are raised to it before the logarithm.
    Returns:
        ln(max(energy, floor)) per frame and filter.
    Raises:
        ValueError: if `floor` is not positive, or as `frame`, `power_spectrum` and `mel_filterbank`
            raise: signal shorter than a frame, `n_fft` shorter than a frame, a filter without a bin.
    Source: Davis & Mermelstein 1980, section II; Radford et al. 2022 (Whisper), section 2.2.
    Example:
        >>> log_mel(np.zeros(16_000), 16_000).shape
        (98, 40)
        >>> float(log_mel(np.zeros(400), 16_000)[0, 0].round(2))
        -23.03
    """
    ### BEGIN SOLUTION
    if floor <= 0:
        raise ValueError(f"floor is {floor}, expected an energy greater than zero")
    frames = frame(samples, frame_length, hop_length)
    # nearly all weights are zero: a sparse matrix skips them
    filters = scipy.sparse.csr_array(mel_filterbank(n_mels, n_fft, sample_rate))
    # a few hundred frames at a time: their spectra then fit into the processor's cache
    blocks = [frames[start : start + FRAMES_AT_ONCE] for start in range(0, len(frames), FRAMES_AT_ONCE)]
    energies = np.concatenate([(filters @ power_spectrum(block, n_fft).T).T for block in blocks])
    return np.log(np.maximum(energies, floor))
    ### END SOLUTION


# %% [markdown] hints="log_mel"
# 1. You have written everything already. This part is four calls in a row.
# 2. Spectra are [T, F], filters are [M, F]. Which matrix product gives [T, M]? Apply the floor to the
#    energies, not to their logarithm, and raise to it rather than add it.
# 3. `power_spectrum(frame(samples, frame_length, hop_length), n_fft) @ mel_filterbank(n_mels, n_fft,
#    sample_rate).T`, then `np.log(np.maximum(energies, floor))`. That is all. Working on some hundred
#    frames at a time, or with a sparse matrix of filters, only saves time.

# %%
settings = {"n_fft": N_FFT, "frame_length": FRAME_LENGTH, "hop_length": HOP_LENGTH}
log_energies = log_mel(seven.samples, sample_rate, **settings)
plot.features(
    log_energies,
    hop_seconds=HOP_LENGTH / sample_rate,
    title=f"“seven”: {log_energies.shape[0]} frames × {log_energies.shape[1]} log-mel energies",
    label="mel filter",
)

# %% [markdown]
# ## Part 8: the DCT
#
# Neighbouring mel energies rise and fall together: their triangles overlap, and a formant is broader
# than a filter. So 40 numbers say less than 40 numbers could. The **discrete cosine transform**
# describes each row of log energies by cosines instead: first its mean level, then its slope, then one
# arch, then finer and finer ripples. The first 13 give the envelope. The rest is mostly the comb of
# the voice's pitch, and is thrown away.
#
# $$c_k = s_k \sum_{n=0}^{N-1} v_n \cos\left(\frac{\pi}{N}\,k\left(n + \tfrac12\right)\right),
# \qquad s_0 = \sqrt{\tfrac1N},\quad s_k = \sqrt{\tfrac2N}.$$
#
# **A number first.** Take $v = (1, 1, 1, 1)$. Then $c_0 = \sqrt{1/4} \cdot 4 = 2$, and all others are 0:
# a flat row has a level and no shape. Take $v = (3, 1, -1, -3)$, a slope: $c_0 = 0$ and $c_1 = 4.46$
# holds nearly all of it.
#
# The factors $s_k$ make the transform *orthonormal*: it only rotates. Sums of squares stay the same
# ($3^2 + 1^2 + 1^2 + 3^2 = 20$, and $4.46^2 = 19.9$), and so do distances between rows.


# %% part="dct_ii" points=3 difficulty=2 minutes=15 forbids="scipy.fft scipy.fftpack librosa"
def dct_ii(values: Float[np.ndarray, "*rows n"], n_out: int) -> Float[np.ndarray, "*rows n_out"]:
    """The first coefficients of the orthonormal discrete cosine transform, type II.

    Args:
        values: any number of axes; the last one, of length N, is transformed.
        n_out: how many coefficients to keep, 1 to N.
    Returns:
        c[k] = s[k] * sum over n of values[n] * cos(pi / N * k * (n + 0.5)), for k from 0 to n_out - 1,
        with s[0] = sqrt(1 / N) and s[k] = sqrt(2 / N), on the last axis.
    Raises:
        ValueError: if `n_out` is less than 1 or more than N.
    Source: Ahmed, Natarajan & Rao 1974, Discrete cosine transform, equation 1.
    Example:
        >>> dct_ii(np.array([3.0, 1.0, -1.0, -3.0]), 2).round(2).tolist()
        [0.0, 4.46]
    """
    ### BEGIN SOLUTION
    n_in = values.shape[-1]
    if not 1 <= n_out <= n_in:
        raise ValueError(f"n_out is {n_out}, expected 1 to {n_in}, the length of the last axis")
    basis = np.cos(np.pi / n_in * np.outer(np.arange(n_in) + 0.5, np.arange(n_out)))
    scale = np.full(n_out, np.sqrt(2 / n_in))
    scale[0] = np.sqrt(1 / n_in)
    return values @ (basis * scale)
    ### END SOLUTION


# %% [markdown] hints="dct_ii"
# 1. Each coefficient is a weighted sum of the row. Weighted sums are a matrix product.
# 2. Build the table of cosines with one row per n and one column per k; `np.outer` multiplies every
#    $n + \tfrac12$ with every $k$. Scale its columns.
# 3. `basis = np.cos(np.pi / N * np.outer(np.arange(N) + 0.5, np.arange(n_out)))`, times
#    `np.sqrt(2 / N)`, its first column divided by `np.sqrt(2)` once more. Then `values @ basis`.

# %% [markdown]
# The first cosines, and one frame of "seven" rebuilt from more and more of them. (The transform of the
# identity matrix lists the cosines, and as it only rotates, its transpose turns back.)

# %%
cosines = dct_ii(np.eye(40), 40)
plot.lines(
    {f"k = {k}": cosines[:, k] for k in range(4)},
    x_label="mel filter",
    y_label="weight",
    title="DCT-II, N = 40",
)

row = log_energies[spectra.sum(axis=1).argmax()]
rebuilt = {f"{k} of 40 coefficients": dct_ii(row, k) @ cosines[:, :k].T for k in (1, 3, 13)}
plot.lines(
    {"log-mel energies": row, **rebuilt},
    x_label="mel filter",
    y_label="ln energy",
    title="A vowel, described by ever more cosines",
)

# %% [markdown]
# ## Part 9: MFCC
#
# Put the six steps in a row. The word *cepstrum* is "spectrum" with its first half read backwards:
# it is the spectrum of a spectrum.
#
# **A number first.** Make a recording ten times louder. Every energy grows by 100, every log energy by
# $\ln 100 = 4.61$. A constant has only a $c_0$: it grows by $\sqrt{40} \cdot 4.61 = 29.1$. All other
# coefficients stay exactly the same. So $c_0$ is loudness, and $c_1$ to $c_{12}$ are the sound.


# %% part="mfcc" points=4 difficulty=2 minutes=15 forbids="librosa"
def mfcc(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    n_mfcc: int = 13,
    n_mels: int = 40,
    n_fft: int = 512,
    frame_length: int = 400,
    hop_length: int = 160,
    coefficient: float = 0.97,
) -> Float[np.ndarray, "frames n_mfcc"]:
    """Mel-frequency cepstral coefficients.

    Args:
        samples: waveform, one channel, any unit; integers are welcome.
        sample_rate: in Hz.
        n_mfcc: coefficients kept per frame, counted from c0.
        n_mels: number of mel filters.
        n_fft: FFT length in samples.
        frame_length: samples per frame.
        hop_length: samples from frame to frame.
        coefficient: of the pre-emphasis, applied to the whole signal before it is cut into frames.
    Returns:
        Orthonormal DCT-II of the natural log-mel energies, the first `n_mfcc` of each frame. No lifter.
    Raises:
        ValueError: as `log_mel` and `dct_ii` raise: signal or `n_fft` shorter than a frame, a filter
            without a bin, `n_mfcc` less than 1 or more than `n_mels`.
    Source: Davis & Mermelstein 1980, equation 1; The HTK Book 3.4, sections 5.2 to 5.6.
    Example:
        >>> mfcc(np.sin(np.arange(16_000)), 16_000).shape
        (98, 13)
    """
    ### BEGIN SOLUTION
    emphasised = preemphasis(samples, coefficient)
    energies = log_mel(emphasised, sample_rate, n_mels, n_fft, frame_length, hop_length)
    return dct_ii(energies, n_mfcc)
    ### END SOLUTION


# %% [markdown] hints="mfcc"
# 1. Three of your functions, called in the order of the table at the top of the page.
# 2. `log_mel` already holds steps 2 to 5. What comes before it, what after? Check the order of its
#    arguments.
# 3. `dct_ii(log_mel(preemphasis(samples, coefficient), sample_rate, n_mels, n_fft, frame_length,
#    hop_length), n_mfcc)`.

# %% [markdown]
# ## Part 10: deltas
#
# One frame is a still picture. Whether a *b* opens or closes shows only in the *change* of the
# features. **Deltas** measure it: for each coefficient, the slope of the straight line that best fits
# the frames around, $W$ on either side:
#
# $$d_t = \frac{\sum_{k=1}^{W} k\,(c_{t+k} - c_{t-k})}{2\sum_{k=1}^{W} k^2}.$$
#
# **A number first.** One coefficient runs 0, 1, 2, 3, 4. In the middle, with $W = 2$: the neighbours
# differ by $3 - 1 = 2$, those two away by $4 - 0 = 4$. So $(1 \cdot 2 + 2 \cdot 4) / (2 \cdot (1 + 4)) = 1$.
# It rises by 1 per frame, as it should.
#
# At the ends there are no neighbours. Repeat the first and the last frame as often as needed. The
# first delta of our row is then $(1 \cdot (1-0) + 2 \cdot (2 - 0)) / 10 = 0.5$.
#
# Deltas of deltas, *delta-deltas*, measure acceleration. You get them for free by calling the function
# twice.


# %% part="delta" points=3 difficulty=2 minutes=15 forbids="librosa scipy.signal"
def delta(features: Float[np.ndarray, "frames dim"], window: int = 2) -> Float[np.ndarray, "frames dim"]:
    """Slope of each feature over time, by linear regression over neighbouring frames.

    Args:
        features: one frame per row.
        window: frames on either side that take part, at least 1.
    Returns:
        Change per frame, in the shape of `features`. Frames before the first are taken to equal the
        first, frames after the last to equal the last.
    Raises:
        ValueError: if `window` is less than 1.
    Source: Furui 1986; The HTK Book 3.4, section 5.9, equation 5.16.
    Example:
        >>> delta(np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]))[:, 0].tolist()
        [0.5, 0.8, 1.0, 0.8, 0.5]
    """
    ### BEGIN SOLUTION
    if window < 1:
        raise ValueError(f"window is {window}, expected at least 1 frame on either side")
    n_frames, steps = len(features), range(-window, window + 1)
    padded = np.pad(features.astype(np.float64), ((window, window), (0, 0)), mode="edge")
    total = sum(k * padded[window + k : window + k + n_frames] for k in steps)
    return total / sum(k**2 for k in steps)
    ### END SOLUTION


# %% [markdown] hints="delta"
# 1. Lengthen the features at both ends first. Then no frame is special any more.
# 2. `np.pad` has a mode that repeats the edge; pad the time axis only. In the padded array, frame t
#    stands at t + window. The frames k later, for all t at once, are one slice.
# 3. `padded = np.pad(features, ((window, window), (0, 0)), mode="edge")`; for k from 1 to window add
#    `k * (padded[window + k : window + k + T] - padded[window - k : window - k + T])`; divide by
#    `2 * sum(k ** 2)`.

# %% [markdown]
# ## Put it together
#
# From a waveform to 39 numbers every 10 ms: 13 coefficients, their deltas and their delta-deltas. This
# is what speech recognisers were fed with for thirty years.

# %%
static = mfcc(seven.samples, sample_rate, **settings)
velocity = delta(static)
acceleration = delta(velocity)
features = np.concatenate([static, velocity, acceleration], axis=1)


def scaled(values: Float[np.ndarray, "frames dim"]) -> Float[np.ndarray, "frames dim"]:
    """MFCCs of any clip in units of this clip's own spread, so that c0 does not drown the others."""
    return (values - static.mean(axis=0)) / static.std(axis=0)


play(seven.samples, sample_rate)
plot.features(
    scaled(static),
    hop_seconds=HOP_LENGTH / sample_rate,
    title=f"“seven”: {static.shape[0]} frames × 13 MFCC, each scaled to its own spread",
)
plot.lines(
    {"c1": static[:, 1], "its delta": velocity[:, 1], "its delta-delta": acceleration[:, 1]},
    x_label="frame (10 ms each)",
    y_label="value",
    title=f"One coefficient and its changes; all together {features.shape[1]} numbers per frame",
)

# %% [markdown]
# **Are 13 numbers enough to tell words apart?** A small experiment. Bring every recording to 12 rows
# by linear interpolation in time, and give each test clip the word of the nearest training clip. That
# is no good recogniser. But it is the same for all features, so it compares *them*.


# %%
def fixed_length(values: Float[np.ndarray, "frames dim"], rows: int = 12) -> Float[np.ndarray, "size"]:
    """Features stretched or squeezed to `rows` frames, with the mean over time removed, as one vector."""
    positions = np.linspace(0, len(values) - 1, rows)
    columns = [
        np.interp(positions, np.arange(len(values)), column) for column in (values - values.mean(axis=0)).T
    ]
    return np.ravel(columns)


def nearest_neighbour_accuracy(extract, training, testing, disturb=lambda samples: samples) -> float:
    """Share of `testing` clips whose nearest `training` clip, by `extract`, is the same word.

    Args:
        extract: from samples to features [frames, dim].
        disturb: what is done to the samples of the testing clips only.
    """
    known = np.array([fixed_length(extract(clip.samples)) for clip in training])
    asked = np.array([fixed_length(extract(disturb(clip.samples))) for clip in testing])
    squares = (asked**2).sum(axis=1)[:, None] - 2 * asked @ known.T + (known**2).sum(axis=1)
    nearest = squares.argmin(axis=1)
    return float(np.mean([training[n].text == clip.text for n, clip in zip(nearest, testing, strict=True)]))


def log_spectrum(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames bins"]:
    return np.log(
        np.maximum(power_spectrum(frame(preemphasis(samples), FRAME_LENGTH, HOP_LENGTH), N_FFT), 1e-10)
    )


def log_mel_features(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames mels"]:
    return log_mel(preemphasis(samples), sample_rate, **settings)


def mfcc_features(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames 13"]:
    return mfcc(samples, sample_rate, **settings)


def mfcc_with_deltas(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames 39"]:
    values = mfcc_features(samples)
    return np.concatenate([values, delta(values), delta(delta(values))], axis=1)


def drawn(clips: list, count: int, seed: int = 0) -> list:
    """At most `count` of the clips, drawn without replacement."""
    return [clips[n] for n in np.random.default_rng(seed).permutation(len(clips))[:count]]


training = drawn(list(digits.split("train")), 300 if fast_mode() else 900)
testing = drawn(list(digits.split("test")), 100 if fast_mode() else 300)
extractors = {
    "log spectrum": (log_spectrum, 129),
    "log-mel": (log_mel_features, 40),
    "MFCC": (mfcc_features, 13),
    "MFCC with deltas": (mfcc_with_deltas, 39),
}
clean = {
    name: nearest_neighbour_accuracy(extract, training, testing)
    for name, (extract, _) in progress(extractors.items(), "comparing features")
}
table(
    [
        {"features": name, "numbers per frame": extractors[name][1], "right words [%]": 100 * share}
        for name, share in clean.items()
    ],
    title=f"Nearest neighbour, {len(training)} training and {len(testing)} test clips, {digits.name}",
)

# %% [markdown]
# Thirteen numbers do as well as 129, at a tenth of the size. Simple models need few numbers that do not
# move together: that is why MFCCs were made, and what the Gaussians of a later lab will need.
#
# Deltas change little *here*, because twelve rows side by side already show every movement. A model that
# looks at one frame at a time has only the deltas to see movement with. You will meet one in the lab on
# hidden Markov models.

# %% [markdown]
# ## Practice: MFCC as librosa computes it, without librosa
#
# The roadmap's own task for this topic. "MFCC" names a family, not one recipe: every toolkit chose its
# own settings. Rebuild `librosa.feature.mfcc` from your parts, so that both agree to the last digit
# that arithmetic allows. It differs from your `mfcc` in these ways:
#
# | step | your `mfcc` | librosa |
# |---|---|---|
# | pre-emphasis | 0.97 | none |
# | frames | whole frames only | `n_fft // 2` zeros at *both* ends first, so frame t is centred on t · hop |
# | frame length | 25 ms, filled up to `n_fft` | `n_fft` itself |
# | mel | HTK, peak 1 | Slaney scale, Slaney norm, 128 filters |
# | logarithm | natural, floor $10^{-10}$ | decibels, $10 \log_{10}$, floor $10^{-10}$ |
# | range | any | nothing more than `top_db` = 80 dB below the loudest level of the whole clip |
# | DCT | orthonormal | orthonormal |
# | layout | frames in rows | frames in columns (we keep rows) |
#
# **Target:** largest difference below $10^{-5}$, on coefficients that reach several hundred.
#
# Why $10^{-5}$ and not 0? librosa keeps its filters in single precision and rounds them twice, each time
# with a relative error of up to $6 \cdot 10^{-8}$. That moves a level by at most
# $4.34 \cdot 1.2 \cdot 10^{-7} = 5.2 \cdot 10^{-7}$ dB. A row of the DCT has length 1, so it adds up 128
# such errors to at most $\sqrt{128} \cdot 5.2 \cdot 10^{-7} = 6 \cdot 10^{-6}$.


# %% part="mfcc_like_librosa" points=4 difficulty=3 minutes=20 forbids="librosa"
def mfcc_like_librosa(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    n_mfcc: int = 20,
    n_mels: int = 128,
    n_fft: int = 2048,
    hop_length: int = 512,
    top_db: float = 80.0,
) -> Float[np.ndarray, "frames n_mfcc"]:
    """MFCCs with the settings of `librosa.feature.mfcc`, built from this lab's parts.

    Args:
        samples: waveform, one channel, any unit; integers are welcome.
        sample_rate: in Hz.
        n_mfcc: coefficients kept per frame.
        n_mels: number of filters, on the Slaney scale with Slaney norm.
        n_fft: FFT length and frame length in samples.
        hop_length: samples from frame to frame.
        top_db: levels are raised to at least this far below the clip's loudest one, in dB.
    Returns:
        Orthonormal DCT-II of 10 log10 of the mel energies (floor 1e-10), frames in rows. n_fft // 2
        zeros are put before and after the signal, so that frame t is centred on sample t * hop_length.
    Raises:
        ValueError: as `frame`, `mel_filterbank` and `dct_ii` raise.
    Source: McFee et al., librosa 0.11, feature.mfcc, feature.melspectrogram and power_to_db.
    Example:
        >>> mfcc_like_librosa(np.sin(np.arange(22_050)), 22_050).shape
        (44, 20)
    """
    ### BEGIN SOLUTION
    frames = frame(np.pad(samples, n_fft // 2), n_fft, hop_length)
    filters = mel_filterbank(n_mels, n_fft, sample_rate, scale="slaney", norm="slaney")
    filters = scipy.sparse.csr_array(filters)  # in blocks and sparse, as in log_mel, only to save time
    blocks = [frames[start : start + FRAMES_AT_ONCE] for start in range(0, len(frames), FRAMES_AT_ONCE)]
    energies = np.concatenate([(filters @ power_spectrum(block, n_fft).T).T for block in blocks])
    levels = 10 * np.log10(np.maximum(energies, 1e-10))
    return dct_ii(np.maximum(levels, levels.max() - top_db), n_mfcc)
    ### END SOLUTION


# %% [markdown] hints="mfcc_like_librosa"
# 1. Go through the table row by row. Each row is one line of code, or one argument that you pass
#    differently.
# 2. `log_mel` cannot be used, because of its scale and logarithm. `np.pad(samples, n)` puts n zeros at
#    both ends. `top_db` counts from the largest level of the *whole* clip, not of each frame.
# 3. Levels: `10 * np.log10(np.maximum(energies, 1e-10))`, then
#    `np.maximum(levels, levels.max() - top_db)`, then `dct_ii`. Filters: `scale="slaney"` and
#    `norm="slaney"`.


# %%
def librosa_mfcc(samples: Float[np.ndarray, "time"], **options) -> Float[np.ndarray, "frames n_mfcc"]:
    """librosa's own, in double precision and with frames in rows."""
    import librosa

    return librosa.feature.mfcc(y=samples.astype(np.float64), sr=sample_rate, **options).T


recipes = {
    "librosa's defaults": {"n_fft": 2048, "hop_length": 512, "n_mels": 128, "n_mfcc": 20},
    "for speech at 8000 Hz": {"n_fft": 256, "hop_length": 80, "n_mels": 40, "n_mfcc": 13},
}
# a clip shorter than one frame of librosa's default would only hold padding
compared = [clip for clip in testing if len(clip.samples) >= 2048][:: 15 if fast_mode() else 3]
rows = []
for name, options in recipes.items():
    pairs = [
        (mfcc_like_librosa(clip.samples, sample_rate, **options), librosa_mfcc(clip.samples, **options))
        for clip in progress(compared, name)
    ]
    rows.append(
        {
            "settings": name,
            "clips": len(pairs),
            "largest coefficient": max(np.abs(theirs).max() for _, theirs in pairs),
            "largest difference": max(np.abs(mine - theirs).max() for mine, theirs in pairs),
            "target": 1e-5,
        }
    )
table(rows, title=f"mfcc_like_librosa beside librosa.feature.mfcc, {digits.name}")
assert all(row["largest difference"] < row["target"] for row in rows)

# %% [markdown]
# ## Against the library
#
# Now your `mfcc` of Part 9 beside librosa with the same sizes but librosa's other defaults. First one
# coefficient of one word. The two curves tell the same story in other numbers. **A model trained on
# the one cannot read the other.**
#
# Then one minute of sound at 16 000 Hz, against the clock.

# %%
theirs = librosa_mfcc(
    seven.samples, n_mfcc=13, n_mels=40, n_fft=N_FFT, hop_length=HOP_LENGTH, win_length=FRAME_LENGTH
)
plot.lines(
    {"yours: HTK, ln, pre-emphasis": static[:, 1], "librosa: Slaney, dB": theirs[:, 1]},
    x_label="frame (10 ms each)",
    y_label="c1",
    title="“seven”: the same coefficient by two recipes",
)

minute = np.random.default_rng(0).normal(0, 0.1, 60 * 16_000).astype(np.float32)


def librosa_minute() -> None:
    import librosa

    librosa.feature.mfcc(y=minute, sr=16_000, n_mfcc=13, n_mels=40, n_fft=512, hop_length=160, win_length=400)


my_seconds, their_seconds = stopwatch(mfcc, minute, 16_000), stopwatch(librosa_minute)
table(
    [
        {"who": "your mfcc (double precision)", "ms per minute of sound": 1000 * my_seconds},
        {"who": "librosa (single precision)", "ms per minute of sound": 1000 * their_seconds},
    ],
    title=f"Yours takes {my_seconds / their_seconds:.2f} times as long as librosa",
)

# %% [markdown]
# If yours is slower, look at `log_mel`: a minute has 6000 frames, and their spectra together take
# 25 MB, more than a processor's cache. Handling some hundred frames at a time, as librosa does, halves
# the time. And nearly all weights of the filter bank are zero: a sparse matrix does not multiply by them.
#
# Timings on a computer that is busy with other work mean little. Run the cell twice.

# %% [markdown]
# ## Where it breaks
#
# ### What did we throw away?
#
# Hear it. We take white noise, which is all frequencies at once, and give each frame of it the energies
# of "seven", first from the 40 log-mel energies, then from the 13 MFCCs alone. Everything that you
# still recognise is what the features keep.


# %%
def noise_with_envelope(
    log_energies: Float[np.ndarray, "frames mels"], seed: int = 0
) -> Float[np.ndarray, "time"]:
    """White noise whose mel energies follow `log_energies` of a pre-emphasised signal at 8000 Hz."""
    from scipy.signal import lfilter

    filters = mel_filterbank(log_energies.shape[1], N_FFT, sample_rate)
    # each filter hands its mean energy to its bins; a bin under two triangles mixes both
    share = filters / np.maximum(filters.sum(axis=0), 1e-3)
    envelope = np.exp(log_energies) / filters.sum(axis=1) @ share
    hann = np.hanning(FRAME_LENGTH + 1)[:-1]
    length = FRAME_LENGTH + (len(log_energies) - 1) * HOP_LENGTH
    noise = np.random.default_rng(seed).normal(size=length)
    shaped, weight = np.zeros(length), np.full(length, 1e-3)
    for t, gains in enumerate(np.sqrt(envelope / (hann**2).sum())):
        part = slice(t * HOP_LENGTH, t * HOP_LENGTH + FRAME_LENGTH)
        spectrum = np.fft.rfft(noise[part] * hann, N_FFT)
        shaped[part] += np.fft.irfft(spectrum * gains, N_FFT)[:FRAME_LENGTH] * hann
        weight[part] += hann**2
    return lfilter([1], [1, -0.97], shaped / weight)  # the inverse of pre-emphasis


def loud(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    """The same sound with its peak at 0.5."""
    return 0.5 * samples / np.abs(samples).max()


# the transform only rotates, so its transpose turns 13 coefficients back into 40 smoothed log energies
smooth = static @ dct_ii(np.eye(40), 13).T
from_mel = noise_with_envelope(log_mel_features(seven.samples))
from_mfcc = noise_with_envelope(smooth)
play(
    {
        "original": loud(seven.samples),
        "noise from 40 log-mels": loud(from_mel),
        "noise from 13 MFCCs": loud(from_mfcc),
    },
    sample_rate,
)
plot.compare(
    {
        "original": log_mel_features(seven.samples),
        "noise from 40 log-mels": log_mel_features(from_mel),
        "noise from 13 MFCCs": log_mel_features(from_mfcc),
    },
    hop_seconds=HOP_LENGTH / sample_rate,
    title="Log-mel energies of the three clips",
)

# %% [markdown]
# You hear the word, whispered. The **pitch is gone**, and with it the melody, the mood and much of who
# spoke. For recognising English words that is a gift: high and low voices come closer. For Mandarin,
# where pitch tells words apart, it is a loss. And for speech *synthesis* it is the central problem:
# something must invent the pitch again. That is the work of a vocoder, several labs from here.
#
# ### What disturbs the features?
#
# The same experiment as above, but the *test* clips are disturbed in three ways. They are made twenty
# times quieter. They are spoken in an echoing room, simulated by noise that dies away within 0.3 s. And
# white noise is added, 10 dB below the speech. You would understand every word.


# %%
def quieter(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    return samples / 20


def in_a_room(samples: Float[np.ndarray, "time"], seconds: float = 0.3) -> Float[np.ndarray, "time"]:
    """With an echo that falls by 60 dB within `seconds`, as strong as the direct sound."""
    from scipy.signal import fftconvolve

    time = np.arange(1, int(seconds * sample_rate)) / sample_rate
    echo = np.random.default_rng(1).normal(size=len(time)) * 10 ** (-3 * time / seconds)
    return fftconvolve(samples, np.append(1, echo / np.linalg.norm(echo)))[: len(samples)]


def noisy(samples: Float[np.ndarray, "time"], snr_db: float = 10.0) -> Float[np.ndarray, "time"]:
    """With white noise `snr_db` below the mean power of the samples."""
    noise = np.random.default_rng(len(samples)).normal(size=len(samples))
    return samples + noise * np.sqrt(np.mean(samples**2) * 10 ** (-snr_db / 10))


play(
    {
        "clean": loud(seven.samples),
        "in a room": loud(in_a_room(seven.samples)),
        "10 dB of noise": loud(noisy(seven.samples)),
    },
    sample_rate,
)
disturbed = {"clean": clean["MFCC"]}
for name, disturb in {"quieter": quieter, "in a room": in_a_room, "noisy": noisy}.items():
    disturbed[name] = nearest_neighbour_accuracy(mfcc_features, training, testing, disturb)
plot.bars(
    {name: 100 * share for name, share in disturbed.items()},
    y_label="right words [%]",
    title="13 MFCCs, nearest neighbour",
)
plot.compare(
    {"clean": scaled(static), "10 dB of noise": scaled(mfcc_features(noisy(seven.samples)))},
    hop_seconds=HOP_LENGTH / sample_rate,
    title="“seven”, 13 MFCC in the scale of the clean clip",
)

# %% [markdown]
# A change of level costs next to nothing, because only $c_0$ moved, and we had removed its mean. The room
# costs some words: its echo smears each sound into the next. Noise costs most. It fills the valleys
# between the formants, and the logarithm makes valleys as important as peaks. **The lab on
# pre-processing** cleans the signal before it gets here.
#
# There is a second limit, hidden in `fixed_length`: we stretched all words to one length. Real speech
# stretches one sound and not the next. For that, a model must find out *which* frame belongs to
# *which* sound. The lab on hidden Markov models does.

# %% [markdown]
# ## Read on
#
# - Davis and Mermelstein, *Comparison of parametric representations for monosyllabic word recognition
#   in continuously spoken sentences*, IEEE Trans. ASSP 28(4), 1980: sections II and IV. The paper that
#   named MFCCs, four pages to read.
# - Stevens, Volkmann and Newman, *A scale for the measurement of the psychological magnitude pitch*,
#   JASA 8, 1937: how the mel was measured.
# - Young et al., *The HTK Book* 3.4, chapter 5: every constant of this lab.
# - Slaney, *Auditory Toolbox*, Technical Report 1998-010: where librosa's filters come from.
# - Radford et al., *Robust speech recognition via large-scale weak supervision*, 2022, section 2.2: the
#   log-mel front end of Whisper.
