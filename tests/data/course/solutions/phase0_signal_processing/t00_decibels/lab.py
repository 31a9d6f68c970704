# ---
# jupyter:
#   lab:
#     title: Decibels
#     topic: 0
#     minutes: 30
#     difficulty: 1
#     needs: []
#     covers: {}
# ---

# %% [markdown]
# # Decibels
#
# Press play on both clips. The second is the first divided by two.

# %%
import numpy as np
from jaxtyping import Float

from autograder import check
from labkit import corpora, play, plot

voice = corpora.digits().clip("seven", speaker=0)
play({"as recorded": voice.samples, "halved": voice.samples / 2}, voice.sample_rate)

# %% [markdown]
# Half the amplitude, but it does not sound half as loud: most people say "a little quieter".
# Hearing compares *ratios*. A scale that turns ratios into differences is a logarithm, and the
# logarithm that audio uses is the **decibel**.
#
# You will write three short functions. Every lab after this one uses them: to mix noise at a
# chosen level, to bring recordings to one loudness, to draw a spectrogram that shows what you hear.
#
# **A number first.** Halving the amplitude quarters the power ($0.5^2 = 0.25$). In decibels that is
# $10\log_{10} 0.25 \approx -6$ dB. Remember it: *half the amplitude, six decibels down*.
#
# **The formula.** For a power $P$ and a reference power $P_0$, the level is
# $L = 10 \log_{10}(P / P_0)$ dB.

# %% [markdown]
# ## Part 1: how strong is a signal?
#
# The average of the samples says nothing (it is near zero for every sound). Average their squares
# instead and take the root, so that the result is back in the unit of the samples.


# %% part="rms" points=2 difficulty=1 minutes=5
def rms(samples: Float[np.ndarray, "time"]) -> float:
    """Root mean square of a signal.

    Args:
        samples: waveform, any unit.
    Returns:
        Square root of the mean of the squares, in the unit of `samples`.
    Raises:
        ValueError: if `samples` is empty.
    Source: IEC 60050-103, "root-mean-square value".
    Example:
        >>> rms(np.array([3.0, -3.0]))
        3.0
    """
    ### BEGIN SOLUTION
    if samples.size == 0:
        raise ValueError("samples is empty: the mean of nothing is undefined")
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    ### END SOLUTION


# %% [markdown] hints="rms"
# 1. Read the name from right to left: square, mean, root.
# 2. `np.mean` of an empty array warns and gives NaN. Decide before it comes to that.
# 3. `np.sqrt(np.mean(samples ** 2))`, after the test for emptiness. Integer samples overflow when
#    squared; float64 does not.

# %% [markdown]
# ## Part 2: power to decibels
#
# Silence has power zero, and $\log 0$ is $-\infty$. A *floor* keeps plots and averages finite:
# nothing is reported lower than `floor_db` below the reference.


# %% part="power_to_db" points=3 difficulty=1 minutes=10
def power_to_db(
    power: Float[np.ndarray, "*shape"], reference: float = 1.0, floor_db: float = -80.0
) -> Float[np.ndarray, "*shape"]:
    """Level of a power relative to a reference.

    Args:
        power: non-negative power, for example |STFT|².
        reference: power that is 0 dB, greater than zero.
        floor_db: lowest level returned, in dB.
    Returns:
        10·log10(power / reference) in dB, never below `floor_db`.
    Raises:
        ValueError: if `reference` is not positive or a power is negative.
    Source: IEC 60027-3, logarithmic quantities.
    Example:
        >>> power_to_db(np.array([1.0, 0.25, 0.0])).round(1).tolist()
        [0.0, -6.0, -80.0]
    """
    ### BEGIN SOLUTION
    if reference <= 0:
        raise ValueError(f"reference is {reference}, expected a power greater than zero")
    if np.any(power < 0):
        raise ValueError(f"power holds {np.min(power)}, expected no negative value")
    lowest = reference * 10 ** (floor_db / 10)
    return 10 * np.log10(np.maximum(power, lowest) / reference)
    ### END SOLUTION


# %% [markdown] hints="power_to_db"
# 1. What would you have to do to a power of zero so that its logarithm is exactly the floor?
# 2. The floor is a level. Turn it back into a power with $P = P_0 \cdot 10^{L/10}$.
# 3. `np.maximum(power, lowest)`, then one logarithm. No loop, no masking.

# %% [markdown]
# ## Put it together
#
# The level of the recording, every 10 ms. The dips are the closures of *v* and *n*.

# %%
frames = np.lib.stride_tricks.sliding_window_view(voice.samples, 400)[::160]
level = power_to_db(np.array([rms(frame) ** 2 for frame in frames]), reference=rms(voice.samples) ** 2)
plot.track(level, hop_seconds=160 / voice.sample_rate, label="level [dB]", title="“seven”, relative to its mean")

# %% [markdown]
# ## Practice: make two speakers equally loud
#
# In the digit recordings, one speaker's median level is 20 dB below another's. Bring every clip to
# −26 dB and listen to ten of them in a row. **Target:** the spread of levels over all clips is below
# 0.1 dB (before: about 9 dB).

# %% [markdown]
# ## Against the library
#
# `librosa.power_to_db` does the same with other defaults: its `top_db` is measured from the *loudest*
# value, yours from the reference. Which one changes when you append a click to the recording?

# %% [markdown]
# ## Where it breaks
#
# Play a tone of 100 Hz and one of 3 kHz at the same level. They do not sound equally loud. Decibels
# measure power; loudness needs the ear's own filter. That is what LUFS adds, two labs from here.
#
# **Read on:** ITU-R BS.1770-5, section 2 (4 pages).
