"""TIMIT's 61 phone labels, how they fold to 39, and eSpeak's phonemes in them."""

from __future__ import annotations

from labkit.corpora import alignment
from labkit.corpora.alignment import Span
from labkit.corpora.clip import Timed

PHONES = (
    "aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy "
    "jh k kcl l m n ng nx ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh"
).split()

_FOLDED = {
    "aa": "ao",
    "ah": "ax ax-h",
    "er": "axr",
    "hh": "hv",
    "ih": "ix",
    "l": "el",
    "m": "em",
    "n": "en nx",
    "ng": "eng",
    "sh": "zh",
    "uw": "ux",
    "sil": "bcl dcl gcl pcl tcl kcl pau epi h#",
}
# 61 labels to 39, after Lee and Hon (1989), "Speaker-independent phone recognition using hidden Markov
# models", table I. The glottal stop "q" is left out before scoring: its entry is None.
FOLD_39: dict[str, str | None] = {
    **{phone: phone for phone in PHONES},
    **{phone: target for target, phones in _FOLDED.items() for phone in phones.split()},
    "q": None,
}

# eSpeak's phonemes of American English in IPA, without stress. Where eSpeak has one sound and TIMIT two
# (an r-coloured vowel), the two share it equally.
_FROM_IPA = {
    "aɪ": "ay",
    "aɪə": "ay ax",
    "aɪɚ": "ay axr",
    "aʊ": "aw",
    "b": "b",
    "d": "d",
    "dʒ": "jh",
    "e": "ey",
    "eɪ": "ey",
    "f": "f",
    "h": "hh",
    "i": "iy",
    "iː": "iy",
    "iə": "iy ax",
    "j": "y",
    "k": "k",
    "l": "l",
    "m": "m",
    "n": "n",
    "n̩": "en",
    "oʊ": "ow",
    "oː": "ow",
    "oːɹ": "ao r",
    "p": "p",
    "r": "r",
    "s": "s",
    "t": "t",
    "tʃ": "ch",
    "u": "uw",
    "uː": "uw",
    "v": "v",
    "w": "w",
    "z": "z",
    "æ": "ae",
    "ð": "dh",
    "ŋ": "ng",
    "ɐ": "ax",
    "ɑː": "aa",
    "ɑːɹ": "aa r",
    "ɔ": "ao",
    "ɔɪ": "oy",
    "ɔː": "ao",
    "ɔːɹ": "ao r",
    "ə": "ax",
    "əl": "el",
    "ɚ": "axr",
    "ɛ": "eh",
    "ɛɹ": "eh r",
    "ɜː": "er",
    "ɡ": "g",
    "ɪ": "ih",
    "ɪɹ": "ih r",
    "ɹ": "r",
    "ɾ": "dx",
    "ʃ": "sh",
    "ʊ": "uh",
    "ʊɹ": "uh r",
    "ʌ": "ah",
    "ʒ": "zh",
    "ʔ": "q",
    "θ": "th",
    "ᵻ": "ix",
}
_CLOSURE = {"b": "bcl", "d": "dcl", "g": "gcl", "p": "pcl", "t": "tcl", "k": "kcl", "ch": "tcl", "jh": "dcl"}


def fold(label: str) -> str | None:
    """One of the 39 labels for one of the 61; None for "q", which is left out.

    Raises:
        ValueError: if it is none of the 61.
    Source: Lee and Hon 1989, table I.
    Example:
        >>> fold("tcl"), fold("ix"), fold("q")
        ('sil', 'ih', None)
    """
    if label not in FOLD_39:
        raise ValueError(f"label is {label!r}, expected one of TIMIT's 61: {' '.join(PHONES)}")
    return FOLD_39[label]


def from_ipa(label: str) -> list[str]:
    """TIMIT's labels, one or two, for a phoneme of eSpeak's American English.

    Raises:
        KeyError: if it has none.
    """
    return _FROM_IPA[label.strip("ˈˌ")].split()


def label_phonemes(found: list[Span], seconds_per_sample: float, offset: float, end: float) -> list[Timed]:
    """As `alignment.phonemes`, in TIMIT's labels: closures and gaps stand for themselves."""
    cuts: list[tuple[str, float]] = []  # a label, and the sample at which it begins
    last = len(found) - 1
    for number, span in enumerate(found):
        if span.label == alignment.PAUSE:
            cuts.append(("h#" if number in (0, last) else "pau", span.start))
        elif span.label == alignment.GAP:
            cuts.append(("epi", span.start))
        else:
            labels = from_ipa(span.label)
            begin = span.start + span.closure
            if span.closure:
                closure = _CLOSURE.get(labels[0])
                cuts.append((closure or "epi", span.start))
            step = (span.end - begin) / len(labels)
            cuts += [(label, begin + step * part) for part, label in enumerate(labels)]
    if cuts[-1][0] != "h#":
        cuts.append(("h#", found[-1].end))
    if cuts[0][0] != "h#":
        cuts.insert(0, ("h#", 0))
    times = [round(sample * seconds_per_sample + offset, 6) for _, sample in cuts]
    times[0] = 0.0
    return [
        (label, start, stop)
        for (label, _), start, stop in zip(cuts, times, [*times[1:], round(end, 6)], strict=True)
    ]
