# ---
# jupyter:
#   lab:
#     title: Digital audio
#     topic: 1
#     minutes: 240
#     difficulty: 2
#     needs: []
#     libraries: [numpy]
#     covers:
#       "Sampling and quantization": quantize
#       "Aliasing and anti-aliasing filters": decimate
#       "PCM encoding": pcm_encode
#       "Practice: Load WAV files, plot waveforms with librosa/scipy":
#         "passage: Practice: load, inspect, plot, resample"
#       "What is sound? Pressure waves, frequency, amplitude": "passage: What is sound?"
#       "Sample rate (8kHz, 16kHz, 22.05kHz, 44.1kHz, 48kHz)": "passage: Which sample rate?"
#       "Bit depth (8-bit, 16-bit, 32-bit float)": "passage: Which bit depth?"
#       "Mono vs stereo": deinterleave
#       "Audio file formats: WAV, MP3, FLAC, OGG, OPUS":
#         "passage: What FLAC, MP3, OGG and OPUS do differently"
#       "Waveform representation": "passage: The waveform"
#       "Time domain vs frequency domain": "passage: Two views: time and frequency"
# ---

# %% [markdown]
# # Digital audio
#
# Play the first clip. It is one tone that rises, and does nothing else.
#
# Then play the second. It holds **every third number of the first**. Nothing was added, no number was
# changed.

# %%
import io
import math
import struct

import numpy as np
from jaxtyping import Float, Int

from autograder import check
from labkit import corpora, fast_mode, play, play_ab, plot, stopwatch, table


def rising_tone(low: float, high: float, duration: float, sample_rate: int) -> Float[np.ndarray, "time"]:
    """A chirp: a tone that climbs evenly from `low` to `high` (Hz) in `duration` seconds."""
    time = np.arange(int(duration * sample_rate)) / sample_rate
    return 0.25 * np.sin(2 * np.pi * (low * time + (high - low) * time**2 / (2 * duration)))


chirp = rising_tone(100, 11_900, 4.0, 24_000)
play({"all samples": chirp}, 24_000)
play({"every third sample": chirp[::3]}, 8000)

# %% [markdown]
# The second tone rises, turns round, falls to a hum, and rises again. There are tones in it that nobody
# recorded. This is **aliasing**. It lurks wherever sound becomes numbers, and it has ruined more than one
# speech data set. After this lab you can predict it to the hertz, and prevent it.
#
# A browser hides most of this behind a play button. You will do without the button: from air pressure to
# samples, from samples to bits, from bits to the bytes of a file, and all the way back.

# %% [markdown]
# ## What you will build
#
# | part | your function | what it does |
# |---|---|---|
# | 1–2 | `sample_tone`, `alias_frequency` | sample a tone; foretell which tone you will hear |
# | 3–4 | `lowpass_fir`, `decimate` | a filter that keeps aliases out |
# | 5–6 | `quantize`, `snr_db` | round to so many bits; measure the damage |
# | 7–8 | `mu_law_encode`, `mu_law_decode` | the telephone's trick: 8 bits that sound like more |
# | 9–11 | `pcm_encode`, `pcm_decode`, `deinterleave` | numbers to bytes and back, one channel or several |
# | 12–15 | `riff_chunks`, `parse_format`, `parse_wav`, `write_wav` | a WAV reader and writer |
# | practice | `resample` | from any sample rate to any other |
#
# **Who uses this?** Everybody who loads a sound. Whisper first converts what you give it to 16 000
# samples per second. Get that step wrong, and the model hears tones that nobody spoke. WaveNet, the
# first neural network that spoke like a person, wrote its speech in the 256 codes of Parts 7 and 8. And
# telephone calls travel in them every day.
#
# The cells below run on spoken digits and on one longer sentence. Each says which data it found.

# %%
SENTENCE = "produced the block books, which were the immediate predecessors of the true printed book,"


def spoken_sentence() -> tuple[Float[np.ndarray, "time"], int]:
    """One sentence, recorded if the mirror has LJ Speech, else synthetic; samples and sample rate."""
    from labkit.corpora import espeak

    try:
        clip = next(clip for clip in corpora.mirror("ljspeech") if clip.text == SENTENCE)
        print(f"Sentence: a recording of LJ Speech, {clip.sample_rate} Hz.")
        return clip.samples.astype(np.float64), clip.sample_rate
    except (corpora.CorpusNotFound, StopIteration):
        job = {"text": SENTENCE, "voice": "en-us+f2", "rate": 160, "pitch": 50}
        samples, rate = next(espeak.synthesize([job], seed=0))
        print(f"Sentence: synthetic, a voice of eSpeak NG, {rate} Hz.")
        return samples / 32768, rate


digits = corpora.digits()
seven = digits.clip("seven", speaker=0)
voice, voice_rate = spoken_sentence()
voice = voice[: 2 * voice_rate] if fast_mode() else voice
play({"seven": seven.samples}, seven.sample_rate)
play({"the sentence": voice}, voice_rate)

# %% [markdown]
# ## The idea
#
# ### What is sound?
#
# A loudspeaker's cone moves out and squeezes the air before it. It moves back, and the air thins. The
# squeeze travels on at some 340 metres per second and pushes your eardrum in and out. That is all:
# **sound is air pressure that goes up and down.**
#
# Two numbers describe the simplest sound, a pure tone.
#
# * **Frequency**: how many times per second the pressure goes up and down, in hertz (Hz). The ear hears
#   from about 20 to 20 000 Hz. A man's voice moves around 120 Hz, a woman's around 210 Hz. Twice the
#   frequency sounds one octave higher.
# * **Amplitude**: how far it goes up and down. Half the amplitude is 6 decibels less and sounds *a little*
#   quieter, because the ear judges ratios.
#
# A microphone turns pressure into voltage. A converter measures that voltage at equal steps of time and
# writes each measurement down as a number. Each such number is a **sample**.
#
# ### A voice
#
# The voice is a wind instrument. The lungs press air through the vocal cords, which flap open and shut some
# hundred times per second: a buzz. The buzz passes through throat and mouth. They resonate like a
# bottle when you blow over it, and make some frequencies strong: the **formants** F1, F2, F3. Tongue,
# lips and teeth change the shape of the bottle from moment to moment, and so an *ee* becomes an *oo*.
#
# * The smallest sounds that tell words apart are the **phonemes**. English has about 44.
# * Each is coloured by its neighbours, because the tongue is already on its way: **coarticulation**. Say
#   "key" and "coo": the *k* is not the same.
# * Rhythm, stress and melody over a whole sentence are its **prosody**.
#
# ### The waveform
#
# The list of samples, drawn over time, is the **waveform**. Look at "seven" from three distances.

# %%
loudest = int(np.argmax(np.abs(seven.samples)))
begin = min(max(0, loudest - 200), len(seven.samples) - 400)
rate = seven.sample_rate
plot.waveform(seven.samples, rate, title=f"“seven”: {len(seven.samples)} samples at {rate} Hz")
plot.waveform(seven.samples[begin : begin + 400], rate, title="400 samples of its loudest vowel: 50 ms")
few = seven.samples[begin + 180 : begin + 204]
plot.lines(
    {"samples": (np.arange(24) / rate * 1000, few)},
    x_label="time [ms]",
    y_label="amplitude",
    title="24 samples: 3 ms. The lines between the dots are only drawn",
)

# %% [markdown]
# From afar you see where the word is loud. Closer, a pattern that repeats: each repeat is one flap of the
# vocal cords. Closest, single numbers, with nothing in between.
#
# ### Two views: time and frequency
#
# The waveform shows *when* something happens: the **time domain**. It hides *which tones* are there. For
# that, a sound is taken apart into pure tones, and their strengths are drawn over frequency: the
# **frequency domain**. Both hold the same sound. The next lab builds the machine that goes from one to
# the other. Here we borrow NumPy's.
#
# Below is the vowel of above. The comb comes from the cords: one tooth for each multiple of their
# frequency. The hills under which the teeth grow are the formants.


# %%
def spectrum_db(samples: Float[np.ndarray, "time"], sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and the level of each in dB below the strongest."""
    magnitude = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8192))
    level = 20 * np.log10(np.maximum(magnitude / magnitude.max(), 1e-6))
    return np.arange(len(magnitude)) * sample_rate / 8192, level


plot.lines(
    {"vowel": spectrum_db(seven.samples[begin : begin + 400], rate)},
    x_label="frequency [Hz]",
    y_label="level [dB]",
    title="The same 50 ms in the frequency domain",
)

# %% [markdown]
# ## Part 1: sampling
#
# A pure tone is $a \sin(2\pi f t + \varphi)$: amplitude $a$, frequency $f$, and the **phase** $\varphi$,
# which says where in its swing it starts. To sample it at rate $f_s$, write down its value at the times
# $t = 0,\ 1/f_s,\ 2/f_s, \dots$:
#
# $$x_n = a \sin\left(2\pi \frac{f}{f_s} n + \varphi\right).$$
#
# **A number first.** A tone of 1000 Hz, sampled 8000 times per second, moves on by an eighth of its
# swing with each sample: 0, 0.71, 1, 0.71, 0, −0.71, −1, −0.71, and again. One second gives 8000 samples,
# numbered 0 to 7999. Sample 8000 belongs to the next second.


# %% part="sample_tone" points=1 difficulty=1 minutes=5
def sample_tone(
    frequency: float, duration: float, sample_rate: int, amplitude: float = 1.0, phase: float = 0.0
) -> Float[np.ndarray, "time"]:
    """Samples of a pure tone.

    Args:
        frequency: in Hz; any number, also above half the sample rate.
        duration: in seconds, zero or more.
        sample_rate: samples per second, in Hz, positive.
        amplitude: largest value of the tone.
        phase: where the swing starts, in radians; 0 starts at zero and rises.
    Returns:
        amplitude * sin(2π * frequency * n / sample_rate + phase) for n = 0, 1, 2, …; as many samples
        as duration * sample_rate, rounded to the nearest whole number.
    Raises:
        ValueError: if `sample_rate` is not positive or `duration` is negative.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 4.1.
    Example:
        >>> sample_tone(1000.0, 0.0005, 8000).round(2).tolist()
        [0.0, 0.71, 1.0, 0.71]
    """
    ### BEGIN SOLUTION
    if sample_rate <= 0:
        raise ValueError(f"sample_rate is {sample_rate}, expected a positive number of Hz")
    if duration < 0:
        raise ValueError(f"duration is {duration} s, expected zero or more")
    n = np.arange(round(duration * sample_rate))
    return amplitude * np.sin(2 * np.pi * frequency * n / sample_rate + phase)
    ### END SOLUTION


# %% [markdown] hints="sample_tone"
# 1. How many samples are there? At which time was sample number n taken?
# 2. `np.arange(count)` gives 0, 1, 2, … without the end, which is what is wanted. `np.linspace(0, duration,
#    count)` includes the end and so stretches the steps.
# 3. `n = np.arange(round(duration * sample_rate))`, then
#    `amplitude * np.sin(2 * np.pi * frequency * n / sample_rate + phase)`.

# %%
play(
    {
        "440 Hz": sample_tone(440, 1.0, 16_000, 0.4),
        "half the amplitude": sample_tone(440, 1.0, 16_000, 0.2),
        "an octave higher": sample_tone(880, 1.0, 16_000, 0.4),
    },
    16_000,
)

# %% [markdown]
# ### Which sample rate?
#
# A sample rate of $f_s$ can hold tones up to $f_s / 2$, the **Nyquist frequency**. Part 2 shows why no
# more. These five rates are the ones you will meet:
#
# | sample rate | holds up to | where |
# |---|---|---|
# | 8 kHz | 4 kHz | telephone; the spoken digits of this course |
# | 16 kHz | 8 kHz | speech recognition: Whisper, wav2vec 2.0 |
# | 22.05 kHz | 11 kHz | speech synthesis: LJ Speech, FastSpeech 2, HiFi-GAN |
# | 44.1 kHz | 22 kHz | music, the CD |
# | 48 kHz | 24 kHz | film, video calls, Opus |
#
# Vowels live below 4 kHz. But *s* and *f* differ mostly above it. That is why you spell your name on the
# telephone: "F as in Foxtrot".

# %% [markdown]
# ## Part 2: aliasing
#
# Sample a tone of 7000 Hz, 8000 times per second. It swings nearly once around between two samples: 7/8 of
# a turn forward. The samples cannot tell that from 1/8 of a turn *backward*, which is a tone of 1000 Hz.


# %%
dots = np.arange(9)
fine = np.linspace(0, 8, 500)
plot.lines(
    {
        "7000 Hz": (fine / 8, np.sin(2 * np.pi * 7000 * fine / 8000)),
        "1000 Hz, upside down": (fine / 8, -np.sin(2 * np.pi * 1000 * fine / 8000)),
        "samples of both": (dots / 8, np.sin(2 * np.pi * 7000 * dots / 8000)),
    },
    x_label="time [ms]",
    y_label="amplitude",
    title="8000 samples per second: two tones, the same nine samples",
)
play(
    {
        "1000 Hz at 8000 per second": sample_tone(1000, 1.0, 8000, 0.3),
        "7000 Hz at 8000 per second": sample_tone(7000, 1.0, 8000, 0.3),
        "9000 Hz at 8000 per second": sample_tone(9000, 1.0, 8000, 0.3),
    },
    8000,
)

# %% [markdown]
# Three tones were sampled, and one is heard: the others go by *another name*, an **alias**.
#
# A whole turn more or less between two samples changes nothing, so $f$ and $f - k f_s$ give the same
# samples for every whole $k$. And a tone of $-1000$ Hz sounds like one of 1000 Hz. What you hear is
# therefore **the distance from $f$ to the nearest multiple of the sample rate**:
#
# $$f_\text{alias} = \left| f - f_s \cdot \mathrm{round}(f / f_s) \right| .$$
#
# **A number first.** 7000 Hz at 8000: the nearest multiple is 8000, the distance 1000 Hz. 9000 Hz: again
# 8000 is nearest, and again 1000 Hz. 20 000 Hz: 4000 Hz away from both 16 000 and 24 000. And 3000 Hz: the
# nearest multiple is 0, so it stays 3000 Hz. The result is never above $f_s/2$.


# %% part="alias_frequency" points=2 difficulty=1 minutes=6
def alias_frequency(
    frequency: float | Float[np.ndarray, "*shape"], sample_rate: float
) -> float | Float[np.ndarray, "*shape"]:
    """The frequency that is heard when a tone is sampled.

    Args:
        frequency: of the tone in Hz, also negative; one number or an array of any shape.
        sample_rate: samples per second, in Hz, positive.
    Returns:
        Frequency in Hz from 0 to sample_rate / 2 with the same samples, in the shape of `frequency`.
    Raises:
        ValueError: if `sample_rate` is not positive.
    Source: Shannon 1949, Communication in the presence of noise, section II; Oppenheim & Schafer,
        section 4.2.
    Example:
        >>> alias_frequency(np.array([3000.0, 7000.0, 9000.0, 20_000.0]), 8000).tolist()
        [3000.0, 1000.0, 1000.0, 4000.0]
    """
    ### BEGIN SOLUTION
    if sample_rate <= 0:
        raise ValueError(f"sample_rate is {sample_rate}, expected a positive number of Hz")
    frequency = np.asarray(frequency, dtype=np.float64)
    return np.abs(frequency - sample_rate * np.round(frequency / sample_rate))
    ### END SOLUTION


# %% [markdown] hints="alias_frequency"
# 1. Draw the multiples of the sample rate on a line: 0, 8000, 16 000. How far is your tone from the
#    nearest of them?
# 2. Which multiple is nearest? Divide by the sample rate and *round*, do not cut off.
# 3. `np.abs(frequency - sample_rate * np.round(frequency / sample_rate))`.

# %%
heard = np.linspace(0, 12_000, 481)
plot.lines(
    {"what you hear at 8000 per second": (heard, alias_frequency(heard, 8000))},
    x_label="frequency of the tone [Hz]",
    y_label="frequency heard [Hz]",
    title="The hook, explained: up to 4000 Hz, down, and up again",
)

# %% [markdown]
# There is your zigzag. Once the samples are taken, nobody can tell an alias from a real tone. So the
# cure comes **before** sampling: remove everything above half the new sample rate, then take fewer
# samples. What removes it is called an **anti-aliasing filter**. Each microphone input has one built in.
# When you lower the sample rate of a *file*, you must bring your own.

# %% [markdown]
# ## Part 3: a low-pass filter
#
# A **filter** replaces each sample by a weighted sum of its neighbours. The weights are called **taps**.
#
# **A number first.** The taps ¼, ½, ¼ average three neighbours. A constant 1, 1, 1 stays 1. The fastest
# signal there is, 1, −1, 1, −1, becomes ¼ − ½ + ¼ = 0. Slow passes, fast is stopped: a *low-pass* filter.
#
# Three taps have a very gentle slope. Which taps cut sharply at a frequency $f_c$? Theory gives the
# answer: the **sinc** function, $\mathrm{sinc}(x) = \sin(\pi x) / (\pi x)$. It never ends, so we keep $N$
# taps around its centre. A hard end would bring back ripples, so they are faded out by a **window**, here
# Hamming's:
#
# $$h_n = \underbrace{\mathrm{sinc}\left(\frac{2 f_c}{f_s}
# \left(n - \tfrac{N-1}{2}\right)\right)}_{\text{cuts at } f_c} \cdot
# \underbrace{\left(0.54 - 0.46 \cos\frac{2\pi n}{N-1}\right)}_{\text{fades out}}, \qquad n = 0 \dots N-1 .$$
#
# At last divide all taps by their sum. A constant then passes exactly unchanged.
#
# The window divides by $N - 1$, so that the taps are the same from both ends (*symmetric*). With an odd
# $N$ there is a middle tap, and the output stays in step with the input.


# %% part="lowpass_fir" points=3 difficulty=2 minutes=15 forbids="scipy.signal librosa"
def lowpass_fir(cutoff: float, sample_rate: float, n_taps: int) -> Float[np.ndarray, "taps"]:
    """Taps of a low-pass filter: a sinc through a symmetric Hamming window.

    Args:
        cutoff: frequency in Hz at which half the amplitude is left, between 0 and sample_rate / 2.
        sample_rate: in Hz.
        n_taps: number of taps, odd, at least 3. More taps cut more sharply.
    Returns:
        Taps that sum to 1 and are the same from both ends.
    Raises:
        ValueError: if not 0 < cutoff < sample_rate / 2, or `n_taps` is even or less than 3.
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 7.5 (the window method).
    Example:
        >>> lowpass_fir(2000.0, 8000.0, 5).round(3).tolist()
        [0.0, 0.204, 0.593, 0.204, 0.0]
    """
    ### BEGIN SOLUTION
    if not 0 < cutoff < sample_rate / 2:
        raise ValueError(f"cutoff is {cutoff} Hz, expected more than 0 and less than {sample_rate / 2} Hz")
    if n_taps < 3 or n_taps % 2 == 0:
        raise ValueError(f"n_taps is {n_taps}, expected an odd number of at least 3")
    n = np.arange(n_taps)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * n / (n_taps - 1))
    taps = np.sinc(2 * cutoff / sample_rate * (n - (n_taps - 1) / 2)) * window
    return taps / taps.sum()
    ### END SOLUTION


# %% [markdown] hints="lowpass_fir"
# 1. Three steps: the sinc, times the window, divided by the sum.
# 2. `np.sinc(x)` already contains the π: it is sin(πx) / (πx), and 1 at x = 0. Its argument is zero at the
#    middle tap.
# 3. `n = np.arange(n_taps)`, `window = np.hamming(n_taps)`, and
#    `np.sinc(2 * cutoff / sample_rate * (n - (n_taps - 1) / 2)) * window`.

# %% [markdown]
# The more taps, the steeper the slope. For this window the slope from *all* to *nothing* is about
# $3.3 f_s / N$ wide. With 97 taps at 24 000 Hz that is 816 Hz. "Nothing" means 53 dB less.

# %%
plot.lines(
    {
        f"{n_taps} taps": (
            np.linspace(0, 12_000, 1025),
            20 * np.log10(np.maximum(np.abs(np.fft.rfft(lowpass_fir(3600, 24_000, n_taps), 2048)), 1e-5)),
        )
        for n_taps in (13, 33, 97)
    },
    x_label="frequency [Hz]",
    y_label="what is left [dB]",
    title="Low-pass filters with their cut-off at 3600 Hz",
)

# %% [markdown]
# ## Part 4: decimation
#
# Now lower the sample rate by a whole factor $M$, the right way: **filter first, then keep every $M$-th
# sample.** For the filter we choose:
#
# * $32 M + 1$ taps, so 97 for $M = 3$;
# * its cut-off at 0.9 of the *new* Nyquist frequency $f_s / (2M)$. The slope is centred there and ends just
#   at the new Nyquist frequency, so that all beyond it is gone.
#
# **A number first.** From 24 000 to 8000 Hz: the new Nyquist frequency is 4000 Hz, the cut-off 3600 Hz,
# and the slope goes from about 3200 to 4000 Hz.
#
# Output sample $k$ is the filter's output with its middle tap on input sample $k M$. Outside the signal
# there are zeros. From $n$ samples come $\lceil n / M \rceil$.
#
# Mind `np.convolve(..., mode="same")`: if the signal is shorter than the filter, it returns as many
# numbers as the *filter* has.

# %%
TAPS_PER_STEP = 32  # the filter reaches 16 new samples to either side
CUTOFF_SHARE = 0.9  # of the new Nyquist frequency: the slope ends where aliasing would begin


# %% part="decimate" points=4 difficulty=3 minutes=18 forbids="scipy.signal librosa soxr"
def decimate(samples: Float[np.ndarray, "time"], factor: int) -> Float[np.ndarray, "fewer"]:
    """Lower the sample rate by a whole factor, without aliasing.

    Args:
        samples: waveform, one channel, any unit; integers are welcome.
        factor: M, how many input samples become one; 2 or more.
    Returns:
        Every M-th sample, from the first on, of `samples` filtered by lowpass_fir with 32 M + 1 taps and
        its cut-off at 0.9 of the new Nyquist frequency. The middle tap lies on the sample that is kept;
        before and after the signal there are zeros. ceil(time / M) samples, float64.
    Raises:
        ValueError: if `factor` is less than 2 or `samples` is not one-dimensional.
    Source: Crochiere & Rabiner 1983, Multirate Digital Signal Processing, section 2.3.
    Example:
        >>> decimate(np.ones(1000), 4).shape
        (250,)
        >>> float(decimate(np.ones(1000), 4)[125].round(6))
        1.0
    """
    ### BEGIN SOLUTION
    if factor < 2:
        raise ValueError(f"factor is {factor}, expected at least 2")
    if np.ndim(samples) != 1:
        raise ValueError(f"samples has shape {np.shape(samples)}, expected one channel: [time]")
    taps = lowpass_fir(CUTOFF_SHARE / (2 * factor), 1.0, TAPS_PER_STEP * factor + 1)
    padded = np.pad(np.asarray(samples, dtype=np.float64), len(taps))
    # only the outputs that are kept are computed; the taps are symmetric, so nothing need be reversed
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(taps))[len(taps) // 2 + 1 :]
    return windows[: len(samples) : factor] @ taps
    ### END SOLUTION


# %% [markdown] hints="decimate"
# 1. Three lines: the taps, the filtering, the picking. Only then look at the ends.
# 2. `np.convolve(samples, taps)` (mode "full") starts before the signal: its value at index 16 M has the
#    middle tap on sample 0. The cut-off in Hz and the sample rate only matter through their ratio: with a
#    sample rate of 1 the new Nyquist frequency is 0.5 / M.
# 3. `taps = lowpass_fir(0.9 / (2 * factor), 1.0, 32 * factor + 1)`, then
#    `np.convolve(samples, taps)[16 * factor :][: len(samples)][::factor]`.

# %% [markdown]
# The chirp of the beginning once more. First every third sample, then your `decimate`. Then the same
# with the sentence: listen to the *s* sounds.

# %%
tone_naive, tone_clean = chirp[::3], decimate(chirp, 3)
play({"every third sample": tone_naive, "your decimate": tone_clean}, 8000)
plot.spectrograms(
    {"every third sample": tone_naive, "your decimate": tone_clean}, 8000, title="A rising tone at 8000 Hz"
)
fold = 4  # 22 050 / 4 = 5512 Hz: low enough to hear what aliasing does
play({"every fourth sample": voice[::fold], "your decimate": decimate(voice, fold)}, voice_rate // fold)

# %% [markdown]
# The clean chirp falls silent when it passes 4000 Hz: what cannot be held is left out. The sentence
# loses its *s* sounds. In the naive version they are still there, but folded down into a rasp at the wrong
# place.

# %% [markdown]
# ## Part 5: quantisation
#
# Time now comes in steps. The *values* must, too: a computer keeps each sample in so many bits. With $b$
# bits there are $2^b$ **levels**. Rounding to the nearest of them is **quantisation**.
#
# We let the levels reach from −1 to just below 1. Then they are $\Delta = 2 / 2^b$ apart.
#
# **A number first.** Three bits: 8 levels, a step of 0.25, from −1 to 0.75. The sample 0.3 is 1.2 steps,
# rounded 1 step: 0.25. The sample 0.95 would be 4 steps, but the topmost level is 3 steps, so it is
# **clipped** to 0.75. There is one level more below zero than above.
#
# The last argument, `dither`, is a small noise that is added before rounding. What it is good for you will
# hear below.


# %% part="quantize" points=3 difficulty=2 minutes=10
def quantize(
    samples: Float[np.ndarray, "time"], bits: int, dither: Float[np.ndarray, "time"] | None = None
) -> Float[np.ndarray, "time"]:
    """Round samples to the levels of so many bits.

    Args:
        samples: waveform with full scale 1.
        bits: per sample, 1 to 32. There are 2**bits levels, 2 / 2**bits apart, the lowest at -1.
        dither: noise that is added before rounding, in steps (1.0 is the distance of two levels), as long
            as `samples`; None for none.
    Returns:
        The nearest level for each sample, as float64. Samples beyond the lowest or highest level get that
        level. A sample just between two levels may get either.
    Raises:
        ValueError: if `bits` is outside 1 to 32, or `dither` has another shape than `samples`.
    Source: Lipshitz, Wannamaker & Vanderkooy 1992, Quantization and dither: a theoretical survey.
    Example:
        >>> quantize(np.array([0.3, -0.3, 0.95, -1.2]), 3).tolist()
        [0.25, -0.25, 0.75, -1.0]
    """
    ### BEGIN SOLUTION
    if not 1 <= bits <= 32:
        raise ValueError(f"bits is {bits}, expected 1 to 32")
    half = 2 ** (bits - 1)
    steps = np.asarray(samples, dtype=np.float64) * half
    if dither is not None:
        if np.shape(dither) != steps.shape:
            raise ValueError(f"dither has shape {np.shape(dither)}, expected {steps.shape} as samples")
        steps = steps + dither
    return np.clip(np.rint(steps), -half, half - 1) / half
    ### END SOLUTION


# %% [markdown] hints="quantize"
# 1. Measure the samples in steps. Then rounding is plain rounding to a whole number.
# 2. One step is $2 / 2^b = 1 / 2^{b-1}$, so multiply by $2^{b-1}$, add the dither, round, clip, and divide
#    again. Which whole numbers are the lowest and the highest level?
# 3. `half = 2 ** (bits - 1)` and `np.clip(np.rint(samples * half), -half, half - 1) / half`.

# %%
play({f"{bits} bits": quantize(voice, bits) for bits in (16, 8, 5, 3)}, voice_rate)

# %% [markdown]
# You hear a hiss that comes and goes with the voice: the **quantisation noise**. At three bits most of the
# quiet sounds are gone altogether. They were rounded to zero.
#
# **Dither.** Below is a tone that fades away, at 4 bits. Rounded as it is, it gets a growl and then
# breaks off: the error follows the signal. With a little random noise *before* rounding, the error is a
# steady, harmless hiss, and the tone can be followed far below one step. The noise that does this
# best is the difference of two random numbers between 0 and 1.

# %%
random = np.random.default_rng(0)
fade = sample_tone(330, 2.0, 16_000, 0.5) * np.geomspace(1, 0.01, 32_000)
dither_noise = random.random(32_000) - random.random(32_000)
with_dither = quantize(fade, 4, dither_noise)
play({"fading tone": fade, "4 bits": quantize(fade, 4), "4 bits with dither": with_dither}, 16_000)
late = slice(20_000, 28_000)  # here the tone is smaller than half a step


def height_of_the_tone(samples: Float[np.ndarray, "time"]) -> float:
    """Amplitude of the part of `samples` that swings with the tone of 330 Hz, phase 0, in `late`."""
    wave = sample_tone(330, 2.0, 16_000)[late]
    return 2 * float(np.mean(samples[late] * wave))


table(
    [
        {"signal": "before rounding", "the tone in it, in steps": height_of_the_tone(fade) * 8},
        {"signal": "4 bits", "the tone in it, in steps": height_of_the_tone(quantize(fade, 4)) * 8},
        {"signal": "4 bits with dither", "the tone in it, in steps": height_of_the_tone(with_dither) * 8},
    ],
    title="1.25 to 1.75 s: a tone smaller than half a step",
)

# %% [markdown]
# ## Part 6: signal-to-noise ratio
#
# How much damage is that? Compare the power of the signal with the power of the *error*, and take the
# ratio in decibels (dB), ten times the logarithm to base ten:
#
# $$\mathrm{SNR} = 10 \log_{10} \frac{\sum x_n^2}{\sum (y_n - x_n)^2} .$$
#
# **A number first.** The signal is 1, −1, the copy 0.9, −1. Power of the signal: 2. Power of the error:
# 0.01. The ratio is 200, and that is 23 dB. A copy without any error has infinitely many.


# %% part="snr_db" points=2 difficulty=1 minutes=8 forbids="labkit.measure"
def snr_db(signal: Float[np.ndarray, "*shape"], copy: Float[np.ndarray, "*shape"]) -> float:
    """Signal-to-noise ratio of a copy: how far its error lies below the signal.

    Args:
        signal: what it should be, any unit; integers are welcome.
        copy: what it is, in the same unit and shape.
    Returns:
        10 log10 of the power of `signal` over the power of `copy` - `signal`, in dB; infinity if both
        are equal.
    Raises:
        ValueError: if the shapes differ, or `signal` is zero throughout (or empty).
    Source: Oppenheim & Schafer, Discrete-Time Signal Processing, section 4.8.
    Example:
        >>> round(snr_db(np.array([1.0, -1.0]), np.array([0.9, -1.0])), 2)
        23.01
    """
    ### BEGIN SOLUTION
    signal, copy = np.asarray(signal, dtype=np.float64), np.asarray(copy, dtype=np.float64)
    if signal.shape != copy.shape:
        raise ValueError(f"copy has shape {copy.shape}, expected {signal.shape} as signal")
    power, error = np.sum(signal**2), np.sum((copy - signal) ** 2)
    if power == 0:
        raise ValueError("signal is zero throughout: nothing can be compared with it")
    return float("inf") if error == 0 else float(10 * np.log10(power / error))
    ### END SOLUTION


# %% [markdown] hints="snr_db"
# 1. Two sums of squares, their ratio, its logarithm. The second sum is over the *difference*.
# 2. For powers it is 10 · log10. Convert to float64 first: bytes would wrap around when subtracted. Decide
#    about zero before you divide.
# 3. `10 * np.log10(np.sum(signal**2) / np.sum((copy - signal) ** 2))`, and `float("inf")` if the second sum
#    is 0.

# %% [markdown]
# ### Six decibels a bit
#
# Rounding makes an error between $-\Delta/2$ and $\Delta/2$, and every value in between is about equally
# frequent. The mean of its square is $\Delta^2/12$. A tone of amplitude 1 has power ½. With
# $\Delta = 2/2^b$ the ratio is $\tfrac{3}{2} \cdot 4^b$, in decibels
#
# $$\mathrm{SNR} = 6.02\, b + 1.76 .$$
#
# **Each bit is worth six decibels.** Your `quantize` must obey. With few bits it falls a little short: the
# topmost level of four bits is 0.875, so the top of the tone is clipped. Speech stays far below full scale
# most of the time, so it gets less than the rule says.

# %%
full_tone = sample_tone(997, 1.0, 16_000, 0.999)
loud_voice = voice / np.abs(voice).max() * 0.999
table(
    [
        {
            "bits": bits,
            "6.02 b + 1.76": 6.02 * bits + 1.76,
            "tone, measured [dB]": snr_db(full_tone, quantize(full_tone, bits)),
            "speech, measured [dB]": snr_db(loud_voice, quantize(loud_voice, bits)),
        }
        for bits in (4, 6, 8, 12, 16, 20, 24)
    ],
    title="Signal-to-noise ratio of rounding",
)

# %% [markdown]
# ## Part 7: μ-law
#
# In the 1960s telephone engineers had 8 bits per sample, and voices of all strengths. With equal steps, a
# soft speaker got a handful of levels. Their answer: **small steps for small samples, large steps for
# large ones.** The ear does not mind, since a loud sound hides a larger error. The samples are bent by a
# logarithm, rounded to 256 codes, and bent back at the other end. With $\mu = 255$:
#
# $$F(x) = \mathrm{sign}(x)\,\frac{\ln(1 + \mu |x|)}{\ln(1 + \mu)}, \qquad
# \text{code} = \left\lfloor \frac{F(x) + 1}{2}\,\mu + \tfrac12 \right\rfloor .$$
#
# **A number first.** Take $x = 0.01$. $\ln(3.55) / \ln(256) = 1.267 / 5.545 = 0.2285$. So the code is
# $\lfloor 0.6142 \cdot 255 + 0.5 \rfloor = 157$. Samples −1, 0 and 1 get the codes 0, 128 and 255.


# %% part="mu_law_encode" points=2 difficulty=2 minutes=8 forbids="librosa torchaudio audioop"
def mu_law_encode(samples: Float[np.ndarray, "*shape"], mu: int = 255) -> Int[np.ndarray, "*shape"]:
    """Codes of samples on a logarithmic scale.

    Args:
        samples: waveform with full scale 1; what lies beyond -1 and 1 is clipped.
        mu: highest code; larger means finer steps for small samples.
    Returns:
        Whole numbers from 0 (for -1) to mu (for 1): floor((F(x) + 1) / 2 * mu + 0.5), where
        F(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu).
    Raises:
        ValueError: if `mu` is less than 1.
    Source: Smith 1957, Instantaneous companding of quantized signals; ITU-T G.711; van den Oord et al.
        2016 (WaveNet), section 2.2.
    Example:
        >>> mu_law_encode(np.array([-1.0, 0.0, 0.01, 1.0])).tolist()
        [0, 128, 157, 255]
    """
    ### BEGIN SOLUTION
    if mu < 1:
        raise ValueError(f"mu is {mu}, expected at least 1")
    clipped = np.clip(np.asarray(samples, dtype=np.float64), -1, 1)
    bent = np.sign(clipped) * np.log1p(mu * np.abs(clipped)) / np.log1p(mu)
    return np.floor((bent + 1) / 2 * mu + 0.5).astype(np.int64)
    ### END SOLUTION


# %% [markdown] hints="mu_law_encode"
# 1. Clip, bend, shift from −1 … 1 to 0 … μ, round.
# 2. A logarithm knows no negative numbers: bend $|x|$, and give it its sign back with `np.sign`.
# 3. `bent = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)`, then
#    `np.floor((bent + 1) / 2 * mu + 0.5).astype(int)`.

# %% [markdown]
# ## Part 8: and back
#
# Undo the steps in the opposite order. First from code to −1 … 1: $y = 2\,\text{code}/\mu - 1$. Then unbend:
#
# $$x = \mathrm{sign}(y)\, \frac{(1 + \mu)^{|y|} - 1}{\mu} .$$
#
# **A number first.** Code 157: $y = 0.2314$, $256^{0.2314} = 3.607$, so $x = 2.607 / 255 = 0.0102$. We had
# 0.01: an error of 2 %. Eight bits with *equal* steps would have made 0.0078 of it, an error of 22 %.
#
# Code 128 becomes 0.00009, not 0. With 256 codes there is none in the middle.


# %% part="mu_law_decode" points=2 difficulty=2 minutes=8 forbids="librosa torchaudio audioop"
def mu_law_decode(codes: Int[np.ndarray, "*shape"], mu: int = 255) -> Float[np.ndarray, "*shape"]:
    """Samples that μ-law codes stand for.

    Args:
        codes: whole numbers from 0 to mu, of any integer type.
        mu: highest code, as in `mu_law_encode`.
    Returns:
        Samples from -1 (code 0) to 1 (code mu), as float64.
    Raises:
        ValueError: if `mu` is less than 1, or a code is below 0 or above mu.
    Source: as `mu_law_encode`, solved for the sample.
    Example:
        >>> mu_law_decode(np.array([0, 157, 255])).round(4).tolist()
        [-1.0, 0.0102, 1.0]
    """
    ### BEGIN SOLUTION
    if mu < 1:
        raise ValueError(f"mu is {mu}, expected at least 1")
    codes = np.asarray(codes, dtype=np.float64)  # unsigned bytes would wrap around below
    if np.any((codes < 0) | (codes > mu)):
        raise ValueError(f"codes holds {codes.min():g} to {codes.max():g}, expected 0 to {mu}")
    bent = 2 * codes / mu - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(mu)) / mu
    ### END SOLUTION


# %% [markdown] hints="mu_law_decode"
# 1. Solve $F(x) = y$ for $x$. Where $F$ takes a logarithm, the inverse takes a power.
# 2. Convert the codes to float64 before any arithmetic: 2 · 200 does not fit into an unsigned byte.
# 3. `y = 2 * codes / mu - 1`, then `np.sign(y) * ((1 + mu) ** np.abs(y) - 1) / mu`.

# %% [markdown]
# Eight bits each: equal steps against μ-law. The sentence is played 30 dB below full scale, as from a soft
# speaker, and turned up again afterwards.

# %%
soft = loud_voice * 10 ** (-30 / 20)
play_ab(
    {"8 bits, equal steps": quantize(soft, 8), "8 bits, μ-law": mu_law_decode(mu_law_encode(soft))},
    voice_rate,
)
levels = np.arange(-60.0, 1.0, 2.0)
voices = [loud_voice * 10 ** (level / 20) for level in levels]
plot.lines(
    {
        "8 bits, equal steps": (levels, [snr_db(v, quantize(v, 8)) for v in voices]),
        "8 bits, μ-law": (levels, [snr_db(v, mu_law_decode(mu_law_encode(v))) for v in voices]),
        "12 bits, equal steps": (levels, [snr_db(v, quantize(v, 12)) for v in voices]),
    },
    x_label="peak of the sentence [dB below full scale]",
    y_label="SNR [dB]",
    title="μ-law gives loud and soft voices nearly the same quality",
)

# %% [markdown]
# ## Part 9: from samples to bytes
#
# Now the numbers become bytes. **PCM**, *pulse code modulation*, is the plainest way: one number after the
# other, as it is. Six **encodings** are in use:
#
# | encoding | bytes | what is stored |
# |---|---|---|
# | `uint8` | 1 | round(128 · x) + 128, from 0 to 255: **unsigned**, silence is 128 |
# | `int16` | 2 | round(2¹⁵ · x), from −32 768 to 32 767 |
# | `int24` | 3 | round(2²³ · x) |
# | `int32` | 4 | round(2³¹ · x) |
# | `float32` | 4 | x itself, to some 7 digits |
# | `float64` | 8 | x itself, to some 16 digits |
#
# Numbers of several bytes are stored **little-endian**: the smallest byte first.
#
# **A number first.** 0.5 as `int16` is 16 384, in hexadecimal 4000, so the bytes are `00 40`. −0.5 is
# −16 384. Negative numbers count down from $2^{16}$: 65 536 − 16 384 = 49 152, in hexadecimal C000, so
# the bytes are `00 C0`. And 1.0? It would be 32 768, one more than fits. Clip it to 32 767. Without
# clipping it *wraps around* to −32 768: the loudest positive sample becomes the loudest negative one.

# %%
BYTES_PER_SAMPLE = {"uint8": 1, "int16": 2, "int24": 3, "int32": 4, "float32": 4, "float64": 8}

too_loud = loud_voice * 1.6
wrapped = (too_loud * 32_767).astype(np.int32).astype(np.int16)  # what careless code does
play(
    {"too loud, clipped": np.clip(too_loud, -1, 1), "too loud, wrapped around": wrapped / 32_768}, voice_rate
)


# %% part="pcm_encode" points=4 difficulty=3 minutes=15 forbids="soundfile scipy.io wave audioop"
def pcm_encode(samples: Float[np.ndarray, "n"], encoding: str) -> bytes:
    """Samples as the bytes of a PCM encoding, little-endian.

    Args:
        samples: with full scale 1.
        encoding: "uint8", "int16", "int24", "int32", "float32" or "float64".
    Returns:
        BYTES_PER_SAMPLE[encoding] bytes for each sample. For whole numbers of b bits: samples times
        2**(b - 1), rounded to the nearest, clipped to -2**(b - 1) … 2**(b - 1) - 1; "uint8" then adds
        128. A sample just between two numbers may get either. Floating-point numbers are stored as they
        are, without clipping.
    Raises:
        ValueError: if `encoding` is another word, or a sample is NaN or infinite and `encoding` is one of
            whole numbers.
    Source: Microsoft & IBM 1991, Multimedia Programming Interface and Data Specifications 1.0, section
        on WAVE files, "Data format of the samples".
    Example:
        >>> pcm_encode(np.array([0.5, -0.5, 1.0]), "int16").hex(" ", 2)
        '0040 00c0 ff7f'
        >>> list(pcm_encode(np.array([0.0, -1.0]), "uint8"))
        [128, 0]
    """
    ### BEGIN SOLUTION
    if encoding not in BYTES_PER_SAMPLE:
        raise ValueError(f"encoding is {encoding!r}, expected one of {', '.join(BYTES_PER_SAMPLE)}")
    size = BYTES_PER_SAMPLE[encoding]
    samples = np.asarray(samples, dtype=np.float64)
    if encoding.startswith("float"):
        return samples.astype(f"<f{size}").tobytes()
    if not np.all(np.isfinite(samples)):
        raise ValueError(f"samples holds NaN or infinity, which {encoding} cannot store")
    half = 2 ** (8 * size - 1)
    numbers = np.clip(np.rint(samples * half), -half, half - 1).astype("<i8")
    if encoding == "uint8":
        numbers += 128
    # little-endian: the lowest bytes stand first, and they are the same in a longer number
    return numbers.view(np.uint8).reshape(-1, 8)[:, :size].tobytes()
    ### END SOLUTION


# %% [markdown] hints="pcm_encode"
# 1. `array.astype("<i2").tobytes()` gives little-endian 16-bit numbers. Where is the exact point at which
#    a too large number must be caught?
# 2. Scale, round and clip in float64, *then* convert. `"<i4"`, `"<f4"`, `"<f8"` and `"u1"` do the same for
#    other encodings. NumPy has no 24-bit numbers: convert to `"<i4"`, look at the bytes and drop the
#    highest of each four.
# 3. 24 bits: `numbers.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()`. 8 bits:
#    `(numbers + 128).astype(np.uint8).tobytes()`. NaN: `np.isfinite(samples).all()`.

# %% [markdown]
# ## Part 10: from bytes to samples
#
# The way back. Whole numbers of $b$ bits are divided by $2^{b-1}$, so that full scale is 1 again.
#
# **A number first.** The bytes `00 c0` are 49 152 if you read them without a sign. That is 32 768 or more,
# so it stands for 49 152 − 65 536 = −16 384, and the sample is −0.5.
#
# Twenty-four bits are the interesting ones. Three bytes, and the sign is in the top bit of the third.


# %% part="pcm_decode" points=3 difficulty=3 minutes=12 forbids="soundfile scipy.io wave audioop"
def pcm_decode(data: bytes, encoding: str) -> Float[np.ndarray, "n"]:
    """Samples from the bytes of a PCM encoding: the inverse of `pcm_encode`.

    Args:
        data: little-endian numbers, one after the other.
        encoding: "uint8", "int16", "int24", "int32", "float32" or "float64".
    Returns:
        One sample for each BYTES_PER_SAMPLE[encoding] bytes, as float64; full scale is 1. Whole numbers of
        b bits are divided by 2**(b - 1); from "uint8", 128 is subtracted first.
    Raises:
        ValueError: if `encoding` is another word, or `data` ends in the middle of a sample.
    Source: as `pcm_encode`.
    Example:
        >>> pcm_decode(bytes([0x00, 0x40, 0x00, 0xC0]), "int16").tolist()
        [0.5, -0.5]
        >>> pcm_decode(bytes([0x00, 0x00, 0xC0]), "int24").tolist()
        [-0.5]
    """
    ### BEGIN SOLUTION
    if encoding not in BYTES_PER_SAMPLE:
        raise ValueError(f"encoding is {encoding!r}, expected one of {', '.join(BYTES_PER_SAMPLE)}")
    size = BYTES_PER_SAMPLE[encoding]
    if len(data) % size:
        raise ValueError(f"data has {len(data)} bytes, expected a multiple of {size} for {encoding}")
    if encoding.startswith("float"):
        return np.frombuffer(data, f"<f{size}").astype(np.float64)
    raw = np.frombuffer(data, np.uint8)
    if encoding == "uint8":
        return (raw - 128.0) / 128
    # put into the top bytes of 32 bits, every size has its sign at the same place
    padded = np.zeros((len(raw) // size, 4), np.uint8)
    padded[:, -size:] = raw.reshape(-1, size)
    return padded.view("<i4")[:, 0] / 2.0**31
    ### END SOLUTION


# %% [markdown] hints="pcm_decode"
# 1. `np.frombuffer(data, "<i2")` reads 16-bit numbers. Which encodings does that idea settle at once?
# 2. For 24 bits, read single bytes, three in a row: `low + 256 * middle + 65_536 * high`. From $2^{23}$ on
#    the number is negative: subtract $2^{24}$. Use a wide type: bytes wrap around.
# 3. `b = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)`,
#    `value = b[:, 0] | b[:, 1] << 8 | b[:, 2] << 16`, `value -= (value >= 2**23) * 2**24`, and divide by
#    `2**23`.

# %% [markdown]
# ### Which bit depth?
#
# Take a room of 40 dB and a shout of 100 dB: 60 dB of range, ten bits. Sixteen bits hold 98 dB. That is
# why **16 bits are the standard for finished speech**. Twenty-four bits are for recording, where you do
# not know yet how loud it will get. **32-bit floating point** is for computing: it always has 24 bits of
# precision, however small the number is, and it cannot clip.
#
# See what each one does to the sentence, first as it is, then 60 dB quieter.

# %%
quiet = loud_voice / 1000
rows = []
for encoding in BYTES_PER_SAMPLE:
    stored = pcm_encode(loud_voice, encoding)
    rows.append(
        {
            "encoding": encoding,
            "kB per second": len(stored) / (len(voice) / voice_rate) / 1000,
            "SNR [dB]": snr_db(loud_voice, pcm_decode(stored, encoding)),
            "SNR, 60 dB quieter [dB]": snr_db(quiet, pcm_decode(pcm_encode(quiet, encoding), encoding)),
        }
    )
table(rows, title="The sentence in six encodings")

# %% [markdown]
# For whole numbers, 60 dB quieter costs 60 dB of quality. For floating point it costs nothing.

# %% [markdown]
# ## Part 11: mono and stereo
#
# **Mono** is one channel. **Stereo** is two, left and right. Speech models want mono. Meetings come in
# stereo or more, with one channel per microphone; telephone recordings with one channel per caller.
#
# In a file the channels are **interleaved**: left, right, left, right. All channels of one moment stand
# together.
#
# **A number first.** 1, 2, 3, 4, 5, 6 in two channels: left is 1, 3, 5 and right is 2, 4, 6. Read it as
# mono, and you get twice as many samples: the voice lasts twice as long, an octave too low. You will hear
# that bug some day. Now you know its name.


# %% part="deinterleave" points=1 difficulty=1 minutes=5
def deinterleave(values: Float[np.ndarray, "n"], n_channels: int) -> Float[np.ndarray, "time channels"]:
    """Take interleaved channels apart.

    Args:
        values: all channels of the first moment, then all channels of the second, …
        n_channels: how many channels there are.
    Returns:
        One row per moment, one column per channel.
    Raises:
        ValueError: if `n_channels` is less than 1, or does not divide the number of values.
    Source: Microsoft & IBM 1991, Multimedia Programming Interface and Data Specifications 1.0, section
        on WAVE files, "Data packing for PCM WAVE files".
    Example:
        >>> deinterleave(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 2).tolist()
        [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    """
    ### BEGIN SOLUTION
    if n_channels < 1 or len(values) % n_channels:
        raise ValueError(f"{len(values)} values do not make {n_channels} channels of equal length")
    return np.reshape(values, (len(values) // n_channels, n_channels))
    ### END SOLUTION


# %% [markdown] hints="deinterleave"
# 1. Write the numbers line by line into a table with as many columns as channels.
# 2. NumPy fills a table row by row: that is the order you need. Before you divide by the number of channels,
#    see that it is positive.
# 3. `values.reshape(len(values) // n_channels, n_channels)`, after two questions: is `n_channels` less than
#    1, and does `len(values) % n_channels` leave a rest?

# %% [markdown]
# Make a stereo pair: the sentence on the left, and a hum on the right. The way to mono is the **mean** of
# the channels. The *sum* may be twice full scale and clip.
#
# And one more trap: on the last player, the right channel is the left one *upside down*, as a wrongly wired
# microphone delivers it. Each channel alone sounds fine. Their mean is silence.

# %%
hum = 0.1 * np.sign(sample_tone(110, len(voice) / voice_rate, voice_rate))[: len(voice)]
stereo = np.stack([voice, hum], axis=1)  # [time, channels]
flat = stereo.reshape(-1)  # interleaved
play({"stereo": deinterleave(flat, 2).T, "interleaved, read as mono": flat}, voice_rate)
upside_down = np.stack([voice, -voice], axis=1)
print("largest sample of the mean of both channels:", np.abs(upside_down.mean(axis=1)).max())

# %% [markdown]
# ## Part 12: the boxes of a WAV file
#
# PCM bytes alone do not say how many channels they hold, or at what rate. A **WAV file** adds that. It is a
# row of boxes, called **chunks**, in one outer box:
#
# ```
# "RIFF"  size (4 bytes)  "WAVE"          size counts everything after itself
#    "fmt "  size (4 bytes)  …            the format: channels, sample rate, encoding
#    "LIST"  size (4 bytes)  …            whatever else: artist, comments, cue points
#    "data"  size (4 bytes)  …            the samples
# ```
#
# Each chunk begins with a name of four characters and the size of its content. Sizes are little-endian.
# Three rules:
#
# * **Skip what you do not know.** A reader that takes "fmt " and "data" for the first two chunks at fixed
#   places works until it meets a file from an editor.
# * **A chunk of odd size is followed by one byte of padding**, which its size does not count. Forget it,
#   and everything after is read one byte off.
# * **Never trust a size.** Downloads break off. Then the file is shorter than it says.
#
# **A number first.** A chunk at byte 12 with size 5 has its header in bytes 12–19 and its content in
# 20–24. Byte 25 is padding. The next chunk begins at 26.
#
# Other formats begin in another way, and many files have a wrong ending to their name. So look at
# the first bytes. This helper is given: it names what they are.


# %%
def kind_of_file(data: bytes) -> str:
    """What the first bytes of a file say it is."""
    known = {
        b"RIFF": "a RIFF file",
        b"RIFX": "a RIFF file with the highest byte first",
        b"RF64": "an RF64 file, a WAV file for more than 4 GB",
        b"FORM": "an AIFF file",
        b"fLaC": "a FLAC file",
        b"OggS": "an Ogg file (Vorbis, Opus or FLAC)",
    }
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0):
        return "an MP3 file"
    return known.get(data[:4], f"no sound file known here (it starts with {data[:4]!r})")


# %% part="riff_chunks" points=4 difficulty=3 minutes=20 forbids="soundfile scipy.io wave chunk librosa"
def riff_chunks(data: bytes) -> list[tuple[str, bytes]]:
    """The chunks of a WAV file.

    Args:
        data: all bytes of the file. What stands after the end that its RIFF size names does not count.
    Returns:
        (name, content) for each chunk in the order of the file; the name has four characters (decode it
        as latin-1) and the content has no padding.
    Raises:
        ValueError: if `data` does not begin with "RIFF", a size and "WAVE"; is shorter than the RIFF size
            says; or a chunk, or its header, reaches beyond the RIFF size. A missing last byte of padding
            is no error.
    Source: Microsoft & IBM 1991, Multimedia Programming Interface and Data Specifications 1.0, chapter 2,
        "Resource Interchange File Format".
    Example:
        >>> note = b"note" + bytes([5, 0, 0, 0]) + b"hello" + b"?"
        >>> riff_chunks(b"RIFF" + bytes([18, 0, 0, 0]) + b"WAVE" + note)
        [('note', b'hello')]
    """
    ### BEGIN SOLUTION
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"data is {kind_of_file(data)}, expected a WAV file: RIFF, a size, WAVE")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise ValueError(f"data has {len(data)} bytes, expected {end}: the file is cut off")
    chunks, position = [], 12
    while position < end:
        content = position + 8
        size = int.from_bytes(data[position + 4 : content], "little")
        if content + size > end:
            raise ValueError(f"the chunk at byte {position} reaches beyond the end of the file, byte {end}")
        chunks.append((data[position : position + 4].decode("latin-1"), data[content : content + size]))
        position = content + size + size % 2
    return chunks
    ### END SOLUTION


# %% [markdown] hints="riff_chunks"
# 1. Keep one number: the position at which the next chunk begins. Before you read something, ask whether
#    it can be there.
# 2. `int.from_bytes(data[a:b], "little")` reads a size. Slices never fail: beyond the end they are just
#    shorter. So compare positions with the end yourself. The end is 8 + the RIFF size, not `len(data)`.
# 3. From position 12: header until `position + 8`, content until `position + 8 + size`, an error if that
#    is beyond the end, then go on at `position + 8 + size + size % 2`.

# %% [markdown]
# ## Part 13: the format chunk
#
# The content of `fmt ` is at least 16 bytes, in this order:
#
# | bytes | name | example: 16-bit stereo, 44 100 Hz |
# |---|---|---|
# | 0–1 | format tag: 1 whole numbers, 3 floating point | 1 |
# | 2–3 | channels | 2 |
# | 4–7 | sample rate | 44 100 |
# | 8–11 | bytes per second | 176 400 |
# | 12–13 | block align: bytes per moment, all channels | 4 |
# | 14–15 | bits per sample | 16 |
#
# `struct.unpack("<HHIIHH", content[:16])` reads all six.
#
# **The extended form.** For more than two channels or more than 16 bits, many programs write the tag
# 0xFFFE, *WAVE_FORMAT_EXTENSIBLE*. Then the chunk has 40 bytes. The true tag stands in bytes 24–25, the
# first two of a 16-byte mark, and the other 14 bytes of the mark must be those given below. Bytes 16–23
# say how long the extension is, how many bits are truly used and where the loudspeakers stand. You may
# skip them: unused bits are zeros at the low end, and so they change nothing.
#
# **A number first.** Tag 1 with 24 bits is `int24`. Tag 3 with 32 bits is `float32`. Tag 7 is μ-law, tag 2
# a compressed form, tag 85 an MP3 in disguise: refuse them with a sentence, for noise at full volume is
# what you get otherwise.

# %%
FORMATS = {  # (format tag, bits per sample): encoding
    (1, 8): "uint8",
    (1, 16): "int16",
    (1, 24): "int24",
    (1, 32): "int32",
    (3, 32): "float32",
    (3, 64): "float64",
}
EXTENSIBLE = 0xFFFE
MARK_TAIL = bytes.fromhex("00 00 00 00 10 00 80 00 00 AA 00 38 9B 71")  # after the true tag


# %% part="parse_format" points=3 difficulty=3 minutes=12 forbids="soundfile scipy.io wave librosa"
def parse_format(content: bytes) -> dict:
    """What the `fmt ` chunk of a WAV file says.

    Args:
        content: of the chunk; bytes that are not needed may follow.
    Returns:
        {"encoding": a key of BYTES_PER_SAMPLE, "n_channels": int, "sample_rate": int in Hz}.
    Raises:
        ValueError: if the chunk is shorter than 16 bytes (40 for the extended form), the mark of the
            extended form has another end than MARK_TAIL, tag and bits are not in FORMATS, there are no
            channels, the sample rate is 0, or the block align is not channels times bytes per sample.
    Source: Microsoft, Multiple channel audio data and WAVE files, 2007, WAVEFORMATEXTENSIBLE.
    Example:
        >>> parse_format(struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16))
        {'encoding': 'int16', 'n_channels': 2, 'sample_rate': 44100}
    """
    ### BEGIN SOLUTION
    if len(content) < 16:
        raise ValueError(f"the format chunk has {len(content)} bytes, expected at least 16")
    tag, n_channels, sample_rate, _, block_align, bits = struct.unpack("<HHIIHH", content[:16])
    if tag == EXTENSIBLE:
        if len(content) < 40 or content[26:40] != MARK_TAIL:
            raise ValueError("the extended format chunk is too short, or its mark is not a known one")
        tag = int.from_bytes(content[24:26], "little")
    if (tag, bits) not in FORMATS:
        raise ValueError(f"the format is tag {tag} with {bits} bits, expected one of {list(FORMATS)}")
    encoding = FORMATS[tag, bits]
    if n_channels < 1 or sample_rate < 1:
        raise ValueError(f"the format has {n_channels} channels at {sample_rate} Hz, expected 1 or more each")
    if block_align != n_channels * BYTES_PER_SAMPLE[encoding]:
        raise ValueError(f"block align is {block_align}, which is not {n_channels} channels of {encoding}")
    return {"encoding": encoding, "n_channels": n_channels, "sample_rate": sample_rate}
    ### END SOLUTION


# %% [markdown] hints="parse_format"
# 1. Check the length, unpack, sort out the extended form. After that both forms are the same.
# 2. `FORMATS` has the pairs that can be read. `(tag, bits) not in FORMATS` settles all other tags at once.
# 3. Extended: `len(content) >= 40`, `content[26:40] == MARK_TAIL`,
#    `tag = int.from_bytes(content[24:26], "little")`.

# %% [markdown]
# ## Part 14: the reader
#
# Everything is there. Find the two chunks, whichever their order and whatever lies between. If a name comes
# twice, the first one counts. Decode, take the channels apart, done.
#
# **A number first.** A `data` chunk of 12 bytes, two channels, `int16`: six numbers, so three moments of
# two samples each. With 10 bytes there are two and a half moments. Something is missing, and you say so.


# %% part="parse_wav" points=3 difficulty=2 minutes=10 forbids="soundfile scipy.io wave librosa"
def parse_wav(data: bytes) -> tuple[Float[np.ndarray, "time channels"], int, str]:
    """Read a WAV file.

    Args:
        data: all bytes of the file.
    Returns:
        Samples (float64, full scale 1, one column per channel, also for mono), sample rate in Hz, and the
        encoding they were stored in. Other chunks than `fmt ` and `data` are skipped; of chunks with the
        same name the first counts.
    Raises:
        ValueError: as `riff_chunks`, `parse_format` and `deinterleave` raise; if there is no `fmt ` or no
            `data` chunk; or the data end in the middle of a sample.
    Source: Microsoft & IBM 1991, Multimedia Programming Interface and Data Specifications 1.0, section on
        WAVE files.
    Example:
        >>> form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 8000, 16_000, 2, 8)
        >>> data = b"data" + struct.pack("<I", 4) + bytes([128, 192, 128, 64])
        >>> file = b"RIFF" + struct.pack("<I", 40) + b"WAVE" + form + data
        >>> samples, sample_rate, encoding = parse_wav(file)
        >>> samples.tolist(), sample_rate, encoding
        ([[0.0, 0.5], [0.0, -0.5]], 8000, 'uint8')
    """
    ### BEGIN SOLUTION
    found: dict[str, bytes] = {}
    for name, content in riff_chunks(data):
        found.setdefault(name, content)
    for name in ("fmt ", "data"):
        if name not in found:
            raise ValueError(f"there is no chunk {name!r}, only {', '.join(map(repr, found)) or 'nothing'}")
    form = parse_format(found["fmt "])
    values = pcm_decode(found["data"], form["encoding"])
    return deinterleave(values, form["n_channels"]), form["sample_rate"], form["encoding"]
    ### END SOLUTION


# %% [markdown] hints="parse_wav"
# 1. Four of your functions, one after the other. Which one needs what the one before returned?
# 2. A dict from name to content is handy. `dict(chunks)` would keep the *last* chunk of each name.
# 3. `for name, content in riff_chunks(data): found.setdefault(name, content)`, then `parse_format`, then
#    `pcm_decode`, then `deinterleave`.

# %% [markdown]
# ## Part 15: the writer
#
# Writing is easier: you choose what to write. One `fmt ` chunk of 16 bytes, one `data` chunk, and the
# outer box.
#
# **A number first.** Three moments of `uint8` mono: 3 bytes of data. The file is 12 (RIFF, size, WAVE) +
# 24 (`fmt `) + 8 + 3 (`data`) + 1 (padding) = 48 bytes. The size in the `data` header is 3, without the
# padding. The RIFF size is 48 − 8 = 40, with it.


# %% part="write_wav" points=3 difficulty=2 minutes=15 forbids="soundfile scipy.io wave librosa"
def write_wav(
    samples: Float[np.ndarray, "time"] | Float[np.ndarray, "time channels"],
    sample_rate: int,
    encoding: str = "int16",
) -> bytes:
    """A WAV file.

    Args:
        samples: with full scale 1, one column per channel; [time] is mono.
        sample_rate: in Hz, positive.
        encoding: as in `pcm_encode`.
    Returns:
        All bytes of the file: RIFF header, `fmt ` chunk with tag 1 or 3, `data` chunk, a byte of padding if
        the data are odd. Other chunks may stand in between.
    Raises:
        ValueError: as `pcm_encode` raises; if `samples` has no or more than two axes or no channel, or
            `sample_rate` is not positive.
    Source: Microsoft & IBM 1991, Multimedia Programming Interface and Data Specifications 1.0, section on
        WAVE files.
    Example:
        >>> len(write_wav(np.zeros(3), 8000, "uint8"))
        48
        >>> parse_wav(write_wav(np.array([[0.5, -0.5]]), 8000))[0].tolist()
        [[0.5, -0.5]]
    """
    ### BEGIN SOLUTION
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise ValueError(f"samples has shape {samples.shape}, expected [time] or [time, channels]")
    if sample_rate < 1:
        raise ValueError(f"sample_rate is {sample_rate}, expected a positive number of Hz")
    data = pcm_encode(samples.reshape(-1), encoding)
    tag, bits = next(key for key, value in FORMATS.items() if value == encoding)
    n_channels = samples.shape[1]
    block = n_channels * bits // 8
    form = struct.pack("<HHIIHH", tag, n_channels, sample_rate, sample_rate * block, block, bits)
    body = b"WAVE"
    for name, content in ((b"fmt ", form), (b"data", data)):
        body += name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body
    ### END SOLUTION


# %% [markdown] hints="write_wav"
# 1. Build from the inside out: the data, the chunks, then the outer box, whose size you know only then.
# 2. `samples.reshape(-1)` of [time, channels] is interleaved already. `bytes(k)` is k zero bytes:
#    `bytes(len(content) % 2)` is the padding.
# 3. `struct.pack("<HHIIHH", tag, channels, sample_rate, sample_rate * block, block, bits)` with
#    `block = channels * bytes_per_sample`. The outer size counts "WAVE" and all chunks with their
#    headers and padding.

# %% [markdown]
# Look at a file that you wrote, byte by byte. Then let the library open it.


# %%
def read_by_soundfile(file: bytes) -> tuple[Float[np.ndarray, "time channels"], int]:
    """Samples and sample rate of a sound file of any kind, read by the library soundfile."""
    import soundfile

    return soundfile.read(io.BytesIO(file), always_2d=True)


small = write_wav(np.array([0.0, 0.5, -0.5]), 8000, "uint8")
print("yours:", small.hex(" ", 4))
small_samples, small_rate = read_by_soundfile(small)
print(f"soundfile reads {small_samples[:, 0].tolist()} at {small_rate} Hz")

# %% [markdown]
# ## Put it together: a telephone
#
# A call from the bytes of a file to the bytes of a file, with nothing but your functions. Read a stereo WAV
# file, make it mono, lower its sample rate, squeeze it through the 8 bits of μ-law, expand, write.

# %%
studio_file = write_wav(np.stack([loud_voice, 0.5 * loud_voice], axis=1), voice_rate, "int24")


def telephone(file: bytes) -> bytes:
    """What arrives at the other end of the line, as a WAV file."""
    samples, sample_rate, _ = parse_wav(file)
    factor = round(sample_rate / 8000)  # 22 050 Hz becomes 7350 Hz: near enough to a telephone's 8000
    line = decimate(samples.mean(axis=1), factor) if factor > 1 else samples.mean(axis=1)
    return write_wav(mu_law_decode(mu_law_encode(line)), sample_rate // factor)


call = telephone(studio_file)
received, call_rate, _ = parse_wav(call)
play({"studio": loud_voice}, voice_rate)
play({"telephone": received[:, 0]}, call_rate)
print(f"studio: {len(studio_file):,} bytes; on the line: {len(received):,} codes of one byte")
plot.spectrograms({"studio": loud_voice}, voice_rate, title="Before: the whole spectrum")
plot.spectrograms({"telephone": received[:, 0]}, call_rate, title="After: nothing is left above 3500 Hz")

# %% [markdown]
# You understand every word, and you know at once that it is a telephone. Of 18 bytes, one is left.

# %% [markdown]
# ## What FLAC, MP3, OGG and OPUS do differently
#
# A WAV file stores every sample as it is. Other formats store less. There are two ways.
#
# **Lossless: FLAC.** Neighbouring samples are alike, so the next one can be *guessed*. FLAC draws a line or
# a curve through the last few samples, and stores only how far the guess was off. Small numbers need few
# bits. The reader makes the same guess and adds the error back: **every bit returns**.
#
# **A number first.** The samples 100, 110, 121, 130. Continue the line through the last two: after
# 100, 110 the guess is 120. The truth is 121, so the error is 1. The next guess is 132, the error −2. Here
# is what that does for the sentence, with this simplest of guesses.

# %%
codes = np.round(voice * 32_768).astype(np.int64)
errors = codes[2:] - (2 * codes[1:-1] - codes[:-2])


def bits_per_number(numbers: Int[np.ndarray, "n"]) -> float:
    """Entropy: the fewest bits per number on average, if each is stored by how frequent it is."""
    _, counts = np.unique(numbers, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def encoded(samples: Float[np.ndarray, "time"], sample_rate: int, container: str, subtype: str) -> bytes:
    """A sound file as soundfile writes it, from 16-bit samples."""
    import soundfile

    buffer = io.BytesIO()
    pcm = np.clip(np.rint(samples * 32_768), -32_768, 32_767).astype(np.int16)
    soundfile.write(buffer, pcm, sample_rate, format=container, subtype=subtype)
    return buffer.getvalue()


table(
    [
        {"what": "16-bit WAV", "bits per sample": 16.0},
        {"what": "the samples, by how frequent they are", "bits per sample": bits_per_number(codes)},
        {"what": "errors of the guess, by how frequent", "bits per sample": bits_per_number(errors)},
        {
            "what": "a FLAC file",
            "bits per sample": 8 * len(encoded(voice, voice_rate, "FLAC", "PCM_16")) / len(voice),
        },
    ],
    title="Why FLAC is smaller",
)

# %% [markdown]
# FLAC guesses from up to 32 samples instead of two, and anew for each short block. It also must store its
# guessing rule.
#
# **Lossy: MP3, Vorbis and Opus.** They throw away what the *ear* would miss. A loud tone hides softer ones
# beside it; nobody needs the hidden ones. So these formats cut the sound into short pieces, go to the
# frequency domain, and round each band as coarsely as the ear allows. A model of hearing decides
# that.
#
# | format | since | what it is | in speech |
# |---|---|---|---|
# | WAV | 1991 | PCM in chunks | data sets, what models read and write |
# | MP3 | 1993 | lossy, up to 320 kbit/s | podcasts, crawled training data |
# | OGG | 2000 | only the *box*; inside is Vorbis, Opus or FLAC | Vorbis: games, older web |
# | FLAC | 2001 | lossless | LibriSpeech, archives |
# | OPUS | 2012 | lossy, 6 to 510 kbit/s, for speech *and* music, little delay | calls, browsers, messengers |
#
# Now measure and listen. We take 16 000 samples per second, because Opus knows only 8, 12, 16, 24 and
# 48 kHz. To get there we borrow a resampler; your own comes in the practice.


# %%
def resample_by_scipy(
    samples: Float[np.ndarray, "time"], up: int, down: int
) -> Float[np.ndarray, "new_time"]:
    """The sample rate times up / down, by scipy."""
    from scipy.signal import resample_poly

    return resample_poly(samples, up, down)


at_16k = 0.9 * resample_by_scipy(loud_voice, 320, 441)  # 22 050 · 320 / 441 = 16 000
kinds = {
    "WAV, 16 bits": ("WAV", "PCM_16"),
    "WAV, 8 bits": ("WAV", "PCM_U8"),
    "WAV, μ-law": ("WAV", "ULAW"),
    "FLAC": ("FLAC", "PCM_16"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
    "OGG with Vorbis": ("OGG", "VORBIS"),
    "OGG with Opus": ("OGG", "OPUS"),
}
files = {name: encoded(at_16k, 16_000, *kind) for name, kind in kinds.items()}
original = parse_wav(files["WAV, 16 bits"])[0][:, 0]
copies = {name: read_by_soundfile(file)[0][:, 0] for name, file in files.items()}
table(
    [
        {
            "format": name,
            "bytes": len(file),
            "kbit/s": 8 * len(file) / (len(original) / 16_000) / 1000,
            "share of WAV [%]": 100 * len(file) / len(files["WAV, 16 bits"]),
            "bit by bit the same": np.array_equal(copies[name], original),
            "SNR [dB]": snr_db(original, copies[name]),
        }
        for name, file in files.items()
    ],
    title=f"{len(original) / 16_000:.1f} s of speech at 16 000 Hz, soundfile's default settings",
)
play({name: copies[name] for name in ("WAV, 16 bits", "WAV, 8 bits", "MP3", "OGG with Opus")}, 16_000)

# %% [markdown]
# Compare "WAV, 8 bits" with Opus. By SNR the 8-bit file is the better one. By ear it hisses, and Opus
# is clean at a fraction of the size. **The lossy formats do not try to keep the waveform. They try to keep
# what you hear.** Here is what they threw away: the difference to the original, at the same volume.

# %%
lossy = ("MP3", "OGG with Vorbis", "OGG with Opus")
play({f"lost in {name}": copies[name] - original for name in lossy}, 16_000)
plot.spectrograms(
    {"original": original, **{name: copies[name] for name in lossy}}, 16_000, title="One sentence, four files"
)

# %% [markdown]
# What was lost is a ghost of the voice, hidden under the voice itself. MP3 also dropped the highest tones
# altogether: see the dark band on top. For a listener that is fine. For
# training data remember two things. Each new encoding loses again: **keep WAV or FLAC, and encode once, at
# the very end.** And a model trained on clean files only may stumble over MP3s, so data sets mix them in.

# %% [markdown]
# ## Practice: load, inspect, plot, resample
#
# The roadmap's own task for this topic: load WAV files and plot waveforms with librosa and scipy. You load
# them with your own reader, and see whether the well-known ones agree to the last bit.
#
# **Target:** the largest difference is 0 for all six encodings, mono and stereo, with an odd and an unknown
# chunk in the way.


# %%
def read_by_librosa(file: bytes, **options) -> tuple[np.ndarray, float]:
    import librosa

    return librosa.load(io.BytesIO(file), **options)


def read_by_scipy(file: bytes) -> tuple[int, np.ndarray]:
    import scipy.io.wavfile

    return scipy.io.wavfile.read(io.BytesIO(file))


def with_stowaway(file: bytes) -> bytes:
    """The same WAV file with an unknown chunk of odd size before everything else."""
    extra = b"note" + struct.pack("<I", 5) + b"hello" + b"\0"
    return b"RIFF" + struct.pack("<I", len(file) - 8 + len(extra)) + b"WAVE" + extra + file[12:]


rows = []
for encoding in BYTES_PER_SAMPLE:
    for n_channels in (1, 2):
        clip = np.stack([seven.samples, 0.5 * seven.samples], axis=1)[:, :n_channels]
        file = with_stowaway(write_wav(clip, seven.sample_rate, encoding))
        mine, rate, _ = parse_wav(file)
        theirs, _ = read_by_soundfile(file)
        at_librosa = np.atleast_2d(read_by_librosa(file, sr=None, mono=False)[0]).T
        rows.append(
            {
                "encoding": encoding,
                "channels": n_channels,
                "bytes": len(file),
                "largest difference to soundfile": np.abs(mine - theirs).max(),
                "to librosa": np.abs(mine.astype(np.float32) - at_librosa).max(),
            }
        )
table(rows, title="Your reader beside soundfile and librosa (which gives 32-bit floats)")
assert all(row["largest difference to soundfile"] == row["to librosa"] == 0 for row in rows)

# %% [markdown]
# Now inspect and plot one file, with scipy and with librosa. Mind the units: **scipy gives raw whole
# numbers, librosa gives floats and by default changes the sample rate to 22 050 Hz.** `sr=None` stops it.

# %%
file = write_wav(seven.samples, seven.sample_rate)
scipy_rate, scipy_samples = read_by_scipy(file)
librosa_samples, librosa_rate = read_by_librosa(file)
mine, my_rate, _ = parse_wav(file)
table(
    [
        {
            "reader": name,
            "sample rate": rate,
            "samples": len(x),
            "type": str(x.dtype),
            "peak": np.abs(x).max(),
        }
        for name, rate, x in (
            ("your parse_wav", my_rate, mine[:, 0]),
            ("scipy.io.wavfile.read", scipy_rate, scipy_samples),
            ("librosa.load, no options", librosa_rate, librosa_samples),
        )
    ],
    title="One file, three readers",
)
plot.waveform(scipy_samples / 32_768, scipy_rate, title="“seven”, read by scipy, divided by 32 768")
plot.waveform(librosa_samples, librosa_rate, title="“seven”, read and resampled by librosa")

# %% [markdown]
# ### Resample by hand
#
# librosa changed the sample rate by itself. Do the same by hand, between *any* two rates: 22 050 to 16 000,
# 44 100 to 16 000, 8000 to 16 000.
#
# Output sample $m$ lies at the time $t = m \cdot f_\text{old} / f_\text{new}$, measured in old samples.
# That is mostly *between* two of them. What is the value there?
#
# The quick answer is a straight line between the neighbours, `np.interp`. The right answer is the sinc of
# Part 3 again. A signal without tones above the Nyquist frequency is determined everywhere by its samples:
# put a sinc on each sample, as high as the sample, and add them up. (That is the sampling theorem of
# Nyquist and Shannon. The next lab proves it.) As in Part 3 the sinc is faded out, here by $\cos^2$ after $Z$
# of its zeros, and stretched by $r$, so that it also removes what the new rate cannot hold:
#
# $$y_m = \sum_k x_k\, g(t - k), \qquad g(\tau) = r\,\mathrm{sinc}(r\tau) \cos^2\frac{\pi r \tau}{2 Z}
# \ \text{ for } |r \tau| < Z, \text{ else } 0, \qquad
# r = 0.9 \cdot \min\left(1, \frac{f_\text{new}}{f_\text{old}}\right).$$
#
# **A number first.** From 8000 to 16 000: $r = 0.9$. Output sample 5 lies at $t = 2.5$, half way between
# samples 2 and 3. Both get the weight $g(0.5) = 0.9 \cdot \mathrm{sinc}(0.45) \cdot 0.998 = 0.628$. The
# next two, samples 1 and 4, get $g(1.5) = -0.178$, and so on, ever less, until $|r\tau|$ reaches 16.
#
# **Target:** resampling a tone that both rates can hold must come out at 60 dB SNR or better, compared with
# sampling that tone at the new rate. And a tone that the new rate cannot hold must be 40 dB down or more.

# %%
ROLLOFF = 0.9  # as CUTOFF_SHARE: the slope of the filter ends where aliasing would begin


# %% part="resample" points=5 difficulty=4 minutes=25 forbids="scipy.signal librosa soxr torchaudio"
def resample(
    samples: Float[np.ndarray, "time"], from_rate: int, to_rate: int, zero_crossings: int = 16
) -> Float[np.ndarray, "new_time"]:
    """Change the sample rate by windowed-sinc interpolation.

    Args:
        samples: waveform, one channel, any unit; integers are welcome.
        from_rate: its sample rate in Hz.
        to_rate: the wanted sample rate in Hz.
        zero_crossings: Z, how far the sinc reaches to either side, in its own zeros.
    Returns:
        ceil(time * to_rate / from_rate) samples, float64. Sample m is the sum over k of
        samples[k] * g(m * from_rate / to_rate - k) with g(τ) = r sinc(r τ) cos²(π r τ / (2 Z)) where
        |r τ| < Z, else 0, and r = 0.9 * min(1, to_rate / from_rate). With equal rates the samples stay as
        they are.
    Raises:
        ValueError: if a rate or `zero_crossings` is less than 1, or `samples` is not one-dimensional.
    Source: Smith, Digital Audio Resampling Home Page, "Theory of ideal bandlimited interpolation"; Smith &
        Gossett 1984, A flexible sampling-rate conversion method.
    Example:
        >>> resample(np.ones(100), 8000, 16_000)[60:63].round(3).tolist()
        [1.0, 1.0, 1.0]
        >>> resample(np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0]), 8000, 16_000)[5].round(3).item()
        0.628
    """
    ### BEGIN SOLUTION
    if from_rate < 1 or to_rate < 1 or zero_crossings < 1:
        raise ValueError(
            f"from_rate is {from_rate}, to_rate is {to_rate} and zero_crossings is {zero_crossings}, "
            "expected at least 1 each"
        )
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 1:
        raise ValueError(f"samples has shape {samples.shape}, expected one channel: [time]")
    if from_rate == to_rate:
        return samples.copy()
    stretch = ROLLOFF * min(1, to_rate / from_rate)
    reach = int(np.ceil(zero_crossings / stretch))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, reach + 1), 2 * reach + 1)[1:]
    output = np.empty(-(-len(samples) * to_rate // from_rate))
    # the same fractions of a step come again and again: the weights of each are computed once
    up, down = to_rate // math.gcd(from_rate, to_rate), from_rate // math.gcd(from_rate, to_rate)
    for first in range(up):
        nearest, fraction = divmod(first * down, up)
        distance = stretch * (fraction / up - np.arange(-reach, reach + 1))
        weights = stretch * np.sinc(distance) * np.cos(np.pi * distance / (2 * zero_crossings)) ** 2
        weights[np.abs(distance) >= zero_crossings] = 0
        output[first::up] = windows[nearest : len(samples) : down] @ weights
    return output
    ### END SOLUTION


# %% [markdown] hints="resample"
# 1. Write it for one output sample first, with a loop over all $k$. Then notice that only samples within
#    $Z / r$ of $t$ get a weight.
# 2. A column of times minus a row of positions is a matrix of distances τ, one row for each output. Zeros
#    put before and after the signal (`np.pad`) save you from asking about its ends.
# 3. `reach = ceil(Z / r)`, `near = floor(times)[:, None] + np.arange(-reach, reach + 1)`,
#    `weights = r * np.sinc(r * tau) * np.cos(np.pi * r * tau / (2 * Z)) ** 2` with
#    `weights[abs(r * tau) >= Z] = 0`, then `(np.pad(samples, reach)[near + reach] * weights).sum(axis=1)`.


# %%
def straight_lines(samples: Float[np.ndarray, "time"], from_rate: int, to_rate: int) -> np.ndarray:
    """Resampling by straight lines between the samples."""
    count = -(-len(samples) * to_rate // from_rate)
    return np.interp(np.arange(count) * from_rate / to_rate, np.arange(len(samples)), samples)


def tone_snr(method, frequency: float, from_rate: int, to_rate: int) -> float:
    """SNR of a resampled tone against the same tone sampled at the new rate, without the ends."""
    made = method(sample_tone(frequency, 0.5, from_rate), from_rate, to_rate)
    true = sample_tone(frequency, 0.5, to_rate)[: len(made)]
    inner = slice(to_rate // 20, len(true) - to_rate // 20)  # 50 ms at either end
    return snr_db(true[inner], made[: len(true)][inner])


def level_left(method, frequency: float, from_rate: int, to_rate: int) -> float:
    """Level of what remains of a tone of amplitude 1, in dB below it, without the ends."""
    made = method(sample_tone(frequency, 0.5, from_rate), from_rate, to_rate)
    inner = made[to_rate // 20 : -to_rate // 20]
    return float(10 * np.log10(max(2 * np.mean(inner**2), 1e-20)))


rows = []
for from_rate, to_rate in ((44_100, 16_000), (22_050, 16_000), (48_000, 22_050), (8000, 16_000)):
    half = min(from_rate, to_rate) / 2
    row = {
        "from": from_rate,
        "to": to_rate,
        "tones kept, worst SNR [dB]": min(
            tone_snr(resample, f, from_rate, to_rate) for f in (200, 1000, 0.6 * half)
        ),
        "straight lines": min(
            tone_snr(straight_lines, f, from_rate, to_rate) for f in (200, 1000, 0.6 * half)
        ),
        "target": 60,
    }
    if to_rate < from_rate:
        row["tone too high, left [dB]"] = level_left(resample, 1.25 * half, from_rate, to_rate)
        row["left by straight lines"] = level_left(straight_lines, 1.25 * half, from_rate, to_rate)
    rows.append(row)
table(rows, title="Your resample: tones at 200 Hz, 1000 Hz and 0.6 of the lower Nyquist frequency")
assert all(row["tones kept, worst SNR [dB]"] >= 60 for row in rows)
assert all(row.get("tone too high, left [dB]", -99) <= -40 for row in rows)

# %% [markdown]
# And by ear: the sentence at 8000 Hz, made by your function and by straight lines. Straight lines alias.

# %%
play(
    {
        "your resample": resample(loud_voice, voice_rate, 8000),
        "straight lines": straight_lines(loud_voice, voice_rate, 8000),
    },
    8000,
)

# %% [markdown]
# ## Against the library
#
# Now everything beside its well-known counterpart. For decimation, scipy gets your own taps. For resampling,
# scipy and soxr (which librosa uses) have filters of their own.

# %%
seconds = 2 if fast_mode() else 10
noise = np.random.default_rng(1).normal(0, 0.1, seconds * 48_000)
stereo_file = write_wav(noise.reshape(-1, 2), 48_000, "int24")


def decimate_by_scipy() -> Float[np.ndarray, "time"]:
    from scipy.signal import resample_poly

    taps = lowpass_fir(CUTOFF_SHARE / 12, 1.0, TAPS_PER_STEP * 6 + 1)
    return resample_poly(noise, 1, 6, window=taps)


def resample_by_soxr() -> Float[np.ndarray, "time"]:
    import librosa

    return librosa.resample(noise, orig_sr=48_000, target_sr=16_000, res_type="soxr_hq")


comparisons = {
    "read a 24-bit stereo WAV": (
        lambda: parse_wav(stereo_file)[0],
        lambda: read_by_soundfile(stereo_file)[0],
        "soundfile",
    ),
    "decimate by 6": (lambda: decimate(noise, 6), decimate_by_scipy, "scipy, same filter"),
    "resample 48 000 → 16 000": (
        lambda: resample(noise, 48_000, 16_000),
        lambda: resample_by_scipy(noise, 1, 3),
        "scipy",
    ),
    "the same again": (lambda: resample(noise, 48_000, 16_000), resample_by_soxr, "soxr"),
}
rows = []
for name, (yours, library, who) in comparisons.items():
    same = snr_db(library(), yours()[: len(library())])
    mine_s, theirs_s = stopwatch(yours, repeat=3), stopwatch(library, repeat=3)
    rows.append(
        {
            "task": name,
            "library": who,
            "SNR between both [dB]": same,
            "yours [ms]": 1000 * mine_s,
            "library [ms]": 1000 * theirs_s,
            "yours takes": f"{mine_s / theirs_s:.2f} ×",
        }
    )
table(rows, title=f"{seconds} s of noise at 48 000 Hz")

# %% [markdown]
# `parse_wav` agrees to the bit and `decimate` to the last rounding. `resample` differs from both libraries
# on noise, which fills the whole band, because their filters keep more than 0.9 of it.
#
# If your `resample` takes seconds: from 48 000 to 16 000 Hz *every* output sample lies exactly on an input
# sample, so all have the same weights. From 44 100 to 16 000 there are 160 different fractions of a step.
# Compute the weights once for each. The lab on pre-processing makes more of that.
#
# Two surprises hide in the libraries.
#
# **The telephone's μ-law is not quite the formula.** The standard G.711 replaces the logarithm by eight
# straight pieces on each side of zero, so that a chip of the 1970s could do it. And **soundfile rounds
# floats down** when it writes them as whole numbers, where you round to the nearest. Its error is then up
# to a whole step instead of half a step. The mean square is four times as large: 6 dB, one bit.


# %%
def stored_by_soundfile(samples: Float[np.ndarray, "time"], subtype: str) -> Float[np.ndarray, "time"]:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV", subtype=subtype)
    return read_by_soundfile(buffer.getvalue())[0][:, 0]


test_voice = 0.5 * at_16k
table(
    [
        {
            "stored as": "8 bits, μ-law",
            "yours [dB]": snr_db(test_voice, mu_law_decode(mu_law_encode(test_voice))),
            "soundfile [dB]": snr_db(test_voice, stored_by_soundfile(test_voice, "ULAW")),
        },
        *(
            {
                "stored as": f"{encoding}, from floats",
                "yours [dB]": snr_db(test_voice, pcm_decode(pcm_encode(test_voice, encoding), encoding)),
                "soundfile [dB]": snr_db(test_voice, stored_by_soundfile(test_voice, subtype)),
            }
            for encoding, subtype in (("int16", "PCM_16"), ("int24", "PCM_24"))
        ),
    ],
    title="SNR of the sentence after storing it",
)

# %% [markdown]
# ## Where it breaks
#
# Your functions are exact, and SNR measures how exact. But is SNR what you *hear*? Four copies of the
# sentence. Guess from the players which one has the worst SNR, then look at the table.


# %%
def delayed(samples: Float[np.ndarray, "time"], seconds: float, sample_rate: int) -> np.ndarray:
    shift = round(seconds * sample_rate)
    return np.concatenate([np.zeros(shift), samples[: len(samples) - shift]])


def dispersed(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    """Through 16 all-pass filters: each tone keeps its strength exactly; low tones come up to 3 ms later."""
    from scipy.signal import lfilter

    for _ in range(16):
        samples = lfilter([-0.5, 1], [1, -0.5], samples)
    return samples


changed = {
    "1 ms later": delayed(original, 0.001, 16_000),
    "upside down": -original,
    "low tones later": dispersed(original),
    "6 bits": quantize(original, 6),
}
play(changed, 16_000)
table(
    [{"copy": name, "SNR [dB]": snr_db(original, copy)} for name, copy in changed.items()],
    title="What the waveform says",
)
piece = slice(*(int(np.argmax(np.abs(original))) + np.array([-160, 160])))
plot.lines(
    {
        "original": (np.arange(320) / 16, original[piece]),
        "low tones later": (np.arange(320) / 16, changed["low tones later"][piece]),
    },
    x_label="time [ms]",
    y_label="amplitude",
    title="Two waveforms of one sound",
)
plot.spectrograms(
    {"original": original, "low tones later": changed["low tones later"]},
    16_000,
    title="Their strengths over time and frequency",
)

# %% [markdown]
# The first two copies cannot be told from the original, and the third hardly. Their SNR is below 0 dB: by
# that measure the error is stronger than the voice. The fourth hisses, and has by far the best. **The
# waveform is the wrong place to look for what is heard.** The pictures show where to look: the waveforms
# have little in common, and the strengths over time and frequency are the same.
#
# A machine that listens should look there, too. The next lab builds the way there and back: **the Fourier
# transform.**

# %% [markdown]
# ## Read on
#
# - Shannon, *Communication in the presence of noise*, Proc. IRE 37, 1949: section II, one page, the sampling
#   theorem.
# - Lipshitz, Wannamaker and Vanderkooy, *Quantization and dither: a theoretical survey*, J. Audio Eng. Soc.
#   40(5), 1992: sections 1 to 4.
# - Microsoft and IBM, *Multimedia Programming Interface and Data Specifications 1.0*, 1991: chapter 3, WAVE.
# - van den Oord et al., *WaveNet: a generative model for raw audio*, 2016: section 2.2, why 256 codes.
# - Valin, Vos and Terriberry, *RFC 6716: Definition of the Opus audio codec*, 2012: section 2, an overview.
# - Coalson and others, *RFC 9639: Free Lossless Audio Codec*, 2024: section 3, how it guesses.
# - Oppenheim and Schafer, *Discrete-Time Signal Processing*, chapter 4: sampling, decimation, quantisation.
