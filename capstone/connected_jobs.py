"""What the processes do while the recogniser of connected words is trained and tested, and its settings.

`capstone.workers` hands every job the parts of the digit recogniser; these jobs bring their own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from capstone.connected_strings import Spoken

# Chosen on training recordings only (numbers 5 to 9 of each word and speaker, in all noises): with 8 states
# about half a percent more of the words was wrong.
N_STATES = 10
N_COMPONENTS = 8
FAST_COMPONENTS = 4
SILENCE_STATES = 3
N_ROUNDS = 3
VARIANCE_FLOOR = 0.1  # in squared standard deviations of the training data
LANGUAGE_WEIGHTS = (1.0, 5.0)
WORD_PENALTIES = (0.0, 20.0, 60.0, 100.0)  # nats
SILENCE = "sil"
STAY = 0.8  # of the last state of a word, in training as in the graph


def lab(name: str) -> Any:
    """A lab's parts: the learner's own where passed, else the reference."""
    from labkit.parts import load

    return load(name)


def connected_parts() -> Any:
    """The wiring from the lab on connected words."""
    return lab("c02_connected_words")


def train_word(data: dict[str, list[np.ndarray]], _: Any, job: dict[str, Any]) -> dict[str, np.ndarray]:
    """The model of `job["word"]` from its features in `data`."""
    own = job["parts"] if job["parts"] is not None else connected_parts()
    n_states = SILENCE_STATES if job["word"] == SILENCE else N_STATES
    n_components = FAST_COMPONENTS if job["fast"] else N_COMPONENTS
    return own.train_model(data[job["word"]], n_states, n_components, N_ROUNDS, VARIANCE_FLOOR)[0]


def tune(data: tuple[list, list], _: Any, job: dict[str, Any]) -> np.ndarray:
    """Word error rates of `job["models"]` with `job["weight"]` and every penalty; data: features, words."""
    own = job["parts"] if job["parts"] is not None else connected_parts()
    found = own.tune_decoder(*data, job["models"], job["grammar"], [job["weight"]], list(WORD_PENALTIES))
    return found[2][0]


def hear_some(data: list[np.ndarray], _: Any, job: dict[str, Any]) -> tuple[list[list[str]], float]:
    """The words of the strings `job["indices"]`, and the seconds that it took."""
    started = time.perf_counter()
    heard = [[word for word, _, _ in job["recognizer"].hear(data[k])] for k in job["indices"]]
    return heard, time.perf_counter() - started


def embedded(
    training: Sequence[Spoken], features: Sequence[np.ndarray], models: dict[str, dict[str, np.ndarray]]
) -> dict[str, dict[str, np.ndarray]]:
    """One round of embedded training over all strings: told the words and the pauses, not the times."""
    texts = []
    for string in training:
        texts.append([SILENCE])
        for word, pause in zip(string.words, string.pauses[1:], strict=True):
            texts[-1] += [word, SILENCE] if pause else [word]
    long_enough = [
        k for k, text in enumerate(texts) if len(features[k]) >= sum(len(models[w]["initial"]) for w in text)
    ]
    chosen, said = [features[k] for k in long_enough], [texts[k] for k in long_enough]
    new, _ = lab("t06_gmm").embedded_step(chosen, said, models, STAY, VARIANCE_FLOOR)
    return new
