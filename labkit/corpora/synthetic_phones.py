"""synth_timit: American English by many voices, with TIMIT's phone labels and exact times."""

from __future__ import annotations

import functools

from labkit.corpora import blocks, timit
from labkit.corpora.clip import Corpus
from labkit.corpora.sentences import sentences

NAME = "synth_timit"

# Variants of eSpeak NG without echo, as closures must be silent. A third are women, as in TIMIT.
TRAIN = {
    "female": "Annie Andrea belinda anika f1 grandma linda".split(),
    "male": (
        "Alex Andy Denis Gene2 Jacky Lee Mario Michael Mike antonio boris david ed edward m1 m4 m5"
    ).split(),
}
TEST = {
    "female": "aunty shelby steph2".split(),
    "male": "m7 m8 marcelo max robert".split(),
}
EVERYBODY = (  # "sa": read by all, so that speakers can be compared
    "She measured a yard of yellow cloth and joined both edges with rough green thread.",
    "Now ask the choir boys which large orange jug they would rather choose for the voyage.",
)
SHARED, OWN = 5, 3  # "sx": read by several speakers of a split; "si": by one


@functools.cache
def recipe() -> blocks.BlockRecipe:
    """Ten sentences by every speaker; a block is a speaker. No sentence but "sa" is in both splits."""
    entries = []
    # synth_voices does not read these
    pool = {"train": sentences()[1000:1300], "test": sentences()[1300:1500]}
    block = 0
    for split, groups in (("train", TRAIN), ("test", TEST)):
        taken = 40  # the first forty of a pool are the "sx" of its split
        for gender, variants in groups.items():
            for variant in variants:
                texts = [(f"sa{number + 1}", text) for number, text in enumerate(EVERYBODY)]
                first = (block * SHARED) % 40
                texts += [(f"sx{n + 1}", pool[split][n]) for n in range(first, first + SHARED)]
                texts += [(f"si{n + 1}", pool[split][n]) for n in range(taken, taken + OWN)]
                taken += OWN
                entries += [
                    _entry(f"{gender[0]}{variant.lower()}0", gender, variant, split, name, text, block)
                    for name, text in texts
                ]
                block += 1
    return blocks.BlockRecipe(NAME, tuple(entries), sample_rate=16000, label_phonemes=timit.label_phonemes)


def _entry(speaker: str, gender: str, variant: str, split: str, name: str, text: str, block: int) -> dict:
    return {
        "audio_filepath": f"{split}/{speaker}/{name}.wav",
        "utt_id": f"{speaker}_{name}",
        "text": text,
        "speaker": speaker,
        "gender": gender,
        "split": split,
        "index": 0,
        "kind": name[:2],
        "voice": f"en-us+{variant}",
        "rate": 150 + 7 * (block % 5),
        "pitch": 50,
        "language": "en",
        "block": block,
    }


def load(speakers: int | None = None, progress: bool = True) -> Corpus:
    """The clips of `speakers` speakers, three quarters of them "train", or of all.

    Raises:
        ValueError: if there are not so many, or fewer than four.
        CorpusError: if eSpeak NG is not installed or fails.
    """
    by_split = {"train": _names(TRAIN), "test": _names(TEST)}
    total = sum(map(len, by_split.values()))
    asked = total if speakers is None else speakers
    if not 4 <= asked <= total:
        raise ValueError(f"speakers is {asked}, expected 4 to {total}")
    test = asked // 4
    chosen = {*by_split["train"][: asked - test], *by_split["test"][:test]}
    return blocks.load(recipe(), lambda entry: entry["speaker"] in chosen, progress)


def _names(groups: dict[str, list[str]]) -> list[str]:
    """Speakers in an order of which any beginning has both genders: a woman, two men, a woman, …"""
    women, men = (
        [f"{gender[0]}{variant.lower()}0" for variant in groups[gender]] for gender in ("female", "male")
    )
    order = []
    while women or men:
        order += [women.pop(0)] if women else []
        order += [men.pop(0) for _ in range(2) if men]
    return order
