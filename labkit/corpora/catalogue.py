"""Which corpora there are, in what state, and one way to load or get each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.corpora import (
    blocks,
    free_spoken_digits,
    mirrors,
    noise,
    synthetic_digits,
    synthetic_languages,
    synthetic_phones,
    synthetic_sentences,
    synthetic_voices,
)
from labkit.corpora.clip import Corpus
from labkit.corpora.errors import CorpusNotFound


@dataclass(frozen=True)
class CorpusInfo:
    """What is known about a corpus without loading it.

    Attributes:
        name: what `load` and `get` take.
        title: in words.
        real: True for recordings, False for synthetic speech.
        state: "cached" (in the cache), "partly" (some of it is in the cache), "mirror" (in the mirror
            folder), or "absent".
        path: where it lies, or None.
        clips, speakers: how many.
        seconds: of sound, altogether.
        sample_rate: in Hz.
        megabytes: on disk, once here.
        splits: how it is divided.
        licence: of the sound.
        source: where it comes from.
        use: what it is for.
        how: how to get it, as a sentence.
        card: the file that tells more, or None where it is not installed.
    """

    name: str
    title: str
    real: bool
    state: str
    path: Path | None
    clips: int
    speakers: int
    seconds: float
    sample_rate: int
    megabytes: float
    splits: str
    licence: str
    source: str
    use: str
    how: str
    card: Path | None


@dataclass(frozen=True)
class _Entry:
    title: str
    real: bool
    clips: int
    speakers: int
    seconds: float
    sample_rate: int
    megabytes: float
    splits: str
    licence: str
    source: str
    use: str
    how: str
    load: Callable[[], Corpus]
    locate: Callable[[], tuple[str, Path | None]]
    get: Callable[[bool], Path]


_MIRROR_ONLY = "Read from the folder that SPEECHLAB_MIRROR names; there is no download."


def _locate_synthetic() -> tuple[str, Path | None]:
    place = synthetic_digits.folder()
    return ("cached", place) if place.exists() else ("absent", None)


def _locate_fsdd() -> tuple[str, Path | None]:
    place = free_spoken_digits.folder()
    if place.exists():
        return "cached", place
    recordings = free_spoken_digits.in_mirror()
    return ("mirror", recordings) if recordings else ("absent", None)


def _get_synthetic(progress: bool) -> Path:
    synthetic_digits.load(progress=progress)
    return synthetic_digits.folder()


def _from_mirror(name: str, licence: str, **facts: Any) -> _Entry:
    def locate() -> tuple[str, Path | None]:
        place = mirrors.folder(name)
        return ("mirror", place) if place else ("absent", None)

    def get(progress: bool) -> Path:
        mirrors.load(name, licence)  # says what to do if it is not there, and that it can be read
        return locate()[1] or Path()

    return _Entry(
        real=True,
        licence=licence,
        how=_MIRROR_ONLY,
        load=lambda: mirrors.load(name, licence),
        locate=locate,
        get=get,
        **facts,
    )


def _made_in_blocks(recipe: Callable[[], blocks.BlockRecipe], **facts: Any) -> _Entry:
    def get(progress: bool) -> Path:
        blocks.load(recipe(), progress=progress)
        return blocks.folder(recipe())

    return _Entry(
        real=False,
        licence=blocks.LICENCE,
        source="eSpeak NG through the package espeakng-loader",
        how="Made on first use, as much as is asked for, without a network; `get` makes all of it.",
        load=lambda: blocks.load(recipe(), progress=True),
        locate=lambda: blocks.state(recipe()),
        get=get,
        **facts,
    )


def _clean_digits() -> str:
    return "synth_digits" if _locate_fsdd()[1] is None else "fsdd"


def _load_noisy_digits() -> Corpus:
    clean = _entry(_clean_digits()).load()
    try:
        noises = noise.recorded(clean.sample_rate)
    except CorpusNotFound:
        noises = noise.generated(clean.sample_rate)
    return noise.add_noise(clean, noises, noise.SNRS_DB, "noisy_digits")


_ENTRIES = {
    "synth_digits": _Entry(
        title="Synthetic spoken digits",
        real=False,
        clips=1440,
        speakers=24,
        seconds=774.9,
        sample_rate=8000,
        megabytes=12.8,
        splits="train: 18 voices; test: 6 other voices",
        licence=synthetic_digits.LICENCE,
        source="eSpeak NG through the package espeakng-loader",
        use="digit recognition where no recordings are at hand",
        how="Made on first use, in a few seconds, without a network.",
        load=synthetic_digits.load,
        locate=_locate_synthetic,
        get=_get_synthetic,
    ),
    "fsdd": _Entry(
        title="Free Spoken Digit Dataset",
        real=True,
        clips=3000,
        speakers=6,
        seconds=1312.3,
        sample_rate=8000,
        megabytes=21.7,
        splits="train: recordings 5 to 49; test: recordings 0 to 4; the same six speakers in both",
        licence=free_spoken_digits.LICENCE,
        source="github.com/Jakobovski/free-spoken-digit-dataset",
        use="recognition of isolated words",
        how="`speechlab data get fsdd`: from SPEECHLAB_MIRROR, or 16 MB from github.com.",
        load=free_spoken_digits.load,
        locate=_locate_fsdd,
        get=lambda progress: free_spoken_digits.get(progress=progress),
    ),
    "synth_ljs": _made_in_blocks(
        synthetic_sentences.recipe,
        title="Synthetic sentences by one voice",
        clips=1600,
        speakers=1,
        seconds=5159.5,
        sample_rate=22050,
        megabytes=230.2,
        splits="train: nine sentences of ten; test: every tenth",
        use="synthesis: one voice, with exact times of phonemes and words",
    ),
    "synth_voices": _made_in_blocks(
        synthetic_voices.recipe,
        title="Synthetic sentences by forty voices",
        clips=1200,
        speakers=40,
        seconds=3913.0,
        sample_rate=16000,
        megabytes=127.3,
        splits="train: 30 voices; test: 10 other voices",
        use="telling voices apart; the same and different sentences by many voices",
    ),
    "synth_timit": _made_in_blocks(
        synthetic_phones.recipe,
        title="Synthetic sentences with TIMIT's phone labels",
        clips=320,
        speakers=32,
        seconds=1121.4,
        sample_rate=16000,
        megabytes=36.6,
        splits="train: 24 voices; test: 8 other voices, other sentences but for two",
        use="recognition of phonemes: 61 labels with times, folded to 39",
    ),
    "synth_langs": _made_in_blocks(
        synthetic_languages.recipe,
        title="Synthetic sentences in eighteen languages",
        clips=864,
        speakers=6,
        seconds=1979.4,
        sample_rate=16000,
        megabytes=64.5,
        splits="train: 4 voices; test: 2 other voices, the same sentences",
        use="telling languages apart; recognition in several languages",
    ),
    "noisy_digits": _Entry(
        title="Spoken digits in noise",
        real=False,
        clips=5760,
        speakers=24,
        seconds=3099.4,
        sample_rate=8000,
        megabytes=0.0,
        splits="as the digits'",
        licence="as its digits and noises; nobody's recordings where both are synthetic",
        source="fsdd and noise_rir where they are on this machine, else synth_digits and generated noise",
        use="recognition of isolated words in noise of known strength",
        how="Mixed on first use from digits and noises that are here; nothing is written.",
        load=_load_noisy_digits,
        locate=lambda: _entry(_clean_digits()).locate(),
        get=lambda progress: _entry(_clean_digits()).get(progress),
    ),
    "ljspeech": _from_mirror(
        "ljspeech",
        "public domain",
        title="LJ Speech (excerpt)",
        clips=27,
        speakers=1,
        seconds=174.8,
        sample_rate=22050,
        megabytes=4.5,
        splits="none",
        source="keithito.com/LJ-Speech-Dataset, LibriVox 2016-17",
        use="synthesis: one reader, sentences with normalised text",
    ),
    "vctk": _from_mirror(
        "vctk",
        "CC BY 4.0",
        title="VCTK (excerpt)",
        clips=30,
        speakers=3,
        seconds=212.6,
        sample_rate=16000,
        megabytes=4.1,
        splits="none",
        source="CSTR, University of Edinburgh",
        use="several speakers reading the same sentences",
    ),
    "librispeech": _from_mirror(
        "librispeech",
        "CC BY 4.0",
        title="LibriSpeech (one utterance)",
        clips=1,
        speakers=1,
        seconds=8.7,
        sample_rate=16000,
        megabytes=0.2,
        splits="none",
        source="openslr.org/12",
        use="one read sentence with its transcript",
    ),
    "jfk": _from_mirror(
        "jfk",
        "not stated for the recording",
        title="Inaugural address of 1961 (one sentence)",
        clips=1,
        speakers=1,
        seconds=11.0,
        sample_rate=44100,
        megabytes=1.2,
        splits="none",
        source="github.com/openai/whisper, tests/jfk.flac",
        use="a sentence from an old recording, stereo, with a crowd",
    ),
    "speechbrain_speech": _from_mirror(
        "speechbrain_speech",
        "not stated for the recordings; repository Apache-2.0",
        title="SpeechBrain's test clips",
        clips=18,
        speakers=6,
        seconds=56.2,
        sample_rate=16000,
        megabytes=0.9,
        splits="none",
        source="github.com/speechbrain/speechbrain, tests/samples",
        use="Harvard sentences with phone labels; clips with marked speech segments",
    ),
    "noise_rir": _from_mirror(
        "noise_rir",
        "not stated for the recordings; repositories Apache-2.0",
        title="Noises and room impulse responses",
        clips=11,
        speakers=0,
        seconds=84.9,
        sample_rate=16000,
        megabytes=1.8,
        splits="none",
        source="github.com/speechbrain/speechbrain and github.com/lhotse-speech/lhotse, test fixtures",
        use="augmentation: noise to add, rooms to convolve with",
    ),
}

_CARDS = Path(__file__).parents[2] / "datasets"


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES:
        raise CorpusNotFound(f"there is no corpus {name!r}; there are: {', '.join(_ENTRIES)}")
    return _ENTRIES[name]


def list_corpora() -> list[CorpusInfo]:
    """All corpora that the labs know, with their state on this machine."""
    return [info(name) for name in _ENTRIES]


def info(name: str) -> CorpusInfo:
    """What is known about one corpus.

    Raises:
        CorpusNotFound: if there is none of that name.
    """
    entry = _entry(name)
    state, path = entry.locate()
    card = _CARDS / name / "card.md"
    facts = {key: getattr(entry, key) for key in CorpusInfo.__dataclass_fields__ if hasattr(entry, key)}
    return CorpusInfo(name=name, state=state, path=path, card=card if card.is_file() else None, **facts)


def load(name: str) -> Corpus:
    """A corpus by name, from the cache or the mirror, or made; never from the internet.

    Raises:
        CorpusNotFound: if there is none of that name, or it is not on this machine.
        CorpusDamaged: if it is, but not as its checksums promise.
    """
    return _entry(name).load()


def get(name: str, progress: bool = True) -> Path:
    """Bring a corpus to this machine, from the internet if it must be.

    Args:
        name: of the corpus.
        progress: whether to show a bar.
    Returns:
        The folder in which it lies.
    Raises:
        CorpusNotFound: if there is none of that name, or it can only come from a mirror that lacks it.
        DownloadFailed: if the network does not deliver; the next call goes on where this one stopped.
        CorpusDamaged: if what came is not what the checksums promise; nothing of it is kept.
    """
    return _entry(name).get(progress)
