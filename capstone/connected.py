"""The recogniser of connected words: trained, tested in noise, kept, and asked about a file.

Gaussian mixtures in whole-word HMMs, a bigram, one graph, one beam search. It is made of the learner's own
parts: `labkit.parts` gives each part where it passes its checks, else the reference.

    digits = corpora.digits()
    recognizer = train(digits)
    print(evaluate(digits, recognizer).text())
    recognizer.transcribe("my_number.wav")["text"]
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from capstone.audio import QUIETEST, SAMPLE_RATE, SHORTEST, resample
from capstone.connected_evaluation import TARGET_SNRS, ConnectedEvaluation, Errors, word_errors
from capstone.connected_jobs import (
    LANGUAGE_WEIGHTS,
    SILENCE,
    WORD_PENALTIES,
    connected_parts,
    embedded,
    hear_some,
    lab,
    train_word,
    tune,
)
from capstone.connected_strings import Spoken, make_strings, white_noise
from capstone.errors import CapstoneError
from capstone.model_file import write_arrays
from capstone.recognizer import bar, chosen_clips
from capstone.workers import chunks, scale_to, workers
from labkit import corpora
from labkit.corpora import Clip, Corpus, UnreadableAudio, read_audio

TRAINING_SNRS: tuple[float | None, ...] = (None, 20.0, 15.0, 10.0, 5.0)  # dB
TUNING_SNRS: tuple[float | None, ...] = (
    10.0,
    5.0,
    0.0,
)  # where errors are, so that there is something to tune
TEST_SNRS: tuple[float | None, ...] = (None, 20.0, 10.0, 5.0, 0.0)
WHITE_SNRS: tuple[float | None, ...] = (20.0, 10.0, 5.0)
DEVELOPMENT = (9, 5)  # clips whose index divided by 9 leaves 5 are for tuning
LONGEST = 60.0  # seconds
MIXTURE = ("weights", "means", "variances")
FORMAT = 1
KIND = "connected words"
LABS = (
    "t03_mel_features",
    "t05_hmm",
    "t06_gmm",
    "t07_ngrams",
    "t07b_wfst",
    "c01_digit_recognizer",
    "c02_connected_words",
)


@dataclass(frozen=True)
class ConnectedRecognizer:
    """A trained recogniser of connected words.

    Attributes:
        scale: mean and deviation of the features.
        models: word → its HMM with Gaussian mixtures; "sil" is the pause.
        language_model: an n-gram model, as the lab on n-grams writes it.
        language_weight, word_penalty: as tuned.
        about: where it comes from: "corpus", "real", "recordings", "strings", "speakers", "seconds" of
            training, "fast", "embedded" (whether embedded training was kept), "development" (word error
            rate of everything that was tried), "parts".
        parts: the functions of the lab c02_connected_words; None takes those of `labkit.parts`.
    """

    scale: dict[str, np.ndarray]
    models: dict[str, dict[str, np.ndarray]]
    language_model: dict[str, Any]
    language_weight: float
    word_penalty: float
    about: dict[str, Any]
    parts: Any = field(default=None, repr=False)

    @cached_property
    def graph(self) -> tuple[dict, dict[str, int]]:
        """The machine that is searched, and the column of each of its labels."""
        grammar = lab("t07b_wfst").ngram_machine(self.language_model)
        own = self._own()
        weighed = own.weigh_grammar(grammar, self.language_weight, self.word_penalty)
        return own.decoding_graph(self.models, weighed)

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != "graph"}

    def save(self, path: str | Path) -> None:
        """Write the model as one npz file; an older one is replaced only when the new one is complete.

        Raises:
            CapstoneError: if the file cannot be written.
        """
        arrays = {f"scale/{name}": value for name, value in self.scale.items()}
        for k, model in enumerate(self.models.values()):
            arrays |= {f"{k}/{name}": np.asarray(model[name]) for name in ("initial", "transition", *MIXTURE)}
        header = {
            "format": FORMAT,
            "kind": KIND,
            "words": list(self.models),
            "language_model": self.language_model,
            "language_weight": self.language_weight,
            "word_penalty": self.word_penalty,
            "about": self.about,
        }
        write_arrays(Path(path), header, arrays)

    @classmethod
    def load(cls, path: str | Path, parts: Any = None) -> ConnectedRecognizer:
        """The recogniser in a file that `save` wrote.

        Raises:
            CapstoneError: if it does not exist, is damaged or of another kind.
        """
        path = Path(path)
        if not path.is_file():
            raise CapstoneError(f"{path} does not exist: train the recogniser of connected words first")
        try:
            with np.load(path, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                if header.get("kind") != KIND or header["format"] != FORMAT:
                    raise CapstoneError(f"{path} holds no model of connected words of format {FORMAT}")
                scale = {name: file[f"scale/{name}"] for name in ("mean", "deviation")}
                models = {
                    word: {name: file[f"{k}/{name}"] for name in ("initial", "transition", *MIXTURE)}
                    for k, word in enumerate(header["words"])
                }
            knobs = float(header["language_weight"]), float(header["word_penalty"])
            return cls(scale, models, header["language_model"], *knobs, header["about"], parts)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise CapstoneError(
                f"{path} is no model of connected words, or damaged ({type(error).__name__}): train again"
            ) from error

    def hear(self, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> list[tuple[str, float, float]]:
        """The words of a recording: (word, start, end) in seconds.

        Raises:
            ValueError: if there is nothing to hear, or less than a frame.
        """
        own = self._own()
        features = scale_to(own.string_features(samples, sample_rate), self.scale)
        return [(w, float(a), float(b)) for w, a, b in own.decode_string(features, self.models, *self.graph)]

    def transcribe(
        self, recording: str | Path | np.ndarray, sample_rate: int = SAMPLE_RATE
    ) -> dict[str, Any]:
        """What is said in a recording.

        Args:
            recording: path of a WAV, FLAC, MP3 or OGG file, or samples.
            sample_rate: of samples, in Hz, at least 8000; a file brings its own.
        Returns:
            {"text", "words" ([{"word", "start", "end"}], in seconds), "seconds"}, and {"file"} for a file.
        Raises:
            CapstoneError: if it cannot be read, is silent, too short or too long; the message says why.
        """
        name = "the recording" if isinstance(recording, np.ndarray) else str(recording)
        if not isinstance(recording, np.ndarray):
            try:
                recording, sample_rate = read_audio(Path(recording))
            except UnreadableAudio as error:
                raise CapstoneError(str(error)) from error
        samples = _checked(recording, sample_rate, name)
        try:
            heard = self.hear(samples)
        except ValueError as error:
            raise CapstoneError(f"{name}: nothing to recognise: {error}") from error
        found = {
            "text": " ".join(word for word, _, _ in heard),
            "words": [{"word": word, "start": start, "end": end} for word, start, end in heard],
            "seconds": len(samples) / SAMPLE_RATE,
        }
        return found if name == "the recording" else {"file": name, **found}

    def _own(self) -> Any:
        return self.parts if self.parts is not None else connected_parts()


def train(
    corpus: Corpus,
    parts: Any = None,
    progress: bool = True,
    fast: bool = False,
    processes: int | None = None,
    noises: Corpus | None = None,
) -> ConnectedRecognizer:
    """Train on strings of the corpus's training split, some of them kept for tuning.

    Args:
        corpus: spoken words with texts, speakers and splits, at 8000 Hz.
        parts: functions of the lab c02_connected_words; None takes those of `labkit.parts`.
        progress: show bars.
        fast: use a fifth of the recordings, fewer Gaussians and no embedded training.
        processes: how many work at it; None for two.
        noises: every second one, from the first on, is for training; None for those of `corpora.noises`.
    Raises:
        CapstoneError: if the corpus has no training split or nothing to tune on.
    """
    own = parts if parts is not None else connected_parts()
    clips = [clip for clip in chosen_clips(corpus, fast) if clip.split == "train"]
    every, rest = (3, 1) if fast else DEVELOPMENT
    if fast:  # chosen_clips leaves indices 0, 5, 10, …: count those
        kept = [clip for clip in clips if clip.index // 5 % every == rest]
    else:
        kept = [clip for clip in clips if clip.index % every == rest]
    learned = [clip for clip in clips if clip not in kept]
    if not learned or not kept:
        raise CapstoneError(
            f"the corpus {corpus.name} has {len(learned)} recordings to train on and {len(kept)} to tune on, "
            "expected some of each in its training split"
        )
    started = time.perf_counter()
    heard_noises = _noises(noises)[::2]
    training = make_strings(learned, heard_noises, TRAINING_SNRS, 1, own)
    development = make_strings(kept, heard_noises, TUNING_SNRS, 2, own)
    raw = [own.string_features(s.samples, SAMPLE_RATE) for s in bar(training, "features", progress)]
    scale = lab("c01_digit_recognizer").feature_scale(raw)
    features = [scale_to(x, scale) for x in raw]
    tune_on = [scale_to(own.string_features(s.samples, SAMPLE_RATE), scale) for s in development]
    said = [s.words for s in development]
    models = _train_words(own, parts, corpus.words, training, features, fast, progress, processes)
    language_model = lab("t07_ngrams").kneser_ney([s.words for s in training], 2)
    grammar = lab("t07b_wfst").ngram_machine(language_model)
    candidates = [models] if fast else [models, embedded(training, features, models)]
    jobs = [
        {"models": candidate, "grammar": grammar, "weight": weight, "parts": parts}
        for candidate in candidates
        for weight in LANGUAGE_WEIGHTS
    ]
    rates = np.empty((len(jobs), len(WORD_PENALTIES)))
    data: Any = (tune_on, said)
    with workers(data, parts, processes) as crew:
        for row, answer in bar(crew.run(tune, jobs), "tuning", progress, len(jobs)):
            rates[row] = answer
    best, penalty = np.unravel_index(np.argmin(rates), rates.shape)
    about = {
        "corpus": corpus.name,
        "real": corpus.real,
        "recordings": len(learned),
        "strings": len(training),
        "speakers": len({s.speaker for s in training}),
        "seconds": round(time.perf_counter() - started, 2),
        "fast": fast,
        "embedded": int(best) >= len(LANGUAGE_WEIGHTS),  # whether embedded training helped
        "development": [
            {
                "embedded": row >= len(LANGUAGE_WEIGHTS),
                "language_weight": job["weight"],
                "word_penalty": p,
                "word_error_rate": float(rates[row, column]),
            }
            for row, job in enumerate(jobs)
            for column, p in enumerate(WORD_PENALTIES)
        ],
        "parts": who_wrote() if parts is None else [],
    }
    models, weight = jobs[best]["models"], jobs[best]["weight"]
    return ConnectedRecognizer(scale, models, language_model, weight, WORD_PENALTIES[penalty], about, parts)


def evaluate(
    corpus: Corpus,
    recognizer: ConnectedRecognizer,
    progress: bool = True,
    fast: bool = False,
    processes: int | None = None,
    noises: Corpus | None = None,
    snrs_db: Sequence[float | None] = TEST_SNRS,
) -> ConnectedEvaluation:
    """Word errors on strings of the test split, each recording once at each ratio.

    Args:
        corpus: the one that `recognizer` was trained on.
        recognizer: what is tested.
        progress, fast, processes: as in `train`.
        noises: every second one, from the second on, is for testing; None for those of `corpora.noises`.
        snrs_db: words to noise; None for no noise. One of TARGET_SNRS must be among them.
    Raises:
        CapstoneError: if the corpus has no test split.
    """
    parts = recognizer.parts
    own = parts if parts is not None else connected_parts()
    clips = [clip for clip in chosen_clips(corpus, fast) if clip.split == "test"]
    if not clips:
        raise CapstoneError(f"the corpus {corpus.name} has no test split")
    unheard = _noises(noises)[1::2] or _noises(noises)
    strings: list[Spoken] = []
    for number, snr_db in enumerate(snrs_db):
        strings += make_strings(clips, unheard, (snr_db,), 100 + number, own)
    recorded = len(strings)
    for number, snr_db in enumerate(WHITE_SNRS):
        strings += make_strings(clips, [white_noise(10.0, SAMPLE_RATE)], (snr_db,), 200 + number, own)
    jobs = [{"indices": piece, "recognizer": recognizer} for piece in chunks(range(len(strings)), 25)]
    data: Any = [s.samples for s in strings]
    with workers(data, parts, processes) as crew:
        answers = dict(bar(crew.run(hear_some, jobs), "testing", progress, len(jobs)))
    heard = [words for job in range(len(jobs)) for words in answers[job][0]]

    def errors(indices: Sequence[int]) -> Errors:
        said = [strings[k].words for k in indices]
        return word_errors(said, [heard[k] for k in indices], own.error_rate_interval)

    def by(names: Sequence[str | None], first: int = 0) -> dict[str, Errors]:
        known = dict.fromkeys(name for name in names if name is not None)
        return {name: errors([first + k for k, n in enumerate(names) if n == name]) for name in known}

    usual = strings[:recorded]
    real_noise = noises.real if noises is not None else corpora.noises(SAMPLE_RATE, announce=False).real
    return ConnectedEvaluation(
        corpus=corpus.name,
        real=corpus.real and real_noise,
        fast=fast,
        noisy=errors([k for k, s in enumerate(usual) if s.snr_db in TARGET_SNRS]),
        by_condition=by(["no noise" if s.snr_db is None else f"{s.snr_db:g} dB" for s in usual]),
        by_speaker=dict(sorted(by([s.speaker for s in usual]).items())),
        by_noise=by([s.noise for s in usual]),
        in_white=by([f"{s.snr_db:g} dB" for s in strings[recorded:]], recorded),
        seconds=sum(seconds for _, seconds in answers.values()),
        speech_seconds=sum(len(s.samples) for s in strings) / SAMPLE_RATE,
    )


def who_wrote() -> list[dict[str, str]]:
    """Every part of the labs and who answers it: [{"lab", "part", "by": "yours" | "reference"}]."""
    from labkit.parts import report

    return report(list(LABS))


def _noises(noises: Corpus | None) -> list[Clip]:
    return list(noises if noises is not None else corpora.noises(SAMPLE_RATE, announce=False))


def _train_words(
    own: Any,
    parts: Any,
    words: Sequence[str],
    training: Sequence[Spoken],
    features: Sequence[np.ndarray],
    fast: bool,
    progress: bool,
    processes: int | None,
) -> dict[str, dict[str, np.ndarray]]:
    """A model of each word, and of the pause, from the strings cut at the known times."""
    sequences: dict[str, list[np.ndarray]] = {word: [] for word in [*words, SILENCE]}
    for string, x in zip(training, features, strict=True):
        pieces, pauses = own.cut_words(x, string.spans, SAMPLE_RATE)
        for word, frames in zip(string.words, pieces, strict=True):
            sequences[word].append(frames)
        sequences[SILENCE] += pauses
    names = [word for word, own_pieces in sequences.items() if own_pieces]
    jobs = [{"word": word, "fast": fast, "parts": parts} for word in names]
    data: Any = sequences
    with workers(data, parts, processes) as crew:
        found = dict(bar(crew.run(train_word, jobs), "training", progress, len(jobs)))
    return {word: found[number] for number, word in enumerate(names)}


def _checked(samples: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    """Samples at SAMPLE_RATE, or a sentence that says what is wrong with them."""
    if sample_rate < SAMPLE_RATE:
        raise CapstoneError(f"{name} has {sample_rate} samples a second, expected at least {SAMPLE_RATE}")
    seconds = len(samples) / sample_rate
    if not SHORTEST <= seconds <= LONGEST:
        raise CapstoneError(f"{name} lasts {seconds:.2f} s, expected {SHORTEST} to {LONGEST:g} s")
    peak = float(np.abs(samples).max())
    if peak < QUIETEST:
        raise CapstoneError(f"{name} is silent (its peak is {peak:.1g} of full scale), expected spoken words")
    return resample(samples, sample_rate)
