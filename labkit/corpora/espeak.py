"""Synthetic speech by eSpeak NG."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from labkit.corpora.errors import CorpusError, CorpusNotFound

_WORKER = Path(__file__).with_name("espeak_worker.py")


@dataclass(frozen=True, eq=False)
class Utterance:
    """What eSpeak NG said, and when.

    Attributes:
        samples: int16, shape [time].
        sample_rate: in Hz.
        events: (kind, position, sample, name) in the order of time. kind is "word" or "phoneme"; position
            counts the characters of the text from 0; name is the phoneme in IPA, empty for a pause.
    """

    samples: np.ndarray
    sample_rate: int
    events: list[tuple[str, int, int, str]]


def package_version() -> str:
    """Version of the package that brings eSpeak NG; part of the key of everything made with it.

    Raises:
        CorpusNotFound: if it is not installed.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise CorpusNotFound(
            "synthetic speech needs the package espeakng-loader: `pip install espeakng-loader`"
        )
    return importlib.metadata.version("espeakng-loader")


def synthesize(jobs: Sequence[Mapping[str, object]], seed: int) -> Iterator[tuple[np.ndarray, int]]:
    """Say things, one after another, in a fresh process; the same jobs and seed give the same bytes.

    Args:
        jobs: each with "text", "voice" (such as "en-us+f2"), "rate" (words per minute) and "pitch"
            (0 to 99; 50 is the voice's own).
        seed: of the noise in breathy voices.
    Yields:
        For every job, samples (int16, shape [time]) and sample rate in Hz.
    Raises:
        CorpusNotFound: if the package espeakng-loader is not installed.
        CorpusError: if eSpeak NG does not start, lacks a voice, or dies.
    """
    for rate, (pcm,) in _ask(jobs, seed, "sound", 1):
        yield np.frombuffer(pcm, dtype="<i2").astype(np.int16), rate


def speak(jobs: Sequence[Mapping[str, object]], seed: int) -> Iterator[Utterance]:
    """As `synthesize`, with the instant at which every word and every phoneme begins.

    Args:
        jobs, seed: as for `synthesize`.
    Raises:
        CorpusNotFound, CorpusError: as `synthesize`.
    """
    for rate, (pcm, found) in _ask(jobs, seed, "events", 2):
        events = [(kind, position - 1, sample, name) for kind, position, sample, name in json.loads(found)]
        yield Utterance(np.frombuffer(pcm, dtype="<i2").astype(np.int16), rate, events)


def phonemize(texts: Sequence[str], voice: str = "en-us") -> list[str]:
    """How eSpeak NG would pronounce texts, without saying them.

    Args:
        texts: in the language of the voice.
        voice: such as "en-us".
    Returns:
        For every text its phonemes in IPA: "_" between phonemes, a space between words, stress marks
        before vowels. "one two" gives "w_ˈʌ_n t_ˈuː".
    Raises:
        CorpusNotFound, CorpusError: as `synthesize`.
    """
    jobs = [{"text": text, "voice": voice} for text in texts]
    return [" ".join(json.loads(clauses)) for _, (clauses,) in _ask(jobs, 0, "phonemes", 1)]


def _ask(
    jobs: Sequence[Mapping[str, object]], seed: int, answer: str, blocks: int
) -> Iterator[tuple[int, list[bytes]]]:
    """For every job, the sample rate and its blocks of bytes; see espeak_worker."""
    package_version()
    with tempfile.TemporaryFile() as questions, tempfile.TemporaryFile() as complaints:
        questions.write(json.dumps({"seed": seed, "jobs": list(jobs), "answer": answer}).encode())
        questions.seek(0)
        worker = subprocess.Popen(
            # -P: the folder of the script is not searched for modules
            [sys.executable, "-P", str(_WORKER)],
            stdin=questions,
            stdout=subprocess.PIPE,
            stderr=complaints,
        )
        assert worker.stdout is not None  # it is a pipe
        try:
            head = worker.stdout.readline()
            rate = json.loads(head)["sample_rate"] if head else 0
            for _ in jobs:
                found = [_read_block(worker.stdout) for _ in range(blocks)]
                if None in found:
                    worker.wait()
                    complaints.seek(0)
                    reason = complaints.read().decode(errors="replace").strip().splitlines()
                    raise CorpusError(
                        reason[-1] if reason else f"eSpeak NG ended with code {worker.returncode}"
                    )
                yield rate, [block for block in found if block is not None]
        finally:
            worker.stdout.close()
            if worker.poll() is None:
                worker.kill()
            worker.wait()


def _read_block(stream: IO[bytes]) -> bytes | None:
    size = stream.read(4)
    if len(size) < 4:
        return None
    length = struct.unpack("<I", size)[0]
    block = stream.read(length)
    return block if len(block) == length else None
