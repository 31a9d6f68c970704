"""Synthetic corpora that are made block by block, when they are asked for.

eSpeak NG gives the same bytes only for the same calls in a fresh process. So the clips of a corpus are
divided into blocks, once and for all; a block is made in a process of its own, and lies in the cache as a
pack. Whoever asks for one clip gets its block; the bytes are the same whatever else was asked for.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from math import gcd
from pathlib import Path

import numpy as np

from labkit.corpora import alignment, espeak
from labkit.corpora.clip import Corpus, Timed
from labkit.corpora.errors import CorpusDamaged, CorpusError
from labkit.corpora.pack import read_pack, write_pack
from labkit.corpora.store import lock, place_in_cache

LICENCE = "made on this machine by eSpeak NG (a program under GPL-3.0-or-later); nobody's recordings"

Labeller = Callable[[list[alignment.Span], float, float, float], list[Timed]]


@dataclass(frozen=True)
class BlockRecipe:
    """Everything on which the bytes of a corpus depend, besides eSpeak NG itself.

    Attributes:
        name: of the corpus.
        entries: a manifest entry for every clip, in a fixed order, with what eSpeak NG is asked for
            ("text", "voice", "rate", "pitch") and the number of its "block".
        sample_rate: in Hz.
        version: raise it when the code changes what is made.
        seed: of the noise in breathy voices.
        margin_seconds: of silence before and after.
        label_phonemes: how spans become labels with times.
    """

    name: str
    entries: tuple[dict, ...]
    sample_rate: int
    version: int = 1
    seed: int = 1
    margin_seconds: float = 0.05
    label_phonemes: Labeller = field(default=alignment.phonemes)

    def key(self) -> str:
        """Name of the cache folder: another recipe or another eSpeak NG, another folder."""
        text = f"{self._digest} {espeak.package_version()}"
        return f"v{self.version}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @cached_property
    def _digest(self) -> str:
        settings = [self.sample_rate, self.seed, self.margin_seconds, self.entries]
        return hashlib.sha256(json.dumps(settings, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def blocks(self) -> dict[int, list[dict]]:
        """The entries of every block."""
        found: dict[int, list[dict]] = {}
        for entry in self.entries:
            found.setdefault(entry["block"], []).append(entry)
        return found


def folder(recipe: BlockRecipe) -> Path:
    """Where the corpus lies, or will lie, in the cache."""
    return place_in_cache(recipe.name, recipe.key())


def state(recipe: BlockRecipe) -> tuple[str, Path | None]:
    """ "cached" if every block is there, "partly" if some are, else "absent"; and where."""
    place = folder(recipe)
    here = sum(_block_folder(recipe, number).exists() for number in recipe.blocks)
    if not here:
        return "absent", None
    return ("cached" if here == len(recipe.blocks) else "partly"), place


def load(
    recipe: BlockRecipe, wanted: Callable[[dict], bool] = lambda entry: True, progress: bool = False
) -> Corpus:
    """The clips for whose entry `wanted` is true; what is not in the cache is made.

    Args:
        recipe: what to make.
        wanted: tells from a manifest entry whether its clip is asked for.
        progress: whether to show a bar while making.
    Raises:
        CorpusError: if eSpeak NG fails, or gives silence.
    """
    chosen = {number: entries for number, entries in recipe.blocks.items() if any(map(wanted, entries))}
    todo: Iterable[int] = list(chosen)
    missing = sum(not _block_folder(recipe, number).exists() for number in chosen)
    if progress and missing > 1:
        from labkit.notebook import progress as bar

        todo = bar(todo, recipe.name)
    clips = []
    for number in todo:
        made = _load_block(recipe, number, chosen[number])
        clips += [clip for clip, entry in zip(made, chosen[number], strict=True) if wanted(entry)]
    return Corpus(recipe.name, False, recipe.sample_rate, clips, LICENCE)


def _block_folder(recipe: BlockRecipe, number: int) -> Path:
    return place_in_cache(recipe.name, recipe.key(), f"block_{number:03d}")


def _load_block(recipe: BlockRecipe, number: int, entries: list[dict]) -> Corpus:
    place = _block_folder(recipe, number)
    if place.exists():
        try:
            return read_pack(place)
        except CorpusDamaged as error:
            print(f"{error}: making it again")
    with lock(place):
        try:
            return read_pack(place)  # another process was quicker
        except CorpusDamaged:
            facts = {
                "name": recipe.name,
                "real": False,
                "sample_rate": recipe.sample_rate,
                "licence": LICENCE,
                "espeak": espeak.package_version(),
            }
            write_pack(place, _make(recipe, entries), facts)
            return read_pack(place)


def _make(recipe: BlockRecipe, entries: list[dict]) -> Iterator[tuple[dict, np.ndarray]]:
    for entry, heard in zip(entries, espeak.speak(entries, recipe.seed), strict=True):
        if (
            heard.samples.size < heard.sample_rate // 10
            or np.abs(heard.samples.astype(np.int32)).max() < 1000
        ):
            raise CorpusError(f"eSpeak NG gave silence for {entry['text']!r} by voice {entry['voice']!r}")
        pcm = recorded(
            heard.samples,
            heard.sample_rate,
            recipe.sample_rate,
            recipe.margin_seconds,
            entry["audio_filepath"],
        )
        found, step = alignment.spans(heard), 1 / heard.sample_rate
        margin = round(recipe.margin_seconds * recipe.sample_rate) / recipe.sample_rate  # whole samples
        timed = {
            "phonemes": recipe.label_phonemes(found, step, margin, pcm.size / recipe.sample_rate),
            "words": alignment.words(found, entry["text"], step, margin),
        }
        yield {key: value for key, value in {**entry, **timed}.items() if key != "block"}, pcm


def recorded(pcm: np.ndarray, rate: int, target_rate: int, margin_seconds: float, name: str) -> np.ndarray:
    """What a recorder would have kept: resampled, with a short margin, dithered to 16 bits.

    Args:
        pcm: int16 samples.
        rate, target_rate: in Hz.
        margin_seconds: of silence before and after.
        name: of the clip; the dither is drawn from it, so that it is the same every time.
    """
    from scipy.signal import resample_poly

    common = gcd(rate, target_rate)
    wave = pcm.astype(np.float64)
    if rate != target_rate:
        wave = resample_poly(wave, target_rate // common, rate // common)
    margin = np.zeros(round(margin_seconds * target_rate))
    wave = np.concatenate([margin, wave, margin])
    # Triangular dither of one step, as any recorder adds it: without it the margins are exact zeros,
    # which no microphone gives and whose logarithm is minus infinity.
    noise = np.random.default_rng(zlib.crc32(name.encode()))
    wave += noise.random(wave.size) - noise.random(wave.size)
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
