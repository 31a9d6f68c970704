"""A tiny corpus of whistles that pass for words: quick to make, easy to tell apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from capstone.recognizer import Recognizer, train
from labkit.corpora import Clip, Corpus

SAMPLE_RATE = 8000
WORDS = {"zero": (400, 1800), "one": (1800, 400), "two": (900, 900)}  # Hz, from and to
LEVELS = {"ann": 0.5, "bob": 0.02, "cid": 0.2}


def make_whistle(word: str, speaker: str, index: int) -> np.ndarray:
    """A gliding tone with a little noise between two silences; its length and level vary."""
    rng = np.random.default_rng([index, *word.encode(), *speaker.encode()])
    start, end = (frequency * rng.uniform(0.95, 1.05) for frequency in WORDS[word])
    glide = np.linspace(start, end, int(rng.uniform(0.25, 0.35) * SAMPLE_RATE))
    tone = np.sin(2 * np.pi * np.cumsum(glide) / SAMPLE_RATE) + 0.02 * rng.normal(size=len(glide))
    silence = np.zeros(int(rng.uniform(0.02, 0.1) * SAMPLE_RATE))
    samples = np.concatenate([silence, LEVELS[speaker] * 0.9 * tone / np.abs(tone).max(), silence])
    return samples.astype(np.float32)


def make_corpus() -> Corpus:
    clips = []
    for label, word in enumerate(WORDS):
        for speaker in LEVELS:
            for index in range(7):
                samples = make_whistle(word, speaker, index)
                clips.append(
                    Clip(
                        text=word,
                        label=label,
                        speaker=speaker,
                        split="test" if index < 2 else "train",
                        index=index,
                        sample_rate=SAMPLE_RATE,
                        duration=len(samples) / SAMPLE_RATE,
                        read=lambda samples=samples: samples,
                    )
                )
    return Corpus("whistles", False, SAMPLE_RATE, clips, "made here")


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return make_corpus()


@pytest.fixture(scope="session")
def whistle() -> Callable[[str, str, int], np.ndarray]:
    """One whistle: (word, speaker, index) → samples."""
    return make_whistle


@pytest.fixture(scope="session")
def recognizer(corpus: Corpus) -> Recognizer:
    return train(corpus, progress=False, processes=1)


@pytest.fixture(scope="session")
def model(recognizer: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.npz"
    recognizer.save(path)
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """Writes samples to a file of the format that its ending names."""

    def write(name: str, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> Path:
        import soundfile

        soundfile.write(tmp_path / name, samples, sample_rate)
        return tmp_path / name

    return write
