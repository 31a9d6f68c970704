"""Corpora by purpose and by name.

By purpose: recordings where this machine has them, synthetic speech where not; a printed line says which,
unless `announce` is False. By name: that corpus, or an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from labkit.corpora import (
    catalogue,
    free_spoken_digits,
    segments,
    synthetic_digits,
    synthetic_languages,
    synthetic_phones,
    synthetic_sentences,
    synthetic_voices,
)
from labkit.corpora import noise as noise_recipes
from labkit.corpora.clip import Corpus
from labkit.corpora.errors import CorpusNotFound


def _first(what: str, recorded: Callable[[], Corpus], made: Callable[[], Corpus], announce: bool) -> Corpus:
    try:
        corpus = recorded()
    except CorpusNotFound:
        corpus = made()
    if announce:
        count = f"{len(corpus)} {'recordings' if corpus.real else 'synthetic clips'}"
        voices = len(corpus.speakers)
        who = f" of {voices} {'voice' if voices == 1 else 'voices'}" if voices else ""
        licence = f" ({corpus.licence})" if corpus.real else ""
        print(f"{what}: {corpus.name}, {count}{who}, {corpus.sample_rate} Hz{licence}.")
    return corpus


def digits(announce: bool = True) -> Corpus:
    """Spoken digits at 8 kHz: the recordings of FSDD if they are on this machine, else synthetic ones.

    Args:
        announce: whether to print one line that says which.
    Raises:
        CorpusDamaged: if the recordings are here but not as their checksums promise.
    """
    try:
        corpus = fsdd()
    except CorpusNotFound:
        corpus = synth_digits()
    if announce:
        if corpus.real:
            print(
                f"Digits: FSDD, {len(corpus)} recordings of {len(corpus.speakers)} people ({corpus.licence})."
            )
        else:
            print(
                f"Digits: synthetic, {len(corpus)} clips by {len(corpus.speakers)} voices of eSpeak NG. "
                "For recordings of people: speechlab data get fsdd"
            )
    return corpus


def noises(sample_rate: int = 16000, announce: bool = True) -> Corpus:
    """Noise: the mirror's five recordings, else generated: white, pink, babble and hum.

    Args:
        sample_rate: in Hz; recordings are resampled to it.
        announce: whether to print one line that says which.
    Returns:
        Clips without text or speaker; `label` names the noise. For generated noise in any case:
        `corpora.generated_noises`.
    """
    return _first(
        "Noises",
        lambda: noise_recipes.recorded(sample_rate),
        lambda: noise_recipes.generated(sample_rate),
        announce,
    )


def noisy_digits(
    snrs_db: Sequence[float] = noise_recipes.SNRS_DB,
    speech: Corpus | None = None,
    noise: Corpus | None = None,
    announce: bool = True,
) -> Corpus:
    """Spoken digits in noise: every clip once at every signal-to-noise ratio.

    A clip is mixed when its samples are asked for. The speech keeps its level; the peak of the mixture may
    be above 1.

    Args:
        snrs_db: signal-to-noise ratios in dB, of power over the whole clip.
        speech: what to mix; default: all of `digits()`. Select before, as in digits.split("test").
        noise: at the same sample rate; default: `noises()`. Each clip gets one of them.
        announce: whether to print which digits and which noises these are.
    Returns:
        Clips as in `speech`; `info` holds "snr_db", "noise" (its label) and "clean" (the clip itself).
    Raises:
        ValueError: if `snrs_db` is empty, or the sample rates differ.
    """
    if len(snrs_db) == 0:
        raise ValueError("snrs_db is empty, expected at least one signal-to-noise ratio in dB")
    clean = digits(announce) if speech is None else speech
    added = noises(clean.sample_rate, announce) if noise is None else noise
    if added.sample_rate != clean.sample_rate:
        raise ValueError(
            f"noise has {added.sample_rate} Hz and speech {clean.sample_rate} Hz, expected the same: "
            f"corpora.noises({clean.sample_rate})"
        )
    return noise_recipes.add_noise(clean, added, snrs_db, "noisy_digits")


def ljspeech(announce: bool = True) -> Corpus:
    """One reader's sentences at 22 050 Hz: the mirror's LJ Speech, else the first hundred of synth_ljs.

    The synthetic clips know their `phonemes` and `words`, the recordings do not.
    """
    return _first("One voice", lambda: catalogue.load("ljspeech"), lambda: synth_ljs(100), announce)


def vctk(announce: bool = True) -> Corpus:
    """Several readers at 16 kHz: the mirror's VCTK (three people, ten sentences each), else synth_voices."""
    return _first("Several voices", lambda: catalogue.load("vctk"), lambda: synth_voices(8, 10), announce)


def speech_segments(announce: bool = True) -> Corpus:
    """Speech with pauses at 16 kHz, in which stretches of speech are marked: for voice activity detection.

    The mirror's two recordings of SpeechBrain, else six synthetic clips with exact marks.

    Returns:
        Clips whose `info` holds "speech_segments", a list of [start, end] in seconds, valid up to
        "labelled_until" seconds. What comes after that is not marked: leave it out of any count.
    """
    return _first("Marked speech", segments.recorded, segments.synthetic, announce)


def fsdd() -> Corpus:
    """Free Spoken Digit Dataset: 3000 recordings, six people, 8 kHz.

    Split: recordings 0 to 4 of each word and speaker are "test", 5 to 49 "train". The same people are in
    both. Their levels differ by 20 dB and more; normalise, or a model learns level.

    Raises:
        CorpusNotFound: if it is neither in the cache nor in the mirror.
        CorpusDamaged: if it is, but not as its checksums promise.
    Source: github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0.
    """
    return free_spoken_digits.load()


def synth_digits() -> Corpus:
    """Synthetic digits: 24 voices of eSpeak NG, 3 rates, 2 pitches, 8 kHz; made on first use.

    Split: six voices are "test", none of which is in "train". Numbers from synthetic speech say little
    about recordings: every repetition of a voice is far more alike than a person's.

    Raises:
        CorpusError: if eSpeak NG is not installed or fails.
    """
    return synthetic_digits.load(progress=True)


def synth_ljs(sentences: int = 100) -> Corpus:
    """One synthetic voice, 22 050 Hz; made on first use, fifty sentences at a time.

    Every clip knows its `phonemes` (IPA with stress marks; "sil" for pauses) and `words` with times. Every
    tenth sentence is "test".

    Args:
        sentences: how many, up to 1600.
    """
    return synthetic_sentences.load(sentences)


def synth_voices(speakers: int = 20, sentences: int = 10) -> Corpus:
    """Synthetic voices, 16 kHz: women and men in turn; made on first use, one voice at a time.

    Args:
        speakers: how many, up to 40; a quarter of every eight is "test".
        sentences: how many of each, up to 30. The first ten are the same for all; the others only one reads.
    Returns:
        Clips with `phonemes` and `words`; `info` holds "gender", "accent" and "shared".
    """
    return synthetic_voices.load(speakers, sentences)


def synth_timit(speakers: int | None = None) -> Corpus:
    """Synthetic American English, 16 kHz, ten sentences by each of 32 voices, with TIMIT's phone labels.

    `phonemes` are in the 61 labels of TIMIT; `timit.fold` makes 39 of them. A quarter of the speakers are
    "test"; but for the two sentences that all read, no text is in both splits.

    Args:
        speakers: how many, 4 to 32; default all.
    """
    return synthetic_phones.load(speakers)


def synth_langs(languages: Collection[str] | None = None) -> Corpus:
    """Eight sentences in each of eighteen languages by the same six voices, 16 kHz.

    Two of the voices are "test". `language` is the code.

    Args:
        languages: codes such as ["de", "fr"]; default all.
    """
    return synthetic_languages.load(languages)
