"""How many words of connected strings are wrong, as numbers and as text. jiwer counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from capstone.connected_jobs import lab

TARGET = 0.08  # at TARGET_SNRS together, on FSDD; it means nothing on synthetic speech
TARGET_SNRS = (20.0, 10.0, 5.0)  # dB


@dataclass(frozen=True)
class Errors:
    """Word errors of some strings.

    Attributes:
        words: how many were said.
        interval: 95 % interval of the rate: the bootstrap's, by drawing strings. Without a single error every
            draw is the same, and it is Wilson's, over words.
    """

    words: int
    substitutions: int
    deletions: int
    insertions: int
    interval: tuple[float, float]

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        return self.errors / self.words

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "rate": self.rate,
            "interval": list(self.interval),
            "words": self.words,
            "substitutions": self.substitutions,
            "deletions": self.deletions,
            "insertions": self.insertions,
        }

    def line(self, name: str) -> str:
        """One line of plain text."""
        low, high = self.interval
        return (
            f"  {name:<18} {self.errors:>4} of {self.words:>5} wrong, {self.rate:6.1%} "
            f"(95 % interval {low:.1%} to {high:.1%}): {self.substitutions} substituted, "
            f"{self.deletions} deleted, {self.insertions} inserted"
        )


@dataclass(frozen=True)
class ConnectedEvaluation:
    """The official split, as strings, in noise that training never heard.

    Attributes:
        noisy: strings at TARGET_SNRS together; the target is about these.
        by_condition: "no noise", "20 dB", … → errors.
        by_speaker, by_noise: over these conditions; strings without noise are not in `by_noise`.
        in_white: "20 dB", … → errors in white noise. The recorded noises rumble, most of their power lies
            below 500 Hz; white noise is the harder test.
        seconds: of decoding, features included, summed over the processes.
        speech_seconds: of what was decoded.
    """

    corpus: str
    real: bool
    fast: bool
    noisy: Errors
    by_condition: dict[str, Errors]
    by_speaker: dict[str, Errors]
    by_noise: dict[str, Errors]
    in_white: dict[str, Errors]
    seconds: float
    speech_seconds: float

    @property
    def real_time_factor(self) -> float:
        return self.seconds / self.speech_seconds

    @property
    def kind(self) -> str:
        """What was tested on, in words."""
        return "recordings of people" if self.real else "synthetic speech or noise, not recordings"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "noisy": self.noisy.to_dict(),
            "by_condition": {name: errors.to_dict() for name, errors in self.by_condition.items()},
            "by_speaker": {name: errors.to_dict() for name, errors in self.by_speaker.items()},
            "by_noise": {name: errors.to_dict() for name, errors in self.by_noise.items()},
            "in_white": {name: errors.to_dict() for name, errors in self.in_white.items()},
            "real_time_factor": self.real_time_factor,
            # the target is for the full run on recordings; elsewhere it would mislead
            "target": TARGET if self.real and not self.fast else None,
        }

    def text(self) -> str:
        """A page of plain text."""
        ratios = ", ".join(f"{snr:g}" for snr in TARGET_SNRS)
        lines = [
            f"{self.corpus}, connected words: {self.kind}"
            + (", fast mode: a fifth of them" if self.fast else ""),
            "",
            "Word errors on the test split, in noises that training never heard:",
            self.noisy.line(f"{ratios} dB"),
            "",
            *(errors.line(name) for name, errors in self.by_condition.items()),
            "",
            "By speaker, all of these together:",
            *(errors.line(name) for name, errors in self.by_speaker.items()),
            "",
            "By noise:",
            *(errors.line(name) for name, errors in self.by_noise.items()),
            "",
            "In white noise, which is generated, and harder than the recorded ones:",
            *(errors.line(name) for name, errors in self.in_white.items()),
            "",
            f"Real-time factor of decoding: {self.real_time_factor:.3f}",
        ]
        if self.real and not self.fast:
            lines.append(f"Target {TARGET:.0%}: {'reached' if self.noisy.rate <= TARGET else 'missed'}")
        return "\n".join(lines)


def word_errors(said: Sequence[list[str]], heard: Sequence[list[str]], interval: Callable) -> Errors:
    """Errors of all strings together, counted by jiwer.

    Args:
        said, heard: the words of each string; something is said in each.
        interval: `error_rate_interval` of the lab: errors and words per string → (low, high).
    """
    import jiwer

    counts = [jiwer.process_words(" ".join(a), " ".join(b)) for a, b in zip(said, heard, strict=True)]
    per_string = [c.substitutions + c.deletions + c.insertions for c in counts]
    n_words = sum(map(len, said))
    if any(per_string):
        low, high = interval(per_string, [len(words) for words in said])
    else:
        low, high = 0.0, 1.0 - lab("c01_digit_recognizer").accuracy_interval(n_words, n_words)[0]
    return Errors(
        words=n_words,
        substitutions=sum(c.substitutions for c in counts),
        deletions=sum(c.deletions for c in counts),
        insertions=sum(c.insertions for c in counts),
        interval=(float(low), float(high)),
    )


def misheard(said: Sequence[list[str]], heard: Sequence[list[str]]) -> dict[str, dict[str, int]]:
    """Which words were taken for which, as jiwer aligns them: said → heard → how often.

    A word that was not heard at all is heard as ""; one that nobody said was said as "".
    """
    import jiwer

    found: dict[str, dict[str, int]] = {}
    for wanted, got in zip(said, heard, strict=True):
        for chunk in jiwer.process_words(" ".join(wanted), " ".join(got)).alignments[0]:
            if chunk.type == "equal":
                continue
            these = wanted[chunk.ref_start_idx : chunk.ref_end_idx]
            those = got[chunk.hyp_start_idx : chunk.hyp_end_idx]
            length = max(len(these), len(those))
            for a, b in zip(these or [""] * length, those or [""] * length, strict=True):
                row = found.setdefault(a, {})
                row[b] = row.get(b, 0) + 1
    return found
