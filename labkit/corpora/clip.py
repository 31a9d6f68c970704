"""A clip of speech, and a corpus: a list of clips that knows its speakers and words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from jaxtyping import Float

Timed = tuple[str, float, float]  # a label, and the seconds at which it starts and ends


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording. The sound is read when `samples` is first asked for.

    Attributes:
        text: what is said, in words; None where the source does not tell.
        label: class number (for digits, the digit); None where there is none.
        speaker: name; None where the source does not tell.
        split: "train", "test" or None.
        index: number among the recordings of the same word by the same speaker.
        sample_rate: in Hz.
        duration: in seconds.
        path: the file that holds this clip alone, or None.
        info: what else the manifest says about it (gender, accent, phones …).
        language: code such as "en" or "pt-BR"; None where the source does not tell.
        phonemes: (label, start, end) in seconds, in the order of time, without gaps; None where unknown.
        words: likewise, for words; between two words there may be a pause.
    """

    text: str | None
    label: int | str | None
    speaker: str | None
    split: str | None
    index: int
    sample_rate: int
    duration: float
    path: Path | None = None
    info: Mapping[str, object] = field(default_factory=dict, repr=False)
    read: Callable[[], np.ndarray] | None = field(default=None, repr=False)
    language: str | None = None
    phonemes: Sequence[Timed] | None = field(default=None, repr=False)
    words: Sequence[Timed] | None = field(default=None, repr=False)

    @cached_property
    def samples(self) -> Float[np.ndarray, "time"]:
        """The waveform: float32, one channel, in [-1, 1], exactly what the file holds; read-only."""
        if self.read is None:
            raise ValueError(f"{self!r} was made without a way to read its samples")
        samples = np.asarray(self.read(), dtype=np.float32)
        samples.flags.writeable = False
        return samples

    def __getstate__(self) -> dict:
        # a clip travels to another process without its samples, which are read again there
        return {name: value for name, value in self.__dict__.items() if name != "samples"}


@dataclass(frozen=True, eq=False)
class Corpus:
    """Clips of one kind.

    Attributes:
        name: such as "fsdd".
        real: True for recordings of people, False for synthetic speech.
        sample_rate: in Hz, of every clip.
        clips: in a fixed order.
        licence: under which the recordings may be used.
    """

    name: str
    real: bool
    sample_rate: int
    clips: list[Clip]
    licence: str = ""

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Clip]:
        return iter(self.clips)

    @overload
    def __getitem__(self, position: int) -> Clip: ...
    @overload
    def __getitem__(self, position: slice) -> Corpus: ...
    def __getitem__(self, position):
        chosen = self.clips[position]
        return self._with(chosen) if isinstance(position, slice) else chosen

    def __repr__(self) -> str:
        kind = "recordings" if self.real else "synthetic"
        size = f"{len(self)} clips, {len(self.speakers)} speakers, {self.sample_rate} Hz"
        return f"Corpus({self.name!r}, {kind}, {size})"

    @property
    def speakers(self) -> list[str]:
        """Names of the speakers, sorted."""
        return sorted({clip.speaker for clip in self.clips if clip.speaker is not None})

    @property
    def words(self) -> list[str]:
        """The different texts, by class number where there is one (zero, one, two …), else sorted."""
        texts = {clip.text for clip in self.clips if clip.text is not None}
        numbers = {c.text: c.label for c in self.clips if c.text is not None and isinstance(c.label, int)}
        return sorted(texts, key=numbers.__getitem__) if numbers.keys() == texts else sorted(texts)

    @property
    def languages(self) -> list[str]:
        """Codes of the languages, sorted."""
        return sorted({clip.language for clip in self.clips if clip.language is not None})

    @property
    def seconds(self) -> float:
        """Length of all clips together."""
        return sum(clip.duration for clip in self.clips)

    def filter(
        self,
        split: str | None = None,
        speaker: str | Collection[str] | None = None,
        text: str | Collection[str] | None = None,
        language: str | Collection[str] | None = None,
    ) -> Corpus:
        """The clips for which everything given holds.

        Args:
            split: "train" or "test".
            speaker: a name, or several.
            text: a word, or several.
            language: a code, or several.
        Raises:
            ValueError: if this corpus has no such split, speaker, text or language.
        """
        splits = {clip.split for clip in self.clips if clip.split is not None}
        wanted_split = _wanted(split, splits, "split")
        wanted_speaker = _wanted(speaker, self.speakers, "speaker")
        wanted_text = _wanted(text, self.words, "text")
        wanted_language = _wanted(language, self.languages, "language")
        return self._with(
            [
                clip
                for clip in self.clips
                if (wanted_split is None or clip.split in wanted_split)
                and (wanted_speaker is None or clip.speaker in wanted_speaker)
                and (wanted_text is None or clip.text in wanted_text)
                and (wanted_language is None or clip.language in wanted_language)
            ]
        )

    def split(self, name: str) -> Corpus:
        """The clips of one split, "train" or "test".

        Raises:
            ValueError: if this corpus has no such split.
        """
        return self.filter(split=name)

    def clip(self, text: str | int, speaker: int | str = 0, index: int = 0) -> Clip:
        """One clip.

        Args:
            text: the word, or its class number.
            speaker: a name, or a number counting the speakers in sorted order.
            index: number among this speaker's recordings of the word, counting from 0.
        Raises:
            ValueError: if there is no such clip; the message names what there is.
        """
        if isinstance(text, (int, np.integer)):
            named = {clip.label: clip.text for clip in self.clips if clip.text is not None}
            if text not in named:
                known = sorted(map(str, named))
                raise ValueError(f"text is {text}, expected a word or one of the labels {', '.join(known)}")
            word = named[text]
        else:
            word = text
        if isinstance(speaker, (int, np.integer)):
            if not 0 <= speaker < len(self.speakers):
                raise ValueError(f"speaker is {speaker}, expected 0 to {len(self.speakers) - 1} or a name")
            speaker = self.speakers[speaker]
        found = sorted(self.filter(speaker=speaker, text=word), key=lambda clip: clip.index)
        if not 0 <= index < len(found):
            there = f"{self.name} has {len(found)} clips of {word!r} by {speaker!r}"
            raise ValueError(f"index is {index}, but {there} (counted from 0)")
        return found[index]

    def _with(self, clips: list[Clip]) -> Corpus:
        return Corpus(self.name, self.real, self.sample_rate, clips, self.licence)


def _wanted(given: str | Collection[str] | None, known: Collection[str], argument: str) -> set[str] | None:
    if given is None:
        return None
    wanted = {given} if isinstance(given, str) else set(given)
    for name in sorted(wanted, key=str):
        if name not in known:
            shown = ", ".join(sorted(known)[:12]) + (", …" if len(known) > 12 else "")
            raise ValueError(f"{argument} is {name!r}, expected one of: {shown or '(this corpus has none)'}")
    return wanted
