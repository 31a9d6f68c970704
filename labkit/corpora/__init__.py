"""Speech to work on: recordings where they can be found, synthetic speech where not.

    digits = corpora.digits()                     # says which digits these are
    clip = digits.clip("seven", speaker=0)
    clip.samples, clip.sample_rate, clip.text

Recordings, or a stand-in, with a printed line that says which:

    digits()  noisy_digits()  ljspeech()  vctk()  speech_segments()  noises()

Synthetic speech, made on first use and only as much as is asked for; clips know their `phonemes` and
`words` with times:

    synth_digits()  synth_ljs(200)  synth_voices(20)  synth_timit()  synth_langs(["de", "fr"])

Order: the cache, the folder named by SPEECHLAB_MIRROR, and the internet only when `get` is called.
"""

from __future__ import annotations

from labkit.corpora import mirrors
from labkit.corpora.audio import read_audio
from labkit.corpora.catalogue import CorpusInfo, get, info, list_corpora, load
from labkit.corpora.clip import Clip, Corpus
from labkit.corpora.errors import CorpusDamaged, CorpusError, CorpusNotFound, DownloadFailed, UnreadableAudio
from labkit.corpora.manifest import read_manifest, write_manifest
from labkit.corpora.noise import generated as generated_noises
from labkit.corpora.standins import (
    digits,
    fsdd,
    ljspeech,
    noises,
    noisy_digits,
    speech_segments,
    synth_digits,
    synth_langs,
    synth_ljs,
    synth_timit,
    synth_voices,
    vctk,
)
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
    "generated_noises",
    "get",
    "info",
    "list_corpora",
    "ljspeech",
    "load",
    "mirror",
    "mirror_dir",
    "noises",
    "noisy_digits",
    "read_audio",
    "read_manifest",
    "speech_segments",
    "synth_digits",
    "synth_langs",
    "synth_ljs",
    "synth_timit",
    "synth_voices",
    "vctk",
    "write_manifest",
]


def mirror(name: str) -> Corpus:
    """A corpus as it lies in the folder named by SPEECHLAB_MIRROR: `name`/manifest.jsonl.

    Args:
        name: such as "ljspeech", "vctk", "librispeech", "jfk", "speechbrain_speech" or "noise_rir".
    Raises:
        CorpusNotFound: if it is not there; the message says what to do.
    """
    try:
        licence = info(name).licence
    except CorpusNotFound:  # an institution's own folder, which the catalogue does not know
        licence = ""
    return mirrors.load(name, licence)


def available() -> list[CorpusInfo]:
    """The corpora that can be loaded on this machine without a network."""
    return [entry for entry in list_corpora() if entry.state != "absent" or not entry.real]
