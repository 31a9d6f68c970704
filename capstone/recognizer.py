"""The recogniser of spoken digits: trained, tested, kept, and asked about a file.

It is made of the learner's own parts. `labkit.parts` gives each part of the labs on mel features, on
hidden Markov models and on this wiring: the learner's where it passes its checks, else the reference.

    digits = corpora.digits()
    recognizer = train(digits)
    print(evaluate(digits, recognizer).text())
    recognizer.transcribe("my_seven.wav")["word"]
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from capstone.audio import SAMPLE_RATE, read_word
from capstone.errors import CapstoneError
from capstone.evaluation import Evaluation, Result
from capstone.model_file import read_model, write_model
from capstone.workers import (
    InThisProcess,
    InWorkers,
    Recordings,
    chunks,
    default_parts,
    recognize_some,
    scale_to,
    train_word,
    workers,
)
from labkit.corpora import Clip, Corpus

# Chosen on training recordings only: trained on numbers 10 to 49, judged on 5 to 9 of the same speakers
# and on speakers left out. Neighbouring values differ by less than half a percent.
N_STATES = 10
N_ROUNDS = 4
FAST_EVERY = 5  # fast mode uses recordings 0, 5, 10, ... of each word and speaker
FAST_ROUNDS = 2
MOST_SPEAKERS = 6  # speakers left out in turn; more would take minutes and say little more
LABS = ("t03_mel_features", "t05_hmm", "c01_digit_recognizer")


@dataclass(frozen=True)
class Recognizer:
    """A trained recogniser.

    Attributes:
        scale: mean and deviation of the features, from `feature_scale`.
        words: word → its voices, from `train_voices`.
        about: where it comes from: "corpus", "real" (recordings, not synthetic speech), "recordings",
            "speakers", "seconds" of training, "fast", "parts" (who wrote each part).
        parts: the functions that it runs on; None takes those of `labkit.parts`.
    """

    scale: dict[str, np.ndarray]
    words: dict[str, list[dict]]
    about: dict[str, Any]
    parts: Any = field(default=None, repr=False)

    def save(self, path: str | Path) -> None:
        """Write the model as one npz file; an older one is replaced only when the new one is complete.

        Raises:
            CapstoneError: if the file cannot be written.
        """
        write_model(Path(path), self.about, self.scale, self.words)

    @classmethod
    def load(cls, path: str | Path, parts: Any = None) -> Recognizer:
        """The recogniser in a file that `save` wrote.

        Raises:
            CapstoneError: if it does not exist, is damaged or of another kind.
        """
        about, scale, words = read_model(Path(path))
        return cls(scale, words, about, parts)

    def features(self, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """Scaled features of a recording, [frames, 48].

        Raises:
            ValueError: if there is nothing to hear.
        """
        return scale_to(self._own().word_features(samples, sample_rate), self.scale)

    def answer(self, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> dict[str, Any]:
        """What a recording most likely is.

        Args:
            samples: waveform, any level.
            sample_rate: in Hz.
        Returns:
            {"word", "voice" (the model that fitted best), "scores" (word → nats per frame), "margin" (nats
            per frame to the second best word), "segments" ([state, start, end] in seconds on the
            *trimmed* recording)}.
        Raises:
            ValueError: if there is nothing to hear.
        """
        parts = self._own()
        features = self.features(samples, sample_rate)
        word, scores = parts.recognize(self.words, features)
        _, voice = parts.score_word(self.words[word], features)
        model = next(model for model in self.words[word] if model["voice"] == voice)
        ranked = sorted(scores.values(), reverse=True)
        margin = ranked[0] - ranked[1] if len(ranked) > 1 else float("inf")
        segments = [list(segment) for segment in parts.align_word(model, features)]
        return {"word": word, "voice": voice, "scores": scores, "margin": margin, "segments": segments}

    def transcribe(self, path: str | Path) -> dict[str, Any]:
        """The digit spoken in a WAV, FLAC, MP3 or OGG file.

        Args:
            path: of the file: one digit, 0.1 to 5 s.
        Returns:
            As from `answer`, and {"file", "seconds"}.
        Raises:
            CapstoneError: if the file cannot be read or holds no such recording; the message says why.
        """
        samples = read_word(path)
        try:
            found = self.answer(samples)
        except ValueError as error:
            raise CapstoneError(f"{path}: nothing to recognise: {error}") from error
        return {"file": str(path), "seconds": len(samples) / SAMPLE_RATE, **found}

    def _own(self) -> Any:
        return self.parts if self.parts is not None else default_parts()


def who_wrote() -> list[dict[str, str]]:
    """Every part of the three labs and who answers it: [{"lab", "part", "by": "yours" | "reference"}]."""
    from labkit.parts import report

    return report(list(LABS))


def train(
    corpus: Corpus,
    parts: Any = None,
    progress: bool = True,
    fast: bool = False,
    processes: int | None = None,
    recordings: Recordings | None = None,
) -> Recognizer:
    """Train on the corpus's training split.

    Args:
        corpus: spoken words with texts, speakers and splits.
        parts: functions of the lab c01_digit_recognizer; None takes those of `labkit.parts`.
        progress: show a bar.
        fast: use a fifth of the recordings and fewer rounds.
        processes: how many work at it; None for two.
        recordings: of `chosen_clips(corpus, fast)`, if they are computed already.
    Raises:
        CapstoneError: if the corpus has no training split.
    """
    clips = chosen_clips(corpus, fast)
    data = recordings or prepare(clips, parts, progress)
    training = [i for i, clip in enumerate(clips) if clip.split == "train"]
    if not training:
        raise CapstoneError(f"the corpus {corpus.name} has no recordings in its training split")
    started = time.perf_counter()
    with workers(data, parts, processes) as crew:
        [(scale, words)] = _train_all(crew, data, [training], parts, fast, progress)
    about = {
        "corpus": corpus.name,
        "real": corpus.real,
        "recordings": len(training),
        "speakers": len({data.speakers[i] for i in training}),
        "seconds": round(time.perf_counter() - started, 2),
        "fast": fast,
        "parts": who_wrote() if parts is None else [],
    }
    return Recognizer(scale, words, about, parts)


def evaluate(
    corpus: Corpus,
    recognizer: Recognizer,
    progress: bool = True,
    fast: bool = False,
    processes: int | None = None,
    recordings: Recordings | None = None,
    left_out: int | None = None,
) -> Evaluation:
    """Test on the official split, then on speakers that training never heard.

    For the second, speakers of the training split are left out in turn: scale and models are trained anew
    on the others' training recordings, and tested on *all* recordings of the one.

    Args:
        corpus: the one that `recognizer` was trained on.
        recognizer: tested on the official split; its `parts` train the others.
        progress, fast, processes, recordings: as in `train`.
        left_out: how many speakers are left out; None for MOST_SPEAKERS, or two in fast mode.
    Raises:
        CapstoneError: if the corpus has no test split or only one speaker.
    """
    clips = chosen_clips(corpus, fast)
    parts = recognizer.parts
    own = parts if parts is not None else default_parts()
    data = recordings or prepare(clips, parts, progress)
    testing = [i for i, clip in enumerate(clips) if clip.split == "test"]
    training = [i for i, clip in enumerate(clips) if clip.split == "train"]
    trained_speakers = sorted({data.speakers[i] for i in training})
    if not testing or len(trained_speakers) < 2:
        raise CapstoneError(
            f"the corpus {corpus.name} has {len(testing)} test recordings and {len(trained_speakers)} "
            "speakers to train on, expected a test split and at least two speakers"
        )
    count = left_out if left_out is not None else (2 if fast else MOST_SPEAKERS)
    chosen = _spread(trained_speakers, count)
    folds = [fold for fold in own.leave_one_speaker_out(data.speakers) if fold[0] in chosen]
    may_train = set(training)
    started = time.perf_counter()
    with workers(data, parts, processes) as crew:
        models = _train_all(
            crew,
            data,
            [[int(i) for i in fold[1] if int(i) in may_train] for fold in folds],
            parts,
            fast,
            progress,
        )
        trials = [(testing, recognizer.scale, recognizer.words)]
        trials += [(fold[2].tolist(), *model) for fold, model in zip(folds, models, strict=True)]
        answers = _recognize_all(crew, trials, progress)
    words = corpus.words
    results = [
        _result(own, data, words, indices, answered)
        for (indices, *_), answered in zip(trials, answers, strict=True)
    ]
    return Evaluation(
        corpus=corpus.name,
        real=corpus.real,
        fast=fast,
        words=words,
        official=results[0],
        new_voices={fold[0]: result for fold, result in zip(folds, results[1:], strict=True)},
        seconds=time.perf_counter() - started,
    )


def chosen_clips(corpus: Corpus, fast: bool) -> list[Clip]:
    """The recordings that take part; a fifth of them in fast mode, of each word and speaker alike."""
    usable = [clip for clip in corpus if clip.text is not None and clip.speaker is not None]
    return [clip for clip in usable if clip.index % FAST_EVERY == 0] if fast else usable


def prepare(clips: Sequence[Clip], parts: Any = None, progress: bool = True) -> Recordings:
    """Features of recordings.

    Raises:
        CapstoneError: if there is nothing to hear in one; the message names it.
    """
    own = parts if parts is not None else default_parts()
    features = []
    for clip in bar(clips, "features", progress):
        try:
            features.append(own.word_features(clip.samples, clip.sample_rate))
        except ValueError as error:
            raise CapstoneError(
                f"{clip.path or clip.text}, by {clip.speaker}: no features: {error}"
            ) from error
    return Recordings(features, [str(clip.text) for clip in clips], [str(clip.speaker) for clip in clips])


def bar(items: Any, description: str, progress: bool, total: int | None = None) -> Any:
    """The items, with a progress bar if wanted."""
    if not progress:
        return items
    from labkit import progress as progress_bar

    return progress_bar(items, description, total)


def _train_all(
    crew: InThisProcess | InWorkers,
    data: Recordings,
    sets: list[list[int]],
    parts: Any,
    fast: bool,
    progress: bool,
) -> list[tuple[dict[str, np.ndarray], dict[str, list[dict]]]]:
    """(scale, words) from each set of recordings; all words of all sets are shared out together."""
    own = parts if parts is not None else default_parts()
    scales = [own.feature_scale([data.features[i] for i in indices]) for indices in sets]
    jobs, places = [], []
    for number, indices in enumerate(sets):
        for word in dict.fromkeys(data.words[i] for i in indices):
            of_word = [i for i in indices if data.words[i] == word]
            rounds = FAST_ROUNDS if fast else N_ROUNDS
            jobs.append(
                {"indices": of_word, "scale": scales[number], "n_states": N_STATES, "n_rounds": rounds}
            )
            places.append((number, word))
    found: list[dict[str, list[dict]]] = [{} for _ in sets]
    for job, voices in bar(crew.run(train_word, jobs), "training", progress, len(jobs)):
        number, word = places[job]
        found[number][word] = voices
    ordered = [{word: words[word] for n, word in places if n == number} for number, words in enumerate(found)]
    return list(zip(scales, ordered, strict=True))


def _recognize_all(
    crew: InThisProcess | InWorkers, trials: list[tuple[list[int], dict, dict]], progress: bool
) -> list[list[str]]:
    """The answers to the recordings of each trial (indices, scale, words)."""
    jobs, places = [], []
    for number, (indices, scale, words) in enumerate(trials):
        for piece in chunks(indices, 50):
            jobs.append({"indices": piece, "scale": scale, "models": words})
            places.append(number)
    answers: dict[int, list[str]] = dict(bar(crew.run(recognize_some, jobs), "testing", progress, len(jobs)))
    return [
        [answer for job, place in enumerate(places) if place == number for answer in answers[job]]
        for number in range(len(trials))
    ]


def _result(
    own: Any, data: Recordings, words: list[str], indices: Sequence[int], answered: list[str]
) -> Result:
    said = [data.words[i] for i in indices]
    counts = np.asarray(own.confusion_counts(said, answered, words))
    right, total = int(np.trace(counts)), int(counts.sum())
    low, high = own.accuracy_interval(right, total)
    by_speaker: dict[str, tuple[int, int]] = {}
    for i, word, answer in zip(indices, said, answered, strict=True):
        before = by_speaker.get(data.speakers[i], (0, 0))
        by_speaker[data.speakers[i]] = (before[0] + (word == answer), before[1] + 1)
    return Result(right, total, (float(low), float(high)), counts.tolist(), by_speaker)


def _spread(names: list[str], count: int) -> list[str]:
    """At most `count` of the names, evenly spaced in their order."""
    if len(names) <= count:
        return names
    if count < 2:
        return names[:count]
    return [names[round(i * (len(names) - 1) / (count - 1))] for i in range(count)]
