"""synth_voices: forty voices; ten sentences that all of them read, and twenty that only one reads."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from labkit.corpora import blocks
from labkit.corpora.clip import Corpus
from labkit.corpora.sentences import sentences

NAME = "synth_voices"
SHARED = 10  # sentences that everybody reads
OWN = 20  # sentences that only one voice reads


@dataclass(frozen=True)
class Speaker:
    """A voice of eSpeak NG: an English accent, a variant (formants, breath), a pitch and a rate."""

    name: str
    accent: str
    variant: str
    pitch: int = 50  # 50 is the variant's own
    rate: int = 160  # words per minute
    split: str = "train"


# No variant is in both splits. A variant that is there twice differs in accent, pitch and rate.
SPEAKERS = (
    Speaker("w01", "en-us", "Annie"),
    Speaker("w02", "en-gb-x-rp", "Andrea", rate=170),
    Speaker("w03", "en-gb-scotland", "belinda", rate=150),
    Speaker("w04", "en-us-nyc", "linda"),
    Speaker("w05", "en", "f1", rate=150),
    Speaker("w06", "en-gb-x-gbclan", "f2"),
    Speaker("w07", "en-029", "f3", rate=165),
    Speaker("w08", "en-us", "anika", rate=150),
    Speaker("w09", "en-gb-x-gbcwmd", "grandma", rate=135),
    Speaker("w10", "en-gb-scotland", "Annie", pitch=30, rate=150),
    Speaker("w11", "en-us", "Andrea", pitch=25, rate=155),
    Speaker("w12", "en", "belinda", pitch=30, rate=165),
    Speaker("w13", "en-gb-x-rp", "linda", pitch=70, rate=150),
    Speaker("w14", "en-us", "f1", pitch=75, rate=170),
    Speaker("w15", "en-us-nyc", "f2", pitch=70, rate=145),
    Speaker("w16", "en-us", "Alicia", split="test"),
    Speaker("w17", "en-gb-x-rp", "steph2", rate=150, split="test"),
    Speaker("w18", "en", "f5", rate=170, split="test"),
    Speaker("w19", "en-gb-scotland", "shelby", split="test"),
    Speaker("w20", "en-us-nyc", "aunty", rate=150, split="test"),
    Speaker("m01", "en-us", "Alex"),
    Speaker("m02", "en", "Andy", rate=150),
    Speaker("m03", "en-gb-x-gbclan", "Denis"),
    Speaker("m04", "en-gb-scotland", "m4", rate=170),
    Speaker("m05", "en-us-nyc", "Reed"),
    Speaker("m06", "en-gb-x-rp", "Jacky", rate=150),
    Speaker("m07", "en-us", "Michael"),
    Speaker("m08", "en-029", "m5", rate=165),
    Speaker("m09", "en", "antonio", rate=145),
    Speaker("m10", "en-gb-x-gbcwmd", "max"),
    Speaker("m11", "en-us", "david", rate=150),
    Speaker("m12", "en-us", "ed"),
    Speaker("m13", "en-gb-scotland", "edward", rate=155),
    Speaker("m14", "en-us-nyc", "boris"),
    Speaker("m15", "en-us", "m7", rate=175),
    Speaker("m16", "en-us", "marcelo", split="test"),
    Speaker("m17", "en-gb-x-rp", "m8", rate=150, split="test"),
    Speaker("m18", "en", "ian", split="test"),
    Speaker("m19", "en-gb-scotland", "Storm", rate=165, split="test"),
    Speaker("m20", "en-us-nyc", "norbert", rate=150, split="test"),
)


@functools.cache
def recipe() -> blocks.BlockRecipe:
    """Every voice and all that it reads; a block is a voice."""
    entries = []
    for block, speaker in enumerate(SPEAKERS):
        own = range(SHARED + OWN * block, SHARED + OWN * (block + 1))
        for position, number in enumerate([*range(SHARED), *own]):
            entries.append(
                {
                    "audio_filepath": f"{speaker.name}_{number:04d}.wav",
                    "text": sentences()[number],
                    "speaker": speaker.name,
                    "gender": "female" if speaker.name.startswith("w") else "male",
                    "accent": speaker.accent,
                    "split": speaker.split,
                    "index": 0,
                    "sentence": number,
                    "shared": number < SHARED,
                    "voice": f"{speaker.accent}+{speaker.variant}",
                    # nobody says two sentences at quite the same speed and height
                    "rate": speaker.rate + (0, 8, -6, 4, -10)[position % 5],
                    "pitch": speaker.pitch + (0, 3, -3)[position % 3],
                    "language": "en",
                    "block": block,
                }
            )
    return blocks.BlockRecipe(NAME, tuple(entries), sample_rate=16000)


def load(speakers: int = 20, count: int = 10, progress: bool = True) -> Corpus:
    """The first `count` sentences of `speakers` voices: women and men in turn, every fourth pair "test".

    Raises:
        ValueError: if there are not so many.
        CorpusError: if eSpeak NG is not installed or fails.
    """
    if not 1 <= speakers <= len(SPEAKERS):
        raise ValueError(f"speakers is {speakers}, expected 1 to {len(SPEAKERS)}")
    if not 1 <= count <= SHARED + OWN:
        raise ValueError(f"sentences is {count}, expected 1 to {SHARED + OWN}")
    chosen = {speaker.name for speaker in in_turn()[:speakers]}
    place = {speaker.name: 0 for speaker in SPEAKERS}
    names = set()
    for entry in recipe().entries:
        if entry["speaker"] in chosen and place[entry["speaker"]] < count:
            names.add(entry["audio_filepath"])
        place[entry["speaker"]] += 1
    return blocks.load(recipe(), lambda entry: entry["audio_filepath"] in names, progress)


def in_turn() -> list[Speaker]:
    """The speakers in an order of which any beginning has both genders, and both splits from eight on."""
    women, men = SPEAKERS[:20], SPEAKERS[20:]

    def mixed(group: tuple[Speaker, ...]) -> list[Speaker]:
        train = [speaker for speaker in group if speaker.split == "train"]
        test = [speaker for speaker in group if speaker.split == "test"]
        return [speaker for turn in range(5) for speaker in [*train[3 * turn : 3 * turn + 3], test[turn]]]

    return [speaker for pair in zip(mixed(women), mixed(men), strict=True) for speaker in pair]
