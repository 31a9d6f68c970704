# ---
# jupyter:
#   lab:
#     title: The WORLD vocoder
#     topic: 8
#     minutes: 240
#     difficulty: 4
#     needs: [t02a_fourier_transform]
#     libraries: [numpy, scipy]
#     covers:
#       "STRAIGHT vocoder": "passage: STRAIGHT and WORLD"
#       "WORLD vocoder (F0 + spectral envelope + aperiodicity)": world_synthesize
#       "WORLD vocoder: Parametric voice synthesis": world_synthesize
#       "Practice: Use WORLD vocoder to analyze and resynthesize speech": "passage: Practice: analyse and resynthesise"
# ---

# %% [markdown]
# # The WORLD vocoder
#
# Play all four. One recording was taken apart into three tables of numbers. Then one table was changed and
# the sound put together again.

# %%
import numpy as np
import pyworld
from jaxtyping import Complex, Float, Int
from scipy.signal import fftconvolve

from autograder import check
from labkit import corpora, fast_mode, measure, play, play_ab, plot, progress, stopwatch, table

speaker = corpora.ljspeech()
clips = sorted([clip for clip in speaker if 1.5 < clip.duration < 6], key=lambda clip: clip.duration)
clip = clips[len(clips) // 2]
RATE = 22_050  # Hz
HOP = 110  # samples from frame to frame, 5 ms
N_FFT = 1024
voice = clip.samples.astype(np.float64)
seconds = np.arange(1 + len(voice) // HOP) * HOP / RATE  # of the frames


def by_pyworld(samples: Float[np.ndarray, "time"]):
    """The three tables of a recording as the library makes them: f0, envelope, aperiodicity."""
    at = np.arange(1 + len(samples) // HOP) * HOP / RATE
    rough, _ = pyworld.dio(samples, RATE, frame_period=1000 * HOP / RATE)
    f0 = pyworld.stonemask(samples, rough[: len(at)], at, RATE)
    envelope = pyworld.cheaptrick(samples, f0, at, RATE, fft_size=N_FFT)
    return f0, envelope, pyworld.d4c(samples, f0, at, RATE, fft_size=N_FFT)


def pyworld_sound(f0, envelope, aperiodicity) -> Float[np.ndarray, "time"]:
    """Sound of three tables by the library."""
    return pyworld.synthesize(f0, envelope, aperiodicity, RATE, 1000 * HOP / RATE)


its_f0, its_envelope, its_aperiodicity = by_pyworld(voice)
play_ab(
    {
        "as recorded": voice,
        "one pitch for all: a robot": pyworld_sound(
            np.where(its_f0 > 0, 180.0, 0.0), its_envelope, its_aperiodicity
        ),
        "no pitch at all: a whisper": pyworld_sound(0 * its_f0, its_envelope, its_aperiodicity),
        "pitch 4 semitones up, same mouth": pyworld_sound(1.26 * its_f0, its_envelope, its_aperiodicity),
    },
    RATE,
)
print(clip.text)

# %% [markdown]
# Every word is still there. What changed is *one* property: the melody, the voice, the height. A program
# that takes speech apart into such properties and builds it up again is a **vocoder**, a *voice coder*.
#
# ## What you will build
#
# WORLD, Masanori Morise's vocoder of 2016, from nothing but Fourier transforms:
#
# | step | question | your functions |
# |---|---|---|
# | 1. pitch | how often per second do the vocal folds open? | `normalised_difference`, `pick_lag`, `yin`, `event_f0`, `choose_f0` |
# | 2. envelope | which frequencies does the mouth let through? | `pitch_spectrum`, `smooth_power`, `spectral_envelope` |
# | 3. aperiodicity | how much of it is breath? | `aperiodicity` |
# | 4. synthesis | and back to sound | `minimum_phase`, `pulse_times`, `world_synthesize` |
# | 5. coding | the same in 25 numbers | `mel_cepstrum`, `envelope_from_mel_cepstrum` |
#
# `pitch_errors` measures how good the first step is.
#
# **Who uses this?** Many talking phones and car navigators around 2010: a statistical model wrote the three
# tables, a vocoder spoke them. Singing synthesisers and voice changers still do it so. In the capstone your own function `world_synthesize` will speak what your hidden Markov models write.
#
# The line above the players says which voice this page runs on.

# %% [markdown]
# ## The idea
#
# **A number first.** Say a long *ah*. Your vocal folds open and shut perhaps 200 times a second: a click
# every 5 ms. That rate is the **fundamental frequency**, $f_0$ (say "f zero"). You hear it as pitch. A row
# of clicks 5 ms apart holds 200 Hz, 400 Hz, 600 Hz, and so on: the **harmonics**. All are equally strong.
#
# The clicks run through throat and mouth. Some frequencies come out stronger, others weaker: *ah* is
# strong at 700 and 1100 Hz, *ee* at 300 and 2300 Hz. The curve of how much passes at each frequency is the
# **spectral envelope**. You change it with your tongue. Pitch you change with your throat. That is why one
# can sing any vowel at any pitch.
#
# For *sss* no folds move. Air hisses: noise, filtered by the mouth. And most sounds are a mixture: a voice
# with some breath in it. The share of breath is the **aperiodicity** (what does not repeat).
#
# So, five hundred or a thousand numbers every 5 ms:
#
# $$\text{speech} \approx \underbrace{\text{clicks at } f_0}_{\text{share } 1-a^2} \ast \text{mouth}
#   \; + \; \underbrace{\text{noise}}_{\text{share } a^2} \ast \text{mouth}$$
#
# The star is a filter, as in the lab on Fourier transforms. $a$ is the aperiodicity, between 0 and 1. It is
# measured as an *amplitude*, so $a^2$ is the noise's share of the power. With $a = 0.5$ a quarter of the
# power is noise. WORLD stores it so, and so do we.
#
# Everything in this lab comes in frames: frame $t$ looks at sample $t \cdot \text{hop}$. Where no pitch is,
# $f_0$ is written as 0. That 0 is a *word*, "unvoiced". It is no frequency. Keep it in mind: half of all
# bugs with pitch come from adding, averaging or interpolating it.

# %% [markdown]
# ## Part 1: how unlike itself is a sound?
#
# Pitch means repetition. Shift a sound by its period, and it lies on itself. So try all shifts, called
# **lags**, and measure how much the sound differs from its shifted self:
#
# $$d(\tau) = \sum_{j=0}^{W-1} (x_j - x_{j+\tau})^2 .$$
#
# **A number first.** $x = 0, 1, 0, -1, 0, 1, 0, -1$ and $W = 4$. Lag 1 gives $d = 4$, lag 2 gives 8, lag 3
# gives 4, lag 4 gives 0: the period is 4 samples.
#
# There is a trap: lag 0 always gives 0, and small lags give small $d$, as neighbouring samples are alike.
# Which zero is the right one? YIN (de Cheveigné and Kawahara, 2002) divides by the *average so far*:
#
# $$d'(\tau) = \frac{d(\tau)}{\frac{1}{\tau}\sum_{k=1}^{\tau} d(k)}, \qquad d'(0) = 1 .$$
#
# In the example: $d' = 1,\ 1,\ 8/6 = 1.33,\ 4/5.33 = 0.75,\ 0$. It starts high and dips only where the sound
# *really* is more like itself than before. It also forgets the loudness: 0 is a perfect repetition, 1 is
# none, for a shout and for a mumble.
#
# Computed as written, $d$ takes $W$ steps per lag. Multiply out the square instead:
#
# $$d(\tau) = \underbrace{\sum x_j^2}_{\text{energy at } 0} + \underbrace{\sum x_{j+\tau}^2}_{\text{energy at } \tau}
#   - 2 \underbrace{\sum x_j x_{j+\tau}}_{\text{correlation}}$$
#
# Energies are differences of one cumulative sum. The correlation of all lags is one product of Fourier
# transforms, as fast convolution was.


# %% part="normalised_difference" points=4 difficulty=3 minutes=16 forbids="librosa pyworld parselmouth"
def normalised_difference(
    frames: Float[np.ndarray, "frames samples"], max_lag: int
) -> Float[np.ndarray, "frames lags"]:
    """YIN's cumulative mean normalised difference of each frame.

    Args:
        frames: stretches of sound, one per row, any unit.
        max_lag: largest lag in samples. The sum runs over the first samples - max_lag samples of a frame.
    Returns:
        d' for the lags 0 … max_lag: d(τ) divided by the mean of d(1) … d(τ), and 1 at lag 0. Where that
        mean is 0 (digital silence), 1.
    Raises:
        ValueError: if `frames` is not a matrix, max_lag is less than 1, or a frame is not longer than it.
    Source: de Cheveigné & Kawahara 2002, YIN, equations 6 and 8.
    Example:
        >>> x = np.array([[0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0]])
        >>> (normalised_difference(x, 4) + 0).round(2).tolist()
        [[1.0, 1.0, 1.33, 0.75, 0.0]]
    """
    ### BEGIN SOLUTION
    if frames.ndim != 2 or not 1 <= max_lag < frames.shape[1]:
        raise ValueError(f"frames has shape {frames.shape}, expected [frames, more than {max_lag} samples]")
    length = frames.shape[1]
    window = length - max_lag
    head = np.fft.rfft(frames[:, :window], length)  # lags reach only to where the frame ends: nothing wraps
    correlation = np.fft.irfft(head.conj() * np.fft.rfft(frames), length)[:, : max_lag + 1]
    energy = np.pad(np.cumsum(frames**2, axis=1), ((0, 0), (1, 0)))
    energy = energy[:, window:] - energy[:, : max_lag + 1]
    difference = np.maximum(energy[:, :1] + energy - 2 * correlation, 0)  # rounding may leave -1e-16
    total = np.cumsum(difference[:, 1:], axis=1)
    result = np.ones_like(difference)
    np.divide(difference[:, 1:] * np.arange(1, max_lag + 1), total, out=result[:, 1:], where=total > 0)
    return result
    ### END SOLUTION


# %% [markdown] hints="normalised_difference"
# 1. First write it with two loops and get the worked number. Then replace the inner loop by the three terms.
# 2. Correlation by Fourier transforms is convolution with one conjugate: transform the first $W$ samples
#    (filled up with zeros) and the whole frame, conjugate the first, multiply, transform back. The energy
#    from $\tau$ to $\tau + W$ is `cumulative[tau + W] - cumulative[tau]`, if the cumulative sum starts with 0.
# 3. `difference[:, 1:] * np.arange(1, max_lag + 1) / np.cumsum(difference[:, 1:], axis=1)`, a 1 in front,
#    and 1 where the sum is 0. Differences below 0 are rounding: `np.maximum(…, 0)`.

# %% [markdown]
# One frame in the middle of a vowel. Above is what Part 1 starts from, below what it makes of it.

# %%
loud = np.where(its_f0 > 0, its_envelope.sum(axis=1), 0)
strongest = 5 + int(
    np.argmax(np.lib.stride_tricks.sliding_window_view(loud, 11).min(axis=1))
)  # loud for 55 ms
frame = voice[strongest * HOP - 450 : strongest * HOP + 450]
curve = normalised_difference(frame[None], 330)[0]
plot.waveform(frame, RATE, title="41 ms of a vowel: it repeats")
plot.lines(
    {"d'": curve},
    x_label="lag [samples]",
    y_label="normalised difference",
    title="Where it dips, the vowel lies on itself",
    hlines={"threshold 0.1": 0.1},
)

# %% [markdown]
# ## Part 2: which dip?
#
# A sound of period 100 also repeats after 200 and 300 samples. All three dips are deep, and noise decides
# which one is deepest. Take the deepest, and sooner or later you say "110 Hz" for a voice of 220 Hz: an
# **octave error**, the classic mistake of pitch tracking.
#
# YIN's rule: take the **first** dip that goes below a threshold, and walk down to its bottom. Only if none
# does, take the deepest.
#
# The bottom is at a whole number of samples, but the period is not. At 22 050 Hz, 55 samples are 401 Hz and
# 56 are 394 Hz: steps of a third of a semitone. So lay a **parabola** through the lowest point and its two
# neighbours, with heights $l, m, r$ (left, middle, right). Its lowest point is off the middle by
#
# $$\frac{l - r}{2\,(l + r - 2m)} .$$
#
# **A number first.** $l = 0.9,\ m = 0.05,\ r = 0.3$: $0.6 / 2.2 = 0.27$ samples to the right, the lower side.


# %% part="pick_lag" points=4 difficulty=3 minutes=16 forbids="librosa pyworld parselmouth"
def pick_lag(
    normalised: Float[np.ndarray, "frames lags"], min_lag: int, threshold: float = 0.1
) -> tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames"]]:
    """The period in each row of normalised differences, finer than a sample.

    Args:
        normalised: d' for the lags 0, 1, 2, …, one row per frame.
        min_lag: smallest lag to choose, in samples.
        threshold: the first lag from min_lag on with d' below this starts the search.
    Returns:
        Lags in samples and depths. From the first lag below the threshold, walk to the right while the next
        value is smaller; without such a lag, take the lowest value from min_lag on (the first of equals).
        The depth is d' there. The lag is then moved to the lowest point of the parabola through it and its
        two neighbours, if both exist, neither is lower and one of them is higher.
    Raises:
        ValueError: if `normalised` is not a matrix or min_lag is not one of its lags.
    Source: de Cheveigné & Kawahara 2002, YIN, steps 4 and 5.
    Example:
        >>> lags, depths = pick_lag(np.array([[1.0, 0.9, 0.05, 0.3, 0.9, 0.0, 0.4]]), min_lag=1)
        >>> lags.round(2).tolist(), depths.tolist()
        ([2.27], [0.05])
    """
    ### BEGIN SOLUTION
    if normalised.ndim != 2 or not 0 <= min_lag < normalised.shape[1]:
        raise ValueError(f"min_lag is {min_lag}, and normalised has shape {normalised.shape}")
    lags, depths = np.zeros(len(normalised)), np.zeros(len(normalised))
    last = normalised.shape[1] - 1
    for t, row in enumerate(normalised):
        below = np.flatnonzero(row[min_lag:] < threshold)
        lag = min_lag + (below[0] if len(below) else np.argmin(row[min_lag:]))
        while len(below) and lag < last and row[lag + 1] < row[lag]:
            lag += 1
        lags[t], depths[t] = lag, row[lag]
        if 0 < lag < last:
            left, right = row[lag - 1] - row[lag], row[lag + 1] - row[lag]
            if min(left, right) >= 0 and max(left, right) > 0:
                lags[t] += (left - right) / (2 * (left + right))
    return lags, depths
    ### END SOLUTION


# %% [markdown] hints="pick_lag"
# 1. A loop over the frames is fast enough. In a frame, there are three steps: where to start, walk down,
#    refine.
# 2. `np.flatnonzero(row[min_lag:] < threshold)` lists where it is below; mind that those positions count from
#    min_lag. The first lag below is on the slope of the dip, not at its bottom.
# 3. `while lag + 1 < len(row) and row[lag + 1] < row[lag]: lag += 1`. With `left` and `right` as heights above
#    the middle the parabola's shift is `(left - right) / (2 * (left + right))`.

# %%
lags, depths = pick_lag(curve[None], RATE // 800)
deepest = 28 + np.argmin(curve[28:])
print(
    f"first dip: lag {lags[0]:.2f}, {RATE / lags[0]:.1f} Hz. Deepest: lag {deepest}, {RATE / deepest:.1f} Hz."
)

# %% [markdown]
# In one frame the two rules may agree. Part 4 counts how often they do not.

# %% [markdown]
# ## Part 3: YIN
#
# Now for a whole recording. Each frame needs to hold the longest period, and then some. With the lowest
# pitch 71 Hz the longest period is 14 ms, in samples $L$. We take frames of $3L$, so that $W = 2L$.
#
# **Where does a frame go?** Its pitch should be that of sample $t \cdot \text{hop}$. A lag $\tau$ looks at $W + \tau$
# samples from the frame's beginning on. For a lag of half the largest, that is $2.5 L$, and the middle of it is
# $1.25 L$ behind the beginning. So begin $1.25 L$ before sample $t \cdot \text{hop}$. For other lags it is a little
# off, never by more than a quarter of $L$. Zeros go where the recording has not begun or is over.
#
# The depth of the dip tells **voiced** from **unvoiced**. A hiss never lies on itself: its $d'$ stays near
# 1. A vowel reaches 0.01. We draw the line at 0.3.


# %% part="yin" points=3 difficulty=2 minutes=14 forbids="librosa pyworld parselmouth"
def yin(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    hop_length: int,
    f0_floor: float = 71.0,
    f0_ceiling: float = 800.0,
    threshold: float = 0.1,
    voiced_below: float = 0.3,
) -> Float[np.ndarray, "frames"]:
    """Fundamental frequency of a recording.

    Args:
        samples: waveform, one channel.
        sample_rate: in Hz.
        hop_length: samples from one frame to the next.
        f0_floor, f0_ceiling: lowest and highest pitch to find, in Hz.
        threshold: see `pick_lag`; its smallest lag is sample_rate / f0_ceiling, rounded down.
        voiced_below: a frame is voiced if its depth is below this.
    Returns:
        Hz for each of the 1 + len(samples) // hop_length frames, 0 where unvoiced or outside floor and
        ceiling. The largest lag L is sample_rate / f0_floor, rounded up. Frame t is the 3 L samples from
        t * hop_length - 5 L // 4 on (5 L // 4 is rounded down), with zeros outside the recording.
    Raises:
        ValueError: if not 0 < f0_floor < f0_ceiling <= sample_rate / 2, or hop_length is less than 1.
    Source: de Cheveigné & Kawahara 2002; the voicing decision is ours.
    Example:
        >>> tone = np.sin(2 * np.pi * 200 * np.arange(4000) / 8000)
        >>> yin(tone, 8000, 1000)[1:4].round().tolist()
        [200.0, 200.0, 200.0]
    """
    ### BEGIN SOLUTION
    if not 0 < f0_floor < f0_ceiling <= sample_rate / 2:
        raise ValueError(f"f0_floor is {f0_floor} and f0_ceiling is {f0_ceiling} at {sample_rate} Hz")
    if hop_length < 1:
        raise ValueError(f"hop_length is {hop_length}, expected 1 or more")
    max_lag = int(np.ceil(sample_rate / f0_floor))
    length = 3 * max_lag
    before = 5 * max_lag // 4
    padded = np.pad(samples, (before, length - before))
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop_length]
    lags, depths = pick_lag(normalised_difference(frames, max_lag), int(sample_rate / f0_ceiling), threshold)
    f0 = sample_rate / lags
    return np.where((depths < voiced_below) & (f0 >= f0_floor) & (f0 <= f0_ceiling), f0, 0.0)
    ### END SOLUTION


# %% [markdown] hints="yin"
# 1. Three steps: cut frames, Part 1, Part 2. What is a lag of 100 samples in hertz?
# 2. Pad with 5 L // 4 zeros in front and the rest of a frame behind, then `np.lib.stride_tricks.sliding_window_view(padded, length)` and
#    every hop-th row of it. Frequency is sample_rate / lag: a high pitch is a *short* lag.
# 3. `max_lag = int(np.ceil(sample_rate / f0_floor))`, `min_lag = int(sample_rate / f0_ceiling)`,
#    `np.where(depths < voiced_below, sample_rate / lags, 0.0)`, and 0 outside the limits.

# %%
f0_yin = yin(voice, RATE, HOP)


def shown(f0: Float[np.ndarray, "frames"]) -> tuple:
    """A pitch curve for a plot: a gap where unvoiced."""
    return np.arange(len(f0)) * HOP / RATE, np.where(f0 > 0, f0, np.nan)


plot.lines(
    {"your YIN": shown(f0_yin), "pyworld (DIO and StoneMask)": shown(its_f0)},
    x_label="time [s]",
    y_label="f0 [Hz]",
    title="The melody of a sentence",
)

# %% [markdown]
# ## Part 4: how wrong is a pitch curve?
#
# Three different things can go wrong. Averaged together they would say nothing.
#
# - **Voicing error**: the share of all frames where one curve says voiced and the other unvoiced.
# - **Gross pitch error at 20 %** (GPE): of the frames that *both* call voiced, the share where the pitch is
#   off by more than 20 %. These are octave errors and the like.
# - **Fine error**: for the frames left, the mean distance in **cents**. A semitone has 100, an octave 1200:
#   $1200 \log_2(f/g)$.
#
# **A number first.** True: 100, 100, 0, 100 Hz. Found: 101, 200, 0, 0 Hz. Voicing is wrong in one frame of
# four: 0.25. Both are voiced in two frames, one of them is an octave off: 0.5. The other is off by 1 %: 17
# cents.


# %% part="pitch_errors" points=2 difficulty=1 minutes=8
def pitch_errors(
    reference: Float[np.ndarray, "frames"], estimate: Float[np.ndarray, "frames"], tolerance: float = 0.2
) -> dict[str, float]:
    """How far a pitch curve is from the right one.

    Args:
        reference: true f0 in Hz, 0 where unvoiced.
        estimate: f0 that was found, in Hz, 0 where unvoiced.
        tolerance: largest deviation from the reference, as a share of it, that is no gross error.
    Returns:
        "voicing": share of all frames in which only one of the two is voiced. "gross": share of the frames
        voiced in both whose deviation is more than `tolerance`. "cents": mean absolute deviation in cents
        of the others that are voiced in both. A share or mean of no frames is 0.
    Raises:
        ValueError: if the shapes differ or there is no frame.
    Source: Rabiner et al. 1976, A comparative performance study of several pitch detection algorithms; with
        the 20 % of de Cheveigné & Kawahara 2002.
    Example:
        >>> errors = pitch_errors(np.array([100.0, 100, 0, 100]), np.array([101.0, 200, 0, 0]))
        >>> {name: round(value, 2) for name, value in errors.items()}
        {'voicing': 0.25, 'gross': 0.5, 'cents': 17.23}
    """
    ### BEGIN SOLUTION
    if reference.shape != estimate.shape or reference.size == 0:
        raise ValueError(f"reference has shape {reference.shape} and estimate {estimate.shape}")
    both = (reference > 0) & (estimate > 0)
    ratio = estimate[both] / reference[both]
    gross = np.abs(ratio - 1) > tolerance
    fine = np.abs(1200 * np.log2(ratio[~gross]))
    return {
        "voicing": float(np.mean((reference > 0) != (estimate > 0))),
        "gross": float(np.mean(gross)) if len(gross) else 0.0,
        "cents": float(np.mean(fine)) if len(fine) else 0.0,
    }
    ### END SOLUTION


# %% [markdown] hints="pitch_errors"
# 1. Three questions, three sets of frames: all; both voiced; both voiced and not gross.
# 2. `both = (reference > 0) & (estimate > 0)` picks the frames where a ratio makes sense. `np.mean` of an empty
#    array warns: ask for its length first.
# 3. `ratio = estimate[both] / reference[both]`, `gross = np.abs(ratio - 1) > tolerance`, and for the rest
#    `np.abs(1200 * np.log2(ratio[~gross]))`.

# %% [markdown]
# What is the *true* pitch of a recording? Nobody knows. So here is a sound whose pitch we do know: a melody
# we write down, made of harmonics, alone and with noise. Beside it are twelve steady notes with a little noise, and
# on both the other rule of Part 2: a threshold below zero is never reached, so that the deepest dip wins.


# %%
def harmonic_voice(
    f0: Float[np.ndarray, "time"], sample_rate: int, n_harmonics: int = 20
) -> Float[np.ndarray, "time"]:
    """Harmonics of a pitch that is given at every sample, each weaker than the one below."""
    phase = 2 * np.pi * np.cumsum(f0) / sample_rate
    return sum(
        np.where(k * f0 < sample_rate / 2, np.sin(k * phase) / k, 0) for k in range(1, n_harmonics + 1)
    )


clock = np.arange(2 * RATE) / RATE
melody = 200 * 2 ** (0.5 * np.sin(2 * np.pi * 1.5 * clock))  # up and down by half an octave
true_f0 = np.append(melody, melody[-1])[::HOP][: 1 + len(melody) // HOP]
tone = harmonic_voice(melody, RATE)
hiss = np.random.default_rng(0).normal(0, np.std(tone), len(tone))
rows = []
for snr_db in (np.inf, 20, 10, 0):
    heard = tone + hiss * 10 ** (-snr_db / 20)
    rows.append({"sound": f"melody, SNR {snr_db} dB", **pitch_errors(true_f0, yin(heard, RATE, HOP))})
scale = 220 * 2 ** (np.arange(2 * RATE) * 12 // (2 * RATE) / 12)  # twelve notes, a semitone apart
notes = harmonic_voice(scale, RATE) + hiss / 30
true_notes = np.append(scale, scale[-1])[::HOP][: len(true_f0)]
for name, sound, truth in (("melody", tone, true_f0), ("twelve notes", notes, true_notes)):
    for rule, threshold in (("first dip", 0.1), ("deepest dip", -1.0)):
        found = yin(sound, RATE, HOP, threshold=threshold)
        rows.append({"sound": f"{name}, {rule}", **pitch_errors(truth, found)})
table(rows, title="YIN on sounds whose pitch is known")

# %% [markdown]
# Read the last two rows. In a steady note, two or three periods fit as well as one. The deepest dip is the one that
# happens to fall nearest to a whole sample, and in about four of ten frames that is another octave. The first dip
# is never fooled.
#
# At 0 dB YIN calls everything unvoiced. Half of the power is noise then, noise never lies on itself, and so $d'$
# cannot fall below a half or so. It has a blind side, but it does not guess.

# %% [markdown]
# ## Part 5: count the waves
#
# WORLD finds pitch another way, fast and simple. If only the fundamental were left of the sound, a plain
# wave, then one could *count*: a period is the time from one rise through zero to the next. Or from one fall
# to the next, or from top to top, or from bottom to bottom. Four rulers for one length.
#
# And here is the clever bit of **DIO** (Morise 2009): **if the four agree, it was a plain wave. If they do
# not, it was not.** The spread of the four tells how far to trust them.
#
# **A number first.** At 8000 Hz: rises at samples 10.0, 50.0 and 90.0, so 40 samples apart: 200 Hz. Falls give
# 201 Hz, tops 199 Hz and bottoms 200 Hz. Mean 200 Hz, standard deviation 0.7 Hz, **spread** $0.7/200 =
# 0.0035$. Good. Had the four said 200, 310, 150 and 240 Hz, the spread would be 0.26: no plain wave.
#
# Rises fall between two samples. If $x_n = -1$ and $x_{n+1} = 3$, the line from the one to the other
# crosses zero at $n + 1/4$. Tops are where the *slope* $x_{n+1} - x_n$ falls through zero; that slope belongs
# to the moment $n + ½$.


# %% part="event_f0" points=4 difficulty=3 minutes=16 forbids="librosa pyworld parselmouth scipy.signal"
def event_f0(
    filtered: Float[np.ndarray, "time"], sample_rate: int, times: Float[np.ndarray, "frames"]
) -> tuple[Float[np.ndarray, "frames"], Float[np.ndarray, "frames"]]:
    """Pitch from the distances of four kinds of events, and how much the four disagree.

    The events are rises (x[n] < 0 <= x[n+1], placed on the straight line between the two), falls (rises of
    -x), bottoms (rises of the slope x[n+1] - x[n], which lies at n + 1/2) and tops (rises of minus the slope).

    Args:
        filtered: a sound of which a low-pass filter left little more than one wave.
        sample_rate: in Hz.
        times: in seconds, at which the pitch is asked for.
    Returns:
        f0 in Hz and spread. For each kind, two neighbouring events give a frequency at the moment in the
        middle between them; asked times lie on straight lines between these, and before the first or after
        the last they take its value. f0 is the mean of the four kinds, spread their standard deviation
        (divided by four, not by three) over f0. If a kind has fewer than 3 events: f0 0, spread 1 everywhere.
    Source: Morise, Kawahara & Katayose 2009, Fast and reliable F0 estimation method based on the period
        extraction of vocal fold vibration of singing voice and speech; WORLD's dio.cpp.
    Example:
        >>> wave = np.sin(2 * np.pi * 200 * np.arange(800) / 8000 + 0.3)
        >>> f0, spread = event_f0(wave, 8000, np.array([0.02, 0.05]))
        >>> f0.round(1).tolist(), bool(spread.max() < 0.001)
        ([200.0, 200.0], True)
    """
    ### BEGIN SOLUTION
    slope = np.diff(filtered)
    estimates = []
    for signal, first in ((filtered, 0.0), (-filtered, 0.0), (slope, 0.5), (-slope, 0.5)):
        before = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
        if len(before) < 3:
            return np.zeros(len(times)), np.ones(len(times))
        events = first + before + signal[before] / (signal[before] - signal[before + 1])
        middles = (events[1:] + events[:-1]) / 2
        estimates.append(np.interp(times * sample_rate, middles, sample_rate / np.diff(events)))
    f0 = np.mean(estimates, axis=0)
    return f0, np.std(estimates, axis=0) / f0
    ### END SOLUTION


# %% [markdown] hints="event_f0"
# 1. Write the finding of rises once. The other three kinds are rises of another signal.
# 2. `np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))` gives the sample before each rise. From there it is
#    `x[n] / (x[n] - x[n+1])` of a sample to zero. `np.diff` of the event times are the periods.
# 3. `np.interp(times, middles, sample_rate / np.diff(events))` for each kind, in one unit of time; then
#    `np.mean` and `np.std` over the four, axis 0.

# %% [markdown]
# One question is open: which filter leaves only the fundamental? To know it you would need the pitch! DIO
# tries them all: seven low-pass filters, from 100 to 800 Hz, half an octave apart. A filter that is too low
# lets nothing through. One that is too high lets harmonics pass, and the four rulers disagree. The filters
# are given: each is a smooth bump (a Nuttall window), two periods of its cut-off long.


# %%
def low_pass(
    samples: Float[np.ndarray, "time"], cut_hz: float, sample_rate: int
) -> Float[np.ndarray, "time"]:
    """The sound up to about `cut_hz`, by a Nuttall window as filter."""
    x = np.linspace(0, 2 * np.pi, 2 * round(sample_rate / cut_hz) + 1)
    bump = 0.355768 - 0.487396 * np.cos(x) + 0.144232 * np.cos(2 * x) - 0.012604 * np.cos(3 * x)
    return fftconvolve(samples, bump / bump.sum(), mode="same")


def dio_candidates(samples, sample_rate, hop_length, f0_floor=71.0, f0_ceiling=800.0):
    """What each filter's waves say: candidates and spreads, both [filters, frames]; 0 and 1 for "nothing"."""
    times = np.arange(1 + len(samples) // hop_length) * hop_length / sample_rate
    centred = samples - low_pass(samples, 50.0, sample_rate)  # no rumble
    candidates, spreads = [], []
    for band in range(1, 2 + int(2 * np.log2(f0_ceiling / f0_floor))):
        cut_hz = f0_floor * 2 ** (band / 2)
        f0, spread = event_f0(low_pass(centred, cut_hz, sample_rate), sample_rate, times)
        fits = (f0 >= max(f0_floor, cut_hz / 2)) & (f0 <= min(f0_ceiling, cut_hz))
        candidates.append(np.where(fits, f0, 0.0))
        spreads.append(np.where(fits, spread, 1.0))
    return np.array(candidates), np.array(spreads)


candidates, spreads = dio_candidates(voice, RATE, HOP)
plot.lines(
    {
        f"filter {b + 1}": (seconds, np.where(spreads[b] < 0.03, candidates[b], np.nan))
        for b in range(len(candidates))
    },
    x_label="time [s]",
    y_label="candidate [Hz]",
    title="Seven filters, each shown only where its four rulers agree within 3 %",
)

# %% [markdown]
# ## Part 6: choose and mend
#
# At every frame take the candidate with the smallest spread. In pauses these are nonsense, but nonsense
# *jumps*, and a voice glides: in 5 ms it hardly moves by 10 %. So:
#
# 1. **Best**: the candidate of least spread (the first of equals).
# 2. **No jumps**: a frame whose best differs from the best of the frame before by more than 10 % of itself is
#    set to 0, unvoiced. The first frame has none before it: 0.
# 3. **No crumbs**: voiced stretches of fewer than `min_frames` frames are set to 0.
# 4. **Grow**: go through the frames forwards. Where the frame before is voiced, and this one is 0 or more than 10 %
#    away from it, look for the candidate (of any filter) nearest to the pitch before. If it lies within 10 % of that
#    pitch, take it. Then do the same backwards, from each frame to the one before it. So gaps close, and a whole
#    stretch in the wrong octave is overruled by its neighbour.
#
# **A number first.** Best: 200, 203, 101, 205, 204. Step 2 kills the first frame, then 101 (an octave jump),
# and 205 too (104 from its neighbour). In step 4, frame 2 looks at its candidates, say 101 and 202. 202 is
# nearer to 203: mended.


# %% part="choose_f0" points=5 difficulty=4 minutes=20 forbids="librosa pyworld parselmouth"
def choose_f0(
    candidates: Float[np.ndarray, "filters frames"],
    spreads: Float[np.ndarray, "filters frames"],
    max_change: float = 0.1,
    min_frames: int = 6,
) -> Float[np.ndarray, "frames"]:
    """One pitch curve from the candidates of several filters.

    Args:
        candidates: f0 in Hz by filter and frame, 0 for none.
        spreads: how little each is to be trusted; 0 is best.
        max_change: largest step from frame to frame, as a share: of the frame itself in step 2 (no jumps),
            of the voiced neighbour in step 4 (grow). A step of exactly this size is allowed.
        min_frames: shortest voiced stretch that survives step 3, in frames.
    Returns:
        f0 in Hz, 0 where unvoiced, by the four steps above, in that order.
    Raises:
        ValueError: if the shapes differ or are not [filters, frames].
    Source: Morise, Kawahara & Katayose 2009; WORLD's dio.cpp, FixStep1 to FixStep4, simplified.
    Example:
        >>> tracks = np.array([[200.0, 203, 101, 205, 204], [0, 0, 202, 0, 0]])
        >>> choose_f0(tracks, np.array([[0.1] * 5, [0.9] * 5]), min_frames=1).tolist()
        [200.0, 203.0, 202.0, 205.0, 204.0]
    """
    ### BEGIN SOLUTION
    if candidates.ndim != 2 or candidates.shape != spreads.shape:
        raise ValueError(f"candidates has shape {candidates.shape} and spreads {spreads.shape}")
    best = np.take_along_axis(candidates, np.argmin(spreads, axis=0)[None], axis=0)[0]
    steady = np.abs(np.diff(best, prepend=np.inf)) <= max_change * best
    f0 = np.where(steady, best, 0.0)
    edges = np.flatnonzero(np.diff(f0 > 0, prepend=False, append=False))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < min_frames:
            f0[start:end] = 0
    for curve, choices in ((f0, candidates), (f0[::-1], candidates[:, ::-1])):  # views: both change f0
        for t in range(1, len(curve)):
            if 0 < max_change * curve[t - 1] < abs(curve[t] - curve[t - 1]):
                nearest = choices[np.argmin(np.abs(choices[:, t] - curve[t - 1])), t]
                if abs(nearest - curve[t - 1]) <= max_change * curve[t - 1]:
                    curve[t] = nearest
    return f0
    ### END SOLUTION


# %% [markdown] hints="choose_f0"
# 1. Keep `best` as it is and write the decisions into a new array. If you overwrite it while you walk, one
#    zero pulls the next frame down with it.
# 2. Stretches begin and end where `f0 > 0` changes: `np.diff` with a False before and behind. For step 4,
#    `f0[::-1]` is a view: the forward code, run on it and on `candidates[:, ::-1]`, goes backwards.
# 3. In step 4: `nearest = candidates[np.argmin(np.abs(candidates[:, t] - f0[t - 1])), t]`, and take it if
#    `abs(nearest - f0[t - 1]) <= max_change * f0[t - 1]`. An empty candidate (0) is never near.


# %%
def dio(samples: Float[np.ndarray, "time"], sample_rate: int, hop_length: int) -> Float[np.ndarray, "frames"]:
    """Your two parts and the filters: the pitch of a recording, 0 where unvoiced."""
    return choose_f0(*dio_candidates(samples, sample_rate, hop_length))


f0 = dio(voice, RATE, HOP)
plot.lines(
    {"your YIN": shown(f0_yin), "your DIO": shown(f0), "pyworld": shown(its_f0)},
    x_label="time [s]",
    y_label="f0 [Hz]",
    title="Three pitch curves of one sentence",
)
harvest, _ = pyworld.harvest(voice, RATE, frame_period=1000 * HOP / RATE)
table(
    [
        {"pitch by": name, **pitch_errors(harvest[: len(f0)], curve)}
        for name, curve in (("your YIN", f0_yin), ("your DIO", f0), ("pyworld, DIO and StoneMask", its_f0))
    ],
    title="Measured against pyworld's slowest and most careful tracker, Harvest",
)

# %% [markdown]
# Harvest is no truth either: it calls far more frames voiced than the others, as it bridges gaps. The voicing
# column measures *taste* as much as error. The gross errors are what you would hear.

# %% [markdown]
# ## Part 7: look through a window that fits
#
# On to the envelope. The spectrum of a vowel is a comb: a tooth at each harmonic. The envelope is the curve
# through the tips. The usual windows of 25 ms show the teeth, or half of them, depending on the pitch.
#
# WORLD's window is cut to measure: **three periods long**, whatever the period is. At 200 Hz that is 15 ms.
# A Hann window of three periods is so wide in frequency that neighbouring teeth melt together. And it has a
# second gift: wherever the window stands, at the click or between two, the *total power* that it sees is
# nearly the same. The envelope does not flicker with the clicks.
#
# Two details make powers comparable. The window has **unit energy**, $\sum w^2 = 1$: then white noise of mean
# square 1 has a mean power of 1 at every frequency, long window or short. And the weighted mean $\sum w x/\sum w$
# is subtracted first, so that a microphone's constant offset is gone.
#
# The window at distance $n$ from its centre, for $p$ periods: $½ + ½\cos(\pi n / h)$ with
# $h = \frac{p}{2} \cdot \frac{\text{rate}}{f_0}$, and 0 from $|n| = h$ on.
#
# Unvoiced frames have no period. They get the window of 500 Hz: 6 ms, short enough for a *t*.

# %%
DEFAULT_F0 = 500.0  # Hz: sizes windows and filters where there is no pitch


# %% part="pitch_spectrum" points=4 difficulty=3 minutes=15 forbids="librosa pyworld scipy.signal"
def pitch_spectrum(
    samples: Float[np.ndarray, "time"],
    centres: Int[np.ndarray, "frames"],
    f0: Float[np.ndarray, "frames"],
    sample_rate: int,
    n_fft: int,
    periods: float = 3.0,
) -> Complex[np.ndarray, "frames bins"]:
    """Spectra through Hann windows that are a given number of periods long.

    Args:
        samples: waveform; outside it is silence.
        centres: sample on which each window is centred, from -n_fft // 2 to len(samples) + n_fft // 2.
        f0: pitch of each frame in Hz; 0 is taken as DEFAULT_F0.
        sample_rate: in Hz.
        n_fft: length of the Fourier transform in samples, even.
        periods: length of the windows.
    Returns:
        Spectrum of (x - mean) w for each frame, n_fft // 2 + 1 bins. w is the Hann window above, scaled to
        Σ w² = 1; the mean is Σ w x / Σ w. Phases are counted from the centre: a click there is real and
        positive at every frequency.
    Raises:
        ValueError: if centres and f0 differ in length, or a window is longer than n_fft.
    Source: Morise 2015, CheapTrick, section 3.1; Mathews, Miller & David 1961 for pitch-synchronous analysis.
    Example:
        >>> click = np.zeros(100)
        >>> click[50] = 1.0
        >>> pitch_spectrum(click, np.array([50]), np.array([1000.0]), 8000, 32).shape
        (1, 17)
    """
    ### BEGIN SOLUTION
    if len(centres) != len(f0):
        raise ValueError(f"there are {len(centres)} centres and {len(f0)} pitches, expected equally many")
    half = periods / 2 * sample_rate / np.where(f0 > 0, f0, DEFAULT_F0)[:, None]
    if np.any(2 * half > n_fft):
        raise ValueError(f"a window of {2 * half.max():.0f} samples is longer than n_fft, {n_fft}")
    offsets = np.arange(-n_fft // 2, n_fft // 2)
    frames = np.pad(samples, n_fft)[centres[:, None] + offsets + n_fft]
    weights = np.where(np.abs(offsets) < half, 0.5 + 0.5 * np.cos(np.pi * offsets / half), 0.0)
    mean = np.sum(weights * frames, axis=1, keepdims=True) / np.sum(weights, axis=1, keepdims=True)
    weights /= np.sqrt(np.sum(weights**2, axis=1, keepdims=True))
    return np.fft.rfft(np.fft.ifftshift((frames - mean) * weights, axes=1))
    ### END SOLUTION


# %% [markdown] hints="pitch_spectrum"
# 1. All frames at once: a column of centres plus a row of offsets is a matrix of sample numbers. A column of
#    half-lengths and the row of offsets make a matrix of windows.
# 2. `offsets = np.arange(-n_fft // 2, n_fft // 2)`. Pad the samples so that no index is negative. The sample
#    at the centre must be the first that the transform sees: `np.fft.ifftshift(frames, axes=1)`.
# 3. `weights = np.where(np.abs(offsets) < half, 0.5 + 0.5 * np.cos(np.pi * offsets / half), 0)`; subtract the
#    weighted mean from the frames, then multiply by `weights / np.sqrt(np.sum(weights**2, axis=1, keepdims=True))`.

# %% [markdown]
# ## Part 8: smooth away what is left of the teeth
#
# Three periods leave a ripple in the power: harmonics a little higher, valleys a little lower. Its period in
# frequency is $f_0$. So average over a stretch around each frequency. WORLD takes $\frac23 f_0$ wide: from
# $f - f_0/3$ to $f + f_0/3$. For this window that is enough that the result is positive everywhere and smooth,
# and narrow enough to keep the formants.
#
# The power is given at bins. Think of it as a **step function**: bin $k$ holds from half a bin before to half
# a bin behind. The average over a stretch is its area over its width.
#
# **A number first.** Bins 100 Hz apart with powers 4, 4, 10, 4, 4; $f_0 = 300$ Hz, so the stretch is 200 Hz,
# two bins wide. Around the bin in the middle it covers that bin whole and half of each neighbour:
# $(½ \cdot 4 + 10 + ½ \cdot 4)/2 = 7$.
#
# Beyond 0 Hz and beyond half the sample rate the spectrum goes on as its own mirror image: bin $-1$ is bin 1.


# %% part="smooth_power" points=4 difficulty=3 minutes=16 forbids="pyworld scipy.ndimage scipy.signal"
def smooth_power(
    power: Float[np.ndarray, "frames bins"], f0: Float[np.ndarray, "frames"], sample_rate: int
) -> Float[np.ndarray, "frames bins"]:
    """Average of each power spectrum over a moving stretch of two thirds of the pitch.

    Args:
        power: at evenly spaced frequencies from 0 to sample_rate / 2, one frame per row; a step function
            with steps half-way between bins.
        f0: pitch of each frame in Hz; 0 is taken as DEFAULT_F0. It is less than sample_rate / 2.
        sample_rate: in Hz.
    Returns:
        Mean of the power from f - f0/3 to f + f0/3 at each bin's frequency f, with the spectrum mirrored at
        both ends.
    Raises:
        ValueError: if f0 has not one value per frame.
    Source: Morise 2015, CheapTrick, section 3.2.
    Example:
        >>> smooth_power(np.array([[4.0, 4.0, 10.0, 4.0, 4.0]]), np.array([300.0]), 800).tolist()
        [[4.0, 5.5, 7.0, 5.5, 4.0]]
    """
    ### BEGIN SOLUTION
    if f0.shape != power.shape[:1]:
        raise ValueError(f"power has shape {power.shape} and f0 {f0.shape}, expected one pitch per frame")
    n_bins = power.shape[1]
    half_widths = np.where(f0 > 0, f0, DEFAULT_F0) / 3 / (sample_rate / 2 / (n_bins - 1))  # in bins
    smooth = np.empty(power.shape)
    for t, half in enumerate(half_widths):
        reach = int(half) + 1
        mirrored = np.pad(power[t], reach, mode="reflect")
        area = np.append(0, np.cumsum(mirrored))  # left of the first bin, behind the first bin, …
        edges = np.arange(len(area)) - reach - 0.5
        bins = np.arange(n_bins)
        smooth[t] = np.interp(bins + half, edges, area) - np.interp(bins - half, edges, area)
    return smooth / (2 * half_widths[:, None])
    ### END SOLUTION


# %% [markdown] hints="smooth_power"
# 1. Area between two points = area up to the right one minus area up to the left one. What does "area up to"
#    look like for a step function?
# 2. `np.cumsum` gives the area up to the *right edges* of the bins, $k + ½$; between edges it is a straight
#    line, and `np.interp` draws it. `np.pad(row, reach, mode="reflect")` mirrors without doubling the edge.
# 3. With everything in bins: `area = np.append(0, np.cumsum(mirrored))` at `edges = np.arange(len(area)) -
#    reach - 0.5`; result `(np.interp(k + half, edges, area) - np.interp(k - half, edges, area)) / (2 * half)`.

# %% [markdown]
# ## Part 9: CheapTrick
#
# Last touch. The logarithm of the smoothed power still has a faint ripple of period $f_0$. Take the Fourier
# transform of the *log spectrum*, which is called the **cepstrum**. Its axis, **quefrency** $q$, is in
# seconds: a ripple of period 200 Hz sits at $q = 1/200 = 5$ ms. Averaging over a stretch of width $f_0$ is a
# multiplication of the cepstrum by $\mathrm{sinc}(f_0 q) = \frac{\sin \pi f_0 q}{\pi f_0 q}$. That is exactly
# zero at $q = 1/f_0, 2/f_0, \dots$ The ripple is gone. (A filter in the cepstrum is a **lifter**. The words
# are made by turning the first letters around.)
#
# But the sinc also flattens what we want to keep: formants become wider and lower. A second lifter lifts them
# back up:
#
# $$\ell(q) = \mathrm{sinc}(f_0 q)\,\bigl(1.3 - 0.3 \cos(2\pi f_0 q)\bigr).$$
#
# **A number.** At $q = 0$ the bracket is 1: the level stays. At half a period, $f_0 q = ½$, the sinc is 0.64
# and the bracket 1.6: together 1.02. Nearly nothing is lost. At $f_0 q = 1$ all is gone.
#
# One helper is given. Subtracting the mean in Part 7 took power away below $f_0$, where there is no tooth
# anyway. `fill_below_f0` fills that hole with the mirror image of what lies above.


# %%
def fill_below_f0(
    power: Float[np.ndarray, "frames bins"], f0: Float[np.ndarray, "frames"], sample_rate: int
) -> Float[np.ndarray, "frames bins"]:
    """The power with that at f0 - f added to each frequency f below f0."""
    filled = power.copy()
    hz = np.linspace(0, sample_rate / 2, power.shape[1])
    for t, pitch in enumerate(np.where(f0 > 0, f0, DEFAULT_F0)):
        below = hz[hz < pitch]
        filled[t, : len(below)] += np.interp(pitch - below, hz, power[t])
    return filled


# %% part="spectral_envelope" points=4 difficulty=3 minutes=16 forbids="pyworld librosa"
def spectral_envelope(
    samples: Float[np.ndarray, "time"],
    f0: Float[np.ndarray, "frames"],
    sample_rate: int,
    hop_length: int,
    n_fft: int = 1024,
) -> Float[np.ndarray, "frames bins"]:
    """CheapTrick: the spectral envelope of each frame, as power.

    Args:
        samples: waveform.
        f0: pitch of each frame in Hz, 0 where unvoiced (DEFAULT_F0 then sizes windows and lifters). Frame t
            is centred on sample t * hop_length.
        sample_rate: in Hz.
        hop_length: samples from frame to frame.
        n_fft: length of the Fourier transform, at least three periods of the lowest pitch.
    Returns:
        Power at n_fft // 2 + 1 frequencies. Steps: power through windows of three periods, `fill_below_f0`,
        `smooth_power`, plus 1e-16 so that silence has a logarithm; then log, cepstrum, the lifter ℓ(q) above
        with q = n / sample_rate for cepstral coefficient n, back, exponential.
    Source: Morise 2015, CheapTrick, a spectral envelope estimator for high-quality speech synthesis, eq. 1-9.
    Example:
        >>> hiss = np.random.default_rng(0).normal(size=4000)
        >>> envelope = spectral_envelope(hiss, np.zeros(40), 8000, 100, 256)
        >>> envelope.shape, bool(0.7 < envelope.mean() < 1.4)
        ((40, 129), True)
    """
    ### BEGIN SOLUTION
    centres = np.arange(len(f0)) * hop_length
    power = np.abs(pitch_spectrum(samples, centres, f0, sample_rate, n_fft)) ** 2
    power = smooth_power(fill_below_f0(power, f0, sample_rate), f0, sample_rate) + 1e-16
    cepstrum = np.fft.irfft(np.log(power))
    n = np.minimum(np.arange(n_fft), n_fft - np.arange(n_fft))  # the second half is the mirror of the first
    turns = np.where(f0 > 0, f0, DEFAULT_F0)[:, None] * n / sample_rate
    lifter = np.sinc(turns) * (1.3 - 0.3 * np.cos(2 * np.pi * turns))
    return np.exp(np.fft.rfft(cepstrum * lifter).real)
    ### END SOLUTION


# %% [markdown] hints="spectral_envelope"
# 1. The first half is your Parts 7 and 8. Power is the square of the magnitude.
# 2. `np.fft.irfft` of a real log spectrum is the whole cepstrum, n_fft values long. It is even: value
#    $n_\text{fft} - n$ is the same as value $n$, so it must get the same lifter.
# 3. `n = np.minimum(np.arange(n_fft), n_fft - np.arange(n_fft))`, `turns = f0[:, None] * n / sample_rate`,
#    `np.sinc(turns) * (1.3 - 0.3 * np.cos(2 * np.pi * turns))`. (numpy's sinc has the π inside.)

# %%
envelope = spectral_envelope(voice, f0, RATE, HOP, N_FFT)
hz = np.linspace(0, RATE / 2, N_FFT // 2 + 1)
near = hz < 5000
around = voice[strongest * HOP - 512 : strongest * HOP + 512] * np.hanning(1024) / np.sqrt(384)
plot.lines(
    {
        "spectrum, 46 ms window": (hz[near], 10 * np.log10(np.abs(np.fft.rfft(around)[near]) ** 2 + 1e-9)),
        "your envelope": (hz[near], 10 * np.log10(envelope[strongest][near])),
        "pyworld's": (hz[near], 10 * np.log10(its_envelope[strongest][near])),
    },
    x_label="frequency [Hz]",
    y_label="power [dB]",
    title="The curve over the teeth",
)
plot.spectrogram(
    10 * np.log10(envelope + 1e-10),
    RATE,
    HOP,
    title="All envelopes: speech without its pitch",
    orient="time_first",
)

# %% [markdown]
# ## Part 10: how much breath?
#
# What repeats is voice, what does not is breath. Part 1 asked that for the sound as a whole. Now ask it for
# each frequency: even in a clear vowel the high frequencies are mostly breath.
#
# WORLD's **D4C** does it by a fine trick with group delays. We take a simpler way that you can follow on half
# a page: **compare one period with the next.** Take two windows of two periods each, one period apart, and
# their spectra $A(f)$ and $B(f)$. If the sound repeats, $B = A$. If it is noise, the phase of $A^* B$ is
# random. Add up $A^* B$ over a band of 2 kHz around $f$: equal phases add up, random ones cancel.
#
# $$c(f) = \frac{\left|\sum A^* B\right|}{\sqrt{\sum |A|^2 \; \sum |B|^2}}, \qquad a(f) = \sqrt{1 - c(f)} .$$
#
# $c$ is the **coherence**, 1 for what repeats, near 0 for noise: the voice's share of the power. So $1 - c$ is
# the share of the noise, and the root makes it an amplitude.
#
# **A number first.** Three bins in the band, $A = 1, 1, 1$. If $B = 1, 1, 1$: $c = 3/3 = 1$, $a = 0$. If $B = 1,
# j, -1$: the sum is $j$, $c = 1/3$, $a = 0.82$.
#
# The magnitude bars are there for a reason. If the pitch is known with a small error, all phases in a band
# turn together; the bars take that out.


# %% part="aperiodicity" points=4 difficulty=4 minutes=16 forbids="pyworld librosa scipy.signal"
def aperiodicity(
    samples: Float[np.ndarray, "time"],
    f0: Float[np.ndarray, "frames"],
    sample_rate: int,
    hop_length: int,
    n_fft: int = 1024,
    bandwidth: float = 2000.0,
) -> Float[np.ndarray, "frames bins"]:
    """Share of each frequency that does not repeat, as amplitude.

    Args:
        samples: waveform.
        f0: pitch of each frame in Hz, 0 where unvoiced. Frame t is centred on sample t * hop_length.
        sample_rate: in Hz.
        hop_length: samples from frame to frame.
        n_fft: length of the Fourier transform.
        bandwidth: of the sums, in Hz: bin k adds up the bins k - r … k + r that exist, where r is half of
            the bandwidth in bins, rounded to the nearest whole number.
    Returns:
        a(f) between 0 and 1 at n_fft // 2 + 1 frequencies; 1 everywhere in unvoiced frames. With T the period
        in samples, the first window of two periods stands on t * hop_length - T/2, rounded, and the second
        one by T, rounded, later. Add 1e-30 to the denominator of c.
    Source: ours; Morise 2016, D4C, solves the same task by group delays.
    Example:
        >>> tone = np.sin(2 * np.pi * 200 * np.arange(2000) / 8000)
        >>> found = aperiodicity(tone, np.array([0.0, 200.0, 0.0]), 8000, 1000, 256)
        >>> found[:, 6].round(2).tolist()
        [1.0, 0.0, 1.0]
    """
    ### BEGIN SOLUTION
    result = np.ones((len(f0), n_fft // 2 + 1))
    voiced = np.flatnonzero(f0 > 0)
    period = sample_rate / f0[voiced]
    early = np.round(voiced * hop_length - period / 2).astype(int)
    late = early + np.round(period).astype(int)
    first = pitch_spectrum(samples, early, f0[voiced], sample_rate, n_fft, periods=2.0)
    second = pitch_spectrum(samples, late, f0[voiced], sample_rate, n_fft, periods=2.0)
    reach = round(bandwidth / 2 / (sample_rate / n_fft))
    k = np.arange(result.shape[1])
    low, high = np.maximum(k - reach, 0), np.minimum(k + reach + 1, len(k))
    sums = []
    for product in (first.conj() * second, np.abs(first) ** 2, np.abs(second) ** 2):
        area = np.pad(np.cumsum(product, axis=1), ((0, 0), (1, 0)))
        sums.append(np.abs(area[:, high] - area[:, low]))
    coherence = sums[0] / (np.sqrt(sums[1] * sums[2]) + 1e-30)
    result[voiced] = np.sqrt(np.maximum(1 - coherence, 0))
    return result
    ### END SOLUTION


# %% [markdown] hints="aperiodicity"
# 1. Only voiced frames need work; start from an array of ones. `pitch_spectrum` takes any centres, and
#    `periods=2`.
# 2. A moving sum is again the difference of two values of one cumulative sum. It works for complex numbers
#    too: sum first, magnitude *after*.
# 3. `area = np.pad(np.cumsum(product, axis=1), ((0, 0), (1, 0)))`, then `area[:, high] - area[:, low]` with
#    `low = np.maximum(k - reach, 0)` and `high = np.minimum(k + reach + 1, n_bins)`.

# %%
breath = aperiodicity(voice, f0, RATE, HOP, N_FFT)
both_voiced = (f0 > 0) & (its_f0 > 0)
plot.lines(
    {
        "yours": (hz, breath[both_voiced].mean(axis=0)),
        "pyworld's D4C": (hz, its_aperiodicity[both_voiced].mean(axis=0)),
    },
    x_label="frequency [Hz]",
    y_label="aperiodicity (amplitude)",
    title="Voiced frames, mean: low frequencies repeat, high ones are breath",
)

# %% [markdown]
# Two estimates by different ideas, and they rise together. They do differ. D4C is *told* that the lowest
# frequencies repeat and the highest do not, and draws straight lines between bands of 3 kHz. Yours has no such
# opinion, takes every change from one period to the next for breath (also a change of pitch or of vowel), and
# never quite reaches 1, as the few bins of a band cancel only partly.

# %% [markdown]
# ## Part 11: from an envelope to a filter
#
# Now back to sound. An envelope says how *strong* each frequency leaves the mouth, not *when*: it has no
# phase. With all phases zero, the response to a click is symmetric: half of it comes *before* the click. A
# mouth cannot do that.
#
# Of all filters with given strengths, one answers as early as it can: the **minimum-phase** filter. Mouths
# are much like it. It has a recipe in the cepstrum, and it is wonderfully short. Say $c_n$ is the cepstrum of
# the log *amplitude*, even as always: $c_{-n} = c_n$. Fold the part at negative times over onto the positive
# times: keep $c_0$, double $c_1, c_2, \dots$, drop the negative ones. The exponential of its Fourier
# transform is the filter.
#
# Why does it work? A real number $c_n$ at $n$ and at $-n$ makes a *cosine* in the spectrum. $2 c_n$ at $n$
# alone makes the same cosine plus $j$ times a sine: same logarithm of the strength, and a phase. And an
# exponential of something that lives only at $n \ge 0$ lives only at $n \ge 0$: nothing before the click.
#
# Mind the ½: the envelope is a *power*. The log amplitude is half of its logarithm. And mind the end:
# with n_fft even, the coefficient in the very middle is its own mirror image and stays single.


# %% part="minimum_phase" points=3 difficulty=3 minutes=14 forbids="pyworld scipy.signal.minimum_phase librosa"
def minimum_phase(power: Float[np.ndarray, "frames bins"]) -> Complex[np.ndarray, "frames bins"]:
    """Spectra of the minimum-phase filters with given powers.

    Args:
        power: positive, at n_fft // 2 + 1 evenly spaced frequencies from 0 to half the sample rate.
    Returns:
        Complex spectrum H of each row, |H|² = power; `np.fft.irfft(H)` is the response to a click.
    Raises:
        ValueError: if a power is not greater than zero.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, 3rd edition, section 13.5.
    Example:
        >>> power = np.abs(np.fft.rfft([1.0, -0.5], 64)) ** 2
        >>> (np.fft.irfft(minimum_phase(power[None]))[0, :3] + 0.0).round(6).tolist()
        [1.0, -0.5, 0.0]
    """
    ### BEGIN SOLUTION
    if not np.all(power > 0):
        raise ValueError("power holds a value that is not positive: its logarithm does not exist")
    half = power.shape[1] - 1
    cepstrum = np.fft.irfft(np.log(power) / 2)
    cepstrum[:, 1:half] *= 2
    cepstrum[:, half + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum))
    ### END SOLUTION


# %% [markdown] hints="minimum_phase"
# 1. Four steps: log amplitude, cepstrum, fold, exponential of the transform. Which coefficients of
#    `np.fft.irfft` belong to negative times?
# 2. Of n_fft values, number 0 is time zero, number n_fft / 2 the middle, and all above it are negative times.
#    The middle is at index `bins - 1`.
# 3. `cepstrum[:, 1 : bins - 1] *= 2`, `cepstrum[:, bins:] = 0`, `np.exp(np.fft.rfft(cepstrum))`.

# %%
one = envelope[strongest][None]
response = np.fft.irfft(minimum_phase(one))[0]
milliseconds = (np.arange(N_FFT) - N_FFT // 2) / RATE * 1000
shown_ms = np.abs(milliseconds) < 8
plot.lines(
    {
        "all phases zero": (milliseconds[shown_ms], np.fft.fftshift(np.fft.irfft(np.sqrt(one))[0])[shown_ms]),
        "minimum phase": (milliseconds[shown_ms], np.fft.fftshift(response)[shown_ms]),
    },
    x_label="time after the click [ms]",
    y_label="response",
    title="The same strengths: one of them knows about the click before it comes",
)

# %% [markdown]
# ## Part 12: when do the vocal folds open?
#
# Pitch is a *rate*. Clicks come whenever a rate has added up to one whole turn. Picture a wheel that makes
# $f_0$ turns a second; each time the mark passes the top there is a click. The **phase** is the number of
# turns so far:
#
# $$\varphi_n = \sum_{m=0}^{n} \frac{f_0(m)}{\text{rate}} .$$
#
# **A number first.** $f_0 = 300$ Hz at 1000 Hz: 0.3 turns a sample. $\varphi = 0.3, 0.6, 0.9, 1.2$. Between
# sample 2 and sample 3 the mark passes 1. When? At sample 3 it is 0.2 turns too far, which is $0.2/0.3 =
# 0.67$ samples: the click is at 2.33. Do not round it: half a sample of jitter makes a rough voice.
#
# Whoever places a click at the beginning of each frame, or starts the wheel anew in each, hears the frames as
# a buzz of 200 Hz.
#
# And $f_0(m)$ between two frames? Straight lines, but **only between voiced frames**. A line from 200 Hz down
# to the 0 of an unvoiced frame would be a groan: the pitch never was 100 Hz. So draw the lines from voiced
# frame to voiced frame, across gaps; hold the first and last value outside. Then stop the wheel (rate 0) at
# each sample whose *nearest* frame is unvoiced.


# %% part="pulse_times" points=4 difficulty=3 minutes=16 forbids="pyworld librosa"
def pulse_times(
    f0: Float[np.ndarray, "frames"], sample_rate: int, hop_length: int
) -> tuple[Float[np.ndarray, "pulses"], Float[np.ndarray, "pulses"]]:
    """When the clicks of a voice come, and the pitch at each.

    Args:
        f0: in Hz, 0 where unvoiced, less than sample_rate. Frame t belongs to sample t * hop_length.
        sample_rate: in Hz.
        hop_length: samples from frame to frame.
    Returns:
        Times in samples (with fractions) at which the phase above passes 1, 2, 3, … within the len(f0) *
        hop_length samples, and the f0 in Hz of the sample at or behind each. At sample n, f0 lies on straight
        lines between voiced frames and counts as 0 where frame floor(n / hop_length + 1/2) is unvoiced
        (behind the last frame: where the last one is).
    Raises:
        ValueError: if hop_length is less than 1.
    Source: Morise, Yokomori & Ozawa 2016, WORLD, section 3.4.
    Example:
        >>> times, pitch = pulse_times(np.array([300.0, 300.0]), 1000, 4)
        >>> times.round(2).tolist(), pitch.tolist()
        ([2.33, 5.67], [300.0, 300.0])
    """
    ### BEGIN SOLUTION
    if hop_length < 1:
        raise ValueError(f"hop_length is {hop_length}, expected 1 or more")
    voiced = np.flatnonzero(f0 > 0)
    if len(voiced) == 0:
        return np.zeros(0), np.zeros(0)
    position = np.arange(len(f0) * hop_length) / hop_length  # in frames
    nearest = np.minimum(np.floor(position + 0.5).astype(int), len(f0) - 1)
    pitch = np.where(f0[nearest] > 0, np.interp(position, voiced, f0[voiced]), 0.0)
    phase = np.cumsum(pitch) / sample_rate
    behind = np.flatnonzero(np.diff(np.floor(phase), prepend=0) > 0)
    too_far = phase[behind] - np.floor(phase[behind])
    return behind - too_far * sample_rate / pitch[behind], pitch[behind]
    ### END SOLUTION


# %% [markdown] hints="pulse_times"
# 1. From pitch at frames to pitch at samples, to turns, to whole turns. `np.cumsum` is the wheel.
# 2. `np.interp(positions, voiced, f0[voiced])` draws lines between voiced frames only and holds both ends. A
#    whole turn ends at each sample where `np.floor(phase)` is larger than at the sample before.
# 3. `behind = np.flatnonzero(np.diff(np.floor(phase), prepend=0) > 0)`; the click was
#    `(phase[behind] % 1) * sample_rate / pitch[behind]` samples earlier.

# %% [markdown]
# ## Part 13: speak
#
# All is there. Two sounds are made and added.
#
# **Voice.** At each click, take envelope and aperiodicity at that moment (on straight lines between the two
# frames around it). The power of the voice there is $S\,(1 - a^2)$. Its minimum-phase filter gives the answer
# to a click. Multiply it by the **root of the period** in samples, $\sqrt{\text{rate}/f_0}$: a low voice has
# fewer clicks a second, so each must be stronger for the same power. A click at 2.33 cannot start at a whole
# sample: start at 2 and *turn the phases* by $e^{-2\pi j k \cdot 0.33 / n_\text{fft}}$ in bin $k$, which
# delays by 0.33 samples. Add the answer to the sound, from sample 2 on.
#
# **Breath.** Cut white noise of mean square 1 into pieces of one hop, piece $t$ around frame $t$. Filter each
# by the minimum-phase filter of the power $S a^2$ of its frame, and add it up. What a filter rings on runs
# into the pieces that follow.
#
# **A number.** $S = 4$, $a = 0.5$: the noise gets the power $4 \cdot 0.25 = 1$, the voice 3. Take $a$ for $a^2$
# and the noise gets 2: 3 dB of hoarseness.


# %% part="world_synthesize" points=6 difficulty=5 minutes=25 forbids="pyworld librosa"
def world_synthesize(
    f0: Float[np.ndarray, "frames"],
    envelope: Float[np.ndarray, "frames bins"],
    aperiodicity: Float[np.ndarray, "frames bins"],
    sample_rate: int,
    hop_length: int,
    seed: int = 0,
) -> Float[np.ndarray, "time"]:
    """Sound from pitch, spectral envelope and aperiodicity.

    Args:
        f0: in Hz, 0 where unvoiced. Frame t belongs to sample t * hop_length.
        envelope: power S, n_fft // 2 + 1 bins, 0 or more.
        aperiodicity: amplitude a, between 0 and 1. The noise has the power S a², the voice S (1 - a²). To
            both 1e-16 is added before a filter is made. In unvoiced frames it should be 1.
        sample_rate: in Hz.
        hop_length: samples from frame to frame.
        seed: of the noise, `np.random.default_rng(seed).standard_normal((frames, hop_length))`; row t is the
            piece that starts at sample t * hop_length - hop_length // 2.
    Returns:
        frames * hop_length samples. What falls before the first sample or after the last is cut off. For a
        click at time p, the powers of the voice are interpolated at frame p / hop_length (behind the last
        frame: the last one's).
    Raises:
        ValueError: if the shapes do not fit together or a value of `aperiodicity` is not between 0 and 1.
    Source: Morise, Yokomori & Ozawa 2016, WORLD: a vocoder-based high-quality speech synthesis system for
        real-time applications, section 3.4.
    Example:
        >>> sound = world_synthesize(np.zeros(50), np.full((50, 33), 4.0), np.ones((50, 33)), 8000, 40)
        >>> len(sound), bool(1.8 < sound.std() < 2.2)
        (2000, True)
    """
    ### BEGIN SOLUTION
    n_frames, n_bins = envelope.shape
    if f0.shape != (n_frames,) or aperiodicity.shape != envelope.shape:
        raise ValueError(f"shapes are {f0.shape}, {envelope.shape} and {aperiodicity.shape}")
    if not np.all((aperiodicity >= 0) & (aperiodicity <= 1)):
        raise ValueError("aperiodicity holds a value outside 0 … 1")
    n_fft, before = 2 * (n_bins - 1), hop_length // 2
    sound = np.zeros(before + (n_frames + 1) * hop_length + 2 * n_fft)  # with room on both sides
    noise_power = envelope * aperiodicity**2
    noise = np.random.default_rng(seed).standard_normal((n_frames, hop_length))
    pieces = fftconvolve(noise, np.fft.irfft(minimum_phase(noise_power + 1e-16)), axes=1)
    for t, piece in enumerate(pieces):
        sound[t * hop_length : t * hop_length + len(piece)] += piece

    times, pitch = pulse_times(f0, sample_rate, hop_length)
    starts = np.floor(times).astype(int)
    position = times / hop_length  # in frames
    lower = np.floor(position).astype(int)
    upper = np.minimum(lower + 1, n_frames - 1)
    share = (position - lower)[:, None]
    voice_power = envelope - noise_power
    voice_power = (1 - share) * voice_power[lower] + share * voice_power[upper]
    delay = np.exp(-2j * np.pi * (times - starts)[:, None] * np.arange(n_bins) / n_fft)
    clicks = minimum_phase(voice_power + 1e-16) * delay * np.sqrt(sample_rate / pitch)[:, None]
    for start, click in zip(starts + before, np.fft.irfft(clicks), strict=True):
        sound[start : start + n_fft] += click
    return sound[before : before + n_frames * hop_length]
    ### END SOLUTION


# %% [markdown] hints="world_synthesize"
# 1. Make the breath first, with all frames unvoiced, and listen to the whisper. Then add the voice.
# 2. `fftconvolve(noise, responses, axes=1)` filters every piece by its own filter. Keep a longer array with
#    `hop_length // 2` samples in front, so that the first piece fits; cut at the end. Filters for all clicks
#    at once: `lower = np.floor(position).astype(int)`, and a weighted mean of rows `lower` and `lower + 1`.
# 3. For the clicks: `minimum_phase(voice_power + 1e-16) * np.exp(-2j * np.pi * fraction[:, None] *
#    np.arange(n_bins) / n_fft) * np.sqrt(sample_rate / pitch)[:, None]`, then `np.fft.irfft`, and a loop that
#    adds row by row from the sample `floor(time)` on.

# %% [markdown]
# ## Put it together
#
# Your analysis, your synthesis, beside pyworld's. Same recording, nothing but f0, envelope and aperiodicity in
# between.


# %%
def analyse(samples: Float[np.ndarray, "time"], track=dio):
    """The three tables of a recording by your parts."""
    pitch = track(samples, RATE, HOP)
    return (
        pitch,
        spectral_envelope(samples, pitch, RATE, HOP, N_FFT),
        aperiodicity(samples, pitch, RATE, HOP, N_FFT),
    )


mine = world_synthesize(f0, envelope, breath, RATE, HOP)[: len(voice)]
theirs = pyworld_sound(its_f0, its_envelope, its_aperiodicity)[: len(voice)]
play_ab({"recording": voice, "your WORLD": mine, "pyworld": theirs}, RATE)
plot.spectrograms({"recording": voice, "your WORLD": mine}, RATE, title="Taken apart and put together")

# %% [markdown]
# The waveforms are not equal, and they are not meant to be: phases were thrown away, and the breath is fresh
# noise. What should be equal is what you hear.
#
# Now turn the knobs **one by one**. Pitch: multiply $f_0$. Mouth: stretch the envelope along the frequency
# axis, which is what a longer or shorter throat does. For comparison there is also the cheap way: play the
# recording faster. It moves both at once, and everyone knows the result from cartoons.


# %%
def stretch_envelope(
    envelope: Float[np.ndarray, "frames bins"], factor: float
) -> Float[np.ndarray, "frames bins"]:
    """All formants moved by a factor: what was at f is then at factor * f."""
    bins = np.arange(envelope.shape[1])
    return np.exp([np.interp(bins / factor, bins, row) for row in np.log(envelope)])


high_pitch = world_synthesize(1.26 * f0, envelope, breath, RATE, HOP)
small_mouth = world_synthesize(f0, stretch_envelope(envelope, 1.26), breath, RATE, HOP)
faster = np.interp(np.arange(0, len(voice) - 1, 1.26), np.arange(len(voice)), voice)
play_ab(
    {
        "recording": voice,
        "pitch × 1.26 (4 semitones), same mouth": high_pitch,
        "same pitch, formants × 1.26: a child's mouth": small_mouth,
        "same pitch, formants × 0.8: a giant's mouth": world_synthesize(
            f0, stretch_envelope(envelope, 0.8), breath, RATE, HOP
        ),
        "played 1.26 times faster: both at once": faster,
    },
    RATE,
)


def mean_envelope(pitch, shape) -> Float[np.ndarray, "bins"]:
    """Mean log envelope of the voiced frames."""
    return np.log(shape[pitch > 0]).mean(axis=0)


def stretch_found(pitch, shape) -> float:
    """The factor by which the recording's mean envelope must be stretched to look like this one."""
    factors, low = np.arange(0.7, 1.4, 0.02), slice(10, 230)  # 200 to 5000 Hz
    wanted = mean_envelope(pitch, shape)[low]
    stretched = [mean_envelope(f0, stretch_envelope(envelope, factor))[low] for factor in factors]
    return float(factors[np.argmin([np.std(each - wanted) for each in stretched])])


rows = []
for name, sound in (("recording", voice), ("pitch × 1.26", high_pitch), ("formants × 1.26", small_mouth)):
    pitch, shape, _ = analyse(sound)
    rows.append(
        {
            "sound": name,
            "median f0 [Hz]": np.median(pitch[pitch > 0]),
            "envelope stretched by": stretch_found(pitch, shape),
        }
    )
table(rows, title="One knob, one number")

# %% [markdown]
# ## STRAIGHT and WORLD
#
# WORLD has a parent. In 1997 Hideki Kawahara asked: why does speech sound so rough after analysis and
# synthesis? Because the window catches now one click, now two. What one measures is not the mouth but the
# mouth *times* the position of the window. His **STRAIGHT** (*speech transformation and representation using
# adaptive interpolation of weighted spectrum*) was the first vocoder whose output came near to recordings.
# It has the same three tables. What differs is how they are found:
#
# | | STRAIGHT (1999, TANDEM 2008) | WORLD (2016) |
# |---|---|---|
# | pitch | instantaneous frequency of many filters: do their outputs stand still? | DIO: do four rulers agree? |
# | envelope | windows at *two* places half a period apart, added up, so that the flicker in time cancels (TANDEM); then smoothing over $f_0$ | CheapTrick: *one* window of three periods whose flicker is small anyway; smoothing over $\frac23 f_0$ |
# | repair after smoothing | spline-like inverse filter | the bracket in your lifter of Part 9 |
# | aperiodicity | power in valleys against power on peaks, in bands | D4C: group delay |
# | excitation | pulses whose phases are spread a little, to sound less buzzy | plain pulses and noise, as yours |
# | speed | slower than real time when new | ten times faster than real time |
# | licence | closed, by contract | free |
#
# Both stand on one idea that you have used in Parts 7 to 9: **fit the analysis to the pitch**, so that what
# remains does not depend on it. STRAIGHT gave the HMM synthesisers of 2005 to 2015 their voice. WORLD made it
# fast and free.

# %% [markdown]
# ## Part 14: 513 numbers are too many
#
# A statistical model that is to *write* envelopes drowns in 513 numbers a frame. Neighbours are nearly equal,
# and the ear hears 7000 and 7100 Hz as the same. So: bend the frequency axis like the ear does, and keep only
# the slow waves of the log spectrum. That is the **mel-cepstrum**, the sister of the MFCC; but here one must
# get *back*.
#
# The bend is one formula with one parameter $\alpha$ (it is the phase of a digital filter, the *all-pass*):
#
# $$\tilde\omega = \omega + 2 \arctan \frac{\alpha \sin \omega}{1 - \alpha \cos \omega}, \qquad
#   \omega = 2\pi f/\text{rate}.$$
#
# With $\alpha = 0.455$ at 22 050 Hz it follows the mel scale closely. With $-\alpha$ it bends back.
# **A number.** 1000 Hz is $\omega = 0.285$, 9 % of the way to the top. Bent it is $0.73$, 23 % of the way.
#
# The coefficients $c_0, c_1, \dots$ describe the log *amplitude* on the bent axis as a sum of cosines:
#
# $$\tfrac12 \log S(\omega) \approx \sum_{m=0}^{M} c_m \cos(m\,\tilde\omega) .$$
#
# To find them: read $\log S$ at frequencies that are even on the *bent* axis, and take the cepstrum. A cepstrum
# holds every cosine twice (at $n$ and at $-n$), which makes up for the ½ of the power, except for $c_0$: it
# must be halved.


# %%
def bend(omega: Float[np.ndarray, "points"], alpha: float) -> Float[np.ndarray, "points"]:
    """The frequency axis, 0 … π, bent by a first-order all-pass."""
    return omega + 2 * np.arctan2(alpha * np.sin(omega), 1 - alpha * np.cos(omega))


# %% part="mel_cepstrum" points=4 difficulty=3 minutes=16 forbids="pyworld librosa pysptk"
def mel_cepstrum(
    envelope: Float[np.ndarray, "frames bins"], order: int = 24, alpha: float = 0.455
) -> Float[np.ndarray, "frames coefficients"]:
    """Mel-cepstrum of spectral envelopes.

    Args:
        envelope: power, positive, at frequencies evenly spaced from 0 to half the sample rate.
        order: number of the last coefficient kept; there are order + 1.
        alpha: of the bend: 0.42 for 16 kHz, 0.455 for 22.05 kHz, 0.55 for 48 kHz; 0 bends nothing.
    Returns:
        c_0 … c_order. The log power is read, on straight lines between its bins, at as many points as there
        are bins, evenly spaced on the bent axis from 0 to π.
    Raises:
        ValueError: if a power is not positive, or order is not in 0 … bins - 1.
    Source: Tokuda, Kobayashi, Masuko & Imai 1994, Mel-generalized cepstral analysis; SPTK's `sp2mc`.
    Example:
        >>> w = np.linspace(0, np.pi, 257)
        >>> found = mel_cepstrum(np.exp(2 * (1 + 0.5 * np.cos(w)))[None], order=2, alpha=0.0)
        >>> (found.round(6) + 0).tolist()
        [[1.0, 0.5, 0.0]]
    """
    ### BEGIN SOLUTION
    n_bins = envelope.shape[1]
    if not np.all(envelope > 0) or not 0 <= order < n_bins:
        raise ValueError(f"expected positive powers and an order from 0 to {n_bins - 1}, got {order}")
    omega = np.linspace(0, np.pi, n_bins)
    level = np.array([np.interp(bend(omega, -alpha), omega, row) for row in np.log(envelope)])
    coefficients = np.fft.irfft(level)[:, : order + 1]
    coefficients[:, 0] /= 2
    return coefficients
    ### END SOLUTION


# %% [markdown] hints="mel_cepstrum"
# 1. Points that are even on the bent axis: where are they on the straight one? That is the bend backwards.
# 2. `np.interp(bend(omega, -alpha), omega, log_row)` reads one row of the log power there. Logarithm first,
#    then interpolation.
# 3. `np.fft.irfft(level)[:, : order + 1]`, then halve column 0. No other factor: the two halves cancel.

# %% [markdown]
# ## Part 15: and back
#
# The way back is the formula itself, read from right to left: bend the frequencies of the bins, add up the
# cosines, double (power!), exponentiate. It is one product of matrices: coefficients [frames, order + 1] times
# cosines [order + 1, bins].


# %% part="envelope_from_mel_cepstrum" points=3 difficulty=2 minutes=8 forbids="pyworld librosa pysptk"
def envelope_from_mel_cepstrum(
    coefficients: Float[np.ndarray, "frames coefficients"], n_bins: int, alpha: float = 0.455
) -> Float[np.ndarray, "frames bins"]:
    """Spectral envelopes from their mel-cepstrum.

    Args:
        coefficients: c_0, c_1, … of each frame.
        n_bins: number of frequencies, evenly spaced from 0 to half the sample rate, 2 or more.
        alpha: of the bend, as in `mel_cepstrum`.
    Returns:
        Power exp(2 Σ c_m cos(m ω̃)) at each frequency.
    Raises:
        ValueError: if n_bins is less than 2.
    Source: as for `mel_cepstrum`; SPTK's `mc2sp`.
    Example:
        >>> envelope_from_mel_cepstrum(np.array([[0.5, 0.0]]), 3).round(3).tolist()
        [[2.718, 2.718, 2.718]]
    """
    ### BEGIN SOLUTION
    if n_bins < 2:
        raise ValueError(f"n_bins is {n_bins}, expected 2 or more")
    bent = bend(np.linspace(0, np.pi, n_bins), alpha)
    return np.exp(2 * coefficients @ np.cos(np.outer(np.arange(coefficients.shape[1]), bent)))
    ### END SOLUTION


# %% [markdown] hints="envelope_from_mel_cepstrum"
# 1. Which bend takes a bin's frequency to the axis on which the coefficients are cosines: that with α, or with
#    −α?
# 2. `np.outer(np.arange(order + 1), bent)` is the matrix of all $m\,\tilde\omega$.
# 3. `np.exp(2 * coefficients @ np.cos(…))`: the 2 makes power of amplitude.

# %% [markdown]
# How many numbers does a voice need? For the aperiodicity two small helpers do: its value at a handful of
# frequencies, and straight lines between them.


# %%
def code_aperiodicity(aperiodicity: Float[np.ndarray, "frames bins"], n_bands: int = 5):
    """The values at the middles of equal bands: [frames, bands]."""
    middles = (np.arange(n_bands) + 0.5) / n_bands * (aperiodicity.shape[1] - 1)
    return aperiodicity[:, np.round(middles).astype(int)]


def decode_aperiodicity(values: Float[np.ndarray, "frames bands"], n_bins: int):
    """Straight lines between the middles of the bands: [frames, bins]."""
    middles = (np.arange(values.shape[1]) + 0.5) / values.shape[1] * (n_bins - 1)
    return np.array([np.interp(np.arange(n_bins), middles, row) for row in values])


players, rows = {"513 + 513 + 1 numbers a frame": mine}, []
for order in (40, 24, 12):
    coded = mel_cepstrum(envelope, order)
    decoded = envelope_from_mel_cepstrum(coded, N_FFT // 2 + 1)
    coded_breath = decode_aperiodicity(code_aperiodicity(breath), N_FFT // 2 + 1)
    players[f"{order + 1} + 5 + 1 numbers"] = world_synthesize(f0, decoded, coded_breath, RATE, HOP)
    error = np.sqrt(np.mean((10 * np.log10(decoded / envelope)[f0 > 0]) ** 2))
    rows.append({"order": order, "numbers a frame": order + 7, "envelope error, voiced [dB]": error})
play_ab(players, RATE)
table(rows, title="Less and less of the envelope")

# %% [markdown]
# ## Practice: analyse and resynthesise
#
# *Use WORLD vocoder to analyze and resynthesize speech*: several sentences, through your parts and through
# pyworld, measured.
#
# - **Pitch errors** of your two trackers. As truth we take pyworld's DIO with StoneMask. (It is no truth. It is
#   what the rest of the world uses.)
# - **Mel-cepstral distortion**, MCD, in dB: how far the envelopes of the result are from those of the
#   recording. $\text{MCD} = \frac{10}{\ln 10} \operatorname{mean}_t \sqrt{2 \sum_{m=1}^{24} (c_m - c'_m)^2}$.
#   Both envelopes are measured by pyworld with one and the same pitch curve, so that neither side is judge in its
#   own case. Loudness ($c_0$) is left out, as everywhere.
# - **STOI**, from 0 to 1: how much of the speech can be understood.
#
# **Target:** over all sentences, your mean STOI is at most 0.03 below pyworld's and your mean MCD at most 0.5 dB
# above. Two different hisses are already some 5 dB apart, so expect no zero.


# %%
def mel_cepstral_distortion(
    first: Float[np.ndarray, "frames coefficients"], second: Float[np.ndarray, "frames coefficients"]
) -> float:
    """MCD in dB of two mel-cepstra, frame by frame, without c_0."""
    squared = np.sum((first[:, 1:] - second[:, 1:]) ** 2, axis=1)
    return float(10 / np.log(10) * np.mean(np.sqrt(2 * squared)))


def its_cepstrum(samples, pitch) -> Float[np.ndarray, "frames coefficients"]:
    """Mel-cepstrum of the envelopes that pyworld finds."""
    at = np.arange(len(pitch)) * HOP / RATE
    return mel_cepstrum(pyworld.cheaptrick(samples, pitch, at, RATE, fft_size=N_FFT))


N_CLIPS = 2 if fast_mode() else 10
rows, pitch_rows = [], []
for each in progress(clips[:: max(1, len(clips) // N_CLIPS)][:N_CLIPS], "sentences"):
    recording = each.samples.astype(np.float64)
    standard = by_pyworld(recording)
    tables = analyse(recording)
    yin_tables = analyse(recording, yin)
    sounds = {
        "your WORLD, your DIO": world_synthesize(*tables, RATE, HOP),
        "your WORLD, your YIN": world_synthesize(*yin_tables, RATE, HOP),
        "your synthesis of pyworld's tables": world_synthesize(*standard, RATE, HOP),
        "pyworld": pyworld_sound(*standard),
    }
    wanted = its_cepstrum(recording, standard[0])
    for name, sound in sounds.items():
        sound = np.pad(sound, (0, max(0, len(recording) - len(sound))))[: len(recording)]
        distortion = mel_cepstral_distortion(wanted, its_cepstrum(sound, standard[0]))
        rows.append((name, distortion, measure.stoi(recording, sound, RATE)))
    for name, curve in (("your DIO", tables[0]), ("your YIN", yin_tables[0])):
        pitch_rows.append((name, pitch_errors(standard[0], curve)))
names = list(dict.fromkeys(name for name, *_ in rows))
figures = {name: np.mean([values for other, *values in rows if other == name], axis=0) for name in names}
table(
    [{"resynthesis": name, "MCD [dB]": figures[name][0], "STOI": figures[name][1]} for name in names],
    title=f"{len(rows) // len(names)} sentences, {speaker.name}",
)
table(
    [
        {
            "pitch by": name,
            **{
                key: np.mean([errors[key] for other, errors in pitch_rows if other == name])
                for key in ("gross", "voicing", "cents")
            },
        }
        for name in ("your DIO", "your YIN")
    ],
    title="Against pyworld's DIO with StoneMask",
)
(distortion, clearness), (its_distortion, its_clearness) = figures["your WORLD, your DIO"], figures["pyworld"]
reached = clearness >= its_clearness - 0.03 and distortion <= its_distortion + 0.5
print(
    f"STOI {clearness:.3f} beside {its_clearness:.3f}, MCD {distortion:.2f} beside {its_distortion:.2f} dB: "
    f"target {'reached' if reached else 'missed'}."
)
if not speaker.real:
    print("This is a synthetic voice. Recordings give other numbers.")

# %% [markdown]
# Then play. What happens with a hop of 20 ms? With the aperiodicity set to 0 in all voiced frames? With each
# $f_0$ replaced by the mean of its sentence, and with the mean taken over the zeros as well?

# %% [markdown]
# ## Against the library
#
# Number by number, pyworld's tables for one sentence, given *its* pitch curve; then the time of each step.

# %%
same_pitch = spectral_envelope(voice, its_f0, RATE, HOP, N_FFT)
gap = np.abs(10 * np.log10(same_pitch / its_envelope))[5:-5]
print(
    f"envelope: {np.median(gap):.5f} dB apart at the median, {np.quantile(gap, 0.999):.3f} dB for 999 of 1000 values"
)
steps = {
    "pitch": (
        lambda: dio(voice, RATE, HOP),
        lambda: pyworld.dio(voice, RATE, frame_period=1000 * HOP / RATE),
    ),
    "pitch (YIN, Harvest)": (
        lambda: yin(voice, RATE, HOP),
        lambda: pyworld.harvest(voice, RATE, frame_period=1000 * HOP / RATE),
    ),
    "envelope": (
        lambda: spectral_envelope(voice, its_f0, RATE, HOP, N_FFT),
        lambda: pyworld.cheaptrick(voice, its_f0, seconds, RATE, fft_size=N_FFT),
    ),
    "aperiodicity": (
        lambda: aperiodicity(voice, its_f0, RATE, HOP, N_FFT),
        lambda: pyworld.d4c(voice, its_f0, seconds, RATE, fft_size=N_FFT),
    ),
    "synthesis": (
        lambda: world_synthesize(its_f0, its_envelope, its_aperiodicity, RATE, HOP),
        lambda: pyworld_sound(its_f0, its_envelope, its_aperiodicity),
    ),
}
rows = []
for name, (ours, its) in steps.items():
    our_time, its_time = stopwatch(ours, repeat=1), stopwatch(its, repeat=1)
    rows.append({"step": name, "yours [ms]": 1000 * our_time, "pyworld [ms]": 1000 * its_time})
table(rows, title=f"{len(voice) / RATE:.1f} s of speech")

# %% [markdown]
# The envelope is the same to a small fraction of a decibel, because it is the same method. WORLD is written in C++,
# frame after frame; yours works on whole matrices in Python, and that keeps it within a factor of two or three.

# %% [markdown]
# ## Where it breaks
#
# WORLD stands and falls with the pitch, and the pitch with silence around it. Put the sentence into noise, and
# later put a second voice beside it.

# %%
noise = np.random.default_rng(1).normal(0, np.std(voice), len(voice))
other = np.resize(clips[0].samples.astype(np.float64), len(voice))
other *= np.std(voice) / np.std(other)
disturbed = {"clean": voice}
disturbed |= {f"noise, {snr} dB": voice + noise * 10 ** (-snr / 20) for snr in (20, 10, 0)}
disturbed["a second voice, 0 dB"] = voice + other
rows, players = [], {}
for name, sound in disturbed.items():
    tables = analyse(sound)
    players[name] = world_synthesize(*tables, RATE, HOP)[: len(voice)]
    rows.append(
        {
            "input": name,
            **pitch_errors(f0, tables[0]),
            "STOI of the input": measure.stoi(voice, sound, RATE),
            "STOI after WORLD": measure.stoi(voice, players[name], RATE),
        }
    )
table(rows, title="Pitch errors against the clean recording, and what is left of the words")
play_ab(
    {name: players[name] for name in ("clean", "noise, 10 dB", "noise, 0 dB", "a second voice, 0 dB")}, RATE
)

# %% [markdown]
# The model says: *one* voice, *one* pitch, and breath. Where that is not so (two voices, an echo, a creak, a
# laugh) it has no words for what it hears. And even on clean speech a faint buzz remains: real clicks are no
# clicks, real breath pulses along with them, and phases carry more than we kept.
#
# A neural vocoder makes no such assumptions. It learns from recordings what speech looks like, and it needs no
# pitch curve that is right. It needs hours of speech and a graphics card instead. WORLD needs neither, has three
# knobs with names, and is what your capstone's first statistical voice speaks with.
#
# ## Read on
#
# - M. Morise, F. Yokomori, K. Ozawa, *WORLD: a vocoder-based high-quality speech synthesis system for real-time
#   applications*, IEICE Transactions E99-D(7), 2016. Five pages; sections 3.1 to 3.4 are this lab.
# - A. de Cheveigné, H. Kawahara, *YIN, a fundamental frequency estimator for speech and music*, JASA 111(4),
#   2002. Section II, six steps and what each of them brings.
# - M. Morise, *CheapTrick, a spectral envelope estimator for high-quality speech synthesis*, Speech Communication
#   67, 2015. Section 3.
# - M. Morise, *D4C, a band-aperiodicity estimator for high-quality speech synthesis*, Speech Communication 84,
#   2016: how to do Part 10 better.
# - H. Kawahara, I. Masuda-Katsuse, A. de Cheveigné, *Restructuring speech representations using a pitch-adaptive
#   time-frequency smoothing and an instantaneous-frequency-based F0 extraction*, Speech Communication 27, 1999:
#   STRAIGHT.
# - K. Tokuda et al., *Speech synthesis based on hidden Markov models*, Proceedings of the IEEE 101(5), 2013:
#   who writes the tables.
