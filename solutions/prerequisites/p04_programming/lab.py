# ---
# jupyter:
#   lab:
#     title: Programming for speech
#     topic: 0
#     minutes: 180
#     difficulty: 2
#     needs: []
#     libraries: [numpy]
#     covers:
#       "Python (primary — 90% of ML/audio research)": "passage: Python, and what is under it"
#       "NumPy, SciPy, Matplotlib": "passage: NumPy, SciPy, Matplotlib"
#       "OOP, functional patterns, async programming": stream_frames
#       "C++ (for low-latency inference engines)": "passage: C++: where every microsecond counts"
#       "JavaScript/TypeScript (for web APIs and browser-based STT/TTS)": "passage: JavaScript: speech in the browser"
#       "Shell/Bash (for pipeline automation, data processing)": "passage: The shell: many files, one line"
# ---

# %% [markdown]
# # Programming for speech
#
# Press play on both. They are one recording through one filter. The second program got the sound in blocks
# of 20 ms, as a telephone does, and has one small bug.

# %%
import asyncio
import base64
import concurrent.futures
import ctypes
import functools
import heapq
import itertools
import json
import math
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.signal import lfilter

from autograder import check
from labkit import corpora, fast_mode, play, plot, stopwatch, table

recording = corpora.vctk()[0]
RATE = 16_000  # Hz
BLOCK = 320  # samples: 20 ms
voice = 0.5 * recording.samples.astype(np.float64) / np.abs(recording.samples).max()
POLE = 0.95
whole = lfilter([1 - POLE], [1, -POLE], voice)
in_blocks = np.concatenate(
    [lfilter([1 - POLE], [1, -POLE], voice[start : start + BLOCK]) for start in range(0, len(voice), BLOCK)]
)
play({"all at once": 3 * whole, "in blocks of 20 ms": 3 * in_blocks}, RATE)
seam = int(np.argmax(np.abs(whole[BLOCK - 1 :: BLOCK]))) * BLOCK + BLOCK
near = slice(seam - 120, seam + 200)
milliseconds = 1000 * np.arange(-120, 200) / RATE
plot.lines(
    {"all at once": (milliseconds, whole[near]), "in blocks": (milliseconds, in_blocks[near])},
    x_label="time since the start of a block [ms]",
    y_label="amplitude",
    title="Where two blocks meet",
)

# %% [markdown]
# The second one buzzes. At the start of every block the filter has **forgotten** what came before, so the
# curve jumps. There are 50 blocks a second, and you hear a tone of 50 Hz. On any single block the program is
# right. On a *stream* it is wrong.
#
# This is the kind of error that costs speech programmers their evenings. It is in no formula. It is in the
# programming.

# %% [markdown]
# ## What you will build
#
# | parts | what | way of programming |
# |---|---|---|
# | 1 to 5 | frames without copies, distances, running means, masks | **NumPy**: whole arrays instead of loops |
# | 6, 7 | a buffer for streams, a filter that remembers | **objects**: state with its own functions |
# | 8, 9 | stages put in a row, a stream cut into frames | **functions and generators** |
# | 10, 11 | a scheduler, and many requests at once | **asynchronous** programs |
# | 12 | reading what a C program sends | **C and C++**: bytes |
# | 13 | summing up a list of recordings | **the shell's** kind of work |
#
# Between the parts stand small programs in C++, Bash and JavaScript. The page runs them if your machine has
# what they need. If not, it says so and shows what they printed on ours.
#
# **Who uses this?** Whisper's model is a few hundred lines of Python that call C++ and CUDA. whisper.cpp is
# the same model in C++, for phones. Kaldi, the recogniser of the 2010s, is C++ programs that Bash scripts
# tie together. And whoever speaks with a machine in a browser speaks into JavaScript and a ring buffer. You
# will write one in Part 6.

# %% [markdown]
# ## The idea
#
# **A number first.** A telephone call brings a block of 20 ms: 320 numbers at 16 kHz. A small recogniser
# does about a thousand million multiplications for each second of sound. For one block that is 20 million.
# The next block comes in 20 ms. So there is 1 **nanosecond** for each multiplication.
#
# How long does your machine take? The measure is the **real-time factor**,
#
# $$\text{RTF} = \frac{\text{time to compute}}{\text{duration of the sound}} .$$
#
# Below 1 you keep up. Above 1 you fall behind, further and further.

# %% [markdown]
# ## Python, and what is under it
#
# The same sum of products, written as a loop and as one call.


# %%
def dot_loop(x: list[float], y: list[float]) -> float:
    """Sum of products, one at a time."""
    total = 0.0
    for a, b in zip(x, y, strict=True):
        total += a * b
    return total


many = 20_000 if fast_mode() else 200_000
first, second = np.random.default_rng(0).normal(size=(2, many))
first_list, second_list = first.tolist(), second.tolist()
seconds = {
    "Python, lists": stopwatch(dot_loop, first_list, second_list),
    "Python, NumPy arrays": stopwatch(dot_loop, first, second),
    "NumPy, one call": stopwatch(np.dot, first, second),
}
table(
    [
        {
            "how": how,
            "ns per multiplication": 1e9 * taken / many,
            "1 ns or less": taken <= 1e-9 * many,
        }
        for how, taken in seconds.items()
    ],
    title="1 ns is just enough for the small recogniser",
)
print(
    f"the one call is {seconds['Python, lists'] / seconds['NumPy, one call']:.0f} times as fast as the loop"
)

# %% [markdown]
# The loop is far too slow. And a loop over a NumPy array is the worst of all: each number is wrapped into a
# Python object before it is used. That is rule one of this lab: **do not loop over an array.**
#
# Why is it so slow? Python looks at every number and asks again: what is this, and how does one multiply it?
# NumPy asks once per *array*. The rest is a loop in C, without questions.
#
# And why Python then? Because the slow layer is thin. You write *what* should happen, in few lines that one
# can read and change before lunch. Under it C, C++ and CUDA do the work. The roadmap says that 90 % of
# audio research is in Python. Nobody has counted. But Whisper, wav2vec 2.0 and VITS, which you will meet,
# were all published as Python.

# %% [markdown]
# ## Part 1: frames without copies
#
# Speech programs cut sound into **frames**, short pieces that overlap. Frames of 25 ms, one every 10 ms: each
# sample is in two or three of them. To copy it each time is a waste.
#
# An array is two things: a stretch of memory, and a note on how to walk through it. The note says how many
# steps there are along each axis, the **shape**, and how many *bytes* a step is, the **strides**. Change the
# note, and you see the same memory as another array: a **view**.
#
# **A number first.** Eight numbers of 8 bytes each. Frames of 4, one every 2. From one number to the next it
# is 8 bytes. From one frame to the next it is 2 numbers, 16 bytes. So the strides are (16, 8). Frames begin
# at 0, 2 and 4, and the last ends with number 7: the shape is (3, 4). Twelve numbers seen, eight in memory.
#
# How many frames? The last one must fit: with $N$ numbers, frame length $L$ and hop $H$ there are
#
# $$1 + \left\lfloor \frac{N - L}{H} \right\rfloor .$$
#
# One frame too many, and the view looks beyond the array, at whatever lies there. Nobody stops it.


# %% part="frame_layout" points=3 difficulty=2 minutes=11 forbids="numpy.lib.stride_tricks librosa"
def frame_layout(length: int, stride: int, frame_length: int, hop_length: int) -> dict[str, tuple[int, int]]:
    """Shape and strides of a view that shows a one-dimensional array as overlapping frames.

    Args:
        length: numbers in the array.
        stride: bytes from one number of the array to the next (of `samples[::2]` it is twice as much; it
            may be negative).
        frame_length: numbers in a frame.
        hop_length: numbers from the start of one frame to the start of the next.
    Returns:
        "shape": (frames, frame_length), with as many frames as fit wholly into the array; "strides": bytes
        from frame to frame, and bytes from number to number within a frame.
    Raises:
        ValueError: if a length is less than 1, or not one frame fits.
    Source: Harris et al. 2020, Array programming with NumPy, figure 1a and b.
    Example:
        >>> frame_layout(8, 8, frame_length=4, hop_length=2)
        {'shape': (3, 4), 'strides': (16, 8)}
    """
    ### BEGIN SOLUTION
    if frame_length < 1 or hop_length < 1:
        raise ValueError(f"frame_length is {frame_length}, hop_length is {hop_length}, expected 1 or more")
    if length < frame_length:
        raise ValueError(f"no frame of {frame_length} fits into {length} numbers")
    n_frames = 1 + (length - frame_length) // hop_length
    return {"shape": (n_frames, frame_length), "strides": (hop_length * stride, stride)}
    ### END SOLUTION


# %% [markdown] hints="frame_layout"
# 1. Draw eight boxes and the frames under them. How far is it from box to box, and from frame to frame?
# 2. `stride` already counts bytes. A hop of 3 numbers is three strides. The formula above gives the number
#    of frames; `//` rounds down.
# 3. Two tests, then `frames = 1 + (length - frame_length) // hop_length`. The strides are
#    `hop_length * stride` from frame to frame and `stride` inside a frame.

# %% [markdown]
# NumPy makes a view from your note. The helper below trusts nobody: it asks first whether the view would
# stay inside the array.


# %%
def frame_view(samples: Float[np.ndarray, "time"], frame_length: int, hop_length: int):
    """Overlapping frames [frames, frame_length] of a signal. It is a view, for reading only."""
    layout = frame_layout(len(samples), samples.strides[0], frame_length, hop_length)
    ways = [
        (count - 1) * stride / samples.strides[0]
        for count, stride in zip(layout["shape"], layout["strides"], strict=True)
    ]
    if min(ways) < 0 or sum(ways) > len(samples) - 1:
        raise ValueError(f"{layout} leaves the array, which has {len(samples)} numbers")
    return np.lib.stride_tricks.as_strided(samples, layout["shape"], layout["strides"], writeable=False)


frames = frame_view(voice, 400, 160)
table(
    [
        {"array": "samples", "shape": str(voice.shape), "numbers": voice.size, "new memory [kB]": 0.0},
        {
            "array": "frames, your view",
            "shape": str(frames.shape),
            "numbers": frames.size,
            "new memory [kB]": 0.0 if np.shares_memory(frames, voice) else frames.nbytes / 1000,
        },
        {
            "array": "frames, copied",
            "shape": str(frames.shape),
            "numbers": frames.size,
            "new memory [kB]": frames.copy().nbytes / 1000,
        },
    ],
    title="25 ms frames, one every 10 ms",
)

# %% [markdown]
# ## Part 2: all pairs at once
#
# How alike are two words? Describe each frame by a list of numbers, a **feature vector**, and take the
# distance of every frame of the one to every frame of the other. For two vectors,
#
# $$d(x, y) = \sqrt{\textstyle\sum_k (x_k - y_k)^2} .$$
#
# **A number first.** (0, 0) and (3, 4): $\sqrt{9 + 16} = 5$.
#
# For $n$ times $m$ pairs one would write three loops. **Broadcasting** writes them for you. Two arrays meet
# axis by axis, from the last one. Where one of them has length 1, it is repeated (without a copy):
#
# | array | shape |
# |---|---|
# | `x[:, None, :]` | $n$, 1, $d$ |
# | `y[None, :, :]` | 1, $m$, $d$ |
# | their difference | $n$, $m$, $d$ |
#
# There is a faster way that you may meet: $\sqrt{|x|^2 + |y|^2 - 2\,x \cdot y}$. It takes the difference of
# large numbers to find a small one, and loses the digits that matter: for $x = 10^8$ and $y = 10^8 + 1$ it
# may say 0. Here, subtract first. And mind the type: in 8-bit numbers without sign, 3 − 5 is 254.


# %% part="pairwise_distances" points=3 difficulty=2 minutes=12 forbids="scipy.spatial sklearn torch"
def pairwise_distances(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Euclidean distance of every row of x to every row of y.

    Args:
        x: one vector per row. Integers of any kind are welcome.
        y: one vector per row, as long as those of `x`.
    Returns:
        Distance of row i of `x` to row j of `y` at place [i, j], in float64, right to the last digits also
        where the vectors are long and their difference is small.
    Raises:
        ValueError: if one of them is not a matrix, or their rows differ in length.
    Source: NumPy user guide, "Broadcasting".
    Example:
        >>> pairwise_distances(np.array([[0, 0]]), np.array([[3, 4], [0, 1]])).tolist()
        [[5.0, 1.0]]
    """
    ### BEGIN SOLUTION
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"x has shape {x.shape} and y {y.shape}, expected [n, d] and [m, d]")
    x, y = x.astype(np.float64), y.astype(np.float64)
    return np.sqrt(np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2))
    ### END SOLUTION


# %% [markdown] hints="pairwise_distances"
# 1. Which shape has the array of all differences? Over which of its axes do you sum?
# 2. `None` in an index makes a new axis of length 1. Convert to float64 before you subtract.
# 3. `difference = x[:, None, :] - y[None, :, :]`, then square, sum over axis 2, root.

# %% [markdown]
# Somebody says "seven", twice. The features: energy in 16 frequency bands, as a logarithm, each band brought
# to mean 0 and deviation 1. Dark is near.


# %%
def band_levels(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames 16"]:
    """Levels of 16 bands in frames of 32 ms, one every 8 ms, at 8 kHz, without the silence at both ends."""
    windowed = frame_view(samples.astype(np.float64), 256, 64) * np.hanning(256)
    power = np.abs(np.fft.rfft(windowed)) ** 2
    power = power[:, 1:].reshape(len(windowed), 16, 8).sum(axis=2)
    loud = np.flatnonzero(power.sum(axis=1) > 1e-3 * power.sum(axis=1).max())
    levels = np.log(power[loud[0] : loud[-1] + 1] + 1e-4 * power.max(axis=0))
    return (levels - levels.mean(axis=0)) / levels.std(axis=0)


digits = corpora.digits()
sevens = [digits.clip("seven", speaker=0, index=index) for index in (0, 1)]
play({"first seven": sevens[0].samples, "second seven": sevens[1].samples}, digits.sample_rate)
plot.matrix(
    pairwise_distances(*[band_levels(clip.samples) for clip in sevens]),
    x_label="frame of the second seven",
    y_label="frame of the first seven",
    title="Distance of every frame to every frame",
)

# %% [markdown]
# A chain of dark patches runs from the upper left to the lower right: *s*, *e*, *v*, *e*, *n* meet themselves,
# in the same order, though not at the same speed. Patches beside the chain are sounds that resemble each
# other, such as the two *e*. Recognisers of the 1970s looked for exactly that chain.

# %% [markdown]
# ## Part 3: a running mean
#
# A meter should not tremble. It shows the mean of the last so many values, a **running mean**. Summing up
# each window anew costs (number of samples) × (width) additions. But two neighbouring windows differ in one
# value at each end.
#
# Write down the sum of everything so far, $S_i = x_0 + \dots + x_{i-1}$, the **cumulative sum**. Then the sum
# of *any* window is one subtraction.
#
# **A number first.** $x$ = 3, 1, 4, 1, 5. Cumulative: $S$ = 0, 3, 4, 8, 9, 14 (it starts with 0, so it is one
# longer). The last three values sum to $S_5 - S_2 = 14 - 4 = 10$. Their mean is 3.33.
#
# At the beginning there are fewer than *width* values. Divide by how many there are.
#
# There is a price. $S$ grows. A number in **float32** has 7 digits: above 16 777 216 the next one is 2 away,
# and adding 1 changes nothing. A loud recording in 16-bit numbers, of some 10 000 each, is there after a
# tenth of a second. `np.cumsum` of float32 stays float32. Make it float64, which has 16 digits.


# %% part="running_mean" points=3 difficulty=2 minutes=13 forbids="scipy.ndimage scipy.signal numpy.convolve pandas"
def running_mean(samples: Float[np.ndarray, "time"], width: int) -> Float[np.ndarray, "time"]:
    """Mean of the last `width` values at every moment, with a number of additions that ignores the width.

    Args:
        samples: one channel, of any number type.
        width: how many values the mean is over, this moment's included.
    Returns:
        In float64, as long as `samples`. Where fewer than `width` values have come, the mean of those.
    Raises:
        ValueError: if `width` is less than 1, or `samples` has not one dimension.
    Source: Crow 1984, Summed-area tables for texture mapping, in one dimension.
    Example:
        >>> running_mean(np.array([3, 1, 4, 1, 5]), 3).round(2).tolist()
        [3.0, 2.0, 2.67, 2.0, 3.33]
    """
    ### BEGIN SOLUTION
    if width < 1:
        raise ValueError(f"width is {width}, expected 1 or more")
    if samples.ndim != 1:
        raise ValueError(f"samples has shape {samples.shape}, expected [time]")
    sums = np.concatenate([[0.0], np.cumsum(samples, dtype=np.float64)])
    ends = np.arange(1, len(samples) + 1)
    starts = np.maximum(ends - width, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)
    ### END SOLUTION


# %% [markdown] hints="running_mean"
# 1. Which values of the cumulative sum does the window that ends at place i need? Is there one at each end?
# 2. Put a 0 in front of the cumulative sum. The window of place i ends before i + 1 and starts at
#    i + 1 − width, but not below 0. `np.cumsum` has a `dtype`.
# 3. With `ends = np.arange(1, n + 1)` and `starts = np.maximum(ends - width, 0)`, index the sums with both
#    arrays, subtract, and divide by `ends - starts`.

# %%
sizes = running_mean(np.abs(voice), RATE // 20)
constant = np.full(600_000 if fast_mode() else 3_000_000, 0.1, dtype=np.float32)
in_float32 = np.cumsum(constant)  # stays float32
bad = (in_float32[RATE:] - in_float32[:-RATE]) / RATE  # means over a second
table(
    [
        {
            "running mean of a constant 0.1": "cumulative sum in float32",
            "worst error": np.abs(bad - 0.1).max(),
        },
        {
            "running mean of a constant 0.1": "yours",
            "worst error": np.abs(running_mean(constant, RATE) - np.float64(constant[0])).max(),
        },
    ],
    title=f"{len(constant) / RATE:.0f} s of a constant",
)
play({"as it is": voice, "running mean of 16": 2 * running_mean(voice, 16)}, RATE)
seconds_of = np.arange(len(voice)) / RATE
plot.lines(
    {"|samples|": (seconds_of, np.abs(voice)), "their running mean, 50 ms": (seconds_of, sizes)},
    x_label="time [s]",
    y_label="amplitude",
    title="A meter that does not tremble",
)

# %% [markdown]
# A running mean of the samples themselves sounds dull. It is a filter: fast changes average out, slow ones
# stay.

# %% [markdown]
# ## Part 4: a copy or the thing itself
#
# A comparison such as `sizes > 0.02` gives an array of True and False, a **mask**. `samples[~mask] = 0` then
# writes zeros where the mask is False. But into what? In Python, `kept = samples` makes no new array. It
# makes a second *name* for the same one. Who writes into `kept` writes into `samples`, and into whatever
# else was made that way.
#
# **A number first.** `kept = samples`, `removed = samples`, then zeros into the one where the mask is False
# and into the other where it is True. Both are names of one array: now it is zero everywhere.
#
# Split a sound by a mask into what stays and what goes. And leave what you were given as it is: your caller
# still needs it. (Do not multiply by the mask either. Infinity times 0 is no number.)


# %% part="split_by_mask" points=2 difficulty=1 minutes=7
def split_by_mask(
    samples: Float[np.ndarray, "time"], keep: Bool[np.ndarray, "time"]
) -> dict[str, Float[np.ndarray, "time"]]:
    """Split a signal into two of the same length that add up to it.

    Args:
        samples: of any number type. It is not changed.
        keep: True where the sample stays.
    Returns:
        "kept": the samples where `keep` is True, 0 elsewhere; "removed": the samples where it is False, 0
        elsewhere. Both are new arrays of the type of `samples`.
    Raises:
        ValueError: if `keep` is not an array of True and False in the shape of `samples`.
    Source: NumPy user guide, "Copies and views".
    Example:
        >>> split_by_mask(np.array([1, 2, 3]), np.array([True, False, True]))["kept"].tolist()
        [1, 0, 3]
    """
    ### BEGIN SOLUTION
    if keep.dtype != bool or keep.shape != samples.shape:
        raise ValueError(
            f"keep has type {keep.dtype} and shape {keep.shape}, expected bool and {samples.shape}"
        )
    kept, removed = samples.copy(), samples.copy()
    kept[~keep] = 0
    removed[keep] = 0
    return {"kept": kept, "removed": removed}
    ### END SOLUTION


# %% [markdown] hints="split_by_mask"
# 1. How many arrays do you need, and which line makes a new one?
# 2. `samples.copy()` is a new array with the same type. An index by a mask can stand on the left of `=`.
# 3. Two copies. In the first, `[~keep] = 0`; in the second, `[keep] = 0`. Before: compare `keep.dtype` with
#    `bool`, and the shapes.

# %%
slow = running_mean(np.abs(voice), RATE // 5)
is_loud = slow > 0.15 * slow.max()
pieces = split_by_mask(voice, is_loud)
play({"kept": pieces["kept"], "removed": pieces["removed"]}, RATE)

# %% [markdown]
# ## Part 5: from a mask to stretches
#
# A mask says yes or no for every sample. People want to hear "speech from 0.31 s to 1.92 s". A stretch of
# True in a row is a **run**. Give its start, and the place *after* its end, as Python's slices do.
#
# **A number first.** F T T F T: runs 1 to 3 and 4 to 5.
#
# No loop is needed. Put a False before and after. A run starts where a value differs from the one before it,
# and ends where the next value differs again. Places where something changes come in pairs.


# %% part="runs" points=2 difficulty=2 minutes=10 forbids="scipy.ndimage librosa"
def runs(mask: Bool[np.ndarray, "time"]) -> Int[np.ndarray, "runs 2"]:
    """Stretches of True.

    Args:
        mask: True and False, one dimension.
    Returns:
        One row per run, in order: where it starts, and the place after its last True. Shape (0, 2) if there
        is none.
    Raises:
        ValueError: if `mask` is no array of True and False, or has not one dimension.
    Source: the run-length encoding of Robinson & Cherry 1967, for two values.
    Example:
        >>> runs(np.array([False, True, True, False, True])).tolist()
        [[1, 3], [4, 5]]
    """
    ### BEGIN SOLUTION
    if mask.dtype != bool or mask.ndim != 1:
        raise ValueError(f"mask has type {mask.dtype} and shape {mask.shape}, expected bool and [time]")
    changes = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return changes.reshape(-1, 2)
    ### END SOLUTION


# %% [markdown] hints="runs"
# 1. What is special about the place where a run starts, and about the place after it?
# 2. `np.diff` of True and False is True where two neighbours differ. It has `prepend` and `append`.
#    `np.flatnonzero` gives the places.
# 3. The places alternate: start, end, start, end. `reshape(-1, 2)` puts each pair into a row.

# %%
found = runs(is_loud)
table(
    [
        {"from [s]": start / RATE, "to [s]": end / RATE, "lasts [s]": (end - start) / RATE}
        for start, end in found
    ],
    title=f"{len(found)} stretches in which the mean of 0.2 s is above a line",
)

# %% [markdown]
# A running mean looks back, so every stretch begins and ends a little late.
#
# ## NumPy, SciPy, Matplotlib
#
# Three libraries that belong together:
#
# | library | has | examples |
# |---|---|---|
# | **NumPy** | the array, and arithmetic on it | `np.cumsum`, broadcasting, `np.fft` |
# | **SciPy** | methods of science, on NumPy's arrays | filters, optimisation, statistics, reading WAV files |
# | **Matplotlib** | pictures of arrays | everything that you see on these pages |
#
# One question for all three: how many syllables has this sentence? A syllable has a vowel, and a vowel is
# loud. So: amplitude, smooth it (NumPy, your Part 3), find the peaks (SciPy), draw (Matplotlib).
#
# In Matplotlib a *figure* is the sheet of paper, *axes* are one drawing on it. All else is asked of the
# axes: `plot`, `set_xlabel`. (The other pages use `labkit.plot`, which does the same with house colours.)

# %%
import matplotlib.pyplot as plt
from scipy.signal import butter, find_peaks, sosfiltfilt

band = sosfiltfilt(butter(2, [300, 2500], btype="bandpass", fs=RATE, output="sos"), voice)  # vowels
envelope = running_mean(running_mean(np.abs(band), RATE // 16), RATE // 32)
peaks, _ = find_peaks(envelope, prominence=0.08 * envelope.max(), distance=RATE // 10)

figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
axes.plot(seconds_of, np.abs(band), color="lightgray", label="|filtered samples|")
axes.plot(seconds_of, 3 * envelope, label="3 × running mean")
axes.plot(seconds_of[peaks], 3 * envelope[peaks], "o", label="peaks")
axes.set_xlabel("time [s]")
axes.set_ylabel("amplitude")
axes.set_title(f"{len(peaks)} peaks: “{recording.text}”", fontsize=9)
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# Count the syllables of the sentence yourself. The peaks come near, but not more: an unstressed syllable
# makes no peak, a long vowel may make two. Twelve lines, and not one loop.

# %% [markdown]
# ## Part 6: a buffer for streams
#
# Now to streams. The sound card delivers 10 ms at a time, the recogniser wants 20, and the network stops for
# a moment now and then. Between them stands a **ring buffer**: an array of fixed size whose end is joined to
# its beginning. It never grows. Whoever writes goes round, and whoever reads follows.
#
# **A number first.** Capacity 5. Write a b c d: all in, 4 available. Read 2: a b. Write e f: *e* goes to the
# last place, *f* to the first one, where *a* was. Read 3: c d e.
#
# What if it is full? That has to be decided, and it is the **overflow policy**:
#
# - *drop oldest*: the newest sound counts. A live call does that; nobody wants to hear the past.
# - *drop newest*: what does not fit is not taken. A recorder does that; what it has is safe.
#
# Either way, say how much was lost. Sound that vanishes in silence is the worst kind of error.
#
# This is an **object**: some state (the array, where the oldest sample is, how many there are), and the
# functions that may touch it. In Python that is a `class`. `self` is the object itself.


# %% part="RingBuffer" points=5 difficulty=3 minutes=22 forbids="collections.deque queue.Queue"
class RingBuffer:
    """A queue of samples in memory of fixed size.

    Attributes:
        available: how many samples can be read.
    Args:
        capacity: how many samples it holds at most.
        policy: what to do when it is full: "drop_oldest" or "drop_newest".
    Raises:
        ValueError: if `capacity` is less than 1, or there is no such policy.
    Source: PortAudio, pa_ringbuffer.h, with a policy for overflow.
    Example:
        >>> ring = RingBuffer(5)
        >>> ring.write(np.array([1.0, 2.0, 3.0, 4.0])), ring.read(2).tolist()
        (0, [1.0, 2.0])
        >>> ring.write(np.array([5.0, 6.0, 7.0, 8.0])), ring.available, ring.read(9).tolist()
        (1, 5, [4.0, 5.0, 6.0, 7.0, 8.0])
    """

    def __init__(self, capacity: int, policy: str = "drop_oldest") -> None:
        ### BEGIN SOLUTION
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}, expected 1 or more")
        if policy not in ("drop_oldest", "drop_newest"):
            raise ValueError(f"policy is {policy!r}, expected 'drop_oldest' or 'drop_newest'")
        self._data = np.zeros(capacity)
        self._oldest = 0
        self._policy = policy
        self.available = 0
        ### END SOLUTION

    def write(self, samples: Float[np.ndarray, "time"]) -> int:
        """Append samples; returns how many samples were lost, old or new, by the policy."""
        ### BEGIN SOLUTION
        capacity = len(self._data)
        lost = max(self.available + len(samples) - capacity, 0)
        if self._policy == "drop_newest":
            samples = samples[: len(samples) - lost]
        else:
            samples = samples[-capacity:]
            gone = max(self.available + len(samples) - capacity, 0)
            self._oldest += gone
            self.available -= gone
        places = (self._oldest + self.available + np.arange(len(samples))) % capacity
        self._data[places] = samples
        self.available += len(samples)
        return lost
        ### END SOLUTION

    def read(self, count: int) -> Float[np.ndarray, "time"]:
        """Take out the oldest samples in order: `count`, or as many as there are.

        Raises:
            ValueError: if `count` is negative.
        """
        ### BEGIN SOLUTION
        if count < 0:
            raise ValueError(f"count is {count}, expected 0 or more")
        count = min(count, self.available)
        places = (self._oldest + np.arange(count)) % len(self._data)
        self._oldest += count
        self.available -= count
        return self._data[places]
        ### END SOLUTION


# %% [markdown] hints="RingBuffer"
# 1. Which three things must it remember? What does each of `write` and `read` change in them?
# 2. Keep an array, the place of the oldest sample, and `available`. The place after the newest is the oldest
#    plus `available`, and `% capacity` goes round. The samples lost are those that are too many:
#    `available + len(samples) - capacity`, if that is above 0.
# 3. *drop newest*: shorten `samples`. *drop oldest*: keep the last `capacity` of `samples`, then move the
#    oldest forward and lower `available` until the rest fits. Then for both:
#    `self._data[(oldest + available + np.arange(n)) % capacity] = samples`. Reading indexes the same way.

# %% [markdown]
# A call over a bad network: for a third of a second nothing is read, then everything at once. The same
# sound through three buffers of 0.1 s, and one of half a second.


# %%
def through(ring, samples: Float[np.ndarray, "time"], stalls: list[range]) -> tuple[np.ndarray, int]:
    """Write 10 ms at a time; read all there is, except during a stall. Returns the sound and the loss."""
    heard, lost = [], 0
    for number, start in enumerate(range(0, len(samples), 160)):
        lost += ring.write(samples[start : start + 160])
        if not any(number in stall for stall in stalls):
            heard.append(ring.read(ring.available))
    return np.concatenate(heard), lost


stalls = [range(60, 93), range(150, 183), range(260, 293)]
calls, rows = {}, []
for name, capacity, policy in [
    ("0.1 s, drop oldest", 1600, "drop_oldest"),
    ("0.1 s, drop newest", 1600, "drop_newest"),
    ("0.5 s", 8000, "drop_oldest"),
]:
    heard, lost = through(RingBuffer(capacity, policy), voice, stalls)
    calls[name] = heard
    rows.append({"buffer": name, "seconds lost": lost / RATE, "latency, at worst [s]": capacity / RATE})
table(rows, title="Three stalls of 0.33 s")
play(calls, RATE)

# %% [markdown]
# A longer buffer loses nothing, but whoever listens may be half a second behind. That delay is called
# **latency**. Loss against latency: every call, every live caption lives with this choice.

# %% [markdown]
# ## Part 7: a filter that remembers
#
# Back to the buzz. The filter was the simplest there is, the **one-pole low-pass**:
#
# $$y_n = (1 - p)\, x_n + p\, y_{n-1} .$$
#
# The new value is a bit of the input and a lot of what was before. $p$, the **pole**, between 0 and 1, says
# how much.
#
# **A number first.** $p = 0.5$, input 1, 1, 1, and 0 before: output 0.5, 0.75, 0.875.
#
# It needs $y_{n-1}$. In the middle of a block that is the value just computed. At the *start* of a block it
# is the last output of the block before. So the filter must keep one number between calls: its **state**.
# A function forgets. An object remembers, and two objects remember separately: left ear and right ear.
#
# The test of every streaming program is one sentence: **cut the stream where you like, the output is the
# same.**


# %% part="OnePole" points=4 difficulty=2 minutes=13 forbids="scipy.signal"
class OnePole:
    """One-pole low-pass filter for a stream: y[n] = (1 - pole) x[n] + pole y[n - 1].

    Before the first sample, the output was 0.

    Args:
        pole: how much of the last output stays, at least 0 and less than 1.
    Raises:
        ValueError: if `pole` is outside that range.
    Source: Smith, Introduction to Digital Filters, "One-Pole".
    Example:
        >>> smooth = OnePole(0.5)
        >>> smooth.process(np.array([1, 1])).tolist(), smooth.process(np.array([1])).tolist()
        ([0.5, 0.75], [0.875])
    """

    def __init__(self, pole: float) -> None:
        ### BEGIN SOLUTION
        if not 0 <= pole < 1:
            raise ValueError(f"pole is {pole}, expected at least 0 and less than 1")
        self._pole = pole
        self._last = 0.0
        ### END SOLUTION

    def process(self, samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
        """Filter the next block, of any length (none is a length too) and number type; returns float64."""
        ### BEGIN SOLUTION
        filtered = np.zeros(len(samples))
        for n, sample in enumerate(samples.tolist()):
            self._last = (1 - self._pole) * sample + self._pole * self._last
            filtered[n] = self._last
        return filtered
        ### END SOLUTION

    def reset(self) -> None:
        """Forget everything, as if new."""
        ### BEGIN SOLUTION
        self._last = 0.0
        ### END SOLUTION


# %% [markdown] hints="OnePole"
# 1. What has to survive from one call of `process` to the next? Where in an object can it live?
# 2. Set `self._last = 0.0` in `__init__`, update it for each sample, and put it into the output. Each output
#    needs the one before: a loop is right here. Make the output array float64, whatever the input is.
# 3. `self._last = (1 - pole) * sample + pole * self._last` for each sample, then store it at place n of
#    `np.zeros(len(samples))`. Looping over `samples.tolist()` is several times as fast as over the array.

# %%
smooth = OnePole(POLE)
mended = np.concatenate(
    [smooth.process(voice[start : start + BLOCK]) for start in range(0, len(voice), BLOCK)]
)
print(f"whole signal against blocks: largest difference {np.abs(mended - whole).max():.1e}")
play({"blocks, forgetful": 3 * in_blocks, "blocks, yours": 3 * mended, "all at once": 3 * whole}, RATE)

# %% [markdown]
# The buzz is gone.

# %% [markdown]
# ## Part 8: stages in a row
#
# Objects keep state. The opposite way of thinking is **functional**: a program is a row of functions, each
# takes a value and returns a new one. In Python a function is a value too. You can put it in a list and hand
# it on.
#
# **A number first.** Stages: *add 1*, *double*. From 3: 4, then 8. In the other order it would be 7. The
# first in the list comes first.


# %% part="run_stages" points=1 difficulty=1 minutes=5
def run_stages(
    stages: list[Callable[[Float[np.ndarray, "time"]], Float[np.ndarray, "time"]]],
    value: Float[np.ndarray, "time"],
) -> Float[np.ndarray, "time"]:
    """Send a value through functions, one after the other.

    Args:
        stages: functions of one value. Each is called once (it may have a memory).
        value: what the first one gets.
    Returns:
        What the last one gives; `value` itself if there are no stages.
    Source: the pipe of McIlroy 1964; `reduce` in Abelson & Sussman, section 2.2.3.
    Example:
        >>> run_stages([lambda x: x + 1, lambda x: 2 * x], np.array([3.0])).tolist()
        [8.0]
    """
    ### BEGIN SOLUTION
    return functools.reduce(lambda passed, stage: stage(passed), stages, value)
    ### END SOLUTION


# %% [markdown] hints="run_stages"
# 1. One value, changed again and again.
# 2. A `for` loop over the stages, with one line in it. Or `functools.reduce`.
# 3. For each stage: `value = stage(value)`. Then return `value`.

# %% [markdown]
# `functools.partial` sets some arguments of a function and leaves one open: a stage. A method of an object
# is a stage too. And a row of stages is a function again. Its name is a **composition**.

# %%
telephone = functools.partial(
    run_stages,
    [
        OnePole(0.6).process,  # dull
        lambda x: x - running_mean(x, 40),  # thin
        lambda x: np.clip(4 * x, -0.2, 0.2),  # overdriven
    ],
)
play({"voice": voice, "through three stages": telephone(voice)}, RATE)

# %% [markdown]
# ## Part 9: a stream of frames
#
# A recording of ten hours does not fit into memory, and a live stream has no end. But it need not be there
# as a whole. A **generator** is a function that hands over a value with `yield`, and then *sleeps* in the
# middle of its code, all variables kept, until somebody asks for the next.
#
# | | a function with a list | a generator |
# |---|---|---|
# | first frame is there | after the last block | as soon as it is complete |
# | memory | all frames | one frame and one block |
#
# Blocks of any length come in. Frames of one length, that overlap, go out.
#
# **A number first.** Frames of 4, hop 2. Block 1 2 3: nothing is complete. Block 4 5: out goes 1 2 3 4. Drop
# the first two, 3 4 5 stay. Block 6 7 8: out go 3 4 5 6 and 5 6 7 8.
#
# Do not ask for a block before it is needed: in a live call, that block does not exist yet.


# %% part="stream_frames" points=4 difficulty=3 minutes=15 forbids="librosa numpy.lib.stride_tricks"
def stream_frames(
    read_block: Callable[[], Float[np.ndarray, "block"] | None], frame_length: int, hop_length: int
) -> Iterator[Float[np.ndarray, "frame_length"]]:
    """Cut a stream of blocks into overlapping frames: a generator.

    Args:
        read_block: returns the next block, of any length (also 0), and None once at the end. It is called
            only when no complete frame is left to hand over, and not after it has returned None.
        frame_length: samples per frame.
        hop_length: samples from the start of one frame to the start of the next, at most `frame_length`.
    Returns:
        A generator of frames, each with `frame_length` samples. Samples at the end that fill no frame are
        left out. No more is kept than one frame and one block.
    Raises:
        ValueError: when the first frame is asked for, if `hop_length` is less than 1 or above `frame_length`.
    Source: PEP 255, Simple generators.
    Example:
        >>> blocks = iter([np.array([1, 2, 3]), np.array([4, 5]), np.array([6, 7, 8]), None])
        >>> [frame.astype(int).tolist() for frame in stream_frames(lambda: next(blocks), 4, 2)]
        [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 8]]
    """
    ### BEGIN SOLUTION
    if not 1 <= hop_length <= frame_length:
        raise ValueError(f"hop_length is {hop_length}, expected 1 to frame_length, {frame_length}")
    waiting = np.zeros(0)
    while (block := read_block()) is not None:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= frame_length:
            yield waiting[:frame_length].copy()
            waiting = waiting[hop_length:]
    ### END SOLUTION


# %% [markdown] hints="stream_frames"
# 1. What is left over of a block when all complete frames are out? It must meet the next block.
# 2. Two loops: the outer one over blocks, the inner one over the frames that are complete. One block can
#    complete many frames, or none. `while (block := read_block()) is not None:` reads until the end.
# 3. Outer loop: `waiting = np.concatenate([waiting, block])`. Inner loop, while `waiting` is long enough:
#    `yield` a copy of its first `frame_length` samples, then cut `hop_length` samples off its front.

# %% [markdown]
# Generators can be chained, and nothing happens until the last one is asked. Below, a "radio station" makes
# blocks for ever. We ask for five seconds' worth of levels and stop.


# %%
def radio() -> Iterator[np.ndarray]:
    """The same sentence for ever, in blocks of 1 to 999 samples."""
    lengths = np.random.default_rng(3)
    while True:
        place = 0
        while place < len(voice):
            length = int(lengths.integers(1, 1000))
            yield voice[place : place + length]
            place += length


station = radio()
framed = stream_frames(lambda: next(station), 400, 160)
levels = (10 * np.log10(np.mean(frame**2) + 1e-8) for frame in framed)
first_five_seconds = list(itertools.islice(levels, 500))
plot.lines(
    {"level": (np.arange(500) / 100, np.array(first_five_seconds))},
    x_label="time [s]",
    y_label="level [dB]",
    title="Five seconds of an endless stream",
)

# %% [markdown]
# ## Part 10: who may run next?
#
# A speech service waits most of its time: for the microphone, for the network, for another machine. A
# program that waits could do something else meanwhile. **Asynchronous** programs do.
#
# A **coroutine** is a function (`async def`) that can be stopped in the middle, like a generator. `await`
# says: *I wait here; let others run.* Whoever drives it wakes it with `send(None)`. It runs to its next
# `await` and hands over what it waits for. When it is done, it raises `StopIteration`.
#
# Here is a coroutine that says its name and sleeps, again and again. We drive it by hand.


# %%
class Sleep:
    """`await Sleep(seconds)`: hands `seconds` to whoever drives the coroutine, and goes on when woken."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Iterator[float]:
        yield self.seconds


async def talk(name: str, pauses: list[float], say: Callable[[str], None]) -> None:
    """Say the name and sleep, once for every pause."""
    for seconds in pauses:
        say(name)
        await Sleep(seconds)


talker = talk("one", [0.5, 0.25], print)
print("sleeps for", talker.send(None))
print("sleeps for", talker.send(None))
try:
    talker.send(None)
except StopIteration:
    print("done")

# %% [markdown]
# With several of them, somebody must keep the list of who wakes when, and always wake the next one. That is
# an **event loop**, and it is a page of code. You write it now.
#
# Time here is only a number. Nobody really waits: when the next one wakes at 0.5 s, the clock *becomes*
# 0.5 s. So a test takes no time and gives the same answer each time.
#
# **A number first.** *a* pauses 2, then 2. *b* pauses 3. At 0 both speak, *a* first. At 2 *a* wakes and
# speaks. At 3 *b* wakes and is done. At 4 *a* is done. The log: 0 a, 0 b, 2 a.
#
# A **heap** (`heapq`) is a list that always knows its smallest entry. Put in what you sort by, first of all
# the time of waking. If two wake at the same time, the one that fell asleep first goes first. So put a
# running number second, or Python will compare the coroutines themselves, and cannot.


# %% part="event_loop" points=4 difficulty=4 minutes=20 forbids="asyncio sched simpy"
def event_loop(pauses: dict[str, list[float]]) -> list[tuple[float, str]]:
    """Run several `talk` coroutines side by side, on a clock that is only a number.

    Args:
        pauses: for each name, the pauses in seconds that its coroutine `talk(name, pauses[name], say)` makes.
            All start at time 0, in the order given.
    Returns:
        (time, name) whenever one of them speaks, in the order in which they speak. Of those that wake at the
        same time, the one that fell asleep first is first.
    Raises:
        ValueError: if a pause is negative.
    Source: Beazley 2015, Python concurrency from the ground up; PEP 492, Coroutines with async and await.
    Example:
        >>> event_loop({"a": [2.0, 2.0], "b": [3.0]})
        [(0.0, 'a'), (0.0, 'b'), (2.0, 'a')]
    """
    ### BEGIN SOLUTION
    if any(seconds < 0 for row in pauses.values() for seconds in row):
        raise ValueError(f"a pause is negative in {pauses}")
    now, spoken, turn, sleeping = 0.0, [], itertools.count(), []
    for name, row in pauses.items():
        talker = talk(name, row, lambda who: spoken.append((now, who)))
        heapq.heappush(sleeping, (now, next(turn), talker))
    while sleeping:
        now, _, talker = heapq.heappop(sleeping)
        try:
            seconds = talker.send(None)
        except StopIteration:
            continue
        heapq.heappush(sleeping, (now + seconds, next(turn), talker))
    return spoken
    ### END SOLUTION


# %% [markdown] hints="event_loop"
# 1. What do you have to know about each sleeper? Which of them is next? What happens to it afterwards?
# 2. Heap entries: (time of waking, running number, coroutine). `itertools.count()` gives running numbers.
#    Everybody starts in the heap with time 0. `say` is a function of yours that notes the time and the name.
# 3. While the heap is not empty: `now, _, talker = heapq.heappop(heap)`; `seconds = talker.send(None)` inside
#    `try`, with `continue` at `StopIteration`; push it again with `now + seconds` and the next number.

# %% [markdown]
# Hear the log: whenever somebody speaks, put that word there.

# %%
schedule = event_loop({"one": [0.8] * 5, "two": [1.3] * 3, "three": [2.0] * 2})
choir = np.zeros(int(5.5 * digits.sample_rate))
for number, word in enumerate(("one", "two", "three")):
    sound = digits.clip(word, speaker=number).samples
    for moment, who in schedule:
        if who == word:
            start = round(moment * digits.sample_rate)
            choir[start : start + len(sound)] += 0.7 * sound[: len(choir) - start]
print("  ".join(f"{moment:.1f}:{who}" for moment, who in schedule))
play(choir, digits.sample_rate)

# %% [markdown]
# One program, one thread, three talkers. Python's own event loop is in `asyncio`. It has a real clock, and it
# can wait for networks and files too. Otherwise it does what yours does.

# %% [markdown]
# ## Part 11: many at once, but not too many
#
# A hundred clips are to be sent to a speech service. One after the other: a hundred times the waiting. All
# at once: the service throws you out. So: **at most so many at a time**, and as soon as one is done, the
# next. The texts come back in the order of the clips, whoever was ready first.
#
# **A number first.** Clips that take 3, 1, 1 and 2 s, two at a time. At 0 the first two start. At 1 the
# second is done, the third starts. At 2 it is done, the fourth starts. At 3 the first is done, at 4 the
# fourth: 4 s. One at a time it would be 7 s. In fixed pairs, 3 + 2 = 5 s: the pair waits for its slower one.
#
# And if one fails? Then the whole call fails, with that error. Requests that are still under way must be
# *cancelled*. What nobody waits for any more should not go on.
#
# Two helpers are given. `request` is one call of the service. `run_loop` is `asyncio.run` with two
# differences: its clock jumps, as yours does (the page shall not sit and wait), and it also works inside a
# notebook, which has an event loop of its own already.


# %%
class VirtualClock(asyncio.BaseEventLoop):
    """asyncio's event loop with a clock that jumps to the next appointment."""

    def __init__(self) -> None:
        super().__init__()
        self._now, self._selector = 0.0, self  # asked where a real loop would wait for the network

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list:
        if timeout is None:
            raise RuntimeError("all coroutines wait, and nothing will ever wake one of them")
        self._now += timeout
        return []

    def _process_events(self, events: list) -> None: ...

    def _write_to_self(self) -> None: ...


def run_loop(main):
    """The result of a coroutine, with all that it starts; virtual time from 0. What is left is cancelled."""

    def fresh():
        with asyncio.Runner(loop_factory=VirtualClock) as runner:
            return runner.run(main)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return fresh()
    with concurrent.futures.ThreadPoolExecutor(1) as thread:  # a loop runs here already: a notebook
        return thread.submit(fresh).result()


async def request(service: Callable, clip: str) -> str:
    """One clip to the service and its text back.

    `service("start", clip, now)` says how many seconds it will take, `service("finish", clip, now)` gives the
    text, or raises. If the request is cancelled on the way, `service("hang up", clip, now)` is told.
    """
    clock = asyncio.get_running_loop().time
    seconds = service("start", clip, clock())
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        service("hang up", clip, clock())
        raise
    return service("finish", clip, clock())


# %% part="transcribe_all" points=4 difficulty=4 minutes=20
def transcribe_all(clips: list[str], service: Callable, limit: int) -> list[str]:
    """Transcribe many clips, at most so many at a time.

    Uses `run_loop` and `request` from above.

    Args:
        clips: names, started in this order.
        service: what `request` calls.
        limit: how many requests may be under way at once. While there are clips left to start, so many are.
    Returns:
        One text per clip, in the order of `clips`.
    Raises:
        ValueError: if `limit` is less than 1.
        Exception: what the service raises for a clip, as it is. The other requests under way are cancelled, and
            later ones do not start.
    Source: Python documentation, asyncio: "Coroutines and tasks", "Synchronization primitives".
    Example:
        >>> answers = {"start": lambda clip: float(clip), "finish": lambda clip: f"{clip} s"}
        >>> transcribe_all(["3", "1", "2"], lambda event, clip, now: answers[event](clip), limit=2)
        ['3 s', '1 s', '2 s']
    """
    ### BEGIN SOLUTION
    if limit < 1:
        raise ValueError(f"limit is {limit}, expected 1 or more")
    places = asyncio.Semaphore(limit)

    async def transcribe(clip: str) -> str:
        async with places:
            return await request(service, clip)

    async def everything() -> list[str]:
        return list(await asyncio.gather(*map(transcribe, clips)))

    return run_loop(everything())
    ### END SOLUTION


# %% [markdown] hints="transcribe_all"
# 1. Think of a room with `limit` chairs. Every clip waits at the door for a chair. Who keeps the order of the
#    answers?
# 2. `asyncio.Semaphore(limit)` is that room: `async with` waits for a chair and gives it back.
#    `asyncio.gather(*coroutines)` starts all, gives the results in the order of its arguments, and raises the
#    first error; `run_loop` then cancels what is left.
# 3. An inner `async def` for one clip: `async with chairs: return await request(service, clip)`. A second one
#    that awaits `gather` over all clips and makes a list. `return run_loop(...)` of the second.

# %% [markdown]
# Sixteen clips, and a service that takes half as long as each clip lasts.


# %%
def pretend_service(durations: dict[str, float]) -> tuple[Callable, dict[str, list[float]]]:
    """A service that takes half of a clip's duration, and its book: clip → [start, end]."""
    book: dict[str, list[float]] = {}

    def service(event: str, clip: str, now: float):
        book.setdefault(clip, []).append(now)
        return durations[clip] / 2 if event == "start" else f"text of {clip}"

    return service, book


some_clips = list(corpora.vctk(announce=False))[:16]
durations = {f"{number:02d}": clip.duration for number, clip in enumerate(some_clips)}
rows = []
for limit in (1, 2, 4, 16):
    service, book = pretend_service(durations)
    transcribe_all(list(durations), service, limit)
    rows.append({"at a time": limit, "seconds until all are done": max(end for _, end in book.values())})
    if limit == 4:
        plot.lines(
            # NaN lifts the pen between two requests
            {
                "requests": (
                    np.concatenate([[*span, np.nan] for span in book.values()]),
                    np.repeat(np.arange(1.0, len(book) + 1), 3),
                )
            },
            x_label="time [s]",
            y_label="clip",
            title="Four at a time: each line is a request",
        )
table(rows, title="Waiting side by side")

# %% [markdown]
# Four at a time is nearly four times as fast, though only one of them runs at any moment: all of it is waiting.
# Note what this is *not*. Nothing is computed side by side. Keep that for the end of the page.

# %% [markdown]
# ## Part 12: what a C program sends
#
# The fast layer is written in C or C++. There, data has no labels. It is bytes at agreed places, a
# **struct**:
#
# ```c
# struct Block {
#     uint8_t  channel;   // byte 0
#     uint32_t first;     // bytes 4 to 7: number of the first sample
#     uint16_t count;     // bytes 8 and 9: how many samples follow
#     float    gain;      // bytes 12 to 15
# };                      // 16 bytes in all
# ```
#
# Two things surprise. After `channel`, three bytes are **skipped**, and after `count` two: processors like a
# 4-byte number to start at a multiple of 4, and the compiler fills up with **padding**. What is in those
# bytes is nobody's business. And the order of the bytes in a number: **little-endian** machines (nearly all)
# put the lowest byte first.
#
# **A number first.** The bytes 01 02 are $1 + 2 \cdot 256 = 513$ in little-endian. In big-endian they are
# $256 + 2 = 258$. Wrong order gives noise, not an error.
#
# After each struct come `count` samples, 16-bit integers with sign, little-endian. The sample is the integer
# divided by 32 768, times `gain`. Then the next struct.
#
# Python's module `struct` reads such bytes from a description: `<` little-endian without padding of its own,
# `B` `H` `I` integers without sign of 1, 2, 4 bytes, `f` a 4-byte float, `x` a byte to skip, `2x` two.


# %% part="read_blocks" points=3 difficulty=3 minutes=14
def read_blocks(data: bytes) -> list[dict]:
    """Read blocks of sound that a C program wrote, as laid out above.

    Args:
        data: struct, samples, struct, samples, and so on; all little-endian.
    Returns:
        For each block a dict: "channel" (int), "first" (int), "samples" ([count], float64: integer / 32768 *
        gain).
    Raises:
        ValueError: if the data ends inside a struct or before the last sample of a block.
    Source: C11, section 6.7.2.1 (structs); System V ABI for x86-64, section 3.1.2 (alignment).
    Example:
        >>> head = bytes([1, 9, 9, 9]) + bytes([0, 1, 0, 0]) + bytes([2, 0, 9, 9]) + bytes([0, 0, 0, 0x3F])
        >>> [block] = read_blocks(head + bytes([0, 64, 0, 192]))
        >>> block["channel"], block["first"], block["samples"].tolist()
        (1, 256, [0.25, -0.25])
    """
    ### BEGIN SOLUTION
    layout = struct.Struct("<B3xIH2xf")
    blocks, place = [], 0
    while place < len(data):
        start = place + layout.size
        if start > len(data):
            raise ValueError(f"the data ends inside a struct, after {len(data) - place} of its bytes")
        channel, first, count, gain = layout.unpack_from(data, place)
        place = start + 2 * count
        if place > len(data):
            raise ValueError(f"the data ends inside a block of {count} samples")
        integers = np.frombuffer(data, "<i2", count, start)
        blocks.append({"channel": channel, "first": first, "samples": integers / 32768 * gain})
    return blocks
    ### END SOLUTION


# %% [markdown] hints="read_blocks"
# 1. Go through the bytes with one number, `place`. How far does it move with each block?
# 2. The description starts with `<B3x`: one byte, three to skip. `struct.unpack_from(description, data, place)`
#    reads four values. `np.frombuffer(data, "<i2", count, place)` reads samples of two bytes each.
# 3. While `place < len(data)`: test that 16 bytes are left, unpack, move by 16, test that `2 * count` bytes are
#    left, read, move. The samples are `integers / 32768 * gain`.

# %% [markdown]
# ## C++: where every microsecond counts
#
# In C++ you say of every number what it is. A compiler turns the text into machine code, once. Then nothing
# is asked any more at run time. That is what **inference engines** are written in: the programs that run a
# finished model, such as whisper.cpp, ONNX Runtime, or the insides of PyTorch. No interpreter, no waiting for
# memory to be cleaned up: a block takes 20 µs today, and 20 µs tomorrow.
#
# Here is your `OnePole`, and the struct of Part 12. `extern "C"` gives the functions plain names, so that
# other languages find them.

# %%
ENGINE = r"""
#include <cstddef>
#include <cstdint>

struct Block {
    std::uint8_t channel;
    std::uint32_t first;
    std::uint16_t count;
    float gain;
};

extern "C" void one_pole(const double* x, double* y, std::int64_t n, double pole, double* last) {
    double state = *last;
    for (std::int64_t i = 0; i < n; ++i) {
        state = (1 - pole) * x[i] + pole * state;
        y[i] = state;
    }
    *last = state;
}

extern "C" double mean_square(const double* x, std::int64_t n) {
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += x[i] * x[i];
    return total / n;
}

extern "C" void block_layout(std::int64_t* places) {
    places[0] = offsetof(Block, channel);
    places[1] = offsetof(Block, first);
    places[2] = offsetof(Block, count);
    places[3] = offsetof(Block, gain);
    places[4] = sizeof(Block);
}
"""


def find_program(*names: str) -> str | None:
    """Full name of the first of these programs that this machine has."""
    return next((path for name in names if (path := shutil.which(name))), None)


def compiled(source: str) -> ctypes.CDLL | None:
    """A C++ program as a library in this process; None, with a sentence, if there is no compiler."""
    compiler = find_program("c++", "g++", "clang++")
    if compiler is None:
        print("No C++ compiler was found here (g++ or clang++). Below is what ours gave.")
        return None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        text, library = Path(folder) / "engine.cpp", Path(folder) / "engine.so"
        text.write_text(source)
        command = [compiler, "-O2", "-std=c++17", "-shared", "-fPIC", "-o", str(library), str(text)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"The C++ compiler here does not work: {done.stderr.strip()[:200]}")
            return None
        try:
            return ctypes.CDLL(str(library))
        except OSError as error:
            print(f"The compiled library cannot be loaded here: {error}")
            return None


engine = compiled(ENGINE)
places = [0, 4, 8, 12, 16]  # what our compiler said, on x86-64
if engine is not None:
    filled = (ctypes.c_int64 * 5)()
    engine.block_layout(filled)
    places = list(filled)
table(
    [
        {"member": name, "starts at byte": place}
        for name, place in zip(("channel", "first", "count", "gain", "(whole struct)"), places, strict=True)
    ],
    title="Where the compiler puts things",
)

# %% [markdown]
# **ctypes**, a part of Python, calls such a library. You tell it the types, since a library has no memory of
# them. A class around it, with the interface of Part 7, and nobody can tell which one they use.


# %%
class FastOnePole:
    """`OnePole`, computed by the C++ engine."""

    def __init__(self, pole: float) -> None:
        self._pole, self._last = ctypes.c_double(pole), ctypes.c_double(0.0)

    def process(self, samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
        samples = np.ascontiguousarray(samples, dtype=np.float64)
        filtered = np.empty_like(samples)
        engine.one_pole(
            ctypes.c_void_p(samples.ctypes.data),
            ctypes.c_void_p(filtered.ctypes.data),
            ctypes.c_int64(len(samples)),
            self._pole,
            ctypes.byref(self._last),
        )
        return filtered


class Block(ctypes.LittleEndianStructure):
    """The struct of Part 12. ctypes pads as the compiler does."""

    _fields_ = [
        ("channel", ctypes.c_uint8),
        ("first", ctypes.c_uint32),
        ("count", ctypes.c_uint16),
        ("gain", ctypes.c_float),
    ]


def sent_blocks(samples: Float[np.ndarray, "time"], count: int) -> bytes:
    """What an engine would send: a struct and 16-bit samples, block after block, each as loud as it can be."""
    sent = []
    for first in range(0, len(samples), count):
        piece = samples[first : first + count]
        gain = np.float32(max(np.abs(piece).max(), 1e-4) * 1.001)
        integers = np.round(piece / gain * 32767).astype("<i2")
        sent.append(bytes(Block(0, first, len(piece), gain)) + integers.tobytes())
    return b"".join(sent)


packets = sent_blocks(voice, BLOCK)
received = np.concatenate([block["samples"] for block in read_blocks(packets)])
print(f"{len(packets)} bytes sent, largest error of a sample {np.abs(received - voice).max():.1e}")
if engine is None:
    print("(Ours printed: C++ against your OnePole: largest difference 0.0e+00)")
else:
    fast = FastOnePole(POLE)
    by_engine = [fast.process(voice[start : start + 100]) for start in range(0, len(voice), 100)]
    print(
        f"C++ against your OnePole: largest difference {np.abs(np.concatenate(by_engine) - mended).max():.1e}"
    )

# %% [markdown]
# How much faster it is, *Practice* will measure. What it costs you can see already: types everywhere, a
# compiler, and if one of these numbers is wrong, the program does not raise an error. It crashes, or goes on
# with nonsense.

# %% [markdown]
# ## Part 13: a list of recordings
#
# A corpus is a folder of recordings and a **manifest**, a list of them. The common form is *JSON lines*: one
# object a line.
#
#     {"audio_filepath": "p225/003.wav", "duration": 6.01, "text": "Six spoons of", "speaker": "p225"}
#
# Before you train for a week, ask: how many hours, of whom? A manifest of a million lines has surprises in
# it. An empty line at the end. A duration written as text, "6.01". A duration of 0, or NaN. Say *which line*
# is wrong, and go no further.
#
# One trap is rare and mean. Lines end with `"\n"`, and only with that. `str.splitlines` also splits at
# characters such as U+2028, a line break that may well be *inside* a text.


# %% part="summarise_manifest" points=3 difficulty=2 minutes=12 forbids="pandas labkit.corpora"
def summarise_manifest(text: str) -> dict:
    """Sum up a manifest in JSON lines.

    Args:
        text: the whole file. Lines end with a line feed; empty lines do not count.
    Returns:
        "clips": how many; "seconds": their total duration; "longest": "audio_filepath" of the longest clip (of
        several, the first), None if there is no clip; "speakers": seconds by speaker, where a clip with no
        "speaker", or with null, is by "unknown".
    Raises:
        ValueError: if a line is no JSON object, lacks "audio_filepath" or "duration", or its duration is not a
            finite number above 0. The message names the line, counted from 1.
    Source: NVIDIA NeMo, manifest format; jsonlines.org.
    Example:
        >>> line = '{"audio_filepath": "a.wav", "duration": 1.5, "text": "hi", "speaker": "ann"}'
        >>> summarise_manifest(line)
        {'clips': 1, 'seconds': 1.5, 'longest': 'a.wav', 'speakers': {'ann': 1.5}}
    """
    ### BEGIN SOLUTION
    clips, longest, longest_seconds, speakers = 0, None, 0.0, {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            clip = json.loads(line)
            path, duration = clip["audio_filepath"], clip["duration"]
            if isinstance(duration, bool) or not 0 < duration < math.inf:
                raise ValueError(f"its duration is {duration}, expected seconds above 0")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} is no clip: {error}") from error
        clips += 1
        if duration > longest_seconds:
            longest, longest_seconds = path, duration
        speaker = clip.get("speaker") or "unknown"
        speakers[speaker] = speakers.get(speaker, 0.0) + duration
    return {"clips": clips, "seconds": sum(speakers.values()), "longest": longest, "speakers": speakers}
    ### END SOLUTION


# %% [markdown] hints="summarise_manifest"
# 1. One line at a time: skip it, refuse it, or count it.
# 2. `text.split("\n")`, `enumerate(..., 1)`, `json.loads`. `isinstance(True, int)` is true in Python, and
#    `float("nan") > 0` is false. `entry.get("speaker")` is None both if it lacks and if it is null.
# 3. Inside `try`: `json.loads(line)`, fetch the two fields, test the duration. `except (KeyError, TypeError,
#    ValueError)`: raise a `ValueError` with the line's number. Then add to the dict of speakers with
#    `speakers.get(speaker, 0.0) + duration`; the total is the sum of its values.

# %% [markdown]
# ## The shell: many files, one line
#
# The **shell** (Bash, on most servers) is the language in which programs call programs. Its idea is the
# **pipe**, `|`: what one program prints, the next one reads. Each is small and does one thing. `wc -l` counts
# lines, `grep -o` prints what matches a pattern, `sort` sorts, `uniq -c` counts equal neighbours, `awk` does
# sums on columns. It is your Part 8, with programs for stages.

# %%
SUMMARY = r"""
set -euo pipefail   # stop at the first error, also inside a pipe; unknown names are errors
export LC_ALL=C     # a decimal point, and bytes in byte order, whatever the country
manifest=$1
echo "clips:   $(wc -l < "$manifest" | tr -d ' ')"
echo "seconds: $(grep -o '"duration": [0-9.]*' "$manifest" | awk '{ sum += $2 } END { printf "%.2f", sum }')"
echo "clips by speaker:"
grep -o '"speaker": "[^"]*"' "$manifest" | cut -d '"' -f 4 | sort | uniq -c | sort -k1,1nr -k2
"""

manifest_text = "".join(
    json.dumps(
        {
            "audio_filepath": f"clips/{number:04d}.wav",
            "duration": round(clip.duration, 2),
            "text": clip.text,
            "speaker": clip.speaker,
        },
        ensure_ascii=False,
    )
    + "\n"
    for number, clip in enumerate(corpora.vctk(announce=False))
)


def bash(script: str, *arguments: str) -> subprocess.CompletedProcess | None:
    """A Bash script's output; None, with a sentence, if there is no Bash."""
    program = find_program("bash") if os.name == "posix" else None
    if program is None:
        print("No Bash was found here. Ours gave:")
        return None
    return subprocess.run([program, "-c", script, "script", *arguments], capture_output=True, text=True)


with tempfile.TemporaryDirectory() as folder:
    manifest = Path(folder) / "manifest.jsonl"
    manifest.write_text(manifest_text, encoding="utf-8")
    done = bash(SUMMARY, str(manifest))
RECORDED_SUMMARY = """(for the recordings of VCTK)
clips:   30
seconds: 212.62
clips by speaker:
     10 p225
     10 p226
     10 p227
"""
print(RECORDED_SUMMARY if done is None else done.stdout or done.stderr)
mine = summarise_manifest(manifest_text)
print(f"yours: {mine['clips']} clips, {mine['seconds']:.2f} s, the longest is {mine['longest']}")
table(
    [{"speaker": who, "seconds": round(seconds, 2)} for who, seconds in mine["speakers"].items()],
    title="Seconds by speaker",
)

# %% [markdown]
# Five lines for what took you twenty. For a quick look at a million lines nothing is faster to write. But
# read the pattern again: `"duration": ` with *one* blank. JSON may be written without it, and then `grep`
# finds nothing and says nothing. The shell works on text, and does not know what the text means. For a
# question that matters, read the format with a program that knows it.
#
# The line `set -euo pipefail` is the most important one. Without it, a pipeline whose first program fails
# goes on with nothing and reports success. See what the two say about a manifest that is not there:

# %%
for options in ("", "set -euo pipefail; "):
    done = bash(options + 'grep -c duration "$1" | tr -d " "', "no_such_manifest.jsonl")
    code = {"": 0, "set -euo pipefail; ": 2}[options] if done is None else done.returncode
    print(f"{options or '(nothing set)'} → exit code {code}: {'success' if code == 0 else 'failure'}")

# %% [markdown]
# ## JavaScript: speech in the browser
#
# In the browser there is no Python. There is **JavaScript**, and with it everything that a speech program
# needs: a microphone (`getUserMedia`), filters and players (Web Audio), sockets to a server (`WebSocket`),
# and even `speechSynthesis`, which speaks, and `SpeechRecognition`, which listens (in some browsers by
# sending your voice to the maker's servers: ask before you use it).
#
# The code below reads the very bytes of Part 12. A `DataView` is `struct` in JavaScript; the `true` says
# little-endian.

# %%
BLOCKS_JS = r"""
function readBlocks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = [];
  for (let place = 0; place < bytes.length; ) {
    const first = view.getUint32(place + 4, true);
    const count = view.getUint16(place + 8, true);
    const gain = view.getFloat32(place + 12, true);
    const samples = new Float32Array(count);
    for (let n = 0; n < count; n++) {
      samples[n] = (view.getInt16(place + 16 + 2 * n, true) / 32768) * gain;
    }
    blocks.push({ first, samples });
    place += 16 + 2 * count;
  }
  return blocks;
}

function level(samples) {
  let power = 0;
  for (const sample of samples) power += sample * sample;
  return 10 * Math.log10(power / samples.length + 1e-8);
}
"""

ON_A_SERVER_JS = """
const bytes = new Uint8Array(require("fs").readFileSync(0));   // 0: standard input
console.log(JSON.stringify(readBlocks(bytes).map((block) => level(block.samples))));
"""

by_python = [10 * np.log10(np.mean(block["samples"] ** 2) + 1e-8) for block in read_blocks(packets)]
node = find_program("node")
if node is None:
    print("Node.js, JavaScript outside a browser, was not found here. On our machine it printed:")
    print("301 blocks read by Node.js; levels differ from Python's by at most 1.4e-07 dB")
else:
    done = subprocess.run([node, "-e", BLOCKS_JS + ON_A_SERVER_JS], input=packets, capture_output=True)
    by_node = json.loads(done.stdout)
    apart = np.abs(np.array(by_node) - np.array(by_python)).max()
    print(f"{len(by_node)} blocks read by Node.js; levels differ from Python's by at most {apart:.1e} dB")

# %% [markdown]
# (They differ in the seventh digit: `Float32Array` keeps 4 bytes for a number, Python 8.)
#
# And now in *your* browser. The next output is a small page: the bytes, the code above, a button, and a meter.
# Press play: JavaScript unpacks the blocks, plays them, and lights up the block that you hear. The second
# button makes the browser itself speak.

# %%
from IPython.display import HTML, display

PLAYER_HTML = """
<div id="speech-player" style="font-family:sans-serif;max-width:640px">
  <button class="play">▶ play the blocks</button>
  <button class="speak">🗣 let the browser say it</button>
  <span class="told" role="status" style="margin-left:8px"></span>
  <canvas width="640" height="90" style="width:100%;display:block;margin-top:6px"
    role="img" aria-label="level of each block"></canvas>
</div>
<script>
(function () {
  BLOCKS_JS
  const RATE = SAMPLE_RATE, TEXT = SPOKEN_TEXT;
  const root = document.getElementById("speech-player");
  const told = root.querySelector(".told"), canvas = root.querySelector("canvas");
  const blocks = readBlocks(Uint8Array.from(atob("PACKETS"), (c) => c.charCodeAt(0)));
  const levels = blocks.map((block) => level(block.samples));
  const last = blocks[blocks.length - 1], length = last.first + last.samples.length;

  function draw(now) {                        // now: number of the sample that is heard
    const paper = canvas.getContext("2d"), width = canvas.width / levels.length;
    paper.clearRect(0, 0, canvas.width, canvas.height);
    levels.forEach((decibels, i) => {
      const height = Math.max(2, (canvas.height * (decibels + 70)) / 60);
      const heard = blocks[i].first <= now && now < blocks[i].first + blocks[i].samples.length;
      paper.fillStyle = heard ? "#d55e00" : "#4c78a8";
      paper.fillRect(i * width, canvas.height - height, Math.max(1, width - 0.5), height);
    });
  }

  root.querySelector(".play").onclick = () => {
    const context = new AudioContext();       // allowed only after a click: no page may shout unasked
    const sound = context.createBuffer(1, length, RATE);
    for (const block of blocks) sound.copyToChannel(block.samples, 0, block.first);
    const source = context.createBufferSource();
    source.buffer = sound;
    source.connect(context.destination);
    const begin = context.currentTime + 0.05;
    let playing = true;
    source.onended = () => { playing = false; draw(-1); context.close(); };
    source.start(begin);
    (function step() {
      if (!playing) return;
      draw((context.currentTime - begin) * RATE);
      requestAnimationFrame(step);
    })();
  };

  root.querySelector(".speak").onclick = () => {
    if (!("speechSynthesis" in window)) { told.textContent = "this browser has no voice"; return; }
    speechSynthesis.speak(new SpeechSynthesisUtterance(TEXT));
  };
  draw(-1);
})();
</script>
"""


def browser_player(data: bytes, sample_rate: int, text: str) -> str:
    """A page that plays blocks, as HTML."""
    page = PLAYER_HTML.replace("BLOCKS_JS", BLOCKS_JS).replace("SAMPLE_RATE", str(sample_rate))
    spoken = json.dumps(text).replace("</", "<\\/")  # a text must not end the script
    return page.replace("PACKETS", base64.b64encode(data).decode()).replace("SPOKEN_TEXT", spoken)


display(HTML(browser_player(packets, RATE, recording.text)))

# %% [markdown]
# **TypeScript** is JavaScript with types, as jaxtyping gives shapes to the functions of this course:
#
# ```typescript
# interface Block { first: number; samples: Float32Array }
# function readBlocks(bytes: Uint8Array): Block[] { … }
# function level(samples: Float32Array): number { … }
# ```
#
# A compiler checks the types and takes them out again; the browser gets JavaScript. `level("loud")` is then
# an error before anybody presses play. Large pages are written in it.

# %% [markdown]
# ## Put it together
#
# A level meter, as in every recording program, for a live stream. The sound card writes 10 ms at a time into
# a ring buffer. The meter reads what is there, cuts it into frames of 20 ms (one every 10), takes the mean
# square of each, smooths it, and shows decibels.
#
# Beside it the offline way: the whole recording is there, and NumPy does each step at once. **The two must
# be the same.** That is the test of every streaming recogniser.


# %%
def streaming_meter(samples: Float[np.ndarray, "time"], card_block: int = 160) -> Iterator[float]:
    """Level in dB of each frame, from a stream."""
    ring, place = RingBuffer(RATE), 0

    def read_block() -> np.ndarray | None:
        nonlocal place
        if place >= len(samples):
            return None
        ring.write(samples[place : place + card_block])  # the sound card
        place += card_block
        return ring.read(ring.available)

    smooth = OnePole(0.8)
    for frame in stream_frames(read_block, BLOCK, BLOCK // 2):
        [power] = smooth.process(np.array([np.mean(frame**2)]))
        yield 10 * math.log10(power + 1e-10)


def offline_meter(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames"]:
    """The same, with all samples at hand."""
    power = np.mean(frame_view(samples, BLOCK, BLOCK // 2) ** 2, axis=1)
    return 10 * np.log10(lfilter([0.2], [1, -0.8], power) + 1e-10)


one_of_each = {clip.speaker: clip for clip in corpora.vctk(announce=False)}
rows = []
for clip in list(one_of_each.values())[: 2 if fast_mode() else 5]:
    samples = clip.samples.astype(np.float64)
    for card_block in (160, 441, 1):
        if card_block == 1:
            samples = samples[:RATE]
        streamed = np.array(list(streaming_meter(samples, card_block)))
        offline = offline_meter(samples)
        rows.append(
            {
                "speaker": clip.speaker,
                "samples per block": card_block,
                "frames": len(streamed),
                "largest difference [dB]": float(np.abs(streamed - offline).max()),
            }
        )
table(rows, title="Streaming against offline, goal: 1e-9 dB")
assert all(row["largest difference [dB]"] < 1e-9 for row in rows)

shown = np.array(list(streaming_meter(voice)))
frame_times = (np.arange(len(shown)) * (BLOCK // 2) + BLOCK) / RATE  # a frame is known when it ends
frame_power = np.mean(frame_view(voice, BLOCK, BLOCK // 2) ** 2, axis=1)
plot.lines(
    {
        "each frame": (frame_times, 10 * np.log10(frame_power + 1e-10)),
        "your meter": (frame_times, shown),
    },
    x_label="time [s]",
    y_label="level [dB]",
    title="A live level meter",
)
speaking = runs(shown > shown.max() - 25)
half = BLOCK // 2
play(
    {
        "recording": voice,
        "first stretch within 25 dB of the peak": voice[
            speaking[0, 0] * half : speaking[0, 1] * half + BLOCK
        ],
    },
    RATE,
)

# %% [markdown]
# Blocks of 160, of 441, of a single sample: the same decibels to the last digits.

# %% [markdown]
# ## Practice: the same loop four times
#
# Two jobs over ten seconds of sound, in blocks of 20 ms as they would come. **Mean square**: each sample is
# on its own. **One pole**: each output needs the one before. Each in plain Python, in NumPy or SciPy, and in
# C++ if there is a compiler.
#
# Three figures. *RTF*: the share of real time that it takes. *Median block*: what a block costs as a rule.
# *Worst block*: what decides whether anybody hears a gap.
#
# **Targets:** all ways agree to 12 digits. Each is below an RTF of 1.


# %%
def power_loop(block: Float[np.ndarray, "time"]) -> float:
    """Mean square, one sample at a time."""
    total = 0.0
    for sample in block.tolist():
        total += sample * sample
    return total / len(block)


def power_numpy(block: Float[np.ndarray, "time"]) -> float:
    """Mean square, by one dot product."""
    return float(block @ block) / len(block)


def power_cpp(block: Float[np.ndarray, "time"]) -> float:
    """Mean square, by the engine."""
    return engine.mean_square(ctypes.c_void_p(block.ctypes.data), ctypes.c_int64(len(block)))


class SciPyOnePole:
    """`OnePole` by scipy.signal.lfilter, which takes the state and gives it back."""

    def __init__(self, pole: float) -> None:
        self._pole, self._state = pole, np.zeros(1)

    def process(self, samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
        filtered, self._state = lfilter([1 - self._pole], [1, -self._pole], samples, zi=self._state)
        return filtered


def blocks_of(samples: Float[np.ndarray, "time"]) -> list[np.ndarray]:
    """Whole blocks of 20 ms."""
    return [samples[start : start + BLOCK] for start in range(0, len(samples) - BLOCK + 1, BLOCK)]


def timed(process: Callable, blocks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All results in a row, and the time of every block in seconds."""
    results, taken = [], []
    for block in blocks:
        started = time.perf_counter()
        results.append(process(block))
        taken.append(time.perf_counter() - started)
    return np.hstack(results), np.array(taken)


ten_seconds = np.resize(voice, (2 if fast_mode() else 10) * RATE)
ways: dict[tuple[str, str], Callable] = {
    ("mean square", "Python"): lambda: power_loop,
    ("mean square", "NumPy"): lambda: power_numpy,
    ("one pole", "Python (yours)"): lambda: OnePole(0.9).process,
    ("one pole", "SciPy"): lambda: SciPyOnePole(0.9).process,
}
if engine is not None:
    engine.mean_square.restype = ctypes.c_double
    ways["mean square", "C++"] = lambda: power_cpp
    ways["one pole", "C++"] = lambda: FastOnePole(0.9).process

rows, results, medians = [], {}, {}
for (job, how), make in sorted(ways.items(), key=lambda item: item[0][0]):
    timed(make(), blocks_of(ten_seconds)[:20])  # warm up
    result, taken = timed(make(), blocks_of(ten_seconds))
    results.setdefault(job, []).append(result)
    if job == "one pole":
        medians[how] = 1e6 * float(np.median(taken))
    rows.append(
        {
            "job": job,
            "how": how,
            "RTF": taken.sum() / (len(taken) * BLOCK / RATE),
            "median block [µs]": 1e6 * float(np.median(taken)),
            "worst block [µs]": 1e6 * float(taken.max()),
        }
    )
table(rows, title="Blocks of 20 ms: one must be done in 20 000 µs")
if engine is None:
    print("No compiler here. Ours took, on a machine with two x86-64 cores, for the median block:")
    print("C++: mean square 1.7 µs, one pole 3.4 µs (NumPy 0.8 µs, SciPy 5.9 µs, Python 7.1 and 24 µs)")
plot.bars(medians, y_label="median of a block [µs]", title="One pole")
for job, answers in results.items():
    for answer in answers[1:]:
        assert np.allclose(answer, answers[0], rtol=1e-12, atol=1e-15), job
assert all(row["RTF"] < 1 for row in rows)

# %% [markdown]
# What is each for?
#
# - **Python's loop** is slow, and still far below real time for so small a job. For one filter on one voice
#   it would do. For twenty layers of a network it would not.
# - **NumPy** is fast if there is *much* to do in one call. On 320 numbers a good part of its time is the
#   call itself, the same half microsecond for 3 numbers as for 300.
# - For the **one pole**, NumPy has no call: each output needs the last one. SciPy has one, written in C. If
#   neither has, you are back at the loop.
# - **C++** does any loop fast. Called from Python, it too pays for the call (and for the mean square it may
#   lose to NumPy, whose dot product does several multiplications in one step). An engine that is C++
#   throughout pays nothing.
#
# And look at the worst block beside the median. It is Python's memory cleaner, or another program that wanted
# the processor. Whoever builds for real time builds for the worst block.

# %% [markdown]
# ## Against the library
#
# What you wrote, and what others would import. The numbers must agree. The times are for one call.

# %%
from scipy.ndimage import uniform_filter1d
from scipy.spatial.distance import cdist

noise = np.random.default_rng(1)
x, y = noise.normal(size=(2, 200, 40))
signal = noise.normal(size=RATE * (2 if fast_mode() else 10))
WIDTH = 800


def library_frames():
    return np.lib.stride_tricks.sliding_window_view(signal, 400)[::160]


def library_mean():
    # centred by default; the origin moves the window so that it ends at each sample
    return uniform_filter1d(signal, WIDTH, origin=(WIDTH - 1) // 2)


comparisons = {
    "frames [numpy sliding_window_view]": (lambda: frame_view(signal, 400, 160), library_frames, slice(None)),
    "distances [scipy cdist]": (lambda: pairwise_distances(x, y), lambda: cdist(x, y), slice(None)),
    "running mean [scipy uniform_filter1d]": (
        lambda: running_mean(signal, WIDTH),
        library_mean,
        slice(WIDTH, None),  # at the beginning the two have other rules
    ),
    "one pole [scipy lfilter]": (
        lambda: OnePole(0.9).process(signal),
        lambda: lfilter([0.1], [1, -0.9], signal),
        slice(None),
    ),
}
rows = []
for name, (mine, theirs, part) in comparisons.items():
    difference = float(np.abs(mine()[part] - theirs()[part]).max())
    my_time, their_time = stopwatch(mine, repeat=3), stopwatch(theirs, repeat=3)
    rows.append(
        {
            "what": name,
            "largest difference": difference,
            "yours [ms]": 1000 * my_time,
            "library [ms]": 1000 * their_time,
            "yours / library": my_time / their_time,
        }
    )
    assert difference < 1e-9, name
table(rows, title="Numbers and speed")

# %% [markdown]
# Your frames are views, so they cost nothing, in either way. The distances take several times as long as
# SciPy's: broadcasting writes all $n \times m \times d$ differences into memory before it sums them, `cdist`
# needs no memory but the result. The running mean walks over memory half a dozen times, SciPy's once; but
# its *method* is right, and a width ten times as large costs nothing. The one pole is far behind. There the
# loop is in Python.

# %% [markdown]
# ## Where it breaks
#
# Asynchronous is not parallel. While one coroutine *computes*, nobody else runs, because only an `await` lets
# others in. Here a meter wants to tick every 10 ms. Beside it, somebody computes for 0.2 s: once inside the
# event loop, once in a *thread* of its own. This is the real `asyncio`, with the real clock. How late does
# the meter tick?


# %%
def compute(seconds: float) -> None:
    """Keep Python busy: a loop, as OnePole is one."""
    ends_at = time.perf_counter() + seconds
    while time.perf_counter() < ends_at:
        pass


async def ticks(count: int, gap: float) -> list[float]:
    """By how many seconds each tick was late."""
    clock = asyncio.get_running_loop().time
    begin, late = clock(), []
    for number in range(1, count + 1):
        await asyncio.sleep(max(0.0, begin + number * gap - clock()))
        late.append(clock() - begin - number * gap)
    return late


async def in_the_loop() -> None:
    await asyncio.sleep(0.1)
    compute(0.2)


async def in_a_thread() -> None:
    await asyncio.sleep(0.1)
    await asyncio.to_thread(compute, 0.2)


def measured(other: Callable) -> list[float]:
    """Lateness of 40 ticks of 10 ms beside another coroutine."""

    async def both() -> list[float]:
        late, _ = await asyncio.gather(ticks(40, 0.01), other())
        return late

    with concurrent.futures.ThreadPoolExecutor(1) as thread:  # a notebook has a loop already
        return thread.submit(asyncio.run, both()).result()


lateness = {
    "nobody computes": measured(lambda: asyncio.sleep(0.3)),
    "computing in the event loop": measured(in_the_loop),
    "computing in a thread": measured(in_a_thread),
}
table(
    [
        {"beside the meter": name, "median late [ms]": 1e3 * np.median(late), "worst [ms]": 1e3 * max(late)}
        for name, late in lateness.items()
    ],
    title="A meter that should tick every 10 ms",
)
plot.lines(
    {name: (10.0 * np.arange(1, 41), 1e3 * np.array(late)) for name, late in lateness.items()},
    x_label="when the tick was due [ms]",
    y_label="late by [ms]",
    title="One coroutine that computes stops all",
)

# %% [markdown]
# In the event loop the meter stands still until the other is done. A thread helps: Python then switches
# between the two every few milliseconds. But it *switches*: only one of them runs Python at a time, so
# there is not more speed, only more fairness.
#
# More speed comes from leaving Python: a NumPy call or a C++ engine lets other threads run while it works.
# And from more processes. The labs on streaming and on services, much later, are about that. The next labs
# are about what to compute.

# %% [markdown]
# ## Read on
#
# - Harris et al., *Array programming with NumPy*, Nature 585, 2020: shape, strides, broadcasting on four
#   pages.
# - Virtanen et al., *SciPy 1.0*, Nature Methods 17, 2020.
# - Goldberg, *What every computer scientist should know about floating-point arithmetic*, ACM Computing
#   Surveys 23, 1991: section "Cancellation", for Part 2.
# - Beazley, *Generator tricks for systems programmers*, PyCon 2008, for Part 9.
# - PEP 492, *Coroutines with async and await syntax*, 2015; the Python documentation of `asyncio`, "Coroutines
#   and tasks".
# - Raymond, *The lost art of structure packing*, for Part 12.
# - Stroustrup, *A Tour of C++*, chapter 1, and the source of whisper.cpp, which is made to be read.
# - The Bash manual, "Pipelines" and "The set builtin"; *Web Audio API*, W3C Recommendation 2021, section 1.
