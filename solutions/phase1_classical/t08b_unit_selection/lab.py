# ---
# jupyter:
#   lab:
#     title: Unit selection
#     topic: 8
#     minutes: 240
#     difficulty: 4
#     needs: [t03_mel_features]
#     libraries: [numpy, scipy]
#     covers:
#       "Concatenative TTS: unit selection": select_units
# ---

# %% [markdown]
# # Unit selection
#
# Press play on both clips. Nobody ever said the second one.

# %%
from itertools import chain, pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.corpora import espeak
from labkit.parts import t03_mel_features as mel_features

N_SENTENCES = 60 if fast_mode() else 300
corpus = corpora.synth_ljs(N_SENTENCES)
RATE = 22_050  # Hz, of this corpus
recorded = [clip for clip in corpus if clip.split == "train"]
held_out = [clip for clip in corpus if clip.split == "test"]


def word_of(clip, number: int) -> Float[np.ndarray, "time"]:
    """One word of a clip, cut out at its times."""
    _, start, end = clip.words[number]
    return clip.samples[round(start * clip.sample_rate) : round(end * clip.sample_rate)].astype(np.float64)


first_clip, other_clip = recorded[0], recorded[3]
pasted = np.concatenate(
    [word_of(first_clip, n) for n in range(3)] + [word_of(other_clip, n) for n in range(1, 3)]
)
play({"recorded": first_clip.samples, "pasted from two recordings": pasted}, RATE)
print(f"{corpus.name}: {len(corpus)} sentences of one synthetic voice (eSpeak NG), {RATE} Hz")
print("recorded:", first_clip.text)
print(
    "pasted:  ",
    " ".join([first_clip.words[n][0] for n in range(3)] + [other_clip.words[n][0] for n in (1, 2)]),
)

# %% [markdown]
# Cut a recording into pieces, put the pieces together in another order, and a voice says what it never said.
# Railway stations have done it with whole words for fifty years. But a language has too many words to record.
# It has only some forty sounds.
#
# **This page's voice is synthetic.** The sentences come from eSpeak NG, so the time of each sound is known
# exactly. With recordings of a person everything works the same way, once you have such times. An aligner
# finds them.

# %% [markdown]
# ## What you will build
#
# A synthesiser that speaks any sentence with the pieces of one recorded voice:
#
# | step | your functions |
# |---|---|
# | 1. move the pitch of a voice and leave the vowels alone | `pitch_marks`, `fill_marks`, `synthesis_marks`, `psola` |
# | 2. cut recordings into units | `cut_diphones`, `unit_features`, `build_inventory` |
# | 3. choose the best sequence of units | `phone_distance`, `target_cost`, `join_cost`, `best_path`, `select_units` |
# | 4. join them and speak | `spread_steps`, `chain_units`, `synthesize_units`, `plan_targets` |
#
# **Who uses this?** The first Siri voice, Festival, AT&T Natural Voices, most satellite navigation until
# about 2016. Hunt and Black described it in 1996. The best such voices had fifty hours of one speaker. PSOLA,
# the tool of step 1, is still inside Praat, with which phoneticians change a voice by hand.

# %% [markdown]
# ## The idea
#
# A **phone** is one sound of speech: the *s* of "soil". Where should one cut? Not between two phones. There
# the mouth is on its way from one sound to the next, everything moves, and the way depends on both. In the
# *middle* of a phone the mouth has arrived and rests. So the piece runs **from the middle of one phone to the
# middle of the next**. It is called a **diphone**, and the hard part, the transition, lies safe inside it.
# "soil" between two pauses is *pause-s*, *s-oi*, *oi-l*, *l-pause*: four diphones for three phones.
#
# The inventory holds many recordings of each diphone. Which one to take? Two prices decide:
#
# - **target cost**: how badly does this unit fit what is wanted here (its length, its pitch, its neighbours)?
# - **join cost**: how badly does its beginning fit the end of the unit before?
#
# **A number first.** Two diphones, two recordings of each. A fits with target cost 1, B with 3; then C with
# 2, D with 2. Joining A to C costs 5, A to D 4, B to C 0, B to D 6.
#
# | sequence | target + join + target | total |
# |---|---|---|
# | A C | 1 + 5 + 2 | 8 |
# | A D | 1 + 4 + 2 | 7 |
# | B C | 3 + 0 + 2 | **5** |
# | B D | 3 + 6 + 2 | 11 |
#
# B is the worse fit, and still the best choice: B and C were *neighbours in the recording*, so between them
# there is no join at all. That is the heart of unit selection. **The best join is no join**, and long
# stretches of the recording come out as they were spoken.
#
# In general, for targets $t_1 \ldots t_n$, choose units $u_1 \ldots u_n$ with the least
#
# $$C = \sum_{i=1}^{n} T(t_i, u_i) + \sum_{i=2}^{n} J(u_{i-1}, u_i) .$$
#
# It looks like a hidden Markov model, and Viterbi's algorithm solves it. We start at the other end, with the
# sound.

# %% [markdown]
# ## Part 1: pitch marks
#
# In a vowel the vocal cords clap shut a hundred to three hundred times a second. Each clap rings through the
# mouth and dies away. The instants of the claps are called **epochs**. One period of sound begins at each,
# so they are the right places to cut and paste. A **pitch mark** is a sample near each epoch; we take the
# highest peak of the waveform.
#
# How long a period is, and where the voice is on at all, tells a pitch tracker. You get one here: `f0_track`
# compares the sound with itself, shifted, and returns the shift that fits best as a frequency, the
# **fundamental frequency** f0, in hertz; 0 where there is no voice. (The lab on the WORLD vocoder builds a
# better one.)

# %%
HOP = 110  # samples from frame to frame, 5 ms; frame t is centred at sample t * HOP


def f0_track(
    samples: Float[np.ndarray, "time"],
    sample_rate: int,
    hop_length: int = HOP,
    f0_min: float = 75.0,
    f0_max: float = 500.0,
    threshold: float = 0.5,
) -> Float[np.ndarray, "frames"]:
    """Fundamental frequency in Hz by autocorrelation, 0 where unvoiced; frame t is centred at t * hop_length.

    Source: Boersma 1993, without his path through the candidates.
    """
    half = round(1.5 * sample_rate / f0_min)  # a frame holds three of the longest periods
    padded = np.pad(np.asarray(samples, dtype=np.float64), half)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)[::hop_length]
    window = np.hanning(2 * half + 2)[1:-1]
    n_fft = 1 << (4 * half - 1).bit_length()
    shortest, longest = int(sample_rate // f0_max), int(np.ceil(sample_rate / f0_min))
    lags = np.arange(shortest - 1, longest + 2)
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, n_fft)) ** 2)[np.append(0, lags)]
    f0 = np.zeros(len(frames))
    for first in range(0, len(frames), 1000):
        block = frames[first : first + 1000]
        block = block - block.mean(axis=1, keepdims=True)
        power = np.mean(block**2, axis=1)
        products = np.fft.irfft(np.abs(np.fft.rfft(block * window, n_fft)) ** 2)
        likeness = products[:, lags] / np.maximum(products[:, :1], 1e-12) * of_window[0] / of_window[1:]
        before, here, after = likeness[:, :-2], likeness[:, 1:-1], likeness[:, 2:]
        peak = (here >= before) & (here >= after)
        # a little less for long periods: twice the period fits as well
        best = np.argmax(np.where(peak, here - 0.05 * np.log2(lags[1:-1] / shortest), -1.0), axis=1)
        rows = np.arange(len(block))
        left, middle, right = before[rows, best], here[rows, best], after[rows, best]
        bend = left - 2 * middle + right
        shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
        voiced = peak[rows, best] & (middle > threshold) & (power > 1e-5)
        f0[first : first + len(block)] = np.where(voiced, sample_rate / (lags[1 + best] + shift), 0.0)
    # a frame whose neighbours say something else is a slip: the median of five, unvoiced ones included
    return np.median(np.lib.stride_tricks.sliding_window_view(np.pad(f0, 2), 5), axis=1)


# %% [markdown]
# **A number first.** At 22 050 samples per second and 245 Hz, a period is $22\,050 / 245 = 90$ samples. If one
# mark is at sample 1000, the next is near 1090. Look for the highest sample from 1081 to 1099, 10 % to either
# side, and put it there. Go on until the voice stops.


# %% part="pitch_marks" points=4 difficulty=3 minutes=20 forbids="librosa parselmouth pyworld scipy.signal.find_peaks"
def pitch_marks(
    samples: Float[np.ndarray, "time"],
    f0: Float[np.ndarray, "frames"],
    hop_length: int,
    sample_rate: int,
    tolerance: float = 0.1,
) -> Int[np.ndarray, "marks"]:
    """One mark per period in the voiced stretches of a signal, each on a peak of the waveform.

    A *voiced stretch* is a run of frames with f0 > 0. It covers the samples from its first frame's centre to
    its last frame's centre, both included. In it:

    - the first mark is the highest sample within the first period: round(period) samples from the start of
      the stretch, with the period at that start;
    - from a mark m, with T the period at m, the next mark is the highest sample from
      m + round((1 - tolerance) T) to m + round((1 + tolerance) T), both included;
    - when that range reaches beyond the stretch, the stretch is done.

    The *period at* a sample is sample_rate / f0 of the frame whose centre is nearest, in samples; the frame
    must be one of the stretch.

    Args:
        samples: waveform.
        f0: fundamental frequency in Hz, 0 where unvoiced; frame t is centred at sample t * hop_length.
        hop_length: samples from frame to frame.
        sample_rate: in Hz.
        tolerance: how far a period may be from the expected one, as a share of it.
    Returns:
        Sample numbers of the marks, rising. Unvoiced stretches have none. Of equal samples the first counts.
    Raises:
        ValueError: if `tolerance` is not at least 0 and less than 0.5, or a frame is centred beyond the end
            of `samples`.
    Source: Moulines & Charpentier 1990, section 2.1; the search by peaks is that of most simple PSOLA systems.
    Example:
        >>> pulses = np.tile(np.eye(10)[0], 5)
        >>> pitch_marks(pulses, np.full(5, 10.0), hop_length=10, sample_rate=100).tolist()
        [0, 10, 20, 30]
    """
    ### BEGIN SOLUTION
    if not 0 <= tolerance < 0.5:
        raise ValueError(f"tolerance is {tolerance}, expected 0 or more and less than 0.5")
    if (len(f0) - 1) * hop_length >= len(samples):
        raise ValueError(f"f0 has {len(f0)} frames, more than fit on {len(samples)} samples")
    edges = np.flatnonzero(np.diff(np.concatenate([[False], f0 > 0, [False]])))
    marks = []
    for first, last in zip(edges[::2], edges[1::2] - 1, strict=True):
        start, end = first * hop_length, last * hop_length
        period = sample_rate / f0[first]
        low, high = start, min(start + round(period) - 1, end)
        while high <= end:
            mark = low + int(np.argmax(samples[low : high + 1]))
            marks.append(mark)
            period = sample_rate / f0[np.clip(round(mark / hop_length), first, last)]
            low, high = mark + round((1 - tolerance) * period), mark + round((1 + tolerance) * period)
    return np.array(marks, dtype=np.int64)
    ### END SOLUTION


# %% [markdown] hints="pitch_marks"
# 1. Two loops: one over the voiced stretches, one that walks from mark to mark. What do you need to know
#    to take one step?
# 2. `np.diff` of `[False, *voiced, False]` is true where a stretch starts and where it has ended.
#    `np.argmax` of a slice counts from the slice's start: add that start. The slice's end is not included
#    in Python; the range here includes it.
# 3. Keep `low` and `high`, the range to search. `mark = low + int(np.argmax(samples[low : high + 1]))`; then
#    the period at `mark`; then the new `low` and `high`; go on while `high <= end`. The very first range is
#    `start` to `start + round(period) - 1`, cut off at `end`.

# %%
samples = first_clip.samples.astype(np.float64)
f0 = f0_track(samples, RATE)
marks = pitch_marks(samples, f0, HOP, RATE)
vowel = next(span for span in first_clip.phonemes if span[0] == "ˈɔɪ")
part = slice(round(vowel[1] * RATE) + 1200, round(vowel[1] * RATE) + 2200)
inside = marks[(part.start <= marks) & (marks < part.stop)]
stems = np.full(part.stop - part.start, np.nan)
stems[inside - part.start] = samples[inside]
time_ms = 1000 * np.arange(part.stop - part.start) / RATE
peaks = (1000 * (inside - part.start) / RATE, samples[inside])
plot.lines(
    {"waveform": (time_ms, samples[part]), "at the marks": peaks},
    x_label="time [ms]",
    y_label="amplitude",
    title=f"{len(inside)} pitch marks in 45 ms of the vowel in “soil”",
)
plot.track(np.where(f0 > 0, f0, np.nan), HOP / RATE, label="f0 [Hz]", title=first_clip.text)

# %% [markdown]
# The lower curve has holes. There the voice is off: in *s*, in *k*, in pauses. There is no period to mark.

# %% [markdown]
# ## Part 2: marks where there is no voice
#
# PSOLA needs cuts everywhere, also in an *s*. There any spacing will do, as long as it is **not** that of the
# voice: noise cut at 200 marks a second and pasted at 250 begins to hum at 250 Hz. We take one mark every
# 10 ms and remember which marks belong to the voice.
#
# **A number first.** Marks at 0 and 1000, a spacing of 300. $1000 / 300 = 3.3$, so three steps fit best:
# 0, 333, 667, 1000.


# %% part="fill_marks" points=3 difficulty=2 minutes=12
def fill_marks(
    marks: Int[np.ndarray, "marks"], length: int, spacing: float, longest: float
) -> tuple[Int[np.ndarray, "all_marks"], Bool[np.ndarray, "all_marks"]]:
    """Marks from the first sample to the last: the voiced ones, and evenly spaced ones in between.

    Sample 0 and sample length - 1 become marks if they are none. Then every gap that is longer than `longest`
    is divided into equal steps: as many as bring a step nearest to `spacing`, that is round(gap / spacing)
    and at least one.

    Args:
        marks: pitch marks of the voiced stretches, as sample numbers, rising.
        length: of the signal, in samples.
        spacing: wanted distance of marks where there is no voice, in samples.
        longest: the longest distance between two pitch marks that still is a period, in samples.
    Returns:
        All marks, rising, rounded to whole samples; and for each whether it is one of `marks`.
    Raises:
        ValueError: if `length` is less than 2, a mark lies outside of the signal, or the marks do not rise.
    Source: Moulines & Charpentier 1990, section 2.1: "set at a constant rate on the unvoiced portions".
    Example:
        >>> every, voiced = fill_marks(np.array([400, 500]), 601, spacing=150.0, longest=120.0)
        >>> every.tolist(), voiced.tolist()
        ([0, 133, 267, 400, 500, 600], [False, False, False, True, True, False])
    """
    ### BEGIN SOLUTION
    if length < 2:
        raise ValueError(f"length is {length}, expected at least 2 samples")
    if len(marks) and (marks[0] < 0 or marks[-1] >= length or np.any(np.diff(marks) <= 0)):
        raise ValueError(f"marks must rise from 0 to at most {length - 1}")
    known = np.union1d(marks, [0, length - 1]).astype(np.int64)
    pieces = []
    for left, right in pairwise(known):
        steps = max(round((right - left) / spacing), 1) if right - left > longest else 1
        pieces.append(left + np.round(np.arange(steps) * (right - left) / steps))
    every = np.append(np.concatenate(pieces), length - 1).astype(np.int64)
    return every, np.isin(every, marks)
    ### END SOLUTION


# %% [markdown] hints="fill_marks"
# 1. First add the two ends. After that, each gap between two neighbours is a task of its own.
# 2. `np.union1d` adds and sorts. A gap of `steps` equal steps has marks at `left + k * gap / steps` for
#    k = 0 … steps - 1; the right end belongs to the next gap.
# 3. In a loop over neighbours: `steps = max(round(gap / spacing), 1) if gap > longest else 1`, then
#    `left + np.round(np.arange(steps) * gap / steps)`. At the end append `length - 1`. `np.isin(every, marks)`
#    tells which are voiced.

# %% [markdown]
# ## Part 3: where the new periods go
#
# Now we change the voice. Take the marks of the recording as **analysis marks**. Around each one lies a
# **grain**, two periods of sound. The new sound will have **synthesis marks** with other distances, and at
# each we put a copy of the grain that belongs there.
#
# Two wishes, one walk:
#
# - *Higher?* Make the steps shorter. At +12 semitones, one octave, each step is half a period.
# - *Slower?* Stretch the time at which each grain is wanted. At double length the grain of sample 1000 is
#   wanted at 2000.
#
# The walk: start at the time of the first grain. Put down the grain whose wanted time is nearest. Step on by
# *that grain's* new period. Repeat until the last grain's time is passed.
#
# **A number first.** Grains are wanted at 0, 100, 200, and each has the new period 50. The walk stops at 0,
# 50, 100, 150, 200. At 50, grains 0 and 1 are equally near; we take the earlier. Grains: 0, 0, 1, 1, 2. Each
# is used twice: twice the pitch, same length.


# %% part="synthesis_marks" points=4 difficulty=3 minutes=15
def synthesis_marks(
    times: Float[np.ndarray, "grains"], periods: Float[np.ndarray, "grains"]
) -> tuple[Int[np.ndarray, "marks"], Int[np.ndarray, "marks"]]:
    """Where grains are put in the new signal, and which.

    Starting at t = times[0]: the grain with the time nearest to t is put at t (of two equally near ones the
    earlier), then t grows by the period of that grain. It ends when t is more than times[-1].

    Args:
        times: at which each grain is wanted in the new signal, in samples, not falling. Not rounded.
        periods: from each grain to the next one in the new signal, in samples, greater than zero.
    Returns:
        Synthesis marks as whole sample numbers: each t is rounded for itself, while the walk goes on with
        what is not rounded. And for each the index of its grain.
    Raises:
        ValueError: if there are no grains, not as many periods as times, a period is not positive, or the
            times fall.
    Source: Moulines & Charpentier 1990, section 2.2.
    Example:
        >>> marks, grains = synthesis_marks(np.array([0.0, 100.0, 200.0]), np.full(3, 50.0))
        >>> marks.tolist(), grains.tolist()
        ([0, 50, 100, 150, 200], [0, 0, 1, 1, 2])
    """
    ### BEGIN SOLUTION
    if len(times) == 0 or len(periods) != len(times):
        raise ValueError(f"there are {len(times)} times and {len(periods)} periods, expected as many, not 0")
    if np.any(periods <= 0) or np.any(np.diff(times) < 0):
        raise ValueError("periods must be positive and times must not fall")
    marks, grains = [], []
    t = times[0]
    while t <= times[-1]:
        grain = int(np.searchsorted(times, t))
        if grain > 0 and t - times[grain - 1] <= times[grain] - t:
            grain -= 1
        marks.append(round(t))
        grains.append(grain)
        t += periods[grain]
    return np.array(marks, dtype=np.int64), np.array(grains, dtype=np.int64)
    ### END SOLUTION


# %% [markdown] hints="synthesis_marks"
# 1. A `while` loop with one number in it, t. What decides how far it moves?
# 2. `np.abs(times - t).argmin()` finds the nearest, and the first of equal ones. It is correct, and slow for
#    a long signal; `np.searchsorted` finds the first time that is not below t at once, and then only it and
#    the one before need to be compared.
# 3. `while t <= times[-1]:` find `grain`; append `round(t)` and `grain`; `t += periods[grain]`. Never write
#    the rounded value back into t: half a sample a period is 4 cents at 200 Hz, and it adds up.

# %% [markdown]
# ## Part 4: PSOLA
#
# Pitch-Synchronous OverLap-Add: cut out the grains, fade each in and out, add them up at the new places.
#
# The fade is half a Hann window to either side of the mark: it rises from 0 to 1 over the period *before* the
# mark and falls from 1 to 0 over the period *after* it. So a grain is two periods long, and where neighbours
# overlap in their old places, the falling half and the rising half add up to one:
#
# $$\left(\tfrac12 + \tfrac12\cos\frac{\pi k}{T}\right) + \left(\tfrac12 - \tfrac12\cos\frac{\pi k}{T}\right) = 1 .$$
#
# That is why PSOLA gives back its input exactly if nothing moves. If the marks move together, more windows
# overlap and the sum grows beyond one; then we divide by it. Where they move apart the sum falls below one;
# there we leave it, since silence between two claps is what a lower voice has.
#
# **Why the vowel stays.** What tells *a* from *i* is how each clap rings in the mouth, the **formants**. That
# ringing is inside the grain, and the grain is not changed. Only the rate of the claps is.


# %% part="psola" points=5 difficulty=4 minutes=25 forbids="librosa parselmouth pyworld"
def psola(
    samples: Float[np.ndarray, "time"],
    marks: Int[np.ndarray, "marks"],
    sources: Int[np.ndarray, "grains"],
    positions: Int[np.ndarray, "grains"],
    length: int,
    gains: Float[np.ndarray, "grains"] | None = None,
) -> Float[np.ndarray, "length"]:
    """Pitch-synchronous overlap-add of two-period grains.

    The grain of mark i runs from the mark before it to the mark after it. Its window is
    0.5 - 0.5 cos(πk/L) for the L samples from the mark before (k = 0 … L - 1), and 0.5 + 0.5 cos(πk/R) for
    the R samples from the mark itself (k = 0 … R - 1), with L and R the distances to the mark before and
    after. The first mark has L = 0. The last mark has R = 1: its own sample only.

    Args:
        samples: waveform that the grains are cut from.
        marks: sample numbers in `samples`, rising.
        sources: for every grain to be placed, the index in `marks` of the one to copy.
        positions: for every grain, the sample of the result at which its mark is put.
        length: of the result, in samples. What sticks out at either end is cut off.
        gains: a factor for every grain; None for 1.
    Returns:
        The sum of the grains, times window and gain, divided by the sum of the windows (without gains)
        wherever that sum is more than 1.
    Raises:
        ValueError: if `sources`, `positions` and `gains` differ in length, or a source is no index of a mark
            (from 0 to the number of marks less one).
    Source: Moulines & Charpentier 1990, Pitch-synchronous waveform processing techniques for text-to-speech
        synthesis using diphones, Speech Communication 9, sections 2.2 and 2.3.
    Example:
        >>> ramp = np.arange(9.0)
        >>> psola(ramp, np.array([0, 4, 8]), np.array([0, 1, 2]), np.array([0, 4, 8]), 9).round(6).tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    """
    ### BEGIN SOLUTION
    gains = np.ones(len(sources)) if gains is None else gains
    if not len(sources) == len(positions) == len(gains):
        raise ValueError(f"{len(sources)} sources, {len(positions)} positions, {len(gains)} gains: not equal")
    if np.any(sources < 0) or np.any(sources >= len(marks)):
        raise ValueError(f"a source is not from 0 to {len(marks) - 1}")
    before = np.diff(marks, prepend=marks[0])
    after = np.diff(marks, append=marks[-1] + 1)
    result, weight = np.zeros(length), np.zeros(length)
    for source, position, gain in zip(sources, positions, gains, strict=True):
        rise, fall = before[source], after[source]
        window = np.concatenate(
            [
                0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / max(rise, 1)),
                0.5 + 0.5 * np.cos(np.pi * np.arange(fall) / fall),
            ]
        )
        first, offset = marks[source] - rise, position - rise
        low, high = max(0, -offset), min(len(window), length - offset)
        if low < high:
            result[offset + low : offset + high] += (
                gain * (window * samples[first : first + len(window)])[low:high]
            )
            weight[offset + low : offset + high] += window[low:high]
    return result / np.maximum(weight, 1.0)
    ### END SOLUTION


# %% [markdown] hints="psola"
# 1. One loop over the grains. For each: cut, fade, add. What is the same for all grains of one mark?
# 2. Keep two arrays of zeros: one for the sum of faded grains, one for the sum of windows. `np.diff` of the
#    marks gives L and R. A grain whose mark is put at p starts at p − L.
# 3. For grains at the edges compute `low = max(0, -(p - L))` and `high = min(L + R, length - (p - L))`, and
#    add only `[low:high]`. At the end divide by `np.maximum(weight, 1.0)`.

# %% [markdown]
# Time to hear it: one word four semitones higher, in two ways. *Resampling* just plays it faster: pitch, speed
# and formants all move. *PSOLA* moves the pitch alone.


# %%
SPACING = 0.01  # seconds between marks where there is no voice
LONGEST = 1 / 60  # seconds: what is longer is no period


def all_marks(samples: Float[np.ndarray, "time"], f0: Float[np.ndarray, "frames"], sample_rate: int):
    """Marks over a whole signal, and which are voiced."""
    voiced_marks = pitch_marks(samples, f0, HOP, sample_rate)
    return fill_marks(voiced_marks, len(samples), SPACING * sample_rate, LONGEST * sample_rate)


def change_voice(
    samples: Float[np.ndarray, "time"], sample_rate: int, pitch: float = 1.0, duration: float = 1.0
) -> Float[np.ndarray, "new_time"]:
    """A signal with its pitch and its length times a factor, by PSOLA."""
    marks, voiced = all_marks(samples, f0_track(samples, sample_rate), sample_rate)
    periods = np.diff(marks, append=marks[-1] + 1).astype(np.float64)
    positions, sources = synthesis_marks(marks * duration, np.where(voiced, periods / pitch, periods))
    return psola(samples, marks, sources, positions, round(len(samples) * duration))


def envelope_db(samples: Float[np.ndarray, "time"], sample_rate: int, quefrency: float = 0.0016):
    """Mean log spectrum of the voiced frames, smoothed so that the harmonics vanish, in dB."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::HOP]
    loud = frames[np.mean(frames**2, axis=1) > 0.1 * np.mean(samples**2)]
    log_spectrum = np.log(np.abs(np.fft.rfft(loud * np.hanning(1024), 2048)) ** 2 + 1e-8).mean(axis=0)
    cepstrum = np.fft.irfft(log_spectrum)
    keep = round(quefrency * sample_rate)
    cepstrum[keep:-keep] = 0
    return 10 / np.log(10) * np.fft.rfft(cepstrum).real


word = word_of(first_clip, 1)
FOUR_SEMITONES = 2 ** (4 / 12)
resampled = np.interp(np.arange(0, len(word) - 1, FOUR_SEMITONES), np.arange(len(word)), word)
higher = change_voice(word, RATE, pitch=FOUR_SEMITONES)
play({"“soil”": word, "+4 semitones, PSOLA": higher, "+4 semitones, resampled": resampled}, RATE)
person = corpora.ljspeech(announce=False)
some_words = person[0].samples[: 3 * person.sample_rate].astype(np.float64)
play(
    {
        f"{person.name}": some_words,
        "+4 semitones": change_voice(some_words, person.sample_rate, pitch=FOUR_SEMITONES),
        "−4 semitones": change_voice(some_words, person.sample_rate, pitch=1 / FOUR_SEMITONES),
    },
    person.sample_rate,
)
play(
    {
        "−4 semitones": change_voice(word, RATE, pitch=1 / FOUR_SEMITONES),
        "twice as long": change_voice(word, RATE, duration=2.0),
        "half as long": change_voice(word, RATE, duration=0.5),
    },
    RATE,
)
kilohertz = np.arange(1025) * RATE / 2048 / 1000
below = kilohertz < 5
plot.lines(
    {
        name: (kilohertz[below], envelope_db(sound, RATE)[below] - envelope_db(sound, RATE)[below].mean())
        for name, sound in {"recorded": word, "PSOLA": higher, "resampled": resampled}.items()
    },
    x_label="frequency [kHz]",
    y_label="level [dB]",
    title="Spectral envelope: PSOLA leaves the formants where they are",
)


def median_f0(samples: Float[np.ndarray, "time"]) -> float:
    """Median of the voiced frames, in Hz: the zeros of the others would pull it down."""
    track = f0_track(samples, RATE)
    return float(np.median(track[track > 0]))


table(
    [
        {
            "sound": name,
            "length [ms]": 1000 * len(sound) / RATE,
            "median f0 [Hz]": median_f0(sound),
            "semitones": 12 * np.log2(median_f0(sound) / median_f0(word)),
        }
        for name, sound in {"recorded": word, "PSOLA": higher, "resampled": resampled}.items()
    ],
    title="The same word, +4 semitones",
)

# %% [markdown]
# Players: the word in two ways; three seconds of one reader (a recording, if this machine has LJ Speech); the
# word lower, longer and shorter.
#
# Both are four semitones up. The resampled one is shorter, and all its peaks have moved to the right by a
# quarter: it is a smaller person, with a smaller mouth. (That is the "chipmunk".) PSOLA's curve stays on the
# recorded one. It is the same person, singing a higher note.

# %% [markdown]
# ## Part 5: cut recordings into diphones
#
# Now the units. A clip of the corpus knows its phones with their times. From the middle of each to the middle
# of the next runs a diphone.
#
# **A number first.** *s* from 0.3 to 0.4 s, *oi* from 0.4 to 0.6 s. The diphone runs from 0.35 to 0.5 s, and
# the border between the two phones is at 0.4 s. It has two halves, 0.05 s and 0.1 s.
#
# What stood around it also matters: an *s-oi* sounds a little different after *l* than after a pause. So each
# diphone remembers the phone before and the phone after.


# %% part="cut_diphones" points=3 difficulty=1 minutes=10
def cut_diphones(phones: list) -> list[dict]:
    """Diphones of an utterance: from the middle of each phone to the middle of the next.

    Args:
        phones: (label, start, end) of each phone, in seconds, in the order of time and without gaps.
    Returns:
        For each pair of neighbours a dict: "left" and "right", their labels; "previous" and "next", the
        labels of the phone before `left` and of the one after `right`, "" where there is none; "start",
        "border" and "end" in seconds: the middle of `left`, where `right` starts, the middle of `right`.
    Raises:
        ValueError: if there are fewer than two phones, or one does not end after it starts.
    Source: Hunt & Black 1996; the diphone is due to Peterson, Wang & Sivertsen 1958.
    Example:
        >>> cut_diphones([("s", 0.25, 0.5), ("oi", 0.5, 1.0)])[0]["end"]
        0.75
    """
    ### BEGIN SOLUTION
    if len(phones) < 2:
        raise ValueError(f"there are {len(phones)} phones, expected at least two")
    if any(end <= start for _, start, end in phones):
        raise ValueError("a phone does not end after it starts")
    labels = ["", *(label for label, _, _ in phones), ""]
    middles = [(start + end) / 2 for _, start, end in phones]
    return [
        {
            "left": labels[i + 1],
            "right": labels[i + 2],
            "previous": labels[i],
            "next": labels[i + 3],
            "start": middles[i],
            "border": phones[i + 1][1],
            "end": middles[i + 1],
        }
        for i in range(len(phones) - 1)
    ]
    ### END SOLUTION


# %% [markdown] hints="cut_diphones"
# 1. n phones have n − 1 pairs of neighbours. What is the middle of a phone?
# 2. Put "" before the first and after the last label; then no pair needs a special case.
# 3. With `middles[i] = (start + end) / 2`: diphone i starts at `middles[i]`, has its border at
#    `phones[i + 1][1]`, ends at `middles[i + 1]`.

# %%
example = recorded[0].phonemes[:6]
table([{"phone": label, "start": start, "end": end} for label, start, end in example], title="Phones")
table(cut_diphones(example), title="Their diphones")

# %% [markdown]
# The end of each is the start of the next, to the last digit. Keep that in mind for Part 10.

# %% [markdown]
# ## Part 6: describe the units
#
# To choose among units, the computer needs numbers about them. At both *ends* of a unit, where it will be
# joined: the spectrum (MFCC), the f0, the level. Over the *whole* unit: its duration, its mean f0, and where
# in the sentence it stood, since voices fall towards the end.
#
# Here is a trap that has spoilt many a voice. Where there is no voice the tracker says 0. A zero is not a
# low pitch, it is *no* pitch. **A number first:** four frames, 200, 202, 0, 0 Hz. The mean of all is 100 Hz,
# an octave too low. The mean of the voiced ones is 201 Hz.


# %% part="unit_features" points=4 difficulty=2 minutes=18
def unit_features(
    diphones: list[dict],
    mfcc: Float[np.ndarray, "frames coefficients"],
    f0: Float[np.ndarray, "frames"],
    levels: Float[np.ndarray, "frames"],
    hop_length: int,
    sample_rate: int,
) -> dict:
    """Numbers that describe each diphone of one utterance.

    The frame *at* a sample s is the one whose centre is nearest: frame round(s / hop_length), and the last
    frame where that is beyond the end.

    Args:
        diphones: from `cut_diphones`.
        mfcc: cepstral coefficients; frame t of all three tracks is centred at sample t * hop_length.
        f0: in Hz, 0 where unvoiced.
        levels: in dB.
        hop_length: samples from frame to frame.
        sample_rate: in Hz.
    Returns:
        A dict of one entry per diphone each. Lists of labels: "left", "right", "previous", "next". Arrays:
        "cuts" [units, 3], start, border and end as whole sample numbers (round(seconds * sample_rate));
        "durations" [units, 2], seconds of the left and of the right half, from the unrounded times;
        "f0" [units], mean over the voiced frames from the one at the start to the one at the end (both
        included), 0 if none is voiced; "position" [units], the border as a share of the time from the first
        diphone's start to the last one's end; "mfcc_start" and "mfcc_end" [units, coefficients], "f0_start",
        "f0_end", "level_start" and "level_end" [units]: the tracks at the start and at the end.
    Raises:
        ValueError: if there are no diphones, or the three tracks differ in length.
    Source: Hunt & Black 1996, section 2.
    Example:
        >>> pair = cut_diphones([("s", 0.0, 0.2), ("a", 0.2, 0.4)])
        >>> f0 = np.array([0.0, 0.0, 200.0, 202.0, 0.0])
        >>> row = unit_features(pair, np.zeros((5, 2)), f0, np.zeros(5), hop_length=100, sample_rate=1000)
        >>> row["cuts"].tolist(), row["f0"].tolist()
        ([[100, 200, 300]], [201.0])
    """
    ### BEGIN SOLUTION
    if not diphones or not len(mfcc) == len(f0) == len(levels):
        raise ValueError(f"{len(diphones)} diphones; tracks of {len(mfcc)}, {len(f0)}, {len(levels)} frames")
    seconds = np.array([[one["start"], one["border"], one["end"]] for one in diphones])
    cuts = np.round(seconds * sample_rate).astype(np.int64)
    frames = np.minimum(np.round(cuts / hop_length).astype(np.int64), len(f0) - 1)
    starts, ends = frames[:, 0], frames[:, 2]
    inside = [f0[first : last + 1] for first, last in zip(starts, ends, strict=True)]
    return {
        **{key: [one[key] for one in diphones] for key in ("left", "right", "previous", "next")},
        "cuts": cuts,
        "durations": np.diff(seconds, axis=1),
        "f0": np.array([track[track > 0].mean() if np.any(track > 0) else 0.0 for track in inside]),
        "position": (seconds[:, 1] - seconds[0, 0]) / (seconds[-1, 2] - seconds[0, 0]),
        "mfcc_start": mfcc[starts],
        "mfcc_end": mfcc[ends],
        "f0_start": f0[starts],
        "f0_end": f0[ends],
        "level_start": levels[starts],
        "level_end": levels[ends],
    }
    ### END SOLUTION


# %% [markdown] hints="unit_features"
# 1. Make one array of seconds, [units, 3], and derive the rest from it. For the frames: samples first, then
#    frames.
# 2. `mfcc[frames]` with an array of frame numbers gives one row each. `np.diff(seconds, axis=1)` gives both
#    halves at once. For the mean f0 a short loop over units is fine.
# 3. `frames = np.minimum(np.round(cuts / hop_length).astype(int), len(f0) - 1)`;
#    `track[track > 0].mean() if np.any(track > 0) else 0.0` with `track = f0[first : last + 1]`.

# %% [markdown]
# ## Part 7: the inventory
#
# All sentences together. Their samples are laid end to end in one long array, and cuts and marks move along
# with them. Then two units were neighbours in the recording exactly if one ends at the sample at which the
# other starts.
#
# You get the tracks at the joins: `spectral_track` are the MFCCs of the mel lab, with the frames centred like
# those of `f0_track`, and without the coefficient 0, which is loudness. `level_track` is the loudness.


# %%
def spectral_track(
    samples: Float[np.ndarray, "time"], sample_rate: int, hop_length: int = HOP
) -> Float[np.ndarray, "frames 12"]:
    """MFCC 1 to 12 of frames of 400 samples; frame t is centred at t * hop_length."""
    padded = np.pad(np.asarray(samples, dtype=np.float64), (200, 200 + hop_length))
    tracks = mel_features.mfcc(padded, sample_rate, n_mfcc=13, n_mels=32, hop_length=hop_length)
    return tracks[: (len(samples) - 1) // hop_length + 1, 1:]


def level_track(
    samples: Float[np.ndarray, "time"], hop_length: int = HOP, floor_db: float = -60.0
) -> Float[np.ndarray, "frames"]:
    """Level of frames of 400 samples in dB below full scale; frame t is centred at t * hop_length."""
    padded = np.pad(np.asarray(samples, dtype=np.float64), 200)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::hop_length]
    power = np.mean(frames**2, axis=1)[: (len(samples) - 1) // hop_length + 1]
    return 10 * np.log10(np.maximum(power, 10 ** (floor_db / 10)))


def analyse(samples: Float[np.ndarray, "time"], sample_rate: int):
    """The three tracks of a recording, equally long: MFCC, f0 and level."""
    f0 = f0_track(samples, sample_rate)[: (len(samples) - 1) // HOP + 1]
    return spectral_track(samples, sample_rate), f0, level_track(samples)


# %% part="build_inventory" points=3 difficulty=2 minutes=12
def build_inventory(utterances: list[dict], sample_rate: int) -> dict:
    """Units of many recordings, with their sound.

    Args:
        utterances: each with "samples", a waveform, and "phones", (label, start, end) in seconds.
        sample_rate: in Hz, of all.
    Returns:
        The dict of `unit_features` for all diphones of all utterances in their order (lists joined, arrays
        joined along the first axis), and: "samples", all waveforms end to end; "marks" and "voiced", what
        `all_marks` gives for each utterance, end to end; "sample_rate". "cuts" and "marks" count from the
        first sample of the whole.
    Raises:
        ValueError: if there are no utterances.
    Source: Hunt & Black 1996, section 2.
    Example:
        >>> noise = np.random.default_rng(0).normal(0, 0.1, 4000)
        >>> one = {"samples": noise, "phones": [("s", 0.0, 0.1), ("f", 0.1, 0.25)]}
        >>> build_inventory([one, one], 16_000)["cuts"].tolist()
        [[800, 1600, 2800], [4800, 5600, 6800]]
    """
    ### BEGIN SOLUTION
    if not utterances:
        raise ValueError("there are no utterances")
    rows, offset = [], 0
    for utterance in utterances:
        samples = np.asarray(utterance["samples"], dtype=np.float64)
        mfcc, f0, levels = analyse(samples, sample_rate)
        marks, voiced = all_marks(samples, f0, sample_rate)
        row = unit_features(cut_diphones(utterance["phones"]), mfcc, f0, levels, HOP, sample_rate)
        row["cuts"] = row["cuts"] + offset
        rows.append({**row, "samples": samples, "marks": marks + offset, "voiced": voiced})
        offset += len(samples)
    joined = {
        key: list(chain.from_iterable(row[key] for row in rows))
        if isinstance(rows[0][key], list)
        else np.concatenate([row[key] for row in rows])
        for key in rows[0]
    }
    return {**joined, "sample_rate": sample_rate}
    ### END SOLUTION


# %% [markdown] hints="build_inventory"
# 1. One loop over utterances that calls five functions, then join what they return. What must be moved when
#    a second recording is put behind the first?
# 2. `offset` counts the samples of all utterances so far. It is added to "cuts" and to "marks", nothing else.
# 3. In the loop: `analyse`, `all_marks`, `unit_features(cut_diphones(phones), mfcc, f0, levels, HOP,
#    sample_rate)`; collect one dict per utterance. Then for each key: a list is joined by `+`, an array by
#    `np.concatenate`.

# %%
MINUTES_TEXT = "{:.0f} sentences, {:.0f} s of speech, {} units, {} different diphones"


def as_utterance(clip) -> dict:
    """What `build_inventory` needs of a clip."""
    return {"samples": clip.samples, "phones": list(clip.phonemes)}


def names(units: dict) -> list[str]:
    """Each unit's diphone, such as "s-oi"."""
    return [f"{left}-{right}" for left, right in zip(units["left"], units["right"], strict=True)]


inventory = build_inventory([as_utterance(clip) for clip in progress(recorded, "cutting")], RATE)
seconds = len(inventory["samples"]) / RATE
print(MINUTES_TEXT.format(len(recorded), seconds, len(inventory["left"]), len(set(names(inventory)))))

# %% [markdown]
# ## Part 8: how alike are two phones?
#
# English has some 1600 diphones that occur, and a few are so rare that no recording holds them. What then? Take
# the **most similar** one. Similar how? By how the mouth makes the sounds. *p* and *b* differ only in the
# voice. *p* and *a* have nothing in common.
#
# Phoneticians describe a sound by three things. Its **manner**: is it a vowel, a plosive (p, t, k), a
# fricative (s, f)? Its **place**: lips, teeth, front or back of the tongue? And for a consonant its
# **voice**, for a vowel its **height**: is the mouth open or nearly closed? You get the table.
#
# A label may have several symbols. A diphthong moves: *aɪ* starts as *a* and ends as *ɪ*. Look only at the
# side that counts. In a diphone, the left phone takes part with its *end*, the right one with its *start*.


# %%
MANNERS = {
    "silence": {"none": {"none": ["sil"]}},
    "plosive": {
        "lips": {"voiceless": "p", "voiced": "b"},
        "ridge": {"voiceless": "t", "voiced": "dɾ"},
        "velum": {"voiceless": "k", "voiced": "ɡ"},
        "throat": {"voiceless": "ʔ"},
    },
    "fricative": {
        "lips": {"voiceless": "f", "voiced": "v"},
        "teeth": {"voiceless": "θ", "voiced": "ð"},
        "ridge": {"voiceless": "s", "voiced": "z"},
        "palate": {"voiceless": "ʃ", "voiced": "ʒ"},
        "throat": {"voiceless": "h"},
    },
    "nasal": {"lips": {"voiced": "m"}, "ridge": {"voiced": "n"}, "velum": {"voiced": "ŋ"}},
    "approximant": {"lips": {"voiced": "w"}, "ridge": {"voiced": "lɹ"}, "palate": {"voiced": "j"}},
    "vowel": {
        "front": {"close": "iɪ", "mid": "eɛ", "open": "æa"},
        "central": {"close": "ᵻ", "mid": "əɚɜ", "open": "ɐʌ"},
        "back": {"close": "uʊ", "mid": "oɔ", "open": "ɑɒ"},
    },
}
FEATURES = {
    symbol: (manner, place, third)
    for manner, places in MANNERS.items()
    for place, thirds in places.items()
    for third, symbols in thirds.items()
    for symbol in symbols
}
MARKS = "ˈˌː"  # main stress, second stress, long


# %% part="phone_distance" points=3 difficulty=2 minutes=12
def phone_distance(a: str, b: str, side: str) -> int:
    """How different two phones are at their end or at their start.

    Args:
        a, b: labels in IPA, which may carry stress and length marks (`MARKS`).
        side: "end" compares the last symbols of the labels, "start" the first ones, marks not counted.
    Returns:
        0 if the labels are equal. Else 1, plus 3 if the manner differs, plus 1 if the place differs, plus 1
        if the third feature differs, by the table `FEATURES`. A label that is itself in the table ("sil")
        counts as one symbol. If the symbols are the same the distance is 1, in the table or not; if they
        differ and one of them is not in the table, it is 6.
    Raises:
        ValueError: if `side` is neither "end" nor "start", or a label is nothing but marks.
    Source: the idea: Jakobson, Fant & Halle 1952; the table is a coarse form of the IPA chart.
    Example:
        >>> phone_distance("p", "b", "start"), phone_distance("ˈiː", "i", "end"), phone_distance("aɪ", "ɔɪ", "end")
        (2, 1, 1)
    """
    ### BEGIN SOLUTION
    if side not in ("end", "start"):
        raise ValueError(f"side is {side!r}, expected 'end' or 'start'")
    bare = ["".join(symbol for symbol in label if symbol not in MARKS) for label in (a, b)]
    if "" in bare:
        raise ValueError(f"{a!r} or {b!r} has no symbol, only marks")
    if a == b:
        return 0
    first, second = (
        label if label in FEATURES else (label[-1] if side == "end" else label[0]) for label in bare
    )
    if first == second:
        return 1
    if first not in FEATURES or second not in FEATURES:
        return 6
    differs = [x != y for x, y in zip(FEATURES[first], FEATURES[second], strict=True)]
    return 1 + 3 * differs[0] + differs[1] + differs[2]
    ### END SOLUTION


# %% [markdown] hints="phone_distance"
# 1. Equal labels first. Then: which symbol of each label counts?
# 2. Strip the marks, then take `label[0]` or `label[-1]`, but not of "sil", which is in the table as a
#    whole. A truth value counts as 0 or 1 in a sum.
# 3. `bare = "".join(s for s in label if s not in MARKS)`; `symbol = bare if bare in FEATURES else bare[-1]`
#    (or `bare[0]`); then compare the three features of the two symbols and weigh them 3, 1, 1.

# %%
shown = ["p", "b", "t", "s", "z", "m", "w", "ˈiː", "i", "aɪ", "ɔɪ", "sil"]
plot.matrix(
    np.array([[phone_distance(a, b, "end") for b in shown] for a in shown], dtype=float),
    x_label="phone",
    y_label="phone",
    title="Distance of phones at their ends",
    x_ticks=shown,
    y_ticks=shown,
)

# %% [markdown]
# ## Part 9: target cost
#
# What is wanted at each place of the new sentence is called a **target**. It is described by the same words as
# a unit: phones around it, durations of its halves, f0, position. The target cost adds up how far a unit is
# from it:
#
# | term | distance |
# |---|---|
# | context | 1 if the previous phone differs, plus 1 if the next one differs |
# | duration | $\lvert\ln(d_u/d_t)\rvert$, of the left half plus of the right half |
# | f0 | $\lvert\log_2(f_u/f_t)\rvert$, in octaves; 0 if one of the two has no voice |
# | position | $\lvert p_u - p_t\rvert$ |
#
# Each term has a weight. **A number first:** wanted 0.05 + 0.10 s at 200 Hz; the unit has 0.05 + 0.20 s at
# 400 Hz. Duration: $0 + \ln 2 = 0.69$. Pitch: one octave, 1. Twice as long and half as long cost the same;
# that is what the logarithm is for.
#
# Compute it for all targets and all units at once: a table with a row per target and a column per unit.


# %%
TARGET_WEIGHTS = {"context": 0.5, "duration": 1.0, "f0": 2.0, "position": 0.5}
JOIN_WEIGHTS = {"spectrum": 0.1, "f0": 1.0, "voicing": 0.25, "level": 0.02}


# %% part="target_cost" points=4 difficulty=3 minutes=18
def target_cost(targets: dict, units: dict, weights: dict[str, float]) -> Float[np.ndarray, "targets units"]:
    """How badly each unit fits each target.

    Args:
        targets: what is wanted: "previous" and "next", lists of labels; "durations" [targets, 2] in seconds;
            "f0" [targets] in Hz, 0 for unvoiced; "position" [targets]. More keys may be there.
        units: the same for the units.
        weights: of the terms "context", "duration", "f0" and "position".
    Returns:
        The weighted sum of the four terms in the table above, for each target (row) and unit (column).
    Raises:
        ValueError: if a duration is not positive.
    Source: Hunt & Black 1996, equation 1, with the sub-costs of the table.
    Example:
        >>> one = {"previous": [""], "next": ["a"], "position": np.array([0.5])}
        >>> wanted = {**one, "durations": np.array([[0.05, 0.1]]), "f0": np.array([200.0])}
        >>> there = {**one, "durations": np.array([[0.05, 0.2]]), "f0": np.array([400.0])}
        >>> weights = {"context": 1.0, "duration": 1.0, "f0": 1.0, "position": 1.0}
        >>> target_cost(wanted, there, weights).round(3).tolist()
        [[1.693]]
    """
    ### BEGIN SOLUTION
    if np.any(targets["durations"] <= 0) or np.any(units["durations"] <= 0):
        raise ValueError("a duration is not positive")
    context = sum(
        np.array(targets[key], dtype=str)[:, None] != np.array(units[key], dtype=str)[None, :]
        for key in ("previous", "next")
    )
    ratio = np.log(targets["durations"])[:, None, :] - np.log(units["durations"])[None, :, :]
    wanted, there = targets["f0"][:, None], units["f0"][None, :]
    both = (wanted > 0) & (there > 0)
    octaves = np.abs(np.log2(np.where(both, there, 1.0)) - np.log2(np.where(both, wanted, 1.0)))
    position = np.abs(targets["position"][:, None] - units["position"][None, :])
    return (
        weights["context"] * context
        + weights["duration"] * np.abs(ratio).sum(axis=2)
        + weights["f0"] * octaves
        + weights["position"] * position
    )
    ### END SOLUTION


# %% [markdown] hints="target_cost"
# 1. A column of targets and a row of units combine to a table. Make the four tables, then add them.
# 2. `a[:, None]` is a column, `b[None, :]` a row. Labels can be compared too: `np.array(labels)`. For
#    durations there is a third axis, the two halves: sum over it.
# 3. The logarithm of 0 Hz is −∞. Replace f0 by 1 wherever one of the two is 0: `np.where(both, f0, 1.0)`.
#    Then both logarithms are 0 there.

# %% [markdown]
# ## Part 10: join cost
#
# Now the joins: the *end* of one unit against the *start* of the next.
#
# | term | distance |
# |---|---|
# | spectrum | length of the difference of the MFCC vectors |
# | f0 | octaves between the two, if both have voice |
# | voicing | 1 if one has voice and the other has not |
# | level | dB between the two |
#
# And the rule that matters most: **units that were neighbours in the recording cost nothing**, whatever the
# numbers say. There is no join between them.


# %% part="join_cost" points=4 difficulty=3 minutes=15
def join_cost(
    units: dict,
    lefts: Int[np.ndarray, "left"],
    rights: Int[np.ndarray, "right"],
    weights: dict[str, float],
) -> Float[np.ndarray, "left right"]:
    """How badly the end of each left unit fits the start of each right unit.

    Args:
        units: from `unit_features`: "cuts", "mfcc_end", "mfcc_start", "f0_end", "f0_start", "level_end",
            "level_start". More keys may be there.
        lefts: indices of units that may come first.
        rights: indices of units that may follow.
        weights: of the terms "spectrum", "f0", "voicing" and "level".
    Returns:
        The weighted sum of the four terms in the table above, for each left unit (row) and right unit
        (column). Exactly 0 where the right unit starts at the sample at which the left one ends.
    Source: Hunt & Black 1996, equation 2 and the remark on consecutive units below it.
    Example:
        >>> ends = {"mfcc_end": np.ones((2, 4)), "f0_end": np.array([100.0, 100.0]), "level_end": np.zeros(2)}
        >>> starts = {"mfcc_start": np.zeros((2, 4)), "f0_start": np.array([100.0, 200.0])}
        >>> units = {**ends, **starts, "level_start": np.zeros(2), "cuts": np.array([[0, 5, 9], [9, 12, 20]])}
        >>> weights = {"spectrum": 1.0, "f0": 1.0, "voicing": 1.0, "level": 1.0}
        >>> join_cost(units, np.array([0, 1]), np.array([1]), weights).tolist()
        [[0.0], [3.0]]
    """
    ### BEGIN SOLUTION
    spectrum = np.linalg.norm(
        units["mfcc_end"][lefts][:, None, :] - units["mfcc_start"][rights][None, :, :], axis=2
    )
    end, start = units["f0_end"][lefts][:, None], units["f0_start"][rights][None, :]
    both, one = (end > 0) & (start > 0), (end > 0) != (start > 0)
    octaves = np.abs(np.log2(np.where(both, end, 1.0)) - np.log2(np.where(both, start, 1.0)))
    level = np.abs(units["level_end"][lefts][:, None] - units["level_start"][rights][None, :])
    cost = (
        weights["spectrum"] * spectrum
        + weights["f0"] * octaves
        + weights["voicing"] * one
        + weights["level"] * level
    )
    neighbours = units["cuts"][lefts, 2][:, None] == units["cuts"][rights, 0][None, :]
    return np.where(neighbours, 0.0, cost)
    ### END SOLUTION


# %% [markdown] hints="join_cost"
# 1. Which end of the left unit, which end of the right one? Draw the two side by side.
# 2. Columns and rows as in Part 9; `np.linalg.norm(…, axis=2)` is the length of each difference.
# 3. Neighbours: `units["cuts"][lefts, 2][:, None] == units["cuts"][rights, 0][None, :]`. `np.where` puts the
#    zeros in.

# %% [markdown]
# ## Part 11: the cheapest path
#
# With 40 candidates for each of 40 diphones there are $40^{40}$ sequences. Nobody tries them all. The trick is
# the one of the HMM lab: *the best way to a unit goes through the best way to one of the units before it.*
# Walk from left to right. For each candidate keep two things: the cost of the cheapest way to it, and from
# which unit before it that way came.
#
# Back to the example with A, B, C, D. Ways to A and B cost 1 and 3: their own target costs. To C:
# $1 + 5 = 6$ through A, $3 + 0 = 3$ through B. So B, and with C's own 2 it makes 5. To D: 5 through A, 9 through
# B. So A, 7 in all. The cheapest end is C, and C came from B.


# %% part="best_path" points=5 difficulty=3 minutes=20 forbids="librosa.sequence hmmlearn"
def best_path(
    target_costs: list[Float[np.ndarray, "candidates"]],
    join_costs: list[Float[np.ndarray, "before candidates"]],
) -> tuple[Int[np.ndarray, "targets"], float]:
    """The cheapest sequence of candidates, exactly (Viterbi).

    Args:
        target_costs: for each target the costs of its candidates. Their number may differ from target to
            target.
        join_costs: for each target but the first, the cost from each candidate of the target before (row) to
            each of its own (column). One less than there are targets.
    Returns:
        For each target the number of the chosen candidate, and the total cost of all targets and joins. Of
        equally cheap ways the one with the earlier candidate, decided from the end of the sequence to its
        beginning.
    Raises:
        ValueError: if there is no target, a target has no candidate, or the shapes do not fit together.
    Source: Viterbi 1967; Hunt & Black 1996, section 2.
    Example:
        >>> path, cost = best_path([np.array([1.0, 3.0]), np.array([2.0, 2.0])], [np.array([[5.0, 4.0], [0.0, 6.0]])])
        >>> path.tolist(), cost
        ([1, 0], 5.0)
    """
    ### BEGIN SOLUTION
    sizes = [len(costs) for costs in target_costs]
    if not sizes or 0 in sizes:
        raise ValueError("there is no target, or one without a candidate")
    if [costs.shape for costs in join_costs] != list(pairwise(sizes)):
        raise ValueError(f"the join costs do not fit between {sizes} candidates")
    cheapest, came_from = target_costs[0], []
    for own, joins in zip(target_costs[1:], join_costs, strict=True):
        ways = cheapest[:, None] + joins
        came_from.append(np.argmin(ways, axis=0))
        cheapest = np.min(ways, axis=0) + own
    path = [int(np.argmin(cheapest))]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1], dtype=np.int64), float(np.min(cheapest))
    ### END SOLUTION


# %% [markdown] hints="best_path"
# 1. What is the cost of the cheapest way to each candidate of the *first* target? Start with that, not with
#    zero.
# 2. `cheapest[:, None] + joins` holds all ways from the candidates before (rows) to those here (columns). Its
#    least value in each column is the cost, the row of it is where the way came from.
# 3. Keep `np.argmin(ways, axis=0)` of each step in a list. At the end take the cheapest last candidate and
#    follow the list backwards: `path.append(back[path[-1]])`; then turn the path round.

# %% [markdown]
# ## Part 12: select the units
#
# Put the pieces together. For each target:
#
# 1. **Candidates**: the units whose diphone is nearest, by `phone_distance` of the left phones at their end
#    plus that of the right phones at their start. If the diphone is in the inventory the distance is 0 and
#    these are its recordings. If it is missing, these are recordings of the most similar ones: the *back-off*.
# 2. **Pre-selection**: of these, keep the `n_best` with the least target cost. Joins must be computed for
#    pairs, so half the candidates are a quarter of the work.
# 3. The cheapest path through what is left.


# %% part="select_units" points=5 difficulty=3 minutes=18
def select_units(
    targets: dict,
    units: dict,
    n_best: int = 40,
    target_weights: dict[str, float] | None = None,
    join_weights: dict[str, float] | None = None,
) -> Int[np.ndarray, "targets"]:
    """Indices of the units that say the targets at the least cost.

    Args:
        targets: "left" and "right", lists of labels, and what `target_cost` needs.
        units: an inventory, with what `target_cost` and `join_cost` need, and "left" and "right".
        n_best: how many candidates are kept for a target; of equal ones those with the lower index.
        target_weights: of the target cost; None for `TARGET_WEIGHTS`.
        join_weights: of the join cost; None for `JOIN_WEIGHTS`.
    Returns:
        One index of a unit for each target.
    Raises:
        ValueError: if `n_best` is less than 1.
    Source: Hunt & Black 1996, Unit selection in a concatenative speech synthesis system using a large speech
        database, ICASSP.
    Example:
        >>> around = {"left": ["s", "s"], "right": ["a", "a"], "previous": ["", "m"], "next": ["", ""]}
        >>> numbers = {"durations": np.full((2, 2), 0.1), "f0": np.zeros(2), "position": np.zeros(2)}
        >>> units = {**around, **numbers}
        >>> select_units({key: value[1:] for key, value in units.items()}, units).tolist()
        [1]
    """
    ### BEGIN SOLUTION
    if n_best < 1:
        raise ValueError(f"n_best is {n_best}, expected at least 1")
    costs = target_cost(targets, units, target_weights or TARGET_WEIGHTS)
    kinds_left, which_left = np.unique(units["left"], return_inverse=True)
    kinds_right, which_right = np.unique(units["right"], return_inverse=True)
    candidates = []
    for t, row in enumerate(costs):
        left, right = targets["left"][t], targets["right"][t]
        of_left = np.array([phone_distance(left, str(kind), "end") for kind in kinds_left])
        of_right = np.array([phone_distance(right, str(kind), "start") for kind in kinds_right])
        distance = of_left[which_left] + of_right[which_right]
        nearest = np.flatnonzero(distance == distance.min())
        candidates.append(nearest[np.argsort(row[nearest], kind="stable")[:n_best]])
    own = [costs[t, found] for t, found in enumerate(candidates)]
    joins = [
        join_cost(units, before, here, join_weights or JOIN_WEIGHTS) for before, here in pairwise(candidates)
    ]
    path, _ = best_path(own, joins)
    return np.array([found[path[t]] for t, found in enumerate(candidates)])
    ### END SOLUTION


# %% [markdown] hints="select_units"
# 1. `best_path` speaks of candidates 0, 1, 2 … of a target. Which unit is candidate 2 of target 7?
# 2. Keep for each target an array of unit indices. Its target costs are `row[found]`, the joins between two
#    neighbours' arrays come from `join_cost`.
# 3. `nearest = np.flatnonzero(distance == distance.min())`, then
#    `nearest[np.argsort(row[nearest], kind="stable")[:n_best]]`. Calling `phone_distance` once per *different*
#    label (`np.unique(…, return_inverse=True)`) instead of once per unit makes it fast.

# %% [markdown]
# ## Part 13: smooth the joins
#
# Two units meet. One ends at 205 Hz, the next starts at 195. The ear hears the step. Spread it: let the left
# side come down over its last few periods and the right side start higher and come down to its own, so that
# both meet in the middle, at 200.
#
# **A number first.** A track 10, 10, 10, 10 | 14, 14, 14, 14 with the join after the fourth, and a width
# of 2. The step is 4. Next to the join each side moves by half of it, 2. One further out by half of *that*,
# since the correction fades to nothing over 2 places: 10, 10, 11, 12 | 12, 13, 14, 14.


# %% part="spread_steps" points=3 difficulty=2 minutes=10
def spread_steps(
    track: Float[np.ndarray, "places"], joins: Int[np.ndarray, "joins"], width: int
) -> Float[np.ndarray, "places"]:
    """A track whose steps at the joins are spread over the places around them.

    At a join j the step is track[j] - track[j - 1]. The places j - 1 - i on the left get
    + step/2 · (1 - i/width), the places j + i on the right get - step/2 · (1 - i/width), for
    i = 0 … width - 1. All steps are those of the given track; where corrections of several joins meet they
    add up. Beyond the ends of the track there is nothing to correct.

    Args:
        track: such as the logarithm of the period, or a level, of grain after grain.
        joins: indices of the first place after each join, from 1 to the length of the track less one.
        width: places on each side over which a correction fades, at least 1.
    Returns:
        The corrected track; `track` itself stays as it is.
    Raises:
        ValueError: if `width` is less than 1, or a join is not within the track.
    Source: Dutoit 1997, An Introduction to Text-to-Speech Synthesis, section 10.2 (linear smoothing).
    Example:
        >>> spread_steps(np.array([10.0, 10, 10, 10, 14, 14, 14, 14]), np.array([4]), 2).tolist()
        [10.0, 10.0, 11.0, 12.0, 12.0, 13.0, 14.0, 14.0]
    """
    ### BEGIN SOLUTION
    if width < 1:
        raise ValueError(f"width is {width}, expected at least 1")
    if np.any(joins < 1) or np.any(joins >= len(track)):
        raise ValueError(f"a join is not from 1 to {len(track) - 1}")
    result = np.array(track, dtype=np.float64)
    for join in joins:
        half = (track[join] - track[join - 1]) / 2
        for i in range(width):
            if join - 1 - i >= 0:
                result[join - 1 - i] += half * (1 - i / width)
            if join + i < len(track):
                result[join + i] -= half * (1 - i / width)
    return result
    ### END SOLUTION


# %% [markdown] hints="spread_steps"
# 1. Two loops: over joins, and over the places next to one. Work on a copy, and read the steps from the
#    original.
# 2. Where i is 0 the correction is half the step; where i is `width` it would be 0. Which direction goes up?
# 3. `half = (track[join] - track[join - 1]) / 2`; `result[join - 1 - i] += half * (1 - i / width)`;
#    `result[join + i] -= half * (1 - i / width)`; both only within the track.

# %% [markdown]
# ## Part 14: one chain of grains
#
# The last step is PSOLA again, with grains from many places. For each unit take the marks inside it. Where are
# they wanted in the new sound? The unit's left half is stretched to the wanted duration of the left half, its
# right half to that of the right. So the border between the phones lands exactly where it should.
#
# **A number first.** A unit is cut at 1000, has its border at 1100 and ends at 1300. The halves are wanted 200
# and 200 samples long, and the unit before it ends at 5000. A mark at 1050 is in the middle of the left half:
# it goes to 5100. A mark at 1200 is in the middle of the right half: 5300.
#
# A **join** is where two grains in a row come from units that were *not* neighbours in the recording.


# %% part="chain_units" points=4 difficulty=3 minutes=12
def chain_units(
    indices: Int[np.ndarray, "units"], inventory: dict, wanted: Float[np.ndarray, "units 2"]
) -> tuple[Int[np.ndarray, "grains"], Float[np.ndarray, "grains"], Int[np.ndarray, "joins"]]:
    """The grains of a sequence of units, one after another, and the times at which they are wanted.

    The grains of a unit are the marks from its start cut (included) to its end cut (not included). The first
    unit begins at time 0, each other one where the one before ends. The time of a grain follows from its mark
    by two straight lines: start cut to border, and border to end cut, each stretched to the wanted length.

    Args:
        indices: of units in the inventory.
        inventory: from `build_inventory`; its "marks" and "cuts" are used.
        wanted: length of the left and of the right half of each unit in the new sound, in samples.
    Returns:
        For each grain the index of its mark in inventory["marks"]; its time in samples, not rounded; and the
        joins: the positions (from 1) of grains whose unit was no neighbour of the unit of the grain before,
        that is, the end cut of that one is not the start cut of this one, and it is another unit in the chain.
    Raises:
        ValueError: if there are no units, or `wanted` has not two values for each.
    Source: Dutoit 1997, An Introduction to Text-to-Speech Synthesis, chapter 10.
    Example:
        >>> units = {"marks": np.array([0, 40, 80, 120]), "cuts": np.array([[0, 60, 100]])}
        >>> grains, times, joins = chain_units(np.array([0, 0]), units, np.array([[60.0, 80.0], [30.0, 40.0]]))
        >>> grains.tolist(), times.tolist(), joins.tolist()
        ([0, 1, 2, 0, 1, 2], [0.0, 40.0, 100.0, 140.0, 160.0, 190.0], [3])
    """
    ### BEGIN SOLUTION
    if len(indices) == 0 or np.shape(wanted) != (len(indices), 2):
        raise ValueError(f"{len(indices)} units and lengths of shape {np.shape(wanted)}, expected [units, 2]")
    marks, cuts = inventory["marks"], inventory["cuts"][indices]
    grains, times, joins = [], [], []
    clock, last_end = 0.0, None
    for cut, (left, right) in zip(cuts, wanted, strict=True):
        inside = np.arange(*np.searchsorted(marks, [cut[0], cut[2]]))
        if len(inside):
            if grains and last_end != cut[0]:
                joins.append(len(grains))
            last_end = cut[2]
        grains.extend(inside)
        times.extend(np.interp(marks[inside], cut, [clock, clock + left, clock + left + right]))
        clock += left + right
    return (
        np.array(grains, dtype=np.int64),
        np.array(times, dtype=np.float64),
        np.array(joins, dtype=np.int64),
    )
    ### END SOLUTION


# %% [markdown] hints="chain_units"
# 1. One loop over units with a clock in it. What is added to the clock for each?
# 2. `np.searchsorted(marks, [start, end])` gives the first mark of a unit, and the first one that is too late.
#    `np.interp` with three cuts and three wanted times is both straight lines at once.
# 3. `times.extend(np.interp(marks[inside], cut, [clock, clock + left, clock + left + right]))`. A join is noted
#    as `len(grains)`, before the unit's grains are added, if there are grains already and the start cut
#    is not the end cut of the last unit that gave grains.

# %% [markdown]
# ## Part 15: speak
#
# What is missing is how far apart the grains are put, and how loud. For the periods there are three ways:
#
# - *a pitch contour is given*: voiced grains get its period. The contour runs through the middle of each
#   voiced target;
# - *smoothing*: each grain keeps its own period, with the steps at the joins spread;
# - *neither*: each grain keeps its own period.
#
# Because each grain fades out over one period while the next fades in, every join is a **cross-fade at a
# pitch mark**, without any extra work. And where two units were neighbours in the recording, marks and times
# run on as they were, so the recording comes out untouched.


# %%
WIDTH = 5  # grains on each side of a join over which steps are spread
LARGEST_GAIN_DB = 6.0


def grain_levels(inventory: dict, grains: Int[np.ndarray, "grains"]) -> Float[np.ndarray, "grains"]:
    """Level of the sound around each mark, one period to either side, in dB and no less than -60."""
    samples, marks = inventory["samples"], inventory["marks"]
    first, last = marks[np.maximum(grains - 1, 0)], marks[np.minimum(grains + 1, len(marks) - 1)]
    power = np.array([np.mean(samples[a:b] ** 2) for a, b in zip(first, last, strict=True)])
    return 10 * np.log10(np.maximum(power, 1e-6))


# %% part="synthesize_units" points=5 difficulty=4 minutes=15 forbids="librosa parselmouth pyworld"
def synthesize_units(
    indices: Int[np.ndarray, "units"],
    inventory: dict,
    durations: Float[np.ndarray, "units 2"] | None = None,
    f0: Float[np.ndarray, "units"] | None = None,
    smooth: bool = True,
) -> Float[np.ndarray, "time"]:
    """The sound of a sequence of units: `chain_units`, `synthesis_marks` and `psola`.

    A grain's own period is the distance from its mark to the next mark of the inventory (1 for the last).
    With `f0`, voiced grains get sample_rate / contour instead, where the contour is `np.interp` at the grain's
    time through the units with f0 > 0, each placed at the middle of its time in the result. Without `f0` but
    with `smooth`, the logarithms of all periods go through `spread_steps` with `WIDTH`, at those joins that
    have voiced grains on both sides; grains without voice keep their own period all the same.

    With `smooth`, the levels of the grains (`grain_levels`) also go through `spread_steps` with `WIDTH`, at all
    joins. What that adds to a grain's level, clipped to `LARGEST_GAIN_DB` up and down, is its gain in dB.

    Args:
        indices: of units in the inventory.
        inventory: from `build_inventory`.
        durations: wanted seconds of the left and right half of each unit; None for those in the recording,
            which are the distances of the cuts.
        f0: wanted Hz of each unit, 0 for no wish; None, or no value above 0, for the recording's own.
        smooth: whether steps of pitch and level at joins are spread.
    Returns:
        Waveform at the sample rate of the inventory, as long as all durations together, in samples, rounded.
    Raises:
        ValueError: if there are no units, or `durations` or `f0` has another length than `indices`.
    Source: Moulines & Charpentier 1990, section 3; Dutoit 1997, chapter 10.
    Example:
        >>> sound = {"samples": np.arange(12.0), "marks": np.array([0, 4, 8, 11]), "sample_rate": 10}
        >>> units = {**sound, "voiced": np.zeros(4, dtype=bool), "cuts": np.array([[0, 4, 8], [8, 10, 12]])}
        >>> synthesize_units(np.array([0, 1]), units).round(6).tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
    """
    ### BEGIN SOLUTION
    if f0 is not None and len(f0) != len(indices):
        raise ValueError(f"{len(indices)} units and {len(f0)} values of f0, expected as many")
    rate, marks = inventory["sample_rate"], inventory["marks"]
    wanted = np.diff(inventory["cuts"][indices], axis=1) if durations is None else durations * rate
    grains, times, joins = chain_units(indices, inventory, wanted)
    ends = np.cumsum(np.sum(wanted, axis=1))
    voiced = inventory["voiced"][grains]
    periods = np.diff(marks, append=marks[-1] + 1)[grains].astype(np.float64)
    if f0 is not None and np.any(f0 > 0):
        middles = ends - np.sum(wanted, axis=1) / 2
        periods = np.where(voiced, rate / np.interp(times, middles[f0 > 0], f0[f0 > 0]), periods)
    elif smooth:
        sung = joins[voiced[joins] & voiced[joins - 1]]
        periods = np.where(voiced, np.exp(spread_steps(np.log(periods), sung, WIDTH)), periods)
    gains = np.ones(len(grains))
    if smooth:
        levels = grain_levels(inventory, grains)
        change = spread_steps(levels, joins, WIDTH) - levels
        gains = 10 ** (np.clip(change, -LARGEST_GAIN_DB, LARGEST_GAIN_DB) / 20)
    positions, chosen = synthesis_marks(times, periods)
    return psola(inventory["samples"], marks, grains[chosen], positions, round(ends[-1]), gains[chosen])
    ### END SOLUTION


# %% [markdown] hints="synthesize_units"
# 1. After `chain_units`, make two more arrays with an entry per grain: its period and its gain. Then
#    `synthesis_marks` and `psola` do the rest.
# 2. All periods are `np.diff(marks, append=marks[-1] + 1)[grains]`; only voiced ones change, so end with
#    `np.where(voiced, new, own)`. A unit's middle is its end less half of its length.
# 3. The gain is `10 ** (np.clip(change, -LARGEST_GAIN_DB, LARGEST_GAIN_DB) / 20)` with
#    `change = spread_steps(levels, joins, WIDTH) - levels`. At the end `psola(inventory["samples"], marks,
#    grains[chosen], positions, round(total), gains[chosen])`.

# %% [markdown]
# ## Part 16: what should be said, and how?
#
# So far durations and pitch came from nowhere. A real synthesiser predicts them from the text; that is called
# **prosody**, and later labs learn it. Here is the simplest prediction that works. Each half of a phone lasts
# as long as it does *on average* in the inventory. And the voice falls evenly from 10 % above its median at
# the start to 10 % below at the end, as voices do in a statement.


# %% part="plan_targets" points=3 difficulty=2 minutes=8
def plan_targets(labels: list[str], inventory: dict) -> dict:
    """Targets for a sequence of phones, with average durations and an evenly falling pitch.

    Args:
        labels: of at least two phones.
        inventory: from `build_inventory`; its "left", "right", "durations" and "f0" are used.
    Returns:
        A dict as `select_units` needs: "left", "right", "previous", "next", as in `cut_diphones`;
        "durations" [targets, 2]: the second half of the left phone, averaged over all units with that phone
        on their left, and the first half of the right phone, averaged over all units with it on their right.
        A phone that is nowhere on that side gets the average over all units. "position" [targets]: the
        border as a share of all durations together; "f0" [targets]: the median f0 of the units that have
        voice, times 1.1 - 0.2 · position; 0 everywhere if none has.
    Raises:
        ValueError: if there are fewer than two labels.
    Source: the falling line: Cohen & 't Hart 1967, "declination".
    Example:
        >>> units = {"left": ["s"], "right": ["a"], "durations": np.array([[0.1, 0.3]]), "f0": np.array([200.0])}
        >>> plan = plan_targets(["s", "a"], units)
        >>> plan["position"].round(2).tolist(), plan["f0"].round(1).tolist()
        ([0.25], [210.0])
    """
    ### BEGIN SOLUTION
    if len(labels) < 2:
        raise ValueError(f"there are {len(labels)} labels, expected at least two")
    around = ["", *labels, ""]

    def average(label: str, key: str, half: int) -> float:
        same = np.array(inventory[key]) == label
        lengths = inventory["durations"][:, half]
        return float(lengths[same].mean() if same.any() else lengths.mean())

    pairs = list(pairwise(labels))
    durations = np.array([[average(a, "left", 0), average(b, "right", 1)] for a, b in pairs])
    ends = np.cumsum(durations.sum(axis=1))
    position = (ends - durations[:, 1]) / ends[-1]
    voiced = inventory["f0"][inventory["f0"] > 0]
    return {
        "left": labels[:-1],
        "right": labels[1:],
        "previous": around[: len(pairs)],
        "next": around[3:],
        "durations": durations,
        "position": position,
        "f0": (np.median(voiced) if len(voiced) else 0.0) * (1.1 - 0.2 * position),
    }
    ### END SOLUTION


# %% [markdown] hints="plan_targets"
# 1. n labels make n − 1 targets. A target's left half is the *second* half of its left phone: the units that
#    tell how long it is are those with the phone on their left.
# 2. `np.array(inventory["left"]) == label` marks the units; `inventory["durations"][same, 0].mean()`. The
#    border of a target lies after all targets before it and after its own left half.
# 3. `ends = np.cumsum(durations.sum(axis=1))`; `position = (ends - durations[:, 1]) / ends[-1]`; the median is
#    of `f0[f0 > 0]`.

# %% [markdown]
# ## Put it together: text in, speech out
#
# From text to phones there is a lab of its own (topic 19). Here eSpeak NG tells the phones; it does not speak.
# Every sound that you hear is a piece of the recordings, chosen and joined by your functions.


# %%
def phones_of(text: str) -> list[str]:
    """Phones of a sentence in IPA, with a pause at both ends and at each comma or full stop."""
    clauses = [clause.strip() for clause in text.replace(".", ",").replace("?", ",").split(",")]
    labels = ["sil"]
    for clause in espeak.phonemize([clause for clause in clauses if clause]):
        labels += [*clause.replace(" ", "_").split("_"), "sil"]
    return [label for label in labels if label]


def speak(labels: list[str], units: dict) -> tuple[Float[np.ndarray, "time"], Int[np.ndarray, "targets"]]:
    """The sound of phones, with predicted durations and pitch; and the units that it is made of."""
    targets = plan_targets(labels, units)
    chosen = select_units(targets, units)
    return synthesize_units(chosen, units, targets["durations"], targets["f0"]), chosen


def is_join(chosen: Int[np.ndarray, "targets"], units: dict) -> Bool[np.ndarray, "joins"]:
    """For each place between two units, whether they were no neighbours in the recording."""
    cuts = units["cuts"][chosen]
    return cuts[:-1, 2] != cuts[1:, 0]


TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "My voice is made of pieces, and nobody ever said this sentence.",
]
new_text = TEXTS[0]
assert new_text not in [clip.text for clip in corpus]
labels = phones_of(new_text)
print(" ".join(labels))
spoken, chosen = speak(labels, inventory)
play({text: speak(phones_of(text), inventory)[0] for text in TEXTS}, RATE)

# %% [markdown]
# Where do the pieces come from? Each bar is a run of units that were neighbours in one recording.

# %%
clip_ends = np.cumsum([len(clip.samples) for clip in recorded])
plan = plan_targets(labels, inventory)
times = np.concatenate([[0.0], np.cumsum(plan["durations"].sum(axis=1))])
breaks = np.concatenate([[0], 1 + np.flatnonzero(is_join(chosen, inventory)), [len(chosen)]])
runs = []
for first, last in pairwise(breaks):
    clip_number = int(np.searchsorted(clip_ends, inventory["cuts"][chosen[first], 0], side="right"))
    sounds = labels[first + 1 : last] or [labels[last]]
    runs.append((str(clip_number), times[first], times[last]))
    print(f"sentence {clip_number:3d}: {' '.join([labels[first], *labels[first + 1 : last + 1]])}")
plot.speech(spoken, RATE, marks=runs, title="Which recorded sentence each stretch comes from")

# %% [markdown]
# ## Practice: speak sentences that were held out
#
# A tenth of the sentences were never cut. For those we have the recording *and* can say them with the units
# of the others. Phones, durations and pitch are taken from the recording, so that both sounds run side by
# side, and only the choice of units is tested. Measured:
#
# - **joins**: the share of places between units that are joins at all;
# - **missing**: the share of diphones that the inventory lacks, so that Part 12 had to back off;
# - **cost**: mean target and join cost per unit, always with the same weights;
# - **distortion**: the **mel-cepstral distortion**, how far the smoothed spectra of both sounds are apart,
#   frame by frame, in dB. For two good recordings of one sentence by one person, 4 to 6 dB is common;
# - **STOI**: short-time objective intelligibility, 0 to 1;
# - **pitch off**: the share of frames, of those with voice in both, whose pitches are more than a semitone
#   apart.
#
# **Targets:** with the largest inventory a distortion below 3 dB; and at least a third fewer joins than
# without join costs, at most 0.1 dB worse.


# %%
from pystoi import stoi

N_TESTS = 3 if fast_mode() else 16
tests = []
for clip in held_out[:N_TESTS]:
    wanted = build_inventory([as_utterance(clip)], RATE)
    whole = wanted["cuts"][0, 0], wanted["cuts"][-1, 2]
    tests.append(
        (wanted, np.diff(wanted["cuts"], axis=1) / RATE, clip.samples[slice(*whole)].astype(np.float64))
    )


def first_units(units: dict, count: int) -> dict:
    """An inventory of the first `count` units only."""
    keep = ("samples", "marks", "voiced", "sample_rate")
    return {key: value if key in keep else value[:count] for key, value in units.items()}


def distortion_db(a: Float[np.ndarray, "time"], b: Float[np.ndarray, "time"]) -> float:
    """Mean mel-cepstral distortion in dB of two sounds that run side by side (32 mel bands, 12 coefficients)."""
    difference = spectral_track(a, RATE) - spectral_track(b, RATE)
    return float(10 / np.log(10) * np.sqrt(np.sum(difference**2, axis=1) / 32).mean())


def pitch_off(a: Float[np.ndarray, "time"], b: Float[np.ndarray, "time"]) -> float:
    """Share of the frames with voice in both whose pitches are more than a semitone apart, in percent."""
    first, second = f0_track(a, RATE), f0_track(b, RATE)
    both = (first > 0) & (second > 0)
    return float(100 * np.mean(np.abs(12 * np.log2(first[both] / second[both])) > 1))


def examine(units: dict, target_weights=None, join_weights=None, own_pitch=False, smooth=True) -> dict:
    """Mean figures over the held-out sentences, for one inventory and one way of choosing."""
    rows, known = [], set(names(units))
    for wanted, durations, recording in tests:
        chosen = select_units(wanted, units, 40, target_weights, join_weights)
        sound = synthesize_units(chosen, units, durations, None if own_pitch else wanted["f0"], smooth)
        places = np.arange(len(chosen))
        joins = [
            join_cost(units, chosen[[n]], chosen[[n + 1]], JOIN_WEIGHTS)[0, 0] for n in range(len(chosen) - 1)
        ]
        rows.append(
            {
                "joins [%]": 100 * np.mean(is_join(chosen, units)),
                "missing [%]": 100 * np.mean([name not in known for name in names(wanted)]),
                "target cost": target_cost(wanted, units, TARGET_WEIGHTS)[places, chosen].mean(),
                "join cost": np.mean(joins),
                "distortion [dB]": distortion_db(sound, recording),
                "STOI": stoi(recording, sound, RATE),
                "pitch off [%]": pitch_off(sound, recording),
            }
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


ends = np.searchsorted(inventory["cuts"][:, 2], clip_ends, side="right")  # units in the first sentences
sizes = (5, 15, len(recorded)) if fast_mode() else (5, 10, 20, 45, 90, 180, len(recorded))
growth = {}
for size in progress(sizes, "inventories"):
    growth[size] = examine(first_units(inventory, int(ends[size - 1])))
table(
    [{"sentences": size, "units": int(ends[size - 1]), **figures} for size, figures in growth.items()],
    title=f"{len(tests)} held-out sentences (synthetic voice), inventories of growing size",
)
plot.bars(
    {str(size): figures["distortion [dB]"] for size, figures in growth.items()},
    y_label="mel-cepstral distortion [dB]",
    title="Distortion by recorded sentences",
)

# %% [markdown]
# More recordings, fewer joins, lower costs, a nearer sound. That is the whole recipe of this technique, and its
# price: there is never enough. With ten sentences nearly half of the diphones are missing, and there are always
# some that are.
#
# Now the two costs. What does each of them do?

# %%
NO_TARGET = dict.fromkeys(TARGET_WEIGHTS, 0.0)
NO_JOIN = dict.fromkeys(JOIN_WEIGHTS, 0.0)
ways = {
    "both costs": {},
    "no join cost": {"join_weights": NO_JOIN},
    "no target cost": {"target_weights": NO_TARGET},
    "both, own pitch": {"own_pitch": True},
    "both, own pitch, not smoothed": {"own_pitch": True, "smooth": False},
}
results = {name: examine(inventory, **options) for name, options in progress(ways.items(), "ways")}
table([{"way": name, **figures} for name, figures in results.items()], title="What each step does")
assert results["both costs"]["distortion [dB]"] < (4.5 if fast_mode() else 3.0)
assert results["both costs"]["joins [%]"] < 2 / 3 * results["no join cost"]["joins [%]"] or fast_mode()
assert (
    results["both costs"]["distortion [dB]"] < results["no join cost"]["distortion [dB]"] + 0.1 or fast_mode()
)

wanted, durations, recording = tests[0]
sounds = {"recording": recording}
for name, options in ways.items():
    weights = [options.get(key) for key in ("target_weights", "join_weights")]
    picked = select_units(wanted, inventory, 40, *weights)
    contour = None if options.get("own_pitch") else wanted["f0"]
    sounds[name] = synthesize_units(picked, inventory, durations, contour, options.get("smooth", True))
play(sounds, RATE)
print(held_out[0].text)
plot.lines(
    {
        name: (np.arange(len(track)) * HOP / RATE, np.where(track > 0, track, np.nan))
        for name, track in (
            (name, f0_track(sounds[name], RATE)) for name in ("recording", "both costs", "both, own pitch")
        )
    },
    x_label="time [s]",
    y_label="f0 [Hz]",
    title="Pitch: recorded, imposed by PSOLA, and as the units had it",
)

# %% [markdown]
# Read the table line by line.
#
# - *No join cost*: the fit to the target is best, and about every second place is a join. Each of them is a
#   risk. With both costs the fit is hardly worse, and half of the joins are gone.
# - *No target cost*: as few joins, but the units are taken wherever they are smooth. Their lengths and their
#   neighbours are wrong, PSOLA must bend them further, and the sound is further from the recording.
# - *Own pitch*: the spectrum is **nearer** to the recording than with PSOLA's pitch, and the pitch is
#   **further**. Every change of pitch costs quality, and the distortion sees the moved harmonics as well. That
#   is why the large voices of the 2000s changed as little as they could: with fifty hours of recordings there
#   is nearly always a unit with the right pitch.
# - *Not smoothed*: the figures hardly move. They look at all frames, and a join is two of them. Listen
#   instead, and look at the pitch from 10 ms before a join to 10 ms after it:

# %%
steps = {"smoothed": [], "not smoothed": []}
for wanted, durations, _ in tests:
    picked = select_units(wanted, inventory)
    middles = np.cumsum(durations.sum(axis=1))[:-1][is_join(picked, inventory)]
    for name, smooth in (("smoothed", True), ("not smoothed", False)):
        track = f0_track(synthesize_units(picked, inventory, durations, None, smooth), RATE)
        around = np.round(middles * RATE / HOP).astype(int)
        before, after = track[np.maximum(around - 2, 0)], track[np.minimum(around + 2, len(track) - 1)]
        both = (before > 0) & (after > 0)
        steps[name].extend(np.abs(12 * np.log2(after[both] / before[both])))
plot.bars(
    {name: float(np.median(values)) for name, values in steps.items()},
    y_label="semitones",
    title="Median step at a join",
)

# %% [markdown]
# The step is smaller, not gone. Five periods are some 20 ms; that far from the join each unit has its own pitch
# again. And the tracker looks at 40 ms at once, so it sees more than the join. A wider spread would bend the
# units themselves: that is what a pitch contour is for.

# %% [markdown]
# ## Against the library
#
# Praat has had PSOLA since 1993 (`parselmouth` is Praat in Python). It finds its own pitch marks, by
# correlation instead of peaks. Both change the pitch of the same sentences, and Praat's own tracker measures
# what came out. Your selection is compared with a plain loop over all ways of the lattice.

# %%
sentence = held_out[0].samples.astype(np.float64)
try:
    import parselmouth
    from parselmouth.praat import call

    def praat_pitch(sound: Float[np.ndarray, "time"]) -> float:
        """Median pitch in Hz, measured by Praat."""
        track = parselmouth.Sound(sound, RATE).to_pitch_ac(time_step=0.005, pitch_floor=75, pitch_ceiling=600)
        return float(np.median(track.selected_array["frequency"][track.selected_array["frequency"] > 0]))

    def praat_psola(sound: Float[np.ndarray, "time"], pitch: float) -> Float[np.ndarray, "time"]:
        """A signal with its pitch times a factor, by Praat's overlap-add."""
        manipulation = call(parselmouth.Sound(sound, RATE), "To Manipulation", 0.005, 75, 600)
        tier = call(manipulation, "Extract pitch tier")
        call(tier, "Multiply frequencies", 0, len(sound) / RATE, pitch)
        call([tier, manipulation], "Replace pitch tier")
        return call(manipulation, "Get resynthesis (overlap-add)").values[0]

    rows = []
    for semitones in (-6, -4, 4, 6):
        factor = 2 ** (semitones / 12)
        results_here = {
            "yours": change_voice(sentence, RATE, pitch=factor),
            "Praat": praat_psola(sentence, factor),
        }
        for name, sound in results_here.items():
            moved = envelope_db(sound, RATE)[below] - envelope_db(sentence, RATE)[below]
            rows.append(
                {
                    "wanted [semitones]": semitones,
                    "by": name,
                    "measured by Praat": 12 * np.log2(praat_pitch(sound) / praat_pitch(sentence)),
                    "length [s]": len(sound) / RATE,
                    "envelope moved by [dB]": float(np.std(moved)),
                }
            )
    table(rows, title="Your PSOLA beside Praat's")
    play(
        {"yours, −6": change_voice(sentence, RATE, 2**-0.5), "Praat, −6": praat_psola(sentence, 2**-0.5)},
        RATE,
    )
    speeds = {
        "yours": 1000 * stopwatch(change_voice, sentence, RATE, 1.2, repeat=3),
        "Praat": 1000 * stopwatch(praat_psola, sentence, 1.2, repeat=3),
    }
    table([{"by": name, "ms per sentence": value} for name, value in speeds.items()], title="Speed")
except ImportError:
    print("parselmouth is not installed here: pip install praat-parselmouth shows your PSOLA beside Praat's.")


def best_path_loop(target_costs, join_costs) -> float:
    """Cost of the cheapest path, in plain Python."""
    cheapest = list(target_costs[0])
    for own, joins in zip(target_costs[1:], join_costs, strict=True):
        cheapest = [
            min(cheapest[i] + joins[i][j] for i in range(len(cheapest))) + own[j] for j in range(len(own))
        ]
    return float(min(cheapest))


rng = np.random.default_rng(0)
lattice = [rng.exponential(size=40) for _ in range(40)], [rng.exponential(size=(40, 40)) for _ in range(39)]
assert abs(best_path(*lattice)[1] - best_path_loop(*lattice)) < 1e-9
seconds = {
    "vectorised": stopwatch(best_path, *lattice),
    "plain loop": stopwatch(best_path_loop, *lattice, repeat=1),
}
table(
    [{"best path through 40 × 40": name, "ms": 1000 * value} for name, value in seconds.items()],
    title="Numbers are equal; the time is not",
)

# %% [markdown]
# ## Where it breaks
#
# PSOLA has no model of the sound. It can only repeat what is there. In a vowel, a repeated period is what the
# vowel itself would do. In an *s* it is not: noise that repeats is a hum. Stretch an *s* and let the pitch
# tracker listen.

# %%
hiss = np.random.default_rng(0).normal(0, 0.1, RATE // 4)
factors = (1.0, 1.5, 2.0, 3.0, 4.0)
stretched = {factor: change_voice(hiss, RATE, duration=factor) for factor in factors}
share = {factor: float(np.mean(f0_track(sound, RATE) > 0)) for factor, sound in stretched.items()}
plot.bars(
    {f"× {factor:g}": 100 * value for factor, value in share.items()},
    y_label="frames with a pitch [%]",
    title="Noise, stretched by PSOLA: it learns to sing",
)
play({f"× {factor:g}": sound for factor, sound in stretched.items()}, RATE)

# %% [markdown]
# And a voice made of recordings can only do what was recorded. Happy, sad, whispered, another language: record
# it all again. To *change* a voice one must take it apart: the pitch, the formants, and how much of each is
# noise, as numbers from which the sound is made anew. That is a **vocoder**, and the lab on WORLD builds one.
#
# Something else stays from this lab for good. A sequence of discrete units, chosen by a cost over
# neighbours, is how speech language models work again today. Only their units are learnt, and there are
# codes instead of recordings.

# %% [markdown]
# ## Read on
#
# - Hunt and Black, *Unit selection in a concatenative speech synthesis system using a large speech database*,
#   ICASSP 1996. Four pages; sections 2 and 3 are this lab.
# - Moulines and Charpentier, *Pitch-synchronous waveform processing techniques for text-to-speech synthesis
#   using diphones*, Speech Communication 9, 1990, sections 2 and 3.
# - Peterson, Wang and Sivertsen, *Segmentation techniques in speech synthesis*, JASA 30, 1958: the diphone.
# - Dutoit, *An Introduction to Text-to-Speech Synthesis*, 1997, chapters 7 to 10.
# - Taylor, *Text-to-Speech Synthesis*, 2009, chapter 16: costs, pre-selection and what was learnt since.
# - Kubichek, *Mel-cepstral distance measure for objective speech quality assessment*, 1993.
