"""What testing found, as numbers and as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

TARGETS = {"official": 0.96, "new_voices": 0.85}  # on FSDD; they mean nothing on synthetic speech


@dataclass(frozen=True)
class Result:
    """One trial.

    Attributes:
        right, total: recordings.
        interval: 95 % confidence interval of the accuracy.
        confusion: counts; row: what was said, column: what was answered.
        by_speaker: speaker → (right, total).
    """

    right: int
    total: int
    interval: tuple[float, float]
    confusion: list[list[int]]
    by_speaker: dict[str, tuple[int, int]]

    @property
    def accuracy(self) -> float:
        return self.right / self.total

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "accuracy": self.accuracy,
            "right": self.right,
            "total": self.total,
            "interval": list(self.interval),
            "confusion": self.confusion,
            "by_speaker": {name: list(counts) for name, counts in self.by_speaker.items()},
        }


@dataclass(frozen=True)
class Evaluation:
    """The official split and the voices that were left out.

    Attributes:
        real: recordings of people; False for synthetic speech.
        new_voices: speaker → the trial in which that speaker was left out of training; may be empty.
    """

    corpus: str
    real: bool
    fast: bool
    words: list[str]
    official: Result
    new_voices: dict[str, Result]
    seconds: float

    @property
    def new_voice_mean(self) -> float:
        """Mean of the left-out speakers' accuracies, each speaker counting the same; NaN for none."""
        if not self.new_voices:
            return float("nan")
        return float(np.mean([result.accuracy for result in self.new_voices.values()]))

    @property
    def new_voice_confusion(self) -> list[list[int]]:
        """Counts of all left-out speakers together; empty for none."""
        if not self.new_voices:
            return []
        return np.sum([result.confusion for result in self.new_voices.values()], axis=0).tolist()

    @property
    def kind(self) -> str:
        """What was tested on, in words."""
        return "recordings of people" if self.real else "synthetic speech, not recordings"

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "official": self.official.to_dict(),
            "new_voices": {
                "mean": self.new_voice_mean,
                "speakers": {name: result.to_dict() for name, result in self.new_voices.items()},
                "confusion": self.new_voice_confusion,
            },
            # targets are for the full run on recordings; elsewhere they would mislead
            "targets": TARGETS if self.real and not self.fast else None,
        }

    def text(self) -> str:
        """A page of plain text: figures and both confusion matrices."""
        low, high = self.official.interval
        split = f"Test split: {self.official.right} of {self.official.total} right"
        lines = [
            f"{self.corpus}: {self.kind}"
            + (", fast mode: a fifth of them, fewer rounds" if self.fast else ""),
            "",
            f"{split}, {self.official.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})",
            confusion_text(self.official.confusion, self.words),
        ]
        if not self.new_voices:
            return "\n".join(lines)
        lines += [
            "",
            f"New voices: {self.new_voice_mean:.1%} on average over {len(self.new_voices)} left-out speakers",
        ]
        for name, result in self.new_voices.items():
            lines.append(f"  {name:<12} {result.right:>4} of {result.total:>4} right, {result.accuracy:.1%}")
        lines.append(confusion_text(self.new_voice_confusion, self.words))
        return "\n".join(lines)


def confusion_text(confusion: list[list[int]], words: list[str]) -> str:
    """A confusion matrix as text; zeros are dots, so that errors can be seen.

    Args:
        confusion: counts; row: what was said, column: what was answered.
        words: of rows and columns.
    """
    width = 1 + max(len(text) for text in [*words, *(str(count) for row in confusion for count in row)])
    head = " " * (width + 7) + "".join(word.rjust(width) for word in words) + "   <- answered"
    rows = [
        ("said " if number == 0 else "     ")
        + word.rjust(width)
        + "  "
        + "".join((str(count) if count else "·").rjust(width) for count in row)
        for number, (word, row) in enumerate(zip(words, confusion, strict=True))
    ]
    return "\n".join([head, *rows])
