# ---
# jupyter:
#   lab:
#     title: Audio pre-processing
#     topic: 4
#     minutes: 240
#     difficulty: 3
#     needs: [t02b_stft]
#     libraries: [numpy, scipy]
#     covers:
#       "Noise reduction (spectral subtraction, Wiener filter)": wiener_gain
#       "Voice Activity Detection (VAD) — energy-based, WebRTC VAD, Silero VAD": "passage: Three detectors"
#       "Audio normalization (peak, RMS, LUFS)": loudness_lufs
#       "Resampling (polyphase filters)": resample_polyphase
#       "Practice: Build an audio pre-processing pipeline": "passage: Practice: raw audio to manifest"
# ---

# %% [markdown]
# # Audio pre-processing
#
# Press play on both clips. They are the same sentence. The second was "recorded" beside a noise that is
# 5 dB weaker than the voice.

# %%
import json
import tempfile
import time
from math import gcd, isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.signal import freqz_sos, sosfilt

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.parts import t02b_stft as fourier

voice = corpora.vctk()[0]
noises = corpora.noises()
RATE = 16_000  # Hz
N_FFT, HOP = 512, 128  # frames of 32 ms, one every 8 ms


def level_db(power: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Decibels below the strongest value, no less than -80."""
    return 10 * np.log10(np.maximum(power / power.max(), 1e-8))


def power_of(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "bins frames"]:
    """Power spectrogram with the sizes above."""
    return np.abs(fourier.stft(samples, N_FFT, HOP)) ** 2


clean = 0.3 * voice.samples.astype(np.float64)
hiss = np.resize(noises[0].samples, len(clean))
first_noisy = clean + hiss * np.sqrt(np.mean(clean**2) / np.mean(hiss**2) / 10**0.5)
play({"clean": clean, "noise 5 dB below": first_noisy}, RATE)
plot.waveform(first_noisy, RATE, title="With noise: where does the voice start?")
plot.spectrogram(level_db(power_of(first_noisy)), RATE, HOP, title="The same in time and frequency")

# %% [markdown]
# You understood every word. But in the waveform only the loud vowels stand out; all else is one thick line.
# In the spectrogram you see both: **voice and noise overlap in time, but not much in time and frequency
# together.** The bright lines are voice, the even carpet is noise.
#
# Everything in the first half of this lab uses that picture.

# %% [markdown]
# ## What you will build
#
# A recording as it comes is too quiet, too loud, noisy, mostly silence, and at the wrong sample rate. A
# recogniser or a synthesiser wants short stretches of clean speech, all equally loud, all at one rate,
# and a list that says where they are. The way from the one to the other is **pre-processing**:
#
# | step | your functions |
# |---|---|
# | 1. take away noise | `noise_spectrum`, `spectral_subtraction`, `wiener_gain` |
# | 2. find where somebody speaks | `frame_levels`, `energy_vad`, `segments` |
# | 3. make all equally loud | `normalize_peak`, `normalize_rms`, `k_weighting`, `loudness_lufs` |
# | 4. bring all to one sample rate | `resampling_filter`, `resample_polyphase` |
# | 5. do it all and write it down | `preprocess`, `manifest_lines` |
#
# Two more functions measure how well that went: `mix_at_snr` makes noise of known strength, and
# `frame_error_rate` counts wrong decisions.
#
# **Who uses this?** A phone call goes through steps 1 and 2 dozens of times a second: a phone that hears no
# voice sends nothing. Spotify plays all songs at one loudness, measured as in step 3. LibriSpeech, LJ Speech
# and the 680 000 hours that Whisper learnt from were cut into short stretches and brought to one sample rate
# before anybody trained on them.
#
# The lines above say which voices and noises this page runs on: recordings, if this machine has them, else
# synthetic speech and generated noise.

# %% [markdown]
# ## The idea
#
# **A number first.** The **signal-to-noise ratio**, SNR, compares powers. A voice with a mean square of
# 0.01 and a noise with 0.001: the ratio is 10. Engineers write it in decibels, $10\log_{10} 10 = 10$ dB.
# Equal powers are 0 dB. At 20 dB you hardly hear the noise, at 0 dB you have to listen hard.
#
# Now look at one point of the spectrogram, one frequency at one moment. It has its *own* SNR. In a vowel's
# harmonic it may be 20 dB, between two harmonics −10 dB. So: **turn each point down by as much as it is
# noise.** A point that is all voice stays. A point that is all noise goes. That is a gain between 0 and 1
# for each point, and all noise reduction is about choosing it.
#
# Write $P$ for the power of a point in the noisy spectrogram and $N$ for the power of the noise there. Voice
# and noise are unrelated, so their powers add up on average: $P \approx S + N$, with the voice's power $S$.
# That one line is behind Parts 3 and 4.

# %% [markdown]
# ## Part 1: noise at a chosen strength
#
# To know how well a cleaner works, one needs to know what is under the dirt. So take clean speech, and add
# noise of a chosen SNR.
#
# **A number first.** Speech of power 0.04, noise of power 0.01, wanted SNR 20 dB. 20 dB is a ratio of
# $10^{20/10} = 100$, so the noise should have the power 0.0004. Its power must shrink to $0.0004 / 0.01 =
# 1/25$ and its *amplitude* to the root of that, $1/5$.
#
# The speech keeps its level. A noise that is too short starts again from its beginning.


# %% part="mix_at_snr" points=2 difficulty=1 minutes=7 forbids="labkit.corpora torchaudio"
def mix_at_snr(
    speech: Float[np.ndarray, "time"], noise: Float[np.ndarray, "noise_time"], snr_db: float
) -> Float[np.ndarray, "time"]:
    """Add noise to speech at a chosen signal-to-noise ratio.

    Args:
        speech: waveform, any unit; it keeps its level. Integers are welcome.
        noise: waveform at the same sample rate. A longer one is cut off at its end, a shorter one is
            repeated.
        snr_db: 10 log10 of (mean power of the speech / mean power of the noise that is added), in dB, both
            over the whole length of `speech`.
    Returns:
        Speech plus scaled noise in float64, as long as `speech`. It may go beyond full scale.
    Raises:
        ValueError: if `speech` or the noise that would be added is empty or zero everywhere.
    Source: ITU-T P.56 measures speech level more carefully; this is the plain ratio of powers.
    Example:
        >>> mix_at_snr(np.array([1.0, -1.0, 1.0, -1.0]), np.array([5.0, 5.0]), snr_db=20.0).tolist()
        [1.1, -0.9, 1.1, -0.9]
    """
    ### BEGIN SOLUTION
    if len(speech) == 0 or len(noise) == 0:
        raise ValueError(f"speech has {len(speech)} samples and noise {len(noise)}, expected at least one")
    speech = np.asarray(speech, dtype=np.float64)
    added = np.resize(np.asarray(noise, dtype=np.float64), len(speech))
    speech_power, noise_power = np.mean(speech**2), np.mean(added**2)
    if speech_power == 0 or noise_power == 0:
        raise ValueError("speech or noise is silent: no gain gives silence a power")
    return speech + added * np.sqrt(speech_power / noise_power / 10 ** (snr_db / 10))
    ### END SOLUTION


# %% [markdown] hints="mix_at_snr"
# 1. Which power should the noise have? Which one does it have? What does the ratio of the two say about the
#    factor for its samples?
# 2. Power is the mean of the squares. A factor $g$ on the samples is a factor $g^2$ on the power. `np.resize`
#    repeats or cuts an array to any length. Squares of 16-bit integers overflow: convert first.
# 3. `speech + added * np.sqrt(np.mean(speech**2) / np.mean(added**2) / 10 ** (snr_db / 10))`.

# %%
play({f"{snr} dB": mix_at_snr(clean, noises[0].samples, snr) for snr in (20, 10, 0)}, RATE)

# %% [markdown]
# ## Part 2: what does the noise look like?
#
# A cleaner hears only the mixture. How can it know the noise in it? By a fact about speech: **it has holes.**
# Between two words, between two harmonics, above 4 kHz in a vowel, nobody speaks. At each frequency the
# noise is alone for a good part of the time, and then the power is *low*. So sort the powers of one
# frequency over time and look at the low ones. We take the value below which a quarter of them lie, the
# **0.25 quantile**.
#
# That value is below the *mean* power of the noise, and by a known factor. The power of noise in one bin
# jumps from frame to frame, as an exponential distribution: a share $1 - e^{-x/N}$ of the frames lies below
# $x$, where $N$ is the mean. Set that share to $q$ and solve for $N$:
#
# $$N = \frac{x_q}{-\ln(1-q)} .$$
#
# **A number first.** $q = 0.25$: $-\ln 0.75 = 0.288$. If a quarter of the powers lies below 0.0288, the mean
# of the noise is 0.1.
#
# This works if the noise stays as it is. Remember that *if*: it returns at the end of the page.


# %% part="noise_spectrum" points=2 difficulty=2 minutes=8
def noise_spectrum(
    power: Float[np.ndarray, "bins frames"], quantile: float = 0.25
) -> Float[np.ndarray, "bins"]:
    """Mean power of steady noise at each frequency, from a recording in which somebody speaks.

    Args:
        power: |STFT|² of the noisy recording, one row per bin, one column per frame.
        quantile: share of the frames, between 0 and 1, that is taken to lie below the value looked at.
    Returns:
        For each bin, its quantile over time (interpolated linearly between frames, as `np.quantile` does)
        divided by -ln(1 - quantile), in the unit of `power`.
    Raises:
        ValueError: if `quantile` is not between 0 and 1 (both excluded), or `power` is not a matrix with
            at least one frame.
    Source: Stahl, Fischer & Bippus 2000, Quantile based noise estimation for spectral subtraction and
        Wiener filtering; the factor is the quantile function of the exponential distribution.
    Example:
        >>> noise_spectrum(np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]), quantile=0.5).round(3).tolist()
        [2.885, 5.771]
    """
    ### BEGIN SOLUTION
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}, expected more than 0 and less than 1")
    if power.ndim != 2 or power.shape[1] == 0:
        raise ValueError(f"power has shape {power.shape}, expected [bins, frames] with at least one frame")
    return np.quantile(power, quantile, axis=1) / -np.log(1 - quantile)
    ### END SOLUTION


# %% [markdown] hints="noise_spectrum"
# 1. One number per frequency: along which axis of `power` do you look?
# 2. `np.quantile` takes the quantile and the axis. The logarithm is the natural one.
# 3. `np.quantile(power, quantile, axis=1) / -np.log(1 - quantile)`, after the two tests.

# %% [markdown]
# Here we know the true noise, because we added it. How near does the estimate come?

# %%
SNR_DB = 5.0
noisy = mix_at_snr(clean, noises[0].samples, SNR_DB)
noisy_spectrum = fourier.stft(noisy, N_FFT, HOP)
noisy_power = np.abs(noisy_spectrum) ** 2
noise_power = noise_spectrum(noisy_power)
true_noise = power_of(noisy - clean).mean(axis=1)
bin_hz = np.arange(N_FFT // 2 + 1) * RATE / N_FFT
plot.lines(
    {
        "noisy speech, mean": (bin_hz, 10 * np.log10(noisy_power.mean(axis=1))),
        "noise, true mean": (bin_hz, 10 * np.log10(true_noise)),
        "noise, your estimate": (bin_hz, 10 * np.log10(noise_power)),
    },
    x_label="frequency [Hz]",
    y_label="power [dB]",
    title="The noise, found under the voice",
)

# %% [markdown]
# ## Part 3: spectral subtraction
#
# If $P \approx S + N$, then $S \approx P - N$. Subtract. That is **spectral subtraction** (Boll 1979), and it
# sounds terrible at first. $N$ is a *mean*; the real noise jumps around it. Where it is above the mean,
# something is left: a short lonely tone, here, then there. Thousands of them tinkle like broken glass.
# Engineers call it **musical noise**.
#
# Berouti, Schwartz and Makhoul found the cure in the same year. Subtract *more* than the mean, $\alpha N$,
# so that fewer peaks survive; and leave a low even *floor* $\beta N$ everywhere, in which the survivors
# drown:
#
# $$S = \max(P - \alpha N,\ \beta N) .$$
#
# **A number first.** $N = 1$, $\alpha = 2$, $\beta = 0.01$. A point with $P = 5$ becomes 3. A point with
# $P = 1.8$ would become −0.2, and a power cannot be negative: it becomes 0.01.


# %% part="spectral_subtraction" points=3 difficulty=2 minutes=10 forbids="librosa torchaudio"
def spectral_subtraction(
    power: Float[np.ndarray, "bins frames"],
    noise_power: Float[np.ndarray, "bins"],
    over_subtraction: float = 2.0,
    floor: float = 0.01,
) -> Float[np.ndarray, "bins frames"]:
    """Power of the speech: power of the mixture minus power of the noise, never below a floor.

    Args:
        power: |STFT|² of the noisy recording.
        noise_power: mean power of the noise at each bin, in the unit of `power`.
        over_subtraction: how many times the noise is subtracted (α), 0 or more.
        floor: lowest power that is left, as a share of the *noise* (β), 0 or more.
    Returns:
        max(power - over_subtraction * noise_power, floor * noise_power), in the shape of `power`.
    Raises:
        ValueError: if `noise_power` has not one value per bin, or `over_subtraction` or `floor` is negative.
    Source: Berouti, Schwartz & Makhoul 1979, Enhancement of speech corrupted by acoustic noise, with their
        exponent 1 (powers) and one α for all frames.
    Example:
        >>> spectral_subtraction(np.array([[5.0, 1.8]]), np.array([1.0])).tolist()
        [[3.0, 0.01]]
    """
    ### BEGIN SOLUTION
    if power.ndim != 2 or noise_power.shape != power.shape[:1]:
        raise ValueError(
            f"power has shape {power.shape} and noise_power {noise_power.shape}, "
            "expected [bins, frames] and [bins]"
        )
    if over_subtraction < 0 or floor < 0:
        raise ValueError(f"over_subtraction is {over_subtraction} and floor is {floor}, expected 0 or more")
    noise = noise_power[:, None]
    return np.maximum(power - over_subtraction * noise, floor * noise)
    ### END SOLUTION


# %% [markdown] hints="spectral_subtraction"
# 1. One value per bin is subtracted from a whole row of frames.
# 2. `noise_power[:, None]` is a column; a column and a matrix combine row by row. Mind that the floor is a
#    share of the noise, not of the mixture.
# 3. `np.maximum(power - over_subtraction * noise, floor * noise)` with `noise = noise_power[:, None]`.

# %% [markdown]
# The result is a power. For sound we need phases too. We take those of the noisy recording: the ear hardly
# minds. `impose_magnitude` from the lab on the short-time Fourier transform does it. Listen for the tinkling.


# %%
def with_power(spectrum, power: Float[np.ndarray, "bins frames"], length: int) -> Float[np.ndarray, "time"]:
    """The sound of a power spectrogram with the phases of `spectrum`."""
    return fourier.istft(fourier.impose_magnitude(spectrum, np.sqrt(power)), HOP, length=length)


plain = spectral_subtraction(noisy_power, noise_power, over_subtraction=1.0, floor=0.0)
berouti = spectral_subtraction(noisy_power, noise_power)
subtracted = with_power(noisy_spectrum, berouti, len(noisy))
play(
    {
        "noisy": noisy,
        "plain: α = 1, β = 0": with_power(noisy_spectrum, plain, len(noisy)),
        "Berouti: α = 2, β = 0.01": subtracted,
    },
    RATE,
)
plot.compare(
    {
        name: level_db(power).T[:150]
        for name, power in [("noisy", noisy_power), ("α = 1, β = 0", plain), ("α = 2, β = 0.01", berouti)]
    },
    hop_seconds=HOP / RATE,
    label="bin",
    title="Left to right: carpet, broken glass, fewer splinters (the first 1.2 s, in dB)",
)

# %% [markdown]
# ## Part 4: the Wiener filter
#
# Subtraction asks "how much noise is here?". The **Wiener filter** asks "which gain makes the error
# smallest?" The answer needs one number per point, its SNR $\xi = S/N$ (say "xi"), called the *prior* SNR:
#
# $$G = \frac{\xi}{1 + \xi} .$$
#
# **A number first.** Voice and noise equally strong: $\xi = 1$, $G = ½$. Ten times more voice: $G = 0.91$.
# Ten times more noise: $G = 0.09$.
#
# Now all depends on $\xi$, and we only see $P$. From $P \approx S + N$ follows $\xi \approx \gamma - 1$ with
# $\gamma = P/N$ (the *posterior* SNR, "gamma"). But that jumps with the noise: broken glass again.
#
# Ephraim and Malah's idea of 1984, the **decision-directed** estimate: speech does not jump. What *you*
# decided in the frame before is a good guess for this one. You let $G_{t-1}^2 P_{t-1}$ pass; in units of
# the noise that is $G_{t-1}^2 \gamma_{t-1}$. Mix much of it with a little of the new evidence:
#
# $$\xi_t = a\,G_{t-1}^2\,\gamma_{t-1} + (1-a)\max(\gamma_t - 1,\ 0), \qquad a = 0.98 .$$
#
# **A number again.** Before: $\gamma = 5$ and $G = 0.75$, so $0.75^2 \cdot 5 = 2.81$. Now $\gamma = 3$.
# Then $\xi = 0.98 \cdot 2.81 + 0.02 \cdot 2 = 2.80$ and $G = 0.74$. A single noisy frame with $\gamma = 5$
# after silence gets $\xi = 0.02 \cdot 4 = 0.08$: it stays shut. No tinkling. And a vowel that goes on opens
# the gate within a few frames.
#
# For the first frame, the term $G^2\gamma$ of the frame before is taken as 1. And $\xi$ never falls below a
# floor of −25 dB, so that a little even noise stays to hide what is left.


# %% part="wiener_gain" points=5 difficulty=4 minutes=20 forbids="scipy.signal librosa torchaudio"
def wiener_gain(
    power: Float[np.ndarray, "bins frames"],
    noise_power: Float[np.ndarray, "bins"],
    smoothing: float = 0.98,
    prior_floor_db: float = -25.0,
) -> Float[np.ndarray, "bins frames"]:
    """Gain of the Wiener filter with a decision-directed prior SNR.

    Args:
        power: |STFT|² of the noisy recording.
        noise_power: mean power of the noise at each bin, greater than 0, in the unit of `power`.
        smoothing: share of the frame before in the prior SNR (a), 0 or more and less than 1.
        prior_floor_db: lowest prior SNR, in dB.
    Returns:
        Gains between 0 and 1 for the STFT, in the shape of `power`: ξ / (1 + ξ) with
        ξ[t] = max(a * G[t-1]² * γ[t-1] + (1 - a) * max(γ[t] - 1, 0), floor), γ = power / noise_power, and
        G² γ taken as 1 before the first frame.
    Raises:
        ValueError: if `noise_power` has not one value per bin, holds a value that is not positive, or
            `smoothing` is out of range.
    Source: Ephraim & Malah 1984, Speech enhancement using a minimum mean-square error short-time spectral
        amplitude estimator, equations 51 to 53; Scalart & Filho 1996 for the Wiener gain.
    Example:
        >>> wiener_gain(np.array([[3.0, 0.5]]), np.array([1.0]), smoothing=0.5).round(3).tolist()
        [[0.6, 0.351]]
    """
    ### BEGIN SOLUTION
    if power.ndim != 2 or noise_power.shape != power.shape[:1]:
        raise ValueError(
            f"power has shape {power.shape} and noise_power {noise_power.shape}, "
            "expected [bins, frames] and [bins]"
        )
    if np.any(noise_power <= 0):
        raise ValueError(f"noise_power holds {noise_power.min()}, expected values greater than zero")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing}, expected 0 or more and less than 1")
    posterior = (power / noise_power[:, None]).T  # frames in rows: a row lies together in memory
    gain = np.empty_like(posterior)
    passed = np.ones(len(noise_power))
    for t, now in enumerate(posterior):
        prior = smoothing * passed + (1 - smoothing) * np.maximum(now - 1, 0)
        prior = np.maximum(prior, 10 ** (prior_floor_db / 10))
        gain[t] = prior / (1 + prior)
        passed = gain[t] ** 2 * now
    return gain.T
    ### END SOLUTION


# %% [markdown] hints="wiener_gain"
# 1. Every frame needs what was decided in the frame before. So there is a loop over frames; over bins there
#    is none.
# 2. Keep one array between two rounds: $G^2\gamma$ of the frame just done, ones at the start. The floor is
#    for $\xi$, a ratio of powers: −25 dB are $10^{-2.5}$.
# 3. In the loop: `prior = smoothing * passed + (1 - smoothing) * np.maximum(gamma[:, t] - 1, 0)`, raise it to
#    the floor, `gain[:, t] = prior / (1 + prior)`, `passed = gain[:, t] ** 2 * gamma[:, t]`.

# %% [markdown]
# Both on the same recording, at any sample rate: 32 ms frames, every 8 ms.


# %%
def denoise(samples: Float[np.ndarray, "time"], sample_rate: int, **settings) -> Float[np.ndarray, "time"]:
    """The recording through your noise estimate and your Wiener filter."""
    n_fft = 2 * round(0.016 * sample_rate)
    spectrum = fourier.stft(samples, n_fft, n_fft // 4)
    power = np.abs(spectrum) ** 2
    noise = np.maximum(noise_spectrum(power), 1e-12)  # digital silence has no noise to divide by
    gain = wiener_gain(power, noise, **settings)
    return fourier.istft(spectrum * gain, n_fft // 4, length=len(samples))


filtered = denoise(noisy, RATE)
play({"noisy": noisy, "spectral subtraction": subtracted, "Wiener": filtered, "clean": clean}, RATE)
loudest = noisy_power.max()
for name, samples in {"Noisy": noisy, "Wiener": filtered}.items():
    plot.spectrogram(10 * np.log10(np.maximum(power_of(samples) / loudest, 1e-8)), RATE, HOP, title=name)

# %% [markdown]
# The carpet is gone, and what is left of it is even. Some of the voice is gone as well: faint consonants
# that looked like noise. How much of which? Two measures, each against the clean recording:
#
# - **SNR**: power of the clean speech over power of (result − clean speech). Everything that differs counts
#   as noise, also voice that is missing.
# - **STOI**, *short-time objective intelligibility* (Taal 2011): how well the envelopes of 15 frequency bands
#   follow those of the clean speech. 1 is perfect. It was made to predict how many words people understand.


# %%
def snr_of(clean: Float[np.ndarray, "time"], result: Float[np.ndarray, "time"]) -> float:
    """SNR in dB of a result, with the gain that suits it best, so that loudness does not count."""
    part = clean * (clean @ result) / (clean @ clean)
    return float(10 * np.log10(np.sum(part**2) / np.sum((result - part) ** 2)))


def stoi_of(clean: Float[np.ndarray, "time"], result: Float[np.ndarray, "time"], sample_rate: int) -> float:
    """STOI as the package pystoi computes it."""
    from pystoi import stoi

    return float(stoi(clean, result, sample_rate))


by_smoothing = {f"Wiener, a = {a}": denoise(noisy, RATE, smoothing=a) for a in (0.0, 0.9, 0.98)}
table(
    [
        {"signal": name, "SNR [dB]": snr_of(clean, samples), "STOI": stoi_of(clean, samples, RATE)}
        for name, samples in {"noisy": noisy, "spectral subtraction": subtracted, **by_smoothing}.items()
    ],
    title=f"One sentence, {noises[0].label}, {SNR_DB:g} dB",
)
play(by_smoothing, RATE)

# %% [markdown]
# The SNR rises by some decibels. The intelligibility hardly moves. That is no fault of yours: it is the
# oldest disappointment of this field. The noise that covers a consonant covers it for the filter too. What
# noise reduction gives is *comfort*, and a recogniser that was trained on clean speech sees a cleaner
# spectrum.

# %% [markdown]
# ## Part 5: the level of each frame
#
# Now to step 2. **Voice activity detection**, VAD, decides for every 10 ms: does somebody speak? The simplest
# cue is how strong the signal is.
#
# The **level** of a frame is $10 \log_{10}$ of its mean square. A constant 1 has 0 dB, a constant 0.1 has
# −20 dB. Digital silence would have $-\infty$; it gets `floor_db` instead.


# %% part="frame_levels" points=2 difficulty=1 minutes=7 forbids="librosa"
def frame_levels(
    samples: Float[np.ndarray, "time"], frame_length: int, hop_length: int, floor_db: float = -100.0
) -> Float[np.ndarray, "frames"]:
    """Level of each frame.

    Args:
        samples: waveform, one channel; full scale is 1.
        frame_length: samples per frame.
        hop_length: samples from the start of one frame to the start of the next.
        floor_db: levels below this are raised to it, in dB.
    Returns:
        10 log10 of the mean square of each frame, in dB relative to a constant 1. Whole frames only.
    Raises:
        ValueError: if a length is less than 1, `samples` is not one-dimensional, or it is shorter than one
            frame.
    Source: Rabiner & Sambur 1975, An algorithm for determining the endpoints of isolated utterances.
    Example:
        >>> frame_levels(np.array([1.0, -1.0, 0.1, 0.1, 0.0, 0.0]), 2, 2).round(6).tolist()
        [0.0, -20.0, -100.0]
    """
    ### BEGIN SOLUTION
    if frame_length < 1 or hop_length < 1:
        raise ValueError(f"frame_length is {frame_length} and hop_length is {hop_length}, expected 1 or more")
    if samples.ndim != 1 or len(samples) < frame_length:
        raise ValueError(f"samples has shape {samples.shape}, expected [time] and at least {frame_length}")
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), frame_length)[::hop_length]
    return 10 * np.log10(np.maximum(np.mean(frames**2, axis=1), 10 ** (floor_db / 10)))
    ### END SOLUTION


# %% [markdown] hints="frame_levels"
# 1. Cut into frames, square, average, logarithm. Where must the floor go, so that no logarithm of zero
#    happens?
# 2. `np.lib.stride_tricks.sliding_window_view(samples, frame_length)` has one row per *start*; keep every
#    `hop_length`-th. A level of `floor_db` is a power of `10 ** (floor_db / 10)`.
# 3. `10 * np.log10(np.maximum(np.mean(frames**2, axis=1), 10 ** (floor_db / 10)))`.

# %% [markdown]
# ## Part 6: a detector with memory
#
# Above a threshold is speech, below is silence. Try it and you get a detector that flickers: a word's level
# dips in every *p*, *t* and *k*, and noise jumps over the line now and then. Two tricks calm it.
#
# **Hysteresis**: two thresholds. To *start*, the level must reach the high one, `on_level`. To go *on*, the
# low one is enough, `off_level`. A thermostat does the same.
#
# **Hangover**: words end softly. When the level has fallen below `off_level`, stay on for `hangover` more
# frames. If it comes back to `off_level` in that time, all is as before, and the count starts anew at the
# next fall.
#
# **A number first.** `on_level` −30, `off_level` −40, `hangover` 1:
#
# | level | −50 | −35 | −25 | −35 | −45 | −35 | −45 | −45 | −35 |
# |---|---|---|---|---|---|---|---|---|---|
# | speech? | no | no | **yes** | **yes** | **yes** | **yes** | **yes** | no | no |
#
# −35 is not enough to start, but enough to go on. The first −45 is hangover, and −35 comes just in time.
# Then two −45 in a row: the first is hangover, the second is the end. The last −35 cannot start it again.


# %% part="energy_vad" points=4 difficulty=3 minutes=18 forbids="webrtcvad silero_vad librosa"
def energy_vad(
    levels: Float[np.ndarray, "frames"], on_level: float, off_level: float, hangover: int = 10
) -> Bool[np.ndarray, "frames"]:
    """Speech or not, by level, with hysteresis and hangover.

    Args:
        levels: level of each frame in dB.
        on_level: speech starts at a frame with at least this level, in dB.
        off_level: speech goes on while the level is at least this, in dB; not above `on_level`.
        hangover: how many frames below `off_level` in a row still belong to speech.
    Returns:
        True where there is speech. It ends before the frame that is number hangover + 1 in a row below
        `off_level`.
    Raises:
        ValueError: if `off_level` is above `on_level`, or `hangover` is negative.
    Source: Rabiner & Sambur 1975, section III (two thresholds); ITU-T G.729 annex B (hangover).
    Example:
        >>> energy_vad(np.array([-50.0, -25.0, -35.0, -45.0, -45.0]), -30.0, -40.0, hangover=1).tolist()
        [False, True, True, True, False]
    """
    ### BEGIN SOLUTION
    if off_level > on_level:
        raise ValueError(f"off_level is {off_level} dB, expected at most on_level, {on_level} dB")
    if hangover < 0:
        raise ValueError(f"hangover is {hangover}, expected 0 or more frames")
    decided = np.zeros(len(levels), dtype=bool)
    left = -1  # frames of hangover that are left; -1 while nobody speaks
    for t, level in enumerate(levels):
        if level >= on_level or (left >= 0 and level >= off_level):
            left = hangover
        elif left >= 0:
            left -= 1
        decided[t] = left >= 0
    return decided
    ### END SOLUTION


# %% [markdown] hints="energy_vad"
# 1. What must the detector remember from frame to frame? Two things: whether it is on, and for how long it
#    may still stay on below the low threshold.
# 2. Both fit into one counter: how many quiet frames are left. It is set to `hangover` whenever the level
#    keeps speech alive, and falls by one in every quiet frame. When it would fall below 0, speech is over.
# 3. `left = -1` at first. In each frame: if `level >= on_level`, or `left >= 0` and `level >= off_level`,
#    then `left = hangover`; else if `left >= 0`, `left -= 1`. The frame is speech if `left >= 0`.

# %% [markdown]
# Where should the thresholds be? Fixed ones fail with the next microphone. We put them between the quiet
# and the loud frames of the recording itself: *loud* is the level that a twentieth of its frames exceed,
# *quiet* the one that a tenth stay below, but at most 30 dB under *loud*. (The syllables of a sentence differ
# by no more than that. What lies lower is breath and echo, whether the room behind it is silent or very
# silent.) Speech starts at 60 % of the way up and ends below 50 %. If both are nearly equal, nobody speaks.

# %%
START_SHARE = 0.6
STOP_SHARE = 0.5
LEAST_SPAN_DB = 6.0
GREATEST_SPAN_DB = 30.0


def vad_thresholds(levels: Float[np.ndarray, "frames"]) -> tuple[float, float]:
    """`on_level` and `off_level` for a recording, between its quiet and its loud frames."""
    quiet, loud = np.quantile(levels, [0.1, 0.95])
    quiet = max(quiet, loud - GREATEST_SPAN_DB)
    span = max(loud - quiet, LEAST_SPAN_DB)
    return float(quiet + START_SHARE * span), float(quiet + STOP_SHARE * span)


def vad_by_energy(samples: Float[np.ndarray, "time"]) -> Bool[np.ndarray, "frames"]:
    """Your detector at 16 kHz, a decision every 10 ms, each from the 25 ms around."""
    levels = frame_levels(np.pad(samples, 120), 400, 160)
    return energy_vad(levels, *vad_thresholds(levels))


marked = corpora.speech_segments()
recording = marked[len(marked) - 1]
levels = frame_levels(np.pad(recording.samples, 120), 400, 160)
on_level, off_level = vad_thresholds(levels)
decided = energy_vad(levels, on_level, off_level)
play(recording.samples, recording.sample_rate)
plot.lines(
    {
        "level": (np.arange(len(levels)) / 100, levels),
        "your detector: high is speech": (np.arange(len(levels)) / 100, np.where(decided, -3.0, -95.0)),
    },
    hlines={f"start: {on_level:.0f} dB": on_level, f"go on: {off_level:.0f} dB": off_level},
    x_label="time [s]",
    y_label="level [dB]",
    title="Two thresholds and a hangover of 0.1 s",
)

# %% [markdown]
# ## Part 7: how often is it wrong?
#
# Somebody has marked by hand where speech is in these recordings. (In synthetic ones the marks are exact.)
# Compare frame by frame. Two kinds of error are not the same: a **miss** loses a piece of a word, a **false
# alarm** only keeps some noise. Both are given as a share of *all* frames, so that they add up to the
# **frame error rate**.
#
# **A number first.** Truth: yes yes no no. Decided: yes no no yes. One miss and one false alarm in four
# frames: 0.25 and 0.25, error rate 0.5.


# %% part="frame_error_rate" points=2 difficulty=1 minutes=5 forbids="sklearn"
def frame_error_rate(
    decided: Bool[np.ndarray, "frames"], truth: Bool[np.ndarray, "frames"]
) -> dict[str, float]:
    """Share of frames on which a detector is wrong, and in which way.

    Args:
        decided: True where the detector says speech.
        truth: True where there is speech.
    Returns:
        "missed": speech that was not found, "false_alarm": speech that is not there, and "error", their sum;
        each as a share of all frames.
    Raises:
        ValueError: if there are no frames, or not as many of one as of the other.
    Source: Ramírez, Górriz & Segura 2007, Voice activity detection: fundamentals and speech recognition
        system robustness, on evaluation; here as shares of all frames, so that they add up.
    Example:
        >>> frame_error_rate(np.array([True, False, False, True]), np.array([True, True, False, False]))
        {'missed': 0.25, 'false_alarm': 0.25, 'error': 0.5}
    """
    ### BEGIN SOLUTION
    if decided.shape != truth.shape or decided.size == 0:
        raise ValueError(
            f"decided has shape {decided.shape}, truth {truth.shape}: expected the same, not empty"
        )
    missed, false_alarm = float(np.mean(truth & ~decided)), float(np.mean(decided & ~truth))
    return {"missed": missed, "false_alarm": false_alarm, "error": missed + false_alarm}
    ### END SOLUTION


# %% [markdown] hints="frame_error_rate"
# 1. For which pairs of (decided, truth) is a frame missed? For which is it a false alarm?
# 2. `&`, `|` and `~` work on Boolean arrays, and the mean of such an array is the share of True.
# 3. Missed: `np.mean(truth & ~decided)`. False alarm: `np.mean(decided & ~truth)`.

# %% [markdown]
# ## Three detectors
#
# Two detectors of others, used as they ship.
#
# - **WebRTC VAD** is in every browser's video calls. It looks at the energy in six bands below 4 kHz and
#   asks two small Gaussian mixtures, one for speech and one for noise, which of them fits; both adapt while
#   it runs. It has four settings, from 0, its default, which misses little, to 3, which lets little noise
#   through.
# - **Silero VAD** is a small neural network of 2 MB, trained on thousands of hours in many languages.
#
# All get the same recordings, clean and with every noise at several SNRs. A frame is 10 ms.


# %%
def webrtc_detector(mode: int):
    """From samples at 16 kHz to decisions every 10 ms, by WebRTC VAD; None if it is absent."""
    try:
        import webrtcvad
    except ImportError:
        print("WebRTC VAD is not installed here (pip install webrtcvad-wheels): its row is left out.")
        return None

    def detect(samples):
        detector = webrtcvad.Vad(mode)  # it adapts: a new one for each recording
        pcm = np.round(samples * 32767).astype("<i2")
        return np.array(
            [
                detector.is_speech(block.tobytes(), 16_000)
                for block in pcm[: len(pcm) // 160 * 160].reshape(-1, 160)
            ]
        )

    return detect


def silero_detector():
    """Likewise by Silero VAD with its default settings."""
    try:
        import silero_vad
        import torch

        model = silero_vad.load_silero_vad(onnx=True)
    except ImportError:
        print("Silero VAD is not installed here (pip install silero-vad onnxruntime): its row is left out.")
        return None

    def detect(samples):
        found = silero_vad.get_speech_timestamps(
            torch.from_numpy(samples.astype(np.float32)), model, sampling_rate=16_000
        )
        speech = np.zeros(len(samples) // 160, dtype=bool)
        for piece in found:
            speech[round(piece["start"] / 160) : round(piece["end"] / 160)] = True
        return speech

    return detect


def marked_frames(clip) -> Bool[np.ndarray, "frames"]:
    """Truth every 10 ms, as far as the clip is marked."""
    middle = (np.arange(int(clip.info["labelled_until"] * 100)) + 0.5) / 100
    return np.any([(start <= middle) & (middle < end) for start, end in clip.info["speech_segments"]], axis=0)


def errors_of(detect, clips, noise, snr_db) -> tuple[dict[str, float], float]:
    """Mean errors over clips, and how many times faster than real time. Everything is brought to peak 0.9."""
    found, seconds = [], 0.0
    for clip in clips:
        samples = clip.samples.astype(np.float64)
        samples = samples if noise is None else mix_at_snr(samples, noise, snr_db)
        samples = 0.9 * samples / np.abs(samples).max()
        started = time.perf_counter()
        speech = detect(samples)
        seconds += time.perf_counter() - started
        truth = marked_frames(clip)
        length = min(len(truth), len(speech))
        found.append(frame_error_rate(speech[:length], truth[:length]))
    mean = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    return mean, sum(clip.duration for clip in clips) / seconds


detectors = {
    "energy (yours)": vad_by_energy,
    "energy after your Wiener filter": lambda samples: vad_by_energy(denoise(samples, RATE)),
    "WebRTC VAD, mode 0": webrtc_detector(0),
    "WebRTC VAD, mode 3": webrtc_detector(3),
    "Silero VAD": silero_detector(),
}
detectors = {name: detect for name, detect in detectors.items() if detect is not None}
vad_clips = list(marked)[: 2 if fast_mode() else 4]
vad_noises = list(noises)[: 2 if fast_mode() else None]
rows = []
for name, detect in progress(detectors.items(), "detectors"):
    detect(np.random.default_rng(0).normal(0, 0.1, 16_000))  # warm up
    quiet, speed = errors_of(detect, vad_clips, None, 0)
    row = {"detector": name, "clean": 100 * quiet["error"]}
    for snr in (10, 0) if fast_mode() else (20, 10, 5, 0):
        noisy_errors = [errors_of(detect, vad_clips, noise.samples, snr)[0] for noise in vad_noises]
        row[f"{snr} dB"] = 100 * float(np.mean([one["error"] for one in noisy_errors]))
        if snr == 10:
            shares = {
                kind: 100 * float(np.mean([one[kind] for one in noisy_errors]))
                for kind in ("missed", "false_alarm")
            }
    rows.append(
        {
            **row,
            "10 dB: missed": shares["missed"],
            "10 dB: false alarms": shares["false_alarm"],
            "times real time": speed,
        }
    )
table(
    rows,
    title=f"Frame error rate [%]: {marked.name}, {len(vad_clips)} clips, {len(vad_noises)} noises",
)

# %%
example = mix_at_snr(recording.samples, noises[0].samples, 10.0)
example = 0.9 * example / np.abs(example).max()
tracks = {"marked by hand" if marked.real else "true": marked_frames(recording)}
tracks.update({name: detect(example) for name, detect in detectors.items()})
plot.lines(
    {
        name: (np.arange(len(speech)) / 100, 1.5 * (len(tracks) - number) + speech)
        for number, (name, speech) in enumerate(tracks.items())
    },
    x_label="time [s]",
    y_label="each step up: speech",
    title="Who hears speech when, at 10 dB",
)

# %% [markdown]
# Read the table from left to right. In a quiet room energy is enough. Noise divides the detectors. Energy
# cannot tell a loud noise from a voice; taking the noise away first helps a little. WebRTC VAD takes many
# noises for a voice: look at its false alarms, and at how much its setting matters. Silero VAD has *learnt*
# what a voice sounds like, and hardly minds.
#
# Two words of caution. The constants of `vad_thresholds` were chosen on SpeechBrain's two marked
# recordings, the ones that this table uses where they are at hand. The other detectors were not fitted to
# them, so that our rows are flattered. And two recordings are few: one more second of breath in one of them
# moves every number by some percent.

# %% [markdown]
# ## Part 8: from frames to segments
#
# A recogniser wants stretches, not frames. Three steps, in this order:
#
# 1. **Close short pauses.** Two stretches with less than `min_pause` frames between them become one: that was
#    a breath inside a sentence.
# 2. **Drop short stretches.** What is still shorter than `min_speech` was a click, not a word.
# 3. **Pad.** Add `padding` frames on both sides for soft beginnings and ends, as far as the recording goes.
#
# **A number first.** Speech in frames 3–5 and 7–9 and 30, with `min_pause` 4, `min_speech` 2, `padding` 1.
# One frame of pause between 5 and 7: closed, 3–9. Frame 30 alone is dropped. Padded: 2–10. We write the
# first frame and the one *after* the last: [2, 11].


# %% part="segments" points=4 difficulty=3 minutes=14 forbids="silero_vad"
def segments(
    is_speech: Bool[np.ndarray, "frames"], min_pause: int, min_speech: int, padding: int
) -> Int[np.ndarray, "segments 2"]:
    """Stretches of speech.

    Args:
        is_speech: True where there is speech, one value per frame.
        min_pause: pauses of fewer frames than this, between two stretches, are closed.
        min_speech: stretches of fewer frames than this, after the closing, are dropped.
        padding: frames added before and after each stretch that is left, within the recording.
    Returns:
        One row per stretch in the order of time: its first frame and the frame after its last.
    Raises:
        ValueError: if a number is negative, or 2 * padding is more than min_pause, so that padded stretches
            could overlap.
    Source: the post-processing of Silero VAD's get_speech_timestamps, in frames.
    Example:
        >>> segments(np.array([0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0]) == 1, 2, 2, 1).tolist()
        [[1, 7]]
    """
    ### BEGIN SOLUTION
    if min(min_pause, min_speech, padding) < 0:
        raise ValueError(f"one of {min_pause}, {min_speech}, {padding} is negative, expected 0 or more")
    if 2 * padding > min_pause:
        raise ValueError(f"padding is {padding}, expected at most half of min_pause, {min_pause}")
    changes = np.diff(np.concatenate([[0], np.asarray(is_speech, dtype=np.int64), [0]]))
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    stays = starts[1:] - ends[:-1] >= min_pause  # pauses that are long enough to stay
    starts = np.concatenate([starts[:1], starts[1:][stays]])
    ends = np.concatenate([ends[:-1][stays], ends[-1:]])
    long_enough = ends - starts >= min_speech
    starts = np.maximum(starts[long_enough] - padding, 0)
    ends = np.minimum(ends[long_enough] + padding, len(is_speech))
    return np.stack([starts, ends], axis=1)
    ### END SOLUTION


# %% [markdown] hints="segments"
# 1. First find where each stretch starts and ends. A plain loop over the frames is fine.
# 2. With a False put before and after, `np.diff` of the zeros and ones is +1 at each start and −1 one after
#    each end. A pause lasts from `ends[i]` to `starts[i + 1]`. For no speech at all, the result has shape
#    (0, 2).
# 3. Walk through the stretches with a list: if `start - found[-1][1] < min_pause`, set
#    `found[-1][1] = end`, else append `[start, end]`. Then keep those with `end - start >= min_speech`.
#    Then `max(start - padding, 0)` and `min(end + padding, len(is_speech))`.
#    `np.array(found).reshape(-1, 2)` at the end.

# %% [markdown]
# ## Part 9: peak
#
# Step 3: loudness. The simplest rule: scale the recording so that its largest sample has a set size. Nothing
# clips, and no bit is wasted.
#
# For an *amplitude* decibels are $20 \log_{10}$, since power is its square. Full scale, 1, is 0 dB; −1 dB is
# $10^{-1/20} = 0.891$; −6 dB is 0.501.


# %% part="normalize_peak" points=1 difficulty=1 minutes=4 forbids="librosa pyloudnorm"
def normalize_peak(samples: Float[np.ndarray, "time"], peak_db: float = -1.0) -> Float[np.ndarray, "time"]:
    """Scale a signal so that its largest absolute sample has a set level.

    Args:
        samples: waveform; full scale is 1. Integers are welcome.
        peak_db: wanted peak in dB relative to full scale.
    Returns:
        Scaled samples in float64; louder or quieter than before, as it takes.
    Raises:
        ValueError: if `samples` is empty or zero everywhere.
    Source: AES17, on decibels relative to full scale.
    Example:
        >>> normalize_peak(np.array([0.1, -0.2]), peak_db=0.0).tolist()
        [0.5, -1.0]
    """
    ### BEGIN SOLUTION
    peak = float(np.max(np.abs(np.asarray(samples, dtype=np.float64)), initial=0.0))
    if peak == 0:
        raise ValueError("samples is empty or silent: no gain gives silence a peak")
    return samples * (10 ** (peak_db / 20) / peak)
    ### END SOLUTION


# %% [markdown] hints="normalize_peak"
# 1. The largest *size*: a deep trough counts as much as a high crest.
# 2. Which factor turns the peak that is there into the peak that is wanted?
# 3. `samples * (10 ** (peak_db / 20) / np.max(np.abs(samples)))`. The smallest 16-bit integer has no positive
#    counterpart: convert to float before `np.abs`.

# %% [markdown]
# ## Part 10: RMS
#
# One click decides the peak. A better measure of strength is the **root mean square**: the root of the mean
# power. Twenty times its logarithm is the level, as in Part 5. Speech is often brought to −20 dB; single
# samples may then go beyond full scale, if the recording has sharp peaks.


# %% part="normalize_rms" points=1 difficulty=1 minutes=4 forbids="librosa pyloudnorm"
def normalize_rms(samples: Float[np.ndarray, "time"], level_db: float = -20.0) -> Float[np.ndarray, "time"]:
    """Scale a signal so that its root mean square has a set level.

    Args:
        samples: waveform; full scale is 1. Integers are welcome.
        level_db: wanted level in dB, 20 log10 of the root mean square. A sine of full scale has -3.01 dB.
    Returns:
        Scaled samples in float64. They are not limited: a peak may go beyond 1.
    Raises:
        ValueError: if `samples` is empty or zero everywhere.
    Source: IEC 60050-103, "root-mean-square value".
    Example:
        >>> normalize_rms(np.array([3.0, -4.0, 0.0, 0.0]), level_db=0.0).round(6).tolist()
        [1.2, -1.6, 0.0, 0.0]
    """
    ### BEGIN SOLUTION
    samples = np.asarray(samples, dtype=np.float64)
    power = np.sum(samples**2) / max(len(samples), 1)
    if power == 0:
        raise ValueError("samples is empty or silent: no gain gives silence a level")
    return samples * (10 ** (level_db / 20) / np.sqrt(power))
    ### END SOLUTION


# %% [markdown] hints="normalize_rms"
# 1. As in Part 9, with another measure of size.
# 2. Square, mean, root. A silent signal has a mean square of zero.
# 3. `samples * (10 ** (level_db / 20) / np.sqrt(np.mean(samples**2)))`, after the test and in float64.

# %% [markdown]
# ## Part 11: hearing with K-weighting
#
# Play these two. They have the same RMS.

# %%
tone_time = np.arange(RATE) / RATE
tones = {f"{hertz} Hz": normalize_rms(np.sin(2 * np.pi * hertz * tone_time), -20.0) for hertz in (60, 2000)}
play(tones, RATE)

# %% [markdown]
# The low tone is hardly there (through small speakers not at all). The ear is deaf to low frequencies, and
# the head throws sound above 2 kHz at the ear. The broadcasters' rule, **ITU-R BS.1770**, models this with
# two small filters in a row, together called *K-weighting*:
#
# - a **shelf** that lifts everything above some 1.7 kHz by 4 dB (the head),
# - a **high-pass** at 38 Hz (the ear).
#
# Each is a *biquad*: $y_n = b_0 x_n + b_1 x_{n-1} + b_2 x_{n-2} - a_1 y_{n-1} - a_2 y_{n-2}$. The rule prints
# the five numbers of each for 48 kHz and says: at other rates, have the same response. Many programs forget
# that. So we compute the numbers from the analogue filters behind them. With
#
# $$K = \tan\frac{\pi f_0}{f_s}, \qquad D = 1 + \frac{K}{Q} + K^2,$$
#
# both filters have $a_1 = 2(K^2 - 1)/D$ and $a_2 = (1 - K/Q + K^2)/D$. Their other halves are
#
# | | shelf | high-pass |
# |---|---|---|
# | $f_0$, $Q$ | 1681.97 Hz, 0.7072 | 38.135 Hz, 0.5003 |
# | $b_0$ | $(V + V_b K/Q + K^2)/D$ | $g/D$ |
# | $b_1$ | $2(K^2 - V)/D$ | $-2g/D$ |
# | $b_2$ | $(V - V_b K/Q + K^2)/D$ | $g/D$ |
#
# with $V = 10^{4.0/20}$, the shelf's height as an amplitude, and $V_b = V^{0.4997}$, about its root. $g$ is
# the high-pass's $D$ at 48 kHz, so that at that rate its $b$ are exactly the printed $1, -2, 1$.
#
# **A number first.** The shelf at 48 kHz: $K = \tan(\pi \cdot 1681.97 / 48000) = 0.1105$, and
# $D = 1 + 0.1563 + 0.0122 = 1.1685$. So $a_1 = 2 \cdot (0.0122 - 1)/1.1685 = -1.6907$, as printed in the
# rule.

# %%
SHELF_HZ = 1681.974450955533
SHELF_Q = 0.7071752369554196
SHELF_DB = 3.999843853973347
SHELF_BAND = 0.4996667741545416  # V_b = V ** SHELF_BAND
HIGH_PASS_HZ = 38.13547087602444
HIGH_PASS_Q = 0.5003270373238773
HIGH_PASS_GAIN = 1.0049948987146884  # g


# %% part="k_weighting" points=4 difficulty=3 minutes=18 forbids="pyloudnorm librosa torchaudio"
def k_weighting(sample_rate: int) -> Float[np.ndarray, "2 6"]:
    """The two filters of K-weighting at any sample rate.

    Args:
        sample_rate: in Hz, more than twice SHELF_HZ.
    Returns:
        Second-order sections as scipy takes them, one filter per row: b0, b1, b2, 1, a1, a2. First the
        shelf, then the high-pass.
    Raises:
        ValueError: if `sample_rate` is at most 2 * SHELF_HZ.
    Source: ITU-R BS.1770-4, annex 1, tables 1 and 2; De Man 2018, Evaluation of implementations of the EBU
        R128 loudness measurement, for the formulas behind the tables.
    Example:
        >>> k_weighting(48_000).round(4).tolist()
        [[1.5351, -2.6917, 1.1984, 1.0, -1.6907, 0.7325], [1.0, -2.0, 1.0, 1.0, -1.99, 0.9901]]
    """
    ### BEGIN SOLUTION
    if sample_rate <= 2 * SHELF_HZ:
        raise ValueError(f"sample_rate is {sample_rate} Hz, expected more than {2 * SHELF_HZ:.0f} Hz")
    height = 10 ** (SHELF_DB / 20)
    k, q = np.tan(np.pi * SHELF_HZ / sample_rate), SHELF_Q
    band = height**SHELF_BAND * k / q
    shelf = [height + band + k**2, 2 * (k**2 - height), height - band + k**2]
    shelf += [1 + k / q + k**2, 2 * (k**2 - 1), 1 - k / q + k**2]
    k, q = np.tan(np.pi * HIGH_PASS_HZ / sample_rate), HIGH_PASS_Q
    high_pass = [HIGH_PASS_GAIN, -2 * HIGH_PASS_GAIN, HIGH_PASS_GAIN]
    high_pass += [1 + k / q + k**2, 2 * (k**2 - 1), 1 - k / q + k**2]
    sections = np.array([shelf, high_pass])
    return sections / sections[:, 3:4]
    ### END SOLUTION


# %% [markdown] hints="k_weighting"
# 1. Write one filter completely, compare with the example, then the other.
# 2. $f_s$ is the sample rate, `np.tan` takes radians. $D$ divides everything, also the 1 that stands for
#    $a_0$: so you can write each row without $D$, with $D$ itself in column 3, and divide the whole row by
#    it at the end.
# 3. Shelf: `[V + Vb*K/Q + K**2, 2*(K**2 - V), V - Vb*K/Q + K**2, D, 2*(K**2 - 1), 1 - K/Q + K**2]` divided
#    by `D`, with `V = 10 ** (SHELF_DB / 20)` and `Vb = V ** SHELF_BAND`. High-pass: the same last three,
#    and `HIGH_PASS_GAIN * np.array([1, -2, 1])` in front.

# %%
hertz = np.geomspace(20, 7900, 400)
plot.lines(
    {
        name: (np.log10(hertz), 20 * np.log10(np.abs(freqz_sos(sections, hertz, fs=rate)[1])))
        for name, sections, rate in [
            ("48 kHz", k_weighting(48_000), 48_000),
            ("16 kHz", k_weighting(16_000), 16_000),
            ("16 kHz with the numbers for 48 kHz", k_weighting(48_000), 16_000),
        ]
    },
    x_label="frequency [powers of ten of 1 Hz: 2 is 100 Hz, 3 is 1 kHz]",
    y_label="gain [dB]",
    title="K-weighting",
)

# %% [markdown]
# ## Part 12: loudness in LUFS
#
# Filter, then take the mean square. But a film with long silences is not quiet: one hears how loud it is
# *when it is loud*. So BS.1770 measures in **blocks** and leaves the silent ones out, twice.
#
# 1. Filter each channel by K-weighting and square.
# 2. Blocks of 400 ms, a new one every 100 ms. For each: mean square of each channel, summed over the
#    channels. Call it $z$. The block's loudness is $-0.691 + 10 \log_{10} z$, in **LUFS**, *loudness units
#    relative to full scale*. (0.691 dB is what K-weighting adds at 1 kHz.)
# 3. *Absolute gate*: drop blocks at −70 LUFS or below.
# 4. *Relative gate*: average the $z$ of what is left. Drop blocks 10 LU or more below that average.
# 5. The loudness is $-0.691 + 10 \log_{10}$ of the average $z$ of what is left now.
#
# **A number first.** 10 s of music whose blocks have −20 LUFS, then 10 s of hiss at −40 LUFS. The average
# power is half of the music's: −23 LUFS. The gate is at −33, the hiss falls out, and the loudness is −20:
# silence costs nothing. Without the gate it would be −23.
#
# A **loudness unit**, LU, is a decibel by another name. European television is at −23 LUFS, Spotify at −14.


# %% part="loudness_lufs" points=5 difficulty=4 minutes=22 forbids="pyloudnorm torchaudio"
def loudness_lufs(samples: Float[np.ndarray, "*channels time"], sample_rate: int) -> float:
    """Integrated loudness with gating.

    Args:
        samples: one channel [time], or one or two channels [channels, time]; full scale is 1.
        sample_rate: in Hz.
    Returns:
        Loudness in LUFS; -inf if no block is above -70 LUFS. Block j reaches from sample
        j * sample_rate // 10 to (j + 4) * sample_rate // 10, that one excluded; only whole blocks count.
        Blocks stay that are above -70 LUFS and above the mean of those minus 10 LU.
    Raises:
        ValueError: if `samples` has more than two axes or channels, or is shorter than one block.
    Source: ITU-R BS.1770-4, annex 1.
    Example:
        >>> tone = np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000)
        >>> round(loudness_lufs(tone, 48_000), 2), round(loudness_lufs(np.stack([tone, tone]), 48_000), 2)
        (-3.01, 0.0)
    """
    ### BEGIN SOLUTION
    channels = np.atleast_2d(samples)
    if channels.ndim != 2 or len(channels) > 2:
        raise ValueError(
            f"samples has shape {samples.shape}, expected [time] or [channels, time] with 2 at most"
        )
    n_tenths = (10 * channels.shape[1] + 9) // sample_rate  # the last whole tenth of a second ends inside
    if n_tenths < 4:
        raise ValueError(
            f"samples has {channels.shape[1]} samples, expected at least 0.4 s at {sample_rate} Hz"
        )
    edges = np.arange(n_tenths + 1) * sample_rate // 10
    energy = np.sum(sosfilt(k_weighting(sample_rate), channels[:, : edges[-1]]) ** 2, axis=0)
    tenths = np.add.reduceat(energy, edges[:-1])
    blocks = tenths[:-3] + tenths[1:-2] + tenths[2:-1] + tenths[3:]
    power = blocks / (edges[4:] - edges[:-4])
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if len(power) == 0:
        return -np.inf
    power = power[power > np.mean(power) / 10]
    return float(-0.691 + 10 * np.log10(np.mean(power)))
    ### END SOLUTION


# %% [markdown] hints="loudness_lufs"
# 1. `np.atleast_2d` makes one channel and two alike. Then filter, square, cut, gate, gate.
# 2. `scipy.signal.sosfilt(k_weighting(sample_rate), channels)` filters along time. Average *powers*, never
#    decibels; 10 LU below a mean power is a tenth of it. A loop over the blocks is fine: how many fit?
# 3. `power = [np.sum(squares[:, j * rate // 10 : (j + 4) * rate // 10]) / length for j in range(count)]`,
#    keep those above `10 ** ((-70 + 0.691) / 10)`, then those above `np.mean(power) / 10`, then
#    `-0.691 + 10 * np.log10(np.mean(power))`. Blocks are whole while `(j + 4) * rate // 10 <= n_samples`.

# %% [markdown]
# ## Three ways to be equally loud
#
# Five recordings, made equal in three ways. How loud does the third measure find the results of the first
# two?

# %%
pieces = {
    f"voice {n + 1}": clip.samples for n, clip in enumerate(list(corpora.vctk(announce=False))[::12][:3])
}
pieces.update({str(noise.label): noise.samples[: 4 * RATE] for noise in list(noises)[:2]})
rows = []
for name, samples in pieces.items():
    by_peak, by_rms = normalize_peak(samples, -1.0), normalize_rms(samples, -20.0)
    rows.append(
        {
            "recording": name,
            "as it came [LUFS]": loudness_lufs(samples, RATE),
            "same peak": loudness_lufs(by_peak, RATE),
            "same RMS": loudness_lufs(by_rms, RATE),
            "same loudness": loudness_lufs(
                samples * 10 ** ((-23.0 - loudness_lufs(samples, RATE)) / 20), RATE
            ),
            "peak after same RMS": float(np.abs(by_rms).max()),
        }
    )
table(rows, title="Loudness after each kind of normalisation [LUFS]")

# %% [markdown]
# After equal peaks the recordings are still several LU apart: one crack of the lips holds down a whole
# sentence. After equal RMS they are too: a rumble that you hardly hear counts in full, and so do the
# pauses. The gain for the last column is simply the wanted loudness minus the measured one, in dB.

# %% [markdown]
# ## Part 13: the filter for a new sample rate
#
# Step 4. To go from 48 000 to 16 000 Hz, keep every third sample? What lies above 8000 Hz would fold back
# into the speech: *aliasing*. It must be filtered out first. To go from 16 000 to 48 000, put two zeros
# between samples? That makes mirror images of the spectrum above 8000 Hz. They must be filtered out after.
#
# To go by any fraction, do both: put `up − 1` zeros between samples, filter **once**, keep every `down`-th
# sample. From 44 100 to 16 000 it is up 160, down 441.
#
# The filter runs at the high rate, `up` times the old one. It must stop at half the old rate *or* half the
# new one, whichever is lower. In units of half the high rate that is $1/M$ with
# $M = \max(\text{up}, \text{down})$. The ideal low-pass is a sinc, which never ends. We keep
# `zero_crossings` of its zeros on each side and fade it out with a Kaiser window:
#
# $$h_n = c \cdot \operatorname{sinc}\frac{n}{M} \cdot \text{Kaiser}_\beta(n), \qquad n = -zM \dots zM .$$
#
# **The gain.** Zeros between samples take the mean down: 1, 1, 1 becomes 1, 0, 0, 1, 0, 0, 1, with a third
# of the mean. So the filter must give it back: **its taps sum to `up`**, and that fixes $c$. Forget it, and
# three times the rate has a third of the amplitude, 9.5 dB too quiet. That is the classic bug.
#
# A fraction of large numbers makes a long filter: 44 100 to 44 101 Hz takes 882 021 taps. More than MOST_TAPS
# would be a mistake (such as a fraction that was not reduced), and would fill your memory: refuse it.

# %%
MOST_TAPS = 10_000_000


# %% part="resampling_filter" points=3 difficulty=3 minutes=12 forbids="scipy.signal librosa soxr torchaudio"
def resampling_filter(
    up: int, down: int, zero_crossings: int = 10, beta: float = 5.0
) -> Float[np.ndarray, "taps"]:
    """Low-pass filter for changing the sample rate by up / down: a sinc under a Kaiser window.

    Args:
        up: factor by which zeros raise the rate, before the filter.
        down: every down-th sample is kept, after the filter.
        zero_crossings: zeros of the sinc on each side, z.
        beta: shape of the Kaiser window; more is a better stop band and a wider transition.
    Returns:
        2 * z * M + 1 taps with M = max(up, down), symmetric, cut-off (half the amplitude) at 1 / M of half
        the high rate. They sum to `up`.
    Raises:
        ValueError: if `up`, `down` or `zero_crossings` is less than 1, `beta` is negative, or there would be
            more than MOST_TAPS taps.
    Source: Crochiere & Rabiner 1983, Multirate Digital Signal Processing, chapters 2 and 4; Kaiser 1974.
    Example:
        >>> resampling_filter(1, 2, zero_crossings=1, beta=0.0).round(3).tolist()
        [0.0, 0.28, 0.44, 0.28, 0.0]
    """
    ### BEGIN SOLUTION
    if up < 1 or down < 1 or zero_crossings < 1:
        raise ValueError(
            f"up is {up}, down is {down}, zero_crossings is {zero_crossings}, expected 1 or more"
        )
    if beta < 0:
        raise ValueError(f"beta is {beta}, expected 0 or more")
    widest = max(up, down)
    half = zero_crossings * widest
    if 2 * half + 1 > MOST_TAPS:
        raise ValueError(f"{2 * half + 1} taps for up {up} and down {down}: did you reduce the fraction?")
    taps = np.sinc(np.arange(-half, half + 1) / widest) * np.kaiser(2 * half + 1, beta)
    return up * taps / np.sum(taps)
    ### END SOLUTION


# %% [markdown] hints="resampling_filter"
# 1. Positions from −zM to zM, a sinc over them, a window on top, then the sum.
# 2. `np.sinc(x)` is $\sin(\pi x)/(\pi x)$: its zeros are at whole numbers, so the argument is $n/M$.
#    `np.kaiser` takes the number of points and β.
# 3. `taps = np.sinc(n / M) * np.kaiser(len(n), beta)` with `n = np.arange(-z * M, z * M + 1)`; then
#    `up * taps / taps.sum()`.

# %%
design = {
    "10 zeros, Kaiser 5": resampling_filter(1, 3),
    "10 zeros, no window": resampling_filter(1, 3, beta=0.0),
    "40 zeros, Kaiser 5": resampling_filter(1, 3, 40),
}
grid = np.linspace(0, 24_000, 2000)
plot.lines(
    {
        name: (
            grid,
            20
            * np.log10(
                np.maximum(
                    np.abs(np.exp(-2j * np.pi * np.outer(grid / 48_000, np.arange(len(taps)))) @ taps), 1e-6
                )
            ),
        )
        for name, taps in design.items()
    },
    hlines={"half the amplitude": -6.02},
    x_label="frequency [Hz]",
    y_label="gain [dB]",
    title="From 48 to 16 kHz: everything above 8 kHz has to go",
)

# %% [markdown]
# Above 8 kHz the windowed filter is 50 dB down and more; without a window it leaks. A longer filter falls
# more steeply, and costs more.

# %% [markdown]
# ## Part 14: polyphase resampling
#
# Zeros, filter, every `down`-th sample, straight from the definition: from 44 100 to 16 000 Hz you would
# filter at 7 million samples a second, multiply mostly by zeros, and throw away 440 results of 441.
# **Polyphase** does only what is needed.
#
# Write the result out. At the high rate, output $m$ stands at position $m \cdot \text{down}$, and input $i$
# at $i \cdot \text{up}$. The filter's middle, $\text{half} = (\text{taps} - 1)/2$, lies on the output:
#
# $$y_m = \sum_i x_i\, h[\,m \cdot \text{down} - i \cdot \text{up} + \text{half}\,] .$$
#
# For one output, only every `up`-th tap meets an input. Which ones? With
# $t = m \cdot \text{down} + \text{half}$, those at $t \bmod \text{up}$, then `up` further, and so on. That
# is a *sub-filter*: `taps[t % up :: up]`. Its first tap meets input $\lfloor t / \text{up} \rfloor$, its
# second the input before, and so on. There are only `up` different sub-filters, the *phases*, and output
# $m$ and $m + \text{up}$ use the same one.
#
# **A number first.** up 2, down 3, half 4, output $m = 1$: $t = 7$. $7 \bmod 2 = 1$: taps 1, 3, 5, 7. They
# meet inputs 3, 2, 1, 0. So $y_1 = h_1 x_3 + h_3 x_2 + h_5 x_1 + h_7 x_0$: four products, and no zero in
# sight.
#
# Before the first and after the last sample there is silence.

# %%
INPUTS_AT_ONCE = 32  # these two only save time: how much is handled by one matrix product
BLOCKS_AT_ONCE = 1024


# %% part="resample_polyphase" points=5 difficulty=4 minutes=25 forbids="scipy.signal librosa soxr"
def resample_polyphase(
    samples: Float[np.ndarray, "time"], up: int, down: int, taps: Float[np.ndarray, "taps"]
) -> Float[np.ndarray, "new_time"]:
    """Change the sample rate by up / down.

    Args:
        samples: waveform, one channel, at least one sample; silence before and after. Integers are welcome.
        up: factor of the new rate.
        down: divisor of the new rate.
        taps: low-pass filter at the high rate, an odd number of taps, used as given (it holds the gain `up`).
    Returns:
        ceil(time * up / down) samples in float64, y[m] = sum over i of
        samples[i] * taps[m * down - i * up + half] with half = (len(taps) - 1) / 2.
    Raises:
        ValueError: if `up` or `down` is less than 1, the number of taps is even, or `samples` is empty or
            not one-dimensional.
    Source: Crochiere & Rabiner 1983, Multirate Digital Signal Processing, section 3.3.
    Example:
        >>> resample_polyphase(np.array([1.0, 3.0]), 2, 1, np.array([0.5, 1.0, 0.5])).tolist()
        [1.0, 2.0, 3.0, 1.5]
    """
    ### BEGIN SOLUTION
    if up < 1 or down < 1:
        raise ValueError(f"up is {up} and down is {down}, expected 1 or more")
    if len(taps) % 2 == 0:
        raise ValueError(f"taps has {len(taps)} values, expected an odd number: one in the middle")
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"samples has shape {samples.shape}, expected [time] with at least one sample")
    half, n_outputs = len(taps) // 2, -(-len(samples) * up // down)
    # The phases repeat after `up` outputs, which is `down` inputs later. Some such rounds make a block. In
    # every block, neighbouring outputs meet the same inputs: one matrix, with a sub-filter in each column.
    rounds = -(-INPUTS_AT_ONCE // down)
    block_outputs, block_inputs = rounds * up, rounds * down
    n_blocks, outside = -(-n_outputs // block_outputs), half // up
    padded = np.zeros(outside + n_blocks * block_inputs + outside + 1)
    padded[outside : outside + len(samples)] = samples
    output = np.empty((n_blocks, block_outputs))
    at_once = -(-block_outputs * INPUTS_AT_ONCE // block_inputs)
    for start in range(0, block_outputs, at_once):
        positions = np.arange(start, min(start + at_once, block_outputs)) * down + half
        newest = positions[-1] // up
        inputs = np.arange(min(-((len(taps) - 1 - positions[0]) // up), newest), newest + 1)
        which = positions - inputs[:, None] * up
        filters = np.where((which >= 0) & (which < len(taps)), taps[np.clip(which, 0, len(taps) - 1)], 0)
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(inputs))
        windows = windows[outside + inputs[0] :: block_inputs]
        for row in range(0, n_blocks, BLOCKS_AT_ONCE):  # so that they fit into the processor's cache
            rows = slice(row, min(row + BLOCKS_AT_ONCE, n_blocks))
            output[rows, start : start + at_once] = np.ascontiguousarray(windows[rows]) @ filters
    return output.ravel()[:n_outputs]
    ### END SOLUTION


# %% [markdown] hints="resample_polyphase"
# 1. First write the slow and sure way for one output $m$: which taps, which inputs? Then a loop over $m$. It
#    passes the checks.
# 2. Outputs `r`, `r + up`, `r + 2 * up`, … share a sub-filter, and their inputs start `down` apart. So loop
#    over the `up` phases only, and do all outputs of a phase at once: windows of the input, every `down`-th
#    of them, times the reversed sub-filter. Put enough zeros before and after the samples first.
# 3. For phase `r`: `t = r * down + half`, `sub = taps[t % up :: up]`, `newest = t // up`. With `before`
#    zeros in front:
#    `windows = sliding_window_view(padded, len(sub))[before + newest - len(sub) + 1 :: down]`, then
#    `output[r::up] = windows[: len(output[r::up])] @ sub[::-1]`. `len(taps)` zeros before, and
#    `len(taps) + down` after, are always enough.


# %%
def resample(
    samples: Float[np.ndarray, "time"], old_rate: int, new_rate: int
) -> Float[np.ndarray, "new_time"]:
    """From one sample rate to another."""
    common = gcd(old_rate, new_rate)  # 44 100 and 16 000 share 100: up 160, down 441
    up, down = new_rate // common, old_rate // common
    return resample_polyphase(samples, up, down, resampling_filter(up, down))


sweep_time = np.arange(3 * 48_000) / 48_000
sweep = 0.3 * np.sin(2 * np.pi * (200 * sweep_time + 0.5 * 5000 * sweep_time**2))  # 200 Hz to 15.2 kHz
every_third, properly = sweep[::3], resample(sweep, 48_000, 16_000)
play({"every third sample": every_third, "polyphase": properly}, 16_000)
for name, samples in {
    "Every third sample: the tone comes back down": every_third,
    "Polyphase: hardly anything above 8 kHz comes back": properly,
}.items():
    plot.spectrogram(10 * np.log10(np.maximum(power_of(samples), 1e-6)), 16_000, HOP, title=name)

# %% [markdown]
# The tone rises past 8 kHz after 1.6 s. Without a filter it comes back down as if nothing had happened.
# With the filter a short tail is left, where the filter still falls, and then a trace, 50 dB down and more.

# %% [markdown]
# ## Part 15: the pipeline
#
# Now put steps 2 to 4 in a row. In: a recording of any rate. Out: its stretches of speech, equally loud, at
# 16 kHz.
#
# 1. Levels of frames of 25 ms every 10 ms: `sample_rate // 40` and `sample_rate // 100` samples.
# 2. `vad_thresholds` and `energy_vad` with its own hangover.
# 3. `segments` with pauses of 0.7 s, speech of 0.4 s, padding of 0.1 s: 70, 40 and 10 frames. The stretch
#    [first, after] reaches from the first sample of frame `first` to the last sample of frame `after − 1`.
# 4. Each stretch to `target_lufs`. What is too quiet to have a loudness is left out.
# 5. Each to `target_rate`.
#
# **A number first.** A stretch with −30 LUFS and the target −23: 7 LU more, a factor of $10^{7/20} = 2.24$.

# %%
MIN_PAUSE = 70  # frames of 10 ms
MIN_SPEECH = 40
PADDING = 10


# %% part="preprocess" points=4 difficulty=3 minutes=16 forbids="pyloudnorm scipy.signal librosa soxr"
def preprocess(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    target_rate: int = 16_000,
    target_lufs: float = -23.0,
) -> list[dict]:
    """Stretches of speech in a recording, each at one loudness and one sample rate.

    Args:
        samples: recording, one channel; full scale is 1.
        sample_rate: in Hz.
        target_rate: sample rate of the result, in Hz.
        target_lufs: loudness of each stretch before it is resampled, in LUFS.
    Returns:
        One dict per stretch in the order of time: "start" and "end" in seconds of the recording, where the
        samples taken from it begin and end, and "samples" at `target_rate`. Frames are sample_rate // 40
        samples long and sample_rate // 100 apart; stretches are found with `vad_thresholds`, `energy_vad`
        and `segments` with MIN_PAUSE, MIN_SPEECH and PADDING. Stretches of loudness -inf are left out.
    Raises:
        ValueError: as `frame_levels` and `k_weighting` raise: the recording is shorter than a frame, or the
            sample rate is too low.
    Source: the roadmap's practice for this topic.
    Example:
        >>> tone = np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
        >>> found = preprocess(np.concatenate([np.zeros(8000), 0.1 * tone, np.zeros(8000)]), 8000)
        >>> [(one["start"], one["end"], len(one["samples"])) for one in found]
        [(0.88, 2.215, 21360)]
    """
    ### BEGIN SOLUTION
    frame_length, hop_length = sample_rate // 40, sample_rate // 100
    levels = frame_levels(samples, frame_length, hop_length)
    decided = energy_vad(levels, *vad_thresholds(levels))
    common = gcd(sample_rate, target_rate)
    up, down = target_rate // common, sample_rate // common
    taps = resampling_filter(up, down)
    found = []
    for first, after in segments(decided, MIN_PAUSE, MIN_SPEECH, PADDING):
        start, end = int(first) * hop_length, int(after - 1) * hop_length + frame_length
        loudness = loudness_lufs(samples[start:end], sample_rate)
        if isfinite(loudness):
            louder = samples[start:end] * 10 ** ((target_lufs - loudness) / 20)
            resampled = resample_polyphase(louder, up, down, taps)
            found.append({"start": start / sample_rate, "end": end / sample_rate, "samples": resampled})
    return found
    ### END SOLUTION


# %% [markdown] hints="preprocess"
# 1. Five calls of your functions in the order of the list above. Only step 4 needs arithmetic of its own.
# 2. `energy_vad(levels, *vad_thresholds(levels))` hands both thresholds on. A gain in LU is a gain in dB, and
#    it is for amplitudes. The last frame of a stretch is `after - 1`, and it is `frame_length` samples long.
# 3. For each `first, after`: `start = first * hop_length`, `end = (after - 1) * hop_length + frame_length`,
#    `loudness = loudness_lufs(samples[start:end], sample_rate)`; if it is finite, scale by
#    `10 ** ((target_lufs - loudness) / 20)` and pass it to `resample_polyphase` with `up` and `down` from
#    `gcd(sample_rate, target_rate)`.

# %% [markdown]
# ## Part 16: writing it down
#
# A corpus is a folder of sound files and a **manifest**, a list of what is in them. The form that speech
# toolkits agree on is *JSON lines*: one object a line.
#
#     {"audio_filepath": "clips/0001.wav", "duration": 3.27, "text": "drop the two"}
#     {"audio_filepath": "clips/0002.wav", "duration": 1.05, "text": null, "snr_db": 5}
#
# Three fields are always there: where the sound is, how many seconds it lasts, and what is said (`null` if
# nobody knows). Others may follow. A line that lacks one of the three, or a duration of 0, is caught now,
# and not by a training that crashes at three in the morning.


# %% part="manifest_lines" points=2 difficulty=1 minutes=8 forbids="labkit.corpora"
def manifest_lines(entries: list[dict]) -> str:
    """A manifest as text: JSON lines.

    Args:
        entries: each with at least "audio_filepath" (words), "duration" in seconds and "text" (words, or
            None where nobody knows).
    Returns:
        One JSON object a line with the fields in the order given, letters of all languages as they are,
        and a line feed after every line. Nothing for no entries.
    Raises:
        ValueError: if an entry lacks one of the three fields, its duration is not a finite number above 0,
            or a number in it is NaN or infinite, for which JSON has no form.
    Source: NVIDIA NeMo, manifest format; RFC 8259 (JSON); jsonlines.org.
    Example:
        >>> manifest_lines([{"audio_filepath": "a.wav", "duration": 1.5, "text": "grün"}])
        '{"audio_filepath": "a.wav", "duration": 1.5, "text": "grün"}\\n'
    """
    ### BEGIN SOLUTION
    lines = []
    for entry in entries:
        for field in ("audio_filepath", "duration", "text"):
            if field not in entry:
                raise ValueError(f"{field!r} is missing in {entry}")
        if not entry["duration"] > 0:
            raise ValueError(f"duration is {entry['duration']} in {entry}, expected seconds above 0")
        lines.append(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)
    ### END SOLUTION


# %% [markdown] hints="manifest_lines"
# 1. Check each entry first, then turn it into a line.
# 2. `json.dumps` makes one line of a dict. By default it writes ü as \\u00fc and NaN as NaN: two of its
#    options change that.
# 3. `json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"` for each entry, joined. It refuses NaN
#    and infinity with a ValueError by itself; fields and durations you test before.

# %% [markdown]
# ## Put it together
#
# A "raw recording": sentences of one reader with pauses of a second between them, a noise over all of it,
# twenty times too quiet, at the reader's own sample rate. First the noise goes, then the pipeline runs.

# %%
reader = corpora.ljspeech()
source_rate = reader.sample_rate
source_noises = corpora.noises(source_rate, announce=False)
pause = np.zeros(source_rate)


def raw_recording(clips) -> tuple[Float[np.ndarray, "time"], list[tuple[float, float]]]:
    """Clips with pauses of a second around them, and where each of them starts and ends, in seconds."""
    parts, marks, length = [pause], [], len(pause)
    for clip in clips:
        parts += [clip.samples.astype(np.float64), pause]
        marks.append((length / source_rate, (length + len(clip.samples)) / source_rate))
        length += len(clip.samples) + len(pause)
    return np.concatenate(parts) / 20, marks


sentences = sorted(reader, key=lambda clip: clip.duration)[:3]
spoken, marks = raw_recording(sentences)
raw = mix_at_snr(spoken, source_noises[0].samples, 10.0)
tidy = denoise(raw, source_rate)
found = preprocess(tidy, source_rate)

play({"raw": raw}, source_rate)
play({f"{one['start']:.2f} s to {one['end']:.2f} s": one["samples"] for one in found}, 16_000)
n_fft = 2 * round(0.016 * source_rate)
strongest = (np.abs(fourier.stft(raw, n_fft, n_fft // 4)) ** 2).max()
for title, samples in {"Raw": raw, "After noise reduction": tidy}.items():
    power = np.abs(fourier.stft(samples, n_fft, n_fft // 4)) ** 2
    plot.spectrogram(10 * np.log10(np.maximum(power / strongest, 1e-8)), source_rate, n_fft // 4, title=title)
grid = np.arange(0, len(raw) / source_rate, 0.01)
plot.lines(
    {
        "sentences": (grid, 1.5 + np.any([(a <= grid) & (grid < b) for a, b in marks], axis=0)),
        "your pipeline": (
            grid,
            0.0
            + np.any([(one["start"] <= grid) & (grid < one["end"]) for one in found] or [grid < 0], axis=0),
        ),
    },
    x_label="time [s]",
    y_label="each step up: speech",
    title=f"{len(sentences)} sentences, {len(found)} stretches found",
)

# %% [markdown]
# ## Practice: raw audio to manifest
#
# The roadmap's own task for this topic. Run all of it: raw recordings with every noise at several SNRs →
# noise reduction → VAD segments → loudness → 16 kHz → sound files and a manifest.
#
# Measured for each stretch that the pipeline cut out, against the clean recording cut at the same place:
#
# - **ΔSNR** and **ΔSTOI**: after minus before. *Before* is the noisy recording, cut and resampled, but not
#   cleaned. The SNR leaves the overall gain out of account, since the pipeline sets it anyway.
# - **found**: share of the sentences' time that is in a stretch.
# - **cut away**: share of the pauses' time that is in none.
#
# **Targets:** a mean ΔSNR of at least 2 dB at 0 dB over all noises. A manifest that another program reads.
# Every file within 1 LU of −23 LUFS, measured by another program.

# %%
N_RECORDINGS = 1 if fast_mode() else 4
groups = [list(reader)[3 * number : 3 * number + 3] for number in range(N_RECORDINGS)]
snrs = (10, 0) if fast_mode() else (20, 10, 5, 0)
practice_noises = list(source_noises)[:2] if fast_mode() else list(source_noises)


def share_inside(mark: tuple[float, float], stretch: dict) -> float:
    """Share of a sentence, from mark[0] to mark[1] seconds, that a stretch covers."""
    overlap = min(mark[1], stretch["end"]) - max(mark[0], stretch["start"])
    return max(0.0, overlap) / (mark[1] - mark[0])


def run_pipeline(group, noise, snr_db):
    """One raw recording through the pipeline: its figures, and its stretches with what was said in them."""
    spoken, marks = raw_recording(group)
    raw = mix_at_snr(spoken, noise.samples, snr_db)
    found = preprocess(denoise(raw, source_rate), source_rate)
    speech = sum(b - a for a, b in marks)
    kept = sum(share_inside(mark, one) * (mark[1] - mark[0]) for mark in marks for one in found)
    kept_pauses = sum(one["end"] - one["start"] for one in found) - kept
    before, after, target = [], [], []
    for one in found:
        part = slice(round(one["start"] * source_rate), round(one["end"] * source_rate))
        target.append(resample(spoken[part], source_rate, 16_000))
        before.append(resample(raw[part], source_rate, 16_000))
        after.append(one["samples"])
        # the text of a stretch is known if it covers one sentence and touches no other
        touched = [
            (clip, share_inside(mark, one))
            for clip, mark in zip(group, marks, strict=True)
            if share_inside(mark, one) > 0
        ]
        one["text"] = touched[0][0].text if len(touched) == 1 and touched[0][1] >= 0.9 else None
    if not found:
        return {"found": 0.0, "cut away": 1.0}, found
    clean, before, after = (np.concatenate(signals) for signals in (target, before, after))
    figures = {
        "SNR": snr_of(clean, before),
        "delta SNR": snr_of(clean, after) - snr_of(clean, before),
        "STOI": stoi_of(clean, before, 16_000),
        "delta STOI": stoi_of(clean, after, 16_000) - stoi_of(clean, before, 16_000),
        "found": kept / speech,
        "cut away": 1 - kept_pauses / (len(raw) / source_rate - speech),
    }
    return figures, found


results, stretches = [], []
for snr_db in progress(snrs, "signal-to-noise ratios"):
    for noise in practice_noises:
        for group in groups:
            figures, found = run_pipeline(group, noise, snr_db)
            results.append({"snr": snr_db, "noise": noise.label, **figures})
            stretches += [{**one, "snr_db": snr_db, "noise": noise.label} for one in found]


def mean_of(figure: str, **wanted) -> float:
    """Mean of a figure over the results that have it and are as wanted."""
    return float(
        np.mean([r[figure] for r in results if figure in r and all(r[k] == v for k, v in wanted.items())])
    )


FIGURES = {
    "SNR": "SNR before [dB]",
    "delta SNR": "ΔSNR [dB]",
    "STOI": "STOI before",
    "delta STOI": "ΔSTOI",
    "found": "found",
    "cut away": "cut away",
}
table(
    [
        {"mixed at": f"{snr} dB", **{label: mean_of(name, snr=snr) for name, label in FIGURES.items()}}
        for snr in snrs
    ],
    title=f"{reader.name}: {len(groups)} recordings × {len(practice_noises)} noises ({source_noises.name})",
)
table(
    [
        {"noise": noise.label, **{label: mean_of(name, noise=noise.label) for name, label in FIGURES.items()}}
        for noise in practice_noises
    ],
    title="The same by noise, mean over all signal-to-noise ratios",
)
plot.bars(
    {str(noise.label): mean_of("delta SNR", noise=noise.label, snr=0) for noise in practice_noises},
    y_label="ΔSNR [dB]",
    title="What the pipeline gains at 0 dB, by noise",
)
assert mean_of("delta SNR", snr=0) >= 2.0

# %% [markdown]
# Three things to read from the tables. The more noise there is, the more SNR you win; at 20 dB there is
# little to win, and what the filter takes from the voice costs about as much. STOI hardly moves, and rather
# down than up. And the detector cuts less away, the more noise is left: where noise is as loud as the
# voice, energy says "speech" through many pauses. It errs on the side that loses no words.

# %% [markdown]
# Now the files. The manifest is read back by `labkit.corpora.read_manifest`, and the loudness is measured by
# `pyloudnorm`. A stretch that covers one sentence, and touches no other, carries its text.

# %%
import pyloudnorm
import soundfile

with tempfile.TemporaryDirectory() as folder:
    entries = []
    for number, one in enumerate(stretches):
        path = f"{number:04d}.wav"
        soundfile.write(Path(folder) / path, one["samples"], 16_000, subtype="PCM_16")
        entries.append(
            {
                "audio_filepath": path,
                "duration": len(one["samples"]) / 16_000,
                "text": one["text"],
                "snr_db": one["snr_db"],
                "noise": one["noise"],
            }
        )
    manifest = Path(folder) / "manifest.jsonl"
    manifest.write_text(manifest_lines(entries), encoding="utf-8")
    read_back = corpora.read_manifest(manifest)
    off, seconds = [], 0.0
    for entry in read_back:
        samples, rate = soundfile.read(Path(folder) / entry["audio_filepath"])
        whole = len(samples) // 1600 * 1600  # whole tenths of a second, see the next section
        off.append(abs(pyloudnorm.Meter(rate).integrated_loudness(samples[:whole]) + 23))
        seconds += entry["duration"]
    print("".join(manifest_lines(entries[:3])))

table(
    [
        {
            "lines": len(read_back),
            "seconds": seconds,
            "with text": sum(entry["text"] is not None for entry in read_back),
            "median |loudness + 23| [LU]": float(np.median(off)),
            "largest": max(off),
        }
    ],
    title="The manifest, read back",
)

assert max(off) < 1.0

# %% [markdown]
# Recordings are not nearer to −23, because of the order. The loudness was set at the rate of the recording,
# and resampling then took away what lay above 8 kHz: the tops of *s* and *f*, which K-weighting had counted
# with 4 dB more. If the level of the files is what matters, set it last.

# %% [markdown]
# ## Against the library
#
# Loudness against `pyloudnorm`, resampling against `scipy.signal.resample_poly`: first the numbers, then
# the time for a minute of sound.

# %%
from scipy.signal import resample_poly

rows = []
for rate in (8_000, 16_000, 22_050, 44_100, 48_000):
    differences = {"whole tenths": [], "as they come": []}
    for clip in list(reader)[: 4 if fast_mode() else 10]:
        samples = resample(clip.samples, source_rate, rate)
        tenths = samples[: len(samples) * 10 // rate * rate // 10]
        for name, piece in {"whole tenths": tenths, "as they come": samples}.items():
            differences[name].append(
                abs(loudness_lufs(piece, rate) - pyloudnorm.Meter(rate).integrated_loudness(piece))
            )
    rows.append(
        {
            "sample rate": rate,
            **{f"largest difference [LU], {name}": max(values) for name, values in differences.items()},
        }
    )
table(rows, title="Your loudness beside pyloudnorm's, target: 0.1 LU on whole tenths of a second")
assert all(row["largest difference [LU], whole tenths"] < 0.1 for row in rows)

minute = np.random.default_rng(0).normal(0, 0.1, 60 * 48_000)
repeat = 1 if fast_mode() else 5
up, down, taps = 1, 3, resampling_filter(1, 3)
pairs = {
    "loudness of a minute at 48 kHz": (
        lambda: loudness_lufs(minute, 48_000),
        lambda: pyloudnorm.Meter(48_000).integrated_loudness(minute),
    ),
    "48 → 16 kHz, a minute": (
        lambda: resample_polyphase(minute, up, down, taps),
        lambda: resample_poly(minute, up, down),
    ),
}
rows = []
for name, (mine, theirs) in pairs.items():
    difference = float(np.max(np.abs(mine() - theirs())))
    rows.append(
        {
            "what": name,
            "yours [ms]": 1000 * stopwatch(mine, repeat=repeat),
            "library [ms]": 1000 * stopwatch(theirs, repeat=repeat),
            "largest difference": difference,
        }
    )
table(rows, title="Numbers and speed")

# %% [markdown]
# The 0.04 LU that remain come from the filters: pyloudnorm's default ones are rounded designs (1500 Hz, 38
# Hz, 4 dB), yours have the response that the rule prints. And what happens *as they come*? A clip seldom
# ends with a whole tenth of a second. The rule says that an incomplete last block is not used. pyloudnorm
# rounds the number of blocks, and so takes one that is up to 50 ms short as if silence followed. In a short
# clip that is more than 0.1 LU.
#
# The resampled signals agree to the last digits, because `resample_poly` designs the same filter by
# default. If yours takes some ten times as long, it has a loop over outputs. One loop over the phases is
# about as fast as scipy's own. Twice as fast is possible: put the sub-filters of neighbouring outputs side
# by side as the columns of a matrix, and let one matrix product do them all.

# %% [markdown]
# ## Where it breaks
#
# Part 2 had an *if*: if the noise stays as it is. Take a noise that does not: other people. Eight voices at
# once are called *babble*, the noise of every restaurant.

# %%
babble = next(noise for noise in corpora.generated_noises(RATE) if noise.label == "babble")
steady = next(noise for noise in corpora.generated_noises(RATE) if noise.label == "pink")
rows = []
for noise in (steady, babble):
    mixture = mix_at_snr(clean, noise.samples, 0.0)
    result = denoise(mixture, RATE)
    rows.append(
        {
            "noise at 0 dB": noise.label,
            "ΔSNR [dB]": snr_of(clean, result) - snr_of(clean, mixture),
            "ΔSTOI": stoi_of(clean, result, RATE) - stoi_of(clean, mixture, RATE),
        }
    )
    play({f"{noise.label}, 0 dB": mixture, f"{noise.label}, Wiener": result}, RATE)
table(rows, title="A noise that stays, and one that does not")

# %% [markdown]
# Against babble the filter does next to nothing. Its picture of the noise is a mean over the whole
# recording, and the noise is never like its mean. Worse: babble *is* speech. No rule about power can tell
# one voice from eight. What can is knowledge of how speech goes on, learnt from examples: that is what
# Silero VAD has, and what neural noise reduction has.
#
# And look back at Part 6. On, off, a count of frames that are left: your detector has *states*, and what it
# does depends on the state that it is in. But you set the thresholds and the hangover by hand. A model that
# has states too, and *learns* how likely it is to stay or to go, is a **hidden Markov model**. It is the
# next lab.

# %% [markdown]
# ## Read on
#
# - Boll, *Suppression of acoustic noise in speech using spectral subtraction*, IEEE Trans. ASSP 27, 1979,
#   and Berouti, Schwartz and Makhoul, *Enhancement of speech corrupted by acoustic noise*, ICASSP 1979.
# - Ephraim and Malah, *Speech enhancement using a minimum mean-square error short-time spectral amplitude
#   estimator*, IEEE Trans. ASSP 32, 1984, section V: the decision-directed estimate.
# - Cappé, *Elimination of the musical noise phenomenon with the Ephraim and Malah noise suppressor*, IEEE
#   Trans. SAP 2, 1994: why it works, on a few pages.
# - Loizou and Kim, *Reasons why current speech-enhancement algorithms do not improve speech
#   intelligibility*, IEEE Trans. ASLP 19, 2011.
# - Rabiner and Sambur, *An algorithm for determining the endpoints of isolated utterances*, Bell System
#   Technical Journal 54, 1975.
# - ITU-R BS.1770-4, annex 1 (nine pages), and EBU Tech 3341 for its test signals.
# - Taal, Hendriks, Heusdens and Jensen, *An algorithm for intelligibility prediction of time-frequency
#   weighted noisy speech*, IEEE Trans. ASLP 19, 2011: STOI.
# - Crochiere and Rabiner, *Multirate Digital Signal Processing*, 1983, chapters 2 and 3.
