"""synth_langs: the same sentences in many languages, by the same voices."""

from __future__ import annotations

import functools
from collections.abc import Collection

from labkit.corpora import blocks
from labkit.corpora.clip import Corpus
from labkit.corpora.language_texts import TEXTS, VOICES

NAME = "synth_langs"
SPEAKERS = {
    # speaker: variant of eSpeak NG, gender, split; the same in every language, so that no voice tells it
    "annie": ("Annie", "female", "train"),
    "belinda": ("belinda", "female", "train"),
    "denis": ("Denis", "male", "train"),
    "m3": ("m3", "male", "train"),
    "andrea": ("Andrea", "female", "test"),
    "michael": ("Michael", "male", "test"),
}


@functools.cache
def recipe() -> blocks.BlockRecipe:
    """Every sentence in every language by every voice; a block is a language."""
    entries = tuple(
        {
            "audio_filepath": f"{code}_{speaker}_{number}.wav",
            "text": text,
            "speaker": speaker,
            "gender": gender,
            "split": split,
            "index": 0,
            "sentence": number,
            "voice": f"{VOICES[code]}+{variant}",
            "rate": 155,
            "pitch": 50,
            "language": code,
            "block": block,
        }
        for block, code in enumerate(sorted(TEXTS))
        for speaker, (variant, gender, split) in SPEAKERS.items()
        for number, text in enumerate(TEXTS[code])
    )
    return blocks.BlockRecipe(NAME, entries, sample_rate=16000)


def load(languages: Collection[str] | None = None, progress: bool = True) -> Corpus:
    """The clips of some languages, or of all.

    Raises:
        ValueError: if there is no such language.
        CorpusError: if eSpeak NG is not installed or fails.
    """
    asked = set(TEXTS) if languages is None else {languages} if isinstance(languages, str) else set(languages)
    for code in sorted(asked):
        if code not in TEXTS:
            raise ValueError(f"language is {code!r}, expected one of: {', '.join(sorted(TEXTS))}")
    return blocks.load(recipe(), lambda entry: entry["language"] in asked, progress)
