# ---
# jupyter:
#   lab:
#     title: Fourier transform
#     topic: 2
#     minutes: 230
#     difficulty: 3
#     needs: []
#     libraries: [numpy]
#     covers:
#       "Discrete Fourier Transform (DFT)": dft
#       "Fast Fourier Transform (FFT) — Cooley-Tukey algorithm": fft_radix2
#       "Fourier Transform (DFT, FFT)": fft_radix2
#       "Time domain vs frequency domain": "passage: The idea"
#       "Windowing functions (Hamming, Hann, Blackman)": window
#       "Convolution theorem": circular_convolve
#       "Z-Transform": poles_and_zeros
#       "Nyquist-Shannon sampling theorem": sinc_reconstruct
# ---

# %% [markdown]
# # Fourier transform
#
# Somebody presses two keys of a telephone. Listen. Can you tell which keys they are?

# %%
import time

import numpy as np
from jaxtyping import Complex, Float

from autograder import check
from labkit import corpora, fast_mode, play, plot, stopwatch, table

ROWS_HZ, COLUMNS_HZ = (697, 770, 852, 941), (1209, 1336, 1477)
KEYS = ("123", "456", "789", "*0#")


def key_tone(key: str, seconds: float = 0.4, sample_rate: int = 8000) -> Float[np.ndarray, "time"]:
    """What a telephone sends for a key: one tone for its row and one for its column."""
    row = next(number for number, keys in enumerate(KEYS) if key in keys)
    time_axis = np.arange(int(seconds * sample_rate)) / sample_rate
    tones = ROWS_HZ[row], COLUMNS_HZ[KEYS[row].index(key)]
    return sum(0.25 * np.sin(2 * np.pi * tone * time_axis) for tone in tones)


play({"first key": key_tone("5"), "second key": key_tone("8")}, 8000)
milliseconds = np.arange(160) / 8
plot.lines(
    {"first key": (milliseconds, key_tone("5")[:160]), "second key": (milliseconds, key_tone("8")[:160])},
    x_label="time [ms]",
    y_label="amplitude",
    title="20 ms of each key",
)

# %% [markdown]
# The curves do not tell. Yet a telephone exchange knows the key within 40 ms. It asks another question: not
# *how large is the sound now?* but *which tones is it made of?*
#
# ## What you will build
#
# A tool that answers this question, and everything that speech processing does with it:
#
# | your function | what for |
# |---|---|
# | `dft` | the question, in one line of mathematics |
# | `fft_radix2`, `inverse_fft` | the same answer a hundred times faster, and the way back |
# | `window`, `leakage` | see a faint tone beside a loud one |
# | `circular_convolve`, `fast_convolve`, `overlap_add_convolve` | put a voice into a concert hall |
# | `frequency_response`, `poles_and_zeros`, `is_stable` | understand filters, and make a vowel |
# | `sinc_reconstruct` | the wave between the samples |
#
# **Who uses this?** Everything that listens or speaks. Whisper begins with 100 FFTs per second of sound.
# MP3, Opus, your telephone's noise suppression and every equaliser work on spectra. Gilbert Strang called
# the FFT "the most important numerical algorithm of our lifetime".
#
# You need complex numbers for this lab. All that you must know is this: $e^{i\varphi}$ is an arrow of
# length 1 that points in the direction $\varphi$. Multiplying by it turns another arrow by $\varphi$. One
# whole turn is $2\pi$.

# %% [markdown]
# ## The idea
#
# A sound can be written down in two ways. In the **time domain** it is a list of samples: how large is it
# at each moment? In the **frequency domain** it is a list of waves: how much of each frequency is in it?
# Both lists say everything. One can be computed from the other, and back.
#
# To find out how much of a wave is in a sound, multiply the two sample by sample and add up. If the sound
# swings along with the wave, all products are positive and the sum is large. If not, they cancel.
#
# **A number first.** Four samples: 1, 0, −1, 0. That is a cosine which makes one turn in four samples.
#
# - Compare with a constant, 1, 1, 1, 1: the sum is $1 + 0 - 1 + 0 = 0$. Nothing.
# - Compare with one turn: an arrow that points in the directions $1, -i, -1, i$. The sum is
#   $1 \cdot 1 + 0 + (-1)(-1) + 0 = 2$. There it is.
# - Compare with two turns, $1, -1, 1, -1$: the sum is $1 + 0 - 1 + 0 = 0$. Nothing.
#
# **The formula.** With $N$ samples, wave $k$ makes $k$ turns, and
#
# $$X_k = \sum_{n=0}^{N-1} x_n\, e^{-2\pi i\,k n / N}, \qquad k = 0 \dots N-1 .$$
#
# $X_k$ is called **bin** $k$. At a sample rate $f_s$ it belongs to the frequency $k f_s / N$. Its magnitude
# says how much, its angle says *where the wave begins*: the phase.

# %% [markdown]
# ## Part 1: the discrete Fourier transform
#
# Write the formula as it stands. Put all waves into one matrix, wave $k$ in row $k$, and multiply the
# samples by it.


# %% part="dft" points=2 difficulty=2 minutes=12 forbids="np.fft scipy librosa torch.fft"
def dft(samples: Complex[np.ndarray, "time"]) -> Complex[np.ndarray, "time"]:
    """Discrete Fourier transform, straight from its definition.

    Args:
        samples: N numbers, real or complex, any unit.
    Returns:
        X[k] = sum over n of samples[n] * exp(-2πi k n / N) for k = 0 … N - 1, as complex128, in the unit
        of `samples`.
    Raises:
        ValueError: if `samples` is empty or not one-dimensional.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.5.
    Example:
        >>> dft(np.array([1.0, 0.0, -1.0, 0.0])).round(6).tolist()
        [0j, (2+0j), 0j, (2+0j)]
    """
    ### BEGIN SOLUTION
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"samples has shape {samples.shape}, expected [time] with at least one sample")
    n = np.arange(len(samples))
    turns = np.outer(n, n) % len(samples)  # whole turns change nothing, but cost digits
    return np.exp(-2j * np.pi * turns / len(samples)) @ samples
    ### END SOLUTION


# %% [markdown] hints="dft"
# 1. The exponent holds the product $k \cdot n$ for every $k$ and every $n$: a multiplication table.
# 2. `np.outer(n, n)` is that table. `np.exp` of the whole matrix gives all waves, and `@` does the sums.
# 3. `n = np.arange(N)`, then `np.exp(-2j * np.pi * np.outer(n, n) / N) @ samples`, after the tests for an
#    empty signal and for more than one axis. `% N` on the table keeps the angles small and exact.

# %% [markdown]
# Ask it about the two keys. 400 samples at 8000 Hz are 50 ms, and bins are 20 Hz apart.

# %%
hertz = np.arange(200) * 20
spectra = {
    name: np.abs(dft(key_tone(key)[:400]))[:200] for name, key in {"first": "5", "second": "8"}.items()
}
plot.lines(
    {f"{name} key": (hertz[25:85], size[25:85]) for name, size in spectra.items()},
    x_label="frequency [Hz]",
    y_label="|X|",
    title="Two peaks per key: one for its row, one for its column",
)

# %% [markdown]
# Both share a peak near 1336 Hz: the middle column. One has its other peak near 770 Hz, the second row; the
# other near 852 Hz, the third. The keys are **5** and **8**.

# %% [markdown]
# ## Part 2: the fast Fourier transform
#
# The matrix has $N^2$ entries. One second of speech has 16 000 samples, so that is 256 million entries, 4
# GB. In 1965 Cooley and Tukey published how to do without. (Gauss had found it in 1805, to compute the
# orbits of asteroids, and did not publish.)
#
# Take the samples at **even** positions, and those at **odd** positions. Transform each half by itself. Two
# transforms of half the length cost half as much as the whole: $2 (N/2)^2 = N^2/2$. Then put them together.
#
# **A number first.** The samples 1, 2, 3, 4.
#
# - Even positions: 1, 3. The transform of two numbers is their sum and their difference: $E = (4, -2)$.
# - Odd positions: 2, 4, so $O = (6, -2)$.
# - The odd samples come one step later, so their waves must be turned: $O_k$ by $e^{-2\pi i k / 4}$. That
#   is by 1 for $k = 0$ and by $-i$ for $k = 1$: $(6,\ 2i)$.
# - First half of the result, the sums: $4 + 6 = 10$ and $-2 + 2i$. Second half, the differences:
#   $4 - 6 = -2$ and $-2 - 2i$.
#
# The result is $10,\ -2+2i,\ -2,\ -2-2i$.
#
# **The formula.** For $k = 0 \dots N/2 - 1$:
#
# $$X_k = E_k + e^{-2\pi i k / N}\, O_k, \qquad X_{k + N/2} = E_k - e^{-2\pi i k / N}\, O_k .$$
#
# Why the minus? Wave $k + N/2$ turns half a circle further at every odd sample, and not at all at the even
# ones.
#
# Now do the same to each half, and to its halves, until one sample is left, which is its own transform.
# There are $\log_2 N$ levels of about $N$ steps. For 1024 samples that is 10 240 steps instead of 1 048
# 576: a hundred times fewer.
#
# Two more wishes. The length must be a power of two: refuse others. And many rows should be transformed at
# once, along the **last axis**, since NumPy is fast with large arrays and slow with many small ones.


# %% part="fft_radix2" points=5 difficulty=4 minutes=30 forbids="np.fft scipy librosa torch.fft"
def fft_radix2(samples: Complex[np.ndarray, "*batch time"]) -> Complex[np.ndarray, "*batch time"]:
    """Fast Fourier transform of the last axis: Cooley-Tukey, halving at each step.

    Args:
        samples: N numbers along the last axis, real or complex, any unit; N is a power of two (1 is one).
    Returns:
        The DFT of every row, as complex128, in the shape of `samples`, in about N log2 N steps a row.
    Raises:
        ValueError: if N is not a power of two.
    Source: Cooley & Tukey 1965, An algorithm for the machine calculation of complex Fourier series.
    Example:
        >>> fft_radix2(np.array([[1.0, 0.0, -1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])).real.round(6).tolist()
        [[0.0, 2.0, 0.0, 2.0], [4.0, 0.0, 0.0, 0.0]]
    """
    ### BEGIN SOLUTION
    length = samples.shape[-1]
    if length < 1 or length & (length - 1) != 0:
        raise ValueError(f"samples has length {length} along its last axis, expected a power of two")
    # axis -1 counts short transforms, axis -2 their frequencies: N of one sample each at the start
    spectra = samples.astype(np.complex128)[..., None, :]
    turns = np.exp(-2j * np.pi * np.arange(length // 2) / length)
    while spectra.shape[-1] > 1:
        half = spectra.shape[-1] // 2
        even, odd = spectra[..., :half], spectra[..., half:] * turns[::half, None]
        spectra = np.concatenate([even + odd, even - odd], axis=-2)
    return spectra[..., 0]
    ### END SOLUTION


# %% [markdown] hints="fft_radix2"
# 1. If a function gave you the transforms of both halves, what would be left to do? Let the function call
#    itself. When does it stop?
# 2. `samples[..., ::2]` and `samples[..., 1::2]` are the halves of every row. Join sums and differences
#    with `np.concatenate([...], axis=-1)`. A power of two has one bit: `N & (N - 1) == 0`; mind that 0
#    passes this test.
# 3. `if N == 1: return samples.astype(complex)`, then
#    `even, odd = fft_radix2(samples[..., ::2]), fft_radix2(samples[..., 1::2])`,
#    `odd = odd * np.exp(-2j * np.pi * np.arange(N // 2) / N)`, and
#    `np.concatenate([even + odd, even - odd], axis=-1)`. Faster, without recursion: start with
#    `spectra = samples[..., None, :]`, whose last axis counts $N$ transforms of length 1, and let each
#    round halve the last axis and double the one before.

# %% [markdown]
# ## Part 3: the way back
#
# The samples are the sum of all waves, each times its bin:
#
# $$x_n = \frac1N \sum_{k=0}^{N-1} X_k\, e^{+2\pi i\,k n / N} .$$
#
# Two things changed: a plus sign, and a division by $N$. You need not write the algorithm again. Taking the
# **conjugate** (mirroring every arrow: $i$ becomes $-i$) before *and* after the forward transform turns its
# minus into a plus.
#
# **A number first.** The spectrum 0, 4, 0, 0 holds one wave, one turn in four samples. It must become
# $1, i, -1, -i$.


# %% part="inverse_fft" points=2 difficulty=2 minutes=8 forbids="np.fft scipy librosa torch.fft"
def inverse_fft(spectrum: Complex[np.ndarray, "*batch time"]) -> Complex[np.ndarray, "*batch time"]:
    """Inverse of `fft_radix2`, along the last axis.

    Args:
        spectrum: N numbers along the last axis, real or complex; N is a power of two.
    Returns:
        x[n] = 1/N * sum over k of spectrum[k] * exp(+2πi k n / N), as complex128, in the shape of `spectrum`.
    Raises:
        ValueError: as `fft_radix2` raises.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.5.
    Example:
        >>> inverse_fft(np.array([4.0, 0.0, 0.0, 0.0])).real.tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    ### BEGIN SOLUTION
    return np.conj(fft_radix2(np.conj(spectrum))) / spectrum.shape[-1]
    ### END SOLUTION


# %% [markdown] hints="inverse_fft"
# 1. What must change in the forward sum so that it becomes the inverse one?
# 2. The conjugate of a sum is the sum of the conjugates:
#    $\overline{\sum \bar X_k\, e^{-i\varphi}} = \sum X_k\, e^{+i\varphi}$.
# 3. `np.conj(fft_radix2(np.conj(spectrum))) / spectrum.shape[-1]`. Divide by the length of a row, not by
#    the number of all entries.

# %% [markdown]
# With both directions you can edit a sound by its frequencies. A whistle of 1 kHz disturbs a voice. In
# time, it is everywhere. In frequency, it is a few bins out of 131 072: set them to zero and go back.

# %%
speech = corpora.vctk()
sample_rate = speech.sample_rate
voice = speech[0].samples.astype(np.float64)[: 4 * sample_rate]
voice = 0.5 * voice / np.abs(voice).max()

whistle = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(len(voice)) / sample_rate)
spectrum = fft_radix2(np.pad(voice + whistle, (0, 2**17 - len(voice))))
bins_hz = np.fft.fftfreq(2**17, 1 / sample_rate)  # only the names of the bins: 0 Hz upwards, then negative
whistling = np.abs(np.abs(bins_hz) - 1000) < 8
spectrum[whistling] = 0
cleaned = inverse_fft(spectrum).real[: len(voice)]
play(
    {"voice and whistle": voice + whistle, f"without {whistling.sum()} of 131 072 bins": cleaned}, sample_rate
)

# %% [markdown]
# ## Part 4: windows
#
# The DFT takes its $N$ samples for **one period of something that repeats for ever**. A tone that makes 10
# turns in the piece goes on smoothly into the next period: it fills one bin. A tone of 10.5 turns has a
# jump at the seam, and a jump is made of all frequencies. This is called **leakage**.

# %%
turns = {"10 turns": 10.0, "10.5 turns": 10.5}
position = np.arange(64)


def decibels(size: Float[np.ndarray, "*shape"], lowest: float = -100.0) -> Float[np.ndarray, "*shape"]:
    """Magnitudes in dB below the largest, at least `lowest`."""
    return 20 * np.log10(np.maximum(size / size.max(), 10 ** (lowest / 20)))


plot.lines(
    {
        name: (position[:32], decibels(np.abs(fft_radix2(np.cos(2 * np.pi * count * position / 64)))[:32]))
        for name, count in turns.items()
    },
    x_label="bin",
    y_label="level [dB]",
    title="64 samples of a pure tone",
)

# %% [markdown]
# Both are pure tones. The one that fits shows one bin, the other a mountain.
#
# The cure: fade the piece in and out, so that there is no jump. Multiply it by a **window**. Three are in
# daily use, with $\theta = 2\pi n / N$:
#
# | window | weights |
# |---|---|
# | Hann | $0.5 - 0.5\cos\theta$ |
# | Hamming | $0.54 - 0.46\cos\theta$ |
# | Blackman | $0.42 - 0.5\cos\theta + 0.08\cos 2\theta$ |
#
# **A number first.** Hann with $N = 4$: $\theta$ is 0, ¼, ½, ¾ of a turn, its cosine 1, 0, −1, 0. The
# weights are 0, ½, 1, ½.
#
# These weights end with ½, not with 0. The next one would be 0 again, but it belongs to the next period.
# This form is called **periodic**, and spectra need it. The **symmetric** form divides by $N - 1$ instead
# and ends as it begins: 0, ¾, ¾, 0. It is for the design of filters. `np.hanning` gives this one: using it
# for spectra is the most common mistake with windows.


# %% part="window" points=3 difficulty=2 minutes=12 forbids="scipy librosa np.hanning np.hamming np.blackman"
def window(name: str, length: int, periodic: bool = True) -> Float[np.ndarray, "length"]:
    """Hann, Hamming or Blackman window.

    Args:
        name: "hann", "hamming" or "blackman".
        length: number of weights.
        periodic: True for spectra: the weights of one period, so that weight `length` would be weight 0
            again. False for the design of filters: symmetric, the last weight equals the first.
    Returns:
        The weights. A window of one weight is 1.
    Raises:
        ValueError: if `name` is another word or `length` is less than 1.
    Source: Harris 1978, On the use of windows for harmonic analysis with the DFT, section V.
    Example:
        >>> window("hann", 4).round(6).tolist()
        [0.0, 0.5, 1.0, 0.5]
        >>> window("hann", 4, periodic=False).round(6).tolist()
        [0.0, 0.75, 0.75, 0.0]
    """
    ### BEGIN SOLUTION
    if length < 1:
        raise ValueError(f"length is {length}, expected at least 1 weight")
    angle = 2 * np.pi * np.arange(length) / max(length if periodic else length - 1, 1)
    if name == "hann":
        weights = 0.5 - 0.5 * np.cos(angle)
    elif name == "hamming":
        weights = 0.54 - 0.46 * np.cos(angle)
    elif name == "blackman":
        weights = 0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2 * angle)
    else:
        raise ValueError(f'name is {name!r}, expected "hann", "hamming" or "blackman"')
    return weights if length > 1 else np.ones(1)
    ### END SOLUTION


# %% [markdown] hints="window"
# 1. The three formulas share their angle. Only the angle knows whether the window is periodic.
# 2. `angle = 2 * np.pi * np.arange(length) / length`, or `/ (length - 1)` for the symmetric form. What
#    happens to each with `length = 1`?
# 3. One `if` per name, `raise ValueError` for any other. A window of one weight is `np.ones(1)`: return it
#    before you divide by zero.

# %%
shapes = {name: window(name, 64) for name in ("hann", "hamming", "blackman")}
plot.lines(shapes, x_label="n", y_label="weight", title="Three windows of 64 weights")

# %% [markdown]
# ## Part 5: leakage, measured
#
# What does a window do to a pure tone? It puts *its own spectrum* in the tone's place. So look at the
# spectrum of the window alone: a hill in the middle, the **main lobe**, and smaller hills beside it, the
# **side lobes**. A narrow main lobe separates close tones. Low side lobes let faint tones be seen beside
# loud ones. No window has both.
#
# To see the hills you need points between the bins. Put many zeros after the window: the FFT then looks at
# the same curve more finely. Here, 64 points or more per bin.
#
# **A number first.** The rectangle, 64 ones: no window at all. Its sum is 64, the height at 0 Hz. The curve
# falls to zero one bin away, so the main lobe is **2 bins** wide, from −1 to 1. Then it rises again to
# 13.9. That is $20\log_{10}(13.9/64) = $ **−13.3 dB**. A tone 13 dB fainter can hide there.


# %%
POINTS_PER_BIN = 64  # how finely a window's spectrum is looked at


def power_of_two(at_least: int) -> int:
    """The smallest power of two that is not below `at_least`."""
    return 1 << max(0, at_least - 1).bit_length()


# %% part="leakage" points=3 difficulty=3 minutes=15 forbids="np.fft scipy librosa torch.fft"
def leakage(weights: Float[np.ndarray, "length"]) -> tuple[float, float]:
    """Width of a window's main lobe and height of its highest side lobe.

    Args:
        weights: a window whose spectrum is highest at 0 Hz.
    Returns:
        Two numbers, measured on |FFT| of `weights` followed by zeros, power_of_two(POINTS_PER_BIN * length)
        in all. First the width of the main lobe in bins of 1 / length cycles per sample: twice the
        frequency of the first point from which |FFT| rises. Then the largest value from there up to half
        the sample rate, in dB relative to the value at 0 Hz.
    Raises:
        ValueError: if `weights` is not one-dimensional, or |FFT| never rises: then there is no side lobe.
    Source: Harris 1978, On the use of windows for harmonic analysis with the DFT, table I.
    Example:
        >>> [round(number, 1) for number in leakage(np.ones(64))]
        [2.0, -13.3]
    """
    ### BEGIN SOLUTION
    if weights.ndim != 1:
        raise ValueError(f"weights has shape {weights.shape}, expected [length]")
    n_fft = power_of_two(POINTS_PER_BIN * len(weights))
    size = np.abs(fft_radix2(np.pad(weights, (0, n_fft - len(weights)))))[: n_fft // 2 + 1]
    rises = np.flatnonzero(np.diff(size) > 0)
    if len(rises) == 0:
        raise ValueError("the spectrum falls all the way: there is no side lobe")
    foot = rises[0]
    width = 2 * foot * len(weights) / n_fft
    return float(width), float(20 * np.log10(size[foot:].max() / size[0]))
    ### END SOLUTION


# %% [markdown] hints="leakage"
# 1. Three steps: a finely sampled |FFT| from 0 Hz to half the sample rate; the first point from which it
#    rises; the largest value from that point on.
# 2. `np.pad(weights, (0, n_fft - len(weights)))` puts zeros behind. `np.diff(size) > 0` is True where the
#    next point is higher. A point $p$ of the long FFT lies $p \cdot \text{length} / n_\text{fft}$ bins from
#    0 Hz, and the main lobe has two sides.
# 3. `foot = np.flatnonzero(np.diff(size) > 0)[0]` (if there is one), width
#    `2 * foot * len(weights) / n_fft`, level `20 * np.log10(size[foot:].max() / size[0])`.

# %%
shapes = {"none": np.ones(64), **shapes}
measured = {name: leakage(weights) for name, weights in shapes.items()}
table(
    [
        {"window": name, "main lobe [bins]": round(width, 2), "highest side lobe [dB]": round(level, 1)}
        for name, (width, level) in measured.items()
    ],
    title="Wider or lower: the trade of windows (64 weights)",
)
n_fine = 64 * POINTS_PER_BIN
plot.lines(
    {
        name: (
            np.arange(n_fine // 8) / POINTS_PER_BIN,
            decibels(np.abs(fft_radix2(np.pad(weights, (0, n_fine - 64))))[: n_fine // 8]),
        )
        for name, weights in shapes.items()
    },
    x_label="distance from the tone [bins]",
    y_label="level [dB]",
    title="What each window makes of a pure tone",
)

# %% [markdown]
# Hann is the usual choice for speech: its side lobes fall fast. Hamming makes the first one low, and the
# others stay. Blackman pays for −58 dB with a main lobe three times as wide as none at all.
#
# Now the proof. A loud tone of 1010 Hz, and one of 1200 Hz that is 1000 times weaker, −60 dB.

# %%
moment = np.arange(512) / 8000
two_tones = np.sin(2 * np.pi * 1010 * moment) + 0.001 * np.sin(2 * np.pi * 1200 * moment)
plot.lines(
    {
        name: (
            np.arange(50, 95) * 8000 / 512,
            decibels(np.abs(fft_radix2(two_tones * weights)))[50:95],
        )
        for name, weights in {"none": np.ones(512), "hann": window("hann", 512)}.items()
    },
    x_label="frequency [Hz]",
    y_label="level [dB]",
    title="The faint tone at 1200 Hz is there only for who fades in and out",
)

# %% [markdown]
# ## Part 6: the convolution theorem
#
# Clap once in a church. You hear the clap, and then many echoes. This answer to one click is the church's
# **impulse response** $h$. A voice is a row of clicks of all sizes, one per sample. Each makes the church
# answer, and all the answers add up:
#
# $$y_n = \sum_m x_m\, h_{n-m} .$$
#
# That is **convolution**. It is what every room, telephone line, loudspeaker and filter does to a sound.
#
# **A number first.** $x = 1, 2, 3$, and the room answers with the click itself and an echo of half the size
# two samples later: $h = 1, 0, 0.5$. The echoes are 0.5, 1, 1.5, two samples late. Sum:
# $1, 2, 3.5, 1, 1.5$.
#
# Now the theorem that makes this cheap. A delay by $m$ samples turns bin $k$ by $e^{-2\pi i k m/N}$ and
# does nothing else. So the sum of all echoes multiplies bin $k$ by $\sum_m h_m e^{-2\pi i k m/N}$. But this
# is $H_k$, the transform of $h$! **Convolution in time is multiplication in frequency**:
#
# $$Y_k = X_k \cdot H_k .$$
#
# One thing to mind. The DFT thinks in circles, so an echo that runs past the end comes in again at the
# start. That is **circular** convolution. With $x = 1, 2, 3, 4$ and an echo alone at delay 1, the result is
# $4, 1, 2, 3$.


# %% part="circular_convolve" points=2 difficulty=2 minutes=8 forbids="np.fft np.convolve scipy librosa"
def circular_convolve(
    first: Float[np.ndarray, "time"], second: Float[np.ndarray, "time"]
) -> Float[np.ndarray, "time"]:
    """Circular convolution by the convolution theorem.

    Args:
        first: N real numbers; N is a power of two.
        second: as many.
    Returns:
        y[n] = sum over m of first[m] * second[(n - m) mod N], real.
    Raises:
        ValueError: if the lengths differ or are not a power of two.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.6.5.
    Example:
        >>> click = np.array([0.0, 1.0, 0.0, 0.0])
        >>> circular_convolve(np.array([1.0, 2.0, 3.0, 4.0]), click).round(6).tolist()
        [4.0, 1.0, 2.0, 3.0]
    """
    ### BEGIN SOLUTION
    if first.shape != second.shape:
        raise ValueError(f"the signals have shapes {first.shape} and {second.shape}, expected the same")
    return inverse_fft(fft_radix2(first) * fft_radix2(second)).real
    ### END SOLUTION


# %% [markdown] hints="circular_convolve"
# 1. Into frequency, one multiplication, and back.
# 2. The product is bin by bin: `*`, not `@`. Nothing is conjugated.
# 3. `inverse_fft(fft_radix2(first) * fft_radix2(second)).real`. The imaginary part is rounding, some
#    $10^{-16}$. Compare the shapes first.

# %% [markdown]
# ## Part 7: linear convolution
#
# Echoes must not come in again at the front. So give them room: the result has $N + M - 1$ samples. Put
# zeros behind *both* signals until they are that long, or longer, up to the next power of two. Then what
# runs around the circle is zeros.
#
# **A number first.** 3 and 2 samples give $3 + 2 - 1 = 4$. That is a power of two already. The numbers
# $1, 2, 3$ and $1, 10$ give 1, 12, 23, 30. `power_of_two` from above finds the length.


# %% part="fast_convolve" points=3 difficulty=2 minutes=10 forbids="np.fft np.convolve scipy librosa"
def fast_convolve(
    first: Float[np.ndarray, "time"], second: Float[np.ndarray, "time2"]
) -> Float[np.ndarray, "length"]:
    """Linear convolution of two signals of any lengths, through the FFT.

    Args:
        first: real signal.
        second: real signal, such as the impulse response of a room.
    Returns:
        y[n] = sum over m of first[m] * second[n - m], len(first) + len(second) - 1 samples.
    Raises:
        ValueError: if a signal is empty.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 8.7.
    Example:
        >>> fast_convolve(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0])).round(6).tolist()
        [1.0, 12.0, 23.0, 30.0]
    """
    ### BEGIN SOLUTION
    if len(first) == 0 or len(second) == 0:
        raise ValueError(f"the signals have {len(first)} and {len(second)} samples, expected at least 1")
    length = len(first) + len(second) - 1
    padded = [np.pad(signal, (0, power_of_two(length) - len(signal))) for signal in (first, second)]
    return circular_convolve(*padded)[:length]
    ### END SOLUTION


# %% [markdown] hints="fast_convolve"
# 1. How long must the circle be, so that the last echo of the last sample just fits?
# 2. Zeros go *behind*: `np.pad(signal, (0, missing))`. Afterwards cut off what the power of two added.
# 3. `length = len(first) + len(second) - 1`, `size = power_of_two(length)`, then
#    `circular_convolve(np.pad(first, (0, size - len(first))), …)[:length]`.

# %% [markdown]
# ## Part 8: overlap-add
#
# A telephone call never ends, so its FFT cannot be computed "at once". Cut the signal into blocks. Convolve
# each block. Every result is longer than its block: the echoes hang over, into the time of the next block.
# **Add** the overhanging tail to what comes there. Since convolution is a sum, the sum of the pieces is the
# whole.
#
# **A number first.** Signal 1, 1, 1, 1, 1, kernel 1, 1, blocks of 2. The blocks give 1, 2, 1 and 1, 2, 1
# and 1, 1. They start at samples 0, 2 and 4: 1, 2, **1+1**, 2, **1+1**, 1.
#
# The spectrum of the kernel is the same for every block: compute it once.


# %% part="overlap_add_convolve" points=4 difficulty=3 minutes=20 forbids="np.fft np.convolve scipy librosa"
def overlap_add_convolve(
    samples: Float[np.ndarray, "time"], kernel: Float[np.ndarray, "taps"], block_length: int
) -> Float[np.ndarray, "length"]:
    """Linear convolution of a long signal, block by block.

    Args:
        samples: real signal of any length.
        kernel: real impulse response, usually much shorter.
        block_length: samples taken from the signal for each block; the last block may be shorter.
    Returns:
        The same as `fast_convolve(samples, kernel)`, by FFTs of no more than
        power_of_two(block_length + taps - 1) samples.
    Raises:
        ValueError: if a signal is empty or `block_length` is less than 1.
    Source: Stockham 1966, High-speed convolution and correlation; Oppenheim & Schafer, section 8.7.3.
    Example:
        >>> overlap_add_convolve(np.ones(5), np.array([1.0, 1.0]), block_length=2).round(6).tolist()
        [1.0, 2.0, 2.0, 2.0, 2.0, 1.0]
    """
    ### BEGIN SOLUTION
    if len(samples) == 0 or len(kernel) == 0 or block_length < 1:
        raise ValueError(
            f"samples has length {len(samples)}, kernel {len(kernel)} and block_length is {block_length}, "
            "expected at least 1 each"
        )
    output_length = len(samples) + len(kernel) - 1
    n_fft = power_of_two(block_length + len(kernel) - 1)
    response = fft_radix2(np.pad(kernel, (0, n_fft - len(kernel))))
    output = np.zeros(len(samples) + n_fft)
    for start in range(0, len(samples), block_length):
        block = samples[start : start + block_length]
        spectrum = fft_radix2(np.pad(block, (0, n_fft - len(block))))
        output[start : start + n_fft] += inverse_fft(spectrum * response).real
    return output[:output_length]
    ### END SOLUTION


# %% [markdown] hints="overlap_add_convolve"
# 1. Where does the result of the block that starts at sample $s$ begin in the output? How long is it?
# 2. Make the output longer than needed, so that the last piece fits, and cut at the end. `+=` adds a piece
#    where another one already lies.
# 3. `for start in range(0, len(samples), block_length)`: pad `samples[start : start + block_length]` to
#    `n_fft = power_of_two(block_length + len(kernel) - 1)`, multiply its FFT by the kernel's, and
#    `output[start : start + n_fft] += inverse_fft(…).real`.

# %% [markdown]
# ## Part 9: filters and the z-transform
#
# A filter that also uses its own earlier outputs can do much with few numbers:
#
# $$a_0 y_n + a_1 y_{n-1} + \dots = b_0 x_n + b_1 x_{n-1} + \dots$$
#
# **A number first.** $y_n = x_n + 0.9\, y_{n-1}$, so $b = (1)$ and $a = (1, -0.9)$. Feed it 1, 1, 1, …: the
# output climbs 1, 1.9, 2.71, … towards 10. Feed it 1, −1, 1, −1, …: it settles at ±0.526. Slow waves grow
# ten times, fast ones are halved. How can one see that without trying?
#
# The **z-transform** gives the answer. Write $z^{-1}$ for "one sample later". Then the equation is
# $(a_0 + a_1 z^{-1} + \dots)\,Y = (b_0 + b_1 z^{-1} + \dots)\,X$, and so
#
# $$H(z) = \frac{Y}{X} = \frac{b_0 + b_1 z^{-1} + b_2 z^{-2} + \dots}{a_0 + a_1 z^{-1} + a_2 z^{-2} +
# \dots} .$$
#
# A wave of frequency $f$ turns by $2\pi f / f_s$ per sample, so for it $z = e^{2\pi i f / f_s}$: a point on
# the circle $|z| = 1$. Check: at 0 Hz, $z = 1$, and $H = 1/(1 - 0.9) = 10$. At half the sample rate
# $z = -1$, and $H = 1/1.9 = 0.526$.


# %% part="frequency_response" points=3 difficulty=3 minutes=12 forbids="scipy librosa"
def frequency_response(
    b: Float[np.ndarray, "inputs"],
    a: Float[np.ndarray, "outputs"],
    frequencies: Float[np.ndarray, "*shape"],
    sample_rate: float = 1.0,
) -> Complex[np.ndarray, "*shape"]:
    """What a filter does to a wave of each frequency.

    The filter is a[0] y[n] + a[1] y[n-1] + … = b[0] x[n] + b[1] x[n-1] + …

    Args:
        b: weights of the input, now and before.
        a: weights of the output, now and before; a[0] is not zero.
        frequencies: in Hz.
        sample_rate: in Hz; with the default of 1, frequencies are in cycles per sample.
    Returns:
        H(z) = (b[0] + b[1] z^-1 + …) / (a[0] + a[1] z^-1 + …) at z = exp(2πi frequency / sample_rate): its
        magnitude is the gain, its angle the shift in phase.
    Raises:
        ValueError: if `a` or `b` is empty or a[0] is zero.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 5.3.
    Example:
        >>> mean_of_two = np.array([0.5, 0.5])
        >>> frequency_response(mean_of_two, np.ones(1), np.array([0.0, 0.5])).real.round(6).tolist()
        [1.0, 0.0]
    """
    ### BEGIN SOLUTION
    if len(b) == 0 or len(a) == 0 or a[0] == 0:
        raise ValueError("a and b need at least one weight each, and a[0] must not be zero")
    delay = np.exp(-2j * np.pi * np.asarray(frequencies) / sample_rate)  # z^-1: one sample later
    above = sum(weight * delay**k for k, weight in enumerate(b))
    below = sum(weight * delay**k for k, weight in enumerate(a))
    return above / below
    ### END SOLUTION


# %% [markdown] hints="frequency_response"
# 1. First one number for each frequency: $z^{-1}$. Then two sums, and one division.
# 2. $z^{-k}$ is `delay ** k`, with `delay = np.exp(-2j * np.pi * frequencies / sample_rate)`. The minus
#    makes it *later*.
# 3. `sum(weight * delay ** k for k, weight in enumerate(b))`, the same for `a`, divided. Refuse an empty
#    `a` or `b`, and `a[0] == 0`, before anything else.

# %% [markdown]
# ## Part 10: poles and zeros
#
# $H(z)$ lives on the whole plane of complex numbers, not only on the circle. Where its upper polynomial is
# zero, $H$ is zero: a **zero** of the filter. Where the lower one is zero, $H$ is infinite: a **pole**.
# Think of a rubber sheet over the plane. A pole lifts it like a tent pole, a zero pins it to the ground.
# The frequency response is the height of the sheet along the circle.
#
# So a pole close to the circle at the angle $\varphi$ makes a peak at the frequency $f_s\,\varphi / 2\pi$:
# a **resonance**. The closer it is, the sharper the peak. Your mouth does the same: its resonances are
# called formants.
#
# **A number first.** $H(z) = \dfrac{1 - z^{-1}}{1 + 0.25 z^{-2}}$. Multiply above and below by $z^2$ to get
# rid of the negative powers: $\dfrac{z^2 - z}{z^2 + 0.25}$. Zeros: 0 and 1. Poles: $\pm 0.5i$. The zero at
# 0 would be missed by who looks at $1 - z^{-1}$ alone.


# %% part="poles_and_zeros" points=3 difficulty=3 minutes=15 forbids="scipy librosa"
def poles_and_zeros(
    b: Float[np.ndarray, "inputs"], a: Float[np.ndarray, "outputs"]
) -> tuple[Complex[np.ndarray, "poles"], Complex[np.ndarray, "zeros"]]:
    """Where in the z-plane a filter's transfer function is infinite, and where it is zero.

    Args:
        b: weights of the input, b[k] belongs to z^-k; at least one is not zero.
        a: weights of the output, a[k] belongs to z^-k; a[0] is not zero.
    Returns:
        Poles and zeros in any order, each as often as it counts, those at z = 0 included. What cancels at
        z = 0 is left out.
    Raises:
        ValueError: if `a` is empty, a[0] is zero, or `b` is zero everywhere.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 5.2.
    Example:
        >>> poles, zeros = poles_and_zeros(np.array([1.0, -1.0]), np.array([1.0, 0.0, 0.25]))
        >>> sorted(poles.imag.round(6).tolist()), sorted(zeros.real.round(6).tolist())
        ([-0.5, 0.5], [0.0, 1.0])
    """
    ### BEGIN SOLUTION
    if len(a) == 0 or a[0] == 0 or not np.any(b):
        raise ValueError("a[0] must not be zero, and b needs a weight that is not zero")
    # multiply both by z^(length - 1): then they are polynomials in z, the highest power first
    length = max(len(np.trim_zeros(weights, "b")) for weights in (a, b))
    polynomials = [np.append(weights, np.zeros(length))[:length] for weights in (a, b)]
    poles, zeros = (np.roots(polynomial).astype(np.complex128) for polynomial in polynomials)
    return poles, zeros
    ### END SOLUTION


# %% [markdown] hints="poles_and_zeros"
# 1. `np.roots` finds the zeros of a polynomial whose *highest* power comes first. After multiplying by the
#    right power of $z$, that is the order in which `b` and `a` already stand.
# 2. Both must be multiplied by the *same* power. So both need the same length: fill the shorter one with
#    zeros at its end. Weights of zero at the end of both do not count: they would cancel.
# 3. `length = max(len(np.trim_zeros(weights, "b")) for weights in (a, b))`, then
#    `np.roots(np.append(weights, np.zeros(length))[:length])` for each. Return (poles, zeros).

# %% [markdown]
# ## Part 11: stability
#
# $y_n = x_n + 1.1\, y_{n-1}$ answers a click with 1, 1.1, 1.21, 1.33, … and soon shakes the house. Its pole
# is at $z = 1.1$. The answer of a pole $p$ to a click is $p^n$: it dies away only if $|p| < 1$. A filter is
# **stable** if all its poles lie inside the circle.


# %% part="is_stable" points=1 difficulty=2 minutes=5 forbids="scipy librosa"
def is_stable(a: Float[np.ndarray, "outputs"]) -> bool:
    """Whether a filter's response to a single click dies away.

    Args:
        a: weights of the output, a[k] belongs to z^-k; a[0] is not zero.
    Returns:
        True if every pole lies inside the circle |z| = 1. A pole on the circle is not stable.
    Raises:
        ValueError: if `a` is empty or a[0] is zero.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 5.2.1.
    Example:
        >>> is_stable(np.array([1.0, -0.9])), is_stable(np.array([1.0, -1.1]))
        (True, False)
    """
    ### BEGIN SOLUTION
    poles, _ = poles_and_zeros(np.ones(1), a)
    return bool(np.all(np.abs(poles) < 1))
    ### END SOLUTION


# %% [markdown] hints="is_stable"
# 1. Which function of yours knows the poles? Do the weights `b` matter?
# 2. "Inside the circle" is about the magnitude, not about the real part. A pole *on* the circle rings for
#    ever.
# 3. `poles, _ = poles_and_zeros(np.ones(1), a)`, then `bool(np.all(np.abs(poles) < 1))`.

# %% [markdown]
# Now build a mouth. The vocal cords give a buzz: 110 clicks per second. Each vowel has its own three
# resonances; here are those that Peterson and Barney measured in 1952. A resonance of frequency $f$ and
# bandwidth $B$ is a pair of poles with angle $2\pi f / f_s$ and radius $e^{-\pi B / f_s}$.

# %%
VOWELS = {"ah": (730, 1090, 2440), "ee": (270, 2290, 3010), "oo": (300, 870, 2240)}  # men, in Hz


def resonator(frequency: float, bandwidth: float, sample_rate: int) -> Float[np.ndarray, "3"]:
    """Weights a of a filter with one pair of poles; frequency and bandwidth in Hz."""
    pole = np.exp((-np.pi * bandwidth + 2j * np.pi * frequency) / sample_rate)
    return np.real(np.poly([pole, np.conj(pole)]))


def run_filter(
    b: Float[np.ndarray, "inputs"], a: Float[np.ndarray, "outputs"], samples: Float[np.ndarray, "time"]
) -> Float[np.ndarray, "time"]:
    """The equation above, sample by sample."""
    forward = np.convolve(samples, b)[: len(samples)]
    output = np.zeros(len(samples))
    for n in range(len(samples)):
        fed_back = sum(weight * output[n - k] for k, weight in enumerate(a) if 1 <= k <= n)
        output[n] = (forward[n] - fed_back) / a[0]
    return output


def z_plane(poles: Complex[np.ndarray, "poles"], zeros: Complex[np.ndarray, "zeros"], title: str):
    """Crosses for poles, rings for zeros, and the circle on which frequencies lie."""
    from labkit.plot import style

    with style.styled():
        figure, ((axes,),) = style.new_figure(width=4.6, height=4.2)
        circle = np.exp(2j * np.pi * np.linspace(0, 1, 200))
        axes.plot(circle.real, circle.imag, color=style.INK, linewidth=0.8)
        axes.plot(poles.real, poles.imag, "x", color=style.color(1), markersize=9, label="poles")
        axes.plot(zeros.real, zeros.imag, "o", color=style.color(0), markerfacecolor="none", label="zeros")
        axes.set(xlabel="real part", ylabel="imaginary part", title=title, aspect="equal")
        axes.legend(loc="upper right")
        style.grid(axes)
        return style.finish(figure)


mouths = {}
for vowel, formants in VOWELS.items():
    mouths[vowel] = np.ones(1)
    for formant, bandwidth in zip(formants, (60, 90, 120), strict=True):
        mouths[vowel] = np.convolve(mouths[vowel], resonator(formant, bandwidth, 8000))
buzz = np.zeros(5600)
buzz[:: 8000 // 110] = 1
buzz = run_filter(np.ones(1), np.array([1, -0.95]), buzz)  # vocal cords open softly: less treble
sounds = {"the buzz alone": buzz, **{vowel: run_filter(np.ones(1), a, buzz) for vowel, a in mouths.items()}}
play({name: 0.4 * sound / np.abs(sound).max() for name, sound in sounds.items()}, 8000)

z_plane(*poles_and_zeros(np.ones(1), mouths["ah"]), "The mouth saying “ah”")
frequencies = np.linspace(0, 4000, 400)
plot.lines(
    {
        vowel: (frequencies, decibels(np.abs(frequency_response(np.ones(1), a, frequencies, 8000))))
        for vowel, a in mouths.items()
    },
    x_label="frequency [Hz]",
    y_label="gain [dB]",
    title="Three vowels: three resonances each",
)
table([{"vowel": vowel, "stable": is_stable(a)} for vowel, a in mouths.items()])

# %% [markdown]
# Twelve numbers make a buzz into an *ah*, *ee* or *oo*. In the plane, the three pairs of crosses stand just
# inside the circle, at the angles of the three formants. The zeros, all six, lie at the origin, where they
# do nothing to any frequency.

# %% [markdown]
# ## Part 12: the wave between the samples
#
# Samples are points. What was the sound *between* them? Any curve through the points seems possible. **The
# sampling theorem** (Nyquist 1928, Shannon 1949) says: if the sound holds no frequency at or above half the
# sample rate, there is exactly one curve, and it is
#
# $$x(t) = \sum_n x_n\, \operatorname{sinc}(f_s t - n), \qquad \operatorname{sinc}(u) = \frac{\sin \pi
# u}{\pi u},
# \quad \operatorname{sinc}(0) = 1 .$$
#
# Each sample sends out one sinc wave. It is 1 at its own sample and 0 at every other, so the sum goes
# through all points.
#
# **A number first.** One sample of 1 at time 1 s, silence around it, one sample per second. At $t = 1.5$ s
# the wave is $\operatorname{sinc}(0.5) = \sin(\pi/2)/(\pi/2) = 0.6366$. A straight line would say 0.5.


# %% part="sinc_reconstruct" points=3 difficulty=3 minutes=10 forbids="scipy librosa np.interp"
def sinc_reconstruct(
    samples: Float[np.ndarray, "time"], sample_rate: float, times: Float[np.ndarray, "points"]
) -> Float[np.ndarray, "points"]:
    """The wave between the samples, by Shannon's formula.

    Args:
        samples: sample n was taken at n / sample_rate seconds; before and after them all is zero.
        sample_rate: in Hz.
        times: where the wave is wanted, in seconds.
    Returns:
        sum over n of samples[n] * sinc(times * sample_rate - n), where sinc(u) = sin(πu) / (πu), sinc(0) = 1.
    Raises:
        ValueError: if `sample_rate` is not positive.
    Source: Shannon 1949, Communication in the presence of noise, section II.
    Example:
        >>> sinc_reconstruct(np.array([0.0, 1.0, 0.0]), 1.0, np.array([1.0, 1.5])).round(4).tolist()
        [1.0, 0.6366]
    """
    ### BEGIN SOLUTION
    if sample_rate <= 0:
        raise ValueError(f"sample_rate is {sample_rate}, expected a positive number of Hz")
    return np.sinc(times[:, None] * sample_rate - np.arange(len(samples))) @ samples
    ### END SOLUTION


# %% [markdown] hints="sinc_reconstruct"
# 1. Every wanted time needs a sum over all samples: again a table, times down, samples across.
# 2. `np.sinc(u)` is $\sin(\pi u)/(\pi u)$ with the π inside, and it knows that
#    $\operatorname{sinc}(0) = 1$.
# 3. `np.sinc(times[:, None] * sample_rate - np.arange(len(samples))) @ samples`, after the test of the
#    rate.

# %% [markdown]
# The dots below are samples of a tone of 300 Hz, taken 1000 times per second. A tone of 700 Hz goes through
# *the same* dots. The formula finds the 300 Hz, since 700 is above half the sample rate, 500 Hz. If the
# sound was 700 Hz, it comes out as 300 Hz: that is **aliasing**, and why a filter must come *before*
# sampling.

# %%
instants = np.arange(60) / 1000
fine = np.linspace(0.02, 0.03, 300)
between = sinc_reconstruct(np.cos(2 * np.pi * 300 * instants), 1000, fine)
plot.lines(
    {
        "700 Hz": (1000 * fine, np.cos(2 * np.pi * 700 * fine)),
        "300 Hz": (1000 * fine, np.cos(2 * np.pi * 300 * fine)),
        "yours, from the samples": (1000 * fine, between),
        "samples, joined by lines": (1000 * instants[20:31], np.cos(2 * np.pi * 300 * instants[20:31])),
    },
    x_label="time [ms]",
    y_label="amplitude",
    title="One set of samples, two tones that fit",
)

# %% [markdown]
# ## Put it together
#
# First, the telephone. Ten keys, one every 0.2 s, in noise as loud as the tones. Each piece is windowed,
# transformed, and its loudest row and column tones are read off.


# %%
def keys_heard(samples: Float[np.ndarray, "time"], sample_rate: int = 8000) -> str:
    """The keys in a recording in which each lasts 0.2 s."""
    pieces = samples.reshape(-1, sample_rate // 5)
    n_fft = power_of_two(pieces.shape[1])
    faded = pieces * window("hann", pieces.shape[1])
    size = np.abs(fft_radix2(np.pad(faded, ((0, 0), (0, n_fft - pieces.shape[1])))))

    def loudest(tones: tuple) -> Float[np.ndarray, "keys"]:
        bins = [round(tone * n_fft / sample_rate) for tone in tones]
        return size[:, bins].argmax(axis=1)

    return "".join(
        KEYS[row][column] for row, column in zip(loudest(ROWS_HZ), loudest(COLUMNS_HZ), strict=True)
    )


dialled = "0617283945"
clean_line = np.concatenate([key_tone(key, 0.2) for key in dialled])
noisy_line = clean_line + np.random.default_rng(0).normal(0, np.std(clean_line), len(clean_line))
play({"the line": 0.5 * noisy_line}, 8000)
table([{"dialled": dialled, "heard by your FFT": keys_heard(noisy_line)}])
assert keys_heard(noisy_line) == dialled

# %% [markdown]
# Then a voice. Take the loudest 64 ms of the sentence, fade them, transform them.

# %%
n_voice = 1024
start = int(np.argmax(np.convolve(voice**2, np.ones(n_voice), mode="valid")))
piece = voice[start : start + n_voice] * window("hann", n_voice)
level = decibels(np.abs(fft_radix2(piece))[: n_voice // 2], -80)
voice_hz = np.arange(n_voice // 2) * sample_rate / n_voice
play({"the sentence": voice}, sample_rate)
plot.lines(
    {"": (voice_hz[: n_voice // 4], level[: n_voice // 4])},
    x_label="frequency [Hz]",
    y_label="level [dB]",
    title="64 ms of a vowel",
)

# %% [markdown]
# Two things are seen at once. The **comb**: peaks at equal distances. Their distance is the rate of the
# vocal cords, the pitch. And the **hills** over the comb: the formants, which make it this vowel and no
# other. The pitch comes from the throat, the hills come from the mouth, and the convolution theorem says
# why the spectrum is their product.

# %% [markdown]
# ## Practice: a voice in a hall
#
# Convolve the sentence with the impulse response of a hall, in three ways: by the definition
# (`np.convolve`), by one large FFT, and by overlap-add in blocks of half a second. **Target:** the results
# agree within $10^{-10}$, and one large FFT is at least 5 times faster than the definition.


# %%
def hall(sample_rate: int) -> Float[np.ndarray, "taps"]:
    """A room's answer to a click: recorded if the mirror has one, else noise that dies away in 1.3 s."""
    try:
        rooms = [clip for clip in corpora.mirror("noise_rir") if clip.label == "rir"]
    except corpora.CorpusNotFound:
        print("Hall: synthetic, noise that falls by 60 dB in 1.3 s.")
        taps = np.arange(int(1.3 * sample_rate))
        echoes = np.random.default_rng(3).normal(size=len(taps)) * 10 ** (-3 * taps / len(taps)) * 0.05
        return np.append(1.0, echoes)
    print(f"Hall: recorded, {rooms[1].duration:.2f} s at {rooms[1].sample_rate} Hz.")
    return rooms[1].samples.astype(np.float64)


response = hall(sample_rate)
ways = {
    "np.convolve, the definition": lambda: np.convolve(voice, response),
    "your fast_convolve": lambda: fast_convolve(voice, response),
    "your overlap_add_convolve": lambda: overlap_add_convolve(voice, response, sample_rate // 2),
}
by_definition = ways["np.convolve, the definition"]()
seconds = {name: stopwatch(way, repeat=3) for name, way in ways.items()}
rows = [
    {
        "how": name,
        "seconds": seconds[name],
        "times faster": seconds["np.convolve, the definition"] / seconds[name],
        "largest difference": np.abs(way() - by_definition).max(),
        "target": 1e-10,
    }
    for name, way in ways.items()
]
table(rows, title=f"{len(voice) / sample_rate:.0f} s of speech in a hall of {len(response)} samples")
assert all(row["largest difference"] < row["target"] for row in rows)
wet = overlap_add_convolve(voice, response, sample_rate // 2)
play({"dry": voice, "in the hall": 0.5 * wet / np.abs(wet).max()}, sample_rate)

# %% [markdown]
# Overlap-add does more work than one large FFT, but it can start after half a second. In a telephone call
# that is what counts.

# %% [markdown]
# ## Against the library
#
# Your functions beside NumPy and SciPy: the same numbers?


# %%
def largest_differences() -> dict[str, float]:
    """Each function of this lab beside the library's, on random input."""
    from scipy import signal

    random, (b, a) = np.random.default_rng(0).normal(size=4096), signal.butter(4, 0.3)
    grid, names = np.linspace(0, 0.5, 200), ("hann", "hamming", "blackman")
    pairs = {
        "dft / np.fft.fft": (dft(random[:1000]), np.fft.fft(random[:1000])),
        "fft_radix2 / np.fft.fft": (fft_radix2(random), np.fft.fft(random)),
        "inverse_fft / np.fft.ifft": (inverse_fft(random), np.fft.ifft(random)),
        "window / signal.get_window": (
            np.array([window(name, 400) for name in names]),
            np.array([signal.get_window(name, 400) for name in names]),
        ),
        "fast_convolve / signal.fftconvolve": (
            fast_convolve(random, random[:99]),
            signal.fftconvolve(random, random[:99]),
        ),
        "frequency_response / signal.freqz": (
            frequency_response(b, a, grid),
            signal.freqz(b, a, grid, fs=1)[1],
        ),
    }
    return {name: float(np.abs(yours - theirs).max()) for name, (yours, theirs) in pairs.items()}


table(
    [{"yours / theirs": pair, "largest difference": value} for pair, value in largest_differences().items()]
)

# %% [markdown]
# And the clock. "DFT loop" is the formula written as two Python loops.


# %%
def dft_loop(samples: Float[np.ndarray, "time"]) -> list[complex]:
    """The definition, one product at a time."""
    import cmath

    values, length = samples.tolist(), len(samples)
    return [
        sum(value * cmath.exp(-2j * cmath.pi * k * n / length) for n, value in enumerate(values))
        for k in range(length)
    ]


random = np.random.default_rng(0).normal(size=4096)
rows = []
for length in (256, 1024) if fast_mode() else (256, 1024, 4096):
    began = time.perf_counter()
    dft_loop(random[:length])
    rows.append(
        {
            "samples": length,
            "DFT loop [ms]": 1000 * (time.perf_counter() - began),
            "your dft [ms]": 1000 * stopwatch(dft, random[:length], repeat=3),
            "your fft_radix2 [ms]": 1000 * stopwatch(fft_radix2, random[:length]),
            "np.fft.fft [ms]": 1000 * stopwatch(np.fft.fft, random[:length]),
        }
    )
table(rows, title="One transform")

# %% [markdown]
# From 1024 to 4096 samples, the loop takes sixteen times as long, and your FFT about four times. That is
# $N^2$ against $N \log N$. NumPy's FFT is the same idea in C++, with larger steps than two and any length.

# %% [markdown]
# ## Where it breaks
#
# Play the sentence backwards. Then compare the magnitudes of both spectra.

# %%
padded = np.pad(voice, (0, 2**17 - len(voice)))
forwards, backwards = np.abs(fft_radix2(padded)), np.abs(fft_radix2(padded[::-1]))
play({"forwards": voice, "backwards": voice[::-1]}, sample_rate)
table([{"largest magnitude": forwards.max(), "largest difference": np.abs(forwards - backwards).max()}])
plot.lines(
    {
        "forwards": (bins_hz[400:16_000:20], decibels(forwards)[400:16_000:20]),
        "backwards": (bins_hz[400:16_000:20], decibels(backwards)[400:16_000:20]),
    },
    x_label="frequency [Hz]",
    y_label="level [dB]",
    title="A sentence and its reverse: one spectrum",
)

# %% [markdown]
# The second curve covers the first: they are equal to the last digit. One is speech, the other is not, and
# the magnitudes do not know. The spectrum of a whole sentence says *which* frequencies, but not *when*:
# that is buried in the phases.
#
# Speech is all about *when*. The next lab cuts the sound into short pieces and transforms each: the
# **short-time Fourier transform**.

# %% [markdown]
# ## Read on
#
# - Cooley and Tukey, *An algorithm for the machine calculation of complex Fourier series*, Mathematics of
#   Computation 19, 1965: five pages that changed computing.
# - Heideman, Johnson and Burrus, *Gauss and the history of the fast Fourier transform*, IEEE ASSP Magazine,
#   1984.
# - Harris, *On the use of windows for harmonic analysis with the discrete Fourier transform*, Proc. IEEE
#   66, 1978: table I, and section V for the windows of this lab.
# - Shannon, *Communication in the presence of noise*, Proc. IRE 37, 1949: section II, the sampling theorem
#   in two pages.
# - Oppenheim and Schafer, *Discrete-Time Signal Processing*, chapters 3 (z-transform), 5 (poles and zeros),
#   8 (DFT).
# - Peterson and Barney, *Control methods used in a study of the vowels*, JASA 24, 1952: table II, the
#   formants.
