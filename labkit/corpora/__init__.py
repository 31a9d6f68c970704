"""Speech to work on: recordings where they can be found, synthetic speech where not.

    digits = corpora.digits()                     # says which digits these are
    clip = digits.clip("seven", speaker=0)
    clip.samples, clip.sample_rate, clip.text

Order: the cache, the folder named by SPEECHLAB_MIRROR, and the internet only when `get` is called.
"""

from __future__ import annotations

from labkit.corpora import free_spoken_digits, mirrors, synthetic_digits
from labkit.corpora.audio import read_audio
from labkit.corpora.catalogue import CorpusInfo, get, info, list_corpora, load
from labkit.corpora.clip import Clip, Corpus
from labkit.corpora.errors import CorpusDamaged, CorpusError, CorpusNotFound, DownloadFailed, UnreadableAudio
from labkit.corpora.manifest import read_manifest, write_manifest
from labkit.corpora.store import cache_dir, mirror_dir

__all__ = [
    "Clip",
    "Corpus",
    "CorpusDamaged",
    "CorpusError",
    "CorpusInfo",
    "CorpusNotFound",
    "DownloadFailed",
    "UnreadableAudio",
    "available",
    "cache_dir",
    "digits",
    "fsdd",
    "get",
    "info",
    "list_corpora",
    "load",
    "mirror",
    "mirror_dir",
    "read_audio",
    "read_manifest",
    "synth_digits",
    "write_manifest",
]


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


def mirror(name: str) -> Corpus:
    """A corpus as it lies in the folder named by SPEECHLAB_MIRROR: `name`/manifest.jsonl.

    Args:
        name: such as "ljspeech", "vctk", "librispeech", "jfk", "speechbrain_speech" or "noise_rir".
    Raises:
        CorpusNotFound: if it is not there; the message says what to do.
    """
    known = {entry.name: entry.licence for entry in list_corpora()}
    return mirrors.load(name, known.get(name, ""))


def available() -> list[CorpusInfo]:
    """The corpora that can be loaded on this machine without a network."""
    return [entry for entry in list_corpora() if entry.state != "absent" or not entry.real]
