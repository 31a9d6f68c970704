"""Spoken digits by eSpeak NG: always there, for whoever has no recordings.

The recipe: 24 voices × 3 rates × 2 pitches × 10 words, resampled to 8 kHz. Six voices are the test
split, so no test voice is ever heard in training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from labkit.corpora import espeak
from labkit.corpora.blocks import LICENCE, recorded
from labkit.corpora.clip import Corpus
from labkit.corpora.errors import CorpusDamaged, CorpusError
from labkit.corpora.pack import read_pack, write_pack
from labkit.corpora.store import lock, place_in_cache

NAME = "synth_digits"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

TRAIN_VOICES = {
    # speaker: voice of eSpeak NG, an English accent plus a variant that sets pitch and formants
    "alex": "en-us+Alex",
    "andrea": "en+Andrea",
    "annie": "en+Annie",
    "belinda": "en-us+belinda",
    "denis": "en-gb-x-gbclan+Denis",
    "hugo": "en-gb-x-rp+Hugo",
    "linda": "en-us+linda",
    "max": "en-gb-x-gbcwmd+max",
    "f1": "en-us+f1",
    "f2": "en+f2",
    "f3": "en-gb-x-rp+f3",
    "f5": "en-029+f5",
    "m1": "en-us+m1",
    "m2": "en+m2",
    "m3": "en-gb-x-rp+m3",
    "m4": "en-gb-scotland+m4",
    "reed": "en-us-nyc+Reed",
    "shelby": "en-gb-scotland+shelby",
}
TEST_VOICES = {
    "alicia": "en-gb-x-gbclan+Alicia",
    "f4": "en-gb-scotland+f4",
    "m7": "en-us+m7",
    "michael": "en+Michael",
    "mike": "en-us-nyc+Mike",
    "steph": "en-us+steph",
}


@dataclass(frozen=True)
class Recipe:
    """Everything on which the bytes of the corpus depend, besides eSpeak NG itself."""

    version: int = 1  # raise it when the code below changes what is made
    train_voices: tuple[tuple[str, str], ...] = tuple(TRAIN_VOICES.items())
    test_voices: tuple[tuple[str, str], ...] = tuple(TEST_VOICES.items())
    rates: tuple[int, ...] = (130, 165, 200)  # words per minute
    pitches: tuple[int, ...] = (42, 58)  # 50 is the voice's own
    words: tuple[str, ...] = WORDS
    sample_rate: int = 8000
    seed: int = 1  # of the noise in breathy voices
    margin_seconds: float = 0.05  # of silence before and after the word

    def key(self) -> str:
        """Name of the cache folder: another recipe or another eSpeak NG, another folder."""
        text = json.dumps([asdict(self), espeak.package_version()])
        return f"v{self.version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def entries(self) -> list[dict]:
        """A manifest entry for every clip, with what eSpeak NG is asked for, in a fixed order."""
        entries = []
        voices = [("train", *v) for v in self.train_voices] + [("test", *v) for v in self.test_voices]
        for split, speaker, voice in voices:
            for label, word in enumerate(self.words):
                settings = [(rate, pitch) for rate in self.rates for pitch in self.pitches]
                for index, (rate, pitch) in enumerate(settings):
                    entries.append(
                        {
                            "audio_filepath": f"{label}_{speaker}_{index}.wav",
                            "text": word,
                            "label": label,
                            "speaker": speaker,
                            "split": split,
                            "index": index,
                            "voice": voice,
                            "rate": rate,
                            "pitch": pitch,
                            "language": "en",
                        }
                    )
        return entries


RECIPE = Recipe()


def folder(recipe: Recipe = RECIPE) -> Path:
    """Where the corpus lies, or will lie, in the cache."""
    return place_in_cache(NAME, recipe.key())


def load(recipe: Recipe = RECIPE, progress: bool = False) -> Corpus:
    """The corpus, made if it is not in the cache or is damaged there.

    Args:
        recipe: what to make.
        progress: whether to show a bar while making.
    Raises:
        CorpusError: if eSpeak NG fails, or gives silence or twice the same sound.
    """
    place = folder(recipe)
    if place.exists():
        try:
            return read_pack(place)
        except CorpusDamaged as error:
            print(f"{error}: making it again")
    with lock(place):
        try:
            return read_pack(place)  # another process was quicker
        except CorpusDamaged:
            facts = {"name": NAME, "real": False, "sample_rate": recipe.sample_rate, "licence": LICENCE}
            write_pack(place, _make(recipe, progress), {**facts, "recipe": asdict(recipe)})
            return read_pack(place)


def _make(recipe: Recipe, progress: bool) -> Iterator[tuple[dict, np.ndarray]]:
    entries = recipe.entries()
    spoken: Iterable = zip(entries, espeak.synthesize(entries, recipe.seed), strict=True)
    if progress:
        from labkit.notebook import progress as bar

        spoken = bar(spoken, "synthetic digits", total=len(entries))
    heard: dict[bytes, str] = {}
    for entry, (pcm, rate) in spoken:
        name = f"{entry['text']!r} by voice {entry['voice']!r} at {entry['rate']} words per minute"
        if pcm.size < rate // 10 or np.abs(pcm.astype(np.int32)).max() < 1000:
            raise CorpusError(f"eSpeak NG gave silence for {name}")
        twin = heard.setdefault(hashlib.sha256(pcm.tobytes()).digest(), name)
        if twin is not name:
            raise CorpusError(f"eSpeak NG gave the same sound for {name} and {twin}")
        yield entry, recorded(pcm, rate, recipe.sample_rate, recipe.margin_seconds, entry["audio_filepath"])
