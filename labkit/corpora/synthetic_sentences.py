"""synth_ljs: one voice reads sentences; the times of phonemes and words are exact."""

from __future__ import annotations

import functools

from labkit.corpora import blocks
from labkit.corpora.clip import Corpus
from labkit.corpora.sentences import COUNT, sentences

NAME = "synth_ljs"
BLOCK = 50  # sentences made together
VOICE = "en-us+Annie"


@functools.cache
def recipe() -> blocks.BlockRecipe:
    """All sentences; every tenth is "test"."""
    entries = tuple(
        {
            "audio_filepath": f"SL{number:04d}.wav",
            "utt_id": f"SL{number:04d}",
            "text": text,
            "speaker": "SL",
            "split": "test" if number % 10 == 9 else "train",
            "index": 0,
            "voice": VOICE,
            "rate": 160,
            "pitch": 50,
            "language": "en",
            "block": number // BLOCK,
        }
        for number, text in enumerate(sentences())
    )
    return blocks.BlockRecipe(NAME, entries, sample_rate=22050)


def load(count: int = 100, progress: bool = True) -> Corpus:
    """The first `count` sentences.

    Raises:
        ValueError: if there are not so many.
        CorpusError: if eSpeak NG is not installed or fails.
    """
    if not 1 <= count <= COUNT:
        raise ValueError(f"sentences is {count}, expected 1 to {COUNT}")
    names = {entry["audio_filepath"] for entry in recipe().entries[:count]}
    return blocks.load(recipe(), lambda entry: entry["audio_filepath"] in names, progress)
