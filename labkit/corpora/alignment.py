"""From eSpeak NG's events to phonemes and words with times.

eSpeak says at which sample it begins each phoneme. Four things are added by looking at the sound:

- Silence (exact zeros) just before a plosive or an affricate is its closure: the phoneme starts there.
- Silence before any other phoneme, and eSpeak's own pauses, stay apart as `GAP` and `PAUSE`.
- An event without a name that is not silent (a linking sound between vowels) belongs to the phoneme before.
- eSpeak speaks an l or r after a vowel as the end of that vowel, and gives it no sound of its own. It gets
  the last third of the vowel, 80 ms at most. Only this boundary is a guess: two phonemes in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.corpora.clip import Timed
from labkit.corpora.espeak import Utterance

PAUSE = "sil"  # at the ends, and where a comma or a full stop asks for it
GAP = ""  # a short silence in running speech, such as after the last sound of a word

SILENT = 3  # steps of 16 bits; eSpeak's filters ring on for a few samples after a sound
SHORTEST_GAP = 0.004  # seconds; what is shorter is a zero crossing, not a silence
LONGEST_LOAN = 0.08  # seconds that an l or r without a sound of its own takes from its vowel

_PLOSIVES = tuple("pbtdkgɡqɢcɟʈɖʔ")
_MARKS = "ˈˌ"


@dataclass(frozen=True)
class Span:
    """A stretch of an utterance.

    Attributes:
        label: phoneme in IPA with its stress mark, `PAUSE` or `GAP`.
        start, end: in samples.
        position: where in the text its word begins, counted in characters from 0.
        closure: samples of silence at its beginning, for a plosive or an affricate.
    """

    label: str
    start: int
    end: int
    position: int
    closure: int = 0


def is_plosive(label: str) -> bool:
    """Whether a phoneme in IPA begins with a closure: plosives and affricates."""
    return label.lstrip(_MARKS).startswith(_PLOSIVES)


def spans(utterance: Utterance) -> list[Span]:
    """What is heard from the first sample to the last, without gaps or overlaps."""
    rate, size = utterance.sample_rate, utterance.samples.size
    quiet = np.abs(utterance.samples.astype(np.int32)) <= SILENT
    events = [event[1:] for event in utterance.events if event[0] == "phoneme"]
    ends = [sample for _, sample, _ in events[1:]] + [size]
    found = [Span(PAUSE, 0, events[0][1] if events else size, 0)]
    for (position, start, name), end in zip(events, ends, strict=True):
        if name and quiet[start:end].all() and not is_plosive(name) and found[-1].label != PAUSE:
            vowel = found.pop()
            cut = vowel.end - min((vowel.end - vowel.start) // 3, round(LONGEST_LOAN * rate))
            found += [_until(vowel, cut), Span(name, cut, end, position)]
        elif name:
            found.append(Span(name, start, end, position))
        elif quiet[start:end].all() or found[-1].label == PAUSE:
            found.append(Span(PAUSE, start, end, position))
        else:
            found[-1] = _until(found[-1], end)
    return _with_closures(_merged(found), quiet, round(SHORTEST_GAP * rate))


def _until(span: Span, end: int) -> Span:
    return Span(span.label, span.start, end, span.position, span.closure)


def _merged(found: list[Span]) -> list[Span]:
    """Pauses that follow one another become one, and what has no length is left out."""
    merged: list[Span] = []
    for span in found:
        if span.start == span.end:
            continue
        if merged and span.label == PAUSE and merged[-1].label == PAUSE:
            merged[-1] = _until(merged[-1], span.end)
        else:
            merged.append(span)
    return merged


def _with_closures(found: list[Span], quiet: np.ndarray, shortest: int) -> list[Span]:
    result: list[Span] = []
    closure = 0
    for number, span in enumerate(found):
        following = found[number + 1] if number + 1 < len(found) else None
        silence = 0 if span.label == PAUSE or following is None else _tail(quiet[span.start : span.end])
        end = span.end - silence if silence >= shortest else span.end
        if span.label == PAUSE:
            result.append(span)
            closure = 0
            continue
        result.append(Span(span.label, span.start - closure, end, span.position, closure))
        closure = 0
        if end < span.end and following is not None:
            if following.label == PAUSE:
                found[number + 1] = Span(PAUSE, end, following.end, following.position)
            elif is_plosive(following.label):
                closure = span.end - end
            else:
                result.append(Span(GAP, end, span.end, span.position))
    return result


def _tail(quiet: np.ndarray) -> int:
    """How many samples at the end are silent; never all."""
    loud = np.flatnonzero(~quiet)
    return int(quiet.size - 1 - loud[-1]) if loud.size else 0


def phonemes(found: list[Span], seconds_per_sample: float, offset: float, end: float) -> list[Timed]:
    """Phonemes with times; a gap belongs to the phoneme before it.

    Args:
        found: from `spans`.
        seconds_per_sample: of the utterance.
        offset: seconds of silence before it; the first pause begins at 0.
        end: seconds at which the last pause ends.
    """
    kept: list[Span] = []
    for span in found:
        if span.label == GAP and kept:
            kept[-1] = _until(kept[-1], span.end)
        else:
            kept.append(span)
    times = [span.start * seconds_per_sample + offset for span in kept] + [end]
    labels = [span.label for span in kept]
    if labels[0] == PAUSE:
        times[0] = 0.0
    elif offset:
        labels, times = [PAUSE, *labels], [0.0, *times]
    if labels[-1] != PAUSE and offset:
        labels, times = [*labels, PAUSE], [*times[:-1], kept[-1].end * seconds_per_sample + offset, end]
    rounded = [round(time, 6) for time in times]
    return list(zip(labels, rounded[:-1], rounded[1:], strict=True))


def words(found: list[Span], text: str, seconds_per_sample: float, offset: float) -> list[Timed]:
    """Words with times, each from its first phoneme to its last.

    Words that eSpeak speaks as one ("of the") stand as one.
    """
    spoken: dict[int, tuple[int, int]] = {}
    for span in found:
        if span.label not in (PAUSE, GAP):
            first, _ = spoken.get(span.position, (span.start, 0))
            spoken[span.position] = (first, span.end)
    positions = sorted(spoken)
    result = []
    for position, following in zip(positions, [*positions[1:], len(text)], strict=True):
        start, end = (round(sample * seconds_per_sample + offset, 6) for sample in spoken[position])
        result.append((text[position:following].strip(' \n\t.,;:!?¿¡"«»„“”–—()।。，？！'), start, end))
    return result
