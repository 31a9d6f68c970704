"""Work shared out to processes: words and recordings are independent of each other.

Every worker keeps the features of all recordings, sent once; a job names recordings by number. The
workers are started afresh ("spawn"), so that they look up the learner's parts for themselves, and so
that numerical libraries can be told to use one thread each before they are loaded.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from capstone.errors import CapstoneError

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Recordings:
    """What is known about the recordings while training and testing.

    Attributes:
        features: [frames, 48] of each, before scaling.
        words: what is said in each.
        speakers: who says it.
    """

    features: list[np.ndarray]
    words: list[str]
    speakers: list[str]


def default_parts() -> Any:
    """The wiring from the capstone's lab: the learner's own where passed, else the reference."""
    from labkit.parts import load

    return load("c01_digit_recognizer")


def scale_to(features: np.ndarray, scale: dict[str, np.ndarray]) -> np.ndarray:
    """Features in standard deviations from the mean of the training data."""
    return (features - scale["mean"]) / scale["deviation"]


def train_word(data: Recordings, parts: Any, job: dict[str, Any]) -> list[dict]:
    """The voices of one word from the recordings `job["indices"]`."""
    sequences = [scale_to(data.features[i], job["scale"]) for i in job["indices"]]
    speakers = [data.speakers[i] for i in job["indices"]]
    return parts.train_voices(sequences, speakers, job["n_states"], job["n_rounds"])


def recognize_some(data: Recordings, parts: Any, job: dict[str, Any]) -> list[str]:
    """The answers to the recordings `job["indices"]`."""
    return [
        parts.recognize(job["models"], scale_to(data.features[i], job["scale"]))[0] for i in job["indices"]
    ]


class InThisProcess:
    """Jobs one after the other, with parts that were handed over."""

    def __init__(self, data: Recordings, parts: Any) -> None:
        self._data, self._parts = data, parts

    def run(self, work: Callable, jobs: list[dict[str, Any]]) -> Iterator[tuple[int, Any]]:
        """(number of the job, result) in the order in which they are done."""
        for number, job in enumerate(jobs):
            yield number, work(self._data, self._parts, job)


class InWorkers:
    """Jobs in several processes."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, work: Callable, jobs: list[dict[str, Any]]) -> Iterator[tuple[int, Any]]:
        """(number of the job, result) in the order in which they are done.

        Raises:
            CapstoneError: if a worker dies, for want of memory for instance.
        """
        running = {self._pool.submit(_in_worker, work, job): number for number, job in enumerate(jobs)}
        waiting = set(running)
        try:
            while waiting:
                # short waits: a longer one would hold back Ctrl-C on some platforms
                done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running[future], future.result()
        except BrokenProcessPool as error:
            raise CapstoneError(
                "a training process was killed, perhaps for want of memory; nothing was saved"
            ) from error


@contextmanager
def workers(
    data: Recordings, parts: Any = None, processes: int | None = None
) -> Iterator[InThisProcess | InWorkers]:
    """Someone to do the jobs.

    Args:
        data: the recordings that jobs refer to.
        parts: functions of the capstone's lab. If given, everything runs in this process, because
            functions cannot be sent to another one; None takes those of `labkit.parts`.
        processes: how many; None for two, or one where there is a single core.
    """
    processes = processes or min(2, os.cpu_count() or 1)
    if parts is not None or processes == 1:
        yield InThisProcess(data, parts if parts is not None else default_parts())
        return
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # inherited by the processes started below
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin_worker, (data,))
    try:
        yield InWorkers(pool)
    finally:
        # after Ctrl-C or an error: what waits is dropped, what runs (a second or two) is let finish
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_data: Recordings | None = None


def _begin_worker(data: Recordings) -> None:
    global _data
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    _data = data


def _in_worker(work: Callable, job: dict[str, Any]) -> Any:
    return work(_data, default_parts(), job)


def chunks(indices: Iterable[int], size: int) -> Iterator[list[int]]:
    """Consecutive pieces of at most `size` numbers."""
    numbers = [int(i) for i in indices]
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
