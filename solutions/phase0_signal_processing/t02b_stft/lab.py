# ---
# jupyter:
#   lab:
#     title: Short-time Fourier transform
#     topic: 2
#     minutes: 180
#     difficulty: 3
#     needs: [t02a_fourier_transform]
#     libraries: [numpy, scipy]
#     covers:
#       "Short-Time Fourier Transform (STFT)": stft
#       "Window size (frame length), hop size, overlap": frame_count
#       "Griffin-Lim reconstruction algorithm": griffin_lim
#       "Griffin-Lim: Spectrogram → waveform": griffin_lim
#       "Practice: Compute STFT, plot spectrograms, reconstruct audio": "passage: Practice: rebuild speech"
# ---

# %% [markdown]
# # Short-time Fourier transform
#
# Play both clips.

# %%
import numpy as np
import scipy.fft
from jaxtyping import Complex, Float

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.parts import t02a_fourier_transform as fourier


def without_phases(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    """The spectrogram kept, every phase set to zero, and back to sound; with SciPy's functions."""
    from scipy import signal

    _, _, spectrum = signal.stft(samples, nperseg=512, noverlap=384)
    return signal.istft(np.abs(spectrum), nperseg=512, noverlap=384)[1][: len(samples)]


def loud(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    """The same sound with its peak at 0.5."""
    return 0.5 * samples / np.abs(samples).max()


speech = corpora.vctk()
sample_rate = speech.sample_rate
sentence = loud(speech[0].samples.astype(np.float64)[: 3 * sample_rate])
play({"a sentence": sentence, "its spectrogram, played": loud(without_phases(sentence))}, sample_rate)

# %% [markdown]
# The second clip was made from a picture, the spectrogram of the first. The picture shows how strong each
# frequency is at each moment. You understand every word, but a robot speaks. Something is not in the
# picture: the **phases**.
#
# This matters, because most speech synthesis works like that. A network paints a spectrogram. Then somebody
# must find phases for it.
#
# ## What you will build
#
# The way from sound to spectrogram, the way back, and a method that *invents* the missing phases:
#
# | your function | what it does |
# |---|---|
# | `frame_count`, `stft` | sound → spectrogram with phases |
# | `overlap_add`, `istft` | spectrogram with phases → sound, exactly |
# | `spectral_convergence` | how good is a reconstruction? |
# | `impose_magnitude`, `griffin_lim` | spectrogram *without* phases → sound |
#
# **Who uses this?** Whisper reads an STFT with frames of 400 samples and a hop of 160. Noise suppression in
# every video call changes an STFT and inverts it. Tacotron, Google's first end-to-end neural speaker,
# painted spectrograms, and Griffin-Lim made them audible.

# %% [markdown]
# ## The idea
#
# The spectrum of a whole sentence does not know *when*. So cut the sentence into short pieces, fade each in
# and out, and transform each by itself.
#
# **A number first.** Speech at 16 000 samples per second, pieces of 512 samples: 32 ms. A new one starts
# every 128 samples: 8 ms. One second gives 125 spectra of 257 bins, and bins are $16\,000 / 512 = 31.25$ Hz
# apart.
#
# **The formula.** With a window $w$ of $N$ weights and a hop $h$,
#
# $$X_{k,t} = \sum_{n=0}^{N-1} w_n\, x_{t h + n}\, e^{-2\pi i\,k n/N} .$$
#
# Three numbers describe an STFT:
#
# - **Window size** $N$, here `n_fft`: how long a piece is. Long pieces tell frequencies apart, short ones
#   tell moments apart. No size does both.
# - **Hop** $h$: how far the next piece starts. It decides how many spectra there are.
# - **Overlap** $N - h$: how much two neighbours share. 512 and 128 share 75 %.
#
# Parts of the last lab are used here: `fourier.window` is your own, if you passed it.

# %% [markdown]
# ## Part 1: how many frames?
#
# Only whole frames count. With $S$ samples there are $1 + \lfloor (S - N)/h \rfloor$ of them.
#
# The samples at the very start lie under one frame alone, and under the edge of its window. So it is usual
# to put $N/2$ zeros before the signal and $N/2$ after it. Then frame $t$ is **centred** on sample
# $t \cdot h$. That is the default in librosa and torch, and here.
#
# **A number first.** Ten samples, $N = 4$, $h = 3$. Not centred: frames start at 0, 3, 6, so there are 3.
# Centred: there are 14 samples now, and $1 + \lfloor 10/3 \rfloor = 4$ frames, centred on samples 0, 3, 6,
# 9.
#
# We use even $N$ only: then half a frame is a whole number of samples.


# %% part="frame_count" points=2 difficulty=1 minutes=10 forbids="librosa"
def frame_count(n_samples: int, n_fft: int, hop_length: int, center: bool = True) -> int:
    """Number of frames in the STFT of a signal.

    Args:
        n_samples: length of the signal.
        n_fft: samples per frame, an even number.
        hop_length: samples from the start of one frame to the start of the next.
        center: whether n_fft / 2 zeros are put before and after the signal first, so that frame t is
            centred on sample t * hop_length.
    Returns:
        How many whole frames fit.
    Raises:
        ValueError: if `n_fft` is odd or less than 2, `hop_length` is less than 1, or the signal is
            empty or too short for a single frame.
    Source: Allen & Rabiner 1977, section II; counted as librosa 0.11 does.
    Example:
        >>> frame_count(10, n_fft=4, hop_length=3, center=False)
        3
        >>> frame_count(10, n_fft=4, hop_length=3)
        4
    """
    ### BEGIN SOLUTION
    if n_fft < 2 or n_fft % 2 != 0:
        raise ValueError(f"n_fft is {n_fft}, expected an even number of at least 2")
    if hop_length < 1:
        raise ValueError(f"hop_length is {hop_length}, expected at least 1 sample")
    padded = n_samples + n_fft if center else n_samples
    if n_samples < 1 or padded < n_fft:
        raise ValueError(f"the signal has {n_samples} samples, too few for one frame of {n_fft}")
    return 1 + (padded - n_fft) // hop_length
    ### END SOLUTION


# %% [markdown] hints="frame_count"
# 1. First find out how long the signal is once the zeros are there. Then how often a hop fits.
# 2. `//` rounds down, which drops the frame that is not whole. The `1 +` is the frame at the start.
# 3. `padded = n_samples + n_fft if center else n_samples`, then `1 + (padded - n_fft) // hop_length`. Ask
#    first: is `n_fft` even and at least 2, is the hop at least 1, is there a sample, and a whole frame?

# %% [markdown]
# ## Part 2: the STFT
#
# All at once: zeros at both ends, frames, window, FFT. Use `scipy.fft.rfft` for the FFT: of real samples it
# computes the lower half, $N/2 + 1$ bins, and it takes any length. You know what is inside.
#
# **A number first.** Ones everywhere, $N = 4$, a Hann window 0, ½, 1, ½. In the middle of the signal every
# frame shows the window's own spectrum: $2, -1, 0$.
#
# Two traps. The window is the **periodic** one. And the result has **frames in columns**, [bins, frames],
# as in librosa and torch.
#
# A window may also be shorter than the frame: Kaldi's 400 weights in an FFT of 512, say. It stands in the
# *middle* of the frame, zeros around it. `full_window` does that for you.

# %%
FRAMES_AT_ONCE = 512  # 512 frames of 512 samples fill 2 MB: about what a processor's cache holds


def full_window(window: Float[np.ndarray, "window_length"] | None, n_fft: int) -> Float[np.ndarray, "n_fft"]:
    """The window of a frame of n_fft samples: periodic Hann for None; a shorter one gets zeros around it.

    Raises:
        ValueError: if `window` is not one-dimensional, empty, or longer than n_fft.
    """
    if window is None:
        return fourier.window("hann", n_fft)
    weights = np.asarray(window, dtype=np.float64)
    if weights.ndim != 1 or not 1 <= len(weights) <= n_fft:
        raise ValueError(f"window has shape {weights.shape}, expected 1 to {n_fft} weights in a row")
    before = (n_fft - len(weights)) // 2
    return np.pad(weights, (before, n_fft - len(weights) - before))


# %% part="stft" points=4 difficulty=2 minutes=20 forbids="librosa scipy.signal torch.stft"
def stft(
    samples: Float[np.ndarray, "time"],
    n_fft: int = 512,
    hop_length: int = 128,
    window: Float[np.ndarray, "window_length"] | None = None,
    center: bool = True,
) -> Complex[np.ndarray, "bins frames"]:
    """Short-time Fourier transform.

    Args:
        samples: waveform, one channel, any unit; integers are welcome.
        n_fft: samples per frame and FFT length, an even number.
        hop_length: samples from the start of one frame to the start of the next.
        window: weights of a frame, at most n_fft of them (fewer are put in the middle of the frame,
            zeros around them); None stands for the periodic Hann window of n_fft samples.
        center: whether n_fft / 2 zeros are put before and after the signal first.
    Returns:
        Column t is the FFT of window * frame t, n_fft / 2 + 1 bins from 0 Hz to half the sample rate, in
        double precision. `frame_count` columns: whole frames only.
    Raises:
        ValueError: if `samples` is not one-dimensional, the window does not fit into a frame, or as
            `frame_count` raises.
    Source: Allen & Rabiner 1977, A unified approach to short-time Fourier analysis and synthesis, section II.
    Example:
        >>> stft(np.ones(4), n_fft=4, hop_length=2).real.round(6).tolist()
        [[1.5, 2.0, 0.5], [-1.0, -1.0, 0.0], [0.5, 0.0, -0.5]]
    """
    ### BEGIN SOLUTION
    if samples.ndim != 1:
        raise ValueError(f"samples has shape {samples.shape}, expected one channel: [time]")
    n_frames = frame_count(len(samples), n_fft, hop_length, center)
    weights = full_window(window, n_fft)
    padded = np.pad(samples, n_fft // 2) if center else samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    spectrum = np.empty((n_frames, n_fft // 2 + 1), dtype=np.complex128)
    for start in range(0, n_frames, FRAMES_AT_ONCE):  # in blocks only to save time
        block = slice(start, start + FRAMES_AT_ONCE)
        spectrum[block] = scipy.fft.rfft(frames[block] * weights)
    return spectrum.T
    ### END SOLUTION


# %% [markdown] hints="stft"
# 1. Zeros, frames, window, FFT, transpose: five lines. What must be refused before them?
# 2. `np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]` holds every frame in a row. A
#    row of weights times this matrix fades every frame.
# 3. `padded = np.pad(samples, n_fft // 2) if center else samples`, then
#    `scipy.fft.rfft(frames * full_window(window, n_fft)).T`. Call `frame_count` first: it refuses what is
#    too short. The weights are float64, so the product is too. Rows in blocks of `FRAMES_AT_ONCE` are
#    faster.

# %% [markdown]
# Look at half a second with three window sizes.


# %%
def decibels(magnitude: Float[np.ndarray, "*shape"], lowest: float = -80.0) -> Float[np.ndarray, "*shape"]:
    """Level in dB below the largest value, at least `lowest`."""
    return 20 * np.log10(np.maximum(magnitude / magnitude.max(), 10 ** (lowest / 20)))


for n_fft, what in ((64, "moments are sharp"), (512, "between"), (2048, "frequencies are sharp")):
    lower_half = decibels(np.abs(stft(sentence[8000:16_000], n_fft, 16)))[: n_fft // 4 + 1]
    plot.spectrogram(
        lower_half,
        sample_rate // 2,  # the lower half of the bins, as if of a signal at half the rate and half the hop
        hop_length=8,
        title=f"{n_fft} samples, {1000 * n_fft / sample_rate:.0f} ms: {what}",
    )

# %% [markdown]
# With 4 ms, each beat of the vocal cords is a line of its own: vertical stripes. With 128 ms, stripes lie:
# the harmonics of the voice, and one sound runs into the next. Most speech systems take 20 to 32 ms.

# %% [markdown]
# ## Part 3: overlap-add
#
# Now back. Every column gives a piece of sound, by the inverse FFT. The pieces go to their places in time,
# and where they overlap, they are added.
#
# **A number first.** Frames 1, 2, 3 and 10, 20, 30, hop 2. The second one starts at sample 2:
# $1,\ 2,\ 3 + 10,\ 20,\ 30$.
#
# A loop over the frames does it. Much faster is a loop over the *pieces of a frame*: cut each frame into
# pieces of one hop. All first pieces, one after another, are a signal. All second pieces are one too, one
# hop later.


# %% part="overlap_add" points=3 difficulty=3 minutes=20 forbids="librosa scipy.signal"
def overlap_add(
    frames: Float[np.ndarray, "frames frame_length"], hop_length: int
) -> Float[np.ndarray, "time"]:
    """Put frames back at their places in time and add up where they overlap.

    Args:
        frames: one frame per row, any unit.
        hop_length: samples from the start of one frame to the start of the next; may be more than the
            frame length.
    Returns:
        Sample n is the sum of frames[t, n - t * hop_length] over all frames t that cover it, 0 where none
        does. The length is (frames - 1) * hop_length + frame_length.
    Raises:
        ValueError: if `hop_length` is less than 1 or `frames` is not a matrix with a frame in it.
    Source: Crochiere 1980, A weighted overlap-add method of short-time Fourier analysis/synthesis.
    Example:
        >>> overlap_add(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), hop_length=2).tolist()
        [1.0, 2.0, 13.0, 20.0, 30.0]
    """
    ### BEGIN SOLUTION
    if frames.ndim != 2 or frames.shape[0] < 1 or frames.shape[1] < 1:
        raise ValueError(f"frames has shape {frames.shape}, expected [frames, frame_length]")
    if hop_length < 1:
        raise ValueError(f"hop_length is {hop_length}, expected at least 1 sample")
    n_frames, frame_length = frames.shape
    n_pieces = -(-frame_length // hop_length)
    # piece k of every frame is one hop long; piece k of frame t belongs to stretch t + k of the output
    stretches = np.zeros((n_frames + n_pieces - 1, hop_length))
    for k in range(n_pieces):
        piece = frames[:, k * hop_length : (k + 1) * hop_length]
        stretches[k : k + n_frames, : piece.shape[1]] += piece
    return stretches.ravel()[: (n_frames - 1) * hop_length + frame_length]
    ### END SOLUTION


# %% [markdown] hints="overlap_add"
# 1. Where does frame $t$ start in the output? Where does the last one end?
# 2. `output[start : start + frame_length] += frame` for every row is right. For speed, view the output as a
#    matrix of rows of one hop: piece $k$ of frame $t$ belongs into row $t + k$.
# 3. `stretches = np.zeros((n_frames + n_pieces - 1, hop_length))`, and for each `k`:
#    `piece = frames[:, k * hop_length : (k + 1) * hop_length]`,
#    `stretches[k : k + n_frames, : piece.shape[1]] += piece`. In the end `reshape(-1)` and cut to
#    `(n_frames - 1) * hop_length + frame_length`.

# %% [markdown]
# ## Part 4: the inverse STFT
#
# Each frame was faded by the window. Added up, sample $n$ comes back multiplied by the sum of all weights
# that lie over it. Is this sum 1? For Hann windows with a hop of $N/2$, yes. For 400 and 160, no. See:

# %%
cover = {
    f"{length} samples, hop {hop}": overlap_add(np.tile(fourier.window("hann", length), (12, 1)), hop)[
        400:1200
    ]
    for length, hop in ((400, 200), (400, 160))
}
plot.lines(cover, x_label="sample", y_label="sum of weights", title="Do the windows add up to one number?")

# %% [markdown]
# The sum for hop 160 ripples, and so would the sound. We want *any* window and *any* hop. So do not hope
# for a nice sum, but ask: **which signal fits the frames best?**
#
# **A number first.** Two frames lie over one sample, with weights 0.5 and 1. Their inverse FFTs say 0.6 and
# 1.0. If somebody changed the spectrum, they disagree: by the first the sample is $0.6/0.5 = 1.2$, by the
# second it is $1.0$. Whom to trust? The second, more: its weight is larger, so an error counts less. Least
# squares minimises $(0.5x - 0.6)^2 + (1x - 1.0)^2$, and that gives
#
# $$x = \frac{0.5 \cdot 0.6 + 1 \cdot 1.0}{0.5^2 + 1^2} = \frac{1.3}{1.25} = 1.04 .$$
#
# **The formula** (Griffin and Lim, 1984). Weight each inverse FFT $y_t$ *again* by the window, overlap-add,
# and divide by the overlap-added squares of the window:
#
# $$x_n = \frac{\sum_t w_{n-th}\; y_{t,\,n-th}}{\sum_t w_{n-th}^2} .$$
#
# Where the lower sum is zero, no frame has seen the sample. It is unknown. Then raise an error: a silent
# division by almost nothing makes the loudest click you have ever heard. Ask it only of samples that will
# be returned. (Blackman's first weight is 0 by its formula and $-1.4 \cdot 10^{-17}$ in the computer. Such
# a weight is rounding, so the limit is not 0 but `NO_WEIGHT`.)

# %%
NO_WEIGHT = 1e-20  # share of the window's largest square; what is smaller is rounding of zero


# %% part="istft" points=5 difficulty=4 minutes=30 forbids="librosa scipy.signal torch.istft"
def istft(
    spectrum: Complex[np.ndarray, "bins frames"],
    hop_length: int = 128,
    window: Float[np.ndarray, "window_length"] | None = None,
    center: bool = True,
    length: int | None = None,
) -> Float[np.ndarray, "time"]:
    """Inverse short-time Fourier transform by least squares.

    Args:
        spectrum: one column per frame; n_fft = 2 * (bins - 1).
        hop_length: samples from the start of one frame to the start of the next.
        window: the window of the analysis, as for `stft`.
        center: whether the first n_fft / 2 samples are zeros that `stft` had put there; they are dropped.
        length: samples to return; None stands for all, but for the n_fft / 2 at each end if `center`.
    Returns:
        The signal whose STFT is nearest to `spectrum`: the sum of window * inverse FFT over all frames,
        divided by the sum of window².
    Raises:
        ValueError: if `spectrum` is not a matrix with at least 2 bins and 1 frame, `hop_length` is less
            than 1, `length` is negative, the window does not fit into a frame, or a sample that is to be
            returned lies under no weight: the sum of window² there is below NO_WEIGHT times the window's
            largest square.
    Source: Griffin & Lim 1984, Signal estimation from modified short-time Fourier transform, equation 6.
    Example:
        >>> istft(stft(np.array([3.0, 1.0, 4.0, 1.0]), 4, 2), 2).round(6).tolist()
        [3.0, 1.0, 4.0, 1.0]
    """
    ### BEGIN SOLUTION
    if spectrum.ndim != 2 or spectrum.shape[0] < 2 or spectrum.shape[1] < 1:
        raise ValueError(f"spectrum has shape {spectrum.shape}, expected [bins, frames]")
    n_fft, n_frames = 2 * (spectrum.shape[0] - 1), spectrum.shape[1]
    weights = full_window(window, n_fft)
    summed = overlap_add(scipy.fft.irfft(spectrum.T) * weights, hop_length)
    weight = overlap_add(np.broadcast_to(weights**2, (n_frames, n_fft)), hop_length)
    first = n_fft // 2 if center else 0
    length = len(summed) - 2 * first if length is None else length
    if length < 0:
        raise ValueError(f"length is {length}, expected 0 or more samples")
    wanted = slice(first, first + length)
    covered = weight[wanted] > NO_WEIGHT * np.max(weights**2)
    if len(covered) < length or not np.all(covered):
        raise ValueError("some samples lie under no window: take a smaller hop, another window or length")
    return summed[wanted] / weight[wanted]
    ### END SOLUTION


# %% [markdown] hints="istft"
# 1. Two overlap-adds, one division. What is in the upper one, what in the lower one?
# 2. `scipy.fft.irfft(spectrum.T)` has a frame in every row. The lower sum needs the same number of frames,
#    all holding `weights ** 2`: `np.broadcast_to(weights**2, (n_frames, n_fft))`. With `center`, the first
#    sample of the signal stands at `n_fft // 2`.
# 3. `wanted = slice(first, first + length)` with `first = n_fft // 2 if center else 0`; for `length=None`
#    take the whole sum less `2 * first`. Refuse if `weight[wanted]` is shorter than `length` or has an
#    entry not above `NO_WEIGHT * np.max(weights**2)`. Then `summed[wanted] / weight[wanted]`.

# %% [markdown]
# There and back, with three settings. The target for the largest error is $10^{-10}$. That is a rounding of
# double precision ($10^{-16}$), with room for some thousand of them.

# %%
rows = []
for name, n_fft, hop, length in (
    ("Hann", 512, 128, 512),
    ("Hann", 512, 160, 400),
    ("Blackman", 600, 77, 600),
):
    weights = fourier.window(name.lower(), length)
    back = istft(stft(sentence, n_fft, hop, weights), hop, weights, length=len(sentence))
    error = np.abs(back - sentence).max()
    rows.append(
        {"window": f"{name}, {length}", "n_fft": n_fft, "hop": hop, "largest error": error, "target": 1e-10}
    )
table(rows, title="istft(stft(x)) against x")
assert all(row["largest error"] < row["target"] for row in rows)

# %% [markdown]
# Now spectra can be edited and heard. An old telephone carried 300 to 3400 Hz. Silence the rest:

# %%
spectrum = stft(sentence)
bins_hz = np.arange(257) * sample_rate / 512
on_the_phone = spectrum * ((bins_hz > 300) & (bins_hz < 3400))[:, None]
play({"in the room": sentence, "on the phone": loud(istft(on_the_phone))}, sample_rate)

# %% [markdown]
# ## Part 5: spectral convergence
#
# From here on the phases are lost: only the magnitudes $S$ are left. Whatever signal we invent, we can
# judge it by its own magnitudes $\hat S$. How far are they from the wanted ones?
#
# $$C = \frac{\lVert S - \hat S \rVert}{\lVert S \rVert}, \qquad \lVert S \rVert =
# \sqrt{\textstyle\sum_{k,t} S_{k,t}^2} .$$
#
# **A number first.** Wanted: 3 and 4. Reached: 3 and 3. The difference is 0 and 1, its size 1. The size of
# the target is $\sqrt{9 + 16} = 5$. So $C = 0.2$, or $20 \log_{10} 0.2 = -14$ dB.


# %% part="spectral_convergence" points=2 difficulty=1 minutes=8 forbids="librosa"
def spectral_convergence(
    target: Float[np.ndarray, "bins frames"], estimate: Float[np.ndarray, "bins frames"]
) -> float:
    """How far a magnitude spectrogram is from the wanted one.

    Args:
        target: wanted magnitudes.
        estimate: magnitudes that were reached, in the same unit and shape.
    Returns:
        Root of the summed squares of (target - estimate), divided by that of `target`: 0 is perfect.
    Raises:
        ValueError: if the shapes differ or `target` is zero everywhere.
    Source: Sturmel & Daudet 2011, Signal reconstruction from STFT magnitude: a state of the art.
    Example:
        >>> round(spectral_convergence(np.array([[3.0, 4.0]]), np.array([[3.0, 3.0]])), 3)
        0.2
    """
    ### BEGIN SOLUTION
    if target.shape != estimate.shape:
        raise ValueError(f"target has shape {target.shape} and estimate {estimate.shape}, expected the same")
    size = np.linalg.norm(target)
    if size == 0:
        raise ValueError("target is zero everywhere: a share of nothing is undefined")
    return float(np.linalg.norm(target - estimate) / size)
    ### END SOLUTION


# %% [markdown] hints="spectral_convergence"
# 1. The size of a matrix, here, is the root of the sum of all its squares.
# 2. `np.linalg.norm(matrix)` without a second argument is that size. Broadcasting would hide a wrong shape.
# 3. `np.linalg.norm(target - estimate) / np.linalg.norm(target)`, after the tests for shape and for
#    silence.

# %% [markdown]
# ## Part 6: another magnitude, the same phase
#
# One small tool. Given complex numbers, keep the direction of each, and set its length.
#
# **A number first.** $3 + 4i$ has length 5. With length 10 it is $6 + 8i$.
#
# Zero has no direction. Take phase 0 then: the result is the magnitude itself.

# %%
SMALLEST = 1e-300  # a number this close to zero has no direction


# %% part="impose_magnitude" points=2 difficulty=2 minutes=10 forbids="librosa"
def impose_magnitude(
    spectrum: Complex[np.ndarray, "*shape"], magnitude: Float[np.ndarray, "*shape"]
) -> Complex[np.ndarray, "*shape"]:
    """Keep the phase of each number and give it another magnitude.

    Args:
        spectrum: complex numbers, of which only the phase counts.
        magnitude: the wanted magnitudes, in the same shape.
    Returns:
        magnitude * spectrum / |spectrum|. Where |spectrum| is below SMALLEST, the phase is taken as 0: the
        result is `magnitude` there.
    Raises:
        ValueError: if the shapes differ.
    Source: Griffin & Lim 1984, section III.
    Example:
        >>> impose_magnitude(np.array([3.0 + 4.0j, 0j]), np.array([10.0, 2.0])).tolist()
        [(6+8j), (2+0j)]
    """
    ### BEGIN SOLUTION
    if spectrum.shape != magnitude.shape:
        raise ValueError(
            f"spectrum has shape {spectrum.shape} and magnitude {magnitude.shape}, expected the same"
        )
    size = np.abs(spectrum)
    imposed = spectrum * (magnitude / np.maximum(size, SMALLEST))
    np.copyto(imposed, magnitude, where=size < SMALLEST)
    return imposed
    ### END SOLUTION


# %% [markdown] hints="impose_magnitude"
# 1. Divide by the old length, multiply by the new one.
# 2. A division by zero must not happen: `np.maximum(size, SMALLEST)` never is zero. Do not *add* a small
#    number to the length instead: that makes faint numbers too short. Then mend what had no direction.
# 3. `size = np.abs(spectrum)`, `imposed = spectrum * (magnitude / np.maximum(size, SMALLEST))`, and
#    `np.where(size < SMALLEST, magnitude, imposed)`.

# %% [markdown]
# ## Part 7: Griffin-Lim
#
# Take any complex matrix. It is most likely *not* the STFT of a signal: frames overlap, so neighbouring
# columns must agree, and arbitrary ones do not. Call a matrix **consistent** if it is the STFT of some
# signal. We look for a matrix that is two things at once:
#
# - consistent,
# - of the wanted magnitudes.
#
# We can reach each by itself. `stft(istft(c))` is the nearest consistent matrix. `impose_magnitude` is the
# nearest one of the wanted magnitudes. So go to and fro:
#
# $$t_n = \operatorname{stft}(\operatorname{istft}(c_{n-1})), \qquad
# c_n = \text{wanted magnitudes with the phases of } t_n .$$
#
# Like walking between two shores of a narrowing bay: each crossing is never longer than the one before.
# Griffin and Lim proved it in 1984: the error of the magnitudes cannot grow. But it can get stuck where the
# bay has an end that is not the best one.
#
# **The fast variant** (Perraudin, Balazs and Søndergaard, 2013) runs ahead. Where did the last round move
# to? Go a little further that way:
#
# $$c_n = \text{wanted magnitudes with the phases of } t_n + \alpha\,(t_n - t_{n-1}), \qquad \alpha = 0.99
# .$$
#
# **A number first.** If a number was 2 in the last round and is 3 in this one, its phase is taken at
# $3 + 0.99 \cdot (3 - 2) = 3.99$.
#
# The first round has no round before it, so nothing is added there. And `n_iter = 0` is the first guess
# itself: wanted magnitudes, given phases, back to sound.


# %% part="griffin_lim" points=6 difficulty=4 minutes=30 forbids="librosa scipy.signal torch.stft torchaudio"
def griffin_lim(
    magnitude: Float[np.ndarray, "bins frames"],
    hop_length: int,
    n_iter: int,
    window: Float[np.ndarray, "window_length"] | None = None,
    momentum: float = 0.0,
    phase: Float[np.ndarray, "bins frames"] | None = None,
) -> Float[np.ndarray, "time"]:
    """A signal for a magnitude spectrogram: Griffin-Lim, and its fast variant.

    Args:
        magnitude: |STFT| with `center`, n_fft = 2 * (bins - 1).
        hop_length: samples from the start of one frame to the start of the next.
        n_iter: rounds; 0 returns the inverse STFT of the first guess.
        window: the window of the analysis, as for `stft`.
        momentum: α of the fast variant; 0 is the algorithm of 1984.
        phase: first guess of the phases in radians; None stands for 0 everywhere.
    Returns:
        (frames - 1) * hop_length samples. With c_0 = magnitude * exp(i * phase), round n computes
        t_n = stft(istft(c_(n-1))), adds α * (t_n - t_(n-1)) from the second round on, and imposes
        `magnitude`: that is c_n. The result is the inverse STFT of the last c.
    Raises:
        ValueError: if `magnitude` holds a negative value, `n_iter` or `momentum` is negative, the shape of
            `phase` is another, or as `istft` raises.
    Source: Griffin & Lim 1984, section III; Perraudin et al. 2013, A fast Griffin-Lim algorithm, algorithm 2.
    Example:
        >>> griffin_lim(np.abs(stft(np.sin(np.arange(640.0)))), hop_length=128, n_iter=2).shape
        (640,)
    """
    ### BEGIN SOLUTION
    if np.any(magnitude < 0):
        raise ValueError(f"magnitude holds {magnitude.min()}, expected no negative value")
    if n_iter < 0 or momentum < 0:
        raise ValueError(f"n_iter is {n_iter} and momentum is {momentum}, expected 0 or more")
    if phase is not None and phase.shape != magnitude.shape:
        raise ValueError(f"phase has shape {phase.shape}, expected {magnitude.shape} as magnitude")
    spectrum = magnitude.astype(np.complex128) if phase is None else magnitude * np.exp(1j * phase)
    n_fft, before = 2 * (len(magnitude) - 1), None
    for _ in range(n_iter):
        consistent = stft(istft(spectrum, hop_length, window), n_fft, hop_length, window)
        ahead = consistent if before is None else consistent + momentum * (consistent - before)
        spectrum, before = impose_magnitude(ahead, magnitude), consistent
    return istft(spectrum, hop_length, window)
    ### END SOLUTION


# %% [markdown] hints="griffin_lim"
# 1. The loop keeps two things: the current $c$, and the $t$ of the round before.
# 2. $t_{n-1}$ is the *consistent* matrix, as it came from `stft`, before the momentum and before the
#    magnitude. In the first round, $t$ alone is used.
# 3. In the loop: `consistent = stft(istft(spectrum, hop_length, window), n_fft, hop_length, window)`,
#    `ahead = consistent if before is None else consistent + momentum * (consistent - before)`,
#    `spectrum, before = impose_magnitude(ahead, magnitude), consistent`. After it, one last `istft`.

# %% [markdown]
# ## Put it together
#
# The STFT of a sentence, as a picture with axes. Then there and back, to hear that nothing is lost.

# %%
HOP_LENGTH = 128  # 8 ms at 16 000 Hz; a quarter of the default frame of 512

spectrum = stft(sentence)
plot.spectrogram(
    decibels(np.abs(spectrum)),
    sample_rate,
    HOP_LENGTH,
    title=f"{spectrum.shape[0]} bins × {spectrum.shape[1]} frames",
)
there_and_back = istft(spectrum, HOP_LENGTH, length=len(sentence))
play({"sentence": sentence, "there and back": there_and_back}, sample_rate)
print(f"largest error: {np.abs(there_and_back - sentence).max():.1e}")

# %% [markdown]
# ## Practice: rebuild speech
#
# The roadmap's own task: compute the STFT, plot the spectrogram, reconstruct the sound. We throw the phases
# away, start with random ones, and let Griffin-Lim find better ones. Hear 0, 8 and 64 rounds.
#
# **Target:** after 64 rounds of the fast variant, a spectral convergence below 0.05 on average.


# %%
def reached(magnitude: Float[np.ndarray, "bins frames"], samples: Float[np.ndarray, "time"]) -> float:
    """Spectral convergence of a signal's own magnitudes."""
    return spectral_convergence(magnitude, np.abs(stft(samples)))


def random_phases(shape: tuple, seed: int = 0) -> Float[np.ndarray, "bins frames"]:
    return np.random.default_rng(seed).uniform(-np.pi, np.pi, shape)


magnitude = np.abs(spectrum)
first_guess = random_phases(magnitude.shape)
rebuilt = {
    rounds: griffin_lim(magnitude, HOP_LENGTH, rounds, momentum=0.99, phase=first_guess)
    for rounds in progress((0, 8, 64), "rounds")
}
play(
    {"original": sentence, **{f"{rounds} rounds": loud(sound) for rounds, sound in rebuilt.items()}},
    sample_rate,
)
plot.compare(
    {f"{rounds} rounds": decibels(np.abs(stft(sound)))[:100, 60:160].T for rounds, sound in rebuilt.items()},
    hop_seconds=HOP_LENGTH / sample_rate,
    title="Spectrograms of what was rebuilt, 0.8 s and 3 kHz of them [dB]",
    label="bin",
)

# %% [markdown]
# After no round it whispers and gurgles: random phases make neighbouring frames cancel one another, and the
# picture is blurred. After 8 it is speech with a metallic ring. After 64 the ring is nearly gone.
#
# Now the figures, for several sentences, with and without momentum.

# %%
clips = [speech[n] for n in range(0, len(speech), 15 if fast_mode() else 5)]
results = []
for clip in progress(clips, "sentences"):
    wanted = np.abs(stft(loud(clip.samples[: 2 * sample_rate])))
    guess = random_phases(wanted.shape)
    for name, momentum in (("of 1984", 0.0), ("fast, α = 0.99", 0.99)):
        for rounds in (0, 8, 64):
            sound = griffin_lim(wanted, HOP_LENGTH, rounds, momentum=momentum, phase=guess)
            results.append((name, rounds, reached(wanted, sound)))


def mean_of(name: str, rounds: int) -> float:
    return float(np.mean([value for n, r, value in results if (n, r) == (name, rounds)]))


table(
    [
        {
            "Griffin-Lim": name,
            "0 rounds": mean_of(name, 0),
            "8 rounds": mean_of(name, 8),
            "64 rounds": mean_of(name, 64),
            "64 rounds [dB]": 20 * np.log10(mean_of(name, 64)),
            "target": target,
        }
        for name, target in (("of 1984", None), ("fast, α = 0.99", 0.05))
    ],
    title=f"Mean spectral convergence, {len(clips)} sentences, {speech.name}",
)
assert mean_of("fast, α = 0.99", 64) < 0.05

# %% [markdown]
# The same along the way, for the first sentence. The fast variant needs about a third of the rounds.

# %%
way = {}
for name, momentum in (("of 1984", 0.0), ("fast", 0.99)):
    counts = (0, 1, 2, 4, 8, 16, 32, 64) if fast_mode() else (0, 1, 2, 4, 8, 16, 32, 64, 96, 128)
    sounds = [griffin_lim(magnitude, HOP_LENGTH, count, None, momentum, first_guess) for count in counts]
    way[name] = (np.array(counts), np.array([20 * np.log10(reached(magnitude, sound)) for sound in sounds]))
plot.lines(
    way,
    x_label="rounds",
    y_label="spectral convergence [dB]",
    title="Lower is better",
    hlines={"target": -26.0},
)

# %% [markdown]
# ## Against the library
#
# librosa and torch have all of this. The same numbers, and how fast? librosa's Griffin-Lim starts with zero
# phases here (`init=None`), as yours does without `phase`, so that both take the same way.


# %%
def librosa_functions() -> dict:
    """librosa's three functions with our settings."""
    import librosa

    return {
        "stft": lambda samples: librosa.stft(samples, n_fft=512, hop_length=HOP_LENGTH),
        "istft": lambda values: librosa.istft(values, hop_length=HOP_LENGTH),
        "griffin_lim": lambda values: librosa.griffinlim(
            values, n_iter=16, hop_length=HOP_LENGTH, momentum=0.99, init=None
        ),
    }


def torch_stft(samples: Float[np.ndarray, "time"]) -> Complex[np.ndarray, "bins frames"]:
    import torch

    window = torch.hann_window(512, dtype=torch.float64)
    options = {"hop_length": HOP_LENGTH, "window": window, "pad_mode": "constant", "return_complex": True}
    return torch.stft(torch.from_numpy(samples), 512, **options).numpy()


yours = {
    "stft": stft,
    "istft": istft,
    "griffin_lim": lambda values: griffin_lim(values, HOP_LENGTH, 16, momentum=0.99),
}
given = {"stft": sentence, "istft": spectrum, "griffin_lim": magnitude}
rows = []
for name, theirs in librosa_functions().items():
    mine_seconds, their_seconds = (stopwatch(f, given[name], repeat=3) for f in (yours[name], theirs))
    rows.append(
        {
            "function": name + (", 16 rounds" if name == "griffin_lim" else ""),
            "largest difference": np.abs(yours[name](given[name]) - theirs(given[name])).max(),
            "yours [ms]": 1000 * mine_seconds,
            "librosa [ms]": 1000 * their_seconds,
            "yours / librosa": mine_seconds / their_seconds,
        }
    )
table(rows, title=f"{len(sentence) / sample_rate:.0f} s of speech, double precision")
print(
    f"stft against torch.stft: largest difference {np.abs(stft(sentence) - torch_stft(sentence)).max():.1e}"
)

# %% [markdown]
# If yours is slower, look at `overlap_add`: a Python loop over frames costs more than all FFTs together.
# Timings on a computer that is busy with other work mean little. Run the cell twice.

# %% [markdown]
# ## Where it breaks
#
# ### Without overlap there is nothing to find
#
# Griffin-Lim lives on the agreement of neighbours. Take larger hops, with the same 64 rounds. The spectral
# convergence even looks *better*. What do you hear?

# %%
rows, sounds = [], {"original": sentence}
for hop in (64, 128, 256, 384):
    wanted = np.abs(stft(sentence, 512, hop))
    sound = griffin_lim(wanted, hop, 64, momentum=0.99, phase=random_phases(wanted.shape))
    common = sentence[: len(sound)]
    fine = np.abs(stft(common, 512, 64))
    rows.append(
        {
            "hop": hop,
            "overlap [%]": 100 * (512 - hop) / 512,
            "convergence on its own frames": spectral_convergence(wanted, np.abs(stft(sound, 512, hop))),
            "on all frames, hop 64": spectral_convergence(fine, np.abs(stft(sound, 512, 64))),
        }
    )
    sounds[f"hop {hop}"] = loud(sound)
table(rows, title="64 rounds of the fast variant")
play(sounds, sample_rate)

# %% [markdown]
# With little overlap nearly every matrix is consistent. The magnitudes at the few frames fit well, and
# between them anything goes. A measure that looks only at those frames does not notice. **Measure what you
# hear, not what you optimised.**
#
# ### The right picture, another wave
#
# And at a hop of 128? The spectrogram is nearly right. The wave is not:

# %%
best = rebuilt[64]
common = sentence[: len(best)]
plot.lines(
    {"original": common[12_000:12_300], "64 rounds": best[12_000:12_300]},
    x_label="sample",
    y_label="amplitude",
    title="Both have almost the same spectrogram",
)
error_db = 10 * np.log10(np.sum(common**2) / np.sum((common - best) ** 2))
table([{"spectral convergence": reached(magnitude, best), "signal to error of the wave [dB]": error_db}])

# %% [markdown]
# A ratio of 0 dB or less means that the error is at least as large as the signal. The ear forgives most of
# it, since it hears magnitudes far better than phases. It does not forgive all: a slight ring remains.
#
# In speech synthesis it gets worse. The network paints a *mel* spectrogram, 80 numbers per frame instead of
# 257, and blurred. Griffin-Lim then has to invent magnitudes and phases. That is why **neural vocoders**
# replaced it. But first: what is a mel spectrogram? The next lab tells.

# %% [markdown]
# ## Read on
#
# - Griffin and Lim, *Signal estimation from modified short-time Fourier transform*, IEEE Trans. ASSP 32(2),
#   1984: sections II (the inverse, equation 6) and III (the algorithm and its proof).
# - Perraudin, Balazs and Søndergaard, *A fast Griffin-Lim algorithm*, WASPAA 2013: four pages.
# - Allen and Rabiner, *A unified approach to short-time Fourier analysis and synthesis*, Proc. IEEE 65,
#   1977.
# - Sturmel and Daudet, *Signal reconstruction from STFT magnitude: a state of the art*, DAFx 2011: what can
#   go wrong, and how it is measured.
# - Wang et al., *Tacotron: towards end-to-end speech synthesis*, 2017, section 3.3: Griffin-Lim as a
#   vocoder.
